#!/usr/bin/env python3
"""Random well-typed programs, each run in many ways that must agree.

    tests/generate/run.py [--seed N] [--count N | --seconds N] [--kind KIND] [--show]

For each seed a program is written (writer.py, flows.py) and run at -O0, -O1 and -O2, on one worker, on
two and in simulations with faults: all results must be equal to the last digit, and what tasks log the
same. A third of the programs consist of pure functions that are run as tasks, by native code, and as flows on
known values, by the interpreter of flow code: these must agree, too; another third has what the passes over
flow IR act on (passes.py). A program that fails must fail everywhere; on one worker with the same code in the
same line, and a pure one with the same text. (Of several tasks that fail, optimizing may bring another
first: one that some run at -O0 reports, too.)

What disagrees is shrunk and printed. At the end the clauses of the specification are counted that
programs showed: a clause of CLAUSES that no program reached fails the run (with --seconds only if there
were many programs).
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from generate.flows import FlowWriter  # noqa: E402
from generate.passes import PassWriter  # noqa: E402
from generate.program import shrink  # noqa: E402

WKC = str(ROOT / os.environ.get("WKC", "build/release/wkc"))
TIMEOUT = 60
ENOUGH = 100  # programs in which chance reaches every clause

CLAUSES = """L3.3 L3.5 L4.1 L4.2 L4.3 L4.6 L4.7 L5.1 L5.2 L5.3 L5.5 L5.7 L5.8 L5.10 L5.11 L5.12 L5.13 L5.14
L5.15 L5.16 L5.17 L5.18 L5.19 L6.1 L6.2 L6.3 L6.4 L6.5 L6.7 L7.1 L7.2 L7.3 L7.4 L7.5 L7.7 L7.9 L8.1 L8.2 L8.3
L8.4 L8.5 L8.6 L8.7 L8.9 L8.15 L8.16 L9.1 L9.2 L9.3 L9.4 L4.12 L4.13 L5.20 L5.21 L5.24 L6.8 L7.10 L7.11 L7.12 L7.13 L7.14 L4.20 L4.21
L4.16 L5.30 L5.31 L5.32 L5.33 L5.34 L5.35""".split()

EXACT = [["-O0", "--workers=1"], ["-O2", "--workers=1"], ["-O1", "--workers=1"]]
LOOSE = [["-O2", "--workers=2"], ["-O0", "--on=sim", "--seed=5"], ["-O2", "--on=sim", "--seed=6"],
         ["-O2", "--on=sim", "--platform=lambda-1769"]]


class Outcome:
    """What a run gave: its result, or the code, line and text of its failure."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        failure = re.search(r"^error\[(\w+)\]: (.*)\n  --> \S+?:(\d+):\d+", err, re.M)
        self.code, self.text, self.line = failure.groups() if failure else (None, None, None)
        self.crashed = status not in (0, 1) or (status == 1 and not failure)
        self.logged = sorted(re.findall(r"^[\w.]+: .*", err, re.M)) if status == 0 else []

    def same(self, other, exact, text):
        if self.crashed or other.crashed:
            return False
        if self.status == 0 or other.status == 0:
            return (self.status == other.status and self.out == other.out and
                    (not exact or self.logged == other.logged))
        if not exact:
            return True
        return (self.code, self.line) == (other.code, other.line) and (not text or self.text == other.text)

    def __str__(self):
        return self.out.strip() if self.status == 0 else f"status {self.status}: {self.err.strip()}"


def run(folder, text, options, arguments=(), environment=None):
    path = Path(folder) / "p.wk"
    path.write_text(text)
    try:
        done = subprocess.run([WKC, "run", str(path), *arguments, *options], capture_output=True, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace",
                              env={**os.environ, **(environment or {})})
        return Outcome(done.returncode, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        return Outcome(None, "", f"no end after {TIMEOUT} s")


def variants(program, pure):
    """(name, program text, options, whether code and line of a failure and logs must agree, its text, too)."""
    found = [(" ".join(o), program.text(), o, True, False) for o in EXACT]
    found += [(" ".join(o), program.text(), o, False, False) for o in LOOSE]
    if pure:
        found.append(("as flows", program.text("flow"), EXACT[0], True, True))
    return found


def disagreement(folder, program, pure, only=None):
    """The first two ways to run that disagree, with what each gave; None if all agree."""
    ways = [v for v in variants(program, pure) if only is None or v[0] in only]
    first = run(folder, ways[0][1], ways[0][2], program.main_arguments)
    if only is None and first.code and not first.code.startswith(("E8", "E6", "E401")):
        return "well-typed", ways[0], first, ways[0], first
    for way in ways[1:]:
        other = run(folder, way[1], way[2], program.main_arguments)
        if not first.same(other, way[3], way[4]) and not may_fail_so(folder, program, pure, first, other):
            return "agree", ways[0], first, way, other
    return None if only else changed_annotations(folder, program, ways)


def changed_annotations(folder, program, ways):
    expected = annotated(folder, program.text(), "-O0", program.main_arguments)
    found = annotated(folder, program.text(), "-O2", program.main_arguments)
    if found == expected:
        return None
    return "annotations", ways[0], "\n".join(sorted(expected or [])), ways[0], "\n".join(sorted(found or []))


def annotated(folder, text, level, arguments, environment=None):
    """The tasks that run, with the annotations of their calls but @cost, which adds up: a line each. None: it fails."""
    path = Path(folder) / "p.wk"
    path.write_text(text)
    done = subprocess.run([WKC, "compile", str(path), "--emit=dag", level, *arguments], capture_output=True,
                          timeout=TIMEOUT, text=True, env={**os.environ, **(environment or {})})
    if done.returncode:
        return None
    used, found = set(re.findall(r"^n\d+ = (t\d+) ", done.stdout, re.M)), set()
    for line in done.stdout.splitlines():
        task = re.match(r'task (t\d+) "([^"]*)"', line)
        if task and task[1] in used:
            notes = " ".join(re.findall(r" ((?:retries|timeout|memory|together)=\d+)", line))
            members = re.search(r' members="([^"]*)"', line)
            found |= {f"{name} {notes}" for name in (members[1].split(", ") if members else [task[2]])}
    return found


def may_fail_so(folder, program, pure, first, other):
    """Whether a task's failure is one that a run at -O0 reports in another order of tasks."""
    if pure or first.crashed or other.crashed or not first.code or not other.code or first.code.startswith("E6"):
        return False
    for seed in range(12):
        found = run(folder, program.text(), ["-O0", "--on=sim", f"--seed={seed}"], program.main_arguments)
        if (found.code, found.line) == (other.code, other.line):
            return True
    return False


def write(seed, kind=None):
    reached, kind = {}, kind or ("pure", "flows", "passes")[seed % 3]
    if kind == "passes":
        return PassWriter(random.Random(seed), reached).program(), False, reached
    writer = FlowWriter(random.Random(seed), reached)
    return (writer.pure_program() if kind == "pure" else writer.flow_program()), kind == "pure", reached


def reduce_failure(folder, program, pure, found):
    """The program without what the disagreement does not need."""
    if found[0] == "annotations":
        def still_fails(candidate):
            return (changed_annotations(folder, candidate, [None]) is not None and
                    annotated(folder, candidate.text(), "-O0", candidate.main_arguments) is not None)
    elif found[0] == "well-typed":
        def still_fails(candidate):
            other = run(folder, candidate.text(), EXACT[0], candidate.main_arguments)
            return (other.code == found[2].code and other.text == found[2].text and
                    other.err.count("error[") <= found[2].err.count("error["))
    else:
        only = (found[1][0], found[3][0])

        def still_fails(candidate):
            if run(folder, candidate.text(), ["-O0"], candidate.main_arguments).code not in (None, found[2].code, found[4].code):
                return False
            return disagreement(folder, candidate, pure, only) is not None
    return shrink(program, still_fails)


def try_seed(seed, kind):
    program, pure, reached = write(seed, kind)
    with tempfile.TemporaryDirectory() as folder:
        found = disagreement(folder, program, pure)
        if not found:
            return reached, None
        small = reduce_failure(folder, program, pure, found)
        again = disagreement(folder, small, pure) or found
        what = "is refused" if found[0] == "well-typed" else "runs other tasks at -O2" if found[0] == "annotations" else f"differs: {again[1][0]} and {again[3][0]}"
        return reached, (f"FAILED seed {seed}: the program {what}\n--- {again[1][0]}\n{again[2]}\n"
                         f"--- {again[3][0]}\n{again[4]}\n--- program {' '.join(small.main_arguments)}\n{small.text()}")


def seeds(options):
    end = time.monotonic() + options.seconds if options.seconds else None
    seed = options.seed
    while (time.monotonic() < end) if end else (seed < options.seed + options.count):
        yield seed
        seed += 1


def outcomes(options):
    """What each seed gave, in order. Few are under way at a time: seeds may never end but by the clock."""
    workers = os.cpu_count()
    with ThreadPoolExecutor(workers) as pool:
        under_way = deque()
        for seed in seeds(options):
            under_way.append(pool.submit(try_seed, seed, options.kind))
            if len(under_way) > 2 * workers:
                yield under_way.popleft().result()
        for each in under_way:
            yield each.result()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--kind", choices=["pure", "flows", "passes"], help="of the programs (default: in turn)")
    parser.add_argument("--show", action="store_true", help="print the programs, and run nothing")
    options = parser.parse_args()
    if options.show:
        for seed in range(options.seed, options.seed + options.count):
            program = write(seed, options.kind)[0]
            print(f"// seed {seed} {' '.join(program.main_arguments)}\n{program.text()}")
        return 0
    total, passed, failed = {}, 0, 0
    with tempfile.TemporaryDirectory() as cache:
        os.environ["WKC_CACHE"] = cache
        for reached, message in outcomes(options):
            for clause, count in reached.items():
                total[clause] = total.get(clause, 0) + count
            passed += message is None
            failed += message is not None
            if message:
                print(message, file=sys.stderr, flush=True)
    missing = [c for c in CLAUSES if c not in total]
    if missing and not options.kind and (not options.seconds or passed + failed >= ENOUGH):
        failed += 1
        print(f"FAILED: no program reached {' '.join(missing)}", file=sys.stderr)
    print("clauses reached: " + " ".join(f"{c}:{total[c]}" for c in CLAUSES if c in total))
    print(f"tests/generate: {passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
