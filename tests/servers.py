"""Redis servers for tests: on free ports of 127.0.0.1, stopped by their process id.

    with Server(folder) as server:              # plain
        server.address                          # redis://127.0.0.1:PORT
    with Server(folder, "--requirepass", "x"), Server(folder, tls=True), Cluster(folder, 3): ...
"""
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness import Failure


def is_free(port):
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    """A port outside the range that the system gives to clients: a client that tries such a port
    before its server listens may get it for itself, and talk to itself. Servers of a cluster talk
    among themselves on the port 10,000 above: that is outside, too, and free."""
    while True:
        port = random.SystemRandom().randrange(10000, 20000)
        if is_free(port) and is_free(port + 10000):
            return port


def make_certificates(folder):
    """An authority (ca.crt), and what it signs: server.crt for 127.0.0.1 and localhost, and
    other.crt for another host."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=authority of the test", "-keyout", "ca.key", "-out", "ca.crt")
    for name, hosts in (("server", "IP:127.0.0.1,DNS:localhost"), ("other", "DNS:elsewhere.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-copy_extensions", "copy", "-days", "2", "-out", f"{name}.crt")


class Server:
    """One redis-server. tls: a certificate's name. More options are redis-server's."""

    def __init__(self, folder, *options, tls=None, port=None):
        self.port = port or free_port()
        self.folder = Path(folder) / f"redis-{self.port}"
        self.folder.mkdir(exist_ok=True)
        self.options, self.tls, self.process = list(options), tls, None
        if tls and not (Path(folder) / "ca.crt").exists():
            make_certificates(folder)
        self.certificates = Path(folder)

    @property
    def address(self):
        if self.tls:
            return f"rediss://127.0.0.1:{self.port}?ca={self.certificates}/ca.crt"
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                   "--auto-aof-rewrite-percentage", "0", "--dir", str(self.folder)]
        if self.tls:
            command += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
                        "--tls-cluster", "yes",
                        "--tls-ca-cert-file", f"{self.certificates}/ca.crt",
                        "--tls-cert-file", f"{self.certificates}/{self.tls}.crt",
                        "--tls-key-file", f"{self.certificates}/{self.tls}.key"]
        else:
            command += ["--port", str(self.port)]
        self.log = open(self.folder / "log", "a")
        self.process = subprocess.Popen(command + self.options, stdout=self.log, stderr=self.log)
        for _ in range(500):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise Failure(f"redis-server does not start: {(self.folder / 'log').read_text()[-500:]}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        if self.process:
            self.log.close()

    def restart(self):
        self.stop()
        return self.start()

    def signal(self, number):
        self.process.send_signal(number)

    def call(self, *words, password=None):
        """A command by a client of another make: redis-cli."""
        options = ["-p", str(self.port), "--raw"]
        if password:
            options += ["-a", password, "--no-auth-warning"]
        if self.tls:
            options += ["--tls", "--cacert", f"{self.certificates}/ca.crt"]
        done = subprocess.run(["redis-cli", *options, *map(str, words)], capture_output=True,
                              text=True, timeout=60)
        return done.stdout.strip()

    def left(self):
        """Keys, but for the marks of jobs that have ended, which stay for as long as a late executor may live."""
        keys = self.call("KEYS", "*").split()
        marks = [key for key in keys if key.endswith("}end")]
        script = "local lives = {} for i, key in ipairs(KEYS) do lives[i] = redis.call('PTTL', key) end return lives"
        lives = self.call("EVAL", script, len(marks), *marks).split() if marks else []
        passing = {key for key, life in zip(marks, lives) if 0 <= int(life) <= 960000}
        return [key for key in keys if key not in passing]

    __enter__ = start

    def __exit__(self, *_):
        self.stop()


class Cluster:
    """Masters that share the slots, without replicas."""

    def __init__(self, folder, count=3, options=(), tls=None):
        self.folder, self.tls = folder, tls
        self.options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
                        "--cluster-replica-validity-factor", "0", *options]
        # the port of the bus is 10,000 higher
        self.servers = [Server(folder, *self.options, tls=tls) for _ in range(count)]

    @property
    def address(self):
        return self.servers[0].address

    def __enter__(self):
        for server in self.servers:
            server.start()
        try:
            self.join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def join(self):
        count = len(self.servers)
        bounds = [16384 * i // count for i in range(count + 1)]
        for i, server in enumerate(self.servers):
            server.call("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
            server.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for turn in range(300):
            for server in self.servers[1:] if turn % 40 == 0 else ():
                server.call("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
            if all("cluster_state:ok" in s.call("CLUSTER", "INFO") and
                   f"cluster_known_nodes:{count}" in s.call("CLUSTER", "INFO") for s in self.servers):
                return
            time.sleep(0.05)
        raise Failure("the cluster does not come up: " + self.servers[0].call("CLUSTER", "INFO"))

    def add_replica(self, master):
        """One more server, which takes the master's place when that dies."""
        replica = Server(self.folder, *self.options, tls=self.tls).start()
        self.servers.append(replica)
        replica.call("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        identity = master.call("CLUSTER", "MYID")
        follows = False
        for _ in range(300):
            follows = follows or replica.call("CLUSTER", "REPLICATE", identity) == "OK"
            if follows and "master_link_status:up" in replica.call("INFO", "replication") and \
                    all(f"slave {identity}" in s.call("CLUSTER", "NODES") for s in self.servers):
                return replica
            time.sleep(0.05)
        raise Failure("the replica does not come up")

    def __exit__(self, *_):
        for server in self.servers:
            server.stop()


def have_redis():
    return shutil.which("redis-server") is not None
