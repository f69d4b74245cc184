/* What of structures is needed; see need.h. Flags travel from uses to definitions, backwards within
 * a function and between functions, until nothing changes. */
#include "flow/need.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "check/typed_tree.h"
#include "flow/build.h"
#include "graph/joined.h"

/* ---- Parts of structures -------------------------------------------------------------------- */

struct visit {
    struct need *need;
    const struct ir_function *function;
    uint32_t number;
    bool *parts; /* of the function */
};

static void raise_flag(struct need *need, bool *flag, bool value)
{
    need->changed |= value && !*flag;
    *flag |= value;
}

static void mark(struct visit *v, ir_value value, bool is_part)
{
    raise_flag(v->need, &v->parts[value], is_part);
}

static void mark_all(struct visit *v, const struct ir_instruction *i, bool is_part)
{
    for (uint32_t o = 0; o < i->operand_count; o++)
        mark(v, i->operands[o], is_part);
}

static bool gives_parts(const struct visit *v, const struct ir_instruction *i)
{
    for (uint32_t r = 0; r < i->result_count; r++)
        if (v->parts[i->first_result + r])
            return true;
    return false;
}

/* What a block gets, from `first` on of the operands of a jump to it. */
static void visit_target(struct visit *v, const struct ir_instruction *i, uint32_t target,
                         uint32_t first, uint32_t count)
{
    ir_value parameter = v->function->blocks[i->targets[target]].first_parameter;
    for (uint32_t o = 0; o < count; o++)
        mark(v, i->operands[first + o], v->parts[parameter + o]);
}

/* What a function gets as its parameters from `parameter` on, from `first` on of the operands; and
 * its results, from `result` on. */
static void visit_callee(struct visit *v, const struct ir_instruction *i, uint32_t first,
                         uint32_t parameter, uint32_t result)
{
    const struct ir_block *entry = &v->need->module->functions[i->callee]->blocks[0];
    const bool *parts = v->need->parts[i->callee] + entry->first_parameter + parameter;
    for (uint32_t o = first; o < i->operand_count; o++)
        mark(v, i->operands[o], parts[o - first]);
    for (uint32_t r = 0; r < i->result_count; r++)
        raise_flag(v->need, &v->need->results[i->callee][result + r],
                   result || v->parts[i->first_result + r]);
}

/* Whether a reduction's function needs the whole accumulator and the whole element for its one
 * result: calls, which need all that they take, lead from them to it. */
static bool takes_all(const struct ir_module *module, const struct ir_function *function)
{
    const struct ir_block *block = &function->blocks[0];
    if (function->block_count != 1 || function->result_count != 1)
        return false;
    bool *needed = memory_new(function->value_count, sizeof *needed);
    for (uint32_t n = block->count; n-- > 0;) {
        const struct ir_instruction *i = block->instructions[n];
        bool leads = i->opcode == IR_RETURN;
        for (uint32_t r = 0; r < i->result_count && i->opcode == IR_CALL; r++)
            leads |= needed[i->first_result + r] &&
                     dag_join_of(module->kernels[i->callee]->symbol) == DAG_JOIN_NONE;
        for (uint32_t o = 0; o < i->operand_count && leads; o++)
            needed[i->operands[o]] = true;
    }
    bool all = needed[block->first_parameter] && needed[block->first_parameter + 1];
    free(needed);
    return all;
}

/* Of captures nothing is known. */
static void visit_reduce(struct visit *v, const struct ir_instruction *i)
{
    const struct ir_function *callee = v->need->module->functions[i->callee];
    bool whole = takes_all(v->need->module, callee);
    uint32_t captures = 3 + i->flag; /* behind arity, chunk, elements, and the initial value */
    for (uint32_t o = 0; o < i->operand_count; o++)
        mark(v, i->operands[o], !whole || o >= captures);
    for (uint32_t r = 0; r < callee->result_count; r++)
        raise_flag(v->need, &v->need->results[i->callee][r], true);
}

static void visit_instruction(struct visit *v, const struct ir_instruction *i)
{
    switch (i->opcode) {
    case IR_GET:
    case IR_SLICE:
    case IR_VIEW:
    case IR_ELEMENTS:
    case IR_TILES:
        mark(v, i->operands[0], true);
        return;
    case IR_SET:
    case IR_SET_SLICE:
        mark(v, i->operands[0], true);
        mark(v, i->operands[i->operand_count - 1], gives_parts(v, i));
        return;
    case IR_STRUCTURE:
    case IR_FILL:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
        mark_all(v, i, gives_parts(v, i));
        return;
    case IR_CALL: /* a slice of joined arrays needs some of them (L8.15) */
        if (dag_join_of(v->need->module->kernels[i->callee]->symbol) != DAG_JOIN_NONE)
            mark_all(v, i, gives_parts(v, i));
        return;
    case IR_APPLY:
        visit_callee(v, i, 0, 0, 0);
        return;
    case IR_EACH:
        visit_callee(v, i, i->number, i->number, i->flag);
        return;
    case IR_REDUCE:
        visit_reduce(v, i);
        return;
    case IR_JUMP:
        visit_target(v, i, 0, 0, i->operand_count);
        return;
    case IR_BRANCH:
        visit_target(v, i, 0, 1, i->first_target_count);
        visit_target(v, i, 1, 1 + i->first_target_count,
                     i->operand_count - 1 - i->first_target_count);
        return;
    case IR_RETURN:
        for (uint32_t r = 0; r < i->operand_count; r++)
            mark(v, i->operands[r], v->need->results[v->number][r]);
        return;
    case IR_CONSTANT:
    case IR_OPERATION:
    case IR_CONVERT:
    case IR_COUNT:
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_SLICE:
    case IR_TEXT_PRINT:
    case IR_TEXT_LENGTH:
    case IR_RANGE:
    case IR_FIND:
    case IR_EXTENT:
    case IR_LIFT:
    case IR_CONTENTS:
    case IR_CHECK:
    case IR_FAIL:
    case IR_OPCODE_COUNT:
        return;
    }
}

static void visit_function(struct need *need, uint32_t number)
{
    const struct ir_function *function = need->module->functions[number];
    struct visit v = {need, function, number, need->parts[number]};
    for (uint32_t b = function->block_count; b-- > 0;)
        for (uint32_t n = function->blocks[b].count; n-- > 0;)
            visit_instruction(&v, function->blocks[b].instructions[n]);
}

/* Callers mostly stand before their callees, and parts of what callees get are seen in the next
 * round. Programs that need many rounds are not worth them. */
struct need need_find(const struct ir_module *module)
{
    enum { MOST_ROUNDS = 16 };
    uint32_t count = module->function_count;
    struct need need = {.module = module, .count = count, .changed = true};
    need.parts = memory_new(count, sizeof *need.parts);
    need.results = memory_new(count, sizeof *need.results);
    for (uint32_t f = 0; f < count; f++) {
        need.parts[f] = memory_new(module->functions[f]->value_count, sizeof(bool));
        need.results[f] = memory_new(module->functions[f]->result_count, sizeof(bool));
    }
    for (uint32_t round = 0; need.changed && round < MOST_ROUNDS; round++) {
        need.changed = false;
        for (uint32_t f = 0; f < count; f++)
            visit_function(&need, f);
    }
    for (uint32_t f = 0; f < count && need.changed; f++)
        memset(need.parts[f], true, module->functions[f]->value_count);
    return need;
}

void need_release(struct need *need)
{
    for (uint32_t f = 0; f < need->count; f++) {
        free(need->parts[f]);
        free(need->results[f]);
    }
    free(need->parts);
    free(need->results);
}

/* ---- Total tasks ---------------------------------------------------------------------------- */

enum { MOST_CALLS = 8 }; /* one within the other */

struct total {
    uint32_t depth;
    bool is_total;
};

static bool task_is_total(const struct typed_function *task, uint32_t depth);
static void visit_expression(void *context, struct typed **child);

static bool is_positive(const struct typed *node)
{
    return node->kind == TYPED_CONSTANT && type_is_scalar(node->type) &&
           !type_is_float(node->type) && (int64_t)node->word > 0;
}

/* An operation on scalars; division by a positive constant is one, too. */
static bool operation_is_total(enum operation operation, const struct type *type,
                               const struct typed *right)
{
    return type_is_scalar(type) &&
           (typed_operation_is_total(operation, type) || (right && is_positive(right)));
}

/* Of the node itself, its children aside. */
static bool node_is_total(const struct total *t, const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_EXTENT:
    case TYPED_PART:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_IF:
        return true;
    case TYPED_OPERATION:
        return operation_is_total(node->operation, node->operands[0]->type,
                                  node->operand_count == 2 ? node->operands[1] : NULL);
    case TYPED_CONVERT:
        return type_is_scalar(node->type) &&
               typed_conversion_is_total(node->operands[0]->type, node->type);
    case TYPED_COMPREHENSION:
        for (uint32_t i = 0; i < node->iterator_count; i++)
            if (node->iterators[i].step)
                return false;
        return true;
    case TYPED_CALL:
        return task_is_total(node->callee, t->depth + 1);
    case TYPED_BUILTIN:
        return node->builtin == BUILTIN_SUM;
    case TYPED_MATMUL:
    case TYPED_INDEX:
    case TYPED_REDUCE:
        return false;
    }
    return false;
}

static void visit_expression(void *context, struct typed **child)
{
    struct total *t = context;
    t->is_total = t->is_total && node_is_total(t, *child);
    if (t->is_total)
        typed_each_child(*child, visit_expression, t);
}

static void visit_block(struct total *t, const struct typed_block *block);

static void visit_statement(struct total *t, struct typed_statement *s)
{
    bool is_plain = s->kind == STATEMENT_DECLARE || s->kind == STATEMENT_RETURN ||
                    s->kind == STATEMENT_BREAK || s->kind == STATEMENT_CONTINUE;
    if (s->kind == STATEMENT_ASSIGN)
        is_plain =
            s->step_count == 0 && (s->operation == OPERATION_NONE ||
                                   operation_is_total(s->operation, s->variable->type, s->value));
    else if (s->kind == STATEMENT_FOR)
        is_plain = !s->iterator.step;
    t->is_total &= is_plain || s->kind == STATEMENT_IF;
    if (!t->is_total)
        return;
    typed_each_expression(s, visit_expression, t);
    if (s->kind == STATEMENT_IF) {
        visit_block(t, &s->then);
        visit_block(t, &s->otherwise);
    } else if (s->kind == STATEMENT_FOR) {
        visit_block(t, &s->body);
    }
}

static void visit_block(struct total *t, const struct typed_block *block)
{
    for (uint32_t i = 0; i < block->count && t->is_total; i++)
        visit_statement(t, block->statements[i]);
}

static bool is_same(const struct typed *a, const struct typed *b)
{
    return a->kind == b->kind && ((a->kind == TYPED_VARIABLE && a->variable == b->variable) ||
                                  (a->kind == TYPED_CONSTANT && a->word == b->word));
}

/* Whether an iterator runs from 0 to this extent. (A negative one ends elaboration.) */
static bool runs_to(const struct typed_iterator *iterator, const struct typed *extent)
{
    return iterator->is_range && !iterator->inclusive && !iterator->step &&
           iterator->low->kind == TYPED_CONSTANT && iterator->low->word == 0 &&
           is_same(iterator->high, extent);
}

/* Whether the result's extents are those that the signature gives: it is a comprehension over
 * ranges up to these. */
static bool has_its_extents(const struct typed_function *task)
{
    const struct typed_statement *last = task->body.count == 1 ? task->body.statements[0] : NULL;
    const struct typed *value = last && last->kind == STATEMENT_RETURN ? last->value : NULL;
    if (task->result_extent_count == 0)
        return true;
    if (!value || value->kind != TYPED_COMPREHENSION || value->filter)
        return false;
    for (uint32_t e = 0; e < task->result_extent_count; e++) {
        const struct result_extent *given = &task->result_extents[e];
        if (given->leaf != 0 || given->dimension >= value->iterator_count ||
            (given->extent && !runs_to(&value->iterators[given->dimension], given->extent)))
            return false;
    }
    return true;
}

static bool task_is_total(const struct typed_function *task, uint32_t depth)
{
    struct total t = {depth, true};
    if (task->foreign || task->is_recursive || task->rule_count || !has_its_extents(task) ||
        depth > MOST_CALLS)
        return false;
    if (task->body.count == 0 && task->prelude != OPERATION_NONE)
        return operation_is_total(task->prelude, task->parameters[0]->type, NULL);
    visit_block(&t, &task->body);
    return t.is_total;
}

bool need_task_is_total(const struct typed_function *task)
{
    return task_is_total(task, 0);
}
