/* Workers of the local world: finding work, and driving an executor; see local.h. */
#include <sched.h>

#include "base/pause.h"
#include "world/local.h"

/* Waking a thread costs as much as 200 tasks, and a task that moves to another core takes its
 * values along. So who finds nothing waits a little before it steals, for the owner may be about to
 * take the task itself, and searches for a while before it sleeps. */
enum {
    PAUSES_BEFORE_STEAL = 64,
    SEARCHES_BEFORE_SLEEP = 200,
    SOURCES_AT_ONCE = 32, /* taken from the range for oneself, when there are plenty */
    STEALS_AT_ONCE = 64,  /* likewise, from another's deque */
    PLENTY = 64,          /* nodes in a deque for each one that is taken at once */
};

/* ---- Sources ------------------------------------------------------------------------------- */

static uint64_t range_of(uint32_t first, uint32_t end)
{
    return (uint64_t)first << 32 | end;
}

/* Takes some sources from the front of the own range: one by one towards the end, so that others
 * can have the rest. A range never comes back once it was left, so comparing its bounds is enough.
 */
static bool take_sources(struct worker *worker)
{
    uint64_t range = atomic_load_explicit(&worker->sources, memory_order_relaxed);
    for (;;) {
        uint32_t first = (uint32_t)(range >> 32), end = (uint32_t)range;
        if (first == end)
            return false;
        uint32_t count = (end - first) / 64;
        count = count < 1 ? 1 : count > SOURCES_AT_ONCE ? SOURCES_AT_ONCE : count;
        if (!atomic_compare_exchange_weak_explicit(&worker->sources, &range,
                                                   range_of(first + count, end),
                                                   memory_order_relaxed, memory_order_relaxed))
            continue;
        worker->next_source = first;
        worker->end_source = first + count;
        return true;
    }
}

static bool next_source(struct worker *worker, uint32_t *node)
{
    if (worker->next_source == worker->end_source && !take_sources(worker))
        return false;
    *node = worker->local->plan->sources[worker->next_source++];
    return true;
}

/* Moves the upper half of another's sources to the own, empty range. */
static bool steal_sources(struct worker *worker, struct worker *victim, uint32_t *node)
{
    uint64_t range = atomic_load_explicit(&victim->sources, memory_order_seq_cst);
    uint32_t first = (uint32_t)(range >> 32), end = (uint32_t)range;
    if (first == end)
        return false;
    uint32_t middle = first + (end - first) / 2;
    if (!atomic_compare_exchange_strong_explicit(&victim->sources, &range, range_of(first, middle),
                                                 memory_order_seq_cst, memory_order_relaxed))
        return false;
    atomic_store_explicit(&worker->sources, range_of(middle, end), memory_order_seq_cst);
    return next_source(worker, node);
}

/* ---- Sleep --------------------------------------------------------------------------------- */

/* Wakes one sleeper if there is one. The deque was published before (see deque_publish); a worker
 * that goes to sleep announces itself before it looks at the deques a last time. In the one order
 * of all sequentially consistent accesses, either it sees the work or we see it. */
static void wake_one(struct local *local)
{
    if (atomic_load_explicit(&local->sleepers, memory_order_seq_cst) == 0)
        return;
    pthread_mutex_lock(&local->lock);
    pthread_cond_signal(&local->work);
    pthread_mutex_unlock(&local->lock);
}

static bool is_work_anywhere(struct local *local)
{
    for (uint32_t i = 0; i < local->worker_count; i++) {
        uint64_t range = atomic_load_explicit(&local->workers[i].sources, memory_order_seq_cst);
        if (deque_size(&local->workers[i].deque) > 0 || range >> 32 != (uint32_t)range)
            return true;
    }
    return false;
}

static void sleep_until_work(struct worker *worker)
{
    struct local *local = worker->local;
    pthread_mutex_lock(&local->lock);
    uint32_t sleepers = 1 + atomic_fetch_add_explicit(&local->sleepers, 1, memory_order_seq_cst);
    if (!atomic_load(&local->halted) && !is_work_anywhere(local)) {
        if (sleepers == local->worker_count)
            bug("all workers sleep and the job has not ended");
        pthread_cond_wait(&local->work, &local->lock);
    }
    atomic_fetch_sub_explicit(&local->sleepers, 1, memory_order_seq_cst);
    pthread_mutex_unlock(&local->lock);
}

/* ---- Stealing ------------------------------------------------------------------------------ */

/* Of plenty, a thief takes up to a half: each theft takes the victim's lines of memory away. */
static void steal_more(struct worker *worker, struct worker *victim, int64_t plenty)
{
    int64_t count = plenty / 2 < STEALS_AT_ONCE ? plenty / 2 : STEALS_AT_ONCE;
    uint32_t node;
    while (count-- > 0 && deque_steal(&victim->deque, &node))
        deque_push(&worker->deque, node);
    deque_publish(&worker->deque);
}

static bool steal_from(struct worker *worker, struct worker *victim, uint32_t *node)
{
    if (!deque_steal(&victim->deque, node))
        return steal_sources(worker, victim, node);
    int64_t left = deque_size(&victim->deque);
    if (left >= PLENTY)
        steal_more(worker, victim, left);
    if (left > 0)
        wake_one(worker->local);
    return true;
}

static bool steal(struct worker *worker, uint32_t *node)
{
    struct local *local = worker->local;
    for (uint32_t i = 1; i < local->worker_count; i++) {
        uint32_t victim = (worker->number + i) % local->worker_count;
        if (steal_from(worker, &local->workers[victim], node)) {
            worker->counters.steals++;
            return true;
        }
    }
    return false;
}

static bool search(struct worker *worker, uint32_t *node)
{
    struct local *local = worker->local;
    for (unsigned searches = 0;; searches++) {
        for (unsigned i = 0; i < PAUSES_BEFORE_STEAL; i++)
            pause_processor();
        if (atomic_load_explicit(&local->halted, memory_order_relaxed))
            return false;
        if (steal(worker, node))
            return true;
        if (searches < SEARCHES_BEFORE_SLEEP)
            continue;
        sleep_until_work(worker);
        searches = 0;
    }
}

/* Takes several nodes from the own deque, where there are plenty, since each pop waits for the
 * processor to have told all others. What is taken so cannot be stolen: hence a small share. */
static bool pop_many(struct worker *worker)
{
    int64_t count = deque_size_own(&worker->deque) / PLENTY;
    count = count < LOCAL_POPPED ? count : LOCAL_POPPED;
    if (count < 2 || !deque_pop_many(&worker->deque, worker->popped, count))
        return false;
    worker->popped_count = (uint32_t)count;
    return true;
}

/* The node that was pushed last. */
static bool pop(struct worker *worker, uint32_t *node)
{
    if (worker->popped_count == 0 && !pop_many(worker))
        return deque_pop(&worker->deque, node);
    *node = worker->popped[--worker->popped_count];
    return true;
}

static bool find_work(struct worker *worker, uint32_t *node)
{
    if (atomic_load_explicit(&worker->stop, memory_order_relaxed))
        return false;
    if (pop(worker, node) || next_source(worker, node))
        return true;
    uint64_t begin = local_now();
    bool found = search(worker, node);
    worker->counters.idle_ns += local_now() - begin;
    return found;
}

/* ---- Driving the executor ------------------------------------------------------------------ */

static void arrive(struct worker *worker, const struct executor_action *action,
                   struct executor_event *event)
{
    enum join_answer answer =
        join_arrive_shared(&worker->joins[action->record], action->all, action->edges);
    worker->counters.arrivals_own += answer == JOIN_OWN;
    worker->counters.arrivals_not += answer == JOIN_NOT;
    event->kind = EXECUTOR_ANSWERED;
    event->record = action->record;
    event->answer = answer;
}

/* What is pushed now comes before what was taken from the deque, so that goes back first. */
static void push_back_popped(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->popped_count; i++)
        deque_push(&worker->deque, worker->popped[i]);
    worker->popped_count = 0;
}

static void invoke(struct worker *worker, uint32_t node)
{
    if (worker->popped_count > 0)
        push_back_popped(worker);
    deque_push(&worker->deque, node);
    worker->has_pushed = true;
}

/* What was pushed is for others, since this worker has a task to run itself. */
static void offer_pushed(struct worker *worker)
{
    worker->has_pushed = false;
    deque_publish(&worker->deque);
    wake_one(worker->local);
}

static void run(struct worker *worker, const struct executor_action *action,
                struct executor_event *event)
{
    if (worker->has_pushed)
        offer_pushed(worker);
    if (atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
        event->kind = EXECUTOR_POISONED;
        return;
    }
    worker->counters.becomes += action->becomes;
    worker->counters.retries += action->repeats;
    worker_run_task(worker, action->node, event);
}

/* Does what an action says, and fills the event that answers it. */
static inline void perform(struct worker *worker, const struct executor_action *action,
                           struct executor_event *event)
{
    event->node = action->node;
    switch (action->kind) {
    case EXECUTOR_RUN:
        run(worker, action, event);
        return;
    case EXECUTOR_ARRIVE:
        arrive(worker, action, event);
        return;
    case EXECUTOR_COMMIT:
        worker_commit(worker, action->node);
        event->kind = EXECUTOR_SETTLED;
        return;
    case EXECUTOR_FAIL:
        worker_fail(worker, action->node);
        event->kind = EXECUTOR_SETTLED;
        return;
    case EXECUTOR_INVOKE: /* not answered; see run_lineage */
    case EXECUTOR_END:
    case EXECUTOR_PUT: /* no value is too large to be shared, and nothing is lost */
    case EXECUTOR_ASK:
    case EXECUTOR_WAIT:
    case EXECUTOR_LOOK:
    case EXECUTOR_SPLIT:
    case EXECUTOR_PASSED:
        break;
    }
    bug("the executor of the local world asks for action %d", (int)action->kind);
}

static void run_lineage(struct worker *worker, uint32_t node)
{
    struct executor_action action;
    struct executor_event event = {0};
    worker->counters.invocations++;
    executor_start(&worker->executor, node, (struct lineage){0});
    bool has_more = executor_next(&worker->executor, &action);
    while (has_more && action.kind != EXECUTOR_END) {
        if (action.kind == EXECUTOR_INVOKE) {
            invoke(worker, action.node);
            has_more = executor_next(&worker->executor, &action);
        } else {
            perform(worker, &action, &event);
            has_more = executor_step(&worker->executor, &event, &action);
        }
    }
    if (!has_more)
        bug("the executor waits although everything was answered");
}

void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct local *local = worker->local;
    uint64_t begin = local_now();
    uint32_t node;
    while (find_work(worker, &node))
        run_lineage(worker, node);
    worker->counters.life_ns = local_now() - begin;
    pthread_mutex_lock(&local->lock);
    if (--local->running_threads == 0)
        pthread_cond_signal(&local->ended);
    pthread_mutex_unlock(&local->lock);
    return NULL;
}
