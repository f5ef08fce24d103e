#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSL through libp11's engine, and curl: signatures, decryption, requests, CMS, TLS on both sides.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd curl ss

# with_card COMMAND...: openssl with the engine
with_card() {
	OPENSSL_CONF="$W/engine.cnf" openssl "$@"
}

key() {
	uri "$1" private
}

configure_engine() {
	cat >"$W/engine.cnf" <<-CONF
		openssl_conf = init
		[req]
		distinguished_name = name
		[name]
		[init]
		engines = engines
		[engines]
		pkcs11 = card
		[card]
		engine_id = pkcs11
		MODULE_PATH = $MODULE
		PIN = $E2E_PIN
		init = 0
	CONF
}

signatures() {
	local name
	for name in rsa ec; do
		check "$name: dgst -sign" with_card dgst -engine pkcs11 -keyform engine -sign "$(key "$name")" -sha256 \
			-out "$W/sig" "$W/data"
		check "$name: openssl verifies it" openssl dgst -verify "$W/$name.pem" -sha256 -signature "$W/sig" "$W/data"
		check "$name: a certificate request" with_card req -engine pkcs11 -new -keyform engine -key "$(key "$name")" \
			-subj "/CN=Alice" -out "$W/req"
		check "$name: openssl verifies it" openssl req -verify -in "$W/req" -noout
		check "$name: cms -sign" with_card cms -engine pkcs11 -sign -binary -signer "$W/$name.crt" -keyform engine \
			-inkey "$(key "$name")" -in "$W/data" -outform DER -out "$W/cms"
		check "$name: openssl verifies it" openssl cms -verify -binary -inform DER -in "$W/cms" -content "$W/data" \
			-CAfile "$W/ca.pem" -purpose any -out /dev/null
	done
	for salt in 32 max; do
		check "PSS with salt $salt" with_card dgst -engine pkcs11 -keyform engine -sign "$(key rsa)" -sha256 \
			-sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$salt" -out "$W/sig" "$W/data"
		check "openssl verifies it" openssl dgst -verify "$W/rsa.pem" -sha256 -sigopt rsa_padding_mode:pss \
			-signature "$W/sig" "$W/data"
	done
}

decryption() {
	local padding
	head -c 32 "$W/data" >"$W/short"
	for padding in pkcs1 oaep; do
		openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -pkeyopt rsa_padding_mode:"$padding" -in "$W/short" -out "$W/cipher"
		check "decrypts $padding" with_card pkeyutl -engine pkcs11 -keyform engine -inkey "$(key rsa)" -decrypt \
			-pkeyopt rsa_padding_mode:"$padding" -in "$W/cipher" -out "$W/plain"
		check "the message" cmp "$W/short" "$W/plain"
	done
	openssl cms -encrypt -binary -aes-128-cbc -in "$W/data" -outform DER -out "$W/cms" "$W/rsa.crt"
	check "cms -decrypt" with_card cms -engine pkcs11 -decrypt -inform DER -in "$W/cms" -recip "$W/rsa.crt" -keyform engine \
		-inkey "$(key rsa)" -out "$W/plain"
	check "the message" cmp "$W/data" "$W/plain"
}

tls() {
	local name version
	for version in tls1_3 tls1_2; do
		tls_server -"$version"
		for name in rsa ec; do
			printf 'GET / HTTP/1.0\r\n\r\n' | with_card s_client -engine pkcs11 -keyform engine -key "$(key "$name")" \
				-cert "$W/$name.crt" -CAfile "$W/ca.pem" -connect 127.0.0.1:"$PORT" -quiet >"$W/page" 2>"$W/client.log"
			check "s_client in $version with the $name key" served "$name"
		done
		: >"$W/page"
		curl -s --cacert "$W/ca.pem" "https://localhost:$PORT/" >"$W/page" 2>&1
		is "without a certificate there is no page" "$(grep -c BODY "$W/page")" 0
		for name in rsa ec; do
			OPENSSL_CONF="$W/engine.cnf" curl -s -i --http1.0 --cacert "$W/ca.pem" --engine pkcs11 --cert-type PEM \
				--cert "$W/$name.crt" --key-type ENG --key "$(key "$name")" "https://localhost:$PORT/" >"$W/page" 2>"$W/client.log"
			check "curl in $version with the $name key" served "$name"
		done
		tls_server_stop
	done
	# the engine finds the module by p11-kit when nobody tells it
	only_our_module
	tls_server -tls1_3
	curl -s -i --http1.0 --cacert "$W/ca.pem" --cert "$(uri rsa cert);pin-value=$E2E_PIN" \
		--key "$(key rsa);pin-value=$E2E_PIN" "https://localhost:$PORT/" >"$W/page" 2>"$W/client.log"
	check "curl with URIs alone" served rsa
	tls_server_stop
}

engine() {
	two_keys
	configure_engine
	seq 1 500 >"$W/data"
	signatures
	decryption
	tls
	card_remove
}

clients_run engine
