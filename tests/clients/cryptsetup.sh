#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# systemd-cryptenroll and cryptsetup: a disk that the card's RSA key unlocks.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd systemd-cryptenroll cryptsetup

disk() {
	two_keys
	only_our_module
	truncate -s 20M "$W/image"
	printf secret >"$W/password"
	contains "systemd-cryptenroll shows the token" "$TOKEN" systemd-cryptenroll --pkcs11-token-uri=list
	check "an encrypted disk" cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		"$W/image" "$W/password"
	check "the card is enrolled" env PASSWORD=secret PIN="$E2E_PIN" systemd-cryptenroll \
		--pkcs11-token-uri="$URI;id=%${ID[rsa]}" "$W/image"
	contains "the card unlocks it" "Key slot 1 unlocked" sh -c \
		"printf %s '$E2E_PIN' | cryptsetup open --test-passphrase --token-only -v '$W/image'"
	refuse "a wrong PIN does not" "." sh -c "printf 999999 | cryptsetup open --test-passphrase --token-only -v '$W/image'"
	card_remove
	refuse "nor does no card" "." sh -c "printf %s '$E2E_PIN' | cryptsetup open --test-passphrase --token-only -v '$W/image'"
}

clients_run disk
