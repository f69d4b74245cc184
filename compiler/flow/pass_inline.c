/*
 * Puts small flows in the place of their calls: those without branches and loops that make one node
 * at most. The other passes then see them together with what is around them. Larger flows keep
 * their scopes, which drawings show; a scope around a single node tells nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"

enum { MOST_INSTRUCTIONS = 40 };

struct list {
    struct ir_instruction **items;
    size_t count, capacity;
};

struct inliner {
    struct ir_module *module;
    struct ir_function *function;
    ir_value *same;   /* by value that was there before: what stands for it */
    ir_value *copies; /* by value of the callee */
};

/* ---- Which ---------------------------------------------------------------------------------- */

static bool makes_little(const struct ir_block *block)
{
    uint32_t calls = 0;
    for (uint32_t n = 0; n < block->count; n++) {
        enum ir_opcode opcode = block->instructions[n]->opcode;
        calls += opcode == IR_CALL;
        if (opcode == IR_APPLY || opcode == IR_EACH || opcode == IR_REDUCE)
            return false;
    }
    return calls <= 1;
}

/* What it returns has the types that it is declared with: other types depend on those. */
static bool has_exact_results(const struct ir_function *function)
{
    const struct ir_block *block = &function->blocks[0];
    const struct ir_instruction *last = block->instructions[block->count - 1];
    if (last->opcode != IR_RETURN)
        return false;
    for (uint32_t r = 0; r < function->result_count; r++)
        if (ir_type_of(function, last->operands[r]) != function->results[r])
            return false;
    return true;
}

static bool is_small(const struct ir_function *function)
{
    return function->block_count == 1 && function->blocks[0].count <= MOST_INSTRUCTIONS &&
           has_exact_results(function) && makes_little(&function->blocks[0]);
}

static bool has_exact_arguments(const struct inliner *in, const struct ir_instruction *apply,
                                const struct ir_function *callee)
{
    for (uint32_t o = 0; o < apply->operand_count; o++)
        if (ir_type_of(in->function, apply->operands[o]) !=
            ir_type_of(callee, callee->blocks[0].first_parameter + o))
            return false;
    return true;
}

/* ---- How ------------------------------------------------------------------------------------ */

static struct ir_instruction *copy(struct inliner *in, const struct ir_function *callee,
                                   const struct ir_instruction *i)
{
    struct ir_instruction *made = arena_copy(in->module->arena, i, sizeof *i);
    made->operands = arena_array(in->module->arena, ir_value, i->operand_count + 1);
    for (uint32_t o = 0; o < i->operand_count; o++)
        made->operands[o] = in->copies[i->operands[o]];
    made->first_result = in->function->value_count;
    for (uint32_t r = 0; r < i->result_count; r++)
        in->copies[i->first_result + r] =
            ir_value_new(in->module, in->function, ir_type_of(callee, i->first_result + r));
    return made;
}

/* Appends the callee's instructions; its results are the APPLY's. */
static void append_callee(struct inliner *in, const struct ir_instruction *apply,
                          const struct ir_function *callee, struct list *out)
{
    const struct ir_block *block = &callee->blocks[0];
    const struct ir_instruction *last = block->instructions[block->count - 1];
    in->copies = memory_new(callee->value_count, sizeof *in->copies);
    for (uint32_t o = 0; o < apply->operand_count; o++)
        in->copies[block->first_parameter + o] =
            apply->operands[FLOW_MUTANT(INLINE_ARGUMENTS) ? 0 : o];
    for (uint32_t n = 0; n + 1 < block->count; n++)
        if (!FLOW_MUTANT(INLINE_CHECKS) || block->instructions[n]->opcode != IR_CHECK)
            vector_push(out, copy(in, callee, block->instructions[n]));
    for (uint32_t r = 0; r < apply->result_count; r++)
        in->same[apply->first_result + r] = in->copies[last->operands[r]];
    free(in->copies);
}

/* What is inlined are values that are new, and are not looked up. */
static void visit_block(struct inliner *in, struct ir_block *block, const bool *small)
{
    struct list out = {0};
    for (uint32_t n = 0; n < block->count; n++) {
        struct ir_instruction *i = block->instructions[n];
        for (uint32_t o = 0; o < i->operand_count; o++)
            i->operands[o] = in->same[i->operands[o]];
        const struct ir_function *callee =
            i->opcode == IR_APPLY && small[i->callee] ? in->module->functions[i->callee] : NULL;
        if (!callee || !has_exact_arguments(in, i, callee)) {
            vector_push(&out, i);
            continue;
        }
        append_callee(in, i, callee, &out);
        ir_remark(in->module, "inline", REMARK_DONE, i->span, "inlined `%s`", callee->title);
    }
    block->instructions = arena_copy(in->module->arena, out.items, out.count * sizeof *out.items);
    block->count = block->capacity = (uint32_t)out.count;
    vector_release(&out);
}

static void inline_in_function(struct inliner *in, const bool *small)
{
    uint32_t count = in->function->value_count;
    in->same = memory_new(count, sizeof *in->same);
    for (uint32_t v = 0; v < count; v++)
        in->same[v] = v;
    for (uint32_t b = 0; b < in->function->block_count; b++)
        visit_block(in, &in->function->blocks[b], small);
    free(in->same);
}

/* Callees mostly stand behind their callers: what became small is small for those before it. A
 * function that applies itself is not. */
void pass_inline(struct ir_module *module)
{
    struct inliner in = {.module = module};
    bool *small = memory_new(module->function_count, sizeof *small);
    for (uint32_t f = module->function_count; f-- > 0;) {
        in.function = module->functions[f];
        inline_in_function(&in, small);
        small[f] = is_small(in.function);
    }
    free(small);
    ir_tidy(module);
}
