#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A card pulled out before and during every exchange of everything that minidriver-tool does to it: afterwards OpenSC's
# unmodified module and ours list it without error and find what was there, the old key still signs, and
# "check --repair" leaves nothing to complain of. R-113 R-133
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl

READER="readers/Virtual Reader A"
STEP=${PULL_STEP:-1}

tool() {
	"$abs_top_builddir/minidriver-tool" "$@"
}

# prepare: the card that every act begins with: a key with its certificate, and one more to be deleted
prepare() {
	local name
	"$VCARD_PERSO" create "$W/before.card"
	card_insert "$W/before.card"
	tool create --new-pin-file "$W/pin" --admin-key-file "$W/admin" --yes >/dev/null 2>&1
	make_ca
	for name in old doomed brought; do
		openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/$name.key" 2>/dev/null
		openssl pkey -in "$W/$name.key" -pubout -out "$W/$name.pub"
		issue "$W/$name.pub" "$name"
		openssl x509 -inform DER -in "$W/$name.der" -out "$W/$name.crt"
		cat "$W/$name.key" "$W/$name.crt" >"$W/$name.both"
	done
	check "a key that stays" tool container import "$W/old.both" --name old --pin-file "$W/pin" --yes
	check "a key that goes" tool container import "$W/doomed.both" --name doomed --pin-file "$W/pin" --yes
	check "a root that stays" tool roots add "$W/ca.pem" --pin-file "$W/pin"
	"$VCARD_PERSO" create "$W/blank.card"
	card_remove
}

# lists WHO TOOL: without error, and the key that was there is there
lists() {
	"$1" --login --pin "$(cat "$W/pin.now")" -O --type privkey >"$W/list" 2>&1 && grep -a -q 'label: *old' "$W/list"
}

signs() {
	our_tool --login --pin "$(cat "$W/pin.now")" --sign -m SHA256-RSA-PKCS --id 00 -i "$W/data" -o "$W/sig" >/dev/null 2>&1 &&
		openssl dgst -sha256 -verify "$W/old.pub" -signature "$W/sig" "$W/data" >/dev/null
}

# right_pin: an act that was to change the PIN may have done so
right_pin() {
	cp "$W/pin" "$W/pin.now"
	tool pin verify --pin-file "$W/pin" >/dev/null 2>&1 || cp "$W/pin2" "$W/pin.now"
}

# sound WHAT: how the card is after it was pulled; complains once for each thing that is wrong
sound() {
	local wrong=
	right_pin
	lists opensc_tool || wrong="$wrong OpenSC-lists"
	lists our_tool || wrong="$wrong we-list"
	signs || wrong="$wrong old-key-signs"
	[ "$(our_tool --read-object --type cert --id 00 2>/dev/null | sha256sum)" = "$(sha256sum <"$W/old.der")" ] || wrong="$wrong old-certificate"
	tool roots list 2>/dev/null | grep -q 'Test CA' || wrong="$wrong old-root"
	tool check --repair --pin-file "$W/pin.now" >"$W/check" 2>&1 </dev/null
	tool check >"$W/check" 2>&1 </dev/null || wrong="$wrong check"
	lists opensc_tool || wrong="$wrong OpenSC-lists-then"
	[ -z "$wrong" ] || { echo "# $1:$wrong"; sed 's/^/#   /' "$W/check"; }
	[ -z "$wrong" ]
}

# blank_sound WHAT: a creation that was interrupted can be finished
blank_sound() {
	card_info >/dev/null
	tool create --new-pin-file "$W/pin" --admin-key-file "$W/admin" --yes >"$W/again" 2>&1 </dev/null ||
		tool info >"$W/again" 2>&1 || { echo "# $1: not created"; sed 's/^/#   /' "$W/again"; return 1; }
	if ! tool check >"$W/check" 2>&1 || ! opensc_tool --login --pin "$E2E_PIN" -O >"$W/list" 2>&1; then
		echo "# $1: not sound"
		sed 's/^/#   /' "$W/check" "$W/list"
		return 1
	fi
}

# pulled_everywhere NAME CARD SOUND COMMAND...: the act, with the card pulled at its 1st, 2nd, … exchange until it succeeds
pulled_everywhere() {
	local name=$1 card=$2 sound=$3 how n bad=0 status
	shift 3
	for how in remove pull; do
		for ((n = 1; n < 200; n += STEP)); do
			cp "$card" "$W/work.card"
			card_insert "$W/work.card"
			echo "$n:$how" >"$W/$READER/faults"
			status=0
			tool "$@" >"$W/act.log" 2>&1 </dev/null || status=$?
			card_remove
			rm -f "$W/$READER/faults" "$W/$READER/faults.armed"
			"$VCARD_PERSO" reset "$W/work.card" >/dev/null
			card_insert "$W/work.card"
			"$sound" "$name, $how at exchange $n" || bad=$((bad + 1))
			card_remove
			[ "$status" -ne 0 ] || break
		done
		is "$name: sound after each of $((n / STEP)) cards ($how)" "$bad" 0
		[ "$status" -eq 0 ] || is "$name: comes to an end" "status $status" "status 0"
	done
}

pulled() {
	umask 077
	echo "$E2E_PIN" >"$W/pin"
	echo 87654321 >"$W/pin2"
	echo "$E2E_ADMIN_KEY" >"$W/admin"
	echo F0E1D2C3B4A5968778695A4B3C2D1E0F0011223344556677 >"$W/admin2"
	seq 1 9 >"$W/data"
	mkdir -p "$W/.config"
	echo "allow_private_exchange_key_import = yes" >"$W/.config/minidriver-pkcs11.conf"
	unset XDG_CONFIG_HOME
	prepare
	pulled_everywhere "creation" "$W/blank.card" blank_sound create --new-pin-file "$W/pin" --admin-key-file "$W/admin" --yes
	set -- --pin-file "$W/pin"
	pulled_everywhere "generation" "$W/before.card" sound container create new --type rsa1024 "$@"
	pulled_everywhere "import" "$W/before.card" sound container import "$W/brought.both" --name brought --yes "$@"
	pulled_everywhere "certificate" "$W/before.card" sound cert put "$W/doomed.crt" "$@"
	pulled_everywhere "deletion" "$W/before.card" sound container delete doomed --yes "$@"
	pulled_everywhere "root" "$W/before.card" sound roots add "$W/old.crt" "$@"
	pulled_everywhere "PIN change" "$W/before.card" sound pin change --new-pin-file "$W/pin2" "$@"
	pulled_everywhere "unblocking" "$W/before.card" sound pin unblock --admin-key-file "$W/admin" --new-pin-file "$W/pin2"
}

E2E_MODES=local e2e_run pulled
