/*
 * Constant expressions, and the constants at the top level: let N = 16.
 */
#include <string.h>

#include "check/checker.h"
#include "value/semantics.h"

static bool fold_operands(const struct typed *node, const struct fold_binding *binding,
                          uint64_t *words, struct error *error)
{
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (!fold(node->operands[i], binding, &words[i], error))
            return false;
    return true;
}

static bool fold_variable(const struct variable *variable, const struct fold_binding *binding,
                          uint64_t *word)
{
    for (uint32_t i = 0; binding && i < binding->count; i++)
        if (binding->variables[i] == variable && (binding->values[i] >= 0 || binding->are_known)) {
            *word = (uint64_t)binding->values[i];
            return true;
        }
    return false;
}

/* What an index or part picks out of a list or tuple that is written out; else NULL. */
static const struct typed *find_item(const struct typed *node, const struct fold_binding *binding,
                                     struct error *error)
{
    const bool is_part = node->kind == TYPED_PART;
    const struct typed *list =
        fold_literal(is_part ? node->operands[0] : node->base, binding, error);
    uint64_t index = node->number;
    if (!list || (!is_part && (node->index_count != 1 || node->indexes[0].is_range ||
                               !fold(node->indexes[0].low, binding, &index, error))))
        return NULL;
    if (index < list->item_count)
        return list->items[index];
    error_set(error, ERR_index_out_of_bounds,
              "index %lld is out of bounds: dimension 0 has extent %u", (long long)index,
              list->item_count);
    return NULL;
}

const struct typed *fold_literal(const struct typed *node, const struct fold_binding *binding,
                                 struct error *error)
{
    if (node->kind == TYPED_ARRAY || node->kind == TYPED_TUPLE)
        return node;
    if (node->kind != TYPED_INDEX && node->kind != TYPED_PART)
        return NULL;
    const struct typed *item = find_item(node, binding, error);
    return item ? fold_literal(item, binding, error) : NULL;
}

bool fold(const struct typed *node, const struct fold_binding *binding, uint64_t *word,
          struct error *error)
{
    uint64_t words[3];
    error->code = ERR_none;
    if (!type_is_scalar(node->type))
        return false;
    switch (node->kind) {
    case TYPED_CONSTANT:
        *word = node->word;
        return true;
    case TYPED_VARIABLE:
        return fold_variable(node->variable, binding, word);
    case TYPED_OPERATION:
        return fold_operands(node, binding, words, error) &&
               semantics_evaluate(node->operation, node->operands[0]->type->scalar, words, word,
                                  error) == 0;
    case TYPED_CONVERT:
        return fold(node->operands[0], binding, words, error) &&
               semantics_convert(node->operands[0]->type->scalar, node->type->scalar, words[0],
                                 word, error) == 0;
    case TYPED_AND:
    case TYPED_OR:
        if (!fold(node->operands[0], binding, word, error))
            return false;
        return *word == (node->kind == TYPED_OR) || fold(node->operands[1], binding, word, error);
    case TYPED_IF:
        if (!fold(node->condition, binding, word, error))
            return false;
        return fold(*word ? node->then : node->otherwise, binding, word, error);
    case TYPED_INDEX:
    case TYPED_PART: {
        const struct typed *item = find_item(node, binding, error);
        return item && fold(item, binding, word, error);
    }
    case TYPED_EXTENT: {
        const struct typed *list = fold_literal(node->operands[0], binding, error);
        *word = list ? list->item_count : 0;
        return list && node->number == 0;
    }
    case TYPED_EQUAL:
    case TYPED_MATMUL:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_COMPREHENSION:
    case TYPED_CALL:
    case TYPED_BUILTIN:
    case TYPED_REDUCE:
        return false;
    }
    bug("expression of kind %d", node->kind);
}

enum { DEEPEST_CONSTANT = 200 };

/* ---- Top-level constants
 * ------------------------------------------------------------------------------- */

static void report_failure(struct checker *c, const struct typed *value, const struct error *error)
{
    if (error->code != ERR_none && error->code != ERR_not_constant) {
        diagnose(c->diagnostics, value->span, ERR_constant_fails,
                 "this constant cannot be computed: %s", error->message);
        return;
    }
    struct diagnostic *d = diagnose(c->diagnostics, value->span, ERR_not_constant,
                                    "a constant is made of literals and other constants%s%s",
                                    error->code ? "; " : "", error->code ? error->message : "");
    if (!type_is_scalar(value->type))
        diagnose_hint(c->diagnostics, d, "write a task that returns it");
}

static void evaluate(struct checker *c, struct constant *constant)
{
    const struct ast_declaration *d = constant->declaration;
    struct function *outer = c->function;
    c->function = NULL;
    struct typed *value = check_expression(c, d->constant.value);
    const struct type *type = d->constant.type ? types_resolve(c, d->constant.type) : NULL;
    value = type ? coerce(c, value, type,
                          &(struct purpose){.what = "the constant",
                                            .name = d->name.text,
                                            .because = d->constant.type->span,
                                            .because_text = "its type is given here"})
                 : settle(c, value);
    c->function = outer;
    struct error error;
    if (node_is_error(c, value))
        return;
    constant->value = fold_value(c, value, &error);
    if (!constant->value)
        report_failure(c, value, &error);
}

/* Says which constants lead from one to itself, from the first on. */
static void note_circle(struct checker *c, struct diagnostic *d, const struct constant *from,
                        const struct constant *first)
{
    if (from != first)
        note_circle(c, d, from->outer, first);
    diagnose_note(c->diagnostics, d, from->asked, "'%s' is defined by this",
                  from->declaration->name.text);
}

static void report_circle(struct checker *c, const struct constant *constant)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, constant->declaration->name.span, ERR_constant_cycle,
                 "the constant '%s' is defined by itself", constant->declaration->name.text);
    note_circle(c, d, c->active_constant, constant);
}

void constant_check(struct checker *c, struct constant *constant)
{
    switch (constant->state) {
    case CONSTANT_DONE:
        return;
    case CONSTANT_ACTIVE:
        report_circle(c, constant);
        constant->state = CONSTANT_DONE;
        return;
    case CONSTANT_NEW:
        constant->state = CONSTANT_ACTIVE;
        constant->outer = c->active_constant;
        c->active_constant = constant;
        if (++c->constant_depth > DEEPEST_CONSTANT)
            diagnose(c->diagnostics, constant->declaration->name.span, ERR_constant_cycle,
                     "constants are defined by later ones more than %d deep", DEEPEST_CONSTANT);
        else if (constant->declaration->constant.value)
            evaluate(c, constant);
        c->constant_depth--;
        c->active_constant = constant->outer;
        constant->state = CONSTANT_DONE;
        return;
    }
    bug("constant in state %d", (int)constant->state);
}
