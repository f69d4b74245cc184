/*
 * Remarks: what passes did to a program and what they left, said at its source lines (--remarks).
 *
 * A pass makes a REMARK_DONE where it changed something that people may look for ("fused into
 * `g`"), and a REMARK_MISSED where one would expect it to act and it did not, with the reason ("not
 * fused:
 * `@timeout` differs"). Remarks are kept in the module and never change what is compiled.
 */
#ifndef WKC_FLOW_REMARK_H
#define WKC_FLOW_REMARK_H

#include "flow/ir.h"

enum remark_kind { REMARK_DONE, REMARK_MISSED };

/* Adds a remark. `pass` is the pass's name in the table, and lives as long as the module; the text
 * is a clause without a full stop, with names of the program in backquotes. */
void ir_remark(struct ir_module *module, const char *pass, enum remark_kind kind, struct span span,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Appends all remarks, in the order of the source (files by name), then of the passes: what several
 * instances of a function say in the same words is said once. As JSON an object a line: severity
 * "note", pass, kind "done" or "missed", message, file, line, column, length. */
void ir_render_remarks(const struct ir_module *module, enum diagnostic_format format,
                       struct buffer *out);

#endif
