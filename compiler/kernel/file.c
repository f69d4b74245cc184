/*
 * Files in tasks: a file is a number, and its bytes are read where they are needed, piece by piece.
 */
#include "generator.h"

bool is_file_contents(const struct typed *typed)
{
    return typed->kind == TYPED_BUILTIN && typed->builtin == BUILTIN_CONTENTS;
}

static LLVMValueRef size_of(struct generator *g, LLVMValueRef file)
{
    LLVMTypeRef parameters[] = {g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->i64, parameters, 2, false);
    LLVMValueRef arguments[] = {g->worker, file};
    return LLVMBuildCall2(g->builder, type, runtime_function(g, "wk_file_size", type, false),
                          arguments, 2, "size");
}

LLVMValueRef file_size(struct generator *g, const struct typed *contents)
{
    return size_of(g, expression_scalar(g, contents->items[0]));
}

/* Fills `out` with `count` bytes of the file from `low` on, which are there. */
static void read_into(struct generator *g, LLVMValueRef file, LLVMValueRef low, LLVMValueRef count,
                      LLVMValueRef out, struct span span)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->i64, g->i64, g->i64, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 6, false);
    LLVMValueRef arguments[] = {g->worker, place_constant(g, span), file, low, count, out};
    debug_at(g, span);
    check_status(g,
                 LLVMBuildCall2(g->builder, type, runtime_function(g, "wk_file_read", type, false),
                                arguments, 6, ""));
}

struct value file_contents(struct generator *g, const struct typed *typed)
{
    LLVMValueRef file = expression_scalar(g, typed->items[0]);
    LLVMValueRef size = size_of(g, file);
    struct value bytes = array_new(g, typed->type, &size, typed->span);
    read_into(g, file, constant_i64(g, 0), size, bytes.scalar, typed->span);
    return bytes;
}

struct value file_piece(struct generator *g, const struct typed *typed)
{
    LLVMValueRef low, count;
    LLVMValueRef file = expression_scalar(g, typed->base->items[0]);
    array_range(g, typed->indexes, size_of(g, file), &low, &count);
    if (!typed->indexes->is_range) {
        LLVMValueRef byte = entry_alloca(g, g->i8, "byte");
        read_into(g, file, low, count, byte, typed->span);
        return element_load(g, typed->type, byte);
    }
    struct value bytes = array_new(g, typed->type, &count, typed->span);
    read_into(g, file, low, count, bytes.scalar, typed->span);
    return bytes;
}
