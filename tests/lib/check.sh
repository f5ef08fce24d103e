# SPDX-License-Identifier: BSD-2-Clause
# For shell tests, after tests/lib/env.sh: counted checks, a scratch directory, tools that may be missing.
# shellcheck shell=sh

checks_passed=0
checks_failed=0

# pass NAME, fail NAME [WHY]: count one check.
pass()
{
	checks_passed=$((checks_passed + 1))
	printf 'ok - %s\n' "$1"
}

fail()
{
	checks_failed=$((checks_failed + 1))
	printf 'not ok - %s\n' "$1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/#   /'
}

# check NAME COMMAND...: the command must succeed.   check_fails NAME COMMAND...: it must not.
check()
{
	check_name=$1
	shift
	if check_output=$("$@" 2>&1); then
		pass "$check_name"
	else
		fail "$check_name" "$check_output"
	fi
}

check_fails()
{
	check_name=$1
	shift
	if check_output=$("$@" 2>&1); then
		fail "$check_name" "$check_output"
	else
		pass "$check_name"
	fi
}

# need TOOL...: without one of them the test is skipped, and fails where everything has to be there (CI=true).
need()
{
	for tool in "$@"; do
		command -v "$tool" >/dev/null && continue
		echo "$tool is not installed"
		[ "$CI" != true ] || exit 1
		exit 77
	done
}

# skip WHY: nothing to test here, not even in CI.
skip()
{
	echo "skipped: $1"
	exit 77
}

# scratch: makes a directory, named by $scratch, that goes away with the test.
scratch()
{
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/minidriver-test.XXXXXX") || exit 99
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# finish: the last command of a test.
finish()
{
	printf '# %d passed, %d failed\n' "$checks_passed" "$checks_failed"
	[ "$checks_failed" -eq 0 ] && [ "$checks_passed" -gt 0 ]
	exit
}
