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
 * Texts of keys are copied into a pool of chunks, each as large as all before it together; they
 * never move. When most of a pool belongs to removed keys, the others move to a new one instead.
 *
 * Hashes are fixed: whatever depends on them is the same everywhere. That of texts multiplies to
 * 128 bits and folds the halves, as wyhash does (Wang Yi, public domain).
 */
#include <string.h>

#include "value/context.h"
#include "value/map_index.h"
#include "wk.h"

enum { FEW_ROWS = 8, SHORT_TEXT = 16, FIRST_LINES = 2, POOL_FIRST = 256, LINK_BYTES = 16 };
static const uint64_t ROWS_MAX = 3ULL << 30;

/* Kinds of keys with code of their own. It is a constant argument of functions that are inlined. */
enum key_kind { KEY_INTEGER, KEY_TEXT, KEY_PARTS };
#define INLINED static inline __attribute__((always_inline))

static enum key_kind kind_of(const struct wk_layout *layout)
{
    uint8_t kind = layout->parts[0]->kind;
    return kind == WK_STRING ? KEY_TEXT : kind == WK_PARTS ? KEY_PARTS : KEY_INTEGER;
}

static uint32_t key_words(const struct wk_layout *layout)
{
    return layout->parts[0]->words;
}

static uint64_t *address_of(uint64_t word)
{
    return (uint64_t *)(uintptr_t)word;
}

/* ---- Hashes -------------------------------------------------------------------------------- */

static const uint64_t HASH_A = 0xa0761d6478bd642fULL, HASH_B = 0xe7037ed1a0b428dbULL,
                      HASH_C = 0x8ebc6af09c88c6e3ULL;

INLINED uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

INLINED uint64_t read8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

INLINED uint64_t read4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* All bytes of a text of at most 16, in two words that overlap. */
INLINED void read_short(const char *text, uint64_t length, uint64_t *a, uint64_t *b)
{
    if (length >= 8) {
        *a = read8(text);
        *b = read8(text + length - 8);
    } else if (length >= 4) {
        *a = read4(text);
        *b = read4(text + length - 4);
    } else if (length) {
        *a = (uint64_t)(uint8_t)text[0] << 16 | (uint64_t)(uint8_t)text[length >> 1] << 8 |
             (uint8_t)text[length - 1];
        *b = 0;
    } else {
        *a = *b = 0;
    }
}

static uint64_t hash_long(const char *text, uint64_t length)
{
    uint64_t hash = length ^ HASH_C;
    const char *last = text + length - 16;
    for (; text < last; text += 16)
        hash = fold(read8(text) ^ HASH_A, read8(text + 8) ^ hash);
    return fold(fold(read8(last) ^ HASH_B, read8(last + 8) ^ hash), HASH_A);
}

INLINED uint64_t hash_text(const char *text, uint64_t length)
{
    uint64_t a, b;
    if (length > SHORT_TEXT)
        return hash_long(text, length);
    read_short(text, length, &a, &b);
    return fold(fold(a ^ HASH_A, b ^ length ^ HASH_C), HASH_B);
}

INLINED uint64_t hash_integer(uint64_t key)
{
    return fold(key ^ HASH_A, HASH_B);
}

static uint64_t hash_words(const struct wk_layout *layout, const uint64_t *words)
{
    if (layout->kind == WK_STRING)
        return hash_text((const char *)address_of(words[0]), words[1]);
    if (layout->kind != WK_PARTS)
        return hash_integer(words[0]);
    uint64_t hash = HASH_C;
    for (uint32_t i = 0; i < layout->part_count; words += layout->parts[i++]->words)
        hash = fold(hash ^ HASH_A, hash_words(layout->parts[i], words) ^ HASH_B);
    return hash;
}

/* Eight neighbours, which often come together, differ in the last bits alone. */
INLINED uint32_t tag_of_integer(uint64_t key)
{
    return (uint32_t)(hash_integer(key / LINE_SLOTS) >> 32) ^ (uint32_t)(key % LINE_SLOTS);
}

INLINED uint32_t tag_of(enum key_kind kind, const struct wk_layout *layout, const uint64_t *key)
{
    uint32_t tag = kind == KEY_INTEGER ? tag_of_integer(key[0])
                   : kind == KEY_TEXT
                       ? (uint32_t)(hash_text((const char *)address_of(key[0]), key[1]) >> 32)
                       : (uint32_t)(hash_words(layout->parts[0], key) >> 32);
    return __builtin_expect(tag != 0, true) ? tag : 1; /* 0 is an empty slot's */
}

/* ---- Searching ----------------------------------------------------------------------------- */

INLINED bool texts_equal(const char *left, const char *right, uint64_t length)
{
    if (length > SHORT_TEXT)
        return memcmp(left, right, length) == 0;
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

/* A search that its first look did not end. */
#define FURTHER static __attribute__((noinline)) uint64_t *

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
        return search_few(map, KEY_INTEGER, NULL, &key);
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
 * To fetch the row's text as well takes longer than it saves. */
void wk_map_ahead_str(const struct wk_map *map, const uint64_t *keys, uint64_t width, uint64_t left)
{
    enum { IN_CACHE = 1024, SLOT_AHEAD = 12, ROW_AHEAD = 8 };
    if (!map || map->used < IN_CACHE || left <= SLOT_AHEAD)
        return;
    uint32_t tag = text_tag(keys + SLOT_AHEAD * width);
    __builtin_prefetch(index_lines(map) + line_home(map, tag));
    const uint64_t *row = first_row(map, text_tag(keys + ROW_AHEAD * width));
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

static uint64_t text_bytes(const struct wk_layout *key, const uint64_t *words)
{
    uint64_t bytes = key->kind == WK_STRING ? words[1] : 0;
    for (uint32_t i = 0; key->kind == WK_PARTS && i < key->part_count; i++) {
        bytes += text_bytes(key->parts[i], words);
        words += key->parts[i]->words;
    }
    return bytes;
}

static uint64_t *find_place(const struct wk_map *map, const struct wk_layout *layout,
                            const uint64_t *key, struct slot *place)
{
    enum key_kind kind = kind_of(layout);
    return search(map, kind, layout, key, tag_of(kind, layout, key), place);
}

void wk_map_remove(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map,
                   const uint64_t *key)
{
    struct slot place = {0};
    uint64_t *row = !map         ? NULL
                    : map->index ? find_place(map, layout, key, &place)
                                 : wk_map_find(map, layout, key);
    if (!row)
        return;
    uint64_t number = (uint64_t)(row - map->rows) / map->width;
    map->pool_unused += text_bytes(layout->parts[0], row);
    wk_value_free(context, layout->parts[1], row + key_words(layout));
    map->count--;
    if (map->index) {
        index_remove(map, place);
        mark_removed(map, number);
    } else {
        memmove(row, row + map->width, (map->count - number) * map->width * sizeof *row);
        map->used--;
    }
}

/* ---- The pool of texts ------------------------------------------------------------------------
 *
 * A chunk begins with the address of the one before it. */

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

/* ---- Growing ------------------------------------------------------------------------------- */

/* Three quarters of the slots of an index. */
static uint64_t rows_for(uint64_t lines)
{
    return lines ? lines * LINE_SLOTS / 4 * 3 : FEW_ROWS;
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

static bool refuse_rows(struct wk_context *context)
{
    struct context *whole = context->runtime;
    error_set(&whole->error, ERR_out_of_memory, "a map holds at most %llu entries",
              (unsigned long long)ROWS_MAX);
    return false;
}

/* Doubles a settled map. */
static bool grow(struct wk_context *context, const struct wk_layout *layout, struct wk_map *map)
{
    uint64_t former_lines = line_count(map), lines = former_lines ? 2 * former_lines : FIRST_LINES;
    if (map->capacity >= ROWS_MAX)
        return refuse_rows(context);
    uint64_t *rows = new_rows(context, rows_for(lines), map->width);
    uint64_t *index = rows ? new_index(context, lines) : NULL;
    if (!index) {
        wk_free(context, rows);
        return false;
    }
    memcpy(rows, map->rows, map->used * map->width * sizeof *rows);
    wk_free(context, map->rows);
    map->rows = rows;
    map->capacity = rows_for(lines);
    uint64_t *former = map->index;
    map->index = index;
    map->index_shift = line_shift(lines);
    if (former)
        index_slots(map, (const struct line *)(void *)former, former_lines);
    else
        index_rows(map, layout);
    wk_free(context, former);
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

/* Makes sure that there is a row for one more entry. */
static bool make_room(struct wk_context *context, const struct wk_layout *layout,
                      struct wk_map **where)
{
    struct wk_map *map = *where;
    if (!map) {
        *where = new_map(context, key_words(layout) + layout->parts[1]->words, FEW_ROWS);
        return *where != NULL;
    }
    bool many_removed = map->used - map->count > map->capacity / 4;
    wk_map_settle(map);
    return many_removed || grow(context, layout, map);
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

static uint64_t *insert_few(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map *map, enum key_kind kind, const uint64_t *key)
{
    uint64_t *row = append_row(context, layout, map, kind, key);
    if (!row)
        return NULL;
    map->used++;
    map->count++;
    return row;
}

INLINED uint64_t *insert(struct wk_context *context, const struct wk_layout *layout,
                         struct wk_map **where, enum key_kind kind, const uint64_t *key)
{
    struct wk_map *map = *where;
    struct slot place;
    uint64_t *row;
    if (!map || !map->index) {
        row = map ? search_few(map, kind, layout, key) : NULL;
        if (row)
            return row;
        if ((!map || map->used == map->capacity) && !make_room(context, layout, where))
            return NULL;
        map = *where;
        if (!map->index)
            return insert_few(context, layout, map, kind, key);
    }
    uint32_t tag = tag_of(kind, layout, key);
    row = search(map, kind, layout, key, tag, &place);
    if (row)
        return row;
    if (__builtin_expect(map->used == map->capacity, false)) {
        if (!make_room(context, layout, where))
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

uint64_t *wk_map_insert_int(struct wk_context *context, const struct wk_layout *layout,
                            struct wk_map **map, uint64_t key)
{
    return insert(context, layout, map, KEY_INTEGER, &key);
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
