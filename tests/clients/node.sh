#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Node.js with graphene: the manual's program; both kinds of keys, decryption, signatures in the thread pool, the module
# initialised twice. Debian has no graphene: where it was installed by
#   npm install --prefix DIRECTORY graphene-pk11 pkcs11js
# the test is run by
#   NODE_PATH=DIRECTORY/node_modules make check TESTS=tests/clients/node.sh
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
if ! command -v node >/dev/null || ! node -e 'require("graphene-pk11")' 2>/dev/null; then
	echo "skipped: graphene-pk11 comes from npm only; tests/clients/node.sh says how to run this by hand"
	exit 77
fi
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

programs() {
	local name
	two_keys
	section Node.js
	told_file sign.js
	seq 1 500 >data
	PIN=$E2E_PIN
	export PIN
	check "the manual's program" told "sign.js"
	check "openssl verifies its signature" openssl dgst -verify "$W/rsa.pem" -sha256 -signature data.sig data
	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in "$W/ext" -out cipher
	check "a longer program" node "$abs_top_srcdir/tests/clients/card.js" "$MODULE" "${ID[rsa]}" "${ID[ec]}"
	is "it sees a wrong PIN, and no key before the login" "$(grep -c '^good' "$W/out")" 5
	check "its decryption" cmp plain "$W/ext"
	for name in 1 2 3 4 5 6 7 8; do
		check "openssl verifies signature $name of the pool" openssl dgst -verify "$W/rsa.pem" -sha256 -signature "rsa$name.sig" data
	done
	card_remove
}

clients_run programs
