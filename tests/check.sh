#!/bin/sh
# make check: what takes longer than `make test`: longer torture of the executor, random programs run in
# many ways, and a minute of each fuzzer with its kept corpus. Chance comes from the commit, or from SEED: what a run finds, another
# run of the same commit finds again, and each commit tries something new.
cd "$(dirname "$0")/.." || exit 1
. tests/tally.sh

build make -j2 MODE=fuzz fuzzers
seconds=${FUZZ_SECONDS:-60}
export SEED=${SEED:-$((0x$(git rev-parse --short=7 HEAD 2>/dev/null || echo 1)))}
echo "seed $SEED"
for source in tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    suite tests/fuzz/fuzz.sh "$name" "$seconds"
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
suite tests/generate/run.py --seed $((SEED << 20)) --seconds "$seconds"
suite sh -c "build/release/soak/world_sim $seconds $((SEED << 20)) && echo 'soak world_sim: 1 passed, 0 failed'"
finish
