#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Several programs on one card at the same time, one of them another module's: every signature is verified, nobody is
# logged out, no PIN try is lost.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd ssh-agent ssh-add p11tool certtool

ROUNDS=8

# loop NAME COMMAND...: so many times; notes each failure
loop() {
	local name=$1 i
	shift
	for ((i = 0; i < ROUNDS; i++)); do
		"$@" >>"$W/$name.log" 2>&1 </dev/null || echo "round $i" >>"$W/$name.failed"
	done
	touch "$W/$name.done"
}

tool() {
	our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id "${ID[rsa]}" -i "$W/data" -o "$W/tool.sig" &&
		openssl dgst -verify "$W/rsa.pem" -sha256 -signature "$W/tool.sig" "$W/data"
}

other() {
	opensc_tool --login --pin "$E2E_PIN" --sign -m RSA-PKCS --id "${ID[rsa]}" -i "$W/short" -o "$W/other.sig" &&
		openssl pkeyutl -verifyrecover -pubin -inkey "$W/rsa.pem" -in "$W/other.sig" | cmp - "$W/short"
}

gnutls() {
	certtool --provider "$MODULE" --generate-request --template "$W/template" \
		--load-privkey "$(uri ec private)" --outfile "$W/req" && openssl req -verify -in "$W/req" -noout
}

agent() {
	ssh-add -T "$W/rsa.sshpub"
}

list() {
	[ "$(our_tool -O --type cert | grep -c 'Certificate Object')" = 2 ]
}

together() {
	local name
	two_keys
	pin_program
	export SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force GNUTLS_PIN=$E2E_PIN
	ssh-agent -D -a "$W/agent" -P "$(readlink -f "$MODULE")" >/dev/null 2>&1 &
	wait_for 10 test -S "$W/agent"
	export SSH_AUTH_SOCK="$W/agent"
	ssh-add -s "$MODULE" >/dev/null 2>&1 </dev/null
	ssh-keygen -i -m PKCS8 -f "$W/rsa.pem" >"$W/rsa.sshpub"
	printf 'cn = "Alice"\n' >"$W/template"
	seq 1 500 >"$W/data"
	head -c 30 "$W/data" >"$W/short"
	for name in tool other gnutls agent list; do
		: >"$W/$name.failed"
		loop "$name" "$name" &
	done
	for name in tool other gnutls agent list; do
		check "$name is done" wait_for 120 test -e "$W/$name.done"
		is "$name never failed" "$(wc -l <"$W/$name.failed")" 0
	done
	is "the agent asked for the PIN once" "$(wc -l <"$W/asked")" 1
	contains "all tries are left" "PIN tries left: 3" card_info
	card_remove
}

clients_run together
