/*
 * The grammar and the token filter: programs that are accepted, programs that are refused with one
 * diagnostic, pairs that mean the same, the places of nodes, and sources that are too deep.
 * Programs with the expected text beside them are in tests/errors and tests/golden/ast
 * (syntax_files.c).
 */
#include <unistd.h>

#include "syntax.h"

/* A text that stands in the body of a task, or at the top level when it begins with '^'. */
static const char *as_program(struct arena *arena, const char *text)
{
    if (*text == '^')
        return text + 1;
    return arena_printf(arena, "task f(a: int, b: int) -> int {\n%s\n}\n", text);
}

static const char *const right[] = {
    /* Newlines and semicolons (L2.2). */
    "return a",
    "let x = a; return x",
    "let x = a;;; return x;",
    "let x =\na\nreturn x",
    "let x = a +\nb\nreturn x",
    "let x = g(\na,\nb\n)\nreturn x",
    "let x = [\n1,\n2,\n]\nreturn x",
    "let x = (a\n+ b)\nreturn x",
    "let x = a // comment\nreturn x",
    "let x = a\r\nreturn x",
    "\n\n\nreturn a\n\n",
    "if a > b { return a }\nelse { return b }",
    "if a > b { return a }\n\n// then\nelse { return b }",
    "if a > b { return a } return b",
    "while a > b { a = b } return b",
    "for i in 0..a { g(i) } return b",
    "return",
    "@retry(2)\ng(a)",
    "@retry(2)\n@together\ng(a)",
    "^task f()\n    -> int { return 1 }",
    "^task f() {} task g() {}",
    "^let N = 1; let M = 2",
    "^let N = 1\n\n\n",
    "^",
    "^\n",
    "^// only a comment",
    "^/// only a doc comment",
    "^;;;",
    "^extern task f() -> int from \"f.c\"",
    "^extern task f() -> int\nfrom \"f.c\"",
    "^extern task from(exec: int) -> int exec \"x\"",
    "^@cost(1ms)\nextern task f() -> int from \"f.c\"",
    /* Braces (L2.3). */
    "if if a > 0 { true } else { false } { return 1 }",
    "if a > 0 { if b > 0 { return 1 } else { return 2 } } else { return 3 }",
    "while (p == (Point{x: 1})) { return a }",
    "for p in [Point{x: 1}, Point{x: 2}] { g(p) }",
    "let p = Point{x: 1}",
    "let p = Point{\nx: 1,\ny: 2\n}",
    "let p = Point {x: 1}",
    "let p = g(Point{x: Point{}})",
    "let m = map[str]int{}",
    "let m = map[str]map[str]int{\"a\": map[str]int{}}",
    "if g(Point{x: 1}) { return a }",
    "let x = if a > b { Point{x: 1} } else { Point{x: 2} }",
    "let x = if a > b { if b > 0 { 1 } else { 2 } } else { 3 }",
    "let x = [if a > 0 { 1 } else { 2 }]",
    "let x = [y for y in z if y > 0]",
    "let x = [if y > 0 { y } else { 0 } for y in z if if y > 1 { true } else { false }]",
    "let x = g(if a > 0 { 1 } else { 2 }, b)",
    "let x = if a > 0 { 1 }\nelse { 2 }",
    "return if a > b { a } else { b }",
    "if a > b {}",
    "if a > b { } else { }",
    "^struct S { a: int\n b: int, c: int }",
    "^struct S { a: int, }",
    "^task f(a: ()) {}",
    "^struct S {\n\n}",
    "^let P = Point{x: 1}",
    "^flow f(g: task(int) -> int) -> task(int) -> int { return g }",
    /* Column 1 (L2.4). */
    "let x = 1\nlet y = 2\n@retry(2)\ng(x)\nreturn y",
    "^flow f(\ng:\ntask(int) -> int) {}",
    /* Expressions. */
    "return -a - -b",
    "return a--b",
    "return !(a < b) == (b < a)",
    "return (a < b) == (b < c)",
    "return x[0][1].y.0(z)[:, 1.., ..2, 1..2, 1..=2]",
    "return a @ b",
    "return @retry(2) g(a)",
    "return @retry(2) linalg.g(a).q.0",
    "return t.0.1.2",
    "return key in table && !(a in b)",
    "return g(x: 1, y: 2,)",
    "return (1, 2,)",
    "return ()",
    "return (q: 1, r: 2)",
    "return (if a > b { a } else { b })",
    "return 1 + if a > b { a } else { b } * 2",
    "return ~a & b | c ^ d << 1",
    "return [[i*j for i in 0..a] for j in 0..b]",
    "return [i*j for i in 0..a, j in i..b]",
    "return [v for k, v in m]",
    "return _",
    "let _ = g(a)",
    "let from = a; let exec = b; let fn = 1; let def = 2; let import = 3",
    "let x: f64[n, m + 1, _][2] = y",
    "let f: task(int) -> int = g",
    "(a, b) = (b, a)",
    "(s[j, k], s[j + d, k]) = update(a)",
    "let (a, b,): (int, int) = g()",
    "for a, b in c { g(a) }",
    "for i in x { g(i) }",
    "break",
    "fail(\"no\")",
    "x.y.z(a)",
};

static void right_programs_are_accepted(void)
{
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct parsed parsed;
        struct arena arena;
        arena_init(&arena);
        parse_text(&parsed, as_program(&arena, right[i]));
        CHECK_TEXT(parsed_diagnostics(&parsed), "");
        if (parsed.diagnostics.errors)
            fprintf(stderr, "in: %s\n", right[i]);
        parsed_release(&parsed);
        arena_release(&arena);
    }
}

/* A program, and the code of the one diagnostic that it gets. */
static const struct {
    const char *text, *code;
} wrong[] = {
    {"return a < b == (b < a)", "E140"},
    {"let x = a\n    @ b", "E130"},
    {"let x = a b", "E132"},
    {"let x = 1 let y = 2", "E132"},
    {"return a return b", "E132"},
    {"g(a) g(b)", "E132"},
    {"let x = a\n+ b\nreturn x", "E130"},
    {"let x = a\n.y\nreturn x", "E130"},
    {"let x =\nreturn a", "E130"},
    {"let = a", "E128"},
    {"let x", "E135"},
    {"let x: int", "E135"},
    {"let x: 3 = 4", "E127"},
    {"let if = 3", "E129"},
    {"var 3 = a", "E128"},
    {"a", "E131"},
    {"a + g(b)", "E131"},
    {"-g(b)", "E131"},
    {"(g(b))[0]", "E131"},
    {"\"text\"", "E131"},
    {"a == b", "E131"},
    {"1 = a", "E133"},
    {"g(a)[0] = 1", "E133"},
    {"a + 1 += 2", "E133"},
    {"() = g(a)", "E133"},
    {"((a, b), c) = g(a)", "E133"},
    {"if a { return 1 } else if { return 2 }", "E130"},
    {"if a return 1", "E122"},
    {"if a\nreturn 1", "E122"},
    {"if a\n{\nreturn 1\n}", "E121"},
    {"while a > b", "E122"},
    {"    while a > b\n        a = b\n    }\n    return a", "E122"},
    {"    for i in 0..a g(i) }\n    return a", "E122"},
    {"    return g(a[0], b]\n        + 1)\n    ])\n    return a", "E118"},
    {"    let x = g(a, b))\n    return (a)", "E119"},
    {"    g(a, }\n    g(b)", "E119"},
    {"while { a = b }", "E130"},
    {"for { a = b }", "E158"},
    {"for i { a = b }", "E158"},
    {"for i in { a = b }", "E130"},
    {"for 3 in x { a = b }", "E158"},
    {"for (a, b) in x { g(a) }", "E158"},
    {"for i in 0..3", "E122"},
    {"for i in 0.. { g(i) }", "E142"},
    {"else { a = b }", "E149"},
    {"if a { g(a) } else b", "E122"},
    {"do { a = b }", "E160"},
    {"loop {\n    a = b\n}", "E160"},
    {"try { g(a) }", "E160"},
    {"switch a {\n    let x = 1\n    g(x)\n}", "E132"},
    {"let x = if a { 1 }", "E147"},
    {"let x = if a { 1 } else if b { 2 }", "E147"},
    {"let x = if a { } else { 2 }", "E130"},
    {"let x = if a { 1; 2 } else { 3 }", "E148"},
    {"let x = if a { let y = 1 } else { 3 }", "E148"},
    {"let x = if a { y = 1 } else { 3 }", "E148"},
    {"let x = if a 1 else 2", "E122"},
    {"let x = a if b else c", "E152"},
    {"if p == Point{x: 1} {\n    return a\n}\nreturn b", "E123"},
    {"while p != shapes.Point{x: 1} { g(p) }\nreturn b", "E123"},
    {"let x = 0..3", "E142"},
    {"let x = (0..3)", "E142"},
    {"g(0..3)", "E142"},
    {"return [0..3]", "E142"},
    {"if a in 0..3 { return 1 }", "E141"},
    {"return x[1:2]", "E143"},
    {"return x[1:]", "E143"},
    {"return x[:2, 1]", "E143"},
    {"return x[]", "E130"},
    {"return x[,]", "E130"},
    {"return x[..]", "E142"},
    {"return g(a b)", "E156"},
    {"return g(a,,b)", "E130"},
    {"return g(,)", "E130"},
    {"return g(x: )", "E130"},
    {"return g(x = 1)", "E137"},
    {"return [1 2]", "E156"},
    {"return (1 2)", "E156"},
    {"return Point{x: 1 y: 2}", "E156"},
    {"return Point{x}", "E157"},
    {"return map[str]{}", "E127"},
    {"return map{}", "E129"},
    {"return map[str]int{\"a\"}", "E157"},
    {"return {1: 2}", "E130"},
    {"return (a,)", "E154"},
    {"return (x: a)", "E154"},
    {"let (x,) = g(a)", "E154"},
    {"return a, b", "E136"},
    {"let x, y = g(a)", "E136"},
    {"x, y = g(a)", "E136"},
    {"x: int = 3", "E134"},
    {"f64 x = 3", "E134"},
    {"x := 3", "E134"},
    {"a++", "E138"},
    {"a--", "E138"},
    {"return a ** b", "E139"},
    {"return a < b < c", "E140"},
    {"return a == b != c", "E140"},
    {"return a in b in c", "E140"},
    {"return pick<int>(a)", "E144"},
    {"return pick<f64[n]>(a)", "E144"},
    {"return a@b", "E145"},
    {"return a @b", "E145"},
    {"return a@ b", "E145"},
    {"return @retry(2) a", "E146"},
    {"@retry(2)\nlet x = a", "E146"},
    {"@retry(2) if a { g(b) }", "E146"},
    {"return a and b", "E151"},
    {"return not a", "E151"},
    {"let not = a", "E129"},
    {"if a { g(a) } elif b { g(b) }", "E150"},
    {"return .5", "E115"},
    {"return 1.", "E115"},
    {"return 1.0.", "E128"},
    {"return 30s", "E116"},
    {"return g(5ms)", "E116"},
    {"return a ? b : c", "E103"},
    {"return a # comment", "E104"},
    {"/* comment */ return a", "E104"},
    {"return a)", "E119"},
    {"return (a", "E117"},
    {"return g(a[b)", "E117"},
    {"return (a]", "E118"},
    {"return \"a", "E106"},
    {"return g(\"a)", "E106"},
    {"return g('a)", "E109"},
    {"return ''", "E110"},
    {"return 'ab'", "E111"},
    {"return \"\\q\"", "E107"},
    {"return \"\\xFF\"", "E108"},
    {"return 0xG", "E112"},
    {"return 12abc", "E113"},
    {"return 99999999999999999999", "E114"},
    {"return [x for x in y for z in w]", "E153"},
    {"return sum(x for x in y)", "E153"},
    {"    task g() {\n    let x = 1\n    g(x)\n}\nreturn a", "E159"},
    {"    struct P { x: int }", "E159"},
    {"    use linalg", "E159"},
    {"^return 1", "E124"},
    {"^var x = 1", "E124"},
    {"^x = 1\ny = 2\nif x { y }\n\ntask f() {}", "E124"},
    {"^/// Doc\nx = 1", "E124"},
    {"^@retry(2)\nx = 1", "E146"},
    {"^fn f(a: int) -> int { return a }", "E125"},
    {"^import linalg", "E125"},
    {"^const N = 3", "E125"},
    {"^task f(a) {}", "E126"},
    {"^task f(a, b: int) {}", "E126"},
    {"^task f(int a) {}", "E126"},
    {"^struct S { x }", "E126"},
    {"^task f(a: int) -> {}", "E127"},
    {"^task f(a: []int) {}", "E127"},
    {"^task (a: int) {}", "E128"},
    {"^task f {}", "E157"},
    {"^task f(a: int)", "E122"},
    {"^task f(a: int) -> int\n\ntask g() {}", "E122"},
    {"^task f() {\n    return 1\n\ntask g() {}", "E117"},
    {"^task f() {}\n}\n\ntask g() {}", "E119"},
    {"^use \"linalg\"", "E128"},
    {"^use linalg.blas", "E132"},
    {"^let N", "E135"},
    {"^extern task f()", "E157"},
    {"^extern task f() from fft", "E157"},
    {"^extern f() from \"f.c\"", "E157"},
    {"^flow f() -> (q: int) { return 1 }", "E154"},
    {"^task f<T, (a: T) {}", "E128"},
    {"^task f(a: int {\n    return a\n}\n\ntask g() {}", "E117"},
};

static void wrong_programs_get_one_diagnostic(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct parsed parsed;
        struct arena arena;
        arena_init(&arena);
        parse_text(&parsed, as_program(&arena, wrong[i].text));
        int errors = parsed.diagnostics.errors;
        CHECK_INT(errors, 1);
        if (errors > 0)
            CHECK_TEXT(error_code_text(parsed.diagnostics.list.items[0].code), wrong[i].code);
        if (errors != 1 ||
            strcmp(error_code_text(parsed.diagnostics.list.items[0].code), wrong[i].code) != 0)
            fprintf(stderr, "in: %s\n%s", wrong[i].text, parsed_diagnostics(&parsed));
        parsed_release(&parsed);
        arena_release(&arena);
    }
}

/* Pairs of programs with one meaning; their trees differ in lines at most. */
static const char *const same[][2] = {
    {"let x = a\nreturn x", "let x = a; return x"},
    {"if a { g(b) }\nelse { g(a) }", "if a { g(b) } else { g(a) }"},
    {"if a { g(b) } g(a)", "if a { g(b) }\ng(a)"},
    {"let x = a -\n b", "let x = a - b"},
    {"let x = [1,\n 2\n ]", "let x = [1, 2]"},
    {"let x = g(if a { 1 } else { 2 })", "let x = g(if a {\n 1\n} else {\n 2\n})"},
    {"if if a { b } else { c } { g(a) }", "if if a {\n b\n}\nelse {\n c\n} {\n g(a)\n}"},
    {"let x = a | b ^ c & d << e + f * -g", "let x = a | b ^ c & d << e + f * -g;"},
    {"return t.0.1", "return t.0 .1"},
    {"return 1_000 + 0x1F + 0b11", "return 1000 + 31 + 3"},
    {"return 8MiB + 64KB", "return 8388608 + 64000"},
    {"return \"\\u{41}\\x42\"", "return \"AB\""},
    {"return [x for x in y if x > 0]", "return [\nx\nfor x\nin y\nif x > 0\n]"},
    {"@retry(2) g(a)", "@retry(2)\ng(a)"},
    {"return x[a .. b]", "return x[a..b]"},
    {"return a @ b", "return a @\nb"},
    {"^@cost(1s) task f() {}", "^@cost(1_000ms)\n\n\ntask f() {\n}\n"},
    {"^@cost(0.5s) task f() {}", "^@cost(500ms) task f() {}"},
    {"^struct S { a: int, b: int }", "^struct S {\n a: int\n b: int\n}"},
    {"^/// A\n/// B\ntask f() {}", "^///A\n///B\n// and no more\ntask f() {}"},
    {"^task f(f: task(int) -> int) {}", "^task f(f: task(int,) -> int,) {}"},
};

/* Puts the tree's text without its line numbers into `out`. */
static void tree_without_lines(struct parsed *parsed, struct buffer *out)
{
    for (const char *p = parsed_tree(parsed); *p; p++) {
        if (p[0] == ' ' && p[1] == ':' && p[2] >= '0' && p[2] <= '9')
            p += 2 + strspn(p + 2, "0123456789");
        buffer_putc(out, *p);
    }
}

static void layout_does_not_change_the_meaning(void)
{
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct buffer trees[2] = {0};
        struct arena arena;
        arena_init(&arena);
        for (int side = 0; side < 2; side++) {
            struct parsed parsed;
            parse_text(&parsed, as_program(&arena, same[i][side]));
            CHECK_TEXT(parsed_diagnostics(&parsed), "");
            tree_without_lines(&parsed, &trees[side]);
            parsed_release(&parsed);
        }
        CHECK(trees[0].length > 0);
        CHECK_TEXT(buffer_text(&trees[0]), buffer_text(&trees[1]));
        buffer_release(&trees[0]);
        buffer_release(&trees[1]);
        arena_release(&arena);
    }
}

static void check_span(struct span span, const char *expected)
{
    char text[200];
    snprintf(text, sizeof text, "%.*s", (int)(span.end - span.begin),
             span.source->text + span.begin);
    CHECK_TEXT(text, expected);
}

static void spans_cover_what_they_name(void)
{
    struct parsed parsed;
    parse_text(&parsed, "/// Doc.\n@retry(2) task f(a: f64[n]) -> (q: int, r: int) {\n"
                        "    let x: int = (a + b) * g(c, d)[1..2]\n"
                        "    x.y[0] += if c { 1 } else { 2 }\n}\n");
    CHECK_TEXT(parsed_diagnostics(&parsed), "");
    const struct ast_declaration *f = parsed.module->declarations[0];
    check_span(f->name.span, "f");
    check_span(f->annotations[0].span, "@retry(2)");
    check_span(f->annotations[0].name.span, "retry");
    check_span(f->function.parameters[0].type->span, "f64[n]");
    check_span(f->function.parameters[0].type->array.extent_spans[0], "n");
    check_span(f->function.result->span, "(q: int, r: int)");
    CHECK(f->span.source->text[f->span.end - 1] == '}');
    CHECK_INT(strncmp(f->span.source->text + f->span.begin, "task f", 6), 0);
    const struct ast_statement *let = f->function.body->statements[0];
    check_span(let->span, "let x: int = (a + b) * g(c, d)[1..2]");
    const struct ast_expression *product = let->declare.value;
    check_span(product->span, "(a + b) * g(c, d)[1..2]");
    check_span(product->binary.operator_span, "*");
    check_span(product->binary.left->span, "(a + b)");
    check_span(product->binary.right->span, "g(c, d)[1..2]");
    check_span(product->binary.right->index.items[0].span, "1..2");
    const struct ast_statement *assign = f->function.body->statements[1];
    check_span(assign->assign.places[0]->span, "x.y[0]");
    check_span(assign->assign.operator_span, "+=");
    check_span(assign->assign.value->span, "if c { 1 } else { 2 }");
    CHECK_INT(assign->assign.value->height, 2);
    CHECK_INT(product->height, 4);
    parsed_release(&parsed);
}

/* The rest of a program is understood after a mistake, and each further mistake is found. */
static void recovery_goes_on_after_each_mistake(void)
{
    struct parsed parsed;
    parse_text(&parsed, "task a() {\n    let = 1\n    return 1 +\n}\n"
                        "task b(x) { return 1 }\n"
                        "task bb() {}\nnonsense here\nmore nonsense\n"
                        "task c() {\n    let x = g(1, 2\n    let y = (3]\n    if x > { g(x) }\n"
                        "    return z z\n}\n"
                        "struct S {\n    a\n    b: int\n    c: [int]\n}\n"
                        "task d() {}\n");
    static const char *const codes[] = {"E128", "E130", "E126", "E124", "E117",
                                        "E118", "E130", "E132", "E126", "E127"};
    CHECK_INT(parsed.diagnostics.errors, 10);
    for (size_t i = 0; i < parsed.diagnostics.list.count && i < 10; i++)
        CHECK_TEXT(error_code_text(parsed.diagnostics.list.items[i].code), codes[i]);
    if (parsed.diagnostics.errors != 10)
        fprintf(stderr, "%s", parsed_diagnostics(&parsed));
    CHECK_INT(parsed.module->count, 5);
    CHECK_TEXT(parsed.module->declarations[parsed.module->count - 1]->name.text, "d");
    parsed_release(&parsed);
}

enum { DEEP = 100000 };

/* A program with `unit` repeated DEEP times between `begin` and `middle`, and `close` as often
 * between that and `end`. */
static void parse_repeated(struct parsed *parsed, struct buffer *text, const char *const parts[5])
{
    buffer_clear(text);
    buffer_puts(text, parts[0]);
    for (int i = 0; i < DEEP; i++)
        buffer_puts(text, parts[1]);
    buffer_puts(text, parts[2]);
    for (int i = 0; i < DEEP; i++)
        buffer_puts(text, parts[3]);
    buffer_puts(text, parts[4]);
    parse_bytes(parsed, text->data, text->length);
}

static void what_is_too_deep_is_refused_once(void)
{
    static const char *const deep[][5] = {
        {"let x = ", "(", "1", ")", "\n"},
        {"let x = ", "[", "1", "]", "\n"},
        {"let x = ", "[", "", "", "\n"},
        {"let x = ", "g(", "1", ")", "\n"},
        {"let x = ", "P{a: ", "1", "}", "\n"},
        {"let x = ", "map[int]int{1: ", "1", "}", "\n"},
        {"let x = ", "-", "1", "", "\n"},
        {"let x = ", "!", "a", "", "\n"},
        {"let x = 1", " + 1", "", "", "\n"},
        {"let x = a", " || a", "", "", "\n"},
        {"let x = a", ".b", "", "", "\n"},
        {"let x = a", ".0", "", "", "\n"},
        {"let x = a", "[0]", "", "", "\n"},
        {"let x = a", "(0)", "", "", "\n"},
        {"let x = if a { 1 }", " else if a { 1 }", " else { 2 }", "", "\n"},
        {"let x = ", "if a { ", "1", " } else { 1 }", "\n"},
        {"let x = ", "if ", "a", " { b } else { c }", " { d } else { e }\n"},
        {"task f() { if a { }", " else if a { }", "", "", " }\n"},
        {"task f() { ", "if a { ", "", "}", " }\n"},
        {"task f() { ", "while a { ", "", "}", " }\n"},
        {"task f() { ", "for i in a { ", "", "}", " }\n"},
        {"task f(a: f64", "[n]", ") {}", "", "\n"},
        {"task f(a: ", "map[int]", "int) {}", "", "\n"},
        {"task f(a: ", "map[", "int", "]int", ") {}\n"},
        {"task f(a: ", "(", "int", ")", ") {}\n"},
        {"task f(a: ", "(int, ", "int", ")", ") {}\n"},
        {"task f(a: ", "task(", "int", ")", ") {}\n"},
        {"task f(a: ", "task() -> ", "int", "", ") {}\n"},
    };
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++) {
        struct parsed parsed;
        parse_repeated(&parsed, &text, deep[i]);
        CHECK_INT(parsed.diagnostics.errors, 1);
        if (parsed.diagnostics.list.count)
            CHECK_INT(parsed.diagnostics.list.items[0].code, ERR_nesting_too_deep);
        if (parsed.diagnostics.errors != 1)
            fprintf(stderr, "in: %s%s…\n", deep[i][0], deep[i][1]);
        parsed_tree(&parsed);
        parsed_release(&parsed);
    }
    buffer_release(&text);
}

/* Just below the limit everything is accepted, and no node is higher than the limit. */
static void the_limit_itself_is_accepted(void)
{
    struct buffer text = {0};
    buffer_puts(&text, "let x = 1");
    for (int i = 1; i < AST_MAX_HEIGHT; i++)
        buffer_puts(&text, " + 1");
    struct parsed parsed;
    parse_bytes(&parsed, text.data, text.length);
    CHECK_TEXT(parsed_diagnostics(&parsed), "");
    CHECK_INT(parsed.module->declarations[0]->constant.value->height, AST_MAX_HEIGHT);
    parsed_release(&parsed);
    buffer_puts(&text, " + 1");
    parse_bytes(&parsed, text.data, text.length);
    CHECK_INT(parsed.diagnostics.errors, 1);
    parsed_release(&parsed);
    buffer_release(&text);
}

static void long_flat_sources_are_accepted(void)
{
    static const char *const flat[][5] = {
        {"let x = [", "1, ", "", "", "]\n"},       {"task f() {", "a = 1\n", "", "", "}\n"},
        {"", "task f() {}\n", "", "", ""},         {"", "///\n", "", "", ""},
        {"let x = \"", "\\u{41}", "", "", "\"\n"}, {"let x = 1", ";", "", "", "\n"},
    };
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof flat / sizeof flat[0]; i++) {
        struct parsed parsed;
        parse_repeated(&parsed, &text, flat[i]);
        CHECK_TEXT(parsed_diagnostics(&parsed), "");
        parsed_release(&parsed);
    }
    buffer_release(&text);
}

/* Sources that are no programs at all end soon, with few messages. */
static void rubbish_ends_soon(void)
{
    static const char *const rubbish[] = {
        "{", "}",   "(",   ")",     "[",  "]",   "'", "\"",    "?",    "@",     "/*", "\\",
        "#", "if ", "fn ", "task ", "..", "@a(", ",", "else ", "for ", "let {", "=",  "not "};
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        const char *const parts[5] = {"", rubbish[i], "", "", ""};
        struct parsed parsed;
        parse_repeated(&parsed, &text, parts);
        CHECK(parsed.diagnostics.errors > 0 || strcmp(rubbish[i], "#") == 0);
        CHECK(parsed.diagnostics.list.count <= DIAGNOSTIC_LIMIT);
        parsed_release(&parsed);
    }
    buffer_release(&text);
}

static void sources_without_text_are_refused(void)
{
    struct parsed parsed;
    parse_bytes(&parsed, "let x = 1\0", 10);
    CHECK_INT(parsed.diagnostics.errors, 1);
    CHECK_INT(parsed.diagnostics.list.items[0].code, ERR_source_binary);
    parsed_release(&parsed);
    parse_text(&parsed, "\xEF\xBB\xBFlet x = 1\n");
    CHECK_TEXT(parsed_diagnostics(&parsed), "");
    CHECK_INT(parsed.module->count, 1);
    parsed_release(&parsed);
}

static void sources_too_large_are_refused(void)
{
    char path[] = "/tmp/wkc-syntax-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    CHECK_INT(ftruncate(file, 100 << 20), 0);
    close(file);
    struct arena arena;
    struct diagnostics diagnostics;
    arena_init(&arena);
    diagnostics_init(&diagnostics);
    CHECK(source_read(path, &arena, &diagnostics) == NULL);
    CHECK_INT(diagnostics.list.items[0].code, ERR_file_too_large);
    unlink(path);
    CHECK(source_read(path, &arena, &diagnostics) == NULL);
    CHECK_INT(diagnostics.list.items[1].code, ERR_file_unreadable);
    diagnostics_release(&diagnostics);
    arena_release(&arena);
}

TEST_MAIN(TEST(right_programs_are_accepted), TEST(wrong_programs_get_one_diagnostic),
          TEST(layout_does_not_change_the_meaning), TEST(spans_cover_what_they_name),
          TEST(recovery_goes_on_after_each_mistake), TEST(what_is_too_deep_is_refused_once),
          TEST(the_limit_itself_is_accepted), TEST(long_flat_sources_are_accepted),
          TEST(rubbish_ends_soon), TEST(sources_without_text_are_refused),
          TEST(sources_too_large_are_refused))
