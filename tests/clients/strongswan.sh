#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# strongSwan's pki: public keys, requests and self-signed certificates of the card's keys.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd pki /usr/bin/python3

# with_pin COMMAND...: strongSwan asks for the PIN on a terminal
with_pin() {
	timeout 60 /usr/bin/python3 "$abs_top_srcdir/tests/clients/typed.py" "$E2E_PIN" "$@" >"$W/pki.out"
}

vpn() {
	local name id
	two_keys
	cat >"$W/strongswan.conf" <<-CONF
		libstrongswan {
			plugins {
				pkcs11 {
					modules {
						undertest {
							path = $MODULE
						}
					}
				}
			}
		}
		pki {
			load = pkcs11 random pem pkcs1 pkcs8 x509 openssl revocation nonce pubkey
		}
	CONF
	export STRONGSWAN_CONF="$W/strongswan.conf"
	for name in rsa:rsa ec:ecdsa; do
		id=${ID[${name%:*}]}
		check "$name: a certificate request" with_pin pki --req --type "${name#*:}" --keyid "$id" --dn CN=x --outform pem
		check "openssl verifies it" openssl req -verify -in "$W/pki.out" -noout
		is "it is the card's key" "$(openssl req -in "$W/pki.out" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum)" \
			"$(openssl pkey -pubin -in "$W/${name%:*}.pem" -outform DER | sha256sum)"
		check "$name: a self-signed certificate" with_pin pki --self --type "${name#*:}" --keyid "$id" --dn CN=x --outform pem
		check "openssl verifies it" openssl verify -CAfile "$W/pki.out" -check_ss_sig "$W/pki.out"
	done
	card_remove
}

clients_run vpn
