#!/usr/bin/env python3
"""How far estimated costs of tasks are from measured ones: tests/bench/estimates.py [name=value...]

Runs estimates.wk with a trace, three times, and prints for each task the median of what its nodes took (each at its
fastest), what `wkc compile --emit=plan` says of them, and the ratio. The figures that estimates are made from are
in compiler/flow/estimate_private.h."""
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WKC = "build/release/wkc"
PROGRAM = "tests/bench/estimates.wk"


def planned(arguments):
    text = subprocess.run([WKC, "compile", PROGRAM, "--emit=plan", *arguments], check=True, capture_output=True,
                          text=True).stdout
    return {int(n): (name, int(ns)) for n, name, ns in re.findall(r"^n(\d+) (.*?) cost=(\d+)", text, re.M)}


def measured(arguments, folder):
    best = {}
    for _ in range(3):
        trace = Path(folder) / "trace.json"
        subprocess.run([WKC, "run", PROGRAM, "--workers=1", f"--trace={trace}", *arguments], check=True,
                       stdout=subprocess.DEVNULL)
        for event in json.loads(trace.read_text())["traceEvents"]:
            if event.get("cat") == "task" and "node" in event["args"]:
                node = event["args"]["node"]
                best[node] = min(best.get(node, 1e99), event["dur"] * 1000)
    return best


def main():
    plan = planned(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        times = measured(sys.argv[1:], folder)
    tasks = {}
    for node, ns in times.items():
        name, cost = plan[node]
        tasks.setdefault(name, []).append((ns, cost))
    within = 0
    for name, pairs in tasks.items():
        took, cost = (statistics.median(column) for column in zip(*pairs))
        within += 0.5 <= cost / took <= 2
        print(f"{name:22}{len(pairs):6} runs {took / 1e6:12.4f} ms, estimated {cost / 1e6:12.4f} ms: {cost / took:6.2f}")
    print(f"{within} of {len(tasks)} tasks within a factor of 2")


if __name__ == "__main__":
    main()
