#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Java's SunPKCS11: what keytool lists, and signatures of a program. P-154
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd java javac keytool

token_store() {
	timeout 60 keytool -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 "$@" -keystore NONE -storetype PKCS11 \
		-addprovider SunPKCS11 -providerArg "$W/java.cfg"
}

# The fingerprint as keytool writes it.
fingerprint() {
	openssl x509 -inform DER -in "$1" -noout -fingerprint -sha256 | cut -d= -f2
}

program() {
	timeout 100 java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$abs_top_srcdir/tests/e2e/Card.java" "$W/java.cfg" "$1"
}

java_programs() {
	make_opensc_card
	add_ec_key 1
	printf 'name = undertest\nlibrary = %s\n' "$MODULE" >"$W/java.cfg"

	check "keytool lists the token" token_store -list -v -storepass "$E2E_PIN"
	cp "$W/out" "$W/list"
	is "keytool lists two entries" "$(grep -c '^Alias name:' "$W/list")" 2
	is "both are keys with certificates" "$(grep -c '^Entry type: PrivateKeyEntry' "$W/list")" 2
	check "one is the RSA certificate" grep -q -F "$(fingerprint "$W/rsa.der")" "$W/list"
	check "one is the EC certificate" grep -q -F "$(fingerprint "$W/ec.der")" "$W/list"

	check "a program runs" program "$E2E_PIN"
	cp "$W/out" "$W/program"
	is "it sees two entries with keys" "$(grep -c '^entry .* true$' "$W/program")" 2
	for algorithm in SHA256withRSA RSASSA-PSS SHA256withECDSA; do
		is "it signs with $algorithm" "$(grep -c " $algorithm good\$" "$W/program")" 1
	done
	is "and nothing goes wrong" "$(grep -c ' bad$' "$W/program")" 0
	refuse "a wrong PIN is refused" CKR_PIN_INCORRECT program 999999
	card_remove
}

e2e_run java_programs
