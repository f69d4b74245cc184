/*
 * The prelude's functions that make and rearrange arrays.
 */
#include "joined.h"

#include <string.h>

#include "base/memory.h"
#include "check/messages.h"
#include "check/typed_tree.h"

/* ---- Making ------------------------------------------------------------------------------- */

static void read_extents(struct generator *g, struct typed *const *items, uint32_t count,
                         LLVMValueRef *extents)
{
    for (uint32_t i = 0; i < count; i++) {
        extents[i] = expression_scalar(g, items[i]);
        check_not_negative(g, extents[i], items[i]->span);
    }
}

static struct value zeros(struct generator *g, const struct typed *typed)
{
    LLVMValueRef extents[WK_MAX_RANK];
    read_extents(g, typed->items, typed->item_count, extents);
    struct value array = array_new(g, typed->type, extents, typed->span);
    zero_memory(g, array.scalar, array_bytes(g, &array));
    return array;
}

/* A scalar as a source, or an array (the element of an array of arrays) that is copied each time.
 */
static struct value fill(struct generator *g, const struct typed *typed)
{
    LLVMValueRef extents[WK_MAX_RANK];
    struct lazy source = {.kind = SOURCE_SCALAR,
                          .element = typed->type->element,
                          .rank = typed->type->rank,
                          .extents = extents};
    source.view = expression_borrow(g, typed->items[0]);
    read_extents(g, typed->items + 1, typed->item_count - 1, extents);
    return source_materialize(g, &source, typed->type, typed->span);
}

static struct value range(struct generator *g, const struct typed *typed)
{
    struct variable number = {.kind = VARIABLE_LOOP, .type = typed->type->element};
    struct typed_iterator iterator = {.is_range = true,
                                      .low = typed->items[0],
                                      .high = typed->items[1],
                                      .step = typed->item_count > 2 ? typed->items[2] : NULL,
                                      .variable = &number,
                                      .span = typed->span};
    struct iteration it = iteration_open(g, &iterator, false);
    iteration_count(g, &it);
    struct value array = array_new(g, typed->type, &it.count, typed->span);
    struct loop loop;
    loop_open_strips(g, &loop, constant_i64(g, 0), it.count);
    struct value value = iteration_value(g, &it, loop.index);
    element_store(g, &value, element_address(g, number.type, array.scalar, loop.index));
    loop_close(g, &loop);
    return array;
}

/* ---- Views -------------------------------------------------------------------------------- */

/* The same memory with the strides exchanged. */
static struct value transpose(struct generator *g, const struct typed *typed)
{
    struct value array = scope_keep(g, expression(g, typed->items[0]));
    struct value view = value_array(g, typed->type, array.scalar, NULL, false);
    view.extents[0] = array.extents[1];
    view.extents[1] = array.extents[0];
    view.strides = arena_array(&g->arena, LLVMValueRef, 2);
    view.strides[0] = array.strides ? array.strides[1] : constant_i64(g, 1);
    view.strides[1] = array.strides ? array.strides[0] : array.extents[1];
    return view;
}

/* ---- Joining ------------------------------------------------------------------------------ */

static struct value append(struct generator *g, const struct typed *typed)
{
    struct value array = expression_borrow(g, typed->items[0]);
    struct value last = value_own(g, expression(g, typed->items[1]));
    LLVMValueRef count = index_add(g, array.extents[0], constant_i64(g, 1));
    struct value result = array_new(g, typed->type, &count, typed->span);
    array_copy(g, &array, result.scalar);
    element_store(g, &last,
                  element_address(g, typed->type->element, result.scalar, array.extents[0]));
    return result;
}

/* What is joined of arrays, as an array of its own. */
static struct value join(struct generator *g, const struct typed *typed)
{
    return joined_materialize(g, joined_open(g, typed), typed->span);
}

/* Row-major elements: the same memory with one extent; of an array of arrays, a copy. */
static struct value flatten(struct generator *g, const struct typed *typed)
{
    if (typed_is_join(typed))
        return join(g, typed);
    struct value array = expression_borrow(g, typed->items[0]);
    LLVMValueRef count = extents_product(g, array.extents, array.type->rank);
    return value_array(g, typed->type, array.scalar, &count, false);
}

/* ---- Tiles -------------------------------------------------------------------------------- */

static LLVMValueRef tile_count(struct generator *g, LLVMValueRef extent, LLVMValueRef size)
{
    /* size is at least 1, so nothing wraps: (extent - 1) / size + 1, or 0. */
    LLVMBuilderRef b = g->builder;
    LLVMValueRef zero = constant_i64(g, 0), one = constant_i64(g, 1);
    LLVMValueRef less = LLVMBuildSub(b, extent, one, "");
    LLVMValueRef count = LLVMBuildAdd(b, LLVMBuildSDiv(b, less, size, ""), one, "");
    return LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntEQ, extent, zero, ""), zero, count, "");
}

static struct value tile_at(struct generator *g, const struct value *matrix,
                            const LLVMValueRef *index, const LLVMValueRef *size,
                            const struct type *type)
{
    struct value tile = value_array(g, type, NULL, NULL, false);
    LLVMValueRef low[2];
    for (int i = 0; i < 2; i++) {
        low[i] = index_multiply(g, index[i], size[i]);
        LLVMValueRef rest[] = {LLVMBuildNSWSub(g->builder, matrix->extents[i], low[i], ""),
                               size[i]};
        tile.extents[i] = intrinsic(g, "llvm.smin", g->i64, rest, 2);
    }
    LLVMValueRef offset = index_add(g, index_multiply(g, low[0], matrix->extents[1]), low[1]);
    tile.scalar = element_address(g, matrix->type->element, matrix->scalar, offset);
    tile.strides = arena_array(&g->arena, LLVMValueRef, 2);
    tile.strides[0] = matrix->extents[1];
    tile.strides[1] = constant_i64(g, 1);
    return tile;
}

static struct value tiles(struct generator *g, const struct typed *typed)
{
    struct value matrix = expression_borrow(g, typed->items[0]);
    LLVMValueRef size[2], extents[2];
    for (uint32_t i = 0; i < 2; i++) {
        size[i] = expression_scalar(g, typed->items[1 + i]);
        LLVMValueRef good = LLVMBuildICmp(g->builder, LLVMIntSGE, size[i], constant_i64(g, 1), "");
        check(g, good, ERR_negative_extent, typed->items[1 + i]->span, MESSAGE_TILE_SIZE,
              fail_i64(g, 1, size[i]));
        extents[i] = tile_count(g, matrix.extents[i], size[i]);
    }
    struct value result = array_new(g, typed->type, extents, typed->span);
    struct nest nest;
    nest_open(g, &nest, extents, 2, false, POLLS_NONE);
    check_stop(g);
    struct value tile =
        value_own(g, tile_at(g, &matrix, nest.at.indexes, size, typed->type->element));
    element_store(g, &tile, element_address(g, typed->type->element, result.scalar, nest.at.flat));
    nest_close(g, &nest);
    return result;
}

/* ---- All ---------------------------------------------------------------------------------- */

struct value builtin(struct generator *g, const struct typed *typed)
{
    debug_at(g, typed->span);
    switch (typed->builtin) {
    case BUILTIN_ZEROS:
        return zeros(g, typed);
    case BUILTIN_FILL:
        return fill(g, typed);
    case BUILTIN_RANGE:
        return range(g, typed);
    case BUILTIN_SUM:
        return reduce_sum(g, typed);
    case BUILTIN_MIN_OF:
        return reduce_extreme(g, typed, OPERATION_MIN);
    case BUILTIN_MAX_OF:
        return reduce_extreme(g, typed, OPERATION_MAX);
    case BUILTIN_TRANSPOSE:
        return transpose(g, typed);
    case BUILTIN_APPEND:
        return append(g, typed);
    case BUILTIN_CONCAT:
    case BUILTIN_CONCAT_ALL:
    case BUILTIN_UNTILE:
        return join(g, typed);
    case BUILTIN_FLATTEN:
        return flatten(g, typed);
    case BUILTIN_REVERSE:
        return arrange_reverse(g, typed);
    case BUILTIN_ZIP:
    case BUILTIN_ENUMERATE:
        return arrange_zip(g, typed);
    case BUILTIN_SORT:
        return arrange_sort(g, typed);
    case BUILTIN_ORDER:
        return arrange_order(g, typed);
    case BUILTIN_ANY:
    case BUILTIN_ALL:
    case BUILTIN_COUNT:
        return reduce_truths(g, typed);
    case BUILTIN_ARG_MIN:
        return reduce_extreme_index(g, typed, OPERATION_MIN);
    case BUILTIN_ARG_MAX:
        return reduce_extreme_index(g, typed, OPERATION_MAX);
    case BUILTIN_TILES:
        return tiles(g, typed);
    case BUILTIN_MAP:
    case BUILTIN_MAP_GET:
    case BUILTIN_MAP_HAS:
    case BUILTIN_MAP_COUNT:
    case BUILTIN_ENTRIES:
    case BUILTIN_REMOVE:
    case BUILTIN_KEYS:
    case BUILTIN_GROUP:
    case BUILTIN_VALUES:
        return map_builtin(g, typed);
    case BUILTIN_CONTENTS:
        return file_contents(g, typed);
    case BUILTIN_STR:
        return text_print(g, typed);
    case BUILTIN_BYTES:
        return text_bytes(g, typed);
    case BUILTIN_TEXT_CONCAT:
        return text_concat(g, typed);
    case BUILTIN_TEXT_COMPARE:
        return text_compare(g, typed);
    }
    bug("builtin %d", (int)typed->builtin);
}
