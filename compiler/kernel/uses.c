/*
 * Which variables the rest of a block reads or writes: what copies and moves depend on.
 */
#include "check/typed_tree.h"
#include "generator.h"

typedef bool typed_test(const struct typed *typed, const void *what);
typedef bool statement_test(const struct typed_statement *statement, const void *what);

struct search {
    statement_test *statement; /* or NULL */
    typed_test *typed;         /* or NULL */
    const void *what;
    bool found;
};

static void search_tree(void *context, struct typed **tree)
{
    struct search *search = context;
    search->found = search->found || search->typed(*tree, search->what);
    if (!search->found)
        typed_each_child(*tree, search_tree, search);
}

static void search_block(struct search *search, const struct typed_block *block, uint32_t from)
{
    for (uint32_t i = from; i < block->count && !search->found; i++) {
        const struct typed_statement *s = block->statements[i];
        if (search->statement && search->statement(s, search->what))
            search->found = true;
        else if (search->typed)
            typed_each_expression(s, search_tree, search);
        if (s->kind == STATEMENT_IF || s->kind == STATEMENT_WHILE) {
            search_block(search, &s->then, 0);
            search_block(search, &s->otherwise, 0);
        } else if (s->kind == STATEMENT_FOR) {
            search_block(search, &s->body, 0);
        }
    }
}

/* Whether the test holds for an expression or anything within it. NULL is nothing. */
static bool typed_any(const struct typed *typed, typed_test *test, const void *what)
{
    struct search search = {.typed = test, .what = what};
    struct typed *tree = (struct typed *)(uintptr_t)typed;
    if (tree)
        search_tree(&search, &tree);
    return search.found;
}

static bool block_any(const struct typed_block *block, uint32_t from, struct search search)
{
    search_block(&search, block, from);
    return search.found;
}

/* ---- Questions ------------------------------------------------------------------------------ */

static bool is_variable(const struct typed *typed, const void *variable)
{
    return typed->kind == TYPED_VARIABLE && typed->variable == variable;
}

static bool assigns(const struct typed_statement *statement, const void *variable)
{
    return statement->kind == STATEMENT_ASSIGN && statement->variable == variable;
}

bool typed_mentions(const struct typed *typed, const struct variable *variable)
{
    return typed_any(typed, is_variable, variable);
}

bool path_mentions(const struct typed_statement *s, const struct variable *variable)
{
    struct search search = {.typed = is_variable, .what = variable};
    typed_each_step(s, search_tree, &search);
    return search.found;
}

/* An assignment to a part or an element reads the variable, too; to the whole it does not, but then
 * there is something to drop: it counts as well. */
bool block_mentions(const struct typed_block *block, uint32_t from, const struct variable *variable)
{
    return block_any(block, from, (struct search){assigns, is_variable, variable, false});
}

bool block_assigns(const struct typed_block *block, uint32_t from, const struct variable *variable)
{
    return block_any(block, from, (struct search){assigns, NULL, variable, false});
}

static bool statement_is_loop(const struct typed_statement *statement, const void *what)
{
    (void)what;
    return statement->kind == STATEMENT_FOR || statement->kind == STATEMENT_WHILE;
}

static bool makes_loops(const struct typed *typed, const void *what)
{
    (void)what;
    switch (typed->kind) {
    case TYPED_CALL:
    case TYPED_COMPREHENSION:
    case TYPED_REDUCE:
    case TYPED_BUILTIN:
    case TYPED_MATMUL:
    case TYPED_EQUAL:
        return true;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
        return typed->type->kind == TYPE_ARRAY;
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_INDEX:
    case TYPED_EXTENT:
    case TYPED_PART:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_IF:
        break;
    }
    return false;
}

bool typed_is_long(const struct typed *typed)
{
    return typed_any(typed, makes_loops, NULL);
}

static bool counts_up(const struct typed *typed, const void *counter)
{
    enum { MANY_OPERATIONS = 16 };
    uint32_t *count = (uint32_t *)(uintptr_t)counter;
    *count += typed->kind == TYPED_OPERATION;
    return *count > MANY_OPERATIONS;
}

static bool is_index(const struct typed *typed, const void *what)
{
    (void)what;
    return typed->kind == TYPED_INDEX;
}

static bool takes_long(const struct typed *typed, const void *what)
{
    (void)what;
    if (typed->kind == TYPED_OPERATION)
        return typed->operation == OPERATION_DIV || typed->operation == OPERATION_REM ||
               operation_is_maths(typed->operation);
    for (uint32_t i = 0; typed->kind == TYPED_INDEX && i < typed->index_count; i++)
        if (typed_any(typed->indexes[i].low, is_index, NULL))
            return true;
    return false;
}

bool typed_indexes(const struct typed *typed)
{
    return typed_any(typed, is_index, NULL);
}

bool typed_is_dear(const struct typed *typed)
{
    uint32_t count = 0;
    return typed_any(typed, takes_long, NULL) || typed_any(typed, counts_up, &count);
}

static bool indexes_backward(const struct typed *typed, const void *what)
{
    (void)what;
    for (uint32_t i = 0; typed->kind == TYPED_INDEX && i < typed->index_count; i++) {
        const struct typed *low = typed->indexes[i].low;
        if (low && low->kind == TYPED_OPERATION && low->operation == OPERATION_SUB &&
            low->operands[1]->kind != TYPED_CONSTANT)
            return true;
    }
    return false;
}

bool typed_goes_backward(const struct typed *typed)
{
    return typed_any(typed, indexes_backward, NULL);
}

bool block_is_long(const struct typed_block *block)
{
    return block_any(block, 0, (struct search){statement_is_loop, makes_loops, NULL, false});
}

/* ---- Long ranges ---------------------------------------------------------------------------- */

/* The variable, perhaps with something added or subtracted. */
static bool is_shifted(const struct typed *typed, const struct variable *variable)
{
    if (typed->kind == TYPED_VARIABLE)
        return typed->variable == variable;
    if (typed->kind != TYPED_OPERATION ||
        (typed->operation != OPERATION_ADD && typed->operation != OPERATION_SUB))
        return false;
    return is_shifted(typed->operands[0], variable) || is_shifted(typed->operands[1], variable);
}

static bool is_indexed_by(const struct typed_index *indexes, uint32_t count,
                          const struct variable *variable)
{
    for (uint32_t i = 0; i < count; i++)
        if (!indexes[i].is_range && is_shifted(indexes[i].low, variable))
            return true;
    return false;
}

/* Whether the expression, when it is evaluated, surely indexes an array by the variable. */
static bool indexes_by(const struct typed *typed, const struct variable *variable)
{
    switch (typed->kind) {
    case TYPED_INDEX:
        return is_indexed_by(typed->indexes, typed->index_count, variable) ||
               indexes_by(typed->base, variable);
    case TYPED_OPERATION:
    case TYPED_CONVERT:
    case TYPED_PART:
        for (uint32_t i = 0; i < typed->operand_count; i++)
            if (indexes_by(typed->operands[i], variable))
                return true;
        return false;
    case TYPED_AND:
    case TYPED_OR:
        return indexes_by(typed->operands[0], variable);
    case TYPED_IF:
        return indexes_by(typed->condition, variable);
    case TYPED_TUPLE:
    case TYPED_ARRAY:
        for (uint32_t i = 0; i < typed->item_count; i++)
            if (indexes_by(typed->items[i], variable))
                return true;
        return false;
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
    case TYPED_EQUAL:
    case TYPED_MATMUL:
    case TYPED_EXTENT:
    case TYPED_COMPREHENSION:
    case TYPED_CALL:
    case TYPED_BUILTIN:
    case TYPED_REDUCE:
        break;
    }
    return false;
}

static bool statement_indexes_by(const struct typed_statement *s, const struct variable *variable)
{
    if (s->kind == STATEMENT_IF)
        return indexes_by(s->condition, variable);
    if (s->kind != STATEMENT_DECLARE && s->kind != STATEMENT_ASSIGN)
        return false;
    for (uint32_t i = 0; i < s->step_count; i++)
        if (s->steps[i].kind == STEP_INDEX &&
            is_indexed_by(s->steps[i].indexes, s->steps[i].index_count, variable))
            return true;
    return indexes_by(s->value, variable);
}

static bool is_bounded(const struct typed *end)
{
    enum { MANY_TURNS = 1 << 20 };
    if (end->kind == TYPED_CONSTANT)
        return (int64_t)end->word <= MANY_TURNS && (int64_t)end->word >= -MANY_TURNS;
    return end->kind == TYPED_EXTENT ||
           (end->kind == TYPED_VARIABLE && end->variable->kind == VARIABLE_DIMENSION);
}

bool range_is_unbounded(const struct typed_iterator *iterator, const struct typed_block *body)
{
    if (!iterator->is_range ||
        ((!iterator->low || is_bounded(iterator->low)) && is_bounded(iterator->high)))
        return false;
    for (uint32_t i = 0; i < body->count; i++) {
        const struct typed_statement *s = body->statements[i];
        if (statement_indexes_by(s, iterator->variable))
            return false;
        if (s->kind == STATEMENT_CONTINUE || s->kind == STATEMENT_IF)
            break; /* what follows may be passed over */
    }
    return true;
}

static bool declares(const struct typed_block *block, uint32_t until,
                     const struct variable *variable)
{
    for (uint32_t i = 0; i < until; i++) {
        const struct typed_statement *s = block->statements[i];
        if (s->kind == STATEMENT_DECLARE && s->variable == variable)
            return true;
    }
    return false;
}

bool variable_is_live(const struct generator *g, const struct variable *variable)
{
    for (const struct scope *scope = g->scope; scope; scope = scope->parent) {
        if (!scope->block)
            continue;
        if (block_mentions(scope->block, scope->at + 1, variable))
            return true;
        if (declares(scope->block, scope->at, variable))
            return false;
        if (scope->is_loop)
            return true;
    }
    return true;
}

bool view_survives(const struct typed *typed, const struct typed_block *block, uint32_t from)
{
    switch (typed->kind) {
    case TYPED_VARIABLE:
        return typed->variable->kind != VARIABLE_MUTABLE ||
               !block_assigns(block, from, typed->variable);
    case TYPED_INDEX:
        return view_survives(typed->base, block, from);
    case TYPED_PART:
        return view_survives(typed->operands[0], block, from);
    case TYPED_IF:
        return view_survives(typed->then, block, from) &&
               view_survives(typed->otherwise, block, from);
    case TYPED_TUPLE:
    case TYPED_BUILTIN: /* transpose and flatten give views */
        for (uint32_t i = 0; i < typed->item_count; i++) {
            if (!view_survives(typed->items[i], block, from))
                return false;
        }
        return true;
    case TYPED_CONSTANT:
    case TYPED_OPERATION:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_MATMUL:
    case TYPED_EXTENT:
    case TYPED_ARRAY:
    case TYPED_COMPREHENSION:
    case TYPED_CALL:
    case TYPED_REDUCE:
        break; /* values of their own */
    }
    return true;
}

bool view_is_stable(const struct generator *g, const struct typed *typed)
{
    const struct scope *scope = g->scope;
    while (scope && !scope->block)
        scope = scope->parent;
    return scope && view_survives(typed, scope->block, scope->at + 1);
}

void view_lend(struct generator *g, const struct typed *typed)
{
    if (typed->kind == TYPED_VARIABLE)
        g->slots[typed->variable->index].lent = true;
    else if (typed->kind == TYPED_INDEX)
        view_lend(g, typed->base);
    else if (typed->kind == TYPED_PART)
        view_lend(g, typed->operands[0]);
    bool has_items = typed->kind == TYPED_TUPLE || typed->kind == TYPED_BUILTIN;
    for (uint32_t i = 0; has_items && i < typed->item_count; i++)
        view_lend(g, typed->items[i]);
    if (typed->kind == TYPED_IF) {
        view_lend(g, typed->then);
        view_lend(g, typed->otherwise);
    }
}
