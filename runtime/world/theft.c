/* When workers steal; see theft.h. */
#include "world/theft.h"

uint32_t theft_patience(uint32_t patience, uint64_t ns, uint64_t tasks)
{
    bool is_short = ns < tasks * THEFT_SHORT_TASK_NS;
    uint32_t next = is_short ? patience * 2 : patience / 4;
    if (next < THEFT_LEAST_PATIENCE)
        return THEFT_LEAST_PATIENCE;
    return next < THEFT_MOST_PATIENCE ? next : THEFT_MOST_PATIENCE;
}

struct theft_search theft_search_begin(uint32_t patience)
{
    return (struct theft_search){.patience = patience, .pauses = THEFT_LEAST_PATIENCE};
}

uint32_t theft_search_round(struct theft_search *search)
{
    uint32_t pauses = search->pauses;
    search->waited += pauses;
    search->pauses = pauses < THEFT_MOST_PAUSES ? pauses * 2 : THEFT_MOST_PAUSES;
    search->rounds++;
    return pauses;
}

bool theft_search_looks(const struct theft_search *search)
{
    return search->waited < search->patience && search->rounds % THEFT_ROUNDS == 0;
}

bool theft_search_tries(const struct theft_search *search, bool is_plenty)
{
    return search->waited >= search->patience || is_plenty;
}

bool theft_search_sleeps(const struct theft_search *search)
{
    return search->waited >= THEFT_PAUSES_BEFORE_SLEEP;
}

void theft_search_wake(struct theft_search *search)
{
    search->patience = search->waited = 0;
}
