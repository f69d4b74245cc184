/*
 * What an ELF file (64 bits, little-endian) needs from others: libraries, versions of their
 * symbols, symbols. Read from its dynamic section, as the system's loader does, so it works for
 * programs and libraries of any machine; nothing is run. Nothing in the file is trusted.
 */
#ifndef WKC_PACKAGE_ELF_FILE_H
#define WKC_PACKAGE_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/vector.h"

/* A version of a library's symbols that the file uses: "GLIBC_2.34" of "libc.so.6". */
struct elf_version {
    const char *library, *name;
    bool is_weak; /* it may be absent */
};

/* All texts point into the file's bytes. */
struct elf_file {
    uint16_t machine;   /* EM_X86_64, … */
    const char *loader; /* the interpreter that a program asks for; or NULL */
    const char *name;   /* of a library (DT_SONAME); or NULL */
    VECTOR(const char *) needed;
    VECTOR(struct elf_version) versions;
    VECTOR(const char *) defined_versions;
    VECTOR(const char *) undefined; /* symbols that it takes from others */
};

/* Reads a file, whose bytes outlive *elf; `path` is for messages. 0 or ERR_library_missing. Release
 * it in both cases. A file without a dynamic section needs nothing. */
int elf_file_read(struct elf_file *elf, const char *path, const struct buffer *content,
                  struct error *error);
void elf_file_release(struct elf_file *elf);

bool elf_file_defines_version(const struct elf_file *elf, const char *name);
bool elf_file_needs_symbol(const struct elf_file *elf, const char *name);

#endif
