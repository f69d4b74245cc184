/*
 * Diagnostics: what the user is told, collected in order and rendered as text or JSON.
 *
 * A diagnostic shows its code, its place with the source line and the span underlined, notes at
 * other places, and a hint. Sources are registered so that their lines can be shown.
 */
#ifndef WKC_BASE_DIAGNOSTIC_H
#define WKC_BASE_DIAGNOSTIC_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/vector.h"

/* A source text. Owned by the diagnostics' arena once registered. */
struct source {
    const char *name;   /* as the user gave it */
    /* The same wherever the program lies: "heat.wk", and "stdlib/random.wk" of the library. */
    const char *portable_name;
    const char *module; /* unique in a program; NULL: its own file */
    const char *text; /* terminated; may contain NULs before its end */
    size_t length;
    const uint32_t *line_begins; /* by line; NULL: not indexed, and places are found by a walk */
    uint32_t line_count;
};

/* Notes where the lines begin, so that places are found at once. */
void source_index_lines(struct source *source, struct arena *arena);

/* Bytes [begin, end) of a source. A span without source has no place. */
struct span {
    const struct source *source;
    uint32_t begin, end;
};

struct diagnostic_note {
    struct place place;
    const char *source_line; /* without its newline; NULL when not known */
    const char *text;
};

enum { DIAGNOSTIC_NOTES = 4 }; /* further ones are dropped */

struct diagnostic {
    enum error_code code;
    bool warning;
    struct place place;
    const char *source_line;
    const char *message;
    const char *hint; /* what to do; or NULL */
    struct diagnostic_note notes[DIAGNOSTIC_NOTES];
    int note_count;
};

enum { DIAGNOSTIC_LIMIT = 20 };

struct diagnostics {
    struct arena arena;
    VECTOR(const struct source *) sources; /* whose lines can be shown of places */
    VECTOR(struct diagnostic) list;
    int errors; /* of which at most DIAGNOSTIC_LIMIT are listed */
    int warnings;
};

void diagnostics_init(struct diagnostics *diagnostics);
void diagnostics_release(struct diagnostics *diagnostics);

/* Reports a mistake (or a warning, if the code begins with W). Beyond the limit, errors are only
 * counted. Two reports of the same code at the same place are one. Returns the new diagnostic for
 * diagnose_hint and diagnose_note, which accept NULL. */
struct diagnostic *diagnose(struct diagnostics *diagnostics, struct span span, enum error_code code,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
void diagnose_hint(struct diagnostics *diagnostics, struct diagnostic *diagnostic,
                   const char *format, ...) __attribute__((format(printf, 3, 4)));
void diagnose_note(struct diagnostics *diagnostics, struct diagnostic *diagnostic, struct span span,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Makes the lines of a source known, for errors that have places rather than spans. It lives as long
 * as the diagnostics. */
void diagnostics_add_source(struct diagnostics *diagnostics, const struct source *source);

/* Takes over an error of the runtime. `source` gives the line to show, or one that was added; it may be
 * NULL. */
void diagnose_error(struct diagnostics *diagnostics, const struct error *error,
                    const struct source *source);

enum diagnostic_format { DIAGNOSTIC_PLAIN, DIAGNOSTIC_COLOUR, DIAGNOSTIC_JSON };

/* Removes the warnings within a span in which an error stands, too: they may follow from it. */
void diagnostics_drop_warnings(struct diagnostics *diagnostics, struct span span);

/* Appends all diagnostics, ordered by place within each source. JSON: one object a line with keys
 * code, severity, message, file, line, column, length, hint, notes. */
void diagnostics_render(const struct diagnostics *diagnostics, enum diagnostic_format format,
                        struct buffer *out);

/* Appends one remark of a pass about a place, which is no diagnostic: nothing is wrong there. `kind` is for
 * JSON (a line as diagnostics have, without code, hint and notes, but with pass and kind). */
void diagnostic_render_remark(struct span span, const char *pass, const char *kind,
                              const char *text, enum diagnostic_format format, struct buffer *out);

/* The place of a span: line and column of its begin, length within that line. */
struct place span_place(struct span span);
/* The name by which a bundle knows a source, wherever it lies. */
const char *source_portable_name(const struct source *source);
/* From the begin of `first` to the end of `last` (same source). */
struct span span_join(struct span first, struct span last);

/* The candidate nearest to `name` by edit distance (Damerau-Levenshtein), or NULL when none is
 * near enough to be a misspelling. Feed candidates one by one into *best, starting from NULL. */
void nearest_name(const char *name, const char *candidate, const char **best);

#endif
