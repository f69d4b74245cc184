/*
 * Floats from decimal text, exactly rounded, and the shortest decimals of floats; both fast.
 *
 * Sources of the algorithms. Reading: D. Lemire, "Number Parsing at a Gigabyte per Second",
 * Software: Practice and Experience 51 (2021); that it needs no fallback for numbers of up to 19
 * digits: N. Mushtak and D. Lemire, "Fast Number Parsing Without Fallback" (2023). Shortest
 * decimals: R. Giulietti, "The Schubfach way to render doubles" (2020).
 */
#ifndef WKC_VALUE_DECIMAL_H
#define WKC_VALUE_DECIMAL_H

#include <stdint.h>

/* Reads the longest number at `text`, which ends before `end`: a sign or none, decimal digits with
 * or without a point among them (at least one digit), an exponent or none. *value is the nearest
 * f64, ties to even; infinite when it is too large. The address behind it, or NULL if there is
 * none. */
const char *decimal_read_f64(const char *text, const char *end, double *value);

/* The same, rounded once, to the nearest f32. */
const char *decimal_read_f32(const char *text, const char *end, float *value);

/* digits * 10^power; at most 17 digits, the last of which may be zeros. */
struct decimal {
    uint64_t digits;
    int power;
};

/* The shortest decimal that reads back as x, which is finite and above 0; of several that have as
 * few digits (zeros at the end do not count) the nearest to x. */
struct decimal decimal_shortest_f64(double x);

/* The shortest that reads back as x when read as f32. */
struct decimal decimal_shortest_f32(float x);

#endif
