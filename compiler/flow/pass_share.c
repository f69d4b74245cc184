/*
 * Calls that may be made several times with equal arguments are shared: elaboration makes one node
 * of those that are equal. They are those in loops, and those of all functions but main: the
 * functions of comprehensions and reductions, and flows that are called in several places. What
 * stands in a block once is `cse`'s.
 *
 * Calls that have an effect or may log are made as often as they are written. Whether two nodes are
 * equal only elaboration can tell; so there are no remarks.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "flow/effects.h"
#include "flow/mutant.h"
#include "flow/pass.h"

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

static void share_block(const struct effects *effects, struct ir_function *function,
                        struct ir_block *block)
{
    for (uint32_t n = 0; n < block->count; n++) {
        struct ir_instruction *i = block->instructions[n];
        if (i->opcode != IR_CALL)
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
    for (uint32_t f = 0; f < module->function_count; f++) {
        struct ir_function *function = module->functions[f];
        bool *repeated = memory_new(function->block_count, sizeof *repeated);
        find_repeated(function, repeated);
        for (uint32_t b = 0; b < function->block_count; b++)
            if (f != module->entry || repeated[b])
                share_block(&effects, function, &function->blocks[b]);
        free(repeated);
    }
    effects_release(&effects);
}
