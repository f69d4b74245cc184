#!/usr/bin/python3
"""Compares strings with those of Python, on random input: in tasks, which are native code, at -O0, at -O2
and in a simulation, and in flows on known values, which the interpreter of flow code runs.

    tests/interop/text.py [BUILD]      the build folder, build/release by default

Prints the failures, then "N passed, M failed"; the exit status is 1 if any failed. The seed is fixed,
so that a failure can be seen again.
"""
import csv
import ctypes
import io
import itertools
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve()
WAYS = {"tasks -O0": ("task", ["-O0"]), "tasks -O2": ("task", ["-O2"]),
        "simulated tasks": ("task", ["-O2", "--on=sim", "--seed=7"]), "known values": ("flow", ["-O2"])}
INTEGERS = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]
BORDERS = [0, 1, 0x1F, 0x20, 0x22, 0x5C, 0x7B, 0x7D, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF,
           0x10000, 0x10FFFF]
random.seed(21)

# ---- Random strings and how programs write them --------------------------------------------------

def any_character():
    """Of each length in UTF-8 alike, and the first and last of each."""
    kind = random.randrange(6)
    if kind == 0:
        return chr(random.choice(BORDERS))
    first, last = [(0x61, 0x65), (0x20, 0x7E), (0x80, 0x7FF), (0x800, 0xD7FF), (0x10000, 0x10FFFF)][kind - 1]
    return chr(random.randint(first, last))


def any_text(most=12):
    return "".join(any_character() for _ in range(random.choice([0, 1, 2, random.randint(0, most), most])))


def near_text(text):
    """Often one that begins alike, so that comparisons are decided late."""
    kind = random.randrange(4)
    if kind == 0 or not text:
        return any_text()
    at = random.randrange(len(text))
    return [text, text[:at], text[:at] + any_character() + text[at + 1:]][kind - 1]


def spelled_character(c):
    """As itself where the language allows it, or as one of its escapes."""
    code = ord(c)
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\\": "\\\\", '"': '\\"', "'": "\\'"}
    ways = [f"\\u{{{code:x}}}", f"\\u{{{code:06X}}}", "".join(f"\\x{b:02x}" for b in c.encode())]
    ways += [named[c]] if c in named else []
    ways += [c] * 4 if code >= 0x20 and c not in '"\\' else []
    return random.choice(ways)


def spelled(text):
    return f'"{"".join(map(spelled_character, text))}"'


def spelled_list(items, spell=spelled):
    """An array; one without elements takes its type from the parameter."""
    return f"[{', '.join(map(spell, items))}]"


# ---- Running -------------------------------------------------------------------------------------

def run(folder, text, options, arguments=()):
    path = Path(folder) / "program.wk"
    path.write_bytes(text.encode())
    return subprocess.run([BUILD / "wkc", "run", path, *options, *arguments], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120)


def argument(name, text):
    """A text on the command line, where @ begins a file's name and @@ a text that begins with @."""
    return f"{name}=@{text}" if text.startswith("@") else f"{name}={text}"


def differences(folder, functions, calls, ways=None, arguments=()):
    """Runs calls, each (type, expression, what Python gives), of functions whose heads begin with PURE."""
    results = ",\n".join(f"r{i}: {type_}" for i, (type_, _, _) in enumerate(calls))
    values = ",\n".join(expression for _, expression, _ in calls)
    for name in ways or WAYS:
        kind, options = WAYS[name]
        text = (functions.replace("PURE", kind) + "flow main() -> (\n" + results + ",\n) {\nreturn (\n" + values +
                ",\n)\n}\n")
        done = run(folder, text, options, arguments)
        if done.returncode:
            yield f"{name}: {done.stderr.decode('utf-8', 'replace')[:1500]}"
            continue
        found = json.loads(done.stdout)
        for (_, expression, wanted), value in zip(calls, found.values()):
            if value != wanted:
                yield f"{name}: {expression} is {value!r}, not {wanted!r}"


# ---- The checks: each yields what went wrong -----------------------------------------------------

def joins_as_python(folder):
    functions = """
PURE plus(a: str, b: str) -> str { return a + b }
PURE joined(list: str[n], between: str) -> str {
    var s = ""
    for i in 0..n {
        if i > 0 { s += between }
        s += list[i]
    }
    return s
}
PURE before(list: str[n]) -> str {
    var s = ""
    for piece in list { s = piece + s }
    return s
}
PURE doubled(s: str, n: int) -> str {
    var t = s
    for _ in 0..n { t += t }
    return t + s
}
PURE kept(s: str, n: int) -> str {
    var t = s
    var all = ""
    for i in 0..n {
        let old = t
        t += str(i)
        all += old + "|"
    }
    return all + t
}
"""
    calls = []
    for _ in range(25):
        a, b, items = any_text(), any_text(), [any_text(5) for _ in range(random.randint(1, 6))]
        n = random.randint(0, 4)
        kept = [a + "".join(map(str, range(i))) for i in range(n + 1)]
        calls += [("str", f"plus({spelled(a)}, {spelled(b)})", a + b),
                  ("str", f"joined({spelled_list(items)}, {spelled(b)})", b.join(items)),
                  ("str", f"before({spelled_list(items)})", "".join(reversed(items))),
                  ("str", f"doubled({spelled(a)}, {n})", a * 2 ** n + a),
                  ("str", f"kept({spelled(a)}, {n})", "|".join(kept))]
    yield from differences(folder, functions, calls)


def compares_as_python(folder):
    functions = """
PURE compared(a: str, b: str) -> bool[6] { return [a == b, a != b, a < b, a <= b, a > b, a >= b] }
PURE length(s: str) -> int { return len(s) }
PURE same(a: str[n], b: str[m]) -> bool { return a == b }
PURE pairs(a: str, b: str) -> bool { return (a, 1) == (b, 1) }
"""
    calls = []
    for _ in range(60):
        a = any_text()
        b = near_text(a)
        lists = [a, b], [b, a] if random.random() < 0.5 else [a, b]
        calls += [("bool[6]", f"compared({spelled(a)}, {spelled(b)})", [a == b, a != b, a < b, a <= b, a > b, a >= b]),
                  ("int", f"length({spelled(a)})", len(a.encode())),
                  ("bool", f"pairs({spelled(a)}, {spelled(b)})", a == b),
                  ("bool", f"same({spelled_list(lists[0])}, {spelled_list(lists[1])})", lists[0] == lists[1])]
    yield from differences(folder, functions, calls)


def borders(text):
    """The offsets between characters."""
    return list(itertools.accumulate((len(c.encode()) for c in text), initial=0))


def slices_at_borders(folder):
    functions = """
PURE cut(s: str, low: int, high: int) -> str { return s[low..high] }
PURE thrice(s: str, low: int, high: int) -> (str, str, str) { return (s[..low], s[low..high], s[high..]) }
PURE inner(s: str, low: int, high: int) -> str {
    let piece = s[low..]
    return piece[..high - low] + "!"
}
PURE grown(s: str, low: int) -> (str, str) {
    var t = s[..low]
    let old = t
    t += s[low..]
    return (old, t)
}
"""
    calls = []
    for _ in range(40):
        text = any_text()
        low, high = sorted(random.choices(borders(text), k=2))
        raw = text.encode()
        piece = raw[low:high].decode()
        first, last = raw[:low].decode(), raw[high:].decode()
        calls += [("str", f"cut({spelled(text)}, {low}, {high})", piece),
                  ("str", f"cut({spelled(text)}, {high}, {low})", piece if low == high else ""),
                  ("(str, str, str)", f"thrice({spelled(text)}, {low}, {high})", [first, piece, last]),
                  ("str", f"inner({spelled(text)}, {low}, {high})", piece + "!"),
                  ("(str, str)", f"grown({spelled(text)}, {low})", [first, text])]
    yield from differences(folder, functions, calls)


def slice_outcome(text, low, high):
    """What the slice is: its text, or the code of its failure with the byte it names."""
    length = len(text.encode())
    if not (0 <= low <= length and 0 <= high <= length):
        return "E806", None
    for at in (low, high):
        if at not in borders(text):
            return "E825", at
    return None, text.encode()[low:high].decode()


def refuses_other_slices(folder):
    program = """
PURE cut(s: str, low: int, high: int) -> str { return s[low..high] }
flow main(s: str, low: int, high: int) -> str { return cut(s, low, high) }
"""
    seen = set()
    for trial in range(160):
        text = any_text(4).replace("\0", "0")
        length = len(text.encode())
        low, high = random.randint(-1, length + 1), random.randint(-1, length + 1)
        code, wanted = slice_outcome(text, low, high)
        kind, options = WAYS[["tasks -O0", "tasks -O2", "known values"][trial % 3]]
        done = run(folder, program.replace("PURE", kind), options, [argument("s", text), f"low={low}", f"high={high}"])
        seen.add(code)
        shown = done.stderr.decode()
        if code is None:
            if done.returncode or json.loads(done.stdout) != wanted:
                yield f"{text!r}[{low}..{high}] as {kind}: {shown or done.stdout}"
        elif done.returncode != 1 or f"error[{code}]" not in shown:
            yield f"{text!r}[{low}..{high}] as {kind} is not {code}: {shown or done.stdout}"
        elif wanted is not None and f"byte {wanted} lies" not in shown:
            yield f"{text!r}[{low}..{high}] as {kind} does not name byte {wanted}: {shown}"
    if seen != {None, "E806", "E825"}:
        yield f"only {seen} occurred"


def number_texts(folder):
    """str of numbers: integers and f64 as Python prints them, f32 as NumPy does."""
    functions = "".join(f"PURE text_{t}(x: {t}) -> str {{ return str(x) }}\n" for t in [*INTEGERS, "f32", "f64", "bool"])
    functions += """
PURE text_nan(x: f64) -> str { return str((x - x) / (x - x)) }
PURE text_infinity(x: f64) -> (str, str) { return (str(x / 0.0), str(-x / 0.0)) }
PURE text_text(s: str) -> str { return str(s) }
"""
    calls = [("str", f"text_bool({t})", t) for t in ("true", "false")]
    calls += [("str", "text_nan(1.5)", "nan"), ("(str, str)", "text_infinity(1.5)", ["inf", "-inf"])]
    for name in INTEGERS:
        bits = int(name[1:])
        least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if name[0] == "i" else (0, (1 << bits) - 1)
        for x in [least, most, 0, least + 1] + [random.randint(least, most) >> random.randrange(bits) for _ in range(6)]:
            calls.append(("str", f"text_{name}({x})", str(x)))
    for _ in range(60):
        x = random.choice([random.uniform(-10, 10), round(random.uniform(-1e6, 1e6), 2), float(random.randint(-99, 99)),
                           struct.unpack("<d", struct.pack("<Q", random.getrandbits(64)))[0], 10.0 ** random.randint(-8, 18)])
        if math.isfinite(x):
            calls.append(("str", f"text_f64({x!r})", repr(x)))
        y = np.float32(random.choice([random.uniform(-10, 10), random.uniform(-1, 1) * 10.0 ** random.randint(-36, 36)]))
        calls.append(("str", f"text_f32({float(y):.9e})", str(y)))
    text = any_text()
    calls.append(("str", f"text_text({spelled(text)})", text))
    yield from differences(folder, functions, calls)


def any_bytes():
    """Mostly near to UTF-8: characters, with one thing wrong."""
    kind = random.randrange(8)
    if kind == 0:
        return random.randbytes(random.randint(0, 6))
    raw = any_text(10).encode()
    if kind == 1:
        return raw
    if kind == 2:
        return raw[:random.randint(0, len(raw))]
    if kind == 3 and raw:
        at = random.randrange(len(raw))
        return raw[:at] + bytes([random.randrange(256)]) + raw[at + 1:]
    wrong = random.choice([b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
                           b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff", b"\xfe", b"\x80", b"\xbf", b"\xe2\x82",
                           b"\xf0\x9f\x98", b"\xc3", b"\xed\x9f", b"\xe2\x28\xa1", b"\xf0\x28\x8c\xbc", b"\xf8\x88\x80\x80\x80"])
    return raw + wrong + any_text(10).encode()


def wrong_at(raw):
    """Where Python's strict decoder says that it is wrong; None if it is not."""
    try:
        raw.decode("utf-8", "strict")
        return None
    except UnicodeDecodeError as error:
        return error.start


def checks_bytes_as_python(folder):
    """string_check itself, on all short sequences of the bytes where the rules change, and on random ones."""
    library = f"{folder}/string.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, "-Wl,-u,string_check", f"{BUILD}/value.a", f"{BUILD}/base.a",
                    "-lsleef", "-lm"], check=True)
    check = ctypes.CDLL(library).string_check
    check.restype = ctypes.c_uint64
    edges = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
             0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
    cases = itertools.chain((bytes(b) for n in range(4) for b in itertools.product(edges, repeat=n)),
                            (bytes(b) for b in itertools.product(edges[8:], [0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0],
                                                                 [0x7F, 0x80, 0xBF, 0xC0], [0x7F, 0x80, 0xBF, 0xC0])),
                            (any_bytes() for _ in range(50000)),
                            (chr(c).encode() for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c % 7 == 0))
    for raw in cases:
        wanted = wrong_at(raw)
        found = check(raw, ctypes.c_uint64(len(raw)))
        if found != (len(raw) if wanted is None else wanted):
            yield f"{raw!r} is wrong at {found}, Python says {wanted}"


def decodes_as_python(folder):
    """str(bytes) and bytes(str) in programs."""
    functions = """
PURE text(b: u8[n]) -> str { return str(b) }
PURE raw(s: str) -> u8[_] { return bytes(s) }
PURE back(s: str) -> (bool, int) { return (str(bytes(s)) == s, len(bytes(s))) }
PURE changed(s: str, at: int) -> str {
    var b = bytes(s)
    b[at] = 'z'
    return str(b) + s
}
"""
    calls = []
    for _ in range(40):
        text = "x" + any_text()
        raw = list(text.encode())
        calls += [("str", f"text({spelled_list(raw, str)})", text), ("u8[_]", f"raw({spelled(text)})", raw),
                  ("(bool, int)", f"back({spelled(text)})", [True, len(raw)]), ("str", f"changed({spelled(text)}, 0)", "z" + text[1:] + text)]
    yield from differences(folder, functions, calls)
    for trial in range(100):
        raw = any_bytes() or b"\xff"
        kind, options = WAYS[["tasks -O0", "tasks -O2", "known values"][trial % 3]]
        program = functions.replace("PURE", kind) + f"flow main() -> str {{ return text({spelled_list(raw, str)}) }}\n"
        done, wrong = run(folder, program, options), wrong_at(raw)
        shown = done.stderr.decode()
        if wrong is None:
            if done.returncode or json.loads(done.stdout) != raw.decode():
                yield f"{raw!r} as {kind}: {shown or done.stdout}"
        elif done.returncode != 1 or "error[E826]" not in shown or not re.search(rf"byte {wrong}\b", shown):
            yield f"{raw!r} as {kind} is not refused at byte {wrong}: {shown or done.stdout}"


def fields_as_python(folder):
    """text.fields against Python's csv, on records of all kinds of fields; records that are none are refused."""
    functions = """
use text
PURE cut(record: str, separator: str) -> str[_] { return text.fields(record, separator) }
PURE cut_at_commas(record: str) -> str[_] { return text.fields(record) }
"""
    calls = []
    for _ in range(40):
        separator = random.choice(",;\t|")
        some = ["", "a", "a,b", ';|\t', 'say "no"', '"', '""', "two\nlines", "\r\n", any_text(6).replace("\0", "0")]
        items = [random.choice(some) for _ in range(random.randint(1, 6))]
        line = io.StringIO()
        csv.writer(line, delimiter=separator, lineterminator="", quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])).writerow(items)
        calls += [("str[_]", f"cut({spelled(line.getvalue())}, {spelled(separator)})", items)]
    for record in ["", ",", ",,", "a,b", 'a"b",c""', 'a,"b"', '"a""b",']:
        wanted = next(csv.reader([record]), None) or [""]
        calls += [("str[_]", f"cut_at_commas({spelled(record)})", wanted)]
    yield from differences(folder, functions, calls)
    for record, separator, words in [('"a', ",", "byte 0 is not closed"), ('x,"a""', ",", "byte 2 is not closed"),
                                     ('"a"b', ",", "byte 3 follows"), ("a", "", "one byte"), ("a", "ab", "one byte"), ("a", '"', "one byte")]:
        for kind in "task", "flow":
            program = functions.replace("PURE", kind) + f"flow main() -> str[_] {{ return cut({spelled(record)}, {spelled(separator)}) }}\n"
            done = run(folder, program, [])
            if done.returncode != 1 or words not in done.stderr.decode():
                yield f"{record!r} at {separator!r} as {kind}: {done.stderr or done.stdout}"


def parses_floats_as_python(folder):
    """text.parse_f64 rounds as Python does: the shortest decimals of floats, others of many digits, and ties."""
    functions = """
use text
PURE parsed(s: str) -> str {
    let p = text.parse_f64(s)
    return str(p.ok) + " " + str(p.value)
}
"""
    texts = []
    for _ in range(300):
        x = struct.unpack("<d", struct.pack("<Q", random.getrandbits(64)))[0]
        digits = str(random.randrange(10 ** random.randint(1, 19)))
        at = random.randint(0, len(digits))
        tie = (random.getrandbits(52) + (1 << 52)) * 2 + 1
        texts += [repr(x) if math.isfinite(x) else "1", repr(random.uniform(-100, 100)), f"{digits[:at]}.{digits[at:]}",
                  f"{digits}e{random.randint(-26, 26)}", f"{tie}", f"{tie}{random.choice(['00', '.0', '.01', '01', '.5'])}",
                  repr(random.uniform(0, 1) * 10.0 ** random.randint(-12, 12)), f"{tie * 5}e-{random.choice([1, 2])}"]
    calls = [("str", f"parsed({spelled(t)})", f"true {float(t)!r}") for t in texts]
    calls += [("str", f"parsed({spelled(t)})", "false 0.0") for t in ("", ".", "e5", "1e", "1.2.3", "0x1", " 1", "1 ")]
    for i in range(0, len(calls), 400):
        yield from differences(folder, functions, calls[i:i + 400], ["tasks -O2", "tasks -O0"] if i == 0 else ["known values"])


def nests_through_tasks(folder):
    """Strings in arrays, tuples, structs and maps, through tasks, flows and back to Python by JSON."""
    functions = """
struct Named { name: str, tags: str[_], at: (int, str) }
PURE made(name: str, tags: str[n]) -> Named { return Named{name: name, tags: tags, at: (len(name), name + "/")} }
PURE renamed(x: Named) -> Named {
    var y = x
    y.name += "+"
    y.at.1 = x.name
    y.tags[0] += y.name
    return y
}
PURE rows(s: str, t: str) -> str[_][_] {
    var all = [[s, t], [t], []]
    all[1][0] += s
    return all
}
PURE counted(words: str[n]) -> map[str]int {
    var m = map[str]int{}
    for w in words { m[w] += len(w) }
    return m
}
PURE lists(words: str[n]) -> map[str]str[_] {
    var m = map[str]str[_]{}
    for w in words { m[w] = [w, w + w] }
    return m
}
task keyed(m: map[str]int) -> str {
    var s = ""
    for k, v in m { s += k + "=" + str(v) + ";" }
    return s
}
PURE sized(m: map[str]int, words: str[n]) -> int[n] { return [m[w] for w in words] }
"""
    calls = []
    for _ in range(20):
        name, words = any_text(), [any_text(3) for _ in range(random.randint(1, 6))]
        words += random.choices(words, k=2)
        counts = {}
        for w in words:
            counts[w] = counts.get(w, 0) + len(w.encode())
        made = {"name": name, "tags": words, "at": [len(name.encode()), name + "/"]}
        renamed = {"name": name + "+", "tags": [words[0] + name + "+", *words[1:]], "at": [made["at"][0], name]}
        call, list_ = f"made({spelled(name)}, {spelled_list(words)})", spelled_list(words)
        calls += [("Named", call, made), ("Named", f"renamed({call})", renamed),
                  ("str[_][_]", f"rows({spelled(name)}, {spelled(words[0])})",
                   [[name, words[0]], [words[0] + name], []]),
                  ("map[str]int", f"counted({list_})", counts),
                  ("map[str]str[_]", f"lists({list_})", {w: [w, w + w] for w in words}),
                  ("str", f"keyed(counted({list_}))", "".join(f"{k}={v};" for k, v in counts.items())),
                  ("int[_]", f"sized(counted({list_}), {list_})", [counts[w] for w in words])]
    yield from differences(folder, functions, calls)


def prints_all_of_unicode(folder):
    """Each character that there is, from bytes over a task's string and JSON back to Python."""
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    pieces = ["".join(characters[i:i + 60000]) for i in range(0, len(characters), 60000)]
    program = """
task pieces(b: u8[n], width: int) -> str[_] {
    return [str(b[i * width .. min((i + 1) * width, n)]) for i in 0..(n + width - 1) / width]
}
flow main(b: u8[n]) -> (str, str[_]) { return (str(b), pieces(b, n)) }
"""
    for piece in pieces:
        path = Path(folder) / "unicode.npy"
        np.save(path, np.frombuffer(piece.encode(), "u1"))
        done = run(folder, program, [], [f"b={path}"])
        if done.returncode or json.loads(done.stdout.decode()) != [piece, [piece]]:
            yield f"from U+{ord(piece[0]):X}: {done.stderr.decode()[:500] or 'another text'}"


def takes_any_text_as_argument(folder):
    """Texts from the command line and from files; those that are no UTF-8 are refused."""
    program = "task same(s: str) -> str { return s }\nflow main(s: str) -> (str, str, int) { return (s, same(s), len(s)) }\n"
    for _ in range(25):
        text = any_text().replace("\0", "")
        text = random.choice(["", "@", "@@"]) + text
        done = run(folder, program, [], [argument("s", text)])
        if done.returncode or json.loads(done.stdout) != [text, text, len(text.encode())]:
            yield f"{text!r}: {done.stderr.decode() or done.stdout}"
        text, path = any_text(500), Path(folder) / "text.txt"
        path.write_bytes(text.encode())
        done = run(folder, program, [], [f"s=@{path}"])
        if done.returncode or json.loads(done.stdout) != [text, text, len(text.encode())]:
            yield f"{text!r} in a file: {done.stderr.decode() or done.stdout}"
    for raw in (b"\xff", b"a\xc0\x80", b"\xed\xa0\x80"):
        done = run(folder, program, [], [b"s=" + raw])
        if done.returncode != 2 or b"error[E704]" not in done.stderr:
            yield f"{raw!r} is taken: {done.stdout or done.stderr}"


CHECKS = [joins_as_python, compares_as_python, slices_at_borders, refuses_other_slices, number_texts,
          checks_bytes_as_python, decodes_as_python, fields_as_python, parses_floats_as_python, nests_through_tasks, prints_all_of_unicode,
          takes_any_text_as_argument]

passed = failed = 0
with tempfile.TemporaryDirectory() as scratch:
    os.environ["WKC_CACHE"] = f"{scratch}/cache"
    for check in CHECKS:
        try:
            problems = list(itertools.islice(check(scratch), 5))
        except ValueError as error:
            problems = [f"a result is no JSON: {error}"]
        for problem in problems:
            print(f"{check.__name__}: {problem}")
        passed += not problems
        failed += bool(problems)
print(f"tests/interop/text.py: {passed} passed, {failed} failed")
sys.exit(failed != 0)
