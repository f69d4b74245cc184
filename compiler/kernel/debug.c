/*
 * Debug information: which line each instruction belongs to, functions, and where variables are, so
 * that gdb stops at lines of .wk files and perf attributes time to them. Optional: without it
 * g->debug is NULL and nothing here does anything.
 */
#include "generator.h"

#include <stdlib.h>
#include <string.h>

enum {
    DWARF_BOOLEAN = 2,
    DWARF_FLOAT = 4,
    DWARF_SIGNED = 5,
    DWARF_UNSIGNED = 7,
    DWARF_VERSION = 4
};

/* In a block of more statements than these, variables are not described. LLVM notes each value of a
 * described variable, and, where it folds a chain of n assignments into one, moves the notes of
 * those before at every step: its time grows as the square of n, to minutes for generated code. */
enum { DESCRIBED_STATEMENTS = 4000 };

static LLVMMetadataRef debug_file(struct generator *g, const struct source *source)
{
    struct line_table *lines = generator_lines(g, source);
    if (lines->file)
        return lines->file;
    const char *name = g->options->portable ? source_portable_name(source) : source->name;
    /* The folder makes a relative name findable from anywhere. */
    char *path = g->options->portable ? NULL : realpath(name, NULL);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash) {
        *slash = '\0';
        lines->file =
            LLVMDIBuilderCreateFile(g->debug, slash + 1, strlen(slash + 1), path, strlen(path));
    } else {
        lines->file = LLVMDIBuilderCreateFile(g->debug, name, strlen(name), ".", 1);
    }
    free(path);
    return lines->file;
}

static void add_flag(struct generator *g, const char *name, unsigned value)
{
    LLVMValueRef number = LLVMConstInt(g->i32, value, false);
    LLVMAddModuleFlag(g->module, LLVMModuleFlagBehaviorWarning, name, strlen(name),
                      LLVMValueAsMetadata(number));
}

static void make_scalars(struct generator *g)
{
    for (unsigned s = 0; s < WK_SCALAR_COUNT; s++) {
        unsigned encoding = DWARF_UNSIGNED;
        if (s == WK_BOOL)
            encoding = DWARF_BOOLEAN;
        else if (s == WK_F32 || s == WK_F64)
            encoding = DWARF_FLOAT;
        else if (s >= WK_I8 && s <= WK_I64)
            encoding = DWARF_SIGNED;
        const char *name = wk_scalar_text((enum wk_scalar)s);
        g->debug_scalars[s] = LLVMDIBuilderCreateBasicType(g->debug, name, strlen(name),
                                                           wk_scalar_bytes((enum wk_scalar)s) * 8,
                                                           encoding, LLVMDIFlagZero);
    }
}

void debug_open(struct generator *g, const struct source *source)
{
    if (!g->options->debug || !source)
        return;
    static const char producer[] = "wkc";
    g->debug = LLVMCreateDIBuilder(g->module);
    g->debug_unit = LLVMDIBuilderCreateCompileUnit(
        g->debug, LLVMDWARFSourceLanguageC11, debug_file(g, source), producer, sizeof producer - 1,
        g->options->optimize > 0, "", 0, 0, "", 0, LLVMDWARFEmissionFull, 0, false, false, "", 0,
        "", 0);
    add_flag(g, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(g, "Dwarf Version", DWARF_VERSION);
    g->debug_expression = LLVMDIBuilderCreateExpression(g->debug, NULL, 0);
    make_scalars(g);
}

void debug_close(struct generator *g)
{
    if (g->debug)
        LLVMDIBuilderFinalize(g->debug);
}

void debug_function(struct generator *g, const struct typed_function *function, LLVMValueRef value)
{
    if (!g->debug || !function->span.source)
        return;
    LLVMMetadataRef file = debug_file(g, function->span.source);
    LLVMMetadataRef type =
        LLVMDIBuilderCreateSubroutineType(g->debug, file, NULL, 0, LLVMDIFlagZero);
    size_t length;
    const char *symbol = LLVMGetValueName2(value, &length);
    unsigned line = generator_place(g, function->span).line;
    g->debug_scope = LLVMDIBuilderCreateFunction(
        g->debug, file, function->name, strlen(function->name), symbol, length, file, line, type,
        true, true, line, LLVMDIFlagZero, g->options->optimize > 0);
    LLVMSetSubprogram(value, g->debug_scope);
    g->debug_variables = function->body.count <= DESCRIBED_STATEMENTS;
}

void debug_at(struct generator *g, struct span span)
{
    g->span = span;
    if (!g->debug_scope || !span.source)
        return;
    struct place place = generator_place(g, span);
    LLVMSetCurrentDebugLocation2(
        g->builder, LLVMDIBuilderCreateDebugLocation(g->context, place.line, place.column,
                                                     g->debug_scope, NULL));
}

/* An array shows as its address, typed by its elements: p *xs@n works in gdb. */
static LLVMMetadataRef debug_type(struct generator *g, const struct type *type)
{
    if (type_is_scalar(type))
        return g->debug_scalars[type->scalar];
    if (type->kind != TYPE_ARRAY)
        return NULL;
    const struct type *element = type->element;
    LLVMMetadataRef target =
        type_is_scalar(element) ? g->debug_scalars[element->scalar] : g->debug_scalars[WK_I64];
    return LLVMDIBuilderCreatePointerType(g->debug, target, 64, 0, 0, "", 0);
}

void debug_variable(struct generator *g, const struct variable *variable, const struct slot *slot,
                    uint32_t parameter)
{
    if (!g->debug_scope || !g->debug_variables || !variable->name || !variable->span.source)
        return;
    LLVMMetadataRef type = debug_type(g, variable->type);
    if (!type)
        return;
    LLVMMetadataRef file = debug_file(g, variable->span.source);
    struct place place = generator_place(g, variable->span);
    size_t length = strlen(variable->name);
    LLVMMetadataRef described =
        parameter
            ? LLVMDIBuilderCreateParameterVariable(g->debug, g->debug_scope, variable->name, length,
                                                   parameter, file, place.line, type, true,
                                                   LLVMDIFlagZero)
            : LLVMDIBuilderCreateAutoVariable(g->debug, g->debug_scope, variable->name, length,
                                              file, place.line, type, true, LLVMDIFlagZero, 0);
    LLVMMetadataRef location = LLVMDIBuilderCreateDebugLocation(g->context, place.line,
                                                                place.column, g->debug_scope, NULL);
    LLVMDIBuilderInsertDeclareRecordAtEnd(g->debug, slot->storage, described, g->debug_expression,
                                          location, LLVMGetInsertBlock(g->builder));
}
