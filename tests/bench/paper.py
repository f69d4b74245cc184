"""The group `paper`: the jobs that the paper on decentralized execution measured (Carver et al., Wukong, SoCC 2020), at
sizes like its own, in the simulated cloud: all techniques of the protocol, each one off, and all off, which is
the stateless way (every task an invocation, every value through the store). No task is run (--dry): costs are
operations divided by a rate, sizes are those of the shapes."""
import json
import math
import re
import subprocess
import tempfile
from pathlib import Path

WKC = "build/release/wkc"
PROGRAMS = Path(__file__).resolve().parent / "paper"
PLATFORM = "lambda-1769"
# One processor of a Lambda, taken as: operations of linear algebra, of what LAPACK does on panels, and bytes made or
# read through, each a second.
BLAS, PANEL, BYTES = 30e9, 8e9, 2e9
LEAST = 20e-6  # a task's seconds
TECHNIQUES = ("become", "clustering", "delayed-io", "inline", "tree")


def gemm(nt, n):
    return {"tile": 8*n*n / BYTES, "product": 2*n**3 / BLAS, "plus": 24*n*n / BYTES}


def cholesky(nt, n):
    return {"tile": 8*n*n / BYTES, "factor": n**3 / 3 / BLAS, "solve": n**3 / BLAS, "update": 2*n**3 / BLAS}


def tsqr(blocks, m, n):
    return {"block": 8*m*n / BYTES, "r_of": 2*m*n*n / PANEL, "stacked": 4*n**3 / PANEL}


def rsvd(nt, n, k):
    return {"tile": 8*n*n / BYTES, "sample": 8*n*k / BYTES, "times": 2*n*n*k / BLAS + 8*n*n / BYTES, "plus": 24*n*k / BYTES,
            "gram": 2*n*k*k / BLAS, "factor": k**3 / BLAS, "basis": n*k*k / BLAS, "project": 2*n*n*k / BLAS + 8*n*n / BYTES,
            "gram_of_rows": 2*n*k*k / BLAS}


def tree(leaves, seconds=0.0):
    return {"leaf": seconds, "plus": seconds}


# Name, program, its parameters, and the run's options.
JOBS = (("tree, 1,024 of 0 s", tree, {"leaves": 1024}),
        ("tree, 1,024 of 100 ms", tree, {"leaves": 1024, "seconds": 0.1}),
        ("GEMM, 25k in tiles of 2k", gemm, {"nt": 13, "n": 2000}),
        ("GEMM, store of 75 nodes", gemm, {"nt": 13, "n": 2000}, "--shards=75"),
        ("Cholesky, 25k in tiles of 2k", cholesky, {"nt": 13, "n": 2000}),
        ("TSQR, 4.1M by 128", tsqr, {"blocks": 256, "m": 16384, "n": 128}),
        ("randomized SVD, 50k, rank 5", rsvd, {"nt": 25, "n": 2000, "k": 15}))


def write_program(folder, job, parameters):
    """The program, with the costs that its tasks have at this size."""
    text = (PROGRAMS / f"{job.__name__}.wk").read_text()
    for task, seconds in job(**parameters).items():
        text, count = re.subn(r"@cost\(1ms\)\ntask " + task + r"\(", f"@cost({round(max(seconds, LEAST) * 1e9)}ns)\ntask {task}(", text)
        assert count == 1, task
    path = Path(folder) / f"{job.__name__}.wk"
    path.write_text(text)
    return path


def simulate(job, parameters, *options, platform=PLATFORM):
    """What one run measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_program(folder, job, parameters)
        words = [f"{name}={value}" for name, value in parameters.items() if name != "seconds"]
        run = subprocess.run([WKC, "run", str(path), *words, "--on=sim", f"--platform={platform}", "--dry", "--stats=json",
                              *options], capture_output=True, text=True, check=True)
    return json.loads(run.stderr)


def moved(run):
    return run["store_bytes_written"] + run["store_bytes_read"]


def describe(run):
    return (f"{run['simulated_seconds']:9.2f} s (bound {run['bound_seconds']:.2f})  {run['invocations']:6} invocations  "
            f"put {run['store_bytes_written'] / 1e9:8.3f} GB  got {run['store_bytes_read'] / 1e9:8.3f} GB  "
            f"{run['store_round_trips']:6} round trips  {run['gb_seconds']:8.0f} GB-s  ${run['cost_dollars']:.4f}")


def note(text):
    return {"note": text}


def compare(name, job, parameters, *more):
    """All techniques against none, and without each; the last row: both runs."""
    options = ["--warm=1000", "--grain=1", *more]
    ours = simulate(job, parameters, *options)
    stateless = simulate(job, parameters, *options, "--without=all")
    yield note(f"{name}: {ours['tasks_run']} tasks\n  all techniques      {describe(ours)}")
    for technique in TECHNIQUES:
        yield note(f"  without {technique:11} {describe(simulate(job, parameters, *options, '--without=' + technique))}")
    yield note(f"  stateless           {describe(stateless)}")
    yield ours, stateless


def times(name, figure, reach, text):
    """A row that says how many times as much a peer takes."""
    return {"name": name, "times": figure, "reach_times": reach, "text": text}


def jobs():
    for name, job, parameters, *more in JOBS:
        *rows, (ours, stateless) = compare(name, job, parameters, *more)
        yield from rows
        for what, value in (("time", lambda r: r["simulated_seconds"]), ("bytes put", lambda r: r["store_bytes_written"]),
                            ("bytes moved", moved), ("invocations", lambda r: r["invocations"]),
                            ("cost", lambda r: r["cost_dollars"])):
            if value(ours):
                yield times(f"{name}, {what}", value(stateless) / value(ours), None, "stateless")


def latencies():
    """A tree with 50 ms an invocation, 1 ms a round trip, 64 environments that are there."""
    options = ["--invoke-latency=50", "--store-latency=1", "--concurrency=64", "--warm=64"]
    for leaves in (1024, 10240):
        ours = simulate(tree, {"leaves": leaves}, *options, platform="emulator")
        stateless = simulate(tree, {"leaves": leaves}, *options, "--without=all", platform="emulator")
        name = f"50 ms / 1 ms, 64, tree of {leaves:,}"
        yield note(f"{name}\n  all techniques      {describe(ours)}\n  stateless           {describe(stateless)}")
        yield times(f"{name}, time", stateless["simulated_seconds"] / ours["simulated_seconds"], 5, "stateless")
        yield times(f"{name}, invocations", stateless["invocations"] / ours["invocations"], None, "stateless")


def shortest(leaves, leaf, join, executors):
    """Seconds of a tree of tasks on so many processors, at least: its leaves are indivisible, and whatever is done of
    the upper levels meanwhile, those below a level are all done before the path above it is (Hu, 1961)."""
    levels = math.ceil(math.log2(leaves))
    best = math.ceil(leaves / executors) * leaf + levels * join
    for above in range(levels):
        below = leaves * leaf + sum(leaves / 2**k for k in range(1, levels - above + 1)) * join
        best = max(best, below / executors + above * join)
    return best


def scaling(kind, name, job, sizes):
    """sizes: executors -> parameters. The shortest time that so many processors allow, as a share of ours. The store has
    a node for each hundred executors."""
    for executors, parameters in sizes.items():
        run = simulate(job, parameters, f"--concurrency={executors}", f"--warm={executors}",
                       f"--shards={max(1, executors // 100)}")
        costs = {task: max(seconds, LEAST) for task, seconds in job(**parameters).items()}
        leaf = sum(costs.values()) - costs.get("stacked", 0) - costs.get("plus", 0)
        best = shortest(parameters.get("leaves") or parameters["blocks"], leaf, costs.get("stacked") or costs["plus"], executors)
        yield note(f"{kind} scaling, {name}, {executors:6,} executors: {describe(run)}  shortest {best:.2f} s")
        yield times(f"{kind}, {name}, {executors:,}", best / run["simulated_seconds"], 0.8, "share of the shortest time")


def scalings():
    steps = (1, 10, 100, 1000, 10000)
    work = {"leaves": 65536, "seconds": 0.5}
    yield from scaling("strong", "tree of 65,536", tree, {n: work for n in steps})
    yield from scaling("weak", "tree, 16 leaves each", tree, {n: {"leaves": 16 * n, "seconds": 0.5} for n in steps})
    big = {"blocks": 20000, "m": 65536, "n": 128}
    yield from scaling("strong", "TSQR of 20,000 blocks", tsqr, {n: big for n in steps})
    yield from scaling("weak", "TSQR, 4 blocks each", tsqr, {n: {"blocks": 4 * n, "m": 65536, "n": 128} for n in steps})


def paper():
    yield from latencies()
    yield from jobs()
    yield from scalings()
