/*
 * TLS on a socket that does not block, by OpenSSL: the server's certificate must be signed by an
 * authority that is trusted and name the host. Nothing here raises SIGPIPE.
 */
#ifndef WKC_STORE_TLS_H
#define WKC_STORE_TLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* What to trust: one for each store. */
struct tls_context;
/* A connection. */
struct tls;

enum tls_outcome { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_CLOSED, TLS_FAILED };

/* Trusts the certificates of a file, or, if it is NULL, those of the system, wherever Debian's or
 * Amazon's Linux keeps them. */
int tls_context_new(const char *authorities, struct tls_context **context, struct error *error);
void tls_context_free(struct tls_context *context);

/* For a connected socket; `host` is a name or an IP address that the certificate must have. */
struct tls *tls_new(struct tls_context *context, int socket, const char *host);
void tls_free(struct tls *tls);

/* To be called again when the socket can be read or written, as the outcome says. FAILED: the
 * reason is in `reason`; *untrusted when it is the certificate's. */
enum tls_outcome tls_handshake(struct tls *tls, char *reason, size_t size, bool *untrusted);
enum tls_outcome tls_read(struct tls *tls, void *data, size_t size, size_t *got);
/* After WANTS_… the same bytes must be written again. */
enum tls_outcome tls_write(struct tls *tls, const void *data, size_t size, size_t *written);

#endif
