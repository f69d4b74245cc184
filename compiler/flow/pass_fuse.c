/*
 * Vertical fusion: a call whose results only one other call reads, in the same block, becomes part
 * of it. What passes between them then never leaves the processor's caches, and where both work
 * element by element there is nothing between them at all (flow/compose.h). Chains collapse call by
 * call; operators on pending values go where their operands come from, or where their result goes.
 *
 * A producer that works element by element, with a few operations, becomes part of each of its
 * readers (flow/repeat.h).
 *
 * Nothing is fused that would then wait: if the producer takes long, everything else that the
 * consumer needs must be there when the producer could start. So two tasks that run side by side
 * are never put in a row, and a reduction's tree keeps its shape.
 *
 * Annotations merge exactly or the calls stay apart. A task that logs stays apart, since its lines
 * carry its name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/intern.h"
#include "base/pointer_table.h"
#include "base/vector.h"
#include "flow/compose.h"
#include "flow/dependence.h"
#include "flow/early.h"
#include "flow/effects.h"
#include "flow/estimate.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"
#include "flow/repeat.h"
#include "check/typed_tree.h"
#include "graph/joined.h"

enum {
    MOST_MEMBERS = 64, /* of a fused task: beyond, nothing is won, and compiling gets slow */
    MOST_OPERANDS = 256,
};

/* The module's kernels by their symbols. */
struct kernel_index {
    struct interner symbols;
    struct pointer_table numbers;
};

struct fuse {
    struct ir_module *module;
    struct kernel_index *kernels;
    struct ir_function *function;
    struct ir_block *block;
    const struct effects *effects;
    uint32_t kernel_count;               /* before the pass: those that `effects` knows */
    const bool *early;                   /* by value: there from the beginning (flow/early.h) */
    struct ir_instruction **definitions; /* by value: the call of this block; else any, or NULL */
    uint32_t *places;                    /* by value: its definition's number in its block */
    uint32_t *blocks;                    /* by value: its definition's block */
    uint32_t *uses;                      /* by value: by how many operands */
    struct dependence *dependences;      /* by value: what indexes it tells (dependence.h) */
    uint32_t number;                     /* of the block */
};

/* ---- Questions about kernels ---------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One that lowering made of an operator, or that this pass made of such. */
static bool is_operator(const struct typed_function *kernel)
{
    return begins_with(kernel->symbol, "op.");
}

/* Elaboration and worlds see through joins of arrays, which then nobody copies. */
static bool is_join(const struct typed_function *kernel)
{
    return dag_join_of(kernel->symbol) != DAG_JOIN_NONE;
}

static bool has_unit(const struct typed_function *kernel)
{
    for (uint32_t p = 0; p < kernel->parameter_count; p++)
        for (uint32_t leaf = 0; leaf < ir_leaf_count(kernel->parameters[p]->type); leaf++)
            if (type_is_unit(ir_leaf(kernel->parameters[p]->type, leaf)))
                return true;
    return false;
}

static bool has_unit_result(const struct typed_function *kernel)
{
    for (uint32_t leaf = 0; leaf < ir_leaf_count(kernel->result); leaf++)
        if (type_is_unit(ir_leaf(kernel->result, leaf)))
            return true;
    return false;
}

struct effort {
    bool is_small;
};

static void visit_effort(void *context, struct typed **child)
{
    struct effort *effort = context;
    const struct typed *node = *child;
    if (!type_is_scalar(node->type) || node->kind == TYPED_CALL || node->kind == TYPED_BUILTIN ||
        node->kind == TYPED_REDUCE || node->kind == TYPED_EQUAL)
        effort->is_small = false;
    typed_each_child(*child, visit_effort, context);
}

/* Less than any message costs, and nothing to fetch: of scalars one scalar, by a few operations, or
 * by an estimate that is sure. */
static bool is_cheap(const struct typed_function *kernel)
{
    enum { CHEAP_NS = 500 };
    bool is_guess = true;
    struct effort effort = {type_is_scalar(kernel->result)};
    for (uint32_t p = 0; p < kernel->parameter_count; p++)
        effort.is_small &= type_is_scalar(kernel->parameters[p]->type);
    if (kernel->body.count == 0)
        return effort.is_small && (is_operator(kernel) || kernel->prelude != OPERATION_NONE);
    if (!effort.is_small)
        return false;
    double nanoseconds = estimate_task_ns(kernel, &is_guess);
    if (!is_guess && nanoseconds > 0)
        return nanoseconds < CHEAP_NS;
    for (uint32_t i = 0; i < kernel->body.count && effort.is_small; i++) {
        struct typed_statement *s = kernel->body.statements[i];
        effort.is_small = s->kind == STATEMENT_DECLARE || s->kind == STATEMENT_RETURN;
        typed_each_expression(s, visit_effort, &effort);
    }
    return effort.is_small;
}

static uint32_t member_count(const struct typed_function *kernel)
{
    uint32_t count = 1;
    for (const char *p = kernel->members; p && *p; p++)
        count += *p == ',';
    return count;
}

/* ---- Questions about calls ------------------------------------------------------------------ */

static struct typed_function *kernel_of(const struct fuse *f, const struct ir_instruction *call)
{
    return f->module->kernels[call->callee];
}

/* How many operands of a call are arguments: behind them stand the extents of its results. */
static uint32_t argument_count(const struct fuse *f, const struct ir_instruction *call)
{
    uint32_t count = call->operand_count;
    for (uint32_t r = 0; r < call->result_count; r++)
        count -= (uint32_t)__builtin_popcount(
            ir_type_of(f->function, call->first_result + r)->known_extents);
    return count;
}

static bool is_result(const struct ir_instruction *call, ir_value value)
{
    return value >= call->first_result && value < call->first_result + call->result_count;
}

/* Whether all uses of the producer's results are arguments of the consumer. */
static bool is_only_reader(const struct fuse *f, const struct ir_instruction *producer,
                           const struct ir_instruction *consumer)
{
    uint32_t uses = 0, arguments = argument_count(f, consumer);
    for (uint32_t r = 0; r < producer->result_count; r++)
        uses += f->uses[producer->first_result + r];
    for (uint32_t o = 0; o < arguments; o++)
        uses -= is_result(producer, consumer->operands[o]);
    return uses == 0;
}

static bool is_known(const struct ir_type *type)
{
    while (type->kind == IR_STRUCTURED)
        type = type->element;
    return type->kind == IR_KNOWN;
}

/* Whether a value is there, or can soon be, when what the producer needs is there. */
static bool is_on_time(const struct fuse *f, ir_value value, const struct ir_instruction *producer,
                       uint32_t depth)
{
    enum { MOST_DEPTH = 8 };
    const struct ir_instruction *made = f->definitions[value];
    if (is_known(ir_type_of(f->function, value)) || f->early[value])
        return true;
    for (uint32_t o = 0; o < producer->operand_count; o++)
        if (producer->operands[o] == value ||
            (made && made->opcode == IR_CALL && f->definitions[producer->operands[o]] == made))
            return true;
    bool passes_on = made && (made->opcode == IR_VIEW || made->opcode == IR_GET ||
                              (made->opcode == IR_CALL && is_cheap(kernel_of(f, made))));
    if (!passes_on || depth == MOST_DEPTH)
        return false;
    for (uint32_t o = 0; o < made->operand_count; o++)
        if (!is_on_time(f, made->operands[o], producer, depth + 1))
            return false;
    return true;
}

/* The name of what the consumer would keep the producer waiting for, or NULL. */
static const char *waits_for(const struct fuse *f, const struct ir_instruction *producer,
                             const struct ir_instruction *consumer)
{
    if (is_cheap(kernel_of(f, producer)))
        return NULL;
    for (uint32_t o = 0; o < argument_count(f, consumer); o++) {
        ir_value value = consumer->operands[o];
        if (is_result(producer, value) || is_on_time(f, value, producer, 0))
            continue;
        const struct ir_instruction *made = f->definitions[value];
        return made && made->opcode == IR_CALL ? kernel_of(f, made)->name : "an argument";
    }
    return NULL;
}

/* A structure that the producer reads lives until the consumer then: a change of it in between
 * would have to copy it. */
static bool keeps_old_version(const struct fuse *f, const struct ir_instruction *producer,
                              uint32_t from, uint32_t to)
{
    for (uint32_t n = from + 1; n < to; n++) {
        const struct ir_instruction *i = f->block->instructions[n];
        if (!i || (i->opcode != IR_SET && i->opcode != IR_SET_SLICE && i->opcode != IR_CONCAT))
            continue;
        for (uint32_t o = 0; o < producer->operand_count; o++)
            if (producer->operands[o] == i->operands[0])
                return true;
    }
    return false;
}

/* ---- Annotations ---------------------------------------------------------------------------- */

/* The annotations of both in one, or what is in the way. Costs add up if both are known; an
 * operator's is nothing beside one that is annotated. */
static const char *merge_annotations(const struct fuse *f, const struct ir_instruction *producer,
                                     const struct ir_instruction *consumer,
                                     struct typed_annotations *merged)
{
    struct typed_annotations a = ir_call_annotations(f->module, producer),
                             b = ir_call_annotations(f->module, consumer);
    if (a.timeout_ns || b.timeout_ns)
        return "`@timeout` holds for one of them alone";
    *merged = a;
    if (a.retries != b.retries)
        return "`@retry` differs";
    if (a.memory_bytes != b.memory_bytes)
        return "`@memory` differs";
    if (a.together != b.together)
        return "`@together` differs";
    bool is_known = (a.cost_ns || is_operator(kernel_of(f, producer))) &&
                    (b.cost_ns || is_operator(kernel_of(f, consumer)));
    merged->cost_ns = is_known ? a.cost_ns + b.cost_ns : 0;
    return NULL;
}

/* ---- How two calls become one --------------------------------------------------------------- */

/* A parameter of the fused task, and the operands that it takes. */
struct fused_parameter {
    const struct variable *like; /* a whole parameter of one of them, or one leaf of it: */
    const struct type *type;
    uint32_t first_operand, operand_count;
};

/* Where a parameter of one of them, or a leaf of it, comes from. A parameter of which some leaves
 * are results is followed by its leaves. */
enum feed_kind { FEED_PARAMETER, FEED_RESULT, FEED_LEAVES };
struct feed {
    enum feed_kind kind;
    uint32_t number; /* of the fused task's parameter, or of the producer's result */
};

struct fusion {
    const struct fuse *f;
    struct ir_instruction *producer, *consumer;
    VECTOR(struct fused_parameter) parameters;
    VECTOR(ir_value) operands;
    VECTOR(struct feed) feeds; /* the producer's, then the consumer's */
};

/* Operands from `at` on that form a leaf: one, or the structures of an array's elements' leaves. */
static uint32_t leaf_operands(const struct fuse *f, const struct ir_instruction *call, uint32_t at,
                              const struct type *leaf)
{
    bool gathers = ir_type_of(f->function, call->operands[at])->kind == IR_STRUCTURED;
    return gathers ? ir_leaf_count(leaf->element) : 1;
}

/* A parameter for operands, one that there is already if it takes the same value. */
static uint32_t parameter_for(struct fusion *n, const struct ir_instruction *call, uint32_t at,
                              uint32_t count, const struct variable *like, const struct type *type)
{
    for (uint32_t p = 0; p < n->parameters.count && count == 1; p++) {
        const struct fused_parameter *other = &n->parameters.items[p];
        bool is_same = n->operands.items[other->first_operand] == call->operands[at];
        if (other->operand_count == 1 && other->type == type &&
            (is_same || FLOW_MUTANT(FUSE_OPERAND)))
            return p;
    }
    vector_push(&n->parameters,
                (struct fused_parameter){like, type, (uint32_t)n->operands.count, count});
    for (uint32_t o = 0; o < count; o++)
        vector_push(&n->operands, call->operands[at + o]);
    return (uint32_t)n->parameters.count - 1;
}

static bool takes_result(const struct fusion *n, const struct ir_instruction *call, uint32_t at,
                         uint32_t count)
{
    for (uint32_t o = 0; o < count; o++)
        if (call == n->consumer && is_result(n->producer, call->operands[at + o]))
            return true;
    return false;
}

static uint32_t parameter_operands(const struct fuse *f, const struct ir_instruction *call,
                                   uint32_t at, const struct type *type)
{
    uint32_t begin = at;
    for (uint32_t leaf = 0; leaf < ir_leaf_count(type); leaf++)
        at += leaf_operands(f, call, at, ir_leaf(type, leaf));
    return at - begin;
}

static void feed_leaves(struct fusion *n, const struct ir_instruction *call, uint32_t at,
                        const struct variable *parameter)
{
    for (uint32_t l = 0; l < ir_leaf_count(parameter->type); l++) {
        const struct type *leaf = ir_leaf(parameter->type, l);
        uint32_t count = leaf_operands(n->f, call, at, leaf);
        if (takes_result(n, call, at, 1))
            vector_push(&n->feeds,
                        (struct feed){FEED_RESULT, call->operands[at] - n->producer->first_result});
        else
            vector_push(&n->feeds, (struct feed){FEED_PARAMETER, parameter_for(n, call, at, count,
                                                                               parameter, leaf)});
        at += count;
    }
}

/* Where each parameter of a call comes from. */
static void feed_call(struct fusion *n, const struct ir_instruction *call)
{
    const struct typed_function *kernel = kernel_of(n->f, call);
    uint32_t at = 0;
    for (uint32_t p = 0; p < kernel->parameter_count; p++) {
        const struct variable *parameter = kernel->parameters[p];
        uint32_t count = parameter_operands(n->f, call, at, parameter->type);
        if (!takes_result(n, call, at, count)) {
            vector_push(&n->feeds,
                        (struct feed){FEED_PARAMETER, parameter_for(n, call, at, count, parameter,
                                                                    parameter->type)});
        } else {
            if (ir_leaf_count(parameter->type) > 1)
                vector_push(&n->feeds, (struct feed){FEED_LEAVES, 0});
            feed_leaves(n, call, at, parameter);
        }
        at += count;
    }
}

/* ---- The fused task ------------------------------------------------------------------------- */

struct weaving {
    struct compose c;
    const struct fusion *fusion;
    struct typed **parameters;
    struct typed *result; /* the producer's */
    size_t feed;          /* the next */
};

/* Leaf `leaf` of a value. */
static struct typed *leaf_of(struct compose *c, struct typed *value, uint32_t leaf)
{
    if (!type_has_parts(value->type))
        return value;
    uint32_t part = 0;
    for (; leaf >= ir_leaf_count(value->type->parts[part]); part++)
        leaf -= ir_leaf_count(value->type->parts[part]);
    return leaf_of(c, compose_part(c, value, part), leaf);
}

static struct typed *weave_feed(struct weaving *w)
{
    struct feed feed = w->fusion->feeds.items[w->feed++];
    if (feed.kind == FEED_RESULT)
        return leaf_of(&w->c, w->result, feed.number);
    /* Each use is a node of its own. */
    return compose_read(&w->c, w->parameters[feed.number]->variable);
}

/* A value of a type with parts from the feeds of its leaves. */
static struct typed *weave_leaves(struct weaving *w, const struct type *type)
{
    if (!type_has_parts(type))
        return weave_feed(w);
    struct typed **parts = arena_array(w->c.arena, struct typed *, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++)
        parts[i] = weave_leaves(w, type->parts[i]);
    return compose_tuple(&w->c, type, parts);
}

static struct typed *weave_call(struct weaving *w, struct typed_function *kernel)
{
    struct typed **arguments = arena_array(w->c.arena, struct typed *, kernel->parameter_count);
    for (uint32_t p = 0; p < kernel->parameter_count; p++) {
        bool is_split = w->fusion->feeds.items[w->feed].kind == FEED_LEAVES;
        w->feed += is_split;
        arguments[p] = is_split ? weave_leaves(w, kernel->parameters[p]->type) : weave_feed(w);
    }
    return compose_apply(&w->c, kernel, arguments);
}

static struct typed_function *weave(const struct fusion *n, const struct compose_name *name)
{
    const struct fuse *f = n->f;
    struct weaving w = {.fusion = n};
    struct typed_function *consumer = kernel_of(f, n->consumer);
    compose_begin(&w.c, f->module, consumer->span);
    w.parameters = arena_array(w.c.arena, struct typed *, n->parameters.count);
    for (size_t p = 0; p < n->parameters.count; p++) {
        const struct fused_parameter *parameter = &n->parameters.items[p];
        bool is_whole = parameter->like->type == parameter->type;
        w.parameters[p] = is_whole
                              ? compose_parameter(&w.c, parameter->like)
                              : compose_new_parameter(&w.c, parameter->type, parameter->like->name);
    }
    w.result = compose_let(&w.c, weave_call(&w, kernel_of(f, n->producer)));
    return compose_end(&w.c, weave_call(&w, consumer), name);
}

/* ---- Names ---------------------------------------------------------------------------------- */

/* What tells the ways apart in which two tasks can be put together. */
static const char *form_of(const struct fusion *n)
{
    static const char *const letters[] = {"p", "r", "l"};
    struct buffer text = {0};
    for (size_t i = 0; i < n->feeds.count; i++)
        buffer_printf(&text, "%s%u", letters[n->feeds.items[i].kind], n->feeds.items[i].number);
    const char *form = arena_text(n->f->module->arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return form;
}

/* Operators are named only where there is nothing else; of a long chain its ends. */
static const char *title_of(struct arena *arena, const struct typed_function *first,
                            const struct typed_function *last)
{
    enum { MOST_BYTES = 60 };
    if (is_operator(first) != is_operator(last))
        return is_operator(first) ? last->name : first->name;
    const char *between = is_operator(first) ? " " : " + ";
    if (strlen(first->name) + strlen(last->name) <= MOST_BYTES)
        return arena_printf(arena, "%s%s%s", first->name, between, last->name);
    const char *end = strstr(first->name, between), *tail = last->name;
    for (const char *p = strstr(tail, between); p; p = strstr(tail, between))
        tail = p + strlen(between);
    int length = end ? (int)(end - first->name) : (int)strlen(first->name);
    return arena_printf(arena, "%.*s%s...%s%s", length, first->name, between, between, tail);
}

static struct compose_name name_of(const struct fusion *n)
{
    struct arena *arena = n->f->module->arena;
    const struct typed_function *first = kernel_of(n->f, n->producer),
                                *last = kernel_of(n->f, n->consumer);
    const char *symbols[] = {first->symbol, last->symbol};
    const char *prefix = is_operator(first) && is_operator(last) ? "op.fuse" : "fuse";
    return (struct compose_name){
        .symbol = compose_symbol(arena, prefix, symbols, 2, form_of(n)),
        .title = title_of(arena, first, last),
        .members = arena_printf(arena, "%s, %s", first->members ? first->members : first->name,
                                last->members ? last->members : last->name)};
}

/* ---- Fusing --------------------------------------------------------------------------------- */

static void count_uses(const struct fuse *f, const ir_value *values, uint32_t count, uint32_t by)
{
    for (uint32_t i = 0; i < count; i++)
        f->uses[values[i]] += by;
}

static bool is_read(const struct fuse *f, const struct ir_instruction *call)
{
    for (uint32_t r = 0; r < call->result_count; r++)
        if (f->uses[call->first_result + r] > 0)
            return true;
    return false;
}

/* The consumer calls the fused task; a producer that nobody else reads is no more. */
static void replace_calls(struct fusion *n, uint32_t kernel,
                          const struct typed_annotations *annotations)
{
    const struct fuse *f = n->f;
    struct ir_instruction *consumer = n->consumer;
    uint32_t arguments = argument_count(f, consumer);
    count_uses(f, consumer->operands, consumer->operand_count, UINT32_MAX);
    for (uint32_t o = arguments; o < consumer->operand_count; o++)
        vector_push(&n->operands, consumer->operands[o]);
    consumer->operand_count = (uint32_t)n->operands.count;
    consumer->operands =
        arena_copy(f->module->arena, n->operands.items, n->operands.count * sizeof(ir_value));
    count_uses(f, consumer->operands, consumer->operand_count, 1);
    consumer->callee = kernel;
    consumer->annotations = arena_copy(f->module->arena, annotations, sizeof *annotations);
    if (is_read(f, n->producer))
        return;
    count_uses(f, n->producer->operands, n->producer->operand_count, UINT32_MAX);
    f->block->instructions[f->places[n->producer->first_result]] = NULL;
}

static void index_kernel(struct kernel_index *kernels, const struct ir_module *module,
                         uint32_t number)
{
    const char *symbol = intern_text(&kernels->symbols, module->kernels[number]->symbol);
    uint32_t other;
    if (!pointer_table_find(&kernels->numbers, symbol, &other))
        pointer_table_add(&kernels->numbers, symbol, number);
}

static bool find_kernel(struct kernel_index *kernels, const char *symbol, uint32_t *number)
{
    return pointer_table_find(&kernels->numbers, intern_text(&kernels->symbols, symbol), number);
}

static void fuse_calls(struct fuse *f, struct ir_instruction *producer,
                       struct ir_instruction *consumer, const struct typed_annotations *annotations)
{
    struct fusion n = {.f = f, .producer = producer, .consumer = consumer};
    feed_call(&n, producer);
    feed_call(&n, consumer);
    struct compose_name name = name_of(&n);
    uint32_t kernel;
    ir_remark(f->module, "fuse", REMARK_DONE, producer->span, "`%s` is fused with `%s`",
              kernel_of(f, producer)->name, kernel_of(f, consumer)->name);
    if (!find_kernel(f->kernels, name.symbol, &kernel)) {
        kernel = ir_kernel_new(f->module, weave(&n, &name));
        index_kernel(f->kernels, f->module, kernel);
    }
    replace_calls(&n, kernel, annotations);
    vector_release(&n.parameters);
    vector_release(&n.operands);
    vector_release(&n.feeds);
}

/* Tasks that were fused before do not. */
static bool logs(const struct fuse *f, const struct ir_instruction *call)
{
    return call->callee < f->kernel_count && f->effects->logs[call->callee];
}

/* Whether one node of the producer feeds many of the consumer, which differ in an index that the
 * producer does not tell: to fuse them would run it for each. */
static bool is_shared_by_many(const struct fuse *f, const struct ir_instruction *producer,
                              const struct ir_instruction *consumer)
{
    return dependence_told(producer, f->dependences) != dependence_told(consumer, f->dependences) &&
           !is_cheap(kernel_of(f, producer));
}

/* What is in the way of fusing, as a remark says it; NULL: nothing. */
static const char *obstacle(const struct fuse *f, const struct ir_instruction *producer,
                            const struct ir_instruction *consumer,
                            struct typed_annotations *annotations)
{
    const struct typed_function *a = kernel_of(f, producer), *b = kernel_of(f, consumer);
    if (a->fallback || b->fallback)
        return "`@fallback` replaces the result of one of them alone";
    const char *differs = merge_annotations(f, producer, consumer, annotations);
    if (differs)
        return differs;
    const char *other = waits_for(f, producer, consumer);
    if (other)
        return arena_printf(f->module->arena, "it runs beside what `%s` waits for, too: `%s`",
                            b->name, other);
    if (logs(f, producer) || logs(f, consumer))
        return "one of them logs, and its lines carry its name";
    if (is_shared_by_many(f, producer, consumer))
        return "it runs once for several of these";
    if (member_count(a) + member_count(b) > MOST_MEMBERS ||
        producer->operand_count + consumer->operand_count > MOST_OPERANDS)
        return "the task would get too large";
    return NULL;
}

/* Calls that are no candidates at all, of which nothing is said. Tasks in C cannot be inlined, and
 * what they lack (a library, say) is reported at their own call. */
static bool can_fuse(const struct fuse *f, const struct ir_instruction *producer,
                     const struct ir_instruction *consumer)
{
    const struct typed_function *a = kernel_of(f, producer), *b = kernel_of(f, consumer);
    return !has_unit(a) && !has_unit(b) && !has_unit_result(a) && !is_join(a) && !is_join(b) &&
           !a->foreign && !b->foreign;
}

/* Fuses one of the producers of a consumer's arguments with it; whether there was one. Or says why
 * it does not. */
static bool fuse_one(struct fuse *f, struct ir_instruction *consumer, uint32_t at, bool says)
{
    for (uint32_t o = 0; o < argument_count(f, consumer); o++) {
        ir_value value = consumer->operands[o];
        struct ir_instruction *producer = f->definitions[value];
        if (!producer || producer->opcode != IR_CALL || f->blocks[value] != f->number ||
            !is_only_reader(f, producer, consumer) || !can_fuse(f, producer, consumer) ||
            keeps_old_version(f, producer, f->places[producer->first_result], at))
            continue;
        struct typed_annotations annotations;
        const char *reason = obstacle(f, producer, consumer, &annotations);
        if (!reason) {
            fuse_calls(f, producer, consumer, &annotations);
            return true;
        }
        if (says)
            ir_remark(f->module, "fuse", REMARK_MISSED, producer->span,
                      "`%s` is not fused with `%s`: %s", kernel_of(f, producer)->name,
                      kernel_of(f, consumer)->name, reason);
    }
    return false;
}

/* ---- A producer with several readers -------------------------------------------------------- */

struct readers {
    struct ir_instruction *calls[REPEAT_READERS];
    struct typed_annotations annotations[REPEAT_READERS]; /* merged with the producer's */
    uint32_t count;
};

static bool reads(const struct fuse *f, const struct ir_instruction *call, ir_value value)
{
    for (uint32_t o = 0; o < argument_count(f, call); o++)
        if (call->operands[o] == value)
            return true;
    return false;
}

static bool can_repeat(const struct fuse *f, const struct ir_instruction *producer, uint32_t from,
                       uint32_t to, struct typed_annotations *annotations)
{
    const struct ir_instruction *reader = f->block->instructions[to];
    return can_fuse(f, producer, reader) && !obstacle(f, producer, reader, annotations) &&
           !keeps_old_version(f, producer, from, to) &&
           repeat_dissolves(f->module, f->function, producer, reader, producer->first_result);
}

/* All readers of the producer at `at`, if each may make its result again. */
static bool find_readers(const struct fuse *f, uint32_t at, struct readers *readers)
{
    const struct ir_instruction *producer = f->block->instructions[at];
    uint32_t uses = f->uses[producer->first_result];
    for (uint32_t n = at + 1; n < f->block->count && uses > 0; n++) {
        struct ir_instruction *i = f->block->instructions[n];
        if (!i || i->opcode != IR_CALL || !reads(f, i, producer->first_result))
            continue;
        for (uint32_t o = 0; o < argument_count(f, i); o++)
            uses -= i->operands[o] == producer->first_result;
        if (readers->count == REPEAT_READERS ||
            !can_repeat(f, producer, at, n, &readers->annotations[readers->count]))
            return false;
        readers->calls[readers->count++] = i;
    }
    return uses == 0 && readers->count > 1;
}

/* Makes light producers part of each of their readers; whether there was one. From the end: what
 * they read may then be light for all these. */
static bool repeat_producers(struct fuse *f)
{
    bool found = false;
    for (uint32_t n = f->block->count; n-- > 0;) {
        struct ir_instruction *producer = f->block->instructions[n];
        struct readers readers = {.count = 0};
        if (!producer || producer->opcode != IR_CALL ||
            !repeat_is_light(f->module, f->function, producer) || !find_readers(f, n, &readers))
            continue;
        ir_remark(f->module, "fuse", REMARK_DONE, producer->span,
                  "`%s` is computed by each of the %u tasks that read it",
                  kernel_of(f, producer)->name, readers.count);
        for (uint32_t r = 0; r < readers.count; r++)
            fuse_calls(f, producer, readers.calls[r], &readers.annotations[r]);
        found = true;
    }
    return found;
}

static void fuse_only_readers(struct fuse *f)
{
    for (uint32_t n = 0; n < f->block->count; n++) {
        struct ir_instruction *i = f->block->instructions[n];
        while (i && i->opcode == IR_CALL && fuse_one(f, i, n, false))
            continue;
    }
}

static void fuse_block(struct fuse *f)
{
    do
        fuse_only_readers(f);
    while (repeat_producers(f));
    for (uint32_t n = 0; n < f->block->count; n++)
        if (f->block->instructions[n] && f->block->instructions[n]->opcode == IR_CALL)
            fuse_one(f, f->block->instructions[n], n, true);
    uint32_t kept = 0;
    for (uint32_t n = 0; n < f->block->count; n++)
        if (f->block->instructions[n])
            f->block->instructions[kept++] = f->block->instructions[n];
    f->block->count = kept;
}

static void note_block(struct fuse *f, uint32_t number)
{
    const struct ir_block *block = &f->function->blocks[number];
    for (uint32_t n = 0; n < block->count; n++) {
        struct ir_instruction *i = block->instructions[n];
        count_uses(f, i->operands, i->operand_count, 1);
        for (uint32_t r = 0; r < i->result_count; r++) {
            f->definitions[i->first_result + r] = i;
            f->places[i->first_result + r] = n;
            f->blocks[i->first_result + r] = number;
        }
    }
}

static void fuse_function(struct fuse f, uint32_t number, uint32_t rank, const struct early *early)
{
    struct ir_function *function = f.function = f.module->functions[number];
    bool *values = memory_new(function->value_count, sizeof *values);
    f.definitions = memory_new(function->value_count, sizeof *f.definitions);
    f.places = memory_new(function->value_count, sizeof *f.places);
    f.blocks = memory_new(function->value_count, sizeof *f.blocks);
    f.uses = memory_new(function->value_count, sizeof *f.uses);
    f.dependences = dependence_find(function, rank);
    early_values(early, number, values);
    f.early = values;
    for (uint32_t b = 0; b < function->block_count; b++)
        note_block(&f, b);
    for (uint32_t b = 0; b < function->block_count; b++) {
        f.block = &function->blocks[b];
        f.number = b;
        fuse_block(&f);
    }
    free(values);
    free(f.definitions);
    free(f.places);
    free(f.blocks);
    free(f.uses);
    free(f.dependences);
}

void pass_fuse(struct ir_module *module)
{
    struct early early;
    struct effects effects = effects_find(module);
    struct kernel_index kernels = {0};
    struct fuse f = {.module = module,
                     .kernels = &kernels,
                     .effects = &effects,
                     .kernel_count = module->kernel_count};
    interner_init(&kernels.symbols, module->arena);
    for (uint32_t i = 0; i < module->kernel_count; i++)
        index_kernel(&kernels, module, i);
    early_init(&early, module);
    uint32_t *ranks = dependence_ranks(module);
    for (uint32_t i = 0; i < module->function_count; i++)
        fuse_function(f, i, ranks[i], &early);
    free(ranks);
    early_release(&early);
    effects_release(&effects);
    interner_release(&kernels.symbols);
    pointer_table_release(&kernels.numbers);
    ir_tidy(module);
}
