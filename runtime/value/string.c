/* Strings; see string.h. At the end: what kernels call. */
#include "value/string.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "value/context.h"
#include "value/semantics.h"
#include "value/short_text.h"

/* Whether eight bytes are ASCII. */
static bool is_ascii(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return !(word & UINT64_C(0x8080808080808080));
}

/* Whether fewer than eight bytes are. */
static bool is_ascii_short(const char *text, uint64_t length)
{
    uint32_t a = 0, b = 0;
    if (length >= 4) {
        memcpy(&a, text, 4);
        memcpy(&b, text + length - 4, 4);
        return !((a | b) & UINT32_C(0x80808080));
    }
    return length == 0 || !((text[0] | text[length / 2] | text[length - 1]) & 0x80);
}

static __attribute__((noinline)) uint64_t check_from(const char *text, uint64_t length, uint64_t at)
{
    while (at < length) {
        if (length - at >= sizeof(uint64_t) && is_ascii(text + at)) {
            at += sizeof(uint64_t);
            continue;
        }
        size_t step = utf8_length(text + at, length - at);
        if (step == 0)
            return at;
        at += step;
    }
    return at;
}

/* ASCII, of words that overlap at the end; from the first other byte on character by character. */
static inline uint64_t check_text(const char *text, uint64_t length)
{
    uint64_t at = 0, word = sizeof(uint64_t);
    if (short_text_has_room(text, length) && short_text_is_ascii(text, length))
        return length;
    if (length < word)
        return is_ascii_short(text, length) ? length : check_from(text, length, 0);
    while (length - at >= word && is_ascii(text + at))
        at += word;
    if (length - at < word && is_ascii(text + length - word))
        return length;
    return check_from(text, length, at);
}

uint64_t string_check(const char *text, uint64_t length)
{
    return check_text(text, length);
}

int64_t string_compare(const char *a, uint64_t a_length, const char *b, uint64_t b_length)
{
    uint64_t common = a_length < b_length ? a_length : b_length;
    int order = common ? memcmp(a, b, common) : 0;
    if (order == 0)
        return (a_length > b_length) - (a_length < b_length);
    return order < 0 ? -1 : 1;
}

bool string_is_boundary(const char *text, uint64_t length, uint64_t at)
{
    return at >= length || ((unsigned char)text[at] & 0xC0) != 0x80;
}

int string_slice(const char *text, uint64_t length, int64_t low, int64_t high, uint64_t *begin,
                 uint64_t *count, struct error *error)
{
    if (low < 0 || (uint64_t)low > length || high < 0 || (uint64_t)high > length)
        return error_set(error, ERR_slice_out_of_bounds,
                         "slice %" PRId64 "..%" PRId64 " is out of bounds: the str has %" PRIu64
                         " bytes",
                         low, high, length);
    for (int end = 0; end < 2; end++) {
        int64_t at = end ? high : low;
        if (!string_is_boundary(text, length, (uint64_t)at))
            return error_set(error, ERR_text_boundary,
                             "slice %" PRId64 "..%" PRId64 ": byte %" PRId64
                             " lies within a character",
                             low, high, at);
    }
    *begin = (uint64_t)low;
    *count = high > low ? (uint64_t)(high - low) : 0;
    return 0;
}

/* ---- Memory --------------------------------------------------------------------------------- */

void wk_lend(struct wk_context *kernel, const void *data, uint64_t bytes)
{
    struct context *context = kernel->runtime;
    if (bytes <= context->lent_bytes)
        return;
    context->lent = (uintptr_t)data;
    context->lent_bytes = bytes;
}

static bool is_lent(const struct context *context, const void *text)
{
    return (uintptr_t)text - context->lent < context->lent_bytes;
}

void *wk_text_alloc(struct wk_context *kernel, uint64_t length)
{
    struct context *context = kernel->runtime;
    void *slot = length <= SLOT_MAX ? context_new_slot(context, length) : NULL;
    return __builtin_expect(slot != NULL, true) ? slot : wk_alloc(kernel, length);
}

/* What begins where a block might is copied, so that blocks are told by their addresses. */
const void *wk_text_new(struct wk_context *kernel, const char *from, uint64_t length)
{
    if (is_lent(kernel->runtime, from) && !text_is_block((uintptr_t)from))
        return from;
    char *text = wk_text_alloc(kernel, length);
    if (text)
        string_copy(text, from, length);
    return text;
}

static inline void free_text(struct wk_context *kernel, const void *text)
{
    struct context *context = kernel->runtime;
    if (text_is_block((uintptr_t)text))
        wk_free(kernel, (void *)(uintptr_t)text);
    else if (!is_lent(context, text))
        slots_free(&context->slots, (void *)(uintptr_t)text);
}

void wk_text_free(struct wk_context *kernel, const void *text)
{
    free_text(kernel, text);
}

void wk_texts_free(struct wk_context *kernel, const uint64_t *texts, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        free_text(kernel, (const void *)(uintptr_t)texts[2 * i]);
}

/* ---- What else kernels call (wk.h) ---------------------------------------------------------- */

int64_t wk_text_check(const char *text, int64_t length)
{
    return (int64_t)check_text(text, (uint64_t)length);
}

int64_t wk_text_compare(const char *a, int64_t a_length, const char *b, int64_t b_length)
{
    return string_compare(a, (uint64_t)a_length, b, (uint64_t)b_length);
}

int32_t wk_text_print(struct wk_context *context, uint32_t scalar, uint64_t word, uint64_t *text)
{
    char printed[32];
    semantics_print((enum wk_scalar)scalar, word, printed);
    size_t length = strlen(printed);
    const void *data = wk_text_new(context, printed, length);
    if (!data)
        return wk_failed(context);
    text[0] = (uintptr_t)data;
    text[1] = length;
    return 0;
}
