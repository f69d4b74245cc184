/*
 * Memory for values. Those that nobody here needs any more are freed when they take too much; where
 * that is not enough, others are stored until they are needed again, before the next task runs. A
 * task that finds no memory nevertheless is run once more, alone with its inputs. See
 * remote_state.h.
 */
#include "world/remote_state.h"

enum {
    UNLIMITED_MB = 1024, /* where there is no limit: values may take so much before any is freed */
    SHORT_PART = 2,      /* memory is short when values take more than this part of the limit; */
    ROOM_PART = 4,       /* then they are stored until they take less than this */
    TIDY_MB = 16,        /* values may take so much, or twice what was needed when it was last */
    TIDY_FACTOR = 2,     /* looked at, before those that nobody needs are looked for */
};

static uint64_t limit_of(const struct remote *remote)
{
    uint64_t limit = remote->options.memory_limit;
    return limit ? limit : (uint64_t)UNLIMITED_MB << 20;
}

bool remote_memory_is_short(const struct remote *remote)
{
    return remote->job->held_bytes > limit_of(remote) / SHORT_PART;
}

uint64_t remote_memory_goal(const struct remote *remote)
{
    return limit_of(remote) / ROOM_PART;
}

/* ---- Who needs a value ----------------------------------------------------------------------- */

static bool is_input_of(const struct remote_job *job, uint32_t producer, uint32_t node)
{
    for (uint64_t e = job->edges.first[node]; e < job->edges.first[node + 1]; e++)
        if (job->edges.edges[e].producer == producer)
            return true;
    return false;
}

static bool is_used_by(const struct remote_job *job, uint32_t node, const struct remote_step *step)
{
    const struct executor_action *action = &step->action;
    switch (action->kind) {
    case EXECUTOR_RUN:
        if (step->phase >= RUN_WAITS)
            return false; /* its inputs are loaded again */
        return action->node == node || is_input_of(job, node, action->node);
    case EXECUTOR_INVOKE:
    case EXECUTOR_COMMIT:
        return action->node == node ||
               (action->node != PLAN_NONE && is_input_of(job, node, action->node));
    case EXECUTOR_PUT:
        return action->node == node;
    case EXECUTOR_ASK: /* arrivals hold copies */
    case EXECUTOR_ARRIVE:
    case EXECUTOR_LAND:
    case EXECUTOR_WAIT:
    case EXECUTOR_LOOK:
    case EXECUTOR_SPLIT:
    case EXECUTOR_PASSED:
    case EXECUTOR_FAIL:
    case EXECUTOR_END:
        return false;
    }
    return true;
}

/* Whether a task that runs, or a request that is under way, reads it where it stands. */
static bool is_in_use(const struct remote *remote, uint32_t node)
{
    for (const struct remote_step *step = remote->steps; step; step = step->next)
        if (is_used_by(remote->job, node, step))
            return true;
    return false;
}

static bool is_needed(const struct remote *remote, uint32_t node)
{
    return executor_needs(&remote->executor, node) || is_in_use(remote, node);
}

/* ---- Freeing --------------------------------------------------------------------------------- */

/* Frees what nobody needs, and forgets the nodes of which nothing is known any more. What is stored
 * may be wanted by the next events, too. */
static void free_unneeded(struct remote *remote, bool keeps_stored)
{
    struct remote_job *job = remote->job;
    size_t kept = 0;
    remote_drop_slices(remote, is_needed);
    for (size_t i = 0; i < job->touched.count; i++) {
        uint32_t node = job->touched.items[i];
        bool is_wanted = is_needed(remote, node);
        uint8_t known = 0;
        for (uint32_t part = 0; part < remote_part_count(job, node); part++) {
            uint8_t *state = &job->parts[remote_part(job, node, part)];
            bool is_kept = is_wanted || (keeps_stored && (*state & PART_STORED));
            if (!is_kept && !(*state & PART_LEAVING))
                remote_free_part(remote, node, part);
            known |= *state;
        }
        if (known)
            job->touched.items[kept++] = node;
    }
    job->touched.count = kept;
}

/* Memory that was used before is nearer than new memory: so values go early, but are looked through
 * only when there are twice as many. */
void remote_tidy(struct remote *remote)
{
    struct remote_job *job = remote->job;
    uint64_t least = (uint64_t)TIDY_MB << 20;
    if (job->held_bytes < least || job->held_bytes < job->tidy_bytes)
        return;
    free_unneeded(remote, true);
    job->tidy_bytes = TIDY_FACTOR * job->held_bytes;
}

/* Gives back what idle threads keep for their next blocks. */
static void trim_caches(struct remote *remote)
{
    for (uint32_t i = 0; i <= remote->options.processors; i++)
        if (remote->workers[i].node == PLAN_NONE)
            context_trim(&remote->workers[i].context);
}

/* ---- Storing --------------------------------------------------------------------------------- */

/* Stores the large parts of a node that are here only, and frees those that are stored already; the
 * bytes that will be free. */
static uint64_t send_away(struct remote *remote, struct remote_step *step, uint32_t node)
{
    struct remote_job *job = remote->job;
    uint64_t bytes = 0;
    for (uint32_t part = 0; part < remote_part_count(job, node); part++) {
        uint64_t slot = remote_part(job, node, part);
        uint8_t *state = &job->parts[slot];
        if (!(*state & PART_HERE) || (*state & PART_LEAVING) || remote_is_small(job, node, part))
            continue;
        bytes += remote_part_bytes(job, node, part);
        if (*state & PART_STORED) {
            remote_free_part(remote, node, part);
            continue;
        }
        *state |= PART_LEAVING;
        remote_put_part(remote, step, node, part);
    }
    return bytes;
}

void remote_make_room(struct remote *remote, struct remote_step *step, uint64_t goal)
{
    struct remote_job *job = remote->job;
    free_unneeded(remote, false);
    uint64_t left = job->held_bytes;
    for (size_t i = 0; i < job->touched.count && left > goal; i++)
        if (!is_in_use(remote, job->touched.items[i]))
            left -= send_away(remote, step, job->touched.items[i]);
    trim_caches(remote);
}

void remote_end_room(struct remote *remote, struct remote_step *step)
{
    struct remote_job *job = remote->job;
    for (size_t i = 0; i < step->requests.count; i++) {
        const struct store_request *request = step->requests.items[i];
        uint32_t node = request->name.node, part = (uint32_t)request->name.first;
        uint8_t *state = &job->parts[remote_part(job, node, part)];
        if (request->step != STORE_PUT || !(*state & PART_LEAVING))
            continue;
        *state &= (uint8_t)~PART_LEAVING;
        if (!is_in_use(remote, node))
            remote_free_part(remote, node, part);
    }
    trim_caches(remote);
}
