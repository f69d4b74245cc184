/* The texts of drawings; see dot_private.h. */
#include "graph/dot_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/semantics.h"

enum { MOST_LABEL = 80 };

/* Within a quoted string of Graphviz's language. */
void dot_put_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buffer_putc(out, '\\');
        buffer_putc(out, *text == '\n' ? ' ' : *text);
    }
}

void dot_put_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double size = (double)bytes;
    for (; size >= 1024 && unit < 6; unit++)
        size /= 1024;
    buffer_printf(out, unit && size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

/* A slice as the language writes it: [0..512, 3]; all of a dimension is ":". */
void dot_put_selection(struct drawing *d, const struct dag_view *view)
{
    const int64_t *pair = d->dag->view_words + view->first_word + view->rank;
    for (uint32_t i = 0; i < view->source_rank; i++, pair += 2) {
        buffer_puts(d->out, i ? ", " : "[");
        if (pair[1] < 0)
            buffer_printf(d->out, "%" PRId64, pair[0]);
        else
            buffer_printf(d->out, "%" PRId64 "..%" PRId64, pair[0], pair[0] + pair[1]);
    }
    buffer_puts(d->out, view->source_rank ? "]" : "");
}

static void put_shape(struct drawing *d, uint8_t scalar, const int64_t *extents, uint32_t rank)
{
    buffer_puts(d->out, dag_form_text(scalar));
    for (uint32_t i = 0; i < rank; i++) {
        buffer_puts(d->out, i ? ", " : "[");
        if (extents[i] < 0)
            buffer_putc(d->out, '?');
        else
            buffer_printf(d->out, "%" PRId64, extents[i]);
    }
    buffer_puts(d->out, rank ? "]" : "");
}

/* A lifted scalar is shown as an argument, not as a box. */
bool dot_is_scalar_constant(const struct dag *dag, dag_ref ref)
{
    uint32_t source = dag_ref_source(ref);
    return source >= DAG_CONSTANT && dag->constants[source - DAG_CONSTANT].rank == 0;
}

static bool known_word(const struct dag *dag, const struct dag_item *item, enum wk_scalar *scalar,
                       uint64_t *word)
{
    if (item->kind == DAG_ARG_WORD && item->leaf) {
        *scalar = (enum wk_scalar)dag_form_of(item->leaf).scalar;
        *word = item->words[0];
        return true;
    }
    if (item->kind != DAG_ARG_REF || !dot_is_scalar_constant(dag, item->refs[0]))
        return false;
    const struct dag_constant *c = &dag->constants[dag_ref_source(item->refs[0]) - DAG_CONSTANT];
    *scalar = (enum wk_scalar)c->scalar;
    *word = dag_load_element(dag->data + c->offset, *scalar, false);
    return true;
}

/* "partial(i=3, width=100)": the task's name and its known arguments. */
void dot_put_call(struct drawing *d, uint32_t node)
{
    const struct dag *dag = d->dag;
    struct dag_cursor cursor;
    struct dag_item item;
    enum wk_scalar scalar;
    uint64_t word;
    size_t begin = d->out->length;
    bool is_first = true;
    dot_put_escaped(d->out, dag_string(dag, dag->tasks[dag->nodes[node].task].name));
    for (dag_cursor_begin(&cursor, dag, &d->signatures, node); dag_cursor_next(&cursor, &item);) {
        char text[32];
        if (!known_word(dag, &item, &scalar, &word))
            continue;
        buffer_puts(d->out, is_first ? "(" : ", ");
        is_first = false;
        if (d->out->length - begin > MOST_LABEL) {
            buffer_puts(d->out, "...");
            break;
        }
        semantics_print(scalar, word, text);
        if (item.name)
            buffer_printf(d->out, "%s=", item.name);
        buffer_puts(d->out, text);
    }
    buffer_puts(d->out, is_first ? "" : ")");
}

void dot_put_fused(struct drawing *d, uint32_t task)
{
    const char *members = dag_string(d->dag, d->dag->tasks[task].members);
    if (!*members)
        return;
    bool is_long = strlen(members) > MOST_LABEL;
    char *shown = memory_new(strlen(members) + 1, 1);
    memcpy(shown, members, is_long ? MOST_LABEL : strlen(members));
    buffer_puts(d->out, "\\nfused: ");
    dot_put_escaped(d->out, shown);
    buffer_puts(d->out, is_long ? "..." : "");
    free(shown);
}

void dot_begin(struct drawing *d)
{
    buffer_puts(d->out, "digraph \"");
    dot_put_escaped(d->out, d->dag->scope_count ? dag_string(d->dag, d->dag->scopes[0].name) : "");
    buffer_puts(d->out,
                "\" {\n"
                "    graph [fontname=\"Helvetica\", fontsize=11, style=rounded, color=gray60]\n"
                "    node [fontname=\"Helvetica\", fontsize=11, shape=box, style=rounded]\n"
                "    edge [fontname=\"Helvetica\", fontsize=9, color=gray40]\n");
}

void dot_put_indent(struct drawing *d, uint32_t depth)
{
    for (uint32_t i = 0; i < depth && i < 20; i++)
        buffer_puts(d->out, "    ");
}

void dot_put_source_name(struct drawing *d, uint32_t source)
{
    if (source < DAG_INPUT)
        buffer_printf(d->out, "n%u", source);
    else if (source < DAG_CONSTANT)
        buffer_printf(d->out, "i%u", source - DAG_INPUT);
    else
        buffer_printf(d->out, "c%u", source - DAG_CONSTANT);
}

/* The first elements of a known array. */
static void put_elements(struct drawing *d, const struct dag_constant *constant)
{
    enum { SHOWN = 4 };
    enum wk_scalar scalar = (enum wk_scalar)constant->scalar;
    uint32_t size = wk_scalar_bytes(scalar);
    uint64_t count = constant->bytes / size;
    for (uint64_t i = 0; i < count && i < SHOWN; i++) {
        char text[32];
        const char *element = d->dag->data + constant->offset + i * size;
        semantics_print(scalar, dag_load_element(element, scalar, true), text);
        buffer_printf(d->out, "%s%s", i ? ", " : "\\n", text);
    }
    buffer_puts(d->out, count > SHOWN ? ", ..." : "");
}

void dot_put_inputs(struct drawing *d)
{
    const struct dag *dag = d->dag;
    for (uint32_t i = 0; i < dag->input_count; i++) {
        const struct dag_input *input = &dag->inputs[i];
        buffer_printf(d->out, "    i%u [shape=cylinder, label=\"", i);
        dot_put_escaped(d->out, dag_string(dag, input->name));
        buffer_puts(d->out, "\\n");
        put_shape(d, input->scalar, input->extents, input->rank);
        buffer_puts(d->out, "\"]\n");
    }
}

void dot_put_constants(struct drawing *d)
{
    const struct dag *dag = d->dag;
    for (uint32_t i = 0; i < dag->constant_count; i++) {
        const struct dag_constant *constant = &dag->constants[i];
        if (constant->rank == 0)
            continue;
        buffer_printf(d->out, "    c%u [shape=note, style=\"\", label=\"", i);
        put_shape(d, constant->scalar, constant->extents, constant->rank);
        put_elements(d, constant);
        buffer_puts(d->out, "\"]\n");
    }
}
