#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# p11-kit: the module served to another process, as into a container.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd p11-kit p11tool

remote_tool() {
	P11_KIT_SERVER_ADDRESS="unix:path=$W/p11.sock" pkcs11-tool --module "$CLIENT" "$@"
}

remoting() {
	two_keys
	CLIENT=$(find /usr/lib -name p11-kit-client.so | head -n 1)
	[ -n "$CLIENT" ] || skip "p11-kit-client.so is not installed"
	p11-kit server --provider "$MODULE" -f -n "$W/p11.sock" "$URI" >"$W/p11.log" 2>&1 &
	wait_for 10 test -S "$W/p11.sock"
	contains "the token is there" "$TOKEN" remote_tool -L
	contains "with its mechanisms" "RSA-PKCS-PSS" remote_tool -M
	contains "and its objects" "${LABEL[rsa]}" remote_tool -O
	seq 1 5 >"$W/data"
	check "a signature" remote_tool --login --pin "$E2E_PIN" --sign --id "${ID[rsa]}" -m RSA-PKCS -i "$W/data" -o "$W/sig"
	check "openssl recovers the data" sh -c \
		"openssl pkeyutl -verifyrecover -pubin -inkey '$W/rsa.pem' -in '$W/sig' | cmp - '$W/data'"
	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/data" -out "$W/cipher"
	check "a decryption" remote_tool --login --pin "$E2E_PIN" --decrypt --id "${ID[rsa]}" -m RSA-PKCS -i "$W/cipher" -o "$W/plain"
	check "the message" cmp "$W/data" "$W/plain"
	refuse "a wrong PIN is a wrong PIN" CKR_PIN_INCORRECT remote_tool --login --pin 999999 -O
	card_remove
}

clients_run remoting
