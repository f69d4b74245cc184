/* The variables of a function's process: Lambda's own, and those of its configuration. */
#include <stdarg.h>
#include <string.h>

#include "emulator/internal.h"

static void put(struct buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct buffer *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(out, format, arguments);
    va_end(arguments);
    buffer_putc(out, '\0');
}

static const char *configured(const struct version *version, const char *name)
{
    const char *text = json_string_value(json_object_get(version->configuration, name));
    return text ? text : "";
}

/* Where libraries are looked for. At AWS the system's own folders come first, too. */
static void put_library_path(struct buffer *out, const char *task)
{
    put(out,
        "LD_LIBRARY_PATH=/lib64:/usr/lib64:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:"
        "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:/var/runtime:/var/runtime/lib:%s:%s/lib:"
        "/opt/lib",
        task, task);
}

void environment_variables(const struct environment *environment, struct buffer *out)
{
    const struct version *version = environment->version;
    const struct emulator_access *access = &environment->emulator->access;
    char task[PATH_MAX];
    const char *name;
    json_t *value;
    snprintf(task, sizeof task, "%s/task", environment->folder);
    put(out, "AWS_LAMBDA_RUNTIME_API=%s", environment->api);
    put(out, "AWS_LAMBDA_FUNCTION_NAME=%s", version->function->name);
    put(out, "AWS_LAMBDA_FUNCTION_VERSION=%s", version->name);
    put(out, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%u", version->memory_mb);
    put(out, "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand");
    put(out, "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/%s", version->function->name);
    put(out, "AWS_LAMBDA_LOG_STREAM_NAME=%s", environment->log->stream);
    put(out, "AWS_REGION=%s", access->region);
    put(out, "AWS_DEFAULT_REGION=%s", access->region);
    put(out, "AWS_ACCESS_KEY_ID=%s", access->access_key);
    put(out, "AWS_SECRET_ACCESS_KEY=%s", access->secret_key);
    put(out, "AWS_SESSION_TOKEN=emulated");
    put(out, "AWS_ENDPOINT_URL_LAMBDA=%s", access->endpoint);
    put(out, "LAMBDA_TASK_ROOT=%s", task);
    put(out, "LAMBDA_RUNTIME_DIR=/var/runtime");
    put(out, "_HANDLER=%s", configured(version, "Handler"));
    put(out, "TMPDIR=%s/tmp", environment->folder);
    put(out, "TZ=:UTC");
    put(out, "LANG=en_US.UTF-8");
    put(out, "PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin");
    put_library_path(out, task);
    json_object_foreach(
        json_object_get(json_object_get(version->configuration, "Environment"), "Variables"), name,
        value) put(out, "%s=%s", name, json_string_value(value));
}
