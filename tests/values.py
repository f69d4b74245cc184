#!/usr/bin/python3
"""Values of every type into main and out of it: random types and values against Python's json module,
round trips through files of every format, and what is wrong with bad ones. V4.12 to V4.15, V5.1, V5.8."""
import csv
import json
import os
import random
import resource
import struct
import subprocess

import numpy as np

from harness import RELEASE, check, main, program, wkc

SEED = 20260714
INTEGERS = {"i8": (-2**7, 2**7), "u8": (0, 2**8), "i16": (-2**15, 2**15), "u16": (0, 2**16),
            "i32": (-2**31, 2**31), "u32": (0, 2**32), "int": (-2**63, 2**63), "u64": (0, 2**64)}
NAMES = ["x", "y", "name", "size", "of", "total", "k1", "long_name"]
CHARACTERS = "ab \"\\/\n\t\x01\x7f\u00e9\u2028\u4e2d\U0001f600,:{}[]'"


# ---- Random types -----------------------------------------------------------------------------------
# A type is a tuple: its kind, its text in the language, and what it is made of.

class Types:
    """Makes types, and the declarations of the structs among them."""

    def __init__(self, source):
        self.random, self.structs = source, []

    def scalar(self):
        name = self.random.choice([*INTEGERS, "bool", "f64", "f64", "f32"])
        return (name, name)

    def key(self):
        kind = self.random.choice(["str", "str", "int", "u8", "i32", "pair"])
        return ("tuple", "(str, i16)", [("str", "str"), ("i16", "i16")]) if kind == "pair" else (kind, kind)

    def parts(self, depth):
        return [self.any(depth - 1) for _ in range(self.random.randint(2, 4))]

    def any(self, depth):
        kind = self.random.choice(["scalar", "str", "array", "map", "tuple", "named", "struct"]) if depth else "scalar"
        if kind == "scalar":
            return self.scalar()
        if kind == "str":
            return ("str", "str")
        if kind == "array":
            element, rank = self.any(depth - 1), self.random.choice([1, 1, 2])
            text = f"({element[1]})" if element[0] == "map" else element[1]
            # Brackets read outermost first: those of an element's stand behind one's own.
            base, bracket, rest = text.partition("[") if element[0] == "array" else (text, "", "")
            return ("array", base + "[" + ", ".join("_" * rank) + "]" + bracket + rest, element, rank)
        if kind == "map":
            key, value = self.key(), self.any(depth - 1)
            return ("map", f"map[{key[1]}]{value[1]}", key, value)
        parts = self.parts(depth)
        if kind == "tuple":
            return ("tuple", "(" + ", ".join(p[1] for p in parts) + ")", parts)
        names = self.random.sample(NAMES, len(parts))
        if kind == "named":
            return ("object", "(" + ", ".join(f"{n}: {p[1]}" for n, p in zip(names, parts)) + ")", parts, names)
        name = f"S{len(self.structs)}"
        self.structs.append(f"struct {name} {{ " + ", ".join(f"{n}: {p[1]}" for n, p in zip(names, parts)) + " }\n")
        return ("object", name, parts, names)


# ---- Random values, as Python's json has them -------------------------------------------------------

def some_float(r, bits):
    if r.random() < 0.2:
        return r.choice([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1.0, 0.1 if bits == 64 else 0.25])
    if bits == 64:
        return struct.unpack("<d", struct.pack("<Q", r.getrandbits(52) | r.randint(1, 2046) << 52 | r.getrandbits(1) << 63))[0]
    return r.randint(-2**16, 2**16) / 4  # as short in either precision


def some_text(r):
    return "".join(r.choice(CHARACTERS) for _ in range(r.choice([0, 1, 3, 10, 40])))


def some(r, type):
    kind = type[0]
    if kind in INTEGERS:
        low, end = INTEGERS[kind]
        return r.choice([low, end - 1, r.randrange(low, end), max(low, min(7, end - 1))])
    if kind == "i16":
        return r.randrange(-2**15, 2**15)
    if kind == "bool":
        return r.random() < 0.5
    if kind in ("f64", "f32"):
        return some_float(r, int(kind[1:]))
    if kind == "str":
        return some_text(r)
    if kind == "array":
        count = r.choice([0, 1, 2, 5])
        if type[3] == 1:
            return [some(r, type[2]) for _ in range(count)]
        columns = r.choice([1, 3])
        return [[some(r, type[2]) for _ in range(columns)] for _ in range(count)]
    if kind == "map":
        pairs = {}
        for _ in range(r.choice([0, 1, 3, 12])):
            key = some(r, type[2])
            text = json.dumps(key) if type[2][0] not in ("str", "tuple") else key
            pairs[tuple(key) if type[2][0] == "tuple" else text] = some(r, type[3])
        return [[list(k), v] for k, v in pairs.items()] if type[2][0] == "tuple" else pairs
    parts = [some(r, part) for part in type[2]]
    return dict(zip(type[3], parts)) if kind == "object" else parts


def text_of(value):
    """One line that tells -0.0 from 0.0, 1 from 1.0, and has NaN equal to itself."""
    return json.dumps(value, ensure_ascii=False)


def shuffled(r, value):
    """The same value with the members of objects in another order, where order says nothing."""
    if isinstance(value, dict):
        items = [(k, shuffled(r, v)) for k, v in value.items()]
        if all(k in NAMES for k in value):
            r.shuffle(items)
        return dict(items)
    return [shuffled(r, v) for v in value] if isinstance(value, list) else value


def random_values_come_back_as_python_has_them(folder):
    r = random.Random(SEED)
    for turn in range(12):
        types = Types(r)
        parts = [types.any(3) for _ in range(6)]
        values = [some(r, t) for t in parts]
        names = [f"p{i}" for i in range(len(parts))]
        whole = "(" + ", ".join(f"{n}: {t[1]}" for n, t in zip(names, parts)) + ")"
        copies = "".join(f"task same{i}(x: {t[1]}) -> {t[1]} {{ return x }}\n" for i, t in enumerate(parts))
        body = ", ".join(f"same{i}({n})" if i % 2 else n for i, n in enumerate(names))
        path = program(folder, "".join(types.structs) + copies + "flow main(" + whole[1:-1] + f") -> {whole} {{ return ({body}) }}\n")
        arguments = []
        for name, type, value in zip(names, parts, values):
            given = json.dumps(shuffled(r, value), ensure_ascii=r.random() < 0.5, indent=r.choice([None, 2]))
            if type[0] in ("array", "map", "tuple", "object") and r.random() < 0.5:
                arguments.append(f"{name}={given}")
            elif type[0] in ("array", "map", "tuple", "object"):
                (folder / f"{name}.json").write_text(given)
                arguments.append(f"{name}={r.choice(['', '@'])}{folder}/{name}.json")
            else:
                arguments.append(f"{name}=" + (value.replace("@", "@@") if type[0] == "str" else json.dumps(value)))
        expected = text_of(dict(zip(names, values)))
        for world in ("local", "sim"):
            run = wkc("run", f"--on={world}", path, *arguments)
            check(run.status == 0, f"turn {turn}: {path.read_text()}{arguments}\n{run.err}")
            check(text_of(run.json()) == expected, f"turn {turn}, {world}:\n{expected}\n{run.out}")
        check(wkc("run", path, *arguments, "-o", folder / "all.json").status == 0, "writing")
        again = program(folder, "".join(types.structs) + f"flow main(all: {whole}) -> {whole} {{ return all }}\n", "again.wk")
        check(wkc("run", again, f"all={folder}/all.json", "-o", folder / "back.json").status == 0, "reading back")
        check((folder / "all.json").read_bytes() == (folder / "back.json").read_bytes(), f"turn {turn}: not the same bytes")


# ---- Formats ----------------------------------------------------------------------------------------

def identity(folder, type, declarations="", name="identity.wk"):
    return program(folder, f"{declarations}flow main(a: {type}) -> {type} {{ return a }}\n", name)


def json_lines_come_back(folder):
    r = random.Random(SEED + 1)
    for turn in range(6):
        types = Types(r)
        element = types.any(2)
        while element[0] == "array":
            element = types.any(2)
        text = f"({element[1]})[_]" if element[0] == "map" else element[1] + "[_]"
        values = [some(r, element) for _ in range(r.choice([0, 1, 50]))]
        (folder / "a.jsonl").write_text("".join(r.choice(["", "\n", "  \r\n"]) + json.dumps(v) + "\n" for v in values))
        path = identity(folder, text, "".join(types.structs))
        run = wkc("run", path, f"a={folder}/a.jsonl", "-o", folder / "b.jsonl")
        check(run.status == 0, run.err)
        lines = (folder / "b.jsonl").read_text().split("\n")[:-1]
        check([text_of(json.loads(line)) for line in lines] == [text_of(v) for v in values], f"turn {turn}: {text}")
        check(text_of(wkc("run", path, f"a={folder}/b.jsonl").json()) == text_of(values), f"turn {turn}: {text}")
    (folder / "m.jsonl").write_text("[1, 2]\n[3, 4.5]")
    check(wkc("run", identity(folder, "f64[_, _]"), f"a=@{folder}/m.jsonl").json() == [[1, 2], [3, 4.5]], "a matrix by rows")
    check(wkc("run", identity(folder, "u8[_, _]"), f"a={folder}/m.jsonl").status == 1, "4.5 is no u8")
    check(wkc("run", identity(folder, "bytes"), f"a={folder}/m.jsonl").json() == list(b"[1, 2]\n[3, 4.5]"), "bytes are bytes")


def lines_of_text_come_back(folder):
    path = identity(folder, "str[_]")
    for content, expected in [("", []), ("\n", [""]), ("a", ["a"]), ("a\n\nb\n", ["a", "", "b"]), ("a\r\nb\r", ["a", "b\r"]),
                              ("\ufeffx\u00e9\n \t\n", ["x\u00e9", " \t"]), ("\r\n", [""])]:
        (folder / "a.txt").write_bytes(content.encode())
        check(wkc("run", path, f"a={folder}/a.txt").json() == expected, repr(content))
    lines = ["", "some \u4e2d", "\u2028", "'\"\\"] * 500
    (folder / "a.txt").write_text("".join(line + "\n" for line in lines))
    check(wkc("run", path, f"a={folder}/a.txt", "-o", folder / "b.txt").status == 0, "lines")
    check((folder / "a.txt").read_bytes() == (folder / "b.txt").read_bytes(), "the same bytes")


RECORD = "struct Record { n: int, x: f64, ok: bool, text: str, s: f32, b: u8 }\n"
FIELDS = ["n", "x", "ok", "text", "s", "b"]


def some_record(r):
    return {"n": some(r, ("int",)), "x": some_float(r, 64), "ok": r.random() < 0.5, "text": some_text(r),
            "s": some_float(r, 32), "b": r.randrange(256)}


def spelt(r, value):
    """A field as some program may write it; the csv module adds the quotes."""
    if isinstance(value, bool):
        return r.choice(["true", "True", "1"]) if value else r.choice(["false", "FALSE", "0"])
    if isinstance(value, str):
        return value
    text = repr(value)
    if text == "nan":
        return r.choice(["nan", "NaN", ""])
    return r.choice(["", " "]) + text + r.choice(["", "\t"])


def csv_records_come_from_pythons_and_go_there(folder):
    r = random.Random(SEED + 2)
    path = identity(folder, "Record[_]", RECORD)
    for turn in range(8):
        records = [some_record(r) for _ in range(r.choice([0, 1, 300]))]
        columns = FIELDS + [f"other {i}" for i in range(turn % 3)]
        r.shuffle(columns)
        with open(folder / "a.csv", "w", newline="", encoding=r.choice(["utf-8", "utf-8-sig"])) as file:
            writer = csv.writer(file, lineterminator=r.choice(["\n", "\r\n"]), quoting=r.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
            writer.writerow(columns)
            for record in records:
                writer.writerow([spelt(r, record[c]) if c in record else some_text(r) for c in columns])
                if r.random() < 0.1:
                    file.write("\n")
        run = wkc("run", path, f"a={folder}/a.csv")
        check(run.status == 0, run.err)
        check(text_of(run.json()) == text_of(records), f"turn {turn}:\n{text_of(records)}\n{run.out}")
        check(wkc("run", path, f"a=@{folder}/a.csv", "-o", folder / "b.csv").status == 0, "writing")
        with open(folder / "b.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        check(rows[0] == FIELDS, str(rows[0]))
        back = [{"n": int(n), "x": float(x), "ok": ok == "true", "text": text, "s": float(s), "b": int(b)} for n, x, ok, text, s, b in rows[1:]]
        check(text_of(back) == text_of(records), f"turn {turn}: {text_of(back)}")
        check(text_of(wkc("run", path, f"a={folder}/b.csv").json()) == text_of(records), f"turn {turn}: back")


def csv_of_one_column_and_of_results(folder):
    (folder / "a.csv").write_text('name\n""\nx\n\n"a\nb"')
    path = identity(folder, "Name[_]", "struct Name { name: str }\n")
    check(wkc("run", path, f"a={folder}/a.csv").json() == [{"name": n} for n in ("", "x", "a\nb")], "one column")
    check(wkc("run", path, f"a={folder}/a.csv", "-o", folder / "b.csv").status == 0, "one column")
    check((folder / "b.csv").read_text() == 'name\n""\nx\n"a\nb"\n', (folder / "b.csv").read_text())
    made = program(folder, "task row(i: int) -> (i: int, half: f64) { return (i, f64(i) / 2.0) }\n"
                           "flow main(n: int) -> (i: int, half: f64)[n] { return [row(i) for i in 0..n] }\n", "made.wk")
    check(wkc("run", made, "n=5000", "-o", folder / "m.csv").status == 0, "made")
    check((folder / "m.csv").read_text() == "i,half\n" + "".join(f"{i},{i / 2}\n" for i in range(5000)), "named tuples")
    wkc("run", identity(folder, "(int, str)[_]"), "a=[]", "-o", folder / "t.csv").fails(2, "flat structs")


def parts_go_to_a_folder(folder):
    path = program(folder, """task halves(n: int) -> f64[n] { return [f64(i) / 2.0 for i in 0..n] }
task words(n: int) -> str[_] { return ["w" + str(i) for i in 0..n] }
task count(n: int) -> map[str]int { return map[str]int{"n": n} }
flow main(n: int) -> (q: f64[_], names: str[_], m: map[str]int, n: int, grid: u8[_, _]) {
    return (halves(n), words(n), count(n), n, zeros(n, 2))
}
""")
    check(wkc("run", path, "n=3", "-o", f"{folder}/out/").status == 0, "a folder")
    out = folder / "out"
    check(sorted(p.name for p in out.iterdir()) == ["grid.npy", "m.json", "n.json", "names.json", "q.npy"], str(list(out.iterdir())))
    check(np.load(out / "q.npy").tolist() == [0, 0.5, 1] and np.load(out / "grid.npy").shape == (3, 2), "arrays")
    check([json.loads((out / f"{p}.json").read_text()) for p in ("names", "m", "n")] == [["w0", "w1", "w2"], {"n": 3}, 3], "the rest")
    check(out.stat().st_mode & 0o777 == 0o777 & ~umask(), "its mode")
    wkc("run", path, "n=4", "-o", f"{folder}/out//").fails(1, "E702", "there are files in this folder", "name another folder")
    check(json.loads((out / "n.json").read_text()) == 3, "what was there stays")
    (folder / "empty").mkdir()
    check(wkc("run", path, "n=0", "-o", f"{folder}/empty/").status == 0 and np.load(folder / "empty/q.npy").size == 0, "an empty folder")
    tuples = program(folder, "flow main(n: int) -> (int, f64[2]) { return (n, [1.0, 2.0]) }\n", "tuple.wk")
    check(wkc("run", tuples, "n=7", "-o", f"{folder}/t/").status == 0, "numbers as names")
    check(json.loads((folder / "t/0.json").read_text()) == 7 and np.load(folder / "t/1.npy").tolist() == [1, 2], "numbers as names")
    wkc("run", program(folder, "flow main() -> int { return 1 }\n", "one.wk"), "-o", f"{folder}/n/").fails(2, "has no parts")
    wkc("run", path, "n=1", "-o", f"{folder}/none/x/").fails(1, "E702")
    wkc("run", path, "n=1", "-o", f"{path}/").fails(1, "E702", "Not a directory")
    failing = program(folder, 'task t() -> f64 { fail("no") }\nflow main() -> (a: f64, b: f64) { return (t(), 1.0) }\n', "failing.wk")
    wkc("run", failing, "-o", f"{folder}/bad/").fails(1, "no")
    check(sorted(p.name for p in folder.iterdir() if p.is_dir()) == ["empty", "out", "t"], "nothing is left behind")


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---- What is wrong ----------------------------------------------------------------------------------

POINT = "struct Point { x: f64, n: u8, name: str }\n"


def bad_files_are_refused_with_their_place(folder):
    for type, name, content, *texts in [
            ("Point", "a.json", b"", "E711", "line 1, column 1", "an object is expected for Point", "the end"),
            ("Point", "a.json", b'{"x": 1,\n "n": 2}', "E711", "line 1, column 1", "the field 'name' is missing"),
            ("Point", "a.json", b'{"x": 1,\n "y": 2}', "E711", "line 2, column 2", "there is no field 'y'"),
            ("Point", "a.json", b'{"x": 1,\n "x": 2}', "E711", "line 2, column 2", "given twice"),
            ("Point", "a.json", b'{"x": 1,\n "n": 256}', "E704", "line 2, column 7", "256", "u8"),
            ("Point", "a.json", b'{"x": 1e999}', "E704", "line 1, column 7", "1e999"),
            ("Point", "a.json", b'{"name": "ab\n"}', "E711", "line 1, column 13", "control character"),
            ("Point", "a.json", b'{"name": "abc', "E711", "line 1, column 10", "does not end"),
            ("Point", "a.json", b'{"name": "\xe4"}', "E711", "line 1, column 11", "not UTF-8"),
            ("Point", "a.json", b'{"name": "\\ud800"}', "E711", "line 1, column 11", "half of a pair"),
            ("Point", "a.json", '{"x": 1}'.encode("utf-16"), "E715", "UTF-16", "iconv"),
            ("Point", "a.json", b'{"x": 1, \0}', "E715", "line 1, column 10", "zero byte"),
            ("map[str]int", "a.json", b'{"a": 1, "b": 2, "a": 3}', "E711", "line 1, column 18", "key is given twice"),
            ("map[int]int", "a.json", b'{"a": 1}', "E704", "line 1, column 2"),
            ("f64[_][_]", "a.json", b"[" * 1_000_000, "E711", "line 1, column 3", "a number is expected"),
            ("(int, str)", "a.json", b"[1]", "E711", "line 1, column 3", "ends after 1 of 2"),
            ("Point[_]", "a.jsonl", b'{"x": 1, "n": 2, "name": "a"}\n{"x": 1,\n"n": 2}', "E711", "line 2, column 9", "the end of the line"),
            ("int[_]", "a.jsonl", b"1\n2 3\n", "E711", "line 2, column 3", "each stands on a line"),
            ("int[_, _]", "a.jsonl", b"[1, 2]\n\n[3]\n", "E711", "line 3, column 1", "rectangle"),
            ("str[_]", "a.txt", b"ok\ngr\xf6\xdfe\n", "E715", "line 2, column 3", "not UTF-8", "iconv"),
            ("str[_]", "a.txt", b"ok\nx\0y\n", "E715", "line 2, column 2", "zero byte"),
            ("Point[_]", "a.csv", b"", "E717", "no column 'x'", "there is none"),
            ("Point[_]", "a.csv", b"x,n,Name\n1,2,a\n", "E717", "no column 'name'", "names the columns: x,n,Name"),
            ("Point[_]", "a.csv", b"1,2,a\n", "E717", "no column 'x'", "names the columns: 1,2,a"),
            ("Point[_]", "a.csv", b"x;n;name\n1;2;a\n", "E717", "no column 'x'", "names the columns: x;n;name; ", "';' between them: tr ';' ','"),
            ("Point[_]", "a.csv", b"x\tn\tname\r\n1\t2\ta\r\n", "E717", "no column 'x'", "tabs between them: tr '\\t' ','"),
            ("Point[_]", "a.csv", b"x,n," + b"\xc3\xa9" * 200, "E717", "no column 'name'", "\u00e9..."),
            ("Point[_]", "a.csv", b"x,n,name,n\n", "E717", "line 1, column 10", "second column 'n'"),
            ("Point[_]", "a.csv", b"x,n,name\n1,2,a\n1,2\n", "E713", "line 3, column 4", "2 of the 3 fields"),
            ("Point[_]", "a.csv", b"x,n,name\n1,2,a,b\n", "E713", "line 2, column 7", "more fields than the header, which has 3"),
            ("Point[_]", "a.csv", b'x,n,name\n1,2,"a\nb"\n1,2,"' + b"c\n" * 1000, "E713", "line 4, column 5", "does not end"),
            ("Point[_]", "a.csv", b'x,n,name\n1,2,"a\nb"c\n', "E713", "line 3, column 3", "behind a quoted field"),
            ("Point[_]", "a.csv", b"x,n,name\n1,256,a\n", "E714", "line 2, column 3", "256"),
            ("Point[_]", "a.csv", b"x,n,name\n1e999,2,a\n", "E714", "line 2, column 1", "1e999"),
            ("Point[_]", "a.csv", b"x,n,name\n1,,a\n", "E714", "line 2, column 3", "empty"),
            ("Point[_]", "a.csv", b"x,n,name\n1,2,gr\xf6\xdfe\n", "E715", "line 2, column 7", "not UTF-8", "iconv"),
            ("Point[_]", "a.csv", "x,n,name\n".encode("utf-16"), "E715", "UTF-16"),
            ("Point", "a.csv", b"x,n,name\n1,2,a\n", "E716", "for this type: .json"),
            ("map[str]int", "a.txt", b"", "E716", ".json"),
            ("Point[_]", "a.data", b"", "E716", ".json, .jsonl, .csv")]:
        (folder / name).write_bytes(content)
        wkc("run", identity(folder, type, POINT), f"a={folder / name}").fails(1, name, "parameter 'a'", *texts)


def bad_texts_are_mistakes_of_the_command_line(folder):
    point = identity(folder, "Point", POINT)
    wkc("run", point, 'a={"x": 1}').fails(2, "E711", "parameter 'a': line 1, column 1", "'n' is missing")
    wkc("run", point, "a=5").fails(1, "E701", "'5'", "give the name of a file (.json)", """a='{"x": 0.5, "n": 1, "name": "text"}'""")
    wkc("run", point).fails(2, "E906", """a='{"x": 0.5, "n": 1, "name": "text"}'""")
    wkc("run", point, f"a=@{folder}/none.json").fails(1, "E701", "none.json")
    wkc("run", point, f"a={folder}").fails(1, "E716")
    wkc("run", point, "a=/dev/null.json").fails(1, "E701")
    (folder / "d.json").mkdir()
    wkc("run", point, f"a={folder}/d.json").fails(1, "E701", "it is a folder")
    wkc("run", identity(folder, "map[(str, int)]f64"), "a={}").fails(2, "a list of pairs is expected", "an object")


def what_terminals_obey_is_shown(folder):
    """Data and names of files come from anybody; messages about them do not command a terminal. L5.40."""
    matrix = program(folder, "flow main(a: f64[r, c]) -> f64[r, c] { return a }\n")
    for data, shown in ((b"1,\x1b]0;title\x07", "'\\x1b]0;title\\x07'"), (b"1,\x7f", "'\\x7f'"), (b"1,\xc2\x9b31m", "'\\xc2\\x9b31m'"),
                        (b"1,2\r3,4", "'2\\x0d3'"), (b"1,\xff", "'\\xff'"), ("1,é\u4e2d".encode(), "'é\u4e2d'")):
        (folder / "a.csv").write_bytes(b"0,0\n" + data + b"\n")
        run = wkc("run", matrix, f"a={folder}/a.csv").fails(1, "E714", f": {shown} is no f64")
        check(not any(c in run.err for c in "\x1b\x07\x7f\x9b\r"), repr(run.err))
    named = wkc("run", matrix, "a=\x1b[31m.csv").fails(1, "cannot read '\\x1b[31m.csv'")
    check("\x1b" not in named.err, repr(named.err))
    fails = program(folder, "task f(s: str) -> int { fail(s + \"\\n\\tand\") }\nflow main(s: str) -> int { return f(s) }\n")
    run = wkc("run", fails, "s=a\x1b[2J").fails(1, "error[E801]: a\\x1b[2J\n\tand\n")
    check("\x1b" not in run.err, repr(run.err))
    report = json.loads(wkc("run", fails, "s=a\x1b[2J", "--diagnostics=json").err)
    check(report["message"] == "a\x1b[2J\n\tand", str(report))


def files_that_may_not_grow(folder):
    """A limit of the size of files is an error of writing like a full disk, and does not kill. V5.4."""
    path = program(folder, "task t(n: int) -> int[n] { return zeros(n) }\nflow main(n: int) -> int[n] { return t(n) }\n")
    (folder / "r.npy").write_bytes(b"before")

    def restrict():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    done = subprocess.run([RELEASE, "run", path, "n=10_000", "-o", folder / "r.npy"], capture_output=True, preexec_fn=restrict)
    check(done.returncode == 1 and b"error[E702]: cannot write" in done.stderr, f"{done.returncode}: {done.stderr}")
    check((folder / "r.npy").read_bytes() == b"before", "what was there is kept")


if __name__ == "__main__":
    main([random_values_come_back_as_python_has_them, json_lines_come_back, lines_of_text_come_back,
          csv_records_come_from_pythons_and_go_there, csv_of_one_column_and_of_results,
          parts_go_to_a_folder,
          bad_files_are_refused_with_their_place, bad_texts_are_mistakes_of_the_command_line,
          what_terminals_obey_is_shown, files_that_may_not_grow])
