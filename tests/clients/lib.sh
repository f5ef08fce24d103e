# SPDX-License-Identifier: BSD-2-Clause
# Programs that people use with a card: what their tests share. Sourced by each test in place of tests/e2e/lib.sh; the card
# has an RSA key and a P-256 key with certificates of a test authority, as another program made it.
# shellcheck shell=bash
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"

# the card is one that other processes share
export E2E_MODES=${E2E_MODES:-pcscd}
PORT=4433

# two_keys: a card in the reader with the keys rsakey and eckey; $TOKEN is its label, $URI names the token
two_keys() {
	make_opensc_card
	add_ec_key 1
	TOKEN=$(our_tool -L 2>/dev/null | sed -n 's/^ *token label *: *//p' | head -n 1)
	URI="pkcs11:token=$(printf %s "$TOKEN" | sed 's/ /%20/g;s/#/%23/g')"
	openssl x509 -inform DER -in "$W/rsa.der" -out "$W/rsa.crt"
	openssl x509 -inform DER -in "$W/ec.der" -out "$W/ec.crt"
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
