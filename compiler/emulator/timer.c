/* Timers in a binary heap, the earliest on top. */
#include "emulator/internal.h"

static void place(struct timers *timers, size_t at, struct timer *timer)
{
    timers->heap.items[at - 1] = timer;
    timer->place = at;
}

static void sift_up(struct timers *timers, struct timer *timer)
{
    size_t at = timer->place;
    for (; at > 1 && timers->heap.items[at / 2 - 1]->at > timer->at; at /= 2)
        place(timers, at, timers->heap.items[at / 2 - 1]);
    place(timers, at, timer);
}

static void sift_down(struct timers *timers, struct timer *timer)
{
    size_t at = timer->place, count = timers->heap.count;
    for (size_t child; (child = 2 * at) <= count; at = child) {
        struct timer **items = timers->heap.items;
        if (child < count && items[child]->at < items[child - 1]->at)
            child++;
        if (items[child - 1]->at >= timer->at)
            break;
        place(timers, at, items[child - 1]);
    }
    place(timers, at, timer);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t at)
{
    timers_cancel(timers, timer);
    timer->at = at;
    vector_push(&timers->heap, timer);
    timer->place = timers->heap.count;
    sift_up(timers, timer);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    if (!timer->place)
        return;
    size_t hole = timer->place;
    timer->place = 0;
    struct timer *last = vector_pop(&timers->heap);
    if (last == timer)
        return;
    place(timers, hole, last);
    sift_up(timers, last);
    sift_down(timers, last);
}

void timers_run(struct timers *timers, uint64_t now)
{
    while (timers->heap.count && timers->heap.items[0]->at <= now) {
        struct timer *timer = timers->heap.items[0];
        timers_cancel(timers, timer);
        timer->fire(timer);
    }
}

uint64_t timers_next(const struct timers *timers)
{
    return timers->heap.count ? timers->heap.items[0]->at : UINT64_MAX;
}
