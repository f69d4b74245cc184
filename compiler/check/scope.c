/*
 * Names and their meanings. Each name has a chain of bindings, innermost first; a table by the
 * name's address gives the chain's head, and closing a scope unlinks what it bound. So looking up,
 * binding and leaving cost constant time each, however deep scopes nest.
 */
#include <string.h>

#include "base/hash.h"
#include "check/checker.h"

struct binding {
    struct symbol symbol;
    uint32_t depth;
    struct binding *outer; /* the meaning that this one hides */
};

static uint32_t slot_of(struct binding **slots, uint32_t capacity, const char *name)
{
    uint32_t slot = (uint32_t)hash_mix((uint64_t)(uintptr_t)name) & (capacity - 1);
    while (slots[slot] && slots[slot]->symbol.name != name)
        slot = (slot + 1) & (capacity - 1);
    return slot;
}

static void grow(struct scope_table *scope)
{
    uint32_t capacity = scope->capacity ? scope->capacity * 2 : 512;
    struct binding **slots = memory_new(capacity, sizeof(struct binding *));
    for (uint32_t i = 0; i < scope->capacity; i++)
        if (scope->slots[i])
            slots[slot_of(slots, capacity, scope->slots[i]->symbol.name)] = scope->slots[i];
    free(scope->slots);
    scope->slots = slots;
    scope->capacity = capacity;
}

/* The head of a name's chain. The last link of every chain is a tombstone of depth UINT32_MAX, so
 * that slots never become empty again. */
static struct binding **head_of(struct checker *c, const char *name)
{
    struct scope_table *scope = &c->scope;
    if (scope->count * 4 >= scope->capacity * 3)
        grow(scope);
    uint32_t slot = slot_of(scope->slots, scope->capacity, name);
    if (!scope->slots[slot]) {
        struct binding *end = arena_new(c->arena, struct binding);
        end->symbol.name = name;
        end->depth = UINT32_MAX;
        scope->slots[slot] = end;
        scope->count++;
    }
    return &scope->slots[slot];
}

static void bind_prelude(struct checker *c, const char *text, struct symbol symbol)
{
    symbol.kind = SYMBOL_PRELUDE;
    symbol.name = intern_text(c->names, text);
    struct binding **head = head_of(c, symbol.name);
    if ((*head)->depth == 0)
        return; /* min and max are operations first, see prelude.c */
    struct binding *binding = arena_new(c->arena, struct binding);
    *binding = (struct binding){symbol, 0, *head};
    *head = binding;
    vector_push(&c->scope.open, binding);
}

/* Operators that have a name as functions, to be passed to reduce. */
static const struct {
    const char *name;
    enum operation operation;
} operator_functions[] = {
    {"add", OPERATION_ADD}, {"sub", OPERATION_SUB}, {"mul", OPERATION_MUL},
    {"div", OPERATION_DIV}, {"rem", OPERATION_REM},
};

static void bind_operations(struct checker *c)
{
    static const struct {
        const char *text;
        enum operation operation;
    } operations[] = {
#define OPERATION(NAME, text, operands, class, result, description) {text, OPERATION_##NAME},
#include "value/operation.def"
#undef OPERATION
    };
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        char first = operations[i].text[0];
        if (first >= 'a' && first <= 'z')
            bind_prelude(c, operations[i].text,
                         (struct symbol){.prelude = PRELUDE_OPERATION,
                                         .operation = operations[i].operation});
    }
    for (size_t i = 0; i < sizeof operator_functions / sizeof *operator_functions; i++)
        bind_prelude(c, operator_functions[i].name,
                     (struct symbol){.prelude = PRELUDE_OPERATION,
                                     .operation = operator_functions[i].operation});
}

static void bind_builtins(struct checker *c)
{
    static const char *const texts[] = {
#define BUILTIN(NAME, text, description) [BUILTIN_##NAME] = text,
#include "check/builtin.def"
#undef BUILTIN
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bind_prelude(c, texts[i],
                     (struct symbol){.prelude = PRELUDE_BUILTIN, .builtin = (enum typed_builtin)i});
}

void scope_init(struct checker *c)
{
    bind_operations(c);
    bind_builtins(c);
    for (int i = WK_I8; i < WK_SCALAR_COUNT; i++)
        bind_prelude(c, wk_scalar_text((enum wk_scalar)i),
                     (struct symbol){.prelude = PRELUDE_CONVERSION, .scalar = (enum wk_scalar)i});
    bind_prelude(c, "int", (struct symbol){.prelude = PRELUDE_CONVERSION, .scalar = WK_I64});
    bind_prelude(c, "bool", (struct symbol){.prelude = PRELUDE_CONVERSION, .scalar = WK_BOOL});
    bind_prelude(c, "len", (struct symbol){.prelude = PRELUDE_LEN});
    bind_prelude(c, "reduce", (struct symbol){.prelude = PRELUDE_REDUCE});
    bind_prelude(c, "scan", (struct symbol){.prelude = PRELUDE_SCAN});
    bind_prelude(c, "clamp", (struct symbol){.prelude = PRELUDE_CLAMP});
    bind_prelude(c, "fail", (struct symbol){.prelude = PRELUDE_MESSAGE});
    bind_prelude(c, "log", (struct symbol){.prelude = PRELUDE_MESSAGE});
}

void scope_release(struct checker *c)
{
    free(c->scope.slots);
    vector_release(&c->scope.open);
}

void scope_open(struct checker *c)
{
    c->scope.depth++;
}

static void warn_unused(struct checker *c, const struct symbol *symbol)
{
    const struct local *local = symbol->local;
    if (local->used || local->silent || symbol->name[0] == '_' || !may_warn(c) ||
        local->variable.kind == VARIABLE_PARAMETER || local->variable.kind == VARIABLE_DIMENSION)
        return;
    struct diagnostic *d = diagnose(c->diagnostics, symbol->span, ERR_unused_variable,
                                    local->assigned ? "the variable '%s' is assigned but never read"
                                                    : "the variable '%s' is never used",
                                    symbol->name);
    if (local->variable.kind == VARIABLE_LOOP)
        diagnose_hint(c->diagnostics, d, "write _ where the loop's variable is not needed");
    else
        diagnose_hint(c->diagnostics, d, "remove it, or begin its name with _ if that is meant");
}

void scope_close(struct checker *c)
{
    struct scope_table *scope = &c->scope;
    size_t begin = scope->open.count;
    while (begin > 0 && scope->open.items[begin - 1]->depth == scope->depth)
        begin--;
    for (size_t i = begin; i < scope->open.count; i++) {
        struct binding *binding = scope->open.items[i];
        *head_of(c, binding->symbol.name) = binding->outer;
        if (binding->symbol.kind == SYMBOL_LOCAL)
            warn_unused(c, &binding->symbol);
    }
    scope->open.count = begin;
    scope->depth--;
}

/* Where the bindings of depth 1 begin, when no scope inside of it is open. */
static size_t module_begin(const struct scope_table *scope)
{
    size_t begin = scope->open.count;
    while (begin > 0 && scope->open.items[begin - 1]->depth > 0)
        begin--;
    return begin;
}

static struct module_scope *current_scope(struct checker *c)
{
    for (uint32_t i = 0; c->module && i < c->program->count; i++)
        if (c->program->modules[i] == c->module)
            return &c->module_scopes[i];
    return NULL;
}

void scope_exchange(struct checker *c, struct module_scope *module)
{
    struct scope_table *scope = &c->scope;
    struct module_scope *current = current_scope(c);
    size_t begin = module_begin(scope);
    if (scope->depth != 1)
        bug("a module is left with %u scopes open", scope->depth);
    if (current)
        current->bindings.count = 0;
    for (size_t i = begin; i < scope->open.count; i++) {
        struct binding *binding = scope->open.items[i];
        *head_of(c, binding->symbol.name) = binding->outer;
        if (current)
            vector_push(&current->bindings, binding);
    }
    scope->open.count = begin;
    for (size_t i = 0; i < module->bindings.count; i++) {
        struct binding *binding = module->bindings.items[i];
        *head_of(c, binding->symbol.name) = binding;
        vector_push(&scope->open, binding);
    }
}

void scope_list(const struct module_scope *module,
                void (*visit)(void *context, const struct symbol *symbol), void *context)
{
    for (size_t i = 0; i < module->bindings.count; i++)
        visit(context, &module->bindings.items[i]->symbol);
}

struct scope_pause scope_pause(struct checker *c)
{
    struct scope_table *scope = &c->scope;
    size_t begin = scope->open.count;
    while (begin > 0 && scope->open.items[begin - 1]->depth > 1)
        begin--;
    struct scope_pause pause = {
        .count = scope->open.count - begin, .depth = scope->depth, .module = c->module};
    pause.bindings =
        arena_copy(c->arena, scope->open.items + begin, pause.count * sizeof(struct binding *));
    for (size_t i = pause.count; i-- > 0;)
        *head_of(c, pause.bindings[i]->symbol.name) = pause.bindings[i]->outer;
    scope->open.count = begin;
    scope->depth = 1;
    return pause;
}

void scope_resume(struct checker *c, const struct scope_pause *pause)
{
    module_enter(c, pause->module->source);
    c->scope.depth = pause->depth;
    for (size_t i = 0; i < pause->count; i++) {
        *head_of(c, pause->bindings[i]->symbol.name) = pause->bindings[i];
        vector_push(&c->scope.open, pause->bindings[i]);
    }
}

struct symbol *scope_find(struct checker *c, const char *name)
{
    struct binding *binding = *head_of(c, name);
    return binding->depth == UINT32_MAX ? NULL : &binding->symbol;
}

bool scope_bind(struct checker *c, const struct symbol *symbol, enum error_code code)
{
    if (strcmp(symbol->name, "_") == 0)
        return true;
    struct binding **head = head_of(c, symbol->name);
    if ((*head)->depth == c->scope.depth && (*head)->symbol.kind == SYMBOL_UNKNOWN) {
        (*head)->symbol = *symbol;
        return true;
    }
    if ((*head)->depth == c->scope.depth) {
        struct diagnostic *d = diagnose(c->diagnostics, symbol->span, code,
                                        "'%s' is declared twice in %s", symbol->name,
                                        code == ERR_duplicate_declaration ? "this file"
                                        : code == ERR_duplicate_parameter ? "these parameters"
                                                                          : "this block");
        diagnose_note(c->diagnostics, d, (*head)->symbol.span, "the first declaration is here");
        if (code == ERR_duplicate_variable)
            diagnose_hint(c->diagnostics, d,
                          "choose another name; to change a variable declare it with 'var' and "
                          "write '%s = ...'",
                          symbol->name);
        return false;
    }
    struct binding *binding = arena_new(c->arena, struct binding);
    *binding = (struct binding){*symbol, c->scope.depth, *head};
    *head = binding;
    vector_push(&c->scope.open, binding);
    return true;
}

void scope_bind_unknown(struct checker *c, const char *name)
{
    if (c->scope.depth > 1 && strcmp(name, "_") != 0)
        scope_bind(c, &(struct symbol){.kind = SYMBOL_UNKNOWN, .name = name},
                   ERR_duplicate_variable);
}

const char *scope_nearest(struct checker *c, const char *name, unsigned kinds)
{
    const char *best = NULL;
    if (c->diagnostics->errors > DIAGNOSTIC_LIMIT)
        return NULL; /* nobody will see it */
    for (size_t i = c->scope.open.count; i-- > 0;) {
        const struct symbol *symbol = &c->scope.open.items[i]->symbol;
        bool message = symbol->kind == SYMBOL_PRELUDE && symbol->prelude == PRELUDE_MESSAGE;
        if (!(kinds >> symbol->kind & 1) || message)
            continue;
        const char *dot = strchr(symbol->name, '.');
        if (dot && strcmp(dot + 1, name) == 0)
            return symbol->name; /* the module was left out */
        nearest_name(name, symbol->name, &best);
    }
    return best;
}

struct local *local_new(struct checker *c, enum variable_kind kind, const char *name,
                        const struct type *type, struct span span)
{
    struct local *local = arena_new(c->arena, struct local);
    local->variable = (struct variable){.kind = kind, .name = name, .type = type, .span = span};
    local->silent = name == NULL;
    if (c->function)
        local->variable.index = c->function->typed.variable_count++;
    return local;
}
