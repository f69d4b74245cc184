/*
 * CSV in and out; see csv.h.
 *
 * Reading. The table is cut into pieces of some 100 KB, to which the lines belong that begin in
 * them. Threads take the pieces in order. Whoever has one loads it, counts its rows, which vectors
 * do in no time, adds them to those before it, and publishes the sum: so the owner of the next
 * piece knows where in the array its rows go, and both read what they have loaded. The text is
 * never in memory as a whole, nothing of it is loaded twice, and nothing is moved. No thread waits
 * for another for long: rather it counts the other's piece itself.
 *
 * How much memory the array needs is not known before the last piece is counted. Samples of the
 * table tell it well enough, and memory that is asked for and never touched costs nothing. Where
 * they mislead, the pieces without room are counted, and in a second round, now with the right
 * size, all are read.
 *
 * The first mistake of the table is the one reported: a thread that meets one takes no further
 * pieces, nor does any other; those before it have been taken, and are read to their ends. Which
 * line it is, is counted then.
 */
#include "value/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pause.h"
#include "base/sanitizer.h"
#include "value/csv_row.h"
#include "value/semantics.h"
#include "value/value.h"

/* ---- The text -------------------------------------------------------------------------------- */

enum {
    PIECE = 128 << 10,
    TAIL = 4 << 10,
    MOST_THREADS = 64,
    PIECES_A_THREAD = 4,
    SAMPLES = 32,
    LARGE_PAGE = 2 << 20,
    PAGES_AHEAD = 2,
};

/* Pauses until what others should have counted is counted again; with sanitizers, always at once.
 */
#if HAS_ADDRESS_SANITIZER || HAS_THREAD_SANITIZER
enum { PATIENCE = 0 };
#else
enum { PATIENCE = 200 };
#endif
static const uint64_t NOT_COUNTED = UINT64_MAX;

struct csv_reader;

/* A thread's view of the text: some of it in memory, with margins. */
struct window {
    const struct csv_reader *in;
    char *room;
    size_t capacity; /* without margins */
    uint64_t offset; /* of room + CSV_MARGIN in the text */
    size_t length;   /* that is there */
};

struct csv_reader {
    struct csv_source source;
    enum wk_scalar scalar;
    uint8_t rank;
    uint64_t first;  /* behind byte order mark and header */
    int64_t columns; /* of the first row; -1: there is none */
    uint64_t piece_count;
    uint32_t element_bytes;
    char *data;
    uint64_t room;       /* in rows */
    uint64_t page_count; /* large pages that will be needed for sure */

    _Atomic(uint64_t) *before; /* rows before each piece and behind the last, or NOT_COUNTED */
    _Atomic(bool) is_short;    /* there was no room for some piece */
    _Atomic(uint64_t) touched; /* large pages that somebody has, or is about to have, touched */
    _Atomic(uint64_t) next;    /* piece that nobody has taken */
    _Atomic(uint64_t) failed;  /* the first piece with a mistake; UINT64_MAX: none */
    pthread_mutex_t lock;      /* of the error */
    struct error *error;
};

static int refuse_memory(const struct csv_reader *in, struct error *error)
{
    return error_set(error, ERR_out_of_memory, "there is no memory to read '%s'", in->source.name);
}

static int source_read(const struct csv_source *source, uint64_t offset, size_t length, char *out,
                       struct error *error)
{
    if (source->text) {
        memcpy(out, source->text + offset, length);
        return 0;
    }
    while (length > 0) {
        ssize_t got = pread(source->file, out, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", source->name,
                             strerror(errno));
        if (got == 0)
            return error_set(error, ERR_data_changed, "'%s' was changed while the job read it",
                             source->name);
        out += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return 0;
}

static void window_release(struct window *window)
{
    free(window->room);
}

static char *window_text(const struct window *window)
{
    return window->room + CSV_MARGIN;
}

static int window_reserve(struct window *window, size_t length, struct error *error)
{
    if (window->room && length <= window->capacity)
        return 0;
    char *room = memory_try(length + 2 * CSV_MARGIN, 64);
    if (!room)
        return refuse_memory(window->in, error);
    memset(room, 0, CSV_MARGIN);
    if (window->length)
        memcpy(room + CSV_MARGIN, window_text(window), window->length);
    free(window->room);
    window->room = room;
    window->capacity = length;
    return 0;
}

/* Reads on, until `length` bytes or the whole rest of the text are there. Behind them stands a line
 * feed: the end of the last line, if it has none. */
static int window_extend(struct window *window, size_t length, struct error *error)
{
    uint64_t left = window->in->source.length - window->offset;
    length = length < left ? length : (size_t)left;
    int code = window_reserve(window, length, error);
    if (code)
        return code;
    code = source_read(&window->in->source, window->offset + window->length,
                       length - window->length, window_text(window) + window->length, error);
    window->length = length;
    memset(window_text(window) + length, 0, CSV_MARGIN);
    window_text(window)[length] = '\n';
    return code;
}

/* The bytes from an offset on. */
static int window_move(struct window *window, uint64_t offset, size_t length, struct error *error)
{
    window->offset = offset;
    window->length = 0;
    return window_extend(window, length, error);
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* Where a piece begins; the last ends where the text does. */
static uint64_t piece_begin(const struct csv_reader *in, uint64_t piece)
{
    uint64_t begin = in->first + piece * PIECE;
    return begin < in->source.length ? begin : in->source.length;
}

/* Finds the line feed that ends the line at, or around, an address of the window; reads on to it.
 */
static int find_line_end(struct window *window, size_t from, size_t *end, struct error *error)
{
    for (;;) {
        const char *text = window_text(window);
        bool is_all = window->offset + window->length == window->in->source.length;
        const char *found = memchr(text + from, '\n', window->length - from + is_all);
        if (found) {
            *end = (size_t)(found - text);
            return 0;
        }
        from = window->length;
        int code = window_extend(window, 2 * window->length, error);
        if (code)
            return code;
    }
}

/* The lines that begin in a piece; none if `*begin` is not below `*end`, the place of the last line
 * feed of them. */
static int load_piece(struct window *window, uint64_t piece, size_t *begin, size_t *end,
                      struct error *error)
{
    const struct csv_reader *in = window->in;
    uint64_t from = piece_begin(in, piece), to = piece_begin(in, piece + 1);
    uint64_t before = piece > 0; /* a line begins where one ends just before */
    size_t length = (size_t)(to - from + before);
    int code = window_move(window, from - before, length + TAIL, error);
    *begin = *end = 0;
    if (code)
        return code;
    if (before) {
        /* A line that goes on beyond the piece is that of another one, which need not be read. */
        const char *text = window_text(window), *found = memchr(text, '\n', length);
        *begin = *end = found ? (size_t)(found - text) + 1 : length;
    }
    if (*begin >= length)
        return 0;
    return find_line_end(window, length - 1, end, error);
}

static void fail_piece(struct csv_reader *in, uint64_t piece, const struct error *error)
{
    pthread_mutex_lock(&in->lock);
    if (piece < atomic_load(&in->failed)) {
        atomic_store(&in->failed, piece);
        *in->error = *error;
    }
    pthread_mutex_unlock(&in->lock);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static struct csv_lines lines_of(const struct csv_reader *in, const struct window *window,
                                 size_t begin, size_t end, struct error *error)
{
    const char *text = window_text(window);
    return (struct csv_lines){.at = text + begin,
                              .end = text + end,
                              .line_begin = text + begin,
                              .scalar = in->scalar,
                              .columns = in->rank == 1 ? 1 : in->columns,
                              .first_columns = in->columns,
                              .error = error};
}

static int refuse_changed(const struct csv_reader *in, struct error *error)
{
    return error_set(error, ERR_data_changed, "'%s' was changed while the job read it",
                     in->source.name);
}

static uint64_t known_rows(struct csv_reader *in, uint64_t piece)
{
    return atomic_load_explicit(&in->before[piece], memory_order_acquire);
}

/* Publishes the rows behind a piece, when those before it are known and the window has what begins
 * in it. Whatever happens to the file, the reading that follows finds just as many there. */
static int publish_rows(struct csv_reader *in, const struct window *window, uint64_t piece,
                        struct error *error)
{
    uint64_t length = piece_begin(in, piece + 1) - piece_begin(in, piece) + (piece > 0);
    const char *text = window_text(window);
    uint64_t rows = known_rows(in, piece) + csv_count_rows(text, text + length, piece == 0);
    uint64_t found = NOT_COUNTED;
    if (!atomic_compare_exchange_strong(&in->before[piece + 1], &found, rows) && found != rows)
        return refuse_changed(in, error);
    return 0;
}

static int count_piece(struct csv_reader *in, struct window *window, uint64_t piece,
                       struct error *error)
{
    uint64_t from = piece_begin(in, piece), to = piece_begin(in, piece + 1), before = piece > 0;
    int code = window_move(window, from - before, (size_t)(to - from + before), error);
    return code ? code : publish_rows(in, window, piece, error);
}

/* Sees to it that the rows before a piece are known. Mostly they are, or will be in a moment; but
 * whoever has to count them may have lost the processor, and so they are counted here too. */
static int await_rows(struct csv_reader *in, uint64_t piece, struct error *error)
{
    struct window window = {.in = in};
    uint64_t known = piece;
    int code = 0;
    for (int turn = 0; turn < PATIENCE && known_rows(in, piece) == NOT_COUNTED; turn++)
        pause_processor();
    while (known_rows(in, known) == NOT_COUNTED)
        known--;
    while (known < piece && !code)
        code = count_piece(in, &window, known++, error);
    window_release(&window);
    return code;
}

/* Lines before an offset. */
static int count_lines(struct window *window, uint64_t offset, uint64_t *lines, struct error *error)
{
    *lines = 0;
    for (uint64_t from = 0; from < offset; from += PIECE) {
        size_t length = offset - from < PIECE ? (size_t)(offset - from) : PIECE;
        int code = window_move(window, from, length, error);
        if (code)
            return code;
        for (size_t i = 0; i < length; i++)
            *lines += window_text(window)[i] == '\n';
    }
    return 0;
}

/* Says where the mistake is. */
static int place_error(struct window *window, const struct csv_lines *lines, struct error *error)
{
    struct error inner = *error;
    uint64_t line, begin = window->offset + (uint64_t)(lines->line_begin - window_text(window));
    ptrdiff_t column = lines->wrong - lines->line_begin + 1;
    int code = count_lines(window, begin, &line, error);
    if (code)
        return code;
    code = error_set(error, inner.code, "'%s', line %" PRIu64 ", column %td: %s",
                     window->in->source.name, line + 1, column, inner.message);
    return inner.hint[0] ? error_hint(error, "%s", inner.hint) : code;
}

/* The system clears a large page of memory when it is touched first, and two threads that come to
 * it at once would both clear it. So one of them touches it before any comes there. */
static void touch_ahead(struct csv_reader *in, uint64_t bytes)
{
    uint64_t page, wanted = bytes / LARGE_PAGE + 1 + PAGES_AHEAD;
    wanted = wanted < in->page_count ? wanted : in->page_count;
    while ((page = atomic_load(&in->touched)) < wanted)
        if (atomic_compare_exchange_weak(&in->touched, &page, page + 1))
            madvise(in->data + page * LARGE_PAGE, LARGE_PAGE, MADV_POPULATE_WRITE);
}

static int read_piece(struct csv_reader *in, struct window *window, uint64_t piece,
                      struct error *error)
{
    size_t begin, end;
    int code = load_piece(window, piece, &begin, &end, error);
    code = code ? code : await_rows(in, piece, error);
    code = code ? code : publish_rows(in, window, piece, error);
    if (code)
        return code;
    uint64_t before = known_rows(in, piece), behind = known_rows(in, piece + 1);
    if (behind > in->room) {
        atomic_store(&in->is_short, true);
        return 0;
    }
    struct csv_lines lines = lines_of(in, window, begin, end, error);
    uint64_t row_bytes = (uint64_t)lines.columns * in->element_bytes;
    touch_ahead(in, behind * row_bytes);
    /* A file with a header alone has no memory to read into, and C adds nothing to a null pointer.
     */
    if (in->data)
        lines.out = in->data + before * row_bytes;
    code = csv_lines_read(&lines);
    return code ? place_error(window, &lines, error) : 0;
}

static void *work_on_pieces(void *of)
{
    struct csv_reader *in = of;
    struct window window = {.in = in};
    for (;;) {
        struct error error;
        uint64_t piece = atomic_fetch_add(&in->next, 1);
        if (piece >= in->piece_count || piece > atomic_load(&in->failed))
            break;
        if (read_piece(in, &window, piece, &error))
            fail_piece(in, piece, &error);
    }
    window_release(&window);
    return NULL;
}

/* Reads all pieces, in the calling thread and in others; fewer than asked for if the
 * system has no more of them. */
static int read_pieces(struct csv_reader *in)
{
    pthread_t threads[MOST_THREADS];
    uint64_t wanted = in->piece_count / PIECES_A_THREAD, started = 0;
    wanted = wanted < in->source.threads ? wanted : in->source.threads;
    wanted = wanted < MOST_THREADS ? wanted : MOST_THREADS;
    atomic_store(&in->next, 0);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, work_on_pieces, in) == 0)
        started++;
    work_on_pieces(in);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    return atomic_load(&in->failed) == UINT64_MAX ? 0 : (int)in->error->code;
}

/* Of a line that goes beyond the window, which may be very long, a second field is refused at once
 * where there can be but one. */
static int check_long_line(const struct csv_reader *in, struct window *window, struct error *error)
{
    if (in->rank != 1 || memchr(window_text(window), '\n', window->length))
        return 0;
    struct csv_lines lines = lines_of(in, window, 0, window->length, error);
    return csv_check_one_field(&lines) ? place_error(window, &lines, error) : 0;
}

/* Passes the byte order mark and the header, and counts the columns of the first row. */
static int look_ahead(struct csv_reader *in, struct window *window, struct error *error)
{
    size_t begin, end;
    int code = window_move(window, 0, 3, error);
    if (code)
        return code;
    if (window->length == 3 && memcmp(window_text(window), "\xEF\xBB\xBF", 3) == 0)
        in->first = 3;
    code = window_move(window, in->first, TAIL, error);
    code = code ? code : check_long_line(in, window, error);
    code = code ? code : find_line_end(window, 0, &end, error);
    if (code)
        return code;
    struct csv_lines lines = lines_of(in, window, 0, end, error);
    if (csv_has_header(&lines)) {
        if (memchr(lines.at, 0, end))
            return error_set(error, ERR_csv_field, "'%s' is no text: it has a zero byte in it",
                             in->source.name);
        in->first += end < in->source.length - in->first ? end + 1 : end;
    }
    in->piece_count = (in->source.length - in->first + PIECE - 1) / PIECE;
    in->columns = -1;
    for (uint64_t piece = 0; piece < in->piece_count && in->columns < 0; piece++) {
        code = load_piece(window, piece, &begin, &end, error);
        if (code)
            return code;
        lines = lines_of(in, window, begin, end, error);
        in->columns = csv_count_columns(&lines);
    }
    return 0;
}

/* How many rows the table has, by samples of it. */
static int estimate_rows(struct csv_reader *in, struct window *window, uint64_t *rows)
{
    uint64_t length = in->source.length - in->first, found = 0;
    for (uint64_t i = 0; i < SAMPLES; i++) {
        int code = window_move(window, in->first + length / SAMPLES * i, TAIL, in->error);
        if (code)
            return code;
        const char *text = window_text(window);
        found += csv_count_rows(text, text + window->length, i == 0);
    }
    *rows = (uint64_t)((double)found / (SAMPLES * TAIL) * (double)length);
    return 0;
}

/* The bytes of so many rows; false: there are never so many. */
static bool bytes_of_rows(const struct csv_reader *in, uint64_t rows, uint64_t *bytes)
{
    int64_t columns = in->rank == 1 ? 1 : in->columns < 0 ? 0 : in->columns;
    return shape_bytes(2, (int64_t[]){(int64_t)rows, columns}, in->element_bytes, bytes);
}

/* Memory for so many rows, if there is so much, of which some will surely be needed. */
static bool make_room(struct csv_reader *in, uint64_t rows, uint64_t needed_rows)
{
    uint64_t bytes, needed;
    if (!bytes_of_rows(in, rows, &bytes) || !bytes_of_rows(in, needed_rows, &needed))
        return false;
    in->data = bytes ? memory_try(bytes, 64) : NULL;
    if (bytes && !in->data)
        return false;
    in->room = rows;
    in->page_count = needed / LARGE_PAGE;
    atomic_store(&in->touched, 0);
    return true;
}

/* Memory for a few more rows than there seem to be: if that is not to be had, it will be found
 * missing. Small tables are read twice, which is no loss. */
static int make_estimated_room(struct csv_reader *in, struct window *window)
{
    uint64_t rows;
    if (in->piece_count < PIECES_A_THREAD)
        return 0;
    int code = estimate_rows(in, window, &rows);
    if (!code)
        make_room(in, rows + rows / 4, rows);
    return code;
}

/* All pieces once more, now that the number of rows is known. */
static int read_again(struct csv_reader *in)
{
    uint64_t rows = atomic_load(&in->before[in->piece_count]);
    free(in->data);
    in->data = NULL;
    if (!make_room(in, rows, rows))
        return refuse_memory(in, in->error);
    return read_pieces(in);
}

static int read_rows(struct csv_reader *in)
{
    in->before = memory_new(in->piece_count + 1, sizeof *in->before);
    for (uint64_t piece = 1; piece <= in->piece_count; piece++)
        atomic_init(&in->before[piece], NOT_COUNTED);
    int code = read_pieces(in);
    return !code && atomic_load(&in->is_short) ? read_again(in) : code;
}

static int read_table(struct csv_reader *in, int64_t *extents)
{
    struct window window = {.in = in};
    int code = look_ahead(in, &window, in->error);
    code = code ? code : make_estimated_room(in, &window);
    window_release(&window);
    code = code ? code : read_rows(in);
    if (!code) {
        extents[0] = (int64_t)atomic_load(&in->before[in->piece_count]);
        if (in->rank == 2)
            extents[1] = in->columns < 0 ? 0 : in->columns;
    }
    free(in->before);
    return code;
}

int csv_read_array(const struct csv_source *source, const struct type *type, int64_t *extents,
                   void **data, struct error *error)
{
    struct csv_reader in = {.source = *source,
                            .scalar = type->element->scalar,
                            .rank = type->rank,
                            .element_bytes = wk_scalar_bytes(type->element->scalar),
                            .failed = UINT64_MAX,
                            .error = error};
    *data = NULL;
    if (type->rank > 2) {
        error_set(error, ERR_data_rank, "'%s' is a table, but the parameter has %u dimensions",
                  source->name, type->rank);
        return error_hint(error, "a .csv file holds an array of one or two dimensions");
    }
    pthread_mutex_init(&in.lock, NULL);
    int code = read_table(&in, extents);
    pthread_mutex_destroy(&in.lock);
    if (code)
        free(in.data);
    else
        *data = in.data;
    return code;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Prints where the text ends, without a copy; `behind` separates it from the next. */
static void print_element(enum wk_scalar scalar, const char *from, char behind, struct buffer *out)
{
    char *text = buffer_extend(out, SCALAR_TEXT_BYTES);
    char *end = semantics_print(scalar, scalar_load(scalar, from), text);
    *end++ = behind;
    buffer_end_at(out, end);
}

void csv_print_rows(const struct type *type, const uint64_t *words, int64_t first, int64_t end,
                    struct buffer *out)
{
    enum wk_scalar scalar = type->element->scalar;
    uint32_t bytes = wk_scalar_bytes(scalar);
    int64_t columns = type->rank == 2 ? (int64_t)words[2] : 1;
    const char *from = (const char *)(uintptr_t)words[0];
    if (columns > 0 && first > 0) /* a table without elements may have no address */
        from += (uint64_t)first * (uint64_t)columns * bytes;
    for (int64_t row = first; row < end; row++) {
        for (int64_t column = 0; column < columns; column++, from += bytes)
            print_element(scalar, from, column + 1 < columns ? ',' : '\n', out);
        if (columns <= 0)
            buffer_putc(out, '\n');
    }
}
