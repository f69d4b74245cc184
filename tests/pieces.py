#!/usr/bin/python3
"""Results that are written to files in pieces, by the tasks that make them: the same as when they are
gathered, in less memory than they take, and never half of one. V5.4, V5.5."""
import json
import os
import resource
import signal
import subprocess
import time

import numpy as np

from harness import RELEASE, SANITIZE, check, main, program, wkc

TASKS = """
task tile(i: int, j: int, m: int, n: int) -> f64[m, n] {
    return [f64(i*1000 + j*100 + a*10 + b) / 8.0 for a in 0..m, b in 0..n]
}
task twice(a: f64[m, n]) -> f64[m, n] { return a * 2.0 }
task joined(a: f64[m, n], b: f64[m, n]) -> f64[m, n] { return a + b }
task vector(i: int, n: int) -> f32[n] { return [f32(i*100 + a) / 4.0 for a in 0..n] }
task flags(i: int, n: int) -> bool[n] { return [(a + i) % 3 == 0 for a in 0..n] }
task cube(i: int, n: int) -> u8[n, 3, 2] { return [u8(i*7 + a*6 + b*2 + c) for a in 0..n, b in 0..3, c in 0..2] }
task some(i: int, n: int) -> f64[_, _] { return [f64(i + a + b) for a in 0..n, b in 0..2] }
"""

# Each with its parameters and whether it comes in pieces.
PROGRAMS = {
    "grid": ("flow main(r: int, c: int) -> f64[_, _] { return untile([tile(i, j, 2 + i % 2, 3 + j % 3) for i in 0..r, j in 0..c]) }", ["r=5", "c=4"]),
    "one": ("flow main() -> f64[_, _] { return untile([tile(i, j, 7, 5) for i in 0..1, j in 0..1]) }", []),
    "column": ("flow main() -> f64[_, _] { return untile([tile(i, j, i, 5) for i in 0..5, j in 0..1]) }", []),
    "empty": ("flow main() -> f64[_, _] { return untile([tile(i, j, 0, 5) for i in 0..2, j in 0..2]) }", []),
    "inputs": ("flow main(a: f64[m, n]) -> f64[m, n] { return untile(tiles(a, 3, 4)) }", ["a=a.npy"]),
    "some of inputs": ("""flow main(a: f64[m, n]) -> f64[m, n] {
    var s = tiles(a, 3, 4)
    for i in 0..s.rows { s[i, 0] = twice(s[i, 0]) }
    return untile(s)
}""", ["a=a.npy"]),
    "slices of one value": ("""flow main(a: f64[m, n]) -> f64[m, n] { return untile(tiles(twice(a), 5, 3)) }""", ["a=a.npy"]),
    "pieces that others read": ("""flow main(n: int) -> f64[_, _] {
    var s = [tile(i, i, 4, 4) for i in 0..n, _j in 0..n]
    for i in 1..n { for j in 0..n { s[i, j] = joined(s[i - 1, j], s[i, j]) } }
    return untile(s)
}""", ["n=4"]),
    "vectors": ("flow main(n: int) -> f32[_] { return concat([vector(i, i % 4) for i in 0..n]) }", ["n=9"]),
    "flags": ("flow main(n: int) -> bool[_] { return concat([flags(i, 5) for i in 0..n]) }", ["n=9"]),
    "cubes": ("flow main(n: int) -> u8[_, _, _] { return concat([cube(i, 2 + i) for i in 0..n]) }", ["n=4"]),
    "unknown extents": ("flow main(n: int) -> f64[_, _] { return concat([some(i, i) for i in 0..n]) }", ["n=4"]),
    "flat": ("flow main(n: int) -> f32[_] { return flatten([vector(i + j, (i + j) % 4) for i in 0..n, j in 0..3]) }", ["n=4"]),
    "flat matrices": ("flow main(n: int) -> f64[_] { return flatten([tile(i, 1, 2, i + 1) for i in 0..n]) }", ["n=4"]),
    "two of them": ("flow main(n: int) -> f64[_, _] { return concat(tile(1, 2, n, 3), tile(3, 4, n, 3)) }", ["n=4"]),
    "read by another": ("""flow main(n: int) -> f64[_, _] {
    let whole = untile([tile(i, j, 2, 2) for i in 0..n, j in 0..n])
    return untile([joined(whole[0..2, 0..2], tile(i, j, 2, 2)) for i in 0..n, j in 0..n])
}""", ["n=3"]),
}



def files_equal_gathered_results(folder):
    np.save(folder / "a.npy", np.arange(11 * 10).reshape(11, 10) / 7)
    for name, (flow, parameters) in PROGRAMS.items():
        path = program(folder, TASKS + flow)
        whole = wkc("run", path, *parameters, cwd=folder).json()
        for options in ([], ["--workers", "1"], ["-O0"], ["--on", "sim", "--seed", "3"]):
            for file in ("r.npy", "r.raw"):
                run = wkc("run", path, *parameters, "-o", file, *options, cwd=folder)
                check(run.status == 0 and run.out == "", f"{name}: {run.err}")
            found = np.load(folder / "r.npy")
            check(found.tolist() == whole, f"{name} {options}: {found} is not {whole}")
            check((folder / "r.raw").read_bytes() == found.tobytes(), f"{name} {options}: raw bytes differ")
    left = {p.name for p in folder.iterdir()}
    check(left == {"a.npy", "program.wk", "r.npy", "r.raw"}, f"leftovers: {left}")


def pieces_that_do_not_fit(folder):
    """The message is that of untile, and there is no file."""
    path = program(folder, TASKS + "flow main() -> f64[_, _] { return untile([tile(i, j, 2 + i*j, 2) for i in 0..3, j in 0..2]) }")
    whole = wkc("run", path).fails(1, "error[E")
    file = wkc("run", path, "-o", folder / "r.npy").fails(1, "error[E")
    check(whole.err == file.err, f"{whole.err}\n{file.err}")
    check(not (folder / "r.npy").exists(), "a file")


LARGE = """
task tile(i: int, j: int, n: int) -> f64[n, n] { return [f64(i + j + a - b) for a in 0..n, b in 0..n] }
flow main(r: int, n: int) -> f64[_, _] { return untile([tile(i, j, n) for i in 0..r, j in 0..r]) }
"""


def larger_than_the_memory(folder):
    """64 MiB in 8; what is gathered does not fit."""
    path, limit = program(folder, LARGE), ["--memory", str(8 << 20), "--workers", "2"]
    wkc("run", path, "r=16", "n=181", *limit, "-o", folder / "r.json", binary=RELEASE).fails(1, "error[E813]")
    run = wkc("run", path, "r=16", "n=181", *limit, "-o", folder / "r.npy", "--stats=json", binary=RELEASE)
    check(run.status == 0, run.err)
    check(json.loads(run.err)["values_peak_bytes"] <= 8 << 20, run.err)
    at = np.arange(16 * 181)
    expected = (at // 181 + at % 181)[:, None] + (at // 181 - at % 181)[None, :]
    check((np.load(folder / "r.npy", mmap_mode="r") == expected).all(), "another matrix")
    path = program(folder, """
task vector(i: int, n: int) -> f64[n] { return [f64(i * n + a) for a in 0..n] }
flow main(n: int) -> f64[_] { return flatten([vector(8*i + j, n) for i in 0..8, j in 0..8]) }""")
    run = wkc("run", path, f"n={1 << 17}", *limit, "-o", folder / "r.npy", "--stats=json", binary=RELEASE)
    check(run.status == 0 and json.loads(run.err)["values_peak_bytes"] <= 8 << 20, run.err)
    check((np.load(folder / "r.npy", mmap_mode="r") == np.arange(1 << 23)).all(), "another vector")


OPEN = """
task tile(i: int, j: int, m: int, n: int) -> f64[m, n] { return [f64(i*1000 + j*100) + f64(a*n + b) / 8.0 for a in 0..m, b in 0..n] }
task cube(i: int, n: int) -> u8[n, 60, 70] { return [u8((i*7 + a*6 + b*2 + c) % 251) for a in 0..n, b in 0..60, c in 0..70] }
task vector(i: int, n: int) -> f32[n] { return [f32(i*100 + a) / 4.0 for a in 0..n] }
task both(i: int) -> (first: f64[50, 50], second: f64[30, 50]) {
    return (first: [f64(i + a - b) for a in 0..50, b in 0..50], second: [f64(i*a - b) for a in 0..30, b in 0..50])
}
task corner(a: f64[m, n]) -> f64 { return a[0, 0] }
task tell(x: f64) -> () { log("corner {x}") }
"""

OPEN_RESULTS = {
    "grid": "flow main() -> f64[_, _] { return untile([tile(i, j, 40 + i % 2, 60 + j % 3) for i in 0..5, j in 0..4]) }",
    "nested": "flow main() -> f64[_, _] { return concat([concat([tile(i, j, 40 + j, 60) for j in 0..3]) for i in 0..4]) }",
    "cubes": "flow main() -> u8[_, _, _] { return concat([cube(i, 4 + i) for i in 0..4]) }",
    "vectors": "flow main() -> f32[_] { return flatten([vector(i + j, 5000 + i) for i in 0..3, j in 0..3]) }",
    "some are empty": "flow main() -> f32[_] { return concat([vector(i, 12000 * (i % 2)) for i in 0..6]) }",
    "twice": "flow main() -> f64[_, _] { let t = tile(1, 2, 50, 50)\n    return concat([t, tile(3, 4, 50, 50), t]) }",
    "parts of tuples": """flow main() -> f64[_, _] {
    let pairs = [both(i) for i in 0..3]
    return concat([pairs[1].first, pairs[0].first, pairs[2].first, pairs[1].second])
}""",
    "with orders": """flow main() -> f64[_, _] {
    let s = [tile(i, 0, 50, 50) for i in 0..3, _j in 0..1]
    for i in 0..3 { tell(corner(s[i, 0])) }
    return untile(s)
}""",
    "small ones": "flow main() -> f64[_, _] { return untile([tile(i, j, 3, 4) for i in 0..3, j in 0..3]) }",
}


def open_results_on_executors(folder):
    """X4.6, D24, V5.5: the client lays out what executors have stored: in a file, and in memory; a simulated one, too."""
    for name, flow in OPEN_RESULTS.items():
        path = program(folder, OPEN + flow)
        whole = wkc("run", path).out
        check(wkc("run", path, "-o", folder / "local.npy").status == 0, name)
        worlds = [["--on=loopback"], ["--on=loopback", "-O0", "--without=all"]]
        worlds += [["--on=sim", "--seed=3"], ["--on=sim", "--platform=lambda-1769"]]
        worlds += [["--on=emulator", "--verify-each"]] if name in ("grid", "with orders") else []
        for options in worlds:
            check(wkc("run", path, *options).out == whole, f"{name} {options}: another result")
            run = wkc("run", path, *options, "-o", folder / "r.npy")
            check(run.status == 0 and run.out == "", f"{name} {options}: {run.err}")
            check((folder / "r.npy").read_bytes() == (folder / "local.npy").read_bytes(), f"{name} {options}: another file")


def the_same_tasks_in_every_world(folder):
    """M2.6, Q6.5: what is predicted, what is simulated, and what executors do are of the same graph, in which nobody joins
    the result; on threads somebody may."""
    for name in ("grid", "nested", "vectors", "small ones"):
        path = program(folder, OPEN + OPEN_RESULTS[name])
        plan = wkc("plan", path, "--platform=emulator", "--json")
        check(plan.status == 0, plan.err)
        tasks = {"plan": json.loads(plan.out)["after"]["tasks"]}
        emitted = wkc("compile", path, "--emit=plan", "--platform=emulator").out
        tasks["--emit=plan"] = len(emitted.splitlines()) - 1
        for world in (["--on=sim"], ["--on=sim", "--dry"], ["--on=loopback"], ["--on=emulator"]):
            run = wkc("run", path, *world, "--platform=emulator", "--stats=json")
            check(run.status == 0, f"{name} {world}: {run.err}")
            tasks[" ".join(world)] = json.loads(run.err)["tasks_run"]
        check(len(set(tasks.values())) == 1, f"{name}: {tasks}")
        joins = len(wkc("compile", path, "--emit=plan").out.splitlines()) - 1 - tasks["plan"]
        check((joins > 0) == (name != "small ones"), f"{name}: {joins} tasks more on threads")


def larger_than_a_function(folder):
    """X4.6: 128 MiB from functions of 128 MB, none of which has room for it; and nobody reads it again. A file that
    cannot grow leaves none, and what the client gathers has a limit."""
    path = program(folder, OPEN + "flow main(k: int) -> f64[_, _] { return untile([tile(i, j, 256, 256) for i in 0..k, j in 0..k]) }")
    run = wkc("run", path, "k=16", "--on=emulator", "--memory=128MiB", "--stats=json", "-o", folder / "r.npy", binary=RELEASE)
    check(run.status == 0, run.err)
    found = json.loads(run.err)
    check(found["store_bytes_read"] == 0 and found["store_writes"] == 256, str(found))
    at = np.arange(16 * 256)
    expected = (1000 * (at // 256) + 32 * (at % 256))[:, None] + (100 * (at // 256) + at % 256 / 8)[None, :]
    check((np.load(folder / "r.npy", mmap_mode="r") == expected).all(), "another matrix")
    (folder / "r.npy").unlink()
    wkc("run", path, "k=6", "--on=loopback", "--memory=8MiB").fails(1, "error[E813]")
    done = subprocess.run([RELEASE, "run", path, "k=2", "--on=loopback", "-o", folder / "r.npy"], restore_signals=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
                          capture_output=True, text=True)
    check(done.returncode == 1 and "error[E702]: cannot write" in done.stderr, done.stderr)
    check(not list(folder.glob("r.*")), "a file")


# The last tile takes long, so that all others are written before.
SLOW = """
task tile(i: int, j: int, n: int) -> f64[n, n] {
    var x = 1.0
    if i == 3 && j == 3 { for k in 0..200_000 { for l in 0..100_000 { x = x * 0.999 + f64(k - l) } } }
    return [x + f64(a - b) for a in 0..n, b in 0..n]
}
flow main(n: int) -> f64[_, _] { return untile([tile(i, j, n) for i in 0..4, j in 0..4]) }
"""


def written(pid):
    """The bytes that were written of the file without a name, or with a temporary one, that a process writes."""
    sizes = [0]
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if "r.npy" in target or "(deleted)" in target:
                sizes.append(512 * os.stat(f"/proc/{pid}/fd/{fd}").st_blocks)
        except OSError:
            pass
    return max(sizes)


def killed_in_the_middle(folder):
    """Whether by SIGKILL or by Ctrl-C, there is no half file, and what was there before stays."""
    path, result = program(folder, SLOW), folder / "r.npy"
    for number, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        for before in (None, b"before"):
            result.unlink(missing_ok=True)
            if before:
                result.write_bytes(before)
            process = subprocess.Popen([RELEASE, "run", path, "n=100", "-o", result], stderr=subprocess.PIPE)
            begin = time.monotonic()
            while written(process.pid) < 300 * 400 * 8 and time.monotonic() - begin < 30:
                time.sleep(0.02)
            size = written(process.pid)
            process.send_signal(number)
            try:
                process.communicate(timeout=60)
            finally:
                process.kill()
            check(size > 300 * 400 * 8, f"only {size} bytes were written while the job ran")
            check(process.returncode == status, f"status {process.returncode}")
            if before:
                check(result.read_bytes() == before, "what was there before is gone")
            left = sorted(p.name for p in folder.iterdir())
            check(left == ["program.wk"] + (["r.npy"] if before else []), f"leftovers: {left}")


def a_failing_task_leaves_nothing(folder):
    path = program(folder, TASKS + """
task bad(i: int, j: int) -> f64[2, 2] { if i == 2 && j == 2 { fail("no tile here") }
    return [0.0 for _a in 0..2, _b in 0..2] }
flow main() -> f64[_, _] { return untile([bad(i, j) for i in 0..3, j in 0..3]) }""")
    wkc("run", path, "-o", folder / "r.npy").fails(1, "no tile here")
    check([p.name for p in folder.iterdir()] == ["program.wk"], "leftovers")


def the_disk_is_full(folder):
    """A tmpfs of 64 KiB as the disk: the system refuses a piece in the middle."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        return  # not allowed to mount here
    try:
        path = program(folder, LARGE)
        (disk / "r.npy").write_bytes(b"before")
        for workers in ("1", "2"):
            run = wkc("run", path, "r=8", "n=40", "-o", disk / "r.npy", "--workers", workers)
            run.fails(1, "error[E702]: cannot write", "space")
            check(run.err.count("error[") == 1, run.err)
            check((disk / "r.npy").read_bytes() == b"before", "what was there is kept")
            check([p.name for p in disk.iterdir()] == ["r.npy"], "leftovers")
        check(wkc("run", path, "r=2", "n=40", "-o", disk / "r.npy").status == 0, "what fits")
    finally:
        subprocess.run(["umount", disk])


def zeros_take_no_room(folder):
    path = program(folder, """task part(i: int, j: int, n: int) -> f64[n, n] {
    return [if i == j { f64(a - b) } else { 0.0 } for a in 0..n, b in 0..n] }
flow main() -> f64[_, _] { return untile([part(i, j, 512) for i in 0..4, j in 0..4]) }""")
    check(wkc("run", path, "-o", folder / "r.npy").status == 0, "status")
    found = np.load(folder / "r.npy")
    check((found == np.kron(np.eye(4), np.subtract.outer(np.arange(512.0), np.arange(512.0)))).all(), "values")
    status = os.stat(folder / "r.npy")
    check(status.st_size == 128 + 2048 * 2048 * 8, f"{status.st_size} bytes")
    check(status.st_blocks * 512 < 0.6 * status.st_size, f"{status.st_blocks} blocks")


def a_file_may_not_be_so_large(folder):
    path = program(folder, LARGE)
    (folder / "r.npy").write_bytes(b"before")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    for binary in (SANITIZE, RELEASE):
        wkc("run", path, "r=2", "n=10", binary=binary)  # compiled kernels are kept
        done = subprocess.run([binary, "run", path, "r=8", "n=100", "-o", folder / "r.npy"], preexec_fn=limit,
                              restore_signals=False, capture_output=True, text=True)
        check(done.returncode == 1 and "error[E702]: cannot write" in done.stderr, done.stderr)
        check("too large" in done.stderr and done.stderr.count("error[") == 1, done.stderr)
        check((folder / "r.npy").read_bytes() == b"before", "what was there before is gone")
        check(sorted(p.name for p in folder.iterdir()) == ["program.wk", "r.npy"], "leftovers")
    wkc("run", path, "r=2", "n=10", "-o", folder / "missing/r.npy").fails(1, "error[E702]")


def what_is_no_regular_file(folder):
    path = program(folder, LARGE)
    check(wkc("run", path, "r=2", "n=10", "-o", "/dev/null").status == 0, "/dev/null")
    os.mkfifo(folder / "pipe")
    process = subprocess.Popen([SANITIZE, "run", path, "r=2", "n=3", "-o", folder / "pipe"])
    data = np.frombuffer((folder / "pipe").read_bytes())
    check(process.wait() == 0 and data.reshape(6, 6)[5, 3] == 1 + 1 + 2, f"a pipe: {data}")
    (folder / "r.npy").write_bytes(b"before")
    (folder / "link.npy").symlink_to("r.npy")
    check(wkc("run", path, "r=2", "n=3", "-o", folder / "link.npy").status == 0, "a link")
    check((folder / "link.npy").is_symlink() and np.load(folder / "r.npy").shape == (6, 6), "a link")


if __name__ == "__main__":
    main([files_equal_gathered_results, pieces_that_do_not_fit, larger_than_the_memory, open_results_on_executors,
          the_same_tasks_in_every_world, larger_than_a_function, killed_in_the_middle,
          a_failing_task_leaves_nothing, the_disk_is_full, zeros_take_no_room, a_file_may_not_be_so_large,
          what_is_no_regular_file])
