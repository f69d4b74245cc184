/*
 * Binding: from a node's pattern, references and words to the words that its kernel takes (wk.h),
 * and back from a kernel's results to the job's table of parts.
 *
 * Parts: each result leaf of each node has a number (dag.h) and a slot of 64 bits: a scalar's word,
 * or the address of the data of a block, which holds the extents of an array. Who reads a slot must
 * know that its node has run; publishing is the world's business.
 *
 * Arguments point into the producers' blocks wherever a view is contiguous in memory; gathers and
 * other slices are packed once, into memory of the binder that lives until binder_clear.
 */
#ifndef WKC_WORLD_BIND_H
#define WKC_WORLD_BIND_H

#include "base/arena.h"
#include "base/vector.h"
#include "value/context.h"
#include "world/input_cache.h"
#include "world/world.h"

/* What worlds know of a task of the DAG beyond the DAG. */
struct bind_task {
    wk_kernel *kernel;
    wk_kernel *fallback; /* or NULL */
    uint64_t timeout_ns;
    const struct type **parameters;   /* by leaf */
    const char **names;               /* of the parameters' leaves; NULL where there is none */
    const struct value_leaf *results; /* by leaf */
    uint32_t parameter_count, result_count;
    bool has_arrays; /* among the results */
    bool is_plain;   /* nothing but scalars comes out, and no time-out */
};

enum { BIND_NOT_PLAIN = 255 };

/* Made once a job; immutable, so shared by all threads. */
struct bind_table {
    const struct job *job;
    const struct dag *dag;
    struct arena arena;
    struct type_table types;
    struct bind_task *tasks;
    uint8_t *plain_refs; /* by pattern: how many references it has if it is nothing else, else
                            BIND_NOT_PLAIN */
    uint32_t argument_words, result_words; /* the most of any task */
    uint32_t result_leaves;                /* the most of any task */
    bool has_arrays;                       /* as any task's result */
};

void bind_table_init(struct bind_table *table, const struct job *job);
void bind_table_release(struct bind_table *table);

/* What a reference takes of a part that is not here: a scalar, or the address of a block's data. */
struct bind_slice {
    dag_ref ref;
    uint64_t word;
};

/* One thread's means of binding. */
struct binder {
    const struct bind_table *table;
    const struct dag_node *nodes; /* what the usual scalars need, close at hand */
    const struct dag_view *views;
    const dag_ref *refs;
    const uint8_t *plain_refs;
    const uint64_t *slots; /* by part */
    struct context *context;
    VECTOR(struct wk_block *) blocks; /* owned until binder_clear */
    char *scratch;                    /* for small packed arguments */
    size_t scratch_used;
    bool keeps; /* what is bound must outlive the slots: nothing in scratch, blocks retained */
    struct input_cache *inputs;      /* parts of inputs that others have read; NULL for none */
    uint64_t input_bytes;            /* read from input files so far */
    const struct bind_slice *slices; /* these go before what their parts' slots hold */
    uint32_t slice_count;
};

void binder_init(struct binder *binder, const struct bind_table *table, const uint64_t *slots,
                 struct context *context);
void binder_release(struct binder *binder);

/* A scalar that a node made, the most common argument of small tasks. False for any other
 * reference. */
static inline bool bind_scalar(const struct binder *binder, dag_ref ref, uint64_t *word)
{
    const struct dag_view *view = &binder->views[dag_ref_view(ref)];
    if (!dag_ref_is_node(ref) || (view->rank | view->source_rank) != 0 ||
        view->scalar == DAG_OPAQUE)
        return false;
    *word = binder->slots[binder->nodes[dag_ref_source(ref)].first_part + view->part];
    return true;
}

/* Fills the words of a node's arguments. 0, or an error's code with context->error filled. */
int bind_pattern(struct binder *binder, uint32_t node, uint64_t *words);
static inline int bind_arguments(struct binder *binder, uint32_t node, uint64_t *words)
{
    const struct dag_node *from = &binder->nodes[node];
    const dag_ref *refs = binder->refs + from->first_ref;
    uint32_t count = binder->plain_refs[from->pattern];
    if (count == BIND_NOT_PLAIN)
        return bind_pattern(binder, node, words);
    for (uint32_t i = 0; i < count; i++)
        if (!bind_scalar(binder, refs[i], &words[i]))
            return bind_pattern(binder, node, words);
    return 0;
}

/* Fills the words of one reference, as those of an argument. */
int bind_reference(struct binder *binder, dag_ref ref, uint64_t *words);

/* Frees what bind_arguments and bind_reference made. */
void binder_clear(struct binder *binder);

/* Whether a reference reads a block that a node made (and not a scalar, or nothing). */
static inline bool bind_reads_block(const struct dag *dag, dag_ref ref)
{
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    return dag_ref_is_node(ref) && !view->is_unit &&
           (view->rank > 0 || view->source_rank > 0 || view->scalar == DAG_OPAQUE);
}

/* The failure of a node's task as the user reads it: the error's own place, or that of the call;
 * the task's name, abridged arguments and call in the note. */
void describe_failure(const struct bind_table *table, uint32_t node, const uint64_t *arguments,
                      struct error *error);

/* Whether another run of the task may end otherwise: a failure of its environment (protocol.md). */
bool is_failure_retriable(enum error_code code);

/* Hands on the lines that a task has logged, with its name before each. One thread at a time. */
void write_task_log(const struct bind_table *table, const struct job_options *options,
                    uint32_t node, const struct buffer *log);

#endif
