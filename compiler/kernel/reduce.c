/*
 * Reductions: the trees of reduce, sums, extremes and where they are, truth values.
 *
 * sum of floats: with eight partial sums that begin as +0.0, element i (in row-major order) is
 * added to partial sum i mod 8, in order; then
 *     ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
 * A lane never becomes -0.0, so padding the last group with +0.0 changes nothing. Sums of integers
 * wrap, so their order does not show. min and max are associative and commutative (IEEE 754-2019),
 * so theirs does not either.
 */
#include "generator.h"

#include <string.h>

#include "base/memory.h"
#include "check/messages.h"

static LLVMValueRef less_count(struct generator *g, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef operands[] = {a, b};
    return intrinsic(g, "llvm.smin", g->i64, operands, 2);
}

/* ceil(a / b) for a >= 0 and b >= 1. */
static LLVMValueRef divide_up(struct generator *g, LLVMValueRef a, LLVMValueRef b)
{
    if (LLVMIsAConstantInt(b) && LLVMConstIntGetSExtValue(b) == 1)
        return a;
    LLVMValueRef quotient = LLVMBuildUDiv(g->builder, a, b, "");
    LLVMValueRef rest = LLVMBuildURem(g->builder, a, b, "");
    LLVMValueRef more = LLVMBuildICmp(g->builder, LLVMIntNE, rest, constant_i64(g, 0), "");
    return LLVMBuildAdd(g->builder, quotient, LLVMBuildZExt(g->builder, more, g->i64, ""), "");
}

/* A source whose elements have row-major numbers: what it is, or a temporary with its elements. */
static struct lazy *flat_source(struct generator *g, const struct typed *typed)
{
    struct lazy *source = source_open(g, typed);
    if (source_is_flat(source))
        return source;
    struct value array = source_materialize(g, source, typed->type, typed->span);
    return source_of_value(g, scope_keep(g, array));
}

/* An element that is not before the one that was asked for last. */
static struct value flat_element(struct generator *g, const struct lazy *source, LLVMValueRef flat)
{
    struct position at = {.flat = flat};
    at.indexes[0] = source->rank == 1 ? flat : NULL;
    return source_element(g, source, &at);
}

static struct value next_element(struct generator *g, const struct lazy *source, LLVMValueRef flat)
{
    source_seek(g, source, flat);
    return flat_element(g, source, flat);
}

/* ---- reduce ------------------------------------------------------------------------------- */

struct reduction {
    const struct typed *typed;
    const struct type *type;
    struct lazy *source;
    LLVMValueRef count; /* of elements */
    LLVMValueRef arity, chunk;
    LLVMValueRef table; /* of results of the level before, or of this one */
    struct value initial;
    struct slot accumulator; /* owned */
};

/* Folds one more element into the accumulator. */
static void fold(struct generator *g, struct reduction *r, struct value element)
{
    struct scope scope;
    scope_open(g, &scope);
    struct value arguments[2] = {slot_load(g, &r->accumulator),
                                 value_dense(g, scope_keep(g, element))};
    debug_at(g, r->typed->span);
    struct typed_function *reducer = r->typed->reducer;
    struct value result = r->typed->is_member
                              ? call_member(g, reducer, arguments, r->typed->span)
                              : call_function(g, reducer, arguments, r->typed->span);
    slot_drop(g, &r->accumulator);
    slot_store(g, &r->accumulator, &result);
    scope_close(g, &scope);
}

/* An element of the subject (first level) or the result of a group of the level before, owned. */
static struct value reduction_input(struct generator *g, struct reduction *r, bool first,
                                    LLVMValueRef index)
{
    if (first)
        return next_element(g, r->source, index);
    struct value value = element_load(g, r->type, element_address(g, r->type, r->table, index));
    return value_mark_owned(value);
}

/* Begins a group: with its first input, or before that with the initial value at the far left. */
static void begin_group(struct generator *g, struct reduction *r, bool first, LLVMValueRef group,
                        LLVMValueRef begin)
{
    struct value input = reduction_input(g, r, first, begin);
    if (!first || !r->typed->initial) {
        struct value owned = value_own(g, input);
        slot_store(g, &r->accumulator, &owned);
        return;
    }
    LLVMBasicBlockRef leftmost = block_new(g, "leftmost"), other = block_new(g, "other"),
                      end = block_new(g, "begun");
    LLVMValueRef is_first = LLVMBuildICmp(g->builder, LLVMIntEQ, group, constant_i64(g, 0), "");
    LLVMBuildCondBr(g->builder, is_first, leftmost, other);
    block_enter(g, leftmost);
    struct value initial = value_own(g, r->initial);
    slot_store(g, &r->accumulator, &initial);
    fold(g, r, input);
    block_jump(g, end);
    block_enter(g, other);
    struct value owned = value_own(g, input);
    slot_store(g, &r->accumulator, &owned);
    block_jump(g, end);
    block_enter(g, end);
}

/* One level: groups of `size` of the `count` inputs are folded from the left, and their results are
 * written to the table, where no input that is still to be read stands. */
static void reduce_level(struct generator *g, struct reduction *r, bool first, LLVMValueRef count,
                         LLVMValueRef size)
{
    struct loop groups, inputs;
    loop_open(g, &groups, constant_i64(g, 0), divide_up(g, count, size));
    if (type_has_array(r->type))
        check_stop(g);
    LLVMValueRef begin = index_multiply(g, groups.index, size);
    LLVMValueRef rest = LLVMBuildNSWSub(g->builder, count, begin, "");
    begin_group(g, r, first, groups.index, begin);
    if (first && r->source->kind == SOURCE_COMPREHENSION && !LLVMIsAConstantInt(size))
        loop_open_strips(g, &inputs, constant_i64(g, 1), less_count(g, rest, size));
    else
        loop_open(g, &inputs, constant_i64(g, 1), less_count(g, rest, size));
    fold(g, r, reduction_input(g, r, first, index_add(g, begin, inputs.index)));
    loop_close(g, &inputs);
    struct value result = slot_load(g, &r->accumulator);
    element_store(g, &result, element_address(g, r->type, r->table, groups.index));
    loop_close(g, &groups);
}

/* After the first level, while more than one result is left. */
static void reduce_levels(struct generator *g, struct reduction *r, LLVMValueRef results)
{
    LLVMValueRef left = entry_alloca(g, g->i64, "left");
    LLVMBuildStore(g->builder, results, left);
    LLVMBasicBlockRef head = block_new(g, "levels"), level = block_new(g, "level"),
                      end = block_new(g, "reduced");
    LLVMBuildBr(g->builder, head);
    block_enter(g, head);
    check_stop(g);
    LLVMValueRef count = LLVMBuildLoad2(g->builder, g->i64, left, "");
    LLVMValueRef more = LLVMBuildICmp(g->builder, LLVMIntSGT, count, constant_i64(g, 1), "");
    LLVMBuildCondBr(g->builder, more, level, end);
    block_enter(g, level);
    reduce_level(g, r, false, count, r->arity);
    LLVMBuildStore(g->builder, divide_up(g, count, r->arity), left);
    LLVMBuildBr(g->builder, head);
    block_enter(g, end);
}

static LLVMValueRef tree_parameter(struct generator *g, const struct typed *typed, int64_t least,
                                   int64_t otherwise, const char *message)
{
    if (!typed)
        return constant_i64(g, otherwise);
    LLVMValueRef value = expression_scalar(g, typed);
    LLVMValueRef good = LLVMBuildICmp(g->builder, LLVMIntSGE, value, constant_i64(g, least), "");
    check(g, good, ERR_bad_reduce, typed->span, message, fail_i64(g, 1, value));
    return value;
}

/* Without elements: the initial value, or a failure. */
static void reduce_nothing(struct generator *g, struct reduction *r, struct slot *result,
                           LLVMBasicBlockRef end)
{
    if (!r->typed->initial) {
        fail_always(g, ERR_empty_reduction, r->typed->span, MESSAGE_EMPTY_REDUCE, "", NULL, 0);
        return;
    }
    struct value value = value_own(g, r->initial);
    slot_store(g, result, &value);
    LLVMBuildBr(g->builder, end);
}

static void reduce_something(struct generator *g, struct reduction *r, struct slot *result)
{
    /* Runs of one element need no level of their own. */
    bool runs = !LLVMIsAConstantInt(r->chunk) || LLVMConstIntGetSExtValue(r->chunk) != 1;
    LLVMValueRef size = runs ? r->chunk : r->arity;
    LLVMValueRef results = divide_up(g, r->count, size);
    LLVMValueRef bytes = index_multiply(g, results, constant_i64(g, type_element_bytes(r->type)));
    r->table = block_new_bytes(g, bytes);
    r->accumulator = slot_make(g, r->type, NULL);
    slot_set_owned(&r->accumulator, true);
    reduce_level(g, r, true, r->count, size);
    reduce_levels(g, r, results);
    struct value value = element_load(g, r->type, r->table);
    slot_store(g, result, &value);
    block_free(g, r->table);
}

struct value reduce_tree(struct generator *g, const struct typed *typed)
{
    struct reduction r = {.typed = typed, .type = typed->reducer->result};
    r.source = flat_source(g, typed->subject);
    if (typed->initial)
        r.initial = expression_borrow(g, typed->initial);
    r.arity = tree_parameter(g, typed->arity, 2, 2, MESSAGE_REDUCE_ARITY);
    r.chunk = tree_parameter(g, typed->chunk, 1, 1, MESSAGE_REDUCE_CHUNK);
    r.count = extents_product(g, r.source->extents, r.source->rank);
    struct slot result = slot_make(g, r.type, NULL);
    LLVMBasicBlockRef some = block_new(g, "some"), none = block_new(g, "none"),
                      end = block_new(g, "result");
    LLVMValueRef any = LLVMBuildICmp(g->builder, LLVMIntSGT, r.count, constant_i64(g, 0), "");
    branch_likely(g, any, some, none);
    block_enter(g, none);
    reduce_nothing(g, &r, &result, end);
    block_enter(g, some);
    reduce_something(g, &r, &result);
    block_jump(g, end);
    block_enter(g, end);
    return value_mark_owned(slot_load(g, &result));
}

/* ---- scan --------------------------------------------------------------------------------- */

/* Stores the function of the value before and of element `index`. */
static void scan_step(struct generator *g, const struct typed *typed, const struct lazy *source,
                      const struct value *before, const struct value *result, LLVMValueRef index)
{
    struct scope scope;
    scope_open(g, &scope);
    struct value element = next_element(g, source, index);
    struct value arguments[2] = {*before, value_dense(g, scope_keep(g, element))};
    debug_at(g, typed->span);
    struct value value = call_function(g, typed->reducer, arguments, typed->span);
    element_store(g, &value, element_address(g, typed->type->element, result->scalar, index));
    scope_close(g, &scope);
}

/* The first value: by the initial one, or the first element itself. */
static void scan_first(struct generator *g, const struct typed *typed, const struct lazy *source,
                       const struct value *initial, const struct value *result)
{
    LLVMValueRef zero = constant_i64(g, 0);
    if (typed->initial) {
        scan_step(g, typed, source, initial, result, zero);
        return;
    }
    struct value first = value_own(g, next_element(g, source, zero));
    element_store(g, &first, result->scalar);
}

struct value reduce_scan(struct generator *g, const struct typed *typed)
{
    const struct type *type = typed->type->element;
    struct lazy *source = flat_source(g, typed->subject);
    struct value initial = {0};
    if (typed->initial)
        initial = expression_borrow(g, typed->initial);
    debug_at(g, typed->span);
    LLVMValueRef count = source->extents[0];
    struct value result = array_new(g, typed->type, &count, typed->span);
    LLVMBasicBlockRef some = block_new(g, "some"), end = block_new(g, "scanned");
    LLVMValueRef any = LLVMBuildICmp(g->builder, LLVMIntSGT, count, constant_i64(g, 0), "");
    branch_likely(g, any, some, end);
    block_enter(g, some);
    scan_first(g, typed, source, &initial, &result);
    struct loop loop;
    loop_open_strips(g, &loop, constant_i64(g, 1), count);
    LLVMValueRef last = LLVMBuildSub(g->builder, loop.index, constant_i64(g, 1), "");
    struct value before = element_load(g, type, element_address(g, type, result.scalar, last));
    scan_step(g, typed, source, &before, &result, loop.index);
    loop_close(g, &loop);
    block_jump(g, end);
    block_enter(g, end);
    return result;
}

/* ---- sum ---------------------------------------------------------------------------------- */

enum { LANES = 8 };

/* `count` elements from `base` on, in the lanes from `first` on; the others are +0.0. */
static LLVMValueRef load_lanes(struct generator *g, const struct lazy *source, LLVMValueRef group,
                               LLVMValueRef base, LLVMValueRef first, LLVMValueRef count)
{
    LLVMTypeRef vector = LLVMVectorType(scalar_type(g, source->element->scalar), LANES);
    if (!(LLVMIsAConstantInt(count) && LLVMConstIntGetSExtValue(count) == LANES))
        LLVMBuildStore(g->builder, LLVMConstNull(vector), group);
    struct loop lanes;
    loop_open(g, &lanes, constant_i64(g, 0), count);
    struct value element = flat_element(g, source, index_add(g, base, lanes.index));
    LLVMValueRef lane = index_add(g, first, lanes.index);
    LLVMBuildStore(g->builder, element.scalar, element_address(g, source->element, group, lane));
    loop_close(g, &lanes);
    return LLVMBuildLoad2(g->builder, vector, group, "");
}

/* Eight elements from `base` on; lanes from `count` on are +0.0. */
static LLVMValueRef load_group(struct generator *g, const struct lazy *source, LLVMValueRef group,
                               LLVMValueRef base, LLVMValueRef count)
{
    return load_lanes(g, source, group, base, constant_i64(g, 0), count);
}

/* The lanes [from, from + count) of a vector of `width` added to the `count` after them. */
static LLVMValueRef add_halves(struct generator *g, LLVMValueRef vector, unsigned half)
{
    LLVMValueRef low[LANES], high[LANES];
    for (unsigned i = 0; i < half; i++) {
        low[i] = LLVMConstInt(g->i32, i, false);
        high[i] = LLVMConstInt(g->i32, i + half, false);
    }
    LLVMValueRef poison = LLVMGetPoison(LLVMTypeOf(vector));
    LLVMValueRef a =
        LLVMBuildShuffleVector(g->builder, vector, poison, LLVMConstVector(low, half), "");
    LLVMValueRef b =
        LLVMBuildShuffleVector(g->builder, vector, poison, LLVMConstVector(high, half), "");
    return LLVMBuildFAdd(g->builder, a, b, "");
}

static LLVMTypeRef lanes_type(struct generator *g, const struct lazy *source)
{
    return LLVMVectorType(scalar_type(g, source->element->scalar), LANES);
}

static void add_lanes(struct generator *g, LLVMValueRef sums, LLVMValueRef eight)
{
    LLVMValueRef old = LLVMBuildLoad2(g->builder, LLVMTypeOf(eight), sums, "");
    LLVMBuildStore(g->builder, LLVMBuildFAdd(g->builder, old, eight, ""), sums);
}

static LLVMValueRef combine_lanes(struct generator *g, LLVMTypeRef type, LLVMValueRef sums)
{
    LLVMValueRef total = LLVMBuildLoad2(g->builder, type, sums, "");
    for (unsigned half = LANES / 2; half > 0; half /= 2)
        total = add_halves(g, total, half);
    return LLVMBuildExtractElement(g->builder, total, LLVMConstInt(g->i32, 0, false), "");
}

/* Adds `count` elements of a source, eight by eight. */
static void add_elements(struct generator *g, const struct lazy *source, LLVMValueRef count,
                         LLVMValueRef sums, LLVMValueRef group)
{
    LLVMValueRef width = constant_i64(g, LANES);
    LLVMValueRef groups = LLVMBuildUDiv(g->builder, count, width, "");
    LLVMValueRef rest = LLVMBuildURem(g->builder, count, width, "");
    struct loop loop;
    loop_open_strips(g, &loop, constant_i64(g, 0), groups);
    LLVMValueRef base = index_multiply(g, loop.index, width);
    add_lanes(g, sums,
              source_has_vector(source) ? source_vector(g, source, base)
                                        : load_group(g, source, group, base, width));
    loop_close(g, &loop);
    add_lanes(g, sums, load_group(g, source, group, index_multiply(g, groups, width), rest));
}

/* Of a source that is joined: in each segment, elements before the first whole group, whole groups,
 * and elements behind the last. */
static void add_segments(struct generator *g, const struct lazy *source, LLVMValueRef count,
                         LLVMValueRef sums, LLVMValueRef group)
{
    LLVMBuilderRef b = g->builder;
    LLVMValueRef width = constant_i64(g, LANES), last = constant_i64(g, LANES - 1);
    struct segments segments;
    segments_open(g, &segments, source, count);
    LLVMValueRef lane = LLVMBuildAnd(b, segments.begin, last, "");
    LLVMValueRef before = LLVMBuildAnd(b, LLVMBuildSub(b, width, lane, ""), last, "");
    LLVMValueRef length = LLVMBuildNSWSub(b, segments.end, segments.begin, "");
    before = less_count(g, before, length);
    add_lanes(g, sums, load_lanes(g, source, group, segments.begin, lane, before));
    LLVMValueRef begin = index_add(g, segments.begin, before);
    LLVMValueRef left = LLVMBuildNSWSub(b, segments.end, begin, "");
    LLVMValueRef groups = LLVMBuildUDiv(b, left, width, "");
    struct loop loop;
    loop_open_strips(g, &loop, constant_i64(g, 0), groups);
    LLVMValueRef base = index_add(g, begin, index_multiply(g, loop.index, width));
    add_lanes(g, sums,
              source_has_vector(source) ? source_vector(g, source, base)
                                        : load_group(g, source, group, base, width));
    loop_close(g, &loop);
    LLVMValueRef behind = index_add(g, begin, index_multiply(g, groups, width));
    add_lanes(g, sums, load_group(g, source, group, behind, LLVMBuildURem(b, left, width, "")));
    segments_close(g, &segments);
}

/* The elements that rows have left to be added: a buffer that has room for a row behind them. */
struct gathered {
    struct lazy *elements; /* a view of the buffer */
    LLVMValueRef buffer, fill;
};

enum { GATHERED = 2048 };

static struct gathered gather_open(struct generator *g, const struct lazy *source,
                                   LLVMValueRef count)
{
    LLVMValueRef row = source->extents[source->rank - 1];
    LLVMValueRef most = less_count(g, count, index_add(g, row, constant_i64(g, GATHERED)));
    LLVMValueRef room = index_add(g, most, constant_i64(g, LANES));
    LLVMValueRef size = constant_i64(g, wk_scalar_bytes(source->element->scalar));
    struct gathered gathered = {.buffer = block_new_bytes(g, index_multiply(g, room, size)),
                                .fill = entry_alloca(g, g->i64, "fill")};
    LLVMBuildStore(g->builder, constant_i64(g, 0), gathered.fill);
    gathered.elements = source_of_elements(g, source->element, gathered.buffer);
    return gathered;
}

/* Behind a row: once there are many, adds all but less than eight, which move to the front. */
static void gather_row(struct generator *g, const struct gathered *gathered, LLVMValueRef row,
                       LLVMValueRef sums)
{
    LLVMBuilderRef b = g->builder;
    const struct type *element = gathered->elements->element;
    LLVMValueRef width = constant_i64(g, LANES);
    LLVMValueRef old = LLVMBuildLoad2(b, g->i64, gathered->fill, "");
    LLVMValueRef fill = index_add(g, old, row);
    LLVMBuildStore(b, fill, gathered->fill);
    LLVMBasicBlockRef full = block_new(g, "full"), next = block_new(g, "gathered");
    LLVMValueRef many = LLVMBuildICmp(b, LLVMIntSGE, fill, constant_i64(g, GATHERED), "");
    LLVMBuildCondBr(b, many, full, next);
    block_enter(g, full);
    check_stop(g);
    struct loop loop;
    LLVMValueRef groups = LLVMBuildUDiv(b, fill, width, "");
    loop_open(g, &loop, constant_i64(g, 0), groups);
    add_lanes(g, sums, source_vector(g, gathered->elements, index_multiply(g, loop.index, width)));
    loop_close(g, &loop);
    LLVMValueRef rest = source_vector(g, gathered->elements, index_multiply(g, groups, width));
    LLVMValueRef front = element_address(g, element, gathered->buffer, constant_i64(g, 0));
    LLVMSetAlignment(LLVMBuildStore(b, rest, front), wk_scalar_bytes(element->scalar));
    LLVMBuildStore(b, LLVMBuildURem(b, fill, width, ""), gathered->fill);
    LLVMBuildBr(b, next);
    block_enter(g, next);
}

/* Of a source whose elements have no row-major numbers: rows are written to a buffer, from which
 * whole groups are added whenever there are many. So the elements need no memory of their own. */
static void add_rows(struct generator *g, const struct lazy *source, LLVMValueRef count,
                     LLVMValueRef sums, LLVMValueRef group)
{
    struct gathered gathered = gather_open(g, source, count);
    LLVMValueRef extents[WK_MAX_RANK], zero = constant_i64(g, 0);
    memcpy(extents, source->extents, source->rank * sizeof *extents);
    LLVMValueRef none = LLVMBuildICmp(g->builder, LLVMIntEQ, count, zero, "");
    extents[0] = LLVMBuildSelect(g->builder, none, zero, extents[0], "");
    struct nest nest;
    nest_open(g, &nest, extents, source->rank, false, POLLS_NONE);
    if (source->kind == SOURCE_COMPREHENSION && typed_is_long(source->node->body))
        check_stop(g);
    struct value element = source_element(g, source, &nest.at);
    LLVMValueRef fill = LLVMBuildLoad2(g->builder, g->i64, gathered.fill, "");
    LLVMValueRef at = index_add(g, fill, nest.at.indexes[source->rank - 1]);
    element_store_raw(g, &element, element_address(g, element.type, gathered.buffer, at));
    loop_close(g, &nest.loops[--nest.depth]);
    gather_row(g, &gathered, source->extents[source->rank - 1], sums);
    nest_close(g, &nest);
    LLVMValueRef left = LLVMBuildLoad2(g->builder, g->i64, gathered.fill, "");
    add_elements(g, gathered.elements, left, sums, group);
    block_free(g, gathered.buffer);
}

static LLVMValueRef sum_floats(struct generator *g, const struct lazy *source, LLVMValueRef count)
{
    LLVMTypeRef vector = lanes_type(g, source);
    LLVMValueRef sums = entry_alloca(g, vector, "sums"), group = entry_alloca(g, vector, "group");
    LLVMBuildStore(g->builder, LLVMConstNull(vector), sums);
    if (source_is_joined(source))
        add_segments(g, source, count, sums, group);
    else
        (source_is_flat(source) ? add_elements : add_rows)(g, source, count, sums, group);
    return combine_lanes(g, vector, sums);
}

/* Folds all elements with an operation whose order does not show. */
static LLVMValueRef fold_all(struct generator *g, const struct lazy *source, LLVMValueRef identity,
                             enum operation operation, struct span span)
{
    enum wk_scalar scalar = source->element->scalar;
    LLVMValueRef total = entry_alloca(g, LLVMTypeOf(identity), "total");
    LLVMBuildStore(g->builder, identity, total);
    struct nest nest;
    source_nest_open(g, &nest, source, source_is_flat(source), POLLS_IN_ROWS);
    LLVMValueRef element = source_element(g, source, &nest.at).scalar;
    LLVMValueRef operands[] = {LLVMBuildLoad2(g->builder, LLVMTypeOf(identity), total, ""),
                               element};
    LLVMBuildStore(g->builder, operation_emit(g, operation, scalar, operands, span), total);
    nest_close(g, &nest);
    return LLVMBuildLoad2(g->builder, LLVMTypeOf(identity), total, "");
}

struct value reduce_sum(struct generator *g, const struct typed *typed)
{
    const struct typed *subject = typed->items[0];
    struct scope scope;
    scope_open(g, &scope);
    bool is_float = type_is_float(subject->type->element);
    struct lazy *source = source_open(g, subject);
    debug_at(g, typed->span);
    LLVMValueRef sum;
    if (is_float)
        sum = sum_floats(g, source, extents_product(g, source->extents, source->rank));
    else
        sum = fold_all(g, source, LLVMConstNull(scalar_type(g, source->element->scalar)),
                       OPERATION_ADD, typed->span);
    scope_close(g, &scope);
    return value_scalar(typed->type, sum);
}

/* ---- min, max ----------------------------------------------------------------------------- */

/* What leaves every other operand as it is: infinity, or the farthest integer. */
static LLVMValueRef extreme_identity(struct generator *g, enum wk_scalar scalar, bool is_min)
{
    if (scalar == WK_F64)
        return constant_scalar(g, scalar, is_min ? UINT64_C(0x7ff) << 52 : UINT64_C(0xfff) << 52);
    if (scalar == WK_F32)
        return constant_scalar(g, scalar, is_min ? 0x7f800000u : 0xff800000u);
    bool is_signed = scalar >= WK_I8 && scalar <= WK_I64;
    uint64_t most = UINT64_MAX >> (64 - wk_scalar_bytes(scalar) * 8 + is_signed);
    uint64_t least = is_signed ? ~most : 0;
    return constant_scalar(g, scalar, is_min ? most : least);
}

/* The extreme of a source's elements; `name` is what the program calls. */
static LLVMValueRef find_extreme(struct generator *g, const struct lazy *source,
                                 enum operation operation, const char *name, struct span span)
{
    bool is_min = operation == OPERATION_MIN;
    LLVMValueRef count = extents_product(g, source->extents, source->rank);
    LLVMValueRef some = LLVMBuildICmp(g->builder, LLVMIntSGT, count, constant_i64(g, 0), "");
    const char *message = arena_printf(&g->arena, MESSAGE_EMPTY_EXTREME, name);
    check(g, some, ERR_empty_reduction, span, message, fail_none());
    LLVMValueRef identity = extreme_identity(g, source->element->scalar, is_min);
    return fold_all(g, source, identity, operation, span);
}

struct value reduce_extreme(struct generator *g, const struct typed *typed,
                            enum operation operation)
{
    struct scope scope;
    scope_open(g, &scope);
    struct lazy *source = source_open(g, typed->items[0]);
    debug_at(g, typed->span);
    LLVMValueRef found =
        find_extreme(g, source, operation, operation == OPERATION_MIN ? "min" : "max", typed->span);
    scope_close(g, &scope);
    return value_scalar(typed->type, found);
}

/* ---- argmin, argmax ----------------------------------------------------------------------- */

/* A number's bits as an integer, all NaNs alike. */
static LLVMValueRef canonical_bits(struct generator *g, enum wk_scalar scalar, LLVMValueRef value)
{
    if (scalar != WK_F64 && scalar != WK_F32)
        return value;
    LLVMTypeRef bits = scalar == WK_F64 ? g->i64 : g->i32;
    return LLVMBuildBitCast(g->builder, canonical(g, scalar, value), bits, "");
}

/* The extreme is found first, by a loop that is vectorized; then the first element that has its
 * bits, so that this is the index of what min and max give: of a NaN, and of -0 rather than +0. */
struct value reduce_extreme_index(struct generator *g, const struct typed *typed,
                                  enum operation operation)
{
    struct scope scope;
    scope_open(g, &scope);
    struct value array = expression_borrow(g, typed->items[0]);
    struct lazy *source = source_of_value(g, array);
    debug_at(g, typed->span);
    enum wk_scalar scalar = source->element->scalar;
    const char *name = operation == OPERATION_MIN ? "argmin" : "argmax";
    LLVMValueRef extreme = find_extreme(g, source, operation, name, typed->span);
    LLVMValueRef wanted = canonical_bits(g, scalar, extreme);
    LLVMValueRef index = entry_alloca(g, g->i64, "index"), zero = constant_i64(g, 0);
    LLVMBuildStore(g->builder, zero, index);
    struct loop search;
    loop_open_strips(g, &search, zero, extents_product(g, source->extents, source->rank));
    LLVMBasicBlockRef found = block_new(g, "found");
    LLVMValueRef bits = canonical_bits(g, scalar, flat_element(g, source, search.index).scalar);
    LLVMValueRef is_it = LLVMBuildICmp(g->builder, LLVMIntEQ, bits, wanted, "");
    LLVMBuildCondBr(g->builder, is_it, found, search.latch);
    block_enter(g, found);
    LLVMBuildStore(g->builder, search.index, index);
    LLVMBuildBr(g->builder, search.exit);
    loop_close(g, &search);
    scope_close(g, &scope);
    return value_scalar(typed->type, LLVMBuildLoad2(g->builder, g->i64, index, ""));
}

/* ---- any, all, count ---------------------------------------------------------------------- */

/* How many elements are true; any and all ask whether there are some, or as many as elements. All
 * are evaluated. */
struct value reduce_truths(struct generator *g, const struct typed *typed)
{
    struct scope scope;
    scope_open(g, &scope);
    struct lazy *source = source_open(g, typed->items[0]);
    debug_at(g, typed->span);
    LLVMValueRef total = entry_alloca(g, g->i64, "total"), zero = constant_i64(g, 0);
    LLVMBuildStore(g->builder, zero, total);
    struct nest nest;
    source_nest_open(g, &nest, source, source_is_flat(source), POLLS_IN_ROWS);
    LLVMValueRef truth = source_element(g, source, &nest.at).scalar;
    LLVMValueRef one = LLVMBuildZExt(g->builder, truth, g->i64, "");
    LLVMValueRef old = LLVMBuildLoad2(g->builder, g->i64, total, "");
    LLVMBuildStore(g->builder, index_add(g, old, one), total);
    nest_close(g, &nest);
    LLVMValueRef result = LLVMBuildLoad2(g->builder, g->i64, total, "");
    LLVMValueRef count = extents_product(g, source->extents, source->rank);
    if (typed->builtin == BUILTIN_ANY)
        result = LLVMBuildICmp(g->builder, LLVMIntNE, result, zero, "");
    else if (typed->builtin == BUILTIN_ALL)
        result = LLVMBuildICmp(g->builder, LLVMIntEQ, result, count, "");
    scope_close(g, &scope);
    return value_scalar(typed->type, result);
}
