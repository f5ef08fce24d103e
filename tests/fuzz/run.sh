#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh SECONDS TARGET...: runs libFuzzer targets from the build directory, two at a time, each from its corpus.
set -eu

seconds=$1
shift

case $INSTRUMENTED in
fuzzer*) ;;
*) echo "not a build with --enable-fuzz" >&2; exit 1 ;;
esac

# What a run adds to the corpus, and what it finds, stays under fuzz-work in the build directory.
fuzz_one()
{
	name=${1##*/fuzz_}
	work="$abs_top_builddir/fuzz-work/$name"
	mkdir -p "$work/corpus"
	if "$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$work/" -print_final_stats=1 \
		"$work/corpus" "$abs_top_srcdir/tests/fuzz/corpus/$name" >"$work/log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$work/log")
		echo "PASS: fuzz $name: ${2}s, ${runs:-?} runs"
	else
		echo "FAIL: fuzz $name, see $work/log"
		tail -n 40 "$work/log"
		return 1
	fi
}

bad=0
while [ $# -gt 0 ]; do
	fuzz_one "$1" "$seconds" &
	first=$!
	shift
	second=
	if [ $# -gt 0 ]; then
		fuzz_one "$1" "$seconds" &
		second=$!
		shift
	fi
	wait "$first" || bad=1
	[ -z "$second" ] || wait "$second" || bad=1
done
exit $bad
