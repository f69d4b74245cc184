/* Parts of inputs kept for other readers; see input_cache.h. */
#include "world/input_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/vector.h"
#include "value/value.h"

struct entry {
    dag_ref ref;
    uint64_t readers;       /* that have not come yet */
    uint64_t last_use;      /* in turns of the cache */
    struct wk_block *block; /* NULL: not there */
};

struct input_cache {
    pthread_mutex_t lock;  /* of all that follows */
    struct entry *entries; /* ordered by ref; those with one reader only are left out */
    uint64_t count;
    uint64_t bytes, limit;
    uint64_t turn;
};

/* ---- What is read more than once ----------------------------------------------------------- */

static int compare_refs(const void *a, const void *b)
{
    dag_ref x = *(const dag_ref *)a, y = *(const dag_ref *)b;
    return x < y ? -1 : x > y;
}

static bool is_large_part(const struct dag *dag, dag_ref ref)
{
    uint32_t source = dag_ref_source(ref);
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    return source >= DAG_INPUT && source < DAG_CONSTANT && view->rank > 0 &&
           view->scalar != DAG_OPAQUE && dag_ref_bytes(dag, ref) >= INPUT_CACHE_LEAST;
}

static void set_entries(struct input_cache *cache, const dag_ref *refs, uint64_t count)
{
    cache->entries = memory_new(count, sizeof *cache->entries);
    for (uint64_t i = 0; i < count; i++) {
        struct entry *last = cache->count ? &cache->entries[cache->count - 1] : NULL;
        if (last && last->ref == refs[i]) {
            last->readers++;
            continue;
        }
        if (last && last->readers == 1)
            cache->count--;
        cache->entries[cache->count++] = (struct entry){.ref = refs[i], .readers = 1};
    }
    if (cache->count && cache->entries[cache->count - 1].readers == 1)
        cache->count--;
}

struct input_cache *input_cache_new(const struct dag *dag, uint64_t limit)
{
    VECTOR(dag_ref) refs = {0};
    struct input_cache *cache = memory_new(1, sizeof *cache);
    uint64_t end = dag->input_count ? dag->nodes[dag->node_count].first_ref : 0;
    for (uint64_t r = 0; r < end; r++)
        if (is_large_part(dag, dag->refs[r]))
            vector_push(&refs, dag->refs[r]);
    if (refs.count)
        qsort(refs.items, refs.count, sizeof *refs.items, compare_refs);
    set_entries(cache, refs.items, refs.count);
    vector_release(&refs);
    pthread_mutex_init(&cache->lock, NULL);
    cache->limit = limit;
    if (cache->count)
        return cache;
    input_cache_free(cache, NULL);
    return NULL;
}

void input_cache_free(struct input_cache *cache, struct context *context)
{
    if (!cache)
        return;
    for (uint64_t i = 0; i < cache->count; i++)
        context_drop(context, cache->entries[i].block);
    pthread_mutex_destroy(&cache->lock);
    free(cache->entries);
    free(cache);
}

/* ---- Taking and offering ------------------------------------------------------------------- */

static struct entry *find(const struct input_cache *cache, dag_ref ref)
{
    return bsearch(&ref, cache->entries, cache->count, sizeof *cache->entries, compare_refs);
}

/* Takes the block out of the cache, which gives its share of it to the caller. */
static struct wk_block *take_out(struct input_cache *cache, struct entry *entry)
{
    struct wk_block *block = entry->block;
    cache->bytes -= block->bytes;
    entry->block = NULL;
    return block;
}

struct wk_block *input_cache_take(struct input_cache *cache, dag_ref ref)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, ref);
    struct wk_block *block = entry ? entry->block : NULL;
    if (entry && entry->readers > 0)
        entry->readers--;
    if (block && entry->readers > 0) {
        entry->last_use = ++cache->turn;
        block_retain(block);
    } else if (block) {
        take_out(cache, entry);
    }
    pthread_mutex_unlock(&cache->lock);
    return block;
}

/* Makes room for so many bytes: what was not used for the longest time goes first. */
static void make_room(struct input_cache *cache, uint64_t bytes, struct context *context)
{
    while (cache->bytes + bytes > cache->limit && cache->bytes > 0) {
        struct entry *oldest = NULL;
        for (uint64_t i = 0; i < cache->count; i++) {
            struct entry *entry = &cache->entries[i];
            if (entry->block && (!oldest || entry->last_use < oldest->last_use))
                oldest = entry;
        }
        context_drop(context, take_out(cache, oldest));
    }
}

void input_cache_offer(struct input_cache *cache, dag_ref ref, struct wk_block *block,
                       struct context *context)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, ref);
    if (entry && entry->readers > 0 && !entry->block && block->bytes <= cache->limit) {
        make_room(cache, block->bytes, context);
        block_retain(block);
        entry->block = block;
        entry->last_use = ++cache->turn;
        cache->bytes += block->bytes;
    }
    pthread_mutex_unlock(&cache->lock);
}
