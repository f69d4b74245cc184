/*
 * What the files of the checker share: its state, and the functions that one file offers to the
 * others. Nothing outside compiler/check includes this header.
 *
 * How it works. Declarations are collected, signatures resolved, and each body is checked once,
 * from the leaves up, into a typed tree without levels. Literals have a *flexible* type at first,
 * which the context settles (literal.c). Tasks are done then. Flows are templates: level.c and its
 * neighbours copy each one for every combination of its arguments' levels that the program uses.
 *
 * Mistakes: an expression that was reported has the type `error`, and whatever it becomes part of
 * stays silent, so that one mistake gives one diagnostic.
 */
#ifndef WKC_CHECK_CHECKER_H
#define WKC_CHECK_CHECKER_H

#include "base/vector.h"
#include "check/check.h"
#include "check/typed.h"

/* ---- State ---------------------------------------------------------------------------------- */

/* A variable, and what only the checker needs to know of it. */
struct local {
    struct variable variable; /* first: a struct variable of a body is always a local */
    const int64_t *extents;   /* of a `let` array: those that are constants; -1 for the rest */
    bool used;                /* read somewhere */
    bool assigned;            /* after its declaration */
    bool silent;              /* its declaration was reported, or it is the compiler's own */
    /* Declared without a type, by literals of this flexible type; else NULL. */
    const struct type *assumed;
    bool blamed;         /* it was reported that this is a mistake */
    struct local *whole; /* not NULL: a name for part `part` of that variable's value */
    uint32_t part;
};

struct statement_list;

/* A top-level `let`. Evaluated when it is first asked for. */
struct constant {
    const struct ast_declaration *declaration;
    struct constant *outer; /* ACTIVE: the one that asked for this one */
    struct span asked;      /* ACTIVE: where this one asked for another */
    enum { CONSTANT_NEW, CONSTANT_ACTIVE, CONSTANT_DONE } state;
    const struct typed *value; /* NULL if it was reported */
};

/* A declared struct. Its type is made when it is first asked for. */
struct structure {
    const struct ast_declaration *declaration;
    struct structure *outer;            /* ACTIVE: the one that has a field of this one */
    const struct ast_parameter *active; /* ACTIVE: the field whose type is asked for */
    const char *name; /* "Point", in another module than the program's "geometry.Point" */
    enum { STRUCTURE_NEW, STRUCTURE_ACTIVE, STRUCTURE_DONE } state;
    const struct type *type; /* the error type if it was reported */
};

/* A declared task or flow, an instance of a generic one, or a function of the prelude that is
 * passed as a value.
 *
 * Generics are those with type parameters or with parameters that are functions. Nothing later sees
 * them: each use names an instance, which is a function of its own, checked from the same
 * declaration with the type parameters and functions bound (generic.c). */
struct function {
    struct typed_function typed;               /* first; of a flow: the template of its instances */
    const struct ast_declaration *declaration; /* NULL: of the prelude */
    const struct ast_parameter **written;      /* all parameters as written */
    const struct ast_parameter **forms;        /* those that are values: of typed.parameters */
    uint32_t written_count;
    struct local **dimensions; /* bound at entry, in order */
    uint32_t dimension_count;
    bool broken;                          /* its signature was reported: calls check silently */
    bool is_generic;                      /* only its instances are compiled */
    bool failed;                          /* a generic in which something was reported */
    struct function *generic;             /* of an instance: its generic; else NULL */
    const struct type **type_arguments;   /* of an instance, by type parameter */
    struct function **function_arguments; /* of an instance, by written parameter; NULL: a value */
    struct function *origin;              /* in whose body the instance was first used, or NULL */
    struct span used_at;                  /* where that was */
    VECTOR(struct function *) instances;  /* of a generic */
    VECTOR(struct function *) calls;      /* each callee once or more */
    struct function *guard; /* calls it, for calls with @fallback; or NULL (fallback.c) */
    uint32_t visit, low;    /* recursion.c */
    bool on_stack;
};

enum symbol_kind {
    SYMBOL_LOCAL,
    SYMBOL_CONSTANT,
    SYMBOL_FUNCTION,
    SYMBOL_FUNCTION_PARAMETER,
    SYMBOL_STRUCT,
    SYMBOL_REFUSED, /* a declaration of a feature that is refused: uses are silent */
    SYMBOL_UNKNOWN, /* a name that was reported once in this scope: further uses are silent */
    SYMBOL_PRELUDE,
    SYMBOL_MODULE, /* its names are bound beside it: "linalg.add" */
};

enum prelude_kind {
    PRELUDE_OPERATION, /* sqrt, add, … */
    PRELUDE_BUILTIN,   /* zeros, sum, … */
    PRELUDE_CONVERSION,
    PRELUDE_LEN,
    PRELUDE_REDUCE,
    PRELUDE_SCAN,
    PRELUDE_CLAMP,
    PRELUDE_MESSAGE, /* fail, log: statements */
};

struct symbol {
    enum symbol_kind kind;
    const char *name;
    struct span span; /* of its declaration; none for the prelude's */
    union {
        struct local *local;
        struct constant *constant;
        struct structure *structure;
        const struct ast_module *module;
        struct {                                   /* FUNCTION, FUNCTION_PARAMETER */
            struct function *function;             /* NULL in a generic: not bound */
            const struct ast_parameter *parameter; /* FUNCTION_PARAMETER */
        };
        struct {
            enum prelude_kind prelude;
            enum operation operation;
            enum typed_builtin builtin;
            enum wk_scalar scalar;
        };
    };
};

struct binding;

struct scope_table {
    struct binding **slots; /* the innermost binding of each name, by the name's address */
    uint32_t count, capacity;
    VECTOR(struct binding *) open; /* all bindings, innermost last */
    uint32_t depth;                /* 0: prelude, 1: module, 2: parameters, … */
};

/* What a module declares, while another one is looked at. */
struct module_scope {
    VECTOR(struct binding *) bindings;
};

/* What stands for constants that are maps, in one body. */
struct shared_map {
    const struct constant *constant;
    struct local *local;
};

struct shared_maps {
    VECTOR(struct shared_map) list;
};

struct foreign_file {
    const char *path; /* interned */
    bool logs;
};

struct checker {
    const struct ast_program *program;
    const struct ast_module *module;    /* whose declarations are in scope */
    struct module_scope *module_scopes; /* by number in the program */
    struct arena *arena;
    struct type_table *types;
    struct type_table flexible_types; /* those with a flexible or erroneous part */
    struct interner *names;
    struct diagnostics *diagnostics; /* where mistakes go at present: `reported` or `unreported` */
    struct diagnostics *reported;
    struct diagnostics unreported; /* of declarations with syntax errors, which explain them */
    struct place syntax_errors[DIAGNOSTIC_LIMIT];
    uint32_t syntax_error_count;
    struct scope_table scope;
    VECTOR(struct function *) functions; /* declared, in the order of the text; then instances */
    VECTOR(struct function *) generics;  /* declared ones with type or function parameters */
    VECTOR(struct function *) prelude; /* tasks without a declaration: of the prelude, fallbacks */
    VECTOR(struct constant *) constants;
    VECTOR(struct structure *) structures;
    struct constant *active_constant; /* the innermost that is computed */
    struct structure *active_structure;
    VECTOR(struct foreign_file) foreign_files; /* by unit */

    /* Flexible types: of an integer literal, of a float literal, of what can be any number, and of
     * the elements of [], which are whatever is wanted. */
    struct type literal_integer, literal_float, literal_number, literal_empty;
    struct type error;
    const struct type *integer, *real, *boolean, *unit;

    /* Of the body that is being checked. */
    struct function *function; /* NULL: a constant */
    uint32_t loop_depth;
    int errors_before; /* a body with mistakes gets no warnings, which might follow from them */
    bool broke;        /* a break was met in the innermost loop */
    /* The constants used that are maps: temporaries at the body's beginning. NULL: no body. */
    struct shared_maps *shared;

    uint32_t constant_depth; /* constants being evaluated, one for another */
    /* The comprehension whose subjects are being checked: their ranges are independent. */
    const struct ast_expression *comprehension;

    bool poisoned;  /* an error expression was made: then something was reported */
    bool recovered; /* there were syntax errors: what may follow from them stays silent */
};

/* Whether the body that is checked had no mistakes so far. Instances get no warnings: their generic
 * got them. */
static inline bool may_warn(const struct checker *c)
{
    return c->diagnostics->errors == c->errors_before && !c->recovered &&
           !(c->function && c->function->generic);
}

/* ---- scope.c: names ------------------------------------------------------------------------- */

void scope_init(struct checker *c);
void scope_release(struct checker *c);
void scope_open(struct checker *c);
/* Leaves the innermost scope; warns of its variables that were never read. */
void scope_close(struct checker *c);
/* Hides what is bound inside of the file's declarations, while another signature is checked. */
struct scope_pause {
    struct binding **bindings;
    size_t count;
    uint32_t depth;
    const struct ast_module *module;
};
struct scope_pause scope_pause(struct checker *c);
void scope_resume(struct checker *c, const struct scope_pause *pause);
/* Puts the declarations of the current module (c->module, or NULL) away, and those of another, by
 * its number's scope, in their place. Only where no inner scope is open. */
void scope_exchange(struct checker *c, struct module_scope *module);
/* Calls `visit` with each name of a module that is put away. */
void scope_list(const struct module_scope *module,
                void (*visit)(void *context, const struct symbol *symbol), void *context);
/* The innermost meaning of a name, or NULL. */
struct symbol *scope_find(struct checker *c, const char *name);
/* Gives a name a meaning in the innermost scope. A second one there is reported with `code`, and
 * the first stays; returns whether it was new. `_` is never bound. */
bool scope_bind(struct checker *c, const struct symbol *symbol, enum error_code code);
/* Keeps further uses of an unknown name in this scope silent. */
void scope_bind_unknown(struct checker *c, const char *name);
/* The name nearest to a misspelt one among those in scope that `kinds` (bits 1 << symbol_kind)
 * allows, or NULL. */
const char *scope_nearest(struct checker *c, const char *name, unsigned kinds);
/* A new variable of the current function, not yet bound to its name. */
struct local *local_new(struct checker *c, enum variable_kind kind, const char *name,
                        const struct type *type, struct span span);

enum { DEEPEST_TYPE = 12 }; /* of arrays and tuples in one another */

/* ---- types.c -------------------------------------------------------------------------------- */

/* The type that a form denotes; c->error after a report, and for a type parameter that is not
 * bound. Extents are not looked at. */
const struct type *types_resolve(struct checker *c, const struct ast_type *form);
/* Array and tuple types whose parts may be flexible; c->error if a part is, or (reported at `span`)
 * if the type is too large. */
const struct type *types_array(struct checker *c, const struct type *element, uint32_t rank,
                               struct span span);
const struct type *types_map(struct checker *c, const struct type *key, const struct type *value,
                             struct span span);
const struct type *types_tuple(struct checker *c, const struct type *const *parts,
                               const char *const *names, uint32_t count, struct span span);
/* Whether the language has a type of this name. */
bool types_is_builtin(struct checker *c, const char *name);
const struct type *types_struct(struct checker *c, const char *name,
                                const struct type *const *fields, const char *const *names,
                                uint32_t count, struct span span);
/* The type as messages show it: "int", "f64[_, _]", "an integer literal". In the arena. */
const char *types_text(struct checker *c, const struct type *type);
/* As types_text, but a literal's type is what it is settled to. */
const char *types_name(struct checker *c, const struct type *type);
/* The source text of a span for hints, if it is short; else "...". */
const char *types_snippet(struct checker *c, struct span span);
/* An array's element type or a scalar's own: what elementwise operations work on. */
const struct type *types_scalar_of(const struct type *type);
bool types_is_flexible(const struct checker *c, const struct type *type);
static inline bool types_is_error(const struct checker *c, const struct type *type)
{
    return type == &c->error;
}
/* Whether every value of scalar type `from` is one of `to`: the implicit conversions. */
bool types_widens(const struct type *from, const struct type *to);
/* Equal but for the names of tuple parts where one side has none. */
bool types_adapt(const struct type *from, const struct type *to);

/* ---- node.c: building the typed tree --------------------------------------------------------- */

struct typed *node_new(struct checker *c, enum typed_kind kind, const struct type *type,
                       struct span span);
struct typed *node_error(struct checker *c, struct span span);
struct typed *node_constant(struct checker *c, const struct type *type, uint64_t word,
                            struct span span);
struct typed *node_integer(struct checker *c, int64_t value, struct span span);
struct typed *node_text(struct checker *c, const char *text, size_t length, struct span span);
struct typed *node_variable(struct checker *c, struct local *local, struct span span);
struct typed *node_operation(struct checker *c, enum operation operation, const struct type *type,
                             struct typed *left, struct typed *right, struct span span);
/* The bytes of a file. */
struct typed *node_contents(struct checker *c, struct typed *file, struct span span);
struct typed *node_extent(struct checker *c, struct typed *array, uint32_t dimension,
                          struct span span);
struct typed *node_part(struct checker *c, struct typed *tuple, uint32_t part, struct span span);
struct typed *node_convert(struct checker *c, struct typed *operand, const struct type *type);
static inline bool node_is_error(const struct checker *c, const struct typed *node)
{
    return node->type == &c->error;
}
/* Constant extents, where known: of arrays only; -1 when it is not. */
int64_t node_static_extent(const struct typed *node, uint32_t dimension);
void node_set_extent(struct checker *c, struct typed *node, uint32_t dimension, int64_t extent);
void node_copy_extents(struct typed *to, const struct typed *from);
const int64_t *node_extents(const struct typed *node);
void node_set_extents(struct typed *node, const int64_t *extents);
/* A float literal as f32: rounded once, from its text. */
void node_set_single(struct typed *literal, float single);
float node_single(const struct typed *literal);

/* ---- literal.c: flexible types and coercion ---------------------------------------------------
 */

/* method.c: reports x.f(…), and says what to write instead. */
struct typed *refuse_method(struct checker *c, const struct ast_expression *call,
                            const struct typed *base);

/* What a value is wanted for, for messages: "expected f64 for the argument 'x' of 'f'". */
struct purpose {
    const char *what;    /* "the argument" */
    const char *name;    /* "x", or NULL */
    const char *owner;   /* "f", or NULL: "the argument 'x' of 'f'" */
    struct span because; /* another place to show with `because_text`, if it has a source */
    const char *because_text;
    struct local
        *place; /* the variable with `assumed` that takes the value or has the place; or NULL */
};

/* A type with its flexible parts as settle() makes them. */
const struct type *settled_type(struct checker *c, const struct type *type, struct span span);
/* Gives what is still flexible its default type (i64, f64). Never fails but for literals that are
 * out of range, which become errors. */
struct typed *settle(struct checker *c, struct typed *node);
/* Makes the value one of `type`: settles literals, widens, adapts tuples; reports what cannot be.
 */
struct typed *coerce(struct checker *c, struct typed *node, const struct type *type,
                     const struct purpose *purpose);
/* The type that both sides of an operator, branch or list have, or NULL. May be flexible. */
const struct type *common_type(struct checker *c, const struct type *a, const struct type *b,
                               struct span span);
/* As coerce, to a type without flexible parts that is known to fit. */
struct typed *adapt(struct checker *c, struct typed *node, const struct type *type);

/* ---- assumed.c ------------------------------------------------------------------------------- */

/* The variable, if the node is one of which only literals say the type, or an element or slice of
 * one; else NULL. */
struct local *assumed_variable(const struct typed *node);
/* Whether the variable's declaration is the mistake when a `found` of it should be a `wanted`: a
 * literal like its own can be of that type. */
bool assumed_is_mistaken(struct checker *c, const struct local *local, const struct type *found,
                         const struct type *wanted);
/* Hints at the declaration and the type that it should name. Of a `var`, what else it makes wrong
 * is not to be reported: `blamed`. */
void assumed_hint(struct checker *c, struct diagnostic *d, struct local *local,
                  const struct type *wanted);

/* ---- constant.c ------------------------------------------------------------------------------ */

/* The value of a constant expression of scalar type; false if it is not one (nothing is reported).
 * On a failure (division by zero, …) *error is filled. `binding` gives values of variables, may be
 * NULL. */
struct fold_binding {
    const struct variable *const *variables;
    const int64_t *values; /* -1: not known */
    uint32_t count;
    bool are_known; /* all are, and values may be negative */
};
bool fold(const struct typed *node, const struct fold_binding *binding, uint64_t *word,
          struct error *error);
/* The list or tuple that an expression denotes: itself, a part or an element of one; else NULL. */
const struct typed *fold_literal(const struct typed *node, const struct fold_binding *binding,
                                 struct error *error);
/* The value of a constant expression of any type, as a tree of constants; NULL if it is not one,
 * with *error filled where it fails (constant_value.c). */
struct typed *fold_value(struct checker *c, const struct typed *node, struct error *error);
/* Evaluates a top-level constant. */
void constant_check(struct checker *c, struct constant *constant);
/* Declares what stands for the maps among the constants that a body uses. */
void constant_declare(struct checker *c, struct shared_maps *shared, struct statement_list *out);
/* A constant's value where it is used. */
struct typed *constant_use(struct checker *c, struct constant *constant, struct span span);

/* ---- expression.c, operator.c, index.c, comprehension.c ----------------------------------------
 */

/* Never NULL; flexible types possible. */
struct typed *check_expression(struct checker *c, const struct ast_expression *expression);
/* Settled. */
struct typed *check_value(struct checker *c, const struct ast_expression *expression);
struct typed *check_integer(struct checker *c, const struct ast_expression *expression,
                            const char *what);
struct typed *check_condition(struct checker *c, const struct ast_expression *expression,
                              const char *what);
struct typed *check_operator(struct checker *c, const struct ast_expression *expression);
/* `left operation= right`: the operation's node, typed as `place`. */
struct typed *check_binary(struct checker *c, enum operation operation, struct typed *left,
                           struct typed *right, struct span operator_span, struct span span);
struct typed *check_index(struct checker *c, const struct ast_expression *expression);
/* The indexes into `base`; false after a report. The type of what they denote goes to *type. */
bool check_indexes(struct checker *c, const struct typed *base, const struct ast_expression *index,
                   struct typed_index **indexes, const struct type **type);
struct typed *check_comprehension(struct checker *c, const struct ast_expression *expression);
/* Checks what an iterator goes over; its variable is made, but not yet bound to its names. False
 * after a report (the variable then has the error type). */
bool check_iterator(struct checker *c, const struct ast_iterator *iterator,
                    struct typed_iterator *out);
/* Whether `count` names (or places, as `names` says) can stand for the parts of a type; else
 * reports it at `span`, with a hint (or NULL) if the type has no parts. */
bool check_parts(struct checker *c, const struct type *type, uint32_t count, const char *names,
                 const char *hint, struct span span);
/* Binds an iterator's names in the innermost scope; several stand for the parts of its element. */
void bind_iterator(struct checker *c, const struct ast_iterator *iterator,
                   const struct typed_iterator *checked);

/* ---- map.c ----------------------------------------------------------------------------------- */

/* Whether a type can be the key of a map; reports it if not. */
bool check_key_type(struct checker *c, const struct type *key, struct span span);
const struct type *check_map_type(struct checker *c, const struct ast_type *form);
struct typed *check_map_literal(struct checker *c, const struct ast_expression *e);
/* The one key that a map is indexed with. */
struct typed *check_key(struct checker *c, const struct type *map, const struct ast_expression *e);
/* `key in map` */
struct typed *check_in(struct checker *c, const struct ast_expression *e);
/* entries, keys, values and remove. Arguments have been checked. */
struct typed *check_map_function(struct checker *c, enum typed_builtin builtin, const char *name,
                                 struct typed **arguments, uint32_t count, struct span span);
struct typed *node_map_get(struct checker *c, struct typed *map, struct typed *key,
                           struct span span);
struct typed *node_map_count(struct checker *c, struct typed *map, struct span span);
/* The map's pairs of key and value, as an array. */
struct typed *node_entries(struct checker *c, struct typed *map, struct span span);

/* ---- text.c -----------------------------------------------------------------------------------
 */

/* Whether one of the operands is a string. */
bool text_takes_part(const struct typed *left, const struct typed *right);
/* + and < <= > >= of such operands: others are refused. == and != are as those of arrays. */
struct typed *check_text_operator(struct checker *c, enum operation operation, struct typed *left,
                                  struct typed *right, struct span operator_span, struct span span);
/* str(value) and bytes(value). */
struct typed *check_str(struct checker *c, struct typed *value, struct span span);
struct typed *check_bytes(struct checker *c, struct typed *value, struct span span);

/* ---- call.c, prelude.c, reduce.c, annotation.c
 * --------------------------------------------------- */

struct typed *check_call(struct checker *c, const struct ast_expression *call);
/* Reports a flow that a task calls or reduces by; false if all is well. */
bool refuse_flow_in_task(struct checker *c, const struct ast_expression *name,
                         const struct function *f);
struct typed *check_prelude_call(struct checker *c, const struct ast_expression *call,
                                 const struct symbol *symbol);
/* A task of the prelude whose body is `return operation(a, …)`, on operands of `type`, a number or
 * an array of numbers that the operation works on. `span` is where it was first used: failures of
 * the operation are shown there. */
struct function *prelude_function(struct checker *c, enum operation operation,
                                  const struct type *type, struct span span);
struct typed *check_reduce(struct checker *c, const struct ast_expression *call);
struct typed *check_scan(struct checker *c, const struct ast_expression *call);
/* An operation applied as a function: operands have been checked. */
struct typed *check_operation_call(struct checker *c, enum operation operation, const char *name,
                                   struct typed **operands, uint32_t count, struct span span);
/* Reads the annotations of a declaration or call. `base` (or NULL) are those that they refine. */
void check_annotations(struct checker *c, const struct ast_annotation *annotations, uint32_t count,
                       const struct typed_annotations *base, struct typed_annotations *out);
/* The first @fallback among annotations, or NULL. (fallback.c) */
const struct ast_annotation *find_fallback(const struct ast_annotation *annotations,
                                           uint32_t count);
/* Reports a @fallback at a call of `name`, which is no task. */
void refuse_fallback(struct checker *c, const struct ast_expression *call, const char *name);
/* Checks the @fallback of a task's declaration; its parameters and dimensions are in scope. */
void check_declared_fallback(struct checker *c, struct function *f);
/* Checks the @fallback of a call `node` of `f`, if it has one, and makes it a call of f's guard.
 * Returns what is called; NULL after a report. */
struct function *check_called_fallback(struct checker *c, const struct ast_expression *call,
                                       struct function *f, struct typed *node);
/* Reports named arguments where the prelude's function has none. */
bool refuse_named_arguments(struct checker *c, const struct ast_expression *call, const char *name);

/* ---- generic.c, infer.c
 * -------------------------------------------------------------------------- */

/* Check a generic by itself: its type parameters may be any type. */
void check_generic_signature(struct checker *c, struct function *generic);
void check_generic_body(struct checker *c, struct function *generic);
/* The instance that a call names. `values` and `nodes` are the arguments by written parameter, NULL
 * where the default is taken; nodes of functions are NULL. NULL after a report. */
struct function *generic_call(struct checker *c, const struct ast_expression *call,
                              struct function *generic, const struct ast_expression *const *values,
                              struct typed *const *nodes);
/* The function that `name` stands for as one that takes values of `parameters` (settled), generics
 * instantiated; NULL after a report. A flow is refused unless `may_be_flow`. `wanted` says what it
 * is for: "the argument 'f' of 'apply'". */
struct function *find_function(struct checker *c, const struct ast_expression *name,
                               const struct type *const *parameters, uint32_t count,
                               bool may_be_flow, const char *wanted);
/* Adds to what was reported since `before` where the instance is used. */
void note_instance(struct checker *c, const struct function *instance, size_t before);
/* The type parameter of the current function that `name` is: its number, or -1. */
int type_parameter(const struct checker *c, const char *name);

/* What the type parameters of a generic stand for, as far as it is known. */
struct type_binding {
    const struct function *generic;
    const struct type **types; /* by type parameter; NULL: not bound */
    struct span *spans;        /* of the arguments that bound them */
};

/* Binds the type parameters in `form` by a value of `type`. Binding one again joins both types.
 * False if the type does not have this form, or (reported, *conflict) types cannot be joined. */
bool infer_types(struct checker *c, struct type_binding *binding, const struct ast_type *form,
                 const struct type *type, struct span span, bool *conflict);
/* Whether a type parameter occurs in `form`. */
bool infer_mentions(const struct ast_type *form, const char *type_parameter);

/* ---- statement.c, assign.c, message.c
 * -------------------------------------------------------------- */

struct statement_list {
    VECTOR(struct typed_statement *) list;
};

struct typed_statement *statement_new(struct checker *c, struct statement_list *out,
                                      enum typed_statement_kind kind, struct span span);
void statement_declare(struct checker *c, struct statement_list *out, struct local *local,
                       struct typed *value, struct span span);
struct typed_block statement_block(struct checker *c, struct statement_list *list);
void check_body(struct checker *c, struct function *function);
/* What else is to be checked of a task that is written in C. */
void check_without_body(struct checker *c, struct function *function);
void check_assignment(struct checker *c, const struct ast_statement *statement,
                      struct statement_list *out);
/* The pieces of a message; false after a report. */
bool check_message(struct checker *c, const struct ast_expression *call, const char *name,
                   struct typed_statement *statement);

/* ---- signature.c, dimension.c
 * ------------------------------------------------------------------------ */

void check_signature(struct checker *c, struct function *function);
/* Resolves the dimensions of a signature: the rules at entry and the extents of the result. */
void check_dimensions(struct checker *c, struct function *function);
/* An extent's expression, i64, in the current scope; NULL after a report. */
struct typed *check_extent(struct checker *c, const struct ast_expression *expression);
/* The first text of the message of such a check: a flow leaves those of pending extents out. */
extern const char declared_extent_text[];
/* Statically known extents of a call: reports those that disagree, and sets the result's. */
void check_call_extents(struct checker *c, struct typed *call);
/* Reports constant extents of a returned array that are not those of the signature. */
void check_returned_extents(struct checker *c, const struct typed *value);
/* Appends the checks that `let name: f64[n] = …` asks for. */
void check_declared_extents(struct checker *c, struct local *local, const struct typed *value,
                            const struct ast_type *form, struct statement_list *out);

/* ---- module.c ---- */

/* What is looked up from now on is looked up in the module of this source. */
void module_enter(struct checker *c, const struct source *source);
/* Declares what `use` says. */
void module_use(struct checker *c, const struct ast_declaration *declaration);
/* Whether a name is seen in its own file only: those that begin with _ are. */
bool module_is_private(const char *name);
/* The name that stands for `name` of a module; NULL if `module` is no module. A name that the
 * module does not have is reported. */
const char *module_member(struct checker *c, const char *module, const struct ast_name *name);
/* The expression itself; but of linalg.add, where linalg is a module, the name "linalg.add" (an
 * error after a report). */
const struct ast_expression *module_name(struct checker *c,
                                         const struct ast_expression *expression);

/* ---- foreign.c: extern tasks ---- */

/* Finds the C file of an extern task, and refuses what C cannot return. */
void check_foreign(struct checker *c, struct function *function);

/* ---- structs.c ------------------------------------------------------------------------------ */

struct structure *structs_declare(struct checker *c, const struct ast_declaration *declaration);
const struct type *structs_type(struct checker *c, struct structure *structure);
struct typed *check_struct_literal(struct checker *c, const struct ast_expression *expression);

/* ---- recover.c: trees with syntax errors ---- */

/* Notes where the parser reported something. */
void find_syntax_errors(struct checker *c);
/* What is found next belongs to this declaration: it is reported unless that has syntax errors. */
void enter_declaration(struct checker *c, const struct ast_declaration *declaration);

/* ---- recursion.c, level*.c
 * --------------------------------------------------------------------------- */

/* Marks recursive tasks. Callees come first in c->functions afterwards, as far as recursion allows.
 */
void mark_recursion(struct checker *c);
/* Makes the instances of flows, reports mistakes of levels, and lists what the program uses. */
void check_levels(struct checker *c, struct typed_program *program);

#endif
