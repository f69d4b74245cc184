/* The table of operations, read from operation.def; see semantics.h for the functions' contracts.
 */
#include "value/operation.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "value/semantics.h"

enum operand_class { CLASS_ANY, CLASS_NUMBER, CLASS_INTEGER, CLASS_FLOAT, CLASS_BOOL };
enum result_rule { RESULT_SAME, RESULT_BOOL, RESULT_INT, RESULT_BITS };

struct operation_facts {
    const char *text;
    const char *name; /* the constant's, in upper case */
    unsigned arity;
    enum operand_class class;
    enum result_rule result;
};

static const struct operation_facts facts[OPERATION_COUNT] = {
#define OPERATION(NAME, text, arity, class, result, description)                                   \
    [OPERATION_##NAME] = {text, #NAME, arity, CLASS_##class, RESULT_##result},
#include "value/operation.def"
#undef OPERATION
};

enum { MNEMONIC_BYTES = 16 };

static char mnemonics[OPERATION_COUNT][MNEMONIC_BYTES]; /* made once from the names */
static pthread_once_t mnemonics_once = PTHREAD_ONCE_INIT;

static void make_mnemonics(void)
{
    for (int i = OPERATION_NONE + 1; i < OPERATION_COUNT; i++) {
        if (strlen(facts[i].name) >= MNEMONIC_BYTES)
            bug("the operation %s has too long a name", facts[i].name);
        for (int c = 0; facts[i].name[c]; c++)
            mnemonics[i][c] = (char)tolower((unsigned char)facts[i].name[c]);
    }
}

static const struct operation_facts *facts_of(enum operation operation)
{
    if (operation <= OPERATION_NONE || operation >= OPERATION_COUNT)
        bug("operation %d", operation);
    return &facts[operation];
}

const char *operation_text(enum operation operation)
{
    return facts_of(operation)->text;
}

const char *operation_mnemonic(enum operation operation)
{
    facts_of(operation);
    pthread_once(&mnemonics_once, make_mnemonics);
    return mnemonics[operation];
}

unsigned operation_arity(enum operation operation)
{
    return facts_of(operation)->arity;
}

/* Operators that the prelude also offers as functions (to pass to a reduction): add, mul, and, … */
static bool is_function_too(enum operation operation)
{
    return (operation >= OPERATION_ADD && operation <= OPERATION_REM) ||
           (operation >= OPERATION_AND && operation <= OPERATION_OR);
}

enum operation operation_by_function(const char *name)
{
    for (int i = OPERATION_NONE + 1; i < OPERATION_COUNT; i++) {
        enum operation operation = (enum operation)i;
        bool named = isalpha((unsigned char)facts[i].text[0]);
        if (named ? strcmp(name, facts[i].text) == 0
                  : is_function_too(operation) && strcmp(name, operation_mnemonic(operation)) == 0)
            return operation;
    }
    return OPERATION_NONE;
}

enum operation operation_by_mnemonic(const char *mnemonic)
{
    for (int i = OPERATION_NONE + 1; i < OPERATION_COUNT; i++)
        if (strcmp(mnemonic, operation_mnemonic((enum operation)i)) == 0)
            return (enum operation)i;
    return OPERATION_NONE;
}

int operation_accepts(enum operation operation, enum wk_scalar scalar)
{
    switch (facts_of(operation)->class) {
    case CLASS_ANY:
        return 1;
    case CLASS_NUMBER:
        return scalar != WK_BOOL;
    case CLASS_INTEGER:
        return scalar >= WK_I8 && scalar <= WK_U64;
    case CLASS_FLOAT:
        return scalar >= WK_F32;
    case CLASS_BOOL:
        return scalar == WK_BOOL;
    }
    bug("class %d of operands", (int)facts_of(operation)->class);
}

enum wk_scalar operation_result(enum operation operation, enum wk_scalar scalar)
{
    switch (facts_of(operation)->result) {
    case RESULT_SAME:
        return scalar;
    case RESULT_BOOL:
        return WK_BOOL;
    case RESULT_INT:
        return WK_I64;
    case RESULT_BITS:
        return scalar == WK_F32 ? WK_U32 : WK_U64;
    }
    bug("rule %d for the result", (int)facts_of(operation)->result);
}
