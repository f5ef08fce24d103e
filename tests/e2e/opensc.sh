#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The virtual card is honest: unmodified tools of others format and use it.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

honest() {
	local id
	make_opensc_card
	printf 'hello\n' >"$W/data"

	contains "the card is recognised" GIDS opensc-tool --name
	contains "slot and token are listed" "token label" opensc_tool --list-slots
	contains "objects are listed" "rsakey" opensc_tool --login --pin "$E2E_PIN" --list-objects
	check "sign with SHA256-RSA-PKCS" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id "$KEY_ID" \
		-i "$W/data" -o "$W/sig"
	check "openssl verifies" openssl dgst -sha256 -verify "$W/rsa.pem" -signature "$W/sig" "$W/data"
	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/data" -out "$W/enc"
	check "decrypt with RSA-PKCS" opensc_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS --id "$KEY_ID" \
		-i "$W/enc" -o "$W/dec"
	check "the plaintext is right" cmp "$W/data" "$W/dec"

	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out "$W/imp.der" 2>/dev/null
	openssl pkey -in "$W/imp.der" -inform DER -pubout -out "$W/imp.pem"
	check "a key is imported" opensc_tool --login --pin "$E2E_PIN" --write-object "$W/imp.der" --type privkey \
		--id 05 --label imported --usage-sign
	check "it signs" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 01 -i "$W/data" -o "$W/sig"
	check "openssl verifies that" openssl dgst -sha256 -verify "$W/imp.pem" -signature "$W/sig" "$W/data"

	check "the PIN is changed" opensc_tool --login --pin "$E2E_PIN" --change-pin --new-pin 87654321
	check "the new PIN opens" opensc_tool --login --pin 87654321 --list-objects
	refuse "the old PIN does not" CKR_PIN_INCORRECT opensc_tool --login --pin "$E2E_PIN" --list-objects
	check "the PIN is unblocked with the admin key" gids-tool --unblock --pin "$E2E_PIN" --admin-key "$E2E_ADMIN_KEY"
	check "the PIN is what it was" opensc_tool --login --pin "$E2E_PIN" --list-objects

	# what our module makes and leaves is a card that others read and change
	check "our module makes a key" our_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label ours --id 4711
	contains "OpenSC lists it" "ours" opensc_tool --login --pin "$E2E_PIN" --list-objects
	check "and its public key" opensc_tool --read-object --type pubkey --label ours -o "$W/ours.spki"
	id=$(opensc_tool -O --type pubkey 2>/dev/null | sed -n '/label: *ours$/,/ID:/s/^ *ID: *//p' | head -n 1)
	check "OpenSC signs with it" opensc_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id "$id" \
		-i "$W/data" -o "$W/sig"
	check "openssl verifies that too" openssl dgst -sha256 -verify "$W/ours.spki" -keyform DER -signature "$W/sig" "$W/data"
	check "our module deletes it" our_tool --login --pin "$E2E_PIN" --delete-object --type privkey --label ours
	check "OpenSC makes a key in its place" opensc_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label theirs
	contains "our module lists that" "theirs" our_tool --login --pin "$E2E_PIN" --list-objects
	check "and deletes it" our_tool --login --pin "$E2E_PIN" --delete-object --type privkey --label theirs
	is "OpenSC sees it gone" "$(opensc_tool --login --pin "$E2E_PIN" --list-objects 2>/dev/null | grep -c -e ours -e theirs)" 0

	check "the certificate is deleted" opensc_tool --login --pin "$E2E_PIN" --delete-object --type cert --id "$KEY_ID"
	check "the key is deleted" opensc_tool --login --pin "$E2E_PIN" --delete-object --type privkey --label imported
	opensc_tool --login --pin "$E2E_PIN" --list-objects >"$W/objects" 2>/dev/null
	is "what was deleted is gone" "$(grep -c -e imported -e Certificate "$W/objects")" 0
	card_remove
}

e2e_run honest
