// The maps that map.c is measured against: the standard library's, and a good open-addressing one.
#include <string>
#include <string_view>
#include <tsl/robin_map.h>
#include <unordered_map>

#include "map.h"

template <class Map> static void *build_integers(const uint64_t *keys, size_t count)
{
    Map *map = new Map;
    for (size_t i = 0; i < count; i++)
        (*map)[keys[i]] += i;
    return map;
}

template <class Map> static uint64_t ask_integers(void *map, const uint64_t *asked, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += static_cast<Map *>(map)->find(asked[i])->second;
    return sum;
}

template <class Map> static void *build_texts(const struct text *keys, size_t count)
{
    Map *map = new Map;
    for (size_t i = 0; i < count; i++)
        (*map)[std::string(keys[i].at, keys[i].length)] += i;
    return map;
}

template <class Map> static uint64_t ask_texts(void *map, const struct text *asked, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += static_cast<Map *>(map)->find(std::string(asked[i].at, asked[i].length))->second;
    return sum;
}

template <class Map> static void release(void *map)
{
    delete static_cast<Map *>(map);
}

template <class Integers, class Texts> static constexpr map_peer peer(const char *name)
{
    return {name,
            build_integers<Integers>,
            ask_integers<Integers>,
            release<Integers>,
            build_texts<Texts>,
            ask_texts<Texts>,
            release<Texts>};
}

const map_peer map_peers[2] = {
    peer<std::unordered_map<uint64_t, uint64_t>, std::unordered_map<std::string, uint64_t>>(
        "unordered_map"),
    peer<tsl::robin_map<uint64_t, uint64_t>, tsl::robin_map<std::string, uint64_t>>(
        "tsl::robin_map"),
};
