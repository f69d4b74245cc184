/*
 * The few macros that unit tests need. A test is a function of cases; main() is made by TEST_MAIN:
 *
 *     static void adds(void) { CHECK_INT(add(1, 2), 3); }
 *     TEST_MAIN(TEST(adds), TEST(...))
 *
 * A failed check prints its place and values and lets the test go on. The program ends with the line
 * "NAME: N passed, M failed" (tests, not checks) and status 1 if any failed.
 */
#ifndef WKC_TEST_H
#define WKC_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*run)(void);
};

static int test_failures; /* checks that failed in the running test */

#define TEST(function) {#function, function}

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (void)(test_failures++,                                                         \
                          fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition)))

#define CHECK_INT(found, expected) test_int(__FILE__, __LINE__, #found, (int64_t)(found), (int64_t)(expected))
#define CHECK_TEXT(found, expected) test_text(__FILE__, __LINE__, #found, (found), (expected))

static inline void test_int(const char *file, int line, const char *what, int64_t found,
                            int64_t expected)
{
    if (found == expected)
        return;
    test_failures++;
    fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", file, line, what, found,
            expected);
}

static inline void test_text(const char *file, int line, const char *what, const char *found,
                             const char *expected)
{
    if (found && strcmp(found, expected) == 0)
        return;
    test_failures++;
    fprintf(stderr, "%s:%d: %s is\n%s\nexpected\n%s\n", file, line, what, found ? found : "(null)",
            expected);
}

static inline int test_main(const char *file, const struct test_case *cases, int count)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        test_failures = 0;
        cases[i].run();
        if (test_failures) {
            fprintf(stderr, "FAILED %s: %s\n", file, cases[i].name);
            failed++;
        }
    }
    printf("%s: %d passed, %d failed\n", file, count - failed, failed);
    return failed != 0;
}

#define TEST_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct test_case cases[] = {__VA_ARGS__};                                     \
        return test_main(__FILE__, cases, (int)(sizeof cases / sizeof cases[0]));                  \
    }

#endif
