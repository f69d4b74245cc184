/* Byte strings, and the reading and atomic writing of whole files; see buffer.h. */
#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/output.h"

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = 0;
}

static void reserve(struct buffer *buffer, size_t extra)
{
    size_t needed = buffer->length + extra + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity + buffer->capacity / 2;
    if (capacity < needed)
        capacity = needed;
    buffer->data = memory_resize(buffer->data, capacity, 1);
    buffer->capacity = capacity;
}

char *buffer_extend(struct buffer *buffer, size_t length)
{
    reserve(buffer, length);
    char *room = buffer->data + buffer->length;
    buffer->length += length;
    buffer->data[buffer->length] = 0;
    return room;
}

void buffer_end_at(struct buffer *buffer, char *end)
{
    buffer->length = (size_t)(end - buffer->data);
    *end = 0;
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    reserve(buffer, length);
    if (length)
        memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    buffer->data[buffer->length] = 0;
}

void buffer_append_visible(struct buffer *buffer, const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *zero; length && (zero = memchr(text, 0, (size_t)(end - text)));) {
        buffer_append(buffer, text, (size_t)(zero - text));
        buffer_puts(buffer, "\\0");
        text = zero + 1;
        length = (size_t)(end - text);
    }
    buffer_append(buffer, text, length);
}

void buffer_puts(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_putc(struct buffer *buffer, char c)
{
    buffer_append(buffer, &c, 1);
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        bug("bad format in buffer_printf");
    reserve(buffer, (size_t)length);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    buffer->length += (size_t)length;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

/* Unicode, table 3-7. */
size_t utf8_length(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char lead = s[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                    : lead >= 0xE0 && lead <= 0xEF ? 3
                    : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                   : 0;
    if (length == 0 || length > left)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* The escape of a character below 0x20, a quote or a backslash; as Python's json writes it. */
static void put_escape(struct buffer *buffer, unsigned char c)
{
    static const char letters[] = "btn_fr"; /* of 8 to 13; 11 has none */
    if (c == '"' || c == '\\')
        buffer_printf(buffer, "\\%c", c);
    else if (c >= 8 && c <= 13 && c != 11)
        buffer_printf(buffer, "\\%c", letters[c - 8]);
    else
        buffer_printf(buffer, "\\u%04x", c);
}

void buffer_json_string(struct buffer *buffer, const char *text, size_t length)
{
    size_t begin = 0; /* of what is copied as it is */
    buffer_putc(buffer, '"');
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)text[i];
        size_t sequence = c < 0x80 ? 1 : utf8_length(text + i, length - i);
        bool plain = sequence > 0 && c >= 0x20 && c != '"' && c != '\\';
        i += plain ? sequence : 1;
        if (plain)
            continue;
        buffer_append(buffer, text + begin, i - 1 - begin);
        begin = i;
        if (sequence == 0)
            buffer_puts(buffer, "\xEF\xBF\xBD");
        else
            put_escape(buffer, c);
    }
    buffer_append(buffer, text + begin, length - begin);
    buffer_putc(buffer, '"');
}

static int read_all(struct buffer *buffer, int file, const char *path, size_t limit,
                    struct error *error)
{
    for (;;) {
        reserve(buffer, 65536);
        ssize_t got = read(file, buffer->data + buffer->length, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", path,
                             strerror(errno));
        buffer->length += (size_t)got;
        buffer->data[buffer->length] = 0;
        if (got == 0)
            return 0;
        if (buffer->length > limit)
            return error_set(error, ERR_file_too_large, "'%s' is larger than %zu MiB", path,
                             limit >> 20);
    }
}

int buffer_read_file(struct buffer *buffer, const char *path, size_t limit, struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", path, strerror(errno));
    int code = read_all(buffer, file, path, limit, error);
    close(file);
    return code;
}

int file_write_atomically(const char *path, const void *data, size_t length, struct error *error)
{
    struct output output;
    int code = output_open(&output, path, error);
    if (code)
        return code;
    code = output_write(&output, data, length, error);
    return code ? (output_abandon(&output), code) : output_commit(&output, error);
}
