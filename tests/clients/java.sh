#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Java's SunPKCS11: what keytool lists, a signed archive, and signatures, decryption, threads, TLS of a program. P-154
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd java javac keytool

# Small and quickly started.
virtual_machine=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto)

keytool() {
	timeout 60 "$(type -P keytool)" "${virtual_machine[@]/#/-J}" "$@" -storepass "$E2E_PIN"
}

jarsigner() {
	timeout 60 "$(type -P jarsigner)" "${virtual_machine[@]/#/-J}" -storepass "$E2E_PIN" "$@"
}

program() {
	timeout 100 java "${virtual_machine[@]}" "$abs_top_srcdir/tests/clients/Card.java" card.cfg "$@"
}

# The fingerprint as keytool writes it.
fingerprint() {
	openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2
}

tools() {
	check "keytool lists the token" told "keytool"
	cp "$W/out" "$W/list"
	is "two entries, with keys" "$(grep -c 'PrivateKeyEntry' "$W/out")" 2
	check "one is the RSA certificate" grep -q -F "$(fingerprint "$W/rsa.crt")" "$W/list"
	ALIAS=$(grep -B 1 -F "$(fingerprint "$W/rsa.crt")" "$W/list" | sed -n 's/, PrivateKeyEntry.*//p')
	echo text >text
	jar cf a.jar text
	check "jarsigner signs with $ALIAS" told "jarsigner"
	contains "the archive is verified" "jar verified" "$(type -P jarsigner)" -verify a.jar
}

programs() {
	tls_server -tls1_3
	check "a program runs" program "$E2E_PIN" https://www.example.org/ "$W/ca.pem"
	cp "$W/out" "$W/program"
	tls_server_stop
	is "it sees two entries with keys" "$(grep -c '^entry .* true$' "$W/program")" 2
	for act in SHA256withRSA RSASSA-PSS SHA256withECDSA decryption threads; do
		is "$act" "$(grep -c " $act good\$" "$W/program")" 1
	done
	is "TLS 1.3 with both keys" "$(grep -c ' TLS good$' "$W/program")" 2
	is "and nothing goes wrong" "$(grep -c ' bad$' "$W/program")" 0
	refuse "a wrong PIN is refused" CKR_PIN_INCORRECT program 999999
}

java_programs() {
	two_keys
	section Java
	told_file card.cfg
	tools
	programs
	card_remove
}

clients_run java_programs
