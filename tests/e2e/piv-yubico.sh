#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The virtual PIV card is honest: the unmodified yubico-piv-tool manages and uses it, and ykcs11 where it takes the reader.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs yubico-piv-tool pkcs11-tool openssl pcscd

MANAGEMENT_KEY=010203040506070801020304050607080102030405060708
NEW_KEY=112233445566778811223344556677881122334455667799

piv_tool() {
	yubico-piv-tool --reader Virtual "$@"
}

private_keys() {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/rsa.key" 2>/dev/null
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$W/ec.key"
	openssl pkey -in "$W/rsa.key" -pubout -out "$W/rsa.spki"
	openssl pkey -in "$W/ec.key" -pubout -out "$W/ec.spki"
	make_ca
	issue "$W/rsa.spki" rsa
	issue "$W/ec.spki" ec
	openssl x509 -in "$W/rsa.der" -inform DER -out "$W/rsa.crt"
	openssl x509 -in "$W/ec.der" -inform DER -out "$W/ec.crt"
}

keys() {
	local alg
	contains "status of a card from the factory" "No data available" piv_tool -a status
	check "CHUID and CCC are set" piv_tool -a set-chuid -a set-ccc
	for alg in ECCP256 ECCP384 RSA1024 RSA2048; do
		check "a key is made, $alg" piv_tool -s 9a -A "$alg" -a generate -o "$W/made"
		"$VCARD_PERSO" piv-pubkey "$W/piv.card" --slot 9A >"$W/9A.pem"
		check "it is the one on the card" cmp "$W/made" "$W/9A.pem"
		check "the card attests it" piv_tool -s 9a -a attest -o "$W/attested"
		openssl x509 -in "$W/attested" -pubkey -noout >"$W/attested.pem"
		check "with the same key" cmp "$W/made" "$W/attested.pem"
	done
	piv_tool -s f9 -a read-certificate -o "$W/attestation.crt"
	check "the attestation is signed by the card's key" openssl verify -partial_chain -trusted "$W/attestation.crt" "$W/attested"

	private_keys
	check "an RSA key is imported" piv_tool -s 9d -a import-key -i "$W/rsa.key"
	check "its certificate, too" piv_tool -s 9d -a import-certificate -i "$W/rsa.crt"
	contains "it decrypts" "Successfully performed RSA decryption" \
		piv_tool -s 9d -a verify-pin -P "$E2E_PIN" -a test-decipher -i "$W/rsa.crt"
	refuse "the card attests no imported key" "Failed to attest" piv_tool -s 9d -a attest
	check "an EC key is imported, for a PIN each time" piv_tool -s 82 -a import-key -i "$W/ec.key" --pin-policy always
	check "its certificate, too" piv_tool -s 82 -a import-certificate -i "$W/ec.crt"
	contains "it signs" "Successful ECDSA verification" \
		piv_tool -s 82 -a verify-pin -P "$E2E_PIN" -a test-signature -i "$W/ec.crt"
	contains "it agrees on a secret" "Successfully performed ECDH exchange" \
		piv_tool -s 82 -a verify-pin -P "$E2E_PIN" -a test-decipher -i "$W/ec.crt"
	check "a certificate is deleted" piv_tool -s 9d -a delete-certificate
	contains "the other is still there" "Alice ec" piv_tool -a status
}

pins() {
	check "the PIN is verified" piv_tool -a verify-pin -P "$E2E_PIN"
	refuse "a wrong one is not" "2 tries left" piv_tool -a verify-pin -P 111111
	check "the PIN is changed" piv_tool -a change-pin -P "$E2E_PIN" -N 87654321
	check "the PUK is changed" piv_tool -a change-puk -P 12345678 -N 11223344
	check "the PUK gives another PIN" piv_tool -a unblock-pin -P 11223344 -N "$E2E_PIN"
	check "the management key is changed" piv_tool -a set-mgm-key -n "$NEW_KEY"
	refuse "the old one is refused" "Failed authentication" piv_tool -s 9e -A ECCP256 -a generate
	check "the new one is not" piv_tool -k"$NEW_KEY" -s 9e -A ECCP256 -a generate -o "$W/made"
	check "the tries are set" piv_tool -k"$NEW_KEY" -a verify-pin -P "$E2E_PIN" -a pin-retries --pin-retries 2 --puk-retries 2
	refuse "a wrong PIN" "1 tries left" piv_tool -a verify-pin -P 111111
	refuse "blocks it" "blocked" piv_tool -a verify-pin -P 111111
	refuse "a card that is not blocked is not reset" "Reset failed" piv_tool -a reset
	refuse "a wrong PUK" "" piv_tool -a unblock-pin -P 00000000 -N "$E2E_PIN"
	refuse "blocks that" "" piv_tool -a unblock-pin -P 00000000 -N "$E2E_PIN"
	check "now it is" piv_tool -a reset
	contains "and as it came from the factory" "No data available" piv_tool -a status
	check "with the PIN and the key it had" piv_tool -k"$MANAGEMENT_KEY" -s 9e -A ECCP256 -a generate -o "$W/made"
}

ykcs11_tool() {
	pkcs11-tool --module "$YKCS11" "$@"
}

# ykcs11 2.2 takes readers alone whose names begin like its maker's
ykcs11() {
	local reader="$W/readers/Yubico YubiKey"
	YKCS11=$(find /usr/lib -name 'libykcs11.so*' | head -n 1)
	if [ "$MODE" != local ] || [ -z "$YKCS11" ]; then
		return 0
	fi
	mkdir -p "$reader"
	"$VCARD_PERSO" create "$W/yk.card" --applications piv --piv-quirks token && "$VCARD_PERSO" piv "$W/yk.card" || exit 1
	"$VCARD_PERSO" piv-pubkey "$W/yk.card" --slot 9A >"$W/9A.pem"
	"$VCARD_PERSO" piv-pubkey "$W/yk.card" --slot 9C >"$W/9C.pem"
	ln -s "$W/yk.card" "$reader/card"
	printf 'hello\n' >"$W/data"
	contains "ykcs11 lists the card's objects" "X.509 Certificate for PIV Attestation" ykcs11_tool --list-objects
	check "sign with RSA" ykcs11_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 01 -i "$W/data" -o "$W/sig"
	check "openssl verifies" openssl dgst -sha256 -verify "$W/9A.pem" -signature "$W/sig" "$W/data"
	check "sign with ECDSA and a PIN for it" ykcs11_tool --login --pin "$E2E_PIN" --sign -m ECDSA-SHA256 --id 02 \
		--signature-format openssl -i "$W/data" -o "$W/sig"
	check "openssl verifies" openssl dgst -sha256 -verify "$W/9C.pem" -signature "$W/sig" "$W/data"
	check "a key is made" ykcs11_tool --login --login-type so --so-pin "$MANAGEMENT_KEY" --keypairgen \
		--key-type EC:secp384r1 --id 04
	contains "it is attested" "X.509 Certificate for PIV Attestation 9e" ykcs11_tool --list-objects
	check "the PIN is changed" ykcs11_tool --login --pin "$E2E_PIN" --change-pin --new-pin 87654321
	rm -r "$reader"
}

honest() {
	"$VCARD_PERSO" create "$W/piv.card" --applications piv --piv-quirks token || exit 1
	card_insert "$W/piv.card"
	keys
	pins
	card_remove
	ykcs11
}

e2e_run honest
