/* Every operation on every scalar type, and every conversion, compiled at -O0 and -O2: the bits, or
 * the failure, that value/semantics.c gives for the same operands. */
#include <stdlib.h>

#include <unistd.h>

#include "base/arena.h"
#include "base/hash.h"
#include "link/link.h"
#include "test.h"
#include "value/context.h"
#include "value/semantics.h"

struct trial {
    struct typed_function *function;
    enum operation operation; /* NONE: a conversion */
    enum wk_scalar from, to;
    uint32_t arity;
};

struct setup {
    struct arena arena;
    struct type_table types;
    struct source source;
    struct trial *trials;
    uint32_t count;
};

static struct variable *parameter(struct setup *s, uint32_t index, const struct type *type)
{
    struct variable *variable = arena_new(&s->arena, struct variable);
    *variable = (struct variable){.kind = VARIABLE_PARAMETER,
                                  .name = index == 0   ? "x"
                                          : index == 1 ? "y"
                                                       : "z",
                                  .type = type,
                                  .index = index};
    return variable;
}

/* task NAME(x: from, …) -> to { return x op y } */
static void add_trial(struct setup *s, enum operation operation, enum wk_scalar from,
                      enum wk_scalar to, uint32_t arity)
{
    struct span span = {&s->source, 0, 4};
    struct typed *value = arena_new(&s->arena, struct typed);
    value->kind = operation == OPERATION_NONE ? TYPED_CONVERT : TYPED_OPERATION;
    value->type = type_scalar(&s->types, to);
    value->span = value->operator_span = span;
    value->operation = operation;
    value->operand_count = arity;
    struct typed_function *f = arena_new(&s->arena, struct typed_function);
    f->parameters = arena_array(&s->arena, struct variable *, arity);
    for (uint32_t i = 0; i < arity; i++) {
        f->parameters[i] = parameter(s, i, type_scalar(&s->types, from));
        struct typed *operand = arena_new(&s->arena, struct typed);
        operand->kind = TYPED_VARIABLE;
        operand->type = f->parameters[i]->type;
        operand->variable = f->parameters[i];
        value->operands[i] = operand;
    }
    struct typed_statement *statement = arena_new(&s->arena, struct typed_statement);
    *statement = (struct typed_statement){.kind = STATEMENT_RETURN, .span = span};
    statement->value = value;
    f->name = "trial";
    f->symbol = arena_printf(&s->arena, "trial.%u", s->count);
    f->span = span;
    f->parameter_count = f->variable_count = arity;
    f->result = value->type;
    f->body.statements = arena_copy(&s->arena, &statement, sizeof statement);
    f->body.count = 1;
    s->trials[s->count++] = (struct trial){f, operation, from, to, arity};
}

static void setup_open(struct setup *s)
{
    *s = (struct setup){.source = {.name = "trial.wk", .text = "task trial", .length = 10}};
    arena_init(&s->arena);
    type_table_init(&s->types, &s->arena);
    s->trials = arena_array(&s->arena, struct trial, OPERATION_COUNT * WK_SCALAR_COUNT + 200);
    for (int o = OPERATION_NONE + 1; o < OPERATION_COUNT; o++) {
        for (int scalar = 0; scalar < WK_SCALAR_COUNT; scalar++) {
            enum operation operation = (enum operation)o;
            enum wk_scalar from = (enum wk_scalar)scalar;
            if (operation_accepts(operation, from))
                add_trial(s, operation, from, operation_result(operation, from),
                          operation_arity(operation));
        }
    }
    for (int from = 0; from < WK_SCALAR_COUNT; from++) {
        for (int to = 1; to < WK_SCALAR_COUNT; to++)
            add_trial(s, OPERATION_NONE, (enum wk_scalar)from, (enum wk_scalar)to, 1);
    }
}

static void setup_close(struct setup *s)
{
    type_table_release(&s->types);
    arena_release(&s->arena);
}

/* A linear congruence (Knuth's MMIX constants): the same operands in every run. */
static uint64_t random_word(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return hash_mix(*state);
}

static uint64_t edge_word(enum wk_scalar scalar, unsigned which)
{
    static const double doubles[] = {0.0,
                                     -0.0,
                                     1.0,
                                     -1.0,
                                     0.5,
                                     2.5,
                                     -2.5,
                                     1e308,
                                     -1e-308,
                                     300.0,
                                     9223372036854775808.0,
                                     4294967296.0,
                                     -2147483649.0};
    unsigned bits = wk_scalar_bytes(scalar) * 8;
    uint64_t word = 0;
    double real = which < 13 ? doubles[which] : which == 13 ? 1.0 / 0.0 : 0.0 / 0.0;
    float single = (float)real;
    if (scalar == WK_F64)
        memcpy(&word, &real, sizeof real);
    else if (scalar == WK_F32)
        memcpy(&word, &single, sizeof single);
    else if (which < 4)
        word = which == 3 ? UINT64_MAX : which;
    else
        word = (UINT64_C(1) << (bits - 1)) - (which & 1) + (which & 2) * which;
    return word;
}

/* A word as the ABI has it: truncated and extended to its type. */
static uint64_t operand_word(enum wk_scalar scalar, uint64_t *state)
{
    uint64_t random = random_word(state);
    uint64_t word =
        random % 3 == 0 ? edge_word(scalar, (unsigned)(random >> 8) % 15) : random_word(state);
    if (random % 3 == 1 && scalar < WK_F32)
        word = (uint64_t)((int64_t)(word % 41) - 20);
    unsigned unused = 64 - wk_scalar_bytes(scalar) * 8;
    if (scalar == WK_BOOL)
        return word & 1;
    if (scalar == WK_F32)
        return word & UINT32_MAX;
    if (scalar >= WK_I8 && scalar <= WK_I64)
        return (uint64_t)((int64_t)(word << unused) >> unused);
    return word << unused >> unused;
}

static void run_trial(const struct trial *trial, wk_kernel *kernel, struct context *context,
                      uint64_t *state)
{
    uint64_t operands[3], expected = 0, found = 0;
    struct error error = {0};
    for (uint32_t i = 0; i < trial->arity; i++)
        operands[i] = operand_word(trial->from, state);
    int code = trial->operation == OPERATION_NONE
                   ? semantics_convert(trial->from, trial->to, operands[0], &expected, &error)
                   : semantics_evaluate(trial->operation, trial->from, operands, &expected, &error);
    expected = semantics_canonical(trial->to, expected);
    struct value_leaf leaf = {.scalar = trial->to, .words = 1};
    int status = context_run(context, kernel, operands, &leaf, 1, &found);
    if (status == code &&
        (code ? strcmp(context->error.message, error.message) == 0 : found == expected))
        return;
    const char *name = trial->operation ? operation_mnemonic(trial->operation) : "convert";
    fprintf(stderr,
            "%s of %s to %s: operands %" PRIx64 " %" PRIx64 " %" PRIx64 ": found %d %" PRIx64
            " \"%s\", expected %d %" PRIx64 " \"%s\"\n",
            name, wk_scalar_text(trial->from), wk_scalar_text(trial->to), operands[0],
            trial->arity > 1 ? operands[1] : 0, trial->arity > 2 ? operands[2] : 0, status, found,
            context->error.message, code, expected, error.message);
    test_failures++;
}

static void run_trials(unsigned optimize)
{
    struct setup s;
    setup_open(&s);
    struct typed_function **tasks = calloc(s.count, sizeof *tasks);
    for (uint32_t i = 0; i < s.count; i++)
        tasks[i] = s.trials[i].function;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    char cache[] = "/tmp/wkc-test.XXXXXX";
    CHECK(mkdtemp(cache));
    struct link_options options = {.kernel = {.optimize = optimize}, .cache = cache};
    struct kernel_library library;
    CHECK_INT(link_kernels(tasks, s.count, &options, &library, &diagnostics), 0);
    CHECK_INT(diagnostics.errors, 0);
    _Atomic(uint32_t) stop = 0;
    struct memory_account account;
    struct context context;
    memory_account_init(&account, 0);
    context_init(&context, &account, &stop);
    uint64_t state = 42;
    for (uint32_t i = 0; i < s.count && library.handle; i++) {
        wk_kernel *kernel = kernel_library_find(&library, s.trials[i].function->symbol);
        CHECK(kernel != NULL);
        for (int n = 0; kernel && n < 400; n++)
            run_trial(&s.trials[i], kernel, &context, &state);
    }
    context_release(&context);
    if (library.path) {
        unlink(library.path);
        rmdir(cache);
    }
    kernel_library_close(&library);
    diagnostics_release(&diagnostics);
    free(tasks);
    setup_close(&s);
}

static void operations_agree_without_optimization(void)
{
    run_trials(0);
}

static void operations_agree_with_optimization(void)
{
    run_trials(2);
}

TEST_MAIN(TEST(operations_agree_without_optimization), TEST(operations_agree_with_optimization))
