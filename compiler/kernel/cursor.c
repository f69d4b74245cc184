/*
 * Cursors over joined arrays; see joined.h. Where a cursor stands is in stack slots, which the
 * optimizer turns into registers.
 */
#include "joined.h"

#include "base/memory.h"

struct cursor {
    const struct joined *joined;
    bool by_rows;
    struct cursor *sides[2];    /* PAIR */
    LLVMValueRef segment_data;  /* slots: where the segment lies, and its first number and the */
    LLVMValueRef segment_begin; /* one behind its last */
    LLVMValueRef segment_end;
    LLVMValueRef next;        /* slot: the number of the array in which the next segment lies */
    LLVMValueRef line;        /* slot, TILES: in which of its lines */
    LLVMValueRef data, begin; /* as the last move left them */
};

static LLVMValueRef slot_new(struct generator *g, LLVMTypeRef type, const char *name)
{
    LLVMValueRef slot = entry_alloca(g, type, name);
    LLVMBuildStore(g->builder, LLVMConstNull(type), slot);
    return slot;
}

static LLVMValueRef read(struct generator *g, LLVMValueRef slot)
{
    return LLVMBuildLoad2(g->builder, g->i64, slot, "");
}

/* How many elements or rows an array of these extents has. */
static LLVMValueRef unit_count(struct generator *g, const struct cursor *cursor,
                               const LLVMValueRef *extents, uint32_t rank)
{
    return cursor->by_rows ? extents[0] : extents_product(g, extents, rank);
}

struct cursor *cursor_open(struct generator *g, const struct joined *joined, bool by_rows)
{
    struct cursor *cursor = arena_new(&g->arena, struct cursor);
    cursor->joined = joined;
    cursor->by_rows = by_rows && joined->type->rank > 1;
    cursor->segment_data = slot_new(g, g->pointer, "segment");
    cursor->segment_begin = slot_new(g, g->i64, "begin");
    cursor->segment_end = slot_new(g, g->i64, "end");
    cursor->next = slot_new(g, g->i64, "next");
    cursor->line = slot_new(g, g->i64, "line");
    for (int side = 0; side < 2 && joined->kind == JOINED_PAIR; side++)
        cursor->sides[side] = cursor_open(g, joined->sides[side], by_rows);
    if (joined->kind == JOINED_ARRAY) {
        LLVMBuildStore(g->builder, joined->array.scalar, cursor->segment_data);
        LLVMBuildStore(g->builder, unit_count(g, cursor, joined->extents, joined->type->rank),
                       cursor->segment_end);
    }
    return cursor;
}

/* ---- Moving on ---------------------------------------------------------------------------- */

/* The segment behind the current one, of this length. */
static void set_segment(struct generator *g, const struct cursor *cursor, LLVMValueRef data,
                        LLVMValueRef length)
{
    LLVMValueRef begin = read(g, cursor->segment_end);
    LLVMBuildStore(g->builder, data, cursor->segment_data);
    LLVMBuildStore(g->builder, begin, cursor->segment_begin);
    LLVMBuildStore(g->builder, index_add(g, begin, length), cursor->segment_end);
}

static struct value next_part(struct generator *g, const struct cursor *cursor, LLVMValueRef number)
{
    const struct value *outer = &cursor->joined->array;
    const struct type *element = outer->type->element;
    return element_load(g, element, element_address(g, element, outer->scalar, number));
}

static void move_to_piece(struct generator *g, const struct cursor *cursor)
{
    LLVMValueRef number = read(g, cursor->next);
    struct value piece = next_part(g, cursor, number);
    set_segment(g, cursor, piece.scalar, unit_count(g, cursor, piece.extents, piece.type->rank));
    LLVMBuildStore(g->builder, index_add(g, number, constant_i64(g, 1)), cursor->next);
}

/* A line of a tile, or all of it where it stands alone in its row; of a tile without lines nothing.
 * Behind the last tile of a row comes the row's next line, or the next row. */
static void move_to_line(struct generator *g, const struct cursor *cursor)
{
    LLVMBuilderRef b = g->builder;
    LLVMValueRef zero = constant_i64(g, 0), one = constant_i64(g, 1);
    LLVMValueRef columns = cursor->joined->array.extents[1];
    LLVMValueRef number = read(g, cursor->next), line = read(g, cursor->line);
    struct value tile = next_part(g, cursor, number);
    LLVMValueRef height = tile.extents[0], width = tile.extents[1];
    LLVMValueRef is_alone = LLVMBuildICmp(b, LLVMIntEQ, columns, one, "");
    LLVMValueRef some[] = {height, one};
    LLVMValueRef lines =
        LLVMBuildSelect(b, is_alone, height, intrinsic(g, "llvm.smin", g->i64, some, 2), "");
    set_segment(g, cursor,
                element_address(g, tile.type->element, tile.scalar, index_multiply(g, line, width)),
                index_multiply(g, lines, width));
    LLVMValueRef after = index_add(g, number, one);
    LLVMValueRef column = LLVMBuildURem(b, number, columns, "");
    LLVMValueRef is_last = LLVMBuildICmp(b, LLVMIntEQ, index_add(g, column, one), columns, "");
    LLVMValueRef below = index_add(g, line, lines);
    LLVMValueRef has_more = LLVMBuildICmp(b, LLVMIntSLT, below, height, "");
    LLVMValueRef back =
        LLVMBuildSelect(b, has_more, LLVMBuildSub(b, number, column, ""), after, "");
    LLVMValueRef then = LLVMBuildSelect(b, has_more, below, zero, "");
    LLVMBuildStore(b, LLVMBuildSelect(b, is_last, back, after, ""), cursor->next);
    LLVMBuildStore(b, LLVMBuildSelect(b, is_last, then, line, ""), cursor->line);
}

/* Takes over the segment of a side whose first number here is `base`. */
static void move_in_side(struct generator *g, const struct cursor *cursor, int side,
                         LLVMValueRef number, LLVMValueRef base)
{
    struct cursor *in = cursor->sides[side];
    LLVMValueRef end = cursor_seek(g, in, LLVMBuildNSWSub(g->builder, number, base, ""));
    LLVMBuildStore(g->builder, in->data, cursor->segment_data);
    LLVMBuildStore(g->builder, index_add(g, in->begin, base), cursor->segment_begin);
    LLVMBuildStore(g->builder, index_add(g, end, base), cursor->segment_end);
}

static void move_in_pair(struct generator *g, const struct cursor *cursor, LLVMValueRef number)
{
    const struct joined *first = cursor->joined->sides[0];
    LLVMValueRef middle = unit_count(g, cursor, first->extents, first->type->rank);
    LLVMBasicBlockRef left = block_new(g, "left"), right = block_new(g, "right"),
                      end = block_new(g, "moved");
    LLVMValueRef is_left = LLVMBuildICmp(g->builder, LLVMIntSLT, number, middle, "");
    LLVMBuildCondBr(g->builder, is_left, left, right);
    block_enter(g, left);
    move_in_side(g, cursor, 0, number, constant_i64(g, 0));
    block_jump(g, end);
    block_enter(g, right);
    move_in_side(g, cursor, 1, number, middle);
    block_jump(g, end);
    block_enter(g, end);
}

static void move_on(struct generator *g, const struct cursor *cursor, LLVMValueRef number)
{
    switch (cursor->joined->kind) {
    case JOINED_ARRAY:
        bug("an array has one segment");
    case JOINED_PIECES:
        move_to_piece(g, cursor);
        return;
    case JOINED_TILES:
        move_to_line(g, cursor);
        return;
    case JOINED_PAIR:
        move_in_pair(g, cursor, number);
        return;
    }
}

LLVMValueRef cursor_seek(struct generator *g, struct cursor *cursor, LLVMValueRef number)
{
    if (cursor->joined->kind != JOINED_ARRAY) {
        LLVMBasicBlockRef test = block_new(g, "seek"), move = block_new(g, "move"),
                          there = block_new(g, "there");
        block_jump(g, test);
        block_enter(g, test);
        LLVMValueRef behind =
            LLVMBuildICmp(g->builder, LLVMIntSGE, number, read(g, cursor->segment_end), "");
        branch_likely(g, LLVMBuildNot(g->builder, behind, ""), there, move);
        block_enter(g, move);
        move_on(g, cursor, number);
        block_jump(g, test);
        block_enter(g, there);
    }
    cursor->data = LLVMBuildLoad2(g->builder, g->pointer, cursor->segment_data, "");
    cursor->begin = read(g, cursor->segment_begin);
    return read(g, cursor->segment_end);
}

LLVMValueRef cursor_address(struct generator *g, const struct cursor *cursor, LLVMValueRef number)
{
    const struct joined *joined = cursor->joined;
    LLVMValueRef offset = LLVMBuildNSWSub(g->builder, number, cursor->begin, "");
    if (cursor->by_rows)
        offset = index_multiply(g, offset,
                                extents_product(g, joined->extents + 1, joined->type->rank - 1));
    return element_address(g, joined->type->element, cursor->data, offset);
}
