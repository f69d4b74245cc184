/*
 * Small tasks: what flows do to pending values (operators, indexes, builtins) becomes tasks of
 * their own, whose typed trees are made here. Equal uses share one, by its symbol:
 * "op.mul.f64_.f64".
 */
#include "base/memory.h"
#include "flow/lower.h"

/* ---- Names ---------------------------------------------------------------------------------- */

/* A name's text: an array's element, then for each of its groups of brackets as many underscores as
 * it has extents, groups parted by x; a tuple T, its parts parted by dots, E; before a struct's
 * stand S, its name and a dot; a map M, its key and value parted by a dot, E. */
static void mangle(const struct type *type, struct buffer *out)
{
    const struct type *base = type;
    while (base->kind == TYPE_ARRAY)
        base = base->element;
    if (type_has_parts(base)) {
        if (base->kind == TYPE_STRUCT)
            buffer_printf(out, "S%s.", base->name);
        buffer_putc(out, 'T');
        for (uint32_t i = 0; i < base->part_count; i++) {
            buffer_puts(out, i ? "." : "");
            mangle(base->parts[i], out);
        }
        buffer_putc(out, 'E');
    } else if (base->kind == TYPE_MAP) {
        buffer_putc(out, 'M');
        mangle(base->key, out);
        buffer_putc(out, '.');
        mangle(base->element, out);
        buffer_putc(out, 'E');
    } else if (base->kind == TYPE_STRING) {
        buffer_puts(out, "str");
    } else {
        buffer_puts(out, base->kind == TYPE_FILE ? "file" : wk_scalar_text(base->scalar));
    }
    for (const struct type *array = type; array != base; array = array->element) {
        for (uint32_t d = 0; d < array->rank; d++)
            buffer_putc(out, '_');
        if (array->element != base)
            buffer_putc(out, 'x');
    }
}

const char *lower_mangle(struct lowering *shared, const struct type *type)
{
    struct buffer text = {0};
    mangle(type, &text);
    const char *copy = arena_text(shared->arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return copy;
}

/* The interned symbol of a small task. */
static const char *symbol_of(struct lower *f, const char *what, const struct type *const *types,
                             uint32_t count, bool at)
{
    struct buffer text = {0};
    buffer_printf(&text, "op.%s", what);
    for (uint32_t i = 0; i < count; i++) {
        buffer_putc(&text, '.');
        mangle(types[i], &text);
    }
    if (at)
        buffer_printf(&text, ".at%u_%u", f->build.span.begin, f->build.span.end);
    const struct source *source = f->build.span.source;
    if (at && source && source->module)
        buffer_printf(&text, "..%s", source->module);
    const char *symbol = intern(f->shared->program->names, text.data, text.length);
    buffer_release(&text);
    return symbol;
}

/* ---- Trees ---------------------------------------------------------------------------------- */

static struct variable *new_parameter(struct lower *f, const struct type *type, uint32_t index)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct variable *variable = arena_new(f->shared->arena, struct variable);
    variable->kind = VARIABLE_PARAMETER;
    variable->name = index < sizeof names / sizeof *names
                         ? names[index]
                         : arena_printf(f->shared->arena, "p%u", index);
    variable->type = type;
    variable->span = f->build.span;
    variable->index = index;
    return variable;
}

struct typed_function *lower_small_task(struct lower *f, const char *what, const char *name,
                                        const struct type *const *types, uint32_t count,
                                        const struct type *result, bool at)
{
    const char *symbol = symbol_of(f, what, types, count, at);
    uint32_t found;
    if (pointer_table_find(&f->shared->small_task_numbers, symbol, &found))
        return f->shared->small_tasks.items[found];
    pointer_table_add(&f->shared->small_task_numbers, symbol,
                      (uint32_t)f->shared->small_tasks.count);
    struct typed_function *task = arena_new(f->shared->arena, struct typed_function);
    task->name = name;
    task->symbol = symbol;
    task->span = f->build.span;
    task->parameters = arena_array(f->shared->arena, struct variable *, count);
    for (uint32_t i = 0; i < count; i++)
        task->parameters[i] = new_parameter(f, types[i], i);
    task->parameter_count = task->variable_count = count;
    task->result = result;
    task->annotations = ir_no_annotations;
    vector_push(&f->shared->small_tasks, task);
    return task;
}

bool lower_task_is_new(const struct typed_function *task)
{
    return task->body.count == 0;
}

struct typed *lower_task_node(struct lower *f, enum typed_kind kind, const struct type *type)
{
    struct typed *node = arena_new(f->shared->arena, struct typed);
    node->kind = kind;
    node->type = type;
    node->span = f->build.span;
    return node;
}

struct typed *lower_task_parameter(struct lower *f, const struct typed_function *task,
                                   uint32_t index)
{
    struct typed *node = lower_task_node(f, TYPED_VARIABLE, task->parameters[index]->type);
    node->variable = task->parameters[index];
    return node;
}

void lower_task_returns(struct lower *f, struct typed_function *task, struct typed *value)
{
    struct typed_statement *statement = arena_new(f->shared->arena, struct typed_statement);
    statement->kind = STATEMENT_RETURN;
    statement->span = f->build.span;
    statement->value = value;
    struct typed_statement **list =
        arena_array(f->shared->arena, struct typed_statement *, task->body.count + 1);
    for (uint32_t i = 0; i < task->body.count; i++)
        list[i] = task->body.statements[i];
    list[task->body.count] = statement;
    task->body.statements = list;
    task->body.count++;
}

struct lowered lower_small_call(struct lower *f, struct typed_function *task,
                                const struct type *const *types, const struct lowered *arguments,
                                uint32_t count, const ir_value *extents)
{
    struct value_list operands = {0};
    for (uint32_t i = 0; i < count; i++)
        lower_argument(f, types[i], arguments[i], &operands);
    uint32_t known = 0;
    for (uint32_t d = 0; extents && d < task->result->rank; d++)
        if (extents[d] != NO_VALUE) {
            known |= 1U << d;
            vector_push(&operands, extents[d]);
        }
    struct type_list results = {0};
    for (uint32_t i = 0; i < ir_leaf_count(task->result); i++)
        vector_push(&results,
                    ir_type_pending(f->build.module, ir_leaf(task->result, i), i ? 0 : known));
    struct ir_instruction *call =
        ir_emit(&f->build, IR_CALL, operands.items, (uint32_t)operands.count, results.items,
                (uint32_t)results.count);
    call->callee = lower_kernel(f->shared, task);
    struct lowered result = {.count = call->result_count};
    result.values = arena_array(f->shared->arena, ir_value, result.count);
    for (uint32_t i = 0; i < result.count; i++)
        result.values[i] = call->first_result + i;
    vector_release(&operands);
    vector_release(&results);
    return result;
}
