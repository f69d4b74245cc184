#!/usr/bin/python3
"""The library against published values, NumPy and independent implementations."""
import json
import math
import random
import re
import struct
import subprocess
from fractions import Fraction

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


# ---- text -----------------------------------------------------------------------------------------------

def text_task(folder, parameters, call, result, *arguments):
    """What a task of one line gives."""
    program = folder / "program.wk"
    names = ", ".join(p.split(":")[0] for p in parameters.split(", "))
    program.write_text(f"use text\ntask run({parameters}) -> {result} {{ return {call} }}\n"
                       f"flow main({parameters}) -> {result} {{ return run({names}) }}\n")
    return wkc("run", program, *arguments)


def in_file(folder, data):
    path = folder / "data.txt"
    path.write_bytes(data)
    return f"b={path}"


def words_are_those_of_tr(folder):
    """Random bytes, text in which words begin and end the file, and nothing at all."""
    dice = random.Random(1)
    for data in (b"", b"one", b" one", b"one ", b"aZ09`{@[/:", b"\xff\xfea\x00b\xc3\xa9c\r\nd", dice.randbytes(5000),
                 "Stra\u00dfe, na\u00efve 3rd x_y".encode(), b"ab " * 3000, b"x" * 64, b" " * 63 + b"a" + b"b c",
                 *(bytes(dice.choice(b"aZ9 .\xc3") for _ in range(n)) for n in (63, 64, 65, 128, 1001))):
        found = text_task(folder, "b: file", "text.words(read(b))", "str[_]", in_file(folder, data)).json()
        expected = subprocess.run(["tr", "-cs", "A-Za-z0-9", "\\n"], input=data, capture_output=True, check=True,
                                  env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout.decode().split()
        check(found == expected, f"{data[:40]}: {found[:20]}, {expected[:20]}")


def lines_are_those_of_python(folder):
    for text in ("", "a", "a\n", "\n", "\r\n", "a\r\n\r\nb\n\nc\rd\n\r", "\u00e4\u20ac\n\U0001f600", "x\n" * 5000):
        found = text_task(folder, "b: file", "text.lines(read(b))", "str[_]", in_file(folder, text.encode())).json()
        expected = [line.removesuffix("\r") if i < text.count("\n") else line for i, line in enumerate(text.split("\n"))]
        expected = expected if expected[-1] else expected[:-1]
        check(found == expected, f"{text[:40]!r}: {found[:20]}, {expected[:20]}")
    text_task(folder, "b: file", "text.lines(read(b))", "str[_]", in_file(folder, b"a\n\xff\n")).fails(1, "error[E826]")


def strings_are_cut_and_found_as_in_python(folder):
    result = "(parts: str[_], trimmed: str, starts: bool, ends: bool, found: int, lower: str, upper: str)"
    call = "(text.split(s, what), text.trim(s), text.starts_with(s, what), text.ends_with(s, what), " \
           "text.find(s, what), text.lower(s), text.upper(s))"
    for s, what in (("a,b,,c,", ","), ("", ","), ("aaaa", "aa"), ("abc", "abc"), ("ab", "abc"), ("abab", "bab"),
                    (" \t\u00c4zZ@[`{aA\u20ac\r\n\x0b\x0c ", "\u20ac"), ("\n \t", " "), ("aab", "ab"), ("--x--", "--")):
        found = text_task(folder, "s: str, what: str", call, result, f"s={s}", f"what={what}").json()
        ascii_only = {o: lambda t, o=o: re.sub("[a-zA-Z]", lambda m: getattr(m[0], o)(), t) for o in ("lower", "upper")}
        expected = {"parts": s.split(what), "trimmed": s.strip(" \t\n\v\f\r"), "starts": s.startswith(what),
                    "ends": s.endswith(what), "found": len(s[:s.find(what)].encode()) if what in s else -1,
                    "lower": ascii_only["lower"](s), "upper": ascii_only["upper"](s)}
        check(found == expected, f"{s!r}, {what!r}: {found}, {expected}")
    places = text_task(folder, "s: str", '[text.find(s, "an", i) for i in 0..7]', "int[_]", "s=banana").json()
    check(places == ["banana".find("an", i) for i in range(7)], f"{places}")
    ends = text_task(folder, "s: str", '(text.find(s, ""), text.find(s, "", 3), text.starts_with(s, ""), text.ends_with(s, ""))',
                     "(int, int, bool, bool)", "s=abc").json()
    check(ends == [0, 3, True, True], f"{ends}")
    text_task(folder, "s: str", 'text.split(s, "")', "str[_]", "s=a").fails(1, "the separator of a split is empty")
    for at in (-1, 4):
        text_task(folder, "s: str", f'text.find(s, "", {at})', "int", "s=abc").fails(1, f"3 bytes has nothing at {at}")


def parsed(folder, kind, texts):
    """(ok, value) of each text by text.parse_KIND; values of f64 as their bits, which JSON does not keep of NaN."""
    result = f"(ok: bool, value: {kind})"
    found = text_task(folder, "b: file", f'[text.parse_{kind}(s) for s in text.split(str(read(b)), ";")]',
                      f"{result}[_]", in_file(folder, ";".join(texts).encode())).json()
    return [(f["ok"], f["value"]) for f in found]


def integers_are_parsed_as_in_python(folder):
    texts = ["", "-", "+", "0", "-0", "+7", "00012", "1 ", " 1", "1_0", "0x1", "1.0", "--1", "9223372036854775807",
             "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "92233720368547758070", "9" * 40,
             "-92233720368547758080", "\u0663", "12a", "9223372036854775799", "-1", "/", ":"]
    for text, found in zip(texts, parsed(folder, "int", texts), strict=True):
        valid = re.fullmatch("[+-]?[0-9]+", text) and -2**63 <= int(text) < 2**63
        check(found == ((True, int(text)) if valid else (False, 0)), f"{text!r}: {found}")


def floats_are_parsed_to_the_last_bit(folder):
    """Short and long numbers, ties and what is beside them, subnormal ones, limits: against Python's, by their bits."""
    dice = random.Random(2)
    texts = ["", ".", "-", "e5", "1e", "1e+", "1e5.", "1..2", ".5", "5.", "-.5e-3", "+1E5", " 1", "1x", "0x10", "1_0", "nan",
             "-inf", "Infinity", "INF", "-NaN", "infinit", "-0", "0e999999999999", "-0.0e-5", "1e99999999999", "-1e-99999999999",
             "9007199254740993", "9007199254740993.000", "9007199254740993." + "0" * 900 + "1", "1e22", "1e23", "8.5e-22",
             "2.2250738585072014e-308", "2.2250738585072011e-308", "4.9406564584124654e-324", "2.4703282292062327e-324",
             "2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623159e308", "1.797693134862315807e308",
             "0." + "0" * 400 + "1e400", "1" + "0" * 400 + "e-400", "123456789012345678", "1e-1000", "3" * 1000 + "e-900"]
    for _ in range(150):
        x = abs(struct.unpack("d", dice.randbytes(8))[0])
        if math.isfinite(x):
            texts += [repr(x), f"{x:.30e}", f"{-x:.5e}"]
            numerator, denominator = x.as_integer_ratio()
            following = math.nextafter(x, math.inf).as_integer_ratio() if x < 1e308 else (numerator, denominator)
            middle = numerator * following[1] + following[0] * denominator
            power = (2 * denominator * following[1]).bit_length() - 1  # the middle is a fraction of 2^power
            digits = str(middle * 5**power)
            texts += [f"{digits}e{-power}", f"{digits}1e{-power - 1}", f"{int(digits) - 1}e{-power}"]
    texts += [f"{dice.randrange(10**9)}.{dice.randrange(10**6):06}" for _ in range(200)]
    for text, (ok, value) in zip(texts, parsed(folder, "f64", texts), strict=True):
        valid = re.fullmatch(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|nan|inf|infinity)", text, re.I)
        expected = float(text) if valid else 0.0
        same = math.isnan(expected) and math.isnan(value) or \
            expected == value and math.copysign(1, expected) == math.copysign(1, value)
        check(ok == bool(valid) and same, f"{text[:60]!r}: {ok}, {value!r}, expected {expected!r}")


# ---- stats ----------------------------------------------------------------------------------------------

def statistics(folder, body, result, **arrays):
    """Runs the body of a flow on arrays in files, and gives its result."""
    parameters = ", ".join(f"{name}: f64[{'_, _' if array.ndim == 2 else '_'}]" for name, array in arrays.items())
    path = folder / "program.wk"
    path.write_text(f"use stats\n\nflow main({parameters}) -> {result} {{\n{body}\n}}\n")
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return wkc("run", path, *[f"{name}={folder}/{name}.npy" for name in arrays])


def samples():
    """Samples that are easy, short, far from zero, large, small, and full of equal numbers."""
    generator = np.random.default_rng(12)
    return [generator.normal(3, 2, 1001), np.array([5.5]), np.array([-1.0, 2.0]), 1e9 + generator.uniform(0, 1, 1000),
            1e150 * generator.normal(0, 1, 50), 1e-150 * generator.normal(1, 1, 51), np.full(1000, 0.1),
            generator.integers(0, 5, 400).astype(float)]


def exactly(xs, ddof=0):
    """Mean and variance, rounded once."""
    numbers = [Fraction(x) for x in xs.tolist()]
    mean = sum(numbers) / len(numbers)
    return float(mean), float(sum((x - mean)**2 for x in numbers) / (len(numbers) - ddof))


def moments_are_those_of_fractions(folder):
    for xs in samples():
        body = "return (stats.moments(xs), stats.moments_by_parts(xs, 100), stats.mean(xs), stats.variance(xs), " \
               "stats.deviation(xs), stats.extremes(xs))"
        whole, parts, mean, variance, deviation, extremes = statistics(
            folder, body, "(stats.Moments, stats.Moments, f64, f64, f64, (f64, f64))", xs=xs).json()
        expected, spread = exactly(xs)
        far = abs(expected) / math.sqrt(spread) if spread else 0.0  # the rounding of means, in deviations
        for found, tolerance in ((whole, 1e-14), (parts, 1e-14 + 1e-16 * far)):
            check(found["count"] == len(xs) and found["least"] == xs.min() and found["greatest"] == xs.max(), f"{found}")
            check(math.isclose(found["mean"], expected, rel_tol=1e-15, abs_tol=1e-15 * np.abs(xs).max()), f"mean {found}")
            check(math.isclose(found["squares"], spread * len(xs), rel_tol=tolerance), f"{found}, {spread * len(xs)}")
        check(mean == whole["mean"] and variance == whole["squares"] / len(xs) and deviation == math.sqrt(variance), "of moments")
        check(extremes == [xs.min(), xs.max()] or extremes == {"least": xs.min(), "greatest": xs.max()}, f"{extremes}")
    xs = np.random.default_rng(1).normal(0, 1, 100)
    found = statistics(folder, "return (stats.variance(xs, ddof: 1), stats.deviation(xs, 1), "
                       "stats.variance_of(stats.moments(xs), 1))", "(f64, f64, f64)", xs=xs).json()
    check(np.allclose(found, [xs.var(ddof=1), xs.std(ddof=1), xs.var(ddof=1)], rtol=1e-14), f"{found}")


def moments_of_nothing_and_of_what_is_no_number(folder):
    infinity = math.inf
    found = statistics(folder, "return (stats.moments(xs), stats.moments_by_parts(xs))", "(stats.Moments, stats.Moments)",
                       xs=np.zeros(0)).json()
    check(found == [{"count": 0, "mean": 0, "squares": 0, "least": infinity, "greatest": -infinity}] * 2, f"{found}")
    for xs, mean in (([1.0, infinity, 2.0], infinity), ([-infinity, 1.0, 2.0], -infinity), ([infinity] * 3, infinity),
                     ([infinity, 0.0, -infinity], math.nan), ([1.0, math.nan, 2.0], math.nan)):
        found = statistics(folder, "return (stats.moments(xs), stats.moments_by_parts(xs, 1))",
                           "(stats.Moments, stats.Moments)", xs=np.array(xs)).json()
        for one in found:
            check(np.array_equal([one["mean"], one["squares"]], [mean, math.nan], equal_nan=True) and
                  np.array_equal([one["least"], one["greatest"]], [np.min(xs), np.max(xs)], equal_nan=True), f"{xs}: {one}")


def histograms_are_numpys(folder):
    generator = np.random.default_rng(4)
    cases = [(generator.normal(0, 1, 5000), -2.0, 2.5, 17), (generator.integers(-3, 15, 500) / 10, 0.0, 1.0, 10),
             (np.linspace(0, 1, 1001), 0.0, 1.0, 1000), (np.zeros(0), 0.0, 1.0, 3), (np.array([3.0]), 3.0, 4.0, 1),
             (np.array([math.nan, -math.inf, math.inf, 0.5, 1.0]), 0.0, 1.0, 2),
             (5e-324 * np.arange(20.0), 0.0, 5e-324 * 16, 4), (np.linspace(-8e307, 8e307, 99), -8e307, 8e307, 7)]
    for low, high, bins in ((0.1, 0.9, 49), (-1.3, 7.7, 61), (1e6, 1e6 + 1, 1000)):  # at borders, and just beside
        borders = np.linspace(low, high, bins + 1)
        cases.append((np.concatenate([borders, np.nextafter(borders, -9), np.nextafter(borders, 1e9)]), low, high, bins))
    for xs, low, high, bins in cases:
        body = f"let parts = [xs[i*100 .. min((i + 1)*100, len(xs))] for i in 0 .. (len(xs) + 99) / 100]\n" \
               f"return (stats.histogram(xs, {low!r}, {high!r}, {bins}), stats.edges({low!r}, {high!r}, {bins}), " \
               f"reduce(add, [stats.histogram(p, {low!r}, {high!r}, {bins}) for p in parts], init: zeros({bins})))"
        found, edges, joined = statistics(folder, body, "(int[_], f64[_], int[_])", xs=xs).json()
        borders = np.linspace(low, high, bins + 1)
        check(edges == borders.tolist(), f"{edges}, {borders}")
        check(joined == found, "by parts")
        counted = [int(((xs >= a) & ((xs < b) | (b == borders[-1]) & (xs == b))).sum()) for a, b in zip(borders, borders[1:])]
        check(found == counted, f"{low} to {high}: {found}, {counted}")
        if high > 1e-300:  # below, NumPy 1.24 divides by what has vanished, and fails
            expected = np.histogram(xs, bins, (low, high))[0].tolist()
            check(found == expected, f"{low} to {high}: {found}, NumPy {expected}")


def quantiles_are_numpys(folder):
    shares = np.concatenate([[0.5, 0.0, 1.0, 0.25, 0.1, 1 / 3, 0.999, 0.77], np.random.default_rng(2).uniform(0, 1, 100)])
    for xs in samples() + [np.array([4.0, -math.inf, 2.0, 1.0]), np.array([1.0, math.nan, 0.0])]:
        body = "return (stats.quantiles(xs, qs), stats.quantile(xs, 0.1), stats.median(xs))"
        many, one, median = statistics(folder, body, "(f64[_], f64, f64)", xs=xs, qs=shares).json()
        finite = np.isfinite(xs).all() or np.isnan(xs).any()
        expected = np.quantile(xs, shares) if finite else np.array([1.5, -math.inf, 4, -math.inf, -math.inf, 1, 3.994, 2.62])
        check(np.array_equal(many, expected, equal_nan=True) if finite else np.allclose(many[:8], expected, rtol=1e-12),
              f"{xs[:4]}: {many}, {expected}")
        check(np.array_equal([one, median], [many[4], many[0]], equal_nan=True), f"{one}, {median}")
    found = statistics(folder, "return stats.quantiles(xs, [0.5, 0.8, 1.0])", "f64[_]", xs=np.array([math.inf, 2, 1, math.inf, 3])).json()
    check(found == [3, math.inf, math.inf], f"infinite ones count as others: {found}")
    found = statistics(folder, "return stats.quantiles(xs, [0.25, 0.5])", "f64[_]", xs=np.array([1.5e308, -1.5e308])).json()
    check(found == [-0.75e308, 0], f"what lies between does not overflow: {found}")


def covariances_are_numpys(folder):
    generator = np.random.default_rng(6)
    table = generator.normal(100, 1, (300, 4)) @ generator.normal(0, 1, (4, 4))
    np.save(folder / "table.npy", table)
    body = "return (stats.covariances(table), stats.covariances(table, ddof: 1), stats.covariance(xs, ys), " \
           "stats.covariance(xs, ys, 1), stats.correlation(xs, ys), stats.correlation(xs, xs), " \
           "stats.correlation(xs, -3.0 * xs), stats.correlation(xs, fill(0.1, len(xs))))"
    xs, ys = table[:, 0].copy(), table[:, 1].copy()
    found = statistics(folder, body, "(f64[_, _], f64[_, _], f64, f64, f64, f64, f64, f64)", table=table, xs=xs, ys=ys).json()
    zero, one = np.cov(table.T, ddof=0), np.cov(table.T)
    expected = [zero, one, zero[0, 1], one[0, 1], np.corrcoef(xs, ys)[0, 1], 1, -1, math.nan]
    for f, e in zip(found, expected):
        check(np.allclose(f, e, rtol=1e-11, atol=1e-13, equal_nan=True), f"{f}, {e}")
    check(np.array_equal(found[0], np.transpose(found[0])), "symmetric to the last bit")
    check(abs(found[5]) <= 1 and abs(found[6]) <= 1, "at most 1")


def statistics_of_too_little_fail(folder):
    for expression, text in (("mean(xs)", "an empty sample has no mean"), ("variance(xs)", "a sample of 0 is too small: ddof is 0"),
                             ("variance([1.0], ddof: 1)", "a sample of 1 is too small: ddof is 1"),
                             ("covariance(xs, xs)", "a sample of 0 is too small"), ("median(xs)", "an empty sample has no quantiles"),
                             ("quantile([1.0], 1.5)", "not at 1.5"), ("quantile([1.0], 0.0 / 0.0)", "not at nan"),
                             ("correlation([1.0, 2.0], [1.0])", "error[E401]"),
                             ("extremes(xs).least", "an empty sample has no extremes"),
                             ("moments_by_parts(xs, 0).mean", "part is 0"),
                             ("edges(0.0, 1.0, 0)[0]", "at least one bin, not 0"), ("edges(1.0, 1.0, 2)[0]", "not from 1.0 to 1.0"),
                             ("edges(-1e308, 1e308, 2)[0]", "not from -1e+308 to 1e+308"),
                             ("edges(1.0, 1.0000000000000004, 3)[0]", "3 bins are too many")):
        statistics(folder, f"return stats.{expression}", "f64", xs=np.zeros(0)).fails(1, text)


if __name__ == "__main__":
    main([the_reference_is_numpys, philox_known_answers, random_numbers_are_those_of_the_reference,
          random_numbers_are_distributed_as_said, all_orders_are_equally_likely, impossible_ranges_fail,
          words_are_those_of_tr, lines_are_those_of_python, strings_are_cut_and_found_as_in_python,
          integers_are_parsed_as_in_python, floats_are_parsed_to_the_last_bit, moments_are_those_of_fractions,
          moments_of_nothing_and_of_what_is_no_number, histograms_are_numpys, quantiles_are_numpys,
          covariances_are_numpys, statistics_of_too_little_fail])
