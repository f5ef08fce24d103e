#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The world changes under a program: no service at start, service restarted, card pulled, put back, swapped, reset by
# another program. P-021, P-029, P-037, P-038, P-054, P-055, P-056
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

one_of() {	# one_of "A B" COMMAND...
	local wanted=$1
	shift
	ask P "$@"
	case " $wanted " in
	*" ${got%% *} "*) got=$wanted ;;
	esac
	is "$* gives one of $wanted" "$got" "$wanted"
}

gone="0x30 0x32 0xE0 0xB3"

world() {
	make_opensc_card
	"$VCARD_PERSO" create "$W/other.card" && "$VCARD_PERSO" format "$W/other.card" --pin 11111111
	card_remove
	service_stop
	program_start P

	expect P 0x0 init
	expect P "0x0 0 0" slots
	service_start
	ask P slots
	is "readers appear when the service does" "${got%% *}$([ "${got#* }" != "0 0" ] && echo " some")" "0x0 some"
	expect P 0x8 event

	card_insert "$W/opensc.card"
	expect P 0x0 event
	expect P 0x0 open
	expect P 0x0 login "$E2E_PIN"
	expect P 0x0 sign

	card_remove
	one_of "$gone" sign
	expect P 0xB3 session
	expect P 0xE0 token
	expect P 0x0 event
	card_insert "$W/opensc.card"
	expect P 0xB3 session
	expect P 0x0 open
	expect P "0x0 2" session
	expect P 0x60 sign
	expect P 0x0 login "$E2E_PIN"
	expect P 0x0 sign

	card_remove
	card_insert "$W/other.card"
	expect P 0xB3 session
	expect P 0x0 open
	expect P 0xA0 login "$E2E_PIN"
	card_remove
	card_insert "$W/opensc.card"
	expect P 0x0 open
	expect P 0x0 login "$E2E_PIN"
	expect P 0x0 sign

	sleep 2
	opensc-tool --reset >/dev/null 2>&1
	expect P 0x0 sign
	opensc_tool --login --pin "$E2E_PIN" -O >/dev/null 2>&1
	expect P 0x0 sign

	service_stop
	one_of "$gone" sign
	service_start
	card_insert "$W/opensc.card"
	ask P slots
	expect P 0x0 open
	expect P 0x0 login "$E2E_PIN"
	expect P 0x0 sign
	expect P 0x0 finalize
	card_remove
}

e2e_run world
