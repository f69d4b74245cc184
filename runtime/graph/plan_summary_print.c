/* The text and JSON of plan_summary.h: for people amounts have the unit that suits them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "graph/plan_summary.h"

enum { CELL = 16 };

struct scale {
    const char *unit;
    double one; /* of it, in the row's unit */
};

/* "3.5 ms": the largest unit of which there is one at least, with three digits. */
static void format_scaled(char text[CELL], double value, const struct scale *scales, size_t count)
{
    size_t at = 0;
    while (at + 1 < count && value >= scales[at + 1].one)
        at++;
    value /= scales[at].one;
    snprintf(text, CELL, value < 100 ? "%.3g %s" : "%.0f %s", value, scales[at].unit);
}

static void format_amount(char text[CELL], double value, const char *unit)
{
    static const struct scale times[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3},
                                         {"s", 1},     {"min", 60},  {"h", 3600}};
    static const struct scale sizes[] = {
        {"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    if (strcmp(unit, "s") == 0 && value > 0)
        format_scaled(text, value, times, sizeof times / sizeof *times);
    else if (strcmp(unit, "bytes") == 0)
        format_scaled(text, value, sizes, sizeof sizes / sizeof *sizes);
    else if (strcmp(unit, "$") == 0)
        snprintf(text, CELL, "$%.3g", value);
    else
        snprintf(text, CELL, value < 100 ? "%.3g%s%s" : "%.0f%s%s", value, *unit ? " " : "", unit);
}

static void print_count(struct buffer *out, uint64_t value, const char *unit)
{
    char text[CELL];
    if (strcmp(unit, "bytes") == 0)
        format_amount(text, (double)value, unit);
    else
        snprintf(text, sizeof text, "%.0f", (double)value);
    buffer_printf(out, "%*s", CELL, text);
}

static void print_amount(struct buffer *out, double value, const char *unit)
{
    char text[CELL];
    format_amount(text, value, unit);
    buffer_printf(out, "%*s", CELL, text);
}

#define PRINT(out, value, unit)                                                                    \
    _Generic((value), uint64_t: print_count, double: print_amount)((out), (value), (unit))

void plan_summary_print(const struct plan_summary *before, const struct plan_summary *after,
                        struct buffer *out)
{
    buffer_printf(out, "%-14s%*s%*s\n", "", CELL, "-O0", CELL, "optimized");
#define SUMMARY(name, type, unit, text)                                                            \
    buffer_printf(out, "%-14s", #name);                                                            \
    PRINT(out, before->name, unit);                                                                \
    PRINT(out, after->name, unit);                                                                 \
    buffer_printf(out, "  (%s)\n", text);
    PLAN_SUMMARY(SUMMARY)
#undef SUMMARY
}

static void json_count(struct buffer *out, uint64_t value)
{
    buffer_printf(out, "%" PRIu64, value);
}

static void json_amount(struct buffer *out, double value)
{
    buffer_printf(out, "%.9g", value);
}

static void json_object(const struct plan_summary *summary, struct buffer *out)
{
    const char *between = "{";
#define SUMMARY(name, type, unit, text)                                                            \
    buffer_printf(out, "%s\"%s\": ", between, #name);                                              \
    _Generic(summary->name, uint64_t: json_count, double: json_amount)(out, summary->name);        \
    between = ", ";
    PLAN_SUMMARY(SUMMARY)
#undef SUMMARY
    buffer_puts(out, "}");
}

void plan_summary_json(const struct plan_summary *before, const struct plan_summary *after,
                       struct buffer *out)
{
    buffer_puts(out, "{\"before\": ");
    json_object(before, out);
    buffer_puts(out, ", \"after\": ");
    json_object(after, out);
    buffer_puts(out, "}\n");
}
