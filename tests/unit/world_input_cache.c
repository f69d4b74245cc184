/* Parts of inputs that are kept for other readers: which, how long, and how many. */
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "test.h"
#include "world/input_cache.h"

/* Nodes 0 to 2 read one part, 3 and 4 another, 5 and 6 a third; the part of 7 has one reader, that
 * of 8 and 9 is small. */
static const char text[] =
    "task t0 \"\" \"\" \"(f64[_],)\" -> \"\" leaves=0\n"
    "task t1 \"f\" \"f\" \"(a: f64[_, _],)\" -> \"f64\" leaves=1 !\"p.wk\":1:1+1\n"
    "input i0 \"a\" f64[1000, 1000]\n"
    "scope s0 \"main\" s0 !\"p.wk\":1:1+1\n"
    "n0 = t1 s0 (i0:f64[100, 100]{0+100, 0+100}) !\"p.wk\":1:1+1\n"
    "n1 = t1 s0 (i0:f64[100, 100]{0+100, 0+100}) !\"p.wk\":1:1+1\n"
    "n2 = t1 s0 (i0:f64[100, 100]{0+100, 0+100}) !\"p.wk\":1:1+1\n"
    "n3 = t1 s0 (i0:f64[100, 100]{0+100, 100+100}) !\"p.wk\":1:1+1\n"
    "n4 = t1 s0 (i0:f64[100, 100]{0+100, 100+100}) !\"p.wk\":1:1+1\n"
    "n5 = t1 s0 (i0:f64[100, 100]{100+100, 0+100}) !\"p.wk\":1:1+1\n"
    "n6 = t1 s0 (i0:f64[100, 100]{100+100, 0+100}) !\"p.wk\":1:1+1\n"
    "n7 = t1 s0 (i0:f64[100, 100]{300+100, 0+100}) !\"p.wk\":1:1+1\n"
    "n8 = t1 s0 (i0:f64[10, 100]{300+10, 0+100}) !\"p.wk\":1:1+1\n"
    "n9 = t1 s0 (i0:f64[10, 100]{300+10, 0+100}) !\"p.wk\":1:1+1\n"
    "n10 = t0 s0 (gather[10](n0:f64, n1:f64, n2:f64, n3:f64, n4:f64, n5:f64, n6:f64, n7:f64, "
    "n8:f64, n9:f64)) !\"p.wk\":1:1+1\n";

enum { PART_BYTES = 100 * 100 * 8 };

static struct dag dag;
static struct memory_account account;
static _Atomic(uint32_t) stop;
static struct context context;
static struct input_cache *cache;

static void begin(uint64_t limit)
{
    struct error error;
    if (dag_parse(&dag, text, sizeof text - 1, &error))
        bug("%s", error.message);
    memory_account_init(&account, 0);
    context_init(&context, &account, &stop);
    cache = input_cache_new(&dag, limit);
    CHECK(cache != NULL);
}

static void end(void)
{
    input_cache_free(cache, &context);
    context_release(&context);
    CHECK_INT(account.used, 0); /* each block was given back once */
    dag_release(&dag);
}

static dag_ref ref_of(uint32_t node)
{
    return dag.refs[dag.nodes[node].first_ref];
}

/* What a worker does for a node: whether the part was there. A new part holds the node's number. */
static bool read_part(uint32_t node, uint64_t *maker)
{
    struct wk_block *block = input_cache_take(cache, ref_of(node));
    bool found = block != NULL;
    if (!found) {
        block = context_new_array(&context, WK_F64, 2, (int64_t[]){100, 100});
        *(uint64_t *)block_data(block) = node;
        input_cache_offer(cache, ref_of(node), block, &context);
    }
    *maker = *(uint64_t *)block_data(block);
    context_drop(&context, block);
    return found;
}

static void parts_are_kept_until_their_last_reader(void)
{
    uint64_t maker;
    begin(10 * PART_BYTES);
    CHECK(!read_part(0, &maker));
    CHECK(!read_part(3, &maker));
    CHECK(read_part(1, &maker) && maker == 0);
    CHECK(read_part(4, &maker) && maker == 3);
    CHECK(read_part(2, &maker) && maker == 0);
    CHECK(!read_part(0, &maker)); /* a task that is run again */
    CHECK(!read_part(1, &maker));
    end();
}

static void others_are_not_kept(void)
{
    uint64_t maker;
    begin(10 * PART_BYTES);
    for (uint32_t node = 7; node < 10; node++) {
        CHECK(!read_part(node, &maker));
        CHECK(!read_part(node, &maker));
    }
    end();
    begin(PART_BYTES - 1);
    CHECK(!read_part(0, &maker));
    CHECK(!read_part(1, &maker));
    end();
}

static void the_oldest_makes_room(void)
{
    uint64_t maker;
    begin(2 * PART_BYTES);
    CHECK(!read_part(0, &maker));
    CHECK(!read_part(3, &maker));
    CHECK(read_part(1, &maker)); /* now 3's part is the one not used for longest */
    CHECK(!read_part(5, &maker));
    CHECK(!read_part(4, &maker));
    CHECK(read_part(2, &maker) && maker == 0);
    CHECK(read_part(6, &maker) && maker == 5);
    end();
}

static void two_that_miss_read_both(void)
{
    begin(10 * PART_BYTES);
    struct wk_block *blocks[2];
    for (int i = 0; i < 2; i++) {
        CHECK(input_cache_take(cache, ref_of(0)) == NULL);
        blocks[i] = context_new_array(&context, WK_F64, 2, (int64_t[]){100, 100});
    }
    for (int i = 0; i < 2; i++)
        input_cache_offer(cache, ref_of(0), blocks[i], &context);
    struct wk_block *third = input_cache_take(cache, ref_of(0));
    CHECK(third == blocks[0]);
    context_drop(&context, third);
    for (int i = 0; i < 2; i++)
        context_drop(&context, blocks[i]);
    end();
}

/* Threads with contexts of their own take and offer all parts again and again. */
enum { TURNS = 2000 };

static void *read_all(void *argument)
{
    struct context own;
    uint64_t state = (uintptr_t)argument;
    context_init(&own, &account, &stop);
    for (int turn = 0; turn < TURNS; turn++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t node = (uint32_t)(state >> 33) % 7;
        struct wk_block *block = input_cache_take(cache, ref_of(node));
        if (!block) {
            block = context_new_array(&own, WK_F64, 2, (int64_t[]){100, 100});
            *(dag_ref *)block_data(block) = ref_of(node);
            input_cache_offer(cache, ref_of(node), block, &own);
        }
        CHECK(*(dag_ref *)block_data(block) == ref_of(node));
        context_drop(&own, block);
    }
    context_release(&own);
    return NULL;
}

static void threads_share_it(void)
{
    pthread_t threads[4];
    begin(2 * PART_BYTES);
    for (uintptr_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, read_all, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    end();
}

static void nothing_that_is_read_twice_needs_no_cache(void)
{
    struct dag small;
    struct error error;
    const char *alone = "task t0 \"\" \"\" \"(f64[_, _],)\" -> \"\" leaves=0\n"
                        "input i0 \"a\" f64[1000, 1000]\n"
                        "scope s0 \"main\" s0 !\"p.wk\":1:1+1\n"
                        "n0 = t0 s0 (i0:f64[1000, 1000]) !\"p.wk\":1:1+1\n";
    CHECK_INT(dag_parse(&small, alone, strlen(alone), &error), 0);
    CHECK(input_cache_new(&small, 1 << 30) == NULL);
    dag_release(&small);
}

TEST_MAIN(TEST(parts_are_kept_until_their_last_reader), TEST(others_are_not_kept),
          TEST(the_oldest_makes_room), TEST(two_that_miss_read_both), TEST(threads_share_it),
          TEST(nothing_that_is_read_twice_needs_no_cache))
