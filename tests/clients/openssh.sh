#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSSH beyond the login: the agent, signatures on files and on git commits, certificates made by the card.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd ssh-agent ssh-add ssh-keygen git

agent() {
	local name
	ssh-agent -D -a "$W/agent" -P "$(readlink -f "$MODULE")" >/dev/null 2>&1 &
	wait_for 10 test -S "$W/agent"
	export SSH_AUTH_SOCK="$W/agent"
	check "ssh-add -s takes the card" ssh-add -s "$MODULE"
	is "the agent has both keys" "$(ssh-add -L | wc -l)" 2
	for name in rsa ec; do
		check "the agent signs with the $name key" ssh-add -T "$W/$name.sshpub"
		check "a file is signed with the $name key" ssh-keygen -Y sign -f "$W/$name.sshpub" -n file "$W/data"
		check "and verified" sh -c "ssh-keygen -Y verify -f '$W/signers' -I alice -n file -s '$W/data.sig' <'$W/data'"
		rm -f "$W/data.sig"
	done
	refuse "what was changed is refused" "Could not verify" sh -c "ssh-keygen -Y sign -f '$W/rsa.sshpub' -n file '$W/data' && \
		echo >>'$W/data' && ssh-keygen -Y verify -f '$W/signers' -I alice -n file -s '$W/data.sig' <'$W/data'"
}

commits() {
	local name
	git init -q "$W/repository"
	cd "$W/repository" || exit 1
	git config user.name Alice
	git config user.email alice@example.org
	git config gpg.format ssh
	git config gpg.ssh.allowedSignersFile "$W/signers"
	for name in rsa ec; do
		check "a commit is signed with the $name key" git -c "user.signingkey=$W/$name.sshpub" commit -q --allow-empty -S -m "$name"
		contains "and verified" 'Good "git" signature for alice' git verify-commit HEAD
	done
	cd / || exit 1
}

# Without the agent; here the PIN is asked each time.
authority() {
	ssh-keygen -q -t ed25519 -N '' -f "$W/user"
	: >"$W/asked"
	check "the card certifies a key" env -u SSH_AUTH_SOCK ssh-keygen -s "$W/rsa.sshpub" -D "$MODULE" -I alice -n root "$W/user.pub"
	contains "the certificate is the card's" "$(ssh-keygen -l -f "$W/rsa.sshpub" | cut -d' ' -f2)" ssh-keygen -L -f "$W/user-cert.pub"
	is "the PIN was asked once" "$(wc -l <"$W/asked")" 1
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
	agent
	commits
	is "the agent asked for the PIN once" "$(wc -l <"$W/asked")" 1
	check "ssh-add -e gives the card back" ssh-add -e "$MODULE"
	authority
	card_remove
}

clients_run shell
