/*
 * Whether a text is JSON (RFC 8259), without building anything from it: Lambda refuses payloads
 * that are not, and every Invoke has one.
 */
#include <string.h>

#include "emulator/internal.h"

enum { DEPTH_LIMIT = 4096 };

struct scan {
    const unsigned char *at, *end;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, unsigned char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool is_hexadecimal(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static bool take_escape(struct scan *scan)
{
    if (scan->at == scan->end)
        return false;
    unsigned char c = *scan->at++;
    if (c != 'u')
        return c && strchr("\"\\/bfnrt", c);
    for (int i = 0; i < 4; i++)
        if (scan->at == scan->end || !is_hexadecimal(*scan->at++))
            return false;
    return true;
}

/* The rest of a string whose opening quote has been read. */
static bool take_string(struct scan *scan)
{
    while (scan->at < scan->end) {
        unsigned char c = *scan->at;
        if (c >= 0x80) {
            size_t length = utf8_length((const char *)scan->at, (size_t)(scan->end - scan->at));
            if (!length)
                return false;
            scan->at += length;
            continue;
        }
        scan->at++;
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !take_escape(scan)))
            return false;
    }
    return false;
}

static bool take_digits(struct scan *scan)
{
    const unsigned char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start;
}

static bool take_number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan))
        return false;
    if (take(scan, '.') && !take_digits(scan))
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        return take_digits(scan);
    }
    return true;
}

/* A value that holds no others. */
static bool take_scalar(struct scan *scan)
{
    if (take(scan, '"'))
        return take_string(scan);
    return take_word(scan, "true") || take_word(scan, "false") || take_word(scan, "null") ||
           take_number(scan);
}

static bool take_key(struct scan *scan)
{
    skip_blanks(scan);
    if (!take(scan, '"') || !take_string(scan))
        return false;
    skip_blanks(scan);
    return take(scan, ':');
}

bool json_text_is_valid(const char *text, size_t length)
{
    struct scan scan = {.at = (const unsigned char *)text,
                        .end = (const unsigned char *)text + length};
    char closers[DEPTH_LIMIT];
    size_t depth = 0;
    for (;;) {
        skip_blanks(&scan);
        bool is_open = false;
        if (take(&scan, '[')) {
            closers[depth++] = ']';
            is_open = true;
        } else if (take(&scan, '{')) {
            closers[depth++] = '}';
            is_open = true;
        } else if (!take_scalar(&scan)) {
            return false;
        }
        if (depth == DEPTH_LIMIT)
            return false;
        for (;; is_open = false) { /* what follows a value, or the opening of one */
            skip_blanks(&scan);
            if (!depth)
                return scan.at == scan.end;
            if (take(&scan, (unsigned char)closers[depth - 1])) {
                depth--;
                continue;
            }
            if (!is_open && !take(&scan, ','))
                return false;
            if (closers[depth - 1] == '}' && !take_key(&scan))
                return false;
            break;
        }
    }
}
