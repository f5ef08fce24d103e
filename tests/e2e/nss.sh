#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NSS, the library under Firefox: certificates without PIN, private keys with it, and TLS 1.3 with a client certificate
# of the card. P-008, P-149
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd certutil modutil tstclnt

# The server wants a certificate of our authority, answers each request with a page, and says whom it has seen.
server_start() {
	openssl req -newkey rsa:2048 -nodes -keyout "$W/srv.key" -subj "/CN=localhost" -out "$W/srv.req" 2>/dev/null
	printf 'subjectAltName=DNS:localhost\n' >"$W/srv.ext"
	openssl x509 -req -in "$W/srv.req" -CA "$W/ca.pem" -CAkey "$W/ca.key" -CAcreateserial -days 20 \
		-extfile "$W/srv.ext" -out "$W/srv.pem" 2>/dev/null
	openssl s_server -accept 127.0.0.1:4433 -cert "$W/srv.pem" -key "$W/srv.key" -CAfile "$W/ca.pem" \
		-Verify 1 -verify_return_error -tls1_3 -www >"$W/server.log" 2>&1 </dev/null &
	SERVER=$!
	wait_for 10 sh -c "ss -ltn | grep -q 127.0.0.1:4433"
}

server_stop() {
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
}

# connect NICKNAME: a TLS 1.3 connection with this client certificate; the server's page ends in $W/page
connect() {
	printf 'GET / HTTP/1.0\r\n\r\n' >"$W/request"
	timeout 30 tstclnt -4 -h localhost -a localhost -p 4433 -d "sql:$W/db" -V tls1.3:tls1.3 -n "$1" -W "$W/password" \
		<"$W/request" >"$W/page" 2>"$W/client.log"
}

# seen NAME: the server has verified the certificate NAME.der
seen() {
	grep -q -F "CN = Alice $1" "$W/page" "$W/server.log" 2>/dev/null
}

# tls NAME LABEL: a whole connection with the key NAME, at a new server
tls() {
	server_start
	connect "$TOKEN:$2"
	check "the server answers the $1 key" grep -q 'HTTP/1.0 200' "$W/page"
	check "in TLS 1.3" grep -q 'TLSv1.3' "$W/page"
	check "the server has verified the certificate of the $1 key" seen "$1"
	server_stop
}

nss() {
	local sent
	make_opensc_card
	add_ec_key 1
	sent=$(pins_sent)
	TOKEN=$(our_tool -L 2>/dev/null | sed -n 's/^ *token label *: *//p' | head -n 1)
	printf '%s:%s\n' "$TOKEN" "$E2E_PIN" >"$W/password"
	mkdir "$W/db"
	check "certutil makes a database" certutil -N -d "sql:$W/db" --empty-password
	check "modutil adds the module" modutil -dbdir "sql:$W/db" -add undertest -libfile "$MODULE" -force
	# it fails for the reader without a card, after it has told everything
	modutil -dbdir "sql:$W/db" -list undertest >"$W/list" 2>/dev/null
	check "modutil shows the token" grep -q "Token Name: $TOKEN" "$W/list"
	check "the authority is trusted" certutil -A -d "sql:$W/db" -n authority -t CT,C, -i "$W/ca.pem"

	check "certutil lists without a PIN" sh -c "certutil -L -d 'sql:$W/db' -h all </dev/null >'$W/list' 2>&1"
	is "both certificates" "$(grep -c -F "$TOKEN:" "$W/list")" 2
	is "and nobody has logged in" "$(pins_sent)" "$sent"
	check "certutil lists with the PIN" sh -c "certutil -L -d 'sql:$W/db' -h all -f '$W/password' >'$W/list' 2>&1"
	is "both have a private key" "$(grep -F "$TOKEN:" "$W/list" | grep -c 'u,u,u')" 2
	check "certutil -K lists keys" sh -c "certutil -K -d 'sql:$W/db' -h '$TOKEN' -f '$W/password' >'$W/keys' 2>&1"
	is "after one login" "$(pins_sent)" $((sent + 1))
	is "one is RSA" "$(grep -c ' rsa ' "$W/keys")" 1
	is "one is EC" "$(grep -c ' ec ' "$W/keys")" 1

	tls rsa rsakey
	tls ec eckey
	server_start
	connect none
	check "without a certificate the server ends it" grep -q 'peer did not return a certificate' "$W/server.log"
	is "and there is no page" "$(grep -c 'HTTP/1.0 200' "$W/page")" 0
	server_stop
	card_remove
}

e2e_run nss
