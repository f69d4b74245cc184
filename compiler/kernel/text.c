/*
 * Strings: an address and a length, owned or borrowed as arrays of u8 are. Literals are part of the
 * object, slices and bytes(s) are views; joining makes a new string. The bytes of an owned string
 * are where wk.h says.
 */
#include "generator.h"

#include "check/messages.h"

struct value text_literal(struct generator *g, const struct typed *typed)
{
    LLVMValueRef length = constant_i64(g, (int64_t)typed->word);
    return value_array(g, typed->type, constant_bytes_value(g, typed->text, typed->word), &length,
                       false);
}

/* ---- Memory -------------------------------------------------------------------------------- */

static LLVMValueRef text_alloc(struct generator *g, LLVMValueRef length)
{
    LLVMTypeRef parameters[] = {g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->pointer, parameters, 2, false);
    LLVMValueRef function = runtime_function(g, "wk_text_alloc", type, true);
    LLVMValueRef arguments[] = {g->worker, length};
    LLVMValueRef text = LLVMBuildCall2(g->builder, type, function, arguments, 2, "");
    check_allocated(g, text);
    return text;
}

struct value text_own(struct generator *g, const struct value *text)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->pointer, parameters, 3, false);
    LLVMValueRef function = runtime_function(g, "wk_text_new", type, false);
    LLVMValueRef arguments[] = {g->worker, text->scalar, text->extents[0]};
    LLVMValueRef copy = LLVMBuildCall2(g->builder, type, function, arguments, 3, "");
    check_allocated(g, copy);
    return value_array(g, text->type, copy, text->extents, true);
}

void text_free(struct generator *g, LLVMValueRef bytes)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->nothing, parameters, 2, false);
    LLVMValueRef function = runtime_function(g, "wk_text_free", type, false);
    LLVMValueRef arguments[] = {g->worker, bytes};
    LLVMBuildCall2(g->builder, type, function, arguments, 2, "");
}

void texts_free(struct generator *g, LLVMValueRef texts, LLVMValueRef count)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->nothing, parameters, 3, false);
    LLVMValueRef function = LLVMGetNamedFunction(g->module, "wk_texts_free");
    if (!function) { /* it reaches what its arguments do not point to directly */
        function = LLVMAddFunction(g->module, "wk_texts_free", type);
        attribute_add(g, function, FUNCTION_INDEX, "nounwind", 0);
    }
    LLVMValueRef arguments[] = {g->worker, texts, count};
    LLVMBuildCall2(g->builder, type, function, arguments, 3, "");
}

/* ---- Joining ------------------------------------------------------------------------------ */

struct text_pieces text_pieces(struct generator *g, const struct typed *typed, uint32_t from)
{
    bool is_sum = typed->kind == TYPED_BUILTIN && typed->builtin == BUILTIN_TEXT_CONCAT;
    struct typed *const *items = is_sum ? typed->items + from : NULL;
    struct text_pieces pieces = {.count = is_sum ? typed->item_count - from : 1};
    pieces.items = arena_array(&g->arena, struct value, pieces.count);
    for (uint32_t i = 0; i < pieces.count; i++) {
        pieces.items[i] = expression_borrow(g, items ? items[i] : typed);
        LLVMValueRef length = pieces.items[i].extents[0];
        pieces.length = pieces.length ? index_add(g, pieces.length, length) : length;
    }
    return pieces;
}

void text_pieces_write(struct generator *g, const struct text_pieces *pieces, LLVMValueRef to)
{
    for (uint32_t i = 0; i < pieces->count; i++) {
        const struct value *item = &pieces->items[i];
        copy_memory(g, to, item->scalar, item->extents[0]);
        if (i + 1 < pieces->count)
            to = LLVMBuildGEP2(g->builder, g->i8, to, &item->extents[0], 1, "");
    }
}

struct value text_concat(struct generator *g, const struct typed *typed)
{
    struct text_pieces pieces = text_pieces(g, typed, 0);
    debug_at(g, typed->span);
    struct value text =
        value_array(g, typed->type, text_alloc(g, pieces.length), &pieces.length, true);
    text_pieces_write(g, &pieces, text.scalar);
    return text;
}

/* ---- Comparing ---------------------------------------------------------------------------- */

/* wk_text_compare(left, right). */
static LLVMValueRef compare(struct generator *g, const struct value *left,
                            const struct value *right)
{
    LLVMTypeRef parameters[] = {g->pointer, g->i64, g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->i64, parameters, 4, false);
    LLVMValueRef function = runtime_function(g, "wk_text_compare", type, false);
    LLVMValueRef arguments[] = {left->scalar, left->extents[0], right->scalar, right->extents[0]};
    return LLVMBuildCall2(g->builder, type, function, arguments, 4, "");
}

struct value text_compare(struct generator *g, const struct typed *typed)
{
    struct value left = expression_borrow(g, typed->items[0]);
    struct value right = expression_borrow(g, typed->items[1]);
    return value_scalar(typed->type, compare(g, &left, &right));
}

/* Most strings that differ have different lengths. */
LLVMValueRef text_equal(struct generator *g, const struct value *left, const struct value *right)
{
    LLVMBasicBlockRef from[2] = {LLVMGetInsertBlock(g->builder), NULL};
    LLVMBasicBlockRef same = block_new(g, "same_length"), end = block_new(g, "compared");
    LLVMValueRef is_same =
        LLVMBuildICmp(g->builder, LLVMIntEQ, left->extents[0], right->extents[0], "");
    LLVMBuildCondBr(g->builder, is_same, same, end);
    block_enter(g, same);
    LLVMValueRef order = compare(g, left, right);
    LLVMValueRef equal = LLVMBuildICmp(g->builder, LLVMIntEQ, order, constant_i64(g, 0), "");
    from[1] = LLVMGetInsertBlock(g->builder);
    LLVMBuildBr(g->builder, end);
    block_enter(g, end);
    LLVMValueRef result = LLVMBuildPhi(g->builder, g->i1, "");
    LLVMValueRef values[2] = {LLVMConstInt(g->i1, 0, false), equal};
    LLVMAddIncoming(result, values, from, 2);
    return result;
}

/* ---- Slices ------------------------------------------------------------------------------- */

/* Whether `at`, at most the length, is not within a character. */
static LLVMValueRef is_boundary(struct generator *g, const struct value *text, LLVMValueRef at)
{
    LLVMBuilderRef b = g->builder;
    LLVMBasicBlockRef from[2] = {LLVMGetInsertBlock(b), NULL};
    LLVMBasicBlockRef inside = block_new(g, "inside"), end = block_new(g, "looked");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntULT, at, text->extents[0], ""), inside, end);
    block_enter(g, inside);
    LLVMValueRef address = LLVMBuildInBoundsGEP2(b, g->i8, text->scalar, &at, 1, "");
    LLVMValueRef byte = LLVMBuildLoad2(b, g->i8, address, "");
    LLVMValueRef bits = LLVMBuildAnd(b, byte, LLVMConstInt(g->i8, 0xC0, false), "");
    LLVMValueRef begins = LLVMBuildICmp(b, LLVMIntNE, bits, LLVMConstInt(g->i8, 0x80, false), "");
    from[1] = LLVMGetInsertBlock(b);
    LLVMBuildBr(b, end);
    block_enter(g, end);
    LLVMValueRef result = LLVMBuildPhi(b, g->i1, "");
    LLVMValueRef values[2] = {LLVMConstInt(g->i1, 1, false), begins};
    LLVMAddIncoming(result, values, from, 2);
    return result;
}

struct value text_slice(struct generator *g, const struct value *base,
                        const struct typed_index *index)
{
    LLVMBuilderRef b = g->builder;
    LLVMValueRef length = base->extents[0], zero = constant_i64(g, 0);
    LLVMValueRef low = index->low ? expression_scalar(g, index->low) : zero;
    LLVMValueRef high = index->high ? expression_scalar(g, index->high) : length;
    debug_at(g, index->span);
    LLVMValueRef inside = LLVMBuildAnd(b, LLVMBuildICmp(b, LLVMIntULE, low, length, ""),
                                       LLVMBuildICmp(b, LLVMIntULE, high, length, ""), "");
    check(g, inside, ERR_slice_out_of_bounds, index->span, MESSAGE_TEXT_SLICE,
          fail_i64(g, 3, low, high, length));
    if (index->low)
        check(g, is_boundary(g, base, low), ERR_text_boundary, index->span, MESSAGE_TEXT_BOUNDARY,
              fail_i64(g, 3, low, high, low));
    if (index->high)
        check(g, is_boundary(g, base, high), ERR_text_boundary, index->span, MESSAGE_TEXT_BOUNDARY,
              fail_i64(g, 3, low, high, high));
    LLVMValueRef operands[] = {LLVMBuildNSWSub(b, high, low, ""), zero};
    LLVMValueRef count = intrinsic(g, "llvm.smax", g->i64, operands, 2);
    LLVMValueRef data = LLVMBuildGEP2(b, g->i8, base->scalar, &low, 1, "");
    return value_array(g, base->type, data, &count, false);
}

/* ---- str(x), bytes(s) --------------------------------------------------------------------- */

static struct value print_scalar(struct generator *g, const struct typed *typed)
{
    enum wk_scalar scalar = typed->items[0]->type->scalar;
    LLVMValueRef value = canonical(g, scalar, expression_scalar(g, typed->items[0]));
    debug_at(g, typed->span);
    LLVMValueRef words = entry_alloca(g, LLVMArrayType2(g->i64, 2), "text");
    LLVMTypeRef parameters[] = {g->pointer, g->i32, g->i64, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 4, false);
    LLVMValueRef function = runtime_function(g, "wk_text_print", type, false);
    LLVMValueRef arguments[] = {g->worker, LLVMConstInt(g->i32, scalar, false),
                                scalar_to_word(g, scalar, value), words};
    check_status(g, LLVMBuildCall2(g->builder, type, function, arguments, 4, ""));
    struct value text = value_load_words(g, typed->type, words, 0);
    text.owned = true;
    return text;
}

/* The same memory, once it is found to be UTF-8. */
struct value text_print(struct generator *g, const struct typed *typed)
{
    if (type_is_scalar(typed->items[0]->type))
        return print_scalar(g, typed);
    struct value bytes = expression_borrow(g, typed->items[0]);
    debug_at(g, typed->span);
    LLVMTypeRef parameters[] = {g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->i64, parameters, 2, false);
    LLVMValueRef function = runtime_function(g, "wk_text_check", type, false);
    LLVMValueRef arguments[] = {bytes.scalar, bytes.extents[0]};
    LLVMValueRef wrong = LLVMBuildCall2(g->builder, type, function, arguments, 2, "");
    LLVMValueRef good = LLVMBuildICmp(g->builder, LLVMIntEQ, wrong, bytes.extents[0], "");
    check(g, good, ERR_text_not_utf8, typed->span, MESSAGE_NOT_UTF8, fail_i64(g, 1, wrong));
    return value_array(g, typed->type, bytes.scalar, bytes.extents, false);
}

struct value text_bytes(struct generator *g, const struct typed *typed)
{
    struct value text = expression_borrow(g, typed->items[0]);
    return value_array(g, typed->type, text.scalar, text.extents, false);
}
