#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The virtual PIV card is honest: OpenSC's unmodified tools use and manage it, whatever kind of card it plays.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs piv-tool pkcs11-tool pkcs15-tool opensc-tool openssl pcscd

# new_card NAME OPTION...: the reference card with these switches, in the reader
new_card() {
	local name=$1
	shift
	rm -f "$W/$name.card"
	"$VCARD_PERSO" create "$W/$name.card" --applications piv "$@" && "$VCARD_PERSO" piv "$W/$name.card" || exit 1
	card_insert "$W/$name.card"
}

public_keys() {
	local slot
	for slot in 9A 9C 9D 9E; do
		"$VCARD_PERSO" piv-pubkey "$W/plain.card" --slot "$slot" >"$W/$slot.pem" || exit 1
	done
}

# uses_keys NAME PIN: signatures with 9A, 9C (PIN before each) and 9E, decryption with 9D
uses_keys() {
	local pair id slot
	check "$1: sign with RSA" opensc_tool --login --pin "$2" --sign -m SHA256-RSA-PKCS --id 01 -i "$W/data" -o "$W/sig"
	check "$1: openssl verifies" openssl dgst -sha256 -verify "$W/9A.pem" -signature "$W/sig" "$W/data"
	for pair in 02:9C 04:9E; do
		id=${pair%:*} slot=${pair#*:}
		check "$1: sign with ECDSA, $slot" opensc_tool --login --pin "$2" --sign -m ECDSA-SHA256 --id "$id" \
			--signature-format openssl -i "$W/data" -o "$W/sig"
		check "$1: openssl verifies" openssl dgst -sha256 -verify "$W/$slot.pem" -signature "$W/sig" "$W/data"
	done
	openssl pkeyutl -encrypt -pubin -inkey "$W/9D.pem" -in "$W/data" -out "$W/enc"
	check "$1: decrypt" opensc_tool --login --pin "$2" --decrypt -m RSA-PKCS --id 03 -i "$W/enc" -o "$W/dec"
	check "$1: the plaintext is right" cmp "$W/data" "$W/dec"
}

personalities() {
	local name
	for name in applet token neo government; do
		new_card "$name" --piv-quirks "$name"
		uses_keys "$name" "$E2E_PIN"
		card_remove
	done
	new_card short --quirks no-extended --piv-quirks chunks-255
	uses_keys "short answers" "$E2E_PIN"
	card_remove
	new_card global --piv-quirks global-pin,global-first
	uses_keys "global PIN" 654321
	card_remove
	# with such an ATR OpenSC before 0.24 has no ECDSA for any card
	new_card contact --atr 3B80800101 --piv-quirks applet
	check "an ATR that says nothing: sign with RSA" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS \
		--id 01 -i "$W/data" -o "$W/sig"
	card_remove
	new_card aes --management aes256
	uses_keys "an AES management key" "$E2E_PIN"
	card_remove
	# vpcd's reader is for T=1
	[ "$MODE" = local ] || return 0
	new_card t0 --t0
	uses_keys "T=0" "$E2E_PIN"
	card_remove
}

# Neither piv-tool's exit status nor, with OpenSSL 3, its output means anything: see what it did to the card.
piv_tool() {
	PIV_EXT_AUTH_KEY="$W/key" piv-tool -A M:9B:03 "$@" >"$W/out" 2>&1 || :
}

# makes_key SLOT:ALGORITHM WORD: a new key is on the card, and openssl calls it WORD
makes_key() {
	"$VCARD_PERSO" piv-pubkey "$W/managed.card" --slot "${1%:*}" >"$W/old.pem"
	piv_tool -G "$1" -o "$W/made"
	"$VCARD_PERSO" piv-pubkey "$W/managed.card" --slot "${1%:*}" >"$W/${1%:*}.pem"
	refuse "a key is made, $2" differ cmp "$W/old.pem" "$W/${1%:*}.pem"
	contains "it is what was wanted" "$2" openssl pkey -pubin -in "$W/${1%:*}.pem" -noout -text
}

agrees() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$W/other.key"
	openssl ec -in "$W/other.key" -pubout -outform DER -out "$W/other.pub" 2>/dev/null
	card_remove
	"$VCARD_PERSO" piv-keygen "$W/managed.card" --slot 9D --alg p256 &&
		"$VCARD_PERSO" piv-issue "$W/managed.card" --slot 9D --name "Alice" --usage 08 &&
		"$VCARD_PERSO" piv-pubkey "$W/managed.card" --slot 9D >"$W/9D.pem" || exit 1
	card_insert "$W/managed.card"
	check "derive with 9D" opensc_tool --login --pin "$E2E_PIN" --derive -m ECDH1-DERIVE --id 03 -i "$W/other.pub" \
		-o "$W/secret"
	openssl pkeyutl -derive -inkey "$W/other.key" -peerkey "$W/9D.pem" -out "$W/wanted"
	check "both sides have one secret" cmp "$W/secret" "$W/wanted"
}

# RSA of other lengths than the reference card's; OpenSC before 0.24 knows of 3072 bits at most
long_keys() {
	local bits
	new_card long
	card_remove
	for bits in 1024 3072; do
		openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out "$W/long.key" 2>/dev/null
		openssl pkey -in "$W/long.key" -pubout -out "$W/long.pem"
		"$VCARD_PERSO" piv-import "$W/long.card" --slot 9A --key "$W/long.key" &&
			"$VCARD_PERSO" piv-issue "$W/long.card" --slot 9A --name "Alice" --usage A0 --packing gzip || exit 1
		card_insert "$W/long.card"
		check "sign with RSA-$bits" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 01 \
			-i "$W/data" -o "$W/sig"
		check "openssl verifies" openssl dgst -sha256 -verify "$W/long.pem" -signature "$W/sig" "$W/data"
		card_remove
	done
	by_hand
}

# RSA-4096 by bare commands in extended length, since no tool of others here has it
by_hand() {
	local block command
	[ "$MODE" = local ] || return 0
	"$VCARD_PERSO" piv-keygen "$W/long.card" --slot 9A --alg rsa4096 &&
		"$VCARD_PERSO" piv-pubkey "$W/long.card" --slot 9A >"$W/long.pem" || exit 1
	block=$(printf '01%.0s' {1..512})
	command="0087169A00020A7C820206820081820200${block}0000"
	printf '%b' "$("$VCARD_PERSO" apdu "$W/long.card" 00A4040009A0000003080000100000 0020008008313233343536FFFF \
		"$command" | sed -n 's/^7C82020482820200\(.*\) 9000$/\1/p' | sed 's/../\\x&/g')" >"$W/sig"
	check "RSA-4096: openssl takes the result" openssl pkeyutl -verifyrecover -pubin -inkey "$W/long.pem" \
		-pkeyopt rsa_padding_mode:none -in "$W/sig" -out "$W/block"
	is "and finds the block" "$(od -An -v -tx1 "$W/block" | tr -d ' \n')" "$block"
}

managed() {
	new_card managed
	echo 01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08 >"$W/key"
	contains "piv-tool knows the card" "Personal Identity Verification Card" piv-tool --name

	makes_key 9E:11 "P-256"
	makes_key 9E:14 "P-384"
	makes_key 9E:07 "2048 bit"
	make_ca
	issue "$W/9E.pem" new
	openssl x509 -in "$W/new.der" -inform DER -out "$W/new.crt"
	piv_tool -C 9E -i "$W/new.crt"
	contains "its certificate is written" "CN=Alice new" opensc_tool --list-objects --type cert --id 04
	check "and it signs" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 04 -i "$W/data" -o "$W/sig"
	check "openssl verifies" openssl dgst -sha256 -verify "$W/9E.pem" -signature "$W/sig" "$W/data"
	agrees

	check "the PIN is changed" opensc_tool --login --pin "$E2E_PIN" --change-pin --new-pin 87654321
	check "the new PIN opens" opensc_tool --login --pin 87654321 --list-objects
	refuse "the old PIN does not" CKR_PIN_INCORRECT opensc_tool --login --pin "$E2E_PIN" --list-objects
	refuse "nor do others" CKR_PIN_INCORRECT opensc_tool --login --pin 111111 --list-objects
	refuse "three wrong ones" CKR_PIN opensc_tool --login --pin 111111 --list-objects
	refuse "block the PIN" CKR_PIN_LOCKED opensc_tool --login --pin 87654321 --list-objects
	check "the PUK unblocks it" pkcs15-tool --unblock-pin --puk 12345678 --new-pin "$E2E_PIN"
	check "the PIN is what it was" opensc_tool --login --pin "$E2E_PIN" --list-objects
	card_remove
}

# one card with both applications, and the tools of each
both() {
	rm -f "$W/both.card"
	"$VCARD_PERSO" create "$W/both.card" --applications gids,piv && "$VCARD_PERSO" piv "$W/both.card" &&
		"$VCARD_PERSO" format "$W/both.card" --pin "$E2E_PIN" || exit 1
	card_insert "$W/both.card"
	uses_keys "beside GIDS" "$E2E_PIN"
	card_remove
}

honest() {
	printf 'hello\n' >"$W/data"
	new_card plain
	public_keys
	contains "the card is recognised" "Personal Identity Verification Card" opensc-tool --name
	contains "objects are listed" "Certificate for PIV Authentication" opensc_tool --login --pin "$E2E_PIN" --list-objects
	uses_keys "standard" "$E2E_PIN"
	card_remove
	personalities
	both
	long_keys
	managed
}

e2e_run honest
