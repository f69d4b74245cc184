/* Manifests as text, and back; see manifest.h. */
#include "bundle/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "bundle/zip.h"

void manifest_init(struct manifest *manifest)
{
    *manifest = (struct manifest){.version = MANIFEST_VERSION};
    arena_init(&manifest->arena);
}

void manifest_release(struct manifest *manifest)
{
    vector_release(&manifest->parameters);
    vector_release(&manifest->tasks);
    vector_release(&manifest->files);
    arena_release(&manifest->arena);
}

const struct manifest_file *manifest_find(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->files.count; i++)
        if (strcmp(manifest->files.items[i].name, name) == 0)
            return &manifest->files.items[i];
    return NULL;
}

void manifest_hash(const void *data, size_t length, char hash[MANIFEST_HASH_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < (MANIFEST_HASH_TEXT - 1) / 2; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}

/* ---- Writing: one line for each parameter, task and file ------------------------------------- */

static void put_text(struct buffer *out, const char *key, const char *value)
{
    buffer_printf(out, "\"%s\": ", key);
    buffer_json_string(out, value, strlen(value));
}

static void put_line(struct buffer *out, const char *key, const char *value)
{
    buffer_puts(out, "  ");
    put_text(out, key, value);
    buffer_puts(out, ",\n");
}

/* What stands between two items of a list, and before the first. */
static void begin_item(struct buffer *out, size_t index)
{
    buffer_puts(out, index ? ",\n    {" : "\n    {");
}

static void end_list(struct buffer *out, size_t count)
{
    buffer_puts(out, count ? "\n  ]" : "]");
}

static void print_parameter(const struct manifest_parameter *p, struct buffer *out)
{
    put_text(out, "name", p->name);
    buffer_puts(out, ", ");
    put_text(out, "type", p->type);
    if (p->fallback) {
        buffer_puts(out, ", ");
        put_text(out, "default", p->fallback);
    }
    buffer_putc(out, '}');
}

static void put_amount(struct buffer *out, const char *key, uint64_t value)
{
    if (value)
        buffer_printf(out, ", \"%s\": %" PRIu64, key, value);
}

static void print_task(const struct manifest_task *t, struct buffer *out)
{
    put_text(out, "name", t->name);
    buffer_puts(out, ", ");
    put_text(out, "symbol", t->symbol);
    buffer_puts(out, ", ");
    put_text(out, "file", t->file);
    buffer_printf(out, ", \"line\": %" PRIu32, t->line);
    if (t->retries >= 0)
        buffer_printf(out, ", \"retries\": %" PRId32, t->retries);
    put_amount(out, "timeout_ns", t->timeout_ns);
    put_amount(out, "memory_bytes", t->memory_bytes);
    put_amount(out, "cost_ns", t->cost_ns);
    if (t->together)
        buffer_puts(out, ", \"together\": true");
    if (t->fallback) {
        buffer_puts(out, ", ");
        put_text(out, "fallback", t->fallback);
    }
    buffer_putc(out, '}');
}

static void print_file(const struct manifest_file *f, struct buffer *out)
{
    put_text(out, "name", f->name);
    buffer_printf(out, ", \"bytes\": %" PRIu64 ", ", f->bytes);
    put_text(out, "sha256", f->hash);
    buffer_putc(out, '}');
}

void manifest_print(const struct manifest *m, struct buffer *out)
{
    buffer_printf(out, "{\n  \"version\": %" PRIu32 ",\n", m->version);
    put_line(out, "compiler", m->compiler);
    buffer_printf(out, "  \"abi\": %" PRIu32 ",\n", m->abi);
    put_line(out, "target", m->target);
    put_line(out, "processor", m->processor);
    put_line(out, "program", m->program);
    buffer_printf(out, "  \"optimize\": %" PRIu32 ",\n", m->optimize);
    put_line(out, "result", m->result);
    buffer_printf(out, "  \"linear_algebra\": %s,\n", m->linear_algebra ? "true" : "false");
    buffer_puts(out, "  \"parameters\": [");
    for (size_t i = 0; i < m->parameters.count; i++) {
        begin_item(out, i);
        print_parameter(&m->parameters.items[i], out);
    }
    end_list(out, m->parameters.count);
    buffer_puts(out, ",\n  \"tasks\": [");
    for (size_t i = 0; i < m->tasks.count; i++) {
        begin_item(out, i);
        print_task(&m->tasks.items[i], out);
    }
    end_list(out, m->tasks.count);
    buffer_puts(out, ",\n  \"files\": [");
    for (size_t i = 0; i < m->files.count; i++) {
        begin_item(out, i);
        print_file(&m->files.items[i], out);
    }
    end_list(out, m->files.count);
    buffer_puts(out, "\n}\n");
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* The first mistake is kept; what follows it reads as absent. */
struct manifest_reader {
    struct manifest *manifest;
    const char *path;
    struct error *error;
    bool failed;
};

static void fail(struct manifest_reader *in, const char *key, const char *what)
{
    if (!in->failed)
        error_set(in->error, ERR_bad_bundle, "'%s' is damaged: its manifest's '%s' %s", in->path,
                  key, what);
    in->failed = true;
}

static const char *get_optional_text(struct manifest_reader *in, const json_t *object,
                                     const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return NULL;
    if (!json_is_string(value)) {
        fail(in, key, "is no text");
        return "";
    }
    return arena_text(&in->manifest->arena, json_string_value(value), json_string_length(value));
}

static const char *get_text(struct manifest_reader *in, const json_t *object, const char *key)
{
    const char *text = get_optional_text(in, object, key);
    if (!text)
        fail(in, key, "is missing");
    return text ? text : "";
}

/* A number from `low` to `high`; `absent` when it is not there. */
static int64_t get_number(struct manifest_reader *in, const json_t *object, const char *key,
                          int64_t low, int64_t high, int64_t absent)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return absent;
    int64_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= low && number <= high)
        return number;
    fail(in, key, "is no such number");
    return low;
}

static uint32_t get_count(struct manifest_reader *in, const json_t *object, const char *key)
{
    int64_t number = get_number(in, object, key, 0, UINT32_MAX, -1);
    if (number < 0)
        fail(in, key, "is missing");
    return number < 0 ? 0 : (uint32_t)number;
}

static bool get_truth(struct manifest_reader *in, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_boolean(value))
        fail(in, key, "is neither true nor false");
    return json_is_true(value);
}

static const json_t *get_list(struct manifest_reader *in, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_array(value))
        fail(in, key, "is no list");
    return value;
}

static void read_parameter(struct manifest_reader *in, const json_t *item)
{
    struct manifest_parameter p = {.name = get_text(in, item, "name"),
                                   .type = get_text(in, item, "type"),
                                   .fallback = get_optional_text(in, item, "default")};
    vector_push(&in->manifest->parameters, p);
}

static void read_task(struct manifest_reader *in, const json_t *item)
{
    struct manifest_task t = {
        .name = get_text(in, item, "name"),
        .symbol = get_text(in, item, "symbol"),
        .file = get_text(in, item, "file"),
        .line = get_count(in, item, "line"),
        .retries = (int32_t)get_number(in, item, "retries", 0, INT32_MAX, -1),
        .timeout_ns = (uint64_t)get_number(in, item, "timeout_ns", 0, INT64_MAX, 0),
        .memory_bytes = (uint64_t)get_number(in, item, "memory_bytes", 0, INT64_MAX, 0),
        .cost_ns = (uint64_t)get_number(in, item, "cost_ns", 0, INT64_MAX, 0),
        .together = get_truth(in, item, "together"),
        .fallback = get_optional_text(in, item, "fallback"),
    };
    vector_push(&in->manifest->tasks, t);
}

static void read_file(struct manifest_reader *in, const json_t *item)
{
    struct manifest_file f = {.name = get_text(in, item, "name")};
    f.bytes = (uint64_t)get_number(in, item, "bytes", 0, INT64_MAX, 0);
    const char *hash = get_text(in, item, "sha256");
    if (strlen(hash) != sizeof f.hash - 1 || strspn(hash, "0123456789abcdef") != sizeof f.hash - 1)
        fail(in, "sha256", "is none");
    else
        memcpy(f.hash, hash, sizeof f.hash);
    if (in->manifest->files.count >= ZIP_COUNT_LIMIT || manifest_find(in->manifest, f.name))
        fail(in, "files", "has one twice, or too many");
    vector_push(&in->manifest->files, f);
}

static void read_items(struct manifest_reader *in, const json_t *root, const char *key,
                       void (*read)(struct manifest_reader *in, const json_t *item))
{
    const json_t *list = get_list(in, root, key);
    for (size_t i = 0; i < json_array_size(list) && !in->failed; i++)
        read(in, json_array_get(list, i));
}

/* A later version may have other keys: nothing but its number is read. */
static bool read_version(struct manifest_reader *in, const json_t *root)
{
    in->manifest->version = get_count(in, root, "version");
    if (in->failed || in->manifest->version == MANIFEST_VERSION)
        return !in->failed;
    in->failed = true;
    error_set(in->error, ERR_bundle_version,
              "'%s' is a bundle of version %" PRIu32 ", and this wkc reads version %d", in->path,
              in->manifest->version, MANIFEST_VERSION);
    error_hint(in->error, in->manifest->version > MANIFEST_VERSION
                              ? "a newer wkc made it: install that"
                              : "compile the program again");
    return false;
}

static void read_manifest(struct manifest_reader *in, const json_t *root)
{
    struct manifest *m = in->manifest;
    if (!read_version(in, root))
        return;
    m->compiler = get_text(in, root, "compiler");
    m->abi = get_count(in, root, "abi");
    m->target = get_text(in, root, "target");
    m->processor = get_text(in, root, "processor");
    m->program = get_text(in, root, "program");
    m->optimize = get_count(in, root, "optimize");
    m->result = get_text(in, root, "result");
    m->linear_algebra = get_truth(in, root, "linear_algebra");
    read_items(in, root, "parameters", read_parameter);
    read_items(in, root, "tasks", read_task);
    read_items(in, root, "files", read_file);
}

int manifest_parse(struct manifest *manifest, const char *path, const struct buffer *text,
                   struct error *error)
{
    struct manifest_reader in = {.manifest = manifest, .path = path, .error = error};
    json_error_t problem;
    json_t *root = json_loadb(buffer_text(text), text->length, JSON_REJECT_DUPLICATES, &problem);
    if (root)
        read_manifest(&in, root);
    else
        error_set(error, ERR_bad_bundle, "'%s' is damaged: its manifest is no JSON: line %d: %s",
                  path, problem.line, problem.text);
    in.failed |= !root;
    json_decref(root);
    return in.failed ? (int)error->code : 0;
}
