/*
 * The life of an executor process: it loads its bundle, and serves events until the platform ends
 * it.
 */
#ifndef WKC_LAMBDA_SERVE_H
#define WKC_LAMBDA_SERVE_H

/* Serves the events of the Runtime API at this address with the bundle in this folder. Returns the
 * status to exit with: what could not be made ready was told to the platform and on standard error.
 */
int executor_serve(const char *folder, const char *address);

#endif
