#!/usr/bin/python3
"""Chaos: executors that are killed, servers that lose their data or fill up, clients that stand still, events that are
lost or come twice. Each job ends with the right result, or with a clear error, in time; and nothing is left behind: no
process, no key. With a number as argument: so many times over (make check). SEED chooses."""
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

from client import HALT, SUM, Emulator, at_work, squares, stats, wait_until
from harness import RELEASE, ROOT, SANITIZE, check, main, program, wkc
from processes import descendants, gone, processes
from servers import Server

TURNS = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 1
SEED = int(os.environ.get("SEED", "1"))


def start(*arguments, env=None):
    return subprocess.Popen([SANITIZE, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=dict(os.environ, **(env or {})))


def end(run, timeout=120):
    """Status, output and messages; a run that takes longer is ended, and is a failure."""
    try:
        out, err = run.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        below = descendants(run.pid)
        run.kill()
        run.communicate()
        check(False, f"no end within {timeout} s; it had {len(below)} processes")
    check("Sanitizer" not in err and "runtime error" not in err, err[:3000])
    return run.returncode, out, err


def executors_below(pid):
    below = descendants(pid)
    return [number for number, line in processes("bin/executor").items() if number in below]


def is_clean(server):
    for _ in range(50):
        if not server.left():
            return
        time.sleep(0.1)
    check(False, f"keys are left: {server.left()}")


def what_is_left_ends(server):
    """Late writes of executors that another platform still runs end with their time to live."""
    for key in server.call("KEYS", "*").split():
        check(int(server.call("PTTL", key)) != -1, f"{key} lasts for ever")


class Dam:
    """Passes on what clients and a server say to each other; from the first value that anybody stores on it keeps back what
    that client says, until it is opened."""
    SIGN = b"}v:"

    def __init__(self, port):
        self.port, self.is_full, self.is_open = port, threading.Event(), threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_open.set()
        self.listener.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            for one, other, is_dammed in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.carry, args=(one, other, is_dammed), daemon=True).start()

    def carry(self, one, other, is_dammed):
        last = b""
        try:
            while data := one.recv(1 << 16):
                if is_dammed and self.SIGN in last + data:
                    self.is_full.set()
                    self.is_open.wait()
                last = data[-len(self.SIGN):]
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of the two has gone


LARGE = """task f(i: int, n: int) -> f64[n] { return [f64(i + j) for j in 0..n] }
task g(x: f64[_], y: f64[_]) -> f64 { return sum(x) + sum(y) }
flow main(n: int) -> f64 { return g(f(0, n), f(1, n)) }"""


def an_executor_stands_still(folder):
    """S1.12, C6: while it stores a value, whole or in chunks. Its job is cancelled and removed; when it goes on, no key is
    left either."""
    source = program(folder, LARGE)
    for n in (5000, 500000):
        with Server(folder) as server, Dam(server.port) as dam, Emulator("--concurrency=1") as emulator:
            run = start("run", source, f"n={n}", "-O0", "--on=emulator", f"--store={dam.address}", emulator.endpoint,
                        "--without=all", "--sweep-age=600000", env=emulator.env)
            check(dam.is_full.wait(60), "no value is stored")
            executors = executors_below(emulator.process.pid)
            for pid in executors:
                os.kill(pid, signal.SIGSTOP)
            run.send_signal(signal.SIGINT)
            status, _, err = end(run)
            check(executors and status == 130 and not server.left(), f"{executors} {status} {server.left()} {err}")
            dam.is_open.set()
            for pid in executors:
                os.kill(pid, signal.SIGCONT)
            wait_until(lambda: not at_work(emulator), "the executor of a job that has ended goes on")
            check(not server.left(), f"keys are left: {server.left()}")


NEAR_C = """
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wk.h>
WK_TASK(near)
{
    int64_t mb = wk_take_int(&arguments);
    char *memory = malloc((size_t)mb << 20);
    memset(memory, 1, (size_t)mb << 20);
    while (access("GO", F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    wk_give_int(&results, memory[((size_t)mb << 20) - 1]);
    free(memory);
    (void)context;
    return 0;
}
"""


def a_word_is_taken_back(folder):
    """X1.8: an executor that comes near the end of its memory, and is not killed, leaves word while its task runs, and none when
    it has run: or else later runs of the task, of which one is killed, would take it for too large."""
    source = program(folder, 'extern task near(mb: int) -> int from "f.c"\nflow main(mb: int) -> int { return near(mb) }')
    (folder / "f.c").write_text(NEAR_C.replace("GO", f"{folder}/go"))
    with Server(folder) as server, Emulator("--concurrency=1") as emulator:
        store = f"--store={server.address}"

        def words():
            return [server.call("GETRANGE", key, 1, 1) for key in server.call("KEYS", "wkc:{*}w:*").split()]
        name = wkc("run", source, "mb=112", "--on=emulator", store, emulator.endpoint, "--memory=128MiB", "--detach",
                   env=emulator.env, binary=RELEASE).out.strip()
        wait_until(lambda: words() == ["\x01"], "no word is left", 60)
        (folder / "go").touch()
        wait_until(lambda: wkc("clean", store).out.split()[:2] == [name, "done"], "the job does not end", 60)
        wait_until(lambda: not at_work(emulator), "its executor does not end", 60)
        check(words() == ["\0"], f"the word stands: {words()}")


def are_killed(folder, source, expected, *options):
    all_killed = 0
    for turn in range(TURNS):
        chance = random.Random(SEED + turn)
        with Server(folder) as server, Emulator("--concurrency=3") as emulator:
            run = start("run", source, *options, "--on=emulator", f"--store={server.address}", emulator.endpoint,
                        "--sweep-age=1500", "--timeout=100s", env=emulator.env)
            killed = 0
            while run.poll() is None and killed < 8:
                time.sleep(chance.uniform(0.02, 0.4))
                found = executors_below(emulator.process.pid)
                if found:
                    try:
                        os.kill(chance.choice(found), signal.SIGKILL)
                        killed += 1
                    except ProcessLookupError:
                        pass
            status, out, err = end(run)
            check(status == 0 and out == expected, f"seed {SEED + turn}, {killed} killed: {status} {err}")
            all_killed += killed
            is_clean(server)
    check(all_killed > 0, "nobody was killed")


def executors_are_killed(folder):
    """C3: whatever they were doing; the platform retries twice, the client sweeps the rest."""
    are_killed(folder, program(folder, HALT), squares(12), "n=12", "ms=250")


TILES = """task first(i: int) -> f64[1000] { return [f64(i * 1000 + j) for j in 0..1000] }
task step(cells: f64[n], left: f64[2], right: f64, ms: int) -> f64[n] {
    var x = 1
    for j in 0..(ms * 200000) { x = (x * 1103515245 + j) % 2147483648 }
    return [0.5 * cells[i] + (if i > 1 { cells[i - 2] } else { left[i] }) - 0.25 * right + (if x == -1 { 1.0 } else { 0.0 }) for i in 0..n]
}
flow main(k: int, turns: int, ms: int) -> f64[_][_] {
    var g = [first(i) for i in 0..k]
    for _ in 0..turns { g = [step(g[i], g[(i + k - 1) % k][998..1000], g[(i + 1) % k][0], ms) for i in 0..k] }
    return [tile[0..300] for tile in g]
}"""


def who_holds_slices_is_killed(folder):
    """C3, X2.5: of tiles the borders travel, inline, and are lost with those who got them."""
    source = program(folder, TILES)
    expected = wkc("run", source, "k=5", "turns=5", "ms=0").out
    for options in ((), ("--without=delayed-io,clustering",)):
        are_killed(folder, source, expected, "k=5", "turns=5", "ms=60", "--disable=affinity", *options)


def events_are_lost(folder):
    """C3: a fifth of them, which nothing but the sweeper brings back; and some come twice."""
    source = program(folder, SUM)
    for turn in range(TURNS):
        with Emulator("--concurrency=3", "--drop=20", "--duplicate=10", f"--seed={SEED + turn}") as emulator, \
                Server(folder) as server:
            run = wkc("run", source, "n=40", "-O0", "--grain=1", "--on=emulator", f"--store={server.address}", emulator.endpoint,
                      "--sweep-age=800", "--timeout=100s", "--stats=json", env=emulator.env)
            found = stats(run)
            check(run.out == squares(40), f"seed {SEED + turn}: {run.out}")
            check(found["sweeps"] > 0, f"seed {SEED + turn}: {found}")
            is_clean(server)


def events_of_a_wide_job_are_lost(folder):
    """C3: what a walk asks for is read in pages."""
    source = program(folder, SUM)
    with Emulator("--concurrency=3", "--drop=4", f"--seed={SEED}") as emulator, Server(folder) as server:
        run = wkc("run", source, "n=9000", "-O0", "--grain=64", "--on=emulator", f"--store={server.address}", emulator.endpoint,
                  "--sweep-age=800", "--timeout=100s", "--stats=json", env=emulator.env)
        check(run.out == squares(9000), run.err)
        check(stats(run)["sweeps"] > 0, run.err)


def no_event_arrives(folder):
    """C3: a platform that accepts all and runs nothing."""
    with Emulator("--drop=100") as emulator, Server(folder) as server:
        wkc("run", program(folder, SUM), "n=2", "--on=emulator", f"--store={server.address}", emulator.endpoint,
            "--sweep-age=20", env=emulator.env).fails(1, "error[E891]", "'f'")
        wkc("run", program(folder, SUM), "n=2", "--on=emulator", f"--store={server.address}", emulator.endpoint,
            "--timeout=1s", env=emulator.env).fails(1, "error[E883]", "'f'")
        is_clean(server)


def run_and_restart(folder, *options):
    source = program(folder, HALT)
    with Server(folder, *options) as server, Emulator("--concurrency=2") as emulator:
        run = start("run", source, "n=6", "ms=1000", "--on=emulator", f"--store={server.address}", emulator.endpoint,
                    "--sweep-age=2000", "--timeout=100s", env=emulator.env)
        while server.call("DBSIZE") == "0":
            time.sleep(0.05)
        time.sleep(0.5)
        server.restart()
        ended = end(run)
        what_is_left_ends(server)
    return ended


def a_server_loses_its_data(folder):
    """C7"""
    status, out, err = run_and_restart(folder)
    check(status == 1 and out == "" and "error[E884]" in err, f"{status} {out} {err}")


def a_server_keeps_its_data(folder):
    """C7: it was killed, and comes back with all that it had acknowledged."""
    status, out, err = run_and_restart(folder, "--appendonly", "yes", "--appendfsync", "always")
    check(status == 0 and out == squares(6), f"{status} {err}")


def a_client_stands_still(folder):
    """C5: the executors need no client; it may go on, or another takes its place."""
    source = program(folder, HALT)
    with Server(folder) as server, Emulator() as emulator:
        store = f"--store={server.address}"
        for is_replaced in (False, True):
            run = start("run", source, "n=3", "ms=100", "--on=emulator", store, emulator.endpoint, env=emulator.env)
            until = time.monotonic() + 30
            while not executors_below(emulator.process.pid) and time.monotonic() < until:
                time.sleep(0.02)
            run.send_signal(signal.SIGSTOP)
            while (listed := wkc("clean", store).out.split())[1:2] == ["running"] and time.monotonic() < until:
                time.sleep(0.1)
            check(listed[1:2] == ["done"], f"without its client the job is {listed}")
            if is_replaced:
                run.kill()
                run.communicate()
                run = start("attach", listed[0], store, emulator.endpoint, env=emulator.env)
            run.send_signal(signal.SIGCONT)
            status, out, err = end(run)
            check(status == 0 and out == squares(3), f"{status} {err}")
            is_clean(server)


def a_store_that_is_full(folder):
    """C7"""
    source = program(folder, "task f(i: int) -> f64[500000] { return [f64(i + j) for j in 0..500000] }\n"
                             "task g(x: f64[500000]) -> f64 { return sum(x) }\n"
                             "flow main(n: int) -> f64 { return sum([g(f(i)) + g(f(i + 1)) for i in 0..n]) }")
    with Server(folder, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction") as server, \
            Emulator("--concurrency=2") as emulator:
        run = start("run", source, "n=20", "-O0", "--on=emulator", f"--store={server.address}", emulator.endpoint,
                    "--without=all", "--sweep-age=500", "--timeout=20s", env=emulator.env)
        status, out, err = end(run)
        check(status == 1 and out == "" and "error[E8" in err, f"{status} {out} {err}")
        is_clean(server)


def a_store_that_refuses(folder):
    """C7: its password is changed while the job runs."""
    source = program(folder, HALT)
    with Server(folder) as server, Emulator("--concurrency=2") as emulator:
        run = start("run", source, "n=4", "ms=500", "--on=emulator", f"--store={server.address}", emulator.endpoint,
                    "--sweep-age=1000", "--timeout=60s", env=emulator.env)
        while server.call("DBSIZE") == "0":
            time.sleep(0.05)
        server.call("CONFIG", "SET", "requirepass", "x")
        server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no", password="x")
        status, out, err = end(run)
        check(status == 1 and out == "" and "error[E85" in err, f"{status} {out} {err}")


def a_client_stands_still_with_its_own_platform(folder):
    """C5, C8: what the client has started for itself runs on without it."""
    source = program(folder, HALT)
    run = start("run", source, "n=4", "ms=100", "--on=emulator", "--grain=1", "--sweep-age=600000")
    until = time.monotonic() + 60
    while not executors_below(run.pid) and time.monotonic() < until:
        time.sleep(0.02)
    run.send_signal(signal.SIGSTOP)
    port = next(line.split(":")[-1].split()[0] for pid, line in processes("redis-server").items() if pid in descendants(run.pid))
    store = f"--store=redis://127.0.0.1:{port}"
    while (listed := wkc("clean", store).out.split())[1:2] == ["running"] and time.monotonic() < until:
        time.sleep(0.1)
    below = descendants(run.pid)
    run.send_signal(signal.SIGCONT)
    status, out, err = end(run)
    check(listed[1:2] == ["done"], f"without its client the job is {listed}")
    check(status == 0 and out == squares(4), f"{status} {err}")
    gone(below)


def one_environment_is_enough(folder):
    """C3: no executor waits for another that cannot begin: every example."""
    import numpy as np
    chance = np.random.default_rng(SEED)
    a = chance.standard_normal((90, 90))
    np.save(folder / "a.npy", a)
    np.save(folder / "s.npy", a @ a.T + 90 * np.eye(90))
    np.save(folder / "xs.npy", chance.integers(-1000, 1000, 2000))
    (folder / "x").write_bytes(chance.bytes(3000).replace(b"\0", b"a"))
    examples = {
        "harmonic": ["parts=30"], "pi": ["parts=40"], "heat": [], "kmeans": ["points=examples/data/iris.npy", "k=3"],
        "cholesky": [f"a={folder}/s.npy", "tile=20"], "gemm": [f"a={folder}/a.npy", f"b={folder}/s.npy", "tile=30"],
        "columns": ["table=examples/data/iris.npy"], "editdistance": [f"a={folder}/x", f"b=LICENSE", "size=1000"],
        "histogram": ["data=LICENSE", "part=1000"], "logs": ["logs=LICENSE", "part=1000"],
        "mandelbrot": ["width=60", "height=48", "limit=100"], "montecarlo": ["parts=12", "pairs=1000"],
        "prefix": [f"xs={folder}/xs.npy", "block=97"], "table": ["rows=1234", "cols=3"],
        "weather": ["days=examples/data/seattle-weather.csv"], "wordcount": ["corpus=LICENSE", "part=1000"]}
    check(set(examples) == {path.stem for path in (ROOT / "examples").glob("*.wk")}, "an example is missing here")
    for name, arguments in examples.items():
        path = f"examples/{name}.wk"
        expected = wkc("run", path, *arguments)
        found = wkc("run", path, "--on=emulator", "--concurrency=1", "--stats=json", *arguments)
        check(found.status == 0 == expected.status and found.out == expected.out, f"{name}: {expected.err} {found.err}")
        check(stats(found)["sweeps"] == 0, f"{name}: {found.err}")


main([executors_are_killed, who_holds_slices_is_killed, an_executor_stands_still, a_word_is_taken_back, events_are_lost, events_of_a_wide_job_are_lost, no_event_arrives, a_server_loses_its_data, a_server_keeps_its_data,
      a_client_stands_still,
      a_client_stands_still_with_its_own_platform, a_store_that_is_full, a_store_that_refuses, one_environment_is_enough])
