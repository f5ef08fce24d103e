#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A reader with keys: PINs are entered there and seen by no program. OpenSC's unmodified module shows that the reader is
# honest; with a real pcscd it has a driver of its own, since vpcd's has no keys. R-091
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs opensc-tool pkcs11-tool openssl pcscd

# The reader is a directory in both modes.
service_start() {
	if [ "$MODE" = pcscd ]; then
		READER="$W/reader"
		mkdir -p "$READER" /run/pcscd "$W/reader.conf.d"
		printf 'FRIENDLYNAME "%s"\nDEVICENAME %s\nLIBPATH %s\nCHANNELID 0\n' "Reader with keys" "$READER" \
			"$abs_top_builddir/.libs/libifd-vcard.so" >"$W/reader.conf.d/keys"
		pcscd --foreground --config "$W/reader.conf.d" >"$W/pcscd.log" 2>&1 &
		wait_for 10 test -S /run/pcscd/pcscd.comm || { cat "$W/pcscd.log"; exit 1; }
	else
		READER="$W/readers/Reader with keys"
		mkdir -p "$READER"
		export VCARD_READERS="$W/readers" LD_LIBRARY_PATH="$PCSC_VCARD_DIR"
	fi
	: >"$READER/trace"
	typing
}

# typing WORD...: what the person at the reader does, prompt by prompt
typing() {
	printf '%s\n' "$*" >"$READER/pinpad.typing"
	mv "$READER/pinpad.typing" "$READER/pinpad"
}

sent() {
	tr -d ' ' <"$READER/trace" | grep -c -i "^>$1" || true
}

make_card() {
	"$VCARD_PERSO" create "$W/card" && "$VCARD_PERSO" format "$W/card" --pin "$E2E_PIN" &&
		"$VCARD_PERSO" keygen "$W/card" --pin "$E2E_PIN" --index 0 --alg rsa2048 --name key &&
		"$VCARD_PERSO" pubkey "$W/card" --index 0 >"$W/key.spki" || exit 1
	make_ca
	issue "$W/key.spki" key
	"$VCARD_PERSO" cert "$W/card" --pin "$E2E_PIN" --index 0 --der "$W/key.der" || exit 1
	ln -s "$W/card" "$READER/card"
	wait_for 10 card_seen || { echo "# the card does not appear"; cat "$W/pcscd.log"; exit 1; }
}

# with_keys NAME MODULE ID: everything that a PIN is for, each time entered at the reader
with_keys() {
	local tool=(pkcs11-tool --module "$2") before
	printf 'hello\n' >"$W/data"

	contains "$1 sees the reader's keys" "PIN pad present" "${tool[@]}" -T
	typing "$E2E_PIN"
	before=$(sent 0020008006313233343536)
	check "$1 signs" "${tool[@]}" --login --sign -m SHA256-RSA-PKCS --id "$3" -i "$W/data" -o "$W/sig"
	check "$1's signature is good" openssl dgst -sha256 -verify "$W/key.pem" -signature "$W/sig" "$W/data"
	is "$1 had the PIN sent" "$([ "$(sent 0020008006313233343536)" -gt "$before" ] && echo yes)" yes

	typing cancel
	refuse "$1 is told of the cancel key" CKR_FUNCTION_CANCELED "${tool[@]}" --login --sign -m SHA256-RSA-PKCS --id "$3" \
		-i "$W/data" -o "$W/sig"
	typing 999999
	refuse "$1 is told of a wrong PIN" CKR_PIN_INCORRECT "${tool[@]}" --login --sign -m SHA256-RSA-PKCS --id "$3" \
		-i "$W/data" -o "$W/sig"
	typing "$E2E_PIN"
	check "$1 goes on with the right one" "${tool[@]}" --login --sign -m SHA256-RSA-PKCS --id "$3" -i "$W/data" -o "$W/sig"
	typing "$E2E_PIN" "$E2E_PIN" 87654321 87654321
	check "$1 changes the PIN" "${tool[@]}" --login --change-pin
	is "$1 had the change sent" "$(sent 002400800E3132333435363837363534333231)" 1
	typing 87654321 87654321 "$E2E_PIN" "$E2E_PIN"
	check "$1 changes it back" "${tool[@]}" --login --change-pin
	: >"$READER/trace"
}

keys() {
	make_card
	with_keys OpenSC "$OPENSC" 00
	with_keys "our module" "$MODULE" 00
	card_remove
}

e2e_run keys
