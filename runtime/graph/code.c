/*
 * Loading flow code: the tables. The functions' instructions are checked by code_verify.c.
 *
 * Every number read here comes from outside and is checked before it is used; sizes are compared
 * as 64-bit sums, so that they cannot wrap.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/arguments.h"
#include "graph/formula.h"
#include "graph/loaded.h"

static int damaged(struct error *error, const char *what)
{
    return error_set(error, ERR_bad_flow_code, "damaged flow code: %s", what);
}

/* ---- Sections ---------------------------------------------------------------------------------
 */

static int check_header(const struct flow_header *header, size_t length, struct error *error)
{
    if (header->magic != FLOW_MAGIC)
        return damaged(error, "it does not begin with WKFC");
    if (header->version != FLOW_VERSION)
        return error_set(error, ERR_bad_flow_code, "flow code of version %u; this is version %u",
                         header->version, (unsigned)FLOW_VERSION);
    if (header->words != length / sizeof(uint32_t))
        return damaged(error, "its length is not what its header says");
    return 0;
}

static const uint32_t *section(const uint32_t **next, uint32_t count, size_t record_bytes)
{
    const uint32_t *begin = *next;
    *next += (size_t)count * (record_bytes / sizeof(uint32_t));
    return begin;
}

static uint64_t words_in_all(const struct flow_header *h)
{
    uint64_t words = sizeof *h / sizeof(uint32_t);
    words += (uint64_t)h->type_count * (sizeof(struct flow_type_record) / sizeof(uint32_t));
    words += (uint64_t)h->kernel_count * (sizeof(struct flow_kernel_record) / sizeof(uint32_t));
    words += (uint64_t)h->site_count * (sizeof(struct flow_site_record) / sizeof(uint32_t));
    words += (uint64_t)h->function_count * (sizeof(struct flow_function_record) / sizeof(uint32_t));
    words +=
        (uint64_t)h->parameter_count * (sizeof(struct flow_parameter_record) / sizeof(uint32_t));
    return words + h->list_count + h->code_count + h->string_count;
}

/* Says whether `offset` is that of a string. */
static bool is_string(const struct flow_code *code, uint32_t offset)
{
    return offset < code->header.string_count * sizeof(uint32_t);
}

/* ---- Types ------------------------------------------------------------------------------------
 */

/* Whether a piece of an array can be of this type. */
static bool is_viewable(const struct type *type)
{
    return type_is_scalar(type) || (type->kind == TYPE_ARRAY && type_is_scalar(type->element));
}

static bool load_value_type(struct flow_code *code, const struct flow_type_record *record,
                            struct flow_type *type)
{
    if (!is_string(code, record->text))
        return false;
    type->type = type_parse(&code->type_table, code->strings + record->text);
    if (!type->type)
        return false;
    type->is_unit = type_is_unit(type->type);
    if (type->is_unit)
        return true;
    if (type_has_parts(type->type) || !type->type->word_count)
        return false;
    struct dag_form form = dag_form_of(type->type);
    type->scalar = form.scalar;
    type->is_text = type->type->kind == TYPE_STRING;
    if (type->kind == FLOW_KNOWN)
        return type->is_text || dag_is_word(type->type);
    type->rank = form.rank;
    type->known_extents = type->type->kind == TYPE_ARRAY ? record->known_extents : 0;
    type->is_opaque = form.scalar == DAG_OPAQUE || !is_viewable(type->type);
    return !(record->known_extents >> (type->type->kind == TYPE_ARRAY ? form.rank : 0));
}

static bool load_type(struct flow_code *code, const struct flow_type_record *record, uint32_t index)
{
    struct flow_type *type = &code->types[index];
    if (record->kind > FLOW_STRUCTURED)
        return false;
    type->kind = (enum flow_kind)record->kind;
    if (index < WK_SCALAR_COUNT && type->kind != FLOW_KNOWN)
        return false;
    if (type->kind != FLOW_STRUCTURED)
        return load_value_type(code, record, type) &&
               (index >= WK_SCALAR_COUNT ||
                (type->type->kind == TYPE_SCALAR && type->scalar == index));
    if (record->rank < 1 || record->rank > WK_MAX_RANK || record->element >= index)
        return false;
    const struct flow_type *element = &code->types[record->element];
    type->rank = (uint8_t)record->rank;
    type->element = record->element;
    type->has_pending =
        element->kind == FLOW_STRUCTURED ? element->has_pending : element->kind == FLOW_PENDING;
    return true;
}

static int load_types(struct flow_code *code, const struct flow_type_record *records,
                      struct error *error)
{
    if (code->header.type_count < WK_SCALAR_COUNT)
        return damaged(error, "the scalar types are missing");
    code->types = arena_array(&code->arena, struct flow_type, code->header.type_count);
    for (uint32_t i = 0; i < code->header.type_count; i++)
        if (!load_type(code, &records[i], i))
            return error_set(error, ERR_bad_flow_code, "damaged flow code: type %u", i);
    return 0;
}

bool flow_type_fits(const struct flow_code *code, uint32_t from, uint32_t to)
{
    for (;;) {
        const struct flow_type *a = &code->types[from], *b = &code->types[to];
        if (from == to)
            return true;
        if (a->kind != b->kind)
            return false;
        if (a->kind != FLOW_STRUCTURED)
            return a->type == b->type && !(b->known_extents & ~a->known_extents);
        if (a->rank != b->rank)
            return false;
        from = a->element;
        to = b->element;
    }
}

uint32_t flow_leaf_count(const struct type *type)
{
    if (!type_has_parts(type) || type_is_unit(type))
        return 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += flow_leaf_count(type->parts[i]);
    return count;
}

const struct type *flow_leaf(const struct type *type, uint32_t index)
{
    while (type_has_parts(type) && !type_is_unit(type)) {
        uint32_t part = 0;
        for (; index >= flow_leaf_count(type->parts[part]); part++)
            index -= flow_leaf_count(type->parts[part]);
        type = type->parts[part];
    }
    return type;
}

/* ---- Kernels, sites, functions, parameters ----------------------------------------------------
 */

static const struct type *load_type_text(struct flow_code *code, uint32_t text)
{
    if (!is_string(code, text))
        return NULL;
    const struct type *type = type_parse(&code->type_table, code->strings + text);
    return type && type_has_words(type) && type->leaf_count <= FLOW_MOST_LEAVES ? type : NULL;
}

static bool is_formula(struct flow_code *code, uint32_t text)
{
    return is_string(code, text) &&
           (!code->strings[text] || formula_parse(&code->arena, code->strings + text));
}

static int load_kernels(struct flow_code *code, struct error *error)
{
    code->kernels = arena_array(&code->arena, struct flow_kernel, code->header.kernel_count);
    for (uint32_t i = 0; i < code->header.kernel_count; i++) {
        const struct flow_kernel_record *record = &code->kernel_records[i];
        struct flow_kernel *kernel = &code->kernels[i];
        kernel->parameters = load_type_text(code, record->parameter_types);
        kernel->result = load_type_text(code, record->result_type);
        if (!is_string(code, record->name) || !is_string(code, record->symbol) ||
            !is_string(code, record->fallback) || !is_string(code, record->members) ||
            !is_formula(code, record->formula) || record->site >= code->header.site_count ||
            !kernel->parameters || !type_has_parts(kernel->parameters) || !kernel->result)
            return error_set(error, ERR_bad_flow_code, "damaged flow code: kernel %u", i);
    }
    return 0;
}

static bool is_type_list(const struct flow_code *code, uint32_t first, uint32_t count)
{
    if ((uint64_t)first + count > code->header.list_count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (code->lists[first + i] >= code->header.type_count)
            return false;
    return true;
}

static bool load_function(struct flow_code *code, const struct flow_function_record *record,
                          struct flow_function *function)
{
    if (!is_string(code, record->title) || record->site >= code->header.site_count ||
        record->registers > FLOW_REGISTER || record->registers > record->word_count ||
        record->word_registers > record->registers ||
        !is_type_list(code, record->first_parameter, record->parameter_count) ||
        !is_type_list(code, record->first_result, record->result_count) ||
        (uint64_t)record->first_word + record->word_count > code->header.code_count)
        return false;
    *function = (struct flow_function){.title = code->strings + record->title,
                                       .site = record->site,
                                       .is_flow = record->is_flow != 0,
                                       .word_registers = record->word_registers,
                                       .registers = record->registers,
                                       .parameters = code->lists + record->first_parameter,
                                       .results = code->lists + record->first_result,
                                       .parameter_count = record->parameter_count,
                                       .result_count = record->result_count,
                                       .code = code->code + record->first_word,
                                       .word_count = record->word_count};
    if (record->result_count > code->most_results)
        code->most_results = record->result_count;
    return true;
}

static int load_functions(struct flow_code *code, const struct flow_function_record *records,
                          struct error *error)
{
    uint32_t count = code->header.function_count;
    code->functions = arena_array(&code->arena, struct flow_function, count);
    for (uint32_t i = 0; i < count; i++)
        if (!load_function(code, &records[i], &code->functions[i]))
            return error_set(error, ERR_bad_flow_code, "damaged flow code: function %u", i);
    if (code->header.call_count > code->header.code_count)
        return damaged(error, "more calls than code");
    code->call_first_result =
        arena_array(&code->arena, uint32_t, (size_t)code->header.call_count + 1);
    code->call_types = arena_array(&code->arena, const uint32_t *, code->header.call_count);
    for (uint32_t i = 0; i < count; i++) {
        int status = flow_verify_function(code, i, error);
        if (status)
            return status;
    }
    for (uint32_t i = 0; i < code->header.call_count; i++)
        code->call_first_result[i + 1] += code->call_first_result[i];
    return 0;
}

static bool has_type(const struct flow_code *code, uint32_t index, enum flow_kind kind,
                     const struct type *type)
{
    const struct flow_type *found = &code->types[index];
    return found->kind == kind && found->type == type;
}

/* A default's leaves are those that a function of the parameters before it gives. */
static bool default_fits(const struct flow_code *code, const struct flow_parameter_record *record,
                         uint32_t first, uint32_t count)
{
    if (record->default_function == FLOW_NO_DEFAULT)
        return true;
    if (record->default_function >= code->header.function_count)
        return false;
    const struct flow_function *entry = &code->functions[code->header.entry];
    const struct flow_function *function = &code->functions[record->default_function];
    if (function->parameter_count != first || function->result_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!flow_type_fits(code, function->results[i], entry->parameters[first + i]))
            return false;
    for (uint32_t i = 0; i < first; i++)
        if (!flow_type_fits(code, entry->parameters[i], function->parameters[i]))
            return false;
    return true;
}

/* file[n]: a structure of known files. */
static bool takes_files(const struct flow_code *code, uint32_t type_number)
{
    const struct flow_type *type = &code->types[type_number];
    return type->kind == FLOW_STRUCTURED && type->rank == 1 &&
           code->types[type->element].kind == FLOW_KNOWN &&
           code->types[type->element].type == code->type_table.file;
}

/* A leaf is what elaboration gives it: words and texts are known, arrays and maps are inputs. */
static bool takes_leaf(const struct flow_code *code, uint32_t type_number, const struct type *leaf)
{
    if (flow_is_file_list(leaf))
        return takes_files(code, type_number);
    bool is_input = leaf->kind == TYPE_ARRAY || leaf->kind == TYPE_MAP;
    return (is_input || dag_is_word(leaf) || leaf->kind == TYPE_STRING) &&
           has_type(code, type_number, is_input ? FLOW_PENDING : FLOW_KNOWN, leaf);
}

static bool load_leaves(struct flow_code *code, struct flow_parameter *parameter)
{
    const struct flow_function *entry = &code->functions[code->header.entry];
    uint32_t first = parameter->first_leaf;
    if (parameter->leaf_count > entry->parameter_count - first)
        return false;
    for (uint32_t i = 0; i < parameter->leaf_count; i++) {
        code->leaf_types[first + i] = flow_leaf(parameter->type, i);
        if (!takes_leaf(code, entry->parameters[first + i], code->leaf_types[first + i]))
            return false;
    }
    return true;
}

static bool load_parameter(struct flow_code *code, uint32_t index, uint32_t *leaf)
{
    const struct flow_parameter_record *record = &code->parameter_records[index];
    const struct type *type = load_type_text(code, record->type);
    if (!type || !is_string(code, record->name) || record->site >= code->header.site_count)
        return false;
    struct flow_parameter *parameter = &code->parameters[index];
    *parameter = (struct flow_parameter){.name = code->strings + record->name,
                                         .type = type,
                                         .has_default = record->default_function != FLOW_NO_DEFAULT,
                                         .first_leaf = *leaf,
                                         .leaf_count = flow_leaf_count(type)};
    *leaf += parameter->leaf_count;
    return load_leaves(code, parameter) &&
           default_fits(code, record, parameter->first_leaf, parameter->leaf_count);
}

/* Main's result leaf by leaf: known scalars, pending values, structures of arrays' elements. */
static bool result_fits(const struct flow_code *code)
{
    const struct flow_function *entry = &code->functions[code->header.entry];
    uint32_t operand = 0, leaves = flow_leaf_count(code->result_type);
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        uint32_t used =
            flow_argument_fits(code, entry->results + operand, entry->result_count - operand,
                               flow_leaf(code->result_type, leaf));
        if (!used)
            return false;
        operand += used;
    }
    return operand == entry->result_count;
}

static int load_entry(struct flow_code *code, struct error *error)
{
    const struct flow_header *header = &code->header;
    if (header->entry >= header->function_count)
        return damaged(error, "the entry");
    uint32_t leaves = code->functions[header->entry].parameter_count, leaf = 0;
    code->parameters = arena_array(&code->arena, struct flow_parameter, header->parameter_count);
    code->leaf_types = arena_array(&code->arena, const struct type *, leaves);
    for (uint32_t i = 0; i < header->parameter_count; i++)
        if (!load_parameter(code, i, &leaf))
            return error_set(error, ERR_bad_flow_code, "damaged flow code: parameter %u", i);
    if (leaf != leaves)
        return damaged(error, "the count of parameters");
    code->result_type = load_type_text(code, header->result_type);
    if (!code->result_type || !result_fits(code))
        return damaged(error, "the result");
    return 0;
}

/* ---- The whole --------------------------------------------------------------------------------
 */

static int check_sites(const struct flow_code *code, struct error *error)
{
    if (code->header.site_count == 0)
        return damaged(error, "no sites");
    for (uint32_t i = 0; i < code->header.site_count; i++)
        if (!is_string(code, code->sites[i].file))
            return error_set(error, ERR_bad_flow_code, "damaged flow code: site %u", i);
    return 0;
}

static int load(struct flow_code *code, const uint32_t *words, size_t length, struct error *error)
{
    if (length < sizeof code->header || length % sizeof(uint32_t))
        return damaged(error, "it is too short");
    memcpy(&code->header, words, sizeof code->header);
    int status = check_header(&code->header, length, error);
    if (status)
        return status;
    const struct flow_header *h = &code->header;
    if (words_in_all(h) != h->words || h->string_count == 0)
        return damaged(error, "its tables do not fill it");
    const uint32_t *next = words + sizeof *h / sizeof(uint32_t);
    const void *types = section(&next, h->type_count, sizeof(struct flow_type_record));
    code->kernel_records =
        (const void *)section(&next, h->kernel_count, sizeof(struct flow_kernel_record));
    code->sites = (const void *)section(&next, h->site_count, sizeof(struct flow_site_record));
    const void *functions = section(&next, h->function_count, sizeof(struct flow_function_record));
    code->parameter_records =
        (const void *)section(&next, h->parameter_count, sizeof(struct flow_parameter_record));
    code->lists = section(&next, h->list_count, sizeof(uint32_t));
    code->code = section(&next, h->code_count, sizeof(uint32_t));
    code->strings = (const char *)next;
    if (code->strings[h->string_count * sizeof(uint32_t) - 1])
        return damaged(error, "its strings have no end");
    status = load_types(code, types, error);
    status = status ? status : check_sites(code, error);
    status = status ? status : load_kernels(code, error);
    status = status ? status : load_functions(code, functions, error);
    return status ? status : load_entry(code, error);
}

struct flow_code *flow_code_load(const void *bytes, size_t length, struct error *error)
{
    struct flow_code *code = memory_new(1, sizeof *code);
    arena_init(&code->arena);
    type_table_init(&code->type_table, &code->arena);
    const uint32_t *words = bytes;
    if ((uintptr_t)bytes % _Alignof(uint32_t)) {
        code->copy = memory_resize(NULL, 1, length);
        memcpy(code->copy, bytes, length);
        words = code->copy;
    }
    if (load(code, words, length, error)) {
        flow_code_free(code);
        return NULL;
    }
    return code;
}

void flow_code_free(struct flow_code *code)
{
    if (!code)
        return;
    type_table_release(&code->type_table);
    arena_release(&code->arena);
    free(code->copy);
    free(code);
}

/* ---- What the commands ask --------------------------------------------------------------------
 */

uint32_t flow_parameter_count(const struct flow_code *code)
{
    return code->header.parameter_count;
}

struct flow_parameter flow_parameter(const struct flow_code *code, uint32_t index)
{
    return code->parameters[index];
}

uint32_t flow_leaf_total(const struct flow_code *code)
{
    return code->functions[code->header.entry].parameter_count;
}

void flow_leaf_name(const struct flow_code *code, uint32_t leaf, struct buffer *out)
{
    const struct flow_parameter *parameter = code->parameters;
    while (leaf >= parameter->first_leaf + parameter->leaf_count)
        parameter++;
    leaf -= parameter->first_leaf;
    buffer_puts(out, parameter->name);
    for (const struct type *type = parameter->type; type_has_parts(type);) {
        uint32_t part = 0;
        for (; leaf >= flow_leaf_count(type->parts[part]); part++)
            leaf -= flow_leaf_count(type->parts[part]);
        if (type->names && type->names[part])
            buffer_printf(out, ".%s", type->names[part]);
        else
            buffer_printf(out, ".%u", part);
        type = type->parts[part];
    }
}

const struct type *flow_leaf_type(const struct flow_code *code, uint32_t leaf)
{
    return code->leaf_types[leaf];
}

uint32_t flow_find_leaf(const struct flow_code *code, const char *name)
{
    struct buffer leaf_name = {0};
    uint32_t leaf = 0;
    for (; leaf < flow_leaf_total(code); leaf++) {
        buffer_clear(&leaf_name);
        flow_leaf_name(code, leaf, &leaf_name);
        if (strcmp(buffer_text(&leaf_name), name) == 0)
            break;
    }
    buffer_release(&leaf_name);
    return leaf;
}

const struct type *flow_result_type(const struct flow_code *code)
{
    return code->result_type;
}

uint32_t flow_kernel_count(const struct flow_code *code)
{
    return code->header.kernel_count;
}

const char *flow_kernel_symbol(const struct flow_code *code, uint32_t index)
{
    return code->strings + code->kernel_records[index].symbol;
}
