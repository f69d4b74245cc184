/*
 * Strings in flows. What is done to known ones is an instruction, to pending ones a small task.
 */
#include "base/memory.h"
#include "flow/lower.h"

static bool all_known(const struct lower *f, const struct lowered *operands, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!lower_is_known(f, operands[i].values[0]))
            return false;
    return true;
}

static struct lowered instruction(struct lower *f, enum ir_opcode opcode,
                                  const struct lowered *operands, uint32_t count,
                                  const struct type *result)
{
    ir_value *values = arena_array(f->shared->arena, ir_value, count);
    for (uint32_t i = 0; i < count; i++)
        values[i] = operands[i].values[0];
    return lower_single(
        f, ir_emit_value(&f->build, opcode, values, count, ir_type_known(f->build.module, result)));
}

/* A task whose body is the builtin of its parameters. */
static struct lowered builtin_task(struct lower *f, enum typed_builtin builtin, const char *what,
                                   const char *name, const struct type *const *types,
                                   const struct lowered *operands, uint32_t count,
                                   const struct type *result)
{
    bool can_fail = builtin == BUILTIN_STR && types[0]->kind == TYPE_ARRAY;
    struct typed_function *task = lower_small_task(f, what, name, types, count, result, can_fail);
    if (lower_task_is_new(task)) {
        struct typed *body = lower_task_node(f, TYPED_BUILTIN, result);
        body->builtin = builtin;
        body->item_count = count;
        body->items = arena_array(f->shared->arena, struct typed *, count);
        for (uint32_t i = 0; i < count; i++)
            body->items[i] = lower_task_parameter(f, task, i);
        lower_task_returns(f, task, body);
    }
    return lower_small_call(f, task, types, operands, count, NULL);
}

struct lowered lower_text_join(struct lower *f, const struct lowered *operands, uint32_t count)
{
    const struct type *text = f->build.module->types->string;
    if (all_known(f, operands, count))
        return instruction(f, IR_TEXT_CONCAT, operands, count, text);
    const struct type **types = arena_array(f->shared->arena, const struct type *, count);
    for (uint32_t i = 0; i < count; i++)
        types[i] = text;
    return builtin_task(f, BUILTIN_TEXT_CONCAT, "join", "+", types, operands, count, text);
}

struct lowered lower_text_compare(struct lower *f, const struct lowered *operands)
{
    const struct type *text = f->build.module->types->string, *types[] = {text, text};
    if (all_known(f, operands, 2))
        return instruction(f, IR_TEXT_COMPARE, operands, 2, f->shared->integer);
    return builtin_task(f, BUILTIN_TEXT_COMPARE, "compare", "<", types, operands, 2,
                        f->shared->integer);
}

struct lowered lower_text_length(struct lower *f, struct lowered text)
{
    return instruction(f, IR_TEXT_LENGTH, &text, 1, f->shared->integer);
}

struct lowered lower_text_slice(struct lower *f, struct lowered text, ir_value low, ir_value high)
{
    const struct lowered operands[] = {text, lower_single(f, low), lower_single(f, high)};
    return instruction(f, IR_TEXT_SLICE, operands, 3, f->build.module->types->string);
}

static struct lowered lower_str(struct lower *f, const struct typed *node, struct lowered operand)
{
    const struct type *type = node->items[0]->type;
    if (type_is_scalar(type) && lower_is_known(f, operand.values[0]))
        return instruction(f, IR_TEXT_PRINT, &operand, 1, node->type);
    return builtin_task(f, BUILTIN_STR, "str", "str", &type, &operand, 1, node->type);
}

struct lowered lower_text(struct lower *f, const struct typed *node)
{
    struct lowered *operands = arena_array(f->shared->arena, struct lowered, node->item_count);
    for (uint32_t i = 0; i < node->item_count; i++)
        operands[i] = lower_expression(f, node->items[i]);
    f->build.span = node->span;
    const struct type *type = node->items[0]->type;
    if (node->builtin == BUILTIN_TEXT_CONCAT)
        return lower_text_join(f, operands, node->item_count);
    if (node->builtin == BUILTIN_TEXT_COMPARE)
        return lower_text_compare(f, operands);
    if (node->builtin == BUILTIN_STR)
        return lower_str(f, node, operands[0]);
    return builtin_task(f, BUILTIN_BYTES, "bytes", "bytes", &type, operands, 1, node->type);
}
