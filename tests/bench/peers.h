/* What local.c compares with: the same work by others. Each function runs it once and returns the
 * sum that shows that it was done. Building what may be built beforehand is apart. */
#ifndef WKC_BENCH_PEERS_H
#define WKC_BENCH_PEERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* GCC's OpenMP tasks, with dependences or taskwait, whichever is faster for the shape. */
uint64_t openmp_tree(unsigned depth);
uint64_t openmp_tree_depend(unsigned depth);
uint64_t openmp_fan(uint32_t width);

/* oneTBB flow graphs, built beforehand. */
struct tbb_graph;
struct tbb_graph *tbb_tree_new(unsigned depth);
struct tbb_graph *tbb_fan_new(uint32_t width);
uint64_t tbb_run(struct tbb_graph *graph);
void tbb_free(struct tbb_graph *graph);

#ifdef __cplusplus
}
#endif

#endif
