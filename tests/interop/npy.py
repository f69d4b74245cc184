#!/usr/bin/python3
"""Compares runtime/value with NumPy and Python: .npy files in both directions, values as JSON, and the
text of numbers.

    tests/interop/npy.py [BUILD]      the build folder, build/release by default

Prints the failures, then "N passed, M failed"; the exit status is 1 if any failed. The seed is fixed,
so that a failure can be seen again.
"""
import ctypes
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve()
SCALARS = {"bool": "?", "i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8", "u8": "u1", "u16": "u2",
           "u32": "u4", "u64": "u8", "f32": "f4", "f64": "f8"}
NAMES = list(SCALARS)
rng = np.random.default_rng(20)
random.seed(20)


def load_library(folder):
    """The archives and the shim as one shared object."""
    library = f"{folder}/shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, f"-I{ROOT}/runtime",
                    f"{ROOT}/tests/interop/value_shim.c", f"{BUILD}/value.a", f"{BUILD}/base.a",
                    "-lsleef", "-lm"], check=True)
    shim = ctypes.CDLL(library)
    shim.shim_open.restype = shim.shim_inline.restype = ctypes.c_void_p
    shim.data_file_extents.restype = ctypes.POINTER(ctypes.c_int64)
    shim.shim_json.restype = ctypes.c_void_p
    shim.shim_begin()
    return shim


class Refused(Exception):
    """A diagnostic of the library: "E7xx message"."""


def array_type(name, rank):
    return f"{name}[{', '.join(['_'] * rank)}]"


def integers(values):
    return (ctypes.c_int64 * max(len(values), 1))(*values)


class DataFile:
    """struct data_file."""

    def __init__(self, source, name, rank, inline=False):
        line = ctypes.create_string_buffer(2048)
        opener = shim.shim_inline if inline else shim.shim_open
        self.handle = opener(str(source).encode(), array_type(name, rank).encode(), line)
        if not self.handle:
            raise Refused(line.value.decode())
        self.dtype = np.dtype(SCALARS[name])
        extents = shim.data_file_extents(ctypes.c_void_p(self.handle))
        self.shape = tuple(extents[i] for i in range(rank))

    def read(self, begin, count):
        out = np.empty(count, self.dtype)
        line = ctypes.create_string_buffer(2048)
        if shim.shim_read(ctypes.c_void_p(self.handle), integers(begin), integers(count),
                          out.ctypes.data_as(ctypes.c_void_p), line):
            raise Refused(line.value.decode())
        return out

    def read_all(self):
        return self.read((0,) * len(self.shape), self.shape)

    def close(self):
        shim.data_file_close(ctypes.c_void_p(self.handle))


def words_of(a):
    return (ctypes.c_uint64 * (1 + a.ndim))(a.ctypes.data, *a.shape)


def any_array(name, shape):
    """Random bits as elements, so that floats of every kind occur."""
    dtype = np.dtype(SCALARS[name])
    if name == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    count = math.prod(shape)
    return np.frombuffer(rng.bytes(count * dtype.itemsize), dtype).reshape(shape)


def same_bits(a, b):
    return a.shape == b.shape and a.tobytes() == b.tobytes()


# ---- The checks: each yields what went wrong ---------------------------------------------------

def reads_what_numpy_writes(folder):
    """All types, byte orders, orders of elements, versions and ranks; random pieces of each."""
    path = f"{folder}/a.npy"
    for trial in range(600):
        name = NAMES[trial % len(NAMES)]
        rank = random.randint(1, 6)
        shape = tuple(random.choice([0, 1, 2, 3, 5, 9]) if random.random() < 0.9 else 40
                      for _ in range(rank))
        array = any_array(name, shape)
        stored = array.astype(np.dtype(SCALARS[name]).newbyteorder(random.choice("<>")))
        stored = np.asfortranarray(stored) if random.random() < 0.5 else stored
        with open(path, "wb") as out:
            np.lib.format.write_array(out, stored, version=random.choice([(1, 0), (2, 0), (3, 0)]))
        file = DataFile(path, name, rank)
        if file.shape != shape or not same_bits(file.read_all(), array):
            yield f"{name}{shape} of {stored.dtype}"
        for _ in range(5):
            begin = [random.randint(0, extent) for extent in shape]
            count = [random.randint(0, extent - b) for extent, b in zip(shape, begin)]
            piece = array[tuple(slice(b, b + c) for b, c in zip(begin, count))]
            if not same_bits(file.read(begin, count), piece):
                yield f"the piece {begin} + {count} of {name}{shape}"
        file.close()


def numpy_reads_what_is_written(folder):
    path = f"{folder}/b.npy"
    for name in NAMES:
        for rank in range(1, 13):
            array = any_array(name, tuple(random.choice([0, 1, 1, 2, 3]) for _ in range(rank)))
            line = ctypes.create_string_buffer(2048)
            if shim.shim_write(path.encode(), NAMES.index(name), rank, words_of(array), line):
                yield line.value.decode()
            back = np.load(path)
            if back.dtype != array.dtype or not same_bits(back, array):
                yield f"{name}{array.shape}"
            if (os.path.getsize(path) - array.nbytes) % 64:
                yield "the data do not begin at a multiple of 64"


def refuses_what_it_cannot_hold(folder):
    path = f"{folder}/c.npy"
    for array in [np.zeros(3, complex), np.zeros(3, "f2"), np.zeros(3, "g"), np.array(["a"]),
                  np.array([b"a"]), np.array([{}], object), np.zeros(3, "M8[s]"),
                  np.zeros(3, "m8[s]"), np.zeros(3, [("x", "f8"), ("y", "i4")]), np.zeros(3, "V4")]:
        np.save(path, array)
        try:
            DataFile(path, "f64", 1)
            yield f"{array.dtype} was accepted"
        except Refused as refused:
            if not str(refused).startswith("E706"):
                yield f"{array.dtype}: {refused}"
    np.save(path, np.float64(1))
    try:
        DataFile(path, "f64", 1)
        yield "a single number was accepted"
    except Refused as refused:
        if not str(refused).startswith("E708"):
            yield str(refused)


def reads_pieces_of_huge_files(folder):
    """A terabyte, sparse: only what is asked for is read."""
    for fortran in (False, True):
        path = f"{folder}/huge.npy"
        shape = (1 << 17, 1 << 20)
        with open(path, "wb") as out:
            np.lib.format.write_array_header_1_0(
                out, {"descr": "<f8", "fortran_order": fortran, "shape": shape})
            offset = out.tell()
            for row, column in [(5, 7), (shape[0] - 1, shape[1] - 1)]:
                index = row + column * shape[0] if fortran else row * shape[1] + column
                out.seek(offset + 8 * index)
                out.write(struct.pack("<d", row * 1e7 + column))
        file = DataFile(path, "f64", 2)
        piece = file.read((4, 6), (3, 4))
        if piece[1, 1] != 5e7 + 7 or np.count_nonzero(piece) != 1:
            yield f"the first piece, fortran {fortran}"
        piece = file.read((shape[0] - 2, shape[1] - 300), (2, 300))
        if piece[1, 299] != (shape[0] - 1) * 1e7 + shape[1] - 1 or np.count_nonzero(piece) != 1:
            yield f"the last piece, fortran {fortran}"
        file.close()
        os.unlink(path)


def print_words(name, words):
    """semantics_print of many words."""
    texts = ctypes.create_string_buffer(32 * len(words))
    shim.shim_print(NAMES.index(name), ctypes.c_int64(len(words)),
                    np.ascontiguousarray(words, "u8").ctypes.data_as(ctypes.c_void_p), texts)
    raw = texts.raw
    return [raw[i:i + 32].split(b"\0")[0].decode() for i in range(0, len(raw), 32)]


def interesting_doubles():
    yield from (2.0 ** e * s for e in range(-1074, 1024) for s in (1, -1))
    yield from (float(f"{d}e{e}") for e in range(-324, 308) for d in (1, 3, 9, 1.5, 9.995))
    yield from (math.nextafter(2.0 ** e, d) for e in range(-1073, 1023) for d in (0, math.inf))
    yield from (x / 100 for x in range(-2000, 2000))
    yield from (float(x) for x in range(2 ** 53 - 50, 2 ** 53 + 50))


def prints_doubles_as_python(_):
    doubles = np.concatenate([rng.integers(0, 2 ** 64, 100000, "u8").view("f8"),
                              rng.normal(size=50000), np.round(rng.normal(size=20000) * 1e6, 2),
                              np.fromiter(interesting_doubles(), "f8")])
    for x, text in zip(doubles.tolist(), print_words("f64", doubles.view("u8"))):
        if text != repr(x):
            yield f"{text} for {x!r} ({x.hex()})"


def prints_floats_as_numpy(_):
    floats = np.concatenate([rng.integers(0, 2 ** 32, 50000, "u4").view("f4"),
                             rng.normal(size=20000).astype("f4"),
                             np.float32(2) ** np.arange(-149, 128, dtype="f4")])
    for x, text in zip(floats, print_words("f32", floats.view("u4").astype("u8"))):
        if text != str(x):
            yield f"{text} for {x} ({float(x).hex()})"


def reads_numbers_as_python(_):
    line = ctypes.create_string_buffer(2048)
    word = ctypes.c_uint64()
    for _ in range(20000):
        text = random.choice(["%.*e" % (random.randint(0, 25), random.uniform(-1, 1)
                                        * 10.0 ** random.randint(-320, 300)),
                              repr(random.uniform(-1e6, 1e6))])
        if shim.shim_read_scalar(NAMES.index("f64"), text.encode(), ctypes.byref(word), line):
            yield f"{text}: {line.value.decode()}"
        elif struct.pack("<Q", word.value) != struct.pack("<d", float(text)):
            yield f"{text} is read as {word.value:x}"


def read_word(name, text):
    """semantics_read of a text: its word, or None when it is refused."""
    line = ctypes.create_string_buffer(2048)
    word = ctypes.c_uint64()
    if shim.shim_read_scalar(NAMES.index(name), text.encode(), ctypes.byref(word), line):
        return None
    return word.value


def exact_text(x):
    """All digits of a rational number whose denominator is a power of two."""
    shift = x.denominator.bit_length() - 1
    digits = str(abs(x.numerator) * 5 ** shift).rjust(shift + 1, "0")
    point = len(digits) - shift
    return ("-" if x < 0 else "") + digits[:point] + "." + (digits[point:] or "0")


def ties(dtype, count):
    """Texts of the numbers half between two neighbours, and a last digit below and above them."""
    bits = {"f4": 32, "f8": 64}[dtype]
    for word in rng.integers(0, 2 ** (bits - 1), count, f"u{bits // 8}"):
        low = np.array([word], f"u{bits // 8}").view(dtype)[0]
        if not np.isfinite(low) or low == np.finfo(dtype).max:
            continue
        high = np.nextafter(low, np.array(np.inf, dtype))
        text = exact_text((Fraction(float(low)) + Fraction(float(high))) / 2)
        yield from (text, text + "1", text[:-1] + chr(ord(text[-1]) - 1) + "9" if text[-1] > "0" else text)


def nearest_float(text):
    """The f32 nearest to a text, ties to even, by exact arithmetic: NumPy rounds twice."""
    x = Fraction(text)
    guess = np.float32(float(text))
    around = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    best = min((f for f in around if np.isfinite(f)),
               key=lambda f: (abs(Fraction(float(f)) - x), int(f.view("u4")) & 1))
    return int(best.view("u4"))


def rounds_ties_once(_):
    for text in ties("f8", 3000):
        if len(text) < 380 and read_word("f64", text) != struct.unpack("<Q", struct.pack("<d", float(text)))[0]:
            yield f"{text} is not read as the nearest f64"
    for text in ties("f4", 10000):
        if read_word("f32", text) != nearest_float(text):
            yield f"{text} is not read as the nearest f32"


def integer_texts(value):
    digits = str(abs(value))
    sign = "-" if value < 0 else ""
    yield sign + digits
    yield sign + re.sub(r"(?<=\d)(?=(\d{3})+$)", "_", digits)
    yield sign + hex(abs(value))
    yield sign + bin(abs(value))
    for suffix, factor in (("KB", 1000), ("MB", 10 ** 6), ("GB", 10 ** 9), ("KiB", 1024), ("GiB", 2 ** 30)):
        if value % factor == 0:
            yield f"{sign}{abs(value) // factor}{suffix}"


def reads_integers_as_python(_):
    for name in NAMES[1:9]:
        bits = int(name[1:])
        least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if name[0] == "i" else (0, (1 << bits) - 1)
        values = [least, most, least - 1, most + 1, 0, -1, 1, 10 ** 20, -10 ** 20, 1024, 3000, 5 << 30]
        values += [random.randrange(least, most + 1) for _ in range(200)]
        values += [random.randrange(2 * least - 2, 2 * most + 2) for _ in range(200)]
        for value in values:
            for text in integer_texts(value):
                word = read_word(name, text)
                wanted = value & (1 << 64) - 1 if least <= value <= most else None
                if word != wanted and not (value == 0 and word == 0):
                    yield f"{text} as {name} is read as {word}, not {wanted}"


def literals_are_those_of_python(folder):
    """The compiler's literals: floats in a program, as f64 and as f32, against the bits of Python."""
    texts = [f"{random.uniform(-1, 1) * 10.0 ** random.randint(-300, 300):.{random.randint(0, 22)}e}"
             for _ in range(150)] + [t for t in ties("f8", 60) if len(t) < 380] + ["4.9e-324", "2.2250738585072011e-308"]
    doubles = [(t, struct.unpack("<Q", struct.pack("<d", float(t)))[0]) for t in texts]
    floats = [(t, nearest_float(t)) for t in ties("f4", 60) if "." in t]
    program = Path(folder) / "literals.wk"
    items = [f"bits(f64({t}))" for t, _ in doubles], [f"bits(f32({t}))" for t, _ in floats]
    program.write_text(f"flow main() -> (u64[_], u32[_]) {{\n    return ([{', '.join(items[0])}],\n"
                       f"            [{', '.join(items[1])}])\n}}\n")
    done = subprocess.run([BUILD / "wkc", "run", program], capture_output=True, text=True)
    if done.returncode:
        yield done.stderr[:2000]
        return
    for (text, wanted), found in zip(doubles + floats, sum(json.loads(done.stdout), [])):
        if found != wanted:
            yield f"{text} is {found:x}, not {wanted:x}"


def json_of(type_text, words):
    address = shim.shim_json(type_text.encode(), words)
    text = ctypes.string_at(address).decode()
    ctypes.CDLL(None).free(ctypes.c_void_p(address))
    return text


def prints_json_as_python(_):
    for trial in range(200):
        name = NAMES[trial % len(NAMES)]
        rank = random.randint(1, 4)
        array = any_array(name, tuple(random.randint(0, 4) for _ in range(rank)))
        text = json_of(array_type(name, rank), words_of(array))
        expected = json.dumps(array.tolist())
        if name == "f32":  # Python has no such numbers: compare what the text means
            back = np.array(json.loads(text), "f4").reshape(array.shape)
            if not np.array_equal(back, array, equal_nan=True):
                yield f"{text} for {expected}"
        elif text != expected:
            yield f"{text} for {expected}"


# ---- Values of any type: the type's text, the words of wk.h, and what Python's json makes of them ----

kept = []  # what words point to


def memory_of(words):
    kept.append((ctypes.c_uint64 * max(len(words), 1))(*words))
    return ctypes.addressof(kept[-1])


def any_text():
    return "".join(random.choice(["a", "é", "€", "𝄞", '"', "\\", "/", "\n", "\r", "\t", "\b", "\f", "\0", "\x1f",
                                  "\x7f", "\u2028"]) for _ in range(random.randint(0, 8)))


def text_value(text):
    kept.append(ctypes.create_string_buffer(text.encode()))
    return [ctypes.addressof(kept[-1]), len(text.encode())], text


def any_maker(depth):
    """A random type: its text, its number of words, and a function that makes a value (words, Python's)."""
    kind = random.randint(0, 3 if depth == 0 else 8)
    if kind == 0:
        def integer():
            number = random.choice([0, -1, 2**63 - 1, -2**63, random.randint(-99, 99)])
            return [number % 2**64], number
        return "i64", 1, integer
    if kind == 1:
        def real():
            number = random.choice([0.0, -0.0, 1e22, 5e-324, math.nan, math.inf, -math.inf, random.random()])
            return [struct.unpack("<Q", struct.pack("<d", number))[0]], number
        return "f64", 1, real
    if kind == 2:
        return "str", 2, lambda: text_value(any_text())
    if kind == 3:
        return "u32", 1, lambda: (lambda n: ([n], n))(random.randint(0, 2**32 - 1))
    if kind in (4, 5):
        return any_array_maker(depth)
    if kind in (6, 7):
        return any_parts_maker(depth, kind == 7)
    return any_map_maker(depth)


def any_array_maker(depth):
    text, _, make = any_maker(depth - 1)
    rank = random.randint(1, 2)

    def array():
        extents = [random.randint(0, 3) for _ in range(rank)]
        elements = [make() for _ in range(math.prod(extents))]
        if text == "u32":
            kept.append((ctypes.c_uint32 * max(len(elements), 1))(*[v for _, v in elements]))
            data = ctypes.addressof(kept[-1])
        else:
            data = memory_of([w for words, _ in elements for w in words])
        values = [v for _, v in elements]
        if rank == 2:
            values = [values[i * extents[1]:(i + 1) * extents[1]] for i in range(extents[0])]
        return [data, *extents], values
    unit = f"({text})" if text.startswith("map") else text
    brackets = "[_" + ", _" * (rank - 1) + "]"
    end = max(unit.rfind(")"), unit.rfind("}")) + 1  # brackets stand outermost first
    end = end or (unit.find("[") if "[" in unit else len(unit))
    return unit[:end] + brackets + unit[end:], 1 + rank, array


def any_parts_maker(depth, is_struct):
    parts = [any_maker(depth - 1) for _ in range(random.randint(2, 3))]
    named = is_struct or random.random() < 0.5

    def value():
        made = [make() for _, _, make in parts]
        values = {f"p{i}": v for i, (_, v) in enumerate(made)} if named else [v for _, v in made]
        return [w for words, _ in made for w in words], values
    inner = ", ".join(f"p{i}: {text}" if named else text for i, (text, _, _) in enumerate(parts))
    return (f"S{{{inner}}}" if is_struct else f"({inner})"), sum(words for _, words, _ in parts), value


def any_map_maker(depth):
    text, words, make = any_maker(depth - 1)
    keys = random.choice(["str", "i64", "(i64, str)"])
    key_words = {"str": 2, "i64": 1, "(i64, str)": 3}[keys]

    def map_value():
        rows, entries = [], []
        for number in random.sample(range(-9, 9), random.randint(0, 5)):
            name, _ = text_value(f"{number}€")
            key = {"str": name, "i64": [number % 2**64], "(i64, str)": [number % 2**64, *name]}[keys]
            value_words, value = make()
            rows += [*key, *value_words]
            entries.append((f"{number}€" if keys == "str" else str(number) if keys == "i64"
                            else [number, f"{number}€"], value))
        header = [len(entries), len(entries), memory_of(rows), 0, key_words + words, 0, 0, 0, 0, 0, 0]
        printed = [[k, v] for k, v in entries] if keys == "(i64, str)" else dict(entries)
        return [memory_of(header) if entries else 0], printed
    return f"map[{keys}]{text}", 1, map_value


def prints_any_value_as_python(_):
    for _ in range(1500):
        text, _, make = any_maker(3)
        words, value = make()
        found = json_of(text, (ctypes.c_uint64 * max(len(words), 1))(*words))
        expected = json.dumps(value, ensure_ascii=False)
        if found != expected:
            yield f"{text}: {found} instead of {expected}"
        kept.clear()


def reads_inline_arrays_of_python(_):
    for trial in range(300):
        name = NAMES[trial % len(NAMES)]
        rank = random.randint(1, 4)
        array = any_array(name, tuple(random.randint(1, 4) for _ in range(rank)))
        text = json.dumps(array.tolist(), separators=random.choice([(",", ":"), (" , ", ":")]))
        file = DataFile(text, name, rank, inline=True)
        if not np.array_equal(file.read_all(), array, equal_nan=array.dtype.kind == "f"):
            yield text
        file.close()


CHECKS = [reads_what_numpy_writes, numpy_reads_what_is_written, refuses_what_it_cannot_hold,
          reads_pieces_of_huge_files, prints_doubles_as_python, prints_floats_as_numpy,
          reads_numbers_as_python, rounds_ties_once, reads_integers_as_python,
          literals_are_those_of_python, prints_json_as_python,
          prints_any_value_as_python, reads_inline_arrays_of_python]

passed = failed = 0
with tempfile.TemporaryDirectory() as scratch:
    shim = load_library(scratch)
    for check in CHECKS:
        try:
            problems = list(check(scratch))
        except Refused as refusal:
            problems = [f"refused: {refusal}"]
        for problem in problems[:5]:
            print(f"{check.__name__}: {problem}")
        passed += not problems
        failed += bool(problems)
print(f"tests/interop/npy.py: {passed} passed, {failed} failed")
sys.exit(failed != 0)
