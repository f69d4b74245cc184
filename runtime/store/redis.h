/*
 * The parts of the Redis client, which know each other; private to redis*.c.
 *
 * The client is our own: Debian 12's hiredis (0.14) has neither TLS nor cluster mode, and what is
 * needed of RESP is small. A *request* becomes an *operation*: one or more *commands*, each for one
 * slot, perhaps in several rounds. A command stands in exactly one queue: of a connection, to be
 * sent or waiting for its reply; or of those that try again later. Any command may be sent twice:
 * connections break, and slots move.
 *
 * Only the look-up of a server's name blocks.
 *
 *     redis.c             the table of functions; addresses, deadlines, what to poll
 *     redis_step.c        requests as operations: commands of each step, and what their replies
 * mean redis_value.c       values, whole and in chunks redis_job.c         what goes through all
 * shards or all keys: settle, remove, extend, jobs redis_command.c     commands as bytes; keys;
 * scripts redis_connection.c  sockets, TLS, greeting, writing and reading, back-off redis_cluster.c
 * which server has a slot; redirections; which errors are tried again
 */
#ifndef WKC_STORE_REDIS_H
#define WKC_STORE_REDIS_H

#include <sys/uio.h>

#include "base/buffer.h"
#include "base/vector.h"
#include "store/kind.h"
#include "store/resp.h"
#include "store/tls.h"

enum {
    REDIS_SHARDS = 128,       /* hash tags of a job's keys: what one slot holds at least */
    REDIS_JOB_SHARD = 128,    /* the tag of the job's own key */
    REDIS_SLOTS = 16384,      /* of a cluster */
    REDIS_KEY = 160,          /* bytes that any key fits in */
    REDIS_COPIED = 2048,      /* shorter arguments are copied into their command */
    REDIS_STREAMED = 1 << 14, /* longer bulks are read where they belong, not through the buffer */
    REDIS_RECORD = 1 << 14,   /* bytes that TLS is given at once */
    REDIS_BATCH = 64,         /* keys in one script's call */
};

enum redis_script {
    REDIS_JOIN,
    REDIS_READ,
    REDIS_BEAT,
    REDIS_PASSED,
    REDIS_BEGIN,
    REDIS_SETTLE,
    REDIS_COUNT,
    REDIS_LOG,
    REDIS_KEEP,
    REDIS_SCRIPTS
};

struct redis;
struct redis_command;
struct redis_operation;
struct redis_connection;

/* Takes the reply to a command, if it is no error. The command is no longer the operation's, and
 * is freed afterwards. */
typedef void redis_answered(struct redis *redis, struct redis_operation *operation,
                            struct redis_command *command, const struct resp *reply);

struct redis_queue {
    struct redis_command *first, *last;
};

struct redis_command {
    struct redis_command *next, *previous; /* in its queue */
    struct redis_queue *queue;
    struct redis_connection *connection;              /* in whose queue it is */
    struct redis_command *sibling, *previous_sibling; /* of the same operation */
    struct redis_operation *operation;                /* NULL: the client's own */
    redis_answered *answered;                         /* NULL: nobody waits for it any more */
    struct redis_connection *pinned; /* it must go there; NULL: to the owner of its slot */
    uint64_t retry_at;
    uint32_t index;    /* the operation's own: which of its commands */
    uint32_t attempts; /* redirections and failures so far */
    uint16_t slot;
    uint8_t script;    /* REDIS_SCRIPTS: none */
    bool asking;       /* ASKING stands in front of it */
    bool asked;        /* the reply to that has come */
    bool offered;      /* TLS has seen its bytes, and wants the same again */
    bool takes_errors; /* `answered` is told of them */
    bool is_bulk;      /* a long reply is read into memory of the operation */
    bool was_sent;
    uint32_t head_at, head; /* where EVALSHA and the hash stand in its text, and their bytes */
    size_t size, written;   /* of all pieces */
    uint32_t piece_count;
    struct iovec pieces[]; /* in the command's own text, which stands behind, and in the request's
                              memory */
};

struct redis_operation {
    struct redis_operation *next, *previous; /* of all that are under way */
    struct store_request *request;
    struct redis_command *commands;
    uint32_t left;        /* commands without a reply, of this round */
    uint32_t round;       /* the step's own */
    bool was_repeated;    /* a command that is no script has been sent again */
    uint32_t *order;      /* requests on many names: the names by shard */
    char *block;          /* GET: the value */
    uint64_t size, chunk; /* PUT, GET: of the value, and of its chunks */
    uint64_t next_chunk;
    /* Scans: */
    struct redis_connection *node; /* whose keys are scanned */
    char cursor[32];
    uint64_t server_time; /* ms */
    VECTOR(struct store_job) jobs;
};

enum redis_state {
    REDIS_CLOSED, /* until there is a command for it, and `retry_at` */
    REDIS_CONNECTING,
    REDIS_ENCRYPTING, /* the handshake of TLS */
    REDIS_GREETING,   /* AUTH, SELECT */
    REDIS_READY,
};

/* To one server, or the one that listens for notifications. */
struct redis_connection {
    struct redis *redis;
    struct redis_connection *next;
    char host[256], port[8];
    bool listens;
    enum redis_state state;
    int socket;
    struct tls *tls;
    uint32_t events;    /* that epoll watches */
    uint32_t greetings; /* replies of the greeting to come */
    uint32_t failures;  /* since it was last ready */
    uint32_t turn;      /* which of the host's addresses comes next */
    uint64_t retry_at;
    uint64_t progress_at; /* of the last byte read or written */
    struct redis_queue unsent, sent;
    char *input;
    size_t input_start, input_end, input_capacity;
    struct redis_command *streaming; /* the first of `sent`, whose bulk is being read: */
    char *stream_to;
    size_t stream_left; /* with the CR LF */
    bool owns_slots;    /* of the cluster */
};

struct redis {
    struct store store;
    int epoll;
    char host[256], port[8]; /* of the address */
    char *user, *password, *database, *authorities;
    struct tls_context *tls; /* NULL: plain */
    bool is_cluster, wants_slots;
    uint64_t slots_at;                    /* when they were last asked for */
    struct redis_connection *connections; /* the first is the address's */
    struct redis_connection *listener;    /* NULL until somebody watches */
    struct redis_connection **owners;     /* by slot; NULL: not a cluster */
    struct redis_operation *operations;
    struct redis_queue delayed;
    struct store_request *watching; /* chained by `next` */
    bool notified;
    uint64_t next_deadline; /* none is earlier */
    uint64_t silence;       /* ms: a server that is silent for longer is connected to anew */
    char problem[300];      /* the last failure, for who runs out of time; "" when none */
    enum error_code problem_code;
    struct resp_reader reader;
    struct buffer text; /* of the command that is being made */
    enum redis_script script;
    uint32_t head_at;
    VECTOR(struct redis_foreign {
        size_t at;
        const void *data;
        size_t size;
    })
    foreign;                              /* its bytes that stay where they are */
    uint16_t slots[REDIS_SHARDS + 1];     /* by shard */
    char record[REDIS_RECORD];            /* of TLS, that is being written */
    char script_heads[REDIS_SCRIPTS][80]; /* "$7 EVALSHA $40 …" */
    char *script_bodies[REDIS_SCRIPTS];   /* "$4 EVAL $N …" */
};

/* ---- redis_command.c --------------------------------------------------------------------------
 */

/* The texts of the scripts. Tests change them, to see the change caught. */
extern const char *redis_scripts[REDIS_SCRIPTS];

void redis_scripts_init(struct redis *redis);
void redis_scripts_release(struct redis *redis);

uint32_t redis_shard(const struct store_name *name);
/* Keys as texts; their lengths. `chunk` counts from 1; 0 is the value itself. */
size_t redis_key(const struct redis *redis, char key[REDIS_KEY], const struct store_name *name,
                 uint64_t chunk);
uint32_t redis_chunk_shard(const struct store_name *name, uint64_t chunk);
size_t redis_job_key(const struct redis *redis, char key[REDIS_KEY], uint32_t shard,
                     const char *suffix);
uint16_t redis_slot(const char *key, size_t length);

/* A command is made between begin and end, argument by argument, its name first; of a script, the
 * keys, then the arguments. */
void redis_begin(struct redis *redis, uint32_t arguments);
void redis_begin_script(struct redis *redis, enum redis_script script, uint32_t keys,
                        uint32_t arguments);
void redis_text(struct redis *redis, const char *text);
void redis_bytes(struct redis *redis, const void *data, size_t size);
void redis_spans(struct redis *redis, const char *prefix, const struct store_bytes *spans,
                 uint32_t count); /* one argument */
void redis_number(struct redis *redis, uint64_t number);
struct redis_command *redis_end(struct redis *redis, uint16_t slot, redis_answered *answered);

/* After NOSCRIPT: the text of the script takes the place of its hash. */
void redis_command_use_text(struct redis *redis, struct redis_command *command);
/* After ASK: in front of it comes ASKING. */
void redis_command_ask(struct redis_command *command);
/* As it was before it was sent, which it will be again. */
void redis_command_rewind(struct redis_command *command);

void redis_queue_push(struct redis_queue *queue, struct redis_command *command);
void redis_queue_remove(struct redis_command *command);
/* It is no longer its operation's. */
void redis_command_detach(struct redis_command *command);
void redis_command_free(struct redis_command *command);

/* ---- redis_connection.c -----------------------------------------------------------------------
 */

struct redis_connection *redis_connection_new(struct redis *redis, const char *host,
                                              const char *port);
void redis_connection_free(struct redis_connection *connection);
/* Closes it; its commands try again. The problem is told to who runs out of time. */
void redis_connection_break(struct redis_connection *connection, enum error_code code,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, and its commands fail: trying again would not help. */
void redis_connection_refuse(struct redis_connection *connection, enum error_code code,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What happened to its socket (EPOLLIN, …). */
void redis_connection_wake(struct redis_connection *connection, uint32_t events);
/* Opens it if it is needed, and writes what can be written. */
void redis_connection_flush(struct redis_connection *connection, uint64_t now);
/* When it must be looked at again without an event; UINT64_MAX: never. */
uint64_t redis_connection_alarm(const struct redis_connection *connection);

/* ---- redis_cluster.c --------------------------------------------------------------------------
 */

/* Puts a command in the queue of who has its slot. */
void redis_route(struct redis *redis, struct redis_command *command);
/* Tries it again in a while. */
void redis_delay(struct redis *redis, struct redis_command *command);
void redis_retry_due(struct redis *redis, uint64_t now);
/* A command's error: redirection, another try, or the request's failure. The command is freed or
 * queued again. */
void redis_command_refused(struct redis_connection *connection, struct redis_command *command,
                           const struct resp *reply);
void redis_want_slots(struct redis *redis, uint64_t now);
/* CLUSTER SLOTS, and taking its reply; `asked` is who replies. */
struct redis_command *redis_slots_command(struct redis *redis, redis_answered *answered);
void redis_take_slots(struct redis *redis, struct redis_connection *asked,
                      const struct resp *reply);

/* ---- redis_step.c -----------------------------------------------------------------------------
 */

void redis_operation_start(struct redis *redis, struct store_request *request);
/* Sends a command of the operation. */
void redis_operation_send(struct redis *redis, struct redis_operation *operation,
                          struct redis_command *command, uint32_t index);
/* One command less to wait for; true when it was the last of the round. */
bool redis_operation_is_complete(struct redis_operation *operation);
void redis_operation_finish(struct redis *redis, struct redis_operation *operation);
void redis_operation_fail(struct redis *redis, struct redis_operation *operation,
                          enum error_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A reply of a kind that the step does not know. */
void redis_operation_nonsense(struct redis *redis, struct redis_operation *operation);

/* ---- redis_value.c, redis_job.c ---------------------------------------------------------------
 */

void redis_put(struct redis *redis, struct redis_operation *operation);
void redis_get(struct redis *redis, struct redis_operation *operation);
/* Where a bulk of the command's reply is to be read: `length` bytes that begin with `tag`. Their
 * address, with *skip bytes less (a tag that is not part of the value); NULL if it cannot be. */
char *redis_place(struct redis_command *command, char tag, size_t length, size_t *skip);

void redis_settle(struct redis *redis, struct redis_operation *operation);
void redis_scan(struct redis *redis, struct redis_operation *operation);

#endif
