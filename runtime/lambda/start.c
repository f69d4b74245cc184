/*
 * The file `bootstrap` of a bundle: starts the executor through the loader and the libraries that
 * the bundle carries, so that nothing of the system around it matters but its kernel. It is a
 * static program without a C library: in an empty root there is none, and one that is linked in
 * would take longer to start than to do this.
 *
 *     FOLDER/bootstrap ARGUMENT...
 *
 * becomes
 *
 *     FOLDER/lib/LOADER --library-path FOLDER/lib FOLDER/bin/executor ARGUMENT...
 *
 * where FOLDER is that of the program itself, as /proc/self/exe names it. Of the environment it
 * leaves out the variables that speak to loaders: a library that LD_PRELOAD names was built for
 * another libc.
 */

enum { PATH_LIMIT = 4096, WORDS_LIMIT = 4096 };

/* ---- The machine -------------------------------------------------------------------------------
 */

#if defined(__x86_64__)
#define LOADER "ld-linux-x86-64.so.2"
enum { CALL_WRITE = 1, CALL_EXECVE = 59, CALL_EXIT = 60, CALL_READLINKAT = 267 };

static long call(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

/* The stack holds the count of arguments, they, 0, the environment, 0. */
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call start\n");
#elif defined(__aarch64__)
#define LOADER "ld-linux-aarch64.so.1"
enum { CALL_WRITE = 64, CALL_EXECVE = 221, CALL_EXIT = 93, CALL_READLINKAT = 78 };

static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, xzr\n"
        "    mov x30, xzr\n"
        "    mov x0, sp\n"
        "    bl start\n");
#else
#error "there is no starter for this machine"
#endif

/* ---- Texts -------------------------------------------------------------------------------------
 */

static unsigned long length_of(const char *text)
{
    unsigned long length = 0;
    while (text[length])
        length++;
    return length;
}

static int begins_with(const char *text, const char *begin)
{
    while (*begin && *text == *begin) {
        text++;
        begin++;
    }
    return *begin == 0;
}

static _Noreturn void fail(const char *what)
{
    enum { STANDARD_ERROR = 2, STATUS_CANNOT_RUN = 126 };
    static const char who[] = "bootstrap: ";
    call(CALL_WRITE, STANDARD_ERROR, (long)who, sizeof who - 1, 0);
    call(CALL_WRITE, STANDARD_ERROR, (long)what, (long)length_of(what), 0);
    call(CALL_WRITE, STANDARD_ERROR, (long)"\n", 1, 0);
    for (;;)
        call(CALL_EXIT, STATUS_CANNOT_RUN, 0, 0, 0);
}

static char folder[PATH_LIMIT];
static unsigned long folder_length; /* with its last slash */

static void find_folder(void)
{
    enum { THIS_FOLDER = -100 };
    long length =
        call(CALL_READLINKAT, THIS_FOLDER, (long)"/proc/self/exe", (long)folder, sizeof folder);
    if (length <= 0 || length >= (long)sizeof folder)
        fail("/proc/self/exe cannot be read: is /proc mounted?");
    while (length > 0 && folder[length - 1] != '/')
        length--;
    folder_length = (unsigned long)length;
}

/* A path in the folder, written to `out`. */
static char *join(char out[PATH_LIMIT], const char *name)
{
    unsigned long length = length_of(name);
    if (folder_length + length >= PATH_LIMIT)
        fail("the folder's name is too long");
    for (unsigned long i = 0; i < folder_length; i++)
        out[i] = folder[i];
    for (unsigned long i = 0; i <= length; i++)
        out[folder_length + i] = name[i];
    return out;
}

/* ---- Starting ----------------------------------------------------------------------------------
 */

static char loader[PATH_LIMIT], libraries[PATH_LIMIT], executor[PATH_LIMIT];
static char *words[WORDS_LIMIT];

/* Takes what speaks to loaders out of the environment, in place. */
static void clean_environment(char **environment)
{
    char **kept = environment;
    for (; *environment; environment++)
        if (!begins_with(*environment, "LD_"))
            *kept++ = *environment;
    *kept = 0;
}

__attribute__((used)) _Noreturn void start(char **stack);

_Noreturn void start(char **stack)
{
    static char option[] = "--library-path";
    long count = (long)stack[0];
    char **arguments = stack + 1, **environment = arguments + count + 1;
    unsigned long at = 0;
    find_folder();
    words[at++] = join(loader, "lib/" LOADER);
    words[at++] = option;
    words[at++] = join(libraries, "lib");
    words[at++] = join(executor, "bin/executor");
    for (long i = 1; i < count; i++) {
        if (at + 1 >= WORDS_LIMIT)
            fail("there are too many arguments");
        words[at++] = arguments[i];
    }
    clean_environment(environment);
    call(CALL_EXECVE, (long)loader, (long)words, (long)environment, 0);
    fail(
        "the loader in lib cannot be started: is the bundle unpacked whole, and for this machine?");
}
