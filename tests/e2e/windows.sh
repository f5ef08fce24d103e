#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A card as Windows made it and filled it, by the exchanges of its class minidriver: listed, used and managed by our
# module and used by OpenSC in between.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs opensc-tool pkcs11-tool openssl pcscd

PIN=12345678
NAME=257f0362-2ee7-44f5-9885-36fa490f30c1

make_windows_card() {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/key.pem" 2>/dev/null
	openssl req -x509 -key "$W/key.pem" -subj "/CN=Alice" -days 20 -outform DER -out "$W/cert.der" 2>/dev/null
	openssl pkey -in "$W/key.pem" -pubout -out "$W/pub.pem"
	"$VCARD_PERSO" create "$W/card" && "$VCARD_PERSO" windows "$W/card" --key "$W/key.pem" --der "$W/cert.der" || exit 1
	card_insert "$W/card"
}

# signs_well WHO ID TOOL...: with the key that Windows brought
signs_well() {
	local who=$1 id=$2
	shift 2
	check "$who signs" "$@" --login --pin "$PIN" --sign -m SHA256-RSA-PKCS --id "$id" -i "$W/data" -o "$W/sig"
	check "openssl verifies what $who signed" openssl dgst -sha256 -verify "$W/pub.pem" -signature "$W/sig" "$W/data"
}

managed() {
	printf 'hello\n' >"$W/data"
	make_windows_card

	contains "our module lists the container by its name" "$NAME" our_tool --login --pin "$PIN" -O --type privkey
	contains "and its certificate" "Alice" our_tool -O --type cert
	signs_well "our module" 00 our_tool
	signs_well OpenSC 00 opensc_tool
	openssl pkeyutl -encrypt -pubin -inkey "$W/pub.pem" -in "$W/data" -out "$W/enc"
	check "our module decrypts" our_tool --login --pin "$PIN" --decrypt -m RSA-PKCS --id 00 -i "$W/enc" -o "$W/dec"
	check "what was encrypted" cmp "$W/data" "$W/dec"
	check "the certificate is the one that Windows wrote" our_tool --read-object --type cert --id 00 -o "$W/read.der"
	check "bit by bit" cmp "$W/cert.der" "$W/read.der"

	check "our module makes a second key" our_tool --login --pin "$PIN" --keypairgen --key-type rsa:2048 --label second --id 4711
	contains "OpenSC sees both" second opensc_tool --login --pin "$PIN" -O --type privkey
	signs_well "our module now" 00 our_tool
	check "our module deletes the second key" our_tool --login --pin "$PIN" --delete-object --type privkey --id 4711
	signs_well "OpenSC now" 00 opensc_tool
	check "our module changes the PIN" our_tool --login --pin "$PIN" --change-pin --new-pin 87654321
	check "and back" our_tool --login --pin 87654321 --change-pin --new-pin "$PIN"
	is "nothing is blocked" "$(card_info | sed -n 's/^PIN tries left: //p')" 3

	contains "the container is still there" "$NAME" our_tool --login --pin "$PIN" -O --type privkey
	check "our module deletes Windows' key" our_tool --login --pin "$PIN" --delete-object --type privkey --id 00
	our_tool --login --pin "$PIN" -O --type privkey >"$W/out" 2>&1
	is "no key is left" "$(grep -c 'Private Key' "$W/out")" 0
	check "OpenSC makes one" opensc_tool --login --pin "$PIN" --keypairgen --key-type rsa:2048 --label third
	contains "our module lists that" third our_tool --login --pin "$PIN" -O --type privkey
	card_remove
}

e2e_run managed
