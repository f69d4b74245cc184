/*
 * Faults of the process: SIGSEGV, SIGBUS, SIGFPE, SIGILL. Compiled code has none, so that one is
 * the fault of a task written in C, whose declaration stands in the message, or of wkc itself. The
 * process then ends by the signal, as it would have without a message.
 */
#ifndef WKC_VALUE_FAULT_H
#define WKC_VALUE_FAULT_H

#include "wk.h"

/* Catches faults from now on. Once in a process. */
void fault_catch(void);

/* The declaration of the task in C that the calling thread runs; NULL: none. The first one gives
 * the thread a stack for faults, since its own may be used up. */
void fault_set_site(const struct wk_site *site);

#endif
