/*
 * Names of functions as callers write them: a name, an ARN, or a part of one, each with or without
 * a version.
 */
#include <string.h>

#include "emulator/internal.h"

enum { DIGITS_OF_ACCOUNT = 12 };

static bool is_word(const char *text, size_t length, size_t most)
{
    return length > 0 && length <= most &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") >=
               length;
}

/* Takes what stands before the next colon; false when there is none, or that is too long. */
static bool take_part(const char **text, char *part, size_t room)
{
    size_t length = strcspn(*text, ":");
    if (!(*text)[length] || length >= room)
        return false;
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length + 1;
    return true;
}

/* "ACCOUNT:function:" is taken off, if it is there. */
static bool take_account(const char **text, char account[DIGITS_OF_ACCOUNT + 1])
{
    size_t digits = strspn(*text, "0123456789");
    if (digits != DIGITS_OF_ACCOUNT || strncmp(*text + digits, ":function:", 10) != 0)
        return false;
    memcpy(account, *text, digits);
    account[digits] = '\0';
    *text += digits + 10;
    return true;
}

bool function_parse_name(const char *text, struct function_name *parsed)
{
    char arn[4], partition[16], service[8];
    *parsed = (struct function_name){0};
    bool is_arn = strncmp(text, "arn:", 4) == 0;
    if (is_arn &&
        (!take_part(&text, arn, sizeof arn) || !take_part(&text, partition, sizeof partition) ||
         !take_part(&text, service, sizeof service) || strcmp(service, "lambda") != 0 ||
         !take_part(&text, parsed->region, sizeof parsed->region)))
        return false;
    if (!take_account(&text, parsed->account) && is_arn)
        return false;
    size_t length = strcspn(text, ":");
    const char *rest = text[length] ? text + length + 1 : "";
    if (!is_word(text, length, sizeof parsed->name - 1) || (text[length] && !*rest) ||
        strlen(rest) >= sizeof parsed->qualifier)
        return false;
    memcpy(parsed->name, text, length);
    snprintf(parsed->qualifier, sizeof parsed->qualifier, "%s", rest);
    return true;
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static bool check_place(struct request *request, const struct function_name *name)
{
    const struct emulator *emulator = request->emulator;
    if (name->region[0] && strcmp(name->region, emulator->access.region) != 0) {
        refuse(request, "ResourceNotFoundException",
               "Functions from '%s' are not reachable in this region ('%s')", name->region,
               emulator->access.region);
        return false;
    }
    if (name->account[0] && strcmp(name->account, emulator->account) != 0) {
        refuse(request, "AccessDeniedException",
               "User: arn:aws:iam::%s:root is not authorized to access the functions of %s",
               emulator->account, name->account);
        return false;
    }
    return true;
}

static bool check_qualifier(struct request *request, const char *qualifier)
{
    size_t length = strlen(qualifier);
    if (!length || strcmp(qualifier, "$LATEST") == 0 || is_word(qualifier, length, 128))
        return true;
    refuse(request, "ValidationException",
           "1 validation error detected: Value '%.128s' at 'qualifier' failed to satisfy "
           "constraint: Member must satisfy regular expression pattern: "
           "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
           qualifier);
    return false;
}

bool function_name_read(struct request *request, const char *text, const char *qualifier,
                        struct function_name *name)
{
    if (!function_parse_name(text, name)) {
        refuse(request, "ValidationException",
               "1 validation error detected: Value '%.200s' at 'functionName' failed to satisfy "
               "constraint: Member must satisfy regular expression pattern: "
               "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?"
               "(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
               text);
        return false;
    }
    if (!check_place(request, name) || !check_qualifier(request, name->qualifier) ||
        !check_qualifier(request, qualifier ? qualifier : ""))
        return false;
    if (qualifier && name->qualifier[0] && strcmp(qualifier, name->qualifier) != 0) {
        refuse(request, "InvalidParameterValueException",
               "The derived qualifier from the function name does not match the specified "
               "qualifier.");
        return false;
    }
    if (qualifier)
        snprintf(name->qualifier, sizeof name->qualifier, "%s", qualifier);
    return true;
}
