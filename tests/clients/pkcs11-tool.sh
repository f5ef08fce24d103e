#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# OpenSC's pkcs11-tool: what a user types, and its own tests of a module: operations, fork, threads.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd

pkcs11-tool() {
	case $* in
	*--login*) command pkcs11-tool --pin "$E2E_PIN" "$@" ;;
	*) command pkcs11-tool "$@" ;;
	esac
}

tool() {
	case $* in
	*--login*) command pkcs11-tool --pin "$E2E_PIN" "$@" ;;
	*) command pkcs11-tool "$@" ;;
	esac
}

# Threads that call C_Initialize at the same time, then list slots, open sessions, log in and sign.
threads() {
	pkcs11-tool --module "$M" --use-locking --login --test-threads ILGISLT0 --test-threads ILGISLT0 >"$W/threads" 2>&1
	cat "$W/threads" >/tmp/N-threads; 	grep -c 'ended with CKR_OK' "$W/threads"
}

tool() {
	two_keys
	section pkcs11-tool
	seq 1 500 >data
	contains "it lists the token" "token label *: $TOKEN" told "-L -O"
	contains "and its objects" "Certificate Object" told "-L -O"
	check "it signs" told "--sign"
	check "openssl verifies it" openssl dgst -sha256 -verify "$W/rsa.pem" -signature data.sig data
	head -c 30 data >short
	openssl pkeyutl -encrypt -pubin -inkey "$W/rsa.pem" -in short -out cipher
	check "it decrypts" told "--decrypt"
	check "the message" cmp short plain
	check "it signs with the key on a curve" pkcs11-tool --module "$M" --login --sign -m ECDSA-SHA256 \
		--signature-format openssl --id "${ID[ec]}" -i data -o data.sig
	check "openssl verifies it" openssl dgst -sha256 -verify "$W/ec.pem" -signature data.sig data
	contains "its tests find nothing" "No errors" told "--login --test"
	is "and are tests" "$(grep -c 'not implemented' "$W/out")" 0
	check "a child after a fork" pkcs11-tool --module "$M" --login --test-fork
	contains "threads that race into C_Initialize" "all threads have ended with CKR_OK" pkcs11-tool --module "$M" --use-locking \
		--test-threads ILGISLT0 --test-threads ILGISLT0 --login --test
	card_remove
}

clients_run tool
