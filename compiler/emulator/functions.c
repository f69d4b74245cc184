/*
 * Functions and their versions: CreateFunction, GetFunction, UpdateFunctionCode and their like.
 *
 * A version never changes. An update makes another one and retires the old: what runs ends with the
 * code that it began with, and what waits still gets it.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "emulator/internal.h"

/* ---- Versions -------------------------------------------------------------------------------- */

struct version *version_keep(struct version *version)
{
    version->references++;
    return version;
}

static void function_drop(struct function *function)
{
    if (--function->references)
        return;
    vector_release(&function->published);
    json_decref(function->tags);
    json_decref(function->event_configuration);
    free(function->name);
    free(function);
}

void version_drop(struct version *version)
{
    if (!version || --version->references)
        return;
    json_decref(version->configuration);
    package_drop(version->package);
    function_drop(version->function);
    free(version->arn);
    free(version);
}

/* A version of a function; takes the configuration, keeps the package. */
static struct version *version_new(struct function *function, const char *name,
                                   json_t *configuration, struct package *package)
{
    struct version *version = memory_new(1, sizeof *version);
    struct buffer arn = {0};
    char time[32], revision[IDENTIFIER_TEXT];
    time_text(time);
    identifier_uuid(revision);
    version->references = 1;
    version->function = function;
    function->references++;
    snprintf(version->name, sizeof version->name, "%s", name);
    buffer_printf(&arn, "arn:aws:lambda:%s:%s:function:%s", function->emulator->access.region,
                  function->emulator->account, function->name);
    if (name[0] != '$')
        buffer_printf(&arn, ":%s", name);
    version->arn = arn.data;
    version->package = package_keep(package);
    version->configuration = configuration;
    json_object_set_new(configuration, "FunctionName", json_string(function->name));
    json_object_set_new(configuration, "FunctionArn", json_string(version->arn));
    json_object_set_new(configuration, "Version", json_string(name));
    json_object_set_new(configuration, "LastModified", json_string(time));
    json_object_set_new(configuration, "RevisionId", json_string(revision));
    json_object_set_new(configuration, "CodeSha256", json_string(package->sha256));
    json_object_set_new(configuration, "CodeSize", json_integer((json_int_t)package->zip.length));
    version->memory_mb = (uint32_t)json_integer_value(json_object_get(configuration, "MemorySize"));
    version->timeout_seconds =
        (uint32_t)json_integer_value(json_object_get(configuration, "Timeout"));
    return version;
}

static void retire(struct version *version)
{
    version->retired = true;
    environments_retire(version);
}

static void replace_latest(struct function *function, json_t *configuration,
                           struct package *package)
{
    struct version *old = function->latest;
    function->latest = version_new(function, "$LATEST", configuration, package);
    if (old) {
        retire(old);
        version_drop(old);
    }
}

/* Whether two configurations differ in nothing but what names their versions. */
static bool is_same(const json_t *one, const json_t *other)
{
    static const char *const own[] = {"FunctionArn", "Version",     "LastModified",
                                      "RevisionId",  "Description", NULL};
    json_t *copy = json_deep_copy(one);
    for (size_t i = 0; own[i]; i++)
        json_object_set(copy, own[i], json_object_get(other, own[i]));
    bool is_equal = json_equal(copy, other);
    json_decref(copy);
    return is_equal;
}

/* The version that holds what $LATEST does now: a new one only if that has changed since the last.
 */
static struct version *publish(struct function *function, const char *description)
{
    const json_t *now = function->latest->configuration;
    struct version *last = function->published.count ? vector_last(&function->published) : NULL;
    if (last && is_same(last->configuration, now))
        return last;
    char name[16];
    json_t *configuration = json_deep_copy(now);
    if (description)
        json_object_set_new(configuration, "Description", json_string(description));
    snprintf(name, sizeof name, "%u", ++function->last_version);
    vector_push(&function->published,
                version_new(function, name, configuration, function->latest->package));
    return vector_last(&function->published);
}

/* ---- Which one ------------------------------------------------------------------------------- */

struct function *function_find(const struct emulator *emulator, const char *name)
{
    struct function *function = emulator->functions;
    while (function && strcmp(function->name, name) != 0)
        function = function->next;
    return function;
}

struct version *function_resolve(struct request *request, const char *text, const char *qualifier)
{
    struct function_name name;
    if (!function_name_read(request, text, qualifier, &name))
        return NULL;
    struct function *function = function_find(request->emulator, name.name);
    if (function && (!name.qualifier[0] || strcmp(name.qualifier, "$LATEST") == 0))
        return function->latest;
    for (size_t i = 0; function && i < function->published.count; i++)
        if (strcmp(function->published.items[i]->name, name.qualifier) == 0)
            return function->published.items[i];
    refuse(request, "ResourceNotFoundException",
           "Function not found: arn:aws:lambda:%s:%s:function:%s%s%.129s",
           request->emulator->access.region, request->emulator->account, name.name,
           name.qualifier[0] ? ":" : "", name.qualifier);
    return NULL;
}

/* The function that is meant, for operations on all its versions. */
static struct function *resolve_function(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, NULL);
    return version ? version->function : NULL;
}

/* The function that is to be changed: a published version never is. */
static struct function *resolve_changed(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, NULL);
    if (!version || version == version->function->latest)
        return version ? version->function : NULL;
    refuse(request, "InvalidParameterValueException",
           "Only $LATEST can be changed, and %.200s is a version that was published.", name);
    return NULL;
}

/* ---- Code ------------------------------------------------------------------------------------ */

static bool decode(const char *text, size_t length, struct buffer *bytes)
{
    if (!length || length % 4)
        return false;
    char *room = buffer_extend(bytes, length / 4 * 3);
    int got = EVP_DecodeBlock((unsigned char *)room, (const unsigned char *)text, (int)length);
    if (got < 0)
        return false;
    got -= (text[length - 1] == '=') + (text[length - 2] == '=');
    buffer_end_at(bytes, room + got);
    return true;
}

/* A zip that is no package is the caller's mistake, a full disk is not. */
static void refuse_package(struct request *request, const struct error *error)
{
    if (error->code == ERR_emulator_package)
        refuse(request, "InvalidParameterValueException",
               "Could not unzip uploaded file. Please check your file, then try to upload again. "
               "(%s: %s)",
               error_code_text(error->code), error->message);
    else
        refuse(request, "ServiceException", "%s: %s", error_code_text(error->code), error->message);
}

/* The package that a request brings (members at `code`); NULL when the request has been refused. */
static struct package *read_code(struct request *request, const json_t *code)
{
    const json_t *zip = json_object_get(code, "ZipFile");
    struct buffer bytes = {0};
    struct error error;
    struct package *package = NULL;
    if (!json_is_string(zip)) {
        refuse(request, "InvalidParameterValueException", "%s",
               json_object_get(code, "S3Bucket")
                   ? "This emulator has no S3: give the code as ZipFile"
                   : "Please provide a source for function code.");
    } else if (!decode(json_string_value(zip), json_string_length(zip), &bytes)) {
        refuse(request, "InvalidRequestContentException",
               "Could not parse request body into json: ZipFile is not base64");
    } else if (bytes.length > ZIPPED_LIMIT) {
        refuse(request, "RequestEntityTooLargeException",
               "Zipped size must be smaller than %d bytes", ZIPPED_LIMIT);
    } else if (!(package = package_new(request->emulator, &bytes, &error))) {
        refuse_package(request, &error);
    }
    buffer_release(&bytes);
    return package;
}

/* ---- The operations -------------------------------------------------------------------------- */

static void answer_configuration(struct request *request, unsigned status,
                                 const struct version *version)
{
    request_answer_json(request, status, json_incref(version->configuration));
}

static void insert(struct emulator *emulator, struct function *function)
{
    struct function **link = &emulator->functions;
    while (*link && strcmp((*link)->name, function->name) < 0)
        link = &(*link)->next;
    function->next = *link;
    *link = function;
}

/* The name to create; false when the request has been refused. */
static bool read_new_name(struct request *request, const json_t *body, struct function_name *name)
{
    const char *text = json_string_value(json_object_get(body, "FunctionName"));
    if (!function_name_read(request, text ? text : "", NULL, name))
        return false;
    if (name->qualifier[0]) {
        refuse(request, "ValidationException",
               "1 validation error detected: Value '%.200s' at 'functionName' failed to satisfy "
               "constraint: Member must be 1 to 64 letters, digits, - and _",
               text);
        return false;
    }
    if (!function_find(request->emulator, name->name))
        return true;
    refuse(request, "ResourceConflictException", "Function already exist: %s", name->name);
    return false;
}

static void create(struct request *request, const json_t *body)
{
    struct function_name name;
    if (!read_new_name(request, body, &name))
        return;
    json_t *configuration = configuration_read(request, body, NULL);
    struct package *package =
        configuration ? read_code(request, json_object_get(body, "Code")) : NULL;
    if (!package) {
        json_decref(configuration);
        return;
    }
    struct function *function = memory_new(1, sizeof *function);
    function->emulator = request->emulator;
    function->references = 1;
    function->name = strdup(name.name);
    function->reserved = -1;
    snprintf(function->recursive_loop, sizeof function->recursive_loop, "Terminate");
    json_t *tags = json_object_get(body, "Tags");
    function->tags = json_is_object(tags) ? json_incref(tags) : json_object();
    replace_latest(function, configuration, package);
    package_drop(package);
    insert(request->emulator, function);
    struct version *shown = function->latest;
    if (json_is_true(json_object_get(body, "Publish")))
        shown = publish(function, NULL);
    answer_configuration(request, 201, shown);
}

void function_create(struct request *request)
{
    json_t *body = configuration_parse_body(request);
    if (body)
        create(request, body);
    json_decref(body);
}

void function_get(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, request_query(request, "Qualifier"));
    if (!version)
        return;
    struct function *function = version->function;
    char location[256];
    snprintf(location, sizeof location, "%s/_wkc/code/%s/%s", request->emulator->access.endpoint,
             function->name, version->name);
    json_t *answer =
        json_pack("{s:O, s:{s:s, s:s}, s:O}", "Configuration", version->configuration, "Code",
                  "RepositoryType", "S3", "Location", location, "Tags", function->tags);
    if (function->reserved >= 0)
        json_object_set_new(
            answer, "Concurrency",
            json_pack("{s:I}", "ReservedConcurrentExecutions", (json_int_t)function->reserved));
    request_answer_json(request, 200, answer);
}

void function_get_configuration(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, request_query(request, "Qualifier"));
    if (version)
        answer_configuration(request, 200, version);
}

/* The function is gone: what waits is refused, what runs may end. */
static void function_end(struct function *function)
{
    function->is_deleted = true;
    if (function->reserved >= 0)
        function->emulator->reserved_total -= function->reserved;
    vector_push(&function->published, function->latest);
    for (size_t i = 0; i < function->published.count; i++) {
        struct version *version = function->published.items[i];
        retire(version);
        if (function->emulator->stopping)
            invocation_list_release(&version->pending);
        version_drop(version);
    }
    function->published.count = 0;
    invocation_list_release(&function->queue);
    function_drop(function);
}

static void delete_version(struct request *request, struct version *version)
{
    struct function *function = version->function;
    if (version == function->latest) {
        refuse(request, "InvalidParameterValueException",
               "$LATEST version cannot be deleted without deleting the function.");
        return;
    }
    size_t at = 0;
    while (function->published.items[at] != version)
        at++;
    memmove(function->published.items + at, function->published.items + at + 1,
            (--function->published.count - at) * sizeof function->published.items[0]);
    retire(version);
    version_drop(version);
    request_answer(request, 204, response_text(""));
}

void function_delete(struct request *request, const char *name)
{
    const char *qualifier = request_query(request, "Qualifier");
    struct version *version = function_resolve(request, name, qualifier);
    if (!version)
        return;
    if (qualifier || version != version->function->latest) {
        delete_version(request, version);
        return;
    }
    struct function **link = &request->emulator->functions;
    while (*link != version->function)
        link = &(*link)->next;
    struct function *function = *link;
    *link = function->next;
    function_end(function);
    request_answer(request, 204, response_text(""));
}

/* Whether the caller changes what it has seen. */
static bool check_revision(struct request *request, const json_t *body,
                           const struct function *function)
{
    const char *wanted = json_string_value(json_object_get(body, "RevisionId"));
    const char *found =
        json_string_value(json_object_get(function->latest->configuration, "RevisionId"));
    if (!wanted || strcmp(wanted, found) == 0)
        return true;
    refuse(request, "PreconditionFailedException",
           "The Revision Id provided does not match the latest Revision Id. Call the "
           "GetFunction/GetAlias API to retrieve the latest Revision Id");
    return false;
}

static void update_code(struct request *request, struct function *function, const json_t *body)
{
    struct package *package =
        check_revision(request, body, function) ? read_code(request, body) : NULL;
    if (!package)
        return;
    json_t *architectures = json_object_get(body, "Architectures");
    json_t *changes =
        architectures ? json_pack("{s:O}", "Architectures", architectures) : json_object();
    json_t *made = configuration_read(request, changes, function->latest->configuration);
    if (made && json_is_true(json_object_get(body, "DryRun"))) {
        request_answer_json(request, 200, made);
    } else if (made) {
        replace_latest(function, made, package);
        bool published = json_is_true(json_object_get(body, "Publish"));
        answer_configuration(request, 200, published ? publish(function, NULL) : function->latest);
    }
    json_decref(changes);
    package_drop(package);
}

void function_update_code(struct request *request, const char *name)
{
    struct function *function = resolve_changed(request, name);
    json_t *body = function ? configuration_parse_body(request) : NULL;
    if (body)
        update_code(request, function, body);
    json_decref(body);
}

void function_update_configuration(struct request *request, const char *name)
{
    struct function *function = resolve_changed(request, name);
    json_t *body = function ? configuration_parse_body(request) : NULL;
    json_t *made = body && check_revision(request, body, function)
                       ? configuration_read(request, body, function->latest->configuration)
                       : NULL;
    if (made) {
        replace_latest(function, made, function->latest->package);
        answer_configuration(request, 200, function->latest);
    }
    json_decref(body);
}

void function_publish(struct request *request, const char *name)
{
    struct function *function = resolve_function(request, name);
    json_t *body = function ? configuration_parse_body(request) : NULL;
    if (body && check_revision(request, body, function)) {
        const char *sha = json_string_value(json_object_get(body, "CodeSha256"));
        const char *description = json_string_value(json_object_get(body, "Description"));
        if (sha && strcmp(sha, function->latest->package->sha256) != 0)
            refuse(request, "InvalidParameterValueException",
                   "CodeSHA256 (%.64s) is different from current CodeSHA256 in $LATEST (%s). "
                   "Please try again with the CodeSHA256 in $LATEST.",
                   sha, function->latest->package->sha256);
        else
            answer_configuration(request, 201, publish(function, description));
    }
    json_decref(body);
}

void functions_release(struct emulator *emulator)
{
    for (struct function *function; (function = emulator->functions);) {
        emulator->functions = function->next;
        function_end(function);
    }
}
