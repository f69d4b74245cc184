/*
 * What the operations mean: the one module that the interpreter of flow code, the folder of
 * constants and (where compiled code does not use plain machine arithmetic) kernels call. Words are
 * those of the kernel ABI (wk.h). spec/language.md defines the behaviour; kernels must agree bit
 * for bit, which tests check.
 */
#ifndef WKC_VALUE_SEMANTICS_H
#define WKC_VALUE_SEMANTICS_H

#include <stdint.h>

#include "base/error.h"
#include "value/operation.h"
#include "wk.h"

/* The text in .wk ("+", "sqrt"), the mnemonic in flow IR ("add", "sqrt"), the operand count. */
const char *operation_text(enum operation operation);
const char *operation_mnemonic(enum operation operation);
unsigned operation_arity(enum operation operation);
/* The prelude function of this name, or the operation with this mnemonic; OPERATION_NONE if none.
 */
enum operation operation_by_function(const char *name);
enum operation operation_by_mnemonic(const char *mnemonic);
/* Whether operands of this type are allowed; the result's type. */
int operation_accepts(enum operation operation, enum wk_scalar scalar);
enum wk_scalar operation_result(enum operation operation, enum wk_scalar scalar);

/* Evaluates an operation on operands of type `scalar`. 0, or ERR_division_by_zero,
 * ERR_negative_shift with *error filled (message without place). */
int semantics_evaluate(enum operation operation, enum wk_scalar scalar, const uint64_t *operands,
                       uint64_t *result, struct error *error);

/* Converts as `to(x)` does: integers wrap never (ERR_conversion if the value does not fit), floats
 * truncate, NaN fails; to bool from a number is not a conversion (checked before). */
int semantics_convert(enum wk_scalar from, enum wk_scalar to, uint64_t operand, uint64_t *result,
                      struct error *error);

/* The canonical quiet NaN replaces any NaN; other words pass unchanged. */
uint64_t semantics_canonical(enum wk_scalar scalar, uint64_t word);

enum { SCALAR_TEXT_BYTES = 32 };

/* The total text form of a scalar, as str() and messages print it: shortest that reads back for
 * floats ("1.0", "1e-08", "nan", "inf"), decimal for integers, true/false. It fits with its
 * terminator, whose address is returned. */
char *semantics_print(enum wk_scalar scalar, uint64_t word, char text[SCALAR_TEXT_BYTES]);

/* Reads a scalar's text as a parameter on the command line gives it: the language's literals,
 * with sign, underscores and size suffixes, nan and inf for floats. 0 or ERR_bad_parameter. */
int semantics_read(enum wk_scalar scalar, const char *text, uint64_t *word, struct error *error);

#endif
