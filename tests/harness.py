"""What the Python suites share: running wkc, and counting checks.

A suite is a list of functions; each fails by an exception (check() raises). main() runs them, prints
what failed and the line "NAME: N passed, M failed", and exits with 1 if any failed.
"""
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = str(ROOT / "build/release/wkc")
SANITIZE = str(ROOT / os.environ.get("WKC", "build/sanitize/wkc"))
os.environ.setdefault("LSAN_OPTIONS", "use_tls=0:print_suppressions=0")  # see test.sh


class Failure(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failure(message)


class Run:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        check(self.status == 0, f"status {self.status}: {self.err}")
        return json.loads(self.out)

    def fails(self, status, *texts):
        """It ended with this status, printed no result, and said these texts."""
        check(self.status == status, f"status {self.status}, expected {status}: {self.err[:2000]}")
        check(self.out == "", f"unexpected output {self.out[:200]!r}")
        for text in texts:
            check(text in self.err, f"no {text!r} in:\n{self.err[:2000]}")
        for crash in ("AddressSanitizer", "runtime error", "internal error", "LeakSanitizer"):
            check(crash not in self.err, self.err[:4000])
        return self


def wkc(*arguments, binary=SANITIZE, timeout=300, cwd=ROOT, env=None, stdin=None, limit=None, seconds=None):
    """Runs wkc; `limit` is the address space in bytes (release builds only), `seconds` the processor time, which other load on
    the machine does not change much."""
    def restrict():
        import resource
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        if seconds:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    environment = dict(os.environ, **(env or {}))
    done = subprocess.run([binary, *map(str, arguments)], cwd=cwd, env=environment, input=stdin,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, preexec_fn=restrict)
    return Run(done.returncode, done.stdout.decode("utf-8", "replace"),
               done.stderr.decode("utf-8", "replace"))


def program(folder, text, name="program.wk"):
    path = Path(folder) / name
    path.write_text(text)
    return path


def main(tests):
    passed = failed = 0
    chosen = sys.argv[1:]
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("WKC_CACHE", cache)
        for test in tests:
            if chosen and test.__name__ not in chosen:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    test(Path(folder))
                    passed += 1
                except Failure as failure:
                    failed += 1
                    print(f"FAILED {test.__name__}: {failure}\n", file=sys.stderr)
                except Exception:
                    failed += 1
                    print(f"FAILED {test.__name__}:\n{traceback.format_exc()}\n", file=sys.stderr)
    print(f"{Path(sys.argv[0]).name}: {passed} passed, {failed} failed")
    sys.exit(failed != 0)
