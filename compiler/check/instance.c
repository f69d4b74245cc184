/*
 * Instances of flows: found or made, brought to a fixpoint, and written out; and the list of all
 * functions that the program uses.
 */
#include <string.h>

#include "base/hash.h"
#include "check/levels.h"

/* ---- The table of instances
 * ------------------------------------------------------------------------------ */

static bool is_instance(const struct instance *i, const struct function *template,
                        const struct level *const *arguments)
{
    return i->template == template &&
           (template->typed.parameter_count == 0 ||
            memcmp(i->arguments, arguments,
                   template->typed.parameter_count * sizeof(const struct level *)) == 0);
}

static uint64_t hash_key(const struct function *template, const struct level *const *arguments)
{
    uint64_t hash = hash_mix((uint64_t)(uintptr_t)template);
    for (uint32_t i = 0; i < template->typed.parameter_count; i++)
        hash = hash_combine(hash, (uint64_t)(uintptr_t)arguments[i]);
    return hash;
}

static uint32_t slot_of(struct instance **slots, uint32_t capacity, const struct function *template,
                        const struct level *const *arguments)
{
    uint32_t slot = (uint32_t)hash_key(template, arguments) & (capacity - 1);
    while (slots[slot] && !is_instance(slots[slot], template, arguments))
        slot = (slot + 1) & (capacity - 1);
    return slot;
}

static void grow(struct leveler *l)
{
    uint32_t capacity = l->capacity ? l->capacity * 2 : 64;
    struct instance **slots = memory_new(capacity, sizeof(struct instance *));
    for (size_t i = 0; i < l->instances.count; i++) {
        struct instance *instance = l->instances.items[i];
        slots[slot_of(slots, capacity, instance->template, instance->arguments)] = instance;
    }
    free(l->slots);
    l->slots = slots;
    l->capacity = capacity;
}

static void enqueue(struct leveler *l, struct instance *instance)
{
    if (instance->queued)
        return;
    instance->queued = true;
    vector_push(&l->queue, instance);
}

/* Parameters have the arguments' levels, dimensions are known where the extents are. */
static void init_variables(struct leveler *l, struct instance *instance)
{
    const struct typed_function *f = &instance->template->typed;
    instance->variables = arena_array(l->c->arena, const struct level *, f->variable_count + 1);
    instance->origins = arena_array(l->c->arena, struct origin, f->variable_count + 1);
    for (uint32_t i = 0; i < f->parameter_count; i++) {
        const struct variable *p = f->parameters[i];
        instance->variables[p->index] = instance->arguments[i];
        const char *text = p->type->kind == TYPE_ARRAY
                               ? "the contents of this array are read by tasks"
                               : "this parameter gets a pending value";
        if (!level_is_known(instance->arguments[i]))
            instance->origins[p->index] = (struct origin){p->span, text};
    }
    for (uint32_t i = 0; i < f->rule_count; i++) {
        const struct dimension_rule *rule = &f->rules[i];
        if (!rule->binds)
            continue;
        const struct typed *place = rule->array;
        uint32_t path[64], depth = 0;
        for (; place->kind == TYPED_PART && depth < 64; place = place->operands[0])
            path[depth++] = place->number;
        const struct level *level = instance->variables[place->variable->index];
        while (depth)
            level = level_part(level, path[--depth]);
        bool known = level_extents(level, rule->array->type) >> rule->dimension & 1;
        instance->variables[rule->binds->index] = known ? &level_known : &level_pending_scalar;
        if (!known)
            instance->origins[rule->binds->index] =
                (struct origin){rule->span, "this extent is known only when the job runs"};
    }
}

struct instance *instance_find(struct leveler *l, struct function *template,
                               const struct level *const *arguments, struct span called_at)
{
    if (l->instances.count * 4 >= l->capacity * 3ULL)
        grow(l);
    uint32_t slot = slot_of(l->slots, l->capacity, template, arguments);
    if (l->slots[slot])
        return l->slots[slot];
    struct instance *instance = arena_new(l->c->arena, struct instance);
    instance->template = template;
    instance->arguments = arena_copy(
        l->c->arena, arguments, template->typed.parameter_count * sizeof(const struct level *));
    instance->called_at = called_at;
    init_variables(l, instance);
    l->slots[slot] = instance;
    vector_push(&l->instances, instance);
    enqueue(l, instance);
    return instance;
}

void instance_add_caller(struct instance *callee, struct instance *caller)
{
    if (callee->callers.count && vector_last(&callee->callers) == caller)
        return;
    vector_push(&callee->callers, caller);
}

/* ---- The fixpoint
 * ------------------------------------------------------------------------------------------ */

static bool can_end(const struct function *f)
{
    return !f->declaration->function.result || type_is_unit(f->typed.result);
}

static void analyse(struct leveler *l, struct instance *instance)
{
    const struct level *before = instance->result;
    struct walk walk = {.l = l, .instance = instance};
    if (can_end(instance->template))
        instance->result = level_join(l, instance->result, &level_known);
    do {
        struct arena scratch;
        arena_init(&scratch);
        walk.arena = &scratch;
        walk.changed = false;
        level_block(&walk, &instance->template->typed.body);
        arena_release(&scratch);
    } while (walk.changed);
    if (instance->result == before)
        return;
    for (size_t i = 0; i < instance->callers.count; i++)
        enqueue(l, instance->callers.items[i]);
    vector_release(&instance->callers); /* they register again when they are walked */
}

static void run_queue(struct leveler *l)
{
    while (l->queue_begin < l->queue.count) {
        struct instance *instance = l->queue.items[l->queue_begin++];
        instance->queued = false;
        analyse(l, instance);
    }
    l->queue.count = l->queue_begin = 0;
}

/* Flows without a way to end have no result of their own; they count as known, and those who call
 * them are looked at again, because what they add to it may be pending. */
static void run_to_fixpoint(struct leveler *l)
{
    for (bool again = true; again;) {
        run_queue(l);
        again = false;
        for (size_t i = 0; i < l->instances.count; i++) {
            struct instance *instance = l->instances.items[i];
            if (instance->result)
                continue;
            instance->result = &level_known;
            for (size_t k = 0; k < instance->callers.count; k++)
                enqueue(l, instance->callers.items[k]);
            again = true;
        }
    }
}

/* ---- Writing out
 * -----------------------------------------------------------------------------------------------
 */

struct function *instance_finalize(struct leveler *l, struct instance *instance)
{
    if (instance->typed)
        return instance->typed;
    instance->typed = arena_new(l->c->arena, struct function);
    vector_push(&l->queue, instance);
    return instance->typed;
}

static struct dimension_rule *copy_rules(struct walk *w, const struct typed_function *from)
{
    struct dimension_rule *rules =
        arena_copy(w->arena, from->rules, from->rule_count * sizeof *rules);
    for (uint32_t i = 0; i < from->rule_count; i++) {
        rules[i].array = level_expression(w, rules[i].array);
        if (rules[i].binds)
            rules[i].binds = level_variable(w, rules[i].binds);
        if (rules[i].equals)
            rules[i].equals = level_expression(w, rules[i].equals);
    }
    return rules;
}

static struct result_extent *copy_result_extents(struct walk *w, const struct typed_function *from)
{
    struct result_extent *extents =
        arena_copy(w->arena, from->result_extents, from->result_extent_count * sizeof *extents);
    for (uint32_t i = 0; i < from->result_extent_count; i++)
        extents[i].extent = level_expression(w, extents[i].extent);
    return extents;
}

static void copy_parameters(struct walk *w, const struct typed_function *from,
                            struct typed_function *to)
{
    to->parameters = arena_array(w->arena, struct variable *, from->parameter_count);
    to->defaults = arena_array(w->arena, struct typed *, from->parameter_count);
    for (uint32_t i = 0; i < from->parameter_count; i++) {
        to->parameters[i] = level_variable(w, from->parameters[i]);
        if (from->defaults[i])
            to->defaults[i] = level_expression(w, from->defaults[i]);
    }
}

static const char *instance_symbol(struct leveler *l, struct function *template)
{
    uint32_t number = ++template->visit; /* mark_recursion() is done with it */
    return number == 1 ? template->typed.symbol
                       : arena_printf(l->c->arena, "%s.%u", template->typed.symbol, number);
}

static void write_out(struct leveler *l, struct instance *instance)
{
    const struct typed_function *from = &instance->template->typed;
    struct typed_function *to = &instance->typed->typed;
    struct walk walk = {.l = l, .instance = instance, .arena = l->c->arena, .final = true};
    walk.clones = memory_new(from->variable_count + 1, sizeof(struct variable *));
    *to = *from;
    instance->typed->declaration = instance->template->declaration;
    to->symbol = instance_symbol(l, instance->template);
    copy_parameters(&walk, from, to);
    to->rules = copy_rules(&walk, from);
    to->result_extents = copy_result_extents(&walk, from);
    to->body = level_block(&walk, &from->body);
    to->result_level = instance->result;
    free(walk.clones);
}

/* ---- The program's functions
 * ------------------------------------------------------------------------------------ */

/* What comes from outside: scalars and texts are known, maps pending, and arrays pending with known
 * extents. For flows of a file without main, arrays of arrays are structures of such arrays. */
static const struct level *outside_level(struct leveler *l, const struct type *type)
{
    if (!l->main && type->kind == TYPE_ARRAY && type->element->kind == TYPE_ARRAY)
        return level_structure(l, outside_level(l, type->element));
    if (type->kind == TYPE_MAP)
        return &level_pending_scalar;
    if (type->kind == TYPE_ARRAY && type->element->kind == TYPE_FILE)
        return &level_known;
    if (type->kind == TYPE_ARRAY)
        return level_pending_array(l, level_all_extents(type));
    if (!type_has_parts(type))
        return &level_known;
    const struct level **parts = memory_new(type->part_count + 1, sizeof(const struct level *));
    for (uint32_t i = 0; i < type->part_count; i++)
        parts[i] = outside_level(l, type->parts[i]);
    const struct level *level = level_tuple(l, parts, type->part_count);
    free(parts);
    return level;
}

static struct instance *default_instance(struct leveler *l, struct function *f)
{
    const struct level **arguments =
        arena_array(l->c->arena, const struct level *, f->typed.parameter_count + 1);
    for (uint32_t i = 0; i < f->typed.parameter_count; i++)
        arguments[i] = outside_level(l, f->typed.parameters[i]->type);
    return instance_find(l, f, arguments, (struct span){0});
}

/* A place in the walk over the calls: depth-first, with a stack of its own, so that callees come
 * first. Functions that are listed, or being visited, have `on_stack` set. */
struct listing_frame {
    struct function *function;
    size_t next;
};

struct listing {
    VECTOR(struct listing_frame) frames;
    VECTOR(struct typed_function *) out;
};

static void list_enter(struct listing *list, struct function *f)
{
    if (f->on_stack)
        return;
    f->on_stack = true;
    vector_push(&list->frames, (struct listing_frame){f, 0});
}

static void list_from(struct listing *list, struct function *root)
{
    list_enter(list, root);
    while (list->frames.count) {
        struct listing_frame *frame = &vector_last(&list->frames);
        if (frame->next < frame->function->calls.count) {
            list_enter(list, frame->function->calls.items[frame->next++]);
            continue;
        }
        vector_push(&list->out, &frame->function->typed);
        list->frames.count--;
    }
}

/* ---- All
 * -----------------------------------------------------------------------------------------------------------
 */

static void release(struct leveler *l)
{
    for (size_t i = 0; i < l->instances.count; i++) {
        vector_release(&l->instances.items[i]->callers);
        if (l->instances.items[i]->typed)
            vector_release(&l->instances.items[i]->typed->calls);
    }
    free(l->slots);
    free(l->levels.slots);
    vector_release(&l->instances);
    vector_release(&l->queue);
}

/* The functions where the program begins: main; or all, in a file without it. */
static void find_roots(struct leveler *l, struct instance **roots, struct function *main)
{
    for (size_t i = 0; i < l->c->functions.count; i++) {
        struct function *f = l->c->functions.items[i];
        f->visit = 0;
        if (f->typed.is_flow && (!main || f == main))
            roots[i] = default_instance(l, f);
    }
}

static struct function *find_main(struct checker *c)
{
    const struct symbol *symbol = scope_find(c, intern_text(c->names, "main"));
    bool found = symbol && symbol->kind == SYMBOL_FUNCTION && symbol->function->typed.is_flow;
    return found ? symbol->function : NULL;
}

static void list_program(struct leveler *l, struct instance *const *roots, struct function *main,
                         struct typed_program *program)
{
    struct listing list = {0};
    for (size_t i = 0; i < l->c->functions.count; i++) {
        if (roots[i])
            list_from(&list, roots[i]->typed);
        else if (!main)
            list_from(&list, l->c->functions.items[i]);
    }
    program->function_count = (uint32_t)list.out.count;
    program->functions =
        arena_copy(program->arena, list.out.items, list.out.count * sizeof(*list.out.items));
    vector_release(&list.frames);
    vector_release(&list.out);
}

void check_levels(struct checker *c, struct typed_program *program)
{
    struct leveler l = {.c = c, .program = program};
    struct function *main = find_main(c);
    l.main = main;
    struct instance **roots = memory_new(c->functions.count + 1, sizeof(struct instance *));
    find_roots(&l, roots, main);
    run_to_fixpoint(&l);
    for (size_t i = 0; i < c->functions.count; i++)
        if (roots[i])
            instance_finalize(&l, roots[i]);
    for (; l.queue_begin < l.queue.count; l.queue_begin++)
        write_out(&l, l.queue.items[l.queue_begin]);
    list_program(&l, roots, main, program);
    for (size_t i = 0; i < c->functions.count; i++)
        if (roots[i] && c->functions.items[i] == main)
            program->entry = &roots[i]->typed->typed;
    free(roots);
    release(&l);
}
