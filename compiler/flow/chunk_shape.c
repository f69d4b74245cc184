/*
 * Which comprehensions and reductions can be chunked; see chunk.h.
 *
 * Nothing that may fail while the graph is built moves to where it is evaluated at another time but
 * for what is the same for all indexes, which then fails at the first of them in any case.
 */
#include "flow/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/dependence.h"
#include "flow/estimate.h"
#include "check/typed_tree.h"
#include "flow/verify.h"

enum { MOST_COMPUTED = 64 }; /* operations of an argument that the kernel computes itself */

/* ---- The task ------------------------------------------------------------------------------- */

static struct typed_annotations merged(const struct typed_annotations *call,
                                       const struct typed_annotations *task)
{
    struct typed_annotations merged = *task;
    if (!call)
        return merged;
    merged.retries = call->retries >= 0 ? call->retries : task->retries;
    merged.timeout_ns = call->timeout_ns ? call->timeout_ns : task->timeout_ns;
    merged.memory_bytes = call->memory_bytes ? call->memory_bytes : task->memory_bytes;
    merged.cost_ns = call->cost_ns ? call->cost_ns : task->cost_ns;
    merged.together = call->together || task->together;
    return merged;
}

/* A task is run again, stopped or replaced as a whole, so what says when stays with one call. */
static const char *refuse_annotations(const struct typed_annotations *a,
                                      const struct typed_function *task)
{
    if (a->retries >= 0)
        return "`@retry` is for each task";
    if (a->timeout_ns)
        return "`@timeout` is for each task";
    if (a->memory_bytes)
        return "`@memory` is for each task";
    if (a->together)
        return "`@together` is for each task";
    if (task->fallback)
        return "`@fallback` is for each task";
    return NULL;
}

/* What is only guessed may take long; such tasks stay alone. */
static const char *weigh(struct typed_function *task, const struct ir_instruction *call,
                         uint64_t *cost_ns)
{
    struct typed_annotations annotations = merged(call->annotations, &task->annotations);
    const char *refused = refuse_annotations(&annotations, task);
    bool is_guess = false;
    if (refused)
        return refused;
    *cost_ns = annotations.cost_ns;
    if (annotations.cost_ns)
        return NULL;
    double cost = estimate_task_ns(task, &is_guess);
    *cost_ns = cost < 1 ? 1 : (uint64_t)cost;
    return is_guess || cost == 0 ? "what its task costs is not known (`@cost` says it)" : NULL;
}

/* A cost that depends on arguments is one that can be computed of them when the graph is built. */
static const char *weigh_call(struct chunk_shape *s)
{
    const char *refused = weigh(s->task, s->call, &s->cost_ns);
    struct typed_annotations annotations = merged(s->call->annotations, &s->task->annotations);
    if (!refused || annotations.cost_ns || refuse_annotations(&annotations, s->task))
        return refused;
    s->cost = estimate_task(s->module->arena, s->task);
    if (s->cost && formula_is_guess(s->cost))
        s->cost = NULL;
    return s->cost && chunk_can_weigh(s) ? NULL : refused;
}

static bool has_scalar_leaves(const struct type *type)
{
    if (type_is_unit(type))
        return false;
    for (uint32_t i = 0; i < ir_leaf_count(type); i++)
        if (ir_leaf(type, i)->kind != TYPE_SCALAR)
            return false;
    return true;
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool is_known_scalar(const struct chunk_shape *s, ir_value value)
{
    const struct ir_type *type = ir_type_of(s->function, value);
    return type->kind == IR_KNOWN && type->type->kind == TYPE_SCALAR;
}

static bool all_from(const struct chunk_shape *s, const struct ir_instruction *i,
                     enum chunk_source most)
{
    for (uint32_t o = 0; o < i->operand_count; o++)
        if (s->sources[i->operands[o]] > most)
            return false;
    return true;
}

/* Division fails on zero, a shift by less than zero: not by a constant that is neither. */
static bool operation_is_safe(const struct chunk_shape *s, const struct ir_instruction *i)
{
    if (typed_operation_is_total(i->operation, ir_type_of(s->function, i->operands[0])->type))
        return true;
    const struct ir_instruction *by = s->definitions[i->operands[1]];
    bool divides = i->operation == OPERATION_DIV || i->operation == OPERATION_REM;
    return by && by->opcode == IR_CONSTANT && (divides ? by->word != 0 : (int64_t)by->word >= 0);
}

static bool conversion_is_safe(const struct chunk_shape *s, const struct ir_instruction *i)
{
    return typed_conversion_is_total(ir_type_of(s->function, i->operands[0])->type,
                                     ir_type_of(s->function, i->first_result)->type);
}

static bool is_computed(const struct chunk_shape *s, const struct ir_instruction *i)
{
    if (i->opcode != IR_OPERATION && i->opcode != IR_CONVERT)
        return false;
    for (uint32_t o = 0; o < i->operand_count; o++)
        if (!is_known_scalar(s, i->operands[o]))
            return false;
    return all_from(s, i, CHUNK_COMPUTED) &&
           (i->opcode == IR_OPERATION ? operation_is_safe(s, i) : conversion_is_safe(s, i));
}

/* Whether nodes may come of it. */
static bool calls(const struct ir_instruction *i)
{
    return i->opcode == IR_CALL || i->opcode == IR_APPLY || i->opcode == IR_EACH ||
           i->opcode == IR_REDUCE;
}

static void classify(struct chunk_shape *s, const struct ir_instruction *i, uint32_t *sizes)
{
    enum chunk_source source = CHUNK_GATHERED;
    uint32_t size = 1;
    for (uint32_t o = 0; o < i->operand_count && size <= MOST_COMPUTED; o++)
        size += s->sources[i->operands[o]] == CHUNK_COMPUTED ? sizes[i->operands[o]] : 0;
    if (all_from(s, i, CHUNK_SAME) && !calls(i))
        source = CHUNK_SAME;
    else if (is_computed(s, i) && size <= MOST_COMPUTED)
        source = CHUNK_COMPUTED;
    for (uint32_t r = 0; r < i->result_count; r++) {
        s->definitions[i->first_result + r] = i;
        s->sources[i->first_result + r] = source;
        sizes[i->first_result + r] = size;
    }
}

/* ---- The function --------------------------------------------------------------------------- */

static const char *find_call(struct chunk_shape *s)
{
    const struct ir_block *block = &s->function->blocks[0];
    if (s->function->block_count != 1 || s->function->is_flow)
        return "what is built depends on the index";
    for (uint32_t n = 0; n < block->count; n++) {
        const struct ir_instruction *i = block->instructions[n];
        if (!calls(i))
            continue;
        if (s->call || i->opcode != IR_CALL)
            return "it is more than one call of a task";
        s->call = i;
    }
    return s->call ? NULL : "it calls no task";
}

/* The function gives all that the call gives. */
static bool gives_results(const struct chunk_shape *s)
{
    const struct ir_block *block = &s->function->blocks[0];
    const struct ir_instruction *last = block->instructions[block->count - 1];
    if (last->opcode != IR_RETURN || last->operand_count != s->call->result_count)
        return false;
    for (uint32_t r = 0; r < last->operand_count; r++)
        if (last->operands[r] != s->call->first_result + r)
            return false;
    return true;
}

uint32_t chunk_argument_count(const struct chunk_shape *s)
{
    uint32_t count = s->call->operand_count;
    for (uint32_t r = 0; r < s->call->result_count; r++)
        count -= (uint32_t)__builtin_popcount(
            ir_type_of(s->function, s->call->first_result + r)->known_extents);
    return count;
}

/* Numbers, and arrays of them that have the same known extents at all indexes. */
static bool gives_rows(struct chunk_shape *s)
{
    for (uint32_t r = 0; r < s->call->result_count; r++) {
        const struct ir_type *type = ir_type_of(s->function, s->call->first_result + r);
        const struct type *leaf = type->type;
        bool is_array = leaf->kind == TYPE_ARRAY && leaf->element->kind == TYPE_SCALAR;
        if (leaf->kind == TYPE_SCALAR && !type_is_unit(leaf))
            continue;
        if (!is_array || leaf->rank == WK_MAX_RANK || type->known_extents != (1U << leaf->rank) - 1)
            return false;
        s->has_rows = true;
    }
    for (uint32_t o = chunk_argument_count(s); o < s->call->operand_count; o++)
        if (s->sources[s->call->operands[o]] != CHUNK_SAME)
            return false;
    return s->has_rows && chunk_can_weigh(s);
}

/* How many operands of the call from `at` on are the parameter's. */
uint32_t chunk_operands_of(const struct chunk_shape *s, const struct variable *parameter,
                           uint32_t at)
{
    uint32_t begin = at, count = s->call->operand_count;
    const struct ir_type **types = memory_new(count, sizeof *types);
    for (uint32_t o = 0; o < count; o++)
        types[o] = ir_type_of(s->function, s->call->operands[o]);
    for (uint32_t leaf = 0; leaf < ir_leaf_count(parameter->type); leaf++)
        if (!verify_takes_leaf(ir_leaf(parameter->type, leaf), types, count, &at))
            bug("an argument of '%s' does not fit", s->task->name);
    free(types);
    return at - begin;
}

/* An argument that differs from index to index is a scalar; others are passed as they are. */
static const char *check_arguments(const struct chunk_shape *s, bool *gathers)
{
    for (uint32_t p = 0, at = 0; p < s->task->parameter_count; p++) {
        const struct variable *parameter = s->task->parameters[p];
        uint32_t count = chunk_operands_of(s, parameter, at);
        for (uint32_t o = at; o < at + count; o++) {
            enum chunk_source source = s->sources[s->call->operands[o]];
            if (source != CHUNK_SAME && parameter->type->kind != TYPE_SCALAR)
                return "an argument that is no number differs from index to index";
            *gathers |= source == CHUNK_GATHERED;
        }
        at += count;
    }
    return NULL;
}

/* What must be evaluated for each index, and is not, when no argument is gathered. */
static bool leaves_out(const struct chunk_shape *s)
{
    const struct ir_block *block = &s->function->blocks[0];
    for (uint32_t n = 0; n < block->count; n++) {
        const struct ir_instruction *i = block->instructions[n];
        bool gathered = i->result_count ? s->sources[i->first_result] == CHUNK_GATHERED
                                        : !all_from(s, i, CHUNK_SAME);
        if (gathered && i != s->call && i->opcode != IR_RETURN)
            return true;
    }
    return false;
}

static void find_sources(struct chunk_shape *s)
{
    const struct ir_block *block = &s->function->blocks[0];
    uint32_t count = s->function->value_count;
    uint32_t *sizes = memory_new(count, sizeof *sizes);
    s->definitions = arena_array(s->module->arena, const struct ir_instruction *, count);
    s->sources = arena_array(s->module->arena, enum chunk_source, count);
    for (uint32_t d = 0; d < s->rank; d++) {
        s->sources[block->first_parameter + d] = CHUNK_COMPUTED;
        sizes[block->first_parameter + d] = 1;
    }
    for (uint32_t n = 0; n < block->count; n++)
        classify(s, block->instructions[n], sizes);
    free(sizes);
}

/* Whether the task is called with the same arguments at several indexes: elaboration makes one node
 * of these calls, and pieces would run it for each index. Where it is not certain, for the
 * arguments are made of all indexes but do not tell them, the task must be worth it: to look for
 * an equal call takes a share of a microsecond. */
static bool has_equal_calls(const struct chunk_shape *s, bool is_certain)
{
    enum { WORTH_NS = 5000 };
    struct dependence *values = dependence_find(s->function, s->rank);
    uint32_t made_of =
        is_certain ? dependence_used(s->call, values) : dependence_told(s->call, values);
    free(values);
    return made_of != dependence_all(s->rank) && (is_certain || s->cost || s->cost_ns >= WORTH_NS);
}

const char *chunk_recognize(struct ir_module *module, const struct effects *effects,
                            const struct ir_instruction *each, struct chunk_shape *shape)
{
    *shape = (struct chunk_shape){
        .module = module, .function = module->functions[each->callee], .rank = each->number};
    if (each->flag)
        return "it filters";
    const char *refused = find_call(shape);
    if (refused)
        return refused;
    if (!gives_results(shape))
        return "its value is not what the task gives";
    shape->task = module->kernels[shape->call->callee];
    if (effects->logs[shape->call->callee])
        return "its task logs";
    if (has_equal_calls(shape, true))
        return "its task runs once for several indexes";
    find_sources(shape);
    if (!has_scalar_leaves(shape->task->result) && !gives_rows(shape))
        return "its elements are neither numbers nor arrays of one known shape";
    bool gathers = false;
    refused = check_arguments(shape, &gathers);
    if (refused)
        return refused;
    if (!gathers && leaves_out(shape))
        return "an operation on the index may fail";
    refused = weigh_call(shape);
    return !refused && has_equal_calls(shape, false)
               ? "its task may run once for several indexes, which its arguments do not tell"
               : refused;
}

/* ---- Reductions ----------------------------------------------------------------------------- */

/* The known extent of a leaf of all elements, a value of the comprehension's function. */
static ir_value extent_of_elements(const struct chunk_shape *s, uint32_t leaf, uint32_t dimension)
{
    uint32_t at = chunk_argument_count(s);
    for (uint32_t r = 0; r < leaf; r++)
        at += (uint32_t)__builtin_popcount(
            ir_type_of(s->function, s->call->first_result + r)->known_extents);
    return s->call->operands[at + dimension];
}

/* The instruction that gives a value; NULL: it is a parameter. */
static const struct ir_instruction *find_definition(const struct ir_block *block, ir_value value)
{
    for (uint32_t n = 0; n < block->count; n++) {
        const struct ir_instruction *i = block->instructions[n];
        if (value >= i->first_result && value < i->first_result + i->result_count)
            return i;
    }
    return NULL;
}

/* Whether a value is an extent of an accumulator or an element; all of them have those of elements:
 * `*extent` is that. */
static bool is_extent_of_elements(const struct chunk_shape *s, const struct ir_block *block,
                                  ir_value value, ir_value *extent)
{
    const struct ir_instruction *i = find_definition(block, value);
    if (!i || i->opcode != IR_EXTENT || *i->operands >= block->parameter_count)
        return false;
    *extent = extent_of_elements(s, *i->operands % s->call->result_count, i->number);
    return true;
}

/* Whether a check holds because of that. */
static bool compares_rows(const struct chunk_shape *s, const struct ir_block *block,
                          const struct ir_instruction *check)
{
    const struct ir_instruction *equal = find_definition(block, *check->operands);
    ir_value a, b;
    return equal && equal->opcode == IR_OPERATION && equal->operation == OPERATION_EQ &&
           is_extent_of_elements(s, block, equal->operands[0], &a) &&
           is_extent_of_elements(s, block, equal->operands[1], &b) && a == b;
}

static bool cannot_fail(const struct chunk_shape *s, const struct ir_function *function,
                        const struct ir_instruction *i)
{
    if (i->opcode == IR_CHECK)
        return compares_rows(s, &function->blocks[0], i);
    return i->opcode == IR_EXTENT || i->opcode == IR_CONSTANT ||
           (i->opcode == IR_OPERATION &&
            typed_operation_is_total(i->operation, ir_type_of(function, i->operands[0])->type));
}

/* The call, if nothing else is done that could fail. */
static const struct ir_instruction *find_only_call(const struct chunk_shape *s,
                                                   const struct ir_function *function)
{
    const struct ir_block *block = &function->blocks[0];
    const struct ir_instruction *call = NULL;
    for (uint32_t n = 0; n + 1 < block->count; n++) {
        const struct ir_instruction *i = block->instructions[n];
        if (!cannot_fail(s, function, i) && (i->opcode != IR_CALL || call))
            return NULL;
        call = i->opcode == IR_CALL ? i : call;
    }
    return call;
}

/* The function of a reduction that passes on an accumulator and an element, and no more. */
static const struct ir_instruction *only_call(const struct chunk_shape *s,
                                              const struct ir_function *function)
{
    const struct ir_block *block = &function->blocks[0];
    uint32_t leaves = s->call->result_count;
    if (function->block_count != 1 || block->parameter_count != 2 * leaves ||
        block->first_parameter != 0)
        return NULL;
    const struct ir_instruction *call = find_only_call(s, function);
    const struct ir_instruction *last = block->instructions[block->count - 1];
    if (!call || last->opcode != IR_RETURN || call->result_count != leaves ||
        call->operand_count < 2 * leaves || last->operand_count != leaves)
        return NULL;
    for (uint32_t o = 0; o < 2 * leaves; o++)
        if (call->operands[o] != o)
            return NULL;
    for (uint32_t r = 0; r < leaves; r++)
        if (last->operands[r] != call->first_result + r)
            return NULL;
    return call;
}

/* Whether what two elements give has their extents: then all that is ever combined has. */
static bool keeps_extents(const struct chunk_shape *s, const struct ir_function *function,
                          const struct ir_instruction *call)
{
    uint32_t leaves = call->result_count, at = 2 * leaves;
    for (uint32_t r = 0; r < leaves; r++) {
        const struct ir_type *type = ir_type_of(function, call->first_result + r);
        uint32_t rank = type->type->kind == TYPE_ARRAY ? type->type->rank : 0;
        ir_value extent;
        if (type->known_extents != (1U << rank) - 1)
            return false;
        for (uint32_t d = 0; d < rank; d++, at++)
            if (!is_extent_of_elements(s, &function->blocks[0], call->operands[at], &extent) ||
                extent != extent_of_elements(s, r, d))
                return false;
    }
    return at == call->operand_count;
}

/* Whether the comprehension's elements have the types of the reduction's values. */
static bool takes_elements(const struct chunk_shape *s, const struct ir_function *function)
{
    uint32_t leaves = s->call->result_count;
    if (function->result_count != leaves || function->blocks[0].parameter_count != 2 * leaves)
        return false;
    for (uint32_t p = 0; p < 2 * leaves; p++)
        if (ir_type_of(function, p)->type !=
            ir_type_of(s->function, s->call->first_result + p % leaves)->type)
            return false;
    return true;
}

static bool has_numbers_and_arrays(const struct type *type)
{
    for (uint32_t i = 0; i < ir_leaf_count(type); i++) {
        const struct type *leaf = ir_leaf(type, i);
        const struct type *element = leaf->kind == TYPE_ARRAY ? leaf->element : leaf;
        if (element->kind != TYPE_SCALAR || type_is_unit(leaf))
            return false;
    }
    return !type_is_unit(type);
}

/* What it costs depends on the extents of rows, mostly. */
static const char *weigh_reduction(struct ir_module *module, struct chunk_reduction *reduction,
                                   const struct ir_instruction *call)
{
    const char *refused = weigh(reduction->task, call, &reduction->cost_ns);
    struct typed_annotations annotations = merged(call->annotations, &reduction->task->annotations);
    if (!refused || !reduction->has_rows || annotations.cost_ns ||
        refuse_annotations(&annotations, reduction->task))
        return refused;
    reduction->cost = estimate_task(module->arena, reduction->task);
    return reduction->cost && chunk_can_weigh_rows(reduction->cost) ? NULL : refused;
}

const char *chunk_recognize_reduction(const struct chunk_shape *shape,
                                      const struct effects *effects,
                                      const struct ir_instruction *reduce,
                                      struct chunk_reduction *reduction)
{
    struct ir_module *module = shape->module;
    const struct ir_function *function = module->functions[reduce->callee];
    if (!takes_elements(shape, function))
        return "its elements are of another type than its result";
    const struct ir_instruction *call = only_call(shape, function);
    if (!call)
        return "the reduction does more than call one task";
    struct typed_function *task = module->kernels[call->callee];
    *reduction =
        (struct chunk_reduction){.task = task, .span = reduce->span, .has_initial = reduce->flag};
    reduction->has_rows = !has_scalar_leaves(task->result);
    if (task->parameter_count != 2 || !has_numbers_and_arrays(task->result))
        return "the reduction is not of numbers, or of arrays of these";
    if (reduction->has_rows && !keeps_extents(shape, function, call))
        return "the shape of what it gives is not known to be that of its elements";
    if (reduction->has_rows && reduction->has_initial)
        return "its initial value may have another shape than its elements";
    if (effects->logs[call->callee])
        return "its task logs";
    return weigh_reduction(module, reduction, call);
}
