/* The local world: results against direct evaluation, arrays and their lives, failures, time-outs.
 */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "sketch.h"
#include "synthetic.h"
#include "test.h"
#include "value/data_file.h"
#include "world/world.h"

static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % bound;
}

/* Runs a synthetic job and compares each word of its result with a direct evaluation. */
static struct metrics run_and_compare(struct synthetic *s, uint32_t workers)
{
    wk_kernel *kernels[] = {NULL, synthetic_kernel};
    struct job job = {.plan = &s->plan, .kernels = kernels, .result_type = type_of("u64[_]")};
    struct job_options options = {.workers = workers};
    struct job_outcome outcome;
    struct error error;
    int code = local_run(&job, &options, &outcome, &error);
    struct metrics metrics = outcome.metrics;
    CHECK_INT(code, 0);
    if (code) {
        fprintf(stderr, "%s\n", error.message);
        return metrics;
    }
    uint64_t *values = synthetic_values(s);
    const uint64_t *found = (const uint64_t *)(uintptr_t)outcome.words[0];
    uint32_t sink = dag_sink(&s->dag);
    uint64_t count = dag_ref_count(&s->dag, sink);
    CHECK_INT(outcome.words[1], count);
    for (uint64_t i = 0; i < count; i++)
        CHECK_INT(found[i], values[dag_ref_source(s->dag.refs[s->dag.nodes[sink].first_ref + i])]);
    CHECK_INT(metrics.tasks_run, s->dag.node_count - 1);
    CHECK_INT(metrics.invocations + metrics.becomes, s->dag.node_count - (sink > 0));
    CHECK_INT(metrics.duplicate_runs, 0);
    free(values);
    outcome.release(&outcome);
    return metrics;
}

static void random_graphs_give_what_direct_evaluation_gives(void)
{
    for (int round = 0; round < 60; round++) {
        struct synthetic s;
        synthetic_begin(&s);
        uint32_t count = 1 + random_below(300), width = 1 + random_below(round % 5 ? 6 : 200);
        uint32_t producers[200], window = 1 + random_below(count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t refs = i == 0 ? 0 : random_below(width + 1);
            for (uint32_t r = 0; r < refs; r++)
                producers[r] = i - 1 - random_below(i < window ? i : window);
            synthetic_node(&s, producers, refs);
        }
        uint32_t last = count - 1;
        synthetic_end(&s, &last, 1);
        run_and_compare(&s, 1 + (uint32_t)round % 4);
        synthetic_release(&s);
    }
}

static void wide_fan_outs_and_joins(void)
{
    for (uint32_t width = 1; width < 20000; width = width * 3 + 1) {
        struct synthetic s;
        synthetic_begin(&s);
        uint32_t root = synthetic_node(&s, NULL, 0);
        uint32_t *middle = malloc(width * sizeof *middle);
        for (uint32_t i = 0; i < width; i++)
            middle[i] = synthetic_node(&s, &root, 1);
        uint32_t last = synthetic_node(&s, middle, width);
        synthetic_end(&s, &last, 1);
        struct metrics metrics = run_and_compare(&s, 2);
        uint64_t edges = width > 1 ? width + s.plan.record_count - 1 : 0;
        CHECK_INT(metrics.arrivals_own, width > 1 ? s.plan.record_count : 0);
        CHECK(metrics.arrivals_own + metrics.arrivals_not <= edges); /* some bring several */
        free(middle);
        synthetic_release(&s);
    }
}

static void tree_reductions(void)
{
    struct synthetic s;
    synthetic_begin(&s);
    uint32_t count = 1 << 14, *level = malloc(count * sizeof *level);
    for (uint32_t i = 0; i < count; i++)
        level[i] = synthetic_node(&s, NULL, 0);
    for (; count > 1; count /= 2)
        for (uint32_t i = 0; i < count / 2; i++)
            level[i] = synthetic_node(&s, level + 2 * i, 2);
    synthetic_end(&s, level, 1);
    for (uint32_t workers = 1; workers <= 3; workers++)
        run_and_compare(&s, workers);
    free(level);
    synthetic_release(&s);
}

/* ---- Jobs with arrays --------------------------------------------------------------------------
 */

/* A reduction over many arrays holds about as many of them as its tree is deep. */
static void reductions_over_arrays_hold_few(void)
{
    enum { LEAVES = 4096, ELEMENTS = 8192 };
    struct sketch s;
    wk_kernel *kernels[] = {NULL, ramp, add};
    struct job_options options = {.workers = 2, .memory_limit = 64 * ELEMENTS * sizeof(double)};
    struct job_outcome outcome;
    struct error error = {0};
    sketch_reduction(&s, LEAVES, ELEMENTS);
    CHECK_INT(sketch_run(&s, kernels, "f64[_]", &options, &outcome, &error), 0);
    CHECK_TEXT(error.message, "");
    if (outcome.words) {
        CHECK(sketch_is_reduced(&outcome, LEAVES, ELEMENTS));
        outcome.release(&outcome);
    }
    sketch_release(&s);
}

/* grid(): a 4 x 6 array with element 10 * row + column. */
static int32_t grid(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    int32_t *data = wk_alloc(context, 24 * sizeof *data);
    for (int i = 0; i < 24; i++)
        data[i] = i / 6 * 10 + i % 6;
    results[0] = (uintptr_t)data;
    results[1] = 4;
    results[2] = 6;
    return 0;
}

/* Selections of an array: whole rows by address, columns and boxes copied, elements as words. */
static void views_select(void)
{
    struct sketch s;
    sketch_begin(&s);
    uint32_t t_grid = sketch_task(&s, "grid", "()", "i32[_, _]", (struct dag_task){0});
    uint32_t node = sketch_node(&s, t_grid, NULL, 0);
    struct dag_view view = {.scalar = WK_I32, .source_rank = 2};
    sketch_ref(&s, node, sketch_view(&s, view, (int64_t[]){2, -1, 3, -1}));
    view.rank = 1;
    sketch_ref(&s, node, sketch_view(&s, view, (int64_t[]){6, 1, -1, 0, 6}));
    sketch_ref(&s, node, sketch_view(&s, view, (int64_t[]){4, 0, 4, 5, -1}));
    view.rank = 2;
    sketch_ref(&s, node, sketch_view(&s, view, (int64_t[]){2, 3, 1, 2, 2, 3}));
    const uint32_t codes[] = {DAG_ARG_REF, DAG_ARG_REF, DAG_ARG_REF, DAG_ARG_REF};
    sketch_node(&s, DAG_RESULT, codes, 4);
    wk_kernel *kernels[] = {NULL, grid};
    struct job_options options = {.workers = 1};
    struct job_outcome outcome;
    struct error error = {0};
    CHECK_INT(
        sketch_run(&s, kernels, "(i32, i32[_], i32[_], i32[_, _])", &options, &outcome, &error), 0);
    const uint64_t *words = outcome.words;
    CHECK_INT(outcome.word_count, 1 + 2 + 2 + 3);
    CHECK_INT(words[0], 23);
    const int32_t *row = (const int32_t *)(uintptr_t)words[1];
    const int32_t *column = (const int32_t *)(uintptr_t)words[3];
    const int32_t *box = (const int32_t *)(uintptr_t)words[5];
    CHECK_INT(words[2], 6);
    CHECK_INT(words[4], 4);
    CHECK_INT(words[6], 2);
    CHECK_INT(words[7], 3);
    for (int i = 0; i < 6; i++) {
        CHECK_INT(row[i], 10 + i);
        CHECK_INT(box[i], (1 + i / 3) * 10 + 2 + i % 3);
    }
    for (int i = 0; i < 4; i++)
        CHECK_INT(column[i], i * 10 + 5);
    outcome.release(&outcome);
    sketch_release(&s);
}

/* total(parts: f64[_][_]) -> f64: a table of addresses and extents. */
static int32_t total(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    (void)context;
    const uint64_t *table = (const uint64_t *)(uintptr_t)arguments[0];
    double sum = 0;
    for (uint64_t i = 0; i < arguments[1]; i++)
        for (uint64_t j = 0; j < table[2 * i + 1]; j++)
            sum += ((const double *)(uintptr_t)table[2 * i])[j];
    memcpy(results, &sum, sizeof sum);
    return 0;
}

static void arrays_of_arrays_are_gathered_as_tables(void)
{
    struct sketch s;
    sketch_begin(&s);
    uint32_t t_ramp = sketch_task(&s, "ramp", "(n: i64,)", "f64[_]", (struct dag_task){0});
    uint32_t t_total = sketch_task(&s, "total", "(parts: f64[_][_],)", "f64", (struct dag_task){0});
    uint32_t ramps[50];
    for (uint32_t i = 0; i < 50; i++) {
        dag_add_word(s.builder, i);
        ramps[i] = sketch_node(&s, t_ramp, &word_code, 1);
    }
    dag_add_word(s.builder, 50);
    double expected = 0;
    for (uint32_t i = 0; i < 50; i++) {
        int64_t extent = i;
        sketch_ref(&s, ramps[i],
                   sketch_view(&s, (struct dag_view){.scalar = WK_F64, .rank = 1}, &extent));
        expected += (double)i * (i - 1.0) / 2;
    }
    uint32_t sum = sketch_node(&s, t_total, &gather_code, 1);
    sketch_ref(&s, sum, sketch_view(&s, (struct dag_view){.scalar = WK_F64}, NULL));
    sketch_node(&s, DAG_RESULT, &ref_code, 1);
    wk_kernel *kernels[] = {NULL, ramp, total};
    struct job_options options = {.workers = 2};
    struct job_outcome outcome;
    struct error error = {0};
    CHECK_INT(sketch_run(&s, kernels, "f64", &options, &outcome, &error), 0);
    double found;
    memcpy(&found, outcome.words, sizeof found);
    CHECK(found == expected);
    outcome.release(&outcome);
    sketch_release(&s);
}

/* An input's elements are read where a view wants them; the counter tells how many. */
static void inputs_are_read_in_pieces(void)
{
    struct sketch s;
    struct error error = {0};
    struct job_outcome outcome;
    sketch_begin(&s);
    struct data_file *file =
        data_file_inline("[[1, 2, 3], [4, 5, 6]]", type_of("i32[_, _]"), &error);
    CHECK(file != NULL);
    struct dag_input input = {
        .name = dag_add_string(s.builder, "a"), .scalar = WK_I32, .rank = 2, .extents = {2, 3}};
    CHECK_INT(dag_add_input(s.builder, &input), 0);
    struct dag_view view = {.scalar = WK_I32, .source_rank = 2};
    sketch_ref(&s, DAG_INPUT, sketch_view(&s, view, (int64_t[]){1, -1, 2, -1}));
    view.rank = 1;
    sketch_ref(&s, DAG_INPUT, sketch_view(&s, view, (int64_t[]){2, 0, 2, 1, -1}));
    const uint32_t codes[] = {DAG_ARG_REF, DAG_ARG_REF};
    sketch_node(&s, DAG_RESULT, codes, 2);
    sketch_end(&s);
    struct job job = {.plan = &s.plan,
                      .kernels = (wk_kernel *[]){NULL},
                      .inputs = &file,
                      .result_type = type_of("(i32, i32[_])")};
    struct job_options options = {.workers = 2};
    CHECK_INT(local_run(&job, &options, &outcome, &error), 0);
    CHECK_INT(outcome.words[0], 6);
    const int32_t *column = (const int32_t *)(uintptr_t)outcome.words[1];
    CHECK_INT(outcome.words[2], 2);
    CHECK_INT(column[0], 2);
    CHECK_INT(column[1], 5);
    CHECK_INT(outcome.metrics.input_bytes_read, 3 * sizeof(int32_t));
    outcome.release(&outcome);
    data_file_close(file);
    sketch_release(&s);
}

/* Extents that elaboration did not know are checked when the value is there. */
static void views_out_of_bounds_fail_at_the_call(void)
{
    struct sketch s;
    struct error error = {0};
    struct job_outcome outcome;
    sketch_begin(&s);
    uint32_t t_ramp = sketch_task(&s, "ramp", "(n: i64,)", "f64[_]", (struct dag_task){0});
    dag_add_word(s.builder, 3);
    uint32_t node = sketch_node(&s, t_ramp, &word_code, 1);
    struct dag_view view = {.scalar = WK_F64, .source_rank = 1};
    sketch_ref(&s, node, sketch_view(&s, view, (int64_t[]){3, -1}));
    sketch_node(&s, DAG_RESULT, &ref_code, 1);
    wk_kernel *kernels[] = {NULL, ramp};
    struct job_options options = {.workers = 1};
    CHECK_INT(sketch_run(&s, kernels, "f64", &options, &outcome, &error), ERR_index_out_of_bounds);
    CHECK_TEXT(error.message, "index 3 is out of bounds: dimension 0 has the extent 3");
    CHECK_INT(error.place.line, 7);
    sketch_release(&s);
}

/* ---- Failures ------------------------------------------------------------------------------ */

static int32_t fail(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    static const struct wk_site site = {.code = ERR_task_failed,
                                        .line = 2,
                                        .column = 5,
                                        .length = 4,
                                        .file = "sketch.wk",
                                        .format = "{} is too odd",
                                        .types = "i"};
    (void)results;
    if (arguments[0] % 2 == 0)
        return results[0] = 1, 0;
    return wk_fail(context, &site, arguments);
}

/* Two sources fail: with one worker the first ends the job, with more the lower recorded is told.
 */
static void a_failure_names_the_task_and_its_arguments(void)
{
    struct sketch s;
    sketch_begin(&s);
    uint32_t t_fail = sketch_task(&s, "check", "(n: i64, x: f64)", "i64", (struct dag_task){0});
    const uint32_t two[] = {DAG_ARG_WORD, DAG_ARG_WORD}, refs[] = {DAG_ARG_REF, DAG_ARG_REF};
    uint32_t view = sketch_view(&s, (struct dag_view){.scalar = WK_I64}, NULL), nodes[2];
    double half = 0.5;
    for (uint64_t i = 0; i < 2; i++) {
        dag_add_word(s.builder, 4 + i);
        uint64_t word;
        memcpy(&word, &half, sizeof word);
        dag_add_word(s.builder, word);
        nodes[i] = sketch_node(&s, t_fail, two, 2);
    }
    sketch_ref(&s, nodes[0], view);
    sketch_ref(&s, nodes[1], view);
    sketch_node(&s, DAG_RESULT, refs, 2);
    wk_kernel *kernels[] = {NULL, fail};
    struct job_options options = {.workers = 2};
    struct job_outcome outcome;
    struct error error = {0};
    CHECK_INT(sketch_run(&s, kernels, "(i64, i64)", &options, &outcome, &error), ERR_task_failed);
    CHECK_TEXT(error.message, "5 is too odd");
    CHECK_INT(error.place.line, 2);
    CHECK_TEXT(error.note, "in check(n: 5, x: 0.5), called here");
    CHECK_INT(error.note_place.line, 7);
    CHECK_TEXT(error.hint, "");
    sketch_release(&s);
}

static int32_t wait_for_stop(struct wk_context *context, const uint64_t *arguments,
                             uint64_t *results)
{
    (void)arguments;
    (void)results;
    while (atomic_load(context->stop) == 0)
        usleep(100);
    return wk_stopped(context);
}

static void build_waiting_job(struct sketch *s, struct dag_task task)
{
    sketch_begin(s);
    uint32_t t_wait = sketch_task(s, "wait", "()", "i64", task);
    uint32_t node = sketch_node(s, t_wait, NULL, 0);
    sketch_ref(s, node, sketch_view(s, (struct dag_view){.scalar = WK_I64}, NULL));
    sketch_node(s, DAG_RESULT, &ref_code, 1);
}

static void time_outs_are_retried_and_reported(void)
{
    struct sketch s;
    build_waiting_job(&s, (struct dag_task){.timeout_ns = 20000000, .retries = 2});
    wk_kernel *kernels[] = {NULL, wait_for_stop};
    struct job_options options = {.workers = 2};
    struct job_outcome outcome;
    struct error error = {0};
    CHECK_INT(sketch_run(&s, kernels, "i64", &options, &outcome, &error), ERR_task_timeout);
    CHECK_INT(outcome.metrics.retries, 2);
    CHECK_TEXT(error.message, "wait took longer than its time-out of 0.02 s");
    sketch_release(&s);
}

static void *press_control_c(void *stop)
{
    usleep(30000);
    atomic_store((_Atomic(uint32_t) *)stop, 1);
    return NULL;
}

static void control_c_ends_the_job(void)
{
    struct sketch s;
    build_waiting_job(&s, (struct dag_task){0});
    wk_kernel *kernels[] = {NULL, wait_for_stop};
    _Atomic(uint32_t) stop = 0;
    struct job_options options = {.workers = 2, .stop = &stop};
    struct job_outcome outcome;
    struct error error = {0};
    pthread_t thread;
    pthread_create(&thread, NULL, press_control_c, &stop);
    CHECK_INT(sketch_run(&s, kernels, "i64", &options, &outcome, &error), ERR_interrupted);
    pthread_join(thread, NULL);
    sketch_release(&s);
}

static void the_memory_limit_names_the_task(void)
{
    struct sketch s;
    sketch_begin(&s);
    uint32_t t_ramp = sketch_task(&s, "ramp", "(n: i64,)", "f64[_]", (struct dag_task){0});
    uint32_t t_add =
        sketch_task(&s, "add", "(a: f64[_], b: f64[_])", "f64[_]", (struct dag_task){0});
    int64_t extent = 100000;
    uint32_t view = sketch_view(&s, (struct dag_view){.scalar = WK_F64, .rank = 1}, &extent),
             nodes[2];
    const uint32_t two[] = {DAG_ARG_REF, DAG_ARG_REF};
    for (int i = 0; i < 2; i++) {
        dag_add_word(s.builder, 100000);
        nodes[i] = sketch_node(&s, t_ramp, &word_code, 1);
    }
    sketch_ref(&s, nodes[0], view);
    sketch_ref(&s, nodes[1], view);
    uint32_t sum = sketch_node(&s, t_add, two, 2);
    sketch_ref(&s, sum, view);
    sketch_node(&s, DAG_RESULT, &ref_code, 1);
    wk_kernel *kernels[] = {NULL, ramp, add};
    struct job_options options = {.workers = 2, .memory_limit = 2000000};
    struct job_outcome outcome;
    struct error error = {0};
    CHECK_INT(sketch_run(&s, kernels, "f64[_]", &options, &outcome, &error), ERR_memory_limit);
    CHECK(strstr(error.note, "in add(a: f64[100000], b: f64[100000])") != NULL);
    CHECK(strstr(error.hint, "--memory") != NULL);
    sketch_release(&s);
}

/* A job without tasks: its sink is its only source. */
static void a_known_result_is_a_job(void)
{
    struct sketch s;
    sketch_begin(&s);
    dag_add_word(s.builder, 42);
    sketch_node(&s, DAG_RESULT, &word_code, 1);
    wk_kernel *kernels[] = {NULL};
    struct job_options options = {.workers = 2};
    struct job_outcome outcome;
    struct error error = {0};
    CHECK_INT(sketch_run(&s, kernels, "i64", &options, &outcome, &error), 0);
    CHECK_INT(outcome.words[0], 42);
    CHECK_INT(outcome.metrics.tasks_run, 0);
    outcome.release(&outcome);
    sketch_release(&s);
}

TEST_MAIN(TEST(random_graphs_give_what_direct_evaluation_gives), TEST(wide_fan_outs_and_joins),
          TEST(tree_reductions), TEST(reductions_over_arrays_hold_few), TEST(views_select),
          TEST(arrays_of_arrays_are_gathered_as_tables), TEST(inputs_are_read_in_pieces),
          TEST(views_out_of_bounds_fail_at_the_call),
          TEST(a_failure_names_the_task_and_its_arguments),
          TEST(time_outs_are_retried_and_reported), TEST(control_c_ends_the_job),
          TEST(the_memory_limit_names_the_task), TEST(a_known_result_is_a_job))
