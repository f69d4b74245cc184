/*
 * spec/plan.md: Q2.2, Q6.1, Q6.2, Q6.3, Q6.4.
 * What plans amount to, against closed forms: chains, fan-outs and trees of tasks of 10 ms.
 */
#include "graph/plan_summary.h"

#include <math.h>

#include "base/buffer.h"
#include "graph/platform.h"
#include "test.h"

static const double TASK = 0.01;

/* Tasks of up to 20 arguments each. */
static void begin(struct buffer *text)
{
    buffer_puts(text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                      "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1 cost=10000000\n"
                      "scope s0 \"main\" s0\n");
}

static void summarize_on(struct buffer *text, const struct platform *platform, int level,
                         struct plan_summary *summary)
{
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct plan_options options = {.platform = platform, .level = level};
    int code = dag_parse(&dag, buffer_text(text), text->length, &error);
    CHECK_TEXT(code ? error.message : "", "");
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    plan_summarize(&plan, &options, 1, summary);
    plan_release(&plan);
    dag_release(&dag);
    buffer_release(text);
}

static void summarize(struct buffer *text, const char *platform, int level,
                      struct plan_summary *summary)
{
    summarize_on(text, platform_find(platform), level, summary);
}

static void is_about(double found, double expected, int line)
{
    if (fabs(found - expected) > 0.01 * expected + 1e-9) {
        fprintf(stderr, "line %d: %.9g, expected %.9g\n", line, found, expected);
        CHECK(false);
    }
}
#define ABOUT(found, expected) is_about((found), (expected), __LINE__)

/* Until an executor runs: an invocation and a cold start. */
static double start_of(const struct platform *p)
{
    return (double)(p->invoke_ns + p->cold_start_ns) * 1e-9;
}

static void a_chain_is_its_length(void)
{
    const struct platform *lambda = platform_find("lambda-1769");
    for (int level = 0; level < 3; level += 2) {
        struct plan_summary s;
        struct buffer text = {0};
        begin(&text);
        buffer_puts(&text, "n0 = t1 s0 ()\n");
        for (int n = 1; n < 50; n++)
            buffer_printf(&text, "n%d = t1 s0 (n%d:f64)\n", n, n - 1);
        buffer_puts(&text, "n50 = t0 s0 (n49:f64)\n");
        summarize(&text, "lambda-1769", level, &s);
        CHECK_INT(s.tasks, 50);
        CHECK_INT(s.edges, 49);
        CHECK_INT(s.bytes, 49 * 8);
        CHECK_INT(s.depth, 50);
        CHECK_INT(s.width, 1);
        CHECK_INT(s.clusters, level > 0);
        CHECK_INT(s.executors, 1);
        CHECK_INT(s.stored_bytes, 0);
        ABOUT(s.work, 50 * TASK);
        ABOUT(s.critical_path, 50 * TASK);
        ABOUT(s.parallelism, 1);
        ABOUT(s.time, 50 * TASK + start_of(lambda));
        double billed = 50 * TASK + (double)lambda->cold_start_ns * 1e-9;
        ABOUT(s.price, billed * 1769 / 1024 * lambda->gb_second_price + lambda->request_price);
    }
}

/* 1 -> 20 -> 1: one child stays, the others have executors of their own. */
static void a_fan_out_is_three_deep(void)
{
    const struct platform *lambda = platform_find("lambda-1769");
    struct plan_summary s;
    struct buffer text = {0};
    begin(&text);
    buffer_puts(&text, "n0 = t1 s0 ()\n");
    for (int n = 1; n <= 20; n++)
        buffer_printf(&text, "n%d = t1 s0 (n0:f64[100000])\n", n);
    buffer_puts(&text, "n21 = t1 s0 (");
    for (int n = 1; n <= 20; n++)
        buffer_printf(&text, "%sn%d:f64", n > 1 ? ", " : "", n);
    buffer_puts(&text, ")\nn22 = t0 s0 (n21:f64)\n");
    summarize(&text, "lambda-1769", 0, &s);
    CHECK_INT(s.tasks, 22);
    CHECK_INT(s.edges, 40);
    CHECK_INT(s.bytes, 20 * 800000 + 20 * 8);
    CHECK_INT(s.depth, 3);
    CHECK_INT(s.width, 20);
    CHECK_INT(s.executors, 20);
    CHECK_INT(s.stored_bytes, 800000);
    double transfer = 800000.0 / 75000 * 1e-3 + 0.0005;
    ABOUT(s.time, 2 * start_of(lambda) + 3 * TASK + 2 * transfer + 2 * 0.0005);
    ABOUT(s.parallelism, 22.0 / 3);
}

static void add_tree(struct buffer *text, int leaves)
{
    int next = 0, first = 0;
    begin(text);
    for (; next < leaves; next++)
        buffer_printf(text, "n%d = t1 s0 ()\n", next);
    for (; next < 2 * leaves - 1; first += 2)
        buffer_printf(text, "n%d = t1 s0 (n%d:f64, n%d:f64)\n", next++, first, first + 1);
    buffer_printf(text, "n%d = t0 s0 (n%d:f64)\n", next, next - 1);
}

static void a_tree_is_a_logarithm_deep(void)
{
    const struct platform *lambda = platform_find("lambda-1769");
    struct plan_summary s;
    struct buffer text = {0};
    add_tree(&text, 16);
    summarize(&text, "lambda-1769", 2, &s);
    CHECK_INT(s.tasks, 31);
    CHECK_INT(s.edges, 30);
    CHECK_INT(s.depth, 5);
    CHECK_INT(s.width, 16);
    CHECK_INT(s.executors, 16);
    ABOUT(s.critical_path, 5 * TASK);
    ABOUT(s.time, start_of(lambda) + 5 * TASK + 4 * 0.0005 + 0.0005);
    add_tree(&text, 16);
    summarize(&text, "local", 2, &s);
    CHECK_INT(s.executors, 2);
    ABOUT(s.time, 16 * TASK); /* 31 tasks, the last one alone */
}

/* P4.4: the sources begin as up to 32 ranges. Who begins with one runs the first of it and invokes
 * up to 32 others; of more it invokes ranges, each of which is one step further away but for its
 * first. */
static void starts_are_a_tree(void)
{
    const struct platform *lambda = platform_find("lambda-1769");
    static const struct {
        int sources, steps;
    } cases[] = {{1, 1}, {2, 1}, {32, 1}, {33, 2}, {32 * 33, 2}, {1 + 32 * 33, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_summary s;
        struct buffer text = {0};
        int count = cases[i].sources, round_trips = 0;
        begin(&text);
        for (int n = 0; n < count; n++)
            buffer_printf(&text, "n%d = t1 s0 ()\n", n);
        buffer_printf(&text, "n%d = t0 s0 (", count);
        for (int n = 0; n < count; n++)
            buffer_printf(&text, "%sn%d:f64", n > 0 ? ", " : "", n);
        buffer_puts(&text, ")\n");
        for (int edges = count; edges > 1; edges = (edges + 63) / 64)
            round_trips++;
        summarize(&text, "lambda-1769", 0, &s);
        CHECK_INT(s.executors, (uint64_t)count);
        ABOUT(s.time, cases[i].steps * start_of(lambda) + TASK + (round_trips + 1) * 0.0005);
    }
}

/* Two matrices of 8 MB; each of two tasks reads one of them and a row of the other, which another
 * executor made: it needs all of it. With clusters one executor does all. */
static void a_slice_takes_its_source_along(void)
{
    for (int level = 0; level < 3; level += 2) {
        struct plan_summary s;
        struct buffer text = {0};
        buffer_puts(
            &text,
            "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
            "task t1 \"a\" \"a\" \"\" -> \"f64[_, _]\" leaves=1 cost=10000000\n"
            "task t2 \"b\" \"b\" \"(x: f64[_, _], y: f64[_])\" -> \"f64\" leaves=1 cost=100\n"
            "scope s0 \"main\" s0\n"
            "n0 = t1 s0 ()\n"
            "n1 = t1 s0 ()\n"
            "n2 = t2 s0 (n0:f64[1000, 1000], n1:f64[1000]{999, 0+1000})\n"
            "n3 = t2 s0 (n1:f64[1000, 1000], n0:f64[1000]{0, 0+1000})\n"
            "n4 = t0 s0 (n2:f64, n3:f64)\n");
        summarize(&text, "lambda-1769", level, &s);
        CHECK_INT(s.bytes, 2 * (8000000 + 8000));
        CHECK_INT(s.stored_bytes, level == 0 ? 2 * 8000000 : 0);
        CHECK_INT(s.executors, level == 0 ? 2 : 1);
    }
}

/* 64 executors of an emulator with two processors take turns on them. */
static void executors_share_processors(void)
{
    const struct platform *emulator = platform_find("emulator");
    struct plan_summary s;
    struct buffer text = {0};
    begin(&text);
    for (int n = 0; n < 64; n++)
        buffer_printf(&text, "n%d = t1 s0 ()\n", n);
    buffer_puts(&text, "n64 = t0 s0 (n0:f64");
    for (int n = 1; n < 64; n++)
        buffer_printf(&text, ", n%d:f64", n);
    buffer_puts(&text, ")\n");
    summarize(&text, "emulator", 0, &s);
    CHECK_INT(s.executors, 64);
    double start = (double)(emulator->start_work_ns + 65 * emulator->plan_node_ns) * 1e-9;
    double event = (double)emulator->event_work_ns * 1e-9;
    ABOUT(s.time, 64 * (TASK + start + event) / emulator->cores);
}

/* The invocations of 16 executors, in two environments: these alone are started. 15 joins of two
 * producers each, which ran in different ones. */
static void environments_are_used_again(void)
{
    struct platform p = *platform_find("emulator");
    struct plan_summary s;
    struct buffer text = {0};
    p.concurrency = 2;
    add_tree(&text, 16);
    summarize_on(&text, &p, 0, &s);
    CHECK_INT(s.executors, 16);
    double start = (double)(p.start_work_ns + 32 * p.plan_node_ns) * 1e-9;
    double events = (16 * (double)p.event_work_ns + 30 * (double)p.arrival_work_ns) * 1e-9;
    ABOUT(s.time, (31 * TASK + 2 * start + events) / p.cores);
}

/* A matrix of which 32 rows fill a chunk, in pieces of 16 columns: an executor loads a chunk once
 * for pieces of neighbouring rows. It keeps 64, so that one that needs 64 others makes it load the
 * first again. */
static void chunks_are_kept(void)
{
    struct platform p = *platform_find("emulator");
    struct plan_summary s[2];
    p.get_bytes_per_ms = 1;
    p.get_work_ns = 0;
    for (int i = 0; i < 2; i++) {
        static const int first[] = {0, 0, 16, 640, 0};
        struct buffer text = {0};
        buffer_puts(&text, "input i0 \"a\" f64[4096, 1024]\n");
        begin(&text);
        buffer_puts(&text, "n0 = t1 s0 (i0:f64[16, 16]{0+16, 0+16})\n");
        for (int n = 1; n < 5; n++) {
            int rows = i == 1 && n == 3 ? 64 * 32 : 16;
            buffer_printf(&text, "n%d = t1 s0 (n%d:f64, i0:f64[%d, 16]{%d+%d, %d+16})\n", n, n - 1,
                          rows, first[n], rows, 16 * n);
        }
        buffer_puts(&text, "n5 = t0 s0 (n4:f64)\n");
        summarize_on(&text, &p, 0, &s[i]);
        CHECK_INT(s[i].executors, 1);
    }
    double chunk = 262.144; /* s */
    double stored = 4096 * 1024 * 8 / (double)p.put_bytes_per_ms * 1e-3;
    ABOUT(s[0].time, 2 * chunk + 5 * TASK + stored + start_of(&p));
    ABOUT(s[1].time - s[0].time, (63 + 1) * chunk);
}

/* Two tasks read a half of 8 MB each, and give all of it: the executors read it and put the result;
 * a client on their machine stores it before and reads the result after that. */
static void inputs_are_read(void)
{
    const char *const names[] = {"lambda-1769", "emulator"};
    for (int i = 0; i < 2; i++) {
        const struct platform *p = platform_find(names[i]);
        struct plan_summary s;
        struct buffer text = {0};
        begin(&text);
        buffer_puts(&text, "input i0 \"a\" f64[1000000]\n"
                           "n0 = t1 s0 (i0:f64[500000]{0+500000})\n"
                           "n1 = t1 s0 (i0:f64[500000]{500000+500000})\n"
                           "n2 = t0 s0 (n0:f64[500000], n1:f64[500000])\n");
        summarize(&text, names[i], 0, &s);
        CHECK_INT(s.input_bytes, 8000000);
        CHECK_INT(s.stored_bytes, 8000000);
        /* What moves alone, at so many bytes a ms. */
        double put = 1e-3 / (double)(i == 0 ? p->bytes_per_ms : p->put_bytes_per_ms);
        double get = 1e-3 / (double)(i == 0 ? p->bytes_per_ms : p->get_bytes_per_ms);
        double trip = (double)p->round_trip_ns * 1e-9;
        double chunks = 16 * (262144 * get + trip); /* 0 to 15 */
        double alone = start_of(p) + TASK + chunks + 4e6 * put + trip;
        double got = (16 + 15) * 262144 + (8e6 - 30 * 262144);
        double work = got / 1024 * (double)p->get_work_ns * 1e-9 +
                      8e6 / 1024 * (double)p->put_work_ns * 1e-9 +
                      2 * (TASK + (double)(p->start_work_ns + p->event_work_ns) * 1e-9);
        double time = i == 0 || alone > work / 2 ? alone : work / 2;
        ABOUT(s.time,
              time + 3 * trip + (i == 0 ? 0 : 8e6 * (put + 1e-3 / (double)p->bytes_per_ms)));
    }
}

/* Threads read the pieces within the tasks: two of half of 8 MB at once, of which one is kept for
 * the task that reads it again. Of tiles they read what is between the rows, if it is little. */
static void threads_read_files(void)
{
    const struct platform *p = platform_find("local");
    struct plan_summary s;
    struct buffer text = {0};
    double kept = 1e-3 / (double)p->get_bytes_per_ms, byte = 1e-3 / (double)p->bytes_per_ms;
    begin(&text);
    buffer_puts(&text, "input i0 \"a\" f64[1000000]\n"
                       "n0 = t1 s0 (i0:f64[500000]{0+500000})\n"
                       "n1 = t1 s0 (i0:f64[500000]{500000+500000})\n"
                       "n2 = t1 s0 (n0:f64, n1:f64, i0:f64[500000]{0+500000})\n"
                       "n3 = t0 s0 (n2:f64)\n");
    summarize_on(&text, p, 0, &s);
    ABOUT(s.time, 2 * TASK + 4e6 * kept);
    begin(&text);
    buffer_puts(&text, "input i0 \"a\" f64[1000, 1000]\n"
                       "input i1 \"b\" f64[1000, 4000]\n"
                       "n0 = t1 s0 (i0:f64[1000, 250]{0+1000, 0+250})\n"
                       "n1 = t1 s0 (n0:f64, i1:f64[1000, 250]{0+1000, 0+250})\n"
                       "n2 = t0 s0 (n1:f64)\n");
    summarize_on(&text, p, 0, &s);
    ABOUT(s.time, 2 * TASK + (999 * 8000 + 2000) * byte + 2e6 * byte);
}

/* A file is read once: no executor takes less time for it than the shards. */
static void a_file_is_read_once(void)
{
    const struct platform *p = platform_find("emulator");
    struct plan_summary s;
    struct buffer text = {0};
    begin(&text);
    buffer_puts(&text, "input i0 \"a.txt\" u8[1000000000] file=0\n"
                       "n0 = t1 s0 ()\n"
                       "n1 = t0 s0 (n0:f64)\n");
    summarize(&text, "emulator", 0, &s);
    CHECK_INT(s.input_bytes, 1000000000);
    double moves = 1e9 / 1024 * (double)p->get_work_ns * 1e-9;
    double start = (double)(p->start_work_ns + p->event_work_ns) * 1e-9;
    double stored = 1e9 / (double)p->put_bytes_per_ms * 1e-3;
    double shard = 1e9 / (double)p->shard_bytes_per_ms * 1e-3, work = (TASK + start + moves) / 2;
    ABOUT(s.time, (work > shard ? work : shard) + stored);
}

/* Two chains, one behind the other in the graph, run beside each other. */
static void threads_take_what_is_ready(void)
{
    struct plan_summary s;
    struct buffer text = {0};
    begin(&text);
    buffer_puts(&text, "n0 = t1 s0 ()\nn1 = t1 s0 (n0:f64)\nn2 = t1 s0 (n1:f64)\n"
                       "n3 = t1 s0 ()\nn4 = t1 s0 (n3:f64)\nn5 = t1 s0 (n4:f64)\n"
                       "n6 = t0 s0 (n2:f64, n5:f64)\n");
    summarize(&text, "local", 2, &s);
    CHECK_INT(s.executors, 2);
    ABOUT(s.time, s.critical_path);
    ABOUT(s.time, s.work / 2);
}

static void both_forms_have_all_rows(void)
{
    struct plan_summary s;
    struct buffer text = {0}, out = {0};
    add_tree(&text, 4);
    summarize(&text, "local", 2, &s);
    plan_summary_print(&s, &s, &out);
    CHECK(strstr(buffer_text(&out), "\ntasks                        7               7") != NULL);
    CHECK(strstr(buffer_text(&out), "\ntime ") != NULL);
    buffer_release(&out);
    const struct plan_summary units = {.bytes = 1000,
                                       .stored_bytes = 3 << 20,
                                       .work = 0.25,
                                       .critical_path = 99.99e-9,
                                       .time = 5400,
                                       .parallelism = 123456,
                                       .guessed = 12.5,
                                       .measured = 87.5,
                                       .price = 0.00125};
    plan_summary_print(&units, &units, &out);
    static const char *const cells[] = {" 1000 B ", " 3 MiB ",  " 250 ms ", " 100 ns ",   " 1.5 h ",
                                        " 123456 ", " 12.5 % ", " 87.5 % ", " $0.00125 ", NULL};
    for (size_t i = 0; cells[i]; i++)
        CHECK(strstr(buffer_text(&out), cells[i]) != NULL);
    buffer_release(&out);
    plan_summary_json(&s, &s, &out);
    CHECK(strstr(buffer_text(&out), "{\"before\": {\"tasks\": 7, \"edges\": 6, ") != NULL);
    CHECK(strstr(buffer_text(&out), "\"after\": {\"tasks\": 7, ") != NULL);
    buffer_release(&out);
}

TEST_MAIN(TEST(a_chain_is_its_length), TEST(a_fan_out_is_three_deep),
          TEST(a_tree_is_a_logarithm_deep), TEST(starts_are_a_tree),
          TEST(a_slice_takes_its_source_along), TEST(executors_share_processors),
          TEST(environments_are_used_again), TEST(chunks_are_kept), TEST(threads_read_files),
          TEST(inputs_are_read), TEST(a_file_is_read_once), TEST(threads_take_what_is_ready),
          TEST(both_forms_have_all_rows))
