#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Manual pages: clean for mandoc, and complete: every environment variable that the module reads, every mechanism
# that it offers.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need mandoc awk

lint()
{
	# the page of another project, and a date in the reader's future, are no faults of the page
	mandoc -Tlint -Wstyle "$1" 2>&1 | grep -v -e 'referenced manual not found' \
		-e 'outdated mandoc.db' -e 'Mdocdate' >"$scratch/lint"
	[ ! -s "$scratch/lint" ] || { cat "$scratch/lint"; return 1; }
}

# variables ROOT: names read from the environment by the sources that make the module
variables()
{
	find "$1/cardlib" "$1/src" -name '*.c' -exec cat {} + |
		grep -oE 'secure_getenv\("[A-Z0-9_]+"\)' | sed 's/.*"\(.*\)".*/\1/' | sort -u
}

# mechanisms ROOT: names in the mechanism table
mechanisms()
{
	table="$1/src/p11/mech.c"
	[ -f "$table" ] || return 0
	grep -oE 'CKM_[A-Z0-9_]+' "$table" | sort -u
}

# documented PAGE WORD...: each word stands in the page
documented()
{
	page=$1
	shift
	absent=
	for word in "$@"; do
		grep -qE "(^|[^A-Z0-9_])$word([^A-Z0-9_]|\$)" "$page" || absent="$absent $word"
	done
	[ -z "$absent" ] || { echo "not in ${page##*/}:$absent"; return 1; }
}

scratch

# The checks themselves, on a bad page and a bad source.
mkdir -p "$scratch/bad/src/p11" "$scratch/bad/cardlib"
printf '.Dd January 1, 2020\n.Dt BAD 7\n.Os\n.Sh NAME\n.Nm bad\n.Xx macro\n' >"$scratch/bad/bad.7"
printf 'a = secure_getenv("MINIDRIVER_NEVER_TOLD");\n' >"$scratch/bad/src/p11/a.c"
printf '{ CKM_NEVER_TOLD, 1 },\n' >"$scratch/bad/src/p11/mech.c"
check_fails "sees a bad page" lint "$scratch/bad/bad.7"
check_fails "sees an untold variable" documented "$scratch/bad/bad.7" "$(variables "$scratch/bad")"
check_fails "sees an untold mechanism" documented "$scratch/bad/bad.7" "$(mechanisms "$scratch/bad")"

for page in "$abs_top_srcdir"/man/*.[1-8].in; do
	check "${page##*/} is clean" lint "$page"
done
page="$abs_top_srcdir/man/minidriver-pkcs11.7.in"
# shellcheck disable=SC2046 # lists of words
check "every environment variable is told" documented "$page" $(variables "$abs_top_srcdir")
# shellcheck disable=SC2046
check "every mechanism is told" documented "$page" $(mechanisms "$abs_top_srcdir")

finish
