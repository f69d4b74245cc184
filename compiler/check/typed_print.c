/*
 * The typed tree as text: --emit=typed. It reads like the source with all that the checker found:
 * types of variables and operations, conversions, levels of flows.
 */
#include <string.h>

#include "check/levels.h"
#include "value/semantics.h"

static void print_expression(const struct typed *node, struct buffer *out);

/* ---- Parts
 * ------------------------------------------------------------------------------------------- */

static void print_variable(const struct variable *variable, struct buffer *out)
{
    if (variable->name)
        buffer_puts(out, variable->name);
    buffer_printf(out, "%%%u", variable->index);
}

static void print_typed_variable(const struct variable *variable, struct buffer *out)
{
    print_variable(variable, out);
    buffer_puts(out, ": ");
    type_print(variable->type, out);
    if (variable->level) {
        buffer_putc(out, ' ');
        level_print(variable->level, out);
    }
}

static void print_list(struct typed *const *items, uint32_t count, struct buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        buffer_puts(out, i ? ", " : "");
        print_expression(items[i], out);
    }
}

static void print_indexes(const struct typed_index *indexes, uint32_t count, struct buffer *out)
{
    buffer_putc(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        buffer_puts(out, i ? ", " : "");
        if (indexes[i].low)
            print_expression(indexes[i].low, out);
        buffer_puts(out, indexes[i].is_range ? ".." : "");
        if (indexes[i].high)
            print_expression(indexes[i].high, out);
    }
    buffer_putc(out, ']');
}

static void print_iterator(const struct typed_iterator *iterator, struct buffer *out)
{
    print_typed_variable(iterator->variable, out);
    buffer_puts(out, " in ");
    if (!iterator->is_range) {
        print_expression(iterator->subject, out);
        return;
    }
    print_expression(iterator->low, out);
    buffer_puts(out, iterator->inclusive ? "..=" : "..");
    print_expression(iterator->high, out);
    if (iterator->step) {
        buffer_puts(out, " by ");
        print_expression(iterator->step, out);
    }
}

static void print_annotations(const struct typed_annotations *a, struct buffer *out)
{
    if (a->retries >= 0)
        buffer_printf(out, "@retry(%d) ", a->retries);
    if (a->timeout_ns)
        buffer_printf(out, "@timeout(%lluns) ", (unsigned long long)a->timeout_ns);
    if (a->memory_bytes)
        buffer_printf(out, "@memory(%llu) ", (unsigned long long)a->memory_bytes);
    if (a->cost_ns)
        buffer_printf(out, "@cost(%lluns) ", (unsigned long long)a->cost_ns);
    if (a->together)
        buffer_puts(out, "@together ");
}

static void print_constant(const struct typed *node, struct buffer *out)
{
    char text[32];
    if (node->type->kind == TYPE_STRING) {
        buffer_json_string(out, node->text, (size_t)node->word);
        return;
    }
    semantics_print(node->type->scalar, node->word, text);
    buffer_puts(out, text);
    if (node->type->scalar != WK_I64 && node->type->scalar != WK_F64 &&
        node->type->scalar != WK_BOOL)
        buffer_printf(out, ":%s", wk_scalar_text(node->type->scalar));
}

/* ---- Expressions
 * ---------------------------------------------------------------------------------------- */

static const char *builtin_name(enum typed_builtin builtin)
{
    static const char *const names[] = {
#define BUILTIN(NAME, text, description) [BUILTIN_##NAME] = text,
#include "check/builtin.def"
#undef BUILTIN
    };
    return names[builtin];
}

/* mnemonic.type(operands) */
static void print_operation(const char *name, const struct type *type, const struct typed *node,
                            struct buffer *out)
{
    buffer_printf(out, "%s.", name);
    type_print(type, out);
    buffer_putc(out, '(');
    print_list(node->operands, node->operand_count, out);
    buffer_putc(out, ')');
}

static void print_comprehension(const struct typed *node, struct buffer *out)
{
    buffer_putc(out, '[');
    print_expression(node->body, out);
    for (uint32_t i = 0; i < node->iterator_count; i++) {
        buffer_puts(out, i ? ", " : " for ");
        print_iterator(&node->iterators[i], out);
    }
    if (node->filter) {
        buffer_puts(out, " if ");
        print_expression(node->filter, out);
    }
    buffer_putc(out, ']');
}

static void print_reduce(const struct typed *node, struct buffer *out)
{
    print_annotations(node->reduce_annotations, out);
    buffer_printf(out, "%s(%s, ", node->is_scan ? "scan" : "reduce", node->reducer->symbol);
    print_expression(node->subject, out);
    if (node->initial) {
        buffer_puts(out, ", init: ");
        print_expression(node->initial, out);
    }
    if (node->arity) {
        buffer_puts(out, ", arity: ");
        print_expression(node->arity, out);
    }
    if (node->chunk) {
        buffer_puts(out, ", chunk: ");
        print_expression(node->chunk, out);
    }
    buffer_putc(out, ')');
}

static void print_call(const struct typed *node, struct buffer *out)
{
    buffer_puts(out, node->is_bare ? "bare " : "");
    print_annotations(node->annotations, out);
    buffer_printf(out, "%s(", node->callee->symbol);
    print_list(node->arguments, node->argument_count, out);
    buffer_putc(out, ')');
}

static void print_branch(const struct typed *node, struct buffer *out)
{
    buffer_puts(out, "if ");
    print_expression(node->condition, out);
    buffer_puts(out, " { ");
    print_expression(node->then, out);
    buffer_puts(out, " } else { ");
    print_expression(node->otherwise, out);
    buffer_puts(out, " }");
}

static void print_expression(const struct typed *node, struct buffer *out)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
        print_constant(node, out);
        return;
    case TYPED_VARIABLE:
        print_variable(node->variable, out);
        return;
    case TYPED_OPERATION:
        print_operation(operation_mnemonic(node->operation), node->operands[0]->type, node, out);
        return;
    case TYPED_EQUAL:
        print_operation(node->negated ? "differ" : "equal", node->operands[0]->type, node, out);
        return;
    case TYPED_AND:
    case TYPED_OR:
        buffer_putc(out, '(');
        print_expression(node->operands[0], out);
        buffer_puts(out, node->kind == TYPED_AND ? " && " : " || ");
        print_expression(node->operands[1], out);
        buffer_putc(out, ')');
        return;
    case TYPED_CONVERT:
        print_operation("convert", node->type, node, out);
        return;
    case TYPED_MATMUL:
        print_operation("matmul", node->type, node, out);
        return;
    case TYPED_INDEX:
        print_expression(node->base, out);
        print_indexes(node->indexes, node->index_count, out);
        return;
    case TYPED_EXTENT:
        buffer_printf(out, "extent.%u(", node->number);
        print_expression(node->operands[0], out);
        buffer_putc(out, ')');
        return;
    case TYPED_PART:
        print_expression(node->operands[0], out);
        buffer_printf(out, ".%u", node->number);
        return;
    case TYPED_TUPLE:
        buffer_putc(out, '(');
        print_list(node->items, node->item_count, out);
        buffer_putc(out, ')');
        return;
    case TYPED_ARRAY:
        buffer_putc(out, '[');
        print_list(node->items, node->item_count, out);
        buffer_putc(out, ']');
        return;
    case TYPED_COMPREHENSION:
        print_comprehension(node, out);
        return;
    case TYPED_IF:
        print_branch(node, out);
        return;
    case TYPED_CALL:
        print_call(node, out);
        return;
    case TYPED_BUILTIN:
        buffer_printf(out, "%s.", builtin_name(node->builtin));
        type_print(node->type, out);
        buffer_putc(out, '(');
        print_list(node->items, node->item_count, out);
        buffer_putc(out, ')');
        return;
    case TYPED_REDUCE:
        print_reduce(node, out);
        return;
    }
    bug("expression of kind %d", node->kind);
}

/* ---- Statements
 * --------------------------------------------------------------------------------------------- */

static void print_block(const struct typed_block *block, int indent, struct buffer *out);

static void print_step(const struct typed_step *step, struct buffer *out)
{
    switch (step->kind) {
    case STEP_PART:
        buffer_printf(out, ".%u", step->part);
        return;
    case STEP_KEY:
        buffer_puts(out, "{");
        print_expression(step->key, out);
        buffer_puts(out, "}");
        return;
    case STEP_INDEX:
        print_indexes(step->indexes, step->index_count, out);
        return;
    }
    bug("step of kind %d", step->kind);
}

static void print_assignment(const struct typed_statement *s, struct buffer *out)
{
    print_variable(s->variable, out);
    for (uint32_t i = 0; i < s->step_count; i++)
        print_step(&s->steps[i], out);
    buffer_printf(out,
                  " %s= ", s->operation == OPERATION_NONE ? "" : operation_mnemonic(s->operation));
    print_expression(s->value, out);
}

static void print_message(const struct typed_statement *s, struct buffer *out)
{
    buffer_puts(out, s->kind == STATEMENT_FAIL ? "fail" : "log");
    for (uint32_t i = 0; i < s->piece_count; i++) {
        buffer_putc(out, ' ');
        if (s->pieces[i].text)
            buffer_json_string(out, s->pieces[i].text, strlen(s->pieces[i].text));
        else
            print_expression(s->pieces[i].value, out);
    }
}

static void print_control(const struct typed_statement *s, int indent, struct buffer *out)
{
    buffer_puts(out, s->kind == STATEMENT_IF ? "if " : "while ");
    print_expression(s->condition, out);
    buffer_putc(out, '\n');
    print_block(&s->then, indent + 1, out);
    if (s->kind == STATEMENT_IF && s->otherwise.count) {
        buffer_printf(out, "%*selse\n", 4 * indent, "");
        print_block(&s->otherwise, indent + 1, out);
    }
}

static void print_statement(const struct typed_statement *s, int indent, struct buffer *out)
{
    buffer_printf(out, "%*s", 4 * indent, "");
    switch (s->kind) {
    case STATEMENT_DECLARE:
        buffer_puts(out, s->variable->kind == VARIABLE_MUTABLE ? "var " : "let ");
        print_typed_variable(s->variable, out);
        buffer_puts(out, " = ");
        print_expression(s->value, out);
        break;
    case STATEMENT_ASSIGN:
        print_assignment(s, out);
        break;
    case STATEMENT_EVALUATE:
        print_expression(s->value, out);
        break;
    case STATEMENT_IF:
    case STATEMENT_WHILE:
        print_control(s, indent, out);
        return;
    case STATEMENT_FOR:
        buffer_puts(out, "for ");
        print_iterator(&s->iterator, out);
        buffer_putc(out, '\n');
        print_block(&s->body, indent + 1, out);
        return;
    case STATEMENT_BREAK:
        buffer_puts(out, "break");
        break;
    case STATEMENT_CONTINUE:
        buffer_puts(out, "continue");
        break;
    case STATEMENT_RETURN:
        buffer_puts(out, "return");
        if (s->value) {
            buffer_putc(out, ' ');
            print_expression(s->value, out);
        }
        break;
    case STATEMENT_FAIL:
    case STATEMENT_LOG:
        print_message(s, out);
        break;
    }
    buffer_putc(out, '\n');
}

static void print_block(const struct typed_block *block, int indent, struct buffer *out)
{
    for (uint32_t i = 0; i < block->count; i++)
        print_statement(block->statements[i], indent, out);
}

/* ---- Functions
 * ------------------------------------------------------------------------------------------------
 */

static void print_parameters(const struct typed_function *f, struct buffer *out)
{
    for (uint32_t i = 0; i < f->parameter_count; i++) {
        buffer_puts(out, i ? ", " : "");
        print_typed_variable(f->parameters[i], out);
        if (f->defaults[i]) {
            buffer_puts(out, " = ");
            print_expression(f->defaults[i], out);
        }
    }
}

static void print_rules(const struct typed_function *f, struct buffer *out)
{
    for (uint32_t i = 0; i < f->rule_count; i++) {
        const struct dimension_rule *rule = &f->rules[i];
        buffer_puts(out, rule->binds ? "    bind " : "    check ");
        if (rule->binds)
            print_variable(rule->binds, out);
        else
            print_expression(rule->equals, out);
        buffer_printf(out, " = extent.%u(", rule->dimension);
        print_expression(rule->array, out);
        buffer_puts(out, ")\n");
    }
    for (uint32_t i = 0; i < f->result_extent_count; i++) {
        buffer_printf(out, "    result extent.%u(%u) = ", f->result_extents[i].dimension,
                      f->result_extents[i].leaf);
        print_expression(f->result_extents[i].extent, out);
        buffer_putc(out, '\n');
    }
}

static void print_function(const struct typed_function *f, struct buffer *out)
{
    if (f->fallback)
        buffer_printf(out, "@fallback(%s) ", f->fallback->symbol);
    print_annotations(&f->annotations, out);
    buffer_printf(out, "%s%s %s(",
                  f->is_recursive ? "recursive "
                  : f->foreign    ? "extern "
                                  : "",
                  f->is_flow ? "flow" : "task", f->symbol);
    print_parameters(f, out);
    buffer_puts(out, ") -> ");
    type_print(f->result, out);
    if (f->result_level) {
        buffer_putc(out, ' ');
        level_print(f->result_level, out);
    }
    if (f->foreign)
        buffer_printf(out, " from %s", f->foreign->symbol);
    buffer_putc(out, '\n');
    print_rules(f, out);
    print_block(&f->body, 1, out);
}

void typed_print(const struct typed_program *program, struct buffer *out)
{
    for (uint32_t i = 0; i < program->function_count; i++) {
        buffer_puts(out, i ? "\n" : "");
        print_function(program->functions[i], out);
    }
}
