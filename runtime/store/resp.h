/*
 * RESP, the protocol of Redis and Valkey, version 2: reading replies from bytes as they come. Any
 * bytes may come: what is no reply is told apart from what is not complete yet, and nothing is
 * believed about lengths before they are checked.
 */
#ifndef WKC_STORE_RESP_H
#define WKC_STORE_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"

enum resp_type {
    RESP_TEXT,    /* +, a short status */
    RESP_ERROR,   /* -, a message that begins with its kind in capitals */
    RESP_INTEGER, /* : */
    RESP_BULK,    /* $, bytes */
    RESP_NULL,
    RESP_ARRAY, /* * */
};

struct resp {
    enum resp_type type;
    int64_t integer;
    const char *text; /* TEXT, ERROR, BULK: in the buffer that was read; not terminated */
    size_t length;
    uint32_t first, count; /* ARRAY: its items, in the reader's nodes */
};

/* Reads one reply after the other; the nodes of the last stand here. */
struct resp_reader {
    VECTOR(struct resp) nodes; /* the reply is the first */
};

enum resp_outcome { RESP_READ, RESP_INCOMPLETE, RESP_NONSENSE };

/* Reads the reply at the start of `data`. When it is complete, *used is its size. */
enum resp_outcome resp_read(struct resp_reader *reader, const char *data, size_t length,
                            size_t *used);
/* Reads "$LENGTH\r\n" alone. */
enum resp_outcome resp_read_bulk_head(const char *data, size_t length, size_t *used,
                                      size_t *bulk_length);
void resp_release(struct resp_reader *reader);

/* The i-th item of an array; a null where there is none. */
const struct resp *resp_item(const struct resp_reader *reader, const struct resp *array,
                             uint32_t i);

/* Whether a text, bulk or error begins with these characters. */
bool resp_begins(const struct resp *reply, const char *text);
/* A number: an integer, or a bulk or text of decimal digits. False if it is none. */
bool resp_number(const struct resp *reply, int64_t *number);

#endif
