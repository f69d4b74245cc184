/*
 * Constants that are arrays or tuples: their values are trees of literals, which stand for them
 * where they are used. They are made of what scalars are, and of lists, tuples, maps and
 * comprehensions over ranges and other constants.
 */
#include <string.h>

#include "check/checker.h"

enum {
    MOST_ELEMENTS = 65536, /* of one constant */
    DEEPEST_NEST = 8       /* of comprehensions in one another */
};

struct folding {
    struct checker *c;
    const struct variable *variables[DEEPEST_NEST]; /* of the comprehensions around */
    int64_t words[DEEPEST_NEST];
    uint32_t depth;
    uint32_t elements; /* made so far */
    struct error error;
};

static struct typed *fold_tree(struct folding *f, const struct typed *node);

static bool fold_word(struct folding *f, const struct typed *node, uint64_t *word)
{
    struct fold_binding binding = {f->variables, f->words, f->depth, .are_known = true};
    return fold(node, &binding, word, &f->error);
}

/* A node of `count` items, to be filled. NULL: there are too many. */
static struct typed *list_new(struct folding *f, const struct typed *like, uint64_t count)
{
    if (count > MOST_ELEMENTS - f->elements) {
        error_set(&f->error, ERR_not_constant, "it has more than %d elements", MOST_ELEMENTS);
        return NULL;
    }
    f->elements += (uint32_t)count;
    bool is_array = like->type->kind == TYPE_ARRAY;
    bool is_map = like->type->kind == TYPE_MAP;
    struct typed *list = node_new(f->c,
                                  is_map     ? TYPED_BUILTIN
                                  : is_array ? TYPED_ARRAY
                                             : TYPED_TUPLE,
                                  like->type, like->span);
    list->builtin = is_map ? BUILTIN_MAP : 0;
    list->items = arena_array(f->c->arena, struct typed *, count + 1);
    list->item_count = (uint32_t)count;
    if (is_array)
        node_set_extent(f->c, list, 0, (int64_t)count);
    return list;
}

static struct typed *fold_items(struct folding *f, const struct typed *node)
{
    struct typed *list = list_new(f, node, node->item_count);
    for (uint32_t i = 0; list && i < node->item_count; i++)
        if (!(list->items[i] = fold_tree(f, node->items[i])))
            return NULL;
    return list;
}

/* ---- Comprehensions ------------------------------------------------------------------------ */

/* The values that an iterator gives: of a range (NULL and its begin, step and count), or the items
 * of a constant. False: not constant. */
struct turns {
    const struct typed *list;
    int64_t begin, step;
    uint64_t count;
};

static bool fold_range(struct folding *f, const struct typed_iterator *iterator, struct turns *out)
{
    uint64_t low, high, step = 1;
    if (!fold_word(f, iterator->low, &low) || !fold_word(f, iterator->high, &high) ||
        (iterator->step && !fold_word(f, iterator->step, &step)))
        return false;
    *out = (struct turns){.begin = (int64_t)low, .step = (int64_t)step};
    __extension__ typedef __int128 wide;
    wide distance =
        out->step > 0 ? (wide)(int64_t)high - out->begin : (wide)out->begin - (int64_t)high;
    wide stride = out->step > 0 ? (wide)out->step : -(wide)out->step;
    if (stride == 0)
        return false;
    distance += iterator->inclusive;
    wide count = distance <= 0 ? 0 : (distance + stride - 1) / stride;
    out->count = count > MOST_ELEMENTS ? MOST_ELEMENTS + 1 : (uint64_t)count;
    return true;
}

static bool fold_turns(struct folding *f, const struct typed_iterator *iterator, struct turns *out)
{
    if (iterator->is_range)
        return fold_range(f, iterator, out);
    const struct typed *list = fold_tree(f, iterator->subject);
    if (!list || !type_is_scalar(list->type->element))
        return false;
    *out = (struct turns){.list = list, .count = list->item_count};
    return true;
}

static struct typed *fold_comprehension(struct folding *f, const struct typed *node)
{
    struct turns turns;
    if (node->iterator_count != 1 || node->filter || f->depth == DEEPEST_NEST ||
        !fold_turns(f, &node->iterators[0], &turns))
        return NULL;
    struct typed *list = list_new(f, node, turns.count);
    uint32_t depth = f->depth++;
    f->variables[depth] = node->iterators[0].variable;
    bool good = list != NULL;
    for (uint32_t i = 0; good && i < list->item_count; i++) {
        f->words[depth] = turns.list ? (int64_t)turns.list->items[i]->word
                                     : turns.begin + (int64_t)i * turns.step;
        good = (list->items[i] = fold_tree(f, node->body)) != NULL;
    }
    f->depth--;
    return good ? list : NULL;
}

/* ---- Any value ----------------------------------------------------------------------------- */

static struct typed *fold_tree(struct folding *f, const struct typed *node)
{
    uint64_t word;
    if (type_is_scalar(node->type))
        return fold_word(f, node, &word) ? node_constant(f->c, node->type, word, node->span) : NULL;
    if (node->kind == TYPED_CONSTANT)
        return node_text(f->c, node->text, node->word, node->span);
    const struct typed *literal = fold_literal(node, NULL, &f->error);
    if (literal || (node->kind == TYPED_BUILTIN && node->builtin == BUILTIN_MAP))
        return fold_items(f, literal ? literal : node);
    return node->kind == TYPED_COMPREHENSION ? fold_comprehension(f, node) : NULL;
}

struct typed *fold_value(struct checker *c, const struct typed *node, struct error *error)
{
    struct folding f = {.c = c};
    struct typed *value = fold_tree(&f, node);
    *error = f.error;
    return value;
}

static struct typed *copy_at(struct checker *c, const struct typed *value, struct span span)
{
    struct typed *copy = node_new(c, value->kind, value->type, span);
    *copy = *value;
    copy->span = span;
    if (value->kind == TYPED_CONSTANT)
        return copy;
    copy->items = arena_array(c->arena, struct typed *, value->item_count + 1);
    for (uint32_t i = 0; i < value->item_count; i++)
        copy->items[i] = copy_at(c, value->items[i], span);
    if (value->type->kind == TYPE_ARRAY)
        node_copy_extents(copy, value);
    return copy;
}

/* A map is made once for the body that uses it, however often and in whatever loops it does. */
static struct typed *use_map(struct checker *c, const struct constant *constant, struct span span)
{
    for (size_t i = 0; i < c->shared->list.count; i++)
        if (c->shared->list.items[i].constant == constant)
            return node_variable(c, c->shared->list.items[i].local, span);
    struct local *local =
        local_new(c, VARIABLE_LOCAL, NULL, constant->value->type, constant->value->span);
    vector_push(&c->shared->list, (struct shared_map){constant, local});
    return node_variable(c, local, span);
}

void constant_declare(struct checker *c, struct shared_maps *shared, struct statement_list *out)
{
    for (size_t i = 0; i < shared->list.count; i++) {
        const struct typed *value = shared->list.items[i].constant->value;
        statement_declare(c, out, shared->list.items[i].local, copy_at(c, value, value->span),
                          value->span);
    }
    vector_release(&shared->list);
}

struct typed *constant_use(struct checker *c, struct constant *constant, struct span span)
{
    if (c->active_constant)
        c->active_constant->asked = span;
    constant_check(c, constant);
    if (!constant->value)
        return node_error(c, span);
    if (constant->value->type->kind == TYPE_MAP && c->shared && c->function)
        return use_map(c, constant, span);
    return copy_at(c, constant->value, span);
}
