/*
 * Worlds: what drives the executor. A world runs a job's plan and hands back its result.
 */
#ifndef WKC_WORLD_WORLD_H
#define WKC_WORLD_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "graph/plan.h"
#include "value/type.h"
#include "wk.h"

struct data_file;
struct trace;

struct job {
    const struct plan *plan;
    wk_kernel *const *kernels;       /* by task of the DAG; [DAG_RESULT] is NULL */
    wk_kernel *const *fallbacks;     /* by task, NULL where it has none; or NULL: none has */
    struct data_file *const *inputs; /* by input of the DAG */
    struct data_file *const *files;  /* by the numbers that values of type file are */
    uint32_t file_count;
    const struct type *result_type; /* main's */
};

/* Where a result goes that the world can hand over in pieces, as they are made, instead of holding
 * all of it (world/pieces.h): an array of numbers on its way to a file. */
struct job_output {
    /* The result will come in pieces; this is its shape. Called at most once, before the others. */
    int (*begin)(struct job_output *output, uint8_t rank, const int64_t *extents,
                 struct error *error);
    /* The elements begin[d] <= index < begin[d] + count[d], dense and row-major. Called by several
     * threads at once. Together, the pieces of a job that ends well are the whole. */
    int (*write)(struct job_output *output, const int64_t *begin, const int64_t *count,
                 const void *data, struct error *error);
};

struct job_options {
    uint32_t workers;        /* local: 0 means the number of CPUs */
    uint64_t memory_limit;   /* bytes of values; 0: none */
    uint64_t seed;           /* sim */
    _Atomic(uint32_t) *stop; /* set by Ctrl-C */
    /* Called now and then from one thread with what has been done; NULL for none. */
    void (*progress)(void *context, uint64_t tasks_done, uint64_t tasks_running);
    void *progress_context;
    /* Receives whole lines of log() with the task's name before them; NULL: standard error. */
    void (*log)(void *context, const char *line);
    void *log_context;
    struct trace *trace;       /* NULL: no trace */
    struct job_output *output; /* NULL: the result is wanted in one; worlds may always do so */
};

/* The counters of protocol.md, in the order in which they are printed; metrics.def is their table.
 */
struct metrics {
#define METRIC(name, type, worlds, description) type name;
#include "world/metrics.def"
#undef METRIC
};

/* The result: words of main's result type (wk.h). Arrays point to memory that the outcome owns. */
struct job_outcome {
    bool in_pieces; /* the output has all of it, and there are no words */
    uint64_t *words;
    uint32_t word_count;
    void *owner; /* private to the world */
    void (*release)(struct job_outcome *outcome);
    struct metrics metrics;
};

/* Runs a job to its end: 0 with *outcome filled (release it with outcome->release), or an error
 * code with *error: the failed task's message at its place, with the task's name and arguments in
 * the note. outcome->metrics is filled in both cases. */
int local_run(const struct job *job, const struct job_options *options, struct job_outcome *outcome,
              struct error *error);
int sim_run(const struct job *job, const struct job_options *options, struct job_outcome *outcome,
            struct error *error);

/* The constants of the simulated cloud, as lines of text. */
void sim_print_model(struct buffer *out);

/* As whole numbers that can be added up, in the order of the table; seconds as nanoseconds. And
 * back; what is beyond `count` is zero. */
enum {
#define METRIC(name, type, worlds, description) METRIC_##name,
#include "world/metrics.def"
#undef METRIC
    METRIC_COUNT
};
/* Of these the largest counts, not the sum. */
#define METRIC_MAXIMA (UINT32_C(1) << METRIC_values_peak_bytes)
void metrics_pack(const struct metrics *metrics, uint64_t numbers[METRIC_COUNT]);
void metrics_unpack(const uint64_t *numbers, uint32_t count, struct metrics *metrics);

/* Who measures: threads, executors that are processes, the simulation without a platform and with.
 */
enum metrics_world {
    METRICS_LOCAL = 1,
    METRICS_REMOTE = 2,
    METRICS_SIMULATED = 4,
    METRICS_CLOUD = 8
};
/* --stats and --stats=json. */
void metrics_print(const struct metrics *metrics, enum metrics_world world, bool json,
                   struct buffer *out);

#endif
