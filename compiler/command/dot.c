/* wkc dot: draws the job's graph, as dot text or, through Graphviz, as a picture. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/command.h"
#include "graph/dot.h"

extern char **environ;

/* Writes all of the text into the pipe; Graphviz may end before it has read it. */
static void feed(int pipe_end, const struct buffer *text)
{
    const char *data = buffer_text(text);
    size_t left = text->length;
    while (left) {
        ssize_t put = write(pipe_end, data, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        data += put;
        left -= (size_t)put;
    }
    close(pipe_end);
}

static int start_graphviz(const char *format, const char *path, int *input, pid_t *process)
{
    int ends[2];
    char format_option[32];
    snprintf(format_option, sizeof format_option, "-T%s", format);
    char *const arguments[] = {(char[]){"dot"}, format_option, (char[]){"-o"}, strdup(path), NULL};
    if (!arguments[3] || pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    int failed = posix_spawnp(process, "dot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(arguments[3]);
    close(ends[0]);
    if (failed)
        close(ends[1]);
    *input = ends[1];
    return failed;
}

/* Draws into a temporary file beside `path`, so that nothing half-drawn is left there. */
static int draw(const char *format, const char *path, const struct buffer *text,
                struct error *error)
{
    struct buffer temporary = {0};
    buffer_printf(&temporary, "%s.%d.tmp", path, (int)getpid());
    int input = -1, status = -1;
    pid_t process;
    interrupts_hold(); /* what Graphviz began is removed */
    int failed = start_graphviz(format, buffer_text(&temporary), &input, &process);
    if (!failed) {
        feed(input, text);
        while (waitpid(process, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (!failed && atomic_load(&interrupted)) {
        failed = error_set(error, ERR_interrupted, "the drawing was stopped");
    } else if (failed == ENOENT) {
        error_set(error, ERR_graphviz_missing, "drawing a .%s needs Graphviz, which is not here",
                  format);
        error_hint(error, "install it (Debian: apt install graphviz), or write a .dot file");
    } else if (failed || status != 0) {
        error_set(error, ERR_graphviz_failed, "Graphviz could not draw '%s'%s%s", path,
                  failed ? ": " : "", failed ? strerror(failed) : "");
        error_hint(error, "is its folder there and writable? --level=flow draws large graphs");
        failed = 1;
    } else if (rename(buffer_text(&temporary), path) < 0) {
        failed =
            error_set(error, ERR_file_unwritable, "cannot write '%s': %s", path, strerror(errno));
    }
    if (failed)
        unlink(buffer_text(&temporary));
    buffer_release(&temporary);
    return failed ? (int)error->code : 0;
}

static int write_drawing(const struct options *options, const struct buffer *text)
{
    static const char *const formats[] = {"svg", "png", "pdf"};
    const char *path = options->values[OPTION_OUTPUT];
    const char *suffix = strrchr(path, '.');
    struct error error;
    for (size_t i = 0; suffix && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(suffix + 1, formats[i]) == 0)
            return draw(formats[i], path, text, &error)
                       ? print_error(options, &error,
                                     atomic_load(&interrupted) ? EXIT_INTERRUPTED : EXIT_MISTAKE)
                       : EXIT_DONE;
    if (suffix && (strcmp(suffix, ".dot") == 0 || strcmp(suffix, ".gv") == 0))
        return write_file(options, path, text);
    error_set(&error, ERR_bad_option, "'%s' names no format that wkc draws", path);
    error_hint(&error, "end the name in .dot, .svg, .png or .pdf");
    return usage_error(options, &error);
}

/* Clusters and critical paths are the plan's, so the pipeline goes so far. */
static bool draw_graph(struct compilation *c, enum dot_level level, struct buffer *text)
{
    struct dot_options drawing = {
        .level = level, .expand = c->options->given[OPTION_EXPAND], .plan = &c->plan};
    struct error error;
    if (!pipeline_run(c, STAGE_PLAN))
        return false;
    if (!dag_write_dot(&c->dag, &drawing, text, &error))
        return true;
    diagnose_error(&c->diagnostics, &error, c->source);
    return false;
}

/* The drawing's text is written if all went well. */
static int finish_drawing(struct compilation *c, bool ok, const struct buffer *text)
{
    int status = finish_compilation(c, ok);
    if (status != EXIT_DONE)
        return status;
    return c->options->given[OPTION_OUTPUT] ? write_drawing(c->options, text)
                                            : write_output(c->options, text);
}

/* What optimizing made of the graph at -O0. A mistake of the program is reported once. */
static int draw_diff(struct compilation *before, struct compilation *after)
{
    struct buffer text = {0};
    struct error error;
    before->optimize = 0;
    bool ok = pipeline_run(before, STAGE_ELABORATE);
    if (!ok)
        return finish_compilation(before, false);
    ok = pipeline_run(after, STAGE_ELABORATE);
    if (ok && dag_write_dot_diff(&before->dag, &after->dag, &text, &error)) {
        diagnose_error(&after->diagnostics, &error, after->source);
        ok = false;
    }
    int status = finish_drawing(after, ok, &text);
    buffer_release(&text);
    return status;
}

static int command_dot_diff(const struct options *options, struct compilation *after)
{
    struct compilation before;
    if (after->is_bundle || options->given[OPTION_LEVEL] || options->given[OPTION_EXPAND]) {
        struct error error;
        error_set(&error, ERR_bad_option, "--diff draws the calls of a program, and goes with %s",
                  after->is_bundle ? "no bundle" : "neither --level nor --expand");
        error_hint(&error, "for example: wkc dot --diff examples/harmonic.wk");
        return usage_error(options, &error);
    }
    int status = start_compilation(&before, options);
    if (status == EXIT_DONE)
        status = draw_diff(&before, after);
    pipeline_release(&before);
    return status;
}

static int draw_program(struct compilation *c, enum dot_level level)
{
    struct buffer text = {0};
    bool ok = draw_graph(c, level, &text);
    int status = finish_drawing(c, ok, &text);
    buffer_release(&text);
    return status;
}

int command_dot(const struct options *options)
{
    static const char *const names[] = {"task", "cluster", "flow", NULL};
    static const enum dot_level levels[] = {DOT_TASK, DOT_CLUSTER, DOT_FLOW};
    int level = 0;
    struct error error;
    if (options->given[OPTION_LEVEL] &&
        options_choice(options, OPTION_LEVEL, names, &level, &error))
        return usage_error(options, &error);
    struct compilation compilation;
    int status = start_compilation(&compilation, options);
    if (status == EXIT_DONE)
        status = options->given[OPTION_DIFF] ? command_dot_diff(options, &compilation)
                                             : draw_program(&compilation, levels[level]);
    pipeline_release(&compilation);
    return status;
}
