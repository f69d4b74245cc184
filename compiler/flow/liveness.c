/*
 * Liveness and registers.
 *
 * Liveness goes value by value: from each use backwards to the definition, which costs what the
 * value's live range is long (Boissinot et al., "Computing liveness sets for SSA-form programs").
 * Registers are given by a scan over live intervals in the order of the blocks (Poletto and Sarkar,
 * 1999), as many as are needed; words and structures have registers of their own.
 */
#include "flow/liveness.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct pair {
    ir_value value;
    uint32_t block;
};

struct analysis {
    const struct ir_function *function;
    uint32_t *defined_in;     /* by value: its block */
    uint32_t *first_use;      /* by value, value_count + 1: into uses */
    uint32_t *uses;           /* blocks that use a value, the defining one excepted */
    uint32_t *first_previous; /* by block, block_count + 1: into previous */
    uint32_t *previous;       /* blocks with an edge to it */
    uint32_t *stamps;         /* by block: the last value found live there, + 1 */
    VECTOR(struct pair) pairs;
    uint32_t *begin, *end; /* by value: the live interval */
};

static uint32_t target_count(const struct ir_instruction *instruction)
{
    return instruction->opcode == IR_JUMP ? 1 : instruction->opcode == IR_BRANCH ? 2 : 0;
}

static const struct ir_instruction *terminator(const struct ir_block *block)
{
    return block->instructions[block->count - 1];
}

/* Turns counts, each one place behind its item, into beginnings. */
static void counts_to_beginnings(uint32_t *counts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        counts[i + 1] += counts[i];
}

/* Fills items whose beginnings are given, then restores the beginnings. */
static void restore_beginnings(uint32_t *beginnings, uint32_t count)
{
    for (uint32_t i = count; i > 0; i--)
        beginnings[i] = beginnings[i - 1];
    beginnings[0] = 0;
}

static void find_definitions(struct analysis *a)
{
    for (uint32_t b = 0; b < a->function->block_count; b++) {
        const struct ir_block *block = &a->function->blocks[b];
        for (uint32_t i = 0; i < block->parameter_count; i++)
            a->defined_in[block->first_parameter + i] = b;
        for (uint32_t i = 0; i < block->count; i++)
            for (uint32_t r = 0; r < block->instructions[i]->result_count; r++)
                a->defined_in[block->instructions[i]->first_result + r] = b;
    }
}

/* Counts (fill false), then fills. */
static void go_over_uses(struct analysis *a, bool fill)
{
    for (uint32_t b = 0; b < a->function->block_count; b++) {
        const struct ir_block *block = &a->function->blocks[b];
        for (uint32_t i = 0; i < block->count; i++) {
            const struct ir_instruction *instruction = block->instructions[i];
            for (uint32_t o = 0; o < instruction->operand_count; o++) {
                ir_value value = instruction->operands[o];
                if (a->defined_in[value] == b)
                    continue;
                if (fill)
                    a->uses[a->first_use[value]++] = b;
                else
                    a->first_use[value + 1]++;
            }
        }
    }
}

static void go_over_edges(struct analysis *a, bool fill)
{
    for (uint32_t b = 0; b < a->function->block_count; b++) {
        const struct ir_instruction *end = terminator(&a->function->blocks[b]);
        for (uint32_t t = 0; t < target_count(end); t++) {
            if (fill)
                a->previous[a->first_previous[end->targets[t]]++] = b;
            else
                a->first_previous[end->targets[t] + 1]++;
        }
    }
}

static void prepare(struct analysis *a)
{
    uint32_t values = a->function->value_count, blocks = a->function->block_count;
    a->defined_in = memory_new(values, sizeof(uint32_t));
    a->first_use = memory_new((size_t)values + 1, sizeof(uint32_t));
    a->first_previous = memory_new((size_t)blocks + 1, sizeof(uint32_t));
    a->stamps = memory_new(blocks, sizeof(uint32_t));
    a->begin = memory_new(values, sizeof(uint32_t));
    a->end = memory_new(values, sizeof(uint32_t));
    find_definitions(a);
    go_over_uses(a, false);
    counts_to_beginnings(a->first_use, values);
    a->uses = memory_new(a->first_use[values], sizeof(uint32_t));
    go_over_uses(a, true);
    restore_beginnings(a->first_use, values);
    go_over_edges(a, false);
    counts_to_beginnings(a->first_previous, blocks);
    a->previous = memory_new(a->first_previous[blocks], sizeof(uint32_t));
    go_over_edges(a, true);
    restore_beginnings(a->first_previous, blocks);
}

static void release(struct analysis *a)
{
    free(a->defined_in);
    free(a->first_use);
    free(a->uses);
    free(a->first_previous);
    free(a->previous);
    free(a->stamps);
    free(a->begin);
    free(a->end);
    vector_release(&a->pairs);
}

/* ---- Live values ---------------------------------------------------------------------------- */

static void add_live(struct analysis *a, ir_value value, uint32_t block)
{
    if (a->stamps[block] == value + 1)
        return;
    a->stamps[block] = value + 1;
    vector_push(&a->pairs, (struct pair){value, block});
}

/* The pairs that this value adds are its own work list. */
static void find_live_blocks(struct analysis *a, ir_value value)
{
    size_t next = a->pairs.count;
    for (uint32_t u = a->first_use[value]; u < a->first_use[value + 1]; u++)
        add_live(a, value, a->uses[u]);
    for (; next < a->pairs.count; next++) {
        uint32_t block = a->pairs.items[next].block;
        for (uint32_t p = a->first_previous[block]; p < a->first_previous[block + 1]; p++)
            if (a->previous[p] != a->defined_in[value])
                add_live(a, value, a->previous[p]);
    }
}

/* Sorts the pairs by block; within one the values ascend, since they were found in that order. */
static void collect_live(struct analysis *a, struct liveness *liveness)
{
    uint32_t blocks = a->function->block_count;
    liveness->first_live = memory_new((size_t)blocks + 1, sizeof(uint32_t));
    liveness->live = memory_new(a->pairs.count, sizeof(ir_value));
    for (size_t i = 0; i < a->pairs.count; i++)
        liveness->first_live[a->pairs.items[i].block + 1]++;
    counts_to_beginnings(liveness->first_live, blocks);
    for (size_t i = 0; i < a->pairs.count; i++)
        liveness->live[liveness->first_live[a->pairs.items[i].block]++] = a->pairs.items[i].value;
    restore_beginnings(liveness->first_live, blocks);
}

/* ---- Intervals ------------------------------------------------------------------------------ */

static void extend(struct analysis *a, ir_value value, uint32_t position)
{
    if (position < a->begin[value])
        a->begin[value] = position;
    if (position > a->end[value])
        a->end[value] = position;
}

static void extend_all(struct analysis *a, const ir_value *values, uint32_t count,
                       uint32_t position)
{
    for (uint32_t i = 0; i < count; i++)
        extend(a, values[i], position);
}

/* Positions: a block's beginning, then for each instruction one where it reads and one where it
 * writes: a result may take the register of an operand that ends there. */
static void find_intervals(struct analysis *a, const struct liveness *liveness)
{
    memset(a->begin, 0xFF, a->function->value_count * sizeof *a->begin);
    uint32_t position = 0;
    for (uint32_t b = 0; b < a->function->block_count; b++) {
        const struct ir_block *block = &a->function->blocks[b];
        extend_all(a, liveness->live + liveness->first_live[b],
                   liveness->first_live[b + 1] - liveness->first_live[b], position);
        for (uint32_t i = 0; i < block->parameter_count; i++)
            extend(a, block->first_parameter + i, position);
        for (uint32_t i = 0; i < block->count; i++, position += 2) {
            const struct ir_instruction *instruction = block->instructions[i];
            extend_all(a, instruction->operands, instruction->operand_count, position + 1);
            for (uint32_t r = 0; r < instruction->result_count; r++)
                extend(a, instruction->first_result + r, position + 2);
        }
        const struct ir_instruction *end = terminator(block);
        for (uint32_t t = 0; t < target_count(end); t++)
            extend_all(a, liveness->live + liveness->first_live[end->targets[t]],
                       liveness->first_live[end->targets[t] + 1] -
                           liveness->first_live[end->targets[t]],
                       position);
        position++;
    }
}

/* ---- Registers ------------------------------------------------------------------------------ */

struct bank {
    VECTOR(uint32_t) free;
    uint32_t count;
};

static int compare_keys(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The values that are defined at all, ordered by a position. */
static uint32_t order_values(const struct analysis *a, const uint32_t *positions, uint64_t *keys)
{
    uint32_t count = 0;
    for (ir_value v = 0; v < a->function->value_count; v++)
        if (a->begin[v] != UINT32_MAX)
            keys[count++] = (uint64_t)positions[v] << 32 | v;
    qsort(keys, count, sizeof *keys, compare_keys);
    return count;
}

static bool is_structure(const struct ir_function *function, ir_value value)
{
    return function->value_types[value]->kind == IR_STRUCTURED;
}

static void assign_registers(const struct analysis *a, struct liveness *liveness)
{
    uint32_t values = a->function->value_count;
    uint64_t *begins = memory_new(values, sizeof *begins), *ends = memory_new(values, sizeof *ends);
    struct bank banks[2] = {0};
    uint32_t count = order_values(a, a->begin, begins), ended = 0;
    order_values(a, a->end, ends);
    for (uint32_t i = 0; i < count; i++) {
        for (; ends[ended] >> 32 < begins[i] >> 32; ended++) {
            ir_value old = (ir_value)ends[ended];
            vector_push(&banks[is_structure(a->function, old)].free, liveness->registers[old]);
        }
        ir_value value = (ir_value)begins[i];
        struct bank *bank = &banks[is_structure(a->function, value)];
        liveness->registers[value] = bank->free.count ? vector_pop(&bank->free) : bank->count++;
    }
    liveness->word_registers = banks[0].count;
    liveness->register_count = banks[0].count + banks[1].count;
    for (ir_value v = 0; v < values; v++)
        if (is_structure(a->function, v))
            liveness->registers[v] += banks[0].count;
    vector_release(&banks[0].free);
    vector_release(&banks[1].free);
    free(begins);
    free(ends);
}

void liveness_compute(struct liveness *liveness, const struct ir_function *function)
{
    struct analysis analysis = {.function = function};
    *liveness = (struct liveness){.function = function};
    prepare(&analysis);
    for (ir_value v = 0; v < function->value_count; v++)
        find_live_blocks(&analysis, v);
    collect_live(&analysis, liveness);
    find_intervals(&analysis, liveness);
    liveness->registers = memory_new(function->value_count, sizeof(uint32_t));
    assign_registers(&analysis, liveness);
    release(&analysis);
}

void liveness_release(struct liveness *liveness)
{
    free(liveness->first_live);
    free(liveness->live);
    free(liveness->registers);
    *liveness = (struct liveness){0};
}
