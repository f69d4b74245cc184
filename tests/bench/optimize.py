"""The group `optimize`: the paper's jobs as a user runs them in the simulated cloud, optimized against -O0, which has all
techniques of the protocol, too. Beside each the lower bounds: of the time, what spec/simulation.md, M4.2, says; of the bytes,
what must move if the work is done in the same time (below).

The group `plan`: what `wkc plan` predicts against what is measured."""
import json
import math
import statistics
import subprocess
import tempfile
from pathlib import Path

from components import components, figures
from paper import PLATFORM, JOBS, cholesky, describe, gemm, moved, note, rsvd, simulate, times, tree, tsqr, write_program

WKC = "build/release/wkc"
FEWER = {gemm: 2, cholesky: 2, rsvd: 2}  # times less bytes, at least
MOST = 1.25  # predicted and measured time: one is at most so many times the other


# ---- Lower bounds of bytes ----------------------------------------------------------------------------------------
# Tasks that make a matrix need no input, so anybody can run them. What has to move: the result, which is put; and,
# between as many executors with equal shares as it takes to do the work in the same time, what follows from the inequality of Loomis and Whitney, as Irony, Toledo and
# Tiskin use it for the product of matrices ("Communication lower bounds for distributed-memory matrix multiplication",
# 2004): who does x of the products c[i,j] += a[i,k] b[k,j] meets |a| |b| |c| >= x² tiles.

def gemm_bytes(executors, nt, n):
    """Each executor has a part of a tile of the result: who does not end up with the tile puts it, another gets it."""
    tile = 8*n*n
    return tile * (nt*nt + 2 * max(0, executors - nt*nt))


def cholesky_bytes(executors, nt, n):
    """All tiles of the factor are put. Who runs x updates of his c tiles meets at least x / √c tiles of the factor, and
    gets those that he does not make."""
    tile, tiles, updates = 8*n*n, nt*(nt + 1) / 2, (nt - 1)*nt*(nt + 1) / 6
    met = updates / executors / math.sqrt(tiles / executors)
    return tile * (tiles + executors * max(0, met - tiles / executors))


def rsvd_bytes(executors, nt, n, k):
    """Who has x tiles of A meets r rows and c columns of them with r c >= x: a part of each sum over a row and over a
    column; all but one of each sum's parts are put and got. And a tile of Q for each row, except where it is made."""
    met = math.sqrt(nt*nt / executors)
    return 8*n*k * max(0, 2 * (2 * executors * met - 2*nt) + executors * met - nt)


def tsqr_bytes(executors, blocks, m, n):
    """Each executor has an R, and all but one put it for another to get; the last is the result."""
    return 8*n*n * (2 * (executors - 1) + 1)


def tree_bytes(executors, leaves, seconds=0.0):
    """Numbers travel with arrivals."""
    return 0


LEAST_BYTES = {gemm: gemm_bytes, cholesky: cholesky_bytes, rsvd: rsvd_bytes, tsqr: tsqr_bytes, tree: tree_bytes}


def joins(job, parameters):
    """How many joins a job of pairs has."""
    return (parameters["leaves"] if job is tree else parameters["blocks"]) - 1


def compare(name, job, parameters, more):
    plain, ours = (simulate(job, parameters, *more, level) for level in ("-O0", "-O2"))
    executors = math.ceil(ours["busy_seconds"] / ours["simulated_seconds"])
    bound = LEAST_BYTES[job](executors, **parameters)
    yield note(f"{name}\n  -O0        {describe(plain)}\n  optimized  {describe(ours)}\n  bounds     {ours['bound_seconds']:9.2f} s"
               f"  {bound / 1e9:.3f} GB for the {executors} executors that it takes at least;"
               f" moved {moved(ours) / 1e9:.3f} GB")
    yield times(f"{name}, time", plain["simulated_seconds"] / ours["simulated_seconds"], 1, "-O0")
    yield times(f"{name}, invocations", plain["invocations"] / ours["invocations"], None, "-O0")
    yield times(f"{name}, cost", plain["cost_dollars"] / ours["cost_dollars"], None, "-O0")
    if job in FEWER:
        yield times(f"{name}, bytes", moved(plain) / moved(ours), FEWER[job], "-O0")
        return
    result = 1 if job is tsqr else 0  # is stored for the client
    yield {"name": f"{name}, values a join", "number": (ours["store_writes"] - result) / joins(job, parameters), "reach_number": 1}


def optimize():
    for name, job, parameters, *more in JOBS:
        yield from compare(name, job, parameters, more)


# ---- Predicted times ------------------------------------------------------------------------------------------------

# Programs and what they take, so that they run for some tenths of a second.
PREDICTED = (("examples/heat.wk", "n=2048", "tile=256", "turns=60"), ("examples/mandelbrot.wk", "width=1200", "height=960"),
             ("examples/montecarlo.wk", "pairs=1000000"), ("tests/bench/estimates.wk",))


def stats(path, arguments, *options):
    """What `wkc run --stats=json` counts."""
    run = subprocess.run([WKC, "run", path, *arguments, *options, "--stats=json"], capture_output=True, text=True, check=True)
    return json.loads(run.stderr[run.stderr.index("{"):])


def predict(path, arguments, *options):
    """Seconds, as `wkc plan` says."""
    return json.loads(subprocess.run([WKC, "plan", path, *arguments, "--json", *options], capture_output=True, text=True,
                                     check=True).stdout)["after"]["time"]


def within(name, predicted, measured):
    yield note(f"{name:46} predicted {predicted:8.3f} s, measured {measured:8.3f} s: {predicted / measured:5.2f}")
    yield {"name": f"{name}, off by", "number": max(predicted / measured, measured / predicted), "reach_number": MOST}


def predictions(path, arguments, folder):
    profile = Path(folder) / "profile.json"
    name = Path(path).stem
    for world in ("local", "emulator"):
        on = [f"--on={world}"]
        traced = on if world == "local" else ["--on=sim", "--platform=emulator", "--costs=measured"]
        stats(path, arguments, *traced)  # the first run touches what others find in memory
        stats(path, arguments, *traced, "--trace", str(profile))
        measured = statistics.median(stats(path, arguments, *on)["wall_seconds"] for _ in range(5))
        yield note(f"{name}, {world}: by formulas alone {predict(path, arguments, f'--platform={world}'):.3f} s")
        yield from within(f"{name}, {world}, by a profile",
                          predict(path, arguments, f"--platform={world}", "--profile", str(profile)), measured)


def simulated(name, job, parameters, more):
    with tempfile.TemporaryDirectory() as folder:
        path = write_program(folder, job, parameters)
        words = [f"{word}={value}" for word, value in parameters.items() if word != "seconds"]
        predicted = predict(str(path), words, f"--platform={PLATFORM}")
    yield from within(f"{name}, sim", predicted, simulate(job, parameters, *more)["simulated_seconds"])


def parts_of_jobs():
    """The components of the emulator's model, and what they are measured to be here."""
    model = figures()
    with tempfile.TemporaryDirectory() as folder:
        for name, unit, measured in components(folder):
            yield note(f"emulator, {name:18} {model.get(name, 2e6):12.0f} {unit}, measured {measured:12.0f}")


def plan():
    yield from parts_of_jobs()
    for name, job, parameters, *more in JOBS:
        yield from simulated(name, job, parameters, more)
    for path, *arguments in PREDICTED:
        with tempfile.TemporaryDirectory() as folder:
            yield from predictions(path, arguments, folder)
