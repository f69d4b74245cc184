#!/usr/bin/env python3
"""make bench: runs each pair of ours and a peer in turn in one run, and prints medians and ratios.

    tests/bench/run.py [NAME...]     names of groups: local, elaborate, kernels, map, algebra, fuse, chunk, data, groupby,
                                     text, store, start, emulator, bundle, remote, latency, paper, optimize, plan, planning

Every benchmark program prints one JSON object a line: name, peer, median, min, max, peer_median, peer_min,
peer_max (seconds for one unit) and ratio. Results go to build/bench.json and a table to standard output.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from algebra import algebra
from bundle import bundle
from chunk import chunk
from data import data
from emulator import emulator
from fuse import fuse
from groupby import groupby
from optimize import optimize, plan
from paper import paper
from planning import planning
from remote import latency, remote
from store import store
from text import text

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


def measure(command):
    """Runs `elaborate` or its peer: seconds a task, and the peak of memory in KiB."""
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return (float(re.search(r"([0-9.]+) ns/task", text)[1]) * 1e-9,
            int(re.search(r"peak ([0-9]+) KiB", text)[1]))


def elaborate():
    """Building a graph of 1,000,000 tasks against oneTBB, and what a task costs in memory."""
    for name in ("elaborate", "elaborate_tbb"):
        built = subprocess.run(["make", "-s", f"build/release/bench/{name}"], capture_output=True, text=True)
        if built.returncode:
            print(f"skipped {name}: {built.stderr.strip()[-300:]}", file=sys.stderr)
            return []
    rows = []
    for pattern, size in (("tree", 500_000), ("butterfly", 65_536)):
        ours, peers = [], []
        for _ in range(7):
            ours.append(measure(["build/release/bench/elaborate", pattern, str(size)])[0])
            peers.append(measure(["build/release/bench/elaborate_tbb", pattern, str(size)])[0])
        ours.sort(), peers.sort()
        middle, peer = statistics.median(ours), statistics.median(peers)
        rows.append({"name": f"build {pattern} of 1,000,000", "peer": "oneTBB", "median": middle, "min": ours[0],
                     "max": ours[-1], "peer_median": peer, "peer_min": peers[0], "peer_max": peers[-1],
                     "ratio": middle / peer, "reach": 1.0})
    one, two = (measure(["build/release/bench/elaborate", "tree", str(n)])[1] for n in (500_000, 1_000_000))
    rows.append({"name": "bytes a task more", "bytes": (two - one) * 1024 / 1_000_000, "reach_bytes": 100})
    return rows


GROUPS = {"local": lambda: program("local"), "elaborate": elaborate,
          "kernels": lambda: program("kernels"), "map": lambda: program("map"), "algebra": algebra, "fuse": fuse,
          "chunk": chunk,
          "data": data, "groupby": groupby, "text": text, "store": store, "start": start,
          "emulator": emulator, "bundle": bundle, "remote": remote, "latency": latency, "paper": paper,
          "optimize": optimize, "plan": plan, "planning": planning}


def show(seconds):
    for unit, scale in (("s ", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:8.2f} {unit}"
    return f"{seconds * 1e9:8.2f} ns"


def print_row(row):
    if "bytes" in row:
        missed = "" if row["bytes"] <= row["reach_bytes"] else "  MISSED"
        print(f"{row['name']:34} {row['bytes']:8.1f} bytes  (to reach: {row['reach_bytes']}){missed}")
        return
    if "note" in row:
        print(row["note"], flush=True)
        return
    if "times" in row:
        reach = row["reach_times"]
        limit = f"  (to reach: {reach})" + ("" if row["times"] >= reach else "  MISSED") if reach else ""
        print(f"{row['name']:50} {row['times']:9.2f}  {row['text']}{limit}", flush=True)
        return
    if "number" in row:
        missed = "" if row["number"] <= row["reach_number"] else "  MISSED"
        print(f"{row['name']:34} {row['number']:8.2f}  (to reach: {row['reach_number']}){missed}")
        return
    if "count" in row:
        print(f"{row['name']:34} {row['count']:11}  {row['peer']:24} {row['peer_count']:11}  ratio {row['ratio']:6.3f}")
        return
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
