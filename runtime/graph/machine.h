/*
 * The elaborator's state: private to elaborate*.c.
 *
 * elaborate.c interprets; elaborate_values.c does the instructions on structures,
 * elaborate_nodes.c those that add to the DAG, elaborate_loops.c comprehensions and reductions.
 * Calls of functions do not use the C stack: frames, and the state of each comprehension and
 * reduction that is under way, are stacks of their own.
 */
#ifndef WKC_GRAPH_MACHINE_H
#define WKC_GRAPH_MACHINE_H

#include "graph/builder.h"
#include "graph/loaded.h"
#include "graph/structure.h"
#include "graph/text.h"

struct frame {
    const struct flow_function *function;
    const uint32_t *pc; /* while a callee runs: the instruction that called it */
    size_t base;        /* its registers in machine.registers */
    uint32_t scope;
};

/* A comprehension or reduction under way, of the frame that is `frames.items[frame]`. */
struct loop {
    size_t frame;
    size_t first_slot; /* its own words in machine.slots */
    uint64_t done;     /* EACH: calls made; REDUCE: the next element of the level */
    uint64_t total;    /* EACH: calls to make; REDUCE: elements of the level */
    uint64_t kept;     /* EACH: elements so far; REDUCE: results of the level so far */
    uint64_t group;    /* REDUCE: elements folded together on this level */
    uint64_t left;     /* REDUCE: of the current group */
    bool on_elements;  /* REDUCE: the level reads the structures, not the results of the last */
};

/* A loop that runs in frame `frame`: instructions from `begin` to `end` of its function. */
struct running_loop {
    const struct flow_function *function; /* NULL: none */
    size_t frame;
    uint32_t begin, end;
    uint32_t site;
};

struct call_cache { /* what all nodes of one call share */
    bool is_ready;
    uint32_t pattern;
    uint32_t site;
    uint32_t misses; /* of dag_find_shared */
};

struct result_cache { /* of one result of a call: the last view */
    bool is_ready;
    uint32_t view;
    int64_t extents[WK_MAX_RANK];
};

/* The nodes that join arrays, in their order; elaborate_joins.c. */
struct joins {
    struct join *items;
    size_t count, capacity;
    struct join_kernel *kernels; /* by kernel */
};

struct machine {
    const struct flow_code *code;
    struct dag_builder *builder;
    struct error *error;
    const _Atomic(uint32_t) *stop;
    uint64_t max_tasks, max_steps;
    uint64_t steps;              /* at the last poll */
    uint64_t period;             /* instructions between that and the next */
    uint64_t countdown;          /* instructions until the next poll */
    struct running_loop suspect; /* the innermost loop that was never left lately */
    struct structure_heap heap;
    struct text_table texts;
    VECTOR(uint64_t) registers;
    VECTOR(struct frame) frames;
    VECTOR(struct loop) loops;
    VECTOR(uint64_t) slots;
    uint64_t *results; /* of the function that returned last; structures are owned */
    VECTOR(dag_ref) effects;
    struct joins joins;
    uint32_t *sites;          /* by site: the DAG's, or NO_SITE */
    uint32_t *function_names; /* by function: the DAG's string */
    struct call_cache *calls;
    struct dag_shared *shared; /* by kernel: the nodes that shared calls made */
    struct result_cache *call_results;
    uint32_t scalar_views[WK_SCALAR_COUNT], unit_view; /* of part 0 */
    uint32_t whole;                                    /* the view whose elements were last asked */
    VECTOR(uint32_t) element_views;                    /* for: of each; empty: none was */
    const struct flow_file *files;                     /* of the job, by number */
    uint32_t file_count;
    dag_ref *file_inputs; /* by file: its contents, or 0 where nothing reads them */
};

#define NO_SITE 0xFFFFFFFFu

static inline uint32_t operand_register(uint32_t operand)
{
    return operand & FLOW_REGISTER;
}
static inline int64_t operand_int(const uint64_t *registers, uint32_t operand)
{
    return (int64_t)registers[operand & FLOW_REGISTER];
}
/* The structure in a register, which keeps it. */
static inline struct structure *operand_borrow(const uint64_t *registers, uint32_t operand)
{
    return structure_at(registers[operand & FLOW_REGISTER]);
}
/* Ends a structure's life in a register if this was its last use. */
static inline void operand_done(struct machine *m, uint64_t *registers, uint32_t operand)
{
    if (operand & FLOW_LAST) {
        structure_release(&m->heap, operand_borrow(registers, operand));
        registers[operand & FLOW_REGISTER] = 0;
    }
}
/* A reference of one's own to the structure: the register's if this is its last use. */
static inline struct structure *operand_take(uint64_t *registers, uint32_t operand)
{
    struct structure *structure = operand_borrow(registers, operand);
    if (operand & FLOW_LAST)
        registers[operand & FLOW_REGISTER] = 0;
    else
        structure_retain(structure);
    return structure;
}
/* Any value; a structure as operand_take gives it. */
static inline uint64_t operand_value(const struct flow_function *function, uint64_t *registers,
                                     uint32_t operand)
{
    uint32_t index = operand & FLOW_REGISTER;
    uint64_t word = registers[index];
    if (index >= function->word_registers)
        operand_take(registers, operand);
    return word;
}
static inline void register_set_structure(struct machine *m, uint64_t *registers, uint32_t index,
                                          struct structure *structure)
{
    structure_release(&m->heap, structure_at(registers[index]));
    registers[index] = structure_word(structure);
}
/* Any value, taking over a structure's reference. */
static inline void register_set(struct machine *m, const struct flow_function *function,
                                uint64_t *registers, uint32_t index, uint64_t word)
{
    if (index >= function->word_registers)
        structure_release(&m->heap, structure_at(registers[index]));
    registers[index] = word;
}

static inline struct frame *top_frame(struct machine *m)
{
    return &m->frames.items[m->frames.count - 1];
}
static inline uint64_t *frame_registers(struct machine *m, const struct frame *frame)
{
    return m->registers.items + frame->base;
}

/* ---- elaborate.c ------------------------------------------------------------------------------
 */

/* Pushes a frame for a function whose parameters are then set with frame_set_parameter. `site` is
 * that of the call. ERR_flow_recursion when frames are too many. */
int machine_enter(struct machine *m, uint32_t function, uint32_t site);
/* Parameter `index` of the top frame; takes over a structure's reference. */
void machine_set_parameter(struct machine *m, uint32_t index, uint64_t word);
struct place machine_place(const struct machine *m, uint32_t site);
uint32_t machine_site(struct machine *m, uint32_t site); /* the DAG's number */
/* A limit is reached: fills the error with the innermost loop or the recursive flow that runs. */
int machine_limit(struct machine *m, enum error_code code, const char *what);

/* ---- elaborate_values.c: instructions of one result; `pc` is the instruction's first word.
 * -------- */

int execute_structure(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_fill(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_count(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_range(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_get(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_set(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_slice(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_set_slice(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_concat(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_concat_all(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_flatten(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_transpose(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_find(struct machine *m, const uint32_t *pc, uint64_t *r);
/* CHECK and FAIL: their message. */
int execute_message(struct machine *m, enum error_code code, const uint32_t *message,
                    const uint32_t *operands, const uint64_t *r);

/* ---- elaborate_text.c -------------------------------------------------------------------------
 */

int execute_text_concat(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_text_compare(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_text_slice(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_text_print(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_text_length(struct machine *m, const uint32_t *pc, uint64_t *r);

/* ---- elaborate_nodes.c ------------------------------------------------------------------------
 */

int execute_extent(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_view(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_elements(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_tiles(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_lift(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_contents(struct machine *m, const uint32_t *pc, uint64_t *r);
int execute_call(struct machine *m, const uint32_t *pc, uint64_t *r, bool is_shared);
/* The tasks, and the views that all share. */
void nodes_begin(struct machine *m);
/* An input of the job, a leaf of main's parameters: the reference to the whole. */
dag_ref nodes_add_input(struct machine *m, uint32_t leaf, const int64_t *extents);
/* The files that a file[_] parameter is bound to, as a structure. */
int nodes_add_files(struct machine *m, const struct flow_argument *argument, uint64_t *word);
/* The sink, from main's results in m->results. */
int nodes_add_sink(struct machine *m);
/* What a selection of a pending array shows: a view of a view is a view of the source, and one of
 * all of it is none. */
dag_ref nodes_select(struct machine *m, dag_ref ref, const struct selection *selection);

/* ---- elaborate_joins.c ------------------------------------------------------------------------
 */

void joins_begin(struct machine *m);
void joins_end(struct machine *m);
/* A node was added: it is remembered if it joins arrays. */
void joins_note(struct machine *m, uint32_t node);
/* Of a slice of an array that is joined from others: the slice of the array that it lies in, or of
 * a join of what it needs. Others stay as they are. 0 or a limit's error. */
int joins_see_through(struct machine *m, dag_ref *ref);

/* ---- elaborate_loops.c ------------------------------------------------------------------------
 */

/* Begins an EACH or REDUCE of the top frame, and enters the first call if there is one. */
int each_begin(struct machine *m, const uint32_t *pc, uint64_t *r);
int reduce_begin(struct machine *m, const uint32_t *pc, uint64_t *r);
/* The callee of the top loop has returned: goes on with the next call, or ends the loop. */
int each_next(struct machine *m);
int reduce_next(struct machine *m);

#endif
