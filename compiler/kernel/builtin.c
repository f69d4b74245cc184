/*
 * The prelude's functions that make and rearrange arrays.
 */
#include "generator.h"

#include <string.h>

#include "base/memory.h"
#include "check/messages.h"

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
    struct iteration it = iteration_open(g, &iterator);
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

/* Copies all elements of an array to `offset` (in elements) of another one. */
static void copy_into(struct generator *g, const struct value *target, LLVMValueRef offset,
                      const struct value *array)
{
    struct value part = *array;
    part.owned = false;
    part.scalar = element_address(g, target->type->element, target->scalar, offset);
    if (type_has_array(array->type->element) || array->strides) {
        part.strides = NULL;
        source_write(g, source_of_value(g, *array), &part, true);
        return;
    }
    copy_memory(g, part.scalar, array->scalar, array_bytes(g, array));
}

static struct value append(struct generator *g, const struct typed *typed)
{
    struct value array = expression_borrow(g, typed->items[0]);
    struct value last = value_own(g, expression(g, typed->items[1]));
    LLVMValueRef count = index_add(g, array.extents[0], constant_i64(g, 1));
    struct value result = array_new(g, typed->type, &count, typed->span);
    copy_into(g, &result, constant_i64(g, 0), &array);
    element_store(g, &last,
                  element_address(g, typed->type->element, result.scalar, array.extents[0]));
    return result;
}

static struct value concat(struct generator *g, const struct typed *typed)
{
    struct value left = expression_borrow(g, typed->items[0]);
    struct value right = expression_borrow(g, typed->items[1]);
    uint32_t rank = typed->type->rank;
    for (uint32_t i = 1; i < rank; i++) {
        LLVMValueRef same =
            LLVMBuildICmp(g->builder, LLVMIntEQ, left.extents[i], right.extents[i], "");
        check(g, same, ERR_shape_mismatch, typed->span, MESSAGE_EXTENT,
              fail_i64(g, 3, constant_i64(g, i), left.extents[i], right.extents[i]));
    }
    LLVMValueRef extents[WK_MAX_RANK];
    memcpy(extents, left.extents, rank * sizeof *extents);
    extents[0] = index_add(g, left.extents[0], right.extents[0]);
    struct value result = array_new(g, typed->type, extents, typed->span);
    copy_into(g, &result, constant_i64(g, 0), &left);
    copy_into(g, &result, extents_product(g, left.extents, rank), &right);
    return result;
}

/* A loop over the arrays in an array; `piece` is the current one. */
struct pieces {
    struct value outer, piece;
    struct loop loop;
};

static void pieces_open(struct generator *g, struct pieces *p, struct value outer)
{
    p->outer = outer;
    LLVMValueRef count = extents_product(g, outer.extents, outer.type->rank);
    loop_open(g, &p->loop, constant_i64(g, 0), count);
    const struct type *element = outer.type->element;
    p->piece = element_load(g, element, element_address(g, element, outer.scalar, p->loop.index));
}

static void add_to(struct generator *g, LLVMValueRef total, LLVMValueRef amount)
{
    LLVMValueRef old = LLVMBuildLoad2(g->builder, g->i64, total, "");
    LLVMBuildStore(g->builder, index_add(g, old, amount), total);
}

/* Adds up, over all pieces, their first extents or their element counts. */
static LLVMValueRef pieces_total(struct generator *g, struct value outer, bool elements)
{
    struct pieces p;
    LLVMValueRef total = entry_alloca(g, g->i64, "total");
    LLVMBuildStore(g->builder, constant_i64(g, 0), total);
    pieces_open(g, &p, outer);
    add_to(g, total,
           elements ? extents_product(g, p.piece.extents, p.piece.type->rank) : p.piece.extents[0]);
    loop_close(g, &p.loop);
    return LLVMBuildLoad2(g->builder, g->i64, total, "");
}

static void pieces_copy(struct generator *g, struct value outer, const struct value *result)
{
    struct pieces p;
    LLVMValueRef offset = entry_alloca(g, g->i64, "offset");
    LLVMBuildStore(g->builder, constant_i64(g, 0), offset);
    pieces_open(g, &p, outer);
    check_stop(g);
    copy_into(g, result, LLVMBuildLoad2(g->builder, g->i64, offset, ""), &p.piece);
    add_to(g, offset, extents_product(g, p.piece.extents, p.piece.type->rank));
    loop_close(g, &p.loop);
}

/* The extents but the first, those of the first piece, with which all must agree; 0 without pieces.
 */
static void pieces_extents(struct generator *g, struct value outer, LLVMValueRef *extents,
                           struct span span)
{
    const struct type *element = outer.type->element;
    LLVMValueRef zero = constant_i64(g, 0), slots[WK_MAX_RANK];
    for (uint32_t i = 1; i < element->rank; i++) {
        slots[i] = entry_alloca(g, g->i64, "extent");
        LLVMBuildStore(g->builder, zero, slots[i]);
    }
    struct pieces p;
    pieces_open(g, &p, outer);
    LLVMValueRef is_first = LLVMBuildICmp(g->builder, LLVMIntEQ, p.loop.index, zero, "");
    for (uint32_t i = 1; i < element->rank; i++) {
        LLVMValueRef old = LLVMBuildLoad2(g->builder, g->i64, slots[i], "");
        LLVMValueRef found = p.piece.extents[i];
        LLVMValueRef expected = LLVMBuildSelect(g->builder, is_first, found, old, "");
        check(g, LLVMBuildICmp(g->builder, LLVMIntEQ, found, expected, ""), ERR_shape_mismatch,
              span, MESSAGE_CONCAT,
              fail_i64(g, 4, p.loop.index, constant_i64(g, i), expected, found));
        LLVMBuildStore(g->builder, expected, slots[i]);
    }
    loop_close(g, &p.loop);
    for (uint32_t i = 1; i < element->rank; i++)
        extents[i] = LLVMBuildLoad2(g->builder, g->i64, slots[i], "");
}

static struct value concat_all(struct generator *g, const struct typed *typed)
{
    struct value outer = expression_borrow(g, typed->items[0]);
    LLVMValueRef extents[WK_MAX_RANK];
    extents[0] = pieces_total(g, outer, false);
    if (typed->type->rank > 1)
        pieces_extents(g, outer, extents, typed->span);
    struct value result = array_new(g, typed->type, extents, typed->span);
    pieces_copy(g, outer, &result);
    return result;
}

/* Row-major elements: the same memory with one extent; of an array of arrays, a copy. */
static struct value flatten(struct generator *g, const struct typed *typed)
{
    struct value array = expression_borrow(g, typed->items[0]);
    if (array.type->element != typed->type->element) {
        LLVMValueRef count = pieces_total(g, array, true);
        struct value result = array_new(g, typed->type, &count, typed->span);
        pieces_copy(g, array, &result);
        return result;
    }
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

/* The extents along one side of a matrix of tiles: those of the tiles in the first column or row.
 */
static LLVMValueRef untiled_extent(struct generator *g, const struct value *outer, int side)
{
    LLVMBuilderRef b = g->builder;
    const struct type *element = outer->type->element;
    LLVMValueRef total = entry_alloca(g, g->i64, "total"), zero = constant_i64(g, 0);
    LLVMBuildStore(b, zero, total);
    /* Without columns there is no first column. */
    LLVMValueRef other = LLVMBuildICmp(b, LLVMIntSGT, outer->extents[1 - side], zero, "");
    LLVMValueRef count = LLVMBuildSelect(b, other, outer->extents[side], zero, "");
    struct loop loop;
    loop_open(g, &loop, zero, count);
    LLVMValueRef at = side == 0 ? index_multiply(g, loop.index, outer->extents[1]) : loop.index;
    struct value tile = element_load(g, element, element_address(g, element, outer->scalar, at));
    add_to(g, total, tile.extents[side]);
    loop_close(g, &loop);
    return LLVMBuildLoad2(b, g->i64, total, "");
}

static void check_tile(struct generator *g, const struct value *outer, const struct value *tile,
                       const struct position *at, struct span span)
{
    const struct type *element = outer->type->element;
    LLVMValueRef row_begin = index_multiply(g, at->indexes[0], outer->extents[1]);
    struct value in_row =
        element_load(g, element, element_address(g, element, outer->scalar, row_begin));
    struct value in_column =
        element_load(g, element, element_address(g, element, outer->scalar, at->indexes[1]));
    LLVMValueRef rows =
        LLVMBuildICmp(g->builder, LLVMIntEQ, tile->extents[0], in_row.extents[0], "");
    check(g, rows, ERR_shape_mismatch, span, MESSAGE_TILE_ROWS,
          fail_i64(g, 4, at->indexes[0], at->indexes[1], tile->extents[0], in_row.extents[0]));
    LLVMValueRef columns =
        LLVMBuildICmp(g->builder, LLVMIntEQ, tile->extents[1], in_column.extents[1], "");
    check(g, columns, ERR_shape_mismatch, span, MESSAGE_TILE_COLUMNS,
          fail_i64(g, 4, at->indexes[0], at->indexes[1], tile->extents[1], in_column.extents[1]));
}

/* Writes a tile with its first element at (row, column). */
static void place_tile(struct generator *g, const struct value *result, const struct value *tile,
                       LLVMValueRef row, LLVMValueRef column)
{
    struct value target = *result;
    LLVMValueRef offset = index_add(g, index_multiply(g, row, result->extents[1]), column);
    target.scalar = element_address(g, result->type->element, result->scalar, offset);
    target.extents = tile->extents;
    target.strides = arena_array(&g->arena, LLVMValueRef, 2);
    target.strides[0] = result->extents[1];
    target.strides[1] = constant_i64(g, 1);
    target.owned = false;
    source_write(g, source_of_value(g, *tile), &target, true);
}

static struct value untile(struct generator *g, const struct typed *typed)
{
    struct value outer = expression_borrow(g, typed->items[0]);
    const struct type *element = outer.type->element;
    LLVMValueRef zero = constant_i64(g, 0), extents[2];
    for (int side = 0; side < 2; side++)
        extents[side] = untiled_extent(g, &outer, side);
    struct value result = array_new(g, typed->type, extents, typed->span);
    LLVMValueRef row = entry_alloca(g, g->i64, "row"), column = entry_alloca(g, g->i64, "column");
    LLVMValueRef height = entry_alloca(g, g->i64, "height");
    LLVMBuildStore(g->builder, zero, row);
    struct loop rows, columns;
    loop_open(g, &rows, zero, outer.extents[0]);
    LLVMBuildStore(g->builder, zero, column);
    LLVMBuildStore(g->builder, zero, height);
    loop_open(g, &columns, zero, outer.extents[1]);
    check_stop(g);
    struct position at = {.indexes = {rows.index, columns.index}};
    at.flat = index_add(g, index_multiply(g, rows.index, outer.extents[1]), columns.index);
    struct value tile =
        element_load(g, element, element_address(g, element, outer.scalar, at.flat));
    check_tile(g, &outer, &tile, &at, typed->span);
    place_tile(g, &result, &tile, LLVMBuildLoad2(g->builder, g->i64, row, ""),
               LLVMBuildLoad2(g->builder, g->i64, column, ""));
    add_to(g, column, tile.extents[1]);
    LLVMBuildStore(g->builder, tile.extents[0], height);
    loop_close(g, &columns);
    add_to(g, row, LLVMBuildLoad2(g->builder, g->i64, height, ""));
    loop_close(g, &rows);
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
        return concat(g, typed);
    case BUILTIN_CONCAT_ALL:
        return concat_all(g, typed);
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
    case BUILTIN_UNTILE:
        return untile(g, typed);
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
