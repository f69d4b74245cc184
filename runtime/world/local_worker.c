/* Workers of the local world: finding work, and driving an executor; see local.h. */
#include <sched.h>

#include "base/pause.h"
#include "world/local.h"
#include "world/theft.h"

/* Waking a thread costs as much as 200 tasks, and a task that moves to another core takes its
 * values along: so when to steal, and when to sleep, is a matter of its own (theft.h). */
enum {
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

/* ---- What a deque holds --------------------------------------------------------------------- */

/* A word is a node, or some children that stand side by side: where in the DAG's edges the first of
 * them stands, and how many they are. */
enum { COUNT_BITS = 8, COUNT_MASK = (1 << COUNT_BITS) - 1 };
_Static_assert((int)LOCAL_NEIGHBOURS <= (int)COUNT_MASK, "they are counted in a few bits");

static uint64_t word_of_node(uint32_t node)
{
    return (uint64_t)node << COUNT_BITS;
}

static uint64_t word_of_children(uint64_t first, uint32_t count)
{
    return first << COUNT_BITS | count;
}

/* How many nodes a word stands for. */
static inline uint32_t nodes_of_word(uint64_t word)
{
    uint32_t count = word & COUNT_MASK;
    return count > 0 ? count : 1;
}

/* Takes the last of a word's nodes out of it; what remains has one less, if it had more than one.
 */
static inline uint32_t last_of_word(const struct worker *worker, uint64_t *word)
{
    uint32_t count = *word & COUNT_MASK;
    if (count == 0)
        return (uint32_t)(*word >> COUNT_BITS);
    --*word;
    return worker->children[(*word >> COUNT_BITS) + count - 1].node;
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
    uint64_t word;
    while (count-- > 0 && deque_steal(&victim->deque, &word))
        deque_push(&worker->deque, word);
    deque_publish(&worker->deque);
}

static bool steal_from(struct worker *worker, struct worker *victim, uint32_t *node)
{
    uint64_t word;
    if (!deque_steal(&victim->deque, &word))
        return steal_sources(worker, victim, node);
    int64_t left = deque_size(&victim->deque);
    uint32_t count = nodes_of_word(word);
    *node = last_of_word(worker, &word);
    if (count > 1)
        deque_push(&worker->deque, word);
    if (left >= PLENTY)
        steal_more(worker, victim, left);
    else if (count > 1)
        deque_publish(&worker->deque);
    if (left > 0 || count > 1)
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

/* Whether somebody has so much that a theft is worth its cost however short the tasks are. */
static bool is_plenty_anywhere(struct local *local)
{
    for (uint32_t i = 0; i < local->worker_count; i++) {
        uint64_t range = atomic_load_explicit(&local->workers[i].sources, memory_order_relaxed);
        if (deque_size(&local->workers[i].deque) >= PLENTY ||
            (uint32_t)range - (uint32_t)(range >> 32) >= PLENTY)
            return true;
    }
    return false;
}

/* Waits as long as the worker is patient, then steals. */
static bool search(struct worker *worker, uint32_t *node)
{
    struct local *local = worker->local;
    struct theft_search search = theft_search_begin(worker->patience);
    for (;;) {
        for (uint32_t pauses = theft_search_round(&search); pauses > 0; pauses--)
            pause_processor();
        if (atomic_load_explicit(&local->halted, memory_order_relaxed))
            return false;
        bool is_plenty = theft_search_looks(&search) && is_plenty_anywhere(local);
        if (theft_search_tries(&search, is_plenty) && steal(worker, node))
            return true;
        if (!theft_search_sleeps(&search))
            continue;
        sleep_until_work(worker);
        theft_search_wake(&search);
    }
}

/* Takes as many nodes as wanted out of words, from the last one on; the rest goes back to the
 * deque. */
static void unpack(struct worker *worker, const uint64_t *words, int64_t count, int64_t wanted)
{
    uint64_t word = words[--count];
    uint32_t left = nodes_of_word(word);
    worker->popped_count = (uint32_t)wanted;
    for (;;) {
        worker->popped[--wanted] = last_of_word(worker, &word);
        left--;
        if (wanted == 0)
            break;
        if (left == 0) {
            word = words[--count];
            left = nodes_of_word(word);
        }
    }
    for (int64_t i = 0; i < count; i++)
        deque_push(&worker->deque, words[i]);
    if (left > 0)
        deque_push(&worker->deque, word);
}

/* Takes nodes from the own deque: several where there are plenty, since each pop waits for the
 * processor to have told all others. What is taken so cannot be stolen: hence a small share. */
static bool pop_some(struct worker *worker)
{
    uint64_t words[LOCAL_POPPED];
    int64_t size = deque_size_own(&worker->deque);
    if (size <= 0)
        return false;
    uint32_t neighbours = nodes_of_word(deque_last(&worker->deque));
    int64_t wanted = size * neighbours / PLENTY;
    wanted = wanted < 1 ? 1 : wanted < LOCAL_POPPED ? wanted : LOCAL_POPPED;
    int64_t count = neighbours == 1 ? wanted : 1;
    if (count < 2 || !deque_pop_many(&worker->deque, words, count)) {
        count = 1;
        if (!deque_pop(&worker->deque, words))
            return false;
        neighbours = nodes_of_word(words[0]);
        wanted = wanted < neighbours ? wanted : neighbours;
    }
    unpack(worker, words, count, wanted);
    return true;
}

/* The node that was pushed last. */
static bool pop(struct worker *worker, uint32_t *node)
{
    if (worker->popped_count == 0 && !pop_some(worker))
        return false;
    *node = worker->popped[--worker->popped_count];
    return true;
}

static void judge_thefts(struct worker *worker, uint64_t now)
{
    uint64_t done = atomic_load_explicit(&worker->tasks_done, memory_order_relaxed);
    worker->patience =
        theft_patience(worker->patience, now - worker->found_ns, done - worker->found_done);
    worker->found_done = done;
}

static bool find_work(struct worker *worker, uint32_t *node)
{
    if (atomic_load_explicit(&worker->stop, memory_order_relaxed))
        return false;
    if (pop(worker, node) || next_source(worker, node))
        return true;
    uint64_t begin = local_now();
    judge_thefts(worker, begin);
    bool found = search(worker, node);
    worker->found_ns = local_now();
    worker->counters.idle_ns += worker->found_ns - begin;
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

/* Arrivals at several joins. */
static void land(struct worker *worker, const struct executor_action *action,
                 struct executor_event *event)
{
    uint32_t owned = 0, count = action->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct executor_landing *landing = &action->landings[i];
        enum join_answer answer =
            join_arrive_shared(&worker->joins[landing->record], landing->all, landing->edge);
        owned |= (uint32_t)(answer == JOIN_OWN) << i;
    }
    uint32_t own = (uint32_t)__builtin_popcount(owned);
    worker->counters.arrivals_own += own;
    worker->counters.arrivals_not += count - own;
    event->kind = EXECUTOR_LANDED;
    event->owned = owned;
}

/* What is pushed now comes before what was taken from the deque, so that goes back first. */
static void push_back_popped(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->popped_count; i++)
        deque_push(&worker->deque, word_of_node(worker->popped[i]));
    worker->popped_count = 0;
}

static void invoke(struct worker *worker, const struct executor_action *action)
{
    if (worker->popped_count > 0)
        push_back_popped(worker);
    uint64_t word = word_of_node(action->node);
    if (action->first < action->end)
        word = word_of_children(worker->nodes[action->node].first_child + action->first,
                                action->end - action->first);
    deque_push(&worker->deque, word);
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
    case EXECUTOR_LAND:
        land(worker, action, event);
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

/* The node that this worker takes next, as long as it pushes none: it has it already. */
static uint32_t following(struct worker *worker)
{
    if (worker->popped_count > 0)
        return worker->popped[worker->popped_count - 1];
    if (worker->next_source == worker->end_source || deque_size_own(&worker->deque) > 0)
        return PLAN_NONE;
    return worker->local->plan->sources[worker->next_source];
}

static void run_lineage(struct worker *worker, uint32_t node)
{
    struct executor_action action;
    struct executor_event event = {0};
    worker->counters.invocations++;
    executor_start_before(&worker->executor, node, following(worker), &action);
    bool has_more = true;
    while (has_more && action.kind != EXECUTOR_END) {
        if (action.kind == EXECUTOR_INVOKE) {
            invoke(worker, &action);
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
