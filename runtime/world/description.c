/* Descriptions as bytes; see description.h. A version, then the fields in their order. */
#include "world/description.h"

#include <string.h>

#include "graph/formula.h"
#include "graph/platform.h"

enum { VERSION = 6 };

/* ---- Writing ------------------------------------------------------------------------------- */

static void write_word(struct buffer *out, uint64_t word)
{
    buffer_append(out, &word, sizeof word);
}

static void write_text(struct buffer *out, const char *text, uint64_t length)
{
    write_word(out, length);
    buffer_append(out, text, length);
}

/* Of a file list, extents[0] says how many words there are. */
static void write_argument(struct buffer *out, const struct flow_argument *argument)
{
    write_word(out, argument->given);
    write_word(out, argument->word);
    buffer_append(out, argument->extents, sizeof argument->extents);
    write_word(out, argument->text != NULL);
    if (argument->text)
        write_text(out, argument->text, argument->length);
    uint64_t words = argument->words ? (uint64_t)argument->extents[0] : 0;
    write_word(out, argument->words != NULL);
    for (uint64_t i = 0; i < words; i++)
        write_word(out, argument->words[i]);
}

/* A name, and the settings of platform.def. */
static void write_platform(struct buffer *out, const struct platform *platform)
{
    write_text(out, platform ? platform->name : "", platform ? strlen(platform->name) : 0);
    if (!platform)
        return;
#define FIGURE(name, type, unit, text)
#define SETTING(name, type, unit, text) write_word(out, platform->name);
#include "graph/platform.def"
#undef FIGURE
}

static void write_measured(struct buffer *out, const struct plan_measured *measured)
{
    const char *const texts[] = {measured->task, measured->symbol, measured->members,
                                 measured->formula};
    const double numbers[] = {measured->count, measured->ns, measured->formula_ns};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        write_text(out, texts[i], strlen(texts[i]));
    buffer_append(out, numbers, sizeof numbers);
}

void description_write(const struct description *d, struct buffer *out)
{
    write_word(out, VERSION);
    buffer_append(out, d->program, DESCRIPTION_DIGEST);
    write_word(out, d->argument_count);
    for (uint32_t i = 0; i < d->argument_count; i++)
        write_argument(out, &d->arguments[i]);
    for (uint32_t i = 0; i < d->argument_count; i++)
        write_word(out, d->block_bytes ? d->block_bytes[i] : 0);
    write_word(out, d->file_count);
    for (uint32_t i = 0; i < d->file_count; i++) {
        write_text(out, d->files[i].name, strlen(d->files[i].name));
        write_word(out, (uint64_t)d->files[i].size);
    }
    write_word(out, d->max_tasks);
    write_word(out, d->max_steps);
    write_word(out, d->inline_bytes);
    write_word(out, d->grain);
    write_word(out, d->lease_ms);
    write_word(out, d->delay_ms);
    write_word(out, d->without);
    write_word(out, d->counts);
    write_platform(out, d->platform);
    write_text(out, d->disabled ? d->disabled : "", d->disabled ? strlen(d->disabled) : 0);
    write_word(out, d->level);
    write_word(out, d->measured_count);
    for (uint32_t i = 0; i < d->measured_count; i++)
        write_measured(out, &d->measured[i]);
    write_word(out, d->plan_bytes);
    buffer_append(out, d->plan_digest, sizeof d->plan_digest);
}

struct plan_options description_plan_options(const struct description *d)
{
    return (struct plan_options){.platform = d->platform,
                                 .level = (int)d->level,
                                 .disabled = d->disabled,
                                 .measured = d->measured,
                                 .measured_count = d->measured_count};
}

/* ---- Reading ------------------------------------------------------------------------------- */

struct reader {
    const char *at, *end;
    struct arena *arena;
    bool failed;         /* what was read since is zero */
    const char *unknown; /* a platform of this name; or NULL */
};

static const char *read_bytes(struct reader *r, uint64_t length)
{
    const char *at = r->at;
    if (r->failed || length > (uint64_t)(r->end - r->at)) {
        r->failed = true;
        return NULL;
    }
    r->at += length;
    return at;
}

static uint64_t read_word(struct reader *r)
{
    uint64_t word = 0;
    const char *bytes = read_bytes(r, sizeof word);
    if (bytes)
        memcpy(&word, bytes, sizeof word);
    return word;
}

static uint32_t read_number(struct reader *r)
{
    uint64_t word = read_word(r);
    r->failed |= word > UINT32_MAX;
    return (uint32_t)word;
}

/* How many of what takes at least `bytes` each: no more than there is room for. */
static uint64_t read_count(struct reader *r, uint64_t bytes)
{
    uint64_t count = read_word(r);
    if (count > (uint64_t)(r->end - r->at) / bytes || count > UINT32_MAX)
        r->failed = true;
    return r->failed ? 0 : count;
}

static const char *read_text(struct reader *r, uint64_t *length)
{
    *length = read_word(r);
    const char *bytes = read_bytes(r, *length);
    return bytes ? arena_text(r->arena, bytes, *length) : NULL;
}

static const uint64_t *read_words(struct reader *r, uint64_t count)
{
    const char *bytes = count <= (uint64_t)(r->end - r->at) / 8 ? read_bytes(r, count * 8) : NULL;
    r->failed |= !bytes;
    return bytes ? arena_copy(r->arena, bytes, count * 8) : NULL;
}

static void read_argument(struct reader *r, struct flow_argument *argument)
{
    argument->given = read_word(r) != 0;
    argument->word = read_word(r);
    const char *extents = read_bytes(r, sizeof argument->extents);
    if (extents)
        memcpy(argument->extents, extents, sizeof argument->extents);
    if (read_word(r))
        argument->text = read_text(r, &argument->length);
    if (read_word(r))
        argument->words = read_words(r, (uint64_t)argument->extents[0]);
}

static void read_arguments(struct reader *r, struct description *d)
{
    d->argument_count = (uint32_t)read_count(r, sizeof(uint64_t));
    struct flow_argument *arguments =
        arena_array(r->arena, struct flow_argument, d->argument_count + 1);
    for (uint32_t i = 0; i < d->argument_count; i++)
        read_argument(r, &arguments[i]);
    d->arguments = arguments;
    uint64_t *block_bytes = arena_array(r->arena, uint64_t, d->argument_count + 1);
    for (uint32_t i = 0; i < d->argument_count; i++)
        block_bytes[i] = read_word(r);
    d->block_bytes = block_bytes;
}

static void read_files(struct reader *r, struct description *d)
{
    d->file_count = (uint32_t)read_count(r, sizeof(uint64_t));
    struct flow_file *files = arena_array(r->arena, struct flow_file, d->file_count + 1);
    for (uint32_t i = 0; i < d->file_count; i++) {
        uint64_t length;
        files[i].name = read_text(r, &length);
        files[i].size = (int64_t)read_word(r);
        r->failed |= files[i].size < 0;
    }
    d->files = files;
}

static void read_measured(struct reader *r, struct description *d)
{
    enum { TEXTS = 4, NUMBERS = 3 };
    d->measured_count = (uint32_t)read_count(r, (TEXTS + NUMBERS) * sizeof(uint64_t));
    struct plan_measured *measured =
        arena_array(r->arena, struct plan_measured, d->measured_count + 1);
    for (uint32_t i = 0; i < d->measured_count; i++) {
        const char *texts[TEXTS];
        double numbers[NUMBERS] = {0};
        uint64_t length;
        for (int t = 0; t < TEXTS; t++)
            texts[t] = read_text(r, &length);
        const char *bytes = read_bytes(r, sizeof numbers);
        if (bytes)
            memcpy(numbers, bytes, sizeof numbers);
        for (int n = 0; n < NUMBERS; n++)
            r->failed |= !(numbers[n] >= 0 && numbers[n] <= FORMULA_MOST);
        r->failed |= !(numbers[0] >= 1);
        measured[i] = (struct plan_measured){.task = texts[0],
                                             .symbol = texts[1],
                                             .members = texts[2],
                                             .formula = texts[3],
                                             .count = numbers[0],
                                             .ns = numbers[1],
                                             .formula_ns = numbers[2]};
    }
    d->measured = measured;
}

/* A setting that its type cannot hold, or no plan could be made with, is no setting. */
static void read_platform(struct reader *r, struct description *d)
{
    uint64_t length;
    const char *name = read_text(r, &length);
    if (r->failed || length == 0)
        return;
    const struct platform *model = platform_find(name);
    struct platform *platform = arena_new(r->arena, struct platform);
    *platform = model ? *model : *platform_at(0);
    r->unknown = model ? NULL : name;
#define FIGURE(name, type, unit, text)
#define SETTING(name, type, unit, text)                                                            \
    {                                                                                              \
        uint64_t word = read_word(r);                                                              \
        platform->name = (type)word;                                                               \
        r->failed |= platform->name != word;                                                       \
    }
#include "graph/platform.def"
#undef FIGURE
    r->failed |= !platform_is_possible(platform);
    d->platform = platform;
}

static void read_plan(struct reader *r, struct description *d)
{
    uint64_t length;
    read_platform(r, d);
    d->disabled = read_text(r, &length);
    d->disabled = length ? d->disabled : NULL;
    d->level = read_number(r);
    r->failed |= d->level > INT32_MAX;
    read_measured(r, d);
    d->plan_bytes = read_word(r);
    r->failed |= d->plan_bytes > PLAN_MOST_BYTES;
    const char *digest = read_bytes(r, sizeof d->plan_digest);
    if (digest)
        memcpy(d->plan_digest, digest, sizeof d->plan_digest);
}

int description_read(const void *bytes, size_t length, struct arena *arena, struct description *d,
                     struct error *error)
{
    struct reader r = {.at = bytes, .end = (const char *)bytes + length, .arena = arena};
    *d = (struct description){0};
    uint64_t version = read_word(&r);
    if (!r.failed && version != VERSION)
        return error_set(error, ERR_bad_description,
                         "the job's description is of version %llu; this executor reads %d",
                         (unsigned long long)version, VERSION);
    const char *program = read_bytes(&r, DESCRIPTION_DIGEST);
    if (program)
        memcpy(d->program, program, DESCRIPTION_DIGEST);
    read_arguments(&r, d);
    read_files(&r, d);
    d->max_tasks = read_word(&r);
    d->max_steps = read_word(&r);
    d->inline_bytes = read_word(&r);
    d->grain = read_number(&r);
    d->lease_ms = read_number(&r);
    d->delay_ms = read_number(&r);
    d->without = read_number(&r);
    d->counts = read_word(&r) != 0;
    read_plan(&r, d);
    if (r.failed || r.at != r.end)
        return error_set(error, ERR_bad_description, "the job's description is cut off");
    if (!r.unknown)
        return 0;
    return error_set(
        error, ERR_bad_description,
        "the job's description names a platform '%s', which this executor does not know",
        r.unknown);
}
