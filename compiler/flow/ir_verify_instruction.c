/*
 * The rules of single instructions: F10 to F39 of spec/flow-ir.md. Whatever these functions accept,
 * elaboration can run: no operand is missing, and each has the type that the instruction needs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/verify.h"
#include "value/semantics.h"
#include "value/string.h"

/* ---- Operands ------------------------------------------------------------------------------- */

static const struct ir_type *operand_type(const struct verifier *v, uint32_t index)
{
    return ir_type_of(v->function, v->instruction->operands[index]);
}

static const struct ir_type *result_type(const struct verifier *v, uint32_t index)
{
    return ir_type_of(v->function, v->instruction->first_result + index);
}

static bool is_known(const struct ir_type *type, enum wk_scalar scalar)
{
    return type->kind == IR_KNOWN && type->type->kind == TYPE_SCALAR &&
           type->type->scalar == scalar;
}

static bool is_known_scalar(const struct ir_type *type)
{
    return type->kind == IR_KNOWN && type_is_scalar(type->type);
}

static bool is_known_text(const struct ir_type *type)
{
    return type->kind == IR_KNOWN && type->type->kind == TYPE_STRING;
}

/* What a leaf of a map's key is. */
static bool is_known_key(const struct ir_type *type)
{
    return is_known_text(type) || (is_known_scalar(type) && type_is_integer(type->type));
}

static bool is_structured(const struct ir_type *type)
{
    return type->kind == IR_STRUCTURED;
}

static bool is_pending_array(const struct ir_type *type)
{
    return type->kind == IR_PENDING && type->type->kind == TYPE_ARRAY;
}

static uint32_t all_extents(uint32_t rank)
{
    return (1U << rank) - 1;
}

/* A pending array of scalars whose extents are all known: what views are made of. */
static bool is_viewable(const struct ir_type *type)
{
    return is_pending_array(type) && type_is_scalar(type->type->element) &&
           type->known_extents == all_extents(type->type->rank);
}

static bool counts(struct verifier *v, int rule, uint32_t operands, uint32_t results)
{
    const struct ir_instruction *i = v->instruction;
    if (i->operand_count != operands)
        return verify_fail(v, rule, "has %u operands, needs %u", i->operand_count, operands);
    if (i->result_count != results)
        return verify_fail(v, rule, "has %u results, gives %u", i->result_count, results);
    return true;
}

/* Operands [begin, begin + count) are known i64: extents and indexes. */
static bool integers(struct verifier *v, int rule, uint32_t begin, uint32_t count)
{
    for (uint32_t i = begin; i < begin + count; i++)
        if (!is_known(operand_type(v, i), WK_I64))
            return verify_fail(v, rule, "operand %u must be a known i64", i);
    return true;
}

static bool fits(struct verifier *v, int rule, const struct ir_type *from, const struct ir_type *to,
                 const char *what)
{
    return ir_type_fits(from, to) || verify_fail(v, rule, "%s has the wrong type", what);
}

/* ---- Known values --------------------------------------------------------------------------- */

/* Whether a word is one of the type, as the kernel ABI has it. */
static bool is_word_of(const struct type *type, uint64_t word)
{
    if (!type_is_scalar(type))
        return word == 0;
    unsigned bits = 8 * wk_scalar_bytes(type->scalar);
    if (type->scalar == WK_BOOL)
        return word <= 1;
    if (bits == 64)
        return true;
    if (!type_is_signed(type))
        return word >> bits == 0;
    int64_t value = (int64_t)word, limit = INT64_C(1) << (bits - 1);
    return value >= -limit && value < limit;
}

static bool verify_constant(struct verifier *v)
{
    if (!counts(v, 10, 0, 1))
        return false;
    if (result_type(v, 0)->kind != IR_KNOWN)
        return verify_fail(v, 10, "a constant is known");
    if (is_known_text(result_type(v, 0))) {
        const char *text = v->instruction->text;
        return (text && string_check(text, v->instruction->word) == v->instruction->word) ||
               verify_fail(v, 10, "the text is not UTF-8");
    }
    return is_word_of(result_type(v, 0)->type, v->instruction->word) ||
           verify_fail(v, 10, "the word is none of the type");
}

static bool verify_operation(struct verifier *v)
{
    enum operation operation = v->instruction->operation;
    if (!counts(v, 11, operation_arity(operation), 1))
        return false;
    const struct ir_type *first = operand_type(v, 0);
    if (!is_known_scalar(first) || !operation_accepts(operation, first->type->scalar))
        return verify_fail(v, 11, "the operation is not one of the operands' type");
    for (uint32_t i = 1; i < v->instruction->operand_count; i++)
        if (operand_type(v, i) != first)
            return verify_fail(v, 11, "the operands have different types");
    return is_known(result_type(v, 0), operation_result(operation, first->type->scalar)) ||
           verify_fail(v, 11, "the result has the wrong type");
}

static bool verify_convert(struct verifier *v)
{
    if (!counts(v, 12, 1, 1))
        return false;
    const struct ir_type *from = operand_type(v, 0), *to = result_type(v, 0);
    if (!is_known_scalar(from) || !is_known_scalar(to))
        return verify_fail(v, 12, "converts known scalars only");
    return to->type->scalar != WK_BOOL || from == to ||
           verify_fail(v, 12, "nothing converts to bool");
}

static bool verify_count(struct verifier *v)
{
    return counts(v, 13, 3, 1) && integers(v, 13, 0, 3) &&
           (is_known(result_type(v, 0), WK_I64) || verify_fail(v, 13, "the result is an i64"));
}

/* ---- Known strings -------------------------------------------------------------------------- */

/* Operands [begin, begin + count) are known strings. */
static bool texts(struct verifier *v, uint32_t begin, uint32_t count)
{
    for (uint32_t i = begin; i < begin + count; i++)
        if (!is_known_text(operand_type(v, i)))
            return verify_fail(v, 41, "operand %u must be a known str", i);
    return true;
}

static bool text_result(struct verifier *v)
{
    return is_known_text(result_type(v, 0)) || verify_fail(v, 41, "the result is a str");
}

static bool integer_result(struct verifier *v)
{
    return is_known(result_type(v, 0), WK_I64) || verify_fail(v, 41, "the result is an i64");
}

static bool verify_text_concat(struct verifier *v)
{
    uint32_t count = v->instruction->operand_count;
    return counts(v, 41, count < 2 ? 2 : count, 1) && texts(v, 0, count) && text_result(v);
}

static bool verify_text_compare(struct verifier *v)
{
    return counts(v, 41, 2, 1) && texts(v, 0, 2) && integer_result(v);
}

static bool verify_text_slice(struct verifier *v)
{
    return counts(v, 41, 3, 1) && texts(v, 0, 1) && integers(v, 41, 1, 2) && text_result(v);
}

static bool verify_text_print(struct verifier *v)
{
    if (!counts(v, 41, 1, 1) || !text_result(v))
        return false;
    return is_known_scalar(operand_type(v, 0)) || verify_fail(v, 41, "operand 0 is a known scalar");
}

static bool verify_text_length(struct verifier *v)
{
    return counts(v, 41, 1, 1) && texts(v, 0, 1) && integer_result(v);
}

/* ---- Structures ----------------------------------------------------------------------------- */

static bool structured_result(struct verifier *v, int rule)
{
    if (v->instruction->result_count != 1)
        return verify_fail(v, rule, "has %u results, gives 1", v->instruction->result_count);
    return is_structured(result_type(v, 0)) || verify_fail(v, rule, "the result is a structure");
}

/* The first operand is there and is a structure. */
static bool structured_operand(struct verifier *v, int rule)
{
    if (v->instruction->operand_count == 0)
        return verify_fail(v, rule, "has no operands");
    return is_structured(operand_type(v, 0)) ||
           verify_fail(v, rule, "operand 0 must be a structure");
}

/* The product of the extents, which are constants, or -1. */
static int64_t constant_product(struct verifier *v, uint32_t rank)
{
    uint64_t product = 1;
    for (uint32_t d = 0; d < rank; d++) {
        const struct ir_instruction *extent = v->definitions[v->instruction->operands[d]];
        if (!extent || extent->opcode != IR_CONSTANT || (int64_t)extent->word < 0 ||
            __builtin_mul_overflow(product, extent->word, &product))
            return -1;
    }
    return product > INT64_MAX ? -1 : (int64_t)product;
}

static bool verify_structure(struct verifier *v)
{
    if (!structured_result(v, 14))
        return false;
    const struct ir_type *result = result_type(v, 0);
    if (v->instruction->operand_count < result->rank)
        return verify_fail(v, 14, "needs an extent for each dimension");
    if (!integers(v, 14, 0, result->rank))
        return false;
    if (constant_product(v, result->rank) != (int64_t)v->instruction->operand_count - result->rank)
        return verify_fail(v, 14,
                           "the extents must be constants, and their product the elements' count");
    for (uint32_t i = result->rank; i < v->instruction->operand_count; i++)
        if (!fits(v, 14, operand_type(v, i), result->element, "an element"))
            return false;
    return true;
}

static bool verify_fill(struct verifier *v)
{
    if (!structured_result(v, 15))
        return false;
    const struct ir_type *result = result_type(v, 0);
    return counts(v, 15, 1U + result->rank, 1) && integers(v, 15, 1, result->rank) &&
           fits(v, 15, operand_type(v, 0), result->element, "the element");
}

static bool verify_range(struct verifier *v)
{
    if (!counts(v, 16, 3, 1) || !integers(v, 16, 0, 3))
        return false;
    const struct ir_type *result = result_type(v, 0);
    return (is_structured(result) && result->rank == 1 && is_known(result->element, WK_I64)) ||
           verify_fail(v, 16, "the result is {1}i64");
}

static bool verify_get(struct verifier *v)
{
    if (!structured_operand(v, 17))
        return false;
    const struct ir_type *from = operand_type(v, 0);
    return counts(v, 17, 1U + from->rank, 1) && integers(v, 17, 1, from->rank) &&
           fits(v, 17, from->element, result_type(v, 0), "the result");
}

static bool verify_set(struct verifier *v)
{
    if (!structured_operand(v, 18) || !structured_result(v, 18))
        return false;
    const struct ir_type *from = operand_type(v, 0), *to = result_type(v, 0);
    return counts(v, 18, 2U + from->rank, 1) && integers(v, 18, 1, from->rank) &&
           fits(v, 18, from, to, "the result") &&
           fits(v, 18, operand_type(v, 1U + from->rank), to->element, "the element");
}

/* The operands of a slice of rank `rank`: the base, then as the mask says; `more` follow. */
static bool slice_operands(struct verifier *v, int rule, uint32_t rank, uint32_t more)
{
    uint32_t mask = v->instruction->mask;
    if (mask & ~all_extents(rank))
        return verify_fail(v, rule, "the mask has more dimensions than the array");
    uint32_t count = rank + (uint32_t)__builtin_popcount(mask);
    return counts(v, rule, 1 + count + more, 1) && integers(v, rule, 1, count);
}

static bool verify_slice(struct verifier *v)
{
    if (!structured_operand(v, 19) || !structured_result(v, 19) ||
        !slice_operands(v, 19, operand_type(v, 0)->rank, 0))
        return false;
    const struct ir_type *from = operand_type(v, 0), *to = result_type(v, 0);
    if (to->rank != __builtin_popcount(v->instruction->mask))
        return verify_fail(v, 19, "the result's rank is the number of ranges");
    return fits(v, 19, from->element, to->element, "the result");
}

static bool verify_set_slice(struct verifier *v)
{
    if (!structured_operand(v, 20) || !structured_result(v, 20) ||
        !slice_operands(v, 20, operand_type(v, 0)->rank, 1))
        return false;
    const struct ir_type *to = result_type(v, 0);
    const struct ir_type *value = operand_type(v, v->instruction->operand_count - 1);
    if (!is_structured(value) || value->rank != __builtin_popcount(v->instruction->mask))
        return verify_fail(v, 20, "the last operand is a structure of the slice's rank");
    return fits(v, 20, operand_type(v, 0), to, "the result") &&
           fits(v, 20, value->element, to->element, "an element");
}

static bool verify_concat(struct verifier *v)
{
    return counts(v, 21, 2, 1) && structured_operand(v, 21) && structured_result(v, 21) &&
           fits(v, 21, operand_type(v, 0), result_type(v, 0), "operand 0") &&
           fits(v, 21, operand_type(v, 1), result_type(v, 0), "operand 1");
}

static bool verify_concat_all(struct verifier *v)
{
    if (!counts(v, 22, 1, 1) || !structured_operand(v, 22))
        return false;
    const struct ir_type *from = operand_type(v, 0);
    if (from->rank != 1 || !is_structured(from->element))
        return verify_fail(v, 22, "operand 0 is a structure of rank 1 of structures");
    return fits(v, 22, from->element, result_type(v, 0), "the result");
}

static bool verify_find(struct verifier *v)
{
    uint32_t leaves = v->instruction->operand_count / 2;
    if (!counts(v, 42, leaves ? 2 * leaves : 2, 1))
        return false;
    for (uint32_t i = 0; i < leaves; i++) {
        const struct ir_type *keys = operand_type(v, i), *key = operand_type(v, leaves + i);
        if (!is_structured(keys) || keys->rank != 1 || !is_known_key(keys->element))
            return verify_fail(v, 42, "operand %u is a structure of rank 1 of integers or strings",
                               i);
        if (key != keys->element)
            return verify_fail(v, 42, "operand %u has the wrong type", leaves + i);
    }
    return is_known(result_type(v, 0), WK_I64) || verify_fail(v, 42, "the result is an i64");
}

static bool verify_flatten(struct verifier *v)
{
    if (!counts(v, 23, 1, 1) || !structured_operand(v, 23) || !structured_result(v, 23))
        return false;
    const struct ir_type *element = operand_type(v, 0)->element;
    if (is_structured(element))
        element = element->element;
    if (result_type(v, 0)->rank != 1)
        return verify_fail(v, 23, "the result has rank 1");
    return fits(v, 23, element, result_type(v, 0)->element, "the result");
}

static bool verify_transpose(struct verifier *v)
{
    if (!counts(v, 24, 1, 1) || !structured_operand(v, 24))
        return false;
    if (operand_type(v, 0)->rank != 2)
        return verify_fail(v, 24, "operand 0 has rank 2");
    return fits(v, 24, operand_type(v, 0), result_type(v, 0), "the result");
}

static bool verify_extent(struct verifier *v)
{
    if (!counts(v, 25, 1, 1))
        return false;
    const struct ir_type *from = operand_type(v, 0);
    uint32_t number = v->instruction->number;
    bool known = is_structured(from) ? number < from->rank
                 : is_pending_array(from)
                     ? number < from->type->rank && (from->known_extents >> number & 1)
                     : false;
    if (!known)
        return verify_fail(v, 25, "extent %u of the operand is not known", number);
    return is_known(result_type(v, 0), WK_I64) || verify_fail(v, 25, "the result is an i64");
}

/* ---- Pending values ------------------------------------------------------------------------- */

static bool viewable_operand(struct verifier *v, int rule)
{
    if (v->instruction->operand_count == 0)
        return verify_fail(v, rule, "has no operands");
    return is_viewable(operand_type(v, 0)) ||
           verify_fail(v, rule, "operand 0 is a pending array of scalars of known extents");
}

/* A pending scalar, or array of rank `rank`, of the elements that `array` has. */
static bool is_piece(const struct ir_type *type, const struct type *array, uint32_t rank)
{
    if (type->kind != IR_PENDING)
        return false;
    if (rank == 0)
        return type->type == array->element;
    return type->type->kind == TYPE_ARRAY && type->type->rank == rank &&
           type->type->element == array->element;
}

static bool verify_view(struct verifier *v)
{
    if (!viewable_operand(v, 26) || !slice_operands(v, 26, operand_type(v, 0)->type->rank, 0))
        return false;
    uint32_t rank = (uint32_t)__builtin_popcount(v->instruction->mask);
    return is_piece(result_type(v, 0), operand_type(v, 0)->type, rank) ||
           verify_fail(v, 26, "the result is a pending piece of the array");
}

static bool verify_elements(struct verifier *v)
{
    if (!counts(v, 27, 1, 1) || !viewable_operand(v, 27) || !structured_result(v, 27))
        return false;
    const struct type *array = operand_type(v, 0)->type;
    const struct ir_type *result = result_type(v, 0);
    return (result->rank == 1 && is_piece(result->element, array, array->rank - 1U)) ||
           verify_fail(v, 27, "the result is a structure of rank 1 of elements or rows");
}

static bool verify_tiles(struct verifier *v)
{
    if (!counts(v, 28, 3, 1) || !viewable_operand(v, 28) || !integers(v, 28, 1, 2) ||
        !structured_result(v, 28))
        return false;
    const struct type *array = operand_type(v, 0)->type;
    const struct ir_type *result = result_type(v, 0);
    return (array->rank == 2 && result->rank == 2 && is_piece(result->element, array, 2)) ||
           verify_fail(v, 28, "tiles are made of a matrix, as a structure of rank 2 of matrices");
}

static bool verify_lift(struct verifier *v)
{
    if (!counts(v, 29, 1, 1))
        return false;
    const struct ir_type *from = operand_type(v, 0), *to = result_type(v, 0);
    if (to->kind != IR_PENDING)
        return verify_fail(v, 29, "the result is pending");
    bool same = from->kind == IR_KNOWN ? from->type == to->type
                                       : is_structured(from) && is_known_scalar(from->element) &&
                                             is_pending_array(to) && to->type->rank == from->rank &&
                                             to->type->element == from->element->type;
    return same || verify_fail(v, 29, "the operand is a known value of the result's type");
}

static bool verify_contents(struct verifier *v)
{
    if (!counts(v, 40, 1, 1))
        return false;
    const struct ir_type *from = operand_type(v, 0), *to = result_type(v, 0);
    if (from->kind != IR_KNOWN || from->type->kind != TYPE_FILE)
        return verify_fail(v, 40, "the operand is a known file");
    return (is_pending_array(to) && type_is_bytes(to->type) && to->known_extents == 1) ||
           verify_fail(v, 40, "the result is bytes of a known extent");
}

/* ---- Calls ---------------------------------------------------------------------------------- */

/* Whether this is a structure that gathers one leaf of the elements of an array. */
static bool gathers(const struct ir_type *type, const struct type *array, uint32_t leaf)
{
    if (!is_structured(type) || type->rank != array->rank || is_structured(type->element) ||
        type->element->type != ir_leaf(array->element, leaf))
        return false;
    return type->element->kind == IR_PENDING || ir_can_be_known(array->element);
}

bool verify_takes_leaf(const struct type *leaf, const struct ir_type *const *types, uint32_t count,
                       uint32_t *at)
{
    if (*at == count)
        return false;
    const struct ir_type *first = types[*at];
    if (!is_structured(first)) {
        ++*at;
        return first->type == leaf && (first->kind == IR_PENDING || leaf->kind != TYPE_ARRAY);
    }
    if (leaf->kind != TYPE_ARRAY)
        return false;
    for (uint32_t part = 0; part < ir_leaf_count(leaf->element); part++, ++*at)
        if (*at == count || !gathers(types[*at], leaf, part))
            return false;
    return true;
}

static bool verify_call_results(struct verifier *v, const struct type *result, uint32_t at)
{
    const struct ir_instruction *i = v->instruction;
    if (i->result_count != ir_leaf_count(result))
        return verify_fail(v, 31, "has %u results, the kernel gives %u", i->result_count,
                           ir_leaf_count(result));
    uint32_t extents = 0;
    for (uint32_t leaf = 0; leaf < i->result_count; leaf++) {
        const struct ir_type *type = result_type(v, leaf);
        if (type->kind != IR_PENDING || type->type != ir_leaf(result, leaf))
            return verify_fail(v, 31, "result %u has the wrong type", leaf);
        if (i->flag && type_is_unit(type->type))
            return verify_fail(v, 31, "is shared, and has an effect");
        extents += (uint32_t)__builtin_popcount(type->known_extents);
    }
    if (i->operand_count - at != extents)
        return verify_fail(v, 31,
                           "has %u operands behind the arguments, its results know %u extents",
                           i->operand_count - at, extents);
    return integers(v, 31, at, extents);
}

static bool verify_call(struct verifier *v)
{
    if (v->instruction->callee >= v->module->kernel_count)
        return verify_fail(v, 30, "there is no such kernel");
    const struct typed_function *kernel = v->module->kernels[v->instruction->callee];
    uint32_t at = 0, count = v->instruction->operand_count;
    const struct ir_type **types = memory_new(count, sizeof *types);
    for (uint32_t i = 0; i < count; i++)
        types[i] = operand_type(v, i);
    const char *refused = NULL;
    for (uint32_t p = 0; p < kernel->parameter_count && !refused; p++)
        for (uint32_t leaf = 0; leaf < ir_leaf_count(kernel->parameters[p]->type); leaf++)
            if (!verify_takes_leaf(ir_leaf(kernel->parameters[p]->type, leaf), types, count, &at))
                refused = kernel->parameters[p]->name;
    free(types);
    if (refused)
        return verify_fail(v, 30, "the operands do not fit the parameter %s", refused);
    return verify_call_results(v, kernel->result, at);
}

static const struct ir_function *callee(struct verifier *v, int rule)
{
    if (v->instruction->callee < v->module->function_count)
        return v->module->functions[v->instruction->callee];
    verify_fail(v, rule, "there is no such function");
    return NULL;
}

static uint32_t parameter_count(const struct ir_function *function)
{
    return function->blocks[0].parameter_count;
}

static const struct ir_type *parameter_type(const struct ir_function *function, uint32_t index)
{
    return ir_type_of(function, function->blocks[0].first_parameter + index);
}

/* Operands from `at` to the last fit the callee's parameters from `parameter` to the last. */
static bool passes(struct verifier *v, int rule, const struct ir_function *function, uint32_t at,
                   uint32_t parameter)
{
    uint32_t wanted = parameter_count(function), count = v->instruction->operand_count;
    if (wanted < parameter || count < at || count - at != wanted - parameter)
        return verify_fail(v, rule, "the number of operands is not that of @%s's parameters",
                           function->name);
    for (; at < count; at++, parameter++)
        if (!fits(v, rule, operand_type(v, at), parameter_type(function, parameter), "an operand"))
            return false;
    return true;
}

static bool verify_apply(struct verifier *v)
{
    const struct ir_function *function = callee(v, 32);
    if (!function || !passes(v, 32, function, 0, 0))
        return false;
    if (v->instruction->result_count != function->result_count)
        return verify_fail(v, 32, "the number of results is not that of @%s", function->name);
    for (uint32_t i = 0; i < function->result_count; i++)
        if (!fits(v, 32, function->results[i], result_type(v, i), "a result"))
            return false;
    return true;
}

static bool verify_each(struct verifier *v)
{
    const struct ir_instruction *i = v->instruction;
    const struct ir_function *function = callee(v, 33);
    uint32_t rank = i->number, skipped = i->flag;
    if (!function)
        return false;
    if (rank == 0 || rank > WK_MAX_RANK || (i->flag && rank != 1))
        return verify_fail(v, 33, "the rank is impossible");
    if (i->operand_count < rank || parameter_count(function) < rank)
        return verify_fail(v, 33, "needs an extent and a parameter for each dimension");
    for (uint32_t d = 0; d < rank; d++)
        if (!is_known(parameter_type(function, d), WK_I64))
            return verify_fail(v, 33, "@%s takes the indexes first", function->name);
    if (!integers(v, 33, 0, rank) || !passes(v, 33, function, rank, rank))
        return false;
    if (skipped && (function->result_count == 0 || !is_known(function->results[0], WK_BOOL)))
        return verify_fail(v, 33, "@%s says first whether to keep", function->name);
    if (i->result_count + skipped != function->result_count)
        return verify_fail(v, 33, "the number of results is not that of @%s", function->name);
    for (uint32_t r = 0; r < i->result_count; r++) {
        const struct ir_type *result = result_type(v, r);
        if (!is_structured(result) || result->rank != rank)
            return verify_fail(v, 33, "results are structures of the space's rank");
        if (!fits(v, 33, function->results[r + skipped], result->element, "a result"))
            return false;
    }
    return true;
}

/* One leaf of a reduction: element, accumulator, and result agree. */
static bool verify_reduce_leaf(struct verifier *v, const struct ir_function *function,
                               uint32_t leaf, uint32_t leaves)
{
    const struct ir_type *structure = operand_type(v, 2 + leaf);
    if (!is_structured(structure) || structure->rank != operand_type(v, 2)->rank)
        return verify_fail(v, 34, "operand %u is a structure of the others' rank", 2 + leaf);
    const struct ir_type *accumulator = parameter_type(function, leaf);
    const struct ir_type *element = parameter_type(function, leaves + leaf);
    const struct ir_type *folded = function->results[leaf], *result = result_type(v, leaf);
    if (v->instruction->flag &&
        !fits(v, 34, operand_type(v, 2 + leaves + leaf), accumulator, "an initial value"))
        return false;
    return fits(v, 34, structure->element, accumulator, "an element as accumulator") &&
           fits(v, 34, structure->element, element, "an element") &&
           fits(v, 34, structure->element, result, "an element as result") &&
           fits(v, 34, folded, accumulator, "a result as accumulator") &&
           fits(v, 34, folded, element, "a result as element") &&
           fits(v, 34, folded, result, "a result");
}

static bool verify_reduce(struct verifier *v)
{
    const struct ir_instruction *i = v->instruction;
    const struct ir_function *function = callee(v, 34);
    uint32_t leaves = i->result_count;
    uint64_t fixed = 2 + (i->flag ? 2 : 1) * (uint64_t)leaves;
    if (!function)
        return false;
    if (leaves == 0 || i->operand_count < fixed || parameter_count(function) / 2 < leaves ||
        function->result_count != leaves)
        return verify_fail(v, 34, "the numbers of operands and results are not those of @%s",
                           function->name);
    if (!integers(v, 34, 0, 2) || !passes(v, 34, function, (uint32_t)fixed, 2 * leaves))
        return false;
    for (uint32_t leaf = 0; leaf < leaves; leaf++)
        if (!verify_reduce_leaf(v, function, leaf, leaves))
            return false;
    return true;
}

/* ---- Messages and control ------------------------------------------------------------------- */

/* q is a string in quotes. */
static bool is_letter_of(const struct type *type, char letter)
{
    if (type_is_bool(type))
        return letter == 'b';
    if (type->kind == TYPE_STRING)
        return letter == 's' || letter == 'q';
    if (type_is_float(type))
        return letter == (type->scalar == WK_F32 ? 'g' : 'f');
    return letter == (type_is_signed(type) ? 'i' : 'u');
}

/* How many values a format takes, or -1 if a brace stands alone. */
static int64_t count_values(const char *format)
{
    int64_t count = 0;
    for (; *format; format++) {
        if (*format != '{' && *format != '}')
            continue;
        if (format[1] == *format)
            format++;
        else if (strncmp(format, "{}", 2) == 0)
            count++, format++;
        else
            return -1;
    }
    return count;
}

/* The message's values are the operands from `at` on. */
static bool verify_message(struct verifier *v, int rule, uint32_t at)
{
    const struct ir_instruction *i = v->instruction;
    if (!i->format || !i->types || count_values(i->format) != (int64_t)strlen(i->types) ||
        strlen(i->types) != i->operand_count - at)
        return verify_fail(v, rule, "the message's values are not the operands");
    for (uint32_t o = at; o < i->operand_count; o++)
        if (!(is_known_scalar(operand_type(v, o)) || is_known_text(operand_type(v, o))) ||
            !is_letter_of(operand_type(v, o)->type, i->types[o - at]))
            return verify_fail(v, rule, "operand %u is not what the message says", o);
    return true;
}

static bool bool_operand(struct verifier *v, int rule)
{
    if (v->instruction->operand_count == 0 || !is_known(operand_type(v, 0), WK_BOOL))
        return verify_fail(v, rule, "operand 0 is a known bool");
    return true;
}

static bool no_results(struct verifier *v, int rule)
{
    return v->instruction->result_count == 0 || verify_fail(v, rule, "has no results");
}

static bool verify_check(struct verifier *v)
{
    if (!bool_operand(v, 35) || !no_results(v, 35))
        return false;
    if (v->instruction->code <= ERR_none || v->instruction->code >= ERROR_COUNT)
        return verify_fail(v, 35, "there is no such error");
    return verify_message(v, 35, 1);
}

/* The arguments of a jump, operands from `at` on, fit the target's parameters. */
static bool verify_target(struct verifier *v, int rule, uint32_t target, uint32_t at,
                          uint32_t count)
{
    if (target == 0 || target >= v->function->block_count)
        return verify_fail(v, rule, "b%u cannot be a target", target);
    const struct ir_block *block = &v->function->blocks[target];
    if (count != block->parameter_count)
        return verify_fail(v, rule, "b%u takes %u values, not %u", target, block->parameter_count,
                           count);
    for (uint32_t i = 0; i < count; i++)
        if (!fits(v, rule, operand_type(v, at + i),
                  ir_type_of(v->function, block->first_parameter + i), "an argument"))
            return false;
    return true;
}

static bool verify_jump(struct verifier *v)
{
    const struct ir_instruction *i = v->instruction;
    return no_results(v, 36) && verify_target(v, 36, i->targets[0], 0, i->operand_count);
}

static bool verify_branch(struct verifier *v)
{
    const struct ir_instruction *i = v->instruction;
    if (!bool_operand(v, 37) || !no_results(v, 37))
        return false;
    uint32_t first = i->first_target_count;
    if (first > i->operand_count - 1)
        return verify_fail(v, 37, "has fewer arguments than its first target takes");
    return verify_target(v, 37, i->targets[0], 1, first) &&
           verify_target(v, 37, i->targets[1], 1 + first, i->operand_count - 1 - first);
}

static bool verify_return(struct verifier *v)
{
    const struct ir_instruction *i = v->instruction;
    if (!no_results(v, 38))
        return false;
    if (i->operand_count != v->function->result_count)
        return verify_fail(v, 38, "the function has %u results", v->function->result_count);
    for (uint32_t r = 0; r < i->operand_count; r++)
        if (!fits(v, 38, operand_type(v, r), v->function->results[r], "a result"))
            return false;
    return true;
}

static bool verify_user_fail(struct verifier *v)
{
    return no_results(v, 39) && verify_message(v, 39, 0);
}

/* ---- All ------------------------------------------------------------------------------------ */

bool verify_instruction(struct verifier *v, const struct ir_instruction *instruction)
{
    v->instruction = instruction;
    switch (instruction->opcode) {
    case IR_CONSTANT:
        return verify_constant(v);
    case IR_OPERATION:
        return verify_operation(v);
    case IR_CONVERT:
        return verify_convert(v);
    case IR_TEXT_CONCAT:
        return verify_text_concat(v);
    case IR_TEXT_COMPARE:
        return verify_text_compare(v);
    case IR_TEXT_SLICE:
        return verify_text_slice(v);
    case IR_TEXT_PRINT:
        return verify_text_print(v);
    case IR_TEXT_LENGTH:
        return verify_text_length(v);
    case IR_COUNT:
        return verify_count(v);
    case IR_STRUCTURE:
        return verify_structure(v);
    case IR_FILL:
        return verify_fill(v);
    case IR_RANGE:
        return verify_range(v);
    case IR_GET:
        return verify_get(v);
    case IR_SET:
        return verify_set(v);
    case IR_SLICE:
        return verify_slice(v);
    case IR_SET_SLICE:
        return verify_set_slice(v);
    case IR_CONCAT:
        return verify_concat(v);
    case IR_CONCAT_ALL:
        return verify_concat_all(v);
    case IR_FLATTEN:
        return verify_flatten(v);
    case IR_TRANSPOSE:
        return verify_transpose(v);
    case IR_FIND:
        return verify_find(v);
    case IR_EXTENT:
        return verify_extent(v);
    case IR_VIEW:
        return verify_view(v);
    case IR_ELEMENTS:
        return verify_elements(v);
    case IR_TILES:
        return verify_tiles(v);
    case IR_LIFT:
        return verify_lift(v);
    case IR_CONTENTS:
        return verify_contents(v);
    case IR_CALL:
        return verify_call(v);
    case IR_APPLY:
        return verify_apply(v);
    case IR_EACH:
        return verify_each(v);
    case IR_REDUCE:
        return verify_reduce(v);
    case IR_CHECK:
        return verify_check(v);
    case IR_JUMP:
        return verify_jump(v);
    case IR_BRANCH:
        return verify_branch(v);
    case IR_RETURN:
        return verify_return(v);
    case IR_FAIL:
        return verify_user_fail(v);
    case IR_OPCODE_COUNT:
        break;
    }
    return verify_fail(v, 5, "there is no such instruction");
}
