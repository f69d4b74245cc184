/*
 * Tasks composed of others (flow/compose.h), compiled and called: results against closed forms,
 * failures at the place and in the order in which the parts one after the other have them, and
 * chains over arrays without arrays between.
 */
#include "kernel.h"

#include "flow/build.h"
#include "flow/compose.h"

static const char program[] =
    "task scale(xs: f64[n], a: f64) -> f64[n] { return xs * a + 1.0 }\n"
    "task curve(xs: f64[n]) -> f64[n] { return xs * xs - 3.0 }\n"
    "task plus(xs: f64[n], ys: f64[n]) -> f64[n] { return xs + ys }\n"
    "task total(xs: f64[_]) -> f64 { return sum(xs) }\n"
    "task first(xs: int[n], ys: int[n]) -> int[n] { return xs / ys }\n"
    "task second(xs: int[n], ys: int[n]) -> int[n] { return 100 / ys + xs }\n"
    "task both(x: f64) -> (f64, f64) { let s = x * x; return (s, s + 1.0) }\n"
    "task weigh(a: f64, i: int) -> f64 { return a * f64(i * i) }\n"
    "task branch(x: f64) -> f64 { if x < 0.0 { fail(\"negative {x}\") }; return sqrt(x) }\n"
    "task add_two(a: f64, b: f64) -> f64 { return a + b }\n"
    "task roots(xs: f64[n]) -> f64[n] { return sqrt(xs) / (1.0 + xs) }\n"
    "task narrow(xs: f64[n]) -> f32[n] { return [f32(x) for x in xs] }\n"
    "task third(xs: f32[n]) -> f32[n] { return xs / 3.0 }\n"
    "task promise(n: int) -> f64[n] { return [1.0 for i in 0..4] }\n";

struct composing {
    struct kernels k;
    struct ir_module *module;
    struct typed_function *functions[100];
};

static struct typed_function *task(struct composing *t, const char *symbol)
{
    for (uint32_t i = 0; i < t->k.program->function_count; i++)
        if (strcmp(t->k.program->functions[i]->symbol, symbol) == 0)
            return t->k.program->functions[i];
    bug("no task %s", symbol);
}

static struct typed_function *end(struct composing *t, struct compose *c, struct typed *value,
                                  const char *symbol)
{
    struct compose_name name = {symbol, symbol, symbol};
    struct typed_function *made = compose_end(c, value, &name);
    t->functions[t->k.program->function_count++] = made;
    return made;
}

/* outer(inner(...), ...): the first argument of `outer` is what `inner` gives. */
static struct typed_function *chain(struct composing *t, const char *symbol, const char *inner,
                                    const char *outer)
{
    struct compose c;
    struct typed *arguments[4];
    struct typed_function *a = task(t, inner), *b = task(t, outer);
    compose_begin(&c, t->module, a->span);
    for (uint32_t i = 0; i < a->parameter_count; i++)
        arguments[i] = compose_parameter(&c, a->parameters[i]);
    struct typed *between = compose_let(&c, compose_apply(&c, a, arguments));
    arguments[0] = between;
    for (uint32_t i = 1; i < b->parameter_count; i++)
        arguments[i] = compose_parameter(&c, b->parameters[i]);
    return end(t, &c, compose_apply(&c, b, arguments), symbol);
}

/* total([weigh(a, i) for i in low..high]), and the same as a reduction. */
static void compose_range(struct composing *t)
{
    struct compose c;
    compose_begin(&c, t->module, (struct span){.source = &t->k.source});
    const struct type *integer = type_scalar(t->module->types, WK_I64);
    struct typed *a = compose_new_parameter(&c, type_scalar(t->module->types, WK_F64), "a");
    struct typed *low = compose_new_parameter(&c, integer, "low");
    struct typed *high = compose_new_parameter(&c, integer, "high");
    struct variable *i = compose_loop(&c, "i");
    struct typed *body =
        compose_call(&c, task(t, "weigh"), (struct typed *[]){a, compose_read(&c, i)});
    struct typed *list = compose_let(&c, compose_comprehension(&c, i, low, high, body));
    struct typed *total = compose_apply(&c, task(t, "total"), &list);
    struct typed *tree = compose_reduce(&c, task(t, "add_two"), list, NULL, NULL, NULL);
    const struct type *parts[] = {total->type, tree->type};
    const struct type *pair = type_tuple(t->module->types, parts, NULL, 2);
    end(t, &c, compose_tuple(&c, pair, (struct typed *[]){total, tree}), "range");
}

/* branch(both(x).1) - both(x).0 */
static void compose_parts(struct composing *t)
{
    struct compose c;
    compose_begin(&c, t->module, (struct span){.source = &t->k.source});
    struct typed *x = compose_parameter(&c, task(t, "both")->parameters[0]);
    struct typed *pair = compose_let(&c, compose_apply(&c, task(t, "both"), &x));
    struct typed *root = compose_let(
        &c, compose_apply(&c, task(t, "branch"), (struct typed *[]){compose_part(&c, pair, 1)}));
    struct typed *value = compose_operation(&c, OPERATION_SUB, root, compose_part(&c, pair, 0));
    end(t, &c, value, "parts");
}

static void open(struct composing *t)
{
    kernels_begin(&t->k, program, 0);
    t->module = ir_module_new(&t->k.arena, &t->k.types, &t->k.source);
    memcpy(t->functions, t->k.program->functions,
           t->k.program->function_count * sizeof *t->functions);
    t->k.program->functions = t->functions;
}

static void check_reals(struct composing *t, const char *name, const uint64_t *arguments,
                        const double *expected, uint32_t count)
{
    CHECK_INT(kernels_call(&t->k, name, arguments), 0);
    const double *found = result_data(&t->k, 0);
    CHECK_INT(t->k.results[1], count);
    for (uint32_t i = 0; found && i < count; i++)
        CHECK_REAL(found[i], expected[i]);
}

static void test_chains(struct composing *t)
{
    enum { COUNT = 19 };
    double xs[COUNT], expected[COUNT], sum[COUNT];
    for (int i = 0; i < COUNT; i++) {
        xs[i] = 0.1 * i - 0.7;
        double y = xs[i] * 1.7 + 1.0;
        expected[i] = y * y - 3.0;
        sum[i] = expected[i] + xs[i];
    }
    check_reals(t, "two", WORDS(address_word(xs), COUNT, real_word(1.7)), expected, COUNT);
    check_reals(t, "three", WORDS(address_word(xs), COUNT, real_word(1.7), address_word(xs), COUNT),
                sum, COUNT);
    CHECK_REAL(call_real(&t->k, "roots_total", WORDS(address_word(sum), 0)), 0.0);
}

/* One statement is left of a chain that cannot fail; the rule of `plus` on extents that come from
 * outside became one of the whole. */
static void test_forms(struct typed_function *two, struct typed_function *three,
                       struct typed_function *division, struct typed_function *promise)
{
    CHECK_INT(two->body.count, 1);
    CHECK_INT(two->rule_count, 0);
    CHECK_INT(three->body.count, 1);
    CHECK_INT(three->rule_count, 1);
    CHECK_INT(division->body.count, 2);
    CHECK_INT(promise->body.statements[0]->value->kind, TYPED_CALL);
}

static void test_failing(struct composing *t)
{
    int64_t xs[] = {1, 2, 3}, ys[] = {1, 1, 0}, zs[] = {0, 1, 1};
    double reals[4] = {0};
    CHECK_FAILS(&t->k, "division",
                WORDS(address_word(xs), 3, address_word(ys), 3, address_word(zs), 3),
                ERR_division_by_zero, 5, 55, "division by zero: 3 / 0");
    CHECK_FAILS(&t->k, "division",
                WORDS(address_word(xs), 3, address_word(xs), 3, address_word(zs), 3),
                ERR_division_by_zero, 6, 56, "division by zero: 100 / 0");
    CHECK_FAILS(&t->k, "three", WORDS(address_word(reals), 4, 0, address_word(reals), 3),
                ERR_shape_mismatch, 3, 31,
                "the argument 'ys' of 'plus' has the extent 3 in dimension 0, expected n = 4");
    CHECK_FAILS(&t->k, "promised", WORDS(5), ERR_shape_mismatch, 14, 34,
                "the result of 'promise' has the extent 4 in dimension 0, expected n = 5");
}

static void test_values(struct composing *t)
{
    CHECK_REAL(call_real(&t->k, "range", WORDS(real_word(0.5), 3, 10)), 0.5 * (285 - 5));
    CHECK_REAL(word_real(t->k.results[1]), 0.5 * (285 - 5));
    CHECK_REAL(call_real(&t->k, "parts", WORDS(real_word(3.0))), sqrt(10.0) - 9.0);
    double xs[] = {1.0, 0.1, -7.3};
    CHECK_INT(kernels_call(&t->k, "thirds", WORDS(address_word(xs), 3)), 0);
    const float *thirds = result_data(&t->k, 0);
    for (int i = 0; i < 3; i++)
        CHECK_REAL(thirds[i], (float)xs[i] / 3.0f);
}

static void test_symbols(struct composing *t)
{
    const char *parts[] = {"f", "g"}, *other[] = {"fg"};
    const char *symbol = compose_symbol(&t->k.arena, "fuse", parts, 2, "0");
    CHECK_TEXT(symbol, compose_symbol(&t->k.arena, "fuse", parts, 2, "0"));
    CHECK(strncmp(symbol, "fuse.f.g.", 9) == 0);
    CHECK(strcmp(symbol, compose_symbol(&t->k.arena, "fuse", parts, 2, "1")) != 0);
    CHECK(strcmp(compose_symbol(&t->k.arena, "fuse", other, 1, ""),
                 compose_symbol(&t->k.arena, "fuse", parts, 2, "")) != 0);
}

static void compositions_at_every_level(void)
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct composing t;
        open(&t);
        struct typed_function *two = chain(&t, "two", "scale", "curve");
        struct typed_function *three = chain(&t, "three", "two", "plus");
        struct typed_function *division = chain(&t, "division", "first", "second");
        struct typed_function *promised = chain(&t, "promised", "promise", "curve");
        chain(&t, "roots_total", "roots", "total");
        chain(&t, "thirds", "narrow", "third");
        compose_range(&t);
        compose_parts(&t);
        test_forms(two, three, division, promised);
        kernels_link(&t.k, optimize);
        test_chains(&t);
        test_failing(&t);
        test_values(&t);
        test_symbols(&t);
        kernels_close(&t.k);
    }
}

TEST_MAIN(TEST(compositions_at_every_level))
