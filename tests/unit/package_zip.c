/* Zip files and manifests: what is written is read back, and no damage goes unseen. */
#include <stdlib.h>
#include <zlib.h>

#include "bundle/manifest.h"
#include "package/zip_writer.h"
#include "test.h"

static const struct {
    const char *name;
    uint32_t mode;
    const char *text;
    size_t length;
} files[] = {
    {"empty", ZIP_MODE_FILE, "", 0},
    {"a/b/stored", ZIP_MODE_PROGRAM, "x\0z", 3},
    {"deflated", ZIP_MODE_FILE, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
     64},
};
enum { FILES = sizeof files / sizeof *files };

static void write_files(struct buffer *out)
{
    struct zip_writer writer;
    struct error error;
    zip_writer_init(&writer, out);
    for (size_t i = 0; i < FILES; i++)
        CHECK_INT(zip_writer_add(&writer, files[i].name, files[i].mode, files[i].text,
                                 files[i].length, 9, &error),
                  0);
    CHECK_INT(zip_writer_end(&writer, &error), 0);
}

/* Whether the file is read as what was written. */
static bool reads_as(const struct zip *zip, size_t number)
{
    struct error error;
    struct buffer out = {0};
    const struct zip_entry *entry = zip_find(zip, files[number].name);
    bool same = entry && zip_read(zip, entry, &out, &error) == 0 &&
                out.length == files[number].length &&
                memcmp(buffer_text(&out), files[number].text, out.length) == 0;
    buffer_release(&out);
    return same;
}

/* B1.1, B1.2, B1.3: contents, order and modes; what does not shrink is stored. */
static void reads_what_was_written(void)
{
    struct buffer out = {0};
    struct zip zip;
    struct error error;
    write_files(&out);
    CHECK_INT(zip_open_memory(&zip, "z", out.data, out.length, &error), 0);
    CHECK_INT(zip.count, FILES);
    for (size_t i = 0; i < FILES; i++) {
        CHECK(reads_as(&zip, i));
        CHECK_TEXT(zip.entries[i].name, files[i].name);
        CHECK_INT(zip.entries[i].mode, files[i].mode);
        CHECK_INT(zip.entries[i].method, i == 2 ? ZIP_DEFLATED : ZIP_STORED);
    }
    CHECK(zip_find(&zip, "a/b") == NULL);
    zip_close(&zip);
    buffer_release(&out);
}

static void copies_what_is_compressed(void)
{
    struct buffer out = {0}, copy = {0};
    struct zip zip;
    struct error error;
    struct zip_writer writer;
    write_files(&out);
    CHECK_INT(zip_open_memory(&zip, "z", out.data, out.length, &error), 0);
    zip_writer_init(&writer, &copy);
    for (uint32_t i = 0; i < zip.count; i++)
        CHECK_INT(zip_writer_copy(&writer, &zip, &zip.entries[i], &error), 0);
    CHECK_INT(zip_writer_end(&writer, &error), 0);
    CHECK(copy.length == out.length && memcmp(copy.data, out.data, out.length) == 0);
    zip_close(&zip);
    buffer_release(&copy);
    buffer_release(&out);
}

/* Whether contents that were read under this name are those that were written under it. */
static bool is_as_written(const char *name, const struct buffer *out)
{
    for (size_t i = 0; i < FILES; i++)
        if (strcmp(files[i].name, name) == 0)
            return out->length == files[i].length &&
                   memcmp(buffer_text(out), files[i].text, out->length) == 0;
    return true;
}

/* How many files of these bytes are read as they were written; the others are refused. */
static int count_intact(const char *data, size_t length)
{
    struct zip zip;
    struct error error;
    int intact = 0;
    if (zip_open_memory(&zip, "z", data, length, &error)) {
        CHECK_INT(error.code, ERR_bad_bundle);
        return 0;
    }
    for (size_t i = 0; i < FILES; i++)
        intact += reads_as(&zip, i);
    for (uint32_t i = 0; i < zip.count; i++) {
        struct buffer out = {0};
        bool is_read = zip_read(&zip, &zip.entries[i], &out, &error) == 0;
        CHECK(is_read ? is_as_written(zip.entries[i].name, &out)
                      : error.code == ERR_bad_bundle && out.length == 0);
        buffer_release(&out);
    }
    zip_close(&zip);
    return intact;
}

/* B3.1: every length but the whole one. */
static void refuses_what_is_cut_off(void)
{
    struct buffer out = {0};
    write_files(&out);
    for (size_t length = 0; length < out.length; length++) {
        char *piece = malloc(length ? length : 1); /* so that a read past its end is seen */
        memcpy(piece, out.data, length);
        CHECK_INT(count_intact(piece, length), 0);
        free(piece);
    }
    buffer_release(&out);
}

/* B3.1, B3.2: with any bit changed, no file gives other contents. A change of a file's bytes is
 * found; one of a time is not, and says nothing. */
static void finds_changed_bits(void)
{
    struct buffer out = {0};
    write_files(&out);
    size_t contents =
        ZIP_LOCAL_BYTES + strlen(files[0].name) + ZIP_LOCAL_BYTES + strlen(files[1].name);
    for (size_t at = 0; at < out.length; at++)
        for (int bit = 0; bit < 8; bit++) {
            out.data[at] = (char)(out.data[at] ^ 1 << bit);
            int intact = count_intact(out.data, out.length);
            CHECK(at < contents || at >= contents + files[1].length || intact < FILES);
            out.data[at] = (char)(out.data[at] ^ 1 << bit);
        }
    buffer_release(&out);
}

/* A zip of one file with this name: B3.1. */
static int open_named(const char *name)
{
    struct buffer out = {0};
    struct zip zip;
    struct zip_writer writer;
    struct error error;
    zip_writer_init(&writer, &out);
    zip_writer_add(&writer, name, ZIP_MODE_FILE, "x", 1, 1, &error);
    zip_writer_end(&writer, &error);
    int code = zip_open_memory(&zip, "z", out.data, out.length, &error);
    if (code == 0)
        zip_close(&zip);
    buffer_release(&out);
    return code;
}

static void refuses_names_that_lead_elsewhere(void)
{
    static const char *const bad[] = {"",          "/etc/passwd", "..",       "../x",
                                      "a/../../x", "a/./b/",      "a\\..\\b", "a/b/.."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_INT(open_named(bad[i]), ERR_bad_bundle);
    CHECK_INT(open_named("a/..b/c..d/.e"), 0);
}

/* B3.1: a name that stands there twice, and bytes before the end that no directory speaks of. */
static void refuses_what_is_there_twice_or_unsaid(void)
{
    struct buffer out = {0}, more = {0};
    struct zip zip;
    struct zip_writer writer;
    struct error error;
    zip_writer_init(&writer, &out);
    zip_writer_add(&writer, "a", ZIP_MODE_FILE, "x", 1, 1, &error);
    zip_writer_add(&writer, "a", ZIP_MODE_FILE, "y", 1, 1, &error);
    zip_writer_end(&writer, &error);
    CHECK_INT(zip_open_memory(&zip, "z", out.data, out.length, &error), ERR_bad_bundle);
    buffer_clear(&out);
    write_files(&out);
    buffer_append(&more, out.data, out.length - ZIP_END_BYTES);
    buffer_puts(&more, "junk");
    buffer_append(&more, out.data + out.length - ZIP_END_BYTES, ZIP_END_BYTES);
    CHECK_INT(zip_open_memory(&zip, "z", more.data, more.length, &error), ERR_bad_bundle);
    buffer_release(&more);
    buffer_release(&out);
}

/* An entry that says it would become much larger than deflate can make it: B3.1. */
static void refuses_bombs(void)
{
    struct buffer out = {0};
    struct zip zip;
    struct error error;
    write_files(&out);
    CHECK_INT(zip_open_memory(&zip, "z", out.data, out.length, &error), 0);
    zip_close(&zip);
    const char *record = NULL;
    for (size_t at = 0; at + 4 <= out.length; at++)
        if (memcmp(out.data + at, "PK\1\2", 4) == 0)
            record = out.data + at; /* the last: "deflated" */
    CHECK(record != NULL);
    memcpy(out.data + (record - out.data) + 24, "\0\0\0\x20", 4); /* half a GiB */
    CHECK_INT(zip_open_memory(&zip, "z", out.data, out.length, &error), ERR_bad_bundle);
    CHECK(strstr(error.message, "cannot have the size") != NULL);
    buffer_release(&out);
}

/* B2.1, B2.2. */
static void manifests_are_read_back(void)
{
    struct manifest one, two;
    struct buffer text = {0}, again = {0};
    struct error error;
    manifest_init(&one);
    one.compiler = "0.1.0";
    one.abi = 7;
    one.target = "x86_64";
    one.processor = "x86-64-v3";
    one.program = "a \"quoted\"\n.wk";
    one.optimize = 2;
    one.result = "()";
    one.linear_algebra = true;
    vector_push(&one.parameters, (struct manifest_parameter){"n", "i64", "3"});
    vector_push(&one.parameters, (struct manifest_parameter){"s", "str", NULL});
    vector_push(&one.tasks,
                (struct manifest_task){
                    .name = "f", .symbol = "f.1", .file = "a", .line = 3, .retries = -1});
    vector_push(&one.tasks, (struct manifest_task){"g", "g", "b", 4, 0, 5, 6, 7, true, "f.1"});
    struct manifest_file file = {.name = "x", .bytes = 1ull << 40};
    manifest_hash("abc", 3, file.hash);
    /* FIPS 180-2, B.1. */
    CHECK_TEXT(file.hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    vector_push(&one.files, file);
    manifest_print(&one, &text);
    manifest_init(&two);
    CHECK_INT(manifest_parse(&two, "p", &text, &error), 0);
    manifest_print(&two, &again);
    CHECK_TEXT(buffer_text(&again), buffer_text(&text));
    CHECK_INT(two.tasks.items[0].retries, -1);
    CHECK(manifest_find(&two, "x") && !manifest_find(&two, "y"));
    manifest_release(&two);
    manifest_release(&one);
    buffer_release(&again);
    buffer_release(&text);
}

TEST_MAIN(TEST(reads_what_was_written), TEST(copies_what_is_compressed),
          TEST(refuses_what_is_cut_off), TEST(finds_changed_bits),
          TEST(refuses_names_that_lead_elsewhere), TEST(refuses_bombs),
          TEST(refuses_what_is_there_twice_or_unsaid), TEST(manifests_are_read_back))
