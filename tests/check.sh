#!/bin/sh
# make check: what takes longer than `make test`: longer torture of the executor, random programs run in
# many ways, and each fuzzer from its kept corpus. Chance is the same in every run (SEED), so that what passed once passes
# everywhere until the code changes; `make soak` tries what nobody has tried.
cd "$(dirname "$0")/.." || exit 1
. tests/tally.sh

export SEED="${SEED:-1}"
build make -j2 MODE=fuzz fuzzers
for source in tests/fuzz/*.c; do
    suite tests/fuzz/fuzz.sh "$(basename "$source" .c)"
done
build make -j2 MODE=sanitize unit_programs
suite tests/stores.py rules_in_lua_and_c
build make -j2 MODE=release all build/release/wkc-mutants build/release/soak/world_sim
build make -j2 MODE=sanitize all
suite tests/emulator.py --all
suite tests/protocol.py
suite tests/chaos.py 10
suite tests/generate/run.py --seed 1 --count 60
suite tests/generate/mutants.py
suite tests/generate/run.py --seed $((SEED << 20)) --count 500
suite sh -c "build/release/soak/world_sim 600 $((SEED << 20)) 40000 && echo 'soak world_sim: 1 passed, 0 failed'"
finish
