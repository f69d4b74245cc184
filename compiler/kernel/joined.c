/*
 * Joined arrays: what they are made of, and what becomes of those that must be copied.
 */
#include "joined.h"

#include <string.h>

#include "base/memory.h"
#include "check/messages.h"
#include "check/typed_tree.h"

static struct joined *joined_new(struct generator *g, enum joined_kind kind,
                                 const struct type *type)
{
    struct joined *joined = arena_new(&g->arena, struct joined);
    joined->kind = kind;
    joined->type = type;
    joined->extents = arena_array(&g->arena, LLVMValueRef, type->rank);
    return joined;
}

static void add_to(struct generator *g, LLVMValueRef total, LLVMValueRef amount)
{
    LLVMValueRef old = LLVMBuildLoad2(g->builder, g->i64, total, "");
    LLVMBuildStore(g->builder, index_add(g, old, amount), total);
}

/* Array `at` of an array of arrays. */
static struct value part_load(struct generator *g, const struct value *outer, LLVMValueRef at)
{
    const struct type *element = outer->type->element;
    return element_load(g, element, element_address(g, element, outer->scalar, at));
}

static LLVMValueRef value_count(struct generator *g, const struct value *array)
{
    return extents_product(g, array->extents, array->type->rank);
}

/* ---- One after the other ------------------------------------------------------------------ */

/* A loop over the arrays in an array; `piece` is the current one. */
struct pieces {
    struct value piece;
    struct loop loop;
};

static void pieces_open(struct generator *g, struct pieces *p, const struct value *outer)
{
    loop_open(g, &p->loop, constant_i64(g, 0), value_count(g, outer));
    p->piece = part_load(g, outer, p->loop.index);
}

/* Adds up, over all pieces, their first extents or their element counts. */
static LLVMValueRef pieces_total(struct generator *g, const struct value *outer, bool elements)
{
    struct pieces p;
    LLVMValueRef total = entry_alloca(g, g->i64, "total");
    LLVMBuildStore(g->builder, constant_i64(g, 0), total);
    pieces_open(g, &p, outer);
    add_to(g, total, elements ? value_count(g, &p.piece) : p.piece.extents[0]);
    loop_close(g, &p.loop);
    return LLVMBuildLoad2(g->builder, g->i64, total, "");
}

/* The extents but the first, those of the first piece, with which all must agree; 0 without pieces.
 */
static void pieces_extents(struct generator *g, const struct value *outer, LLVMValueRef *extents,
                           struct span span)
{
    const struct type *element = outer->type->element;
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

static struct joined *open_pieces(struct generator *g, const struct typed *typed)
{
    struct joined *joined = joined_new(g, JOINED_PIECES, typed->type);
    joined->array = expression_borrow(g, typed->items[0]);
    debug_at(g, typed->span);
    bool flattens = typed->builtin == BUILTIN_FLATTEN;
    joined->extents[0] = pieces_total(g, &joined->array, flattens);
    if (!flattens && typed->type->rank > 1)
        pieces_extents(g, &joined->array, joined->extents, typed->span);
    return joined;
}

/* ---- Two ---------------------------------------------------------------------------------- */

static struct joined *open_side(struct generator *g, const struct typed *typed)
{
    struct joined *joined = joined_open(g, typed);
    if (joined)
        return joined;
    joined = joined_new(g, JOINED_ARRAY, typed->type);
    joined->array = expression_borrow(g, typed);
    joined->extents = joined->array.extents;
    return joined;
}

static struct joined *open_pair(struct generator *g, const struct typed *typed)
{
    struct joined *joined = joined_new(g, JOINED_PAIR, typed->type);
    for (int side = 0; side < 2; side++)
        joined->sides[side] = open_side(g, typed->items[side]);
    debug_at(g, typed->span);
    const LLVMValueRef *left = joined->sides[0]->extents, *right = joined->sides[1]->extents;
    for (uint32_t i = 1; i < typed->type->rank; i++) {
        LLVMValueRef same = LLVMBuildICmp(g->builder, LLVMIntEQ, left[i], right[i], "");
        check(g, same, ERR_shape_mismatch, typed->span, MESSAGE_EXTENT,
              fail_i64(g, 3, constant_i64(g, i), left[i], right[i]));
    }
    memcpy(joined->extents, left, typed->type->rank * sizeof *left);
    joined->extents[0] = index_add(g, left[0], right[0]);
    return joined;
}

/* ---- Tiles -------------------------------------------------------------------------------- */

/* The extents along one side of a matrix of tiles: those of the tiles in the first column or row.
 */
static LLVMValueRef untiled_extent(struct generator *g, const struct value *outer, int side)
{
    LLVMBuilderRef b = g->builder;
    LLVMValueRef total = entry_alloca(g, g->i64, "total"), zero = constant_i64(g, 0);
    LLVMBuildStore(b, zero, total);
    /* Without columns there is no first column. */
    LLVMValueRef other = LLVMBuildICmp(b, LLVMIntSGT, outer->extents[1 - side], zero, "");
    LLVMValueRef count = LLVMBuildSelect(b, other, outer->extents[side], zero, "");
    struct loop loop;
    loop_open(g, &loop, zero, count);
    LLVMValueRef at = side == 0 ? index_multiply(g, loop.index, outer->extents[1]) : loop.index;
    add_to(g, total, part_load(g, outer, at).extents[side]);
    loop_close(g, &loop);
    return LLVMBuildLoad2(b, g->i64, total, "");
}

static void check_tile(struct generator *g, const struct value *outer, const struct position *at,
                       struct span span)
{
    struct value tile = part_load(g, outer, at->flat);
    struct value in_row = part_load(g, outer, index_multiply(g, at->indexes[0], outer->extents[1]));
    struct value in_column = part_load(g, outer, at->indexes[1]);
    LLVMValueRef rows =
        LLVMBuildICmp(g->builder, LLVMIntEQ, tile.extents[0], in_row.extents[0], "");
    check(g, rows, ERR_shape_mismatch, span, MESSAGE_TILE_ROWS,
          fail_i64(g, 4, at->indexes[0], at->indexes[1], tile.extents[0], in_row.extents[0]));
    LLVMValueRef columns =
        LLVMBuildICmp(g->builder, LLVMIntEQ, tile.extents[1], in_column.extents[1], "");
    check(g, columns, ERR_shape_mismatch, span, MESSAGE_TILE_COLUMNS,
          fail_i64(g, 4, at->indexes[0], at->indexes[1], tile.extents[1], in_column.extents[1]));
}

static struct joined *open_tiles(struct generator *g, const struct typed *typed)
{
    struct joined *joined = joined_new(g, JOINED_TILES, typed->type);
    joined->array = expression_borrow(g, typed->items[0]);
    debug_at(g, typed->span);
    for (int side = 0; side < 2; side++)
        joined->extents[side] = untiled_extent(g, &joined->array, side);
    array_check_size(g, typed->type, joined->extents, typed->span);
    struct nest nest;
    nest_open(g, &nest, joined->array.extents, 2, false, POLLS_NONE);
    check_tile(g, &joined->array, &nest.at, typed->span);
    nest_close(g, &nest);
    return joined;
}

/* ---- Opening ------------------------------------------------------------------------------ */

struct joined *joined_variable(const struct generator *g, const struct typed *typed)
{
    return typed->kind == TYPED_VARIABLE ? g->slots[typed->variable->index].joined : NULL;
}

struct joined *joined_open(struct generator *g, const struct typed *typed)
{
    if (!typed_is_join(typed))
        return joined_variable(g, typed);
    debug_at(g, typed->span);
    if (typed->builtin == BUILTIN_CONCAT)
        return open_pair(g, typed);
    return typed->builtin == BUILTIN_UNTILE ? open_tiles(g, typed) : open_pieces(g, typed);
}

bool joined_has_rows(const struct joined *joined)
{
    if (joined->kind == JOINED_PAIR)
        return joined_has_rows(joined->sides[0]) && joined_has_rows(joined->sides[1]);
    return joined->kind != JOINED_TILES;
}

/* ---- Copying ------------------------------------------------------------------------------ */

static void copy_pieces(struct generator *g, const struct joined *joined, LLVMValueRef to)
{
    struct pieces p;
    LLVMValueRef offset = entry_alloca(g, g->i64, "offset");
    LLVMBuildStore(g->builder, constant_i64(g, 0), offset);
    pieces_open(g, &p, &joined->array);
    check_stop(g);
    LLVMValueRef at = LLVMBuildLoad2(g->builder, g->i64, offset, "");
    array_copy(g, &p.piece, element_address(g, joined->type->element, to, at));
    add_to(g, offset, value_count(g, &p.piece));
    loop_close(g, &p.loop);
}

/* Writes a tile with its first element at (row, column) of the matrix at an address. */
static void place_tile(struct generator *g, const struct joined *joined, LLVMValueRef to,
                       const struct value *tile, LLVMValueRef row, LLVMValueRef column)
{
    LLVMValueRef offset = index_add(g, index_multiply(g, row, joined->extents[1]), column);
    struct value target =
        value_array(g, joined->type, element_address(g, joined->type->element, to, offset),
                    tile->extents, false);
    target.strides = arena_array(&g->arena, LLVMValueRef, 2);
    target.strides[0] = joined->extents[1];
    target.strides[1] = constant_i64(g, 1);
    source_write(g, source_of_value(g, *tile), &target, true);
}

static void copy_tiles(struct generator *g, const struct joined *joined, LLVMValueRef to)
{
    const struct value *outer = &joined->array;
    LLVMValueRef zero = constant_i64(g, 0);
    LLVMValueRef row = entry_alloca(g, g->i64, "row"), column = entry_alloca(g, g->i64, "column");
    LLVMValueRef height = entry_alloca(g, g->i64, "height");
    LLVMBuildStore(g->builder, zero, row);
    struct loop rows, columns;
    loop_open(g, &rows, zero, outer->extents[0]);
    LLVMBuildStore(g->builder, zero, column);
    LLVMBuildStore(g->builder, zero, height);
    loop_open(g, &columns, zero, outer->extents[1]);
    check_stop(g);
    LLVMValueRef at = index_add(g, index_multiply(g, rows.index, outer->extents[1]), columns.index);
    struct value tile = part_load(g, outer, at);
    place_tile(g, joined, to, &tile, LLVMBuildLoad2(g->builder, g->i64, row, ""),
               LLVMBuildLoad2(g->builder, g->i64, column, ""));
    add_to(g, column, tile.extents[1]);
    LLVMBuildStore(g->builder, tile.extents[0], height);
    loop_close(g, &columns);
    add_to(g, row, LLVMBuildLoad2(g->builder, g->i64, height, ""));
    loop_close(g, &rows);
}

static void copy_joined(struct generator *g, const struct joined *joined, LLVMValueRef to)
{
    LLVMValueRef count;
    switch (joined->kind) {
    case JOINED_ARRAY:
        array_copy(g, &joined->array, to);
        return;
    case JOINED_PIECES:
        copy_pieces(g, joined, to);
        return;
    case JOINED_TILES:
        copy_tiles(g, joined, to);
        return;
    case JOINED_PAIR:
        copy_joined(g, joined->sides[0], to);
        count = extents_product(g, joined->sides[0]->extents, joined->type->rank);
        copy_joined(g, joined->sides[1], element_address(g, joined->type->element, to, count));
        return;
    }
    bug("an array joined in way %d", (int)joined->kind);
}

struct value joined_materialize(struct generator *g, const struct joined *joined, struct span span)
{
    struct value array = array_new(g, joined->type, joined->extents, span);
    copy_joined(g, joined, array.scalar);
    return array;
}

/* ---- Arguments ---------------------------------------------------------------------------- */

/* The extents of ARRAY are those of its value. */
static uint32_t extent_leaves(const struct joined *joined)
{
    return joined->kind == JOINED_ARRAY ? 0 : joined->type->rank;
}

uint32_t joined_native_count(const struct joined *joined)
{
    uint32_t count = extent_leaves(joined);
    if (joined->kind != JOINED_PAIR)
        return count + type_native_count(joined->array.type);
    return count + joined_native_count(joined->sides[0]) + joined_native_count(joined->sides[1]);
}

uint32_t joined_native(struct generator *g, const struct joined *joined, LLVMTypeRef *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < extent_leaves(joined); i++)
        out[count++] = g->i64;
    if (joined->kind != JOINED_PAIR)
        return count + type_native(g, joined->array.type, out + count);
    for (int side = 0; side < 2; side++)
        count += joined_native(g, joined->sides[side], out + count);
    return count;
}

uint32_t joined_flatten(const struct joined *joined, LLVMValueRef *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < extent_leaves(joined); i++)
        out[count++] = joined->extents[i];
    if (joined->kind != JOINED_PAIR)
        return count + value_flatten(&joined->array, out + count);
    for (int side = 0; side < 2; side++)
        count += joined_flatten(joined->sides[side], out + count);
    return count;
}

static void assume_natural(struct generator *g, const LLVMValueRef *extents, uint32_t rank)
{
    for (uint32_t i = 0; i < rank; i++)
        assume(g, LLVMBuildICmp(g->builder, LLVMIntSGE, extents[i], constant_i64(g, 0), ""));
}

struct joined *joined_unflatten(struct generator *g, const struct joined *like,
                                LLVMValueRef *leaves, uint32_t *at)
{
    struct joined *joined = joined_new(g, like->kind, like->type);
    for (uint32_t i = 0; i < extent_leaves(like); i++)
        joined->extents[i] = leaves[(*at)++];
    if (like->kind != JOINED_PAIR) {
        joined->array = value_unflatten(g, like->array.type, leaves, at);
        assume_natural(g, joined->array.extents, joined->array.type->rank);
    }
    for (int side = 0; side < 2 && like->kind == JOINED_PAIR; side++)
        joined->sides[side] = joined_unflatten(g, like->sides[side], leaves, at);
    if (like->kind == JOINED_ARRAY)
        joined->extents = joined->array.extents;
    assume_natural(g, joined->extents, joined->type->rank);
    return joined;
}

bool joined_same_form(const struct joined *a, const struct joined *b)
{
    if (!a || !b || a->kind != b->kind || a->type != b->type)
        return a == b;
    if (a->kind != JOINED_PAIR)
        return a->array.type == b->array.type;
    return joined_same_form(a->sides[0], b->sides[0]) && joined_same_form(a->sides[1], b->sides[1]);
}
