/*
 * What tests/interop/npy.py calls through ctypes: runtime/value with types given as text and errors
 * handed back as one line, "CODE message". The script compiles it with the archives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/data_file.h"
#include "value/json.h"
#include "value/npy.h"
#include "value/semantics.h"
#include "value/value.h"

enum { LINE_BYTES = 2048, TEXT_BYTES = 32 };

static struct arena arena;
static struct type_table table;

void shim_begin(void);
struct data_file *shim_open(const char *path, const char *type, char *line);
struct data_file *shim_inline(const char *text, const char *type, char *line);
int shim_read(struct data_file *file, const int64_t *begin, const int64_t *count, void *out,
              char *line);
int shim_write(const char *path, int scalar, int rank, const uint64_t *words, char *line);
void shim_print(int scalar, int64_t count, const uint64_t *words, char *texts);
int shim_read_scalar(int scalar, const char *text, uint64_t *word, char *line);
char *shim_json(const char *type, const uint64_t *words);

void shim_begin(void)
{
    arena_init(&arena);
    type_table_init(&table, &arena);
}

static void fill_line(char *line, const struct error *error)
{
    snprintf(line, LINE_BYTES, "%s %s", error_code_text(error->code), error->message);
}

struct data_file *shim_open(const char *path, const char *type, char *line)
{
    struct error error;
    struct data_file *file = data_file_open(path, type_parse(&table, type), 1, &error);
    if (!file)
        fill_line(line, &error);
    return file;
}

struct data_file *shim_inline(const char *text, const char *type, char *line)
{
    struct error error;
    struct data_file *file = data_file_inline(text, type_parse(&table, type), &error);
    if (!file)
        fill_line(line, &error);
    return file;
}

int shim_read(struct data_file *file, const int64_t *begin, const int64_t *count, void *out,
              char *line)
{
    struct error error;
    int code = data_file_read(file, begin, count, out, &error);
    if (code)
        fill_line(line, &error);
    return code;
}

int shim_write(const char *path, int scalar, int rank, const uint64_t *words, char *line)
{
    struct error error;
    int code = npy_write(path, (enum wk_scalar)scalar, (uint8_t)rank, words, &error);
    if (code)
        fill_line(line, &error);
    return code;
}

void shim_print(int scalar, int64_t count, const uint64_t *words, char *texts)
{
    for (int64_t i = 0; i < count; i++)
        semantics_print((enum wk_scalar)scalar, words[i], texts + i * TEXT_BYTES);
}

int shim_read_scalar(int scalar, const char *text, uint64_t *word, char *line)
{
    struct error error;
    int code = semantics_read((enum wk_scalar)scalar, text, word, &error);
    if (code)
        fill_line(line, &error);
    return code;
}

/* The caller frees the text with free(). */
char *shim_json(const char *type, const uint64_t *words)
{
    struct buffer out = {0};
    json_print(type_parse(&table, type), words, &out);
    return out.data;
}
