/* Payloads; see payload.h. */
#include "world/payload.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

/* ---- Writing ------------------------------------------------------------------------------- */

static void write_base64(struct buffer *out, const char *name, const void *bytes, size_t length)
{
    buffer_printf(out, ",\"%s\":\"", name);
    char *to = buffer_extend(out, 4 * ((length + 2) / 3) + 1); /* the encoder ends it with a zero */
    int written = EVP_EncodeBlock((unsigned char *)to, bytes, (int)length);
    buffer_end_at(out, to + written);
    buffer_putc(out, '"');
}

static void write_want(struct buffer *out, const struct want *want)
{
    buffer_puts(out, ",\"want\":[");
    for (uint32_t i = 0; i < want->count; i++)
        buffer_printf(out, "%s%" PRIu32 ",%" PRIu32, i ? "," : "", want->ranges[i].first,
                      want->ranges[i].end);
    buffer_putc(out, ']');
}

void payload_write(const struct payload *payload, struct buffer *out)
{
    const struct executor_start *start = &payload->start;
    buffer_printf(out, "{\"wkc\":%d,\"job\":\"%s\",\"store\":", PAYLOAD_VERSION, payload->job);
    buffer_json_string(out, payload->store, strlen(payload->store));
    buffer_printf(out, ",\"token\":\"%016" PRIx64 "\",\"node\":%" PRIu32, start->lineage.token,
                  start->node);
    if (payload->hops)
        buffer_printf(out, ",\"hops\":%" PRIu32, payload->hops);
    if (start->lineage.recovers)
        buffer_puts(out, ",\"recovers\":true");
    if (start->first < start->end)
        buffer_printf(out, ",\"range\":[%" PRIu32 ",%" PRIu32 "]", start->first, start->end);
    if (start->is_stored)
        buffer_puts(out, ",\"stored\":true");
    if (start->want)
        write_want(out, start->want);
    if (payload->inputs_length > 0)
        write_base64(out, "inputs", payload->inputs, payload->inputs_length);
    if (payload->description)
        write_base64(out, "description", payload->description, payload->description_length);
    buffer_putc(out, '}');
}

/* ---- Reading ------------------------------------------------------------------------------- */

struct reader {
    struct arena *arena;
    struct payload *payload;
    bool has_version, has_token, has_node;
    struct error *error;
};

static int refuse(struct reader *r, const char *name, const char *why)
{
    return error_set(r->error, ERR_bad_event, "the event's \"%s\" %s", name, why);
}

static bool to_number(const json_t *value, uint32_t *number)
{
    json_int_t integer = json_integer_value(value);
    *number = (uint32_t)integer;
    return json_is_integer(value) && integer >= 0 && integer <= UINT32_MAX;
}

static int read_version(struct reader *r, const char *name, const json_t *value)
{
    (void)name;
    r->has_version = true;
    if (json_is_integer(value) && json_integer_value(value) == PAYLOAD_VERSION)
        return 0;
    error_set(r->error, ERR_bad_event,
              "the event is of another version of wkc: this executor reads %d", PAYLOAD_VERSION);
    return error_hint(r->error, "deploy the function again with the wkc that submits the job");
}

static int read_job(struct reader *r, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    bool good = text && strlen(text) == STORE_JOB_NAME;
    for (size_t i = 0; good && i < STORE_JOB_NAME; i++)
        good = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '2' && text[i] <= '7');
    if (!good)
        return refuse(r, name, "is no name of a job");
    memcpy(r->payload->job, text, STORE_JOB_NAME + 1);
    return 0;
}

static int read_store(struct reader *r, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return refuse(r, name, "is no text");
    r->payload->store = arena_text(r->arena, text, strlen(text));
    return 0;
}

static int read_token(struct reader *r, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return refuse(r, name, "is not 16 hexadecimal digits");
    r->payload->start.lineage.token = strtoull(text, NULL, 16);
    r->has_token = true;
    return 0;
}

static int read_bool(struct reader *r, const char *name, const json_t *value, bool *out)
{
    if (!json_is_boolean(value))
        return refuse(r, name, "is neither true nor false");
    *out = json_is_true(value);
    return 0;
}

static int read_recovers(struct reader *r, const char *name, const json_t *value)
{
    return read_bool(r, name, value, &r->payload->start.lineage.recovers);
}

static int read_stored(struct reader *r, const char *name, const json_t *value)
{
    return read_bool(r, name, value, &r->payload->start.is_stored);
}

static int read_node(struct reader *r, const char *name, const json_t *value)
{
    r->has_node = true;
    return to_number(value, &r->payload->start.node) ? 0 : refuse(r, name, "is no node");
}

static int read_hops(struct reader *r, const char *name, const json_t *value)
{
    return to_number(value, &r->payload->hops) ? 0 : refuse(r, name, "is no count");
}

static int read_range(struct reader *r, const char *name, const json_t *value)
{
    struct executor_start *start = &r->payload->start;
    bool good = json_array_size(value) == 2 && to_number(json_array_get(value, 0), &start->first) &&
                to_number(json_array_get(value, 1), &start->end) && start->first < start->end;
    return good ? 0 : refuse(r, name, "is no range");
}

/* Ranges that are sorted, disjoint and not empty: want_has relies on it. */
static int read_want(struct reader *r, const char *name, const json_t *value)
{
    size_t count = json_array_size(value);
    struct node_range *ranges = arena_array(r->arena, struct node_range, count / 2 + 1);
    bool good = json_is_array(value) && count % 2 == 0;
    uint32_t last = 0;
    for (size_t i = 0; good && i < count / 2; i++) {
        good = to_number(json_array_get(value, 2 * i), &ranges[i].first) &&
               to_number(json_array_get(value, 2 * i + 1), &ranges[i].end) &&
               ranges[i].first >= last && ranges[i].first < ranges[i].end;
        last = ranges[i].end;
    }
    if (!good)
        return refuse(r, name, "is no sorted list of ranges");
    r->payload->want = (struct want){ranges, (uint32_t)(count / 2)};
    r->payload->start.want = &r->payload->want;
    return 0;
}

/* Padding decodes to zero bytes, which are taken off again. */
static int read_base64(struct reader *r, const char *name, const json_t *value, const void **bytes,
                       size_t *length)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (!text || size % 4 != 0 || size > INT32_MAX)
        return refuse(r, name, "is not in base 64");
    unsigned char *out = arena_alloc(r->arena, size / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock(out, (const unsigned char *)text, (int)size);
    if (decoded < 0)
        return refuse(r, name, "is not in base 64");
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    *bytes = out;
    *length = (size_t)decoded - padding;
    return 0;
}

static int read_inputs(struct reader *r, const char *name, const json_t *value)
{
    return read_base64(r, name, value, &r->payload->inputs, &r->payload->inputs_length);
}

static int read_description(struct reader *r, const char *name, const json_t *value)
{
    return read_base64(r, name, value, &r->payload->description, &r->payload->description_length);
}

static const struct {
    const char *name;
    int (*read)(struct reader *reader, const char *name, const json_t *value);
} members[] = {
    {"wkc", read_version},       {"job", read_job},       {"store", read_store},
    {"token", read_token},       {"node", read_node},     {"hops", read_hops},
    {"recovers", read_recovers}, {"range", read_range},   {"stored", read_stored},
    {"want", read_want},         {"inputs", read_inputs}, {"description", read_description},
};

static int read_member(struct reader *r, const char *name, const json_t *value)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].read(r, name, value);
    return error_set(r->error, ERR_bad_event,
                     "the event has a member \"%.40s\", which this executor does not know", name);
}

static int read_object(struct reader *r, json_t *object)
{
    const char *name;
    json_t *value;
    const json_t *version = json_object_get(object, "wkc");
    if (!version)
        return error_set(r->error, ERR_bad_event, "the event is not one of wkc's");
    int code = read_version(r, "wkc", version);
    if (code)
        return code;
    json_object_foreach(object, name, value)
    {
        code = read_member(r, name, value);
        if (code)
            return code;
    }
    if (!r->payload->job[0] || !r->payload->store || !r->has_token || !r->has_node)
        return error_set(r->error, ERR_bad_event,
                         "the event lacks one of \"job\", \"store\", \"token\" and \"node\"");
    return 0;
}

int payload_read(const char *text, size_t length, struct arena *arena, struct payload *payload,
                 struct error *error)
{
    json_error_t wrong;
    *payload = (struct payload){0};
    struct reader reader = {.arena = arena, .payload = payload, .error = error};
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &wrong);
    if (!root)
        return error_set(error, ERR_bad_event, "the event is no JSON: line %d, column %d: %s",
                         wrong.line, wrong.column, wrong.text);
    int code = json_is_object(root) ? read_object(&reader, root)
                                    : error_set(error, ERR_bad_event,
                                                "the event is not one of wkc's: no JSON object");
    json_decref(root);
    return code;
}
