#!/usr/bin/env python3
"""spec/protocol.pml under spin: every reachable state of each job is right, and every mistake put
into the model is found (spec/protocol.md, P10; what the model leaves out is P10.6).

    tests/protocol.py [TEST...]
"""
import re
import shutil
import subprocess
import time

from harness import ROOT, check, main

MEMORY, SECONDS, DEPTH = 1500, 150, 500_000  # MB; of one model on a busy machine; steps

# P10.1, P10.2: name -> what is defined
JOBS = {
    "a_fan_in": ["FAN_IN"],
    "two_joins_in_a_row": ["ROW"],
    "owned_joins_that_are_invoked": ["HAND_OFF"],
    "large_values_that_wait": ["WAITS"],
    "lost_events_that_are_swept": ["SWEEP"],
    "a_fan_in_without_faults": ["FAN_IN", "NO_FAULTS"],
    "two_joins_without_faults": ["ROW", "NO_FAULTS"],
    "large_values_without_faults": ["WAITS", "NO_FAULTS"],
    # P10.5: what a client that sweeps repairs
    "lost_duplicates_that_are_swept": ["FAN_IN", "CURE", "DUPLICATE_LOST"],
    "late_requests_that_are_swept": ["ROW", "CURE", "LATE_REQUEST"],
}

# P10.3: how spin says that a property is violated
LOSS = "invalid end state"  # P5.1, or P5.4: somebody waits for ever
COMMITS = "commits"  # P5.2
STORES = ".edges)==0"  # P5.3
ORDER = ".stored"  # P5.6

# P10.4: mistake -> (what is defined beside it, what spin must find)
MISTAKES = {
    "LAST_SETS_BITS": (["FAN_IN"], ORDER),
    "START_CLAIMED": (["FAN_IN"], LOSS),
    "OWNER_IS_PROCESS": (["FAN_IN"], LOSS),
    "EXPIRED_REPLACED": (["FAN_IN"], ORDER),
    "COUNTER": (["FAN_IN"], ORDER),
    "PART_OF_MASK": (["FAN_IN"], ORDER),
    "COMMITTED_AGAIN": (["FAN_IN"], COMMITS),
    "RECOVERY_DEFERS": (["ROW"], LOSS),
    "STOPPED_MARKS_PASSED": (["ROW"], LOSS),
    "PASSED_EARLY": (["HAND_OFF"], LOSS),
    "SIGNAL_BEFORE_PUT": (["WAITS"], ORDER),
    "BOTH_WAIT": (["WAITS"], LOSS),
    "STORED_AT_ONCE": (["WAITS", "NO_FAULTS"], STORES),
    "WANTED_PASSED": (["SWEEP"], LOSS),
    "NOBODY_SWEEPS": (["SWEEP"], LOSS),
    "OWNERS_NEVER_DIE": (["ROW", "CURE", "LATE_REQUEST"], LOSS),
}

# P10.5: what must be assumed where nobody sweeps
ASSUMPTIONS = {
    "DUPLICATE_LOST": (["FAN_IN"], LOSS),
    "LATE_REQUEST": (["ROW"], LOSS),
}


def search(folder, defines, optimize):
    """What the verifier says about the model defined so; it stops at the first error."""
    shutil.copy(ROOT / "spec/protocol.pml", folder)
    subprocess.run(["spin", "-a", *(f"-D{d}" for d in defines), "protocol.pml"], cwd=folder,
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", optimize, "-w", "-DSAFETY", f"-DMEMLIM={MEMORY}", "-o", "pan", "pan.c"],
                   cwd=folder, check=True)
    return subprocess.run(["./pan", f"-m{DEPTH}"], cwd=folder, capture_output=True, text=True,
                          timeout=SECONDS).stdout


def number(text, said):
    found = re.search(text, said)
    check(found, said[-2000:])
    return int(found.group(1))


def holds(name, defines):
    def test(folder):
        began = time.monotonic()
        said = search(folder, defines, "-O0" if "NO_FAULTS" in defines else "-O2")
        states = number(r"(\d+) states, stored", said)
        check(number(r"errors: (\d+)", said) == 0, said)
        check("Search not completed" not in said and "too small" not in said, said)
        print(f"{name}: holds in {states} states, {time.monotonic() - began:.0f} s")
    test.__name__ = name
    return test


def is_refuted(name, defines, finding):
    def test(folder):
        said = search(folder, [*defines, name], "-O0")
        check(number(r"errors: (\d+)", said) == 1, f"spin finds nothing:\n{said}")
        first = next(line for line in said.splitlines() if line.startswith("pan:1:"))
        check(finding in first, f"not {finding}: {first}")
        print(f"{name}: refuted: {first.removeprefix('pan:1: ')}")
    test.__name__ = name
    return test


if __name__ == "__main__":
    main([*(holds(*job) for job in JOBS.items()),
          *(is_refuted(name, *rest) for name, rest in {**MISTAKES, **ASSUMPTIONS}.items())])
