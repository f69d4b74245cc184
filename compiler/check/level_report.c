/*
 * Mistakes of levels: what is pending, and where that comes from.
 */
#include "check/levels.h"

const char hint_leave_to_task[] =
    "leave the decision to a task: regions that wait for values are not compiled yet";

static bool is_pending(const struct typed *node)
{
    return node && node->level && !level_is_known(node->level);
}

static struct origin origin_of_items(const struct walk *w, struct typed *const *items,
                                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_pending(items[i]))
            return level_origin(w, items[i]);
    return (struct origin){0};
}

static struct origin origin_of_indexes(const struct walk *w, const struct typed *node)
{
    if (is_pending(node->base))
        return level_origin(w, node->base);
    for (uint32_t i = 0; i < node->index_count; i++) {
        if (is_pending(node->indexes[i].low))
            return level_origin(w, node->indexes[i].low);
        if (is_pending(node->indexes[i].high))
            return level_origin(w, node->indexes[i].high);
    }
    return (struct origin){0};
}

static struct origin origin_of_call(const struct walk *w, const struct typed *node)
{
    const struct typed_function *f = node->kind == TYPED_REDUCE ? node->reducer : node->callee;
    const char *text = arena_printf(w->l->c->arena,
                                    f->is_flow ? "it comes out of the flow '%s' here"
                                               : "the task '%s' computes it here",
                                    f->name);
    return (struct origin){node->span, text};
}

struct origin level_origin(const struct walk *w, const struct typed *node)
{
    struct origin none = {0}, here = {node->span, "a task computes it here"};
    switch (node->kind) {
    case TYPED_CONSTANT:
        return none;
    case TYPED_VARIABLE:
        return w->instance->origins[node->variable->index];
    case TYPED_OPERATION:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_PART:
    case TYPED_EXTENT: {
        struct origin found = origin_of_items(w, node->operands, node->operand_count);
        return found.span.source ? found : here;
    }
    case TYPED_INDEX: {
        struct origin found = origin_of_indexes(w, node);
        return found.span.source ? found : here;
    }
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_BUILTIN: {
        struct origin found = origin_of_items(w, node->items, node->item_count);
        return found.span.source ? found : here;
    }
    case TYPED_IF: {
        struct typed *const parts[] = {node->condition, node->then, node->otherwise};
        return origin_of_items(w, parts, 3);
    }
    case TYPED_COMPREHENSION:
        return is_pending(node->body) ? level_origin(w, node->body) : here;
    case TYPED_MATMUL:
        return here;
    case TYPED_CALL:
    case TYPED_REDUCE:
        return origin_of_call(w, node);
    }
    bug("expression of kind %d", node->kind);
}

void report_pending(struct walk *w, const struct typed *value, struct span span,
                    enum error_code code, const char *what, const char *hint)
{
    if (!w->final)
        return;
    struct diagnostics *diagnostics = w->l->c->diagnostics;
    struct diagnostic *d = diagnose(diagnostics, span, code,
                                    "%s is pending: it is there only when the job runs", what);
    struct origin origin = value ? level_origin(w, value) : (struct origin){0};
    if (origin.span.source)
        diagnose_note(diagnostics, d, origin.span, "%s", origin.text);
    if (w->instance->called_at.source)
        diagnose_note(diagnostics, d, w->instance->called_at, "in the graph of this call of '%s'",
                      w->instance->template->typed.name);
    if (hint)
        diagnose_hint(diagnostics, d, "%s", hint);
}

static bool is_entries(const struct typed *node)
{
    return node->kind == TYPED_BUILTIN && node->builtin == BUILTIN_ENTRIES;
}

void report_unknown_shape(struct walk *w, const struct typed *array)
{
    if (!w->final)
        return;
    struct diagnostics *diagnostics = w->l->c->diagnostics;
    struct diagnostic *d =
        diagnose(diagnostics, array->span, ERR_unknown_shape,
                 is_entries(array) ? "the keys of this map are known only when the job runs"
                                   : "the extents of this array are known only when the job runs");
    struct origin origin = level_origin(w, array);
    if (origin.span.source)
        diagnose_note(diagnostics, d, origin.span, "%s", origin.text);
    if (is_entries(array))
        diagnose_hint(diagnostics, d, "go over a map in a task");
    else
        diagnose_hint(diagnostics, d,
                      "declare the extents of the result where it is computed, as in -> f64[n], or "
                      "leave this to a task");
}
