/*
 * Producers that several readers repeat (flow/repeat.h): which tasks are called at the end of
 * `each` and `fuse`, of whole programs. What they compute, programs show (tests/run/repeated.wk).
 */
#include "check_program.h"

#include "flow/build.h"
#include "flow/pass.h"
#include "flow/remark.h"

/* The names of the tasks that main and its comprehensions call, in order: "load, scale + norm". */
static void list_calls(const struct ir_module *module, struct buffer *out)
{
    for (uint32_t f = 0; f < module->function_count; f++) {
        const struct ir_function *function = module->functions[f];
        for (uint32_t n = 0; n < function->blocks[0].count; n++) {
            const struct ir_instruction *i = function->blocks[0].instructions[n];
            if (i->opcode == IR_CALL)
                buffer_printf(out, "%s%s", out->length ? ", " : "",
                              module->kernels[i->callee]->name);
        }
    }
}

#define TASKS                                                                                      \
    "task load(i: int) -> f64[64] { return [f64(i) + 0.5 for k in 0..64] }\n"                      \
    "task scale(xs: f64[n]) -> f64[n] { return xs * 0.5 }\n"                                       \
    "task listed(xs: f64[n]) -> f64[n] { return [x + 1.0 for x in xs] }\n"                         \
    "task heavy(xs: f64[n]) -> f64[n] { return exp(xs) }\n"                                        \
    "task narrow(xs: f64[n]) -> f32[n] { return [f32(x) for x in xs] }\n"                          \
    "task wide(xs: f32[n]) -> f64[n] { return [f64(x) for x in xs] }\n"                            \
    "task plus(xs: f64[n], ys: f64[n]) -> f64[n] { return xs + ys }\n"                             \
    "task norm(xs: f64[n]) -> f64 { return sum(xs * xs) }\n"                                       \
    "task total(xs: f64[n]) -> f64 { return sum(xs) }\n"                                           \
    "task small(xs: f32[n]) -> f32 { return sum(xs) }\n"                                           \
    "task little(xs: f32[n]) -> f32 { return sum(xs * xs) }\n"                                     \
    "task mean(xs: f64[n], s: f64) -> f64 { return sum(xs) / s }\n"                                \
    "task first(xs: f64[n]) -> f64 { return xs[0] }\n"                                             \
    "task half(x: f64) -> f64 { return x * 0.5 }\n"                                                \
    "task root(x: f64) -> f64 { return sqrt(x) }\n"                                                \
    "task cube(x: f64) -> f64 { return x * x * x }\n"                                              \
    "@retry(2) task careful(xs: f64[n]) -> f64 { return sum(xs) }\n"                               \
    "task noisy(xs: f64[n]) -> f64[n] { log(\"noisy\"); return xs * 0.5 }\n"

static void calls(const char *body, const char *expected, const char *remark)
{
    char program[4000];
    snprintf(program, sizeof program, TASKS "%s", body);
    struct checked checked;
    struct buffer names = {0}, remarks = {0};
    struct error error = {0};
    checked_init(&checked, program, true);
    CHECK(checked.program != NULL);
    if (checked.program) {
        struct ir_module *module = lower_program(checked.program, &checked.arena);
        struct ir_pass_options options = {.level = 2, .verify_each = true, .stop_after = "fuse"};
        CHECK_TEXT(ir_run_passes(module, &options, &error) ? error.message : "", "");
        pass_unused(module);
        list_calls(module, &names);
        ir_render_remarks(module, DIAGNOSTIC_PLAIN, &remarks);
    }
    CHECK_TEXT(buffer_text(&names), expected);
    CHECK_TEXT(strstr(buffer_text(&remarks), remark) ? remark : buffer_text(&remarks), remark);
    buffer_release(&names);
    buffer_release(&remarks);
    checked_release(&checked);
}

#define XS "flow main(xs: f64[n], ys: f64[n]) -> (f64, f64) {\n"

/* A few operations an element, of one value that is no larger. */
static void light_producers_are_repeated(void)
{
    calls(XS "    let y = scale(xs)\n    return (norm(y), total(y))\n}\n",
          "scale + norm, scale + total", "`scale` is computed by each of the 2 tasks that read it");
    calls(XS "    let y = listed(xs)\n    return (norm(y), mean(y, 2.0))\n}\n",
          "listed + norm, listed + mean", "`listed` is computed by each of the 2");
    calls(XS "    let y = listed(scale(xs))\n    return (norm(y), total(scale(y)))\n}\n",
          "scale + listed + norm, scale + listed + scale + total", "each of the 2");
    calls(XS "    let y = load(1)\n    return (norm(y), total(y))\n}\n",
          "load + norm, load + total", "`load` is computed by each of the 2");
    calls(XS "    let y = half(xs[0])\n    return (root(y), cube(y))\n}\n",
          "half + root, half + cube", "`half` is computed by each of the 2");
}

static void other_producers_are_not(void)
{
    calls(XS "    let y = heavy(xs)\n    return (norm(y), total(y))\n}\n", "heavy, norm, total",
          "");
    calls(XS "    let y = plus(xs, ys)\n    return (norm(y), total(y))\n}\n", "plus, norm, total",
          "");
    calls("flow main(xs: f64[n]) -> (f32, f32) {\n    let y = narrow(xs)\n"
          "    return (small(y), little(y))\n}\n",
          "narrow, small, little", "");
    calls("flow main(xs: f32[n]) -> (f64, f64) {\n    let y = wide(xs)\n"
          "    return (norm(y), total(y))\n}\n",
          "wide + norm, wide + total", "");
    calls(XS "    let y = noisy(xs)\n    return (norm(y), total(y))\n}\n", "noisy, norm, total",
          "");
}

/* Each reader has to take it: one that does not keeps it apart for all. */
static void all_readers_repeat_or_none(void)
{
    calls(XS "    let y = scale(xs)\n    return (norm(y), first(y))\n}\n", "scale, norm, first",
          "");
    calls(XS "    let y = scale(xs)\n    return (norm(y), careful(y))\n}\n", "scale, norm, careful",
          "");
    calls("flow main(xs: f64[n]) -> (f64, f64, f64[_]) {\n    let y = scale(xs)\n"
          "    return (norm(y), total(y), y)\n}\n",
          "scale, norm, total", "");
    calls("flow main(xs: f64[n]) -> (f64, f64, f64, f64, f64) {\n    let y = scale(xs)\n"
          "    return (norm(y), total(y), mean(y, 1.0), mean(y, 2.0), mean(y, 3.0))\n}\n",
          "scale, norm, total, mean, mean, mean", "");
}

/* The same of comprehensions over the same space, at their own elements. */
static void comprehensions_are_repeated(void)
{
#define IN(result) "flow main(n: int) -> " result " {\n    let x = [load(i) for i in 0..n]\n"
    calls(
        IN("(f64[_], f64[_])") "    return ([norm(t) for t in x], [mean(t, 2.0) for t in x])\n}\n",
        "load + norm, load + mean", "each of the 2 comprehensions that read this one");
    calls(IN("(f64[_], f64[_])") "    let y = [listed(t) for t in x]\n"
                                 "    return ([norm(t) for t in y], [total(t) for t in y])\n}\n",
          "load + listed + norm, load + listed + total", "each of the 2 comprehensions");
    calls(IN("(f64[_], f64[_])") "    let y = [heavy(t) for t in x]\n"
                                 "    return ([norm(t) for t in y], [total(t) for t in y])\n}\n",
          "norm, total, load + heavy", "");
    calls(IN("(f64[_], f64)") "    return ([norm(t) for t in x], total(x[0]))\n}\n",
          "total, load, norm", "");
    calls(IN("(f64[_], f64[_])") "    return ([norm(t) for t in x], [total(x[n - 1 - i]) for i in "
                                 "0..n])\n}\n",
          "load, norm, total", "");
    calls(IN("(f64[_], f64[_])") "    return ([norm(t) for t in x], [careful(t) for t in x])\n}\n",
          "load, norm, careful", "");
}

TEST_MAIN(TEST(light_producers_are_repeated), TEST(other_producers_are_not),
          TEST(all_readers_repeat_or_none), TEST(comprehensions_are_repeated))
