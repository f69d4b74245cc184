/*
 * The lines of a table in memory: what csv.h reads piece by piece, by several threads.
 */
#ifndef WKC_VALUE_CSV_ROW_H
#define WKC_VALUE_CSV_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wk.h"

/* Bytes that must be there, whatever they hold, before and behind the text. */
enum { CSV_MARGIN = 64 };

/* Some whole lines of a table. `*end` is a line feed; of the last line of a table, which may have
 * none, it stands in for it. */
struct csv_lines {
    const char *at, *end;
    const char *line_begin; /* of the line that is being read */
    enum wk_scalar scalar;
    int64_t columns;       /* that every line must have */
    int64_t first_columns; /* that the table's first row has: more if the array has one dimension */
    char *out;             /* where the next element goes; rows follow each other */

    /* What went wrong, and the place of it. */
    struct error *error;
    const char *wrong;
};

/* Reads all rows; empty lines are skipped. 0, or an error, whose message does not name the place.
 */
int csv_lines_read(struct csv_lines *in);

/* Refuses a line that begins with more than one field, of an array of rank 1. Of the line, its
 * first field and what ends it need to be there. */
int csv_check_one_field(struct csv_lines *in);

/* The number of rows, lines that are not empty, that begin in (from, to), and at `from` if
 * `is_begin` says that a line begins there. */
uint64_t csv_count_rows(const char *from, const char *to, bool is_begin);

/* Whether the first line is a header: a field of it can only be a name. */
bool csv_has_header(const struct csv_lines *in);

/* The fields of the first row; -1 if there is none. */
int64_t csv_count_columns(const struct csv_lines *in);

/* Reads a number or truth value from a field without quotes, as arrays of them have them: blanks
 * around it do not count, other spellings are known, and an empty one is NaN. 0, or ERR_csv_field
 * with a message that names no place. */
int csv_read_scalar(const char *begin, const char *end, enum wk_scalar scalar, uint64_t *word,
                    struct error *error);

/* Adds a hint that names what seems to stand between the columns of a line instead of commas, if
 * there is something: `line` ends in a line feed, or at `end`. `before` is what the hint begins
 * with. Returns error->code. */
int csv_hint_separator(struct error *error, const char *before, const char *line, const char *end);

#endif
