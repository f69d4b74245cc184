#!/usr/bin/env python3
"""Stores against real servers: the conformance test on Redis plain, with TLS, passwords and
databases, and as a cluster; servers that refuse, fill up, stop, die, or answer nonsense; and work
(tests/unit/store_work.c) that must come out right although all that happens in its middle.

    tests/stores.py [TEST...]
"""
import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time

from harness import ROOT, check, main
from servers import Cluster, Server, free_port, make_certificates

UNIT = ROOT / "build/sanitize/unit"


def run(program, *arguments, timeout=300):
    done = subprocess.run([UNIT / program, *arguments], capture_output=True, text=True,
                          timeout=timeout)
    check(done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stdout[-500:]}{done.stderr[-3000:]}")
    return done.stdout


def leaves_no_key(*servers):
    for server in servers:
        check(server.call("DBSIZE") == "0", f"keys are left: {server.call('KEYS', '*')[:500]}")


def plain(folder):
    with Server(folder) as server:
        run("store_conformance", server.address, f"fault:7:300:{server.address}")
        leaves_no_key(server)


def with_password_and_database(folder):
    with Server(folder, "--requirepass", "x") as server:
        server.call("ACL", "SETUSER", "wkc", "on", ">p@ss:/%", "~wkc:*", "&wkc:*", "+@all",
                    password="x")
        host = f"127.0.0.1:{server.port}"
        run("store_conformance", f"redis://wkc:p%40ss%3a%2f%25@{host}/3", f"redis://:x@{host}")


def with_tls(folder):
    with Server(folder, tls="server") as server:
        run("store_conformance", server.address,
            f"rediss://localhost:{server.port}?ca={folder}/ca.crt")
        leaves_no_key(server)


def cluster(folder):
    with Cluster(folder) as servers:
        run("store_conformance", servers.address, servers.address + "?cluster=1")
        leaves_no_key(*servers.servers)
        run("store_conformance", servers.servers[1].address)


def cluster_with_tls(folder):
    with Cluster(folder, tls="server") as servers:
        run("store_conformance", servers.address)
        leaves_no_key(*servers.servers)


def rules_in_lua_and_c(folder):
    """Random sequences, answered by the scripts and by executor/join.c; SEED chooses others."""
    with Server(folder) as server:
        run("store_differential", server.address, os.environ.get("SEED", "1"), "1500")
        leaves_no_key(server)


# ---- Errors ----------------------------------------------------------------------------------


def call(address, step="put", timeout=1000, size=10, job="a" * 26):
    """One request of store_work: what it prints, and the milliseconds it took."""
    done = subprocess.run([UNIT / "store_work", address, step, str(timeout), str(size)],
                          capture_output=True, text=True, timeout=60, env=dict(os.environ, JOB=job))
    check(done.stderr == "", done.stderr[-3000:])
    answer, *rest = done.stdout.splitlines()
    return answer, int(rest[0].split()[0]) if rest else 0


def expect(found, *texts):
    for text in texts:
        check(text in found[0], f"no {text!r} in {found[0]!r}")


def addresses(folder):
    for address, text in ((":x@host", "user without"), ("redis://u@host", "user without"),
                          ("redis://u:@host", "empty password"), ("redis://:1", "no host"),
                          ("redis://host:x", "port"), ("redis://host:99999", "port"),
                          ("redis://[::1", "']'"), ("redis://host/x", "database"),
                          ("redis://host:1x", "more"), ("redis://host?what=1", "option")):
        expect(call(address), "E851", text if address.startswith("redis") else "not the address")


def unreachable(folder):
    expect(call(f"redis://127.0.0.1:{free_port()}", timeout=300), "E852", "Connection refused")
    expect(call("redis://no-such-host.invalid", timeout=300), "E852", "cannot be found")


def refused(folder):
    with Server(folder, "--requirepass", "x", "--databases", "4") as server:
        host = f"127.0.0.1:{server.port}"
        expect(call(f"redis://{host}"), "E854", "NOAUTH")
        expect(call(f"redis://:y@{host}"), "E854", "WRONGPASS")
        expect(call(f"redis://:x@{host}/9"), "E854", "DB index is out of range")
        expect(call(f"redis://:x@{host}/3"), "ok")
        server.call("ACL", "SETUSER", "reader", "on", ">r", "~*", "+@read", "+auth", password="x")
        expect(call(f"redis://reader:r@{host}"), "E854", "NOPERM")
        expect(call(f"redis://:x@{host}", "begin"), "ok")
        expect(call(f"redis://reader:r@{host}", "status"), "ok 1")


def replica_may_not_be_written(folder):
    with Server(folder) as master, Server(folder, "--replicaof", "127.0.0.1", str(master.port)) as server:
        time.sleep(0.5)
        answer = call(server.address, timeout=400)
        expect(answer, "E854", "READONLY")
        check(answer[1] >= 400, "it was not tried again: a replica can become a master")


def full(folder):
    with Server(folder, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction") as server:
        expect(call(server.address, size=1 << 20), "ok")
        expect(call(server.address, size=3 << 20), "E855", "memory of 127.0.0.1", "is full")
        expect(call(server.address, "get"), "ok 1048576 right")  # as it was


def fills_up_in_the_middle(folder):
    """Work that fills the memory ends with that error; when there is room again, it goes on."""
    with Server(folder, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction") as server:
        done = subprocess.run([UNIT / "store_work", server.address, "work", "20000"],
                              capture_output=True, text=True, timeout=60)
        check(done.returncode == 1 and "E855" in done.stderr and "Sanitizer" not in done.stderr,
              done.stderr[-2000:])
        server.call("CONFIG", "SET", "maxmemory", "0")
        run("store_work", server.address, "work", "300")


def torn(address, *actions):
    """store_work's `torn`: what it prints before, and after the actions."""
    process = subprocess.Popen([UNIT / "store_work", address, "torn", "300"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stdout.readline().strip()
    for action in actions:
        action()
    out, err = process.communicate("go\n", timeout=60)
    check(process.returncode == 0 and err == "", err[-3000:])
    return first, out.strip()


def large_values_given_up(folder):
    """A request that ends while half of its value is on the way: the connection must not send the
    rest, which is no longer there, nor read what comes into memory that is the request's no more."""
    for tls in (None, "server"):
        with Server(folder, tls=tls) as server:
            run("store_work", server.address, "put", "5000")  # scripts and code are warm
            server.signal(signal.SIGSTOP)
            found = torn(server.address, lambda: server.signal(signal.SIGCONT))
            check(found == ("E853", "right"), str(found))

    def answer(connection, _):
        connection.recv(1 << 16)
        connection.sendall(b"$3000000\r\nV" + b"x" * 100000)
        for _ in range(80):
            time.sleep(0.01)
            connection.sendall(b"x" * 10000)
    with fake(answer) as address:
        expect(call(address, "linger", timeout=300), "E853")


def silent(folder):
    with Server(folder) as server:
        expect(call(server.address), "ok")
        server.signal(signal.SIGSTOP)
        answer = call(server.address, timeout=700)
        expect(answer, "E853", "does not answer")
        check(700 <= answer[1] < 1500, f"took {answer[1]} ms")
        server.signal(signal.SIGCONT)
        expect(call(server.address), "ok")


def loading(folder):
    """A server that reads its data answers LOADING: it is waited for."""
    with Server(folder, "--key-load-delay", "3000", "--enable-debug-command", "yes",
                "--loading-process-events-interval-bytes", "1024") as server:
        server.call("DEBUG", "POPULATE", 2000)
        server.call("SAVE")
        server.restart()
        expect(call(server.address, timeout=1000), "E853", "LOADING")
        expect(call(server.address, timeout=30000), "ok")


def certificates(folder):
    make_certificates(folder)
    with Server(folder, tls="server") as server:
        host = f"127.0.0.1:{server.port}"
        expect(call(server.address), "ok")
        expect(call(f"rediss://{host}"), "E859", "certificate")  # the system does not trust it
        expect(call(f"rediss://{host}?ca={folder}/none"), "E859", "no certificates can be read")
        expect(call(f"redis://{host}", timeout=300), "E8")  # plain to a server of TLS
    with Server(folder, tls="other") as server:
        expect(call(server.address), "E859", "mismatch")
    with Server(folder) as server:
        expect(call(f"rediss://127.0.0.1:{server.port}", timeout=300), "E8")


# ---- Servers that are none --------------------------------------------------------------------


@contextlib.contextmanager
def fake(answer):
    """A server that gives `answer`, a function of the socket and the number of the connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    count = 0

    def serve():
        nonlocal count
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                with contextlib.suppress(OSError):
                    answer(connection, count)
            count += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def says(*texts):
    """Each request is answered by the next text, then the connection is closed."""
    def answer(connection, _):
        for text in texts:
            connection.recv(1 << 16)
            connection.sendall(text)
        time.sleep(0.05)
    return answer


NONSENSE = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01\x02", b"$-5\r\n", b"$99999999999999999999\r\n",
            b"*99999999\r\n", b":1x\r\n", b":99999999999999999999\r\n", b"+OK\n", b"$3\r\nabcdef\r\n",
            b"*1\r\n" * 20, b"*-2\r\n", b"?\r\n", b"*3\r\n:1\r\n:2\r\n%1\r\n", b"\r\n", b"\0" * 100]
WRONG = [b"$5\r\nhello\r\n", b"*0\r\n", b"*1\r\n*1\r\n*0\r\n", b"$1\r\nX\r\n", b"$2\r\nC1\r\n",
         b"$20\r\nC99999999999999999 1\r\n", b"$5\r\nC10 0\r\n", b"$20000\r\nC" + b"1" * 19999 + b"\r\n",
         b"$20000\r\n" + b"X" * 20000 + b"\r\n", b":7\r\n"]


def nonsense(folder):
    for text in NONSENSE:
        with fake(says(text)) as address:
            expect(call(address, "get", timeout=400), "E856")
    for text in WRONG:
        for step in ("get", "begin", "settle", "status"):
            with fake(says(text)) as address:
                answer = call(address, step, timeout=400)
                right = (step == "status" and text == b"*0\r\n") or \
                        (step == "begin" and text == b":7\r\n")
                expect(answer, "ok" if right else "E856")


def garbled(folder):
    """Answers put together at random, cut at random: any end but a crash, or a wait beyond the time."""
    chance = random.Random(os.environ.get("SEED", "1"))
    parts = [b"$", b"*", b"+OK\r\n", b"\r\n", b":1\r\n", b"$-1\r\n", b"$20000\r\nV", b"x" * 20000, b"$5\r\nVabcd\r\n",
             b"-MOVED 1 127.0.0.1:1\r\n", b"-ASK 1 :1\r\n", b"-LOADING\r\n", b"-NOSCRIPT\r\n", b"*3\r\n:0\r\n:1\r\n*0\r\n",
             b"$18\r\nC20000000 10000000\r\n", b"*2\r\n$1\r\n0\r\n*0\r\n", b"\0", b"9"]
    for _ in range(100):
        texts = [b"".join(chance.choices(parts, k=chance.randrange(1, 6)))
                 for _ in range(chance.randrange(1, 5))]
        if chance.random() < 0.3:
            texts[-1] = texts[-1][:chance.randrange(len(texts[-1]))]
        step = chance.choice(["get", "linger", "put", "begin", "settle", "status", "ask", "arrive", "beat",
                              "passed", "read", "count", "remove", "extend", "jobs"])
        with fake(says(*texts)) as address:
            found = call(address, step, timeout=150)
            check(found[0].startswith(("ok", "E85")) and found[1] < 1500, f"{texts} {step}: {found}")


def cut_off(folder):
    """Truncated answers: the connection is made again, until the time is up."""
    for text in (b"", b"$", b"$10\r\nVab", b"$40000\r\nV" + b"x" * 100, b"$40000\r\n", b"*2\r\n$1\r\n"):
        with fake(says(text)) as address:
            answer = call(address, "get", timeout=400)
            expect(answer, "E85")
            check(400 <= answer[1] < 2000 and answer[0][:4] in ("E852", "E853"), str(answer))


def redirections_that_lead_nowhere(folder):
    port = free_port()
    for text in (b"-MOVED 1 127.0.0.1:%d\r\n" % port, b"-MOVED\r\n", b"-MOVED 99999 x:1\r\n", b"-ASK 5\r\n",
                 b"-MOVED 5 :::\r\n", b"-ASK 5 127.0.0.1:%d\r\n" % port, b"-MOVED 1 \r\n",
                 b"-MOVED 7 " + b"h" * 400 + b":7\r\n"):
        with fake(says(text)) as address:
            answer = call(address, "get", timeout=500)
            check(answer[0][:4] in ("E852", "E853", "E854"), str(answer))


def slow(folder):
    """An answer byte by byte is an answer."""
    def answer(connection, _):
        connection.recv(1 << 16)
        for byte in b"$20001\r\nV":
            connection.sendall(bytes([byte]))
            time.sleep(0.005)
        connection.sendall(b"x" * 10000)
        time.sleep(0.05)
        connection.sendall(b"x" * 10000 + b"\r")
        time.sleep(0.05)
        connection.sendall(b"\n")
        time.sleep(0.1)
    with fake(answer) as address:
        expect(call(address, "get", timeout=3000), "ok 20000 wrong")


def asked_too_early(folder):
    """S1.12: a SET that had to be sent again is behind the question whether its job was removed, which is put once more."""
    heard = []

    def answer(connection, _):
        for keys, text in ((3, b"-LOADING\r\n:2\r\n"), (1, b"+OK\r\n"), (2, b":3\r\n")):
            data = b""
            while data.count(b"wkc:{") < keys or not data.endswith(b"\r\n"):
                if not (more := connection.recv(1 << 16)):
                    return
                data += more
            heard.append((b"SET\r\n" in data, b"EVALSHA" in data))
            connection.sendall(text)
    with fake(answer) as address:
        expect(call(address, "put"), "ok")
    check(heard == [(True, True), (True, False), (False, True)], str(heard))


# ---- Work that is disturbed -------------------------------------------------------------------


@contextlib.contextmanager
def working(address, seed=os.environ.get("SEED", "1")):
    """Runs store_work while the body harms its server, from its first join on to the body's end, however long that takes on this
    machine; it must come out right."""
    process = subprocess.Popen([UNIT / "store_work", address, "work", str(seed)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result = {"process": process}
    try:
        check(process.stdout.readline() == "begun\n", "the work does not begin")
        yield result
        out, err = process.communicate(timeout=120)
    except BaseException:
        process.kill()
        process.wait()
        raise
    check(process.returncode == 0, f"{out[-500:]}{err[-3000:]}")
    words = out.replace(",", "").split()
    result.update({word: int(number) for number, word in zip(words[1::2], words[2::2])})
    check(result["joins"] >= 40, out)


def server_killed_and_restarted(folder):
    """With its data kept: what it has acknowledged is there again."""
    with Server(folder, "--appendonly", "yes", "--appendfsync", "always") as server:
        with working(server.address) as result:
            for _ in range(3):
                server.restart()
                time.sleep(0.6)
        check(result["reconnects"] >= 3 and result["repeats"] > 0, str(result))


def many_arrive_at_once(folder):
    """Processes that arrive at the same joins, while their connections are cut: of each join one is
    the owner, no more and no less."""
    def race(server, address):
        job = dict(os.environ, JOB="r" * 26)
        racers = [subprocess.Popen([UNIT / "store_work", address, "race", str(i), "5"], env=job,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                  for i in range(5)]
        for _ in range(10):
            server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(0.03)
        owned = 0
        for racer in racers:
            out, err = racer.communicate(timeout=120)
            check(racer.returncode == 0, err[-3000:])
            owned += int(out)
        check(owned == 2000, f"2,000 joins have {owned} owners")

    with Server(folder) as server:
        race(server, server.address)
    with Cluster(folder) as cluster:
        race(cluster.servers[1], cluster.address)


def server_that_forgot(folder):
    """Restarted without its data: a clear error."""
    with Server(folder) as server:
        expect(call(server.address, "put"), "ok")
        expect(call(server.address, "begin"), "ok")
        server.restart()
        expect(call(server.address, "get"), "E857", "node 1")
        expect(call(server.address, "status"), "ok 0")


def server_paused(folder):
    with Server(folder) as server:
        with working(server.address) as result:
            for pause in (0.3, 6):  # beyond what is taken for a dead connection
                server.signal(signal.SIGSTOP)
                time.sleep(pause)
                server.signal(signal.SIGCONT)
                time.sleep(0.3)
        check(result["reconnects"] >= 1, str(result))


def clients_killed(folder):
    for tls in (None, "server"):
        with Server(folder, tls=tls) as server:
            with working(server.address) as result:
                for _ in range(20):
                    server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                    time.sleep(0.08)
            check(result["reconnects"] >= 4 and result["repeats"] > 0, str(result))


def client_frozen(folder):
    """As between two events of a function; its connections die meanwhile."""
    with Server(folder) as server:
        with working(server.address) as result:
            for seconds in (0.5, 6):
                result["process"].send_signal(signal.SIGSTOP)
                server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                time.sleep(seconds)
                result["process"].send_signal(signal.SIGCONT)
                time.sleep(0.4)
        check(result["reconnects"] >= 2, str(result))


def scripts_flushed(folder):
    with Server(folder) as server:
        with working(server.address):
            for _ in range(30):
                server.call("SCRIPT", "FLUSH")


def move_slot(slot, source, target):
    ids = {s: s.call("CLUSTER", "MYID") for s in (source, target)}
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    time.sleep(0.02)  # keys there and here
    while True:
        keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, 100).split()
        if not keys:
            break
        source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
    for server in (target, source):
        server.call("CLUSTER", "SETSLOT", slot, "NODE", ids[target])


def slots_migrated(folder):
    with Cluster(folder) as cluster:
        a, b, c = cluster.servers
        with working(cluster.address) as result:
            moved = 0
            while moved < 12:  # of those that are in use now
                slots = {a.call("CLUSTER", "KEYSLOT", key) for key in a.call("KEYS", "wkc:*").split()[:4]}
                for slot in slots:
                    move_slot(slot, a, (b, c)[moved % 2])
                    moved += 1
        leaves_no_key(a, b, c)


def cluster_server_restarted(folder):
    with Cluster(folder, options=("--appendonly", "yes", "--appendfsync", "always")) as cluster:
        with working(cluster.address) as result:
            cluster.servers[1].restart()
            time.sleep(1)
            cluster.servers[2].restart()
        check(result["reconnects"] >= 2, str(result))


def replica_takes_over(folder):
    """The server of a third of the slots dies: its work waits until a replica has its place."""
    with Cluster(folder) as cluster:
        cluster.add_replica(cluster.servers[1])
        cluster.servers[1].stop()
        run("store_work", cluster.address, "work", "1000")
        check("cluster_state:ok" in cluster.servers[0].call("CLUSTER", "INFO"), "no failover")
        leaves_no_key(*cluster.servers[:1], *cluster.servers[2:])


TESTS = [plain, with_password_and_database, with_tls, cluster, cluster_with_tls, rules_in_lua_and_c, addresses,
         unreachable, refused, replica_may_not_be_written, full, fills_up_in_the_middle, large_values_given_up,
         silent, loading, certificates,
         nonsense, garbled, cut_off, redirections_that_lead_nowhere, slow, asked_too_early, many_arrive_at_once,
         server_killed_and_restarted,
         server_that_forgot, server_paused, clients_killed, client_frozen,
         scripts_flushed, slots_migrated,
         cluster_server_restarted, replica_takes_over]

if __name__ == "__main__":
    main(TESTS)
