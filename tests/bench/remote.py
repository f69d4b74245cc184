"""A tree reduction on an emulated Lambda with two environments and Redis, against Dask distributed with two worker
processes on the same graph: leaves that give their number, and additions of two.

Ours is the run's own time, as --stats says it: from opening the store over storing the job, invoking its sources and cold
starts to the result; the starts of the emulator and redis-server and the bundle are not in it. The command's whole time
is printed beside it. Dask's is that of client.get on a cluster that has started, and has run such a graph before.

Dask is taken from build/dask: `python3 -m venv build/dask && build/dask/bin/pip install dask distributed`."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WKC = os.path.abspath("build/release/wkc")
TURNS = 3
REACH = 0.2
LEAVES = (1024, 10240)

OURS = """
task leaf(i: int) -> f64 { return f64(i) }
task plus(a: f64, b: f64) -> f64 { return a + b }
flow main(n: int) -> f64 { return reduce(plus, [leaf(i) for i in 0..n]) }
"""

DASK = """
import operator, sys, time
from dask.distributed import Client, LocalCluster

def graph(leaves):
    tasks, level = {}, []
    for i in range(leaves):
        tasks[f"leaf-{i}"] = (float, i)
        level.append(f"leaf-{i}")
    while len(level) > 1:
        above = []
        for i in range(0, len(level) - 1, 2):
            name = f"plus-{len(tasks)}"
            tasks[name] = (operator.add, level[i], level[i + 1])
            above.append(name)
        level = above + level[len(level) & ~1:]
    return tasks, level[0]

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            tasks, root = graph(64)
            client.get(tasks, root)
            tasks, root = graph(int(sys.argv[1]))
            begin = time.perf_counter()
            result = client.get(tasks, root)
            print(time.perf_counter() - begin, result)
"""


def find_dask():
    python = os.path.abspath("build/dask/bin/python")
    for each in (python, "/usr/bin/python3"):
        done = subprocess.run([each, "-c", "import distributed; print(distributed.__version__)"], capture_output=True,
                              text=True) if os.path.exists(each) else None
        if done and done.returncode == 0:
            return each, done.stdout.strip()
    print("skipped Dask distributed: not installed (tests/bench/remote.py says how to get it)", file=sys.stderr)
    return None


def run_ours(folder, leaves):
    """The run's own seconds, and the command's."""
    begin = time.perf_counter()
    done = subprocess.run([WKC, "run", "--on=emulator", "--concurrency=2", "--stats=json", "tree.wk", f"n={leaves}"],
                          cwd=folder, check=True, capture_output=True, text=True,
                          env=dict(os.environ, WKC_CACHE=os.path.join(folder, "cache")))
    whole = time.perf_counter() - begin
    assert float(done.stdout) == leaves * (leaves - 1) / 2, done.stdout
    return json.loads(done.stderr.splitlines()[-1])["wall_seconds"], whole


def run_dask(python, folder, leaves):
    text = subprocess.run([python, "tree.py", str(leaves)], cwd=folder, check=True, capture_output=True, text=True).stdout
    seconds, result = map(float, text.split())
    assert result == leaves * (leaves - 1) / 2, text
    return seconds


def remote():
    dask = find_dask()
    if not dask:
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tree.wk").write_text(OURS)
        Path(folder, "tree.py").write_text(DASK)
        for leaves in LEAVES:
            run_ours(folder, leaves)  # compiled kernels are kept
            turns = [(run_ours(folder, leaves), run_dask(dask[0], folder, leaves)) for _ in range(TURNS)]
            ours, peers = sorted(own for (own, _), _ in turns), sorted(peer for _, peer in turns)
            whole = statistics.median(all_of_it for (_, all_of_it), _ in turns)
            middle, other = statistics.median(ours), statistics.median(peers)
            yield {"name": f"emulator, tree of {leaves} (command {whole:.2f} s)", "peer": f"Dask distributed {dask[1]}",
                   "median": middle, "min": ours[0], "max": ours[-1], "peer_median": other, "peer_min": peers[0],
                   "peer_max": peers[-1], "ratio": middle / other, "reach": REACH}


# ---- With latencies ----------------------------------------------------------------------------------------

# A leaf that takes time, but none of the machine's two processors.
SLEEP_C = """
#include <time.h>
#include "wk.h"

WK_TASK(leaf)
{
    int64_t i = wk_take_int(&arguments);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, 0);
    wk_give_f64(&results, (double)i);
    return 0;
}
"""
NAPS = OURS.replace("task leaf(i: int) -> f64 { return f64(i) }",
                    '@cost(20ms)\nextern task leaf(i: int) -> f64 from "nap.c"')
LATENCIES = ["--concurrency=64", "--invoke-latency=50", "--store-latency=1"]


def run_with_latencies(folder, program, leaves, *options):
    done = subprocess.run([WKC, "run", "--on=emulator", *LATENCIES, "--stats=json", *options, program, f"n={leaves}"],
                          cwd=folder, check=True, capture_output=True, text=True,
                          env=dict(os.environ, WKC_CACHE=os.path.join(folder, "cache")))
    assert float(done.stdout) == leaves * (leaves - 1) / 2, done.stdout
    return json.loads(done.stderr.splitlines()[-1])


def latency():
    """50 ms until an invocation starts, 1 ms for each answer of the store, 64 environments: against the stateless way,
    in which every task is an invocation and every value goes through the store. At -O2 the compiler has made pieces of many
    leaves out of the tasks, for both sides; as written, each leaf and each addition is a task."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tree.wk").write_text(OURS)
        Path(folder, "naps.wk").write_text(NAPS)
        Path(folder, "nap.c").write_text(SLEEP_C)
        for program, leaves, what, *options in (("tree.wk", 1024, "empty leaves"), ("tree.wk", 1024, "empty leaves, as written", "-O0"),
                                                ("naps.wk", 1024, "leaves of 20 ms"), ("tree.wk", 10240, "empty leaves"),
                                                ("tree.wk", 10240, "empty leaves, as written", "-O0")):
            turns = [(run_with_latencies(folder, program, leaves, *options),
                      run_with_latencies(folder, program, leaves, "--without=all", *options)) for _ in range(TURNS)]
            ours, peers = (sorted(turn[side]["wall_seconds"] for turn in turns) for side in (0, 1))
            one, other = turns[0]
            name = f"latencies, {leaves} {what}"
            yield {"name": name, "peer": "stateless", "median": statistics.median(ours), "min": ours[0], "max": ours[-1],
                   "peer_median": statistics.median(peers), "peer_min": peers[0], "peer_max": peers[-1],
                   "ratio": statistics.median(ours) / statistics.median(peers), "reach": REACH}
            for key in ("invocations", "store_commands", "store_bytes_written"):
                yield {"name": f"{name}: {key}", "peer": "stateless", "count": one[key], "peer_count": other[key],
                       "ratio": one[key] / max(other[key], 1)}
