/*
 * Drops functions that neither main nor a default reaches, and kernels that no function calls. What
 * stays keeps its order.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/vector.h"
#include "flow/mutant.h"
#include "flow/pass.h"

#define DROPPED UINT32_MAX

struct uses {
    struct ir_module *module;
    uint32_t *functions, *kernels; /* new numbers; DROPPED until a use is found */
    VECTOR(uint32_t) pending;      /* functions to look through */
};

static bool calls_function(enum ir_opcode opcode)
{
    return opcode == IR_APPLY || opcode == IR_EACH || opcode == IR_REDUCE;
}

static void use_function(struct uses *u, uint32_t function)
{
    if (u->functions[function] != DROPPED)
        return;
    u->functions[function] = 0;
    vector_push(&u->pending, function);
}

static void look_through(struct uses *u, const struct ir_function *function)
{
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t i = 0; i < function->blocks[b].count; i++) {
            const struct ir_instruction *instruction = function->blocks[b].instructions[i];
            if (calls_function(instruction->opcode))
                use_function(u, instruction->callee);
            else if (instruction->opcode == IR_CALL)
                u->kernels[instruction->callee] = 0;
        }
}

/* Gives what is used numbers in a row; returns how many there are. */
static uint32_t number(uint32_t *numbers, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] != DROPPED)
            numbers[i] = next++;
    return next;
}

static void renumber_calls(struct uses *u, struct ir_function *function)
{
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t i = 0; i < function->blocks[b].count; i++) {
            struct ir_instruction *instruction = function->blocks[b].instructions[i];
            if (calls_function(instruction->opcode))
                instruction->callee = u->functions[instruction->callee];
            else if (instruction->opcode == IR_CALL)
                instruction->callee = u->kernels[instruction->callee];
        }
}

static void drop(struct uses *u)
{
    struct ir_module *module = u->module;
    uint32_t functions = number(u->functions, module->function_count);
    uint32_t kernels = number(u->kernels, module->kernel_count);
    for (uint32_t i = 0; i < module->function_count; i++)
        if (u->functions[i] != DROPPED) {
            renumber_calls(u, module->functions[i]);
            module->functions[u->functions[i]] = module->functions[i];
        }
    for (uint32_t i = 0; i < module->kernel_count; i++)
        if (u->kernels[i] != DROPPED)
            module->kernels[u->kernels[i]] = module->kernels[i];
    module->entry = u->functions[module->entry];
    for (uint32_t i = 0; i < module->parameter_count; i++)
        if (module->parameters[i].default_function >= 0)
            module->parameters[i].default_function =
                (int32_t)u->functions[module->parameters[i].default_function];
    module->function_count = functions;
    module->kernel_count = kernels;
}

/* What a used kernel falls back on is used. */
static void use_fallbacks(struct uses *u)
{
    struct ir_module *module = u->module;
    for (uint32_t i = 0; i < module->kernel_count; i++) {
        const struct typed_function *fallback = module->kernels[i]->fallback;
        for (uint32_t k = 0; fallback && u->kernels[i] != DROPPED && k < module->kernel_count; k++)
            if (module->kernels[k] == fallback)
                u->kernels[k] = 0;
    }
}

void pass_unused(struct ir_module *module)
{
    struct uses u = {.module = module};
    u.functions = memory_new(module->function_count, sizeof *u.functions);
    u.kernels = memory_new(module->kernel_count, sizeof *u.kernels);
    for (uint32_t i = 0; i < module->function_count; i++)
        u.functions[i] = DROPPED;
    for (uint32_t i = 0; i < module->kernel_count; i++)
        u.kernels[i] = DROPPED;
    use_function(&u, module->entry);
    for (uint32_t i = 0; i < module->parameter_count; i++)
        if (module->parameters[i].default_function >= 0)
            use_function(&u, (uint32_t)module->parameters[i].default_function);
    while (u.pending.count)
        look_through(&u, module->functions[vector_pop(&u.pending)]);
    if (!FLOW_MUTANT(UNUSED_FALLBACK))
        use_fallbacks(&u);
    drop(&u);
    free(u.functions);
    free(u.kernels);
    vector_release(&u.pending);
}
