/*
 * Results in pieces. When main returns untile, concat or flatten of arrays that tasks make, and the
 * result goes to a file, nobody needs the whole in memory: each piece is handed to the job's output
 * as soon as it is made, and its memory is free again.
 *
 * This is found in the DAG: the sink takes one array, whole, that no one else reads; the node that
 * makes it joins arrays whose extents are known and fit each other (graph/joined.h). That node (the
 * *joint*) then runs no kernel: its pieces have been written when it is reached, but for those that
 * are no node's (parts of inputs, constants), which it writes.
 */
#ifndef WKC_WORLD_PIECES_H
#define WKC_WORLD_PIECES_H

#include "graph/joined.h"
#include "world/bind.h"

struct pieces {
    const struct dag *dag;
    struct job_output *output; /* NULL: the result does not come in pieces */
    uint32_t joint;            /* node */
    struct joined joined;      /* where its refs, the pieces, lie in the result */
    uint64_t count;            /* of pieces */
    uint64_t *by_node;         /* all refs, ordered by their source */
};

/* Finds whether the job's result comes in pieces, and begins the output if so. 0 or an error of the
 * output; pieces->output tells. */
int pieces_init(struct pieces *pieces, const struct dag *dag, struct job_output *output,
                struct error *error);
/* The same for a job whose graph has an open result (spec/dag.md, D24), of which the sink itself is
 * the joint. */
int pieces_init_open(struct pieces *pieces, const struct dag *dag, struct job_output *output,
                     struct error *error);
bool pieces_are_open(const struct dag *dag);
void pieces_release(struct pieces *pieces);

/* The place in by_node of a node's first piece, and the number of its pieces. */
uint64_t pieces_of(const struct pieces *pieces, uint32_t node, uint64_t *count);
/* The same for the pieces that are no node's. */
uint64_t pieces_of_inputs(const struct pieces *pieces, uint64_t *count);

/* Hands a piece, by its place in by_node, to the output. 0 or an error's code, with
 * binder->context->error filled. Several threads may do so, each with its binder. */
int pieces_write(const struct pieces *pieces, uint64_t place, struct binder *binder);

/* An output that is one block: the array that the pieces make up. */
struct pieces_block {
    struct job_output output;
    struct context *context;
    enum wk_scalar scalar;
    struct wk_block *block; /* once the output has begun; the caller's, who drops it */
    uint64_t *words;        /* of the result: those of the block, from then on */
};

/* For the open result of a job. */
struct pieces_block pieces_in_block(const struct job *job, struct context *context,
                                    uint64_t *words);

#endif
