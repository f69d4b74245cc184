/*
 * Early values; see early.h. Parameters are taken to be early until a call says otherwise, and what
 * follows from that is worked out until nothing changes.
 */
#include "flow/early.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool is_known(const struct ir_type *type)
{
    while (type->kind == IR_STRUCTURED)
        type = type->element;
    return type->kind == IR_KNOWN;
}

/* Whether an instruction's results are no later than its operands. */
static bool passes_on(enum ir_opcode opcode)
{
    return opcode != IR_CALL && opcode != IR_APPLY && opcode != IR_EACH && opcode != IR_REDUCE;
}

static void mark_parameters(const struct early *early, uint32_t number, bool *values)
{
    const struct ir_function *function = early->module->functions[number];
    for (uint32_t b = 0; b < function->block_count; b++) {
        const struct ir_block *block = &function->blocks[b];
        for (uint32_t p = 0; p < block->parameter_count; p++) {
            ir_value value = block->first_parameter + p;
            values[value] =
                is_known(function->value_types[value]) || (b == 0 && early->parameters[number][p]);
        }
    }
}

static void mark_results(const struct ir_function *function, const struct ir_instruction *i,
                         bool *values)
{
    bool all = passes_on(i->opcode);
    for (uint32_t o = 0; o < i->operand_count; o++)
        all = all && values[i->operands[o]];
    for (uint32_t r = 0; r < i->result_count; r++)
        values[i->first_result + r] = all || is_known(function->value_types[i->first_result + r]);
}

void early_values(const struct early *early, uint32_t number, bool *values)
{
    const struct ir_function *function = early->module->functions[number];
    mark_parameters(early, number, values);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++)
            mark_results(function, function->blocks[b].instructions[n], values);
}

/* What a call says of its callee's parameters: whether one changed. Operand o is parameter
 * o + shift; parameters of other operands are what a space or a fold gives. */
static bool meet_call(struct early *early, const struct ir_instruction *i, const bool *values)
{
    const struct ir_function *callee = early->module->functions[i->callee];
    bool *parameters = early->parameters[i->callee], changed = false;
    uint32_t count = callee->blocks[0].parameter_count;
    uint32_t captures = count;
    if (i->opcode == IR_EACH)
        captures = count - i->number;
    else if (i->opcode == IR_REDUCE)
        captures = count - 2 * i->result_count;
    for (uint32_t p = 0; p < count; p++) {
        bool is_capture = p >= count - captures;
        bool good =
            is_capture ? values[i->operands[i->operand_count - (count - p)]] : i->opcode == IR_EACH;
        if (parameters[p] && !good) {
            parameters[p] = false;
            changed = true;
        }
    }
    return changed;
}

static bool meet_function(struct early *early, uint32_t number)
{
    const struct ir_function *function = early->module->functions[number];
    bool *values = memory_new(function->value_count, sizeof *values), changed = false;
    early_values(early, number, values);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            if (i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE)
                changed |= meet_call(early, i, values);
        }
    free(values);
    return changed;
}

void early_init(struct early *early, const struct ir_module *module)
{
    early->module = module;
    early->parameters = memory_new(module->function_count, sizeof *early->parameters);
    for (uint32_t f = 0; f < module->function_count; f++) {
        uint32_t count = module->functions[f]->blocks[0].parameter_count;
        early->parameters[f] = memory_new(count, sizeof **early->parameters);
        if (count)
            memset(early->parameters[f], true, count);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t f = 0; f < module->function_count; f++)
            changed |= meet_function(early, f);
    }
}

void early_release(struct early *early)
{
    for (uint32_t f = 0; f < early->module->function_count; f++)
        free(early->parameters[f]);
    free(early->parameters);
}
