/* What executors send each other: payloads, parcels, descriptions, failures; whole, and as
 * nonsense.
 */
#include <stdlib.h>

#include "value/stored.h"
#include "store/store.h"
#include "graph/platform.h"
#include "world/client.h"
#include "world/description.h"
#include "world/failure.h"
#include "world/parcel.h"
#include "world/payload.h"
#include "synthetic.h"
#include "test.h"

static const char job_name[] = "abcdefghijklmnopqrstuvwxyz";

/* ---- Payloads ------------------------------------------------------------------------------- */

static int read_payload(const char *text, struct payload *payload, struct arena *arena)
{
    struct error error;
    int code = payload_read(text, strlen(text), arena, payload, &error);
    CHECK(code == 0 || error.message[0]);
    return code;
}

static void payloads_come_back(void)
{
    struct arena arena;
    struct buffer text = {0};
    struct node_range ranges[] = {{1, 5}, {7, 8}};
    struct want want = {ranges, 2};
    struct payload sent = {.store = "redis://h:1/\"2\"",
                           .hops = 3,
                           .inputs = "abcde",
                           .inputs_length = 5,
                           .description = "",
                           .description_length = 0};
    sent.start = (struct executor_start){.node = 17,
                                         .first = 2,
                                         .end = 9,
                                         .is_stored = true,
                                         .lineage = {0xFEDCBA9876543210, true},
                                         .want = &want};
    memcpy(sent.job, job_name, sizeof job_name);
    payload_write(&sent, &text);
    arena_init(&arena);
    struct payload got;
    CHECK_INT(read_payload(buffer_text(&text), &got, &arena), 0);
    CHECK_TEXT(got.job, job_name);
    CHECK_TEXT(got.store, sent.store);
    CHECK_INT(got.hops, 3);
    CHECK_INT(got.start.node, 17);
    CHECK_INT(got.start.first, 2);
    CHECK_INT(got.start.end, 9);
    CHECK(got.start.is_stored && got.start.lineage.recovers);
    CHECK(got.start.lineage.token == sent.start.lineage.token);
    CHECK(got.start.want == &got.want && want_has(&got.want, 4) && want_has(&got.want, 7));
    CHECK(!want_has(&got.want, 5) && !want_has(&got.want, 8) && !want_has(&got.want, 0));
    CHECK(got.inputs_length == 5 && memcmp(got.inputs, "abcde", 5) == 0);
    CHECK(got.description != NULL && got.description_length == 0);
    arena_release(&arena);
    buffer_release(&text);
}

#define HEAD "{\"wkc\":1,\"job\":\"abcdefghijklmnopqrstuvwxyz\",\"store\":\"mem:x\","
#define TOKEN "\"token\":\"00000000000000ff\","

static void nonsense_is_refused(void)
{
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "17",
        "{",
        "{}",
        "{\"a\":1}",
        "{\"wkc\":2}",
        "{\"wkc\":\"1\"}",
        "{\"wkc\":1}",
        HEAD TOKEN "\"node\":-1}",
        HEAD TOKEN "\"node\":4294967296}",
        HEAD TOKEN "\"node\":1.5}",
        HEAD TOKEN "\"node\":\"1\"}",
        HEAD TOKEN "\"node\":1,\"node\":2}",
        HEAD "\"node\":1}",
        HEAD TOKEN "\"later\":1,\"node\":1}",
        HEAD "\"token\":\"ff\",\"node\":1}",
        HEAD "\"token\":\"00000000000000FG\",\"node\":1}",
        HEAD TOKEN "\"node\":1,\"range\":[3,3]}",
        HEAD TOKEN "\"node\":1,\"range\":[3]}",
        HEAD TOKEN "\"node\":1,\"range\":\"3\"}",
        HEAD TOKEN "\"node\":1,\"want\":[1]}",
        HEAD TOKEN "\"node\":1,\"want\":[5,6,1,2]}",
        HEAD TOKEN "\"node\":1,\"want\":[2,2]}",
        HEAD TOKEN "\"node\":1,\"want\":{}}",
        HEAD TOKEN "\"node\":1,\"inputs\":\"abc\"}",
        HEAD TOKEN "\"node\":1,\"inputs\":\"ab!d\"}",
        HEAD TOKEN "\"node\":1,\"inputs\":7}",
        HEAD TOKEN "\"node\":1,\"recovers\":1}",
        HEAD TOKEN "\"node\":1,\"hops\":-2}",
        "{\"wkc\":1,\"job\":\"abc\",\"store\":\"mem:x\"," TOKEN "\"node\":1}",
        "{\"wkc\":1,\"job\":\"abcdefghijklmnopqrstuvwxy}\",\"store\":\"mem:x\"," TOKEN
        "\"node\":1}",
        HEAD TOKEN "\"node\":1} x",
    };
    struct arena arena;
    struct payload payload;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (read_payload(wrong[i], &payload, &arena) != ERR_bad_event)
            CHECK_TEXT(wrong[i], "refused");
    CHECK_INT(read_payload(HEAD TOKEN "\"node\":1}", &payload, &arena), 0);
    arena_release(&arena);
}

/* ---- Stored leaves and parcels -------------------------------------------------------------- */

struct means {
    struct memory_account account;
    struct context context;
    _Atomic(uint32_t) stop;
};

static void means_open(struct means *m)
{
    memory_account_init(&m->account, 0);
    context_init(&m->context, &m->account, &m->stop);
}

static const struct value_leaf vector = {
    .scalar = WK_F64, .rank = 1, .is_block = true, .words = 2, .element_bytes = 8};
static const struct value_leaf scalar = {.scalar = WK_F64, .words = 1};

static uint64_t new_vector(struct means *m, int64_t count)
{
    struct wk_block *block = context_new_array(&m->context, WK_F64, 1, &count);
    double *data = block_data(block);
    for (int64_t i = 0; i < count; i++)
        data[i] = (double)i;
    return (uintptr_t)data;
}

static void parcels_come_back(void)
{
    struct means m;
    struct buffer parcel = {0};
    struct parcel_entry entry;
    size_t offset = 0;
    bool damaged;
    uint64_t word;
    means_open(&m);
    uint64_t made = new_vector(&m, 3);
    parcel_add(&parcel, 7, 1, &vector, made);
    parcel_add_stored(&parcel, 8, 0);
    parcel_add(&parcel, 9, 2, &scalar, 42);
    CHECK(parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged));
    CHECK(entry.node == 7 && entry.part == 1 && !entry.is_stored);
    CHECK_INT(stored_read(&m.context, &vector, entry.bytes, entry.size, &word), 0);
    CHECK(block_of(word)->extents[0] == 3 && ((double *)(uintptr_t)word)[2] == 2.0);
    context_drop(&m.context, block_of(word));
    CHECK(parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged));
    CHECK(entry.node == 8 && entry.part == 0 && entry.is_stored);
    CHECK(parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged));
    CHECK_INT(stored_read(&m.context, &scalar, entry.bytes, entry.size, &word), 0);
    CHECK_INT(word, 42);
    CHECK(!parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged) && !damaged);
    context_drop(&m.context, block_of(made));
    buffer_release(&parcel);
    context_release(&m.context);
}

/* X2.5 */
static void slices_come_back(void)
{
    static const struct value_leaf matrix = {
        .scalar = WK_F64, .rank = 2, .is_block = true, .words = 3, .element_bytes = 8};
    static const double elements[] = {1, 2, 3, 4, 5, 6};
    struct means m;
    struct buffer parcel = {0};
    struct parcel_entry entry;
    size_t offset = 0;
    bool damaged;
    uint64_t word, seven = 7;
    means_open(&m);
    parcel_add_slice(&parcel, 5, 3, WK_F64, 2, (uint64_t[]){(uintptr_t)elements, 3, 2});
    parcel_add_slice(&parcel, 6, 4, WK_U8, 0, &seven);
    parcel_add_slice(&parcel, 7, 8, WK_F64, 1, (uint64_t[]){(uintptr_t)elements, 0});
    CHECK(parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged));
    CHECK(entry.node == 5 && entry.part == (PARCEL_SLICE | 3) && entry.size == 128 + 48);
    CHECK_INT(stored_read(&m.context, &matrix, entry.bytes, entry.size, &word), 0);
    CHECK(block_of(word)->extents[0] == 3 && block_of(word)->extents[1] == 2);
    CHECK(memcmp((void *)(uintptr_t)word, elements, sizeof elements) == 0);
    context_drop(&m.context, block_of(word));
    CHECK(parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged));
    CHECK(entry.part == (PARCEL_SLICE | 4) && entry.size == 8);
    CHECK(memcmp(entry.bytes, &seven, 8) == 0);
    CHECK(parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged));
    CHECK(entry.part == (PARCEL_SLICE | 8) && entry.size == 128);
    CHECK(!parcel_next(parcel.data, parcel.length, &offset, &entry, &damaged) && !damaged);
    buffer_release(&parcel);
    context_release(&m.context);
}

/* However a parcel is cut, its entries lie within it, and what is missing is told. */
static void parcels_that_are_cut_off(void)
{
    struct means m;
    struct buffer parcel = {0};
    means_open(&m);
    uint64_t made = new_vector(&m, 3);
    parcel_add(&parcel, 7, 1, &vector, made);
    size_t whole = parcel.length;
    parcel_add_stored(&parcel, 8, 0);
    for (size_t length = 0; length < parcel.length; length++) {
        char *copy = memory_new(length + 1, 1);
        struct parcel_entry entry;
        size_t offset = 0;
        bool damaged;
        memcpy(copy, parcel.data, length);
        while (parcel_next(copy, length, &offset, &entry, &damaged))
            CHECK((const char *)entry.bytes + entry.size <= copy + length);
        CHECK_INT(damaged, length != 0 && length != whole);
        free(copy);
    }
    context_drop(&m.context, block_of(made));
    buffer_release(&parcel);
    context_release(&m.context);
}

static void stored_leaves_are_checked(void)
{
    struct means m;
    uint64_t word;
    means_open(&m);
    uint64_t made = new_vector(&m, 3);
    uint64_t size = stored_bytes(&vector, made);
    char *bytes = memory_try(size, WK_ALIGN);
    for (size_t byte = 0; byte < WK_HEADER_BYTES; byte++) {
        stored_write(&vector, made, bytes);
        bytes[byte] ^= 0x41;
        int code = stored_read(&m.context, &vector, bytes, size, &word);
        if (code == 0)
            context_drop(&m.context, block_of(word));
        struct wk_block *header = (struct wk_block *)(void *)bytes;
        bool matters = header->scalar != WK_F64 || header->rank != 1 || header->flags != 0 ||
                       header->bytes != 24 || header->extents[0] != 3;
        CHECK_INT(code, matters ? ERR_bad_stored_value : 0);
    }
    for (uint64_t cut = 0; cut < size; cut++)
        CHECK_INT(stored_read(&m.context, &vector, bytes, cut, &word), ERR_bad_stored_value);
    CHECK_INT(stored_read(&m.context, &scalar, bytes, 7, &word), ERR_bad_stored_value);
    free(bytes);
    context_drop(&m.context, block_of(made));
    context_release(&m.context);
}

/* ---- Descriptions and failures -------------------------------------------------------------- */

static void descriptions_come_back(void)
{
    static const uint64_t numbers[] = {4, 5};
    struct flow_argument arguments[3] = {{.given = true, .word = 9, .extents = {2, 3}},
                                         {.text = "h\xC3\xA9", .length = 3},
                                         {.words = numbers, .extents = {2}}};
    struct flow_file files[] = {{"a b", 17}};
    struct platform platform = *platform_find("emulator");
    platform.concurrency = 3;
    platform.round_trip_ns = 1075000;
    const struct plan_measured measured[] = {{"a", "a", "", "w0", 1, 2.5, 0},
                                             {"b + c", "b.c", "b, c", "(* 2 w0)", 3, 1e9, 7}};
    struct description sent = {.arguments = arguments,
                               .measured = measured,
                               .measured_count = 2,
                               .argument_count = 3,
                               .files = files,
                               .file_count = 1,
                               .max_tasks = 5,
                               .max_steps = 6,
                               .inline_bytes = 7,
                               .grain = 8,
                               .lease_ms = 9,
                               .delay_ms = 10,
                               .without = WITHOUT_TREE,
                               .counts = true,
                               .platform = &platform,
                               .plan_bytes = 123456789,
                               .plan_digest = {1, [31] = 2}};
    memset(sent.program, 'a', DESCRIPTION_DIGEST);
    struct buffer bytes = {0};
    struct description got;
    struct arena arena;
    struct error error;
    arena_init(&arena);
    description_write(&sent, &bytes);
    CHECK_INT(description_read(bytes.data, bytes.length, &arena, &got, &error), 0);
    CHECK_TEXT(got.program, sent.program);
    CHECK(got.argument_count == 3 && got.arguments[0].given && !got.arguments[1].given);
    CHECK(got.arguments[0].word == 9 && got.arguments[0].extents[1] == 3);
    CHECK(got.arguments[1].length == 3 && memcmp(got.arguments[1].text, "h\xC3\xA9", 3) == 0);
    CHECK(got.arguments[2].words[1] == 5);
    CHECK_TEXT(got.files[0].name, "a b");
    CHECK_INT(got.files[0].size, 17);
    CHECK(got.max_tasks == 5 && got.max_steps == 6 && got.inline_bytes == 7 && got.grain == 8);
    CHECK(got.lease_ms == 9 && got.delay_ms == 10 && got.without == WITHOUT_TREE && got.counts);
    CHECK_TEXT(got.platform->name, "emulator");
    CHECK(got.platform->concurrency == 3 && got.platform->round_trip_ns == 1075000);
    CHECK(got.platform->invoke_ns == platform.invoke_ns && got.platform->speed == platform.speed);
    CHECK(got.measured_count == 2 && got.measured[0].ns == 2.5 && got.measured[1].count == 3);
    CHECK_TEXT(got.measured[1].task, "b + c");
    CHECK_TEXT(got.measured[1].symbol, "b.c");
    CHECK_TEXT(got.measured[1].members, "b, c");
    CHECK_TEXT(got.measured[1].formula, "(* 2 w0)");
    CHECK(got.measured[1].ns == 1e9 && got.measured[1].formula_ns == 7);
    CHECK(got.plan_bytes == 123456789 && got.plan_digest[0] == 1 && got.plan_digest[31] == 2);
    for (size_t length = 0; length < bytes.length; length++) {
        char *copy = memory_new(length + 1, 1);
        memcpy(copy, bytes.data, length);
        CHECK_INT(description_read(copy, length, &arena, &got, &error), ERR_bad_description);
        free(copy);
    }
    bytes.data[0]++;
    CHECK_INT(description_read(bytes.data, bytes.length, &arena, &got, &error),
              ERR_bad_description);
    arena_release(&arena);
    buffer_release(&bytes);
}

/* X3.2: what no plan can be made for. */
static void impossible_platforms_are_refused(void)
{
    struct platform platforms[] = {*platform_find("emulator"), *platform_find("emulator")};
    platforms[0].name = "sky";
    platforms[1].concurrency = 0;
    for (int i = 0; i < 2; i++) {
        struct description sent = {.platform = &platforms[i]}, got;
        struct buffer bytes = {0};
        struct arena arena;
        struct error error;
        memset(sent.program, 'a', DESCRIPTION_DIGEST);
        arena_init(&arena);
        description_write(&sent, &bytes);
        CHECK_INT(description_read(bytes.data, bytes.length, &arena, &got, &error),
                  ERR_bad_description);
        CHECK(strstr(error.message, i ? "cut off" : "'sky'") != NULL);
        arena_release(&arena);
        buffer_release(&bytes);
    }
}

static void failures_come_back(void)
{
    const char *log;
    struct error sent, got;
    struct buffer text = {0};
    struct arena arena;
    arena_init(&arena);
    error_set(&sent, ERR_task_failed, "no \"%s\"", "root");
    error_hint(&sent, "try another");
    sent.place = (struct place){"a.wk", 3, 4, 5};
    error_note(&sent, (struct place){"b.wk", 6, 7, 8}, "in f()");
    failure_write(&sent, "f: a\nf: \"b\"\n", &text);
    failure_read(text.data, text.length, &arena, &got, &log);
    CHECK_TEXT(log, "f: a\nf: \"b\"\n");
    CHECK_INT(got.code, ERR_task_failed);
    CHECK_TEXT(got.message, sent.message);
    CHECK_TEXT(got.hint, sent.hint);
    CHECK_TEXT(got.note, sent.note);
    CHECK_TEXT(got.place.file, "a.wk");
    CHECK(got.place.line == 3 && got.place.column == 4 && got.place.length == 5);
    CHECK(got.note_place.line == 6 && got.note_place.length == 8);
    failure_read("{", 1, &arena, &got, &log);
    CHECK_TEXT(log, "");
    CHECK_INT(got.code, ERR_bad_stored_value);
    arena_release(&arena);
    buffer_release(&text);
}

/* ---- The client, alone ---------------------------------------------------------------------- */

/* A platform that accepts invocations and runs nothing; or takes the job from the store. */
struct idle_platform {
    struct remote_platform platform; /* the first member */
    bool removes;
    struct remote_invocation *accepted;
    uint32_t invocations;
};

static void remove_job(const struct remote_invocation *invocation)
{
    struct arena arena;
    struct payload payload;
    struct error error;
    struct store *store;
    struct store_options options = {0};
    arena_init(&arena);
    CHECK_INT(payload_read(invocation->payload.data, invocation->payload.length, &arena, &payload,
                           &error),
              0);
    memcpy(options.job, payload.job, sizeof options.job);
    CHECK_INT(store_open(payload.store, &options, &store, &error), 0);
    struct store_request request = {.step = STORE_REMOVE};
    CHECK_INT(store_call(store, &request), 0);
    store_request_release(&request);
    store_close(store);
    arena_release(&arena);
}

static void idle_invoke(struct remote_platform *platform, struct remote_invocation *invocation)
{
    struct idle_platform *idle = (struct idle_platform *)platform;
    idle->invocations++;
    if (idle->removes)
        remove_job(invocation);
    invocation->next = idle->accepted;
    idle->accepted = invocation;
}

static struct remote_invocation *idle_next(struct remote_platform *platform)
{
    struct idle_platform *idle = (struct idle_platform *)platform;
    struct remote_invocation *invocation = idle->accepted;
    if (invocation)
        idle->accepted = invocation->next;
    return invocation;
}

static void idle_wait(struct remote_platform *platform, const int *descriptors, int count,
                      int timeout)
{
    (void)platform, (void)descriptors, (void)count, (void)timeout;
}

/* Submits a job of two nodes that nobody runs. */
static int run_idle(struct idle_platform *idle, struct error *error)
{
    struct synthetic s;
    struct job_options options = {0};
    struct job_outcome outcome;
    struct arena arena;
    struct type_table types;
    idle->platform = (struct remote_platform){idle_invoke, idle_next, idle_wait, 1 << 20};
    synthetic_begin(&s);
    uint32_t first = synthetic_node(&s, NULL, 0), last = synthetic_node(&s, &first, 1);
    synthetic_end(&s, &last, 1);
    arena_init(&arena);
    type_table_init(&types, &arena);
    wk_kernel *kernels[] = {NULL, synthetic_kernel};
    struct job job = {
        .plan = &s.plan, .kernels = kernels, .result_type = type_parse(&types, "u64[_]")};
    struct client_job client = {.job = &job};
    struct client_options how = {
        .store = "mem:idle", .platform = &idle->platform, .timeout_ms = 60, .job = &options};
    int code = client_run(&client, &how, &outcome, error);
    if (outcome.release)
        outcome.release(&outcome);
    synthetic_release(&s);
    type_table_release(&types);
    arena_release(&arena);
    return code;
}

static void a_job_that_nobody_runs(void)
{
    struct idle_platform idle = {0};
    struct error error;
    CHECK_INT(run_idle(&idle, &error), ERR_job_timeout);
    CHECK(strstr(error.message, "0.06 s") != NULL);
    CHECK_INT(idle.invocations, 1);
}

static void a_job_that_disappears(void)
{
    struct idle_platform idle = {.removes = true};
    struct error error;
    CHECK_INT(run_idle(&idle, &error), ERR_job_lost);
}

TEST_MAIN(TEST(payloads_come_back), TEST(nonsense_is_refused), TEST(parcels_come_back),
          TEST(slices_come_back), TEST(parcels_that_are_cut_off), TEST(stored_leaves_are_checked),
          TEST(descriptions_come_back), TEST(impossible_platforms_are_refused),
          TEST(failures_come_back), TEST(a_job_that_nobody_runs), TEST(a_job_that_disappears))
