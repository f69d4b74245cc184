"""The benchmarks of linear algebra: from files to a file, 2 workers, against NumPy and LAPACK on the same files with
2 threads of OpenBLAS, of the core type that wkc pins and of the machine's own. wkc's results are on the disk when it
ends (fsync); so are the peers' in the figures to reach, and the time until their save alone is shown beside it."""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = "/usr/bin/python3"  # Debian's, whose NumPy uses Debian's OpenBLAS
WKC = "build/release/wkc"
TURNS = 5

# Each begins behind the imports, saves its result, and prints the seconds until then and until it is on the disk.
SAVE = """
with open("peer.npy", "wb") as file:
    np.save(file, result)
    file.flush()
    saved = time.perf_counter() - begin
    os.fsync(file.fileno())
print(saved, time.perf_counter() - begin)
"""
PEERS = {
    "gemm": """
import os, time, numpy as np
begin = time.perf_counter()
result = np.load("a.npy") @ np.load("b.npy")
""" + SAVE,
    "cholesky": """
import ctypes, os, time, numpy as np
library = ctypes.CDLL("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0")
begin = time.perf_counter()
result = np.load("a.npy")
n, info = ctypes.c_int(len(result)), ctypes.c_int()
address = result.ctypes.data_as(ctypes.c_void_p)
library.dpotrf_(b"U", ctypes.byref(n), address, ctypes.byref(n), ctypes.byref(info))
assert info.value == 0
for i in range(len(result)):
    result[i, i + 1:] = 0
""" + SAVE,
}

INPUTS = {
    "gemm": """
import sys, numpy as np
n, random = int(sys.argv[1]), np.random.default_rng(1)
for name in "ab":
    np.save(f"{name}.npy", random.normal(size=(n, n)))
""",
    "cholesky": """
import sys, numpy as np
n = int(sys.argv[1])
g = np.random.default_rng(1).normal(size=(n, 64))
a = g @ g.T
a[np.diag_indices(n)] += n
np.save("a.npy", a)
""",
}

CHECK = """
import numpy as np
ours, peer = np.load("ours.npy", mmap_mode="r"), np.load("peer.npy", mmap_mode="r")
assert ours.shape == peer.shape and np.allclose(ours[::7], peer[::7], rtol=1e-9, atol=1e-9)
"""


def environment(pinned):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    clean["OPENBLAS_NUM_THREADS"] = "2"
    if pinned:
        clean["OPENBLAS_CORETYPE"] = "Haswell"
    return clean


def run_ours(name, tile, folder, cache):
    Path(folder, "ours.npy").unlink(missing_ok=True)  # deleting a large file takes as long as writing it
    arguments = ["a=a.npy", "b=b.npy"] if name == "gemm" else ["a=a.npy"]
    begin = time.perf_counter()
    subprocess.run([os.path.abspath(WKC), "run", os.path.abspath(f"examples/{name}.wk"), *arguments, f"tile={tile}",
                    "--workers", "2", "-o", "ours.npy"], cwd=folder, env=dict(os.environ, WKC_CACHE=cache), check=True)
    return time.perf_counter() - begin


def run_peer(name, pinned, folder):
    Path(folder, "peer.npy").unlink(missing_ok=True)
    done = subprocess.run([PYTHON, "-c", PEERS[name]], cwd=folder, env=environment(pinned), check=True,
                          capture_output=True, text=True)
    return tuple(float(seconds) for seconds in done.stdout.split())


def compare(name, size, tile, reach):
    """In turn: ours, the peer with our core type, the peer with the machine's."""
    Path("build/bench").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build/bench") as folder:
        cache = os.path.abspath(os.path.join(folder, "cache"))
        subprocess.run([PYTHON, "-c", INPUTS[name], str(size)], cwd=folder, check=True)
        run_ours(name, tile, folder, cache)  # compiled kernels are kept
        ours, pinned, own = [], [], []
        for _ in range(TURNS):
            ours.append(run_ours(name, tile, folder, cache))
            pinned.append(run_peer(name, True, folder))
            own.append(run_peer(name, False, folder))
        subprocess.run([PYTHON, "-c", CHECK], cwd=folder, check=True)
    library = "NumPy" if name == "gemm" else "LAPACK"
    for peer, times, limit in ((f"{library}, pinned", [synced for _, synced in pinned], reach),
                               (f"{library}, pinned, not synced", [saved for saved, _ in pinned], None),
                               (f"{library}, not pinned", [synced for _, synced in own], None)):
        row = {"name": f"{name} {size}, tiles of {tile}", "peer": peer, "median": statistics.median(ours),
               "min": min(ours), "max": max(ours), "peer_median": statistics.median(times), "peer_min": min(times),
               "peer_max": max(times), "ratio": statistics.median(ours) / statistics.median(times)}
        yield dict(row, reach=limit) if limit else row


def algebra():
    if subprocess.run([PYTHON, "-c", "import numpy"], capture_output=True).returncode:
        print("skipped algebra: no NumPy", file=sys.stderr)
        return
    yield from compare("gemm", 4096, 512, 1.15)
    yield from compare("gemm", 3000, 500, None)
    yield from compare("cholesky", 8192, 512, 1.2)
    yield from compare("cholesky", 5000, 400, None)
