/*
 * Error codes, and the error that a function of the runtime fills.
 *
 * Convention: a function that can fail for a reason outside the program returns `int`: 0 on
 * success, or an `enum error_code` with *error filled. The caller adds what it knows (a position)
 * and hands the error up; only commands print.
 */
#ifndef WKC_BASE_ERROR_H
#define WKC_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum error_code {
    ERR_none = 0,
#define ERROR(code, name, title, explanation) ERR_##name,
#include "base/errors.def"
#undef ERROR
    ERROR_COUNT
};

/* A place in a source file: line and column count from 1; line 0 means no place. Columns count
 * bytes. `length` is the number of bytes to underline, at least 1 when the place exists. */
struct place {
    const char *file; /* as the user named it; must outlive the place */
    uint32_t line, column;
    uint32_t length;
};

struct error {
    enum error_code code;
    struct place place;  /* of the mistake, when known */
    char message[1024];  /* what is wrong, with the values involved; no final newline */
    char hint[256];      /* what to do, or "" */
    char note[256];      /* where it happened: the call, its arguments; or "" */
    struct place note_place; /* of what the note speaks of, when it is another place */
};

/* Fills *error (message cut to what fits, between two characters) and returns `code`. The places, the hint and the
 * note are cleared. */
int error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_vset(struct error *error, enum error_code code, const char *format, va_list arguments);

/* Adds a hint. Returns error->code, so that it can end a return statement. */
int error_hint(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a note, at a place of its own unless that has no line. Returns error->code. */
int error_note(struct error *error, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "E302" and the texts of the table. */
const char *error_code_text(enum error_code code);
const char *error_title(enum error_code code);
const char *error_explanation(enum error_code code);

/* The constant's name in the table, for tests: "file_unreadable". */
const char *error_name(enum error_code code);

/* Reads "E302" or "e302"; ERR_none if there is no such code. */
enum error_code error_code_parse(const char *text);

#endif
