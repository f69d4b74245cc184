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
import struct
import subprocess
import sys
import tempfile
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
          reads_numbers_as_python, prints_json_as_python, reads_inline_arrays_of_python]

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
