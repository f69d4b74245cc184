/* The other outputs of the code generator, and properties of the code that results cannot show:
 * loops are vectorized, nothing is contracted, another target works. */
#include <elf.h>

#include "kernel.h"

static const char program[] =
    "task scaled(a: f64, x: f64[n], y: f64[n]) -> f64[n] { return a*x + y }\n"
    "task stencil(u: f64[h, w]) -> f64[h, w] {\n"
    "    var v = u\n"
    "    for i in 1..h - 1 {\n"
    "        for j in 1..w - 1 {\n"
    "            v[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])\n"
    "        }\n"
    "    }\n"
    "    return v\n"
    "}\n"
    "task part(a: int[n], low: int, high: int) -> int {\n"
    "    var s = 0\n"
    "    for i in low..high { s += a[i] }\n"
    "    return s\n"
    "}\n"
    "task total(x: f64[n], y: f64[n]) -> f64 { return sum(x * y) }\n"
    "task grown(x: f64[n]) -> f64[n] { return [exp(v) for v in x] }\n"
    "task least(x: f64[n]) -> f64 { return min(x) }\n"
    "task product(a: f64[m, k], b: f64[k, n]) -> f64[m, n] { return a @ b }\n"
    "task sieve(n: int) -> int {\n"
    "    var prime: bool[_] = fill(true, n)\n"
    "    var count = 0\n"
    "    for i in 2..n {\n"
    "        if prime[i] {\n"
    "            count += 1\n"
    "            for k in range(i * i, n, i) { prime[k] = false }\n"
    "        }\n"
    "    }\n"
    "    return count\n"
    "}\n";

static struct kernels k;

/* The output for one task, which the caller releases. */
static struct buffer emit(const char *task, unsigned optimize, const char *target,
                          enum kernel_output form)
{
    struct buffer output = {0};
    struct link_options options = {.kernel = {.optimize = optimize, .target = target}};
    for (uint32_t i = 0; i < k.program->function_count; i++) {
        if (strcmp(k.program->functions[i]->symbol, task) == 0)
            CHECK_INT(
                link_emit(&k.program->functions[i], 1, &options, form, &output, &k.diagnostics), 0);
    }
    CHECK(output.length > 0);
    return output;
}

static void check_assembly(const char *task, const char *present, const char *absent)
{
    struct buffer text = emit(task, 2, "x86_64-linux-gnu", KERNEL_ASSEMBLY);
    if (!strstr(buffer_text(&text), present)) {
        fprintf(stderr, "%s: no %s\n", task, present);
        test_failures++;
    }
    if (strstr(buffer_text(&text), absent)) {
        fprintf(stderr, "%s: %s\n", task, absent);
        test_failures++;
    }
    buffer_release(&text);
}

static void loops_are_vectorized_and_not_contracted(void)
{
    kernels_open(&k, program, 0);
    check_assembly("scaled", "vmulpd", "vfmadd");
    check_assembly("stencil", "vmulpd", "vfmadd");
    check_assembly("part", "vpaddq", "divq");
    check_assembly("total", "vaddpd", "vfmadd");
    check_assembly("grown", "wk_exp_x4", "callq\texp@");
    check_assembly("least", "vminpd", "fmin");
    check_assembly("product", "vmulpd", "vfmadd");
    kernels_close(&k);
}

/* The stores of its inner loop add the array's address and the index: there is no pointer that
 * would be counted up beside the index, in both loops. */
static void a_sieve_counts_nothing_twice(void)
{
    static const char store[] = "movb\t$0, (";
    int stores = 0;
    kernels_open(&k, program, 0);
    struct buffer text = emit("sieve", 2, "x86_64-linux-gnu", KERNEL_ASSEMBLY);
    for (const char *at = buffer_text(&text); (at = strstr(at, store)) != NULL; stores++) {
        at += sizeof store - 1;
        size_t length = strcspn(at, ",)");
        CHECK(at[length] == ',');
    }
    CHECK(stores > 0);
    buffer_release(&text);
    kernels_close(&k);
}

static void code_for_another_machine_is_made(void)
{
    kernels_open(&k, program, 0);
    for (uint32_t i = 0; i < k.program->function_count; i++) {
        for (unsigned optimize = 0; optimize <= 2; optimize += 2) {
            struct buffer object =
                emit(k.program->functions[i]->symbol, optimize, "aarch64-linux-gnu", KERNEL_OBJECT);
            Elf64_Ehdr header = {0};
            if (object.length >= sizeof header)
                memcpy(&header, object.data, sizeof header);
            CHECK_INT(header.e_type, ET_REL);
            CHECK_INT(header.e_machine, EM_AARCH64);
            buffer_release(&object);
        }
    }
    kernels_close(&k);
}

static void an_unknown_machine_is_refused(void)
{
    kernels_open(&k, program, 0);
    struct buffer output = {0};
    struct link_options options = {.kernel = {.target = "vax-dec-ultrix"}};
    CHECK_INT(link_emit(k.program->functions, 1, &options, KERNEL_LLVM, &output, &k.diagnostics),
              ERR_code_generator);
    CHECK_INT(k.diagnostics.errors, 1);
    CHECK_INT(output.length, 0);
    kernels_close(&k);
}

static void text_is_printed(void)
{
    kernels_open(&k, program, 0);
    struct buffer text = emit("total", 2, NULL, KERNEL_LLVM);
    CHECK(strstr(buffer_text(&text), "define i32 @wk_task_total(") != NULL);
    CHECK(strstr(buffer_text(&text), "fadd <8 x double>") != NULL);
    CHECK(strstr(buffer_text(&text), " fast ") == NULL);
    buffer_release(&text);
    kernels_close(&k);
}

/* Whether a task of so many assignments, a declaration and a return describes its variable. */
static bool describes_variables(unsigned assignments)
{
    struct buffer source = {0};
    buffer_puts(&source, "task chain(n: int) -> int {\n    var s = n\n");
    for (unsigned i = 0; i < assignments; i++)
        buffer_puts(&source, "    s = s * 3 + 1\n");
    buffer_puts(&source, "    return s\n}\n");
    kernels_open(&k, buffer_text(&source), 0);
    struct buffer output = {0};
    struct link_options options = {.kernel = {.optimize = 0, .debug = true}};
    CHECK_INT(link_emit(k.program->functions, 1, &options, KERNEL_LLVM, &output, &k.diagnostics),
              0);
    bool describes = strstr(buffer_text(&output), "DILocalVariable(name: \"s\"") != NULL;
    CHECK(strstr(buffer_text(&output), "!DILocation(line: 3,") != NULL);
    buffer_release(&output);
    kernels_close(&k);
    buffer_release(&source);
    return describes;
}

/* LLVM's time for them is quadratic in the assignments that it folds into one. */
static void variables_of_enormous_tasks_are_not_described(void)
{
    CHECK(describes_variables(100));
    CHECK(!describes_variables(4000));
}

TEST_MAIN(TEST(loops_are_vectorized_and_not_contracted), TEST(a_sieve_counts_nothing_twice),
          TEST(code_for_another_machine_is_made), TEST(an_unknown_machine_is_refused),
          TEST(text_is_printed), TEST(variables_of_enormous_tasks_are_not_described))
