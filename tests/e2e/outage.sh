#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A real smart card service is killed, or the reader unplugged, in the middle of a session, of a login and of a signature:
# the program is told so, works on without C_Finalize as soon as they are back, and nobody finds the card unlocked.
# P-037, P-038, P-055
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs opensc-tool openssl pcscd

# so that there is time between two exchanges, and each signature is a transaction of its own
export VCARD_LATENCY=30000 MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS=0

# CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_SESSION_HANDLE_INVALID
GONE=" 0x30 0x32 0xE0 0xB3 "

service_start() {
	READER="$W/reader"
	mkdir -p "$READER" /run/pcscd "$W/reader.conf.d"
	printf 'FRIENDLYNAME "%s"\nDEVICENAME %s\nLIBPATH %s\nCHANNELID 0\n' "Reader with a plug" "$READER" \
		"$abs_top_builddir/.libs/libifd-vcard.so" >"$W/reader.conf.d/plug"
	pcscd_start
}

pcscd_start() {
	pcscd --foreground --config "$W/reader.conf.d" >"$W/pcscd.log" 2>&1 &
	PCSCD=$!
	wait_for 10 test -S /run/pcscd/pcscd.comm || { cat "$W/pcscd.log"; exit 1; }
}

service_kill() {
	kill -KILL "$PCSCD"
	wait "$PCSCD" 2>/dev/null
	rm -rf /run/pcscd/*
}

# pcscd goes on listing a reader that does not answer. It looks at it every 400 ms, and must not miss this.
unplug() {
	mv "$READER" "$W/unplugged"
}

plug() {
	sleep 0.6
	mv "$W/unplugged" "$READER"
}

# Another service, which has no reader.
readers_lost() {
	service_kill
	mv "$W/reader.conf.d/plug" "$W/plug"
	pcscd_start
}

readers_found() {
	mv "$W/plug" "$W/reader.conf.d/plug"
	service_kill
	pcscd_start
}

make_card() {
	"$VCARD_PERSO" create "$W/card" && "$VCARD_PERSO" format "$W/card" --pin "$E2E_PIN" &&
		"$VCARD_PERSO" keygen "$W/card" --pin "$E2E_PIN" --index 0 --alg rsa2048 --name key || exit 1
	ln -s "$W/card" "$READER/card"
	wait_for 10 card_seen || { echo "# the card does not appear"; cat "$W/pcscd.log"; exit 1; }
}

tokens_seen() {	# tokens_seen COUNT, by the program
	ask P slots
	[ "${got##* }" = "$1" ]
}

# tell NAME COMMAND...: without waiting for the answer, which answer NAME leaves in $got
tell() {
	echo "${*:2}" >&"${program_in[$1]}"
}

answer() {
	read -r -t 30 _ got <&"${program_out[$1]}" || got="no answer"
}

is_gone() {	# is_gone NAME
	case $GONE in
	*" ${got%% *} "*) is "$1" gone gone ;;
	*) is "$1" "$got" "one of$GONE" ;;
	esac
}

# What the card itself says.
locked() {
	"$VCARD_PERSO" info "$W/card" >"$W/info" && grep -q "PIN verified: no" "$W/info" &&
		grep -q "PIN tries left: 3" "$W/info"
}

works_again() {	# works_again AFTER-WHAT
	wait_for 10 tokens_seen 1
	check "after $1 the card is locked, and no try lost" locked
	expect P 0x0 open
	expect P 0x0 login "$E2E_PIN"
	expect P 0x0 sign
}

# struck AWAY BACK SECONDS COMMAND...: something is taken away so long after the command
struck() {
	local away=$1 back=$2 seconds=$3
	shift 3
	tell P "$@"
	sleep "$seconds"
	"$away"
	answer P
	case $GONE in
	*" ${got%% *} "*) strikes=$((strikes + 1)) ;;
	*) is "$away $seconds s after $1 was too late" "$got" 0x0 ;;
	esac
	"$back"
	works_again "$away in the middle"
}

in_session() {	# in_session AWAY BACK
	"$1"
	ask P sign
	is_gone "sign after $1"
	"$2"
	works_again "$1"
	"$1"
	"$2"
	ask P sign
	is_gone "sign after $1 and $2"
	works_again "$1 and $2"
}

# Who waits for events is told of both, and sleeps in between.
waiting() {
	program_start Q
	expect Q 0x0 init
	tell Q wait
	service_kill
	answer Q
	is "killed while a program waits" "$got" 0x0
	tell Q wait
	service_start
	answer Q
	is "and back" "$got" 0x0
	expect Q 0x0 finalize
}

outages() {
	make_card
	program_start P
	expect P 0x0 init
	works_again nothing
	in_session service_kill service_start
	in_session unplug plug
	in_session readers_lost readers_found

	strikes=0
	for seconds in 0.02 0.06 0.10 0.14; do
		struck service_kill service_start "$seconds" sign
	done
	for seconds in 0.04 0.11; do
		struck unplug plug "$seconds" sign
	done
	expect P 0x0 logout
	struck service_kill service_start 0.05 login "$E2E_PIN"
	echo "# $strikes of 7 struck"
	is "some of them struck" "$([ "$strikes" -gt 1 ] && echo yes)" yes
	waiting
	expect P 0x0 finalize
}

E2E_MODES=pcscd e2e_run outages
