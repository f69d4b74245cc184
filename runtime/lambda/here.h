/*
 * A bundle by itself, without Lambda: checked, or run by the threads of this process. So an
 * unpacked bundle can be tried wherever it will run, an empty root or another machine, with nothing
 * but itself.
 */
#ifndef WKC_LAMBDA_HERE_H
#define WKC_LAMBDA_HERE_H

/* Checks all files of the bundle in `folder`, loads its flow code and kernels, and OpenBLAS when it
 * carries that; says so on standard output. The exit status: 0, or 1 after a message. */
int here_check(const char *folder);

/* Runs its program, whose parameters are `count` texts name=value of numbers and strings, and
 * prints the result as JSON. Parameters of other types need a default. The exit status, likewise.
 */
int here_run(const char *folder, char *const *arguments, int count);

#endif
