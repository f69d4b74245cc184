/*
 * Walking, copying and comparing typed trees; see typed_tree.h.
 */
#include "check/typed_tree.h"

/* ---- Walking -------------------------------------------------------------------------------- */

static void visit_one(struct typed **child, typed_visit *visit, void *context)
{
    if (*child)
        visit(context, child);
}

static void visit_list(struct typed **list, uint32_t count, typed_visit *visit, void *context)
{
    for (uint32_t i = 0; i < count; i++)
        visit_one(&list[i], visit, context);
}

static void visit_indexes(struct typed_index *indexes, uint32_t count, typed_visit *visit,
                          void *context)
{
    for (uint32_t i = 0; i < count; i++) {
        visit_one(&indexes[i].low, visit, context);
        visit_one(&indexes[i].high, visit, context);
    }
}

static void visit_iterator(struct typed_iterator *iterator, typed_visit *visit, void *context)
{
    visit_one(&iterator->low, visit, context);
    visit_one(&iterator->high, visit, context);
    visit_one(&iterator->step, visit, context);
    visit_one(&iterator->subject, visit, context);
}

void typed_each_child(const struct typed *tree, typed_visit *visit, void *context)
{
    struct typed *node = (struct typed *)(uintptr_t)tree;
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
        return;
    case TYPED_OPERATION:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_MATMUL:
    case TYPED_EXTENT:
    case TYPED_PART:
        visit_list(node->operands, node->operand_count, visit, context);
        return;
    case TYPED_INDEX:
        visit_one(&node->base, visit, context);
        visit_indexes(node->indexes, node->index_count, visit, context);
        return;
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_BUILTIN:
        visit_list(node->items, node->item_count, visit, context);
        return;
    case TYPED_COMPREHENSION:
        for (uint32_t i = 0; i < node->iterator_count; i++)
            visit_iterator(&node->iterators[i], visit, context);
        visit_one(&node->filter, visit, context);
        visit_one(&node->body, visit, context);
        return;
    case TYPED_IF:
        visit_one(&node->condition, visit, context);
        visit_one(&node->then, visit, context);
        visit_one(&node->otherwise, visit, context);
        return;
    case TYPED_CALL:
        visit_list(node->arguments, node->argument_count, visit, context);
        return;
    case TYPED_REDUCE:
        visit_one(&node->subject, visit, context);
        visit_one(&node->initial, visit, context);
        visit_one(&node->arity, visit, context);
        visit_one(&node->chunk, visit, context);
        return;
    }
}

void typed_each_step(const struct typed_statement *s, typed_visit *visit, void *context)
{
    for (uint32_t i = 0; i < s->step_count; i++) {
        if (s->steps[i].kind == STEP_INDEX)
            visit_indexes(s->steps[i].indexes, s->steps[i].index_count, visit, context);
        else if (s->steps[i].kind == STEP_KEY)
            visit_one(&s->steps[i].key, visit, context);
    }
}

void typed_each_expression(const struct typed_statement *statement, typed_visit *visit,
                           void *context)
{
    struct typed_statement *s = (struct typed_statement *)(uintptr_t)statement;
    switch (s->kind) {
    case STATEMENT_DECLARE:
    case STATEMENT_ASSIGN:
    case STATEMENT_EVALUATE:
    case STATEMENT_RETURN:
        typed_each_step(s, visit, context);
        visit_one(&s->value, visit, context);
        return;
    case STATEMENT_IF:
    case STATEMENT_WHILE:
        visit_one(&s->condition, visit, context);
        return;
    case STATEMENT_FOR:
        visit_iterator(&s->iterator, visit, context);
        return;
    case STATEMENT_BREAK:
    case STATEMENT_CONTINUE:
        return;
    case STATEMENT_FAIL:
    case STATEMENT_LOG:
        for (uint32_t i = 0; i < s->piece_count; i++)
            visit_one(&s->pieces[i].value, visit, context);
        return;
    }
}

static void count_node(void *context, struct typed **child)
{
    *(uint32_t *)context += typed_size(*child);
}

uint32_t typed_size(const struct typed *node)
{
    uint32_t size = 1;
    typed_each_child(node, count_node, &size);
    return size;
}

/* ---- Copying -------------------------------------------------------------------------------- */

static void own(struct arena *arena, void *list, size_t bytes)
{
    void **place = list;
    if (bytes)
        *place = arena_copy(arena, *place, bytes);
}

struct typed *typed_copy_node(struct arena *arena, const struct typed *node)
{
    struct typed *copy = arena_copy(arena, node, sizeof *node);
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
    case TYPED_OPERATION:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_MATMUL:
    case TYPED_EXTENT:
    case TYPED_PART:
    case TYPED_IF:
    case TYPED_REDUCE:
        break;
    case TYPED_INDEX:
        own(arena, &copy->indexes, node->index_count * sizeof *node->indexes);
        break;
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_BUILTIN:
        own(arena, &copy->items, node->item_count * sizeof *node->items);
        break;
    case TYPED_COMPREHENSION:
        own(arena, &copy->iterators, node->iterator_count * sizeof *node->iterators);
        break;
    case TYPED_CALL:
        own(arena, &copy->arguments, node->argument_count * sizeof *node->arguments);
        break;
    }
    return copy;
}

/* ---- Questions ------------------------------------------------------------------------------ */

static bool same_operands(const struct typed *a, const struct typed *b)
{
    if (a->operand_count != b->operand_count || a->number != b->number ||
        a->operation != b->operation)
        return false;
    for (uint32_t i = 0; i < a->operand_count; i++)
        if (!typed_same(a->operands[i], b->operands[i]))
            return false;
    return true;
}

bool typed_same(const struct typed *a, const struct typed *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->type != b->type)
        return false;
    if (a->kind == TYPED_CONSTANT)
        return type_is_scalar(a->type) && a->word == b->word;
    if (a->kind == TYPED_VARIABLE)
        return a->variable == b->variable;
    if (a->kind == TYPED_EXTENT || a->kind == TYPED_PART ||
        (a->kind == TYPED_OPERATION && type_is_scalar(a->type)))
        return same_operands(a, b);
    return false;
}

bool typed_operation_is_total(enum operation operation, const struct type *operand)
{
    if (operation == OPERATION_SHL || operation == OPERATION_SHR)
        return false;
    return type_is_float(operand) || (operation != OPERATION_DIV && operation != OPERATION_REM);
}

bool typed_conversion_is_total(const struct type *from, const struct type *to)
{
    return from == to || (type_is_float(to) && !type_is_bool(from));
}
