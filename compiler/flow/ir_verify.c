/*
 * The verifier: the rules of modules and functions, F1 to F9 of spec/flow-ir.md; those of
 * instructions are in ir_verify_instruction.c. The first broken rule ends it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/dominance.h"
#include "flow/verify.h"
#include "value/semantics.h"

bool verify_fail(struct verifier *v, int rule, const char *format, ...)
{
    char what[256], where[256] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const struct ir_instruction *i = v->instruction;
    if (v->function)
        snprintf(where, sizeof where, "@%.80s: ", v->function->name);
    if (i) {
        size_t length = strlen(where);
        const char *mnemonic = i->opcode == IR_OPERATION     ? operation_mnemonic(i->operation)
                               : i->opcode < IR_OPCODE_COUNT ? ir_mnemonic(i->opcode)
                                                             : "?";
        if (i->result_count)
            snprintf(where + length, sizeof where - length, "%%%u = %s: ", i->first_result,
                     mnemonic);
        else
            snprintf(where + length, sizeof where - length, "%s: ", mnemonic);
    }
    error_set(v->error, ERR_bad_flow_ir, "F%d: %s%s", rule, where, what);
    if (i && i->span.source)
        v->error->place = span_place(i->span);
    return false;
}

/* ---- Types ---------------------------------------------------------------------------------- */

static bool is_type(const struct ir_type *type)
{
    while (type->kind == IR_STRUCTURED) {
        if (type->rank == 0 || type->rank > WK_MAX_RANK)
            return false;
        type = type->element;
    }
    if (type->type->kind == TYPE_ARRAY)
        return type->kind == IR_PENDING && type_has_words(type->type) &&
               type->known_extents >> type->type->rank == 0;
    if (type->known_extents)
        return false;
    if (type->kind == IR_PENDING)
        return type_is_unit(type->type) ||
               (!type_has_parts(type->type) && type_has_words(type->type));
    return type_is_unit(type->type) || ir_can_be_known(type->type);
}

static bool verify_types(struct verifier *v)
{
    for (uint32_t i = 0; i < v->function->value_count; i++)
        if (!is_type(v->function->value_types[i]))
            return verify_fail(v, 2, "%%%u has an impossible type", i);
    for (uint32_t i = 0; i < v->function->result_count; i++)
        if (!is_type(v->function->results[i]))
            return verify_fail(v, 2, "result %u has an impossible type", i);
    return true;
}

/* ---- Blocks --------------------------------------------------------------------------------- */

static bool verify_blocks(struct verifier *v)
{
    if (v->function->block_count == 0)
        return verify_fail(v, 3, "the function has no blocks");
    for (uint32_t b = 0; b < v->function->block_count; b++) {
        const struct ir_block *block = &v->function->blocks[b];
        for (uint32_t i = 0; i < block->count; i++)
            if (ir_is_terminator(block->instructions[i]->opcode) != (i + 1 == block->count))
                return verify_fail(v, 3, "b%u does not end with its only terminator", b);
        if (block->count == 0)
            return verify_fail(v, 3, "b%u does not end with its only terminator", b);
    }
    return true;
}

/* Values are numbered in the order of the text, each defined once. Notes their definitions when
 * there is room for them. */
static bool verify_numbers(struct verifier *v)
{
    uint32_t next = 0;
    for (uint32_t b = 0; b < v->function->block_count; b++) {
        const struct ir_block *block = &v->function->blocks[b];
        if (block->parameter_count && block->first_parameter != next)
            return verify_fail(v, 4, "the parameters of b%u are not numbered in order", b);
        next += block->parameter_count;
        for (uint32_t i = 0; i < block->count; i++) {
            const struct ir_instruction *instruction = block->instructions[i];
            if (instruction->result_count && instruction->first_result != next)
                return verify_fail(v, 4, "%%%u is not numbered in order",
                                   instruction->first_result);
            for (uint32_t r = 0; v->definitions && r < instruction->result_count; r++)
                v->definitions[next + r] = instruction;
            next += instruction->result_count;
        }
    }
    return next == v->function->value_count || verify_fail(v, 4, "values have no definition");
}

static bool verify_operands(struct verifier *v)
{
    for (uint32_t b = 0; b < v->function->block_count; b++)
        for (uint32_t i = 0; i < v->function->blocks[b].count; i++) {
            v->instruction = v->function->blocks[b].instructions[i];
            for (uint32_t o = 0; o < v->instruction->operand_count; o++)
                if (v->instruction->operands[o] >= v->function->value_count)
                    return verify_fail(v, 4, "operand %u does not exist", o);
        }
    v->instruction = NULL;
    return true;
}

static bool verify_instructions(struct verifier *v)
{
    for (uint32_t b = 0; b < v->function->block_count; b++)
        for (uint32_t i = 0; i < v->function->blocks[b].count; i++)
            if (!verify_instruction(v, v->function->blocks[b].instructions[i]))
                return false;
    v->instruction = NULL;
    return true;
}

/* ---- Dominance ------------------------------------------------------------------------------ */

/* Uses in a block may refer to what is defined in it before, and in blocks that dominate it. */
static bool verify_uses(struct verifier *v, const struct dominance *d, const uint32_t *home,
                        uint32_t b)
{
    const struct ir_block *block = &v->function->blocks[b];
    for (uint32_t i = 0; i < block->count; i++) {
        v->instruction = block->instructions[i];
        for (uint32_t o = 0; o < v->instruction->operand_count; o++) {
            ir_value value = v->instruction->operands[o];
            const struct ir_instruction *definition = v->definitions[value];
            /* Values are numbered in order, so within a block the number tells. */
            bool before = home[value] != b || !definition || value < v->instruction->first_result;
            if (home[value] == b ? !before : !dominance_holds(d, home[value], b))
                return verify_fail(v, 7, "%%%u may not be defined yet", value);
        }
    }
    v->instruction = NULL;
    return true;
}

static bool verify_dominance(struct verifier *v)
{
    struct dominance d = dominance_new(v->function);
    bool ok = d.count == v->function->block_count || verify_fail(v, 6, "a block cannot be reached");
    uint32_t *home = memory_new(v->function->value_count, sizeof *home);
    uint32_t next = 0;
    for (uint32_t b = 0; b < v->function->block_count; b++) {
        const struct ir_block *block = &v->function->blocks[b];
        uint32_t end = next + block->parameter_count;
        for (uint32_t i = 0; i < block->count; i++)
            end += block->instructions[i]->result_count;
        for (; next < end; next++)
            home[next] = b;
    }
    for (uint32_t b = 0; ok && b < v->function->block_count; b++)
        ok = verify_uses(v, &d, home, b);
    free(home);
    dominance_free(&d);
    return ok;
}

/* ---- Modules -------------------------------------------------------------------------------- */

/* file[n], of which elaboration makes a structure. */
static bool is_file_list(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type->rank == 1 && type->element->kind == TYPE_FILE;
}

/* A leaf of a parameter of main, as elaboration gives it: arrays with all extents, and maps, are
 * pending. */
static bool is_entry_leaf(const struct ir_type *type, const struct type *leaf)
{
    if (type->kind == IR_STRUCTURED)
        return is_file_list(leaf) && type->rank == 1 && type->element->kind == IR_KNOWN &&
               type->element->type == leaf->element;
    if (type->type != leaf || is_file_list(leaf))
        return false;
    if (leaf->kind != TYPE_ARRAY && leaf->kind != TYPE_MAP)
        return type->kind == IR_KNOWN;
    return type->kind == IR_PENDING && (type->known_extents & ~((1U << leaf->rank) - 1)) == 0;
}

/* Whether types[*at ...] are the leaves of a parameter's type; *at moves behind them. */
static bool are_entry_leaves(const struct ir_type *const *types, uint32_t count, uint32_t *at,
                             const struct type *type)
{
    for (uint32_t leaf = 0; leaf < ir_leaf_count(type); leaf++, (*at)++)
        if (*at >= count || !is_entry_leaf(types[*at], ir_leaf(type, leaf)))
            return false;
    return true;
}

/* The leaves of the first `count` parameters of main are what the function takes. */
static bool takes_parameters(struct verifier *v, const struct ir_function *function, uint32_t count)
{
    const struct ir_block *entry = &function->blocks[0];
    const struct ir_type *const *types = function->value_types + entry->first_parameter;
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!are_entry_leaves(types, entry->parameter_count, &at, v->module->parameters[i].type))
            return false;
    return at == entry->parameter_count;
}

static bool verify_default(struct verifier *v, uint32_t parameter)
{
    const struct ir_entry_parameter *p = &v->module->parameters[parameter];
    if (p->default_function < 0)
        return true;
    if ((uint32_t)p->default_function >= v->module->function_count)
        return verify_fail(v, 9, "the default of %s is no function", p->name);
    const struct ir_function *function = v->module->functions[p->default_function];
    uint32_t results = 0;
    if (!takes_parameters(v, function, parameter) ||
        !are_entry_leaves(function->results, function->result_count, &results, p->type) ||
        results != function->result_count)
        return verify_fail(v, 9, "@%s does not give %s from the parameters before it",
                           function->name, p->name);
    return true;
}

/* A file is a leaf of its own, or one of file[n]; () is none. */
static bool is_entry_type(const struct type *type)
{
    if (type->kind == TYPE_ARRAY && type->element->kind == TYPE_FILE)
        return is_file_list(type);
    if (type->kind == TYPE_MAP && !is_entry_type(type->key))
        return false;
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP)
        return type->element->kind != TYPE_FILE && is_entry_type(type->element);
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count; i++)
        if (!is_entry_type(type->parts[i]))
            return false;
    return type_has_words(type) && type->word_count > 0;
}

/* The results of main are the sink's arguments. */
static bool verify_results(const struct verifier *v, const struct ir_function *entry)
{
    uint32_t at = 0;
    for (uint32_t leaf = 0; leaf < ir_leaf_count(v->module->result); leaf++)
        if (!verify_takes_leaf(ir_leaf(v->module->result, leaf), entry->results,
                               entry->result_count, &at))
            return false;
    return at == entry->result_count;
}

static bool verify_entry(struct verifier *v)
{
    const struct ir_module *module = v->module;
    if (module->entry >= module->function_count)
        return verify_fail(v, 8, "the entry is no function");
    const struct ir_function *entry = module->functions[module->entry];
    for (uint32_t i = 0; i < module->parameter_count; i++)
        if (!is_entry_type(module->parameters[i].type))
            return verify_fail(v, 8, "the parameter %s has a type that no input has",
                               module->parameters[i].name);
    if (!entry->is_flow || !takes_parameters(v, entry, module->parameter_count))
        return verify_fail(v, 8, "@%s does not take the parameters of main", entry->name);
    if (!module->result || !type_has_words(module->result))
        return verify_fail(v, 8, "the result has an impossible type");
    if (!verify_results(v, entry))
        return verify_fail(v, 8, "@%s does not give the result of main", entry->name);
    for (uint32_t i = 0; i < module->parameter_count; i++)
        if (!verify_default(v, i))
            return false;
    return true;
}

/* A fallback is a kernel of the module with the same parameters and result. */
static bool is_fallback_of(const struct verifier *v, const struct typed_function *kernel)
{
    const struct typed_function *fallback = kernel->fallback;
    bool ok = fallback->result == kernel->result && !fallback->fallback &&
              fallback->parameter_count == kernel->parameter_count;
    for (uint32_t p = 0; p < kernel->parameter_count && ok; p++)
        ok = fallback->parameters[p]->type == kernel->parameters[p]->type;
    for (uint32_t i = 0; i < v->module->kernel_count && ok; i++)
        if (v->module->kernels[i] == fallback)
            return true;
    return false;
}

static bool verify_kernels(struct verifier *v)
{
    for (uint32_t i = 0; i < v->module->kernel_count; i++) {
        const struct typed_function *kernel = v->module->kernels[i];
        bool ok = type_has_words(kernel->result);
        for (uint32_t p = 0; p < kernel->parameter_count; p++)
            ok &= type_has_words(kernel->parameters[p]->type);
        if (!ok)
            return verify_fail(v, 1, "the kernel @%s has a type without words", kernel->symbol);
        if (kernel->fallback && !is_fallback_of(v, kernel))
            return verify_fail(v, 1, "the fallback of the kernel @%s is not like it",
                               kernel->symbol);
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool verify_names(struct verifier *v)
{
    uint32_t count = v->module->function_count;
    const char **names = memory_new(count, sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = v->module->functions[i]->name;
    qsort(names, count, sizeof *names, compare_names);
    bool ok = true;
    for (uint32_t i = 1; ok && i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            ok = verify_fail(v, 1, "two functions are named @%s", names[i]);
    free(names);
    return ok;
}

/* Types and shape of a function: what the rules of its callers' instructions rely on. */
static bool verify_outline(struct verifier *v)
{
    v->definitions = NULL;
    return verify_types(v) && verify_blocks(v) && verify_numbers(v);
}

static bool verify_inside(struct verifier *v)
{
    v->definitions = memory_new(v->function->value_count, sizeof(const struct ir_instruction *));
    bool ok =
        verify_numbers(v) && verify_operands(v) && verify_instructions(v) && verify_dominance(v);
    free(v->definitions);
    return ok;
}

int ir_verify(const struct ir_module *module, struct error *error)
{
    struct verifier v = {.module = module, .error = error};
    bool ok = verify_names(&v) && verify_kernels(&v);
    for (uint32_t i = 0; ok && i < module->function_count; i++) {
        v.function = module->functions[i];
        ok = verify_outline(&v);
    }
    v.function = NULL;
    ok = ok && verify_entry(&v);
    for (uint32_t i = 0; ok && i < module->function_count; i++) {
        v.function = module->functions[i];
        ok = verify_inside(&v);
    }
    return ok ? 0 : (int)error->code;
}
