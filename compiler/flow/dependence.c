/* What values of comprehensions are made of; see dependence.h. */
#include "flow/dependence.h"

#include "base/memory.h"
#include "flow/build.h"

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

/* ---- Values --------------------------------------------------------------------------------- */

static struct dependence together(struct dependence a, struct dependence b)
{
    return (struct dependence){.told = a.told | b.told,
                               .quotient = a.quotient | b.quotient,
                               .remainder = a.remainder | b.remainder,
                               .sum = a.sum | b.sum,
                               .hidden = a.hidden | b.hidden,
                               .is_scaled = a.is_scaled || b.is_scaled};
}

static uint32_t used(struct dependence d)
{
    return d.told | d.quotient | d.remainder | d.sum | d.hidden;
}

/* i + j; not i + i/2, nor i*n + j. */
static struct dependence add(struct dependence a, struct dependence b)
{
    struct dependence sum = together(a, b);
    if (!a.told || !b.told || (a.told & b.told) || sum.is_scaled)
        return sum;
    sum.sum |= sum.told;
    sum.told = 0;
    return sum;
}

/* What operations leave of an index, by a number that is the same for all. The others keep apart
 * most of what differs, as max(i - 1, 0) does. */
enum rest { REST_ALL, REST_SUM, REST_SCALED, REST_QUOTIENT, REST_REMAINDER, REST_NOTHING };
static const uint8_t rests[OPERATION_COUNT] = {
    [OPERATION_ADD] = REST_SUM,       [OPERATION_SUB] = REST_SUM,
    [OPERATION_MUL] = REST_SCALED,    [OPERATION_SHL] = REST_SCALED,
    [OPERATION_DIV] = REST_QUOTIENT,  [OPERATION_SHR] = REST_QUOTIENT,
    [OPERATION_REM] = REST_REMAINDER, [OPERATION_AND] = REST_REMAINDER,
    [OPERATION_EQ] = REST_NOTHING,    [OPERATION_NE] = REST_NOTHING,
    [OPERATION_LT] = REST_NOTHING,    [OPERATION_LE] = REST_NOTHING,
    [OPERATION_GT] = REST_NOTHING,    [OPERATION_GE] = REST_NOTHING,
};

static struct dependence of_operation(enum rest rest, struct dependence a, struct dependence b)
{
    struct dependence both = together(a, b);
    bool by_same = used(b) == 0;
    if (rest == REST_SUM)
        return add(a, b);
    if (rest == REST_NOTHING)
        return (struct dependence){.hidden = used(both)};
    if (rest == REST_QUOTIENT && by_same)
        return (struct dependence){.quotient = a.told | a.quotient, .hidden = used(a)};
    if (rest == REST_REMAINDER && by_same)
        return (struct dependence){.remainder = a.told | a.remainder, .hidden = used(a)};
    both.is_scaled |= rest == REST_SCALED;
    return both;
}

static struct dependence of_instruction(const struct ir_function *function,
                                        const struct ir_instruction *i,
                                        const struct dependence *values)
{
    struct dependence all = {0};
    if (i->opcode == IR_OPERATION && i->operand_count == 2) {
        bool divides = !type_is_float(ir_type_of(function, i->operands[0])->type) ||
                       rests[i->operation] == REST_NOTHING;
        return of_operation(divides ? rests[i->operation] : REST_ALL, values[i->operands[0]],
                            values[i->operands[1]]);
    }
    for (uint32_t o = 0; o < i->operand_count; o++)
        all = together(all, values[i->operands[o]]);
    return all;
}

struct dependence *dependence_find(const struct ir_function *function, uint32_t rank)
{
    struct dependence *values = memory_new(function->value_count, sizeof *values);
    for (uint32_t b = 0; b < function->block_count; b++) {
        const struct ir_block *block = &function->blocks[b];
        for (uint32_t p = 0; p < block->parameter_count; p++)
            values[block->first_parameter + p].told = b          ? dependence_all(rank)
                                                      : p < rank ? 1U << p
                                                                 : 0;
        for (uint32_t n = 0; n < block->count; n++) {
            const struct ir_instruction *i = block->instructions[n];
            for (uint32_t r = 0; r < i->result_count; r++)
                values[i->first_result + r] = of_instruction(function, i, values);
        }
    }
    return values;
}

/* ---- Operands ------------------------------------------------------------------------------- */

static struct dependence of_operands(const struct ir_instruction *i,
                                     const struct dependence *values)
{
    struct dependence all = {0};
    for (uint32_t o = 0; o < i->operand_count; o++)
        all = together(all, values[i->operands[o]]);
    return all;
}

/* A sum tells the one of its indexes that nothing else tells; several sums are taken to tell all.
 */
uint32_t dependence_told(const struct ir_instruction *i, const struct dependence *values)
{
    struct dependence all = of_operands(i, values);
    uint32_t told = all.told | (all.quotient & all.remainder), sums = 0;
    for (uint32_t o = 0; o < i->operand_count; o++)
        sums += values[i->operands[o]].sum != 0;
    if (sums > 1 || __builtin_popcount(all.sum & ~told) == 1)
        told |= all.sum;
    return told;
}

uint32_t dependence_used(const struct ir_instruction *i, const struct dependence *values)
{
    return used(of_operands(i, values));
}
