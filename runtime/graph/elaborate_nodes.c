/* Elaboration: pending values, calls, and the sink. Layouts are in code.def. */
#include <inttypes.h>
#include <string.h>

#include "graph/arguments.h"
#include "graph/machine.h"
#include "value/semantics.h"

enum { SITE = 1, TO = 2, TYPE = 3, FIRST = 4 };

static dag_ref make_ref(uint32_t source, uint32_t view)
{
    return (dag_ref)source << 32 | view;
}

/* The view of a whole part. */
static uint32_t whole_view(struct machine *m, uint32_t part, const struct flow_type *type,
                           const int64_t *extents)
{
    struct dag_view view = {
        .part = part, .scalar = type->scalar, .rank = type->rank, .is_unit = type->is_unit};
    return dag_add_view(m->builder, &view, extents);
}

/* ---- Views ------------------------------------------------------------------------------------
 */

static const struct dag_view *view_of(const struct machine *m, dag_ref ref)
{
    return &m->builder->views.items[dag_ref_view(ref)];
}

static const int64_t *view_extents(const struct machine *m, const struct dag_view *view)
{
    return m->builder->view_words.items + view->first_word;
}

int execute_extent(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    uint32_t dimension = pc[FIRST], operand = pc[FIRST + 1];
    if (operand_register(operand) >= top_frame(m)->function->word_registers) {
        r[pc[TO]] = (uint64_t)operand_borrow(r, operand)->extents[dimension];
        operand_done(m, r, operand);
        return 0;
    }
    const struct dag_view *view = view_of(m, r[operand_register(operand)]);
    r[pc[TO]] = (uint64_t)view_extents(m, view)[dimension];
    return 0;
}

/* The selection of the source that is `selection` of what `view` shows. */
static struct selection compose(const struct machine *m, const struct dag_view *view,
                                const struct selection *selection)
{
    if (!view->source_rank)
        return *selection;
    struct selection composed = {.rank = view->source_rank};
    const int64_t *pair = view_extents(m, view) + view->rank;
    for (uint32_t d = 0, remaining = 0; d < view->source_rank; d++, pair += 2) {
        composed.begin[d] = pair[0];
        composed.count[d] = pair[1];
        if (pair[1] >= 0) {
            composed.begin[d] += selection->begin[remaining];
            composed.count[d] = selection->count[remaining++];
        }
    }
    return composed;
}

static bool selects_all(const struct selection *selection, const int64_t *extents)
{
    for (uint32_t d = 0; d < selection->rank; d++)
        if (selection->begin[d] != 0 || selection->count[d] != extents[d])
            return false;
    return true;
}

dag_ref nodes_select(struct machine *m, dag_ref ref, const struct selection *selection)
{
    struct dag_view view = *view_of(m, ref);
    if (selects_all(selection, view_extents(m, &view)))
        return ref;
    struct selection composed = compose(m, &view, selection);
    int64_t words[3 * WK_MAX_RANK];
    view.rank = (uint8_t)selection_extents(&composed, words);
    view.source_rank = (uint8_t)composed.rank;
    for (uint32_t d = 0; d < composed.rank; d++) {
        words[view.rank + 2 * d] = composed.begin[d];
        words[view.rank + 2 * d + 1] = composed.count[d];
    }
    return make_ref(dag_ref_source(ref), dag_add_view(m->builder, &view, words));
}

static void load_ints(const uint64_t *r, const uint32_t *operands, uint32_t count, int64_t *values)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = operand_int(r, operands[i]);
}

int execute_view(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    uint32_t mask = pc[FIRST];
    dag_ref ref = r[operand_register(pc[FIRST + 1])];
    const struct dag_view *view = view_of(m, ref);
    int64_t bounds[2 * WK_MAX_RANK];
    struct selection selection;
    load_ints(r, pc + FIRST + 2, view->rank + (uint32_t)__builtin_popcount(mask), bounds);
    int code =
        selection_make(&selection, view_extents(m, view), view->rank, mask, bounds, m->error);
    if (code)
        return code;
    r[pc[TO]] = nodes_select(m, ref, &selection);
    return joins_see_through(m, &r[pc[TO]]);
}

static struct selection select_everything(const struct dag_view *view, const int64_t *extents)
{
    struct selection selection = {.rank = view->rank};
    memcpy(selection.count, extents, view->rank * sizeof *extents);
    return selection;
}

/* The views of all elements, which arrays of one shape have in common. */
static void find_element_views(struct machine *m, dag_ref ref, uint64_t count)
{
    const struct dag_view *view = view_of(m, ref);
    struct selection selection = select_everything(view, view_extents(m, view));
    m->whole = dag_ref_view(ref);
    m->element_views.count = 0;
    selection.count[0] = -1;
    for (uint64_t i = 0; i < count; i++) {
        selection.begin[0] = (int64_t)i;
        vector_push(&m->element_views, dag_ref_view(nodes_select(m, ref, &selection)));
    }
}

int execute_elements(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    dag_ref ref = r[operand_register(pc[FIRST])];
    struct structure *made;
    int code = structure_new(&m->heap, 1, view_extents(m, view_of(m, ref)), false, &made, m->error);
    if (code)
        return code;
    if (m->whole != dag_ref_view(ref) || m->element_views.count != made->count)
        find_element_views(m, ref, made->count);
    for (uint64_t i = 0; i < made->count && !code; i++) {
        structure_slots(made)[i] = make_ref(dag_ref_source(ref), m->element_views.items[i]);
        code = joins_see_through(m, &structure_slots(made)[i]);
    }
    register_set_structure(m, r, pc[TO], made);
    return code;
}

/* Tile t of an extent cut into pieces of `size`: the last may be smaller. */
static void select_tile(struct selection *selection, uint32_t d, int64_t t, int64_t size,
                        int64_t extent)
{
    selection->begin[d] = t * size;
    selection->count[d] = size < extent - t * size ? size : extent - t * size;
}

int execute_tiles(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    dag_ref ref = r[operand_register(pc[FIRST])];
    int64_t extents[2], sizes[2], counts[2];
    memcpy(extents, view_extents(m, view_of(m, ref)), sizeof extents);
    load_ints(r, pc + FIRST + 1, 2, sizes);
    if (sizes[0] < 1 || sizes[1] < 1)
        return error_set(m->error, ERR_negative_extent,
                         "tiles have at least one row and column: found %" PRId64,
                         sizes[0] < 1 ? sizes[0] : sizes[1]);
    for (int d = 0; d < 2; d++)
        counts[d] = extents[d] / sizes[d] + (extents[d] % sizes[d] != 0);
    struct structure *made;
    int code = structure_new(&m->heap, 2, counts, false, &made, m->error);
    if (code)
        return code;
    struct selection selection = {.rank = 2};
    for (int64_t t = 0; t < counts[0] * counts[1] && !code; t++) {
        select_tile(&selection, 0, t / counts[1], sizes[0], extents[0]);
        select_tile(&selection, 1, t % counts[1], sizes[1], extents[1]);
        structure_slots(made)[t] = nodes_select(m, ref, &selection);
        code = joins_see_through(m, &structure_slots(made)[t]);
    }
    register_set_structure(m, r, pc[TO], made);
    return code;
}

/* ---- Constants --------------------------------------------------------------------------------
 */

static dag_ref lift_scalar(struct machine *m, enum wk_scalar scalar, uint64_t word)
{
    struct dag_constant constant = {.bytes = sizeof word, .scalar = (uint8_t)scalar};
    word = semantics_canonical(scalar, word);
    uint32_t number = dag_add_constant(m->builder, &constant, &word);
    return make_ref(DAG_CONSTANT + number, m->scalar_views[scalar]);
}

/* Elements at their natural size, from their words' low bytes. */
static void pack_elements(enum wk_scalar scalar, const uint64_t *words, uint64_t count, char *out)
{
    uint32_t bytes = wk_scalar_bytes(scalar);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t word = semantics_canonical(scalar, words[i]);
        memcpy(out + i * bytes, &word, bytes);
    }
}

/* A structure of known scalars; it remembers its constant, until it is changed. */
static int lift_structure(struct machine *m, enum wk_scalar scalar, struct structure *structure,
                          dag_ref *ref)
{
    struct flow_type type = {.scalar = (uint8_t)scalar, .rank = structure->rank};
    if (!structure->constant) {
        struct dag_constant constant = {.bytes = structure->count * wk_scalar_bytes(scalar),
                                        .scalar = (uint8_t)scalar,
                                        .rank = structure->rank};
        memcpy(constant.extents, structure->extents, structure->rank * sizeof(int64_t));
        char *data = memory_try((size_t)constant.bytes, WK_ALIGN);
        if (!data)
            return error_set(m->error, ERR_out_of_memory, "no memory for a constant array");
        pack_elements(scalar, structure_slots(structure), structure->count, data);
        structure->constant = (uint64_t)dag_add_constant(m->builder, &constant, data) + 1;
        m->heap.moves += structure->count;
        free(data);
    }
    *ref = make_ref(DAG_CONSTANT + (uint32_t)(structure->constant - 1),
                    whole_view(m, 0, &type, structure->extents));
    return 0;
}

/* A known str, as an array of bytes; those that were made remember their constant. */
static dag_ref lift_text(struct machine *m, uint64_t word)
{
    uint64_t length;
    uint32_t *kept = text_constant(&m->texts, word), number = kept ? *kept : 0;
    const char *bytes = text_bytes(&m->texts, word, &length);
    struct dag_constant constant = {.bytes = length, .scalar = WK_U8, .rank = 1};
    constant.extents[0] = (int64_t)length;
    if (!number) {
        number = dag_add_constant(m->builder, &constant, bytes) + 1;
        m->heap.moves += length / 8;
    }
    if (kept)
        *kept = number;
    struct flow_type type = {.scalar = WK_U8, .rank = 1};
    return make_ref(DAG_CONSTANT + number - 1, whole_view(m, 0, &type, constant.extents));
}

/* Any value that is pending or can be lifted. */
static int lift(struct machine *m, const struct flow_type *type, uint64_t word, dag_ref *ref)
{
    *ref = word;
    if (type->kind == FLOW_KNOWN && type->is_text)
        *ref = lift_text(m, word);
    else if (type->kind == FLOW_KNOWN)
        *ref = lift_scalar(m, (enum wk_scalar)type->scalar, word);
    if (type->kind != FLOW_STRUCTURED)
        return 0;
    enum wk_scalar scalar = (enum wk_scalar)m->code->types[type->element].scalar;
    return lift_structure(m, scalar, structure_at(word), ref);
}

int execute_lift(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    const struct flow_type *to = &m->code->types[pc[TYPE]];
    dag_ref ref = make_ref(0, 0);
    if (operand_register(pc[FIRST]) < top_frame(m)->function->word_registers) {
        uint64_t word = r[operand_register(pc[FIRST])];
        r[pc[TO]] =
            to->is_text ? lift_text(m, word) : lift_scalar(m, (enum wk_scalar)to->scalar, word);
        return 0;
    }
    int code = lift_structure(m, (enum wk_scalar)to->scalar, operand_borrow(r, pc[FIRST]), &ref);
    if (code)
        return code;
    operand_done(m, r, pc[FIRST]);
    r[pc[TO]] = ref;
    return 0;
}

/* A file's contents are an input of the job, added when something first reads them. */
int execute_contents(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    uint64_t number = r[operand_register(pc[FIRST])];
    if (number >= m->file_count)
        return error_set(m->error, ERR_bad_flow_code, "the job has no file %" PRIu64, number);
    dag_ref *ref = &m->file_inputs[number];
    if (!*ref) {
        const struct flow_file *file = &m->files[number];
        struct dag_input input = {.name = dag_add_string(m->builder, file->name),
                                  .scalar = WK_U8,
                                  .rank = 1,
                                  .file = (uint32_t)number + 1,
                                  .extents = {file->size}};
        struct flow_type whole = {.scalar = input.scalar, .rank = input.rank};
        *ref = make_ref(DAG_INPUT + dag_add_input(m->builder, &input),
                        whole_view(m, 0, &whole, input.extents));
    }
    r[pc[TO]] = *ref;
    return 0;
}

/* ---- Arguments --------------------------------------------------------------------------------
 */

/* The values of one leaf that is gathered: its structures side by side. */
static int check_gathered(struct machine *m, const uint64_t *words, uint32_t count)
{
    const struct structure *first = structure_at(words[0]);
    for (uint32_t i = 1; i < count; i++)
        if (memcmp(structure_at(words[i])->extents, first->extents,
                   first->rank * sizeof(int64_t)) != 0)
            return error_set(m->error, ERR_shape_mismatch,
                             "the parts of an array of tuples have different extents");
    return 0;
}

static int gather(struct machine *m, const uint32_t *types, const uint64_t *words, uint32_t count)
{
    int code = check_gathered(m, words, count);
    const struct structure *first = structure_at(words[0]);
    for (uint32_t d = 0; d < first->rank; d++)
        dag_add_word(m->builder, (uint64_t)first->extents[d]);
    for (uint64_t e = 0; !code && e < first->count; e++) {
        for (uint32_t i = 0; !code && i < count; i++) {
            const struct flow_type *structure = &m->code->types[types[i]];
            dag_ref ref;
            code = lift(m, &m->code->types[structure->element],
                        structure_slots(structure_at(words[i]))[e], &ref);
            dag_add_ref(m->builder, ref);
        }
    }
    m->heap.moves += first->count * count;
    return code;
}

/* Adds the words and refs of one value (of `count` for a gather). */
static int add_argument(struct machine *m, enum flow_use use, const uint32_t *types,
                        const uint64_t *words, uint32_t count)
{
    switch (use) {
    case FLOW_USE_WORD:
        dag_add_word(m->builder, words[0]);
        return 0;
    case FLOW_USE_REF:
    case FLOW_USE_ORDER:
        dag_add_ref(m->builder, words[0]);
        return 0;
    case FLOW_USE_TEXT:
        dag_add_ref(m->builder, lift_text(m, words[0]));
        return 0;
    case FLOW_USE_CONSTANT: {
        dag_ref ref;
        int code = lift(m, &m->code->types[types[0]], words[0], &ref);
        dag_add_ref(m->builder, ref);
        return code;
    }
    case FLOW_USE_GATHER:
        return gather(m, types, words, count);
    case FLOW_USE_NOTHING:
    case FLOW_USE_JOIN:
        return 0;
    }
    bug("use %d of an argument", (int)use);
}

/* The code of an argument in its node's pattern; false if it has none. */
static bool pattern_code(enum flow_use use, const struct flow_type *type, uint32_t *code)
{
    switch (use) {
    case FLOW_USE_WORD:
        *code = DAG_ARG_WORD;
        return true;
    case FLOW_USE_REF:
    case FLOW_USE_CONSTANT:
    case FLOW_USE_TEXT:
        *code = DAG_ARG_REF;
        return true;
    case FLOW_USE_ORDER:
        *code = DAG_ARG_ORDER;
        return true;
    case FLOW_USE_GATHER:
        *code = DAG_ARG_GATHER | (uint32_t)type->rank << DAG_ARG_RANK_SHIFT;
        return true;
    case FLOW_USE_NOTHING:
    case FLOW_USE_JOIN:
        return false;
    }
    bug("use %d of an argument", (int)use);
}

/* ---- Calls ------------------------------------------------------------------------------------
 */

static enum flow_use use_of(uint32_t operand)
{
    return (enum flow_use)(operand >> FLOW_USE_SHIFT & FLOW_USE_MASK);
}

static void prepare_call(struct machine *m, struct call_cache *cache, const uint32_t *operands,
                         uint32_t count, const uint32_t *types, uint32_t site)
{
    VECTOR(uint32_t) codes = {0};
    uint32_t code;
    for (uint32_t i = 0; i < count; i++)
        if (pattern_code(use_of(operands[i]), &m->code->types[types[i]], &code))
            vector_push(&codes, code);
    cache->pattern = dag_add_pattern(m->builder, codes.items, (uint32_t)codes.count);
    cache->site = machine_site(m, site);
    cache->is_ready = true;
    vector_release(&codes);
}

static int add_gathered(struct machine *m, const uint32_t *operands, uint32_t count,
                        const uint32_t *types, const uint64_t *r)
{
    uint64_t words[16], *all = count <= 16 ? words : memory_new(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++)
        all[i] = r[operand_register(operands[i])];
    int code = gather(m, types, all, count);
    if (all != words)
        free(all);
    return code;
}

static int add_arguments(struct machine *m, const uint32_t *operands, uint32_t count,
                         const uint32_t *types, uint64_t *r)
{
    int code = 0;
    for (uint32_t i = 0, used = 1; i < count && !code; i += used, used = 1) {
        enum flow_use use = use_of(operands[i]);
        if (use == FLOW_USE_WORD) {
            dag_add_word(m->builder, r[operand_register(operands[i])]);
        } else if (use == FLOW_USE_GATHER) {
            while (i + used < count && use_of(operands[i + used]) == FLOW_USE_JOIN)
                used++;
            code = add_gathered(m, operands + i, used, types + i, r);
        } else {
            code = add_argument(m, use, types + i, &r[operand_register(operands[i])], 1);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (use_of(operands[i]) == FLOW_USE_CONSTANT || use_of(operands[i]) == FLOW_USE_GATHER ||
            use_of(operands[i]) == FLOW_USE_JOIN)
            operand_done(m, r, operands[i]);
    return code;
}

/* The view of a result whose known extents are the next operands. Calls in a row mostly have the
 * same ones. */
static int result_view(struct machine *m, const struct flow_type *type, struct result_cache *cache,
                       uint32_t part, const uint64_t *r, const uint32_t **extents)
{
    bool is_same = cache->is_ready;
    for (uint32_t d = 0; d < type->rank; d++) {
        int64_t extent = -1;
        if (type->known_extents >> d & 1) {
            extent = operand_int(r, *(*extents)++);
            if (extent < 0)
                return error_set(m->error, ERR_negative_extent, "an array's extent is %" PRId64,
                                 extent);
        }
        is_same &= cache->extents[d] == extent;
        cache->extents[d] = extent;
    }
    if (!is_same)
        cache->view = whole_view(m, part, type, cache->extents);
    cache->is_ready = true;
    return 0;
}

static int set_results(struct machine *m, const uint32_t *pc, uint64_t *r, uint32_t node)
{
    struct result_cache *cache = &m->call_results[m->code->call_first_result[pc[3]]];
    const uint32_t *to = pc + 6, *extents = to + 2 * pc[5] + pc[4];
    uint32_t part = 0, unit = pc[5];
    for (uint32_t i = 0; i < pc[5]; i++) {
        const struct flow_type *type = &m->code->types[to[2 * i + 1]];
        int code = result_view(m, type, &cache[i], type->is_unit ? 0 : part, r, &extents);
        if (code)
            return code;
        part += !type->is_unit;
        unit = type->is_unit ? i : unit;
    }
    for (uint32_t i = 0; i < pc[5]; i++)
        r[to[2 * i]] = make_ref(node, cache[i].view);
    if (unit < pc[5])
        vector_push(&m->effects, make_ref(node, cache[unit].view));
    return 0;
}

/* site, kernel, call, argument count, result count, (to, type)..., arguments..., extents... */
int execute_call(struct machine *m, const uint32_t *pc, uint64_t *r, bool is_shared)
{
    struct call_cache *cache = &m->calls[pc[3]];
    const uint32_t *operands = pc + 6 + 2 * pc[5], *types = m->code->call_types[pc[3]];
    if (!cache->is_ready)
        prepare_call(m, cache, operands, pc[4], types, pc[SITE]);
    if (m->builder->nodes.count >= m->max_tasks)
        return machine_limit(m, ERR_task_limit, "tasks (--max-tasks)");
    int code = add_arguments(m, operands, pc[4], types, r);
    if (code)
        return code;
    uint32_t node;
    if (!is_shared ||
        !dag_find_shared(m->builder, &m->shared[pc[2]], &cache->misses, cache->pattern, &node)) {
        node =
            dag_add_node(m->builder, pc[2] + 1, cache->pattern, cache->site, top_frame(m)->scope);
        joins_note(m, node);
    }
    return set_results(m, pc, r, node);
}

/* ---- Begin and end ----------------------------------------------------------------------------
 */

static uint64_t wide(const uint32_t halves[2])
{
    return halves[0] | (uint64_t)halves[1] << 32;
}

static void add_task(struct machine *m, uint32_t kernel)
{
    const struct flow_kernel_record *record = &m->code->kernel_records[kernel];
    const char *strings = m->code->strings;
    struct dag_task task = {
        .name = dag_add_string(m->builder, strings + record->name),
        .symbol = dag_add_string(m->builder, strings + record->symbol),
        .parameter_types = dag_add_string(m->builder, strings + record->parameter_types),
        .result_type = dag_add_string(m->builder, strings + record->result_type),
        .site = machine_site(m, record->site),
        .fallback = dag_add_string(m->builder, strings + record->fallback),
        .formula = dag_add_string(m->builder, strings + record->formula),
        .members = dag_add_string(m->builder, strings + record->members),
        .leaf_count = m->code->kernels[kernel].result->leaf_count,
        .retries = (int32_t)record->retries,
        .together = record->together,
        .logs = record->logs,
        .timeout_ns = wide(record->timeout_ns),
        .memory_bytes = wide(record->memory_bytes),
        .cost_ns = wide(record->cost_ns)};
    dag_add_task(m->builder, &task);
}

/* The sink's parameter is main's result. */
static void set_sink_types(struct machine *m)
{
    struct buffer text = {0};
    buffer_putc(&text, '(');
    type_print(m->code->result_type, &text);
    buffer_puts(&text, ",)");
    m->builder->tasks.items[DAG_RESULT].parameter_types =
        dag_add_string(m->builder, buffer_text(&text));
    buffer_release(&text);
}

void nodes_begin(struct machine *m)
{
    set_sink_types(m);
    for (uint32_t s = 0; s < WK_SCALAR_COUNT; s++)
        m->scalar_views[s] = whole_view(m, 0, &(struct flow_type){.scalar = (uint8_t)s}, NULL);
    m->unit_view = whole_view(m, 0, &(struct flow_type){.is_unit = true}, NULL);
    for (uint32_t k = 0; k < m->code->header.kernel_count; k++)
        add_task(m, k);
    joins_begin(m);
}

dag_ref nodes_add_input(struct machine *m, uint32_t leaf, const int64_t *extents)
{
    struct dag_form form = dag_form_of(m->code->leaf_types[leaf]);
    struct buffer name = {0};
    flow_leaf_name(m->code, leaf, &name);
    struct dag_input input = {.name = dag_add_string(m->builder, buffer_text(&name)),
                              .scalar = form.scalar,
                              .rank = form.rank};
    buffer_release(&name);
    memcpy(input.extents, extents, form.rank * sizeof *extents);
    uint32_t number = dag_add_input(m->builder, &input);
    struct flow_type whole = {.scalar = input.scalar, .rank = input.rank};
    return make_ref(DAG_INPUT + number, whole_view(m, 0, &whole, extents));
}

int nodes_add_files(struct machine *m, const struct flow_argument *argument, uint64_t *word)
{
    struct structure *files;
    int code = structure_new(&m->heap, 1, argument->extents, false, &files, m->error);
    if (code)
        return code;
    memcpy(structure_slots(files), argument->words, files->count * sizeof *argument->words);
    *word = structure_word(files);
    return 0;
}

/* The results of main that make up this leaf of its type. */
static int add_result(struct machine *m, const struct type *leaf, uint32_t *operand)
{
    const struct flow_function *entry = &m->code->functions[m->code->header.entry];
    const uint32_t *types = entry->results + *operand;
    uint32_t used = flow_argument_fits(m->code, types, entry->result_count - *operand, leaf);
    enum flow_use use = flow_argument_use(m->code, types[0], leaf, true);
    int code = add_argument(m, use, types, m->results + *operand, used);
    *operand += used;
    return code;
}

int nodes_add_sink(struct machine *m)
{
    const struct flow_function *entry = &m->code->functions[m->code->header.entry];
    VECTOR(uint32_t) codes = {0};
    uint32_t leaves = flow_leaf_count(m->code->result_type), operand = 0, pattern;
    int code = 0;
    for (uint32_t l = 0; l < leaves && !code; l++) {
        const struct type *leaf = flow_leaf(m->code->result_type, l);
        uint32_t type = entry->results[operand];
        if (pattern_code(flow_argument_use(m->code, type, leaf, true), &m->code->types[type],
                         &pattern))
            vector_push(&codes, pattern);
        code = add_result(m, leaf, &operand);
    }
    for (size_t i = 0; i < m->effects.count; i++) {
        vector_push(&codes, DAG_ARG_ORDER);
        dag_add_ref(m->builder, m->effects.items[i]);
    }
    pattern = dag_add_pattern(m->builder, codes.items, (uint32_t)codes.count);
    vector_release(&codes);
    if (!code)
        dag_add_node(m->builder, DAG_RESULT, pattern, machine_site(m, entry->site), 0);
    return code;
}
