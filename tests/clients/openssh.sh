#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSH: logins, the agent, signatures on files and on git commits, certificates made by the card; how often each of
# them asks for the PIN.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd ssh ssh-agent ssh-add ssh-keygen git

ssh() {
	command ssh -F "$W/ssh_config" "$@" true
}

server_start() {
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
	"$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f "$W/sshd_config" 2>"$W/sshd.log" &
	wait_for 10 ssh-keyscan -p 2222 127.0.0.1
	printf '%s\n' 'Port 2222' 'IdentityAgent none' 'StrictHostKeyChecking no' "UserKnownHostsFile $W/known" >"$W/ssh_config"
}

# login NAME HOW COMMAND...: into an account that this key of the card opens
login() {
	local name=$1 how=$2
	shift 2
	cp "$W/$name.sshpub" "$W/authorized"
	: >"$W/asked"
	: >"$W/sshd.log"
	check "login with the $name key $how" "$@"
	check "the server saw it" grep -q -F "$(ssh-keygen -l -f "$W/$name.sshpub" | cut -d' ' -f2)" "$W/sshd.log"
	is "the PIN was asked once" "$(wc -l <"$W/asked")" 1
}

logins() {
	local name
	check "ssh-keygen -D" told "ssh-keygen -D"
	is "lists both keys" "$(wc -l <card.pub)" 2
	is "without a PIN" "$(wc -l <"$W/asked")" 0
	for name in rsa ec; do
		check "the $name key is the certificate's" grep -q -F "$(cat "$W/$name.sshpub")" card.pub
		login "$name" "of several" told "ssh -o PKCS11Provider"
	done
	told_file "\$HOME/.ssh/config" "s|~/.ssh|$W/work|"
	cat config >>"$W/ssh_config"
	for name in rsa ec; do
		cp "$W/$name.sshpub" card.pub
		login "$name" "by the configuration" ssh www.example.org
	done
	: >"$W/authorized"
	refuse "another key is not let in" "Permission denied" ssh www.example.org
}

agent() {
	local name
	: >"$W/asked"
	ssh-agent -D -a "$W/agent" >/dev/null 2>&1 &
	wait_for 10 test -S "$W/agent"
	export SSH_AUTH_SOCK="$W/agent"
	check "ssh-add -s takes the card" told "ssh-add -s"
	contains "the agent has the RSA key" "ssh-rsa" told "ssh-add -L"
	contains "and the key on a curve" "ecdsa-sha2-nistp256" told "ssh-add -L"
	for name in rsa ec; do
		cp "$W/$name.sshpub" card.pub
		cp "$W/data" data
		check "the agent signs with the $name key" told "ssh-add -T"
		check "a file is signed with the $name key" told "ssh-keygen -Y sign"
		check "and verified" verify
		echo >>data
		refuse "what was changed is refused" "Could not verify" verify
		rm -f data.sig
	done
}

verify() {
	ssh-keygen -Y verify -f "$W/signers" -I alice -n file -s data.sig <data
}

without_agent() {
	local -x SSH_AUTH_SOCK=
	"$@"
}

# Without the agent; here the PIN is asked each time.
authority() {
	ssh-keygen -q -t ed25519 -N '' -f user
	cp "$W/rsa.sshpub" card.pub
	: >"$W/asked"
	check "the card certifies a key" without_agent told "ssh-keygen -s"
	contains "the certificate is the card's" "$(ssh-keygen -l -f card.pub | cut -d' ' -f2)" ssh-keygen -L -f user-cert.pub
	is "the PIN was asked once" "$(wc -l <"$W/asked")" 1
}

commits() {
	local name
	git init -q .
	git config user.name Alice
	git config user.email alice@example.org
	git config gpg.ssh.allowedSignersFile "$W/signers"
	for name in rsa ec; do
		cp "$W/$name.sshpub" card.pub
		check "git is told of signatures" told "gpg.format"
		check "git is told the key" told "user.signingkey"
		check "a commit is signed with the $name key" told "git commit"
		contains "and verified" 'Good "git" signature for alice' git verify-commit HEAD
	done
}

shell() {
	local name
	two_keys
	pin_program
	export SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force
	seq 1 100 >"$W/data"
	for name in rsa ec; do
		ssh-keygen -i -m PKCS8 -f "$W/$name.pem" >"$W/$name.sshpub"
		echo "alice $(cat "$W/$name.sshpub")" >>"$W/signers"
	done
	server_start
	section OpenSSH
	logins
	agent
	is "the agent asked for the PIN once" "$(wc -l <"$W/asked")" 1
	check "ssh-add -e gives the card back" told "ssh-add -e"
	authority
	section git
	: >"$W/asked"
	check "ssh-add -s takes the card" ssh-add -s "$MODULE"
	commits
	is "the agent asked for the PIN once" "$(wc -l <"$W/asked")" 1
	card_remove
}

clients_run shell
