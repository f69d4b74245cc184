/* Logs: what functions print, with Lambda's own lines between. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum { LOG_KEPT = 128 << 10, LOGS_KEPT = 256 };

static int open_file(const struct emulator *emulator, const struct log *log)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s", emulator->options.log_folder, log->function);
    mkdir(emulator->options.log_folder, 0777);
    mkdir(path.data, 0777);
    buffer_printf(&path, "/%s.log", strrchr(log->stream, ']') + 1);
    int file = open(path.data, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    buffer_release(&path);
    return file;
}

struct log *log_new(struct emulator *emulator, const struct version *version)
{
    struct log *log = memory_new(1, sizeof *log);
    time_t now = (time_t)(clock_epoch_ms() / 1000);
    struct tm parts;
    gmtime_r(&now, &parts);
    size_t length = strftime(log->stream, sizeof log->stream, "%Y/%m/%d/", &parts);
    snprintf(log->stream + length, sizeof log->stream - length, "[%s]%016llx%016llx", version->name,
             (unsigned long long)random_bits(), (unsigned long long)random_bits());
    log->function = strdup(version->function->name);
    log->file = emulator->options.log_folder ? open_file(emulator, log) : -1;
    return log;
}

void log_append(struct log *log, const char *text, size_t length)
{
    if (log->file >= 0 && write(log->file, text, length) < 0) {
        close(log->file); /* a full disk ends the file, not the function */
        log->file = -1;
    }
    if (log->text.length + length > 2 * (size_t)LOG_KEPT) { /* the end is kept, moved seldom */
        size_t keep = length >= LOG_KEPT ? 0 : LOG_KEPT - length;
        size_t drop = log->text.length > keep ? log->text.length - keep : 0;
        if (drop)
            memmove(log->text.data, log->text.data + drop, log->text.length - drop);
        log->text.length -= drop;
        log->dropped += drop;
    }
    buffer_append(&log->text, text, length);
}

void log_printf(struct log *log, const char *format, ...)
{
    struct buffer text = {0};
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(&text, format, arguments);
    va_end(arguments);
    log_append(log, text.data, text.length);
    buffer_release(&text);
}

size_t log_end(const struct log *log)
{
    return log->dropped + log->text.length;
}

char *log_tail(const struct log *log, size_t start)
{
    size_t end = log_end(log), from = end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0;
    from = from < start ? start : from;
    from = from < log->dropped ? log->dropped : from;
    char *text = memory_new(1, (size_t)LOG_TAIL_BYTES * 4 / 3 + 8);
    EVP_EncodeBlock((unsigned char *)text,
                    (const unsigned char *)buffer_text(&log->text) + (from - log->dropped),
                    (int)(end - from));
    return text;
}

void log_free(struct log *log)
{
    if (log->file >= 0)
        close(log->file);
    buffer_release(&log->text);
    free(log->function);
    free(log);
}

void log_retire(struct emulator *emulator, struct log *log)
{
    if (log->file >= 0)
        close(log->file);
    log->file = -1;
    log->next = emulator->logs;
    emulator->logs = log;
    if (++emulator->log_count <= LOGS_KEPT)
        return;
    struct log **last = &emulator->logs;
    while ((*last)->next)
        last = &(*last)->next;
    log_free(*last);
    *last = NULL;
    emulator->log_count--;
}
