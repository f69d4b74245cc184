/*
 * The text form of flow IR; spec/flow-ir.md has its grammar. What is printed is all that a module
 * holds, but for the bodies of kernels: ir_parse reads it back.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/build.h"
#include "value/semantics.h"

struct printer {
    const struct ir_module *module;
    const struct ir_function *function;
    struct buffer *out;
};

static void print_quoted(struct buffer *out, const char *text)
{
    buffer_json_string(out, text ? text : "", text ? strlen(text) : 0);
}

static void print_span(struct buffer *out, struct span span)
{
    if (span.source && !span.source->module) /* places in modules have no text form */
        buffer_printf(out, " !%u..%u", span.begin, span.end);
}

/* ---- Types ---------------------------------------------------------------------------------- */

/* Where the first group of brackets of a type's text begins: behind a name, or a parenthesis. */
static size_t first_group(const char *text)
{
    size_t at = 0;
    int depth = 0;
    for (; text[at]; at++) {
        depth += text[at] == '(' || text[at] == '{';
        depth -= text[at] == ')' || text[at] == '}';
        if (depth == 0 && text[at] == '[')
            break;
    }
    return at;
}

/* An array's extents read + where they are known. */
static void print_pending(struct buffer *out, const struct ir_type *type)
{
    buffer_putc(out, '?');
    size_t begin = out->length;
    type_print(type->type, out);
    if (type->type->kind != TYPE_ARRAY)
        return;
    char *at = out->data + begin;
    at += first_group(at);
    for (uint32_t dimension = 0; *at != ']'; at++)
        if (*at == '_')
            *at = type->known_extents >> dimension++ & 1 ? '+' : '-';
}

static void print_type(struct buffer *out, const struct ir_type *type)
{
    for (; type->kind == IR_STRUCTURED; type = type->element)
        buffer_printf(out, "{%u}", type->rank);
    if (type->kind == IR_PENDING)
        print_pending(out, type);
    else
        type_print(type->type, out);
}

/* ---- Instructions --------------------------------------------------------------------------- */

static void print_values(struct printer *p, const ir_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buffer_printf(p->out, "%s%%%u", i ? ", " : "", values[i]);
}

static void print_target(struct printer *p, uint32_t block, const ir_value *arguments,
                         uint32_t count)
{
    buffer_printf(p->out, " b%u(", block);
    print_values(p, arguments, count);
    buffer_putc(p->out, ')');
}

/* The shortest decimal form that reads back as the same number. */
static void print_float(struct buffer *out, double value, bool is_single)
{
    char text[40];
    for (int digits = is_single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (is_single ? (float)back == (float)value : back == value)
            break;
    }
    buffer_puts(out, text);
    if (!strpbrk(text, ".en"))
        buffer_puts(out, ".0");
}

static void print_word(struct buffer *out, const struct type *type, uint64_t word)
{
    if (type->kind == TYPE_SCALAR && type_is_float(type)) {
        bool is_single = type->scalar == WK_F32;
        double value;
        float single;
        uint32_t low = (uint32_t)word;
        memcpy(&value, &word, sizeof value);
        memcpy(&single, &low, sizeof single);
        if (is_single ? isfinite(single) && word >> 32 == 0 : isfinite(value))
            print_float(out, is_single ? (double)single : value, is_single);
        else
            buffer_printf(out, "0x%" PRIx64, word);
    } else if (type_is_signed(type)) {
        buffer_printf(out, "%" PRId64, (int64_t)word);
    } else {
        buffer_printf(out, "%" PRIu64, word);
    }
}

static void print_annotations(struct buffer *out, const struct typed_annotations *annotations)
{
    if (!annotations)
        return;
    if (annotations->retries >= 0)
        buffer_printf(out, " retries=%d", annotations->retries);
    if (annotations->timeout_ns)
        buffer_printf(out, " timeout=%" PRIu64, annotations->timeout_ns);
    if (annotations->memory_bytes)
        buffer_printf(out, " memory=%" PRIu64, annotations->memory_bytes);
    if (annotations->cost_ns)
        buffer_printf(out, " cost=%" PRIu64, annotations->cost_ns);
    if (annotations->together)
        buffer_puts(out, " together=1");
}

/* One letter a dimension: an index or a range. */
static void print_mask(struct printer *p, const struct ir_instruction *i)
{
    const struct ir_type *type = ir_type_of(p->function, i->operands[0]);
    uint32_t rank = type->kind == IR_STRUCTURED ? type->rank : type->type->rank;
    buffer_putc(p->out, '.');
    for (uint32_t d = 0; d < rank; d++)
        buffer_putc(p->out, i->mask >> d & 1 ? 'r' : 'i');
}

/* The mnemonic with what belongs to it, up to the operands. */
static void print_head(struct printer *p, const struct ir_instruction *i)
{
    struct buffer *out = p->out;
    buffer_puts(out, i->opcode == IR_OPERATION ? operation_mnemonic(i->operation)
                                               : ir_mnemonic(i->opcode));
    switch (i->opcode) {
    case IR_CONSTANT:
        buffer_putc(out, ' ');
        if (i->text) {
            buffer_json_string(out, i->text, (size_t)i->word);
            break;
        }
        print_word(out, ir_type_of(p->function, i->first_result)->type, i->word);
        break;
    case IR_COUNT:
        buffer_puts(out, i->flag ? ".inclusive" : "");
        break;
    case IR_SLICE:
    case IR_SET_SLICE:
    case IR_VIEW:
        print_mask(p, i);
        break;
    case IR_EXTENT:
        buffer_printf(out, ".%u", i->number);
        break;
    case IR_CALL:
        buffer_printf(out, "%s @%s", i->flag ? ".shared" : "", p->module->kernels[i->callee]->symbol);
        break;
    case IR_EACH:
        buffer_printf(out, ".%u%s", i->number, i->flag ? ".filtered" : "");
        buffer_printf(out, " @%s", p->module->functions[i->callee]->name);
        break;
    case IR_REDUCE:
        buffer_printf(out, "%s", i->flag ? ".initial" : "");
        buffer_printf(out, " @%s", p->module->functions[i->callee]->name);
        break;
    case IR_APPLY:
        buffer_printf(out, " @%s", p->module->functions[i->callee]->name);
        break;
    case IR_CHECK:
        buffer_printf(out, " %s ", error_name(i->code));
        print_quoted(out, i->format);
        buffer_putc(out, ' ');
        print_quoted(out, i->types);
        break;
    case IR_FAIL:
        buffer_putc(out, ' ');
        print_quoted(out, i->format);
        buffer_putc(out, ' ');
        print_quoted(out, i->types);
        break;
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_SLICE:
    case IR_TEXT_PRINT:
    case IR_TEXT_LENGTH:
    case IR_OPERATION:
    case IR_CONVERT:
    case IR_STRUCTURE:
    case IR_FILL:
    case IR_RANGE:
    case IR_GET:
    case IR_SET:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_FIND:
    case IR_ELEMENTS:
    case IR_TILES:
    case IR_LIFT:
    case IR_CONTENTS:
    case IR_JUMP:
    case IR_BRANCH:
    case IR_RETURN:
    case IR_OPCODE_COUNT:
        break;
    }
}

static void print_results(struct printer *p, const struct ir_instruction *i)
{
    for (uint32_t r = 0; r < i->result_count; r++) {
        buffer_printf(p->out, "%s%%%u: ", r ? ", " : "", i->first_result + r);
        print_type(p->out, ir_type_of(p->function, i->first_result + r));
    }
    if (i->result_count)
        buffer_puts(p->out, " = ");
}

static void print_operands(struct printer *p, const struct ir_instruction *i)
{
    if (i->opcode == IR_JUMP) {
        print_target(p, i->targets[0], i->operands, i->operand_count);
        return;
    }
    if (i->opcode == IR_BRANCH) {
        const ir_value *arguments = i->operands + 1;
        buffer_printf(p->out, " %%%u", i->operands[0]);
        print_target(p, i->targets[0], arguments, i->first_target_count);
        print_target(p, i->targets[1], arguments + i->first_target_count,
                     i->operand_count - 1 - i->first_target_count);
        return;
    }
    if (i->operand_count)
        buffer_putc(p->out, ' ');
    print_values(p, i->operands, i->operand_count);
}

static void print_instruction(struct printer *p, const struct ir_instruction *i)
{
    buffer_puts(p->out, "    ");
    print_results(p, i);
    print_head(p, i);
    print_operands(p, i);
    if (i->opcode == IR_CALL)
        print_annotations(p->out, i->annotations);
    print_span(p->out, i->span);
    buffer_putc(p->out, '\n');
}

/* ---- Functions and modules ------------------------------------------------------------------ */

static void print_block_parameters(struct printer *p, const struct ir_block *block)
{
    for (uint32_t i = 0; i < block->parameter_count; i++) {
        buffer_printf(p->out, "%s%%%u: ", i ? ", " : "", block->first_parameter + i);
        print_type(p->out, ir_type_of(p->function, block->first_parameter + i));
    }
}

static void print_function(struct printer *p)
{
    const struct ir_function *function = p->function;
    buffer_printf(p->out, "\n%s @%s ", function->is_flow ? "flow" : "function", function->name);
    print_quoted(p->out, function->title);
    buffer_puts(p->out, " -> (");
    for (uint32_t i = 0; i < function->result_count; i++) {
        buffer_puts(p->out, i ? ", " : "");
        print_type(p->out, function->results[i]);
    }
    buffer_putc(p->out, ')');
    print_span(p->out, function->span);
    buffer_puts(p->out, " {\n");
    for (uint32_t b = 0; b < function->block_count; b++) {
        buffer_printf(p->out, "b%u(", b);
        print_block_parameters(p, &function->blocks[b]);
        buffer_puts(p->out, "):\n");
        for (uint32_t i = 0; i < function->blocks[b].count; i++)
            print_instruction(p, function->blocks[b].instructions[i]);
    }
    buffer_puts(p->out, "}\n");
}

static void print_kernel(struct buffer *out, const struct typed_function *kernel)
{
    buffer_printf(out, "kernel @%s ", kernel->symbol);
    print_quoted(out, kernel->name);
    buffer_puts(out, " (");
    for (uint32_t i = 0; i < kernel->parameter_count; i++) {
        buffer_printf(out, "%s%s: ", i ? ", " : "",
                      kernel->parameters[i]->name ? kernel->parameters[i]->name : "_");
        type_print(kernel->parameters[i]->type, out);
    }
    buffer_puts(out, ") -> ");
    type_print(kernel->result, out);
    print_annotations(out, &kernel->annotations);
    if (kernel->fallback)
        buffer_printf(out, " fallback=@%s", kernel->fallback->symbol);
    if (kernel->members) {
        buffer_puts(out, " members=");
        print_quoted(out, kernel->members);
    }
    print_span(out, kernel->span);
    buffer_putc(out, '\n');
}

static void print_parameter(struct printer *p, const struct ir_entry_parameter *parameter)
{
    buffer_printf(p->out, "parameter %s: ", parameter->name);
    type_print(parameter->type, p->out);
    if (parameter->default_function >= 0)
        buffer_printf(p->out, " = @%s", p->module->functions[parameter->default_function]->name);
    print_span(p->out, parameter->span);
    buffer_putc(p->out, '\n');
}

void ir_print(const struct ir_module *module, struct buffer *out)
{
    struct printer printer = {.module = module, .out = out};
    buffer_puts(out, "module ");
    print_quoted(out, module->source ? module->source->name : "");
    buffer_puts(out, "\n\n");
    for (uint32_t i = 0; i < module->kernel_count; i++)
        print_kernel(out, module->kernels[i]);
    for (uint32_t i = 0; i < module->parameter_count; i++)
        print_parameter(&printer, &module->parameters[i]);
    buffer_printf(out, "entry @%s -> ", module->functions[module->entry]->name);
    type_print(module->result, out);
    buffer_putc(out, '\n');
    for (uint32_t i = 0; i < module->function_count; i++) {
        printer.function = module->functions[i];
        print_function(&printer);
    }
}
