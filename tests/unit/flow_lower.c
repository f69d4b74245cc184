/*
 * Lowering, from source text through flow code to the DAG: known results against values worked out
 * by hand or in C, numbers of nodes against formulas, and mistakes against their place. At every
 * -O.
 */
#include <stdlib.h>

#include "check/check.h"
#include "flow/build.h"
#include "graph/code.h"
#include "syntax/parse.h"
#include "test.h"

struct compiled {
    struct arena arena;
    struct type_table types;
    struct interner names;
    struct diagnostics diagnostics;
    struct source source;
    struct ir_module *module;
    struct buffer code;
};

static void print_diagnostics(const struct diagnostics *diagnostics)
{
    struct buffer text = {0};
    diagnostics_render(diagnostics, DIAGNOSTIC_PLAIN, &text);
    if (diagnostics->errors)
        fprintf(stderr, "%s", buffer_text(&text));
    buffer_release(&text);
}

/* Print, read, print is the identity. */
static void check_text_form(struct compiled *c)
{
    struct buffer first = {0}, second = {0};
    struct error error = {0};
    ir_print(c->module, &first);
    struct ir_module *again =
        ir_parse(first.data, first.length, "again", &c->arena, &c->types, &error);
    CHECK_TEXT(again ? "" : error.message, "");
    if (again) {
        ir_print(again, &second);
        CHECK_TEXT(buffer_text(&second), buffer_text(&first));
    }
    buffer_release(&first);
    buffer_release(&second);
}

/* Levels: those of -O, where nodes are those of the program as written, and one more. */
enum { LEVEL_FUSED = 3 };

static bool compile(struct compiled *c, const char *name, const char *text, int level)
{
    memset(c, 0, sizeof *c);
    arena_init(&c->arena);
    type_table_init(&c->types, &c->arena);
    interner_init(&c->names, &c->arena);
    diagnostics_init(&c->diagnostics);
    c->source = (struct source){.name = name, .text = text, .length = strlen(text)};
    struct ast_module *ast = parse_source(&c->source, &c->arena, &c->names, &c->diagnostics);
    struct typed_program *program =
        c->diagnostics.errors
            ? NULL
            : check_module(ast, true, &c->arena, &c->types, &c->names, &c->diagnostics);
    print_diagnostics(&c->diagnostics);
    CHECK(program != NULL);
    if (!program)
        return false;
    struct error error = {0};
    struct ir_pass_options options = {.level = level, .verify_each = true};
    if (level < LEVEL_FUSED)
        options.disabled = "each,fuse";
    c->module = lower_program(program, &c->arena);
    int code = ir_run_passes(c->module, &options, &error);
    CHECK_TEXT(code ? error.message : "", "");
    if (code)
        return false;
    check_text_form(c);
    encode_module(c->module, &c->code);
    return true;
}

static void release(struct compiled *c)
{
    buffer_release(&c->code);
    diagnostics_release(&c->diagnostics);
    interner_release(&c->names);
    type_table_release(&c->types);
    arena_release(&c->arena);
}

/* Elaborates with the given words or extents for all of main's parameters. */
static int run(struct compiled *c, const int64_t (*arguments)[2], struct dag *dag,
               struct error *error)
{
    struct flow_code *code = flow_code_load(c->code.data, c->code.length, error);
    CHECK_TEXT(code ? "" : error->message, "");
    if (!code)
        return -1;
    struct flow_argument bound[4] = {0};
    for (uint32_t i = 0; i < flow_parameter_count(code); i++) {
        bound[i].given = true;
        bound[i].word = (uint64_t)arguments[i][0];
        bound[i].extents[0] = arguments[i][0];
        bound[i].extents[1] = arguments[i][1];
    }
    struct elaborate_options options = {0};
    struct elaborate_counters counters;
    int status = elaborate(code, bound, &options, dag, &counters, error);
    flow_code_free(code);
    return status;
}

/* ---- Known results -------------------------------------------------------------------------- */

#define TASKS                                                                                      \
    "task work(i: int) -> f64 { return f64(i) }\n"                                                 \
    "task pair(i: int) -> (q: f64, r: f64) { return (f64(i), 0.0) }\n"                             \
    "task plus(a: f64, b: f64) -> f64 { return a + b }\n"                                          \
    "task vector(n: int, s: f64) -> f64[n] { return fill(s, n) }\n"                                \
    "task total(x: f64[n]) -> f64 { return sum(x) }\n"                                             \
    "task free(n: int) -> f64[_] { return zeros(n) }\n"                                            \
    "task note(x: f64) { log(\"noted\") }\n"                                                       \
    "task after(done: (), x: f64) -> f64 { return x }\n"                                           \
    "task pairs(x: (f64, int)[_]) -> f64 { return x[0].0 }\n"                                      \
    "task tables(x: f64[_][_]) -> f64 { return x[0][0] }\n"                                        \
    "task inside(p: (f64[n], f64[m, n])) -> f64[m] { return p.1[:, 0] }\n"                         \
    "task mat(m: int, n: int) -> f64[m, n] { return zeros(m, n) }\n"                               \
    "task both(n: int) -> (f64, ()) { return (1.0, ()) }\n"                                        \
    "task square(n: int) -> f64[n, n] { return zeros(n, n) }\n"

struct known_case {
    const char *text;
    int64_t argument, expected;
};

#define MAIN "flow main(n: int) -> int {\n"

static const struct known_case known_cases[] = {
    {MAIN "return n * n - 7 / 2 + 7 % 4\n}", 9, 81 - 3 + 3},
    /* Euclid; Collatz. */
    {MAIN "var a = 1071\nvar b = n\nwhile b != 0 {\nlet t = a % b\na = b\nb = t\n}\nreturn a\n}",
     462, 21},
    {MAIN "var x = n\nvar c = 0\nwhile x != 1 { x = if x % 2 == 0 { x / 2 } else { 3*x + 1 }\n"
          "c += 1 }\nreturn c\n}",
     27, 111},
    {MAIN
     "var s = 0\nfor i in 0..n { if i == 3 { continue }\nif i > 6 { break }\ns += i }\nreturn s\n}",
     100, 0 + 1 + 2 + 4 + 5 + 6},
    {MAIN "var s = 0\nfor i in 0..=n { for j in i..n { s += i*j } }\nreturn s\n}", 5,
     0 + (1 + 2 + 3 + 4) + 2 * (2 + 3 + 4) + 3 * (3 + 4) + 4 * 4},
    {MAIN "var s = 0\nfor i in range(n, 0, -3) { s = s*100 + i }\nreturn s\n}", 10, 10070401},
    {MAIN "var c = 0\nfor i in n..=9223372036854775807 { c += 1 }\nreturn c\n}", INT64_MAX - 1, 2},
    {MAIN "var c = 0\nwhile true { c += 1\nif c * c > n { break } }\nreturn c\n}", 50, 8},
    {MAIN "while true { if n > 3 { return 1 }\nreturn 2 }\nreturn 3\n}", 4, 1},
    {MAIN "if n > 3 { return 1 } else if n > 1 { return 2 }\nreturn 3\n}", 2, 2},
    {MAIN "let xs = [i * i for i in 0..n]\nreturn xs[n - 1] + len(xs)\n}", 5, 21},
    {MAIN "let xs = [i for i in 0..n if i % 3 == 1]\nvar h = 0\nfor x in xs { h = h*10 + x }\n"
          "return h\n}",
     9, 147},
    {MAIN
     "let m = [10*i + j for i in 0..n, j in 0..3]\nvar h = 0\nfor row in m { h = h*100 + row[2] }\n"
     "return h + m.rows * m.cols\n}",
     3, 21222 + 9},
    {MAIN "var m = zeros(n, n)\nvar a = fill(7, n)\na[1..3] = [1, 2]\na[0] += 5\nlet b = a[1..]\n"
          "return a[0]*1000 + b[0]*100 + b[1]*10 + b[2] + m.rows - n\n}",
     4, 12127},
    {MAIN "let xs = concat([1, 2], append([3], n))\nvar h = 0\nfor x in xs { h = h*10 + x }\n"
          "return h\n}",
     4, 1234},
    {MAIN "let xs = flatten([[i, j] for i in 0..2, j in 0..2])\nvar h = 0\n"
          "for x in xs { h = h*10 + x }\nreturn h + n\n}",
     0, 11011},
    {MAIN "let xs = concat([[i, i] for i in 0..n])\nvar h = 0\nfor x in xs { h = h*10 + x }\n"
          "return h\n}",
     3, 1122},
    {MAIN "let m = [10*i + j for i in 0..2, j in 0..3]\nlet t = transpose(m)\n"
          "return t[2, 1]*100 + m[1, :][1] + n\n}",
     0, 1211},
    {MAIN "var p = (n, (1, 2))\np.1.0 = 5\nlet (a, b) = p\nreturn a*100 + b.0*10 + b.1\n}", 3, 352},
    {MAIN "var ps = [(i, 2*i) for i in 0..n]\nps[1] = (7, 8)\nreturn ps[1].0*100 + ps[1].1*10 + "
          "ps[2].1\n}",
     3, 784},
    {MAIN "var g = [[i, j] for i in 0..2, j in 0..n]\ng[1, 1] = [8, 9]\nreturn g[1, 1][1]*10 + "
          "g[0, 1][1]\n}",
     2, 91},
    {MAIN "let xs = [1, 2]\nif n < 2 && xs[n] == 2 { return 5 }\nreturn 6\n}", 7, 6},
    {MAIN "let xs = [1, 2]\nif n >= 2 || xs[n] == 2 { return 5 }\nreturn 6\n}", 7, 5},
    {MAIN "let a = [3*i + 1 for i in 0..n]\nlet b = -(a * 2 + a)\nreturn b[2]\n}", 4, -21},
    {MAIN "return reduce(max, [(i * 7) % 10 for i in 0..n])\n}", 8, 9},
    {MAIN "return if (1, n) == (1, 2) { 10 } else { 20 }\n}", 2, 10},
    {MAIN "return if (1, n) != (1, 2) { 10 } else { 20 }\n}", 2, 20},
    {MAIN "return int(f64(n) * 1.5) + int(u8(n))\n}", 5, 12},
    {"flow fib(n: int) -> int {\nif n < 2 { return n }\nreturn fib(n - 1) + fib(n - 2)\n}\n" MAIN
     "return fib(n)\n}",
     15, 610},
    {"flow sub(a: int, b: int) -> int { return a - b }\n" MAIN
     "return reduce(sub, [i for i in 0..n], chunk: 3, init: 100)\n}",
     4, ((100 - 0 - 1 - 2) - 3)},
    /* Extents that are known although the values are not. */
    {TASKS MAIN "let v = append(vector(n, 1.0), 2.0)\nlet c = concat(v, vector(2, 1.0))\n"
                "return len(v)*100 + len(c)\n}",
     4, 507},
    {TASKS MAIN "let t = transpose(mat(n, 3))\nlet m = t @ mat(n, 2)\n"
                "return t.rows*1000 + t.cols*100 + m.rows*10 + m.cols\n}",
     4, 3432},
    {TASKS MAIN "let f = flatten(mat(n, 3))\nlet g = flatten([vector(i, 1.0) for i in 0..n])\n"
                "let c = concat([mat(i + 1, 5) for i in 0..n])\n"
                "return len(f)*1000 + len(g)*100 + c.rows*10 + c.cols\n}",
     3, 9000 + 300 + 60 + 5},
    {TASKS MAIN
     "let t = tiles(mat(n, 7), 2, 3)\nlet u = untile(t)\nlet last = t[t.rows - 1, t.cols - 1]\n"
     "return u.rows*10000 + u.cols*1000 + t.rows*100 + t.cols*10 + last.rows*3 + last.cols\n}",
     5, 57000 + 330 + 3 + 1},
    {TASKS MAIN "let u = untile([mat(1, 1) for _i in 0..n, _j in 0..0])\nreturn u.rows + u.cols\n}",
     5, 0},
    {TASKS MAIN
     "let a = free(n)[1..n]\nlet b = vector(n, 1.0)[1..n] * 2.0\nlet c = mat(n, 3)[1.., 0]\n"
     "return len(a)*100 + len(b)*10 + len(c)\n}",
     6, 555},
    {TASKS MAIN "var m = mat(n, 2)\nm[0, :] = vector(2, 1.0)\nm[1, 1] = 3.0\n"
                "return m.rows*10 + m.cols\n}",
     6, 62},
    {"flow main(n: int = 3) -> int {\nif n == 0 { return 0 }\nreturn main(n - 1) + 1\n}", 7, 7},
    {"let K = 12\nflow twice(x: int, by: int = K) -> int { return x * by }\n" MAIN
     "return twice(n) + twice(n, by: 3)\n}",
     2, 30},
};

static uint64_t sink_word(const struct dag *dag)
{
    return dag->words[dag->nodes[dag_sink(dag)].first_word];
}

static void known_results(void)
{
    for (size_t i = 0; i < sizeof known_cases / sizeof *known_cases; i++)
        for (int level = 0; level <= LEVEL_FUSED; level++) {
            const struct known_case *k = &known_cases[i];
            struct compiled c;
            if (compile(&c, "known.wk", k->text, level)) {
                struct dag dag;
                struct error error = {0};
                int64_t arguments[1][2] = {{k->argument, 0}};
                int status = run(&c, (const int64_t(*)[2])arguments, &dag, &error);
                CHECK_TEXT(status ? error.message : "", "");
                if (!status) {
                    if ((int64_t)sink_word(&dag) != k->expected)
                        fprintf(stderr, "-O%d of\n%s\n", level, k->text);
                    CHECK_INT(sink_word(&dag), k->expected);
                    CHECK_INT(dag.node_count, 1);
                    dag_release(&dag);
                }
            }
            release(&c);
        }
}

/* ---- Graphs --------------------------------------------------------------------------------- */

struct graph_case {
    const char *text;
    int64_t arguments[2][2];
    uint32_t nodes; /* with the sink */
};

static const struct graph_case graph_cases[] = {
    /* n leaves, n - 1 sums. */
    {TASKS "flow main(n: int) -> f64 { return reduce(plus, [work(i) for i in 0..n]) }",
     {{100, 0}},
     200},
    /* Operators are tasks, equal or not; what is not needed is not built. */
    {TASKS
     "flow main(n: int) -> f64 { let a = work(n)\nlet _b = a * 3.0\nreturn (a + 1.0) * (a + 1.0) }",
     {{1, 0}},
     1 + 3 + 1},
    /* Element by element, for each of n; sum gathers. */
    {TASKS
     "flow main(n: int) -> f64 { let xs = [work(i) for i in 0..n]\nreturn sum(xs * 2.0 + xs) }",
     {{5, 0}},
     5 + 5 + 5 + 1 + 1},
    /* Views are no nodes. */
    {TASKS "flow main(a: f64[r, c], n: int) -> f64 {\n"
           "return reduce(plus, [total(row) + total(a[0..n, 1]) + a[1, 1] for row in a]) }",
     {{4, 6}, {2, 0}},
     4 * (2 + 2) + 3 + 1},
    /* Of unknown extents, an index is a task; of known ones it is a view. */
    {TASKS "flow main(n: int) -> f64 { return free(n)[1] + vector(n, 1.0)[1] }",
     {{3, 0}},
     2 + 1 + 1 + 1},
    /* Effects run although nobody needs them, and order others. */
    {TASKS "flow main(n: int) -> f64 { note(work(n))\nlet w = note(2.0)\nreturn after(w, 1.0) }",
     {{7, 0}},
     1 + 1 + 1 + 1 + 1},
    {TASKS "flow main(n: int) { for i in 0..n { note(f64(i)) } }", {{4, 0}}, 4 + 1},
    /* Arrays of tuples gather leaf by leaf; known leaves are constants. */
    {TASKS "flow main(n: int) -> f64 { return pairs([(work(i), i) for i in 0..n]) }",
     {{3, 0}},
     3 + 1 + 1},
    /* Arrays of arrays: each inner one is packed. */
    {TASKS
     "flow main(n: int) -> f64 { return tables([[work(i + j) for j in 0..2] for i in 0..n]) }",
     {{3, 0}},
     3 * 2 + 3 + 1 + 1},
    /* Tiles are views: 2 x 3 of them, each doubled, then put together. */
    {TASKS "flow main(a: f64[r, c], n: int) -> f64[_, _] {\nlet t = tiles(a, n, n)\n"
           "return untile([t[i, j] * 2.0 for i in 0..t.rows, j in 0..t.cols]) }",
     {{4, 5}, {2, 0}},
     6 + 1 + 1},
    /* A variable that is known in one branch and pending in the other. */
    {TASKS "flow main(n: int) -> f64 { var x = 0.0\nif n > 2 { x = work(n) }\nreturn x + 1.0 }",
     {{3, 0}},
     3},
    {TASKS "flow main(n: int) -> f64 { var x = 0.0\nif n > 2 { x = work(n) }\nreturn x + 1.0 }",
     {{2, 0}},
     2},
    /* A structure that becomes pending element by element. */
    {TASKS "flow main(n: int) -> f64 { var x = zeros(n)\nx[0] = work(n)\nfor i in 1..n { x[i] = "
           "x[i - 1] + 1.0 }\n"
           "return x[n - 1] }",
     {{6, 0}},
     1 + 5 + 1},
    {TASKS "flow two(n: int) -> (f64, f64) { return (work(n), work(n + 1)) }\n"
           "flow main(n: int) -> f64 { let (a, b) = two(n)\nlet p = pair(n)\nreturn a * b + p.q }",
     {{6, 0}},
     2 + 1 + 1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { let m = square(n) @ square(n)\nreturn total(m[:, 0]) }",
     {{4, 0}},
     2 + 1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { return reduce(add, [vector(n, work(i)) for i in 0..n])[0] }",
     {{3, 0}},
     3 * 2 + 2 + 1},
    {TASKS "flow main(n: int) -> f64 { return reduce(plus, vector(n, 1.0)) }", {{5, 0}}, 1 + 4 + 1},
    {TASKS "flow main(n: int) -> f64 { return reduce(plus, free(n)) }", {{5, 0}}, 1 + 1 + 1},
    /* The result of main gathers: arrays of arrays, arrays of tuples, of any level. */
    {TASKS "flow main(n: int) -> int[_][_] { return [[i*j for j in 0..i] for i in 0..n] }",
     {{4, 0}},
     1},
    {TASKS "flow main(n: int) -> (f64, int)[_] { return [(work(i), i) for i in 0..n] }",
     {{4, 0}},
     5},
    {TASKS "flow main(n: int) -> (int, f64)[_] { return [(i, 0.5) for i in 0..n] }", {{4, 0}}, 1},
    {TASKS "flow main(n: int) -> f64[_][_] { return [[work(j) for j in 0..i] for i in 0..n] }",
     {{4, 0}},
     0 + 1 + 2 + 3 + 4 + 1},
    {TASKS "flow main(n: int) -> f64[_][_] { return [vector(i, 1.0) for i in 0..n] }",
     {{4, 0}},
     4 + 1},
    /* Flows: recursion with a growing result, a result () that is known or pending. */
    {TASKS "flow rec(n: int) -> f64[_] {\n"
           "if n == 0 { return [0.0] }\n"
           "return append(rec(n - 1), work(n)) }\n"
           "flow main(n: int) -> f64[_] { return rec(n) }",
     {{4, 0}},
     4 + 1},
    {TASKS "flow noop(x: int) { if x > 3 { return }\n"
           "note(1.0) }\n"
           "flow main(n: int) -> int { let _u = noop(n)\n"
           "noop(2)\n"
           "return n }",
     {{4, 0}},
     1 + 1},
    {TASKS "flow main(n: int) -> f64 { let ds = [note(work(i)) for i in 0..n]\n"
           "let d = ds[1]\n"
           "return after(d, 1.0) }",
     {{4, 0}},
     4 + 4 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { let (_x, d) = both(n)\n"
           "return after(d, 1.0) }",
     {{4, 0}},
     1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { return after((), 1.0) }", {{4, 0}}, 1 + 1},
    {TASKS "flow cat(a: f64[_], b: f64[_]) -> f64[_] { return concat(a, b) }\n"
           "flow main(n: int) -> f64[_] { return reduce(cat, [[work(i), 1.0] for i in 0..n]) }",
     {{4, 0}},
     4 + 1},
    {TASKS "flow main(n: int) -> f64[_] { var xs: f64[_] = []\n"
           "for i in 0..n { xs = append(xs, work(i)) }\n"
           "return xs }",
     {{4, 0}},
     4 + 1},
    /* What was overwritten is not built. */
    {TASKS "flow main(n: int) -> f64[_] { var xs = [work(i) for i in 0..n]\n"
           "xs[1..3] = vector(2, 7.0)\n"
           "xs[0..1] = [1.0]\n"
           "return xs }",
     {{4, 0}},
     1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64[_] { return inside((vector(n, 1.0), mat(4, n))) }",
     {{4, 0}},
     1 + 1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { return reduce(plus, [f64(i) for i in 0..n]) }",
     {{4, 0}},
     3 + 1},
    {TASKS "flow main(n: int) -> f64 { let a = [1.0, 2.0]\n"
           "return total(a) + total(a * 2.0) + sum(a) + min(a) }",
     {{4, 0}},
     2 + 2 + 3 + 1},
    {TASKS "flow main(n: int) -> f64[_, _] { var m = mat(n, n)\n"
           "m[0, :] = vector(n, 1.0)\n"
           "m[:, 1] = fill(2.0, n)\n"
           "m += mat(n, n)\n"
           "return m }",
     {{4, 0}},
     2 + 1 + 2 + 1 + 1},
    /* An extent that only the run shows is a task. */
    {TASKS "flow g(a: f64[n]) -> f64 { return f64(n) + a[0] }\n"
           "flow main(n: int) -> f64 { return g(free(n)) }",
     {{4, 0}},
     1 + 1 + 1 + 1 + 1 + 1},
    {TASKS "flow main(n: int) -> bool { return vector(n, 1.0) == vector(n, 2.0) || n > 10 }",
     {{4, 0}},
     2 + 1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { let t = transpose(mat(n, 3))\n"
           "let c = concat(vector(n, 1.0), vector(2, 2.0))\n"
           "let f = flatten(mat(2, n))\n"
           "return total(concat(c, f)) + t[0, 1] }",
     {{4, 0}},
     2 + 2 + 1 + 2 + 1 + 1 + 1},
    {TASKS "flow main(n: int) -> f64 { var best = (0.0, 0)\n"
           "for i in 0..n { if i % 2 == 0 { best = (work(i), i) } }\n"
           "best.1 += 1\n"
           "return best.0 + f64(best.1) }",
     {{4, 0}},
     1 + 1 + 1},
    {TASKS "flow pick(c: bool, xs: f64[_]) -> f64[_] { return if c { xs } else { [1.0, 2.0] } }\n"
           "flow main(n: int) -> f64 { return pick(n > 2, vector(n, 1.0))[1] + pick(n > 2, "
           "[work(1), 2.0])[0] + pick(true, [0.5, 1.0])[0] }",
     {{4, 0}},
     2 + 2 + 1},
    /* A pending index selects by a task, also where the extents are known. */
    {TASKS "task index(n: int) -> int { return n - 1 }\n"
           "flow main(n: int) -> f64 { return vector(n, 1.0)[index(n)] }",
     {{4, 0}},
     1 + 1 + 1 + 1},
    /* What stands right of a pending && is part of its task: it must not fail on its own. */
    {"task count(n: int) -> int { return n }\n"
     "flow main(n: int) -> bool { let c = count(n)\nreturn c != 0 && 10 / c > 2 }",
     {{0, 0}},
     1 + 1 + 1},
};

static void graphs(void)
{
    for (size_t i = 0; i < sizeof graph_cases / sizeof *graph_cases; i++)
        for (int level = 0; level <= LEVEL_FUSED; level++) {
            const struct graph_case *g = &graph_cases[i];
            struct compiled c;
            if (compile(&c, "graph.wk", g->text, level)) {
                struct dag dag;
                struct error error = {0};
                int status = run(&c, g->arguments, &dag, &error);
                CHECK_TEXT(status ? error.message : "", "");
                if (!status) {
                    bool ok = level ? dag.node_count <= g->nodes : dag.node_count == g->nodes;
                    if (!ok)
                        fprintf(stderr, "-O%d of\n%s\n: %u nodes, expected %u\n", level, g->text,
                                dag.node_count, g->nodes);
                    CHECK(ok);
                    dag_release(&dag);
                }
            }
            release(&c);
        }
}

/* Right-looking Cholesky of nt x nt tiles: nt + nt(nt-1)/2 + (nt-1)nt(nt+1)/6 tasks and untile; the
 * steps grow as the tasks do, because assigning a tile does not copy the others. */
static void assigning_costs_no_copy(void)
{
    static const char text[] =
        "task potrf(a: f64[n, n]) -> f64[n, n] { return a }\n"
        "task trsm(l: f64[n, n], a: f64[m, n]) -> f64[m, n] { return a }\n"
        "task syrk(c: f64[m, n], a: f64[m, k], b: f64[n, k]) -> f64[m, n] { return c }\n"
        "flow main(a: f64[n, n], tile: int) -> f64[n, n] {\n"
        "    var s = tiles(a, tile, tile)\n"
        "    let nt = s.rows\n"
        "    for k in 0..nt {\n"
        "        s[k, k] = potrf(s[k, k])\n"
        "        for i in k+1..nt { s[i, k] = trsm(s[k, k], s[i, k]) }\n"
        "        for i in k+1..nt { for j in k+1..=i { s[i, j] = syrk(s[i, j], s[i, k], s[j, k]) } "
        "}\n"
        "    }\n"
        "    return untile(s)\n"
        "}\n";
    uint64_t steps[2][2];
    for (int level = 0; level <= 2; level += 2) {
        struct compiled c;
        if (!compile(&c, "cholesky.wk", text, level))
            return;
        for (int i = 0; i < 2; i++) {
            int64_t nt = 20 << i;
            struct error error = {0};
            struct flow_code *code = flow_code_load(c.code.data, c.code.length, &error);
            struct flow_argument arguments[2] = {{.given = true, .extents = {nt, nt}},
                                                 {.given = true, .word = 1}};
            struct elaborate_options options = {0};
            struct elaborate_counters counters = {0};
            struct dag dag;
            CHECK_INT(elaborate(code, arguments, &options, &dag, &counters, &error), 0);
            CHECK_INT(dag.node_count,
                      nt + nt * (nt - 1) / 2 + (nt - 1) * nt * (nt + 1) / 6 + 1 + 1);
            steps[level / 2][i] = counters.steps / dag.node_count;
            dag_release(&dag);
            flow_code_free(code);
        }
        CHECK(steps[level / 2][1] <= steps[level / 2][0]);
        release(&c);
    }
    CHECK(steps[1][1] <= steps[0][1]);
}

/* ---- Mistakes ------------------------------------------------------------------------------- */

struct mistake_case {
    const char *text;
    int64_t argument;
    enum error_code code;
    uint32_t line, column;
    const char *message;
};

static const struct mistake_case mistake_cases[] = {
    {"task dot(a: f64[n], b: f64[n]) -> f64 { return sum(a * b) }\n"
     "task vector(n: int) -> f64[n] { return zeros(n) }\n"
     "flow main(n: int) -> f64 {\n"
     "    return dot(vector(n), vector(3))\n"
     "}\n",
     4, ERR_shape_mismatch, 4, 12,
     "the argument 'b' of 'dot' has the extent 3 in dimension 0, expected n = 4"},
    {"task vector(n: int) -> f64[n] { return zeros(n) }\n"
     "flow main(n: int) -> f64[_] {\n"
     "    return vector(n) + vector(3)\n"
     "}\n",
     4, ERR_shape_mismatch, 3, 12, "dimension 0: expected 4, found 3"},
    {"task square(n: int) -> f64[n, n] { return zeros(n, n) }\n"
     "flow main(n: int) -> f64[_, _] {\n"
     "    return square(n) @ square(3)\n"
     "}\n",
     4, ERR_shape_mismatch, 3, 12,
     "the columns of the left side, 4, are not the rows of the right side, 3"},
    {"flow first(a: f64[n], b: f64[n]) -> f64 { return a[0] + b[0] }\n"
     "task vector(n: int) -> f64[n] { return zeros(n) }\n"
     "flow main(n: int) -> f64 {\n"
     "    return first(vector(n), vector(3))\n"
     "}\n",
     4, ERR_shape_mismatch, 4, 12,
     "the argument 'b' of 'first' has the extent 3 in dimension 0, expected n = 4"},
    {"flow main(n: int) -> int[3] {\n"
     "    return [i for i in 0..n]\n"
     "}\n",
     4, ERR_shape_mismatch, 2, 12,
     "the result of 'main' has the extent 4 in dimension 0, expected 3"},
    {"flow main(n: int) -> int[n - 9] {\n"
     "    return [i for i in 0..n]\n"
     "}\n",
     4, ERR_negative_extent, 2, 12, "an array's extent is -5"},
    {"task vector(n: int) -> f64[n - 5] { return zeros(n - 5) }\n"
     "flow main(n: int) -> f64[_] {\n"
     "    return vector(n)\n"
     "}\n",
     4, ERR_negative_extent, 3, 12, "an array's extent is -1"},
    {"task plus(a: f64, b: f64) -> f64 { return a + b }\n"
     "task work(i: int) -> f64 { return f64(i) }\n"
     "flow main(n: int) -> f64 {\n"
     "    return reduce(plus, [work(i) for i in 0..5], arity: n)\n"
     "}\n",
     1, ERR_bad_reduce, 4, 57, "reduce with arity 1"},
    {"flow main(n: int) -> int {\n"
     "    if n > 3 { fail(\"too many {}: \" + str(n)) }\n"
     "    return n\n"
     "}\n",
     4, ERR_flow_failed, 2, 16, "too many {}: 4"},
    {"flow main(n: int) -> int {\n"
     "    let xs = [1, 2, 3]\n"
     "    return xs[n]\n"
     "}\n",
     4, ERR_index_out_of_bounds, 3, 12, "index 4 is out of bounds: dimension 0 has extent 3"},
    {"flow main(n: int) -> int {\n"
     "    let _unused = 1 / n\n"
     "    return n\n"
     "}\n",
     0, ERR_division_by_zero, 2, 19, "division by zero: 1 / 0"},
};

static void mistakes(void)
{
    for (size_t i = 0; i < sizeof mistake_cases / sizeof *mistake_cases; i++)
        for (int level = 0; level <= LEVEL_FUSED; level++) {
            const struct mistake_case *m = &mistake_cases[i];
            struct compiled c;
            if (compile(&c, "mistake.wk", m->text, level)) {
                struct dag dag;
                struct error error = {0};
                int64_t arguments[1][2] = {{m->argument, 0}};
                int status = run(&c, (const int64_t(*)[2])arguments, &dag, &error);
                CHECK_INT(status, m->code);
                CHECK_TEXT(error.message, m->message);
                CHECK_INT(error.place.line, m->line);
                CHECK_INT(error.place.column, m->column);
                if (!status)
                    dag_release(&dag);
            }
            release(&c);
        }
}

/* Equal operators are one kernel; those that can fail are one for each place, which they name. */
static void kernels_are_shared(void)
{
    static const char text[] = "task count(n: int) -> int { return n }\n"
                               "flow main(n: int) -> int {\n"
                               "    let c = count(n)\n"
                               "    return (c + 1) * (c + 2) + c / 2 + c / 3\n"
                               "}\n";
    struct compiled c;
    if (compile(&c, "kernels.wk", text, 2)) {
        CHECK_INT(c.module->kernel_count, 1 + 2 + 2);
        uint32_t divisions = 0;
        for (uint32_t i = 0; i < c.module->kernel_count; i++) {
            const struct typed_function *kernel = c.module->kernels[i];
            if (strcmp(kernel->name, "/") == 0)
                CHECK_INT(span_place(kernel->span).column, divisions++ == 0 ? 32 : 40);
        }
        CHECK_INT(divisions, 2);
    }
    release(&c);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static void file_lowers(const char *path)
{
    struct buffer text = {0};
    struct error error = {0};
    if (buffer_read_file(&text, path, 1 << 20, &error)) {
        fprintf(stderr, "%s: %s\n", path, error.message);
        CHECK(false);
        return;
    }
    for (int level = 0; level <= LEVEL_FUSED; level++) {
        struct compiled c;
        if (!compile(&c, path, text.data, level))
            fprintf(stderr, "%s\n", path);
        release(&c);
    }
    buffer_release(&text);
}

static void examples_lower(void)
{
    static const char *const paths[] = {
        "examples/columns.wk",   "examples/harmonic.wk",        "examples/heat.wk",
        "examples/histogram.wk", "examples/mandelbrot.wk",      "examples/pi.wk",
        "examples/prefix.wk",    "tests/golden/typed/flows.wk", "tests/golden/typed/cholesky.wk",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        file_lowers(paths[i]);
}

static void unknown_passes_are_refused(void)
{
    struct compiled c;
    if (compile(&c, "t.wk", MAIN "return n\n}", 2)) {
        struct error error = {0};
        struct ir_pass_options options = {.stop_after = "fould"};
        CHECK_INT(ir_run_passes(c.module, &options, &error), ERR_bad_parameter);
    }
    release(&c);
}

TEST_MAIN(TEST(known_results), TEST(graphs), TEST(assigning_costs_no_copy), TEST(mistakes),
          TEST(kernels_are_shared), TEST(examples_lower), TEST(unknown_passes_are_refused))
