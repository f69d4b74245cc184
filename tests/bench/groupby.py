"""The benchmark of a group-by: 10 million rows of a .csv file, a station's name and a reading, to count, mean, least
and greatest by station. Ours is a process from start to end; a peer's time begins behind its imports.

The peers are taken from build/pandas (`python3 -m venv build/pandas && build/pandas/bin/pip install pandas duckdb`),
pandas else from Debian's python3-pandas; their versions stand in the table."""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WKC = os.path.abspath("build/release/wkc")
PROGRAM = os.path.abspath("tests/bench/groupby.wk")
ROWS, STATIONS = 10_000_000, 400
TURNS = 5

# What each peer must be beaten by; DuckDB's ratio is reported.
REACH = {"pandas": 1.0}

INPUT = """
import sys, numpy
rows, stations = int(sys.argv[1]), int(sys.argv[2])
rng = numpy.random.default_rng(1)
names = numpy.array([f"station {i:03}" if i % 3 else f"st{i}" for i in range(stations)])
of = rng.integers(0, stations, rows)
values = rng.normal(10 + of % 30, 10)
with open("in.csv", "w") as out:
    out.write("station,reading\\n")
    for begin in range(0, rows, 500_000):
        end = min(begin + 500_000, rows)
        out.writelines(f"{name},{value:.1f}\\n" for name, value in
                       zip(names[of[begin:end]].tolist(), values[begin:end].tolist()))
"""

# Each writes what it found to peer.json: [name, count, mean, min, max], by name.
PEERS = {
    "pandas": """
import json, time, pandas
begin = time.perf_counter()
groups = pandas.read_csv("in.csv").groupby("station")["reading"].agg(["count", "mean", "min", "max"])
seconds = time.perf_counter() - begin
json.dump([[name, *row] for name, row in zip(groups.index, groups.to_numpy().tolist())], open("peer.json", "w"))
print(seconds)
""",
    "duckdb": """
import json, time, duckdb
connection = duckdb.connect(config={"threads": 2})
begin = time.perf_counter()
groups = connection.execute("select station, count(*), avg(reading), min(reading), max(reading) "
                            "from read_csv('in.csv') group by station order by station").fetchall()
seconds = time.perf_counter() - begin
json.dump(groups, open("peer.json", "w"))
print(seconds)
""",
}

CHECK = """
import json, math
ours = [[g["name"], g["count"], g["mean"], g["min"], g["max"]] for g in json.load(open("ours.json"))]
peer = json.load(open("peer.json"))
assert len(ours) == len(peer)
for a, b in zip(ours, peer):
    assert a[0] == b[0] and a[1] == b[1] and a[3:] == b[3:] and math.isclose(a[2], b[2], rel_tol=1e-9), (a, b)
"""


def find_peer(name):
    """An interpreter that has the package, and its version; None if there is none."""
    for python in (os.path.abspath("build/pandas/bin/python"), "/usr/bin/python3"):
        if not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", f"import {name}; print({name}.__version__)"], capture_output=True, text=True)
        if done.returncode == 0:
            return python, done.stdout.strip()
    return None


def run_ours(folder):
    begin = time.perf_counter()
    subprocess.run([WKC, "run", PROGRAM, "table=in.csv", "--workers=2", "-o", "ours.json"], cwd=folder, check=True,
                   env=dict(os.environ, WKC_CACHE=os.path.join(folder, "cache")))
    return time.perf_counter() - begin


def run_peer(python, name, folder):
    done = subprocess.run([python, "-c", PEERS[name]], cwd=folder, check=True, capture_output=True)
    return float(done.stdout.split()[-1])


def groupby(rows=ROWS, stations=STATIONS, turns=TURNS):
    peers = {name: find_peer(name) for name in PEERS}
    for name, found in peers.items():
        if not found:
            print(f"skipped groupby against {name}: it is not there (tests/bench/groupby.py says how to get it)",
                  file=sys.stderr)
    Path("build/bench").mkdir(parents=True, exist_ok=True)
    python = next((found[0] for found in peers.values() if found), None)
    if not python:
        return
    with tempfile.TemporaryDirectory(dir=os.path.abspath("build/bench")) as folder:
        subprocess.run([python, "-c", INPUT, str(rows), str(stations)], cwd=folder, check=True)
        run_ours(folder)  # compiled kernels are kept
        for name, found in peers.items():
            if not found:
                continue
            run_peer(found[0], name, folder)
            subprocess.run([python, "-c", CHECK], cwd=folder, check=True)
            pairs = [(run_ours(folder), run_peer(found[0], name, folder)) for _ in range(turns)]
            ours, times = (sorted(seconds) for seconds in zip(*pairs))
            middle, peer = statistics.median(ours), statistics.median(times)
            row = {"name": f"group {rows:,} rows of .csv", "peer": f"{name} {found[1]}", "median": middle,
                   "min": ours[0], "max": ours[-1], "peer_median": peer, "peer_min": times[0], "peer_max": times[-1],
                   "ratio": middle / peer}
            yield row | ({"reach": REACH[name]} if name in REACH else {})
