/*
 * The client's side of AWS Lambda: functions are created and removed, and executors invoked,
 * through Lambda's API, at AWS or at an emulator.
 *
 * This stands in a shared object of its own, since its HTTP library takes longer to load than most
 * programs to run; deploy_library_load() of command/command.h brings it in.
 */
#ifndef WKC_DEPLOY_DEPLOY_H
#define WKC_DEPLOY_DEPLOY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "lambda/invoke.h"

/* Where, and as whom. */
struct deploy_target {
    const char *endpoint; /* of Lambda's API: "http://127.0.0.1:9001" */
    const char *region;
    const char *access_key, *secret_key;
    const char *session_token; /* or NULL */
};

struct deploy_function {
    const char *name;
    const char *role;         /* its ARN */
    const char *architecture; /* "x86_64", "arm64" */
    const void *zip;
    size_t zip_length;
    uint32_t memory_mb, timeout_s;
};

struct deploy_library {
    /* Creates a function, and waits until it can be invoked. 0, or ERR_deploy_failed with what the
     * service said. */
    int (*create)(const struct deploy_target *target, const struct deploy_function *function,
                  struct error *error);
    /* Removes it; that it is not there is no error. */
    int (*remove)(const struct deploy_target *target, const char *name, struct error *error);
    /* lambda/invoke.h */
    struct invoker *(*invoker_open)(const struct invoke_options *options, struct error *error);
    void (*invoker_close)(struct invoker *invoker);
    struct remote_platform *(*invoker_platform)(struct invoker *invoker);
};

/* The name under which the shared object shows its struct deploy_library. */
#define DEPLOY_ENTRY "wkc_deploy_library"

#endif
