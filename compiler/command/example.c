/* Examples of parameters' values; see example.h. */
#include "command/example.h"

#include "base/memory.h"
#include "value/json.h"
#include "value/value_file.h"

static void put_json(const struct type *type, struct buffer *out);

static void put_many(char c, unsigned count, struct buffer *out)
{
    for (unsigned i = 0; i < count; i++)
        buffer_putc(out, c);
}

/* An object with a key as text, or a list of pairs. */
static void put_map(const struct type *type, struct buffer *out)
{
    bool is_object = !type_has_parts(type->key), is_text = type->key->kind == TYPE_STRING;
    buffer_puts(out, !is_object ? "[[" : is_text ? "{" : "{\"");
    put_json(type->key, out);
    buffer_puts(out, !is_object ? ", " : is_text ? ": " : "\": ");
    put_json(type->element, out);
    buffer_puts(out, is_object ? "}" : "]]");
}

static void put_parts(const struct type *type, struct buffer *out)
{
    bool is_object = json_is_object(type);
    buffer_putc(out, is_object ? '{' : '[');
    for (uint32_t i = 0; i < type->part_count; i++) {
        buffer_puts(out, i ? ", " : "");
        if (is_object)
            buffer_printf(out, "\"%s\": ", type->names[i]);
        put_json(type->parts[i], out);
    }
    buffer_putc(out, is_object ? '}' : ']');
}

static void put_json(const struct type *type, struct buffer *out)
{
    switch (type->kind) {
    case TYPE_SCALAR:
        buffer_puts(out, type_is_bool(type) ? "true" : type_is_float(type) ? "0.5" : "1");
        return;
    case TYPE_STRING:
        buffer_puts(out, "\"text\"");
        return;
    case TYPE_ARRAY:
        put_many('[', type->rank, out);
        put_json(type->element, out);
        put_many(']', type->rank, out);
        return;
    case TYPE_MAP:
        put_map(type, out);
        return;
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        put_parts(type, out);
        return;
    case TYPE_FILE:
    case TYPE_FUNCTION:
        break;
    }
    bug("a parameter of kind %d", (int)type->kind);
}

/* As it is given in place, or in a file if that would be long. */
static void put_value(const struct type *type, struct buffer *out)
{
    enum { SHORT = 80 };
    struct buffer text = {0};
    put_json(type, &text);
    if (text.length <= SHORT)
        buffer_printf(out, "'%s'", buffer_text(&text));
    else
        buffer_puts(out, "FILE.json");
    buffer_release(&text);
}

void example_value(const struct type *type, struct buffer *out)
{
    bool is_array = type->kind == TYPE_ARRAY;
    if (type->kind == TYPE_FILE || type_is_bytes(type))
        buffer_puts(out, "FILE");
    else if (type->kind == TYPE_STRING)
        buffer_puts(out, "TEXT");
    else if (type->kind == TYPE_SCALAR)
        buffer_puts(out, "VALUE");
    else if (is_array && type->element->kind == TYPE_FILE)
        buffer_puts(out, "'FOLDER/*'");
    else if (is_array && type->element->kind == TYPE_SCALAR)
        buffer_puts(out, "FILE.npy");
    else
        put_value(type, out);
}

bool example_formats(const struct type *type, struct buffer *out)
{
    const char *suffixes[2 + VALUE_FILE_SUFFIXES];
    size_t count = 0;
    if (type->leaf_count == 0 || type_is_scalar(type) || type_is_bytes(type) ||
        type->kind == TYPE_STRING || type->kind == TYPE_FILE ||
        (type->kind == TYPE_ARRAY && type->element->kind == TYPE_FILE))
        return false;
    if (type->kind == TYPE_ARRAY && type_is_scalar(type->element)) {
        suffixes[count++] = ".npy";
        if (type->rank <= 2)
            suffixes[count++] = ".csv";
    }
    count += value_file_suffixes(type, suffixes + count);
    for (size_t i = 0; i < count; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", suffixes[i]);
    return true;
}
