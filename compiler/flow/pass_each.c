/*
 * Makes one comprehension of two: `[g(y) for y in ys]` after `ys = [f(x) for x in xs]`, when
 * nothing but the second reads the first, and at each index only the element there. What the
 * second's body did follows the first's in one function, where `fuse` finds the calls side by side.
 *
 * A comprehension over a light task (flow/repeat.h) that several others read goes into each of
 * them.
 *
 * Otherwise the graph stays as it was; its nodes are made in another order. So at most one of the
 * bodies may end elaboration with a message: else it could be the message of a later index of the
 * first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "flow/effects.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"
#include "flow/repeat.h"

/* ---- Questions ------------------------------------------------------------------------------ */

struct merge {
    struct ir_module *module;
    const struct effects *effects; /* of the functions that there were before the pass */
    uint32_t function_count;       /* so many */
    struct ir_function *function;  /* that both stand in */
    uint32_t *uses;                /* of its values */
    struct ir_instruction *first, *second;
    const struct ir_function *one, *other; /* what they call */
    /* The merged function: */
    struct ir_builder build;
    ir_value *values;                            /* of what is copied, by its values */
    VECTOR(struct ir_instruction *) definitions; /* by its own values, NULL for parameters */
};

static bool is_first_result(const struct merge *m, ir_value value)
{
    return value >= m->first->first_result &&
           value < m->first->first_result + m->first->result_count;
}

/* Which result of the first a parameter of the second's function is; -1: none. */
static int64_t result_of_parameter(const struct merge *m, ir_value parameter)
{
    uint32_t rank = m->second->number;
    if (parameter < rank || parameter >= m->other->blocks[0].parameter_count)
        return -1;
    ir_value operand = m->second->operands[parameter];
    return is_first_result(m, operand) ? (int64_t)operand - m->first->first_result : -1;
}

/* Whether it gets the element of the first at the index that the body is for. */
static bool is_own_element(const struct merge *m, const struct ir_instruction *i)
{
    if (i->opcode != IR_GET || result_of_parameter(m, i->operands[0]) < 0)
        return false;
    for (uint32_t d = 0; d < m->second->number; d++)
        if (i->operands[1 + d] != d && !FLOW_MUTANT(EACH_INDEX))
            return false;
    return true;
}

/* Whether the second's body reads nothing else of the first. */
static bool reads_own_elements(const struct merge *m)
{
    for (uint32_t b = 0; b < m->other->block_count; b++)
        for (uint32_t n = 0; n < m->other->blocks[b].count; n++) {
            const struct ir_instruction *i = m->other->blocks[b].instructions[n];
            for (uint32_t o = is_own_element(m, i); o < i->operand_count; o++)
                if (result_of_parameter(m, i->operands[o]) >= 0)
                    return false;
        }
    return true;
}

/* Whether a body's instruction may end elaboration with a message. */
static bool may_fail(const struct merge *m, const struct ir_function *function,
                     struct ir_instruction *const *definitions, const struct ir_instruction *i)
{
    bool calls = i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE;
    if (calls && i->callee >= m->function_count)
        return true;
    return i->opcode != IR_RETURN && !effects_is_removable(m->effects, function, definitions, i);
}

static bool body_may_fail(const struct merge *m, const struct ir_function *function)
{
    struct ir_instruction **definitions = effects_definitions(function);
    bool may = false;
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            bool is_read = function == m->other && is_own_element(m, i);
            may |= !is_read && may_fail(m, function, definitions, i);
        }
    free(definitions);
    return may;
}

static bool have_one_space(const struct merge *m)
{
    if (m->first->number != m->second->number || m->first->flag || m->second->flag)
        return false;
    for (uint32_t d = 0; d < m->first->number; d++)
        if (m->first->operands[d] != m->second->operands[d])
            return false;
    return true;
}

static bool is_only_reader(const struct merge *m)
{
    uint32_t uses = 0;
    for (uint32_t r = 0; r < m->first->result_count; r++)
        uses += m->uses[m->first->first_result + r];
    for (uint32_t o = 0; o < m->second->operand_count; o++)
        uses -= is_first_result(m, m->second->operands[o]);
    return uses == 0;
}

static bool is_straight(const struct ir_function *function)
{
    const struct ir_block *block = &function->blocks[0];
    return function->block_count == 1 && block->instructions[block->count - 1]->opcode == IR_RETURN;
}

/* A structure that the first reads lives until the second then: a change of it in between would
 * have to copy it. */
static bool keeps_old_version(const struct merge *m, const struct ir_block *block, uint32_t from,
                              uint32_t to)
{
    for (uint32_t n = from + 1; n < to; n++) {
        const struct ir_instruction *i = block->instructions[n];
        if (!i || (i->opcode != IR_SET && i->opcode != IR_SET_SLICE && i->opcode != IR_CONCAT))
            continue;
        for (uint32_t o = 0; o < m->first->operand_count; o++)
            if (m->first->operands[o] == i->operands[0])
                return true;
    }
    return false;
}

/* ---- The merged function -------------------------------------------------------------------- */

static ir_value define(struct merge *m, struct ir_instruction *definition, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vector_push(&m->definitions, definition);
    return definition ? definition->first_result : 0;
}

/* The extent that a call was given, if this is the extent of one of its results. */
static bool forward_extent(const struct merge *m, const struct ir_instruction *i, ir_value *given)
{
    ir_value array = m->values[i->operands[0]];
    const struct ir_instruction *call = m->definitions.items[array];
    if (i->opcode != IR_EXTENT || !call || call->opcode != IR_CALL)
        return false;
    uint32_t at = call->operand_count;
    for (uint32_t r = call->result_count; r > 0; r--) {
        uint32_t known = ir_type_of(m->build.function, call->first_result + r - 1)->known_extents;
        at -= (uint32_t)__builtin_popcount(known);
        if (call->first_result + r - 1 == array) {
            uint32_t before = known & ((1U << i->number) - 1);
            *given = call->operands[at + (uint32_t)__builtin_popcount(before)];
            return true;
        }
    }
    return false;
}

static void copy_instruction(struct merge *m, const struct ir_function *from,
                             const struct ir_instruction *i)
{
    ir_value given;
    if (i->operand_count && forward_extent(m, i, &given)) {
        m->values[i->first_result] = given;
        return;
    }
    struct ir_instruction *copy = ir_emit(&m->build, i->opcode, i->operands, i->operand_count,
                                          from->value_types + i->first_result, i->result_count);
    ir_value *operands = copy->operands, first = copy->first_result;
    *copy = *i;
    copy->operands = operands;
    copy->first_result = first;
    for (uint32_t o = 0; o < i->operand_count; o++)
        operands[o] = m->values[i->operands[o]];
    for (uint32_t r = 0; r < i->result_count; r++)
        m->values[i->first_result + r] = first + r;
    define(m, copy, i->result_count);
}

/* The first's body; returns its return. */
static const struct ir_instruction *copy_one(struct merge *m)
{
    const struct ir_block *block = &m->one->blocks[0];
    for (uint32_t n = 0; n + 1 < block->count; n++)
        copy_instruction(m, m->one, block->instructions[n]);
    return block->instructions[block->count - 1];
}

/* The blocks of the second's body behind the first keep their numbers. */
static void make_blocks(struct merge *m)
{
    for (uint32_t b = 1; b < m->other->block_count; b++) {
        const struct ir_block *block = &m->other->blocks[b];
        ir_block_new(m->module, m->build.function);
        ir_value begin = ir_block_parameters(m->module, m->build.function, b,
                                             m->other->value_types + block->first_parameter,
                                             block->parameter_count);
        for (uint32_t p = 0; p < block->parameter_count; p++)
            m->values[block->first_parameter + p] = begin + p;
        define(m, NULL, block->parameter_count);
    }
}

static void copy_other(struct merge *m, const ir_value *elements)
{
    make_blocks(m);
    for (uint32_t b = 0; b < m->other->block_count; b++) {
        m->build.block = b;
        for (uint32_t n = 0; n < m->other->blocks[b].count; n++) {
            const struct ir_instruction *i = m->other->blocks[b].instructions[n];
            if (is_own_element(m, i))
                m->values[i->first_result] = elements[result_of_parameter(m, i->operands[0])];
            else
                copy_instruction(m, m->other, i);
        }
    }
}

static const char *name_of(const struct merge *m)
{
    const char *last = strrchr(m->other->name, '.');
    const char *base =
        arena_printf(m->module->arena, "%s.%s", m->one->name, last ? last + 1 : m->other->name);
    const char *name = base;
    uint32_t number = 1;
    for (uint32_t f = 0; f < m->module->function_count; f++)
        if (strcmp(m->module->functions[f]->name, name) == 0) {
            name = arena_printf(m->module->arena, "%s.%u", base, ++number);
            f = UINT32_MAX; /* from the beginning */
        }
    return name;
}

/* The parameters: the indexes, what the first captures, what the second does but for the first's
 * results. `operands` gets the values for them. */
static void make_parameters(struct merge *m, ir_value *operands, uint32_t *count)
{
    const struct ir_type **types =
        memory_new(m->first->operand_count + m->second->operand_count, sizeof *types);
    uint32_t rank = m->first->number, ones = m->first->operand_count;
    *count = 0;
    for (uint32_t o = 0; o < ones; o++) {
        types[*count] = m->one->value_types[o];
        operands[(*count)++] = m->first->operands[o];
    }
    for (uint32_t o = rank; o < m->second->operand_count; o++)
        if (!is_first_result(m, m->second->operands[o])) {
            types[*count] = m->other->value_types[o];
            operands[(*count)++] = m->second->operands[o];
        }
    ir_block_new(m->module, m->build.function);
    ir_block_parameters(m->module, m->build.function, 0, types, *count);
    define(m, NULL, *count);
    free(types);
}

/* The second's parameters among those of the merged function. */
static void map_other_parameters(struct merge *m)
{
    uint32_t rank = m->first->number, next = m->first->operand_count;
    for (uint32_t o = 0; o < m->second->operand_count; o++)
        if (o < rank)
            m->values[o] = o;
        else if (!is_first_result(m, m->second->operands[o]))
            m->values[o] = next++;
}

static void merge_bodies(struct merge *m)
{
    uint32_t most =
        m->one->value_count > m->other->value_count ? m->one->value_count : m->other->value_count;
    uint32_t room = m->first->operand_count + m->second->operand_count, count;
    ir_value *operands = arena_array(m->module->arena, ir_value, room);
    uint32_t number =
        ir_function_new(m->module, name_of(m), m->other->title, false, m->other->span);
    m->build = (struct ir_builder){m->module, m->module->functions[number], 0, {0}};
    m->values = memory_new(most, sizeof *m->values);
    make_parameters(m, operands, &count);
    for (uint32_t p = 0; p < m->one->blocks[0].parameter_count; p++)
        m->values[p] = p;
    const struct ir_instruction *end = copy_one(m);
    ir_value *elements = memory_new(end->operand_count, sizeof *elements);
    for (uint32_t r = 0; r < end->operand_count; r++)
        elements[r] = m->values[end->operands[r]];
    map_other_parameters(m);
    copy_other(m, elements);
    m->build.function->results = m->other->results;
    m->build.function->result_count = m->other->result_count;
    m->second->callee = number;
    m->second->operands = operands;
    m->second->operand_count = count;
    free(elements);
    free(m->values);
    vector_release(&m->definitions);
}

/* ---- Finding them --------------------------------------------------------------------------- */

/* Whether the second may do what the first does, whoever else reads that. */
static bool can_merge(struct merge *m, const struct ir_block *block, uint32_t from, uint32_t to,
                      bool says)
{
    m->one = m->module->functions[m->first->callee];
    m->other = m->module->functions[m->second->callee];
    if (!have_one_space(m) || !is_straight(m->one) || keeps_old_version(m, block, from, to))
        return false;
    if (!reads_own_elements(m)) {
        if (says)
            ir_remark(m->module, "each", REMARK_MISSED, m->second->span,
                      "two comprehensions are not made one: this one reads other elements, too");
        return false;
    }
    return !body_may_fail(m, m->one) || !body_may_fail(m, m->other);
}

static bool reads_first(const struct merge *m, const struct ir_instruction *i)
{
    for (uint32_t o = 0; o < i->operand_count; o++)
        if (is_first_result(m, i->operands[o]))
            return true;
    return false;
}

/* Merges the comprehension at `to` with one whose results it reads; whether there was one. */
static bool merge_one(struct merge *m, struct ir_block *block, uint32_t to)
{
    m->second = block->instructions[to];
    for (uint32_t from = 0; from < to; from++) {
        m->first = block->instructions[from];
        if (!m->first || m->first->opcode != IR_EACH || !reads_first(m, m->second) ||
            !is_only_reader(m) || !can_merge(m, block, from, to, true))
            continue;
        ir_remark(m->module, "each", REMARK_DONE, m->second->span,
                  "this comprehension and the one whose elements it reads are made one");
        merge_bodies(m);
        block->instructions[from] = NULL;
        return true;
    }
    return false;
}

/* ---- One that several read ------------------------------------------------------------------ */

/* The call that gives the first's result, if all calls of its body are light (flow/repeat.h). */
static const struct ir_instruction *find_light_call(const struct merge *m)
{
    const struct ir_block *block = &m->one->blocks[0];
    const struct ir_instruction *call = NULL, *end = block->instructions[block->count - 1];
    for (uint32_t n = 0; n + 1 < block->count; n++) {
        const struct ir_instruction *i = block->instructions[n];
        if (i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE ||
            (i->opcode == IR_CALL && !repeat_is_light(m->module, m->one, i)))
            return NULL;
        if (i->opcode == IR_CALL)
            call = i;
    }
    return call && end->operand_count == 1 && end->operands[0] == call->first_result ? call : NULL;
}

/* Whether nothing but calls uses a value of the second's body, all of which make it element by
 * element. (Its extents are those that the first's call was given.) */
static bool dissolves_in_calls(const struct merge *m, const struct ir_instruction *call,
                               ir_value value)
{
    for (uint32_t b = 0; b < m->other->block_count; b++)
        for (uint32_t n = 0; n < m->other->blocks[b].count; n++) {
            const struct ir_instruction *i = m->other->blocks[b].instructions[n];
            bool uses = false;
            for (uint32_t o = 0; o < i->operand_count; o++)
                uses |= i->operands[o] == value;
            bool dissolves =
                i->opcode == IR_EXTENT || !uses ||
                (i->opcode == IR_CALL && repeat_dissolves(m->module, m->other, call, i, value));
            if (!dissolves)
                return false;
        }
    return true;
}

static bool dissolves_in_second(const struct merge *m)
{
    const struct ir_instruction *call = find_light_call(m);
    for (uint32_t b = 0; call && b < m->other->block_count; b++)
        for (uint32_t n = 0; n < m->other->blocks[b].count; n++) {
            const struct ir_instruction *i = m->other->blocks[b].instructions[n];
            if (is_own_element(m, i) && !dissolves_in_calls(m, call, i->first_result))
                return false;
        }
    return call;
}

/* Which comprehensions read the first, at `from`, if each may do what it does: how many. */
static uint32_t find_readers(struct merge *m, const struct ir_block *block, uint32_t from,
                             struct ir_instruction *readers[REPEAT_READERS])
{
    uint32_t uses = m->uses[m->first->first_result], count = 0;
    for (uint32_t n = from + 1; n < block->count && uses > 0; n++) {
        m->second = block->instructions[n];
        if (!m->second || !reads_first(m, m->second))
            continue;
        for (uint32_t o = 0; o < m->second->operand_count; o++)
            uses -= is_first_result(m, m->second->operands[o]);
        if (m->second->opcode != IR_EACH || count == REPEAT_READERS ||
            !can_merge(m, block, from, n, false) || !dissolves_in_second(m))
            return 0;
        readers[count++] = m->second;
    }
    return uses == 0 ? count : 0;
}

/* From the end: what one reads may then be light for all its readers. Whether there was one. */
static bool repeat_firsts(struct merge *m, struct ir_block *block)
{
    bool found = false;
    for (uint32_t n = block->count; n-- > 0;) {
        struct ir_instruction *readers[REPEAT_READERS];
        m->first = block->instructions[n];
        if (!m->first || m->first->opcode != IR_EACH || m->first->result_count != 1)
            continue;
        uint32_t count = find_readers(m, block, n, readers);
        if (count < 2)
            continue;
        ir_remark(m->module, "each", REMARK_DONE, m->first->span,
                  "each of the %u comprehensions that read this one computes its elements", count);
        for (uint32_t r = 0; r < count; r++) {
            m->second = readers[r];
            m->other = m->module->functions[m->second->callee];
            merge_bodies(m);
        }
        for (uint32_t o = 0; o < m->first->operand_count; o++)
            m->uses[m->first->operands[o]] += count - 1;
        block->instructions[n] = NULL;
        found = true;
    }
    return found;
}

static void merge_only_readers(struct merge *m, struct ir_block *block)
{
    for (uint32_t n = 0; n < block->count; n++)
        while (block->instructions[n] && block->instructions[n]->opcode == IR_EACH &&
               merge_one(m, block, n))
            continue;
}

static void merge_block(struct merge *m, struct ir_block *block)
{
    uint32_t kept = 0;
    do
        merge_only_readers(m, block);
    while (repeat_firsts(m, block));
    for (uint32_t n = 0; n < block->count; n++)
        if (block->instructions[n])
            block->instructions[kept++] = block->instructions[n];
    block->count = kept;
}

static void merge_function(struct ir_module *module, struct ir_function *function,
                           const struct effects *effects, uint32_t function_count)
{
    struct merge m = {.module = module,
                      .effects = effects,
                      .function_count = function_count,
                      .function = function};
    m.uses = memory_new(function->value_count, sizeof *m.uses);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            for (uint32_t o = 0; o < i->operand_count; o++)
                m.uses[i->operands[o]]++;
        }
    for (uint32_t b = 0; b < function->block_count; b++)
        merge_block(&m, &function->blocks[b]);
    free(m.uses);
}

/* Functions that are made on the way are looked through as well. */
void pass_each(struct ir_module *module)
{
    struct effects effects = effects_find(module);
    uint32_t count = module->function_count;
    for (uint32_t i = 0; i < module->function_count; i++)
        merge_function(module, module->functions[i], &effects, count);
    effects_release(&effects);
    ir_tidy(module);
}
