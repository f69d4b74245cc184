#!/usr/bin/python3
"""The library against published values, NumPy and independent implementations."""
import json
import math

import numpy as np

from harness import check, main, wkc


def library(folder, uses, body, result, *arguments):
    """Runs a program that uses modules of the library, and gives its result."""
    program = folder / "program.wk"
    program.write_text("".join(f"use {name}\n" for name in uses) + f"\nflow main(n: int = 0) -> {result} {{\n{body}\n}}\n")
    return wkc("run", program, *arguments).json()


# ---- random ---------------------------------------------------------------------------------------------

def philox(width, counter, key):
    """Philox4 x width with ten rounds, as the paper says it; `width` is 32 or 64."""
    multipliers, weyl = {32: ((0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)),
                         64: ((0xD2E7470EE14C6C93, 0xCA5A826395121157),
                              (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B))}[width]
    low = (1 << width) - 1
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = multipliers[0] * c0, multipliers[1] * c2
        c0, c1, c2, c3 = (p1 >> width) ^ c1 ^ k0, p1 & low, (p0 >> width) ^ c3 ^ k1, p0 & low
        k0, k1 = (k0 + weyl[0]) & low, (k1 + weyl[1]) & low
    return c0, c1, c2, c3


def words(number):
    return number & 0xFFFFFFFF, number >> 32 & 0xFFFFFFFF


def block(seed, stream, position):
    return philox(32, (*words(position), *words(stream)), words(seed))


def halves(seed, stream, position):
    b = block(seed, stream, position)
    return b[0] | b[1] << 32, b[2] | b[3] << 32


def signed(number):
    return number - (1 << 64) if number >> 63 else number


def the_reference_is_numpys(folder):
    """The same code with words of 64 bits is what NumPy computes; with 32 it is what is compared below."""
    generator = np.random.Philox(counter=[5, 6, 7, 8], key=[0x0123456789ABCDEF, 11])
    found = [int(x) for x in generator.random_raw(8)]
    expected = [*philox(64, (6, 6, 7, 8), (0x0123456789ABCDEF, 11)), *philox(64, (7, 6, 7, 8), (0x0123456789ABCDEF, 11))]
    check(found == expected, f"{found}, {expected}")


def philox_known_answers(folder):
    """Random123's kat_vectors for philox4x32, 10 rounds: counter, key, result."""
    vectors = [("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
               ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
               ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1")]
    for counter, key, expected in vectors:
        c, k, e = ([int(w, 16) for w in t.split()] for t in (counter, key, expected))
        position, stream, seed = (signed(lo | hi << 32) for lo, hi in ((c[0], c[1]), (c[2], c[3]), k))
        found = library(folder, ["random"], f"return random.block({seed}, {stream}, {position})", "(u64, u64, u64, u64)")
        check(found == e, f"{counter}: {found}, expected {e}")
        check(list(philox(32, c, k)) == e, "the reference")


def random_numbers_are_those_of_the_reference(folder):
    for seed, stream, n in ((1, 2, 9), (-5, 1 << 40, 4), (1 << 62, -1, 1), (7, 7, 0)):
        body = f"return (random.uniform({seed}, {stream}, n), random.normal({seed}, {stream}, n), " \
               f"random.integers({seed}, {stream}, -3, 1000, n), [random.bits({seed}, i) for i in 0..n], " \
               f"[random.real({seed}, i) for i in 0..n], random.exponential({seed}, {stream}, n))"
        uniform, normal, integers, bits, reals, exponential = library(
            folder, ["random"], body, "(f64[_], f64[_], int[_], u64[_], f64[_], f64[_])", f"n={n}")
        raw = [halves(seed, stream, i // 2)[i % 2] for i in range(n + 1)]
        units = [(x >> 11) / 2**53 for x in raw]
        check(uniform == units[:n], f"uniform {uniform} {units}")
        check(np.allclose(exponential, -np.log1p(-np.array(units[:n])), rtol=1e-15), "exponential")
        for i in range(n):
            r, angle = math.sqrt(-2 * math.log(1 - units[i - i % 2])), 2 * math.pi * units[i - i % 2 + 1] \
                if i - i % 2 + 1 < len(units) else None
            check(angle is None or math.isclose(normal[i], r * (math.sin(angle) if i % 2 else math.cos(angle)),
                                                rel_tol=1e-12, abs_tol=1e-12), f"normal {i}")
        check(bits == [halves(seed, 0, i // 2)[i % 2] for i in range(n)], "bits")
        check(reals == [(b >> 11) / 2**53 for b in bits], "real")
        for i, found in enumerate(integers):
            tries = (x & 1023 for again in range(99) for x in halves(seed, stream, i | again << 56))
            check(found == -3 + next(t for t in tries if t < 1003), f"integer {i}")


def random_numbers_are_distributed_as_said(folder):
    n = 100_000
    body = "return (random.uniform(11, 0, n), random.normal(11, 1, n), random.integers(11, 2, -2, 5, n), " \
           "random.permutation(11, 3, n), random.exponential(11, 4, n))"
    uniform, normal, integers, permutation, exponential = map(np.array, library(
        folder, ["random"], body, "(f64[_], f64[_], int[_], int[_], f64[_])", f"n={n}"))

    def agrees(sample, distribution):
        """Kolmogorov and Smirnov's distance is below what 1 sample in 10^4 exceeds."""
        x = distribution(np.sort(sample))
        steps = np.arange(n + 1) / n
        distance = max(np.max(steps[1:] - x), np.max(x - steps[:-1]))
        return distance * math.sqrt(n) < 2.23
    check(agrees(uniform, lambda x: x), "uniform")
    check(agrees(normal, lambda x: np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])), "normal")
    check(agrees(exponential, lambda x: 1 - np.exp(-x)), "exponential")
    check(abs(np.corrcoef(normal[::2], normal[1::2])[0, 1]) < 4 / math.sqrt(n / 2), "pairs are independent")
    counts = np.bincount(integers + 2, minlength=7)
    check(len(counts) == 7 and ((counts - n / 7)**2 / (n / 7)).sum() < 27.9, f"integers {counts}")  # chi squared, 6
    check(sorted(permutation.tolist()) == list(range(n)), "a permutation")
    fixed = int((permutation == np.arange(n)).sum())
    check(fixed < 10 and abs(np.corrcoef(permutation, np.arange(n))[0, 1]) < 4 / math.sqrt(n), "in random order")


def all_orders_are_equally_likely(folder):
    body = "return [random.permutation(1, i, 3)[0] * 2 + int(random.permutation(1, i, 3)[1] > random.permutation(1, i, 3)[2]) " \
           "for i in 0..n]"
    program = folder / "program.wk"
    program.write_text("use random\ntask orders(n: int) -> int[n] {\n" + body.replace("int(", "(if ").replace("[2])", "[2] { 1 } else { 0 })") +
                       "\n}\nflow main(n: int) -> int[n] { return orders(n) }\n")
    counts = np.bincount(wkc("run", program, "n=6000").json(), minlength=6)
    check(len(counts) == 6 and ((counts - 1000)**2 / 1000).sum() < 25.7, f"{counts}")  # chi squared, 5


def impossible_ranges_fail(folder):
    for low, high, n in ((3, 3, 1), (4, 3, 1), (-2**62, 2**62, 1)):
        program = folder / "program.wk"
        program.write_text(f"use random\nflow main() -> int[_] {{ return random.integers(1, 1, {low}, {high}, {n}) }}\n")
        wkc("run", program).fails(1, "E801", f"there are no integers from {low} below {high}", "random.wk:")


if __name__ == "__main__":
    main([the_reference_is_numpys, philox_known_answers, random_numbers_are_those_of_the_reference,
          random_numbers_are_distributed_as_said, all_orders_are_equally_likely, impossible_ranges_fail])
