/* Printing and packing of what a run measured; metrics.def is the table. */
#include <inttypes.h>

#include "world/world.h"

enum { NAME_WIDTH = 20 };

static void print_integer(struct buffer *out, uint64_t value)
{
    buffer_printf(out, "%" PRIu64, value);
}

static void print_real(struct buffer *out, double value)
{
    buffer_printf(out, "%.6f", value);
}

#define PRINT_VALUE(out, value)                                                                    \
    _Generic((value), uint64_t: print_integer, double: print_real)(out, value)

static void print_json(const struct metrics *metrics, struct buffer *out)
{
    const char *separator = "{";
#define METRIC(name, type, worlds, description)                                                    \
    buffer_printf(out, "%s\"%s\": ", separator, #name);                                            \
    PRINT_VALUE(out, metrics->name);                                                               \
    separator = ", ";
#include "world/metrics.def"
#undef METRIC
    buffer_puts(out, "}\n");
}

static void print_text(const struct metrics *metrics, enum metrics_world world, struct buffer *out)
{
    enum {
        LOCAL = METRICS_LOCAL,
        REMOTE = METRICS_REMOTE,
        SIMULATED = METRICS_SIMULATED,
        CLOUD = METRICS_CLOUD,
        ALL = LOCAL | REMOTE | SIMULATED | CLOUD
    };
#define METRIC(name, type, worlds, description)                                                    \
    if ((worlds) & world) {                                                                        \
        buffer_printf(out, "%-*s ", NAME_WIDTH, #name);                                            \
        PRINT_VALUE(out, metrics->name);                                                           \
        buffer_printf(out, "  (%s)\n", description);                                               \
    }
#include "world/metrics.def"
#undef METRIC
}

static uint64_t integer_number(uint64_t value)
{
    return value;
}

static uint64_t real_number(double value)
{
    return (uint64_t)(value * 1e9);
}

void metrics_pack(const struct metrics *metrics, uint64_t numbers[METRIC_COUNT])
{
#define METRIC(name, type, worlds, description)                                                    \
    numbers[METRIC_##name] =                                                                       \
        _Generic(metrics->name, uint64_t: integer_number, double: real_number)(metrics->name);
#include "world/metrics.def"
#undef METRIC
}

static void set_integer(void *value, uint64_t number)
{
    *(uint64_t *)value = number;
}

static void set_real(void *value, uint64_t number)
{
    *(double *)value = (double)number / 1e9;
}

void metrics_unpack(const uint64_t *numbers, uint32_t count, struct metrics *metrics)
{
    *metrics = (struct metrics){0};
#define METRIC(name, type, worlds, description)                                                    \
    if (METRIC_##name < count)                                                                     \
        _Generic(metrics->name, uint64_t: set_integer, double: set_real)(&metrics->name,           \
                                                                         numbers[METRIC_##name]);
#include "world/metrics.def"
#undef METRIC
}

void metrics_print(const struct metrics *metrics, enum metrics_world world, bool json,
                   struct buffer *out)
{
    if (json)
        print_json(metrics, out);
    else
        print_text(metrics, world, out);
}
