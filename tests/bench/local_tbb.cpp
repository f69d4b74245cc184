// The tree reduction and the fan-out as oneTBB flow graphs, built beforehand; see peers.h.
#include <deque>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <vector>

#include "peers.h"

using oneapi::tbb::flow::continue_msg;
using node = oneapi::tbb::flow::continue_node<continue_msg>;

struct tbb_graph {
    oneapi::tbb::global_control threads{oneapi::tbb::global_control::max_allowed_parallelism, 2};
    oneapi::tbb::flow::graph graph;
    std::vector<uint64_t> values;
    std::deque<node> nodes;
    size_t starts = 0; // the first nodes have no predecessors
};

tbb_graph *tbb_tree_new(unsigned depth)
{
    tbb_graph *g = new tbb_graph;
    size_t leaves = size_t(1) << depth;
    g->values.resize(2 * leaves);
    g->starts = leaves;
    uint64_t *values = g->values.data();
    for (size_t i = 0; i < leaves; i++)
        g->nodes.emplace_back(g->graph, [values, i](continue_msg) { values[i] = 1; });
    for (size_t count = leaves, first = 0; count > 1; first += count, count /= 2)
        for (size_t i = 0; i < count / 2; i++) {
            size_t a = first + 2 * i, c = first + count + i;
            g->nodes.emplace_back(
                g->graph, [values, a, c](continue_msg) { values[c] = values[a] + values[a + 1]; });
            make_edge(g->nodes[a], g->nodes[c]);
            make_edge(g->nodes[a + 1], g->nodes[c]);
        }
    return g;
}

tbb_graph *tbb_fan_new(uint32_t width)
{
    tbb_graph *g = new tbb_graph;
    g->values.resize(width + 2);
    g->starts = 1;
    uint64_t *values = g->values.data();
    g->nodes.emplace_back(g->graph, [values](continue_msg) { values[0] = 1; });
    for (size_t i = 1; i <= width; i++) {
        g->nodes.emplace_back(g->graph, [values, i](continue_msg) { values[i] = values[0]; });
        make_edge(g->nodes[0], g->nodes[i]);
    }
    g->nodes.emplace_back(g->graph, [values, width](continue_msg) {
        uint64_t sum = 0;
        for (size_t i = 1; i <= width; i++)
            sum += values[i];
        values[width + 1] = sum;
    });
    for (size_t i = 1; i <= width; i++)
        make_edge(g->nodes[i], g->nodes[width + 1]);
    return g;
}

uint64_t tbb_run(tbb_graph *g)
{
    for (size_t i = 0; i < g->starts; i++)
        g->nodes[i].try_put(continue_msg());
    g->graph.wait_for_all();
    return g->values[g->nodes.size() - 1];
}

void tbb_free(tbb_graph *g)
{
    delete g;
}
