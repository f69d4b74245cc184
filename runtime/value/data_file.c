/*
 * Input arrays: .npy files, raw bytes, and arrays given inline. Files are read with pread, never
 * mapped: a mapping of a file that somebody cuts off ends in SIGBUS. What identifies the file's
 * state (its size and its time of modification) is noted when it is opened and compared after each
 * read.
 */
#include "value/data_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "value/csv.h"
#include "value/json.h"
#include "value/npy.h"
#include "value/rectangle.h"
#include "value/value.h"

struct data_file {
    char *path; /* NULL: inline */
    struct rectangle_source source;
    enum wk_scalar scalar;
    bool swap;              /* bytes of each element are in the other order */
    bool is_read;           /* inline_data holds all elements */
    char *inline_data;      /* dense and row-major */
    struct wk_block *block; /* what it is all of; or NULL */
    struct context *context;
    struct stat opened; /* as it was found */
};

/* ---- Opening ------------------------------------------------------------------------------- */

static int refuse_unreadable(const char *path, const char *why, struct error *error)
{
    return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", path, why);
}

static int refuse_changed(const struct data_file *file, struct error *error)
{
    error_set(error, ERR_data_changed, "'%s' was changed while the job read it", file->path);
    return error_hint(error,
                      "run again when it is complete; replace inputs by renaming a new file");
}

static int check_unchanged(const struct data_file *file, int descriptor, struct error *error)
{
    struct stat now;
    if (fstat(descriptor, &now) < 0)
        return refuse_unreadable(file->path, strerror(errno), error);
    if (now.st_dev != file->opened.st_dev || now.st_ino != file->opened.st_ino ||
        now.st_size != file->opened.st_size || now.st_mtim.tv_sec != file->opened.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != file->opened.st_mtim.tv_nsec)
        return refuse_changed(file, error);
    return 0;
}

/* Files such as those of /proc say that they are empty, and are not: their parts cannot be found.
 */
static int check_empty(const struct data_file *file, const char *path, struct error *error)
{
    char byte;
    if (pread(file->source.file, &byte, 1, 0) <= 0)
        return 0;
    refuse_unreadable(path, "it has contents, but says that its size is 0", error);
    return error_hint(error, "inputs are read piecewise; copy it to a file first");
}

/* Opens without waiting (a pipe nobody writes to would block) what can be read piecewise. */
static int open_regular(struct data_file *file, const char *path, struct error *error)
{
    file->source.file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->source.file < 0 || fstat(file->source.file, &file->opened) < 0)
        return refuse_unreadable(path, strerror(errno), error);
    if (S_ISDIR(file->opened.st_mode))
        return refuse_unreadable(path, "it is a folder", error);
    if (!S_ISREG(file->opened.st_mode)) {
        refuse_unreadable(path, "it is not a regular file", error);
        return error_hint(error, "inputs are read piecewise; copy a stream to a file first");
    }
    return file->opened.st_size == 0 ? check_empty(file, path, error) : 0;
}

static int read_start(const struct data_file *file, unsigned char *bytes, size_t wanted,
                      size_t *got, struct error *error)
{
    *got = 0;
    while (*got < wanted) {
        ssize_t part = pread(file->source.file, bytes + *got, wanted - *got, (off_t)*got);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return refuse_unreadable(file->path, strerror(errno), error);
        if (part == 0)
            break;
        *got += (size_t)part;
    }
    return 0;
}

static int read_header(const struct data_file *file, struct npy_header *header, struct error *error)
{
    unsigned char prefix[NPY_PREFIX_BYTES], *bytes;
    size_t got;
    int code = read_start(file, prefix, sizeof prefix, &got, error);
    if (code)
        return code;
    size_t length = npy_header_bytes(prefix, got, file->path, error);
    if (length == 0)
        return (int)error->code;
    bytes = memory_new(length, 1);
    code = read_start(file, bytes, length, &got, error);
    if (code == 0)
        code = npy_read_header(bytes, got, file->path, header, error);
    free(bytes);
    return code;
}

static void print_shape(const int64_t *extents, unsigned rank, struct buffer *out)
{
    for (unsigned i = 0; i < rank; i++)
        buffer_printf(out, "%s%" PRId64, i ? " x " : "", extents[i]);
}

/* The data that the header promises must be there. */
static int check_size(const struct data_file *file, const struct npy_header *header,
                      struct error *error)
{
    uint64_t bytes, size = (uint64_t)file->opened.st_size;
    uint64_t left = size > header->data_offset ? size - header->data_offset : 0;
    uint32_t element = wk_scalar_bytes(header->scalar);
    if (shape_bytes(header->rank, header->extents, element, &bytes) && bytes <= left)
        return 0;
    struct buffer shape = {0};
    print_shape(header->extents, header->rank, &shape);
    error_set(error, ERR_data_truncated,
              "'%s' is cut off: its header promises %s elements of %u bytes, but %" PRIu64
              " bytes follow it",
              file->path, buffer_text(&shape), element, left);
    buffer_release(&shape);
    return (int)error->code;
}

static int check_rank(const char *path, unsigned rank, const struct type *type, struct error *error)
{
    if (rank == type->rank)
        return 0;
    struct buffer text = {0};
    type_print_brief(type, &text);
    error_set(error, ERR_data_rank, "'%s' has %u dimension%s, but the parameter is %s", path, rank,
              rank == 1 ? "" : "s", buffer_text(&text));
    buffer_release(&text);
    if (rank == 0)
        return error_hint(error, "it holds a single number: save a.reshape(1), or declare a "
                                 "parameter of the scalar type and give the number itself");
    return error_hint(error, "declare the parameter with %u dimension%s, or reshape the data", rank,
                      rank == 1 ? "" : "s");
}

static int check_scalar(const char *path, enum wk_scalar found, enum wk_scalar wanted,
                        struct error *error)
{
    if (found == wanted)
        return 0;
    error_set(error, ERR_data_type, "'%s' holds elements of type %s, but the parameter's are %s",
              path, type_scalar_name(found), type_scalar_name(wanted));
    return error_hint(error, "declare the parameter as %s, or save the data with astype(\"%s\")",
                      type_scalar_name(found), type_scalar_name(wanted));
}

static int open_npy(struct data_file *file, const struct type *type, struct error *error)
{
    struct npy_header header;
    int code = read_header(file, &header, error);
    if (code == 0)
        code = check_size(file, &header, error);
    if (code == 0)
        code = check_scalar(file->path, header.scalar, type->element->scalar, error);
    if (code == 0)
        code = check_rank(file->path, header.rank, type, error);
    if (code)
        return code;
    file->swap = header.swap;
    file->source.offset = header.data_offset;
    file->source.fortran = header.fortran;
    memcpy(file->source.extents, header.extents, sizeof header.extents);
    return 0;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), end = strlen(suffix);
    return length >= end && strcmp(path + length - end, suffix) == 0;
}

/* The whole file, with a zero byte behind it; free it. */
static int read_all(const struct data_file *file, char **text, struct error *error)
{
    size_t size = (size_t)file->opened.st_size, got;
    *text = memory_try(size + 1, 1);
    if (!*text)
        return error_set(error, ERR_out_of_memory, "there is no memory to read '%s'", file->path);
    int code = read_start(file, (unsigned char *)*text, size, &got, error);
    if (code == 0 && got < size)
        code = refuse_changed(file, error);
    (*text)[got] = 0;
    return code;
}

/* What cannot be text of UTF-8 in ways that deserve a word: another encoding, or no text at all. */
static int check_text(const struct data_file *file, const char *text, struct error *error)
{
    size_t size = (size_t)file->opened.st_size;
    bool is_utf16 =
        size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
    const char *zero = memchr(text, 0, size);
    if (is_utf16) {
        error_set(error, ERR_not_text, "'%s' is UTF-16", file->path);
        return error_hint(error, "save it as UTF-8: iconv -f UTF-16 -t UTF-8");
    }
    if (!zero)
        return 0;
    uint64_t line = 1;
    const char *begin = text;
    for (const char *at = text; (at = memchr(at, '\n', (size_t)(zero - at))); line++)
        begin = ++at;
    return error_set(error, ERR_not_text,
                     "'%s', line %" PRIu64 ", column %td: a zero byte, which no text has",
                     file->path, line, zero - begin + 1);
}

/* All of a text; free it in any case. */
static int read_text(const struct data_file *file, char **text, struct error *error)
{
    int code = read_all(file, text, error);
    code = code ? code : check_text(file, *text, error);
    return code ? code : check_unchanged(file, file->source.file, error);
}

static int open_json(struct data_file *file, const struct type *type, struct error *error)
{
    char *text;
    void *data = NULL;
    int code = read_text(file, &text, error);
    code =
        code ? code : json_read_array(text, file->path, type, file->source.extents, &data, error);
    free(text);
    file->inline_data = data;
    return code;
}

/* A table that cannot be read may be no text at all, which is then the better message. */
static int refuse_table(const struct data_file *file, struct error *error)
{
    char *text;
    struct error better;
    if (read_all(file, &text, &better) == 0 && check_text(file, text, &better))
        *error = better;
    free(text);
    return (int)error->code;
}

static int open_csv(struct data_file *file, const struct type *type, uint32_t threads,
                    struct error *error)
{
    struct csv_source source = {.name = file->path,
                                .file = file->source.file,
                                .length = (uint64_t)file->opened.st_size,
                                .threads = threads};
    void *data;
    int code = csv_read_array(&source, type, file->source.extents, &data, error);
    file->inline_data = data;
    if (code == ERR_csv_field || code == ERR_csv_malformed)
        return refuse_table(file, error);
    return code ? code : check_unchanged(file, file->source.file, error);
}

/* Formats in which the place of an element is not known before all is read. */
static int open_text(struct data_file *file, const struct type *type, uint32_t threads,
                     struct error *error)
{
    int code = has_suffix(file->path, ".csv") ? open_csv(file, type, threads, error)
                                              : open_json(file, type, error);
    file->is_read = true;
    return code;
}

static int open_data(struct data_file *file, const char *path, const struct type *type,
                     uint32_t threads, struct error *error)
{
    int code = open_regular(file, path, error);
    if (code)
        return code;
    if (!type_is_bytes(type) && (has_suffix(path, ".csv") || has_suffix(path, ".json")))
        return open_text(file, type, threads, error);
    if (has_suffix(path, ".npy") || !type_is_bytes(type))
        return open_npy(file, type, error);
    file->source.extents[0] = file->opened.st_size;
    return 0;
}

static struct data_file *new_file(const struct type *type)
{
    if (type->kind != TYPE_ARRAY || type->element->kind != TYPE_SCALAR)
        bug("a file for a parameter that is no array of scalars");
    struct data_file *file = memory_new(1, sizeof *file);
    file->scalar = type->element->scalar;
    file->source.file = -1;
    file->source.rank = type->rank;
    file->source.element_bytes = wk_scalar_bytes(file->scalar);
    return file;
}

struct data_file *data_file_open(const char *path, const struct type *type, uint32_t threads,
                                 struct error *error)
{
    struct data_file *file = new_file(type);
    file->path = memory_new(strlen(path) + 1, 1);
    strcpy(file->path, path);
    if (open_data(file, path, type, threads, error) == 0)
        return file;
    data_file_close(file);
    return NULL;
}

struct data_file *data_file_open_bytes(const char *path, bool keep_open, struct error *error)
{
    struct data_file *file = memory_new(1, sizeof *file);
    file->scalar = WK_U8;
    file->source = (struct rectangle_source){.file = -1, .rank = 1, .element_bytes = 1};
    file->path = memory_new(strlen(path) + 1, 1);
    strcpy(file->path, path);
    if (open_regular(file, path, error)) {
        data_file_close(file);
        return NULL;
    }
    file->source.extents[0] = file->opened.st_size;
    if (!keep_open) {
        close(file->source.file);
        file->source.file = -1;
    }
    return file;
}

struct data_file *data_file_inline(const char *text, const struct type *type, struct error *error)
{
    struct data_file *file = new_file(type);
    void *data;
    if (json_read_array(text, NULL, type, file->source.extents, &data, error) == 0) {
        file->inline_data = data;
        return file;
    }
    data_file_close(file);
    return NULL;
}

struct data_file *data_file_of_block(struct wk_block *block, struct context *context)
{
    struct data_file *file = memory_new(1, sizeof *file);
    file->block = block;
    file->context = context;
    file->source = (struct rectangle_source){.file = -1, .rank = block->rank};
    memcpy(file->source.extents, block->extents, sizeof block->extents);
    return file;
}

struct wk_block *data_file_block(const struct data_file *file)
{
    return file->block;
}

int data_file_read_text(const char *path, char **text, size_t *length, struct error *error)
{
    *text = NULL;
    struct data_file *file = data_file_open_bytes(path, true, error);
    if (!file)
        return (int)error->code;
    *length = (size_t)file->opened.st_size;
    int code = read_text(file, text, error);
    data_file_close(file);
    if (!code)
        return 0;
    free(*text);
    *text = NULL;
    return code;
}

struct data_file *data_file_remote(const char *name, struct rectangle_reader *reader,
                                   enum wk_scalar scalar, uint8_t rank, const int64_t *extents)
{
    struct data_file *file = memory_new(1, sizeof *file);
    file->scalar = scalar;
    file->source = (struct rectangle_source){
        .file = -1, .reader = reader, .rank = rank, .element_bytes = wk_scalar_bytes(scalar)};
    memcpy(file->source.extents, extents, rank * sizeof *extents);
    file->path = memory_new(strlen(name) + 1, 1);
    strcpy(file->path, name);
    return file;
}

void data_file_close(struct data_file *file)
{
    if (!file)
        return;
    if (file->block)
        context_drop(file->context, file->block);
    if (file->source.file >= 0)
        close(file->source.file);
    free(file->path);
    free(file->inline_data);
    free(file);
}

const char *data_file_path(const struct data_file *file)
{
    return file->path;
}

const int64_t *data_file_extents(const struct data_file *file)
{
    return file->source.extents;
}

const void *data_file_elements(const struct data_file *file)
{
    bool is_aligned = (uintptr_t)file->inline_data % WK_ALIGN == 0;
    return is_aligned ? file->inline_data : NULL;
}

/* ---- Reading ------------------------------------------------------------------------------- */

#define SWAP_ALL(type, swap)                                                                       \
    for (uint64_t i = 0; i < count; i++) {                                                         \
        type element;                                                                              \
        memcpy(&element, data + i * sizeof element, sizeof element);                               \
        element = swap(element);                                                                   \
        memcpy(data + i * sizeof element, &element, sizeof element);                               \
    }

static void swap_elements(char *data, uint64_t count, uint32_t bytes)
{
    switch (bytes) {
    case 2:
        SWAP_ALL(uint16_t, __builtin_bswap16)
        return;
    case 4:
        SWAP_ALL(uint32_t, __builtin_bswap32)
        return;
    case 8:
        SWAP_ALL(uint64_t, __builtin_bswap64)
        return;
    }
    bug("elements of %u bytes have no byte order", bytes);
}

static uint64_t element_count(const struct data_file *file, const int64_t *begin,
                              const int64_t *count)
{
    uint64_t elements = 1;
    for (unsigned i = 0; i < file->source.rank; i++) {
        if (begin[i] < 0 || count[i] < 0 || begin[i] > file->source.extents[i] - count[i])
            bug("a piece of an input that lies outside of it");
        elements *= (uint64_t)count[i];
    }
    return elements;
}

/* Other programs' bools may be any byte; ours are 0 and 1. */
static void adapt_elements(const struct data_file *file, char *out, uint64_t elements)
{
    if (file->swap)
        swap_elements(out, elements, file->source.element_bytes);
    for (uint64_t i = 0; file->scalar == WK_BOOL && i < elements; i++)
        out[i] = out[i] != 0;
}

static void read_inline(const struct data_file *file, const int64_t *begin, const int64_t *count,
                        unsigned dimension, const char *from, char **out)
{
    uint64_t below = file->source.element_bytes;
    for (unsigned i = dimension + 1; i < file->source.rank; i++)
        below *= (uint64_t)file->source.extents[i];
    for (int64_t i = 0; i < count[dimension]; i++) {
        const char *item = from + (uint64_t)(begin[dimension] + i) * below;
        if (dimension + 1 < file->source.rank) {
            read_inline(file, begin, count, dimension + 1, item, out);
        } else {
            memcpy(*out, item, below);
            *out += below;
        }
    }
}

/* Reads from a file by this descriptor, which is the handle's or was opened for this read. */
static int read_pieces(const struct data_file *file, int descriptor, const int64_t *begin,
                       const int64_t *count, void *out, struct error *error)
{
    struct rectangle_source source = file->source;
    source.file = descriptor;
    switch (rectangle_read(&source, begin, count, out)) {
    case RECTANGLE_OK:
        break;
    case RECTANGLE_SHORT:
        return refuse_changed(file, error);
    case RECTANGLE_FAILED:
        return refuse_unreadable(file->path, strerror(errno), error);
    case RECTANGLE_NO_MEMORY:
        return error_set(error, ERR_out_of_memory, "there is no memory to read '%s'", file->path);
    }
    return source.reader ? 0 : check_unchanged(file, descriptor, error);
}

int data_file_read(struct data_file *file, const int64_t *begin, const int64_t *count, void *out,
                   struct error *error)
{
    uint64_t elements = element_count(file, begin, count);
    if (!file->path || file->is_read) {
        char *to = out;
        if (elements)
            read_inline(file, begin, count, 0, file->inline_data, &to);
        return 0;
    }
    if (file->source.reader)
        return read_pieces(file, -1, begin, count, out, error);
    int descriptor = file->source.file;
    if (descriptor < 0)
        descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return refuse_unreadable(file->path, strerror(errno), error);
    int code = read_pieces(file, descriptor, begin, count, out, error);
    if (file->source.file < 0)
        close(descriptor);
    adapt_elements(file, out, code ? 0 : elements);
    return code;
}
