# Sourced by test.sh and check.sh: runs suites and adds up the lines "N passed, M failed" that they print
# last. A suite that ends with non-zero without such a line, or prints none, counts as one failure.
passed=0
failed=0

# Runs a build step; without it nothing can be tested.
build() {
    "$@" >build.log 2>&1 || { cat build.log; echo "cannot build: $*"; echo "$passed passed, $((failed + 1)) failed"; exit 1; }
    rm -f build.log
}

suite() {
    output=$(mktemp)
    "$@" >"$output" 2>&1
    status=$?
    line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$output" | tail -1)
    if [ -z "$line" ]; then
        cat "$output"
        echo "FAILED $*: no result (status $status)"
        failed=$((failed + 1))
    else
        p=$(echo "$line" | sed -E 's/.*[^0-9]([0-9]+) passed.*/\1/; s/^([0-9]+) passed.*/\1/')
        f=$(echo "$line" | sed -E 's/.* ([0-9]+) failed.*/\1/')
        passed=$((passed + p))
        failed=$((failed + f))
        if [ "$f" != 0 ] || [ "$status" != 0 ]; then
            cat "$output"
            [ "$f" = 0 ] && failed=$((failed + 1))
        else
            echo "$line"
        fi
    fi
    rm -f "$output"
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
