/*
 * Where the files are that belong to wkc: beside the program in the build folder, or in the folders
 * of an installation.
 */
#ifndef WKC_BASE_INSTALLATION_H
#define WKC_BASE_INSTALLATION_H

/* The first of the places, relative to the folder of the running program, that can be read; the
 * first place if none can. `places` ends with NULL. To be freed. */
char *installation_find(const char *const *places);

#endif
