"""The group `bundle`: what a bundle weighs, and how long its executor takes from exec to its first request,
against a bare libcurl program that is started in the same way, through a loader and libraries of its own."""
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

TURNS = 31
WKC = "build/release/wkc"
ENVIRONMENT = {"AWS_REGION": "us-east-1", "AWS_LAMBDA_FUNCTION_NAME": "job", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
               "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
BARE = """#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    char url[200];
    snprintf(url, sizeof url, "http://%s/2018-06-01/runtime/invocation/next", getenv("AWS_LAMBDA_RUNTIME_API"));
    curl_global_init(CURL_GLOBAL_ALL);
    CURL *handle = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, url);
    return curl_easy_perform(handle) != CURLE_OK;
}
"""


def bundle_of(folder, name):
    """The bundle of an example, unpacked; and its size."""
    path = folder / f"{name}.wkb"
    subprocess.run([WKC, "compile", f"examples/{name}.wk", "-o", path], check=True)
    subprocess.run(["unzip", "-qo", path, "-d", folder / name], check=True)
    return folder / name, path.stat().st_size


def bare_program(folder):
    place = folder / "bare"
    (place / "lib").mkdir(parents=True)
    (place / "bare.c").write_text(BARE)
    subprocess.run(["gcc", "-O2", "-o", place / "bare", place / "bare.c", "-lcurl"], check=True)
    for path in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", place / "bare"], capture_output=True, text=True).stdout):
        shutil.copy(path, place / "lib")
    return place


def start(command, server):
    """Seconds until the first request, and the memory then resident, in MB."""
    host = "127.0.0.1:%d" % server.getsockname()[1]
    begin = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], env=dict(ENVIRONMENT, AWS_LAMBDA_RUNTIME_API=host))
    connection, _ = server.accept()
    request = connection.recv(4096)
    seconds = time.perf_counter() - begin
    resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024
    process.kill()
    process.wait()
    connection.close()
    if b"/runtime/invocation/next" not in request:
        raise RuntimeError(request)
    return seconds, resident


def bundle():
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as server:
        folder = Path(name)
        server.settimeout(20)
        plain, size = bundle_of(folder, "harmonic")
        algebra_size = bundle_of(folder, "cholesky")[1]
        bare = bare_program(folder)
        loader = next((bare / "lib").glob("ld-linux*"))
        ours, peers, resident = [], [], 0
        for _ in range(TURNS):
            seconds, resident = start([plain / "bootstrap"], server)
            ours.append(seconds)
            peers.append(start([loader, "--library-path", bare / "lib", bare / "bare"], server)[0])
        ours.sort(), peers.sort()
        yield {"name": "bootstrap, exec to first request", "peer": "bare libcurl", "median": statistics.median(ours),
               "min": ours[0], "max": ours[-1], "peer_median": statistics.median(peers), "peer_min": peers[0],
               "peer_max": peers[-1], "ratio": statistics.median(ours) / statistics.median(peers)}
        yield {"name": "bootstrap, ms (least)", "number": ours[0] * 1e3, "reach_number": 10}
        yield {"name": "bootstrap, MB resident", "number": resident, "reach_number": 16}
        yield {"name": "bundle, MB zipped", "number": size / 1e6, "reach_number": 10}
        yield {"name": "with linear algebra, MB zipped", "number": algebra_size / 1e6, "reach_number": 50}
