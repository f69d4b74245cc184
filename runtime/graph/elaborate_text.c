/* Elaboration: instructions on known strings. Layouts are in code.def. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/machine.h"
#include "value/semantics.h"
#include "value/string.h"

enum { TO = 2, FIRST = 4 };

int execute_text_concat(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    enum { FEW = 16 };
    uint32_t count = (pc[0] >> FLOW_OPCODE_BITS) - FIRST;
    uint64_t few[FEW] = {0}, *words = count <= FEW ? few : memory_new(count, sizeof *words);
    for (uint32_t i = 0; i < count; i++)
        words[i] = r[operand_register(pc[FIRST + i])];
    int code = text_join(&m->texts, &m->heap, words, count, &r[pc[TO]], m->error);
    if (words != few)
        free(words);
    return code;
}

int execute_text_compare(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    uint64_t lengths[2];
    const char *left = text_bytes(&m->texts, r[operand_register(pc[FIRST])], &lengths[0]);
    const char *right = text_bytes(&m->texts, r[operand_register(pc[FIRST + 1])], &lengths[1]);
    r[pc[TO]] = (uint64_t)string_compare(left, lengths[0], right, lengths[1]);
    return 0;
}

int execute_text_slice(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    return text_slice(&m->texts, &m->heap, r[operand_register(pc[FIRST])],
                      operand_int(r, pc[FIRST + 1]), operand_int(r, pc[FIRST + 2]), &r[pc[TO]],
                      m->error);
}

int execute_text_print(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    char text[32];
    enum wk_scalar scalar = (enum wk_scalar)pc[FIRST];
    semantics_print(scalar, semantics_canonical(scalar, r[operand_register(pc[FIRST + 1])]), text);
    return text_add(&m->texts, &m->heap, text, strlen(text), &r[pc[TO]], m->error);
}

int execute_text_length(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    text_bytes(&m->texts, r[operand_register(pc[FIRST])], &r[pc[TO]]);
    return 0;
}
