#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The exchanges that everyday acts may cost, on a card with one RSA-2048 key and on a PIV card: a test fails when one of ours grows.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
reader="$work/readers/Virtual Reader"

[ "$INSTRUMENTED" = no ] || { echo "skipped: an instrumented module cannot be loaded by other programs"; exit 77; }
mkdir -p "$reader"
"$VCARD_PERSO" create "$work/card"
"$VCARD_PERSO" format "$work/card" --pin 123456
"$VCARD_PERSO" keygen "$work/card" --pin 123456 --index 0 --alg rsa2048 --kind exchange --name key --default
ln -s "$work/card" "$reader/card"
VCARD_READERS="$work/readers" LD_LIBRARY_PATH="$PCSC_VCARD_DIR" \
	"$abs_top_builddir/tests/bench/acts" --check "$reader/stats" 123456 "$MODULE"
rm "$reader/card"
"$VCARD_PERSO" create "$work/piv" --applications piv --piv-quirks applet
"$VCARD_PERSO" piv "$work/piv"
ln -s "$work/piv" "$reader/card"
ACTS_ID=01 VCARD_READERS="$work/readers" LD_LIBRARY_PATH="$PCSC_VCARD_DIR" \
	"$abs_top_builddir/tests/bench/acts" --check-piv "$reader/stats" 123456 "$MODULE"
