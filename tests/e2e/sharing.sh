#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Many programs on one card: 16 that sign 50 times each, fairly and not much slower than one that does all of it, with a
# program of another module among them that gets its turn; programs that are stopped, killed, or started without a place
# to meet; the service and the card going away under them.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

PROGRAMS=16
TIMES=50
# of each exchange, in microseconds: a twentieth of what a reader takes
export VCARD_LATENCY=${VCARD_LATENCY:-1000,0}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# signer NAME TIMES: signs as often as told once $W/go is there; leaves the time of its end, or what went wrong
signer() {
	local i
	program_start "$1"
	for i in init open "login $E2E_PIN"; do
		# shellcheck disable=SC2086 # words
		ask "$1" $i
		[ "$got" = 0x0 ] || echo "$i: $got" >>"$W/wrong"
	done
	: >"$W/$1.ready"
	while [ ! -e "$W/go" ]; do sleep 0.01; done
	ask "$1" "signs $2"
	[ "$got" = "0x0 $2" ] || echo "signs: $got" >>"$W/wrong"
	now_ms >"$W/$1.end"
	ask "$1" finalize
}

# run_signers COUNT TIMES: milliseconds until the first and the last is ready, in $first and $last
run_signers() {
	local i begun pids=()
	rm -f "$W"/go "$W"/S*
	: >"$W/wrong"
	for ((i = 0; i < $1; i++)); do
		signer "S$i" "$2" &
		pids+=($!)
	done
	for ((i = 0; i < $1; i++)); do
		wait_for 60 test -e "$W/S$i.ready"
	done
	begun=$(now_ms)
	: >"$W/go"
	wait "${pids[@]}"
	first=$(($(cat "$W"/S*.end | sort -n | head -n 1) - begun))
	last=$(($(cat "$W"/S*.end | sort -n | tail -n 1) - begun))
	is "$1 programs have signed" "$(head -n 3 "$W/wrong")" ""
}

# Another module's program, again and again while the signers are at work; how long its rounds were.
foreign() {
	local begun
	wait_for 60 test -e "$W/go"
	while [ ! -e "$W/enough" ]; do
		begun=$(now_ms)
		opensc_tool --login --pin "$E2E_PIN" --sign -m RSA-PKCS --id "$KEY_ID" -i "$W/short" -o "$W/foreign.sig" \
			>"$W/foreign.log" 2>&1 </dev/null &&
			openssl pkeyutl -verifyrecover -pubin -inkey "$W/rsa.pem" -in "$W/foreign.sig" 2>/dev/null |
			cmp -s - "$W/short" || echo failed >>"$W/foreign"
		echo $(($(now_ms) - begun)) >>"$W/foreign"
	done
}

is_at_most() {	# is_at_most NAME VALUE LIMIT
	echo "# $MODE: $1: $2 (at most $3)"
	is "$1" "$([ "$2" -le "$3" ] && echo yes)" yes
}

many() {
	local alone
	run_signers 1 $((PROGRAMS * TIMES))
	alone=$last
	run_signers "$PROGRAMS" "$TIMES"
	echo "# $MODE: alone $alone ms; together first $first ms, last $last ms"
	is_at_most "fair: last against three times first" "$last" $((3 * first))
	# a second for a machine that has something else to do
	is_at_most "time of 16 against that of one" "$last" $((alone * 3 / 2 + 1000))
	contains "all tries are left" "PIN tries left: 3" card_info
}

mixed() {
	local pid worst rounds
	head -c 30 /dev/urandom >"$W/short"
	rm -f "$W/enough" "$W/go"
	: >"$W/foreign"
	foreign &
	pid=$!
	run_signers 4 700
	# a round that ends after ours may have had its turns after ours
	rounds=$(wc -l <"$W/foreign")
	: >"$W/enough"
	wait "$pid"
	worst=$(grep -v failed "$W/foreign" | sort -n | tail -n 1)
	echo "# $MODE: $rounds rounds of another program among ours, the longest $worst ms"
	# it waits several times in a round, each time no longer than a transaction is held
	is_at_most "the longest round of another program" "$worst" 10000
	is "the other program never failed" "$(grep -c failed "$W/foreign")" 0
	is "the other program had its turn" "$([ "$rounds" -ge 1 ] && echo yes)" yes
	contains "all tries are left" "PIN tries left: 3" card_info
}

# A program that holds the card is stopped: others of ours give up after a while, and go on when it goes on.
stopped() {
	local name pid
	export MINIDRIVER_PKCS11_BUSY_TIMEOUT_MS=300
	for name in A B; do
		program_start "$name"
		pid=$!
		expect "$name" 0x0 init
		expect "$name" 0x0 open
		expect "$name" 0x0 login "$E2E_PIN"
		expect "$name" 0x0 sign
	done
	unset MINIDRIVER_PKCS11_BUSY_TIMEOUT_MS
	kill -STOP "$pid"
	expect A 0x30 sign
	kill -CONT "$pid"
	expect A 0x0 sign
	expect B 0x0 sign
	expect A 0x0 finalize
	expect B 0x0 finalize
}

# A card that is not used is let go of, and the user stays logged in.
idle() {
	export MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS=50 MINIDRIVER_PKCS11_CONNECTION_TIMEOUT_MS=200
	program_start I
	expect I 0x0 init
	unset MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS MINIDRIVER_PKCS11_CONNECTION_TIMEOUT_MS
	expect I 0x0 open
	expect I 0x0 login "$E2E_PIN"
	ask I token
	expect I 0x0 sign
	sleep 0.6
	expect I 0x0 sign
	sleep 0.6
	card_remove
	card_insert "$CARD"
	ask I sign
	is "a card that was taken out meanwhile is not taken for the same" "$([ "${got%% *}" != 0x0 ] && echo yes)" yes
	contains "all tries are left" "PIN tries left: 3" card_info
	expect I 0x0 finalize
}

sharing() {
	make_opensc_card
	many
	mixed
	stopped
	idle
	card_remove
}

e2e_run sharing
