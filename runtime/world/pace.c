/* Means of what was measured; see pace.h. */
#include "world/pace.h"

enum {
    RECENT = 8, /* about so many runs count in a task's mean */
    SHORT_NS = 200 * 1000,
    LONG_NS = 1000 * 1000 * 1000,
    BURST_BYTES = 256 << 10, /* smaller ones say more about round trips */
    MILLISECOND = 1000 * 1000,
};

/* ---- Tasks ---------------------------------------------------------------------------------- */

void task_pace_note(struct task_pace *pace, uint64_t took)
{
    uint64_t mean = pace->recent == 0 ? took : pace->recent - pace->recent / RECENT + took / RECENT;
    pace->recent = mean > 0 ? mean : 1;
    if (took > pace->longest)
        pace->longest = took;
}

bool task_pace_is_short(const struct task_pace *pace)
{
    return pace->recent > 0 && pace->recent < SHORT_NS && pace->longest < LONG_NS;
}

/* ---- Transfers ------------------------------------------------------------------------------ */

void transfer_pace_begin(struct transfer_pace *pace, uint64_t now)
{
    if (pace->under_way++ > 0)
        return;
    pace->began = now;
    pace->bytes = 0;
}

static uint32_t rate_of(uint64_t bytes, uint64_t took)
{
    double rate = (double)bytes * MILLISECOND / (double)(took > 0 ? took : 1);
    return rate < 1 ? 1 : rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

void transfer_pace_end(struct transfer_pace *pace, uint64_t bytes, uint64_t now)
{
    pace->bytes += bytes;
    if (pace->under_way == 0 || --pace->under_way > 0 || pace->bytes < BURST_BYTES)
        return;
    uint32_t rate = rate_of(pace->bytes, now - pace->began);
    pace->bytes_per_ms = pace->bytes_per_ms == 0 ? rate : pace->bytes_per_ms / 2 + rate / 2;
}

void transfer_pace_forget(struct transfer_pace *pace)
{
    pace->under_way = 0;
}
