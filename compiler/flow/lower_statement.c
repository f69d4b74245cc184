/*
 * Statements: structured control flow to blocks with parameters.
 *
 * Where paths join, the variables that were assigned on them become block parameters, of the types
 * that the variable's level says. Nothing else is passed: an old version of a structure that stayed
 * alive would have to be copied by the next `set`.
 */
#include "base/memory.h"
#include "check/messages.h"
#include "flow/lower.h"

/* ---- Which variables a block assigns -------------------------------------------------------- */

static void mark_assigned(const struct typed_block *block, bool *assigned)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct typed_statement *s = block->statements[i];
        switch (s->kind) {
        case STATEMENT_ASSIGN:
            assigned[s->variable->index] = true;
            break;
        case STATEMENT_IF:
            mark_assigned(&s->then, assigned);
            mark_assigned(&s->otherwise, assigned);
            break;
        case STATEMENT_WHILE:
            mark_assigned(&s->then, assigned);
            break;
        case STATEMENT_FOR:
            mark_assigned(&s->body, assigned);
            break;
        case STATEMENT_DECLARE:
        case STATEMENT_EVALUATE:
        case STATEMENT_BREAK:
        case STATEMENT_CONTINUE:
        case STATEMENT_RETURN:
        case STATEMENT_FAIL:
        case STATEMENT_LOG:
            break;
        }
    }
}

/* The variables that live before a statement and are assigned in its blocks. */
struct join {
    const struct variable **variables;
    uint32_t count;
};

/* Finds a variable by its index, among those that the blocks assign. */
static void collect_assigned(const struct lower *f, const struct typed_block *block, bool *assigned,
                             struct join *join)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct typed_statement *s = block->statements[i];
        if (s->kind == STATEMENT_ASSIGN && assigned[s->variable->index]) {
            assigned[s->variable->index] = false;
            if (lower_is_bound(f, s->variable))
                join->variables[join->count++] = s->variable;
        } else if (s->kind == STATEMENT_IF) {
            collect_assigned(f, &s->then, assigned, join);
            collect_assigned(f, &s->otherwise, assigned, join);
        } else if (s->kind == STATEMENT_WHILE) {
            collect_assigned(f, &s->then, assigned, join);
        } else if (s->kind == STATEMENT_FOR) {
            collect_assigned(f, &s->body, assigned, join);
        }
    }
}

static struct join join_of(struct lower *f, const struct typed_block *first,
                           const struct typed_block *second)
{
    bool *assigned = arena_array(f->shared->arena, bool, f->variable_count);
    struct join join = {0};
    join.variables = arena_array(f->shared->arena, const struct variable *, f->variable_count);
    mark_assigned(first, assigned);
    if (second)
        mark_assigned(second, assigned);
    collect_assigned(f, first, assigned, &join);
    if (second)
        collect_assigned(f, second, assigned, &join);
    return join;
}

/* Appends the present leaves of the join's variables. */
static void push_values(struct lower *f, const struct join *join, struct value_list *values)
{
    for (uint32_t i = 0; i < join->count; i++) {
        struct lowered value = lower_variable(f, join->variables[i]);
        for (uint32_t leaf = 0; leaf < value.count; leaf++)
            vector_push(values, value.values[leaf]);
    }
}

/* Makes a block whose parameters are `extra` i64 and the join's variables. */
static uint32_t new_join_block(struct lower *f, const struct join *join, uint32_t extra)
{
    struct type_list types = {0};
    for (uint32_t i = 0; i < extra; i++)
        vector_push(&types, ir_type_known(f->build.module, f->shared->integer));
    for (uint32_t i = 0; i < join->count; i++)
        lower_level_types(f->shared, join->variables[i]->type, join->variables[i]->level, &types);
    uint32_t block = ir_block_new(f->build.module, f->build.function);
    ir_block_parameters(f->build.module, f->build.function, block, types.items,
                        (uint32_t)types.count);
    vector_release(&types);
    return block;
}

/* Goes on in a block made for the join: its parameters are the variables' values now. */
static void enter_join_block(struct lower *f, const struct join *join, uint32_t block,
                             uint32_t extra)
{
    f->build.block = block;
    f->ended = false;
    ir_value at = f->build.function->blocks[block].first_parameter + extra;
    for (uint32_t i = 0; i < join->count; i++) {
        struct type_list types = {0};
        lower_level_types(f->shared, join->variables[i]->type, join->variables[i]->level, &types);
        struct lowered value = {.count = (uint32_t)types.count};
        value.values = arena_array(f->shared->arena, ir_value, types.count);
        for (uint32_t leaf = 0; leaf < value.count; leaf++)
            value.values[leaf] = at++;
        lower_bind(f, join->variables[i], value);
        vector_release(&types);
    }
}

/* Jumps to a join's block, with the counter first if there is one. */
static void jump_with(struct lower *f, const struct join *join, uint32_t block, ir_value counter)
{
    struct value_list values = {0};
    if (counter != NO_VALUE)
        vector_push(&values, counter);
    push_values(f, join, &values);
    ir_jump(&f->build, block, values.items, (uint32_t)values.count);
    vector_release(&values);
    f->ended = true;
}

/* ---- if ------------------------------------------------------------------------------------- */

static struct environment_entry *copy_environment(const struct lower *f)
{
    return arena_copy(f->shared->arena, f->environment, f->variable_count * sizeof *f->environment);
}

static void lower_if(struct lower *f, const struct typed_statement *s)
{
    ir_value condition = lower_scalar(f, s->condition);
    struct join join = join_of(f, &s->then, &s->otherwise);
    f->build.span = s->condition->span;
    uint32_t then = ir_block_new(f->build.module, f->build.function);
    uint32_t otherwise = ir_block_new(f->build.module, f->build.function);
    ir_branch(&f->build, condition, then, NULL, 0, otherwise, NULL, 0);

    struct environment_entry *before = copy_environment(f);
    f->build.block = then;
    lower_block(f, &s->then);
    struct lower after_then = *f;

    f->environment = before;
    f->build.block = otherwise;
    f->ended = false;
    lower_block(f, &s->otherwise);
    if (after_then.ended)
        return;
    if (f->ended) {
        f->environment = after_then.environment;
        f->build.block = after_then.build.block;
        f->ended = false;
        return;
    }
    uint32_t joined = new_join_block(f, &join, 0);
    f->build.span = s->span;
    jump_with(f, &join, joined, NO_VALUE);
    struct environment_entry *environment = f->environment;
    f->environment = after_then.environment;
    f->build.block = after_then.build.block;
    jump_with(f, &join, joined, NO_VALUE);
    f->environment = environment;
    enter_join_block(f, &join, joined, 0);
}

/* ---- Loops ---------------------------------------------------------------------------------- */

struct loop {
    struct loop *outer;
    struct join join;
    struct span span;
    uint32_t header, exit;
    bool breaks;      /* has a break: the exit takes the variables as parameters */
    ir_value counter; /* of this turn; NO_VALUE in a while */
};

static bool has_break(const struct typed_block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct typed_statement *s = block->statements[i];
        if (s->kind == STATEMENT_BREAK ||
            (s->kind == STATEMENT_IF && (has_break(&s->then) || has_break(&s->otherwise))))
            return true;
    }
    return false;
}

/* The next turn: a counting loop's counter goes up by one, which never wraps below its end. */
static void jump_to_header(struct lower *f, const struct loop *loop)
{
    f->build.span = loop->span;
    ir_value next = loop->counter;
    if (next != NO_VALUE)
        next = lower_int(f, OPERATION_ADD, next, ir_constant_int(&f->build, 1));
    jump_with(f, &loop->join, loop->header, next);
}

/* Enters the header with the variables as they are, and counter `first` if it is a value. */
static void begin_loop(struct lower *f, struct loop *loop, const struct typed_block *body,
                       ir_value first)
{
    uint32_t counters = first != NO_VALUE;
    loop->outer = f->loop;
    loop->join = join_of(f, body, NULL);
    loop->breaks = has_break(body);
    loop->header = new_join_block(f, &loop->join, counters);
    jump_with(f, &loop->join, loop->header, first);
    enter_join_block(f, &loop->join, loop->header, counters);
    loop->counter = counters ? f->build.function->blocks[loop->header].first_parameter : NO_VALUE;
}

/* From the end of the header into the body or out of the loop; goes on in the body. */
static void branch_into_body(struct lower *f, struct loop *loop, ir_value condition)
{
    static const struct join nothing = {0};
    struct value_list values = {0};
    uint32_t body = ir_block_new(f->build.module, f->build.function);
    loop->exit = new_join_block(f, loop->breaks ? &loop->join : &nothing, 0);
    if (loop->breaks)
        push_values(f, &loop->join, &values);
    ir_branch(&f->build, condition, body, NULL, 0, loop->exit, values.items,
              (uint32_t)values.count);
    vector_release(&values);
    f->build.block = body;
    f->loop = loop;
}

/* Ends the body and goes on behind the loop. `header` is the environment at the branch. */
static void end_loop(struct lower *f, struct loop *loop, struct environment_entry *header)
{
    static const struct join nothing = {0};
    if (!f->ended)
        jump_to_header(f, loop);
    f->environment = header;
    f->loop = loop->outer;
    enter_join_block(f, loop->breaks ? &loop->join : &nothing, loop->exit, 0);
}

static bool is_true(const struct typed *node)
{
    return node->kind == TYPED_CONSTANT && node->word;
}

/* while true: what follows is reached by break only. */
static void lower_endless(struct lower *f, struct loop *loop, const struct typed_block *body)
{
    loop->exit = loop->breaks ? new_join_block(f, &loop->join, 0) : 0;
    f->loop = loop;
    lower_block(f, body);
    if (!f->ended)
        jump_to_header(f, loop);
    f->loop = loop->outer;
    f->ended = true;
    if (loop->breaks)
        enter_join_block(f, &loop->join, loop->exit, 0);
}

static void lower_while(struct lower *f, const struct typed_statement *s)
{
    struct loop loop = {.span = s->span};
    f->build.span = s->span;
    begin_loop(f, &loop, &s->then, NO_VALUE);
    if (is_true(s->condition)) {
        lower_endless(f, &loop, &s->then);
        return;
    }
    ir_value condition = lower_scalar(f, s->condition);
    f->build.span = s->condition->span;
    branch_into_body(f, &loop, condition);
    struct environment_entry *header = copy_environment(f);
    lower_block(f, &s->then);
    end_loop(f, &loop, header);
}

/* A range by ones is counted by its variable; everything else from 0 to a count. */
static void lower_for(struct lower *f, const struct typed_statement *s)
{
    const struct typed_iterator *iterator = &s->iterator;
    struct loop loop = {.span = s->span};
    bool by_ones = iterator->is_range && !iterator->step && !iterator->inclusive;
    struct iteration iteration = {0};
    ir_value first, end;
    if (by_ones) {
        first = lower_scalar(f, iterator->low);
        end = lower_scalar(f, iterator->high);
    } else {
        iteration = lower_iteration(f, iterator);
        f->build.span = iterator->span;
        first = ir_constant_int(&f->build, 0);
        end = iteration.count;
    }
    f->build.span = iterator->span;
    begin_loop(f, &loop, &s->body, first);
    ir_value condition = lower_int(f, OPERATION_LT, loop.counter, end);
    branch_into_body(f, &loop, condition);
    struct environment_entry *header = copy_environment(f);
    struct lowered item =
        by_ones ? lower_single(f, loop.counter) : lower_iteration_item(f, &iteration, loop.counter);
    lower_bind(f, iterator->variable,
               lower_coerce(f, iterator->variable->type, item, iterator->variable->level));
    lower_block(f, &s->body);
    end_loop(f, &loop, header);
}

void lower_loop_begin(struct lower *f, struct counted_loop *loop, ir_value count,
                      const ir_value *initial, uint32_t initial_count)
{
    struct type_list types = {0};
    struct value_list values = {0};
    vector_push(&types, ir_type_known(f->build.module, f->shared->integer));
    vector_push(&values, ir_constant_int(&f->build, 0));
    for (uint32_t i = 0; i < initial_count; i++) {
        vector_push(&types, lower_ir_type(f, initial[i]));
        vector_push(&values, initial[i]);
    }
    loop->header = ir_block_new(f->build.module, f->build.function);
    loop->index = ir_block_parameters(f->build.module, f->build.function, loop->header, types.items,
                                      (uint32_t)types.count);
    ir_jump(&f->build, loop->header, values.items, (uint32_t)values.count);
    loop->count = count;
    loop->carried_count = initial_count;
    loop->carried = arena_array(f->shared->arena, ir_value, initial_count);
    for (uint32_t i = 0; i < initial_count; i++)
        loop->carried[i] = loop->index + 1 + i;
    f->build.block = loop->header;
    uint32_t body = ir_block_new(f->build.module, f->build.function);
    loop->exit = ir_block_new(f->build.module, f->build.function);
    ir_value more = lower_int(f, OPERATION_LT, loop->index, count);
    ir_branch(&f->build, more, body, NULL, 0, loop->exit, NULL, 0);
    f->build.block = body;
    vector_release(&types);
    vector_release(&values);
}

void lower_loop_end(struct lower *f, struct counted_loop *loop, const ir_value *next)
{
    struct value_list values = {0};
    vector_push(&values, lower_int(f, OPERATION_ADD, loop->index, ir_constant_int(&f->build, 1)));
    for (uint32_t i = 0; i < loop->carried_count; i++)
        vector_push(&values, next[i]);
    ir_jump(&f->build, loop->header, values.items, (uint32_t)values.count);
    vector_release(&values);
    f->build.block = loop->exit;
}

/* ---- return and fail ------------------------------------------------------------------------ */

/* Checks an extent of the result by a task, where either is only known when tasks have run. */
static void check_result_later(struct lower *f, const struct result_extent *rule,
                               struct lowered array)
{
    const struct type *type = type_leaf(f->source->result, rule->leaf);
    struct span span = f->build.span;
    struct lowered expected = lower_expression(f, rule->extent);
    f->build.span = span;
    const char *text = arena_printf(f->shared->arena, "r%u_%u", rule->leaf, rule->dimension);
    lower_check_later(f, type, array, rule->dimension, expected, text, rule->message);
}

/* Checks an extent of the result that the signature declares. */
static void check_result_extent(struct lower *f, const struct result_extent *rule,
                                struct lowered result)
{
    if (!rule->extent)
        return;
    struct lowered array = lower_leaf(f, f->source->result, result, rule->leaf);
    if (!lower_is_computable(f, rule->extent) || !lower_knows_extent(f, array, rule->dimension)) {
        check_result_later(f, rule, array);
        return;
    }
    ir_value expected = lower_result_extent(f, rule);
    ir_value values[] = {lower_extent(f, array, rule->dimension), expected};
    lower_check(f, lower_int(f, OPERATION_EQ, values[0], values[1]), ERR_shape_mismatch,
                rule->message, values, 2);
}

void lower_return(struct lower *f, struct lowered result)
{
    const struct typed_function *flow = f->source;
    struct span span = f->build.span;
    result = lower_coerce(f, flow->result, result, flow->result_level);
    for (uint32_t i = 0; i < flow->result_extent_count; i++)
        check_result_extent(f, &flow->result_extents[i], result);
    f->build.span = span;
    struct value_list values = {0};
    if (flow == f->shared->program->entry)
        lower_argument(f, flow->result, result, &values);
    else
        for (uint32_t i = 0; i < result.count; i++)
            vector_push(&values, result.values[i]);
    ir_return(&f->build, values.items, (uint32_t)values.count);
    vector_release(&values);
    f->ended = true;
}

static void lower_return_statement(struct lower *f, const struct typed_statement *s)
{
    struct lowered result;
    if (s->value) {
        result = lower_expression(f, s->value);
        f->build.span = s->value->span;
    } else {
        result = lower_single(f, ir_constant(&f->build, f->source->result, 0));
    }
    lower_return(f, result);
}

static char value_letter(const struct type *type)
{
    if (type_is_bool(type))
        return 'b';
    if (type->kind == TYPE_STRING)
        return 's';
    if (type_is_float(type))
        return type->scalar == WK_F32 ? 'g' : 'f';
    return type_is_signed(type) ? 'i' : 'u';
}

static void push_text(struct buffer *format, const char *text)
{
    for (; *text; text++) {
        if (*text == '{' || *text == '}')
            buffer_putc(format, *text);
        buffer_putc(format, *text);
    }
}

static void lower_fail(struct lower *f, const struct typed_statement *s)
{
    struct buffer format = {0}, types = {0};
    struct value_list values = {0};
    for (uint32_t i = 0; i < s->piece_count; i++) {
        if (s->pieces[i].text) {
            push_text(&format, s->pieces[i].text);
            continue;
        }
        buffer_puts(&format, "{}");
        buffer_putc(&types, value_letter(s->pieces[i].value->type));
        vector_push(&values, lower_scalar(f, s->pieces[i].value));
    }
    f->build.span = s->span;
    struct ir_instruction *fail =
        ir_emit(&f->build, IR_FAIL, values.items, (uint32_t)values.count, NULL, 0);
    fail->format = arena_text(f->shared->arena, buffer_text(&format), format.length);
    fail->types = arena_text(f->shared->arena, buffer_text(&types), types.length);
    buffer_release(&format);
    buffer_release(&types);
    vector_release(&values);
    f->ended = true;
}

/* ---- Statements ----------------------------------------------------------------------------- */

static void lower_statement(struct lower *f, const struct typed_statement *s)
{
    f->build.span = s->span;
    switch (s->kind) {
    case STATEMENT_DECLARE:
        lower_bind(
            f, s->variable,
            lower_coerce(f, s->variable->type, lower_expression(f, s->value), s->variable->level));
        return;
    case STATEMENT_ASSIGN:
        lower_assign(f, s);
        return;
    case STATEMENT_EVALUATE:
        lower_expression(f, s->value);
        return;
    case STATEMENT_IF:
        lower_if(f, s);
        return;
    case STATEMENT_WHILE:
        lower_while(f, s);
        return;
    case STATEMENT_FOR:
        lower_for(f, s);
        return;
    case STATEMENT_BREAK:
        jump_with(f, &f->loop->join, f->loop->exit, NO_VALUE);
        return;
    case STATEMENT_CONTINUE:
        jump_to_header(f, f->loop);
        return;
    case STATEMENT_RETURN:
        lower_return_statement(f, s);
        return;
    case STATEMENT_FAIL:
        lower_fail(f, s);
        return;
    case STATEMENT_LOG:
        bug("a log in the flow %s", f->source->name);
    }
}

void lower_block(struct lower *f, const struct typed_block *block)
{
    for (uint32_t i = 0; i < block->count && !f->ended; i++)
        lower_statement(f, block->statements[i]);
}
