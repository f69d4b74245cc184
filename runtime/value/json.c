/* Values as JSON: a printer that follows the type, and a reader of lists of scalars. */
#include "value/json.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "value/semantics.h"
#include "value/value.h"

/* ---- Printing ------------------------------------------------------------------------------ */

enum { PIECE_BYTES = 64 << 10 };

struct json_writer {
    struct buffer *text;
    int (*write)(void *context, const char *text, size_t length, struct error *error); /* or NULL */
    void *context;
    struct error *error;
    int code; /* of a write that failed */
};

static void flush(struct json_writer *out, size_t least)
{
    if (!out->write || out->text->length < least)
        return;
    if (out->code == 0)
        out->code = out->write(out->context, out->text->data, out->text->length, out->error);
    buffer_clear(out->text);
}

static bool is_infinite(enum wk_scalar scalar, uint64_t word)
{
    if (scalar == WK_F64)
        return (word & INT64_MAX) == 0x7FF0000000000000;
    return scalar == WK_F32 && (word & INT32_MAX) == 0x7F800000;
}

static bool is_nan(enum wk_scalar scalar, uint64_t word)
{
    if (scalar == WK_F64)
        return (word & INT64_MAX) > 0x7FF0000000000000;
    return scalar == WK_F32 && (word & INT32_MAX) > 0x7F800000;
}

static void write_scalar(enum wk_scalar scalar, uint64_t word, struct json_writer *out)
{
    char *text = buffer_extend(out->text, SCALAR_TEXT_BYTES);
    char *end = semantics_print(scalar, word, text);
    if (is_nan(scalar, word))
        end = stpcpy(text, "NaN");
    else if (is_infinite(scalar, word))
        end = stpcpy(text, text[0] == '-' ? "-Infinity" : "Infinity");
    buffer_end_at(out->text, end);
}

static void write_value(const struct type *type, const uint64_t *words, struct json_writer *out);

static void write_dimension(const struct type *array, const uint64_t *extents, unsigned dimension,
                            const char **item, struct json_writer *out);

/* An item of a dimension: of the last one an element. */
static void write_item(const struct type *array, const uint64_t *extents, unsigned dimension,
                       const char **item, struct json_writer *out)
{
    const struct type *element = array->element;
    if (dimension + 1 < array->rank) {
        write_dimension(array, extents, dimension + 1, item, out);
        return;
    }
    if (type_is_scalar(element))
        write_scalar(element->scalar, scalar_load(element->scalar, *item), out);
    else
        write_value(element, (const uint64_t *)(const void *)*item, out);
    *item += type_element_bytes(element);
}

/* One dimension of an array; `item` is where its first element lies, and moves on. */
static void write_dimension(const struct type *array, const uint64_t *extents, unsigned dimension,
                            const char **item, struct json_writer *out)
{
    buffer_putc(out->text, '[');
    for (uint64_t i = 0; i < extents[dimension] && out->code == 0; i++) {
        if (i)
            buffer_append(out->text, ", ", 2);
        write_item(array, extents, dimension, item, out);
        flush(out, PIECE_BYTES);
    }
    buffer_putc(out->text, ']');
}

bool json_is_object(const struct type *tuple)
{
    if (tuple->kind == TYPE_STRUCT)
        return true;
    for (uint32_t i = 0; i < tuple->part_count; i++)
        if (!tuple->names || !tuple->names[i])
            return false;
    return true;
}

static void write_parts(const struct type *type, const uint64_t *words, struct json_writer *out)
{
    if (type->part_count == 0) {
        buffer_puts(out->text, "null");
        return;
    }
    bool named = json_is_object(type);
    buffer_putc(out->text, named ? '{' : '[');
    for (uint32_t i = 0; i < type->part_count; i++) {
        buffer_puts(out->text, i ? ", " : "");
        if (named) {
            buffer_json_string(out->text, type->names[i], strlen(type->names[i]));
            buffer_puts(out->text, ": ");
        }
        write_value(type->parts[i], words, out);
        words += type->parts[i]->word_count;
    }
    buffer_putc(out->text, named ? '}' : ']');
}

static void write_text(const uint64_t *words, struct json_writer *out)
{
    buffer_json_string(out->text, (const char *)(uintptr_t)words[0], words[1]);
}

/* Of an object a key is a text: integers are written as one. */
static void write_name(const struct type *key, const uint64_t *words, struct json_writer *out)
{
    if (key->kind == TYPE_STRING) {
        write_text(words, out);
    } else {
        buffer_putc(out->text, '"');
        write_scalar(key->scalar, words[0], out);
        buffer_putc(out->text, '"');
    }
    buffer_puts(out->text, ": ");
}

/* An object; with keys that are tuples a list of pairs of key and value. */
static void write_map(const struct type *type, const struct wk_map *map, struct json_writer *out)
{
    bool is_object = !type_has_parts(type->key);
    buffer_putc(out->text, is_object ? '{' : '[');
    for (uint64_t i = 0; map && i < map->count && out->code == 0; i++) {
        const uint64_t *row = map->rows + i * map->width;
        buffer_puts(out->text, i ? ", " : "");
        if (is_object) {
            write_name(type->key, row, out);
        } else {
            buffer_putc(out->text, '[');
            write_value(type->key, row, out);
            buffer_puts(out->text, ", ");
        }
        write_value(type->element, row + type->key->word_count, out);
        buffer_puts(out->text, is_object ? "" : "]");
        flush(out, PIECE_BYTES);
    }
    buffer_putc(out->text, is_object ? '}' : ']');
}

static void write_value(const struct type *type, const uint64_t *words, struct json_writer *out)
{
    const char *data;
    switch (type->kind) {
    case TYPE_SCALAR:
        write_scalar(type->scalar, words[0], out);
        return;
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        write_parts(type, words, out);
        return;
    case TYPE_STRING:
        write_text(words, out);
        return;
    case TYPE_MAP:
        write_map(type, (const struct wk_map *)(uintptr_t)words[0], out);
        return;
    case TYPE_ARRAY:
        data = (const char *)(uintptr_t)words[0];
        write_dimension(type, words + 1, 0, &data, out);
        return;
    case TYPE_FILE:
    case TYPE_FUNCTION:
        break;
    }
    bug("a value of kind %d has no words to print", type->kind);
}

void json_print(const struct type *type, const uint64_t *words, struct buffer *out)
{
    struct json_writer writer = {.text = out};
    write_value(type, words, &writer);
}

int json_write(const struct type *type, const uint64_t *words,
               int (*write)(void *context, const char *text, size_t length, struct error *error),
               void *context, struct error *error)
{
    struct buffer text = {0};
    struct json_writer writer = {.text = &text, .write = write, .context = context, .error = error};
    write_value(type, words, &writer);
    flush(&writer, 1);
    buffer_release(&text);
    return writer.code;
}

int json_write_lines(const struct type *type, const uint64_t *words,
                     int (*write)(void *context, const char *text, size_t length,
                                  struct error *error),
                     void *context, struct error *error)
{
    struct buffer text = {0};
    struct json_writer writer = {.text = &text, .write = write, .context = context, .error = error};
    const char *item = (const char *)(uintptr_t)words[0];
    for (uint64_t i = 0; i < words[1] && writer.code == 0; i++) {
        write_item(type, words + 1, 0, &item, &writer);
        buffer_putc(&text, '\n');
        flush(&writer, PIECE_BYTES);
    }
    flush(&writer, 1);
    buffer_release(&text);
    return writer.code;
}

/* ---- Reading ------------------------------------------------------------------------------- */

enum { TOKEN_MAX = 400 };

struct json_reader {
    const char *text, *at;
    const char *name; /* the file's; NULL: inline */
    const struct type *type;
    enum wk_scalar scalar;
    int64_t *extents; /* -1 until the first list of the dimension ends */
    struct buffer data;
    struct error *error;
};

static void skip_space(struct json_reader *in)
{
    while (isspace((unsigned char)*in->at))
        in->at++;
}

/* How an array of the wanted rank is written. */
static int hint_example(struct json_reader *in)
{
    if (in->type->rank == 1)
        return error_hint(in->error, "an array of rank 1 is a list of its elements: [0.1, 0.01]");
    if (in->type->rank == 2)
        return error_hint(in->error, "a matrix is a list of its rows: [[1, 2], [3, 4]]");
    return error_hint(in->error, "lists are nested as deep as the array's rank, here %d",
                      in->type->rank);
}

/* Before a message: the place in a file. On a command line the message itself says where. */
static void put_place(const struct json_reader *in, struct buffer *out)
{
    size_t line = 1;
    const char *begin = in->text;
    for (const char *at = in->text; in->name && at < in->at; at++)
        if (*at == '\n') {
            line++;
            begin = at + 1;
        }
    if (in->name)
        buffer_printf(out, "'%s', line %zu, column %td: ", in->name, line, in->at - begin + 1);
}

/* The next bytes of the text, for a message: of its line, and no half of a character. */
static int shown_bytes(const struct json_reader *in)
{
    size_t shown = strcspn(in->at, "\r\n");
    if (shown > 20)
        shown = 20;
    while (shown > 0 && ((unsigned char)in->at[shown] & 0xC0) == 0x80)
        shown--;
    return (int)shown;
}

static int refuse(struct json_reader *in, const char *why)
{
    int shown = shown_bytes(in);
    struct buffer text = {0};
    put_place(in, &text);
    buffer_puts(&text, why);
    if (!*in->at)
        buffer_puts(&text, " at the end");
    else if (!in->name)
        buffer_printf(&text, " at byte %zu", (size_t)(in->at - in->text));
    if (*in->at && shown)
        buffer_printf(&text, ", before '%.*s'", shown, in->at);
    error_set(in->error, ERR_bad_inline_array, "%s", buffer_text(&text));
    buffer_release(&text);
    return hint_example(in);
}

static int refuse_rank(struct json_reader *in, const char *expected, const char *found)
{
    struct buffer text = {0};
    put_place(in, &text);
    buffer_printf(&text, "%s is expected", expected);
    if (!in->name)
        buffer_printf(&text, " at byte %zu", (size_t)(in->at - in->text));
    buffer_puts(&text, in->name ? " for " : " of ");
    type_print_brief(in->type, &text);
    buffer_printf(&text, ", found %s, '%.*s'", found, shown_bytes(in), in->at);
    error_set(in->error, ERR_bad_inline_array, "%s", buffer_text(&text));
    buffer_release(&text);
    return hint_example(in);
}

/* A list that is not as long as its first sister; the place is that of its beginning. */
static int refuse_ragged(struct json_reader *in, const char *begin, int64_t wanted, int64_t found)
{
    struct buffer text = {0};
    size_t end = (size_t)(in->at - in->text);
    in->at = begin;
    put_place(in, &text);
    buffer_printf(&text, "lists of %lld and of %lld items do not make a rectangle",
                  (long long)wanted, (long long)found);
    if (!in->name)
        buffer_printf(&text, " (byte %zu)", end);
    error_set(in->error, ERR_bad_inline_array, "%s", buffer_text(&text));
    buffer_release(&text);
    return ERR_bad_inline_array;
}

/* A number that does not fit: the message says why, here comes where. */
static int refuse_number(struct json_reader *in)
{
    struct error inner = *in->error;
    struct buffer place = {0};
    put_place(in, &place);
    error_set(in->error, inner.code, "%s%s", buffer_text(&place), inner.message);
    buffer_release(&place);
    return inner.hint[0] ? error_hint(in->error, "%s", inner.hint) : (int)inner.code;
}

static int read_element(struct json_reader *in)
{
    char token[TOKEN_MAX];
    size_t length = strcspn(in->at, ",[] \t\r\n");
    if (*in->at == '[')
        return refuse_rank(in, "an element", "a list");
    if (length == 0 || length >= sizeof token)
        return refuse(in, "a number is missing");
    memcpy(token, in->at, length);
    token[length] = 0;
    const char *text = strcmp(token, "NaN") == 0         ? "nan"
                       : strcmp(token, "Infinity") == 0  ? "inf"
                       : strcmp(token, "-Infinity") == 0 ? "-inf"
                                                         : token;
    uint64_t word;
    if (semantics_read(in->scalar, text, &word, in->error))
        return refuse_number(in);
    char element[8];
    scalar_store(in->scalar, word, element);
    buffer_append(&in->data, element, wk_scalar_bytes(in->scalar));
    in->at += length;
    return 0;
}

static int end_list(struct json_reader *in, const char *begin, unsigned dimension, int64_t count)
{
    int64_t *extent = &in->extents[dimension];
    if (*extent < 0)
        *extent = count;
    return *extent == count ? 0 : refuse_ragged(in, begin, *extent, count);
}

static int read_list(struct json_reader *in, unsigned dimension)
{
    skip_space(in);
    if (*in->at != '[')
        return dimension ? refuse_rank(in, "a list", "an element") : refuse(in, "'[' is missing");
    const char *begin = in->at++;
    int64_t count = 0;
    skip_space(in);
    while (*in->at != ']') {
        skip_space(in);
        int code =
            dimension + 1 == in->type->rank ? read_element(in) : read_list(in, dimension + 1);
        if (code)
            return code;
        count++;
        skip_space(in);
        if (*in->at == ']')
            break;
        if (*in->at != ',')
            return refuse(in, "',' or ']' is missing");
        in->at++;
        skip_space(in);
        if (*in->at == ']')
            return refuse(in, "a number is missing");
    }
    in->at++;
    return end_list(in, begin, dimension, count);
}

int json_read_array(const char *text, const char *name, const struct type *type, int64_t *extents,
                    void **data, struct error *error)
{
    struct json_reader in = {
        .text = text,
        .at = text,
        .name = name,
        .type = type,
        .scalar = type->element->scalar,
        .extents = extents,
        .error = error,
    };
    for (unsigned i = 0; i < type->rank; i++)
        extents[i] = -1;
    *data = NULL;
    if (name && strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        in.at += 3; /* a byte order mark */
    int code = read_list(&in, 0);
    skip_space(&in);
    if (code == 0 && *in.at)
        code = refuse(&in, "there is something behind the list");
    if (code) {
        buffer_release(&in.data);
        return code;
    }
    for (unsigned i = 0; i < type->rank; i++)
        if (extents[i] < 0)
            extents[i] = 0;
    *data = in.data.data;
    return 0;
}
