/*
 * Bundles: a compiled program with all that it needs to run, as one zip file, or as the folder that
 * it was unpacked into (spec/bundle.md). A bundle is read piece by piece, and each piece is checked
 * against the manifest when it is read.
 */
#ifndef WKC_BUNDLE_BUNDLE_H
#define WKC_BUNDLE_BUNDLE_H

#include "bundle/manifest.h"
#include "bundle/zip.h"

/* Names of files in every bundle (those of BUNDLE_LIBRARIES begin so). */
#define BUNDLE_MANIFEST "manifest.json"
#define BUNDLE_FLOW_CODE "flow.code"
#define BUNDLE_KERNELS "kernels.so" /* of programs that have tasks */
#define BUNDLE_STARTER "bootstrap"
#define BUNDLE_EXECUTOR "bin/executor"
#define BUNDLE_LIBRARIES "lib/"

/* This machine's name among targets. */
#if defined(__x86_64__)
#define BUNDLE_TARGET "x86_64"
#elif defined(__aarch64__)
#define BUNDLE_TARGET "aarch64"
#endif

struct bundle {
    const char *path;
    struct manifest manifest;
    char digest[MANIFEST_HASH_TEXT]; /* SHA-256 of the manifest's text, so of the whole bundle */
    struct zip zip;
    bool is_folder; /* then there is no zip */
};

/* Whether a path names a bundle, whole or damaged, rather than a source: a zip file, a folder with
 * a manifest, or any file whose name ends in .wkb. */
bool bundle_is_meant(const char *path);

/* Opens a bundle and reads its manifest; `path` outlives it. 0, ERR_file_unreadable, ERR_bad_bundle
 * or ERR_bundle_version; then there is nothing to close. */
int bundle_open(struct bundle *bundle, const char *path, struct error *error);
void bundle_close(struct bundle *bundle);

/* Appends a file's contents, which are what the manifest says. 0, or an error; then `out` is as it
 * was. */
int bundle_read(const struct bundle *bundle, const char *name, struct buffer *out,
                struct error *error);

/* Reads and checks all files. 0 or the first error. */
int bundle_check(const struct bundle *bundle, struct error *error);

/* Loads kernels.so (RTLD_LOCAL): *handle is for dlsym and dlclose; NULL when the program has no
 * tasks. 0, ERR_bundle_target or ERR_bundle_version when this process cannot run them, or another
 * error. */
int bundle_load_kernels(const struct bundle *bundle, void **handle, struct error *error);

#endif
