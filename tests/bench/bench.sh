#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make bench: what everyday acts cost with this module, with OpenSC and with ykcs11, on the same virtual cards in one run.
# Leaves results.tsv and costs.svg in tests/bench of the build, prints tables, and fails when a limit is passed.
# BENCH_QUICK=yes leaves out the slow reader.
set -euo pipefail

pin=123456
CONTAINERS_MAX=30
here="$abs_top_srcdir/tests/bench"
tools="$abs_top_builddir/tests/bench"
results="$tools/results.tsv"
# processes on one card at once, and the signatures that each makes
CROWDS="1 2 4 8 16"
CROWD_SIGNATURES=10

# Readers, as libpcsc-vcard.so takes them: microseconds for an exchange, nanoseconds for a byte. What a card's processor
# needs for a signature comes on top, and is the same for all modules.
declare -A LATENCY=(
	[none]="0,0"
	[fast]="1000,667"	 # a USB token: 1 ms, 12 Mbit/s
	[median]="20000,23000"	 # a reader and a card: 20 ms, 344 kbit/s
	[slow]="20000,833000"	 # the same at 9,600 bit/s
)

declare -A MODULES=([minidriver-pkcs11]="$MODULE")

# shellcheck source=tests/bench/cards.sh
. "$here/cards.sh"
# shellcheck source=tests/bench/jobs.sh
. "$here/jobs.sh"
# shellcheck source=tests/bench/programs.sh
. "$here/programs.sh"

# --- what is measured -------------------------------------------------------------------------------------------

SIDES=("minidriver-pkcs11 cold" "minidriver-pkcs11 warm" "OpenSC cold" "OpenSC warm" "ykcs11 cold")

# on_all MODEL CARD ACT...: with all modules that serve the card
on_all() {
	local side
	for side in "${SIDES[@]}"; do
		[ -n "${MODULES[${side% *}]-}" ] || continue
		[[ $2 != gids-* || $side != ykcs11* ]] || continue
		# shellcheck disable=SC2086 # two words
		start "$1" "$2" $side "${@:3}"
		# where the reader takes so little, others would be in the way
		[ "$1" != fast ] || wait
	done
}

# everyday MODEL: what is measured with each model of a reader
everyday() {
	local card
	for card in gids-1 piv; do
		on_all "$1" $card slots token list sign sign-next pkcs11-tool ssh tls
		[ "$1" = slow ] || wait
	done
	on_all "$1" gids-4 list
	on_all "$1" gids-15 list
}

# many: signatures, which take so long that all models are measured at once
many() {
	local model
	for model in "$@"; do
		on_all "$model" gids-1 sign-100
		on_all "$model" piv sign-100
	done
}

# later: acts after a pause
later() {
	on_all median gids-1 list-again sign-later
	on_all median piv list-again sign-later
}

# repeated: programs that other work on the machine disturbs, once more
repeated() {
	on_all median gids-1 ssh tls
	wait
	on_all median piv ssh tls
}

# compared: what limits.awk compares, by turns and with nothing at the same time. Of several measurements the quickest
# counts, since a busy machine makes them longer and nothing makes them shorter.
compared() {
	local side
	for _ in 1 2 3 4 5; do
		for side in minidriver-pkcs11 OpenSC; do
			[ -n "${MODULES[$side]-}" ] || continue
			start median gids-bare $side cold pkcs11-tool sign
			start median gids-1 $side cold pkcs11-tool
			wait
		done
	done
}

# growth: listing, and finding one object, among 1 to 30 containers; exchanges and bytes alone matter
growth() {
	local n
	for ((n = 1; n <= CONTAINERS_MAX; n++)); do
		start none gids-$n minidriver-pkcs11 cold list
		start none gids-$n minidriver-pkcs11 warm list find
		case $n in
		1 | 5 | 10 | 15 | 20 | 25 | 30) [ -z "${MODULES[OpenSC]-}" ] || start none gids-$n OpenSC cold list ;;
		esac
		[ $((n % 5)) -ne 0 ] || wait
	done
	wait
}

# crowd MODULE: several processes sign on one card
crowd() {
	local n
	job_begin median gids-1 "$1" cold
	for n in $CROWDS; do
		"$tools/crowd" "$reader/stats" $pin - "$module" "$n" $CROWD_SIGNATURES 2>>"$job/log"
	done | sed "s/^/crowd\t$name\t/"
}

weights() {
	local side
	for side in minidriver-pkcs11 OpenSC ykcs11; do
		[ -n "${MODULES[$side]-}" ] || continue
		(job_begin none piv "$side" cold && "$tools/weight" $pin 01 "$module") | sed "s/^/weight\t$side\t/"
	done
}

# other_module NAME PATTERN: a module that the system has, or not
other_module() {
	local path
	path=$(find /usr/lib /usr/local/lib -name "$2" -not -path '*/pkcs11/*' 2>/dev/null | sort | tail -n 1) || :
	if [ -n "$path" ]; then MODULES[$1]=$path; else echo "bench: without $1, which is not installed" >&2; fi
}

clean_up() {
	local running
	running=$(jobs -p)
	# shellcheck disable=SC2086 # several
	[ -z "$running" ] || kill $running 2>/dev/null || :
	rm -rf "$work"
}

# --- the run ----------------------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/minidriver-bench.XXXXXX")
trap clean_up EXIT
jobs_started=0

other_module OpenSC opensc-pkcs11.so
other_module ykcs11 'libykcs11.so*'
echo 'app default { framework pkcs15 { use_file_caching = no; } }' >"$work/opensc-cold.conf"
echo 'app default { framework pkcs15 { use_file_caching = public; } }' >"$work/opensc-warm.conf"
make_cards

weights >"$work/results.000"
everyday fast
many fast
compared
everyday median
wait
repeated
wait
later
crowd minidriver-pkcs11 >"$work/results.998" &
wait
# what takes long is hardly disturbed by anything
many median
[ -z "${MODULES[OpenSC]-}" ] || crowd OpenSC >"$work/results.999" &
[ "${BENCH_QUICK:-no}" = yes ] || { everyday slow; many slow; }
wait
growth
cat "$work"/results.[0-9]* >"$results"

awk -f "$here/table.awk" "$results"
awk -f "$here/chart.awk" "$results" >"$tools/costs.svg"
echo "Results: $results, chart: $tools/costs.svg"
echo
awk -f "$here/limits.awk" "$results"
