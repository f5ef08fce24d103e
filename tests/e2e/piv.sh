#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Other people's programs over the module on PIV cards: pkcs11-tool, p11tool, ssh, TLS, with the identifiers and labels that S-038.
# users of OpenSC and ykcs11 have in their configurations; two kinds of cards side by side; what it costs.
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs pkcs11-tool opensc-tool openssl pcscd p11tool gnutls-cli ssh ssh-keygen

# new_card NAME OPTION...: the reference card with these switches, in the reader
new_card() {
	local name=$1
	shift
	rm -f "$W/$name.card"
	"$VCARD_PERSO" create "$W/$name.card" --applications piv "$@" && "$VCARD_PERSO" piv "$W/$name.card" || exit 1
	card_insert "$W/$name.card"
}

# exchanges COMMAND...: how many the card saw meanwhile
exchanges() {
	local before after
	before=$(card_commands "")
	"$@" >/dev/null 2>&1 </dev/null
	after=$(card_commands "")
	echo $((after - before))
}

public_keys() {
	local slot
	for slot in 9A 9C 9D 9E; do
		"$VCARD_PERSO" piv-pubkey "$CARD" --slot "$slot" >"$W/$slot.pem" || exit 1
	done
}

# uses_keys NAME: each key as its slot is for
uses_keys() {
	local pair id slot
	check "$1: sign with RSA" our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 01 -i "$W/data" -o "$W/sig"
	check "$1: openssl verifies" openssl dgst -sha256 -verify "$W/9A.pem" -signature "$W/sig" "$W/data"
	check "$1: sign with RSA-PSS" our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS-PSS --id 01 -i "$W/data" \
		-o "$W/sig"
	check "$1: openssl verifies" openssl dgst -sha256 -verify "$W/9A.pem" -sigopt rsa_padding_mode:pss \
		-signature "$W/sig" "$W/data"
	for pair in 02:9C 04:9E; do
		id=${pair%:*} slot=${pair#*:}
		check "$1: sign with ECDSA, $slot" our_tool --login --pin "$E2E_PIN" --sign -m ECDSA-SHA256 --id "$id" \
			--signature-format openssl -i "$W/data" -o "$W/sig"
		check "$1: openssl verifies" openssl dgst -sha256 -verify "$W/$slot.pem" -signature "$W/sig" "$W/data"
	done
	openssl pkeyutl -encrypt -pubin -inkey "$W/9D.pem" -in "$W/data" -out "$W/enc"
	check "$1: decrypt" our_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS --id 03 -i "$W/enc" -o "$W/dec"
	check "$1: the plaintext is right" cmp "$W/data" "$W/dec"
}

self_test() {
	our_tool --test --login --pin "$E2E_PIN" >"$W/test.log" 2>&1 || return 1
	cat "$W/test.log"
	grep -q 'No errors' "$W/test.log" && ! grep -q '^ *ERR' "$W/test.log"
}

# What users of other modules have in their configurations.
names() {
	local type
	our_tool -O --login --pin "$E2E_PIN" >"$W/objects" 2>/dev/null
	for type in "Private key for" "Public key for" "X.509 Certificate for"; do
		is "$type: labels and identifiers" \
			"$(grep -A 4 "label: *$type" "$W/objects" | sed -n -e 's/.*label: *//p' -e 's/.*ID: *\([0-9][0-9]\)$/\1/p' |
				paste -sd ' ' | sed "s/$type //g")" \
			"PIV Authentication 01 Digital Signature 02 Key Management 03 Card Authentication 04"
	done
	contains "the free key is seen without login" "Private key for Card Authentication" our_tool -O --type privkey
	is "and it alone" "$(our_tool -O --type privkey 2>/dev/null | grep -c 'Private key for')" 1
	contains "the signature key wants its PIN always" "always auth" our_tool -O --type privkey --id 02 --login --pin "$E2E_PIN"
	contains "p11tool lists the certificates" "X.509 Certificate for Digital Signature" \
		p11tool --provider "$MODULE" --list-all-certs
	contains "p11tool lists the private keys" "object=Private%20key%20for%20PIV%20Authentication" \
		p11tool --provider "$MODULE" --login --set-pin "$E2E_PIN" --list-privkeys
}

# Keys of other kinds in their places, and agreement.
other_keys() {
	new_card other --piv-quirks token
	card_remove
	"$VCARD_PERSO" piv-keygen "$W/other.card" --slot 9D --alg p384 &&
		"$VCARD_PERSO" piv-issue "$W/other.card" --slot 9D --name Agreeing --usage 08 &&
		"$VCARD_PERSO" piv-keygen "$W/other.card" --slot 9A --alg p256 &&
		"$VCARD_PERSO" piv-issue "$W/other.card" --slot 9A --name Signing --usage 80 --packing gzip &&
		"$VCARD_PERSO" piv-keygen "$W/other.card" --slot 82 --alg rsa2048 &&
		"$VCARD_PERSO" piv-issue "$W/other.card" --slot 82 --name Retired --usage 20 || exit 1
	printf '\301\001\001\302\001\000\376\000' >"$W/history"
	"$VCARD_PERSO" piv-put "$W/other.card" --tag 5FC10C --in "$W/history" || exit 1
	"$VCARD_PERSO" piv-pubkey "$W/other.card" --slot 9D >"$W/9D.pem"
	"$VCARD_PERSO" piv-pubkey "$W/other.card" --slot 82 >"$W/82.pem"
	"$VCARD_PERSO" piv-pubkey "$W/other.card" --slot 9A >"$W/9A.pem"
	card_insert "$W/other.card"
	openssl ecparam -name secp384r1 -genkey -noout -out "$W/peer.pem"
	openssl pkey -in "$W/peer.pem" -pubout -outform DER -out "$W/peer.spki"
	check "derive with P-384" our_tool --login --pin "$E2E_PIN" --derive -m ECDH1-DERIVE --id 03 -i "$W/peer.spki" \
		-o "$W/secret"
	openssl pkeyutl -derive -inkey "$W/peer.pem" -peerkey "$W/9D.pem" -out "$W/expected"
	check "openssl agrees" cmp "$W/secret" "$W/expected"
	check "sign with P-256 in 9A" our_tool --login --pin "$E2E_PIN" --sign -m ECDSA-SHA384 --id 01 \
		--signature-format openssl -i "$W/data" -o "$W/sig"
	check "openssl verifies" openssl dgst -sha384 -verify "$W/9A.pem" -signature "$W/sig" "$W/data"
	sshd_start
	login_with 9A 1 1
	sshd_stop
	contains "a retired key has its name" "Private key for Retired Key 1" \
		our_tool -O --type privkey --id 05 --login --pin "$E2E_PIN"
	openssl pkeyutl -encrypt -pubin -inkey "$W/82.pem" -in "$W/data" -out "$W/enc"
	check "decrypt with a retired key" our_tool --login --pin "$E2E_PIN" --decrypt -m RSA-PKCS --id 05 -i "$W/enc" \
		-o "$W/dec"
	check "the plaintext is right" cmp "$W/data" "$W/dec"
	card_remove
}

# login_with SLOT NUMBER TIMES: a login with exactly this key, with so many questions for the PIN
login_with() {
	ssh-keygen -i -m PKCS8 -f "$W/$1.pem" >"$W/authorized"
	cp "$W/authorized" "$W/$1.sshpub"
	: >"$W/asked"
	check "login with $1" ssh -F none -p 2222 -o PKCS11Provider="$MODULE" -o IdentityFile="$W/$1.sshpub" \
		-o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=no -o UserKnownHostsFile="$W/known" \
		-o NumberOfPasswordPrompts=1 127.0.0.1 true
	is "the server accepted $1" "$(grep -c -F "Accepted publickey" "$W/sshd.log" | head -n 1)" "$2"
	is "the PIN was asked for so often" "$(wc -l <"$W/asked")" "$3"
}

sshd_start() {
	local sshd
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	[ -x "$sshd" ] || skip "sshd is not installed"
	printf '#!/bin/sh\necho asked >>%s\necho %s\n' "$W/asked" "$E2E_PIN" >"$W/askpass"
	chmod 700 "$W/askpass"
	export SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force
	mkdir -p /run/sshd
	[ -f "$W/host" ] || ssh-keygen -q -t ed25519 -N '' -f "$W/host"
	printf '%s\n' "Port 2222" "ListenAddress 127.0.0.1" "HostKey $W/host" "AuthorizedKeysFile $W/authorized" "PidFile none" \
		"UsePAM no" "StrictModes no" "PasswordAuthentication no" "KbdInteractiveAuthentication no" \
		"PermitRootLogin yes" "LogLevel VERBOSE" >"$W/sshd_config"
	"$sshd" -D -e -f "$W/sshd_config" 2>"$W/sshd.log" &
	SSHD=$!
	wait_for 10 ssh-keyscan -p 2222 127.0.0.1
}

sshd_stop() {
	kill "$SSHD"
	wait "$SSHD" 2>/dev/null
}

logins() {
	ssh-keygen -D "$MODULE" >"$W/keys" 2>/dev/null
	is "ssh-keygen -D lists all keys" "$(wc -l <"$W/keys")" 4
	sshd_start
	login_with 9A 1 1
	# the login has just taken place, which is enough for the one signature
	login_with 9C 2 1
	sshd_stop
}

tls() {
	local server url
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/server.key" -out "$W/server.pem" -days 20 -subj "/CN=localhost" \
		2>/dev/null
	our_tool --read-object --type cert --id 01 -o "$W/client.der" >/dev/null 2>&1
	openssl x509 -inform DER -in "$W/client.der" -out "$W/client.pem"
	openssl s_server -accept 4433 -cert "$W/server.pem" -key "$W/server.key" -Verify 1 -CAfile "$W/client.pem" -www \
		>"$W/s_server.log" 2>&1 &
	server=$!
	wait_for 10 openssl s_client -connect localhost:4433 -brief
	url="pkcs11:id=%01"
	only_our_module
	printf 'GET / HTTP/1.0\r\n\r\n' | GNUTLS_PIN="$E2E_PIN" timeout 30 gnutls-cli --no-ca-verification -p 4433 localhost \
		--x509certfile "$url;type=cert" --x509keyfile "$url;type=private" >"$W/tls.log" 2>&1
	check "TLS client authentication with 9A" grep -q -E "Client certificate|Client Certificate" "$W/tls.log"
	kill "$server"
	wait "$server" 2>/dev/null
}

# A GIDS card in the other reader, and a card with both applications: only where readers are folders.
side_by_side() {
	local b="$W/readers/Virtual Reader B"
	"$VCARD_PERSO" create "$W/gids.card" && "$VCARD_PERSO" format "$W/gids.card" --pin "$E2E_PIN" &&
		"$VCARD_PERSO" keygen "$W/gids.card" --pin "$E2E_PIN" --index 0 --alg rsa2048 || exit 1
	ln -s "$W/gids.card" "$b/card"
	is "two cards, two tokens" "$(our_tool -L 2>/dev/null | grep -c 'token label *: \(PIV\|GIDS\) card')" 2
	check "sign with the PIV card" our_tool --slot 1 --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 01 -i "$W/data" \
		-o "$W/sig"
	check "sign with the GIDS card" our_tool --slot 2 --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 00 \
		-i "$W/data" -o "$W/sig"
	rm "$b/card"
	"$VCARD_PERSO" create "$W/both.card" --applications gids,piv && "$VCARD_PERSO" piv "$W/both.card" || exit 1
	ln -s "$W/both.card" "$b/card"
	check "sign with a card that is both" our_tool --slot 2 --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id 01 \
		-i "$W/data" -o "$W/sig"
	rm "$b/card"
}

# Who has the management key makes keys, PKCS#11's way and the tool's; who has the PUK unblocks.
managed() {
	local so=(--login --login-type so --so-pin 010203040506070801020304050607080102030405060708)
	local tool=$abs_top_builddir/minidriver-tool
	umask 077
	new_card managed --piv-quirks token
	check "the security officer makes a key" our_tool "${so[@]}" --keypairgen --key-type EC:prime256v1 --id 05 --usage-derive
	check "its public key is read" our_tool --read-object --type pubkey --id 05 -o "$W/made.spki"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/ca.key" -out "$W/ca.pem" -days 20 -subj "/CN=Test CA" 2>/dev/null
	echo keyUsage=digitalSignature >"$W/ext"
	issue "$W/made.spki" made
	check "and gets a certificate" our_tool "${so[@]}" --write-object "$W/made.der" --type cert --id 05
	contains "which is listed under its name" "X.509 Certificate for Retired Key 1" our_tool -O --type cert
	check "the user changes the PIN" our_tool --login --pin "$E2E_PIN" --change-pin --new-pin 11112222
	check "and signs" our_tool --login --pin 11112222 --sign -m ECDSA-SHA256 --id 02 -i "$W/data" -o "$W/sig"
	refuse "the user makes no key" "C_GenerateKeyPair" our_tool --login --pin 11112222 --keypairgen --key-type EC:prime256v1 \
		--id 06 --usage-derive
	if [ -x "$tool" ]; then
		echo 010203040506070801020304050607080102030405060708 >"$W/key"
		echo 12345678 >"$W/puk"
		echo 654321 >"$W/pin"
		"$VCARD_PERSO" piv-pubkey "$CARD" --slot 9E >"$W/9E.pem"
		check "the tool deletes the certificate" "$tool" cert delete 4 --admin-key-file "$W/key" --yes
		check "and the key" "$tool" container delete 4 --admin-key-file "$W/key" --yes
		check "and finds nothing wrong" "$tool" check
		check "it makes a key" "$tool" container create --type p256 --id 06 --admin-key-file "$W/key"
		check "it unblocks with the PUK" "$tool" pin unblock --puk-file "$W/puk" --new-pin-file "$W/pin"
		check "the new PIN is right" "$tool" pin verify --pin-file "$W/pin"
		contains "it prints objects" 4. "$tool" ls piv
		check "it sets the number of tries" "$tool" pin retries 2 1 --admin-key-file "$W/key" --pin-file "$W/pin" --yes
		refuse "the PIN is the maker's again" "is wrong" "$tool" pin verify --pin-file "$W/pin"
		refuse "a card in use is not reset" "blocked" "$tool" reset --yes
		refuse "a second wrong PIN blocks it" "is wrong" "$tool" pin verify --pin-file "$W/pin"
		echo 87654321 >"$W/puk"
		refuse "and a wrong PUK that" "is wrong" "$tool" pin unblock --puk-file "$W/puk" --new-pin-file "$W/pin"
		refuse "nobody is asked without a terminal" "left alone" "$tool" reset </dev/null
		check "now it can be reset" "$tool" reset --yes
		echo 123456 >"$W/pin"
		check "and has the PIN of the beginning" "$tool" pin verify --pin-file "$W/pin"
	fi
	card_remove
}

piv() {
	printf 'what is signed and decrypted' >"$W/data"
	new_card plain --piv-quirks applet
	is "two commands tell the token" "$(exchanges our_tool -T)" 2
	is "eighteen list its objects" "$(exchanges our_tool -O)" 18
	public_keys
	check "pkcs11-tool's own test" self_test
	uses_keys "the reference card"
	names
	logins
	tls
	[ "$MODE" != local ] || side_by_side
	card_remove
	for name in token neo government; do
		new_card "$name" --piv-quirks "$name"
		public_keys
		uses_keys "$name"
		card_remove
	done
	new_card global --piv-quirks global-pin,global-first
	check "the global PIN" our_tool --login --pin 654321 --sign -m SHA256-RSA-PKCS --id 01 -i "$W/data" -o "$W/sig"
	card_remove
	other_keys
	managed
}

e2e_run piv
