/*
 * The commands: each takes the parsed command line and returns the exit status.
 */
#ifndef WKC_COMMAND_COMMAND_H
#define WKC_COMMAND_COMMAND_H

#include "base/version.h"
#include "command/pipeline.h"

/* Exit statuses. */
enum { EXIT_DONE = 0, EXIT_MISTAKE = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

int command_check(const struct options *options);
int command_compile(const struct options *options);
int command_inspect(const struct options *options);
int command_dot(const struct options *options);
int command_plan(const struct options *options);
int command_run(const struct options *options);
int command_attach(const struct options *options);
int command_clean(const struct options *options);
int command_help(const struct options *options);
int command_explain(const struct options *options);
int command_emulator(const struct options *options);
int command_version(const struct options *options);

/* ---- What they share ---- */

struct emulator_library;

/* The emulator of Lambda (emulator/emulator.h), loaded once. NULL with *error filled if it cannot be
 * loaded. */
const struct emulator_library *emulator_library_load(struct error *error);

/* Ctrl-C, once interrupts_catch() has been called: between interrupts_hold() and the end of the
 * process it sets `interrupted`, which those who have something to clean up look at (a second one
 * ends the process); before, when there is nothing to clean up, it ends the process at once. */
extern _Atomic(uint32_t) interrupted;
void interrupts_catch(void);
void interrupts_hold(void);

/* Between these two calls Ctrl-C ends the process within two seconds, with a message in the form that
 * the options ask for: kernels look at `interrupted`, but C code need not, and a pass over an array
 * may take longer. For worlds that have nothing outside of the process to clean up. A job that takes
 * longer than `timeout_ms`, if that is not 0, is interrupted as by Ctrl-C; the second call says
 * whether it was, and the third makes the error of it. */
void interrupts_bound(const struct options *options, uint64_t timeout_ms);
bool interrupts_unbound(void);
int interrupts_late(uint64_t timeout_ms, struct error *error);

/* Prints diagnostics to standard error in the form that the options ask for. */
void print_diagnostics(const struct options *options, const struct diagnostics *diagnostics);

/* Prints one error of the command line and returns EXIT_USAGE. */
int usage_error(const struct options *options, const struct error *error);

/* Prints one error and returns `status`. */
int print_error(const struct options *options, const struct error *error, int status);

/* The form of messages that the options ask for. */
enum diagnostic_format message_form(const struct options *options);

/* ---- Passes by their names (passes.c) ---- */

/* Checks --disable, --dump, --stop-after and --remarks: 0, or an error that lists the passes. */
int passes_check(const struct options *options, struct error *error);

/* Whether --disable=graph is given. */
bool passes_all_disabled(const struct options *options);

/* The passes over flow IR that --disable names, with commas between; NULL: it is not given. */
const char *passes_disabled_of_flows(const struct options *options, struct arena *arena);

/* Appends the table of passes. */
void passes_print(struct buffer *out);

/* Prints the remarks to standard error, if --remarks asks for them. */
void passes_print_remarks(const struct compilation *compilation);

/* ---- The prelude ---- */

/* Appends a line for each function of the prelude that has this name, or all of them, for "prelude".
 * False if there is none. */
bool prelude_print(const char *name, struct buffer *out);

/* As nearest_name, among the functions of the prelude. */
void prelude_nearest(const char *name, const char **best);

/* ---- Profiles ---- */

/* What tasks took in an earlier run, from its trace, into the options: 0, or an error. */
int profile_read(const char *path, struct arena *arena, struct plan_options *options,
                 struct error *error);

/* ---- Compilations ---- */

/* Starts a compilation of the command's file with its -O; or reports a usage error and returns its
 * status (0: go on). Release it with pipeline_release in both cases. */
int start_compilation(struct compilation *compilation, const struct options *options);

/* Appends the bundle of a program, which is_portable, after the stage ENCODE; false after reporting. */
bool compile_bundle(struct compilation *compilation, struct buffer *out);

/* The exit status after the pipeline stopped: diagnostics are printed. */
int finish_compilation(struct compilation *compilation, bool ok);

/* Writes all of `text` to standard output: EXIT_DONE, or EXIT_MISTAKE after a message (a full disk, a
 * closed pipe). */
int write_output(const struct options *options, const struct buffer *text);

/* Writes `text` to the -o FILE atomically. */
int write_file(const struct options *options, const char *path, const struct buffer *text);

#endif
