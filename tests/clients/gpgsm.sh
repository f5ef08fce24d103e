#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# GnuPG's S/MIME through gnupg-pkcs11-scd: signing and decrypting mail.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd gpgsm gpg-agent gpg-connect-agent gnupg-pkcs11-scd

configure_gnupg() {
	export GNUPGHOME="$W/gnupg"
	mkdir -m 700 "$GNUPGHOME"
	cat >"$W/pinentry" <<-PROGRAM
		#!/bin/sh
		echo OK
		while read -r command rest; do
			case \$command in
			GETPIN) echo asked >>$W/asked; echo D $E2E_PIN; echo OK ;;
			BYE) echo OK; exit ;;
			*) echo OK ;;
			esac
		done
	PROGRAM
	chmod 700 "$W/pinentry"
	: >"$W/asked"
	told_file gpg-agent.conf
	echo "pinentry-program $W/pinentry" >>gpg-agent.conf
	told_file gnupg-pkcs11-scd.conf
	mv gpg-agent.conf gnupg-pkcs11-scd.conf "$GNUPGHOME"
	echo disable-crl-checks >"$GNUPGHOME/gpgsm.conf"
	openssl x509 -in "$W/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//;s/$/ S relax/' >"$GNUPGHOME/trustlist.txt"
}

gpgsm() {
	command gpgsm --yes "$@"
}

# Every second signature begins with a high bit, and gnupg-pkcs11-scd puts a zero byte before it, which openssl does not take.
sign() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		echo "$i" >>mail
		told "gpgsm --sign" || return 1
		openssl cms -verify -binary -inform DER -in mail.p7m -CAfile "$W/ca.pem" -purpose any -out plain && return 0
	done
	return 1
}

mail() {
	two_keys
	section GnuPG
	configure_gnupg
	seq 1 500 >mail
	check "the authority is imported" gpgsm --import "$W/ca.pem"
	check "the agent learns the card" told "SCD LEARN"
	check "gpgsm learns the certificates" told "gpgsm --learn-card"
	contains "it knows Alice" "Alice rsa" told "gpgsm --list-keys"
	check "gpgsm signs, openssl verifies" sign
	check "the message" cmp mail plain
	openssl cms -encrypt -binary -aes128 -in plain -outform DER -out mail.p7m "$W/rsa.crt"
	check "gpgsm decrypts" told "gpgsm --decrypt"
	check "the message" cmp plain mail
	is "the PIN was asked once" "$(wc -l <"$W/asked")" 1
	gpgconf --kill gpg-agent
	card_remove
}

clients_run mail
