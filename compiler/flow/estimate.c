/* What statements and functions cost; see estimate.h. */
#include "flow/estimate_private.h"

#include <string.h>

/* ---- Variables ---------------------------------------------------------------------------------
 */

static void forget_variables(struct frame *frame, const struct typed_block *block,
                             const struct formula *turns);

/* What grows by an element in each turn has, in the middle, grown by half of them; a number that is
 * assigned is not known any more. Arrays keep their extents: most loops fill them. */
static void forget_assigned(struct frame *frame, const struct typed_statement *s,
                            const struct formula *turns)
{
    const struct shape **shape = &frame->shapes[s->variable->index];
    if (s->step_count > 0)
        return;
    if (!type_is_block(s->variable->type)) {
        *shape = NULL;
        return;
    }
    bool grows = s->value->kind == TYPED_BUILTIN && s->value->builtin == BUILTIN_APPEND;
    if (!grows || !*shape || !(*shape)->extents[0])
        return;
    struct shape *grown = estimate_new_shape(frame);
    *grown = **shape;
    grown->extents[0] =
        estimate_add(frame, (*shape)->extents[0], estimate_scaled(frame, 0.5, turns));
    *shape = grown;
}

static void forget_variables(struct frame *frame, const struct typed_block *block,
                             const struct formula *turns)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct typed_statement *s = block->statements[i];
        if (s->kind == STATEMENT_ASSIGN)
            forget_assigned(frame, s, turns);
        if (s->kind == STATEMENT_IF || s->kind == STATEMENT_WHILE) {
            forget_variables(frame, &s->then, turns);
            forget_variables(frame, &s->otherwise, turns);
        }
        if (s->kind == STATEMENT_FOR)
            forget_variables(frame, &s->body, turns);
    }
}

/* ---- Statements --------------------------------------------------------------------------------
 */

static const struct formula *estimate_block(struct frame *frame, const struct typed_block *block);

static const struct formula *estimate_steps(struct frame *frame, const struct typed_statement *s)
{
    const struct formula *cost = estimate_number(frame, 0);
    for (uint32_t i = 0; i < s->step_count; i++) {
        const struct typed_step *step = &s->steps[i];
        double ns = step->kind == STEP_KEY ? estimate_lookup_ns(step->key->type) : ESTIMATE_ELEMENT;
        cost = estimate_add(frame, cost, estimate_number(frame, ns));
        if (step->kind == STEP_KEY)
            cost = estimate_add(frame, cost, estimate_expression(frame, step->key, false).cost);
        for (uint32_t k = 0; step->kind == STEP_INDEX && k < step->index_count; k++) {
            const struct typed_index *index = &step->indexes[k];
            if (index->low)
                cost =
                    estimate_add(frame, cost, estimate_expression(frame, index->low, false).cost);
            if (index->high)
                cost =
                    estimate_add(frame, cost, estimate_expression(frame, index->high, false).cost);
        }
    }
    return cost;
}

static bool reads(const struct typed *typed, const struct variable *variable)
{
    if (typed->kind == TYPED_VARIABLE)
        return typed->variable == variable;
    for (uint32_t i = 0; typed->kind == TYPED_OPERATION && i < typed->operand_count; i++)
        if (reads(typed->operands[i], variable))
            return true;
    return false;
}

/* A float that is added to waits for its last value. */
static const struct formula *estimate_assignment(struct frame *frame,
                                                 const struct typed_statement *s)
{
    struct estimated value = estimate_expression(frame, s->value, false);
    const struct formula *cost = estimate_add(frame, value.cost, estimate_steps(frame, s));
    bool is_float = type_is_float(s->value->type);
    if (s->step_count == 0 && is_float &&
        (s->operation != OPERATION_NONE || reads(s->value, s->variable)))
        cost = estimate_add(frame, cost, estimate_number(frame, ESTIMATE_CHAIN));
    else if (s->operation != OPERATION_NONE)
        cost = estimate_add(frame, cost, estimate_number(frame, ESTIMATE_SCALAR));
    if (estimate_is_carried(s))
        cost = estimate_add(frame, cost, estimate_number(frame, ESTIMATE_CARRIED));
    if (type_is_block(s->value->type) && s->operation != OPERATION_NONE)
        cost = estimate_add(frame, cost,
                            estimate_array(frame, s->value->type,
                                           estimate_count(frame, value.shape, s->value->type)));
    if (s->step_count == 0 && s->operation == OPERATION_NONE)
        frame->shapes[s->variable->index] = value.shape;
    else if (s->step_count == 0 && !type_is_block(s->variable->type))
        frame->shapes[s->variable->index] = NULL;
    return cost;
}

static const struct formula *estimate_if(struct frame *frame, const struct typed_statement *s)
{
    const struct formula *cost = estimate_expression(frame, s->condition, false).cost;
    const struct formula *then = estimate_block(frame, &s->then);
    const struct formula *otherwise = estimate_block(frame, &s->otherwise);
    return estimate_add(frame, cost,
                        formula_join(frame->estimator->arena, FORMULA_MOST_OF, then, otherwise));
}

static const struct formula *estimate_turns(struct frame *frame, const struct formula *turns,
                                            const struct typed_block *body, bool is_for)
{
    forget_variables(frame, body, turns);
    const struct formula *each =
        estimate_add(frame, estimate_block(frame, body), estimate_number(frame, ESTIMATE_TURN));
    if (is_for && estimate_is_vectorized_block(body))
        each = estimate_scaled(frame, ESTIMATE_SIMD, each);
    return estimate_times(frame, turns, each);
}

static const struct formula *estimate_for(struct frame *frame, const struct typed_statement *s)
{
    const struct formula *cost;
    const struct formula *turns = estimate_iterator(frame, &s->iterator, &cost);
    return estimate_add(frame, cost, estimate_turns(frame, turns, &s->body, true));
}

/* What `variable += step` adds in each turn of the block, or NULL. */
static const struct formula *step_of(struct frame *frame, const struct typed_block *block,
                                     const struct variable *variable)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct typed_statement *s = block->statements[i];
        if (s->kind != STATEMENT_ASSIGN || s->variable != variable || s->step_count > 0 ||
            s->operation != OPERATION_ADD)
            continue;
        const struct shape *step = estimate_expression(frame, s->value, false).shape;
        return step ? step->value : NULL;
    }
    return NULL;
}

/* The turns of `while k < n { … k += step }`; anything else is a guess. */
static const struct formula *while_turns(struct frame *frame, const struct typed_statement *s)
{
    struct arena *arena = frame->estimator->arena;
    const struct typed *condition = s->condition;
    bool is_bounded =
        condition->kind == TYPED_OPERATION && condition->operand_count == 2 &&
        (condition->operation == OPERATION_LT || condition->operation == OPERATION_LE) &&
        condition->operands[0]->kind == TYPED_VARIABLE;
    if (!is_bounded)
        return formula_guess(arena, ESTIMATE_TURNS);
    const struct variable *variable = condition->operands[0]->variable;
    const struct shape *begin = frame->shapes[variable->index];
    const struct shape *end = estimate_expression(frame, condition->operands[1], false).shape;
    const struct formula *step = step_of(frame, &s->then, variable);
    if (!begin || !begin->value || !end || !end->value || !step)
        return formula_guess(arena, ESTIMATE_TURNS);
    return formula_join(arena, FORMULA_DIVIDE,
                        formula_join(arena, FORMULA_SUBTRACT, end->value, begin->value), step);
}

static const struct formula *estimate_while(struct frame *frame, const struct typed_statement *s)
{
    const struct formula *turns = while_turns(frame, s);
    forget_variables(frame, &s->then, turns);
    const struct formula *condition = estimate_expression(frame, s->condition, false).cost;
    return estimate_add(frame, estimate_times(frame, turns, condition),
                        estimate_turns(frame, turns, &s->then, false));
}

static const struct formula *estimate_message(struct frame *frame, const struct typed_statement *s)
{
    const struct formula *cost = estimate_number(frame, ESTIMATE_LOG);
    for (uint32_t i = 0; i < s->piece_count; i++)
        if (s->pieces[i].value)
            cost = estimate_add(frame, cost,
                                estimate_expression(frame, s->pieces[i].value, false).cost);
    return cost;
}

static const struct formula *estimate_statement(struct frame *frame,
                                                const struct typed_statement *s)
{
    struct estimated value;
    switch (s->kind) {
    case STATEMENT_DECLARE:
        value = estimate_expression(frame, s->value, false);
        frame->shapes[s->variable->index] = value.shape;
        return value.cost;
    case STATEMENT_ASSIGN:
        return estimate_assignment(frame, s);
    case STATEMENT_EVALUATE:
        return estimate_expression(frame, s->value, false).cost;
    case STATEMENT_IF:
        return estimate_if(frame, s);
    case STATEMENT_WHILE:
        return estimate_while(frame, s);
    case STATEMENT_FOR:
        return estimate_for(frame, s);
    case STATEMENT_RETURN:
        if (!s->value)
            break;
        value = estimate_expression(frame, s->value, false);
        frame->result = value.shape;
        return value.cost;
    case STATEMENT_LOG:
        return estimate_message(frame, s);
    case STATEMENT_FAIL: /* what fails need not be fast */
    case STATEMENT_BREAK:
    case STATEMENT_CONTINUE:
        break;
    }
    return estimate_number(frame, 0);
}

static const struct formula *estimate_block(struct frame *frame, const struct typed_block *block)
{
    const struct formula *cost = estimate_number(frame, 0);
    for (uint32_t i = 0; i < block->count; i++)
        cost = estimate_add(frame, cost, estimate_statement(frame, block->statements[i]));
    return cost;
}

/* ---- Functions ---------------------------------------------------------------------------------
 */

/* The tasks of linalg.wk that are written in C, with the leaves of their parameters. */
static const struct {
    const char *symbol, *formula;
} foreign_tasks[] = {
    {"linalg..transpose", "(* 1 (* x0.0 x0.1))"},
    {"linalg..gemm", "(* 0.045 (* x1.0 (* x1.1 x2.1)))"},
    {"linalg..syrk", "(* 0.045 (* x1.0 (* x1.1 x2.0)))"},
    {"linalg..trsm", "(* 0.045 (* x1.0 (* x0.0 x0.0)))"},
    {"linalg..potrf", "(* 0.025 (* x0.0 (* x0.0 x0.0)))"},
};

struct substitution {
    const struct frame *frame;
    const struct shape *const *arguments;
    uint32_t count;
};

static const struct formula *argument_extent(void *context, const struct formula *leaf)
{
    const struct substitution *s = context;
    const struct shape *shape = leaf->leaf < s->count ? s->arguments[leaf->leaf] : NULL;
    return shape && leaf->dimension < WK_MAX_RANK ? shape->extents[leaf->dimension] : NULL;
}

static const struct formula *estimate_foreign(const struct frame *frame,
                                              const struct typed_function *task,
                                              const struct shape *const *arguments, uint32_t count)
{
    struct substitution substitution = {frame, arguments, count};
    struct arena *arena = frame->estimator->arena;
    for (size_t i = 0; i < sizeof foreign_tasks / sizeof *foreign_tasks; i++)
        if (strcmp(task->symbol, foreign_tasks[i].symbol) == 0)
            return estimate_add(frame, estimate_number(frame, ESTIMATE_ARRAY),
                                formula_substitute(arena,
                                                   formula_parse(arena, foreign_tasks[i].formula),
                                                   argument_extent, &substitution));
    return formula_guess(arena, ESTIMATE_FOREIGN);
}

/* Dimensions of parameters are extents of the arguments. */
static void bind_dimensions(struct frame *frame)
{
    for (uint32_t i = 0; i < frame->function->rule_count; i++) {
        const struct dimension_rule *rule = &frame->function->rules[i];
        if (!rule->binds)
            continue;
        const struct shape *array = estimate_expression(frame, rule->array, true).shape;
        const struct formula *extent = NULL;
        if (array)
            extent =
                type_is_block(rule->array->type) ? array->extents[rule->dimension] : array->value;
        frame->shapes[rule->binds->index] = estimate_value(frame, extent);
    }
}

static bool is_under_way(const struct frame *frame, const struct typed_function *function)
{
    uint32_t depth = 0;
    for (; frame; frame = frame->caller, depth++)
        if (frame->function == function || depth > ESTIMATE_MOST_CALLS)
            return true;
    return false;
}

static struct estimated estimate_body(struct frame *frame, const struct shape *const *arguments,
                                      uint32_t count)
{
    const struct typed_function *function = frame->function;
    frame->shapes =
        arena_array(frame->estimator->arena, const struct shape *, function->variable_count + 1);
    for (uint32_t i = 0; i < function->parameter_count && i < count; i++)
        frame->shapes[function->parameters[i]->index] = arguments[i];
    bind_dimensions(frame);
    const struct formula *cost = estimate_block(frame, &function->body);
    return (struct estimated){cost, frame->result};
}

struct estimated estimate_call(struct frame *caller, struct typed_function *callee,
                               const struct shape *const *arguments, uint32_t count)
{
    if (callee->annotations.cost_ns)
        return (struct estimated){estimate_number(caller, (double)callee->annotations.cost_ns),
                                  NULL};
    if (callee->foreign)
        return (struct estimated){estimate_foreign(caller, callee, arguments, count), NULL};
    if (callee->prelude != OPERATION_NONE)
        return (struct estimated){estimate_number(caller, callee->prelude >= OPERATION_EXP
                                                              ? ESTIMATE_MATHS
                                                              : ESTIMATE_SCALAR),
                                  NULL};
    if (is_under_way(caller, callee))
        return (struct estimated){formula_guess(caller->estimator->arena, ESTIMATE_RECURSION),
                                  NULL};
    struct frame frame = {.estimator = caller->estimator, .caller = caller, .function = callee};
    return estimate_body(&frame, arguments, count);
}

/* ---- Tasks -------------------------------------------------------------------------------------
 */

/* The shape of a parameter, from leaf *leaf on, which moves behind it. */
static const struct shape *parameter_shape(const struct frame *frame, const struct type *type,
                                           uint32_t *leaf, uint32_t first_dimension)
{
    struct arena *arena = frame->estimator->arena;
    struct shape *shape = estimate_new_shape(frame);
    if (type_has_parts(type)) {
        shape->part_count = type->part_count;
        shape->parts = arena_array(arena, const struct shape *, type->part_count + 1);
        for (uint32_t i = 0; i < type->part_count; i++)
            shape->parts[i] = parameter_shape(frame, type->parts[i], leaf, 0);
        return shape;
    }
    if (type_is_integer(type))
        shape->value = formula_word(arena, *leaf);
    uint32_t rank = type->kind == TYPE_MAP ? 1 : type_is_block(type) ? type->rank : 0;
    for (uint32_t d = 0; d < rank; d++)
        shape->extents[d] = formula_extent(arena, *leaf, first_dimension + d);
    if (type->kind == TYPE_ARRAY && type_is_block(type->element)) {
        uint32_t same = *leaf;
        shape->element = parameter_shape(frame, type->element, &same, first_dimension + rank);
    }
    ++*leaf;
    return shape;
}

/* What the runtime would refuse, or read too slowly, becomes a number. */
static const struct formula *shortened(struct arena *arena, const struct formula *formula)
{
    enum { MOST_TERMS = 100, MOST_LENGTH = 1000 };
    struct buffer text = {0};
    bool is_long = formula->terms > MOST_TERMS;
    if (!is_long)
        formula_print(formula, &text);
    is_long = is_long || text.length > MOST_LENGTH || !formula_parse(arena, buffer_text(&text));
    buffer_release(&text);
    return is_long ? formula_guess(arena, formula_evaluate(formula, NULL)) : formula;
}

const struct formula *estimate_task(struct arena *arena, const struct typed_function *task)
{
    struct estimator estimator = {.arena = arena};
    struct frame frame = {.estimator = &estimator, .function = task};
    const struct shape **arguments =
        arena_array(arena, const struct shape *, task->parameter_count + 1);
    uint32_t leaf = 0;
    const struct formula *cost;
    if (task->body.count == 0 && !task->foreign)
        return NULL;
    for (uint32_t i = 0; i < task->parameter_count; i++)
        arguments[i] = parameter_shape(&frame, task->parameters[i]->type, &leaf, 0);
    if (task->foreign) {
        cost = estimate_foreign(&frame, task, arguments, task->parameter_count);
        if (cost->kind == FORMULA_GUESS)
            return NULL;
    } else {
        cost = estimate_body(&frame, arguments, task->parameter_count).cost;
    }
    return shortened(arena, estimate_add(&frame, estimate_number(&frame, ESTIMATE_TASK), cost));
}

double estimate_task_ns(const struct typed_function *task, bool *is_guess)
{
    struct arena arena;
    if (is_guess)
        *is_guess = false;
    if (task->annotations.cost_ns)
        return (double)task->annotations.cost_ns;
    arena_init(&arena);
    const struct formula *formula = estimate_task(&arena, task);
    double ns = formula ? formula_evaluate(formula, NULL) : 0;
    if (is_guess)
        *is_guess = !formula || formula_is_guess(formula) || !formula_is_constant(formula);
    arena_release(&arena);
    return ns;
}
