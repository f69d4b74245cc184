/*
 * ListFunctions and ListVersionsByFunction, in pages. A page's marker names what the next begins
 * with, and holds also when that is removed meanwhile: "NAME:NUMBER", $LATEST being number 0.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/internal.h"

enum { PAGE = 50, MOST_ITEMS = 10000 };

struct page {
    json_t *list, *next;
    size_t most;
    char from[65]; /* the marker's function; "": from the beginning */
    unsigned long from_number;
    bool full;
};

/* Reads MaxItems and Marker; false when the request has been refused. */
static bool page_begin(struct request *request, struct page *page)
{
    const char *marker = request_query(request, "Marker");
    const char *most = request_query(request, "MaxItems");
    char *end = NULL;
    long wanted = most ? strtol(most, &end, 10) : PAGE;
    *page = (struct page){.most = wanted < PAGE ? (size_t)wanted : PAGE};
    if (wanted < 1 || wanted > MOST_ITEMS || (most && *end)) {
        refuse(request, "ValidationException",
               "1 validation error detected: Value '%.50s' at 'maxItems' failed to satisfy "
               "constraint: Member must have value between 1 and %d",
               most, MOST_ITEMS);
        return false;
    }
    if (marker && *marker) {
        size_t length = strcspn(marker, ":");
        if (length >= sizeof page->from) {
            refuse(request, "InvalidParameterValueException", "Invalid marker");
            return false;
        }
        memcpy(page->from, marker, length);
        page->from_number = marker[length] ? strtoul(marker + length + 1, NULL, 10) : 0;
    }
    page->list = json_array();
    page->next = json_null();
    return true;
}

/* A configuration; in lists of versions that of $LATEST says so in its ARN, too. */
static json_t *shown(const struct version *version, bool all_versions)
{
    if (!all_versions || version->name[0] != '$')
        return json_incref(version->configuration);
    json_t *copy = json_copy(version->configuration);
    json_object_set_new(copy, "FunctionArn", json_sprintf("%s:$LATEST", version->arn));
    return copy;
}

static void page_add(struct page *page, const struct version *version, bool all_versions)
{
    const char *function = version->function->name;
    unsigned long number = strtoul(version->name, NULL, 10); /* of "$LATEST": 0 */
    int order = strcmp(function, page->from);
    if (page->full || order < 0 || (order == 0 && number < page->from_number))
        return;
    page->full = json_array_size(page->list) == page->most;
    if (page->full)
        page->next = json_sprintf("%s:%lu", function, number);
    else
        json_array_append_new(page->list, shown(version, all_versions));
}

static void page_add_versions(struct page *page, const struct function *function)
{
    page_add(page, function->latest, true);
    for (size_t i = 0; i < function->published.count; i++)
        page_add(page, function->published.items[i], true);
}

static void page_end(struct request *request, struct page *page, const char *name)
{
    request_answer_json(request, 200,
                        json_pack("{s:o, s:o}", name, page->list, "NextMarker", page->next));
}

void function_list(struct request *request)
{
    struct page page;
    const char *versions = request_query(request, "FunctionVersion");
    if (versions && strcmp(versions, "ALL") != 0) {
        refuse(request, "ValidationException",
               "1 validation error detected: Value '%.50s' at 'functionVersion' failed to satisfy "
               "constraint: Member must satisfy enum value set: [ALL]",
               versions);
        return;
    }
    if (!page_begin(request, &page))
        return;
    for (struct function *f = request->emulator->functions; f; f = f->next) {
        if (versions)
            page_add_versions(&page, f);
        else
            page_add(&page, f->latest, false);
    }
    page_end(request, &page, "Functions");
}

void function_list_versions(struct request *request, const char *name)
{
    struct page page;
    struct version *version = function_resolve(request, name, NULL);
    if (!version || !page_begin(request, &page))
        return;
    page_add_versions(&page, version->function);
    page_end(request, &page, "Versions");
}
