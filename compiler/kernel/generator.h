/*
 * What the files of the code generator share: its state, the form of values in generated code, and
 * the functions by concern.
 *
 * A task becomes an internal function
 *
 *     { i32 status, leaves of the result } task(ptr context, i32 depth, leaves of the arguments)
 *
 * where a scalar is one leaf of its natural type and an array is its address and its extents. The
 * kernel of the ABI is a wrapper around it (call.c). A failure returns at once with its status;
 * blocks that are held then are freed by the worker.
 *
 * Ownership of arrays. A value is owned (a dense block from wk_alloc that whoever has the value
 * must drop, store or hand on) or borrowed (somebody else keeps it alive: a parameter, a variable,
 * a temporary of the scope). Variables declared by `var` own their arrays alone, so stores need no
 * check. What a scope owns is dropped at its end (scope.c). An owned string is not always a block
 * of its own: wk.h says where it lies, and only functions for strings (text.c) make and free one.
 */
#ifndef WKC_KERNEL_GENERATOR_H
#define WKC_KERNEL_GENERATOR_H

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/TargetMachine.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vector.h"
#include "check/typed.h"
#include "kernel/kernel.h"
#include "value/operation.h"
#include "value/type.h"

/* What is an address of memory that is owned or borrowed, and extents: arrays, strings, and maps,
 * which have none. Whatever is said of arrays below holds for all of them. */
static inline bool type_is_owner(const struct type *type)
{
    return type_is_block(type) || type->kind == TYPE_MAP;
}

/* A value in generated code. Allocated, like its arrays, in the generator's arena. */
struct value {
    const struct type *type;
    LLVMValueRef scalar;   /* SCALAR: of its natural type, bool as i1; ARRAY: address of the data */
    LLVMValueRef *extents; /* ARRAY: i64 each, known not to be negative */
    LLVMValueRef *strides; /* ARRAY: in elements; NULL: dense and row-major */
    bool owned;            /* ARRAY */
    struct value *parts;   /* TUPLE */
    /* ARRAY, as an argument of a call: it has extents alone, and is joined of others (joined.h) */
    const struct joined *joined;
};

/* Where a variable lives: stack slots that the optimizer turns into registers. */
struct slot {
    const struct type *type;
    LLVMValueRef storage;  /* SCALAR, ARRAY (the address) */
    LLVMValueRef *extents; /* ARRAY */
    struct slot *parts;    /* TUPLE */
    bool owned;            /* the variable drops its arrays */
    bool lent;             /* a borrowed view of it was bound to a variable: it must not move */
    struct joined *joined; /* what it stands for instead (joined.h): then it has no storage */
};

/* What a scope drops at its end: a variable's arrays, or a temporary. */
struct keep {
    struct slot *slot; /* or NULL: then */
    struct value value;
};

struct scope {
    struct scope *parent;
    VECTOR(struct keep) keeps;
    LLVMBasicBlockRef on_break, on_continue; /* of a loop's body; else NULL */
    /* The statements being generated, for asking what is still used after the current one. */
    const struct typed_block *block;
    uint32_t at;
    bool is_loop; /* the block runs again */
};

struct generated_function {
    struct typed_function *function;
    LLVMValueRef value;
    LLVMTypeRef type;
    bool leaves_nans; /* arrays of its result may hold NaNs that are not canonical */
    /* By parameter: what form of a joined array it takes in place of an array; or NULL. */
    const struct joined **joined;
};

/* By numbers in generator.functions. */
struct call_edge {
    size_t caller, callee;
};

struct line_table {
    const struct source *source;
    VECTOR(uint32_t) begins;
    LLVMMetadataRef file;
    LLVMValueRef name;
};

struct constant_text {
    const char *text;
    LLVMValueRef value;
};

struct type_helper {
    const struct type *type;
    LLVMValueRef function;
    LLVMTypeRef function_type;
};

struct type_constant {
    const struct type *type;
    LLVMValueRef value;
};

enum { FAIL_VALUES_DIRECT = 4 };

struct generator {
    struct arena arena;
    const struct kernel_options *options;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTargetMachineRef machine;
    LLVMTypeRef i1, i8, i32, i64, f32, f64, pointer, nothing, site;
    unsigned likely_kind;
    LLVMMetadataRef likely;
    VECTOR(struct generated_function) functions; /* declared; defined in this order */
    VECTOR(struct call_edge) calls;
    VECTOR(struct line_table) lines;
    VECTOR(struct constant_text) texts;
    VECTOR(struct type_helper) drops;
    VECTOR(struct type_constant) layouts;
    LLVMValueRef fail_functions[FAIL_VALUES_DIRECT + 1];
    LLVMTypeRef fail_types[FAIL_VALUES_DIRECT + 1];
    VECTOR(LLVMValueRef) used; /* vector forms of maths functions */

    LLVMDIBuilderRef debug; /* NULL: no debug information */
    LLVMMetadataRef debug_unit, debug_scalars[WK_SCALAR_COUNT], debug_expression;

    /* The function being generated. */
    const struct typed_function *function;
    size_t number; /* in `functions` */
    LLVMValueRef routine, worker, depth, stop;
    LLVMTypeRef result_type; /* the struct with the status first */
    LLVMBasicBlockRef entry;
    LLVMMetadataRef debug_scope;
    bool debug_variables; /* the function's are described */
    struct span span;     /* of the current debug location */
    struct slot *slots;   /* by variable */
    struct scope *scope;
    bool returning; /* the value of a return is being generated: no variable is used after it */
};

/* ---- type.c: types, and values as flat lists ---------------------------------------------- */

LLVMTypeRef scalar_type(struct generator *g, enum wk_scalar scalar);
LLVMTypeRef scalar_memory_type(struct generator *g, enum wk_scalar scalar);
/* The natural leaves of a type: how many, their types, a value's, and a value from them. */
uint32_t type_native_count(const struct type *type);
uint32_t type_native(struct generator *g, const struct type *type, LLVMTypeRef *out);
uint32_t value_flatten(const struct value *value, LLVMValueRef *out);
struct value value_unflatten(struct generator *g, const struct type *type, LLVMValueRef *leaves,
                             uint32_t *at);
struct value value_scalar(const struct type *type, LLVMValueRef scalar);
/* An array value with room for its extents. */
struct value value_array(struct generator *g, const struct type *type, LLVMValueRef data,
                         LLVMValueRef *extents, bool owned);
struct value value_unit(const struct type *type);
/* Words of the ABI (wk.h): a value at consecutive words, and one scalar. */
struct value value_load_words(struct generator *g, const struct type *type, LLVMValueRef words,
                              uint32_t at);
void value_store_words(struct generator *g, const struct value *value, LLVMValueRef words,
                       uint32_t at);
LLVMValueRef scalar_to_word(struct generator *g, enum wk_scalar scalar, LLVMValueRef value);
LLVMValueRef word_to_scalar(struct generator *g, enum wk_scalar scalar, LLVMValueRef word);
/* An array's element at an address. Loaded arrays are borrowed. */
struct value element_load(struct generator *g, const struct type *element, LLVMValueRef address);
void element_store(struct generator *g, const struct value *value, LLVMValueRef address);
/* Of a scalar, leaving NaNs as they are: the arrays of the function's result are made canonical by
 * its kernel then (g->functions.items[g->number].leaves_nans). */
void element_store_raw(struct generator *g, const struct value *value, LLVMValueRef address);
/* The address of element `offset` (in elements). */
LLVMValueRef element_address(struct generator *g, const struct type *element, LLVMValueRef data,
                             LLVMValueRef offset);
LLVMValueRef constant_i64(struct generator *g, int64_t value);
LLVMValueRef constant_scalar(struct generator *g, enum wk_scalar scalar, uint64_t word);

/* Adds an attribute to a function, its result (0) or a parameter (1 + its number). */
enum { FUNCTION_INDEX = 0x7fffffff };
void attribute_add(struct generator *g, LLVMValueRef function, unsigned index, const char *name,
                   uint64_t value);

/* ---- scope.c: who drops what -------------------------------------------------------------- */

void scope_open(struct generator *g, struct scope *scope);
/* Emits the drops (unless the block has ended) and goes back to the parent. */
void scope_close(struct generator *g, struct scope *scope);
/* Leaves what the scope keeps to its parent instead. */
void scope_merge(struct generator *g, struct scope *scope);
/* Emits the drops of all scopes inside `outermost` (NULL: the function) and of itself, without
 * closing them. */
void scope_unwind(struct generator *g, const struct scope *outermost);
/* The scope drops the value if it is owned; the result is borrowed. */
struct value scope_keep(struct generator *g, struct value value);
void scope_keep_slot(struct generator *g, struct slot *slot);

struct slot slot_make(struct generator *g, const struct type *type, const char *name);
struct value slot_load(struct generator *g, const struct slot *slot);
void slot_store(struct generator *g, const struct slot *slot, const struct value *value);
void slot_drop(struct generator *g, const struct slot *slot);
void slot_set_owned(struct slot *slot, bool owned);
/* Takes the value out of a slot that owns it. */
struct value slot_take(struct generator *g, const struct slot *slot);

/* An owned value with the same contents: itself if it is owned already. */
struct value value_own(struct generator *g, struct value value);
/* Dense, possibly borrowed (kept by the scope when it had to be copied). */
struct value value_dense(struct generator *g, struct value value);
struct value value_borrow(struct generator *g, struct value value);
void value_drop(struct generator *g, const struct value *value);
bool value_has_array(const struct value *value, bool owned);
bool type_has_array(const struct type *type);

/* ---- uses.c: what is read and written where ----------------------------------------------- */

bool typed_mentions(const struct typed *typed, const struct variable *variable);
/* Whether an index on the path of an assignment does. */
bool path_mentions(const struct typed_statement *s, const struct variable *variable);
bool block_mentions(const struct typed_block *block, uint32_t from,
                    const struct variable *variable);
bool block_assigns(const struct typed_block *block, uint32_t from, const struct variable *variable);
/* Whether a loop with this body is worth a poll of the stop flag: it contains loops or calls. */
bool block_is_long(const struct typed_block *block);
bool typed_is_long(const struct typed *typed);
/* Whether an expression takes longer than the memory that its result needs: it divides, calls a
 * mathematical function, looks up what another look-up gave, or has many operations. */
bool typed_is_dear(const struct typed *typed);
/* Whether it indexes an array, which may need checks of bounds. */
bool typed_indexes(const struct typed *typed);
/* Whether it indexes by a difference: then a loop in strips costs its checks of bounds. */
bool typed_goes_backward(const struct typed *typed);
/* Whether a loop over a range can turn longer than memory is large: its bounds are no small
 * constants and no extents, and no array is surely indexed by its variable. */
bool range_is_unbounded(const struct typed_iterator *iterator, const struct typed_block *body);
/* Whether the variable may be used after the current statement. */
bool variable_is_live(const struct generator *g, const struct variable *variable);
/* Whether nothing that a view looks at is written by the statements of a block from one on. */
bool view_survives(const struct typed *typed, const struct typed_block *block, uint32_t from);
/* Whether a view that an expression gives stays the same until the end of the innermost block:
 * nothing that it looks at is written before. Then view_lend notes that those variables must not
 * move. */
bool view_is_stable(const struct generator *g, const struct typed *typed);
void view_lend(struct generator *g, const struct typed *typed);

/* ---- check.c: run-time checks ------------------------------------------------------------- */

struct fail_values {
    const char *types; /* as in wk_site */
    uint32_t count;
    LLVMValueRef words[8];
};
struct fail_values fail_none(void);
struct fail_values fail_i64(struct generator *g, uint32_t count, ...);
void check(struct generator *g, LLVMValueRef condition, enum error_code code, struct span span,
           const char *format, struct fail_values values);
/* Fails always; what follows is unreachable. */
void fail_always(struct generator *g, enum error_code code, struct span span, const char *format,
                 const char *types, const LLVMValueRef *words, uint32_t count);
void log_line(struct generator *g, struct span span, const char *format, const char *types,
              const LLVMValueRef *words, uint32_t count);
/* Says in the failure that is recorded which call it was of: a note with a place. */
void note_failure(struct generator *g, struct span span, const char *format, const char *types,
                  const LLVMValueRef *words, uint32_t count);
/* Returns from the function with a status that is not 0. */
void check_status(struct generator *g, LLVMValueRef status);
void check_extents_agree(struct generator *g, const LLVMValueRef *left, const LLVMValueRef *right,
                         uint32_t rank, struct span span);
void check_stop(struct generator *g);
void branch_likely(struct generator *g, LLVMValueRef condition, LLVMBasicBlockRef likely,
                   LLVMBasicBlockRef unlikely);
struct place generator_place(struct generator *g, struct span span);
struct line_table *generator_lines(struct generator *g, const struct source *source);
/* A site without a message, for runtime functions that fail with their own. */
LLVMValueRef place_constant(struct generator *g, struct span span);
/* A declared function of the runtime, which reads and writes its own memory and what its arguments
 * point to. `allocates`: it gives a new block. */
LLVMValueRef runtime_function(struct generator *g, const char *name, LLVMTypeRef type,
                              bool allocates);
LLVMValueRef constant_text_value(struct generator *g, const char *text);
/* A constant of the module with a value; a constant struct wk_site. */
LLVMValueRef private_constant(struct generator *g, LLVMValueRef value, const char *name);
LLVMValueRef site_constant(struct generator *g, enum error_code code, struct span span,
                           const char *format, const char *types);
/* The address of bytes that are part of the object. */
LLVMValueRef constant_bytes_value(struct generator *g, const char *bytes, uint64_t length);

/* ---- operation.c: scalars; operands may also be vectors where operation_has_vector -------- */

LLVMValueRef operation_emit(struct generator *g, enum operation operation, enum wk_scalar scalar,
                            LLVMValueRef *operands, struct span span);
bool operation_has_vector(enum operation operation, enum wk_scalar scalar);
LLVMValueRef convert_emit(struct generator *g, enum wk_scalar from, enum wk_scalar to,
                          LLVMValueRef operand, struct span span);
bool convert_has_vector(enum wk_scalar from, enum wk_scalar to);
LLVMValueRef canonical(struct generator *g, enum wk_scalar scalar, LLVMValueRef value);
/* Tells LLVM what it does not see; it becomes no code. */
void assume(struct generator *g, LLVMValueRef condition);
LLVMValueRef intrinsic(struct generator *g, const char *name, LLVMTypeRef type,
                       LLVMValueRef *operands, uint32_t count);
/* The letter of a scalar in the types of a site. */
char operation_site_type(enum wk_scalar scalar);
/* maths.c; whether an operation is a call of a mathematical function */
bool operation_is_maths(enum operation operation);
LLVMValueRef maths_emit(struct generator *g, enum operation operation, enum wk_scalar scalar,
                        LLVMValueRef *operands);

/* ---- loop.c ------------------------------------------------------------------------------- */

/* for (index = low; index < high; index++) in canonical form; signed. */
struct loop {
    LLVMBasicBlockRef header, latch, exit;
    LLVMValueRef index;
    LLVMValueRef last; /* of an inclusive loop; else NULL */
    /* Of a stepped loop; else NULL: the step, whether it is positive, and before what an index
     * must lie for another turn to follow its own; the end is `high`. */
    LLVMValueRef step, up, limit;
    LLVMValueRef low;
    bool inclusive; /* its end is a turn, too */
    /* Of a loop in strips; else NULL: the head of the loop over them, and where each ends. */
    LLVMBasicBlockRef strip, strip_exit;
    LLVMValueRef strip_begin, strip_end, high;
};
void loop_open(struct generator *g, struct loop *loop, LLVMValueRef low, LLVMValueRef high);
/* The same in strips of many turns, with a poll of the stop flag between them: for loops that may
 * turn long without any other, and that the optimizer shall make vectors of all the same. */
void loop_open_strips(struct generator *g, struct loop *loop, LLVMValueRef low, LLVMValueRef high);
/* index <= last, which may be the largest integer. */
void loop_open_inclusive(struct generator *g, struct loop *loop, LLVMValueRef low,
                         LLVMValueRef last);
void loop_open_inclusive_strips(struct generator *g, struct loop *loop, LLVMValueRef low,
                                LLVMValueRef last);
void loop_close(struct generator *g, struct loop *loop);

/* index from low to high by a step that is not 0, without division and without wrapping. */
void loop_open_stepped(struct generator *g, struct loop *loop, LLVMValueRef low, LLVMValueRef high,
                       LLVMValueRef step, bool inclusive);

/* Loops over all positions of an array, row-major. */
struct position {
    LLVMValueRef indexes[WK_MAX_RANK]; /* NULL in a flat loop of rank 2 and more */
    LLVMValueRef flat;                 /* the row-major number */
};
struct nest {
    struct loop loops[WK_MAX_RANK];
    uint32_t depth;
    struct position at;
    struct segments *segments; /* of a source that is joined, around the loop; else NULL */
};
/* Where a nest looks at the stop flag: between strips of rows of about 65,536 elements, or of one
 * row; in long rows, too, where the optimizer no longer sees all that bounds their indexes. */
enum polls { POLLS_NONE, POLLS_OF_ROWS, POLLS_IN_ROWS };
void nest_open(struct generator *g, struct nest *nest, const LLVMValueRef *extents, uint32_t rank,
               bool flat, enum polls polls);
void nest_close(struct generator *g, struct nest *nest);

/* The values of an iterator, by their number. */
struct iteration {
    const struct typed_iterator *iterator;
    LLVMValueRef low, high; /* of a range, as written */
    LLVMValueRef step;      /* NULL: 1 */
    LLVMValueRef count;     /* how many turns: by iteration_count */
    struct value subject;   /* an array gone over: its extents alone, if it is */
    struct lazy *joined;    /* joined of others; else NULL */
    struct lazy *source;    /* or one that need not exist; else NULL */
};
/* Evaluates the iterator's bounds or subject, which the scope keeps. `in_order`: values are asked
 * for in the order of their numbers, each once source_seek was called on iteration_joined. */
struct iteration iteration_open(struct generator *g, const struct typed_iterator *iterator,
                                bool in_order);
/* So does this, in order, but elements of a subject that cannot fail are made turn by turn: for
 * iterators that are gone over once. */
struct iteration iteration_open_once(struct generator *g, const struct typed_iterator *iterator);
/* What it goes over, if anything in it is joined; else NULL. */
struct lazy *iteration_joined(const struct iteration *iteration);
/* Computes how many turns there are; a range longer than any array fails. */
void iteration_count(struct generator *g, struct iteration *it);
struct value iteration_value(struct generator *g, const struct iteration *iteration,
                             LLVMValueRef number);

LLVMBasicBlockRef block_new(struct generator *g, const char *name);
void block_enter(struct generator *g, LLVMBasicBlockRef block);
void block_jump(struct generator *g, LLVMBasicBlockRef block); /* unless the block has ended */
bool block_has_ended(struct generator *g);
LLVMValueRef entry_alloca(struct generator *g, LLVMTypeRef type, const char *name);

/* ---- array.c ------------------------------------------------------------------------------ */

/* Products and sums of extents and indexes, which cannot overflow. */
LLVMValueRef index_multiply(struct generator *g, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef index_add(struct generator *g, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef extents_product(struct generator *g, const LLVMValueRef *extents, uint32_t rank);
/* A fresh block for an array of these extents (checked not to overflow). */
struct value array_new(struct generator *g, const struct type *type, const LLVMValueRef *extents,
                       struct span span);
/* Fails if the bytes of such an array do not fit 63 bits. */
void array_check_size(struct generator *g, const struct type *type, const LLVMValueRef *extents,
                      struct span span);
/* Copies all elements of a dense array to an address. */
void array_copy(struct generator *g, const struct value *array, LLVMValueRef to);
LLVMValueRef block_new_bytes(struct generator *g, LLVMValueRef bytes);
void block_free(struct generator *g, LLVMValueRef data);
/* Returns from the function with the recorded failure if the address of new memory is NULL. */
void check_allocated(struct generator *g, LLVMValueRef data);
LLVMValueRef array_bytes(struct generator *g, const struct value *array);
/* The offset of a position, through strides if there are any. */
LLVMValueRef array_offset(struct generator *g, const struct value *array,
                          const struct position *position);
/* The element or slice, of type `type`, that base[indexes] denotes; borrowed. */
/* A checked index or range of the one dimension of an array of this extent: its begin and how many
 * elements it has. */
void array_range(struct generator *g, const struct typed_index *index, LLVMValueRef extent,
                 LLVMValueRef *low, LLVMValueRef *count);
struct value array_index(struct generator *g, const struct value *base,
                         const struct typed_index *indexes, const struct type *type);
/* The address of base[indexes], none of which is a range. */
LLVMValueRef array_place(struct generator *g, const struct value *base,
                         const struct typed_index *indexes);
void copy_memory(struct generator *g, LLVMValueRef to, LLVMValueRef from, LLVMValueRef bytes);
void zero_memory(struct generator *g, LLVMValueRef to, LLVMValueRef bytes);
void check_not_negative(struct generator *g, LLVMValueRef extent, struct span span);
LLVMValueRef value_equal(struct generator *g, const struct value *left, const struct value *right);

/* ---- source.c: array expressions, element by element -------------------------------------- */

enum source_kind {
    SOURCE_SCALAR, /* the same scalar everywhere */
    SOURCE_VIEW,
    SOURCE_OPERATION,
    SOURCE_CONVERT,
    SOURCE_COMPREHENSION,
    SOURCE_JOINED, /* an array that is joined of others (joined.h) */
};

/* An array that need not exist: its extents are computed and its leaves evaluated, its elements are
 * made where they are wanted. Chains of elementwise operations become one loop in this way. */
struct lazy {
    enum source_kind kind;
    const struct type *element;
    uint32_t rank;
    LLVMValueRef *extents;
    struct value view;
    const struct typed *node;
    struct lazy *operands[3];
    struct iteration *iterations;
    const struct joined *joined;
    struct cursor *cursor;
};
/* What is joined in it is not copied if the elements have row-major numbers: then they can be asked
 * for in that order alone, in a loop of source_nest_open or each behind source_seek. */
struct lazy *source_open(struct generator *g, const struct typed *typed);
/* Puts copies in the places of what is joined: then elements can be asked for in any order. */
void source_copy_joined(struct generator *g, struct lazy *source);
/* The elements of a joined array, or its rows. */
struct lazy *source_of_joined(struct generator *g, const struct joined *joined, bool by_rows);
/* Whether anything in it is joined of other arrays. */
bool source_is_joined(const struct lazy *source);
/* Goes to the element of this number, which is not before the last one that was gone to. Elements
 * from there to before the result's number can be asked for then; NULL: all. */
LLVMValueRef source_seek(struct generator *g, const struct lazy *source, LLVMValueRef number);
/* A loop over the segments of a source that is joined, of `count` elements: in each, those from
 * `begin` to before `end` can be asked for. */
struct segments {
    LLVMBasicBlockRef head, exit;
    LLVMValueRef begin, end;
};
void segments_open(struct generator *g, struct segments *segments, const struct lazy *source,
                   LLVMValueRef count);
void segments_close(struct generator *g, const struct segments *segments);
/* As nest_open, over the elements of a source; nest_close closes it. */
void source_nest_open(struct generator *g, struct nest *nest, const struct lazy *source, bool flat,
                      enum polls polls);
struct lazy *source_of_value(struct generator *g, struct value array);
/* Elements in memory, one behind the other: found by their numbers, without an extent. */
struct lazy *source_of_elements(struct generator *g, const struct type *element, LLVMValueRef data);
/* The element at a position; array elements of comprehensions are owned. */
struct value source_element(struct generator *g, const struct lazy *source,
                            const struct position *at);
/* Whether making elements of an expression cannot fail, once it is open, and has no loops: they may
 * be made one by one between other work. An array of rank 1 that is no variable or view. */
bool source_is_plain(const struct typed *typed);
/* Whether elements can be found from their row-major number alone. */
bool source_is_flat(const struct lazy *source);
/* Whether source_vector works: eight elements at once. */
bool source_has_vector(const struct lazy *source);
LLVMValueRef source_vector(struct generator *g, const struct lazy *source, LLVMValueRef flat);
/* Computes all elements into a new array. */
struct value source_materialize(struct generator *g, const struct lazy *source,
                                const struct type *type, struct span span);
/* Computes all elements into an array or slice of the same extents. Unless it is fresh, arrays that
 * were its elements are dropped. Nothing in the source may overlap it. */
void source_write(struct generator *g, const struct lazy *source, const struct value *target,
                  bool fresh);
/* A comprehension with a filter: grows. */
struct value comprehension_filtered(struct generator *g, const struct typed *typed);

/* ---- expression.c, call.c, builtin.c, arrange.c, reduce.c, statement.c
 * ------------------------------- */

struct value expression(struct generator *g, const struct typed *typed);
/* Of a scalar type. */
LLVMValueRef expression_scalar(struct generator *g, const struct typed *typed);
/* An extent of an array, without the array where it is joined of others. */
LLVMValueRef array_extent(struct generator *g, const struct typed *typed, uint32_t dimension);
/* An owned value: moved out of a variable that is not used any more, copied if it is borrowed. */
struct value expression_take(struct generator *g, const struct typed *typed);
/* A value the scope keeps if it is temporary; arrays dense. */
struct value expression_borrow(struct generator *g, const struct typed *typed);

LLVMValueRef function_declare(struct generator *g, struct typed_function *function,
                              LLVMTypeRef *type);
void function_define(struct generator *g, size_t number);
/* Once all functions are defined. */
void functions_spread_nans(struct generator *g);
void kernel_define(struct generator *g, struct typed_function *function);
/* Calls with borrowed dense arguments; arrays of the result are owned. */
struct value call_function(struct generator *g, struct typed_function *callee,
                           const struct value *arguments, struct span span);
/* As call_function, of a task that a pass made part of this one: a failure is described as its. */
struct value call_member(struct generator *g, struct typed_function *callee,
                         const struct value *arguments, struct span span);
/* As call_function, without the callee's fallback. */
struct value call_bare(struct generator *g, struct typed_function *callee,
                       const struct value *arguments, struct span span);
/* Marks all arrays of a value as owned. */
struct value value_mark_owned(struct value value);
void return_value(struct generator *g, struct value value, struct span span);

/* The body of a task that is written in C (foreign.c). */
void foreign_define(struct generator *g);

/* Notes a call in the failure that its status says there is (member.c). */
void member_describe(struct generator *g, const struct typed_function *callee,
                     const struct value *arguments, LLVMValueRef status, struct span span);

struct value builtin(struct generator *g, const struct typed *typed);

/* ---- file.c ------------------------------------------------------------------------------- */

/* Whether an expression is read(f): what is sliced and measured without reading the whole. */
bool is_file_contents(const struct typed *typed);
struct value file_contents(struct generator *g, const struct typed *typed);
/* An index or slice of a file's contents. */
struct value file_piece(struct generator *g, const struct typed *typed);
LLVMValueRef file_size(struct generator *g, const struct typed *contents);
struct value reduce_tree(struct generator *g, const struct typed *typed);
struct value reduce_sum(struct generator *g, const struct typed *typed);
struct value reduce_extreme(struct generator *g, const struct typed *typed,
                            enum operation operation);
struct value reduce_scan(struct generator *g, const struct typed *typed);
/* any, all, count. */
struct value reduce_truths(struct generator *g, const struct typed *typed);
/* argmin, argmax. */
struct value reduce_extreme_index(struct generator *g, const struct typed *typed,
                                  enum operation operation);
struct value arrange_reverse(struct generator *g, const struct typed *typed);
/* zip, enumerate. */
struct value arrange_zip(struct generator *g, const struct typed *typed);
struct value arrange_sort(struct generator *g, const struct typed *typed);
struct value arrange_order(struct generator *g, const struct typed *typed);
struct value matmul(struct generator *g, const struct typed *typed);
void statements(struct generator *g, const struct typed_block *block);
/* assign.c */
void assign_statement(struct generator *g, const struct typed_statement *s);

/* ---- layout.c, map.c ---------------------------------------------------------------------- */

/* The address of the type's struct wk_layout (wk.h), a constant. */
LLVMValueRef layout_constant(struct generator *g, const struct type *type);

/* Frees an owned map; copies, compares. */
void map_drop(struct generator *g, const struct value *map);
struct value map_own(struct generator *g, struct value map);
LLVMValueRef map_equal(struct generator *g, const struct value *left, const struct value *right);
struct value map_builtin(struct generator *g, const struct typed *typed);
/* The value's place, in words, in the map at an address: of a new entry, or of one that must be
 * there. */
LLVMValueRef map_place(struct generator *g, const struct type *type, LLVMValueRef map,
                       const struct typed *key, bool insert);
/* Says which keys, strings that begin elements of `width` words, will be searched: `left` from the
 * one at an address on. `map` is the address of where the map's is. */
void map_search_ahead(struct generator *g, LLVMValueRef map, LLVMValueRef keys, uint32_t width,
                      LLVMValueRef left);
/* m = remove(m, k), in place. */
void map_remove(struct generator *g, const struct type *type, LLVMValueRef map,
                const struct typed *key);

/* ---- text.c: strings ---------------------------------------------------------------------- */

struct value text_literal(struct generator *g, const struct typed *typed);
/* An owned string of the same bytes; freeing the bytes of an owned string, and those of the strings
 * in an array. */
struct value text_own(struct generator *g, const struct value *text);
void text_free(struct generator *g, LLVMValueRef bytes);
void texts_free(struct generator *g, LLVMValueRef texts, LLVMValueRef count);
/* s + t + ..., str(x), bytes(s), and the order of two strings. */
struct value text_concat(struct generator *g, const struct typed *typed);
struct value text_print(struct generator *g, const struct typed *typed);
struct value text_bytes(struct generator *g, const struct typed *typed);
struct value text_compare(struct generator *g, const struct typed *typed);
LLVMValueRef text_equal(struct generator *g, const struct value *left, const struct value *right);
/* base[lo..hi]: a view. */
struct value text_slice(struct generator *g, const struct value *base,
                        const struct typed_index *index);
/* The pieces of a sum of strings from the `from`-th on, evaluated; of any other string itself. */
struct text_pieces {
    struct value *items;
    uint32_t count;
    LLVMValueRef length; /* of all */
};
struct text_pieces text_pieces(struct generator *g, const struct typed *typed, uint32_t from);
/* Copies them one after the other to an address. */
void text_pieces_write(struct generator *g, const struct text_pieces *pieces, LLVMValueRef to);

/* ---- debug.c ------------------------------------------------------------------------------ */

void debug_open(struct generator *g, const struct source *source);
void debug_close(struct generator *g);
void debug_function(struct generator *g, const struct typed_function *function, LLVMValueRef value);
void debug_at(struct generator *g, struct span span);
void debug_variable(struct generator *g, const struct variable *variable, const struct slot *slot,
                    uint32_t parameter);

/* ---- emit.c ------------------------------------------------------------------------------- */

/* Makes the target machine; the module's triple and layout are set by emit_prepare. */
const char *emit_prepare(struct generator *g);
/* Runs the passes and appends the output; NULL or what went wrong. */
const char *emit_output(struct generator *g, enum kernel_output form, struct buffer *output);

#endif
