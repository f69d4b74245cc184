/* Loading flow code: the instructions on known values, structures and pending values; see
 * code_verify.h. */
#include "graph/code_verify.h"

#include <string.h>

#include "value/semantics.h"
#include "value/string.h"

/* ---- Known values -----------------------------------------------------------------------------
 */

/* A literal's bytes are in the strings, with at least one behind them, and UTF-8. */
static bool is_literal(const struct verifier *v, uint32_t offset, uint32_t length)
{
    uint64_t bytes = v->code->header.string_count * (uint64_t)sizeof(uint32_t);
    return bytes <= INT32_MAX && offset < bytes && length < bytes - offset &&
           string_check(v->code->strings + offset, length) == length;
}

void verify_constant(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    uint32_t low = take(v), high = take(v);
    if (type_at(v, to.type)->kind != FLOW_KNOWN)
        refuse(v, "a constant that is no known value");
    else if (type_at(v, to.type)->is_text && !v->wrong && !is_literal(v, low, high))
        refuse(v, "a string that is no text");
    set_type(v, to);
}

/* ---- Known strings ----------------------------------------------------------------------------
 */

static bool is_known_text(const struct flow_type *type)
{
    return type->kind == FLOW_KNOWN && type->is_text;
}

static void take_text(struct verifier *v)
{
    if (!is_known_text(type_at(v, take_operand(v))))
        refuse(v, "an operand that is no known str");
}

void verify_text(struct verifier *v, enum flow_opcode opcode)
{
    take_site(v);
    struct destination to = take_destination(v);
    bool gives_integer = opcode == FLOW_TEXT_COMPARE || opcode == FLOW_TEXT_LENGTH;
    if (gives_integer ? to.type != WK_I64 : !is_known_text(type_at(v, to.type)))
        refuse(v, "a result of another type");
    if (opcode == FLOW_TEXT_PRINT) {
        uint32_t scalar = take(v);
        if (scalar >= WK_SCALAR_COUNT)
            refuse(v, "a text of something that is no scalar");
        else
            take_known(v, (enum wk_scalar)scalar);
    } else {
        take_text(v);
    }
    if (opcode == FLOW_TEXT_COMPARE)
        take_text(v);
    if (opcode == FLOW_TEXT_SLICE)
        take_indexes(v, 2);
    while (opcode == FLOW_TEXT_CONCAT && v->at < v->end && !v->wrong)
        take_text(v);
    set_type(v, to);
}

void verify_operation(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    uint32_t operation = take(v), scalar = take(v);
    if (operation <= OPERATION_NONE || operation >= OPERATION_COUNT || scalar >= WK_SCALAR_COUNT ||
        !operation_accepts((enum operation)operation, (enum wk_scalar)scalar)) {
        refuse(v, "an operation that does not exist for this type");
        return;
    }
    for (unsigned i = 0; i < operation_arity((enum operation)operation); i++)
        take_known(v, (enum wk_scalar)scalar);
    if (to.type != (uint32_t)operation_result((enum operation)operation, (enum wk_scalar)scalar))
        refuse(v, "an operation's result of another type");
    set_type(v, to);
}

void verify_convert(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    uint32_t from = take(v);
    if (from >= WK_SCALAR_COUNT || to.type >= WK_SCALAR_COUNT) {
        refuse(v, "a conversion of something that is no scalar");
        return;
    }
    take_known(v, (enum wk_scalar)from);
    if (from != WK_BOOL && to.type == WK_BOOL)
        refuse(v, "a conversion of a number to bool");
    set_type(v, to);
}

void verify_count(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    if (take(v) > 1 || to.type != WK_I64)
        refuse(v, "a count that is no known i64");
    take_indexes(v, 3);
    set_type(v, to);
}

/* ---- Structures -------------------------------------------------------------------------------
 */

static const struct flow_type *take_result_structure(struct verifier *v, struct destination *to)
{
    take_site(v);
    *to = take_destination(v);
    const struct flow_type *type = type_at(v, to->type);
    if (type->kind != FLOW_STRUCTURED)
        refuse(v, "a result that is no structure");
    return type;
}

static void take_element(struct verifier *v, const struct flow_type *structure)
{
    uint32_t type = take_operand(v);
    if (!v->wrong && !flow_type_fits(v->code, type, structure->element))
        refuse(v, "an element of another type");
}

void verify_structure(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    if (v->wrong)
        return;
    take_indexes(v, type->rank);
    while (v->at < v->end && !v->wrong)
        take_element(v, type);
    set_type(v, to);
}

void verify_fill(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    if (v->wrong)
        return;
    take_element(v, type);
    take_indexes(v, type->rank);
    set_type(v, to);
}

void verify_range(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    take_indexes(v, 3);
    if (!v->wrong && !is_structure_of(v, type, 1, WK_I64))
        refuse(v, "a range that is no structure of i64");
    set_type(v, to);
}

void verify_get(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    const struct flow_type *structure = type_at(v, take_structure(v));
    if (v->wrong)
        return;
    take_indexes(v, structure->rank);
    if (!flow_type_fits(v->code, structure->element, to.type))
        refuse(v, "an element's register of another type");
    set_type(v, to);
}

/* The new version has the type of the old one, or knows less of it. */
void verify_set(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    uint32_t structure = take_structure(v);
    if (v->wrong)
        return;
    take_indexes(v, type->rank);
    take_element(v, type);
    if (!v->wrong && !flow_type_fits(v->code, structure, to.type))
        refuse(v, "a new version of another type");
    set_type(v, to);
}

void verify_slice(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    uint32_t mask = take(v);
    const struct flow_type *structure = type_at(v, take_structure(v));
    if (v->wrong)
        return;
    uint32_t ranges = take_bounds(v, mask, structure->rank);
    if (!v->wrong && (!ranges || !is_structure_of(v, type, ranges, structure->element)))
        refuse(v, "a slice of another type");
    set_type(v, to);
}

void verify_set_slice(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    uint32_t mask = take(v), structure = take_structure(v);
    if (v->wrong)
        return;
    uint32_t ranges = take_bounds(v, mask, type->rank);
    const struct flow_type *values = type_at(v, take_structure(v));
    if (v->wrong)
        return;
    if (!ranges || values->rank != ranges ||
        !flow_type_fits(v->code, values->element, type->element) ||
        !flow_type_fits(v->code, structure, to.type))
        refuse(v, "a slice of another type");
    set_type(v, to);
}

void verify_concat(struct verifier *v)
{
    struct destination to;
    take_result_structure(v, &to);
    for (int i = 0; i < 2; i++) {
        uint32_t operand = take_structure(v);
        if (!v->wrong && !flow_type_fits(v->code, operand, to.type))
            refuse(v, "a joined structure of another type");
    }
    set_type(v, to);
}

void verify_concat_all(struct verifier *v)
{
    struct destination to;
    take_result_structure(v, &to);
    const struct flow_type *outer = type_at(v, take_structure(v));
    if (!v->wrong && (outer->rank != 1 || type_at(v, outer->element)->kind != FLOW_STRUCTURED ||
                      !flow_type_fits(v->code, outer->element, to.type)))
        refuse(v, "joined structures of another type");
    set_type(v, to);
}

void verify_flatten(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    const struct flow_type *structure = type_at(v, take_structure(v));
    if (v->wrong)
        return;
    uint32_t element = structure->element;
    if (type_at(v, element)->kind == FLOW_STRUCTURED)
        element = type_at(v, element)->element;
    if (!is_structure_of(v, type, 1, element))
        refuse(v, "a flattened structure of another type");
    set_type(v, to);
}

void verify_transpose(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    uint32_t structure = take_structure(v);
    if (!v->wrong && (type->rank != 2 || !flow_type_fits(v->code, structure, to.type)))
        refuse(v, "a transposed structure of another type");
    set_type(v, to);
}

/* Leaf `leaf` of a map's key: an integer, or a string if the code says so. */
static bool is_key(const struct verifier *v, uint32_t type, bool is_text)
{
    return is_text ? is_known_text(type_at(v, type)) : type > WK_BOOL && type <= WK_U64;
}

void verify_find(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    uint32_t leaves = take(v);
    const uint32_t *texts = v->at;
    if (leaves == 0 || leaves > (uint64_t)(v->end - v->at) || to.type != WK_I64)
        refuse(v, "a search that gives no known i64");
    for (uint32_t i = 0; i < leaves && !v->wrong; i++)
        if (take(v) > 1)
            refuse(v, "a search that says not what it looks for");
    for (uint32_t i = 0; i < leaves && !v->wrong; i++) {
        const struct flow_type *keys = type_at(v, take_structure(v));
        if (!v->wrong && (keys->rank != 1 || !is_key(v, keys->element, texts[i])))
            refuse(v, "a search in something that holds no keys");
    }
    for (uint32_t i = 0; i < leaves && !v->wrong; i++)
        if (!is_key(v, take_operand(v), texts[i]))
            refuse(v, "a search for something that is no key");
    set_type(v, to);
}

void verify_extent(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    uint32_t dimension = take(v);
    const struct flow_type *array = type_at(v, take_operand(v));
    bool is_known = array->kind == FLOW_STRUCTURED ||
                    (dimension < WK_MAX_RANK && array->known_extents >> dimension & 1);
    if (array->kind == FLOW_KNOWN || dimension >= array->rank || !is_known || to.type != WK_I64)
        refuse(v, "an extent that is not known");
    set_type(v, to);
}

/* ---- Pending values ---------------------------------------------------------------------------
 */

/* Whether a view of `rank` dimensions of an array's elements may have this type. */
static bool is_view_of(const struct flow_type *type, const struct flow_type *array, uint32_t rank)
{
    return type->kind == FLOW_PENDING && !type->is_unit && !type->is_opaque && type->rank == rank &&
           type->scalar == array->scalar;
}

void verify_view(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    uint32_t mask = take(v);
    const struct flow_type *array = take_array(v);
    if (v->wrong)
        return;
    uint32_t ranges = take_bounds(v, mask, array->rank);
    if (!is_view_of(type_at(v, to.type), array, ranges))
        refuse(v, "a view of another type");
    set_type(v, to);
}

void verify_elements(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    const struct flow_type *array = take_array(v);
    if (!v->wrong &&
        (type->rank != 1 || !is_view_of(type_at(v, type->element), array, array->rank - 1u)))
        refuse(v, "elements of another type");
    set_type(v, to);
}

void verify_tiles(struct verifier *v)
{
    struct destination to;
    const struct flow_type *type = take_result_structure(v, &to);
    const struct flow_type *array = take_array(v);
    take_indexes(v, 2);
    if (!v->wrong &&
        (array->rank != 2 || type->rank != 2 || !is_view_of(type_at(v, type->element), array, 2)))
        refuse(v, "tiles of another type");
    set_type(v, to);
}

/* What becomes a constant: a known scalar, or a structure of them. */
static bool is_lifted(const struct verifier *v, const struct flow_type *from,
                      const struct flow_type *to)
{
    if (to->kind != FLOW_PENDING)
        return false;
    if (from->kind == FLOW_KNOWN)
        return from->type == to->type;
    return !to->is_opaque && from->kind == FLOW_STRUCTURED && from->rank == to->rank &&
           flow_is_known_scalar(type_at(v, from->element)) &&
           type_at(v, from->element)->type == to->type->element;
}

void verify_contents(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    const struct flow_type *file = type_at(v, take_operand(v));
    const struct flow_type *bytes = type_at(v, to.type);
    if (!v->wrong && (file->kind != FLOW_KNOWN || file->type->kind != TYPE_FILE))
        refuse(v, "the contents of what is no file");
    if (!v->wrong &&
        (bytes->kind != FLOW_PENDING || !type_is_bytes(bytes->type) || bytes->known_extents != 1))
        refuse(v, "contents that are not bytes");
    set_type(v, to);
}

void verify_lift(struct verifier *v)
{
    take_site(v);
    struct destination to = take_destination(v);
    const struct flow_type *value = type_at(v, take_operand(v));
    if (!v->wrong && !is_lifted(v, value, type_at(v, to.type)))
        refuse(v, "a constant of another type");
    set_type(v, to);
}
