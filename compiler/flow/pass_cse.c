/*
 * Merges equal instructions: where one dominates another of the same operands, the other's results
 * are the first's. So equal calls of a task are one node of the graph, and so are the nodes of
 * equal comprehensions, reductions and applications of flows.
 *
 * The dominator tree is gone over depth first, with a hash table of the instructions on the way
 * from the root: all that is in it dominates. What fails failed at the first, so failures keep
 * their order. Calls that differ in their annotations, that have an effect or may log stay; so do
 * new versions of structures, which are changed in place as long as nobody else holds them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/vector.h"
#include "flow/dominance.h"
#include "flow/effects.h"
#include "flow/equal.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"

#define NOTHING UINT32_MAX

struct entry {
    struct ir_instruction *instruction;
    uint32_t slot, previous; /* the entry that was first in the slot before */
};

struct cse {
    struct ir_module *module;
    struct effects effects;
    uint32_t *functions; /* as equal_functions gives them */
    struct ir_function *function;
    ir_value *same; /* by value: the value that it equals, or itself */
    VECTOR(struct entry) entries;
    uint32_t *slots; /* the last entry of a hash, or NOTHING */
    uint32_t slot_count;
    uint32_t *first_child, *next_sibling; /* the dominator tree, by position in the order */
    struct dominance dominance;
};

/* ---- Equal instructions --------------------------------------------------------------------- */

/* Whether two of the opcode with equal operands may be one. */
static bool is_merged(enum ir_opcode opcode)
{
    switch (opcode) {
    case IR_CONSTANT:
    case IR_OPERATION:
    case IR_CONVERT:
    case IR_COUNT:
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_SLICE:
    case IR_TEXT_PRINT:
    case IR_TEXT_LENGTH:
    case IR_RANGE:
    case IR_GET:
    case IR_SLICE:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_FIND:
    case IR_EXTENT:
    case IR_VIEW:
    case IR_ELEMENTS:
    case IR_TILES:
    case IR_LIFT:
    case IR_CONTENTS:
    case IR_CALL:
    case IR_APPLY:
    case IR_EACH:
    case IR_REDUCE:
    case IR_CHECK:
        return true;
    case IR_STRUCTURE:
    case IR_FILL:
    case IR_SET:
    case IR_SET_SLICE:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_JUMP:
    case IR_BRANCH:
    case IR_RETURN:
    case IR_FAIL:
    case IR_OPCODE_COUNT:
        return false;
    }
    return false;
}

/* Of a check the condition alone counts: it was true. */
static uint32_t compared_operands(const struct ir_instruction *i)
{
    return i->opcode == IR_CHECK ? 1 : i->operand_count;
}

static bool same_operands(const struct ir_instruction *a, const struct ir_instruction *b)
{
    uint32_t count = compared_operands(a);
    if (FLOW_MUTANT(CSE_OPERANDS) && a->opcode == IR_CALL && count > 1)
        count--;
    return count == 0 || memcmp(a->operands, b->operands, count * sizeof *a->operands) == 0;
}

/* Annotations aside. Operands are numbers of merged values. */
static bool is_same(const struct cse *c, const struct ir_instruction *a,
                    const struct ir_instruction *b)
{
    return compared_operands(a) == compared_operands(b) &&
           equal_attributes(a, c->function, b, c->function, c->functions) && same_operands(a, b);
}

static uint64_t hash(const struct cse *c, const struct ir_instruction *i)
{
    uint64_t h = equal_hash(i, c->functions);
    if (FLOW_MUTANT(CSE_OPERANDS) && i->opcode == IR_CALL)
        return h;
    return hash_combine(h, hash_bytes(i->operands, compared_operands(i) * sizeof *i->operands));
}

/* ---- Remarks -------------------------------------------------------------------------------- */

static const char *title_of(const struct cse *c, const struct ir_instruction *i)
{
    return i->opcode == IR_CALL ? c->module->kernels[i->callee]->name
                                : c->module->functions[i->callee]->title;
}

static bool makes_nodes(const struct ir_instruction *i)
{
    return i->opcode == IR_CALL || i->opcode == IR_APPLY || i->opcode == IR_EACH ||
           i->opcode == IR_REDUCE;
}

/* What the program has there, for messages: "the call of `f`". */
static const char *what_is(const struct ir_instruction *i)
{
    return i->opcode == IR_EACH     ? "comprehension in"
           : i->opcode == IR_REDUCE ? "reduction in"
                                    : "call of";
}

static void remark_merge(const struct cse *c, const struct ir_instruction *first,
                         const struct ir_instruction *i)
{
    if (makes_nodes(i))
        ir_remark(c->module, "cse", REMARK_DONE, i->span, "merged with the same %s `%s` in line %u",
                  what_is(i), title_of(c, i), span_place(first->span).line);
}

static void remark_missed(const struct cse *c, const struct ir_instruction *first,
                          const struct ir_instruction *i, const char *annotation)
{
    uint32_t line = span_place(first->span).line;
    if (annotation)
        ir_remark(c->module, "cse", REMARK_MISSED, i->span,
                  "not merged with the call of `%s` in line %u: `%s` differs", title_of(c, i), line,
                  annotation);
    else
        ir_remark(c->module, "cse", REMARK_MISSED, i->span,
                  "not merged with the same %s `%s` in line %u: %s", what_is(i), title_of(c, i),
                  line,
                  i->opcode == IR_CALL && c->module->kernels[i->callee]->foreign
                      ? "its C file has functions for logging in it"
                      : "it has an effect or logs");
}

/* ---- The way down the tree ------------------------------------------------------------------ */

/* The instruction that the results can be taken from; NULL if there is none. */
static struct ir_instruction *find(const struct cse *c, uint32_t slot,
                                   const struct ir_instruction *i)
{
    const struct ir_instruction *near = NULL;
    const char *annotation = NULL;
    bool quiet = effects_is_quiet(&c->effects, c->function, i) || FLOW_MUTANT(CSE_EFFECT);
    for (uint32_t e = c->slots[slot]; e != NOTHING; e = c->entries.items[e].previous) {
        struct ir_instruction *first = c->entries.items[e].instruction;
        if (!is_same(c, first, i))
            continue;
        const char *different = equal_annotations(first, i);
        if (quiet && (!different || FLOW_MUTANT(CSE_ANNOTATIONS)))
            return first;
        near = first;
        annotation = different;
    }
    if (near)
        remark_missed(c, near, i, annotation);
    return NULL;
}

static void enter(struct cse *c, uint32_t slot, struct ir_instruction *i)
{
    vector_push(&c->entries, (struct entry){i, slot, c->slots[slot]});
    c->slots[slot] = (uint32_t)c->entries.count - 1;
}

/* Whether the instruction stays. */
static bool visit_instruction(struct cse *c, struct ir_instruction *i)
{
    for (uint32_t o = 0; o < i->operand_count; o++)
        i->operands[o] = c->same[i->operands[o]];
    if (!is_merged(i->opcode))
        return true;
    uint32_t slot = (uint32_t)hash(c, i) & (c->slot_count - 1);
    const struct ir_instruction *first = find(c, slot, i);
    if (!first) {
        enter(c, slot, i);
        return true;
    }
    for (uint32_t r = 0; r < i->result_count; r++)
        c->same[i->first_result + r] = first->first_result + r;
    remark_merge(c, first, i);
    return false;
}

static void visit_block(struct cse *c, struct ir_block *block)
{
    uint32_t kept = 0;
    for (uint32_t n = 0; n < block->count; n++)
        if (visit_instruction(c, block->instructions[n]))
            block->instructions[kept++] = block->instructions[n];
    block->count = kept;
}

/* What a block and those that it dominates entered. */
static void leave(struct cse *c, size_t count)
{
    while (c->entries.count > count) {
        struct entry entry = vector_pop(&c->entries);
        c->slots[entry.slot] = entry.previous;
    }
}

static void link_children(struct cse *c)
{
    uint32_t count = c->dominance.count;
    memset(c->first_child, 0xFF, count * sizeof *c->first_child);
    for (uint32_t i = count; i-- > 1;) { /* the first child is the first in the order */
        c->next_sibling[i] = c->first_child[c->dominance.idom[i]];
        c->first_child[c->dominance.idom[i]] = i;
    }
}

/* Depth first without recursion: the stack holds positions, and how many entries there were. */
static void visit_tree(struct cse *c)
{
    struct frame {
        uint32_t next; /* child to visit */
        size_t entries;
    };
    struct frame *stack = memory_new(c->dominance.count, sizeof *stack);
    uint32_t depth = 1;
    visit_block(c, &c->function->blocks[c->dominance.order[0]]);
    stack[0] = (struct frame){c->first_child[0], 0};
    while (depth) {
        struct frame *top = &stack[depth - 1];
        if (top->next == NOTHING) {
            leave(c, top->entries);
            depth--;
            continue;
        }
        uint32_t child = top->next;
        top->next = c->next_sibling[child];
        stack[depth++] = (struct frame){c->first_child[child], c->entries.count};
        visit_block(c, &c->function->blocks[c->dominance.order[child]]);
    }
    free(stack);
}

static void merge_in_function(struct cse *c)
{
    uint32_t values = c->function->value_count, blocks = c->function->block_count;
    c->slot_count = 64;
    while (c->slot_count < values)
        c->slot_count *= 2;
    c->same = memory_new(values, sizeof *c->same);
    c->slots = memory_new(c->slot_count, sizeof *c->slots);
    c->first_child = memory_new(blocks, sizeof *c->first_child);
    c->next_sibling = memory_new(blocks, sizeof *c->next_sibling);
    c->dominance = dominance_new(c->function);
    memset(c->slots, 0xFF, c->slot_count * sizeof *c->slots);
    for (uint32_t v = 0; v < values; v++)
        c->same[v] = v;
    link_children(c);
    visit_tree(c);
    dominance_free(&c->dominance);
    free(c->same);
    free(c->slots);
    free(c->first_child);
    free(c->next_sibling);
}

void pass_cse(struct ir_module *module)
{
    struct cse c = {
        .module = module, .effects = effects_find(module), .functions = equal_functions(module)};
    for (uint32_t i = 0; i < module->function_count; i++) {
        c.function = module->functions[i];
        c.entries.count = 0;
        merge_in_function(&c);
    }
    vector_release(&c.entries);
    free(c.functions);
    effects_release(&c.effects);
    ir_tidy(module);
}
