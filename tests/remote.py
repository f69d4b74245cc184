#!/usr/bin/python3
"""Runs on executors that are processes: wkc run --on=emulator. The same results as on threads, whatever the
number of environments, with source and cache gone; clear ends when something is missing or wrong; and nothing
left behind: no process, no key."""
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import zipfile

from harness import ROOT, SANITIZE, check, main, program, wkc

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


def processes(*names):
    """The processes whose command lines name one of these, by their ids."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if any(name in line for name in names):
            found[int(pid)] = line
    return found


def descendants(parent):
    """All processes below this one."""
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1]), []).append(int(pid))
        except OSError:
            pass
    found, ahead = [], [parent]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += below
    return found


def remote(path, *arguments, **how):
    return wkc("run", path, "--on=emulator", *arguments, **how)


def the_same_as_on_threads(folder):
    for name, arguments in PROGRAMS:
        path = f"examples/{name}.wk"
        expected = wkc("run", path, *arguments)
        check(expected.status == 0, expected.err)
        for environments in (1, 3):
            found = remote(path, f"--concurrency={environments}", *arguments)
            check(found.status == 0, f"{name}: {found.err}")
            check(found.out == expected.out, f"{name}, {environments}: {found.out[:300]}\nexpected {expected.out[:300]}")


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
    source = program(folder, "task f(i: int) -> int {\n    if i == 7 { fail(\"seven\") }\n    return i\n}\n"
                             "flow main() -> int { return sum([f(i) for i in 0..9]) }")
    found = remote(source).fails(1, "error[E801]", "seven", ":2:", "f(i: 7)")
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


SLOW = """task slow(i: int) -> int {
    var x = i
    for j in 0..4000000000 { x = (x * 1103515245 + j) % 2147483648 }
    return x
}
flow main(n: int) -> int { return sum([slow(i) for i in 0..n]) }"""


def a_time_out_leaves_nothing(folder):
    before = processes("redis-server", "bin/executor")
    remote(program(folder, SLOW), "n=4", "--timeout=1500ms").fails(1, "error[E883]", "1.5 s")
    left = set(processes("redis-server", "bin/executor")) - set(before)
    check(not left, f"left behind: {left}")


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
    time.sleep(0.3)
    left = [pid for pid in below if os.path.exists(f"/proc/{pid}/cmdline") and open(f"/proc/{pid}/cmdline").read()]
    check(not left, f"left behind: {left}")
    return run.returncode, err


def ctrl_c_leaves_nothing(folder):
    status, err = interrupted_at(folder, signal.SIGINT)
    check(status == 130, f"status {status}: {err}")


def a_killed_client_leaves_nothing(folder):
    status, _ = interrupted_at(folder, signal.SIGKILL)
    check(status == -signal.SIGKILL, f"status {status}")


main([the_same_as_on_threads, a_bundle_without_source_and_cache, a_failure_names_the_line, what_is_missing,
      a_service_that_refuses_invocations, an_executor_alone, a_time_out_leaves_nothing, ctrl_c_leaves_nothing,
      a_killed_client_leaves_nothing])
