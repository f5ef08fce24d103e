#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A key that wants the PIN before each use, as the signature key of a PIV card does: programs ask for it each time, or sign
# once after their login.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11tool certtool cmsutil certutil modutil ssh-add ssh-agent jarsigner \
	firefox-esr /usr/bin/python3

# The card has the signature key (9C) and no other.
two_keys_piv() {
	local card="$W/piv.card"
	make_ca
	"$VCARD_PERSO" create "$card" --applications piv --piv-quirks token && "$VCARD_PERSO" piv-format "$card" &&
		"$VCARD_PERSO" piv-keygen "$card" --slot 9C --alg rsa2048 &&
		"$VCARD_PERSO" piv-pubkey "$card" --slot 9C >"$W/rsa.spki" && issue "$W/rsa.spki" rsa &&
		"$VCARD_PERSO" piv-cert "$card" --slot 9C --der "$W/rsa.der" || exit 1
	card_insert "$card"
	ID=([rsa]=02) LABEL=([rsa]="X.509 Certificate for Digital Signature")
}

# verified FILE FORM: signed data of the card, by openssl
verified() {
	check "openssl verifies it" openssl cms -verify -binary -inform "$2" -in "$1" -content "$W/data" -CAfile "$W/ca.pem" \
		-certfile "$W/rsa.crt" -purpose any -out /dev/null
}

gnutls() {
	export GNUTLS_PIN=$E2E_PIN
	check "p11tool signs" p11tool --provider "$M" --login --test-sign "$KEY;type=private"
	check "certtool signs" certtool --provider "$M" --p7-detached-sign --infile "$W/data" --load-privkey "$KEY;type=private" \
		--load-certificate "$W/rsa.crt" --outfile "$W/p7"
	verified "$W/p7" PEM
}

nss() {
	mkdir "$W/db"
	printf '%s:%s\n' "$TOKEN" "$E2E_PIN" >"$W/password"
	certutil -N -d "sql:$W/db" --empty-password
	modutil -dbdir "sql:$W/db" -add card -libfile "$M" -force >/dev/null 2>&1
	certutil -A -d "sql:$W/db" -n authority -t CT,C,C -i "$W/ca.pem"
	check "cmsutil signs" cmsutil -S -T -d "sql:$W/db" -N "$TOKEN:$NAME" -f "$W/password" -i "$W/data" -o "$W/signed"
	verified "$W/signed" DER
}

# The engine asks for the key's PIN although it has the token's.
engine() {
	printf '%s\n' 'openssl_conf = init' '[init]' 'engines = engines' '[engines]' 'pkcs11 = card' '[card]' 'engine_id = pkcs11' \
		"MODULE_PATH = $M" "PIN = $E2E_PIN" 'init = 0' >"$W/card.cnf"
	check "openssl's engine signs" env OPENSSL_CONF="$W/card.cnf" /usr/bin/python3 "$abs_top_srcdir/tests/clients/typed.py" "$E2E_PIN" \
		openssl dgst -engine pkcs11 -keyform engine -sha256 -sign "$KEY;type=private" -out "$W/sig" "$W/data"
	check "openssl verifies it" openssl dgst -verify "$W/rsa.pem" -sha256 -signature "$W/sig" "$W/data"
}

# Java logs in once, which is good for one signature.
archive() {
	printf '%s\n' "name = card" "library = $M" >"$W/card.cfg"
	jar cf "$W/a.jar" -C "$W" data
	check "jarsigner signs" timeout 60 jarsigner -keystore NONE -storetype PKCS11 -addprovider SunPKCS11 -providerArg "$W/card.cfg" \
		-storepass "$E2E_PIN" "$W/a.jar" "$NAME"
	contains "the archive is verified" "jar verified" jarsigner -verify "$W/a.jar"
}

# ssh asks once for a signature; the agent cannot ask when it signs.
shell() {
	pin_program
	export SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force
	ssh-keygen -i -m PKCS8 -f "$W/rsa.pem" >"$W/rsa.sshpub"
	ssh-keygen -q -t ed25519 -N '' -f "$W/user"
	check "ssh-keygen certifies" ssh-keygen -s "$W/rsa.sshpub" -D "$M" -I alice -n root "$W/user.pub"
	is "it asked once" "$(wc -l <"$W/asked")" 1
	ssh-agent -D -a "$W/agent" >/dev/null 2>&1 &
	wait_for 10 test -S "$W/agent"
	export SSH_AUTH_SOCK="$W/agent"
	check "ssh-add takes the card" ssh-add -s "$M"
	refuse "the agent does not sign" "agent refused" ssh-add -T "$W/rsa.sshpub"
	check "ssh-add -e" ssh-add -e "$M"
}

browser() {
	server_certificate
	check "Firefox asks for each connection" timeout 60 /usr/bin/python3 "$abs_top_srcdir/tests/clients/firefox.py" "$M" "$E2E_PIN" "$W" 2
}

each_use() {
	two_keys
	seq 1 500 >"$W/data"
	check "pkcs11-tool signs" our_tool --login --pin "$E2E_PIN" --sign -m SHA256-RSA-PKCS --id "$KEYID" -i "$W/data" -o "$W/sig"
	check "openssl verifies it" openssl dgst -verify "$W/rsa.pem" -sha256 -signature "$W/sig" "$W/data"
	gnutls
	nss
	engine
	archive
	shell
	browser
	card_remove
}

CLIENT_CARDS=piv clients_run each_use
