"""The benchmarks of text: how often each word is in a file, 2 workers, against a C program with OpenMP and a hash table
(words_peer.c) and a Dask bag with 2 processes. Words are runs of letters and digits for all three, and all three must
find the same. Ours and C's are processes from start to end, with the file in the page cache; Dask's time begins
behind its imports.

Dask is taken from build/dask (`python3 -m venv build/dask && build/dask/bin/pip install 'dask[bag]'`), or else Debian's
python3-dask; its version stands in the table."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WKC = os.path.abspath("build/release/wkc")
PROGRAM = os.path.abspath("examples/wordcount.wk")
PEER = "build/release/bench/words_peer"
C_TURNS, DASK_TURNS = 5, 3

# name, megabytes, distinct words, whether Dask is asked
TEXTS = (("256 MB", 256, 100_000, True), ("32 MB, most words rare", 32, 1_000_000, False))

# Words of 1 to 14 letters, the frequent ones mostly short, by Zipf's law, with punctuation, in lines of some 20.
INPUT = """
import sys, numpy
size, count = int(sys.argv[1]) << 20, int(sys.argv[2])
random = numpy.random.default_rng(1)
letters = numpy.frombuffer(b"etaoinshrdlucmfwypvbgkqjxz", dtype="u1")
shares = 1 / numpy.arange(2, 28)
words = set()
while len(words) < count:
    lengths = numpy.minimum(14, 1 + random.poisson(2 + 0.8 * numpy.log10(len(words) + 1), count))
    pool = random.choice(letters, lengths.sum(), p=shares / shares.sum()).tobytes().decode()
    ends = numpy.cumsum(lengths)
    words.update(pool[end - length:end] for length, end in zip(lengths, ends))
words = sorted(sorted(words)[:count], key=lambda word: len(word) + 2.2 * random.standard_normal())
weights = numpy.cumsum(1 / numpy.arange(1, count + 1))
gaps = [" "] * 85 + [", "] * 6 + [". "] * 4 + ["\\n"] * 5 + ["; "]
with open("text.txt", "w") as file:
    written = 0
    while written < size:
        chosen = numpy.searchsorted(weights, random.random(1 << 18) * weights[-1])
        between = random.integers(0, len(gaps), 1 << 18)
        text = "".join([words[i] + gaps[j] for i, j in zip(chosen, between)])
        file.write(text[:size - written])
        written += len(text)
"""

DASK = """
import json, re, time
import dask.bag
if __name__ == "__main__":
    begin = time.perf_counter()
    lines = dask.bag.read_text("text.txt", blocksize=8 << 20)
    counts = lines.map(re.compile("[A-Za-z0-9]+").findall).flatten().frequencies()
    counts = dict(counts.compute(scheduler="processes", num_workers=2))
    print(time.perf_counter() - begin)
    json.dump(counts, open("dask.json", "w"))
"""


def dask_python():
    """An interpreter that has Dask, and its version; None if there is none."""
    for python in (os.path.abspath("build/dask/bin/python"), "/usr/bin/python3"):
        if not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", "import dask.bag; print(dask.__version__)"], capture_output=True, text=True)
        if done.returncode == 0:
            return python, done.stdout.strip()
    print("skipped Dask: not installed (tests/bench/text.py says how to get it)", file=sys.stderr)
    return None


def run_timed(command, folder):
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True,
                   env=dict(os.environ, WKC_CACHE=os.path.join(folder, "cache"), OMP_NUM_THREADS="2"))
    return time.perf_counter() - begin


def run_ours(folder):
    Path(folder, "ours.json").unlink(missing_ok=True)
    return run_timed([WKC, "run", PROGRAM, "corpus=text.txt", "--workers=2", "-o", "ours.json"], folder)


def run_c(folder):
    return run_timed([os.path.abspath(PEER), "text.txt", "peer.txt"], folder)


def run_dask(python, folder):
    Path(folder, "words.py").write_text(DASK)
    return float(subprocess.run([python, "words.py"], cwd=folder, check=True, capture_output=True).stdout)


def row(name, peer, pairs, reach):
    ours, peers = (sorted(times) for times in zip(*pairs))
    middle, other = statistics.median(ours), statistics.median(peers)
    return {"name": name, "peer": peer, "median": middle, "min": ours[0], "max": ours[-1], "peer_median": other,
            "peer_min": peers[0], "peer_max": peers[-1], "ratio": middle / other, "reach": reach}


def text(texts=TEXTS):
    built = subprocess.run(["make", "-s", PEER], capture_output=True, text=True)
    if built.returncode:
        print(f"skipped text: {built.stderr.strip()[-300:]}", file=sys.stderr)
        return
    dask = dask_python()
    Path("build/bench").mkdir(parents=True, exist_ok=True)
    for name, megabytes, distinct, with_dask in texts:
        with tempfile.TemporaryDirectory(dir=os.path.abspath("build/bench")) as folder:
            subprocess.run(["/usr/bin/python3", "-c", INPUT, str(megabytes), str(distinct)], cwd=folder, check=True)
            run_ours(folder)  # compiled kernels are kept
            run_c(folder)
            counts = json.loads(Path(folder, "ours.json").read_text())
            lines = Path(folder, "peer.txt").read_text().splitlines()
            assert counts == {word: int(times) for word, times in map(str.split, lines)}
            pairs = [(run_ours(folder), run_c(folder)) for _ in range(C_TURNS)]
            yield row(f"word count, {name}", "C, OpenMP", pairs, 1.3)
            if with_dask and dask:
                pairs = [(run_ours(folder), run_dask(dask[0], folder)) for _ in range(DASK_TURNS)]
                assert counts == json.loads(Path(folder, "dask.json").read_text())
                yield row(f"word count, {name}", f"Dask bag {dask[1]}", pairs, 0.1)
