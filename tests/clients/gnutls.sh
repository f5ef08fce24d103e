#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# GnuTLS: p11tool, TLS with the card on either side, requests and signed data by certtool.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11tool gnutls-cli gnutls-serv certtool ss

PRIORITY=NORMAL

gnutls-cli() {
	{ printf 'GET / HTTP/1.0\r\n\r\n'; sleep 0.5; } | command gnutls-cli --x509cafile "$W/ca.pem" --priority "$PRIORITY" "$@"
}

# client NAME PRIORITY: a connection with this key, its page in $W/page
client() {
	use "$1"
	PRIORITY=$2
	told "gnutls-cli" >"$W/page" 2>&1
}

tokens() {
	contains "p11tool lists the token" "token=" told "p11tool --list-tokens"
	contains "its certificates" "type=cert" told "p11tool --list-all"
	contains "the private keys" "type=private" told "p11tool --login --list-privkeys"
	for name in rsa ec; do
		use "$name"
		check "p11tool exports the $name certificate" told "p11tool --export"
		check "which is that" sh -c "openssl x509 -in cert.pem -outform DER | cmp - '$W/$name.der'"
		contains "p11tool tries out the $name key" "ok" told "p11tool --login --test-sign"
	done
	use rsa
	check "also with PSS" p11tool --login --test-sign --hash SHA256 --sign-params=RSA-PSS "$KEY;type=private"
}

clients() {
	local name
	tls_server -tls1_3
	for name in rsa ec; do
		client "$name" NORMAL:-VERS-ALL:+VERS-TLS1.3
		check "gnutls-cli in TLS 1.3 with the $name key" served "$name"
	done
	tls_server_stop
	tls_server -tls1_2
	for name in rsa ec; do
		client "$name" NORMAL:-VERS-ALL:+VERS-TLS1.2
		check "gnutls-cli in TLS 1.2 with the $name key" served "$name"
	done
	client rsa NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-SHA256
	check "with PSS and SHA-384 in TLS 1.2" served rsa
	tls_server_stop
}

# The card's key is the server's: a signature, and with RSA key transport a decryption.
server() {
	gnutls-serv --provider "$MODULE" --port "$PORT" --x509certfile "$(uri rsa cert)" \
		--x509keyfile "$(uri rsa private)" --disable-client-cert --priority NORMAL:+RSA --http \
		>"$W/server.log" 2>&1 </dev/null &
	SERVER=$!
	wait_for 10 listening "$PORT"
	for way in "-tls1_3" "-tls1_2" "-tls1_2 -cipher AES128-GCM-SHA256"; do
		# shellcheck disable=SC2086
		printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client $way -connect 127.0.0.1:$PORT -CAfile "$W/ca.pem" \
			-ign_eof >"$W/page" 2>&1
		check "gnutls-serv serves $way" grep -q 'HTTP/1.0 200' "$W/page"
	done
	tls_server_stop
}

certificates() {
	local name
	printf 'cn = "Alice"\n' >template
	seq 1 500 >data
	for name in rsa ec; do
		use "$name"
		cp "$W/$name.crt" cert.pem
		check "$name: certtool makes a request" told "certtool --generate-request"
		check "$name: openssl verifies it" openssl req -verify -in req.pem -noout
		check "$name: certtool signs data" told "certtool --p7-detached-sign"
		check "$name: openssl verifies it" openssl cms -verify -binary -inform PEM -in data.p7s -content data \
			-CAfile "$W/ca.pem" -certfile cert.pem -purpose any -out /dev/null
	done
}

gnutls() {
	two_keys
	only_our_module
	export GNUTLS_PIN=$E2E_PIN
	section GnuTLS
	tokens
	clients
	server
	certificates
	card_remove
}

clients_run gnutls
