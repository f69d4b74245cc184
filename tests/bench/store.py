"""The group `store`: arrivals and values on a redis-server of this machine, against redis-benchmark's
round trips on the same server, in turn."""
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from servers import Server, have_redis  # noqa: E402

TURNS = 7


def ours(server, *arguments):
    done = subprocess.run(["build/release/bench/store", server.address, *map(str, arguments)],
                          capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def benchmark(server, *arguments):
    """Seconds for one request of redis-benchmark, one connection, nothing pipelined."""
    done = subprocess.run(["redis-benchmark", "-p", str(server.port), "-c", "1", "--csv",
                           *map(str, arguments)], capture_output=True, text=True, check=True)
    return 1 / float(re.findall(r'"([0-9.]+)"', done.stdout)[0])


def row(name, peer, our_times, peer_times, **more):
    our_times, peer_times = sorted(our_times), sorted(peer_times)
    middle, peer_middle = statistics.median(our_times), statistics.median(peer_times)
    return {"name": name, "peer": peer, "median": middle, "min": our_times[0], "max": our_times[-1],
            "peer_median": peer_middle, "peer_min": peer_times[0], "peer_max": peer_times[-1],
            "ratio": middle / peer_middle, **more}


def fan_in(server):
    times, trips, scripts = [], [], []
    script = server.call("SCRIPT", "LOAD", "return redis.call('EXISTS', KEYS[1])")
    for _ in range(TURNS):
        seconds, commands, awaited = ours(server, "fan-in", 4096)
        times.append(seconds)
        trips.append(benchmark(server, "-n", 8000, "-t", "get"))
        scripts.append(benchmark(server, "-n", 8000, "EVALSHA", script, 1, "k"))
    yield row("store arrival, tree of 4,096", "GET", times, trips)
    yield row("store arrival, tree of 4,096", "EVALSHA of one EXISTS", times, scripts)
    yield {"name": "store commands an arrival", "number": commands, "reach_number": 1.5}
    yield {"name": "store round trips awaited", "number": awaited, "reach_number": 1.0}


def values(server):
    for size, count in ((1 << 20, 100), (64 << 20, 4)):
        for step, command in (("put", "set"), ("get", "get")):
            times, peers = [], []
            for _ in range(TURNS):
                times += ours(server, step, size, count)
                if step == "get":
                    benchmark(server, "-n", 1, "-d", size, "-t", "set")
                peers.append(benchmark(server, "-n", count, "-d", size, "-t", command))
            yield row(f"store {step} of {size >> 20} MiB", f"redis-benchmark, {command.upper()}", times, peers)


def store():
    if not have_redis():
        print("skipped store: redis-server is not installed", file=sys.stderr)
        return
    subprocess.run(["make", "-s", "build/release/bench/store"], check=True)
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        yield from fan_in(server)
        yield from values(server)
