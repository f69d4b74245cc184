/*
 * The symbols of a C file's object file (ELF, 64 bits, as all targets have it). Names are changed
 * by giving the symbol table a new table of names, which stands at the end of the file; nothing
 * else moves. The object comes from a compiler that we did not choose, so nothing about it is taken
 * on trust.
 */
#include "link/internal.h"

#include <elf.h>
#include <string.h>

struct object {
    const char *data;
    size_t length;
    Elf64_Ehdr header;
    size_t symbols_header, names_header; /* where the section headers stand */
    Elf64_Shdr symbols, names;
};

static bool read_at(const struct object *o, uint64_t at, void *out, size_t size)
{
    if (at > o->length || size > o->length - at)
        return false;
    memcpy(out, o->data + at, size);
    return true;
}

static bool read_section(const struct object *o, uint32_t number, size_t *at, Elf64_Shdr *out)
{
    *at = o->header.e_shoff + (size_t)number * sizeof *out;
    return number < o->header.e_shnum && read_at(o, *at, out, sizeof *out) &&
           out->sh_offset <= o->length &&
           (out->sh_type == SHT_NOBITS || out->sh_size <= o->length - out->sh_offset);
}

/* Finds the symbol table and its names. False: not an object file as we know them. */
static bool object_open(struct object *o, const struct buffer *file)
{
    *o = (struct object){.data = file->data, .length = file->length};
    if (!read_at(o, 0, &o->header, sizeof o->header) ||
        memcmp(o->header.e_ident, ELFMAG, SELFMAG) != 0 ||
        o->header.e_ident[EI_CLASS] != ELFCLASS64 || o->header.e_type != ET_REL ||
        o->header.e_shentsize != sizeof(Elf64_Shdr))
        return false;
    for (uint32_t i = 0; i < o->header.e_shnum; i++) {
        if (!read_section(o, i, &o->symbols_header, &o->symbols))
            return false;
        if (o->symbols.sh_type == SHT_SYMTAB)
            return read_section(o, o->symbols.sh_link, &o->names_header, &o->names) &&
                   o->names.sh_type == SHT_STRTAB && o->names.sh_size > 0 &&
                   o->data[o->names.sh_offset + o->names.sh_size - 1] == '\0';
    }
    return false;
}

static size_t symbol_count(const struct object *o)
{
    return o->symbols.sh_size / sizeof(Elf64_Sym);
}

static size_t symbol_at(const struct object *o, size_t number)
{
    return o->symbols.sh_offset + number * sizeof(Elf64_Sym);
}

/* A symbol that other files see, and its name; NULL for the others. */
static const char *global_symbol(const struct object *o, size_t number, Elf64_Sym *symbol)
{
    if (!read_at(o, symbol_at(o, number), symbol, sizeof *symbol) ||
        ELF64_ST_BIND(symbol->st_info) == STB_LOCAL || symbol->st_name >= o->names.sh_size)
        return NULL;
    return o->data + o->names.sh_offset + symbol->st_name;
}

int object_rename(const struct buffer *object, uint32_t unit, struct buffer *out,
                  struct error *error)
{
    struct object o;
    if (!object_open(&o, object))
        return error_set(error, ERR_foreign_compile,
                         "the C compiler did not write an object file for 64-bit ELF");
    struct buffer names = {0};
    buffer_append(&names, o.data + o.names.sh_offset, o.names.sh_size);
    buffer_append(out, object->data, object->length);
    for (size_t i = 0; i < symbol_count(&o); i++) {
        Elf64_Sym symbol;
        const char *name = global_symbol(&o, i, &symbol);
        if (!name || symbol.st_shndx == SHN_UNDEF)
            continue;
        symbol.st_name = (Elf64_Word)names.length;
        symbol.st_other = STV_HIDDEN;
        buffer_printf(&names, "c%u.%s", unit, name);
        buffer_putc(&names, '\0');
        memcpy(out->data + symbol_at(&o, i), &symbol, sizeof symbol);
    }
    o.names.sh_offset = out->length;
    o.names.sh_size = names.length;
    memcpy(out->data + o.names_header, &o.names, sizeof o.names);
    buffer_append(out, names.data, names.length);
    buffer_release(&names);
    return 0;
}

bool object_defines(const struct buffer *object, const char *name, const char **nearest)
{
    struct object o;
    *nearest = NULL;
    for (size_t i = 0; object_open(&o, object) && i < symbol_count(&o); i++) {
        Elf64_Sym symbol;
        const char *found = global_symbol(&o, i, &symbol);
        if (!found || symbol.st_shndx == SHN_UNDEF)
            continue;
        if (strcmp(found, name) == 0)
            return true;
        nearest_name(name, found, nearest);
    }
    return false;
}

const char *object_undefined(const struct buffer *object, bool (*is_known)(const char *name))
{
    struct object o;
    for (size_t i = 1; object_open(&o, object) && i < symbol_count(&o); i++) {
        Elf64_Sym symbol;
        const char *found = global_symbol(&o, i, &symbol);
        bool needed = found && symbol.st_shndx == SHN_UNDEF && symbol.st_name != 0 &&
                      ELF64_ST_BIND(symbol.st_info) != STB_WEAK;
        if (needed && !is_known(found))
            return found;
    }
    return NULL;
}
