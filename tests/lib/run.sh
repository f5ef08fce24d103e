#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs one compiled test: over the virtual card's PC/SC library, a fuzz target over its corpus, all of it under
# TEST_WRAPPER (valgrind, for one) when that is set.

program=$1
shift
name=${program##*/}

LD_LIBRARY_PATH="$PCSC_VCARD_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH

# processes of one test wait for each other, those of two tests do not
XDG_RUNTIME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/md-run.XXXXXX") || exit 1
export XDG_RUNTIME_DIR
trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT

case $name in
fuzz_*)
	corpus="$abs_top_srcdir/tests/fuzz/corpus/${name#fuzz_}"
	[ -d "$corpus" ] || { echo "$name: no corpus at $corpus" >&2; exit 1; }
	case $INSTRUMENTED in
	fuzzer*) set -- -runs=0 "$corpus" ;;
	*) set -- "$corpus" ;;
	esac
	;;
esac

# shellcheck disable=SC2086 # TEST_WRAPPER is a command with its options
${TEST_WRAPPER-} "$program" "$@"
