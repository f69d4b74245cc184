/*
 * What the files of the lowering share. Nothing outside lower*.c includes this header.
 *
 * How it works. Each flow instance becomes a function; bodies of comprehensions and functions of
 * reductions are outlined. A value of the program is a list of leaves (struct lowered), one IR
 * value each. What is known shows in the IR types of the leaves, and decides between an instruction
 * and a small task; the checker's levels are needed only where control flow joins, since they are
 * fixpoints there: lower_coerce brings a value to a level.
 *
 * Variables are mapped to leaves by an environment; statements are structured, so blocks get
 * parameters for exactly those variables that a branch or loop assigns.
 */
#ifndef WKC_FLOW_LOWER_H
#define WKC_FLOW_LOWER_H

#include "base/pointer_table.h"
#include "base/vector.h"
#include "flow/build.h"

/* The leaves of a value, in the arena; immutable. */
struct lowered {
    ir_value *values;
    uint32_t count;
};

/* A list of IR values that grows. */
struct value_list {
    ir_value *items;
    size_t count, capacity;
};

/* A flow whose function has its number and results, and may have to wait for its body. */
struct flow_instance {
    const struct typed_function *flow;
    uint32_t function;
};

struct lowering {
    const struct typed_program *program;
    struct ir_module *module;
    struct arena *arena;
    const struct type *integer, *boolean;
    VECTOR(struct flow_instance) instances; /* in the order in which they were first asked for */
    size_t lowered_count;                   /* so many of them have their bodies */
    struct pointer_table functions;         /* numbers of IR functions by flow */
    struct pointer_table kernels;           /* numbers of kernels by task */
    VECTOR(struct typed_function *) small_tasks;
    struct pointer_table small_task_numbers; /* by interned symbol */
};

struct environment_entry {
    struct lowered value;
    bool bound;
};

struct loop;

/* The function that is being lowered. */
struct lower {
    struct lowering *shared;
    struct ir_builder build;
    const struct typed_function *source;   /* the flow; NULL in outlined functions */
    struct environment_entry *environment; /* by variable->index */
    uint32_t variable_count;
    struct loop *loop;       /* the innermost */
    bool ended;              /* the current block has its terminator: what follows is not reached */
    uint32_t outlined_count; /* for names */
};

/* ---- lower.c -------------------------------------------------------------------------------- */

/* The IR function of a flow instance. Its body is lowered after that of the function in work, since
 * chains of calls may be long. */
uint32_t lower_instance(struct lowering *shared, const struct typed_function *flow);
/* The number of a task among the module's kernels. */
uint32_t lower_kernel(struct lowering *shared, struct typed_function *task);

void lower_bind(struct lower *f, const struct variable *variable, struct lowered value);
struct lowered lower_variable(struct lower *f, const struct variable *variable);
bool lower_is_bound(const struct lower *f, const struct variable *variable);

/* Starts a function outlined from `f`, called for each index of a space or by a reduction: its
 * parameters are those types, then f's values `captures`. The number of the function is returned,
 * its parameters begin at value 0. */
uint32_t lower_outline(struct lower *f, struct lower *inner, const char *what,
                       const struct ir_type *const *types, uint32_t type_count,
                       const struct value_list *captures);
/* Ends an outlined function with its results. */
void lower_outline_end(struct lower *inner, struct lowered result);

/* ---- lower_level.c: leaves, and levels of values -------------------------------------------- */

struct lowered lower_single(struct lower *f, ir_value value);
struct lowered lower_copy(struct lower *f, const ir_value *values, size_t count);
const struct ir_type *lower_ir_type(const struct lower *f, ir_value value);
bool lower_is_known(const struct lower *f, ir_value value);        /* a scalar or () */
bool lower_is_structured(const struct lower *f, ir_value value);   /* an array of known structure */
bool lower_all_known(const struct lower *f, struct lowered value); /* to the last element */
/* How many of the leaves that begin at `values` belong to a value of this type. */
uint32_t lower_leaf_span(const struct lower *f, const struct type *type, const ir_value *values);
/* Part `part` of a tuple. */
struct lowered lower_part(const struct lower *f, const struct type *type, struct lowered value,
                          uint32_t part);

/* The array or scalar that type_leaf() calls the `index`-th: all its own leaves. */
struct lowered lower_leaf(const struct lower *f, const struct type *type, struct lowered value,
                          uint32_t index);

struct type_list {
    const struct ir_type **items;
    size_t count, capacity;
};
/* Appends the leaf types of a value of this level (NULL: known). */
void lower_level_types(struct lowering *shared, const struct type *type, const struct level *level,
                       struct type_list *types);
/* The same for a result of main, which must be such that a node can take it: the sink. */
void lower_sink_types(struct lowering *shared, const struct type *type, const struct level *level,
                      struct type_list *types);
/* Brings a value to a level that is at least its own. */
struct lowered lower_coerce(struct lower *f, const struct type *type, struct lowered value,
                            const struct level *level);
/* The same for the elements of an array of known structure; `type` is the array's. */
struct lowered lower_coerce_elements(struct lower *f, const struct type *type, struct lowered value,
                                     const struct level *level);
/* Appends the operands for a task's parameter of this type: structures are gathered. */
void lower_argument(struct lower *f, const struct type *type, struct lowered value,
                    struct value_list *operands);
/* Makes each leaf of a value pending: constants are lifted, structures packed by a task. */
struct lowered lower_pend(struct lower *f, const struct type *type, struct lowered value);

static inline bool lower_is_pending_level(const struct level *level)
{
    return level && level->kind == LEVEL_PENDING;
}
/* Whether extent `dimension` of an array is known when the graph is built, and the extent. */
bool lower_knows_extent(const struct lower *f, struct lowered array, uint32_t dimension);
ir_value lower_extent(struct lower *f, struct lowered array, uint32_t dimension);
bool lower_knows_extents(const struct lower *f, const struct type *type, struct lowered array);

/* ---- lower_statement.c ---------------------------------------------------------------------- */

void lower_block(struct lower *f, const struct typed_block *block);
/* Ends the flow with its result, which is brought to the flow's result level. */
void lower_return(struct lower *f, struct lowered result);

/* A counting loop made by the lowering itself, with carried values:
 *     begin; … use loop.index and loop.carried …; end with the next values; then loop.carried are
 * the last ones. */
struct counted_loop {
    uint32_t header, exit;
    ir_value index, count;
    ir_value *carried;
    uint32_t carried_count;
};
void lower_loop_begin(struct lower *f, struct counted_loop *loop, ir_value count,
                      const ir_value *initial, uint32_t initial_count);
void lower_loop_end(struct lower *f, struct counted_loop *loop, const ir_value *next);

/* ---- lower_expression.c --------------------------------------------------------------------- */

struct lowered lower_expression(struct lower *f, const struct typed *node);
/* A scalar or () with its one value. */
ir_value lower_scalar(struct lower *f, const struct typed *node);
/* An operation on scalars, arrays and scalars, or arrays, of any levels; `type` is the result's. */
struct lowered lower_operate(struct lower *f, enum operation operation, const struct type *type,
                             const struct type *const *types, const struct lowered *operands,
                             uint32_t count);
/* A counter's value of an iterator: low + index * step. */
ir_value lower_int(struct lower *f, enum operation operation, ir_value left, ir_value right);
/* Emits the check that two extents agree, as MESSAGE_EXTENT. */
void lower_check_extent(struct lower *f, uint32_t dimension, ir_value expected, ir_value found);
/* All extents that two arrays of one rank both know must agree. */
void lower_check_shapes(struct lower *f, const struct type *type, struct lowered expected,
                        struct lowered found);
void lower_check(struct lower *f, ir_value condition, enum error_code code, const char *format,
                 const ir_value *values, uint32_t count);

/* A value of a level that is chosen by branches: begin in the block that branches; in each branch
 * choose, which ends it; end goes on where they join, and gives the value. */
struct lower_choice {
    uint32_t joined;
    const struct type *type;
    const struct level *level;
};
struct lower_choice lower_choice_begin(struct lower *f, const struct type *type,
                                       const struct level *level);
void lower_choose(struct lower *f, const struct lower_choice *choice, struct lowered value);
struct lowered lower_choice_end(struct lower *f, const struct lower_choice *choice);

/* ---- lower_index.c -------------------------------------------------------------------------- */

struct lowered lower_index(struct lower *f, const struct typed *node);
void lower_assign(struct lower *f, const struct typed_statement *statement);
/* The element at known indexes, as many as the rank. */
struct lowered lower_element(struct lower *f, const struct type *array, struct lowered value,
                             const ir_value *indexes);
/* What an iteration over the array gives at `index`: an element, or a row. */
struct lowered lower_item(struct lower *f, const struct type *array, struct lowered value,
                          ir_value index);

/* ---- lower_call.c --------------------------------------------------------------------------- */

struct lowered lower_call(struct lower *f, const struct typed *node);
/* Calls a task or flow with lowered arguments. */
struct lowered lower_invoke(struct lower *f, struct typed_function *callee,
                            const struct lowered *arguments,
                            const struct typed_annotations *annotations);
/* Emits a call of a small task. `extents` are the known ones of its one result; -1 (NO_VALUE) for
 * the others; NULL for none known. */
struct lowered lower_small_call(struct lower *f, struct typed_function *task,
                                const struct type *const *types, const struct lowered *arguments,
                                uint32_t count, const ir_value *extents);
/* An extent that a signature computes, checked not to be negative. */
ir_value lower_result_extent(struct lower *lower, const struct result_extent *rule);
/* Binds the dimensions of a signature that are known, and emits its checks if asked. */
void lower_rules(struct lower *f, const struct typed_function *function, bool checks);
/* Emits a task that fails with E401 unless the array has the expected extent, of which one or both
 * are not known when the graph is built. Its result () orders the sink; the array's elements are
 * not looked at. `rule` names the rule among those of the flow, `message` takes the extent found
 * and the expected one. */
void lower_check_later(struct lower *f, const struct type *type, struct lowered array,
                       uint32_t dimension, struct lowered expected, const char *rule,
                       const char *message);
/* Whether all variables of an expression of a signature are bound to known values. */
bool lower_is_computable(struct lower *f, const struct typed *node);

#define NO_VALUE UINT32_MAX

/* ---- lower_comprehension.c ------------------------------------------------------------------ */

struct lowered lower_comprehension(struct lower *f, const struct typed *node);
struct lowered lower_reduce(struct lower *f, const struct typed *node);
/* A pending array of known shape as a structure of its elements. */
struct lowered lower_array_elements(struct lower *f, const struct type *type, struct lowered array);
/* A structure of rank 1 with its elements in the opposite order. */
struct lowered lower_reversed(struct lower *f, const struct type *type, struct lowered array);
/* How many steps an iterator makes, and what it gives at one of them. */
struct iteration {
    const struct typed_iterator *iterator;
    ir_value low, step; /* of a range; NO_VALUE: 0 and 1 */
    struct lowered subject;
    ir_value count;
};
struct iteration lower_iteration(struct lower *f, const struct typed_iterator *iterator);
struct lowered lower_iteration_item(struct lower *f, const struct iteration *iteration,
                                    ir_value index);

/* ---- lower_builtin.c ------------------------------------------------------------------------ */

/* lower_map.c: the functions over maps, m[k], and the map after m[k] op= value. */
struct lowered lower_map_builtin(struct lower *f, const struct typed *node);
struct lowered lower_map_get(struct lower *f, const struct type *type, struct lowered map,
                             struct lowered key);
/* The same, but the zero of the values' type, which has one, for a key that is missing. */
struct lowered lower_map_get_or_zero(struct lower *f, const struct type *type, struct lowered map,
                                     struct lowered key);
/* A tree of the zero of a type that has one. */
struct typed *lower_zero(struct lower *f, const struct type *type);
struct lowered lower_map_set(struct lower *f, const struct type *type, struct lowered map,
                             struct lowered key, enum operation operation,
                             const struct type *value_type, struct lowered value);
struct lowered lower_builtin(struct lower *f, const struct typed *node);

/* lower_known_map.c: maps of known keys. A map is the structures of its keys' leaves, then those of
 * its values' leaves, all of rank 1, in the order of insertion; keys are all different. */
bool lower_is_known_map(const struct lower *f, const struct type *type, struct lowered value);
/* A builtin of such a map, and of a known key if it takes one, or a literal with known keys. */
struct lowered lower_known_map_builtin(struct lower *f, const struct typed *node,
                                       const struct lowered *items);
struct lowered lower_known_map_literal(struct lower *f, const struct typed *node,
                                       const struct lowered *items);
/* The value of a known key; fails if there is none. */
struct lowered lower_known_map_get(struct lower *f, const struct type *type, struct lowered map,
                                   struct lowered key);
/* The same, but the zero of the values' type, which has one, where there is none; `level` is the
 * values'. */
struct lowered lower_known_map_get_or_zero(struct lower *f, const struct type *type,
                                           struct lowered map, struct lowered key,
                                           const struct level *level);
/* The map with a value for a key; `level` is the values' (NULL: known), which the map has, too. */
struct lowered lower_known_map_set(struct lower *f, const struct type *type, struct lowered map,
                                   struct lowered key, struct lowered value,
                                   const struct level *level);
/* The map with values of a level; as one pending map, by a task that puts the entries in. */
struct lowered lower_known_map_coerce(struct lower *f, const struct type *type,
                                      struct lowered value, const struct level *level);
struct lowered lower_known_map_pack(struct lower *f, const struct type *type, struct lowered value);

/* ---- lower_text.c: strings ------------------------------------------------------------------ */

/* STR, BYTES, TEXT_CONCAT, TEXT_COMPARE. */
struct lowered lower_text(struct lower *f, const struct typed *node);
struct lowered lower_text_join(struct lower *f, const struct lowered *operands, uint32_t count);
struct lowered lower_text_compare(struct lower *f, const struct lowered *operands);
/* Of known strings, and known ends. */
struct lowered lower_text_length(struct lower *f, struct lowered text);
struct lowered lower_text_slice(struct lower *f, struct lowered text, ir_value low, ir_value high);

/* ---- lower_task.c: small tasks -------------------------------------------------------------- */

/* The text of a type in symbols: f64, f64__ for f64[_, _]. In the arena. */
const char *lower_mangle(struct lowering *shared, const struct type *type);
/* A small task with parameters of these types. It is new when it has no statements yet; then the
 * caller gives it a body. `span` is where it is first used; a task that can fail gets `at` set, and
 * is shared only by uses at one place, so that its failures name the right one. */
struct typed_function *lower_small_task(struct lower *f, const char *what, const char *name,
                                        const struct type *const *types, uint32_t count,
                                        const struct type *result, bool at);
bool lower_task_is_new(const struct typed_function *task);
struct typed *lower_task_node(struct lower *f, enum typed_kind kind, const struct type *type);
struct typed *lower_task_parameter(struct lower *f, const struct typed_function *task,
                                   uint32_t index);
void lower_task_returns(struct lower *f, struct typed_function *task, struct typed *value);

#endif
