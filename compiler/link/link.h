/*
 * From tasks to callable kernels: the cache, the code generator behind it, the linker, the loader.
 *
 * Results are kept by content in $WKC_CACHE, $XDG_CACHE_HOME/wkc or ~/.cache/wkc. The key is the
 * SHA-256 of all that the code depends on: the code generator itself, the ABI, the target, the
 * options, and the typed trees with their places (which failures and debug information name). An
 * entry is written beside its name and renamed, so two runs at once are safe; it ends with its own
 * hash, so a damaged one is found and made again. The folder is bounded; what was used longest ago
 * goes first. On a hit neither LLVM nor the linker is touched.
 */
#ifndef WKC_LINK_LINK_H
#define WKC_LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diagnostic.h"
#include "check/typed.h"
#include "kernel/kernel.h"
#include "wk.h"

struct link_options {
    struct kernel_options kernel;
    const char *cache;    /* the folder; NULL: as said above */
    uint64_t cache_bytes; /* its bound; 0: LINK_CACHE_BYTES */
};
#define LINK_CACHE_BYTES (UINT64_C(512) << 20)

/* Loaded kernels. They stay valid until kernel_library_close. */
struct kernel_library {
    void *handle;   /* of dlopen; NULL when there are no tasks */
    char *path;     /* of the shared object */
    bool cached;    /* it was there already */
    bool temporary; /* outside the cache: removed by kernel_library_close */
};

/* Compiles (or finds) and loads the kernels of `tasks`. 0, or an error code after reporting to
 * `diagnostics`; a cache that cannot be used is only a warning. Undefined symbols (wk_alloc, …)
 * come from the running program. */
int link_kernels(struct typed_function *const *tasks, uint32_t task_count,
                 const struct link_options *options, struct kernel_library *library,
                 struct diagnostics *diagnostics);

/* As link_kernels, for any target: appends the shared object's bytes instead of loading it. At
 * least one task. */
int link_bytes(struct typed_function *const *tasks, uint32_t task_count,
               const struct link_options *options, struct buffer *out,
               struct diagnostics *diagnostics);

/* The kernel of the task with this symbol (typed_function.symbol), or NULL. */
wk_kernel *kernel_library_find(const struct kernel_library *library, const char *symbol);

void kernel_library_close(struct kernel_library *library);

/* The text of the tasks' LLVM IR or assembly (--emit=llvm|asm), past the cache. 0, or an error code
 * after reporting. */
int link_emit(struct typed_function *const *tasks, uint32_t task_count,
              const struct link_options *options, enum kernel_output form, struct buffer *output,
              struct diagnostics *diagnostics);

#endif
