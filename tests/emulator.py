#!/usr/bin/python3
"""wkc emulator against independent clients: the AWS CLI, boto3, plain HTTP, and functions that obey,
crash, hang and grow. Nothing may be left behind: each test looks.

    tests/emulator.py          the quick ones (make test)
    tests/emulator.py --all    with those that take longer (make check)
"""
import base64
import datetime
import hashlib
import http.client
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from harness import ROOT, SANITIZE, check, main, wkc
from processes import descendants, gone, is_alive

BOOTSTRAP = ROOT / "tests/emulated/bootstrap"
ROLE = "arn:aws:iam::123456789012:role/executor"
COMPLETE = "--all" in sys.argv
sys.argv = [a for a in sys.argv if a != "--all"]


def zipped(files):
    """A zip of {name: (bytes, mode)}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, (data, mode) in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, data)
    return out.getvalue()


CODE = zipped({"bootstrap": (BOOTSTRAP.read_bytes(), 0o100755), "data/own.txt": (b"own", 0o100644)})


class Emulator:
    def __init__(self, process, line):
        self.process, self.access = process, json.loads(line)
        self.endpoint = self.access["endpoint"]
        self.port = int(self.endpoint.rsplit(":", 1)[1])
        self.client = self.connect()

    def connect(self, **change):
        settings = dict(aws_access_key_id=self.access["access_key_id"],
                        aws_secret_access_key=self.access["secret_access_key"], region_name="us-east-1")
        return boto3.client("lambda", endpoint_url=self.endpoint, **{**settings, **change},
                            config=Config(retries={"max_attempts": 0}, read_timeout=60, max_pool_connections=64))

    def create(self, name="f", code=CODE, timeout=10, variables=None, **more):
        return self.client.create_function(FunctionName=name, Runtime="provided.al2", Role=ROLE, Handler="h",
                                           Code={"ZipFile": code}, Timeout=timeout,
                                           Environment={"Variables": variables or {}}, **more)

    def invoke(self, event=None, name="f", **more):
        """(answer, the whole response)"""
        found = self.client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
        text = found["Payload"].read()
        return (json.loads(text) if text else None), found

    def event(self, event=None, name="f"):
        found = self.client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
        check(found["StatusCode"] == 202, str(found))
        return found["ResponseMetadata"]["RequestId"]

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def state(self):
        return json.loads(self.get("/_wkc/state"))

    def counters(self):
        return self.state()["counters"]

    def pids(self):
        return [e["pid"] for e in self.state()["environments"] if e["pid"]]

    def until(self, condition, what, seconds=60):
        end = time.time() + seconds
        while not condition(self.state()):
            check(time.time() < end, f"{what}: {json.dumps(self.state(), indent=1)}")
            time.sleep(0.02)

    def signed(self, method, path, body=b"", headers=None, access=None, service="lambda", signer=SigV4Auth):
        """Headers that botocore's own signer makes."""
        request = AWSRequest(method, self.endpoint + path, data=body, headers=headers or {})
        key = access or Credentials(self.access["access_key_id"], self.access["secret_access_key"])
        signer(key, service, "us-east-1").add_auth(request)
        return dict(request.headers)

    def request(self, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers or {})
        found = connection.getresponse()
        return found.status, dict((k.lower(), v) for k, v in found.getheaders()), found.read()


@contextmanager
def emulator(*options, end=signal.SIGTERM, folder=None, files=None):
    errors = open(os.path.join(folder or "/tmp", f"emulator-{os.getpid()}.err"), "w+b")
    process = subprocess.Popen([SANITIZE, "emulator", "--port=0", "--json", *options], stdout=subprocess.PIPE,
                               stderr=errors, text=True, cwd=folder,
                               preexec_fn=files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))))
    try:
        line = process.stdout.readline()
        errors.seek(0)
        check(line.startswith("{"), errors.read().decode())
        made = Emulator(process, line)
        yield made
        left = descendants(process.pid)
        root = made.state()["root"]
        process.send_signal(end)
        status = process.wait(20)
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace")
        check(status == 0 and not text, f"status {status}: {text[:4000]}")
        gone(left)
        check(not os.path.exists(root), f"{root} is left behind")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        errors.close()
        os.unlink(errors.name)


def refused(code, status, act, text=""):
    """The call ends with this error."""
    try:
        act()
    except ClientError as error:
        found = error.response
        check(found["Error"]["Code"] == code, str(found))
        check(found["ResponseMetadata"]["HTTPStatusCode"] == status, str(found))
        check(text in found["Error"]["Message"], str(found))
        return found
    check(False, f"{code} was expected")


# ---- Functions --------------------------------------------------------------------------------------

def functions_live_and_die(folder):
    """M3.1, M3.6, M8.3"""
    with emulator() as e:
        made = e.create(MemorySize=256, Description="first", Tags={"team": "x"})
        check(made["ResponseMetadata"]["HTTPStatusCode"] == 201 and made["State"] == "Active", str(made))
        sha = base64.b64encode(hashlib.sha256(CODE).digest()).decode()
        check(made["CodeSha256"] == sha and made["CodeSize"] == len(CODE), str(made))
        check(made["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:f", str(made))
        refused("ResourceConflictException", 409, lambda: e.create(), "already exist")
        found = e.client.get_function(FunctionName="f")
        check(found["Configuration"]["MemorySize"] == 256 and found["Tags"] == {"team": "x"}, str(found))
        connection = http.client.HTTPConnection("127.0.0.1", e.port)
        connection.request("GET", found["Code"]["Location"][len(e.endpoint):])
        check(connection.getresponse().read() == CODE, "the code that was sent")
        for i in range(3):
            e.create(f"g{i}")
        pages = list(e.client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
        names = [f["FunctionName"] for page in pages for f in page["Functions"]]
        check(names == ["f", "g0", "g1", "g2"] and len(pages) == 2, str(names))
        changed = e.client.update_function_configuration(FunctionName="f", Timeout=7, Description="second")
        check(changed["Timeout"] == 7 and changed["MemorySize"] == 256 and changed["LastUpdateStatus"] == "Successful", str(changed))
        refused("PreconditionFailedException", 412,
                lambda: e.client.update_function_configuration(FunctionName="f", Timeout=8, RevisionId=made["RevisionId"]))
        for name in ("f:$LATEST", made["FunctionArn"], "123456789012:function:f"):
            check(e.client.get_function_configuration(FunctionName=name)["Timeout"] == 7, name)
        e.client.delete_function(FunctionName="f")
        refused("ResourceNotFoundException", 404, lambda: e.client.get_function(FunctionName="f"),
                "Function not found: arn:aws:lambda:us-east-1:123456789012:function:f")
        refused("ResourceNotFoundException", 404, lambda: e.invoke())


def versions_are_kept(folder):
    """M3.1, M3.4"""
    with emulator() as e:
        e.create(variables={"V": "one"})
        check(e.client.publish_version(FunctionName="f")["Version"] == "1", "the first version")
        e.client.update_function_configuration(FunctionName="f", Environment={"Variables": {"V": "two"}})
        for qualifier, value in (("1", "one"), ("$LATEST", "two"), ("1", "one")):
            answer, found = e.invoke({"do": "info"}, Qualifier=qualifier)
            check(answer["environment"]["V"] == value and found["ExecutedVersion"] == qualifier, f"{qualifier}: {answer}")
            check(answer["environment"]["AWS_LAMBDA_FUNCTION_VERSION"] == qualifier, qualifier)
        check([v["Version"] for v in e.client.list_versions_by_function(FunctionName="f")["Versions"]] == ["$LATEST", "1"], "versions")
        other = zipped({"bootstrap": (BOOTSTRAP.read_bytes().replace(b'"runs": runs,', b'"runs": "other",'), 0o100755)})
        changed = e.client.update_function_code(FunctionName="f", ZipFile=other, Publish=True)
        check(changed["Version"] == "2" and changed["CodeSize"] == len(other), str(changed))
        check(e.invoke({"do": "info"})[0]["runs"] == "other", "new code")
        check(e.invoke({"do": "info"}, Qualifier="1")[0]["runs"] == 3, "old code, warm")
        e.until(lambda s: sorted(x["version"] for x in s["environments"]) == ["$LATEST", "1"], "what is replaced ends")
        e.client.delete_function(FunctionName="f", Qualifier="1")
        refused("ResourceNotFoundException", 404, lambda: e.invoke(Qualifier="1"))
        e.until(lambda s: {x["version"] for x in s["environments"]} == {"$LATEST"}, "old environments end")


def configurations_are_checked(folder):
    """M3.3"""
    with emulator("--memory=192") as e:
        check(e.create("plain")["MemorySize"] == 192, "--memory")
        for more in ({"MemorySize": 64}, {"Timeout": 901}, {"Role": "me"}, {"FunctionName": "a b"}, {"Description": "x" * 300}):
            arguments = dict(FunctionName="g", Runtime="provided.al2", Role=ROLE, Handler="h", Code={"ZipFile": CODE})
            loose = boto3.client("lambda", endpoint_url=e.endpoint, region_name="us-east-1",
                                 aws_access_key_id=e.access["access_key_id"], aws_secret_access_key=e.access["secret_access_key"],
                                 config=Config(parameter_validation=False, retries={"max_attempts": 0}))
            refused("ValidationException", 400, lambda: loose.create_function(**{**arguments, **more}))
        for more in ({"Runtime": "python3.9"}, {"Code": {}}, {"Code": {"S3Bucket": "b", "S3Key": "k"}},
                     {"Environment": {"Variables": {"AWS_REGION": "x"}}}, {"Environment": {"Variables": {"A": "x" * 4097}}}):
            refused("InvalidParameterValueException", 400, lambda: loose.create_function(**{**arguments, **more}))
        check([f["FunctionName"] for f in e.client.list_functions()["Functions"]] == ["plain"], "nothing was made")


def settings_are_kept(folder):
    """M3.5"""
    with emulator("--concurrency=10") as e:
        e.create()
        c = e.client
        check("ReservedConcurrentExecutions" not in c.get_function_concurrency(FunctionName="f"), "none")
        check(c.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=4)["ReservedConcurrentExecutions"] == 4, "put")
        check(c.get_function(FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 4}, "shown")
        check(c.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 6, "account")
        refused("InvalidParameterValueException", 400,
                lambda: c.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=11))
        c.delete_function_concurrency(FunctionName="f")
        check(c.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 10, "given back")
        refused("ResourceNotFoundException", 404, lambda: c.get_function_event_invoke_config(FunctionName="f"))
        c.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
        c.update_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
        found = c.get_function_event_invoke_config(FunctionName="f")
        check(found["MaximumRetryAttempts"] == 1 and found["MaximumEventAgeInSeconds"] == 60, str(found))
        c.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=2)
        check("MaximumEventAgeInSeconds" not in c.get_function_event_invoke_config(FunctionName="f"), "put replaces")
        c.delete_function_event_invoke_config(FunctionName="f")
        path = "/2024-08-31/functions/f/recursion-config"  # newer than Debian's boto3
        for method, body, value in (("GET", b"", "Terminate"), ("PUT", b'{"RecursiveLoop":"Allow"}', "Allow"), ("GET", b"", "Allow")):
            status, _, text = e.request(method, path, body, e.signed(method, path, body))
            check(status == 200 and json.loads(text) == {"RecursiveLoop": value}, f"{status} {text}")


# ---- Invoke -----------------------------------------------------------------------------------------

def invocations_answer(folder):
    """M4.1, M4.2, M4.5, M6.1"""
    with emulator() as e:
        e.create(variables={"COLOUR": "blue"}, MemorySize=512)
        for value in (None, 1, "text", [1, {"a": "é\n"}], {"x": 1.5}):
            answer, found = e.invoke(value)
            check(answer == value and found["StatusCode"] == 200 and "FunctionError" not in found, str(found))
        check(found["ExecutedVersion"] == "$LATEST" and re.fullmatch(r"[0-9a-f-]{36}", found["ResponseMetadata"]["RequestId"]), str(found))
        check(e.client.invoke(FunctionName="f")["Payload"].read() == b"{}", "no payload")
        dry = e.client.invoke(FunctionName="f", InvocationType="DryRun")
        check(dry["StatusCode"] == 204 and dry["Payload"].read() == b"", str(dry))
        refused("ResourceNotFoundException", 404, lambda: e.invoke(name="nobody", InvocationType="DryRun"))
        context = base64.b64encode(b'{"client": {"a": "b"}}').decode()
        answer, found = e.invoke({"do": "info"}, ClientContext=context)
        headers, environment = answer["headers"], answer["environment"]
        check(headers["lambda-runtime-aws-request-id"] == found["ResponseMetadata"]["RequestId"], str(headers))
        left = int(headers["lambda-runtime-deadline-ms"]) / 1000 - answer["now"]
        check(9 < left <= 10, f"{left} s to the deadline")
        check(headers["lambda-runtime-invoked-function-arn"].endswith(":function:f"), str(headers))
        check(json.loads(headers["lambda-runtime-client-context"]) == {"client": {"a": "b"}}, str(headers))
        check(re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", headers["lambda-runtime-trace-id"]), str(headers))
        check(environment["COLOUR"] == "blue" and environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512", str(environment))
        check(environment["_HANDLER"] == "h" and environment["AWS_REGION"] == "us-east-1", str(environment))
        check(answer["folder"] == environment["LAMBDA_TASK_ROOT"] and answer["files"] == ["bootstrap", "data"], str(answer))
        check(answer["runs"] == 7 and len(e.pids()) == 1, "one warm environment")
        counters = e.counters()
        check(counters["runs"] == 7 and counters["cold_starts"] == 1 and counters["dry_runs"] == 1, str(counters))


def environments_see_nothing_of_the_client(folder):
    """M5.1"""
    (folder / "secret.txt").write_text("secret")
    os.environ["OF_THE_CLIENT"] = "yes"
    with emulator(folder=folder) as e:
        e.create()
        answer, _ = e.invoke({"do": "info"})
        text = json.dumps(answer["environment"])
        check("OF_THE_CLIENT" not in text and str(folder) not in text and str(ROOT) not in text, text)
        check(not answer["folder"].startswith(str(folder)) and answer["session"] == answer["pid"], str(answer))
        check(len(answer["open"]) <= 5, f"open files: {answer['open']}")  # 0, 1, 2, its socket, the listing


def two_environments_do_not_share_files(folder):
    """M5.1"""
    with emulator() as e:
        e.create()
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda _: e.invoke({"do": "sleep", "seconds": 0.5}), range(2)))
        environments = e.state()["environments"]
        check(len(environments) == 2 and len(found) == 2, str(environments))
        roots = {os.readlink(f"/proc/{x['pid']}/cwd") for x in environments}
        check(len(roots) == 2, str(roots))
        for root in roots:
            check(os.stat(root + "/bootstrap").st_nlink == 3, "one copy on the disk")


def logs_are_kept(folder):
    """M4.4, M8.2"""
    with emulator(f"--logs={folder / 'logs'}") as e:
        e.create()
        _, found = e.invoke({"do": "print", "text": "hällo"}, LogType="Tail")
        log = base64.b64decode(found["LogResult"]).decode()
        identifier = found["ResponseMetadata"]["RequestId"]
        check(log.startswith(f"START RequestId: {identifier} Version: $LATEST\nhällo\nerror hällo\nEND RequestId: {identifier}\nREPORT"), log)
        check(re.search(r"Duration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: [1-9]\d* MB\tInit Duration: [\d.]+ ms\t\n$", log), log)
        _, found = e.invoke({"do": "print", "text": "y" * 5000}, LogType="Tail")
        check(len(base64.b64decode(found["LogResult"])) == 4096, "the last 4 KB")
        check("LogResult" not in e.invoke()[1], "only when asked")
        e.invoke({"do": "print", "text": "z" * 300000})
        text = e.get("/_wkc/logs?function=f")
        check(text.startswith("==> f ") and "zzz" in text and len(text) < 400000, text[:200])
        files = list((folder / "logs/f").glob("*.log"))
        check(len(files) == 1 and len(files[0].read_bytes()) > 600000, str(files))
        check(e.get("/_wkc/logs?function=g") == "", "of others")


def failures_are_told(folder):
    """M4.3, M5.4, M5.5, M6.2"""
    with emulator() as e:
        e.create(timeout=1)
        def failing(event, kind, text):
            answer, found = e.invoke(event, LogType="Tail")
            check(found["StatusCode"] == 200 and found["FunctionError"] == "Unhandled", str(found))
            check(answer["errorType"] == kind and re.search(text, answer["errorMessage"]), f"{answer}")
            return found
        failing({"do": "fail", "type": "Function.Bad", "message": "it is bad"}, "Function.Bad", "^it is bad$")
        failing({"do": "bare"}, "Function.Bare", "^$")
        check(e.counters()["cold_starts"] == 1, "a failed handler goes on")
        failing({"do": "exit", "status": 3}, "Runtime.ExitError", "^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$")
        failing({"do": "exit", "status": 0}, "Runtime.ExitError", "Runtime exited without providing a reason")
        failing({"do": "signal", "name": "SIGSEGV"}, "Runtime.ExitError", "signal: Segmentation fault")
        begin = time.time()
        found = failing({"do": "sleep", "seconds": 30}, "Sandbox.Timedout", "Task timed out after 1.00 seconds")
        check(0.9 < time.time() - begin < 25, "the time limit")
        check("timed out" in base64.b64decode(found["LogResult"]).decode(), "in the log")
        check(e.invoke("again")[0] == "again", "the next one starts anew")
        answer, found = e.invoke({"do": "last", "status": 1})
        check(answer == "last words" and "FunctionError" not in found, "an answer before the end counts")
        e.until(lambda s: not s["environments"], "environments that ended")
        for _ in range(10):  # whoever waits for that environment gets another
            e.invoke({"do": "last", "status": 0})
            check(e.invoke("next")[0] == "next", "after last words")
            e.client.update_function_configuration(FunctionName="f", Description="new environments")
        counters = e.counters()
        check(counters["timeouts"] == 1 and counters["crashes"] == 14 and counters["failed"] == 6, str(counters))


def starts_that_fail_are_told(folder):
    """M5.5"""
    with emulator() as e:
        e.create("exit", variables={"START": "exit"})
        answer, found = e.invoke(name="exit")
        check(found["FunctionError"] == "Unhandled" and answer["errorType"] == "Runtime.ExitError" and "exit status 7" in answer["errorMessage"], str(answer))
        e.create("error", variables={"START": "error"})
        check(e.invoke(name="error")[0] == {"errorMessage": "no such model", "errorType": "Function.NoModel"}, "init/error")
        e.create("none", code=zipped({"main.py": (b"", 0o100644)}))
        answer, _ = e.invoke(name="none")
        check(answer["errorType"] == "Runtime.InvalidEntrypoint" and "bootstrap" in answer["errorMessage"], str(answer))
        e.create("plain", code=zipped({"bootstrap": (b"#!/bin/sh\n", 0o100644)}))
        check(e.invoke(name="plain")[0]["errorType"] == "Runtime.InvalidEntrypoint", "not executable")
        e.create("nonsense", code=zipped({"bootstrap": (b"\x7fELFnonsense", 0o100755)}))
        answer, _ = e.invoke(name="nonsense")
        check(answer["errorType"] == "Runtime.InvalidEntrypoint" and "xec format" in answer["errorMessage"], str(answer))
        e.create("shell", code=zipped({"bootstrap": (b"#!/no/such/shell\n", 0o100755)}))
        check("No such file" in e.invoke(name="shell")[0]["errorMessage"], "interpreter")
        e.until(lambda s: not s["environments"] and not any(f["active"] for f in s["functions"]), "all over")


def memory_is_limited(folder):
    """M5.4"""
    with emulator() as e:
        e.create(MemorySize=128)
        answer, found = e.invoke({"do": "memory", "bytes": 80 << 20, "seconds": 0.1}, LogType="Tail")
        used = int(re.search(r"Max Memory Used: (\d+) MB", base64.b64decode(found["LogResult"]).decode())[1])
        check(answer == 80 << 20 and 80 <= used < 110, f"{used} MB")
        for more in ({}, {"child": True}):
            answer, found = e.invoke({"do": "memory", "bytes": 400 << 20, "seconds": 5, **more})
            check(found.get("FunctionError") == "Unhandled" and answer["errorType"] == "Runtime.OutOfMemory", str(answer))
        check(e.counters()["out_of_memory"] == 2, "counted")


def the_runtime_api_refuses_nonsense(folder):
    """M6.2"""
    with emulator() as e:
        e.create()
        answer, _ = e.invoke({"do": "statuses"})
        check(answer == {"next": 403, "other": 400, "init": 403, "path": 404, "method": 404}, str(answer))
        e.invoke()  # the function has printed the rest by now
        found = json.loads(re.search(r"statuses (\{.*\})", e.get("/_wkc/logs"))[1])
        check(found["good"] == 202 and found["twice"] == 403 and found["late"] == 403, str(found))


def payloads_are_json(folder):
    """M4.2, against Python's reader: mutations of texts"""
    chance = random.Random(1)
    texts = ['{"a": [1, -2.5e+10, true, false, null, "x\\u00e9\\n\\"é"], "b": {}}', "[]", "0", "-0.5E-3", '" "', "[[[[]], {}]]"]
    pieces = [b"", b",", b"]", b"}", b"[", b"{", b'"', b"0", b"1", b".", b"e", b"-", b":", b"\xff", b"\n", b" ", b"\\"]
    def valid(text):
        try:
            json.loads(text.decode("utf-8"), parse_constant=lambda c: 1 / 0)
            return True
        except (ValueError, ZeroDivisionError):
            return False
    with emulator() as e:
        e.create()
        e.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
        found = {True: 0, False: 0}
        for _ in range(400):
            text = bytearray(chance.choice(texts).encode())
            for _ in range(chance.randrange(3)):
                at = chance.randrange(len(text) + 1)
                text[at:at + chance.randrange(2)] = chance.choice(pieces)
            good = valid(bytes(text)) or not text
            try:
                e.client.invoke(FunctionName="f", InvocationType="Event", Payload=bytes(text))
                check(good, f"accepted: {bytes(text)}")
            except ClientError as error:
                check(not good and error.response["Error"]["Code"] == "InvalidRequestContentException", f"refused: {bytes(text)}")
            found[good] += 1
        check(min(found.values()) > 80, str(found))


def payloads_are_limited(folder):
    """M4.2, M6.2"""
    with emulator(f"--event-limit={256 << 10}") as e:
        e.create(timeout=30)
        text = "x" * ((6 << 20) - 2)
        check(e.invoke(text)[0] == text, "6 MiB both ways")
        refused("RequestTooLargeException", 413, lambda: e.invoke(text + "x"), "6291457 byte payload is too large for the RequestResponse")
        refused("RequestTooLargeException", 413, lambda: e.event("x" * (256 << 10)), "Event")
        answer, found = e.invoke({"do": "size", "bytes": (6 << 20) + 101})
        check(found["FunctionError"] == "Unhandled" and answer["errorType"] == "Function.ResponseSizeTooLarge", str(answer))
        answer, found = e.invoke({"do": "size", "bytes": (6 << 20) + 100})
        check("FunctionError" not in found and len(answer) == (6 << 20) + 98, "the largest answer")
        check("too large" in e.get("/_wkc/logs"), "the function hears of it")
        for body in (b"{", b"nul", b'"\xff"', b"[1,]", b"1 2", b'{"a":}', b"[" * 5000):
            refused("InvalidRequestContentException", 400, lambda: e.client.invoke(FunctionName="f", Payload=body))


# ---- Concurrency, events ------------------------------------------------------------------------------

def concurrency_is_limited(folder):
    """M5.2, M7.1"""
    with emulator("--concurrency=2") as e:
        e.create()
        e.create("g")
        with ThreadPoolExecutor(8) as pool:
            slow = [pool.submit(e.invoke, {"do": "sleep", "seconds": 2}) for _ in range(2)]
            e.until(lambda s: sum(x["state"] == "busy" for x in s["environments"]) == 2, "two at work")
            for name in ("f", "g"):
                found = refused("TooManyRequestsException", 429, lambda: e.invoke(name=name), "Rate Exceeded")
                check(found["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1" and found["Reason"] == "ConcurrentInvocationLimitExceeded", str(found))
            check([s.result()[0]["runs"] for s in slow] == [1, 1], "both ran, each alone")
        check(e.invoke("g", name="g")[0] == "g" and len(e.pids()) <= 2, "an idle environment makes room")
        for i in range(20):
            check(e.invoke(i)[0] == i, "one after the other is never throttled")
        check(e.counters()["throttled"] == 2, "counted")
        e.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
        found = refused("TooManyRequestsException", 429, lambda: e.invoke())
        check(found["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded", str(found))


def events_are_queued(folder):
    """M7.2"""
    with emulator("--concurrency=2") as e:
        e.create()
        begin = time.time()
        for i in range(6):
            e.event({"do": "sleep", "seconds": 2})
        state = e.state()
        check(time.time() - begin >= 2 or (state["queued"] >= 4 and not state["counters"]["succeeded"]), f"accepted at once: {state}")
        e.until(lambda s: s["counters"]["succeeded"] == 6, "all ran", 60)
        state = e.state()
        check(state["queued"] == 0 and len(state["environments"]) == 2 and state["counters"]["throttled"] == 0, str(state))
        e.event()
        e.client.delete_function(FunctionName="f")
        e.until(lambda s: not s["environments"], "environments of a deleted function end")


def events_are_retried(folder):
    """M7.2"""
    path = folder / "runs"
    with emulator("--retry-delay=200") as e:
        e.create()
        identifier = e.event({"do": "every", "of": 3, "path": str(path)})
        e.until(lambda s: s["counters"]["succeeded"] == 1, "the third run")
        lines = [line.split() for line in path.read_text().splitlines()]
        check(len(lines) == 3 and {line[1] for line in lines} == {identifier}, "the same event")
        first, second, third = (float(line[0]) for line in lines)
        check(second - first >= 0.2 and third - second >= 0.4, "delays")
        path.unlink()
        e.event({"do": "every", "of": 4, "path": str(path)})
        e.until(lambda s: s["counters"]["discarded"] == 1, "given up")
        check(len(path.read_text().splitlines()) == 3, "two retries")
        e.client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
        path.unlink()
        e.event({"do": "every", "of": 4, "path": str(path)})
        e.until(lambda s: s["counters"]["discarded"] == 2, "no retry")
        e.client.delete_function_event_invoke_config(FunctionName="f")
        e.event({"do": "exit", "status": 1})
        e.until(lambda s: s["counters"]["discarded"] == 3, "crashes")
        check(e.counters()["retries"] == 6, str(e.counters()))


def events_can_be_lost_and_doubled(folder):
    """M7.3"""
    found = []
    for _ in range(2):
        with emulator("--drop=20", "--duplicate=30", "--seed=5", "--concurrency=4") as e:
            e.create()
            for i in range(60):
                e.event(i)
            e.until(lambda s: s["counters"]["succeeded"] == 60 - s["counters"]["dropped"] + s["counters"]["duplicated"]
                    and s["queued"] == 0, "all that is left ran")
            counters = e.counters()
            found.append((counters["dropped"], counters["duplicated"]))
    check(found[0] == found[1] and 3 <= found[0][0] <= 25 and 6 <= found[0][1] <= 32, f"the seed decides: {found}")


def latencies_are_added(folder):
    """M4.1, M5.2"""
    with emulator("--invoke-latency=150", "--cold-start=400") as e:
        e.create()
        times = []
        while len(times) < 3 or (min(times[1:]) >= 0.55 and len(times) < 30):  # on a busy machine some take longer
            begin = time.time()
            e.invoke()
            times.append(time.time() - begin)
        check(times[0] >= 0.55 and 0.15 <= min(times[1:]) < 0.55, str(times))
        begin = time.time()
        e.event()
        check(time.time() - begin >= 0.15, "events, too")
        e.until(lambda s: s["counters"]["runs"] == len(times) + 1, "it ran")


def idle_environments_are_frozen_and_end(folder):
    """M5.2, M5.3"""
    def letter(pid):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    with emulator("--idle=700") as e:
        e.create()
        e.invoke()
        e.until(lambda s: s["environments"][0]["state"] == "frozen", "frozen")
        pid, = e.pids()
        check(letter(pid) == "T", f"state {letter(pid)}")
        e.invoke()
        check(e.pids() == [pid], "thawed and reused")
        e.until(lambda s: not s["environments"], "ended")
        gone([pid])
    with emulator("--freeze=off") as e:
        e.create()
        e.invoke()
        e.until(lambda s: s["environments"][0]["state"] == "idle", "not frozen")
        check(letter(e.pids()[0]) == "S", "it sleeps")


def a_function_that_lingers_is_waited_for(folder):
    """M6.3, M5.4"""
    with emulator("--concurrency=1") as e:
        e.create(timeout=6)
        e.invoke()
        begin = time.time()
        check(e.invoke({"do": "linger", "seconds": 4})[0] == "lingers" and time.time() - begin < 4, "answered at once")
        check(e.invoke("next")[0] == "next" and time.time() - begin >= 4, "then the next")
        e.client.update_function_configuration(FunctionName="f", Timeout=2)
        e.invoke({"do": "linger", "seconds": 60})
        begin = time.time()
        check(e.invoke("anew")[0] == "anew" and time.time() - begin < 50, "its time is limited, too")
        check(e.counters()["timeouts"] == 1 and e.counters()["cold_starts"] == 3, str(e.counters()))
    with emulator("--concurrency=2") as e:
        e.create()
        e.invoke({"do": "linger", "seconds": 9})
        begin = time.time()
        check(e.invoke("other")[0] == "other" and time.time() - begin < 8 and len(e.pids()) == 2, "another one where there is room")


def a_machine_that_refuses_is_no_hang(folder):
    """M5.6"""
    with emulator(files=128) as e:
        e.create()
        refusals = []
        with ThreadPoolExecutor(30) as pool:
            def one(i):
                try:
                    return e.invoke({"do": "sleep", "seconds": 1})[0]
                except ClientError as error:
                    refusals.append(error.response["Error"])
            list(pool.map(one, range(30)))
        check(refusals and all(r["Code"] == "ServiceException" and "Too many open files" in r["Message"] for r in refusals), str(refusals))
        check(len(refusals) < 30 and e.invoke("on")[0] == "on", "what there is room for runs")
        for _ in range(30):
            e.event({"do": "sleep", "seconds": 0.3})
        e.until(lambda s: s["counters"]["succeeded"] == 30 - len(refusals) + 1 + 30, "events wait for their turn")


# ---- Signatures ---------------------------------------------------------------------------------------

def signatures_are_checked(folder):
    """M1.2, M2.1, M2.2"""
    with emulator("--credentials=AKIDEXAMPLE:wJalrXUtnFEMI/K7+MDENG") as e:
        check(e.access["access_key_id"] == "AKIDEXAMPLE" and e.access["secret_access_key"] == "wJalrXUtnFEMI/K7+MDENG", str(e.access))
        e.create("a-b_c")
        check(e.client.get_function(FunctionName="a-b_c:$LATEST")["Configuration"]["Version"] == "$LATEST", "escapes in the path")
        e.client.list_functions(Marker="a b&=é/", MaxItems=7)
        check(e.connect(aws_session_token="token", region_name="eu-west-1").list_functions()["Functions"], "token, another region")
        refused("InvalidSignatureException", 403, lambda: e.connect(aws_secret_access_key="wrong").list_functions(), "does not match")
        refused("UnrecognizedClientException", 403, lambda: e.connect(aws_access_key_id="AKIDOTHER").list_functions(), "security token")
        path, body = "/2015-03-31/functions/a-b_c/invocations", b'{"n":1}'
        good = e.signed("POST", path, body)
        check(e.request("POST", path, body, good)[0] == 200, "as botocore signs")
        for change, kind in (({}, None), ({"Authorization": None}, "MissingAuthenticationTokenException"),
                             ({"Authorization": "Basic abc"}, "IncompleteSignatureException"),
                             ({"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/x, SignedHeaders=host, Signature=0"}, "IncompleteSignatureException"),
                             ({"Authorization": good["Authorization"][:-1] + ("0" if good["Authorization"][-1] != "0" else "1")}, "InvalidSignatureException"),
                             ({"X-Amz-Date": "20150830T123600Z"}, "IncompleteSignatureException"),
                             ({"Authorization": good["Authorization"].replace("host;", "")}, "InvalidSignatureException")):
            headers = {k: v for k, v in {**good, **change}.items() if v is not None}
            status, found, text = e.request("POST", path, body, headers)
            check(status == (403 if kind else 200) and found.get("x-amzn-errortype") == kind, f"{change}: {status} {text}")
        check(e.request("POST", path, b'{"n":2}', good)[0] == 403, "another body")
        for query in ("?MaxItems=7&Marker=a%20b", "?b=2&a=1&a=0&empty=&flag", "?Marker=%2F%C3%A9"):
            status, _, text = e.request("GET", "/2015-03-31/functions/" + query, b"", e.signed("GET", "/2015-03-31/functions/" + query))
            check(status == 200, f"{query}: {text}")
        class WithoutHost(SigV4Auth):
            def headers_to_sign(self, request):
                found = super().headers_to_sign(request)
                del found["host"]
                return found
        check(e.request("POST", path, body, e.signed("POST", path, body, signer=WithoutHost))[0] == 403, "the host must be signed")
        check(e.request("POST", path + "?Qualifier=1", body, good)[0] == 403, "another query")
        check(e.request("POST", path.replace("a-b_c", "other"), body, good)[0] == 403, "another function")
        status, found, text = e.request("POST", path, body, e.signed("POST", path, body, service="s3"))
        check(status == 403 and b"correct service" in text, "another service")
        wrong = e.signed("POST", path, body, headers={"X-Amz-Content-SHA256": hashlib.sha256(b"else").hexdigest()})
        check(e.request("POST", path, body, wrong)[0] == 403, "a hash of another body")
        real = datetime.datetime
        class Early(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return real.utcnow() - datetime.timedelta(minutes=6)
        botocore.auth.datetime.datetime = Early
        try:
            old = e.signed("POST", path, body)
        finally:
            botocore.auth.datetime.datetime = real
        status, found, text = e.request("POST", path, body, old)
        check(status == 403 and b"expired" in text, f"{status} {text}")


# ---- Zips ---------------------------------------------------------------------------------------------

def hostile_zips_are_refused(folder):
    """M3.2"""
    with emulator() as e:
        root = e.state()["root"]
        def hostile(code, text):
            refused("InvalidParameterValueException", 400, lambda: e.create(code=code), "Could not unzip")
            found = refused("InvalidParameterValueException", 400, lambda: e.create(code=code), text)
            check("E872" in found["Error"]["Message"], str(found))
        good = (b"#!/bin/sh\n", 0o100755)
        for name in ("../escape", "a/../../escape", "/tmp/escape", "a//b", "./a", "a\\b"):
            hostile(zipped({"bootstrap": good, name: (b"x", 0o100644)}), "outside")
        hostile(zipped({"link": (b"/etc", 0o120777), "link/passwd": (b"x", 0o100644)}), "is a link")
        hostile(zipped({"device": (b"", 0o020666)}), "is a link or a device")
        double = io.BytesIO()
        with zipfile.ZipFile(double, "w") as z:
            import warnings
            warnings.simplefilter("ignore")
            z.writestr("bootstrap", b"1")
            z.writestr("bootstrap", b"2")
        hostile(double.getvalue(), "exists")
        hostile(zipped({"a": (b"x", 0o100644), "a/b": (b"x", 0o100644)}), "'a/b'")
        hostile(CODE[:len(CODE) // 2], "cannot be read")
        hostile(b"no zip at all", "cannot be read")
        damaged = bytearray(CODE)
        damaged[len(CODE) // 3] ^= 0x55
        hostile(bytes(damaged), "'bootstrap'")
        check(not os.path.exists("/tmp/escape") and not os.path.exists(root + "/escape"), "an escape")
        check(os.listdir(root + "/code") == [], "what was unpacked is removed")
        e.create()
        check(e.invoke(1)[0] == 1, "it goes on")


def bombs_are_refused(folder):
    """M3.2"""
    with emulator() as e:
        bomb = zipped({f"{i}": (bytes(64 << 20), 0o100644) for i in range(5)})
        refused("InvalidParameterValueException", 400, lambda: e.create(code=bomb), "250 MB")
        check(os.listdir(e.state()["root"] + "/code") == [], "what was unpacked is removed")


# ---- HTTP ---------------------------------------------------------------------------------------------

def raw(port, data, wait=5, pieces=1):
    """What the server answers to these bytes, until it closes or says nothing for a while."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(wait)
        answer = b""
        try:
            size = max(1, len(data) // pieces)
            for at in range(0, len(data), size):
                s.sendall(data[at:at + size])
                if pieces > 1:
                    time.sleep(0.01)
            while (got := s.recv(65536)):
                answer += got
                if b"\r\n\r\n" in answer and not data.endswith(b"close\r\n\r\n"):
                    break
        except (socket.timeout, ConnectionError):
            pass
        return answer


def nonsense_gets_an_answer(folder):
    """M3.6"""
    with emulator() as e:
        e.create()
        for data, status in ((b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/9.9\r\n\r\n", b"505"),
                             (b"GET / HTTP/1.1\r\n\r\n", b"403"),
                             (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200000 + b"\r\n\r\n", b"431"),
                             (b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
                             (b"GET /_wkc/nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
                             (b"DELETE /_wkc/state HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
                             (b"POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"400"),
                             (b"POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"413"),
                             (b"\0\0\0\0\r\n\r\n", b"400")):
            answer = raw(e.port, data)
            check(answer.split(b" ")[1:2] == [status] or (status in (b"400", b"431", b"413", b"505") and answer[9:12] in (b"400", b"431", b"413", b"414", b"505")) or not answer,
                  f"{data[:60]!r}: {answer[:200]!r}")
        sign = e.signed
        for body in (b"{", b"[]", b'"x"', b"\xff", b"nul"):
            path = "/2015-03-31/functions"
            status, found, text = e.request("POST", path, body, sign("POST", path, body))
            check(status == 400 and found["x-amzn-errortype"] == "InvalidRequestContentException", f"{body}: {text}")
        status, found, _ = e.request("PATCH", "/2015-03-31/functions", b"", sign("PATCH", "/2015-03-31/functions"))
        check(status == 404 and found["x-amzn-errortype"] == "UnknownOperationException", str(status))
        status, _, _ = e.request("POST", "/2015-03-31/functions", bytes(71 << 20), {})
        check(status == 413, f"71 MB: {status}")
        check(e.invoke("still here")[0] == "still here", "it goes on")


def slow_and_broken_clients_harm_nobody(folder):
    """M4.1"""
    with emulator() as e:
        e.create()
        path, body = "/2015-03-31/functions/f/invocations", b'"slow"'
        head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in {
            **e.signed("POST", path, body), "Host": f"127.0.0.1:{e.port}", "Content-Length": len(body), "Connection": "close"}.items())
        answer = raw(e.port, head.encode() + b"\r\n" + body, pieces=50)
        check(answer.startswith(b"HTTP/1.1 200") and answer.endswith(body), f"a byte at a time: {answer}")
        waiting = []
        for _ in range(50):  # headers without an end, bodies without an end, and clients that go away
            s = socket.create_connection(("127.0.0.1", e.port))
            s.sendall(head.encode() + (b"" if len(waiting) % 2 else b"\r\n\"sl"))
            waiting.append(s)
        for i in range(20):
            check(e.invoke(i)[0] == i, "others are served meanwhile")
        for s in waiting:
            s.close()
        s = socket.create_connection(("127.0.0.1", e.port))
        body = b'{"do": "sleep", "seconds": 0.5}'
        s.sendall((f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in {
            **e.signed("POST", path, body), "Host": f"127.0.0.1:{e.port}", "Content-Length": len(body)}.items())).encode() + b"\r\n" + body)
        e.until(lambda x: any(y["state"] == "busy" for y in x["environments"]), "it runs")
        s.close()
        e.until(lambda x: not any(y["state"] == "busy" for y in x["environments"]), "it ends without its client")
        check(e.invoke("on")[0] == "on", "it goes on")


# ---- The end ------------------------------------------------------------------------------------------

def nothing_is_left_behind(folder):
    """M1.3"""
    for end in (signal.SIGTERM, signal.SIGINT):
        with emulator(end=end) as e:
            e.create(timeout=60)
            e.create("never", variables={"START": "never"})
            e.invoke({"do": "child"})
            e.invoke({"do": "child", "session": True})
            e.invoke({"do": "child", "session": True, "orphan": True})
            e.event({"do": "sleep", "seconds": 60})
            e.event(name="never")
            with ThreadPoolExecutor(1) as pool:
                waits = pool.submit(lambda: e.invoke({"do": "sleep", "seconds": 60}))
                e.until(lambda s: sum(x["state"] == "busy" for x in s["environments"]) == 2
                        and any(x["state"] == "init" for x in s["environments"]), "work")
                check(len(descendants(e.process.pid)) >= 6, "children of functions")
                os.kill(e.process.pid, signal.SIGSTOP)
                os.kill(e.process.pid, signal.SIGCONT)
                pids = descendants(e.process.pid)
                root = e.state()["root"]
                e.process.send_signal(end)
                refused("ServiceException", 500, lambda: waits.result(), "stopped")
                check(e.process.wait(20) == 0, "status")
                gone(pids)
                check(not os.path.exists(root), "the folder")
                e.process.send_signal = lambda *_: None
                e.state = lambda: {"root": "/nonexistent"}


def a_killed_emulator_leaves_nothing(folder):
    """M1.3, M1.4"""
    for victim in ("emulator", "nursery"):
        with ExitStack() as stack:
            process = subprocess.Popen([SANITIZE, "emulator", "--port=0", "--json"], stdout=subprocess.PIPE, text=True,
                                       stderr=subprocess.PIPE)
            e = Emulator(process, process.stdout.readline())
            stack.callback(process.wait)
            stack.callback(process.kill)
            e.create(timeout=60)
            e.invoke({"do": "child", "session": True})
            e.event({"do": "sleep", "seconds": 60})
            e.until(lambda s: any(x["state"] == "busy" for x in s["environments"]), "work")
            pids, root = descendants(process.pid), e.state()["root"]
            functions = set(e.pids())
            check(len(pids) == 3, str(pids))
            nursery = next(p for p in pids if Path(f"/proc/{p}/comm").read_text() == "wkc-nursery\n")
            os.kill(process.pid if victim == "emulator" else nursery, signal.SIGKILL)
            _, text = process.communicate(timeout=60)
            gone(pids if victim == "emulator" else functions | {nursery})
            end = time.time() + 60
            while os.path.exists(root) and time.time() < end:
                time.sleep(0.02)
            check(not os.path.exists(root), f"{root} is left behind")
            if victim == "nursery":
                check(process.returncode == 1 and "E870" in text, f"{process.returncode}: {text}")
                for pid in pids:  # a session of its own, whose parent was not the nursery
                    if is_alive(pid):
                        os.kill(pid, signal.SIGKILL)


def the_command_line(folder):
    """M1.1"""
    wkc("emulator", "x").fails(2, "does nothing with 'x'")
    wkc("emulator", "--port=70000").fails(2, "--port")
    wkc("emulator", "--concurrency=0").fails(2, "--concurrency")
    wkc("emulator", "--freeze=perhaps").fails(2, "--freeze", "on, off")
    wkc("emulator", "--credentials=short").fails(2, "ID:SECRET")
    wkc("emulator", "--drop=101").fails(2, "--drop")
    wkc("emulator", "--memory=64").fails(2, "--memory")
    wkc("emulator", "--port=0", env={"TMPDIR": "/nonexistent"}).fails(1, "E870", "/nonexistent")
    with emulator() as e:
        wkc("emulator", f"--port={e.port}").fails(1, "E871", "Address already in use", "--port=0")
    check("bound" not in wkc("help", "emulator").out and "--cold-start" in wkc("help", "emulator").out, "help")
    shutil.copy(SANITIZE, folder / "wkc")
    wkc("emulator", "--port=0", binary=str(folder / "wkc")).fails(1, "E873", "libwkc-emulator.so")
    process = subprocess.Popen([SANITIZE, "emulator", "--port=0", "--region=eu-north-1"], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    check(re.fullmatch(r"export AWS_ENDPOINT_URL_LAMBDA=http://127\.0\.0\.1:\d+ AWS_ACCESS_KEY_ID=\w+ AWS_SECRET_ACCESS_KEY=\w+ AWS_DEFAULT_REGION=eu-north-1\n", line), line)
    process.send_signal(signal.SIGINT)
    check(process.wait(20) == 0, "status")


# ---- Other people's programs --------------------------------------------------------------------------

def the_aws_command_line(folder):
    """M3.1, M4.1, M4.4"""
    (folder / "code.zip").write_bytes(CODE)
    with emulator("--retry-delay=50") as e:
        environment = dict(os.environ, AWS_ACCESS_KEY_ID=e.access["access_key_id"], AWS_DEFAULT_REGION="us-east-1",
                           AWS_SECRET_ACCESS_KEY=e.access["secret_access_key"], AWS_PAGER="", AWS_CONFIG_FILE="/nonexistent")
        def aws(*arguments, status=0):
            done = subprocess.run(["/usr/bin/aws", "--endpoint-url", e.endpoint, "--cli-binary-format", "raw-in-base64-out", "lambda", *arguments], cwd=folder,
                                  env=environment, capture_output=True, text=True, timeout=60)
            check(done.returncode == status, f"{arguments}: {done.returncode} {done.stderr}")
            return json.loads(done.stdout) if done.stdout.strip() else done.stderr
        made = aws("create-function", "--function-name", "f", "--runtime", "provided.al2", "--role", ROLE, "--handler", "h",
                   "--zip-file", "fileb://code.zip", "--timeout", "20", "--environment", "Variables={A=b}")
        check(made["Environment"] == {"Variables": {"A": "b"}} and made["Timeout"] == 20, str(made))
        aws("wait", "function-active", "--function-name", "f")
        found = aws("invoke", "--function-name", "f", "--payload", '{"do": "print", "text": "hello"}', "--log-type", "Tail", "out.json")
        check(found["StatusCode"] == 200 and (folder / "out.json").read_text() == "null", str(found))
        check("hello\nerror hello\nEND" in base64.b64decode(found["LogResult"]).decode(), str(found))
        check(aws("invoke", "--function-name", "f", "--invocation-type", "Event", "out.json")["StatusCode"] == 202, "event")
        check(aws("invoke", "--function-name", "f", "--payload", '{"do": "exit", "status": 1}', "out.json")["FunctionError"] == "Unhandled", "error")
        check(aws("update-function-configuration", "--function-name", "f", "--memory-size", "200")["MemorySize"] == 200, "configuration")
        check(aws("update-function-code", "--function-name", "f", "--zip-file", "fileb://code.zip", "--publish")["Version"] == "1", "code")
        check(aws("get-function", "--function-name", "f")["Configuration"]["MemorySize"] == 200, "get")
        check([f["FunctionName"] for f in aws("list-functions")["Functions"]] == ["f"], "list")
        aws("delete-function", "--function-name", "f")
        check("ResourceNotFoundException" in aws("get-function", "--function-name", "f", status=254), "gone")


RIC = ROOT / "build/ric/node_modules/aws-lambda-ric"
RIC_HANDLER = b"""
let runs = 0;
exports.handler = async (event, context) => {
    runs++;
    if (event.fail) throw new RangeError(event.fail);
    if (event.wait) await new Promise(resolve => setTimeout(resolve, event.wait));
    console.log("run", runs);
    return {event, runs, name: context.functionName, id: context.awsRequestId, memory: context.memoryLimitInMB,
            left: context.getRemainingTimeInMillis(), arn: context.invokedFunctionArn, client: context.clientContext};
};
"""


def build_ric():
    """Builds AWS's runtime client for Node once; why it cannot be, or None."""
    if (RIC / "dist/rapid-client.node").exists():
        return None
    missing = [t for t in ("node", "npm", "cmake", "autoreconf", "libtoolize", "g++", "make") if not shutil.which(t)]
    if missing:
        return "not installed: " + ", ".join(missing)
    folder = ROOT / "build/ric"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"name": "ric", "private": true}')
    try:
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "aws-lambda-ric@3"], cwd=folder,
                              capture_output=True, text=True, timeout=1200)
    except subprocess.TimeoutExpired:
        return "npm took more than 20 minutes"
    return None if (RIC / "dist/rapid-client.node").exists() else "npm: " + done.stderr.strip()[-300:]


def a_runtime_client_of_aws(folder):
    """M6.1, M6.2: Node's aws-lambda-ric, AWS's own client of the Runtime API"""
    reason = build_ric()
    if reason:
        print(f"skipped: aws-lambda-ric cannot be built: {reason}")
        return
    files = {"bootstrap": (f"#!/bin/sh\nexec {shutil.which('node')} aws-lambda-ric/bin/index.mjs \"$_HANDLER\"\n".encode(), 0o100755),
             "index.js": (RIC_HANDLER, 0o100644)}
    for path in [*RIC.glob("bin/*"), *RIC.glob("dist/*"), RIC / "package.json"]:
        files[f"aws-lambda-ric/{path.relative_to(RIC)}"] = (path.read_bytes(), 0o100644)
    with emulator() as e:
        e.client.create_function(FunctionName="node", Runtime="provided.al2", Role=ROLE, Handler="index.handler",
                                 Code={"ZipFile": zipped(files)}, Timeout=20, MemorySize=512)
        for turn in (1, 2, 3):
            context = base64.b64encode(b'{"a": 1}').decode()
            answer, found = e.invoke({"n": turn}, name="node", ClientContext=context, LogType="Tail")
            check("FunctionError" not in found, f"{answer}\n{e.get('/_wkc/logs')}")
            check(answer["event"] == {"n": turn} and answer["runs"] == turn and answer["name"] == "node", str(answer))
            check(answer["memory"] == "512" and 10000 < answer["left"] <= 20000 and answer["client"] == {"a": 1}, str(answer))
            check(answer["id"] == found["ResponseMetadata"]["RequestId"] and answer["arn"].endswith(":function:node"), str(answer))
            check(f"run\x20{turn}" in base64.b64decode(found["LogResult"]).decode(), "its log")
        answer, found = e.invoke({"fail": "out of range"}, name="node")
        check(found["FunctionError"] == "Unhandled" and answer["errorType"] == "RangeError" and answer["errorMessage"] == "out of range", str(answer))
        check(answer["trace"][0] == "RangeError: out of range", str(answer))
        e.client.update_function_configuration(FunctionName="node", Handler="index.missing")
        answer, _ = e.invoke({}, name="node")
        check(answer["errorType"] == "Runtime.HandlerNotFound", str(answer))


QUICK = [functions_live_and_die, versions_are_kept, configurations_are_checked, settings_are_kept, invocations_answer,
         environments_see_nothing_of_the_client, two_environments_do_not_share_files, logs_are_kept, failures_are_told,
         starts_that_fail_are_told, memory_is_limited, the_runtime_api_refuses_nonsense, concurrency_is_limited,
         events_are_queued, events_are_retried, latencies_are_added, idle_environments_are_frozen_and_end,
         a_function_that_lingers_is_waited_for, a_machine_that_refuses_is_no_hang, signatures_are_checked, hostile_zips_are_refused,
         slow_and_broken_clients_harm_nobody, nothing_is_left_behind, a_killed_emulator_leaves_nothing, the_command_line]
LONG = [payloads_are_limited, payloads_are_json, events_can_be_lost_and_doubled, bombs_are_refused, nonsense_gets_an_answer, the_aws_command_line,
        a_runtime_client_of_aws]

if __name__ == "__main__":
    main(QUICK + LONG if COMPLETE or len(sys.argv) > 1 else QUICK)
