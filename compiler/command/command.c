/* What the commands share: messages, exit statuses, output, Ctrl-C. */
#include "command/command.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

_Atomic(uint32_t) interrupted;
static _Atomic(uint32_t) held;

/* ---- Jobs of this process: their grace and their time -------------------------------------------
 */

enum { GRACE_S = 2, LATE = 1, STOPPED = 2 };

/* The last words, by what ended the job; made beforehand, since a signal may not allocate. */
static char last_words[3][512];
static size_t last_words_length[3];
static _Atomic(bool) bounded;
static _Atomic(int) ended_by; /* LATE, STOPPED or 0 */

static void on_interrupt(int signal)
{
    (void)signal;
    if (atomic_exchange(&interrupted, 1) || !atomic_load(&held))
        _exit(EXIT_INTERRUPTED);
    if (atomic_load(&bounded)) {
        atomic_store(&ended_by, STOPPED);
        alarm(GRACE_S);
    }
}

/* The job's time is over, or the grace after it, or after Ctrl-C. */
static void on_alarm(int signal)
{
    (void)signal;
    int by = atomic_load(&ended_by);
    if (by == 0) {
        atomic_store(&ended_by, LATE);
        atomic_store(&interrupted, 1);
        alarm(GRACE_S);
        return;
    }
    ssize_t written = write(STDERR_FILENO, last_words[by], last_words_length[by]);
    (void)written;
    _exit(by == LATE ? EXIT_MISTAKE : EXIT_INTERRUPTED);
}

static void prepare_words(const struct options *options, int by, const struct error *error)
{
    struct diagnostics diagnostics;
    struct buffer text = {0};
    diagnostics_init(&diagnostics);
    diagnose_error(&diagnostics, error, NULL);
    diagnostics_render(&diagnostics, message_form(options), &text);
    size_t length = text.length < sizeof *last_words ? text.length : sizeof *last_words;
    memcpy(last_words[by], text.data, length);
    last_words_length[by] = length;
    buffer_release(&text);
    diagnostics_release(&diagnostics);
}

int interrupts_late(uint64_t timeout_ms, struct error *error)
{
    error_set(error, ERR_job_timeout, "the job took longer than %g s", (double)timeout_ms / 1e3);
    return error_hint(error, "give it more with --timeout, or see with --stats where it was");
}

void interrupts_bound(const struct options *options, uint64_t timeout_ms)
{
    struct error error;
    error_set(&error, ERR_interrupted, "the job was stopped before its end, a task in the middle");
    prepare_words(options, STOPPED, &error);
    interrupts_late(timeout_ms, &error);
    prepare_words(options, LATE, &error);
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    atomic_store(&bounded, true);
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)(timeout_ms / 1000),
                                           .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool interrupts_unbound(void)
{
    atomic_store(&bounded, false);
    alarm(0);
    return atomic_load(&ended_by) == LATE;
}

void interrupts_hold(void)
{
    atomic_store(&held, 1);
}

void interrupts_catch(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* Writing fails, with an error that is reported, instead of ending the process. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

enum diagnostic_format message_form(const struct options *options)
{
    if (options->given[OPTION_DIAGNOSTICS] &&
        strcmp(options->values[OPTION_DIAGNOSTICS], "json") == 0)
        return DIAGNOSTIC_JSON;
    /* What stands beside remarks on the same stream is to be read by the same program. */
    if (!options->given[OPTION_DIAGNOSTICS] && options->given[OPTION_REMARKS] &&
        strcmp(options->values[OPTION_REMARKS], "json") == 0)
        return DIAGNOSTIC_JSON;
    const char *colour = options->given[OPTION_COLOUR] ? options->values[OPTION_COLOUR] : "auto";
    if (strcmp(colour, "always") == 0)
        return DIAGNOSTIC_COLOUR;
    const char *terminal = getenv("TERM");
    bool may =
        isatty(STDERR_FILENO) && !getenv("NO_COLOR") && terminal && strcmp(terminal, "dumb") != 0;
    return strcmp(colour, "auto") == 0 && may ? DIAGNOSTIC_COLOUR : DIAGNOSTIC_PLAIN;
}

void print_diagnostics(const struct options *options, const struct diagnostics *diagnostics)
{
    struct buffer text = {0};
    diagnostics_render(diagnostics, message_form(options), &text);
    if (text.length)
        fwrite(text.data, 1, text.length, stderr);
    buffer_release(&text);
}

int print_error(const struct options *options, const struct error *error, int status)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    diagnose_error(&diagnostics, error, NULL);
    print_diagnostics(options, &diagnostics);
    diagnostics_release(&diagnostics);
    return status;
}

int usage_error(const struct options *options, const struct error *error)
{
    return print_error(options, error, EXIT_USAGE);
}

/* Options whose texts are checked in the same way by every command. */
static int check_choices(const struct options *options, struct error *error)
{
    static const char *const forms[] = {"text", "json", NULL};
    static const char *const colours[] = {"auto", "always", "never", NULL};
    int index, code = 0;
    if (options->given[OPTION_DIAGNOSTICS])
        code = options_choice(options, OPTION_DIAGNOSTICS, forms, &index, error);
    if (!code && options->given[OPTION_COLOUR])
        code = options_choice(options, OPTION_COLOUR, colours, &index, error);
    return code ? code : passes_check(options, error);
}

/* A bundle's program has been compiled: it can be run and drawn. */
static int check_bundle(const struct options *options, const char *path, struct error *error)
{
    static const struct {
        enum option option;
        const char *text;
    } compile[] = {
        {OPTION_OPTIMIZE, "-O"}, {OPTION_DISABLE, "--disable"}, {OPTION_REMARKS, "--remarks"}};
    if (options->command != COMMAND_RUN && options->command != COMMAND_DOT) {
        error_set(error, ERR_bad_argument,
                  "'%s' is a bundle, and 'wkc %s' takes a program's source", path,
                  command_name(options->command));
        return error_hint(error, "wkc inspect prints what it holds; wkc run and wkc dot take it");
    }
    for (size_t i = 0; i < sizeof compile / sizeof *compile; i++)
        if (options->given[compile[i].option]) {
            error_set(error, ERR_bad_option, "%s means nothing to '%s', which is compiled",
                      compile[i].text, path);
            return error_hint(error, "it is an option of wkc compile");
        }
    return 0;
}

int start_compilation(struct compilation *compilation, const struct options *options)
{
    struct error error;
    uint64_t level = 2;
    const char *path = options->arguments.count ? options->arguments.items[0] : NULL;
    pipeline_init(compilation, options, path);
    compilation->stop = &interrupted;
    if (!path) {
        error_set(&error, ERR_bad_argument, "'wkc %s' needs a program",
                  command_name(options->command));
        error_hint(&error, "for example: wkc %s examples/harmonic.wk",
                   command_name(options->command));
        return usage_error(options, &error);
    }
    compilation->is_bundle = bundle_is_meant(path);
    if ((compilation->is_bundle && check_bundle(options, path, &error)) ||
        check_choices(options, &error) ||
        (options->given[OPTION_OPTIMIZE] &&
         options_number(options, OPTION_OPTIMIZE, 0, 2, &level, &error)))
        return usage_error(options, &error);
    compilation->optimize = (unsigned)level;
    return EXIT_DONE;
}

int finish_compilation(struct compilation *compilation, bool ok)
{
    passes_print_remarks(compilation);
    print_diagnostics(compilation->options, &compilation->diagnostics);
    if (ok)
        return EXIT_DONE;
    if (atomic_load(&interrupted) && atomic_load(&ended_by) != LATE)
        return EXIT_INTERRUPTED;
    return compilation->usage ? EXIT_USAGE : EXIT_MISTAKE;
}

int write_output(const struct options *options, const struct buffer *text)
{
    struct error error;
    size_t put = fwrite(buffer_text(text), 1, text->length, stdout);
    if (put == text->length && fflush(stdout) == 0)
        return EXIT_DONE;
    error_set(&error, ERR_file_unwritable, "cannot write to standard output: %s", strerror(errno));
    return print_error(options, &error, EXIT_MISTAKE);
}

int write_file(const struct options *options, const char *path, const struct buffer *text)
{
    struct error error;
    if (file_write_atomically(path, buffer_text(text), text->length, &error))
        return print_error(options, &error, EXIT_MISTAKE);
    return EXIT_DONE;
}
