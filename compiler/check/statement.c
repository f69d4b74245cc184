/*
 * Statements and the bodies of functions. A block says whether its end can be reached, which gives
 * missing returns and unreachable code.
 */
#include <string.h>

#include "check/checker.h"

/* ---- Building
 * ---------------------------------------------------------------------------------------- */

struct typed_statement *statement_new(struct checker *c, struct statement_list *out,
                                      enum typed_statement_kind kind, struct span span)
{
    struct typed_statement *statement = arena_new(c->arena, struct typed_statement);
    statement->kind = kind;
    statement->span = span;
    vector_push(&out->list, statement);
    return statement;
}

void statement_declare(struct checker *c, struct statement_list *out, struct local *local,
                       struct typed *value, struct span span)
{
    struct typed_statement *statement = statement_new(c, out, STATEMENT_DECLARE, span);
    statement->variable = &local->variable;
    statement->value = value;
}

struct typed_block statement_block(struct checker *c, struct statement_list *list)
{
    struct typed_block block = {
        arena_copy(c->arena, list->list.items, list->list.count * sizeof(struct typed_statement *)),
        (uint32_t)list->list.count};
    vector_release(&list->list);
    return block;
}

/* ---- Declarations
 * -------------------------------------------------------------------------------------- */

static bool bind_local(struct checker *c, struct local *local, const struct ast_name *name)
{
    return scope_bind(
        c,
        &(struct symbol){
            .kind = SYMBOL_LOCAL, .name = name->text, .span = name->span, .local = local},
        ERR_duplicate_variable);
}

/* *assumed is what the literals of a value without a declared type are, else NULL. */
static struct typed *check_initial(struct checker *c, const struct ast_statement *s,
                                   const struct type **assumed)
{
    *assumed = NULL;
    if (!s->declare.value)
        return node_error(c, s->span);
    struct typed *value = check_expression(c, s->declare.value);
    if (!s->declare.type) {
        const struct type *literal = types_scalar_of(value->type);
        *assumed = types_is_flexible(c, literal) && literal->kind != TYPE_TUPLE ? literal : NULL;
        return settle(c, value);
    }
    const struct type *type = types_resolve(c, s->declare.type);
    const char *name = s->declare.destructures ? NULL : s->declare.names[0].text;
    return coerce(c, value, type,
                  &(struct purpose){.what = name ? "the variable" : "these variables",
                                    .name = name,
                                    .because = s->declare.type->span,
                                    .because_text = "its type is given here"});
}

static void check_destructuring(struct checker *c, const struct ast_statement *s,
                                struct typed *value, enum variable_kind kind,
                                struct statement_list *out)
{
    uint32_t count = s->declare.name_count;
    bool good = check_parts(c, value->type, count, "names", NULL, value->span);
    struct local *whole = NULL;
    if (good) {
        whole = local_new(c, VARIABLE_LOCAL, NULL, value->type, value->span);
        statement_declare(c, out, whole, value, s->span);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct ast_name *name = &s->declare.names[i];
        if (!name->text || (good && strcmp(name->text, "_") == 0))
            continue;
        struct local *local =
            local_new(c, kind, name->text, good ? value->type->parts[i] : &c->error, name->span);
        local->silent = !good;
        if (!bind_local(c, local, name) || !good)
            continue;
        statement_declare(c, out, local,
                          node_part(c, node_variable(c, whole, name->span), i, name->span),
                          s->span);
    }
}

static void check_declaration(struct checker *c, const struct ast_statement *s,
                              struct statement_list *out)
{
    enum variable_kind kind = s->kind == STMT_VAR ? VARIABLE_MUTABLE : VARIABLE_LOCAL;
    const struct type *assumed;
    struct typed *value = check_initial(c, s, &assumed);
    if (s->declare.destructures) {
        check_destructuring(c, s, value, kind, out);
        return;
    }
    const struct ast_name *name = &s->declare.names[0];
    if (!name->text)
        return;
    const struct type *type = value->type;
    if (node_is_error(c, value) && s->declare.type)
        type = types_resolve(c, s->declare.type); /* so that uses are checked all the same */
    struct local *local = local_new(c, kind, name->text, type, name->span);
    local->silent = node_is_error(c, value);
    local->assumed = local->silent ? NULL : assumed;
    if (kind == VARIABLE_LOCAL && !local->silent)
        local->extents = node_extents(value);
    if (!bind_local(c, local, name) || node_is_error(c, value))
        return;
    statement_declare(c, out, local, value, s->span);
    if (s->declare.type)
        check_declared_extents(c, local, value, s->declare.type, out);
}

/* ---- Control
 * -------------------------------------------------------------------------------------------- */

static bool check_block(struct checker *c, const struct ast_block *block, struct typed_block *out);

static bool check_if(struct checker *c, const struct ast_statement *s, struct statement_list *out)
{
    struct typed *condition = check_condition(c, s->branch.condition, "the condition of 'if'");
    struct typed_block then, otherwise = {0};
    bool ends = check_block(c, s->branch.then, &then), other_ends = true;
    if (s->branch.otherwise)
        other_ends = check_block(c, s->branch.otherwise, &otherwise);
    struct typed_statement *statement = statement_new(c, out, STATEMENT_IF, s->span);
    statement->condition = condition;
    statement->then = then;
    statement->otherwise = otherwise;
    return ends || other_ends;
}

static bool is_true(const struct checker *c, const struct typed *condition)
{
    return condition->kind == TYPED_CONSTANT && !node_is_error(c, condition) && condition->word;
}

static void check_loop_body(struct checker *c, const struct ast_block *body,
                            struct typed_block *out, bool *broke)
{
    bool outer_broke = c->broke;
    c->broke = false;
    c->loop_depth++;
    check_block(c, body, out);
    c->loop_depth--;
    *broke = c->broke;
    c->broke = outer_broke;
}

static bool check_while(struct checker *c, const struct ast_statement *s,
                        struct statement_list *out)
{
    struct typed *condition = check_condition(c, s->loop.condition, "the condition of 'while'");
    struct typed_block body;
    bool broke;
    check_loop_body(c, s->loop.body, &body, &broke);
    struct typed_statement *statement = statement_new(c, out, STATEMENT_WHILE, s->span);
    statement->condition = condition;
    statement->then = body;
    return !is_true(c, condition) || broke;
}

static bool check_for(struct checker *c, const struct ast_statement *s, struct statement_list *out)
{
    struct typed_iterator iterator = {0};
    struct typed_block body;
    bool broke;
    check_iterator(c, &s->each.iterator, &iterator);
    scope_open(c);
    bind_iterator(c, &s->each.iterator, &iterator);
    check_loop_body(c, s->each.body, &body, &broke);
    scope_close(c);
    struct typed_statement *statement = statement_new(c, out, STATEMENT_FOR, s->span);
    statement->iterator = iterator;
    statement->body = body;
    return true;
}

static bool check_jump(struct checker *c, const struct ast_statement *s, struct statement_list *out)
{
    bool is_break = s->kind == STMT_BREAK;
    if (c->loop_depth == 0) {
        diagnose(c->diagnostics, s->span, ERR_outside_loop, "'%s' stands outside of any loop",
                 is_break ? "break" : "continue");
        return true;
    }
    c->broke |= is_break;
    statement_new(c, out, is_break ? STATEMENT_BREAK : STATEMENT_CONTINUE, s->span);
    return false;
}

static void refuse_return_value(struct checker *c, struct typed *value)
{
    struct function *f = c->function;
    if (node_is_error(c, value))
        return;
    struct diagnostic *d =
        diagnose(c->diagnostics, value->span, ERR_return_value,
                 "'%s' has no result, but a value is returned here", f->typed.name);
    diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here without '->'");
    diagnose_hint(c->diagnostics, d, "declare the result: -> %s",
                  types_text(c, settle(c, value)->type));
}

static bool check_return(struct checker *c, const struct ast_statement *s,
                         struct statement_list *out)
{
    struct function *f = c->function;
    const struct ast_type *form = f->declaration->function.result;
    struct typed *value = s->expression ? check_expression(c, s->expression) : NULL;
    if (!form && value && !type_is_unit(value->type)) {
        refuse_return_value(c, value);
        return false;
    }
    if (!value && f->typed.result && !type_is_unit(f->typed.result) &&
        !types_is_error(c, f->typed.result)) {
        struct diagnostic *d = diagnose(c->diagnostics, s->span, ERR_return_value,
                                        "'return' needs a value: '%s' gives %s", f->typed.name,
                                        types_text(c, f->typed.result));
        diagnose_note(c->diagnostics, d, form ? form->span : f->typed.span,
                      "its result is declared here");
    }
    if (value)
        value = coerce(c, value, f->typed.result,
                       &(struct purpose){.what = "the result",
                                         .owner = f->typed.name,
                                         .because = form ? form->span : (struct span){0},
                                         .because_text = "the result is declared here"});
    if (value && !node_is_error(c, value))
        check_returned_extents(c, value);
    statement_new(c, out, STATEMENT_RETURN, s->span)->value = value;
    return false;
}

/* ---- Calls as statements
 * ------------------------------------------------------------------------------------ */

static bool is_prelude(struct checker *c, const struct ast_expression *e, const char *name)
{
    if (e->kind != EXPR_CALL || e->call.callee->kind != EXPR_NAME ||
        strcmp(e->call.callee->name, name) != 0)
        return false;
    const struct symbol *symbol = scope_find(c, e->call.callee->name);
    return symbol && symbol->kind == SYMBOL_PRELUDE;
}

static void check_log(struct checker *c, const struct ast_expression *e, struct statement_list *out)
{
    struct typed_statement *statement = statement_new(c, out, STATEMENT_LOG, e->span);
    if (c->function->typed.is_flow) {
        struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_log_in_flow,
                                        "the flow '%s' cannot log", c->function->typed.name);
        diagnose_hint(c->diagnostics, d,
                      "a flow only builds the graph, perhaps more than once; log in its tasks");
        return;
    }
    check_message(c, e, "log", statement);
}

static void warn_discarded(struct checker *c, const struct typed *value)
{
    if (value->kind != TYPED_CALL && value->kind != TYPED_REDUCE && value->kind != TYPED_BUILTIN &&
        value->kind != TYPED_OPERATION && value->kind != TYPED_CONVERT)
        return;
    if (type_is_unit(value->type) || !may_warn(c))
        return;
    struct diagnostic *d = diagnose(c->diagnostics, value->span, ERR_result_unused,
                                    "the result of this call is not used");
    if (value->kind == TYPED_CALL && c->function->typed.is_flow)
        diagnose_hint(c->diagnostics, d,
                      "nothing is computed for it: a graph has only what the result of main needs");
    else
        diagnose_hint(c->diagnostics, d, "functions have no effects but their results");
}

static bool check_call_statement(struct checker *c, const struct ast_statement *s,
                                 struct statement_list *out)
{
    const struct ast_expression *e = s->expression;
    if (is_prelude(c, e, "fail")) {
        check_message(c, e, "fail", statement_new(c, out, STATEMENT_FAIL, s->span));
        return false;
    }
    if (is_prelude(c, e, "log")) {
        check_log(c, e, out);
        return true;
    }
    struct typed *value = check_value(c, e);
    if (node_is_error(c, value))
        return true;
    warn_discarded(c, value);
    statement_new(c, out, STATEMENT_EVALUATE, s->span)->value = value;
    return true;
}

/* ---- Blocks
 * -----------------------------------------------------------------------------------------------------
 */

/* Checks a statement; false if what follows it cannot be reached. */
static bool check_statement(struct checker *c, const struct ast_statement *s,
                            struct statement_list *out)
{
    switch (s->kind) {
    case STMT_ERROR:
        return true;
    case STMT_LET:
    case STMT_VAR:
        check_declaration(c, s, out);
        return true;
    case STMT_ASSIGN:
        check_assignment(c, s, out);
        return true;
    case STMT_EXPRESSION:
        return check_call_statement(c, s, out);
    case STMT_IF:
        return check_if(c, s, out);
    case STMT_WHILE:
        return check_while(c, s, out);
    case STMT_FOR:
        return check_for(c, s, out);
    case STMT_BREAK:
    case STMT_CONTINUE:
        return check_jump(c, s, out);
    case STMT_RETURN:
        return check_return(c, s, out);
    }
    bug("statement of kind %d", s->kind);
}

static bool check_statements(struct checker *c, const struct ast_block *block,
                             struct statement_list *out)
{
    bool reachable = true;
    for (uint32_t i = 0; i < block->count; i++) {
        bool goes_on = check_statement(c, block->statements[i], out);
        if (reachable && !goes_on && i + 1 < block->count && may_warn(c))
            diagnose(c->diagnostics, block->statements[i + 1]->span, ERR_unreachable,
                     "this statement is never reached");
        reachable &= goes_on;
    }
    return reachable;
}

static bool check_block(struct checker *c, const struct ast_block *block, struct typed_block *out)
{
    struct statement_list list = {0};
    *out = (struct typed_block){0};
    if (!block)
        return true;
    scope_open(c);
    bool reachable = check_statements(c, block, &list);
    scope_close(c);
    *out = statement_block(c, &list);
    return reachable;
}

static void bind_function(struct checker *c, const struct function *f, uint32_t index)
{
    const struct ast_parameter *p = f->written[index];
    struct symbol symbol = {
        .kind = SYMBOL_FUNCTION_PARAMETER,
        .name = p->name.text,
        .span = p->name.span,
        .function = f->function_arguments ? f->function_arguments[index] : NULL,
        .parameter = p,
    };
    if (symbol.name)
        scope_bind(c, &symbol, ERR_duplicate_parameter);
}

static void bind_parameters(struct checker *c, struct function *f)
{
    for (uint32_t i = 0; i < f->dimension_count; i++)
        scope_bind(c,
                   &(struct symbol){.kind = SYMBOL_LOCAL,
                                    .name = f->dimensions[i]->variable.name,
                                    .span = f->dimensions[i]->variable.span,
                                    .local = f->dimensions[i]},
                   ERR_duplicate_parameter);
    for (uint32_t i = 0; i < f->typed.parameter_count; i++)
        scope_bind(c,
                   &(struct symbol){.kind = SYMBOL_LOCAL,
                                    .name = f->typed.parameters[i]->name,
                                    .span = f->typed.parameters[i]->span,
                                    .local = (struct local *)f->typed.parameters[i]},
                   ERR_duplicate_parameter);
    for (uint32_t i = 0; i < f->written_count; i++)
        if (f->written[i]->type && f->written[i]->type->kind == TYPEFORM_FUNCTION)
            bind_function(c, f, i);
}

static void missing_return(struct checker *c, const struct function *f)
{
    const struct ast_block *body = f->declaration->function.body;
    if (c->recovered)
        return;
    struct span end = {body->span.source, body->span.end ? body->span.end - 1 : 0, body->span.end};
    struct diagnostic *d = diagnose(c->diagnostics, end, ERR_missing_return,
                                    "'%s' can reach its end without returning %s", f->typed.name,
                                    types_text(c, f->typed.result));
    diagnose_note(c->diagnostics, d, f->declaration->function.result->span,
                  "its result is declared here");
}

void check_without_body(struct checker *c, struct function *f)
{
    c->function = f;
    c->errors_before = c->diagnostics->errors;
    scope_open(c);
    bind_parameters(c, f);
    check_declared_fallback(c, f);
    scope_close(c);
    c->function = NULL;
}

void check_body(struct checker *c, struct function *f)
{
    const struct ast_block *body = f->declaration->function.body;
    c->function = f;
    c->loop_depth = 0;
    c->errors_before = c->diagnostics->errors;
    struct statement_list list = {0}, whole = {0};
    struct shared_maps shared = {0};
    scope_open(c);
    bind_parameters(c, f);
    scope_open(c);
    c->shared = &shared;
    bool reachable = body ? check_statements(c, body, &list) : false;
    c->shared = NULL;
    scope_close(c);
    check_declared_fallback(c, f);
    scope_close(c);
    if (reachable && f->declaration->function.result && !type_is_unit(f->typed.result) &&
        !types_is_error(c, f->typed.result))
        missing_return(c, f);
    constant_declare(c, &shared, &whole);
    for (size_t i = 0; i < list.list.count; i++)
        vector_push(&whole.list, list.list.items[i]);
    vector_release(&list.list);
    f->typed.body = statement_block(c, &whole);
    c->function = NULL;
}
