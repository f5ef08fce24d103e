#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# minidriver-tool with a real smart card service: who uses it, what doctor makes of it, a card pulled meanwhile; and
# OpenSC's programs with a card that the tool made.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

tool() {
	"$abs_top_builddir/minidriver-tool" "$@"
}

# doctor PATTERN: what it says; that it finds nothing bad is not asked here
doctor() {
	tool doctor --module "$MODULE" >"$W/doctor"
	grep -qE "$1" "$W/doctor" || { cat "$W/doctor"; return 1; }
}

# listed PATTERN OPTION...
listed() {
	tool list "${@:2}" >"$W/list" && grep -qE "$1" "$W/list"
}

with_service() {
	check "doctor sees the service" doctor '^ok +service +pcscd listens'
	check "doctor sees its drivers" doctor '^ok +driver '
	check "doctor sees the reader" doctor '^ok +reader .*with a card'
	program_start A
	expect A 0x0 init
	expect A 0x0 open
	check "the program that uses the card is listed" listed '^[0-9]+ +p11script'
	check "also in JSON" listed '"name":"p11script"' --json
	expect A 0x0 finalize
	card_remove
	refuse "no card" "no card in the reader" tool info
	service_stop
	refuse "no service: no reader" "there is no reader" tool info
	check "doctor knows why" doctor '^bad +service +pcscd does not run'
	service_start
	card_insert "$CARD"
	check "and all is well when it is back" tool info
}

made_by_tool() {
	umask 077
	echo "$E2E_PIN" >"$W/pin"
	echo "$E2E_ADMIN_KEY" >"$W/admin"
	"$VCARD_PERSO" create "$W/tool.card" --ecc
	card_insert "$W/tool.card"
	check "the tool makes a card" tool create --new-pin-file "$W/pin" --admin-key-file "$W/admin"
	check "and a key" tool container create first --pin-file "$W/pin"
	tool container pubkey first >"$W/first.pub"
	make_ca
	issue "$W/first.pub" first
	check "and writes its certificate" tool cert put "$W/first.der" --pin-file "$W/pin"
	check "and one root" tool roots add "$W/ca.pem" --pin-file "$W/pin"

	contains "OpenSC's module sees the key" "first" opensc_tool --login --pin "$E2E_PIN" -O
	check "OpenSC's module reads the certificate" opensc_tool --read-object --type cert --id 00 -o "$W/read.der"
	check "which is the one written" cmp "$W/read.der" "$W/first.der"
	echo "signed" >"$W/text"
	check "OpenSC's module signs with it" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 00 \
		-i "$W/text" -o "$W/text.sig"
	check "the signature is right" openssl dgst -sha256 -verify "$W/first.pem" -signature "$W/text.sig" "$W/text"
	check "so does ours" our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 00 -i "$W/text" -o "$W/our.sig"
	is "both are the same" "$(cmp "$W/text.sig" "$W/our.sig" && echo yes)" yes
	check "gids-tool accepts the tool's admin key" gids-tool --unblock --admin-key "$E2E_ADMIN_KEY" --pin 654321
	echo 654321 >"$W/pin"
	check "and the tool the PIN that gids-tool set" tool pin verify --pin-file "$W/pin"
	check "the card is consistent" tool check
	[ "$MODE" = local ] || with_service
	card_remove
}

e2e_run made_by_tool
