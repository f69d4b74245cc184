/*
 * Arrays that are joined of others by concat, flatten and untile, without being copied.
 *
 * A joined array is known by its parts. It is gone over in row-major order: a cursor stands in a
 * segment, elements that lie one behind the other in the memory of one part, and moves on to later
 * ones. Loops over a joined array are loops over segments with a dense loop inside, so that the
 * optimizer sees what it sees of one array. Who needs the array itself makes it of the parts
 * (joined_materialize): every use that does not know joined arrays does so.
 */
#ifndef WKC_KERNEL_JOINED_H
#define WKC_KERNEL_JOINED_H

#include "generator.h"

enum joined_kind {
    JOINED_ARRAY,  /* one that is there: a side of a pair */
    JOINED_PIECES, /* the arrays in an array, one after the other */
    JOINED_TILES,  /* those in a matrix of matrices, in their grid */
    JOINED_PAIR,   /* two, one after the other */
};

/* Allocated in the generator's arena. What it is made of is borrowed. */
struct joined {
    enum joined_kind kind;
    const struct type *type;
    LLVMValueRef *extents;
    struct value array;      /* ARRAY: it; PIECES, TILES: the array of arrays */
    struct joined *sides[2]; /* PAIR */
};

/* What an expression joins, with all the checks that joining makes; or that a variable stands for.
 * NULL if it is neither. */
struct joined *joined_open(struct generator *g, const struct typed *typed);
/* What the variable, if it is one, stands for; or NULL. */
struct joined *joined_variable(const struct generator *g, const struct typed *typed);
/* The array itself, owned. */
struct value joined_materialize(struct generator *g, const struct joined *joined, struct span span);
/* Whether each row lies in one part: not where parts stand side by side. */
bool joined_has_rows(const struct joined *joined);

/* As arguments of functions, like those of values (type.c): how many leaves, their types, the
 * leaves, and one of the same form from them. */
uint32_t joined_native_count(const struct joined *joined);
uint32_t joined_native(struct generator *g, const struct joined *joined, LLVMTypeRef *out);
uint32_t joined_flatten(const struct joined *joined, LLVMValueRef *out);
struct joined *joined_unflatten(struct generator *g, const struct joined *like,
                                LLVMValueRef *leaves, uint32_t *at);
bool joined_same_form(const struct joined *a, const struct joined *b);

/* ---- cursor.c ----------------------------------------------------------------------------- */

/* Counts elements in row-major order, or rows: indexes of the first dimension. */
struct cursor;
struct cursor *cursor_open(struct generator *g, const struct joined *joined, bool by_rows);
/* Moves on until the element or row of this number, which there is and which is not before the
 * segment, lies in the segment. The result is the number behind the segment's last; until the next
 * move, cursor_address finds what lies in it. */
LLVMValueRef cursor_seek(struct generator *g, struct cursor *cursor, LLVMValueRef number);
LLVMValueRef cursor_address(struct generator *g, const struct cursor *cursor, LLVMValueRef number);

#endif
