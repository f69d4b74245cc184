#!/bin/sh
# make check: what takes longer than `make test`: longer torture of the executor, and a minute of each
# fuzzer with its kept corpus.
cd "$(dirname "$0")/.." || exit 1
. tests/tally.sh

build make -j2 MODE=fuzz fuzzers
seconds=${FUZZ_SECONDS:-60}
for source in tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    suite tests/fuzz/fuzz.sh "$name" "$seconds"
done
build make MODE=release build/release/soak/world_sim
suite sh -c "build/release/soak/world_sim $seconds && echo 'soak world_sim: 1 passed, 0 failed'"
finish
