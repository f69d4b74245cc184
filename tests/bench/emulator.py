"""The emulator's Invoke of an empty warm function against nginx that answers a static file of the same two bytes, with
one connection and with 16; one client program for both. What is checked of a request (signature, JSON) is checked."""
import io
import json
import os
import statistics
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

WKC = "build/release/wkc"
TURNS, SECONDS = 11, 0.3
REACH = 5.0
ROLE = "arn:aws:iam::123456789012:role/executor"

NGINX = """
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port} reuseport; root {folder}/files; }}
}}
"""


def signed(access, method, path, body):
    """A request as bytes, signed by botocore; good for five minutes."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    request = AWSRequest(method, access["endpoint"] + path, data=body)
    SigV4Auth(Credentials(access["access_key_id"], access["secret_access_key"]), "lambda", "us-east-1").add_auth(request)
    headers = {**dict(request.headers), "Host": access["endpoint"][7:], "Content-Length": len(body)}
    return f"{method} {path} HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n" + body


def create(access, folder):
    import http.client
    from base64 import b64encode
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as z:
        z.write("build/release/bench/empty_function", "bootstrap")
    body = json.dumps({"FunctionName": "empty", "Runtime": "provided.al2023", "Role": ROLE, "Handler": "h",
                       "Code": {"ZipFile": b64encode(code.getvalue()).decode()}}).encode()
    request = signed(access, "POST", "/2015-03-31/functions", body)
    import socket
    with socket.create_connection(("127.0.0.1", int(access["endpoint"].rsplit(":", 1)[1]))) as s:
        s.sendall(request)
        answer = s.recv(65536)
    if not answer.startswith(b"HTTP/1.1 201"):
        raise RuntimeError(answer)


def measure(port, connections, path, seconds=SECONDS):
    """Seconds for one request."""
    text = subprocess.run(["build/release/bench/requests", str(port), str(connections), str(seconds), str(path)],
                          capture_output=True, text=True, check=True).stdout
    answers, took, others = text.split()
    if int(others):
        raise RuntimeError(f"{others} answers were no success")
    return float(took) / int(answers)


def compare(emulator_port, nginx_port, folder, access):
    rows = []
    invoke = Path(folder) / "invoke"
    static = Path(folder) / "static"
    static.write_bytes(f"GET /empty.json HTTP/1.1\r\nHost: 127.0.0.1:{nginx_port}\r\n\r\n".encode())
    for connections in (1, 16):
        ours, peers = [], []
        for turn in range(TURNS + 1):
            invoke.write_bytes(signed(access, "POST", "/2015-03-31/functions/empty/invocations", b"{}"))
            ours.append(measure(emulator_port, connections, invoke))
            peers.append(measure(nginx_port, connections, static))
        ours, peers = sorted(ours[1:]), sorted(peers[1:])  # the first turn starts the environments
        middle, peer = statistics.median(ours), statistics.median(peers)
        rows.append({"name": f"invoke, {connections} connection{'s' if connections > 1 else ''}", "peer": "nginx, static file",
                     "median": middle, "min": ours[0], "max": ours[-1], "peer_median": peer, "peer_min": peers[0],
                     "peer_max": peers[-1], "ratio": middle / peer, "reach": REACH})
    return rows


def emulator(*options):
    if subprocess.run(["make", "-s", "build/release/bench/requests", "build/release/bench/empty_function"]).returncode:
        return []
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/files")
        os.chmod(folder, 0o755)
        Path(f"{folder}/files/empty.json").write_text("{}")
        nginx_port = 18080 + os.getpid() % 1000
        Path(f"{folder}/nginx.conf").write_text(NGINX.format(folder=folder, port=nginx_port))
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", "-g", "daemon off;"])
        ours = subprocess.Popen([WKC, "emulator", "--port=0", "--json", *options], stdout=subprocess.PIPE, text=True)
        try:
            access = json.loads(ours.stdout.readline())
            create(access, folder)
            time.sleep(0.3)
            return compare(int(access["endpoint"].rsplit(":", 1)[1]), nginx_port, folder, access)
        finally:
            for process in (ours, nginx):
                process.terminate()
                process.wait()
