#!/bin/sh
# make soak: chance that nobody has tried, for about SECONDS: half of them simulated jobs with faults, a fourth random
# programs, a fourth the fuzzers in turn. SEED is the time of the start, or given; what is found is
# printed with its own seed. soak.sh SECONDS
cd "$(dirname "$0")/.." || exit 1
. tests/tally.sh
seconds=${1:-3600}
export SEED="${SEED:-$(date +%s)}"
echo "seed $SEED"
build make -j2 MODE=release all build/release/soak/world_sim
build make -j2 MODE=fuzz fuzzers
suite sh -c "build/release/soak/world_sim $((seconds / 2)) $((SEED << 20)) && echo 'soak world_sim: 1 passed, 0 failed'"
suite tests/generate/run.py --seed $((SEED << 20)) --seconds $((seconds / 4))
fuzzers=$(ls tests/fuzz/*.c | wc -l)
for source in tests/fuzz/*.c; do
    suite tests/fuzz/fuzz.sh "$(basename "$source" .c)" $((seconds / 4 / fuzzers + 1))
done
finish
