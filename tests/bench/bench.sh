#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make bench: what everyday acts cost, beside OpenSC, on the same virtual cards in one run. BENCH_LATENCY is the reader's
# model as libpcsc-vcard.so takes it (VCARD_LATENCY): microseconds per exchange, nanoseconds per byte.
set -eu

opensc=$(find /usr/lib -name opensc-pkcs11.so -not -path '*/pkcs11/*' 2>/dev/null | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
reader="$work/readers/Virtual Reader"
pin=123456

mkdir -p "$reader"
export VCARD_READERS="$work/readers"
# 20 ms for an exchange, and 344 kbit/s: what a median USB reader and card need
export VCARD_LATENCY="${BENCH_LATENCY:-20000,23000}"
export LD_LIBRARY_PATH="$PCSC_VCARD_DIR"

card() {	# card NAME: a formatted card with one RSA-2048 key
	"$VCARD_PERSO" create "$work/$1"
	"$VCARD_PERSO" format "$work/$1" --pin $pin
	"$VCARD_PERSO" keygen "$work/$1" --pin $pin --index 0 --alg rsa2048 --kind exchange --name key --default
}

certificate() {	# certificate NAME: one for container 0
	"$VCARD_PERSO" pubkey "$work/$1" --index 0 >"$work/key.pem"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 2 -subj "/CN=Test CA" 2>/dev/null
	openssl x509 -new -force_pubkey "$work/key.pem" -subj "/CN=Alice" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 2 \
		-outform DER -out "$work/cert.der" 2>/dev/null
	"$VCARD_PERSO" cert "$work/$1" --pin $pin --index 0 --der "$work/cert.der"
}

measure() {	# measure NAME: the table for one card
	rm -f "$reader/card" "$reader/stats"
	ln -s "$work/$1" "$reader/card"
	if [ -n "$opensc" ]; then
		"$abs_top_builddir/tests/bench/acts" "$reader/stats" $pin "minidriver-pkcs11=$MODULE" "OpenSC=$opensc"
	else
		"$abs_top_builddir/tests/bench/acts" "$reader/stats" $pin "minidriver-pkcs11=$MODULE"
	fi
}

piv() {	# the same acts on the reference card of PIV, beside all that serve it
	ykcs11=$(find /usr/lib -name 'libykcs11.so*' 2>/dev/null | sort | tail -n 1)
	# libykcs11 before 2.3 looks at no other readers
	reader="$work/readers/Yubico Virtual Reader"
	rm -rf "$work/readers"
	mkdir -p "$reader"
	"$VCARD_PERSO" create "$work/piv" --applications piv --piv-quirks applet
	"$VCARD_PERSO" piv "$work/piv"
	ln -s "$work/piv" "$reader/card"
	set -- "minidriver-pkcs11=$MODULE"
	[ -z "$opensc" ] || set -- "$@" "OpenSC=$opensc"
	[ -z "$ykcs11" ] || set -- "$@" "ykcs11=$ykcs11"
	ACTS_ID=01 "$abs_top_builddir/tests/bench/acts" "$reader/stats" $pin "$@"
}

card plain
echo "One RSA-2048 key, no certificate (latency model $VCARD_LATENCY)"
echo
measure plain
cp "$work/plain" "$work/withcert"
certificate withcert
echo
echo "The same with its certificate ($(wc -c <"$work/cert.der") bytes)"
echo
measure withcert
echo
echo "A PIV card with four keys and certificates; the key with CKA_ID 01, RSA-2048, signs"
echo
piv
