#!/usr/bin/env python3
"""The architecture, checked: which way includes may point, that headers compile alone, and that both
worlds drive one executor."""
import re
import subprocess
from pathlib import Path

from harness import ROOT, check, main

LAYERS = {  # a module of the runtime, and what it may include besides itself
    "base": set(),
    "value": {"base"},
    "graph": {"base", "value"},
    "executor": {"base", "value", "graph"},
    "store": {"base", "value", "graph", "executor"},
    "bundle": {"base"},
    "trace": {"base", "value", "graph"},
    "world": {"base", "value", "graph", "executor", "store", "bundle", "trace", "world"},
}


def includes(path):
    return re.findall(r'^#include ["<]([^">]+)[">]', path.read_text(), re.M)


def arrows_point_down(folder):
    for module, allowed in LAYERS.items():
        for path in (ROOT / "runtime" / module).glob("*.[ch]"):
            for name in includes(path):
                top = name.split("/")[0] if "/" in name else None
                if top in LAYERS:
                    check(top == module or top in allowed, f"{path} includes {name}")
                check(top not in ("syntax", "check", "flow", "kernel", "link", "command"),
                      f"{path} includes the compiler's {name}")


def only_code_generation_sees_llvm(folder):
    for path in [*ROOT.glob("compiler/**/*.[chly]"), *ROOT.glob("runtime/**/*.[ch]")]:
        if path.parent != ROOT / "compiler/kernel":
            check(not any(n.startswith("llvm-c") for n in includes(path)), f"{path} includes LLVM")


def headers_compile_alone(folder):
    for path in [*ROOT.glob("runtime/**/*.h"), *ROOT.glob("compiler/**/*.h")]:
        if path.name in ("parser_state.h", "lexer.h", "token.h", "build_node.h"):
            continue  # private to the generated scanner and parser
        flags = ["-Icompiler", "-Iruntime", "-Ibuild/sanitize/compiler", "-I/usr/lib/llvm-19/include"]
        done = subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-x", "c", *flags,
                               str(path)], cwd=ROOT, capture_output=True, text=True)
        check(done.returncode == 0, done.stderr)


def symbols(path, kinds):
    text = subprocess.run(["nm", str(path)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in text.splitlines() if line.split()[-2] in kinds}


def worlds_share_one_executor(folder):
    objects = ROOT / "build/release/runtime"
    executor = set()
    for path in (objects / "executor").glob("*.o"):
        executor |= symbols(path, "T")
    for world in ("local", "sim"):
        used = set()
        for path in (objects / "world").glob(f"{world}*.o"):
            used |= symbols(path, "U")
            own = symbols(path, "tT")
            if world == "local":
                fan_in = {s for s in own if re.search(r"join|fan_in|producer_bit", s)}
                check(not fan_in, f"{path} has fan-in code of its own: {fan_in}")
        check(executor & used, f"the world {world} does not use the executor")


def files_are_small(folder):
    for path in [*ROOT.glob("compiler/**/*.[chly]"), *ROOT.glob("runtime/**/*.[ch]")]:
        lines = path.read_text().count("\n")
        check(lines <= 1000, f"{path} has {lines} lines")


# Clauses that define words and promise nothing which a program could break.
DEFINITIONS = {"L2.1": "the notation of the grammar"}
CITING = (".wk", ".c", ".h", ".py")


def every_clause_is_cited_by_a_test(folder):
    """A test that would fail if the clause were violated names it: L4.8, for example. Here only the
    names are compared."""
    clauses = re.findall(r"^\*\*(L\d+\.\d+)\*\*", (ROOT / "spec/language.md").read_text(), re.M)
    check(len(clauses) > 100 and len(clauses) == len(set(clauses)), "a clause's number stands twice")
    cited = set()
    for path in (ROOT / "tests").glob("**/*"):
        if path.suffix in CITING and path.is_file() and path.parent.name != "generate":
            cited |= set(re.findall(r"\bL\d+\.\d+\b", path.read_text(errors="replace")))
    missing = [c for c in clauses if c not in cited and c not in DEFINITIONS]
    check(not missing, "clauses of spec/language.md that no test cites: " + ", ".join(missing))
    unknown = sorted(c for c in cited if c not in clauses)
    check(not unknown, "tests cite clauses that do not exist: " + ", ".join(unknown))


def every_clause_of_bundles_is_cited(folder):
    clauses = re.findall(r"^(B\d+\.\d+) ", (ROOT / "spec/bundle.md").read_text(), re.M)
    check(len(clauses) > 20 and len(clauses) == len(set(clauses)), "a clause's number stands twice")
    cited = set()
    for path in [*(ROOT / "tests/unit").glob("*.c"), ROOT / "tests/bundle.py"]:
        cited |= set(re.findall(r"\bB\d+\.\d+\b", path.read_text()))
    check(cited == set(clauses), f"not cited: {set(clauses) - cited}; unknown: {cited - set(clauses)}")


def every_clause_of_clients_is_cited(folder):
    clauses = re.findall(r"^(C\d+) ", (ROOT / "spec/client.md").read_text(), re.M)
    check(len(clauses) > 5 and len(clauses) == len(set(clauses)), "a clause's number stands twice")
    cited = set()
    for name in ("client.py", "chaos.py"):
        cited |= set(re.findall(r"\bC\d+\b", (ROOT / "tests" / name).read_text()))
    check(cited == set(clauses), f"not cited: {set(clauses) - cited}; unknown: {cited - set(clauses)}")


def every_clause_of_executors_is_cited(folder):
    clauses = re.findall(r"^(X\d+\.\d+) ", (ROOT / "spec/executor.md").read_text(), re.M)
    check(len(clauses) > 10 and len(clauses) == len(set(clauses)), "a clause's number stands twice")
    cited = set()
    for path in [ROOT / "tests/unit/world_remote.c", ROOT / "tests/remote.py", ROOT / "tests/pieces.py"]:
        cited |= set(re.findall(r"\bX\d+\.\d+\b", path.read_text()))
    check(cited == set(clauses), f"not cited: {set(clauses) - cited}; unknown: {cited - set(clauses)}")


def every_clause_of_simulations_is_cited(folder):
    clauses = re.findall(r"^\*\*(M\d+\.\d+)\*\*", (ROOT / "spec/simulation.md").read_text(), re.M)
    check(len(clauses) > 10 and len(clauses) == len(set(clauses)), "a clause's number stands twice")
    cited = set()
    for path in [ROOT / "tests/unit/world_sim_time.c", ROOT / "tests/cli.py", ROOT / "tests/pieces.py"]:
        cited |= set(re.findall(r"\bM\d+\.\d+\b", path.read_text()))
    check(cited == set(clauses), f"not cited: {set(clauses) - cited}; unknown: {cited - set(clauses)}")


if __name__ == "__main__":
    main([every_clause_of_clients_is_cited, every_clause_of_bundles_is_cited, every_clause_of_executors_is_cited, every_clause_of_simulations_is_cited, arrows_point_down, only_code_generation_sees_llvm, headers_compile_alone,
          worlds_share_one_executor, files_are_small, every_clause_is_cited_by_a_test])
