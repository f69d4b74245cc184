/* Equal instructions and functions; see equal.h. */
#include "flow/equal.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "flow/build.h"

#define NOTHING UINT32_MAX

/* ---- Instructions --------------------------------------------------------------------------- */

static bool calls_function(const struct ir_instruction *i)
{
    return i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE;
}

static uint32_t callee_of(const struct ir_instruction *i, const uint32_t *functions)
{
    return calls_function(i) ? functions[i->callee] : i->callee;
}

static const struct typed_annotations *annotations_of(const struct ir_instruction *i)
{
    return i->annotations ? i->annotations : &ir_no_annotations;
}

const char *equal_annotations(const struct ir_instruction *first,
                              const struct ir_instruction *second)
{
    const struct typed_annotations *a = annotations_of(first), *b = annotations_of(second);
    return a->retries != b->retries             ? "@retry"
           : a->timeout_ns != b->timeout_ns     ? "@timeout"
           : a->memory_bytes != b->memory_bytes ? "@memory"
           : a->cost_ns != b->cost_ns           ? "@cost"
           : a->together != b->together         ? "@together"
                                                : NULL;
}

static bool same_results(const struct ir_instruction *a, const struct ir_function *a_in,
                         const struct ir_instruction *b, const struct ir_function *b_in)
{
    if (a->result_count != b->result_count)
        return false;
    for (uint32_t r = 0; r < a->result_count; r++)
        if (ir_type_of(a_in, a->first_result + r) != ir_type_of(b_in, b->first_result + r))
            return false;
    return true;
}

/* Of a str: the word is its length. */
static bool same_text(const struct ir_instruction *a, const struct ir_instruction *b)
{
    if (!a->text || !b->text)
        return a->text == b->text;
    return memcmp(a->text, b->text, a->word) == 0;
}

bool equal_attributes(const struct ir_instruction *a, const struct ir_function *a_in,
                      const struct ir_instruction *b, const struct ir_function *b_in,
                      const uint32_t *functions)
{
    return a->opcode == b->opcode && a->word == b->word && a->operation == b->operation &&
           a->number == b->number && a->mask == b->mask && a->flag == b->flag &&
           callee_of(a, functions) == callee_of(b, functions) && same_text(a, b) &&
           same_results(a, a_in, b, b_in);
}

uint64_t equal_hash(const struct ir_instruction *i, const uint32_t *functions)
{
    uint64_t hash = hash_combine(i->opcode, i->word);
    hash = hash_combine(hash, (uint64_t)i->operation << 32 | callee_of(i, functions));
    return hash_combine(hash, (uint64_t)i->number << 32 | i->mask);
}

/* ---- Functions ------------------------------------------------------------------------------ */

static bool same_message(const struct ir_instruction *a, const struct ir_instruction *b)
{
    if (!a->format || !b->format)
        return a->format == b->format;
    return a->code == b->code && strcmp(a->format, b->format) == 0 &&
           strcmp(a->types, b->types) == 0;
}

static bool same_instruction(const struct ir_instruction *a, const struct ir_function *a_in,
                             const struct ir_instruction *b, const struct ir_function *b_in,
                             const uint32_t *functions)
{
    return equal_attributes(a, a_in, b, b_in, functions) && a->operand_count == b->operand_count &&
           a->targets[0] == b->targets[0] && a->targets[1] == b->targets[1] &&
           a->first_target_count == b->first_target_count && same_message(a, b) &&
           !equal_annotations(a, b) &&
           (a->operand_count == 0 ||
            memcmp(a->operands, b->operands, a->operand_count * sizeof *a->operands) == 0);
}

static bool same_block(const struct ir_block *a, const struct ir_function *a_in,
                       const struct ir_block *b, const struct ir_function *b_in,
                       const uint32_t *functions)
{
    if (a->parameter_count != b->parameter_count || a->count != b->count)
        return false;
    for (uint32_t p = 0; p < a->parameter_count; p++)
        if (ir_type_of(a_in, a->first_parameter + p) != ir_type_of(b_in, b->first_parameter + p))
            return false;
    for (uint32_t n = 0; n < a->count; n++)
        if (!same_instruction(a->instructions[n], a_in, b->instructions[n], b_in, functions))
            return false;
    return true;
}

/* Flows make scopes, which show their names. */
static bool same_head(const struct ir_function *a, const struct ir_function *b)
{
    if (a->is_flow != b->is_flow || (a->is_flow && strcmp(a->title, b->title) != 0) ||
        a->block_count != b->block_count || a->result_count != b->result_count)
        return false;
    for (uint32_t r = 0; r < a->result_count; r++)
        if (a->results[r] != b->results[r])
            return false;
    return true;
}

static bool same_function(const struct ir_function *a, const struct ir_function *b,
                          const uint32_t *functions)
{
    if (!same_head(a, b))
        return false;
    for (uint32_t i = 0; i < a->block_count; i++)
        if (!same_block(&a->blocks[i], a, &b->blocks[i], b, functions))
            return false;
    return true;
}

static uint64_t hash_function(const struct ir_function *function, const uint32_t *functions)
{
    uint64_t hash = hash_combine(function->block_count, function->value_count);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++)
            hash = hash_combine(hash, equal_hash(function->blocks[b].instructions[n], functions));
    return hash;
}

/* Callees stand behind their callers, so the last come first; where recursion has it otherwise, a
 * function is equal to itself only. */
uint32_t *equal_functions(const struct ir_module *module)
{
    uint32_t count = module->function_count, slot_count = 16;
    while (slot_count < 2 * count)
        slot_count *= 2;
    uint32_t *functions = memory_new(count, sizeof *functions);
    uint32_t *slots = memory_new(slot_count, sizeof *slots);
    memset(slots, 0xFF, slot_count * sizeof *slots);
    for (uint32_t f = 0; f < count; f++)
        functions[f] = f;
    for (uint32_t f = count; f-- > 0;) {
        const struct ir_function *function = module->functions[f];
        uint32_t slot = (uint32_t)hash_function(function, functions) & (slot_count - 1);
        while (slots[slot] != NOTHING &&
               !same_function(module->functions[slots[slot]], function, functions))
            slot = (slot + 1) & (slot_count - 1);
        if (slots[slot] == NOTHING)
            slots[slot] = f;
        else
            functions[f] = slots[slot];
    }
    free(slots);
    return functions;
}
