"""The benchmark of fusion: a chain of eight elementwise operations over 10^8 numbers in 1,000 tiles (fuse.wk), each a task or
an operator of its own, 2 workers: against the chain fused by hand in C (fuse_peer.c, `clang-19 -O3`, 2 threads), and
against ours without passes over the graph. Times are from the plan to the result, without compiling; all three have the
same result to the last digit.

And a join that is read whole: 64 arrays of 4 MB, added up by one task (joined.wk), against C that adds them up where they are
(joined_peer.c), and against ours with the join copied."""
import json
import os
import re
import statistics
import subprocess
import tempfile

WKC = "build/release/wkc"
TURNS = 7


def ours(program, environment, *options):
    """The seconds of a run, and its result."""
    done = subprocess.run([WKC, "run", f"tests/bench/{program}.wk", "--workers=2", "--stats", *options], capture_output=True, text=True,
                          check=True, env=environment)
    return float(re.search(r"wall_seconds +([0-9.]+)", done.stdout + done.stderr)[1]), json.loads(done.stdout.split()[0])


def by_hand(program):
    seconds, result = subprocess.run([f"build/release/bench/{program}_peer"], capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(result)


def row(name, peer, times, peer_times, reach):
    middle, peer_middle = statistics.median(times), statistics.median(peer_times)
    return {"name": name, "peer": peer, "median": middle, "min": min(times), "max": max(times),
            "peer_median": peer_middle, "peer_min": min(peer_times), "peer_max": max(peer_times),
            "ratio": middle / peer_middle, "reach": reach}


def measure(program, disabled):
    """Of the three ways, the times of each in turn."""
    subprocess.run(["make", "-s", f"build/release/bench/{program}_peer"], check=True)
    environment = dict(os.environ, WKC_CACHE=tempfile.mkdtemp())
    ways = {"ours": lambda: ours(program, environment), "without": lambda: ours(program, environment, f"--disable={disabled}"),
            "C": lambda: by_hand(program)}
    times = {name: [] for name in ways}
    results = set()
    for turn in range(TURNS + 1):
        for name, run in ways.items():
            seconds, result = run()
            results.add(result)
            if turn:
                times[name].append(seconds)
    if len(results) != 1:
        raise SystemExit(f"{program}: results differ: {sorted(results)}")
    return times


def fuse():
    chain, joined = measure("fuse", "graph"), measure("joined", "stream")
    return [row("chain of 8 over 10^8", "clang -O3, fused by hand", chain["ours"], chain["C"], 1.15),
            row("chain of 8 over 10^8", "ours, --disable=graph", chain["ours"], chain["without"], 0.333),
            row("sum of 64 joined arrays of 4 MB", "clang -O3, where they are", joined["ours"], joined["C"], None),
            row("sum of 64 joined arrays of 4 MB", "ours, --disable=stream", joined["ours"], joined["without"], None)]
