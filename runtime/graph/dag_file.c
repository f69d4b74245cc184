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
#include "graph/dag_tables.h"

static const char magic[8] = "WKCDAG1";

struct header {
    char magic[8];
    uint64_t part_count;
    uint64_t counts[DAG_TABLE_COUNT];
};

static uint64_t aligned(uint64_t offset)
{
    return (offset + WK_ALIGN - 1) & ~(uint64_t)(WK_ALIGN - 1);
}

/* ---- Writing -----------------------------------------------------------------------------------
 */

static struct header make_header(const struct dag *dag)
{
    struct header header = {.part_count = dag->part_count};
    memcpy(header.magic, magic, sizeof magic);
    dag_tables_count(dag, header.counts);
    return header;
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
    const void *tables[DAG_TABLE_COUNT];
    struct output output;
    dag_tables_list(dag, tables);
    int code = output_open(&output, path, error);
    if (code)
        return code;
    code = write_padded(&output, &header, sizeof header, error);
    for (int t = 0; t < DAG_TABLE_COUNT && !code; t++)
        code = write_padded(&output, tables[t], header.counts[t] * dag_table_sizes[t], error);
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
    for (int t = 0; t < DAG_TABLE_COUNT; t++) {
        uint64_t bytes;
        if (__builtin_mul_overflow(header->counts[t], dag_table_sizes[t], &bytes) ||
            at > file_bytes || bytes > file_bytes - at)
            return false;
        offsets[t] = at;
        at = aligned(at + bytes);
    }
    return at == file_bytes;
}

static bool fits_32_bits(const struct header *header)
{
    static const enum dag_table counted[] = {
        DAG_TABLE_PATTERNS, DAG_TABLE_VIEWS, DAG_TABLE_CONSTANTS, DAG_TABLE_INPUTS,
        DAG_TABLE_TASKS,    DAG_TABLE_SITES, DAG_TABLE_SCOPES};
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        if (header->counts[counted[i]] > UINT32_MAX)
            return false;
    return header->counts[DAG_TABLE_NODES] >= 2 &&
           header->counts[DAG_TABLE_NODES] <= (uint64_t)DAG_MAX_NODES + 1 &&
           header->counts[DAG_TABLE_PATTERNS] >= 1;
}

static void set_tables(struct dag *dag, const struct header *header, const uint64_t *offsets)
{
    struct dag stored = *dag;
    const void *tables[DAG_TABLE_COUNT];
    for (int t = 0; t < DAG_TABLE_COUNT; t++)
        tables[t] = (const char *)stored.memory + offsets[t];
    *dag = dag_tables_bind(tables, header->counts, header->part_count);
    dag->memory = stored.memory;
    dag->memory_bytes = stored.memory_bytes;
    dag->is_mapped = stored.is_mapped;
}

/* The tables' sizes, as the tables say them that point into others. */
static bool sizes_agree(const struct dag *dag, const struct header *header)
{
    uint64_t counts[DAG_TABLE_COUNT];
    dag_tables_count(dag, counts);
    return memcmp(counts, header->counts, sizeof counts) == 0;
}

static int open_tables(struct dag *dag, const char *path, struct error *error)
{
    struct header header;
    uint64_t offsets[DAG_TABLE_COUNT];
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
