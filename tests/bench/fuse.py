"""The benchmark of fusion: a chain of eight elementwise operations over 10^8 numbers in 1,000 tiles (fuse.wk), each a task or
an operator of its own, 2 workers: against the chain fused by hand in C (fuse_peer.c, `clang-19 -O3`, 2 threads), and
against ours without passes over the graph. Times are from the plan to the result, without compiling; all three have the
same result to the last digit."""
import json
import os
import re
import statistics
import subprocess
import tempfile

WKC = "build/release/wkc"
PROGRAM = "tests/bench/fuse.wk"
PEER = "build/release/bench/fuse_peer"
TURNS = 7


def ours(environment, *options):
    """The seconds of a run, and its result."""
    done = subprocess.run([WKC, "run", PROGRAM, "--workers=2", "--stats", *options], capture_output=True, text=True,
                          check=True, env=environment)
    return float(re.search(r"wall_seconds +([0-9.]+)", done.stdout + done.stderr)[1]), json.loads(done.stdout.split()[0])


def by_hand():
    seconds, result = subprocess.run([PEER], capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(result)


def row(name, peer, times, peer_times, reach):
    middle, peer_middle = statistics.median(times), statistics.median(peer_times)
    return {"name": name, "peer": peer, "median": middle, "min": min(times), "max": max(times),
            "peer_median": peer_middle, "peer_min": min(peer_times), "peer_max": max(peer_times),
            "ratio": middle / peer_middle, "reach": reach}


def fuse():
    subprocess.run(["make", "-s", PEER], check=True)
    environment = dict(os.environ, WKC_CACHE=tempfile.mkdtemp())
    ways = {"fused": lambda: ours(environment), "apart": lambda: ours(environment, "--disable=graph"), "C": by_hand}
    times = {name: [] for name in ways}
    results = set()
    for turn in range(TURNS + 1):
        for name, run in ways.items():
            seconds, result = run()
            results.add(result)
            if turn:
                times[name].append(seconds)
    if len(results) != 1:
        raise SystemExit(f"fuse: results differ: {sorted(results)}")
    return [row("chain of 8 over 10^8", "clang -O3, fused by hand", times["fused"], times["C"], 1.15),
            row("chain of 8 over 10^8", "ours, --disable=graph", times["fused"], times["apart"], 0.333)]
