/*
 * Replaces parameters that are always the same: those of a block to which all jumps bring one
 * value, or one constant; and those of a function that all its users give one constant, such as the
 * captures of a comprehension. fold then goes on with them.
 *
 * A parameter that only comes back to itself does not count as another value, so what a loop does
 * not change is found, too. Parameters that nobody reads any more are for dead to drop.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/effects.h"
#include "flow/mutant.h"
#include "flow/pass.h"

#define UNKNOWN UINT32_MAX
#define VARIES (UINT32_MAX - 1)

/* ---- Parameters of functions ------------------------------------------------------------------
 */

/* What a function's users give for its parameters. */
struct given {
    const struct ir_instruction **constants; /* by parameter; NULL: none, or several */
    bool *varies;                            /* by parameter */
};

static bool same_constant(const struct ir_instruction *a, const struct ir_instruction *b)
{
    return a->word == b->word && !a->text == !b->text &&
           (!a->text || memcmp(a->text, b->text, a->word) == 0);
}

static const struct ir_type *constant_type(const struct ir_function *function,
                                           const struct ir_instruction *constant)
{
    return ir_type_of(function, constant->first_result);
}

static void give(struct given *given, const struct ir_function *user,
                 const struct ir_function *callee, uint32_t parameter,
                 const struct ir_instruction *constant)
{
    bool is_constant = constant && constant->opcode == IR_CONSTANT &&
                       constant_type(user, constant) ==
                           ir_type_of(callee, callee->blocks[0].first_parameter + parameter);
    const struct ir_instruction *before = given->constants[parameter];
    if (!is_constant ||
        (before && !same_constant(before, constant) && !FLOW_MUTANT(PROPAGATE_ONE_USER)))
        given->varies[parameter] = true;
    else
        given->constants[parameter] = constant;
}

/* Behind the parameters that indexes, or an accumulator and an element, are given for, stand those
 * for the last operands. */
static void note_user(struct given *given, const struct ir_module *module,
                      const struct ir_function *function, struct ir_instruction *const *definitions,
                      const struct ir_instruction *i)
{
    const struct ir_function *callee = module->functions[i->callee];
    uint32_t parameters = callee->blocks[0].parameter_count;
    uint32_t first = i->opcode == IR_APPLY  ? 0
                     : i->opcode == IR_EACH ? i->number
                                            : 2 * i->result_count;
    for (uint32_t p = 0; p < parameters; p++)
        give(&given[i->callee], function, callee, p,
             p < first ? NULL : definitions[i->operands[i->operand_count - (parameters - p)]]);
}

static void note_users(struct given *given, const struct ir_module *module,
                       const struct ir_function *function)
{
    struct ir_instruction **definitions = effects_definitions(function);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            if (i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE)
                note_user(given, module, function, definitions, i);
        }
    free(definitions);
}

/* ---- In a function ----------------------------------------------------------------------------
 */

struct propagate {
    struct ir_module *module;
    struct ir_function *function;
    struct ir_instruction **definitions; /* by value */
    ir_value *same;                      /* by value: what stands for it, or itself */
    ir_value *brought;                   /* by value: what jumps bring for a parameter of a block */
};

static ir_value what_is(const struct propagate *p, ir_value value)
{
    while (p->same[value] != value)
        value = p->same[value];
    return value;
}

/* Puts a copy of a constant at the beginning of a block, in place of a parameter. */
static void put_constant(struct propagate *p, struct ir_block *block, ir_value parameter,
                         const struct ir_instruction *constant)
{
    struct ir_instruction *copy = arena_copy(p->module->arena, constant, sizeof *constant);
    struct ir_instruction **all =
        arena_array(p->module->arena, struct ir_instruction *, block->count + 1);
    copy->first_result = ir_value_new(p->module, p->function, ir_type_of(p->function, parameter));
    all[0] = copy;
    memcpy(all + 1, block->instructions, block->count * sizeof *all);
    block->instructions = all;
    block->capacity = ++block->count;
    p->definitions[copy->first_result] = copy;
    p->same[copy->first_result] = copy->first_result;
    p->same[parameter] = copy->first_result;
}

static bool are_same(const struct propagate *p, ir_value a, ir_value b)
{
    const struct ir_instruction *x = p->definitions[a], *y = p->definitions[b];
    return a == b ||
           (x && y && x->opcode == IR_CONSTANT && y->opcode == IR_CONSTANT &&
            ir_type_of(p->function, a) == ir_type_of(p->function, b) && same_constant(x, y));
}

static void bring(struct propagate *p, ir_value parameter, ir_value argument)
{
    argument = what_is(p, argument);
    if (what_is(p, parameter) != parameter || argument == parameter ||
        p->brought[parameter] == VARIES)
        return;
    if (ir_type_of(p->function, argument) != ir_type_of(p->function, parameter))
        p->brought[parameter] = VARIES;
    else if (p->brought[parameter] == UNKNOWN)
        p->brought[parameter] = argument;
    else if (!are_same(p, p->brought[parameter], argument) && !FLOW_MUTANT(PROPAGATE_ONE_WAY))
        p->brought[parameter] = VARIES;
}

static void bring_all(struct propagate *p, const struct ir_block *from)
{
    const struct ir_instruction *last = from->instructions[from->count - 1];
    const ir_value *arguments = last->operands + (last->opcode == IR_BRANCH);
    uint32_t ways = last->opcode == IR_BRANCH ? 2 : last->opcode == IR_JUMP ? 1 : 0;
    for (uint32_t way = 0; way < ways; way++) {
        const struct ir_block *target = &p->function->blocks[last->targets[way]];
        for (uint32_t a = 0; a < target->parameter_count; a++)
            bring(p, target->first_parameter + a, arguments[a]);
        arguments += target->parameter_count;
    }
}

/* A constant that is brought may stand in a block that does not dominate this one. */
static void replace(struct propagate *p, struct ir_block *block, ir_value parameter)
{
    const struct ir_instruction *made = p->definitions[p->brought[parameter]];
    if (made && made->opcode == IR_CONSTANT)
        put_constant(p, block, parameter, made);
    else
        p->same[parameter] = p->brought[parameter];
}

/* Whether there was anything to replace: others may be, then. */
static bool replace_parameters(struct propagate *p)
{
    bool changed = false;
    memset(p->brought, 0xFF, p->function->value_count * sizeof *p->brought);
    for (uint32_t b = 0; b < p->function->block_count; b++)
        bring_all(p, &p->function->blocks[b]);
    for (uint32_t b = 1; b < p->function->block_count; b++) {
        struct ir_block *block = &p->function->blocks[b];
        for (uint32_t i = 0; i < block->parameter_count; i++) {
            ir_value parameter = block->first_parameter + i;
            if (p->brought[parameter] >= VARIES)
                continue;
            replace(p, block, parameter);
            changed = true;
        }
    }
    return changed;
}

static void take_given(struct propagate *p, const struct given *given)
{
    struct ir_block *entry = &p->function->blocks[0];
    for (uint32_t i = 0; i < entry->parameter_count; i++)
        if (given->constants[i] && !given->varies[i])
            put_constant(p, entry, entry->first_parameter + i, given->constants[i]);
}

static void rewrite(struct propagate *p)
{
    for (uint32_t b = 0; b < p->function->block_count; b++)
        for (uint32_t n = 0; n < p->function->blocks[b].count; n++) {
            struct ir_instruction *i = p->function->blocks[b].instructions[n];
            for (uint32_t o = 0; o < i->operand_count; o++)
                i->operands[o] = what_is(p, i->operands[o]);
        }
}

/* The values that there are, and a constant for each parameter. */
static uint32_t most_values(const struct ir_function *function)
{
    uint32_t count = function->value_count;
    for (uint32_t b = 0; b < function->block_count; b++)
        count += function->blocks[b].parameter_count;
    return count;
}

static void propagate_in_function(struct ir_module *module, struct ir_function *function,
                                  const struct given *given)
{
    struct propagate p = {.module = module, .function = function};
    uint32_t room = most_values(function);
    struct ir_instruction **definitions = effects_definitions(function);
    p.definitions = memory_new(room, sizeof *p.definitions);
    p.same = memory_new(room, sizeof *p.same);
    p.brought = memory_new(room, sizeof *p.brought);
    for (ir_value v = 0; v < function->value_count; v++) {
        p.definitions[v] = definitions[v];
        p.same[v] = v;
    }
    take_given(&p, given);
    while (replace_parameters(&p))
        continue;
    rewrite(&p);
    free(definitions);
    free(p.definitions);
    free(p.same);
    free(p.brought);
}

/* ---- All --------------------------------------------------------------------------------------
 */

/* What main gets, and defaults, is given from outside. */
static void note_outside(struct given *given, const struct ir_module *module, uint32_t function)
{
    for (uint32_t p = 0; p < module->functions[function]->blocks[0].parameter_count; p++)
        given[function].varies[p] = true;
}

static struct given *find_given(const struct ir_module *module)
{
    struct given *given = memory_new(module->function_count, sizeof *given);
    for (uint32_t f = 0; f < module->function_count; f++) {
        uint32_t parameters = module->functions[f]->blocks[0].parameter_count;
        given[f].constants = memory_new(parameters, sizeof *given[f].constants);
        given[f].varies = memory_new(parameters, sizeof *given[f].varies);
    }
    note_outside(given, module, module->entry);
    for (uint32_t i = 0; i < module->parameter_count; i++)
        if (module->parameters[i].default_function >= 0)
            note_outside(given, module, (uint32_t)module->parameters[i].default_function);
    for (uint32_t f = 0; f < module->function_count; f++)
        note_users(given, module, module->functions[f]);
    return given;
}

void pass_propagate(struct ir_module *module)
{
    struct given *given = find_given(module);
    for (uint32_t f = 0; f < module->function_count; f++)
        propagate_in_function(module, module->functions[f], &given[f]);
    for (uint32_t f = 0; f < module->function_count; f++) {
        free(given[f].constants);
        free(given[f].varies);
    }
    free(given);
    ir_tidy(module);
}
