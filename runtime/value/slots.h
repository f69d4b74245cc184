/*
 * Slots: memory for the bytes of small strings. A context has one store of them; they never leave
 * the kernel in which they were made.
 *
 * A page is SLOT_PAGE_BYTES of memory at a multiple of that, a header and slots of one size: so the
 * page of a slot, and with it the slot's size, is found from the slot's address. Freed slots are
 * linked in their page, and slots that were never used follow at its end (free lists by page are
 * those of mimalloc: Leijen, Zorn, de Moura, 2019). Taking and freeing a slot is a few
 * instructions, and a kernel's end takes a time in proportion to its pages, not to its strings.
 *
 * A slot's address is never a multiple of WK_ALIGN, and a block's always: this tells them apart.
 */
#ifndef WKC_VALUE_SLOTS_H
#define WKC_VALUE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "wk.h"

enum {
    SLOT_PAGE_BYTES = 32 << 10,              /* pages begin at multiples of it */
    SLOT_PAGE_MEMORY = SLOT_PAGE_BYTES - 64, /* what a page has of it */
    SLOT_UNIT = 16,                          /* sizes of slots are multiples of it */
    SLOT_MAX = 512,
    SLOT_CLASSES = SLOT_MAX / SLOT_UNIT,
};

struct slot_page {
    struct slot_page *next;     /* open pages of its class, or spare ones */
    struct slot_page *next_all; /* the store's pages */
    void *freed;                /* slots, each with the address of the next; or NULL */
    uint32_t fresh;             /* where slots begin that were never used, from the page's begin */
    uint32_t last;              /* the last place where one may begin */
    uint32_t used;              /* slots in use */
    uint32_t size_class;        /* slots have (size_class + 1) * SLOT_UNIT bytes */
    bool is_open;               /* it is among the open pages of its class */
};

/* All zero is an empty store. */
struct slot_store {
    struct slot_page *open[SLOT_CLASSES]; /* pages with room; the first one is taken from */
    struct slot_page *pages;              /* all but spare ones */
    struct slot_page *spare;              /* without slots, to be used for any class */
    uint64_t spare_bytes;
};

/* A slot for `bytes` bytes, at most SLOT_MAX; NULL when no page has room: then a page, which the
 * caller got somewhere (slots_take_spare), is added for it first. */
void *slots_take(struct slot_store *store, uint64_t bytes);
void slots_free(struct slot_store *store, void *slot);

/* A page's memory becomes a page for slots of this many bytes. */
void slots_add_page(struct slot_store *store, void *memory, uint64_t bytes);
/* A spare page's memory, or NULL. */
void *slots_take_spare(struct slot_store *store);

/* Frees all slots at once: the pages are spare. */
void slots_reset(struct slot_store *store);
/* Makes pages without used slots spare. Takes a time in proportion to the number of pages. */
void slots_gather(struct slot_store *store);

/* Whether an owned string, by the address of its bytes, is a block; else it is in a slot, or in
 * lent memory. */
static inline bool text_is_block(uint64_t address)
{
    return address % WK_ALIGN == 0;
}

#endif
