/* Writing results; see result.h. */
#include "command/result.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/output.h"
#include "value/csv.h"
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

int result_check(const struct type *type, const char *path, struct error *error)
{
    if (has_suffix(path, ".wk")) {
        error_set(error, ERR_bad_output, "'%s' is the name of a program, not of a result", path);
        return error_hint(error, "end the name in .json, .csv, .npy, or .raw for bytes");
    }
    bool is_table = is_numeric_array(type) && type->rank <= 2;
    if (!has_suffix(path, ".json") &&
        !(has_suffix(path, ".csv") ? is_table : is_numeric_array(type))) {
        struct buffer text = {0};
        type_print(type, &text);
        error_set(error, ERR_bad_output, "a result of type %s does not fit into '%s'",
                  buffer_text(&text), path);
        error_hint(error, "%s; write a .json file",
                   has_suffix(path, ".npy") ? "a .npy file holds one array of numbers"
                   : has_suffix(path, ".csv")
                       ? "a .csv file holds an array of one or two dimensions"
                       : "raw bytes hold one array of numbers");
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
        has_suffix(file->path, ".npy") ? ARRAY_FILE_NPY : ARRAY_FILE_RAW;
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
    bool takes_pieces = is_numeric_array(type) && !has_suffix(path, ".json") &&
                        !has_suffix(path, ".csv") && !is_special(path);
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
    enum { ELEMENTS = 1 << 16 };
    int64_t rows = (int64_t)words[1], columns = type->rank == 2 ? (int64_t)words[2] : 1;
    int64_t step = columns < ELEMENTS ? ELEMENTS / (columns + 1) + 1 : 1;
    struct buffer text = {0};
    int code = 0;
    for (int64_t row = 0; row < rows && !code; row += step) {
        buffer_clear(&text);
        csv_print_rows(type, words, row, row + step < rows ? row + step : rows, &text);
        code = output_write(output, buffer_text(&text), text.length, error);
    }
    buffer_release(&text);
    return code;
}

static int write_csv_file(const struct type *type, const uint64_t *words, const char *path,
                          struct error *error)
{
    struct output output;
    int code = output_open(&output, path, error);
    if (code)
        return code;
    code = write_csv(type, words, &output, error);
    if (code == 0)
        return output_commit(&output, error);
    output_abandon(&output);
    return code;
}

int result_write(const struct type *type, const uint64_t *words, const char *path,
                 struct error *error)
{
    if (has_suffix(path, ".npy"))
        return npy_write(path, type->element->scalar, type->rank, words, error);
    if (has_suffix(path, ".csv"))
        return write_csv_file(type, words, path, error);
    if (!has_suffix(path, ".json"))
        return raw_write(path, type->element->scalar, type->rank, words, error);
    struct buffer text = {0};
    result_print(type, words, &text);
    int code = file_write_atomically(path, buffer_text(&text), text.length, error);
    buffer_release(&text);
    return code;
}

void result_print(const struct type *type, const uint64_t *words, struct buffer *out)
{
    json_print(type, words, out);
    buffer_putc(out, '\n');
}
