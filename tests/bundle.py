#!/usr/bin/python3
"""Bundles: written deterministically, read with suspicion, whole in themselves. Cites spec/bundle.md."""
import hashlib
import json
import os
import random
import re
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

from harness import RELEASE, ROOT, SANITIZE, check, main, program, wkc

HARMONIC = ROOT / "examples/harmonic.wk"
MACHINE = os.uname().machine

# A program with all that a path could get into: a module of its own, one of the library, C, and failures.
PROGRAM = """use helper
use random

/// A table of constants.
let SCALE = 2.0

@retry(3) @timeout(90s)
extern task scaled(xs: f64[n], by: f64) -> f64[n] from "scaled.c"

@memory(64MiB) @fallback(0.0)
task risky(xs: f64[n], at: int) -> f64 {
    if xs[at] < 0.0 { fail("negative: " + str(xs[at])) }
    return xs[at]
}

flow main(n: int = 4 * 2, name: str = "it's \\"quoted\\"", seed: int = 7, scale: f64 = SCALE, at: int = 0) -> (f64, int, f64) {
    let xs = scaled(random.uniform(seed, 0, n), scale)
    return (risky(xs, at), helper.twice(n) + len(name), helper.risky(xs, at))
}
"""
HELPER = """task twice(n: int) -> int { return 2 * n }
task risky(xs: f64[n], at: int) -> f64 { return xs[at + 1] }
"""
C_FILE = """#include <wk.h>
static const char *const place = __FILE__;
WK_TASK(scaled)
{
    struct wk_array x = wk_take_array(&arguments, 1);
    double by = wk_take_f64(&arguments);
    const double *in = x.data;
    double *out = wk_give_array(context, &results, 1, x.extents, sizeof *out);
    if (!out || by < 0)
        return out ? wk_fail_message(context, "%s: by %g", place, by) : wk_failed(context);
    for (int64_t i = 0; i < x.extents[0]; i++)
        out[i] = in[i] * by;
    return 0;
}
"""


def tree(folder):
    """Writes the program and what it uses; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "helper.wk").write_text(HELPER)
    (folder / "scaled.c").write_text(C_FILE)
    return program(folder, PROGRAM, "whole.wk")


def compiled(folder, source=HARMONIC, *options, **how):
    path = folder / "job.wkb"
    run = wkc("compile", source, "-o", path, *options, **how)
    check(run.status == 0 and run.out == "" and run.err == "", run.err)
    return path


def unpacked(path, folder):
    """As unzip leaves it: with modes."""
    target = folder / "unpacked"
    done = subprocess.run(["unzip", "-q", str(path), "-d", str(target)], capture_output=True, text=True)
    check(done.returncode == 0, done.stdout + done.stderr)
    return target


def rewritten(path, change, **manifest_changes):
    """A copy with other contents, whose sums are right: `change` maps a name to bytes, or None."""
    out = path.with_name("changed.wkb")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        names = old.namelist() + [n for n in change if n not in old.namelist()]
        for name in names:
            data = change[name] if name in change else old.read(name)
            if name == "manifest.json" and manifest_changes:
                data = json.dumps({**json.loads(data), **manifest_changes}).encode()
            if data is not None:
                new.writestr(name, data)
    return out


# ---- What is written ---------------------------------------------------------------------------------

def the_manifest_is_as_specified(folder):
    """B2.1, B2.2, B2.3: the golden manifest, but for what depends on the machine's libraries."""
    path = compiled(folder, tree(folder / "p"))
    text = zipfile.ZipFile(path).read("manifest.json").decode()
    check(wkc("inspect", "--json", path).out == text, "inspect --json prints the manifest")
    files = [line for line in text.splitlines() if '"sha256"' in line]
    names = [json.loads(line.strip().rstrip(","))["name"] for line in files]
    check(names[:4] == ["flow.code", "kernels.so", "bootstrap", "bin/executor"], names)
    check(all(n.startswith("lib/") for n in names[4:]), names)
    head = text[:text.index('  "files": [')].replace(f'"target": "{MACHINE}"', '"target": "MACHINE"')
    head = re.sub(r'"processor": "[^"]*"', '"processor": "PROCESSOR"', head)
    head = re.sub(r'"compiler": "\d+\.\d+\.\d+"', '"compiler": "VERSION"', head)
    head = re.sub(r'"abi": \d+', '"abi": 0', head)
    golden = ROOT / "tests/golden/manifest.json"
    if os.environ.get("BLESS"):
        golden.write_text(head)
    check(head == golden.read_text(), "the manifest differs from tests/golden/manifest.json:\n" + head)


def hashes_are_those_of_the_files(folder):
    """B2.4."""
    with zipfile.ZipFile(compiled(folder)) as bundle:
        listed = json.loads(bundle.read("manifest.json"))["files"]
        check([f["name"] for f in listed] == bundle.namelist()[1:], bundle.namelist())
        for file in listed:
            data = bundle.read(file["name"])
            check(file["bytes"] == len(data) and file["sha256"] == hashlib.sha256(data).hexdigest(), file["name"])


def other_programs_unpack_it(folder):
    """B1.1, B1.3, B1.4: one zip, with Unix modes and one time, for unzip and for Python."""
    path = compiled(folder)
    with zipfile.ZipFile(path) as bundle:
        check(bundle.testzip() is None, "Python's zipfile")
        for info in bundle.infolist():
            started = info.filename in ("bootstrap", "bin/executor") or "/ld-linux" in info.filename
            check(info.create_system == 3 and info.extra == b"", info.filename)
            check(info.external_attr >> 16 == stat.S_IFREG | (0o755 if started else 0o644), info.filename)
            check(info.date_time == (1980, 1, 1, 0, 0, 0), info.filename)
    done = subprocess.run(["unzip", "-t", str(path)], capture_output=True, text=True)
    check(done.returncode == 0 and "No errors detected" in done.stdout, done.stdout)


def same_bytes_from_everywhere(folder):
    """B1.5: from other folders, by other paths, at other times, under another umask and environment."""
    first, second = tree(folder / "a"), tree(folder / "some/where else")
    one = compiled(folder, first).read_bytes()
    surroundings = {"TZ": "Asia/Kathmandu", "TMPDIR": str(folder / "some"), "LC_ALL": "C.UTF-8", "USER": "someone",
                    "HOME": str(folder), "WKC_CACHE": str(folder / "own cache"), "SOURCE_DATE_EPOCH": "1234567890"}
    before = os.umask(0o077)
    try:
        out = second.parent / "again.wkb"
        run = wkc("compile", "whole.wk", "-o", "again.wkb", cwd=second.parent, env=surroundings)
        check(run.status == 0, run.err)
    finally:
        os.umask(before)
    check(out.read_bytes() == one, "another folder gives other bytes")
    piped = subprocess.run([SANITIZE, "compile", first, "-o", "/dev/stdout"], capture_output=True)
    check(piped.returncode == 0 and piped.stdout == one, f"a pipe: {piped.stderr.decode()}")
    relative = wkc("compile", "../a/../a/whole.wk", "-o", folder / "third.wkb", cwd=folder / "some")
    check(relative.status == 0 and (folder / "third.wkb").read_bytes() == one, "another path gives other bytes")


def no_absolute_path_is_inside(folder):
    """B1.6: neither in code nor in debug information, which names files all the same."""
    source = tree(folder / "secret-place")
    with zipfile.ZipFile(compiled(folder, source)) as bundle:
        for name in ("manifest.json", "flow.code", "kernels.so"):
            data = bundle.read(name)
            for text in (b"secret-place", str(ROOT).encode(), b"/tmp"):
                check(text not in data, f"{name} has {text}")
        (folder / "kernels.so").write_bytes(bundle.read("kernels.so"))
    lines = subprocess.run(["readelf", "--debug-dump=info,rawline", folder / "kernels.so"], capture_output=True, text=True).stdout
    check("whole.wk" in lines and "helper.wk" in lines and "stdlib/random.wk" in lines, "debug information")


def a_program_without_tasks(folder):
    source = program(folder, "flow main(a: int = 3) -> int { return a + 4 }\n")
    path = compiled(folder, source)
    check("kernels.so" not in zipfile.ZipFile(path).namelist(), "kernels without tasks")
    check(wkc("run", path, "a=5").out == "9\n", "its result")


# ---- Running it ------------------------------------------------------------------------------------------

def it_runs_as_its_source(folder):
    """B3.6, B3.7, B4.1, B4.2: the zip and its folder, in both worlds, without the source."""
    source = tree(folder / "p")
    path = compiled(folder, source)
    wanted = wkc("run", source, "n=9", "at=3").json()
    check(wanted[1] == 18 + len("it's \"quoted\""), wanted)
    place = unpacked(path, folder)
    shutil.rmtree(source.parent)
    for bundle in (path, place):
        for world in (["--on", "local"], ["--on", "sim", "--seed", "3"], ["--workers", "1"]):
            check(wkc("run", bundle, "n=9", "at=3", *world).json() == wanted, f"{bundle} {world}")
    check(wkc("run", "unpacked", "n=9", "at=3", cwd=folder).json() == wanted, "a folder without a slash")
    bare = path.rename(folder / "any name")
    check(wkc("run", bare, "n=9", "at=3").json() == wanted, "a bundle is known by its bytes")


def executors_get_what_was_checked(folder):
    """B3.2, B3.6: a folder is packed again; a library that is not the manifest's reaches no executor."""
    path = compiled(folder)
    wanted = wkc("run", path, "parts=9").out
    place = unpacked(path, folder)
    os.chmod(place / "bootstrap", 0o644)
    (place / "other").write_text("of no interest")
    run = wkc("run", place, "parts=9", "--on=emulator")
    check(run.status == 0 and run.out == wanted, run.err)
    name = "lib/libz.so.1"
    wkc("run", rewritten(path, {name: bytes(1000)}), "parts=9", "--on=emulator").fails(1, "E861", name)
    (place / name).write_bytes(bytes(1000))
    wkc("run", place, "parts=9", "--on=emulator").fails(1, "E861", name)


def failures_name_portable_places(folder):
    """B4.3."""
    path = compiled(folder, tree(folder / "p"))
    wkc("run", path, "at=7").fails(1, "error[E805]", "--> helper.wk:2:52", "--> whole.wk:18:57")
    wkc("run", path, "scale=-1.0").fails(1, "E801", "scaled.c: by -1")
    wkc("run", path, "m=7").fails(2, "E905", "its parameters: n: int (optional)")
    missing = compiled(folder, program(folder, "task f(a: int) -> int { return a }\nflow main(a: int) -> int { return f(a) }\n"))
    wkc("run", missing).fails(2, "E906")


def drawings_are_equal(folder):
    """B4.1."""
    path = compiled(folder)
    wanted = wkc("dot", HARMONIC, "parts=5").out
    check(wanted.startswith("digraph") and wkc("dot", path, "parts=5").out == wanted, "dot")


def usage(folder):
    path = compiled(folder)
    wkc("run", path, "-O0").fails(2, "E903", "which is compiled")
    wkc("inspect").fails(2, "E904", "wkc compile FILE.wk -o JOB.wkb")
    wkc("inspect", path, path).fails(2, "does nothing with")
    wkc("inspect", folder / "none.wkb").fails(1, "E701")
    wkc("inspect", HARMONIC).fails(1, "E861")
    wkc("run", folder / "none.wkb").fails(1, "E701")
    wkc("compile", HARMONIC, "-o", folder / "own.wk").fails(2, "E903", "taken for a source")
    wkc("compile", HARMONIC, "-o", folder / "x.wkb", "parts=3").fails(2, "E904", "wkc run")
    wkc("compile", HARMONIC, "-o", folder / "x.wkb", "--target=arm").fails(2, "E903", "aarch64")
    wkc("compile", HARMONIC, "--target=aarch64").fails(2, "E903", "--target changes nothing here")
    wkc("compile", HARMONIC, "-o", folder / "none/x.wkb").fails(1, "E702")
    check(wkc("compile", HARMONIC, "--emit=asm", "--target=aarch64").out.count("fadd"), "assembly of another target")
    for command in ("check", "plan", "compile"):
        wkc(command, path).fails(2, "E904", "is a bundle", "wkc inspect")
    check(os.listdir(folder) == ["job.wkb"], os.listdir(folder))


def inspect_says_what_is_there(folder):
    """B2.5."""
    out = wkc("inspect", compiled(folder, tree(folder / "p"))).out
    for text in ("program   whole.wk", f"target    {MACHINE}", "n: i64 = 4 * 2", "name: str = \"it's \\\"quoted\\\"\"",
                 "scaled, whole.wk:8 @retry(3) @timeout(90s)", "@memory(67108864) @fallback(risky.fallback)",
                 "bin/executor", "all are what the manifest says"):
        check(text in out, f"no {text!r} in:\n{out}")


# ---- Damage --------------------------------------------------------------------------------------------------

def cut_off(folder):
    """B3.1."""
    path = compiled(folder)
    whole = path.read_bytes()
    chance = random.Random(5)
    for length in [0, 1, 3, 4, 21, 22, 100, len(whole) - 1, len(whole) - 22] + [chance.randrange(len(whole)) for _ in range(6)]:
        path.write_bytes(whole[:length])
        wkc("run", path, "parts=2").fails(1, "E861")
        wkc("inspect", path).fails(1, "E861")
    path.write_bytes(whole + b"more")
    wkc("inspect", path).fails(1, "E861", "its end is missing")


def contents_of(path):
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def changed_bytes(folder):
    """B3.1, B3.2: a changed byte is found, unless it says nothing, such as one of a time, or a bit by which what is copied is
    found at another place where the same stands."""
    path = compiled(folder)
    whole = path.read_bytes()
    clean = wkc("inspect", path).out
    with zipfile.ZipFile(path) as bundle:
        contents = [(i.header_offset + 30 + len(i.filename), i.compress_size) for i in bundle.infolist()]
        begin = bundle.start_dir
    files = contents_of(path)
    chance = random.Random(6)
    inside = [at + chance.randrange(size) for at, size in contents]
    for at in inside + [chance.randrange(begin, len(whole)) for _ in range(25)]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        run = wkc("inspect", path)
        if run.status == 0:
            same = at not in inside or files == contents_of(path)
            check(same and run.out == clean, f"the byte at {at} is not missed")
        else:
            run.fails(1, "E86")


def tampered(folder):
    """B3.2, B3.3: contents whose zip is right, but not the manifest; and what does not belong there."""
    path = compiled(folder)
    code = zipfile.ZipFile(path).read("flow.code")
    wkc("run", rewritten(path, {"flow.code": code[:-4] + b"\0\0\0\1"})).fails(1, "E861", "'flow.code' is not what its manifest says")
    wkc("run", rewritten(path, {"flow.code": code[:-4]})).fails(1, "E861", "'flow.code' is longer or shorter")
    wkc("run", rewritten(path, {"kernels.so": b"\x7fELF"})).fails(1, "E861", "kernels.so")
    wkc("dot", rewritten(path, {"kernels.so": None})).fails(1, "E861", "'kernels.so' is missing")
    wkc("inspect", rewritten(path, {"lib/evil.so": b"x"})).fails(1, "E861", "'lib/evil.so' is not in its manifest")
    wkc("inspect", rewritten(path, {"../evil": b"x"})).fails(1, "E861", "a name that cannot be")
    wkc("inspect", rewritten(path, {"manifest.json": None})).fails(1, "E861", "'manifest.json' is missing")
    for text, what in ((b"", "no JSON"), (b"[]", "'version' is missing"), (b'{"version": 1, "version": 1}', "no JSON"),
                       (b'{"version": 1}', "'compiler' is missing"), (b'{"version": "1"}', "'version' is no such number")):
        wkc("inspect", rewritten(path, {"manifest.json": text})).fails(1, "E861", what)
    place = unpacked(path, folder)
    (place / "kernels.so").write_bytes(b"\x7fELF")
    wkc("run", place).fails(1, "E861", "kernels.so")
    (place / "flow.code").unlink()
    wkc("run", place).fails(1, "E701", "flow.code")


def with_new_hash(path, name, data):
    """Contents and manifest that agree."""
    manifest = json.loads(zipfile.ZipFile(path).read("manifest.json"))
    for file in manifest["files"]:
        if file["name"] == name:
            file.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    return rewritten(path, {name: data}, files=manifest["files"])


def forged(folder):
    """B3.4: what a manifest vouches for is still no code that anyone trusts blindly."""
    path = compiled(folder)
    code = zipfile.ZipFile(path).read("flow.code")
    wkc("run", with_new_hash(path, "flow.code", code[:-4])).fails(1, "E606")
    wkc("run", with_new_hash(path, "kernels.so", b"no library")).fails(1, "E817")
    (folder / "p").mkdir()
    other = compiled(folder / "p", ROOT / "examples/pi.wk")
    kernels = zipfile.ZipFile(other).read("kernels.so")
    wkc("run", with_new_hash(path, "kernels.so", kernels)).fails(1, "E861", "its kernels lack the task 'partial'")


def other_versions_and_machines(folder):
    """B2.6, B3.5, B3.6."""
    path = compiled(folder)
    newer = rewritten(path, {}, version=2, files="of another form")
    for command in ("run", "dot", "inspect"):
        wkc(command, newer).fails(1, "E862", "version 2", "newer wkc")
    wkc("run", rewritten(path, {}, version=0)).fails(1, "E862", "compile the program again")
    wkc("run", rewritten(path, {}, abi=99)).fails(1, "E862", "version 99")
    other = rewritten(path, {}, target="riscv64")
    wkc("run", other).fails(1, "E863", "for riscv64", f"this machine is {MACHINE}")
    check(wkc("dot", other, "parts=2").out.startswith("digraph"), "a bundle of another machine can be drawn")
    check("riscv64" in wkc("inspect", other).out, "and inspected")


def runtimes_are_found_or_missed(folder):
    """B5.5: an installation without its runtimes says so."""
    (folder / "bin").mkdir()
    for name in ("wkc", "libwkc-kernel.so", "include"):
        (folder / "bin" / name).symlink_to(Path(SANITIZE).parent / name)
    binary = shutil.copy(SANITIZE, folder / "bin/own")
    library = {"WKC_STDLIB": str(ROOT / "stdlib")}
    wkc("compile", HARMONIC, "-o", folder / "x.wkb", binary=binary, env=library).fails(1, "E864", "installation complete?")
    (folder / "bin" / MACHINE).mkdir()
    (folder / "bin" / MACHINE / "runtime.zip").write_bytes(b"nothing")
    wkc("compile", HARMONIC, "-o", folder / "x.wkb", binary=binary, env=library).fails(1, "E861", "runtime.zip")
    runtime = shutil.copy(Path(SANITIZE).parent / MACHINE / "runtime.zip", folder / "bin/whole.zip")
    rewritten(Path(runtime), {}, compiler="0.0.1").rename(folder / "bin" / MACHINE / "runtime.zip")
    wkc("compile", HARMONIC, "-o", folder / "x.wkb", binary=binary, env=library).fails(1, "E864", "of another wkc")
    check(not (folder / "x.wkb").exists(), "something was written")


# ---- Whole in itself ------------------------------------------------------------------------------------------

def readelf(path, *options):
    return subprocess.run(["readelf", *options, str(path)], capture_output=True, text=True, check=True).stdout


def libraries_resolve(place):
    """Every library that a file of the folder needs, and each version of its symbols, is in lib/."""
    files = [p for p in place.rglob("*") if p.is_file() and p.read_bytes()[:4] == b"\x7fELF"]
    versions = 0
    for path in files:
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", readelf(path, "-dW")):
            check((place / "lib" / name).exists(), f"{path.name} needs {name}")
        library = None
        needs = readelf(path, "-VW").split("Version needs section")
        for line in needs[1].splitlines() if len(needs) > 1 else []:
            found = re.search(r"File: (\S+)", line)
            library = found.group(1) if found else library
            found = re.search(r"Name: (\S+)\s+Flags: (\S+)", line)
            if found and "WEAK" not in found.group(2):
                versions += 1
                check(found.group(1) in readelf(place / "lib" / library, "-VW"), f"{path.name} needs {found.group(1)} of {library}")
    return len(files), versions


def every_library_is_inside(folder):
    """B5.2, B5.3, B5.4, by readelf: with linear algebra and without."""
    plain = unpacked(compiled(folder, HARMONIC, binary=RELEASE), folder)
    files, versions = libraries_resolve(plain)
    check(files >= 6 and versions > 10, f"{files} files, {versions} versions")
    check(not list(plain.glob("lib/*blas*")), "OpenBLAS without linear algebra")
    (folder / "algebra").mkdir()
    path = compiled(folder / "algebra", ROOT / "examples/cholesky.wk", binary=RELEASE)
    algebra = unpacked(path, folder / "algebra")
    check(libraries_resolve(algebra)[0] > files and (algebra / "lib/libwkc-openblas.so.0").exists(), "OpenBLAS")
    symbols = readelf(algebra / "kernels.so", "--dyn-syms", "-W")
    offered = "".join(readelf(p, "--dyn-syms", "-W") for p in [algebra / "bin/executor", *algebra.glob("lib/lib*.so*")] if "openblas" not in p.name)
    for name in re.findall(r"UND (\S+)", symbols):
        check(re.search(rf"\d+ {re.escape(name)}\b(@|$)", offered, re.M) or name.startswith("_ITM"), f"nothing defines {name}")


def in_an_empty_root(folder):
    """B5.1: nothing of the system but its kernel, /proc, /dev and /tmp is needed."""
    if os.geteuid() != 0:
        print("bundle.py: the empty root is skipped: it needs root")
        return
    for source in (HARMONIC, ROOT / "examples/cholesky.wk"):
        place = folder / source.stem
        place.mkdir()
        root = unpacked(compiled(place, source, binary=RELEASE), place)
        for name in ("proc", "dev", "tmp"):
            (root / name).mkdir()
        script = f'mount -t proc proc "{root}/proc" && mount --bind /dev "{root}/dev" && exec chroot "{root}" /bootstrap "$@"'
        def enter(*arguments, env=None):
            return subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", *arguments],
                                  capture_output=True, text=True, env=env)
        done = enter("--check")
        check(done.returncode == 0 and f"{source.name} for {MACHINE}" in done.stdout, done.stdout + done.stderr)
        if source == HARMONIC:
            done = enter("--run", "parts=9")
            check(done.stdout == wkc("run", HARMONIC, "parts=9", binary=RELEASE).out, done.stdout + done.stderr)
        (root / "lib" / ("ld-linux-x86-64.so.2" if MACHINE == "x86_64" else "ld-linux-aarch64.so.1")).rename(root / "moved")
        done = enter("--check")
        check(done.returncode == 126 and "bootstrap: the loader in lib cannot be started" in done.stderr, done.stderr)


def by_itself(folder):
    """B5.7."""
    place = unpacked(compiled(folder, tree(folder / "p"), binary=RELEASE), folder)
    def start(*arguments):
        return subprocess.run([str(place / "bootstrap"), "--run", *arguments], capture_output=True, text=True)
    for given in ([], ["n=5", "at=2", "scale=1e-3", "name=ä = 'x'"]):
        wanted = wkc("run", place.parent / "p/whole.wk", *given).out
        check(start(*given).stdout == wanted, start(*given).stderr)
    for given, text in ((["at=7"], "error[E805]: index 8 is out of bounds"), (["at=7"], "--> helper.wk:2:52"), (["n=x"], "E704"),
                        (["m=1"], "error[E905]: 'm=1' binds no parameter"), (["m"], "E905"), (["name=\udcff"], "UTF-8")):
        done = start(*given)
        check(done.returncode == 1 and done.stdout == "" and text in done.stderr, done.stdout + done.stderr)
    (folder / "q").mkdir()
    table = unpacked(compiled(folder / "q", ROOT / "examples/columns.wk", binary=RELEASE), folder / "q")
    for given, text in (([], "error[E906]: main's parameter 'table' has no value"), (["table=x.npy"], "wkc run takes it")):
        done = subprocess.run([str(table / "bootstrap"), "--run", *given], capture_output=True, text=True)
        check(done.returncode == 1 and text in done.stderr, done.stderr)


def the_other_architecture(folder):
    """B1.5, B5.1 to B5.7 for aarch64, under qemu: the results are those of this machine, bit by bit."""
    runtime = Path(RELEASE).parent / "aarch64/runtime.zip"
    if MACHINE != "x86_64" or not shutil.which("qemu-aarch64") or not runtime.exists():
        print("bundle.py: aarch64 is skipped: it needs qemu-user and `make deps-arm64 arm64`")
        return
    for source, given in ((HARMONIC, ["parts=5"]), (ROOT / "examples/montecarlo.wk", ["strike=110.0"]),
                          (tree(folder / "p"), ["n=6", "name=x"]), (ROOT / "examples/cholesky.wk", None)):
        place = folder / f"{source.stem}.arm"
        place.mkdir()
        path = compiled(place, source, "--target=aarch64", binary=RELEASE)
        again = place / "again.wkb"
        check(wkc("compile", source, "-o", again, "--target=aarch64", binary=RELEASE).status == 0 and again.read_bytes() == path.read_bytes(), "other bytes")
        wkc("run", path, *(given or ["a=[[1]]"]), binary=RELEASE).fails(1, "E863", "for aarch64")
        inside = unpacked(path, place)
        libraries_resolve(inside)
        def start(*arguments):
            return subprocess.run(["qemu-aarch64", "lib/ld-linux-aarch64.so.1", "--library-path", "lib", "bin/executor", *arguments],
                                  cwd=inside, capture_output=True, text=True)
        check(f"{source.name} for aarch64" in start("--check").stdout, start("--check").stderr)
        if given is not None:
            check(start("--run", *given).stdout == wkc("run", source, *given, binary=RELEASE).out, start("--run", *given).stderr)
        done = subprocess.run(["qemu-aarch64", "./bootstrap"], cwd=inside, capture_output=True, text=True)
        check(done.returncode == 126 or "AWS_LAMBDA_RUNTIME_API" in done.stderr, "the starter: " + done.stderr)


def outside_of_lambda(folder):
    """B5.6."""
    place = unpacked(compiled(folder), folder)
    environment = {k: v for k, v in os.environ.items() if k != "AWS_LAMBDA_RUNTIME_API"}
    def start(*arguments):
        return subprocess.run([str(place / "bootstrap"), *arguments], capture_output=True, text=True, env=environment)
    done = start()
    check(done.returncode == 2 and "AWS_LAMBDA_RUNTIME_API names no Runtime API" in done.stderr, done.stderr)
    environment.update(LD_PRELOAD="/nothing.so", LD_LIBRARY_PATH="/nowhere")
    done = start("--check")
    check(done.returncode == 0 and done.stderr == "", "what speaks to other loaders: " + done.stderr)
    with open(place / "kernels.so", "r+b") as file:
        file.write(b"\0")
    done = start("--check")
    check(done.returncode == 1 and "error[E861]" in done.stderr and "kernels.so" in done.stderr, done.stderr)


def packing_checks_libraries(folder):
    """B5.3: the tool that packs runtimes finds what cannot be carried."""
    out = Path(RELEASE).parent
    tool, starter = out / "package-runtime", out / "bootstrap"
    source = folder / "lib.c"
    source.write_text("int needed(void) { return 1; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "libnowhere.so", source], check=True)
    source.write_text("int needed(void);\nint main(void) { return needed(); }\n")
    subprocess.run(["gcc", "-o", folder / "program", source, f"-L{folder}", "-lnowhere"], check=True)
    def pack(executor):
        return subprocess.run([tool, "1", MACHINE, starter, executor, folder / "out.zip"], capture_output=True, text=True)
    done = pack(folder / "program")
    check(done.returncode == 1 and "E865" in done.stderr and "libnowhere.so" in done.stderr, done.stderr)
    done = pack(source)
    check(done.returncode == 1 and "E865" in done.stderr, done.stderr)
    check(not (folder / "out.zip").exists(), "nothing is written")


if __name__ == "__main__":
    main([the_manifest_is_as_specified, hashes_are_those_of_the_files, other_programs_unpack_it,
          same_bytes_from_everywhere, no_absolute_path_is_inside, a_program_without_tasks,
          it_runs_as_its_source, executors_get_what_was_checked, failures_name_portable_places, drawings_are_equal, usage,
          inspect_says_what_is_there, cut_off, changed_bytes, tampered, forged,
          other_versions_and_machines, runtimes_are_found_or_missed, every_library_is_inside,
          in_an_empty_root, by_itself, the_other_architecture, outside_of_lambda, packing_checks_libraries])
