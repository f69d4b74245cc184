/* Jumps by their targets; see edges.h. */
#include "flow/edges.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct edges edges_find(const struct ir_function *function)
{
    struct edges edges = {0};
    uint32_t blocks = function->block_count, count = 0;
    edges.items = memory_new(2 * (size_t)blocks, sizeof *edges.items);
    edges.first = memory_new(blocks, sizeof *edges.first);
    memset(edges.first, 0xFF, blocks * sizeof *edges.first);
    for (uint32_t b = 0; b < blocks; b++) {
        const struct ir_block *block = &function->blocks[b];
        const struct ir_instruction *last = block->instructions[block->count - 1];
        uint32_t ways = last->opcode == IR_BRANCH ? 2 : last->opcode == IR_JUMP ? 1 : 0;
        for (uint32_t way = 0; way < ways; way++) {
            edges.items[count] = (struct edge){b, way, edges.first[last->targets[way]]};
            edges.first[last->targets[way]] = count++;
        }
    }
    return edges;
}

void edges_release(struct edges *edges)
{
    free(edges->items);
    free(edges->first);
}
