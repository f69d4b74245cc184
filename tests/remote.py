#!/usr/bin/python3
"""Runs on executors that are processes: wkc run --on=emulator (spec/executor.md). The same results as on
threads, whatever the number of environments, with source and cache gone; clear ends when something is missing or
wrong; and nothing left behind: no process, no key. Events and parcels are read by a platform of the test's own."""
import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import queue
import re
import socket
import struct
import subprocess
import threading
import time
import zipfile
from pathlib import Path

import numpy as np

from harness import RELEASE, ROOT, SANITIZE, check, main, program, wkc
from processes import descendants, gone, processes
from servers import Server

PROGRAMS = [
    ("harmonic", ["parts=60"]),
    ("pi", []),
    ("heat", []),
    ("columns", ["table=examples/data/iris.npy"]),
    ("kmeans", ["points=examples/data/iris.npy", "k=3"]),
    ("weather", ["days=examples/data/seattle-weather.csv"]),
    ("wordcount", ["corpus=README.md"]),
    ("histogram", ["data=README.md"]),
]


def remote(path, *arguments, **how):
    return wkc("run", path, "--on=emulator", *arguments, **how)


def the_same_as_on_threads(folder):
    """X3.1, X3.3, X4.1."""
    for name, arguments in PROGRAMS:
        path = f"examples/{name}.wk"
        expected = wkc("run", path, *arguments)
        check(expected.status == 0, expected.err)
        for environments in (1, 3):
            found = remote(path, f"--concurrency={environments}", *arguments)
            check(found.status == 0, f"{name}: {found.err}")
            check(found.out == expected.out, f"{name}, {environments}: {found.out[:300]}\nexpected {expected.out[:300]}")


def science_as_on_threads(folder):
    """X3.1: linear algebra with C behind it, random numbers, wavefronts, files of a pattern; the same to the last bit."""
    dice = np.random.default_rng(8)
    a, b = dice.normal(size=(70, 90)), dice.normal(size=(90, 50))
    for name, array in (("a", a), ("b", b), ("c", a @ a.T + 70 * np.eye(70)), ("xs", dice.integers(-100, 100, 5000))):
        np.save(folder / f"{name}.npy", array)
    for name in ("one.log", "two.log"):
        (folder / name).write_text("".join(f'10.0.0.{i} - - [0{i % 9 + 1}/Mar/2024:1{i % 10}:59:07 +0100] "GET / HTTP/1.1" 200 {i} "-" "-"\n' for i in range(200)))
    for name, *arguments in (("gemm", f"a={folder}/a.npy", f"b={folder}/b.npy", "tile=32"), ("cholesky", f"a={folder}/c.npy", "tile=32"),
                             ("montecarlo", "parts=12", "pairs=2000"), ("editdistance", "a=LICENSE", "b=README.md", "size=3000"),
                             ("mandelbrot", "width=80", "height=64"), ("prefix", f"xs={folder}/xs.npy", "block=300"),
                             ("table", "rows=3000"), ("logs", f"logs={folder}/*.log", "part=5000")):
        path = f"examples/{name}.wk"
        expected = wkc("run", path, *arguments)
        check(expected.status == 0 and len(expected.out) > 4, expected.err)
        for world in (["--concurrency=3"], ["--concurrency=2", "-O0", "--grain=1"]):
            found = remote(path, *world, *arguments)
            check(found.status == 0, f"{name}: {found.err}")
            check(found.out == expected.out, f"{name}, {world}: {found.out[:300]}\nexpected {expected.out[:300]}")
    for world in ([], ["--on=emulator"]):
        check(wkc("run", "examples/gemm.wk", f"a={folder}/a.npy", f"b={folder}/b.npy", "tile=32", "-o", folder / "r.npy", *world).status == 0, "gemm")
        check(np.allclose(np.load(folder / "r.npy"), a @ b, rtol=1e-12, atol=1e-12), f"gemm{world}")


def a_store_with_faults(folder):
    """Requests that are late, repeated, lost or unanswered change no result; chance comes from SEED."""
    seed = int(os.environ.get("SEED", "1"))
    for number, (name, arguments) in enumerate(PROGRAMS[2:5]):
        path = f"examples/{name}.wk"
        expected = wkc("run", path, *arguments)
        for rate in (30, 300):
            address = f"fault:{seed * 97 + number}:{rate}:mem:{name}"
            found = wkc("run", path, "--on=loopback", f"--store={address}", *arguments)
            check(found.status == 0 and found.out == expected.out, f"{name}, {address}: {found.err}{found.out[:300]}")


def a_bundle_without_source_and_cache(folder):
    source = program(folder, "task f(i: int) -> int { return i * i }\n"
                             "flow main(n: int) -> int { return sum([f(i) for i in 0..n]) }")
    bundle, cache = folder / "job.wkb", folder / "cache"
    env = {"WKC_CACHE": str(cache)}
    check(wkc("compile", source, "-o", bundle, env=env).status == 0, "no bundle")
    os.unlink(source)
    subprocess.run(["rm", "-rf", cache], check=True)
    found = remote(bundle, "n=30", env=env)
    check(found.status == 0 and found.out == f"{sum(i * i for i in range(30))}\n", found.err + found.out)


def a_failure_names_the_line(folder):
    """X4.2."""
    source = program(folder, "task f(i: int) -> int {\n    if i == 7 { log(\"i is \" + str(i)); fail(\"seven\") }\n    return i\n}\n"
                             "flow main() -> int { return sum([f(i) for i in 0..9]) }")
    found = remote(source).fails(1, "error[E801]", "seven", ":2:", "f(i: 7)", "f: i is 7")
    here = wkc("run", source)
    check(found.err.splitlines()[0] == here.err.splitlines()[0], found.err)


def what_is_missing(folder):
    source = program(folder, "flow main() -> int { return 1 }")
    empty = folder / "bin"
    empty.mkdir()
    remote(source, env={"PATH": str(empty)}).fails(1, "error[E889]", "apt install redis-server")
    (empty / "redis-server").write_text("#!/bin/sh\nexit 3\n")
    (empty / "redis-server").chmod(0o755)
    remote(source, env={"PATH": f"{empty}:/usr/bin:/bin"}).fails(1, "error[E890]")
    few = subprocess.run(["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", RELEASE, "run", source, "--on=emulator"], capture_output=True, text=True)
    check(few.returncode == 1 and "no more than 24 files may be open at once" in few.stderr, few.stderr)
    remote(source, "--endpoint=http://127.0.0.1:1").fails(1, "error[E888]", "127.0.0.1:1")
    remote(source, "--store=redis://127.0.0.1:1").fails(1, "error[E85")
    remote(source, "--store=nonsense").fails(1, "error[E851]")
    remote(source, "--timeout=never").fails(2, "--timeout", "90s")


class Refusing(http.server.BaseHTTPRequestHandler):
    """A service that creates functions, and refuses to invoke them."""

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/invocations"):
            self.answer(403, {"Message": "not for you"})
        else:
            self.answer(201, {"State": "Active"})

    def do_DELETE(self):
        self.answer(204, {})

    def log_message(self, *_):
        pass


def a_service_that_refuses_invocations(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = program(folder, "task f() -> int { return 1 }\nflow main() -> int { return f() }")
    remote(source, f"--endpoint=http://127.0.0.1:{server.server_port}").fails(1, "error[E886]", "403", "not for you")
    server.shutdown()


def an_executor_alone(folder):
    """Started as a platform would, but with something missing."""
    source = program(folder, "task f() -> int { return 1 }\nflow main() -> int { return f() }")
    bundle, root = folder / "job.wkb", folder / "root"
    check(wkc("compile", source, "-o", bundle).status == 0, "no bundle")
    with zipfile.ZipFile(bundle) as package:
        for entry in package.infolist():
            package.extract(entry, root)
            (root / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    env = {"AWS_LAMBDA_RUNTIME_API": address, "PATH": "/usr/bin", "LSAN_OPTIONS": os.environ["LSAN_OPTIONS"]}

    def start(**more):
        done = subprocess.run([root / "bootstrap"], env=dict(env, **more), capture_output=True, text=True, timeout=60)
        check(done.returncode == 1, f"status {done.returncode}: {done.stderr}")
        return done.stderr

    check("error[E887]" in start(), "no E887")
    whole = dict(AWS_LAMBDA_FUNCTION_NAME="f", AWS_REGION="r", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="s")
    check("error[E885]" in start(**whole), "no E885")
    (root / "flow.code").write_bytes(b"nonsense")
    check("error[E861]" in start(**whole), "no E861")


# ---- A platform of the test's own: Lambda's two APIs, and one executor process -------------------------------

class Platform:
    """What is invoked is noted, may be changed, and is run by one process, one event after the other."""
    variables = {}

    def __init__(self, folder, change=lambda event: [event]):
        self.folder, self.change = folder / "function", change
        self.events, self.answers, self.waiting = [], [], queue.Queue()
        self.process, self.log = None, open(folder / "executor.log", "w+")
        platform = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, **headers):
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/functions"):
                    platform.create(base64.b64decode(json.loads(body)["Code"]["ZipFile"]))
                    self.answer(201, {"State": "Active"})
                elif self.path.endswith("/invocations"):
                    platform.take(json.loads(body))
                    self.answer(202, b"")
                else:
                    platform.answers.append((self.path.rsplit("/", 1)[1], json.loads(body)))
                    self.answer(202, b"")

            def do_GET(self):
                event = platform.waiting.get()
                number = str(len(platform.answers))
                self.answer(200, event, Lambda_Runtime_Aws_Request_Id=number,
                            Lambda_Runtime_Deadline_Ms=str(int(time.time() * 1000) + 60000))

            def do_DELETE(self):
                self.answer(204, b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_port}"

    def create(self, package):
        with zipfile.ZipFile(io.BytesIO(package)) as entries:
            for entry in entries.infolist():
                entries.extract(entry, self.folder)
                (self.folder / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
        self.start()

    def start(self):
        env = dict(AWS_LAMBDA_RUNTIME_API=self.address, AWS_LAMBDA_FUNCTION_NAME="f", AWS_REGION="us-east-1",
                   AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="s", AWS_ENDPOINT_URL_LAMBDA=f"http://{self.address}",
                   LSAN_OPTIONS=os.environ["LSAN_OPTIONS"], **self.variables)
        self.process = subprocess.Popen(self.command(), cwd=self.folder, env=env, stdout=self.log, stderr=self.log)

    def command(self):
        return [self.folder / "bootstrap"]

    def take(self, event):
        self.events.append(event)
        for changed in self.change(event):
            self.waiting.put(json.dumps(changed).encode())

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.server.shutdown()

    def errors(self):
        return [body["errorType"] for kind, body in self.answers if kind == "error"]


def entries_of(parcel):
    """The entries of a parcel, as spec/executor.md says (X2.1): node, part, bytes or None."""
    found, at = [], 0
    while at < len(parcel):
        node, part, size = struct.unpack_from("<IIQ", parcel, at)
        at += 16
        if size == 2 ** 64 - 1:
            found.append((node, part, None))
            continue
        check(at + size <= len(parcel), "a parcel is cut off")
        found.append((node, part, parcel[at:at + size]))
        at += (size + 7) // 8 * 8
    return found


def run_on(platform, *arguments):
    try:
        return wkc("run", *arguments, "--on=emulator", f"--endpoint=http://{platform.address}")
    finally:
        platform.end()


CHAIN = """task first(n: int) -> (f64[n], int) { return ([f64(i) for i in 0..n], n) }
task rest(a: f64[n], k: int, i: int) -> f64 { return sum(a) + f64(k + i) }
task count(k: int, i: int) -> int { return k + i }
flow main(n: int) -> (f64, int) {
    let (a, k) = first(n)
    return (sum([rest(a, k, i) for i in 0..5]), sum([count(k, i) for i in 0..5]))
}"""


def events_and_parcels(folder):
    """X1.1, X1.5, X2.1, X2.2: what is invoked has the members that the spec names; small parts travel, of large ones
    the word that they are stored, and a node's parts go to those who read them."""
    source = program(folder, CHAIN)
    for n in (3, 5000):
        platform = Platform(folder)
        found = run_on(platform, source, f"n={n}", "--platform=local")  # without clusters
        check(found.status == 0, found.err)
        check(found.out == wkc("run", source, f"n={n}").out, found.out)
        known = {"wkc", "job", "store", "token", "node", "range", "recovers", "stored", "want", "hops", "inputs", "description"}
        parts, shapes = set(), set()
        for event in platform.events:
            shapes.add(tuple(part for _, part, _ in entries_of(base64.b64decode(event.get("inputs", "")))))
            check(set(event) <= known and {"wkc", "job", "store", "token", "node"} <= set(event), event)
            check(len(event["job"]) == 26 and len(event["token"]) == 16, event)
            for node, part, data in entries_of(base64.b64decode(event.get("inputs", ""))):
                parts.add((part, data is None))
                if part == 1:
                    check(data == struct.pack("<q", n), f"part 1 is {data}")
                elif data is not None:
                    check(data[128:] == struct.pack(f"<{n}d", *range(n)), "part 0 is not 0, 1, 2, …")
        check(parts == {(0, n == 5000), (1, False)}, f"n={n}: {parts}")
        check({(1,), (0, 1)} <= shapes, f"parts that events hold: {shapes}")
        check(all(kind == "response" for kind, _ in platform.answers), platform.answers)


MANY = """task make(i: int) -> f64[500] { return [f64(i) for _j in 0..500] }
task all(xs: f64[_][_], k: int) -> f64 {
    var s = 0.0
    for x in xs { s += x[0] + f64(k) }
    return s
}
flow main() -> f64 {
    let xs = [make(i) for i in 0..300]
    return all(xs, 0) + all(xs, 1)
}"""


def many_small_inputs_are_stored(folder):
    """X2.3: together they are more than an event may hold. (Without becoming, owned joins are invoked.)"""
    platform = Platform(folder)
    found = run_on(platform, program(folder, MANY), "--without=become")
    check(found.status == 0 and found.out == f"{2 * sum(range(300)) + 300}.0\n", found.out + found.err)
    largest = max(len(json.dumps(event)) for event in platform.events)
    check(largest < 1 << 20, f"an event of {largest} bytes")
    counts = [[data is None for _, _, data in entries_of(base64.b64decode(event.get("inputs", "")))]
              for event in platform.events]
    check(any(len(stored) == 300 and all(stored) for stored in counts), f"{[len(c) for c in counts if len(c) > 9]}")


ENDS = """task make(i: int) -> (f64[2000], i32[40, 50]) {
    return ([f64(i * 10000 + j) for j in 0..2000], [i32(i * 100 + a - b) for a in 0..40, b in 0..50])
}
task ends(a: f64[n], b: i32[h, w], c: f64, d: i32, again: f64[n]) -> f64 {
    var s = c + f64(d)
    for x in a { s = 3.0 * s + x }
    for i in 0..h { for j in 0..w { s = 0.5 * s + f64(b[i, j]) } }
    return s - again[0]
}
flow main() -> f64[6] {
    let xs = [make(i) for i in 0..6]
    return [ends(xs[i].0[5..8], xs[(i + 1) % 6].1[2..4, 7..10], xs[(i + 2) % 6].0[1999], xs[(i + 3) % 6].1[39, 49], xs[i].0[5..8])
            for i in 0..6]
}"""
APART = ("-O1", "--disable=dominant,heaviest,affinity", "--grain=1", "--without=become,delayed-io")  # each task by itself
SLICE = 1 << 31


def slices_of(event):
    return [entry for entry in entries_of(base64.b64decode(event.get("inputs", ""))) if entry[1] & SLICE]


def slices_travel_alone(folder):
    """X2.5, P4.7: of a large value of which tasks read slices nothing is stored, and what travels are these."""
    source = program(folder, ENDS)
    expected = wkc("run", source).out
    platform = Platform(folder)
    with_slices = run_on(platform, source, *APART, "--stats=json")
    check(with_slices.status == 0 and with_slices.out == expected, with_slices.out + with_slices.err)
    found = json.loads(with_slices.err)
    check(found["store_bytes_written"] == 0 and found["store_bytes_read"] == 0 and found["sweeps"] == 0, found)
    check(not any(data is None for event in platform.events
                  for _, _, data in entries_of(base64.b64decode(event.get("inputs", "")))), "something was stored")
    seen = {}
    for event in platform.events:
        entries = slices_of(event)
        check(len(entries) in (0, 4), f"{len(entries)} slices")  # of two that are the same one goes
        for node, view, data in entries:
            seen.setdefault(len(data), set()).add((node, view, data))
    check({size: len(entries) for size, entries in seen.items()} == {128 + 24: 12, 8: 12}, f"{seen.keys()}")
    vectors = {node: struct.unpack("<3d", data[128:]) for node, _, data in seen[152] if data[5] == 1}
    matrices = {node: struct.unpack("<6i", data[128:]) for node, _, data in seen[152] if data[5] == 2}
    check(sorted(vectors.values()) == [tuple(i * 10000.0 + j for j in (5, 6, 7)) for i in range(6)], vectors)
    check(sorted(matrices.values()) == [tuple(i * 100 + a - b for a in (2, 3) for b in (7, 8, 9)) for i in range(6)], matrices)
    check({struct.unpack("<d", data)[0] for _, _, data in seen[8]} >= {i * 10000.0 + 1999 for i in range(6)}, seen[8])
    whole = run_on(Platform(folder), source, *APART, "--stats=json", "--disable=dominant,heaviest,affinity,slices")
    check(whole.out == expected, whole.out + whole.err)
    check(json.loads(whole.err)["store_bytes_written"] == 6 * (2 * 128 + 2000 * 12), whole.err)


def slices_that_do_not_fit(folder):
    """X2.4: refused, and the process serves the next one."""
    wrong = []

    def change(event):
        entries = slices_of(event)
        if wrong or not entries:
            return [event]

        def with_entry(node, part, data):
            size = 2 ** 64 - 1 if data is None else len(data)
            body = struct.pack("<IIQ", node, part, size) + (data or b"")
            inputs = base64.b64decode(event["inputs"]) + body + bytes(-len(body) % 8)
            wrong.append(dict(event, inputs=encoded(inputs)))

        def changed(data, at, to):
            return data[:at] + to + data[at + len(to):]

        node, view, data = next(entry for entry in entries if len(entry[2]) > 8)
        one, number, word = next(entry for entry in entries if len(entry[2]) == 8)
        with_entry(node, SLICE | 0x7FFFFFFF, data)  # no such view
        with_entry(node, view, None)  # which nobody has stored
        with_entry(77, view, data)  # no such node
        with_entry(12, view, data)  # the sink has no value
        with_entry(one + 6, view, data)  # a task whose result is no array
        with_entry(node, view, data[:-8])  # elements are missing
        with_entry(node, view, data + bytes(8))
        with_entry(node, view, data[:64])  # not even a header
        with_entry(node, view, b"")
        with_entry(node, view, changed(data, 16, struct.pack("<q", 2 ** 40)))  # extents
        with_entry(node, view, changed(changed(data[:136], 8, struct.pack("<Q", 8)), 16, struct.pack("<qq", 1, 1)))
        with_entry(node, view, changed(data, 4, b"\0"))  # another element type
        with_entry(node, view, changed(data, 5, bytes([3 - data[5]])))  # another rank
        with_entry(one, number, word + bytes(8))
        with_entry(one, number, b"")
        return [*wrong, event]

    source = program(folder, ENDS)
    platform = Platform(folder, change)
    found = run_on(platform, source, *APART)
    check(found.status == 0 and found.out == wkc("run", source).out, found.out + found.err)
    check(platform.errors() == ["wkc.E880"] * len(wrong) and len(wrong) == 15, platform.errors())


def with_changed_event(folder, change):
    """Runs a job whose first event comes changed, and then as it was; the errors that the process posts."""
    source = program(folder, "task f(i: int) -> int { return i + 1 }\nflow main() -> int { return f(f(1)) }")
    platform = Platform(folder, lambda event: [dict(event, **change(event)), event])
    found = run_on(platform, source)
    check(found.status == 0 and found.out == "3\n", f"{found.out}{found.err}")
    return platform.errors()


def encoded(data):
    return base64.b64encode(data).decode()


def events_that_do_not_fit(folder):
    """X1.2, X1.3, X2.4, X3.2: refused, with nothing run; the process serves the next one."""
    def description(event, at, byte):
        text = bytearray(base64.b64decode(event["description"]))
        text[at:at + 1] = byte
        return {"description": encoded(bytes(text))}

    cases = [
        ("E881", lambda event: {"later": 1}),
        ("E881", lambda event: {"wkc": 2}),
        ("E881", lambda event: {"node": 77}),
        ("E881", lambda event: {"range": [0, 99]}),
        ("E881", lambda event: {"hops": 1000}),
        ("E880", lambda event: {"inputs": encoded(struct.pack("<IIQ", 0, 0, 80))}),
        ("E880", lambda event: {"inputs": encoded(struct.pack("<IIQ", 5, 0, 2 ** 64 - 1))}),
        ("E880", lambda event: {"inputs": encoded(struct.pack("<IIQQ", 0, 0, 4, 0))}),
        ("E882", lambda event: {"job": "a" * 26} | description(event, 8, b"x")),
        ("E882", lambda event: {"job": "a" * 26} | description(event, 0, b"\7")),
        ("E882", lambda event: {"job": "a" * 26, "description": event["description"][:80]}),
    ]
    for number, (code, change) in enumerate(cases):
        errors = with_changed_event(folder, change)
        check(errors == [f"wkc.{code}"], f"case {number}: {errors}, expected {code}")


def events_without_a_store(folder):
    """X1.4: the event fails, and is not answered as if it had been served."""
    errors = with_changed_event(folder, lambda event: {"store": "redis://127.0.0.1:1"})
    check(len(errors) == 1 and errors[0].startswith("wkc.E85"), errors)


def a_task_in_c_that_faults(folder):
    """X1.6: it fails the job, by its name, and at once: whatever it does to its process."""
    source = program(folder, 'task g(x: int) -> int { return x }\n'
                             'extern task f(x: int) -> int from "f.c"\n'
                             "flow main(n: int) -> int { return sum([g(i) for i in 0..n]) + f(g(3)) }")
    bodies = {"SIGSEGV": "*(volatile int *)(wk_take_int(&arguments) - 3) = 1; return 0;",
              "SIGFPE": "wk_give_int(&results, 7 / (wk_take_int(&arguments) - 3)); return 0;",
              "SIGABRT": "abort();",
              "exit()": "exit(0);"}
    for name, body in bodies.items():
        (folder / "f.c").write_text("#include <stdlib.h>\n#include <wk.h>\n"
                                    "WK_TASK(f) { (void)context, (void)arguments, (void)results; " + body + " }\n")
        for options in ([], ["--concurrency=1", "--grain=1"]):
            began = time.monotonic()
            remote(source, "n=20", *options).fails(1, "error[E841]", "'f'", f"by {name}", "program.wk:2:13", "its C code is to blame")
            check(time.monotonic() - began < 40, f"{name} took {time.monotonic() - began:.1f} s")
    (folder / "f.c").write_text("#include <wk.h>\nWK_TASK(f) { volatile char c[8192]; c[0] = 1; "
                                "return wk_extern_f(context, arguments, results) + c[0]; }\n")
    remote(source, "n=3").fails(1, "error[E841]", "SIGSEGV")


SHORT = """task f(i: int, m: int) -> f64[m] { return [f64(i * 1000 + j % 1000) for j in 0..m] }
task g(a: f64[m], b: f64[m]) -> f64[m] { return [(a[j] + b[j]) / 2.0 for j in 0..m] }
task greedy(a: f64[m], k: int) -> f64[m] {
    let b = [a[j % m] for j in 0..k * m]
    return [b[j * k] - b[j * k] + a[j] for j in 0..m]
}
task last(a: f64[m]) -> f64 { return a[m - 1] }
flow main(n: int, m: int, turns: int, k: int) -> f64 {
    var x = [f(i, m) for i in 0..n]
    for _ in 0..turns {
        let y = x
        x = [g(y[i], y[(i + n / 2) % n]) for i in 0..n]
    }
    return sum([last(greedy(a, k)) for a in x])
}"""


def memory_is_short(folder):
    """X1.7: one environment of 128 MB for values of many times as much: a chain, of which nothing is kept; what is held for
    long goes to the store and comes back, once each; a task that needs more than is free has the others make room. The tasks
    are those that are written: fused ones hold less."""
    source = program(folder, SHORT)
    cases = {"a chain": (1, 1_000_000, 80, 1), "held for long": (24, 1_000_000, 3, 1), "greedy": (10, 500_000, 1, 15)}
    for name, numbers in cases.items():
        arguments = [f"{p}={n}" for p, n in zip(("n", "m", "turns", "k"), numbers)]
        expected = wkc("run", source, *arguments)
        run = remote(source, *arguments, "-O0", "--concurrency=1", "--grain=64", "--memory=128MiB", "--stats=json",
                     binary=RELEASE)  # sanitizers need more than that for themselves
        check(run.status == 0 and run.out == expected.out, f"{name}: {run.err}")
        found = json.loads(run.err)
        n, m, turns, _ = numbers
        check(found["duplicate_runs"] == 0 == found["sweeps"], f"{name}: {found}")
        check(8 * m < found["values_peak_bytes"] <= 96 << 20, f"{name}: {found}")
        check(found["store_reads"] <= found["store_writes"] + n and found["store_writes"] <= n * (turns + 2), f"{name}: {found}")
        check((found["store_writes"] > 0) == (name != "a chain"), f"{name}: {found}")
        check((found["retries"] > 0) == (name == "greedy"), f"{name}: {found}")
    remote(source, "n=2", "m=500000", "turns=0", "k=30", "-O0", "--memory=128MiB", binary=RELEASE).fails(1, "error[E81", "greedy")


HUNGRY = """#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wk.h>
WK_TASK(hungry)
{
    int64_t i = wk_take_int(&arguments), mb = wk_take_int(&arguments);
    char *memory = malloc((size_t)mb << 20);
    for (int64_t m = 0; m < mb; m++) {
        memset(memory + (m << 20), (int)i + 1, 1 << 20);
        nanosleep(&(struct timespec){.tv_nsec = m > 64 ? 2000000 : 0}, NULL);
    }
    wk_give_int(&results, memory[((size_t)mb << 20) - 1]);
    free(memory);
    (void)context;
    return 0;
}
"""


def memory_ends(folder):
    """X1.8: an executor that is killed again and again for what a task in C takes ends the job; one that comes near, and is not,
    does not."""
    source = program(folder, 'extern task hungry(i: int, mb: int) -> int from "f.c"\n'
                             "flow main(n: int, mb: int) -> int { return sum([hungry(i, mb) for i in 0..n]) }")
    (folder / "f.c").write_text(HUNGRY)
    options = ["--memory=128MiB", "--concurrency=2", "--grain=1", "--sweep-age=3000"]
    for mb in (60, 112):
        run = remote(source, "n=4", f"mb={mb}", *options, "--stats=json", binary=RELEASE)
        check(run.out == "10\n" and json.loads(run.err)["duplicate_runs"] == 0, f"{mb}: {run.err}")
    remote(source, "n=6", "mb=300", *options, binary=RELEASE).fails(
        1, "error[E893]", "'hungry'", "2 of them were killed at 128 MB", "mb: 300)", "program.wk:2:", "--memory")


EACH_READS_ALL = """task make(i: int, m: int) -> f64[m] { return [f64(i + j) for j in 0..m] }
task mix(all: f64[_][_], k: int) -> f64 {
    let a = all[k % len(all)]
    return a[len(a) - 1] + f64(len(all))
}
flow main(n: int, m: int) -> f64 {
    let first = [make(i, m) for i in 0..n]
    return sum([mix(first, k) for k in 0..n])
}"""


def large_values_stay(folder):
    """X1.5: the one environment that there is loads nothing that it has stored itself; of two each loads what the other has
    stored, once. X1.7: inputs that do not fit together are the job's failure."""
    source = program(folder, EACH_READS_ALL)
    expected = wkc("run", source, "n=9", "m=200000")
    for environments, reads in ((1, 0), (2, 9)):
        run = remote(source, "n=9", "m=200000", "-O0", "--grain=1", f"--concurrency={environments}", "--stats=json")
        check(run.status == 0 and run.out == expected.out, run.err)
        found = json.loads(run.err)
        check(found["store_writes"] == 9 and found["store_reads"] <= reads and found["invocations"] >= 9, str(found))
    began = time.monotonic()
    remote(source, "n=20", "m=1000000", "-O0", "--grain=1", "--concurrency=1", "--memory=128MiB", binary=RELEASE).fails(
        1, "error[E813]", "mix", "three quarters of the function's memory")
    check(time.monotonic() - began < 50, "the platform has retried what cannot succeed")


JOINED = """task part(i: int, m: int) -> f64[m] { return [f64(i * 1000 + j % 1000) for j in 0..m] }
task tile(i: int, j: int, m: int) -> f64[m / 500, 500] { return [f64(i * a + j * b) for a in 0..m / 500, b in 0..500] }
task mean(a: f64[n]) -> f64 {
    var s = 0.0
    for x in a { s += x }
    return s / f64(n)
}
flow main(n: int, m: int) -> (f64, f64, f64) {
    let a = concat([part(i, m) for i in 0..n])
    let first = max(a)
    let second = mean(a)
    return (first, second, max(untile([tile(i, j, m) for i in 0..n / 2, j in 0..2]) * 0.5))
}"""


def joins_are_not_copied(folder):
    """L8.16: what reads 64 MB that are joined needs them once, for which there is room in three quarters of 128 MB, and not the
    join besides, for which there is none."""
    source = program(folder, JOINED)
    options = ["n=8", "m=1000000", "--grain=1", "--concurrency=1", "--memory=128MiB"]
    expected = wkc("run", source, "n=8", "m=1000000")
    run = remote(source, *options, "--stats=json", binary=RELEASE)
    check(run.status == 0 and run.out == expected.out, run.err)
    found = json.loads(run.err)
    check(64_000_000 < found["values_peak_bytes"] <= 96 << 20, f"{found}")
    remote(source, *options, "--disable=stream", binary=RELEASE).fails(1, "error[E81")


def a_wide_stencil(folder):
    """P4.5, P8.1: one executor makes 4,017 tiles. It delivers all of them without the sweeper, and asks nobody about what it makes
    itself, so it stores no more than the tiles of the result. X1.7: what nobody needs goes. X2.5: two executors send each other
    slices, and store no more than one does."""
    small, large, few = (64, ["n=512"]), (256, ["n=1024"]), (16, ["n=1024", "tile=256", "turns=30"])
    for executors, (tiles, arguments) in (1, small), (1, large), (1, few), (2, few):
        run = remote("examples/heat.wk", *arguments, f"--concurrency={executors}", "--stats=json", "-o", str(folder / "remote.npy"), binary=RELEASE)
        check(run.status == 0, run.err)
        found = json.loads(run.err)
        check(found["sweeps"] == 0 and found["store_writes"] <= 4 + tiles, str(found))
        check(executors > 1 or (found["invocations"] == 1 and found["questions"] == 0), str(found))
        check(executors > 1 or len(arguments) > 1 or found["values_peak_bytes"] < 64 << 20, "values that nobody needs are kept")  # of 131 MB
        check(wkc("run", "examples/heat.wk", *arguments, "-o", str(folder / "local.npy"), binary=RELEASE).status == 0, "local")
        check((folder / "remote.npy").read_bytes() == (folder / "local.npy").read_bytes(), "another result")


PROBE_C = """
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include <wk.h>
static _Atomic int running, met;
static void nap(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, 0); }
WK_TASK(meet)
{
    (void)context;
    int64_t turns = wk_take_int(&arguments);
    atomic_fetch_add(&running, 1);
    for (int64_t turn = 0; turn < turns && !atomic_load(&met); turn++) {
        if (atomic_load(&running) > 1)
            atomic_store(&met, 1);
        nap(1);
    }
    wk_give_int(&results, atomic_load(&met));
    nap(5);
    atomic_fetch_sub(&running, 1);
    return 0;
}
WK_TASK(greedy)
{
    void *data = wk_alloc(context, (uint64_t)wk_take_int(&arguments) << 20);
    if (!data)
        return wk_failed(context);
    nap(200);
    wk_free(context, data);
    wk_give_int(&results, 1);
    return 0;
}
WK_TASK(where)
{
    (void)context;
    if (wk_take_int(&arguments) == 7)
        nap(20);
    wk_give_int(&results, gettid() == getpid());
    return 0;
}
"""


def tasks_at_once(folder):
    """X1.9: a function with two processors runs two tasks at once, also where nobody says a grain; with one, one."""
    (folder / "p.c").write_text("#define _GNU_SOURCE\n" + PROBE_C)
    meet = program(folder, '@cost(20ms)\nextern task meet(turns: int) -> int from "p.c"\n'
                           "flow main(n: int, turns: int) -> int { return sum([meet(turns + i) for i in 0..n]) }")
    check(remote(meet, "n=4", "turns=30", "--concurrency=1", "--memory=1769MiB").out == "0\n", "one processor")
    if os.cpu_count() > 1:
        for options in (["--grain=4"], []):
            run = remote(meet, "n=4", "turns=9000", "--concurrency=1", "--memory=3538MiB", *options)
            check(run.out == "4\n", run.out + run.err)


def tasks_too_large_to_run_at_once(folder):
    """X1.7: of two that have no room beside each other one waits. (Nothing is written there, so the machine needs none.)"""
    (folder / "p.c").write_text("#define _GNU_SOURCE\n" + PROBE_C)
    source = program(folder, '@cost(20ms)\nextern task greedy(mb: int) -> int from "p.c"\n'
                             "flow main(n: int, mb: int) -> int { return sum([greedy(mb + i) for i in 0..n]) }")
    run = remote(source, "n=5", "mb=1600", "--concurrency=1", "--grain=5", "--memory=3538MiB", "--stats=json", binary=RELEASE)
    check(run.out == "5\n", run.err)
    check(os.cpu_count() == 1 or json.loads(run.err)["retries"] > 0, run.err)
    remote(source, "n=5", "mb=3000", "--concurrency=1", "--grain=5", "--memory=3538MiB", binary=RELEASE).fails(1, "error[E813]", "greedy")


def short_tasks_run_in_the_loop(folder):
    """X1.9: also after one of them took long; otherwise at most the first eight would."""
    (folder / "p.c").write_text("#define _GNU_SOURCE\n" + PROBE_C)
    source = program(folder, 'extern task where(i: int) -> int from "p.c"\n'
                             "flow main(n: int) -> int { return sum([where(i) for i in 0..n]) }")
    run = remote(source, "n=4000", "-O0", "--concurrency=1", "--grain=4000")
    check(run.status == 0 and 1000 < int(run.out) < 4000, run.out + run.err)


TREE = """task leaf(i: int) -> f64 { return f64(i) }
task plus(a: f64, b: f64) -> f64 { return a + b }
flow main(n: int) -> f64 { return reduce(plus, [leaf(i) for i in 0..n]) }"""


def a_plan_in_pages(folder):
    """X5.1, X5.2, X5.5: a plan of 200,000 tasks takes 24 MB, for which a function of 128 MB has no room; its executors take no more
    than others. With more memory each makes it for itself: there are no pages."""
    source = program(folder, TREE)
    for environments in (1, 3):
        for memory, least, most in ((128, 370, 10000), (1769, 0, 300)):  # of commands: 364 pages, beside the others
            run = remote(source, "n=100_000", "-O0", f"--concurrency={environments}", f"--memory={memory}MiB", "--grain=20_000",
                         "--stats=json", binary=RELEASE)
            check(run.status == 0 and run.out == "4999950000.0\n", run.err)
            found = json.loads(run.err)
            check(found["duplicate_runs"] == 0 == found["sweeps"] and least < found["store_commands"] < most, f"{memory} MB: {found}")


class Arm(Platform):
    """Its machine is an aarch64 under qemu. What the client sends for its own is not run: `package` is that program, compiled for
    aarch64, whose manifest the events name instead."""

    variables = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "PATH": os.environ["PATH"]}

    def __init__(self, folder, package):
        self.package, self.sent = package, None
        super().__init__(folder, self.rename)

    def create(self, package):
        with zipfile.ZipFile(io.BytesIO(package)) as entries:
            self.sent = hashlib.sha256(entries.read("manifest.json")).hexdigest().encode()
        super().create(self.package.read_bytes())

    def rename(self, event):
        description = base64.b64decode(event["description"])
        check(description.count(self.sent) == 1, "the description names another bundle")
        own = hashlib.sha256((self.folder / "manifest.json").read_bytes()).hexdigest().encode()
        return [dict(event, description=base64.b64encode(description.replace(self.sent, own)).decode())]

    def command(self):
        return ["qemu-aarch64", "lib/ld-linux-aarch64.so.1", "--library-path", "lib", "bin/executor"]


def a_plan_in_pages_on_another_machine(folder):
    """X5.2 for aarch64, under qemu: the pages come when they are touched, by tasks of that machine. X5.3: a damaged one ends the
    job."""
    if os.uname().machine != "x86_64" or not shutil.which("qemu-aarch64") or not (Path(RELEASE).parent / "aarch64/runtime.zip").exists():
        print("remote.py: aarch64 is skipped: it needs qemu-user and `make deps-arm64 arm64`")
        return
    source, package = program(folder, TREE), folder / "arm.wkb"
    check(wkc("compile", source, "-O0", "--target=aarch64", "-o", package, binary=RELEASE).status == 0, "no bundle")
    for harm in (None, lambda server: server.call("SETRANGE", pages_in(server)[-1], "1000", "xyz")):
        arm = Arm(folder, package)
        with Server(folder) as server:
            change = arm.change
            if harm:
                arm.change = lambda event: (harm(server), change(event))[1]
            run = remote(source, "n=100_000", "-O0", "--memory=128MiB", "--grain=200_000", f"--store={server.address}",
                         f"--endpoint=http://{arm.address}", "--sweep-age=600000", "--timeout=200s", "--stats=json", binary=RELEASE, timeout=300)
            arm.end()
        if harm:
            run.fails(1, "error[E880]", "is not what was stored")
        else:
            check(run.status == 0 and run.out == "4999950000.0\n", run.err)
            check(json.loads(run.err)["store_commands"] > 370, run.err)  # 364 pages


def pages_in(server, kind=1):
    return [key for key in server.call("--scan", "--pattern", "wkc:*").splitlines() if re.search(rf"}}p:0:{kind}:", key)]


def run_with_changed_pages(folder, change, *options):
    """Pages are changed after they were stored, and before the first environment starts."""
    with Server(folder) as server:
        run = subprocess.Popen([RELEASE, "run", str(program(folder, TREE)), "--on=emulator", "n=100_000", "-O0", "--memory=128MiB",
                                "--concurrency=1", "--cold-start=4000", "--sweep-age=60000", f"--store={server.address}", *options],
                               cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        until, keys = time.monotonic() + 30, []
        while not keys or len(keys) < len(found := pages_in(server)):
            check(run.poll() is None and time.monotonic() < until, "no pages are stored")
            keys = found if keys else pages_in(server)
            time.sleep(0.3)
        change(server, sorted(keys))
        out, err = run.communicate(timeout=60)
        check(run.returncode == 1 and out == "" and not pages_in(server), f"{run.returncode}: {out} {err}")
        return err


def a_damaged_plan(folder):
    """X5.3: pages that somebody has changed or removed. X5.4: pages that the store does not give."""
    for change, text in ((lambda server, keys: server.call("SETRANGE", keys[len(keys) // 2], "1000", "xyz"), "is not what was stored"),
                         (lambda server, keys: server.call("DEL", *keys[::3]), "is missing"),
                         (lambda server, keys: server.call("SETRANGE", pages_in(server, 2)[0], "100", "xyz"), "is not what was stored")):
        err = run_with_changed_pages(folder, change)
        check("error[E880]" in err and text in err, err)

    def refuse(server, keys):
        for key in keys[::3]:
            server.call("DEL", key)
            server.call("RPUSH", key, "x")
    check("error[E883]" in run_with_changed_pages(folder, refuse, "--timeout=12s"), "the event is not retried")


LOGS = """task f(i: int, k: int) -> int {
    for j in 0..k { log("line " + str(j) + " of " + str(i)) }
    return i
}
task g(a: int, b: int) -> int {
    log("sum " + str(a + b))
    return a + b
}
flow main(n: int, k: int) -> int { return reduce(g, [f(i, k) for i in 0..n]) }"""


def what_tasks_log(folder):
    """X4.5: the lines that a local run shows, in whatever order; what is too much is counted. A client that attaches shows them,
    too."""
    source = program(folder, LOGS)
    expected = sorted(wkc("run", source, "n=30", "k=3").err.splitlines())
    check(len(expected) == 119, str(expected))
    for world in (["--on=emulator", "--concurrency=3", "--grain=1"], ["--on=emulator", "--without=all"], ["--on=loopback"],
                  ["--on=loopback", "--grain=100"], ["--on=emulator", "--store-latency=3"]):
        run = wkc("run", source, "n=30", "k=3", *world)
        check(run.out == "435\n" and sorted(run.err.splitlines()) == expected, f"{world}: {run.err[:3000]}")
    run = remote(source, "n=40", "k=3000")
    *lines, last = run.err.splitlines()
    check(run.out == "780\n" and 10000 < len(lines) and len(run.err) < (1 << 20) + 100, f"{len(lines)} {len(run.err)}")
    cut = re.fullmatch(r"\((\d+) lines more were logged than the store keeps\)", last)
    check(cut, last)
    check(len(set(lines)) == len(lines) and all(re.fullmatch(r"f: line \d+ of \d+|g: sum \d+", line) for line in lines), "lines")
    most = len(remote(source, "n=1", "k=3000").err.splitlines())  # a task's own log has an end, too
    check(len(lines) + int(cut[1]) == 40 * most + 39, f"{len(lines)} + {cut[1]}, {most}")


SLOW = """task slow(i: int) -> int {
    var x = i
    for j in 0..4000000000 { x = (x * 1103515245 + j) % 2147483648 }
    return x
}
flow main(n: int) -> int { return sum([slow(i) for i in 0..n]) }"""


def a_time_out_leaves_nothing(folder):
    """X4.3."""
    run = subprocess.Popen([SANITIZE, "run", program(folder, SLOW), "--on=emulator", "n=4", "--timeout=1500ms"], cwd=ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    below = set()
    while run.poll() is None:
        below.update(descendants(run.pid))
        time.sleep(0.05)
    out, err = run.communicate()
    check(run.returncode == 1 and out == "" and "error[E883]" in err and "1.5 s" in err, f"{run.returncode}: {err}")
    check(below, "nothing has been started")
    gone(below)


def interrupted_at(folder, number):
    source = program(folder, SLOW)
    run = subprocess.Popen([SANITIZE, "run", source, "--on=emulator", "n=4"], cwd=ROOT, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while not any("executor" in line for pid, line in processes("bin/executor").items() if pid in descendants(run.pid)):
        check(run.poll() is None and time.monotonic() < until, "no executor appears")
        time.sleep(0.05)
    below = descendants(run.pid)
    run.send_signal(number)
    _, err = run.communicate(timeout=60)
    gone(below)
    return run.returncode, err


def ctrl_c_leaves_nothing(folder):
    status, err = interrupted_at(folder, signal.SIGINT)
    check(status == 130, f"status {status}: {err}")


def a_killed_client_leaves_nothing(folder):
    """X4.4."""
    status, _ = interrupted_at(folder, signal.SIGKILL)
    check(status == -signal.SIGKILL, f"status {status}")


if __name__ == "__main__":
    main([the_same_as_on_threads, science_as_on_threads, what_tasks_log, memory_is_short, large_values_stay, joins_are_not_copied, a_wide_stencil, tasks_at_once, tasks_too_large_to_run_at_once, short_tasks_run_in_the_loop, a_plan_in_pages, a_plan_in_pages_on_another_machine, a_damaged_plan, memory_ends, a_task_in_c_that_faults, a_store_with_faults, a_bundle_without_source_and_cache, a_failure_names_the_line, what_is_missing,
          a_service_that_refuses_invocations, an_executor_alone,
          events_and_parcels, many_small_inputs_are_stored, slices_travel_alone, slices_that_do_not_fit, events_that_do_not_fit, events_without_a_store, a_time_out_leaves_nothing, ctrl_c_leaves_nothing,
          a_killed_client_leaves_nothing])
