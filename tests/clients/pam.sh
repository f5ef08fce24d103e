#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# pam_pkcs11: a login at the machine with the card.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd pamtester mount

configure_pam() {
	mkdir -p "$W/pam" "$W/etc/cacerts" "$W/etc/crls"
	cp -r /etc/pam.d/. "$W/pam/"
	echo "auth required pam_pkcs11.so" >"$W/pam/p11test"
	mount --bind "$W/pam" /etc/pam.d
	cp "$W/ca.pem" "$W/etc/cacerts/"
	openssl rehash "$W/etc/cacerts"
	told_file /etc/pam_pkcs11/pam_pkcs11.conf
	mv pam_pkcs11.conf "$W/etc"
	mount --bind "$W/etc" /etc/pam_pkcs11
}

login_as() {	# login_as PIN
	printf '%s\n' "$1" | pamtester -v p11test root authenticate
}

machine() {
	two_keys
	section pam_pkcs11
	configure_pam
	echo "Alice rsa -> root" >/etc/pam_pkcs11/cn_map
	contains "the card lets its owner in" "successfully authenticated" eval "login_as $E2E_PIN"
	refuse "not with a wrong PIN" "." eval "login_as 999999"
	echo "Alice rsa -> nobody" >/etc/pam_pkcs11/cn_map
	refuse "and nobody else" "." eval "login_as $E2E_PIN"
	umount /etc/pam.d /etc/pam_pkcs11
	card_remove
}

clients_run machine
