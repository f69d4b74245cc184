/*
 * Statements.
 */
#include "joined.h"

#include <string.h>

#include "base/memory.h"
#include "check/messages.h"
#include "check/in_order.h"
#include "check/typed_tree.h"

/* ---- Declarations ------------------------------------------------------------------------- */

/* Whether a variable's arrays can be taken: it owns them, nobody looks at them, nobody needs them.
 */
static bool can_move(const struct generator *g, const struct typed *typed)
{
    if (typed->kind != TYPED_VARIABLE || !type_has_array(typed->type))
        return false;
    const struct slot *slot = &g->slots[typed->variable->index];
    const struct slot *first = slot;
    while (first->parts && first->type->part_count)
        first = &first->parts[0];
    if (!first->owned)
        return false;
    return g->returning || (!slot->lent && !variable_is_live(g, typed->variable));
}

/* Whether a part of `whole`, which is taken apart through its tuples, mentions the variable that
 * `part` of it is. */
static bool mentioned_elsewhere(const struct typed *whole, const struct typed *part)
{
    if (whole == part)
        return false;
    if (whole->kind != TYPED_TUPLE)
        return typed_mentions(whole, part->variable);
    for (uint32_t i = 0; i < whole->item_count; i++)
        if (mentioned_elsewhere(whole->items[i], part))
            return true;
    return false;
}

static struct value take_part(struct generator *g, const struct typed *whole,
                              const struct typed *typed)
{
    if (can_move(g, typed) && !mentioned_elsewhere(whole, typed))
        return slot_take(g, &g->slots[typed->variable->index]);
    if (typed->kind != TYPED_TUPLE)
        return value_own(g, expression(g, typed));
    struct value value = {.type = typed->type};
    value.parts = arena_array(&g->arena, struct value, typed->item_count);
    for (uint32_t i = 0; i < typed->item_count; i++)
        value.parts[i] = take_part(g, whole, typed->items[i]);
    return value;
}

struct value expression_take(struct generator *g, const struct typed *typed)
{
    return take_part(g, typed, typed);
}

/* Whether a variable can stand for the arrays that its value joins: nothing that follows asks more
 * of it than its elements in order, and they stay as they are. */
static bool stays_joined(const struct generator *g, const struct typed_statement *s)
{
    const struct scope *scope = g->scope;
    return s->variable->kind == VARIABLE_LOCAL && typed_is_join(s->value) && scope->block &&
           view_is_stable(g, s->value) &&
           !block_not_in_order(scope->block, scope->at + 1, s->variable,
                               s->value->builtin != BUILTIN_UNTILE);
}

static void declare_joined(struct generator *g, const struct typed_statement *s)
{
    struct joined *joined = joined_open(g, s->value);
    view_lend(g, s->value);
    g->slots[s->variable->index] = (struct slot){.type = s->variable->type, .joined = joined};
}

static void declare(struct generator *g, const struct typed_statement *s)
{
    if (stays_joined(g, s)) {
        declare_joined(g, s);
        return;
    }
    struct slot slot = slot_make(g, s->variable->type, s->variable->name);
    struct scope temporaries;
    scope_open(g, &temporaries);
    bool is_mutable = s->variable->kind == VARIABLE_MUTABLE;
    struct value value;
    if (is_mutable || !type_has_array(s->variable->type) || can_move(g, s->value)) {
        value = expression_take(g, s->value);
    } else {
        value = value_dense(g, expression(g, s->value));
        if (value_has_array(&value, true) || !view_is_stable(g, s->value))
            value = value_own(g, value);
        else
            view_lend(g, s->value);
    }
    bool borrows = type_has_array(value.type) && value_has_array(&value, false);
    slot_set_owned(&slot, !borrows);
    slot_store(g, &slot, &value);
    /* A view may look at temporaries: they live as long as it does. */
    if (borrows)
        scope_merge(g, &temporaries);
    else
        scope_close(g, &temporaries);
    g->slots[s->variable->index] = slot;
    if (slot.owned && type_has_array(slot.type))
        scope_keep_slot(g, &g->slots[s->variable->index]);
    debug_variable(g, s->variable, &slot, 0);
}

/* ---- Control ------------------------------------------------------------------------------ */

static void block(struct generator *g, const struct typed_block *typed, struct scope *scope)
{
    scope_open(g, scope);
    scope->block = typed;
    statements(g, typed);
    scope_close(g, scope);
}

static void if_statement(struct generator *g, const struct typed_statement *s)
{
    struct scope scope;
    scope_open(g, &scope);
    LLVMValueRef condition = expression_scalar(g, s->condition);
    scope_close(g, &scope);
    debug_at(g, s->span);
    LLVMBasicBlockRef then = block_new(g, "then"), end = block_new(g, "end");
    LLVMBasicBlockRef otherwise = s->otherwise.count ? block_new(g, "else") : end;
    LLVMBuildCondBr(g->builder, condition, then, otherwise);
    block_enter(g, then);
    block(g, &s->then, &scope);
    block_jump(g, end);
    if (s->otherwise.count) {
        block_enter(g, otherwise);
        block(g, &s->otherwise, &scope);
        block_jump(g, end);
    }
    block_enter(g, end);
    /* Both sides have left: what follows is unreachable, and nothing follows in valid programs but
     * the ends of blocks. */
    if (!LLVMGetFirstUse(LLVMBasicBlockAsValue(end)))
        LLVMBuildUnreachable(g->builder);
}

static void loop_body(struct generator *g, const struct typed_block *typed,
                      LLVMBasicBlockRef on_continue, LLVMBasicBlockRef on_break)
{
    struct scope scope;
    scope_open(g, &scope);
    scope.is_loop = true;
    scope.on_continue = on_continue;
    scope.on_break = on_break;
    scope.block = typed;
    statements(g, typed);
    scope_close(g, &scope);
    block_jump(g, on_continue);
}

static void while_statement(struct generator *g, const struct typed_statement *s)
{
    LLVMBasicBlockRef head = block_new(g, "while"), body = block_new(g, "body"),
                      end = block_new(g, "end");
    LLVMBuildBr(g->builder, head);
    block_enter(g, head);
    check_stop(g);
    struct scope scope;
    scope_open(g, &scope);
    LLVMValueRef condition = expression_scalar(g, s->condition);
    scope_close(g, &scope);
    debug_at(g, s->span);
    LLVMBuildCondBr(g->builder, condition, body, end);
    block_enter(g, body);
    loop_body(g, &s->then, head, end);
    block_enter(g, end);
}

/* The subject of an iteration stays what it was when the loop began. */
static struct iteration for_iteration(struct generator *g, const struct typed_statement *s)
{
    const struct typed *subject = s->iterator.subject;
    bool survives = !subject || view_survives(subject, &s->body, 0);
    struct iteration it = iteration_open(g, &s->iterator, survives);
    if (!survives)
        it.subject = scope_keep(g, value_own(g, it.subject));
    return it;
}

/* Whether the loop's index is the variable's value; else it counts turns. */
static bool open_for(struct generator *g, struct loop *loop, struct iteration *it, bool strips,
                     struct segments *segments)
{
    bool is_range = it->iterator->is_range, inclusive = it->iterator->inclusive;
    if (is_range && !it->step && inclusive)
        (strips ? loop_open_inclusive_strips : loop_open_inclusive)(g, loop, it->low, it->high);
    else if (is_range && !it->step)
        (strips ? loop_open_strips : loop_open)(g, loop, it->low, it->high);
    else if (is_range && !LLVMIsConstant(it->step))
        loop_open_stepped(g, loop, it->low, it->high, it->step, inclusive);
    else
        iteration_count(g, it);
    if (it->joined) {
        segments_open(g, segments, it->joined, it->count);
        loop_open(g, loop, segments->begin, segments->end);
    } else if (it->count)
        (strips ? loop_open_strips : loop_open)(g, loop, constant_i64(g, 0), it->count);
    return !it->count;
}

/* Whether an expression is the element, or the first part of the element, that a turn is for. */
static bool is_key_of_turn(const struct typed_statement *s, const struct typed *key)
{
    if (key->kind != TYPED_VARIABLE || key->type->kind != TYPE_STRING)
        return false;
    if (key->variable == s->iterator.variable)
        return true;
    for (uint32_t i = 0; i < s->body.count; i++) {
        const struct typed_statement *declared = s->body.statements[i];
        const struct typed *value = declared->value;
        if (declared->kind == STATEMENT_DECLARE && declared->variable == key->variable)
            return value->kind == TYPED_PART && value->number == 0 &&
                   value->operands[0]->kind == TYPED_VARIABLE &&
                   value->operands[0]->variable == s->iterator.variable;
    }
    return false;
}

/* The storage of a map to which each turn assigns by such a key; NULL if there is none. A variable
 * of the body has no storage yet. */
static LLVMValueRef map_of_turns(struct generator *g, const struct typed_statement *s)
{
    for (uint32_t i = 0; i < s->body.count; i++) {
        const struct typed_statement *assigned = s->body.statements[i];
        if (assigned->kind == STATEMENT_ASSIGN && assigned->step_count > 0 &&
            assigned->steps[0].kind == STEP_KEY && is_key_of_turn(s, assigned->steps[0].key))
            return g->slots[assigned->variable->index].storage;
    }
    return NULL;
}

/* `for w in words { n[w] += 1 }`: what later turns search is fetched in this one. */
static void search_ahead(struct generator *g, const struct typed_statement *s,
                         const struct iteration *it, LLVMValueRef number)
{
    LLVMValueRef map = s->iterator.is_range || it->joined ? NULL : map_of_turns(g, s);
    if (!map || it->subject.type->rank != 1)
        return;
    const struct type *element = it->subject.type->element;
    LLVMValueRef left = LLVMBuildSub(g->builder, it->subject.extents[0], number, "");
    map_search_ahead(g, map, element_address(g, element, it->subject.scalar, number),
                     element->word_count, left);
}

static void for_statement(struct generator *g, const struct typed_statement *s)
{
    struct scope scope;
    scope_open(g, &scope);
    struct iteration it = for_iteration(g, s);
    struct variable *variable = s->iterator.variable;
    struct slot *slot = &g->slots[variable->index];
    *slot = slot_make(g, variable->type, variable->name);
    debug_variable(g, variable, slot, 0);
    struct loop loop;
    struct segments segments;
    debug_at(g, s->span);
    bool is_long = block_is_long(&s->body);
    bool unbounded = !is_long && range_is_unbounded(&s->iterator, &s->body);
    bool direct = open_for(g, &loop, &it, unbounded, &segments);
    if (is_long || (unbounded && loop.step))
        check_stop(g);
    search_ahead(g, s, &it, loop.index);
    struct value turn =
        direct ? value_scalar(variable->type, loop.index) : iteration_value(g, &it, loop.index);
    slot_store(g, slot, &turn);
    loop_body(g, &s->body, loop.latch, it.joined ? segments.exit : loop.exit);
    debug_at(g, s->span);
    loop_close(g, &loop);
    if (it.joined)
        segments_close(g, &segments);
    scope_close(g, &scope);
}

static void leave_loop(struct generator *g, bool is_break)
{
    const struct scope *scope = g->scope;
    while (!scope->on_break)
        scope = scope->parent;
    scope_unwind(g, scope);
    LLVMBuildBr(g->builder, is_break ? scope->on_break : scope->on_continue);
}

static void return_statement(struct generator *g, const struct typed_statement *s)
{
    struct value value = value_unit(g->function->result);
    g->returning = true;
    if (s->value)
        value = expression_take(g, s->value);
    g->returning = false;
    debug_at(g, s->span);
    return_value(g, value, s->span);
}

/* ---- Messages ----------------------------------------------------------------------------- */

struct message {
    struct buffer format, types;
    LLVMValueRef *words;
    uint32_t count;
};

static struct message message_make(struct generator *g, const struct typed_statement *s)
{
    struct message message = {0};
    message.words = arena_array(&g->arena, LLVMValueRef, 2 * (size_t)s->piece_count);
    for (uint32_t i = 0; i < s->piece_count; i++) {
        const struct typed_piece *piece = &s->pieces[i];
        for (const char *p = piece->text; p && *p; p++) {
            buffer_putc(&message.format, *p);
            if (*p == '{' || *p == '}')
                buffer_putc(&message.format, *p);
        }
        if (piece->text)
            continue;
        buffer_puts(&message.format, "{}");
        if (piece->value->type->kind == TYPE_STRING) {
            struct value text = expression_borrow(g, piece->value);
            buffer_putc(&message.types, 's');
            message.words[message.count++] = LLVMBuildPtrToInt(g->builder, text.scalar, g->i64, "");
            message.words[message.count++] = text.extents[0];
            continue;
        }
        enum wk_scalar scalar = piece->value->type->scalar;
        LLVMValueRef value = expression_scalar(g, piece->value);
        buffer_putc(&message.types, operation_site_type(scalar));
        message.words[message.count++] = scalar_to_word(g, scalar, value);
    }
    return message;
}

static void message_statement(struct generator *g, const struct typed_statement *s)
{
    struct scope scope;
    scope_open(g, &scope);
    struct message m = message_make(g, s);
    const char *format = arena_text(&g->arena, buffer_text(&m.format), m.format.length);
    const char *types = arena_text(&g->arena, buffer_text(&m.types), m.types.length);
    buffer_release(&m.format);
    buffer_release(&m.types);
    debug_at(g, s->span);
    if (s->kind == STATEMENT_FAIL)
        fail_always(g, ERR_task_failed, s->span, format, types, m.words, m.count);
    else
        log_line(g, s->span, format, types, m.words, m.count);
    scope_close(g, &scope);
}

/* ---- All ---------------------------------------------------------------------------------- */

static void in_scope(struct generator *g, const struct typed_statement *s,
                     void (*generate)(struct generator *g, const struct typed_statement *s))
{
    struct scope scope;
    scope_open(g, &scope);
    generate(g, s);
    scope_close(g, &scope);
}

static void evaluate(struct generator *g, const struct typed_statement *s)
{
    scope_keep(g, expression(g, s->value));
}

static void statement(struct generator *g, const struct typed_statement *s)
{
    debug_at(g, s->span);
    switch (s->kind) {
    case STATEMENT_DECLARE:
        declare(g, s);
        return;
    case STATEMENT_ASSIGN:
        in_scope(g, s, assign_statement);
        return;
    case STATEMENT_EVALUATE:
        in_scope(g, s, evaluate);
        return;
    case STATEMENT_IF:
        if_statement(g, s);
        return;
    case STATEMENT_WHILE:
        while_statement(g, s);
        return;
    case STATEMENT_FOR:
        for_statement(g, s);
        return;
    case STATEMENT_BREAK:
    case STATEMENT_CONTINUE:
        leave_loop(g, s->kind == STATEMENT_BREAK);
        return;
    case STATEMENT_RETURN:
        in_scope(g, s, return_statement);
        return;
    case STATEMENT_FAIL:
    case STATEMENT_LOG:
        message_statement(g, s);
        return;
    }
    bug("statement of kind %d", (int)s->kind);
}

/* The statements of the current scope's block. What stands after a jump is not reached. */
void statements(struct generator *g, const struct typed_block *typed)
{
    struct scope *scope = g->scope;
    scope->block = typed;
    for (uint32_t i = 0; i < typed->count && !block_has_ended(g); i++) {
        scope->at = i;
        statement(g, typed->statements[i]);
    }
}
