#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NSS: mail signed and decrypted by cmsutil, and several threads of a TLS client.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd certutil modutil cmsutil strsclnt selfserv ss

mail() {
	local name
	two_keys
	printf '%s:%s\n' "$TOKEN" "$E2E_PIN" >"$W/password"
	seq 1 500 >"$W/data"
	mkdir "$W/db" "$W/serverdb"
	certutil -N -d "sql:$W/db" --empty-password
	modutil -dbdir "sql:$W/db" -add undertest -libfile "$MODULE" -force >/dev/null 2>&1
	certutil -A -d "sql:$W/db" -n authority -t CT,C,C -i "$W/ca.pem"
	for name in rsa ec; do
		check "cmsutil signs with the $name key" cmsutil -S -d "sql:$W/db" -N "$TOKEN:${LABEL[$name]}" -f "$W/password" \
			-i "$W/data" -o "$W/signed"
		check "openssl verifies it" openssl cms -verify -binary -inform DER -in "$W/signed" -CAfile "$W/ca.pem" \
			-purpose any -out "$W/plain"
		check "the message" cmp "$W/data" "$W/plain"
	done
	openssl cms -encrypt -binary -aes128 -in "$W/data" -outform DER -out "$W/cipher" "$W/rsa.crt"
	check "cmsutil decrypts" cmsutil -D -d "sql:$W/db" -f "$W/password" -i "$W/cipher" -o "$W/plain"
	check "the message" cmp "$W/data" "$W/plain"
	threads
	card_remove
}

# Four threads make connections at the same time, each with a signature of the card.
threads() {
	server_certificate
	certutil -N -d "sql:$W/serverdb" --empty-password
	openssl pkcs12 -export -in "$W/srv.crt" -inkey "$W/srv.key" -name srv -passout pass: -out "$W/srv.p12"
	pk12util -i "$W/srv.p12" -d "sql:$W/serverdb" -W '' >/dev/null
	certutil -A -d "sql:$W/serverdb" -n authority -t CT,C,C -i "$W/ca.pem"
	selfserv -d "sql:$W/serverdb" -n srv -p "$PORT" -r -r -v -V tls1.2:tls1.3 >"$W/server.log" 2>&1 </dev/null &
	SERVER=$!
	wait_for 10 listening "$PORT"
	timeout 60 strsclnt -p "$PORT" -d "sql:$W/db" -W "$(cat "$W/password")" -w "$E2E_PIN" -n "$TOKEN:${LABEL[rsa]}" -N -t 4 -c 20 -D localhost \
		>"$W/client.log" 2>&1
	check "20 connections of four threads" test "$(grep -c 'subject DN: CN=Alice rsa' "$W/server.log")" -ge 20
	tls_server_stop
}

clients_run mail
