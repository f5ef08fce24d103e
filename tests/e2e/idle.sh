#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that have nothing to do, with a real smart card service: one that is logged in, and one that waits for events.
# Neither is woken by anything but PC/SC, which has nothing to tell.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs opensc-tool pcscd

make_card() {
	"$VCARD_PERSO" create "$W/card" && "$VCARD_PERSO" format "$W/card" --pin "$E2E_PIN" &&
		"$VCARD_PERSO" keygen "$W/card" --pin "$E2E_PIN" --index 0 --alg rsa2048 --name key || exit 1
	card_insert "$W/card"
}

# How often the threads of a process have gone to sleep of their own will.
sleeps() {
	cat "/proc/$1"/task/*/status | awk '$1 == "voluntary_ctxt_switches:" { n += $2 } END { print n }'
}

idle() {
	local logged_in waits sleeps_in sleeps_waiting exchanges
	make_card
	program_start A
	logged_in=$!
	program_start B
	waits=$!
	expect A 0x0 init
	expect A 0x0 open
	expect A 0x0 login "$E2E_PIN"
	expect A 0x0 sign
	expect B 0x0 init
	echo wait >&"${program_in[B]}"
	sleep 2 # the transaction is over
	sleeps_in=$(sleeps "$logged_in")
	sleeps_waiting=$(sleeps "$waits")
	exchanges=$(card_commands '')
	sleep 4
	is "who is logged in sleeps" "$(sleeps "$logged_in")" "$sleeps_in"
	is "who waits sleeps" "$(sleeps "$waits")" "$sleeps_waiting"
	is "the card is left alone" "$(card_commands '')" "$exchanges"
	card_remove
	read -r -t 30 _ got <&"${program_out[B]}"
	is "until there is something to tell" "$got" 0x0
}

E2E_MODES=pcscd e2e_run idle
