/* The tree reduction and the fan-out as OpenMP tasks; see peers.h. */
#include <stdlib.h>

#include "peers.h"

enum { THREADS = 2 };

static uint64_t reduce_waiting(unsigned depth)
{
    if (depth == 0)
        return 1;
    uint64_t left, right;
#pragma omp task shared(left)
    left = reduce_waiting(depth - 1);
#pragma omp task shared(right)
    right = reduce_waiting(depth - 1);
#pragma omp taskwait
    return left + right;
}

uint64_t openmp_tree(unsigned depth)
{
    uint64_t sum = 0;
#pragma omp parallel num_threads(THREADS)
#pragma omp single
    sum = reduce_waiting(depth);
    return sum;
}

/* One task creates all others, level by level. */
static void create_tree(uint64_t *values, uint32_t leaves)
{
    for (uint32_t i = 0; i < leaves; i++) {
        uint64_t *leaf = &values[i];
#pragma omp task depend(out : leaf[0]) firstprivate(leaf)
        leaf[0] = 1;
    }
    for (uint32_t count = leaves; count > 1; count /= 2) {
        uint64_t *next = values + count;
        for (uint32_t i = 0; i < count / 2; i++) {
            uint64_t *a = &values[2 * i], *b = &values[2 * i + 1], *c = &next[i];
#pragma omp task depend(in : a[0], b[0]) depend(out : c[0]) firstprivate(a, b, c)
            c[0] = a[0] + b[0];
        }
        values = next;
    }
}

uint64_t openmp_tree_depend(unsigned depth)
{
    uint32_t leaves = 1u << depth;
    uint64_t *values = malloc(2 * (size_t)leaves * sizeof *values);
#pragma omp parallel num_threads(THREADS)
#pragma omp single
    create_tree(values, leaves);
    uint64_t sum = values[2 * leaves - 2];
    free(values);
    return sum;
}

/* The same graph: the middle tasks depend on the first one's result. (The last would need a list of
 * all its dependences; it is run after taskwait, which costs less.) */
static uint64_t create_fan(uint64_t *values, uint32_t width)
{
    uint64_t *root = &values[width], sum = 0;
#pragma omp task depend(out : root[0]) firstprivate(root)
    root[0] = 1;
    for (uint32_t i = 0; i < width; i++) {
        uint64_t *value = &values[i];
#pragma omp task depend(in : root[0]) depend(out : value[0]) firstprivate(root, value)
        value[0] = root[0];
    }
#pragma omp taskwait
    for (uint32_t i = 0; i < width; i++)
        sum += values[i];
    return sum;
}

uint64_t openmp_fan(uint32_t width)
{
    uint64_t *values = malloc((width + 1) * sizeof *values), sum = 0;
#pragma omp parallel num_threads(THREADS)
#pragma omp single
    sum = create_fan(values, width);
    free(values);
    return sum;
}
