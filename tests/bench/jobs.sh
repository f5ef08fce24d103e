# SPDX-License-Identifier: BSD-2-Clause
# A job of the benchmark: one module does acts with one card in one reader, and its lines of results are gathered.
# shellcheck shell=bash

# A job has a reader and a home of its own, so that jobs of one reader model can run at the same time: what they wait for
# is their readers. Sets the variables that acts and programs use.
job_begin() {	# job_begin MODEL CARD MODULE STATE
	model=$1 card=$2 name=$3 state=$4
	module=${MODULES[$name]}
	job=$(mktemp -d "$work/job.XXXXXX")
	# libykcs11 before 2.3 looks at no other readers
	reader="$job/readers/Yubico Virtual Reader"
	mkdir -p "$reader" "$job/home"
	mkdir -m 700 "$job/run"
	cp "$work/cards/$card" "$job/card"
	ln -s "$job/card" "$reader/card"
	export HOME="$job/home" XDG_CACHE_HOME="$job/home/cache" XDG_RUNTIME_DIR="$job/run" OPENSC_CONF="$work/opensc-$state.conf"
	export VCARD_READERS="$job/readers" VCARD_LATENCY="${LATENCY[$model]}" LD_LIBRARY_PATH="$PCSC_VCARD_DIR"
	export MINIDRIVER_PKCS11_DISK_CACHE=no
	[ "$state" = cold ] || job_warm
}

# The module's cache on disk knows the card
job_warm() {
	export MINIDRIVER_PKCS11_DISK_CACHE=yes
	VCARD_LATENCY=${LATENCY[none]} run_acts list sign >/dev/null
}

run_acts() {
	"$tools/acts" "$reader/stats" "$pin" "$(key_id "$card")" "$module" "$@"
}

# perform ACT: a program's when there is a function for it. What fails leaves a line without numbers.
perform() {
	if [ -n "${PROGRAMS[$1]-}" ]; then "${PROGRAMS[$1]}"; else run_acts "$1"; fi 2>"$job/log" && return
	echo "bench: $1 failed with $name on $card, $state, $model: $(grep -m 1 -i error "$job/log" || tail -n 1 "$job/log")" >&2
	printf '%s\t-\t-\t-\t-\n' "$1"
}

# job MODEL CARD MODULE STATE ACT...: lines of results
job() {
	local act
	job_begin "${@:1:4}"
	for act in "${@:5}"; do
		perform "$act"
	done | sed "s/^/$model\t$card\t$name\t$state\t/"
}

# start JOB-ARGUMENTS...: a job in the background; its results keep their place
start() {
	jobs_started=$((jobs_started + 1))
	job "$@" >"$work/results.$(printf %03d $jobs_started)" &
}
