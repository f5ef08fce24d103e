#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# EAP-TLS: wpa_supplicant's authentication with a key of the card, at hostapd's RADIUS server.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd eapol_test hostapd ss

radius_server() {
	cat >"$W/hostapd.conf" <<-CONF
		driver=none
		interface=as
		radius_server_clients=$W/clients
		radius_server_auth_port=1812
		eap_server=1
		eap_user_file=$W/users
		ca_cert=$W/ca.pem
		server_cert=$W/srv.crt
		private_key=$W/srv.key
		tls_flags=[ENABLE-TLSv1.3]
	CONF
	echo "127.0.0.1 secret" >"$W/clients"
	echo "* TLS" >"$W/users"
	OPENSSL_CONF=/dev/null hostapd -d "$W/hostapd.conf" >"$W/server.log" 2>&1 &
	SERVER=$!
	wait_for 10 sh -c "ss -lun | grep -q ':1812 '"
}

# authenticate NAME VERSION PHASE1: the last line of eapol_test is SUCCESS when server and client are content
authenticate() {
	use "$1"
	told_file wpa_supplicant.conf "s|/usr/lib/.*/engines-3/pkcs11.so|$ENGINE|;s|/etc/ssl/certs/ca.pem|$W/ca.pem|
		s|123456|$E2E_PIN|;s|^}|phase1=\"$3\"\n&|"
	: >"$W/server.log"
	timeout 60 eapol_test -c wpa_supplicant.conf -a 127.0.0.1 -p 1812 -s secret -t 20 >"$W/eap.log" 2>&1
	is "$1 in $2" "$(tail -n 1 "$W/eap.log")" SUCCESS
	check "it was $2" grep -q "Using TLS version $2" "$W/eap.log"
	check "the server has verified the certificate" grep -q "depth=0.*CN=Alice $1" "$W/server.log"
}

eap() {
	local name
	ENGINE=$(find /usr/lib -path '*engines-3/pkcs11.so' | head -n 1)
	[ -n "$ENGINE" ] || skip "libengine-pkcs11-openssl is not installed"
	two_keys
	section wpa_supplicant
	server_certificate
	radius_server
	for name in rsa ec; do
		authenticate "$name" TLSv1.2 "tls_disable_tlsv1_3=1"
		authenticate "$name" TLSv1.3 "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=0"
	done
	tls_server_stop
	card_remove
}

clients_run eap
