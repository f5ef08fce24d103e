#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PINs: what costs a try and what does not, locking, and who may sign. P-035, P-060, P-065, P-120, policy P1 and P3
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

CKF_USER_PIN_COUNT_LOW=$((0x10000))
CKF_USER_PIN_FINAL_TRY=$((0x20000))
CKF_USER_PIN_LOCKED=$((0x40000))

flags() {	# flags NAME: the PIN flags of the token
	ask "$1" token
	echo $((0x${got#0x0 } & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)))
}

tries() {
	card_info | sed -n 's/.*pin[ _-]*tries[^0-9]*\([0-9]*\).*/\1/ip' | head -n 1
}

pins() {
	local sent
	make_opensc_card
	sent=$(pins_sent)
	program_start A
	program_start B
	expect A 0x0 init
	expect A 0x0 open

	expect A 0xA0 login -
	ask A list
	ask A token
	ask A token
	expect A 0x60 size
	is "listing, token info, an empty PIN send no PIN to the card" "$(pins_sent)" "$sent"
	is "three tries are left" "$(tries)" 3

	expect A 0xA0 login 999999
	is "a wrong PIN costs exactly one try" "$(tries)" 2
	is "and was sent once" "$(pins_sent)" $((sent + 1))
	is "the token says that tries are missing" "$(flags A)" "$CKF_USER_PIN_COUNT_LOW"
	expect A 0x0 login "$E2E_PIN"
	is "the right PIN restores them" "$(tries)" 3
	is "the flags are clear" "$(flags A)" 0

	expect A 0x0 sign
	expect B 0x0 init
	expect B 0x0 open
	expect B 0x60 sign
	expect A 0x0 size
	ask A close
	expect A 0x0 open
	expect A 0x60 sign
	expect A 0x0 login "$E2E_PIN"
	expect A 0x0 sign
	sleep 2.5
	is "after the hold time the card is locked again" "$(card_info | grep -c -i 'verified: *yes')" 0
	expect A 0x0 sign
	is "no try was lost" "$(tries)" 3
	expect A 0x0 finalize
	is "C_Finalize locks the card" "$(card_info | grep -c -i 'verified: *yes')" 0

	expect B 0xA0 login 999999
	expect B 0xA0 login 999999
	is "one left: final try" "$(flags B)" "$((CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY))"
	expect B 0xA0 login 999999
	is "none left: locked" "$(($(flags B) & CKF_USER_PIN_LOCKED))" "$CKF_USER_PIN_LOCKED"
	expect B 0xA4 login "$E2E_PIN"
	expect A 0x0 init
	expect A 0x0 open
	expect A 0xA4 login "$E2E_PIN"
	is "another process sees it too" "$(($(flags A) & CKF_USER_PIN_LOCKED))" "$CKF_USER_PIN_LOCKED"
	refuse "pkcs11-tool is told" CKR_PIN_LOCKED our_tool --login --pin "$E2E_PIN" -O
	card_remove
}

e2e_run pins
