#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A card that speaks only T=0, where a command with data cannot ask for an answer and fetches it afterwards: listing,
# signatures and decryption with Debian's pkcs11-tool. P-152
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs pkcs11-tool opensc-tool openssl pcscd

make_card() {
	local file="$W/t0.card"
	"$VCARD_PERSO" create "$file" --t0 --ecc &&
		"$VCARD_PERSO" format "$file" --pin "$E2E_PIN" &&
		"$VCARD_PERSO" keygen "$file" --pin "$E2E_PIN" --index 0 --alg rsa2048 --name rsakey &&
		"$VCARD_PERSO" pubkey "$file" --index 0 >"$W/rsa.spki" && make_ca && issue "$W/rsa.spki" rsa &&
		"$VCARD_PERSO" cert "$file" --pin "$E2E_PIN" --index 0 --der "$W/rsa.der" || exit 1
	card_insert "$file"
	add_ec_key 1
}

old_card() {
	make_card
	printf 'hello\n' >"$W/data"
	contains "-O shows the certificate" "Certificate Object" our_tool -O
	contains "-O shows the RSA key" "Public Key Object; RSA 2048" our_tool -O
	contains "-O shows the EC key" "Public Key Object; EC" our_tool -O
	check "the certificate is the one that was stored" our_tool --read-object --type cert --id 00 -o "$W/read.der"
	check "byte for byte" cmp "$W/rsa.der" "$W/read.der"

	check "sign with SHA256-RSA-PKCS" our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 00 \
		-i "$W/data" -o "$W/sig"
	check "openssl verifies it" openssl dgst -sha256 -verify "$W/rsa.pem" -signature "$W/sig" "$W/data"
	check "sign with ECDSA-SHA256" our_tool --login --pin "$E2E_PIN" --sign -m ECDSA-SHA256 --id 01 \
		-i "$W/data" -o "$W/sig" --signature-format openssl
	check "openssl verifies that" openssl dgst -sha256 -verify "$W/ec.pem" -signature "$W/sig" "$W/data"

	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/data" -out "$W/enc"
	check "decrypt with RSA-PKCS" our_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS --id 00 -i "$W/enc" \
		-o "$W/dec"
	check "the plaintext is right" cmp "$W/data" "$W/dec"
	is "answers were fetched" "$([ "$(card_commands '00 ?C0')" -gt 0 ] && echo yes)" yes
	card_remove
}

e2e_run old_card
