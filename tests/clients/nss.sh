#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NSS: its tools list the card, connect in TLS 1.3 and 1.2, sign and decrypt mail; several threads of a TLS client.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd certutil modutil tstclnt cmsutil strsclnt selfserv ss

VERSION=tls1.3

certutil() {
	case $* in
	-K*) command certutil "$@" -f password ;;
	*) command certutil "$@" ;;
	esac
}

tstclnt() {
	timeout 30 "$(type -P tstclnt)" -4 -V "$VERSION:$VERSION" "$@" <"$W/request"
}

lists() {
	mkdir "$DB"
	check "certutil makes a database" told "certutil -N"
	check "modutil adds the module" told "modutil"
	check "the authority is trusted" certutil -A -d "sql:$DB" -n authority -t CT,C,C -i "$W/ca.pem"
	check "certutil lists without a PIN" told "certutil -L"
	is "both certificates" "$(grep -c -F "$TOKEN:" "$W/out")" 2
	check "certutil -K lists keys" told "certutil -K"
	is "one is RSA" "$(grep -c ' rsa ' "$W/out")" 1
	is "one is EC" "$(grep -c ' ec ' "$W/out")" 1
}

connections() {
	local name
	for VERSION in tls1.3 tls1.2; do
		tls_server "-${VERSION/./_}"
		for name in rsa ec; do
			use "$name"
			told tstclnt >"$W/page" 2>"$W/client.log"
			check "tstclnt in $VERSION with the $name key" served "$name"
		done
		tstclnt -h www.example.org -p 443 -d "sql:$DB" -n none >"$W/page" 2>&1
		is "without a certificate there is no page" "$(grep -c 'HTTP/1.0 200' "$W/page")" 0
		tls_server_stop
	done
}

mail() {
	local name
	seq 1 500 >"$W/data"
	for name in rsa ec; do
		use "$name"
		cp "$W/data" mail
		check "cmsutil signs with the $name key" told "cmsutil -S"
		check "openssl verifies it" openssl cms -verify -binary -inform DER -in mail.p7m -CAfile "$W/ca.pem" \
			-purpose any -out plain
		check "the message" cmp "$W/data" plain
	done
	openssl cms -encrypt -binary -aes128 -in "$W/data" -outform DER -out mail.p7m "$W/rsa.crt"
	check "cmsutil decrypts" told "cmsutil -D"
	check "the message" cmp "$W/data" mail
}

# Four threads make connections at the same time, each with a signature of the card.
threads() {
	mkdir "$W/serverdb"
	certutil -N -d "sql:$W/serverdb" --empty-password
	openssl pkcs12 -export -in "$W/srv.crt" -inkey "$W/srv.key" -name srv -passout pass: -out "$W/srv.p12"
	pk12util -i "$W/srv.p12" -d "sql:$W/serverdb" -W '' >/dev/null
	certutil -A -d "sql:$W/serverdb" -n authority -t CT,C,C -i "$W/ca.pem"
	selfserv -d "sql:$W/serverdb" -n srv -p "$PORT" -r -r -v -V tls1.2:tls1.3 >"$W/server.log" 2>&1 </dev/null &
	SERVER=$!
	wait_for 10 listening "$PORT"
	timeout 60 strsclnt -p "$PORT" -d "sql:$DB" -W "$(cat password)" -w "$E2E_PIN" -n "$TOKEN:${LABEL[rsa]}" -N -t 4 -c 20 -D localhost \
		>"$W/client.log" 2>&1
	check "20 connections of four threads" test "$(grep -c 'subject DN: CN=Alice rsa' "$W/server.log")" -ge 20
	tls_server_stop
}

# page ARGUMENTS...: openssl's client gets the page of the server in these ways
page() {
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client "$@" -connect "127.0.0.1:$PORT" -CAfile "$W/ca.pem" \
		-purpose any -verify_return_error -ign_eof 2>&1 | grep -q 'HTTP/1.0 200'
}

# The card's key is the server's; NSS tries to make copies of it that live in a session.
servers() {
	local name option
	for name in rsa ec; do
		use "$name"
		[ "$name" = rsa ] && option=-n || option=-e
		selfserv -d "sql:$DB" "$option" "$TOKEN:$NAME" -p "$PORT" -w "$E2E_PIN" \
			-V tls1.2:tls1.3 >"$W/server.log" 2>&1 </dev/null &
		SERVER=$!
		wait_for 10 listening "$PORT"
		check "selfserv in TLS 1.3 with the $name key" page -tls1_3
		check "selfserv in TLS 1.2 with the $name key" page -tls1_2
		tls_server_stop
	done
}

nss() {
	two_keys
	server_certificate
	section NSS
	DB="$W/db"
	printf 'GET / HTTP/1.0\r\n\r\n' >"$W/request"
	printf '%s:%s\n' "$TOKEN" "$E2E_PIN" >password
	lists
	connections
	mail
	threads
	servers
	card_remove
}

clients_run nss
