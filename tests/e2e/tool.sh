#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# minidriver-tool over the virtual card's PC/SC library: every verb, what it says, its exit status, what is on the card
# afterwards; off-line unblocking by two processes that share nothing but typed text.
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need openssl script
scratch
umask 077
export HOME="$scratch" XDG_CONFIG_HOME="$scratch/config" VCARD_READERS="$scratch/readers" TMPDIR="$scratch"
unset VCARD_TRACE MINIDRIVER_PKCS11_DEBUG MINIDRIVER_PKCS11_CONF
mkdir -p "$XDG_CONFIG_HOME" "$VCARD_READERS/Reader A" "$VCARD_READERS/Reader B"
cd "$scratch" || exit 99

TOOL="$abs_top_builddir/minidriver-tool"
ADMIN_KEY=000102030405060708090A0B0C0D0E0F1011121314151617
echo 123456 >pin
echo 999999 >wrong
echo 654321 >new
echo "Hello." >hello
echo $ADMIN_KEY >"admin"

# tool ARGUMENT...: without a terminal, as in a script
tool()
{
	LD_LIBRARY_PATH="$PCSC_VCARD_DIR" setsid -w "$TOOL" "$@"
}

# run STATUS ARGUMENT...: the exit status must be that; out and err have what was said
run()
{
	local status=0 wanted=$1
	shift
	tool "$@" >out 2>err </dev/null || status=$?
	if [ $status = "$wanted" ]; then
		pass "$* exits $wanted"
	else
		fail "$* exits $wanted" "it exits $status: $(cat out err)"
	fi
}

# says PATTERN, complains PATTERN: of the last run
says()
{
	if grep -qE -- "$1" out; then pass "and says $1"; else fail "and says $1" "$(cat out err)"; fi
}

complains()
{
	if grep -qE -- "$1" err; then pass "and complains: $1"; else fail "and complains: $1" "$(cat out err)"; fi
}

# is NAME GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got '$2', wanted '$3'"; fi
}

insert()
{
	ln -sf "$scratch/$1" "$VCARD_READERS/${2:-Reader A}/card"
}

remove()
{
	rm -f "$VCARD_READERS/${1:-Reader A}/card"
}

# field KEY: the value of a member in JSON that has it once
field()
{
	sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",]*\\).*/\\1/p" out | head -n 1
}

tries()
{
	tool info --json | sed -n 's/.*"triesLeft":\([0-9]*\).*/\1/p' | head -n 1
}

# --- words ------------------------------------------------------------------------------------------------------------

words()
{
	run 0 --help
	run 0 --version
	says '^minidriver-tool [0-9]'
	run 2
	run 2 juggle
	complains '"juggle" is no verb'
	run 2 pin
	complains 'pin unblock'
	run 2 list --pin-file pin
	complains 'list does not take --pin-file'
	run 2 list --juggle
	run 2 cat
	complains '^usage: minidriver-tool .* cat FILE'
	run 2 pin verify --role 9
	run 0 pin change --help
	says '^      --new-pin-fd N'

	tool --complete >first
	check "completion: verbs come first" grep -qx doctor first
	check "completion: groups are there once" test "$(grep -cx container first)" = 1
	tool --complete container >second
	check "completion: then the rest of the verb" grep -qx import second
	tool --complete pin change >third
	check "completion: then its options" grep -qx -- --new-pin-file third
	check_fails "completion: and no others" grep -qx -- --ssh third
	is "completion: after an option with a value, files" "$(tool --complete pin change --pin-file | wc -l)" 0
	check "completion: bash takes the script" bash -n "$abs_top_srcdir/completion/minidriver-tool"
	is "completion: in bash" "$(complete_in_bash container de)" "delete default"

	# every verb and every option is in the manual page
	page="$abs_top_srcdir/man/minidriver-tool.1.in"
	tool --help | sed -n 's/^  \([a-z].*\)$/\1/p' | sed 's/ *\([A-Z[].*\|  .*\)$//' >verbs
	while read -r verb; do
		grep -qE "^\\.It Cm $verb( |\$)" "$page" || echo "$verb"
		# shellcheck disable=SC2086 # words
		tool --complete $verb
	done <verbs | sort -u >all
	while read -r option; do
		option=${option#-}
		case $option in
		-*-file | -*-fd | -*-env) secret_told "${option%-*}" || echo "$option" ;;
		-*) grep -qE "^\\.It Fl ([a-zA-Z] , )?$option( |\$)" "$page" || echo "$option" ;;
		*) echo "$option" ;;
		esac
	done <all >untold
	is "the manual page has every verb and option" "$(tr '\n' ' ' <untold)" ""
}

# secret_told -NAME: in the list of secrets that can come from elsewhere
secret_told()
{
	sed -n '/being one of/,/^\.Bl/p' "$page" | grep -qE "(^| )${1#-}( |\$)"
}

complete_in_bash()
{
	PATH="$abs_top_builddir:$PATH" LD_LIBRARY_PATH="$PCSC_VCARD_DIR" bash -c '
		. "$abs_top_srcdir/completion/minidriver-tool"
		COMP_WORDS=(minidriver-tool "$@") COMP_CWORD=$#
		_minidriver_tool
		echo "${COMPREPLY[*]}"' bash "$@"
}

# --- which card -------------------------------------------------------------------------------------------------------

choosing()
{
	run 3 info
	complains 'no card in the reader'
	VCARD_READERS="$scratch/nowhere" run 3 info
	complains 'no reader'
	run 0 list
	says '1 +Reader A +empty'
	"$VCARD_PERSO" create a.card --ecc
	"$VCARD_PERSO" create b.card
	"$VCARD_PERSO" format b.card --pin 123456 --admin-key $ADMIN_KEY --cardid 00112233445566778899AABBCCDDEEFF
	insert a.card
	insert b.card "Reader B"
	run 2 info
	complains 'several cards'
	run 0 info --reader 2
	says 'Card identifier +00112233445566778899AABBCCDDEEFF'
	run 0 info --reader "reader b"
	run 0 info --serial 0011
	says 'Reader +Reader B'
	run 3 info --serial 0022
	run 3 info --reader juggler
	run 0 list --json
	says '"id":"00112233445566778899AABBCCDDEEFF"'
	says '"state":"blank"'
	remove "Reader B"
	run 2 info --wait soon
	(sleep 1.5; insert b.card "Reader B") &
	run 0 info --reader 2 --wait 20
	wait
	remove "Reader B"
}

# --- a new card -------------------------------------------------------------------------------------------------------

creating()
{
	run 0 info
	says '^Blank +yes'
	run 1 container list
	complains 'the card is blank; minidriver-tool create'
	run 1 create --new-pin-file pin --admin-key-file pin
	complains 'the card does not take this PIN or this admin key'
	run 2 create --new-pin-file pin --admin-key-file hello
	complains 'hexadecimal digits'
	run 2 create --new-pin-file pin --admin-key-file admin --card-id 00
	run 2 create --new-pin-file nothing --admin-key-file admin
	complains 'nothing: No such file'
	run 1 create --new-pin-file pin --save-admin-key admin
	complains 'admin: File exists'
	run 0 create --new-pin-file pin --save-admin-key made --card-id A0A1A2A3A4A5A6A7A8A9AAABACADAEAF
	is "the key has 24 bytes" "$(grep -cxE '[0-9A-F]{48}' made)" 1
	is "and is its owner's alone" "$(stat -c %a made)" 600
	run 1 create --new-pin-file pin --admin-key-file admin
	complains 'has a file system already'
	run 0 info --json
	is "the identifier is the given one" "$(field id)" A0A1A2A3A4A5A6A7A8A9AAABACADAEAF
	is "role 1 has tries" "$(field triesLeft)" 3
	run 4 admin-key change --admin-key-file admin --save-admin-key refused
	check_fails "a key that the card refused is not kept" test -e refused
	run 0 admin-key change --admin-key-file made --new-admin-key-file admin
	run 0 check
	says 'the card is consistent'
}

# --- keys and certificates --------------------------------------------------------------------------------------------

files_of_others()
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 20 -subj "/CN=Test CA/O=Exämple" -utf8 2>openssl.err
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.pem -days 2 \
		-subj "/CN=Alice" 2>openssl.err
	openssl pkcs12 -export -in ec.pem -inkey ec.key -certfile rsa.pem -name "Alice's key" -passout pass:secret -out ec.p12
	echo secret >password
}

keys()
{
	run 0 container list
	says 'no keys'
	run 2 container create login
	complains 'no terminal to ask for the PIN; give --pin-file'
	run 4 container create login --pin-file wrong
	complains '2 tries are left'
	run 0 container create login --pin-file pin --id 4c4f47
	complains 'key rsa2048 made, in container 0, "login"'
	run 2 container create 'back\slash' --pin-file pin
	run 2 container create odd --type rsa2047 --pin-file pin
	run 0 container create elliptic --type p256 --pin-file pin
	run 0 container list
	says '^0 +login +exchange +rsa2048 +sign, decrypt +yes +no +1 +4C4F47'
	says '^1 +elliptic +signature +p256 +sign +no'
	run 0 container list --json
	says '"name":"login"'
	run 0 container default elliptic --pin-file pin
	run 0 container list
	says '^1 +elliptic .* yes +no +1'
	run 0 container pubkey login
	check "openssl reads the public key" openssl pkey -pubin -in out -noout
	run 0 container pubkey 1 --der
	check "also in DER, by the container's number" openssl pkey -pubin -inform DER -in out -noout
	run 0 container pubkey elliptic --ssh
	says '^ecdsa-sha2-nistp256 AAAA[A-Za-z0-9+/=]* elliptic$'
	if command -v ssh-keygen >/dev/null; then
		check "ssh-keygen reads the line" ssh-keygen -l -f out
	fi
	run 1 container pubkey juggler
	complains 'no such key'
	run 2 container delete login --pin-file pin
	complains 'lost for ever.*--yes'
}

import()
{
	run 4 container import rsa.key --pin-file pin
	complains 'allow_private_exchange_key_import = yes'
	printf '%s = yes\n' allow_private_exchange_key_import allow_private_signature_key_import \
		allow_private_ecdsa_key_import allow_private_ecdhe_key_import juggling >"$XDG_CONFIG_HOME/minidriver-pkcs11.conf"
	run 0 container import rsa.key --name brought --signature --id 4242 --pin-file pin
	complains 'warning: .*minidriver-pkcs11.conf, line 5: unknown setting'
	complains 'key imported, into container 2, "brought"'
	sed -i /juggling/d "$XDG_CONFIG_HOME/minidriver-pkcs11.conf"
	run 4 container import ec.p12 --password-file wrong --pin-file pin
	complains 'the password does not open it'
	run 0 container import ec.p12 --password-file password --pin-file pin
	complains "into container 3, \"Alice's key\""
	complains '1 more certificates? (was|were) left out'
	run 0 container list --json
	is "its certificate has come with it" "$(grep -c '"certificate":true' out)" 1
	run 1 container import rsa.pem --pin-file pin
	complains 'no private key in it'
	run 1 container import pin --pin-file pin
	complains 'no key and no certificate'
	run 1 container import nothing --pin-file pin
}

certificates()
{
	run 0 cert put rsa.pem --pin-file pin
	run 1 cert put ec.pem login --pin-file pin
	complains 'certificate of another key'
	run 0 cert get brought got.pem
	check "the certificate comes back" cmp got.pem rsa.pem
	run 0 cert get "Alice's key" --der
	check "and in DER" test "$(openssl x509 -inform DER -in out -noout -subject)" = "subject=CN = Alice"
	run 1 cert get login
	run 0 cert delete brought --pin-file pin --yes
	run 1 cert get brought
	run 0 container delete brought --pin-file pin --yes
	run 1 container pubkey brought
	run 0 check
}

roots()
{
	run 0 roots list
	says 'no roots'
	run 0 roots add rsa.pem --pin-file pin
	run 0 roots add rsa.pem --pin-file pin
	complains '0 added, 1 there already'
	run 0 roots add ec.p12 --password-file password --pin-file pin
	complains '1 added, 1 there already'
	run 0 roots list
	says '^1 .*O=Exämple, CN=Test CA$'
	run 0 roots list --json
	is "serial as openssl has it" "$(field serial)" "$(openssl x509 -in rsa.pem -noout -serial | cut -d= -f2)"
	run 0 roots export
	is "openssl reads the export" "$(openssl pkcs7 -in out -print_certs -noout | grep -c ^subject)" 2
	run 0 roots export roots.p7 --der
	check "also in DER, in a file" openssl pkcs7 -inform DER -in roots.p7 -noout
	run 1 roots remove 3 --pin-file pin --yes
	run 2 roots remove first --pin-file pin --yes
	run 0 roots remove 1 --pin-file pin --yes
	run 0 roots list
	says '^1 .*CN=Alice$'
	run 1 roots add pin --pin-file pin
}

# What is kept on disk, and away with it; the cache is off elsewhere in this test.
cache()
{
	run 0 cache list
	says 'there is no cache'
	export MINIDRIVER_PKCS11_DISK_CACHE=yes XDG_CACHE_HOME="$scratch/cache"
	run 0 cache list
	says 'nothing is kept'
	run 0 container list
	run 0 container list
	run 0 cache list --json
	is "one card is kept" "$(grep -c '"id"' out)" 1
	run 1 cache clear 000102030405060708090A0B0C0D0E0F
	run 2 cache clear 00
	run 0 cache clear
	run 0 cache list
	says 'nothing is kept'
	unset XDG_CACHE_HOME
	export MINIDRIVER_PKCS11_DISK_CACHE=no
}

# --- files --------------------------------------------------------------------------------------------------------------

files()
{
	run 0 mkdir mydir --pin-file pin
	run 1 mkdir mydir --pin-file pin
	run 2 mkdir much_too_long --pin-file pin
	run 0 put hello mydir/hello --pin-file pin
	run 0 put hello mydir/private --access user-only --pin-file pin
	run 0 put hello mydir/office --access admin-only --admin-key-file admin
	run 2 put hello mydir/other --access juggler --pin-file pin
	run 2 put hello a/b/c --pin-file pin
	run 0 ls
	says '^mydir +directory'
	run 0 ls mydir
	says '^hello +file +7 +all read, user writes'
	says '^private +file +- +-'
	run 0 ls mydir --json
	says '"size":7'
	run 0 cat mydir/hello
	check "the content comes back" cmp out hello
	run 2 cat mydir/private
	complains 'no terminal to ask for the PIN'
	run 0 cat mydir/private --pin-file pin
	run 4 cat mydir/office --pin-file pin
	run 0 cat mydir/office --admin-key-file admin
	is "standard input is written, too" "$(tool put - mydir/hello --pin-file pin <password && tool cat mydir/hello)" secret
	run 1 rmdir mydir --pin-file pin
	complains 'not empty'
	run 0 rm mydir/hello --pin-file pin
	run 0 rm mydir/private --pin-file pin
	run 0 rm mydir/office --admin-key-file admin
	run 0 rmdir mydir --pin-file pin
	run 1 ls mydir
	run 2 rm mscp/cmapfile --pin-file pin
	complains 'cannot be used'
}

# --- PINs ---------------------------------------------------------------------------------------------------------------

pins()
{
	run 0 pin verify --pin-file pin
	printf '123456\n654321\n' | tool pin change --pin-fd 0 --new-pin-fd 0 >out 2>err
	is "both PINs from one descriptor" $? 0
	run 0 pin verify --pin-file new
	SECRET=654321 run 0 pin verify --pin-env SECRET
	run 2 pin verify --pin-env NOTHING
	run 0 pin change --pin-file new --new-pin-file pin
	echo 1 >short
	run 4 pin change --pin-file pin --new-pin-file short
	: >empty
	run 2 pin verify --pin-file empty
	is "none of this cost a try" "$(tries)" 3
	chmod 644 pin
	run 0 pin verify --pin-file pin
	complains 'other users can read pin'
	chmod 600 pin
	run 4 pin verify --pin-file wrong
	run 4 pin verify --pin-file wrong
	complains 'one try is left'
	run 4 pin verify --pin-file wrong
	complains 'that was the last try'
	run 4 pin verify --pin-file pin
	complains 'no try is left'
	complains 'minidriver-tool challenge'
	run 5 doctor --module "$MODULE"
	says '^bad +PIN +the PIN of role 1 is blocked'
	says 'fix: minidriver-tool pin unblock'
	WRONG_KEY=${ADMIN_KEY%17}77 run 4 pin unblock --admin-key-env WRONG_KEY --new-pin-file new
	run 1 pin unblock --puk-file pin --new-pin-file new
	run 0 pin unblock --admin-key-file admin --new-pin-file new
	run 0 pin verify --pin-file new
	run 0 pin change --pin-file new --new-pin-file pin
}

# The user's side, in the background: its challenge is in $challenge, and it waits for a line in the pipe.
ask_for_challenge()
{
	rm -f response said
	mkfifo response
	tool challenge --response-file response --new-pin-file new >said 2>&1 </dev/null &
	user=$!
	for _ in $(seq 100); do
		challenge=$(sed -n 's/^Challenge *//p' said 2>/dev/null)
		[ -z "$challenge" ] || break
		sleep 0.05
	done
}

# answer TEXT: typed at the user's side; its exit status is in $status
answer()
{
	echo "$1" | timeout 10 tee response >/dev/null
	wait "$user"
	status=$?
}

# The administrator's side has no reader and no card.
respond()
{
	# shellcheck disable=SC2086 # typed in groups
	VCARD_READERS="$scratch/nowhere" tool respond $1 --admin-key-file admin | sed -n 's/^Response *//p'
}

at_a_distance()
{
	ask_for_challenge
	check "the user reads out the card's identifier" grep -q '^Card identifier  A0A1A2A3A4A5A6A7A8A9AAABACADAEAF$' said
	check "and the challenge" test -n "$challenge"
	answer "$(respond "$challenge")"
	is "the response unblocks" $status 0
	run 0 pin verify --pin-file new
	first=$challenge

	ask_for_challenge
	check_fails "the next challenge is another" test "$challenge" = "$first"
	answer "$(respond "$first")"
	is "the response to another challenge is refused" $status 4
	ask_for_challenge
	run 0 info
	answer "$(respond "$challenge")"
	is "a challenge that somebody else disturbed is not good any more" $status 1
	check "which is told" grep -q 'no try was lost' said
	ask_for_challenge
	answer "juggle"
	is "what is no response does not get to the card" $status 2
	run 0 pin change --pin-file new --new-pin-file pin
	run 2 respond 0123 --admin-key-file admin
	run 2 respond juggle --admin-key-file admin
	run 2 respond 0123456789ABCDEF
}

# --- a terminal ---------------------------------------------------------------------------------------------------------

# at_terminal ANSWERS ARGUMENT...: answers are given one by one, when a question has come. What was seen is in screen.
at_terminal()
{
	local answers=$1 c seen='' pid from to
	shift
	: >screen
	# whoever runs the tests in the background may have them ignore SIGINT
	printf '%q ' env --default-signal=INT LD_LIBRARY_PATH="$PCSC_VCARD_DIR" "$TOOL" "$@" >line
	coproc TERMINAL { exec script -qefc "$(cat line)" typescript; }
	# shellcheck disable=SC2153 # coproc sets it
	pid=$TERMINAL_PID from=${TERMINAL[0]} to=${TERMINAL[1]}
	while IFS= read -r -N 1 -t 20 c; do
		printf '%s' "$c" >>screen
		seen+=$c
		case $seen in
		*": " | *"[y/N] ")
			[ -n "$answers" ] || continue
			printf '%b' "${answers%%|*}" >&"$to"
			case $answers in
			*'|'*) answers=${answers#*|} ;;
			*) answers= ;;
			esac
			seen=
			;;
		esac
	done <&"$from"
	# one that is still waiting is not what was expected, and must not hold up the test
	kill -0 "$pid" 2>/dev/null && sleep 1 && kill "$pid" 2>/dev/null
	wait "$pid"
	status=$?
}

terminal()
{
	at_terminal '123456\n' pin verify
	is "a PIN typed" $status 0
	check_fails "is not shown" grep -q 123456 screen
	at_terminal '123456\n|654321\n|654322\n' pin change
	is "two new PINs that differ" $status 2
	at_terminal '123456\n|654321\n|654321\n' pin change
	is "a PIN changed" $status 0
	run 0 pin change --pin-file new --new-pin-file pin
	at_terminal 'n\n' container delete elliptic
	is "an answer of no" $status 2
	check "is a no" grep -q 'left alone' screen
	at_terminal 'y\n|123456\n' container delete elliptic
	is "an answer of yes" $status 0
	run 1 container pubkey elliptic
	VCARD_LATENCY=150000,0 at_terminal '123456\n' container create slow
	is "a slow reader" $status 0
	check "shows what takes so long" grep -q 'The card makes a key \.\.\. 1 s' screen
	run 0 container delete slow --yes --pin-file pin
	at_terminal '\003' pin verify
	is "interrupted" $status 130
}

# typing WORD...: what somebody does at a reader that has keys
typing()
{
	printf '%s\n' "$*" >typing
	mv typing "$VCARD_READERS/Reader A/pinpad"
}

# A reader with keys: the PIN is entered there, unless it was given.
at_the_reader()
{
	remove
	typing 123456
	insert a.card
	run 0 info
	says '^1 +primary +at the reader'
	run 0 pin verify
	complains 'enter the PIN at the reader'
	typing cancel
	run 4 pin verify
	complains 'cancelled'
	typing 999999
	run 4 pin verify
	complains '2 tries are left'
	run 0 pin verify --pin-file pin
	typing 123456 654321 654321
	run 0 pin change
	typing 654321
	run 0 container default login
	rm "$VCARD_READERS/Reader A/pinpad"
	remove
	insert a.card
	run 0 pin change --pin-file new --new-pin-file pin
}

# --- what is wrong ------------------------------------------------------------------------------------------------------

checking()
{
	tool cat mscp/cmapfile >cmap
	head -c 100 cmap >short.map
	run 0 put short.map mscp/cmapfile --pin-file pin
	run 5 check
	complains 'check --repair'
	run 5 check --json
	says '"repairable":true'
	run 0 check --repair --pin-file pin
	says '^mended'
	run 0 check
	run 0 container list
}

doctor()
{
	run 5 doctor --module "$scratch/nothing.so"
	says '^bad +module +.*nothing.so is not there'
	says '^ +fix: '
	run 5 doctor --module "$scratch/pin"
	says 'does not load'
	mkdir -p .config/pkcs11/modules .pki/nssdb .mozilla/firefox/abc.default
	printf 'module: %s\n' "$MODULE" >.config/pkcs11/modules/minidriver-pkcs11.module
	printf 'library=%s\nname=minidriver-pkcs11\n' "$MODULE" >.pki/nssdb/pkcs11.txt
	printf 'library=\nname=NSS Internal PKCS #11 Module\n' >.mozilla/firefox/abc.default/pkcs11.txt
	run 0 doctor --module "$MODULE"
	says '^ok +module '
	says '^ok +p11-kit +.*minidriver-pkcs11.module names'
	says '^ok +NSS .*/\.pki/nssdb has the module'
	says '^note +NSS .*/abc\.default does not have the module'
	says "fix: .*modutil -dbdir 'sql:"
	says '^ok +card +it is consistent'
	says '^note +certificate +that of ".*" is good until [0-9]* only'
	printf 'library=/nowhere/minidriver-pkcs11.so\n' >.pki/nssdb/pkcs11.txt
	run 5 doctor --module "$MODULE" --json
	says '"state":"bad"'
	says 'which is not there'
	printf 'library=%s\n' "$MODULE" >.pki/nssdb/pkcs11.txt
	echo juggling = yes >>"$XDG_CONFIG_HOME/minidriver-pkcs11.conf"
	run 5 doctor --module "$MODULE"
	says '^bad +configuration .*unknown setting'
	sed -i /juggling/d "$XDG_CONFIG_HOME/minidriver-pkcs11.conf"
}

# A card whose names are meant for the terminal and not for people.
hostile()
{
	remove
	"$VCARD_PERSO" create evil.card
	"$VCARD_PERSO" format evil.card --pin 123456 --admin-key $ADMIN_KEY
	"$VCARD_PERSO" keygen evil.card --pin 123456 --index 0 --alg rsa1024 --kind exchange \
		--name "$(printf '\342\200\256yek\302\2332J ')"
	echo x >x
	"$VCARD_PERSO" put evil.card --pin 123456 --dir "" --name "$(printf 'a\033[2J')" --in x
	insert evil.card
	for verb in list info ls "container list" check "container list --json" "ls --json" "check --json"; do
		# shellcheck disable=SC2086 # words
		tool $verb >out 2>&1
		is "$verb: nothing for the terminal in it" "$(LC_ALL=C grep -c "$(printf '[\001-\010\013-\037\177]')" out)" 0
		is "$verb: nor marks that cannot be seen" "$(grep -cE "$(printf '\342\200\256|\302\233')" out)" 0
	done
	remove
	insert a.card
}

# The other kind of card: a PUK, and an administrator who writes keys and certificates.
piv()
{
	echo 12345678 >puk
	echo 010203040506070801020304050607080102030405060708 >management
	"$VCARD_PERSO" create piv.card --applications piv
	"$VCARD_PERSO" piv-format piv.card
	remove
	insert piv.card
	run 0 info
	says '^Minidriver +PIV'
	says '^4 +unblocking only'
	run 0 container list
	says 'no keys'
	run 1 container create --pin-file pin
	complains '--admin'
	run 0 container create --admin-key-file management --pin-file pin
	run 0 container list
	says '^0 .* exchange +rsa2048'
	run 0 container pubkey 0
	mv out piv.pub
	openssl x509 -new -force_pubkey piv.pub -subj /CN=Bob -CA rsa.pem -CAkey rsa.key -days 20 -out piv.pem 2>openssl.err
	run 0 cert put piv.pem --admin-key-file management
	run 0 cert get 0
	check "the certificate comes back" cmp out piv.pem
	for _ in 1 2 3; do run 4 pin verify --pin-file wrong; done
	run 1 challenge
	complains 'the admin key does not unblock role 1'
	run 4 pin unblock --puk-file pin --new-pin-file new
	run 0 pin unblock --puk-file puk --new-pin-file new
	run 0 pin verify --pin-file new
	run 0 check
	remove
	insert a.card
}

# One container for two keys.
two_keys()
{
	openssl genrsa -aes128 -passout pass:secret -out other.key 2048 2>openssl.err
	run 0 container create double --pin-file pin
	run 0 container import rsa.key --into double --signature --pin-file pin
	run 0 container list
	says '^[0-9]+ +double +exchange +rsa2048'
	says '^[0-9]+ +double +signature +rsa2048'
	run 0 cert put rsa.pem --pin-file pin
	run 0 cert get double --slot signature
	run 2 container pubkey double
	complains 'choose with --slot'
	run 2 container pubkey double --slot middle
	run 0 container pubkey double --slot exchange
	mv out exchange.pub
	run 2 container import other.key --password-file password --into double --slot exchange --replace --pin-file pin
	complains 'lost for ever'
	run 4 container import other.key --password-file wrong --into double --slot exchange --replace --yes --pin-file pin
	run 0 container import other.key --password-file password --into double --slot exchange --replace --yes --pin-file pin
	run 0 container pubkey double --slot exchange
	check_fails "the key has been replaced" cmp out exchange.pub
	run 2 container import other.key --replace --password-file password --pin-file pin
	run 2 container delete double --slot exchange --pin-file pin
	complains 'Both keys'
	run 0 container delete double --slot exchange --pin-file pin --yes
	run 0 container list
	is "both keys are gone" "$(grep -c double out)" 0
	run 0 ls mscp
	run 0 check
}

ending()
{
	run 2 create --recreate --admin-key-file admin
	run 0 create --recreate --yes --admin-key-file admin
	run 0 container list
	says 'no keys'
	run 0 pin verify --pin-file pin
	run 0 create --recreate --yes --admin-key-file admin --new-pin-file new
	run 0 pin verify --pin-file new
	run 0 check
	tool list >/dev/full 2>err
	is "a full disk is noticed" $? 1
}

words
choosing
creating
files_of_others
keys
import
certificates
roots
cache
files
pins
at_a_distance
terminal
at_the_reader
checking
doctor
hostile
piv
two_keys
ending
finish
