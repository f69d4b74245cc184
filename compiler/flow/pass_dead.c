/*
 * Drops instructions whose results nobody needs, and block parameters that nobody reads. What may
 * end elaboration with a message stays, so that a mistake shows at every -O; so do tasks with an
 * effect.
 *
 * Marks from what is needed (checks, effects, decisions, results) to what that needs; a parameter
 * that is needed needs the arguments of all jumps to its block.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "flow/edges.h"
#include "flow/effects.h"
#include "flow/mutant.h"
#include "flow/pass.h"

struct dead {
    struct ir_module *module;
    struct effects effects;
    struct ir_function *function;
    struct ir_instruction **definitions; /* by value; NULL for parameters */
    struct edges edges;
    uint32_t *homes; /* by value: the block of a parameter */
    bool *needed;    /* by value */
    VECTOR(ir_value) pending;
};

static void note_homes(struct dead *d)
{
    for (uint32_t b = 0; b < d->function->block_count; b++) {
        const struct ir_block *block = &d->function->blocks[b];
        for (uint32_t p = 0; p < block->parameter_count; p++)
            d->homes[block->first_parameter + p] = b;
    }
}

static bool is_removable(const struct dead *d, const struct ir_instruction *i)
{
    if ((FLOW_MUTANT(DEAD_FAILURE) && i->opcode == IR_OPERATION) ||
        (FLOW_MUTANT(DEAD_EFFECT) && i->opcode == IR_CALL))
        return true;
    return effects_is_removable(&d->effects, d->function, d->definitions, i);
}

/* ---- What is needed ------------------------------------------------------------------------- */

static void need(struct dead *d, ir_value value)
{
    if (d->needed[value])
        return;
    d->needed[value] = true;
    vector_push(&d->pending, value);
}

static void need_operands(struct dead *d, const struct ir_instruction *i)
{
    uint32_t count = i->opcode == IR_JUMP ? 0 : i->opcode == IR_BRANCH ? 1 : i->operand_count;
    for (uint32_t o = 0; o < count; o++)
        need(d, i->operands[o]);
}

/* The operands with which a terminator enters a block by its way `way`; returns how many. */
static uint32_t arguments_of(const struct ir_instruction *last, uint32_t way,
                             const ir_value **arguments)
{
    if (last->opcode == IR_JUMP) {
        *arguments = last->operands;
        return last->operand_count;
    }
    *arguments = last->operands + 1 + (way ? last->first_target_count : 0);
    return way ? last->operand_count - 1 - last->first_target_count : last->first_target_count;
}

static uint32_t way_count(const struct ir_instruction *last)
{
    return last->opcode == IR_BRANCH ? 2 : last->opcode == IR_JUMP ? 1 : 0;
}

static void need_arguments(struct dead *d, uint32_t block, uint32_t parameter)
{
    for (uint32_t e = d->edges.first[block]; e != NO_EDGE; e = d->edges.items[e].next) {
        const struct ir_block *from = &d->function->blocks[d->edges.items[e].from];
        const ir_value *arguments;
        arguments_of(from->instructions[from->count - 1], d->edges.items[e].way, &arguments);
        need(d, arguments[parameter]);
    }
}

static void mark(struct dead *d)
{
    for (uint32_t b = 0; b < d->function->block_count; b++)
        for (uint32_t n = 0; n < d->function->blocks[b].count; n++) {
            const struct ir_instruction *i = d->function->blocks[b].instructions[n];
            if (!is_removable(d, i))
                need_operands(d, i);
        }
    while (d->pending.count) {
        ir_value value = vector_pop(&d->pending);
        if (d->definitions[value])
            need_operands(d, d->definitions[value]);
        else if (d->homes[value] > 0)
            need_arguments(d, d->homes[value],
                           value - d->function->blocks[d->homes[value]].first_parameter);
    }
}

/* ---- Dropping ------------------------------------------------------------------------------- */

static bool is_needed(struct dead *d, const struct ir_instruction *i)
{
    if (!is_removable(d, i))
        return true;
    for (uint32_t r = 0; r < i->result_count; r++)
        if (d->needed[i->first_result + r])
            return true;
    return false;
}

/* Drops the arguments for parameters that are dropped. */
static void drop_arguments(struct dead *d, struct ir_instruction *last)
{
    ir_value *kept = arena_array(d->module->arena, ir_value, last->operand_count);
    uint32_t count = 0, first = 0;
    if (last->opcode == IR_BRANCH)
        kept[count++] = last->operands[0];
    for (uint32_t way = 0; way < way_count(last); way++) {
        const ir_value *arguments;
        const struct ir_block *target = &d->function->blocks[last->targets[way]];
        uint32_t given = arguments_of(last, way, &arguments);
        for (uint32_t a = 0; a < given; a++)
            if (d->needed[target->first_parameter + a])
                kept[count++] = arguments[a];
        if (way == 0)
            first = count - (last->opcode == IR_BRANCH);
    }
    last->operands = kept;
    last->operand_count = count;
    last->first_target_count = last->opcode == IR_BRANCH ? first : 0;
}

/* Parameters are in a row: those that stay get new numbers, which their uses follow. */
static void drop_parameters(struct dead *d)
{
    ir_value *numbers = memory_new(d->function->value_count + 1, sizeof *numbers);
    uint32_t old_count = d->function->value_count;
    for (uint32_t v = 0; v < old_count; v++)
        numbers[v] = v;
    for (uint32_t b = 1; b < d->function->block_count; b++) {
        struct ir_block *block = &d->function->blocks[b];
        ir_value first = d->function->value_count;
        for (uint32_t p = 0; p < block->parameter_count; p++)
            if (d->needed[block->first_parameter + p])
                numbers[block->first_parameter + p] = ir_value_new(
                    d->module, d->function, ir_type_of(d->function, block->first_parameter + p));
        block->first_parameter = first;
        block->parameter_count = d->function->value_count - first;
    }
    for (uint32_t b = 0; b < d->function->block_count; b++)
        for (uint32_t n = 0; n < d->function->blocks[b].count; n++) {
            struct ir_instruction *i = d->function->blocks[b].instructions[n];
            for (uint32_t o = 0; o < i->operand_count; o++)
                i->operands[o] = numbers[i->operands[o]];
        }
    free(numbers);
}

static void drop(struct dead *d)
{
    for (uint32_t b = 0; b < d->function->block_count; b++) {
        struct ir_block *block = &d->function->blocks[b];
        uint32_t kept = 0;
        for (uint32_t n = 0; n < block->count; n++)
            if (is_needed(d, block->instructions[n]))
                block->instructions[kept++] = block->instructions[n];
        block->count = kept;
        if (way_count(block->instructions[kept - 1]))
            drop_arguments(d, block->instructions[kept - 1]);
    }
    drop_parameters(d);
}

static void clean_function(struct dead *d)
{
    uint32_t count = d->function->value_count;
    d->definitions = effects_definitions(d->function);
    d->homes = memory_new(count, sizeof *d->homes);
    d->needed = memory_new(count, sizeof *d->needed);
    d->edges = edges_find(d->function);
    note_homes(d);
    mark(d);
    drop(d);
    edges_release(&d->edges);
    free(d->definitions);
    free(d->homes);
    free(d->needed);
}

void pass_dead(struct ir_module *module)
{
    struct dead d = {.module = module, .effects = effects_find(module)};
    for (uint32_t i = 0; i < module->function_count; i++) {
        d.function = module->functions[i];
        clean_function(&d);
    }
    effects_release(&d.effects);
    vector_release(&d.pending);
    ir_tidy(module);
}
