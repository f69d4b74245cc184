/*
 * Maps (wk.h): rows of entries in the order of insertion, and an index into them.
 *
 * Rows. A row is the words of the key and then those of the value. A new entry gets the next row;
 * rows that are used up are doubled. A removed entry leaves its row behind, marked in `removed`,
 * until the map is settled: when it is gone over, copied, or has no row left. So removing takes
 * constant time, and whoever goes over a settled map meets no holes.
 *
 * Index. Open addressing with linear probing, by lines of eight slots (map_index.h). Tags of
 * integers that follow each other are alike but in their last bits, so that these share a line.
 * Keys are compared only when their tags agree, and a larger index is made from the smaller one
 * alone, almost sequentially. A slot that is removed from a full line is filled by one of those
 * behind it that may move there: there are no marks of removed slots that later searches would have
 * to pass. Eight rows and fewer need no index.
 *
 * Runs. Integers that are inserted in order, each one more than the one before it, need none
 * either: where a key's row is follows from the key. The index is made when a key breaks the run.
 * When there is no memory for it at a removal, which must not fail, the rows behind move up: so the
 * keys of more than eight rows without an index always ascend, and are found by halves at worst.
 *
 * Texts of keys are copied into a pool of chunks, each as large as all before it together; they
 * never move. When most of a pool belongs to removed keys, the others move to a new one instead.
 */
#include <string.h>

#include "value/context.h"
#include "value/map_hash.h"
#include "value/map_index.h"
#include "wk.h"

enum { FEW_ROWS = 8, FIRST_LINES = 2, POOL_FIRST = 256, LINK_BYTES = 16 };
static const uint64_t ROWS_MAX = 3ULL << 30;

static uint32_t key_words(const struct wk_layout *layout)
{
    return layout->parts[0]->words;
}

/* ---- Searching ----------------------------------------------------------------------------- */

INLINED bool texts_equal(const char *left, const char *right, uint64_t length)
{
    if (length > SHORT_TEXT)
        return memcmp(left, right, length) == 0;
    if (short_text_has_room(left, length) && short_text_has_room(right, length))
        return short_text_equal(left, right, length);
    uint64_t last = length - 1;
    if (length >= 8)
        return !((read8(left) ^ read8(right)) |
                 (read8(left + length - 8) ^ read8(right + length - 8)));
    if (length >= 4)
        return !((read4(left) ^ read4(right)) |
                 (read4(left + length - 4) ^ read4(right + length - 4)));
    return length == 0 || (left[0] == right[0] && left[length / 2] == right[length / 2] &&
                           left[last] == right[last]);
}

INLINED bool row_is(enum key_kind kind, const struct wk_layout *layout, const uint64_t *row,
                    const uint64_t *key)
{
    if (kind == KEY_INTEGER)
        return row[0] == key[0];
    if (kind == KEY_TEXT)
        return row[1] == key[1] && texts_equal((const char *)address_of(row[0]),
                                               (const char *)address_of(key[0]), key[1]);
    return wk_value_equal(layout->parts[0], row, key);
}

/* Where a slot is. */
struct slot {
    uint64_t line;
    uint32_t number; /* in its line */
};

INLINED uint64_t *row_at(const struct wk_map *map, const struct line *line, uint32_t slot)
{
    return map->rows + (uint64_t)line->rows[slot] * map->width;
}

/* The row of a key, and its place; or NULL, and the empty slot where its search ends. */
INLINED uint64_t *search(const struct wk_map *map, enum key_kind kind,
                         const struct wk_layout *layout, const uint64_t *key, uint32_t tag,
                         struct slot *place)
{
    const struct line *lines = index_lines(map);
    uint64_t mask = line_mask(map);
    for (uint64_t at = line_home(map, tag);; at = (at + 1) & mask) {
        const struct line *line = &lines[at];
        place->line = at;
        for (uint32_t found = line_find(line, tag); found; found &= found - 1) {
            place->number = first_slot(found);
            uint64_t *row = row_at(map, line, place->number);
            if (__builtin_expect(row_is(kind, layout, row, key), true))
                return row;
        }
        uint32_t empty = line_empty(line);
        if (empty) {
            place->number = first_slot(empty);
            return NULL;
        }
    }
}

INLINED uint64_t *search_few(const struct wk_map *map, enum key_kind kind,
                             const struct wk_layout *layout, const uint64_t *key)
{
    uint64_t *row = map->rows, *end = row + map->used * map->width;
    for (; row < end; row += map->width)
        if (row_is(kind, layout, row, key))
            return row;
    return NULL;
}

/* How far a row's key is from the first. */
INLINED uint64_t distance_of(const struct wk_map *map, uint64_t row)
{
    return map->rows[row * map->width] - map->rows[0];
}

/* A search that its first look did not end. */
#define FURTHER static __attribute__((noinline)) uint64_t *

/* Keys that ascend have gaps only after a removal without memory for an index. */
FURTHER find_between_gaps(const struct wk_map *map, uint64_t distance)
{
    uint64_t low = 0, high = map->used - 1, last = distance_of(map, high);
    if (last == high || distance > last)
        return NULL;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (distance_of(map, middle) < distance)
            low = middle + 1;
        else
            high = middle;
    }
    return distance_of(map, low) == distance ? map->rows + low * map->width : NULL;
}

/* The row of a key among more than a few rows without an index. */
INLINED uint64_t *search_run(const struct wk_map *map, uint64_t key)
{
    uint64_t distance = key - map->rows[0], *row = map->rows + distance * map->width;
    if (__builtin_expect(distance < map->used && row[0] == key, true))
        return row;
    return find_between_gaps(map, distance);
}

INLINED uint64_t *search_unindexed(const struct wk_map *map, enum key_kind kind,
                                   const struct wk_layout *layout, const uint64_t *key)
{
    if (kind == KEY_INTEGER && map->used > FEW_ROWS)
        return search_run(map, key[0]);
    return search_few(map, kind, layout, key);
}

FURTHER find_integer_further(const struct wk_map *map, uint64_t key, uint32_t tag)
{
    struct slot place;
    return search(map, KEY_INTEGER, NULL, &key, tag, &place);
}

FURTHER find_text_further(const struct wk_map *map, const char *text, uint64_t length, uint32_t tag)
{
    struct slot place;
    return search(map, KEY_TEXT, NULL, (uint64_t[]){(uintptr_t)text, length}, tag, &place);
}

/* The first row in the line where the search begins whose key has the tag, or NULL. */
INLINED uint64_t *first_row(const struct wk_map *map, uint32_t tag)
{
    const struct line *line = index_lines(map) + line_home(map, tag);
    uint32_t found = line_find(line, tag);
    return found ? row_at(map, line, first_slot(found)) : NULL;
}

/* The row, if it is that one: most searches end there. It is short, so that the processor has many
 * of them under way. */
INLINED uint64_t *find_at_once(const struct wk_map *map, enum key_kind kind, const uint64_t *key,
                               uint32_t tag)
{
    const struct line *line = index_lines(map) + line_home(map, tag);
    uint32_t found = line_find(line, tag);
    if (__builtin_expect(found == 0, false))
        return NULL;
    uint64_t *row = row_at(map, line, first_slot(found));
    return __builtin_expect(row_is(kind, NULL, row, key), true) ? row : NULL;
}

uint64_t *wk_map_find_int(const struct wk_map *map, uint64_t key)
{
    if (__builtin_expect(!map, false))
        return NULL;
    if (__builtin_expect(!map->index, false))
        return search_unindexed(map, KEY_INTEGER, NULL, &key);
    uint32_t tag = tag_of(KEY_INTEGER, NULL, &key);
    uint64_t *row = find_at_once(map, KEY_INTEGER, &key, tag);
    return row ? row : find_integer_further(map, key, tag);
}

uint64_t *wk_map_find_str(const struct wk_map *map, const char *text, uint64_t length)
{
    uint64_t key[2] = {(uintptr_t)text, length};
    if (!map)
        return NULL;
    if (!map->index)
        return search_few(map, KEY_TEXT, NULL, key);
    uint32_t tag = tag_of(KEY_TEXT, NULL, key);
    uint64_t *row = find_at_once(map, KEY_TEXT, key, tag);
    return row ? row : find_text_further(map, text, length, tag);
}

static uint64_t *find_parts(const struct wk_map *map, const struct wk_layout *layout,
                            const uint64_t *key)
{
    struct slot place;
    if (!map)
        return NULL;
    if (!map->index)
        return search_few(map, KEY_PARTS, layout, key);
    return search(map, KEY_PARTS, layout, key, tag_of(KEY_PARTS, layout, key), &place);
}

INLINED uint32_t text_tag(const uint64_t *key)
{
    return tag_of(KEY_TEXT, NULL, key);
}

/* In two steps, the second of which reads what the first fetched some turns ago: the slot, the row.
 * To fetch the row's text as well saves no time. A key is hashed for the first step; its tag is
 * kept for the second, by the turns that are left then. A tag that another loop left behind
 * misleads the hint, and nothing else. */
void wk_map_ahead_str(const struct wk_map *map, const uint64_t *keys, uint64_t width, uint64_t left)
{
    enum { IN_CACHE = 1024, TAGS = 16, SLOT_AHEAD = 12, ROW_AHEAD = 8 };
    static _Thread_local uint32_t tags[TAGS];
    if (!map || map->used < IN_CACHE || left <= SLOT_AHEAD)
        return;
    uint32_t tag = text_tag(keys + SLOT_AHEAD * width);
    tags[(left - SLOT_AHEAD) % TAGS] = tag;
    __builtin_prefetch(index_lines(map) + line_home(map, tag));
    const uint64_t *row = first_row(map, tags[(left - ROW_AHEAD) % TAGS]);
    if (row)
        __builtin_prefetch(row);
}

uint64_t *wk_map_find(const struct wk_map *map, const struct wk_layout *layout, const uint64_t *key)
{
    switch (kind_of(layout)) {
    case KEY_INTEGER:
        return wk_map_find_int(map, key[0]);
    case KEY_TEXT:
        return wk_map_find_str(map, (const char *)address_of(key[0]), key[1]);
    case KEY_PARTS:
        break;
    }
    return find_parts(map, layout, key);
}

/* ---- Removed rows -------------------------------------------------------------------------- */

/* Behind the rows of a block is room for the marks: two words for 64 rows. */
static uint64_t mark_words(uint64_t capacity)
{
    return (capacity + 63) / 64 * 2;
}

static bool is_removed(const struct wk_map *map, uint64_t row)
{
    return map->removed && (map->removed[row / 64 * 2] >> row % 64 & 1);
}

static void mark_removed(struct wk_map *map, uint64_t row)
{
    if (!map->removed) {
        map->removed = map->rows + map->capacity * map->width;
        memset(map->removed, 0, mark_words(map->capacity) * sizeof *map->removed);
    }
    map->removed[row / 64 * 2] |= 1ULL << row % 64;
}

/* Writes behind each word of marks how many rows were removed before it. */
static void count_marks(struct wk_map *map)
{
    uint64_t before = 0;
    for (uint64_t i = 0; i < mark_words(map->capacity); i += 2) {
        map->removed[i + 1] = before;
        before += (uint64_t)__builtin_popcountll(map->removed[i]);
    }
}

static uint64_t removed_before(const struct wk_map *map, uint64_t row)
{
    const uint64_t *marks = &map->removed[row / 64 * 2];
    uint64_t below = marks[0] & ((1ULL << row % 64) - 1);
    return marks[1] + (uint64_t)__builtin_popcountll(below);
}

/* Gives the slots the numbers that their rows will have. */
static void settle_index(struct wk_map *map)
{
    struct line *end = index_lines(map) + line_count(map);
    for (struct line *line = index_lines(map); line < end; line++)
        for (uint32_t i = 0; i < LINE_SLOTS; i++)
            if (line->tags[i])
                line->rows[i] -= (uint32_t)removed_before(map, line->rows[i]);
}

void wk_map_settle(struct wk_map *map)
{
    if (!map || !map->removed)
        return;
    count_marks(map);
    settle_index(map);
    uint64_t *to = map->rows;
    for (uint64_t row = 0; row < map->used; row++) {
        if (is_removed(map, row))
            continue;
        memmove(to, map->rows + row * map->width, map->width * sizeof *to);
        to += map->width;
    }
    map->used = map->count;
    map->removed = NULL;
}

/* A slot of line `at` whose search passes line `hole`; LINE_SLOTS: none. */
static uint32_t passing_slot(const struct wk_map *map, uint64_t at, uint64_t hole)
{
    const struct line *line = &index_lines(map)[at];
    uint64_t mask = line_mask(map);
    for (uint32_t i = 0; i < LINE_SLOTS; i++)
        if (line->tags[i] && ((at - line_home(map, line->tags[i])) & mask) >= ((at - hole) & mask))
            return i;
    return LINE_SLOTS;
}

/* Empties a slot. Searches would end in its line if that was full: so a slot behind it whose search
 * goes through it moves there, and leaves a hole itself. */
static void index_remove(struct wk_map *map, struct slot place)
{
    struct line *lines = index_lines(map), *hole = &lines[place.line];
    uint64_t mask = line_mask(map);
    bool was_full = !line_empty(hole);
    hole->tags[place.number] = 0;
    for (uint64_t at = (place.line + 1) & mask; was_full; at = (at + 1) & mask) {
        uint32_t slot = passing_slot(map, at, place.line);
        was_full = !line_empty(&lines[at]);
        if (slot == LINE_SLOTS)
            continue;
        hole->tags[place.number] = lines[at].tags[slot];
        hole->rows[place.number] = lines[at].rows[slot];
        hole = &lines[at];
        hole->tags[slot] = 0;
        place = (struct slot){at, slot};
    }
}

/* ---- The pool of texts ------------------------------------------------------------------------
 *
 * A chunk begins with the address of the one before it. */

static uint64_t text_bytes(const struct wk_layout *key, const uint64_t *words)
{
    uint64_t bytes = key->kind == WK_STRING ? words[1] : 0;
    for (uint32_t i = 0; key->kind == WK_PARTS && i < key->part_count; i++) {
        bytes += text_bytes(key->parts[i], words);
        words += key->parts[i]->words;
    }
    return bytes;
}

static void free_chunks(struct wk_context *context, char *chunk)
{
    while (chunk) {
        char *before;
        memcpy(&before, chunk, sizeof before);
        wk_free(context, chunk);
        chunk = before;
    }
}

static void copy_texts(struct wk_map *map, const struct wk_layout *key, uint64_t *words)
{
    if (key->kind == WK_STRING) {
        char *text = map->pool + map->pool_used;
        if (words[1])
            memcpy(text, address_of(words[0]), words[1]);
        map->pool_used += words[1];
        words[0] = (uintptr_t)text;
    }
    for (uint32_t i = 0; key->kind == WK_PARTS && i < key->part_count; i++) {
        copy_texts(map, key->parts[i], words);
        words += key->parts[i]->words;
    }
}

/* A chunk with room for `bytes` becomes the newest, after those before it. */
static bool add_chunk(struct wk_context *context, struct wk_map *map, uint64_t bytes, char *before)
{
    char *chunk = wk_alloc(context, LINK_BYTES + bytes);
    if (!chunk)
        return false;
    memcpy(chunk, &before, sizeof before);
    map->pool = chunk;
    map->pool_used = LINK_BYTES;
    map->pool_bytes = LINK_BYTES + bytes;
    map->pool_total += bytes;
    return true;
}

/* Copies the texts of all keys to a pool of one chunk, with room for `bytes` more. The former pool
 * is left to the caller. */
static bool renew_pool(struct wk_context *context, const struct wk_layout *layout,
                       struct wk_map *map, uint64_t bytes)
{
    uint64_t total = map->pool_total, needed = bytes;
    for (uint64_t row = 0; row < map->used; row++)
        if (!is_removed(map, row))
            needed += text_bytes(layout->parts[0], map->rows + row * map->width);
    map->pool_total = 0;
    if (!add_chunk(context, map, needed, NULL)) {
        map->pool_total = total;
        return false;
    }
    map->pool_unused = 0;
    for (uint64_t row = 0; row < map->used; row++)
        if (!is_removed(map, row))
            copy_texts(map, layout->parts[0], map->rows + row * map->width);
    return true;
}

/* Makes room for texts. The key may be of the former pool, which the caller frees: *former. */
static bool reserve_texts(struct wk_context *context, const struct wk_layout *layout,
                          struct wk_map *map, uint64_t bytes, char **former)
{
    if (map->pool && bytes <= map->pool_bytes - map->pool_used)
        return true;
    if (map->pool_unused > map->pool_total / 2) {
        *former = map->pool;
        return renew_pool(context, layout, map, bytes + POOL_FIRST);
    }
    uint64_t more = map->pool_total < POOL_FIRST ? POOL_FIRST : map->pool_total;
    return add_chunk(context, map, more < bytes ? bytes : more, map->pool);
}

/* Frees what an entry has, and counts it no more. */
static void release_row(struct wk_context *context, const struct wk_layout *layout,
                        struct wk_map *map, uint64_t *row)
{
    map->pool_unused += text_bytes(layout->parts[0], row);
    wk_value_free(context, layout->parts[1], row + key_words(layout));
    map->count--;
}

/* ---- Growing ------------------------------------------------------------------------------- */

/* Three quarters of the slots of an index. */
static uint64_t rows_for(uint64_t lines)
{
    return lines ? lines * LINE_SLOTS / 4 * 3 : FEW_ROWS;
}

/* The lines of the smallest index for so many rows. */
static uint64_t lines_for(uint64_t rows)
{
    uint64_t lines = FIRST_LINES;
    while (rows_for(lines) < rows)
        lines *= 2;
    return lines;
}

static uint64_t *new_rows(struct wk_context *context, uint64_t capacity, uint32_t width)
{
    return wk_alloc(context, (capacity * width + mark_words(capacity)) * sizeof(uint64_t));
}

/* An index without entries. */
static uint64_t *new_index(struct wk_context *context, uint64_t lines)
{
    uint64_t *index = wk_alloc(context, lines * sizeof(struct line));
    if (index)
        memset(index, 0, lines * sizeof(struct line));
    return index;
}

static void index_set(struct wk_map *map, struct slot place, uint32_t tag, uint64_t row)
{
    struct line *line = &index_lines(map)[place.line];
    line->tags[place.number] = tag;
    line->rows[place.number] = (uint32_t)row;
}

static struct slot empty_place(const struct wk_map *map, uint32_t tag)
{
    const struct line *lines = index_lines(map);
    uint64_t mask = line_mask(map), at = line_home(map, tag);
    uint32_t empty;
    while (!(empty = line_empty(&lines[at])))
        at = (at + 1) & mask;
    return (struct slot){at, first_slot(empty)};
}

static void index_add(struct wk_map *map, uint32_t tag, uint64_t row)
{
    index_set(map, empty_place(map, tag), tag, row);
}

/* Enters the rows of a map that had no index. */
static void index_rows(struct wk_map *map, const struct wk_layout *layout)
{
    for (uint64_t row = 0; row < map->used; row++)
        index_add(map, tag_of(kind_of(layout), layout, map->rows + row * map->width), row);
}

static void index_slots(struct wk_map *map, const struct line *lines, uint64_t count)
{
    for (const struct line *line = lines; line < lines + count; line++)
        for (uint32_t i = 0; i < LINE_SLOTS; i++)
            if (line->tags[i])
                index_add(map, line->tags[i], line->rows[i]);
}

/* The index becomes the map's, with all its rows. */
static void replace_index(struct wk_context *context, const struct wk_layout *layout,
                          struct wk_map *map, uint64_t *index, uint64_t lines)
{
    uint64_t *former = map->index, former_lines = line_count(map);
    map->index = index;
    map->index_shift = line_shift(lines);
    if (former)
        index_slots(map, (const struct line *)(void *)former, former_lines);
    else
        index_rows(map, layout);
    wk_free(context, former);
}

/* Makes an index for a map that has none. */
static bool add_index(struct wk_context *context, const struct wk_layout *layout,
                      struct wk_map *map)
{
    uint64_t lines = lines_for(map->capacity), *index = new_index(context, lines);
    if (index)
        replace_index(context, layout, map, index, lines);
    return index != NULL;
}

static bool refuse_rows(struct wk_context *context)
{
    struct context *whole = context->runtime;
    error_set(&whole->error, ERR_out_of_memory, "a map holds at most %llu entries",
              (unsigned long long)ROWS_MAX);
    return false;
}

/* Doubles a settled map; one that goes on as a run does so without an index. */
static bool grow(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map,
                 bool is_run)
{
    if (map->capacity >= ROWS_MAX)
        return refuse_rows(context);
    uint64_t lines = lines_for(map->capacity + 1);
    uint64_t *rows = new_rows(context, rows_for(lines), map->width);
    uint64_t *index = rows && !is_run ? new_index(context, lines) : NULL;
    if (!rows || (!is_run && !index)) {
        wk_free(context, rows);
        return false;
    }
    memcpy(rows, map->rows, map->used * map->width * sizeof *rows);
    wk_free(context, map->rows);
    map->rows = rows;
    map->capacity = rows_for(lines);
    if (index)
        replace_index(context, layout, map, index, lines);
    return true;
}

static struct wk_map *new_map(struct wk_context *context, uint32_t width, uint64_t capacity)
{
    struct wk_map *map = wk_alloc(context, sizeof *map);
    if (!map)
        return NULL;
    memset(map, 0, sizeof *map);
    map->width = width;
    map->capacity = capacity;
    map->rows = new_rows(context, capacity, width);
    if (map->rows)
        return map;
    wk_free(context, map);
    return NULL;
}

/* Makes sure that an indexed map has a row for one more entry. */
static bool make_room(struct wk_context *context, const struct wk_layout *layout,
                      struct wk_map *map)
{
    if (map->used < map->capacity)
        return true;
    bool many_removed = map->used - map->count > map->capacity / 4;
    wk_map_settle(map);
    return many_removed || grow(context, layout, map, false);
}

/* Whether the keys of a map without an index are a run, and this one goes on with it. */
static bool continues_run(const struct wk_map *map, uint64_t key)
{
    uint64_t last = map->used - 1;
    if (key - map->rows[0] != map->used || distance_of(map, last) != last)
        return false;
    for (uint64_t row = 1; map->used <= FEW_ROWS && row < last; row++)
        if (distance_of(map, row) != row)
            return false;
    return true;
}

/* Makes sure that there is a map that has a row for a key that it has not yet, and an index if it
 * had none and needs one now. */
static bool make_ready(struct wk_context *context, const struct wk_layout *layout,
                       struct wk_map **where, enum key_kind kind, const uint64_t *key)
{
    struct wk_map *map = *where;
    if (!map) {
        *where = new_map(context, key_words(layout) + layout->parts[1]->words, FEW_ROWS);
        return *where != NULL;
    }
    if (map->used < FEW_ROWS && map->used < map->capacity)
        return true;
    bool is_run = kind == KEY_INTEGER && map->used && continues_run(map, key[0]);
    if (map->used == map->capacity)
        return grow(context, layout, map, is_run);
    return is_run || add_index(context, layout, map);
}

/* Writes key and value of the next row. */
static uint64_t *append_row(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map *map, enum key_kind kind, const uint64_t *key)
{
    uint64_t *row = map->rows + map->used * map->width;
    uint32_t words = key_words(layout);
    char *former = NULL;
    if (kind != KEY_INTEGER) {
        uint64_t bytes = text_bytes(layout->parts[0], key);
        if (!reserve_texts(context, layout, map, bytes, &former))
            return NULL;
    }
    for (uint32_t i = 0; i < map->width; i++)
        row[i] = i < words ? key[i] : 0;
    if (kind != KEY_INTEGER)
        copy_texts(map, layout->parts[0], row);
    if (former)
        free_chunks(context, former);
    return row;
}

/* ---- Inserting ----------------------------------------------------------------------------- */

/* A key that the map has not yet; there is a row for it. */
INLINED uint64_t *insert_unindexed(struct wk_context *context, const struct wk_layout *layout,
                                   struct wk_map *map, enum key_kind kind, const uint64_t *key)
{
    uint64_t *row = append_row(context, layout, map, kind, key);
    if (!row)
        return NULL;
    map->used++;
    map->count++;
    return row;
}

INLINED uint64_t *insert_indexed(struct wk_context *context, const struct wk_layout *layout,
                                 struct wk_map *map, enum key_kind kind, const uint64_t *key)
{
    struct slot place;
    uint32_t tag = tag_of(kind, layout, key);
    uint64_t *row = search(map, kind, layout, key, tag, &place);
    if (row)
        return row;
    if (__builtin_expect(map->used == map->capacity, false)) {
        if (!make_room(context, layout, map))
            return NULL;
        place = empty_place(map, tag);
    }
    row = append_row(context, layout, map, kind, key);
    if (!row)
        return NULL;
    map->count++;
    index_set(map, place, tag, map->used++);
    return row;
}

INLINED uint64_t *insert(struct wk_context *context, const struct wk_layout *layout,
                         struct wk_map **where, enum key_kind kind, const uint64_t *key)
{
    struct wk_map *map = *where;
    if (map && map->index)
        return insert_indexed(context, layout, map, kind, key);
    uint64_t *row = map ? search_unindexed(map, kind, layout, key) : NULL;
    if (row)
        return row;
    if (!make_ready(context, layout, where, kind, key))
        return NULL;
    map = *where;
    return map->index ? insert_indexed(context, layout, map, kind, key)
                      : insert_unindexed(context, layout, map, kind, key);
}

/* Whether a key goes on with a run of more than a few rows that has room for it. */
INLINED bool run_takes(const struct wk_map *map, uint64_t key)
{
    uint64_t used = map->used;
    return used > FEW_ROWS && used < map->capacity && key - map->rows[0] == used &&
           map->rows[(used - 1) * map->width] == key - 1;
}

uint64_t *wk_map_insert_int(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map **where, uint64_t key)
{
    struct wk_map *map = *where;
    if (map && !map->index && run_takes(map, key))
        return insert_unindexed(context, layout, map, KEY_INTEGER, &key);
    return insert(context, layout, where, KEY_INTEGER, &key);
}

static __attribute__((noinline)) uint64_t *insert_text(struct wk_context *context,
                                                       const struct wk_layout *layout,
                                                       struct wk_map **map, const char *text,
                                                       uint64_t length)
{
    uint64_t key[2] = {(uintptr_t)text, length};
    return insert(context, layout, map, KEY_TEXT, key);
}

/* Most keys are there already: then this is a search, without a frame on the stack. */
uint64_t *wk_map_insert_str(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map **where, const char *text, uint64_t length)
{
    const struct wk_map *map = *where;
    if (!map || !map->index || length > SHORT_TEXT)
        return insert_text(context, layout, where, text, length);
    uint64_t key[2] = {(uintptr_t)text, length};
    struct slot place;
    uint64_t *row = search(map, KEY_TEXT, layout, key, tag_of(KEY_TEXT, layout, key), &place);
    return row ? row : insert_text(context, layout, where, text, length);
}

uint64_t *wk_map_insert(struct wk_context *context, const struct wk_layout *layout,
                        struct wk_map **map, const uint64_t *key)
{
    switch (kind_of(layout)) {
    case KEY_INTEGER:
        return wk_map_insert_int(context, layout, map, key[0]);
    case KEY_TEXT:
        return wk_map_insert_str(context, layout, map, (const char *)address_of(key[0]), key[1]);
    case KEY_PARTS:
        break;
    }
    return insert(context, layout, map, KEY_PARTS, key);
}

/* ---- Removing ------------------------------------------------------------------------------ */

static void remove_indexed(struct wk_context *context, const struct wk_layout *layout,
                           struct wk_map *map, const uint64_t *key)
{
    struct slot place;
    enum key_kind kind = kind_of(layout);
    uint64_t *row = search(map, kind, layout, key, tag_of(kind, layout, key), &place);
    if (!row)
        return;
    release_row(context, layout, map, row);
    index_remove(map, place);
    mark_removed(map, (uint64_t)(row - map->rows) / map->width);
}

/* Rows behind the removed one move up. */
static void remove_unindexed(struct wk_context *context, const struct wk_layout *layout,
                             struct wk_map *map, uint64_t *row)
{
    release_row(context, layout, map, row);
    const uint64_t *next = row + map->width, *end = map->rows + map->used-- * map->width;
    memmove(row, next, (size_t)(end - next) * sizeof *row);
}

/* Whether many rows would have to move, time after time, so that an index is made instead. When
 * there is no memory for it they do move. */
static bool indexed_for_removal(struct wk_context *context, const struct wk_layout *layout,
                                struct wk_map *map, const uint64_t *row)
{
    if (map->used <= FEW_ROWS || row == map->rows + (map->used - 1) * map->width)
        return false;
    struct context *whole = context->runtime;
    struct error before = whole->error;
    if (add_index(context, layout, map))
        return true;
    whole->error = before;
    return false;
}

void wk_map_remove(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map,
                   const uint64_t *key)
{
    if (!map)
        return;
    uint64_t *row = map->index ? NULL : search_unindexed(map, kind_of(layout), layout, key);
    if (map->index || (row && indexed_for_removal(context, layout, map, row)))
        remove_indexed(context, layout, map, key);
    else if (row)
        remove_unindexed(context, layout, map, row);
}

/* ---- Whole maps ---------------------------------------------------------------------------- */

void wk_map_free(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map)
{
    if (!map)
        return;
    if (!layout->parts[1]->is_flat)
        for (uint64_t row = 0; row < map->used; row++)
            if (!is_removed(map, row))
                wk_value_free(context, layout->parts[1],
                              map->rows + row * map->width + key_words(layout));
    free_chunks(context, map->pool);
    wk_free(context, map->rows);
    wk_free(context, map->index);
    wk_free(context, map);
}

/* A packed map has no room for more rows than it has; a copy of it has what its index is for. */
static uint64_t copy_capacity(const struct wk_map *map)
{
    uint64_t usual = rows_for(line_count(map));
    return usual > map->capacity ? usual : map->capacity;
}

/* Copies rows, marks and index as they are. What the rows refer to is still the source's. */
static struct wk_map *copy_rows(struct wk_context *context, const struct wk_map *map)
{
    struct wk_map *copy = new_map(context, map->width, copy_capacity(map));
    if (!copy)
        return NULL;
    if (map->index) {
        copy->index = wk_alloc(context, index_bytes(map));
        if (!copy->index) {
            wk_free(context, copy->rows);
            wk_free(context, copy);
            return NULL;
        }
        memcpy(copy->index, map->index, index_bytes(map));
    }
    copy->index_shift = map->index_shift;
    copy->count = map->count;
    copy->used = map->used;
    memcpy(copy->rows, map->rows, map->used * map->width * sizeof *copy->rows);
    if (map->removed) {
        copy->removed = copy->rows + copy->capacity * copy->width;
        memcpy(copy->removed, map->removed, mark_words(map->capacity) * sizeof *copy->removed);
    }
    wk_map_settle(copy);
    return copy;
}

/* Gives the copy's rows values of their own. */
static int32_t copy_values(struct wk_context *context, const struct wk_layout *layout,
                           struct wk_map *copy)
{
    const struct wk_layout *value = layout->parts[1];
    for (uint64_t row = 0; !value->is_flat && row < copy->count; row++) {
        uint64_t *words = copy->rows + row * copy->width + key_words(layout);
        int32_t status = wk_value_copy(context, value, words, words);
        if (status) { /* the rows from here on are not the copy's */
            copy->used = copy->count = row;
            return status;
        }
    }
    return 0;
}

int32_t wk_map_copy(struct wk_context *context, const struct wk_layout *layout,
                    const struct wk_map *map, struct wk_map **copy)
{
    *copy = NULL;
    if (!map || !map->count)
        return 0;
    struct wk_map *made = copy_rows(context, map);
    if (!made)
        return wk_failed(context);
    int32_t status = copy_values(context, layout, made);
    if (!status && kind_of(layout) != KEY_INTEGER && !renew_pool(context, layout, made, 0))
        status = wk_failed(context);
    if (status)
        wk_map_free(context, layout, made);
    else
        *copy = made;
    return status;
}

int wk_map_equal(const struct wk_layout *layout, const struct wk_map *left,
                 const struct wk_map *right)
{
    if ((left ? left->count : 0) != (right ? right->count : 0))
        return false;
    for (uint64_t row = 0; left && row < left->used; row++) {
        if (is_removed(left, row))
            continue;
        const uint64_t *words = left->rows + row * left->width;
        const uint64_t *other = wk_map_find(right, layout, words);
        uint32_t value = key_words(layout);
        if (!other || !wk_value_equal(layout->parts[1], words + value, other + value))
            return false;
    }
    return true;
}
