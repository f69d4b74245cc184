/* Elaboration: the instructions on known values and structures. Layouts are in code.def. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/key_index.h"
#include "graph/machine.h"
#include "value/semantics.h"

/* Behind the first word: site, to, type; then what each instruction says. */
enum { SITE = 1, TO = 2, TYPE = 3, FIRST = 4 };

static const struct flow_type *result_type(const struct machine *m, const uint32_t *pc)
{
    return &m->code->types[pc[TYPE]];
}

static bool is_nested(const struct machine *m, const struct flow_type *structure)
{
    return m->code->types[structure->element].kind == FLOW_STRUCTURED;
}

static void load_ints(const uint64_t *r, const uint32_t *operands, uint32_t count, int64_t *values)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = operand_int(r, operands[i]);
}

/* An operand as an element: a structure's reference is the element's. */
static uint64_t take_element(uint64_t *r, uint32_t operand, bool nested)
{
    return nested ? structure_word(operand_take(r, operand)) : r[operand_register(operand)];
}

/* ---- Making -----------------------------------------------------------------------------------
 */

int execute_structure(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    const struct flow_type *type = result_type(m, pc);
    uint32_t elements = (pc[0] >> FLOW_OPCODE_BITS) - FIRST - type->rank;
    const uint32_t *operands = pc + FIRST + type->rank;
    int64_t extents[WK_MAX_RANK];
    load_ints(r, pc + FIRST, type->rank, extents);
    struct structure *made;
    bool nested = is_nested(m, type);
    int code = structure_new(&m->heap, type->rank, extents, nested, &made, m->error);
    if (code)
        return code;
    if (made->count != elements) {
        structure_release(&m->heap, made);
        return error_set(m->error, ERR_bad_flow_code,
                         "damaged flow code: a structure's extents are not those of its elements");
    }
    for (uint32_t i = 0; i < elements; i++)
        structure_slots(made)[i] = take_element(r, operands[i], nested);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

int execute_fill(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    const struct flow_type *type = result_type(m, pc);
    int64_t extents[WK_MAX_RANK];
    load_ints(r, pc + FIRST + 1, type->rank, extents);
    struct structure *made;
    bool nested = is_nested(m, type);
    int code = structure_new(&m->heap, type->rank, extents, nested, &made, m->error);
    if (code)
        return code;
    uint64_t word = r[operand_register(pc[FIRST])], *slots = structure_slots(made);
    for (uint64_t i = 0; i < made->count; i++)
        slots[i] = nested ? structure_word(structure_retain(structure_at(word))) : word;
    if (nested)
        operand_done(m, r, pc[FIRST]);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

/* How many steps lead from low to high: in 128 bits, where nothing overflows. */
static int count_steps(struct machine *m, const int64_t bounds[3], bool inclusive, int64_t *count)
{
    __extension__ typedef __int128 wide;
    wide low = bounds[0], high = bounds[1], step = bounds[2], steps;
    if (step == 0)
        return error_set(m->error, ERR_zero_step,
                         "a range from %" PRId64 " to %" PRId64 " has step 0", bounds[0],
                         bounds[1]);
    if (step > 0)
        steps = (high - low + (inclusive ? step : step - 1)) / step;
    else
        steps = (low - high + (inclusive ? -step : -step - 1)) / -step;
    if (step > 0 ? high + inclusive <= low : low + inclusive <= high)
        steps = 0;
    if (steps > INT64_MAX)
        return error_set(m->error, ERR_array_too_large,
                         "a range from %" PRId64 " to %" PRId64 " is too long for an array",
                         bounds[0], bounds[1]);
    *count = (int64_t)steps;
    return 0;
}

int execute_count(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    int64_t bounds[3], count = 0;
    load_ints(r, pc + FIRST + 1, 3, bounds);
    int code = count_steps(m, bounds, pc[FIRST], &count);
    if (!code)
        r[pc[TO]] = (uint64_t)count;
    return code;
}

int execute_range(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    int64_t bounds[3], count = 0;
    load_ints(r, pc + FIRST, 3, bounds);
    struct structure *made;
    int code = count_steps(m, bounds, false, &count);
    code = code ? code : structure_new(&m->heap, 1, &count, false, &made, m->error);
    if (code)
        return code;
    for (uint64_t i = 0; i < made->count; i++)
        structure_slots(made)[i] = (uint64_t)bounds[0] + i * (uint64_t)bounds[2];
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

/* ---- Elements and slices ----------------------------------------------------------------------
 */

int execute_get(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct structure *structure = operand_borrow(r, pc[FIRST]);
    int64_t indexes[WK_MAX_RANK];
    uint64_t element;
    load_ints(r, pc + FIRST + 1, structure->rank, indexes);
    int code = structure_locate(structure, indexes, &element, m->error);
    if (code)
        return code;
    uint64_t word = structure_slots(structure)[element];
    if (structure->is_nested) {
        structure_retain(structure_at(word));
        operand_done(m, r, pc[FIRST]);
        register_set_structure(m, r, pc[TO], structure_at(word));
    } else {
        operand_done(m, r, pc[FIRST]);
        r[pc[TO]] = word;
    }
    return 0;
}

int execute_set(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct structure *structure = operand_borrow(r, pc[FIRST]);
    int64_t indexes[WK_MAX_RANK];
    uint64_t element;
    uint32_t value = pc[FIRST + 1 + structure->rank];
    load_ints(r, pc + FIRST + 1, structure->rank, indexes);
    int code = structure_locate(structure, indexes, &element, m->error);
    if (code)
        return code;
    uint64_t word = take_element(r, value, structure->is_nested);
    structure = operand_take(r, pc[FIRST]);
    code = structure_own(&m->heap, &structure, m->error);
    if (code)
        return code;
    uint64_t *slot = &structure_slots(structure)[element];
    if (structure->is_nested)
        structure_release(&m->heap, structure_at(*slot));
    *slot = word;
    register_set_structure(m, r, pc[TO], structure);
    return 0;
}

static uint32_t bounds_count(uint32_t mask, uint32_t rank)
{
    return rank + (uint32_t)__builtin_popcount(mask);
}

static int load_selection(struct machine *m, const uint32_t *pc, const uint64_t *r,
                          const struct structure *structure, struct selection *selection)
{
    int64_t bounds[2 * WK_MAX_RANK];
    load_ints(r, pc + FIRST + 2, bounds_count(pc[FIRST], structure->rank), bounds);
    return selection_make(selection, structure->extents, structure->rank, pc[FIRST], bounds,
                          m->error);
}

int execute_slice(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct structure *structure = operand_borrow(r, pc[FIRST + 1]), *made;
    struct selection selection;
    int code = load_selection(m, pc, r, structure, &selection);
    code = code ? code : structure_slice(&m->heap, structure, &selection, &made, m->error);
    if (code)
        return code;
    operand_done(m, r, pc[FIRST + 1]);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

int execute_set_slice(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct structure *structure = operand_borrow(r, pc[FIRST + 1]);
    struct selection selection;
    uint32_t values = pc[FIRST + 2 + bounds_count(pc[FIRST], structure->rank)];
    int code = load_selection(m, pc, r, structure, &selection);
    if (code)
        return code;
    structure = operand_take(r, pc[FIRST + 1]);
    code =
        structure_set_slice(&m->heap, &structure, &selection, operand_borrow(r, values), m->error);
    if (code)
        return code;
    operand_done(m, r, values);
    register_set_structure(m, r, pc[TO], structure);
    return 0;
}

/* ---- Keys -------------------------------------------------------------------------------------
 */

int execute_find(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    enum { FEW_LEAVES = 8 };
    struct structure *few_keys[FEW_LEAVES];
    uint64_t few_words[FEW_LEAVES];
    uint32_t leaves = pc[FIRST];
    const uint32_t *keys = pc + FIRST + 1 + leaves, *key = keys + leaves;
    bool are_few = leaves <= FEW_LEAVES;
    struct structure **structures = are_few ? few_keys : memory_new(leaves, sizeof *structures);
    uint64_t *words = are_few ? few_words : memory_new(leaves, sizeof *words);
    int code = 0;
    int64_t place = -1;
    for (uint32_t i = 0; i < leaves; i++) {
        structures[i] = operand_borrow(r, keys[i]);
        words[i] = r[operand_register(key[i])];
        if (structures[i]->count != structures[0]->count)
            code = error_set(m->error, ERR_bad_flow_code,
                             "damaged flow code: the leaves of keys are not equally many");
    }
    struct key_search search = {structures, words, pc + FIRST + 1, leaves};
    code = code ? code : key_index_find(&m->heap, &m->texts, &search, &place, m->error);
    if (!are_few) {
        free(structures);
        free(words);
    }
    if (code)
        return code;
    for (uint32_t i = 0; i < leaves; i++)
        operand_done(m, r, keys[i]);
    r[pc[TO]] = (uint64_t)place;
    return 0;
}

/* ---- Rearranging ------------------------------------------------------------------------------
 */

int execute_concat(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    /* If the same structure stands on both sides, only the second can be its last use: then it has
     * two owners here, and is not extended in place. */
    struct structure *made = operand_take(r, pc[FIRST]);
    int code = structure_extend(&m->heap, &made, operand_borrow(r, pc[FIRST + 1]), m->error);
    if (code)
        return code;
    operand_done(m, r, pc[FIRST + 1]);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

int execute_concat_all(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    const struct flow_type *type = result_type(m, pc);
    struct structure *made;
    int code = structure_concat_all(&m->heap, operand_borrow(r, pc[FIRST]), type->rank,
                                    is_nested(m, type), &made, m->error);
    if (code)
        return code;
    operand_done(m, r, pc[FIRST]);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

int execute_flatten(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct structure *made;
    int code = structure_flatten(&m->heap, operand_borrow(r, pc[FIRST]),
                                 is_nested(m, result_type(m, pc)), &made, m->error);
    if (code)
        return code;
    operand_done(m, r, pc[FIRST]);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

int execute_transpose(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    struct structure *made;
    int code = structure_transpose(&m->heap, operand_borrow(r, pc[FIRST]), &made, m->error);
    if (code)
        return code;
    operand_done(m, r, pc[FIRST]);
    register_set_structure(m, r, pc[TO], made);
    return 0;
}

/* ---- Messages ---------------------------------------------------------------------------------
 */

static enum wk_scalar letter_scalar(char letter)
{
    switch (letter) {
    case 'i':
        return WK_I64;
    case 'u':
        return WK_U64;
    case 'f':
        return WK_F64;
    case 'g':
        return WK_F32;
    }
    return WK_BOOL;
}

static void print_value(const struct machine *m, char letter, uint64_t word, struct buffer *out)
{
    char text[32];
    uint64_t length;
    if (letter == 's' || letter == 'q') {
        const char *bytes = text_bytes(&m->texts, word, &length);
        if (letter == 's')
            buffer_append_visible(out, bytes, (size_t)length);
        else
            buffer_json_string(out, bytes, (size_t)length);
        return;
    }
    semantics_print(letter_scalar(letter), word, text);
    buffer_puts(out, text);
}

/* {} stands for the next value, doubled braces for one (wk.h). */
static void format_message(const struct machine *m, const char *format, const char *types,
                           const uint32_t *operands, const uint64_t *r, struct buffer *out)
{
    for (const char *c = format; *c; c++) {
        if (c[0] == '{' && c[1] == '}' && *types) {
            print_value(m, *types++, r[operand_register(*operands++)], out);
            c++;
            continue;
        }
        buffer_putc(out, *c);
        c += (c[0] == '{' || c[0] == '}') && c[1] == c[0];
    }
}

int execute_message(struct machine *m, enum error_code code, const uint32_t *message,
                    const uint32_t *operands, const uint64_t *r)
{
    struct buffer text = {0};
    format_message(m, m->code->strings + message[0], m->code->strings + message[1], operands, r,
                   &text);
    error_set(m->error, code, "%s", buffer_text(&text));
    buffer_release(&text);
    return (int)code;
}
