#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two programs of ours and OpenSC's, its module and its tool, at work on one card at the same time: nobody fails.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

# what each of the four does in turn
OURS=(sign list sign token sign session sign sign list sign token sign sign list sign sign event sign list sign)
THEIRS=(sign list decrypt sign object list sign decrypt list sign)
TOOL=(--list-readers --atr "-s 00:CA:DF:20:00" --atr --list-readers "-s 00:20:00:80" --atr --atr --list-readers --atr)

# complain WHO WHAT: what went wrong
complain() {
	echo "$1: $2" >>"$W/wrong"
	sed "s/^/# $1: /" "$W/$1.log" 2>/dev/null
}

ours() {	# ours NAME SECONDS: so long between two acts
	local act
	program_start "$1"
	for act in init open "login $E2E_PIN" "${OURS[@]}" logout finalize; do
		# shellcheck disable=SC2086 # words
		ask "$1" $act
		case $act:$got in
		event:0x8 | *:0x0 | *:"0x0 "*) echo "$1 $act" >>"$W/done" ;;
		*) complain "$1" "$act: $got" ;;
		esac
		sleep "$2"
	done
}

opensc() {
	case $1 in
	sign)
		opensc_tool --login --pin "$E2E_PIN" --sign -m RSA-PKCS --id "$KEY_ID" -i "$W/short" -o "$W/signature" &&
			openssl pkeyutl -verifyrecover -pubin -inkey "$W/rsa.pem" -in "$W/signature" | cmp - "$W/short"
		;;
	decrypt)
		opensc_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS --id "$KEY_ID" -i "$W/cipher" -o "$W/plain" &&
			cmp "$W/plain" "$W/short"
		;;
	list) opensc_tool --login --pin "$E2E_PIN" -O ;;
	object) opensc_tool --read-object --type cert --id "$KEY_ID" -o "$W/cert" && cmp "$W/cert" "$W/rsa.der" ;;
	esac
}

theirs() {
	local act
	for act in "${THEIRS[@]}"; do
		if opensc "$act" >"$W/opensc.log" 2>&1 </dev/null; then
			echo "opensc $act" >>"$W/done"
		else
			complain opensc "$act"
		fi
	done
}

tool() {
	local act
	for act in "${TOOL[@]}"; do
		# shellcheck disable=SC2086 # words
		if opensc-tool $act >"$W/tool.log" 2>&1 </dev/null; then
			echo "tool $act" >>"$W/done"
		else
			complain tool "$act"
		fi
	done
}

mix() {
	local began pids=()
	make_opensc_card
	head -c 30 /dev/urandom >"$W/short"
	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/short" -out "$W/cipher"
	: >"$W/done"
	: >"$W/wrong"
	began=$(date +%s%N)
	ours A 0 &
	pids+=($!)
	ours B 0.1 &
	pids+=($!)
	theirs &
	pids+=($!)
	tool &
	pids+=($!)
	wait "${pids[@]}"
	echo "# $MODE: $(wc -l <"$W/done") operations in $((($(date +%s%N) - began) / 1000000)) ms"
	is "nobody fails" "$(cat "$W/wrong")" ""
	is "everything was done" "$(wc -l <"$W/done")" $((2 * (${#OURS[@]} + 5) + ${#THEIRS[@]} + ${#TOOL[@]}))
	contains "all tries are left" "PIN tries left: 3" card_info
	contains "and the card is locked" "PIN verified: no" card_info
	card_remove
}

e2e_run mix
