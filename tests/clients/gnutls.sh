#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# GnuTLS: TLS with the card on either side, requests and signed data by certtool.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd gnutls-cli gnutls-serv certtool ss

client() {	# client NAME PRIORITY: a connection with this key
	{ printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1; } | gnutls-cli --provider "$MODULE" --port "$PORT" --x509cafile "$W/ca.pem" \
		--priority "$2" --x509certfile "$(uri "$1" cert)" --x509keyfile "$(uri "$1" private)" \
		127.0.0.1 >"$W/page" 2>&1
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
	printf 'cn = "Alice"\n' >"$W/template"
	seq 1 500 >"$W/data"
	for name in rsa ec; do
		check "$name: certtool makes a request" certtool --provider "$MODULE" --generate-request --template "$W/template" \
			--load-privkey "$(uri "$name" private)" --outfile "$W/req"
		check "$name: openssl verifies it" openssl req -verify -in "$W/req" -noout
		check "$name: certtool signs data" certtool --provider "$MODULE" --p7-detached-sign --infile "$W/data" \
			--load-privkey "$(uri "$name" private)" --load-certificate "$W/$name.crt" --outfile "$W/p7"
		check "$name: openssl verifies it" openssl cms -verify -binary -inform PEM -in "$W/p7" -content "$W/data" \
			-CAfile "$W/ca.pem" -certfile "$W/$name.crt" -purpose any -out /dev/null
	done
}

gnutls() {
	two_keys
	export GNUTLS_PIN=$E2E_PIN
	clients
	server
	certificates
	card_remove
}

clients_run gnutls
