/*
 * Reading floats from decimal text, exactly rounded and fast.
 *
 * Source of the algorithm: D. Lemire, "Number Parsing at a Gigabyte per Second", Software: Practice
 * and Experience 51 (2021); that it needs no fallback for numbers of up to 19 digits: N. Mushtak and
 * D. Lemire, "Fast Number Parsing Without Fallback" (2023).
 */
#ifndef WKC_VALUE_DECIMAL_H
#define WKC_VALUE_DECIMAL_H

/* Reads the longest number at `text`, which ends before `end`: a sign or none, decimal digits with or
 * without a point among them (at least one digit), an exponent or none. *value is the nearest f64,
 * ties to even; infinite when it is too large. The address behind it, or NULL if there is none. */
const char *decimal_read_f64(const char *text, const char *end, double *value);

/* The same, rounded once, to the nearest f32. */
const char *decimal_read_f32(const char *text, const char *end, float *value);

#endif
