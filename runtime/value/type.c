/*
 * Interned types: an open-addressing table of pointers into an arena, keyed by structure. Parts are
 * interned before the whole, so that comparing and hashing a type looks one level deep.
 */
#include "value/type.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* ---- Scalars ------------------------------------------------------------------------------- */

uint32_t wk_scalar_bytes(enum wk_scalar scalar)
{
    static const uint8_t bytes[WK_SCALAR_COUNT] = {
#define SCALAR_BYTES(NAME, text, size) size,
        WK_SCALARS(SCALAR_BYTES)
#undef SCALAR_BYTES
    };
    return bytes[scalar];
}

const char *wk_scalar_text(enum wk_scalar scalar)
{
    static const char *const texts[WK_SCALAR_COUNT] = {
#define SCALAR_TEXT(NAME, text, size) text,
        WK_SCALARS(SCALAR_TEXT)
#undef SCALAR_TEXT
    };
    return texts[scalar];
}

/* ---- Words and leaves ---------------------------------------------------------------------- */

/* Sums of parts stop at the largest number: types that share their parts, as (a, a) of (b, b) of …,
 * can have more words than any memory. Whoever lays out words refuses such counts. */
static uint32_t add_saturating(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

bool type_has_words(const struct type *type)
{
    return type->word_count > 0 || (type_has_parts(type) && type->leaf_count == 0);
}

bool type_has_zero(const struct type *type)
{
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count; i++)
        if (!type_has_zero(type->parts[i]))
            return false;
    return type->kind != TYPE_ARRAY && type->kind != TYPE_FILE && type_has_words(type);
}

static uint32_t count_words(const struct type *type)
{
    uint32_t words = 0;
    switch (type->kind) {
    case TYPE_SCALAR:
    case TYPE_FILE:
        return 1;
    case TYPE_MAP:
        return type_has_words(type->key) && type_has_words(type->element);
    case TYPE_STRING:
    case TYPE_ARRAY:
        return type_has_words(type->element) ? 1U + type->rank : 0;
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        for (uint32_t i = 0; i < type->part_count; i++) {
            if (!type_has_words(type->parts[i]))
                return 0;
            words = add_saturating(words, type->parts[i]->word_count);
        }
        return words;
    case TYPE_FUNCTION:
        return 0;
    }
    bug("type of kind %d", type->kind);
}

static uint32_t count_leaves(const struct type *type)
{
    if (!type_has_parts(type))
        return 1;
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        leaves = add_saturating(leaves, type->parts[i]->leaf_count);
    return leaves;
}

const struct type *type_leaf(const struct type *type, uint32_t index)
{
    if (index >= type->leaf_count)
        bug("leaf %u of a type with %u", index, type->leaf_count);
    while (type_has_parts(type)) {
        uint32_t part = 0;
        while (index >= type->parts[part]->leaf_count)
            index -= type->parts[part++]->leaf_count;
        type = type->parts[part];
    }
    return type;
}

uint32_t type_leaf_word(const struct type *type, uint32_t index)
{
    if (index >= type->leaf_count)
        bug("leaf %u of a type with %u", index, type->leaf_count);
    uint32_t word = 0;
    while (type_has_parts(type)) {
        uint32_t part = 0;
        while (index >= type->parts[part]->leaf_count) {
            word += type->parts[part]->word_count;
            index -= type->parts[part++]->leaf_count;
        }
        type = type->parts[part];
    }
    return word;
}

uint32_t type_element_bytes(const struct type *element)
{
    return type_is_scalar(element) ? wk_scalar_bytes(element->scalar) : 8 * element->word_count;
}

/* ---- The table ----------------------------------------------------------------------------- */

static uint64_t hash_type(const struct type *type)
{
    uint64_t hash = hash_combine((uint64_t)type->kind, (uint64_t)type->scalar);
    hash = hash_combine(hash, (uint64_t)type->rank << 1 | type->is_flow);
    hash = hash_combine(hash, type->element ? type->element->id + 1 : 0);
    hash = hash_combine(hash, type->key ? type->key->id + 1 : 0);
    hash = hash_combine(hash, type->name ? hash_bytes(type->name, strlen(type->name)) : 0);
    for (uint32_t i = 0; i < type->part_count; i++) {
        hash = hash_combine(hash, type->parts[i]->id);
        if (type->names && type->names[i])
            hash = hash_combine(hash, hash_bytes(type->names[i], strlen(type->names[i])));
    }
    return hash;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_parts(const struct type *a, const struct type *b)
{
    if (a->part_count != b->part_count)
        return false;
    for (uint32_t i = 0; i < a->part_count; i++) {
        const char *name_a = a->names ? a->names[i] : NULL;
        const char *name_b = b->names ? b->names[i] : NULL;
        if (a->parts[i] != b->parts[i] || !same_text(name_a, name_b))
            return false;
    }
    return true;
}

static bool same_type(const struct type *a, const struct type *b)
{
    return a->kind == b->kind && a->scalar == b->scalar && a->rank == b->rank &&
           a->is_flow == b->is_flow && a->element == b->element && a->key == b->key &&
           same_parts(a, b) && same_text(a->name, b->name);
}

static uint32_t find_slot(const struct type **slots, uint32_t capacity, const struct type *type)
{
    uint32_t slot = (uint32_t)hash_type(type) & (capacity - 1);
    while (slots[slot] && !same_type(slots[slot], type))
        slot = (slot + 1) & (capacity - 1);
    return slot;
}

static void grow(struct type_table *table)
{
    uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
    const struct type **slots = memory_new(capacity, sizeof *slots);
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i])
            slots[find_slot(slots, capacity, table->slots[i])] = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
}

static const char *const *copy_names(struct arena *arena, const char *const *names, uint32_t count)
{
    bool any = false;
    for (uint32_t i = 0; names && i < count; i++)
        any |= names[i] != NULL;
    if (!any)
        return NULL;
    const char **copies = arena_array(arena, const char *, count);
    for (uint32_t i = 0; i < count; i++)
        copies[i] = names[i] ? arena_text(arena, names[i], strlen(names[i])) : NULL;
    return copies;
}

/* The one type with this structure; what the candidate points to is copied when it is new. */
static const struct type *intern_type(struct type_table *table, const struct type *candidate)
{
    if (table->count * 4 >= table->capacity * 3)
        grow(table);
    uint32_t slot = find_slot(table->slots, table->capacity, candidate);
    if (table->slots[slot])
        return table->slots[slot];
    struct type *type = arena_copy(table->arena, candidate, sizeof *candidate);
    if (type->part_count) {
        type->parts = arena_copy(table->arena, candidate->parts,
                                 type->part_count * sizeof(const struct type *));
        type->names = copy_names(table->arena, candidate->names, type->part_count);
    } else {
        type->parts = NULL;
        type->names = NULL;
    }
    if (type->name)
        type->name = arena_text(table->arena, type->name, strlen(type->name));
    type->leaf_count = count_leaves(type);
    type->word_count = count_words(type);
    type->id = table->count++;
    table->slots[slot] = type;
    return type;
}

void type_table_init(struct type_table *table, struct arena *arena)
{
    *table = (struct type_table){.arena = arena};
    for (int i = 0; i < WK_SCALAR_COUNT; i++)
        table->scalars[i] =
            intern_type(table, &(struct type){.kind = TYPE_SCALAR, .scalar = (enum wk_scalar)i});
    table->string = intern_type(
        table, &(struct type){.kind = TYPE_STRING, .rank = 1, .element = table->scalars[WK_U8]});
    table->unit = intern_type(table, &(struct type){.kind = TYPE_TUPLE});
    table->file = intern_type(table, &(struct type){.kind = TYPE_FILE, .scalar = WK_I64});
}

void type_table_release(struct type_table *table)
{
    free(table->slots);
    *table = (struct type_table){0};
}

const struct type *type_scalar(struct type_table *table, enum wk_scalar scalar)
{
    return table->scalars[scalar];
}

const struct type *type_array(struct type_table *table, const struct type *element, uint8_t rank)
{
    if (rank < 1 || rank > WK_MAX_RANK)
        bug("array of rank %u", rank);
    return intern_type(table, &(struct type){.kind = TYPE_ARRAY, .rank = rank, .element = element});
}

const struct type *type_tuple(struct type_table *table, const struct type *const *parts,
                              const char *const *names, uint32_t count)
{
    return intern_type(
        table,
        &(struct type){.kind = TYPE_TUPLE, .parts = parts, .names = names, .part_count = count});
}

const struct type *type_struct(struct type_table *table, const char *name,
                               const struct type *const *fields, const char *const *names,
                               uint32_t count)
{
    return intern_type(table, &(struct type){.kind = TYPE_STRUCT,
                                             .name = name,
                                             .parts = fields,
                                             .names = names,
                                             .part_count = count});
}

const struct type *type_map(struct type_table *table, const struct type *key,
                            const struct type *value)
{
    return intern_type(table, &(struct type){.kind = TYPE_MAP, .key = key, .element = value});
}

const struct type *type_function(struct type_table *table, bool is_flow,
                                 const struct type *const *parameters, uint32_t count,
                                 const struct type *result)
{
    return intern_type(table, &(struct type){.kind = TYPE_FUNCTION,
                                             .is_flow = is_flow,
                                             .parts = parameters,
                                             .part_count = count,
                                             .element = result});
}

/* ---- Printing ------------------------------------------------------------------------------ */

static void print_type(const struct type *type, bool is_brief, struct buffer *out);

static void print_part_list(const struct type *type, bool is_brief, struct buffer *out)
{
    for (uint32_t i = 0; i < type->part_count; i++) {
        if (i)
            buffer_puts(out, ", ");
        if (type->names && type->names[i])
            buffer_printf(out, "%s: ", type->names[i]);
        print_type(type->parts[i], is_brief, out);
    }
}

static void print_parts(const struct type *type, bool is_brief, struct buffer *out)
{
    buffer_putc(out, '(');
    print_part_list(type, is_brief, out);
    /* A tuple of one is told from a type in parentheses as in Python. */
    if (type->kind == TYPE_TUPLE && type->part_count == 1)
        buffer_putc(out, ',');
    buffer_putc(out, ')');
}

/* Brackets read in index order, outermost first: the innermost element comes before them all. */
static void print_array(const struct type *type, bool is_brief, struct buffer *out)
{
    const struct type *base = type;
    while (base->kind == TYPE_ARRAY)
        base = base->element;
    bool parenthesize = base->kind == TYPE_MAP || base->kind == TYPE_FUNCTION;
    buffer_puts(out, parenthesize ? "(" : "");
    print_type(base, is_brief, out);
    buffer_puts(out, parenthesize ? ")" : "");
    for (; type->kind == TYPE_ARRAY; type = type->element) {
        for (unsigned i = 0; i < type->rank; i++)
            buffer_puts(out, i ? ", _" : "[_");
        buffer_putc(out, ']');
    }
}

static void print_type(const struct type *type, bool is_brief, struct buffer *out)
{
    switch (type->kind) {
    case TYPE_SCALAR:
        buffer_puts(out, is_brief ? type_scalar_name(type->scalar) : wk_scalar_text(type->scalar));
        return;
    case TYPE_STRING:
        buffer_puts(out, "str");
        return;
    case TYPE_FILE:
        buffer_puts(out, "file");
        return;
    case TYPE_STRUCT:
        buffer_puts(out, type->name);
        if (is_brief)
            return;
        buffer_putc(out, '{');
        print_part_list(type, is_brief, out);
        buffer_putc(out, '}');
        return;
    case TYPE_TUPLE:
        print_parts(type, is_brief, out);
        return;
    case TYPE_ARRAY:
        print_array(type, is_brief, out);
        return;
    case TYPE_MAP:
        buffer_puts(out, "map[");
        print_type(type->key, is_brief, out);
        buffer_putc(out, ']');
        print_type(type->element, is_brief, out);
        return;
    case TYPE_FUNCTION:
        buffer_puts(out, type->is_flow ? "flow" : "task");
        print_parts(type, is_brief, out);
        buffer_puts(out, " -> ");
        print_type(type->element, is_brief, out);
        return;
    }
    bug("type of kind %d", type->kind);
}

void type_print(const struct type *type, struct buffer *out)
{
    print_type(type, false, out);
}

void type_print_brief(const struct type *type, struct buffer *out)
{
    print_type(type, true, out);
}

/* ---- Reading ------------------------------------------------------------------------------- */

enum { PARSE_DEPTH = 200, PARSE_PARTS = 4096 };

struct type_reader {
    struct type_table *table;
    const char *at;
    int depth;
};

static const struct type *read_type(struct type_reader *reader);

static bool accept(struct type_reader *reader, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static size_t name_length(const char *text)
{
    size_t length = 0;
    if (!isalpha((unsigned char)text[0]) && text[0] != '_')
        return 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

/* The name of a part with its colon, copied to the arena, or NULL when the part has none. */
static const char *read_part_name(struct type_reader *reader)
{
    size_t length = name_length(reader->at);
    if (length == 0 || strncmp(reader->at + length, ": ", 2) != 0)
        return NULL;
    const char *name = arena_text(reader->table->arena, reader->at, length);
    reader->at += length + 2;
    return name;
}

struct part_list {
    const struct type **parts;
    const char **names;
    uint32_t count, capacity;
    bool named, comma; /* some part has a name; a comma follows the last one */
};

static void part_list_push(struct part_list *list, const struct type *part, const char *name)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 8;
        list->parts = memory_resize(list->parts, list->capacity, sizeof *list->parts);
        list->names = memory_resize(list->names, list->capacity, sizeof *list->names);
    }
    list->parts[list->count] = part;
    list->names[list->count++] = name;
    list->named |= name != NULL;
}

/* parts := [[NAME ":"] type {"," [NAME ":"] type} [","]] ")", the opening parenthesis read. */
static bool read_parts(struct type_reader *reader, struct part_list *list)
{
    if (accept(reader, ")"))
        return true;
    do {
        const char *name = read_part_name(reader);
        const struct type *part = read_type(reader);
        if (!part || list->count == PARSE_PARTS)
            return false;
        part_list_push(list, part, name);
    } while (accept(reader, ", "));
    list->comma = accept(reader, ",");
    return accept(reader, ")");
}

/* fields := [NAME ":" type {"," NAME ":" type}] "}", the opening brace read. */
static bool read_fields(struct type_reader *reader, struct part_list *list)
{
    if (accept(reader, "}"))
        return true;
    do {
        const char *name = read_part_name(reader);
        const struct type *part = name ? read_type(reader) : NULL;
        if (!part || list->count == PARSE_PARTS)
            return false;
        part_list_push(list, part, name);
    } while (accept(reader, ", "));
    return accept(reader, "}");
}

/* A tuple, or the unit that a lone type in parentheses is. */
static const struct type *make_parenthesized(struct type_reader *reader,
                                             const struct part_list *list)
{
    if (list->count == 1 && !list->comma)
        return list->named ? NULL : list->parts[0];
    if (list->count > 1 && list->comma)
        return NULL;
    return type_tuple(reader->table, list->parts, list->names, list->count);
}

static const struct type *make_function(struct type_reader *reader, const struct part_list *list,
                                        bool is_flow)
{
    if (list->named || list->comma || !accept(reader, " -> "))
        return NULL;
    const struct type *result = read_type(reader);
    return result ? type_function(reader->table, is_flow, list->parts, list->count, result) : NULL;
}

enum list_use { LIST_TUPLE, LIST_TASK, LIST_FLOW };

static const struct type *read_list(struct type_reader *reader, enum list_use use)
{
    struct part_list list = {0};
    const struct type *type = NULL;
    if (read_parts(reader, &list))
        type = use == LIST_TUPLE ? make_parenthesized(reader, &list)
                                 : make_function(reader, &list, use == LIST_FLOW);
    free(list.parts);
    free(list.names);
    return type;
}

static const struct type *read_map(struct type_reader *reader)
{
    const struct type *key = read_type(reader);
    if (!key || !accept(reader, "]"))
        return NULL;
    const struct type *value = read_type(reader);
    return value ? type_map(reader->table, key, value) : NULL;
}

/* struct := NAME ["." NAME] "{" [NAME ":" type {"," NAME ":" type}] "}" */
static const struct type *read_struct(struct type_reader *reader)
{
    size_t length = name_length(reader->at);
    if (length > 0 && reader->at[length] == '.')
        length += 1 + name_length(reader->at + length + 1);
    if (length == 0 || reader->at[length] != '{')
        return NULL;
    const char *name = arena_text(reader->table->arena, reader->at, length);
    reader->at += length + 1;
    struct part_list list = {0};
    const struct type *type = NULL;
    if (read_fields(reader, &list))
        type = type_struct(reader->table, name, list.parts, list.names, list.count);
    free(list.parts);
    free(list.names);
    return type;
}

static const struct type *read_named(struct type_reader *reader)
{
    size_t length = name_length(reader->at);
    const struct type_table *table = reader->table;
    const struct type *found = NULL;
    for (int i = 0; i < WK_SCALAR_COUNT && !found; i++) {
        const char *text = wk_scalar_text((enum wk_scalar)i);
        if (strlen(text) == length && strncmp(reader->at, text, length) == 0)
            found = table->scalars[i];
    }
    if (!found && length == 3 && strncmp(reader->at, "str", 3) == 0)
        found = table->string;
    if (!found && length == 4 && strncmp(reader->at, "file", 4) == 0)
        found = table->file;
    if (!found)
        return read_struct(reader);
    reader->at += length;
    return found;
}

/* The brackets after a unit, outermost first: arrays are made from the last one inwards. */
static const struct type *read_brackets(struct type_reader *reader, const struct type *type)
{
    uint8_t ranks[PARSE_DEPTH];
    int count = 0;
    while (accept(reader, "[_")) {
        unsigned rank = 1;
        while (accept(reader, ", _"))
            rank++;
        if (rank > WK_MAX_RANK || count == PARSE_DEPTH || !accept(reader, "]"))
            return NULL;
        ranks[count++] = (uint8_t)rank;
    }
    while (count > 0)
        type = type_array(reader->table, type, ranks[--count]);
    return type;
}

/* type := "map[" type "]" type | ("task" | "flow") "(" parts " -> " type | unit {"[_" {", _"} "]"}
 * unit := NAME | "(" parts */
static const struct type *read_type(struct type_reader *reader)
{
    if (reader->depth == PARSE_DEPTH)
        return NULL;
    reader->depth++;
    const struct type *type;
    if (accept(reader, "map["))
        type = read_map(reader);
    else if (accept(reader, "task("))
        type = read_list(reader, LIST_TASK);
    else if (accept(reader, "flow("))
        type = read_list(reader, LIST_FLOW);
    else
        type = accept(reader, "(") ? read_list(reader, LIST_TUPLE) : read_named(reader);
    if (type)
        type = read_brackets(reader, type);
    reader->depth--;
    return type;
}

const struct type *type_parse(struct type_table *table, const char *text)
{
    struct type_reader reader = {.table = table, .at = text};
    const struct type *type = read_type(&reader);
    return type && *reader.at == 0 ? type : NULL;
}
