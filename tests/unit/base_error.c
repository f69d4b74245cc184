/* Errors: texts that do not fit are cut between two characters. */
#include "base/buffer.h"
#include "base/error.h"
#include "test.h"

/* Characters of one to four bytes, behind 0 to 7 letters, so that each place of a cut occurs. */
static void cuts_between_characters(void)
{
    static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t width = 1; width <= 4; width++)
        for (size_t before = 0; before < 8; before++) {
            struct buffer text = {0};
            for (size_t i = 0; i < before; i++)
                buffer_putc(&text, 'a');
            for (int i = 0; i < 2000; i++)
                buffer_puts(&text, characters[width - 1]);
            struct error error;
            CHECK_INT(error_set(&error, ERR_missing_key, "%s", buffer_text(&text)),
                      ERR_missing_key);
            size_t most = sizeof error.message - 1;
            CHECK_INT(strlen(error.message), before + (most - before) / width * width);
            CHECK(memcmp(error.message, text.data, strlen(error.message)) == 0);
            error_hint(&error, "%s", buffer_text(&text));
            most = sizeof error.hint - 1;
            CHECK_INT(strlen(error.hint), before + (most - before) / width * width);
            error_note(&error, (struct place){0}, "%s", buffer_text(&text));
            CHECK_TEXT(error.note, error.hint);
            buffer_release(&text);
        }
}

/* What fits stays, even when it is no UTF-8. */
static void keeps_what_fits(void)
{
    struct error error;
    error_set(&error, ERR_missing_key, "%s", "a\xC3");
    CHECK_TEXT(error.message, "a\xC3");
    error_set(&error, ERR_missing_key, "%1023s", "\xE2\x82\xAC");
    CHECK_INT(strlen(error.message), 1023);
    error_set(&error, ERR_missing_key, "%1024s", "\xE2\x82\xAC");
    CHECK_INT(strlen(error.message), 1021);
}

TEST_MAIN(TEST(cuts_between_characters), TEST(keeps_what_fits))
