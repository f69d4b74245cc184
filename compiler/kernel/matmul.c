/*
 * The matrix product. Small ones, and those of integers, are loops: the products are added up in
 * the order of the inner dimension, beginning with +0.0, for each element. Large ones of floats are
 * OpenBLAS's, through wk_matmul. Which of the two it is depends on the shape alone.
 */
#include "generator.h"

#include "check/messages.h"

/* An operand as a matrix: a vector on the left is a row, on the right a column. */
struct matrix {
    LLVMValueRef data, rows, columns;
};

static struct matrix as_matrix(struct generator *g, const struct value *array, bool left)
{
    LLVMValueRef one = constant_i64(g, 1);
    if (array->type->rank == 2)
        return (struct matrix){array->scalar, array->extents[0], array->extents[1]};
    if (left)
        return (struct matrix){array->scalar, one, array->extents[0]};
    return (struct matrix){array->scalar, array->extents[0], one};
}

static LLVMValueRef matrix_address(struct generator *g, const struct type *element,
                                   const struct matrix *m, LLVMValueRef row, LLVMValueRef column)
{
    LLVMValueRef offset = index_add(g, index_multiply(g, row, m->columns), column);
    return element_address(g, element, m->data, offset);
}

/* c += a[i, k] * b[k, :] for row i: the inner loop goes along rows of b and c, and vectorizes. */
static void add_products(struct generator *g, const struct type *element, const struct matrix *c,
                         const struct matrix *a, const struct matrix *b, struct span span)
{
    struct loop i, k, j;
    LLVMValueRef zero = constant_i64(g, 0);
    loop_open(g, &i, zero, c->rows);
    check_stop(g);
    loop_open(g, &k, zero, a->columns);
    struct value factor = element_load(g, element, matrix_address(g, element, a, i.index, k.index));
    loop_open(g, &j, zero, c->columns);
    struct value other = element_load(g, element, matrix_address(g, element, b, k.index, j.index));
    LLVMValueRef place = matrix_address(g, element, c, i.index, j.index);
    LLVMValueRef factors[] = {factor.scalar, other.scalar};
    LLVMValueRef terms[] = {element_load(g, element, place).scalar,
                            operation_emit(g, OPERATION_MUL, element->scalar, factors, span)};
    LLVMBuildStore(g->builder, operation_emit(g, OPERATION_ADD, element->scalar, terms, span),
                   place);
    loop_close(g, &j);
    loop_close(g, &k);
    loop_close(g, &i);
}

/* Whether the product is one of wk_matmul, by its shape alone: so many products, and extents that
 * the library can count. */
static LLVMValueRef is_large(struct generator *g, const struct matrix *a, const struct matrix *b)
{
    LLVMValueRef extents[] = {a->rows, a->columns, b->columns}, all = NULL;
    LLVMTypeRef real = scalar_type(g, WK_F64);
    LLVMValueRef products = LLVMConstReal(real, 1.0);
    for (unsigned i = 0; i < 3; i++) {
        LLVMValueRef fits =
            LLVMBuildICmp(g->builder, LLVMIntSLE, extents[i], constant_i64(g, INT32_MAX), "");
        all = all ? LLVMBuildAnd(g->builder, all, fits, "") : fits;
        LLVMValueRef extent = LLVMBuildSIToFP(g->builder, extents[i], real, "");
        products = LLVMBuildFMul(g->builder, products, extent, "");
    }
    LLVMValueRef many =
        LLVMBuildFCmp(g->builder, LLVMRealOGE, products, LLVMConstReal(real, WK_MATMUL_LARGE), "");
    return LLVMBuildAnd(g->builder, all, many, "");
}

static void call_matmul(struct generator *g, enum wk_scalar scalar, const struct matrix *c,
                        const struct matrix *a, const struct matrix *b)
{
    LLVMValueRef arguments[] = {g->worker,  LLVMConstInt(g->i32, scalar, false),
                                a->rows,    a->columns,
                                b->columns, a->data,
                                b->data,    c->data};
    LLVMTypeRef parameters[8];
    for (unsigned i = 0; i < 8; i++)
        parameters[i] = LLVMTypeOf(arguments[i]);
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 8, false);
    LLVMValueRef function = LLVMGetNamedFunction(g->module, "wk_matmul");
    if (!function)
        function = LLVMAddFunction(g->module, "wk_matmul", type);
    check_status(g, LLVMBuildCall2(g->builder, type, function, arguments, 8, ""));
}

/* Sums of floats depend on their order, so one of the two computes all products of a shape. */
static void multiply(struct generator *g, const struct type *element, const struct value *result,
                     const struct matrix *a, const struct matrix *b, struct span span)
{
    struct matrix c = {result->scalar, a->rows, b->columns};
    LLVMBasicBlockRef large = NULL, small = NULL, end = NULL;
    if (type_is_float(element)) {
        large = block_new(g, "large"), small = block_new(g, "small"), end = block_new(g, "product");
        LLVMBuildCondBr(g->builder, is_large(g, a, b), large, small);
        block_enter(g, large);
        call_matmul(g, element->scalar, &c, a, b);
        LLVMBuildBr(g->builder, end);
        block_enter(g, small);
    }
    zero_memory(g, result->scalar, array_bytes(g, result));
    add_products(g, element, &c, a, b, span);
    if (!type_is_float(element))
        return;
    source_write(g, source_of_value(g, value_borrow(g, *result)), result, true);
    LLVMBuildBr(g->builder, end);
    block_enter(g, end);
}

struct value matmul(struct generator *g, const struct typed *typed)
{
    struct scope scope;
    scope_open(g, &scope);
    struct value left = expression_borrow(g, typed->operands[0]);
    struct value right = expression_borrow(g, typed->operands[1]);
    debug_at(g, typed->span);
    const struct type *type = typed->type, *element = type->element;
    struct matrix a = as_matrix(g, &left, true), b = as_matrix(g, &right, false);
    LLVMValueRef agree = LLVMBuildICmp(g->builder, LLVMIntEQ, a.columns, b.rows, "");
    check(g, agree, ERR_shape_mismatch, typed->span, MESSAGE_MATMUL,
          fail_i64(g, 2, a.columns, b.rows));
    LLVMValueRef extents[2] = {a.rows, b.columns};
    bool drop_row = left.type->rank == 1;
    struct value result = array_new(g, type, drop_row ? extents + 1 : extents, typed->span);
    multiply(g, element, &result, &a, &b, typed->span);
    scope_close(g, &scope);
    return result;
}
