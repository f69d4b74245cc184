#!/usr/bin/python3
"""The library against published values, NumPy and independent implementations."""
import json
import math
import random
import re
import struct
import subprocess

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
                 "Stra\u00dfe, na\u00efve 3rd x_y".encode(), b"ab " * 3000):
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


if __name__ == "__main__":
    main([the_reference_is_numpys, philox_known_answers, random_numbers_are_those_of_the_reference,
          random_numbers_are_distributed_as_said, all_orders_are_equally_likely, impossible_ranges_fail,
          words_are_those_of_tr, lines_are_those_of_python, strings_are_cut_and_found_as_in_python,
          integers_are_parsed_as_in_python, floats_are_parsed_to_the_last_bit])
