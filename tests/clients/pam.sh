#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# pam_pkcs11: a login at the machine with the card.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd pamtester mount

configure_pam() {
	mkdir -p "$W/pam" "$W/cacerts" "$W/crls"
	cp -r /etc/pam.d/. "$W/pam/"
	echo "auth required pam_pkcs11.so config_file=$W/pam_pkcs11.conf" >"$W/pam/p11test"
	mount --bind "$W/pam" /etc/pam.d
	cp "$W/ca.pem" "$W/cacerts/"
	openssl rehash "$W/cacerts"
	# it wants a module that only root can write, wherever the build is
	install -m 644 "$MODULE" "$W/module.so"
	cat >"$W/pam_pkcs11.conf" <<-CONF
		pam_pkcs11 {
			card_only = true;
			wait_for_card = false;
			use_pkcs11_module = undertest;
			pkcs11_module undertest {
				module = $W/module.so;
				slot_description = "none";
				ca_dir = $W/cacerts;
				crl_dir = $W/crls;
				cert_policy = ca,signature;
			}
			use_mappers = cn;
			mapper cn {
				module = internal;
				mapfile = file://$W/mapping;
			}
		}
	CONF
}

login_as() {	# login_as PIN
	printf '%s\n' "$1" | pamtester -v p11test root authenticate
}

machine() {
	two_keys
	configure_pam
	echo "Alice rsa -> root" >"$W/mapping"
	contains "the card lets its owner in" "successfully authenticated" eval "login_as $E2E_PIN"
	refuse "not with a wrong PIN" "." eval "login_as 999999"
	echo "Alice rsa -> nobody" >"$W/mapping"
	refuse "and nobody else" "." eval "login_as $E2E_PIN"
	umount /etc/pam.d
	card_remove
}

clients_run machine
