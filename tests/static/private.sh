#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tree speaks for itself: nothing in it may point to a document it does not hold, to a directory of somebody's
# machine, or to a number in a tracker that its readers cannot open.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

machine='(^|[^A-Za-z0-9_.$}*-])/(home|root|Users|work|workspace|mnt|media|scratch)/[A-Za-z]'
tracker='([Ii]ssue|[Tt]icket|[Dd]ecision) (#?[0-9]+|D[0-9]+)|\(#[0-9]+\)'

# texts ROOT: the files people write
texts()
{
	(
		cd "$1" || exit
		find . -type d \( -name .git -o -name autom4te.cache -o -name build-aux -o -name '.libs' -o -name '.deps' \
			-o -name 'build-*' -o -name corpus \) -prune -o -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' \
			-o -name '*.mk' -o -name '*.am' -o -name '*.ac' -o -name '*.in' -o -name '*.map' -o -name '*.awk' \
			-o -name '*.[1-8]' -o -name bootstrap -o -name run -o -name NEWS -o -name '.clang-*' \) -print |
			sed 's|^\./||' | grep -v -e '^Makefile\.in$' -e '^tests/static/private\.sh$' -e '^tests/lib/env\.sh$' | sort
	)
}

# violations ROOT
violations()
{
	(
		cd "$1" || exit
		files=$(texts .)
		# shellcheck disable=SC2086 # lists of files without blanks
		{
			grep -nE -- "$machine" $files /dev/null
			grep -nE -- "$tracker" $files /dev/null
			grep -noE -- '[A-Za-z0-9_-]+\.md([^A-Za-z0-9_]|$)' $files /dev/null | while IFS=: read -r file line name; do
				name=${name%"${name##*.md}"}
				[ -n "$(find . -name "$name" -not -path './.git/*' -print)" ] || echo "$file:$line: $name is not here"
			done
		} | grep .
	)
}

example()
{
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/src"
	printf '%s\n' "$1" >"$scratch/tree/src/a.c"
	: >"$scratch/tree/README.md"
	violations "$scratch/tree" >"$scratch/out"
}

bad()
{
	example "$1"
	if [ -s "$scratch/out" ]; then pass "refuses $1"; else fail "refuses $1"; fi
}

good()
{
	example "$1"
	if [ -s "$scratch/out" ]; then fail "takes $1" "$(cat "$scratch/out")"; else pass "takes $1"; fi
}

scratch

bad '/* see /home/somebody/notes */'
bad '/* in /work/notes */'
bad '/* issue 12 */'
bad '/* as in issue #12 */'
bad '/* decision D3 */'
bad '/* notes.md section 2 */'
good '/* README.md has the numbers */'
good '/* /usr/lib/pkcs11 */'
good '/* SP 800-73-4 part 2, 3.1.1 */'

violations "$abs_top_srcdir" >"$scratch/out"
if [ -s "$scratch/out" ]; then
	fail "the tree needs nothing that it does not hold" "$(cat "$scratch/out")"
else
	pass "the tree needs nothing that it does not hold"
fi

finish
