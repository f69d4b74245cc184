/*
 * Drops instructions whose results nobody needs, and block parameters that nobody reads. What may
 * end elaboration with a message stays, so that a mistake shows at every -O; so do tasks with an
 * effect.
 *
 * Marks from what is needed (checks, effects, decisions, results) to what that needs; a parameter
 * that is needed needs the arguments of all jumps to its block.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/vector.h"
#include "flow/pass.h"

/* ---- Which functions can be left out -------------------------------------------------------- */

enum purity { UNKNOWN, ACTIVE, PURE, IMPURE };

struct dead {
    struct ir_module *module;
    struct ir_function *function;
    enum purity *purity;                 /* by function */
    struct ir_instruction **definitions; /* by value; NULL for parameters */
    uint32_t *homes;                     /* by value: the block of a parameter */
    bool *needed;                        /* by value */
    VECTOR(ir_value) pending;
};

static bool function_is_pure(struct dead *d, uint32_t function);

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
static bool is_removable(struct dead *d, const struct ir_instruction *i)
{
    switch (i->opcode) {
    case IR_CONSTANT:
    case IR_STRUCTURE:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_EXTENT:
    case IR_ELEMENTS:
    case IR_LIFT:
        return true;
    case IR_OPERATION:
        return !operation_fails(d, i);
    case IR_CALL:
        return !has_effect(d, i);
    case IR_APPLY:
        return function_is_pure(d, i->callee);
    case IR_EACH:
        return has_good_extents(d, i) && function_is_pure(d, i->callee);
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

/* Pure: without loops and recursion (which may not end), and all but the way out removable. */
static bool looks_pure(struct dead *d)
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

static bool function_is_pure(struct dead *d, uint32_t function)
{
    if (d->purity[function] != UNKNOWN)
        return d->purity[function] == PURE;
    d->purity[function] = ACTIVE;
    struct dead inner = {
        .module = d->module, .function = d->module->functions[function], .purity = d->purity};
    inner.definitions = memory_new(inner.function->value_count, sizeof *inner.definitions);
    inner.homes = memory_new(inner.function->value_count, sizeof *inner.homes);
    note_definitions(&inner);
    d->purity[function] = looks_pure(&inner) ? PURE : IMPURE;
    free(inner.definitions);
    free(inner.homes);
    return d->purity[function] == PURE;
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
    d.purity = memory_new(module->function_count, sizeof *d.purity);
    for (uint32_t i = 0; i < module->function_count; i++) {
        d.function = module->functions[i];
        clean_function(&d);
    }
    free(d.purity);
    vector_release(&d.pending);
    ir_tidy(module);
}
