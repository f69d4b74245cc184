/* Writing results; see result.h. */
#include "command/result.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output.h"
#include "command/result_folder.h"
#include "value/csv.h"
#include "value/csv_records.h"
#include "value/json.h"
#include "value/npy.h"

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), end = strlen(suffix);
    return length > end && strcmp(path + length - end, suffix) == 0;
}

static bool is_numeric_array(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type_is_scalar(type->element);
}

/* The folder must be there and writable, before a long job finds out that it is not. */
int result_check_folder(const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    struct buffer folder = {0};
    if (slash)
        buffer_append(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buffer_puts(&folder, ".");
    int failed = access(buffer_text(&folder), W_OK) < 0 ? errno : 0;
    buffer_release(&folder);
    return failed ? error_set(error, ERR_file_unwritable, "cannot write '%s': %s", path,
                              strerror(failed))
                  : 0;
}

/* What is written beside it, and then takes its place, cannot take that of a folder. */
int result_check_file(const char *path, struct error *error)
{
    struct stat status;
    size_t length = strlen(path);
    bool is_folder = (length && path[length - 1] == '/') ||
                     (stat(path, &status) == 0 && S_ISDIR(status.st_mode));
    if (is_folder)
        return error_set(error, ERR_file_unwritable, "cannot write '%s': %s", path,
                         strerror(EISDIR));
    return result_check_folder(path, error);
}

static bool is_lines(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type->rank == 1 && type->element->kind == TYPE_STRING;
}

/* The formats that a name can end in; what ends otherwise is raw bytes. */
static const struct result_format {
    const char *suffix, *holds;
    enum format {
        FORMAT_JSON,
        FORMAT_LINES,
        FORMAT_TEXT,
        FORMAT_CSV,
        FORMAT_NPY,
        FORMAT_RAW
    } format;
} formats[] = {
    {".json", "a .json file holds any result", FORMAT_JSON},
    {".jsonl", "a .jsonl file holds an array, an item a line", FORMAT_LINES},
    {".txt", "a .txt file holds a str, or the lines of a str[n]", FORMAT_TEXT},
    {".csv",
     "a .csv file holds an array of numbers of one or two dimensions, or one of flat structs",
     FORMAT_CSV},
    {".npy", "a .npy file holds one array of numbers", FORMAT_NPY},
    {"", "raw bytes hold one array of numbers", FORMAT_RAW},
};

static const struct result_format *format_of(const char *path)
{
    const struct result_format *format = formats;
    while (*format->suffix && !has_suffix(path, format->suffix))
        format++;
    return format;
}

static bool format_takes(enum format format, const struct type *type)
{
    switch (format) {
    case FORMAT_JSON:
        return true;
    case FORMAT_LINES:
        return type->kind == TYPE_ARRAY;
    case FORMAT_TEXT:
        return type->kind == TYPE_STRING || is_lines(type);
    case FORMAT_CSV:
        return (is_numeric_array(type) && type->rank <= 2) || csv_is_records(type);
    case FORMAT_NPY:
    case FORMAT_RAW:
        return is_numeric_array(type);
    }
    bug("format %d", (int)format);
}

int result_check(const struct type *type, const char *path, struct error *error)
{
    if (has_suffix(path, ".wk")) {
        error_set(error, ERR_bad_output, "'%s' is the name of a program, not of a result", path);
        return error_hint(error,
                          "end the name in .json, .jsonl, .txt, .csv, .npy, or .raw for bytes");
    }
    if (result_is_folder(path))
        return result_folder_check(type, path, error);
    const struct result_format *format = format_of(path);
    if (!format_takes(format->format, type)) {
        struct buffer text = {0};
        type_print_brief(type, &text);
        error_set(error, ERR_bad_output, "a result of type %s does not fit into '%s'",
                  buffer_text(&text), path);
        error_hint(error, "%s; write a .json file", format->holds);
        buffer_release(&text);
        return (int)error->code;
    }
    return result_check_folder(path, error);
}

/* ---- Results in pieces ---------------------------------------------------------------------- */

static int begin_file(struct job_output *output, uint8_t rank, const int64_t *extents,
                      struct error *error)
{
    struct result_file *file = (struct result_file *)output;
    enum array_file_format format =
        format_of(file->path)->format == FORMAT_NPY ? ARRAY_FILE_NPY : ARRAY_FILE_RAW;
    int code = array_file_open(&file->file, file->path, format, file->type->element->scalar, rank,
                               extents, error);
    file->is_open = code == 0;
    return code;
}

static int write_piece(struct job_output *output, const int64_t *begin, const int64_t *count,
                       const void *data, struct error *error)
{
    struct result_file *file = (struct result_file *)output;
    return array_file_write(&file->file, begin, count, data, error);
}

/* What is no regular file (a pipe, /dev/null) takes bytes in their order only. */
static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

struct job_output *result_file_init(struct result_file *file, const struct type *type,
                                    const char *path)
{
    *file = (struct result_file){
        .output = {.begin = begin_file, .write = write_piece}, .type = type, .path = path};
    bool takes_pieces =
        is_numeric_array(type) && format_of(path)->format >= FORMAT_NPY && !is_special(path);
    return takes_pieces ? &file->output : NULL;
}

int result_file_close(struct result_file *file, bool ended_well, struct error *error)
{
    if (!file->is_open)
        return 0;
    file->is_open = false;
    if (ended_well)
        return array_file_commit(&file->file, error);
    array_file_abandon(&file->file);
    return 0;
}

/* ---- Whole results -------------------------------------------------------------------------- */

/* Some rows at a time, so that a large table's text is never in memory as a whole. */
static int write_csv(const struct type *type, const uint64_t *words, struct output *output,
                     struct error *error)
{
    enum { ELEMENTS = 1 << 12 }; /* their text stays in the cache */
    bool is_records = !type_is_scalar(type->element);
    int64_t rows = (int64_t)words[1], columns = 1;
    if (is_records)
        columns = type->element->part_count;
    else if (type->rank == 2)
        columns = (int64_t)words[2];
    int64_t step = columns < ELEMENTS ? ELEMENTS / (columns + 1) + 1 : 1;
    struct buffer text = {0};
    int code = 0;
    if (is_records) {
        csv_print_header(type, &text);
        code = output_write(output, buffer_text(&text), text.length, error);
    }
    for (int64_t row = 0; row < rows && !code; row += step) {
        int64_t end = row + step < rows ? row + step : rows;
        buffer_clear(&text);
        (is_records ? csv_print_records : csv_print_rows)(type, words, row, end, &text);
        code = output_write(output, buffer_text(&text), text.length, error);
    }
    buffer_release(&text);
    return code;
}

static int write_bytes(void *output, const char *text, size_t length, struct error *error)
{
    return output_write(output, text, length, error);
}

/* A string as it is; of several each on a line. */
static int write_text(const struct type *type, const uint64_t *words, struct output *output,
                      struct error *error)
{
    if (type->kind == TYPE_STRING)
        return output_write(output, (const char *)(uintptr_t)words[0], words[1], error);
    enum { PIECE_BYTES = 64 << 10 };
    const uint64_t *item = (const uint64_t *)(uintptr_t)words[0];
    struct buffer text = {0};
    int code = 0;
    for (uint64_t i = 0; i < words[1] && !code; i++, item += 2) {
        buffer_append(&text, (const char *)(uintptr_t)item[0], item[1]);
        buffer_putc(&text, '\n');
        if (text.length < PIECE_BYTES && i + 1 < words[1])
            continue;
        code = output_write(output, text.data, text.length, error);
        buffer_clear(&text);
    }
    buffer_release(&text);
    return code;
}

static int write_format(enum format format, const struct type *type, const uint64_t *words,
                        struct output *output, struct error *error)
{
    int code = 0;
    switch (format) {
    case FORMAT_JSON:
        code = json_write(type, words, write_bytes, output, error);
        return code ? code : output_write(output, "\n", 1, error);
    case FORMAT_LINES:
        return json_write_lines(type, words, write_bytes, output, error);
    case FORMAT_TEXT:
        return write_text(type, words, output, error);
    case FORMAT_CSV:
        return write_csv(type, words, output, error);
    case FORMAT_NPY:
    case FORMAT_RAW:
        break;
    }
    bug("format %d is no text", (int)format);
}

int result_write(const struct type *type, const uint64_t *words, const char *path,
                 struct error *error)
{
    if (result_is_folder(path))
        return result_folder_write(type, words, path, error);
    enum format format = format_of(path)->format;
    if (format == FORMAT_NPY)
        return npy_write(path, type->element->scalar, type->rank, words, error);
    if (format == FORMAT_RAW)
        return raw_write(path, type->element->scalar, type->rank, words, error);
    struct output output;
    int code = output_open(&output, path, error);
    if (code)
        return code;
    code = write_format(format, type, words, &output, error);
    if (code == 0)
        return output_commit(&output, error);
    output_abandon(&output);
    return code;
}

void result_print(const struct type *type, const uint64_t *words, struct buffer *out)
{
    json_print(type, words, out);
    buffer_putc(out, '\n');
}
