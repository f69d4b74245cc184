/* Which mistake the environment chooses; see mutant.h. */
#include "flow/mutant.h"

#ifdef WKC_MUTANTS

#include <stdlib.h>
#include <string.h>

bool flow_mutant_is(enum flow_mutant mutant)
{
    static const char *const names[] = {"",
#define FLOW_MUTANT_NAME(NAME, text) #NAME,
                                        FLOW_MUTANTS(FLOW_MUTANT_NAME)
#undef FLOW_MUTANT_NAME
    };
    const char *chosen = getenv("WKC_MUTANT");
    return chosen && strcmp(chosen, names[mutant]) == 0;
}

#endif
