/*
 * Operations and conversions on scalars. What they mean is said by value/semantics.c, with which
 * this must agree bit for bit. Operands may be vectors where operation_has_vector says so.
 */
#include "generator.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check/messages.h"
#include "value/semantics.h"

static bool is_float(enum wk_scalar scalar)
{
    return scalar == WK_F32 || scalar == WK_F64;
}

static bool is_signed(enum wk_scalar scalar)
{
    return scalar >= WK_I8 && scalar <= WK_I64;
}

LLVMValueRef intrinsic(struct generator *g, const char *name, LLVMTypeRef type,
                       LLVMValueRef *operands, uint32_t count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(g->module, id, &type, 1);
    LLVMTypeRef function_type = LLVMIntrinsicGetType(g->context, id, &type, 1);
    return LLVMBuildCall2(g->builder, function_type, function, operands, count, "");
}

void assume(struct generator *g, LLVMValueRef condition)
{
    unsigned id = LLVMLookupIntrinsicID("llvm.assume", 11);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(g->module, id, NULL, 0);
    LLVMTypeRef type = LLVMIntrinsicGetType(g->context, id, NULL, 0);
    LLVMBuildCall2(g->builder, type, function, &condition, 1, "");
}

/* The one quiet NaN stands for all. A compare and a select, which vectorize. */
LLVMValueRef canonical(struct generator *g, enum wk_scalar scalar, LLVMValueRef value)
{
    if (!is_float(scalar) || LLVMIsConstant(value))
        return value;
    LLVMTypeRef type = LLVMTypeOf(value);
    uint64_t word =
        semantics_canonical(scalar, scalar == WK_F32 ? 0x7fc00000u : UINT64_C(0x7ff8000000000000));
    LLVMValueRef nan = constant_scalar(g, scalar, word);
    if (LLVMGetTypeKind(type) == LLVMVectorTypeKind) {
        LLVMValueRef lanes[8] = {nan, nan, nan, nan, nan, nan, nan, nan};
        nan = LLVMConstVector(lanes, LLVMGetVectorSize(type));
    }
    LLVMValueRef is_nan = LLVMBuildFCmp(g->builder, LLVMRealUNO, value, value, "");
    return LLVMBuildSelect(g->builder, is_nan, nan, value, "");
}

/* ---- Integers ----------------------------------------------------------------------------- */

char operation_site_type(enum wk_scalar scalar)
{
    if (scalar == WK_BOOL)
        return 'b';
    if (is_float(scalar))
        return scalar == WK_F32 ? 'g' : 'f';
    return is_signed(scalar) ? 'i' : 'u';
}

/* Checks, with the operands as words computed on the cold side only. */
static void check_scalars(struct generator *g, LLVMValueRef condition, enum error_code code,
                          struct span span, const char *format, enum wk_scalar scalar,
                          LLVMValueRef *values, uint32_t count)
{
    LLVMBasicBlockRef good = block_new(g, "ok"), bad = block_new(g, "fail");
    branch_likely(g, condition, good, bad);
    block_enter(g, bad);
    LLVMValueRef words[3];
    char *types = arena_alloc(&g->arena, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        words[i] = scalar_to_word(g, scalar, values[i]);
        types[i] = operation_site_type(scalar);
    }
    fail_always(g, code, span, format, types, words, count);
    block_enter(g, good);
}

/* The smallest integer divided by -1 wraps, where the machine would trap. */
static LLVMValueRef divide(struct generator *g, enum operation operation, enum wk_scalar scalar,
                           LLVMValueRef *x, struct span span)
{
    LLVMBuilderRef b = g->builder;
    LLVMTypeRef type = LLVMTypeOf(x[0]);
    bool quotient = operation == OPERATION_DIV;
    bool constant = LLVMIsAConstantInt(x[1]) != NULL;
    if (!constant || LLVMIsNull(x[1])) {
        const char *format = arena_printf(&g->arena, MESSAGE_DIVISION, quotient ? "/" : "%");
        LLVMValueRef nonzero = LLVMBuildICmp(b, LLVMIntNE, x[1], LLVMConstNull(type), "");
        check_scalars(g, nonzero, ERR_division_by_zero, span, format, scalar, x, 1);
    }
    if (!is_signed(scalar))
        return quotient ? LLVMBuildUDiv(b, x[0], x[1], "") : LLVMBuildURem(b, x[0], x[1], "");
    LLVMValueRef minus_one = LLVMConstAllOnes(type);
    LLVMValueRef negates = LLVMBuildICmp(b, LLVMIntEQ, x[1], minus_one, "");
    LLVMValueRef divisor = LLVMBuildSelect(b, negates, LLVMConstInt(type, 1, false), x[1], "");
    if (!quotient) /* by 1 leaves the same remainder as by -1 */
        return LLVMBuildSRem(b, x[0], divisor, "");
    LLVMValueRef divided = LLVMBuildSDiv(b, x[0], divisor, "");
    return LLVMBuildSelect(b, negates, LLVMBuildNeg(b, x[0], ""), divided, "");
}

static LLVMValueRef shift(struct generator *g, enum operation operation, enum wk_scalar scalar,
                          LLVMValueRef *x, struct span span)
{
    LLVMBuilderRef b = g->builder;
    LLVMTypeRef type = LLVMTypeOf(x[0]);
    bool left = operation == OPERATION_SHL;
    if (is_signed(scalar)) {
        const char *format = arena_printf(&g->arena, MESSAGE_SHIFT, left ? "<<" : ">>");
        LLVMValueRef positive = LLVMBuildICmp(b, LLVMIntSGE, x[1], LLVMConstNull(type), "");
        check_scalars(g, positive, ERR_negative_shift, span, format, scalar, x, 2);
    }
    unsigned width = wk_scalar_bytes(scalar) * 8;
    LLVMValueRef inside = LLVMBuildICmp(b, LLVMIntULT, x[1], LLVMConstInt(type, width, false), "");
    LLVMValueRef last = LLVMConstInt(type, width - 1, false);
    LLVMValueRef amount = LLVMBuildSelect(b, inside, x[1], last, "");
    if (!left && is_signed(scalar))
        return LLVMBuildAShr(b, x[0], amount, "");
    LLVMValueRef shifted =
        left ? LLVMBuildShl(b, x[0], amount, "") : LLVMBuildLShr(b, x[0], amount, "");
    return LLVMBuildSelect(b, inside, shifted, LLVMConstNull(type), "");
}

static LLVMValueRef multiply_high(struct generator *g, enum wk_scalar scalar, LLVMValueRef *x)
{
    LLVMBuilderRef b = g->builder;
    unsigned width = wk_scalar_bytes(scalar) * 8;
    LLVMTypeRef wide = LLVMIntTypeInContext(g->context, width * 2);
    LLVMValueRef factors[2];
    for (int i = 0; i < 2; i++)
        factors[i] =
            is_signed(scalar) ? LLVMBuildSExt(b, x[i], wide, "") : LLVMBuildZExt(b, x[i], wide, "");
    LLVMValueRef product = LLVMBuildMul(b, factors[0], factors[1], "");
    LLVMValueRef high = LLVMBuildLShr(b, product, LLVMConstInt(wide, width, false), "");
    return LLVMBuildTrunc(b, high, LLVMTypeOf(x[0]), "");
}

static LLVMValueRef count_bits(struct generator *g, const char *name, LLVMValueRef operand,
                               bool zero_flag)
{
    LLVMValueRef operands[] = {operand, LLVMConstInt(g->i1, 0, false)};
    LLVMValueRef count = intrinsic(g, name, LLVMTypeOf(operand), operands, zero_flag ? 2 : 1);
    return LLVMTypeOf(count) == g->i64 ? count : LLVMBuildZExt(g->builder, count, g->i64, "");
}

static LLVMValueRef compare_integers(struct generator *g, enum operation operation,
                                     enum wk_scalar scalar, LLVMValueRef *x)
{
    LLVMIntPredicate predicate = LLVMIntEQ;
    bool is = is_signed(scalar);
    switch ((int)operation) {
    case OPERATION_EQ:
        break;
    case OPERATION_NE:
        predicate = LLVMIntNE;
        break;
    case OPERATION_LT:
        predicate = is ? LLVMIntSLT : LLVMIntULT;
        break;
    case OPERATION_LE:
        predicate = is ? LLVMIntSLE : LLVMIntULE;
        break;
    case OPERATION_GT:
        predicate = is ? LLVMIntSGT : LLVMIntUGT;
        break;
    case OPERATION_GE:
        predicate = is ? LLVMIntSGE : LLVMIntUGE;
        break;
    }
    return LLVMBuildICmp(g->builder, predicate, x[0], x[1], "");
}

static LLVMValueRef integer_absolute(struct generator *g, enum wk_scalar scalar, LLVMValueRef x)
{
    if (!is_signed(scalar))
        return x;
    LLVMValueRef operands[] = {x, LLVMConstInt(g->i1, 0, false)};
    return intrinsic(g, "llvm.abs", LLVMTypeOf(x), operands, 2);
}

static LLVMValueRef integer_operation(struct generator *g, enum operation operation,
                                      enum wk_scalar scalar, LLVMValueRef *x, struct span span)
{
    LLVMBuilderRef b = g->builder;
    switch ((int)operation) {
    case OPERATION_NEG:
        return LLVMBuildNeg(b, x[0], "");
    case OPERATION_NOT:
    case OPERATION_COMPLEMENT:
        return LLVMBuildNot(b, x[0], "");
    case OPERATION_ADD:
        return LLVMBuildAdd(b, x[0], x[1], "");
    case OPERATION_SUB:
        return LLVMBuildSub(b, x[0], x[1], "");
    case OPERATION_MUL:
        return LLVMBuildMul(b, x[0], x[1], "");
    case OPERATION_DIV:
    case OPERATION_REM:
        return divide(g, operation, scalar, x, span);
    case OPERATION_SHL:
    case OPERATION_SHR:
        return shift(g, operation, scalar, x, span);
    case OPERATION_AND:
        return LLVMBuildAnd(b, x[0], x[1], "");
    case OPERATION_XOR:
        return LLVMBuildXor(b, x[0], x[1], "");
    case OPERATION_OR:
        return LLVMBuildOr(b, x[0], x[1], "");
    case OPERATION_ABS:
        return integer_absolute(g, scalar, x[0]);
    case OPERATION_MIN:
        return intrinsic(g, is_signed(scalar) ? "llvm.smin" : "llvm.umin", LLVMTypeOf(x[0]), x, 2);
    case OPERATION_MAX:
        return intrinsic(g, is_signed(scalar) ? "llvm.smax" : "llvm.umax", LLVMTypeOf(x[0]), x, 2);
    case OPERATION_POPCOUNT:
        return count_bits(g, "llvm.ctpop", x[0], false);
    case OPERATION_LEADING_ZEROS:
        return count_bits(g, "llvm.ctlz", x[0], true);
    case OPERATION_TRAILING_ZEROS:
        return count_bits(g, "llvm.cttz", x[0], true);
    case OPERATION_MUL_HIGH:
        return multiply_high(g, scalar, x);
    }
    return compare_integers(g, operation, scalar, x);
}

/* ---- Floats ------------------------------------------------------------------------------------
 */

static LLVMValueRef is_finite(struct generator *g, LLVMValueRef x)
{
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMValueRef size = intrinsic(g, "llvm.fabs", type, &x, 1);
    LLVMValueRef infinity = LLVMConstReal(type, INFINITY);
    return LLVMBuildFCmp(g->builder, LLVMRealOLT, size, infinity, "");
}

/* NaN has no sign that could show. */
static LLVMValueRef copy_sign(struct generator *g, enum wk_scalar scalar, LLVMValueRef *x)
{
    LLVMValueRef operands[] = {x[0], canonical(g, scalar, x[1])};
    return intrinsic(g, "llvm.copysign", LLVMTypeOf(x[0]), operands, 2);
}

static LLVMValueRef float_bits(struct generator *g, enum wk_scalar scalar, LLVMValueRef x)
{
    LLVMTypeRef type = scalar == WK_F32 ? g->i32 : g->i64;
    return LLVMBuildBitCast(g->builder, canonical(g, scalar, x), type, "");
}

static const char *float_intrinsic(enum operation operation)
{
    switch ((int)operation) {
    case OPERATION_ABS:
        return "llvm.fabs";
    case OPERATION_MIN:
        return "llvm.minimum";
    case OPERATION_MAX:
        return "llvm.maximum";
    case OPERATION_SQRT:
        return "llvm.sqrt";
    case OPERATION_FLOOR:
        return "llvm.floor";
    case OPERATION_CEIL:
        return "llvm.ceil";
    case OPERATION_TRUNC:
        return "llvm.trunc";
    case OPERATION_ROUND:
        return "llvm.roundeven";
    case OPERATION_FMA:
        return "llvm.fma";
    }
    return NULL;
}

static bool float_predicate(enum operation operation, LLVMRealPredicate *predicate)
{
    switch ((int)operation) {
    case OPERATION_EQ:
        *predicate = LLVMRealOEQ;
        return true;
    case OPERATION_NE:
        *predicate = LLVMRealUNE;
        return true;
    case OPERATION_LT:
        *predicate = LLVMRealOLT;
        return true;
    case OPERATION_LE:
        *predicate = LLVMRealOLE;
        return true;
    case OPERATION_GT:
        *predicate = LLVMRealOGT;
        return true;
    case OPERATION_GE:
        *predicate = LLVMRealOGE;
        return true;
    }
    return false;
}

static LLVMValueRef float_operation(struct generator *g, enum operation operation,
                                    enum wk_scalar scalar, LLVMValueRef *x)
{
    LLVMBuilderRef b = g->builder;
    LLVMRealPredicate predicate;
    if (float_predicate(operation, &predicate))
        return LLVMBuildFCmp(b, predicate, x[0], x[1], "");
    const char *name = float_intrinsic(operation);
    if (name)
        return intrinsic(g, name, LLVMTypeOf(x[0]), x, operation_arity(operation));
    switch ((int)operation) {
    case OPERATION_NEG:
        return LLVMBuildFNeg(b, x[0], "");
    case OPERATION_ADD:
        return LLVMBuildFAdd(b, x[0], x[1], "");
    case OPERATION_SUB:
        return LLVMBuildFSub(b, x[0], x[1], "");
    case OPERATION_MUL:
        return LLVMBuildFMul(b, x[0], x[1], "");
    case OPERATION_DIV:
        return LLVMBuildFDiv(b, x[0], x[1], "");
    case OPERATION_REM:
        return LLVMBuildFRem(b, x[0], x[1], "");
    case OPERATION_COPYSIGN:
        return copy_sign(g, scalar, x);
    case OPERATION_IS_NAN:
        return LLVMBuildFCmp(b, LLVMRealUNO, x[0], x[0], "");
    case OPERATION_IS_FINITE:
        return is_finite(g, x[0]);
    case OPERATION_BITS:
        return float_bits(g, scalar, x[0]);
    }
    return maths_emit(g, operation, scalar, x);
}

LLVMValueRef operation_emit(struct generator *g, enum operation operation, enum wk_scalar scalar,
                            LLVMValueRef *operands, struct span span)
{
    return is_float(scalar) ? float_operation(g, operation, scalar, operands)
                            : integer_operation(g, operation, scalar, operands, span);
}

bool operation_has_vector(enum operation operation, enum wk_scalar scalar)
{
    if (float_intrinsic(operation))
        return is_float(scalar);
    bool plain = operation == OPERATION_NEG || operation == OPERATION_ADD ||
                 operation == OPERATION_SUB || operation == OPERATION_MUL;
    return plain || (operation == OPERATION_DIV && is_float(scalar));
}

/* ---- Conversions -------------------------------------------------------------------------- */

static LLVMTypeRef like(LLVMTypeRef type, LLVMValueRef value)
{
    LLVMTypeRef from = LLVMTypeOf(value);
    if (LLVMGetTypeKind(from) != LLVMVectorTypeKind)
        return type;
    return LLVMVectorType(type, LLVMGetVectorSize(from));
}

static void check_conversion(struct generator *g, LLVMValueRef fits, enum wk_scalar from,
                             enum wk_scalar to, LLVMValueRef operand, struct span span)
{
    unsigned width = wk_scalar_bytes(to) * 8;
    uint64_t most = UINT64_MAX >> (64 - width + is_signed(to));
    char least_text[32], most_text[32];
    semantics_print(to, is_signed(to) ? ~most : 0, least_text);
    semantics_print(to, most, most_text);
    const char *format =
        arena_printf(&g->arena, MESSAGE_CONVERSION, type_scalar_name(to), least_text, most_text);
    check_scalars(g, fits, ERR_conversion, span, format, from, &operand, 1);
}

/* The value fits if it comes back unchanged and its sign is still the same. */
static LLVMValueRef integer_to_integer(struct generator *g, enum wk_scalar from, enum wk_scalar to,
                                       LLVMValueRef x, struct span span)
{
    LLVMBuilderRef b = g->builder;
    LLVMTypeRef type = scalar_type(g, to), source = LLVMTypeOf(x);
    unsigned width = wk_scalar_bytes(from) * 8, wanted = wk_scalar_bytes(to) * 8;
    bool sign_lost = is_signed(from) && !is_signed(to);
    LLVMValueRef zero = LLVMConstNull(source);
    if (wanted > width || (wanted == width && is_signed(from) == is_signed(to))) {
        if (sign_lost)
            check_conversion(g, LLVMBuildICmp(b, LLVMIntSGE, x, zero, ""), from, to, x, span);
        return is_signed(from) ? LLVMBuildSExt(b, x, like(type, x), "")
                               : LLVMBuildZExt(b, x, like(type, x), "");
    }
    LLVMValueRef cut = wanted == width ? x : LLVMBuildTrunc(b, x, type, "");
    LLVMValueRef fits;
    if (wanted == width || sign_lost || is_signed(from) != is_signed(to)) {
        /* As unsigned numbers, negative ones are too large, too. */
        uint64_t most = UINT64_MAX >> (64 - wanted + (wanted == width || is_signed(to)));
        fits = LLVMBuildICmp(b, LLVMIntULE, x, LLVMConstInt(source, most, false), "");
    } else {
        LLVMValueRef back =
            is_signed(to) ? LLVMBuildSExt(b, cut, source, "") : LLVMBuildZExt(b, cut, source, "");
        fits = LLVMBuildICmp(b, LLVMIntEQ, back, x, "");
    }
    check_conversion(g, fits, from, to, x, span);
    return cut;
}

/* The bounds are powers of two (or, for at most 32 bits, exact in f64), and NaN is in no range. A
 * fraction is dropped, so values above least - 1 fit where least - 1 can be told from least. */
static LLVMValueRef float_to_integer(struct generator *g, enum wk_scalar from, enum wk_scalar to,
                                     LLVMValueRef x, struct span span)
{
    LLVMBuilderRef b = g->builder;
    unsigned width = wk_scalar_bytes(to) * 8;
    LLVMValueRef wide = from == WK_F32 ? LLVMBuildFPExt(b, x, g->f64, "") : x;
    double limit = 1.0;
    for (unsigned i = 0; i < width - is_signed(to); i++)
        limit *= 2;
    double least = is_signed(to) ? -limit : 0;
    bool wide_least = width == 64 && is_signed(to);
    LLVMValueRef above =
        wide_least ? LLVMBuildFCmp(b, LLVMRealOGE, wide, LLVMConstReal(g->f64, least), "")
                   : LLVMBuildFCmp(b, LLVMRealOGT, wide, LLVMConstReal(g->f64, least - 1), "");
    LLVMValueRef below = LLVMBuildFCmp(b, LLVMRealOLT, wide, LLVMConstReal(g->f64, limit), "");
    check_conversion(g, LLVMBuildAnd(b, above, below, ""), from, to, x, span);
    LLVMTypeRef type = scalar_type(g, to);
    return is_signed(to) ? LLVMBuildFPToSI(b, wide, type, "") : LLVMBuildFPToUI(b, wide, type, "");
}

LLVMValueRef convert_emit(struct generator *g, enum wk_scalar from, enum wk_scalar to,
                          LLVMValueRef operand, struct span span)
{
    LLVMBuilderRef b = g->builder;
    LLVMTypeRef type = like(scalar_type(g, to), operand);
    if (from == to)
        return operand;
    if (is_float(from) && is_float(to))
        return to == WK_F64 ? LLVMBuildFPExt(b, operand, type, "")
                            : LLVMBuildFPTrunc(b, operand, type, "");
    if (is_float(from))
        return float_to_integer(g, from, to, operand, span);
    if (is_float(to))
        return is_signed(from) ? LLVMBuildSIToFP(b, operand, type, "")
                               : LLVMBuildUIToFP(b, operand, type, "");
    if (from == WK_BOOL)
        return LLVMBuildZExt(b, operand, type, "");
    return integer_to_integer(g, from, to, operand, span);
}

bool convert_has_vector(enum wk_scalar from, enum wk_scalar to)
{
    return is_float(to) && from != WK_BOOL;
}
