"""What the suites ask about processes: which there are, which stand below another, and whether they end."""
import os
import time

from harness import check


def numbers():
    return map(int, filter(str.isdigit, os.listdir("/proc")))


def status(pid):
    """The state's letter and the parent; none of a process that is gone."""
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        return fields[0], int(fields[1])
    except OSError:
        return None


def is_alive(pid):
    found = status(pid)
    return found is not None and found[0] != "Z"


def descendants(parent):
    """All that live below this one."""
    children = {}
    for pid in numbers():
        found = status(pid)
        if found and found[0] != "Z":
            children.setdefault(found[1], []).append(pid)
    below, ahead = set(), [parent]
    while ahead:
        found = children.get(ahead.pop(), [])
        below.update(found)
        ahead += found
    return below


def processes(*names):
    """The processes whose command lines name one of these, by their ids."""
    found = {}
    for pid in numbers():
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if any(name in line for name in names):
            found[pid] = line
    return found


def gone(pids, seconds=60):
    """They have been killed, and end as soon as somebody has the processor to see to it: who stays is left behind."""
    end = time.monotonic() + seconds
    while left := list(filter(is_alive, pids)):
        check(time.monotonic() < end, f"processes are left behind: {left}")
        time.sleep(0.02)
