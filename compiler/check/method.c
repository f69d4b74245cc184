/*
 * Calls written as methods of other languages, x.f(…): what to write instead.
 */
#include <string.h>

#include "check/checker.h"

/* What methods of other languages are in this one: x stands for the value, a for what is between
 * the brackets. */
static const struct method {
    enum type_kind kind;
    const char *name, *instead;
} methods[] = {
    {TYPE_MAP, "get", "x[a], which fails without the key, or if a in x { x[a] } else { ... }"},
    {TYPE_MAP, "contains", "a in x"},
    {TYPE_MAP, "contains_key", "a in x"},
    {TYPE_MAP, "has", "a in x"},
    {TYPE_MAP, "has_key", "a in x"},
    {TYPE_MAP, "insert", "x[key] = value"},
    {TYPE_MAP, "put", "x[key] = value"},
    {TYPE_MAP, "set", "x[key] = value"},
    {TYPE_MAP, "delete", "x = remove(x, a)"},
    {TYPE_MAP, "pop", "x = remove(x, a)"},
    {TYPE_MAP, "erase", "x = remove(x, a)"},
    {TYPE_MAP, "remove", "x = remove(x, a)"},
    {TYPE_MAP, "items", "entries(x), or go over it: for key, value in x { ... }"},
    {TYPE_MAP, "size", "len(x)"},
    {TYPE_ARRAY, "append", "x = append(x, a)"},
    {TYPE_ARRAY, "push", "x = append(x, a)"},
    {TYPE_ARRAY, "push_back", "x = append(x, a)"},
    {TYPE_ARRAY, "add", "x = append(x, a)"},
    {TYPE_ARRAY, "extend", "x = concat(x, a)"},
    {TYPE_ARRAY, "size", "len(x)"},
    {TYPE_ARRAY, "length", "len(x)"},
    {TYPE_ARRAY, "sort", "x = sort(x)"},
    {TYPE_ARRAY, "reverse", "x = reverse(x)"},
    {TYPE_ARRAY, "map", "[f(v) for v in x]"},
    {TYPE_ARRAY, "filter", "[v for v in x if ...]"},
    {TYPE_STRING, "length", "len(x)"},
    {TYPE_STRING, "size", "len(x)"},
    {TYPE_STRING, "encode", "bytes(x)"},
    {TYPE_STRING, "split", "use text at the top, and text.split(x, a)"},
    {TYPE_STRING, "strip", "use text at the top, and text.trim(x)"},
    {TYPE_STRING, "trim", "use text at the top, and text.trim(x)"},
    {TYPE_STRING, "find", "use text at the top, and text.find(x, a)"},
    {TYPE_STRING, "lower", "use text at the top, and text.lower(x)"},
    {TYPE_STRING, "upper", "use text at the top, and text.upper(x)"},
    {TYPE_STRING, "startswith", "use text at the top, and text.starts_with(x, a)"},
    {TYPE_STRING, "starts_with", "use text at the top, and text.starts_with(x, a)"},
    {TYPE_STRING, "endswith", "use text at the top, and text.ends_with(x, a)"},
    {TYPE_STRING, "ends_with", "use text at the top, and text.ends_with(x, a)"},
};

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The words x and a replaced by what stands in the program. */
static void put_instead(const char *instead, const char *value, const char *arguments,
                        struct buffer *out)
{
    for (const char *at = instead; *at;) {
        const char *end = at;
        while (is_word_character(*end))
            end++;
        if (end == at)
            buffer_putc(out, *at++);
        else if (end == at + 1 && *at == 'x')
            buffer_puts(out, value);
        else if (end == at + 1 && *at == 'a')
            buffer_puts(out, arguments);
        else
            buffer_append(out, at, (size_t)(end - at));
        at = end > at ? end : at;
    }
}

static const char *find_instead(const struct type *type, const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].kind == type->kind && strcmp(methods[i].name, name) == 0)
            return methods[i].instead;
    return NULL;
}

/* The text between the brackets of a call. */
static const char *arguments_text(struct checker *c, const struct ast_expression *call)
{
    uint32_t count = call->call.argument_count;
    if (count == 0)
        return "";
    struct span span = call->call.arguments[0].value->span;
    span.end = call->call.arguments[count - 1].value->span.end;
    return types_snippet(c, span);
}

struct typed *refuse_method(struct checker *c, const struct ast_expression *call,
                            const struct typed *base)
{
    const struct ast_expression *callee = call->call.callee;
    const char *name = callee->field.name.text;
    const char *value = types_snippet(c, callee->field.base->span);
    const char *arguments = arguments_text(c, call);
    const char *instead = find_instead(base->type, name);
    struct diagnostic *d = diagnose(c->diagnostics, callee->field.name.span, ERR_not_a_function,
                                    "'%s' is called like a method, and there are none", name);
    if (!instead) {
        diagnose_hint(c->diagnostics, d, "functions are called with all their values: %s(%s%s%s)",
                      name, value, *arguments ? ", " : "", arguments);
        return node_error(c, call->span);
    }
    struct buffer text = {0};
    put_instead(instead, value, arguments, &text);
    diagnose_hint(c->diagnostics, d, "write %s", buffer_text(&text));
    buffer_release(&text);
    return node_error(c, call->span);
}
