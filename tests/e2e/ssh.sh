#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSH: keys from the card and a login with each, PIN from SSH_ASKPASS. P-150
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd ssh ssh-keygen

# login KEYFILE: a login with exactly this key of the card
login() {
	ssh-keygen -i -m PKCS8 -f "$W/$1.pem" >"$W/authorized"
	cp "$W/authorized" "$W/$1.sshpub"
	: >"$W/asked"
	check "login with the $1 key" ssh -F none -p 2222 -o PKCS11Provider="$MODULE" -o IdentityFile="$W/$1.sshpub" \
		-o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=no -o UserKnownHostsFile="$W/known" \
		-o NumberOfPasswordPrompts=1 127.0.0.1 true
	is "the server accepted the $1 key" "$(grep -c -F "Accepted publickey" "$W/sshd.log" | head -n 1)" "$2"
	check "it was that of the certificate" \
		grep -q -F "$(ssh-keygen -l -f "$W/$1.sshpub" | cut -d' ' -f2)" "$W/sshd.log"
	is "the PIN was asked once" "$(wc -l <"$W/asked")" 1
}

shell() {
	local sshd
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	[ -x "$sshd" ] || skip "sshd is not installed"
	make_opensc_card
	add_ec_key 1

	ssh-keygen -D "$MODULE" >"$W/keys" 2>/dev/null
	is "ssh-keygen -D lists both keys" "$(wc -l <"$W/keys")" 2
	check "the RSA key is the certificate's" grep -q -F "$(ssh-keygen -i -m PKCS8 -f "$W/rsa.pem")" "$W/keys"
	check "the EC key is the certificate's" grep -q -F "$(ssh-keygen -i -m PKCS8 -f "$W/ec.pem")" "$W/keys"

	printf '#!/bin/sh\necho asked >>%s\necho %s\n' "$W/asked" "$E2E_PIN" >"$W/askpass"
	chmod 700 "$W/askpass"
	export SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$W/host"
	cat >"$W/sshd_config" <<-CONF
		Port 2222
		ListenAddress 127.0.0.1
		HostKey $W/host
		AuthorizedKeysFile $W/authorized
		PidFile none
		UsePAM no
		StrictModes no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin yes
		LogLevel VERBOSE
	CONF
	"$sshd" -D -e -f "$W/sshd_config" 2>"$W/sshd.log" &
	wait_for 10 ssh-keyscan -p 2222 127.0.0.1
	login rsa 1
	login ec 2
	: >"$W/authorized"
	refuse "another key is not let in" "Permission denied" ssh -F none -p 2222 -o PKCS11Provider="$MODULE" \
		-o IdentityFile="$W/rsa.sshpub" -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile="$W/known" 127.0.0.1 true
	card_remove
}

e2e_run shell
