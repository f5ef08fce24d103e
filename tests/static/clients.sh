#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What minidriver-pkcs11-clients(7) tells users to type is run by a test: each of its sections with commands or files is
# some test's, and that test fails when it has not used all of the section.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need awk

page="$abs_top_srcdir/man/minidriver-pkcs11-clients.7.in"

# untested PAGE TESTS: sections of the page that no test in the directory names
untested()
{
	sed -n 's/^\.Ss //p' "$1" | while read -r name; do
		grep -qxE "[[:space:]]*section \"?$name\"?" "$2"/*.sh || echo "$name"
	done
}

# tested PAGE TESTS: there are none
tested()
{
	untested "$1" "$2" >"$scratch/untested"
	[ ! -s "$scratch/untested" ] || { echo "in no test: $(cat "$scratch/untested")"; return 1; }
}

# plain PAGE: no character that a manual page would show as another one
plain()
{
	! awk '/^\.Bd/ { block = 1 } /^\.Ed/ { block = 0 } block && /['\''~]/' "$1" | grep .
}

scratch

mkdir -p "$scratch/bad"
printf '.Ss Nobody\n.Bd -literal\n$ nobody ~\n.Ed\n' >"$scratch/bad/page"
printf 'section Somebody\n' >"$scratch/bad/test.sh"
check_fails "sees a section without a test" tested "$scratch/bad/page" "$scratch/bad"
check_fails "sees a tilde" plain "$scratch/bad/page"

check "every section has its test" tested "$page" "$abs_top_srcdir/tests/clients"
check "commands can be copied" plain "$page"

finish
