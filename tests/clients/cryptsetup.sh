#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# systemd-cryptenroll and cryptsetup: a disk that the card's RSA key unlocks.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd systemd-cryptenroll cryptsetup

# No volume is made of it: that would be the kernel's.
cryptsetup() {
	printf %s "$PIN" | command cryptsetup "$@" --test-passphrase -v
}

disk() {
	two_keys
	section "Encrypted disks"
	only_our_module
	DISK=$W/image
	truncate -s 20M "$DISK"
	printf secret >"$W/password"
	contains "systemd-cryptenroll shows the token" "$TOKEN" told "pkcs11-token-uri=list"
	check "an encrypted disk" command cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		"$DISK" "$W/password"
	PASSWORD=secret
	PIN=$E2E_PIN
	export PASSWORD PIN
	check "the card is enrolled" told 'token-uri="'
	unset PASSWORD
	contains "the card unlocks it" "Key slot 1 unlocked" told "cryptsetup open"
	PIN=999999
	refuse "a wrong PIN does not" "." told "cryptsetup open"
	PIN=$E2E_PIN
	card_remove
	refuse "nor does no card" "." told "cryptsetup open"
}

clients_run disk
