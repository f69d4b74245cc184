#!/usr/bin/python3
"""The command line: commands, exit statuses, hints, files in and out, and bad input of every kind."""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np

from harness import RELEASE, ROOT, SANITIZE, check, main, program, wkc

HARMONIC = ROOT / "examples/harmonic.wk"
HISTOGRAM = ROOT / "examples/histogram.wk"
COLUMNS = ROOT / "examples/columns.wk"
SLOW = "task spin(n: int) -> int {\n    var s = 0\n    var i = 0\n    while i < n { s = (s * 31 + i) % 1000003; i += 1 }\n    return s\n}\n" \
       "flow main(n: int = 1_000_000_000_000) -> int { return reduce(add, [spin(n + i) for i in 0..64]) }\n"


# ---- Commands and their statuses --------------------------------------------------------------------

def help_and_version(folder):
    for arguments in ([], ["help"], ["--help"]):
        run = wkc(*arguments)
        check(run.status == 0 and "wkc run" in run.out + "wkc run" and "check" in run.out, run.out)
    for command in ("check", "compile", "inspect", "dot", "run", "help", "explain", "version"):
        run = wkc("help", command)
        check(run.status == 0 and f"usage: wkc {command}" in run.out, run.out + run.err)
    check("parts: int = 1024" in wkc("help", HARMONIC).out, "a program's parameters")
    check("Sums 1/k" in wkc("help", HARMONIC).out, "a task's comment")
    check(wkc("help", HARMONIC).out.endswith(f"\nRun it: wkc run {HARMONIC} [parts=VALUE] [width=VALUE]\n"), "a command line")
    path = program(folder, "struct P { x: f64 }\nflow main(p: P, xs: f64[n], s: str = \"\") -> int { return n }\n")
    check(wkc("help", path).out.endswith(f"Run it: wkc run {path} p='{{\"x\": 0.5}}' xs=FILE.npy [s=TEXT]\n"), wkc("help", path).out)
    wkc("help", program(folder, "flow main() -> int { return 1.5 }\n")).fails(1, "E301")
    run = wkc("help", "random")
    check("task uniform(seed: int, stream: int, n: int) -> f64[n]\n    n uniformly distributed" in run.out and "_word" not in run.out,
          run.out + run.err)
    run = wkc("help", "random.permutation", cwd=folder)
    check(run.out.startswith("task permutation(") and "Algorithm 235" in run.out, run.out + run.err)
    (folder / "own.wk").write_text("/// Of the file.\nuse random\n\n/// Counts 2.5\n/// times. And more.\nlet N = 3\nextern task f(x: f64) -> f64 from \"f.c\"\n")
    check(wkc("help", "own", cwd=folder).out == "Of the file.\n\nlet N = 3\n    Counts 2.5\n    times.\ntask f(x: f64) -> f64\n", wkc("help", "own", cwd=folder).out)
    wkc("help", "random.permutatoin").fails(2, "did you mean 'permutation'?")
    spec = (ROOT / "spec/language.md").read_text().split("**L5.17**")[1].split("**L5.24**")[0]
    names = {n for span in re.findall("`([^`]*)`", spec) for n in (re.findall(r"^(\w+)\(", span) if "(" in span else re.findall(r"\b[a-z]\w+", span if " " in span else ""))}
    check(len(names) > 65 and not names - set(re.findall(r"^(\w+)\(", wkc("help", "prelude").out, re.M)) and wkc("help", "sort").out.startswith("sort(xs): the "), "the prelude")
    wkc("help", "randon").fails(2, "did you mean 'wkc help random'?")
    check(re.match(r"wkc \d+\.\d+\.\d+\n$", wkc("version").out), "version")


def usage_mistakes_end_with_2_and_a_hint(folder):
    wkc("rnu", HARMONIC).fails(2, "no command 'rnu'", "wkc run")
    wkc(HARMONIC).fails(2, "wkc run")
    wkc("run").fails(2, "needs a program")
    wkc("run", HARMONIC, "--worker=2").fails(2, "--worker", "did you mean '--workers'?")
    wkc("run", HARMONIC, "--workers").fails(2, "needs an argument")
    wkc("run", HARMONIC, "--workers=many").fails(2, "'many'", "whole number")
    wkc("run", HARMONIC, "--on=cloud").fails(2, "local, sim")
    wkc("run", HARMONIC, "-O7").fails(2, "no level -O7", "-O0, -O1 and -O2")
    wkc("run", HARMONIC, "-o", "").fails(2, "the argument of --output is empty", "FILE")
    for option in ("--stats", "--remarks"):
        wkc("run", HARMONIC, f"{option}=").fails(2, f"the argument of {option} is empty", f"just {option}, or {option}=json")
    wkc("run", HARMONIC, "--seed=3").fails(2, "--seed means nothing", "--on=sim")
    wkc("version", "x").fails(2, "'wkc version' does nothing with 'x'")
    wkc("help", HARMONIC, "n=3").fails(2, "'wkc help' does nothing with 'n=3'")
    for run in (wkc("compile", HARMONIC, "--emit=none"), wkc("compile", HARMONIC, "--emit=")):
        check(run.status == 2 and "none, " not in run.err and "did you mean" not in run.err, run.err)
    wkc("compile", HARMONIC, "--emit=tpyed").fails(2, "did you mean 'typed'?")
    wkc("compile", HARMONIC, "--dump=nothing").fails(2, "no pass 'nothing'")
    wkc("explain", "E000").fails(2, "no code 'E000'")
    wkc("help", "rum").fails(2, "did you mean 'wkc help run'?")


def parameters(folder):
    wkc("run", HARMONIC, "part=3").fails(2, "no parameter 'part'", "did you mean 'parts'?")
    wkc("run", HARMONIC, "parts").fails(2, "name=value")
    wkc("run", HARMONIC, "parts=1", "parts=2").fails(2, "twice")
    wkc("run", HARMONIC, "parts=1.5").fails(2, "parts", "1.5")
    wkc("run", HARMONIC, "parts=99999999999999999999").fails(2, "parts")
    wkc("run", HARMONIC, "parts=").fails(2, "parts")
    wkc("run", HISTOGRAM).fails(2, "'data: u8[_]' has no value", "data=FILE")
    path = program(folder, "flow main(a: f64[n, m], x: int, k: int = 1, b: u8[_]) -> int { return n + x }\n".replace("k: int = 1, b: u8[_]", "b: u8[_], k: int = 1"))
    run = wkc("run", path, "k=2").fails(2, "'a: f64[_, _]'", "'x: int'", "'b: u8[_]'")
    check(run.err.count("error[E906]") == 3, run.err)
    check(run.err.count("hint:") == 1 and "a=FILE.npy x=VALUE b=FILE" in run.err, run.err)
    wkc("run", path, "x=1", f"b={path}", "a=5").fails(1, "parameter 'a'", "a=[5]")
    wkc("run", path, "x=1", f"b={path}", "a=[5, 6]").fails(2, "parameter 'a'", "[[1, 2], [3, 4]]")
    wkc("run", path, "x=1", f"b={path}", "a=[[5, x]]").fails(2, "parameter 'a'", "'x'")
    wkc("run", path, "x=1", "b=/proc/cpuinfo", "a=[[5]]").fails(1, "parameter 'b'", "/proc/cpuinfo", "copy")
    check(wkc("run", HARMONIC, "parts=1", "width=1_0").json() > 2.9, "underscores")
    path = program(folder, "flow main(a: f64[n], k: u8 = 3, e: f64 = 1e-8, b: bool = true) -> (n: int, k: u8, e: f64, b: bool) {\n"
                           "    return (len(a), k, e, b)\n}\n")
    check(wkc("run", path, "a=[0.1, 0.01]").json() == {"n": 2, "k": 3, "e": 1e-8, "b": True}, "inline")
    wkc("run", path, "a=[1, 2", "k=1").fails(2, "a")
    wkc("run", path, "a=[1]", "k=256").fails(2, "k", "256")
    wkc("run", path, "a=[1]", "b=7").fails(2, "b")


def every_code_is_explained(folder):
    codes = re.findall(r"^ERROR\((\w+),", (ROOT / "runtime/base/errors.def").read_text(), re.M)
    for code in codes:
        run = wkc("explain", code, binary=RELEASE)
        check(run.status == 0 and run.out.startswith(code + ": ") and len(run.out) > 60, run.out)
    check(len(codes) == len(set(codes)), "a code stands twice in the table")


def diagnostics_as_json_and_in_colour(folder):
    path = program(folder, "task t() -> int { return nmae }\nflow main() -> int { return t() }\n")
    run = wkc("check", path, "--diagnostics=json")
    objects = [json.loads(line) for line in run.err.splitlines()]
    check(run.status == 1 and len(objects) == 1, run.err)
    check(objects[0]["line"] == 1 and objects[0]["column"] == 26 and objects[0]["file"] == str(path), run.err)
    check("\033[" in wkc("check", path, "--colour=always").err, "colour")
    fails = program(folder, "task t(n: int) -> int { return 1 / n }\nflow main() -> int { return t(0) }\n", "fails.wk")
    found = json.loads(wkc("run", fails, "--diagnostics=json").err)
    check(found["code"] == "E802" and "hint" not in found and found["line"] == 1, str(found))
    note = found["notes"][0]
    check(note["severity"] == "note" and note["message"] == "in t(n: 0), called here" and note["line"] == 2, str(found))
    check("\033[" not in wkc("check", path).err, "no colour in a pipe")


# ---- Forms ----------------------------------------------------------------------------------------

def every_form_prints(folder):
    for form, text in (("ast", "comprehension"), ("typed", "partial"), ("flow", "reduce"),
                       ("llvm", "define"), ("asm", ".text"), ("dag", "partial")):
        run = wkc("compile", HARMONIC, f"--emit={form}", "parts=4")
        check(run.status == 0 and text in run.out, f"{form}: {run.out[:500]}{run.err}")
        again = wkc("compile", HARMONIC, f"--emit={form}", "parts=4")
        check(run.out == again.out, f"{form} is not deterministic")
    run = wkc("compile", HARMONIC, "--emit=flow", "-o", folder / "h.flow", "--dump=all",
              "--verify-each", "--time-passes")
    check(run.status == 0 and (folder / "h.flow").stat().st_size > 100, run.err)
    check("; after lower" in run.err and " ms" in run.err, run.err)
    wkc("compile", HARMONIC, "--dump=fold,dad").fails(2, "no pass 'dad'", "lower, unused-early, inline")
    wkc("run", HARMONIC, "--disable=fould").fails(2, "no pass 'fould'", "the passes: unused-early", "or graph")
    wkc("run", HARMONIC, "--remarks=xml").fails(2, "'xml' is no argument for --remarks")
    run = wkc("compile", HARMONIC, "--emit=flow", "--disable=graph")
    check(run.out == wkc("compile", HARMONIC, "--emit=flow", "-O0").out, run.err)
    run = wkc("compile", HARMONIC, "--dump=all", "--disable=fold,dead")
    check("after unused\n" in run.err and "after fold" not in run.err and "after dead" not in run.err, run.err)
    check("fold" in wkc("help", "passes").out, "wkc help passes lists the passes")
    run = wkc("compile", HARMONIC, "--time-passes")
    check(run.status == 0 and "compiled" in run.out, run.out + run.err)
    check(re.search(r"^  link +[1-9]\d*\.\d+ ms$", run.err, re.M), run.err)


def c_tasks_merge_unless_they_log(folder):
    """A7.9: in how many nodes the calls of a program end."""
    path = program(folder, """extern task half(x: f64) -> f64 from "half.c"
flow main(n: int) -> f64[_] { return [half(3.0) + half(3.0) + half(f64(i / 2)) for i in 0..n] }""")
    body = "WK_TASK(half) { double x = wk_take_f64(&arguments); note(context); wk_give_f64(&results, x / 2); return 0; }\n"
    quiet = "static void note(struct wk_context *context) { (void)context; }\n"
    loud = 'static void note(struct wk_context *context) { wk_log_message(context, "half"); }\n'
    for head, calls, lines in ((quiet, 1 + 2, 0), (loud, 3 * 4, 12)):
        for header in (False, True):  # it may stand in a file that is included
            (folder / "note.h").write_text(head)
            (folder / "half.c").write_text("#include <wk.h>\n" + ('#include "note.h"\n' if header else head) + body)
            run = wkc("run", path, "n=4", "--stats=json", "--disable=fuse,chunk")
            check(run.out == "[3.0, 3.0, 3.5, 3.5]\n" and run.err.count("half: half\n") == lines, run.err)
            dag = wkc("compile", path, "n=4", "--emit=dag").out
            task = re.search(r'^task (t\d+) "half"', dag, re.M).group(1)
            check(len(re.findall(rf"^n\d+ = {task} ", dag, re.M)) == calls, dag)


def remarks_stand_at_their_lines(folder):
    path = folder / "r.wk"
    path.write_text("task f(x: int) -> int { return x * x }\n"
                    "flow main(n: int) -> (int, int, int[_]) {\n"
                    "    let a = f(n)\n"
                    "    let b = f(n)\n"
                    "    return (a + b, @retry(2) f(n), [f(n + i) + f(n - 1) for i in 0..n])\n"
                    "}\n")
    run = wkc("run", path, "n=2", "--remarks", "--disable=fuse,each")
    check(run.status == 0 and run.out == "[8, 4, [5, 10]]\n", run.out + run.err)
    check(f"note[cse]: merged with the same call of `f` in line 3\n  --> {path}:4:13\n    4 |     let b = f(n)\n"
          "      |             ^^^^\n" in run.err, run.err)
    check("note[cse]: not merged with the call of `f` in line 3: `@retry` differs\n" in run.err, run.err)
    check("note[hoist]: moved out of the comprehension: `f` runs once for all turns\n" in run.err, run.err)
    run = wkc("compile", path, "--remarks=json", "-O1")
    found = [json.loads(line) for line in run.err.splitlines() if line.startswith("{")]
    check([(f["pass"], f["kind"], f["line"]) for f in found if f["pass"] in ("cse", "hoist")] ==
          [("cse", "done", 4), ("cse", "missed", 5), ("hoist", "done", 5)], run.err)
    check(all(f["severity"] == "note" and f["message"] and f["file"] == str(path) for f in found), run.err)
    run = wkc("compile", program(folder, """task f(i: int) -> int[2] { return [i, i + 1] }
task g(a: int[2]) -> int { return a[0] }
flow main(n: int) -> (int[_], int[_]) {
    let a = [g(f(i)) for i in 0..n]
    let b = [g(f(i)) for i in 0..n]
    return (a, b)
}""", "twice.wk"), "--remarks")
    check("twice.wk:4:16" in run.err and run.err.count("note[fuse]") == 1, f"what was merged away is spoken of: {run.err}")
    warned = program(folder, "task f(a: int) -> int { return a }\nflow main() -> int {\n    let unused = 1\n    return f(2)\n}\n", "w.wk")
    lines = [json.loads(line) for line in wkc("compile", warned, "--remarks=json").err.splitlines()]
    check([line for line in lines if line["severity"] == "warning"], "warnings among remarks are JSON, too")
    check("note[" not in wkc("run", path, "n=2").err + wkc("run", path, "n=2", "--remarks", "-O0").err, "no remarks")
    bundle = folder / "r.wkb"
    wkc("compile", path, "-o", bundle)
    wkc("run", bundle, "n=2", "--remarks").fails(2, "--remarks means nothing to", "wkc compile")
    wkc("run", bundle, "n=2", "--disable=cse").fails(2, "--disable means nothing to")


def drawings(folder):
    for level in ("task", "cluster", "flow"):
        run = wkc("dot", HARMONIC, "parts=5", f"--level={level}")
        check(run.status == 0 and "partial" in run.out, run.err)
        drawn = subprocess.run(["dot", "-Tsvg"], input=run.out, capture_output=True, text=True)
        check(drawn.returncode == 0 and not drawn.stderr and "<svg" in drawn.stdout, drawn.stderr)
        for suffix, begin in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph")):
            path = folder / f"graph.{suffix}"
            run = wkc("dot", HARMONIC, "parts=5", f"--level={level}", "-o", path)
            check(run.status == 0 and path.read_bytes().startswith(begin), f"{suffix}: {run.err}")
    wkc("dot", HARMONIC, "parts=5", "-o", folder / "graph.gif").fails(2, ".svg")
    wkc("dot", HARMONIC, "parts=5", "-o", folder / "g.svg", env={"PATH": "/nonexistent"}).fails(1, "Graphviz")
    run = wkc("dot", HARMONIC, "parts=100000", "-O0")
    check(run.status == 0 and "partial ×100000" in run.out and "add ×50000" in run.out and run.out.count("\n") < 100,
          run.out[:1000] + run.err)
    check("color=red" in run.out and "penwidth" in run.out, "families on the critical path, and where executors go on")
    run = wkc("dot", HARMONIC, "parts=1000", "width=1_000_000", "--platform=lambda-1769")
    check(run.status == 0 and run.out.count("\n") < 100, "a thousand boxes are not to be read")
    run = wkc("dot", HARMONIC, "parts=3000", "--expand", "-O0")
    check(run.status == 0 and run.out.count("partial") >= 3000, run.err)
    run = wkc("dot", HARMONIC, "parts=6", "--diff")
    check(run.status == 0 and run.out.startswith("digraph") and "partial ×6" in run.out, run.out + run.err)
    wkc("dot", HARMONIC, "--diff", "--level=flow").fails(2, "--diff draws the calls of a program")
    check(sorted(p.name for p in folder.iterdir()) == ["graph.dot", "graph.pdf", "graph.png", "graph.svg"], "leftovers")


def options_of_other_worlds(folder):
    """What a world knows nothing of is refused, and --stats prints only what the world measures."""
    remote = ("--store=mem:x", "--sweep-age=9", "--without=tree", "--grain=2", "--store-latency=1")
    own = ("--invoke-latency=1", "--cold-start=1", "--concurrency=2")
    meaningless = {(): ("--seed=1", "--endpoint=http://x", *remote, *own), ("--on=sim",): ("--workers=2", *remote, *own),
                   ("--on=sim", "--platform=lambda-1769"): ("--workers=2", *remote[:2]),
                   ("--on=loopback",): ("--seed=1", "--trace=t.json", "--endpoint=http://x", *own),
                   ("--on=emulator",): ("--seed=1", "--trace=t.json", "--workers=2"),
                   ("--on=emulator", "--endpoint=http://127.0.0.1:1"): own[:2]}
    for world, options in meaningless.items():
        for option in options:
            wkc("run", HARMONIC, *world, option).fails(2, "error[E903]", option.split("=")[0])
    wkc("run", HARMONIC, "--on=loopback", "--grain=0").fails(2, "error[E903]", "--grain")
    for world, has, lacks in (((), "steals", "store_"), (("--on=loopback",), "store_commands", "cost_dollars"),
                              (("--on=sim",), "store_commands", "cold_starts"),
                              (("--on=sim", "--platform=lambda-1769"), "cost_dollars", "steals")):
        rows = wkc("run", HARMONIC, "parts=4", *world, "--stats").err.split("\n")
        check(any(row.startswith(has) for row in rows) and not any(row.startswith(lacks) for row in rows), f"{world}: {rows}")


def stats_and_trace(folder):
    run = wkc("run", HARMONIC, "parts=8", "width=10", "-O0", "--stats=json", "--trace", folder / "t.json")
    stats = json.loads(run.err)
    for key in ("tasks_run", "invocations", "becomes", "store_reads", "store_writes",
                "store_bytes_read", "store_bytes_written", "wall_seconds"):
        check(key in stats, f"no {key} in {stats}")
    check(stats["tasks_run"] == 15, f"8 parts and 7 sums: {stats}")
    events = json.loads((folder / "t.json").read_text())["traceEvents"]
    names = [e["name"] for e in events if e.get("ph") == "X"]
    check(names.count("partial") == 8 and names.count("add") == 7, f"{names}")
    check("tasks_run" in wkc("run", HARMONIC, "parts=8", "width=10", "--stats").err, "stats as text")


TREE = "@cost(1ms) task leaf(i: int) -> int { return i }\n@cost(1ms) task plus(a: int, b: int) -> int { return a + b }\n" \
       "flow main(n: int) -> int { return reduce(plus, [leaf(i) for i in 0..n]) }\n"


# spec/simulation.md M1.1 M1.2 M2.5 M3.5 (the figures are printed, other options replace them)
def simulations_with_time(folder):
    source = folder / "tree.wk"
    source.write_text(TREE)
    def simulate(*options):
        run = wkc("run", source, "n=16", "--on=sim", "--grain=1", "--stats=json", *options)
        stats = json.loads(run.err)
        return run.out, {key: value for key, value in stats.items() if key != "wall_seconds"}
    # The client's invocations, four joins, the result committed and read: 16 executors.
    given = "--platform=lambda-1769", "--invoke-latency=50", "--store-latency=4", "--warm=16"
    out, stats = simulate(*given)
    check(out == "120\n" and stats["invocations"] == 16 and stats["cold_starts"] == 0, f"{out} {stats}")
    expected = 0.050 + 5 * 0.001 + 4 * 0.004 + 2 * 0.004
    check(expected < stats["simulated_seconds"] < expected + 0.004, f"{stats}")
    check(stats["bound_seconds"] <= stats["simulated_seconds"], f"{stats}")
    check(simulate(*given) == (out, stats), "the same again")
    check(simulate(*given, "--dry") == ("", stats), "and without running anything")
    without = simulate(*given, "--without=all")[1]
    check(without["invocations"] == 32 and without["store_writes"] == 31, f"{without}")
    check(without["cost_dollars"] > stats["cost_dollars"] > 0, "the stateless way is dearer")
    check(simulate(*given, "--concurrency=2")[1]["executors_peak"] == 2, "a limit")
    text = wkc("run", source, "n=16", "--on=sim", "--platform=emulator", "--stats").err
    check("platform emulator:" in text and "round_trip_ns" in text, "the platform's figures")
    source.write_text(TREE.replace("@cost(1ms) task leaf", "@cost(20min) task leaf"))
    wkc("run", source, "n=16", "--on=sim", *given[:1]).fails(1, "error[E892]", "leaf takes 1200 s", "for 900 s")
    for options, *texts in ((["--platform=lambda-1"], "there is no platform"), (["--dry"], "--dry is of a simulation", "add --on=sim"),
                            (["--on=sim", "--warm=3"], "--warm is of a simulation"),
                            (["--on=sim", "--platform=lambda-176"], "did you mean 'lambda-1769'"),
                            (["--on=sim", "--platform=cloud"], "one of: local, emulator, lambda-512"),
                            (["--on=sim", "--platform=local"], "--on=local"),
                            (["--on=sim", "--platform=lambda-512", "--dry", "--costs=measured"], "nothing is measured")):
        wkc("run", source, "n=16", *options).fails(2, *texts)


CHUNKED = "task part(i: int, width: int) -> f64 {\n    var s = 0.0\n    for k in 0..width { s += 1.0 / f64(i * width + k + 1) }\n    return s\n}\n" \
          "flow main(parts: int, width: int) -> f64 { return reduce(add, [part(i, width) for i in 0..parts]) }\n"


def traces_that_cannot_be_written(folder):
    """They are refused before anything is run."""
    marks = program(folder, 'task f() -> int { log("ran"); return 1 }\nflow main() -> int { return f() }')
    for path in ("/", folder, f"{folder}/t.json/", folder / "no" / "t.json"):
        run = wkc("run", marks, f"--trace={path}")
        run.fails(1, "error[E702]", f"cannot write '{path}'")
        check("ran" not in run.err and not run.out, run.err)


def profiles(folder):
    """spec/plan.md: Q1.4, Q2.3. The work that a profile predicts is that of the formulas, times one factor for each kernel."""
    source, trace = folder / "h.wk", folder / "h.json"
    source.write_text(CHUNKED)
    wkc("run", source, "parts=64", "width=1000", "--trace", trace)
    events = [e for e in json.loads(trace.read_text())["traceEvents"] if e.get("cat") == "task"]
    def work(*given):
        return json.loads(wkc("plan", source, *given, "--json").out)["after"]
    took, said = sum(e["dur"] for e in events) * 1e-6, sum(e["args"]["estimate"] for e in events) * 1e-9
    for given in (["parts=64", "width=1000"], ["parts=64", "width=50000"], ["parts=5000", "width=1000"],
                  ["parts=5000", "width=100000", "--platform=emulator"]):
        formulas, profiled = work(*given), work(*given, "--profile", trace)
        own = 40e-9 * formulas["tasks"]  # what threads take for each task, in platform.c
        factor = (profiled["work"] - own) / (formulas["work"] - own)
        check(profiled["measured"] == 100, f"all kernels are known: {profiled}")
        if len({e["name"] for e in events}) == 1 and "--platform=emulator" not in given:
            check(0.99 < factor / (took / said) < 1.01, f"{given}: {factor}, for {took / said} in the profile")
    one, all_ = ([wkc("plan", source, "parts=64", "width=100000", "--json", "--platform=emulator", *o).out for o in options]
                 for options in ([["--concurrency=1"]], [[], [f"--concurrency={os.cpu_count()}"]]))
    check(all_[0] == all_[1], "Q1.4: as many environments as a run has")
    check(json.loads(one[0])["after"]["time"] >= json.loads(all_[0])["after"]["time"], "one takes no less")
    before = json.loads(wkc("plan", source, "parts=64", "width=1000", "--json", "--profile", trace).out)["before"]
    check(before["measured"] == 100, f"tasks that the profile has as parts of others: {before}")
    text = json.loads(trace.read_text())
    text["wkc"]["version"] = 99
    trace.write_text(json.dumps(text))
    wkc("plan", source, "parts=64", "width=1000", "--profile", trace).fails(2, "trace of another version", "write it again")
    del text["wkc"]
    trace.write_text(json.dumps(text))
    old = work("parts=64", "width=1000", "--profile", trace)
    check(old["measured"] == 100 and abs(old["work"] - took) < 0.1 * took + 1e-4, f"a trace that has only names gives means: {old}, {took}")


def plans(folder):
    """spec/plan.md: Q1.2, Q5.1, Q6.1, Q6.2."""
    source = folder / "p.wk"
    source.write_text(TREE)
    found = json.loads(wkc("plan", source, "n=16", "--json", "--platform=lambda-1769").out)
    for form in ("before", "after"):
        check(found[form]["tasks"] == 31 and found[form]["depth"] == 5, f"a tree of 16 leaves: {found}")
    check(found["before"]["clusters"] == 0 < found["after"]["clusters"], "clusters are of the optimized plan")
    check("clusters" in wkc("plan", source, "n=16").out, "a table")
    lines = wkc("compile", source, "n=16", "--emit=plan", "--platform=lambda-1769").out.splitlines()
    check(len(lines) == 32 and any(" cluster=" in line for line in lines), "a line a node")
    lines = wkc("compile", source, "n=16", "--emit=plan", "--platform=lambda-1769", "--disable=dominant,heaviest").out
    check(" cluster=" not in lines and " cost=" in lines, "passes are left out")
    wkc("run", source, "n=16", "--trace", folder / "trace.json")
    profiled = json.loads(wkc("plan", source, "n=16", "--json", "--profile", folder / "trace.json").out)["after"]
    given = json.loads(wkc("plan", source, "n=16", "--json").out)["after"]
    check(abs(given["work"] - 0.031) < 0.001 and 0 < profiled["work"] < 0.01, f"empty tasks take no 1 ms: {profiled}")
    check(profiled["guessed"] == 0 and profiled["measured"] == 100, "what was measured is no guess")
    check(given["measured"] == 0, "without a profile nothing is measured")
    other = folder / "other.wk"
    other.write_text("task another(i: int) -> int { return i }\nflow main(n: int) -> int[_] { return [another(i) for i in 0..n] }\n")
    foreign = json.loads(wkc("plan", other, "n=16", "--json", "--profile", folder / "trace.json").out)["after"]
    check(foreign["measured"] == 0, "a profile of another program says nothing of this one")
    for parts in (100, 3000):
        count = json.loads(wkc("plan", other, f"n={parts}", "--json").out)["after"]["tasks"]
        stats = json.loads(wkc("run", other, f"n={parts}", "--workers=2", "--stats=json").err)
        check(count == stats["tasks_run"] < parts, f"a plan for local is of the tasks that a run has: {count}, {stats['tasks_run']}")
    run = wkc("run", source, "n=16", "--on=loopback", "--platform=emulator", "--profile", folder / "trace.json")
    check(run.json() == 120, run.err)
    wkc("plan", source, "n=16", "--profile", source).fails(2, "has no times of tasks", "--trace")
    run = wkc("run", source, "n=16", "--on=sim", "--platform=lambda-1769", "--profile", folder / "trace.json", "--stats=json")
    check(json.loads(run.err)["busy_seconds"] < 0.01, f"a profile of empty tasks counts more than @cost: {run.err}")
    wkc("compile", source, "--emit=plan", "--disable=recessive").fails(2, "there is no pass 'recessive'", "dominant")


PRODUCT = """@cost(100us) task tile(i: int, n: int) -> f64[n, n] { return [f64(i + r * c % 7) for r in 0..n, c in 0..n] }
@cost(10ms) task product(a: f64[m, k], b: f64[k, n]) -> f64[m, n] { return a @ b }
@cost(1ms) task plus(a: f64[m, n], b: f64[m, n]) -> f64[m, n] { return a + b }
@cost(1ms) task trace(a: f64[n, n]) -> f64 { return sum([a[i, i] for i in 0..n]) }
flow main(t: int = 3, n: int = 60) -> f64[_, _] {
    let a = [tile(i * 3 + j, n) for i in 0..t, j in 0..t]
    return [trace(reduce(plus, [product(a[i, p], a[p, j]) for p in 0..t])) for i in 0..t, j in 0..t]
}
"""


def plans_save_bytes(folder):
    """spec/plan.md: Q1.1, Q1.3, Q4.5, Q4.6, Q4.7, Q6.3, Q6.4: tiles are made where they are needed, by executors that share much
    and wait for each other; the result is the same everywhere."""
    source = folder / "product.wk"
    source.write_text(PRODUCT)
    expected = wkc("run", source).out
    stats = {}
    for options in (["-O0"], ["-O2"], ["-O2", "--disable=recompute"], ["-O2", "--disable=affinity"], ["--without=clustering"],
                    ["-O2", "--disable=dominant,affinity"], ["-O2", "--without=all"]):
        run = wkc("run", source, "--on=sim", "--platform=lambda-1769", "--costs=given", "--grain=1", "--stats=json",
                  *options)
        check(run.status == 0 and run.out == expected, f"{options}: {run.err}")
        stats[" ".join(options)] = json.loads(run.err)
    moved = {form: found["store_bytes_written"] + found["store_bytes_read"] for form, found in stats.items()}
    check(2 * moved["-O2"] <= moved["-O0"], f"bytes are saved: {moved}")
    check(stats["-O2"]["simulated_seconds"] <= stats["-O0"]["simulated_seconds"], "and no time is lost")
    check(stats["-O2"]["tasks_run"] > stats["-O2 --disable=recompute"]["tasks_run"], "tiles are made again")
    for world in ("loopback", "emulator"):
        run = wkc("run", source, f"--on={world}", "--platform=lambda-1769")
        check(run.status == 0 and run.out == expected, run.err)
    found = json.loads(wkc("plan", source, "--json", "--platform=lambda-1769").out)["after"]
    run = wkc("run", source, "--on=sim", "--platform=lambda-1769", "--costs=given", "--stats=json")
    simulated = json.loads(run.err)["simulated_seconds"]
    check(0.75 < found["time"] / simulated < 1.25, f"{found['time']} s are predicted, {simulated} s simulated")


STACK = """@cost(300ms) task block(i: int, n: int) -> f64[n, n] { return [f64(i + r * c % 7) for r in 0..n, c in 0..n] }
@cost(1ms) task stacked(a: f64[n, n], b: f64[n, n]) -> f64[n, n] { return [max(a[i, j], b[i, j]) for i in 0..n, j in 0..n] }
flow main(blocks: int = 40, n: int = 60) -> f64[_, _] { return reduce(stacked, [block(i, n) for i in 0..blocks]) }
"""


def plans_count_executors(folder):
    """spec/plan.md: Q1.1, Q1.4, Q4.5, Q4.6: with so many executors nobody waits for one who cannot start meanwhile, all have work,
    and clusters make nothing slower."""
    source = folder / "stack.wk"
    source.write_text(STACK)
    for executors in (1, 3, 10, 40):
        given = ["--on=sim", "--platform=lambda-1769", "--dry", f"--concurrency={executors}", f"--warm={executors}", "--stats=json"]
        took = {form: json.loads(wkc("run", source, *given, *options).err)["simulated_seconds"]
                for form, options in (("clusters", []), ("without", ["--without=clustering"]), ("-O0", ["-O0"]))}
        check(took["clusters"] <= min(took.values()), f"{executors}: {took}")
        rounds = -(-40 // executors)
        check(took["clusters"] < 1.1 * 0.302 * rounds + 0.1, f"{executors} have {rounds} blocks each, at most: {took}")
    fast = json.loads(wkc("plan", source, "--json", "--platform=lambda-1769", "--invoke-latency=1", "--cold-start=0",
                          "--store-latency=0").out)["after"]["time"]
    slow = json.loads(wkc("plan", source, "--json", "--platform=lambda-1769", "--invoke-latency=5000").out)["after"]["time"]
    check(0.3 < fast < 0.4 and 5.3 < slow < 9, f"latencies are counted with: {fast}, {slow}")
    for option in ("--concurrency=2", "--invoke-latency=1", "--cold-start=1", "--store-latency=1", "--shards=2"):
        wkc("plan", source, option).fails(2, "error[E903]", "--platform=lambda-1769")
        wkc("plan", source, option, "--platform=local").fails(2, "error[E903]", "no executor is invoked")
    wkc("plan", source, "--concurrency=0", "--platform=lambda-1769").fails(2, "error[E903]", "--concurrency")


# ---- Results --------------------------------------------------------------------------------------

def results_go_to_files(folder):
    path = program(folder, "task t(n: int) -> f32[n, 2] { return [f32(i) / 2.0 + f32(j) for i in 0..n, j in 0..2] }\n"
                           "flow main(n: int) -> f32[n, 2] { return t(n) }\n")
    expected = np.arange(3, dtype=np.float32)[:, None] / 2 + np.arange(2, dtype=np.float32)
    check(wkc("run", path, "n=3").json() == expected.tolist(), "JSON")
    for name in ("r.npy", "r.json", "r.raw"):
        check(wkc("run", path, "n=3", "-o", folder / name).status == 0, name)
    check((np.load(folder / "r.npy") == expected).all(), "npy")
    check(json.loads((folder / "r.json").read_text()) == expected.tolist(), "json")
    check((folder / "r.raw").read_bytes() == expected.tobytes(), "raw")
    wkc("run", path, "n=3", "-o", folder / "missing/r.npy").fails(1, "cannot write")
    wkc("run", HARMONIC, "parts=2", "-o", folder / "h.npy").fails(2, ".json")
    with open("/dev/full", "w") as full:
        done = subprocess.run([SANITIZE, "run", path, "n=3"], stdout=full, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 1 and "cannot write" in done.stderr, done.stderr)
    check(sorted(p.name for p in folder.iterdir()) == ["program.wk", "r.json", "r.npy", "r.raw"], "leftovers")


def texts_go_to_files_and_come_from_them(folder):
    texts = ["", "plain", "größe \u20ac \U0001f600", 'a "quoted"\tone', "x" * 100_000]
    path = program(folder, "task pieces(s: str) -> str[_] {\n    let units = bytes(s)\n    var list: str[_] = []\n"
                           "    var begin = 0\n    for i in 0..len(units) {\n        if units[i] == 124 {\n"
                           "            list = append(list, s[begin..i])\n            begin = i + 1\n        }\n    }\n"
                           "    return append(list, s[begin..])\n}\nflow main(s: str) -> str[_] { return pieces(s) }\n")
    (folder / "in").write_text("|".join(texts))
    wkc("run", path, f"s=@{folder}/in", "-o", folder / "r.txt")
    check((folder / "r.txt").read_text() == "".join(t + "\n" for t in texts), "lines")
    wkc("run", path, f"s=@{folder}/in", "-o", folder / "r.jsonl")
    check([json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()] == texts, "JSON lines")
    path = program(folder, "task twice(s: str) -> str { return s + s }\nflow main(s: str) -> str { return twice(s) }\n")
    wkc("run", path, f"s=@{folder}/in", "-o", folder / "r.txt")
    check((folder / "r.txt").read_text() == 2 * "|".join(texts), "a text as it is")
    check(wkc("run", path, "s=@@x").json() == "@x@x", "@@ begins a text with @")
    wkc("run", path, "s=x", "-o", folder / "s.jsonl").fails(2, "E907", "an array")
    wkc("run", path, "s=x", "-o", folder / "s.csv").fails(2, "E907")
    wkc("run", path, f"s=@{folder}/none").fails(1, "E701", "parameter 's'")
    (folder / "in").write_bytes(b"one\ntw\xe4\n")
    wkc("run", path, f"s=@{folder}/in", "-o", folder / "s.txt").fails(1, "E715", "line 2, column 3", "UTF-8")
    check(not (folder / "s.txt").exists(), "nothing is written")
    path = program(folder, "flow main(a: f64[n, m]) -> f64[n, m] { return a }\n")
    wkc("run", path, "a=[[1, nan], [2, 3]]", "-o", folder / "m.jsonl")
    check((folder / "m.jsonl").read_text() == "[1.0, NaN]\n[2.0, 3.0]\n", "a row a line")
    wkc("run", path, "a=[]", "-o", folder / "m.jsonl")
    check((folder / "m.jsonl").read_text() == "", "no rows")
    wkc("run", path, "a=[[1]]", "-o", folder / "m.txt").fails(2, "E907", "lines of a str[n]")


def full_disk(folder):
    """A tmpfs of 64 KiB as the disk: nothing half-written stays."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        return  # not allowed to mount here
    try:
        (disk / "r.npy").write_bytes(b"before")
        path = program(folder, "task t(n: int) -> int[n] { return zeros(n) }\nflow main(n: int) -> int[n] { return t(n) }\n")
        wkc("run", path, "n=100_000", "-o", disk / "r.npy").fails(1, "cannot write", "space")
        check((disk / "r.npy").read_bytes() == b"before", "what was there is kept")
        check([p.name for p in disk.iterdir()] == ["r.npy"], "leftovers")
    finally:
        subprocess.run(["umount", disk])


# ---- Running ----------------------------------------------------------------------------------------

def failing_tasks_name_place_and_arguments(folder):
    path = program(folder, "task pick(xs: int[n], i: int) -> int {\n    return xs[i]\n}\n"
                           "flow main(i: int) -> int {\n    return pick([1, 2, 3], i)\n}\n")
    check(wkc("run", path, "i=2").json() == 3, "in bounds")
    for world in ([], ["--on", "sim"], ["-O0"]):
        run = wkc("run", path, "i=7", *world).fails(1, "7", "3", f"{path}:2:", "pick")
        check(run.err.count("error[") == 1, run.err)
    path = program(folder, 'task t(x: int) -> int {\n    if x > 2 { fail("x is " + str(x) + ", too large") }\n    log("seen " + str(x))\n    return x\n}\n'
                           "flow main() -> int { return reduce(add, [t(i) for i in 0..5]) }\n")
    wkc("run", path).fails(1, "too large", f"{path}:2:")


def interrupt_ends_cleanly(folder):
    path = program(folder, SLOW)
    for world in ([], ["--on", "sim"]):
        process = subprocess.Popen([RELEASE, "run", path, "-o", folder / "r.json", *world], stderr=subprocess.PIPE)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
        check(process.returncode == 130, f"status {process.returncode}: {err}")
        check(time.monotonic() - begin < 15, "took long to end")
    check([p.name for p in folder.iterdir()] == ["program.wk"], "leftovers")


def interrupted_in_the_middle_of_c(folder):
    """L7.18: C code that does not ask whether to stop does not keep the process."""
    (folder / "p.wk").write_text('extern task f(x: int) -> int from "f.c"\nflow main() -> int { return f(3) }\n')
    (folder / "f.c").write_text("#include <wk.h>\nWK_TASK(f) { (void)context, (void)results; while (*(volatile uint64_t *)arguments) ; return 0; }\n")
    wkc("compile", "p.wk", cwd=folder, binary=RELEASE)
    for form, message in (("text", "error[E814]: the job was stopped before its end, a task in the middle\n"), ("json", '"code":"E814"')):
        process = subprocess.Popen([RELEASE, "run", "p.wk", "-o", "r.json", f"--diagnostics={form}"], stderr=subprocess.PIPE, cwd=folder, text=True)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
        check(process.returncode == 130 and message in err, f"status {process.returncode}: {err}")
    check(not (folder / "r.json").exists(), "a result")


def jobs_of_this_machine_have_a_time(folder):
    """--timeout, where the task asks whether to stop (wk) and where it does not (C); the status is that of a failure."""
    (folder / "p.wk").write_text('extern task f(x: int) -> int from "f.c"\n'
                                 'task g(x: int) -> int {\n    var i = x\n    while i > 0 { i = i % 7 + 1 }\n    return i\n}\n'
                                 'flow main(c: bool) -> int { return if c { f(3) } else { g(3) } }\n')
    (folder / "f.c").write_text("#include <wk.h>\nWK_TASK(f) { (void)context, (void)results; while (*(volatile uint64_t *)arguments) ; return 0; }\n")
    for c in ("true", "false"):
        for world in ("local", "sim"):
            run = wkc("run", "p.wk", f"c={c}", f"--on={world}", "--timeout=500ms", "-o", "r.json", cwd=folder, binary=RELEASE, timeout=60)
            run.fails(1, "error[E883]: the job took longer than 0.5 s", "--timeout")
            check(run.err.count("error") == 1, run.err)
    check(not (folder / "r.json").exists(), "a result")
    check(wkc("run", HARMONIC, "parts=2", "width=1", "--timeout=1h").json() == 1.5, "in time")


def passes_over_arrays_are_polled(folder):
    """L7.18: what has no loop in the text has one that can be stopped."""
    for body in ("return a * 2.0 + a", "var b = a\n    b += 1.0\n    return b", "return a * sum(a)", "return a - max(a)",
                 "return [exp(x) for x in a]", "let b = [x + y for x in a, y in a]\n    return [b[0, i] for i in 0..len(a)]", "return a * f64(argmax(a))"):
        path = program(folder, f"task f(a: f64[n]) -> f64[n] {{\n    {body}\n}}\nflow main(n: int = 9) -> f64[_] {{ return f(f(fill(1.5, n))) }}\n")
        check("wk_stopped" in wkc("compile", path, "--emit=llvm", "-O0").out, body)


# A result of 320 MB: a signal comes while its files are written (V5.10).
LARGE = ("task make(n: int) -> f64[_] { return fill(1.5, n) }\n"
         "flow main(n: int) -> (xs: f64[_], m: map[str]int) { return (xs: make(n), m: map[str]int{\"a\": 1}) }\n")


def killed_while_a_folder_is_written(folder):
    path = program(folder, LARGE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen([RELEASE, "run", path, "n=40_000_000", "-o", f"{folder}/out/"], stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while process.poll() is None and not list(folder.glob("out.*")) and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        left = sorted(p.name for p in folder.glob("out*"))
        if number == signal.SIGKILL:
            check(left == ["out"] or (len(left) == 1 and left[0].startswith("out.")), f"{process.returncode} {err} {left}")
        else: # what is about to be whole is finished, or taken away
            check(process.returncode in (0, 130) and left == (["out"] if process.returncode == 0 else []), f"{number}: {process.returncode} {left}")
        if (folder / "out").exists():
            shutil.rmtree(folder / "out")
    wkc("run", path, "n=3", "-o", f"{folder}/out/")
    check(sorted(p.name for p in (folder / "out").iterdir()) == ["m.json", "xs.npy"], "the next run is not disturbed")


# An element that takes a microsecond.
SLOWLY = "0.5"
for _ in range(20):
    SLOWLY = f"sin({SLOWLY} + pow(f64(i), 0.3))"

# Loops and calls that never end by themselves, or not for minutes, with nothing but arithmetic within (L7.18).
ENDLESS = {
    "range": "for i in 0..n { x = x * 3 + i }",
    "inclusive": "for i in 1..=n { x = x * 3 + i }",
    "steps": "for i in range(0, n, k) { x = x * 3 + i }",
    "backward": "for i in range(n, 0, -1) { x = x * 3 + i }",
    "nested": "for i in 0..n { for j in 0..3 { x = x * 3 + i + j } }",
    "while": "while x != 0 { x = x * 3 + 2 }",
    "sum": "x = sum([i * i % 7 for i in 0..n])",
    "floats": "x = int(sum([1.0 / f64(i + 1) for i in 0..n]))",
    "any": "if any([i * i % 7 == 3 for i in 0..n]) { x = 2 }",
    "filter": "x = len([i for i in 0..n if i * i == 3])",
    "reduce": "x = reduce(max, [i * i % 7 for i in 0..n], chunk: n)",
    "calls": "x = fib(n / 10_000_000_000)",
    "comprehension": f"let a = [{SLOWLY} > 0.5 for i in 0..n / 5_000]\n    x = if a[k] {{ 1 }} else {{ 2 }}",
    "rows": f"let a = [{SLOWLY} > f64(j) for j in 0..n / 100_000_000, i in 0..20_000]\n    x = if a[k, k] {{ 1 }} else {{ 2 }}",
}


def endless_tasks_stop_soon(folder):
    for name, body in ENDLESS.items():
        path = program(folder, "task fib(n: int) -> int { return if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }\n"
                               f"@timeout(300ms)\ntask t(n: int, k: int) -> int {{\n    var x = k\n    {body}\n    return x + fib(1)\n}}\n"
                               "flow main(n: int = 1_000_000_000_000) -> int { return t(n, 1) }\n")
        for level, world in (("-O0", "local"), ("-O2", "local"), ("-O2", "sim")):
            begin = time.monotonic()
            run = wkc("run", path, level, f"--on={world}", binary=RELEASE, timeout=60)
            check(run.status == 1 and "E819" in run.err, f"{name} {level} {world}: {run.status} {run.err}")
            check(time.monotonic() - begin < 40, f"{name} {level} {world}: stopped late")


def memory_limit(folder):
    path = program(folder, "task make(i: int) -> f64[_] { return fill(f64(i), 1000000) }\ntask total(a: f64[n], b: f64[n]) -> f64 { return sum(a) + sum(b) }\n"
                           "flow main() -> f64 { return total(make(1), make(2)) }\n")
    wkc("run", path, "--memory=10MiB").fails(1, "memory", "10")
    check(wkc("run", path, "--memory=64MiB").json() == 3e6, "within the limit")


def depth_first_keeps_few_values(folder):
    """A reduction over 100,000 arrays of 1 MB within 1 GB of address space beyond the start's own."""
    path = program(folder, "task make(i: int) -> f64[_] { return fill(f64(i), 131072) }\n"
                           "task plus(a: f64[n], b: f64[n]) -> f64[n] { return a + b }\n"
                           "task first(a: f64[n]) -> f64 { return a[n - 1] }\n"
                           "flow main(n: int) -> f64 { return first(reduce(plus, [make(i) for i in 0..n])) }\n")
    n = 20_000
    run = wkc("run", path, f"n={n}", "--memory=1GiB", "--stats=json", binary=RELEASE, timeout=300)
    check(float(run.out) == n * (n - 1) / 2, run.out + run.err)
    check(json.loads(run.err)["values_peak_bytes"] < 1 << 30, run.err)


def progress_on_a_terminal_only(folder):
    path = program(folder, SLOW)
    leader, follower = pty.openpty()
    process = subprocess.Popen([RELEASE, "run", path, "n=5_000_000"], stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:
        pass
    process.communicate(timeout=60)
    check(process.returncode == 0 and b"tasks done" in shown, repr(shown[-300:]))
    check("tasks done" not in wkc("run", path, "n=100_000", binary=RELEASE).err, "nothing of it in a pipe")


# ---- Bad input -------------------------------------------------------------------------------------

def bad_sources(folder):
    wkc("run", folder / "missing.wk").fails(1, "missing.wk", "No such file")
    wkc("run", folder).fails(1, "cannot read")
    wkc("run", program(folder, "")).fails(1, "main")
    (folder / "binary.wk").write_bytes(bytes(range(256)) * 20)
    wkc("check", folder / "binary.wk").fails(1, "error[")
    (folder / "utf8.wk").write_bytes(b"flow main() -> int { return 1 } // \xff\xfe\n")
    wkc("check", folder / "utf8.wk").fails(1, "UTF-8", "1:")
    with open(folder / "large.wk", "wb") as file:
        file.write(b"// nothing\n" * 10_000_000)
    wkc("check", folder / "large.wk").fails(1, "large.wk", "MiB")


def deep_nesting(folder):
    n = 100_000
    for name, text in (("parentheses", "(" * n + "1" + ")" * n), ("brackets", "[" * n + "]" * n),
                       ("unclosed", "(" * n), ("minus", "-" * n + "1"), ("not", "!" * n + "true"),
                       ("sum", "1" + "+1" * n), ("index", "x" + "[0]" * n), ("call", "f(" * n + ")" * n),
                       ("if", "if true { 1 } else " * n + "{ 1 }"), ("field", "x" + ".a" * n),
                       ("comprehension", "[" * n + "1" + " for i in 0..1]" * n), ("and", "true" + " && true" * n)):
        path = program(folder, f"task t() -> int {{ return {text} }}\n")
        wkc("check", path, timeout=60).fails(1, "error[")
    for name, text in (("blocks", "if true { " * n + "}" * n), ("elses", "if true { } else " * n + "{ }"),
                       ("loops", "while true { " * n + "}" * n)):
        wkc("check", program(folder, f"task t() {{ {text} }}\n"), timeout=60).fails(1, "error[")
    wkc("check", program(folder, "task t(x: " + "int" + "[_]" * n + ") { }\n"), timeout=60).fails(1, "error[")


def long_chains(folder):
    """Many functions, each calling the next: no stage may recurse along them, or search through them."""
    n = 24_000
    leaf = "task t(x: int) -> int { return x + 1 }\n"
    chain = "".join(f"flow f{i}(x: int) -> int {{ return f{i + 1}(x) }}\n" for i in range(n))
    failing = "".join(f"flow f{i}(x: int) -> int {{ return 1 / f{i + 1}(x) }}\n" for i in range(n))
    tasks = "".join(f"task t{i + 1}(x: int) -> int {{ return t{i}(x) }}\n" for i in range(n))
    calls = "".join(f"    x = t{i + 1}(x)\n" for i in range(n))
    for text in (leaf + chain + f"flow f{n}(x: int) -> int {{ return t(x) }}\nflow main() -> int {{ return f0(1) }}\n",
                 leaf + failing + f"flow f{n}(x: int) -> int {{ return t(x) }}\nflow main() -> int {{ return f0(1) }}\n",
                 f"task t0(x: int) -> int {{ return x }}\n{tasks}flow main() -> int {{\n    var x = 1\n{calls}    return x\n}}\n",
                 f"task t0(x: int) -> int {{ return x }}\n{tasks}"):
        path = program(folder, text)
        wkc("check", path, timeout=600, seconds=100).fails(0)
        wkc("check", path, binary=RELEASE, timeout=600, seconds=10).fails(0)


def graphs_that_never_end(folder):
    t = "task t(x: int) -> int { return x }\n"
    for text, place in ((t + "flow main() -> int {\n    var x = 0\n    while true { x += 1 }\n    return x\n}\n", ":4:"),
                        (t + "flow main() -> int {\n    var x = t(0)\n    while true { x = t(x) }\n    return x\n}\n", ":4:"),
                        (t + "flow f(n: int) -> int { return f(n + 1) }\nflow main() -> int { return f(0) }\n", ":2:"),
                        (t + "flow f(n: int) -> int { return f(n + 1) + t(n) }\nflow main() -> int { return f(0) }\n", ":2:")):
        path = program(folder, text)
        wkc("run", path, "--max-tasks=100000", binary=RELEASE, timeout=300).fails(1, "error[E6", f"{path}{place}")
    path = program(folder, "flow main() -> int { return reduce(add, [i for i in 0..1_000_000_000_000]) }\n")
    wkc("run", path, binary=RELEASE).fails(1, "error[E6")


def bad_data(folder):
    a = np.arange(12.0).reshape(4, 3)
    np.save(folder / "a.npy", a)
    whole = (folder / "a.npy").read_bytes()
    check(wkc("run", COLUMNS, f"table={folder}/a.npy").json()["mean"] == a.mean(0).tolist(), "whole")
    (folder / "cut.npy").write_bytes(whole[:-8])
    wkc("run", COLUMNS, f"table={folder}/cut.npy").fails(1, "cut.npy", "error[E7")
    for n in (0, 3, 9, 50, 120):
        (folder / "head.npy").write_bytes(whole[:n])
        wkc("run", COLUMNS, f"table={folder}/head.npy").fails(1, "head.npy", "error[E7")
    np.save(folder / "one.npy", a.ravel())
    wkc("run", COLUMNS, f"table={folder}/one.npy").fails(1, "one.npy", "dimension")
    np.save(folder / "int.npy", a.astype(np.int32))
    wkc("run", COLUMNS, f"table={folder}/int.npy").fails(1, "int.npy", "i32", "f64")
    np.save(folder / "text.npy", np.array([["a"]]))
    wkc("run", COLUMNS, f"table={folder}/text.npy").fails(1, "text.npy")
    wkc("run", COLUMNS, f"table={folder}/none.npy").fails(1, "none.npy", "No such file")
    wkc("run", COLUMNS, f"table={folder}").fails(1, "error[E7")
    np.save(folder / "big.npy", a.astype(">f8"))
    check(wkc("run", COLUMNS, f"table={folder}/big.npy").json()["mean"] == a.mean(0).tolist(), "big-endian")
    np.save(folder / "empty.npy", np.zeros((0, 3)))
    wkc("run", COLUMNS, f"table={folder}/empty.npy").fails(1, "error[E")


def refused_data(folder, kind, name, content, *texts):
    """main takes an array of `kind` from a file of these bytes: refused with the place, and nothing is written."""
    path = program(folder, f"flow main(a: {kind}) -> {kind} {{ return a }}\n")
    (folder / name).write_bytes(content)
    before = sorted(p.name for p in folder.iterdir())
    wkc("run", path, f"a={folder / name}", "-o", folder / "out.json").fails(1, "error[E7", name, *texts)
    check(sorted(p.name for p in folder.iterdir()) == before, "something was written")


def bad_csv(folder):
    for kind, content, *texts in [
            ("f64[n, m]", b"1,2\n3,4,5\n", "line 2, column 6", "has 3 fields"),
            ("f64[n, m]", b"x,y,z\n1,2,3\n4,5\n", "line 3, column 4", "2 fields", "have 3"),
            ("f64[n]", b"1\n2,3\n", "line 2", "1"),
            ("f64[n, m]", b'1,2\n3,"4\n5,6\n', "line 2, column 3", "quote"),
            ("f64[n, m]", b'1,"2', "line 1, column 3", "quote"),
            ("f64[n, m]", b'1,"2"3\n', "line 1, column 6", "comma"),
            ("i64[n]", b"1\n9223372036854775808\n", "E714", "line 2, column 1", "9223372036854775808"),
            ("u8[n, m]", b"1,255\n2,256\n", "line 2, column 3", "256"),
            ("u64[n, m]", b"1,-1\n", "line 1, column 3", "-1"),
            ("f64[n, m]", b"1,1e999\n", "line 1, column 3", "1e999"),
            ("i64[n, m]", b"1,,3\n", "line 1, column 3", "empty"),
            ("f64[n, m]", b"1,2\n3,four\n", "line 2, column 3", "four"),
            ("f64[n, m]", b"1;2\n3;4\n", "E714", "line 1, column 1", "'1;2' is no f64", "have ';' between them: tr ';' ',' <"),
            ("f64[n, m]", b"1,5;2\n3,5;4\n", "E714", "line 1, column 3", "have ';' between them: tr ',;' '.,' <"),
            ("i64[n, m]", b"a\tb\n1\t2\n", "E714", "line 2, column 1", "have tabs between them: tr '\\t' ',' <"),
            ("f64[n]", b"1,5;2\n", "E713", "have ';' between them: tr ',;' '.,' <"),
            ("f64[n, m]", "1,2\n3,größe\n".encode("latin-1"), "E714", "line 2, column 3"),
            ("f64[n, m]", "1,2\n3,4\n".encode("utf-16"), "E715", "UTF-16", "iconv"),
            ("f64[n, m]", b"1,2\n3,\x004\n", "E715", "line 2, column 3", "zero byte"),
            ("f64[n, m, l]", b"1,2\n", "E708", "one or two dimensions")]:
        refused_data(folder, kind, "a.csv", content, *texts)


def bad_json(folder):
    for kind, content, *texts in [
            ("f64[n]", b"", "line 1, column 1", "'['"),
            ("f64[n]", b"[1,\n 2", "line 2, column 3", "missing at the end"),
            ("f64[n]", b"[1,\n 2,\n]", "line 3, column 1", "a number is missing"),
            ("f64[n]", b"[1 2]", "line 1, column 4", "','"),
            ("f64[n]", b"[1, 2]\n\n[3]", "line 3, column 1", "behind the list"),
            ("f64[n, m]", b"[[1, 2],\n [3, 4],\n [5]]", "line 3, column 2", "rectangle"),
            ("f64[n, m]", b"[\n  1, 2]", "line 2, column 3", "a list is expected"),
            ("f64[n]", b"[\n  [1, 2]]", "line 2, column 3", "an element is expected"),
            ("i64[n]", b"[\n1,\n  9223372036854775808]", "line 3, column 3", "9223372036854775808"),
            ("u8[n, m]", b"[[1, 2],\n [3, 256]]", "line 2, column 6", "256"),
            ("f64[n]", b"[1e999]", "line 1, column 2", "1e999"),
            ("i64[n]", b"[1,\n\"2\"]", "line 2, column 1"),
            ("i64[n]", b"[1,\n\"never ends]", "line 2, column 1"),
            ("i64[n]", b"[1, null]", "line 1, column 5", "null"),
            ("f64[n]", b"[1, 2\xe4\xf6\xfc]", "line 1, column 5"),
            ("f64[n]", "[1, 2]".encode("utf-16"), "E715", "UTF-16"),
            ("f64[n]", b"[1,\n 2\0]", "E715", "line 2, column 3")]:
        refused_data(folder, kind, "a.json", content, *texts)
    refused_data(folder, "f64[n, m]", "deep.json", b"[" * 1_000_000, "line 1, column 3")


def texts_of_utf8_with_a_mark(folder):
    path = program(folder, "flow main(a: i64[n]) -> i64[n] { return a }\n")
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbf1\r\n2\r\n")
    (folder / "a.json").write_bytes(b"\xef\xbb\xbf[1, 2]")
    for name in ("a.csv", "a.json"):
        check(wkc("run", path, f"a={folder / name}").json() == [1, 2], name)


EVERY_FORMAT = """struct R { a: f64, s: str }
task records(x: R[n]) -> int { return n }
task texts(x: str[n]) -> int { return n }
task items(x: (a: int, b: str)[n]) -> int { return n }
flow main(x: f64[n] = [], r: R[_] = [], t: str[_] = [], b: bytes = [], j: (a: int, b: str)[_] = [], s: str = "") -> int {
    return n + records(r) + texts(t) + len(b) + items(j) + len(s)
}
"""


def empty_files_and_last_lines_without_an_end(folder):
    path = program(folder, EVERY_FORMAT)
    for given, text, count in (
            ("x=e.csv", "", 0), ("x=e.csv", "\ufeff", 0), ("x=e.csv", "\n\n", 0), ("x=e.csv", "1\n2", 2), ("x=e.jsonl", "", 0),
            ("r=e.csv", "a,s", 0), ("r=e.csv", "s,a\nx,1\n\"y\nz\",2", 2), ("t=e.txt", "", 0), ("t=e.txt", "\n", 1),
            ("t=e.txt", "l\nl", 2), ("t=e.txt", "\ufeff", 0), ("b=e.bin", "", 0), ("b=e.bin", "ab", 2), ("j=e.jsonl", "", 0),
            ("j=e.jsonl", '{"a": 1, "b": ""}\n\n{"b": "", "a": 2}', 2), ("j=e.json", "[]", 0), ("s=@e.txt", "", 0), ("s=@e.txt", "ab", 2)):
        name = given.split("=")[1].lstrip("@")
        (folder / name).write_text(text)
        check(wkc("run", path, given, cwd=folder).json() == count, f"{given} {text!r}")
    for given, code in (("x=e.npy", "E705"), ("x=e.json", "E711"), ("j=e.json", "E711"), ("r=e.csv", "E717")):
        (folder / given.split("=")[1]).write_text("")
        wkc("run", path, given, cwd=folder).fails(1, code, given.split("=")[1])


def very_long_lines(folder):
    """100 MB in a line: refused with its place, within a gigabyte of memory, and the message stays short."""
    path = program(folder, "flow main(a: f64[n]) -> f64 { return sum(a) }\n")
    size = 100_000_000
    for name, begin, place in (("a.csv", b"1\n", "line 2, column 1"), ("a.json", b"[1,\n", "line 2, column 1"),
                               ("b.csv", b"1\n\"", "line 2, column 1"), ("b.json", b"[1,\n\"", "line 2, column 1")):
        with open(folder / name, "wb") as out:
            out.write(begin)
            out.write(b"7" * (size - len(begin)))
        run = wkc("run", path, f"a={folder / name}", binary=RELEASE, limit=1 << 30).fails(1, name, place)
        check(len(run.err) < 2000, f"{len(run.err)} bytes of message")
        (folder / name).unlink()
    with open(folder / "holes.csv", "wb") as out:
        out.truncate(size)
    wkc("run", path, f"a={folder / 'holes.csv'}", binary=RELEASE, limit=1 << 30).fails(1, "E715", "line 1, column 1")


def globs_without_a_match(folder):
    path = program(folder, "flow main(logs: file[n]) -> int { return n }\n")
    (folder / "a.log").write_text("x")
    check(wkc("run", path, f"logs={folder}/*.log").json() == 1, "one match")
    before = sorted(p.name for p in folder.iterdir())
    wkc("run", path, f"logs={folder}/*.log,{folder}/*.txt", "-o", folder / "r.json").fails(1, "E712", "*.txt")
    wkc("run", path, f"logs={folder}/none.log", "-o", folder / "r.json").fails(1, "E701", "none.log")
    check(sorted(p.name for p in folder.iterdir()) == before, "something was written")


def has_open(pid, path):
    """Whether the process has the file open now."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if file.readlink() == path:
                return True
        except OSError:
            pass
    return False


def file_that_shrinks_while_it_is_read(folder):
    path = folder / "data"
    path.write_bytes(b"x" * (64 << 20))
    process = subprocess.Popen([RELEASE, "run", ROOT / "tests/data/slowhistogram.wk", f"data={path}"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not has_open(process.pid, path):
        check(process.poll() is None and time.monotonic() < until, "the file is not read")
        time.sleep(0.01)
    time.sleep(0.3)  # its size is known, and most of it unread: that takes half a minute
    os.truncate(path, 1000)
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    check(process.returncode == 1 and "changed" in err and out == "", f"{process.returncode} {out[:100]} {err}")


def shapes_are_refused_before_anything_runs(folder):
    path = program(folder, 'task say(n: int) -> f64[n] { log("ran"); return zeros(n) }\n'
                           "task dot(a: f64[n], b: f64[n]) -> f64 { return sum(a * b) }\n"
                           "flow main() -> f64 {\n    return dot(say(3), say(4))\n}\n")
    run = wkc("run", path).fails(1, "error[E401]", f"{path}:4:", "3", "4")
    check("ran" not in run.err, "a task ran")


def no_memory(folder):
    """Under a small address space: a clear end, never a crash."""
    for limit in (60, 100, 150, 200, 300):
        run = wkc("run", HARMONIC, "parts=200000", "width=1", binary=RELEASE, limit=limit << 20)
        check(run.status in (0, 1, 127), f"{limit} MiB: status {run.status}: {run.err[:500]}")
        if run.status:
            check(run.err.strip() != "", f"{limit} MiB: no message")
    path = program(folder, "task t(n: int) -> f64 { let a: f64[n] = zeros(n); return a[n - 1] }\nflow main(n: int) -> f64 { return t(n) }\n")
    wkc("run", path, "n=1_000_000_000", binary=RELEASE, limit=2 << 30).fails(1, "memory")
    wkc("run", path, "n=9_000_000_000_000_000_000").fails(1, "error[E8")


def missing_library(folder):
    """Where OpenBLAS is not installed: a program says so when it needs it, and others run."""
    (folder / "shim.c").write_text(r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <string.h>
        void *dlopen(const char *name, int flags)
        {
            void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
            return next(name && strstr(name, "openblas") ? "libnowhere.so.0" : name, flags);
        }""")
    shim = folder / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, folder / "shim.c", "-ldl"], check=True)
    path = program(folder, "task t(n: int) -> f64 { let a: f64[n, n] = zeros(n, n); let b = a @ a; return b[0, 0] }\n"
                           "flow main(n: int) -> f64 { return t(n) }\n")
    run = wkc("run", path, "n=32", binary=RELEASE, env={"LD_PRELOAD": str(shim)})
    run.fails(1, "error[E821]", "libnowhere", "apt install libopenblas0-pthread", "in t(n: 32)")
    check(wkc("run", path, "n=31", binary=RELEASE, env={"LD_PRELOAD": str(shim)}).json() == 0.0, "small")
    check(wkc("run", path, "n=32", binary=RELEASE, env={"OPENBLAS_NUM_THREADS": "9"}).json() == 0.0, "large")


def missing_tools(folder):
    cache = {"WKC_CACHE": str(folder / "cache")}
    wkc("run", HARMONIC, "parts=3", env={"PATH": "/nonexistent", **cache}).fails(1, "error[E816]", "lld-19")
    linker = folder / "ld.lld-19"
    linker.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    linker.chmod(0o755)
    wkc("run", HARMONIC, "parts=3", env={"PATH": f"{folder}:/usr/bin:/bin", **cache}).fails(1, "error[E817]", "no room")
    run = wkc("run", HARMONIC, "parts=3", "width=11", env={"WKC_CACHE": "/proc/nowhere"})
    check(run.status == 0 and "warning[W801]" in run.err, run.err)
    dot = folder / "dot"
    dot.write_text("#!/bin/sh\nexit 3\n")
    dot.chmod(0o755)
    wkc("dot", HARMONIC, "parts=3", "-o", folder / "g.svg", env={"PATH": f"{folder}:/usr/bin"}).fails(1, "error[E831]")
    check(not (folder / "g.svg").exists(), "nothing half-drawn")
    alone = folder / "alone/wkc"
    alone.parent.mkdir()
    shutil.copy(RELEASE, alone)
    wkc("run", HARMONIC, "parts=3", "width=12", binary=str(alone), env=cache).fails(1, "error[E815]", "libwkc-kernel.so", "install")


def the_cache(folder):
    cache = folder / "cache"
    environment = {"WKC_CACHE": str(cache)}
    first = wkc("run", HARMONIC, "parts=3", env=environment).json()
    entries = [p for p in cache.rglob("*") if p.is_file()]
    check(entries, "nothing is kept")
    for entry in entries:
        data = bytearray(entry.read_bytes())
        data[len(data) // 2] ^= 0xFF
        entry.write_bytes(data)
    check(wkc("run", HARMONIC, "parts=3", env=environment).json() == first, "a damaged entry is made again")
    both = [subprocess.Popen([RELEASE, "run", HISTOGRAM, f"data={HARMONIC}"], stdout=subprocess.PIPE,
                             env=dict(os.environ, **environment)) for _ in range(6)]
    outputs = {p.communicate(timeout=60)[0] for p in both}
    check(len(outputs) == 1 and all(p.returncode == 0 for p in both), "six runs at once")


def tasks_in_c_are_made_again_when_anything_changes(folder):
    (folder / "p.wk").write_text('extern task f(x: int) -> int from "f.c"\nflow main() -> int { return f(3) }\n')
    (folder / "f.h").write_text("#define FACTOR 2\n")
    source = '#include <wk.h>\n # include "f.h"\nWK_TASK(f) { wk_give_int(&results, FACTOR * wk_take_int(&arguments)); ' \
             'return 0; }\n'
    (folder / "f.c").write_text(source)
    def run(**environment):
        return wkc("run", "p.wk", cwd=folder, env={"WKC_CACHE": str(folder / "cache"), **environment})
    check(run().json() == 6, "the first time")
    (folder / "f.h").write_text("#define FACTOR 5\n")
    check(run().json() == 15, "after a change of what is included")
    (folder / "f.c").write_text(source.replace("FACTOR *", "ADD + FACTOR *").replace("WK_TASK", "#ifndef ADD\n#define ADD 1\n#endif\nWK_TASK"))
    check(run().json() == 16, "after a change of the file")
    check(run(CC="clang-19").json() == 16, "another compiler")
    check(run(CC="clang-19 -DADD=7").json() == 22, "CC may have arguments")
    run(CC="no-such-compiler").fails(1, "E844", "'no-such-compiler'", "install the package gcc")
    run(PATH=str(folder)).fails(1, "E844", "'cc'")
    check(wkc("check", "p.wk", cwd=folder, env={"PATH": str(folder)}).status == 0, "check needs no compiler")


def a_task_in_c_that_exits_is_no_success(folder):
    (folder / "p.wk").write_text('extern task f(x: int) -> int from "f.c"\nflow main() -> int { return f(3) }\n')
    (folder / "f.c").write_text("#include <stdlib.h>\n#include <wk.h>\nWK_TASK(f) { (void)context, (void)arguments, (void)results; exit(0); }\n")
    for options in ([], ["--on=sim"]):
        run = wkc("run", "p.wk", *options, cwd=folder, binary=RELEASE, env={"WKC_CACHE": str(folder / "cache")})
        run.fails(1, "E841", "a task written in C ended the process")


def a_task_in_c_that_faults_is_named(folder):
    (folder / "p.wk").write_text('task g(x: int) -> int { return x }\n'
                                 'extern task f(x: int) -> int from "f.c"\nflow main() -> int { return f(g(3)) }\n')
    bodies = {"SIGSEGV": "*(volatile int *)(wk_take_int(&arguments) - 3) = 1; return 0;",
              "SIGFPE": "wk_give_int(&results, 7 / (wk_take_int(&arguments) - 3)); return 0;",
              "SIGSEGV 2": "volatile char c[8192]; c[0] = 1; return wk_extern_f(context, arguments, results) + c[0];"}
    for name, body in bodies.items():
        (folder / "f.c").write_text("#include <wk.h>\nWK_TASK(f) { (void)context, (void)arguments, (void)results; " + body + " }\n")
        for options in ([], ["--on=sim"]):
            run = wkc("run", "p.wk", *options, cwd=folder, binary=RELEASE, env={"WKC_CACHE": str(folder / "cache")})
            run.fails(-getattr(signal, name.split()[0]), "E841", name.split()[0], "p.wk:2:", "its C code is to blame")


def wk_h_is_c_and_cpp(folder):
    (folder / "t").write_text("#include <wk.h>\nWK_TASK(f) { struct wk_array a = wk_take_array(&arguments, 2); (void)a;"
                              " wk_give_f32(&results, wk_take_f32(&arguments)); return wk_should_stop(context); }\n")
    for compiler, language, standard in [("gcc", "c", "c11"), ("clang-19", "c", "c17"), ("clang-19", "c++", "c++11"),
                                         ("clang-19", "c++", "c++20")]:
        done = subprocess.run([compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
                               "-Wsign-conversion", "-Wcast-qual", "-Werror", "-fsyntax-only", f"-I{ROOT}/runtime", "t"],
                              cwd=folder, capture_output=True, text=True)
        check(done.returncode == 0, f"{compiler} {standard}: {done.stderr}")


def installs(folder):
    done = subprocess.run(["make", "-s", "install", f"PREFIX={folder}/usr"], cwd=ROOT, capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    installed = f"{folder}/usr/bin/wkc"
    run = wkc("run", f"{folder}/usr/share/wkc/examples/harmonic.wk", "parts=2", "width=1", binary=installed,
              cwd=folder, env={"WKC_CACHE": str(folder / "cache")})
    check(run.json() == 1.5, run.err)
    (folder / "p.wk").write_text('extern task f(x: int) -> int from "f.c"\nflow main() -> int { return f(3) }\n')
    (folder / "f.c").write_text("#include <wk.h>\nWK_TASK(f) { *results = *arguments + 1; return 0; }\n")
    run = wkc("run", "p.wk", binary=installed, cwd=folder, env={"WKC_CACHE": str(folder / "cache")})
    check(run.json() == 4, run.err)
    (folder / "q.wk").write_text("use random\nflow main() -> int { return random.integers(1, 2, 5, 6, 1)[0] }\n")
    run = wkc("run", "q.wk", binary=installed, cwd=folder, env={"WKC_CACHE": str(folder / "cache")})
    check(run.json() == 5, run.err)
    (folder / "library").mkdir()
    (folder / "library/random.wk").write_text("task integers(a: int, b: int, c: int, d: int, e: int) -> int[e] { return fill(77, e) }\n")
    run = wkc("run", "q.wk", binary=installed, cwd=folder, env={"WKC_STDLIB": str(folder / "library")})
    check(run.json() == 77, run.err)


if __name__ == "__main__":
    main([help_and_version, usage_mistakes_end_with_2_and_a_hint, parameters, every_code_is_explained,
          diagnostics_as_json_and_in_colour, every_form_prints, c_tasks_merge_unless_they_log, remarks_stand_at_their_lines, drawings, options_of_other_worlds, stats_and_trace, simulations_with_time,
          plans, traces_that_cannot_be_written, profiles, plans_save_bytes, plans_count_executors,
          results_go_to_files, texts_go_to_files_and_come_from_them, full_disk, failing_tasks_name_place_and_arguments,
          interrupt_ends_cleanly, interrupted_in_the_middle_of_c, jobs_of_this_machine_have_a_time, passes_over_arrays_are_polled, endless_tasks_stop_soon, memory_limit, depth_first_keeps_few_values,
          progress_on_a_terminal_only, bad_sources, deep_nesting, long_chains, graphs_that_never_end, bad_data, bad_csv, bad_json, texts_of_utf8_with_a_mark,
          empty_files_and_last_lines_without_an_end, very_long_lines, killed_while_a_folder_is_written, globs_without_a_match,
          file_that_shrinks_while_it_is_read, shapes_are_refused_before_anything_runs, no_memory,
          missing_library, missing_tools, the_cache, tasks_in_c_are_made_again_when_anything_changes,
          a_task_in_c_that_exits_is_no_success, a_task_in_c_that_faults_is_named, wk_h_is_c_and_cpp, installs])
