/* Arrays written in pieces, in any order and by several threads: against the whole in memory. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "test.h"
#include "value/array_file.h"
#include "value/npy.h"

static char folder[] = "/tmp/wkc-test.XXXXXX";

/* An array of ints whose elements are their numbers, cut into boxes along each dimension. */
struct cut {
    uint8_t rank;
    int64_t extents[WK_MAX_RANK], box[WK_MAX_RANK];
};

static const struct cut cuts[] = {
    {1, {10}, {3}},
    {2, {7, 9}, {3, 4}},
    {2, {7, 9}, {7, 4}},
    {2, {7, 9}, {2, 9}},
    {3, {5, 4, 6}, {2, 4, 6}},
    {3, {5, 4, 6}, {2, 3, 6}},
    {3, {5, 4, 6}, {1, 1, 1}},
    {4, {3, 2, 1, 5}, {2, 2, 1, 2}},
    {2, {0, 5}, {1, 1}},
};

static int64_t number_of(const struct cut *cut, const int64_t *index)
{
    int64_t number = 0;
    for (unsigned d = 0; d < cut->rank; d++)
        number = number * cut->extents[d] + index[d];
    return number;
}

/* The box's elements in order, by recursion over its dimensions. */
static int32_t *fill(const struct cut *cut, const int64_t *begin, const int64_t *count,
                     int64_t *index, unsigned dimension, int32_t *out)
{
    if (dimension == cut->rank) {
        *out = (int32_t)number_of(cut, index);
        return out + 1;
    }
    for (int64_t i = 0; i < count[dimension]; i++) {
        index[dimension] = begin[dimension] + i;
        out = fill(cut, begin, count, index, dimension + 1, out);
    }
    return out;
}

/* Writes the box with this number; false behind the last. */
static bool write_box(struct array_file *file, const struct cut *cut, int64_t number)
{
    int64_t begin[WK_MAX_RANK], count[WK_MAX_RANK], index[WK_MAX_RANK];
    int32_t elements[1000];
    struct error error;
    for (unsigned d = cut->rank; d-- > 0;) {
        int64_t boxes = (cut->extents[d] + cut->box[d] - 1) / cut->box[d];
        if (boxes == 0)
            return false;
        begin[d] = number % boxes * cut->box[d];
        number /= boxes;
        int64_t rest = cut->extents[d] - begin[d];
        count[d] = rest < cut->box[d] ? rest : cut->box[d];
    }
    if (number > 0)
        return false;
    fill(cut, begin, count, index, 0, elements);
    CHECK_INT(array_file_write(file, begin, count, elements, &error), 0);
    return true;
}

struct writer {
    struct array_file *file;
    const struct cut *cut;
    int64_t first; /* then every second box */
};

static void *write_boxes(void *argument)
{
    const struct writer *w = argument;
    for (int64_t number = w->first; write_box(w->file, w->cut, number); number += 2)
        continue;
    return NULL;
}

static void check_file(const char *path, const struct cut *cut, enum array_file_format format)
{
    struct buffer found = {0}, expected = {0};
    struct error error;
    int32_t count = 1;
    for (unsigned d = 0; d < cut->rank; d++)
        count *= (int32_t)cut->extents[d];
    if (format == ARRAY_FILE_NPY)
        npy_write_header(WK_I32, cut->rank, cut->extents, &expected);
    for (int32_t i = 0; i < count; i++)
        buffer_append(&expected, &i, sizeof i);
    CHECK_INT(buffer_read_file(&found, path, 1 << 20, &error), 0);
    CHECK_INT(found.length, expected.length);
    CHECK(found.length == expected.length &&
          memcmp(buffer_text(&found), buffer_text(&expected), found.length) == 0);
    buffer_release(&found);
    buffer_release(&expected);
}

static void pieces_make_the_whole(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/array", folder);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        for (int format = ARRAY_FILE_NPY; format <= ARRAY_FILE_RAW; format++) {
            struct array_file file;
            struct error error;
            CHECK_INT(array_file_open(&file, path, (enum array_file_format)format, WK_I32,
                                      cuts[i].rank, cuts[i].extents, &error),
                      0);
            struct writer writers[] = {{&file, &cuts[i], 1}, {&file, &cuts[i], 0}};
            pthread_t thread;
            CHECK_INT(pthread_create(&thread, NULL, write_boxes, &writers[0]), 0);
            write_boxes(&writers[1]);
            pthread_join(thread, NULL);
            CHECK(access(path, F_OK) < 0); /* not there before the commit */
            CHECK_INT(array_file_commit(&file, &error), 0);
            check_file(path, &cuts[i], (enum array_file_format)format);
            unlink(path);
        }
}

static void abandoned_files_leave_nothing(void)
{
    char path[64];
    struct array_file file;
    struct error error;
    snprintf(path, sizeof path, "%s/array", folder);
    CHECK_INT(array_file_open(&file, path, ARRAY_FILE_NPY, WK_I32, 1, (int64_t[]){10}, &error), 0);
    write_box(&file, &cuts[0], 0);
    array_file_abandon(&file);
    CHECK_INT(rmdir(folder), 0); /* empty */
    CHECK_INT(array_file_open(&file, path, ARRAY_FILE_NPY, WK_I32, 1, (int64_t[]){10}, &error),
              ERR_file_unwritable);
}

int main(void)
{
    static const struct test_case cases[] = {TEST(pieces_make_the_whole),
                                             TEST(abandoned_files_leave_nothing)};
    CHECK(mkdtemp(folder) != NULL);
    return test_main(__FILE__, cases, (int)(sizeof cases / sizeof cases[0]));
}
