#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# pkcs11-tool over the module, on a card that OpenSC made. P-019, P-038, P-060, P-128, P-131, P-152
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

# sign MECHANISM VERIFY-OPTIONS...: signs $W/data and lets openssl verify with the certificate's key
sign() {
	local mechanism=$1
	shift
	check "sign with $mechanism" our_tool --login --pin "$E2E_PIN" --sign -m "$mechanism" --id "$RSA_ID" \
		-i "$SIGN_INPUT" -o "$W/sig" "${SIGN_OPTIONS[@]}"
	check "openssl verifies $mechanism" openssl "$@" -signature "$W/sig" "$W/data"
	rm -f "$W/sig"
}

# pkcs11-tool's own words for a failed check begin with ERR, and it exits with 0 all the same.
self_test() {
	our_tool --test --login --pin "$E2E_PIN" >"$W/test.log" 2>&1 || return 1
	cat "$W/test.log"
	grep -q 'No errors' "$W/test.log" && ! grep -q '^ *ERR' "$W/test.log"
}

# The child says what it does, and why it gives up if it does; its exit status is lost.
fork_test() {
	our_tool --test-fork >"$W/test.log" 2>&1 || return 1
	cat "$W/test.log"
	grep -q 'in forked child process' "$W/test.log" && ! grep -qi -E 'error|failed' "$W/test.log"
}

# threads COMMANDS...: a thread for each list of the tool's two-letter commands, which are IN and IL (C_Initialize with NULL,
# with the system's locks), GI (C_GetInfo), SL (C_GetSlotList), Tn (C_GetTokenInfo of the n-th slot) and Pn (a pause of n
# seconds). They race into C_Initialize. Another test runs meanwhile: for threads that are not done when there is nothing
# left to do, the tool sleeps half a minute.
threads() {
	local commands options=()
	for commands; do
		options+=(--test-threads "$commands")
	done
	timeout 100 pkcs11-tool --module "$MODULE" --use-locking "${options[@]}" --test --login --pin "$E2E_PIN" \
		>"$W/test.log" 2>&1 || return 1
	cat "$W/test.log"
	! grep -q 'Unknown test' "$W/test.log" &&
		{ grep -q 'all threads have ended with CKR_OK' "$W/test.log" ||
			[ "$(grep -c 'returning rv = 0' "$W/test.log")" = $# ]; }
}

# The tool waits for two events; a return key begins each wait.
hotplug_test() {
	local keys pid file=$CARD
	mkfifo "$W/keys"
	timeout 30 pkcs11-tool --module "$MODULE" --test-hotplug <"$W/keys" >"$W/test.log" 2>&1 &
	pid=$!
	exec {keys}>"$W/keys"
	printf '\nx\n\n' >&"$keys"
	sleep 1
	card_remove
	sleep 0.5
	printf '\n' >&"$keys"
	card_insert "$file"
	sleep 0.5
	printf 'x\n' >&"$keys"
	exec {keys}>&-
	wait "$pid"
	is "the tool that waits for cards ends well" $? 0
	is "it has seen two events" "$(grep -c 'event on slot' "$W/test.log")" 2
	is "and the card, the empty reader, the card" "$(sed -n -e '/event on/s/.*/event/p' -e '/Virtual.*\(A\|0[01] 00\)$/{n;s/^ *//p}' "$W/test.log" |
		sed 's/ *:.*//' | head -n 5 | tr '\n' ,)" "token label,event,(empty),event,token label,"
}

# Makes an EC key pair, signs with it, and deletes both objects; the tool's own verdict counts.
ec_test() {
	our_tool --session-rw --test-ec --key-type "EC:$1" --id 00 --label made --login --pin "$E2E_PIN" >"$W/test.log" 2>&1 ||
		{ cat "$W/test.log"; return 1; }
	cat "$W/test.log"
	grep -q '==> OK' "$W/test.log" && ! grep -q '^ *ERR' "$W/test.log"
}

# Keys made, used and deleted. P-143
make_keys() {
	local before id
	before=$(our_tool --login --pin "$E2E_PIN" -O 2>/dev/null | grep -c 'Key Object')
	check "--test-ec passes on P-256" ec_test prime256v1
	check "--test-ec passes on P-384" ec_test secp384r1
	is "nothing is left of that" "$(our_tool --login --pin "$E2E_PIN" -O 2>/dev/null | grep -c 'Key Object')" "$before"
	check "an RSA key is made" our_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label made
	check "its public key is read" our_tool --read-object --type pubkey --label made -o "$W/made.spki"
	id=$(our_tool -O --type pubkey 2>/dev/null | sed -n '/label: *made$/,/ID:/s/^ *ID: *//p' | head -n 1)
	check "it signs" our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id "$id" -i "$W/data" -o "$W/sig"
	check "openssl verifies" openssl dgst -sha256 -verify "$W/made.spki" -keyform DER -signature "$W/sig" "$W/data"
	refuse "a curve that cards do not have is refused" 0x140 our_tool --login --pin "$E2E_PIN" \
		--keypairgen --key-type EC:secp256k1 --label other
	check "it is deleted" our_tool --login --pin "$E2E_PIN" --delete-object --type privkey --label made
	is "nothing is left of it" "$(our_tool --login --pin "$E2E_PIN" -O 2>/dev/null | grep -c 'Key Object')" "$before"
}

tool() {
	local hash
	make_opensc_card
	add_ec_key 1
	printf 'hello\n' >"$W/data"
	openssl dgst -sha256 -binary "$W/data" >"$W/hash"
	{ printf '\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20'; cat "$W/hash"; } >"$W/info"

	contains "-L shows the token" "token label" our_tool -L
	contains "-O shows the certificate" "Certificate Object" our_tool -O
	contains "-O shows the public key" "Public Key Object; RSA 2048" our_tool -O
	contains "-O shows the EC key" "Public Key Object; EC" our_tool -O
	contains "-O with login shows private keys" "Private Key Object" our_tool --login --pin "$E2E_PIN" -O
	contains "-M lists PSS" "RSA-PKCS-PSS" our_tool -M
	RSA_ID=$(our_tool -O --type cert 2>/dev/null | sed -n '/Alice rsa/,/ID:/s/^ *ID: *//p' | head -n 1)
	EC_ID=$(our_tool -O --type cert 2>/dev/null | sed -n '/Alice ec/,/ID:/s/^ *ID: *//p' | head -n 1)
	is "the IDs are those of OpenSC" "$RSA_ID" "$KEY_ID"
	check "--test passes" self_test

	SIGN_OPTIONS=() SIGN_INPUT="$W/info"
	sign RSA-PKCS dgst -sha256 -verify "$W/rsa.pem"
	SIGN_INPUT="$W/data"
	for hash in 1 224 256 384 512; do
		sign "SHA$hash-RSA-PKCS" dgst "-sha$hash" -verify "$W/rsa.pem"
	done
	for hash in 256 384 512; do
		sign "SHA$hash-RSA-PKCS-PSS" dgst "-sha$hash" -verify "$W/rsa.pem" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1
	done
	SIGN_INPUT="$W/hash" SIGN_OPTIONS=(--hash-algorithm SHA256 --mgf MGF1-SHA256)
	sign RSA-PKCS-PSS dgst -sha256 -verify "$W/rsa.pem" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1

	check "sign with ECDSA-SHA256" our_tool --login --pin "$E2E_PIN" --sign -m ECDSA-SHA256 --id "$EC_ID" -i "$W/data" \
		-o "$W/sig" --signature-format openssl
	check "openssl verifies ECDSA-SHA256" openssl dgst -sha256 -verify "$W/ec.pem" -signature "$W/sig" "$W/data"
	check "sign with ECDSA" our_tool --login --pin "$E2E_PIN" --sign -m ECDSA --id "$EC_ID" -i "$W/hash" -o "$W/sig" \
		--signature-format openssl
	check "openssl verifies ECDSA" openssl dgst -sha256 -verify "$W/ec.pem" -signature "$W/sig" "$W/data"

	check "verify with the module" sh -c "'$(command -v pkcs11-tool)' --module '$MODULE' --login --pin $E2E_PIN --sign \
		-m SHA256-RSA-PKCS --id $RSA_ID -i '$W/data' -o '$W/sig' && pkcs11-tool --module '$MODULE' --verify -m SHA256-RSA-PKCS \
		--id $RSA_ID -i '$W/data' --signature-file '$W/sig' | grep 'Signature is valid'"

	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/data" -out "$W/enc"
	check "decrypt with RSA-PKCS" our_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS --id "$RSA_ID" -i "$W/enc" -o "$W/dec"
	check "the plaintext is right" cmp "$W/data" "$W/dec"
	for hash in 1 256; do
		openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:sha$hash" \
			-pkeyopt "rsa_mgf1_md:sha$hash" -in "$W/data" -out "$W/enc"
		rm -f "$W/dec"
		local name="SHA$hash"
		[ "$hash" != 1 ] || name=SHA-1
		check "decrypt with OAEP $name" our_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS-OAEP --hash-algorithm "$name" \
			--mgf "MGF1-SHA$hash" --id "$RSA_ID" -i "$W/enc" -o "$W/dec"
		check "the plaintext of OAEP $name is right" cmp "$W/data" "$W/dec"
	done
	make_keys
	check "--test-fork passes" fork_test
	check "--test-threads passes with each command" threads ILGISLT0 INGISLT0 SLGIILT0P1T0SL P1INSLGI
	check "--test-threads passes with as many threads as there may be" threads ILGISLT0 ILGISLT0 INGISLT0 INGISLT0 \
		ILT0 INT0 IL IN ILSL INGI
	hotplug_test
	check "random numbers" our_tool --generate-random 32 -o "$W/random"
	refuse "a wrong PIN is refused" CKR_PIN_INCORRECT our_tool --login --pin 999999 -O
	card_remove
}

e2e_run tool
