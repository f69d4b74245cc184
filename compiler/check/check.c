/*
 * The checker from end to end: declarations are collected; constants, signatures and bodies are
 * checked; recursion and levels are found.
 */
#include "check/check.h"

#include <string.h>

#include "check/checker.h"

/* ---- Declarations
 * ------------------------------------------------------------------------------------- */

static void bind_declaration(struct checker *c, const struct ast_declaration *d,
                             struct symbol symbol)
{
    if (!d->name.text)
        return;
    symbol.name = d->name.text;
    symbol.span = d->name.span;
    scope_bind(c, &symbol, ERR_duplicate_declaration);
}

static void refuse(struct checker *c, const struct ast_declaration *d, enum error_code code,
                   const char *what)
{
    diagnose(c->diagnostics, d->name.text ? d->name.span : d->span, code, "%s are not compiled yet",
             what);
    bind_declaration(c, d, (struct symbol){.kind = SYMBOL_REFUSED});
}

static void declare_constant(struct checker *c, const struct ast_declaration *d)
{
    struct constant *constant = arena_new(c->arena, struct constant);
    constant->declaration = d;
    vector_push(&c->constants, constant);
    bind_declaration(c, d, (struct symbol){.kind = SYMBOL_CONSTANT, .constant = constant});
}

static void declare_struct(struct checker *c, const struct ast_declaration *d)
{
    if (d->name.text && types_is_builtin(c, d->name.text)) {
        struct diagnostic *refused =
            diagnose(c->diagnostics, d->name.span, ERR_type_name_taken,
                     "a struct cannot be named '%s': that is a type of the language", d->name.text);
        diagnose_hint(c->diagnostics, refused, "structs are named like Point, in capitals");
        return;
    }
    if (d->name.text)
        bind_declaration(
            c, d, (struct symbol){.kind = SYMBOL_STRUCT, .structure = structs_declare(c, d)});
}

static bool is_generic(const struct ast_declaration *d)
{
    for (uint32_t i = 0; i < d->function.parameter_count; i++) {
        const struct ast_type *type = d->function.parameters[i].type;
        if (type && type->kind == TYPEFORM_FUNCTION)
            return true;
    }
    return d->function.type_parameter_count > 0;
}

static void declare_function(struct checker *c, const struct ast_declaration *d)
{
    struct function *f = arena_new(c->arena, struct function);
    f->declaration = d;
    f->typed.is_flow = d->kind == DECL_FLOW;
    f->typed.name = f->typed.symbol = d->name.text ? d->name.text : intern_text(c->names, "?");
    if (c->module->name) { /* no other symbol has two dots */
        f->typed.symbol = arena_printf(c->arena, "%s..%s", c->module->symbol, f->typed.symbol);
        f->typed.name = arena_printf(c->arena, "%s.%s", c->module->name, f->typed.name);
    }
    f->typed.span = d->name.text ? d->name.span : d->span;
    f->typed.doc = d->doc;
    f->is_generic = is_generic(d);
    if (f->is_generic)
        vector_push(&c->generics, f);
    else
        vector_push(&c->functions, f);
    bind_declaration(c, d, (struct symbol){.kind = SYMBOL_FUNCTION, .function = f});
}

/* One C function cannot be that of many types. */
static void declare_foreign(struct checker *c, const struct ast_declaration *d)
{
    if (!is_generic(d)) {
        declare_function(c, d);
        return;
    }
    diagnose(c->diagnostics, d->name.span, ERR_foreign_type,
             "a task written in C has neither type parameters nor parameters that are functions");
    bind_declaration(c, d, (struct symbol){.kind = SYMBOL_REFUSED});
}

static void collect(struct checker *c, const struct ast_declaration *d)
{
    enter_declaration(c, d);
    switch (d->kind) {
    case DECL_USE:
        module_use(c, d);
        return;
    case DECL_CONSTANT:
        declare_constant(c, d);
        return;
    case DECL_STRUCT:
        declare_struct(c, d);
        return;
    case DECL_TASK:
    case DECL_FLOW:
        declare_function(c, d);
        return;
    case DECL_EXTERN:
        if (d->function.is_exec)
            refuse(c, d, ERR_exec_not_yet, "packed programs (exec)");
        else
            declare_foreign(c, d);
        return;
    }
    bug("declaration of kind %d", d->kind);
}

/* ---- The whole
 * ------------------------------------------------------------------------------------------ */

static void init_types(struct checker *c)
{
    type_table_init(&c->flexible_types, c->arena);
    c->integer = type_scalar(c->types, WK_I64);
    c->real = type_scalar(c->types, WK_F64);
    c->boolean = type_scalar(c->types, WK_BOOL);
    c->unit = c->types->unit;
    const struct type scalar = {.kind = TYPE_SCALAR, .word_count = 1, .leaf_count = 1};
    c->literal_integer = c->literal_float = c->literal_number = c->literal_empty = scalar;
    c->literal_integer.scalar = WK_I64;
    c->literal_float.scalar = c->literal_number.scalar = c->literal_empty.scalar = WK_F64;
    c->error = (struct type){.kind = TYPE_FUNCTION, .leaf_count = 1};
    c->literal_integer.id = 0x10000001;
    c->literal_float.id = 0x10000002;
    c->literal_number.id = 0x10000003;
    c->literal_empty.id = 0x10000004;
}

/* The name of a flow that may be a slip of main; NULL if there is none. */
static const struct ast_name *misspelt_main(struct checker *c)
{
    for (uint32_t i = 0; i < c->module->count; i++) {
        const struct ast_declaration *d = c->module->declarations[i];
        const char *best = NULL;
        if (d->kind == DECL_FLOW && d->name.text)
            nearest_name(d->name.text, "main", &best);
        if (best)
            return &d->name;
    }
    return NULL;
}

static void check_main_exists(struct checker *c, bool needs_main)
{
    const struct symbol *main = scope_find(c, intern_text(c->names, "main"));
    if (!needs_main || main || c->recovered)
        return;
    struct span begin = {c->module->source, 0, 0};
    const struct ast_name *slip = misspelt_main(c);
    struct diagnostic *d = diagnose(c->diagnostics, slip ? slip->span : begin, ERR_no_main,
                                    "this file has no 'flow main'");
    if (slip)
        diagnose_hint(c->diagnostics, d, "is '%s' meant to be 'main'?", slip->text);
    else
        diagnose_hint(c->diagnostics, d,
                      "a program begins with flow main(...); 'wkc check' checks a "
                      "file without one");
}

static void check_function(struct checker *c, struct function *f)
{
    if (f->generic && f->generic->failed)
        return; /* it was reported */
    enter_declaration(c, f->declaration);
    size_t before = c->diagnostics->list.count;
    if (f->declaration->kind == DECL_EXTERN) {
        check_foreign(c, f);
        check_without_body(c, f);
    } else {
        check_body(c, f);
    }
    note_instance(c, f, before);
}

/* Everything of a module but the bodies of what is not generic, which add instances. */
static void check_module_heads(struct checker *c, const struct ast_module *module)
{
    size_t constants = c->constants.count, functions = c->functions.count;
    size_t generics = c->generics.count, structures = c->structures.count;
    module_enter(c, module->source);
    for (uint32_t i = 0; i < module->count; i++)
        collect(c, module->declarations[i]);
    for (size_t i = structures; i < c->structures.count; i++) {
        enter_declaration(c, c->structures.items[i]->declaration);
        structs_type(c, c->structures.items[i]);
    }
    size_t declared = c->functions.count;
    for (size_t i = constants; i < c->constants.count; i++) {
        enter_declaration(c, c->constants.items[i]->declaration);
        constant_check(c, c->constants.items[i]);
    }
    for (size_t i = functions; i < declared; i++) {
        enter_declaration(c, c->functions.items[i]->declaration);
        check_signature(c, c->functions.items[i]);
    }
    for (size_t i = generics; i < c->generics.count; i++) {
        enter_declaration(c, c->generics.items[i]->declaration);
        check_generic_signature(c, c->generics.items[i]);
    }
    for (size_t i = generics; i < c->generics.count; i++) {
        enter_declaration(c, c->generics.items[i]->declaration);
        check_generic_body(c, c->generics.items[i]);
    }
}

static void check_all(struct checker *c, bool needs_main)
{
    for (uint32_t i = 0; i < c->program->count; i++)
        check_module_heads(c, c->program->modules[i]);
    for (size_t i = 0; i < c->functions.count; i++) /* bodies add instances */
        check_function(c, c->functions.items[i]);
    c->diagnostics = c->reported;
    module_enter(c, c->program->modules[c->program->count - 1]->source);
    check_main_exists(c, needs_main);
    mark_recursion(c);
}

static void release(struct checker *c)
{
    for (size_t i = 0; i < c->functions.count; i++)
        vector_release(&c->functions.items[i]->calls);
    for (size_t i = 0; i < c->generics.count; i++) {
        vector_release(&c->generics.items[i]->calls);
        vector_release(&c->generics.items[i]->instances);
    }
    for (size_t i = 0; i < c->prelude.count; i++)
        vector_release(&c->prelude.items[i]->calls);
    vector_release(&c->functions);
    vector_release(&c->generics);
    vector_release(&c->prelude);
    vector_release(&c->constants);
    vector_release(&c->structures);
    vector_release(&c->foreign_files);
    for (uint32_t i = 0; i < c->program->count; i++)
        vector_release(&c->module_scopes[i].bindings);
    free(c->module_scopes);
    type_table_release(&c->flexible_types);
    scope_release(c);
    diagnostics_release(&c->unreported);
}

struct typed_program *check_program(const struct ast_program *ast, bool needs_main,
                                    struct arena *arena, struct type_table *types,
                                    struct interner *names, struct diagnostics *diagnostics)
{
    const struct ast_module *module = ast->modules[ast->count - 1];
    struct checker c = {.program = ast,
                        .module_scopes = memory_new(ast->count, sizeof(struct module_scope)),
                        .arena = arena,
                        .types = types,
                        .names = names,
                        .diagnostics = diagnostics,
                        .reported = diagnostics,
                        .recovered = diagnostics->errors > DIAGNOSTIC_LIMIT};
    diagnostics_init(&c.unreported);
    find_syntax_errors(&c);
    init_types(&c);
    scope_init(&c);
    scope_open(&c);
    check_all(&c, needs_main);
    struct typed_program *program = NULL;
    if (c.poisoned && diagnostics->errors == 0)
        bug("a mistake was found, but not reported");
    if (diagnostics->errors == 0) {
        program = arena_new(arena, struct typed_program);
        *program = (struct typed_program){
            .arena = arena, .types = types, .names = names, .source = module->source};
        check_levels(&c, program);
        for (uint32_t i = 0; diagnostics->errors && i < module->count; i++)
            diagnostics_drop_warnings(diagnostics, module->declarations[i]->span);
    }
    scope_close(&c);
    release(&c);
    return diagnostics->errors ? NULL : program;
}

struct typed_program *check_module(struct ast_module *module, bool needs_main, struct arena *arena,
                                   struct type_table *types, struct interner *names,
                                   struct diagnostics *diagnostics)
{
    return check_program(&(struct ast_program){&module, 1}, needs_main, arena, types, names,
                         diagnostics);
}
