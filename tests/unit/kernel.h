/*
 * For tests of kernels: from program text to calls.
 *
 *     struct kernels k;
 *     kernels_open(&k, "task twice(x: f64) -> f64 { return 2.0 * x }", 2);
 *     CHECK_REAL(call_real(&k, "twice", 1, (uint64_t[]){real_word(1.5)}), 3.0);
 *     kernels_close(&k);
 */
#ifndef WKC_TEST_KERNEL_H
#define WKC_TEST_KERNEL_H

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "check/check.h"
#include "link/link.h"
#include "syntax/parse.h"
#include "test.h"
#include "value/context.h"

enum { RESULT_WORDS = 32 };

struct kernels {
    struct arena arena;
    struct interner names;
    struct type_table types;
    struct diagnostics diagnostics;
    struct source source;
    struct typed_program *program;
    struct kernel_library library;
    struct memory_account account;
    struct context context;
    _Atomic(uint32_t) stop;
    char cache[32];
    uint64_t results[RESULT_WORDS]; /* of the last call */
    struct value_leaf leaves[RESULT_WORDS];
    uint32_t leaf_count;
};

static inline void print_diagnostics(const struct kernels *k)
{
    struct buffer text = {0};
    diagnostics_render(&k->diagnostics, DIAGNOSTIC_PLAIN, &text);
    fprintf(stderr, "%s", buffer_text(&text));
    buffer_release(&text);
}

static inline bool kernels_check(struct kernels *k)
{
    if (k->program)
        return true;
    struct ast_module *module = parse_source(&k->source, &k->arena, &k->names, &k->diagnostics);
    if (k->diagnostics.errors == 0)
        k->program = check_module(module, false, &k->arena, &k->types, &k->names, &k->diagnostics);
    return k->program != NULL;
}

/* Checks a text. The memory limit is in bytes; 0: none. */
static inline void kernels_begin(struct kernels *k, const char *text, uint64_t limit)
{
    memset(k, 0, sizeof *k);
    k->source = (struct source){.name = "test.wk", .text = text, .length = strlen(text)};
    arena_init(&k->arena);
    interner_init(&k->names, &k->arena);
    type_table_init(&k->types, &k->arena);
    diagnostics_init(&k->diagnostics);
    memory_account_init(&k->account, limit);
    context_init(&k->context, &k->account, &k->stop);
    strcpy(k->cache, "/tmp/wkc-test.XXXXXX");
    CHECK(mkdtemp(k->cache));
    CHECK(kernels_check(k));
}

/* Compiles all tasks of the program in a cache of its own. */
static inline void kernels_link(struct kernels *k, unsigned optimize)
{
    struct link_options options = {.kernel = {.optimize = optimize, .debug = true},
                                   .cache = k->cache};
    struct typed_function *tasks[200];
    uint32_t count = 0;
    for (uint32_t i = 0; kernels_check(k) && i < k->program->function_count; i++) {
        if (!k->program->functions[i]->is_flow)
            tasks[count++] = k->program->functions[i];
    }
    CHECK_INT(link_kernels(tasks, count, &options, &k->library, &k->diagnostics), 0);
    CHECK_INT(k->diagnostics.errors, 0);
    if (k->diagnostics.errors)
        print_diagnostics(k);
}

static inline void kernels_open_limited(struct kernels *k, const char *text, unsigned optimize,
                                        uint64_t limit)
{
    kernels_begin(k, text, limit);
    kernels_link(k, optimize);
}

static inline void kernels_open(struct kernels *k, const char *text, unsigned optimize)
{
    kernels_open_limited(k, text, optimize, 0);
}

static inline void kernels_drop_results(struct kernels *k)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < k->leaf_count; i++) {
        if (k->leaves[i].rank)
            context_drop(&k->context, block_of(k->results[word]));
        word += 1u + k->leaves[i].rank;
    }
    k->leaf_count = 0;
}

static inline void kernels_close(struct kernels *k)
{
    kernels_drop_results(k);
    CHECK_INT(k->context.live_count, 0);
    context_release(&k->context);
    CHECK_INT(k->account.used, 0); /* nothing leaked */
    if (k->library.path)
        unlink(k->library.path);
    rmdir(k->cache);
    kernel_library_close(&k->library);
    diagnostics_release(&k->diagnostics);
    type_table_release(&k->types);
    interner_release(&k->names);
    arena_release(&k->arena);
}

/* Calls a task; the status. Results stay in k->results until the next call. */
static inline int kernels_call(struct kernels *k, const char *name, const uint64_t *arguments)
{
    kernels_drop_results(k);
    wk_kernel *kernel = kernel_library_find(&k->library, name);
    const struct type *result = NULL;
    for (uint32_t i = 0; k->program && i < k->program->function_count; i++) {
        if (strcmp(k->program->functions[i]->symbol, name) == 0)
            result = k->program->functions[i]->result;
    }
    CHECK(kernel != NULL && result != NULL);
    if (!kernel || !result)
        return -1;
    value_leaves(result, k->leaves, &k->arena);
    int status =
        context_run(&k->context, kernel, arguments, k->leaves, result->leaf_count, k->results);
    k->leaf_count = status == 0 ? result->leaf_count : 0;
    return status;
}

static inline uint64_t real_word(double value)
{
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

static inline double word_real(uint64_t word)
{
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static inline uint64_t address_word(const void *data)
{
    return (uint64_t)(uintptr_t)data;
}

/* The data of the array that begins at word `at` of the results. */
static inline const void *result_data(const struct kernels *k, uint32_t at)
{
    return (const void *)(uintptr_t)k->results[at];
}

/* Calls that must succeed and have a scalar first. */
static inline int64_t call_int(struct kernels *k, const char *name, const uint64_t *arguments)
{
    int status = kernels_call(k, name, arguments);
    if (status)
        fprintf(stderr, "%s: %s\n", name, k->context.error.message);
    CHECK_INT(status, 0);
    return (int64_t)k->results[0];
}

static inline double call_real(struct kernels *k, const char *name, const uint64_t *arguments)
{
    return word_real((uint64_t)call_int(k, name, arguments));
}

/* A call that must fail with this code, at this line and column, with this message. */
static inline void check_failure(const char *file, int line, struct kernels *k, const char *name,
                                 const uint64_t *arguments, int code, uint32_t at_line,
                                 uint32_t at_column, const char *message)
{
    int status = kernels_call(k, name, arguments);
    test_int(file, line, "status", status, code);
    if (status != code)
        return;
    test_int(file, line, "line", k->context.error.place.line, at_line);
    test_int(file, line, "column", k->context.error.place.column, at_column);
    test_text(file, line, "message", k->context.error.message, message);
}

#define CHECK_FAILS(k, name, arguments, code, at_line, at_column, message)                         \
    check_failure(__FILE__, __LINE__, k, name, arguments, code, at_line, at_column, message)

/* Bits are compared: NaN equals NaN, and -0.0 differs from 0.0. */
#define CHECK_REAL(found, expected) test_real(__FILE__, __LINE__, #found, found, expected)

static inline void test_real(const char *file, int line, const char *what, double found,
                             double expected)
{
    if (real_word(found) == real_word(expected))
        return;
    test_failures++;
    fprintf(stderr, "%s:%d: %s is %.17g, expected %.17g\n", file, line, what, found, expected);
}

#define WORDS(...) ((const uint64_t[]){__VA_ARGS__})

/* The last call's result at this word is an array of rank 1 with these integers. */
static inline void check_ints(const struct kernels *k, int line, uint32_t word,
                              const int64_t *expected, size_t count)
{
    const int64_t *found = result_data(k, word);
    test_int(__FILE__, line, "extent", (int64_t)k->results[word + 1], (int64_t)count);
    for (size_t i = 0; i < count && (int64_t)count == (int64_t)k->results[word + 1]; i++)
        test_int(__FILE__, line, "element", found[i], expected[i]);
}
#define CHECK_INTS(...)                                                                            \
    check_ints(&k, __LINE__, 0, (const int64_t[]){__VA_ARGS__},                                    \
               sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static inline void kernels_at_every_level(struct kernels *k, const char *program,
                                          void (*test)(void))
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        kernels_open(k, program, optimize);
        test();
        kernels_close(k);
    }
}
/* Makes the test name_at_every_level, with the file's `k` and `program`. */
#define AT_EVERY_LEVEL(name)                                                                       \
    static void name##_at_every_level(void)                                                        \
    {                                                                                              \
        kernels_at_every_level(&k, program, name);                                                 \
    }

#endif
