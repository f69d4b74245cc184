/*
 * Packing a folder that a bundle was unpacked into: whoever runs functions takes zip files.
 */
#ifndef WKC_PACKAGE_FOLDER_H
#define WKC_PACKAGE_FOLDER_H

#include "bundle/bundle.h"

/* Appends the bundle as a zip to `out`, which is empty; each file is checked. 0 or an error. */
int package_folder(const struct bundle *bundle, struct buffer *out, struct error *error);

#endif
