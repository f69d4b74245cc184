/* The header of .npy files: a reader of the one Python literal that it is, and writing. */
#include "value/npy.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/output.h"
#include "value/value.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { NATIVE_ORDER = '<', OTHER_ORDER = '>' };
#else
enum { NATIVE_ORDER = '>', OTHER_ORDER = '<' };
#endif

/* ---- Before the dictionary ----------------------------------------------------------------- */

/* Where the dictionary begins and ends in the file. */
struct prefix {
    size_t begin, end;
};

static int refuse_malformed(const char *name, const char *why, struct error *error)
{
    error_set(error, ERR_npy_malformed, "'%s' is no .npy file: %s", name, why);
    return error_hint(error, "write it with numpy.save(\"%.100s\", array)", name);
}

static int read_prefix(const unsigned char *bytes, size_t length, const char *name,
                       struct prefix *prefix, struct error *error)
{
    if (length < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
        return refuse_malformed(name, "it does not begin with \\x93NUMPY", error);
    if (length < NPY_PREFIX_BYTES)
        return refuse_malformed(name, "it ends within its header", error);
    unsigned major = bytes[6], minor = bytes[7];
    if (major < 1 || major > 3 || minor != 0) {
        error_set(error, ERR_npy_unsupported, "'%s' has version %u.%u of the .npy format", name,
                  major, minor);
        return error_hint(error, "versions 1.0, 2.0 and 3.0 can be read");
    }
    size_t size = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1)
        size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    prefix->begin = major > 1 ? 12 : 10;
    prefix->end = prefix->begin + size;
    if (size > NPY_HEADER_MAX - NPY_PREFIX_BYTES)
        return refuse_malformed(name, "its header is too long", error);
    return 0;
}

size_t npy_header_bytes(const unsigned char *bytes, size_t length, const char *name,
                        struct error *error)
{
    struct prefix prefix;
    return read_prefix(bytes, length, name, &prefix, error) ? 0 : prefix.end;
}

/* ---- The dictionary ------------------------------------------------------------------------ */

enum { DESCR_MAX = 64 };

struct dictionary {
    const char *at, *end;
    const char *name; /* the file's */
    char descr[DESCR_MAX + 1];
    bool has_descr, has_order, has_shape;
    bool fortran;
    unsigned rank;
    int64_t extents[WK_MAX_RANK];
};

static void skip_space(struct dictionary *in)
{
    while (in->at < in->end && isspace((unsigned char)*in->at))
        in->at++;
}

static bool accept(struct dictionary *in, const char *text)
{
    size_t length = strlen(text);
    skip_space(in);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, text, length) != 0)
        return false;
    in->at += length;
    return true;
}

/* A Python string without escapes, in either quotes, cut to DESCR_MAX bytes. */
static bool read_string(struct dictionary *in, char text[DESCR_MAX + 1])
{
    skip_space(in);
    if (in->at == in->end || (*in->at != '\'' && *in->at != '"'))
        return false;
    char quote = *in->at++;
    size_t length = 0;
    for (; in->at < in->end && *in->at != quote; in->at++) {
        if (*in->at == '\\' || !isprint((unsigned char)*in->at))
            return false;
        if (length < DESCR_MAX)
            text[length++] = *in->at;
    }
    text[length] = 0;
    return in->at < in->end && *in->at++ == quote;
}

static bool read_extent(struct dictionary *in, int64_t *extent)
{
    skip_space(in);
    if (in->at == in->end || !isdigit((unsigned char)*in->at))
        return false;
    *extent = 0;
    for (; in->at < in->end && isdigit((unsigned char)*in->at); in->at++)
        if (__builtin_mul_overflow(*extent, 10, extent) ||
            __builtin_add_overflow(*extent, *in->at - '0', extent))
            return false;
    accept(in, "L"); /* Python 2 wrote long integers so */
    return true;
}

static int read_shape(struct dictionary *in, struct error *error)
{
    if (!accept(in, "("))
        return refuse_malformed(in->name, "its header's shape is no tuple", error);
    in->rank = 0;
    while (!accept(in, ")")) {
        int64_t extent;
        if (!read_extent(in, &extent))
            return refuse_malformed(in->name, "its header's shape is no tuple of sizes", error);
        if (in->rank == WK_MAX_RANK) {
            error_set(error, ERR_npy_unsupported, "'%s' has more than %d dimensions", in->name,
                      WK_MAX_RANK);
            return error_hint(error, "reshape it with NumPy to at most %d", WK_MAX_RANK);
        }
        in->extents[in->rank++] = extent;
        if (accept(in, ")"))
            break;
        if (!accept(in, ","))
            return refuse_malformed(in->name, "its header's shape is no tuple", error);
    }
    in->has_shape = true;
    return 0;
}

static int read_order(struct dictionary *in, struct error *error)
{
    in->fortran = accept(in, "True");
    if (!in->fortran && !accept(in, "False"))
        return refuse_malformed(in->name, "its header's fortran_order is no bool", error);
    in->has_order = true;
    return 0;
}

static int read_descr(struct dictionary *in, struct error *error)
{
    skip_space(in);
    if (in->at < in->end && *in->at == '[') {
        error_set(error, ERR_npy_unsupported, "'%s' holds records with fields", in->name);
        return error_hint(error, "save each field as an array of its own: numpy.save(…, a['x'])");
    }
    if (!read_string(in, in->descr))
        return refuse_malformed(in->name, "its header's descr is no text", error);
    in->has_descr = true;
    return 0;
}

static int read_entry(struct dictionary *in, struct error *error)
{
    char key[DESCR_MAX + 1];
    if (!read_string(in, key) || !accept(in, ":"))
        return refuse_malformed(in->name, "its header is no dictionary", error);
    if (strcmp(key, "descr") == 0)
        return read_descr(in, error);
    if (strcmp(key, "fortran_order") == 0)
        return read_order(in, error);
    if (strcmp(key, "shape") == 0)
        return read_shape(in, error);
    return refuse_malformed(in->name, "its header has an unknown key", error);
}

static int read_dictionary(struct dictionary *in, struct error *error)
{
    if (!accept(in, "{"))
        return refuse_malformed(in->name, "its header is no dictionary", error);
    while (!accept(in, "}")) {
        int code = read_entry(in, error);
        if (code)
            return code;
        if (accept(in, "}"))
            break;
        if (!accept(in, ","))
            return refuse_malformed(in->name, "its header is no dictionary", error);
    }
    skip_space(in);
    if (in->at != in->end)
        return refuse_malformed(in->name, "its header has text after its dictionary", error);
    if (!in->has_descr || !in->has_order || !in->has_shape)
        return refuse_malformed(in->name, "its header lacks descr, fortran_order or shape", error);
    return 0;
}

/* ---- Element types ------------------------------------------------------------------------- */

static const char *const descriptions[WK_SCALAR_COUNT] = {
    [WK_BOOL] = "b1", [WK_I8] = "i1",  [WK_I16] = "i2", [WK_I32] = "i4",
    [WK_I64] = "i8",  [WK_U8] = "u1",  [WK_U16] = "u2", [WK_U32] = "u4",
    [WK_U64] = "u8",  [WK_F32] = "f4", [WK_F64] = "f8",
};

static int refuse_elements(const struct dictionary *in, struct error *error)
{
    static const struct {
        char kind;
        const char *text;
    } kinds[] = {
        {'f', " (floats of another size)"},
        {'c', " (complex numbers)"},
        {'O', " (Python objects)"},
        {'S', " (byte strings)"},
        {'U', " (strings)"},
        {'M', " (dates)"},
        {'m', " (time spans)"},
        {'V', " (raw records)"},
        {'a', " (byte strings)"},
    };
    const char *what = "";
    char kind = in->descr[0] ? in->descr[1] : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind)
            what = kinds[i].text;
    error_set(error, ERR_npy_unsupported, "'%s' holds elements of NumPy's type '%s'%s", in->name,
              in->descr, what);
    return error_hint(error, "convert it to a type of numbers: numpy.save(…, a.astype(\"f8\"))");
}

static int read_element_type(const struct dictionary *in, struct npy_header *header,
                             struct error *error)
{
    char order = in->descr[0];
    if (order != NATIVE_ORDER && order != OTHER_ORDER && order != '|' && order != '=')
        return refuse_elements(in, error);
    for (int i = 0; i < WK_SCALAR_COUNT; i++) {
        if (strcmp(in->descr + 1, descriptions[i]) != 0)
            continue;
        header->scalar = (enum wk_scalar)i;
        uint32_t size = wk_scalar_bytes(header->scalar);
        if (order == '|' && size > 1)
            return refuse_elements(in, error);
        header->swap = order == OTHER_ORDER && size > 1;
        return 0;
    }
    return refuse_elements(in, error);
}

int npy_read_header(const unsigned char *bytes, size_t length, const char *name,
                    struct npy_header *header, struct error *error)
{
    struct prefix prefix;
    int code = read_prefix(bytes, length, name, &prefix, error);
    if (code)
        return code;
    if (prefix.end > length)
        return refuse_malformed(name, "it ends within its header", error);
    struct dictionary in = {
        .at = (const char *)bytes + prefix.begin,
        .end = (const char *)bytes + prefix.end,
        .name = name,
    };
    *header = (struct npy_header){.data_offset = prefix.end};
    if ((code = read_dictionary(&in, error)) || (code = read_element_type(&in, header, error)))
        return code;
    header->fortran = in.fortran && in.rank > 1;
    header->rank = (uint8_t)in.rank;
    memcpy(header->extents, in.extents, sizeof header->extents);
    return 0;
}

/* ---- Writing ------------------------------------------------------------------------------- */

void npy_write_header(enum wk_scalar scalar, uint8_t rank, const int64_t *extents,
                      struct buffer *out)
{
    struct buffer text = {0};
    char order = wk_scalar_bytes(scalar) > 1 ? NATIVE_ORDER : '|';
    buffer_printf(&text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order,
                  descriptions[scalar]);
    for (unsigned i = 0; i < rank; i++)
        buffer_printf(&text, "%s%" PRId64, i ? ", " : "", extents[i]);
    buffer_puts(&text, rank == 1 ? ",), }" : "), }");
    while ((10 + text.length + 1) % 64)
        buffer_putc(&text, ' ');
    buffer_putc(&text, '\n');
    unsigned char prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    prefix[8] = (unsigned char)(text.length & 0xFF);
    prefix[9] = (unsigned char)(text.length >> 8);
    buffer_append(out, prefix, sizeof prefix);
    buffer_append(out, text.data, text.length);
    buffer_release(&text);
}

/* The header may be empty; `words` are the array's. */
static int write_array(const char *path, const struct buffer *header, enum wk_scalar scalar,
                       uint8_t rank, const uint64_t *words, struct error *error)
{
    int64_t extents[WK_MAX_RANK];
    uint64_t bytes;
    for (unsigned i = 0; i < rank; i++)
        extents[i] = (int64_t)words[1 + i];
    if (!shape_bytes(rank, extents, wk_scalar_bytes(scalar), &bytes))
        bug("a result with an impossible shape");
    struct output output;
    int code = output_open(&output, path, error);
    if (code == 0)
        code = output_write(&output, header->data, header->length, error);
    if (code == 0)
        code = output_write(&output, (const void *)(uintptr_t)words[0], bytes, error);
    return code ? (output_abandon(&output), code) : output_commit(&output, error);
}

int npy_write(const char *path, enum wk_scalar scalar, uint8_t rank, const uint64_t *words,
              struct error *error)
{
    struct buffer header = {0};
    int64_t extents[WK_MAX_RANK];
    for (unsigned i = 0; i < rank; i++)
        extents[i] = (int64_t)words[1 + i];
    npy_write_header(scalar, rank, extents, &header);
    int code = write_array(path, &header, scalar, rank, words, error);
    buffer_release(&header);
    return code;
}

int raw_write(const char *path, enum wk_scalar scalar, uint8_t rank, const uint64_t *words,
              struct error *error)
{
    return write_array(path, &(struct buffer){0}, scalar, rank, words, error);
}
