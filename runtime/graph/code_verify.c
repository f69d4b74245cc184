/*
 * Loading flow code: the instructions.
 *
 * One pass over a function, in which each register has a type or none. A block says which registers
 * are live at its beginning and their types; each edge to it is held against that. So the
 * elaborator needs to check nothing but values: indexes, extents, limits.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/code_verify.h"
#include "value/semantics.h"
#include "value/string.h"

/* ---- Calls ------------------------------------------------------------------------------------
 */

/* Whether `type` can be an element that is gathered for `element`. */
static bool gathers(const struct flow_code *code, uint32_t type, const struct type *element)
{
    const struct flow_type *given = &code->types[type];
    if (given->kind != FLOW_STRUCTURED)
        return given->type == element && !given->is_unit;
    return element->kind == TYPE_ARRAY && given->rank == element->rank &&
           flow_is_known_scalar(&code->types[given->element]) &&
           code->types[given->element].type == element->element;
}

static bool is_gathered(const struct flow_code *code, uint32_t type, const struct type *array,
                        const struct type *element)
{
    const struct flow_type *given = &code->types[type];
    return given->kind == FLOW_STRUCTURED && given->rank == array->rank &&
           gathers(code, given->element, element);
}

uint32_t flow_argument_fits(const struct flow_code *code, const uint32_t *types, uint32_t count,
                            const struct type *leaf)
{
    if (count == 0)
        return 0;
    if (code->types[types[0]].kind != FLOW_STRUCTURED)
        return code->types[types[0]].type == leaf;
    if (leaf->kind != TYPE_ARRAY)
        return 0;
    if (!type_has_parts(leaf->element))
        return is_gathered(code, types[0], leaf, leaf->element);
    uint32_t leaves = flow_leaf_count(leaf->element);
    if (count < leaves)
        return 0;
    for (uint32_t i = 0; i < leaves; i++)
        if (!is_gathered(code, types[i], leaf, flow_leaf(leaf->element, i)))
            return 0;
    return leaves;
}

enum flow_use flow_argument_use(const struct flow_code *code, uint32_t type,
                                const struct type *leaf, bool is_first)
{
    const struct flow_type *given = &code->types[type];
    if (given->kind == FLOW_KNOWN)
        return given->is_unit ? FLOW_USE_NOTHING : given->is_text ? FLOW_USE_TEXT : FLOW_USE_WORD;
    if (given->kind == FLOW_PENDING)
        return given->is_unit ? FLOW_USE_ORDER : FLOW_USE_REF;
    if (!type_has_parts(leaf->element) && flow_is_known_scalar(&code->types[given->element]))
        return FLOW_USE_CONSTANT;
    return is_first ? FLOW_USE_GATHER : FLOW_USE_JOIN;
}

/* The arguments against the kernel's parameters, leaf by leaf; keeps their types for the
 * elaborator. */
static void verify_arguments(struct verifier *v, uint32_t call, const struct type *parameters,
                             uint32_t count)
{
    uint32_t *types = arena_array(&v->code->arena, uint32_t, count);
    uint32_t *uses = memory_new(count, sizeof *uses);
    v->code->call_types[call] = types;
    for (uint32_t i = 0; i < count && !v->wrong; i++)
        types[i] = take_used(v, &uses[i]);
    uint32_t at = 0, leaves = parameters->part_count ? flow_leaf_count(parameters) : 0;
    for (uint32_t l = 0; l < leaves && !v->wrong; l++) {
        const struct type *leaf = flow_leaf(parameters, l);
        uint32_t used = flow_argument_fits(v->code, types + at, count - at, leaf);
        if (!used)
            refuse(v, "an argument of another type");
        for (uint32_t i = 0; i < used; i++)
            if (uses[at + i] != flow_argument_use(v->code, types[at + i], leaf, i == 0))
                refuse(v, "an argument that is not used as its type says");
        at += used;
    }
    if (at != count)
        refuse(v, "more arguments than parameters");
    free(uses);
}

/* Each result is pending and the kernel's leaf; gives how many extents of it are known. */
static uint32_t verify_call_result(struct verifier *v, const struct type *leaf)
{
    struct destination to = take_destination(v);
    const struct flow_type *type = type_at(v, to.type);
    if (type->kind != FLOW_PENDING || type->type != leaf)
        refuse(v, "a call's result of another type");
    return (uint32_t)__builtin_popcount(type->known_extents);
}

static void verify_call(struct verifier *v)
{
    take_site(v);
    uint32_t kernel = take(v), call = take(v), arguments = take(v), results = take(v);
    if (kernel >= v->code->header.kernel_count || call >= v->code->header.call_count ||
        v->code->call_first_result[call + 1]) {
        refuse(v, "a call of no kernel, or one of another's number");
        return;
    }
    const struct flow_kernel *called = &v->code->kernels[kernel];
    if (results != flow_leaf_count(called->result) || arguments > (size_t)(v->end - v->at)) {
        refuse(v, "a call with the wrong count of results or arguments");
        return;
    }
    v->code->call_first_result[call + 1] = results;
    const uint32_t *destinations = v->at;
    uint32_t extents = 0;
    for (uint32_t i = 0; i < results && !v->wrong; i++)
        extents += verify_call_result(v, flow_leaf(called->result, i));
    verify_arguments(v, call, called->parameters, arguments);
    take_indexes(v, extents);
    for (uint32_t i = 0; i < results; i++)
        set_type(v, (struct destination){destinations[2 * i], destinations[2 * i + 1]});
}

/* Two calls with an effect are two nodes (C4.6). */
static void verify_shared_call(struct verifier *v)
{
    const uint32_t *operands = v->at;
    verify_call(v);
    if (v->wrong)
        return;
    const struct type *result = v->code->kernels[operands[1]].result;
    for (uint32_t i = 0; i < flow_leaf_count(result); i++)
        if (type_is_unit(flow_leaf(result, i)))
            refuse(v, "a shared call with the result ()");
}

/* ---- Functions --------------------------------------------------------------------------------
 */

static const struct flow_function *take_function(struct verifier *v)
{
    uint32_t number = take(v);
    if (number < v->code->header.function_count)
        return &v->code->functions[number];
    refuse(v, "a function that does not exist");
    return NULL;
}

/* The results' destinations, one after the other, are read later: gives where they begin. */
static const uint32_t *take_destinations(struct verifier *v, uint32_t count)
{
    const uint32_t *begin = v->at;
    for (uint32_t i = 0; i < count && !v->wrong; i++)
        take_destination(v);
    return begin;
}

static void set_destinations(struct verifier *v, const uint32_t *destinations, uint32_t count)
{
    for (uint32_t i = 0; i < count && !v->wrong; i++)
        set_type(v, (struct destination){destinations[2 * i], destinations[2 * i + 1]});
}

static void take_fitting(struct verifier *v, uint32_t expected)
{
    uint32_t type = take_operand(v);
    if (!v->wrong && !flow_type_fits(v->code, type, expected))
        refuse(v, "an argument of another type");
}

static void verify_apply(struct verifier *v)
{
    take_site(v);
    const struct flow_function *callee = take_function(v);
    uint32_t results = take(v);
    if (!callee || results != callee->result_count) {
        refuse(v, "the wrong count of results");
        return;
    }
    const uint32_t *destinations = take_destinations(v, results);
    for (uint32_t i = 0; i < results && !v->wrong; i++)
        if (!flow_type_fits(v->code, callee->results[i], destinations[2 * i + 1]))
            refuse(v, "a result of another type");
    for (uint32_t i = 0; i < callee->parameter_count && !v->wrong; i++)
        take_fitting(v, callee->parameters[i]);
    set_destinations(v, destinations, results);
}

static void verify_each(struct verifier *v)
{
    take_site(v);
    const struct flow_function *callee = take_function(v);
    uint32_t filtered = take(v), rank = take(v), results = take(v);
    if (!callee || filtered > 1 || rank < 1 || rank > WK_MAX_RANK || (filtered && rank != 1) ||
        results + (uint64_t)filtered != callee->result_count || callee->parameter_count < rank ||
        (filtered && callee->results[0] != WK_BOOL)) {
        refuse(v, "a function that does not suit a comprehension");
        return;
    }
    const uint32_t *destinations = take_destinations(v, results);
    for (uint32_t i = 0; i < results && !v->wrong; i++)
        if (!is_structure_of(v, type_at(v, destinations[2 * i + 1]), rank,
                             callee->results[filtered + i]))
            refuse(v, "a comprehension's result of another type");
    take_indexes(v, rank);
    for (uint32_t i = 0; i < rank; i++)
        if (callee->parameters[i] != WK_I64)
            refuse(v, "a function that takes no index");
    for (uint32_t i = rank; i < callee->parameter_count && !v->wrong; i++)
        take_fitting(v, callee->parameters[i]);
    set_destinations(v, destinations, results);
}

/* An element (or the initial value) of type `from` takes part in a fold by `callee` as accumulator
 * `leaf`, as element and as the result. */
static void check_folded(struct verifier *v, const struct flow_function *callee, uint32_t leaves,
                         uint32_t leaf, uint32_t from, uint32_t result)
{
    if (!v->wrong && !(flow_type_fits(v->code, from, callee->parameters[leaf]) &&
                       flow_type_fits(v->code, from, callee->parameters[leaves + leaf]) &&
                       flow_type_fits(v->code, from, result)))
        refuse(v, "a reduction over values of another type");
}

static void verify_reduce(struct verifier *v)
{
    take_site(v);
    const struct flow_function *callee = take_function(v);
    uint32_t has_initial = take(v), leaves = take(v);
    if (!callee || has_initial > 1 || !leaves || leaves != callee->result_count ||
        callee->parameter_count < 2 * (uint64_t)leaves) {
        refuse(v, "a function that does not suit a reduction");
        return;
    }
    const uint32_t *destinations = take_destinations(v, leaves);
    for (uint32_t i = 0; i < leaves && !v->wrong; i++)
        check_folded(v, callee, leaves, i, callee->results[i], destinations[2 * i + 1]);
    take_indexes(v, 2);
    for (uint32_t i = 0; i < leaves && !v->wrong; i++) {
        const struct flow_type *structure = type_at(v, take_structure(v));
        if (!v->wrong)
            check_folded(v, callee, leaves, i, structure->element, destinations[2 * i + 1]);
    }
    for (uint32_t i = 0; i < leaves && has_initial && !v->wrong; i++)
        check_folded(v, callee, leaves, i, take_operand(v), destinations[2 * i + 1]);
    for (uint32_t i = 2 * leaves; i < callee->parameter_count && !v->wrong; i++)
        take_fitting(v, callee->parameters[i]);
    set_destinations(v, destinations, leaves);
}

/* ---- Control ----------------------------------------------------------------------------------
 */

/* The registers that a block declares: parameters first. */
static void verify_block(struct verifier *v)
{
    uint32_t parameters = take(v);
    size_t pairs = (size_t)(v->end - v->at) / 2;
    for (uint32_t i = 0; i < v->function->registers; i++)
        v->types[i] = NO_TYPE;
    while (v->at < v->end && !v->wrong) {
        struct destination to = take_destination(v);
        if (!v->wrong && v->types[to.index] != NO_TYPE)
            refuse(v, "a block that names a register twice");
        set_type(v, to);
    }
    if (v->offset != 0 || v->wrong)
        return;
    const uint32_t *registers = v->function->code + 2;
    bool fits = pairs == parameters && parameters == v->function->parameter_count;
    for (uint32_t i = 0; fits && i < parameters; i++)
        fits = registers[2 * i + 1] == v->function->parameters[i];
    if (!fits)
        refuse(v, "a first block that does not take the function's parameters");
}

/* Leaves the registers' types as they are behind the edge. */
static void verify_edge(struct verifier *v)
{
    uint32_t target = take(v), arguments = take(v), drops = take(v);
    if (v->wrong || target == 0 || target >= v->function->word_count || !v->is_block[target]) {
        refuse(v, "an edge to no block");
        return;
    }
    const uint32_t *block = v->function->code + target;
    uint32_t pairs = (block[0] >> FLOW_OPCODE_BITS) / 2 - 1;
    if (arguments != block[1]) {
        refuse(v, "an edge with the wrong count of arguments");
        return;
    }
    for (uint32_t i = 0; i < arguments && !v->wrong; i++)
        take_fitting(v, block[2 + 2 * i + 1]);
    for (uint32_t i = 0; i < drops && !v->wrong; i++) {
        uint32_t index = take(v);
        if (index >= v->function->registers || index < v->function->word_registers)
            refuse(v, "a drop of something that is no structure");
        else
            v->types[index] = NO_TYPE;
    }
    for (uint32_t i = arguments; i < pairs && !v->wrong; i++) {
        uint32_t found = v->types[block[2 + 2 * i]];
        if (found == NO_TYPE || !flow_type_fits(v->code, found, block[2 + 2 * i + 1]))
            refuse(v, "an edge to a block that needs more registers");
    }
}

static void verify_branch(struct verifier *v)
{
    take_site(v);
    uint32_t first_words = take(v);
    take_known(v, WK_BOOL);
    if (v->wrong || first_words > (size_t)(v->end - v->at)) {
        refuse(v, "a branch without edges");
        return;
    }
    size_t bytes = v->function->registers * sizeof *v->types;
    uint32_t *types = memory_resize(NULL, 1, bytes);
    memcpy(types, v->types, bytes);
    const uint32_t *second = v->at + first_words;
    verify_edge(v);
    if (v->at != second)
        refuse(v, "a branch whose first edge has another length");
    memcpy(v->types, types, bytes);
    verify_edge(v);
    free(types);
}

static void verify_return(struct verifier *v)
{
    for (uint32_t i = 0; i < v->function->result_count && !v->wrong; i++)
        take_fitting(v, v->function->results[i]);
}

static void verify_check(struct verifier *v)
{
    take_site(v);
    if (error_code_parse(take_string(v)) == ERR_none)
        refuse(v, "a code that does not exist");
    take_message(v, true);
}

static void verify_instruction(struct verifier *v, enum flow_opcode opcode)
{
    switch (opcode) {
#define CASE(NAME, function)                                                                       \
    case FLOW_##NAME:                                                                              \
        function(v);                                                                               \
        break
        CASE(BLOCK, verify_block);
        CASE(CONSTANT, verify_constant);
        CASE(OPERATION, verify_operation);
        CASE(CONVERT, verify_convert);
        CASE(COUNT, verify_count);
        CASE(STRUCTURE, verify_structure);
        CASE(FILL, verify_fill);
        CASE(RANGE, verify_range);
        CASE(GET, verify_get);
        CASE(SET, verify_set);
        CASE(SLICE, verify_slice);
        CASE(SET_SLICE, verify_set_slice);
        CASE(CONCAT, verify_concat);
        CASE(CONCAT_ALL, verify_concat_all);
        CASE(FLATTEN, verify_flatten);
        CASE(TRANSPOSE, verify_transpose);
        CASE(FIND, verify_find);
        CASE(EXTENT, verify_extent);
        CASE(VIEW, verify_view);
        CASE(ELEMENTS, verify_elements);
        CASE(TILES, verify_tiles);
        CASE(CONTENTS, verify_contents);
        CASE(LIFT, verify_lift);
        CASE(CALL, verify_call);
        CASE(SHARED_CALL, verify_shared_call);
        CASE(APPLY, verify_apply);
        CASE(EACH, verify_each);
        CASE(REDUCE, verify_reduce);
        CASE(CHECK, verify_check);
        CASE(BRANCH, verify_branch);
        CASE(RETURN, verify_return);
#undef CASE
    case FLOW_TEXT_CONCAT:
    case FLOW_TEXT_COMPARE:
    case FLOW_TEXT_SLICE:
    case FLOW_TEXT_PRINT:
    case FLOW_TEXT_LENGTH:
        verify_text(v, opcode);
        break;
    case FLOW_JUMP:
        take_site(v);
        verify_edge(v);
        break;
    case FLOW_FAIL:
        take_site(v);
        take_message(v, false);
        break;
    case FLOW_OPCODE_COUNT:
        break;
    }
}

/* ---- The walk ---------------------------------------------------------------------------------
 */

static bool ends_block(uint32_t head)
{
    enum flow_opcode opcode = (enum flow_opcode)(head & 0xFF);
    return opcode == FLOW_JUMP || opcode == FLOW_BRANCH || opcode == FLOW_RETURN ||
           opcode == FLOW_FAIL;
}

/* Whether a block's registers and types exist: edges to it are checked before it is. */
static bool is_block_head(const struct verifier *v, const uint32_t *block, uint32_t words)
{
    if (words < 2 || words % 2 || block[1] > (words - 2) / 2)
        return false;
    for (uint32_t i = 2; i < words; i += 2)
        if (block[i] >= v->function->registers || block[i + 1] >= v->code->header.type_count)
            return false;
    return true;
}

/* Whether the code is blocks, each with one end; marks where they begin. */
static bool find_blocks(struct verifier *v)
{
    bool is_inside = false;
    const uint32_t *code = v->function->code;
    for (v->offset = 0; v->offset < v->function->word_count;) {
        uint32_t head = code[v->offset], words = head >> FLOW_OPCODE_BITS;
        if ((head & 0xFF) >= FLOW_OPCODE_COUNT || words == 0 ||
            words > v->function->word_count - v->offset)
            return refuse(v, "an instruction that does not exist");
        bool is_block = (head & 0xFF) == FLOW_BLOCK;
        if (is_block == is_inside)
            return refuse(v, "an instruction outside a block");
        if (is_block && !is_block_head(v, code + v->offset, words))
            return refuse(v, "a block without its registers");
        v->is_block[v->offset] = is_block;
        is_inside = !ends_block(head);
        v->offset += words;
    }
    return !is_inside && v->offset > 0 ? true : refuse(v, "a block without an end");
}

static void verify_all(struct verifier *v)
{
    const uint32_t *code = v->function->code;
    for (v->offset = 0; v->offset < v->function->word_count && !v->wrong;) {
        uint32_t words = code[v->offset] >> FLOW_OPCODE_BITS;
        v->at = code + v->offset + 1;
        v->end = code + v->offset + words;
        verify_instruction(v, (enum flow_opcode)(code[v->offset] & 0xFF));
        if (v->at != v->end)
            refuse(v, "an instruction with more words than it needs");
        if (!v->wrong)
            v->offset += words;
    }
}

int flow_verify_function(struct flow_code *code, uint32_t number, struct error *error)
{
    const struct flow_function *function = &code->functions[number];
    struct verifier v = {.code = code, .function = function, .number = number};
    v.types = memory_new(function->registers, sizeof *v.types);
    v.is_block = memory_new(function->word_count, sizeof *v.is_block);
    if (find_blocks(&v))
        verify_all(&v);
    free(v.types);
    free(v.is_block);
    if (!v.wrong)
        return 0;
    return error_set(error, ERR_bad_flow_code, "damaged flow code: %s (function %u, word %u)",
                     v.wrong, number, v.offset);
}
