/* Which mistake the environment chooses; see mutant.h. */
#include "graph/mutant.h"

#ifdef WKC_MUTANTS

#include <stdlib.h>
#include <string.h>

bool graph_mutant_is(enum graph_mutant mutant)
{
    static const char *const names[] = {
#define GRAPH_MUTANT_NAME(NAME, text) #NAME,
        GRAPH_MUTANTS(GRAPH_MUTANT_NAME)
#undef GRAPH_MUTANT_NAME
    };
    const char *chosen = getenv("WKC_MUTANT");
    return chosen && strcmp(chosen, names[mutant]) == 0;
}

#endif
