/* Plans as pages; see plan_image.h. The tables stand one behind the other, each at a multiple of 64
 * bytes, the graph's before the plan's; those that the process reads all the time, and hands to
 * others as texts, come first. */
#include "world/plan_image.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/dag_tables.h"

/* The graph's tables, then: */
enum section {
    PREFERRED = DAG_TABLE_COUNT,
    FIRST_RECORD,
    SOURCES,
    UNITS,
    CLUSTER,
    WAITS,
    SLICES,
    WIDE,
    INVOKED,
    FIRST_EDGE,
    EDGES,
    READ_PARTS,
    SECTION_COUNT
};
_Static_assert((int)SECTION_COUNT == (int)PLAN_SECTIONS, "the layout has a count for each table");

static const char magic[8] = "WKCPLN2";

static size_t row_bytes(int section)
{
    static const size_t sizes[SECTION_COUNT] = {
        [PREFERRED] = sizeof(uint32_t),       [FIRST_RECORD] = sizeof(uint32_t),
        [SOURCES] = sizeof(uint32_t),         [UNITS] = sizeof(uint32_t),
        [CLUSTER] = sizeof(uint32_t),         [WAITS] = sizeof(uint32_t),
        [SLICES] = sizeof(uint64_t),          [WIDE] = sizeof(struct plan_wide),
        [INVOKED] = sizeof(uint32_t),         [FIRST_EDGE] = sizeof(uint64_t),
        [EDGES] = sizeof(struct remote_edge), [READ_PARTS] = sizeof(uint64_t),
    };
    return section < DAG_TABLE_COUNT ? dag_table_sizes[section] : sizes[section];
}

static bool is_pinned(int section)
{
    return section == DAG_TABLE_TASKS || section == DAG_TABLE_INPUTS ||
           section == DAG_TABLE_STRINGS;
}

/* ---- The layout ------------------------------------------------------------------------------ */

static uint64_t aligned(uint64_t offset)
{
    return (offset + WK_ALIGN - 1) & ~(uint64_t)(WK_ALIGN - 1);
}

/* Where each table begins; the image's bytes, or UINT64_MAX if there cannot be so many. The first
 * ones end at *pinned_end. */
static uint64_t place_tables(const struct plan_layout *layout, uint64_t offsets[SECTION_COUNT],
                             uint64_t *pinned_end)
{
    uint64_t offset = aligned(sizeof *layout), bytes;
    for (int round = 0; round < 2; round++) {
        for (int s = 0; s < SECTION_COUNT; s++) {
            if (is_pinned(s) != (round == 0))
                continue;
            offsets[s] = offset;
            if (__builtin_mul_overflow(layout->counts[s], row_bytes(s), &bytes) ||
                bytes > SIZE_MAX / 4 || offset > SIZE_MAX / 4)
                return UINT64_MAX;
            offset = aligned(offset + bytes);
        }
        *pinned_end = round == 0 ? offset : *pinned_end;
    }
    return offset;
}

static uint64_t count_places(const struct plan *plan)
{
    uint64_t places = 0;
    for (uint32_t i = 0; i < plan->wide_count; i++)
        places = plan->wide[i].first + plan->wide[i].invoked;
    return places;
}

static struct plan_layout make_layout(const struct plan *plan)
{
    uint64_t nodes = plan->dag->node_count;
    struct plan_layout layout = {.part_count = plan->dag->part_count,
                                 .record_count = plan->record_count,
                                 .indexed_without = plan->indexed_without};
    memcpy(layout.magic, magic, sizeof magic);
    dag_tables_count(plan->dag, layout.counts);
    layout.counts[PREFERRED] = nodes;
    layout.counts[FIRST_RECORD] = nodes + 1;
    layout.counts[SOURCES] = plan->source_count;
    layout.counts[UNITS] = plan->units ? (uint64_t)plan->unit_count + 1 : 0;
    layout.counts[CLUSTER] = plan->cluster ? nodes : 0;
    layout.counts[WAITS] = plan->waits ? nodes : 0;
    layout.counts[SLICES] = plan->slices ? (layout.counts[DAG_TABLE_CHILDREN] + 63) / 64 : 0;
    layout.counts[WIDE] = plan->wide_count;
    layout.counts[INVOKED] = count_places(plan);
    layout.counts[FIRST_EDGE] = nodes + 1;
    layout.counts[EDGES] =
        layout.counts[DAG_TABLE_CHILDREN]; /* the same edges, from the other end */
    layout.counts[READ_PARTS] = nodes;
    return layout;
}

uint64_t plan_image_bytes(const struct plan *plan)
{
    uint64_t offsets[SECTION_COUNT], pinned_end;
    struct plan_layout layout = make_layout(plan);
    return place_tables(&layout, offsets, &pinned_end);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void list_tables(const struct plan *plan, const struct remote_edges *edges,
                        const void **tables)
{
    const void *const list[SECTION_COUNT] = {
        [PREFERRED] = plan->preferred, [FIRST_RECORD] = plan->first_record,
        [SOURCES] = plan->sources,     [UNITS] = plan->units,
        [CLUSTER] = plan->cluster,     [WAITS] = plan->waits,
        [SLICES] = plan->slices,       [WIDE] = plan->wide,
        [INVOKED] = plan->invoked,     [FIRST_EDGE] = edges->first,
        [EDGES] = edges->edges,        [READ_PARTS] = edges->read_parts,
    };
    memcpy(tables, list, sizeof list);
    dag_tables_list(plan->dag, tables);
}

void plan_image_hash(const void *data, size_t bytes, uint8_t hash[PLAN_HASH])
{
    EVP_Digest(data, bytes, hash, NULL, EVP_sha256(), NULL);
}

static void hash_pages(struct plan_image *image)
{
    char page[PLAN_PAGE];
    for (uint32_t i = 0; i < image->page_count; i++) {
        size_t bytes = plan_image_page(image, i, page);
        plan_image_hash(page, bytes, image->hashes + (size_t)i * PLAN_HASH);
    }
    plan_image_hash(image->hashes, (size_t)image->page_count * PLAN_HASH, image->digest);
}

int plan_image_make(struct plan_image *image, const struct plan *plan, struct error *error)
{
    *image = (struct plan_image){.layout = make_layout(plan)};
    int code = remote_edges_make(&image->edges, plan->dag, error);
    if (code)
        return code;
    list_tables(plan, &image->edges, image->tables);
    uint64_t pinned_end;
    image->bytes = place_tables(&image->layout, image->offsets, &pinned_end);
    image->page_count = (uint32_t)((image->bytes + PLAN_PAGE - 1) / PLAN_PAGE);
    image->hashes = memory_new(image->page_count, PLAN_HASH);
    hash_pages(image);
    return 0;
}

void plan_image_release(struct plan_image *image)
{
    remote_edges_release(&image->edges);
    free(image->hashes);
    *image = (struct plan_image){0};
}

/* Copies what of some bytes at `offset` of the image is in the page. */
static void copy_overlap(const void *from, uint64_t offset, uint64_t bytes, uint64_t page_begin,
                         char *to)
{
    uint64_t begin = offset > page_begin ? offset : page_begin;
    uint64_t end =
        offset + bytes < page_begin + PLAN_PAGE ? offset + bytes : page_begin + PLAN_PAGE;
    if (begin < end)
        memcpy(to + (begin - page_begin), (const char *)from + (begin - offset), end - begin);
}

size_t plan_image_page(const struct plan_image *image, uint32_t page, char *to)
{
    uint64_t begin = (uint64_t)page * PLAN_PAGE, left = image->bytes - begin;
    memset(to, 0, PLAN_PAGE);
    copy_overlap(&image->layout, 0, sizeof image->layout, begin, to);
    for (int s = 0; s < SECTION_COUNT; s++)
        copy_overlap(image->tables[s], image->offsets[s], image->layout.counts[s] * row_bytes(s),
                     begin, to);
    return left < PLAN_PAGE ? left : PLAN_PAGE;
}

/* ---- Using ----------------------------------------------------------------------------------- */

uint32_t plan_image_pinned(const void *base, uint64_t bytes)
{
    const struct plan_layout *layout = base;
    uint64_t offsets[SECTION_COUNT], pinned_end;
    if (bytes < sizeof *layout || memcmp(layout->magic, magic, sizeof magic) != 0 ||
        place_tables(layout, offsets, &pinned_end) != bytes || layout->counts[DAG_TABLE_NODES] < 2)
        return 0;
    return (uint32_t)((pinned_end + PLAN_PAGE - 1) / PLAN_PAGE);
}

/* The plan's tables can be written when it is made; here nobody does. */
static void *read_only(const void *table)
{
    return (void *)(uintptr_t)table;
}

void plan_image_bind(const void *base, struct dag *dag, struct plan *plan,
                     struct remote_edges *edges)
{
    const struct plan_layout *layout = base;
    uint64_t offsets[SECTION_COUNT], pinned_end;
    const void *tables[SECTION_COUNT];
    place_tables(layout, offsets, &pinned_end);
    for (int s = 0; s < SECTION_COUNT; s++)
        tables[s] = layout->counts[s] > 0 ? (const char *)base + offsets[s] : NULL;
    *dag = dag_tables_bind(tables, layout->counts, layout->part_count);
    uint64_t units = layout->counts[UNITS] > 0 ? layout->counts[UNITS] - 1 : 0;
    *plan = (struct plan){.dag = dag,
                          .preferred = read_only(tables[PREFERRED]),
                          .first_record = read_only(tables[FIRST_RECORD]),
                          .record_count = (uint32_t)layout->record_count,
                          .sources = read_only(tables[SOURCES]),
                          .source_count = (uint32_t)layout->counts[SOURCES],
                          .units = read_only(tables[UNITS]),
                          .unit_count = (uint32_t)units,
                          .cluster = read_only(tables[CLUSTER]),
                          .waits = read_only(tables[WAITS]),
                          .slices = read_only(tables[SLICES]),
                          .indexed_without = (unsigned)layout->indexed_without,
                          .wide = read_only(tables[WIDE]),
                          .wide_count = (uint32_t)layout->counts[WIDE],
                          .invoked = read_only(tables[INVOKED])};
    *edges = (struct remote_edges){tables[FIRST_EDGE], tables[EDGES], tables[READ_PARTS]};
}
