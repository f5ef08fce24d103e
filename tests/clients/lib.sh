# SPDX-License-Identifier: BSD-2-Clause
# Programs that people use with a card: what their tests share. Sourced by each test in place of tests/e2e/lib.sh, and
# run with clients_run; the card has an RSA key and a P-256 key with certificates of a test authority. The module is where
# an installation puts it, with its defaults. What minidriver-pkcs11-clients(7) tells users to type and to write into
# files is read from there: a test that says "section NAME" must have used all of it.
# shellcheck shell=bash
# shellcheck source=tests/e2e/lib.sh
. "$abs_top_srcdir/tests/e2e/lib.sh"

PORT=443
PAGE="$abs_top_srcdir/man/minidriver-pkcs11-clients.7.in"

declare -A ID LABEL
unset MINIDRIVER_PKCS11_DISK_CACHE XDG_CONFIG_HOME

# two_keys: a card of kind $CARD_KIND in the reader, with an RSA key and a P-256 key; $TOKEN is its label, $URI names the
# token, ID[rsa] and LABEL[rsa] the RSA key and its certificate, likewise ec
two_keys() {
	"two_keys_$CARD_KIND"
	TOKEN=$(our_tool -L 2>/dev/null | sed -n 's/^ *token label *: *//p' | head -n 1)
	URI="pkcs11:token=$(printf %s "$TOKEN" | sed 's/ /%20/g;s/#/%23/g')"
	openssl x509 -inform DER -in "$W/rsa.der" -out "$W/rsa.crt"
	[ ! -e "$W/ec.der" ] || openssl x509 -inform DER -in "$W/ec.der" -out "$W/ec.crt"
	use rsa
}

two_keys_gids() {
	make_opensc_card
	add_ec_key 1
	ID=([rsa]=00 [ec]=01) LABEL=([rsa]=rsakey [ec]=eckey)
}

# The key for authentication, and a retired one on a curve.
two_keys_piv() {
	local card="$W/piv.card"
	make_ca
	"$VCARD_PERSO" create "$card" --applications piv --piv-quirks token && "$VCARD_PERSO" piv-format "$card" &&
		"$VCARD_PERSO" piv-keygen "$card" --slot 9A --alg rsa2048 &&
		"$VCARD_PERSO" piv-keygen "$card" --slot 82 --alg p256 || exit 1
	"$VCARD_PERSO" piv-pubkey "$card" --slot 9A >"$W/rsa.spki" && issue "$W/rsa.spki" rsa &&
		"$VCARD_PERSO" piv-cert "$card" --slot 9A --der "$W/rsa.der" || exit 1
	"$VCARD_PERSO" piv-pubkey "$card" --slot 82 >"$W/ec.spki" && issue "$W/ec.spki" ec &&
		"$VCARD_PERSO" piv-cert "$card" --slot 82 --der "$W/ec.der" || exit 1
	# key history: one key on the card
	printf '\301\001\001\302\001\000\376\000' >"$W/history"
	"$VCARD_PERSO" piv-put "$card" --tag 5FC10C --in "$W/history" || exit 1
	card_insert "$card"
	ID=([rsa]=01 [ec]=05)
	# shellcheck disable=SC2034 # the tests use it
	LABEL=([rsa]="X.509 Certificate for PIV Authentication" [ec]="X.509 Certificate for Retired Key 1")
}

# uri NAME TYPE: of the certificate, or of the private or public key, NAME
uri() {
	echo "$URI;id=%${ID[$1]};type=$2"
}

# The variables of the manual, for the key NAME: M the module, URI the token's and KEY the key's URI, KEYID, NAME and TYPE
# its CKA_ID, CKA_LABEL and key type, FINGERPRINT its certificate's
# shellcheck disable=SC2034 # the manual uses them
use() {
	M=$MODULE KEY="$URI;id=%${ID[$1]}" KEYID=${ID[$1]} NAME=${LABEL[$1]} TYPE=${1/ec/ecdsa}
	FINGERPRINT=$(OPENSSL_CONF=/dev/null openssl x509 -in "$W/$1.crt" -noout -fingerprint -sha1 | sed 's/.*=//;s/://g')
}

# The manual ----------------------------------------------------------------------------------------------------------

# section NAME: what follows is told in this section; it happens in a directory of its own
section() {
	section_end
	SECTION=$1
	mkdir -p "$W/work"
	cd "$W/work" || exit 1
	awk -v section="$SECTION" -f "$abs_top_srcdir/tests/clients/told.awk" "$PAGE" >"$W/commands"
	awk -v section="$SECTION" -v names=1 -f "$abs_top_srcdir/tests/clients/told.awk" "$PAGE" >"$W/files"
	[ -s "$W/commands" ] || [ -s "$W/files" ] || { echo "not in the manual: $SECTION"; exit 1; }
	: >"$W/used"
}

section_end() {
	[ -z "${SECTION:-}" ] ||
		is "$SECTION: all that the manual tells" "$(sort -u "$W/used" | comm -3 - <(sort -u "$W/commands" "$W/files"))" ""
}

# find_command TEXT: $command is the command of the manual that has this text
find_command() {
	command=$(grep -F -e "$1" "$W/commands")
	case $command in
	'' | *$'\n'*) echo "the manual has not one command with '$1' but: $command"; return 1 ;;
	esac
	echo "$command" >>"$W/used"
}

# told TEXT ARGUMENTS...: runs that command, with more arguments
told() {
	local command
	find_command "$1" || return
	shift
	eval "$command"' "$@"'
}

# told_aside TEXT ARGUMENTS...: likewise, in the background; $! is the program
told_aside() {
	local command
	find_command "$1" || return
	shift
	eval "exec $command"' "$@"' &
}

# told_file NAME [SED]: writes what the manual has in this file, with the module and the token of this test and changed by
# sed, to a file of that name here
told_file() {
	echo "$1" >>"$W/used"
	awk -v section="$SECTION" -v file="$1" -f "$abs_top_srcdir/tests/clients/told.awk" "$PAGE" |
		sed -e "s|@moduledir@/minidriver-pkcs11.so|$MODULE|g;s|pkcs11:token=GIDS%20card%20ccddeeff;id=%00|$KEY|g" \
			-e "${2:-}" >"${1##*/}"
}

# The test's own part of what a user has at hand: www.example.org is this machine.
hosts() {
	printf '%s\n' '127.0.0.1 localhost www.example.org' >"$W/hosts"
	mount --bind "$W/hosts" /etc/hosts
}

# Running -------------------------------------------------------------------------------------------------------------

# The module lies where "make install" puts it: some programs take it from nowhere else.
as_installed() {
	INSTALLED=$(dirname "$(find /usr/lib -name p11-kit-proxy.so | head -n 1)")/pkcs11
	! mountpoint -q "$INSTALLED" || umount "$INSTALLED"
	[ -e "$INSTALLED/p11-kit-client.so" ] || skip "p11-kit-modules is not installed"
	cp -a "$INSTALLED/." "$W/lib"
	install -m 644 "$MODULE" "$W/lib"
	mount --bind "$W/lib" "$INSTALLED"
	MODULE=$INSTALLED/minidriver-pkcs11.so
}

client_run() {
	as_installed
	hosts
	"$CLIENT_TEST"
	section_end
	cd / || exit 1
	umount /etc/hosts
}

# clients_run FUNCTION: with each kind of card
clients_run() {
	local status=0
	CLIENT_TEST=$1
	for CARD_KIND in ${CLIENT_CARDS:-gids piv}; do
		(e2e_in_mode pcscd client_run) || status=1
	done
	exit $status
}

# Servers -------------------------------------------------------------------------------------------------------------

# server_certificate: srv.crt and srv.key for this machine's names, of the same authority
server_certificate() {
	openssl req -newkey rsa:2048 -nodes -keyout "$W/srv.key" -subj "/CN=localhost" -out "$W/srv.req" 2>/dev/null
	printf '%s\n' subjectAltName=DNS:localhost,DNS:www.example.org,IP:127.0.0.1 keyUsage=digitalSignature,keyEncipherment extendedKeyUsage=serverAuth >"$W/srv.ext"
	openssl x509 -req -in "$W/srv.req" -CA "$W/ca.pem" -CAkey "$W/ca.key" -CAcreateserial -days 20 \
		-extfile "$W/srv.ext" -out "$W/srv.crt" 2>/dev/null
}

listening() {
	ss -ltn | grep -q ":$1 "
}

# tls_server ARGUMENTS...: openssl's server, which wants a certificate of the authority and answers with a page about it
tls_server() {
	[ -e "$W/srv.crt" ] || server_certificate
	OPENSSL_CONF=/dev/null openssl s_server -accept "127.0.0.1:$PORT" -cert "$W/srv.crt" -key "$W/srv.key" \
		-CAfile "$W/ca.pem" -Verify 1 -verify_return_error -www "$@" >"$W/server.log" 2>&1 </dev/null &
	SERVER=$!
	wait_for 10 listening $PORT
}

tls_server_stop() {
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
}

# serial_of NAME: of the certificate NAME.crt, as openssl's server prints it
serial_of() {
	openssl x509 -in "$W/$1.crt" -noout -serial | cut -d= -f2
}

# served NAME: the page in $W/page is the server's, and tells of the certificate NAME.crt
served() {
	grep -q 'HTTP/1.0 200' "$W/page" && tr -d ': \n' <"$W/page" | grep -q -i -F "$(serial_of "$1")"
}

# A program that prints the PIN and notes that it was asked, in $W/asked
pin_program() {
	printf '#!/bin/sh\necho asked >>%s\necho %s\n' "$W/asked" "$E2E_PIN" >"$W/askpass"
	chmod 700 "$W/askpass"
	: >"$W/asked"
}
