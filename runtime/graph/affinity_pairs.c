/*
 * Pairs of clusters by what they share.
 *
 * Of each value that does not travel inline it is kept where it is made and where its readers are,
 * as runs of neighbours in the same cluster. When clusters are joined, runs become longer and
 * fewer, and a value of which all is in one cluster is dropped: so each level costs what is left of
 * the graph, not the graph again.
 */
#include "graph/affinity.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum {
    NEIGHBOURS = 4, /* readers of the same value, before and behind, that count */
    ENOUGH = 64,    /* places for each cluster tell with which it shares most, of a graph */
    LARGE = 1 << 17 /* of more places than that */
};

/* Readers of a value, one after the other in the order of nodes, that are in one cluster. */
struct run {
    uint32_t cluster, count;
};

struct shared_value {
    uint64_t bytes, first_run;
    uint32_t run_count;
    uint32_t home; /* the cluster where it is made */
    bool is_only;  /* it has one reader: then it need not be put for anybody else */
};

/* Where a cluster meets a value: in one of its runs, or where it is made. */
struct meeting {
    uint32_t value;
    uint32_t run; /* of the value's; HOME */
};
enum { HOME = UINT32_MAX };

struct sharing {
    struct affinity *a;
    struct run *runs;
    struct shared_value *values;
    uint32_t value_count;
    struct meeting *places;
    uint64_t *begins; /* by cluster, count + 1: where in places */
    bool is_indexed;  /* places are those of the values as they are */
    /* While pairs are made. */
    uint32_t *partner; /* by cluster; PLAN_NONE: none yet */
    uint64_t *shared;  /* by cluster: what it shares with the one that is looked at */
    uint32_t *seen;    /* those that it shares anything with */
    uint32_t seen_count, seen_most;
};

/* ---- Values ---------------------------------------------------------------------------------- */

static void add_run(struct sharing *s, struct shared_value *value, uint32_t cluster, uint32_t count)
{
    struct run *next = &s->runs[value->first_run + value->run_count];
    if (value->run_count > 0 && next[-1].cluster == cluster) {
        next[-1].count += count;
        return;
    }
    *next = (struct run){cluster, count};
    value->run_count++;
}

/* Whether anybody could save something by it: nobody can if all is in one cluster. */
static bool is_shared(const struct sharing *s, const struct shared_value *value)
{
    return value->run_count > 1 ||
           (value->run_count == 1 && s->runs[value->first_run].cluster != value->home);
}

/* The sink is in no executor in particular. */
static uint64_t add_value(struct sharing *s, uint32_t node, uint64_t first_run)
{
    const struct dag *dag = s->a->dag;
    uint64_t first = dag->nodes[node].first_child, end = dag->nodes[node + 1].first_child;
    struct shared_value *value = &s->values[s->value_count];
    *value = (struct shared_value){.bytes = s->a->bytes[node],
                                   .first_run = first_run,
                                   .home = s->a->clusters.of[node],
                                   .is_only = s->a->wholes[node] == 1};
    for (uint64_t c = first; c < end; c++)
        if (dag->children[c].node != dag_sink(dag) && !plan_is_slice(s->a->work->plan, c))
            add_run(s, value, s->a->clusters.of[dag->children[c].node], 1);
    plan_count_steps(s->a->work, end - first + 1);
    if (!is_shared(s, value))
        return first_run;
    s->value_count++;
    return first_run + value->run_count;
}

/* Slices of a value have a reader each. */
static uint64_t add_slices(struct sharing *s, uint32_t node, uint64_t first_run)
{
    const struct dag *dag = s->a->dag;
    uint64_t first = dag->nodes[node].first_child, end = dag->nodes[node + 1].first_child;
    for (uint64_t c = first; c < end && s->a->work->plan->slices; c++) {
        struct shared_value *value = &s->values[s->value_count];
        if (!plan_is_slice(s->a->work->plan, c))
            continue;
        *value = (struct shared_value){.bytes = affinity_slice_bytes(s->a),
                                       .first_run = first_run,
                                       .home = s->a->clusters.of[node]};
        add_run(s, value, s->a->clusters.of[dag->children[c].node], 1);
        if (is_shared(s, value)) {
            s->value_count++;
            first_run++;
        }
    }
    return first_run;
}

struct sharing *sharing_new(struct affinity *a)
{
    struct sharing *s = memory_new(1, sizeof *s);
    uint32_t nodes = a->dag->node_count, clusters = a->clusters.count + 1;
    uint64_t readers = 0, next = 0, values = 0, slices = 0;
    for (uint32_t n = 0; n < nodes; n++) {
        values += a->bytes[n] > 0;
        slices += a->bytes[n] > 0 ? dag_child_count(a->dag, n) - a->wholes[n] : 0;
        readers += a->bytes[n] > 0 ? dag_child_count(a->dag, n) : 0;
    }
    *s = (struct sharing){.a = a,
                          .runs = memory_table(readers + 1, sizeof *s->runs),
                          .values = memory_table(values + slices + 1, sizeof *s->values),
                          .places = memory_table(readers + values + slices + 1, sizeof *s->places),
                          .begins = memory_table((size_t)clusters + 1, sizeof *s->begins),
                          .partner = memory_table(clusters, sizeof *s->partner),
                          .shared = memory_new(clusters, sizeof *s->shared),
                          .seen = memory_table((size_t)clusters + 1, sizeof *s->seen),
                          .seen_most = clusters};
    for (uint32_t n = 0; n < nodes; n++)
        if (a->bytes[n] > 0)
            next = add_slices(s, n, add_value(s, n, next));
    return s;
}

void sharing_free(struct sharing *s)
{
    free(s->runs);
    free(s->values);
    free(s->places);
    free(s->begins);
    free(s->partner);
    free(s->shared);
    free(s->seen);
    free(s);
}

/* Clusters that meet many values are told apart by some of them as well: any, for neighbours would
 * be alike. */
static void thin_out(struct sharing *s, uint64_t places)
{
    uint64_t enough = plan_larger((uint64_t)ENOUGH * s->a->clusters.count, LARGE), step = 1;
    uint32_t kept = 0;
    while (places / step > enough)
        step *= 2;
    if (step == 1)
        return;
    for (uint32_t v = 0; v < s->value_count; v++)
        if (hash_mix(v + 1) % step == 0)
            s->values[kept++] = s->values[v];
    s->value_count = kept;
}

void sharing_contract(struct sharing *s, const uint32_t *map)
{
    uint64_t next = 0;
    uint32_t kept = 0;
    for (uint32_t v = 0; v < s->value_count; v++) {
        struct shared_value from = s->values[v], *to = &s->values[kept];
        *to = from;
        to->home = map[from.home];
        to->first_run = next;
        to->run_count = 0;
        for (uint32_t r = 0; r < from.run_count; r++) {
            struct run run = s->runs[from.first_run + r];
            add_run(s, to, map[run.cluster], run.count);
        }
        plan_count_steps(s->a->work, from.run_count + 1);
        if (!is_shared(s, to))
            continue;
        next += to->run_count;
        kept++;
    }
    s->value_count = kept;
    s->is_indexed = false;
    thin_out(s, next + kept);
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* What a cluster makes itself is not brought to it. */
static bool is_brought(const struct shared_value *value, const struct run *run)
{
    return run->cluster != value->home;
}

static void count_places(struct sharing *s, const struct shared_value *value)
{
    const struct run *runs = s->runs + value->first_run;
    s->begins[value->home + 1]++;
    for (uint32_t r = 0; r < value->run_count; r++)
        s->begins[runs[r].cluster + 1] += is_brought(value, &runs[r]);
}

static void add_home(struct sharing *s, uint32_t number)
{
    s->places[s->begins[s->values[number].home]++] = (struct meeting){number, HOME};
}

static void add_places(struct sharing *s, uint32_t number)
{
    const struct shared_value *value = &s->values[number];
    const struct run *runs = s->runs + value->first_run;
    for (uint32_t r = 0; r < value->run_count; r++)
        if (is_brought(value, &runs[r]))
            s->places[s->begins[runs[r].cluster]++] = (struct meeting){number, r};
}

/* Sorts where the values are by clusters: those that are made there first, so that it is easy to
 * foretell what is done for the next one. */
static void list_places(struct sharing *s)
{
    uint32_t clusters = s->a->clusters.count + 1;
    memset(s->begins, 0, ((size_t)clusters + 1) * sizeof *s->begins);
    for (uint32_t v = 0; v < s->value_count; v++)
        count_places(s, &s->values[v]);
    for (uint32_t c = 0; c < clusters; c++)
        s->begins[c + 1] += s->begins[c];
    for (uint32_t v = 0; v < s->value_count; v++)
        add_home(s, v);
    for (uint32_t v = 0; v < s->value_count; v++)
        add_places(s, v);
    for (uint32_t c = clusters; c > 0; c--)
        s->begins[c] = s->begins[c - 1];
    s->begins[0] = 0;
    plan_count_steps(s->a->work, s->begins[clusters] + clusters);
    s->is_indexed = true;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* Nothing branches, for which of them are free is hard to foretell. (Each is seen once, but for
 * sums of bytes that are 0 again.) */
static inline void note_shared(struct sharing *s, uint32_t self, uint32_t other, uint64_t bytes)
{
    bool is_free = (other != self) & (s->partner[other] == PLAN_NONE);
    uint64_t before = s->shared[other];
    s->seen[s->seen_count] = other;
    s->seen_count += is_free & (before == 0) & (s->seen_count < s->seen_most);
    s->shared[other] = before + (bytes & (0 - (uint64_t)is_free));
}

/* Of two runs with so many readers between, how many pairs of readers are neighbours. */
static uint64_t neighbours(uint32_t count, uint32_t between, uint32_t other)
{
    uint64_t pairs = 0;
    for (uint32_t i = 0; i < count && i + between < NEIGHBOURS; i++) {
        uint32_t reach = NEIGHBOURS - between - i;
        pairs += other < reach ? other : reach;
    }
    return pairs;
}

/* Who else reads a value, among the nearest of its readers. */
static void note_readers(struct sharing *s, uint32_t self, const struct shared_value *value,
                         uint32_t own)
{
    const struct run *runs = s->runs + value->first_run;
    uint32_t between = 0;
    for (uint32_t r = own; r-- > 0 && between < NEIGHBOURS; between += runs[r].count)
        note_shared(s, self, runs[r].cluster,
                    value->bytes * neighbours(runs[own].count, between, runs[r].count));
    between = 0;
    for (uint32_t r = own + 1; r < value->run_count && between < NEIGHBOURS;
         between += runs[r++].count)
        note_shared(s, self, runs[r].cluster,
                    value->bytes * neighbours(runs[own].count, between, runs[r].count));
}

/* The first of those that read what a cluster makes. */
static void note_first_readers(struct sharing *s, uint32_t self, const struct shared_value *value)
{
    const struct run *runs = s->runs + value->first_run;
    uint32_t left = NEIGHBOURS;
    for (uint32_t r = 0; r < value->run_count && left > 0; r++) {
        uint32_t count = runs[r].count < left ? runs[r].count : left;
        note_shared(s, self, runs[r].cluster, value->bytes * count << value->is_only);
        left -= count;
    }
}

/* What a cluster shares with others: what it would not have to load, and what it makes. */
static void look_at_place(struct sharing *s, uint32_t self, const struct meeting *place)
{
    const struct shared_value *value = &s->values[place->value];
    if (place->run == HOME) {
        note_first_readers(s, self, value);
        return;
    }
    uint64_t count = s->runs[value->first_run + place->run].count;
    note_shared(s, self, value->home, value->bytes * count << value->is_only);
    note_readers(s, self, value, place->run);
}

/* Values that are met soon are fetched ahead: they lie far from each other. */
static void fetch_ahead(const struct sharing *s, uint64_t at)
{
    enum { AHEAD = 8 };
    if (at + 2 * AHEAD >= s->begins[s->a->clusters.count + 1])
        return;
    const struct meeting *soon = &s->places[at + AHEAD];
    const struct shared_value *value = &s->values[soon->value];
    __builtin_prefetch(&s->values[s->places[at + 2 * AHEAD].value]);
    __builtin_prefetch(&s->runs[value->first_run + (soon->run == HOME ? 0 : soon->run)]);
}

static bool is_allowed(const struct affinity *a, uint32_t self, uint32_t other, uint64_t most_work)
{
    uint64_t load = plan_add_ns(a->loads[self], a->loads[other]);
    return load <= most_work &&
           affinity_fits(a, load, plan_add_ns(a->holds[self], a->holds[other]));
}

/* The partner of a cluster; PLAN_NONE: it shares nothing with any that it may be joined with. */
static uint32_t find_partner(struct sharing *s, uint32_t self, uint64_t most_work)
{
    uint32_t best = PLAN_NONE;
    s->seen_count = 0;
    for (uint64_t p = s->begins[self]; p < s->begins[self + 1]; p++) {
        fetch_ahead(s, p);
        look_at_place(s, self, &s->places[p]);
    }
    for (uint32_t i = 0; i < s->seen_count; i++) {
        uint32_t other = s->seen[i];
        bool is_better = best == PLAN_NONE || s->shared[other] > s->shared[best] ||
                         (s->shared[other] == s->shared[best] && other < best);
        if (is_better && is_allowed(s->a, self, other, most_work))
            best = other;
    }
    for (uint32_t i = 0; i < s->seen_count; i++)
        s->shared[s->seen[i]] = 0;
    plan_count_steps(s->a->work, s->begins[self + 1] - s->begins[self] + s->seen_count + 1);
    return best;
}

uint32_t sharing_pair(struct sharing *s, uint64_t most_work, uint32_t *map, uint64_t *largest)
{
    const struct affinity *a = s->a;
    uint32_t count = a->clusters.count, next = 0;
    if (!s->is_indexed)
        list_places(s);
    memset(s->partner, 0xFF, ((size_t)count + 1) * sizeof *s->partner);
    *largest = 0;
    for (uint32_t c = 0; c < count; c++) {
        uint32_t other = s->partner[c] == PLAN_NONE ? find_partner(s, c, most_work) : PLAN_NONE;
        if (other == PLAN_NONE)
            continue;
        s->partner[c] = other;
        s->partner[other] = c;
        *largest = plan_larger(*largest, plan_add_ns(a->loads[c], a->loads[other]));
    }
    for (uint32_t c = 0; c < count; c++)
        map[c] = s->partner[c] < c ? map[s->partner[c]] : next++;
    map[count] = next; /* the sink */
    return next;
}
