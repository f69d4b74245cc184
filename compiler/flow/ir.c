/*
 * The types of flow IR and the functions that build it; see ir.h and build.h.
 *
 * Arrays that grow are reallocated in the arena whenever their count is a power of two, which
 * wastes no more than they use in the end.
 */
#include "flow/build.h"

#include <string.h>

#include "base/memory.h"
#include "value/semantics.h"

const struct typed_annotations ir_no_annotations = {.retries = -1};

const struct ir_target ir_target_any = {
    .parallelism = 64, .task_ns = 10 * 1000 * 1000, .task_bytes = 128 << 10};

struct ir_target ir_target_threads(uint32_t threads)
{
    return (struct ir_target){
        .parallelism = threads, .task_ns = 100 * 1000, .task_bytes = 256 << 10};
}

const char *ir_mnemonic(enum ir_opcode opcode)
{
    static const char *const mnemonics[IR_OPCODE_COUNT] = {
#define IR(NAME, text, signature) text,
#include "flow/ir.def"
#undef IR
    };
    return mnemonics[opcode];
}

bool ir_is_terminator(enum ir_opcode opcode)
{
    return opcode == IR_JUMP || opcode == IR_BRANCH || opcode == IR_RETURN || opcode == IR_FAIL;
}

/* ---- Types ---------------------------------------------------------------------------------- */

static bool same_type(const struct ir_type *a, const struct ir_type *b)
{
    return a->kind == b->kind && a->type == b->type && a->known_extents == b->known_extents &&
           a->rank == b->rank && a->element == b->element;
}

/* Room for one more item in an array of `count`. */
static void *grown(struct arena *arena, void *items, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    void *more = arena_alloc_array(arena, count ? 2 * (size_t)count : 1, size);
    if (count)
        memcpy(more, items, count * size);
    return more;
}

/* A program has a few dozen types, so they are searched one by one. */
static const struct ir_type *intern_type(struct ir_module *module, const struct ir_type *wanted)
{
    for (uint32_t i = 0; i < module->type_count; i++)
        if (same_type(module->type_slots[i], wanted))
            return module->type_slots[i];
    module->type_slots =
        grown(module->arena, module->type_slots, module->type_count, sizeof *module->type_slots);
    const struct ir_type *type = arena_copy(module->arena, wanted, sizeof *wanted);
    return module->type_slots[module->type_count++] = type;
}

const struct ir_type *ir_type_known(struct ir_module *module, const struct type *type)
{
    return intern_type(module, &(struct ir_type){.kind = IR_KNOWN, .type = type});
}

const struct ir_type *ir_type_pending(struct ir_module *module, const struct type *type,
                                      uint32_t known_extents)
{
    return intern_type(
        module,
        &(struct ir_type){.kind = IR_PENDING, .type = type, .known_extents = known_extents});
}

const struct ir_type *ir_type_structured(struct ir_module *module, const struct ir_type *element,
                                         uint8_t rank)
{
    return intern_type(module,
                       &(struct ir_type){.kind = IR_STRUCTURED, .rank = rank, .element = element});
}

bool ir_type_fits(const struct ir_type *from, const struct ir_type *to)
{
    while (from->kind == IR_STRUCTURED && to->kind == IR_STRUCTURED && from->rank == to->rank) {
        from = from->element;
        to = to->element;
    }
    return from == to || (from->kind == IR_PENDING && to->kind == IR_PENDING &&
                          from->type == to->type && !(to->known_extents & ~from->known_extents));
}

uint32_t ir_leaf_count(const struct type *type)
{
    if (!type_has_parts(type) || type_is_unit(type))
        return 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += ir_leaf_count(type->parts[i]);
    return count;
}

const struct type *ir_leaf(const struct type *type, uint32_t index)
{
    if (!type_has_parts(type) || type_is_unit(type))
        return type;
    uint32_t part = 0;
    for (; index >= ir_leaf_count(type->parts[part]); part++)
        index -= ir_leaf_count(type->parts[part]);
    return ir_leaf(type->parts[part], index);
}

struct typed_annotations ir_call_annotations(const struct ir_module *module,
                                             const struct ir_instruction *call)
{
    const struct typed_annotations *own = call->annotations;
    struct typed_annotations merged = module->kernels[call->callee]->annotations;
    if (!own)
        return merged;
    merged.retries = own->retries >= 0 ? own->retries : merged.retries;
    merged.timeout_ns = own->timeout_ns ? own->timeout_ns : merged.timeout_ns;
    merged.memory_bytes = own->memory_bytes ? own->memory_bytes : merged.memory_bytes;
    merged.cost_ns = own->cost_ns ? own->cost_ns : merged.cost_ns;
    merged.together |= own->together;
    return merged;
}

/* ---- Modules, functions, blocks ------------------------------------------------------------- */

struct ir_module *ir_module_new(struct arena *arena, struct type_table *types,
                                const struct source *source)
{
    struct ir_module *module = arena_new(arena, struct ir_module);
    module->arena = arena;
    module->types = types;
    module->source = source;
    module->target = ir_target_any;
    return module;
}

uint32_t ir_function_new(struct ir_module *module, const char *name, const char *title,
                         bool is_flow, struct span span)
{
    struct ir_function *function = arena_new(module->arena, struct ir_function);
    function->name = name;
    function->title = title;
    function->is_flow = is_flow;
    function->span = span;
    module->functions =
        grown(module->arena, module->functions, module->function_count, sizeof *module->functions);
    module->functions[module->function_count] = function;
    return module->function_count++;
}

uint32_t ir_kernel_new(struct ir_module *module, struct typed_function *kernel)
{
    module->kernels =
        grown(module->arena, module->kernels, module->kernel_count, sizeof *module->kernels);
    module->kernels[module->kernel_count] = kernel;
    return module->kernel_count++;
}

uint32_t ir_block_new(struct ir_module *module, struct ir_function *function)
{
    function->blocks =
        grown(module->arena, function->blocks, function->block_count, sizeof *function->blocks);
    function->blocks[function->block_count] = (struct ir_block){0};
    return function->block_count++;
}

ir_value ir_value_new(struct ir_module *module, struct ir_function *function,
                      const struct ir_type *type)
{
    function->value_types = grown(module->arena, function->value_types, function->value_count,
                                  sizeof *function->value_types);
    function->value_types[function->value_count] = type;
    return function->value_count++;
}

ir_value ir_block_parameters(struct ir_module *module, struct ir_function *function, uint32_t block,
                             const struct ir_type *const *types, uint32_t count)
{
    ir_value first = function->value_count;
    for (uint32_t i = 0; i < count; i++)
        ir_value_new(module, function, types[i]);
    function->blocks[block].first_parameter = first;
    function->blocks[block].parameter_count = count;
    return first;
}

/* ---- Instructions --------------------------------------------------------------------------- */

static void append(struct ir_module *module, struct ir_block *block,
                   struct ir_instruction *instruction)
{
    if (block->count == block->capacity) {
        uint32_t capacity = block->capacity ? 2 * block->capacity : 8;
        struct ir_instruction **more =
            arena_array(module->arena, struct ir_instruction *, capacity);
        if (block->count)
            memcpy(more, block->instructions, block->count * sizeof *more);
        block->instructions = more;
        block->capacity = capacity;
    }
    block->instructions[block->count++] = instruction;
}

struct ir_instruction *ir_emit(struct ir_builder *builder, enum ir_opcode opcode,
                               const ir_value *operands, uint32_t operand_count,
                               const struct ir_type *const *results, uint32_t result_count)
{
    struct ir_module *module = builder->module;
    struct ir_instruction *instruction = arena_new(module->arena, struct ir_instruction);
    instruction->opcode = opcode;
    instruction->span = builder->span;
    if (operand_count)
        instruction->operands =
            arena_copy(module->arena, operands, operand_count * sizeof *operands);
    instruction->operand_count = operand_count;
    instruction->first_result = builder->function->value_count;
    instruction->result_count = result_count;
    for (uint32_t i = 0; i < result_count; i++)
        ir_value_new(module, builder->function, results[i]);
    append(module, &builder->function->blocks[builder->block], instruction);
    return instruction;
}

ir_value ir_emit_value(struct ir_builder *builder, enum ir_opcode opcode, const ir_value *operands,
                       uint32_t operand_count, const struct ir_type *result)
{
    return ir_emit(builder, opcode, operands, operand_count, &result, 1)->first_result;
}

ir_value ir_constant(struct ir_builder *builder, const struct type *type, uint64_t word)
{
    const struct ir_type *result = ir_type_known(builder->module, type);
    struct ir_instruction *instruction = ir_emit(builder, IR_CONSTANT, NULL, 0, &result, 1);
    instruction->word = word;
    return instruction->first_result;
}

ir_value ir_constant_text(struct ir_builder *builder, const struct type *type, const char *text,
                          uint64_t length)
{
    const struct ir_type *result = ir_type_known(builder->module, type);
    struct ir_instruction *instruction = ir_emit(builder, IR_CONSTANT, NULL, 0, &result, 1);
    instruction->word = length;
    instruction->text = text;
    return instruction->first_result;
}

ir_value ir_constant_int(struct ir_builder *builder, int64_t value)
{
    return ir_constant(builder, type_scalar(builder->module->types, WK_I64), (uint64_t)value);
}

ir_value ir_operation(struct ir_builder *builder, enum operation operation, const struct type *type,
                      const ir_value *operands, uint32_t count)
{
    enum wk_scalar scalar = operation_result(operation, type->scalar);
    const struct ir_type *result =
        ir_type_known(builder->module, type_scalar(builder->module->types, scalar));
    struct ir_instruction *instruction =
        ir_emit(builder, IR_OPERATION, operands, count, &result, 1);
    instruction->operation = operation;
    return instruction->first_result;
}

ir_value ir_int_operation(struct ir_builder *builder, enum operation operation, ir_value left,
                          ir_value right)
{
    return ir_operation(builder, operation, type_scalar(builder->module->types, WK_I64),
                        (ir_value[]){left, right}, 2);
}

ir_value ir_extent(struct ir_builder *builder, ir_value array, uint32_t dimension)
{
    const struct ir_type *result =
        ir_type_known(builder->module, type_scalar(builder->module->types, WK_I64));
    struct ir_instruction *instruction = ir_emit(builder, IR_EXTENT, &array, 1, &result, 1);
    instruction->number = dimension;
    return instruction->first_result;
}

void ir_jump(struct ir_builder *builder, uint32_t target, const ir_value *arguments, uint32_t count)
{
    ir_emit(builder, IR_JUMP, arguments, count, NULL, 0)->targets[0] = target;
}

void ir_branch(struct ir_builder *builder, ir_value condition, uint32_t then,
               const ir_value *then_arguments, uint32_t then_count, uint32_t otherwise,
               const ir_value *otherwise_arguments, uint32_t otherwise_count)
{
    uint32_t count = 1 + then_count + otherwise_count;
    ir_value *operands = arena_array(builder->module->arena, ir_value, count);
    operands[0] = condition;
    for (uint32_t i = 0; i < then_count; i++)
        operands[1 + i] = then_arguments[i];
    for (uint32_t i = 0; i < otherwise_count; i++)
        operands[1 + then_count + i] = otherwise_arguments[i];
    struct ir_instruction *instruction = ir_emit(builder, IR_BRANCH, operands, count, NULL, 0);
    instruction->targets[0] = then;
    instruction->targets[1] = otherwise;
    instruction->first_target_count = then_count;
}

void ir_return(struct ir_builder *builder, const ir_value *values, uint32_t count)
{
    ir_emit(builder, IR_RETURN, values, count, NULL, 0);
}

/* ---- Numbering ------------------------------------------------------------------------------ */

struct numbering {
    ir_value *numbers;            /* by old value */
    const struct ir_type **types; /* by new value */
    uint32_t count;
};

static ir_value renumber_row(struct numbering *n, const struct ir_function *function,
                             ir_value first, uint32_t count)
{
    ir_value begin = n->count;
    for (uint32_t i = 0; i < count; i++) {
        n->types[n->count] = function->value_types[first + i];
        n->numbers[first + i] = n->count++;
    }
    return begin;
}

static void renumber_function(struct ir_module *module, struct ir_function *function)
{
    struct numbering n = {0};
    n.numbers = arena_array(module->arena, ir_value, function->value_count);
    /* Room for what `grown` expects: a power of two. */
    uint32_t room = 1;
    while (room < function->value_count)
        room *= 2;
    n.types = arena_array(module->arena, const struct ir_type *, room);
    for (uint32_t b = 0; b < function->block_count; b++) {
        struct ir_block *block = &function->blocks[b];
        block->first_parameter =
            renumber_row(&n, function, block->first_parameter, block->parameter_count);
        for (uint32_t i = 0; i < block->count; i++)
            block->instructions[i]->first_result =
                renumber_row(&n, function, block->instructions[i]->first_result,
                             block->instructions[i]->result_count);
    }
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t i = 0; i < function->blocks[b].count; i++) {
            struct ir_instruction *instruction = function->blocks[b].instructions[i];
            for (uint32_t o = 0; o < instruction->operand_count; o++)
                instruction->operands[o] = n.numbers[instruction->operands[o]];
        }
    function->value_types = n.types;
    function->value_count = n.count;
}

/* ---- Blocks in order ------------------------------------------------------------------------ */

struct reach {
    struct ir_function *function;
    uint32_t *stack, *next; /* blocks, and how many successors were visited */
    bool *reached;
    uint32_t *order; /* postorder */
    uint32_t count;
};

static uint32_t successor_count(const struct ir_block *block)
{
    enum ir_opcode last = block->instructions[block->count - 1]->opcode;
    return last == IR_BRANCH ? 2 : last == IR_JUMP ? 1 : 0;
}

/* Depth first without recursion, the last successor first: so the reverse order has loops' bodies
 * before what follows them. */
static void visit_blocks(struct reach *r)
{
    uint32_t depth = 1;
    r->stack[0] = r->next[0] = 0;
    r->reached[0] = true;
    while (depth) {
        const struct ir_block *block = &r->function->blocks[r->stack[depth - 1]];
        uint32_t count = successor_count(block);
        if (r->next[depth - 1] == count) {
            r->order[r->count++] = r->stack[--depth];
            continue;
        }
        const struct ir_instruction *last = block->instructions[block->count - 1];
        uint32_t target = last->targets[count - 1 - r->next[depth - 1]++];
        if (r->reached[target])
            continue;
        r->reached[target] = true;
        r->next[depth] = 0;
        r->stack[depth++] = target;
    }
}

static void order_blocks(struct ir_module *module, struct ir_function *function)
{
    uint32_t n = function->block_count;
    struct reach r = {.function = function,
                      .stack = arena_array(module->arena, uint32_t, n),
                      .next = arena_array(module->arena, uint32_t, n),
                      .reached = arena_array(module->arena, bool, n),
                      .order = arena_array(module->arena, uint32_t, n)};
    visit_blocks(&r);
    struct ir_block *blocks = arena_array(module->arena, struct ir_block, n);
    uint32_t *numbers = r.next;
    for (uint32_t i = 0; i < r.count; i++) {
        uint32_t old = r.order[r.count - 1 - i];
        blocks[i] = function->blocks[old];
        numbers[old] = i;
    }
    for (uint32_t i = 0; i < r.count; i++) {
        struct ir_instruction *last = blocks[i].instructions[blocks[i].count - 1];
        for (uint32_t t = 0; t < successor_count(&blocks[i]); t++)
            last->targets[t] = numbers[last->targets[t]];
    }
    function->blocks = blocks;
    function->block_count = r.count;
}

void ir_tidy(struct ir_module *module)
{
    for (uint32_t i = 0; i < module->function_count; i++) {
        order_blocks(module, module->functions[i]);
        renumber_function(module, module->functions[i]);
    }
}
