/*
 * How many indexes a piece has; see chunk.h.
 *
 * What a call costs is a formula over known arguments (estimate.h). It becomes known arithmetic on
 * floats, which elaboration evaluates once for the comprehension: for the first index and the last
 * if it depends on them, and the dearer counts. All of it is total: only what cannot fail is
 * evaluated, products are cut to size as graph/formula.c cuts them, and nothing is divided by what
 * may be 0.
 */
#include "flow/chunk.h"
#include "check/typed_tree.h"
#include "flow/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_EMITTED = 64 }; /* instructions for the value of one argument */

struct weighing {
    const struct chunk_shape *shape;
    /* While emitting: */
    struct ir_builder *build;
    const ir_value *indexes; /* in the function that is built */
    ir_value captures;
    const struct type *number; /* f64 */
    bool is_reduction;         /* the formula is of the reduction's task */
};

/* ---- Arguments ------------------------------------------------------------------------------ */

/* The operand of the call that alone is leaf `wanted` of the parameters, counted without ()s. */
static bool find_operand(const struct chunk_shape *s, uint32_t wanted, ir_value *operand)
{
    uint32_t at = 0, number = 0, count = s->call->operand_count;
    const struct ir_type **types = memory_new(count + 1, sizeof *types);
    bool found = false;
    for (uint32_t o = 0; o < count; o++)
        types[o] = ir_type_of(s->function, s->call->operands[o]);
    for (uint32_t p = 0; p < s->task->parameter_count && !found; p++)
        for (uint32_t l = 0; l < ir_leaf_count(s->task->parameters[p]->type) && !found; l++) {
            const struct type *leaf = ir_leaf(s->task->parameters[p]->type, l);
            uint32_t begin = at;
            if (!verify_takes_leaf(leaf, types, count, &at))
                bug("an argument of '%s' does not fit", s->task->name);
            found = !type_is_unit(leaf) && number++ == wanted && at == begin + 1;
            if (found)
                *operand = s->call->operands[begin];
        }
    free(types);
    return found;
}

/* Whether a value follows from indexes and captures by what cannot fail. */
static bool can_emit(const struct chunk_shape *s, ir_value value, uint32_t *budget)
{
    const struct ir_instruction *i = s->definitions[value];
    if (!i)
        return true;
    if (*budget == 0)
        return false;
    --*budget;
    if (i->opcode == IR_OPERATION &&
        !typed_operation_is_total(i->operation, ir_type_of(s->function, i->operands[0])->type))
        return false;
    if (i->opcode == IR_CONVERT &&
        !typed_conversion_is_total(ir_type_of(s->function, i->operands[0])->type,
                                   ir_type_of(s->function, i->first_result)->type))
        return false;
    if (i->opcode != IR_OPERATION && i->opcode != IR_CONVERT && i->opcode != IR_CONSTANT &&
        i->opcode != IR_EXTENT)
        return false;
    for (uint32_t o = 0; o < i->operand_count; o++)
        if (!can_emit(s, i->operands[o], budget))
            return false;
    return true;
}

static bool knows_extent(const struct ir_type *type, uint32_t dimension)
{
    if (type->kind == IR_STRUCTURED)
        return dimension < type->rank;
    return type->kind == IR_PENDING && dimension < 32 && (type->known_extents >> dimension & 1);
}

static bool can_emit_formula(const struct chunk_shape *s, const struct formula *f)
{
    uint32_t budget = MOST_EMITTED;
    ir_value operand;
    switch (f->kind) {
    case FORMULA_NUMBER:
        return true;
    case FORMULA_GUESS:
        return false;
    case FORMULA_WORD:
        return find_operand(s, f->leaf, &operand) &&
               ir_type_of(s->function, operand)->kind == IR_KNOWN &&
               type_is_integer(ir_type_of(s->function, operand)->type) &&
               can_emit(s, operand, &budget);
    case FORMULA_EXTENT:
        return find_operand(s, f->leaf, &operand) &&
               knows_extent(ir_type_of(s->function, operand), f->dimension) &&
               can_emit(s, operand, &budget);
    case FORMULA_DIVIDE:
        return f->right->kind == FORMULA_NUMBER && f->right->number != 0 &&
               can_emit_formula(s, f->left);
    case FORMULA_ADD:
    case FORMULA_SUBTRACT:
    case FORMULA_MULTIPLY:
    case FORMULA_LEAST:
    case FORMULA_MOST_OF:
        return can_emit_formula(s, f->left) && can_emit_formula(s, f->right);
    }
    return false;
}

bool chunk_can_weigh(const struct chunk_shape *s)
{
    for (uint32_t o = chunk_argument_count(s); o < s->call->operand_count; o++) {
        uint32_t budget = MOST_EMITTED;
        if (!can_emit(s, s->call->operands[o], &budget))
            return false;
    }
    return !s->cost || can_emit_formula(s, s->cost);
}

bool chunk_can_weigh_rows(const struct formula *f)
{
    if (f->kind == FORMULA_DIVIDE && (f->right->kind != FORMULA_NUMBER || f->right->number == 0))
        return false;
    if (f->kind >= FORMULA_ADD)
        return chunk_can_weigh_rows(f->left) && chunk_can_weigh_rows(f->right);
    return f->kind == FORMULA_NUMBER || f->kind == FORMULA_EXTENT;
}

/* ---- Values --------------------------------------------------------------------------------- */

static ir_value emit_value(struct weighing *w, ir_value value)
{
    const struct chunk_shape *s = w->shape;
    const struct ir_instruction *i = s->definitions[value];
    if (!i) {
        uint32_t parameter = value - s->function->blocks[0].first_parameter;
        return parameter < s->rank ? w->indexes[parameter] : w->captures + parameter - s->rank;
    }
    ir_value operands[3] = {0};
    if (i->operand_count > sizeof operands / sizeof *operands)
        bug("an operation with %u operands", i->operand_count);
    for (uint32_t o = 0; o < i->operand_count; o++)
        operands[o] = emit_value(w, i->operands[o]);
    const struct ir_type *type = ir_type_of(s->function, i->first_result);
    struct ir_instruction *copy =
        ir_emit(w->build, i->opcode, operands, i->operand_count, &type, 1);
    ir_value first = copy->first_result, *copied = copy->operands;
    *copy = *i;
    copy->operands = copied;
    copy->first_result = first;
    return first;
}

static ir_value constant(struct weighing *w, double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    return ir_constant(w->build, w->number, word);
}

static ir_value join(struct weighing *w, enum operation operation, ir_value left, ir_value right)
{
    return ir_operation(w->build, operation, w->number, (ir_value[]){left, right}, 2);
}

/* Products stay so small that no sum of them is infinite. */
static ir_value multiply(struct weighing *w, ir_value left, ir_value right)
{
    ir_value product = join(w, OPERATION_MUL, left, right);
    product = join(w, OPERATION_MIN, product, constant(w, FORMULA_MOST));
    return join(w, OPERATION_MAX, product, constant(w, -FORMULA_MOST));
}

static ir_value as_float(struct weighing *w, ir_value integer)
{
    return ir_emit_value(w->build, IR_CONVERT, &integer, 1,
                         ir_type_known(w->build->module, w->number));
}

/* An extent of an accumulator or an element, each of which has all leaves of the task's result. */
static ir_value emit_row_extent(struct weighing *w, const struct formula *f)
{
    const struct chunk_shape *s = w->shape;
    const struct ir_type *const *types = s->function->results;
    uint32_t at = chunk_argument_count(s), leaf = f->leaf % s->call->result_count;
    for (uint32_t r = 0; r < leaf; r++)
        at += (uint32_t)__builtin_popcount(types[r]->known_extents);
    return as_float(w, emit_value(w, s->call->operands[at + f->dimension]));
}

static ir_value emit_leaf(struct weighing *w, const struct formula *f)
{
    ir_value operand;
    if (w->is_reduction)
        return emit_row_extent(w, f);
    if (!find_operand(w->shape, f->leaf, &operand))
        bug("a formula reads a leaf that is no operand");
    operand = emit_value(w, operand);
    if (f->kind == FORMULA_EXTENT)
        operand = ir_extent(w->build, operand, f->dimension);
    return as_float(w, operand);
}

static ir_value emit_formula(struct weighing *w, const struct formula *f)
{
    switch (f->kind) {
    case FORMULA_NUMBER:
    case FORMULA_GUESS:
        return constant(w, f->number);
    case FORMULA_WORD:
    case FORMULA_EXTENT:
        return emit_leaf(w, f);
    case FORMULA_DIVIDE:
        return multiply(w, emit_formula(w, f->left), constant(w, 1 / f->right->number));
    case FORMULA_MULTIPLY: {
        ir_value left = emit_formula(w, f->left);
        return multiply(w, left, emit_formula(w, f->right));
    }
    case FORMULA_ADD:
    case FORMULA_SUBTRACT:
    case FORMULA_LEAST:
    case FORMULA_MOST_OF:
        break;
    }
    ir_value left = emit_formula(w, f->left), right = emit_formula(w, f->right);
    return join(w,
                f->kind == FORMULA_ADD        ? OPERATION_ADD
                : f->kind == FORMULA_SUBTRACT ? OPERATION_SUB
                : f->kind == FORMULA_LEAST    ? OPERATION_MIN
                                              : OPERATION_MAX,
                left, right);
}

/* ---- Weights -------------------------------------------------------------------------------- */

/* What a call costs at these indexes. */
static ir_value emit_cost(struct weighing *w, const ir_value *indexes)
{
    w->indexes = indexes;
    return emit_formula(w, w->shape->cost);
}

static bool reads_indexes(const struct chunk_shape *s, const struct formula *f)
{
    ir_value operand;
    if (f->kind >= FORMULA_ADD)
        return reads_indexes(s, f->left) || reads_indexes(s, f->right);
    return f->kind == FORMULA_WORD && find_operand(s, f->leaf, &operand) &&
           s->sources[operand] != CHUNK_SAME;
}

static ir_value emit_dearest(struct weighing *w, const ir_value *extents)
{
    const struct chunk_shape *s = w->shape;
    if (!s->cost)
        return constant(w, (double)s->cost_ns);
    if (!reads_indexes(s, s->cost))
        return emit_cost(w, NULL);
    ir_value first[WK_MAX_RANK], last[WK_MAX_RANK];
    ir_value zero = ir_constant_int(w->build, 0);
    for (uint32_t d = 0; d < s->rank; d++)
        first[d] = zero;
    ir_value cost = emit_cost(w, first);
    ir_value one = ir_constant_int(w->build, 1);
    for (uint32_t d = 0; d < s->rank; d++)
        last[d] = ir_int_operation(w->build, OPERATION_SUB, extents[d], one);
    return join(w, OPERATION_MAX, cost, emit_cost(w, last));
}

/* What the bytes of a call's arrays count as, in ns: a piece's result has task_bytes at most. */
static ir_value emit_bytes(struct weighing *w, ir_value cost)
{
    const struct chunk_shape *s = w->shape;
    const struct ir_target *target = &w->build->module->target;
    uint32_t at = chunk_argument_count(s);
    for (uint32_t r = 0; r < s->call->result_count; r++) {
        const struct type *leaf = ir_type_of(s->function, s->call->first_result + r)->type;
        if (leaf->kind != TYPE_ARRAY)
            continue;
        double size = (double)wk_scalar_bytes(leaf->element->scalar);
        ir_value bytes = constant(w, size * (double)target->task_ns /
                                         (double)(target->task_bytes ? target->task_bytes : 1));
        for (uint32_t d = 0; d < leaf->rank; d++)
            bytes = multiply(w, bytes, as_float(w, emit_value(w, s->call->operands[at++])));
        cost = join(w, OPERATION_MAX, cost, bytes);
    }
    return cost;
}

/* What it costs to combine two elements. */
static ir_value emit_reduction(struct weighing *w, const struct chunk_reduction *reduction)
{
    if (!reduction->cost)
        return constant(w, (double)reduction->cost_ns);
    w->is_reduction = true;
    ir_value cost = emit_formula(w, reduction->cost);
    w->is_reduction = false;
    return cost;
}

ir_value chunk_emit_length(struct ir_builder *build, const struct chunk_shape *shape,
                           const struct chunk_reduction *reduction, const ir_value *extents,
                           ir_value captures)
{
    struct weighing w = {.shape = shape, .build = build, .captures = captures};
    w.number = type_scalar(build->module->types, WK_F64);
    ir_value cost = emit_dearest(&w, extents);
    if (reduction)
        cost = join(&w, OPERATION_ADD, cost, emit_reduction(&w, reduction));
    cost = join(&w, OPERATION_MAX, emit_bytes(&w, cost), constant(&w, 1));
    ir_value most =
        join(&w, OPERATION_DIV, constant(&w, (double)build->module->target.task_ns), cost);
    most = ir_operation(build, OPERATION_FLOOR, w.number, &most, 1);
    return ir_emit_value(build, IR_CONVERT, &most, 1,
                         ir_type_known(build->module, type_scalar(build->module->types, WK_I64)));
}
