/*
 * What a composition knows of its expressions: extents, and whether they can fail; and the
 * substitution of lets that rests on both.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "flow/compose.h"
#include "flow/mutant.h"
#include "check/typed_tree.h"

/* ---- Extents -------------------------------------------------------------------------------- */

static struct compose_shape *find_shape(struct compose *c, const struct variable *variable)
{
    for (size_t i = 0; i < c->shapes.count; i++)
        if (c->shapes.items[i].variable == variable)
            return &c->shapes.items[i];
    return NULL;
}

void compose_set_extent(struct compose *c, const struct variable *variable, uint32_t dimension,
                        struct typed *extent)
{
    struct compose_shape *shape = find_shape(c, variable);
    if (!shape) {
        vector_push(&c->shapes,
                    (struct compose_shape){
                        variable, arena_array(c->arena, struct typed *, variable->type->rank)});
        shape = &vector_last(&c->shapes);
    }
    shape->extents[dimension] = extent;
}

static struct typed *extent_node(struct compose *c, const struct typed *array, uint32_t dimension)
{
    struct typed *node = compose_node(c, TYPED_EXTENT, type_scalar(c->module->types, WK_I64));
    node->operands[0] = typed_copy_node(c->arena, array);
    node->operand_count = 1;
    node->number = dimension;
    return node;
}

/* A part of a variable, or of a part of it. */
static bool is_place(const struct typed *node)
{
    while (node->kind == TYPED_PART)
        node = node->operands[0];
    return node->kind == TYPED_VARIABLE;
}

static struct typed *elementwise_extent(struct compose *c, const struct typed *node,
                                        uint32_t dimension)
{
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (node->operands[i]->type->kind == TYPE_ARRAY)
            return compose_extent(c, node->operands[i], dimension);
    return NULL;
}

static bool is_never_negative(const struct typed *node)
{
    return node->kind == TYPED_EXTENT || (node->kind == TYPED_CONSTANT && (int64_t)node->word >= 0);
}

/* A range from 0 has as many turns as its end says if that is not negative. */
static struct typed *iterator_extent(struct compose *c, const struct typed_iterator *iterator)
{
    if (!iterator->is_range)
        return iterator->subject->type->kind == TYPE_ARRAY ? compose_extent(c, iterator->subject, 0)
                                                           : NULL;
    bool counts_up = iterator->low->kind == TYPED_CONSTANT && iterator->low->word == 0 &&
                     !iterator->step && !iterator->inclusive;
    return counts_up && is_never_negative(iterator->high) ? iterator->high : NULL;
}

struct typed *compose_extent(struct compose *c, const struct typed *array, uint32_t dimension)
{
    const struct compose_shape *shape;
    switch (array->kind) {
    case TYPED_VARIABLE:
        shape = find_shape(c, array->variable);
        return shape && shape->extents[dimension] ? shape->extents[dimension]
                                                  : extent_node(c, array, dimension);
    case TYPED_PART:
        return is_place(array) ? extent_node(c, array, dimension) : NULL;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
        return elementwise_extent(c, array, dimension);
    case TYPED_COMPREHENSION:
        return array->filter ? NULL : iterator_extent(c, &array->iterators[dimension]);
    case TYPED_CONSTANT:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_MATMUL:
    case TYPED_INDEX:
    case TYPED_EXTENT:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_IF:
    case TYPED_CALL:
    case TYPED_BUILTIN:
    case TYPED_REDUCE:
        return NULL;
    }
    return NULL;
}

/* ---- Failures ------------------------------------------------------------------------------- */

static bool agree(struct compose *c, const struct typed *left, const struct typed *right)
{
    for (uint32_t d = 0; d < left->type->rank; d++) {
        struct typed *a = compose_extent(c, left, d), *b = compose_extent(c, right, d);
        if (!a || !b || !typed_same(a, b))
            return false;
    }
    return true;
}

/* Whether the extents of all operands that are arrays are known to be equal. */
static bool operands_agree(struct compose *c, const struct typed *node)
{
    const struct typed *first = NULL;
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const struct typed *operand = node->operands[i];
        if (operand->type->kind != TYPE_ARRAY)
            continue;
        if (first && !agree(c, first, operand))
            return false;
        first = first ? first : operand;
    }
    return true;
}

static const struct type *element_of(const struct type *type)
{
    return type->kind == TYPE_ARRAY ? type->element : type;
}

struct totality {
    struct compose *c;
    bool is_total;
};

static void visit_total(void *context, struct typed **child)
{
    struct totality *t = context;
    t->is_total = t->is_total && compose_is_total(t->c, *child);
}

/* Over one array of rank 1, or a range by ones, without a filter: an element for each index. */
static bool is_plain_comprehension(const struct typed *node)
{
    const struct typed_iterator *iterator = &node->iterators[0];
    if (node->iterator_count != 1 || node->filter || !type_is_scalar(node->body->type))
        return false;
    return iterator->is_range ? !iterator->step && !iterator->inclusive
                              : iterator->subject->type->kind == TYPE_ARRAY &&
                                    type_is_scalar(iterator->variable->type);
}

/* Of the node itself, its children aside. */
static bool is_total_node(struct compose *c, const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_EXTENT:
    case TYPED_PART:
    case TYPED_TUPLE:
    case TYPED_IF:
        return true;
    case TYPED_OPERATION:
        return typed_operation_is_total(node->operation, element_of(node->operands[0]->type)) &&
               operands_agree(c, node);
    case TYPED_CONVERT:
        return typed_conversion_is_total(element_of(node->operands[0]->type),
                                         element_of(node->type));
    case TYPED_BUILTIN:
        return node->builtin == BUILTIN_SUM;
    case TYPED_COMPREHENSION:
        return is_plain_comprehension(node);
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

bool compose_is_total(struct compose *c, const struct typed *node)
{
    if (!is_total_node(c, node))
        return false;
    struct totality t = {c, true};
    typed_each_child(node, visit_total, &t);
    return t.is_total;
}

/* ---- Substitution --------------------------------------------------------------------------- */

/* How an expression reads a variable: everywhere, and as an operand of elementwise expressions that
 * are evaluated once, or of sums and the like. */
struct reading {
    const struct variable *variable;
    uint32_t all, lazy;
    bool is_once, is_lazy; /* of the node that is visited */
    struct typed *value;   /* or NULL: what the variable is replaced by */
    struct compose *c;
};

static void read_node(struct reading *r, struct typed **place);

static void visit_reading(void *context, struct typed **child)
{
    read_node(context, child);
}

static void replace(const struct reading *r, struct typed **place)
{
    /* A second use gets a root of its own; nothing below it is ever changed again. */
    *place = r->value;
}

/* What a comprehension goes over is wanted element by element, once; what it does with each is done
 * again and again. */
static void read_comprehension(struct reading *r, struct typed *node)
{
    bool was_once = r->is_once, was_lazy = r->is_lazy;
    for (uint32_t i = 0; i < node->iterator_count; i++) {
        struct typed_iterator *iterator = &node->iterators[i];
        struct typed **ends[] = {&iterator->low, &iterator->high, &iterator->step};
        r->is_lazy = false;
        for (size_t e = 0; iterator->is_range && e < sizeof ends / sizeof *ends; e++)
            if (*ends[e])
                read_node(r, ends[e]);
        r->is_lazy =
            node->iterator_count == 1 && !iterator->is_range && iterator->subject->type->rank == 1;
        if (!iterator->is_range)
            read_node(r, &iterator->subject);
    }
    r->is_once = r->is_lazy = false;
    if (node->filter)
        read_node(r, &node->filter);
    read_node(r, &node->body);
    r->is_once = was_once;
    r->is_lazy = was_lazy;
}

static void read_node(struct reading *r, struct typed **place)
{
    struct typed *node = *place;
    if (node->kind == TYPED_VARIABLE && node->variable == r->variable) {
        r->all++;
        r->lazy += r->is_once && r->is_lazy;
        if (r->value)
            replace(r, place);
        return;
    }
    if (node->kind == TYPED_COMPREHENSION) {
        read_comprehension(r, node);
        return;
    }
    bool was_lazy = r->is_lazy;
    r->is_lazy = typed_is_elementwise(node) || typed_takes_elements(node);
    typed_each_child(node, visit_reading, r);
    r->is_lazy = was_lazy;
}

static void read_statements(struct reading *r, size_t from)
{
    for (size_t i = from; i < r->c->statements.count; i++) {
        struct typed_statement *s = r->c->statements.items[i];
        if (!s->value)
            continue;
        r->is_once = true;
        /* What is returned or bound as a whole may as well be made there. */
        r->is_lazy = s->value->kind == TYPED_VARIABLE;
        read_node(r, &s->value);
    }
}

/* Whether making elements again costs no more than reading them: a few operations, nothing that is
 * computed for the whole. */
struct weight {
    uint32_t nodes;
    bool is_light;
};

static void weigh(void *context, struct typed **child)
{
    struct weight *w = context;
    const struct typed *node = *child;
    w->nodes++;
    w->is_light = w->is_light && node->kind != TYPED_BUILTIN && node->kind != TYPED_IF &&
                  node->kind != TYPED_COMPREHENSION &&
                  (node->kind != TYPED_OPERATION || node->operation < OPERATION_EXP) &&
                  (node->kind != TYPED_OPERATION ||
                   (node->operation != OPERATION_DIV && node->operation != OPERATION_REM &&
                    node->operation != OPERATION_SQRT));
    typed_each_child(*child, weigh, w);
}

/* Of a comprehension what it does for an element counts. */
static struct weight weight_of(struct typed *value)
{
    struct weight w = {.is_light = true};
    if (value->kind == TYPED_COMPREHENSION)
        typed_each_child(value, weigh, &w);
    else
        weigh(&w, &value);
    return w;
}

static bool can_repeat(struct typed *value, uint32_t uses)
{
    enum { MOST_NODES = 64 };
    struct weight w = weight_of(value);
    return uses <= 1 || (w.is_light && uses * w.nodes <= MOST_NODES);
}

bool compose_is_light(struct typed *value)
{
    enum { MOST_NODES = 16 };
    struct weight w = weight_of(value);
    return w.is_light && w.nodes <= MOST_NODES;
}

static bool is_joinable(struct compose *c, const struct typed_statement *s)
{
    return s->kind == STATEMENT_DECLARE && s->variable->type->kind == TYPE_ARRAY &&
           type_is_scalar(s->variable->type->element) &&
           (typed_is_elementwise(s->value) || s->value->kind == TYPED_COMPREHENSION) &&
           (compose_is_total(c, s->value) || FLOW_MUTANT(COMPOSE_FAILURE));
}

/* Substitutes the let at `at`; whether it did. */
static bool contract_one(struct compose *c, size_t at)
{
    struct typed_statement *s = c->statements.items[at];
    if (!is_joinable(c, s))
        return false;
    struct reading r = {.variable = s->variable, .c = c};
    read_statements(&r, at + 1);
    if (r.all != r.lazy || !can_repeat(s->value, r.all))
        return false;
    r.value = s->value;
    read_statements(&r, at + 1);
    return true;
}

void compose_contract(struct compose *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->statements.count; i++)
        if (!contract_one(c, i))
            c->statements.items[kept++] = c->statements.items[i];
    c->statements.count = kept;
}
