/*
 * The types of values, interned: within one table, equal types have equal pointers.
 *
 * The compiler, flow code and the runtime share this one representation. Extents are no part of a
 * type (they are values: see spec/language.md); rank is. A type's text form is the language's, with
 * `_` for every extent: "f64[_, _]", "(q: f64[_, _], r: f64)", "int" is written "i64"; a struct
 * shows its fields, so that it can be read back alone: "Point{x: f64, y: f64}".
 */
#ifndef WKC_VALUE_TYPE_H
#define WKC_VALUE_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "wk.h"

enum type_kind {
    TYPE_SCALAR,
    TYPE_STRING, /* its bytes have the form of a u8[_] */
    TYPE_TUPLE,  /* without parts: (), the unit */
    TYPE_STRUCT, /* to all but the checker and JSON: a tuple */
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_FILE,
    TYPE_FUNCTION, /* compile time only */
};

struct type {
    enum type_kind kind;
    enum wk_scalar scalar;           /* SCALAR; FILE: i64 */
    uint8_t rank;                    /* ARRAY: 1 to WK_MAX_RANK; STRING: 1 */
    bool is_flow;                    /* FUNCTION */
    const struct type *element;      /* ARRAY; STRING: u8; MAP: the values; FUNCTION: the result */
    const struct type *key;          /* MAP */
    const struct type *const *parts; /* TUPLE, STRUCT: parts; FUNCTION: parameters */
    const char *const *names;        /* TUPLE: NULL when no part has a name; STRUCT: fields */
    uint32_t part_count;
    const char *name;    /* STRUCT: "Point", of another module "geometry.Point" */
    uint32_t word_count; /* words in the kernel ABI (wk.h); 0 for functions, and in () */
    uint32_t leaf_count; /* parts after flattening tuples and structs: each is a value of its own */
    uint32_t id;         /* dense, in order of creation */
};

struct type_table {
    struct arena *arena;
    const struct type **slots; /* hash table */
    uint32_t count, capacity;
    const struct type *scalars[WK_SCALAR_COUNT];
    const struct type *string, *unit, *file;
};

void type_table_init(struct type_table *table, struct arena *arena);
void type_table_release(struct type_table *table);

const struct type *type_scalar(struct type_table *table, enum wk_scalar scalar);
const struct type *type_array(struct type_table *table, const struct type *element, uint8_t rank);
/* `names` may be NULL; entries may be NULL. The arrays and texts are copied. */
const struct type *type_tuple(struct type_table *table, const struct type *const *parts,
                              const char *const *names, uint32_t count);
/* Structs are equal when their names and fields are. */
const struct type *type_struct(struct type_table *table, const char *name,
                               const struct type *const *fields, const char *const *names,
                               uint32_t count);
const struct type *type_map(struct type_table *table, const struct type *key,
                            const struct type *value);
const struct type *type_function(struct type_table *table, bool is_flow,
                                 const struct type *const *parameters, uint32_t count,
                                 const struct type *result);

/* The type's text form; type_parse reads it back and returns NULL for anything else. */
void type_print(const struct type *type, struct buffer *out);
/* The same for messages: structs by their names alone, and i64 as int. */
void type_print_brief(const struct type *type, struct buffer *out);
const struct type *type_parse(struct type_table *table, const char *text);

/* The n-th leaf of a type: tuples and structs flattened in order, everything else is a leaf. */
const struct type *type_leaf(const struct type *type, uint32_t index);
/* Where the leaf's words begin among the type's words. */
uint32_t type_leaf_word(const struct type *type, uint32_t index);

/* Whether values of the type have a form in memory: functions, and what holds them, have none. ()
 * has no words, but is a value. */
bool type_has_words(const struct type *type);
/* Whether a value of zero words is the type's zero: a number, false, "", the empty map, and tuples
 * and structs of these. Arrays, whose extents are unknown, and files have none. */
bool type_has_zero(const struct type *type);

/* Bytes of one element of an array with this element type: scalars their size, the rest 8 a word.
 */
uint32_t type_element_bytes(const struct type *element);

/* One word, dense in arrays. A file is one to all but the checker: its number, as an i64. */
static inline bool type_is_scalar(const struct type *type)
{
    return type->kind == TYPE_SCALAR || type->kind == TYPE_FILE;
}
static inline bool type_is_integer(const struct type *type)
{
    return type->kind == TYPE_SCALAR && type->scalar >= WK_I8 && type->scalar <= WK_U64;
}
static inline bool type_is_signed(const struct type *type)
{
    return type->kind == TYPE_SCALAR && type->scalar >= WK_I8 && type->scalar <= WK_I64;
}
static inline bool type_is_float(const struct type *type)
{
    return type->kind == TYPE_SCALAR && type->scalar >= WK_F32;
}
static inline bool type_is_number(const struct type *type)
{
    return type->kind == TYPE_SCALAR && type->scalar != WK_BOOL;
}
static inline bool type_is_bool(const struct type *type)
{
    return type->kind == TYPE_SCALAR && type->scalar == WK_BOOL;
}
/* Parts that are laid out one after the other: tuples and structs. */
static inline bool type_has_parts(const struct type *type)
{
    return type->kind == TYPE_TUPLE || type->kind == TYPE_STRUCT;
}
/* An address and extents: arrays and strings. */
static inline bool type_is_block(const struct type *type)
{
    return type->kind == TYPE_ARRAY || type->kind == TYPE_STRING;
}
/* bytes: u8[_]. */
static inline bool type_is_bytes(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type->rank == 1 && type->element->kind == TYPE_SCALAR &&
           type->element->scalar == WK_U8;
}
static inline bool type_is_unit(const struct type *type)
{
    return type->kind == TYPE_TUPLE && type->part_count == 0;
}

uint32_t wk_scalar_bytes(enum wk_scalar scalar);
const char *wk_scalar_text(enum wk_scalar scalar);
/* As messages call it: i64 is int. */
static inline const char *type_scalar_name(enum wk_scalar scalar)
{
    return scalar == WK_I64 ? "int" : wk_scalar_text(scalar);
}

#endif
