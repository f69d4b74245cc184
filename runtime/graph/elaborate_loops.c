/*
 * Elaboration: comprehensions and reductions. Layouts are in code.def.
 *
 * Both call a function again and again without the C stack: the loop's state is on a stack of its
 * own, and the interpreter calls each_next or reduce_next when the callee has returned (its values
 * are in machine.results). Captures stay in the registers of the frame that loops.
 */
#include <inttypes.h>
#include <string.h>

#include "graph/machine.h"

enum { SITE = 1, FUNCTION = 2 };

static struct loop *top_loop(struct machine *m)
{
    return &m->loops.items[m->loops.count - 1];
}

static uint64_t *loop_slots(struct machine *m)
{
    return m->slots.items + top_loop(m)->first_slot;
}

static void push_loop(struct machine *m, uint32_t slots)
{
    vector_push(&m->loops,
                (struct loop){.frame = m->frames.count - 1, .first_slot = m->slots.count});
    vector_reserve(&m->slots, slots);
    memset(m->slots.items + m->slots.count, 0, slots * sizeof *m->slots.items);
    m->slots.count += slots;
}

static void pop_loop(struct machine *m)
{
    m->slots.count = vector_pop(&m->loops).first_slot;
}

static bool is_structure(const struct machine *m, uint32_t type)
{
    return m->code->types[type].kind == FLOW_STRUCTURED;
}

/* Gives the top frame's function its captures, from the frame that loops, which keeps them. */
static void pass_captures(struct machine *m, const uint32_t *operands, uint32_t first,
                          uint32_t count)
{
    const struct frame *caller = &m->frames.items[m->frames.count - 2];
    uint64_t *r = frame_registers(m, caller);
    for (uint32_t i = 0; i < count; i++)
        machine_set_parameter(m, first + i,
                              operand_value(caller->function, r, operands[i] & ~FLOW_LAST));
}

/* The loop is over: structures whose last use it was end. */
static void finish_operands(struct machine *m, const struct frame *frame, const uint32_t *operands,
                            uint32_t count)
{
    uint64_t *r = frame_registers(m, frame);
    for (uint32_t i = 0; i < count; i++)
        if (operand_register(operands[i]) >= frame->function->word_registers)
            operand_done(m, r, operands[i]);
}

/* ---- Comprehensions ---------------------------------------------------------------------------
 */

/* site, function, filtered, rank, result count, (to, type)..., extents..., captures...
 * The loop's slots: the results' structures, then the next index, then the extents. */
struct each {
    const struct flow_function *callee;
    uint32_t filtered, rank, results;
    const uint32_t *to, *extents, *captures;
    uint32_t capture_count;
};

static struct each each_decode(const struct machine *m, const uint32_t *pc)
{
    struct each each = {.callee = &m->code->functions[pc[FUNCTION]],
                        .filtered = pc[3],
                        .rank = pc[4],
                        .results = pc[5],
                        .to = pc + 6};
    each.extents = each.to + 2 * each.results;
    each.captures = each.extents + each.rank;
    each.capture_count = each.callee->parameter_count - each.rank;
    return each;
}

static int each_finish(struct machine *m, const struct each *each)
{
    struct frame *frame = top_frame(m);
    uint64_t *slots = loop_slots(m), *r = frame_registers(m, frame);
    for (uint32_t i = 0; i < each->results; i++) {
        struct structure *made = structure_at(slots[i]);
        int64_t kept = (int64_t)top_loop(m)->kept;
        if (each->filtered && (uint64_t)kept < made->count) {
            struct selection selection = {.rank = 1, .count = {kept}};
            struct structure *cut;
            int code = structure_slice(&m->heap, made, &selection, &cut, m->error);
            if (code)
                return code;
            /* The slots behind `kept` were never filled. */
            structure_release(&m->heap, made);
            made = cut;
        }
        slots[i] = structure_word(made);
    }
    finish_operands(m, frame, each->captures, each->capture_count);
    for (uint32_t i = 0; i < each->results; i++)
        register_set_structure(m, r, each->to[2 * i], structure_at(slots[i]));
    pop_loop(m);
    frame->pc += frame->pc[0] >> FLOW_OPCODE_BITS;
    return 0;
}

/* Enters the next call, or ends the loop. */
static int each_continue(struct machine *m, const uint32_t *pc, const struct each *each)
{
    if (top_loop(m)->done == top_loop(m)->total)
        return each_finish(m, each);
    int code = machine_enter(m, pc[FUNCTION], pc[SITE]);
    if (code)
        return code;
    uint64_t *index = loop_slots(m) + each->results, *extents = index + each->rank;
    for (uint32_t d = 0; d < each->rank; d++)
        machine_set_parameter(m, d, index[d]);
    for (uint32_t d = each->rank; d-- > 0;) {
        if (++index[d] < extents[d])
            break;
        index[d] = 0;
    }
    pass_captures(m, each->captures, each->rank, each->capture_count);
    return 0;
}

int each_begin(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct each each = each_decode(m, pc);
    int64_t extents[WK_MAX_RANK];
    top_frame(m)->pc = pc;
    push_loop(m, each.results + 2 * each.rank);
    uint64_t *slots = loop_slots(m), total = 1;
    for (uint32_t d = 0; d < each.rank; d++) {
        extents[d] = operand_int(r, each.extents[d]);
        extents[d] = extents[d] < 0 ? 0 : extents[d];
        slots[each.results + each.rank + d] = (uint64_t)extents[d];
        if (__builtin_mul_overflow(total, (uint64_t)extents[d], &total))
            total = UINT64_MAX;
    }
    for (uint32_t d = 0; d < each.rank; d++)
        total = extents[d] ? total : 0;
    top_loop(m)->total = total;
    for (uint32_t i = 0; i < each.results; i++) {
        const struct flow_type *type = &m->code->types[each.to[2 * i + 1]];
        struct structure *made;
        int code = structure_new(&m->heap, each.rank, extents, is_structure(m, type->element),
                                 &made, m->error);
        if (code)
            return code;
        slots[i] = structure_word(made);
    }
    return each_continue(m, pc, &each);
}

/* Results that a filter drops are released; the others become the next elements. */
static void each_store(struct machine *m, const struct each *each)
{
    struct loop *loop = top_loop(m);
    uint64_t *slots = loop_slots(m);
    bool is_kept = !each->filtered || m->results[0];
    for (uint32_t i = 0; i < each->results; i++) {
        uint64_t word = m->results[each->filtered + i];
        if (is_kept)
            structure_slots(structure_at(slots[i]))[loop->kept] = word;
        else if (is_structure(m, each->callee->results[each->filtered + i]))
            structure_release(&m->heap, structure_at(word));
    }
    loop->kept += is_kept;
    loop->done++;
}

int each_next(struct machine *m)
{
    const uint32_t *pc = top_frame(m)->pc;
    struct each each = each_decode(m, pc);
    each_store(m, &each);
    return each_continue(m, pc, &each);
}

/* ---- Reductions -------------------------------------------------------------------------------
 */

/*
 * site, function, has initial, leaf count, (to, type)..., arity, chunk, structures..., initial...,
 * captures...
 *
 * The loop's slots: for each leaf the accumulator, then the structure that holds the level's
 * results. A level folds groups of its elements from the left; the first level's groups are the
 * runs of `chunk` elements, those of the next ones `arity` results. Results overwrite the elements
 * of the level before, of which as many or more were used.
 */
struct reduce {
    const struct flow_function *callee;
    bool has_initial;
    uint32_t leaves;
    const uint32_t *to, *arity, *chunk, *structures, *initial, *captures;
    uint32_t capture_count;
};

static struct reduce reduce_decode(const struct machine *m, const uint32_t *pc)
{
    struct reduce reduce = {.callee = &m->code->functions[pc[FUNCTION]],
                            .has_initial = pc[3] != 0,
                            .leaves = pc[4],
                            .to = pc + 5};
    reduce.arity = reduce.to + 2 * reduce.leaves;
    reduce.chunk = reduce.arity + 1;
    reduce.structures = reduce.chunk + 1;
    reduce.initial = reduce.structures + reduce.leaves;
    reduce.captures = reduce.initial + (reduce.has_initial ? reduce.leaves : 0);
    reduce.capture_count = reduce.callee->parameter_count - 2 * reduce.leaves;
    return reduce;
}

/* Element `index` of the level's leaf: the caller gets a reference of its own to a structure. */
static uint64_t take_level_element(struct machine *m, const struct reduce *reduce, uint32_t leaf,
                                   uint64_t index)
{
    const struct loop *loop = top_loop(m);
    const struct frame *frame = &m->frames.items[loop->frame];
    struct structure *source =
        loop->on_elements ? operand_borrow(frame_registers(m, frame), reduce->structures[leaf])
                          : structure_at(loop_slots(m)[reduce->leaves + leaf]);
    uint64_t *slot = &structure_slots(source)[index], word = *slot;
    if (!source->is_nested)
        return word;
    if (loop->on_elements)
        structure_retain(structure_at(word));
    else
        *slot = 0;
    return word;
}

/* The loop's values are in the accumulator's slots: they become the results. */
static int reduce_finish(struct machine *m, const struct reduce *reduce)
{
    struct frame *frame = top_frame(m);
    uint32_t operands = reduce->leaves * (reduce->has_initial ? 2 : 1) + reduce->capture_count;
    uint64_t *slots = loop_slots(m), *r = frame_registers(m, frame);
    for (uint32_t i = 0; i < reduce->leaves; i++)
        structure_release(&m->heap, structure_at(slots[reduce->leaves + i]));
    finish_operands(m, frame, reduce->structures, operands);
    for (uint32_t i = 0; i < reduce->leaves; i++)
        register_set(m, frame->function, r, reduce->to[2 * i], slots[i]);
    pop_loop(m);
    frame->pc += frame->pc[0] >> FLOW_OPCODE_BITS;
    return 0;
}

static int reduce_empty(struct machine *m, const struct reduce *reduce)
{
    struct frame *frame = top_frame(m);
    uint64_t *r = frame_registers(m, frame);
    if (!reduce->has_initial)
        return error_set(m->error, ERR_empty_reduction, "reduce of an empty array without init");
    for (uint32_t i = 0; i < reduce->leaves; i++)
        loop_slots(m)[i] = operand_value(frame->function, r, reduce->initial[i] & ~FLOW_LAST);
    return reduce_finish(m, reduce);
}

/* Folds the next element into the accumulator. */
static int reduce_call(struct machine *m, const uint32_t *pc, const struct reduce *reduce)
{
    int code = machine_enter(m, pc[FUNCTION], pc[SITE]);
    if (code)
        return code;
    uint64_t index = top_loop(m)->done++;
    top_loop(m)->left--;
    for (uint32_t i = 0; i < reduce->leaves; i++)
        machine_set_parameter(m, i, loop_slots(m)[i]);
    for (uint32_t i = 0; i < reduce->leaves; i++)
        machine_set_parameter(m, reduce->leaves + i, take_level_element(m, reduce, i, index));
    pass_captures(m, reduce->captures, 2 * reduce->leaves, reduce->capture_count);
    return 0;
}

/* Begins the next group with its first element, or, at the far left, with the initial value. */
static void begin_group(struct machine *m, const struct reduce *reduce)
{
    struct loop *loop = top_loop(m);
    const struct frame *frame = &m->frames.items[loop->frame];
    uint64_t remaining = loop->total - loop->done;
    loop->left = remaining < loop->group ? remaining : loop->group;
    if (loop->on_elements && loop->done == 0 && reduce->has_initial) {
        for (uint32_t i = 0; i < reduce->leaves; i++)
            loop_slots(m)[i] = operand_value(frame->function, frame_registers(m, frame),
                                             reduce->initial[i] & ~FLOW_LAST);
        return;
    }
    for (uint32_t i = 0; i < reduce->leaves; i++)
        loop_slots(m)[i] = take_level_element(m, reduce, i, loop->done);
    loop->done++;
    loop->left--;
}

static void end_group(struct machine *m, const struct reduce *reduce)
{
    struct loop *loop = top_loop(m);
    uint64_t *slots = loop_slots(m);
    for (uint32_t i = 0; i < reduce->leaves; i++)
        structure_slots(structure_at(slots[reduce->leaves + i]))[loop->kept] = slots[i];
    loop->kept++;
}

static int64_t reduce_arity(struct machine *m, const struct reduce *reduce)
{
    return operand_int(frame_registers(m, top_frame(m)), *reduce->arity);
}

/* Goes on until a call is entered or the reduction is done. */
static int reduce_continue(struct machine *m, const uint32_t *pc, const struct reduce *reduce)
{
    for (;;) {
        struct loop *loop = top_loop(m);
        if (loop->left > 0)
            return reduce_call(m, pc, reduce);
        if (loop->done == loop->total && loop->kept == 0)
            return reduce_finish(m, reduce);
        end_group(m, reduce);
        if (loop->done == loop->total) {
            loop->total = loop->kept;
            loop->done = loop->kept = 0;
            loop->on_elements = false;
            loop->group = (uint64_t)reduce_arity(m, reduce);
        }
        begin_group(m, reduce);
    }
}

/* Structures for the results of the first level, which is the largest. */
static int make_level(struct machine *m, const struct reduce *reduce)
{
    int64_t count = (int64_t)((top_loop(m)->total - 1) / top_loop(m)->group + 1);
    for (uint32_t i = 0; i < reduce->leaves; i++) {
        struct structure *made;
        bool nested = is_structure(m, reduce->callee->results[i]);
        int code = structure_new(&m->heap, 1, &count, nested, &made, m->error);
        if (code)
            return code;
        loop_slots(m)[reduce->leaves + i] = structure_word(made);
    }
    return 0;
}

static int check_reduce(struct machine *m, const struct reduce *reduce, const uint64_t *r,
                        uint64_t *total)
{
    int64_t arity = operand_int(r, *reduce->arity), chunk = operand_int(r, *reduce->chunk);
    if (arity < 2)
        return error_set(m->error, ERR_bad_reduce, "reduce with arity %" PRId64, arity);
    if (chunk < 1)
        return error_set(m->error, ERR_bad_reduce, "reduce with chunk %" PRId64, chunk);
    *total = operand_borrow(r, reduce->structures[0])->count;
    for (uint32_t i = 1; i < reduce->leaves; i++)
        if (operand_borrow(r, reduce->structures[i])->count != *total)
            return error_set(m->error, ERR_shape_mismatch,
                             "the parts of an array of tuples have different extents");
    return 0;
}

/* Runs of one element without an initial value are the elements: their level is left out. */
int reduce_begin(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct reduce reduce = reduce_decode(m, pc);
    uint64_t total = 0;
    top_frame(m)->pc = pc;
    int code = check_reduce(m, &reduce, r, &total);
    if (code)
        return code;
    push_loop(m, 2 * reduce.leaves);
    if (total == 0)
        return reduce_empty(m, &reduce);
    struct loop *loop = top_loop(m);
    uint64_t chunk = (uint64_t)operand_int(r, *reduce.chunk);
    loop->total = total;
    loop->on_elements = true;
    loop->group =
        chunk == 1 && !reduce.has_initial ? (uint64_t)operand_int(r, *reduce.arity) : chunk;
    code = make_level(m, &reduce);
    if (code)
        return code;
    begin_group(m, &reduce);
    return reduce_continue(m, pc, &reduce);
}

int reduce_next(struct machine *m)
{
    const uint32_t *pc = top_frame(m)->pc;
    struct reduce reduce = reduce_decode(m, pc);
    memcpy(loop_slots(m), m->results, reduce.leaves * sizeof *m->results);
    return reduce_continue(m, pc, &reduce);
}
