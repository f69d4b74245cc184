/*
 * Elaboration of slices of arrays that untile and concat join (spec/flow-code.md, C4.12, C4.13;
 * D23): random grids, joined once or twice, and random slices of them. What the graph's nodes and
 * views show is worked out element by element, and must be what the whole matrix has there.
 */
#include "elaboration.h"

#include "base/buffer.h"
#include "base/memory.h"

/* ---- Matrices ------------------------------------------------------------------------------- */

struct matrix {
    int64_t rows, columns, *items;
};

static struct matrix matrix_new(int64_t rows, int64_t columns)
{
    return (struct matrix){rows, columns, memory_new((size_t)(rows * columns), sizeof(int64_t))};
}

static void matrix_put(struct matrix *into, int64_t row, int64_t column, const struct matrix *piece)
{
    for (int64_t r = 0; r < piece->rows; r++)
        for (int64_t c = 0; c < piece->columns; c++)
            into->items[(row + r) * into->columns + column + c] =
                piece->items[r * piece->columns + c];
}

static struct matrix matrix_cut(const struct matrix *from, int64_t row, int64_t rows,
                                int64_t column, int64_t columns)
{
    struct matrix cut = matrix_new(rows, columns);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            cut.items[r * columns + c] = from->items[(row + r) * from->columns + column + c];
    return cut;
}

static int64_t element(int64_t piece, int64_t row, int64_t column)
{
    return piece * 10000 + row * 100 + column;
}

static struct matrix piece_number(int64_t number, int64_t rows, int64_t columns)
{
    struct matrix made = matrix_new(rows, columns);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            made.items[r * columns + c] = element(number, r, c);
    return made;
}

/* ---- What a graph makes --------------------------------------------------------------------- */

static struct matrix evaluate_node(const struct dag *dag, uint32_t node);

/* An index keeps its dimension, of extent 1. */
static struct matrix evaluate_ref(const struct dag *dag, dag_ref ref)
{
    struct matrix whole = evaluate_node(dag, dag_ref_source(ref));
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    if (!view->source_rank)
        return whole;
    const int64_t *pair = dag->view_words + view->first_word + view->rank;
    struct matrix cut =
        matrix_cut(&whole, pair[0], pair[1] < 0 ? 1 : pair[1], pair[2], pair[3] < 0 ? 1 : pair[3]);
    free(whole.items);
    return cut;
}

static struct matrix evaluate_join(const struct dag *dag, uint32_t node, uint64_t columns)
{
    uint64_t count = dag_ref_count(dag, node);
    struct matrix *pieces = memory_new(count, sizeof *pieces);
    int64_t height = 0, width = 0, row = 0, column = 0;
    for (uint64_t i = 0; i < count; i++) {
        pieces[i] = evaluate_ref(dag, ref_of(dag, node, (uint32_t)i));
        height += i % columns ? 0 : pieces[i].rows;
        width += i < columns ? pieces[i].columns : 0;
    }
    struct matrix joined = matrix_new(height, width);
    for (uint64_t i = 0; i < count; i++) {
        matrix_put(&joined, row, column, &pieces[i]);
        column += pieces[i].columns;
        if ((i + 1) % columns == 0) {
            row += pieces[i].rows;
            column = 0;
        }
        free(pieces[i].items);
    }
    free(pieces);
    return joined;
}

static struct matrix evaluate_node(const struct dag *dag, uint32_t node)
{
    if (strcmp(task_of(dag, node), "make") == 0)
        return piece_number((int64_t)word_of(dag, node, 0), (int64_t)word_of(dag, node, 1),
                            (int64_t)word_of(dag, node, 2));
    bool is_untile = strcmp(task_of(dag, node), "untile") == 0;
    return evaluate_join(dag, node, is_untile ? word_of(dag, node, 1) : 1);
}

/* ---- Random programs ------------------------------------------------------------------------ */

static uint64_t state;

static int64_t below(int64_t limit)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(state >> 33) % limit;
}

#define JOINS_HEADER                                                                               \
    "module \"joins.wk\"\n"                                                                        \
    "kernel @make \"make\" (i: i64, m: i64, n: i64) -> f64[_, _]\n"                                \
    "kernel @op.untile.f64__ \"untile\" (a: f64[_, _][_, _]) -> f64[_, _]\n"                       \
    "kernel @op.concat.f64__ \"concat\" (a: f64[_][_, _]) -> f64[_, _]\n"                          \
    "kernel @op.concat.f64__.f64__ \"concat\" (a: f64[_, _], b: f64[_, _]) -> f64[_, _]\n"

/* A program under way: its text, the number of its next value, and what the last matrix holds. */
struct sketch {
    struct buffer text;
    int values, pieces;
};

static int integer(struct sketch *s, int64_t value)
{
    buffer_printf(&s->text, "    %%%d: i64 = constant %d\n", s->values, (int)value);
    return s->values++;
}

static int make(struct sketch *s, int64_t rows, int64_t columns, struct matrix *model)
{
    int number = integer(s, s->pieces), m = integer(s, rows), n = integer(s, columns);
    buffer_printf(&s->text, "    %%%d: ?f64[+, +] = call @make %%%d, %%%d, %%%d, %%%d, %%%d\n",
                  s->values, number, m, n, m, n);
    *model = piece_number(s->pieces++, rows, columns);
    return s->values++;
}

static int any_matrix(struct sketch *s, int64_t rows, int64_t columns, int depth,
                      struct matrix *model);

/* Cuts a length into `count` lengths, some of them 0. */
static void cut_length(int64_t length, int64_t count, int64_t *lengths)
{
    for (int64_t i = 0; i < count; i++) {
        lengths[i] = i + 1 == count ? length : below(length + 1);
        length -= lengths[i];
    }
}

enum { MOST = 6 };

static int joined_matrix(struct sketch *s, int64_t rows, int64_t columns, int depth,
                         struct matrix *model)
{
    int64_t kind = below(3),
            grid[2] = {kind == 2 ? 2 : 1 + below(MOST), kind ? 1 : 1 + below(MOST)};
    int64_t heights[MOST], widths[MOST], row = 0, column = 0;
    int pieces[MOST * MOST];
    cut_length(rows, grid[0], heights);
    cut_length(columns, grid[1], widths);
    *model = matrix_new(rows, columns);
    for (int64_t i = 0; i < grid[0] * grid[1]; i++) {
        struct matrix piece;
        pieces[i] = any_matrix(s, heights[i / grid[1]], widths[i % grid[1]], depth - 1, &piece);
        column = i % grid[1] ? column : 0;
        matrix_put(model, row, column, &piece);
        column += piece.columns;
        row += (i + 1) % grid[1] ? 0 : piece.rows;
        free(piece.items);
    }
    int height = integer(s, rows), width = integer(s, columns), first = integer(s, grid[0]);
    int second = integer(s, grid[1]);
    if (kind == 2) {
        buffer_printf(&s->text, "    %%%d: ?f64[+, +] = call @op.concat.f64__.f64__ %%%d, %%%d",
                      s->values, pieces[0], pieces[1]);
    } else {
        buffer_printf(&s->text, "    %%%d: {%d}?f64[+, +] = structure %%%d", s->values,
                      kind ? 1 : 2, first);
        if (!kind)
            buffer_printf(&s->text, ", %%%d", second);
        for (int64_t i = 0; i < grid[0] * grid[1]; i++)
            buffer_printf(&s->text, ", %%%d", pieces[i]);
        buffer_printf(&s->text, "\n    %%%d: ?f64[+, +] = call @op.%s.f64__ %%%d", s->values + 1,
                      kind ? "concat" : "untile", s->values);
        s->values++;
    }
    buffer_printf(&s->text, ", %%%d, %%%d\n", height, width);
    return s->values++;
}

/* A random slice of a matrix: ranges only, as its type is that of a matrix. */
static int sliced_matrix(struct sketch *s, int64_t rows, int64_t columns, int depth,
                         struct matrix *model)
{
    int64_t above = below(4), left = below(4);
    struct matrix whole;
    int from = any_matrix(s, above + rows + below(4), left + columns + below(4), depth - 1, &whole);
    int a = integer(s, above), b = integer(s, above + rows);
    int c = integer(s, left), d = integer(s, left + columns);
    buffer_printf(&s->text, "    %%%d: ?f64[+, +] = view.rr %%%d, %%%d, %%%d, %%%d, %%%d\n",
                  s->values, from, a, b, c, d);
    *model = matrix_cut(&whole, above, rows, left, columns);
    free(whole.items);
    return s->values++;
}

static int any_matrix(struct sketch *s, int64_t rows, int64_t columns, int depth,
                      struct matrix *model)
{
    int64_t choice = depth > 0 ? below(3) : 0;
    return choice == 0   ? make(s, rows, columns, model)
           : choice == 1 ? joined_matrix(s, rows, columns, depth, model)
                         : sliced_matrix(s, rows, columns, depth, model);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

/* Elaborates what was sketched, with its last value as main's result. */
static void elaborate_sketch(struct sketch *s, struct buffer *whole, const char *pending,
                             const char *result, struct job *job)
{
    buffer_printf(whole, JOINS_HEADER "entry @main -> %s\nflow @main \"main\" -> (%s) {\nb0():\n",
                  result, pending);
    buffer_puts(whole, buffer_text(&s->text));
    buffer_printf(whole, "    return %%%d\n}\n", s->values - 1);
    *job = (struct job){.text = buffer_text(whole)};
    run(job);
    CHECK_INT(job->code, 0);
}

static void check_model(const struct dag *dag, const struct matrix *model, uint64_t seed)
{
    struct matrix found = evaluate_ref(dag, ref_of(dag, dag_sink(dag), 0));
    int64_t count = model->rows * model->columns;
    CHECK_INT(found.rows, model->rows);
    CHECK_INT(found.columns, model->columns);
    if (found.rows == model->rows && found.columns == model->columns &&
        memcmp(found.items, model->items, (size_t)count * sizeof *model->items) != 0) {
        fprintf(stderr, "seed %d: another matrix\n", (int)seed);
        test_failures++;
    }
    free(found.items);
}

static void slices_show_what_the_whole_has(void)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct sketch s = {0};
        struct buffer whole = {0};
        struct matrix model;
        struct job job;
        state = seed;
        int64_t rows = below(12), columns = below(12);
        sliced_matrix(&s, rows, columns, 4, &model);
        elaborate_sketch(&s, &whole, "?f64[+, +]", "f64[_, _]", &job);
        if (!job.code) {
            check_model(&job.dag, &model, seed);
            dag_release(&job.dag);
        }
        free(model.items);
        buffer_release(&s.text);
        buffer_release(&whole);
    }
}

/* Rows and elements drop a dimension. */
static void rows_and_elements_show_what_the_whole_has(void)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct sketch s = {0};
        struct buffer whole = {0};
        struct matrix model, row;
        struct job job;
        state = seed;
        int64_t rows = 1 + below(12), columns = 1 + below(12), at = below(rows),
                left = below(columns);
        bool is_row = below(2);
        int from = joined_matrix(&s, rows, columns, 3, &model);
        int a = integer(&s, at), b = integer(&s, left), c = integer(&s, columns);
        if (is_row)
            buffer_printf(&s.text, "    %%%d: ?f64[+] = view.ir %%%d, %%%d, %%%d, %%%d\n",
                          s.values++, from, a, b, c);
        else
            buffer_printf(&s.text, "    %%%d: ?f64 = view.ii %%%d, %%%d, %%%d\n", s.values++, from,
                          a, b);
        elaborate_sketch(&s, &whole, is_row ? "?f64[+]" : "?f64", is_row ? "f64[_]" : "f64", &job);
        if (!job.code) {
            row = matrix_cut(&model, at, 1, left, is_row ? columns - left : 1);
            check_model(&job.dag, &row, seed);
            free(row.items);
            dag_release(&job.dag);
        }
        free(model.items);
        buffer_release(&s.text);
        buffer_release(&whole);
    }
}

/* Four tiles of 2 x 3, joined; the text of what is read of them stands between. */
#define TILES(steps, type, result)                                                                 \
    JOINS_HEADER "parameter n: i64\nentry @main -> " result "\n"                                   \
                 "flow @main \"main\" -> (" type ") {\n"                                           \
                 "b0(%0: i64):\n"                                                                  \
                 "    %1: i64 = constant 2\n    %2: i64 = constant 3\n    %3: i64 = constant 4\n"  \
                 "    %4: i64 = constant 6\n    %5: i64 = constant 1\n    %6: i64 = constant 0\n"  \
                 "    %7: {2}?f64[+, +] = each.2 @tile %3, %1\n"                                   \
                 "    %8: i64 = constant 8\n"                                                      \
                 "    %9: ?f64[+, +] = call @op.untile.f64__ %7, %8, %4\n" steps "}\n"             \
                 "function @tile \"main\" -> (?f64[+, +]) {\n"                                     \
                 "b0(%0: i64, %1: i64):\n"                                                         \
                 "    %2: i64 = constant 2\n    %3: i64 = constant 3\n"                            \
                 "    %4: ?f64[+, +] = call @make %0, %2, %3, %2, %3\n    return %4\n}\n"

static void check_nodes(const char *text, uint64_t n, uint32_t nodes, const char *task,
                        uint64_t refs)
{
    struct job job = {.text = text, .words = {n}};
    run(&job);
    CHECK_INT(job.code, 0);
    if (job.code)
        return;
    uint32_t source = dag_ref_source(ref_of(&job.dag, dag_sink(&job.dag), 0));
    CHECK_INT(job.dag.node_count, nodes);
    CHECK_TEXT(task_of(&job.dag, source), task);
    CHECK_INT(dag_ref_count(&job.dag, source), refs);
    dag_release(&job.dag);
}

static void nobody_joins_what_is_read_in_parts(void)
{
    /* a[0..2, 0..3] is a tile: nothing else is needed. */
    check_nodes(TILES("    %10: ?f64[+, +] = view.rr %9, %6, %1, %6, %0\n    return %10\n",
                      "?f64[+, +]", "f64[_, _]"),
                3, 2, "make", 0);
    /* tiles(a, 2, 3)[3, 1] too. */
    check_nodes(TILES("    %10: {2}?f64[+, +] = tiles %9, %1, %0\n"
                      "    %11: ?f64[+, +] = get %10, %2, %5\n    return %11\n",
                      "?f64[+, +]", "f64[_, _]"),
                3, 2, "make", 0);
    /* a[0..2, 0..4] is joined from two tiles, and again by the same node. */
    check_nodes(TILES("    %10: ?f64[+, +] = view.rr %9, %6, %1, %6, %0\n    return %10\n",
                      "?f64[+, +]", "f64[_, _]"),
                4, 4, "untile", 2);
    check_nodes(TILES("    %10: ?f64[+, +] = view.rr %9, %6, %1, %6, %0\n"
                      "    %11: ?f64[+, +] = view.rr %9, %6, %1, %6, %0\n"
                      "    %12: {1}?f64[+, +] = structure %1, %10, %11\n"
                      "    %13: ?f64[+, +] = call @op.concat.f64__ %12, %3, %0\n    return %13\n",
                      "?f64[+, +]", "f64[_, _]"),
                4, 5, "concat", 2);
    /* a[0..6, 0..4] lies in six of eight: it is read from the whole. */
    check_nodes(TILES("    %10: ?f64[+, +] = view.rr %9, %6, %4, %6, %0\n    return %10\n",
                      "?f64[+, +]", "f64[_, _]"),
                4, 10, "untile", 8);
    /* A row lies in two: it is that of their join. */
    check_nodes(
        TILES("    %10: ?f64[+] = view.ir %9, %0, %6, %4\n    return %10\n", "?f64[+]", "f64[_]"),
        4, 4, "untile", 2);
    /* A column lies in four of eight, its element in one. */
    check_nodes(
        TILES("    %10: ?f64[+] = view.ri %9, %6, %8, %0\n    return %10\n", "?f64[+]", "f64[_]"),
        4, 6, "untile", 4);
    check_nodes(TILES("    %10: ?f64[+] = view.ri %9, %6, %8, %0\n"
                      "    %11: ?f64 = view.i %10, %4\n    return %11\n",
                      "?f64", "f64"),
                4, 2, "make", 0);
}

/* A vector a of 5 elements, an empty result, and n; then the text of what is made of them. */
#define VECTORS(steps)                                                                             \
    "module \"joins.wk\"\n"                                                                        \
    "kernel @vector \"vector\" (i: i64) -> f64[_]\n"                                               \
    "kernel @double \"double\" (a: f64[_]) -> f64[_]\n"                                            \
    "kernel @op.concat.f64_ \"concat\" (a: f64[_][_]) -> f64[_]\n"                                 \
    "kernel @op.flatten.f64_ \"flatten\" (a: f64[_, _][_]) -> f64[_]\n"                            \
    "parameter n: i64\nentry @main -> f64[_]\n"                                                    \
    "flow @main \"main\" -> (?f64[_]) {\nb0(%0: i64):\n"                                           \
    "    %1: i64 = constant 2\n    %2: i64 = constant 1\n    %3: i64 = constant 0\n"               \
    "    %4: ?f64[_] = call @vector %0\n" steps "}\n"                                              \
    "function @grow \"main\" -> (?f64[_]) {\nb0(%0: ?f64[_], %1: i64):\n"                          \
    "    %2: i64 = constant 2\n    %3: ?f64[_] = call @vector %1\n"                                \
    "    %4: {1}?f64[_] = structure %2, %0, %3\n    %5: ?f64[_] = call @op.concat.f64_ %4\n"       \
    "    return %5\n}\n"                                                                           \
    "function @one \"main\" -> (?f64[_]) {\nb0(%0: i64):\n"                                        \
    "    %1: ?f64[_] = call @vector %0\n    return %1\n}\n"

static void joins_of_joins_are_one(void)
{
    /* What grows in a loop, of lengths that nobody knows, is joined once. */
    check_nodes(VECTORS("    jump b1(%3, %4)\nb1(%5: i64, %6: ?f64[_]):\n"
                        "    %7: bool = lt %5, %0\n    branch %7 b2() b3()\nb2():\n"
                        "    %8: ?f64[_] = apply @grow %6, %5\n    %9: i64 = add %5, %2\n"
                        "    jump b1(%9, %8)\nb3():\n    return %6\n"),
                100, 103, "concat", 101);
    /* An inner join that another task reads is made, and copied. */
    check_nodes(
        VECTORS("    %5: ?f64[_] = apply @grow %4, %3\n    %6: ?f64[_] = apply @grow %5, %2\n"
                "    %7: ?f64[_] = call @double %5\n"
                "    %8: {1}?f64[_] = structure %1, %6, %7\n"
                "    %9: ?f64[_] = call @op.concat.f64_ %8\n    return %9\n"),
        5, 7, "concat", 3);
    /* Twice in one join: that is two readers. */
    check_nodes(VECTORS("    %5: ?f64[_] = apply @grow %4, %3\n"
                        "    %6: {1}?f64[_] = structure %1, %5, %5\n"
                        "    %7: ?f64[_] = call @op.concat.f64_ %6\n    return %7\n"),
                5, 5, "concat", 2);
    /* flatten takes in what concat joins, and its grid becomes a row. */
    check_nodes(VECTORS("    %5: ?f64[_] = apply @grow %4, %3\n"
                        "    %6: {2}?f64[_] = structure %1, %1, %5, %4, %4, %4\n"
                        "    %7: ?f64[_] = call @op.flatten.f64_ %6\n    return %7\n"),
                5, 4, "flatten", 5);
    /* Sixteen arrays of any size are few; more are worth it only where they are known to be large.
     */
    check_nodes(VECTORS("    %5: {1}?f64[_] = each.1 @one %0\n"
                        "    %6: ?f64[_] = call @op.concat.f64_ %5\n"
                        "    %7: {1}?f64[_] = structure %1, %6, %4\n"
                        "    %8: ?f64[_] = call @op.concat.f64_ %7\n    return %8\n"),
                16, 19, "concat", 17);
    check_nodes(VECTORS("    %5: {1}?f64[_] = each.1 @one %0\n"
                        "    %6: ?f64[_] = call @op.concat.f64_ %5\n"
                        "    %7: {1}?f64[_] = structure %1, %6, %4\n"
                        "    %8: ?f64[_] = call @op.concat.f64_ %7\n    return %8\n"),
                17, 21, "concat", 2);
}

/* Two matrices of 50 x 50, an unknown vector that only orders the sink, and what is made of them.
 */
#define MATRICES(steps)                                                                            \
    "module \"joins.wk\"\n"                                                                        \
    "kernel @make \"make\" (i: i64, m: i64) -> f64[_, _]\n"                                        \
    "kernel @tell \"tell\" (a: f64[_, _]) -> ()\n"                                                 \
    "kernel @op.concat.f64__ \"concat\" (a: f64[_][_, _]) -> f64[_, _]\n"                          \
    "parameter m: i64\nentry @main -> f64[_, _]\n"                                                 \
    "flow @main \"main\" -> (?f64[+, +]) {\nb0(%0: i64):\n"                                        \
    "    %1: i64 = constant 1\n    %2: i64 = constant 2\n    %3: i64 = constant 50\n"              \
    "    %4: i64 = mul %0, %2\n    %5: i64 = constant 0\n"                                         \
    "    %6: ?f64[+, +] = call @make %1, %0, %0, %3\n"                                             \
    "    %7: ?f64[+, +] = call @make %2, %0, %0, %3\n"                                             \
    "    %8: {1}?f64[+, +] = structure %2, %6, %7\n"                                               \
    "    %9: ?f64[+, +] = call @op.concat.f64__ %8, %4, %3\n" steps "}\n"

static void check_sink(const char *text, uint64_t m, const char *symbol, uint64_t refs,
                       uint32_t nodes)
{
    struct job job = {.text = text, .words = {m}, .opens_result = true};
    run(&job);
    CHECK_INT(job.code, 0);
    if (job.code)
        return;
    CHECK_TEXT(dag_string(&job.dag, job.dag.tasks[DAG_RESULT].symbol), symbol);
    CHECK_INT(dag_ref_count(&job.dag, dag_sink(&job.dag)), refs);
    CHECK_INT(job.dag.node_count, nodes);
    dag_release(&job.dag);
}

static void open_results_are_not_joined(void)
{
    check_sink(MATRICES("    return %9\n"), 50, "op.concat.f64__", 2, 3);
    /* Arrays below 16 KiB are joined. */
    check_sink(MATRICES("    return %9\n"), 40, "", 1, 4);
    /* Orders stay behind the arrays. */
    check_sink(MATRICES("    %10: ?() = call @tell %6\n    return %9\n"), 50, "op.concat.f64__", 3,
               4);
    /* What somebody else reads is there anyway; of slices, all of their arrays would travel. */
    check_sink(MATRICES("    %10: ?() = call @tell %9\n    return %9\n"), 50, "", 2, 5);
    check_sink(
        MATRICES("    %10: ?f64[+, +] = view.rr %6, %1, %0, %5, %3\n"
                 "    %11: {1}?f64[+, +] = structure %2, %7, %10\n    %12: i64 = sub %4, %1\n"
                 "    %13: ?f64[+, +] = call @op.concat.f64__ %11, %12, %3\n    return %13\n"),
        50, "", 1, 4);
}

static void too_many_nodes_are_refused(void)
{
    struct job job = {.text = TILES("    %10: ?f64[+, +] = view.rr %9, %6, %1, %6, %0\n"
                                    "    return %10\n",
                                    "?f64[+, +]", "f64[_, _]"),
                      .words = {4},
                      .max_tasks = 9};
    run(&job);
    CHECK_INT(job.code, ERR_task_limit);
}

/* Tiles of other extents than their row's: untile fails when it runs, and is kept for that. */
/* A part of a grid, from a line and a column on: one matrix, or joined of a grid of its own. */
struct grid {
    int64_t heights[MOST], widths[MOST];
};

static int64_t length_of(const int64_t *lengths, int64_t from, int64_t count)
{
    int64_t length = 0;
    for (int64_t i = from; i < from + count; i++)
        length += lengths[i];
    return length;
}

static int grid_part(struct sketch *s, const struct grid *grid, const int64_t from[2],
                     const int64_t count[2], struct matrix *model);

/* The pieces of a part that is cut at places of the grid into `cuts` rows and columns. */
static int joined_part(struct sketch *s, const struct grid *grid, const int64_t from[2],
                       const int64_t count[2], const int64_t cuts[2], struct matrix *model)
{
    int pieces[MOST * MOST];
    int64_t row = 0;
    *model = matrix_new(length_of(grid->heights, from[0], count[0]),
                        length_of(grid->widths, from[1], count[1]));
    for (int64_t i = 0; i < cuts[0]; i++) {
        int64_t column = 0, rows = i + 1 < cuts[0] ? 1 : count[0] - i, height = 0;
        for (int64_t j = 0; j < cuts[1]; j++) {
            int64_t columns = j + 1 < cuts[1] ? 1 : count[1] - j;
            struct matrix piece;
            pieces[i * cuts[1] + j] = grid_part(s, grid, (int64_t[]){from[0] + i, from[1] + j},
                                                (int64_t[]){rows, columns}, &piece);
            matrix_put(model, row, column, &piece);
            column += piece.columns;
            height = piece.rows;
            free(piece.items);
        }
        row += height;
    }
    bool stacks = cuts[1] == 1 && below(2);
    int height = integer(s, model->rows), width = integer(s, model->columns);
    int first = integer(s, cuts[0]), second = integer(s, cuts[1]);
    buffer_printf(&s->text, "    %%%d: {%d}?f64[+, +] = structure %%%d", s->values, stacks ? 1 : 2,
                  first);
    if (!stacks)
        buffer_printf(&s->text, ", %%%d", second);
    for (int64_t i = 0; i < cuts[0] * cuts[1]; i++)
        buffer_printf(&s->text, ", %%%d", pieces[i]);
    buffer_printf(&s->text, "\n    %%%d: ?f64[+, +] = call @op.%s.f64__ %%%d, %%%d, %%%d\n",
                  s->values + 1, stacks ? "concat" : "untile", s->values, height, width);
    s->values += 2;
    return s->values - 1;
}

static int grid_part(struct sketch *s, const struct grid *grid, const int64_t from[2],
                     const int64_t count[2], struct matrix *model)
{
    if (count[0] * count[1] == 1)
        return make(s, grid->heights[from[0]], grid->widths[from[1]], model);
    int64_t cuts[2];
    for (int d = 0; d < 2; d++)
        cuts[d] = below(2) ? count[d] : 1 + below(count[d]);
    /* One piece would be the part itself. */
    if (cuts[0] * cuts[1] == 1)
        cuts[0] = count[0], cuts[1] = count[1];
    return joined_part(s, grid, from, count, cuts, model);
}

/* Grids of grids, with the same borders or without: what they show is the same, and some of them
 * are one node, which joins as many matrices as there are. */
static void grids_of_grids_show_what_they_have(void)
{
    int merged = 0, kept = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct sketch s = {0};
        struct buffer whole = {0};
        struct matrix model;
        struct grid grid;
        struct job job;
        state = seed;
        int64_t count[2] = {1 + below(5), 2 + below(4)}, cuts[2] = {1, 2};
        cut_length(1 + below(20), count[0], grid.heights);
        cut_length(1 + below(20), count[1], grid.widths);
        joined_part(&s, &grid, (int64_t[]){0, 0}, count, cuts, &model);
        elaborate_sketch(&s, &whole, "?f64[+, +]", "f64[_, _]", &job);
        if (!job.code) {
            check_model(&job.dag, &model, seed);
            bool is_one = job.dag.node_count == (uint32_t)s.pieces + 2;
            merged += is_one;
            kept += !is_one;
            dag_release(&job.dag);
        }
        free(model.items);
        buffer_release(&s.text);
        buffer_release(&whole);
    }
    CHECK(merged > 200);
    CHECK(kept > 20);
}

/* Two by two grids of as many tiles are one of sixteen; those that something else reads, or that
 * are divided in another way than their neighbours, stay. */
static void grids_of_grids_are_one(void)
{
    static const char head[] =
        JOINS_HEADER "parameter n: i64\nentry @main -> f64[_, _]\n"
                     "flow @main \"main\" -> (?f64[+, +]) {\n"
                     "b0(%0: i64):\n"
                     "    %1: i64 = constant 2\n    %2: i64 = constant 4\n"
                     "    %3: i64 = constant 8\n    %4: {2}?f64[+, +] = each.2 @block %1, %1\n";
    static const char tail[] =
        "}\nfunction @block \"main\" -> (?f64[+, +]) {\n"
        "b0(%0: i64, %1: i64):\n    %2: i64 = constant 2\n    %3: i64 = constant 4\n"
        "    %4: {2}?f64[+, +] = each.2 @tile %2, %2\n"
        "    %5: ?f64[+, +] = call @op.untile.f64__ %4, %3, %3\n    return %5\n}\n"
        "function @tile \"main\" -> (?f64[+, +]) {\n"
        "b0(%0: i64, %1: i64):\n    %2: i64 = constant 2\n"
        "    %3: ?f64[+, +] = call @make %0, %2, %2, %2, %2\n    return %3\n}\n";
    static const struct {
        const char *body;
        uint32_t nodes;
        uint64_t refs;
    } cases[] = {
        {"    %5: ?f64[+, +] = call @op.untile.f64__ %4, %3, %3\n    return %5\n", 18, 16},
        /* One of the four is read twice. */
        {"    %5: i64 = constant 0\n    %6: ?f64[+, +] = get %4, %5, %5\n"
         "    %7: {2}?f64[+, +] = structure %1, %1, %6, %6, %6, %6\n"
         "    %8: ?f64[+, +] = call @op.untile.f64__ %7, %3, %3\n    return %8\n",
         7, 4},
        /* Beside a tile of two rows' height. */
        {"    %5: i64 = constant 0\n    %6: ?f64[+, +] = get %4, %5, %5\n"
         "    %7: ?f64[+, +] = call @make %5, %2, %2, %2, %2\n    %8: i64 = constant 1\n"
         "    %9: {2}?f64[+, +] = structure %8, %1, %6, %7\n"
         "    %10: ?f64[+, +] = call @op.untile.f64__ %9, %2, %3\n    return %10\n",
         8, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        buffer_printf(&text, "%s%s%s", head, cases[i].body, tail);
        check_nodes(buffer_text(&text), 0, cases[i].nodes, "untile", cases[i].refs);
        buffer_release(&text);
    }
}

static void what_does_not_fit_is_kept(void)
{
    struct sketch s = {0};
    struct buffer whole = {0};
    struct matrix piece;
    struct job job;
    int first = make(&s, 2, 2, &piece);
    free(piece.items);
    int second = make(&s, 2, 3, &piece);
    free(piece.items);
    int two = integer(&s, 2), four = integer(&s, 4), zero = integer(&s, 0);
    buffer_printf(&s.text,
                  "    %%%d: {1}?f64[+, +] = structure %%%d, %%%d, %%%d\n"
                  "    %%%d: ?f64[+, +] = call @op.concat.f64__ %%%d, %%%d, %%%d\n"
                  "    %%%d: ?f64[+, +] = view.rr %%%d, %%%d, %%%d, %%%d, %%%d\n",
                  s.values, two, first, second, s.values + 1, s.values, four, two, s.values + 2,
                  s.values + 1, zero, two, zero, two);
    s.values += 3;
    elaborate_sketch(&s, &whole, "?f64[+, +]", "f64[_, _]", &job);
    CHECK_INT(job.code ? 0 : job.dag.node_count, 4);
    if (!job.code)
        dag_release(&job.dag);
    buffer_release(&s.text);
    buffer_release(&whole);
}

TEST_MAIN(TEST(slices_show_what_the_whole_has), TEST(rows_and_elements_show_what_the_whole_has),
          TEST(nobody_joins_what_is_read_in_parts), TEST(joins_of_joins_are_one),
          TEST(grids_of_grids_show_what_they_have), TEST(grids_of_grids_are_one),
          TEST(open_results_are_not_joined), TEST(too_many_nodes_are_refused),
          TEST(what_does_not_fit_is_kept))
