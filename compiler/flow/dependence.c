/* What values of comprehensions are made of; see dependence.h. */
#include "flow/dependence.h"

#include "base/memory.h"

static void find_ranks(const struct ir_block *block, uint32_t *ranks)
{
    for (uint32_t n = 0; n < block->count; n++)
        if (block->instructions[n]->opcode == IR_EACH)
            ranks[block->instructions[n]->callee] = block->instructions[n]->number;
}

uint32_t *dependence_ranks(const struct ir_module *module)
{
    uint32_t *ranks = memory_new(module->function_count, sizeof *ranks);
    for (uint32_t f = 0; f < module->function_count; f++)
        for (uint32_t b = 0; b < module->functions[f]->block_count; b++)
            find_ranks(&module->functions[f]->blocks[b], ranks);
    return ranks;
}

uint32_t dependence_of(const struct ir_instruction *instruction, const uint32_t *masks)
{
    uint32_t mask = 0;
    for (uint32_t o = 0; o < instruction->operand_count; o++)
        mask |= masks[instruction->operands[o]];
    return mask;
}

uint32_t *dependence_masks(const struct ir_function *function, uint32_t rank)
{
    uint32_t *masks = memory_new(function->value_count, sizeof *masks);
    for (uint32_t b = 0; b < function->block_count; b++) {
        const struct ir_block *block = &function->blocks[b];
        for (uint32_t p = 0; p < block->parameter_count; p++)
            masks[block->first_parameter + p] = b ? dependence_all(rank) : p < rank ? 1U << p : 0;
        for (uint32_t n = 0; n < block->count; n++) {
            const struct ir_instruction *i = block->instructions[n];
            for (uint32_t r = 0; r < i->result_count; r++)
                masks[i->first_result + r] = dependence_of(i, masks);
        }
    }
    return masks;
}
