# SPDX-License-Identifier: BSD-2-Clause
# End-to-end tests: other people's programs over the module and a virtual card. Sourced by each test, which calls
#   e2e_needs TOOL...       missing ones skip the test (fail it in CI)
#   e2e_run FUNCTION        runs FUNCTION once with a real pcscd and the vpcd driver, once with libpcsc-vcard.so
# The test runs in namespaces of its own, so that it has /run, the ports of pcscd, vpcd and sshd, and p11-kit's module
# directory to itself, whatever else runs on the machine.
# shellcheck shell=bash

set -u

E2E_PIN=123456
E2E_ADMIN_KEY=000102030405060708090A0B0C0D0E0F1011121314151617
passed=0
failed=0

skip() {
	echo "skipped: $*"
	[ "$CI" = true ] && exit 1
	exit 77
}

e2e_needs() {
	local tool
	[ "$INSTRUMENTED" = no ] || { echo "skipped: an instrumented module cannot be loaded by other programs"; exit 77; }
	for tool in unshare "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	OPENSC=$(find /usr/lib -name opensc-pkcs11.so -not -path '*/pkcs11/*' 2>/dev/null | head -n 1)
	[ -n "$OPENSC" ] || skip "opensc-pkcs11.so is not installed"
	if [ -z "${E2E_INSIDE:-}" ]; then
		local user=()
		[ "$(id -u)" = 0 ] || user=(--map-root-user)
		unshare "${user[@]}" -m -n true 2>/dev/null || skip "namespaces are not allowed here"
		E2E_INSIDE=1 exec unshare "${user[@]}" -m -n --propagation private "$BASH" "$0"
	fi
}

# Results -----------------------------------------------------------------------------------------------------------

# check NAME COMMAND...: the command must succeed; its output is shown only if it does not
check() {
	local name=$1
	shift
	if "$@" >"$W/out" 2>&1 </dev/null; then
		echo "ok - $MODE: $name"
		passed=$((passed + 1))
	else
		echo "not ok - $MODE: $name (exit $?: $*)"
		sed 's/^/# /' "$W/out" | head -n 40
		failed=$((failed + 1))
	fi
}

# refuse NAME PATTERN COMMAND...: the command must fail and say PATTERN
refuse() {
	local name=$1 pattern=$2 status=0
	shift 2
	"$@" >"$W/out" 2>&1 </dev/null || status=$?
	if [ $status -ne 0 ] && [ $status -ne 134 ] && [ $status -ne 139 ] && grep -q -- "$pattern" "$W/out"; then
		echo "ok - $MODE: $name"
		passed=$((passed + 1))
	else
		echo "not ok - $MODE: $name (exit $status, wanted '$pattern': $*)"
		sed 's/^/# /' "$W/out" | head -n 40
		failed=$((failed + 1))
	fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		echo "ok - $MODE: $1"
		passed=$((passed + 1))
	else
		echo "not ok - $MODE: $1: got '$2', wanted '$3'"
		failed=$((failed + 1))
	fi
}

# contains NAME PATTERN COMMAND...: the command succeeds and says PATTERN
contains() {
	local name=$1 pattern=$2
	shift 2
	if "$@" >"$W/out" 2>&1 </dev/null && grep -q -- "$pattern" "$W/out"; then
		echo "ok - $MODE: $name"
		passed=$((passed + 1))
	else
		echo "not ok - $MODE: $name (wanted '$pattern': $*)"
		sed 's/^/# /' "$W/out" | head -n 40
		failed=$((failed + 1))
	fi
}

# Readers and cards ---------------------------------------------------------------------------------------------------

wait_for() {	# wait_for SECONDS COMMAND...
	local n=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1 </dev/null; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		sleep 0.05
	done
}

service_start() {
	if [ "$MODE" = pcscd ]; then
		mkdir -p /run/pcscd
		pcscd --foreground >"$W/pcscd.log" 2>&1 &
		PCSCD=$!
		wait_for 10 test -S /run/pcscd/pcscd.comm || { cat "$W/pcscd.log"; exit 1; }
	else
		[ ! -d "$W/readers.off" ] || mv "$W/readers.off" "$W/readers"
		mkdir -p "$W/readers/Virtual Reader A" "$W/readers/Virtual Reader B"
		export VCARD_READERS="$W/readers" LD_LIBRARY_PATH="$PCSC_VCARD_DIR"
	fi
}

service_stop() {
	card_remove
	if [ "$MODE" = pcscd ]; then
		kill "$PCSCD"
		wait "$PCSCD" 2>/dev/null
		rm -rf /run/pcscd/*
	else
		mv "$W/readers" "$W/readers.off"
	fi
}

card_insert() {	# card_insert FILE
	CARD=$1
	if [ "$MODE" = pcscd ]; then
		# shellcheck disable=SC2153 # VCARD is the program, CARD the file
		"$VCARD" --card "$CARD" --wait 10 --stats "$W/stats" --trace "$W/trace" \
			${VCARD_LATENCY:+--latency "$VCARD_LATENCY"} 2>"$W/vcard.log" &
		VCARD_PID=$!
		wait_for 10 card_seen || { echo "# the card does not appear"; cat "$W/vcard.log" "$W/pcscd.log"; exit 1; }
	else
		: >"$W/readers/Virtual Reader A/trace"
		ln -s "$CARD" "$W/readers/Virtual Reader A/card"
	fi
}

card_seen() {
	opensc-tool --list-readers | grep -q Yes
}

card_remove() {
	if [ "$MODE" = pcscd ]; then
		[ -n "${VCARD_PID:-}" ] || return 0
		kill "$VCARD_PID"
		wait "$VCARD_PID" 2>/dev/null
		VCARD_PID=
		wait_for 10 eval '! card_seen'
	else
		rm -f "$W/readers/Virtual Reader A/card"
	fi
}

# How many commands of a kind the card has seen so far; the argument is a pattern of the command in hex, without blanks.
card_commands() {
	local trace="$W/trace"
	[ "$MODE" = pcscd ] || trace="$W/readers/Virtual Reader A/trace"
	tr -d ' ' <"$trace" | grep -c -i -E "^>$1" || true
}

# PINs that have been sent to the card so far; a command without data only asks for the tries.
pins_sent() {
	card_commands '0020008[0-9A-F]0[1-9A-F]'
}

# What vcard-perso knows of the card while it is in the reader; the card's file holds its volatile memory as well.
card_info() {
	if [ "$MODE" = pcscd ]; then
		kill -USR1 "$VCARD_PID"
		sleep 0.2
	fi
	"$VCARD_PERSO" info "$CARD"
}

# A card as OpenSC makes it: formatted by gids-tool, one RSA key 2048 and its certificate with ID 00 ($W/rsa.pem, rsa.der).
make_opensc_card() {
	"$VCARD_PERSO" create "$W/opensc.card" --ecc
	card_insert "$W/opensc.card"
	check "gids-tool formats a blank card" \
		gids-tool --initialize --pin "$E2E_PIN" --admin-key "$E2E_ADMIN_KEY" \
		--serial-number 00112233445566778899AABBCCDDEEFF
	check "OpenSC's module generates a key" opensc_tool --login --pin "$E2E_PIN" --keypairgen --key-type rsa:2048 --label rsakey
	make_ca
	check "OpenSC's module reads the public key" opensc_tool --read-object --type pubkey --label rsakey -o "$W/rsa.spki"
	issue "$W/rsa.spki" rsa
	KEY_ID=$(opensc_tool --list-objects --type pubkey 2>/dev/null | sed -n 's/^ *ID: *//p' | head -n 1)
	check "OpenSC's module writes the certificate" opensc_tool --login --pin "$E2E_PIN" --write-object "$W/rsa.der" \
		--type cert --id "$KEY_ID" --label rsakey
}

opensc_tool() {
	pkcs11-tool --module "$OPENSC" "$@"
}

# The tool over the module under test.
our_tool() {
	pkcs11-tool --module "$MODULE" "$@"
}

make_ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/ca.key" -out "$W/ca.pem" -days 20 -subj "/CN=Test CA" 2>/dev/null
	printf '%s\n' 'keyUsage=critical,digitalSignature,keyEncipherment' 'extendedKeyUsage=clientAuth,emailProtection' \
		'subjectAltName=email:alice@example.org' >"$W/ext"
}

# issue SPKI NAME: a certificate NAME.der (and NAME.pem, the public key) for a DER or PEM public key
issue() {
	openssl pkey -pubin -in "$1" -out "$W/$2.pem" 2>/dev/null ||
		openssl pkey -pubin -inform DER -in "$1" -out "$W/$2.pem"
	openssl x509 -new -force_pubkey "$W/$2.pem" -subj "/CN=Alice $2" -CA "$W/ca.pem" -CAkey "$W/ca.key" \
		-CAcreateserial -days 20 -extfile "$W/ext" -outform DER -out "$W/$2.der" 2>/dev/null
}

# A P-256 key with certificate in container 1 of the card in the reader, made behind the reader's back as Windows' tools would.
add_ec_key() {
	local file=$CARD
	card_remove
	"$VCARD_PERSO" keygen "$file" --pin "$E2E_PIN" --index "$1" --alg p256 --kind signature --name eckey &&
		"$VCARD_PERSO" pubkey "$file" --index "$1" >"$W/ec.spki" && issue "$W/ec.spki" ec &&
		"$VCARD_PERSO" cert "$file" --pin "$E2E_PIN" --index "$1" --der "$W/ec.der" || exit 1
	card_insert "$file"
}

# p11-kit sees the module under test and no other.
only_our_module() {
	mkdir -p "$W/modules"
	printf 'module: %s\nmanaged: yes\ncritical: yes\n' "$MODULE" >"$W/modules/minidriver-pkcs11.module"
	mountpoint -q /usr/share/p11-kit/modules || mount --bind "$W/modules" /usr/share/p11-kit/modules
	[ ! -d /etc/pkcs11 ] || { mkdir -p "$W/empty"; mount --bind "$W/empty" /etc/pkcs11; }
}

# Programs that hold the module open ------------------------------------------------------------------------------------

declare -A program_in program_out

# program_start NAME: p11script over the module under test, to be told what to do with ask and expect
program_start() {
	local in out
	mkfifo "$W/$1.in" "$W/$1.out"
	"$abs_top_builddir/tests/e2e/p11script" "$MODULE" <"$W/$1.in" >"$W/$1.out" 2>"$W/$1.err" &
	exec {in}>"$W/$1.in" {out}<"$W/$1.out"
	program_in[$1]=$in program_out[$1]=$out
}

# ask NAME COMMAND...: sends a line; leaves the answer without its first word in $got
ask() {
	local name=$1
	shift
	echo "$*" >&"${program_in[$name]}"
	read -r -t 30 _ got <&"${program_out[$name]}" || got="no answer"
}

# expect NAME ANSWER COMMAND...
expect() {
	local name=$1 wanted=$2
	shift 2
	ask "$name" "$@"
	is "$name: $*" "$got" "$wanted"
}

# Running -----------------------------------------------------------------------------------------------------------

e2e_cleanup() {
	local jobs
	jobs=$(jobs -p)
	# shellcheck disable=SC2086
	[ -z "$jobs" ] || kill $jobs 2>/dev/null
	wait 2>/dev/null
	umount /usr/share/p11-kit/modules /etc/pkcs11 2>/dev/null
	rm -rf "$W"
}

e2e_in_mode() {	# e2e_in_mode MODE FUNCTION
	MODE=$1
	W=$(mktemp -d /tmp/md.XXXXXX) || exit 1
	chmod 755 "$W"
	trap e2e_cleanup EXIT
	export HOME="$W" XDG_RUNTIME_DIR="$W/run" TMPDIR="$W"
	unset SSH_AUTH_SOCK DISPLAY DBUS_SESSION_BUS_ADDRESS VCARD_READERS
	mkdir -p "$W/run"
	ip link set lo up
	mount -t tmpfs tmpfs /run
	service_start
	"$2"
	[ "$failed" = 0 ]
}

e2e_run() {
	local mode status=0
	for mode in ${E2E_MODES:-local pcscd}; do
		(e2e_in_mode "$mode" "$1") || status=1
	done
	exit $status
}
