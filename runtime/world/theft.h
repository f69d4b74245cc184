/*
 * When a worker that has run out of tasks takes another's: decided by what it has seen, with no
 * clock and no threads.
 *
 * A theft costs both sides some hundred nanoseconds, in lines of memory that move from one core to
 * the other and back, and who finds nothing may only have to wait a little until the owner has run
 * the task itself. So short tasks are done sooner where they are: while there are only such, thefts
 * are put off, twice as long each time (*patience*); other tasks make a worker quick again. Waiting
 * is counted in pauses of the processor, of 10 to 40 ns.
 */
#ifndef WKC_WORLD_THEFT_H
#define WKC_WORLD_THEFT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    THEFT_LEAST_PATIENCE = 4, /* pauses; what a worker begins with */
    THEFT_MOST_PATIENCE = 4096,
    THEFT_SHORT_TASK_NS = 400, /* tasks below it are short, in the mean */
    THEFT_MOST_PAUSES = 64,    /* between two attempts */
    THEFT_PAUSES_BEFORE_SLEEP = 200 * THEFT_MOST_PAUSES,
    THEFT_ROUNDS = 8, /* between two looks whether somebody has plenty */
};

/* The patience of a worker that ran out after so many tasks in so long: since it last found some.
 */
uint32_t theft_patience(uint32_t patience, uint64_t ns, uint64_t tasks);

/* A search, from when a worker has nothing until it has stolen. */
struct theft_search {
    uint32_t patience, waited; /* pauses */
    uint32_t pauses;           /* of the next round */
    uint32_t rounds;
};

struct theft_search theft_search_begin(uint32_t patience);

/* The next round: how many pauses the worker makes before it looks around. */
uint32_t theft_search_round(struct theft_search *search);

/* Whether it then looks if somebody has plenty: that is worth a theft however short tasks are. */
bool theft_search_looks(const struct theft_search *search);

/* Whether it then tries to steal. */
bool theft_search_tries(const struct theft_search *search, bool is_plenty);

/* Whether it sleeps, if it got nothing: it has waited for about as long as it takes to wake it.
 * When it is woken there is work: it does not wait for that. */
bool theft_search_sleeps(const struct theft_search *search);
void theft_search_wake(struct theft_search *search);

#endif
