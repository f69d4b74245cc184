"""What jobs on the emulator consist of, each measured alone: two jobs that differ in nothing else, and what the longer one takes
more. The figures of the emulator in runtime/graph/platform.c are from here; the group `plan` prints both."""
import json
import re
import resource
import statistics
import subprocess
from pathlib import Path

WKC = "build/release/wkc"
TURNS = 5
CHUNK = 256 << 10  # bytes of an input that are got at once (runtime/graph/input_chunks.h)

PROGRAMS = {
    "spin": "@cost(30ms) task spin(i: int, w: int) -> int {\n    var s = i\n    for k in 0..w { s = (s * 31 + k) % 1000003 }\n    return s\n}\n"
            "flow main(n: int, w: int = 4000000) -> int[_] { return [spin(i, w) for i in 0..n] }\n",
    "leaves": "@cost(20ms) task leaf(i: int) -> int { return i }\nflow main(n: int) -> int[_] { return [leaf(i) for i in 0..n] }\n",
    "tree": "@cost(20ms) task leaf(i: int) -> int { return i }\n@cost(20ms) task plus(a: int, b: int) -> int { return a + b }\n"
            "flow main(n: int) -> int { return reduce(plus, [leaf(i) for i in 0..n]) }\n",
    "reread": "@cost(20ms) task part(x: f64[n], i: int) -> f64 { return x[0] + f64(i) }\n"
              "flow main(x: f64[_], parts: int, turns: int) -> f64[_] {\n    let n = len(x) / parts\n"
              "    return [part(x[i % parts * n .. (i % parts + 1) * n], i) for i in 0..parts * turns]\n}\n",
    "keep": "@cost(20ms) task part(x: f64[n], i: int) -> f64 { return x[0] + f64(i) }\n"
            "@cost(20ms) task again(x: f64[n], s: f64) -> f64 { return x[0] + s }\nflow main(x: f64[_], parts: int) -> f64[_] {\n"
            "    let n = len(x) / parts\n    let s = sum([part(x[i * n .. (i + 1) * n], i) for i in 0..parts])\n"
            "    return [again(x[i * n .. (i + 1) * n], s) for i in 0..parts]\n}\n",
    "give": "@cost(20ms) task make(n: int) -> f64[n] { return fill(1.5, n) }\nflow main(n: int) -> f64[_] { return make(n) }\n",
}


def children_seconds():
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


class Component:
    """Jobs in a folder: the least time from the plan to the result, and the median of processor time of all processes."""

    def __init__(self, folder):
        self.folder = Path(folder)
        for name, text in PROGRAMS.items():
            (self.folder / f"{name}.wk").write_text(text)

    def run(self, name, *arguments, on="emulator"):
        walls, works = [], []
        for _ in range(TURNS):
            before = children_seconds()
            run = subprocess.run([WKC, "run", f"{self.folder}/{name}.wk", *arguments, f"--on={on}", "--stats=json", "-o",
                                  f"{self.folder}/out.npy" if name in ("give", "reread") else f"{self.folder}/out.json"],
                                 capture_output=True, text=True, check=True)
            works.append(children_seconds() - before)
            walls.append(json.loads(run.stderr[run.stderr.index("{"):])["wall_seconds"])
        return min(walls), statistics.median(works)

    def more(self, short, long, count, on="emulator"):
        """Wall and work of one of `count` things that the long job has more."""
        first, second = self.run(*short, on=on), self.run(*long, on=on)
        return tuple((b - a) / count for a, b in zip(first, second))


def components(folder):
    """Name of the emulator's figure, its unit, and what was measured; the last is that of threads."""
    import numpy as np
    c = Component(folder)
    big = np.ones(8 << 20)  # 64 MiB: 256 chunks, four times as many as are kept
    np.save(c.folder / "x.npy", big)
    x = f"x={c.folder}/x.npy"
    yield "cold_start_ns", "ns", c.run("leaves", "n=1")[0] * 1e9  # with all that the client does
    yield "start_work_ns", "ns", c.more(("spin", "n=64", "--grain=2", "--concurrency=4"),
                                        ("spin", "n=64", "--grain=2", "--concurrency=32"), 28)[1] * 1e9
    yield "event_work_ns", "ns", c.more(("leaves", "n=512", "--grain=16"), ("leaves", "n=512", "--grain=1"), 480)[1] * 1e9
    yield "arrival_work_ns", "ns", c.more(("leaves", "n=512", "--grain=1"), ("tree", "n=512", "--grain=1"), 2 * 511)[1] * 1e9
    turns = ("reread", x, "parts=64")
    trip = c.more((*turns, "turns=2", "--grain=64", "--concurrency=1"), (*turns, "turns=10", "--grain=320", "--concurrency=1"), 2048)[0]
    yield "get_bytes_per_ms", "bytes/ms", CHUNK / 1e3 / max(trip - 75e-6, 1e-6)  # beside a round trip
    got = c.more((*turns, "turns=2", "--grain=64", "--concurrency=2"), (*turns, "turns=10", "--grain=320", "--concurrency=2"),
                 2048 * CHUNK / 1024)[1]
    yield "get_work_ns", "ns/KiB", got * 1e9
    given = ("give", f"n={1 << 17}"), ("give", f"n={8 << 20}"), 63 * 1024
    (wall, work), (_, own) = c.more(*given), c.more(*given, on="local")  # own: of making it, and of the file that it goes to
    yield "put_work_ns", "ns/KiB", (work - own - got) * 1e9
    yield "put_bytes_per_ms", "bytes/ms", 1.024 / max(wall - 1024e-3 / 1.7e6, 1e-9)  # what the client gets, at bytes_per_ms
    yield "threads", "bytes/ms", read_by_a_thread(c, x)  # get_bytes_per_ms of `local`, 2000000


def read_by_a_thread(c, x):
    """Bytes a ms of a piece that is kept, in the task that reads it first."""
    trace = c.folder / "trace.json"
    subprocess.run([WKC, "run", f"{c.folder}/keep.wk", x, "parts=256", "--workers=1", f"--trace={trace}", "-o", f"{c.folder}/out.npy"],
                   capture_output=True, check=True)
    took = [event["dur"] for event in json.loads(trace.read_text())["traceEvents"] if event["name"] == "part"]
    return CHUNK / (statistics.median(took) / 1e3)


def figures():
    """Those of the model, by name."""
    text = subprocess.run([WKC, "run", "examples/pi.wk", "--on=sim", "--platform=emulator", "--dry", "--stats"], capture_output=True,
                          text=True, check=True).stderr
    return {name: float(value) for name, value in re.findall(r"^(\w+) +([\d.]+) ", text, re.M)}
