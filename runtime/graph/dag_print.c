/*
 * The text form of a DAG: spec/dag.md, dag_parse.c. What is printed is all that a DAG holds, except
 * what follows from the rest (children, bits, parts) and what nothing uses.
 */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

#include "graph/arguments.h"
#include "value/semantics.h"

struct printer {
    const struct dag *dag;
    const struct dag_signatures *signatures;
    struct buffer *out;
};

static void print_quoted(struct printer *p, uint32_t string)
{
    const char *text = dag_string(p->dag, string);
    buffer_json_string(p->out, text, strlen(text));
}

static void print_site(struct printer *p, uint32_t number)
{
    const struct dag_site *site = &p->dag->sites[number];
    if (site->line == 0)
        return;
    buffer_puts(p->out, " !");
    print_quoted(p, site->file);
    buffer_printf(p->out, ":%u:%u+%u", site->line, site->column, site->length);
}

/* Extents in brackets, ? where unknown; nothing for a scalar. */
static void print_extents(struct printer *p, const int64_t *extents, uint32_t rank)
{
    for (uint32_t d = 0; d < rank; d++) {
        buffer_puts(p->out, d ? ", " : "[");
        if (extents[d] < 0)
            buffer_putc(p->out, '?');
        else
            buffer_printf(p->out, "%" PRId64, extents[d]);
    }
    buffer_puts(p->out, rank ? "]" : "");
}

/* A scalar as the language writes it, or its bits where that would not read back the same. */
static void print_word(struct printer *p, enum wk_scalar scalar, uint64_t word)
{
    char text[32];
    uint64_t back;
    struct error error;
    semantics_print(scalar, word, text);
    if (semantics_read(scalar, text, &back, &error) == 0 && back == word)
        buffer_puts(p->out, text);
    else
        buffer_printf(p->out, "#%" PRIx64, word);
}

/* ---- Tables ------------------------------------------------------------------------------------
 */

static void print_task(struct printer *p, uint32_t number)
{
    const struct dag_task *task = &p->dag->tasks[number];
    buffer_printf(p->out, "task t%u ", number);
    print_quoted(p, task->name);
    buffer_putc(p->out, ' ');
    print_quoted(p, task->symbol);
    buffer_putc(p->out, ' ');
    print_quoted(p, task->parameter_types);
    buffer_puts(p->out, " -> ");
    print_quoted(p, task->result_type);
    buffer_printf(p->out, " leaves=%u", task->leaf_count);
    if (task->retries != -1)
        buffer_printf(p->out, " retries=%d", task->retries);
    if (task->timeout_ns)
        buffer_printf(p->out, " timeout=%" PRIu64, task->timeout_ns);
    if (task->memory_bytes)
        buffer_printf(p->out, " memory=%" PRIu64, task->memory_bytes);
    if (task->cost_ns)
        buffer_printf(p->out, " cost=%" PRIu64, task->cost_ns);
    if (*dag_string(p->dag, task->formula)) {
        buffer_puts(p->out, " formula=");
        print_quoted(p, task->formula);
    }
    if (task->together)
        buffer_printf(p->out, " together=%u", task->together);
    if (task->logs)
        buffer_printf(p->out, " logs=%u", task->logs);
    if (task->fallback) {
        buffer_puts(p->out, " fallback=");
        print_quoted(p, task->fallback);
    }
    if (*dag_string(p->dag, task->members)) {
        buffer_puts(p->out, " members=");
        print_quoted(p, task->members);
    }
    print_site(p, task->site);
    buffer_putc(p->out, '\n');
}

static void print_input(struct printer *p, uint32_t number)
{
    const struct dag_input *input = &p->dag->inputs[number];
    buffer_printf(p->out, "input i%u ", number);
    print_quoted(p, input->name);
    buffer_printf(p->out, " %s", dag_form_text(input->scalar));
    print_extents(p, input->extents, input->rank);
    if (input->file)
        buffer_printf(p->out, " file=%u", input->file - 1);
    buffer_putc(p->out, '\n');
}

static void print_constant(struct printer *p, uint32_t number)
{
    const struct dag_constant *constant = &p->dag->constants[number];
    enum wk_scalar scalar = (enum wk_scalar)constant->scalar;
    uint32_t bytes = constant->rank ? wk_scalar_bytes(scalar) : sizeof(uint64_t);
    buffer_printf(p->out, "constant c%u %s", number, wk_scalar_text(scalar));
    print_extents(p, constant->extents, constant->rank);
    for (uint64_t at = 0; at < constant->bytes; at += bytes) {
        buffer_putc(p->out, ' ');
        print_word(
            p, scalar,
            dag_load_element(p->dag->data + constant->offset + at, scalar, constant->rank != 0));
    }
    buffer_putc(p->out, '\n');
}

static void print_scope(struct printer *p, uint32_t number)
{
    const struct dag_scope *scope = &p->dag->scopes[number];
    buffer_printf(p->out, "scope s%u ", number);
    print_quoted(p, scope->name);
    buffer_printf(p->out, " s%u", scope->parent);
    print_site(p, scope->site);
    buffer_putc(p->out, '\n');
}

/* ---- Nodes -------------------------------------------------------------------------------------
 */

/* What a selection takes from each dimension of its source: an index, or a range. */
static void print_selection(struct printer *p, const struct dag_view *view)
{
    const int64_t *pair = p->dag->view_words + view->first_word + view->rank;
    for (uint32_t d = 0; d < view->source_rank; d++, pair += 2) {
        buffer_printf(p->out, "%s%" PRId64, d ? ", " : "{", pair[0]);
        if (pair[1] >= 0)
            buffer_printf(p->out, "+%" PRId64, pair[1]);
    }
    buffer_puts(p->out, view->source_rank ? "}" : "");
}

static void print_ref(struct printer *p, dag_ref ref)
{
    const struct dag_view *view = &p->dag->views[dag_ref_view(ref)];
    uint32_t source = dag_ref_source(ref);
    if (source < DAG_INPUT)
        buffer_printf(p->out, "n%u", source);
    else if (source < DAG_CONSTANT)
        buffer_printf(p->out, "i%u", source - DAG_INPUT);
    else
        buffer_printf(p->out, "c%u", source - DAG_CONSTANT);
    if (view->part)
        buffer_printf(p->out, ".%u", view->part);
    if (view->is_unit) {
        buffer_puts(p->out, ":()");
        return;
    }
    buffer_printf(p->out, ":%s", dag_form_text(view->scalar));
    print_extents(p, p->dag->view_words + view->first_word, view->rank);
    print_selection(p, view);
}

static void print_gather(struct printer *p, const struct dag_item *item)
{
    for (uint32_t d = 0; d < item->rank; d++)
        buffer_printf(p->out, "%s%" PRIu64, d ? ", " : "gather[", item->words[d]);
    buffer_puts(p->out, "](");
    for (uint64_t i = 0; i < item->ref_count; i++) {
        buffer_puts(p->out, i ? ", " : "");
        print_ref(p, item->refs[i]);
    }
    buffer_putc(p->out, ')');
}

static void print_item(struct printer *p, const struct dag_item *item)
{
    switch (item->kind) {
    case DAG_ARG_WORD:
        if (item->leaf)
            print_word(p, (enum wk_scalar)dag_form_of(item->leaf).scalar, item->words[0]);
        else
            buffer_printf(p->out, "#%" PRIx64, item->words[0]);
        return;
    case DAG_ARG_REF:
        print_ref(p, item->refs[0]);
        return;
    case DAG_ARG_ORDER:
        buffer_puts(p->out, "after ");
        print_ref(p, item->refs[0]);
        return;
    case DAG_ARG_GATHER:
        print_gather(p, item);
        return;
    case DAG_ARG_KIND:
    case DAG_ARG_RANK_SHIFT:
        return;
    }
}

static void print_node(struct printer *p, uint32_t number)
{
    const struct dag_node *node = &p->dag->nodes[number];
    struct dag_cursor cursor;
    struct dag_item item;
    bool is_first = true;
    buffer_printf(p->out, "n%u = t%u s%u (", number, node->task, node->scope);
    dag_cursor_begin(&cursor, p->dag, p->signatures, number);
    for (; dag_cursor_next(&cursor, &item); is_first = false) {
        buffer_puts(p->out, is_first ? "" : ", ");
        print_item(p, &item);
    }
    buffer_putc(p->out, ')');
    print_site(p, node->site);
    buffer_putc(p->out, '\n');
}

void dag_print(const struct dag *dag, struct buffer *out)
{
    struct dag_signatures signatures;
    struct printer printer = {dag, &signatures, out};
    struct error error;
    if (dag_signatures_init(&signatures, dag, &error))
        bug("printing a graph that is not valid: %s", error.message);
    for (uint32_t i = 0; i < dag->task_count; i++)
        print_task(&printer, i);
    for (uint32_t i = 0; i < dag->input_count; i++)
        print_input(&printer, i);
    for (uint32_t i = 0; i < dag->constant_count; i++)
        print_constant(&printer, i);
    for (uint32_t i = 0; i < dag->scope_count; i++)
        print_scope(&printer, i);
    for (uint32_t i = 0; i < dag->node_count; i++)
        print_node(&printer, i);
    dag_signatures_release(&signatures);
}
