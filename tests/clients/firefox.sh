#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Firefox ESR: TLS 1.3 and 1.2 client authentication with an RSA and an EC key of the card.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd firefox-esr modutil certutil mount /usr/bin/python3

# lists WHAT: Firefox is started and asked for its modules
lists() {
	check "$1" timeout 60 /usr/bin/python3 "$abs_top_srcdir/tests/clients/firefox.py" "$MODULE" - "$W"
}

browser() {
	local policies
	two_keys
	section Firefox
	server_certificate
	check "the browser's part" timeout 150 /usr/bin/python3 "$abs_top_srcdir/tests/clients/firefox.py" "$MODULE" "$E2E_PIN" "$W"
	grep -E '^(not )?ok - ' "$W/out"
	is "all of it was seen" "$(grep -c '^ok - ' "$W/out")" 10
	rm -r "$W/profile"
	PROFILE="$W/profile"
	mkdir "$PROFILE"
	certutil -N -d "sql:$PROFILE" --empty-password
	check "modutil adds the module" told "modutil"
	lists "Firefox has it"
	rm -r "$W/profile"
	policies=$(readlink -f "$(dirname "$(readlink -f "$(command -v firefox-esr)")")/distribution")
	mkdir "$W/distribution"
	told_file policies.json
	mv policies.json "$W/distribution"
	mount --bind "$W/distribution" "$policies"
	lists "the machine's policy"
	umount "$policies"
	card_remove
}

clients_run browser
