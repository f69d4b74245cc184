/*
 * From flow IR to flow code: spec/flow-code.md, runtime/graph/format.h.
 *
 * Instructions keep their order; values get registers (liveness.c), and each operand says whether
 * it is a structure's last use, so that the elaborator can update in place. Tables are filled while
 * the functions are encoded, and all is put together at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/build.h"
#include "flow/effects.h"
#include "flow/encode_tables.h"
#include "flow/estimate.h"
#include "flow/liveness.h"
#include "graph/format.h"

#define RECORD_WORDS(type) (sizeof(type) / sizeof(uint32_t))

struct patch { /* a word of the code that will hold a block's offset */
    size_t word;
    uint32_t block;
};

struct encoder {
    const struct ir_module *module;
    struct effects effects;
    struct string_table strings;
    struct record_table kernels, sites;
    VECTOR(struct flow_type_record) types;
    VECTOR(const struct ir_type *) ir_types; /* of which `types` are made */
    VECTOR(uint32_t) lists;
    VECTOR(struct flow_function_record) functions;
    VECTOR(struct flow_parameter_record) parameters;
    VECTOR(uint32_t) code;
    uint32_t call_count;
    /* The function that is being encoded. */
    const struct ir_function *function;
    struct liveness liveness;
    size_t begin;      /* in code */
    size_t head;       /* of the instruction, in code */
    uint32_t *offsets; /* by block */
    uint32_t *stamps;  /* by value: the last set that it was put into */
    uint32_t stamp;    /* of the set in use */
    VECTOR(struct patch) patches;
    VECTOR(bool) last; /* of the block's operands in order: is it the last use? */
};

/* ---- Tables --------------------------------------------------------------------------------- */

static uint32_t add_string(struct encoder *e, const char *text)
{
    return string_table_add(&e->strings, text);
}

static uint32_t add_site(struct encoder *e, struct span span)
{
    struct place place = span_place(span);
    if (e->module->is_portable && span.source)
        place.file = source_portable_name(span.source);
    const uint32_t record[] = {add_string(e, place.file), place.line, place.column, place.length};
    _Static_assert(sizeof record == sizeof(struct flow_site_record), "a site's words");
    return record_table_add(&e->sites, record);
}

static uint32_t add_type_text(struct encoder *e, const struct type *type)
{
    struct buffer text = {0};
    type_print(type, &text);
    uint32_t offset = add_string(e, buffer_text(&text));
    buffer_release(&text);
    return offset;
}

/* The parameters as a tuple type. */
static uint32_t add_parameter_types(struct encoder *e, const struct typed_function *kernel)
{
    uint32_t count = kernel->parameter_count;
    const struct type **parts = memory_new(count, sizeof *parts);
    const char **names = memory_new(count, sizeof *names);
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = kernel->parameters[i]->type;
        names[i] = kernel->parameters[i]->name;
    }
    uint32_t offset = add_type_text(e, type_tuple(e->module->types, parts, names, count));
    free(parts);
    free(names);
    return offset;
}

static uint32_t type_number(const struct encoder *e, const struct ir_type *type)
{
    for (uint32_t i = 0; i < e->ir_types.count; i++)
        if (e->ir_types.items[i] == type)
            return i;
    bug("a type of another module");
}

/* The module has interned elements before what they are elements of. */
static void add_type(struct encoder *e, const struct ir_type *type)
{
    struct flow_type_record record = {.known_extents = type->known_extents};
    switch (type->kind) {
    case IR_KNOWN:
        record.kind = FLOW_KNOWN;
        record.text = add_type_text(e, type->type);
        break;
    case IR_PENDING:
        record.kind = FLOW_PENDING;
        record.text = add_type_text(e, type->type);
        break;
    case IR_STRUCTURED:
        record.kind = FLOW_STRUCTURED;
        record.rank = type->rank;
        record.element = type_number(e, type->element);
        break;
    }
    vector_push(&e->types, record);
    vector_push(&e->ir_types, type);
}

/* The known scalars come first, in the order of their enum. */
static void add_types(struct encoder *e)
{
    const struct ir_type *known[WK_SCALAR_COUNT] = {0};
    const struct ir_module *module = e->module;
    for (uint32_t i = 0; i < module->type_count; i++)
        if (module->type_slots[i]->kind == IR_KNOWN &&
            module->type_slots[i]->type->kind == TYPE_SCALAR)
            known[module->type_slots[i]->type->scalar] = module->type_slots[i];
    for (uint32_t s = 0; s < WK_SCALAR_COUNT; s++) {
        struct ir_type missing = {.kind = IR_KNOWN,
                                  .type = type_scalar(module->types, (enum wk_scalar)s)};
        add_type(e, known[s] ? known[s] : &missing);
        e->ir_types.items[s] = known[s];
    }
    for (uint32_t i = 0; i < module->type_count; i++) {
        const struct ir_type *type = module->type_slots[i];
        if (type->kind != IR_KNOWN || type->type->kind != TYPE_SCALAR)
            add_type(e, type);
    }
}

static void set_wide(uint32_t halves[2], uint64_t value)
{
    halves[0] = (uint32_t)value;
    halves[1] = (uint32_t)(value >> 32);
}

/* What the kernel's code costs, which a profile or @cost may know better. */
static uint32_t add_formula(struct encoder *e, const struct typed_function *kernel)
{
    struct arena arena;
    struct buffer text = {0};
    arena_init(&arena);
    const struct formula *formula = estimate_task(&arena, kernel);
    if (formula)
        formula_print(formula, &text);
    uint32_t string = add_string(e, buffer_text(&text));
    buffer_release(&text);
    arena_release(&arena);
    return string;
}

/* A task of the graph is a kernel with annotations. */
static uint32_t add_kernel(struct encoder *e, const struct ir_instruction *call)
{
    const struct typed_function *kernel = e->module->kernels[call->callee];
    struct typed_annotations annotations = ir_call_annotations(e->module, call);
    struct flow_kernel_record record = {
        .name = add_string(e, kernel->name),
        .symbol = add_string(e, kernel->symbol),
        .parameter_types = add_parameter_types(e, kernel),
        .result_type = add_type_text(e, kernel->result),
        .site = add_site(e, kernel->span),
        .fallback = add_string(e, kernel->fallback ? kernel->fallback->symbol : ""),
        .members = add_string(e, kernel->members ? kernel->members : ""),
        .formula = add_formula(e, kernel),
        .retries = (uint32_t)annotations.retries,
        .together = annotations.together,
        .logs = e->effects.logs[call->callee]};
    set_wide(record.timeout_ns, annotations.timeout_ns);
    set_wide(record.memory_bytes, annotations.memory_bytes);
    set_wide(record.cost_ns, annotations.cost_ns);
    uint32_t words[RECORD_WORDS(struct flow_kernel_record)];
    _Static_assert(sizeof words == sizeof record, "records are words");
    memcpy(words, &record, sizeof record);
    return record_table_add(&e->kernels, words);
}

/* ---- Words of code -------------------------------------------------------------------------- */

static void emit(struct encoder *e, uint32_t word)
{
    vector_push(&e->code, word);
}

static void begin_instruction(struct encoder *e, enum flow_opcode opcode)
{
    e->head = e->code.count;
    emit(e, opcode);
}

static void end_instruction(struct encoder *e)
{
    size_t words = e->code.count - e->head;
    if (words >> (32 - FLOW_OPCODE_BITS))
        bug("an instruction of %zu words", words);
    e->code.items[e->head] = flow_head((enum flow_opcode)e->code.items[e->head], (uint32_t)words);
}

static uint32_t register_of(const struct encoder *e, ir_value value)
{
    return e->liveness.registers[value];
}

static const struct ir_type *type_of(const struct encoder *e, ir_value value)
{
    return e->function->value_types[value];
}

static void emit_operands(struct encoder *e, const ir_value *values, const bool *last,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        emit(e, register_of(e, values[i]) | (last[i] ? FLOW_LAST : 0));
}

/* A value's register and type. */
static void emit_place(struct encoder *e, ir_value value)
{
    emit(e, register_of(e, value));
    emit(e, type_number(e, type_of(e, value)));
}

static void emit_results(struct encoder *e, const struct ir_instruction *i)
{
    for (uint32_t r = 0; r < i->result_count; r++)
        emit_place(e, i->first_result + r);
}

/* ---- Last uses ------------------------------------------------------------------------------ */

/* Sets of values, one at a time: a value is in the set if it has the set's stamp. */
static void new_set(struct encoder *e)
{
    e->stamp++;
}
static bool is_in_set(const struct encoder *e, ir_value value)
{
    return e->stamps[value] == e->stamp;
}
/* False if it was there already. */
static bool put_into_set(struct encoder *e, ir_value value)
{
    bool is_new = !is_in_set(e, value);
    e->stamps[value] = e->stamp;
    return is_new;
}

static void put_live(struct encoder *e, uint32_t block)
{
    const struct liveness *l = &e->liveness;
    for (uint32_t i = l->first_live[block]; i < l->first_live[block + 1]; i++)
        put_into_set(e, l->live[i]);
}

/* Marks operands that are not needed behind this place (the set), the last of equal ones first. */
static void mark_last(struct encoder *e, const ir_value *values, bool *last, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;)
        last[i] = put_into_set(e, values[i]) && type_of(e, values[i])->kind == IR_STRUCTURED;
}

static uint32_t second_target_count(const struct ir_instruction *branch)
{
    return branch->operand_count - 1 - branch->first_target_count;
}

/* The arguments of each edge are judged by themselves; then the set is what is needed at the
 * block's end by any of them. */
static void mark_terminator(struct encoder *e, const struct ir_instruction *i, bool *last)
{
    if (i->opcode == IR_JUMP) {
        new_set(e);
        put_live(e, i->targets[0]);
        mark_last(e, i->operands, last, i->operand_count);
    } else if (i->opcode == IR_BRANCH) {
        uint32_t first = i->first_target_count, second = second_target_count(i);
        new_set(e);
        put_live(e, i->targets[0]);
        mark_last(e, i->operands + 1, last + 1, first);
        new_set(e);
        put_live(e, i->targets[1]);
        mark_last(e, i->operands + 1 + first, last + 1 + first, second);
        put_live(e, i->targets[0]);
        for (uint32_t o = 0; o < i->operand_count; o++)
            put_into_set(e, i->operands[o]);
    } else {
        new_set(e);
        mark_last(e, i->operands, last, i->operand_count);
    }
}

/* Goes backwards over the block; fills e->last in the order of the operands. */
static void mark_block(struct encoder *e, const struct ir_block *block)
{
    size_t operands = 0;
    for (uint32_t i = 0; i < block->count; i++)
        operands += block->instructions[i]->operand_count;
    e->last.count = 0;
    vector_reserve(&e->last, operands);
    e->last.count = operands;
    if (operands)
        memset(e->last.items, 0, operands * sizeof *e->last.items);
    for (uint32_t i = block->count; i-- > 0;) {
        const struct ir_instruction *instruction = block->instructions[i];
        operands -= instruction->operand_count;
        bool *last = e->last.items + operands;
        if (i + 1 == block->count)
            mark_terminator(e, instruction, last);
        else
            mark_last(e, instruction->operands, last, instruction->operand_count);
    }
}

/* ---- Edges ---------------------------------------------------------------------------------- */

/* Structures that the other edge needs and this one does not end on it. The set is what this one
 * needs. */
static uint32_t emit_drops(struct encoder *e, const ir_value *candidates, uint32_t count)
{
    uint32_t drops = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (type_of(e, candidates[i])->kind == IR_STRUCTURED && put_into_set(e, candidates[i])) {
            emit(e, register_of(e, candidates[i]));
            drops++;
        }
    }
    return drops;
}

struct edge {
    uint32_t target, count;
    const ir_value *arguments;
    const bool *last;
};

static void emit_edge(struct encoder *e, const struct edge *edge, const struct edge *other)
{
    vector_push(&e->patches, (struct patch){e->code.count, edge->target});
    emit(e, 0);
    emit(e, edge->count);
    size_t drops_at = e->code.count;
    emit(e, 0);
    emit_operands(e, edge->arguments, edge->last, edge->count);
    if (!other)
        return;
    const struct liveness *l = &e->liveness;
    uint32_t first = l->first_live[other->target], end = l->first_live[other->target + 1];
    new_set(e);
    put_live(e, edge->target);
    for (uint32_t i = 0; i < edge->count; i++)
        put_into_set(e, edge->arguments[i]);
    uint32_t drops = emit_drops(e, l->live + first, end - first);
    drops += emit_drops(e, other->arguments, other->count);
    e->code.items[drops_at] = drops;
}

static void encode_branch(struct encoder *e, const struct ir_instruction *i, const bool *last)
{
    uint32_t first = i->first_target_count;
    struct edge edges[2] = {
        {i->targets[0], first, i->operands + 1, last + 1},
        {i->targets[1], second_target_count(i), i->operands + 1 + first, last + 1 + first}};
    size_t length_at = e->code.count;
    emit(e, 0);
    emit(e, register_of(e, i->operands[0]));
    size_t begin = e->code.count;
    emit_edge(e, &edges[0], &edges[1]);
    e->code.items[length_at] = (uint32_t)(e->code.count - begin);
    emit_edge(e, &edges[1], &edges[0]);
}

/* ---- Calls ---------------------------------------------------------------------------------- */

static enum flow_use scalar_use(const struct ir_type *type)
{
    if (type_is_unit(type->type))
        return type->kind == IR_KNOWN ? FLOW_USE_NOTHING : FLOW_USE_ORDER;
    if (type->kind == IR_KNOWN && type->type->kind == TYPE_STRING)
        return FLOW_USE_TEXT;
    return type->kind == IR_KNOWN ? FLOW_USE_WORD : FLOW_USE_REF;
}

/* How operand `at` is used for this leaf of the kernel's parameters; a leaf of an array of tuples
 * that is gathered takes an operand for each leaf of the tuple. */
static enum flow_use leaf_use(const struct encoder *e, const struct ir_instruction *i, uint32_t at,
                              const struct type *leaf, uint32_t *operands)
{
    const struct ir_type *type = type_of(e, i->operands[at]);
    *operands = 1;
    if (type->kind != IR_STRUCTURED)
        return scalar_use(type);
    if (type_has_parts(leaf->element))
        *operands = ir_leaf_count(leaf->element);
    else if (type->element->kind == IR_KNOWN && type_is_scalar(leaf->element))
        return FLOW_USE_CONSTANT;
    return FLOW_USE_GATHER;
}

/* Gives how many operands are arguments; the others are extents. */
static uint32_t find_uses(const struct encoder *e, const struct ir_instruction *i, uint8_t *uses)
{
    const struct typed_function *kernel = e->module->kernels[i->callee];
    uint32_t at = 0, operands;
    for (uint32_t p = 0; p < kernel->parameter_count; p++) {
        const struct type *type = kernel->parameters[p]->type;
        for (uint32_t l = 0; l < ir_leaf_count(type); l++) {
            uses[at] = (uint8_t)leaf_use(e, i, at, ir_leaf(type, l), &operands);
            for (uint32_t j = 1; j < operands; j++)
                uses[at + j] = FLOW_USE_JOIN;
            at += operands;
        }
    }
    return at;
}

static void encode_call(struct encoder *e, const struct ir_instruction *i, const bool *last)
{
    uint8_t *uses = memory_new(i->operand_count, 1);
    uint32_t arguments = find_uses(e, i, uses);
    emit(e, add_kernel(e, i));
    emit(e, e->call_count++);
    emit(e, arguments);
    emit(e, i->result_count);
    emit_results(e, i);
    size_t begin = e->code.count;
    emit_operands(e, i->operands, last, i->operand_count);
    for (uint32_t o = 0; o < arguments; o++)
        e->code.items[begin + o] |= (uint32_t)uses[o] << FLOW_USE_SHIFT;
    free(uses);
}

/* ---- Instructions --------------------------------------------------------------------------- */

static const enum flow_opcode flow_opcodes[IR_OPCODE_COUNT] = {
#define SAME(NAME) [IR_##NAME] = FLOW_##NAME
    SAME(TEXT_CONCAT), SAME(TEXT_COMPARE), SAME(TEXT_SLICE), SAME(TEXT_PRINT), SAME(TEXT_LENGTH),
    SAME(CONSTANT),    SAME(OPERATION),    SAME(CONVERT),    SAME(COUNT),      SAME(STRUCTURE),
    SAME(FILL),        SAME(RANGE),        SAME(GET),        SAME(SET),        SAME(SLICE),
    SAME(CONCAT),      SAME(SET_SLICE),    SAME(FLATTEN),    SAME(EXTENT),     SAME(CONCAT_ALL),
    SAME(VIEW),        SAME(ELEMENTS),     SAME(TRANSPOSE),  SAME(TILES),      SAME(LIFT),
    SAME(CALL),        SAME(APPLY),        SAME(EACH),       SAME(REDUCE),     SAME(CHECK),
    SAME(JUMP),        SAME(BRANCH),       SAME(RETURN),     SAME(FAIL),       SAME(CONTENTS),
    SAME(FIND),
#undef SAME
};

/* What stands between the site (and results) and the operands. */
static void encode_attributes(struct encoder *e, const struct ir_instruction *i)
{
    switch (i->opcode) {
    case IR_CONSTANT:
        emit(e,
             i->text ? string_table_add_bytes(&e->strings, i->text, i->word) : (uint32_t)i->word);
        emit(e, (uint32_t)(i->text ? i->word : i->word >> 32));
        break;
    case IR_OPERATION:
        emit(e, i->operation);
        emit(e, type_of(e, i->operands[0])->type->scalar);
        break;
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_SLICE:
    case IR_TEXT_LENGTH:
        break;
    case IR_TEXT_PRINT:
    case IR_CONVERT:
        emit(e, type_of(e, i->operands[0])->type->scalar);
        break;
    case IR_COUNT:
        emit(e, i->flag);
        break;
    case IR_SLICE:
    case IR_SET_SLICE:
    case IR_VIEW:
        emit(e, i->mask);
        break;
    case IR_EXTENT:
        emit(e, i->number);
        break;
    case IR_FIND:
        emit(e, i->operand_count / 2);
        for (uint32_t leaf = 0; leaf < i->operand_count / 2; leaf++)
            emit(e, type_of(e, i->operands[leaf])->element->type->kind == TYPE_STRING);
        break;
    case IR_CHECK:
        emit(e, add_string(e, error_code_text(i->code)));
        emit(e, add_string(e, i->format));
        emit(e, add_string(e, i->types));
        break;
    case IR_FAIL:
        emit(e, add_string(e, i->format));
        emit(e, add_string(e, i->types));
        break;
    case IR_STRUCTURE:
    case IR_FILL:
    case IR_RANGE:
    case IR_GET:
    case IR_SET:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_ELEMENTS:
    case IR_TILES:
    case IR_LIFT:
    case IR_CONTENTS:
    case IR_CALL:
    case IR_APPLY:
    case IR_EACH:
    case IR_REDUCE:
    case IR_JUMP:
    case IR_BRANCH:
    case IR_RETURN:
    case IR_OPCODE_COUNT:
        break;
    }
}

static void encode_loop(struct encoder *e, const struct ir_instruction *i, const bool *last)
{
    emit(e, i->callee);
    if (i->opcode != IR_APPLY)
        emit(e, i->flag);
    if (i->opcode == IR_EACH)
        emit(e, i->number);
    emit(e, i->result_count);
    emit_results(e, i);
    emit_operands(e, i->operands, last, i->operand_count);
}

static void encode_instruction(struct encoder *e, const struct ir_instruction *i, const bool *last)
{
    bool is_shared = i->opcode == IR_CALL && i->flag;
    begin_instruction(e, is_shared ? FLOW_SHARED_CALL : flow_opcodes[i->opcode]);
    if (i->opcode != IR_RETURN)
        emit(e, add_site(e, i->span));
    if (i->opcode == IR_JUMP) {
        emit_edge(e, &(struct edge){i->targets[0], i->operand_count, i->operands, last}, NULL);
    } else if (i->opcode == IR_BRANCH) {
        encode_branch(e, i, last);
    } else if (i->opcode == IR_CALL) {
        encode_call(e, i, last);
    } else if (i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE) {
        encode_loop(e, i, last);
    } else {
        emit_results(e, i);
        encode_attributes(e, i);
        emit_operands(e, i->operands, last, i->operand_count);
    }
    end_instruction(e);
}

/* ---- Functions ------------------------------------------------------------------------------ */

static void encode_block(struct encoder *e, uint32_t number)
{
    const struct ir_block *block = &e->function->blocks[number];
    const struct liveness *l = &e->liveness;
    e->offsets[number] = (uint32_t)(e->code.count - e->begin);
    begin_instruction(e, FLOW_BLOCK);
    emit(e, block->parameter_count);
    for (uint32_t i = 0; i < block->parameter_count; i++)
        emit_place(e, block->first_parameter + i);
    for (uint32_t i = l->first_live[number]; i < l->first_live[number + 1]; i++)
        emit_place(e, l->live[i]);
    end_instruction(e);
    mark_block(e, block);
    const bool *last = e->last.items;
    for (uint32_t i = 0; i < block->count; i++) {
        encode_instruction(e, block->instructions[i], last);
        last += block->instructions[i]->operand_count;
    }
}

static uint32_t add_type_list(struct encoder *e, const struct ir_type *const *types, uint32_t count)
{
    uint32_t first = (uint32_t)e->lists.count;
    for (uint32_t i = 0; i < count; i++)
        vector_push(&e->lists, type_number(e, types[i]));
    return first;
}

static void add_function(struct encoder *e)
{
    const struct ir_function *f = e->function;
    const struct ir_block *entry = &f->blocks[0];
    const struct ir_type *const *parameters = f->value_types + entry->first_parameter;
    struct flow_function_record record = {
        .title = add_string(e, f->title),
        .site = add_site(e, f->span),
        .is_flow = f->is_flow,
        .word_registers = e->liveness.word_registers,
        .registers = e->liveness.register_count,
        .first_parameter = add_type_list(e, parameters, entry->parameter_count),
        .parameter_count = entry->parameter_count,
        .first_result = add_type_list(e, f->results, f->result_count),
        .result_count = f->result_count,
        .first_word = (uint32_t)e->begin,
        .word_count = (uint32_t)(e->code.count - e->begin)};
    vector_push(&e->functions, record);
}

static void encode_function(struct encoder *e, const struct ir_function *function)
{
    e->function = function;
    liveness_compute(&e->liveness, function);
    e->begin = e->code.count;
    e->offsets = memory_new(function->block_count, sizeof *e->offsets);
    e->stamps = memory_new(function->value_count, sizeof *e->stamps);
    e->stamp = 0;
    e->patches.count = 0;
    for (uint32_t b = 0; b < function->block_count; b++)
        encode_block(e, b);
    for (size_t i = 0; i < e->patches.count; i++)
        e->code.items[e->patches.items[i].word] = e->offsets[e->patches.items[i].block];
    add_function(e);
    free(e->offsets);
    free(e->stamps);
    liveness_release(&e->liveness);
}

static void add_parameter(struct encoder *e, const struct ir_entry_parameter *parameter)
{
    struct flow_parameter_record record = {
        .name = add_string(e, parameter->name),
        .type = add_type_text(e, parameter->type),
        .default_function = parameter->default_function < 0 ? FLOW_NO_DEFAULT
                                                            : (uint32_t)parameter->default_function,
        .site = add_site(e, parameter->span)};
    vector_push(&e->parameters, record);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void append_words(struct buffer *out, const void *words, size_t bytes)
{
    if (bytes)
        buffer_append(out, words, bytes);
}

static void pad_strings(struct buffer *strings)
{
    while (strings->length % sizeof(uint32_t))
        buffer_putc(strings, '\0');
}

#define TABLE_BYTES(table) ((table).count * sizeof *(table).items)

static void write_all(struct encoder *e, struct buffer *out)
{
    struct buffer *strings = &e->strings.bytes;
    pad_strings(strings);
    struct flow_header header = {.magic = FLOW_MAGIC,
                                 .version = FLOW_VERSION,
                                 .type_count = (uint32_t)e->types.count,
                                 .kernel_count = e->kernels.count,
                                 .site_count = e->sites.count,
                                 .function_count = (uint32_t)e->functions.count,
                                 .parameter_count = (uint32_t)e->parameters.count,
                                 .list_count = (uint32_t)e->lists.count,
                                 .code_count = (uint32_t)e->code.count,
                                 .string_count = (uint32_t)(strings->length / sizeof(uint32_t)),
                                 .entry = e->module->entry,
                                 .result_type = add_type_text(e, e->module->result),
                                 .call_count = e->call_count};
    size_t begin = out->length;
    append_words(out, &header, sizeof header);
    append_words(out, e->types.items, TABLE_BYTES(e->types));
    append_words(out, e->kernels.words.items, TABLE_BYTES(e->kernels.words));
    append_words(out, e->sites.words.items, TABLE_BYTES(e->sites.words));
    append_words(out, e->functions.items, TABLE_BYTES(e->functions));
    append_words(out, e->parameters.items, TABLE_BYTES(e->parameters));
    append_words(out, e->lists.items, TABLE_BYTES(e->lists));
    append_words(out, e->code.items, TABLE_BYTES(e->code));
    append_words(out, strings->data, strings->length);
    header.words = (uint32_t)((out->length - begin) / sizeof(uint32_t));
    memcpy(out->data + begin, &header, sizeof header);
}

static void release(struct encoder *e)
{
    string_table_release(&e->strings);
    record_table_release(&e->kernels);
    record_table_release(&e->sites);
    effects_release(&e->effects);
    vector_release(&e->types);
    vector_release(&e->ir_types);
    vector_release(&e->lists);
    vector_release(&e->functions);
    vector_release(&e->parameters);
    vector_release(&e->code);
    vector_release(&e->patches);
    vector_release(&e->last);
}

void encode_module(const struct ir_module *module, struct buffer *out)
{
    struct encoder e = {.module = module,
                        .kernels.record_words = RECORD_WORDS(struct flow_kernel_record),
                        .sites.record_words = RECORD_WORDS(struct flow_site_record)};
    e.effects = effects_find(module);
    add_string(&e, "");
    add_types(&e);
    for (uint32_t i = 0; i < module->function_count; i++)
        encode_function(&e, module->functions[i]);
    for (uint32_t i = 0; i < module->parameter_count; i++)
        add_parameter(&e, &module->parameters[i]);
    add_type_text(&e, module->result); /* before the strings are padded */
    write_all(&e, out);
    release(&e);
}
