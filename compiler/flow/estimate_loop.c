/*
 * Which loops over scalars the code generator makes into loops over vectors, as far as that shows
 * in the tree: bodies that compute with numbers and elements only, where no turn needs what another
 * one computed, but for sums of integers. See estimate.h.
 */
#include "flow/estimate_private.h"

/* Whether an expression computes with numbers and elements; those of `written` may not be read, or
 * a turn could need what another one wrote. */
static bool is_plain(const struct typed *typed, const struct variable *written);

static bool are_plain(struct typed *const *operands, uint32_t count, const struct variable *written)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_plain(operands[i], written))
            return false;
    return true;
}

static bool is_plain_element(const struct typed *typed, const struct variable *written)
{
    if (typed->base->kind != TYPED_VARIABLE || typed->base->variable == written)
        return false;
    for (uint32_t i = 0; i < typed->index_count; i++)
        if (typed->indexes[i].is_range || !is_plain(typed->indexes[i].low, written))
            return false;
    return true;
}

/* Whether an expression reads elements. */
static bool reads_elements(const struct typed *typed)
{
    if (typed->kind == TYPED_OPERATION || typed->kind == TYPED_CONVERT)
        for (uint32_t i = 0; i < typed->operand_count; i++)
            if (reads_elements(typed->operands[i]))
                return true;
    return typed->kind == TYPED_INDEX || typed->kind == TYPED_IF;
}

/* What is read of one array or else of another is read behind a branch: a loop with that in it
 * stays as it is. Numbers are chosen from without one. */
static bool is_plain_choice(const struct typed *typed, const struct variable *written)
{
    return is_plain(typed->condition, written) && is_plain(typed->then, written) &&
           is_plain(typed->otherwise, written) && !reads_elements(typed->then) &&
           !reads_elements(typed->otherwise);
}

static bool is_plain_operation(const struct typed *typed)
{
    bool is_division = typed->operation == OPERATION_DIV || typed->operation == OPERATION_REM;
    return typed->operation < OPERATION_EXP &&
           (!is_division || type_is_float(typed->operands[0]->type));
}

static bool is_plain(const struct typed *typed, const struct variable *written)
{
    if (!type_is_scalar(typed->type))
        return false;
    switch (typed->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
        return true;
    case TYPED_OPERATION:
        return is_plain_operation(typed) &&
               are_plain(typed->operands, typed->operand_count, written);
    case TYPED_CONVERT:
        return are_plain(typed->operands, typed->operand_count, written);
    case TYPED_EXTENT:
        return typed->operands[0]->kind == TYPED_VARIABLE;
    case TYPED_INDEX:
        return is_plain_element(typed, written);
    case TYPED_IF:
        return is_plain_choice(typed, written);
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_MATMUL:
    case TYPED_PART:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_COMPREHENSION:
    case TYPED_CALL:
    case TYPED_BUILTIN:
    case TYPED_REDUCE:
        return false;
    }
    return false;
}

bool estimate_is_vectorized(const struct typed *body)
{
    return is_plain(body, NULL);
}

/* Whether an index runs with the loop, rather than being computed from elements. */
static bool is_affine(const struct typed *typed)
{
    if (typed->kind == TYPED_OPERATION) {
        for (uint32_t i = 0; i < typed->operand_count; i++)
            if (!is_affine(typed->operands[i]))
                return false;
        return true;
    }
    return typed->kind == TYPED_VARIABLE || typed->kind == TYPED_CONSTANT ||
           typed->kind == TYPED_EXTENT;
}

static bool is_affine_step(const struct typed_step *step)
{
    for (uint32_t i = 0; i < step->index_count; i++)
        if (step->indexes[i].is_range || !is_affine(step->indexes[i].low))
            return false;
    return true;
}

/* A sum of floats has an order; one of integers has none. */
static bool is_vectorized(const struct typed_statement *s)
{
    if (s->kind == STATEMENT_DECLARE)
        return is_plain(s->value, NULL);
    if (s->kind != STATEMENT_ASSIGN || !is_plain(s->value, s->variable))
        return false;
    if (s->step_count == 0)
        return type_is_integer(s->value->type) && s->operation != OPERATION_NONE;
    return s->step_count == 1 && s->steps[0].kind == STEP_INDEX && is_affine_step(&s->steps[0]);
}

bool estimate_is_vectorized_block(const struct typed_block *body)
{
    for (uint32_t i = 0; i < body->count; i++)
        if (!is_vectorized(body->statements[i]))
            return false;
    return body->count > 0;
}

static bool is_neighbour(const struct typed *typed, const struct variable *written)
{
    bool is_element = typed->kind == TYPED_INDEX && typed->base->kind == TYPED_VARIABLE &&
                      typed->base->variable == written;
    for (uint32_t i = 0; is_element && i < typed->index_count; i++)
        if (!typed->indexes[i].is_range && typed->indexes[i].low->kind == TYPED_OPERATION)
            return true;
    return false;
}

static bool reads_neighbour(const struct typed *typed, const struct variable *written)
{
    if (typed->kind != TYPED_OPERATION)
        return is_neighbour(typed, written);
    for (uint32_t i = 0; i < typed->operand_count; i++)
        if (reads_neighbour(typed->operands[i], written))
            return true;
    return false;
}

bool estimate_is_carried(const struct typed_statement *assignment)
{
    return assignment->step_count == 1 && assignment->steps[0].kind == STEP_INDEX &&
           !step_is_slice(&assignment->steps[0]) &&
           reads_neighbour(assignment->value, assignment->variable);
}
