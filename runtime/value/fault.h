/*
 * Faults of the process: SIGSEGV, SIGBUS, SIGFPE, SIGILL; and SIGABRT while a task written in C
 * runs. Compiled code has none, so that one is the fault of such a task, whose declaration stands
 * in the message, or of wkc itself. The process then ends by the signal, as it would have without a
 * message. An executor process has something to do before: it tells the job's failure.
 */
#ifndef WKC_VALUE_FAULT_H
#define WKC_VALUE_FAULT_H

#include <setjmp.h>
#include <stdbool.h>

#include "wk.h"

/* Catches faults from now on. Once in a process. */
void fault_catch(void);

/* Reads of addresses where nothing is yet: `bring` is asked first, on the thread that reads, which
 * goes on if it says true. One in a process. */
void fault_set_pager(bool (*bring)(const void *address));

/* The declaration of the task in C that the calling thread runs; NULL: none. The first one gives
 * the thread a stack for faults, since its own may be used up. */
void fault_set_site(const struct wk_site *site);

/* Where the calling thread goes on after a fault of a task written in C, or its exit(), of a
 * process that says so by fault_exit_caught: sigsetjmp(*escape, 0), which gives what
 * fault_number_name() names. NULL: nowhere, the process ends. The memory cannot be trusted any
 * more, and what is locked may stay locked: the process should end soon, and does after ten
 * seconds. */
void fault_set_escape(sigjmp_buf *escape);
const char *fault_number_name(int number);

/* For atexit(): a task that calls exit() gets no further. */
void fault_exit_caught(void);

#endif
