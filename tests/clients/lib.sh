# SPDX-License-Identifier: BSD-2-Clause
# Programs that people use with a card: what their tests share. Sourced by each test in place of tests/e2e/lib.sh, and
# run with clients_run; the card has an RSA key and a P-256 key with certificates of a test authority.
# shellcheck shell=bash
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"

PORT=4433

declare -A ID LABEL

# two_keys: a card of kind $CARD_KIND in the reader, with an RSA key and a P-256 key; $TOKEN is its label, $URI names the
# token, ID[rsa] and LABEL[rsa] the RSA key and its certificate, likewise ec
two_keys() {
	"two_keys_$CARD_KIND"
	TOKEN=$(our_tool -L 2>/dev/null | sed -n 's/^ *token label *: *//p' | head -n 1)
	URI="pkcs11:token=$(printf %s "$TOKEN" | sed 's/ /%20/g;s/#/%23/g')"
	openssl x509 -inform DER -in "$W/rsa.der" -out "$W/rsa.crt"
	openssl x509 -inform DER -in "$W/ec.der" -out "$W/ec.crt"
}

two_keys_gids() {
	make_opensc_card
	add_ec_key 1
	ID=([rsa]=00 [ec]=01) LABEL=([rsa]=rsakey [ec]=eckey)
}

# The key for authentication, and a retired one on a curve.
two_keys_piv() {
	local card="$W/piv.card"
	make_ca
	"$VCARD_PERSO" create "$card" --applications piv --piv-quirks token && "$VCARD_PERSO" piv-format "$card" &&
		"$VCARD_PERSO" piv-keygen "$card" --slot 9A --alg rsa2048 &&
		"$VCARD_PERSO" piv-keygen "$card" --slot 82 --alg p256 || exit 1
	"$VCARD_PERSO" piv-pubkey "$card" --slot 9A >"$W/rsa.spki" && issue "$W/rsa.spki" rsa &&
		"$VCARD_PERSO" piv-cert "$card" --slot 9A --der "$W/rsa.der" || exit 1
	"$VCARD_PERSO" piv-pubkey "$card" --slot 82 >"$W/ec.spki" && issue "$W/ec.spki" ec &&
		"$VCARD_PERSO" piv-cert "$card" --slot 82 --der "$W/ec.der" || exit 1
	# key history: one key on the card
	printf '\301\001\001\302\001\000\376\000' >"$W/history"
	"$VCARD_PERSO" piv-put "$card" --tag 5FC10C --in "$W/history" || exit 1
	card_insert "$card"
	ID=([rsa]=01 [ec]=05)
	# shellcheck disable=SC2034 # the tests use it
	LABEL=([rsa]="X.509 Certificate for PIV Authentication" [ec]="X.509 Certificate for Retired Key 1")
}

# uri NAME TYPE: of the certificate, or of the private or public key, NAME
uri() {
	echo "$URI;id=%${ID[$1]};type=$2"
}

# clients_run FUNCTION: with each kind of card
clients_run() {
	local status=0
	for CARD_KIND in ${CLIENT_CARDS:-gids piv}; do
		(e2e_in_mode pcscd "$1") || status=1
	done
	exit $status
}

# server_certificate: srv.crt and srv.key for localhost, of the same authority
server_certificate() {
	openssl req -newkey rsa:2048 -nodes -keyout "$W/srv.key" -subj "/CN=localhost" -out "$W/srv.req" 2>/dev/null
	printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 keyUsage=digitalSignature,keyEncipherment extendedKeyUsage=serverAuth >"$W/srv.ext"
	openssl x509 -req -in "$W/srv.req" -CA "$W/ca.pem" -CAkey "$W/ca.key" -CAcreateserial -days 20 \
		-extfile "$W/srv.ext" -out "$W/srv.crt" 2>/dev/null
}

listening() {
	ss -ltn | grep -q ":$1 "
}

# tls_server ARGUMENTS...: openssl's server, which wants a certificate of the authority and answers with a page about it
tls_server() {
	[ -e "$W/srv.crt" ] || server_certificate
	OPENSSL_CONF=/dev/null openssl s_server -accept "127.0.0.1:$PORT" -cert "$W/srv.crt" -key "$W/srv.key" \
		-CAfile "$W/ca.pem" -Verify 1 -verify_return_error -www "$@" >"$W/server.log" 2>&1 </dev/null &
	SERVER=$!
	wait_for 10 listening $PORT
}

tls_server_stop() {
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
}

# serial_of NAME: of the certificate NAME.crt, as openssl's server prints it
serial_of() {
	openssl x509 -in "$W/$1.crt" -noout -serial | cut -d= -f2
}

# served NAME: the page in $W/page is the server's, and tells of the certificate NAME.crt
served() {
	grep -q 'HTTP/1.0 200' "$W/page" && tr -d ': \n' <"$W/page" | grep -q -i -F "$(serial_of "$1")"
}

# A program that prints the PIN and notes that it was asked, in $W/asked
pin_program() {
	printf '#!/bin/sh\necho asked >>%s\necho %s\n' "$W/asked" "$E2E_PIN" >"$W/askpass"
	chmod 700 "$W/askpass"
	: >"$W/asked"
}
