/*
 * The texts of failures that both elaboration and kernels report, so that a mistake reads the same
 * wherever it shows. Formats are those of struct wk_site: {} stands for a value.
 */
#ifndef WKC_CHECK_MESSAGES_H
#define WKC_CHECK_MESSAGES_H

/* ERR_shape_mismatch: number of the dimension, then two extents. Those of signatures are
 * dimension_rule.message and result_extent.message. */
#define MESSAGE_EXTENT "dimension {}: expected {}, found {}"
#define MESSAGE_MATMUL "the columns of the left side, {}, are not the rows of the right side, {}"
#define MESSAGE_TILE_ROWS "tile ({}, {}) has {} rows, and others in its row have {}"
#define MESSAGE_TILE_COLUMNS "tile ({}, {}) has {} columns, and others in its column have {}"
#define MESSAGE_TILE_SIZE "tiles have at least one row and column: found {}"
#define MESSAGE_CONCAT "piece {}: dimension {}: expected {}, found {}"

#define MESSAGE_INDEX "index {} is out of bounds: dimension {} has extent {}"
#define MESSAGE_SLICE "slice {}..{} is out of bounds: dimension {} has extent {}"
#define MESSAGE_TEXT_SLICE "slice {}..{} is out of bounds: the str has {} bytes"
#define MESSAGE_TEXT_BOUNDARY "slice {}..{}: byte {} lies within a character"
#define MESSAGE_NOT_UTF8 "the bytes are not UTF-8: the first character that is wrong is at byte {}"
/* With the operator (value/semantics.c words it alike); a conversion with the type and its range.
 */
#define MESSAGE_DIVISION "division by zero: {} %s 0"
#define MESSAGE_SHIFT "shift by a negative amount: {} %s {}"
#define MESSAGE_CONVERSION "{} does not fit %s (%s to %s)"
#define MESSAGE_NEGATIVE_EXTENT "an array's extent is {}"
#define MESSAGE_TOO_LARGE(extents) "an array of " extents " elements is too large"
#define MESSAGE_LONG_RANGE "a range from {} to {} is too long for an array"
#define MESSAGE_ZERO_STEP "a range from {} to {} has step 0"
#define MESSAGE_EMPTY_REDUCE "reduce of an empty array without init"
#define MESSAGE_EMPTY_EXTREME "%s of an empty array"
#define MESSAGE_REDUCE_ARITY "reduce with arity {}"
#define MESSAGE_REDUCE_CHUNK "reduce with chunk {}"
#define MESSAGE_MISSING_KEY "the map has no key %s"
#define MESSAGE_RECURSION "%s: calls are nested more than 10000 deep"

#endif
