/*
 * Recursion and the order of functions (L7.4), on random call graphs, against reachability; and trees
 * with syntax errors.
 */
#include <stdlib.h>

#include "check_program.h"

enum { MOST_TASKS = 24 };

struct call_graph {
    int count;
    bool calls[MOST_TASKS][MOST_TASKS];
    bool reaches[MOST_TASKS][MOST_TASKS]; /* by one call or more */
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*state >> 33);
}

static void make_graph(struct call_graph *g, uint64_t *state)
{
    memset(g, 0, sizeof *g);
    g->count = 1 + (int)(next_random(state) % MOST_TASKS);
    uint32_t edges = next_random(state) % (uint32_t)(2 * g->count);
    for (uint32_t i = 0; i < edges; i++)
        g->calls[next_random(state) % (uint32_t)g->count][next_random(state) % (uint32_t)g->count] =
            true;
    memcpy(g->reaches, g->calls, sizeof g->reaches);
    for (int k = 0; k < g->count; k++)
        for (int i = 0; i < g->count; i++)
            for (int j = 0; j < g->count; j++)
                g->reaches[i][j] |= g->reaches[i][k] && g->reaches[k][j];
}

static void write_program(const struct call_graph *g, struct buffer *out)
{
    for (int i = 0; i < g->count; i++) {
        buffer_printf(out, "task t%d(n: int) -> int { return n", i);
        for (int k = 0; k < g->count; k++)
            if (g->calls[i][k])
                buffer_printf(out, " + t%d(n - 1)", k);
        buffer_puts(out, " }\n");
    }
}

static int place_of(const struct checked *c, int task)
{
    char symbol[16];
    snprintf(symbol, sizeof symbol, "t%d", task);
    for (uint32_t i = 0; i < c->program->function_count; i++)
        if (strcmp(c->program->functions[i]->symbol, symbol) == 0)
            return (int)i;
    return -1;
}

static void recursion_is_reachability(void)
{
    uint64_t state = 7;
    for (int round = 0; round < 200; round++) {
        struct call_graph g;
        struct buffer text = {0};
        struct checked c;
        make_graph(&g, &state);
        write_program(&g, &text);
        checked_init(&c, buffer_text(&text), false);
        CHECK(c.program != NULL);
        for (int i = 0; c.program && i < g.count; i++) {
            int at = place_of(&c, i);
            CHECK(at >= 0);
            CHECK_INT(c.program->functions[at]->is_recursive, g.reaches[i][i]);
            for (int k = 0; k < g.count; k++)
                if (g.calls[i][k] && !g.reaches[k][i])
                    CHECK(place_of(&c, k) < at);
        }
        checked_release(&c);
        buffer_release(&text);
    }
}

static void long_chains_of_calls_need_no_stack(void)
{
    struct buffer text = {0};
    struct checked c;
    for (int i = 0; i < 50000; i++)
        buffer_printf(&text, "%s f%d(n: int) -> int { return f%d(n) }\n",
                      i < 25000 ? "flow" : "task", i, i + 1);
    buffer_puts(&text, "task f50000(n: int) -> int { return n }\n"
                       "flow main(n: int) -> int { return f0(n) }\n");
    checked_init(&c, buffer_text(&text), true);
    CHECK(c.program && c.program->function_count == 50002);
    checked_release(&c);
    buffer_release(&text);
}

/* Deletes, doubles and swaps bytes of programs: whatever comes out is checked without a crash, and
 * there is a program exactly when nothing was reported. */
static void garbage_is_reported_or_checked(void)
{
    static const char source[] =
        "let N = 16\n"
        "task f(a: f64[n, m], k: int = 2 * n) -> (x: f64[m], y: int) {\n"
        "    var s = zeros(m)\n"
        "    for i in 0..n { s += a[i, :] }\n"
        "    for i, v in [(1, 2.0), (2, 3)] { if v > 1.5 && i != k { s[i] -= v } else { break } }\n"
        "    while len(s) > N { s = s[1..]; if sum(s) < 0 { fail(\"no \" + str(N)) } }\n"
        "    return ([x * 2 for x in s if x > 1], int(sum(s)))\n"
        "}\n"
        "flow g(a: f64[n, m], t: int) -> f64[_] {\n"
        "    var b = tiles(a, t, t)\n"
        "    for i in 0..b.rows { (b[i, 0], _) = (b[i, 0] @ b[0, i], @retry(2) f(a, k: t)) }\n"
        "    return reduce(add, [f(b[i, j]).x for i in 0..b.rows, j in 0..b.cols], init: "
        "zeros(t))\n"
        "}\n"
        "flow main(a: f64[n, m], t: int = 3) -> f64[_] { return if t > 2 { g(a, t) } else { g(a, "
        "1) } }\n";
    uint64_t state = 11;
    int accepted = 0;
    for (int round = 0; round < 1500; round++) {
        char text[sizeof source + 64];
        size_t length = strlen(source);
        memcpy(text, source, sizeof source);
        for (uint32_t change = round ? 1 + next_random(&state) % 3 : 0; change > 0; change--) {
            size_t at = next_random(&state) % length, other = next_random(&state) % length;
            if (next_random(&state) % 2)
                text[at] = text[other];
            else
                memmove(text + at, text + at + 1, length-- - at);
        }
        struct checked c;
        checked_init(&c, text, true);
        CHECK_INT(c.program == NULL, c.diagnostics.errors > 0);
        accepted += c.program != NULL;
        checked_release(&c);
    }
    CHECK(accepted > 0);
}

TEST_MAIN(TEST(recursion_is_reachability), TEST(long_chains_of_calls_need_no_stack),
          TEST(garbage_is_reported_or_checked))
