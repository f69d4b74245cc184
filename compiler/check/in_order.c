/*
 * What is asked of an array: all of it, or its elements in order; see in_order.h.
 */
#include "check/in_order.h"

#include "check/typed_tree.h"

struct asking {
    const struct variable *variable;
    bool has_rows;
    uint32_t calls;     /* deep: tasks that call tasks */
    const char *reason; /* NULL: none so far */
    const char *use;    /* what is done with a variable that is met now */
    bool in_loop;
};

static void ask(struct asking *a, const struct typed *node);
static const char *ask_task(const struct typed_function *task, uint32_t parameter, bool has_rows,
                            uint32_t calls);

static bool is_it(const struct asking *a, const struct typed *node)
{
    return node->kind == TYPED_VARIABLE && node->variable == a->variable;
}

static void need(struct asking *a, const char *reason)
{
    if (!a->reason)
        a->reason = reason;
}

/* An expression whose elements are taken in order. */
static void ask_elements(struct asking *a, const struct typed *node)
{
    if (!is_it(a, node))
        ask(a, node);
    else if (a->in_loop)
        need(a, "is read in a loop");
}

static void visit(void *context, struct typed **child)
{
    ask(context, *child);
}

/* The children of an expression, in which the variable is used so. */
static void ask_children(struct asking *a, const struct typed *node, const char *use)
{
    const char *before = a->use;
    a->use = use;
    typed_each_child(node, visit, a);
    a->use = before;
}

static void ask_iterator(struct asking *a, const struct typed_iterator *iterator, bool is_alone)
{
    if (iterator->is_range) {
        const struct typed *bounds[] = {iterator->low, iterator->high, iterator->step};
        for (int i = 0; i < 3; i++)
            if (bounds[i])
                ask(a, bounds[i]);
    } else if (!is_it(a, iterator->subject)) {
        ask(a, iterator->subject);
    } else if (!is_alone) {
        need(a, "is gone over again and again");
    } else if (iterator->subject->type->rank > 1 && !a->has_rows) {
        need(a, "is gone over by rows");
    } else {
        ask_elements(a, iterator->subject);
    }
}

static void ask_comprehension(struct asking *a, const struct typed *node)
{
    for (uint32_t i = 0; i < node->iterator_count; i++)
        ask_iterator(a, &node->iterators[i], node->iterator_count == 1);
    bool before = a->in_loop;
    a->in_loop = true;
    if (node->filter)
        ask(a, node->filter);
    ask(a, node->body);
    a->in_loop = before;
}

static void ask_reduce(struct asking *a, const struct typed *node)
{
    const struct typed *others[] = {node->initial, node->arity, node->chunk};
    ask_elements(a, node->subject);
    for (int i = 0; i < 3; i++)
        if (others[i])
            ask(a, others[i]);
}

static void ask_call(struct asking *a, const struct typed *node)
{
    for (uint32_t i = 0; i < node->argument_count; i++) {
        if (!is_it(a, node->arguments[i])) {
            ask(a, node->arguments[i]);
            continue;
        }
        ask_elements(a, node->arguments[i]);
        const char *reason = ask_task(node->callee, i, a->has_rows, a->calls + 1);
        if (reason)
            need(a, reason);
    }
}

static void ask(struct asking *a, const struct typed *node)
{
    switch (node->kind) {
    case TYPED_VARIABLE:
        if (is_it(a, node))
            need(a, a->use);
        return;
    case TYPED_EXTENT:
        if (!is_it(a, node->operands[0]))
            ask_children(a, node, a->use);
        return;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
        for (uint32_t i = 0; i < node->operand_count; i++)
            ask_elements(a, node->operands[i]);
        return;
    case TYPED_COMPREHENSION:
        ask_comprehension(a, node);
        return;
    case TYPED_REDUCE:
        ask_reduce(a, node);
        return;
    case TYPED_CALL:
        ask_call(a, node);
        return;
    case TYPED_BUILTIN:
        if (typed_takes_elements(node) || node->builtin == BUILTIN_CONCAT)
            for (uint32_t i = 0; i < node->item_count; i++)
                ask_elements(a, node->items[i]);
        else
            ask_children(a, node, "goes to a function that needs all of it");
        return;
    case TYPED_INDEX:
        ask_children(a, node, "is indexed");
        return;
    case TYPED_MATMUL:
        ask_children(a, node, "is multiplied as a matrix");
        return;
    case TYPED_EQUAL:
        ask_children(a, node, "is compared");
        return;
    case TYPED_CONSTANT:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_PART:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_IF:
        ask_children(a, node, a->use);
        return;
    }
}

static void ask_block(struct asking *a, const struct typed_block *block, uint32_t from);

static void ask_again(struct asking *a, const struct typed *condition,
                      const struct typed_block *block)
{
    bool before = a->in_loop;
    a->in_loop = true;
    if (condition)
        ask(a, condition);
    ask_block(a, block, 0);
    a->in_loop = before;
}

static void ask_statement(struct asking *a, const struct typed_statement *s)
{
    switch (s->kind) {
    case STATEMENT_FOR:
        ask_iterator(a, &s->iterator, true);
        ask_again(a, NULL, &s->body);
        return;
    case STATEMENT_WHILE:
        ask_again(a, s->condition, &s->then);
        return;
    case STATEMENT_IF:
        ask(a, s->condition);
        ask_block(a, &s->then, 0);
        ask_block(a, &s->otherwise, 0);
        return;
    case STATEMENT_DECLARE:
    case STATEMENT_ASSIGN:
    case STATEMENT_EVALUATE:
    case STATEMENT_BREAK:
    case STATEMENT_CONTINUE:
    case STATEMENT_RETURN:
    case STATEMENT_FAIL:
    case STATEMENT_LOG:
        a->use = s->kind == STATEMENT_RETURN ? "is returned" : "is kept";
        typed_each_expression(s, visit, a);
        return;
    }
}

static void ask_block(struct asking *a, const struct typed_block *block, uint32_t from)
{
    for (uint32_t i = from; i < block->count; i++)
        ask_statement(a, block->statements[i]);
}

const char *block_not_in_order(const struct typed_block *block, uint32_t from,
                               const struct variable *variable, bool has_rows)
{
    struct asking a = {.variable = variable, .has_rows = has_rows};
    ask_block(&a, block, from);
    return a.reason;
}

static const char *ask_task(const struct typed_function *task, uint32_t parameter, bool has_rows,
                            uint32_t calls)
{
    enum { MOST_CALLS = 8 };
    if (task->foreign)
        return "goes to C";
    if (task->fallback)
        return "goes to a task with a `@fallback`";
    if (task->is_recursive || calls > MOST_CALLS || task->body.count == 0)
        return "goes to a task that is not looked into";
    struct asking a = {
        .variable = task->parameters[parameter], .has_rows = has_rows, .calls = calls};
    ask_block(&a, &task->body, 0);
    return a.reason;
}

const char *task_not_in_order(const struct typed_function *task, uint32_t parameter, bool has_rows)
{
    return ask_task(task, parameter, has_rows, 0);
}
