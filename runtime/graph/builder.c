/* Adding to a DAG; finish.c makes it whole. See dag.h for the contract and builder.h for the
 * tables. */
#include "graph/builder.h"

#include <string.h>

#include "base/hash.h"
#include "graph/mutant.h"

/* ---- Interning by content ---------------------------------------------------------------------
 */

enum { INDEX_FIRST_CAPACITY = 64 };

static void index_place(struct content_index *index, uint64_t slot)
{
    uint32_t mask = index->capacity - 1;
    uint32_t at = (uint32_t)(slot >> 32) & mask;
    while (index->slots[at])
        at = (at + 1) & mask;
    index->slots[at] = slot;
}

static void index_grow(struct content_index *index)
{
    struct content_index old = *index;
    index->capacity = old.capacity ? old.capacity * 2 : INDEX_FIRST_CAPACITY;
    index->slots = memory_new(index->capacity, sizeof *index->slots);
    for (uint32_t i = 0; i < old.capacity; i++)
        if (old.slots[i])
            index_place(index, old.slots[i]);
    free(old.slots);
}

static void index_add(struct content_index *index, uint64_t hash, uint32_t number)
{
    if (index->count * 2 >= index->capacity)
        index_grow(index);
    index_place(index, (hash & 0xFFFFFFFF00000000u) | (number + 1));
    index->count++;
}

/* Goes over the numbers whose contents have this hash: the first from `*at` = INDEX_BEGIN, then the
 * next; false at the end. The caller compares the contents. */
#define INDEX_BEGIN UINT64_MAX
static bool index_next(const struct content_index *index, uint64_t hash, uint64_t *at,
                       uint32_t *number)
{
    if (!index->capacity)
        return false;
    uint32_t mask = index->capacity - 1;
    uint32_t upper = (uint32_t)(hash >> 32);
    for (uint32_t i = *at == INDEX_BEGIN ? upper & mask : ((uint32_t)*at + 1) & mask;
         index->slots[i]; i = (i + 1) & mask) {
        if ((uint32_t)(index->slots[i] >> 32) == upper) {
            *at = i;
            *number = (uint32_t)index->slots[i] - 1;
            return true;
        }
    }
    return false;
}

/* ---- Builders ---------------------------------------------------------------------------------
 */

struct dag_builder *dag_builder_new(void)
{
    struct dag_builder *builder = memory_new(1, sizeof *builder);
    dag_add_string(builder, "");
    vector_push(&builder->patterns, 0);
    /* Task 0 is the sink's. */
    dag_add_task(builder, &(struct dag_task){.retries = -1});
    dag_add_site(builder, &(struct place){.file = ""});
    return builder;
}

void dag_builder_free(struct dag_builder *builder)
{
    if (!builder)
        return;
    vector_release(&builder->nodes);
    vector_release(&builder->refs);
    vector_release(&builder->words);
    vector_release(&builder->patterns);
    vector_release(&builder->pattern_codes);
    vector_release(&builder->views);
    vector_release(&builder->view_words);
    vector_release(&builder->constants);
    vector_release(&builder->inputs);
    vector_release(&builder->tasks);
    vector_release(&builder->sites);
    vector_release(&builder->scopes);
    vector_release(&builder->strings);
    free(builder->data);
    free(builder->string_index.slots);
    free(builder->site_index.slots);
    free(builder->view_index.slots);
    free(builder->pattern_index.slots);
    free(builder->constant_index.slots);
    free(builder);
}

/* ---- Interned tables --------------------------------------------------------------------------
 */

/* Numbers in the string index are offsets; texts are limited to 4 GiB in all by their source. */
uint32_t dag_add_string(struct dag_builder *builder, const char *text)
{
    size_t length = strlen(text);
    uint64_t hash = hash_bytes(text, length), at = INDEX_BEGIN;
    uint32_t offset;
    while (index_next(&builder->string_index, hash, &at, &offset))
        if (strcmp(builder->strings.items + offset, text) == 0)
            return offset;
    offset = (uint32_t)builder->strings.count;
    vector_reserve(&builder->strings, length + 1);
    memcpy(builder->strings.items + offset, text, length + 1);
    builder->strings.count += length + 1;
    index_add(&builder->string_index, hash, offset);
    return offset;
}

uint32_t dag_add_site(struct dag_builder *builder, const struct place *place)
{
    struct dag_site site = {dag_add_string(builder, place->file ? place->file : ""), place->line,
                            place->column, place->length};
    uint64_t hash = hash_bytes(&site, sizeof site), at = INDEX_BEGIN;
    uint32_t number;
    while (index_next(&builder->site_index, hash, &at, &number))
        if (memcmp(&builder->sites.items[number], &site, sizeof site) == 0)
            return number;
    number = (uint32_t)builder->sites.count;
    vector_push(&builder->sites, site);
    index_add(&builder->site_index, hash, number);
    return number;
}

static uint32_t view_word_count(const struct dag_view *view)
{
    return view->rank + 2u * view->source_rank;
}

static bool views_equal(const struct dag_builder *builder, const struct dag_view *known,
                        const struct dag_view *view, const int64_t *words)
{
    uint32_t count = view_word_count(view);
    return known->part == view->part && known->scalar == view->scalar &&
           known->rank == view->rank && known->source_rank == view->source_rank &&
           known->is_unit == view->is_unit &&
           (!count || memcmp(builder->view_words.items + known->first_word, words,
                             count * sizeof *words) == 0);
}

uint32_t dag_add_view(struct dag_builder *builder, const struct dag_view *view,
                      const int64_t *words)
{
    uint32_t count = view_word_count(view), number;
    uint64_t shape = (uint64_t)view->scalar | (uint64_t)view->rank << 8 |
                     (uint64_t)view->source_rank << 16 | (uint64_t)view->is_unit << 24 |
                     (uint64_t)view->part << 32;
    uint64_t hash = hash_combine(hash_bytes(words, count * sizeof *words), shape);
    uint64_t at = INDEX_BEGIN;
    while (index_next(&builder->view_index, hash, &at, &number))
        if (views_equal(builder, &builder->views.items[number], view, words))
            return number;
    number = (uint32_t)builder->views.count;
    vector_push(&builder->views, *view);
    vector_last(&builder->views).first_word = (uint32_t)builder->view_words.count;
    for (uint32_t i = 0; i < count; i++)
        vector_push(&builder->view_words, words[i]);
    index_add(&builder->view_index, hash, number);
    return number;
}

uint32_t dag_add_pattern(struct dag_builder *builder, const uint32_t *codes, uint32_t count)
{
    uint64_t hash = hash_bytes(codes, count * sizeof *codes), at = INDEX_BEGIN;
    uint32_t number;
    while (index_next(&builder->pattern_index, hash, &at, &number)) {
        const uint32_t *bounds = builder->patterns.items + number;
        if (bounds[1] - bounds[0] == count &&
            (!count ||
             memcmp(builder->pattern_codes.items + bounds[0], codes, count * sizeof *codes) == 0))
            return number;
    }
    number = (uint32_t)builder->patterns.count - 1;
    for (uint32_t i = 0; i < count; i++)
        vector_push(&builder->pattern_codes, codes[i]);
    vector_push(&builder->patterns, (uint32_t)builder->pattern_codes.count);
    index_add(&builder->pattern_index, hash, number);
    return number;
}

/* Moves the data to a larger block: realloc would not keep the alignment. */
static void data_reserve(struct dag_builder *builder, size_t bytes)
{
    if (builder->data_capacity - builder->data_bytes >= bytes)
        return;
    size_t capacity = vector_grown(builder->data_capacity, builder->data_bytes + bytes);
    char *data = memory_try(capacity, WK_ALIGN);
    if (!data)
        memory_exhausted();
    if (builder->data_bytes)
        memcpy(data, builder->data, builder->data_bytes);
    free(builder->data);
    builder->data = data;
    builder->data_capacity = capacity;
}

static bool constants_equal(const struct dag_builder *builder, const struct dag_constant *known,
                            const struct dag_constant *constant, const void *data)
{
    return known->bytes == constant->bytes && known->scalar == constant->scalar &&
           known->rank == constant->rank &&
           memcmp(known->extents, constant->extents, constant->rank * sizeof(int64_t)) == 0 &&
           (!constant->bytes ||
            memcmp(builder->data + known->offset, data, (size_t)constant->bytes) == 0);
}

/* Arrays begin at multiples of WK_ALIGN, scalars at multiples of 8. */
static uint64_t append_data(struct dag_builder *builder, const struct dag_constant *constant,
                            const void *data)
{
    size_t align = constant->rank ? WK_ALIGN : sizeof(uint64_t);
    size_t offset = (builder->data_bytes + align - 1) & ~(align - 1);
    size_t bytes = (size_t)constant->bytes;
    data_reserve(builder, offset - builder->data_bytes + bytes);
    if (offset > builder->data_bytes)
        memset(builder->data + builder->data_bytes, 0, offset - builder->data_bytes);
    if (bytes)
        memcpy(builder->data + offset, data, bytes);
    builder->data_bytes = offset + bytes;
    return offset;
}

uint32_t dag_add_constant(struct dag_builder *builder, const struct dag_constant *constant,
                          const void *data)
{
    uint64_t hash = hash_bytes(data, (size_t)constant->bytes), at = INDEX_BEGIN;
    hash = hash_combine(hash, (uint64_t)constant->scalar << 8 | constant->rank);
    hash = hash_combine(hash, hash_bytes(constant->extents, constant->rank * sizeof(int64_t)));
    uint32_t number;
    while (index_next(&builder->constant_index, hash, &at, &number))
        if (constants_equal(builder, &builder->constants.items[number], constant, data))
            return number;
    number = (uint32_t)builder->constants.count;
    struct dag_constant added = {.offset = append_data(builder, constant, data),
                                 .bytes = constant->bytes,
                                 .scalar = constant->scalar,
                                 .rank = constant->rank};
    memcpy(added.extents, constant->extents, constant->rank * sizeof(int64_t));
    vector_push(&builder->constants, added);
    index_add(&builder->constant_index, hash, number);
    return number;
}

/* ---- Plain tables -----------------------------------------------------------------------------
 */

uint32_t dag_add_scope(struct dag_builder *builder, uint32_t name, uint32_t parent, uint32_t site)
{
    vector_push(&builder->scopes, (struct dag_scope){name, parent, site});
    return (uint32_t)builder->scopes.count - 1;
}

uint32_t dag_add_task(struct dag_builder *builder, const struct dag_task *task)
{
    vector_push(&builder->tasks, *task);
    return (uint32_t)builder->tasks.count - 1;
}

uint32_t dag_add_input(struct dag_builder *builder, const struct dag_input *input)
{
    vector_push(&builder->inputs, *input);
    return (uint32_t)builder->inputs.count - 1;
}

/* ---- Nodes ------------------------------------------------------------------------------------
 */

void dag_add_ref(struct dag_builder *builder, dag_ref ref)
{
    vector_push(&builder->refs, ref);
}

void dag_add_word(struct dag_builder *builder, uint64_t word)
{
    vector_push(&builder->words, word);
}

uint32_t dag_add_node(struct dag_builder *builder, uint32_t task, uint32_t pattern, uint32_t site,
                      uint32_t scope)
{
    vector_push(&builder->nodes, (struct dag_node){.first_ref = builder->first_ref,
                                                   .first_word = builder->first_word,
                                                   .task = task,
                                                   .pattern = pattern,
                                                   .site = site,
                                                   .scope = scope});
    builder->first_ref = builder->refs.count;
    builder->first_word = builder->words.count;
    return (uint32_t)builder->nodes.count - 1;
}

/* ---- Shared nodes -----------------------------------------------------------------------------
 */

static bool node_has(const struct dag_builder *b, uint32_t node, size_t refs, size_t words)
{
    const struct dag_node *at = &b->nodes.items[node], *next = at + 1;
    bool is_last = node + 1 == b->nodes.count;
    size_t end_ref = is_last ? b->first_ref : next->first_ref;
    size_t end_word = is_last ? b->first_word : next->first_word;
    return end_ref - at->first_ref == refs && end_word - at->first_word == words &&
           (!refs || memcmp(b->refs.items + at->first_ref, b->refs.items + b->first_ref,
                            refs * sizeof *b->refs.items) == 0) &&
           (!words || memcmp(b->words.items + at->first_word, b->words.items + b->first_word,
                             words * sizeof *b->words.items) == 0);
}

/* f(2.0, x) and f(x, 2.0) have the same word and the same ref. */
static bool has_pattern(const struct dag_builder *b, uint32_t node, uint32_t pattern)
{
    return b->nodes.items[node].pattern == pattern || GRAPH_MUTANT(SHARE_PATTERN);
}

bool dag_find_shared(struct dag_builder *b, struct dag_shared *shared, uint32_t *misses,
                     uint32_t pattern, uint32_t *node)
{
    enum { MOST_MISSES = 65536 };
    if (*misses == MOST_MISSES)
        return false;
    size_t refs = b->refs.count - b->first_ref, words = b->words.count - b->first_word;
    uint64_t hash =
        refs ? hash_bytes(b->refs.items + b->first_ref, refs * sizeof *b->refs.items) : 0;
    if (words)
        hash = hash_combine(
            hash, hash_bytes(b->words.items + b->first_word, words * sizeof *b->words.items));
    uint64_t at = INDEX_BEGIN;
    while (index_next(&shared->index, hash, &at, node))
        if (has_pattern(b, *node, pattern) && node_has(b, *node, refs, words)) {
            b->refs.count = b->first_ref;
            b->words.count = b->first_word;
            *misses = 0;
            return true;
        }
    index_add(&shared->index, hash, (uint32_t)b->nodes.count);
    ++*misses;
    return false;
}

void dag_shared_release(struct dag_shared *shared)
{
    free(shared->index.slots);
    shared->index = (struct content_index){0};
}
