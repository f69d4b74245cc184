/* What a loop that waits for another thread does between two looks. */
#ifndef WKC_BASE_PAUSE_H
#define WKC_BASE_PAUSE_H

#if defined(__x86_64__)
#include <immintrin.h>
#define pause_processor() _mm_pause()
#elif defined(__aarch64__)
#define pause_processor() __asm__ volatile("yield")
#else
#define pause_processor() ((void)0)
#endif

#endif
