/*
 * What a run of the sweeper wants: the nodes that it may fan out into, as ranges (spec/protocol.md,
 * P2). The set travels in the payloads of the run's invocations. It overrides `passed` and the
 * marks of split ranges: these only say that somebody handed something on once.
 */
#ifndef WKC_EXECUTOR_WANT_H
#define WKC_EXECUTOR_WANT_H

#include <stdbool.h>
#include <stdint.h>

struct node_range {
    uint32_t first, end;
};

/* The ranges are sorted, disjoint and not empty; whoever made the set keeps them. */
struct want {
    const struct node_range *ranges;
    uint32_t count;
};

static inline bool want_has(const struct want *want, uint32_t node)
{
    uint32_t low = 0, high = want->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (want->ranges[middle].end <= node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < want->count && want->ranges[low].first <= node;
}

#endif
