/*
 * A store of this run's own: a redis-server on 127.0.0.1, which ends with it.
 */
#ifndef WKC_COMMAND_LOCAL_STORE_H
#define WKC_COMMAND_LOCAL_STORE_H

#include <sys/types.h>

#include "base/error.h"

struct local_store {
    pid_t process; /* 0: none */
    char address[40];
};

/* Starts it, and waits until it answers. 0, or ERR_redis_missing, or ERR_redis_failed. */
int local_store_start(struct local_store *store, struct error *error);
/* Ends it and waits for its end. Harmless when it was not started. */
void local_store_stop(struct local_store *store);

/* To an error of a server that does not start: that few files may be open at once, if so. */
int hint_few_files(struct error *error);

#endif
