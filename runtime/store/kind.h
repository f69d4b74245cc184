/*
 * What a kind of store is made of: how it opens, and what all kinds share for answering. Private to
 * this folder.
 */
#ifndef WKC_STORE_KIND_H
#define WKC_STORE_KIND_H

#include "store/store.h"

/* Opens a store of a kind at what follows the scheme of its address. The options are complete. */
int store_open_memory(const char *address, const struct store_options *options,
                      struct store **store, struct error *error);
int store_open_fault(const char *address, const struct store_options *options, struct store **store,
                     struct error *error);
int store_open_latency(const char *address, const struct store_options *options,
                       struct store **store, struct error *error);
int store_open_redis(const char *address, const struct store_options *options, struct store **store,
                     struct error *error);
int store_open_redis_tls(const char *address, const struct store_options *options,
                         struct store **store, struct error *error);

/* Fills the common part. */
void store_init(struct store *store, const struct store_operations *operations,
                const struct store_options *options);

/* Milliseconds of the monotonic clock. */
uint64_t store_clock(void);

/* Memory for the answer, aligned to 64 bytes, freed by store_request_release; not zeroed. NULL when
 * there is none: values may be larger than any memory. */
void *store_reply_memory(struct store_request *request, size_t bytes);
/* The same for the small: zeroed, and never NULL. */
void *store_reply_array(struct store_request *request, size_t count, size_t size);

/* A copy of the bytes as part of the answer; false when memory ran out. */
bool store_reply_copy(struct store_request *request, const void *data, size_t size,
                      struct store_bytes *copy);

/* Answers the request: code, error and reply stand there. */
void store_answer(struct store *store, struct store_request *request);
/* Answers it with an error. */
void store_fail(struct store *store, struct store_request *request, enum error_code code,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The errors that mean the same in all kinds; the code, with request->error filled. */
int store_set_missing(struct store_request *request);
int store_set_job_exists(const struct store *store, struct store_request *request);

/* The bytes of the request's spans in all. */
size_t store_spans_size(const struct store_request *request);

#endif
