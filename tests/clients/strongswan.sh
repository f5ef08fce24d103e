#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# strongSwan's pki: requests and self-signed certificates of the card's keys.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd pki /usr/bin/python3

# It asks for the PIN on a terminal.
pki() {
	timeout 60 /usr/bin/python3 "$abs_top_srcdir/tests/clients/typed.py" "$E2E_PIN" "$(type -P pki)" "$@"
}

vpn() {
	local name
	two_keys
	section strongSwan
	# no other plugin that may reach the card
	told_file strongswan.conf
	echo "pki { load = pkcs11 random pem pkcs1 pkcs8 x509 openssl revocation nonce pubkey }" >>strongswan.conf
	export STRONGSWAN_CONF="$PWD/strongswan.conf"
	for name in rsa ec; do
		use "$name"
		check "$name: a certificate request" told "pki --req"
		check "openssl verifies it" openssl req -verify -in req.pem -noout
		is "it is the card's key" "$(openssl req -in req.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum)" \
			"$(openssl pkey -pubin -in "$W/$name.pem" -outform DER | sha256sum)"
		check "$name: a self-signed certificate" told "pki --self"
		check "openssl verifies it" openssl verify -CAfile self.pem -check_ss_sig self.pem
	done
	card_remove
}

clients_run vpn
