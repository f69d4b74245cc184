/*
 * A function's configuration, as AWS's FunctionConfiguration: read from CreateFunction and
 * UpdateFunctionConfiguration and checked as AWS does.
 */
#include <ctype.h>
#include <string.h>

#include "emulator/internal.h"

json_t *configuration_parse_body(struct request *request)
{
    json_error_t reason;
    if (!request->body.length)
        return json_object();
    json_t *body = json_loadb(request->body.data, request->body.length, 0, &reason);
    if (json_is_object(body))
        return body;
    refuse(request, "InvalidRequestContentException", "Could not parse request body into json: %s",
           body ? "not an object" : reason.text);
    json_decref(body);
    return NULL;
}

static bool is_within(struct request *request, const char *name, const json_t *value, int64_t low,
                      int64_t high)
{
    if (json_is_integer(value) && json_integer_value(value) >= low &&
        json_integer_value(value) <= high)
        return true;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    refuse(request, "ValidationException",
           "1 validation error detected: Value '%.100s' at '%s' failed to satisfy constraint: "
           "Member must have value between %lld and %lld",
           text, name, (long long)low, (long long)high);
    free(text);
    return false;
}

/* Whether a text was given and is not too long. */
static bool is_text(struct request *request, const char *name, const json_t *value, size_t least,
                    size_t most)
{
    if (json_is_string(value) && json_string_length(value) >= least &&
        json_string_length(value) <= most)
        return true;
    refuse(request, "ValidationException",
           "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must "
           "be a string of %zu to %zu characters",
           name, least, most);
    return false;
}

static bool check_role(struct request *request, const json_t *role)
{
    const char *text = json_string_value(role);
    const char *account = text ? strstr(text, ":iam::") : NULL;
    if (account && strncmp(text, "arn:aws", 7) == 0 && strspn(account + 6, "0123456789") == 12 &&
        strncmp(account + 18, ":role/", 6) == 0 && account[24])
        return true;
    refuse(request, "ValidationException",
           "1 validation error detected: Value '%.200s' at 'role' failed to satisfy constraint: "
           "Member must satisfy regular expression pattern: "
           "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
           text ? text : "");
    return false;
}

static bool check_runtime(struct request *request, const json_t *runtime)
{
    const char *text = json_string_value(runtime);
    if (text && strncmp(text, "provided", 8) == 0)
        return true;
    refuse(request, "InvalidParameterValueException",
           "The runtime parameter of %.100s is not supported by this emulator: it runs functions "
           "that bring their own bootstrap (provided.al2023)",
           text ? text : "(none)");
    return false;
}

static bool check_architectures(struct request *request, const json_t *list)
{
    const char *text = json_string_value(json_array_get(list, 0));
    if (json_array_size(list) == 1 && text &&
        (strcmp(text, "x86_64") == 0 || strcmp(text, "arm64") == 0))
        return true;
    refuse(request, "ValidationException",
           "1 validation error detected: Value at 'architectures' failed to satisfy constraint: "
           "Member must be [x86_64] or [arm64]");
    return false;
}

/* Whether a name may be a variable, and is not one of Lambda's own. */
static bool is_free_variable(const char *name)
{
    static const char *const reserved[] = {"_HANDLER",
                                           "_X_AMZN_TRACE_ID",
                                           "AWS_DEFAULT_REGION",
                                           "AWS_REGION",
                                           "AWS_ACCESS_KEY",
                                           "AWS_ACCESS_KEY_ID",
                                           "AWS_SECRET_KEY",
                                           "AWS_SECRET_ACCESS_KEY",
                                           "TZ",
                                           "AWS_SESSION_TOKEN",
                                           "LAMBDA_TASK_ROOT",
                                           "LAMBDA_RUNTIME_DIR",
                                           "AWS_EXECUTION_ENV",
                                           NULL};
    if (!isalpha((unsigned char)name[0]) || strncmp(name, "AWS_LAMBDA_", 11) == 0)
        return false;
    for (size_t i = 0; reserved[i]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static bool check_variables(struct request *request, const json_t *environment)
{
    const char *name;
    json_t *value;
    json_t *variables = json_object_get(environment, "Variables");
    size_t bytes = 0;
    json_object_foreach(variables, name, value)
    {
        if (!json_is_string(value) || !is_free_variable(name)) {
            refuse(request, "InvalidParameterValueException",
                   "Lambda was unable to configure your environment variables because the "
                   "environment variables you have provided contains reserved keys or is not "
                   "valid. Key: %.100s",
                   name);
            return false;
        }
        bytes += strlen(name) + json_string_length(value);
    }
    if (bytes <= VARIABLES_LIMIT)
        return true;
    refuse(request, "InvalidParameterValueException",
           "Lambda was unable to configure your environment variables because the environment "
           "variables you have provided exceeded the 4KB limit.");
    return false;
}

/* Whether each member that was given is of its type, as the service's model says. */
static bool check_types(struct request *request, const json_t *body)
{
    static const struct {
        const char *name;
        json_type type;
    } members[] = {
        {"FunctionName", JSON_STRING},  {"Runtime", JSON_STRING},
        {"Role", JSON_STRING},          {"Handler", JSON_STRING},
        {"Description", JSON_STRING},   {"PackageType", JSON_STRING},
        {"KMSKeyArn", JSON_STRING},     {"RevisionId", JSON_STRING},
        {"Timeout", JSON_INTEGER},      {"MemorySize", JSON_INTEGER},
        {"Environment", JSON_OBJECT},   {"EphemeralStorage", JSON_OBJECT},
        {"TracingConfig", JSON_OBJECT}, {"VpcConfig", JSON_OBJECT},
        {"Tags", JSON_OBJECT},          {"DeadLetterConfig", JSON_OBJECT},
        {"Code", JSON_OBJECT},          {"Architectures", JSON_ARRAY},
        {"Layers", JSON_ARRAY},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *value = json_object_get(body, members[i].name);
        if (value && !json_is_null(value) && json_typeof(value) != members[i].type) {
            refuse(request, "SerializationException", "%s is of another type", members[i].name);
            return false;
        }
    }
    const json_t *variables = json_object_get(json_object_get(body, "Environment"), "Variables");
    if (!variables || json_is_object(variables))
        return true;
    refuse(request, "SerializationException", "Environment.Variables is of another type");
    return false;
}

/* A function that needs a layer would fail without saying why. */
static bool check_no_layers(struct request *request, const json_t *body)
{
    if (!json_array_size(json_object_get(body, "Layers")))
        return true;
    refuse(request, "InvalidParameterValueException",
           "This emulator has no layers: put what they hold into the package");
    return false;
}

static bool check_zip_only(struct request *request, const json_t *body)
{
    const char *kind = json_string_value(json_object_get(body, "PackageType"));
    if (!kind || strcmp(kind, "Zip") == 0)
        return true;
    refuse(request, "InvalidParameterValueException",
           "This emulator runs packages of type Zip only, not %.50s", kind);
    return false;
}

/* Checks one member that was given. */
static bool check_member(struct request *request, const char *name, const json_t *value)
{
    if (strcmp(name, "MemorySize") == 0)
        return is_within(request, "memorySize", value, 128, 10240);
    if (strcmp(name, "Timeout") == 0)
        return is_within(request, "timeout", value, 1, 900);
    if (strcmp(name, "Description") == 0)
        return is_text(request, "description", value, 0, 256);
    if (strcmp(name, "Handler") == 0)
        return is_text(request, "handler", value, 1, 128);
    if (strcmp(name, "Role") == 0)
        return check_role(request, value);
    if (strcmp(name, "Runtime") == 0)
        return check_runtime(request, value);
    if (strcmp(name, "Architectures") == 0)
        return check_architectures(request, value);
    if (strcmp(name, "Environment") == 0)
        return check_variables(request, value);
    if (strcmp(name, "EphemeralStorage") == 0)
        return is_within(request, "ephemeralStorage.size", json_object_get(value, "Size"), 512,
                         10240);
    return true;
}

/* What a function has that names nothing. */
static json_t *defaults(const struct emulator *emulator)
{
    return json_pack("{s:s, s:i, s:i, s:s, s:[s], s:{s:i}, s:{s:s}, s:s, s:s, s:s}", "Description",
                     "", "Timeout", 3, "MemorySize", (int)emulator->options.memory_mb,
                     "PackageType", "Zip", "Architectures", "x86_64", "EphemeralStorage", "Size",
                     512, "TracingConfig", "Mode", "PassThrough", "State", "Active",
                     "LastUpdateStatus", "Successful", "Runtime", "");
}

json_t *configuration_read(struct request *request, const json_t *body, const json_t *old)
{
    static const char *const members[] = {"Runtime",          "Role",
                                          "Handler",          "Description",
                                          "Timeout",          "MemorySize",
                                          "Environment",      "Architectures",
                                          "EphemeralStorage", "TracingConfig",
                                          "VpcConfig",        "KMSKeyArn",
                                          "DeadLetterConfig", NULL};
    static const char *const required[] = {"Runtime", "Role", "Handler", NULL};
    json_t *made = old ? json_deep_copy(old) : defaults(request->emulator);
    bool good = check_types(request, body) && check_zip_only(request, body) &&
                check_no_layers(request, body);
    for (size_t i = 0; good && !old && required[i]; i++)
        if (!json_object_get(body, required[i])) {
            refuse(request, "InvalidParameterValueException",
                   "%s must be given for a function whose package is a zip", required[i]);
            good = false;
        }
    for (size_t i = 0; good && members[i]; i++) {
        json_t *value = json_object_get(body, members[i]);
        if (value && !json_is_null(value)) {
            good = check_member(request, members[i], value);
            json_object_set(made, members[i], value);
        }
    }
    if (good)
        return made;
    json_decref(made);
    return NULL;
}
