/* What is written when the process faults; see fault.h. All that the handler does may be done in a
 * handler of signals: it calls write, alarm, sigaction, raise and siglongjmp, the last out of code
 * that is not ours. */
#include "value/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum {
    STACK_BYTES = 32 << 10,
    MESSAGE_BYTES = 1024,
    EXITED = 1000,    /* beside the numbers of signals: exit() was called */
    LAST_SECONDS = 10 /* that a process has after an escape */
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };

/* What a signal did before: a sanitizer's report, for example. */
static struct sigaction before[SIGNAL_COUNT];

static _Thread_local const struct wk_site *volatile site_of_thread;
static _Thread_local sigjmp_buf *volatile escape_of_thread;
static _Thread_local bool has_stack;
static _Thread_local char stack_of_thread[STACK_BYTES];

/* Unless the thread has one already, as sanitizers give them. */
static void provide_stack(void)
{
    stack_t stack = {.ss_sp = stack_of_thread, .ss_size = STACK_BYTES}, former;
    has_stack = true;
    if (sigaltstack(NULL, &former) == 0 && (former.ss_flags & SS_DISABLE))
        sigaltstack(&stack, NULL);
}

void fault_set_site(const struct wk_site *site)
{
    if (site && !has_stack)
        provide_stack();
    site_of_thread = site;
}

/* ---- The message ---------------------------------------------------------------------------- */

struct message {
    char text[MESSAGE_BYTES];
    size_t length;
};

static void put(struct message *message, const char *text)
{
    for (; *text && message->length < MESSAGE_BYTES; text++)
        message->text[message->length++] = *text;
}

static void put_number(struct message *message, uint32_t number)
{
    char digits[12];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    put(message, digits + at);
}

const char *fault_number_name(int number)
{
    switch (number) {
    case EXITED:
        return "exit()";
    case SIGABRT:
        return "SIGABRT";
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGFPE:
        return "SIGFPE";
    default:
        return "SIGILL";
    }
}

static void put_foreign(struct message *message, const struct wk_site *site, int number)
{
    put(message, "error[E841]: the task '");
    put(message, site->format);
    put(message, "', written in C, ended the process by ");
    put(message, fault_number_name(number));
    put(message, "\n  --> ");
    put(message, site->file ? site->file : "?");
    put(message, ":");
    put_number(message, site->line);
    put(message, ":");
    put_number(message, site->column);
    put(message,
        "\n  hint: its C code is to blame: it reads or writes where it has no memory, uses up "
        "the stack, or divides by zero\n");
}

static void put_own(struct message *message, int number)
{
    put(message, "error: wkc ended by ");
    put(message, fault_number_name(number));
    put(message, ", outside of any task written in C: this is a bug of wkc, please report it with "
                 "the program\n");
}

/* Back to who called the task, if there is a way. */
static void escape(int number)
{
    sigjmp_buf *to = escape_of_thread;
    if (!site_of_thread || !to)
        return;
    site_of_thread = NULL;
    escape_of_thread = NULL;
    alarm(LAST_SECONDS);
    siglongjmp(*to, number);
}

void fault_set_escape(sigjmp_buf *to)
{
    escape_of_thread = to;
}

void fault_exit_caught(void)
{
    escape(EXITED);
}

static bool (*_Atomic pager)(const void *address);

void fault_set_pager(bool (*bring)(const void *address))
{
    atomic_store(&pager, bring);
}

static bool is_brought(int number, const siginfo_t *information)
{
    bool (*bring)(const void *) = atomic_load(&pager);
    return number == SIGSEGV && bring && bring(information->si_addr);
}

static void on_fault(int number, siginfo_t *information, void *context)
{
    if (is_brought(number, information))
        return;
    struct message message = {.length = 0};
    const struct wk_site *site = site_of_thread;
    if (site)
        put_foreign(&message, site, number);
    else if (number != SIGABRT)
        put_own(&message, number); /* who aborts has said why */
    if (write(STDERR_FILENO, message.text, message.length) < 0)
        message.length = 0; /* nobody reads it */
    escape(number);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (signals[i] == number && !site && (before[i].sa_flags & SA_SIGINFO)) {
            before[i].sa_sigaction(number, information, context);
            return;
        }
    /* Delivered when the handler returns. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
    raise(number);
}

/* ---- Set up --------------------------------------------------------------------------------- */

void fault_catch(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaction(signals[i], &action, &before[i]);
}
