/* wkc help prelude, wkc help sort: the functions that every program has, from the tables that
 * define them. */
#include <ctype.h>
#include <string.h>

#include "command/command.h"

enum operand_class { ANY, NUMBER, INTEGER, FLOAT, BOOL };

static const char *const class_texts[] = {
    [ANY] = "every scalar", [NUMBER] = "numbers", [INTEGER] = "integers",
    [FLOAT] = "floats",     [BOOL] = "bool",
};

static const struct scalar_function {
    const char *name;
    unsigned operands;
    enum operand_class class;
    const char *description;
} scalar_functions[] = {
#define OPERATION(NAME, text, operands, class, result, description)                                \
    {text, operands, class, description},
#include "value/operation.def"
#undef OPERATION
    {"add", 2, NUMBER, "x + y"}, {"sub", 2, NUMBER, "x - y"}, {"mul", 2, NUMBER, "x * y"},
    {"div", 2, NUMBER, "x / y"}, {"rem", 2, NUMBER, "x % y"},
};

/* Each as "name(arguments): what it gives". Those that are written otherwise, as map[K]V{}, are
 * left out. */
static const char *const other_functions[] = {
#define BUILTIN(NAME, text, description) description,
#include "check/builtin.def"
#undef BUILTIN
    "len(x): the first extent of an array, the entries of a map, the bytes of a str or file",
    "reduce(f, xs, init: v, arity: k, chunk: c): all elements combined by f, in a tree",
    "scan(f, xs, init: v): the results of folding the elements from the left",
    "clamp(x, low, high): min(max(x, low), high)",
    "fail(message): ends the task with this message",
    "log(message): writes the message to standard error, with the task's name",
};

static bool is_named(const char *name, const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return isalpha((unsigned char)text[0]) && text[length] == '(' &&
           (!name || (strlen(name) == length && memcmp(name, text, length) == 0));
}

static void print_scalar_function(const struct scalar_function *f, struct buffer *out)
{
    static const char *const operands[] = {"", "x", "x, y", "x, y, z"};
    buffer_printf(out, "%s(%s): %s (%s)\n", f->name, operands[f->operands], f->description,
                  class_texts[f->class]);
}

/* Appends what is named so, or with NULL everything; false if nothing is. */
static bool print_functions(const char *name, struct buffer *out)
{
    size_t before = out->length;
    for (size_t i = 0; i < sizeof other_functions / sizeof *other_functions; i++)
        if (is_named(name, other_functions[i]))
            buffer_printf(out, "%s\n", other_functions[i]);
    if (!name)
        buffer_puts(out, "\nOf scalars, and of arrays element by element:\n\n");
    for (size_t i = 0; i < sizeof scalar_functions / sizeof *scalar_functions; i++) {
        const struct scalar_function *f = &scalar_functions[i];
        if (isalpha((unsigned char)f->name[0]) && (!name || strcmp(name, f->name) == 0))
            print_scalar_function(f, out);
    }
    return out->length > before;
}

bool prelude_print(const char *name, struct buffer *out)
{
    if (strcmp(name, "prelude") != 0)
        return print_functions(name, out);
    buffer_puts(out, "The functions that every program has; spec/language.md, L5.17 and L5.18, "
                     "defines them.\nint, f64 and the other types of numbers convert: f64(n).\n\n");
    return print_functions(NULL, out);
}

void prelude_nearest(const char *name, const char **best)
{
    for (size_t i = 0; i < sizeof scalar_functions / sizeof *scalar_functions; i++)
        nearest_name(name, scalar_functions[i].name, best);
    static const char *const others[] = {
#define BUILTIN(NAME, text, description) text,
#include "check/builtin.def"
#undef BUILTIN
        "reduce", "scan", "clamp"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        nearest_name(name, others[i], best);
}
