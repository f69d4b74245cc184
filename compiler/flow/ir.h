/*
 * Flow IR: flows in SSA form over blocks with parameters.
 *
 * A module holds functions (each instance of a flow; each body of a comprehension; wrappers for the
 * functions of reductions; the default values of main's parameters) and the kernels that they call.
 * Tuples do not occur: every value is a leaf. The leaves of a tuple are those of its parts; () is a
 * leaf; a known or structured array of tuples has a structure for each leaf of its element, a
 * pending one is a single leaf. Whether a value is known is part of its type. Instances of flows
 * have `is_flow` set: they make scopes, which become clusters in drawings.
 *
 * A value may stand wherever its type fits (ir_type_fits): ?f64[+] is also a ?f64[-].
 *
 * The text form (ir_print) is read back by ir_parse; print, read, print is the identity.
 */
#ifndef WKC_FLOW_IR_H
#define WKC_FLOW_IR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diagnostic.h"
#include "check/typed.h"
#include "value/operation.h"
#include "value/type.h"

enum ir_opcode {
#define IR(NAME, text, signature) IR_##NAME,
#include "flow/ir.def"
#undef IR
    IR_OPCODE_COUNT
};

enum ir_kind {
    IR_KNOWN,     /* `type` is a scalar, str, file or (), printed "i64" */
    IR_PENDING,   /* `type` has words, but no parts: "?f64", "?f64[+, -]" (+: known extent) */
    IR_STRUCTURED /* rank and element, printed "{2}?f64" */
};

/* Interned in the module: equal types have equal pointers. */
struct ir_type {
    enum ir_kind kind;
    const struct type *type; /* KNOWN, PENDING */
    uint32_t known_extents;  /* PENDING array: bit d for extent d */
    uint8_t rank;            /* STRUCTURED */
    const struct ir_type *element;
};

/* A value is named by its number within the function: %7. */
typedef uint32_t ir_value;

struct ir_instruction {
    enum ir_opcode opcode;
    struct span span;
    ir_value *operands;
    uint32_t operand_count;
    ir_value first_result; /* results are numbered in a row */
    uint32_t result_count;
    uint64_t word;            /* CONSTANT; of a str: its bytes */
    const char *text;         /* CONSTANT of a str */
    enum operation operation; /* OPERATION */
    uint32_t number;          /* EXTENT: dimension; EACH: rank */
    uint32_t mask;            /* SLICE, SET_SLICE, VIEW: bit d: dimension d is a range */
    uint32_t callee;          /* CALL: kernel; APPLY, EACH, REDUCE: function */
    bool flag;            /* COUNT: inclusive; EACH: filtered; REDUCE: has_initial; CALL: shared */
    enum error_code code; /* CHECK */
    const char *format, *types;                  /* CHECK, FAIL: as in wk_site */
    const struct typed_annotations *annotations; /* CALL */
    uint32_t targets[2];                         /* JUMP, BRANCH */
    uint32_t first_target_count; /* BRANCH: operands after the condition that go to target 0 */
};

struct ir_block {
    ir_value first_parameter;
    uint32_t parameter_count;
    struct ir_instruction **instructions;
    uint32_t count, capacity;
};

struct ir_function {
    const char *name;  /* unique in the module: "main", "main.each1", "cholesky.2" */
    const char *title; /* the flow's name as written, for scopes and messages */
    bool is_flow;
    struct span span;
    const struct ir_type **value_types; /* by ir_value */
    uint32_t value_count;
    struct ir_block *blocks; /* the first is the entry; its parameters are the function's */
    uint32_t block_count;
    const struct ir_type **results;
    uint32_t result_count;
};

/* A parameter of main, as the command line binds it. Array parameters arrive as pending arrays with
 * all extents known; dimension rules are code at the beginning of main. */
struct ir_entry_parameter {
    const char *name;
    const struct type *type;
    int32_t default_function; /* takes all earlier parameters (leaves), gives the value; or -1 */
    struct span span;
};

enum { IR_MAX_PARAMETERS = 1000 };

/* What passes know of where a program is going to run. It decides which nodes there are, never a
 * result. */
struct ir_target {
    uint32_t parallelism; /* so many tasks may run at once */
    uint64_t task_ns;     /* what a task should cost at least, that its own overhead be small */
    uint64_t task_bytes;  /* what the result of tasks that were put together has at most */
};

/* Of programs that run wherever a bundle goes: a few hundred executors, which cost a millisecond.
 */
extern const struct ir_target ir_target_any;

/* Of programs that threads of this process run. */
struct ir_target ir_target_threads(uint32_t threads);

struct ir_module {
    struct arena *arena;
    struct type_table *types;
    const struct source *source;
    bool is_portable; /* flow code names files by their portable names */
    struct ir_target target;
    struct ir_function **functions;
    uint32_t function_count;
    struct typed_function **kernels; /* tasks as written, and small tasks that lowering made */
    uint32_t kernel_count;
    uint32_t entry; /* main */
    struct ir_entry_parameter *parameters;
    uint32_t parameter_count;
    const struct type *result; /* main's, with its names */
    /* What passes have to say; private to remark.c. */
    struct ir_remark *remarks;
    uint32_t remark_count;
    /* Interned types; private to ir.c. */
    const struct ir_type **type_slots;
    uint32_t type_count;
};

/* Whether a value of the type is one that can be known: a scalar, a str, a file. */
static inline bool ir_can_be_known(const struct type *type)
{
    return type->kind == TYPE_SCALAR || type->kind == TYPE_STRING || type->kind == TYPE_FILE;
}

const char *ir_mnemonic(enum ir_opcode opcode);
bool ir_is_terminator(enum ir_opcode opcode);
const struct ir_type *ir_type_known(struct ir_module *module, const struct type *type);
const struct ir_type *ir_type_pending(struct ir_module *module, const struct type *type,
                                      uint32_t known_extents);
const struct ir_type *ir_type_structured(struct ir_module *module, const struct ir_type *element,
                                         uint8_t rank);

/* Whether a value of type `from` may stand where `to` is asked for: equal, or pending arrays of
 * which `from` knows at least the extents that `to` knows, also as elements of structures. */
bool ir_type_fits(const struct ir_type *from, const struct ir_type *to);

/* Lowers a checked program with an entry. Cannot fail: what it cannot lower is a bug. */
struct ir_module *lower_program(const struct typed_program *program, struct arena *arena);

/* The text form: --emit=flow. */
void ir_print(const struct ir_module *module, struct buffer *out);

/* Reads the text form. Kernels become declarations without bodies (parameter and result types,
 * annotations). NULL with *error filled (place: line and column of the text) when it is not
 * well-formed. */
struct ir_module *ir_parse(const char *text, size_t length, const char *name, struct arena *arena,
                           struct type_table *types, struct error *error);

/* Checks every rule of spec/flow-ir.md: 0, or an error that names the rule, function and
 * instruction. */
int ir_verify(const struct ir_module *module, struct error *error);

/* A pass rewrites a module; the table is in passes.c and lists them in their order. */
struct ir_pass {
    const char *name;        /* as --dump= and --stop-after= name it */
    const char *description; /* one line for `wkc help compile` */
    int level;               /* the lowest -O that runs it */
    void (*run)(struct ir_module *module);
};
extern const struct ir_pass ir_passes[];
extern const uint32_t ir_pass_count;

/* Whether a list of names with commas between has this one. */
bool ir_pass_is_listed(const char *list, const char *name);

struct ir_pass_options {
    int level;              /* -O */
    const char *disabled;   /* passes to leave out: names with commas between; NULL: none */
    bool verify_each;       /* verify before the first pass and after each */
    const char *stop_after; /* the name of the last pass to run; NULL: all */
    /* Called with the name "lower" before the first pass, and after each pass; NULL for none. */
    void (*after_pass)(void *context, const struct ir_module *module, const char *pass,
                       double seconds);
    void *context;
};

/* Runs the passes of the level, in the table's order. 0, or an error: a broken rule (naming the
 * pass), or an unknown name in stop_after or disabled. */
int ir_run_passes(struct ir_module *module, const struct ir_pass_options *options,
                  struct error *error);

/* Encodes a verified module as flow code (runtime/graph/code.h). The bytes are deterministic. */
void encode_module(const struct ir_module *module, struct buffer *out);

#endif
