/*
 * The parts of estimate.h: expressions (estimate_expression.c), prelude (estimate_builtin.c),
 * statements and functions (estimate.c).
 */
#ifndef WKC_FLOW_ESTIMATE_PRIVATE_H
#define WKC_FLOW_ESTIMATE_PRIVATE_H

#include "flow/estimate.h"

/* What is known of a value: a number's value, an array's, string's or map's extents, and the same
 * of the elements and parts. What is NULL is not known; a NULL shape is of nothing that is known.
 */
struct shape {
    const struct formula *value;
    const struct formula *extents[WK_MAX_RANK];
    const struct shape *element;
    const struct shape **parts;
    uint32_t part_count;
};

struct estimated {
    const struct formula *cost;
    const struct shape *shape;
};

struct estimator {
    struct arena *arena;
    uint32_t visits; /* of expressions, in all functions: more than MOST_VISITS end in a guess */
};

/* A function whose body is walked. */
struct frame {
    struct estimator *estimator;
    const struct frame *caller;
    const struct typed_function *function;
    const struct shape **shapes;     /* by variable's index */
    const struct shape *result;      /* of the last return */
    const struct variable *reads[8]; /* arrays that the elementwise loop under way has read */
    uint32_t read_count;
};

enum { ESTIMATE_MOST_VISITS = 20000, ESTIMATE_MOST_CALLS = 12 };

/* ---- Nanoseconds, of the fastest of many runs of tests/bench/estimates.py ----------------------
 */

#define ESTIMATE_TASK 60.0   /* a kernel without work, its arguments and result */
#define ESTIMATE_SCALAR 0.15 /* an operation whose result another one soon needs */
#define ESTIMATE_VECTOR 0.02 /* the same in an elementwise loop, for 8 bytes */
#define ESTIMATE_CHAIN 0.45  /* a float variable that each turn of a loop adds to */
#define ESTIMATE_DIVIDE 0.6  /* of floats, and square roots */
#define ESTIMATE_DIVIDE_VECTOR 0.06
#define ESTIMATE_DIVIDE_INTEGER 3.5
#define ESTIMATE_DIVIDE_CONSTANT 0.4 /* of integers by a constant */
#define ESTIMATE_CARRIED 2.0         /* an element computed from its neighbour in the turn before */
#define ESTIMATE_SIMD 0.125          /* what is left of a loop that is vectorized */
#define ESTIMATE_APPEND 3.0          /* an element, with all moves while an array grows */
#define ESTIMATE_MATHS 12.0          /* exp, sin, … */
#define ESTIMATE_MATHS_VECTOR 1.3
#define ESTIMATE_ELEMENT 0.3  /* an element found, checked and loaded or stored */
#define ESTIMATE_TURN 0.1     /* of a loop */
#define ESTIMATE_ARRAY 40.0   /* an array made */
#define ESTIMATE_BYTE 0.015   /* of an array read from or written to memory */
#define ESTIMATE_FLOP 0.022   /* of a matrix product */
#define ESTIMATE_COMPARE 0.85 /* of a sort, an element and level */
#define ESTIMATE_LOOKUP 12.0  /* of a key in a map */
#define ESTIMATE_LOOKUP_NUMBER 3.0
#define ESTIMATE_TEXT 12.0        /* a scalar printed, a text joined */
#define ESTIMATE_LOG 2000.0       /* a message */
#define ESTIMATE_CALL 2.0         /* of a function that does not become part of its caller */
#define ESTIMATE_RECURSION 1000.0 /* a call of a function that is under way */
#define ESTIMATE_TURNS 4.0        /* of a loop of which nothing is known */
#define ESTIMATE_FOREIGN 10000.0  /* a task written in C */

/* ---- Formulas ----------------------------------------------------------------------------------
 */

static inline const struct formula *estimate_number(const struct frame *frame, double number)
{
    return formula_number(frame->estimator->arena, number);
}
static inline const struct formula *estimate_add(const struct frame *frame, const struct formula *a,
                                                 const struct formula *b)
{
    return formula_join(frame->estimator->arena, FORMULA_ADD, a, b);
}
static inline const struct formula *estimate_times(const struct frame *frame,
                                                   const struct formula *a, const struct formula *b)
{
    return formula_join(frame->estimator->arena, FORMULA_MULTIPLY, a, b);
}
static inline const struct formula *estimate_scaled(const struct frame *frame, double factor,
                                                    const struct formula *a)
{
    return estimate_times(frame, estimate_number(frame, factor), a);
}

/* ---- Shapes ------------------------------------------------------------------------------------
 */

/* An extent; a guess where it is not known. */
const struct formula *estimate_extent(const struct frame *frame, const struct shape *shape,
                                      uint32_t dimension);
/* The product of the extents. */
const struct formula *estimate_count(const struct frame *frame, const struct shape *shape,
                                     const struct type *type);
struct shape *estimate_new_shape(const struct frame *frame);
/* A number whose value is known, or NULL. */
const struct shape *estimate_value(const struct frame *frame, const struct formula *value);

/* ---- The walk ----------------------------------------------------------------------------------
 */

/* `is_source`: the elements of an array are taken as they come, and no array is made. */
struct estimated estimate_expression(struct frame *frame, const struct typed *typed,
                                     bool is_source);
struct estimated estimate_builtin(struct frame *frame, const struct typed *typed, bool is_source);
/* What it takes to find a key of this type in a map. */
double estimate_lookup_ns(const struct type *key);
/* An array as it is made: its block, and its bytes. */
const struct formula *estimate_array(const struct frame *frame, const struct type *type,
                                     const struct formula *count);
/* Whether a loop makes the elements of an array as it needs them, without the array. */
bool estimate_is_made(const struct typed *array);
/* How often an iterator turns, what that costs, and its variable's shape bound. */
const struct formula *estimate_iterator(struct frame *frame, const struct typed_iterator *iterator,
                                        const struct formula **cost);
/* Whether a loop over scalars becomes one over vectors (estimate_loop.c): of a comprehension's
 * body, and of a statement's. */
bool estimate_is_vectorized(const struct typed *body);
bool estimate_is_vectorized_block(const struct typed_block *body);
/* Whether an element is computed from a neighbour of the one that is assigned. */
bool estimate_is_carried(const struct typed_statement *assignment);
struct estimated estimate_call(struct frame *frame, struct typed_function *callee,
                               const struct shape *const *arguments, uint32_t count);

#endif
