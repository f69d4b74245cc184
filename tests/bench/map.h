/* What map.c asks of each map in C++ (map_peer.cpp). Texts end with 0 and are of known lengths. */
#ifndef WKC_BENCH_MAP_H
#define WKC_BENCH_MAP_H

#include <stddef.h>
#include <stdint.h>

struct text {
    const char *at;
    size_t length;
};

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a map of the keys to their numbers, adds up the values of the keys of `asked`, frees it. */
struct map_peer {
    const char *name;
    void *(*build_integers)(const uint64_t *keys, size_t count);
    uint64_t (*ask_integers)(void *map, const uint64_t *asked, size_t count);
    void (*free_integers)(void *map);
    void *(*build_texts)(const struct text *keys, size_t count);
    uint64_t (*ask_texts)(void *map, const struct text *asked, size_t count);
    void (*free_texts)(void *map);
};
extern const struct map_peer map_peers[2];

#ifdef __cplusplus
}
#endif

#endif
