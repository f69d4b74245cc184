/*
 * Lowering of a program: its flows, main's parameters and defaults. See lower.h for how lowering
 * works as a whole.
 */
#include "flow/lower.h"

#include "base/memory.h"

/* ---- Variables ------------------------------------------------------------------------------ */

void lower_bind(struct lower *f, const struct variable *variable, struct lowered value)
{
    f->environment[variable->index] = (struct environment_entry){value, true};
}

bool lower_is_bound(const struct lower *f, const struct variable *variable)
{
    return f->environment[variable->index].bound;
}

struct lowered lower_variable(struct lower *f, const struct variable *variable)
{
    if (!lower_is_bound(f, variable))
        bug("the variable %s is used before it has a value",
            variable->name ? variable->name : "(temporary)");
    return f->environment[variable->index].value;
}

/* ---- Functions ------------------------------------------------------------------------------ */

static struct lower begin_function(struct lowering *shared, uint32_t number,
                                   uint32_t variable_count, struct span span)
{
    struct lower f = {.shared = shared, .variable_count = variable_count};
    f.build.module = shared->module;
    f.build.function = shared->module->functions[number];
    f.build.block = ir_block_new(shared->module, f.build.function);
    f.build.span = span;
    f.environment = arena_array(shared->arena, struct environment_entry, variable_count);
    return f;
}

static void set_results(struct lowering *shared, struct ir_function *function,
                        const struct type_list *types)
{
    function->result_count = (uint32_t)types->count;
    function->results = arena_array(shared->arena, const struct ir_type *, types->count);
    for (size_t i = 0; i < types->count; i++)
        function->results[i] = types->items[i];
}

/* Makes the parameters of a flow the parameters of the entry block, and binds them. */
static void bind_parameters(struct lower *f, const struct typed_function *flow, uint32_t count)
{
    struct type_list types = {0};
    for (uint32_t i = 0; i < count; i++)
        lower_level_types(f->shared, flow->parameters[i]->type, flow->parameters[i]->level, &types);
    ir_value at = ir_block_parameters(f->build.module, f->build.function, 0, types.items,
                                      (uint32_t)types.count);
    for (uint32_t i = 0; i < count; i++) {
        struct type_list own = {0};
        lower_level_types(f->shared, flow->parameters[i]->type, flow->parameters[i]->level, &own);
        struct lowered value = {.count = (uint32_t)own.count};
        value.values = arena_array(f->shared->arena, ir_value, own.count);
        for (uint32_t leaf = 0; leaf < value.count; leaf++)
            value.values[leaf] = at++;
        lower_bind(f, flow->parameters[i], value);
        vector_release(&own);
    }
    vector_release(&types);
}

static void lower_body(struct lowering *shared, const struct typed_function *flow, uint32_t number)
{
    struct lower f = begin_function(shared, number, flow->variable_count, flow->span);
    f.source = flow;
    bind_parameters(&f, flow, flow->parameter_count);
    lower_rules(&f, flow, flow == shared->program->entry);
    lower_block(&f, &flow->body);
    if (f.ended)
        return;
    if (!type_is_unit(flow->result))
        bug("the flow %s ends without a result", flow->name);
    f.build.span = flow->span;
    lower_return(&f, lower_single(&f, ir_constant(&f.build, flow->result, 0)));
}

static void set_flow_results(struct lowering *shared, const struct typed_function *flow,
                             uint32_t number)
{
    struct type_list results = {0};
    if (flow == shared->program->entry)
        lower_sink_types(shared, flow->result, flow->result_level, &results);
    else
        lower_level_types(shared, flow->result, flow->result_level, &results);
    set_results(shared, shared->module->functions[number], &results);
    vector_release(&results);
}

uint32_t lower_instance(struct lowering *shared, const struct typed_function *flow)
{
    uint32_t number;
    if (pointer_table_find(&shared->functions, flow, &number))
        return number;
    number = ir_function_new(shared->module, flow->symbol, flow->name, true, flow->span);
    pointer_table_add(&shared->functions, flow, number);
    vector_push(&shared->instances, (struct flow_instance){flow, number});
    set_flow_results(shared, flow, number);
    return number;
}

/* Lowers the bodies of the flows that are asked for, and of those that these ask for. */
static void lower_bodies(struct lowering *shared)
{
    while (shared->lowered_count < shared->instances.count) {
        struct flow_instance instance = shared->instances.items[shared->lowered_count++];
        lower_body(shared, instance.flow, instance.function);
    }
}

uint32_t lower_kernel(struct lowering *shared, struct typed_function *task)
{
    uint32_t number;
    if (pointer_table_find(&shared->kernels, task, &number))
        return number;
    number = ir_kernel_new(shared->module, task);
    pointer_table_add(&shared->kernels, task, number);
    if (task->fallback)
        lower_kernel(shared, task->fallback);
    return number;
}

uint32_t lower_outline(struct lower *f, struct lower *inner, const char *what,
                       const struct ir_type *const *types, uint32_t type_count,
                       const struct value_list *captures)
{
    struct ir_module *module = f->build.module;
    const char *name = arena_printf(f->shared->arena, "%s.%s%u", f->build.function->name, what,
                                    ++f->outlined_count);
    uint32_t number = ir_function_new(module, name, f->build.function->title, false, f->build.span);
    *inner = begin_function(f->shared, number, f->variable_count, f->build.span);
    struct type_list parameters = {0};
    for (uint32_t i = 0; i < type_count; i++)
        vector_push(&parameters, types[i]);
    for (size_t i = 0; captures && i < captures->count; i++)
        vector_push(&parameters, lower_ir_type(f, captures->items[i]));
    ir_block_parameters(module, inner->build.function, 0, parameters.items,
                        (uint32_t)parameters.count);
    vector_release(&parameters);
    return number;
}

void lower_outline_end(struct lower *inner, struct lowered result)
{
    struct type_list types = {0};
    for (uint32_t i = 0; i < result.count; i++)
        vector_push(&types, lower_ir_type(inner, result.values[i]));
    set_results(inner->shared, inner->build.function, &types);
    vector_release(&types);
    ir_return(&inner->build, result.values, result.count);
}

/* ---- The entry ------------------------------------------------------------------------------ */

/* Binds the dimensions of the parameters before parameter `count`. */
static void bind_earlier_dimensions(struct lower *f, const struct typed_function *flow)
{
    for (uint32_t i = 0; i < flow->rule_count; i++) {
        const struct dimension_rule *rule = &flow->rules[i];
        if (!rule->binds || !lower_is_computable(f, rule->array))
            continue;
        struct lowered array = lower_expression(f, rule->array);
        lower_bind(f, rule->binds, lower_single(f, lower_extent(f, array, rule->dimension)));
    }
}

/* A function of the earlier parameters that gives the default of one. */
static int32_t lower_default(struct lowering *shared, const struct typed_function *flow,
                             uint32_t parameter)
{
    const struct typed *value = flow->defaults ? flow->defaults[parameter] : NULL;
    if (!value)
        return -1;
    const struct variable *variable = flow->parameters[parameter];
    const char *name = arena_printf(shared->arena, "%s.default.%s", flow->symbol, variable->name);
    uint32_t number = ir_function_new(shared->module, name, flow->name, false, value->span);
    struct lower f = begin_function(shared, number, flow->variable_count, value->span);
    bind_parameters(&f, flow, parameter);
    bind_earlier_dimensions(&f, flow);
    struct lowered result = lower_expression(&f, value);
    lower_outline_end(&f, lower_coerce(&f, variable->type, result, variable->level));
    return (int32_t)number;
}

static void lower_entry(struct lowering *shared)
{
    struct ir_module *module = shared->module;
    const struct typed_function *flow = shared->program->entry;
    module->entry = lower_instance(shared, flow);
    lower_bodies(shared);
    module->result = flow->result;
    module->parameter_count = flow->parameter_count;
    module->parameters =
        arena_array(shared->arena, struct ir_entry_parameter, flow->parameter_count);
    for (uint32_t i = 0; i < flow->parameter_count; i++)
        module->parameters[i] = (struct ir_entry_parameter){
            .name = flow->parameters[i]->name,
            .type = flow->parameters[i]->type,
            .default_function = lower_default(shared, flow, i),
            .span = flow->parameters[i]->span,
        };
    lower_bodies(shared);
}

struct ir_module *lower_program(const struct typed_program *program, struct arena *arena)
{
    struct lowering shared = {
        .program = program,
        .module = ir_module_new(arena, program->types, program->source),
        .arena = arena,
        .integer = type_scalar(program->types, WK_I64),
        .boolean = type_scalar(program->types, WK_BOOL),
    };
    lower_entry(&shared);
    pointer_table_release(&shared.functions);
    pointer_table_release(&shared.kernels);
    pointer_table_release(&shared.small_task_numbers);
    vector_release(&shared.instances);
    vector_release(&shared.small_tasks);
    ir_tidy(shared.module);
    return shared.module;
}
