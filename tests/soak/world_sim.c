/*
 * Simulated jobs with random DAGs and faults until the time is up or all seeds are done; see
 * tests/unit/torture.h.
 *
 *     build/release/soak/world_sim [SECONDS] [FIRST_SEED] [SEEDS]
 *
 * Ends with status 1 at the first violation, and prints its seed and profile.
 */
#include <time.h>

#include "test.h"
#include "torture.h"

static bool run_seed(uint64_t seed)
{
    for (int profile = SIM_NO_FAULTS; profile < SIM_PROFILE_COUNT; profile++) {
        const char *found = torture(seed, (enum sim_profile)profile);
        if (!found)
            continue;
        printf("seed %" PRIu64 ", profile %d: %s\n", seed, profile, found);
        return false;
    }
    return true;
}

int main(int count, char **arguments)
{
    long seconds = count > 1 ? atol(arguments[1]) : 60;
    uint64_t first = count > 2 ? strtoull(arguments[2], NULL, 0) : (uint64_t)time(NULL) << 20;
    uint64_t seeds = count > 3 ? strtoull(arguments[3], NULL, 0) : UINT64_MAX;
    uint64_t seed = first;
    time_t end = time(NULL) + seconds;
    for (; seed - first < seeds && time(NULL) < end; seed++)
        if (!run_seed(seed))
            return 1;
    printf("%" PRIu64 " jobs from seed %" PRIu64 " without a violation\n",
           (seed - first) * SIM_PROFILE_COUNT, first);
    return 0;
}
