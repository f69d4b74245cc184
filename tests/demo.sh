#!/bin/sh
# make demo: a real job on real input, from source to result and graph. $1 is the build folder.
cd "$(dirname "$0")/.." || exit 1
wkc=$1/wkc
out=build/demo
mkdir -p "$out"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@" || exit 1; }

say "The program: statistics of each column of a matrix, by parallel parts"
sed -n '1,3p;20,50p' examples/columns.wk
say "Its parameters"
show "$wkc" help examples/columns.wk | head -8
say "Checked, compiled to native code, and run on every core; the input is Fisher's iris data"
show "$wkc" run examples/columns.wk table=examples/data/iris.npy part=25 --stats
say "The same in a simulation in which executors crash, messages come twice and replies get lost"
show "$wkc" run examples/columns.wk table=examples/data/iris.npy part=25 --on sim --seed 7
say "Its graph: each task reads the rows that it needs; the summaries are joined in a tree"
show "$wkc" compile examples/columns.wk table=examples/data/iris.npy part=25 --emit=dag | head -40
show "$wkc" dot examples/columns.wk table=examples/data/iris.npy part=25 -o "$out/columns.svg"
say "A larger job: pi from 25 million random points"
show "$wkc" run examples/pi.wk
say "Done. Look at $out/columns.svg, then at README.md for a tour."
