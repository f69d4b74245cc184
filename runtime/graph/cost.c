/*
 * Costs of nodes; see cost.h. A formula that has no variables is evaluated once. For any other, the
 * values of its variables are compared with those of the last node of the same task, since
 * neighbours often have the same extents.
 */
#include "graph/cost.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/arguments.h"
#include "graph/formula.h"

/* A word or an extent that a formula reads. */
struct cost_variable {
    uint32_t leaf, dimension;
    bool is_word;
    bool is_known;
    int64_t value;
};

struct task_cost {
    const struct formula *formula; /* NULL: `ns` is the cost of all nodes */
    double ns;                     /* of all nodes, or of the last one */
    double factor;                 /* of what the formula says */
    bool is_guess, has_last, is_measured;
    uint32_t variable_count;
    struct cost_variable *variables; /* in the order of their leaves */
    uint32_t leaf_count;
    uint32_t *gathered; /* by leaf: refs of one element of a gather */
};

struct costs {
    const struct dag *dag;
    struct dag_signatures signatures;
    struct arena arena;
    struct task_cost *tasks;
};

/* ---- Tasks -------------------------------------------------------------------------------------
 */

static bool is_before(const struct cost_variable *a, const struct cost_variable *b)
{
    if (a->leaf != b->leaf)
        return a->leaf < b->leaf;
    return a->is_word != b->is_word ? a->is_word : a->dimension < b->dimension;
}

static void add_variable(struct task_cost *task, const struct formula *formula)
{
    struct cost_variable variable = {.leaf = formula->leaf,
                                     .dimension = formula->dimension,
                                     .is_word = formula->kind == FORMULA_WORD};
    uint32_t at = 0;
    while (at < task->variable_count && is_before(&task->variables[at], &variable))
        at++;
    if (at < task->variable_count && !is_before(&variable, &task->variables[at]))
        return;
    memmove(task->variables + at + 1, task->variables + at,
            (task->variable_count++ - at) * sizeof *task->variables);
    task->variables[at] = variable;
}

static void list_variables(struct task_cost *task, const struct formula *formula)
{
    if (formula->kind >= FORMULA_ADD) {
        list_variables(task, formula->left);
        list_variables(task, formula->right);
    } else if (formula->kind >= FORMULA_WORD) {
        add_variable(task, formula);
    }
}

static void list_leaves(struct costs *costs, uint32_t number)
{
    struct task_cost *task = &costs->tasks[number];
    const struct type *parameters = costs->signatures.parameters[number], *leaf;
    uint32_t next = 0, most = parameters ? parameters->leaf_count : 0;
    const char *name;
    task->gathered = arena_array(&costs->arena, uint32_t, most + 1);
    while ((leaf = dag_next_leaf(parameters, &next, false, &name))) {
        bool has_leaves = leaf->kind == TYPE_ARRAY && leaf->element->leaf_count > 1;
        task->gathered[task->leaf_count++] = has_leaves ? leaf->element->leaf_count : 1;
    }
}

/* The formula of a task, if it has one, is what its nodes cost from now on. */
static bool take_formula(struct costs *costs, uint32_t number, double factor)
{
    struct task_cost *task = &costs->tasks[number];
    const char *text = dag_string(costs->dag, costs->dag->tasks[number].formula);
    const struct formula *formula = *text ? formula_parse(&costs->arena, text) : NULL;
    if (!formula)
        return false;
    *task = (struct task_cost){.is_guess = formula_is_guess(formula), .factor = factor};
    task->ns = factor * formula_evaluate(formula, NULL);
    if (formula_is_constant(formula))
        return true;
    task->formula = formula;
    task->variables = arena_array(&costs->arena, struct cost_variable, formula->terms);
    list_variables(task, formula);
    list_leaves(costs, number);
    return true;
}

static void read_task(struct costs *costs, uint32_t number)
{
    uint64_t given = costs->dag->tasks[number].cost_ns;
    if (given > 0 || !take_formula(costs, number, 1))
        costs->tasks[number] = (struct task_cost){
            .ns = given > 0 ? (double)given : (double)COST_UNKNOWN, .is_guess = given == 0};
}

struct costs *costs_new(const struct dag *dag)
{
    struct costs *costs = memory_new(1, sizeof *costs);
    struct error error;
    costs->dag = dag;
    if (dag_signatures_init(&costs->signatures, dag, &error))
        bug("the costs of a graph that is not valid: %s", error.message);
    arena_init(&costs->arena);
    costs->tasks = arena_array(&costs->arena, struct task_cost, dag->task_count);
    for (uint32_t i = 0; i < dag->task_count; i++)
        read_task(costs, i);
    return costs;
}

void costs_free(struct costs *costs)
{
    if (!costs)
        return;
    dag_signatures_release(&costs->signatures);
    arena_release(&costs->arena);
    free(costs);
}

void costs_set_task(struct costs *costs, uint32_t task, double ns)
{
    costs->tasks[task].formula = NULL;
    costs->tasks[task].ns = ns;
    costs->tasks[task].is_guess = false;
    costs->tasks[task].is_measured = true;
}

bool costs_scale_task(struct costs *costs, uint32_t task, double factor)
{
    if (!take_formula(costs, task, factor))
        return false;
    costs->tasks[task].is_guess = false;
    costs->tasks[task].is_measured = true;
    return true;
}

bool costs_is_measured(const struct costs *costs, uint32_t node)
{
    return costs->tasks[costs->dag->nodes[node].task].is_measured;
}

/* ---- Nodes -------------------------------------------------------------------------------------
 */

/* A leaf among a node's arguments. */
struct argument_place {
    enum dag_argument kind;
    uint32_t rank; /* of a gather */
    const uint64_t *word;
    const dag_ref *ref;
    uint64_t refs;
};

static bool view_extent(const struct dag *dag, dag_ref ref, uint32_t dimension, int64_t *extent)
{
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    if (dimension >= view->rank)
        return false;
    *extent = dag->view_words[view->first_word + dimension];
    return *extent >= 0;
}

/* Behind the extents of a gather come those of its elements: the first's. */
static bool gather_extent(const struct dag *dag, const struct argument_place *place,
                          uint32_t dimension, int64_t *extent)
{
    if (dimension < place->rank) {
        *extent = (int64_t)place->word[dimension];
        return true;
    }
    return place->refs > 0 && view_extent(dag, place->ref[0], dimension - place->rank, extent);
}

static bool look_up(const struct dag *dag, const struct argument_place *place,
                    const struct cost_variable *variable, int64_t *value)
{
    if (place->kind == DAG_ARG_WORD) {
        *value = (int64_t)place->word[0];
        return variable->is_word;
    }
    if (variable->is_word)
        return false;
    if (place->kind == DAG_ARG_GATHER)
        return gather_extent(dag, place, variable->dimension, value);
    return view_extent(dag, place->ref[0], variable->dimension, value);
}

/* Sets the variables of a leaf; whether one of them changed. */
static bool set_variables(const struct dag *dag, struct task_cost *task, uint32_t *next,
                          uint32_t leaf, const struct argument_place *place)
{
    bool has_changed = false;
    for (; *next < task->variable_count && task->variables[*next].leaf == leaf; ++*next) {
        struct cost_variable *variable = &task->variables[*next];
        int64_t value = 0;
        bool is_known = look_up(dag, place, variable, &value);
        value = is_known ? value : 0;
        has_changed |= is_known != variable->is_known || value != variable->value;
        variable->is_known = is_known;
        variable->value = value;
    }
    return has_changed;
}

static uint64_t gathered_refs(const struct argument_place *place, uint32_t leaves)
{
    uint64_t count = leaves;
    for (uint32_t d = 0; d < place->rank; d++)
        count *= place->word[d];
    return count;
}

/* Goes over the arguments as far as the formula reads them. */
static bool read_arguments(const struct dag *dag, struct task_cost *task, uint32_t number)
{
    const struct dag_node *node = &dag->nodes[number];
    const uint32_t *code = dag->pattern_codes + dag->patterns[node->pattern];
    const uint32_t *end = dag->pattern_codes + dag->patterns[node->pattern + 1];
    struct argument_place place = {.word = dag->words + node->first_word,
                                   .ref = dag->refs + node->first_ref};
    bool has_changed = false;
    uint32_t next = 0, leaf = 0;
    for (; code < end && next < task->variable_count; code++) {
        place.kind = (enum dag_argument)(*code & DAG_ARG_KIND);
        place.rank = *code >> DAG_ARG_RANK_SHIFT;
        place.refs = place.kind == DAG_ARG_WORD ? 0 : 1;
        if (place.kind == DAG_ARG_GATHER)
            place.refs = gathered_refs(&place, leaf < task->leaf_count ? task->gathered[leaf] : 1);
        if (place.kind != DAG_ARG_ORDER)
            has_changed |= set_variables(dag, task, &next, leaf++, &place);
        place.word += place.kind == DAG_ARG_WORD ? 1 : place.rank;
        place.ref += place.refs;
    }
    return has_changed;
}

static bool find_value(const struct task_cost *task, bool is_word, uint32_t leaf,
                       uint32_t dimension, int64_t *value)
{
    for (uint32_t i = 0; i < task->variable_count; i++) {
        const struct cost_variable *variable = &task->variables[i];
        if (variable->leaf != leaf || variable->is_word != is_word ||
            (!is_word && variable->dimension != dimension))
            continue;
        *value = variable->value;
        return variable->is_known;
    }
    return false;
}

static bool word_of(const void *context, uint32_t leaf, int64_t *word)
{
    return find_value(context, true, leaf, 0, word);
}

static bool extent_of(const void *context, uint32_t leaf, uint32_t dimension, int64_t *extent)
{
    return find_value(context, false, leaf, dimension, extent);
}

uint64_t costs_of(struct costs *costs, uint32_t node)
{
    struct task_cost *task = &costs->tasks[costs->dag->nodes[node].task];
    if (costs->dag->nodes[node].task == DAG_RESULT)
        return 0;
    if (task->formula && (read_arguments(costs->dag, task, node) || !task->has_last)) {
        const struct formula_arguments arguments = {word_of, extent_of, task};
        task->ns = task->factor * formula_evaluate(task->formula, &arguments);
        task->has_last = true;
    }
    return task->ns < 1 ? 1 : (uint64_t)task->ns;
}

bool costs_is_guess(const struct costs *costs, uint32_t node)
{
    return costs->tasks[costs->dag->nodes[node].task].is_guess;
}
