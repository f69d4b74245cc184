#!/usr/bin/python3
"""The client of remote jobs (spec/client.md): counters, techniques switched off, jobs that are left to themselves,
attached to, listed and removed."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.request

import numpy as np

from harness import ROOT, SANITIZE, check, main, program, wkc
from servers import Server, free_port

SUM = """task f(i: int) -> int { return i * i }
flow main(n: int) -> int { return sum([f(i) for i in 0..n]) }"""
HALT = """task f(i: int) -> int { return i * i }
task wait(i: int, ms: int) -> int {
    var x = i
    for j in 0..(ms * 200000) { x = (x * 1103515245 + j) % 2147483648 }
    if x == -1 { return 0 }
    return i
}
flow main(n: int, ms: int) -> int { return sum([f(wait(i, ms)) for i in 0..n]) }"""

TILES = """task tile(i: int, j: int) -> f64[60, 50] { return [f64(i*100 + j) + f64(a*50 + b) / 8.0 for a in 0..60, b in 0..50] }
flow main() -> f64[_, _] { return untile([tile(i, j) for i in 0..3, j in 0..3]) }"""


def squares(n):
    return f"{sum(i * i for i in range(n))}\n"


class Emulator:
    """wkc emulator, in a process of its own; `env` holds its credentials."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen([SANITIZE, "emulator", "--port=0", "--json", "--retry-delay=300", *self.options],
                                        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        access = json.loads(self.process.stdout.readline())
        self.endpoint = f"--endpoint={access['endpoint']}"
        self.env = {"AWS_ACCESS_KEY_ID": access["access_key_id"], "AWS_SECRET_ACCESS_KEY": access["secret_access_key"]}
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=30)


def stats(run):
    check(run.status == 0, run.err)
    return json.loads(run.err)


def counters_are_exact(folder):
    """C1: 100 leaves and their sum."""
    source = program(folder, SUM)
    for world in ("loopback", "emulator"):
        run = wkc("run", source, "n=100", f"--on={world}", "--grain=1", "--stats=json")
        found = stats(run)
        expected = {"tasks_run": 101, "duplicate_runs": 0, "arrivals_own": 3, "arrivals_not": 99, "arrivals_stop": 0,
                    "sweeps": 0, "retries": 0, "becomes": 1}
        check(run.out == squares(100), run.out)
        check({k: found[k] for k in expected} == expected, f"{world}: {found}")
        check(found["executors"] == found["invocations"] > 0, f"{world}: {found}")
        check(found["store_commands"] >= found["store_round_trips"] >= 102, f"{world}: {found}")
        check(found["billed_seconds"] >= found["busy_seconds"] > 0, f"{world}: {found}")


def a_failed_job_has_counters(folder):
    """C1"""
    source = program(folder, 'task f(i: int) -> int { if i == 3 { fail("three") } return i }\n'
                             "flow main() -> int { return f(3) }")
    run = wkc("run", source, "--on=loopback", "--stats=json").fails(1, "error[E801]")
    check(json.loads(run.err[run.err.index("{\""):])["executors"] == 1, run.err)


def techniques_are_switched_off(folder):
    """C2"""
    source = program(folder, SUM)
    usual = stats(wkc("run", source, "n=40", "--on=loopback", "--grain=1", "--stats=json"))
    for names in ("become", "clustering", "delayed-io", "inline", "tree", "become,inline", "all"):
        run = wkc("run", source, "n=40", "--on=loopback", "--grain=1", f"--without={names}", "--stats=json")
        found = stats(run)
        check(run.out == squares(40), f"{names}: {run.out}")
        if names in ("become", "become,inline", "all"):
            check(found["becomes"] == 0 < usual["becomes"], f"{names}: {found}")
        if names in ("inline", "become,inline", "all"):
            check(41 >= found["store_writes"] >= 39 > usual["store_writes"], f"{names}: {found}")
    for wrong in ("bicome", "become,", "tree,,all"):
        run = wkc("run", source, "n=4", "--on=loopback", f"--without={wrong}")
        if wrong != "become,":
            run.fails(2, "delayed-io", "clustering")


def slow_stores_are_waited_for(folder):
    """C2: the own redis, each answer 20 ms later."""
    run = wkc("run", program(folder, SUM), "n=3", "--on=emulator", "--store-latency=20", "--stats=json")
    check(stats(run)["wall_seconds"] > 0.06 and run.out == squares(3), run.err)


def nothing_is_swept_without_faults(folder):
    """C3: though the run lasts longer than several walks take to come."""
    run = wkc("run", program(folder, SUM), "n=300", "--on=emulator", "--invoke-latency=50", "--sweep-age=2000",
              "--concurrency=2", "--stats=json", timeout=300)
    found = stats(run)
    check(run.out == squares(300) and found["sweeps"] == 0, str(found))


def a_job_left_to_itself(folder):
    """C4, C5, C6; X4.6"""
    source = program(folder, SUM)
    with Server(folder) as server, Emulator() as emulator:
        store = f"--store={server.address}"

        def run(*arguments):
            return wkc(*arguments, env=emulator.env)

        name = run("run", source, "n=10", "--on=emulator", store, emulator.endpoint, "--detach").out.strip()
        check(re.fullmatch("[a-z2-7]{26}", name), name)
        os.unlink(source)
        listed = run("clean", store).out.split()
        check(listed[0] == name and listed[1] in ("running", "done"), str(listed))
        found = run("attach", name, store, emulator.endpoint)
        check(found.status == 0 and found.out == squares(10), found.err)
        check(not server.left(), server.left())
        run("attach", name, store, emulator.endpoint).fails(1, "error[E884]", name)
        run("clean", store, name).fails(1, "error[E884]", name)
        tiles = program(folder, TILES)
        whole = wkc("run", tiles).json()
        for output in ([], ["-o", folder / "r.npy"]):
            name = run("run", tiles, "--on=emulator", store, emulator.endpoint, "--detach").out.strip()
            found = run("attach", name, store, emulator.endpoint, *output)
            check(found.status == 0, found.err)
        check(np.load(folder / "r.npy").tolist() == whole, "a result in pieces")


def jobs_are_removed(folder):
    """C6"""
    source = program(folder, HALT)
    with Server(folder) as server, Emulator() as emulator:
        store = f"--store={server.address}"
        submit = ("run", source, "n=2", "ms=60000", "--on=emulator", store, emulator.endpoint, "--detach")
        names = [wkc(*submit, env=emulator.env).out.strip() for _ in range(3)]
        check(len(set(names)) == 3, str(names))
        wkc("attach", names[0], store, "--timeout=300ms").fails(1, "error[E883]")
        listed = wkc("clean", store).out
        check(all(name in listed for name in names) and listed.count("running") == 3, listed)
        check(wkc("clean", store, names[0], emulator.endpoint, env=emulator.env).status == 0, "not removed")
        listed = wkc("clean", store).out
        check(names[0] not in listed and listed.count("\n") == 2, listed)
        check(wkc("clean", store, "--all", emulator.endpoint, env=emulator.env).status == 0, "not removed")
        check(wkc("clean", store).out == "", "jobs are left")
        for key in server.call("KEYS", "*").split():  # late heartbeats
            check(int(server.call("PTTL", key)) != -1, f"{key} lasts for ever")


def remains_are_removed(folder):
    """C6: what an executor wrote that came late, when its job had been removed already."""
    with Server(folder) as server:
        store = f"--store={server.address}"
        name, other = "a" * 26, "b" * 26
        for key in (f"{name}/5}}v:0:1:0:0", f"{name}/6}}r:0:1:0:2", f"{other}/7}}end", f"{other}/7}}h:0:1:0:0"):
            server.call("SET", "wkc:{" + key, "x", "PX", 600000)
        for arguments in ([name], ["--all"]):
            check(wkc("clean", store).out.split() == [name, "remains", "-"], wkc("clean", store).out)
            check(wkc("clean", store, *arguments).status == 0, "not removed")
            check(wkc("clean", store).out == "", wkc("clean", store).out)
            check(server.call("KEYS", f"wkc:{{{name}*") == "", "keys are left")
            server.call("SET", f"wkc:{{{name}/5}}v:0:1:0:0", "x", "PX", 600000)
        wkc("clean", store, other).fails(1, "error[E884]")


def at_work(emulator):
    with urllib.request.urlopen(emulator.endpoint.split("=")[1] + "/_wkc/state") as answer:
        return [e for e in json.load(answer)["environments"] if e["state"] == "busy"]


def wait_until(condition, what, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < until, what)
        time.sleep(0.05)


ENDLESS = """task f(i: int) -> int {
    var x = i
    while x >= 0 { x = (x * 1103515245 + 12345) % 2147483648 }
    return x
}
flow main(n: int) -> int { return sum([f(i) for i in 0..n]) }"""


def executors_outlive_their_job(folder):
    """C6, C7: a platform that lets them go on finds them stopped by the marks that stay: of a run that was interrupted,
    and of a job that was removed. Who waits for that is told."""
    source = program(folder, ENDLESS)
    with Server(folder) as server, Emulator("--concurrency=2") as emulator:
        store = f"--store={server.address}"
        arguments = ["run", source, "n=2", "--grain=1", "--on=emulator", store, emulator.endpoint, "--sweep-age=900"]
        for is_cleaned in (False, True):
            run = subprocess.Popen([SANITIZE, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=dict(os.environ, **emulator.env))
            wait_until(lambda: len(at_work(emulator)) == 2, "two executors do not begin")
            if is_cleaned:
                check(wkc("clean", store, "--all", emulator.endpoint, env=emulator.env).status == 0, "not removed")
            else:
                run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=30)
            check(run.returncode == (1 if is_cleaned else 130), f"{run.returncode}: {err}")
            check(not is_cleaned or "error[E8" in err, err)
            wait_until(lambda: not at_work(emulator), "executors of a job that has ended go on")
            wait_until(lambda: not server.left(), server.left(), 10)
            check(server.call("DBSIZE") != "0", "no marks are left for executors that come late")


def mistakes_of_the_command_line(folder):
    """C4, C5, C6"""
    source, name = program(folder, SUM), "a" * 26
    wkc("run", source, "n=1", "--on=emulator", "--detach").fails(2, "--store", "--endpoint")
    wkc("run", source, "n=1", "--detach").fails(2, "--on=emulator")
    wkc("attach", name).fails(2, "--store")
    wkc("attach", "--store=redis://127.0.0.1").fails(2, "name")
    wkc("attach", "nonsense", "--store=redis://127.0.0.1").fails(2, "nonsense")
    wkc("clean").fails(2, "--store")
    wkc("clean", "--store=redis://127.0.0.1", "A" * 26).fails(2, "no job's name")
    wkc("clean", "--store=redis://127.0.0.1", "--all", name).fails(2, "not both")
    wkc("clean", f"--store=redis://127.0.0.1:{free_port()}").fails(1, "error[E852]")


def an_attached_client_is_interrupted(folder):
    """C5: the job goes on, and another attaches."""
    source = program(folder, HALT)
    with Server(folder) as server, Emulator() as emulator:
        store = f"--store={server.address}"
        name = wkc("run", source, "n=3", "ms=500", "--on=emulator", store, emulator.endpoint, "--detach",
                   env=emulator.env).out.strip()
        first = subprocess.Popen([SANITIZE, "attach", name, store, emulator.endpoint], cwd=ROOT, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=dict(os.environ, **emulator.env))
        time.sleep(0.3)
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=30)
        was_interrupted = first.returncode in (130, -signal.SIGINT)  # or before it had begun
        check(was_interrupted or out == squares(3), f"status {first.returncode}: {err}")
        if was_interrupted:
            found = wkc("attach", name, store, emulator.endpoint, env=emulator.env)
            check(found.out == squares(3), found.err)
        check(not server.left(), server.left())


if __name__ == "__main__":
    main([counters_are_exact, a_failed_job_has_counters, techniques_are_switched_off, slow_stores_are_waited_for,
          nothing_is_swept_without_faults, a_job_left_to_itself, jobs_are_removed, remains_are_removed, executors_outlive_their_job,
          mistakes_of_the_command_line,
          an_attached_client_is_interrupted])
