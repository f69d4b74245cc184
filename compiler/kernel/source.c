/*
 * Array expressions as sources of elements. An elementwise operation on arrays does not make an
 * array: its operands are opened (leaves evaluated, extents compared), and whoever wants the result
 * asks for its elements, in a loop of their own making. So a + b * c is one loop without
 * temporaries, and sum(a * b) makes no array at all.
 */
#include "joined.h"

#include <string.h>

#include "base/memory.h"
#include "check/typed_tree.h"

/* ---- Opening ------------------------------------------------------------------------------ */

static struct lazy *source_new(struct generator *g, enum source_kind kind,
                               const struct type *element, uint32_t rank)
{
    struct lazy *source = arena_new(&g->arena, struct lazy);
    source->kind = kind;
    source->element = element;
    source->rank = rank;
    source->extents = arena_array(&g->arena, LLVMValueRef, rank);
    return source;
}

struct lazy *source_of_value(struct generator *g, struct value array)
{
    struct lazy *source = source_new(g, SOURCE_VIEW, array.type->element, array.type->rank);
    source->view = array;
    memcpy(source->extents, array.extents, source->rank * sizeof *source->extents);
    return source;
}

struct lazy *source_of_elements(struct generator *g, const struct type *element, LLVMValueRef data)
{
    struct lazy *source = source_new(g, SOURCE_VIEW, element, 1);
    source->view.scalar = data;
    return source;
}

static struct lazy *open_any(struct generator *g, const struct typed *typed);

static struct lazy *open_operand(struct generator *g, const struct typed *typed, uint32_t rank)
{
    if (typed->type->kind == TYPE_ARRAY)
        return open_any(g, typed);
    struct lazy *source = source_new(g, SOURCE_SCALAR, typed->type, rank);
    source->view = expression(g, typed);
    source->extents = NULL;
    return source;
}

/* The operands' extents must agree; scalars have none. */
static struct lazy *open_elementwise(struct generator *g, const struct typed *typed)
{
    enum source_kind kind = typed->kind == TYPED_CONVERT ? SOURCE_CONVERT : SOURCE_OPERATION;
    struct lazy *source = source_new(g, kind, typed->type->element, typed->type->rank);
    source->node = typed;
    source->extents = NULL;
    for (uint32_t i = 0; i < typed->operand_count; i++) {
        struct lazy *operand = open_operand(g, typed->operands[i], source->rank);
        source->operands[i] = operand;
        if (source->extents && operand->extents) {
            debug_at(g, typed->operator_span);
            check_extents_agree(g, source->extents, operand->extents, source->rank, typed->span);
        } else if (operand->extents) {
            source->extents = operand->extents;
        }
    }
    return source;
}

static struct lazy *open_comprehension(struct generator *g, const struct typed *typed)
{
    uint32_t rank = typed->iterator_count;
    struct lazy *source = source_new(g, SOURCE_COMPREHENSION, typed->body->type, rank);
    source->node = typed;
    source->iterations = arena_array(&g->arena, struct iteration, rank);
    for (uint32_t i = 0; i < rank; i++) {
        source->iterations[i] = rank == 1 ? iteration_open_once(g, &typed->iterators[i])
                                          : iteration_open(g, &typed->iterators[i], false);
        iteration_count(g, &source->iterations[i]);
        source->extents[i] = source->iterations[i].count;
    }
    for (uint32_t i = 0; i < rank; i++) {
        struct variable *variable = typed->iterators[i].variable;
        g->slots[variable->index] = slot_make(g, variable->type, variable->name);
        debug_variable(g, variable, &g->slots[variable->index], 0);
    }
    return source;
}

struct lazy *source_of_joined(struct generator *g, const struct joined *joined, bool by_rows)
{
    struct lazy *source = source_new(g, SOURCE_JOINED, joined->type->element, joined->type->rank);
    source->joined = joined;
    source->cursor = cursor_open(g, joined, by_rows);
    memcpy(source->extents, joined->extents, source->rank * sizeof *source->extents);
    return source;
}

void source_copy_joined(struct generator *g, struct lazy *source)
{
    for (int i = 0; i < 3 && source->operands[i]; i++)
        source_copy_joined(g, source->operands[i]);
    if (source->kind != SOURCE_JOINED)
        return;
    source->kind = SOURCE_VIEW;
    source->view = scope_keep(g, joined_materialize(g, source->joined, g->span));
}

static struct lazy *open_any(struct generator *g, const struct typed *typed)
{
    if (typed->kind == TYPED_OPERATION || typed->kind == TYPED_CONVERT)
        return open_elementwise(g, typed);
    if (typed->kind == TYPED_COMPREHENSION && !typed->filter)
        return open_comprehension(g, typed);
    struct joined *joined = joined_open(g, typed);
    if (joined)
        return source_of_joined(g, joined, false);
    return source_of_value(g, scope_keep(g, expression(g, typed)));
}

struct lazy *source_open(struct generator *g, const struct typed *typed)
{
    struct lazy *source = open_any(g, typed);
    if (!source_is_flat(source))
        source_copy_joined(g, source);
    return source;
}

/* ---- What may be opened ------------------------------------------------------------------- */

static void visit_plain(void *context, struct typed **child);

static const struct type *element_of(const struct type *type)
{
    return type->kind == TYPE_ARRAY ? type->element : type;
}

/* Of the node itself, its children aside; of scalars, and of operations on arrays. */
static bool is_plain_node(const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_IF:
        return true;
    case TYPED_OPERATION:
        return typed_operation_is_total(node->operation, element_of(node->operands[0]->type));
    case TYPED_CONVERT:
        return typed_conversion_is_total(element_of(node->operands[0]->type),
                                         element_of(node->type));
    case TYPED_EXTENT:
    case TYPED_PART:
    case TYPED_TUPLE:
    case TYPED_BUILTIN:
    case TYPED_COMPREHENSION:
    case TYPED_EQUAL:
    case TYPED_MATMUL:
    case TYPED_INDEX:
    case TYPED_ARRAY:
    case TYPED_CALL:
    case TYPED_REDUCE:
        return false;
    }
    return false;
}

/* Whether a scalar can be computed in each turn of a loop. */
static bool is_plain_scalar(const struct typed *node)
{
    bool is_plain = type_is_scalar(node->type) && is_plain_node(node);
    if (is_plain)
        typed_each_child(node, visit_plain, &is_plain);
    return is_plain;
}

static void visit_plain(void *context, struct typed **child)
{
    bool *is_plain = context;
    *is_plain = *is_plain && is_plain_scalar(*child);
}

/* What is evaluated when the source is opened may be anything. */
static bool is_plain_operand(const struct typed *node)
{
    bool is_made = typed_is_elementwise(node) || node->kind == TYPED_COMPREHENSION;
    return node->type->kind != TYPE_ARRAY || !is_made || source_is_plain(node);
}

bool source_is_plain(const struct typed *typed)
{
    if (typed->type->kind != TYPE_ARRAY || typed->type->rank != 1 ||
        !type_is_scalar(typed->type->element))
        return false;
    if (typed->kind == TYPED_COMPREHENSION)
        return typed->iterator_count == 1 && !typed->filter && is_plain_scalar(typed->body);
    bool is_plain = typed_is_elementwise(typed) && is_plain_node(typed);
    for (uint32_t i = 0; is_plain && i < typed->operand_count; i++)
        is_plain = is_plain_operand(typed->operands[i]);
    return is_plain;
}

/* ---- Elements ----------------------------------------------------------------------------- */

bool source_is_flat(const struct lazy *source)
{
    switch (source->kind) {
    case SOURCE_SCALAR:
    case SOURCE_JOINED:
        return true;
    case SOURCE_VIEW:
        return source->rank == 1 || !source->view.strides;
    case SOURCE_COMPREHENSION:
        return source->rank == 1;
    case SOURCE_OPERATION:
    case SOURCE_CONVERT:
        break;
    }
    for (int i = 0; i < 3 && source->operands[i]; i++) {
        if (!source_is_flat(source->operands[i]))
            return false;
    }
    return true;
}

static struct value comprehension_element(struct generator *g, const struct lazy *source,
                                          const struct position *at)
{
    struct scope scope;
    scope_open(g, &scope);
    for (uint32_t i = 0; i < source->rank; i++) {
        const struct iteration *iteration = &source->iterations[i];
        struct value turn = iteration_value(g, iteration, at->indexes[i]);
        slot_store(g, &g->slots[iteration->iterator->variable->index], &turn);
    }
    struct value value = expression(g, source->node->body);
    if (type_has_array(value.type))
        value = value_own(g, value);
    scope_close(g, &scope);
    return value;
}

static LLVMValueRef operand_element(struct generator *g, const struct lazy *operand,
                                    const struct position *at)
{
    return source_element(g, operand, at).scalar;
}

struct value source_element(struct generator *g, const struct lazy *source,
                            const struct position *at)
{
    const struct typed *node = source->node;
    LLVMValueRef operands[3];
    switch (source->kind) {
    case SOURCE_SCALAR:
        return source->view;
    case SOURCE_VIEW:
        return element_load(g, source->element,
                            element_address(g, source->element, source->view.scalar,
                                            array_offset(g, &source->view, at)));
    case SOURCE_JOINED:
        return element_load(g, source->element, cursor_address(g, source->cursor, at->flat));
    case SOURCE_COMPREHENSION:
        return comprehension_element(g, source, at);
    case SOURCE_CONVERT:
        operands[0] = operand_element(g, source->operands[0], at);
        debug_at(g, node->span);
        return value_scalar(source->element,
                            convert_emit(g, source->operands[0]->element->scalar,
                                         source->element->scalar, operands[0], node->span));
    case SOURCE_OPERATION:
        for (uint32_t i = 0; i < node->operand_count; i++)
            operands[i] = operand_element(g, source->operands[i], at);
        debug_at(g, node->operator_span);
        return value_scalar(source->element,
                            operation_emit(g, node->operation, source->operands[0]->element->scalar,
                                           operands, node->span));
    }
    bug("source of kind %d", (int)source->kind);
}

/* ---- What is joined ----------------------------------------------------------------------- */

bool source_is_joined(const struct lazy *source)
{
    if (source->kind == SOURCE_COMPREHENSION)
        return source->rank == 1 && iteration_joined(&source->iterations[0]);
    for (int i = 0; i < 3 && source->operands[i]; i++)
        if (source_is_joined(source->operands[i]))
            return true;
    return source->kind == SOURCE_JOINED;
}

LLVMValueRef source_seek(struct generator *g, const struct lazy *source, LLVMValueRef number)
{
    if (source->kind == SOURCE_JOINED)
        return cursor_seek(g, source->cursor, number);
    if (source->kind == SOURCE_COMPREHENSION)
        return source_is_joined(source)
                   ? source_seek(g, iteration_joined(&source->iterations[0]), number)
                   : NULL;
    LLVMValueRef least = NULL;
    for (int i = 0; i < 3 && source->operands[i]; i++) {
        LLVMValueRef ends[] = {source_seek(g, source->operands[i], number), least};
        if (ends[0])
            least = least ? intrinsic(g, "llvm.smin", g->i64, ends, 2) : ends[0];
    }
    return least;
}

void segments_open(struct generator *g, struct segments *segments, const struct lazy *source,
                   LLVMValueRef count)
{
    LLVMBasicBlockRef some = block_new(g, "some");
    LLVMValueRef next = entry_alloca(g, g->i64, "next");
    segments->head = block_new(g, "segments");
    segments->exit = block_new(g, "joined");
    LLVMBuildStore(g->builder, constant_i64(g, 0), next);
    block_jump(g, segments->head);
    block_enter(g, segments->head);
    segments->begin = LLVMBuildLoad2(g->builder, g->i64, next, "");
    LLVMValueRef more = LLVMBuildICmp(g->builder, LLVMIntSLT, segments->begin, count, "");
    LLVMBuildCondBr(g->builder, more, some, segments->exit);
    block_enter(g, some);
    check_stop(g);
    LLVMValueRef ends[] = {source_seek(g, source, segments->begin), count};
    segments->end = intrinsic(g, "llvm.smin", g->i64, ends, 2);
    LLVMBuildStore(g->builder, segments->end, next);
}

void segments_close(struct generator *g, const struct segments *segments)
{
    block_jump(g, segments->head);
    block_enter(g, segments->exit);
}

void source_nest_open(struct generator *g, struct nest *nest, const struct lazy *source, bool flat,
                      enum polls polls)
{
    nest->segments = NULL;
    if (!source_is_joined(source)) {
        nest_open(g, nest, source->extents, source->rank, flat, polls);
        return;
    }
    struct segments *segments = nest->segments = arena_new(&g->arena, struct segments);
    segments_open(g, segments, source, extents_product(g, source->extents, source->rank));
    loop_open_strips(g, &nest->loops[0], segments->begin, segments->end);
    nest->depth = 1;
    nest->at.flat = nest->loops[0].index;
    nest->at.indexes[0] = source->rank == 1 ? nest->at.flat : NULL;
}

/* ---- Eight at once ------------------------------------------------------------------------ */

enum { LANES = 8 };

bool source_has_vector(const struct lazy *source)
{
    if (!type_is_scalar(source->element) || source->element->scalar == WK_BOOL)
        return false;
    switch (source->kind) {
    case SOURCE_SCALAR:
    case SOURCE_JOINED:
        return true;
    case SOURCE_VIEW:
        return !source->view.strides;
    case SOURCE_COMPREHENSION:
        return false;
    case SOURCE_CONVERT:
        return source_has_vector(source->operands[0]) &&
               convert_has_vector(source->operands[0]->element->scalar, source->element->scalar);
    case SOURCE_OPERATION:
        break;
    }
    if (!operation_has_vector(source->node->operation, source->operands[0]->element->scalar))
        return false;
    for (int i = 0; i < 3 && source->operands[i]; i++) {
        if (!source_has_vector(source->operands[i]))
            return false;
    }
    return true;
}

static LLVMValueRef splat(struct generator *g, LLVMValueRef scalar)
{
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), LANES);
    LLVMValueRef vector = LLVMGetPoison(type), zero = LLVMConstInt(g->i32, 0, false);
    vector = LLVMBuildInsertElement(g->builder, vector, scalar, zero, "");
    LLVMValueRef mask = LLVMConstNull(LLVMVectorType(g->i32, LANES));
    return LLVMBuildShuffleVector(g->builder, vector, LLVMGetPoison(type), mask, "");
}

static LLVMValueRef load_vector(struct generator *g, enum wk_scalar scalar, LLVMValueRef address)
{
    LLVMTypeRef type = LLVMVectorType(scalar_type(g, scalar), LANES);
    LLVMValueRef loaded = LLVMBuildLoad2(g->builder, type, address, "");
    LLVMSetAlignment(loaded, wk_scalar_bytes(scalar));
    return loaded;
}

LLVMValueRef source_vector(struct generator *g, const struct lazy *source, LLVMValueRef flat)
{
    LLVMValueRef operands[3];
    switch (source->kind) {
    case SOURCE_SCALAR:
        return splat(g, source->view.scalar);
    case SOURCE_VIEW:
        return load_vector(g, source->element->scalar,
                           element_address(g, source->element, source->view.scalar, flat));
    case SOURCE_JOINED:
        return load_vector(g, source->element->scalar, cursor_address(g, source->cursor, flat));
    case SOURCE_CONVERT:
        return convert_emit(g, source->operands[0]->element->scalar, source->element->scalar,
                            source_vector(g, source->operands[0], flat), source->node->span);
    case SOURCE_OPERATION:
        for (uint32_t i = 0; i < source->node->operand_count; i++)
            operands[i] = source_vector(g, source->operands[i], flat);
        return operation_emit(g, source->node->operation, source->operands[0]->element->scalar,
                              operands, source->node->span);
    case SOURCE_COMPREHENSION:
        break;
    }
    bug("a source of kind %d has no vectors", (int)source->kind);
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* Elements of views can be polled for anywhere. Comprehensions are, where their elements index
 * nothing, or take longer than the memory to which they are written: else the checks of bounds
 * that the optimizer leaves would be what one waits for. */
static enum polls source_polls(const struct lazy *source)
{
    enum polls polls = POLLS_IN_ROWS;
    if (source->kind == SOURCE_COMPREHENSION) {
        const struct typed *body = source->node->body;
        bool rows = source->rank > 1 || !typed_indexes(body) ||
                    (typed_is_dear(body) && !typed_goes_backward(body));
        return rows ? POLLS_OF_ROWS : POLLS_NONE;
    }
    if (source->kind != SOURCE_OPERATION && source->kind != SOURCE_CONVERT)
        return polls;
    for (int i = 0; i < 3 && source->operands[i]; i++) {
        enum polls operand = source_polls(source->operands[i]);
        polls = operand < polls ? operand : polls;
    }
    return polls;
}

void source_write(struct generator *g, const struct lazy *source, const struct value *target,
                  bool fresh)
{
    bool flat = source_is_flat(source) && !target->strides;
    struct nest nest;
    source_nest_open(g, &nest, source, flat, source_polls(source));
    if (source->kind == SOURCE_COMPREHENSION && typed_is_long(source->node->body))
        check_stop(g);
    struct value element = source_element(g, source, &nest.at);
    if (type_has_array(element.type))
        element = value_own(g, element);
    LLVMValueRef address = element_address(g, target->type->element, target->scalar,
                                           array_offset(g, target, &nest.at));
    if (!fresh && type_has_array(element.type)) {
        struct value old = element_load(g, element.type, address);
        value_drop(g, &old);
    }
    element_store(g, &element, address);
    nest_close(g, &nest);
}

struct value source_materialize(struct generator *g, const struct lazy *source,
                                const struct type *type, struct span span)
{
    struct value array = array_new(g, type, source->extents, span);
    source_write(g, source, &array, true);
    return array;
}

/* ---- Filters ------------------------------------------------------------------------------ */

/* What a growing array needs: its address, how many elements there are and how many it has room
 * for. */
struct growth {
    LLVMValueRef data, count, capacity;
    uint32_t element_bytes;
};

static struct growth growth_open(struct generator *g, const struct type *element)
{
    enum { FIRST_CAPACITY = 16 };
    struct growth growth = {.element_bytes = type_element_bytes(element)};
    growth.data = entry_alloca(g, g->pointer, "grown");
    growth.count = entry_alloca(g, g->i64, "count");
    growth.capacity = entry_alloca(g, g->i64, "capacity");
    LLVMValueRef bytes = constant_i64(g, FIRST_CAPACITY * (int64_t)growth.element_bytes);
    LLVMBuildStore(g->builder, block_new_bytes(g, bytes), growth.data);
    LLVMBuildStore(g->builder, constant_i64(g, 0), growth.count);
    LLVMBuildStore(g->builder, constant_i64(g, FIRST_CAPACITY), growth.capacity);
    return growth;
}

/* Moves what is there to a block of `capacity` elements. */
static void growth_move(struct generator *g, const struct growth *growth, LLVMValueRef count,
                        LLVMValueRef capacity)
{
    LLVMValueRef size = constant_i64(g, growth->element_bytes);
    LLVMValueRef old = LLVMBuildLoad2(g->builder, g->pointer, growth->data, "");
    LLVMValueRef moved = block_new_bytes(g, index_multiply(g, capacity, size));
    copy_memory(g, moved, old, index_multiply(g, count, size));
    block_free(g, old);
    LLVMBuildStore(g->builder, moved, growth->data);
    LLVMBuildStore(g->builder, capacity, growth->capacity);
}

static void growth_push(struct generator *g, const struct growth *growth,
                        const struct value *element)
{
    LLVMBasicBlockRef grow = block_new(g, "grow"), push = block_new(g, "push");
    LLVMValueRef count = LLVMBuildLoad2(g->builder, g->i64, growth->count, "");
    LLVMValueRef capacity = LLVMBuildLoad2(g->builder, g->i64, growth->capacity, "");
    LLVMValueRef room = LLVMBuildICmp(g->builder, LLVMIntULT, count, capacity, "");
    branch_likely(g, room, push, grow);
    block_enter(g, grow);
    growth_move(g, growth, count, index_multiply(g, capacity, constant_i64(g, 2)));
    block_jump(g, push);
    block_enter(g, push);
    LLVMValueRef data = LLVMBuildLoad2(g->builder, g->pointer, growth->data, "");
    element_store(g, element, element_address(g, element->type, data, count));
    LLVMBuildStore(g->builder, index_add(g, count, constant_i64(g, 1)), growth->count);
}

/* The array that has grown, in a block of its exact size. */
static struct value growth_close(struct generator *g, const struct growth *growth,
                                 const struct type *type)
{
    LLVMValueRef count = LLVMBuildLoad2(g->builder, g->i64, growth->count, "");
    growth_move(g, growth, count, count);
    LLVMValueRef data = LLVMBuildLoad2(g->builder, g->pointer, growth->data, "");
    return value_array(g, type, data, &count, true);
}

static void filtered_turn(struct generator *g, const struct typed *typed,
                          const struct growth *growth)
{
    struct scope scope;
    scope_open(g, &scope);
    LLVMBasicBlockRef keep = block_new(g, "keep"), next = block_new(g, "skip");
    LLVMBuildCondBr(g->builder, expression_scalar(g, typed->filter), keep, next);
    block_enter(g, keep);
    struct scope kept;
    scope_open(g, &kept);
    struct value element = expression(g, typed->body);
    if (type_has_array(element.type))
        element = value_own(g, element);
    growth_push(g, growth, &element);
    scope_close(g, &kept);
    block_jump(g, next);
    block_enter(g, next);
    scope_close(g, &scope);
}

struct value comprehension_filtered(struct generator *g, const struct typed *typed)
{
    const struct typed_iterator *iterator = &typed->iterators[0];
    struct iteration iteration = iteration_open_once(g, iterator);
    iteration_count(g, &iteration);
    struct slot *slot = &g->slots[iterator->variable->index];
    *slot = slot_make(g, iterator->variable->type, iterator->variable->name);
    debug_variable(g, iterator->variable, slot, 0);
    struct growth growth = growth_open(g, typed->body->type);
    struct loop loop;
    struct segments segments;
    bool is_long = typed_is_long(typed->body) || typed_is_long(typed->filter);
    const struct lazy *joined = iteration_joined(&iteration);
    if (joined) {
        segments_open(g, &segments, joined, iteration.count);
        loop_open_strips(g, &loop, segments.begin, segments.end);
    } else if (is_long || !iterator->is_range)
        loop_open(g, &loop, constant_i64(g, 0), iteration.count);
    else
        loop_open_strips(g, &loop, constant_i64(g, 0), iteration.count);
    if (is_long)
        check_stop(g);
    struct value turn = iteration_value(g, &iteration, loop.index);
    slot_store(g, slot, &turn);
    filtered_turn(g, typed, &growth);
    loop_close(g, &loop);
    if (joined)
        segments_close(g, &segments);
    return growth_close(g, &growth, typed->type);
}
