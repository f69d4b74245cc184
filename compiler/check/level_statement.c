/*
 * The levels of statements: what assignments make of variables, and control by pending values,
 * which is refused.
 */
#include "check/levels.h"

struct variable *level_variable(struct walk *w, const struct variable *variable)
{
    if (!w->final)
        return (struct variable *)(uintptr_t)variable;
    struct variable **clone = &w->clones[variable->index];
    if (!*clone) {
        *clone = arena_copy(w->arena, variable, sizeof *variable);
        (*clone)->level = w->instance->variables[variable->index];
        if (!(*clone)->level)
            (*clone)->level = &level_known;
    }
    return *clone;
}

void level_raise(struct walk *w, const struct variable *variable, const struct level *level,
                 const struct typed *value)
{
    const struct level **slot = &w->instance->variables[variable->index];
    const struct level *joined = level_join(w->l, *slot, level);
    if (joined == *slot)
        return;
    struct origin *origin = &w->instance->origins[variable->index];
    if (!origin->span.source && value && value->level && !level_is_known(value->level))
        *origin = level_origin(w, value);
    *slot = joined;
    w->changed = true;
}

/* ---- Assignments
 * ------------------------------------------------------------------------------------------ */

/* Reports a value whose shape must be known since it goes into a known structure, and is not. */
static void require_known_shape(struct walk *w, const struct typed *value)
{
    if (value->level->kind == LEVEL_PENDING &&
        value->level->known_extents != level_all_extents(value->type))
        report_pending(w, value, value->span, ERR_unknown_shape,
                       "the shape of what is stored into a known structure", NULL);
}

/* The level of what `s` assigns to, after it, where `level` is what its path begins at. */
static const struct level *updated(struct walk *w, const struct typed_statement *s,
                                   const struct level *level, const struct type *type,
                                   uint32_t depth);

/* The level of an array after an element or slice of it, or a place within them, got a value. */
static const struct level *updated_array(struct walk *w, const struct typed_statement *s,
                                         const struct level *array, const struct type *type,
                                         uint32_t depth)
{
    const struct typed_step *step = &s->steps[depth];
    if (array->kind == LEVEL_PENDING)
        return array;
    level_require_known_indexes(w, step->indexes, step->index_count);
    const struct level *element = level_element(w->l, array, type);
    bool slice = step_is_slice(step);
    const struct level *value =
        updated(w, s, slice ? level_structure(w->l, element) : element, step->type, depth + 1);
    bool is_last = depth + 1 == s->step_count;
    bool broadcasts = is_last && s->operation == OPERATION_NONE && s->value->type != step->type;
    if (slice && is_last && s->value->type->kind == TYPE_ARRAY)
        require_known_shape(w, s->value);
    if (slice && !broadcasts)
        value = level_element(w->l, value, step->type);
    return level_structure(w->l, level_join(w->l, element, value));
}

/* A pending map stays one, whatever is put into it; a map of known keys becomes one by a key that
 * is pending. */
static const struct level *updated_map(struct walk *w, const struct typed_statement *s,
                                       const struct level *level, const struct type *type,
                                       uint32_t depth)
{
    const struct typed *value = s->value;
    const struct typed_step *step = &s->steps[depth];
    bool is_known_place = level->kind != LEVEL_PENDING && is_known(step->key);
    bool is_last = depth + 1 == s->step_count;
    const struct level *old = level_element(w->l, level, type);
    if (is_known_place)
        return level_structure(w->l,
                               level_join(w->l, old, updated(w, s, old, step->type, depth + 1)));
    if (is_last)
        level_refuse_gathering(w, value->type, value->level, value->span);
    else
        updated(w, s, level_pending(w->l, step->type), step->type, depth + 1);
    return level_pending(w->l, type);
}

static const struct level *updated(struct walk *w, const struct typed_statement *s,
                                   const struct level *level, const struct type *type,
                                   uint32_t depth)
{
    if (depth < s->step_count && s->steps[depth].kind == STEP_PART) {
        uint32_t part = s->steps[depth].part;
        return level_set_part(w->l, level, type, part,
                              updated(w, s, level_part(level, part), type->parts[part], depth + 1));
    }
    if (depth < s->step_count && s->steps[depth].kind == STEP_KEY)
        return updated_map(w, s, level, type, depth);
    if (depth < s->step_count)
        return updated_array(w, s, level, type, depth);
    if (s->operation == OPERATION_NONE)
        return s->value->level;
    struct typed place = {.type = type, .level = level};
    struct typed *const operands[] = {&place, s->value};
    return level_elementwise(w, type, operands, 2);
}

static struct typed_step *level_steps(struct walk *w, const struct typed_step *steps,
                                      uint32_t count)
{
    struct typed_step *copy = arena_copy(w->arena, steps, count * sizeof *steps);
    for (uint32_t i = 0; i < count; i++)
        if (copy[i].kind == STEP_INDEX)
            copy[i].indexes = level_indexes(w, copy[i].indexes, copy[i].index_count);
        else if (copy[i].kind == STEP_KEY)
            copy[i].key = level_expression(w, copy[i].key);
    return copy;
}

static void level_assign(struct walk *w, struct typed_statement *s)
{
    const struct variable *variable = s->variable;
    s->value = level_expression(w, s->value);
    s->steps = level_steps(w, s->steps, s->step_count);
    const struct level *before = w->instance->variables[variable->index];
    if (before && s->value->level)
        level_raise(w, variable, updated(w, s, before, variable->type, 0), s->value);
    s->variable = level_variable(w, variable);
}

static void level_declare(struct walk *w, struct typed_statement *s)
{
    const struct variable *variable = s->variable;
    s->value = level_expression(w, s->value);
    level_raise(w, variable, s->value->level, s->value);
    s->variable = level_variable(w, variable);
}

/* ---- Control
 * ------------------------------------------------------------------------------------------------
 */

/* The first break, continue or return that leaves the block; jumps of inner loops stay inside. */
static const struct typed_statement *find_jump(const struct typed_block *block, bool in_loop)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct typed_statement *s = block->statements[i], *found = NULL;
        switch (s->kind) {
        case STATEMENT_BREAK:
        case STATEMENT_CONTINUE:
            found = in_loop ? NULL : s;
            break;
        case STATEMENT_RETURN:
            found = s;
            break;
        case STATEMENT_IF:
            found = find_jump(&s->then, in_loop);
            found = found ? found : find_jump(&s->otherwise, in_loop);
            break;
        case STATEMENT_WHILE:
            found = find_jump(&s->then, true);
            break;
        case STATEMENT_FOR:
            found = find_jump(&s->body, true);
            break;
        case STATEMENT_DECLARE:
        case STATEMENT_ASSIGN:
        case STATEMENT_EVALUATE:
        case STATEMENT_FAIL:
        case STATEMENT_LOG:
            break;
        }
        if (found)
            return found;
    }
    return NULL;
}

static bool ends_in_return(const struct typed_block *block)
{
    return block->count && block->statements[block->count - 1]->kind == STATEMENT_RETURN;
}

static void report_jump(struct walk *w, const struct typed *condition,
                        const struct typed_statement *jump)
{
    if (!w->final)
        return;
    const char *name = jump->kind == STATEMENT_BREAK      ? "break"
                       : jump->kind == STATEMENT_CONTINUE ? "continue"
                                                          : "return";
    struct diagnostics *diagnostics = w->l->c->diagnostics;
    struct diagnostic *d = diagnose(diagnostics, jump->span, ERR_pending_jump,
                                    "'%s' depends on a condition that is pending", name);
    diagnose_note(diagnostics, d, condition->span,
                  "this condition is known only when the job runs");
    struct origin origin = level_origin(w, condition);
    if (origin.span.source)
        diagnose_note(diagnostics, d, origin.span, "%s", origin.text);
    diagnose_hint(diagnostics, d,
                  jump->kind == STATEMENT_RETURN
                      ? "return in both branches, or choose the result in a task"
                      : "move the condition into the head of a 'while', or the loop into a task");
}

static void report_condition(struct walk *w, const struct typed_statement *s)
{
    const struct typed_statement *jump = find_jump(&s->then, s->kind == STATEMENT_WHILE);
    if (!jump && s->kind == STATEMENT_IF)
        jump = find_jump(&s->otherwise, false);
    bool both =
        s->kind == STATEMENT_IF && ends_in_return(&s->then) && ends_in_return(&s->otherwise);
    if (jump && !both)
        report_jump(w, s->condition, jump);
    else
        report_pending(w, s->condition, s->condition->span, ERR_deferred_region, "this condition",
                       hint_leave_to_task);
}

/* The check that `let x: f64[n] = …` asks for; of pending extents it is left to the tasks. */
static bool is_extent_check(const struct typed_statement *s)
{
    return s->kind == STATEMENT_IF && s->then.count == 1 &&
           s->then.statements[0]->kind == STATEMENT_FAIL &&
           s->then.statements[0]->pieces[0].text == declared_extent_text;
}

static void level_control(struct walk *w, struct typed_statement *s)
{
    s->condition = level_expression(w, s->condition);
    if (!is_known(s->condition) && is_extent_check(s)) {
        s->condition = arena_copy(w->arena, s->condition, sizeof *s->condition);
        *s->condition = (struct typed){.kind = TYPED_CONSTANT,
                                       .type = s->condition->type,
                                       .level = &level_known,
                                       .span = s->condition->span};
        s->then.count = 0;
        return;
    }
    if (!is_known(s->condition))
        report_condition(w, s);
    s->then = level_block(w, &s->then);
    if (s->kind == STATEMENT_IF)
        s->otherwise = level_block(w, &s->otherwise);
}

static void level_pieces(struct walk *w, struct typed_statement *s)
{
    s->pieces = arena_copy(w->arena, s->pieces, s->piece_count * sizeof *s->pieces);
    for (uint32_t i = 0; i < s->piece_count; i++) {
        if (!s->pieces[i].value)
            continue;
        s->pieces[i].value = level_expression(w, s->pieces[i].value);
        if (!is_known(s->pieces[i].value))
            report_pending(w, s->pieces[i].value, s->pieces[i].value->span, ERR_pending_message,
                           "this value in the message of a flow", "call fail in a task");
    }
}

static void level_return(struct walk *w, struct typed_statement *s)
{
    const struct level *level = &level_known;
    if (s->value) {
        s->value = level_expression(w, s->value);
        level = s->value->level;
        if (w->instance->template == w->l->main)
            level_refuse_gathering(w, s->value->type, level, s->value->span);
    }
    const struct level *joined = level_join(w->l, w->instance->result, level);
    w->changed |= joined != w->instance->result;
    w->instance->result = joined;
}

static struct typed_statement *level_statement(struct walk *w,
                                               const struct typed_statement *template)
{
    struct typed_statement *s = arena_copy(w->arena, template, sizeof *template);
    switch (s->kind) {
    case STATEMENT_DECLARE:
        level_declare(w, s);
        return s;
    case STATEMENT_ASSIGN:
        level_assign(w, s);
        return s;
    case STATEMENT_EVALUATE:
        s->value = level_expression(w, s->value);
        return s;
    case STATEMENT_IF:
    case STATEMENT_WHILE:
        level_control(w, s);
        return s;
    case STATEMENT_FOR:
        level_iterator(w, &template->iterator, &s->iterator);
        s->body = level_block(w, &template->body);
        return s;
    case STATEMENT_RETURN:
        level_return(w, s);
        return s;
    case STATEMENT_FAIL:
    case STATEMENT_LOG:
        level_pieces(w, s);
        return s;
    case STATEMENT_BREAK:
    case STATEMENT_CONTINUE:
        return s;
    }
    bug("statement of kind %d", s->kind);
}

struct typed_block level_block(struct walk *w, const struct typed_block *block)
{
    struct typed_block copy = {arena_array(w->arena, struct typed_statement *, block->count),
                               block->count};
    for (uint32_t i = 0; i < block->count; i++)
        copy.statements[i] = level_statement(w, block->statements[i]);
    return copy;
}
