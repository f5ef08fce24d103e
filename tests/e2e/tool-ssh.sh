#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# README.md, "From a blank card to ssh", run as it is written: a person at a terminal, a blank card, and a login at the end.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs script opensc-tool pcscd ssh ssh-keygen ssh-keyscan

# block HEADING: the first fenced block below it in README.md
block() {
	awk -v heading="## $1" '$0 == heading { below = 1; next } below && /^## / { exit } below && /^```/ { if (inside) exit; inside = 1; next } inside' \
		"$abs_top_srcdir/README.md"
}

# person SCREEN: answers each question as it comes. What appears on the terminal is left in $W/screen.
person() {
	local c seen=
	: >"$W/screen"
	while IFS= read -r -N 1 -t 60 c; do
		printf '%s' "$c" >>"$W/screen"
		seen+=$c
		case $seen in
		*"New PIN: " | *"The same again: " | *"Enter PIN for "*": " | *$'\n'"PIN: ") answer "$E2E_PIN" ;;
		*"(yes/no/[fingerprint])? ") answer yes ;;
		*) continue ;;
		esac
		seen=
	done <&"$1"
}

answer() {
	printf '%s\n' "$1" >&"$keyboard"
}

start_sshd() {
	local sshd
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	[ -x "$sshd" ] || skip "sshd is not installed"
	mkdir -p /run/sshd "$W/.ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$W/host"
	cat >"$W/sshd_config" <<-CONF
		Port 22
		ListenAddress 127.0.0.1
		HostKey $W/host
		AuthorizedKeysFile $W/.ssh/authorized_keys
		PidFile none
		UsePAM no
		StrictModes no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin yes
		LogLevel VERBOSE
	CONF
	"$sshd" -D -e -f "$W/sshd_config" 2>"$W/sshd.log" &
	wait_for 10 ssh-keyscan 127.0.0.1
	# a tester's own keys and known hosts are not this person's
	[ ! -d ~root/.ssh ] || mount -t tmpfs tmpfs ~root/.ssh
}

readme() {
	local status pid screen keyboard
	start_sshd
	"$VCARD_PERSO" create "$W/blank.card"
	card_insert "$W/blank.card"
	block "From a blank card to ssh" >"$W/block"
	check "README.md has the block" grep -q "^minidriver-tool create" "$W/block"

	export M="$MODULE" PATH="$abs_top_builddir:$PATH"
	cd "$W" || exit 1
	coproc TERMINAL { exec script -qefc "bash -e block" typescript; }
	# shellcheck disable=SC2153 # coproc sets it
	pid=$TERMINAL_PID screen=${TERMINAL[0]} keyboard=${TERMINAL[1]}
	person "$screen"
	wait "$pid"
	status=$?
	is "every line of it succeeds" "$status" 0
	[ "$status" = 0 ] || sed 's/^/# /' "$W/screen"
	check "the login tells who it is" grep -q "uid=" "$W/screen"
	is "by public key" "$(grep -c -F "Accepted publickey" "$W/sshd.log")" 1
	check "by the card's" grep -q -F "$(ssh-keygen -l -f "$W/.ssh/authorized_keys" | cut -d' ' -f2)" "$W/sshd.log"
	is "no PIN was shown" "$(grep -c "$E2E_PIN" "$W/screen")" 0
	is "the admin key is its owner's alone" "$(stat -c %a "$W/admin.key")" 600
	check "and is one" grep -qxE '[0-9A-F]{48}' "$W/admin.key"
	check "the card is consistent" minidriver-tool check
	cd / || exit 1
	card_remove
}

e2e_run readme
