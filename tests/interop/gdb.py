#!/usr/bin/env python3
"""gdb stops at a line of a .wk file, and shows the task's arguments, variables and the way there.

    tests/interop/gdb.py [WKC]
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """\
task scaled(x: f64, times: int) -> f64 {
    var total = 0.25
    for k in 0..times {
        total += x
    }
    return total
}

flow main(times: int = 3) -> f64 { return scaled(1.5, times) }
"""


def gdb(wkc, program, level, times, commands):
    """The output of a gdb session over `wkc run program`."""
    arguments = ["gdb", "-batch", "-nx", "-ex", "set breakpoint pending on",
                 "-ex", "set debuginfod enabled off"]
    for command in commands:
        arguments += ["-ex", command]
    arguments += ["--args", wkc, "run", program, f"times={times}", level, "--workers", "1"]
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0",
                       WKC_CACHE=str(Path(program).parent / "cache"))
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment, timeout=120)
    return done.stdout + done.stderr


def check(output, patterns, failures):
    """Every pattern occurs, in this order."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(output, at)
        if not found:
            failures.append(f"not found: {pattern}\n{output}")
            return
        at = found.end()


def main():
    wkc = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("WKC", "build/release/wkc")
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "scaled.wk")
        Path(program).write_text(PROGRAM)
        output = gdb(wkc, program, "-O0", 3,
                     ["break scaled.wk:4 if k == 2", "run", "backtrace 1", "info args",
                      "print total", "print k", "delete", "next", "next", "continue"])
        check(output, [r"Breakpoint 1, task\.scaled \(x=1\.5, times=3\) at \S*scaled\.wk:4",
                       r"4\s+total \+= x",
                       r"#0 +task\.scaled \(x=1\.5, times=3\) at \S*scaled\.wk:4",
                       r"x = 1\.5", r"times = 3", r"\$1 = 3\.25", r"\$2 = 2",
                       r"4\.75", r"exited normally"], failures)
        output = gdb(wkc, program, "-O2", 100,
                     ["break scaled.wk:4", "run", "backtrace", "delete", "continue"])
        check(output, [r"Breakpoint 1, .*scaled", r"scaled\.wk:4", r"150\.25",
                       r"exited normally"], failures)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"tests/interop/gdb.py: {2 - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
