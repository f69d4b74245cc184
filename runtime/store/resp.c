/* Replies of RESP, read from a buffer that may end anywhere; see resp.h. */
#include "store/resp.h"

#include <string.h>

enum { DEPTH = 8, ITEMS = 1 << 20, DIGITS = 20 };
static const int64_t longest_bulk = INT64_C(1) << 30; /* twice what a server would store */

struct cursor {
    struct resp_reader *reader;
    const char *at, *end;
};

/* The line from the cursor to its CR LF. */
static enum resp_outcome read_line(struct cursor *cursor, const char **line, size_t *length)
{
    const char *newline = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
    if (!newline)
        return cursor->end - cursor->at > 1 << 20 ? RESP_NONSENSE : RESP_INCOMPLETE;
    if (newline == cursor->at || newline[-1] != '\r')
        return RESP_NONSENSE;
    *line = cursor->at;
    *length = (size_t)(newline - 1 - cursor->at);
    cursor->at = newline + 1;
    return RESP_READ;
}

static bool parse_number(const char *text, size_t length, int64_t *number)
{
    bool negative = length > 0 && *text == '-';
    uint64_t value = 0;
    if (length == negative || length > DIGITS)
        return false;
    for (size_t i = negative; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    if (value > (uint64_t)INT64_MAX)
        return false;
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static enum resp_outcome read_number(struct cursor *cursor, int64_t *number)
{
    const char *line;
    size_t length;
    enum resp_outcome outcome = read_line(cursor, &line, &length);
    if (outcome != RESP_READ)
        return outcome;
    return parse_number(line, length, number) ? RESP_READ : RESP_NONSENSE;
}

static enum resp_outcome read_bulk(struct cursor *cursor, struct resp *reply)
{
    int64_t length;
    enum resp_outcome outcome = read_number(cursor, &length);
    if (outcome != RESP_READ)
        return outcome;
    if (length < -1 || length > longest_bulk)
        return RESP_NONSENSE;
    reply->type = length < 0 ? RESP_NULL : RESP_BULK;
    if (length < 0)
        return RESP_READ;
    if (cursor->end - cursor->at < length + 2)
        return RESP_INCOMPLETE;
    if (memcmp(cursor->at + length, "\r\n", 2) != 0)
        return RESP_NONSENSE;
    reply->text = cursor->at;
    reply->length = (size_t)length;
    cursor->at += length + 2;
    return RESP_READ;
}

static enum resp_outcome read_reply(struct cursor *cursor, uint32_t node, int depth);

static enum resp_outcome read_array(struct cursor *cursor, struct resp *reply, int depth)
{
    int64_t count;
    enum resp_outcome outcome = read_number(cursor, &count);
    if (outcome != RESP_READ)
        return outcome;
    if (count < -1 || count > ITEMS || depth == DEPTH)
        return RESP_NONSENSE;
    reply->type = count < 0 ? RESP_NULL : RESP_ARRAY;
    if (count <= 0)
        return RESP_READ;
    if (cursor->end - cursor->at < count * 3) /* the shortest item is three bytes */
        return RESP_INCOMPLETE;
    reply->first = (uint32_t)cursor->reader->nodes.count;
    reply->count = (uint32_t)count;
    vector_reserve(&cursor->reader->nodes, count);
    cursor->reader->nodes.count += (size_t)count;
    for (uint32_t i = 0; i < (uint32_t)count && outcome == RESP_READ; i++)
        outcome = read_reply(cursor, reply->first + i, depth + 1);
    return outcome;
}

/* Nodes move while items are read, so a reply is built aside. */
static enum resp_outcome read_reply(struct cursor *cursor, uint32_t node, int depth)
{
    struct resp reply = {0};
    enum resp_outcome outcome = RESP_NONSENSE;
    if (cursor->at == cursor->end)
        return RESP_INCOMPLETE;
    char type = *cursor->at++;
    if (type == '+' || type == '-') {
        reply.type = type == '+' ? RESP_TEXT : RESP_ERROR;
        outcome = read_line(cursor, &reply.text, &reply.length);
    } else if (type == ':') {
        reply.type = RESP_INTEGER;
        outcome = read_number(cursor, &reply.integer);
    } else if (type == '$') {
        outcome = read_bulk(cursor, &reply);
    } else if (type == '*') {
        outcome = read_array(cursor, &reply, depth);
    }
    cursor->reader->nodes.items[node] = reply;
    return outcome;
}

enum resp_outcome resp_read(struct resp_reader *reader, const char *data, size_t length,
                            size_t *used)
{
    struct cursor cursor = {reader, data, data + length};
    reader->nodes.count = 0;
    vector_push(&reader->nodes, (struct resp){0});
    enum resp_outcome outcome = read_reply(&cursor, 0, 0);
    *used = (size_t)(cursor.at - data);
    return outcome;
}

enum resp_outcome resp_read_bulk_head(const char *data, size_t length, size_t *used,
                                      size_t *bulk_length)
{
    struct cursor cursor = {NULL, data + 1, data + length};
    int64_t number;
    if (length == 0)
        return RESP_INCOMPLETE;
    enum resp_outcome outcome = *data == '$' ? read_number(&cursor, &number) : RESP_NONSENSE;
    if (outcome != RESP_READ)
        return outcome;
    if (number < 0 || number > longest_bulk)
        return RESP_NONSENSE;
    *used = (size_t)(cursor.at - data);
    *bulk_length = (size_t)number;
    return RESP_READ;
}

void resp_release(struct resp_reader *reader)
{
    vector_release(&reader->nodes);
}

const struct resp *resp_item(const struct resp_reader *reader, const struct resp *array, uint32_t i)
{
    static const struct resp null = {.type = RESP_NULL};
    if (array->type != RESP_ARRAY || i >= array->count)
        return &null;
    return &reader->nodes.items[array->first + i];
}

bool resp_begins(const struct resp *reply, const char *text)
{
    size_t length = strlen(text);
    bool has_text =
        reply->type == RESP_TEXT || reply->type == RESP_ERROR || reply->type == RESP_BULK;
    return has_text && reply->length >= length && memcmp(reply->text, text, length) == 0;
}

bool resp_number(const struct resp *reply, int64_t *number)
{
    if (reply->type == RESP_INTEGER) {
        *number = reply->integer;
        return true;
    }
    if (reply->type != RESP_BULK && reply->type != RESP_TEXT)
        return false;
    return parse_number(reply->text, reply->length, number);
}
