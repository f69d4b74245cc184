/*
 * Calls of tasks that passes made part of another one: when one fails, the failure is described as
 * if it had been a task of the graph, with its name, its arguments and the place of its call.
 */
#include "generator.h"

#include "base/buffer.h"

/* A note, its values, and the letters of their types. */
struct member_note {
    struct buffer text, types;
    VECTOR(LLVMValueRef) words;
};

static void add_word(struct member_note *note, char letter, LLVMValueRef word)
{
    if (letter)
        buffer_putc(&note->types, letter);
    vector_push(&note->words, word);
}

static void describe_array(struct generator *g, struct member_note *note, const struct value *value)
{
    (void)g;
    type_print_brief(value->type->element, &note->text);
    buffer_putc(&note->text, '[');
    for (uint32_t d = 0; d < value->type->rank; d++) {
        buffer_puts(&note->text, d ? ", {}" : "{}");
        add_word(note, 'i', value->extents[d]);
    }
    buffer_putc(&note->text, ']');
}

static void describe_value(struct generator *g, struct member_note *note, const struct value *value)
{
    if (value->type->kind == TYPE_SCALAR) {
        buffer_puts(&note->text, "{}");
        add_word(note, operation_site_type(value->type->scalar),
                 scalar_to_word(g, value->type->scalar, value->scalar));
    } else if (value->type->kind == TYPE_STRING) {
        buffer_puts(&note->text, "{}");
        add_word(note, 'q', LLVMBuildPtrToInt(g->builder, value->scalar, g->i64, ""));
        add_word(note, '\0', value->extents[0]);
    } else if (value->type->kind == TYPE_ARRAY) {
        describe_array(g, note, value);
    } else {
        type_print_brief(value->type, &note->text);
    }
}

static void describe_call(struct generator *g, struct member_note *note,
                          const struct typed_function *callee, const struct value *arguments)
{
    buffer_printf(&note->text, "in %s(", callee->name);
    for (uint32_t i = 0; i < callee->parameter_count; i++) {
        buffer_puts(&note->text, i ? ", " : "");
        if (callee->parameters[i]->name)
            buffer_printf(&note->text, "%s: ", callee->parameters[i]->name);
        describe_value(g, note, &arguments[i]);
    }
    buffer_putc(&note->text, ')');
    if (callee->members)
        buffer_printf(&note->text, ", fused of %s", callee->members);
}

void member_describe(struct generator *g, const struct typed_function *callee,
                     const struct value *arguments, LLVMValueRef status, struct span span)
{
    LLVMBasicBlockRef failed = block_new(g, "failed"), end = block_new(g, "called");
    LLVMValueRef zero = LLVMConstInt(g->i32, 0, false);
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntEQ, status, zero, ""), end, failed);
    block_enter(g, failed);
    struct member_note note = {0};
    describe_call(g, &note, callee, arguments);
    const char *text = arena_text(&g->arena, buffer_text(&note.text), note.text.length);
    const char *types = arena_text(&g->arena, buffer_text(&note.types), note.types.length);
    note_failure(g, span, text, types, note.words.items, (uint32_t)note.words.count);
    buffer_release(&note.text);
    buffer_release(&note.types);
    vector_release(&note.words);
    LLVMBuildBr(g->builder, end);
    block_enter(g, end);
}
