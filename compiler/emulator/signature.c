/*
 * Signatures of requests: AWS Signature Version 4, as "Signature Version 4 signing process" of the
 * AWS General Reference describes it.
 *
 *     canonical request = method, path, query, headers, names of headers, hash of the body
 *     text to sign      = "AWS4-HMAC-SHA256", time, scope, hash of the canonical request
 *     key               = HMACs over date, region, service and "aws4_request", from the secret
 *
 * The path is escaped once more than it was sent, which holds for all services but S3.
 */
#include <ctype.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum { HASH = 32, BLOCK = 64, SKEW_SECONDS = 300, PARTS_LIMIT = 64 };

struct signature_checker {
    const char *access_key, *secret_key;
    EVP_MD *sha256;
    EVP_MD_CTX *context;
    char scope[128]; /* of the key computed last: date/region/service/aws4_request */
    unsigned char key[HASH];
    struct buffer canonical;
};

/* What an Authorization header says. Texts point into `copy`. */
struct authorization {
    char copy[2048];
    const char *access_key, *scope, *date, *region, *service;
    char *headers;
    const char *signature;
};

struct signature_checker *signature_new(const char *access_key, const char *secret_key)
{
    struct signature_checker *checker = memory_new(1, sizeof *checker);
    checker->access_key = access_key;
    checker->secret_key = secret_key;
    checker->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    checker->context = EVP_MD_CTX_new();
    if (!checker->sha256 || !checker->context)
        bug("no SHA-256");
    return checker;
}

void signature_release(struct signature_checker *checker)
{
    if (!checker)
        return;
    EVP_MD_free(checker->sha256);
    EVP_MD_CTX_free(checker->context);
    buffer_release(&checker->canonical);
    free(checker);
}

/* ---- Hashes ---------------------------------------------------------------------------------- */

static void hash(struct signature_checker *checker, const void *data, size_t length,
                 unsigned char out[HASH])
{
    EVP_DigestInit_ex2(checker->context, checker->sha256, NULL);
    EVP_DigestUpdate(checker->context, data, length);
    EVP_DigestFinal_ex(checker->context, out, NULL);
}

/* RFC 2104, for keys of at most a block. */
static void authenticate(struct signature_checker *checker, const void *key, size_t key_length,
                         const char *text, size_t length, unsigned char out[HASH])
{
    unsigned char inner[BLOCK] = {0}, outer[BLOCK], digest[HASH];
    memcpy(inner, key, key_length);
    for (size_t i = 0; i < BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    EVP_DigestInit_ex2(checker->context, checker->sha256, NULL);
    EVP_DigestUpdate(checker->context, inner, BLOCK);
    EVP_DigestUpdate(checker->context, text, length);
    EVP_DigestFinal_ex(checker->context, digest, NULL);
    EVP_DigestInit_ex2(checker->context, checker->sha256, NULL);
    EVP_DigestUpdate(checker->context, outer, BLOCK);
    EVP_DigestUpdate(checker->context, digest, HASH);
    EVP_DigestFinal_ex(checker->context, out, NULL);
}

/* The key of a scope, kept from the request before. */
static void derive_key(struct signature_checker *checker, const struct authorization *from)
{
    if (strcmp(checker->scope, from->scope) == 0)
        return;
    char secret[BLOCK + 1];
    const char *parts[] = {from->date, from->region, from->service, "aws4_request"};
    int length = snprintf(secret, sizeof secret, "AWS4%s", checker->secret_key);
    authenticate(checker, secret, (size_t)length, parts[0], strlen(parts[0]), checker->key);
    for (size_t i = 1; i < 4; i++)
        authenticate(checker, checker->key, HASH, parts[i], strlen(parts[i]), checker->key);
    snprintf(checker->scope, sizeof checker->scope, "%s", from->scope);
}

/* ---- The canonical request ------------------------------------------------------------------- */

static bool is_unreserved(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void escape(struct buffer *out, const char *text, size_t length, bool keep_slash)
{
    for (size_t i = 0; i < length; i++) {
        if (is_unreserved(text[i]) || (keep_slash && text[i] == '/'))
            buffer_putc(out, text[i]);
        else
            buffer_printf(out, "%%%02X", (unsigned char)text[i]);
    }
}

static void unescape(struct buffer *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char digits[3] = {0};
        if (text[i] == '%' && i + 2 < length && isxdigit((unsigned char)text[i + 1]) &&
            isxdigit((unsigned char)text[i + 2])) {
            digits[0] = text[++i];
            digits[1] = text[++i];
            buffer_putc(out, (char)strtoul(digits, NULL, 16));
        } else {
            buffer_putc(out, text[i]);
        }
    }
}

/* The path without empty and dot parts, escaped. */
static void canonical_path(struct buffer *out, const char *path, size_t length)
{
    struct buffer plain = {0};
    const char *end = path + length;
    while (path < end) {
        while (path < end && *path == '/')
            path++;
        const char *part = path;
        while (path < end && *path != '/')
            path++;
        size_t size = (size_t)(path - part);
        if (size == 2 && memcmp(part, "..", 2) == 0) {
            while (plain.length && plain.data[--plain.length] != '/')
                ;
        } else if (size && !(size == 1 && *part == '.')) {
            buffer_putc(&plain, '/');
            buffer_append(&plain, part, size);
        }
    }
    if (!plain.length || (length > 1 && end[-1] == '/'))
        buffer_putc(&plain, '/');
    escape(out, plain.data, plain.length, true);
    buffer_release(&plain);
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

/* The parameters, escaped in one way and sorted. */
static void canonical_query(struct buffer *out, const char *query)
{
    char *parts[PARTS_LIMIT];
    size_t count = 0;
    while (*query && count < PARTS_LIMIT) {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t name = equals ? (size_t)(equals - query) : length;
        struct buffer plain = {0}, part = {0};
        unescape(&plain, query, name);
        escape(&part, plain.data, plain.length, false);
        buffer_putc(&part, '=');
        buffer_clear(&plain);
        if (equals)
            unescape(&plain, equals + 1, length - name - 1);
        escape(&part, plain.data, plain.length, false);
        buffer_release(&plain);
        parts[count++] = part.data;
        query += length + (query[length] == '&');
    }
    qsort(parts, count, sizeof parts[0], compare_texts);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, "%s%s", i ? "&" : "", parts[i]);
        free(parts[i]);
    }
}

struct header_search {
    const char *name;
    struct buffer *out;
    bool found;
};

/* Appends a header's value with single blanks. */
static enum MHD_Result append_header(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct header_search *search = context;
    (void)kind;
    if (strcasecmp(name, search->name) != 0)
        return MHD_YES;
    if (search->found)
        buffer_putc(search->out, ',');
    search->found = true;
    while (*value == ' ')
        value++;
    for (; *value; value++)
        if (*value != ' ' || (value[1] != ' ' && value[1]))
            buffer_putc(search->out, *value);
    return MHD_YES;
}

/* The signed headers; false if one of them was not sent. `names` is cut up. */
static bool canonical_headers(struct request *request, struct buffer *out, char *names)
{
    char *rest = names;
    for (const char *name; (name = strsep(&rest, ";"));) {
        struct header_search search = {.name = name, .out = out};
        buffer_printf(out, "%s:", name);
        MHD_get_connection_values(request->connection, MHD_HEADER_KIND, append_header, &search);
        buffer_putc(out, '\n');
        if (!search.found)
            return false;
    }
    return true;
}

/* ---- The check ------------------------------------------------------------------------------- */

/* Reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…"; false after refusing. */
static bool read_authorization(struct request *request, const char *text, struct authorization *to)
{
    static const char algorithm[] = "AWS4-HMAC-SHA256";
    const char *credential = NULL;
    *to = (struct authorization){0};
    if (strncmp(text, algorithm, sizeof algorithm - 1) == 0 && strlen(text) < sizeof to->copy) {
        snprintf(to->copy, sizeof to->copy, "%s", text + sizeof algorithm - 1);
        char *rest = to->copy;
        for (char *part; (part = strsep(&rest, ", "));) {
            if (strncmp(part, "Credential=", 11) == 0)
                credential = part + 11;
            else if (strncmp(part, "SignedHeaders=", 14) == 0)
                to->headers = part + 14;
            else if (strncmp(part, "Signature=", 10) == 0)
                to->signature = part + 10;
        }
    }
    if (!credential || !to->headers || !to->signature) {
        refuse(request, "IncompleteSignatureException",
               "Authorization header requires 'AWS4-HMAC-SHA256' with the parameters "
               "'Credential', 'SignedHeaders' and 'Signature'.");
        return false;
    }
    to->access_key = credential;
    return true;
}

/* Splits KEY/DATE/REGION/SERVICE/aws4_request; false after refusing. */
static bool read_credential(struct request *request, struct authorization *to, char scope[128],
                            char parts[128])
{
    const char *slash = strchr(to->access_key, '/');
    char *fields[4] = {0};
    snprintf(scope, 128, "%s", slash ? slash + 1 : "");
    snprintf(parts, 128, "%s", scope);
    char *rest = parts;
    for (size_t i = 0; i < 4; i++)
        fields[i] = strsep(&rest, "/");
    to->scope = scope;
    to->date = fields[0];
    to->region = fields[1];
    to->service = fields[2];
    if (!fields[3] || strcmp(fields[3], "aws4_request") != 0 || rest) {
        refuse(request, "IncompleteSignatureException",
               "Credential must have exactly 5 slash-delimited elements, e.g. "
               "keyid/date/region/service/term");
        return false;
    }
    if (strcmp(to->service, "lambda") != 0) {
        refuse(request, "InvalidSignatureException",
               "Credential should be scoped to correct service: 'lambda'.");
        return false;
    }
    const char *key = request->emulator->signatures->access_key;
    size_t length = (size_t)(slash - to->access_key);
    if (strlen(key) != length || memcmp(key, to->access_key, length) != 0) {
        refuse(request, "UnrecognizedClientException",
               "The security token included in the request is invalid.");
        return false;
    }
    return true;
}

static bool check_time(struct request *request, const struct authorization *from, const char *time)
{
    struct tm parts = {0};
    const char *end = time ? strptime(time, "%Y%m%dT%H%M%SZ", &parts) : NULL;
    if (!end || *end || strncmp(time, from->date, 8) != 0 || strlen(from->date) != 8) {
        refuse(request, "IncompleteSignatureException",
               "Authorization header requires existence of an 'X-Amz-Date' header of the "
               "credential's date.");
        return false;
    }
    int64_t late = (int64_t)(clock_epoch_ms() / 1000) - (int64_t)timegm(&parts);
    if (late > SKEW_SECONDS || late < -SKEW_SECONDS) {
        refuse(request, "InvalidSignatureException", "Signature %s: %s is %lld seconds %s.",
               late > 0 ? "expired" : "not yet current", time, (long long)llabs(late),
               late > 0 ? "old" : "ahead");
        return false;
    }
    return true;
}

static bool refuse_signature(struct request *request)
{
    refuse(request, "InvalidSignatureException",
           "The request signature we calculated does not match the signature you provided. Check "
           "your AWS Secret Access Key and signing method. Consult the service documentation for "
           "details.");
    return false;
}

/* Fills the canonical request; false when it cannot be what was signed. */
static bool make_canonical(struct request *request, const struct authorization *from)
{
    struct signature_checker *checker = request->emulator->signatures;
    struct buffer *out = &checker->canonical;
    unsigned char digest[HASH];
    char digest_text[2 * HASH + 1], names[1024];
    size_t path = strcspn(request->uri, "?");
    bool has_host = false;
    buffer_clear(out);
    buffer_printf(out, "%s\n", request->method);
    canonical_path(out, request->uri, path);
    buffer_putc(out, '\n');
    canonical_query(out, request->uri[path] ? request->uri + path + 1 : "");
    buffer_putc(out, '\n');
    if (snprintf(names, sizeof names, "%s", from->headers) >= (int)sizeof names)
        return false;
    char *rest = names;
    for (const char *name; (name = strsep(&rest, ";"));)
        has_host |= strcasecmp(name, "host") == 0;
    snprintf(names, sizeof names, "%s", from->headers);
    if (!has_host || !canonical_headers(request, out, names))
        return false;
    hash(checker, request->body.data ? request->body.data : "", request->body.length, digest);
    hexadecimal(digest_text, digest, HASH);
    buffer_printf(out, "\n%s\n%s", from->headers, digest_text);
    return true;
}

bool signature_check(struct request *request)
{
    struct signature_checker *checker = request->emulator->signatures;
    const char *text = request_header(request, "Authorization");
    struct authorization from;
    char scope[128], parts[128], digest_text[2 * HASH + 1], to_sign[512];
    unsigned char digest[HASH];
    if (!text) {
        refuse(request, "MissingAuthenticationTokenException", "Missing Authentication Token");
        return false;
    }
    const char *time = request_header(request, "X-Amz-Date");
    if (!read_authorization(request, text, &from) ||
        !read_credential(request, &from, scope, parts) || !check_time(request, &from, time))
        return false;
    if (!make_canonical(request, &from))
        return refuse_signature(request);
    hash(checker, checker->canonical.data, checker->canonical.length, digest);
    hexadecimal(digest_text, digest, HASH);
    int length =
        snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope, digest_text);
    derive_key(checker, &from);
    authenticate(checker, checker->key, HASH, to_sign, (size_t)length, digest);
    hexadecimal(digest_text, digest, HASH);
    if (strlen(from.signature) != 2 * HASH ||
        CRYPTO_memcmp(digest_text, from.signature, 2 * HASH) != 0)
        return refuse_signature(request);
    return true;
}
