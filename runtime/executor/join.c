/* The rules of an arrival, in their order, and the geometry of wide joins; see join.h. */
#include "executor/join.h"

#include "executor/mutant.h"

static uint64_t edges_in_all(uint64_t count)
{
    return count >= JOIN_WIDTH ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

static bool is_complete(const struct join_record *record, const struct join_arrival *arrival)
{
    uint64_t there = record->bits | arrival->edges;
    if (MUTANT(PART_OF_MASK))
        return (arrival->all & 15 & ~there) == 0;
    if (MUTANT(COUNTER))
        return __builtin_popcountll(record->bits) + __builtin_popcountll(arrival->edges) >=
               __builtin_popcountll(arrival->all);
    return there == arrival->all;
}

static enum join_answer own(struct join_record *record, const struct join_arrival *arrival)
{
    uint64_t token = arrival->lineage.token;
    record->taken_over |= record->own.token != 0 && record->own.token != token;
    record->own = (struct join_owner){arrival->edges, token, arrival->now + arrival->lease};
    if (MUTANT(LAST_SETS_BITS))
        record->bits |= arrival->edges;
    return JOIN_OWN;
}

/* Rules P3.1 to P3.5: who is last owns the record, and who comes too late stops; all others are
 * NOT. */
static enum join_answer decide(struct join_record *record, const struct join_arrival *arrival)
{
    bool owned = record->own.edges != 0;
    if (owned && !(arrival->edges & record->own.edges))
        return JOIN_STOP; /* P3.1: the owner did not need these edges of us */
    bool is_live = owned && record->own.expires > arrival->now;
    bool defers = !arrival->lineage.recovers || MUTANT(RECOVERY_DEFERS);
    if (is_live && defers && record->own.token != arrival->lineage.token)
        return JOIN_STOP; /* P3.2: the owner is at work, or a retry of its start will be */
    if (record->passed && (!arrival->wanted || MUTANT(WANTED_PASSED)))
        return JOIN_STOP; /* P3.3: all is done; but the sweeper knows better */
    if (MUTANT(EXPIRED_REPLACED) && owned)
        return own(record, arrival);
    if (owned && !is_complete(record, arrival))
        record->own.edges = 0; /* P3.4: it died with an edge that nobody stored */
    if (is_complete(record, arrival))
        return own(record, arrival); /* P3.5: the last: it sets no bit */
    return JOIN_NOT;
}

static void end_waits(struct join_record *record, uint64_t edges)
{
    for (; record->waits && edges; edges &= edges - 1)
        record->waits[__builtin_ctzll(edges)] = (struct join_wait){0};
}

enum join_answer join_arrive(struct join_record *record, const struct join_arrival *arrival)
{
    enum join_answer answer = decide(record, arrival);
    if (answer != JOIN_NOT)
        return answer;
    if (MUTANT(COUNTER))
        record->bits = (record->bits << __builtin_popcountll(arrival->edges)) |
                       edges_in_all((uint64_t)__builtin_popcountll(arrival->edges));
    else
        record->bits |= arrival->edges; /* P3.6 */
    end_waits(record, arrival->edges);
    return JOIN_NOT;
}

static struct join_holder largest_beside(const struct join_record *record, uint64_t edges,
                                         uint64_t now)
{
    struct join_holder largest = {0};
    for (uint32_t e = 0; e < JOIN_WIDTH; e++) {
        struct join_holder holder = {record->waits[e].size, e};
        bool is_other = !(edges >> e & 1) && record->waits[e].until > now;
        if (is_other && join_holder_is_before(largest, holder))
            largest = holder;
    }
    return largest;
}

enum join_answer join_ask(struct join_record *record, const struct join_arrival *arrival,
                          struct join_wait wait, struct join_holder *largest)
{
    enum join_answer answer = decide(record, arrival);
    if (answer != JOIN_NOT)
        return answer;
    for (uint64_t edges = arrival->edges; edges; edges &= edges - 1)
        record->waits[__builtin_ctzll(edges)] = wait;
    *largest = largest_beside(record, arrival->edges, arrival->now);
    return JOIN_NOT;
}

struct join_place join_place(uint32_t producer_count, uint32_t record)
{
    struct join_place place = {0};
    uint64_t edges = producer_count; /* of the level */
    uint32_t first = 0;              /* record of the level */
    uint32_t records = (uint32_t)((edges + JOIN_WIDTH - 1) / JOIN_WIDTH);
    while (record >= first + records) {
        first += records;
        edges = records;
        records = (uint32_t)((edges + JOIN_WIDTH - 1) / JOIN_WIDTH);
        place.level++;
    }
    uint32_t index = record - first;
    place.first_edge = (uint64_t)index * JOIN_WIDTH;
    place.all = edges_in_all(edges - place.first_edge);
    if (records > 1) {
        place.parent = first + records + index / JOIN_WIDTH;
        place.parent_edge = UINT64_C(1) << (index % JOIN_WIDTH);
    }
    return place;
}
