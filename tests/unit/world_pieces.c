/* Results in pieces in the local world: every piece is handed over once, by whoever made it, while
 * the node that joins them has no kernel at all; and what happens when the output refuses one. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "graph/plan.h"
#include "test.h"
#include "world/world.h"

enum { GRID = 12, MOST = GRID * 4 };

static int64_t rows_of(int64_t i)
{
    return 1 + i % 3;
}
static int64_t columns_of(int64_t j)
{
    return 2 + j % 2;
}

/* make(i, j): a piece all of whose elements are i * 100 + j. */
static int32_t make(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    int64_t i = (int64_t)arguments[0], j = (int64_t)arguments[1];
    int64_t count = rows_of(i) * columns_of(j);
    double *data = wk_alloc(context, (uint64_t)count * sizeof *data);
    for (int64_t e = 0; e < count; e++)
        data[e] = (double)(i * 100 + j);
    results[0] = (uintptr_t)data;
    results[1] = (uint64_t)rows_of(i);
    results[2] = (uint64_t)columns_of(j);
    return 0;
}

/* The graph: GRID x GRID pieces, what joins them, and the sink. */
static void print_graph(const char *symbol, struct buffer *out)
{
    buffer_printf(out,
                  "task t0 \"\" \"\" \"(f64[_, _],)\" -> \"\" leaves=0\n"
                  "task t1 \"untile\" \"%s\" \"(a: f64[_, _][_, _],)\" -> \"f64[_, _]\" leaves=1 "
                  "!\"p.wk\":1:1+1\n"
                  "task t2 \"make\" \"make\" \"(i: i64, j: i64)\" -> \"f64[_, _]\" leaves=1 "
                  "!\"p.wk\":1:1+1\nscope s0 \"main\" s0 !\"p.wk\":1:1+1\n",
                  symbol);
    for (int n = 0; n < GRID * GRID; n++)
        buffer_printf(out, "n%d = t2 s0 (%d, %d) !\"p.wk\":1:1+1\n", n, n / GRID, n % GRID);
    buffer_printf(out, "n%d = t1 s0 (gather[%d, %d](", GRID * GRID, GRID, GRID);
    int64_t rows = 0, columns = 0;
    for (int n = 0; n < GRID * GRID; n++)
        buffer_printf(out, "%sn%d:f64[%d, %d]", n ? ", " : "", n, (int)rows_of(n / GRID),
                      (int)columns_of(n % GRID));
    for (int i = 0; i < GRID; i++)
        rows += rows_of(i), columns += columns_of(i);
    buffer_printf(out, ")) !\"p.wk\":1:1+1\nn%d = t0 s0 (n%d:f64[%d, %d]) !\"p.wk\":1:1+1\n",
                  GRID * GRID + 1, GRID * GRID, (int)rows, (int)columns);
}

/* An output in memory. */
struct memory_output {
    struct job_output output;
    int64_t extents[2];
    double elements[MOST][MOST];
    _Atomic(int) writes[MOST][MOST];
    _Atomic(int) pieces;
    int refused; /* the piece that is refused, counted from 1; 0: none */
};

static int begin(struct job_output *output, uint8_t rank, const int64_t *extents,
                 struct error *error)
{
    struct memory_output *memory = (struct memory_output *)output;
    (void)error;
    CHECK_INT(rank, 2);
    memcpy(memory->extents, extents, sizeof memory->extents);
    return 0;
}

static int write_piece(struct job_output *output, const int64_t *first, const int64_t *count,
                       const void *data, struct error *error)
{
    struct memory_output *memory = (struct memory_output *)output;
    const double *from = data;
    if (1 + atomic_fetch_add(&memory->pieces, 1) == memory->refused)
        return error_set(error, ERR_file_unwritable, "no room");
    for (int64_t i = first[0]; i < first[0] + count[0]; i++)
        for (int64_t j = first[1]; j < first[1] + count[1]; j++) {
            memory->elements[i][j] = *from++;
            atomic_fetch_add(&memory->writes[i][j], 1);
        }
    return 0;
}

static struct memory_output memory;

static int run(const char *symbol, int refused, uint32_t workers, struct job_outcome *outcome,
               struct error *error)
{
    static wk_kernel *const kernels[] = {NULL, NULL, make};
    struct buffer text = {0};
    struct dag dag;
    struct plan plan;
    struct type_table types;
    struct arena arena;
    arena_init(&arena);
    type_table_init(&types, &arena);
    print_graph(symbol, &text);
    if (dag_parse(&dag, text.data, text.length, error) || plan_make(&plan, &dag, NULL, error))
        bug("%s", error->message);
    memset(&memory, 0, sizeof memory);
    memory.output = (struct job_output){.begin = begin, .write = write_piece};
    memory.refused = refused;
    struct job job = {
        .plan = &plan, .kernels = kernels, .result_type = type_parse(&types, "(f64[_, _],)")};
    struct job_options options = {.workers = workers, .output = &memory.output};
    int code = local_run(&job, &options, outcome, error);
    plan_release(&plan);
    dag_release(&dag);
    type_table_release(&types);
    arena_release(&arena);
    buffer_release(&text);
    return code;
}

static void check_elements(void)
{
    int64_t row = 0;
    for (int i = 0; i < GRID; row += rows_of(i++)) {
        int64_t column = 0;
        for (int j = 0; j < GRID; column += columns_of(j++))
            for (int64_t r = row; r < row + rows_of(i); r++)
                for (int64_t c = column; c < column + columns_of(j); c++) {
                    CHECK_INT(memory.writes[r][c], 1);
                    CHECK_INT(memory.elements[r][c], i * 100 + j);
                }
    }
}

static void each_piece_is_written_once(void)
{
    for (uint32_t workers = 1; workers <= 4; workers++) {
        struct job_outcome outcome;
        struct error error;
        CHECK_INT(run("op.untile.test", 0, workers, &outcome, &error), 0);
        CHECK(outcome.in_pieces);
        CHECK_INT(memory.pieces, GRID * GRID);
        check_elements();
        outcome.release(&outcome);
    }
}

static void a_refused_piece_ends_the_job(void)
{
    for (int refused = 1; refused <= GRID * GRID; refused += 13) {
        struct job_outcome outcome;
        struct error error;
        CHECK_INT(run("op.untile.test", refused, 2, &outcome, &error), ERR_file_unwritable);
        CHECK_TEXT(error.message, "no room");
        CHECK(!outcome.in_pieces);
    }
}

TEST_MAIN(TEST(each_piece_is_written_once), TEST(a_refused_piece_ends_the_job))
