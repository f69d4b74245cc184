/*
 * The runtime of a target: what all its bundles carry, packed once when wkc is built, so that
 * compiling a program copies compressed bytes and depends on nothing of the machine where it is
 * compiled. It is two bundles without a program: `runtime.zip` with the starter, the executor and
 * their libraries, and `linear-algebra.zip` with OpenBLAS and what that needs besides.
 */
#ifndef WKC_PACKAGE_RUNTIME_PACKAGE_H
#define WKC_PACKAGE_RUNTIME_PACKAGE_H

#include "base/buffer.h"
#include "base/error.h"

struct runtime_package {
    const char *target, *compiler;  /* "x86_64"; the version of wkc */
    const char *starter, *executor; /* paths of the programs */
    const char *linear_algebra;     /* path of OpenBLAS; NULL: none */
    int level;                      /* of zlib */
};

/* Appends the first file or, when OpenBLAS is named, the second. 0, or ERR_library_missing or
 * another error. */
int runtime_package(const struct runtime_package *package, struct buffer *out, struct error *error);

#endif
