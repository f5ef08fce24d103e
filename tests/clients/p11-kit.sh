#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# p11-kit: the registration, the proxy for programs with one module, and the token lent to another process, as into a
# container.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11-kit

pkcs11-tool() {
	case $* in
	*--login*) command pkcs11-tool --pin "$E2E_PIN" "$@" ;;
	*) command pkcs11-tool "$@" ;;
	esac
}

registered() {
	only_our_module
	told_file minidriver-pkcs11.module
	cp minidriver-pkcs11.module "$W/modules"
	contains "the module is listed" "^minidriver-pkcs11:" told "list-modules"
	contains "with its token" "token: $TOKEN" told "list-modules"
	contains "the proxy has the token" "token label *: $TOKEN" told "p11-kit-proxy.so"
	check "the proxy signs" pkcs11-tool --module p11-kit-proxy.so --login --sign --id "$KEYID" -m SHA256-RSA-PKCS \
		-i "$W/data" -o "$W/sig"
	check "openssl verifies it" openssl dgst -sha256 -verify "$W/rsa.pem" -signature "$W/sig" "$W/data"
}

remote_tool() {
	pkcs11-tool --module "$(dirname "$M")/p11-kit-client.so" "$@"
}

lent() {
	told_aside "p11-kit server" >"$W/p11.log" 2>&1
	wait_for 10 test -S "$HOME/p11.sock"
	told "P11_KIT_SERVER_ADDRESS"
	contains "the token is there" "$TOKEN" remote_tool -L
	contains "with its mechanisms" "RSA-PKCS-PSS" remote_tool -M
	contains "and its keys" "Private Key Object; RSA" told "p11-kit-client.so"
	contains "its certificates without a PIN" "${LABEL[rsa]}" remote_tool -O
	check "a signature" remote_tool --login --sign --id "$KEYID" -m RSA-PKCS -i "$W/short" -o "$W/sig"
	check "openssl recovers the data" sh -c \
		"openssl pkeyutl -verifyrecover -pubin -inkey '$W/rsa.pem' -in '$W/sig' | cmp - '$W/short'"
	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/short" -out "$W/cipher"
	check "a decryption" remote_tool --login --decrypt --id "$KEYID" -m RSA-PKCS -i "$W/cipher" -o "$W/plain"
	check "the message" cmp "$W/short" "$W/plain"
	refuse "a wrong PIN is a wrong PIN" CKR_PIN_INCORRECT remote_tool --login --pin 999999 -O
}

kit() {
	two_keys
	seq 1 500 >"$W/data"
	head -c 30 "$W/data" >"$W/short"
	section p11-kit
	registered
	lent
	card_remove
}

clients_run kit
