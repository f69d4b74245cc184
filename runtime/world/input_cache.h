/*
 * Parts of input files that several tasks read, such as the tiles of a factor in a product: read
 * once and kept as long as there are readers to come, up to a limit of bytes. Only parts of
 * INPUT_CACHE_LEAST bytes and more are kept; smaller ones cost less to read than to look up.
 *
 * A part is kept as a block that the cache owns together with the tasks that are just reading it.
 * Whoever finds a part missing reads it without holding the lock, so two workers may read it both;
 * the first one's block is kept.
 */
#ifndef WKC_WORLD_INPUT_CACHE_H
#define WKC_WORLD_INPUT_CACHE_H

#include "graph/dag.h"
#include "value/context.h"

enum { INPUT_CACHE_LEAST = 64 << 10 };

struct input_cache;

/* A cache for a job's inputs; NULL when nothing of them is read twice. The DAG outlives it. */
struct input_cache *input_cache_new(const struct dag *dag, uint64_t limit);

/* Frees the cache, and its blocks into the context. NULL is allowed. */
void input_cache_free(struct input_cache *cache, struct context *context);

/* The part that a reference reads, of which the caller becomes an owner; NULL when it is not there.
 * Counts as one of its readers. */
struct wk_block *input_cache_take(struct input_cache *cache, dag_ref ref);

/* Offers a part that was just read after it was missing. If it is kept, the cache becomes an owner.
 */
void input_cache_offer(struct input_cache *cache, dag_ref ref, struct wk_block *block,
                       struct context *context);

#endif
