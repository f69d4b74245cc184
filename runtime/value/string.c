/* Strings; see string.h. At the end: what kernels call. */
#include "value/string.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "value/context.h"
#include "value/semantics.h"

/* Whether eight bytes are ASCII. */
static bool is_ascii(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return !(word & UINT64_C(0x8080808080808080));
}

uint64_t string_check(const char *text, uint64_t length)
{
    uint64_t at = 0;
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

/* ---- What kernels call (wk.h) -------------------------------------------------------------- */

int64_t wk_text_check(const char *text, int64_t length)
{
    return (int64_t)string_check(text, (uint64_t)length);
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
    void *data = wk_alloc(context, length);
    if (!data)
        return wk_failed(context);
    memcpy(data, printed, length);
    text[0] = (uintptr_t)data;
    text[1] = length;
    return 0;
}
