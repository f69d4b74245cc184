/*
 * The arguments of nodes, one after the other: what a node's pattern, words and refs mean by the
 * types of its task's parameters. For the verifier, the text form and drawings; private to
 * runtime/graph.
 */
#ifndef WKC_GRAPH_ARGUMENTS_H
#define WKC_GRAPH_ARGUMENTS_H

#include "graph/dag.h"

/* The tasks' types, parsed. A task whose texts are empty has none (NULL): graphs made for tests. */
struct dag_signatures {
    struct arena arena;
    struct type_table types;
    const struct type **parameters, **results; /* by task */
};

/* 0, or ERR_bad_dag when a text is no type. Release it in any case. */
int dag_signatures_init(struct dag_signatures *signatures, const struct dag *dag,
                        struct error *error);
void dag_signatures_release(struct dag_signatures *signatures);

struct dag_item {
    enum dag_argument kind;
    const struct type *leaf; /* of the parameters; NULL: not known, or an order beyond them */
    const char *name;        /* of the parameter; or NULL */
    const uint64_t *words;   /* WORD: one; GATHER: `rank` extents */
    const dag_ref *refs;
    uint64_t ref_count;
    uint32_t rank;   /* GATHER */
    uint32_t leaves; /* GATHER: refs of one element */
};

struct dag_cursor {
    const uint32_t *code, *end_of_codes;
    const uint64_t *word, *end_of_words;
    const dag_ref *ref, *end_of_refs;
    const struct type *parameters; /* a tuple, or NULL */
    uint32_t leaf;
    const char *wrong; /* why the arguments are not what the types say, or NULL */
};

void dag_cursor_begin(struct dag_cursor *cursor, const struct dag *dag,
                      const struct dag_signatures *signatures, uint32_t node);
/* The next argument; false at the end, and when something is wrong. */
bool dag_cursor_next(struct dag_cursor *cursor, struct dag_item *item);

/* The leaf that the next argument stands for, from *leaf on, which moves behind it; NULL behind the
 * last. A known () has no argument: only an order may stand for a (). */
const struct type *dag_next_leaf(const struct type *parameters, uint32_t *leaf, bool is_order,
                                 const char **name);

/* What a view of a whole value of a type looks like: a string is an array of u8, a file its number.
 * Not for () and what has parts. */
struct dag_form {
    uint8_t scalar; /* enum wk_scalar, or DAG_OPAQUE */
    uint8_t rank;
};
struct dag_form dag_form_of(const struct type *type);
/* "f64", or "any" of DAG_OPAQUE. */
const char *dag_form_text(uint8_t scalar);

/* Whether a value of the type is one word that can be known: a scalar, or a file. */
static inline bool dag_is_word(const struct type *type)
{
    return type->kind == TYPE_SCALAR || type->kind == TYPE_FILE;
}

/* The word of an element of a constant; a scalar's is stored as a word. */
uint64_t dag_load_element(const char *data, enum wk_scalar scalar, bool is_element);

/* How many words of view_words a view has. */
static inline uint32_t dag_view_words(const struct dag_view *view)
{
    return view->rank + 2u * view->source_rank;
}

#endif
