#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The exchanges that everyday acts may cost: this fails when one of ours grows. Cold: nothing is known of the card; warm:
# the cache on disk has it.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"
[ "$INSTRUMENTED" = no ] || skip "an instrumented module cannot be loaded by other programs"
scratch

pin=123456
reader="$scratch/readers/Virtual Reader"
mkdir -p "$reader"
export VCARD_READERS="$scratch/readers" LD_LIBRARY_PATH="$PCSC_VCARD_DIR" XDG_CACHE_HOME="$scratch/cache"

perso()
{
	"$VCARD_PERSO" "$@" || exit 1
}

insert()
{
	rm -f "$reader/card"
	ln -s "$scratch/$1" "$reader/card"
}

# acts ID ACT...: what they cost (tests/bench/acts.c)
acts()
{
	acts_id=$1
	shift
	"$abs_top_builddir/tests/bench/acts" "$reader/stats" $pin "$acts_id" "$MODULE" "$@"
}

# budget STATE ID ACT EXCHANGES
budget()
{
	budget_cost=$(acts "$2" "$3" | cut -f 2)
	if [ "${budget_cost:-9999}" -le "$4" ]; then
		pass "$1, $3: $budget_cost exchanges of $4"
	else
		fail "$1, $3: ${budget_cost:-no} exchanges, budget $4"
	fi
}

# warm ID: the cache knows what everyday acts read
warm()
{
	export MINIDRIVER_PKCS11_DISK_CACHE=yes
	acts "$1" list sign >/dev/null || fail "the cache is filled"
}

cold()
{
	export MINIDRIVER_PKCS11_DISK_CACHE=no
}

# gids N ALGORITHM: a card with N keys and no certificates is in the reader
gids()
{
	rm -f "$scratch/gids"
	perso create "$scratch/gids"
	perso format "$scratch/gids" --pin $pin
	gids_n=0
	while [ $gids_n -lt "$1" ]; do
		perso keygen "$scratch/gids" --pin $pin --index $gids_n --alg "$2" --kind exchange --name "key$gids_n"
		gids_n=$((gids_n + 1))
	done
	insert gids
}

gids 1 rsa2048
cold
budget "GIDS, cold" - slots 0
budget "GIDS, cold" - token 3
budget "GIDS, cold" - list 5
budget "GIDS, cold" - list-again 1
budget "GIDS, cold" - sign 7
budget "GIDS, cold" - sign-next 1
budget "GIDS, cold" - sign-later 5
budget "GIDS, cold" - sign-100 106
warm -
budget "GIDS, warm" - slots 0
budget "GIDS, warm" - token 3
budget "GIDS, warm" - list 3
budget "GIDS, warm" - find 3
budget "GIDS, warm" - sign 7

# Among 30 keys, which are short since they are made here, one is found for the price of one
gids 30 rsa1024
warm 1d
budget "30 keys, warm" 1d find 3
budget "30 keys, warm" 1d list 3
budget "30 keys, warm" 1d sign 7

# The reference PIV card: four keys and certificates; that of 9A, RSA-2048, signs
perso create "$scratch/piv" --applications piv --piv-quirks applet
perso piv "$scratch/piv"
insert piv
cold
budget "PIV, cold" 01 slots 0
budget "PIV, cold" 01 token 2
budget "PIV, cold" 01 list 18
budget "PIV, cold" 01 list-again 5
budget "PIV, cold" 01 sign 9
budget "PIV, cold" 01 sign-next 3
budget "PIV, cold" 01 sign-later 7
# three, and the first piece of each certificate that is listed
warm 01
budget "PIV, warm" 01 token 2
budget "PIV, warm" 01 list 7
budget "PIV, warm" 01 sign 7
budget "PIV, warm" 01 sign-later 7

finish
