/*
 * What tasks log, on its way to the client: it is stored before anything that was made after it is
 * promised to others, so that a client that sees the job end sees its lines. See remote_state.h.
 */
#include <string.h>

#include "world/remote_state.h"

enum { KEPT_BYTES = 64 << 10 }; /* that wait to be stored */

static void keep_line(void *context, const char *line)
{
    struct remote *remote = context;
    size_t length = strlen(line);
    if (remote->log.length + length + 1 > KEPT_BYTES) {
        remote->log_cut++;
        return;
    }
    buffer_append(&remote->log, line, length);
    buffer_putc(&remote->log, '\n');
}

void remote_log_task(struct remote *remote, uint32_t node, const struct buffer *log)
{
    if (log->length > 0)
        write_task_log(&remote->job->table,
                       &(struct job_options){.log = keep_line, .log_context = remote}, node, log);
}

void remote_log_flush(struct remote *remote, struct remote_step *step)
{
    if (remote->log.length == 0 && remote->log_cut == 0)
        return;
    struct store_request *request = remote_new_request(step, STORE_LOG, (struct store_name){0});
    struct store_bytes *span = remote_step_memory(step, sizeof *span + remote->log.length);
    *span = (struct store_bytes){span + 1, remote->log.length};
    if (remote->log.length)
        memcpy(span + 1, remote->log.data, remote->log.length);
    request->spans = span;
    request->span_count = 1;
    request->count = remote->log_cut;
    remote->log_cut = 0;
    buffer_clear(&remote->log);
    store_send(remote->job->store, request);
}
