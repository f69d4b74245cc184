/*
 * Evaluates what is known when the program is compiled: operations on constants, extents that an
 * instruction was given, checks that hold, branches on constants. An operation that fails is left
 * alone: elaboration reports it, with its place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "value/semantics.h"

struct fold {
    struct ir_module *module;
    struct ir_function *function;
    struct ir_instruction **definitions; /* by value; NULL for parameters of blocks */
    ir_value *same;                      /* by value: the value that it equals, or itself */
};

static const struct ir_instruction *constant_of(const struct fold *f, ir_value value)
{
    const struct ir_instruction *definition = f->definitions[value];
    return definition && definition->opcode == IR_CONSTANT ? definition : NULL;
}

static enum wk_scalar scalar_of(const struct fold *f, ir_value value)
{
    return ir_type_of(f->function, value)->type->scalar;
}

static void make_constant(struct ir_instruction *i, uint64_t word)
{
    i->opcode = IR_CONSTANT;
    i->operand_count = 0;
    i->word = word;
    i->operation = OPERATION_NONE;
    i->flag = false;
}

/* x == x, for integers and bools: the checks that two extents agree, when they are one value. */
static bool fold_same(const struct fold *f, struct ir_instruction *i)
{
    bool holds = i->operation == OPERATION_EQ || i->operation == OPERATION_LE ||
                 i->operation == OPERATION_GE;
    if (!holds || i->operands[0] != i->operands[1] ||
        (scalar_of(f, i->operands[0]) >= WK_F32 && !FLOW_MUTANT(FOLD_NAN)))
        return false;
    make_constant(i, 1);
    return true;
}

static void fold_operation(const struct fold *f, struct ir_instruction *i)
{
    uint64_t words[3], result;
    struct error error;
    if (i->operand_count == 2 && fold_same(f, i))
        return;
    for (uint32_t o = 0; o < i->operand_count; o++) {
        const struct ir_instruction *constant = constant_of(f, i->operands[o]);
        if (!constant)
            return;
        words[o] = constant->word;
    }
    if (!semantics_evaluate(i->operation, scalar_of(f, i->operands[0]), words, &result, &error))
        make_constant(i, result);
}

static void fold_convert(const struct fold *f, struct ir_instruction *i)
{
    uint64_t result;
    struct error error;
    const struct ir_instruction *constant = constant_of(f, i->operands[0]);
    if (constant && !semantics_convert(scalar_of(f, i->operands[0]), scalar_of(f, i->first_result),
                                       constant->word, &result, &error))
        make_constant(i, result);
}

/* Ranges by ones only: others are rare. */
static void fold_count(const struct fold *f, struct ir_instruction *i)
{
    const struct ir_instruction *low = constant_of(f, i->operands[0]),
                                *high = constant_of(f, i->operands[1]),
                                *step = constant_of(f, i->operands[2]);
    int64_t count;
    if (!low || !high || !step || step->word != 1)
        return;
    if ((int64_t)high->word < (int64_t)low->word)
        make_constant(i, 0);
    else if (!__builtin_sub_overflow((int64_t)high->word, (int64_t)low->word, &count) &&
             !__builtin_add_overflow(count, i->flag, &count))
        make_constant(i, (uint64_t)count);
}

/* The operand of a call that is extent `dimension` of one of its results. */
static ir_value call_extent(const struct fold *f, const struct ir_instruction *call,
                            ir_value result, uint32_t dimension)
{
    uint32_t at = call->operand_count;
    for (uint32_t r = call->result_count; r > 0; r--) {
        uint32_t known = ir_type_of(f->function, call->first_result + r - 1)->known_extents;
        at -= (uint32_t)__builtin_popcount(known);
        if (call->first_result + r - 1 == result)
            return call
                ->operands[at + (uint32_t)__builtin_popcount(known & ((1U << dimension) - 1))];
    }
    bug("%%%u is no result of the call", result);
}

/* The value that an array's definition was given as its extent, or the EXTENT itself. */
static ir_value given_extent(const struct fold *f, const struct ir_instruction *extent)
{
    ir_value array = extent->operands[0];
    const struct ir_instruction *made = f->definitions[array];
    while (made && (made->opcode == IR_SET || made->opcode == IR_SET_SLICE)) {
        array = made->operands[0];
        made = f->definitions[array];
    }
    if (!made)
        return extent->first_result;
    if (made->opcode == IR_STRUCTURE || (made->opcode == IR_EACH && !made->flag))
        return made->operands[extent->number];
    if (made->opcode == IR_FILL)
        return made->operands[1 + extent->number];
    if (made->opcode == IR_CALL)
        return call_extent(f, made, array, extent->number);
    return extent->first_result;
}

/* A branch on a constant jumps. */
static void fold_branch(const struct fold *f, struct ir_instruction *i)
{
    const struct ir_instruction *condition = constant_of(f, i->operands[0]);
    if (!condition)
        return;
    uint32_t first = i->first_target_count;
    bool taken = condition->word != 0;
    i->opcode = IR_JUMP;
    i->targets[0] = i->targets[taken ? 0 : 1];
    i->operands += taken ? 1 : 1 + first;
    i->operand_count = taken ? first : i->operand_count - 1 - first;
    i->targets[1] = i->first_target_count = 0;
}

static bool holds(const struct fold *f, const struct ir_instruction *i)
{
    if (i->opcode != IR_CHECK)
        return false;
    const struct ir_instruction *condition = constant_of(f, i->operands[0]);
    return condition && (condition->word || FLOW_MUTANT(FOLD_CHECK));
}

static void fold_instruction(struct fold *f, struct ir_instruction *i)
{
    for (uint32_t o = 0; o < i->operand_count; o++)
        i->operands[o] = f->same[i->operands[o]];
    if (i->opcode == IR_OPERATION)
        fold_operation(f, i);
    else if (i->opcode == IR_CONVERT)
        fold_convert(f, i);
    else if (i->opcode == IR_COUNT)
        fold_count(f, i);
    else if (i->opcode == IR_EXTENT)
        f->same[i->first_result] = f->same[given_extent(f, i)];
    else if (i->opcode == IR_BRANCH)
        fold_branch(f, i);
}

/* Blocks stand in an order in which dominators come first, so operands are folded before their
 * uses; what comes round a loop are parameters, which are left alone. */
static void fold_function(struct fold *f)
{
    for (uint32_t b = 0; b < f->function->block_count; b++) {
        struct ir_block *block = &f->function->blocks[b];
        uint32_t kept = 0;
        for (uint32_t n = 0; n < block->count; n++) {
            struct ir_instruction *i = block->instructions[n];
            fold_instruction(f, i);
            for (uint32_t r = 0; r < i->result_count; r++)
                f->definitions[i->first_result + r] = i;
            if (!holds(f, i))
                block->instructions[kept++] = i;
        }
        block->count = kept;
    }
}

void pass_fold(struct ir_module *module)
{
    for (uint32_t i = 0; i < module->function_count; i++) {
        struct fold f = {.module = module, .function = module->functions[i]};
        uint32_t count = f.function->value_count;
        f.definitions = memory_new(count, sizeof *f.definitions);
        f.same = memory_new(count, sizeof *f.same);
        for (uint32_t v = 0; v < count; v++)
            f.same[v] = v;
        fold_function(&f);
        free(f.definitions);
        free(f.same);
    }
    ir_tidy(module);
}
