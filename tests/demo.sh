#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make demo: the module at work on a virtual card, with Debian's pkcs11-tool, openssl and ssh-keygen, without a daemon,
# a reader, or root. Everything happens in a directory that goes away afterwards.
set -euo pipefail

pin=123456

for tool in pkcs11-tool openssl ssh-keygen; do
	command -v "$tool" >/dev/null || { echo "demo: $tool is not installed; ./bootstrap --deps installs it" >&2; exit 1; }
done
if [ "$INSTRUMENTED" != no ]; then
	echo "demo: a module built with sanitizers cannot be loaded by other programs" >&2
	exit 1
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/minidriver-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
reader="$work/readers/Demo Reader"
card="$work/card"
mkdir -p "$reader"

# What programs need to find the virtual reader in place of pcscd's.
export VCARD_READERS="$work/readers"
over_card=(env "LD_LIBRARY_PATH=$PCSC_VCARD_DIR")

exchanges() {
	grep -oE '[0-9]+' "$reader/stats" 2>/dev/null | head -n 1 || echo 0
}

# step TITLE COMMAND...: runs it, shows what it says and what it cost the card
step() {
	local title=$1 before after start
	shift
	printf '\n== %s\n' "$title"
	before=$(exchanges)
	start=$EPOCHREALTIME
	if ! "$@" >"$work/out" 2>"$work/err"; then
		sed 's/^/   /' "$work/out" "$work/err"
		echo "demo: this step failed" >&2
		exit 1
	fi
	after=$(exchanges)
	sed 's/^/   /' "$work/out"
	printf '   -- %d APDUs, %d ms\n' $((${after:-0} - ${before:-0})) $(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
}

quietly() {
	"$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
}

token() {
	"${over_card[@]}" pkcs11-tool --module "$MODULE" "$@"
}

# key INDEX ALGORITHM KIND NAME: a key pair on the card and a certificate for it
key() {
	quietly "$VCARD_PERSO" keygen "$card" --pin $pin --index "$1" --alg "$2" --kind "$3" --name "$4"
	"$VCARD_PERSO" pubkey "$card" --index "$1" >"$work/$4.spki"
	quietly openssl x509 -new -force_pubkey "$work/$4.spki" -subj "/CN=Alice Example/OU=$4" -CA "$work/ca.pem" \
		-CAkey "$work/ca.key" -CAcreateserial -days 30 -outform DER -out "$work/$4.der"
	quietly "$VCARD_PERSO" cert "$card" --pin $pin --index "$1" --der "$work/$4.der"
}

personalise() {
	quietly openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 30 -subj "/CN=Demo CA"
	quietly "$VCARD_PERSO" create "$card" --ecc
	quietly "$VCARD_PERSO" format "$card" --pin $pin
	key 0 rsa2048 exchange rsa
	key 1 p256 signature ecc
	ln -s "$card" "$reader/card"
	echo "a GIDS card with an RSA 2048 and a P-256 key, made by the virtual card itself, with certificates"
}

sign_and_verify() {
	echo "Hello from the demo." >"$work/text"
	token --login --pin $pin --sign --mechanism SHA256-RSA-PKCS --id 00 --input-file "$work/text" --output-file "$work/text.sig"
	openssl x509 -inform DER -in "$work/rsa.der" -pubkey -noout >"$work/rsa.pem"
	echo "openssl says of the signature:"
	openssl dgst -sha256 -verify "$work/rsa.pem" -signature "$work/text.sig" "$work/text"
}

sign_ecdsa_and_verify() {
	token --login --pin $pin --sign --mechanism ECDSA-SHA256 --signature-format openssl --id 01 \
		--input-file "$work/text" --output-file "$work/text.sig"
	openssl x509 -inform DER -in "$work/ecc.der" -pubkey -noout >"$work/ecc.pem"
	echo "openssl says of the signature:"
	openssl dgst -sha256 -verify "$work/ecc.pem" -signature "$work/text.sig" "$work/text"
}

decrypt() {
	echo "a secret for Alice" >"$work/plain"
	openssl pkeyutl -encrypt -pubin -inkey "$work/rsa.pem" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \
		-pkeyopt rsa_mgf1_md:sha256 -in "$work/plain" -out "$work/cipher"
	token --login --pin $pin --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 --id 00 \
		--input-file "$work/cipher" --output-file "$work/decrypted"
	cat "$work/decrypted"
	cmp -s "$work/plain" "$work/decrypted"
}

step "A virtual card" personalise
step "Tokens: pkcs11-tool -L" token -L
step "Objects: pkcs11-tool -O" token -O
step "An RSA signature by the card" sign_and_verify
step "An ECDSA signature by the card" sign_ecdsa_and_verify
step "A message to the card's owner (OAEP, SHA-256)" decrypt
step "Public keys for ssh: ssh-keygen -D" "${over_card[@]}" ssh-keygen -D "$MODULE"

printf '\nThe module: %s\n' "$MODULE"
