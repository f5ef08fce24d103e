#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A blank card made, filled and emptied with pkcs11-tool and p11tool alone. P-075..P-079, P-116
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11tool mount

NEW_PIN=87654321
OTHER_KEY=A0A1A2A3A4A5A6A7B0B1B2B3B4B5B6B7C0C1C2C3C4C5C6C7

so_tool() {
	our_tool --login --login-type so --so-pin "$E2E_ADMIN_KEY" "$@"
}

user_tool() {
	our_tool --login --pin "$E2E_PIN" "$@"
}

# An RSA key and an EC key with their certificates ($W/rsakey.*, eckey.*), as people have them.
make_keys() {
	make_ca
	openssl genrsa -out "$W/rsakey.key" 2048 2>/dev/null
	openssl ecparam -name prime256v1 -genkey -noout -out "$W/eckey.key"
	for name in rsakey eckey; do
		openssl pkey -in "$W/$name.key" -pubout -out "$W/$name.pub"
		openssl pkey -in "$W/$name.key" -outform DER -out "$W/$name.key.der"
		issue "$W/$name.pub" "$name"
	done
	openssl x509 -in "$W/ca.pem" -outform DER -out "$W/ca.der"
	printf 'hello\n' >"$W/data"
}

make_token() {
	"$VCARD_PERSO" create "$W/$1" --ecc
	card_insert "$W/$1"
}

pins() {
	contains "a blank card is no token yet" "uninitialized" our_tool -L
	check "--init-token makes it one" our_tool --init-token --label "Made here" --so-pin "$E2E_ADMIN_KEY"
	contains "its label is shown" "token label *: Made here" our_tool -L
	refuse "another key does not make it again" CKR_PIN_INCORRECT our_tool --init-token --label x --so-pin "$OTHER_KEY"
	contains "its label stays" "token label *: Made here" our_tool -L
	is "it has no PIN yet" "$(our_tool -L 2>/dev/null | grep -c 'PIN initialized')" 0
	check "--init-pin gives it one" so_tool --init-pin --new-pin "$E2E_PIN"
	contains "it has a PIN now" "PIN initialized" our_tool -L
	check "the user logs in" user_tool -O
	check "--change-pin" our_tool --change-pin --pin "$E2E_PIN" --new-pin "$NEW_PIN"
	refuse "the old PIN is none any more" CKR_PIN_INCORRECT user_tool -O
	check "--change-pin with a login" our_tool --login --change-pin --pin "$NEW_PIN" --new-pin "$E2E_PIN"
	for _ in 1 2 3; do
		our_tool --login --pin 99999999 -O >/dev/null 2>&1
	done
	refuse "three wrong ones block it" CKR_PIN_LOCKED user_tool -O
	check "--unlock-pin with the administrator's key" our_tool --unlock-pin --puk "$E2E_ADMIN_KEY" --new-pin "$NEW_PIN"
	check "--init-pin sets another one" so_tool --init-pin --new-pin "$E2E_PIN"
	check "the user logs in again" user_tool -O
	check "the officer's key is changed" so_tool --change-pin --pin "$E2E_ADMIN_KEY" --new-pin "$OTHER_KEY"
	refuse "the old key is none any more" CKR_PIN_INCORRECT so_tool --session-rw -O
	check "and back" our_tool --login --login-type so --so-pin "$OTHER_KEY" --change-pin --pin "$OTHER_KEY" --new-pin "$E2E_ADMIN_KEY"
}

# object ID NAME SIGN-MECHANISM: a key brought with its certificate; it signs
bring() {
	local id=$1 name=$2
	check "--write-object privkey ($name)" user_tool --write-object "$W/$name.key.der" --type privkey --id "$id" \
		--label "$name" --usage-sign
	check "--write-object cert ($name)" user_tool --write-object "$W/$name.der" --type cert --id "$id" --label "$name"
	check "--write-object pubkey ($name)" user_tool --write-object "$W/$name.pub.der" --type pubkey --id "$id" --label "$name"
	check "the certificate is read ($name)" our_tool --read-object --type cert --id "$id" -o "$W/read"
	check "it is the same ($name)" cmp "$W/read" "$W/$name.der"
	check "the key signs ($name)" user_tool --sign -m "$3" --id "$id" -i "$W/data" -o "$W/sig" --signature-format openssl
	check "openssl verifies ($name)" openssl dgst -sha256 -verify "$W/$name.pub" -signature "$W/sig" "$W/data"
}

objects() {
	for name in rsakey eckey; do
		openssl pkey -pubin -in "$W/$name.pub" -outform DER -out "$W/$name.pub.der"
	done
	refuse "no private key is brought to a card unless that is allowed" 0x1b user_tool \
		--write-object "$W/rsakey.key.der" --type privkey --id 11
	export MINIDRIVER_PKCS11_ALLOW_PRIVATE_EXCHANGE_KEY_IMPORT=yes MINIDRIVER_PKCS11_ALLOW_PRIVATE_SIGNATURE_KEY_IMPORT=yes
	export MINIDRIVER_PKCS11_ALLOW_PRIVATE_ECDSA_KEY_IMPORT=yes
	bring 11 rsakey SHA256-RSA-PKCS
	bring 12 eckey ECDSA-SHA256
	check "--write-object data" user_tool --write-object "$W/data" --type data --label note --application-label app
	check "--read-object data" our_tool --read-object --type data --label note -o "$W/read"
	check "the data are the same" cmp "$W/read" "$W/data"
	check "--write-object data with names that no file can have" user_tool --write-object "$W/rsakey.der" --type data \
		--label "Alice's certificate" --application-label "An application"
	check "--read-object data by such a name" our_tool --read-object --type data --label "Alice's certificate" -o "$W/read"
	check "the data are the same" cmp "$W/read" "$W/rsakey.der"
	check "--write-object data, private" user_tool --write-object "$W/data" --type data --label secret --private
	is "which nobody sees without a login" "$(our_tool -O --type data 2>/dev/null | grep -c secret)" 0
	is "and the user does" "$(user_tool -O --type data 2>/dev/null | grep -c 'label:.*secret')" 1
	check "--write-object cert of an authority" user_tool --write-object "$W/ca.der" --type cert --label ca
	contains "it is shown" "Test CA" our_tool -O --type cert
	refuse "a certificate of no key here" CKR_TEMPLATE_INCONSISTENT user_tool --write-object "$W/stranger.der" --type cert --id 11
	check "--delete-object cert" user_tool --delete-object --type cert --id 12
	is "it is gone" "$(our_tool -O --type cert 2>/dev/null | grep -c 'label: *eckey')" 0
	check "--delete-object privkey" user_tool --delete-object --type privkey --id 12
	check "--delete-object data" user_tool --delete-object --type data --label note
	contains "OpenSC's module reads the card" "rsakey\|Private Key Object" opensc_tool --login --pin "$E2E_PIN" -O
}

gnutls() {
	local uri
	export GNUTLS_PIN=$E2E_PIN GNUTLS_SO_PIN=$E2E_ADMIN_KEY
	uri=$(p11tool --list-token-urls | grep -i gids | head -n 1)
	check "p11tool --initialize" p11tool --batch --initialize --label "By p11tool" "$uri"
	uri=$(p11tool --list-token-urls | grep 'By%20p11tool')
	is "the token has its label" "$(echo "$uri" | grep -c 'token=By%20p11tool')" 1
	check "p11tool --initialize-pin" p11tool --batch --initialize-pin "$uri"
	check "p11tool --initialize-so-pin" env GNUTLS_NEW_SO_PIN="$OTHER_KEY" p11tool --batch --initialize-so-pin "$uri"
	is "it is empty" "$(p11tool --login --list-all --only-urls "$uri" 2>/dev/null | grep -c 'type=')" 0
	check "p11tool --write --load-privkey" p11tool --login --batch --write --load-privkey "$W/rsakey.key" --label rsakey "$uri"
	check "p11tool --write --load-certificate" p11tool --login --batch --write --load-certificate "$W/rsakey.crt" --label rsakey "$uri"
	check "p11tool --write --mark-ca" p11tool --login --batch --write --load-certificate "$W/ca.pem" --mark-ca --label ca "$uri"
	check "p11tool --test-sign" p11tool --login --test-sign "$uri;object=rsakey;type=private"
	check "p11tool --export" sh -c "p11tool --export '$uri;object=rsakey;type=cert' | openssl x509 -outform DER | cmp - '$W/rsakey.der'"
	contains "the authority is listed as one" "CKA_CERTIFICATE_CATEGORY=CA\|Flags: CKA_CERTIFICATE_CATEGORY=CA\|CA;" \
		p11tool --list-all-certs "$uri"
	check "p11tool --delete" p11tool --login --batch --delete "$uri;object=rsakey;type=cert"
	unset GNUTLS_PIN GNUTLS_SO_PIN "${!MINIDRIVER_PKCS11_ALLOW_@}"
}

# On a PIV card it is the officer who makes keys, and the PIN is no affair of his.
piv() {
	local key=010203040506070801020304050607080102030405060708
	"$VCARD_PERSO" create "$W/piv.card" --applications piv && "$VCARD_PERSO" piv-format "$W/piv.card" || exit 1
	card_insert "$W/piv.card"
	refuse "PIV: the user makes no key" "C_GenerateKeyPair failed" user_tool --keypairgen --key-type EC:prime256v1 --id 01
	check "PIV: the officer makes one" our_tool --login --login-type so --so-pin "$key" --keypairgen \
		--key-type EC:prime256v1 --id 01
	check "PIV: its public key is read" our_tool --read-object --type pubkey --id 01 -o "$W/piv.spki"
	issue "$W/piv.spki" piv
	check "PIV: he writes the certificate" our_tool --login --login-type so --so-pin "$key" --write-object "$W/piv.der" \
		--type cert --id 01
	check "PIV: the user signs" user_tool --sign -m ECDSA-SHA256 --id 01 -i "$W/data" -o "$W/sig" --signature-format openssl
	check "PIV: openssl verifies" openssl dgst -sha256 -verify "$W/piv.pem" -signature "$W/sig" "$W/data"
	check "PIV: the user's PIN is changed" our_tool --change-pin --pin "$E2E_PIN" --new-pin "$NEW_PIN"
	refuse "PIV: the officer sets no PIN" CKR_FUNCTION_NOT_SUPPORTED our_tool --login --login-type so --so-pin "$key" \
		--init-pin --new-pin "$E2E_PIN"
	check "PIV: the management key is changed" our_tool --login --login-type so --so-pin "$key" --change-pin --pin "$key" \
		--new-pin "$OTHER_KEY"
	refuse "PIV: the old one is none any more" CKR_PIN_INCORRECT our_tool --login --login-type so --so-pin "$key" --session-rw -O
	refuse "PIV: such a card is not initialised" CKR_FUNCTION_NOT_SUPPORTED our_tool --init-token --label x --so-pin "$OTHER_KEY"
	card_remove
}

manage() {
	make_keys
	openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out "$W/stranger.pub"
	issue "$W/stranger.pub" stranger
	openssl x509 -inform DER -in "$W/rsakey.der" -out "$W/rsakey.crt"
	make_token "blank.$MODE"
	pins
	objects
	only_our_module
	gnutls
	card_remove
	piv
}

e2e_run manage
