/*
 * Assignments: to variables and to places within them, in place.
 *
 * The value is computed first, then the path is gone, then the place is written: nothing that the
 * value needs is changed before.
 */
#include "joined.h"

#include <stddef.h>

/* ---- Places ------------------------------------------------------------------------------- */

/* Where an assignment writes. */
struct target {
    const struct type *type;
    const struct slot *slot; /* a variable or a part of one; NULL: in memory, at */
    LLVMValueRef address;    /* an element, or a part of one; NULL: then */
    bool in_words;           /* a part: a scalar takes a whole word there */
    struct value slice;      /* what ranges selected */
};

static struct value target_load(struct generator *g, const struct target *target)
{
    if (target->slot)
        return slot_load(g, target->slot);
    if (!target->address)
        return target->slice;
    if (target->in_words)
        return value_load_words(g, target->type, target->address, 0);
    return element_load(g, target->type, target->address);
}

static void target_enter_part(struct generator *g, struct target *target, uint32_t part)
{
    if (target->slot) {
        target->slot = &target->slot->parts[part];
        return;
    }
    uint32_t words = 0;
    for (uint32_t i = 0; i < part; i++)
        words += target->type->parts[i]->word_count;
    LLVMValueRef offset = constant_i64(g, words);
    target->address = LLVMBuildInBoundsGEP2(g->builder, g->i64, target->address, &offset, 1, "");
    target->in_words = true;
}

static void target_enter_index(struct generator *g, struct target *target,
                               const struct typed_step *step)
{
    struct value base = target_load(g, target);
    *target = (struct target){0};
    if (step_is_slice(step))
        target->slice = array_index(g, &base, step->indexes, step->type);
    else
        target->address = array_place(g, &base, step->indexes);
}

static void target_enter_key(struct generator *g, struct target *target,
                             const struct typed_step *step, bool insert)
{
    LLVMValueRef map = target->slot ? target->slot->storage : target->address;
    LLVMValueRef place = map_place(g, target->type, map, step->key, insert);
    *target = (struct target){.address = place, .in_words = true};
}

static struct target target_find(struct generator *g, const struct typed_statement *s)
{
    struct target target = {.type = s->variable->type, .slot = &g->slots[s->variable->index]};
    for (uint32_t i = 0; i < s->step_count; i++) {
        const struct typed_step *step = &s->steps[i];
        switch (step->kind) {
        case STEP_PART:
            target_enter_part(g, &target, step->part);
            break;
        case STEP_INDEX:
            target_enter_index(g, &target, step);
            break;
        case STEP_KEY:
            target_enter_key(g, &target, step, statement_inserts(s, i));
            break;
        }
        target.type = step->type;
    }
    return target;
}

/* Stores a value over one that is gone already. */
static void target_replace(struct generator *g, const struct target *target,
                           const struct value *value)
{
    if (target->slot)
        slot_store(g, target->slot, value);
    else if (target->in_words)
        value_store_words(g, value, target->address, 0);
    else
        element_store(g, value, target->address);
}

static void target_store(struct generator *g, const struct target *target,
                         const struct value *value)
{
    if (target->slot) {
        slot_drop(g, target->slot);
    } else if (type_has_array(target->type)) {
        struct value old = target_load(g, target);
        value_drop(g, &old);
    }
    target_replace(g, target, value);
}

/* Sums in memory are chains of loads, additions and stores: a compare and a select in each link to
 * make NaNs canonical would slow them by half. */
static void target_update(struct generator *g, const struct target *target,
                          const struct value *value)
{
    if (target->slot || target->in_words) {
        target_store(g, target, value);
        return;
    }
    g->functions.items[g->number].leaves_nans |= type_is_float(target->type);
    element_store_raw(g, value, target->address);
}

/* ---- Arrays ------------------------------------------------------------------------------- */

static LLVMValueRef combine(struct generator *g, const struct typed_statement *s,
                            const struct type *type, LLVMValueRef old, LLVMValueRef operand)
{
    LLVMValueRef operands[] = {old, operand};
    debug_at(g, s->operator_span.source ? s->operator_span : s->span);
    return operation_emit(g, s->operation, type->scalar, operands, s->span);
}

/* The source of an assignment to (a part of) an array: not lazy where it looks at that array. */
static struct lazy *assigned_source(struct generator *g, const struct typed_statement *s,
                                    const struct value *target)
{
    if (s->value->type->kind != TYPE_ARRAY || target->type->element == s->value->type) {
        struct lazy *scalar = arena_new(&g->arena, struct lazy);
        *scalar = (struct lazy){.kind = SOURCE_SCALAR,
                                .element = s->value->type,
                                .rank = target->type->rank,
                                .extents = target->extents};
        scalar->view = expression_borrow(g, s->value);
        return scalar;
    }
    struct lazy *source;
    if (typed_mentions(s->value, s->variable))
        source = source_of_value(g, scope_keep(g, expression_take(g, s->value)));
    else
        source = source_open(g, s->value);
    if (target->strides && target->type->rank > 1)
        source_copy_joined(g, source);
    check_extents_agree(g, target->extents, source->extents, target->type->rank, s->span);
    return source;
}

/* target op= value, element by element. */
static void update_elements(struct generator *g, const struct typed_statement *s,
                            const struct lazy *source, const struct value *target)
{
    const struct type *element = target->type->element;
    struct nest nest;
    source_nest_open(g, &nest, source, source_is_flat(source) && !target->strides, POLLS_IN_ROWS);
    LLVMValueRef operand = source_element(g, source, &nest.at).scalar;
    LLVMValueRef address =
        element_address(g, element, target->scalar, array_offset(g, target, &nest.at));
    LLVMValueRef old = element_load(g, element, address).scalar;
    struct value updated = value_scalar(element, combine(g, s, element, old, operand));
    element_store(g, &updated, address);
    nest_close(g, &nest);
}

static void assign_array(struct generator *g, const struct typed_statement *s,
                         const struct value *target)
{
    struct lazy *source = assigned_source(g, s, target);
    if (s->operation != OPERATION_NONE)
        update_elements(g, s, source, target);
    else
        source_write(g, source, target, false);
}

/* ---- Growing ------------------------------------------------------------------------------ */

/* Whether two indexes are the same constant or variable. */
static bool is_same_index(const struct typed_index *a, const struct typed_index *b)
{
    if (a->is_range || b->is_range || a->low->kind != b->low->kind)
        return false;
    if (a->low->kind == TYPED_CONSTANT)
        return a->low->word == b->low->word;
    return a->low->kind == TYPED_VARIABLE && a->low->variable == b->low->variable;
}

/* Whether an expression reads the place to which the first `depth` steps of a path lead. */
static bool reads_place(const struct typed *typed, const struct typed_statement *s, uint32_t depth)
{
    if (depth == 0)
        return typed->kind == TYPED_VARIABLE && typed->variable == s->variable;
    const struct typed_step *step = &s->steps[depth - 1];
    if (step->kind == STEP_PART)
        return typed->kind == TYPED_PART && typed->number == step->part &&
               reads_place(typed->operands[0], s, depth - 1);
    if (step->kind != STEP_INDEX || typed->kind != TYPED_INDEX ||
        typed->index_count != step->index_count)
        return false;
    for (uint32_t i = 0; i < step->index_count; i++)
        if (!is_same_index(&typed->indexes[i], &step->indexes[i]))
            return false;
    return reads_place(typed->base, s, depth - 1);
}

/* xs = append(xs, x), rows[i] = append(rows[i], x). */
static bool is_growth(const struct typed_statement *s)
{
    const struct typed *value = s->value;
    return s->operation == OPERATION_NONE && value->kind == TYPED_BUILTIN &&
           value->builtin == BUILTIN_APPEND && reads_place(value->items[0], s, s->step_count);
}

/* m = remove(m, k). */
static bool is_removal(const struct typed_statement *s)
{
    const struct typed *value = s->value;
    return s->operation == OPERATION_NONE && s->step_count == 0 && value->kind == TYPED_BUILTIN &&
           value->builtin == BUILTIN_REMOVE && value->items[0]->kind == TYPED_VARIABLE &&
           value->items[0]->variable == s->variable;
}

/* How many bytes a block has: its header says so, or, for an address that may be no block's, NULL
 * or that of a slot, `otherwise`. */
static LLVMValueRef block_room(struct generator *g, LLVMValueRef data, LLVMValueRef otherwise)
{
    LLVMBuilderRef b = g->builder;
    LLVMValueRef offset =
        constant_i64(g, (int64_t)offsetof(struct wk_block, bytes) - WK_HEADER_BYTES);
    LLVMValueRef header = LLVMBuildGEP2(b, g->i8, data, &offset, 1, "");
    if (otherwise) {
        LLVMValueRef address = LLVMBuildPtrToInt(b, data, g->i64, "");
        LLVMValueRef low = LLVMBuildAnd(b, address, constant_i64(g, WK_ALIGN - 1), "");
        LLVMValueRef aligned = LLVMBuildICmp(b, LLVMIntEQ, low, constant_i64(g, 0), "");
        LLVMValueRef block = LLVMBuildAnd(b, aligned, LLVMBuildIsNotNull(b, data, ""), "");
        header = LLVMBuildSelect(b, block, header, otherwise, "");
    }
    return LLVMBuildLoad2(b, g->i64, header, "");
}

/* Moves the elements of an array to a block with room for as many again. `storage` is where its
 * address stands. */
static void grow_block(struct generator *g, LLVMValueRef storage, LLVMValueRef used,
                       LLVMValueRef needed)
{
    LLVMValueRef old = LLVMBuildLoad2(g->builder, g->pointer, storage, "");
    LLVMValueRef doubled = index_multiply(g, needed, constant_i64(g, 2));
    LLVMValueRef moved = block_new_bytes(g, doubled);
    copy_memory(g, moved, old, used);
    block_free(g, old);
    LLVMBuildStore(g->builder, moved, storage);
}

/* Where the extent of an array of rank 1 stands that is an element or a part of one. */
static LLVMValueRef extent_storage(struct generator *g, const struct target *target)
{
    LLVMValueRef one = constant_i64(g, 1);
    return target->slot ? target->slot->extents[0]
                        : LLVMBuildInBoundsGEP2(g->builder, g->i64, target->address, &one, 1, "");
}

/* Adds an element at the end of an array's own block while there is room, so that n of them take
 * a time in proportion to n. */
static void append_in_place(struct generator *g, const struct typed_statement *s)
{
    struct value last = expression_take(g, s->value->items[1]);
    struct target target = target_find(g, s);
    const struct type *element = target.type->element;
    LLVMValueRef storage = target.slot ? target.slot->storage : target.address;
    debug_at(g, s->span);
    struct value array = target_load(g, &target);
    LLVMValueRef size = constant_i64(g, type_element_bytes(element));
    LLVMValueRef used = array_bytes(g, &array), needed = index_add(g, used, size);
    LLVMValueRef room = block_room(g, array.scalar, NULL);
    LLVMBasicBlockRef grow = block_new(g, "grow"), push = block_new(g, "push");
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntULE, needed, room, ""), push, grow);
    block_enter(g, grow);
    grow_block(g, storage, used, needed);
    block_jump(g, push);
    block_enter(g, push);
    LLVMValueRef data = LLVMBuildLoad2(g->builder, g->pointer, storage, "");
    element_store(g, &last, element_address(g, element, data, array.extents[0]));
    LLVMValueRef count = index_add(g, array.extents[0], constant_i64(g, 1));
    LLVMBuildStore(g->builder, count, extent_storage(g, &target));
}

/* ---- Strings that grow -------------------------------------------------------------------- */

/* From which piece on the value of an assignment is added to the end of the variable: s += t, and
 * s = s + t. -1: it is not. */
static int text_growth(const struct typed_statement *s, const struct type *type)
{
    const struct typed *value = s->value;
    if (type->kind != TYPE_STRING)
        return -1;
    if (s->operation != OPERATION_NONE)
        return 0;
    bool begins_with_it = s->step_count == 0 && value->kind == TYPED_BUILTIN &&
                          value->builtin == BUILTIN_TEXT_CONCAT &&
                          value->items[0]->kind == TYPED_VARIABLE &&
                          value->items[0]->variable == s->variable;
    return begins_with_it ? 1 : -1;
}

/* Moves a string to a block with room for as many bytes again, adds the pieces, which may be views
 * of the old block, and only then frees that. */
static LLVMValueRef grow_text(struct generator *g, const struct value *text, LLVMValueRef length,
                              const struct text_pieces *pieces)
{
    LLVMValueRef moved = block_new_bytes(g, index_multiply(g, length, constant_i64(g, 2)));
    copy_memory(g, moved, text->scalar, text->extents[0]);
    text_pieces_write(g, pieces, LLVMBuildGEP2(g->builder, g->i8, moved, &text->extents[0], 1, ""));
    text_free(g, text->scalar);
    return moved;
}

/* As append_in_place: n short pieces take a time in proportion to n. */
static void append_text(struct generator *g, const struct typed_statement *s, uint32_t from)
{
    struct text_pieces pieces = text_pieces(g, s->value, from);
    struct target target = target_find(g, s);
    struct value text = target_load(g, &target);
    debug_at(g, s->span);
    LLVMValueRef length = index_add(g, text.extents[0], pieces.length);
    /* A new entry of a map is "" without memory. A small string that grows moves to a block. */
    LLVMValueRef nothing = entry_alloca(g, g->i64, "nothing");
    LLVMBuildStore(g->builder, constant_i64(g, 0), nothing);
    LLVMValueRef room = block_room(g, text.scalar, nothing);
    LLVMBasicBlockRef grow = block_new(g, "grow"), push = block_new(g, "push"),
                      end = block_new(g, "grown");
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntULE, length, room, ""), push, grow);
    block_enter(g, grow);
    LLVMValueRef data[2] = {grow_text(g, &text, length, &pieces), text.scalar};
    LLVMBasicBlockRef origins[2] = {LLVMGetInsertBlock(g->builder), push};
    LLVMBuildBr(g->builder, end);
    block_enter(g, push);
    text_pieces_write(g, &pieces,
                      LLVMBuildGEP2(g->builder, g->i8, text.scalar, &text.extents[0], 1, ""));
    origins[1] = LLVMGetInsertBlock(g->builder);
    LLVMBuildBr(g->builder, end);
    block_enter(g, end);
    LLVMValueRef grown = LLVMBuildPhi(g->builder, g->pointer, "");
    LLVMAddIncoming(grown, data, origins, 2);
    target_replace(
        g, &target,
        &(struct value){.type = text.type, .scalar = grown, .extents = &length, .owned = true});
}

/* ---- All ---------------------------------------------------------------------------------- */

/* The value to be stored. It is not moved out of a variable that the path still reads. */
static struct value assigned_value(struct generator *g, const struct typed_statement *s)
{
    if (s->value->kind == TYPED_VARIABLE && path_mentions(s, s->value->variable))
        return value_own(g, expression(g, s->value));
    return expression_take(g, s->value);
}

/* Elements that exist already are overwritten: by a slice's new contents, or by `op=`. */
static void assign_elements(struct generator *g, const struct typed_statement *s)
{
    struct target target = target_find(g, s);
    struct value array = target_load(g, &target);
    debug_at(g, s->span);
    assign_array(g, s, &array);
}

void assign_statement(struct generator *g, const struct typed_statement *s)
{
    const struct typed_step *last = s->step_count ? &s->steps[s->step_count - 1] : NULL;
    const struct type *type = last ? last->type : s->variable->type;
    bool updates = s->operation != OPERATION_NONE;
    int text_from = text_growth(s, type);
    if (is_growth(s)) {
        append_in_place(g, s);
    } else if (is_removal(s)) {
        map_remove(g, type, g->slots[s->variable->index].storage, s->value->items[1]);
    } else if (text_from >= 0) {
        append_text(g, s, (uint32_t)text_from);
    } else if ((last && step_is_slice(last)) || (updates && type->kind == TYPE_ARRAY)) {
        assign_elements(g, s);
    } else if (updates) {
        LLVMValueRef operand = expression_scalar(g, s->value);
        struct target target = target_find(g, s);
        LLVMValueRef old = target_load(g, &target).scalar;
        struct value value = value_scalar(type, combine(g, s, type, old, operand));
        target_update(g, &target, &value);
    } else {
        struct value value = assigned_value(g, s);
        struct target target = target_find(g, s);
        debug_at(g, s->span);
        target_store(g, &target, &value);
    }
}
