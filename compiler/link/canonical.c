/*
 * The canonical form of tasks, as far as their code depends on it: fed into a hash, and read by
 * nobody. Two programs whose tasks have the same form give the same bytes of code. The form is a
 * sequence of 64-bit numbers and texts with their lengths, in one order; variables are numbers,
 * functions are symbols, types are texts, places are lines and columns.
 */
#include "link/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/pointer_table.h"
#include "base/vector.h"

struct line_index {
    const struct source *source;
    VECTOR(uint32_t) begins;
};

struct canonical {
    EVP_MD_CTX *hash;
    struct foreign_units *units;
    VECTOR(struct typed_function *) functions; /* named so far */
    struct pointer_table named;                /* the same: numbers by function */
    VECTOR(struct line_index) sources;
    unsigned char pending[4096]; /* small pieces are hashed together */
    size_t pending_bytes;
};

static void flush(struct canonical *c)
{
    EVP_DigestUpdate(c->hash, c->pending, c->pending_bytes);
    c->pending_bytes = 0;
}

static void bytes(struct canonical *c, const void *data, size_t length)
{
    if (length > sizeof c->pending - c->pending_bytes)
        flush(c);
    if (length > sizeof c->pending) {
        EVP_DigestUpdate(c->hash, data, length);
        return;
    }
    memcpy(c->pending + c->pending_bytes, data, length);
    c->pending_bytes += length;
}

static void number(struct canonical *c, uint64_t value)
{
    bytes(c, &value, sizeof value);
}

static void text(struct canonical *c, const char *value)
{
    size_t length = value ? strlen(value) : 0;
    number(c, value ? length : UINT64_MAX);
    bytes(c, value ? value : "", length);
}

static void type(struct canonical *c, const struct type *value)
{
    struct buffer printed = {0};
    if (value)
        type_print(value, &printed);
    text(c, buffer_text(&printed));
    buffer_release(&printed);
}

/* ---- Places ------------------------------------------------------------------------------- */

static const struct line_index *source_lines(struct canonical *c, const struct source *source)
{
    for (size_t i = 0; i < c->sources.count; i++) {
        if (c->sources.items[i].source == source)
            return &c->sources.items[i];
    }
    vector_push(&c->sources, (struct line_index){.source = source});
    struct line_index *lines = &vector_last(&c->sources);
    vector_push(&lines->begins, 0);
    for (size_t i = 0; i < source->length; i++) {
        if (source->text[i] == '\n')
            vector_push(&lines->begins, (uint32_t)i + 1);
    }
    /* Failures show the name, debug information the whole path. */
    char *path = realpath(source->name, NULL);
    text(c, source->name);
    text(c, path);
    free(path);
    return lines;
}

static void place(struct canonical *c, struct span span)
{
    if (!span.source) {
        number(c, 0);
        return;
    }
    const struct line_index *lines = source_lines(c, span.source);
    size_t low = 0, high = lines->begins.count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (lines->begins.items[middle] <= span.begin)
            low = middle;
        else
            high = middle;
    }
    number(c, low + 1);
    number(c, span.begin - lines->begins.items[low]);
    number(c, span.end - span.begin);
}

/* ---- Expressions -------------------------------------------------------------------------- */

static void expression(struct canonical *c, const struct typed *typed);

static void list(struct canonical *c, struct typed *const *items, uint32_t count)
{
    number(c, count);
    for (uint32_t i = 0; i < count; i++)
        expression(c, items[i]);
}

static void variable(struct canonical *c, const struct variable *v)
{
    number(c, v->kind);
    number(c, v->index);
    text(c, v->name);
    type(c, v->type);
    place(c, v->span);
}

/* A function is a symbol where it is called; its body follows once, after the others. */
static void function_name(struct canonical *c, struct typed_function *function)
{
    text(c, function->symbol);
    uint32_t found;
    if (pointer_table_find(&c->named, function, &found))
        return;
    pointer_table_add(&c->named, function, (uint32_t)c->functions.count);
    vector_push(&c->functions, function);
}

static void indexes(struct canonical *c, const struct typed_index *items, uint32_t count)
{
    number(c, count);
    for (uint32_t i = 0; i < count; i++) {
        number(c, items[i].is_range);
        expression(c, items[i].low);
        expression(c, items[i].high);
        place(c, items[i].span);
    }
}

static void iterator(struct canonical *c, const struct typed_iterator *it)
{
    number(c, it->is_range);
    number(c, it->inclusive);
    expression(c, it->low);
    expression(c, it->high);
    expression(c, it->step);
    expression(c, it->subject);
    variable(c, it->variable);
    place(c, it->span);
}

static void comprehension(struct canonical *c, const struct typed *typed)
{
    number(c, typed->iterator_count);
    for (uint32_t i = 0; i < typed->iterator_count; i++)
        iterator(c, &typed->iterators[i]);
    expression(c, typed->filter);
    expression(c, typed->body);
}

static void operation(struct canonical *c, const struct typed *typed)
{
    number(c, typed->operation);
    number(c, typed->number);
    number(c, typed->negated);
    place(c, typed->operator_span);
    list(c, typed->operands, typed->operand_count);
}

static void reduction(struct canonical *c, const struct typed *typed)
{
    function_name(c, typed->reducer);
    expression(c, typed->subject);
    expression(c, typed->initial);
    expression(c, typed->arity);
    expression(c, typed->chunk);
    number(c, typed->is_scan);
}

static void expression(struct canonical *c, const struct typed *typed)
{
    number(c, typed ? (uint64_t)typed->kind + 1 : 0);
    if (!typed)
        return;
    type(c, typed->type);
    place(c, typed->span);
    switch (typed->kind) {
    case TYPED_CONSTANT:
        number(c, typed->word);
        for (uint64_t i = 0; typed->type->kind == TYPE_STRING && i < typed->word; i++)
            number(c, (unsigned char)typed->text[i]);
        return;
    case TYPED_VARIABLE:
        number(c, typed->variable->index);
        number(c, typed->variable->kind);
        return;
    case TYPED_OPERATION:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_MATMUL:
    case TYPED_EXTENT:
    case TYPED_PART:
        operation(c, typed);
        return;
    case TYPED_INDEX:
        expression(c, typed->base);
        indexes(c, typed->indexes, typed->index_count);
        return;
    case TYPED_BUILTIN:
        number(c, typed->builtin);
        list(c, typed->items, typed->item_count);
        return;
    case TYPED_TUPLE:
    case TYPED_ARRAY:
        list(c, typed->items, typed->item_count);
        return;
    case TYPED_COMPREHENSION:
        comprehension(c, typed);
        return;
    case TYPED_IF:
        expression(c, typed->condition);
        expression(c, typed->then);
        expression(c, typed->otherwise);
        return;
    case TYPED_CALL:
        function_name(c, typed->callee);
        list(c, typed->arguments, typed->argument_count);
        number(c, typed->is_bare);
        number(c, typed->is_member);
        return;
    case TYPED_REDUCE:
        reduction(c, typed);
        number(c, typed->is_member);
        return;
    }
}

/* ---- Statements --------------------------------------------------------------------------- */

static void block(struct canonical *c, const struct typed_block *typed);

static void step(struct canonical *c, const struct typed_step *typed)
{
    number(c, typed->kind);
    switch (typed->kind) {
    case STEP_PART:
        number(c, typed->part);
        return;
    case STEP_KEY:
        expression(c, typed->key);
        return;
    case STEP_INDEX:
        indexes(c, typed->indexes, typed->index_count);
        return;
    }
}

static void assignment(struct canonical *c, const struct typed_statement *s)
{
    number(c, s->variable != NULL);
    if (s->variable)
        variable(c, s->variable);
    number(c, s->step_count);
    for (uint32_t i = 0; i < s->step_count; i++)
        step(c, &s->steps[i]);
    number(c, s->operation);
    place(c, s->operator_span);
    expression(c, s->value);
}

static void message(struct canonical *c, const struct typed_statement *s)
{
    number(c, s->piece_count);
    for (uint32_t i = 0; i < s->piece_count; i++) {
        text(c, s->pieces[i].text);
        expression(c, s->pieces[i].value);
    }
}

static void statement(struct canonical *c, const struct typed_statement *s)
{
    number(c, s->kind);
    place(c, s->span);
    switch (s->kind) {
    case STATEMENT_DECLARE:
    case STATEMENT_ASSIGN:
    case STATEMENT_EVALUATE:
    case STATEMENT_RETURN:
        assignment(c, s);
        return;
    case STATEMENT_IF:
    case STATEMENT_WHILE:
        expression(c, s->condition);
        block(c, &s->then);
        block(c, &s->otherwise);
        return;
    case STATEMENT_FOR:
        iterator(c, &s->iterator);
        block(c, &s->body);
        return;
    case STATEMENT_BREAK:
    case STATEMENT_CONTINUE:
        return;
    case STATEMENT_FAIL:
    case STATEMENT_LOG:
        message(c, s);
        return;
    }
}

static void block(struct canonical *c, const struct typed_block *typed)
{
    number(c, typed->count);
    for (uint32_t i = 0; i < typed->count; i++)
        statement(c, typed->statements[i]);
}

/* ---- Functions ---------------------------------------------------------------------------- */

static void function(struct canonical *c, const struct typed_function *f)
{
    text(c, f->name);
    text(c, f->members ? f->members : "");
    text(c, f->symbol);
    place(c, f->span);
    number(c, f->prelude);
    number(c, f->is_recursive);
    number(c, f->fallback != NULL);
    if (f->fallback)
        function_name(c, f->fallback);
    number(c, f->parameter_count);
    for (uint32_t i = 0; i < f->parameter_count; i++)
        variable(c, f->parameters[i]);
    number(c, f->rule_count);
    for (uint32_t i = 0; i < f->rule_count; i++) {
        const struct dimension_rule *rule = &f->rules[i];
        expression(c, rule->array);
        number(c, rule->dimension);
        number(c, rule->binds != NULL);
        if (rule->binds)
            variable(c, rule->binds);
        expression(c, rule->equals);
        text(c, rule->message);
        place(c, rule->span);
    }
    type(c, f->result);
    number(c, f->result_extent_count);
    for (uint32_t i = 0; i < f->result_extent_count; i++) {
        const struct result_extent *extent = &f->result_extents[i];
        number(c, extent->leaf);
        number(c, extent->dimension);
        expression(c, extent->extent);
        text(c, extent->message);
        place(c, extent->span);
    }
    number(c, f->foreign != NULL);
    if (f->foreign) {
        text(c, f->foreign->symbol);
        vector_push(&c->units->functions, f);
    }
    block(c, &f->body);
}

void canonical_tasks(EVP_MD_CTX *hash, struct typed_function *const *tasks, uint32_t task_count,
                     struct foreign_units *units)
{
    struct canonical c = {.hash = hash, .units = units};
    number(&c, task_count);
    for (uint32_t i = 0; i < task_count; i++)
        function_name(&c, tasks[i]);
    /* Bodies name further functions, which then stand at the end of the list. */
    for (size_t i = 0; i < c.functions.count; i++)
        function(&c, c.functions.items[i]);
    flush(&c);
    for (size_t i = 0; i < c.sources.count; i++)
        vector_release(&c.sources.items[i].begins);
    vector_release(&c.sources);
    vector_release(&c.functions);
    pointer_table_release(&c.named);
}
