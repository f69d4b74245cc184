/*
 * Arrays: blocks from the runtime, offsets, indexes and slices, equality.
 */
#include "generator.h"

#include <string.h>

#include "check/messages.h"

/* ---- Blocks ------------------------------------------------------------------------------- */

LLVMValueRef runtime_function(struct generator *g, const char *name, LLVMTypeRef type,
                              bool allocates)
{
    LLVMValueRef function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    function = LLVMAddFunction(g->module, name, type);
    attribute_add(g, function, FUNCTION_INDEX, "nounwind", 0);
    /* It reads and writes what its arguments point to and the runtime's own memory, nothing else
     * (two bits for each kind of memory: see LLVM's ModRef.h). */
    attribute_add(g, function, FUNCTION_INDEX, "memory", 0xF);
    if (allocates)
        attribute_add(g, function, LLVMAttributeReturnIndex, "noalias", 0);
    return function;
}

void check_allocated(struct generator *g, LLVMValueRef data)
{
    LLVMBasicBlockRef good = block_new(g, "ok"), bad = block_new(g, "fail");
    branch_likely(g, LLVMBuildIsNotNull(g->builder, data, ""), good, bad);
    block_enter(g, bad);
    LLVMTypeRef failed = LLVMFunctionType(g->i32, &g->pointer, 1, false);
    LLVMValueRef status = LLVMBuildCall2(
        g->builder, failed, runtime_function(g, "wk_failed", failed, false), &g->worker, 1, "");
    LLVMValueRef result = LLVMGetPoison(g->result_type);
    LLVMBuildRet(g->builder, LLVMBuildInsertValue(g->builder, result, status, 0, ""));
    block_enter(g, good);
}

LLVMValueRef block_new_bytes(struct generator *g, LLVMValueRef bytes)
{
    LLVMTypeRef parameters[] = {g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->pointer, parameters, 2, false);
    LLVMValueRef function = runtime_function(g, "wk_alloc", type, true);
    attribute_add(g, function, LLVMAttributeReturnIndex, "align", WK_ALIGN);
    LLVMValueRef arguments[] = {g->worker, bytes};
    LLVMValueRef data = LLVMBuildCall2(g->builder, type, function, arguments, 2, "");
    check_allocated(g, data);
    return data;
}

void block_free(struct generator *g, LLVMValueRef data)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->nothing, parameters, 2, false);
    LLVMValueRef arguments[] = {g->worker, data};
    LLVMBuildCall2(g->builder, type, runtime_function(g, "wk_free", type, false), arguments, 2, "");
}

void copy_memory(struct generator *g, LLVMValueRef to, LLVMValueRef from, LLVMValueRef bytes)
{
    LLVMBuildMemCpy(g->builder, to, 1, from, 1, bytes);
}

void zero_memory(struct generator *g, LLVMValueRef to, LLVMValueRef bytes)
{
    LLVMBuildMemSet(g->builder, to, LLVMConstInt(g->i8, 0, false), bytes, 1);
}

/* ---- Extents and offsets ------------------------------------------------------------------ */

static LLVMValueRef no_wrap(LLVMValueRef value)
{
    if (LLVMIsAInstruction(value)) {
        LLVMSetNSW(value, true);
        LLVMSetNUW(value, true);
    }
    return value;
}

LLVMValueRef index_multiply(struct generator *g, LLVMValueRef a, LLVMValueRef b)
{
    return no_wrap(LLVMBuildMul(g->builder, a, b, ""));
}

LLVMValueRef index_add(struct generator *g, LLVMValueRef a, LLVMValueRef b)
{
    return no_wrap(LLVMBuildAdd(g->builder, a, b, ""));
}

LLVMValueRef extents_product(struct generator *g, const LLVMValueRef *extents, uint32_t rank)
{
    LLVMValueRef product = extents[0];
    for (uint32_t i = 1; i < rank; i++)
        product = index_multiply(g, product, extents[i]);
    return product;
}

LLVMValueRef array_bytes(struct generator *g, const struct value *array)
{
    LLVMValueRef count = extents_product(g, array->extents, array->type->rank);
    uint32_t size = type_element_bytes(array->type->element);
    return index_multiply(g, count, constant_i64(g, size));
}

void check_not_negative(struct generator *g, LLVMValueRef extent, struct span span)
{
    LLVMValueRef good = LLVMBuildICmp(g->builder, LLVMIntSGE, extent, constant_i64(g, 0), "");
    check(g, good, ERR_negative_extent, span, MESSAGE_NEGATIVE_EXTENT, fail_i64(g, 1, extent));
}

/* Checks that the bytes of an array fit 63 bits. Its extents are not negative. */
void array_check_size(struct generator *g, const struct type *type, const LLVMValueRef *extents,
                      struct span span)
{
    LLVMValueRef product = extents[0], fits = NULL;
    for (uint32_t i = 1; i < type->rank; i++) {
        LLVMValueRef factors[] = {product, extents[i]};
        LLVMValueRef both = intrinsic(g, "llvm.smul.with.overflow", g->i64, factors, 2);
        LLVMValueRef good =
            LLVMBuildNot(g->builder, LLVMBuildExtractValue(g->builder, both, 1, ""), "");
        fits = fits ? LLVMBuildAnd(g->builder, fits, good, "") : good;
        product = LLVMBuildExtractValue(g->builder, both, 0, "");
    }
    int64_t most = (INT64_MAX - WK_HEADER_BYTES) / type_element_bytes(type->element);
    LLVMValueRef small = LLVMBuildICmp(g->builder, LLVMIntULE, product, constant_i64(g, most), "");
    fits = fits ? LLVMBuildAnd(g->builder, fits, small, "") : small;
    struct fail_values values = fail_none();
    if (type->rank <= FAIL_VALUES_DIRECT) {
        values.types = &"iiii"[FAIL_VALUES_DIRECT - type->rank];
        values.count = type->rank;
        memcpy(values.words, extents, type->rank * sizeof *extents);
    }
    static const char *const formats[] = {
        MESSAGE_TOO_LARGE("many"),
        MESSAGE_TOO_LARGE("{}"),
        MESSAGE_TOO_LARGE("{} x {}"),
        MESSAGE_TOO_LARGE("{} x {} x {}"),
        MESSAGE_TOO_LARGE("{} x {} x {} x {}"),
    };
    check(g, fits, ERR_array_too_large, span, formats[values.count], values);
}

struct value array_new(struct generator *g, const struct type *type, const LLVMValueRef *extents,
                       struct span span)
{
    array_check_size(g, type, extents, span);
    struct value array = value_array(g, type, NULL, NULL, true);
    memcpy(array.extents, extents, type->rank * sizeof *extents);
    array.scalar = block_new_bytes(g, array_bytes(g, &array));
    return array;
}

void array_copy(struct generator *g, const struct value *array, LLVMValueRef to)
{
    if (!type_has_array(array->type->element)) {
        copy_memory(g, to, array->scalar, array_bytes(g, array));
        return;
    }
    struct value copy = value_array(g, array->type, to, array->extents, false);
    source_write(g, source_of_value(g, *array), &copy, true);
}

LLVMValueRef array_offset(struct generator *g, const struct value *array,
                          const struct position *position)
{
    if (!array->strides)
        return position->flat;
    LLVMValueRef offset = NULL;
    for (uint32_t i = 0; i < array->type->rank; i++) {
        LLVMValueRef step = index_multiply(g, position->indexes[i], array->strides[i]);
        offset = offset ? index_add(g, offset, step) : step;
    }
    return offset;
}

/* ---- Indexes and slices ------------------------------------------------------------------- */

/* One dimension of an index: where it begins, and the extent that is left if it is a range. */
struct selection {
    bool is_range, is_full;
    LLVMValueRef low, extent;
};

static struct selection select_element(struct generator *g, const struct typed_index *index,
                                       uint32_t dimension, LLVMValueRef extent)
{
    LLVMValueRef low = expression_scalar(g, index->low);
    debug_at(g, index->span);
    LLVMValueRef inside = LLVMBuildICmp(g->builder, LLVMIntULT, low, extent, "");
    check(g, inside, ERR_index_out_of_bounds, index->span, MESSAGE_INDEX,
          fail_i64(g, 3, low, constant_i64(g, dimension), extent));
    return (struct selection){.low = low};
}

static struct selection select_range(struct generator *g, const struct typed_index *index,
                                     uint32_t dimension, LLVMValueRef extent)
{
    LLVMBuilderRef b = g->builder;
    struct selection s = {.is_range = true};
    s.is_full = !index->low && !index->high;
    s.low = index->low ? expression_scalar(g, index->low) : constant_i64(g, 0);
    s.extent = extent;
    if (s.is_full)
        return s;
    LLVMValueRef high = index->high ? expression_scalar(g, index->high) : extent;
    debug_at(g, index->span);
    LLVMValueRef inside = LLVMBuildAnd(b, LLVMBuildICmp(b, LLVMIntULE, s.low, extent, ""),
                                       LLVMBuildICmp(b, LLVMIntULE, high, extent, ""), "");
    check(g, inside, ERR_slice_out_of_bounds, index->span, MESSAGE_SLICE,
          fail_i64(g, 4, s.low, high, constant_i64(g, dimension), extent));
    LLVMValueRef length = LLVMBuildNSWSub(b, high, s.low, "");
    LLVMValueRef operands[] = {length, constant_i64(g, 0)};
    s.extent = intrinsic(g, "llvm.smax", g->i64, operands, 2);
    return s;
}

/* Whether elements follow each other: single indexes first, then at most one part of a dimension,
 * then whole dimensions. */
static bool selections_are_dense(const struct selection *selections, uint32_t rank)
{
    uint32_t i = 0;
    while (i < rank && !selections[i].is_range)
        i++;
    for (i++; i < rank; i++) {
        if (!selections[i].is_range || !selections[i].is_full)
            return false;
    }
    return true;
}

/* The element offset of the selections' begin in a dense array. */
static LLVMValueRef dense_offset(struct generator *g, const struct value *base,
                                 const struct selection *selections)
{
    LLVMValueRef offset = selections[0].low;
    for (uint32_t i = 1; i < base->type->rank; i++)
        offset = index_add(g, index_multiply(g, offset, base->extents[i]), selections[i].low);
    return offset;
}

static struct value make_slice(struct generator *g, const struct value *base,
                               const struct selection *selections, const struct type *type,
                               LLVMValueRef data)
{
    uint32_t rank = base->type->rank, out = 0;
    struct value slice = value_array(g, type, data, NULL, false);
    if (base->strides || !selections_are_dense(selections, rank))
        slice.strides = arena_array(&g->arena, LLVMValueRef, type->rank);
    for (uint32_t i = 0; i < rank; i++) {
        if (!selections[i].is_range)
            continue;
        slice.extents[out] = selections[i].extent;
        if (slice.strides && base->strides)
            slice.strides[out] = base->strides[i];
        else if (slice.strides)
            slice.strides[out] = i + 1 < rank
                                     ? extents_product(g, base->extents + i + 1, rank - i - 1)
                                     : constant_i64(g, 1);
        out++;
    }
    return slice;
}

void array_range(struct generator *g, const struct typed_index *index, LLVMValueRef extent,
                 LLVMValueRef *low, LLVMValueRef *count)
{
    struct selection s =
        index->is_range ? select_range(g, index, 0, extent) : select_element(g, index, 0, extent);
    *low = s.low;
    *count = index->is_range ? s.extent : constant_i64(g, 1);
}

/* Checks all indexes; the address of the first element selected. */
static LLVMValueRef select_all(struct generator *g, const struct value *base,
                               const struct typed_index *indexes, struct selection *selections)
{
    struct position low;
    for (uint32_t i = 0; i < base->type->rank; i++) {
        selections[i] = indexes[i].is_range ? select_range(g, &indexes[i], i, base->extents[i])
                                            : select_element(g, &indexes[i], i, base->extents[i]);
        low.indexes[i] = selections[i].low;
    }
    low.flat = base->strides ? NULL : dense_offset(g, base, selections);
    LLVMValueRef address =
        element_address(g, base->type->element, base->scalar, array_offset(g, base, &low));
    /* An empty slice may begin behind the array's end: then its address means nothing. */
    if (LLVMIsAGetElementPtrInst(address))
        LLVMSetIsInBounds(address, false);
    return address;
}

struct value array_index(struct generator *g, const struct value *base,
                         const struct typed_index *indexes, const struct type *type)
{
    if (base->type->kind == TYPE_STRING)
        return text_slice(g, base, indexes);
    struct selection selections[WK_MAX_RANK];
    LLVMValueRef address = select_all(g, base, indexes, selections);
    for (uint32_t i = 0; i < base->type->rank; i++) {
        if (selections[i].is_range)
            return make_slice(g, base, selections, type, address);
    }
    return element_load(g, base->type->element, address);
}

LLVMValueRef array_place(struct generator *g, const struct value *base,
                         const struct typed_index *indexes)
{
    struct selection selections[WK_MAX_RANK];
    return select_all(g, base, indexes, selections);
}

/* ---- Equality ----------------------------------------------------------------------------- */

static LLVMValueRef extents_equal(struct generator *g, const struct value *left,
                                  const struct value *right)
{
    LLVMValueRef equal = NULL;
    for (uint32_t i = 0; i < left->type->rank; i++) {
        LLVMValueRef one =
            LLVMBuildICmp(g->builder, LLVMIntEQ, left->extents[i], right->extents[i], "");
        equal = equal ? LLVMBuildAnd(g->builder, equal, one, "") : one;
    }
    return equal;
}

/* Stops at the first difference. */
static LLVMValueRef arrays_equal(struct generator *g, const struct value *left,
                                 const struct value *right)
{
    const struct type *element = left->type->element;
    LLVMValueRef result = entry_alloca(g, g->i8, "equal");
    LLVMBasicBlockRef compare = block_new(g, "compare"), end = block_new(g, "compared");
    LLVMValueRef same = extents_equal(g, left, right);
    LLVMBuildStore(g->builder, LLVMBuildZExt(g->builder, same, g->i8, ""), result);
    LLVMBuildCondBr(g->builder, same, compare, end);
    block_enter(g, compare);
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), extents_product(g, left->extents, left->type->rank));
    struct value a =
        element_load(g, element, element_address(g, element, left->scalar, loop.index));
    struct value b =
        element_load(g, element, element_address(g, element, right->scalar, loop.index));
    LLVMBasicBlockRef differs = block_new(g, "differs");
    LLVMBuildCondBr(g->builder, value_equal(g, &a, &b), loop.latch, differs);
    block_enter(g, differs);
    LLVMBuildStore(g->builder, LLVMConstInt(g->i8, 0, false), result);
    LLVMBuildBr(g->builder, end);
    loop_close(g, &loop);
    block_jump(g, end);
    block_enter(g, end);
    LLVMValueRef found = LLVMBuildLoad2(g->builder, g->i8, result, "");
    return LLVMBuildTrunc(g->builder, found, g->i1, "");
}

LLVMValueRef value_equal(struct generator *g, const struct value *left, const struct value *right)
{
    const struct type *type = left->type;
    if (type_is_scalar(type)) {
        LLVMValueRef operands[] = {left->scalar, right->scalar};
        return operation_emit(g, OPERATION_EQ, type->scalar, operands, g->span);
    }
    if (type->kind == TYPE_STRING)
        return text_equal(g, left, right);
    if (type->kind == TYPE_ARRAY)
        return arrays_equal(g, left, right);
    if (type->kind == TYPE_MAP)
        return map_equal(g, left, right);
    LLVMValueRef equal = LLVMConstInt(g->i1, 1, false);
    for (uint32_t i = 0; i < type->part_count; i++)
        equal =
            LLVMBuildAnd(g->builder, equal, value_equal(g, &left->parts[i], &right->parts[i]), "");
    return equal;
}
