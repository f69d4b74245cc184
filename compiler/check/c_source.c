/* C files of tasks, read as texts; see c_source.h. */
#include "check/c_source.h"

#include <stdlib.h>
#include <string.h>

void c_source_release(struct c_source_list *list)
{
    for (size_t i = 0; i < list->paths.count; i++)
        free(list->paths.items[i]);
    vector_release(&list->paths);
}

/* The name in a line `#include "name"`, or NULL; `line` is cut there. */
static char *included_name(char *line)
{
    line += strspn(line, " \t");
    if (*line++ != '#')
        return NULL;
    line += strspn(line, " \t");
    if (strncmp(line, "include", 7) != 0)
        return NULL;
    line += 7 + strspn(line + 7, " \t");
    char *end = *line == '"' ? strchr(line + 1, '"') : NULL;
    if (!end)
        return NULL;
    *end = '\0';
    return line + 1;
}

static bool was_visited(const struct c_source_list *visited, const char *path)
{
    for (size_t i = 0; i < visited->paths.count; i++)
        if (strcmp(visited->paths.items[i], path) == 0)
            return true;
    return false;
}

/* What the text includes from the file's folder; lines are cut. */
static void visit_included(struct c_source_list *visited, const char *path, char *text,
                           void (*visit)(void *context, const char *path,
                                         const struct buffer *content),
                           void *context)
{
    const char *slash = strrchr(path, '/');
    struct error ignored;
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
        const char *name = included_name(line);
        if (!name)
            continue;
        struct buffer beside = {0};
        buffer_printf(&beside, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
        c_source_visit(visited, beside.data, visit, context, &ignored);
        buffer_release(&beside);
    }
}

int c_source_visit(struct c_source_list *visited, const char *path,
                   void (*visit)(void *context, const char *path, const struct buffer *content),
                   void *context, struct error *error)
{
    struct buffer content = {0};
    if (was_visited(visited, path))
        return 0;
    int status = buffer_read_file(&content, path, UINT32_MAX, error);
    if (status == 0) {
        vector_push(&visited->paths, strdup(path));
        visit(context, path, &content);
        if (content.length)
            visit_included(visited, path, content.data, visit, context);
    }
    buffer_release(&content);
    return status;
}

static void look_for_log(void *context, const char *path, const struct buffer *content)
{
    static const char *const names[] = {"wk_log_line", "wk_log_message"};
    bool *mentions = context;
    (void)path;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        *mentions |= content->length &&
                     memmem(content->data, content->length, names[i], strlen(names[i])) != NULL;
}

bool c_source_mentions_log(const char *path)
{
    struct c_source_list visited = {0};
    struct error ignored;
    bool mentions = false;
    c_source_visit(&visited, path, look_for_log, &mentions, &ignored);
    c_source_release(&visited);
    return mentions;
}
