/*
 * Reads the text form of a DAG: spec/dag.md has its grammar. One table entry or node a line; the
 * first mistake ends it. What can be checked on the whole is left to dag_verify.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "graph/arguments.h"
#include "graph/builder.h"
#include "value/semantics.h"

enum { MOST_TEXT = 4096 };

struct reader {
    const char *at, *end;
    uint32_t line;
    struct dag_builder *builder;
    struct arena arena; /* of types */
    struct type_table types;
    VECTOR(const struct type *) parameters; /* by task */
    VECTOR(uint32_t) codes;                 /* of the node being read */
    struct error *error;
    int code;
};

static bool fail(struct reader *r, const char *what)
{
    if (!r->code)
        r->code = error_set(r->error, ERR_bad_dag, "line %u: %s", r->line, what);
    return false;
}

/* ---- Tokens ------------------------------------------------------------------------------------
 */

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && *r->at == ' ')
        r->at++;
}

static bool accept(struct reader *r, const char *token)
{
    size_t length = strlen(token);
    skip_blanks(r);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, token, length) != 0)
        return false;
    r->at += length;
    return true;
}

static bool expect(struct reader *r, const char *token)
{
    return accept(r, token) || fail(r, "unexpected text");
}

static bool at_digit(const struct reader *r, size_t offset)
{
    return (size_t)(r->end - r->at) > offset && r->at[offset] >= '0' && r->at[offset] <= '9';
}

static bool read_number(struct reader *r, uint64_t most, uint64_t *number)
{
    skip_blanks(r);
    *number = 0;
    if (!at_digit(r, 0))
        return fail(r, "a number is missing");
    for (; at_digit(r, 0); r->at++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*r->at - '0'), number))
            return fail(r, "a number is too large");
    return *number <= most || fail(r, "a number is too large");
}

static bool read_u32(struct reader *r, uint32_t *number)
{
    uint64_t wide;
    bool is_read = read_number(r, UINT32_MAX, &wide);
    *number = (uint32_t)wide;
    return is_read;
}

/* A letter and a number below `count`. */
static bool read_name(struct reader *r, const char *letter, size_t count, uint32_t *number)
{
    return expect(r, letter) && read_u32(r, number) &&
           (*number < count || fail(r, "a number that does not exist"));
}

/* The number that comes next in a table of `count` entries. */
static bool read_next(struct reader *r, const char *letter, size_t count)
{
    uint32_t number;
    return expect(r, letter) && read_u32(r, &number) &&
           (number == count || fail(r, "not numbered in order"));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* What stands behind a backslash. Control characters are the only ones written as \u. */
static bool read_escape(struct reader *r, char *c)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end)
        return fail(r, "a text without an end");
    const char *name = *r->at ? strchr(names, *r->at) : NULL;
    if (name) {
        *c = values[name - names];
        r->at++;
        return true;
    }
    if (r->end - r->at < 5 || memcmp(r->at, "u00", 3) != 0 || hex_digit(r->at[3]) < 0 ||
        hex_digit(r->at[4]) < 0)
        return fail(r, "an escape that is not known");
    *c = (char)(hex_digit(r->at[3]) * 16 + hex_digit(r->at[4]));
    r->at += 5;
    return *c ? true : fail(r, "a zero byte in a text");
}

static bool read_text(struct reader *r, char text[MOST_TEXT])
{
    size_t length = 0;
    if (!expect(r, "\""))
        return false;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if (c == '\n' || c == '\0' || length + 1 >= MOST_TEXT)
            return fail(r, "a text without an end, or a too long one");
        if (c == '\\' && !read_escape(r, &c))
            return false;
        text[length++] = c;
    }
    text[length] = '\0';
    return expect(r, "\"");
}

static bool read_string(struct reader *r, uint32_t *string)
{
    char text[MOST_TEXT];
    if (!read_text(r, text))
        return false;
    *string = dag_add_string(r->builder, text);
    return true;
}

static bool read_site(struct reader *r, uint32_t *site)
{
    char file[MOST_TEXT];
    struct place place = {.file = file};
    *site = 0;
    if (!accept(r, "!"))
        return true;
    if (!read_text(r, file) || !expect(r, ":") || !read_u32(r, &place.line) || !expect(r, ":") ||
        !read_u32(r, &place.column) || !expect(r, "+") || !read_u32(r, &place.length))
        return false;
    *site = dag_add_site(r->builder, &place);
    return true;
}

static bool read_scalar(struct reader *r, enum wk_scalar *scalar)
{
    skip_blanks(r);
    for (int s = WK_SCALAR_COUNT; s-- > 0;) { /* f64 before a shorter name that begins alike */
        if (accept(r, wk_scalar_text((enum wk_scalar)s))) {
            *scalar = (enum wk_scalar)s;
            return true;
        }
    }
    return fail(r, "a scalar type is missing");
}

static bool read_extents(struct reader *r, int64_t extents[WK_MAX_RANK], uint8_t *rank)
{
    *rank = 0;
    if (!accept(r, "["))
        return true;
    do {
        uint64_t extent;
        if (*rank == WK_MAX_RANK)
            return fail(r, "too many dimensions");
        if (accept(r, "?"))
            extents[*rank] = -1;
        else if (read_number(r, INT64_MAX, &extent))
            extents[*rank] = (int64_t)extent;
        else
            return false;
        ++*rank;
    } while (accept(r, ","));
    return expect(r, "]");
}

/* A scalar's text up to what cannot belong to it, or its bits behind #. */
static bool read_word(struct reader *r, enum wk_scalar scalar, bool is_known, uint64_t *word)
{
    char text[64];
    struct error error;
    size_t length = 0;
    skip_blanks(r);
    bool is_bits = accept(r, "#");
    while (r->at < r->end && !strchr(" ,)\n", *r->at) && length + 1 < sizeof text)
        text[length++] = *r->at++;
    text[length] = '\0';
    *word = 0;
    for (size_t i = 0; is_bits && i < length; i++) {
        if (hex_digit(text[i]) < 0 || *word >> 60)
            return fail(r, "bits that are no hexadecimal number");
        *word = *word << 4 | (uint64_t)hex_digit(text[i]);
    }
    if (is_bits)
        return length > 0 || fail(r, "bits that are no hexadecimal number");
    if (!is_known || semantics_read(scalar, text, word, &error))
        return fail(r, "a value that is none of its type");
    return true;
}

/* ---- Tables ------------------------------------------------------------------------------------
 */

static bool read_types(struct reader *r, struct dag_task *task)
{
    char text[MOST_TEXT];
    if (!read_text(r, text))
        return false;
    const struct type *parameters = *text ? type_parse(&r->types, text) : NULL;
    if (*text && (!parameters || parameters->kind != TYPE_TUPLE))
        return fail(r, "parameters that are no tuple type");
    vector_push(&r->parameters, parameters);
    task->parameter_types = dag_add_string(r->builder, text);
    return expect(r, "->") && read_string(r, &task->result_type);
}

static bool read_annotations(struct reader *r, struct dag_task *task)
{
    uint32_t retries;
    task->retries = -1;
    if (accept(r, "retries=")) {
        if (!read_u32(r, &retries) || retries > INT32_MAX)
            return fail(r, "too many retries");
        task->retries = (int32_t)retries;
    }
    return (!accept(r, "timeout=") || read_number(r, UINT64_MAX, &task->timeout_ns)) &&
           (!accept(r, "memory=") || read_number(r, UINT64_MAX, &task->memory_bytes)) &&
           (!accept(r, "cost=") || read_number(r, UINT64_MAX, &task->cost_ns)) &&
           (!accept(r, "formula=") || read_string(r, &task->formula)) &&
           (!accept(r, "together=") || read_u32(r, &task->together)) &&
           (!accept(r, "logs=") || read_u32(r, &task->logs)) &&
           (!accept(r, "fallback=") || read_string(r, &task->fallback)) &&
           (!accept(r, "members=") || read_string(r, &task->members));
}

static bool read_task(struct reader *r)
{
    struct dag_task task = {0};
    size_t number = r->parameters.count;
    if (!read_next(r, "t", number) || !read_string(r, &task.name) ||
        !read_string(r, &task.symbol) || !read_types(r, &task) || !expect(r, "leaves=") ||
        !read_u32(r, &task.leaf_count) || !read_annotations(r, &task) || !read_site(r, &task.site))
        return false;
    if (number == DAG_RESULT)
        r->builder->tasks.items[DAG_RESULT] = task;
    else
        dag_add_task(r->builder, &task);
    return true;
}

static bool read_input(struct reader *r)
{
    struct dag_input input;
    memset(&input, 0, sizeof input);
    enum wk_scalar scalar = (enum wk_scalar)DAG_OPAQUE;
    if (!read_next(r, "i", r->builder->inputs.count) || !read_string(r, &input.name) ||
        (!accept(r, "any") && !read_scalar(r, &scalar)) ||
        !read_extents(r, input.extents, &input.rank))
        return false;
    if (accept(r, "file=") && (!read_u32(r, &input.file) || input.file++ == UINT32_MAX))
        return fail(r, "the number of a file is missing");
    input.scalar = (uint8_t)scalar;
    dag_add_input(r->builder, &input);
    return true;
}

static bool read_elements(struct reader *r, enum wk_scalar scalar, uint32_t size,
                          struct buffer *data)
{
    uint64_t word;
    for (skip_blanks(r); r->at < r->end && *r->at != '\n'; skip_blanks(r)) {
        if (!read_word(r, scalar, true, &word))
            return false;
        buffer_append(data, &word, size);
    }
    return true;
}

static bool read_constant(struct reader *r)
{
    struct dag_constant constant;
    memset(&constant, 0, sizeof constant);
    struct buffer data = {0};
    size_t number = r->builder->constants.count;
    enum wk_scalar scalar;
    if (!read_next(r, "c", number) || !read_scalar(r, &scalar) ||
        !read_extents(r, constant.extents, &constant.rank))
        return false;
    constant.scalar = (uint8_t)scalar;
    uint32_t size = constant.rank ? wk_scalar_bytes(scalar) : sizeof(uint64_t);
    if (read_elements(r, scalar, size, &data)) {
        constant.bytes = data.length;
        if (dag_add_constant(r->builder, &constant, data.data) != number)
            fail(r, "a constant that was there before");
    }
    buffer_release(&data);
    return !r->code;
}

static bool read_scope(struct reader *r)
{
    uint32_t name, parent, site;
    size_t count = r->builder->scopes.count;
    if (!read_next(r, "s", count) || !read_string(r, &name) ||
        !read_name(r, "s", count + 1, &parent) || !read_site(r, &site))
        return false;
    dag_add_scope(r->builder, name, parent, site);
    return true;
}

/* ---- Nodes -------------------------------------------------------------------------------------
 */

static bool read_source(struct reader *r, uint32_t *source)
{
    const struct dag_builder *b = r->builder;
    skip_blanks(r);
    char letter = r->at < r->end ? *r->at : '\0';
    if (letter == 'n')
        return read_name(r, "n", b->nodes.count, source);
    if (letter == 'i' && read_name(r, "i", b->inputs.count, source)) {
        *source += DAG_INPUT;
        return true;
    }
    if (letter == 'c' && read_name(r, "c", b->constants.count, source)) {
        *source += DAG_CONSTANT;
        return true;
    }
    return fail(r, "a node, input or constant is missing");
}

/* {0+2, 3}: for each dimension of the source a range or an index. */
static bool read_selection(struct reader *r, struct dag_view *view, int64_t *pairs)
{
    if (!accept(r, "{"))
        return true;
    do {
        uint64_t begin, count;
        if (view->source_rank == WK_MAX_RANK)
            return fail(r, "too many dimensions");
        if (!read_number(r, INT64_MAX, &begin))
            return false;
        pairs[2 * view->source_rank] = (int64_t)begin;
        pairs[2 * view->source_rank + 1] = -1;
        if (accept(r, "+")) {
            if (!read_number(r, INT64_MAX, &count))
                return false;
            pairs[2 * view->source_rank + 1] = (int64_t)count;
        }
        view->source_rank++;
    } while (accept(r, ","));
    return expect(r, "}");
}

static bool read_ref(struct reader *r)
{
    struct dag_view view = {0};
    int64_t words[3 * WK_MAX_RANK];
    uint32_t source;
    enum wk_scalar scalar = WK_BOOL;
    bool is_opaque = false;
    if (!read_source(r, &source) || (accept(r, ".") && !read_u32(r, &view.part)) || !expect(r, ":"))
        return false;
    view.is_unit = accept(r, "()");
    if (!view.is_unit &&
        ((!(is_opaque = accept(r, "any")) && !read_scalar(r, &scalar)) ||
         !read_extents(r, words, &view.rank) || !read_selection(r, &view, words + view.rank)))
        return false;
    view.scalar = is_opaque ? DAG_OPAQUE : (uint8_t)scalar;
    dag_add_ref(r->builder, (dag_ref)source << 32 | dag_add_view(r->builder, &view, words));
    return true;
}

static bool read_gather(struct reader *r)
{
    uint32_t rank = 0;
    do {
        uint64_t extent;
        if (++rank > WK_MAX_RANK)
            return fail(r, "too many dimensions");
        if (!read_number(r, INT64_MAX, &extent))
            return false;
        dag_add_word(r->builder, extent);
    } while (accept(r, ","));
    vector_push(&r->codes, DAG_ARG_GATHER | rank << DAG_ARG_RANK_SHIFT);
    if (!expect(r, "]") || !expect(r, "("))
        return false;
    if (accept(r, ")"))
        return true;
    do {
        if (!read_ref(r))
            return false;
    } while (accept(r, ","));
    return expect(r, ")");
}

static bool at_source(struct reader *r)
{
    skip_blanks(r);
    return r->at < r->end && strchr("nic", *r->at) && *r->at && at_digit(r, 1);
}

static bool read_argument(struct reader *r, const struct type *parameters, uint32_t *leaf)
{
    const char *name;
    bool is_order = accept(r, "after");
    const struct type *type = dag_next_leaf(parameters, leaf, is_order, &name);
    if (is_order || at_source(r)) {
        vector_push(&r->codes, is_order ? DAG_ARG_ORDER : DAG_ARG_REF);
        return read_ref(r);
    }
    if (accept(r, "gather["))
        return read_gather(r);
    uint64_t word;
    bool is_known = type && dag_is_word(type);
    enum wk_scalar scalar = is_known ? (enum wk_scalar)dag_form_of(type).scalar : WK_BOOL;
    if (!read_word(r, scalar, is_known, &word))
        return false;
    vector_push(&r->codes, DAG_ARG_WORD);
    dag_add_word(r->builder, word);
    return true;
}

static bool read_node(struct reader *r)
{
    uint32_t task, scope, site, leaf = 0;
    size_t count = r->builder->nodes.count;
    if (count >= DAG_MAX_NODES)
        return fail(r, "too many nodes");
    if (!read_next(r, "n", count) || !expect(r, "=") ||
        !read_name(r, "t", r->parameters.count, &task) ||
        !read_name(r, "s", r->builder->scopes.count, &scope) || !expect(r, "("))
        return false;
    r->codes.count = 0;
    bool is_last = accept(r, ")");
    while (!is_last) {
        if (!read_argument(r, r->parameters.items[task], &leaf))
            return false;
        is_last = !accept(r, ",");
        if (is_last && !expect(r, ")"))
            return false;
    }
    if (!read_site(r, &site))
        return false;
    uint32_t pattern = dag_add_pattern(r->builder, r->codes.items, (uint32_t)r->codes.count);
    dag_add_node(r->builder, task, pattern, site, scope);
    return true;
}

/* ---- The whole ---------------------------------------------------------------------------------
 */

static bool read_line(struct reader *r)
{
    skip_blanks(r);
    bool is_read = r->at == r->end || *r->at == '\n' ? true
                   : accept(r, "task ")              ? read_task(r)
                   : accept(r, "input ")             ? read_input(r)
                   : accept(r, "constant ")          ? read_constant(r)
                   : accept(r, "scope ")             ? read_scope(r)
                                                     : read_node(r);
    skip_blanks(r);
    if (!is_read)
        return false;
    if (r->at < r->end && *r->at != '\n')
        return fail(r, "unexpected text");
    r->at += r->at < r->end;
    return true;
}

static int read_all(struct reader *r)
{
    for (r->line = 1; r->at < r->end; r->line++)
        if (!read_line(r))
            return r->code;
    if (r->builder->nodes.count == 0 || vector_last(&r->builder->nodes).task != DAG_RESULT)
        fail(r, "the last line is not the sink, a node of task t0");
    return r->code;
}

int dag_parse(struct dag *dag, const char *text, size_t length, struct error *error)
{
    struct reader r = {.at = text, .end = text + length, .error = error};
    *dag = (struct dag){0};
    r.builder = dag_builder_new();
    arena_init(&r.arena);
    type_table_init(&r.types, &r.arena);
    int code = read_all(&r);
    if (code)
        dag_builder_free(r.builder);
    else
        code = dag_finish(r.builder, dag, error);
    if (!code && (code = dag_verify(dag, error)))
        dag_release(dag);
    vector_release(&r.parameters);
    vector_release(&r.codes);
    type_table_release(&r.types);
    arena_release(&r.arena);
    return code;
}
