#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenVPN: a tunnel between two processes, the client's key on the card, PIN over the management socket.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd openvpn ss /usr/bin/python3

# tunnel NAME ARGUMENTS...: until both sides say that it stands, and it has been renewed once
tunnel() {
	local name=$1 id
	shift
	id=$(told "show-pkcs11-ids" 2>/dev/null | grep -A 3 -F "Alice $name" | sed -n 's/^ *Serialized id: *//p' | head -n 1)
	check "$name: openvpn shows the certificate" test -n "$id"
	openvpn --dev null --proto tcp4-server --local 127.0.0.1 --port 1194 --tls-server --dh none --ca "$W/ca.pem" \
		--cert "$W/srv.crt" --key "$W/srv.key" --verb 4 --log "$W/srv.log" "$@" &
	SERVER=$!
	wait_for 10 listening 1194
	told_file client.conf "s|\"ID\"|\"$id\"|;s|ca.pem|$W/ca.pem|;s|dev tun|dev null|;s|^client|tls-client|"
	told_aside "openvpn --config" --management "$W/m.sock" unix \
		--management-query-passwords --connect-retry-max 1 --reneg-sec 3 0 --verb 4 --log "$W/cl.log" "$@"
	CLIENT=$!
	wait_for 10 test -S "$W/m.sock"
	/usr/bin/python3 "$abs_top_srcdir/tests/clients/openvpn.py" "$W/m.sock" "$E2E_PIN" >"$W/asked" 2>&1 &
	check "$name: the tunnel stands" wait_for 20 grep -q 'Initialization Sequence Completed' "$W/cl.log"
	check "$name: the server has verified the certificate" grep -q "VERIFY OK: depth=0.*CN=Alice $name" "$W/srv.log"
	check "$name: it is renewed" wait_for 20 renewed
	is "$name: the PIN was asked once" "$(grep -c asked "$W/asked")" 1
	kill "$CLIENT"
	wait "$CLIENT" 2>/dev/null
	tls_server_stop
	rm -f "$W/m.sock"
}

renewed() {
	[ "$(grep -c 'Control Channel: TLS' "$W/srv.log")" -ge 2 ]
}

vpn() {
	two_keys
	section OpenVPN
	server_certificate
	tunnel rsa
	tunnel ec
	tunnel rsa --tls-version-max 1.2
	card_remove
}

clients_run vpn
