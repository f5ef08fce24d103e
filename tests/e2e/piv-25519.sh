#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Ed25519 and X25519 on a PIV token, with pkcs11-tool and openssl.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs pkcs11-tool openssl

MANAGEMENT_KEY=010203040506070801020304050607080102030405060708

keys() {
	local size
	"$VCARD_PERSO" create "$W/token.card" --applications piv --piv-quirks token && "$VCARD_PERSO" piv "$W/token.card" &&
		"$VCARD_PERSO" piv-keygen "$W/token.card" --slot 9A --alg ed25519 &&
		"$VCARD_PERSO" piv-issue "$W/token.card" --slot 9A --name Edwards --usage 80 &&
		"$VCARD_PERSO" piv-keygen "$W/token.card" --slot 9D --alg x25519 &&
		"$VCARD_PERSO" piv-issue "$W/token.card" --slot 9D --name Montgomery --usage 08 &&
		"$VCARD_PERSO" piv-pubkey "$W/token.card" --slot 9A >"$W/9A.pem" || exit 1
	card_insert "$W/token.card"
	head -c 2500 /dev/urandom >"$W/message"

	contains "the mechanism is offered" EDDSA our_tool -M
	contains "the key is shown as what it is" "EC_EDWARDS" our_tool -O --type pubkey --id 01
	for size in 1 130 2500; do
		head -c "$size" "$W/message" >"$W/part"
		check "sign $size bytes" our_tool --login --pin "$E2E_PIN" --sign -m EDDSA --id 01 -i "$W/part" -o "$W/sig"
		check "openssl verifies" openssl pkeyutl -verify -pubin -inkey "$W/9A.pem" -rawin -in "$W/part" -sigfile "$W/sig"
	done

	# a key that the card makes, for who has the management key, in the first retired place
	check "make an Ed25519 key" our_tool --login --login-type so --so-pin "$MANAGEMENT_KEY" --keypairgen \
		--key-type EC:edwards25519 --id 05
	check "it signs" our_tool --login --pin "$E2E_PIN" --sign -m EDDSA --id 05 -i "$W/part" -o "$W/sig"
	"$VCARD_PERSO" piv-pubkey "$CARD" --slot 82 >"$W/82.pem"
	check "openssl verifies" openssl pkeyutl -verify -pubin -inkey "$W/82.pem" -rawin -in "$W/part" -sigfile "$W/sig"
}

e2e_run keys
