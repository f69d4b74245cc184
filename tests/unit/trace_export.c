/* The exported trace, read by another reader of JSON, and its text for a small job. */
#include <jansson.h>

#include "synthetic.h"
#include "test.h"
#include "trace/trace.h"

static json_t *event_at(json_t *root, size_t index)
{
    return json_array_get(json_object_get(root, "traceEvents"), index);
}

static const char *text_of(json_t *event, const char *key)
{
    return json_string_value(json_object_get(event, key));
}

static void a_trace_is_json_with_a_track_for_each_worker(void)
{
    struct synthetic s;
    struct buffer out = {0};
    synthetic_begin(&s);
    uint32_t a = synthetic_node(&s, NULL, 0), b = synthetic_node(&s, &a, 1);
    synthetic_end(&s, &b, 1);
    struct trace *trace = trace_new();
    trace_begin(trace, 2);
    trace_task(trace, 0, 0, 1000, 2500);
    trace_task(trace, 1, 1, 3000, 3001);
    trace_export(trace, &s.dag, &out);
    json_t *root = json_loadb(out.data, out.length, 0, NULL);
    CHECK(root != NULL);
    CHECK_INT(json_array_size(json_object_get(root, "traceEvents")), 1 + 2 + 2);
    CHECK_TEXT(text_of(event_at(root, 1), "name"), "thread_name");
    CHECK_INT(json_integer_value(json_object_get(event_at(root, 2), "tid")), 1);
    json_t *first = event_at(root, 3), *second = event_at(root, 4);
    CHECK_TEXT(text_of(first, "ph"), "X");
    CHECK_TEXT(text_of(first, "name"), "hash");
    CHECK(json_number_value(json_object_get(first, "ts")) == 1.0);
    CHECK(json_number_value(json_object_get(first, "dur")) == 1.5);
    CHECK_INT(json_integer_value(json_object_get(second, "tid")), 1);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(second, "args"), "node")), 1);
    CHECK_TEXT(text_of(json_object_get(second, "args"), "call"), "synthetic.wk:1:1");
    json_t *profile = json_object_get(root, "wkc");
    size_t number =
        (size_t)json_integer_value(json_object_get(json_object_get(first, "args"), "task"));
    json_t *task = json_array_get(json_object_get(profile, "tasks"), number);
    CHECK_INT(json_integer_value(json_object_get(profile, "version")), TRACE_VERSION);
    CHECK_TEXT(text_of(task, "name"), "hash");
    CHECK_TEXT(text_of(task, "formula"), "");
    CHECK(json_object_get(json_object_get(first, "args"), "estimate") == NULL);
    json_decref(root);
    buffer_release(&out);
    trace_free(trace);
    trace_free(NULL);
    synthetic_release(&s);
}

TEST_MAIN(TEST(a_trace_is_json_with_a_track_for_each_worker))
