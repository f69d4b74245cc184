/*
 * Private to client*.c:
 *
 *     client.c         a job's life: submitting, watching, its result, its end
 *     client_result.c  the result's parts, and what is made of them
 *     client_store.c   the store's requests; storing what a job begins with
 *     client_sweep.c   the sweeper, step by step
 *     client_attach.c  a job of another client, as the store has it
 */
#ifndef WKC_WORLD_CLIENT_STATE_H
#define WKC_WORLD_CLIENT_STATE_H

#include "executor/sweep.h"
#include "store/store.h"
#include "value/context.h"
#include "world/bind.h"
#include "world/client.h"
#include "world/pieces.h"

/* What the outcome of a job keeps alive. */
struct client_result {
    struct arena arena; /* names of files in failures, and so on */
    struct memory_account account;
    struct context context;
    struct bind_table table;
    struct binder binder;
    _Atomic(uint32_t) stop;
    uint64_t *slots; /* by part */
    uint64_t *words;
    VECTOR(struct wk_block *) blocks;
    struct pieces pieces; /* of an open result */
    uint64_t pieces_left; /* to be laid out */
    bool is_written;      /* the job's output has the pieces; else they are in one block */
};

struct client {
    const struct client_job *job;
    const struct client_options *options;
    char name[STORE_JOB_NAME + 1];
    struct store *store;
    struct buffer description;
    struct client_result *result;
    uint64_t began;     /* ms */
    bool begun;         /* the store has something of the job */
    bool ended;         /* the job has a status that stands */
    uint64_t logged;    /* bytes of the job's log that were written */
    struct buffer line; /* of it, not yet whole */
    uint32_t invoking;
    uint32_t under_way;   /* requests that were sent and not yet answered */
    uint64_t invocations; /* all that this client has begun */

    struct sweep sweep;
    bool has_sweep; /* it was begun */
    bool is_walking;
    uint64_t watch_began, next_walk; /* ms */
    uint64_t walk_began;
    /* What the walk wants to know, page by page: */
    const struct sweep_name *asked;
    struct sweep_state *states;
    uint32_t asked_count, told;
    uint64_t next_page; /* ms */
    uint64_t unrested;  /* ms of walking that no pause has followed yet */
};

uint64_t client_now(void); /* ms, CLOCK_MONOTONIC */
bool client_is_stopped(const struct client *client);
/* Invokes an executor; and takes the answers that are there: 0, or the first refusal. */
void client_invoke(struct client *client, const struct executor_start *start);
int client_take_invocations(struct client *client, struct error *error);

/* Until the store or the platform answers, or for a while. */
void client_wait_a_while(struct client *client);

/* client_result.c */

struct client_result *client_result_new(const struct client *client);
void client_result_free(struct client_result *result);
/* Binds main's result from the parcel that the job was settled with, or lays it out in pieces:
 * client->result->words, or the job's output. */
int client_take_result(struct client *client, const struct store_bytes *parcel,
                       struct error *error);

/* client_store.c */

/* A request without an answer beyond its code. */
int client_call(struct client *client, struct store_request *request, struct error *error);
/* Creates the job and stores its plan and inputs. */
int client_store_job(struct client *client, struct error *error);

/* client_sweep.c */

/* Once the job is submitted. */
void client_sweep_init(struct client *client);
void client_sweep_release(struct client *client);
/* Does a step of the walk, if one is under way or due. *did says whether there was one. 0; or
 * ERR_job_stuck, and what the store or the platform fail with. */
int client_sweep_step(struct client *client, bool *did, struct error *error);
/* Adds a note to the error: which task the job waits for. */
int client_note_outstanding(struct client *client, struct error *error);

#endif
