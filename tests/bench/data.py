"""The benchmarks of data in and out: 10 million numbers of .csv files against pandas. Ours is a process from start to
end, its result synced to the disk; the peer's time begins behind the imports and ends with its sync.

pandas is taken from build/pandas (`python3 -m venv build/pandas && build/pandas/bin/pip install pandas`), or else
Debian's python3-pandas; its version stands in the table."""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WKC = "build/release/wkc"
ROWS, COLUMNS = 1_000_000, 10
TURNS = 5
REACH = 1 / 3

PROGRAM = {
    "read": """
task total(x: f64[n, m]) -> f64 { return sum([x[i, j] for i in 0..n, j in 0..m]) }
flow main(x: f64[n, m]) -> f64 { return total(x) }
""",
    "write": """
task copy(x: f64[n, m]) -> f64[n, m] { return x }
flow main(x: f64[n, m]) -> f64[n, m] { return copy(x) }
""",
}
ARGUMENTS = {"read": ["x=in.csv", "-o", "ours.json"], "write": ["x=in.npy", "-o", "ours.csv"]}

PEERS = {
    "read": """
import time, pandas
begin = time.perf_counter()
total = pandas.read_csv("in.csv", header=None).to_numpy().sum()
print(time.perf_counter() - begin)
""",
    "write": """
import os, time, numpy, pandas
begin = time.perf_counter()
frame = pandas.DataFrame(numpy.load("in.npy"))
with open("peer.csv", "w") as file:
    frame.to_csv(file, header=False, index=False)
    file.flush()
    os.fsync(file.fileno())
print(time.perf_counter() - begin)
""",
}

INPUT = """
import sys, numpy, pandas
values = numpy.random.default_rng(1).normal(size=(int(sys.argv[1]), int(sys.argv[2])))
numpy.save("in.npy", values)
pandas.DataFrame(values).to_csv("in.csv", header=False, index=False)
"""

# The total differs by the order of its additions; the texts that are written hold the same numbers, all bits.
CHECK = """
import json, numpy
values = numpy.load("in.npy")
assert numpy.isclose(json.load(open("ours.json")), values.sum(), rtol=1e-6)
read = numpy.loadtxt("ours.csv", delimiter=",", ndmin=2)
assert read.shape == values.shape and (read == values).all()
"""


def pandas_python():
    """An interpreter that has pandas, and its version; None if there is none."""
    for python in (os.path.abspath("build/pandas/bin/python"), "/usr/bin/python3"):
        if not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", "import pandas; print(pandas.__version__)"], capture_output=True, text=True)
        if done.returncode == 0:
            return python, done.stdout.strip()
    return None


def run_ours(name, folder):
    Path(folder, ARGUMENTS[name][-1]).unlink(missing_ok=True)
    begin = time.perf_counter()
    subprocess.run([os.path.abspath(WKC), "run", f"{name}.wk", *ARGUMENTS[name]], cwd=folder, check=True,
                   env=dict(os.environ, WKC_CACHE=os.path.join(folder, "cache")))
    return time.perf_counter() - begin


def run_peer(python, name, folder):
    Path(folder, "peer.csv").unlink(missing_ok=True)
    return float(subprocess.run([python, "-c", PEERS[name]], cwd=folder, check=True, capture_output=True).stdout)


def data(rows=ROWS, columns=COLUMNS, turns=TURNS):
    found = pandas_python()
    if not found:
        print("skipped data: no pandas (tests/bench/data.py says how to get it)", file=sys.stderr)
        return
    python, version = found
    Path("build/bench").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.abspath("build/bench")) as folder:
        subprocess.run([python, "-c", INPUT, str(rows), str(columns)], cwd=folder, check=True)
        for name, program in PROGRAM.items():
            Path(folder, f"{name}.wk").write_text(program)
            run_ours(name, folder)  # compiled kernels are kept
        subprocess.run([python, "-c", CHECK], cwd=folder, check=True)
        for name in PROGRAM:
            pairs = [(run_ours(name, folder), run_peer(python, name, folder)) for _ in range(turns)]
            ours, peers = (sorted(times) for times in zip(*pairs))
            middle, peer = statistics.median(ours), statistics.median(peers)
            yield {"name": f"{name} .csv of {rows * columns:,}", "peer": f"pandas {version}", "median": middle,
                   "min": ours[0], "max": ours[-1], "peer_median": peer, "peer_min": peers[0], "peer_max": peers[-1],
                   "ratio": middle / peer, "reach": round(REACH, 3)}
