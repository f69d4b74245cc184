/*
 * What code_verify.c and code_verify_values.c share: the verifier of a function's instructions, and
 * how it takes their words. Private to these two.
 */
#ifndef WKC_GRAPH_CODE_VERIFY_H
#define WKC_GRAPH_CODE_VERIFY_H

#include "graph/loaded.h"

#define NO_TYPE 0xFFFFFFFFu

struct verifier {
    struct flow_code *code;
    const struct flow_function *function;
    uint32_t number;
    const uint32_t *at, *end; /* within the instruction */
    uint32_t offset;          /* of the instruction in the function's code */
    uint32_t *types;          /* by register; NO_TYPE: nothing to read */
    bool *is_block;           /* by offset: a BLOCK begins here */
    const char *wrong;        /* what is wrong, or NULL */
};

static inline bool refuse(struct verifier *v, const char *what)
{
    if (!v->wrong)
        v->wrong = what;
    return false;
}

static inline uint32_t take(struct verifier *v)
{
    if (v->at == v->end) {
        refuse(v, "the instruction is too short");
        return 0;
    }
    return *v->at++;
}

static inline const struct flow_type *type_at(const struct verifier *v, uint32_t type)
{
    return &v->code->types[type];
}

/* ---- Operands and results ---------------------------------------------------------------------
 */

/* Reads an operand and gives its type; after its last use the register has none. Type 0 stands for
 * any after a refusal, so that callers can go on to their end. */
static inline uint32_t take_used(struct verifier *v, uint32_t *use)
{
    uint32_t word = take(v), index = word & FLOW_REGISTER;
    *use = word >> FLOW_USE_SHIFT & FLOW_USE_MASK;
    if (v->wrong)
        return 0;
    if (index >= v->function->registers || v->types[index] == NO_TYPE) {
        refuse(v, "an operand that holds nothing");
        return 0;
    }
    uint32_t type = v->types[index];
    if (word & FLOW_LAST)
        v->types[index] = NO_TYPE;
    return type;
}

static inline uint32_t take_operand(struct verifier *v)
{
    uint32_t use;
    uint32_t type = take_used(v, &use);
    if (use)
        refuse(v, "an operand with a use outside a call");
    return type;
}

static inline void take_known(struct verifier *v, enum wk_scalar scalar)
{
    if (take_operand(v) != (uint32_t)scalar)
        refuse(v, "an operand that is no known scalar of the right type");
}

static inline void take_indexes(struct verifier *v, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        take_known(v, WK_I64);
}

/* A structure; gives its type's number. */
static inline uint32_t take_structure(struct verifier *v)
{
    uint32_t type = take_operand(v);
    if (type_at(v, type)->kind != FLOW_STRUCTURED)
        refuse(v, "an operand that is no structure");
    return type;
}

/* A pending array with all extents known. */
static inline const struct flow_type *take_array(struct verifier *v)
{
    const struct flow_type *type = type_at(v, take_operand(v));
    if (type->kind != FLOW_PENDING || !type->rank ||
        type->known_extents != (1u << type->rank) - 1 || type->is_opaque)
        refuse(v, "an operand that is no pending array of known extents");
    return type;
}

/* Bounds of a slice; gives how many dimensions remain. */
static inline uint32_t take_bounds(struct verifier *v, uint32_t mask, uint32_t rank)
{
    uint32_t ranges = 0;
    if (rank < 32 && mask >> rank)
        refuse(v, "a mask of more dimensions than there are");
    for (uint32_t d = 0; d < rank; d++) {
        bool is_range = mask >> d & 1;
        ranges += is_range;
        take_indexes(v, is_range ? 2 : 1);
    }
    return ranges;
}

static inline bool is_structure_of(const struct verifier *v, const struct flow_type *type,
                                   uint32_t rank, uint32_t element)
{
    return type->kind == FLOW_STRUCTURED && type->rank == rank &&
           flow_type_fits(v->code, element, type->element);
}

struct destination {
    uint32_t index, type;
};

static inline struct destination take_destination(struct verifier *v)
{
    struct destination to = {take(v), 0};
    to.type = take(v);
    if (v->wrong)
        return (struct destination){0, 0};
    if (to.type >= v->code->header.type_count || to.index >= v->function->registers) {
        refuse(v, "a result without a place");
        return (struct destination){0, 0};
    }
    bool is_structure = type_at(v, to.type)->kind == FLOW_STRUCTURED;
    if (is_structure != (to.index >= v->function->word_registers))
        refuse(v, "a result in a register of the other kind");
    return to;
}

static inline void set_type(struct verifier *v, struct destination to)
{
    if (!v->wrong)
        v->types[to.index] = to.type;
}

static inline uint32_t take_site(struct verifier *v)
{
    uint32_t site = take(v);
    if (site >= v->code->header.site_count)
        refuse(v, "a site that does not exist");
    return site;
}

static inline const char *take_string(struct verifier *v)
{
    uint32_t offset = take(v);
    if (offset < v->code->header.string_count * sizeof(uint32_t))
        return v->code->strings + offset;
    refuse(v, "a string that does not exist");
    return "";
}

/* Values of a message: one letter of `types` for each. */
static inline void take_message(struct verifier *v, bool has_condition)
{
    take_string(v);
    const char *types = take_string(v);
    if (has_condition)
        take_known(v, WK_BOOL);
    for (; *types && !v->wrong; types++) {
        uint32_t type = take_operand(v);
        bool is_signed = type >= WK_I8 && type <= WK_I64;
        bool is_unsigned = type >= WK_U8 && type <= WK_U64;
        if (!(*types == 's' || *types == 'q'
                  ? type_at(v, type)->kind == FLOW_KNOWN && type_at(v, type)->is_text
              : *types == 'i' ? is_signed
              : *types == 'u' ? is_unsigned
              : *types == 'f' ? type == WK_F64
              : *types == 'g' ? type == WK_F32
                              : *types == 'b' && type == WK_BOOL))
            refuse(v, "a message's value of another type");
    }
}

/* ---- code_verify_values.c: instructions on values, each from its first word on ----------------
 */

void verify_constant(struct verifier *v);
void verify_operation(struct verifier *v);
void verify_convert(struct verifier *v);
void verify_count(struct verifier *v);
void verify_structure(struct verifier *v);
void verify_fill(struct verifier *v);
void verify_range(struct verifier *v);
void verify_get(struct verifier *v);
void verify_set(struct verifier *v);
void verify_slice(struct verifier *v);
void verify_set_slice(struct verifier *v);
void verify_concat(struct verifier *v);
void verify_concat_all(struct verifier *v);
void verify_flatten(struct verifier *v);
void verify_transpose(struct verifier *v);
void verify_find(struct verifier *v);
void verify_extent(struct verifier *v);
void verify_view(struct verifier *v);
void verify_elements(struct verifier *v);
void verify_tiles(struct verifier *v);
void verify_contents(struct verifier *v);
void verify_lift(struct verifier *v);
void verify_text(struct verifier *v, enum flow_opcode opcode);

#endif
