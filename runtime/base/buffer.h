/*
 * Growable byte strings, always terminated, so that `data` can be used as text.
 */
#ifndef WKC_BASE_BUFFER_H
#define WKC_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct buffer {
    char *data; /* NULL while empty; buffer_text() gives "" then */
    size_t length, capacity;
};

void buffer_release(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
/* Room for `length` more bytes, which the caller fills. */
char *buffer_extend(struct buffer *buffer, size_t length);
/* Gives back what was not filled of that room; `end` is the address behind what was. */
void buffer_end_at(struct buffer *buffer, char *end);
void buffer_append(struct buffer *buffer, const void *data, size_t length);
/* The same, for messages, which are texts that a zero byte would end: `\0` stands for one. */
void buffer_append_visible(struct buffer *buffer, const char *text, size_t length);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_putc(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments);

/* The text so far; valid until the buffer changes. */
const char *buffer_text(const struct buffer *buffer);

/* The length of the well-formed UTF-8 sequence at `text`, of which `left` bytes may be read (at
 * least 1); 0 if it is none. */
size_t utf8_length(const char *text, size_t left);

/* Appends `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buffer_json_string(struct buffer *buffer, const char *text, size_t length);

/* Reads a whole file (or what a pipe gives) of at most `limit` bytes; 0, or an error code with
 * `error` filled. */
int buffer_read_file(struct buffer *buffer, const char *path, size_t limit, struct error *error);

/* Writes `path` atomically: a temporary file beside it, synced and renamed. What was there before
 * stays when anything fails. */
int file_write_atomically(const char *path, const void *data, size_t length, struct error *error);

#endif
