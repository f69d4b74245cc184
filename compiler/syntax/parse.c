/* Driving the parser, and reading sources; see parse.h. */
#include "syntax/parse.h"

#include <stdarg.h>
#include <string.h>

#include "base/buffer.h"
#include "syntax/parser.h"
#include "syntax/parser_state.h"

enum { SOURCE_LIMIT = 16 * 1024 * 1024 };

struct diagnostic *syntax_report(struct parser *parser, struct span span, enum error_code code,
                                 const char *format, ...)
{
    if (parser->abandoned || parser->muted)
        return NULL;
    /* What is only counted needs no place, which would cost time in a source full of mistakes. */
    if (parser->diagnostics->errors >= DIAGNOSTIC_LIMIT) {
        parser->diagnostics->errors++;
        return NULL;
    }
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return diagnose(parser->diagnostics, span, code, "%s", message);
}

void syntax_abandon(struct parser *parser, struct span span)
{
    struct diagnostic *d = syntax_report(parser, span, ERR_nesting_too_deep,
                                         "this is nested more than %d levels deep", AST_MAX_HEIGHT);
    diagnose_hint(parser->diagnostics, d,
                  "compute parts of it in variables or functions of their own");
    parser->abandoned = true;
}

/* Looks for what no source may hold. */
static bool check_text(const struct source *source, struct diagnostics *diagnostics)
{
    const char *text = source->text;
    size_t length = source->length;
    for (size_t at = 0; at < length;) {
        uint64_t word;
        if (length - at >= sizeof word &&
            (memcpy(&word, text + at, sizeof word), (word & 0x8080808080808080) == 0) &&
            ((word - 0x0101010101010101) & 0x8080808080808080) == 0) {
            at += sizeof word;
            continue;
        }
        size_t step = utf8_length(text + at, length - at);
        struct span span = {source, (uint32_t)at, (uint32_t)at + 1};
        if (step == 0) {
            struct diagnostic *d =
                diagnose(diagnostics, span, ERR_source_not_utf8, "byte 0x%02X is not UTF-8 here",
                         (unsigned char)text[at]);
            diagnose_hint(diagnostics, d, "save the file as UTF-8");
            return false;
        }
        if (text[at] == 0) {
            diagnose(diagnostics, (struct span){0}, ERR_source_binary,
                     "'%s' is not a text: its byte %zu is zero", source->name, at + 1);
            return false;
        }
        at += step;
    }
    return true;
}

static void release(struct parser *parser)
{
    filter_free(parser->filter);
    vector_release(&parser->declarations);
    vector_release(&parser->arguments);
    vector_release(&parser->annotations);
    vector_release(&parser->indexes);
    vector_release(&parser->iterators);
    vector_release(&parser->name_list);
    vector_release(&parser->field_values);
    vector_release(&parser->parameters);
    vector_release(&parser->statements);
    vector_release(&parser->expressions);
    vector_release(&parser->groups);
    vector_release(&parser->parts);
}

static void run_parser(struct ast_module *module, struct arena *arena, struct interner *names,
                       struct diagnostics *diagnostics)
{
    struct parser parser = {.source = module->source,
                            .arena = arena,
                            .names = names,
                            .diagnostics = diagnostics,
                            .underscore = intern_text(names, "_")};
    parser.filter = filter_new(&parser);
    if (syntax_parse(&parser) != 0 && diagnostics->errors == 0)
        bug("the parser failed without a diagnostic");
    module->count = (uint32_t)parser.declarations.count;
    module->declarations = arena_copy(arena, parser.declarations.items,
                                      parser.declarations.count * sizeof *module->declarations);
    module->doc = parser.module_doc;
    release(&parser);
}

struct ast_module *parse_source(const struct source *source, struct arena *arena,
                                struct interner *names, struct diagnostics *diagnostics)
{
    struct ast_module *module = arena_new(arena, struct ast_module);
    module->source = source;
    if (source->length > SOURCE_LIMIT) {
        diagnose(diagnostics, (struct span){0}, ERR_file_too_large, "'%s' is larger than %d MiB",
                 source->name, SOURCE_LIMIT >> 20);
        return module;
    }
    if (check_text(source, diagnostics))
        run_parser(module, arena, names, diagnostics);
    return module;
}

struct source *source_read(const char *path, struct arena *arena, struct diagnostics *diagnostics)
{
    struct buffer buffer = {0};
    struct error error;
    if (buffer_read_file(&buffer, path, SOURCE_LIMIT, &error) != 0) {
        diagnose_error(diagnostics, &error, NULL);
        buffer_release(&buffer);
        return NULL;
    }
    struct source *source = arena_new(arena, struct source);
    source->name = arena_text(arena, path, strlen(path));
    const char *slash = strrchr(source->name, '/');
    source->portable_name = slash ? slash + 1 : source->name;
    source->text = arena_text(arena, buffer_text(&buffer), buffer.length);
    source->length = buffer.length;
    buffer_release(&buffer);
    source_index_lines(source, arena);
    diagnostics_add_source(diagnostics, source);
    return source;
}
