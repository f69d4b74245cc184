/* Pass "costs": what each node takes on the platform; see plan_pass.h. */
#include "graph/plan_pass.h"

#include <string.h>

#include "base/memory.h"
#include "graph/cost.h"

/* ---- Profiles ----------------------------------------------------------------------------------
 */

/* The names of the tasks that a kernel is made of, with ", " between: its own, if it is as written.
 */
static const char *names_of(const char *members, const char *name)
{
    return *members ? members : name;
}

static bool has_name(const char *names, const char *name, size_t length)
{
    while (*names) {
        size_t here = strcspn(names, ",");
        if (here == length && memcmp(names, name, length) == 0)
            return true;
        names += here;
        names += strspn(names, ", ");
    }
    return false;
}

static bool are_among(const char *some, const char *all)
{
    while (*some) {
        size_t length = strcspn(some, ",");
        if (!has_name(all, some, length))
            return false;
        some += length;
        some += strspn(some, ", ");
    }
    return true;
}

static bool is_same_kernel(const struct dag *dag, const struct dag_task *task,
                           const struct plan_measured *measured)
{
    if (*measured->symbol)
        return strcmp(measured->symbol, dag_string(dag, task->symbol)) == 0;
    return strcmp(measured->task, dag_string(dag, task->name)) == 0;
}

/* A formula of another compiler says nothing of this one's: then all nodes cost the mean. */
static void set_measured(struct costs *costs, const struct dag *dag, uint32_t task,
                         const struct plan_measured *measured)
{
    const char *formula = dag_string(dag, dag->tasks[task].formula);
    bool is_same = measured->formula_ns > 0 && strcmp(measured->formula, formula) == 0;
    if (!is_same || !costs_scale_task(costs, task, measured->ns / measured->formula_ns))
        costs_set_task(costs, task, measured->ns / measured->count);
}

/* How tasks that a kernel is made of, or else those that it is a part of, compare with their
 * formulas, all together; 0: there are none. */
static double factor_of_relatives(const struct dag *dag, const struct dag_task *task,
                                  const struct plan_options *options)
{
    const char *own = names_of(dag_string(dag, task->members), dag_string(dag, task->name));
    double ns[2] = {0}, formula_ns[2] = {0};
    for (uint32_t m = 0; m < options->measured_count; m++) {
        const struct plan_measured *measured = &options->measured[m];
        const char *names = names_of(measured->members, measured->task);
        bool is_part = are_among(names, own);
        if (!(measured->formula_ns > 0) || (!is_part && !are_among(own, names)))
            continue;
        ns[is_part] += measured->ns;
        formula_ns[is_part] += measured->formula_ns;
    }
    bool has_parts = formula_ns[1] > 0;
    return formula_ns[has_parts] > 0 ? ns[has_parts] / formula_ns[has_parts] : 0;
}

static void apply_profile(struct costs *costs, const struct dag *dag, uint32_t task,
                          const struct plan_options *options)
{
    for (uint32_t m = 0; m < options->measured_count; m++)
        if (is_same_kernel(dag, &dag->tasks[task], &options->measured[m])) {
            set_measured(costs, dag, task, &options->measured[m]);
            return;
        }
    double factor = factor_of_relatives(dag, &dag->tasks[task], options);
    if (factor > 0)
        costs_scale_task(costs, task, factor);
}

struct costs *plan_costs_new(const struct dag *dag, const struct plan_options *options)
{
    struct costs *costs = costs_new(dag);
    bool is_profiled = options && options->measured_count > 0;
    for (uint32_t t = DAG_RESULT + 1; is_profiled && t < dag->task_count; t++)
        apply_profile(costs, dag, t, options);
    return costs;
}

/* ---- The pass ----------------------------------------------------------------------------------
 */

void plan_pass_costs(struct plan_work *work)
{
    struct costs *costs = plan_costs_new(work->dag, work->options);
    work->costs = memory_table(work->dag->node_count, sizeof *work->costs);
    for (uint32_t i = 0; i < work->dag->node_count; i++)
        work->costs[i] = platform_task_ns(work->platform, costs_of(costs, i));
    plan_count_steps(work, work->dag->node_count);
    costs_free(costs);
}
