/* The values that an executor process holds for the event that it serves; see remote_state.h. */
#include <stdlib.h>

#include "value/stored.h"
#include "world/parcel.h"
#include "world/remote_state.h"

void remote_note(struct remote_job *job, uint32_t node, uint32_t part, uint8_t what)
{
    uint8_t *state = &job->parts[remote_part(job, node, part)];
    if (*state == 0)
        vector_push(&job->touched, node);
    *state |= what;
}

uint64_t remote_part_bytes(const struct remote_job *job, uint32_t node, uint32_t part)
{
    uint64_t word = job->slots[remote_part(job, node, part)];
    return remote_leaf(job, node, part)->is_block ? block_of(word)->bytes : sizeof word;
}

void remote_free_part(struct remote *remote, uint32_t node, uint32_t part)
{
    struct remote_job *job = remote->job;
    uint64_t slot = remote_part(job, node, part);
    if (!(job->parts[slot] & PART_HERE))
        return;
    job->held_bytes -= remote_part_bytes(job, node, part);
    if (remote_leaf(job, node, part)->is_block)
        context_drop(remote_cache(remote), block_of(job->slots[slot]));
    job->slots[slot] = 0;
    job->parts[slot] &= (uint8_t)~(PART_HERE | PART_USED);
}

static void drop_part(struct remote *remote, uint32_t node, uint32_t part)
{
    remote_free_part(remote, node, part);
    remote->job->parts[remote_part(remote->job, node, part)] = 0;
}

void remote_drop_values(struct remote *remote)
{
    struct remote_job *job = remote->job;
    for (size_t i = 0; i < job->touched.count; i++) {
        uint32_t node = job->touched.items[i];
        for (uint32_t part = 0; part < remote_part_count(job, node); part++)
            drop_part(remote, node, part);
    }
    job->touched.count = 0;
    remote_drop_slices(remote, NULL);
}

/* What is stored, and large enough that to load it again would cost more than to keep it. */
static bool is_worth_keeping(const struct remote_job *job, uint32_t node, uint32_t part,
                             bool was_used)
{
    uint8_t state = job->parts[remote_part(job, node, part)];
    return (state & PART_HERE) && (state & PART_STORED) && !(state & PART_KEPT) &&
           !(state & PART_USED) == !was_used && !remote_is_small(job, node, part);
}

/* Marks those to be kept, the last ones first, as far as there is room; what is left of that. */
static uint64_t mark_kept(struct remote_job *job, bool was_used, uint64_t room)
{
    for (size_t i = job->touched.count; i-- > 0;) {
        uint32_t node = job->touched.items[i];
        for (uint32_t part = 0; part < remote_part_count(job, node); part++) {
            if (!is_worth_keeping(job, node, part, was_used) ||
                remote_part_bytes(job, node, part) > room)
                continue;
            room -= remote_part_bytes(job, node, part);
            job->parts[remote_part(job, node, part)] |= PART_KEPT;
        }
    }
    return room;
}

void remote_end_values(struct remote *remote)
{
    struct remote_job *job = remote->job;
    size_t kept = 0;
    remote_drop_slices(remote, NULL);
    mark_kept(job, false, mark_kept(job, true, remote_memory_goal(remote)));
    for (size_t i = 0; i < job->touched.count; i++) {
        uint32_t node = job->touched.items[i];
        bool keeps = false;
        for (uint32_t part = 0; part < remote_part_count(job, node); part++) {
            uint8_t *state = &job->parts[remote_part(job, node, part)];
            if (!(*state & PART_KEPT))
                drop_part(remote, node, part);
            keeps |= *state & PART_KEPT;
            *state &= PART_HERE | PART_STORED;
        }
        if (keeps)
            job->touched.items[kept++] = node;
    }
    job->touched.count = kept;
}

static bool is_read(const struct remote_job *job, uint32_t node, uint32_t part)
{
    return part >= 64 || (job->edges.read_parts[node] >> part & 1);
}

/* A second run of a node gives the same values as the first (P2), which stay. */
static void keep_word(struct remote *remote, uint32_t node, uint32_t part, uint64_t word)
{
    struct remote_job *job = remote->job;
    uint64_t slot = remote_part(job, node, part);
    bool is_block = remote_leaf(job, node, part)->is_block;
    if ((job->parts[slot] & PART_HERE) || !is_read(job, node, part)) {
        if (is_block)
            context_drop(remote_cache(remote), block_of(word));
        return;
    }
    remote_note(job, node, part, PART_HERE | PART_USED);
    job->slots[slot] = word;
    job->held_bytes += remote_part_bytes(job, node, part);
}

uint64_t remote_keep(struct remote *remote, uint32_t node, const uint64_t *results)
{
    uint64_t largest = 0;
    for (uint32_t part = 0; part < remote_part_count(remote->job, node); part++) {
        const struct value_leaf *leaf = remote_leaf(remote->job, node, part);
        uint64_t bytes = stored_bytes(leaf, results[0]);
        if (is_read(remote->job, node, part) && bytes > largest)
            largest = bytes;
        keep_word(remote, node, part, results[0]);
        results += leaf->words;
    }
    return largest;
}

int remote_keep_stored(struct remote *remote, uint32_t node, uint32_t part, const void *bytes,
                       size_t size)
{
    struct context *context = &remote->workers[0].context;
    uint64_t word;
    int code = stored_read(context, remote_leaf(remote->job, node, part), bytes, size, &word);
    if (!code)
        keep_word(remote, node, part, word);
    return code;
}

bool remote_is_small(const struct remote_job *job, uint32_t node, uint32_t part)
{
    uint64_t word = job->slots[remote_part(job, node, part)];
    return stored_bytes(remote_leaf(job, node, part), word) <= job->description.inline_bytes;
}

static int refuse_entry(const struct parcel_entry *entry, struct error *error)
{
    return error_set(error, ERR_bad_stored_value,
                     "a parcel names part %u of node %u, which the graph does not have",
                     entry->part, entry->node);
}

static int take_entry(struct remote *remote, const struct parcel_entry *entry, struct error *error)
{
    struct remote_job *job = remote->job;
    if (entry->node < job->dag.node_count - 1 && (entry->part & PARCEL_SLICE))
        return remote_take_slice(remote, entry, error);
    if (entry->node >= job->dag.node_count - 1 ||
        entry->part >= remote_part_count(job, entry->node))
        return refuse_entry(entry, error);
    if (entry->is_stored) {
        remote_note(job, entry->node, entry->part, PART_STORED);
        return 0;
    }
    int code = remote_keep_stored(remote, entry->node, entry->part, entry->bytes, entry->size);
    if (code)
        *error = remote->workers[0].context.error;
    return code;
}

int remote_take_parcel(struct remote *remote, const void *parcel, size_t length,
                       struct error *error)
{
    struct parcel_entry entry;
    size_t offset = 0;
    bool damaged;
    while (parcel_next(parcel, length, &offset, &entry, &damaged)) {
        int code = take_entry(remote, &entry, error);
        if (code)
            return code;
    }
    return damaged ? error_set(error, ERR_bad_stored_value, "a parcel of values is cut off") : 0;
}

/* Whether slices go instead of a part, as far as they are here. */
static bool goes_in_slices(const struct remote_job *job, uint32_t node, uint32_t producer,
                           uint32_t part)
{
    uint64_t slot = remote_part(job, producer, part);
    return remote_reads_slices(job, node, producer, part) &&
           ((job->parts[slot] & PART_HERE) || remote_has_slices(job, node, producer, part));
}

void remote_add_to_parcel(struct remote *remote, struct buffer *parcel, uint32_t node,
                          const struct remote_edge *edge, bool all_stored)
{
    const struct remote_job *job = remote->job;
    uint32_t producer = edge->producer;
    for (uint32_t part = 0; part < remote_part_count(job, producer); part++) {
        uint64_t slot = remote_part(job, producer, part);
        if (!remote_reads(edge, part))
            continue;
        bool is_inline =
            !all_stored && (job->parts[slot] & PART_HERE) && remote_is_small(job, producer, part);
        if (goes_in_slices(job, node, producer, part))
            remote_add_slices(remote, parcel, node, producer, part);
        else if (is_inline)
            parcel_add(parcel, producer, part, remote_leaf(job, producer, part), job->slots[slot]);
        else
            parcel_add_stored(parcel, producer, part);
    }
}
