/*
 * The version of wkc and its runtime.
 */
#ifndef WKC_BASE_VERSION_H
#define WKC_BASE_VERSION_H

#define WKC_VERSION "0.1.0"

#endif
