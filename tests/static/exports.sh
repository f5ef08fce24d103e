#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The module shows three names, runs nothing when it is loaded, and needs the few libraries it is allowed to need. P-001
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need nm readelf

wanted='C_GetFunctionList C_GetInterface C_GetInterfaceList'
libraries='libpcsclite.so.1 libcrypto.so.3 libz.so.1 libinih.so.1 libc.so.6'

exports()
{
	nm -D --defined-only "$1" | awk '{ print $3 }' | sort | paste -sd ' '
}

exports_only_wanted()
{
	[ "$(exports "$1")" = "$wanted" ] || { echo "exports: $(exports "$1")"; return 1; }
}

needs_only_allowed()
{
	surplus=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r library; do
		case " $libraries " in
		*" $library "*) ;;
		*) echo "$library" ;;
		esac
	done)
	[ -z "$surplus" ] || { echo "needs: $surplus"; return 1; }
}

# The compiler's own start-up and end code is one pointer in each array; ours is one more at the end (csp/release.c).
no_constructor()
{
	word=$(readelf -h "$1" | grep -q ELF64 && echo 8 || echo 4)
	readelf -SW "$1" | sed 's/^ *\[ *[0-9]*\] *//' | awk -v word="$word" '
		function hex(s,  i, v) {
			v = 0
			for (i = 1; i <= length(s); i++)
				v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
			return v
		}
		$1 ~ /^\.(init|preinit)_array/ && hex($5) > word || $1 ~ /^\.fini_array/ && hex($5) > 2 * word { print $1 " has " hex($5) " bytes"; bad = 1 }
		$1 ~ /^\.(ctors|dtors)/ { print $1; bad = 1 }
		END { exit bad }'
}

hardened()
{
	readelf -lW "$1" | grep -q GNU_RELRO || { echo "no RELRO"; return 1; }
	readelf -d "$1" | grep -Eq 'BIND_NOW|FLAGS_1.*NOW' || { echo "lazy binding"; return 1; }
	! readelf -lW "$1" | grep 'GNU_STACK' | grep -q 'RWE' || { echo "executable stack"; return 1; }
	! readelf -d "$1" | grep -Eq 'TEXTREL|RPATH|RUNPATH' || { echo "text relocations or a run path"; return 1; }
}

# The checks themselves, on an object that has everything right and one that has everything wrong.
scratch
cat >"$scratch/good.c" <<'END'
int C_GetFunctionList(void);
int C_GetInterface(void);
int C_GetInterfaceList(void);
int C_GetFunctionList(void) { return 0; }
int C_GetInterface(void) { return 0; }
int C_GetInterfaceList(void) { return 0; }
END
cat - "$scratch/good.c" >"$scratch/bad.c" <<'END'
int C_Sign(void);
int C_Sign(void) { return 0; }
__attribute__((constructor)) static void start(void) {}
END
# shellcheck disable=SC2086 # CC may carry options
if ${CC:-cc} -shared -fPIC -Wl,-z,relro,-z,now -o "$scratch/good.so" "$scratch/good.c" 2>"$scratch/err"; then
	check "takes three exports" exports_only_wanted "$scratch/good.so"
	check "takes libc" needs_only_allowed "$scratch/good.so"
	check "takes the compiler's start-up code" no_constructor "$scratch/good.so"
	check "takes a hardened object" hardened "$scratch/good.so"
else
	fail "builds the good example" "$(cat "$scratch/err")"
fi
# shellcheck disable=SC2086
if ${CC:-cc} -shared -fPIC -Wl,-z,lazy -Wl,--no-as-needed -o "$scratch/bad.so" "$scratch/bad.c" -lm 2>"$scratch/err"; then
	check_fails "sees a fourth export" exports_only_wanted "$scratch/bad.so"
	check_fails "sees a library too many" needs_only_allowed "$scratch/bad.so"
	check_fails "sees a constructor" no_constructor "$scratch/bad.so"
	check_fails "sees lazy binding" hardened "$scratch/bad.so"
else
	fail "builds the bad example" "$(cat "$scratch/err")"
fi

check "the module exports three names" exports_only_wanted "$MODULE"
check "the module is hardened" hardened "$MODULE"
if [ "$INSTRUMENTED" = no ]; then
	check "the module needs only the allowed libraries" needs_only_allowed "$MODULE"
	check "the module has no constructor" no_constructor "$MODULE"
fi

finish
