#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Calls and words that have no place in the sources. R-009, R-015
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need awk

# names of functions -> a pattern for their calls
calls()
{
	printf '(^|[^A-Za-z0-9_>.])(%s)[ \t]*\\(' "$1"
}

unbounded=$(calls 'strcpy|stpcpy|strcat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|atof|gets|alloca|tmpnam|tempnam|mktemp')
guest=$(calls 'scanf|sscanf|fscanf|printf|vprintf|fprintf|vfprintf|dprintf|puts|fputs|putchar|fputc|putc|perror|abort|exit|_exit|_Exit|quick_exit|assert|system|popen|getenv|atexit|signal|sigaction|setlocale|setenv|unsetenv|putenv|chdir|umask')
log=$(calls 'abort|exit|_exit|_Exit|quick_exit|assert|system|popen|getenv|atexit|signal|sigaction')
compare='memcmp[ \t]*\(.*([Pp][Ii][Nn]($|[^a-z])|secret|_key|key_|password|challenge)'
constructor='__attribute__.*constructor'
destructor='__attribute__.*destructor'
unfinished='(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)'

# matches PATTERN FILE...: lines of code that match, comments and strings aside
matches()
{
	pattern=$1
	shift
	[ $# -gt 0 ] || return 0
	awk -f "$abs_top_srcdir/tests/static/strip.awk" "$@" | grep -E -- "$pattern"
}

# violations ROOT
violations()
{
	(
		cd "$1" || exit
		all=$(find include cardlib src tests -name '*.[ch]' 2>/dev/null | sort)
		module=$(find include cardlib src -name '*.[ch]' -not -path 'src/tool/*' -not -path 'cardlib/base/log.c' \
			2>/dev/null | sort)
		# shellcheck disable=SC2086 # lists of files without blanks
		{
			matches "$unbounded" $all
			matches "$guest" $module
			[ ! -f cardlib/base/log.c ] || matches "$log" cardlib/base/log.c
			matches "$compare" $module
			matches "$constructor" $module
			# the one that joins the thread of a module unloaded without C_Finalize
			matches "$destructor" $module | grep -v '^src/csp/release\.c:'
			[ -z "$all" ] || grep -nE -- "$unfinished" $all /dev/null
		} | grep .
	)
}

# bad FILE LINE: this line must be refused.  good FILE LINE: this must not.
example()
{
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/$(dirname "$1")"
	printf '/* a file */\n%s\n' "$2" >"$scratch/tree/$1"
	violations "$scratch/tree" >"$scratch/out"
}

bad()
{
	example "$1" "$2"
	if grep -q "^$1:2:" "$scratch/out"; then pass "refuses $2"; else fail "refuses $2"; fi
}

good()
{
	example "$1" "$2"
	if [ -s "$scratch/out" ]; then fail "takes $2" "$(cat "$scratch/out")"; else pass "takes $2"; fi
}

scratch

bad src/p11/a.c '	strcpy(a, b);'
bad src/p11/a.c '	n = sprintf (a, "x");'
bad cardlib/gids/a.c '	p = strtok(a, ",");'
bad tests/vcard/a.c '	n = atoi(a);'
bad src/csp/a.c '	p = alloca(n);'
bad src/csp/a.c '	printf("x");'
bad src/csp/a.c '	fprintf(stderr, "x");'
bad src/csp/a.c '	assert(n > 0);'
bad src/csp/a.c '		abort();'
bad src/csp/a.c '	p = getenv("X");'
bad cardlib/base/log.c '	exit(1);'
bad src/csp/a.c '	if (memcmp(pin, other, 8) == 0)'
bad src/csp/a.c '	if (memcmp(a->secret.p, other, 8) == 0)'
bad src/csp/a.c '	if (memcmp(session_key, other, 8) == 0)'
bad src/csp/a.c 'static void start(void) __attribute__((constructor));'
bad src/csp/a.c 'static void end(void) __attribute__((destructor));'
bad src/csp/a.c '	/* TODO: later */'
good src/csp/a.c '	/* not strcpy(a, b) */'
good src/csp/a.c '	log_note("printf(x) and assert(y)");'
good src/csp/a.c '	n = snprintf(a, sizeof(a), "x");'
good src/csp/a.c '	p = secure_getenv("X");'
good src/csp/a.c '	_Static_assert(sizeof(a) == 4, "size");'
good src/csp/a.c '	ops->exit(ops);'
good src/csp/a.c '	if (memcmp(a->name, name, 8) == 0)'
good src/tool/a.c '	printf("x");'
good cardlib/base/log.c '	fprintf(stderr, "x");'
good tests/unit/test_a.c '	printf("x");'

violations "$abs_top_srcdir" >"$scratch/out"
if [ -s "$scratch/out" ]; then
	fail "nothing banned in the tree" "$(cat "$scratch/out")"
else
	pass "nothing banned in the tree"
fi

finish
