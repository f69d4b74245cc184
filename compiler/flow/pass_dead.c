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
#include "flow/mutant.h"
#include "flow/pass.h"

/* ---- Which functions can be left out -------------------------------------------------------- */

struct dead {
    struct ir_module *module;
    struct ir_function *function;
    bool *pure;                          /* by function */
    struct ir_instruction **definitions; /* by value; NULL for parameters */
    uint32_t *homes;                     /* by value: the block of a parameter */
    bool *needed;                        /* by value */
    VECTOR(ir_value) pending;
};

static bool operation_fails(const struct dead *d, const struct ir_instruction *i)
{
    bool is_integer = ir_type_of(d->function, i->operands[0])->type->scalar < WK_F32;
    return i->operation == OPERATION_SHL || i->operation == OPERATION_SHR ||
           (is_integer && (i->operation == OPERATION_DIV || i->operation == OPERATION_REM));
}

static bool has_effect(const struct dead *d, const struct ir_instruction *i)
{
    for (uint32_t r = 0; r < i->result_count; r++)
        if (type_is_unit(ir_type_of(d->function, i->first_result + r)->type))
            return true;
    return false;
}

/* Extents of a space cannot be negative when they are extents of arrays or counts of ranges. */
static bool has_good_extents(const struct dead *d, const struct ir_instruction *each)
{
    for (uint32_t e = 0; e < each->number; e++) {
        const struct ir_instruction *extent = d->definitions[each->operands[e]];
        bool good = extent && (extent->opcode == IR_EXTENT || extent->opcode == IR_COUNT ||
                               (extent->opcode == IR_CONSTANT && (int64_t)extent->word >= 0));
        if (!good)
            return false;
    }
    return true;
}

/* Whether leaving the instruction out changes nothing but its results. */
static bool is_removable(const struct dead *d, const struct ir_instruction *i)
{
    switch (i->opcode) {
    case IR_CONSTANT:
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_PRINT:
    case IR_TEXT_LENGTH:
    case IR_STRUCTURE:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_FIND:
    case IR_EXTENT:
    case IR_ELEMENTS:
    case IR_LIFT:
    case IR_CONTENTS:
        return true;
    case IR_OPERATION:
        return !operation_fails(d, i) || FLOW_MUTANT(DEAD_FAILURE);
    case IR_CALL:
        return !has_effect(d, i) || FLOW_MUTANT(DEAD_EFFECT);
    case IR_APPLY:
        return d->pure[i->callee];
    case IR_EACH:
        return has_good_extents(d, i) && d->pure[i->callee];
    case IR_TEXT_SLICE:
    case IR_CONVERT:
    case IR_COUNT:
    case IR_FILL:
    case IR_RANGE:
    case IR_GET:
    case IR_SET:
    case IR_SLICE:
    case IR_SET_SLICE:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_VIEW:
    case IR_TILES:
    case IR_REDUCE:
    case IR_CHECK:
    case IR_JUMP:
    case IR_BRANCH:
    case IR_RETURN:
    case IR_FAIL:
    case IR_OPCODE_COUNT:
        return false;
    }
    return false;
}

static void note_definitions(struct dead *d)
{
    for (uint32_t b = 0; b < d->function->block_count; b++) {
        const struct ir_block *block = &d->function->blocks[b];
        for (uint32_t p = 0; p < block->parameter_count; p++)
            d->homes[block->first_parameter + p] = b;
        for (uint32_t n = 0; n < block->count; n++)
            for (uint32_t r = 0; r < block->instructions[n]->result_count; r++)
                d->definitions[block->instructions[n]->first_result + r] = block->instructions[n];
    }
}

/* Without loops (which may not end), and all but the way out removable. */
static bool looks_pure(const struct dead *d)
{
    for (uint32_t b = 0; b < d->function->block_count; b++) {
        const struct ir_block *block = &d->function->blocks[b];
        for (uint32_t n = 0; n < block->count; n++) {
            const struct ir_instruction *i = block->instructions[n];
            bool goes_on = (i->opcode == IR_JUMP && i->targets[0] > b) ||
                           (i->opcode == IR_BRANCH && i->targets[0] > b && i->targets[1] > b);
            if (i->opcode != IR_RETURN && !goes_on && !is_removable(d, i))
                return false;
        }
    }
    return true;
}

/* Calls of functions, as lists by callee. */
struct call_edge {
    uint32_t caller, next; /* NO_EDGE: the last */
};

#define NO_EDGE UINT32_MAX

struct call_graph {
    VECTOR(struct call_edge) edges;
    uint32_t *callers;      /* by function: the first edge */
    uint32_t *impure_calls; /* by function: calls of functions that are not found to be pure yet */
};

static void note_calls(struct call_graph *graph, const struct ir_module *module, uint32_t caller)
{
    const struct ir_function *function = module->functions[caller];
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            if (i->opcode != IR_APPLY && i->opcode != IR_EACH)
                continue;
            vector_push(&graph->edges, (struct call_edge){caller, graph->callers[i->callee]});
            graph->callers[i->callee] = (uint32_t)graph->edges.count - 1;
            graph->impure_calls[caller]++;
        }
}

static bool function_looks_pure(struct dead *d, uint32_t number)
{
    d->function = d->module->functions[number];
    d->definitions = memory_new(d->function->value_count, sizeof *d->definitions);
    d->homes = memory_new(d->function->value_count, sizeof *d->homes);
    note_definitions(d);
    bool pure = looks_pure(d);
    free(d->definitions);
    free(d->homes);
    return pure;
}

/* Pure: those that look so when calls are left aside, and call pure functions only. Found from the
 * leaves of the call graph upwards, so that recursion, which may not end, is never pure. */
static void find_pure_functions(struct dead *d)
{
    uint32_t count = d->module->function_count;
    bool *candidates = memory_new(count, sizeof *candidates);
    struct call_graph graph = {.callers = memory_new(count, sizeof *graph.callers),
                               .impure_calls = memory_new(count, sizeof *graph.impure_calls)};
    VECTOR(uint32_t) found = {0};
    memset(d->pure, true, count * sizeof *d->pure); /* for the candidates' sake */
    memset(graph.callers, 0xFF, count * sizeof *graph.callers);
    for (uint32_t f = 0; f < count; f++) {
        candidates[f] = function_looks_pure(d, f);
        note_calls(&graph, d->module, f);
        if (candidates[f] && graph.impure_calls[f] == 0)
            vector_push(&found, f);
    }
    memset(d->pure, false, count * sizeof *d->pure);
    while (found.count) {
        uint32_t f = vector_pop(&found);
        d->pure[f] = true;
        for (uint32_t e = graph.callers[f]; e != NO_EDGE; e = graph.edges.items[e].next) {
            uint32_t caller = graph.edges.items[e].caller;
            if (--graph.impure_calls[caller] == 0 && candidates[caller])
                vector_push(&found, caller);
        }
    }
    free(candidates);
    free(graph.callers);
    free(graph.impure_calls);
    vector_release(&graph.edges);
    vector_release(&found);
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
    for (uint32_t b = 0; b < d->function->block_count; b++) {
        const struct ir_block *from = &d->function->blocks[b];
        const struct ir_instruction *last = from->instructions[from->count - 1];
        for (uint32_t way = 0; way < way_count(last); way++) {
            const ir_value *arguments;
            if (last->targets[way] != block)
                continue;
            arguments_of(last, way, &arguments);
            need(d, arguments[parameter]);
        }
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
    d->definitions = memory_new(count, sizeof *d->definitions);
    d->homes = memory_new(count, sizeof *d->homes);
    d->needed = memory_new(count, sizeof *d->needed);
    note_definitions(d);
    mark(d);
    drop(d);
    free(d->definitions);
    free(d->homes);
    free(d->needed);
}

void pass_dead(struct ir_module *module)
{
    struct dead d = {.module = module};
    d.pure = memory_new(module->function_count, sizeof *d.pure);
    find_pure_functions(&d);
    for (uint32_t i = 0; i < module->function_count; i++) {
        d.function = module->functions[i];
        clean_function(&d);
    }
    free(d.pure);
    vector_release(&d.pending);
    ir_tidy(module);
}
