/* The error table and the filling of errors; see error.h. */
#include "base/error.h"

#include <stdio.h>
#include <strings.h>

#include "base/buffer.h"

static const struct {
    const char *code, *name, *title, *explanation;
} table[ERROR_COUNT] = {
    [ERR_none] = {"", "none", "", ""},
#define ERROR(code, name, title, explanation) [ERR_##name] = {#code, #name, title, explanation},
#include "base/errors.def"
#undef ERROR
};

/* vsnprintf, but that what does not fit is cut between two characters. */
static void print_whole(char *text, size_t size, const char *format, va_list arguments)
{
    int length = vsnprintf(text, size, format, arguments);
    if (length < 0 || (size_t)length < size)
        return;
    size_t end = size - 1, last = end - 1;
    while (last > 0 && end - last < 4 && ((unsigned char)text[last] & 0xC0) == 0x80)
        last--;
    if (utf8_length(text + last, end - last) == 0)
        text[last] = '\0';
}

int error_vset(struct error *error, enum error_code code, const char *format, va_list arguments)
{
    *error = (struct error){.code = code};
    print_whole(error->message, sizeof error->message, format, arguments);
    return (int)code;
}

int error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_vset(error, code, format, arguments);
    va_end(arguments);
    return (int)code;
}

int error_hint(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_whole(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
    return (int)error->code;
}

int error_note(struct error *error, struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_whole(error->note, sizeof error->note, format, arguments);
    va_end(arguments);
    error->note_place = place;
    return (int)error->code;
}

const char *error_code_text(enum error_code code)
{
    return table[code].code;
}

const char *error_name(enum error_code code)
{
    return table[code].name;
}

const char *error_title(enum error_code code)
{
    return table[code].title;
}

const char *error_explanation(enum error_code code)
{
    return table[code].explanation;
}

enum error_code error_code_parse(const char *text)
{
    for (int i = 1; i < ERROR_COUNT; i++)
        if (strcasecmp(text, table[i].code) == 0)
            return (enum error_code)i;
    return ERR_none;
}
