/*
 * Calls that may be made several times with equal arguments are shared: elaboration makes one node
 * of those that are equal, whatever calls made them. They are those in loops, those of all
 * functions but main (the functions of comprehensions and reductions, and flows that are called in
 * several places), and in the rest of main those of tasks that are called elsewhere too. (Of two
 * equal calls in a row `cse` makes one before.)
 *
 * Calls that have an effect or may log are made as often as they are written. Whether two nodes are
 * equal only elaboration can tell; so remarks are made of those calls alone that must have equals:
 * in the function of a comprehension, those whose arguments do not tell all of its indexes.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "flow/dependence.h"
#include "flow/effects.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"

/* By block: whether it may be entered again. Blocks are numbered so that a jump back begins a loop,
 * and all of the loop stands between its ends. */
static void find_repeated(const struct ir_function *function, bool *repeated)
{
    for (uint32_t b = 0; b < function->block_count; b++) {
        const struct ir_block *block = &function->blocks[b];
        const struct ir_instruction *last = block->instructions[block->count - 1];
        uint32_t targets = last->opcode == IR_BRANCH ? 2 : last->opcode == IR_JUMP;
        for (uint32_t t = 0; t < targets; t++)
            for (uint32_t inside = last->targets[t]; inside <= b; inside++)
                repeated[inside] = true;
    }
}

static void remark(struct ir_module *module, const struct ir_instruction *call, bool is_shared)
{
    const char *name = module->kernels[call->callee]->name;
    if (is_shared)
        ir_remark(module, "share", REMARK_DONE, call->span,
                  "equal calls of `%s` in this comprehension are one", name);
    else
        ir_remark(module, "share", REMARK_MISSED, call->span,
                  "equal calls of `%s` in this comprehension stay: it has an effect or logs", name);
}

/* Of a comprehension's calls, those that do not tell all of its `rank` indexes. */
static void remark_equal_calls(struct ir_module *module, const struct ir_function *function,
                               uint32_t rank)
{
    struct dependence *values = dependence_find(function, rank);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            if (i->opcode == IR_CALL && dependence_told(i, values) != dependence_all(rank))
                remark(module, i, i->flag);
        }
    free(values);
}

/* By kernel: how many calls of it there are. */
static uint32_t *count_calls(const struct ir_module *module)
{
    uint32_t *calls = memory_new(module->kernel_count, sizeof *calls);
    for (uint32_t f = 0; f < module->function_count; f++)
        for (uint32_t b = 0; b < module->functions[f]->block_count; b++) {
            const struct ir_block *block = &module->functions[f]->blocks[b];
            for (uint32_t n = 0; n < block->count; n++)
                if (block->instructions[n]->opcode == IR_CALL)
                    calls[block->instructions[n]->callee]++;
        }
    return calls;
}

/* Of a block that is entered once, calls of kernels that no other call has stay as they are. */
static void share_block(const struct effects *effects, struct ir_function *function,
                        struct ir_block *block, bool is_repeated, const uint32_t *calls)
{
    for (uint32_t n = 0; n < block->count; n++) {
        struct ir_instruction *i = block->instructions[n];
        if (i->opcode != IR_CALL || (!is_repeated && calls[i->callee] == 1))
            continue;
        bool has_unit = false;
        for (uint32_t r = 0; r < i->result_count; r++)
            has_unit |= type_is_unit(ir_type_of(function, i->first_result + r)->type);
        i->flag = effects_is_quiet(effects, function, i) || (FLOW_MUTANT(SHARE_LOG) && !has_unit);
    }
}

void pass_share(struct ir_module *module)
{
    struct effects effects = effects_find(module);
    uint32_t *ranks = dependence_ranks(module), *calls = count_calls(module);
    for (uint32_t f = 0; f < module->function_count; f++) {
        struct ir_function *function = module->functions[f];
        bool *repeated = memory_new(function->block_count, sizeof *repeated);
        find_repeated(function, repeated);
        for (uint32_t b = 0; b < function->block_count; b++)
            share_block(&effects, function, &function->blocks[b], f != module->entry || repeated[b],
                        calls);
        free(repeated);
        if (ranks[f])
            remark_equal_calls(module, function, ranks[f]);
    }
    free(calls);
    free(ranks);
    effects_release(&effects);
}
