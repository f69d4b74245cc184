/* Slots for small strings; see slots.h. */
#include "value/slots.h"

#include <string.h>

#include "value/poison.h"
#include "wk.h"

/* The first slot is not at a multiple of SLOT_UNIT, so no slot is at one of WK_ALIGN. */
enum { FIRST_SLOT = 72 };
_Static_assert(sizeof(struct slot_page) <= FIRST_SLOT, "the header lies before the first slot");
_Static_assert(FIRST_SLOT % SLOT_UNIT == 8 && WK_ALIGN % SLOT_UNIT == 0, "slots are no blocks");

static struct slot_page *page_of(const void *slot)
{
    return (struct slot_page *)((uintptr_t)slot & ~(uintptr_t)(SLOT_PAGE_BYTES - 1));
}

static uint32_t class_of(uint64_t bytes)
{
    return (uint32_t)(bytes ? (bytes - 1) / SLOT_UNIT : 0);
}

static uint64_t slot_bytes(const struct slot_page *page)
{
    return (page->size_class + UINT64_C(1)) * SLOT_UNIT;
}

/* A slot of the page, or NULL when it is full. */
static inline void *take_from(struct slot_page *page, uint64_t bytes)
{
    void *slot = page->freed;
    if (slot) {
        poison_show(slot, sizeof page->freed);
        page->freed = *(void **)slot;
    } else if (page->fresh <= page->last) {
        slot = (char *)page + page->fresh;
        page->fresh += (uint32_t)slot_bytes(page);
    } else {
        return NULL;
    }
    page->used++;
    poison_hide(slot, slot_bytes(page));
    poison_show(slot, bytes);
    poison_spoil(slot, bytes);
    return slot;
}

void *slots_take(struct slot_store *store, uint64_t bytes)
{
    struct slot_page **open = &store->open[class_of(bytes)];
    for (; *open; *open = (*open)->next) {
        void *slot = take_from(*open, bytes);
        if (slot)
            return slot;
        (*open)->is_open = false;
    }
    return NULL;
}

static void open_page(struct slot_store *store, struct slot_page *page)
{
    page->is_open = true;
    page->next = store->open[page->size_class];
    store->open[page->size_class] = page;
}

void slots_free(struct slot_store *store, void *slot)
{
    struct slot_page *page = page_of(slot);
    poison_show(slot, sizeof page->freed);
    *(void **)slot = page->freed;
    page->freed = slot;
    page->used--;
    poison_hide(slot, slot_bytes(page));
    if (!page->is_open)
        open_page(store, page);
}

/* The end of a page's memory leaves room for what malloc writes before the next one. */
void slots_add_page(struct slot_store *store, void *memory, uint64_t bytes)
{
    struct slot_page *page = memory;
    *page = (struct slot_page){
        .next_all = store->pages, .fresh = FIRST_SLOT, .size_class = class_of(bytes)};
    page->last = (uint32_t)(SLOT_PAGE_MEMORY - slot_bytes(page));
    store->pages = page;
    open_page(store, page);
    poison_hide((char *)memory + FIRST_SLOT, SLOT_PAGE_MEMORY - FIRST_SLOT);
}

static void put_spare(struct slot_store *store, struct slot_page *page)
{
    page->next = store->spare;
    store->spare = page;
    store->spare_bytes += SLOT_PAGE_BYTES;
}

void *slots_take_spare(struct slot_store *store)
{
    struct slot_page *page = store->spare;
    if (!page)
        return NULL;
    store->spare = page->next;
    store->spare_bytes -= SLOT_PAGE_BYTES;
    poison_show(page, SLOT_PAGE_MEMORY);
    return page;
}

void slots_reset(struct slot_store *store)
{
    for (struct slot_page *page = store->pages, *next; page; page = next) {
        next = page->next_all;
        put_spare(store, page);
    }
    store->pages = NULL;
    memset(store->open, 0, sizeof store->open);
}

void slots_gather(struct slot_store *store)
{
    struct slot_page *pages = store->pages;
    store->pages = NULL;
    memset(store->open, 0, sizeof store->open);
    for (struct slot_page *page = pages, *next; page; page = next) {
        next = page->next_all;
        if (!page->used) {
            put_spare(store, page);
            continue;
        }
        page->next_all = store->pages;
        store->pages = page;
        page->is_open = false;
        if (page->freed || page->fresh <= page->last)
            open_page(store, page);
    }
}
