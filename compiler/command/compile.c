/* wkc compile: makes a bundle of a program, or prints any form on the way. */
#include <string.h>

#include "command/command.h"
#include "package/libraries.h"
#include "package/write.h"

enum form {
    FORM_NONE,
    FORM_AST,
    FORM_TYPED,
    FORM_FLOW,
    FORM_LLVM,
    FORM_ASM,
    FORM_DAG,
    FORM_PLAN,
    FORM_BUNDLE, /* has no name: it is what -o alone asks for */
};

static const char *const form_names[] = {"",    "ast", "typed", "flow", "llvm",
                                         "asm", "dag", "plan",  NULL};

/* The last stage that a form needs. */
static const enum stage form_stages[] = {
    [FORM_NONE] = STAGE_LOWER,    [FORM_AST] = STAGE_READ,   [FORM_TYPED] = STAGE_CHECK,
    [FORM_FLOW] = STAGE_LOWER,    [FORM_LLVM] = STAGE_LOWER, [FORM_ASM] = STAGE_LOWER,
    [FORM_DAG] = STAGE_ELABORATE, [FORM_PLAN] = STAGE_PLAN,  [FORM_BUNDLE] = STAGE_ENCODE};

static bool emit_native(struct compilation *c, enum kernel_output form, struct buffer *out)
{
    struct link_options options = pipeline_link_options(c);
    return link_emit(c->ir->kernels, c->ir->kernel_count, &options, form, out, &c->diagnostics) ==
           0;
}

static bool pack(struct compilation *c, const struct buffer *kernels, struct buffer *out)
{
    struct error error;
    struct package_program program = {
        .target = c->target ? c->target : BUNDLE_TARGET,
        .typed = c->typed,
        .ir = c->ir,
        .code = c->code,
        .code_bytes = &c->code_bytes,
        .kernels = kernels,
        .optimize = c->optimize,
    };
    if (package_write(&program, out, &error) == 0)
        return true;
    diagnose_error(&c->diagnostics, &error, NULL);
    return false;
}

/* Without --emit, but with -o: a bundle. */
bool compile_bundle(struct compilation *c, struct buffer *out)
{
    struct buffer kernels = {0};
    bool ok = pipeline_make_kernels(c, &kernels) == 0 && pack(c, &kernels, out);
    buffer_release(&kernels);
    return ok;
}

/* Without either: the kernels are made and kept, so that a run finds them. */
static bool fill_cache(struct compilation *c, struct buffer *out)
{
    if (pipeline_compile_kernels(c))
        return false;
    buffer_printf(out, "%s: checked and lowered; %u kernel%s compiled%s%s%s\n", c->path,
                  c->ir->kernel_count, c->ir->kernel_count == 1 ? "" : "s",
                  c->kernels.cached ? " before" : "", c->kernels.path ? ", kept in " : "",
                  c->kernels.path ? c->kernels.path : "");
    return true;
}

static bool emit(struct compilation *c, enum form form, struct buffer *out)
{
    switch (form) {
    case FORM_AST:
        ast_print(c->ast, out);
        return c->diagnostics.errors == 0;
    case FORM_TYPED:
        typed_print(c->typed, out);
        return true;
    case FORM_FLOW:
        ir_print(c->ir, out);
        return true;
    case FORM_LLVM:
        return emit_native(c, KERNEL_LLVM, out);
    case FORM_ASM:
        return emit_native(c, KERNEL_ASSEMBLY, out);
    case FORM_PLAN:
        plan_print(&c->plan, out);
        return true;
    case FORM_DAG:
        dag_print(&c->dag, out);
        return true;
    case FORM_BUNDLE:
        return compile_bundle(c, out);
    case FORM_NONE:
        return fill_cache(c, out);
    }
    bug("unknown form %d", (int)form);
}

/* The target changes native code only. */
static int check_target(const struct options *options, enum form form, struct error *error)
{
    static const char *const targets[] = {"x86_64", "aarch64", NULL};
    int index;
    if (!options->given[OPTION_TARGET])
        return 0;
    if (options_choice(options, OPTION_TARGET, targets, &index, error))
        return (int)error->code;
    if (form == FORM_BUNDLE || form == FORM_LLVM || form == FORM_ASM)
        return 0;
    error_set(error, ERR_bad_option, "--target changes nothing here");
    return error_hint(error, "it chooses the code of a bundle (-o JOB.wkb), --emit=llvm and =asm");
}

static bool is_source(const char *path)
{
    const char *suffix = strrchr(path, '.');
    return suffix && (strcmp(suffix, ".wk") == 0 || strcmp(suffix, ".c") == 0);
}

static int check_bundle(const struct options *options, struct error *error)
{
    if (is_source(options->values[OPTION_OUTPUT])) {
        error_set(error, ERR_bad_option, "a bundle named '%s' would be taken for a source",
                  options->values[OPTION_OUTPUT]);
        return error_hint(error, "end its name in .wkb; with --emit=FORM, -o writes a form");
    }
    if (options->arguments.count <= 1)
        return 0;
    error_set(error, ERR_bad_argument, "a bundle has no place for '%s'",
              options->arguments.items[1]);
    return error_hint(error, "parameters are given when it is run: wkc run %s %s",
                      options->values[OPTION_OUTPUT], options->arguments.items[1]);
}

static int check_options(const struct options *options, int *form, struct error *error)
{
    *form = FORM_NONE;
    if (options->given[OPTION_EMIT] &&
        options_choice(options, OPTION_EMIT, form_names, form, error))
        return (int)error->code;
    if (options->given[OPTION_OUTPUT] && *form == FORM_NONE)
        *form = FORM_BUNDLE;
    if (check_target(options, (enum form) * form, error))
        return (int)error->code;
    return *form == FORM_BUNDLE ? check_bundle(options, error) : 0;
}

static void print_extras(const struct compilation *c)
{
    if (c->dumps.length)
        fwrite(c->dumps.data, 1, c->dumps.length, stderr);
    if (!c->options->given[OPTION_TIME_PASSES])
        return;
    struct buffer times = {0};
    pipeline_times(c, &times);
    fputs(buffer_text(&times), stderr);
    buffer_release(&times);
}

static int compile(struct compilation *c, enum form form)
{
    struct buffer out = {0};
    c->needs_main = form != FORM_AST && form != FORM_TYPED;
    c->is_portable = form == FORM_BUNDLE;
    if (c->options->given[OPTION_TARGET])
        c->target = c->options->values[OPTION_TARGET];
    else if (form == FORM_BUNDLE)
        c->target = BUNDLE_TARGET;
    bool ok = pipeline_run(c, form_stages[form]);
    if (ok && form == FORM_AST) /* of this file alone, whatever it uses */
        c->ast = parse_source(c->source, &c->arena, &c->names, &c->diagnostics);
    ok = ok && emit(c, form, &out);
    int status = finish_compilation(c, ok);
    print_extras(c);
    if (status == EXIT_DONE && form != FORM_NONE && c->options->given[OPTION_OUTPUT])
        status = write_file(c->options, c->options->values[OPTION_OUTPUT], &out);
    else if (status == EXIT_DONE)
        status = write_output(c->options, &out);
    buffer_release(&out);
    return status;
}

int command_compile(const struct options *options)
{
    struct error error;
    int form;
    if (check_options(options, &form, &error))
        return usage_error(options, &error);
    struct compilation compilation;
    int status = start_compilation(&compilation, options);
    if (status == EXIT_DONE)
        status = compile(&compilation, (enum form)form);
    pipeline_release(&compilation);
    return status;
}
