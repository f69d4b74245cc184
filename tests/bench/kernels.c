/* Kernels in .wk against the same in C by clang -O3 with the same baseline. */
#include <math.h>
#include <string.h>

#include "base/diagnostic.h"
#include "bench.h"
#include "check/check.h"
#include "kernels_peer.h"
#include "link/link.h"
#include "syntax/parse.h"
#include "value/context.h"

enum { LENGTH = 65536, SIDE = 512, BODIES = 5 };

static struct kernel_library library;
static struct memory_account account;
static struct context context;
static _Atomic(uint32_t) stop;
static double *array_a, *array_b;
static volatile double sink;

struct work {
    const char *task;
    uint64_t arguments[16];
    struct value_leaf result;
    wk_kernel *kernel;
};

static uint64_t bits(double x)
{
    uint64_t word;
    memcpy(&word, &x, 8);
    return word;
}

static uint64_t address(const double *data)
{
    return (uint64_t)(uintptr_t)data;
}

static uint64_t run(struct work *work)
{
    uint64_t results[8];
    if (context_run(&context, work->kernel, work->arguments, &work->result, 1, results)) {
        fprintf(stderr, "%s: %s\n", work->task, context.error.message);
        exit(1);
    }
    return results[0];
}

static void ours(void *data)
{
    struct work *work = data;
    uint64_t word = run(work);
    if (work->result.rank)
        context_drop(&context, block_of(word));
}

static void dot(void *data)
{
    (void)data;
    sink = peer_dot(array_a, array_b, LENGTH);
}
static void stencil(void *data)
{
    (void)data;
    free(peer_stencil(array_a, SIDE, LENGTH / SIDE * 4));
}
static void nbody(void *data)
{
    (void)data;
    free(peer_nbody(array_a, array_b, array_a + 100, BODIES, 20000, 1e-6));
}
static void mandelbrot(void *data)
{
    (void)data;
    sink = (double)peer_mandelbrot(200, 160, 500);
}
static void sieve(void *data)
{
    (void)data;
    sink = (double)peer_sieve(2000000);
}
static void maths(void *data)
{
    (void)data;
    free(peer_maths(array_a, LENGTH));
}
static void maths_scalar(void *data)
{
    (void)data;
    sink = peer_maths_scalar(0.5, 100000);
}

static struct typed_program *compile(const char *path, struct arena *arena, struct type_table *types,
                                     struct interner *names, struct diagnostics *diagnostics)
{
    struct source *source = source_read(path, arena, diagnostics);
    struct ast_module *module = source ? parse_source(source, arena, names, diagnostics) : NULL;
    return module ? check_module(module, false, arena, types, names, diagnostics) : NULL;
}

static void load(const char *path)
{
    static struct arena arena;
    static struct type_table types;
    static struct interner names;
    struct diagnostics diagnostics;
    struct typed_function *tasks[64];
    uint32_t count = 0;
    arena_init(&arena);
    type_table_init(&types, &arena);
    interner_init(&names, &arena);
    diagnostics_init(&diagnostics);
    struct typed_program *program = compile(path, &arena, &types, &names, &diagnostics);
    for (uint32_t i = 0; program && i < program->function_count; i++)
        if (!program->functions[i]->is_flow)
            tasks[count++] = program->functions[i];
    struct link_options options = {.kernel = {.optimize = 2, .debug = true}};
    if (!program || link_kernels(tasks, count, &options, &library, &diagnostics)) {
        struct buffer text = {0};
        diagnostics_render(&diagnostics, DIAGNOSTIC_PLAIN, &text);
        fputs(buffer_text(&text), stderr);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    load(argc > 1 ? argv[1] : "tests/bench/kernels.wk");
    memory_account_init(&account, 0);
    context_init(&context, &account, &stop);
    array_a = memory_try(LENGTH * 4 * 8, 64);
    array_b = memory_try(LENGTH * 4 * 8, 64);
    for (int64_t i = 0; i < LENGTH * 4; i++) {
        array_a[i] = 0.5 + (double)(i * 7919 % 1009) / 100;
        array_b[i] = (double)(i * 104729 % 997) / 1000;
    }
    const struct value_leaf scalar = {.scalar = WK_F64, .words = 1},
                            whole = {.scalar = WK_I64, .words = 1},
                            vector = {WK_F64, 1, true, false, 2, 8, NULL},
                            matrix = {WK_F64, 2, true, false, 3, 8, NULL};
    struct {
        struct work work;
        double units;
        void (*peer)(void *);
    } pairs[] = {
        {{"dot", {address(array_a), LENGTH, address(array_b), LENGTH}, scalar, NULL}, LENGTH, dot},
        {{"stencil", {address(array_a), SIDE, LENGTH / SIDE * 4}, matrix, NULL}, LENGTH * 4, stencil},
        {{"nbody",
          {address(array_a), BODIES, 3, address(array_b), BODIES, 3, address(array_a + 100), BODIES,
           20000, bits(1e-6)},
          matrix,
          NULL},
         20000,
         nbody},
        {{"mandelbrot", {200, 160, 500}, whole, NULL}, 200 * 160, mandelbrot},
        {{"sieve", {2000000}, whole, NULL}, 2000000, sieve},
        {{"maths", {address(array_a), LENGTH}, vector, NULL}, LENGTH, maths},
        {{"maths_scalar", {bits(0.5), 100000}, scalar, NULL}, 100000, maths_scalar},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct work *work = &pairs[i].work;
        work->kernel = kernel_library_find(&library, work->task);
        if (!work->kernel) {
            fprintf(stderr, "no task %s\n", work->task);
            return 1;
        }
        char name[64];
        snprintf(name, sizeof name, "kernel %s", work->task);
        bench_pair(name, "clang -O3", 31, pairs[i].units, ours, pairs[i].peer, work);
    }
    context_release(&context);
    kernel_library_close(&library);
    return 0;
}
