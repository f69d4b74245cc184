/*
 * Walking, copying and comparing typed trees: for those who make tasks of other tasks, and for
 * those who ask what a piece of code uses.
 */
#ifndef WKC_CHECK_TYPED_TREE_H
#define WKC_CHECK_TYPED_TREE_H

#include "base/arena.h"
#include "check/typed.h"

/* Calls `visit` with the place of each child of an expression that there is, in the order in which
 * they are evaluated. A visitor may only write there if the tree is the caller's own. The children
 * of a comprehension are those of its iterators, then the filter and the body. */
typedef void typed_visit(void *context, struct typed **child);
void typed_each_child(const struct typed *node, typed_visit *visit, void *context);
/* The same for a statement's expressions: its value, condition, iterator, steps and pieces, not
 * those of the statements within. */
void typed_each_expression(const struct typed_statement *statement, typed_visit *visit,
                           void *context);
/* The same for the steps alone: the indexes and keys that lead to what a statement assigns. */
void typed_each_step(const struct typed_statement *statement, typed_visit *visit, void *context);

/* The nodes of an expression. */
uint32_t typed_size(const struct typed *node);

/* A copy of the node alone that has arrays of its own where its children stand. */
struct typed *typed_copy_node(struct arena *arena, const struct typed *node);

/* Whether two expressions are of the same form over the same variables, so that they give the same
 * value wherever both can be evaluated. Answers false for what it does not know: it knows
 * constants, variables, extents, parts and operations on scalars. */
bool typed_same(const struct typed *a, const struct typed *b);

/* An operation or conversion that gives an array, element by element. */
static inline bool typed_is_elementwise(const struct typed *node)
{
    return (node->kind == TYPED_OPERATION || node->kind == TYPED_CONVERT) &&
           node->type->kind == TYPE_ARRAY;
}

/* Whether an expression puts arrays together, so that their elements, in order, are its own. */
static inline bool typed_is_join(const struct typed *node)
{
    return node->kind == TYPED_BUILTIN &&
           (node->builtin == BUILTIN_CONCAT || node->builtin == BUILTIN_CONCAT_ALL ||
            node->builtin == BUILTIN_UNTILE ||
            (node->builtin == BUILTIN_FLATTEN &&
             node->items[0]->type->element != node->type->element));
}

/* Whether an expression is made of the elements of its array, one after the other. */
static inline bool typed_takes_elements(const struct typed *node)
{
    return node->kind == TYPED_BUILTIN &&
           (node->builtin == BUILTIN_SUM || node->builtin == BUILTIN_MIN_OF ||
            node->builtin == BUILTIN_MAX_OF || node->builtin == BUILTIN_ANY ||
            node->builtin == BUILTIN_ALL || node->builtin == BUILTIN_COUNT);
}

/* Whether an operation on scalars, or on elements, gives a value for all operands. */
bool typed_operation_is_total(enum operation operation, const struct type *operand);
bool typed_conversion_is_total(const struct type *from, const struct type *to);

#endif
