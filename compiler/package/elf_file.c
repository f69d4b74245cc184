/* Reading ELF files; see elf_file.h. Tables are found by the dynamic section's addresses, which the
 * program headers translate to offsets. */
#include "package/elf_file.h"

#include <elf.h>
#include <string.h>

struct reader {
    struct elf_file *elf;
    const char *data;
    uint64_t length;
    Elf64_Ehdr header;
    const char *names; /* the table of texts; ends with a zero */
    uint64_t name_bytes;
};

static bool read_at(const struct reader *in, uint64_t at, void *out, size_t size)
{
    if (at > in->length || size > in->length - at)
        return false;
    memcpy(out, in->data + at, size);
    return true;
}

static bool read_segment(const struct reader *in, uint32_t number, Elf64_Phdr *out)
{
    return in->header.e_phentsize == sizeof *out && in->header.e_phoff <= in->length &&
           read_at(in, in->header.e_phoff + (uint64_t)number * sizeof *out, out, sizeof *out);
}

static bool find_segment(const struct reader *in, uint32_t type, Elf64_Phdr *out)
{
    for (uint32_t i = 0; i < in->header.e_phnum; i++)
        if (read_segment(in, i, out) && out->p_type == type)
            return true;
    return false;
}

/* Where in the file the bytes of an address stand, with how many follow; false: in none. */
static bool find_address(const struct reader *in, uint64_t address, uint64_t *at, uint64_t *bytes)
{
    Elf64_Phdr segment;
    for (uint32_t i = 0; i < in->header.e_phnum; i++) {
        if (!read_segment(in, i, &segment) || segment.p_type != PT_LOAD ||
            address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz ||
            segment.p_offset > in->length || segment.p_filesz > in->length - segment.p_offset)
            continue;
        *at = segment.p_offset + (address - segment.p_vaddr);
        *bytes = segment.p_filesz - (address - segment.p_vaddr);
        return true;
    }
    return false;
}

/* A text of the table; "" for one that lies outside. */
static const char *name_at(const struct reader *in, uint64_t offset)
{
    return offset < in->name_bytes ? in->names + offset : "";
}

/* ---- The dynamic section --------------------------------------------------------------------- */

/* The last value of a tag; false: it does not occur. */
static bool find_tag(const struct reader *in, const Elf64_Phdr *dynamic, int64_t tag,
                     uint64_t *value)
{
    Elf64_Dyn entry;
    bool found = false;
    for (uint64_t at = 0; at + sizeof entry <= dynamic->p_filesz; at += sizeof entry) {
        if (!read_at(in, dynamic->p_offset + at, &entry, sizeof entry) || entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag != tag)
            continue;
        *value = entry.d_un.d_val;
        found = true;
    }
    return found;
}

static bool read_names(struct reader *in, const Elf64_Phdr *dynamic)
{
    uint64_t address, at, bytes;
    if (!find_tag(in, dynamic, DT_STRTAB, &address) ||
        !find_tag(in, dynamic, DT_STRSZ, &in->name_bytes) ||
        !find_address(in, address, &at, &bytes) || in->name_bytes > bytes || in->name_bytes == 0)
        return false;
    in->names = in->data + at;
    return in->names[in->name_bytes - 1] == '\0';
}

static void read_needed(struct reader *in, const Elf64_Phdr *dynamic)
{
    Elf64_Dyn entry;
    uint64_t name;
    for (uint64_t at = 0; at + sizeof entry <= dynamic->p_filesz; at += sizeof entry) {
        if (!read_at(in, dynamic->p_offset + at, &entry, sizeof entry) || entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED)
            vector_push(&in->elf->needed, name_at(in, entry.d_un.d_val));
    }
    if (find_tag(in, dynamic, DT_SONAME, &name))
        in->elf->name = name_at(in, name);
}

/* ---- Versions ---------------------------------------------------------------------------------
 */

static bool read_needed_versions(struct reader *in, const Elf64_Phdr *dynamic)
{
    uint64_t address, count = 0, at, bytes;
    if (!find_tag(in, dynamic, DT_VERNEED, &address))
        return true;
    if (!find_tag(in, dynamic, DT_VERNEEDNUM, &count) || !find_address(in, address, &at, &bytes))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Verneed need;
        Elf64_Vernaux part;
        if (!read_at(in, at, &need, sizeof need))
            return false;
        uint64_t part_at = at + need.vn_aux;
        for (uint32_t p = 0; p < need.vn_cnt; p++, part_at += part.vna_next) {
            if (!read_at(in, part_at, &part, sizeof part))
                return false;
            struct elf_version version = {name_at(in, need.vn_file), name_at(in, part.vna_name),
                                          part.vna_flags & VER_FLG_WEAK};
            vector_push(&in->elf->versions, version);
        }
        at += need.vn_next;
    }
    return true;
}

static bool read_defined_versions(struct reader *in, const Elf64_Phdr *dynamic)
{
    uint64_t address, count = 0, at, bytes;
    if (!find_tag(in, dynamic, DT_VERDEF, &address))
        return true;
    if (!find_tag(in, dynamic, DT_VERDEFNUM, &count) || !find_address(in, address, &at, &bytes))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Verdef definition;
        Elf64_Verdaux name;
        if (!read_at(in, at, &definition, sizeof definition) ||
            !read_at(in, at + definition.vd_aux, &name, sizeof name))
            return false;
        vector_push(&in->elf->defined_versions, name_at(in, name.vda_name));
        at += definition.vd_next;
    }
    return true;
}

/* ---- Symbols -----------------------------------------------------------------------------------
 */

/* The dynamic section does not say how many symbols there are; their section header does. */
static void read_undefined(struct reader *in)
{
    Elf64_Shdr section;
    Elf64_Sym symbol;
    if (in->header.e_shentsize != sizeof section)
        return;
    for (uint32_t i = 0; i < in->header.e_shnum; i++) {
        if (!read_at(in, in->header.e_shoff + (uint64_t)i * sizeof section, &section,
                     sizeof section) ||
            section.sh_type != SHT_DYNSYM)
            continue;
        for (uint64_t at = 0; at + sizeof symbol <= section.sh_size; at += sizeof symbol) {
            if (!read_at(in, section.sh_offset + at, &symbol, sizeof symbol))
                return;
            if (symbol.st_shndx == SHN_UNDEF && symbol.st_name)
                vector_push(&in->elf->undefined, name_at(in, symbol.st_name));
        }
    }
}

/* ---- The whole ---------------------------------------------------------------------------------
 */

static bool read_header(struct reader *in)
{
    return read_at(in, 0, &in->header, sizeof in->header) &&
           memcmp(in->header.e_ident, ELFMAG, SELFMAG) == 0 &&
           in->header.e_ident[EI_CLASS] == ELFCLASS64 && in->header.e_ident[EI_DATA] == ELFDATA2LSB;
}

static bool read_loader(struct reader *in)
{
    Elf64_Phdr segment;
    if (!find_segment(in, PT_INTERP, &segment))
        return true;
    if (segment.p_filesz == 0 || segment.p_offset > in->length ||
        segment.p_filesz > in->length - segment.p_offset ||
        in->data[segment.p_offset + segment.p_filesz - 1] != '\0')
        return false;
    in->elf->loader = in->data + segment.p_offset;
    return true;
}

static bool read_all(struct reader *in)
{
    Elf64_Phdr dynamic;
    if (!read_header(in) || !read_loader(in))
        return false;
    in->elf->machine = in->header.e_machine;
    if (!find_segment(in, PT_DYNAMIC, &dynamic))
        return true;
    if (!read_names(in, &dynamic))
        return false;
    read_needed(in, &dynamic);
    read_undefined(in);
    return read_needed_versions(in, &dynamic) && read_defined_versions(in, &dynamic);
}

int elf_file_read(struct elf_file *elf, const char *path, const struct buffer *content,
                  struct error *error)
{
    *elf = (struct elf_file){0};
    struct reader in = {.elf = elf, .data = buffer_text(content), .length = content->length};
    return read_all(&in) ? 0
                         : error_set(error, ERR_library_missing,
                                     "'%s' is no program or library that can be carried", path);
}

void elf_file_release(struct elf_file *elf)
{
    vector_release(&elf->needed);
    vector_release(&elf->versions);
    vector_release(&elf->defined_versions);
    vector_release(&elf->undefined);
}

bool elf_file_defines_version(const struct elf_file *elf, const char *name)
{
    for (size_t i = 0; i < elf->defined_versions.count; i++)
        if (strcmp(elf->defined_versions.items[i], name) == 0)
            return true;
    return false;
}

bool elf_file_needs_symbol(const struct elf_file *elf, const char *name)
{
    for (size_t i = 0; i < elf->undefined.count; i++)
        if (strcmp(elf->undefined.items[i], name) == 0)
            return true;
    return false;
}
