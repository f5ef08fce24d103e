#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each statement of the reference is named by the tests that show it, or left out with a reason, and the table says so.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need awk

table="$abs_top_srcdir/tests/statements/table.sh"
least_pkcs11=140
least_minidriver=140
least_piv=36

# table_is_current LIST TABLE PREFIX: what is written is what would be written now; faults are another check
table_is_current()
{
	sh "$table" "$3" 0 "$1" "$abs_top_srcdir" 2>/dev/null | diff "$2" - ||
		{ echo "make statements writes it anew"; return 1; }
}

# complete PREFIX LEAST LIST ROOT
complete()
{
	sh "$table" "$@" >/dev/null
}

# The checks themselves, over a small tree.
scratch
mkdir -p "$scratch/tests/unit"
cat >"$scratch/tests/unit/test_a.c" <<'X'
/* X-001 is the whole file's */
#include <stdio.h>
/* X-002..X-004, X-900: a range, and something that is no statement */
static void
test_a(void)
{
	/* X-006, and X-005's length */
}
X
printf '#!/bin/sh\n# X-007, AX-008\n' >"$scratch/tests/unit/b.sh"
for n in 1 2 3 4 6 7; do
	echo "X-00$n|statement $n"
done >"$scratch/good"
echo 'X-008|another|left out: for a reason' >>"$scratch/good"

check "takes a complete list" complete X 6 "$scratch/good" "$scratch"
sh "$table" X 6 "$scratch/good" "$scratch" >"$scratch/table"
check "names file and function" grep -qxF '| X-003 | statement 3 | tests/unit/test_a.c test_a |' "$scratch/table"
check "sees a number inside a function" grep -qxF '| X-006 | statement 6 | tests/unit/test_a.c test_a |' "$scratch/table"
check "sees one for a file" grep -qxF '| X-001 | statement 1 | tests/unit/test_a.c |' "$scratch/table"
check "sees one in a script" grep -qxF '| X-007 | statement 7 | tests/unit/b.sh |' "$scratch/table"
check "gives the reason" grep -qxF '| X-008 | another | left out: for a reason |' "$scratch/table"
check_fails "counts" complete X 7 "$scratch/good" "$scratch"
{ cat "$scratch/good"; echo 'X-005|nobody shows it'; } >"$scratch/bad"
check_fails "sees one that nobody names" complete X 6 "$scratch/bad" "$scratch"
sed '/X-007/s/$/|left out: and named/' "$scratch/good" >"$scratch/bad"
check_fails "sees one that is left out and named" complete X 5 "$scratch/bad" "$scratch"
{ cat "$scratch/good"; echo 'X-001|a second time'; } >"$scratch/bad"
check_fails "sees one that is listed twice" complete X 6 "$scratch/bad" "$scratch"

list="$abs_top_srcdir/tests/statements/pkcs11.txt"
check "the PKCS#11 list is complete" complete P "$least_pkcs11" "$list" "$abs_top_srcdir"
check "its table is current" table_is_current "$list" "$abs_top_srcdir/tests/statements/table.md" P
list="$abs_top_srcdir/tests/statements/minidriver.txt"
check "the minidriver list is complete" complete R "$least_minidriver" "$list" "$abs_top_srcdir"
check "its table is current, too" table_is_current "$list" "$abs_top_srcdir/tests/statements/minidriver.md" R
list="$abs_top_srcdir/tests/statements/piv.txt"
check "the PIV list is complete" complete S "$least_piv" "$list" "$abs_top_srcdir"
check "and its table current" table_is_current "$list" "$abs_top_srcdir/tests/statements/piv.md" S

finish
