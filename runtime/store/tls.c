/* TLS by OpenSSL, over send and recv of our own: OpenSSL's would raise SIGPIPE; see tls.h. */
#include "store/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

struct tls_context {
    SSL_CTX *context;
    BIO_METHOD *method;
};

/* ---- The socket, as OpenSSL sees it -----------------------------------------------------------
 */

static int socket_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static int finish_io(BIO *bio, ssize_t moved, int retry)
{
    BIO_clear_retry_flags(bio);
    if (moved < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)moved;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    return finish_io(bio, send(socket_of(bio), data, (size_t)size, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *bio, char *data, int size)
{
    return finish_io(bio, recv(socket_of(bio), data, (size_t)size, 0), BIO_FLAGS_READ);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (!method)
        memory_exhausted();
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/* ---- Contexts ---------------------------------------------------------------------------------
 */

static const char *system_authorities(void)
{
    static const char *const files[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian */
        "/etc/pki/tls/certs/ca-bundle.crt",                  /* Amazon Linux, Fedora */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same, newer */
        "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
        "/etc/ssl/cert.pem",                                 /* Alpine */
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (access(files[i], R_OK) == 0)
            return files[i];
    return NULL;
}

static int trust(struct tls_context *context, const char *authorities, struct error *error)
{
    const char *file = authorities ? authorities : system_authorities();
    if (!file) {
        error_set(error, ERR_store_certificate, "this system has no trusted certificates");
        return error_hint(error, "name the file of those to trust with ?ca=FILE");
    }
    if (SSL_CTX_load_verify_locations(context->context, file, NULL) == 1)
        return 0;
    ERR_clear_error();
    return error_set(error, ERR_store_certificate, "no certificates can be read from '%s'", file);
}

int tls_context_new(const char *authorities, struct tls_context **context, struct error *error)
{
    struct tls_context *made = memory_new(1, sizeof *made);
    made->context = SSL_CTX_new(TLS_client_method());
    if (!made->context)
        memory_exhausted();
    made->method = make_method();
    SSL_CTX_set_min_proto_version(made->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(made->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(made->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    int code = trust(made, authorities, error);
    if (code)
        tls_context_free(made);
    else
        *context = made;
    return code;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->context);
    BIO_meth_free(context->method);
    free(context);
}

/* ---- Connections: a struct tls is an SSL ------------------------------------------------------
 */

static SSL *ssl_of(struct tls *tls)
{
    return (SSL *)tls;
}

struct tls *tls_new(struct tls_context *context, int socket, const char *host)
{
    SSL *ssl = SSL_new(context->context);
    BIO *bio = BIO_new(context->method);
    if (!ssl || !bio)
        memory_exhausted();
    BIO_set_data(bio, (void *)(intptr_t)socket);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    struct in6_addr address;
    bool is_number =
        inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    if (is_number)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    else
        SSL_set1_host(ssl, host);
    if (!is_number)
        SSL_set_tlsext_host_name(ssl, host);
    SSL_set_connect_state(ssl);
    return (struct tls *)ssl;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_set_quiet_shutdown(ssl_of(tls), 1);
    SSL_free(ssl_of(tls));
}

static enum tls_outcome outcome_of(SSL *ssl, int result)
{
    if (result > 0)
        return TLS_DONE;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:
        return TLS_CLOSED;
    default: /* OpenSSL's list is open */
        return TLS_FAILED;
    }
}

enum tls_outcome tls_handshake(struct tls *tls, char *reason, size_t size, bool *untrusted)
{
    ERR_clear_error();
    enum tls_outcome outcome = outcome_of(ssl_of(tls), SSL_do_handshake(ssl_of(tls)));
    if (outcome != TLS_FAILED)
        return outcome;
    long verified = SSL_get_verify_result(ssl_of(tls));
    *untrusted = verified != X509_V_OK;
    const char *text = *untrusted ? X509_verify_cert_error_string(verified)
                                  : ERR_reason_error_string(ERR_peek_error());
    snprintf(reason, size, "%s", text ? text : "TLS failed");
    ERR_clear_error();
    return TLS_FAILED;
}

enum tls_outcome tls_read(struct tls *tls, void *data, size_t size, size_t *got)
{
    ERR_clear_error();
    *got = 0;
    return outcome_of(ssl_of(tls), SSL_read_ex(ssl_of(tls), data, size, got));
}

enum tls_outcome tls_write(struct tls *tls, const void *data, size_t size, size_t *written)
{
    ERR_clear_error();
    *written = 0;
    return outcome_of(ssl_of(tls), SSL_write_ex(ssl_of(tls), data, size, written));
}
