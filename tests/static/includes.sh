#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Who may include what. The layers are only worth their name while this table holds: no libcrypto below the seam, no
# winscard but in one file, no other cryptography, no device. R-001, R-002, R-005, R-019
# shellcheck source=tests/lib/check.sh
. "$abs_top_srcdir/tests/lib/check.sh"

need awk

# file pattern; our own headers it may include (a name, or a folder with its slash); guarded system headers it may include.
# The first row that fits a file counts. Other system headers (libc, pthread) are free to all.
table()
{
	cat <<'END'
include/carderr.h            base/types.h                                                        -
include/cardmod.h            base/ carderr.h                                                     -
include/pkcs11.h             -                                                                   p11-kit/
cardlib/base/inflate.c       base/ carderr.h                                                     zlib.h
cardlib/base/*               base/ carderr.h                                                     -
cardlib/transport/pcsc.c     transport/ base/ carderr.h                                          winscard.h wintypes.h reader.h pcsclite.h
cardlib/transport/*          transport/ base/ carderr.h                                          -
cardlib/iso7816/*            iso7816/ transport/transport.h base/ carderr.h                      -
cardlib/gids/*               gids/ cardmod.h carderr.h check.h kept.h iso7816/ base/             -
cardlib/piv/*                piv/ cardmod.h carderr.h check.h kept.h iso7816/ base/              -
cardlib/registry.h           cardmod.h                                                           -
cardlib/registry.c           registry.h check.h front.h cardmod.h carderr.h gids/gids.h piv/piv.h base/   -
cardlib/kept.*               kept.h cardmod.h carderr.h base/                                    -
cardlib/check.*              check.h cardmod.h carderr.h base/                                   -
cardlib/front*               front.h check.h cardmod.h carderr.h base/                           -
src/csp/cert.c               csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/crypto.c             csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/digest.c             csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/ephemeral.c          csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/keyfile.c            csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/libcrypto.h          csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/point.c              csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/pubkey.c             csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/random.c             csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/response.c           csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/roots.c              csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/rsa.c                csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/verify.c             csp/ cardmod.h carderr.h registry.h transport/transport.h base/     openssl/
src/csp/config.c             csp/ cardmod.h carderr.h registry.h transport/transport.h base/     ini.h
src/csp/*                    csp/ cardmod.h carderr.h registry.h transport/transport.h base/     -
src/p11/rv.c                 p11/ pkcs11.h csp/csp.h carderr.h base/                             -
src/p11/*                    p11/ pkcs11.h csp/csp.h csp/manage.h base/                          -
src/tool/*                   tool/ csp/csp.h csp/manage.h base/                                  json-c/
tests/vcard/pcsc*            vcard/ base/                                                        winscard.h wintypes.h reader.h pcsclite.h
tests/vcard/perso*           vcard/ base/                                                        openssl/ zlib.h
tests/vcard/ifd_front.c      vcard/ base/                                                        ifdhandler.h
tests/vcard/io_front*        vcard/ base/ carderr.h transport/transport.h                        -
tests/vcard/*                vcard/ base/                                                        openssl/
END
}

# violations ROOT: prints each include under ROOT that the table does not allow.
violations()
{
	(
		cd "$1" || exit
		table >"$scratch/table"
		find include cardlib src tests/vcard -name '*.[ch]' 2>/dev/null | sort |
			xargs grep -Hn '^[[:space:]]*#[[:space:]]*include' /dev/null |
			awk -v table="$scratch/table" -f "$abs_top_srcdir/tests/static/includes.awk"
	)
}

# bad FILE INCLUDE: a tree with this one include must be refused, and for this include.
bad()
{
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/$(dirname "$1")"
	printf '#include %s\n' "$2" >"$scratch/tree/$1"
	violations "$scratch/tree" >"$scratch/out"
	if grep -qF "$1:1: $2" "$scratch/out"; then
		pass "refuses $2 in $1"
	else
		fail "refuses $2 in $1" "$(cat "$scratch/out")"
	fi
}

good()
{
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/$(dirname "$1")"
	printf '#include %s\n' "$2" >"$scratch/tree/$1"
	violations "$scratch/tree" >"$scratch/out"
	if [ -s "$scratch/out" ]; then
		fail "takes $2 in $1" "$(cat "$scratch/out")"
	else
		pass "takes $2 in $1"
	fi
}

scratch

bad src/p11/sign.c '"cardmod.h"'
bad src/p11/sign.c '"carderr.h"'
bad src/p11/sign.c '"iso7816/apdu.h"'
bad src/p11/sign.c '"csp/internal.h"'
bad src/p11/sign.c '<winscard.h>'
bad src/p11/sign.c '<openssl/evp.h>'
bad src/csp/key.c '"pkcs11.h"'
bad src/csp/key.c '"iso7816/sw.h"'
bad src/csp/key.c '"gids/gids.h"'
bad src/csp/key.c '<openssl/evp.h>'
bad src/tool/info.c '"cardmod.h"'
bad cardlib/gids/pin.c '"csp/csp.h"'
bad cardlib/gids/pin.c '"piv/piv.h"'
bad cardlib/gids/pin.c '"transport/transport.h"'
bad cardlib/piv/pin.c '"gids/gids.h"'
bad cardlib/iso7816/apdu.c '"cardmod.h"'
bad cardlib/transport/trace.c '<winscard.h>'
bad cardlib/transport/trace.c '"iso7816/apdu.h"'
bad cardlib/base/buf.c '"transport/transport.h"'
bad cardlib/base/buf.c '<zlib.h>'
bad cardlib/newcard/pin.c '"csp/csp.h"'
bad tests/vcard/engine.c '"gids/gids.h"'
bad src/p11/sign.c '"../csp/internal.h"'
bad src/p11/sign.c '"p11/../../cardlib/gids/gids.h"'
good src/p11/rv.c '"carderr.h"'
good src/csp/crypto.c '<openssl/evp.h>'
good cardlib/transport/pcsc.c '<winscard.h>'
good cardlib/gids/pin.c '"iso7816/apdu.h"'
good src/p11/sign.c '<string.h>'

violations "$abs_top_srcdir" >"$scratch/out"
if [ -s "$scratch/out" ]; then
	fail "every include in the tree follows the table" "$(cat "$scratch/out")"
else
	pass "every include in the tree follows the table"
fi

finish
