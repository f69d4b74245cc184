#!/usr/bin/env python3
"""make bench: runs each pair of ours and a peer in turn in one run, and prints medians and ratios.

    tests/bench/run.py [NAME...]     names of groups: kernels, start, and the programs below

Every benchmark program prints one JSON object a line: name, peer, median, min, max, peer_median, peer_min,
peer_max (seconds for one unit) and ratio. Results go to build/bench.json and a table to standard output.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
os.chdir(ROOT)
WKC = "build/release/wkc"

# What each figure must reach: name -> the largest ratio to the peer.
REACH = {"kernel dot": 1.10, "kernel stencil": 1.10, "kernel nbody": 1.10, "kernel mandelbrot": 1.10,
         "kernel sieve": 1.10, "kernel maths": 0.6}
REACH_SECONDS = {"start cold": 0.100, "start cached": 0.030}


def program(name):
    """A benchmark program's lines; says so when it cannot be built (a peer is missing)."""
    built = subprocess.run(["make", "-s", f"build/release/bench/{name}"], capture_output=True, text=True)
    if built.returncode:
        print(f"skipped {name}: {built.stderr.strip()[-300:]}", file=sys.stderr)
        return []
    environment = dict(os.environ, WKC_CACHE=tempfile.mkdtemp())
    done = subprocess.run([f"build/release/bench/{name}"], capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"failed {name}: {done.stderr[-1000:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def start():
    """`wkc run` of a one-task program, from start to result."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.wk"
        path.write_text("task one(n: int) -> int { return n + 1 }\nflow main(n: int = 1) -> int { return one(n) }\n")
        rows = []
        for name, turns, fresh in (("start cold", 15, True), ("start cached", 31, False)):
            times = []
            for turn in range(turns + 1):
                cache = Path(folder) / (f"cache{turn}" if fresh else "cache")
                begin = time.perf_counter()
                subprocess.run([WKC, "run", str(path)], check=True, stdout=subprocess.DEVNULL,
                               env=dict(os.environ, WKC_CACHE=str(cache)))
                times.append(time.perf_counter() - begin)
            times = sorted(times[1:])
            rows.append({"name": name, "peer": "", "median": statistics.median(times), "min": times[0],
                         "max": times[-1]})
        return rows


GROUPS = {"kernels": lambda: program("kernels"), "start": start}
for source in sorted(Path("tests/bench").glob("*.c")):
    name = source.stem
    if "int main(" in source.read_text() and not name.endswith(("_peer", "_static", "_openmp")):
        GROUPS.setdefault(name, lambda name=name: program(name))


def show(seconds):
    for unit, scale in (("s ", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:8.2f} {unit}"
    return f"{seconds * 1e9:8.2f} ns"


def print_row(row):
    text = f"{row['name']:34} {show(row['median'])}"
    reach = REACH.get(row["name"], row.get("reach"))
    if row.get("ratio") is not None:
        text += f"  {row['peer']:24} {show(row['peer_median'])}  ratio {row['ratio']:6.3f}"
    limit = reach if reach is not None else REACH_SECONDS.get(row["name"])
    if limit is not None:
        value = row["ratio"] if reach is not None else row["median"]
        text += f"  (to reach: {limit})" + ("" if value <= limit else "  MISSED")
    print(text, flush=True)


def main(names):
    rows = []
    for name in names or GROUPS:
        if name not in GROUPS:
            sys.exit(f"there is no benchmark '{name}'; there are {', '.join(GROUPS)}")
        for row in GROUPS[name]():
            rows.append(row)
            print_row(row)
    Path("build").mkdir(exist_ok=True)
    Path("build/bench.json").write_text(json.dumps({"date": str(date.today()), "rows": rows}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
