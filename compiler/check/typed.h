/*
 * The typed tree: what the checker makes of a program, and what kernels and flow IR are made from.
 *
 * It is a tree of its own, smaller than the syntax: names are resolved to variables and functions,
 * every implicit conversion is written out, literals have their type, default arguments are filled
 * in, dimensions are explicit rules, generic and level-dependent functions are instances. Nothing
 * in it refers back to the syntax tree but spans.
 *
 * Everything lives in the program's arena and is immutable once the checker returned. No node of a
 * checked program has an error in it: the checker gives no program when it reported an error.
 *
 * Tuple types that differ only in the names of parts are one type to all later stages: an
 * expression's type may have names that the type of its variable or callee does not have, and the
 * reverse.
 */
#ifndef WKC_CHECK_TYPED_H
#define WKC_CHECK_TYPED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diagnostic.h"
#include "base/intern.h"
#include "value/operation.h"
#include "value/type.h"

/* ---- Levels (flows only) --------------------------------------------------------------------
 *
 * Which parts of a value exist when the graph is built. Levels are interned: equal levels have
 * equal pointers. A scalar is KNOWN or PENDING. An array is KNOWN (structure and elements), a
 * STRUCTURE (known extents, elements of the level `element`), or PENDING as a whole (one value that
 * a task makes or main receives; bit d of `known_extents` says that extent d is known). A map is
 * KNOWN, a STRUCTURE of its values by known keys, or PENDING as a whole. A tuple is KNOWN or a
 * TUPLE of its parts' levels; () is KNOWN unless a task's unit result (PENDING).
 *
 * A value flows into a variable, argument or result of a higher level than its own: KNOWN into
 * anything, a STRUCTURE into PENDING (gathered), KNOWN elements into pending ones. What is made of
 * KNOWN values only is KNOWN, but for these, which tasks compute: calls of tasks, MATMUL, SUM,
 * MIN_OF, MAX_OF, UNTILE, EQUAL of arrays, and the tiles of TILES.
 */
enum level_kind { LEVEL_KNOWN, LEVEL_PENDING, LEVEL_STRUCTURE, LEVEL_TUPLE };

struct level {
    enum level_kind kind;
    uint32_t known_extents;           /* PENDING array */
    const struct level *element;      /* STRUCTURE */
    const struct level *const *parts; /* TUPLE */
    uint32_t part_count;
};

/* ---- Variables ------------------------------------------------------------------------------ */

enum variable_kind {
    VARIABLE_PARAMETER,
    VARIABLE_DIMENSION, /* an i64 bound by a dimension rule at entry */
    VARIABLE_LOCAL,     /* let, and the compiler's temporaries (name NULL) */
    VARIABLE_MUTABLE,   /* var */
    VARIABLE_LOOP,      /* bound by an iterator */
};

struct variable {
    enum variable_kind kind;
    const char *name; /* NULL: a temporary */
    const struct type *type;
    const struct level *level; /* flows: valid at every use (the fixpoint); NULL in tasks */
    struct span span;          /* of its declaration */
    uint32_t index;            /* dense within its function */
};

/* ---- Expressions ---------------------------------------------------------------------------- */

enum typed_kind {
    TYPED_CONSTANT, /* a scalar: `word`; a str: its length and `text` */
    TYPED_VARIABLE,
    TYPED_OPERATION, /* on scalars of one type; or elementwise: see below */
    TYPED_EQUAL,     /* == or != of arrays, tuples, strings, maps: one bool (`negated` for !=) */
    TYPED_AND,       /* lazy && */
    TYPED_OR,        /* lazy || */
    TYPED_CONVERT,   /* operand to `type` (or, elementwise, to an array of its element) */
    TYPED_MATMUL,    /* rank 2 @ rank 2, 2 @ 1, 1 @ 2, of one float or integer type */
    TYPED_INDEX,  /* base[…]: an element, a slice, or an element that is an array; of a str a range
                   */
    TYPED_EXTENT, /* extent `number` of an array, as i64; of a str its bytes */
    TYPED_PART,   /* part `number` of a tuple */
    TYPED_TUPLE,
    TYPED_ARRAY,         /* rank 1 from its elements */
    TYPED_COMPREHENSION, /* rank = iterator_count (1 with a filter) */
    TYPED_IF,
    TYPED_CALL,
    TYPED_BUILTIN,
    TYPED_REDUCE,
};

enum typed_builtin {
#define BUILTIN(NAME, text, description) BUILTIN_##NAME,
#include "check/builtin.def"
#undef BUILTIN
};

struct typed_index {
    bool is_range;
    struct typed *low;  /* the index, or the range's begin; NULL: 0 */
    struct typed *high; /* exclusive end of a range; NULL: the extent */
    struct span span;
};

struct typed_iterator {
    bool is_range;            /* low..high by step; else over `subject`, an array */
    struct typed *low, *high; /* i64; high exclusive unless `inclusive` */
    bool inclusive;
    struct typed *step;        /* NULL: 1; positive or negative, 0 fails */
    struct typed *subject;     /* an array of rank 1 gives elements, of higher rank gives rows
                                  (arrays of rank - 1); a map that is gone over is its ENTRIES */
    bool goes_over_map;        /* the checker's: a single name stands for the key */
    struct variable *variable; /* the index or element */
    struct span span;
};

/* OPERATION is elementwise when `type` is an array (comparisons with == and != excepted, which are
 * EQUAL): each operand is an array of that rank or a scalar of the element type; extents must agree
 * at run time (ERR_shape_mismatch). */
struct typed {
    enum typed_kind kind;
    const struct type *type;
    const struct level *level; /* flows only */
    struct span span;
    /* CALL, REDUCE: passes made a task of the graph part of this one. A failure of the callee is
     * described with its name and arguments, and the place of this node. */
    bool is_member;
    union {
        struct {              /* CONSTANT */
            uint64_t word;    /* of a str: its bytes */
            const char *text; /* STRING: UTF-8, with a 0 behind it, maybe others within */
        };
        struct variable *variable; /* VARIABLE */
        struct {                   /* OPERATION, EQUAL, AND, OR, CONVERT, MATMUL, EXTENT, PART */
            enum operation operation;
            struct typed *operands[3];
            uint32_t operand_count;
            uint32_t number; /* EXTENT: the dimension; PART: the part */
            bool negated;    /* EQUAL */
            struct span operator_span;
        };
        struct { /* INDEX */
            struct typed *base;
            struct typed_index *indexes; /* as many as the base's rank */
            uint32_t index_count;
        };
        struct { /* TUPLE, ARRAY: items; BUILTIN: arguments */
            struct typed **items;
            uint32_t item_count;
            enum typed_builtin builtin;
        };
        struct { /* COMPREHENSION: iterators are independent of each other */
            struct typed_iterator *iterators;
            uint32_t iterator_count;
            struct typed *filter; /* or NULL */
            struct typed *body;
        };
        struct { /* IF */
            struct typed *condition, *then, *otherwise;
        };
        struct { /* CALL */
            struct typed_function *callee;
            struct typed **arguments; /* one for each parameter, in order, defaults included */
            uint32_t argument_count;
            const struct typed_annotations *annotations; /* the call's merged over the task's */
            bool is_bare; /* the callee's fallback is not taken: a failure is the caller's */
        };
        struct {                            /* REDUCE */
            struct typed_function *reducer; /* (accumulator, element) -> accumulator */
            struct typed *subject;          /* an array; elements row-major, a pending one whole */
            struct typed *initial;          /* or NULL: an empty subject fails */
            struct typed *arity, *chunk;    /* i64, at least 2 and 1; NULL: the default */
            /* All results of folding the elements from the left, as an array of rank 1: of types
             * (U, T) -> U for elements T, where an initial value is an U. Without elements: none.
             */
            bool is_scan;
            const struct typed_annotations *reduce_annotations;
        };
    };
};

/* ---- Statements ----------------------------------------------------------------------------- */

enum typed_statement_kind {
    STATEMENT_DECLARE, /* variable = value; destructuring is a temporary and PARTs of it */
    STATEMENT_ASSIGN,
    STATEMENT_EVALUATE, /* a call for its effects (a task without result, in flows) */
    STATEMENT_IF,
    STATEMENT_WHILE,
    STATEMENT_FOR,
    STATEMENT_BREAK,
    STATEMENT_CONTINUE,
    STATEMENT_RETURN, /* value may be NULL: () */
    STATEMENT_FAIL,
    STATEMENT_LOG,
};

struct typed_block {
    struct typed_statement **statements;
    uint32_t count;
};

/* A message of fail or log: texts and values in turn. */
struct typed_piece {
    const char *text;    /* or NULL: then */
    struct typed *value; /* a scalar, printed as str() does, or a str */
};

/* One step of the path from a variable to a place within it, in any mix and depth. What a slice
 * selects may be stepped into like an array. */
enum step_kind {
    STEP_PART,  /* part `part` of a tuple or struct */
    STEP_KEY,   /* `key` of a map; statement_inserts says what happens if it is missing */
    STEP_INDEX, /* `indexes` into an array: an element, or a slice if any of them is a range */
};

struct typed_step {
    enum step_kind kind;
    const struct type *type; /* of what the step leads to */
    struct span span;
    union {
        uint32_t part;
        struct typed *key;
        struct {
            struct typed_index *indexes; /* as many as the array's rank */
            uint32_t index_count;
        };
    };
};

static inline bool step_is_slice(const struct typed_step *step)
{
    for (uint32_t i = 0; step->kind == STEP_INDEX && i < step->index_count; i++)
        if (step->indexes[i].is_range)
            return true;
    return false;
}

struct typed_statement {
    enum typed_statement_kind kind;
    struct span span;
    union {
        struct { /* DECLARE, ASSIGN, EVALUATE, RETURN */
            struct variable *variable;
            /* ASSIGN to a place within the variable: the path to it. Indexes are evaluated once,
             * in order; `place op= value` reads and writes one place. */
            struct typed_step *steps;
            uint32_t step_count;
            enum operation operation; /* of `place op= value`; OPERATION_NONE for = */
            struct span operator_span;
            struct typed *value;
        };
        struct { /* IF, WHILE */
            struct typed *condition;
            struct typed_block then, otherwise; /* WHILE: then is the body */
        };
        struct { /* FOR */
            struct typed_iterator iterator;
            struct typed_block body;
        };
        struct { /* FAIL, LOG */
            struct typed_piece *pieces;
            uint32_t piece_count;
        };
    };
};

/* Whether an assignment puts a key that is missing into the map at step `step`: with its value at
 * the end of the path, or, on the way of `op=`, with the zero of its type. */
static inline bool statement_inserts(const struct typed_statement *s, uint32_t step)
{
    if (s->operation == OPERATION_NONE)
        return step + 1 == s->step_count;
    return type_has_zero(s->steps[step].type);
}

/* ---- Functions ------------------------------------------------------------------------------ */

/* What @retry, @timeout, … say; absent ones are 0 (retry: -1). */
struct typed_annotations {
    int32_t retries; /* -1: not given */
    uint64_t timeout_ns, memory_bytes, cost_ns;
    bool together;
};

/* At entry, in order: bind a dimension variable to an extent, or check one. `array` denotes a
 * parameter or a part of one; or, in tasks that the compiler makes, the extent itself. */
struct dimension_rule {
    struct typed *array;
    uint32_t dimension;
    struct variable *binds; /* or NULL: then the extent must equal */
    struct typed *equals;   /* i64, over parameters and dimensions bound before */
    const char *text;       /* the extent as written */
    const char *message;    /* of a failure, with {} for the extent found and the expected one */
    struct span span;
};

/* An extent of the result: of leaf `leaf` (see type_leaf), NULL extent for `_`. Checked at return
 * in tasks; in flows it gives the shape of a call's result. */
struct result_extent {
    uint32_t leaf, dimension;
    struct typed *extent; /* over parameters and dimensions */
    const char *message;  /* as dimension_rule has it */
    struct span span;
};

/* Where the body of `extern task … from "x.c"` is: the function wk_extern_NAME of a C file. Every
 * file is compiled once; `symbol` is the function's name beside those of all others. */
struct typed_foreign {
    const char *path;   /* to open: beside the source that declares the task */
    const char *symbol; /* "c0.wk_extern_fft": unit 0 */
    uint32_t unit;      /* the number of the C file in the program */
    bool logs;          /* it counts as a task that logs (check/c_source.h) */
    struct span span;   /* of the file's name in the declaration */
};

struct typed_function {
    bool is_flow;
    const char *name;   /* as written: "partial"; instances of generics share it */
    /* Of a task that a pass composed: the names of the tasks in it, "load, scale"; else NULL. */
    const char *members;
    const char *symbol; /* unique in the program, [A-Za-z0-9_.]: "partial", "add.f64" */
    struct span span;   /* of the name in its declaration */
    const char *doc;    /* or NULL */
    struct variable **parameters;
    uint32_t parameter_count;
    struct typed **defaults; /* per parameter, over earlier parameters and dimensions, or NULL */
    struct dimension_rule *rules;
    uint32_t rule_count;
    const struct type *result;
    const struct level *result_level; /* flows */
    struct result_extent *result_extents;
    uint32_t result_extent_count;
    struct typed_annotations annotations;
    struct typed_block body;
    const struct typed_foreign *foreign; /* tasks written in C, without a body here; else NULL */
    uint32_t variable_count;             /* variables have indexes below this */
    enum operation prelude; /* a prelude function over numbers passed as a value; else NONE */
    bool is_recursive;      /* tasks: may call itself, directly or not */
    /* Tasks: one with the same parameters and result that gives the result when this one failed by
     * itself (@fallback); or NULL. */
    struct typed_function *fallback;
};

struct typed_program {
    struct arena *arena;
    struct type_table *types;
    struct interner *names;
    const struct source *source;
    struct typed_function **functions; /* every instance that is used (tasks and flows), callees
                                          first as far as recursion allows; `wkc check` of a file
                                          without main checks all, and lists what is not generic */
    uint32_t function_count;
    struct typed_function *entry; /* flow main; NULL when the file has none */
};

/* Prints the typed tree: --emit=typed. */
void typed_print(const struct typed_program *program, struct buffer *out);

#endif
