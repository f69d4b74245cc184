"""The benchmark of chunks: 10^6 tasks of 1 µs in a comprehension, and in a reduction, and a reduction of 10^6 rows (chunk.wk),
2 workers, against chunks by
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


WAYS = {"array": ["folds=false"], "reduced": ["folds=true"], "rows": ["columns=64"],
        "rows, not in pieces": ["columns=64", "--disable=chunk"]}


def ours(environment, count, way):
    """The seconds of a whole run, and its result."""
    begin = time.perf_counter()
    done = subprocess.run([WKC, "run", PROGRAM, "--workers=2", f"n={count}", *WAYS[way]], capture_output=True,
                          text=True, check=True, env=environment)
    return time.perf_counter() - begin, json.loads(done.stdout)


def by_hand():
    """Seconds and result of each way."""
    words = [float(w) for w in subprocess.run([PEER], capture_output=True, text=True, check=True).stdout.split()]
    return {"array": words[:2], "reduced": words[2:4], "rows": words[4:], "rows, not in pieces": words[4:]}


def row(name, times, peer_times):
    middle, peer_middle = statistics.median(times), statistics.median(peer_times)
    return {"name": name, "peer": "C, OpenMP parallel for", "median": middle, "min": min(times), "max": max(times),
            "peer_median": peer_middle, "peer_min": min(peer_times), "peer_max": max(peer_times),
            "ratio": middle / peer_middle, "reach": REACH}


def chunk():
    subprocess.run(["make", "-s", PEER], check=True)
    environment = dict(os.environ, WKC_CACHE=tempfile.mkdtemp())
    times = {way: [] for way in WAYS}
    peers = {way: [] for way in WAYS}
    for turn in range(TURNS + 1):
        hand = by_hand()
        for way in WAYS:
            start = ours(environment, 1, way)[0]
            seconds, result = ours(environment, 1_000_000, way)
            if result != hand[way][1]:
                raise SystemExit(f"chunk: results differ: {result} and {hand[way][1]}")
            if turn:
                times[way].append(seconds - start)
                peers[way].append(hand[way][0])
    rows = [row("10^6 tasks of 1 us in an array", times["array"], peers["array"]),
            row("10^6 tasks of 1 us, reduced", times["reduced"], peers["reduced"])]
    for way, name in (("rows", "10^6 rows of 64, reduced"), ("rows, not in pieces", "10^6 rows of 64, one task each")):
        rows.append(row(name, times[way], peers[way]))
        del rows[-1]["reach"]
    return rows
