#!/usr/bin/env python3
"""Checks spec/protocol.pml with spin, exhaustively; and that each mistake in it is found."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL = Path(__file__).resolve().parent.parent / "spec" / "protocol.pml"
MISTAKES = ["LAST_SETS_BITS", "EXPIRED_REPLACED", "START_CLAIMED", "PASSED_EARLY", "SIGNAL_BEFORE_PUT"]


def errors(defines):
    """How many errors spin finds, and how many states it has seen."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "protocol.pml"
        shutil.copy(MODEL, model)
        subprocess.run(["spin", *[f"-D{d}" for d in defines], "-a", model.name], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True)
        run = subprocess.run(["./pan", "-m100000"], cwd=folder, capture_output=True, text=True, timeout=600)
    if "max search depth too small" in run.stdout or "out of memory" in run.stdout:
        raise SystemExit(f"the search was not exhaustive:\n{run.stdout}")
    word = run.stdout.split("errors: ")[1].split()[0]
    states = run.stdout.split("states, stored")[0].split()[-1]
    return int(word), states


def main():
    failed = 0
    for faults in (["CRASHES=1", "DUPLICATES=1"], ["CRASHES=2", "DUPLICATES=0"]):
        found, states = errors(faults)
        print(f"the protocol, {', '.join(faults).lower()}: {states} states, {found} errors")
        failed += found != 0
    for mistake in MISTAKES:
        found, _ = errors([mistake])
        if found == 0:
            print(f"FAILED {mistake} is not found")
            failed += 1
    print(f"model.py: {2 + len(MISTAKES) - failed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
