#!/usr/bin/env python3
"""The test driver: runs wkc over the files below tests/ and compares what it prints.

    tests/run.py [--bless] [--wkc PATH] [SUITE|FILE|PATTERN...]

Suites, each a folder, its mode chosen by the files in it:

    errors   CODE.wk, CODE-2.wk, ...: `wkc check FILE` (or the command in a first line
             `// command: run FILE n=3`) must print exactly CODE.expected on standard error, nothing on
             standard output, name the code, and exit with 1 (`// status: 2` says otherwise). Every code
             of runtime/base/errors.def must have a file: a code without one fails. Several mistakes
             stand on lines of their own, and each gives one diagnostic.
    golden   FORM/NAME.wk and NAME.FORM: what `wkc compile FILE --emit=FORM` prints (arguments from
             a line `// arguments: n=3`); flow IR as lowering makes it, at -O0. For flow and dag, print-read-print is checked by unit tests.
    run      NAME.wk: `wkc run` with `// arguments: ...` must print the JSON in `// result: ...` at
             every -O and on local and sim; or fail with `// fails: CODE line:column`. Several pairs may
             follow each other; a place in another file is `NAME.wk:line:column`. Files without a
             `flow main` are modules. Some programs, chosen by SEED, also run from a bundle. Programs cite the clauses of spec/language.md that they test.

PATTERN is a piece of the paths of tests: `tests/run.py maps E824`.

--bless rewrites expected files of errors and golden (review the diff).
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.chdir(ROOT)
os.environ.setdefault("LSAN_OPTIONS", "use_tls=0:print_suppressions=0")  # see tests/test.sh
os.environ["LC_ALL"] = "C"  # the C compiler's messages are part of ours
TIMEOUT = 600  # tells a hang from a busy machine

bless = False
wkc = os.environ.get("WKC", "build/sanitize/wkc")


def execute(arguments):
    """Runs wkc; returns (status, stdout, stderr)."""
    try:
        done = subprocess.run([wkc, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return None, "", f"no end after {TIMEOUT} s"
    return (done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))


def directives(path, name):
    """The texts after `// NAME:` in a program, in order."""
    text = path.read_bytes().decode("utf-8", "replace")
    return re.findall(rf"^// {name}:[ \t]*(.*?)[ \t]*$", text, re.M)


def difference(expected, found):
    import difflib
    lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", "found",
                                 lineterm="")
    return "\n".join(list(lines)[:40])


def compare_file(path, found):
    if bless:
        path.write_text(found)
        return None
    if not path.exists():
        return f"{path} is missing; found:\n{found}"
    expected = path.read_text()
    return None if expected == found else difference(expected, found)


def test_error(path):
    code = path.stem.split("-")[0]
    command = directives(path, "command")
    arguments = shlex.split(command[0]) if command else ["check", "FILE"]
    arguments = [str(path) if a == "FILE" else a for a in arguments]
    wanted = int((directives(path, "status") or ["0" if code[0] == "W" else "1"])[0])
    status, out, err = execute(arguments)
    if status != wanted:
        return f"status {status}, expected {wanted}\n{err}"
    if out and code[0] != "W":
        return f"unexpected output: {out[:200]}"
    if f"[{code}]" not in err:
        return f"{code} is not reported:\n{err}"
    lines = re.findall(r"^error\[\w+\].*\n  --> \S+?:(\d+:\d+)\n", err, re.M)
    if len(lines) != len(set(lines)):
        return f"one mistake gave several diagnostics:\n{err}"
    return compare_file(path.with_suffix(".expected"), err)


def test_golden(path):
    form = path.parent.name
    arguments = shlex.split((directives(path, "arguments") or [""])[0])
    if form == "flow":
        arguments.append("-O0")
    status, out, err = execute(["compile", str(path), f"--emit={form}", *arguments])
    if status != 0 or err:
        return f"status {status}\n{err}"
    return compare_file(path.with_suffix("." + form), out)


WORLDS = [[level, "--on", world, *seed]
          for level in ("-O0", "-O1", "-O2")
          for world, seed in (("local", []), ("sim", ["--seed", "1"]))] + \
         [["-O2", "--on", "sim", "--seed", str(s)] for s in (2, 3)] + \
         [["-O2", "--on", "sim", "--seed", "4", "--platform=lambda-1769"],
          ["-O2", "--on", "loopback", "--platform=lambda-1769"]] + [["-O2", "--workers", "1"]] + \
         [["-O2", "--on", "loopback"], ["-O2", "--on", "loopback", "--workers", "1"]]


def test_program(path):
    arguments = directives(path, "arguments") or [""]
    results = re.findall(r"^// (result|fails):[ \t]*(.*?)[ \t]*$", path.read_text(), re.M)
    if not results or len(results) != len(arguments):
        return "as many `// result:` or `// fails:` as `// arguments:` lines are needed"
    cases = list(zip(arguments, results))
    places = [f"{path}:", "/"]
    return run_ways(path, WORLDS, cases, places) or (is_bundled(path) and run_bundle(path, cases)) or None


def run_ways(program, worlds, cases, places):
    """Runs a program or bundle with each case in each way; `places` may stand before the place of a failure."""
    for given, (kind, expected) in cases:
        for world in worlds:
            what = " ".join(["run", program.name, given, *world])
            status, out, err = execute(["run", str(program), *shlex.split(given), *world])
            if kind == "result":
                if status != 0:
                    return f"{what}: status {status}\n{err}"
                if out.strip() != expected:
                    return f"{what}: found {out.strip()[:500]}\nexpected {expected[:500]}"
            else:
                code, *place = expected.split()
                if status != 1 or f"error[{code}]" not in err:
                    return f"{what}: status {status}, expected {code}\n{out}{err}"
                if place and not any(before + place[0] in err for before in places):
                    return f"{what}: not at {place[0]}\n{err}"
    return None


BUNDLE_WORLDS = [["--on", "local"], ["--on", "sim", "--seed", "4"]]


def is_bundled(path):
    """Each run takes some of the programs through a bundle, too: every eighth, by SEED; all with SEED=all."""
    seed = os.environ.get("SEED", "1")
    return seed == "all" or zlib.crc32(f"{seed} {path.name}".encode()) % 8 == 0


def run_bundle(path, cases):
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / f"{path.stem}.wkb"
        status, out, err = execute(["compile", str(path), "-o", str(bundle)])
        if status != 0:
            return f"compile -o: status {status}\n{err}"
        return run_ways(bundle, BUNDLE_WORLDS, cases, [f" {path.name}:", " "])


def error_codes():
    text = Path("runtime/base/errors.def").read_text()
    return re.findall(r"^ERROR\((\w+), (\w+)", text, re.M)


def untested_codes():
    """Codes of the table that no file of tests/errors names, less those that only a fault of the
    machine gives, which tests/errors/ELSEWHERE lists with the test that shows them."""
    elsewhere = set()
    listing = Path("tests/errors/ELSEWHERE")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line and not line.startswith("#"):
                code, test = line.split(None, 1)
                if Path(test.split()[0]).exists():
                    elsewhere.add(code)
    tested = {p.stem.split("-")[0] for p in Path("tests/errors").glob("*.wk")}
    return [f"{code} {name}" for code, name in error_codes()
            if code not in tested and code not in elsewhere]


def is_program(path):
    """Modules that programs use stand beside them, without a main of their own."""
    return "flow main" in path.read_text()


SUITES = {
    "errors": (test_error, lambda: sorted(Path("tests/errors").glob("[EW][0-9]*.wk"))),
    "golden": (test_golden, lambda: sorted(Path("tests/golden").glob("*/*.wk"))),
    "run": (test_program, lambda: sorted(filter(is_program, Path("tests/run").glob("**/*.wk")))),
}


def select(names):
    """The tests that the arguments name: suites, files, or texts that paths of tests contain."""
    tests = [(suite, path) for suite in SUITES for path in SUITES[suite][1]()]
    for name in names or list(SUITES):
        found = [t for t in tests if t[0] == name] if name in SUITES else \
            [t for t in tests if name in str(t[1])]
        if not found:
            sys.exit(f"run.py: no test is called {name}")
        yield from found


def main(arguments):
    global bless, wkc
    while arguments and arguments[0].startswith("--"):
        option = arguments.pop(0)
        if option == "--bless":
            bless = True
        elif option == "--wkc":
            wkc = arguments.pop(0)
        else:
            sys.exit(f"run.py: unknown option {option}")
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(os.cpu_count()) as pool:
        os.environ.setdefault("WKC_CACHE", cache)
        cases = list(select(arguments))
        for (suite, path), message in zip(cases, pool.map(lambda c: SUITES[c[0]][0](c[1]), cases)):
            if message is None:
                passed += 1
            else:
                failed += 1
                print(f"FAILED {path}: {message}\n", file=sys.stderr)
    if not arguments or "errors" in arguments:
        missing = untested_codes()
        if missing:
            failed += 1
            print("FAILED: codes without a test: " + ", ".join(missing), file=sys.stderr)
        else:
            passed += 1
    print(f"tests/run.py: {passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
