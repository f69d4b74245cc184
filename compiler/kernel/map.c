/*
 * Maps: calls of the runtime (wk.h), which are one search each, and what is read in place.
 *
 * A map is the address of its struct wk_map; NULL is the empty map. A variable's map is changed in
 * place, through the address of where the variable keeps it. The rows of a settled map are an array
 * of pairs of key and value: so loops and comprehensions go over a map as over any array.
 */
#include "generator.h"

#include <stddef.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "check/messages.h"
#include "value/semantics.h"

/* Calls a function of the runtime that returns `result`. Unlike those of arrays it reaches memory
 * that its arguments do not point to directly. */
static LLVMValueRef call_runtime(struct generator *g, const char *name, LLVMTypeRef result,
                                 LLVMValueRef *arguments, uint32_t count)
{
    LLVMTypeRef types[8];
    for (uint32_t i = 0; i < count; i++)
        types[i] = LLVMTypeOf(arguments[i]);
    LLVMTypeRef type = LLVMFunctionType(result, types, count, false);
    LLVMValueRef function = LLVMGetNamedFunction(g->module, name);
    if (!function) {
        function = LLVMAddFunction(g->module, name, type);
        attribute_add(g, function, FUNCTION_INDEX, "nounwind", 0);
    }
    return LLVMBuildCall2(g->builder, type, function, arguments, count, "");
}

/* The same for a function that only reads (one bit for each kind of memory: LLVM's ModRef.h). */
static LLVMValueRef ask_runtime(struct generator *g, const char *name, LLVMTypeRef result,
                                LLVMValueRef *arguments, uint32_t count)
{
    LLVMValueRef call = call_runtime(g, name, result, arguments, count);
    LLVMValueRef function = LLVMGetCalledValue(call);
    attribute_add(g, function, FUNCTION_INDEX, "memory", 0x15);
    attribute_add(g, function, FUNCTION_INDEX, "willreturn", 0);
    return call;
}

/* Returns from the function with the recorded failure if the condition does not hold. */
static void check_memory(struct generator *g, LLVMValueRef good)
{
    LLVMBasicBlockRef next = block_new(g, "ok"), bad = block_new(g, "fail");
    branch_likely(g, good, next, bad);
    block_enter(g, bad);
    LLVMValueRef status = call_runtime(g, "wk_failed", g->i32, &g->worker, 1);
    LLVMValueRef result = LLVMGetPoison(g->result_type);
    LLVMBuildRet(g->builder, LLVMBuildInsertValue(g->builder, result, status, 0, ""));
    block_enter(g, next);
}

/* ---- Whole maps --------------------------------------------------------------------------- */

void map_drop(struct generator *g, const struct value *map)
{
    LLVMValueRef arguments[] = {g->worker, layout_constant(g, map->type), map->scalar};
    call_runtime(g, "wk_map_free", g->nothing, arguments, 3);
}

struct value map_own(struct generator *g, struct value map)
{
    LLVMValueRef copy = entry_alloca(g, g->pointer, "copy");
    LLVMValueRef arguments[] = {g->worker, layout_constant(g, map.type), map.scalar, copy};
    LLVMValueRef status = call_runtime(g, "wk_map_copy", g->i32, arguments, 4);
    check_memory(g, LLVMBuildICmp(g->builder, LLVMIntEQ, status, LLVMConstNull(g->i32), ""));
    return value_array(g, map.type, LLVMBuildLoad2(g->builder, g->pointer, copy, ""), NULL, true);
}

LLVMValueRef map_equal(struct generator *g, const struct value *left, const struct value *right)
{
    LLVMValueRef arguments[] = {layout_constant(g, left->type), left->scalar, right->scalar};
    LLVMValueRef equal = ask_runtime(g, "wk_map_equal", g->i32, arguments, 3);
    return LLVMBuildICmp(g->builder, LLVMIntNE, equal, LLVMConstNull(g->i32), "");
}

/* A field of the header, of a map that is not NULL. */
static LLVMValueRef header_field(struct generator *g, LLVMValueRef map, LLVMTypeRef type,
                                 size_t offset)
{
    LLVMValueRef index = constant_i64(g, (int64_t)offset);
    LLVMValueRef address = LLVMBuildInBoundsGEP2(g->builder, g->i8, map, &index, 1, "");
    return LLVMBuildLoad2(g->builder, type, address, "");
}

/* A field of the header, or 0 for the empty map. */
static LLVMValueRef header_or_zero(struct generator *g, LLVMValueRef map, LLVMTypeRef type,
                                   size_t offset)
{
    LLVMBasicBlockRef from[] = {LLVMGetInsertBlock(g->builder), NULL};
    LLVMBasicBlockRef some = block_new(g, "some"), end = block_new(g, "asked");
    LLVMBuildCondBr(g->builder, LLVMBuildIsNotNull(g->builder, map, ""), some, end);
    block_enter(g, some);
    LLVMValueRef field = header_field(g, map, type, offset);
    from[1] = LLVMGetInsertBlock(g->builder);
    block_jump(g, end);
    block_enter(g, end);
    LLVMValueRef phi = LLVMBuildPhi(g->builder, type, ""), values[] = {LLVMConstNull(type), field};
    LLVMAddIncoming(phi, values, from, 2);
    return phi;
}

/* ---- Keys --------------------------------------------------------------------------------- */

/* A key as the runtime's functions take it. Integers and strings have functions of their own. */
struct map_key {
    struct value value;
    const char *suffix;
    LLVMValueRef arguments[2];
    uint32_t count;
};

static struct map_key key_of_value(struct generator *g, struct value value)
{
    struct map_key key = {.value = value, .suffix = ""};
    const struct type *type = value.type;
    if (type_is_integer(type)) {
        key.suffix = "_int";
        key.arguments[key.count++] = scalar_to_word(g, type->scalar, key.value.scalar);
    } else if (type->kind == TYPE_STRING) {
        key.suffix = "_str";
        key.arguments[key.count++] = key.value.scalar;
        key.arguments[key.count++] = key.value.extents[0];
    } else {
        LLVMValueRef words = entry_alloca(g, LLVMArrayType2(g->i64, type->word_count), "key");
        value_store_words(g, &key.value, words, 0);
        key.arguments[key.count++] = words;
    }
    return key;
}

static struct map_key key_make(struct generator *g, const struct typed *typed)
{
    struct value value = expression_borrow(g, typed);
    debug_at(g, typed->span);
    return key_of_value(g, value);
}

/* The key's row in a map, or NULL. */
static LLVMValueRef row_find(struct generator *g, const struct type *map_type, LLVMValueRef map,
                             const struct map_key *key)
{
    LLVMValueRef arguments[4] = {map};
    uint32_t count = 1;
    if (!*key->suffix)
        arguments[count++] = layout_constant(g, map_type);
    for (uint32_t i = 0; i < key->count; i++)
        arguments[count++] = key->arguments[i];
    const char *name = arena_printf(&g->arena, "wk_map_find%s", key->suffix);
    return ask_runtime(g, name, g->pointer, arguments, count);
}

/* The row of the key, which is inserted if it is missing, in the map at an address. */
static LLVMValueRef row_insert(struct generator *g, const struct type *map_type, LLVMValueRef map,
                               const struct map_key *key)
{
    LLVMValueRef arguments[5] = {g->worker, layout_constant(g, map_type), map};
    uint32_t count = 3;
    for (uint32_t i = 0; i < key->count; i++)
        arguments[count++] = key->arguments[i];
    const char *name = arena_printf(&g->arena, "wk_map_insert%s", key->suffix);
    LLVMValueRef row = call_runtime(g, name, g->pointer, arguments, count);
    check_memory(g, LLVMBuildIsNotNull(g->builder, row, ""));
    return row;
}

static LLVMValueRef row_value(struct generator *g, const struct type *map_type, LLVMValueRef row)
{
    LLVMValueRef words = constant_i64(g, map_type->key->word_count);
    return LLVMBuildInBoundsGEP2(g->builder, g->i64, row, &words, 1, "");
}

/* ---- Keys that are missing ---------------------------------------------------------------- */

struct key_message {
    struct buffer format, types;
    LLVMValueRef words[8];
    uint32_t count;
};

/* Appends the key as it is written in the language, as far as there is room for its values. */
static void key_describe(struct generator *g, const struct value *key, struct key_message *out)
{
    const struct type *type = key->type;
    if (type_has_parts(type)) {
        for (uint32_t i = 0; i < type->part_count; i++) {
            buffer_puts(&out->format, i ? ", " : "(");
            key_describe(g, &key->parts[i], out);
        }
        buffer_putc(&out->format, ')');
    } else if (out->count + type->word_count > 8) {
        buffer_puts(&out->format, "...");
    } else if (type->kind == TYPE_STRING) {
        buffer_puts(&out->format, "{}");
        buffer_putc(&out->types, 'q');
        out->words[out->count++] = LLVMBuildPtrToInt(g->builder, key->scalar, g->i64, "");
        out->words[out->count++] = key->extents[0];
    } else {
        buffer_puts(&out->format, "{}");
        buffer_putc(&out->types, operation_site_type(type->scalar));
        out->words[out->count++] = scalar_to_word(g, type->scalar, key->scalar);
    }
}

/* Fails, naming the key, unless there is a row. */
static void check_row(struct generator *g, LLVMValueRef row, const struct map_key *key,
                      struct span span)
{
    LLVMBasicBlockRef found = block_new(g, "found"), missing = block_new(g, "missing");
    branch_likely(g, LLVMBuildIsNotNull(g->builder, row, ""), found, missing);
    block_enter(g, missing);
    struct key_message message = {0};
    key_describe(g, &key->value, &message);
    const char *format = arena_printf(&g->arena, MESSAGE_MISSING_KEY, buffer_text(&message.format));
    const char *types = arena_text(&g->arena, buffer_text(&message.types), message.types.length);
    buffer_release(&message.format);
    buffer_release(&message.types);
    fail_always(g, ERR_missing_key, span, format, types, message.words, message.count);
    block_enter(g, found);
}

LLVMValueRef map_place(struct generator *g, const struct type *type, LLVMValueRef map,
                       const struct typed *typed, bool insert)
{
    struct map_key key = key_make(g, typed);
    LLVMValueRef row;
    if (insert) {
        row = row_insert(g, type, map, &key);
    } else {
        row = row_find(g, type, LLVMBuildLoad2(g->builder, g->pointer, map, ""), &key);
        check_row(g, row, &key, typed->span);
    }
    return row_value(g, type, row);
}

/* It only reads, and must not be taken for useless: so it is said to write memory of its own. */
void map_search_ahead(struct generator *g, LLVMValueRef map, LLVMValueRef keys, uint32_t width,
                      LLVMValueRef left)
{
    LLVMValueRef arguments[] = {LLVMBuildLoad2(g->builder, g->pointer, map, ""), keys,
                                constant_i64(g, width), left};
    LLVMValueRef call = call_runtime(g, "wk_map_ahead_str", g->nothing, arguments, 4);
    LLVMValueRef function = LLVMGetCalledValue(call);
    attribute_add(g, function, FUNCTION_INDEX, "memory", 0x1D);
    attribute_add(g, function, FUNCTION_INDEX, "willreturn", 0);
}

/* ---- Expressions -------------------------------------------------------------------------- */

static struct value map_get(struct generator *g, const struct typed *typed)
{
    struct value map = expression_borrow(g, typed->items[0]);
    struct map_key key = key_make(g, typed->items[1]);
    LLVMValueRef row = row_find(g, map.type, map.scalar, &key);
    check_row(g, row, &key, typed->span);
    return value_load_words(g, typed->type, row_value(g, map.type, row), 0);
}

static struct value map_has(struct generator *g, const struct typed *typed)
{
    struct value map = expression_borrow(g, typed->items[0]);
    struct map_key key = key_make(g, typed->items[1]);
    LLVMValueRef row = row_find(g, map.type, map.scalar, &key);
    return value_scalar(typed->type, LLVMBuildIsNotNull(g->builder, row, ""));
}

static struct value map_count(struct generator *g, const struct typed *typed)
{
    struct value map = expression_borrow(g, typed->items[0]);
    return value_scalar(typed->type,
                        header_or_zero(g, map.scalar, g->i64, offsetof(struct wk_map, count)));
}

/* The rows as an array. */
static struct value map_entries(struct generator *g, const struct typed *typed)
{
    struct value map = expression_borrow(g, typed->items[0]);
    call_runtime(g, "wk_map_settle", g->nothing, &map.scalar, 1);
    LLVMValueRef count = header_or_zero(g, map.scalar, g->i64, offsetof(struct wk_map, count));
    LLVMValueRef rows = header_or_zero(g, map.scalar, g->pointer, offsetof(struct wk_map, rows));
    return value_array(g, typed->type, rows, &count, false);
}

/* keys(m), values(m): copies of a part of each row. */
static struct value map_column(struct generator *g, const struct typed *typed)
{
    struct value map = expression_borrow(g, typed->items[0]);
    const struct type *key = map.type->key, *element = typed->type->element;
    uint32_t at = typed->builtin == BUILTIN_VALUES ? key->word_count : 0;
    uint32_t width = key->word_count + map.type->element->word_count;
    call_runtime(g, "wk_map_settle", g->nothing, &map.scalar, 1);
    LLVMValueRef count = header_or_zero(g, map.scalar, g->i64, offsetof(struct wk_map, count));
    LLVMValueRef rows = header_or_zero(g, map.scalar, g->pointer, offsetof(struct wk_map, rows));
    struct value array = array_new(g, typed->type, &count, typed->span);
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), count);
    LLVMValueRef word = index_multiply(g, loop.index, constant_i64(g, width));
    LLVMValueRef row = LLVMBuildInBoundsGEP2(g->builder, g->i64, rows, &word, 1, "");
    struct value value = value_own(g, value_load_words(g, element, row, at));
    element_store(g, &value, element_address(g, element, array.scalar, loop.index));
    loop_close(g, &loop);
    return array;
}

/* ---- group(keys, values) --------------------------------------------------------------------
 *
 * Arrays do not grow element by element: a first pass enters the keys, counts the values of each
 * and notes where its row is, then each row gets an array of its size, and a last pass fills them.
 * Meanwhile the row's second word of the array, its extent, counts. */

struct grouping {
    const struct type *map, *array; /* array: of the values of one key */
    struct value keys, values;
    LLVMValueRef storage; /* where the map's address is */
    LLVMValueRef places;  /* for each value: where in the rows its array is, in words */
    struct span span;
};

static LLVMValueRef word_address(struct generator *g, LLVMValueRef words, LLVMValueRef at)
{
    return LLVMBuildInBoundsGEP2(g->builder, g->i64, words, &at, 1, "");
}

static LLVMValueRef grouping_field(struct generator *g, const struct grouping *grouping,
                                   LLVMTypeRef type, size_t offset)
{
    LLVMValueRef map = LLVMBuildLoad2(g->builder, g->pointer, grouping->storage, "");
    return header_or_zero(g, map, type, offset);
}

/* Adds one to the extent at an array's words; returns what it was. */
static LLVMValueRef extent_advance(struct generator *g, LLVMValueRef array)
{
    LLVMValueRef place = word_address(g, array, constant_i64(g, 1));
    LLVMValueRef extent = LLVMBuildLoad2(g->builder, g->i64, place, "");
    LLVMBuildStore(g->builder, index_add(g, extent, constant_i64(g, 1)), place);
    return extent;
}

static void group_count(struct generator *g, const struct grouping *grouping)
{
    const struct type *key_type = grouping->map->key;
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), grouping->keys.extents[0]);
    check_stop(g);
    LLVMValueRef address = element_address(g, key_type, grouping->keys.scalar, loop.index);
    struct map_key key = key_of_value(g, element_load(g, key_type, address));
    LLVMValueRef row = row_insert(g, grouping->map, grouping->storage, &key);
    LLVMValueRef array = row_value(g, grouping->map, row);
    extent_advance(g, array);
    LLVMValueRef map = LLVMBuildLoad2(g->builder, g->pointer, grouping->storage, "");
    LLVMValueRef rows = header_field(g, map, g->pointer, offsetof(struct wk_map, rows));
    LLVMValueRef words = LLVMBuildPtrDiff2(g->builder, g->i64, array, rows, "");
    LLVMBuildStore(g->builder, words, word_address(g, grouping->places, loop.index));
    loop_close(g, &loop);
}

static void group_allocate(struct generator *g, const struct grouping *grouping)
{
    LLVMValueRef count = grouping_field(g, grouping, g->i64, offsetof(struct wk_map, count));
    LLVMValueRef rows = grouping_field(g, grouping, g->pointer, offsetof(struct wk_map, rows));
    uint32_t width = grouping->map->key->word_count + grouping->array->word_count;
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), count);
    LLVMValueRef at = index_multiply(g, loop.index, constant_i64(g, width));
    LLVMValueRef words = row_value(g, grouping->map, word_address(g, rows, at));
    LLVMValueRef extent = value_load_words(g, grouping->array, words, 0).extents[0];
    struct value array = array_new(g, grouping->array, &extent, grouping->span);
    array.extents[0] = constant_i64(g, 0);
    value_store_words(g, &array, words, 0);
    loop_close(g, &loop);
}

static void group_fill(struct generator *g, const struct grouping *grouping)
{
    const struct type *element = grouping->array->element;
    LLVMValueRef rows = grouping_field(g, grouping, g->pointer, offsetof(struct wk_map, rows));
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), grouping->keys.extents[0]);
    LLVMValueRef from = element_address(g, element, grouping->values.scalar, loop.index);
    struct value value = value_own(g, element_load(g, element, from));
    LLVMValueRef place = word_address(g, grouping->places, loop.index);
    LLVMValueRef words = word_address(g, rows, LLVMBuildLoad2(g->builder, g->i64, place, ""));
    struct value array = value_load_words(g, grouping->array, words, 0);
    LLVMValueRef extent = extent_advance(g, words);
    element_store(g, &value, element_address(g, element, array.scalar, extent));
    loop_close(g, &loop);
}

static struct value map_group(struct generator *g, const struct typed *typed)
{
    struct grouping grouping = {.map = typed->type, .array = typed->type->element};
    grouping.span = typed->span;
    grouping.keys = expression_borrow(g, typed->items[0]);
    grouping.values = expression_borrow(g, typed->items[1]);
    debug_at(g, typed->span);
    LLVMValueRef *count = grouping.keys.extents;
    check_extents_agree(g, count, grouping.values.extents, 1, typed->span);
    grouping.storage = entry_alloca(g, g->pointer, "map");
    LLVMBuildStore(g->builder, LLVMConstNull(g->pointer), grouping.storage);
    grouping.places = block_new_bytes(g, index_multiply(g, count[0], constant_i64(g, 8)));
    group_count(g, &grouping);
    group_allocate(g, &grouping);
    group_fill(g, &grouping);
    block_free(g, grouping.places);
    LLVMValueRef made = LLVMBuildLoad2(g->builder, g->pointer, grouping.storage, "");
    return value_array(g, typed->type, made, NULL, true);
}

/* ---- All ----------------------------------------------------------------------------------- */

/* Later entries of equal keys replace earlier ones. */
/* Puts an entry into the map at an address; of equal keys the last one stays. */
static void insert_entry(struct generator *g, const struct type *type, LLVMValueRef map,
                         const struct map_key *key, const struct value *value)
{
    LLVMValueRef row = row_insert(g, type, map, key);
    LLVMValueRef place = row_value(g, type, row);
    struct value former = value_load_words(g, value->type, place, 0);
    if (type_has_array(value->type))
        value_drop(g, &former);
    value_store_words(g, value, place, 0);
}

static void insert_written(struct generator *g, const struct typed *typed, LLVMValueRef map)
{
    for (uint32_t i = 0; i < typed->item_count; i += 2) {
        struct value value = value_own(g, expression(g, typed->items[i + 1]));
        struct map_key key = key_make(g, typed->items[i]);
        insert_entry(g, typed->type, map, &key, &value);
    }
}

/* ---- Tables of constants --------------------------------------------------------------------- */

enum { SMALLEST_TABLE = 8 }; /* entries; fewer are inserted one by one */

/* Scalars, strings, and tuples of them, that are written out. */
static bool has_constant_words(const struct typed *typed)
{
    for (uint32_t i = 0; typed->kind == TYPED_TUPLE && i < typed->item_count; i++)
        if (!has_constant_words(typed->items[i]))
            return false;
    return typed->kind == TYPED_TUPLE || typed->kind == TYPED_CONSTANT;
}

static bool is_table(const struct typed *typed)
{
    for (uint32_t i = 0; i < typed->item_count; i++)
        if (!has_constant_words(typed->items[i]))
            return false;
    return typed->item_count >= 2 * SMALLEST_TABLE;
}

static LLVMValueRef *put_words(struct generator *g, const struct typed *typed, LLVMValueRef *words)
{
    for (uint32_t i = 0; typed->kind == TYPED_TUPLE && i < typed->item_count; i++)
        words = put_words(g, typed->items[i], words);
    if (typed->kind == TYPED_TUPLE)
        return words;
    if (type_is_scalar(typed->type)) {
        uint64_t word = semantics_canonical(typed->type->scalar, typed->word);
        *words++ = constant_i64(g, (int64_t)word);
    } else {
        struct value text = text_literal(g, typed);
        *words++ = LLVMConstPtrToInt(text.scalar, g->i64);
        *words++ = text.extents[0];
    }
    return words;
}

/* The rows of a map that is written out, as an array of words in the object. */
static LLVMValueRef table_constant(struct generator *g, const struct typed *typed, uint32_t width)
{
    uint64_t count = (uint64_t)typed->item_count / 2 * width;
    LLVMValueRef *words = arena_array(&g->arena, LLVMValueRef, count), *end = words;
    for (uint32_t i = 0; i < typed->item_count; i++)
        end = put_words(g, typed->items[i], end);
    return private_constant(g, LLVMConstArray2(g->i64, words, count), "table");
}

/* Code for each entry would take the optimizer long: of many, a loop goes over the table. */
static void insert_table(struct generator *g, const struct typed *typed, LLVMValueRef map)
{
    const struct type *type = typed->type;
    uint32_t width = type->key->word_count + type->element->word_count;
    LLVMValueRef table = table_constant(g, typed, width);
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), constant_i64(g, typed->item_count / 2));
    LLVMValueRef at = LLVMBuildMul(g->builder, loop.index, constant_i64(g, width), "");
    LLVMValueRef row = LLVMBuildInBoundsGEP2(g->builder, g->i64, table, &at, 1, "");
    struct value value = value_load_words(g, type->element, row, type->key->word_count);
    value = value_own(g, value);
    struct map_key key = key_of_value(g, value_load_words(g, type->key, row, 0));
    insert_entry(g, type, map, &key, &value);
    loop_close(g, &loop);
}

static struct value map_literal(struct generator *g, const struct typed *typed)
{
    LLVMValueRef map = entry_alloca(g, g->pointer, "map");
    LLVMBuildStore(g->builder, LLVMConstNull(g->pointer), map);
    if (is_table(typed))
        insert_table(g, typed, map);
    else
        insert_written(g, typed, map);
    LLVMValueRef made = LLVMBuildLoad2(g->builder, g->pointer, map, "");
    return value_array(g, typed->type, made, NULL, true);
}

void map_remove(struct generator *g, const struct type *type, LLVMValueRef map,
                const struct typed *typed)
{
    struct value value = expression_borrow(g, typed);
    LLVMValueRef words = entry_alloca(g, LLVMArrayType2(g->i64, type->key->word_count), "key");
    value_store_words(g, &value, words, 0);
    LLVMValueRef arguments[] = {g->worker, layout_constant(g, type),
                                LLVMBuildLoad2(g->builder, g->pointer, map, ""), words};
    call_runtime(g, "wk_map_remove", g->nothing, arguments, 4);
}

static struct value map_without(struct generator *g, const struct typed *typed)
{
    const struct typed *from = typed->items[0];
    bool asked = from->kind == TYPED_VARIABLE && typed_mentions(typed->items[1], from->variable);
    struct value map = asked ? value_own(g, expression(g, from)) : expression_take(g, from);
    LLVMValueRef storage = entry_alloca(g, g->pointer, "map");
    LLVMBuildStore(g->builder, map.scalar, storage);
    map_remove(g, typed->type, storage, typed->items[1]);
    return map;
}

struct value map_builtin(struct generator *g, const struct typed *typed)
{
    switch (typed->builtin) {
    case BUILTIN_MAP:
        return map_literal(g, typed);
    case BUILTIN_MAP_GET:
        return map_get(g, typed);
    case BUILTIN_MAP_HAS:
        return map_has(g, typed);
    case BUILTIN_MAP_COUNT:
        return map_count(g, typed);
    case BUILTIN_ENTRIES:
        return map_entries(g, typed);
    case BUILTIN_KEYS:
    case BUILTIN_VALUES:
        return map_column(g, typed);
    case BUILTIN_GROUP:
        return map_group(g, typed);
    case BUILTIN_REMOVE:
        return map_without(g, typed);
    default:
        bug("builtin %d is no map's", (int)typed->builtin);
    }
}
