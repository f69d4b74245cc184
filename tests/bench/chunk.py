"""The benchmark of chunks: 10^6 tasks of 1 µs in a comprehension, and in a reduction (chunk.wk), 2 workers, against chunks by
hand in C with OpenMP's `parallel for` (chunk_peer.c, GCC -O3). Ours counts all that `wkc run` does but what it does for one
task, too: so the graph is built in that time. Both have the same results to the last digit."""
import json
import os
import statistics
import subprocess
import tempfile
import time

WKC = "build/release/wkc"
PROGRAM = "tests/bench/chunk.wk"
PEER = "build/release/bench/chunk_peer"
TURNS = 9
REACH = 1.2


def ours(environment, count, folds):
    """The seconds of a whole run, and its result."""
    begin = time.perf_counter()
    done = subprocess.run([WKC, "run", PROGRAM, "--workers=2", f"n={count}", f"folds={folds}"], capture_output=True,
                          text=True, check=True, env=environment)
    return time.perf_counter() - begin, json.loads(done.stdout)


def by_hand():
    """Seconds and result of the comprehension, then of the reduction."""
    words = [float(w) for w in subprocess.run([PEER], capture_output=True, text=True, check=True).stdout.split()]
    return {"false": words[:2], "true": words[2:]}


def row(name, times, peer_times):
    middle, peer_middle = statistics.median(times), statistics.median(peer_times)
    return {"name": name, "peer": "C, OpenMP parallel for", "median": middle, "min": min(times), "max": max(times),
            "peer_median": peer_middle, "peer_min": min(peer_times), "peer_max": max(peer_times),
            "ratio": middle / peer_middle, "reach": REACH}


def chunk():
    subprocess.run(["make", "-s", PEER], check=True)
    environment = dict(os.environ, WKC_CACHE=tempfile.mkdtemp())
    times = {"false": [], "true": []}
    peers = {"false": [], "true": []}
    for turn in range(TURNS + 1):
        hand = by_hand()
        for folds in times:
            start = ours(environment, 1, folds)[0]
            seconds, result = ours(environment, 1_000_000, folds)
            if result != hand[folds][1]:
                raise SystemExit(f"chunk: results differ: {result} and {hand[folds][1]}")
            if turn:
                times[folds].append(seconds - start)
                peers[folds].append(hand[folds][0])
    return [row("10^6 tasks of 1 us in an array", times["false"], peers["false"]),
            row("10^6 tasks of 1 us, reduced", times["true"], peers["true"])]
