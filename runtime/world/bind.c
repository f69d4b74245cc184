/* Binding of arguments; see bind.h. */
#include "world/bind.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/data_file.h"

enum { SCRATCH_BYTES = 16 << 10 };

/* ---- The table ----------------------------------------------------------------------------- */

static void set_parameters(struct bind_table *table, struct bind_task *task,
                           const struct type *parameters)
{
    if (!parameters)
        bug("a task of the DAG has no parameter types");
    task->parameter_count = parameters->leaf_count;
    task->parameters = arena_array(&table->arena, const struct type *, task->parameter_count + 1);
    task->names = arena_array(&table->arena, const char *, task->parameter_count + 1);
    for (uint32_t i = 0; i < task->parameter_count; i++)
        task->parameters[i] = type_leaf(parameters, i);
    if (parameters->kind == TYPE_TUPLE && parameters->names &&
        parameters->part_count == parameters->leaf_count)
        for (uint32_t i = 0; i < task->parameter_count; i++)
            task->names[i] = parameters->names[i];
    if (parameters->word_count > table->argument_words)
        table->argument_words = parameters->word_count;
}

static void set_results(struct bind_table *table, struct bind_task *task, const struct type *type)
{
    task->result_count = type ? type->leaf_count : 0;
    struct value_leaf *leaves =
        arena_array(&table->arena, struct value_leaf, task->result_count + 1);
    if (!type || !type_has_words(type))
        bug("a task of the DAG has a result that is no value");
    value_leaves(type, leaves, &table->arena);
    task->results = leaves;
    for (uint32_t i = 0; i < task->result_count; i++)
        task->has_arrays |= leaves[i].is_block;
    task->is_plain = !task->has_arrays && task->timeout_ns == 0 && !task->fallback;
    table->has_arrays |= task->has_arrays;
    if (type->word_count > table->result_words)
        table->result_words = type->word_count;
    if (task->result_count > table->result_leaves)
        table->result_leaves = task->result_count;
}

static void set_plain_patterns(struct bind_table *table)
{
    const struct dag *dag = table->dag;
    table->plain_refs = arena_array(&table->arena, uint8_t, dag->pattern_count + 1);
    for (uint32_t p = 0; p < dag->pattern_count; p++) {
        uint32_t first = dag->patterns[p], end = dag->patterns[p + 1], refs = 0;
        while (first + refs < end && dag->pattern_codes[first + refs] == DAG_ARG_REF)
            refs++;
        bool is_plain = first + refs == end && refs < BIND_NOT_PLAIN;
        table->plain_refs[p] = is_plain ? (uint8_t)refs : BIND_NOT_PLAIN;
    }
}

void bind_table_init(struct bind_table *table, const struct job *job)
{
    const struct dag *dag = job->plan->dag;
    *table = (struct bind_table){.job = job, .dag = dag};
    arena_init(&table->arena);
    type_table_init(&table->types, &table->arena);
    table->tasks = arena_array(&table->arena, struct bind_task, dag->task_count);
    set_plain_patterns(table);
    set_parameters(table, &table->tasks[DAG_RESULT], job->result_type);
    for (uint32_t t = 1; t < dag->task_count; t++) {
        table->tasks[t].kernel = job->kernels[t];
        table->tasks[t].fallback = job->fallbacks ? job->fallbacks[t] : NULL;
        table->tasks[t].timeout_ns = dag->tasks[t].timeout_ns;
        const char *parameters = dag_string(dag, dag->tasks[t].parameter_types);
        const char *results = dag_string(dag, dag->tasks[t].result_type);
        set_parameters(table, &table->tasks[t], type_parse(&table->types, parameters));
        set_results(table, &table->tasks[t], type_parse(&table->types, results));
    }
}

void bind_table_release(struct bind_table *table)
{
    type_table_release(&table->types);
    arena_release(&table->arena);
}

/* ---- Memory -------------------------------------------------------------------------------- */

void binder_init(struct binder *binder, const struct bind_table *table, const uint64_t *slots,
                 struct context *context)
{
    *binder = (struct binder){.table = table,
                              .nodes = table->dag->nodes,
                              .views = table->dag->views,
                              .refs = table->dag->refs,
                              .plain_refs = table->plain_refs,
                              .slots = slots,
                              .context = context};
    context->files = table->job->files;
    context->file_count = table->job->file_count;
    binder->scratch = memory_try(SCRATCH_BYTES, WK_ALIGN);
    if (!binder->scratch)
        memory_exhausted();
}

void binder_clear(struct binder *binder)
{
    binder->scratch_used = 0;
    while (binder->blocks.count > 0)
        context_drop(binder->context, vector_pop(&binder->blocks));
}

void binder_release(struct binder *binder)
{
    binder_clear(binder);
    vector_release(&binder->blocks);
    free(binder->scratch);
}

/* Room for a packed argument. NULL: context->error is filled. */
static void *new_packed(struct binder *binder, enum wk_scalar scalar, uint8_t rank,
                        const int64_t *extents)
{
    uint64_t bytes;
    bool fits = shape_bytes(rank, extents, wk_scalar_bytes(scalar), &bytes);
    if (fits && !binder->keeps && bytes <= SCRATCH_BYTES - binder->scratch_used) {
        void *data = binder->scratch + binder->scratch_used;
        binder->scratch_used += (bytes + WK_ALIGN - 1) / WK_ALIGN * WK_ALIGN;
        return data;
    }
    struct wk_block *block = context_new_array(binder->context, scalar, rank, extents);
    if (!block)
        return NULL;
    vector_push(&binder->blocks, block);
    return block_data(block);
}

static int failed(const struct binder *binder)
{
    return (int)binder->context->error.code;
}

static uint64_t load_element(enum wk_scalar scalar, const void *from)
{
    switch (scalar) {
    case WK_BOOL:
    case WK_U8:
        return *(const uint8_t *)from;
    case WK_I8:
        return (uint64_t)(int64_t)*(const int8_t *)from;
    case WK_I16:
        return (uint64_t)(int64_t)*(const int16_t *)from;
    case WK_U16:
        return *(const uint16_t *)from;
    case WK_I32:
        return (uint64_t)(int64_t)*(const int32_t *)from;
    case WK_U32:
    case WK_F32:
        return *(const uint32_t *)from;
    case WK_I64:
    case WK_U64:
    case WK_F64:
        return *(const uint64_t *)from;
    }
    bug("scalar type %d", (int)scalar);
}

static void store_element(uint32_t bytes, void *to, uint64_t word)
{
    memcpy(to, &word, bytes); /* words are little-endian on all targets */
}

/* ---- Selections ---------------------------------------------------------------------------- */

/* Which elements of a source a view takes: of each dimension `count` from `begin`. */
struct selection {
    unsigned source_rank, rank;
    enum wk_scalar scalar;
    const int64_t *source_extents;
    int64_t begin[WK_MAX_RANK], count[WK_MAX_RANK];
    int64_t extents[WK_MAX_RANK]; /* of the result: without the dimensions that are indexed */
};

static int refuse_selection(struct binder *binder, unsigned dimension, int64_t begin, int64_t count,
                            int64_t extent)
{
    struct error *error = &binder->context->error;
    if (count < 0)
        return error_set(error, ERR_index_out_of_bounds,
                         "index %" PRId64 " is out of bounds: dimension %u has the extent %" PRId64,
                         begin, dimension, extent);
    return error_set(error, ERR_slice_out_of_bounds,
                     "the slice %" PRId64 "..%" PRId64
                     " is out of bounds: dimension %u has the extent %" PRId64,
                     begin, begin + count, dimension, extent);
}

/* Reads a view of an array with these extents. Extents that were unknown to elaboration are checked
 * here. */
static int select_view(struct binder *binder, const struct dag_view *view, unsigned source_rank,
                       const int64_t *source_extents, struct selection *selection)
{
    const int64_t *words = binder->table->dag->view_words + view->first_word + view->rank;
    *selection = (struct selection){.source_rank = source_rank,
                                    .scalar = (enum wk_scalar)view->scalar,
                                    .source_extents = source_extents};
    for (unsigned d = 0; d < source_rank; d++) {
        int64_t extent = source_extents[d], begin = 0, count = extent;
        if (view->source_rank > 0) {
            begin = words[2 * d];
            count = words[2 * d + 1];
        }
        int64_t taken = count < 0 ? 1 : count;
        if (begin < 0 || begin > extent || taken > extent - begin)
            return refuse_selection(binder, d, begin, count, extent);
        selection->begin[d] = begin;
        selection->count[d] = taken;
        if (count >= 0)
            selection->extents[selection->rank++] = count;
    }
    return 0;
}

/* The number of trailing dimensions that are taken whole. */
static unsigned whole_dimensions(const struct selection *s)
{
    unsigned whole = 0;
    while (whole < s->source_rank &&
           s->count[s->source_rank - 1 - whole] == s->source_extents[s->source_rank - 1 - whole])
        whole++;
    return whole;
}

static uint64_t selected_elements(const struct selection *s)
{
    uint64_t elements = 1;
    for (unsigned d = 0; d < s->source_rank; d++)
        elements *= (uint64_t)s->count[d];
    return elements;
}

/* Whether the elements follow each other in memory: above the first dimension that is cut, from
 * below, only single indexes. */
static bool is_contiguous(const struct selection *s)
{
    unsigned whole = whole_dimensions(s);
    for (unsigned d = 0; d + whole + 1 < s->source_rank; d++)
        if (s->count[d] != 1)
            return selected_elements(s) == 0;
    return true;
}

/* The offset in elements of the selection's element with these indexes. */
static uint64_t source_offset(const struct selection *s, const int64_t *index)
{
    uint64_t offset = 0;
    for (unsigned d = 0; d < s->source_rank; d++)
        offset = offset * (uint64_t)s->source_extents[d] + (uint64_t)(s->begin[d] + index[d]);
    return offset;
}

/* Steps the indexes of the first `dimensions` dimensions; false after the last. */
static bool step_index(const struct selection *s, unsigned dimensions, int64_t *index)
{
    for (unsigned d = dimensions; d-- > 0;) {
        if (++index[d] < s->count[d])
            return true;
        index[d] = 0;
    }
    return false;
}

static void copy_selection(const struct selection *s, const char *from, char *to)
{
    uint64_t bytes = wk_scalar_bytes(s->scalar);
    if (selected_elements(s) == 0)
        return;
    unsigned outer = s->source_rank - whole_dimensions(s);
    uint64_t run = bytes;
    for (unsigned d = outer; d < s->source_rank; d++)
        run *= (uint64_t)s->count[d];
    if (outer > 0)
        run *= (uint64_t)s->count[--outer];
    int64_t index[WK_MAX_RANK] = {0};
    do {
        memcpy(to, from + source_offset(s, index) * bytes, run);
        to += run;
    } while (step_index(s, outer, index));
}

static void set_array(const struct selection *s, const void *data, uint64_t *words)
{
    words[0] = (uintptr_t)data;
    for (unsigned d = 0; d < s->rank; d++)
        words[1 + d] = (uint64_t)s->extents[d];
}

/* Words of a selection of an array in memory. */
static int bind_selection(struct binder *binder, const struct selection *s, const char *data,
                          bool may_point, uint64_t *words)
{
    static const int64_t origin[WK_MAX_RANK];
    if (s->rank == 0) {
        data += source_offset(s, origin) * wk_scalar_bytes(s->scalar);
        words[0] = load_element(s->scalar, data);
        return 0;
    }
    if (may_point && is_contiguous(s)) {
        if (selected_elements(s) > 0)
            data += source_offset(s, origin) * wk_scalar_bytes(s->scalar);
        set_array(s, data, words);
        return 0;
    }
    char *copy = new_packed(binder, s->scalar, (uint8_t)s->rank, s->extents);
    if (!copy)
        return failed(binder);
    copy_selection(s, data, copy);
    set_array(s, copy, words);
    return 0;
}

/* ---- References ---------------------------------------------------------------------------- */

/* A view of a whole block that somebody else owns. */
static int bind_block(struct binder *binder, struct wk_block *block, const struct dag_view *view,
                      uint64_t *words)
{
    if (binder->keeps) {
        block_retain(block);
        vector_push(&binder->blocks, block);
    }
    if (view->source_rank == 0) {
        block_words(block, words);
        return 0;
    }
    struct selection selection;
    int code = select_view(binder, view, block->rank, block->extents, &selection);
    return code ? code : bind_selection(binder, &selection, block_data(block), true, words);
}

static const struct bind_slice *find_slice(const struct binder *binder, dag_ref ref)
{
    for (uint32_t i = 0; i < binder->slice_count; i++)
        if (binder->slices[i].ref == ref)
            return &binder->slices[i];
    return NULL;
}

/* Elements that came without their part; the binder does not own them. */
static void bind_slice(const struct binder *binder, const struct bind_slice *slice, uint64_t *words)
{
    if (binder->views[dag_ref_view(slice->ref)].rank == 0)
        words[0] = slice->word;
    else
        block_words(block_of(slice->word), words);
}

static int bind_node(struct binder *binder, dag_ref ref, uint64_t *words)
{
    const struct dag *dag = binder->table->dag;
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    const struct bind_slice *slice = binder->slice_count > 0 ? find_slice(binder, ref) : NULL;
    if (slice) {
        bind_slice(binder, slice, words);
        return 0;
    }
    uint64_t slot = binder->slots[dag_part(dag, ref)];
    if (!bind_reads_block(dag, ref)) {
        words[0] = slot;
        return 0;
    }
    return bind_block(binder, block_of(slot), view, words);
}

static int bind_constant(struct binder *binder, dag_ref ref, uint64_t *words)
{
    const struct dag *dag = binder->table->dag;
    const struct dag_constant *constant = &dag->constants[dag_ref_source(ref) - DAG_CONSTANT];
    const char *data = dag->data + constant->offset;
    if (constant->rank == 0) {
        words[0] = load_element((enum wk_scalar)constant->scalar, data);
        return 0;
    }
    struct selection selection;
    int code = select_view(binder, &dag->views[dag_ref_view(ref)], constant->rank,
                           constant->extents, &selection);
    return code ? code : bind_selection(binder, &selection, data, !binder->keeps, words);
}

/* A part that another task has read. */
static bool bind_cached_input(struct binder *binder, dag_ref ref, uint64_t *words)
{
    struct wk_block *block = binder->inputs ? input_cache_take(binder->inputs, ref) : NULL;
    if (!block)
        return false;
    vector_push(&binder->blocks, block);
    block_words(block, words);
    return true;
}

/* Reads the elements that a view takes of an input, and only these. What is in memory is the
 * input's as long as the job runs. */
static int bind_input(struct binder *binder, dag_ref ref, uint64_t *words)
{
    const struct dag *dag = binder->table->dag;
    uint32_t number = dag_ref_source(ref) - DAG_INPUT;
    struct data_file *file = binder->table->job->inputs[number];
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    if (data_file_block(file))
        return bind_block(binder, data_file_block(file), view, words);
    struct selection s;
    int code = select_view(binder, view, dag->inputs[number].rank, data_file_extents(file), &s);
    if (code)
        return code;
    const void *elements = data_file_elements(file);
    if (elements) {
        binder->input_bytes += selected_elements(&s) * wk_scalar_bytes(s.scalar);
        return bind_selection(binder, &s, elements, !binder->keeps, words);
    }
    bool is_cacheable =
        s.rank > 0 && selected_elements(&s) * wk_scalar_bytes(s.scalar) >= INPUT_CACHE_LEAST;
    if (is_cacheable && bind_cached_input(binder, ref, words))
        return 0;
    uint64_t element = 0;
    void *data = &element;
    if (s.rank > 0) {
        data = new_packed(binder, s.scalar, (uint8_t)s.rank, s.extents);
        if (!data)
            return failed(binder);
        set_array(&s, data, words);
    }
    binder->input_bytes += selected_elements(&s) * wk_scalar_bytes(s.scalar);
    code = data_file_read(file, s.begin, s.count, data, &binder->context->error);
    if (!code && s.rank == 0)
        words[0] = load_element(s.scalar, data);
    if (!code && is_cacheable && binder->inputs)
        input_cache_offer(binder->inputs, ref, block_of(words[0]), binder->context);
    return code;
}

int bind_reference(struct binder *binder, dag_ref ref, uint64_t *words)
{
    if (dag_ref_is_node(ref))
        return bind_node(binder, ref, words);
    if (dag_ref_source(ref) >= DAG_CONSTANT)
        return bind_constant(binder, ref, words);
    return bind_input(binder, ref, words);
}

/* ---- Patterns ------------------------------------------------------------------------------ */

struct cursor {
    const dag_ref *refs;
    const uint64_t *words;
    uint64_t *out;
};

/* Packs scalars of a word that nodes made, as far as they all come by one view: by far the most.
 * Gives how many. */
static uint64_t pack_words(struct binder *binder, const dag_ref *refs, uint64_t count, void *to)
{
    uint64_t *words = to;
    if (count == 0 || !bind_scalar(binder, refs[0], words))
        return 0;
    uint32_t view = dag_ref_view(refs[0]), part = binder->views[view].part;
    uint64_t i = 1;
    for (; i < count && dag_ref_view(refs[i]) == view && dag_ref_is_node(refs[i]); i++)
        words[i] = binder->slots[binder->nodes[dag_ref_source(refs[i])].first_part + part];
    return i;
}

static int pack_scalars(struct binder *binder, struct cursor *cursor, uint64_t count,
                        enum wk_scalar scalar, char *to)
{
    uint32_t bytes = wk_scalar_bytes(scalar);
    uint64_t words = bytes == sizeof(uint64_t) ? pack_words(binder, cursor->refs, count, to) : 0;
    cursor->refs += words;
    to += words * bytes;
    for (uint64_t i = words; i < count; i++, to += bytes) {
        dag_ref ref = *cursor->refs++;
        uint64_t word;
        int code = bind_scalar(binder, ref, &word) ? 0 : bind_reference(binder, ref, &word);
        if (code)
            return code;
        store_element(bytes, to, word);
    }
    return 0;
}

/* The words of one element of a table: its leaves in order, by their refs. */
static int pack_element(struct binder *binder, struct cursor *cursor, const struct type *element,
                        uint64_t *to)
{
    for (uint32_t leaf = 0; leaf < element->leaf_count; leaf++) {
        int code = bind_reference(binder, *cursor->refs++, to + type_leaf_word(element, leaf));
        if (code)
            return code;
    }
    return 0;
}

static int bind_gather(struct binder *binder, struct cursor *cursor, uint32_t rank,
                       const struct type *type)
{
    const struct type *element = type->element;
    int64_t extents[WK_MAX_RANK];
    uint64_t count = 1;
    for (uint32_t d = 0; d < rank; d++) {
        extents[d] = (int64_t)*cursor->words++;
        count *= (uint64_t)extents[d];
    }
    void *data;
    if (type_is_scalar(element)) {
        data = new_packed(binder, element->scalar, (uint8_t)rank, extents);
    } else {
        int64_t words = (int64_t)count * (type_element_bytes(element) / 8);
        data = new_packed(binder, WK_U64, 1, &words);
    }
    if (!data)
        return failed(binder);
    *cursor->out++ = (uintptr_t)data;
    for (uint32_t d = 0; d < rank; d++)
        *cursor->out++ = (uint64_t)extents[d];
    if (type_is_scalar(element))
        return pack_scalars(binder, cursor, count, element->scalar, data);
    uint64_t *to = data;
    for (uint64_t i = 0; i < count; i++, to += type_element_bytes(element) / 8) {
        int code = pack_element(binder, cursor, element, to);
        if (code)
            return code;
    }
    return 0;
}

static int bind_any_ref(struct binder *binder, struct cursor *cursor)
{
    dag_ref ref = *cursor->refs++;
    uint64_t *out = cursor->out;
    cursor->out += 1 + binder->table->dag->views[dag_ref_view(ref)].rank;
    return bind_reference(binder, ref, out);
}

static int bind_leaf(struct binder *binder, struct cursor *cursor, uint32_t code,
                     const struct type *type)
{
    switch ((enum dag_argument)(code & DAG_ARG_KIND)) {
    case DAG_ARG_WORD:
        *cursor->out++ = *cursor->words++;
        return 0;
    case DAG_ARG_ORDER:
        cursor->refs++;
        return 0;
    case DAG_ARG_REF:
        return bind_any_ref(binder, cursor);
    case DAG_ARG_GATHER:
        return bind_gather(binder, cursor, code >> DAG_ARG_RANK_SHIFT, type);
    case DAG_ARG_KIND:
    case DAG_ARG_RANK_SHIFT:
        break;
    }
    bug("argument code %u", code);
}

int bind_pattern(struct binder *binder, uint32_t node, uint64_t *words)
{
    const struct dag *dag = binder->table->dag;
    const struct dag_node *from = &dag->nodes[node];
    const uint32_t *codes = dag->pattern_codes + dag->patterns[from->pattern];
    uint32_t count = dag->patterns[from->pattern + 1] - dag->patterns[from->pattern];
    const struct type **types = binder->table->tasks[from->task].parameters;
    struct cursor cursor = {dag->refs + from->first_ref, dag->words + from->first_word, words};
    for (uint32_t i = 0; i < count; i++) {
        int code = bind_leaf(binder, &cursor, codes[i], types[i]);
        if (code)
            return code;
    }
    return 0;
}
