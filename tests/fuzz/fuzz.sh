#!/bin/sh
# Runs one fuzzer for some seconds over a copy of its kept corpus: fuzz.sh NAME SECONDS. What crashes
# it is left in build/fuzz/findings; add a minimized copy to the corpus with the fix.
name=$1
seconds=$2
corpus=build/fuzz/corpus/$name
mkdir -p "$corpus" build/fuzz/findings
[ -d "tests/fuzz/corpus/$name" ] && cp -f tests/fuzz/corpus/"$name"/* "$corpus"/ 2>/dev/null
if build/fuzz/fuzzers/"$name" -seed="${SEED:-1}" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=4096 -max_len=65536 \
    -artifact_prefix="build/fuzz/findings/$name-" "$corpus" >build/fuzz/"$name".log 2>&1; then
    grep -E 'Done [0-9]+ runs' build/fuzz/"$name".log
    echo "fuzz $name: 1 passed, 0 failed"
else
    tail -40 build/fuzz/"$name".log
    echo "fuzz $name: 0 passed, 1 failed"
    exit 1
fi
