/*
 * wk.h: what a kernel sees. The one header for compiled and foreign tasks.
 *
 * A kernel is one task compiled to native code:
 *
 *     int32_t kernel(struct wk_context *context, const uint64_t *arguments, uint64_t *results);
 *
 * Arguments and results are words of 64 bits, laid out by type, parts of tuples in order:
 *
 *     scalar            1 word   integers sign- or zero-extended to 64 bits, bool 0 or 1, f64 its
 *                                bits, f32 its bits in the low half (high half zero)
 *     str               2        the address of its UTF-8 bytes, then how many (no 0 at the end)
 *     map               1        the address of a struct wk_map's block; 0: the empty map
 *     file              1        its number among the files of the job
 *     array of rank r   1 + r    the address of the first element, then the extents (int64_t);
 *                                elements dense and row-major; address 64-byte aligned when the
 *                                array is a whole value, aligned to its element when it is a slice;
 *                                an array without elements may have any address
 *     tuple, struct     those of its parts, in order; () has none
 *
 * An element of an array takes: a scalar its natural size (bool 1 byte); everything else the words
 * above, 8 bytes each (so an array of arrays is a table of addresses and extents).
 *
 * Ownership: arguments belong to the caller and are not written. Array results are blocks from
 * wk_alloc, handed over to the caller; never an argument's memory, never the same block twice.
 *
 * A task written in C (`extern task fft(x: f64[n]) -> f64[n] from "fft.c"`) is such a function,
 * named wk_extern_fft; the second half of this header makes it short to write.
 *
 * A kernel returns 0, or the status that a wk_ function returned to it when something failed; the
 * results are then ignored, and blocks that it still holds are freed by its caller (every block is
 * registered with the context until it is returned or freed).
 */
#ifndef WK_H
#define WK_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#include <atomic>
#define WK_ATOMIC(type) std::atomic<type>
#define WK_STATIC_ASSERT static_assert
extern "C" {
#else
#include <stdatomic.h>
#define WK_ATOMIC(type) _Atomic(type)
#define WK_STATIC_ASSERT _Static_assert
#endif

#define WK_ABI_VERSION 4

/* The scalar types: X(NAME, text, size in bytes). The order is part of the ABI. */
#define WK_SCALARS(X)                                                                              \
    X(BOOL, "bool", 1)                                                                             \
    X(I8, "i8", 1)                                                                                 \
    X(I16, "i16", 2)                                                                               \
    X(I32, "i32", 4)                                                                               \
    X(I64, "i64", 8)                                                                               \
    X(U8, "u8", 1)                                                                                 \
    X(U16, "u16", 2)                                                                               \
    X(U32, "u32", 4)                                                                               \
    X(U64, "u64", 8)                                                                               \
    X(F32, "f32", 4)                                                                               \
    X(F64, "f64", 8)

enum wk_scalar {
#define WK_SCALAR_ENUM(NAME, text, size) WK_##NAME,
    WK_SCALARS(WK_SCALAR_ENUM)
#undef WK_SCALAR_ENUM
};
enum { WK_SCALAR_COUNT = 11, WK_MAX_RANK = 12, WK_ALIGN = 64 };

/* The types of values as compiled code tells them to the runtime: a tree of constants. Tuples and
 * structs are WK_PARTS. */
enum wk_kind { WK_SCALAR, WK_STRING, WK_PARTS, WK_ARRAY, WK_MAP, WK_FILE };

struct wk_layout {
    uint8_t kind;    /* enum wk_kind */
    uint8_t scalar;  /* SCALAR: enum wk_scalar */
    uint8_t rank;    /* ARRAY; STRING: 1 */
    uint8_t is_flat; /* nothing in it is an address: scalars, files, and PARTS of them */
    uint32_t words;  /* of a value of this type */
    uint32_t bytes;  /* of an element of this type in an array */
    uint32_t part_count;
    const struct wk_layout *const *parts; /* PARTS: each; ARRAY: the element; MAP: key, value */
};

/* The header that precedes the data of every array block, and every stored value: what is in memory
 * is what is stored. Data begins WK_HEADER_BYTES after it, 64-byte aligned. */
struct wk_block {
    WK_ATOMIC(uint32_t) references; /* owners; meaningless in a stored value */
    uint8_t scalar;                 /* enum wk_scalar of the elements, or WK_NO_SCALAR */
    uint8_t rank;
    uint16_t flags;               /* WK_BLOCK_PACKED */
    uint64_t bytes;               /* of data */
    int64_t extents[WK_MAX_RANK]; /* the first `rank` count */
    uint64_t reserved[2];
};
enum { WK_HEADER_BYTES = 128, WK_NO_SCALAR = WK_SCALAR_COUNT };
/* What the elements point to lies behind them in the block. */
enum { WK_BLOCK_PACKED = 1 };
WK_STATIC_ASSERT(sizeof(struct wk_block) == WK_HEADER_BYTES, "the block header's size is fixed");

/* Where in the source something can fail or log, and how to say it. `format` is text in which {}
 * stands for the next value; `types` has one letter a value: i (int64), u (uint64), f (f64), g
 * (f32), b (bool), s (str: two words), q (str, quoted as in JSON). Literal braces are doubled.
 * Sites are constants of the kernel's object. */
struct wk_site {
    uint32_t code; /* enum error_code's number in its table: see `wkc explain` */
    uint32_t line, column, length;
    const char *file;
    const char *format;
    const char *types;
};

/* What a worker gives to each kernel that it runs. Compiled code reads the named fields only. */
struct wk_context {
    WK_ATOMIC(uint32_t) * stop; /* not 0: return wk_stopped() soon; polled on back-edges */
    uint32_t depth;             /* of task recursion; the limit is WK_MAX_DEPTH */
    uint32_t reserved;
    void *runtime; /* the worker's own */
};
enum { WK_MAX_DEPTH = 10000 };

typedef int32_t wk_kernel(struct wk_context *context, const uint64_t *arguments, uint64_t *results);

/* Data of `bytes` bytes, WK_ALIGN-aligned, preceded by its struct wk_block (with one reference, and
 * `bytes` set), contents undefined. NULL when the job's memory limit or the machine's memory is
 * reached: the failure is recorded, and the kernel returns wk_failed(context). */
void *wk_alloc(struct wk_context *context, uint64_t bytes);

/* Frees a block of this call by the address of its data; NULL is allowed. */
void wk_free(struct wk_context *context, void *data);

/* Records a failure at a site with its values, and returns the status to return. Cold. */
int32_t wk_fail(struct wk_context *context, const struct wk_site *site, const uint64_t *values);
/* The status of the failure that is recorded already. */
int32_t wk_failed(struct wk_context *context);
/* Adds to the recorded failure which call of a task it is of, unless it has been said: the site's text
 * is the name with its arguments, its place that of the call. Cold. */
void wk_failed_in(struct wk_context *context, const struct wk_site *call, const uint64_t *values);
/* Forgets the recorded failure if it follows from what was computed, as a failed check does: then
 * 0. The status to return if it is one of the environment: memory, time, an input. */
int32_t wk_recover(struct wk_context *context);
/* The status to return when *context->stop was seen set. */
int32_t wk_stopped(struct wk_context *context);
/* Appends a line to the task's log. (wk_log is the logarithm.) */
void wk_log_line(struct wk_context *context, const struct wk_site *site, const uint64_t *values);

/* ---- Sorting -------------------------------------------------------------------------------- */

/* Sorts `count` numbers: ascending, -0 before +0, NaNs last (and canonical). 0 or the status to
 * return. Takes memory for 2 words a number, and time linear in their count. */
int32_t wk_sort(struct wk_context *context, enum wk_scalar scalar, void *data, uint64_t count);

/* The positions of `count` numbers in the order of wk_sort, equal ones in the order of their
 * positions, to `order`. Takes memory for 4 words a number. */
int32_t wk_order(struct wk_context *context, enum wk_scalar scalar, const void *data,
                 uint64_t count, int64_t *order);

/* The same for `count` strings, each an address and a length, in the order of their bytes: moves
 * the words of the strings, or writes positions. They take memory for 4 words a string, and compare
 * about count * log2(count) times. */
int32_t wk_sort_str(struct wk_context *context, uint64_t *texts, uint64_t count);
int32_t wk_order_str(struct wk_context *context, const uint64_t *texts, uint64_t count,
                     int64_t *order);

/* ---- Linear algebra ------------------------------------------------------------------------- */

typedef void wk_function(void); /* to be cast to what it is */

/* A function of BLAS or LAPACK by its Fortran symbol: "dgemm_", "dpotrf_". It is OpenBLAS's, pinned
 * to one thread and to the core type of the target's baseline, so that results are the same on each
 * machine; other copies of BLAS that a task links itself are not. Matrices are column-major for it,
 * integers have 32 bits, and all arguments are passed by address. The function may be called until
 * the task ends, on the task's own thread. The calls are correct in any number of tasks at once.
 * NULL when OpenBLAS is not installed, or has no such function: the failure is recorded, and the
 * task returns wk_failed(context). */
wk_function *wk_linear_algebra(struct wk_context *context, const char *symbol);

/* The product of `@` for matrices of WK_MATMUL_LARGE products or more: c[m, n] = a[m, k] b[k, n],
 * row-major, of f64 or f32; c overlaps neither. Extents are from 1 to INT32_MAX. 0 or the status to
 * return. Smaller products are loops of compiled code. So how elements are summed up depends on the
 * shapes alone. */
enum { WK_MATMUL_LARGE = 32768 };
int32_t wk_matmul(struct wk_context *context, enum wk_scalar scalar, int64_t m, int64_t k,
                  int64_t n, const void *a, const void *b, void *c);

/* Replaces NaNs among `count` numbers, f64 or f32, by the one that the language stores: those of
 * other libraries may have any sign and payload. Results of tasks in C go through it anyway. */
void wk_canonical_nans(enum wk_scalar scalar, void *data, uint64_t count);

/* ---- Files -------------------------------------------------------------------------------------
 */

/* The size in bytes of a file of the job, by its number, as it was at submission. */
int64_t wk_file_size(struct wk_context *context, uint64_t file);
/* Reads `count` bytes of it from `begin` on, which lie within its size, into `out`. 0, or the
 * status to return: the file cannot be read, or is no longer as it was. The failure's place is the
 * site's; NULL: it has none. */
int32_t wk_file_read(struct wk_context *context, const struct wk_site *site, uint64_t file,
                     int64_t begin, int64_t count, void *out);

/* ---- Values that own others ------------------------------------------------------------------
 *
 * `words` are a value's words by its layout. An owned value's blocks are its own, all the way down.
 */

/* Frees all blocks of an owned value; addresses of NULL are allowed. */
void wk_value_free(struct wk_context *context, const struct wk_layout *layout,
                   const uint64_t *words);
/* An owned copy; `to` may be `from`. Not 0 when memory ran out: the failure is recorded, `to` holds
 * no blocks. */
int32_t wk_value_copy(struct wk_context *context, const struct wk_layout *layout,
                      const uint64_t *from, uint64_t *to);
/* ==, as the language has it: NaN is not itself, -0.0 is 0.0, maps are equal in any order. */
int wk_value_equal(const struct wk_layout *layout, const uint64_t *left, const uint64_t *right);

/* ---- Maps ------------------------------------------------------------------------------------
 *
 * A map's entries are rows of words in the order in which they were inserted: those of the key,
 * then those of the value. The header stays where it is while the map grows; rows move. Layouts are
 * of the map type; NULL is the empty map. Keys and values of the map belong to it.
 *
 * To go over a map, wk_map_settle it; then rows 0 to count - 1 are its entries until it is changed.
 */
struct wk_map {
    uint64_t count;       /* entries */
    uint64_t used;        /* rows in use: entries, and removed ones that are not yet swept out */
    uint64_t *rows;       /* `used` times `width` words */
    uint64_t *index;      /* which row has a key; NULL: few rows, or integers in order */
    uint32_t width;       /* words of a row */
    uint32_t index_shift; /* 1 << (32 - index_shift) lines of 64 bytes */
    uint64_t capacity;    /* in rows */
    uint64_t *removed; /* for 64 rows: a bit each, then how many before them; NULL: none removed */
    char *pool;        /* the newest chunk of the texts of keys, linked to those before it */
    uint64_t pool_used, pool_bytes;   /* of that chunk */
    uint64_t pool_total, pool_unused; /* of all chunks; of texts whose keys were removed */
};

/* The row of a key, or NULL. _int: for keys of an integer type; _str: of strings. */
uint64_t *wk_map_find(const struct wk_map *map, const struct wk_layout *layout,
                      const uint64_t *key);
uint64_t *wk_map_find_int(const struct wk_map *map, uint64_t key);
uint64_t *wk_map_find_str(const struct wk_map *map, const char *text, uint64_t length);

/* A hint for a loop that searches or inserts one string after the other: fetches what the searches
 * of later turns will look at. The keys are at `width` words from each other; `left` are still to
 * come, with that of this turn. */
void wk_map_ahead_str(const struct wk_map *map, const uint64_t *keys, uint64_t width,
                      uint64_t left);

/* The row of a key, which is inserted if it is missing, with a copy of its texts, and a value of
 * words that are 0 (zero, "", false, without blocks). *map is replaced if it is NULL. Returns NULL
 * when memory ran out: the failure is recorded, the map is as before. */
uint64_t *wk_map_insert(struct wk_context *context, const struct wk_layout *layout,
                        struct wk_map **map, const uint64_t *key);
uint64_t *wk_map_insert_int(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map **map, uint64_t key);
uint64_t *wk_map_insert_str(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map **map, const char *text, uint64_t length);

/* Removes an entry if there is one. The order of the others stays. Never fails. */
void wk_map_remove(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map,
                   const uint64_t *key);
/* Sweeps out the rows of removed entries. Never fails. */
void wk_map_settle(struct wk_map *map);
/* An owned copy of any map. Not 0 when memory ran out; then the failure is recorded. */
int32_t wk_map_copy(struct wk_context *context, const struct wk_layout *layout,
                    const struct wk_map *map, struct wk_map **copy);
void wk_map_free(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map);
int wk_map_equal(const struct wk_layout *layout, const struct wk_map *left,
                 const struct wk_map *right);

/* ---- Strings -----------------------------------------------------------------------------------
 *
 * An owned string lies in one of three places: a block, as wk_alloc gives it; a slot, which is
 * memory without a header among others of its size; or memory that was lent to the call. It is a
 * block if its address is a multiple of WK_ALIGN, and only then. NULL is an empty string. These
 * functions are for compiled code; in C, wk_give_text gives a string. */

/* Says that some memory, an argument's, stays as it is until the kernel returns: strings within it
 * need no copy. The largest that is lent in a call counts. */
void wk_lend(struct wk_context *context, const void *data, uint64_t bytes);
/* Memory of its own for a string; NULL: as wk_alloc. */
void *wk_text_alloc(struct wk_context *context, uint64_t length);
/* An owned string of these bytes: a copy, or where they are if they are lent. NULL likewise. */
const void *wk_text_new(struct wk_context *context, const char *from, uint64_t length);
/* Frees an owned string. */
void wk_text_free(struct wk_context *context, const void *text);
/* `count` owned strings, each an address and a length. */
void wk_texts_free(struct wk_context *context, const uint64_t *texts, uint64_t count);

/* The offset of the first byte that is no UTF-8, or `length`. */
int64_t wk_text_check(const char *text, int64_t length);
/* -1, 0 or 1: the order of code points. */
int64_t wk_text_compare(const char *a, int64_t a_length, const char *b, int64_t b_length);
/* The text of a scalar, as str(x) gives it, as a new block: its two words. 0, or the status to
 * return.
 */
int32_t wk_text_print(struct wk_context *context, uint32_t scalar, uint64_t word, uint64_t *text);

/* The border around a task written in C, for compiled code only: what it says of failures belongs
 * to `site` (the declaration; its format is the task's name), and what it returns is checked
 * against `leaves`, the layout of each part of the result. wk_foreign_leave frees what was neither
 * freed nor returned, and gives the status of the call. The words of the result are WK_NOT_GIVEN
 * before the call: a part that begins with it has been forgotten. (A word that says this by chance
 * is refused, too; the number is that of no text, and of no usual float.) */
#define WK_NOT_GIVEN UINT64_C(0x7ff4c0d1a5e5fa17)
void wk_foreign_enter(struct wk_context *context, const struct wk_site *site);
int32_t wk_foreign_leave(struct wk_context *context, const struct wk_layout *const *leaves,
                         uint32_t leaf_count, int32_t status, uint64_t *results);

/* ---- Tasks in C
 * ----------------------------------------------------------------------------------
 *
 *     extern task scaled(x: f64[n], factor: f64) -> f64[n] from "scaled.c"
 *
 *     #include <wk.h>
 *
 *     WK_TASK(scaled)
 *     {
 *         struct wk_array x = wk_take_array(&arguments, 1);
 *         double factor = wk_take_f64(&arguments);
 *         if (factor == 0)
 *             return wk_fail_message(context, "the factor of %lld numbers is 0",
 *                                    (long long)x.extents[0]);
 *         const double *in = (const double *)x.data;
 *         double *out = (double *)wk_give_array(context, &results, 1, x.extents, sizeof *out);
 *         if (!out)
 *             return wk_failed(context);
 *         for (int64_t i = 0; i < x.extents[0]; i++)
 *             out[i] = in[i] * factor;
 *         return 0;
 *     }
 *
 * Arguments are taken, and results given, in the order of the declaration, parts of tuples one
 * after the other. Such a task is pure like any other: equal arguments give equal results, nothing
 * is kept between calls, and several threads call it at once. Loops that may run long poll
 * wk_should_stop. Other functions of the file are its own, whatever their names. */

/* The head of the task's function: of parameters context, arguments and results. */
#define WK_TASK(name)                                                                              \
    int32_t wk_extern_##name(struct wk_context *context, const uint64_t *arguments,                \
                             uint64_t *results);                                                   \
    int32_t wk_extern_##name(struct wk_context *context, const uint64_t *arguments,                \
                             uint64_t *results)

/* Records a failure with a message in printf's format, at the place of the task's declaration;
 * returns the status to return. The first failure of a call counts. */
int32_t wk_fail_message(struct wk_context *context, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* Appends a line to the task's log, in printf's format, without a final newline. */
void wk_log_message(struct wk_context *context, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Whether the task shall end soon, by `return wk_stopped(context)`. */
static inline int wk_should_stop(const struct wk_context *context)
{
    return *context->stop != 0;
}

/* An array argument: its elements, dense and row-major, and as many extents as it has ranks. */
struct wk_array {
    const void *data;
    const int64_t *extents;
};

static inline struct wk_array wk_take_array(const uint64_t **arguments, unsigned rank)
{
    struct wk_array array;
    array.data = (const void *)(uintptr_t)**arguments;
    array.extents = (const int64_t *)(*arguments + 1);
    *arguments += 1 + rank;
    return array;
}

static inline double wk_take_f64(const uint64_t **arguments)
{
    double value;
    memcpy(&value, (*arguments)++, sizeof value);
    return value;
}

static inline float wk_take_f32(const uint64_t **arguments)
{
    uint32_t bits = (uint32_t)*(*arguments)++;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Any signed integer; bool as 0 or 1. */
static inline int64_t wk_take_int(const uint64_t **arguments)
{
    return (int64_t)*(*arguments)++;
}

/* Any unsigned integer. */
static inline uint64_t wk_take_uint(const uint64_t **arguments)
{
    return *(*arguments)++;
}

/* The address of a new array's elements, to be filled; or NULL: then return wk_failed(context). */
static inline void *wk_give_array(struct wk_context *context, uint64_t **results, unsigned rank,
                                  const int64_t *extents, uint64_t element_bytes)
{
    uint64_t bytes = element_bytes;
    void *data;
    unsigned i;
    for (i = 0; i < rank; i++) {
        int64_t extent = extents[i];
        if (extent < 0 || (extent > 0 && bytes > (UINT64_C(1) << 62) / (uint64_t)extent)) {
            wk_fail_message(context, "an array with the extent %lld", (long long)extent);
            return NULL;
        }
        bytes *= (uint64_t)extent;
        (*results)[1 + i] = (uint64_t)extent;
    }
    data = wk_alloc(context, bytes);
    (*results)[0] = (uint64_t)(uintptr_t)data;
    *results += 1 + rank;
    return data;
}

/* A str: a copy of `length` bytes of UTF-8. 0; or not: then return wk_failed(context). */
static inline int wk_give_text(struct wk_context *context, uint64_t **results, const char *text,
                               uint64_t length)
{
    int64_t extent = (int64_t)length;
    void *data = wk_give_array(context, results, 1, &extent, 1);
    if (data && length)
        memcpy(data, text, length);
    return !data;
}

/* Elements that are strings or arrays are words in a table, which wk_give_array gives:
 * element_bytes is 16 for a str (its address, its length), 8 * (1 + rank) for an array (its
 * address, its extents), and the sum of the parts' for a tuple or struct, of which a scalar has 8.
 * The addresses lie anywhere in blocks of wk_alloc in this call, and may share them. */

static inline void wk_give_f64(uint64_t **results, double value)
{
    memcpy((*results)++, &value, sizeof value);
}

static inline void wk_give_f32(uint64_t **results, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    *(*results)++ = bits;
}

/* Any signed integer, in the range of the declared type; bool as 0 or 1. */
static inline void wk_give_int(uint64_t **results, int64_t value)
{
    *(*results)++ = (uint64_t)value;
}

/* Any unsigned integer, likewise. */
static inline void wk_give_uint(uint64_t **results, uint64_t value)
{
    *(*results)++ = value;
}

#ifdef __cplusplus
}
#endif

#endif
