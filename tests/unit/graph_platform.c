/* The models of platforms: found by name, whole, and consistent with each other. */
#include "graph/platform.h"
#include <math.h>

#include "test.h"

static void each_is_found_by_its_name(void)
{
    unsigned count = 0;
    for (const struct platform *p; (p = platform_at(count)); count++)
        CHECK(platform_find(p->name) == p);
    CHECK_INT(count, 6);
    CHECK(!platform_find("lambda"));
    CHECK(!platform_find(""));
}

/* A processor's worth of speed for each 1,769 MB: what AWS documents, computed apart. */
static void lambdas_have_their_share_of_processors(void)
{
    static const struct {
        const char *name;
        uint64_t mebibytes;
        double processors;
    } expected[] = {{"lambda-512", 512, 0.2894},
                    {"lambda-1769", 1769, 1},
                    {"lambda-3538", 3538, 2},
                    {"lambda-10240", 10240, 5.7886}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct platform *p = platform_find(expected[i].name);
        CHECK_INT(p->memory_bytes, expected[i].mebibytes * 1048576);
        CHECK(fabs(p->vcpus * p->speed - expected[i].processors) < 1e-4);
    }
}

static void durations_are_of_the_platform(void)
{
    const struct platform *whole = platform_find("lambda-1769"),
                          *part = platform_find("lambda-512");
    CHECK_INT(platform_task_ns(whole, 1000000), 1002000);
    CHECK_INT(platform_task_ns(part, 1000000), 2000 + 3455078);
    CHECK_INT(platform_transfer_ns(whole, 0), 500000);
    CHECK_INT(platform_transfer_ns(whole, 75000000), 1000500000);
}

static void figures_are_printed_with_units(void)
{
    struct buffer text = {0};
    platform_print(platform_find("lambda-1769"), &text);
    CHECK(strstr(buffer_text(&text), "platform lambda-1769:\n"));
    CHECK(strstr(buffer_text(&text), "invoke_ns            30000000 ns  ("));
    CHECK(strstr(buffer_text(&text), "gb_second_price      1.66667e-05 $  ("));
    buffer_release(&text);
}

TEST_MAIN(TEST(each_is_found_by_its_name), TEST(lambdas_have_their_share_of_processors),
          TEST(durations_are_of_the_platform), TEST(figures_are_printed_with_units))
