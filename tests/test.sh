#!/bin/sh
# make test: unit tests, goldens, errors, programs and examples, under sanitizers. Prints a line
# "N passed, N failed" at the end and exits with 1 when anything failed.
cd "$(dirname "$0")/.." || exit 1
. tests/tally.sh

export WKC_CACHE="$PWD/build/test-cache"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
# gcc 12's LeakSanitizer now and then crashes on the thread-local storage of a thread that is ending.
export LSAN_OPTIONS=use_tls=0:print_suppressions=0
build make -j2 MODE=release all
if command -v aarch64-linux-gnu-gcc >/dev/null && [ -d /usr/lib/aarch64-linux-gnu/openblas-pthread ]; then build make -j2 arm64; fi
build make -j2 MODE=sanitize all unit_programs
for test in build/sanitize/unit/*_*; do
    [ -f "tests/unit/${test##*/}.c" ] && suite "$test"
done
build make -j2 MODE=thread thread_programs
for test in build/thread/unit/world_*; do
    [ -f "tests/unit/${test##*/}.c" ] && suite "$test"
done
suite tests/run.py
suite tests/structure.py
for test in tests/interop/*.py; do
    [ -f "$test" ] && suite "$test"
done
suite tests/examples.py
suite tests/linalg.py
suite tests/cli.py
suite tests/emulator.py
suite tests/emulator_api.py
suite tests/bundle.py
suite tests/stdlib.py
suite tests/values.py
suite tests/pieces.py
suite tests/stores.py
suite tests/remote.py
suite tests/client.py
suite tests/chaos.py
finish
