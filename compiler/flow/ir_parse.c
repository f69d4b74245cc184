/*
 * Reads the text form of flow IR (spec/flow-ir.md). Recursive descent over the bytes; the first
 * mistake ends it. Values must be numbered in the order of the text, so a number costs no memory
 * beyond its own text. Functions may be named before they are defined: such names are resolved at
 * the end. ir_verify checks everything else.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "flow/build.h"
#include "value/semantics.h"

enum { NAME_LIMIT = 512, NO_FUNCTION = -1 };

struct name_use { /* a function's name, and where its number goes */
    uint32_t *number;
    int32_t *default_number; /* instead, for a parameter's default */
    const char *name;
    const char *at;
};

struct fallback_use { /* a kernel, and the name of its fallback */
    struct typed_function *kernel;
    const char *name;
    const char *at;
};

struct reader {
    const char *begin, *at, *end;
    const char *name; /* of the text, for errors */
    struct ir_module *module;
    struct ir_builder builder;
    VECTOR(ir_value) operands;
    VECTOR(const struct ir_type *) results;
    VECTOR(struct name_use) uses;
    VECTOR(struct fallback_use) fallbacks;
    struct error *error;
};

static bool fail(struct reader *r, const char *what)
{
    uint32_t line = 1, column = 1;
    for (const char *p = r->begin; p < r->at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    error_set(r->error, ERR_bad_flow_ir, "%s", what);
    r->error->place = (struct place){.file = r->name, .line = line, .column = column, .length = 1};
    return false;
}

/* ---- Tokens --------------------------------------------------------------------------------- */

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
    if (r->at < r->end && *r->at == '#')
        while (r->at < r->end && *r->at != '\n')
            r->at++;
}

static void skip_lines(struct reader *r)
{
    skip_blanks(r);
    while (r->at < r->end && (*r->at == '\n' || *r->at == '\r')) {
        r->at++;
        skip_blanks(r);
    }
}

static char peek(struct reader *r)
{
    skip_blanks(r);
    return r->at < r->end ? *r->at : '\0';
}

static bool accept(struct reader *r, const char *text)
{
    skip_blanks(r);
    size_t length = strlen(text);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0)
        return false;
    r->at += length;
    return true;
}

static bool expect(struct reader *r, const char *text)
{
    if (accept(r, text))
        return true;
    char message[64];
    snprintf(message, sizeof message, "expected %s", text);
    return fail(r, message);
}

static bool expect_line_end(struct reader *r)
{
    char next = peek(r);
    if (next != '\n' && next != '\r' && next != '\0')
        return fail(r, "expected the end of the line");
    skip_lines(r);
    return true;
}

static bool is_name_character(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_symbol_character(char c)
{
    return is_name_character(c) || c == '.';
}

/* A run of characters of a class, copied to the arena; NULL after a report when there is none. */
static const char *read_run(struct reader *r, bool (*belongs)(char), const char *what)
{
    skip_blanks(r);
    const char *begin = r->at;
    while (r->at < r->end && belongs(*r->at) && r->at - begin < NAME_LIMIT)
        r->at++;
    if (r->at == begin) {
        fail(r, what);
        return NULL;
    }
    return arena_text(r->module->arena, begin, (size_t)(r->at - begin));
}

/* A function's or kernel's name behind @. */
static const char *read_symbol(struct reader *r)
{
    return expect(r, "@") ? read_run(r, is_symbol_character, "expected a name after @") : NULL;
}

static bool read_number(struct reader *r, uint64_t limit, uint64_t *number)
{
    skip_blanks(r);
    const char *begin = r->at;
    uint64_t value = 0;
    for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++) {
        uint64_t digit = (uint64_t)(*r->at - '0');
        if (value > (limit - digit) / 10)
            return fail(r, "the number is too large");
        value = value * 10 + digit;
    }
    *number = value;
    return r->at > begin || fail(r, "expected a number");
}

static bool read_u32(struct reader *r, uint32_t *number)
{
    uint64_t wide;
    if (!read_number(r, UINT32_MAX, &wide))
        return false;
    *number = (uint32_t)wide;
    return true;
}

static bool read_escape(struct reader *r, struct buffer *text)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *found = r->at < r->end && *r->at ? strchr(letters, *r->at) : NULL;
    if (found) {
        buffer_putc(text, bytes[found - letters]);
        r->at++;
        return true;
    }
    unsigned code;
    char digits[5] = "";
    if (r->end - r->at >= 5 && *r->at == 'u') {
        memcpy(digits, r->at + 1, 4);
        if (strspn(digits, "0123456789abcdefABCDEF") == 4 &&
            (code = (unsigned)strtoul(digits, NULL, 16)) < 0x80) {
            buffer_putc(text, (char)code);
            r->at += 5;
            return true;
        }
    }
    return fail(r, "this escape is not understood");
}

/* A text in quotes, as JSON writes it. */
static const char *read_text(struct reader *r, uint64_t *length)
{
    struct buffer text = {0};
    bool ok = expect(r, "\"");
    while (ok && r->at < r->end && *r->at != '"' && *r->at != '\n' && *r->at != '\0') {
        if (*r->at != '\\') {
            buffer_putc(&text, *r->at++);
        } else {
            r->at++;
            ok = read_escape(r, &text);
        }
    }
    ok = ok && expect(r, "\"");
    const char *copy = ok ? arena_text(r->module->arena, buffer_text(&text), text.length) : NULL;
    *length = text.length;
    buffer_release(&text);
    return copy;
}

/* The same without zeros. */
static const char *read_quoted(struct reader *r)
{
    uint64_t length;
    const char *text = read_text(r, &length);
    if (text && strlen(text) != length)
        return fail(r, "a text with a zero in it"), NULL;
    return text;
}

static bool read_span(struct reader *r, struct span *span)
{
    *span = (struct span){0};
    if (!accept(r, "!"))
        return true;
    span->source = r->module->source;
    return read_u32(r, &span->begin) && expect(r, "..") && read_u32(r, &span->end);
}

/* ---- Types ---------------------------------------------------------------------------------- */

/* The end of a type's text: names and groups of brackets of all kinds, without blanks outside. */
static const char *type_end(const struct reader *r)
{
    const char *p = r->at;
    int depth = 0;
    for (; p < r->end && *p != '\n'; p++) {
        bool opens = *p == '(' || *p == '[' || *p == '{',
             closes = *p == ')' || *p == ']' || *p == '}';
        if (depth == 0 && !opens && !is_name_character(*p) && *p != '.')
            break;
        depth += opens - closes;
    }
    return p;
}

/* Turns the + and - of the first group into _, and returns the extents that are +. */
static uint32_t take_extents(char *text)
{
    uint32_t known = 0;
    int depth = 0;
    for (; *text && !(*text == '[' && depth == 0); text++) {
        depth += *text == '(' || *text == '{';
        depth -= *text == ')' || *text == '}';
    }
    for (uint32_t dimension = 0; *text && *text != ']' && dimension < WK_MAX_RANK; text++) {
        if (*text != '+' && *text != '-')
            continue;
        known |= (uint32_t)(*text == '+') << dimension++;
        *text = '_';
    }
    return known;
}

/* `known_extents` NULL: the type of a kernel or parameter, where extents are not marked. */
static const struct type *read_plain_type(struct reader *r, uint32_t *known_extents)
{
    skip_blanks(r);
    const char *end = type_end(r);
    if (end - r->at > 8 * NAME_LIMIT)
        return fail(r, "the type is too long"), NULL;
    char *text = arena_text(r->module->arena, r->at, (size_t)(end - r->at));
    if (known_extents)
        *known_extents = take_extents(text);
    const struct type *type = type_parse(r->module->types, text);
    if (!type)
        return fail(r, "expected a type"), NULL;
    r->at = end;
    return type;
}

static const struct ir_type *read_type(struct reader *r)
{
    uint8_t ranks[WK_MAX_RANK];
    uint32_t depth = 0, rank, known = 0;
    while (accept(r, "{")) {
        if (!read_u32(r, &rank) || !expect(r, "}"))
            return NULL;
        if (depth == WK_MAX_RANK || rank == 0 || rank > WK_MAX_RANK)
            return fail(r, "a structure with an impossible rank"), NULL;
        ranks[depth++] = (uint8_t)rank;
    }
    bool is_pending = accept(r, "?");
    const struct type *type = read_plain_type(r, is_pending ? &known : NULL);
    if (!type)
        return NULL;
    const struct ir_type *result =
        is_pending ? ir_type_pending(r->module, type, known) : ir_type_known(r->module, type);
    while (depth)
        result = ir_type_structured(r->module, result, ranks[--depth]);
    return result;
}

/* ---- Operands and results ------------------------------------------------------------------- */

static bool read_value(struct reader *r, ir_value *value)
{
    return expect(r, "%") && read_u32(r, value);
}

/* Appends values, separated by commas, to r->operands. */
static bool read_values(struct reader *r)
{
    if (peek(r) != '%')
        return true;
    do {
        ir_value value;
        if (!read_value(r, &value))
            return false;
        vector_push(&r->operands, value);
    } while (accept(r, ","));
    return true;
}

/* %n: type, … into r->results; the numbers must follow those given before. */
static bool read_definitions(struct reader *r)
{
    r->results.count = 0;
    while (peek(r) == '%') {
        const char *at = r->at;
        ir_value value;
        if (!read_value(r, &value) || !expect(r, ":"))
            return false;
        if (value != r->builder.function->value_count + r->results.count) {
            r->at = at;
            return fail(r, "values must be numbered in the order of the text");
        }
        const struct ir_type *type = read_type(r);
        if (!type)
            return false;
        vector_push(&r->results, type);
        if (!accept(r, ","))
            break;
    }
    return true;
}

static bool read_target(struct reader *r, uint32_t *block)
{
    return expect(r, "b") && read_u32(r, block) && expect(r, "(") && read_values(r) &&
           expect(r, ")");
}

static bool use_function(struct reader *r, uint32_t *number, int32_t *default_number)
{
    const char *at = r->at;
    const char *name = read_symbol(r);
    if (name)
        vector_push(&r->uses, (struct name_use){number, default_number, name, at});
    return name != NULL;
}

static bool use_kernel(struct reader *r, uint32_t *number)
{
    const char *at = r->at;
    const char *name = read_symbol(r);
    for (uint32_t i = 0; name && i < r->module->kernel_count; i++)
        if (strcmp(r->module->kernels[i]->symbol, name) == 0) {
            *number = i;
            return true;
        }
    r->at = name ? at : r->at;
    return name ? fail(r, "no kernel of this name") : false;
}

/* ---- Attributes ----------------------------------------------------------------------------- */

/* key=number, if the key stands there. */
static bool read_setting(struct reader *r, const char *key, uint64_t limit, uint64_t *number)
{
    return accept(r, key) ? read_number(r, limit, number) : true;
}

static bool read_annotations(struct reader *r, struct typed_annotations *annotations)
{
    uint64_t retries = UINT64_MAX, together = 0;
    *annotations = ir_no_annotations;
    if (!read_setting(r, "retries=", INT32_MAX, &retries) ||
        !read_setting(r, "timeout=", UINT64_MAX, &annotations->timeout_ns) ||
        !read_setting(r, "memory=", UINT64_MAX, &annotations->memory_bytes) ||
        !read_setting(r, "cost=", UINT64_MAX, &annotations->cost_ns) ||
        !read_setting(r, "together=", 1, &together))
        return false;
    annotations->retries = retries == UINT64_MAX ? -1 : (int32_t)retries;
    annotations->together = together;
    return true;
}

static bool has_annotations(const struct typed_annotations *a)
{
    return a->retries >= 0 || a->timeout_ns || a->memory_bytes || a->cost_ns || a->together;
}

static bool read_call_annotations(struct reader *r, struct ir_instruction *instruction)
{
    struct typed_annotations annotations;
    if (!read_annotations(r, &annotations))
        return false;
    if (has_annotations(&annotations))
        instruction->annotations = arena_copy(r->module->arena, &annotations, sizeof annotations);
    return true;
}

static uint64_t float_word(const char *text, char **end, bool is_single)
{
    double value = strtod(text, end);
    float single = (float)value;
    uint32_t low;
    uint64_t word;
    memcpy(&low, &single, sizeof low);
    memcpy(&word, &value, sizeof word);
    return is_single ? low : word;
}

static bool read_word(struct reader *r, const struct ir_type *type, uint64_t *word)
{
    char text[64];
    size_t length = 0;
    skip_blanks(r);
    const char *begin = r->at;
    while (r->at < r->end && length < sizeof text - 1 &&
           (isalnum((unsigned char)*r->at) || strchr("+-.", *r->at)) && *r->at)
        text[length++] = *r->at++;
    text[length] = '\0';
    char *end = text;
    errno = 0;
    bool is_scalar = type->kind == IR_KNOWN && type_is_scalar(type->type);
    if (strncmp(text, "0x", 2) == 0)
        *word = strtoull(text, &end, 16);
    else if (is_scalar && type_is_float(type->type))
        *word = float_word(text, &end, type->type->scalar == WK_F32);
    else if (is_scalar && type_is_signed(type->type))
        *word = (uint64_t)strtoll(text, &end, 10);
    else
        *word = text[0] == '-' ? 0 : strtoull(text, &end, 10);
    if (end != text && *end == '\0' &&
        (errno != ERANGE || (is_scalar && type_is_float(type->type))))
        return true;
    r->at = begin;
    return fail(r, "expected a constant of the result's type");
}

/* .ir…: one letter a dimension. The count is kept in `number` until the type is known. */
static bool read_mask(struct reader *r, struct ir_instruction *instruction)
{
    if (!expect(r, "."))
        return false;
    uint32_t rank = 0;
    for (; r->at < r->end && (*r->at == 'i' || *r->at == 'r'); r->at++, rank++)
        if (*r->at == 'r' && rank < WK_MAX_RANK)
            instruction->mask |= 1U << rank;
    instruction->number = rank;
    return (rank > 0 && rank <= WK_MAX_RANK) || fail(r, "expected i or r for each dimension");
}

static bool read_code(struct reader *r, enum error_code *code)
{
    const char *at = r->at;
    const char *name = read_run(r, is_name_character, "expected an error's name");
    for (int i = 1; name && i < ERROR_COUNT; i++)
        if (strcmp(error_name((enum error_code)i), name) == 0) {
            *code = (enum error_code)i;
            return true;
        }
    r->at = name ? at : r->at;
    return name ? fail(r, "no error of this name") : false;
}

static bool read_message(struct reader *r, struct ir_instruction *instruction)
{
    return (instruction->format = read_quoted(r)) && (instruction->types = read_quoted(r));
}

/* What stands between the mnemonic and the operands. */
static bool read_attributes(struct reader *r, struct ir_instruction *i)
{
    switch (i->opcode) {
    case IR_CONSTANT:
        if (r->results.count == 1 && r->results.items[0]->kind == IR_KNOWN &&
            r->results.items[0]->type->kind == TYPE_STRING)
            return (i->text = read_text(r, &i->word)) != NULL;
        return r->results.count == 1 ? read_word(r, r->results.items[0], &i->word)
                                     : fail(r, "a constant has one result");
    case IR_COUNT:
        i->flag = accept(r, ".inclusive");
        return true;
    case IR_SLICE:
    case IR_SET_SLICE:
    case IR_VIEW:
        return read_mask(r, i);
    case IR_EXTENT:
        return expect(r, ".") && read_u32(r, &i->number);
    case IR_CALL:
        i->flag = accept(r, ".shared");
        return use_kernel(r, &i->callee);
    case IR_EACH:
        if (!expect(r, ".") || !read_u32(r, &i->number))
            return false;
        i->flag = accept(r, ".filtered");
        return use_function(r, &i->callee, NULL);
    case IR_REDUCE:
        i->flag = accept(r, ".initial");
        return use_function(r, &i->callee, NULL);
    case IR_APPLY:
        return use_function(r, &i->callee, NULL);
    case IR_CHECK:
        return read_code(r, &i->code) && read_message(r, i);
    case IR_FAIL:
        return read_message(r, i);
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_SLICE:
    case IR_TEXT_PRINT:
    case IR_TEXT_LENGTH:
    case IR_OPERATION:
    case IR_CONVERT:
    case IR_STRUCTURE:
    case IR_FILL:
    case IR_RANGE:
    case IR_GET:
    case IR_SET:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_FIND:
    case IR_ELEMENTS:
    case IR_TILES:
    case IR_LIFT:
    case IR_CONTENTS:
    case IR_JUMP:
    case IR_BRANCH:
    case IR_RETURN:
    case IR_OPCODE_COUNT:
        return true;
    }
    return true;
}

/* ---- Instructions --------------------------------------------------------------------------- */

static bool read_branch(struct reader *r, struct ir_instruction *i)
{
    ir_value condition;
    if (!read_value(r, &condition))
        return false;
    vector_push(&r->operands, condition);
    if (!read_target(r, &i->targets[0]))
        return false;
    i->first_target_count = (uint32_t)r->operands.count - 1;
    return read_target(r, &i->targets[1]);
}

static bool read_operands(struct reader *r, struct ir_instruction *i)
{
    r->operands.count = 0;
    if (i->opcode == IR_JUMP)
        return read_target(r, &i->targets[0]);
    if (i->opcode == IR_BRANCH)
        return read_branch(r, i);
    return read_values(r);
}

static bool find_opcode(const char *mnemonic, struct ir_instruction *i)
{
    for (int opcode = 0; opcode < IR_OPCODE_COUNT; opcode++)
        if (opcode != IR_OPERATION && strcmp(ir_mnemonic((enum ir_opcode)opcode), mnemonic) == 0) {
            i->opcode = (enum ir_opcode)opcode;
            return true;
        }
    i->opcode = IR_OPERATION;
    i->operation = operation_by_mnemonic(mnemonic);
    return i->operation != OPERATION_NONE;
}

/* The values that the text defines become the instruction's results. */
static void append_instruction(struct reader *r, const struct ir_instruction *read,
                               struct ir_instruction *made)
{
    struct ir_instruction complete = *read;
    complete.operands = made->operands;
    complete.operand_count = made->operand_count;
    complete.first_result = made->first_result;
    complete.result_count = made->result_count;
    *made = complete;
    for (size_t i = r->uses.count; i > 0 && r->uses.items[i - 1].number == &read->callee; i--)
        r->uses.items[i - 1].number = &made->callee;
}

static bool read_instruction(struct reader *r)
{
    struct ir_instruction i = {0};
    if (!read_definitions(r) || (r->results.count && !expect(r, "=")))
        return false;
    const char *at = r->at;
    const char *mnemonic = read_run(r, is_name_character, "expected an instruction");
    if (!mnemonic)
        return false;
    if (!find_opcode(mnemonic, &i)) {
        r->at = at;
        return fail(r, "no instruction of this name");
    }
    if (!read_attributes(r, &i) || !read_operands(r, &i) ||
        (i.opcode == IR_CALL && !read_call_annotations(r, &i)) || !read_span(r, &i.span))
        return false;
    append_instruction(r, &i,
                       ir_emit(&r->builder, i.opcode, r->operands.items,
                               (uint32_t)r->operands.count, r->results.items,
                               (uint32_t)r->results.count));
    return expect_line_end(r);
}

/* ---- Functions ------------------------------------------------------------------------------ */

/* b0(%0: i64): */
static bool read_block_head(struct reader *r)
{
    uint32_t number;
    const char *at = r->at;
    if (!expect(r, "b") || !read_u32(r, &number))
        return false;
    if (number != r->builder.function->block_count) {
        r->at = at;
        return fail(r, "blocks must be numbered in the order of the text");
    }
    if (!expect(r, "(") || !read_definitions(r) || !expect(r, ")") || !expect(r, ":"))
        return false;
    r->builder.block = ir_block_new(r->module, r->builder.function);
    ir_block_parameters(r->module, r->builder.function, r->builder.block, r->results.items,
                        (uint32_t)r->results.count);
    return expect_line_end(r);
}

static bool at_block_head(struct reader *r)
{
    skip_blanks(r);
    const char *p = r->at;
    if (p == r->end || *p++ != 'b' || p == r->end || !isdigit((unsigned char)*p))
        return false;
    while (p < r->end && isdigit((unsigned char)*p))
        p++;
    return p < r->end && *p == '(';
}

/* What printing relies on: values and blocks exist, masks have the operand's rank. */
static bool check_references(struct reader *r, const struct ir_instruction *i)
{
    const struct ir_function *function = r->builder.function;
    for (uint32_t o = 0; o < i->operand_count; o++)
        if (i->operands[o] >= function->value_count)
            return fail(r, "the function uses a value that it does not define");
    uint32_t targets = i->opcode == IR_BRANCH ? 2 : i->opcode == IR_JUMP ? 1 : 0;
    for (uint32_t t = 0; t < targets; t++)
        if (i->targets[t] >= function->block_count)
            return fail(r, "the function goes to a block that it does not have");
    if (i->opcode != IR_SLICE && i->opcode != IR_SET_SLICE && i->opcode != IR_VIEW)
        return true;
    if (i->operand_count == 0)
        return fail(r, "a slice of nothing");
    const struct ir_type *type = ir_type_of(function, i->operands[0]);
    uint32_t rank = type->kind == IR_STRUCTURED ? type->rank : type->type->rank;
    return rank == i->number || fail(r, "a slice needs a letter for each dimension");
}

static bool check_function(struct reader *r)
{
    for (uint32_t b = 0; b < r->builder.function->block_count; b++) {
        struct ir_block *block = &r->builder.function->blocks[b];
        for (uint32_t n = 0; n < block->count; n++) {
            struct ir_instruction *i = block->instructions[n];
            if (!check_references(r, i))
                return false;
            if (i->opcode == IR_SLICE || i->opcode == IR_SET_SLICE || i->opcode == IR_VIEW)
                i->number = 0;
        }
    }
    return true;
}

static bool read_result_types(struct reader *r)
{
    struct ir_function *function = r->builder.function;
    r->results.count = 0;
    if (!expect(r, "->") || !expect(r, "("))
        return false;
    while (peek(r) != ')') {
        const struct ir_type *type = read_type(r);
        if (!type)
            return false;
        vector_push(&r->results, type);
        if (!accept(r, ","))
            break;
    }
    function->result_count = (uint32_t)r->results.count;
    function->results = arena_array(r->module->arena, const struct ir_type *, r->results.count);
    for (size_t i = 0; i < r->results.count; i++)
        function->results[i] = r->results.items[i];
    return expect(r, ")");
}

static bool has_function(const struct ir_module *module, const char *name)
{
    for (uint32_t i = 0; i < module->function_count; i++)
        if (strcmp(module->functions[i]->name, name) == 0)
            return true;
    return false;
}

static bool read_function(struct reader *r, bool is_flow)
{
    const char *at = r->at, *title;
    const char *name = read_symbol(r);
    if (!name || !(title = read_quoted(r)))
        return false;
    if (has_function(r->module, name)) {
        r->at = at;
        return fail(r, "two functions of this name");
    }
    uint32_t number = ir_function_new(r->module, name, title, is_flow, (struct span){0});
    r->builder = (struct ir_builder){.module = r->module, .function = r->module->functions[number]};
    if (!read_result_types(r) || !read_span(r, &r->builder.function->span) || !expect(r, "{") ||
        !expect_line_end(r))
        return false;
    while (peek(r) != '}') {
        if (!at_block_head(r) && r->builder.function->block_count == 0)
            return fail(r, "expected a block");
        if (!(at_block_head(r) ? read_block_head(r) : read_instruction(r)))
            return false;
    }
    return check_function(r) && expect(r, "}") && expect_line_end(r);
}

/* ---- The module ----------------------------------------------------------------------------- */

static bool read_kernel_parameters(struct reader *r, struct typed_function *kernel)
{
    VECTOR(struct variable *) parameters = {0};
    bool ok = expect(r, "(");
    while (ok && peek(r) != ')') {
        struct variable *parameter = arena_new(r->module->arena, struct variable);
        parameter->index = (uint32_t)parameters.count;
        ok = (parameter->name = read_run(r, is_name_character, "expected a name")) &&
             expect(r, ":") && (parameter->type = read_plain_type(r, NULL));
        vector_push(&parameters, parameter);
        if (!accept(r, ","))
            break;
    }
    kernel->parameter_count = kernel->variable_count = (uint32_t)parameters.count;
    kernel->parameters =
        arena_copy(r->module->arena, parameters.items, parameters.count * sizeof *parameters.items);
    vector_release(&parameters);
    return ok && expect(r, ")");
}

static bool read_fallback(struct reader *r, struct typed_function *kernel)
{
    if (!accept(r, "fallback="))
        return true;
    const char *at = r->at, *name = read_symbol(r);
    if (name)
        vector_push(&r->fallbacks, (struct fallback_use){kernel, name, at});
    return name != NULL;
}

static bool read_kernel(struct reader *r)
{
    struct typed_function *kernel = arena_new(r->module->arena, struct typed_function);
    const char *at = r->at;
    if (!(kernel->symbol = read_symbol(r)))
        return false;
    for (uint32_t i = 0; i < r->module->kernel_count; i++)
        if (strcmp(r->module->kernels[i]->symbol, kernel->symbol) == 0) {
            r->at = at;
            return fail(r, "two kernels of this name");
        }
    if (!(kernel->name = read_quoted(r)) || !read_kernel_parameters(r, kernel) ||
        !expect(r, "->") || !(kernel->result = read_plain_type(r, NULL)) ||
        !read_annotations(r, &kernel->annotations) || !read_fallback(r, kernel) ||
        (accept(r, "members=") && !(kernel->members = read_quoted(r))) ||
        !read_span(r, &kernel->span))
        return false;
    ir_kernel_new(r->module, kernel);
    return expect_line_end(r);
}

/* Kernels name fallbacks that may stand behind them. */
static bool resolve_fallbacks(struct reader *r)
{
    for (size_t i = 0; i < r->fallbacks.count; i++) {
        const struct fallback_use *use = &r->fallbacks.items[i];
        for (uint32_t k = 0; k < r->module->kernel_count; k++)
            if (strcmp(r->module->kernels[k]->symbol, use->name) == 0)
                use->kernel->fallback = r->module->kernels[k];
        if (!use->kernel->fallback) {
            r->at = use->at;
            return fail(r, "no kernel of this name");
        }
    }
    return true;
}

/* Parameters are read into their final place: uses keep addresses into it. */
static bool read_parameter(struct reader *r)
{
    struct ir_module *module = r->module;
    if (module->parameter_count == IR_MAX_PARAMETERS)
        return fail(r, "too many parameters");
    if (!module->parameters)
        module->parameters =
            arena_array(module->arena, struct ir_entry_parameter, IR_MAX_PARAMETERS);
    struct ir_entry_parameter *parameter = &module->parameters[module->parameter_count];
    parameter->default_function = NO_FUNCTION;
    if (!(parameter->name = read_run(r, is_name_character, "expected a name")) || !expect(r, ":") ||
        !(parameter->type = read_plain_type(r, NULL)) ||
        (accept(r, "=") && !use_function(r, NULL, &parameter->default_function)) ||
        !read_span(r, &parameter->span))
        return false;
    module->parameter_count++;
    return expect_line_end(r);
}

static bool read_head(struct reader *r)
{
    struct source *source = arena_new(r->module->arena, struct source);
    skip_lines(r);
    if (!expect(r, "module") || !(source->name = read_quoted(r)) || !expect_line_end(r))
        return false;
    source->text = "";
    r->module->source = source;
    return true;
}

static bool read_entry(struct reader *r)
{
    if (r->module->result)
        return fail(r, "two entries");
    return use_function(r, &r->module->entry, NULL) && expect(r, "->") &&
           (r->module->result = read_plain_type(r, NULL)) && expect_line_end(r);
}

static bool read_declaration(struct reader *r)
{
    if (accept(r, "kernel "))
        return read_kernel(r);
    if (accept(r, "parameter "))
        return read_parameter(r);
    if (accept(r, "entry "))
        return read_entry(r);
    if (accept(r, "flow "))
        return read_function(r, true);
    if (accept(r, "function "))
        return read_function(r, false);
    return fail(r, "expected kernel, parameter, entry, flow or function");
}

static bool resolve_names(struct reader *r)
{
    for (size_t u = 0; u < r->uses.count; u++) {
        const struct name_use *use = &r->uses.items[u];
        uint32_t i = 0;
        while (i < r->module->function_count &&
               strcmp(r->module->functions[i]->name, use->name) != 0)
            i++;
        if (i == r->module->function_count) {
            r->at = use->at;
            return fail(r, "no function of this name");
        }
        if (use->number)
            *use->number = i;
        else
            *use->default_number = (int32_t)i;
    }
    return true;
}

static bool read_module(struct reader *r)
{
    if (!read_head(r))
        return false;
    while (peek(r) != '\0' || r->at < r->end)
        if (!read_declaration(r))
            return false;
    if (!r->module->result)
        return fail(r, "the module has no entry");
    return resolve_fallbacks(r) && resolve_names(r);
}

struct ir_module *ir_parse(const char *text, size_t length, const char *name, struct arena *arena,
                           struct type_table *types, struct error *error)
{
    struct reader reader = {.begin = text,
                            .at = text,
                            .end = text + length,
                            .name = name,
                            .module = ir_module_new(arena, types, NULL),
                            .error = error};
    bool ok = read_module(&reader);
    vector_release(&reader.operands);
    vector_release(&reader.results);
    vector_release(&reader.uses);
    vector_release(&reader.fallbacks);
    return ok ? reader.module : NULL;
}
