#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Firefox ESR: TLS 1.3 and 1.2 client authentication with an RSA and an EC key of the card.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd firefox-esr mount /usr/bin/python3

browser() {
	local policies
	two_keys
	server_certificate
	check "the browser's part" timeout 150 /usr/bin/python3 "$abs_top_srcdir/tests/clients/firefox.py" "$MODULE" "$E2E_PIN" "$W"
	grep -E '^(not )?ok - ' "$W/out"
	is "all of it was seen" "$(grep -c '^ok - ' "$W/out")" 10
	policies=$(readlink -f "$(dirname "$(readlink -f "$(command -v firefox-esr)")")/distribution")
	mkdir "$W/distribution"
	echo "{\"policies\":{\"SecurityDevices\":{\"Add\":{\"Smart card\":\"$MODULE\"}}}}" >"$W/distribution/policies.json"
	mount --bind "$W/distribution" "$policies"
	check "the machine's policy" timeout 60 /usr/bin/python3 "$abs_top_srcdir/tests/clients/firefox.py" "$MODULE" - "$W"
	umount "$policies"
	card_remove
}

clients_run browser
