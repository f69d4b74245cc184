/*
 * Composing tasks: typed functions made of other tasks by passes over flow IR. A composed task is
 * a kernel like those that are written; nothing else in the compiler knows the difference.
 *
 * A composition is a straight line: parameters, lets, one value. Expressions are built from its
 * parameters (compose_parameter), lets and calls. compose_call leaves a call, which LLVM may
 * inline; compose_apply takes the callee's body in its place where that is exact: it is a straight
 * line itself, and the checks of its signature hold by what is known of extents, or can stand at
 * the entry of the whole. Bodies that became one are then joined: a let of an elementwise
 * expression or comprehension that cannot fail, read by other such expressions or gone over by a
 * comprehension only, is substituted, so that chains over arrays become one loop without arrays
 * between.
 *
 * What a program computes stays the same to the bit, and so does which failure of a chain is
 * reported: what can fail is never moved past something else that can. Spans stay those of the
 * statements as written.
 *
 * A kernel that was read from text has no body. What is composed of one is a declaration without a
 * body, too, as its text form says nothing more.
 *
 *     struct compose c;
 *     compose_begin(&c, module, span);
 *     struct typed *x = compose_parameter(&c, f->parameters[0]);
 *     struct typed *y = compose_let(&c, compose_apply(&c, f, &x));
 *     struct typed_function *fg = compose_end(&c, compose_apply(&c, g, &y), &name);
 *
 * Trees live in the module's arena. Nodes that are given to a function become part of the
 * composition and may be given once only, but for variables, constants and parts of variables.
 */
#ifndef WKC_FLOW_COMPOSE_H
#define WKC_FLOW_COMPOSE_H

#include "base/vector.h"
#include "flow/ir.h"

/* The extents of an array variable that are known as expressions; NULL entries: not known. */
struct compose_shape {
    const struct variable *variable;
    struct typed **extents;
};

struct compose {
    struct ir_module *module;
    struct arena *arena;
    struct span span; /* of what is made here */
    VECTOR(struct variable *) parameters;
    VECTOR(struct dimension_rule) rules;
    VECTOR(struct typed_statement *) statements;
    VECTOR(struct compose_shape) shapes;
    uint32_t variable_count;
    bool is_declaration; /* a callee has no body */
    bool has_loops;
};

/* How a composed task is named. Texts live as long as the module. */
struct compose_name {
    const char *symbol;  /* unique in the module: see compose_symbol */
    const char *title;   /* for people: "load + scale" */
    const char *members; /* "load, scale" */
};

/* Whether a kernel has a body, in whatever form; false of what was read from text. */
bool compose_has_body(const struct typed_function *kernel);

void compose_begin(struct compose *c, struct ir_module *module, struct span span);

/* A new parameter like a variable of another function, or of a type: the expression that reads it.
 * Its name is changed where another parameter has it. */
struct typed *compose_parameter(struct compose *c, const struct variable *like);
struct typed *compose_new_parameter(struct compose *c, const struct type *type, const char *name);

/* An expression of this kind and type, with the composition's span, to be filled in. */
struct typed *compose_node(struct compose *c, enum typed_kind kind, const struct type *type);
struct typed *compose_integer(struct compose *c, int64_t value);
/* On scalars of one type. */
struct typed *compose_operation(struct compose *c, enum operation operation, struct typed *left,
                                struct typed *right);
struct typed *compose_part(struct compose *c, struct typed *whole, uint32_t number);
struct typed *compose_tuple(struct compose *c, const struct type *type, struct typed *const *parts);
/* [body for variable in low..high]: the variable comes from compose_loop. */
struct variable *compose_loop(struct compose *c, const char *name);
struct typed *compose_read(struct compose *c, struct variable *variable);
struct typed *compose_comprehension(struct compose *c, struct variable *variable, struct typed *low,
                                    struct typed *high, struct typed *body);
/* reduce(reducer, subject, init: initial, arity: arity, chunk: chunk); the last three may be NULL.
 */
struct typed *compose_reduce(struct compose *c, struct typed_function *reducer,
                             struct typed *subject, struct typed *initial, struct typed *arity,
                             struct typed *chunk);

/* Evaluates a value here and now, once; the expression that reads it. */
struct typed *compose_let(struct compose *c, struct typed *value);

/* A variable that assignments change. */
struct typed *compose_variable(struct compose *c, struct typed *value);

/* A statement, which compose_add appends. */
struct typed_statement *compose_statement(struct compose *c, enum typed_statement_kind kind,
                                          struct typed *value);
void compose_add(struct compose *c, struct typed_statement *statement);

/* for variable in low..high { what is added in between }. Such a composition is not joined: its
 * lets stay. */
size_t compose_begin_loop(struct compose *c);
void compose_end_loop(struct compose *c, size_t begin, struct variable *variable, struct typed *low,
                      struct typed *high);

/* A call of a kernel, with an expression for each parameter; it may stand in a comprehension. */
struct typed *compose_call(struct compose *c, struct typed_function *kernel,
                           struct typed *const *arguments);

/* The value of a kernel, evaluated after the lets so far; not for comprehensions. Arguments are
 * variables, constants, parts of variables, and tuples of these. */
struct typed *compose_apply(struct compose *c, struct typed_function *kernel,
                            struct typed *const *arguments);

/* Ends the composition: a task that returns the value (of type () too). The composition is
 * released. */
struct typed_function *compose_end(struct compose *c, struct typed *value,
                                   const struct compose_name *name);

/* A symbol from a prefix, the symbols of the parts, and what else tells one composition from
 * another: "fuse.f.g.1b2c3d4e". The same arguments give the same symbol, in every program. */
const char *compose_symbol(struct arena *arena, const char *prefix, const char *const *parts,
                           uint32_t count, const char *form);

/* ---- compose_extent.c: what is known of extents and failures --------------------------------- */

/* Extent `dimension` of an array expression in terms of parameters and lets, without evaluating the
 * expression; NULL: not known. */
struct typed *compose_extent(struct compose *c, const struct typed *array, uint32_t dimension);
/* Notes that an array variable has this extent. */
void compose_set_extent(struct compose *c, const struct variable *variable, uint32_t dimension,
                        struct typed *extent);
/* Whether an expression gives a value whatever its variables hold, but for a lack of memory. */
bool compose_is_total(struct compose *c, const struct typed *node);
/* Whether making an element of it again costs no more than reading it would: a few operations. */
bool compose_is_light(struct typed *value);
/* Substitutes lets as the head of this file says. */
void compose_contract(struct compose *c);

#endif
