/* Writing results; see result.h. */
#include "command/result.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
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
        return error_hint(error, "end the name in .json, .npy, or .raw for bytes");
    }
    if (!has_suffix(path, ".json") && !is_numeric_array(type)) {
        struct buffer text = {0};
        type_print(type, &text);
        error_set(error, ERR_bad_output, "a result of type %s does not fit into '%s'",
                  buffer_text(&text), path);
        error_hint(error, has_suffix(path, ".npy")
                              ? "a .npy file holds one array of numbers; write a .json file"
                              : "raw bytes hold one array of numbers; write a .json file");
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
    bool takes_pieces = is_numeric_array(type) && !has_suffix(path, ".json") && !is_special(path);
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

int result_write(const struct type *type, const uint64_t *words, const char *path,
                 struct error *error)
{
    if (has_suffix(path, ".npy"))
        return npy_write(path, type->element->scalar, type->rank, words, error);
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
