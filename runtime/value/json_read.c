/*
 * JSON into values; see json_read.h. A recursive descent that follows the type: its depth is that
 * of the type, whatever the text is.
 *
 * Each reading function leaves words that own their blocks, or, when it fails, nothing.
 */
#include "value/json_read.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "value/json.h"
#include "value/layout.h"
#include "value/semantics.h"
#include "value/string.h"
#include "value/value.h"

struct json_reader {
    const char *text, *at, *end;
    const char *name;
    bool has_lines; /* `end` is that of a line */
    struct wk_context *context;
    struct buffer string; /* the last string, decoded */
    struct error *error;
};

/* ---- Messages ------------------------------------------------------------------------------- */

static int refuse_as(struct json_reader *in, enum error_code code, const char *at, const char *what)
{
    uint64_t line = 1;
    const char *begin = in->text;
    for (const char *next = begin; next < at; next++)
        if (*next == '\n') {
            line++;
            begin = next + 1;
        }
    struct buffer place = {0};
    if (in->name)
        buffer_printf(&place, "'%s', ", in->name);
    error_set(in->error, code, "%sline %" PRIu64 ", column %td: %s", buffer_text(&place), line,
              at - begin + 1, what);
    buffer_release(&place);
    return (int)code;
}

static int refuse(struct json_reader *in, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct json_reader *in, const char *at, const char *format, ...)
{
    va_list arguments;
    struct buffer what = {0};
    va_start(arguments, format);
    buffer_vprintf(&what, format, arguments);
    va_end(arguments);
    refuse_as(in, ERR_bad_inline_array, at, buffer_text(&what));
    buffer_release(&what);
    return ERR_bad_inline_array;
}

static int refuse_memory(struct json_reader *in)
{
    return refuse_as(in, ERR_out_of_memory, in->at, "there is no memory for this value");
}

/* What stands here, for messages: "a list", "the end". */
static const char *found(const struct json_reader *in)
{
    if (in->at == in->end)
        return in->has_lines ? "the end of the line" : "the end";
    switch (*in->at) {
    case '[':
        return "a list";
    case '{':
        return "an object";
    case '"':
        return "a string";
    case 'n':
        return "null";
    case 't':
    case 'f':
        return "a truth value";
    case ',':
        return "','";
    case ']':
        return "']'";
    case '}':
        return "'}'";
    }
    return *in->at && strchr("0123456789-+.NI", *in->at) ? "a number" : "something else";
}

/* Something of this type is expected, and does not begin here. */
static int refuse_type(struct json_reader *in, const char *wanted, const struct type *type)
{
    struct buffer text = {0};
    type_print_brief(type, &text);
    int code = refuse(in, in->at, "%s is expected for %s, found %s", wanted, buffer_text(&text),
                      found(in));
    buffer_release(&text);
    return code;
}

/* ---- Tokens --------------------------------------------------------------------------------- */

static void skip_space(struct json_reader *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

/* Whether this character comes next; then it is skipped. */
static bool take(struct json_reader *in, char c)
{
    skip_space(in);
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* Behind an item: whether another one follows. Not 0 when neither ',' nor the end is there. */
static int next_item(struct json_reader *in, char close, bool *more)
{
    *more = take(in, ',');
    if (*more || take(in, close))
        return 0;
    return refuse(in, in->at, "',' or '%c' is missing, found %s", close, found(in));
}

/* Four hexadecimal digits, or -1. */
static int32_t read_hexadecimal(struct json_reader *in)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++, in->at++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = in->at < in->end && *in->at ? strchr(digits, *in->at | 0x20) : NULL;
        if (!digit || (*in->at < 'A' && *in->at > '9'))
            return -1;
        value = value << 4 | (int32_t)(digit - digits);
    }
    return value;
}

static void put_character(struct buffer *out, int32_t c)
{
    if (c < 0x80) {
        buffer_putc(out, (char)c);
        return;
    }
    if (c < 0x800) {
        buffer_putc(out, (char)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buffer_putc(out, (char)(0xE0 | c >> 12));
        } else {
            buffer_putc(out, (char)(0xF0 | c >> 18));
            buffer_putc(out, (char)(0x80 | (c >> 12 & 0x3F)));
        }
        buffer_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    buffer_putc(out, (char)(0x80 | (c & 0x3F)));
}

/* Behind \u: a character, or the two halves of one. */
static int read_unicode(struct json_reader *in, const char *begin)
{
    int32_t c = read_hexadecimal(in);
    if (c >= 0xD800 && c < 0xDC00 && in->end - in->at >= 6 && in->at[0] == '\\' &&
        in->at[1] == 'u') {
        in->at += 2;
        int32_t low = read_hexadecimal(in);
        c = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : -1;
    }
    if (c < 0 || (c >= 0xD800 && c < 0xE000))
        return refuse(in, begin,
                      "\\u and four hexadecimal digits, no half of a pair, are expected");
    put_character(&in->string, c);
    return 0;
}

static int read_escape(struct json_reader *in)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *begin = in->at++;
    const char *letter = in->at < in->end && *in->at ? strchr(letters, *in->at) : NULL;
    if (letter) {
        buffer_putc(&in->string, meanings[letter - letters]);
        in->at++;
        return 0;
    }
    if (in->at == in->end || *in->at++ != 'u')
        return refuse(in, begin, "there is no such escape; a backslash is written \\\\");
    return read_unicode(in, begin);
}

/* A string, decoded to in->string; it is UTF-8. */
static int read_string(struct json_reader *in, const struct type *type)
{
    skip_space(in);
    const char *begin = in->at;
    if (in->at == in->end || *in->at != '"')
        return refuse_type(in, "a string", type);
    in->at++;
    buffer_clear(&in->string);
    for (;;) {
        const char *run = in->at;
        while (in->at < in->end && *in->at != '"' && *in->at != '\\' &&
               (unsigned char)*in->at >= ' ')
            in->at++;
        uint64_t length = (uint64_t)(in->at - run), wrong = string_check(run, length);
        if (wrong < length)
            return refuse(in, run + wrong, "this byte is not UTF-8");
        buffer_append(&in->string, run, length);
        if (in->at == in->end)
            return refuse(in, begin, "this string does not end");
        if (*in->at == '"')
            break;
        if (*in->at != '\\')
            return refuse(in, in->at, "a control character; a line break is written \\n");
        int code = read_escape(in);
        if (code)
            return code;
    }
    in->at++;
    return 0;
}

/* A number or truth value from its text; errors are those of the text's place. */
static int parse_scalar(struct json_reader *in, enum wk_scalar scalar, const char *text,
                        const char *at, uint64_t *word)
{
    struct error inner;
    int code = semantics_read(scalar, text, word, &inner);
    if (code == 0)
        return 0;
    refuse_as(in, inner.code, at, inner.message);
    return inner.hint[0] ? error_hint(in->error, "%s", inner.hint) : code;
}

static const char *own_spelling(const char *text)
{
    return strcmp(text, "NaN") == 0         ? "nan"
           : strcmp(text, "Infinity") == 0  ? "inf"
           : strcmp(text, "-Infinity") == 0 ? "-inf"
                                            : text;
}

static int read_scalar(struct json_reader *in, const struct type *type, uint64_t *word)
{
    enum { TOKEN_BYTES = 400 };
    char token[TOKEN_BYTES];
    const char *begin = in->at, *end = begin;
    while (end < in->end && *end && !strchr(",:[]{}\" \t\r\n", *end))
        end++;
    size_t length = (size_t)(end - begin);
    if (length == 0 || length >= sizeof token)
        return refuse_type(in, type_is_bool(type) ? "true or false" : "a number", type);
    memcpy(token, begin, length);
    token[length] = 0;
    in->at = end;
    return parse_scalar(in, type->scalar, own_spelling(token), begin, word);
}

/* ---- Values --------------------------------------------------------------------------------- */

static int read_value(struct json_reader *in, const struct type *type,
                      const struct wk_layout *layout, uint64_t *words);

static int read_text(struct json_reader *in, const struct type *type, uint64_t *words)
{
    int code = read_string(in, type);
    if (code)
        return code;
    const void *data = wk_text_new(in->context, buffer_text(&in->string), in->string.length);
    if (!data)
        return refuse_memory(in);
    words[0] = (uintptr_t)data;
    words[1] = in->string.length;
    return 0;
}

/* The elements of an array while they are read, as they will lie in its block. */
struct element_list {
    const struct type *array;
    const struct wk_layout *element;
    int64_t *extents; /* -1 until the first list of the dimension ends */
    struct buffer data;
    uint64_t count;
};

static int read_element(struct json_reader *in, struct element_list *list)
{
    uint64_t word = 0;
    uint32_t bytes = list->element->bytes;
    if (type_is_scalar(list->array->element)) {
        int code = read_value(in, list->array->element, list->element, &word);
        char *to = code ? NULL : buffer_extend(&list->data, bytes);
        if (to)
            scalar_store(list->array->element->scalar, word, to);
        return code;
    }
    /* An element of no words has a place to be read to, too. */
    void *to = bytes ? (void *)buffer_extend(&list->data, bytes) : &word;
    int code = read_value(in, list->array->element, list->element, to);
    list->count += code == 0;
    return code;
}

static int end_list(struct json_reader *in, struct element_list *list, unsigned dimension,
                    const char *begin, int64_t count)
{
    int64_t *extent = &list->extents[dimension];
    if (*extent < 0)
        *extent = count;
    if (*extent == count)
        return 0;
    return refuse(in, begin,
                  "lists of %" PRId64 " and of %" PRId64 " items do not make a rectangle", *extent,
                  count);
}

static int read_dimension(struct json_reader *in, struct element_list *list, unsigned dimension)
{
    skip_space(in);
    const char *begin = in->at;
    if (!take(in, '['))
        return refuse_type(in, "a list", list->array);
    int64_t count = 0;
    for (bool more = !take(in, ']'); more; count++) {
        int code = dimension + 1 < list->array->rank ? read_dimension(in, list, dimension + 1)
                                                     : read_element(in, list);
        code = code ? code : next_item(in, ']', &more);
        if (code)
            return code;
    }
    return end_list(in, list, dimension, begin, count);
}

static int give_array(struct json_reader *in, const struct element_list *list, uint64_t *words)
{
    void *data = wk_alloc(in->context, list->data.length);
    if (!data)
        return refuse_memory(in);
    if (list->data.length)
        memcpy(data, list->data.data, list->data.length);
    words[0] = (uintptr_t)data;
    for (unsigned d = 0; d < list->array->rank; d++)
        words[1 + d] = list->extents[d] < 0 ? 0 : (uint64_t)list->extents[d];
    return 0;
}

/* Items of the first dimension, each on a line of its own; lines without anything are none. */
static int read_lines(struct json_reader *in, struct element_list *list)
{
    const char *end = in->end;
    int64_t count = 0;
    int code = 0;
    for (; in->at < end && !code; in->at = in->end + (in->end < end)) {
        in->end = memchr(in->at, '\n', (size_t)(end - in->at));
        in->end = in->end ? in->end : end;
        skip_space(in);
        if (in->at == in->end)
            continue;
        code = list->array->rank > 1 ? read_dimension(in, list, 1) : read_element(in, list);
        skip_space(in);
        if (!code && in->at < in->end)
            code = refuse(in, in->at, "there is something behind the value; each stands on a line");
        count++;
    }
    list->extents[0] = count;
    return code;
}

static int read_array(struct json_reader *in, const struct type *type,
                      const struct wk_layout *layout,
                      int (*read_items)(struct json_reader *in, struct element_list *list),
                      uint64_t *words)
{
    int64_t extents[WK_MAX_RANK];
    struct element_list list = {.array = type, .element = layout->parts[0], .extents = extents};
    for (unsigned d = 0; d < type->rank; d++)
        extents[d] = -1;
    int code = read_items(in, &list);
    code = code ? code : give_array(in, &list, words);
    for (uint64_t i = 0; code && i < list.count && !list.element->is_flat; i++)
        wk_value_free(in->context, list.element,
                      (uint64_t *)(void *)(list.data.data + i * list.element->bytes));
    buffer_release(&list.data);
    return code;
}

static int read_list(struct json_reader *in, struct element_list *list)
{
    return read_dimension(in, list, 0);
}

static int read_parts(struct json_reader *in, const struct type *type,
                      const struct wk_layout *layout, uint64_t *words)
{
    uint32_t i = 0;
    int code = take(in, '[') ? 0 : refuse_type(in, "a list", type);
    const uint64_t *first = words;
    for (bool more = true; i < type->part_count && !code; i++) {
        if (!more) {
            code =
                refuse(in, in->at - 1, "the list ends after %u of %u items", i, type->part_count);
            break;
        }
        code = read_value(in, type->parts[i], layout->parts[i], words);
        if (code)
            break;
        words += layout->parts[i]->words;
        code = next_item(in, ']', &more);
        if (!code && more && i + 1 == type->part_count)
            code = refuse(in, in->at - 1, "the list has more than %u items", type->part_count);
    }
    for (uint32_t part = 0; code && part < i; first += layout->parts[part++]->words)
        wk_value_free(in->context, layout->parts[part], first);
    return code;
}

/* The number of the member whose name was read, or part_count. */
static uint32_t find_member(const struct json_reader *in, const struct type *type)
{
    uint32_t i = 0;
    while (i < type->part_count &&
           (strlen(type->names[i]) != in->string.length ||
            memcmp(type->names[i], in->string.data, in->string.length) != 0))
        i++;
    return i;
}

static uint64_t *part_words(const struct wk_layout *layout, uint32_t part, uint64_t *words)
{
    for (uint32_t i = 0; i < part; i++)
        words += layout->parts[i]->words;
    return words;
}

static int read_member(struct json_reader *in, const struct type *type,
                       const struct wk_layout *layout, uint64_t *words, bool *is_read)
{
    skip_space(in);
    const char *begin = in->at;
    int code = read_string(in, type);
    if (code)
        return code;
    uint32_t part = find_member(in, type);
    if (part == type->part_count)
        return refuse(in, begin, "there is no field '%s'", buffer_text(&in->string));
    if (is_read[part])
        return refuse(in, begin, "the field '%s' is given twice", type->names[part]);
    if (!take(in, ':'))
        return refuse(in, in->at, "':' is missing behind the name");
    code = read_value(in, type->parts[part], layout->parts[part], part_words(layout, part, words));
    is_read[part] = code == 0;
    return code;
}

static int read_members(struct json_reader *in, const struct type *type,
                        const struct wk_layout *layout, uint64_t *words, bool *is_read)
{
    skip_space(in);
    const char *begin = in->at;
    if (!take(in, '{'))
        return refuse_type(in, "an object", type);
    for (bool more = !take(in, '}'); more;) {
        int code = read_member(in, type, layout, words, is_read);
        code = code ? code : next_item(in, '}', &more);
        if (code)
            return code;
    }
    for (uint32_t i = 0; i < type->part_count; i++)
        if (!is_read[i])
            return refuse(in, begin, "the field '%s' is missing", type->names[i]);
    return 0;
}

static int read_object(struct json_reader *in, const struct type *type,
                       const struct wk_layout *layout, uint64_t *words)
{
    bool *is_read = memory_new(type->part_count, sizeof *is_read);
    int code = read_members(in, type, layout, words, is_read);
    for (uint32_t i = 0; code && i < type->part_count; i++)
        if (is_read[i])
            wk_value_free(in->context, layout->parts[i], part_words(layout, i, words));
    free(is_read);
    return code;
}

/* ---- Maps ----------------------------------------------------------------------------------- */

/* A key that is the name of an object's member. A string's words are those of in->string. */
static int read_name(struct json_reader *in, const struct type *key, uint64_t *words)
{
    skip_space(in);
    const char *begin = in->at;
    int code = read_string(in, key);
    if (code)
        return code;
    if (key->kind == TYPE_STRING) {
        words[0] = (uintptr_t)in->string.data;
        words[1] = in->string.length;
        return 0;
    }
    const char *text = buffer_text(&in->string);
    if (strlen(text) != in->string.length)
        return refuse(in, begin, "a key with a zero character is no number");
    return parse_scalar(in, key->scalar, text, begin, words);
}

/* Inserts a key and reads its value into the row. */
static int read_entry_value(struct json_reader *in, const struct type *type,
                            const struct wk_layout *layout, struct wk_map **map,
                            const uint64_t *key, const char *begin)
{
    if (wk_map_find(*map, layout, key))
        return refuse(in, begin, "this key is given twice");
    uint64_t *row = wk_map_insert(in->context, layout, map, key);
    if (!row)
        return refuse_memory(in);
    uint64_t *value = row + layout->parts[0]->words;
    int code = read_value(in, type->element, layout->parts[1], value);
    if (code)
        memset(value, 0, layout->parts[1]->words * sizeof *value);
    return code;
}

static int read_member_entry(struct json_reader *in, const struct type *type,
                             const struct wk_layout *layout, struct wk_map **map)
{
    uint64_t key[2];
    skip_space(in);
    const char *begin = in->at;
    int code = read_name(in, type->key, key);
    if (!code && !take(in, ':'))
        code = refuse(in, in->at, "':' is missing behind the key");
    return code ? code : read_entry_value(in, type, layout, map, key, begin);
}

/* [key, value]; `key` has room for its words. */
static int read_pair_entry(struct json_reader *in, const struct type *type,
                           const struct wk_layout *layout, struct wk_map **map, uint64_t *key)
{
    skip_space(in);
    const char *begin = in->at;
    if (!take(in, '['))
        return refuse_type(in, "a list of key and value", type);
    int code = read_value(in, type->key, layout->parts[0], key);
    if (code)
        return code;
    if (!take(in, ','))
        code = refuse(in, in->at, "',' and a value are missing behind the key");
    code = code ? code : read_entry_value(in, type, layout, map, key, begin);
    wk_value_free(in->context, layout->parts[0], key);
    if (!code && !take(in, ']'))
        code = refuse(in, in->at, "']' is missing behind key and value");
    return code;
}

static int read_map(struct json_reader *in, const struct type *type, const struct wk_layout *layout,
                    uint64_t *words)
{
    bool is_object = !type_has_parts(type->key);
    char close = is_object ? '}' : ']';
    uint64_t *key = is_object ? NULL : memory_new(type->key->word_count, sizeof *key);
    struct wk_map *map = NULL;
    int code = 0;
    if (!take(in, is_object ? '{' : '['))
        code = refuse_type(in, is_object ? "an object" : "a list of pairs", type);
    for (bool more = !code && !take(in, close); more && !code;) {
        code = is_object ? read_member_entry(in, type, layout, &map)
                         : read_pair_entry(in, type, layout, &map, key);
        code = code ? code : next_item(in, close, &more);
    }
    free(key);
    if (code)
        wk_map_free(in->context, layout, map);
    words[0] = code ? 0 : (uintptr_t)map;
    return code;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static int read_unit(struct json_reader *in, const struct type *type)
{
    if (in->end - in->at < 4 || memcmp(in->at, "null", 4) != 0)
        return refuse_type(in, "null", type);
    in->at += 4;
    return 0;
}

static int read_value(struct json_reader *in, const struct type *type,
                      const struct wk_layout *layout, uint64_t *words)
{
    skip_space(in);
    switch (type->kind) {
    case TYPE_SCALAR:
        return read_scalar(in, type, words);
    case TYPE_STRING:
        return read_text(in, type, words);
    case TYPE_ARRAY:
        return read_array(in, type, layout, read_list, words);
    case TYPE_MAP:
        return read_map(in, type, layout, words);
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        if (type->part_count == 0)
            return read_unit(in, type);
        return json_is_object(type) ? read_object(in, type, layout, words)
                                    : read_parts(in, type, layout, words);
    case TYPE_FILE:
        return refuse(in, in->at, "a file has no JSON");
    case TYPE_FUNCTION:
        break;
    }
    bug("a value of kind %d has no words to read", (int)type->kind);
}

static struct json_reader begin(struct wk_context *context, const char *text, size_t length,
                                const char *name, struct error *error)
{
    bool has_mark = name && length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    return (struct json_reader){.text = text,
                                .at = text + (has_mark ? 3 : 0),
                                .end = text + length,
                                .name = name,
                                .context = context,
                                .error = error};
}

int json_read(struct wk_context *context, const char *text, size_t length, const char *name,
              const struct type *type, uint64_t *words, struct error *error)
{
    struct json_reader in = begin(context, text, length, name, error);
    struct arena arena;
    arena_init(&arena);
    const struct wk_layout *layout = layout_of(type, &arena);
    int code = read_value(&in, type, layout, words);
    skip_space(&in);
    if (!code && in.at < in.end) {
        code = refuse(&in, in.at, "there is something behind the value");
        wk_value_free(context, layout, words);
    }
    buffer_release(&in.string);
    arena_release(&arena);
    return code;
}

int json_read_lines(struct wk_context *context, const char *text, size_t length, const char *name,
                    const struct type *type, uint64_t *words, struct error *error)
{
    struct json_reader in = begin(context, text, length, name, error);
    struct arena arena;
    arena_init(&arena);
    in.has_lines = true;
    int code = read_array(&in, type, layout_of(type, &arena), read_lines, words);
    buffer_release(&in.string);
    arena_release(&arena);
    return code;
}
