/*
 * What to write on the command line for a parameter, in hints and in `wkc help`.
 */
#ifndef WKC_COMMAND_EXAMPLE_H
#define WKC_COMMAND_EXAMPLE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "value/type.h"

/* Appends it, quoted for the shell where that is needed: FILE.npy, or '{"x": 0.5}' for a value that
 * is short enough to be given in place. */
void example_value(const struct type *type, struct buffer *out);

/* Appends the formats of files from which its value can be read, as ".npy, .csv or .json"; false,
 * and appends nothing, if it is given in no such file (scalars, texts, bytes) or is one itself. */
bool example_formats(const struct type *type, struct buffer *out);

#endif
