/*
 * Calls of the prelude's functions: operations on numbers, conversions, and what makes and takes
 * arrays.
 */
#include <string.h>

#include "check/checker.h"
#include "value/semantics.h"

bool refuse_named_arguments(struct checker *c, const struct ast_expression *call, const char *name)
{
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const struct ast_argument *argument = &call->call.arguments[i];
        if (!argument->name.text)
            continue;
        diagnose(c->diagnostics, argument->name.span, ERR_unknown_argument,
                 "'%s' has no parameter named '%s'", name, argument->name.text);
        return true;
    }
    return false;
}

/* ---- Arguments
 * ------------------------------------------------------------------------------------------- */

/* The arguments of one call of a function of the prelude, checked but not settled. */
struct prelude_call {
    const char *name;
    struct span span;
    struct typed **arguments;
    uint32_t count;
};

static struct typed *wrong_count(struct checker *c, const struct prelude_call *call,
                                 const char *wanted)
{
    diagnose(c->diagnostics, call->span, ERR_argument_count, "'%s' takes %s, found %u", call->name,
             wanted, call->count);
    return node_error(c, call->span);
}

static bool check_arguments(struct checker *c, const struct ast_expression *e,
                            struct prelude_call *call)
{
    bool good = true;
    call->count = e->call.argument_count;
    call->arguments = arena_array(c->arena, struct typed *, call->count);
    for (uint32_t i = 0; i < call->count; i++) {
        call->arguments[i] = check_expression(c, e->call.arguments[i].value);
        good &= !node_is_error(c, call->arguments[i]);
    }
    return good;
}

static struct typed *integer_argument(struct checker *c, const struct prelude_call *call,
                                      uint32_t index, const char *what)
{
    return coerce(c, call->arguments[index], c->integer,
                  &(struct purpose){.what = what, .owner = call->name});
}

static struct diagnostic *report_argument(struct checker *c, const struct prelude_call *call,
                                          uint32_t index, const char *wanted)
{
    struct typed *argument = call->arguments[index];
    return diagnose(c->diagnostics, argument->span, ERR_type_mismatch, "'%s' takes %s, found %s",
                    call->name, wanted, types_text(c, argument->type));
}

static struct typed *refuse_argument(struct checker *c, const struct prelude_call *call,
                                     uint32_t index, const char *wanted)
{
    report_argument(c, call, index, wanted);
    return node_error(c, call->span);
}

static struct typed *build(struct checker *c, const struct prelude_call *call,
                           enum typed_builtin builtin, const struct type *type)
{
    struct typed *node = node_new(c, TYPED_BUILTIN, type, call->span);
    node->builtin = builtin;
    node->items = call->arguments;
    node->item_count = call->count;
    for (uint32_t i = 0; i < call->count; i++)
        if (node_is_error(c, call->arguments[i]))
            return node_error(c, call->span);
    return node_is_error(c, node) ? node_error(c, call->span) : node;
}

/* ---- Making arrays
 * ------------------------------------------------------------------------------------------ */

/* The extents that follow the first `from` arguments of zeros and fill. */
static struct typed *check_sized(struct checker *c, const struct prelude_call *call,
                                 enum typed_builtin builtin, uint32_t from,
                                 const struct type *element)
{
    for (uint32_t i = from; i < call->count; i++)
        call->arguments[i] = integer_argument(c, call, i, "an extent");
    struct typed *node =
        build(c, call, builtin, types_array(c, element, call->count - from, call->span));
    for (uint32_t i = from; i < call->count && !node_is_error(c, node); i++) {
        uint64_t extent;
        struct error error;
        if (!fold(call->arguments[i], NULL, &extent, &error))
            continue;
        if ((int64_t)extent < 0) {
            diagnose(c->diagnostics, call->arguments[i]->span, ERR_negative_extent_literal,
                     "an extent of %lld: no array has fewer than no elements", (long long)extent);
            return node_error(c, call->span);
        }
        node_set_extent(c, node, i - from, (int64_t)extent);
    }
    return node;
}

static struct typed *check_range_call(struct checker *c, const struct prelude_call *call)
{
    if (call->count < 2 || call->count > 3)
        return wrong_count(c, call, "2 or 3 arguments, as in range(0, n) or range(0, n, 2)");
    struct typed **items = arena_array(c->arena, struct typed *, 3);
    for (uint32_t i = 0; i < call->count; i++)
        items[i] = integer_argument(c, call, i, i == 2 ? "the step" : "a bound");
    if (call->count == 2)
        items[2] = node_integer(c, 1, call->span);
    if (items[2]->kind == TYPED_CONSTANT && items[2]->word == 0 && !node_is_error(c, items[2])) {
        diagnose(c->diagnostics, items[2]->span, ERR_zero_step_literal,
                 "a range with a step of 0 never ends");
        return node_error(c, call->span);
    }
    struct prelude_call full = {call->name, call->span, items, 3};
    return build(c, &full, BUILTIN_RANGE, types_array(c, c->integer, 1, call->span));
}

/* ---- Taking arrays
 * --------------------------------------------------------------------------------------------- */

static bool is_array(const struct typed *node)
{
    return node->type->kind == TYPE_ARRAY;
}

static bool is_array_of_arrays(const struct typed *node)
{
    return is_array(node) && node->type->element->kind == TYPE_ARRAY;
}

/* sum, min and max of all elements. */
static struct typed *check_total(struct checker *c, const struct prelude_call *call,
                                 enum typed_builtin builtin)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    call->arguments[0] = settle(c, call->arguments[0]);
    if (node_is_error(c, call->arguments[0]))
        return node_error(c, call->span);
    if (!is_array(call->arguments[0]) || !type_is_number(call->arguments[0]->type->element))
        return refuse_argument(c, call, 0, "an array of numbers");
    return build(c, call, builtin, call->arguments[0]->type->element);
}

static struct typed *check_transpose(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *matrix = call->arguments[0] = settle(c, call->arguments[0]);
    if (node_is_error(c, matrix))
        return node_error(c, call->span);
    if (!is_array(matrix) || matrix->type->rank != 2)
        return refuse_argument(c, call, 0, "an array of rank 2");
    struct typed *node = build(c, call, BUILTIN_TRANSPOSE, matrix->type);
    node_set_extent(c, node, 0, node_static_extent(matrix, 1));
    node_set_extent(c, node, 1, node_static_extent(matrix, 0));
    return node;
}

/* Gives two types that are to be joined their common one; false after a report. */
static bool unify(struct checker *c, const struct prelude_call *call, uint32_t first,
                  uint32_t second, const struct type *a, const struct type *b,
                  const struct type **common)
{
    *common = common_type(c, a, b, call->span);
    if (*common)
        return !types_is_error(c, *common);
    struct diagnostic *d = diagnose(
        c->diagnostics, call->arguments[second]->span, ERR_type_mismatch,
        "'%s' joins values of one type: this is %s, the first argument is %s", call->name,
        types_text(c, call->arguments[second]->type), types_text(c, call->arguments[first]->type));
    diagnose_note(c->diagnostics, d, call->arguments[first]->span, "the first argument is here");
    struct local *local = assumed_variable(call->arguments[first]);
    if (local && assumed_is_mistaken(c, local, a, b))
        assumed_hint(c, d, local, b);
    return false;
}

static struct typed *check_append(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 2)
        return wrong_count(c, call, "2 arguments (an array and an element)");
    struct typed **a = call->arguments;
    if (!is_array(a[0]) || a[0]->type->rank != 1)
        return refuse_argument(c, call, 0, "an array of rank 1");
    bool empty = a[0]->kind == TYPED_ARRAY && a[0]->item_count == 0;
    const struct type *element;
    if (empty)
        element = (a[1] = settle(c, a[1]))->type;
    else if (!unify(c, call, 0, 1, a[0]->type->element, a[1]->type, &element))
        return node_error(c, call->span);
    else if (types_is_flexible(c, element))
        element = (a[0] = settle(c, a[0]))->type->element;
    a[0] = coerce(c, a[0], types_array(c, element, 1, call->span), NULL);
    a[1] = coerce(c, a[1], element, NULL);
    struct typed *node = build(c, call, BUILTIN_APPEND, types_array(c, element, 1, call->span));
    int64_t extent = node_is_error(c, node) ? -1 : node_static_extent(a[0], 0);
    if (extent >= 0)
        node_set_extent(c, node, 0, extent + 1);
    return node;
}

static struct typed *check_concat_all(struct checker *c, const struct prelude_call *call)
{
    struct typed *arrays = call->arguments[0] = settle(c, call->arguments[0]);
    if (node_is_error(c, arrays))
        return node_error(c, call->span);
    if (!is_array_of_arrays(arrays) || arrays->type->rank != 1)
        return refuse_argument(c, call, 0, "two arrays, or an array of arrays");
    return build(c, call, BUILTIN_CONCAT_ALL, arrays->type->element);
}

static struct typed *check_concat(struct checker *c, const struct prelude_call *call)
{
    if (call->count == 1)
        return check_concat_all(c, call);
    if (call->count != 2)
        return wrong_count(c, call, "2 arrays, or an array of arrays");
    struct typed **a = call->arguments;
    for (uint32_t i = 0; i < 2; i++)
        if (!is_array(a[i]))
            return refuse_argument(c, call, i, "two arrays, or an array of arrays");
    const struct type *type;
    if (!unify(c, call, 0, 1, a[0]->type, a[1]->type, &type))
        return node_error(c, call->span);
    if (types_is_flexible(c, type))
        type = (a[0] = settle(c, a[0]))->type;
    a[0] = coerce(c, a[0], type, NULL);
    a[1] = coerce(c, a[1], type, NULL);
    struct typed *node = build(c, call, BUILTIN_CONCAT, type);
    if (node_is_error(c, node))
        return node;
    int64_t first = node_static_extent(a[0], 0), second = node_static_extent(a[1], 0);
    node_set_extent(c, node, 0, first >= 0 && second >= 0 ? first + second : -1);
    return node;
}

static struct typed *check_flatten(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *array = call->arguments[0] = settle(c, call->arguments[0]);
    if (node_is_error(c, array))
        return node_error(c, call->span);
    if (!is_array(array))
        return refuse_argument(c, call, 0, "an array");
    const struct type *element = array->type->element;
    if (element->kind == TYPE_ARRAY)
        element = element->element;
    return build(c, call, BUILTIN_FLATTEN, types_array(c, element, 1, call->span));
}

static struct typed *check_tiles(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 3)
        return wrong_count(c, call, "3 arguments (a matrix, and the rows and columns of a tile)");
    struct typed *matrix = call->arguments[0] = settle(c, call->arguments[0]);
    call->arguments[1] = integer_argument(c, call, 1, "the rows of a tile");
    call->arguments[2] = integer_argument(c, call, 2, "the columns of a tile");
    if (node_is_error(c, matrix))
        return node_error(c, call->span);
    if (!is_array(matrix) || matrix->type->rank != 2 || !type_is_scalar(matrix->type->element))
        return refuse_argument(c, call, 0, "an array of rank 2 of scalars");
    return build(c, call, BUILTIN_TILES, types_array(c, matrix->type, 2, call->span));
}

static struct typed *check_untile(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *tiles = call->arguments[0] = settle(c, call->arguments[0]);
    if (node_is_error(c, tiles))
        return node_error(c, call->span);
    if (!is_array_of_arrays(tiles) || tiles->type->rank != 2 || tiles->type->element->rank != 2) {
        struct diagnostic *d = report_argument(c, call, 0, "an array of rank 2 of matrices");
        if (is_array_of_arrays(tiles) && tiles->type->rank == 1)
            diagnose_hint(c->diagnostics, d,
                          "[[a, b], [c, d]] is an array of arrays; of rank 2 is [tile(i, j) for i "
                          "in 0..m, j in 0..n]");
        return node_error(c, call->span);
    }
    return build(c, call, BUILTIN_UNTILE, tiles->type->element);
}

/* ---- Rearranging, sorting, counting
 * --------------------------------------------------------------------------- */

/* Settles the first argument, and refuses it if it is no array of rank 1; NULL after a report. */
static struct typed *check_list(struct checker *c, const struct prelude_call *call, uint32_t index)
{
    struct typed *list = call->arguments[index] = settle(c, call->arguments[index]);
    if (node_is_error(c, list))
        return NULL;
    if (is_array(list) && list->type->rank == 1)
        return list;
    refuse_argument(c, call, index, "an array of rank 1");
    return NULL;
}

/* Whether reverse, sort, order, argmin or argmax takes these elements; reports it if not. */
static bool check_list_element(struct checker *c, const struct prelude_call *call,
                               enum typed_builtin builtin, const struct type *element)
{
    bool sorts = builtin == BUILTIN_SORT || builtin == BUILTIN_ORDER;
    if (builtin == BUILTIN_REVERSE || type_is_number(element) ||
        (sorts && element->kind == TYPE_STRING))
        return true;
    refuse_argument(c, call, 0, sorts ? "an array of numbers or strings" : "an array of numbers");
    return false;
}

static struct typed *check_list_call(struct checker *c, const struct prelude_call *call,
                                     enum typed_builtin builtin)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *list = check_list(c, call, 0);
    if (!list)
        return node_error(c, call->span);
    if (!check_list_element(c, call, builtin, list->type->element))
        return node_error(c, call->span);
    const struct type *type = list->type;
    if (builtin == BUILTIN_ORDER)
        type = types_array(c, c->integer, 1, call->span);
    if (builtin == BUILTIN_ARG_MIN || builtin == BUILTIN_ARG_MAX)
        return build(c, call, builtin, c->integer);
    struct typed *node = build(c, call, builtin, type);
    node_copy_extents(node, list);
    return node;
}

/* any, all and count. */
static struct typed *check_truths(struct checker *c, const struct prelude_call *call,
                                  enum typed_builtin builtin)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *truths = call->arguments[0];
    if (!is_array(truths) || !type_is_bool(truths->type->element)) {
        struct typed *node = refuse_argument(c, call, 0, "an array of truth values");
        return node;
    }
    return build(c, call, builtin, builtin == BUILTIN_COUNT ? c->integer : c->boolean);
}

/* Reports an array whose length differs from the first one's, if both are in the types. */
static bool check_one_length(struct checker *c, const struct prelude_call *call,
                             const struct typed *list, int64_t first)
{
    int64_t found = node_static_extent(list, 0);
    if (first < 0 || found < 0 || first == found)
        return true;
    diagnose(c->diagnostics, list->span, ERR_shape_mismatch,
             "'%s' pairs arrays of one length: this one has %lld elements, the first %lld",
             call->name, (long long)found, (long long)first);
    return false;
}

static struct typed *check_zip(struct checker *c, const struct prelude_call *call)
{
    enum { MOST = 8 };
    const struct type *parts[MOST];
    if (call->count < 2 || call->count > MOST)
        return wrong_count(c, call, "2 to 8 arrays");
    int64_t extent = -1;
    for (uint32_t i = 0; i < call->count; i++) {
        struct typed *list = check_list(c, call, i);
        if (!list)
            return node_error(c, call->span);
        parts[i] = list->type->element;
        int64_t found = node_static_extent(list, 0);
        if (!check_one_length(c, call, list, extent))
            return node_error(c, call->span);
        extent = found >= 0 ? found : extent;
    }
    const struct type *tuple = types_tuple(c, parts, NULL, call->count, call->span);
    struct typed *node = build(c, call, BUILTIN_ZIP, types_array(c, tuple, 1, call->span));
    if (!node_is_error(c, node))
        node_set_extent(c, node, 0, extent);
    return node;
}

static struct typed *check_enumerate(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *list = check_list(c, call, 0);
    if (!list)
        return node_error(c, call->span);
    const struct type *parts[] = {c->integer, list->type->element};
    const struct type *tuple = types_tuple(c, parts, NULL, 2, call->span);
    struct typed *node = build(c, call, BUILTIN_ENUMERATE, types_array(c, tuple, 1, call->span));
    if (!node_is_error(c, node))
        node_copy_extents(node, list);
    return node;
}

/* group(keys, values): a map of arrays. */
static struct typed *check_group(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 2)
        return wrong_count(c, call, "2 arrays, keys and values");
    struct typed *keys = check_list(c, call, 0);
    struct typed *values = check_list(c, call, 1);
    if (!keys || !values)
        return node_error(c, call->span);
    const struct type *key = keys->type->element;
    if (!check_key_type(c, key, keys->span))
        return node_error(c, call->span);
    if (!check_one_length(c, call, values, node_static_extent(keys, 0)))
        return node_error(c, call->span);
    const struct type *array = types_array(c, values->type->element, 1, call->span);
    return build(c, call, BUILTIN_GROUP, types_map(c, key, array, call->span));
}

/* read(f) is all bytes of a file, read(f, lo, hi) is f[lo..hi]. */
static struct typed *check_read(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 1 && call->count != 3)
        return wrong_count(c, call, "a file, or a file and the begin and end of a piece");
    struct typed *file = settle(c, call->arguments[0]);
    if (node_is_error(c, file))
        return node_error(c, call->span);
    if (file->type->kind != TYPE_FILE)
        return refuse_argument(c, call, 0, "a file");
    struct typed *contents = node_contents(c, file, call->span);
    if (call->count == 1)
        return contents;
    struct typed_index *index = arena_new(c->arena, struct typed_index);
    *index = (struct typed_index){.is_range = true,
                                  .low = integer_argument(c, call, 1, "the begin of a piece"),
                                  .high = integer_argument(c, call, 2, "the end of a piece"),
                                  .span = call->span};
    if (node_is_error(c, index->low) || node_is_error(c, index->high))
        return node_error(c, call->span);
    struct typed *node = node_new(c, TYPED_INDEX, contents->type, call->span);
    node->base = contents;
    node->indexes = index;
    node->index_count = 1;
    return node;
}

static struct typed *check_builtin(struct checker *c, const struct prelude_call *call,
                                   enum typed_builtin builtin)
{
    switch (builtin) {
    case BUILTIN_ZEROS:
        if (call->count == 0)
            return wrong_count(c, call, "the extents of the array");
        return check_sized(c, call, builtin, 0, &c->literal_number);
    case BUILTIN_FILL:
        if (call->count < 2)
            return wrong_count(c, call, "a value and the extents of the array");
        return check_sized(c, call, builtin, 1, call->arguments[0]->type);
    case BUILTIN_RANGE:
        return check_range_call(c, call);
    case BUILTIN_SUM:
    case BUILTIN_MIN_OF:
    case BUILTIN_MAX_OF:
        return check_total(c, call, builtin);
    case BUILTIN_TRANSPOSE:
        return check_transpose(c, call);
    case BUILTIN_APPEND:
        return check_append(c, call);
    case BUILTIN_CONCAT:
    case BUILTIN_CONCAT_ALL:
        return check_concat(c, call);
    case BUILTIN_FLATTEN:
        return check_flatten(c, call);
    case BUILTIN_REVERSE:
    case BUILTIN_SORT:
    case BUILTIN_ORDER:
    case BUILTIN_ARG_MIN:
    case BUILTIN_ARG_MAX:
        return check_list_call(c, call, builtin);
    case BUILTIN_ANY:
    case BUILTIN_ALL:
    case BUILTIN_COUNT:
        return check_truths(c, call, builtin);
    case BUILTIN_ZIP:
        return check_zip(c, call);
    case BUILTIN_ENUMERATE:
        return check_enumerate(c, call);
    case BUILTIN_GROUP:
        return check_group(c, call);
    case BUILTIN_TILES:
        return check_tiles(c, call);
    case BUILTIN_UNTILE:
        return check_untile(c, call);
    case BUILTIN_CONTENTS:
        return check_read(c, call);
    case BUILTIN_ENTRIES:
    case BUILTIN_KEYS:
    case BUILTIN_VALUES:
    case BUILTIN_REMOVE:
        return check_map_function(c, builtin, call->name, call->arguments, call->count, call->span);
    case BUILTIN_MAP:
    case BUILTIN_MAP_GET:
    case BUILTIN_MAP_HAS:
    case BUILTIN_MAP_COUNT:
    case BUILTIN_TEXT_CONCAT:
    case BUILTIN_TEXT_COMPARE:
        break; /* have a syntax of their own */
    case BUILTIN_STR:
    case BUILTIN_BYTES:
        if (call->count != 1)
            return wrong_count(c, call, "1 argument");
        return builtin == BUILTIN_STR ? check_str(c, call->arguments[0], call->span)
                                      : check_bytes(c, call->arguments[0], call->span);
    }
    bug("builtin %d", builtin);
}

/* ---- Numbers
 * ------------------------------------------------------------------------------------------------------
 */

static struct typed *check_operation(struct checker *c, const struct prelude_call *call,
                                     enum operation operation)
{
    unsigned arity = operation_arity(operation);
    bool total = operation == OPERATION_MIN || operation == OPERATION_MAX;
    if (total && call->count == 1)
        return check_total(c, call, operation == OPERATION_MIN ? BUILTIN_MIN_OF : BUILTIN_MAX_OF);
    if (call->count != arity)
        return wrong_count(
            c, call,
            total ? "2 numbers, or an array"
                  : arena_printf(c->arena, "%u argument%s", arity, arity == 1 ? "" : "s"));
    return check_operation_call(c, operation, call->name, call->arguments, call->count, call->span);
}

/* clamp(x, low, high) is min(max(x, low), high). */
static struct typed *check_clamp(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 3)
        return wrong_count(c, call, "3 arguments (a number, the least and the greatest)");
    struct typed *pair[2] = {call->arguments[0], call->arguments[1]};
    pair[0] = check_operation_call(c, OPERATION_MAX, call->name, pair, 2, call->span);
    pair[1] = call->arguments[2];
    if (node_is_error(c, pair[0]))
        return pair[0];
    return check_operation_call(c, OPERATION_MIN, call->name, pair, 2, call->span);
}

static struct typed *refuse_conversion(struct checker *c, const struct prelude_call *call,
                                       const struct type *to)
{
    const struct type *from = call->arguments[0]->type;
    struct diagnostic *d =
        diagnose(c->diagnostics, call->span, ERR_bad_conversion, "%s cannot be converted to %s",
                 types_text(c, from), types_text(c, to));
    if (type_is_bool(to) && type_is_number(from))
        diagnose_hint(c->diagnostics, d, "compare: x != 0");
    else if (type_is_bool(from))
        diagnose_hint(c->diagnostics, d, "if b { 1 } else { 0 } makes a number of a truth value");
    return node_error(c, call->span);
}

/* A literal, with its sign, that is converted has that type from the start:
 * u64(0xffff_ffff_ffff_ffff). */
static bool is_literal(const struct checker *c, const struct typed *node, const struct type *to)
{
    if (node->kind == TYPED_OPERATION && node->operation == OPERATION_NEG)
        node = node->operands[0];
    return node->kind == TYPED_CONSTANT && (node->type == &c->literal_integer ||
                                            (node->type == &c->literal_float && type_is_float(to)));
}

static struct typed *check_conversion(struct checker *c, const struct prelude_call *call,
                                      enum wk_scalar scalar)
{
    const struct type *to = type_scalar(c->types, scalar);
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    if (type_is_number(to) && is_literal(c, call->arguments[0], to))
        return adapt(c, call->arguments[0], to);
    struct typed *operand = call->arguments[0] = settle(c, call->arguments[0]);
    if (node_is_error(c, operand))
        return node_error(c, call->span);
    const struct type *from = is_array(operand) ? operand->type->element : operand->type;
    if (!type_is_number(from) || !type_is_number(to))
        return refuse_conversion(c, call, to);
    if (from == to)
        return operand;
    if (is_array(operand))
        to = types_array(c, to, operand->type->rank, call->span);
    struct typed *node = node_convert(c, operand, to);
    node->span = node->operator_span = call->span;
    return node;
}

static struct typed *check_len(struct checker *c, const struct prelude_call *call)
{
    if (call->count != 1)
        return wrong_count(c, call, "1 argument");
    struct typed *array = settle(c, call->arguments[0]);
    if (node_is_error(c, array))
        return array;
    if (array->type->kind == TYPE_FILE)
        array = node_contents(c, array, call->span);
    if (array->type->kind == TYPE_MAP)
        return node_map_count(c, array, call->span);
    if (!type_is_block(array->type))
        return refuse_argument(c, call, 0, "an array, a str or a map");
    if (array->type->kind == TYPE_STRING && array->kind == TYPED_CONSTANT)
        return node_integer(c, (int64_t)array->word, call->span);
    return node_extent(c, array, 0, call->span);
}

static struct typed *refuse_message(struct checker *c, const struct ast_expression *e,
                                    const char *name)
{
    diagnose(c->diagnostics, e->span, ERR_not_a_value, "%s(...) is a statement, and gives no value",
             name);
    return node_error(c, e->span);
}

static void refuse_annotations(struct checker *c, const struct ast_expression *e, const char *name)
{
    if (e->annotation_count == 0)
        return;
    struct diagnostic *d = diagnose(
        c->diagnostics, e->annotations[0].span, ERR_annotation_place,
        "annotations belong to calls of tasks and flows, and '%s' is of the prelude", name);
    diagnose_hint(c->diagnostics, d, "write a task that calls it, and annotate that");
}

struct typed *check_prelude_call(struct checker *c, const struct ast_expression *e,
                                 const struct symbol *symbol)
{
    struct prelude_call call = {.name = symbol->name, .span = e->span};
    if (symbol->prelude == PRELUDE_REDUCE)
        return check_reduce(c, e);
    if (symbol->prelude == PRELUDE_SCAN)
        return check_scan(c, e);
    if (symbol->prelude == PRELUDE_MESSAGE)
        return refuse_message(c, e, symbol->name);
    refuse_annotations(c, e, symbol->name);
    if (refuse_named_arguments(c, e, symbol->name))
        return node_error(c, e->span);
    if (!check_arguments(c, e, &call))
        return node_error(c, e->span);
    switch (symbol->prelude) {
    case PRELUDE_OPERATION:
        return check_operation(c, &call, symbol->operation);
    case PRELUDE_BUILTIN:
        return check_builtin(c, &call, symbol->builtin);
    case PRELUDE_CONVERSION:
        return check_conversion(c, &call, symbol->scalar);
    case PRELUDE_LEN:
        return check_len(c, &call);
    case PRELUDE_CLAMP:
        return check_clamp(c, &call);
    case PRELUDE_REDUCE:
    case PRELUDE_SCAN:
    case PRELUDE_MESSAGE:
        break;
    }
    bug("prelude function of kind %d", symbol->prelude);
}
