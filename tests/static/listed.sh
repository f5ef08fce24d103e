#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every source and every test of the tree is in a build list: nothing is left out of the build, the tests or the release.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

# unlisted ROOT: files that no list names; a test program is listed by its name without .c, and what configure makes of
# an .in file beside it is not a source
unlisted()
{
	(
		cd "$1" || exit
		cat Makefile.am cardlib/local.mk src/local.mk tests/vcard/local.mk tests/local.mk 2>/dev/null |
			grep -v '^#' | tr -s '[:blank:]' '\n' | sort -u >"$scratch/listed"
		find include cardlib src tests \( -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' \) | sort | while read -r file; do
			[ ! -e "$file.in" ] || continue
			grep -qxF -e "$file" -e "${file%.c}" "$scratch/listed" || echo "$file"
		done
	)
}

scratch

mkdir -p "$scratch/bad/src" "$scratch/bad/tests/unit" "$scratch/bad/include" "$scratch/bad/cardlib"
: >"$scratch/bad/src/a.c"
: >"$scratch/bad/src/b.c"
: >"$scratch/bad/tests/unit/test_c.c"
printf 'x = src/a.c\n' >"$scratch/bad/src/local.mk"
printf 'x = tests/unit/test_c\n' >"$scratch/bad/tests/local.mk"
if [ "$(unlisted "$scratch/bad")" = src/b.c ]; then pass "sees a forgotten file"; else fail "sees a forgotten file"; fi

rest=$(unlisted "$abs_top_srcdir")
if [ -z "$rest" ]; then pass "every file is listed"; else fail "every file is listed" "$rest"; fi

finish
