/*
 * wk_sort_str and wk_order_str: strings in the order of their bytes, which in UTF-8 is that of
 * their code points.
 *
 * Items are sorted by merging (Knuth, The Art of Computer Programming 5.2.4; stable), from short
 * runs that insertion made. An item is the number of a string and its first eight bytes as one
 * integer, so that most comparisons do not look at the string itself.
 */
#include <stdbool.h>
#include <string.h>

#include "wk.h"

/* Some TURNS lie between two looks at the stop flag: a millisecond or a few. */
enum { RUN = 16, PREFIX_BYTES = 8, TURNS = 1 << 14 };

struct item {
    uint64_t prefix; /* the first bytes, the first of all most significant, then zeros */
    uint64_t number;
};

/* ---- Order ---------------------------------------------------------------------------------- */

static const char *text_of(const uint64_t *texts, uint64_t number)
{
    return (const char *)(uintptr_t)texts[2 * number];
}

static uint64_t length_of(const uint64_t *texts, uint64_t number)
{
    return texts[2 * number + 1];
}

static uint64_t prefix_of(const char *text, uint64_t length)
{
    uint64_t prefix = 0;
    if (length)
        memcpy(&prefix, text, length < PREFIX_BYTES ? length : PREFIX_BYTES);
    return __builtin_bswap64(prefix);
}

/* Zeros behind a short string are less than nothing: strings of one prefix are compared in full. */
static bool texts_less(const uint64_t *texts, uint64_t left, uint64_t right)
{
    uint64_t length = length_of(texts, left), other = length_of(texts, right);
    uint64_t both = length < other ? length : other;
    int order = both ? memcmp(text_of(texts, left), text_of(texts, right), both) : 0;
    return order ? order < 0 : length < other;
}

static inline bool item_less(const uint64_t *texts, const struct item *left,
                             const struct item *right)
{
    if (left->prefix != right->prefix)
        return left->prefix < right->prefix;
    return texts_less(texts, left->number, right->number);
}

/* ---- Merging -------------------------------------------------------------------------------- */

static void insert_run(const uint64_t *texts, struct item *items, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        struct item item = items[i];
        uint64_t at = i;
        for (; at > 0 && item_less(texts, &item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* Two runs that are being merged: items[left..middle] and items[right..count] are left of them. */
struct merge {
    const struct item *items;
    uint64_t left, middle, right, count;
};

/* Merges until one of the runs has ended, or for TURNS items; returns where the next item goes. */
static struct item *merge_turns(const uint64_t *texts, struct merge *merge, struct item *to)
{
    const struct item *items = merge->items;
    uint64_t left = merge->left, right = merge->right;
    for (int turns = TURNS; turns > 0 && left < merge->middle && right < merge->count; turns--) {
        bool second = item_less(texts, &items[right], &items[left]);
        *to++ = items[second ? right++ : left++];
    }
    merge->left = left;
    merge->right = right;
    return to;
}

/* Merges items[0..middle] and items[middle..count]; of equal ones those of the first come first.
 * Returns a status. */
static int32_t merge_runs(struct wk_context *context, const uint64_t *texts,
                          const struct item *items, uint64_t middle, uint64_t count,
                          struct item *to)
{
    if (middle >= count || !item_less(texts, &items[middle], &items[middle - 1])) {
        memcpy(to, items, count * sizeof *to);
        return 0;
    }
    struct merge merge = {items, 0, middle, middle, count};
    while (merge.left < middle && merge.right < count) {
        if (wk_should_stop(context))
            return wk_stopped(context);
        to = merge_turns(texts, &merge, to);
    }
    memcpy(to, items + merge.left, (middle - merge.left) * sizeof *to);
    memcpy(to + (middle - merge.left), items + merge.right, (count - merge.right) * sizeof *to);
    return 0;
}

/* Makes sorted runs of RUN items each. Returns a status. */
static int32_t insert_runs(struct wk_context *context, const uint64_t *texts, struct item *items,
                           uint64_t count)
{
    for (uint64_t begin = 0; begin < count; begin += RUN) {
        if (begin % TURNS == 0 && wk_should_stop(context))
            return wk_stopped(context);
        insert_run(texts, items + begin, count - begin < RUN ? count - begin : RUN);
    }
    return 0;
}

/* Merges the runs of `run` items two by two. Returns a status. */
static int32_t merge_all(struct wk_context *context, const uint64_t *texts,
                         const struct item *items, uint64_t count, uint64_t run, struct item *to)
{
    int32_t status = 0;
    for (uint64_t begin = 0; begin < count && status == 0; begin += 2 * run) {
        uint64_t left = count - begin;
        status = merge_runs(context, texts, items + begin, run, left < 2 * run ? left : 2 * run,
                            to + begin);
    }
    return status;
}

/* Sorts `items`; the sorted ones are in `items` or in `other`: *sorted. Returns a status. */
static int32_t sort_items(struct wk_context *context, const uint64_t *texts, struct item *items,
                          struct item *other, uint64_t count, struct item **sorted)
{
    int32_t status = insert_runs(context, texts, items, count);
    for (uint64_t run = RUN; run < count && status == 0; run *= 2) {
        status = merge_all(context, texts, items, count, run, other);
        struct item *swap = items;
        items = other;
        other = swap;
    }
    *sorted = items;
    return status;
}

/* ---- The functions that kernels call --------------------------------------------------------- */

_Static_assert(sizeof(struct item) == 2 * sizeof(uint64_t), "an item is as large as a string");

/* The sorted items of strings, in a block that the caller frees: *block, NULL on failure. */
static int32_t sort_texts(struct wk_context *context, const uint64_t *texts, uint64_t count,
                          struct item **block, struct item **sorted)
{
    struct item *items = wk_alloc(context, 2 * count * sizeof *items);
    *block = items;
    if (!items)
        return wk_failed(context);
    for (uint64_t i = 0; i < count; i++)
        items[i] = (struct item){prefix_of(text_of(texts, i), length_of(texts, i)), i};
    return sort_items(context, texts, items, items + count, count, sorted);
}

int32_t wk_sort_str(struct wk_context *context, uint64_t *texts, uint64_t count)
{
    struct item *block, *sorted;
    int32_t status = sort_texts(context, texts, count, &block, &sorted);
    uint64_t *words = (uint64_t *)sorted; /* an item has room for the words of its string */
    for (uint64_t i = 0; i < count && status == 0; i++)
        memcpy(words + 2 * i, texts + 2 * sorted[i].number, sizeof *sorted);
    if (count && status == 0)
        memcpy(texts, words, count * sizeof *sorted);
    wk_free(context, block);
    return status;
}

int32_t wk_order_str(struct wk_context *context, const uint64_t *texts, uint64_t count,
                     int64_t *order)
{
    struct item *block, *sorted;
    int32_t status = sort_texts(context, texts, count, &block, &sorted);
    for (uint64_t i = 0; i < count && status == 0; i++)
        order[i] = (int64_t)sorted[i].number;
    wk_free(context, block);
    return status;
}
