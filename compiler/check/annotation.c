/*
 * Annotations: @retry(3), @timeout(30s), @memory(2GiB), @cost(5ms), @together.
 */
#include <string.h>

#include "check/checker.h"

enum { MOST_RETRIES = 1000 };

static void refuse_argument(struct checker *c, const struct ast_annotation *a, const char *want)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, a->argument_count ? a->arguments[0].value->span : a->span,
                 ERR_annotation_argument, "@%s takes %s", a->name.text, want);
    if (strcmp(a->name.text, "together") != 0)
        diagnose_hint(c->diagnostics, d, "as in @%s(%s)", a->name.text,
                      strcmp(a->name.text, "retry") == 0      ? "3"
                      : strcmp(a->name.text, "fallback") == 0 ? "0.0"
                      : strcmp(a->name.text, "memory") == 0   ? "2GiB"
                                                              : "30s");
}

/* The one argument of an annotation: an integer literal, a duration or not as `duration` says. */
static bool read_argument(struct checker *c, const struct ast_annotation *a, bool duration,
                          const char *want, uint64_t *value)
{
    const struct ast_expression *e = a->argument_count == 1 ? a->arguments[0].value : NULL;
    if (e && e->kind == EXPR_ERROR)
        return false;
    if (!e || a->arguments[0].name.text || e->kind != EXPR_INTEGER ||
        e->integer.is_duration != duration) {
        refuse_argument(c, a, want);
        return false;
    }
    *value = e->integer.value;
    return true;
}

static void read_retry(struct checker *c, const struct ast_annotation *a,
                       struct typed_annotations *out)
{
    static const char *const want = "the number of further attempts, 0 to 1000";
    uint64_t value;
    if (!read_argument(c, a, false, want, &value))
        return;
    if (value > MOST_RETRIES)
        refuse_argument(c, a, want);
    else
        out->retries = (int32_t)value;
}

static void unknown_annotation(struct checker *c, const struct ast_annotation *a)
{
    static const char *const names[] = {"retry", "timeout",  "memory",
                                        "cost",  "together", "fallback"};
    const char *nearest = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        nearest_name(a->name.text, names[i], &nearest);
    struct diagnostic *d = diagnose(c->diagnostics, a->name.span, ERR_unknown_annotation,
                                    "there is no annotation named '@%s'", a->name.text);
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '@%s'?", nearest);
    else
        diagnose_hint(c->diagnostics, d,
                      "there are @retry, @timeout, @memory, @cost, @together and @fallback");
}

static void read_annotation(struct checker *c, const struct ast_annotation *a,
                            struct typed_annotations *out)
{
    const char *name = a->name.text;
    if (!name)
        return;
    if (strcmp(name, "retry") == 0) {
        read_retry(c, a, out);
    } else if (strcmp(name, "timeout") == 0) {
        read_argument(c, a, true, "a duration", &out->timeout_ns);
    } else if (strcmp(name, "memory") == 0) {
        read_argument(c, a, false, "a number of bytes", &out->memory_bytes);
    } else if (strcmp(name, "cost") == 0) {
        read_argument(c, a, true, "a duration", &out->cost_ns);
    } else if (strcmp(name, "together") == 0) {
        if (a->argument_count)
            refuse_argument(c, a, "no argument");
        out->together = true;
    } else if (strcmp(name, "fallback") == 0) {
        if (a->argument_count != 1 || a->arguments[0].name.text)
            refuse_argument(c, a, "the value that replaces the result");
    } else if (strcmp(name, "defer") == 0) {
        diagnose(c->diagnostics, a->span, ERR_defer_not_yet, "@defer is not compiled yet");
    } else {
        unknown_annotation(c, a);
    }
}

void check_annotations(struct checker *c, const struct ast_annotation *annotations, uint32_t count,
                       const struct typed_annotations *base, struct typed_annotations *out)
{
    *out = base ? *base : (struct typed_annotations){.retries = -1};
    for (uint32_t i = 0; i < count; i++) {
        read_annotation(c, &annotations[i], out);
        for (uint32_t k = 0; k < i && k < 16; k++) {
            if (!annotations[i].name.text || annotations[k].name.text != annotations[i].name.text)
                continue;
            struct diagnostic *d =
                diagnose(c->diagnostics, annotations[i].span, ERR_annotation_twice,
                         "@%s is given twice", annotations[i].name.text);
            diagnose_note(c->diagnostics, d, annotations[k].span, "the first is here");
            break;
        }
    }
}
