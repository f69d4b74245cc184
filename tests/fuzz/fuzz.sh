#!/bin/sh
# Runs one fuzzer from its kept corpus, and what build/fuzz/seeds makes: fuzz.sh NAME [SECONDS].
#
# Without SECONDS it makes the number of runs that tests/fuzz/runs gives, from one seed, the inputs in one order and memory at the same
# addresses: the same inputs in each run, so that what passes once passes everywhere. With SECONDS it explores, from a seed of
# its own, and keeps in build/fuzz/corpus what reached something new. What crashes it is left in
# build/fuzz/findings; add a minimized copy to tests/fuzz/corpus with the fix.
name=$1
seconds=$2
kept="tests/fuzz/corpus/$name build/fuzz/made/$name"
mkdir -p build/fuzz/findings build/fuzz/made
build/fuzz/seeds build/fuzz/made tests/golden/flow/*.flow >/dev/null || { echo "fuzz $name: 0 passed, 1 failed"; exit 1; }
if [ -n "$seconds" ]; then
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus"
    for folder in $kept; do [ -d "$folder" ] && cp -f "$folder"/* "$corpus"/; done
    set -- -seed="${SEED:-$(date +%s)}" -max_total_time="$seconds" "$corpus"
else
    runs=$(sed -n "s/^$name //p" tests/fuzz/runs)
    [ -n "$runs" ] || { echo "fuzz $name: tests/fuzz/runs has no line for it"; exit 1; }
    set -- -seed="${SEED:-1}" -runs="$runs"
    find $kept -type f 2>/dev/null | LC_ALL=C sort | paste -sd, >build/fuzz/"$name".inputs
    [ -s build/fuzz/"$name".inputs ] && set -- "$@" -seed_inputs=@build/fuzz/"$name".inputs
fi
fixed=
setarch -R true 2>/dev/null && fixed="setarch -R"
if $fixed build/fuzz/fuzzers/"$name" -timeout=25 -rss_limit_mb=4096 -max_len=65536 \
    -artifact_prefix="build/fuzz/findings/$name-" "$@" >build/fuzz/"$name".log 2>&1; then
    grep -E 'Done [0-9]+ runs' build/fuzz/"$name".log
    echo "fuzz $name: 1 passed, 0 failed"
else
    tail -40 build/fuzz/"$name".log
    echo "fuzz $name: 0 passed, 1 failed"
    exit 1
fi
