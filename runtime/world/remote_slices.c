/*
 * Slices of values (spec/executor.md, X2.5): what tasks read of large values that other executors
 * hold. The plan says which edges carry them. Those that came are in a table by reference (a node
 * and a view); it is made anew when some of them leave. See remote_state.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "value/stored.h"
#include "world/parcel.h"
#include "world/remote_state.h"

static bool is_slice(const struct dag_view *view)
{
    return view->source_rank > 0;
}

/* Whether a node reads slices of a part of a producer's, by an edge that carries them. */
bool remote_reads_slices(const struct remote_job *job, uint32_t node, uint32_t producer,
                         uint32_t part)
{
    const struct dag *dag = &job->dag;
    if (node == PLAN_NONE || job->description.inline_bytes == 0 || !job->plan.slices ||
        !plan_is_slice(&job->plan, dag_edge(dag, producer, node)))
        return false;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        const struct dag_view *view = &dag->views[dag_ref_view(dag->refs[r])];
        if (dag_ref_source(dag->refs[r]) == producer && view->part == part && is_slice(view))
            return true;
    }
    return false;
}

/* ---- The table ------------------------------------------------------------------------------- */

static size_t find_place(const struct remote_slices *slices, dag_ref ref)
{
    size_t at = hash_mix(ref) & (slices->capacity - 1);
    while (slices->places[at] && slices->list.items[slices->places[at] - 1].ref != ref)
        at = (at + 1) & (slices->capacity - 1);
    return at;
}

static void number_slices(struct remote_slices *slices, size_t capacity)
{
    free(slices->places);
    slices->places = memory_new(capacity, sizeof *slices->places);
    slices->capacity = capacity;
    for (size_t i = 0; i < slices->list.count; i++)
        slices->places[find_place(slices, slices->list.items[i].ref)] = (uint32_t)i + 1;
}

static const struct bind_slice *find_slice(const struct remote_slices *slices, dag_ref ref)
{
    size_t at = slices->list.count > 0 ? find_place(slices, ref) : 0;
    bool is_here = slices->list.count > 0 && slices->places[at];
    return is_here ? &slices->list.items[slices->places[at] - 1] : NULL;
}

static bool is_block(const struct remote_job *job, const struct bind_slice *slice)
{
    return job->dag.views[dag_ref_view(slice->ref)].rank > 0;
}

static uint64_t bytes_of(const struct remote_job *job, const struct bind_slice *slice)
{
    return is_block(job, slice) ? block_of(slice->word)->bytes : sizeof slice->word;
}

static void drop_slice(struct remote *remote, const struct bind_slice *slice)
{
    remote->job->held_bytes -= bytes_of(remote->job, slice);
    if (is_block(remote->job, slice))
        context_drop(remote_cache(remote), block_of(slice->word));
}

/* Of two that are the same the first stays: a task may read it. */
static void add_slice(struct remote *remote, const struct bind_slice *slice)
{
    struct remote_job *job = remote->job;
    job->held_bytes += bytes_of(job, slice);
    if (find_slice(&job->slices, slice->ref)) {
        drop_slice(remote, slice);
        return;
    }
    vector_push(&job->slices.list, *slice);
    if (2 * job->slices.list.count > job->slices.capacity)
        number_slices(&job->slices, job->slices.capacity ? 2 * job->slices.capacity : 64);
    else
        job->slices.places[find_place(&job->slices, slice->ref)] = (uint32_t)job->slices.list.count;
}

void remote_drop_slices(struct remote *remote,
                        bool (*is_needed)(const struct remote *remote, uint32_t node))
{
    struct remote_slices *slices = &remote->job->slices;
    size_t kept = 0, count = slices->list.count;
    for (size_t i = 0; i < count; i++) {
        struct bind_slice slice = slices->list.items[i];
        if (is_needed && is_needed(remote, dag_ref_source(slice.ref)))
            slices->list.items[kept++] = slice;
        else
            drop_slice(remote, &slice);
    }
    slices->list.count = kept;
    if (kept < count)
        number_slices(slices, slices->capacity);
}

void remote_release_slices(struct remote_slices *slices)
{
    vector_release(&slices->list);
    free(slices->places);
    *slices = (struct remote_slices){0};
}

/* ---- Taking them in -------------------------------------------------------------------------- */

/* The part that a view is of, if it is a selection that fits it; or NULL. */
static const struct value_leaf *part_of_view(const struct remote_job *job, uint32_t node,
                                             const struct dag_view *view)
{
    if (!is_slice(view) || view->scalar == DAG_OPAQUE || view->part >= remote_part_count(job, node))
        return NULL;
    const struct value_leaf *leaf = remote_leaf(job, node, view->part);
    bool fits = leaf->is_block && !leaf->is_packed && leaf->scalar == view->scalar &&
                leaf->rank == view->source_rank;
    return fits ? leaf : NULL;
}

/* A view says of a slice how large each dimension is. */
static bool has_extents(const struct dag *dag, const struct dag_view *view, uint64_t word)
{
    const struct wk_block *block = block_of(word);
    for (uint8_t d = 0; d < view->rank; d++)
        if (block->extents[d] != dag->view_words[view->first_word + d])
            return false;
    return true;
}

static int read_slice(struct remote *remote, const struct parcel_entry *entry,
                      const struct dag_view *view, const struct value_leaf *leaf, uint64_t *word)
{
    struct context *context = &remote->workers[0].context;
    struct value_leaf form = {.scalar = view->scalar,
                              .rank = view->rank,
                              .is_block = view->rank > 0,
                              .words = 1 + (uint32_t)view->rank,
                              .element_bytes = leaf->element_bytes};
    int code = stored_read(context, &form, entry->bytes, entry->size, word);
    if (code || view->rank == 0 || has_extents(&remote->job->dag, view, *word))
        return code;
    context_drop(context, block_of(*word));
    return error_set(&context->error, ERR_bad_stored_value, "a slice has other extents");
}

int remote_take_slice(struct remote *remote, const struct parcel_entry *entry, struct error *error)
{
    const struct remote_job *job = remote->job;
    uint32_t number = entry->part & ~PARCEL_SLICE;
    const struct dag_view *view = number < job->dag.view_count ? &job->dag.views[number] : NULL;
    const struct value_leaf *leaf = view ? part_of_view(job, entry->node, view) : NULL;
    struct bind_slice slice = {.ref = (dag_ref)entry->node << 32 | number};
    if (!leaf || entry->is_stored)
        return error_set(
            error, ERR_bad_stored_value,
            "a parcel has a slice of node %u, by view %u, that the graph does not have",
            entry->node, number);
    int code = read_slice(remote, entry, view, leaf, &slice.word);
    if (code)
        *error = remote->workers[0].context.error;
    else
        add_slice(remote, &slice);
    return code;
}

/* ---- Using them ------------------------------------------------------------------------------ */

/* Whether the table has all that a node reads of a part. */
bool remote_has_slices(const struct remote_job *job, uint32_t node, uint32_t producer,
                       uint32_t part)
{
    const struct dag *dag = &job->dag;
    if (job->slices.list.count == 0 || !remote_reads_slices(job, node, producer, part))
        return false;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        const struct dag_view *view = &dag->views[dag_ref_view(ref)];
        bool is_of_part = dag_ref_source(ref) == producer && view->part == part && !view->is_unit;
        if (is_of_part && !find_slice(&job->slices, ref))
            return false;
    }
    return true;
}

uint32_t remote_list_slices(const struct remote_job *job, uint32_t node,
                            struct bind_slice slices[PLAN_SLICES])
{
    const struct dag *dag = &job->dag;
    uint32_t count = 0;
    if (job->slices.list.count == 0 || dag_ref_count(dag, node) > PLAN_SLICES)
        return 0;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        if (!dag_ref_is_node(ref) || !is_slice(&dag->views[dag_ref_view(ref)]) ||
            (job->parts[dag_part(dag, ref)] & PART_HERE))
            continue;
        const struct bind_slice *slice = find_slice(&job->slices, ref);
        if (slice)
            slices[count++] = *slice;
    }
    return count;
}

/* ---- Handing them on ------------------------------------------------------------------------- */

/* Whether an array has all elements that a view takes. */
static bool has_elements(const struct dag *dag, const struct dag_view *view, uint64_t word)
{
    const int64_t *selection = dag->view_words + view->first_word + view->rank;
    const struct wk_block *block = block_of(word);
    for (uint8_t d = 0; d < view->source_rank; d++) {
        int64_t begin = selection[2 * d], count = selection[2 * d + 1];
        int64_t taken = count < 0 ? 1 : count;
        if (begin < 0 || begin > block->extents[d] || taken > block->extents[d] - begin)
            return false;
    }
    return true;
}

/* Of a part that is here. One that is not as large as its type says goes as a whole: who reads it
 * fails, and says so. */
static void add_cut(struct remote *remote, struct buffer *parcel, dag_ref ref)
{
    const struct dag *dag = &remote->job->dag;
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    uint32_t node = dag_ref_source(ref);
    uint64_t words[1 + WK_MAX_RANK], word = remote->job->slots[dag_part(dag, ref)];
    if (!has_elements(dag, view, word)) {
        parcel_add(parcel, node, view->part, remote_leaf(remote->job, node, view->part), word);
        return;
    }
    if (bind_reference(&remote->cutter, ref, words))
        memory_exhausted();
    parcel_add_slice(parcel, node, dag_ref_view(ref), (enum wk_scalar)view->scalar, view->rank,
                     words);
    binder_clear(&remote->cutter);
}

/* Of a slice that came. */
static void add_again(const struct remote_job *job, struct buffer *parcel,
                      const struct bind_slice *slice)
{
    const struct dag_view *view = &job->dag.views[dag_ref_view(slice->ref)];
    uint64_t words[1 + WK_MAX_RANK] = {slice->word};
    if (view->rank > 0)
        block_words(block_of(slice->word), words);
    parcel_add_slice(parcel, dag_ref_source(slice->ref), dag_ref_view(slice->ref),
                     (enum wk_scalar)view->scalar, view->rank, words);
}

/* Several references may read the same slice. */
static bool is_repeated(const struct dag *dag, uint32_t node, uint64_t r)
{
    for (uint64_t before = dag->nodes[node].first_ref; before < r; before++)
        if (dag->refs[before] == dag->refs[r])
            return true;
    return false;
}

void remote_add_slices(struct remote *remote, struct buffer *parcel, uint32_t node,
                       uint32_t producer, uint32_t part)
{
    const struct remote_job *job = remote->job;
    const struct dag *dag = &job->dag;
    bool is_here = job->parts[remote_part(job, producer, part)] & PART_HERE;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        const struct dag_view *view = &dag->views[dag_ref_view(ref)];
        if (dag_ref_source(ref) != producer || view->part != part || view->is_unit ||
            is_repeated(dag, node, r))
            continue;
        if (is_here)
            add_cut(remote, parcel, ref);
        else
            add_again(job, parcel, find_slice(&job->slices, ref));
    }
}
