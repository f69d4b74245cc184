// The graphs of elaborate.c built with oneTBB's flow graph: nodes and edges made, nothing run.
//
//     elaborate_tbb tree|butterfly N
#include <tbb/flow_graph.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <sys/resource.h>

using namespace tbb::flow;
using node = continue_node<continue_msg>;

struct body {
    void operator()(const continue_msg &) const {}
};

static void build_tree(graph &g, std::deque<node> &nodes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nodes.emplace_back(g, body());
    for (size_t begin = 0, count = n; count > 1;) {
        size_t next = nodes.size();
        for (size_t i = 0; i + 1 < count; i += 2) {
            nodes.emplace_back(g, body());
            make_edge(nodes[begin + i], nodes.back());
            make_edge(nodes[begin + i + 1], nodes.back());
        }
        begin = next;
        count /= 2; // powers of two
    }
}

static void build_butterfly(graph &g, std::deque<node> &nodes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nodes.emplace_back(g, body());
    for (size_t step = 1, begin = 0; step < n; step *= 2, begin += n) {
        for (size_t i = 0; i < n; i++) {
            nodes.emplace_back(g, body());
            make_edge(nodes[begin + i], nodes.back());
            make_edge(nodes[begin + (i ^ step)], nodes.back());
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t n = strtoull(argv[2], nullptr, 10);
    graph g;
    std::deque<node> nodes;
    auto begin = std::chrono::steady_clock::now();
    if (strcmp(argv[1], "tree") == 0)
        build_tree(g, nodes, n);
    else
        build_butterfly(g, nodes, n);
    std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("oneTBB %s %zu tasks: %.1f ns/task, peak %ld KiB\n", argv[1], nodes.size(),
           time.count() / double(nodes.size()), usage.ru_maxrss);
    return 0;
}
