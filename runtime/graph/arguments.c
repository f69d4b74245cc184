/* The arguments of nodes; see arguments.h. */
#include "graph/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/loaded.h"

static const struct type *parse_type(struct dag_signatures *signatures, const char *text)
{
    const struct type *type = type_parse(&signatures->types, text);
    return type && type_has_words(type) && type->leaf_count <= FLOW_MOST_LEAVES ? type : NULL;
}

int dag_signatures_init(struct dag_signatures *signatures, const struct dag *dag,
                        struct error *error)
{
    arena_init(&signatures->arena);
    type_table_init(&signatures->types, &signatures->arena);
    signatures->parameters = arena_array(&signatures->arena, const struct type *, dag->task_count);
    signatures->results = arena_array(&signatures->arena, const struct type *, dag->task_count);
    for (uint32_t t = 0; t < dag->task_count; t++) {
        const char *parameters = dag_string(dag, dag->tasks[t].parameter_types);
        const char *result = dag_string(dag, dag->tasks[t].result_type);
        if (*parameters) {
            signatures->parameters[t] = parse_type(signatures, parameters);
            if (!signatures->parameters[t] || signatures->parameters[t]->kind != TYPE_TUPLE)
                return error_set(error, ERR_bad_dag, "D7: task %u has parameters '%s'", t,
                                 parameters);
        }
        if (*result && !(signatures->results[t] = parse_type(signatures, result)))
            return error_set(error, ERR_bad_dag, "D7: task %u has the result '%s'", t, result);
    }
    return 0;
}

void dag_signatures_release(struct dag_signatures *signatures)
{
    type_table_release(&signatures->types);
    arena_release(&signatures->arena);
}

void dag_cursor_begin(struct dag_cursor *cursor, const struct dag *dag,
                      const struct dag_signatures *signatures, uint32_t node)
{
    const struct dag_node *n = &dag->nodes[node];
    *cursor =
        (struct dag_cursor){.code = dag->pattern_codes + dag->patterns[n->pattern],
                            .end_of_codes = dag->pattern_codes + dag->patterns[n->pattern + 1],
                            .word = dag->words + n[0].first_word,
                            .end_of_words = dag->words + n[1].first_word,
                            .ref = dag->refs + n[0].first_ref,
                            .end_of_refs = dag->refs + n[1].first_ref,
                            .parameters = signatures->parameters[n->task]};
}

static bool refuse(struct dag_cursor *cursor, const char *what)
{
    cursor->wrong = what;
    return false;
}

static const char *parameter_name(const struct type *parameters, uint32_t leaf)
{
    uint32_t part = 0;
    for (; leaf >= flow_leaf_count(parameters->parts[part]); part++)
        leaf -= flow_leaf_count(parameters->parts[part]);
    return parameters->names ? parameters->names[part] : NULL;
}

const struct type *dag_next_leaf(const struct type *parameters, uint32_t *leaf, bool is_order,
                                 const char **name)
{
    uint32_t count = parameters && parameters->part_count ? flow_leaf_count(parameters) : 0;
    while (*leaf < count) {
        const struct type *type = flow_leaf(parameters, *leaf);
        *name = parameter_name(parameters, (*leaf)++);
        if (!type_is_unit(type) || is_order)
            return type;
    }
    *name = NULL;
    return NULL;
}

struct dag_form dag_form_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_SCALAR:
        return (struct dag_form){(uint8_t)type->scalar, 0};
    case TYPE_STRING:
        return (struct dag_form){WK_U8, 1};
    case TYPE_FILE:
        return (struct dag_form){WK_I64, 0};
    case TYPE_ARRAY:
        return (struct dag_form){type_is_scalar(type->element) ? (uint8_t)type->element->scalar
                                                               : DAG_OPAQUE,
                                 type->rank};
    case TYPE_MAP:
        return (struct dag_form){DAG_OPAQUE, 0};
    case TYPE_TUPLE:
    case TYPE_STRUCT:
    case TYPE_FUNCTION:
        break;
    }
    bug("a view of a type of kind %d", (int)type->kind);
}

const char *dag_form_text(uint8_t scalar)
{
    return scalar == DAG_OPAQUE ? "any" : wk_scalar_text((enum wk_scalar)scalar);
}

static void find_leaf(struct dag_cursor *cursor, struct dag_item *item)
{
    item->leaf =
        dag_next_leaf(cursor->parameters, &cursor->leaf, item->kind == DAG_ARG_ORDER, &item->name);
}

static bool fits(const struct dag_cursor *cursor, const struct dag_item *item)
{
    if (!cursor->parameters)
        return true;
    if (!item->leaf || item->kind == DAG_ARG_ORDER)
        return item->kind == DAG_ARG_ORDER && (!item->leaf || type_is_unit(item->leaf));
    if (item->kind == DAG_ARG_WORD)
        return dag_is_word(item->leaf);
    return item->kind == DAG_ARG_REF ||
           (item->leaf->kind == TYPE_ARRAY && item->leaf->rank == item->rank);
}

static bool take_words(struct dag_cursor *cursor, struct dag_item *item, uint64_t count)
{
    item->words = cursor->word;
    if (count > (uint64_t)(cursor->end_of_words - cursor->word))
        return refuse(cursor, "fewer words than its pattern takes");
    cursor->word += count;
    return true;
}

static bool take_refs(struct dag_cursor *cursor, struct dag_item *item, uint64_t count)
{
    item->refs = cursor->ref;
    item->ref_count = count;
    if (count > (uint64_t)(cursor->end_of_refs - cursor->ref))
        return refuse(cursor, "fewer refs than its pattern takes");
    cursor->ref += count;
    return true;
}

/* The elements of a gather: the product of its extents, times the leaves of an element. */
static bool take_gather(struct dag_cursor *cursor, struct dag_item *item)
{
    uint64_t count = 1;
    bool is_empty = false;
    item->leaves = item->leaf ? flow_leaf_count(item->leaf->element) : 1;
    if (item->rank < 1 || item->rank > WK_MAX_RANK)
        return refuse(cursor, "a gather of an impossible rank");
    if (!take_words(cursor, item, item->rank))
        return false;
    for (uint32_t d = 0; d < item->rank; d++) {
        is_empty |= item->words[d] == 0;
        if ((int64_t)item->words[d] < 0)
            return refuse(cursor, "a gather with a negative extent");
    }
    for (uint32_t d = 0; d < item->rank && !is_empty; d++)
        if (__builtin_mul_overflow(count, item->words[d], &count) || count > UINT32_MAX)
            return refuse(cursor, "fewer refs than its pattern takes");
    return take_refs(cursor, item, is_empty ? 0 : count * item->leaves);
}

bool dag_cursor_next(struct dag_cursor *cursor, struct dag_item *item)
{
    *item = (struct dag_item){0};
    if (cursor->code == cursor->end_of_codes) {
        if (cursor->word != cursor->end_of_words || cursor->ref != cursor->end_of_refs)
            return refuse(cursor, "more words or refs than its pattern takes");
        item->kind = DAG_ARG_WORD;
        find_leaf(cursor, item);
        return item->leaf ? refuse(cursor, "fewer arguments than parameters") : false;
    }
    item->kind = (enum dag_argument)(*cursor->code & DAG_ARG_KIND);
    item->rank = *cursor->code++ >> DAG_ARG_RANK_SHIFT;
    if (item->kind > DAG_ARG_GATHER || (item->kind != DAG_ARG_GATHER && item->rank))
        return refuse(cursor, "a pattern with a code that does not exist");
    find_leaf(cursor, item);
    if (!fits(cursor, item))
        return refuse(cursor, "an argument of another kind than its parameter");
    if (item->kind == DAG_ARG_WORD)
        return take_words(cursor, item, 1);
    if (item->kind == DAG_ARG_GATHER)
        return take_gather(cursor, item);
    return take_refs(cursor, item, 1);
}

uint64_t dag_load_element(const char *data, enum wk_scalar scalar, bool is_element)
{
    uint64_t word = 0;
    uint32_t bytes = is_element ? wk_scalar_bytes(scalar) : sizeof word;
    memcpy(&word, data, bytes);
    if (scalar >= WK_I8 && scalar <= WK_I64) {
        unsigned shift = 64 - 8 * bytes;
        word = (uint64_t)((int64_t)(word << shift) >> shift);
    }
    return word;
}
