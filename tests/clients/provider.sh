#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSL 3 through pkcs11-provider: listing, signatures, decryption, requests, TLS. Debian 12 has no such package; where the
# provider was built, or comes with a later release, the test is run by
#   OPENSSL_MODULES=DIRECTORY make check TESTS=tests/clients/provider.sh
# with the directory of the provider's pkcs11.so.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
if [ ! -e "${OPENSSL_MODULES:-$(openssl version -m | cut -d'"' -f2)}/pkcs11.so" ]; then
	echo "skipped: pkcs11-provider is not in Debian 12; tests/clients/provider.sh says how to run this by hand"
	exit 77
fi
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd ss

# who verifies has no provider but OpenSSL's own
verifier() {
	OPENSSL_CONF=/dev/null openssl "$@"
}

signatures() {
	local name
	for name in rsa ec; do
		use "$name"
		check "$name: dgst -sign" told "openssl dgst"
		check "$name: openssl verifies it" verifier dgst -verify "$W/$name.pem" -sha256 -signature data.sig data
		check "$name: a certificate request" told "openssl req"
		check "$name: openssl verifies it" verifier req -config provider.cnf -verify -in req.pem -noout
	done
	use rsa
	check "PSS" openssl dgst -sha256 -sign "$KEY;type=private" -sigopt rsa_padding_mode:pss -out data.sig data
	check "openssl verifies it" verifier dgst -verify "$W/rsa.pem" -sha256 -sigopt rsa_padding_mode:pss -signature data.sig data
}

decryption() {
	head -c 32 data >short
	verifier pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in short -out cipher
	check "decrypts PKCS #1" told "openssl pkeyutl"
	check "the message" cmp short plain
}

connections() {
	local name version
	for version in tls1_3 tls1_2; do
		tls_server -"$version"
		for name in rsa ec; do
			use "$name"
			cp "$W/$name.crt" cert.pem
			printf 'GET / HTTP/1.0\r\n\r\n' | SSL_CERT_FILE="$W/ca.pem" told "openssl s_client" >"$W/page" 2>"$W/client.log"
			check "s_client in $version with the $name key" served "$name"
		done
		tls_server_stop
	done
}

provider() {
	two_keys
	server_certificate
	section pkcs11-provider
	echo "$E2E_PIN" >pin
	told_file provider.cnf "s|^pkcs11-module-path.*|&\npkcs11-module-token-pin = file:$PWD/pin|"
	seq 1 500 >data
	told "OPENSSL_CONF"
	contains "storeutl lists the certificates" "Subject: CN *= *Alice rsa" told "openssl storeutl"
	signatures
	decryption
	connections
	card_remove
}

clients_run provider
