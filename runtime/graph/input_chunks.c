/* Chunks of inputs that environments load and keep; see input_chunks.h. */
#include "graph/input_chunks.h"

#include <stdlib.h>

#include "base/vector.h"
#include "value/value.h"

/* An environment's chunks, in no order; `used` is a count of uses. */
struct kept_chunks {
    uint64_t keys[INPUT_CHUNKS_KEPT], used[INPUT_CHUNKS_KEPT];
};

struct input_chunks {
    const struct dag *dag;
    VECTOR(struct kept_chunks *) environments;
    uint64_t clock;
};

struct input_chunks *input_chunks_new(const struct dag *dag)
{
    struct input_chunks *chunks = memory_new(1, sizeof *chunks);
    chunks->dag = dag;
    return chunks;
}

void input_chunks_free(struct input_chunks *chunks)
{
    for (size_t i = 0; i < chunks->environments.count; i++)
        free(chunks->environments.items[i]);
    vector_release(&chunks->environments);
    free(chunks);
}

static struct kept_chunks *kept_by(struct input_chunks *chunks, uint32_t environment)
{
    while (chunks->environments.count <= environment)
        vector_push(&chunks->environments, NULL);
    struct kept_chunks **kept = &chunks->environments.items[environment];
    if (!*kept)
        *kept = memory_new(1, sizeof **kept);
    return *kept;
}

/* ---- Pieces ------------------------------------------------------------------------------------
 */

/* A piece of an input: of each dimension so many from `begin` on, `stride` bytes apart. */
struct piece {
    uint32_t input, rank;
    uint64_t bytes; /* of the input */
    uint64_t begin[WK_MAX_RANK], count[WK_MAX_RANK], stride[WK_MAX_RANK];
    struct kept_chunks *kept;
    uint64_t *clock;
    struct input_load load;
};

static void use_chunk(struct piece *piece, uint64_t number)
{
    struct kept_chunks *kept = piece->kept;
    uint64_t key = ((uint64_t)piece->input << 32 | number) + 1;
    uint32_t place = 0;
    for (uint32_t i = 0; i < INPUT_CHUNKS_KEPT && kept->keys[place] != key; i++)
        if (kept->keys[i] == key || kept->used[i] < kept->used[place])
            place = i;
    if (kept->keys[place] != key) {
        uint64_t left = piece->bytes - number * INPUT_CHUNK;
        piece->load.bytes += left < INPUT_CHUNK ? left : INPUT_CHUNK;
        piece->load.chunks++;
    }
    kept->keys[place] = key;
    kept->used[place] = ++*piece->clock;
}

/* Elements that are no further apart than a chunk is long leave none out between them. */
static void use_chunks(struct piece *piece, uint32_t dimension, uint64_t offset)
{
    uint64_t last = offset;
    if (dimension < piece->rank && piece->stride[dimension] > INPUT_CHUNK) {
        uint64_t begin = piece->begin[dimension];
        for (uint64_t i = begin; i < begin + piece->count[dimension]; i++)
            use_chunks(piece, dimension + 1, offset + i * piece->stride[dimension]);
        return;
    }
    for (uint32_t d = dimension; d < piece->rank; d++) {
        offset += piece->begin[d] * piece->stride[d];
        last += (piece->begin[d] + piece->count[d] - 1) * piece->stride[d];
    }
    last += piece->rank > 0 ? piece->stride[piece->rank - 1] - 1 : 0;
    for (uint64_t n = offset / INPUT_CHUNK; n <= last / INPUT_CHUNK; n++)
        use_chunk(piece, n);
}

/* The whole of an input; false: its extents are not known. */
static bool whole_input(const struct dag_input *input, struct piece *piece)
{
    if (input->rank == 0 || input->scalar >= WK_SCALAR_COUNT)
        return false;
    piece->rank = input->rank;
    piece->bytes = wk_scalar_bytes((enum wk_scalar)input->scalar);
    for (uint32_t d = input->rank; d-- > 0;) {
        if (input->extents[d] < 0 || piece->bytes > (uint64_t)1 << 48)
            return false;
        piece->stride[d] = piece->bytes;
        piece->count[d] = (uint64_t)input->extents[d];
        piece->bytes *= piece->count[d];
    }
    return true;
}

static bool select_piece(const struct dag *dag, const struct dag_view *view, struct piece *piece)
{
    const int64_t *pair = dag->view_words + view->first_word + view->rank;
    if (view->source_rank != 0 && view->source_rank != piece->rank)
        return false;
    for (uint32_t d = 0; d < view->source_rank; d++, pair += 2) {
        piece->begin[d] = (uint64_t)pair[0];
        piece->count[d] = pair[1] < 0 ? 1 : (uint64_t)pair[1];
        if (pair[0] < 0 || (piece->begin[d] + piece->count[d]) * piece->stride[d] > piece->bytes)
            return false;
    }
    for (uint32_t d = 0; d < piece->rank; d++)
        if (piece->count[d] == 0)
            piece->rank = 0, piece->bytes = 0;
    return true;
}

struct input_load input_chunks_read(struct input_chunks *chunks, uint32_t environment, dag_ref ref)
{
    const struct dag *dag = chunks->dag;
    struct piece piece = {.input = dag_ref_source(ref) - DAG_INPUT, .clock = &chunks->clock};
    bool is_known = whole_input(&dag->inputs[piece.input], &piece) &&
                    select_piece(dag, &dag->views[dag_ref_view(ref)], &piece);
    if (!is_known) {
        uint64_t bytes = dag_ref_bytes(dag, ref);
        return (struct input_load){bytes, (bytes + INPUT_CHUNK - 1) / INPUT_CHUNK};
    }
    if (piece.bytes == 0)
        return (struct input_load){0};
    piece.kept = kept_by(chunks, environment);
    use_chunks(&piece, 0, 0);
    return piece.load;
}

uint64_t input_span_bytes(const struct dag *dag, dag_ref ref)
{
    enum { GAP_BYTES = 16 << 10 };
    struct piece piece = {.input = dag_ref_source(ref) - DAG_INPUT};
    uint64_t span, rows = 1;
    if (!whole_input(&dag->inputs[piece.input], &piece) ||
        !select_piece(dag, &dag->views[dag_ref_view(ref)], &piece) || piece.rank == 0)
        return dag_ref_bytes(dag, ref);
    span = piece.stride[piece.rank - 1];
    for (uint32_t d = piece.rank; d-- > 0;) {
        if (rows == 1 && (piece.count[d] == 1 || piece.stride[d] - span <= GAP_BYTES))
            span += (piece.count[d] - 1) * piece.stride[d];
        else
            rows *= piece.count[d];
    }
    return rows * span;
}
