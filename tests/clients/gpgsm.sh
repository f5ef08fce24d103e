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
	printf '%s\n' "scdaemon-program $(command -v gnupg-pkcs11-scd)" "pinentry-program $W/pinentry" >"$GNUPGHOME/gpg-agent.conf"
	printf '%s\n' "providers p1" "provider-p1-library $MODULE" >"$GNUPGHOME/gnupg-pkcs11-scd.conf"
	echo disable-crl-checks >"$GNUPGHOME/gpgsm.conf"
	openssl x509 -in "$W/ca.pem" -noout -fingerprint -sha1 | sed 's/.*=//;s/$/ S relax/' >"$GNUPGHOME/trustlist.txt"
}

# Every second signature begins with a high bit, and gnupg-pkcs11-scd puts a zero byte before it, which openssl does not take.
sign() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		echo "$i" >>"$W/data"
		gpgsm --yes --sign -u "0x$1" --output "$W/signed" "$W/data" || return 1
		openssl cms -verify -binary -inform DER -in "$W/signed" -CAfile "$W/ca.pem" -purpose any -out "$W/plain" && return 0
	done
	return 1
}

mail() {
	local sha1
	two_keys
	configure_gnupg
	seq 1 500 >"$W/data"
	check "the authority is imported" gpgsm --import "$W/ca.pem"
	check "the agent learns the card" gpg-connect-agent 'SCD LEARN --force' /bye
	check "gpgsm learns the certificates" gpgsm --learn-card
	contains "it knows Alice" "Alice rsa" gpgsm --list-keys
	sha1=$(openssl x509 -in "$W/rsa.crt" -noout -fingerprint -sha1 | sed 's/.*=//;s/://g')
	check "gpgsm signs, openssl verifies" sign "$sha1"
	check "the message" cmp "$W/data" "$W/plain"
	openssl cms -encrypt -binary -aes128 -in "$W/data" -outform DER -out "$W/cipher" "$W/rsa.crt"
	check "gpgsm decrypts" gpgsm --yes --output "$W/decrypted" --decrypt "$W/cipher"
	check "the message" cmp "$W/data" "$W/decrypted"
	is "the PIN was asked once" "$(wc -l <"$W/asked")" 1
	gpgconf --kill gpg-agent
	card_remove
}

clients_run mail
