#!/usr/bin/python3
"""wkc emulator's API as boto3 sees it: names, versions, pages, and the form of answers and refusals."""
import base64
import json
import os
import subprocess

import boto3
from botocore.config import Config

from emulator import BOOTSTRAP, CODE, ROLE, emulator, refused, zipped
from harness import check, main


def names_are_read_as_at_aws(folder):
    """M3.1: names, ARNs, and parts of them; a function may have "function" in its own name."""
    with emulator() as e:
        c = e.client
        e.create("my-function")
        e.create("function")
        check(c.publish_version(FunctionName="my-function", Description="first")["Description"] == "first", "of a version")
        arn = "arn:aws:lambda:us-east-1:123456789012:function:my-function"
        for name, version in (("my-function", "$LATEST"), ("my-function:1", "1"), (arn, "$LATEST"), (arn + ":1", "1"), (arn + ":$LATEST", "$LATEST"),
                              ("123456789012:function:my-function", "$LATEST"), ("123456789012:function:my-function:1", "1")):
            check(c.get_function_configuration(FunctionName=name)["Version"] == version, name)
            check(e.invoke({}, name)[1]["ExecutedVersion"] == version, name)
        check(e.invoke({}, "my-function:1", Qualifier="1")[1]["ExecutedVersion"] == "1", "twice the same")
        refused("InvalidParameterValueException", 400, lambda: e.invoke({}, "my-function:1", Qualifier="2"), "does not match")
        refused("ValidationException", 400, lambda: c.get_function(FunctionName="function", Qualifier="a b"), "qualifier")
        refused("ResourceNotFoundException", 404, lambda: e.invoke({}, arn.replace("us-east-1", "eu-west-1")), "not reachable in this region")
        refused("AccessDeniedException", 403, lambda: e.invoke({}, arn.replace("123456789012", "210987654321")))
        refused("ResourceNotFoundException", 404, lambda: e.invoke({}, "function:1"))
        for change in (lambda: c.update_function_code(FunctionName="my-function:1", ZipFile=CODE),
                       lambda: c.update_function_configuration(FunctionName="my-function:1", Timeout=9)):
            refused("InvalidParameterValueException", 400, change, "Only $LATEST")
        c.delete_function(FunctionName="my-function:1")
        refused("ResourceNotFoundException", 404, lambda: e.invoke({}, "my-function:1"))
        check(e.invoke({}, "my-function")[1]["StatusCode"] == 200, "only the version is deleted")


def versions_are_published_when_something_changed(folder):
    """M3.1, M3.7"""
    with emulator() as e:
        c = e.client
        for name in ("f", "g"):
            e.create(name)
        check([c.publish_version(FunctionName="f")["Version"] for _ in range(3)] == ["1"] * 3, "nothing changed")
        for timeout in (11, 12, 13):
            c.update_function_configuration(FunctionName="f", Timeout=timeout)
            c.publish_version(FunctionName="f")
        c.update_function_code(FunctionName="f", ZipFile=CODE, Publish=True)
        pages = [c.list_versions_by_function(FunctionName="f", MaxItems=2)]
        while pages[-1].get("NextMarker"):
            pages.append(c.list_versions_by_function(FunctionName="f", MaxItems=2, Marker=pages[-1]["NextMarker"]))
        check([[v["Version"] for v in page["Versions"]] for page in pages] == [["$LATEST", "1"], ["2", "3"], ["4"]], str(pages))
        check(pages[0]["Versions"][0]["FunctionArn"].endswith(":function:f:$LATEST"), str(pages[0]))
        found = []
        for page in c.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 2}):
            found += [(f["FunctionName"], f["Version"]) for f in page["Functions"]]
            if len(found) == 2:  # what a marker names may be removed meanwhile
                c.delete_function(FunctionName="f", Qualifier="2")
        check(found == [("f", "$LATEST"), ("f", "1"), ("f", "3"), ("f", "4"), ("g", "$LATEST")], str(found))


def answers_have_the_models_form(folder):
    """M3.6: each answer has its request's id; members are of the types that the service's model says."""
    with emulator() as e:
        e.create()
        c = e.client
        for answer in (c.list_functions(), c.get_function(FunctionName="f"), c.get_account_settings(), e.invoke({})[1],
                       c.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1),
                       c.delete_function_concurrency(FunctionName="f"), c.update_function_configuration(FunctionName="f", Timeout=9)):
            check(len(answer["ResponseMetadata"].get("RequestId", "")) == 36, str(answer))
        loose = boto3.client("lambda", endpoint_url=e.endpoint, region_name="us-east-1",
                             aws_access_key_id=e.access["access_key_id"], aws_secret_access_key=e.access["secret_access_key"],
                             config=Config(parameter_validation=False, retries={"max_attempts": 0}))
        for more in ({"Role": {"x": "1"}}, {"EphemeralStorage": "1"}, {"Environment": "x"}, {"VpcConfig": "v"}, {"TracingConfig": "Active"}):
            body = json.dumps(dict(FunctionName="g", Runtime="provided.al2", Role=ROLE, Handler="h",
                                   Code={"ZipFile": base64.b64encode(CODE).decode()}) | more).encode()
            status, headers, text = e.request("POST", "/2015-03-31/functions", body, e.signed("POST", "/2015-03-31/functions", body))
            check(status == 400 and b"is of another type" in text, f"{more}: {status} {text}")
        refused("InvalidParameterValueException", 400, lambda: e.create("g", Layers=["arn:aws:lambda:us-east-1:123456789012:layer:x:1"]), "no layers")
        for act in (lambda: loose.list_functions(MaxItems=0), lambda: loose.list_functions(MaxItems=10001),
                    lambda: loose.list_functions(FunctionVersion="x"), lambda: loose.invoke(FunctionName="f", LogType="x"),
                    lambda: loose.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=-1)):
            refused("ValidationException", 400, act)
        check([f["FunctionName"] for f in c.list_functions()["Functions"]] == ["f"], "nothing was made")


def a_full_disk_is_no_mistake_of_the_caller(folder):
    """M5.6"""
    place = folder / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True).returncode:
        print("emulator_api.py: a full disk is skipped: this user may not mount one")
        return
    before = os.environ.get("TMPDIR", "/tmp")
    os.environ["TMPDIR"] = str(place)
    try:
        with emulator() as e:
            big = zipped({"bootstrap": (BOOTSTRAP.read_bytes(), 0o100755), "data": (os.urandom(200000), 0o100644)})
            refused("ServiceException", 500, lambda: e.create(code=big), "No space left on device")
            e.create()
            check(e.invoke({})[1]["StatusCode"] == 200, "what has room works")
    finally:
        os.environ["TMPDIR"] = before
        subprocess.run(["umount", "-l", place], check=True)


main([names_are_read_as_at_aws, versions_are_published_when_something_changed, answers_have_the_models_form,
      a_full_disk_is_no_mistake_of_the_caller])
