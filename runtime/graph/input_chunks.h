/*
 * What executors load of a job's inputs. The client has stored them in chunks (spec/executor.md);
 * an executor gets the chunks in which a piece lies that a task reads, and keeps the last few, so
 * that rows of a tile bring their neighbours along: a task may load more than it reads, or less.
 */
#ifndef WKC_GRAPH_INPUT_CHUNKS_H
#define WKC_GRAPH_INPUT_CHUNKS_H

#include "graph/dag.h"

enum {
    INPUT_CHUNK = 256 << 10, /* bytes */
    INPUT_CHUNKS_KEPT = 64   /* by each environment, those that were used last */
};

struct input_chunks;

/* Refers to the graph. No environment has loaded anything. */
struct input_chunks *input_chunks_new(const struct dag *dag);
void input_chunks_free(struct input_chunks *chunks);

struct input_load {
    uint64_t bytes, chunks;
};

/* A task in an environment reads what a ref to an input selects: what it loads for that. Of inputs
 * whose extents nobody knows, what dag_ref_bytes says. */
struct input_load input_chunks_read(struct input_chunks *chunks, uint32_t environment, dag_ref ref);

/* What a thread reads of a file for that: rows with what is between them, if that is little, as
 * value/rectangle.c does. */
uint64_t input_span_bytes(const struct dag *dag, dag_ref ref);

#endif
