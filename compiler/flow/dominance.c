/*
 * Immediate dominators after Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm"
 * (2001): intersections along the tree in reverse postorder, until nothing changes.
 */
#include "flow/dominance.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define NOT_REACHED UINT32_MAX

static uint32_t successors(const struct ir_function *function, uint32_t block,
                           const uint32_t **targets)
{
    const struct ir_block *b = &function->blocks[block];
    const struct ir_instruction *last = b->instructions[b->count - 1];
    *targets = last->targets;
    return last->opcode == IR_BRANCH ? 2 : last->opcode == IR_JUMP ? 1 : 0;
}

/* Depth first without recursion: the stack holds blocks and how many successors were visited. */
static void find_order(struct dominance *d)
{
    uint32_t n = d->function->block_count, depth = 1, post = 0;
    uint32_t *stack = memory_new(n, sizeof *stack), *next = memory_new(n, sizeof *next);
    for (uint32_t b = 0; b < n; b++)
        d->position[b] = NOT_REACHED;
    d->position[0] = 0;
    stack[0] = 0;
    while (depth) {
        const uint32_t *targets;
        uint32_t block = stack[depth - 1];
        if (next[depth - 1] == successors(d->function, block, &targets)) {
            d->order[n - ++post] = block;
            depth--;
            continue;
        }
        uint32_t target = targets[next[depth - 1]++];
        if (d->position[target] != NOT_REACHED)
            continue;
        d->position[target] = 0;
        next[depth] = 0;
        stack[depth++] = target;
    }
    d->count = post;
    memmove(d->order, d->order + (n - post), post * sizeof *d->order);
    for (uint32_t i = 0; i < post; i++)
        d->position[d->order[i]] = i;
    free(stack);
    free(next);
}

static uint32_t intersect(const struct dominance *d, uint32_t a, uint32_t b)
{
    while (a != b) {
        while (a > b)
            a = d->idom[a];
        while (b > a)
            b = d->idom[b];
    }
    return a;
}

/* One round: each block tells its successors; the order makes most functions settle in two. */
static bool improve(struct dominance *d)
{
    bool changed = false;
    for (uint32_t i = 0; i < d->count; i++) {
        const uint32_t *targets;
        uint32_t count = successors(d->function, d->order[i], &targets);
        for (uint32_t s = 0; s < count; s++) {
            uint32_t target = d->position[targets[s]];
            if (target == 0)
                continue;
            uint32_t dominator =
                d->idom[target] == NOT_REACHED ? i : intersect(d, d->idom[target], i);
            changed |= dominator != d->idom[target];
            d->idom[target] = dominator;
        }
    }
    return changed;
}

bool dominance_holds(const struct dominance *d, uint32_t a, uint32_t b)
{
    uint32_t target = d->position[a], at = d->position[b];
    while (at > target)
        at = d->idom[at];
    return at == target;
}

struct dominance dominance_new(const struct ir_function *function)
{
    struct dominance d = {.function = function};
    d.order = memory_new(function->block_count, sizeof *d.order);
    d.position = memory_new(function->block_count, sizeof *d.position);
    d.idom = memory_new(function->block_count, sizeof *d.idom);
    find_order(&d);
    for (uint32_t i = 1; i < d.count; i++)
        d.idom[i] = NOT_REACHED;
    while (improve(&d))
        continue;
    return d;
}

void dominance_free(struct dominance *d)
{
    free(d->order);
    free(d->position);
    free(d->idom);
}
