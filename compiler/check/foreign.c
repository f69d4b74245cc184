/*
 * Extern tasks: their C file, and the types that C can return.
 */
#include <string.h>
#include <unistd.h>

#include "check/c_source.h"
#include "check/checker.h"

/* A path as written in a source, from that source's folder. */
static const char *path_beside(struct checker *c, const struct source *source, const char *written)
{
    const char *slash = strrchr(source->name, '/');
    if (written[0] == '/' || !slash)
        return intern_text(c->names, written);
    const char *path =
        arena_printf(c->arena, "%.*s/%s", (int)(slash - source->name), source->name, written);
    return intern_text(c->names, path);
}

static uint32_t unit_of(struct checker *c, const char *path)
{
    for (size_t i = 0; i < c->foreign_files.count; i++)
        if (c->foreign_files.items[i].path == path)
            return (uint32_t)i;
    vector_push(&c->foreign_files, (struct foreign_file){path, c_source_mentions_log(path)});
    return (uint32_t)c->foreign_files.count - 1;
}

static void check_file(struct checker *c, const struct ast_declaration *d, const char *path)
{
    if (access(path, R_OK) == 0)
        return;
    struct diagnostic *diagnostic =
        diagnose(c->diagnostics, d->function.source_span, ERR_foreign_file_missing,
                 "there is no file '%s' for the task '%s'", path, d->name.text);
    diagnose_hint(c->diagnostics, diagnostic, "C files are looked for beside the .wk file");
}

/* Whatever has words, but maps, which C cannot make, and files, which cannot be made at all. */
static bool can_return(const struct type *type)
{
    if (type->kind == TYPE_SCALAR || type->kind == TYPE_STRING)
        return true;
    if (type->kind == TYPE_ARRAY)
        return can_return(type->element);
    if (!type_has_parts(type))
        return false;
    for (uint32_t i = 0; i < type->part_count; i++)
        if (!can_return(type->parts[i]))
            return false;
    return true;
}

static void check_types(struct checker *c, const struct function *f)
{
    const struct ast_declaration *d = f->declaration;
    if (!f->broken && !can_return(f->typed.result)) {
        struct diagnostic *refusal =
            diagnose(c->diagnostics, d->function.result->span, ERR_foreign_type,
                     "a task written in C cannot return %s", types_text(c, f->typed.result));
        diagnose_hint(
            c->diagnostics, refusal,
            "return what it is made of, as arrays of keys and of values, and make it in a task");
    }
    for (uint32_t i = 0; i < f->typed.parameter_count; i++) {
        const struct type *type = f->typed.parameters[i]->type;
        if (!types_is_error(c, type) && type->word_count == 0 && !type_is_unit(type))
            diagnose(c->diagnostics, d->function.parameters[i].type->span, ERR_foreign_type,
                     "a task written in C cannot take %s", types_text(c, type));
    }
}

void check_foreign(struct checker *c, struct function *f)
{
    const struct ast_declaration *d = f->declaration;
    if (!d->name.text || !d->function.source)
        return;
    check_types(c, f);
    struct typed_foreign *foreign = arena_new(c->arena, struct typed_foreign);
    foreign->path = path_beside(c, d->span.source, d->function.source);
    foreign->unit = unit_of(c, foreign->path);
    foreign->logs = c->foreign_files.items[foreign->unit].logs;
    foreign->span = d->function.source_span;
    foreign->symbol = arena_printf(c->arena, "c%u.wk_extern_%s", foreign->unit, d->name.text);
    f->typed.foreign = foreign;
    check_file(c, d, foreign->path);
}
