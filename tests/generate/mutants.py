#!/usr/bin/env python3
"""Whether random programs find the mistakes that compiler/flow/mutant.h can put into passes, and
runtime/graph/mutant.h into elaboration.

    tests/generate/mutants.py [--programs N] [NAME...]

Needs `make build/release/wkc-mutants`. For each mistake, programs (passes.py, flows.py) are run at -O0 and -O2 on one
worker until one of them gives another result, log, failure or annotations with the mistake; at most N (400). Before them
come programs that are kept, with their arguments: what random ones show too rarely. A mistake that none of them shows
fails the run. Without a mistake the same programs must agree (run.py).
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
os.environ.setdefault("WKC", "build/release/wkc-mutants")
sys.path.insert(0, str(ROOT / "tests"))

from generate import run as generator  # noqa: E402


def mutants():
    texts = [(ROOT / path).read_text() for path in ("compiler/flow/mutant.h", "runtime/graph/mutant.h")]
    return re.findall(r"^ +X\((\w+), \"([^\"]*)\"\)", "\n".join(texts), re.M)


@lru_cache(maxsize=None)
def plain(seed):
    """The program of a seed, what it gives at -O0, and its annotations there."""
    program, pure, _ = generator.write(seed, "flows" if seed % 4 == 0 else "passes")
    with tempfile.TemporaryDirectory() as folder:
        first = generator.run(folder, program.text(), ["-O0", "--workers=1"], program.main_arguments)
        notes = generator.annotated(folder, program.text(), "-O0", program.main_arguments)
    return program, pure, first, notes


def tells(folder, seed, mutant):
    """Whether the program of a seed differs from itself at -O0, or fails the verifier."""
    program, pure, first, notes = plain(seed)
    text, arguments, mistaken = program.text(), program.main_arguments, {"WKC_MUTANT": mutant}
    if "ANNOTATION" in mutant and notes != generator.annotated(folder, text, "-O2", arguments, mistaken):
        return True
    other = generator.run(folder, text, ["-O2", "--workers=1", "--verify-each"], arguments, mistaken)
    return not first.same(other, True, False) and not generator.may_fail_so(folder, program, pure, first, other)


KEPT = [*sorted((ROOT / "tests/generate/kept").glob("*.wk")), *sorted((ROOT / "tests/run").glob("chunks*.wk")),
        ROOT / "tests/run/joins_nested.wk", ROOT / "tests/run/joins_in_order.wk", ROOT / "tests/run/joins_grids.wk"]


def kept_tells(path, mutant):
    """Whether a kept program gives something else at -O2 than at -O0, with one of its lines of arguments."""
    for arguments in re.findall(r"^// arguments: (.*)$", path.read_text(), re.M):
        runs = [subprocess.run([os.environ["WKC"], "run", path, level, "--workers=1", *arguments.split()],
                               capture_output=True, text=True, env=dict(os.environ, WKC_MUTANT=mutant if level == "-O2" else ""))
                for level in ("-O0", "-O2")]
        # What is printed, and which failure is reported where; notes may name the tasks that were fused.
        first, other = ((r.returncode, r.stdout, re.findall(r"^error.*\n.*$", r.stderr, re.M)) for r in runs)
        if first != other:
            return True
    return False


def find(mutant, programs):
    """What shows the mistake: a kept program, or the first seed whose program does; or None."""
    for path in KEPT:
        if kept_tells(path, mutant) and not kept_tells(path, ""):
            return path.name
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, programs + 1):
            if tells(folder, seed, mutant) and not tells(folder, seed, ""):
                return f"seed {seed}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, default=400)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [m for m in mutants() if not options.names or m[0] in options.names]
    failed = 0 if chosen else 1
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(os.cpu_count()) as pool:
        os.environ["WKC_CACHE"] = cache
        for (name, text), found in zip(chosen, pool.map(lambda m: find(m[0], options.programs), chosen)):
            failed += found is None
            print(f"{name}: {found or 'NOT FOUND'}: {text}", flush=True)
    print(f"tests/generate/mutants.py: {len(chosen) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
