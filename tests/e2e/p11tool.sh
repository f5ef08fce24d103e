#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# p11-kit and p11tool with only our module file configured. P-151
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11tool p11-kit mount

# two_tokens URI: a second card of this kind, in the other reader, has another serial number, and each URI names one of them
two_tokens() {
	local uris
	"$VCARD_PERSO" create "$W/second.card" && "$VCARD_PERSO" format "$W/second.card" --pin 11111111 || exit 1
	ln -s "$W/second.card" "$W/readers/Virtual Reader B/card"
	uris=$(p11tool --list-token-urls | grep -i gids)
	is "two tokens are listed" "$(echo "$uris" | wc -l)" 2
	is "of one model" "$(echo "$uris" | sed 's/.*model=\([^;]*\).*/\1/' | sort -u | wc -l)" 1
	is "with two serial numbers" "$(echo "$uris" | sed 's/.*serial=\([^;]*\).*/\1/' | sort -u | wc -l)" 2
	is "the first one's URI is the same" "$(echo "$uris" | grep -c -x -F "$1")" 1
	is "it has its two certificates" "$(p11tool --list-all-certs --only-urls "$1" | grep -c '^pkcs11:')" 2
	is "the other has none" \
		"$(p11tool --list-all-certs --only-urls "$(echo "$uris" | grep -v -x -F "$1")" 2>/dev/null | grep -c '^pkcs11:')" 0
	check "by the serial number alone it signs" p11tool --login --test-sign \
		"pkcs11:$(echo "$1" | grep -o 'serial=[^;]*');object=rsakey;type=private"
	rm "$W/readers/Virtual Reader B/card"
}

kit() {
	local uri
	make_opensc_card
	add_ec_key 1
	only_our_module
	export GNUTLS_PIN=$E2E_PIN

	contains "p11-kit lists the module" "^minidriver-pkcs11:" p11-kit list-modules
	is "and no other" "$(p11-kit list-modules | grep -c '^[^ ].*:')" 1
	contains "p11-kit sees the token" "token:" p11-kit list-modules
	uri=$(p11tool --list-token-urls | grep -i gids | head -n 1)
	contains "the token has a serial" "serial=" echo "$uri"
	contains "--list-all shows certificate and public key" "type=cert" p11tool --list-all --only-urls "$uri"
	contains "--login --list-all shows the private key" "type=private" p11tool --login --list-all --only-urls "$uri"
	check "--export gives the certificate" sh -c "p11tool --export '$uri;object=rsakey;type=cert' | \
		openssl x509 -outform DER | cmp - '$W/rsa.der'"
	check "--test-sign RSA" p11tool --login --test-sign "$uri;object=rsakey;type=private"
	check "--test-sign RSA-PSS" p11tool --login --test-sign --hash SHA256 --sign-params=RSA-PSS "$uri;object=rsakey;type=private"
	check "--test-sign ECDSA" p11tool --login --test-sign "$uri;object=eckey;type=private"
	contains "the p11-kit proxy shows the token" "token label" \
		pkcs11-tool --module "$(find /usr/lib -name p11-kit-proxy.so | head -n 1)" -L
	[ "$MODE" = pcscd ] || two_tokens "$uri"
	card_remove
}

e2e_run kit
