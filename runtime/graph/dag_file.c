/*
 * Stored DAGs: spec/dag.md. A header with the counts, then the tables as they are in memory, each
 * at a multiple of 64 bytes.
 *
 * A file is read into memory of its own rather than mapped: verifying touches every page anyway,
 * and a mapped file that somebody cuts short while it is in use ends the process with SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "graph/arguments.h"

enum table {
    NODES,
    REFS,
    WORDS,
    CHILDREN,
    PATTERNS,
    PATTERN_CODES,
    VIEWS,
    VIEW_WORDS,
    CONSTANTS,
    DATA,
    INPUTS,
    TASKS,
    SITES,
    SCOPES,
    STRINGS,
    TABLE_COUNT
};

static const char magic[8] = "WKCDAG1";

struct header {
    char magic[8];
    uint64_t part_count;
    uint64_t counts[TABLE_COUNT];
};

static const size_t sizes[TABLE_COUNT] = {[NODES] = sizeof(struct dag_node),
                                          [REFS] = sizeof(dag_ref),
                                          [WORDS] = sizeof(uint64_t),
                                          [CHILDREN] = sizeof(struct dag_child),
                                          [PATTERNS] = sizeof(uint32_t),
                                          [PATTERN_CODES] = sizeof(uint32_t),
                                          [VIEWS] = sizeof(struct dag_view),
                                          [VIEW_WORDS] = sizeof(int64_t),
                                          [CONSTANTS] = sizeof(struct dag_constant),
                                          [DATA] = 1,
                                          [INPUTS] = sizeof(struct dag_input),
                                          [TASKS] = sizeof(struct dag_task),
                                          [SITES] = sizeof(struct dag_site),
                                          [SCOPES] = sizeof(struct dag_scope),
                                          [STRINGS] = 1};

static uint64_t aligned(uint64_t offset)
{
    return (offset + WK_ALIGN - 1) & ~(uint64_t)(WK_ALIGN - 1);
}

/* ---- Writing -----------------------------------------------------------------------------------
 */

static struct header make_header(const struct dag *dag)
{
    const struct dag_node *last = &dag->nodes[dag->node_count];
    struct header header = {.part_count = dag->part_count,
                            .counts = {[NODES] = (uint64_t)dag->node_count + 1,
                                       [REFS] = last->first_ref,
                                       [WORDS] = last->first_word,
                                       [CHILDREN] = last->first_child,
                                       [PATTERNS] = (uint64_t)dag->pattern_count + 1,
                                       [PATTERN_CODES] = dag->patterns[dag->pattern_count],
                                       [VIEWS] = dag->view_count,
                                       [VIEW_WORDS] = dag->view_word_count,
                                       [CONSTANTS] = dag->constant_count,
                                       [DATA] = dag->data_bytes,
                                       [INPUTS] = dag->input_count,
                                       [TASKS] = dag->task_count,
                                       [SITES] = dag->site_count,
                                       [SCOPES] = dag->scope_count,
                                       [STRINGS] = dag->string_bytes}};
    memcpy(header.magic, magic, sizeof magic);
    return header;
}

static const void *table_of(const struct dag *dag, enum table table)
{
    const void *const tables[TABLE_COUNT] = {
        dag->nodes,         dag->refs,  dag->words,      dag->children,  dag->patterns,
        dag->pattern_codes, dag->views, dag->view_words, dag->constants, dag->data,
        dag->inputs,        dag->tasks, dag->sites,      dag->scopes,    dag->strings};
    return tables[table];
}

/* The bytes, and zeros up to the next table. */
static int write_padded(struct output *output, const void *data, uint64_t bytes,
                        struct error *error)
{
    static const char zeros[WK_ALIGN];
    int code = bytes ? output_write(output, data, bytes, error) : 0;
    return code ? code : output_write(output, zeros, aligned(bytes) - bytes, error);
}

int dag_store(const struct dag *dag, const char *path, struct error *error)
{
    struct header header = make_header(dag);
    struct output output;
    int code = output_open(&output, path, error);
    if (code)
        return code;
    code = write_padded(&output, &header, sizeof header, error);
    for (int t = 0; t < TABLE_COUNT && !code; t++)
        code =
            write_padded(&output, table_of(dag, (enum table)t), header.counts[t] * sizes[t], error);
    return code ? (output_abandon(&output), code) : output_commit(&output, error);
}

/* ---- Reading -----------------------------------------------------------------------------------
 */

static int read_error(const char *path, struct error *error)
{
    return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", path, strerror(errno));
}

/* What is missing at the end stays zero; the caller sees that from the header. */
static int read_all(int file, char *memory, size_t bytes, const char *path, struct error *error)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t count = pread(file, memory + at, bytes - at, (off_t)at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return read_error(path, error);
        if (count == 0)
            return error_set(error, ERR_bad_dag, "D0: '%s' became shorter while it was read", path);
        at += (size_t)count;
    }
    return 0;
}

static int load_file(struct dag *dag, int file, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(file, &status) < 0)
        return read_error(path, error);
    if (!S_ISREG(status.st_mode) || (size_t)status.st_size < sizeof(struct header))
        return error_set(error, ERR_bad_dag, "D0: '%s' is too short for a graph", path);
    size_t bytes = (size_t)status.st_size;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return error_set(error, ERR_out_of_memory, "no memory for the graph in '%s'", path);
    *dag = (struct dag){.memory = memory, .memory_bytes = bytes, .is_mapped = true};
    return read_all(file, memory, bytes, path, error);
}

/* Where each table begins; false unless all fill the file exactly. */
static bool find_tables(const struct header *header, uint64_t file_bytes, uint64_t *offsets)
{
    uint64_t at = aligned(sizeof *header);
    for (int t = 0; t < TABLE_COUNT; t++) {
        uint64_t bytes;
        if (__builtin_mul_overflow(header->counts[t], sizes[t], &bytes) || at > file_bytes ||
            bytes > file_bytes - at)
            return false;
        offsets[t] = at;
        at = aligned(at + bytes);
    }
    return at == file_bytes;
}

static bool fits_32_bits(const struct header *header)
{
    static const enum table counted[] = {PATTERNS, VIEWS, CONSTANTS, INPUTS, TASKS, SITES, SCOPES};
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        if (header->counts[counted[i]] > UINT32_MAX)
            return false;
    return header->counts[NODES] >= 2 && header->counts[NODES] <= (uint64_t)DAG_MAX_NODES + 1 &&
           header->counts[PATTERNS] >= 1;
}

static void set_tables(struct dag *dag, const struct header *h, const uint64_t *offsets)
{
    const char *base = dag->memory;
    dag->nodes = (const void *)(base + offsets[NODES]);
    dag->refs = (const void *)(base + offsets[REFS]);
    dag->words = (const void *)(base + offsets[WORDS]);
    dag->children = (const void *)(base + offsets[CHILDREN]);
    dag->patterns = (const void *)(base + offsets[PATTERNS]);
    dag->pattern_codes = (const void *)(base + offsets[PATTERN_CODES]);
    dag->views = (const void *)(base + offsets[VIEWS]);
    dag->view_words = (const void *)(base + offsets[VIEW_WORDS]);
    dag->constants = (const void *)(base + offsets[CONSTANTS]);
    dag->data = base + offsets[DATA];
    dag->inputs = (const void *)(base + offsets[INPUTS]);
    dag->tasks = (const void *)(base + offsets[TASKS]);
    dag->sites = (const void *)(base + offsets[SITES]);
    dag->scopes = (const void *)(base + offsets[SCOPES]);
    dag->strings = base + offsets[STRINGS];
    dag->node_count = (uint32_t)h->counts[NODES] - 1;
    dag->pattern_count = (uint32_t)h->counts[PATTERNS] - 1;
    dag->view_count = (uint32_t)h->counts[VIEWS];
    dag->constant_count = (uint32_t)h->counts[CONSTANTS];
    dag->input_count = (uint32_t)h->counts[INPUTS];
    dag->task_count = (uint32_t)h->counts[TASKS];
    dag->site_count = (uint32_t)h->counts[SITES];
    dag->scope_count = (uint32_t)h->counts[SCOPES];
    dag->view_word_count = h->counts[VIEW_WORDS];
    dag->data_bytes = h->counts[DATA];
    dag->string_bytes = h->counts[STRINGS];
    dag->part_count = h->part_count;
}

/* The tables' sizes, as the tables say them that point into others. */
static bool sizes_agree(const struct dag *dag, const struct header *header)
{
    const struct dag_node *last = &dag->nodes[dag->node_count];
    return last->first_ref == header->counts[REFS] && last->first_word == header->counts[WORDS] &&
           last->first_child == header->counts[CHILDREN] &&
           dag->patterns[dag->pattern_count] == header->counts[PATTERN_CODES];
}

static int open_tables(struct dag *dag, const char *path, struct error *error)
{
    struct header header;
    uint64_t offsets[TABLE_COUNT];
    memcpy(&header, dag->memory, sizeof header);
    if (memcmp(header.magic, magic, sizeof magic) != 0)
        return error_set(error, ERR_bad_dag, "D0: '%s' is no stored graph of this version", path);
    if (!fits_32_bits(&header) || !find_tables(&header, dag->memory_bytes, offsets))
        return error_set(error, ERR_bad_dag, "D0: the tables of '%s' do not fill it", path);
    set_tables(dag, &header, offsets);
    if (!sizes_agree(dag, &header))
        return error_set(error, ERR_bad_dag, "D0: the tables of '%s' have other sizes", path);
    return dag_verify(dag, error);
}

int dag_map(struct dag *dag, const char *path, struct error *error)
{
    *dag = (struct dag){0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return read_error(path, error);
    int code = load_file(dag, file, path, error);
    close(file);
    if (!code)
        code = open_tables(dag, path, error);
    if (code)
        dag_release(dag);
    return code;
}
