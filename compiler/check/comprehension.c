/*
 * Iterators, of comprehensions and of `for`; and comprehensions.
 */
#include <string.h>

#include "check/checker.h"

/* ---- Iterators
 * -------------------------------------------------------------------------------------- */

static bool check_bounds(struct checker *c, const struct ast_expression *low,
                         const struct ast_expression *high, struct typed_iterator *out)
{
    out->is_range = true;
    if (low)
        out->low = check_integer(c, low, "the begin of a range");
    if (high)
        out->high = check_integer(c, high, "the end of a range");
    return low && high && !node_is_error(c, out->low) && !node_is_error(c, out->high);
}

/* range(lo, hi) and range(lo, hi, step) after `in` are iterators, and make no array. */
static const struct ast_expression *prelude_range(struct checker *c,
                                                  const struct ast_expression *subject)
{
    if (subject->kind != EXPR_CALL || subject->call.callee->kind != EXPR_NAME)
        return NULL;
    const struct symbol *symbol = scope_find(c, subject->call.callee->name);
    uint32_t count = subject->call.argument_count;
    bool is_range = symbol && symbol->kind == SYMBOL_PRELUDE &&
                    symbol->prelude == PRELUDE_BUILTIN && symbol->builtin == BUILTIN_RANGE;
    if (!is_range || count < 2 || count > 3)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (subject->call.arguments[i].name.text)
            return NULL;
    return subject;
}

static bool check_stepped(struct checker *c, const struct ast_expression *call,
                          struct typed_iterator *out)
{
    struct ast_argument *arguments = call->call.arguments;
    bool good = check_bounds(c, arguments[0].value, arguments[1].value, out);
    if (call->call.argument_count < 3)
        return good;
    out->step = check_integer(c, arguments[2].value, "the step of a range");
    if (node_is_error(c, out->step))
        return false;
    if (out->step->kind == TYPED_CONSTANT && out->step->word == 0) {
        diagnose(c->diagnostics, out->step->span, ERR_zero_step_literal,
                 "a range with a step of 0 never ends");
        return false;
    }
    return good;
}

/* The type of what an array gives: its elements, or rows when it has a higher rank. */
static const struct type *element_of(struct checker *c, const struct type *type, struct span span)
{
    return type->rank == 1 ? type->element : types_array(c, type->element, type->rank - 1U, span);
}

static bool check_subject(struct checker *c, const struct ast_expression *e,
                          struct typed_iterator *out, const struct type **element)
{
    out->subject = check_value(c, e);
    if (node_is_error(c, out->subject))
        return false;
    out->goes_over_map = out->subject->type->kind == TYPE_MAP;
    if (out->goes_over_map)
        out->subject = node_entries(c, out->subject, e->span);
    if (node_is_error(c, out->subject))
        return false;
    if (out->subject->type->kind == TYPE_ARRAY) {
        *element = element_of(c, out->subject->type, e->span);
        return true;
    }
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_not_iterable,
                                    "only ranges, arrays and maps can be gone over, and this is %s",
                                    types_text(c, out->subject->type));
    if (type_is_integer(out->subject->type))
        diagnose_hint(c->diagnostics, d, "write 0..n for the numbers from 0 to n - 1");
    else if (out->subject->type->kind == TYPE_STRING)
        diagnose_hint(c->diagnostics, d, "bytes(%s) can be gone over", types_snippet(c, e->span));
    return false;
}

bool check_iterator(struct checker *c, const struct ast_iterator *iterator,
                    struct typed_iterator *out)
{
    const struct ast_expression *subject = iterator->subject, *call = prelude_range(c, subject);
    const struct type *element = c->integer;
    out->span = iterator->span;
    bool good;
    if (subject->kind == EXPR_RANGE) {
        good = check_bounds(c, subject->range.low, subject->range.high, out);
        out->inclusive = subject->range.inclusive;
    } else if (call) {
        good = check_stepped(c, call, out);
    } else {
        good = check_subject(c, subject, out, &element);
    }
    bool single = iterator->name_count == 1;
    struct local *local =
        local_new(c, VARIABLE_LOOP, single ? iterator->names[0].text : NULL,
                  good ? element : &c->error, single ? iterator->names[0].span : iterator->span);
    out->variable = &local->variable;
    return good;
}

bool check_parts(struct checker *c, const struct type *type, uint32_t count, const char *names,
                 const char *hint, struct span span)
{
    if (types_is_error(c, type))
        return false;
    if (type_has_parts(type) && type->part_count == count)
        return true;
    if (type_has_parts(type)) {
        diagnose(c->diagnostics, span, ERR_cannot_destructure, "%u %s for the %u parts of %s",
                 count, names, type->part_count, types_text(c, type));
        return false;
    }
    struct diagnostic *d =
        diagnose(c->diagnostics, span, ERR_cannot_destructure,
                 "%u %s for the parts of %s, which has none", count, names, types_text(c, type));
    if (hint)
        diagnose_hint(c->diagnostics, d, "%s", hint);
    return false;
}

static bool check_iterator_parts(struct checker *c, const struct ast_iterator *iterator,
                                 const struct type *element)
{
    struct span names =
        span_join(iterator->names[0].span, iterator->names[iterator->name_count - 1].span);
    return check_parts(c, element, iterator->name_count, "names",
                       "to have the index too: for i in 0..len(xs) { let x = xs[i] ... }", names);
}

/* Makes the iterator's name a name for a part of what it gives. */
static void bind_part(struct checker *c, const struct ast_iterator *iterator, struct local *whole,
                      uint32_t index, bool good)
{
    const struct ast_name *name = &iterator->names[index];
    const struct type *type = good ? whole->variable.type->parts[index] : &c->error;
    struct local *part = arena_new(c->arena, struct local);
    part->variable = (struct variable){VARIABLE_LOOP, name->text, type, NULL, name->span, 0};
    part->whole = good ? whole : NULL;
    part->silent = !good;
    part->part = index;
    scope_bind(c,
               &(struct symbol){
                   .kind = SYMBOL_LOCAL, .name = name->text, .span = name->span, .local = part},
               ERR_duplicate_variable);
}

void bind_iterator(struct checker *c, const struct ast_iterator *iterator,
                   const struct typed_iterator *checked)
{
    struct local *whole = (struct local *)checked->variable;
    if (iterator->name_count == 1 && checked->goes_over_map) {
        bind_part(c, iterator, whole, 0, true);
        return;
    }
    if (iterator->name_count == 1) {
        scope_bind(c,
                   &(struct symbol){.kind = SYMBOL_LOCAL,
                                    .name = iterator->names[0].text,
                                    .span = iterator->names[0].span,
                                    .local = whole},
                   ERR_duplicate_variable);
        return;
    }
    bool good = check_iterator_parts(c, iterator, whole->variable.type);
    for (uint32_t i = 0; i < iterator->name_count; i++)
        bind_part(c, iterator, whole, i, good);
}

/* ---- Comprehensions
 * ---------------------------------------------------------------------------------- */

/* How many turns an iterator makes, if that is a constant; else -1. */
static int64_t constant_turns(const struct typed_iterator *iterator)
{
    uint64_t low, high;
    struct error error;
    if (!iterator->is_range)
        return node_static_extent(iterator->subject, 0);
    if (iterator->step || !fold(iterator->low, NULL, &low, &error) ||
        !fold(iterator->high, NULL, &high, &error))
        return -1;
    int64_t turns;
    if (__builtin_sub_overflow((int64_t)high, (int64_t)low, &turns) ||
        __builtin_add_overflow(turns, iterator->inclusive, &turns))
        return -1;
    return turns > 0 ? turns : 0;
}

static bool check_iterators(struct checker *c, const struct ast_expression *e, struct typed *node)
{
    const struct ast_expression *outer = c->comprehension;
    uint32_t count = e->comprehension.iterator_count;
    bool good = true;
    node->iterators = arena_array(c->arena, struct typed_iterator, count);
    node->iterator_count = count;
    c->comprehension = count > 1 ? e : outer;
    for (uint32_t i = 0; i < count; i++)
        good &= check_iterator(c, &e->comprehension.iterators[i], &node->iterators[i]);
    c->comprehension = outer;
    return good;
}

static bool check_filter(struct checker *c, const struct ast_expression *e, struct typed *node)
{
    if (!e->comprehension.filter)
        return true;
    node->filter = check_condition(c, e->comprehension.filter, "the filter of a comprehension");
    if (node->iterator_count > 1) {
        struct diagnostic *d =
            diagnose(c->diagnostics, e->comprehension.filter->span, ERR_filter_rank,
                     "a comprehension over several ranges has "
                     "no filter, since its result is an array of that rank");
        diagnose_hint(c->diagnostics, d, "go over one range, or choose the value by if ... else");
        return false;
    }
    return !node_is_error(c, node->filter);
}

struct typed *check_comprehension(struct checker *c, const struct ast_expression *e)
{
    struct typed *node = node_new(c, TYPED_COMPREHENSION, NULL, e->span);
    bool good = check_iterators(c, e, node);
    scope_open(c);
    for (uint32_t i = 0; i < node->iterator_count; i++)
        bind_iterator(c, &e->comprehension.iterators[i], &node->iterators[i]);
    good &= check_filter(c, e, node);
    node->body = check_expression(c, e->comprehension.body);
    scope_close(c);
    if (!good || node_is_error(c, node->body))
        return node_error(c, e->span);
    node->type = types_array(c, node->body->type, node->iterator_count, e->span);
    if (node_is_error(c, node))
        return node_error(c, e->span);
    for (uint32_t i = 0; i < node->iterator_count && !node->filter; i++)
        node_set_extent(c, node, i, constant_turns(&node->iterators[i]));
    return node;
}
