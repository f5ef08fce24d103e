#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PyKCS11: the manual's program; return codes as a program in another language sees them, and signatures from several
# threads.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd /usr/bin/python3

# Debian's own, which has Debian's packages; the PIN is typed.
python3() {
	timeout 60 /usr/bin/python3 "$abs_top_srcdir/tests/clients/typed.py" "$E2E_PIN" /usr/bin/python3 "$@"
}

programs() {
	/usr/bin/python3 -c 'import PyKCS11' 2>/dev/null || skip "python3-pykcs11 is not installed"
	two_keys
	section Python
	told_file sign.py
	seq 1 500 >data
	check "the manual's program" told "sign.py"
	check "openssl verifies its signature" openssl dgst -verify "$W/rsa.pem" -sha256 -signature data.sig data
	check "the program's checks" /usr/bin/python3 "$abs_top_srcdir/tests/clients/card.py" "$MODULE" "$E2E_PIN" "$W" "$KEYID"
	is "all of them were made" "$(grep -c '^checked' "$W/out")" 13
	for name in rsa1 rsa2 rsa3 rsa4; do
		check "openssl verifies $name" openssl dgst -verify "$W/rsa.pem" -sha256 -signature "$W/$name.sig" "$W/$name.data"
	done
	card_remove
}

clients_run programs
