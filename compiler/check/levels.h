/*
 * What the files of the level analysis share.
 *
 * A flow is analysed for each combination of its arguments' levels that occurs: an instance. First
 * all instances are brought to a fixpoint together: each is walked over and over until the levels
 * of its variables and its result stand still, and when a result rises its callers are walked
 * again. Levels only rise, and a type has finitely many, so this ends. NULL stands below all
 * levels: the result of a flow of which nothing is known yet.
 *
 * Then each instance that main reaches is walked once more, to report mistakes and to copy the
 * template's body with its levels. Both walks are the same code; the first ones copy to scratch
 * memory.
 */
#ifndef WKC_CHECK_LEVELS_H
#define WKC_CHECK_LEVELS_H

#include "check/checker.h"

/* Why a variable is pending. */
struct origin {
    struct span span;
    const char *text;
};

struct instance {
    struct function *template;
    const struct level **arguments;
    const struct level **variables; /* by index */
    struct origin *origins;         /* by index; no source: known */
    const struct level *result;
    struct span called_at; /* of its first call; none for main */
    VECTOR(struct instance *) callers;
    bool queued;
    struct function *typed; /* what the final walk makes; NULL before it was asked for */
};

struct level_table {
    const struct level **slots;
    uint32_t count, capacity;
};

struct leveler {
    struct checker *c;
    struct level_table levels;
    struct instance **slots; /* by template and arguments */
    uint32_t capacity;
    VECTOR(struct instance *) instances;
    VECTOR(struct instance *) queue;
    size_t queue_begin;
    struct typed_program *program;
    const struct function *main; /* NULL in a file without it */
};

/* One walk over an instance. */
struct walk {
    struct leveler *l;
    struct instance *instance;
    struct arena *arena; /* of the copies */
    bool final;
    bool changed;             /* a variable's level rose */
    struct variable **clones; /* by index, final only */
};

/* ---- level.c: the lattice
 * --------------------------------------------------------------------------- */

extern const struct level level_known, level_pending_scalar;

/* All parts pending, no extents known. */
const struct level *level_pending(struct leveler *l, const struct type *type);
const struct level *level_pending_array(struct leveler *l, uint32_t known_extents);
/* Pending with the extents given for each leaf. */
const struct level *level_pending_leaves(struct leveler *l, const struct type *type,
                                         const uint32_t *known_extents);
/* KNOWN if the element is; NULL of NULL. */
const struct level *level_structure(struct leveler *l, const struct level *element);
const struct level *level_tuple(struct leveler *l, const struct level *const *parts,
                                uint32_t count);
const struct level *level_join(struct leveler *l, const struct level *a, const struct level *b);
/* Of the element of an array, of a part of a tuple. */
const struct level *level_element(struct leveler *l, const struct level *level,
                                  const struct type *type);
const struct level *level_part(const struct level *level, uint32_t part);
const struct level *level_set_part(struct leveler *l, const struct level *level,
                                   const struct type *type, uint32_t part,
                                   const struct level *value);
/* Bit d: the extent of dimension d is known. */
uint32_t level_extents(const struct level *level, const struct type *type);
static inline bool level_is_known(const struct level *level)
{
    return level == &level_known;
}
/* Whether nothing of a node waits for a task; NULL and unknown levels count as known. */
static inline bool is_known(const struct typed *node)
{
    return !node || !node->level || level_is_known(node->level);
}
static inline uint32_t level_all_extents(const struct type *type)
{
    return (1U << type->rank) - 1;
}
void level_print(const struct level *level, struct buffer *out);

/* ---- level_expression.c, level_call.c
 * ---------------------------------------------------------------------- */

/* A copy of an expression with its levels. */
struct typed *level_expression(struct walk *w, const struct typed *node);
struct typed_index *level_indexes(struct walk *w, const struct typed_index *indexes,
                                  uint32_t count);
void level_iterator(struct walk *w, const struct typed_iterator *iterator,
                    struct typed_iterator *out);
/* Reports an index that must be known, because it selects from a structure. */
void level_require_known_indexes(struct walk *w, const struct typed_index *indexes, uint32_t count);
const struct level *level_elementwise(struct walk *w, const struct type *type,
                                      struct typed *const *operands, uint32_t count);
void level_call(struct walk *w, struct typed *call);
void level_reduce(struct walk *w, struct typed *reduce);
void level_builtin(struct walk *w, struct typed *node);
/* Reports, in the final walk, a value that cannot be gathered from its parts; true if it did. */
bool level_refuse_gathering(struct walk *w, const struct type *type, const struct level *level,
                            struct span span);
/* Raises a variable's level; `value` (may be NULL) is what it gets, for origins. */
void level_raise(struct walk *w, const struct variable *variable, const struct level *level,
                 const struct typed *value);
struct variable *level_variable(struct walk *w, const struct variable *variable);

/* ---- level_report.c
 * ---------------------------------------------------------------------------------------------- */

/* Where the pending part of a value comes from. */
struct origin level_origin(const struct walk *w, const struct typed *value);
/* The hint where a decision or repetition depends on a pending value. */
extern const char hint_leave_to_task[];
/* Reports, in the final walk, that an array's extents must be known here and are not. */
void report_unknown_shape(struct walk *w, const struct typed *array);
/* Reports, in the final walk, that `value` is pending; `what` begins the message: "this condition".
 */
void report_pending(struct walk *w, const struct typed *value, struct span span,
                    enum error_code code, const char *what, const char *hint);

/* ---- level_statement.c
 * ---------------------------------------------------------------------------------------------- */

struct typed_block level_block(struct walk *w, const struct typed_block *block);

/* ---- instance.c
 * ------------------------------------------------------------------------------------------------------
 */

/* The instance of a flow for these levels of its arguments, made and queued if it is new. */
struct instance *instance_find(struct leveler *l, struct function *template,
                               const struct level *const *arguments, struct span called_at);
/* The function that the final walk makes of an instance; asks for that walk at the first time. */
struct function *instance_finalize(struct leveler *l, struct instance *instance);
void instance_add_caller(struct instance *callee, struct instance *caller);

#endif
