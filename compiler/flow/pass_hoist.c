/*
 * Moves calls of tasks that do not change in a loop out of it: those in the function of a
 * comprehension or reduction that depend on its captures only, and those in a loop of a flow that
 * depend on what was there before. They become one node that all turns read.
 *
 * A call that is moved may be one that no turn would have made: the space was empty, or a condition
 * false. Then nobody reads its node, and so it is not built (L8.14). What goes with it, the known
 * values that it takes, must neither fail nor have an effect; comprehensions and flows stay, for
 * they may be large. Calls that log stay, so that they log as often. Where an extent of a result
 * may be negative, the loop keeps a check of it in the call's place, and the call is given 0 then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "check/messages.h"
#include "flow/dominance.h"
#include "flow/edges.h"
#include "flow/effects.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"

struct list {
    struct ir_instruction **items;
    size_t count, capacity;
};

struct hoist {
    struct ir_module *module;
    struct effects effects;
    struct ir_function *function;        /* that has the loop, or is the loop's body */
    struct ir_instruction **definitions; /* of its values */
    bool *outside;                       /* by value: is there before the loop */
    bool *still;                         /* by value: does not change in the loop, and may move */
    bool *moves;                         /* by value: its instruction moves */
    struct list calls;                   /* that move, in order */
};

/* ---- What moves -------------------------------------------------------------------------------
 */

/* Known values that are cheap and cannot fail, and nodes. */
static bool may_move(const struct hoist *h, const struct ir_instruction *i)
{
    if ((FLOW_MUTANT(HOIST_FAILURE) && i->opcode == IR_OPERATION) ||
        (FLOW_MUTANT(HOIST_EXTENT) && i->opcode == IR_CALL))
        return true;
    return i->opcode != IR_APPLY && i->opcode != IR_EACH &&
           effects_is_removable(&h->effects, h->function, h->definitions, i);
}

static bool has_still_operands(const struct hoist *h, const struct ir_instruction *i)
{
    bool wrong = FLOW_MUTANT(HOIST_CHANGING) && i->opcode == IR_CALL;
    for (uint32_t o = 0; o < i->operand_count; o++)
        if (!h->still[i->operands[o]] && !(wrong && h->outside[i->operands[0]]))
            return false;
    return true;
}

/* What the call takes goes with it, as far as it is not there before. */
static void take_along(struct hoist *h, const struct ir_instruction *call)
{
    VECTOR(const struct ir_instruction *) pending = {0};
    vector_push(&pending, call);
    while (pending.count) {
        const struct ir_instruction *i = vector_pop(&pending);
        if (h->moves[i->first_result])
            continue;
        h->moves[i->first_result] = true;
        for (uint32_t o = 0; o < i->operand_count; o++)
            if (!h->outside[i->operands[o]])
                vector_push(&pending, h->definitions[i->operands[o]]);
    }
    vector_release(&pending);
}

static void remark(const struct hoist *h, const struct ir_instruction *call, const char *loop,
                   const char *reason)
{
    const char *name = h->module->kernels[call->callee]->name;
    if (reason)
        ir_remark(h->module, "hoist", REMARK_MISSED, call->span,
                  "`%s` does not change in the %s, but stays in it: %s", name, loop, reason);
    else
        ir_remark(h->module, "hoist", REMARK_DONE, call->span,
                  "moved out of the %s: `%s` runs once for all turns", loop, name);
}

/* How many operands, at the end, are extents of the call's results. */
static uint32_t extent_count(const struct hoist *h, const struct ir_instruction *call)
{
    uint32_t count = 0;
    for (uint32_t r = 0; call->opcode == IR_CALL && r < call->result_count; r++)
        count += (uint32_t)__builtin_popcount(
            ir_type_of(h->function, call->first_result + r)->known_extents);
    return count;
}

static struct ir_instruction *new_instruction(struct hoist *h, enum ir_opcode opcode,
                                              const ir_value *operands, uint32_t count,
                                              const struct type *result, struct span span)
{
    struct ir_instruction *i = arena_new(h->module->arena, struct ir_instruction);
    i->opcode = opcode;
    i->span = span;
    i->operand_count = count;
    i->operands = arena_array(h->module->arena, ir_value, count + 1);
    for (uint32_t o = 0; o < count; o++)
        i->operands[o] = operands[o];
    if (!result)
        return i;
    i->result_count = 1;
    i->first_result = ir_value_new(h->module, h->function, ir_type_known(h->module, result));
    h->definitions[i->first_result] = i;
    return i;
}

static void insert(struct hoist *h, struct ir_block *block, uint32_t at, const struct list *moved);

/* max(extent, 0), which can be evaluated anywhere, and a check of the extent before the call: `cse`
 * makes it one with the check that lowering put there. */
static ir_value guard_extent(struct hoist *h, const struct ir_instruction *call, ir_value extent,
                             struct list *added)
{
    struct type_table *types = h->module->types;
    const struct type *integer = type_scalar(types, WK_I64);
    struct ir_instruction *zero = new_instruction(h, IR_CONSTANT, NULL, 0, integer, call->span);
    ir_value pair[] = {extent, zero->first_result};
    struct ir_instruction *most = new_instruction(h, IR_OPERATION, pair, 2, integer, call->span);
    struct ir_instruction *holds =
        new_instruction(h, IR_OPERATION, pair, 2, type_scalar(types, WK_BOOL), call->span);
    ir_value checked[] = {holds->first_result, extent};
    struct ir_instruction *check = new_instruction(h, IR_CHECK, checked, 2, NULL, call->span);
    most->operation = OPERATION_MAX;
    holds->operation = OPERATION_GE;
    check->code = ERR_negative_extent;
    check->format = MESSAGE_NEGATIVE_EXTENT;
    check->types = "i";
    h->still[zero->first_result] = h->still[most->first_result] = true;
    vector_push(added, zero);
    vector_push(added, most);
    vector_push(added, holds);
    vector_push(added, check);
    return most->first_result;
}

/* If nothing keeps the call at `at` in the loop but that an extent may be negative, guards it;
 * returns how many instructions were put before it. */
static uint32_t guard_extents(struct hoist *h, struct ir_block *block, uint32_t at)
{
    struct ir_instruction *call = block->instructions[at];
    struct list added = {0};
    if (FLOW_MUTANT(HOIST_EXTENT) || call->opcode != IR_CALL || !has_still_operands(h, call) ||
        !effects_is_quiet(&h->effects, h->function, call))
        return 0;
    for (uint32_t o = call->operand_count - extent_count(h, call); o < call->operand_count; o++)
        if (!effects_is_extent(h->definitions, call->operands[o]))
            call->operands[o] = guard_extent(h, call, call->operands[o], &added);
    uint32_t count = (uint32_t)added.count;
    if (count)
        insert(h, block, at, &added);
    vector_release(&added);
    return count;
}

static void look_at(struct hoist *h, struct ir_instruction *i, const char *loop)
{
    if (ir_is_terminator(i->opcode) || i->result_count == 0 || !has_still_operands(h, i))
        return;
    bool quiet = effects_is_quiet(&h->effects, h->function, i) || FLOW_MUTANT(HOIST_LOG);
    bool moves = quiet && may_move(h, i);
    if (i->opcode == IR_CALL)
        remark(h, i, loop, moves ? NULL : "it has an effect or may log");
    for (uint32_t r = 0; r < i->result_count; r++)
        h->still[i->first_result + r] = moves;
    if (!moves || i->opcode != IR_CALL)
        return;
    take_along(h, i);
    vector_push(&h->calls, i);
}

static void look_at_block(struct hoist *h, struct ir_block *block, const char *loop)
{
    for (uint32_t n = 0; n < block->count; n++) {
        n += guard_extents(h, block, n);
        look_at(h, block->instructions[n], loop);
    }
}

/* Room for the values of guards, too. */
static uint32_t most_values(const struct hoist *h)
{
    enum { VALUES_OF_GUARD = 3 };
    uint32_t count = h->function->value_count;
    for (uint32_t b = 0; b < h->function->block_count; b++)
        for (uint32_t n = 0; n < h->function->blocks[b].count; n++)
            count += VALUES_OF_GUARD * extent_count(h, h->function->blocks[b].instructions[n]);
    return count;
}

static void begin(struct hoist *h, struct ir_function *function)
{
    h->function = function;
    uint32_t values = most_values(h);
    struct ir_instruction **definitions = effects_definitions(function);
    h->definitions = memory_new(values, sizeof *h->definitions);
    memcpy(h->definitions, definitions, function->value_count * sizeof *definitions);
    free(definitions);
    h->outside = memory_new(values, sizeof *h->outside);
    h->still = memory_new(values, sizeof *h->still);
    h->moves = memory_new(values, sizeof *h->moves);
    h->calls.count = 0;
}

static void end(struct hoist *h)
{
    free(h->definitions);
    free(h->outside);
    free(h->still);
    free(h->moves);
}

/* The instructions before `at` of a block, then `moved`, then the others. */
static void insert(struct hoist *h, struct ir_block *block, uint32_t at, const struct list *moved)
{
    uint32_t count = block->count + (uint32_t)moved->count;
    struct ir_instruction **all = arena_array(h->module->arena, struct ir_instruction *, count);
    for (uint32_t n = 0; n < count; n++)
        all[n] = n < at                  ? block->instructions[n]
                 : n < at + moved->count ? moved->items[n - at]
                                         : block->instructions[n - moved->count];
    block->instructions = all;
    block->count = block->capacity = count;
}

/* ---- Out of the function of a comprehension or reduction --------------------------------------
 */

/* The instruction that alone refers to a function. */
struct user {
    struct ir_function *function;
    struct ir_instruction *instruction;
    uint32_t count; /* of all that refer to it */
};

static void note_use(struct user *user, struct ir_function *function, struct ir_instruction *i)
{
    user->function = function;
    user->instruction = i;
    user->count++;
}

static struct user *find_users(const struct ir_module *module)
{
    struct user *users = memory_new(module->function_count, sizeof *users);
    for (uint32_t f = 0; f < module->function_count; f++)
        for (uint32_t b = 0; b < module->functions[f]->block_count; b++) {
            const struct ir_block *block = &module->functions[f]->blocks[b];
            for (uint32_t n = 0; n < block->count; n++)
                if (block->instructions[n]->opcode == IR_EACH ||
                    block->instructions[n]->opcode == IR_REDUCE)
                    note_use(&users[block->instructions[n]->callee], module->functions[f],
                             block->instructions[n]);
                else if (block->instructions[n]->opcode == IR_APPLY)
                    note_use(&users[block->instructions[n]->callee], NULL, NULL);
        }
    for (uint32_t i = 0; i < module->parameter_count; i++)
        if (module->parameters[i].default_function >= 0)
            users[module->parameters[i].default_function].count += 2;
    return users;
}

/* Captures are the last operands and the last parameters; before them stand indexes, or the leaves
 * of an accumulator and an element. */
static uint32_t capture_count(const struct ir_instruction *user, const struct ir_function *callee)
{
    if (user->opcode == IR_EACH)
        return user->operand_count - user->number;
    return callee->blocks[0].parameter_count - 2 * user->result_count;
}

/* Copies of what moves, over the captured values of the user's function; numbers[v] is the copy. */
static struct list copy_out(struct hoist *h, const struct user *user, ir_value *numbers)
{
    struct list copies = {0};
    const struct ir_block *entry = &h->function->blocks[0];
    uint32_t captures = capture_count(user->instruction, h->function);
    for (uint32_t p = 0; p < captures; p++)
        numbers[entry->first_parameter + entry->parameter_count - captures + p] =
            user->instruction->operands[user->instruction->operand_count - captures + p];
    for (uint32_t b = 0; b < h->function->block_count; b++)
        for (uint32_t n = 0; n < h->function->blocks[b].count; n++) {
            const struct ir_instruction *i = h->function->blocks[b].instructions[n];
            if (i->result_count == 0 || !h->moves[i->first_result])
                continue;
            struct ir_instruction *copy = arena_copy(h->module->arena, i, sizeof *i);
            copy->operands = arena_array(h->module->arena, ir_value, i->operand_count + 1);
            for (uint32_t o = 0; o < i->operand_count; o++)
                copy->operands[o] = numbers[i->operands[o]];
            copy->first_result = user->function->value_count;
            for (uint32_t r = 0; r < i->result_count; r++)
                numbers[i->first_result + r] = ir_value_new(
                    h->module, user->function, ir_type_of(h->function, i->first_result + r));
            vector_push(&copies, copy);
        }
    return copies;
}

static uint32_t position(const struct ir_block *block, const struct ir_instruction *i)
{
    uint32_t at = 0;
    while (at < block->count && block->instructions[at] != i)
        at++;
    return at;
}

static void insert_before(struct hoist *h, const struct user *user, const struct list *moved)
{
    for (uint32_t b = 0; b < user->function->block_count; b++) {
        struct ir_block *block = &user->function->blocks[b];
        uint32_t at = position(block, user->instruction);
        if (at < block->count) {
            insert(h, block, at, moved);
            return;
        }
    }
    bug("a comprehension is in none of its function's blocks");
}

/* The calls' results that are read by what stays; to be freed. */
static bool *find_read(const struct hoist *h)
{
    bool *read = memory_new(h->function->value_count, sizeof *read);
    for (uint32_t b = 0; b < h->function->block_count; b++)
        for (uint32_t n = 0; n < h->function->blocks[b].count; n++) {
            const struct ir_instruction *i = h->function->blocks[b].instructions[n];
            bool goes = i->opcode == IR_CALL && h->moves[i->first_result];
            for (uint32_t o = 0; o < i->operand_count && !goes; o++) {
                const struct ir_instruction *made = h->definitions[i->operands[o]];
                read[i->operands[o]] |=
                    made && made->opcode == IR_CALL && h->moves[made->first_result];
            }
        }
    return read;
}

/* The copies of what is read are captured by the user from now on. */
static void capture(struct hoist *h, const struct user *user, const ir_value *numbers,
                    const bool *read)
{
    struct ir_instruction *i = user->instruction;
    uint32_t count = i->operand_count, values = h->function->value_count;
    ir_value *operands = arena_array(h->module->arena, ir_value, count + values);
    memcpy(operands, i->operands, count * sizeof *operands);
    for (ir_value v = 0; v < values; v++)
        if (read[v])
            operands[count++] = numbers[v];
    i->operands = operands;
    i->operand_count = count;
}

/* Gives what stays the new numbers of values; the calls go. */
static void drop_calls(struct hoist *h, const ir_value *numbers)
{
    for (uint32_t b = 0; b < h->function->block_count; b++) {
        struct ir_block *block = &h->function->blocks[b];
        uint32_t kept = 0;
        for (uint32_t n = 0; n < block->count; n++) {
            struct ir_instruction *i = block->instructions[n];
            if (i->opcode == IR_CALL && h->moves[i->first_result])
                continue;
            for (uint32_t o = 0; o < i->operand_count; o++)
                i->operands[o] = numbers[i->operands[o]];
            block->instructions[kept++] = i;
        }
        block->count = kept;
    }
}

/* The parameters, and behind them those for what is captured, are a new row of values. */
static void take_parameters(struct hoist *h, const bool *read)
{
    struct ir_function *f = h->function;
    struct ir_block *entry = &f->blocks[0];
    uint32_t old_count = f->value_count, parameters = entry->parameter_count;
    ir_value *numbers = memory_new(old_count, sizeof *numbers);
    for (ir_value v = 0; v < old_count; v++)
        numbers[v] = v;
    for (uint32_t p = 0; p < parameters; p++) {
        ir_value old = entry->first_parameter + p;
        numbers[old] = ir_value_new(h->module, f, ir_type_of(f, old));
    }
    for (ir_value v = 0; v < old_count; v++)
        if (read[v])
            numbers[v] = ir_value_new(h->module, f, ir_type_of(f, v));
    entry->first_parameter = old_count;
    entry->parameter_count = f->value_count - old_count;
    drop_calls(h, numbers);
    free(numbers);
}

/* Moves the calls that were found before their user. */
static void move_to_user(struct hoist *h, const struct user *user)
{
    ir_value *numbers = memory_new(h->function->value_count, sizeof *numbers);
    bool *read = find_read(h);
    struct list copies = copy_out(h, user, numbers);
    capture(h, user, numbers, read);
    insert_before(h, user, &copies);
    take_parameters(h, read);
    vector_release(&copies);
    free(numbers);
    free(read);
}

static void hoist_out_of_function(struct hoist *h, struct ir_function *function,
                                  const struct user *user)
{
    begin(h, function);
    const struct ir_block *entry = &function->blocks[0];
    uint32_t captures = capture_count(user->instruction, function);
    for (uint32_t p = 0; p < captures; p++) {
        ir_value value = entry->first_parameter + entry->parameter_count - captures + p;
        h->still[value] = h->outside[value] = true;
    }
    for (uint32_t b = 0; b < function->block_count; b++)
        look_at_block(h, &function->blocks[b],
                      user->instruction->opcode == IR_EACH ? "comprehension" : "reduction");
    if (h->calls.count)
        move_to_user(h, user);
    end(h);
}

/* ---- Out of a loop -------------------------------------------------------------------------- */

struct loops {
    const struct ir_function *function;
    struct dominance dominance;
    struct edges edges;
    bool *inside;            /* by block: is in the loop that is looked at */
    VECTOR(uint32_t) blocks; /* these, in order */
};

static void enter(struct loops *l, uint32_t block)
{
    if (l->inside[block])
        return;
    l->inside[block] = true;
    vector_push(&l->blocks, block);
}

static int compare_blocks(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* The blocks of the loops that a block begins: those from which a jump back to it is reached.
 * False: there is none. */
static bool find_loop(struct loops *l, uint32_t header)
{
    for (uint32_t e = l->edges.first[header]; e != NO_EDGE; e = l->edges.items[e].next)
        if (dominance_holds(&l->dominance, header, l->edges.items[e].from)) {
            enter(l, header);
            enter(l, l->edges.items[e].from);
        }
    for (size_t i = 1; i < l->blocks.count; i++) /* the first is the header */
        for (uint32_t e = l->edges.first[l->blocks.items[i]]; e != NO_EDGE;
             e = l->edges.items[e].next)
            enter(l, l->edges.items[e].from);
    if (l->blocks.count)
        qsort(l->blocks.items, l->blocks.count, sizeof *l->blocks.items, compare_blocks);
    return l->blocks.count > 0;
}

static void forget_loop(struct loops *l)
{
    while (l->blocks.count)
        l->inside[vector_pop(&l->blocks)] = false;
}

/* The only block from which the loop is entered; NULL if there are several. */
static struct ir_block *block_before(const struct loops *l, uint32_t header)
{
    uint32_t before = NO_EDGE;
    for (uint32_t e = l->edges.first[header]; e != NO_EDGE; e = l->edges.items[e].next) {
        uint32_t from = l->edges.items[e].from;
        if (l->inside[from] || from == before)
            continue;
        if (before != NO_EDGE)
            return NULL;
        before = from;
    }
    return before == NO_EDGE ? NULL : &l->function->blocks[before];
}

/* Between loops all values are outside. */
static void mark_block(struct hoist *h, const struct ir_block *block, bool outside)
{
    for (uint32_t p = 0; p < block->parameter_count; p++) {
        ir_value value = block->first_parameter + p;
        h->outside[value] = h->still[value] = outside;
    }
    for (uint32_t n = 0; n < block->count; n++)
        for (uint32_t r = 0; r < block->instructions[n]->result_count; r++) {
            ir_value value = block->instructions[n]->first_result + r;
            h->outside[value] = h->still[value] = outside;
            h->moves[value] = false;
        }
}

/* Takes what moves out of a block. */
static void take_out(struct hoist *h, struct ir_block *block, struct list *moved)
{
    uint32_t kept = 0;
    for (uint32_t n = 0; n < block->count; n++) {
        struct ir_instruction *i = block->instructions[n];
        if (i->result_count && h->moves[i->first_result])
            vector_push(moved, i);
        else
            block->instructions[kept++] = i;
    }
    block->count = kept;
}

static void hoist_out_of_loop(struct hoist *h, const struct loops *l, struct ir_block *before)
{
    struct list moved = {0};
    h->calls.count = 0;
    for (size_t i = 0; i < l->blocks.count; i++)
        mark_block(h, &h->function->blocks[l->blocks.items[i]], false);
    for (size_t i = 0; i < l->blocks.count; i++)
        look_at_block(h, &h->function->blocks[l->blocks.items[i]], "loop");
    for (size_t i = 0; i < l->blocks.count && h->calls.count; i++)
        take_out(h, &h->function->blocks[l->blocks.items[i]], &moved);
    if (moved.count)
        insert(h, before, before->count - 1, &moved);
    mark_block(h, before, true);
    for (size_t i = 0; i < l->blocks.count; i++)
        mark_block(h, &h->function->blocks[l->blocks.items[i]], true);
    vector_release(&moved);
}

/* Inner loops begin behind those that they are in. */
static void hoist_out_of_loops(struct hoist *h, struct ir_function *function)
{
    struct loops l = {
        .function = function, .dominance = dominance_new(function), .edges = edges_find(function)};
    l.inside = memory_new(function->block_count, sizeof *l.inside);
    begin(h, function);
    for (uint32_t b = 0; b < function->block_count; b++)
        mark_block(h, &function->blocks[b], true);
    for (uint32_t b = function->block_count; b-- > 0;) {
        struct ir_block *before = find_loop(&l, b) ? block_before(&l, b) : NULL;
        if (before)
            hoist_out_of_loop(h, &l, before);
        forget_loop(&l);
    }
    end(h);
    dominance_free(&l.dominance);
    edges_release(&l.edges);
    free(l.inside);
    vector_release(&l.blocks);
}

/* ---- All --------------------------------------------------------------------------------------
 */

/* Callees mostly stand behind their users: a call goes as far out as it can. */
void pass_hoist(struct ir_module *module)
{
    struct hoist h = {.module = module, .effects = effects_find(module)};
    struct user *users = find_users(module);
    for (uint32_t f = module->function_count; f-- > 0;) {
        hoist_out_of_loops(&h, module->functions[f]);
        if (users[f].count == 1 && users[f].instruction)
            hoist_out_of_function(&h, module->functions[f], &users[f]);
    }
    free(users);
    vector_release(&h.calls);
    effects_release(&h.effects);
    ir_tidy(module);
}
