/*
 * Blocks and loops in the form that the optimizer knows best: one induction variable that cannot
 * wrap, tested at the head.
 */
#include "joined.h"

#include "base/memory.h"
#include "check/messages.h"

LLVMBasicBlockRef block_new(struct generator *g, const char *name)
{
    return LLVMAppendBasicBlockInContext(g->context, g->routine, name);
}

/* Blocks are listed in the order in which they are entered, which makes the text readable. */
void block_enter(struct generator *g, LLVMBasicBlockRef block)
{
    LLVMMoveBasicBlockAfter(block, LLVMGetLastBasicBlock(g->routine));
    LLVMPositionBuilderAtEnd(g->builder, block);
}

bool block_has_ended(struct generator *g)
{
    return LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(g->builder)) != NULL;
}

void block_jump(struct generator *g, LLVMBasicBlockRef block)
{
    if (!block_has_ended(g))
        LLVMBuildBr(g->builder, block);
}

/* All stack slots are made in the entry block, so that loops do not grow the stack. */
LLVMValueRef entry_alloca(struct generator *g, LLVMTypeRef type, const char *name)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(g->builder);
    LLVMPositionBuilderBefore(g->builder, LLVMGetBasicBlockTerminator(g->entry));
    LLVMValueRef slot = LLVMBuildAlloca(g->builder, type, name ? name : "");
    LLVMPositionBuilderAtEnd(g->builder, here);
    return slot;
}

/* ---- Loops -------------------------------------------------------------------------------------
 */

void loop_open(struct generator *g, struct loop *loop, LLVMValueRef low, LLVMValueRef high)
{
    *loop = (struct loop){.header = block_new(g, "head"),
                          .latch = block_new(g, "next"),
                          .exit = block_new(g, "done")};
    LLVMBasicBlockRef before = LLVMGetInsertBlock(g->builder), body = block_new(g, "body");
    LLVMBuildBr(g->builder, loop->header);
    block_enter(g, loop->header);
    loop->index = LLVMBuildPhi(g->builder, g->i64, "i");
    LLVMAddIncoming(loop->index, &low, &before, 1);
    LLVMValueRef more = LLVMBuildICmp(g->builder, LLVMIntSLT, loop->index, high, "");
    LLVMBuildCondBr(g->builder, more, body, loop->exit);
    block_enter(g, body);
}

/* A loop that is entered on a condition and tested at the end of its turns. */
static void open_tested_last(struct generator *g, struct loop *loop, LLVMValueRef some,
                             LLVMValueRef low)
{
    *loop = (struct loop){.header = block_new(g, "head"),
                          .latch = block_new(g, "next"),
                          .exit = block_new(g, "done")};
    LLVMBasicBlockRef before = LLVMGetInsertBlock(g->builder);
    LLVMBuildCondBr(g->builder, some, loop->header, loop->exit);
    block_enter(g, loop->header);
    loop->index = LLVMBuildPhi(g->builder, g->i64, "i");
    LLVMAddIncoming(loop->index, &low, &before, 1);
}

void loop_open_inclusive(struct generator *g, struct loop *loop, LLVMValueRef low,
                         LLVMValueRef last)
{
    open_tested_last(g, loop, LLVMBuildICmp(g->builder, LLVMIntSLE, low, last, ""), low);
    loop->last = last;
}

/* ---- Strips ------------------------------------------------------------------------------------
 */

enum { TURNS_OF_STRIP = 65536 };

/* Opens the loop over strips, of which there is one at least if `some` holds, and returns how far
 * the strip's end lies behind its begin: `most`, or less in the last one. */
static LLVMValueRef open_strip(struct generator *g, struct loop *strips, LLVMValueRef some,
                               LLVMValueRef low, LLVMValueRef high, LLVMValueRef most)
{
    *strips = (struct loop){.strip = block_new(g, "strip"), .exit = block_new(g, "done")};
    LLVMBasicBlockRef before = LLVMGetInsertBlock(g->builder);
    LLVMBuildCondBr(g->builder, some, strips->strip, strips->exit);
    block_enter(g, strips->strip);
    strips->high = high;
    strips->strip_begin = LLVMBuildPhi(g->builder, g->i64, "begin");
    LLVMAddIncoming(strips->strip_begin, &low, &before, 1);
    LLVMValueRef ends[] = {LLVMBuildSub(g->builder, high, strips->strip_begin, ""), most};
    return intrinsic(g, "llvm.umin", g->i64, ends, 2);
}

/* What `break` leaves is the whole loop; what ends by itself is a strip. */
static void join_strip(struct loop *loop, const struct loop *strips)
{
    loop->strip = strips->strip;
    loop->strip_begin = strips->strip_begin;
    loop->strip_end = strips->strip_end;
    loop->high = strips->high;
}

static void open_strip_turns(struct generator *g, struct loop *loop, struct loop *strips,
                             LLVMValueRef turns)
{
    strips->strip_end = LLVMBuildNSWAdd(g->builder, strips->strip_begin, turns, "");
    loop_open(g, loop, strips->strip_begin, strips->strip_end);
    join_strip(loop, strips);
    loop->strip_exit = loop->exit;
    loop->exit = strips->exit;
}

void loop_open_strips(struct generator *g, struct loop *loop, LLVMValueRef low, LLVMValueRef high)
{
    struct loop strips;
    LLVMValueRef some = LLVMBuildICmp(g->builder, LLVMIntSLT, low, high, "");
    LLVMValueRef most = constant_i64(g, TURNS_OF_STRIP);
    open_strip_turns(g, loop, &strips, open_strip(g, &strips, some, low, high, most));
}

void loop_open_inclusive_strips(struct generator *g, struct loop *loop, LLVMValueRef low,
                                LLVMValueRef last)
{
    struct loop strips;
    LLVMValueRef some = LLVMBuildICmp(g->builder, LLVMIntSLE, low, last, "");
    LLVMValueRef most = constant_i64(g, TURNS_OF_STRIP - 1);
    LLVMValueRef turns = open_strip(g, &strips, some, low, last, most);
    strips.strip_end = LLVMBuildNSWAdd(g->builder, strips.strip_begin, turns, "");
    loop_open_inclusive(g, loop, strips.strip_begin, strips.strip_end);
    join_strip(loop, &strips);
    loop->strip_exit = loop->exit;
    loop->exit = strips.exit;
}

/* Behind a strip's end: polls, and goes on with the next one, if there is one. */
static void close_strip(struct generator *g, struct loop *loop)
{
    block_enter(g, loop->strip_exit);
    LLVMBasicBlockRef again = block_new(g, "again");
    LLVMIntPredicate more = LLVMIntSLT; /* of an inclusive end, too: then the last index is less */
    LLVMValueRef left = LLVMBuildICmp(g->builder, more, loop->strip_end, loop->high, "");
    LLVMBuildCondBr(g->builder, left, again, loop->exit);
    block_enter(g, again);
    check_stop(g);
    LLVMValueRef next = loop->strip_end;
    if (loop->last)
        next = LLVMBuildNSWAdd(g->builder, next, constant_i64(g, 1), "");
    LLVMBasicBlockRef from = LLVMGetInsertBlock(g->builder);
    LLVMAddIncoming(loop->strip_begin, &next, &from, 1);
    LLVMBuildBr(g->builder, loop->strip);
    block_enter(g, loop->exit);
}

static void end_loop(struct generator *g, struct loop *loop)
{
    if (loop->strip)
        close_strip(g, loop);
    else
        block_enter(g, loop->exit);
}

/* Tested at the end of a turn, before the index is counted up. */
static void close_inclusive(struct generator *g, struct loop *loop)
{
    LLVMBasicBlockRef again = block_new(g, "again");
    LLVMValueRef ends = LLVMBuildICmp(g->builder, LLVMIntEQ, loop->index, loop->last, "");
    LLVMBuildCondBr(g->builder, ends, loop->strip ? loop->strip_exit : loop->exit, again);
    block_enter(g, again);
    LLVMValueRef next = LLVMBuildNSWAdd(g->builder, loop->index, constant_i64(g, 1), "");
    LLVMAddIncoming(loop->index, &next, &again, 1);
    LLVMBuildBr(g->builder, loop->header);
    end_loop(g, loop);
}

/* A product of two variables, such as the i * i with which a sieve begins, behind an empty piece of
 * assembly. LLVM would count it up by sums of its own where the variables are another loop's
 * indexes, and each address that follows from it: three additions for every turn of the outer loop
 * and one for every turn of the inner, in place of the one multiplication. */
static LLVMValueRef hide_product(struct generator *g, LLVMValueRef value)
{
    if (!LLVMIsAInstruction(value) || LLVMGetInstructionOpcode(value) != LLVMMul ||
        LLVMIsConstant(LLVMGetOperand(value, 0)) || LLVMIsConstant(LLVMGetOperand(value, 1)))
        return value;
    LLVMTypeRef type = LLVMFunctionType(g->i64, &g->i64, 1, false);
    static const char same_register[] = "=r,0";
    LLVMValueRef nothing = LLVMGetInlineAsm(type, "", 0, same_register, sizeof same_register - 1,
                                            false, false, LLVMInlineAsmDialectATT, false);
    return LLVMBuildCall2(g->builder, type, nothing, &value, 1, "");
}

void loop_open_stepped(struct generator *g, struct loop *loop, LLVMValueRef low, LLVMValueRef high,
                       LLVMValueRef step, bool inclusive)
{
    LLVMBuilderRef b = g->builder;
    low = hide_product(g, low);
    LLVMIntPredicate ordered = inclusive ? LLVMIntSLE : LLVMIntSLT;
    LLVMValueRef up = LLVMBuildICmp(b, LLVMIntSGT, step, constant_i64(g, 0), "");
    LLVMValueRef first = LLVMBuildSelect(b, up, low, high, "");
    LLVMValueRef end = LLVMBuildSelect(b, up, high, low, "");
    LLVMValueRef one = LLVMBuildSelect(b, up, constant_i64(g, 1), constant_i64(g, -1), "");
    LLVMValueRef ends[] = {high, inclusive ? LLVMBuildSub(b, step, one, "") : step};
    LLVMValueRef limit = intrinsic(g, "llvm.ssub.sat", g->i64, ends, 2);
    open_tested_last(g, loop, LLVMBuildICmp(b, ordered, first, end, ""), low);
    loop->limit = limit;
    loop->low = low;
    loop->high = high;
    loop->step = step;
    loop->up = up;
    loop->inclusive = inclusive;
}

/* What LLVM does not see, that the next index lies between the ends, spares checks of bounds. */
static void assume_between_ends(struct generator *g, const struct loop *loop, LLVMValueRef index)
{
    LLVMBuilderRef b = g->builder;
    LLVMIntPredicate below = loop->inclusive ? LLVMIntSLE : LLVMIntSLT;
    LLVMIntPredicate above = loop->inclusive ? LLVMIntSGE : LLVMIntSGT;
    LLVMValueRef behind_low = LLVMBuildICmp(b, LLVMIntSGT, index, loop->low, "");
    LLVMValueRef before_low = LLVMBuildICmp(b, LLVMIntSLT, index, loop->low, "");
    LLVMValueRef before_high = LLVMBuildICmp(b, below, index, loop->high, "");
    LLVMValueRef behind_high = LLVMBuildICmp(b, above, index, loop->high, "");
    assume(g, LLVMBuildSelect(b, loop->up, behind_low, before_low, ""));
    assume(g, LLVMBuildSelect(b, loop->up, before_high, behind_high, ""));
}

/* Goes on while the next index lies before the end: index + step < end, written without a sum that
 * could wrap as index < end - step, where a difference that saturates is never reached. An
 * inclusive end counts as one further. */
static void close_stepped(struct generator *g, struct loop *loop)
{
    LLVMBuilderRef b = g->builder;
    LLVMBasicBlockRef again = block_new(g, "again");
    LLVMValueRef up = LLVMBuildICmp(b, LLVMIntSLT, loop->index, loop->limit, "");
    LLVMValueRef down = LLVMBuildICmp(b, LLVMIntSGT, loop->index, loop->limit, "");
    LLVMBuildCondBr(b, LLVMBuildSelect(b, loop->up, up, down, ""), again, loop->exit);
    block_enter(g, again);
    LLVMValueRef next = LLVMBuildNSWAdd(b, loop->index, loop->step, "");
    assume_between_ends(g, loop, next);
    LLVMAddIncoming(loop->index, &next, &again, 1);
    LLVMBuildBr(b, loop->header);
    block_enter(g, loop->exit);
}

void loop_close(struct generator *g, struct loop *loop)
{
    block_jump(g, loop->latch);
    block_enter(g, loop->latch);
    if (loop->step) {
        close_stepped(g, loop);
        return;
    }
    if (loop->last) {
        close_inclusive(g, loop);
        return;
    }
    LLVMValueRef next = LLVMBuildNSWAdd(g->builder, loop->index, constant_i64(g, 1), "");
    LLVMAddIncoming(loop->index, &next, &loop->latch, 1);
    LLVMBuildBr(g->builder, loop->header);
    end_loop(g, loop);
}

/* Opens a loop from 0 in strips of `most` turns. */
static void open_strips_of(struct generator *g, struct loop *loop, LLVMValueRef high,
                           LLVMValueRef most)
{
    struct loop strips;
    LLVMValueRef zero = constant_i64(g, 0);
    LLVMValueRef some = LLVMBuildICmp(g->builder, LLVMIntSLT, zero, high, "");
    LLVMValueRef turns = open_strip(g, &strips, some, zero, high, most);
    open_strip_turns(g, loop, &strips, turns);
}

/* The outermost loop of a nest: each strip has about TURNS_OF_STRIP elements, or one row. Rows
 * without elements are none. */
static void open_rows(struct generator *g, struct loop *loop, const LLVMValueRef *extents,
                      uint32_t rank)
{
    LLVMValueRef zero = constant_i64(g, 0), one = constant_i64(g, 1);
    LLVMValueRef most = constant_i64(g, TURNS_OF_STRIP);
    if (rank == 1) {
        open_strips_of(g, loop, extents[0], most);
        return;
    }
    LLVMValueRef row = extents_product(g, extents + 1, rank - 1);
    LLVMValueRef empty = LLVMBuildICmp(g->builder, LLVMIntEQ, row, zero, "");
    LLVMValueRef rows = LLVMBuildSelect(g->builder, empty, zero, extents[0], "");
    LLVMValueRef row_or_one[] = {row, one};
    row = intrinsic(g, "llvm.umax", g->i64, row_or_one, 2);
    LLVMValueRef rows_or_one[] = {LLVMBuildUDiv(g->builder, most, row, ""), one};
    open_strips_of(g, loop, rows, intrinsic(g, "llvm.umax", g->i64, rows_or_one, 2));
}

/* What LLVM does not see of a strip: that it lies within the loop. It spares checks of bounds. */
static void assume_within(struct generator *g, const struct loop *loop)
{
    LLVMValueRef zero = constant_i64(g, 0);
    assume(g, LLVMBuildICmp(g->builder, LLVMIntSGE, loop->index, zero, ""));
    assume(g, LLVMBuildICmp(g->builder, LLVMIntSLT, loop->index, loop->high, ""));
}

/* Loop `i` of a nest. */
static void open_level(struct generator *g, struct loop *loop, const LLVMValueRef *extents,
                       uint32_t rank, uint32_t i, enum polls polls)
{
    LLVMValueRef zero = constant_i64(g, 0);
    if (polls != POLLS_NONE && i == 0)
        open_rows(g, loop, extents, rank);
    else if (polls == POLLS_IN_ROWS && i + 1 == rank)
        loop_open_strips(g, loop, zero, extents[i]);
    else
        loop_open(g, loop, zero, extents[i]);
    if (polls == POLLS_OF_ROWS && i == 0)
        assume_within(g, loop);
}

void nest_open(struct generator *g, struct nest *nest, const LLVMValueRef *extents, uint32_t rank,
               bool flat, enum polls polls)
{
    nest->segments = NULL;
    if (flat || rank == 1) {
        LLVMValueRef count = extents_product(g, extents, rank);
        nest->depth = 1;
        open_level(g, &nest->loops[0], &count, 1, 0, polls);
        nest->at.flat = nest->loops[0].index;
        nest->at.indexes[0] = rank == 1 ? nest->at.flat : NULL;
        return;
    }
    nest->depth = rank;
    LLVMValueRef offset = NULL;
    for (uint32_t i = 0; i < rank; i++) {
        /* The part of the offset that does not change within the loop is computed outside. */
        LLVMValueRef scaled = offset ? index_multiply(g, offset, extents[i]) : NULL;
        open_level(g, &nest->loops[i], extents, rank, i, polls);
        LLVMValueRef index = nest->loops[i].index;
        nest->at.indexes[i] = index;
        offset = scaled ? index_add(g, scaled, index) : index;
    }
    nest->at.flat = offset;
}

void nest_close(struct generator *g, struct nest *nest)
{
    for (uint32_t i = nest->depth; i-- > 0;)
        loop_close(g, &nest->loops[i]);
    if (nest->segments)
        segments_close(g, nest->segments);
}

/* ---- Iterators ---------------------------------------------------------------------------- */

static LLVMValueRef select_positive(struct generator *g, LLVMValueRef condition, LLVMValueRef value)
{
    return LLVMBuildSelect(g->builder, condition, value, constant_i64(g, 0), "");
}

/* How often a range with a step turns, by unsigned arithmetic, which cannot overflow: the distance
 * between the ends less one, divided by the step's size, plus one; 0 for an empty or backward
 * range. An inclusive end is made exclusive by not subtracting the one. */
static LLVMValueRef stepped_count(struct generator *g, const struct iteration *it, bool inclusive)
{
    LLVMBuilderRef b = g->builder;
    LLVMValueRef zero = constant_i64(g, 0), one = constant_i64(g, 1);
    LLVMValueRef up = LLVMBuildICmp(b, LLVMIntSGT, it->step, zero, "");
    LLVMValueRef first = LLVMBuildSelect(b, up, it->low, it->high, "");
    LLVMValueRef last = LLVMBuildSelect(b, up, it->high, it->low, "");
    LLVMValueRef size = LLVMBuildSelect(b, up, it->step, LLVMBuildSub(b, zero, it->step, ""), "");
    LLVMValueRef distance = LLVMBuildSub(b, last, first, "");
    if (!inclusive)
        distance = LLVMBuildSub(b, distance, one, "");
    LLVMValueRef count = LLVMBuildAdd(b, LLVMBuildUDiv(b, distance, size, ""), one, "");
    LLVMIntPredicate ordered = inclusive ? LLVMIntSLE : LLVMIntSLT;
    return select_positive(g, LLVMBuildICmp(b, ordered, first, last, ""), count);
}

static bool is_natural(LLVMValueRef value)
{
    return LLVMIsAConstantInt(value) && LLVMConstIntGetSExtValue(value) >= 0;
}

/* How often a range with step 1 turns. A distance of 2^63 or more shows as negative. */
static LLVMValueRef unit_count(struct generator *g, const struct iteration *it)
{
    LLVMBuilderRef b = g->builder;
    bool inclusive = it->iterator->inclusive;
    LLVMIntPredicate ordered = inclusive ? LLVMIntSLE : LLVMIntSLT;
    LLVMValueRef some = LLVMBuildICmp(b, ordered, it->low, it->high, "");
    LLVMValueRef count = LLVMBuildSub(b, it->high, it->low, "");
    if (inclusive)
        count = LLVMBuildAdd(b, count, constant_i64(g, 1), "");
    count = select_positive(g, some, count);
    if (!is_natural(it->low)) {
        LLVMValueRef counted = LLVMBuildICmp(b, LLVMIntSGE, count, constant_i64(g, 0), "");
        check(g, counted, ERR_array_too_large, it->iterator->span, MESSAGE_LONG_RANGE,
              fail_i64(g, 2, it->low, it->high));
    }
    return count;
}

static struct iteration range_open(struct generator *g, const struct typed_iterator *iterator)
{
    struct iteration it = {.iterator = iterator};
    it.low = iterator->low ? expression_scalar(g, iterator->low) : constant_i64(g, 0);
    it.high = expression_scalar(g, iterator->high);
    if (!iterator->step || (iterator->step->kind == TYPED_CONSTANT && iterator->step->word == 1))
        return it;
    it.step = expression_scalar(g, iterator->step);
    LLVMValueRef moves = LLVMBuildICmp(g->builder, LLVMIntNE, it.step, constant_i64(g, 0), "");
    check(g, moves, ERR_zero_step, iterator->step->span, MESSAGE_ZERO_STEP,
          fail_i64(g, 2, it.low, it.high));
    return it;
}

void iteration_count(struct generator *g, struct iteration *it)
{
    if (it->source)
        it->count = it->source->extents[0];
    else if (!it->iterator->is_range)
        it->count = it->subject.extents[0];
    else if (it->step)
        it->count = stepped_count(g, it, it->iterator->inclusive);
    else
        it->count = unit_count(g, it);
}

struct iteration iteration_open(struct generator *g, const struct typed_iterator *iterator,
                                bool in_order)
{
    if (iterator->is_range)
        return range_open(g, iterator);
    struct iteration it = {.iterator = iterator};
    const struct type *type = iterator->subject->type;
    struct joined *joined = in_order ? joined_open(g, iterator->subject) : NULL;
    if (!joined) {
        it.subject = expression_borrow(g, iterator->subject);
    } else if (type->rank == 1 || joined_has_rows(joined)) {
        it.subject = value_array(g, type, NULL, joined->extents, false);
        it.joined = source_of_joined(g, joined, true);
    } else {
        it.subject = scope_keep(g, joined_materialize(g, joined, iterator->subject->span));
    }
    return it;
}

struct iteration iteration_open_once(struct generator *g, const struct typed_iterator *iterator)
{
    if (iterator->is_range || !source_is_plain(iterator->subject))
        return iteration_open(g, iterator, true);
    struct iteration it = {.iterator = iterator};
    it.source = source_open(g, iterator->subject);
    return it;
}

struct lazy *iteration_joined(const struct iteration *iteration)
{
    struct lazy *source = iteration->source;
    return source && source_is_joined(source) ? source : iteration->joined;
}

/* Row `number` of an array of rank 2 or more; an element of rank 1. */
static struct value subject_value(struct generator *g, const struct iteration *it,
                                  LLVMValueRef number, const struct type *type)
{
    const struct value *subject = &it->subject;
    const struct type *element = subject->type->element;
    if (it->joined) {
        LLVMValueRef address = cursor_address(g, it->joined->cursor, number);
        return subject->type->rank == 1
                   ? element_load(g, element, address)
                   : value_array(g, type, address, subject->extents + 1, false);
    }
    if (subject->type->rank == 1)
        return element_load(g, element, element_address(g, element, subject->scalar, number));
    LLVMValueRef size = extents_product(g, subject->extents + 1, subject->type->rank - 1);
    LLVMValueRef offset = index_multiply(g, number, size);
    LLVMValueRef data = element_address(g, element, subject->scalar, offset);
    return value_array(g, type, data, subject->extents + 1, false);
}

struct value iteration_value(struct generator *g, const struct iteration *it, LLVMValueRef number)
{
    const struct type *type = it->iterator->variable->type;
    struct position at = {.indexes = {number}, .flat = number};
    if (it->source)
        return source_element(g, it->source, &at);
    if (!it->iterator->is_range)
        return subject_value(g, it, number, type);
    LLVMValueRef offset = number;
    if (it->step)
        offset = LLVMBuildMul(g->builder, number, it->step, "");
    /* low + number stays within the range; number * step may wrap on the way. */
    LLVMValueRef value = it->step ? LLVMBuildAdd(g->builder, it->low, offset, "")
                                  : LLVMBuildNSWAdd(g->builder, it->low, offset, "");
    return value_scalar(type, value);
}
