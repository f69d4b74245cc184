/* Producers that readers repeat; see repeat.h. */
#include "flow/repeat.h"

#include "flow/build.h"
#include "flow/compose.h"

static const struct typed_function *kernel_of(const struct ir_module *module,
                                              const struct ir_instruction *call)
{
    return module->kernels[call->callee];
}

/* Whether operand n is argument n, whole: no parameter has parts. */
static bool has_plain_parameters(const struct typed_function *kernel)
{
    for (uint32_t p = 0; p < kernel->parameter_count; p++) {
        const struct type *type = kernel->parameters[p]->type;
        if (type_has_parts(type) || type_is_unit(type) ||
            (type->kind == TYPE_ARRAY && !type_is_scalar(type->element)))
            return false;
    }
    return true;
}

/* Of arrays of as many elements as dimensions allow; scalars always travel with what is done. */
static bool is_no_larger(const struct type *input, const struct type *result)
{
    if (input->kind != TYPE_ARRAY)
        return true;
    return result->kind == TYPE_ARRAY && input->rank <= result->rank &&
           type_is_scalar(result->element) &&
           wk_scalar_bytes(input->element->scalar) <= wk_scalar_bytes(result->element->scalar);
}

static bool reads_one_small_value(const struct ir_function *function,
                                  const struct ir_instruction *producer,
                                  const struct typed_function *kernel)
{
    ir_value pending = UINT32_MAX;
    for (uint32_t p = 0; p < kernel->parameter_count; p++) {
        ir_value operand = producer->operands[p];
        enum ir_kind kind = ir_type_of(function, operand)->kind;
        if (kind == IR_KNOWN || operand == pending)
            continue;
        if (kind == IR_STRUCTURED || pending != UINT32_MAX ||
            !is_no_larger(kernel->parameters[p]->type, kernel->result))
            return false;
        pending = operand;
    }
    return true;
}

bool repeat_is_light(const struct ir_module *module, const struct ir_function *function,
                     const struct ir_instruction *producer)
{
    const struct typed_function *kernel = kernel_of(module, producer);
    if (producer->result_count != 1 || !compose_has_body(kernel) || !has_plain_parameters(kernel) ||
        ir_call_annotations(module, producer).cost_ns)
        return false;
    const struct typed_statement *only =
        kernel->body.count == 1 ? kernel->body.statements[0] : NULL;
    return only && only->kind == STATEMENT_RETURN && only->value &&
           (kernel->result->kind == TYPE_ARRAY || type_is_scalar(kernel->result)) &&
           compose_is_light(only->value) && reads_one_small_value(function, producer, kernel);
}

/* What fusion would refuse would leave the two side by side, in every reader. */
static bool have_one_kind(const struct ir_module *module, const struct ir_instruction *producer,
                          const struct ir_instruction *consumer)
{
    struct typed_annotations a = ir_call_annotations(module, producer),
                             b = ir_call_annotations(module, consumer);
    return !a.timeout_ns && !b.timeout_ns && a.retries == b.retries &&
           a.memory_bytes == b.memory_bytes && a.together == b.together &&
           !kernel_of(module, producer)->fallback && !kernel_of(module, consumer)->fallback;
}

static struct typed **new_parameters(struct compose *c, const struct typed_function *kernel)
{
    struct typed **parameters = arena_array(c->arena, struct typed *, kernel->parameter_count);
    for (uint32_t p = 0; p < kernel->parameter_count; p++)
        parameters[p] = compose_parameter(c, kernel->parameters[p]);
    return parameters;
}

static bool declares(const struct typed_function *task, const struct variable *variable)
{
    for (uint32_t i = 0; i < task->body.count; i++)
        if (task->body.statements[i]->kind == STATEMENT_DECLARE &&
            task->body.statements[i]->variable == variable)
            return true;
    return false;
}

/* By composing the two, and looking whether the producer's result is still there. */
bool repeat_dissolves(struct ir_module *module, const struct ir_function *function,
                      const struct ir_instruction *producer, const struct ir_instruction *consumer,
                      ir_value value)
{
    static const struct compose_name unused = {"repeat", "repeat", NULL};
    struct typed_function *first = module->kernels[producer->callee],
                          *second = module->kernels[consumer->callee];
    if (ir_type_of(function, value)->kind != IR_PENDING || !compose_has_body(second) ||
        !has_plain_parameters(second) || !have_one_kind(module, producer, consumer))
        return false;
    if (first->result->kind != TYPE_ARRAY)
        return true;
    struct compose c;
    compose_begin(&c, module, second->span);
    struct typed **inputs = new_parameters(&c, first), **arguments = new_parameters(&c, second);
    struct typed *result = compose_let(&c, compose_apply(&c, first, inputs));
    const struct variable *variable = result->variable;
    for (uint32_t p = 0; p < second->parameter_count; p++)
        if (consumer->operands[p] == value)
            arguments[p] = compose_read(&c, result->variable);
    return !declares(compose_end(&c, compose_apply(&c, second, arguments), &unused), variable);
}
