/* wkc emulator: runs the emulator of Lambda until it is told to end. */
#include "command/command.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/installation.h"
#include "emulator/emulator.h"

enum { PORT = 9001, LOOK_SECONDS = 1 };

const struct emulator_library *emulator_library_load(struct error *error)
{
    static const char *const places[] = {"libwkc-emulator.so", "../lib/wkc/libwkc-emulator.so",
                                         "../libwkc-emulator.so", NULL};
    char *path = installation_find(places);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct emulator_library *library = handle ? dlsym(handle, EMULATOR_ENTRY) : NULL;
    if (!library) {
        error_set(error, ERR_emulator_missing, "the emulator cannot be loaded: %s", dlerror());
        error_hint(error, "it stands beside wkc, or in ../lib/wkc: is the installation complete?");
    }
    free(path);
    return library;
}

/* ---- The command line
 * ------------------------------------------------------------------------------- */

static int read_number(const struct options *options, enum option option, uint64_t low,
                       uint64_t high, uint32_t *number, struct error *error)
{
    uint64_t wide;
    if (!options->given[option])
        return 0;
    int code = options_number(options, option, low, high, &wide, error);
    if (!code)
        *number = (uint32_t)wide;
    return code;
}

/* A plain number counts megabytes; 1GiB says what it is. */
static int read_memory(const struct options *options, uint32_t *mb, struct error *error)
{
    uint64_t number;
    if (!options->given[OPTION_MEMORY])
        return 0;
    int code = options_number(options, OPTION_MEMORY, 128, UINT64_C(10240) << 20, &number, error);
    if (!code)
        *mb = (uint32_t)(number > 10240 ? number >> 20 : number);
    return code;
}

/* Splits ID:SECRET, in a copy that the caller frees. */
static int read_credentials(const struct options *options, char **copy, struct emulator_options *to,
                            struct error *error)
{
    const char *text = options->values[OPTION_CREDENTIALS];
    if (!options->given[OPTION_CREDENTIALS])
        return 0;
    const char *colon = strchr(text, ':');
    if (!colon || colon == text || strlen(colon + 1) < 8 || strlen(colon + 1) > 60 ||
        colon - text > 60 || strpbrk(text, " ,") || memchr(text, '/', (size_t)(colon - text))) {
        error_set(error, ERR_bad_option, "'%.100s' is no argument for --credentials", text);
        return error_hint(error, "write ID:SECRET, a secret of 8 to 60 characters");
    }
    *copy = strdup(text);
    (*copy)[colon - text] = '\0';
    to->access_key = *copy;
    to->secret_key = *copy + (colon - text) + 1;
    return 0;
}

static int read_freeze(const struct options *options, bool *run_while_idle, struct error *error)
{
    static const char *const choices[] = {"on", "off", NULL};
    int index = 0;
    int code = options->given[OPTION_FREEZE]
                   ? options_choice(options, OPTION_FREEZE, choices, &index, error)
                   : 0;
    *run_while_idle = index == 1;
    return code;
}

static int read_seed(const struct options *options, uint64_t *seed, struct error *error)
{
    return options->given[OPTION_SEED]
               ? options_number(options, OPTION_SEED, 0, UINT64_MAX, seed, error)
               : 0;
}

static int read_options(const struct options *options, char **copy, struct emulator_options *to,
                        struct error *error)
{
    const struct {
        enum option option;
        uint64_t low, high;
        uint32_t *number;
    } numbers[] = {
        {OPTION_CONCURRENCY, 1, 10000, &to->concurrency},
        {OPTION_COLD_START, 0, 60000, &to->cold_start_ms},
        {OPTION_INVOKE_LATENCY, 0, 60000, &to->invoke_latency_ms},
        {OPTION_IDLE, 1, 86400000, &to->idle_ms},
        {OPTION_RETRY_DELAY, 0, 3600000, &to->retry_ms[0]},
        {OPTION_EVENT_LIMIT, 1, 6 << 20, &to->event_bytes},
        {OPTION_DROP, 0, 100, &to->drop_percent},
        {OPTION_DUPLICATE, 0, 100, &to->duplicate_percent},
    };
    uint32_t port = PORT;
    int code = read_number(options, OPTION_PORT, 0, UINT16_MAX, &port, error);
    for (size_t i = 0; !code && i < sizeof numbers / sizeof numbers[0]; i++)
        code = read_number(options, numbers[i].option, numbers[i].low, numbers[i].high,
                           numbers[i].number, error);
    if (!code)
        code = read_memory(options, &to->memory_mb, error);
    if (!code)
        code = read_credentials(options, copy, to, error);
    if (!code)
        code = read_freeze(options, &to->run_while_idle, error);
    if (!code)
        code = read_seed(options, &to->seed, error);
    to->port = (uint16_t)port;
    to->retry_ms[1] = 2 * to->retry_ms[0];
    to->log_folder = options->given[OPTION_LOGS] ? options->values[OPTION_LOGS] : NULL;
    if (options->given[OPTION_REGION])
        to->region = options->values[OPTION_REGION];
    return code;
}

/* ---- The command
 * ------------------------------------------------------------------------------------ */

/* One line that a program can wait for, and that a shell can evaluate. */
static int announce(const struct options *options, const struct emulator_access *access)
{
    struct buffer text = {0};
    if (options->given[OPTION_JSON])
        buffer_printf(&text,
                      "{\"endpoint\": \"%s\", \"access_key_id\": \"%s\", \"secret_access_key\": "
                      "\"%s\", \"region\": \"%s\", \"pid\": %ld}\n",
                      access->endpoint, access->access_key, access->secret_key, access->region,
                      (long)getpid());
    else
        buffer_printf(&text,
                      "export AWS_ENDPOINT_URL_LAMBDA=%s AWS_ACCESS_KEY_ID=%s "
                      "AWS_SECRET_ACCESS_KEY=%s AWS_DEFAULT_REGION=%s\n",
                      access->endpoint, access->access_key, access->secret_key, access->region);
    int status = write_output(options, &text);
    buffer_release(&text);
    return status;
}

/* Sleeps until a signal, or until the emulator has ended by itself (then false). */
static bool wait_for_end(const struct emulator_library *library, const struct emulator *emulator)
{
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &before);
    while (!interrupted && library->is_running(emulator)) {
        struct timespec look = {.tv_sec = LOOK_SECONDS};
        if (sigtimedwait(&ends, NULL, &look) > 0)
            break;
    }
    bool ended_well = library->is_running(emulator);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ended_well;
}

static int run(const struct options *options, const struct emulator_options *chosen)
{
    struct error error;
    struct emulator *emulator;
    const struct emulator_library *library = emulator_library_load(&error);
    if (!library || library->start(chosen, &emulator, &error))
        return print_error(options, &error, EXIT_MISTAKE);
    int status = announce(options, library->access(emulator));
    if (status == EXIT_DONE && !wait_for_end(library, emulator)) {
        error_set(&error, ERR_emulator_start,
                  "the emulator's process that starts functions was killed");
        status = print_error(options, &error, EXIT_MISTAKE);
    }
    library->stop(emulator);
    return status;
}

int command_emulator(const struct options *options)
{
    struct error error;
    struct emulator_options chosen = EMULATOR_DEFAULTS;
    char *copy = NULL;
    interrupts_hold();
    int status = read_options(options, &copy, &chosen, &error) ? usage_error(options, &error)
                                                               : run(options, &chosen);
    free(copy);
    return status;
}
