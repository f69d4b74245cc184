/*
 * Fuzzing the reader of tables of records: any text, as it is and behind a header that fits. What
 * is accepted is printed and read again, which must give an equal value; what is refused says why.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/context.h"
#include "value/csv_records.h"
#include "value/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct setting {
    struct context context;
    const struct type *type;
    const struct wk_layout *layout;
};

static void check_round_trip(struct setting *s, const uint64_t *words)
{
    struct error error;
    struct buffer text = {0};
    uint64_t again[2];
    csv_print_header(s->type, &text);
    csv_print_records(s->type, words, 0, (int64_t)words[1], &text);
    if (csv_read_records(&s->context.kernel, buffer_text(&text), text.length, "printed", s->type,
                         again, &error))
        bug("what was printed cannot be read: %s", error.message);
    if (!wk_value_equal(s->layout, words, again) && !strstr(buffer_text(&text), "nan"))
        bug("what was printed reads differently");
    wk_value_free(&s->context.kernel, s->layout, again);
    buffer_release(&text);
}

static void try_text(struct setting *s, const char *header, const uint8_t *data, size_t size)
{
    struct error error = {0};
    uint64_t words[2];
    size_t begin = strlen(header);
    /* In memory of its own, so that a byte read behind the closing zero is seen. */
    char *text = memory_new(begin + size + 1, 1);
    memcpy(text, header, begin);
    memcpy(text + begin, data, size);
    if (csv_read_records(&s->context.kernel, text, begin + size, "fuzz.csv", s->type, words,
                         &error) == 0) {
        check_round_trip(s, words);
        wk_value_free(&s->context.kernel, s->layout, words);
        if (s->context.live_count)
            bug("%u blocks are left", s->context.live_count);
    } else if (!error.message[0]) {
        bug("a refusal without a message");
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *type, *header;
    } cases[] = {{"A{a: str}[_]", "a\n"},
                 {"B{a: i64, b: str, c: f64, d: bool}[_]", "d,x,b,a,\"c\"\r\n"},
                 {"(a: u8, b: f32)[_]", "b,a\n"}};
    if (size && memchr(data, 0, size))
        return 0; /* who reads files has refused it */
    static _Atomic(uint32_t) stop;
    struct memory_account account;
    struct arena arena;
    struct type_table types;
    memory_account_init(&account, 0);
    arena_init(&arena);
    type_table_init(&types, &arena);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setting s = {.type = type_parse(&types, cases[i].type)};
        s.layout = layout_of(s.type, &arena);
        context_init(&s.context, &account, &stop);
        try_text(&s, "", data, size);
        try_text(&s, cases[i].header, data, size);
        context_release(&s.context);
    }
    type_table_release(&types);
    arena_release(&arena);
    return 0;
}
