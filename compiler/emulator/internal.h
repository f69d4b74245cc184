/*
 * What the files of compiler/emulator share.
 *
 * One thread runs it all, driven by epoll: HTTP connections (libmicrohttpd in its external mode),
 * the listening sockets of the environments' Runtime APIs, their log pipes, the nursery's messages
 * and timers. Nothing in it blocks. The way of an invocation:
 *
 *     invoke.c       Invoke is read and checked: a struct invocation
 *     schedule.c     it is admitted (or throttled, or queued), and meets an idle environment
 *     environment.c  environments: started, frozen, thawed, held to their limits, ended
 *     runtime_api.c  what the function's process says: next, response, error
 *     schedule.c     its outcome goes to the client, or to the queue for a retry
 *
 * Times are microseconds of the monotonic clock unless their names say more.
 */
#ifndef WKC_EMULATOR_INTERNAL_H
#define WKC_EMULATOR_INTERNAL_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/vector.h"
#include "emulator/emulator.h"

struct MHD_Daemon;
struct MHD_Connection;
struct MHD_Response;

/* ---- Limits, as AWS documents them --------------------------------------------------------------
 */

enum {
    REQUEST_BODY_LIMIT = 70167211, /* of CreateFunction, with its zip in base64 */
    SYNCHRONOUS_LIMIT = 6 << 20,
    RESPONSE_LIMIT = (6 << 20) + 100,
    UNZIPPED_LIMIT = 250 << 20,
    ZIPPED_LIMIT = 50 << 20,
    LOG_TAIL_BYTES = 4096,
    VARIABLES_LIMIT = 4096,
    INIT_LIMIT_US = 10 * 1000 * 1000,
    EVENT_AGE_SECONDS = 6 * 3600,
    IDENTIFIER_TEXT = 37,
};

/* ---- timer.c --------------------------------------------------------------------------------- */

struct timer {
    void (*fire)(struct timer *timer);
    uint64_t at;
    size_t place; /* in the heap, counted from 1; 0: not set */
};

struct timers {
    VECTOR(struct timer *) heap;
};

/* Sets (or moves) a timer; it fires once. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t at);
void timers_cancel(struct timers *timers, struct timer *timer);
/* Fires what is due. */
void timers_run(struct timers *timers, uint64_t now);
/* When the next is due; UINT64_MAX: none is set. */
uint64_t timers_next(const struct timers *timers);

/* ---- identifier.c: random names, and times as AWS writes them -------------------------------- */

uint64_t clock_now(void);
uint64_t clock_epoch_ms(void);
/* Random bits that are different in each run, for names. */
uint64_t random_bits(void);
void identifier_uuid(char text[IDENTIFIER_TEXT]);
void hexadecimal(char *text, const unsigned char *bytes, size_t count); /* 2 count + 1 characters */
/* "2026-01-31T09:05:00.000+0000" of now. */
void time_text(char text[32]);

/* ---- Functions ------------------------------------------------------------------------------- */

/* A zip and the directory that it was unpacked to; shared by versions and environments. */
struct package {
    unsigned references;
    struct buffer zip;
    char sha256[45]; /* in base64, as AWS shows it */
    char hex[65];
    char *folder;
};

struct invocation;
struct environment;
struct function;

struct invocation_list {
    struct invocation *first, *last;
    size_t count;
};

/* A function as it was between two updates: never changed, so that what runs goes on with what it
 * began with. Owned by its references: the function, invocations and environments. */
struct version {
    struct function *function;
    unsigned references;
    bool retired;  /* no new invocations come: its idle environments end */
    char name[16]; /* "$LATEST" or a number */
    json_t *configuration;
    struct package *package;
    uint32_t memory_mb, timeout_seconds;
    char *arn;                      /* unqualified for $LATEST */
    struct invocation_list pending; /* admitted, and waiting for an environment */
    struct environment *idle;       /* the one that was used last first */
    uint32_t starting, finishing;   /* environments before their first event; after a response */
    struct version *next_starved;   /* of those that wait for an environment's place */
    bool is_starved;
};

struct function {
    struct emulator *emulator;
    struct function *next; /* in the order of names */
    unsigned references;   /* the emulator's, and one of each version */
    bool is_deleted;
    char *name;
    struct version *latest;
    VECTOR(struct version *) published;
    json_t *tags;
    json_t *event_configuration; /* NULL: none */
    char recursive_loop[16];
    int64_t reserved; /* concurrency; -1: shares what is not reserved */
    uint32_t active;  /* admitted invocations without an outcome */
    uint32_t last_version;
    struct invocation_list queue; /* asynchronous events that wait for their turn */
    uint64_t runs, failures;
};

/* ---- Invocations ----------------------------------------------------------------------------- */

/* Bytes shared by an invocation, its duplicates, and the response that carries them. */
struct payload {
    unsigned references;
    size_t length;
    char *data;
};
struct payload *payload_new(struct buffer *bytes); /* takes the bytes */
struct payload *payload_keep(struct payload *payload);
void payload_drop(void *payload);

struct request;

struct invocation {
    struct emulator *emulator;
    struct invocation *next; /* in the one list that it stands in */
    char id[IDENTIFIER_TEXT];
    struct version *version;
    struct payload *payload;
    struct request *request; /* of the client that waits; NULL: asynchronous */
    struct environment *environment;
    struct timer timer; /* of a retry, or of a late duplicate */
    char *client_context, *trace;
    bool wants_log;
    uint32_t attempts;
    uint64_t queued_at, started_at;
    size_t log_start;
};

/* ---- Environments ---------------------------------------------------------------------------- */

enum environment_state {
    ENVIRONMENT_COLD, /* its process is not yet there */
    ENVIRONMENT_INIT, /* before its first `next` */
    ENVIRONMENT_IDLE, /* waits in `next` */
    ENVIRONMENT_BUSY,
    ENVIRONMENT_RESPONDED, /* has answered, and not yet asked for the next event */
    ENVIRONMENT_ENDING,    /* killed, or ended */
};

/* Something that epoll watches. */
struct watch {
    int file; /* -1: nothing */
    void (*ready)(struct watch *watch);
};

/* What a function printed, and Lambda's own lines between. Only the end of a long log is kept. */
struct log {
    struct log *next; /* of the logs of environments that have ended */
    char stream[64];
    char *function;
    struct buffer text;
    size_t dropped; /* bytes before `text` */
    int file;       /* -1: not written */
};

struct environment {
    struct emulator *emulator;
    struct environment *next, **link; /* in the emulator's list */
    struct environment *next_idle;
    struct version *version;
    uint32_t id;
    unsigned connections; /* to its Runtime API, which keep this record alive */
    enum environment_state state;
    bool frozen, lingers, is_asked, is_initialized, is_dead;
    pid_t pid; /* and its process group; 0 before it is there */
    char *folder;
    char api[24]; /* "127.0.0.1:PORT" */
    struct watch listener, output;
    struct request *waiting; /* its `next` */
    struct invocation *invocation;
    struct payload *init_error;
    struct timer timer; /* of the cold start, init's limit, the deadline, or idleness */
    struct log *log;
    int memory_file;        /* /proc/PID/statm */
    const char *killed_for; /* the type of its error when we ended it; NULL: it ended itself */
    char last_id[IDENTIFIER_TEXT]; /* of the event answered last */
    uint64_t started_at, init_us, responded_at, ready_at;
    uint64_t memory_most; /* bytes */
    uint64_t invocations;
};

/* ---- The emulator ---------------------------------------------------------------------------- */

struct counters {
    uint64_t invocations, events, synchronous, dry_runs; /* accepted */
    uint64_t runs, succeeded, failed, throttled, retries, discarded;
    uint64_t dropped, duplicated; /* by our own faults */
    uint64_t cold_starts, timeouts, out_of_memory, crashes;
    uint64_t billed_ms, billed_mb_ms;
    uint64_t bytes_in, bytes_out;
    uint64_t requests, refused;
};

struct emulator {
    struct emulator_options options;
    struct emulator_access access;
    char *texts[4]; /* copies that options and access point to */
    char *root;     /* the directory of everything */
    char account[13];
    int epoll;
    struct watch stop, server, nursery;
    struct MHD_Daemon *daemon;
    struct environment *accepting; /* whose connection is being accepted */
    struct request *waiting;       /* all suspended requests */
    bool has_resumed;              /* one of them since the server's last turn */
    struct timers timers;
    struct timer memory_timer;
    struct signature_checker *signatures;
    pid_t nursery_pid;
    struct function *functions;
    struct version *starved; /* with invocations for which there was no place */
    struct environment *environments;
    struct environment *dead; /* to be freed when no event of this turn can speak of them */
    struct log *logs;         /* of environments that have ended, the last first */
    uint32_t environment_count, log_count, last_environment;
    uint32_t active_unreserved; /* invocations of functions without reserved concurrency */
    int64_t reserved_total;
    uint64_t fault_state; /* of the seeded chance */
    struct counters counters;
    bool stopping;
    int files_most; /* descriptors of this process */
    _Atomic(int) is_running;
    unsigned long thread; /* pthread_t */
};

void emulator_watch(struct emulator *emulator, struct watch *watch);
void emulator_unwatch(struct emulator *emulator, struct watch *watch); /* closes the file */

/* ---- server.c: HTTP -------------------------------------------------------------------------- */

enum request_state { REQUEST_READING, REQUEST_WAITING, REQUEST_ANSWERED };

struct request {
    struct emulator *emulator;
    struct MHD_Connection *connection;
    struct environment *environment; /* whose Runtime API was asked; NULL: the Lambda API */
    struct request *next, **link;    /* of those that wait */
    enum request_state state;
    bool begun, handling, too_large;
    char *uri; /* as sent: path and query */
    const char *method;
    const char *path; /* without escapes and query */
    struct buffer body;
    size_t body_bytes;
    struct MHD_Response *response;
    unsigned status;
    char id[IDENTIFIER_TEXT];
    struct timer timer;
    struct invocation *invocation; /* while the latency of Invoke goes by */
};

int server_start(struct emulator *emulator, struct error *error);
/* Reads and writes what is ready. */
void server_run(struct emulator *emulator);
/* In how many milliseconds server_run must be called at the latest; -1: whenever. */
int server_timeout(const struct emulator *emulator);
void server_stop(struct emulator *emulator);

/* Opens a listening socket of 127.0.0.1: its number, with *port set; or -1 with errno. */
int server_listen(uint16_t wanted, uint16_t *port);
/* Accepts a connection to an environment's Runtime API. 0, or errno (EAGAIN: there is none). */
int server_accept(struct environment *environment);

const char *request_header(const struct request *request, const char *name);
const char *request_query(const struct request *request, const char *name);

/* The request is answered later, by request_answer. */
void request_wait(struct request *request);

/* Responses take the bytes (buffers are empty afterwards) or share the payload. */
struct MHD_Response *response_new(struct buffer *body);
struct MHD_Response *response_text(const char *text);
struct MHD_Response *response_payload(struct payload *payload);
void response_header(struct MHD_Response *response, const char *name, const char *value);
/* Sends the response, which it takes. */
void request_answer(struct request *request, unsigned status, struct MHD_Response *response);
/* Sends a JSON value, which it takes. */
void request_answer_json(struct request *request, unsigned status, json_t *value);

/* ---- api.c: AWS's paths, and its errors ------------------------------------------------------ */

/* A refusal in AWS's shape. `type` is one of its exceptions, which decides the status. */
void refuse(struct request *request, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Throttling: 429 with its reason. */
void refuse_throttled(struct request *request, bool reserved);
void api_handle(struct request *request);

/* ---- signature.c ----------------------------------------------------------------------------- */

struct signature_checker *signature_new(const char *access_key, const char *secret_key);
void signature_release(struct signature_checker *checker);
/* Whether the request is signed as it must be; else it has been refused. */
bool signature_check(struct request *request);

/* ---- package.c ------------------------------------------------------------------------------- */

/* Unpacks a zip below the emulator's directory; takes the bytes. NULL with *error filled when it is
 * no zip or a hostile one. */
struct package *package_new(struct emulator *emulator, struct buffer *zip, struct error *error);
struct package *package_keep(struct package *package);
void package_drop(struct package *package);
/* Makes a copy of the unpacked files (hard links) in a new folder. 0, or errno. */
int package_copy(const struct package *package, const char *folder);
void folder_remove(const char *path);

/* ---- functions.c, configuration.c ------------------------------------------------------------ */

/* The version that a name and qualifier mean; or NULL, and the request has been refused. */
struct version *function_resolve(struct request *request, const char *name, const char *qualifier);
struct function *function_find(const struct emulator *emulator, const char *name);
/* What a text names; parts that it does not give are empty. */
struct function_name {
    char region[32], account[13], name[65], qualifier[129];
};
/* Reads name, ARN or partial ARN. False if it is none of these. */
bool function_parse_name(const char *text, struct function_name *parsed);
/* The same with a qualifier that was given beside it (or NULL), and checked to be of this region and
 * account. False if the request has been refused. */
bool function_name_read(struct request *request, const char *text, const char *qualifier,
                        struct function_name *name);
void function_create(struct request *request);
void function_list(struct request *request);
void function_get(struct request *request, const char *name);
void function_get_configuration(struct request *request, const char *name);
void function_delete(struct request *request, const char *name);
void function_update_code(struct request *request, const char *name);
void function_update_configuration(struct request *request, const char *name);
void function_publish(struct request *request, const char *name);
void function_list_versions(struct request *request, const char *name);
void functions_release(struct emulator *emulator);

struct version *version_keep(struct version *version);
void version_drop(struct version *version);

/* What CreateFunction and UpdateFunctionConfiguration say, checked, as AWS's FunctionConfiguration.
 * `old` is the configuration to change, or NULL. NULL when the request has been refused. */
json_t *configuration_read(struct request *request, const json_t *body, const json_t *old);
/* The body as a JSON object; NULL when the request has been refused. */
json_t *configuration_parse_body(struct request *request);

/* settings.c: concurrency, event-invoke-config, recursion-config, account settings. */
void settings_concurrency(struct request *request, const char *name);
void settings_event_invoke(struct request *request, const char *name);
void settings_recursion(struct request *request, const char *name);
void settings_account(struct request *request);
/* From the event-invoke-config: 2 and six hours when there is none. */
uint32_t settings_retries(const struct function *function);
uint64_t settings_event_age(const struct function *function); /* seconds */

/* ---- invoke.c, json_text.c ------------------------------------------------------------------- */

void invoke_handle(struct request *request, const char *name);
/* Whether a text is one JSON value. */
bool json_text_is_valid(const char *text, size_t length);

/* ---- schedule.c ------------------------------------------------------------------------------ */

/* An accepted invocation: it meets an environment, waits for one, or is throttled. */
void schedule_submit(struct invocation *invocation);
void schedule_submit_later(struct invocation *invocation, uint64_t us);
/* Gives pending invocations to idle environments, and starts environments that are missing. */
void schedule_dispatch(struct version *version);
/* The machine refuses an environment: whoever waited longest hears it, an event waits a little. */
void schedule_no_environment(struct version *version, const char *reason);
/* As many queued events as there is room for; and versions that waited for an environment's place.
 */
void schedule_pump(struct emulator *emulator);
/* The outcome of a run: the function's answer, or an error as the client sees it. Takes the body.
 */
void schedule_succeed(struct invocation *invocation, struct buffer *body);
void schedule_fail(struct invocation *invocation, struct payload *error);
void invocation_free(struct invocation *invocation);
struct invocation *invocation_list_take(struct invocation_list *list);
void invocation_list_append(struct invocation_list *list, struct invocation *invocation);
/* Frees what stands in a list; clients that wait are told that the function is gone. */
void invocation_list_release(struct invocation_list *list);
/* Frees what waits for a retry, at the end of everything. */
void schedule_release(struct emulator *emulator);

/* ---- environment.c, limits.c, runtime_api.c -------------------------------------------------- */

/* Starts an environment for a version. 0; EAGAIN if there is no place for one (then an idle one, if
 * there is one, has been asked to leave); or another errno: the machine has no more to give. */
int environment_start(struct version *version);
void environment_ended(struct environment *environment, int status);
/* The nursery's word: its process is there, or could not be (errno). */
void environment_spawned(struct environment *environment, pid_t pid, int failure);
void environment_deliver(struct environment *environment, struct invocation *invocation);
/* Its process asks for an event. */
void environment_ready(struct environment *environment, struct request *request);
/* Its process has answered. */
void environment_responded(struct environment *environment);
/* It has answered and does not ask for the next event: what waits needs another environment. */
void environment_lingers(struct environment *environment);
/* Ends it: `type` is the error of what runs in it, or NULL. */
void environment_kill(struct environment *environment, const char *type);
void environments_retire(struct version *version);
/* Takes everything away from an environment whose process is gone or never was. */
void environment_bury(struct environment *environment);
/* Frees a record that is dead and that no connection speaks of. */
void environment_free(struct environment *environment);
void environments_release(struct emulator *emulator);
void environment_drain_log(struct environment *environment);
struct environment *environment_find(const struct emulator *emulator, uint32_t id);
/* An error in the shape of Lambda's own: {"errorType": …, "errorMessage": "RequestId: … Error: …"}.
 */
struct payload *environment_error(const struct invocation *invocation, const char *type,
                                  const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The variables of its process, each terminated. */
void environment_variables(const struct environment *environment, struct buffer *out);

void limits_start(struct emulator *emulator);
/* Measures the memory of an environment's processes. */
void limits_sample(struct environment *environment);

void runtime_api_handle(struct request *request);

/* ---- log.c ----------------------------------------------------------------------------------- */

struct log *log_new(struct emulator *emulator, const struct version *version);
void log_append(struct log *log, const char *text, size_t length);
void log_printf(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t log_end(const struct log *log);
/* The last 4 KB since `start`, in base64; to be freed. */
char *log_tail(const struct log *log, size_t start);
/* The environment has ended: the log is kept among the last ones. */
void log_retire(struct emulator *emulator, struct log *log);
void log_free(struct log *log);

/* ---- state.c: what tests and tools ask, below /_wkc/ ----------------------------------------- */

void state_handle(struct request *request);

/* ---- nursery.c ------------------------------------------------------------------------------- */

int nursery_start(struct emulator *emulator, struct error *error);
/* Asks for a process: in `folder`, with the variables (each "NAME=value"), its output to `output`.
 * The answer comes as environment_spawned(). 0, or errno. */
int nursery_spawn(struct emulator *emulator, uint32_t id, const char *folder,
                  const struct buffer *variables, int output);
/* The process has ended and nothing speaks of its number any more. */
void nursery_reap(struct emulator *emulator, pid_t pid);
/* Ends all processes, removes the directory, waits for both. */
void nursery_stop(struct emulator *emulator);

#endif
