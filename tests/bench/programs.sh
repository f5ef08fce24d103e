# SPDX-License-Identifier: BSD-2-Clause
# Programs that people use, with a module and the card in a job's reader (tests/bench/bench.sh): what they cost from start to end.
# shellcheck shell=bash

# shellcheck disable=SC2034 # bench.sh looks up what it is asked for
declare -A PROGRAMS=([pkcs11-tool]=run_pkcs11_tool [ssh]=run_ssh [tls]=run_tls)

# spent NAME COMMAND...: see tests/bench/spent.c
spent() {
	"$tools/spent" "$reader/stats" "$@"
}

run_pkcs11_tool() {
	spent pkcs11-tool pkcs11-tool --module "$module" -O
}

# ssh with a server as its proxy command, so that jobs share no port
run_ssh() {
	local sshd
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	public_key "$card" >"$job/key.pem"
	ssh-keygen -i -m PKCS8 -f "$job/key.pem" | tee "$job/authorized" >"$job/key.pub"
	ssh-keygen -q -t ed25519 -N '' -f "$job/host"
	printf '#!/bin/sh\necho %s\n' "$pin" >"$job/askpass"
	chmod 700 "$job/askpass"
	mkdir -p /run/sshd
	printf '%s\n' "HostKey $job/host" "AuthorizedKeysFile $job/authorized" "UsePAM no" "StrictModes no" \
		"PasswordAuthentication no" "KbdInteractiveAuthentication no" "PermitRootLogin yes" >"$job/sshd_config"
	SSH_ASKPASS="$job/askpass" SSH_ASKPASS_REQUIRE=force spent ssh ssh -F none -o PKCS11Provider="$module" \
		-o ProxyCommand="env -u LD_LIBRARY_PATH $sshd -i -f $job/sshd_config" -o IdentityFile="$job/key.pub" \
		-o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=no -o UserKnownHostsFile="$job/known" \
		-o LogLevel=ERROR -o NumberOfPasswordPrompts=1 localhost true
}

# A handshake of TLS 1.3 with the card's key, by openssl with libp11's engine
run_tls() {
	local server port id=""
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$job/srv.key" -out "$job/srv.pem" -days 2 -subj "/CN=localhost" 2>/dev/null
	public_key "$card" >"$job/key.pem"
	openssl x509 -new -force_pubkey "$job/key.pem" -subj "/CN=Alice" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 2 \
		-out "$job/client.pem" 2>/dev/null
	openssl s_server -tls1_3 -accept 127.0.0.1:0 -cert "$job/srv.pem" -key "$job/srv.key" -CAfile "$work/ca.pem" -Verify 1 \
		-verify_return_error -www >"$job/server.log" 2>&1 </dev/null &
	server=$!
	port=$(server_port)
	printf '%s\n' "openssl_conf = init" "[init]" "engines = engines" "[engines]" "pkcs11 = card" "[card]" "engine_id = pkcs11" \
		"MODULE_PATH = $module" "PIN = $pin" "init = 0" >"$job/engine.cnf"
	[ "$(key_id "$card")" = - ] || id="id=%$(key_id "$card");"
	printf 'GET / HTTP/1.0\r\n\r\n' >"$job/request"
	OPENSSL_CONF="$job/engine.cnf" spent tls openssl s_client -engine pkcs11 -keyform engine -key "pkcs11:${id}type=private" \
		-cert "$job/client.pem" -CAfile "$job/srv.pem" -connect "127.0.0.1:$port" -quiet <"$job/request" 2>"$job/tls.log" >"$job/tls.cost"
	kill $server
	wait $server 2>/dev/null
	cat "$job/tls.log" >&2
	grep -q 'HTTP/1.0 200' "$job/tls.log" && cat "$job/tls.cost"
}

# The port that the server in $job/server.log has been given
server_port() {
	local port="" tries=0
	until port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$job/server.log" 2>/dev/null) && [ -n "$port" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || return 1
		sleep 0.05
	done
	echo "$port"
}
