/*
 * The prelude's functions over arrays. Rearranging structures is done by instructions; all else is
 * a small task each, and sum, min, max of anything (so that there is one way to add floats).
 */
#include "base/memory.h"
#include "check/messages.h"
#include "flow/lower.h"

enum { ITEM_LIMIT = WK_MAX_RANK + 1 };

/* The arguments of a builtin, lowered. */
struct builtin_call {
    const struct typed *node;
    const struct type *types[ITEM_LIMIT];
    struct lowered items[ITEM_LIMIT];
    uint32_t count;
};

/* ---- Tasks ---------------------------------------------------------------------------------- */

static const char *text_of(enum typed_builtin builtin)
{
    static const char *const texts[] = {
#define BUILTIN(NAME, text, description) [BUILTIN_##NAME] = text,
#include "check/builtin.def"
#undef BUILTIN
    };
    return texts[builtin];
}

/* Those that never fail are shared by all uses. */
static bool can_fail(enum typed_builtin builtin)
{
    switch (builtin) {
    case BUILTIN_SUM:
    case BUILTIN_TRANSPOSE:
    case BUILTIN_FLATTEN:
    case BUILTIN_REVERSE:
    case BUILTIN_ENUMERATE:
    case BUILTIN_SORT:
    case BUILTIN_ORDER:
    case BUILTIN_ANY:
    case BUILTIN_ALL:
    case BUILTIN_COUNT:
    case BUILTIN_MAP:
    case BUILTIN_MAP_HAS:
    case BUILTIN_MAP_COUNT:
    case BUILTIN_ENTRIES:
    case BUILTIN_KEYS:
    case BUILTIN_VALUES:
    case BUILTIN_REMOVE:
    case BUILTIN_BYTES:
    case BUILTIN_TEXT_CONCAT:
    case BUILTIN_TEXT_COMPARE:
        return false;
    case BUILTIN_MAP_GET:
    case BUILTIN_GROUP:
    case BUILTIN_ZEROS:
    case BUILTIN_FILL:
    case BUILTIN_RANGE:
    case BUILTIN_MIN_OF:
    case BUILTIN_MAX_OF:
    case BUILTIN_APPEND:
    case BUILTIN_CONCAT:
    case BUILTIN_CONCAT_ALL:
    case BUILTIN_ZIP:
    case BUILTIN_ARG_MIN:
    case BUILTIN_ARG_MAX:
    case BUILTIN_TILES:
    case BUILTIN_UNTILE:
    case BUILTIN_CONTENTS:
    case BUILTIN_STR:
        return true;
    }
    bug("builtin %d", builtin);
}

static struct lowered builtin_task(struct lower *f, const struct builtin_call *call,
                                   const ir_value *extents)
{
    const struct typed *node = call->node;
    const char *what = arena_printf(f->shared->arena, "%s.%s", text_of(node->builtin),
                                    lower_mangle(f->shared, node->type));
    struct typed_function *task =
        lower_small_task(f, what, text_of(node->builtin), call->types, call->count, node->type,
                         can_fail(node->builtin));
    if (lower_task_is_new(task)) {
        struct typed *body = lower_task_node(f, TYPED_BUILTIN, node->type);
        body->builtin = node->builtin;
        body->item_count = call->count;
        body->items = arena_array(f->shared->arena, struct typed *, call->count);
        for (uint32_t i = 0; i < call->count; i++)
            body->items[i] = lower_task_parameter(f, task, i);
        lower_task_returns(f, task, body);
    }
    return lower_small_call(f, task, call->types, call->items, call->count, extents);
}

static ir_value extent_if_known(struct lower *f, struct lowered array, uint32_t dimension)
{
    return lower_knows_extent(f, array, dimension) ? lower_extent(f, array, dimension) : NO_VALUE;
}

static bool is_structured(const struct lower *f, struct lowered value)
{
    return lower_is_structured(f, value.values[0]);
}

/* One instruction for each leaf; results have the types that `result` gives for a leaf's type. */
static struct lowered
rearranged(struct lower *f, enum ir_opcode opcode, const struct lowered *operands, uint32_t count,
           const struct ir_type *(*result)(struct ir_module *, const struct ir_type *))
{
    struct lowered made = {.count = operands[0].count};
    made.values = arena_array(f->shared->arena, ir_value, made.count);
    for (uint32_t leaf = 0; leaf < made.count; leaf++) {
        ir_value values[2];
        for (uint32_t i = 0; i < count; i++)
            values[i] = operands[i].values[leaf];
        made.values[leaf] = ir_emit_value(&f->build, opcode, values, count,
                                          result(f->build.module, lower_ir_type(f, values[0])));
    }
    return made;
}

static const struct ir_type *same_type(struct ir_module *module, const struct ir_type *type)
{
    (void)module;
    return type;
}

static const struct ir_type *inner_type(struct ir_module *module, const struct ir_type *type)
{
    (void)module;
    return type->element;
}

static const struct ir_type *flat_type(struct ir_module *module, const struct ir_type *type)
{
    return ir_type_structured(module, type->element, 1);
}

static const struct ir_type *flat_inner_type(struct ir_module *module, const struct ir_type *type)
{
    return ir_type_structured(module, type->element->element, 1);
}

/* ---- zeros, fill, range --------------------------------------------------------------------- */

/* `value` filled into the extents that are the items from `from` on. */
static struct lowered filled(struct lower *f, const struct builtin_call *call, struct lowered value,
                             uint32_t from)
{
    ir_value extents[WK_MAX_RANK], operands[1 + WK_MAX_RANK];
    uint8_t rank = call->node->type->rank;
    bool all = true;
    for (uint32_t d = 0; d < rank; d++) {
        ir_value extent = call->items[from + d].values[0];
        extents[d] = lower_is_known(f, extent) ? extent : NO_VALUE;
        all &= extents[d] != NO_VALUE;
        operands[1 + d] = extent;
    }
    if (!all)
        return builtin_task(f, call, extents);
    struct lowered result = {.count = value.count};
    result.values = arena_array(f->shared->arena, ir_value, value.count);
    for (uint32_t leaf = 0; leaf < value.count; leaf++) {
        operands[0] = value.values[leaf];
        const struct ir_type *type =
            ir_type_structured(f->build.module, lower_ir_type(f, operands[0]), rank);
        result.values[leaf] = ir_emit_value(&f->build, IR_FILL, operands, 1U + rank, type);
    }
    return result;
}

static struct lowered lower_range(struct lower *f, const struct builtin_call *call)
{
    ir_value values[3];
    for (uint32_t i = 0; i < 3; i++) {
        values[i] = call->items[i].values[0];
        if (!lower_is_known(f, values[i]))
            return builtin_task(f, call, NULL);
    }
    const struct ir_type *integer = ir_type_known(f->build.module, f->shared->integer);
    return lower_single(f, ir_emit_value(&f->build, IR_RANGE, values, 3,
                                         ir_type_structured(f->build.module, integer, 1)));
}

/* ---- transpose, append, concat -------------------------------------------------------------- */

static struct lowered lower_transpose(struct lower *f, const struct builtin_call *call)
{
    if (is_structured(f, call->items[0]))
        return rearranged(f, IR_TRANSPOSE, call->items, 1, same_type);
    ir_value extents[] = {extent_if_known(f, call->items[0], 1),
                          extent_if_known(f, call->items[0], 0)};
    return builtin_task(f, call, extents);
}

/* Two structures joined at the level of the result. */
static struct lowered joined(struct lower *f, const struct builtin_call *call, struct lowered left,
                             struct lowered right)
{
    const struct typed *node = call->node;
    struct lowered operands[] = {lower_coerce(f, node->type, left, node->level),
                                 lower_coerce(f, node->type, right, node->level)};
    return rearranged(f, IR_CONCAT, operands, 2, same_type);
}

static struct lowered lower_append(struct lower *f, const struct builtin_call *call)
{
    struct lowered array = call->items[0], item = call->items[1];
    if (!is_structured(f, array)) {
        ir_value extents[WK_MAX_RANK];
        for (uint32_t d = 0; d < call->node->type->rank; d++)
            extents[d] = extent_if_known(f, array, d);
        if (extents[0] != NO_VALUE)
            extents[0] = lower_int(f, OPERATION_ADD, extents[0], ir_constant_int(&f->build, 1));
        return builtin_task(f, call, extents);
    }
    struct lowered single = {.count = item.count};
    single.values = arena_array(f->shared->arena, ir_value, item.count);
    ir_value one = ir_constant_int(&f->build, 1);
    for (uint32_t leaf = 0; leaf < item.count; leaf++) {
        const struct ir_type *type =
            ir_type_structured(f->build.module, lower_ir_type(f, item.values[leaf]), 1);
        single.values[leaf] =
            ir_emit_value(&f->build, IR_STRUCTURE, (ir_value[]){one, item.values[leaf]}, 2, type);
    }
    return joined(f, call, array, single);
}

/* Fills the extents of two arrays joined, those that are known, and checks that they fit. */
static void pair_extents(struct lower *f, const struct type *type, struct lowered left,
                         struct lowered right, ir_value *extents)
{
    for (uint32_t d = 0; d < type->rank; d++) {
        ir_value first = extent_if_known(f, left, d), second = extent_if_known(f, right, d);
        bool both = first != NO_VALUE && second != NO_VALUE;
        if (d == 0) {
            extents[d] = both ? lower_int(f, OPERATION_ADD, first, second) : NO_VALUE;
            continue;
        }
        extents[d] = first != NO_VALUE ? first : second;
        if (both) {
            ir_value values[] = {ir_constant_int(&f->build, 1), ir_constant_int(&f->build, d),
                                 first, second};
            lower_check(f, lower_int(f, OPERATION_EQ, first, second), ERR_shape_mismatch,
                        MESSAGE_CONCAT, values, 4);
        }
    }
}

/* A structure of two arrays, as pending ones. */
static struct lowered pair_of(struct lower *f, const struct type *type, struct lowered left,
                              struct lowered right)
{
    ir_value first = lower_pend(f, type, left).values[0];
    ir_value second = lower_pend(f, type, right).values[0];
    uint32_t known =
        lower_ir_type(f, first)->known_extents & lower_ir_type(f, second)->known_extents;
    const struct ir_type *element = ir_type_pending(f->build.module, type, known);
    ir_value operands[] = {ir_constant_int(&f->build, 2), first, second};
    return lower_single(f, ir_emit_value(&f->build, IR_STRUCTURE, operands, 3,
                                         ir_type_structured(f->build.module, element, 1)));
}

/* What is pending is joined as concat([a, b]) is, for that is what elaboration can make one join of
 * with others (graph/merge_joins.c). */
static struct lowered lower_concat(struct lower *f, const struct builtin_call *call)
{
    struct lowered left = call->items[0], right = call->items[1];
    const struct type *type = call->node->type;
    if (is_structured(f, left) && is_structured(f, right))
        return joined(f, call, left, right);
    ir_value extents[WK_MAX_RANK];
    pair_extents(f, type, left, right, extents);
    struct typed *node = lower_task_node(f, TYPED_BUILTIN, type);
    node->builtin = BUILTIN_CONCAT_ALL;
    struct builtin_call all = {.node = node,
                               .types = {type_array(f->build.module->types, type, 1)},
                               .items = {pair_of(f, type, left, right)},
                               .count = 1};
    return builtin_task(f, &all, extents);
}

/* ---- Arrays of arrays: concat, flatten, untile ---------------------------------------------- */

static ir_value product_of_extents(struct lower *f, const struct type *type, struct lowered array)
{
    ir_value product = lower_extent(f, array, 0);
    for (uint32_t d = 1; d < type->rank; d++)
        product = lower_int(f, OPERATION_MUL, product, lower_extent(f, array, d));
    return product;
}

/* The sum of the sizes of a structure's arrays, and the last one's other extents: the extents of
 * what they make when joined. `flat`: sizes are numbers of elements. */
static void joined_extents(struct lower *f, const struct type *inner, ir_value structure, bool flat,
                           ir_value *extents)
{
    const struct ir_type *type = lower_ir_type(f, structure);
    ir_value carried[WK_MAX_RANK], next[WK_MAX_RANK];
    uint32_t rank = flat ? 1 : inner->rank;
    if (type->rank > 1)
        structure =
            ir_emit_value(&f->build, IR_FLATTEN, &structure, 1, flat_type(f->build.module, type));
    for (uint32_t d = 0; d < rank; d++)
        carried[d] = ir_constant_int(&f->build, 0);
    struct counted_loop loop;
    lower_loop_begin(f, &loop, ir_extent(&f->build, structure, 0), carried, rank);
    struct lowered array = lower_single(
        f, ir_emit_value(&f->build, IR_GET, (ir_value[]){structure, loop.index}, 2, type->element));
    ir_value size = flat ? product_of_extents(f, inner, array) : lower_extent(f, array, 0);
    next[0] = lower_int(f, OPERATION_ADD, loop.carried[0], size);
    for (uint32_t d = 1; d < rank; d++)
        next[d] = lower_extent(f, array, d);
    lower_loop_end(f, &loop, next);
    for (uint32_t d = 0; d < rank; d++)
        extents[d] = loop.carried[d];
}

/* Whether all arrays of a structure know the extents that the joined array's extents need. */
static bool knows_inner_extents(const struct lower *f, const struct type *inner,
                                struct lowered outer)
{
    const struct ir_type *element = lower_ir_type(f, outer.values[0])->element;
    return element->kind == IR_STRUCTURED || element->known_extents == (1U << inner->rank) - 1;
}

static struct lowered joined_by_task(struct lower *f, const struct builtin_call *call, bool flat)
{
    struct lowered outer = call->items[0];
    const struct type *inner = call->types[0]->element;
    if (!is_structured(f, outer) || !knows_inner_extents(f, inner, outer))
        return builtin_task(f, call, NULL);
    ir_value extents[WK_MAX_RANK];
    joined_extents(f, inner, outer.values[0], flat, extents);
    return builtin_task(f, call, extents);
}

/* Whether a structure of arrays is known two deep, so that joining them only rearranges. */
static bool is_structured_twice(const struct lower *f, struct lowered outer)
{
    return is_structured(f, outer) &&
           lower_ir_type(f, outer.values[0])->element->kind == IR_STRUCTURED;
}

static struct lowered lower_concat_all(struct lower *f, const struct builtin_call *call)
{
    if (is_structured_twice(f, call->items[0]))
        return rearranged(f, IR_CONCAT_ALL, call->items, 1, inner_type);
    return joined_by_task(f, call, false);
}

static struct lowered lower_flatten(struct lower *f, const struct builtin_call *call)
{
    struct lowered array = call->items[0];
    if (call->types[0]->element->kind == TYPE_ARRAY) {
        if (is_structured_twice(f, array))
            return rearranged(f, IR_FLATTEN, call->items, 1, flat_inner_type);
        return joined_by_task(f, call, true);
    }
    if (is_structured(f, array))
        return rearranged(f, IR_FLATTEN, call->items, 1, flat_type);
    if (!lower_knows_extents(f, call->types[0], array))
        return builtin_task(f, call, NULL);
    ir_value extent = product_of_extents(f, call->types[0], array);
    return builtin_task(f, call, &extent);
}

static struct lowered lower_tiles(struct lower *f, const struct builtin_call *call)
{
    struct lowered matrix = lower_pend(f, call->types[0], call->items[0]);
    ir_value operands[] = {matrix.values[0], call->items[1].values[0], call->items[2].values[0]};
    const struct ir_type *tile = ir_type_pending(f->build.module, call->node->type->element, 3);
    return lower_single(f, ir_emit_value(&f->build, IR_TILES, operands, 3,
                                         ir_type_structured(f->build.module, tile, 2)));
}

/* The sum of the extents of the tiles in the first column (dimension 0) or row (1). */
static ir_value untiled_extent(struct lower *f, struct lowered tiles, uint32_t dimension)
{
    const struct ir_type *type = lower_ir_type(f, tiles.values[0]);
    ir_value zero = ir_constant_int(&f->build, 0);
    ir_value count = ir_extent(&f->build, tiles.values[0], dimension);
    ir_value others = ir_extent(&f->build, tiles.values[0], 1 - dimension);
    /* Nothing to go over when the other extent is 0: there is no first tile. */
    count = lower_int(f, OPERATION_MIN, count, lower_int(f, OPERATION_MUL, count, others));
    struct counted_loop loop;
    lower_loop_begin(f, &loop, count, &zero, 1);
    ir_value index[] = {tiles.values[0], dimension == 0 ? loop.index : zero,
                        dimension == 0 ? zero : loop.index};
    struct lowered tile =
        lower_single(f, ir_emit_value(&f->build, IR_GET, index, 3, type->element));
    ir_value next = lower_int(f, OPERATION_ADD, loop.carried[0], lower_extent(f, tile, dimension));
    lower_loop_end(f, &loop, &next);
    return loop.carried[0];
}

static struct lowered lower_untile(struct lower *f, const struct builtin_call *call)
{
    struct lowered tiles = call->items[0];
    if (!is_structured(f, tiles) || !knows_inner_extents(f, call->node->type, tiles))
        return builtin_task(f, call, NULL);
    ir_value extents[] = {untiled_extent(f, tiles, 0), untiled_extent(f, tiles, 1)};
    return builtin_task(f, call, extents);
}

/* ---- reverse, zip, sort -----------------------------------------------------------------------
 */

static struct lowered same_extent_task(struct lower *f, const struct builtin_call *call)
{
    ir_value extent = extent_if_known(f, call->items[0], 0);
    return builtin_task(f, call, &extent);
}

static struct lowered lower_reverse(struct lower *f, const struct builtin_call *call)
{
    if (!is_structured(f, call->items[0]))
        return same_extent_task(f, call);
    return lower_reversed(f, call->types[0], call->items[0]);
}

/* Arrays of which one has an unknown length: a task zips them. */
static struct lowered zip_task(struct lower *f, const struct builtin_call *call)
{
    ir_value extent = NO_VALUE;
    for (uint32_t i = 0; i < call->count && extent == NO_VALUE; i++)
        extent = extent_if_known(f, call->items[i], 0);
    return builtin_task(f, call, &extent);
}

/* A structure of tuples is one structure for each leaf, so this rearranges nothing. */
static struct lowered lower_zip(struct lower *f, const struct builtin_call *call)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (!lower_knows_extent(f, call->items[i], 0))
            return zip_task(f, call);
    struct value_list values = {0};
    ir_value first = lower_extent(f, call->items[0], 0);
    if (call->node->builtin == BUILTIN_ENUMERATE) {
        const struct ir_type *integer = ir_type_known(f->build.module, f->shared->integer);
        ir_value bounds[] = {ir_constant_int(&f->build, 0), first, ir_constant_int(&f->build, 1)};
        vector_push(&values, ir_emit_value(&f->build, IR_RANGE, bounds, 3,
                                           ir_type_structured(f->build.module, integer, 1)));
    }
    for (uint32_t i = 0; i < call->count; i++) {
        struct lowered array = call->items[i];
        if (i > 0) {
            ir_value extents[] = {ir_constant_int(&f->build, 0), first, lower_extent(f, array, 0)};
            lower_check(f, lower_int(f, OPERATION_EQ, first, extents[2]), ERR_shape_mismatch,
                        MESSAGE_EXTENT, extents, 3);
        }
        if (!is_structured(f, array))
            array = lower_array_elements(f, call->types[i], array);
        for (uint32_t leaf = 0; leaf < array.count; leaf++)
            vector_push(&values, array.values[leaf]);
    }
    struct lowered zipped = lower_copy(f, values.items, values.count);
    vector_release(&values);
    return zipped;
}

/* The bytes of a known file are an input of the job; those of a pending one are read by a task. */
static struct lowered lower_contents(struct lower *f, const struct builtin_call *call)
{
    ir_value file = call->items[0].values[0];
    if (!lower_is_known(f, file))
        return builtin_task(f, call, NULL);
    const struct ir_type *bytes = ir_type_pending(f->build.module, call->node->type, 1);
    return lower_single(f, ir_emit_value(&f->build, IR_CONTENTS, &file, 1, bytes));
}

/* ---- All ------------------------------------------------------------------------------------ */

static bool is_of_map(enum typed_builtin builtin)
{
    return builtin == BUILTIN_MAP || builtin == BUILTIN_MAP_GET || builtin == BUILTIN_MAP_HAS ||
           builtin == BUILTIN_MAP_COUNT || builtin == BUILTIN_ENTRIES || builtin == BUILTIN_KEYS ||
           builtin == BUILTIN_VALUES || builtin == BUILTIN_REMOVE || builtin == BUILTIN_GROUP;
}

static bool is_text(enum typed_builtin builtin)
{
    return builtin == BUILTIN_STR || builtin == BUILTIN_BYTES || builtin == BUILTIN_TEXT_CONCAT ||
           builtin == BUILTIN_TEXT_COMPARE;
}

struct lowered lower_builtin(struct lower *f, const struct typed *node)
{
    if (is_of_map(node->builtin))
        return lower_map_builtin(f, node);
    if (is_text(node->builtin))
        return lower_text(f, node);
    struct builtin_call call = {.node = node, .count = node->item_count};
    for (uint32_t i = 0; i < node->item_count; i++) {
        call.types[i] = node->items[i]->type;
        call.items[i] = lower_expression(f, node->items[i]);
    }
    f->build.span = node->span;
    switch (node->builtin) {
    case BUILTIN_ZEROS:
        return filled(f, &call, lower_single(f, ir_constant(&f->build, node->type->element, 0)), 0);
    case BUILTIN_FILL:
        return filled(f, &call, call.items[0], 1);
    case BUILTIN_RANGE:
        return lower_range(f, &call);
    case BUILTIN_SUM:
    case BUILTIN_MIN_OF:
    case BUILTIN_MAX_OF:
    case BUILTIN_ANY:
    case BUILTIN_ALL:
    case BUILTIN_COUNT:
    case BUILTIN_ARG_MIN:
    case BUILTIN_ARG_MAX:
        return builtin_task(f, &call, NULL);
    case BUILTIN_SORT:
    case BUILTIN_ORDER:
        return same_extent_task(f, &call);
    case BUILTIN_REVERSE:
        return lower_reverse(f, &call);
    case BUILTIN_ZIP:
    case BUILTIN_ENUMERATE:
        return lower_zip(f, &call);
    case BUILTIN_TRANSPOSE:
        return lower_transpose(f, &call);
    case BUILTIN_APPEND:
        return lower_append(f, &call);
    case BUILTIN_CONCAT:
        return lower_concat(f, &call);
    case BUILTIN_CONCAT_ALL:
        return lower_concat_all(f, &call);
    case BUILTIN_FLATTEN:
        return lower_flatten(f, &call);
    case BUILTIN_TILES:
        return lower_tiles(f, &call);
    case BUILTIN_MAP:
    case BUILTIN_MAP_GET:
    case BUILTIN_MAP_HAS:
    case BUILTIN_MAP_COUNT:
    case BUILTIN_ENTRIES:
    case BUILTIN_KEYS:
    case BUILTIN_VALUES:
    case BUILTIN_REMOVE:
    case BUILTIN_GROUP:
        break;
    case BUILTIN_UNTILE:
        return lower_untile(f, &call);
    case BUILTIN_CONTENTS:
        return lower_contents(f, &call);
    case BUILTIN_STR:
    case BUILTIN_BYTES:
    case BUILTIN_TEXT_CONCAT:
    case BUILTIN_TEXT_COMPARE:
        break;
    }
    bug("builtin %d", node->builtin);
}
