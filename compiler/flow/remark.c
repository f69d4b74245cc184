/* Remarks of passes; see remark.h. */
#include "flow/remark.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct ir_remark {
    const char *pass, *text;
    enum remark_kind kind;
    struct span span;
    uint32_t number; /* in the order in which they were made */
};

static struct ir_remark *add(struct ir_module *module)
{
    if ((module->remark_count & (module->remark_count - 1)) == 0) {
        uint32_t capacity = module->remark_count ? 2 * module->remark_count : 1;
        struct ir_remark *more = arena_array(module->arena, struct ir_remark, capacity);
        if (module->remark_count)
            memcpy(more, module->remarks, module->remark_count * sizeof *more);
        module->remarks = more;
    }
    struct ir_remark *remark = &module->remarks[module->remark_count];
    remark->number = module->remark_count++;
    return remark;
}

void ir_remark(struct ir_module *module, const char *pass, enum remark_kind kind, struct span span,
               const char *format, ...)
{
    struct buffer text = {0};
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(&text, format, arguments);
    va_end(arguments);
    struct ir_remark *remark = add(module);
    remark->pass = pass;
    remark->kind = kind;
    remark->span = span;
    remark->text = arena_text(module->arena, buffer_text(&text), text.length);
    buffer_release(&text);
}

static int compare_spans(struct span a, struct span b)
{
    if (!a.source || !b.source)
        return !a.source - !b.source;
    int files = a.source == b.source ? 0 : strcmp(a.source->name, b.source->name);
    if (files)
        return files;
    if (a.begin != b.begin)
        return a.begin < b.begin ? -1 : 1;
    return a.end < b.end ? -1 : a.end > b.end;
}

static int compare(const void *left, const void *right)
{
    const struct ir_remark *a = *(const struct ir_remark *const *)left,
                           *b = *(const struct ir_remark *const *)right;
    int places = compare_spans(a->span, b->span);
    return places ? places : a->number < b->number ? -1 : 1;
}

/* Whether one at the same place, which stand in a row, says the same. */
static bool is_said(const struct ir_remark **order, uint32_t at)
{
    const struct ir_remark *remark = order[at];
    while (at > 0 && compare_spans(order[at - 1]->span, remark->span) == 0) {
        const struct ir_remark *before = order[--at];
        if (before->kind == remark->kind && strcmp(before->pass, remark->pass) == 0 &&
            strcmp(before->text, remark->text) == 0)
            return true;
    }
    return false;
}

void ir_render_remarks(const struct ir_module *module, enum diagnostic_format format,
                       struct buffer *out)
{
    const struct ir_remark **order = memory_new(module->remark_count, sizeof *order);
    for (uint32_t i = 0; i < module->remark_count; i++)
        order[i] = &module->remarks[i];
    qsort(order, module->remark_count, sizeof *order, compare);
    for (uint32_t i = 0; i < module->remark_count; i++) {
        const char *kind = order[i]->kind == REMARK_DONE ? "done" : "missed";
        if (!is_said(order, i))
            diagnostic_render_remark(order[i]->span, order[i]->pass, kind, order[i]->text, format,
                                     out);
    }
    free(order);
}
