/*
 * Modules. A file's declarations are bound while something of that file is checked; module_enter()
 * changes the file. `use linalg` binds the module's public names, each as one name with a dot in it
 * ("linalg.add", which no program can write as a name of its own): so what is known of names, near
 * ones included, holds for those of modules, too.
 */
#include <string.h>

#include "check/checker.h"

bool module_is_private(const char *name)
{
    return name[0] == '_';
}

void module_enter(struct checker *c, const struct source *source)
{
    if (!source || (c->module && c->module->source == source))
        return;
    for (uint32_t i = 0; i < c->program->count; i++) {
        if (c->program->modules[i]->source != source)
            continue;
        scope_exchange(c, &c->module_scopes[i]);
        c->module = c->program->modules[i];
        return;
    }
    bug("a declaration of no module: %s", source->name);
}

/* ---- use ---------------------------------------------------------------------------------- */

struct use {
    struct checker *c;
    const struct ast_declaration *declaration;
};

/* Binds a name of a module under the module's. */
static void bind_member(void *context, const struct symbol *symbol)
{
    struct use *use = context;
    struct checker *c = use->c;
    bool own = symbol->kind != SYMBOL_MODULE && !strchr(symbol->name, '.');
    if (!own || module_is_private(symbol->name))
        return;
    struct symbol member = *symbol;
    member.name = intern_text(
        c->names, arena_printf(c->arena, "%s.%s", use->declaration->name.text, symbol->name));
    scope_bind(c, &member, ERR_duplicate_declaration);
}

static uint32_t number_of(const struct checker *c, const struct ast_module *module)
{
    for (uint32_t i = 0; i < c->program->count; i++)
        if (c->program->modules[i] == module)
            return i;
    bug("a module that is not of the program: %s", module->source->name);
}

void module_use(struct checker *c, const struct ast_declaration *d)
{
    if (!d->name.text)
        return;
    struct symbol symbol = {.kind = d->used ? SYMBOL_MODULE : SYMBOL_REFUSED,
                            .name = d->name.text,
                            .span = d->name.span,
                            .module = d->used};
    if (!scope_bind(c, &symbol, ERR_duplicate_declaration) || !d->used)
        return;
    struct use use = {c, d};
    scope_list(&c->module_scopes[number_of(c, d->used)], bind_member, &use);
}

/* ---- Names with a module ------------------------------------------------------------------ */

/* Whether a module has such a declaration, which its users do not see. */
static const struct ast_name *find_private(const struct ast_module *module, const char *name)
{
    for (uint32_t i = 0; i < module->count; i++)
        if (module->declarations[i]->name.text == name)
            return &module->declarations[i]->name;
    return NULL;
}

static void refuse_private(struct checker *c, const struct symbol *module,
                           const struct ast_name *name, const struct ast_name *declared)
{
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_private_name,
                                    "'%s' is private to the module '%s'", name->text, module->name);
    diagnose_note(c->diagnostics, d, declared->span, "it is declared here");
}

static void refuse_member(struct checker *c, const struct symbol *module,
                          const struct ast_name *name)
{
    const struct ast_name *declared = find_private(module->module, name->text);
    if (declared && module_is_private(name->text)) {
        refuse_private(c, module, name, declared);
        return;
    }
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_member,
                                    "the module '%s' has no '%s'", module->name, name->text);
    const char *nearest = NULL;
    for (uint32_t i = 0; i < module->module->count; i++) {
        const struct ast_declaration *other = module->module->declarations[i];
        if (other->kind != DECL_USE && other->name.text && !module_is_private(other->name.text))
            nearest_name(name->text, other->name.text, &nearest);
    }
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s.%s'?", module->name, nearest);
    else
        diagnose_hint(c->diagnostics, d, "'wkc help %s' lists what it has", module->name);
}

const char *module_member(struct checker *c, const char *module, const struct ast_name *name)
{
    const struct symbol *symbol = scope_find(c, module);
    if (!symbol || symbol->kind != SYMBOL_MODULE || !name->text)
        return NULL;
    const char *qualified =
        intern_text(c->names, arena_printf(c->arena, "%s.%s", module, name->text));
    if (!scope_find(c, qualified)) {
        if (!c->recovered)
            refuse_member(c, symbol, name);
        scope_bind_unknown(c, qualified);
        c->poisoned = true;
    }
    return qualified;
}

const struct ast_expression *module_name(struct checker *c, const struct ast_expression *e)
{
    if (e->kind != EXPR_FIELD || e->field.base->kind != EXPR_NAME)
        return e;
    const char *name = module_member(c, e->field.base->name, &e->field.name);
    if (!name)
        return e;
    struct ast_expression *qualified = arena_copy(c->arena, e, sizeof *e);
    qualified->kind = scope_find(c, name) ? EXPR_NAME : EXPR_ERROR;
    if (qualified->kind == EXPR_NAME)
        qualified->name = name;
    return qualified;
}
