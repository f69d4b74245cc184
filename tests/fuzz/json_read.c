/*
 * Fuzzing the reader of JSON: any text as a value of several types. What is accepted is printed and
 * read again, which must give the same text; what is refused must leave nothing behind.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/context.h"
#include "value/json.h"
#include "value/json_read.h"
#include "value/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct context *context, const struct type *type,
                             const struct wk_layout *layout, const uint64_t *words)
{
    struct error error;
    uint64_t again[64];
    struct buffer text = {0}, second = {0};
    json_print(type, words, &text);
    if (json_read(&context->kernel, buffer_text(&text), text.length, NULL, type, again, &error))
        bug("what was printed cannot be read: %s", error.message);
    json_print(type, again, &second);
    if (strcmp(buffer_text(&text), buffer_text(&second)) != 0)
        bug("what was printed reads differently");
    wk_value_free(&context->kernel, layout, again);
    buffer_release(&text);
    buffer_release(&second);
}

/* The same of JSON lines, for arrays. */
static void try_lines(struct context *context, const struct type *type,
                      const struct wk_layout *layout, const uint8_t *data, size_t size)
{
    struct error error;
    uint64_t words[64];
    int code = json_read_lines(&context->kernel, (const char *)data, size, "fuzz.jsonl", type,
                               words, &error);
    if (code == 0) {
        check_round_trip(context, type, layout, words);
        wk_value_free(&context->kernel, layout, words);
    } else if (!error.message[0]) {
        bug("a refusal without a message");
    }
}

static void try_type(struct context *context, struct arena *arena, const struct type *type,
                     const uint8_t *data, size_t size)
{
    struct error error;
    uint64_t words[64];
    const struct wk_layout *layout = layout_of(type, arena);
    int code =
        json_read(&context->kernel, (const char *)data, size, "fuzz.json", type, words, &error);
    if (code == 0) {
        check_round_trip(context, type, layout, words);
        wk_value_free(&context->kernel, layout, words);
    } else if (!error.message[0]) {
        bug("a refusal without a message");
    }
    if (type->kind == TYPE_ARRAY)
        try_lines(context, type, layout, data, size);
    if (context->live_count)
        bug("%u blocks are left", context->live_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = {"str", "(i64, str)[_]", "map[str]f64[_]",
                                        "map[(i32, str)](str, map[i64]str)",
                                        "P{a: str, b: f64[_, _], c: map[bool]str}[_]"};
    static _Atomic(uint32_t) stop;
    struct memory_account account;
    struct context context;
    struct arena arena;
    struct type_table types;
    memory_account_init(&account, 0);
    context_init(&context, &account, &stop);
    arena_init(&arena);
    type_table_init(&types, &arena);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        try_type(&context, &arena, type_parse(&types, texts[i]), data, size);
    type_table_release(&types);
    arena_release(&arena);
    context_release(&context);
    return 0;
}
