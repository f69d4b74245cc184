/*
 * The bytes of flow code: spec/flow-code.md. Shared by the encoder in the compiler and the loader
 * here; nothing else includes it.
 *
 * All is 32-bit words, little-endian: a header, tables of fixed records in the order of the
 * header's counts, the code of all functions, and the strings. Numbers of strings are offsets in
 * bytes into the strings, those of functions, types, … indexes into their tables.
 */
#ifndef WKC_GRAPH_FORMAT_H
#define WKC_GRAPH_FORMAT_H

#include <stdint.h>

enum flow_opcode {
#define FLOW(NAME, text, words) FLOW_##NAME,
#include "graph/code.def"
#undef FLOW
    FLOW_OPCODE_COUNT
};

#define FLOW_MAGIC 0x43464B57u /* "WKFC" */
enum { FLOW_VERSION = 3 };

/* An instruction's first word: the opcode, and above it the count of its words. */
enum { FLOW_OPCODE_BITS = 8 };
static inline uint32_t flow_head(enum flow_opcode opcode, uint32_t words)
{
    return (uint32_t)opcode | words << FLOW_OPCODE_BITS;
}

/* An operand: a register, how a call uses it (FLOW_USE_…, in calls only), and whether this is its
 * last use: a structure then moves and can be updated in place. Registers below the function's
 * `word_registers` hold words (known scalars, references to pending values), the others
 * structures. */
#define FLOW_REGISTER 0x00FFFFFFu
#define FLOW_LAST 0x80000000u
enum { FLOW_USE_SHIFT = 24, FLOW_USE_MASK = 0x7F };
enum flow_use {
    FLOW_USE_WORD,     /* a known scalar or file: a word */
    FLOW_USE_NOTHING,  /* a known () */
    FLOW_USE_CONSTANT, /* a structure of known scalars: becomes a constant */
    FLOW_USE_REF,      /* a pending value */
    FLOW_USE_ORDER,    /* a pending () */
    FLOW_USE_GATHER,   /* a structure of pending values */
    FLOW_USE_JOIN,     /* the next leaf of a gathered array of tuples */
    FLOW_USE_TEXT,     /* a known str: becomes a constant */
};

struct flow_header {
    uint32_t magic, version;
    uint32_t words; /* of the whole */
    uint32_t type_count, kernel_count, site_count, function_count, parameter_count;
    uint32_t list_count;   /* words of the lists */
    uint32_t code_count;   /* words of the code */
    uint32_t string_count; /* words of the strings; the last byte is 0 */
    uint32_t entry;        /* function */
    uint32_t result_type;  /* string: main's, with names */
    uint32_t call_count;   /* calls are numbered */
};

enum flow_kind { FLOW_KNOWN, FLOW_PENDING, FLOW_STRUCTURED };

/* Type s, for each scalar s, is the known scalar. Elements stand before what they are elements of.
 */
struct flow_type_record {
    uint32_t kind;
    uint32_t text;          /* KNOWN, PENDING: string */
    uint32_t known_extents; /* PENDING */
    uint32_t rank, element; /* STRUCTURED */
};

struct flow_kernel_record {
    uint32_t name, symbol;    /* strings */
    uint32_t parameter_types; /* string: a tuple type */
    uint32_t result_type;     /* string */
    uint32_t site;
    uint32_t fallback; /* string: the symbol of the kernel that replaces it; empty: none */
    uint32_t formula;  /* string: its cost (formula.h); empty: not known */
    uint32_t members;  /* string: the names of the tasks that are fused in it; empty: it is one */
    uint32_t retries, together, logs;
    uint32_t timeout_ns[2], memory_bytes[2], cost_ns[2]; /* low half, high half */
};

struct flow_site_record {
    uint32_t file; /* string */
    uint32_t line, column, length;
};

struct flow_function_record {
    uint32_t title, site;
    uint32_t is_flow;
    uint32_t word_registers, registers;
    uint32_t first_parameter, parameter_count; /* types, in the lists */
    uint32_t first_result, result_count;       /* types, in the lists */
    uint32_t first_word, word_count;           /* in the code */
};

#define FLOW_NO_DEFAULT 0xFFFFFFFFu
struct flow_parameter_record {
    uint32_t name, type;       /* strings */
    uint32_t default_function; /* of all earlier parameters; or FLOW_NO_DEFAULT */
    uint32_t site;
};

/* An edge of control: target (where its BLOCK begins in the function's code), argument count, drop
 * count, operands, registers whose structures end here. */
enum { FLOW_EDGE_WORDS = 3 };

#endif
