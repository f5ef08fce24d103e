#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# p11-kit and p11tool with only our module file configured. P-151
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11tool p11-kit mount

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
	card_remove
}

e2e_run kit
