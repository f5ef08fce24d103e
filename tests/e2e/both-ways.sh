#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Cards that we write are read and used by OpenSC's unmodified tools, and cards that those write by us, after each kind of
# change: creation, names beyond 8 bits, certificates compressed, ten and more containers, records used again, the key
# map emptied.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

tool() {
	"$abs_top_builddir/minidriver-tool" "$@"
}

# key_file NAME: an RSA key of another's making in NAME.key, its public half in NAME.pem, a certificate in NAME.der
key_file() {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/$1.key" 2>/dev/null
	openssl pkey -in "$W/$1.key" -pubout -out "$W/$1.pub"
	issue "$W/$1.pub" "$1"
	openssl x509 -inform DER -in "$W/$1.der" -out "$W/$1.crt"
	cat "$W/$1.key" "$W/$1.crt" >"$W/$1.both"
}

# id_of MODULE-TOOL LABEL: CKA_ID of the key with this label, as that module has it
id_of() {
	"$1" --login --pin "$E2E_PIN" -O --type privkey 2>/dev/null | grep -a -A 6 -F "label: " | grep -a -A 5 -E "label: *$2\$" |
		sed -n 's/^ *ID: *//p' | head -n 1
}

# signs MODULE-TOOL LABEL KEYFILE: that module signs with the key, openssl verifies with the file
signs() {
	local id
	id=$(id_of "$1" "$2")
	[ -n "$id" ] && "$1" --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id "$id" -i "$W/data" -o "$W/sig" &&
		openssl dgst -sha256 -verify "$3" -signature "$W/sig" "$W/data"
}

# both NAME LABEL KEYFILE
both() {
	check "$1: OpenSC signs with it" signs opensc_tool "$2" "$3"
	check "$1: we sign with it" signs our_tool "$2" "$3"
}

# has_cert MODULE-TOOL NAME: one of its certificates is NAME.der
has_cert() {
	local id
	for id in $("$1" -O --type cert 2>/dev/null | sed -n 's/^ *ID: *//p'); do
		"$1" --read-object --type cert --id "$id" -o "$W/read" >/dev/null 2>&1 && cmp -s "$W/read" "$W/$2.der" && return 0
	done
	return 1
}

# R-110 R-111 R-115 R-127
made_by_us() {
	"$VCARD_PERSO" create "$W/ours.card"
	card_insert "$W/ours.card"
	check "we make a card" tool create --new-pin-file "$W/pin" --admin-key-file "$W/admin" --yes
	contains "OpenSC knows it" GIDS opensc-tool --name
	contains "OpenSC sees its token" "token label" opensc_tool -L
	check "OpenSC makes a key on it" opensc_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label theirs
	check "OpenSC reads its public key" opensc_tool --read-object --type pubkey --label theirs -o "$W/theirs.spki"
	openssl pkey -pubin -inform DER -in "$W/theirs.spki" -out "$W/theirs.pub"
	both "their key on our card" theirs "$W/theirs.pub"
	check "the card is consistent" tool check
}

# R-116 R-118
names() {
	local label="Schlüssel Ж €"
	key_file wide
	check "we bring a key with a name beyond 8 bits" tool container import "$W/wide.both" --name "$label" --pin-file "$W/pin" --yes
	is "OpenSC shows some name" "$(opensc_tool --login --pin "$E2E_PIN" -O --type privkey 2>/dev/null | grep -a -c 'label:')" 2
	contains "we show it whole" "$label" our_tool --login --pin "$E2E_PIN" -O --type privkey
	check "OpenSC reads its certificate, which we compressed" has_cert opensc_tool wide
	check "we sign with it" signs our_tool "$label" "$W/wide.pub"
}

# R-115; the names of certificate files from container 10 on
many() {
	local i
	key_file many
	for i in 2 3 4 5 6 7 8 9; do
		tool container import "$W/many.key" --name "filler $i" --pin-file "$W/pin" --yes >/dev/null 2>&1 || break
	done
	for i in 10 11 12; do
		key_file "k$i"
		check "we bring a key to container $i" tool container import "$W/k$i.both" --name "number $i" --pin-file "$W/pin" --yes
		both "container $i" "number $i" "$W/k$i.pub"
		check "container $i: OpenSC reads its certificate" has_cert opensc_tool "k$i"
		check "container $i: we read its certificate" has_cert our_tool "k$i"
	done
	check "OpenSC makes another key" opensc_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label thirteen
	opensc_tool --read-object --type pubkey --label thirteen -o "$W/13.spki" >/dev/null 2>&1
	openssl pkey -pubin -inform DER -in "$W/13.spki" -out "$W/k13.pub"
	issue "$W/k13.pub" k13
	check "OpenSC writes its certificate" opensc_tool --login --pin "$E2E_PIN" --write-object "$W/k13.der" --type cert \
		--id "$(id_of opensc_tool thirteen)" --label thirteen
	both "container 13" thirteen "$W/k13.pub"
	check "container 13: we read its certificate" has_cert our_tool k13
	check "the card is consistent" tool check
}

# R-116 R-133 R-143
again() {
	check "we delete container 11" tool container delete "number 11" --pin-file "$W/pin" --yes
	is "OpenSC sees it gone" "$(opensc_tool --login --pin "$E2E_PIN" -O --type privkey 2>/dev/null | grep -c 'number 11')" 0
	check "OpenSC uses its record" opensc_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label again
	opensc_tool --read-object --type pubkey --label again -o "$W/again.spki" >/dev/null 2>&1
	openssl pkey -pubin -inform DER -in "$W/again.spki" -out "$W/again.pub"
	both "a record used again" again "$W/again.pub"
	check "OpenSC deletes a key" opensc_tool --login --pin "$E2E_PIN" --delete-object --type privkey --label theirs
	key_file new
	check "we use its record" tool container import "$W/new.both" --name new --pin-file "$W/pin" --yes
	both "a record of theirs used again" new "$W/new.pub"
	both "what was there before" "number 12" "$W/k12.pub"
	check "the card is consistent" tool check
}

# The last container goes and leaves an empty key map; then each side begins anew.
emptied() {
	local label
	key_file last
	our_tool --login --pin "$E2E_PIN" -O --type privkey 2>/dev/null | sed -n 's/^ *label: *//p' >"$W/labels"
	check "there are labels" test -s "$W/labels"
	while read -r label; do
		tool container delete "$label" --pin-file "$W/pin" --yes </dev/null >/dev/null 2>&1
	done <"$W/labels"
	# it lists records that are not in use as keys without a name
	is "OpenSC sees no key" "$(opensc_tool --login --pin "$E2E_PIN" -O --type privkey 2>/dev/null | grep -c 'label: *[^ ]')" 0
	check "OpenSC makes the first one" opensc_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label first
	opensc_tool --read-object --type pubkey --label first -o "$W/first.spki" >/dev/null 2>&1
	openssl pkey -pubin -inform DER -in "$W/first.spki" -out "$W/first.pub"
	both "after an empty key map" first "$W/first.pub"
	check "OpenSC deletes it" opensc_tool --login --pin "$E2E_PIN" --delete-object --type privkey --label first
	check "we make the first one" tool container import "$W/last.both" --name last --pin-file "$W/pin" --yes
	both "after their empty key map" last "$W/last.pub"
	check "the card is consistent" tool check
}

# R-075 R-101
pins() {
	echo 87654321 >"$W/other"
	check "we change the PIN" tool pin change --pin-file "$W/pin" --new-pin-file "$W/other"
	check "OpenSC opens with it" opensc_tool --login --pin 87654321 -O
	check "OpenSC changes it back" opensc_tool --login --pin 87654321 --change-pin --new-pin "$E2E_PIN"
	check "we open with that" our_tool --login --pin "$E2E_PIN" -O
	check "we unblock" tool pin unblock --admin-key-file "$W/admin" --new-pin-file "$W/other"
	check "OpenSC opens again" opensc_tool --login --pin 87654321 -O
	check "OpenSC unblocks" gids-tool --unblock --pin "$E2E_PIN" --admin-key "$E2E_ADMIN_KEY"
	check "we open again" our_tool --login --pin "$E2E_PIN" -O
	check "we change the admin key" tool admin-key change --admin-key-file "$W/admin" --new-admin-key-file "$W/admin2"
	check "OpenSC unblocks with the new one" gids-tool --unblock --pin "$E2E_PIN" --admin-key "$(cat "$W/admin2")"
	check "the card is consistent" tool check
}

both_ways() {
	umask 077
	echo "$E2E_PIN" >"$W/pin"
	echo "$E2E_ADMIN_KEY" >"$W/admin"
	echo F0E1D2C3B4A5968778695A4B3C2D1E0F0011223344556677 >"$W/admin2"
	seq 1 9 >"$W/data"
	mkdir -p "$W/.config"
	echo "allow_private_exchange_key_import = yes" >"$W/.config/minidriver-pkcs11.conf"
	unset XDG_CONFIG_HOME
	make_ca
	made_by_us
	names
	many
	again
	emptied
	pins
	card_remove
}

e2e_run both_ways
