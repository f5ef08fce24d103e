#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tidy.sh COMPILER-FLAGS...: clang-tidy and cppcheck over every source of the tree, two processes at a time.
# Leaves compile_commands.json in the build directory, which editors like too.
set -eu

for tool in clang-tidy cppcheck; do
	command -v "$tool" >/dev/null || { echo "tidy: $tool is not installed" >&2; exit 1; }
done

cd "$abs_top_builddir"
sources=$(cd "$abs_top_srcdir" && find cardlib src tests -name '*.c' | sort)
[ -n "$sources" ] || { echo "tidy: no sources" >&2; exit 1; }

json_string()
{
	printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# One argument list serves every file; cc stands for any compiler.
arguments='"cc"'
for flag in "$@"; do
	arguments="$arguments, $(json_string "$flag")"
done

{
	separator='['
	for source in $sources; do
		printf '%s\n{ "directory": %s, "file": %s, "arguments": [%s, "-c", %s] }' "$separator" \
			"$(json_string "$abs_top_builddir")" "$(json_string "$abs_top_srcdir/$source")" \
			"$arguments" "$(json_string "$abs_top_srcdir/$source")"
		separator=','
	done
	printf '\n]\n'
} >compile_commands.json

status=0

printf '%s\n' "$sources" | sed "s|^|$abs_top_srcdir/|" |
	xargs -P 2 -n 1 clang-tidy --quiet -p . --header-filter="^$abs_top_srcdir/" 2>tidy.err || status=1
grep -v -e 'warnings\{0,1\} generated' -e '^Suppressed ' -e '^Use -header-filter' tidy.err || :
[ $status -eq 0 ] || echo "tidy: clang-tidy is not content" >&2

# cppcheck follows no system headers; what it cannot know from there is not worth a word.
# It takes quotes for the shell's, so those that are meant are escaped once more.
mkdir -p cppcheck-work
sed 's/\\"/\\\\\\"/g' compile_commands.json >cppcheck-work/commands.json
cppcheck --project=cppcheck-work/commands.json --cppcheck-build-dir=cppcheck-work -j 2 --quiet --error-exitcode=1 \
	--enable=warning,performance,portability --inline-suppr --std=c11 \
	--suppress=missingIncludeSystem --suppress=unmatchedSuppression \
	--suppressions-list="$abs_top_srcdir/tests/static/cppcheck.supp" || { status=1; echo "tidy: cppcheck is not content" >&2; }

exit $status
