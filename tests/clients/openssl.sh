#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSL through libp11's engine, and curl: signatures, decryption, requests, CMS, TLS.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd curl ss

# who verifies has no engine
verifier() {
	OPENSSL_CONF=/dev/null openssl "$@"
}

signatures() {
	local name
	for name in rsa ec; do
		use "$name"
		cp "$W/$name.crt" cert.pem
		check "$name: dgst -sign" told "openssl dgst"
		check "$name: openssl verifies it" verifier dgst -verify "$W/$name.pem" -sha256 -signature data.sig data
		check "$name: a certificate request" told "openssl req"
		check "$name: openssl verifies it" verifier req -config card.cnf -verify -in req.pem -noout
		check "$name: cms -sign" told "-sign -binary"
		check "$name: openssl verifies it" verifier cms -verify -binary -inform DER -in data.p7s -content data \
			-CAfile "$W/ca.pem" -purpose any -out /dev/null
	done
	use rsa
	for salt in 32 max; do
		check "PSS with salt $salt" openssl dgst -engine pkcs11 -keyform engine -sign "$KEY;type=private" -sha256 \
			-sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$salt" -out data.sig data
		check "openssl verifies it" verifier dgst -verify "$W/rsa.pem" -sha256 -sigopt rsa_padding_mode:pss \
			-signature data.sig data
	done
}

decryption() {
	head -c 32 data >short
	verifier pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in short -out cipher
	check "decrypts PKCS #1" told "openssl pkeyutl"
	check "the message" cmp short plain
	verifier pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -pkeyopt rsa_padding_mode:oaep -in short -out cipher
	check "decrypts OAEP" openssl pkeyutl -engine pkcs11 -keyform engine -inkey "$KEY;type=private" -decrypt \
		-pkeyopt rsa_padding_mode:oaep -in cipher -out plain
	check "the message" cmp short plain
	cp "$W/rsa.crt" cert.pem
	cp data before
	verifier cms -encrypt -binary -aes-128-cbc -in data -outform DER -out data.p7m cert.pem
	check "cms -decrypt" told "openssl cms -engine pkcs11 -keyform engine -decrypt"
	check "the message" cmp before data
}

# agreement_key: one more key on the PIV card, the one for key management (9D), on a curve
agreement_key() {
	local card=$CARD
	card_remove
	sed -i s/keyEncipherment/keyAgreement/ "$W/ext"
	"$VCARD_PERSO" piv-keygen "$card" --slot 9D --alg p256 && "$VCARD_PERSO" piv-pubkey "$card" --slot 9D >"$W/management.spki" &&
		OPENSSL_CONF=/dev/null issue "$W/management.spki" management &&
		"$VCARD_PERSO" piv-cert "$card" --slot 9D --der "$W/management.der" || exit 1
	verifier x509 -inform DER -in "$W/management.der" -out "$W/management.crt"
	card_insert "$card"
	ID[management]=03
	LABEL[management]="X.509 Certificate for Key Management"
	use management
}

# It agrees on secrets, with a peer and with who encrypts mail; no GIDS card does that.
agreement() {
	agreement_key
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out peer.key
	openssl pkey -in peer.key -pubout -out peer.pem
	check "the card derives a secret" openssl pkeyutl -engine pkcs11 -keyform engine -derive -inkey "$KEY;type=private" \
		-peerkey peer.pem -out secret
	verifier pkeyutl -derive -inkey peer.key -peerkey "$W/management.pem" -out wanted
	check "which is the peer's" cmp secret wanted
	cp "$W/management.crt" cert.pem
	cp data before
	verifier cms -encrypt -binary -aes-128-cbc -in data -outform DER -out data.p7m cert.pem
	check "cms -decrypt with a key on a curve" told "openssl cms -engine pkcs11 -keyform engine -decrypt"
	check "the message" cmp before data
}

# connect: with this key, to a server that is there
connect() {
	printf 'GET / HTTP/1.0\r\n\r\n' | SSL_CERT_FILE="$W/ca.pem" told "openssl s_client" >"$W/page" 2>"$W/client.log"
}

connections() {
	local name version
	for version in tls1_3 tls1_2; do
		tls_server -"$version"
		for name in rsa ec; do
			use "$name"
			cp "$W/$name.crt" cert.pem
			connect
			check "s_client in $version with the $name key" served "$name"
		done
		tls_server_stop
	done
}

curl() {
	"$(type -P curl)" -s -i --http1.0 --cacert "$W/ca.pem" "$@" >"$W/page" 2>"$W/client.log"
}

# The engine finds the module by p11-kit when nobody tells it.
pages() {
	local name version
	unset OPENSSL_CONF
	only_our_module
	for version in tls1_3 tls1_2; do
		tls_server -"$version"
		curl https://www.example.org/
		is "without a certificate there is no page" "$(grep -c BODY "$W/page")" 0
		for name in rsa ec; do
			use "$name"
			KEY="$KEY;pin-value=$E2E_PIN"
			told "curl"
			check "curl in $version with the $name key" served "$name"
		done
		tls_server_stop
	done
}

engine() {
	two_keys
	server_certificate
	section OpenSSL
	# the PIN as a user can have it there, too
	told_file card.cnf "s/^init = 0/PIN = $E2E_PIN\n&/"
	seq 1 500 >data
	told "OPENSSL_CONF"
	signatures
	decryption
	[ "$CARD_KIND" = gids ] || agreement
	connections
	section curl
	pages
	card_remove
}

clients_run engine
