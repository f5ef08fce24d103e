# SPDX-License-Identifier: BSD-2-Clause
# The minidrivers and what they stand on. Add a source file to the list of its folder; headers too.

noinst_LTLIBRARIES += libcardbase.la libcardlib.la

# base: bytes, secrets, log; also what the virtual card may share
libcardbase_la_SOURCES = \
	include/carderr.h \
	cardlib/base/auto.h \
	cardlib/base/buf.c \
	cardlib/base/buf.h \
	cardlib/base/cursor.c \
	cardlib/base/cursor.h \
	cardlib/base/digestinfo.c \
	cardlib/base/digestinfo.h \
	cardlib/base/inflate.c \
	cardlib/base/inflate.h \
	cardlib/base/limits.h \
	cardlib/base/lock.c \
	cardlib/base/lock.h \
	cardlib/base/log.c \
	cardlib/base/log.h \
	cardlib/base/privkey.c \
	cardlib/base/privkey.h \
	cardlib/base/pubkey.c \
	cardlib/base/pubkey.h \
	cardlib/base/secret.c \
	cardlib/base/secret.h \
	cardlib/base/types.h \
	cardlib/base/utf16.c \
	cardlib/base/utf16.h
libcardbase_la_LIBADD = $(ZLIB_LIBS)

libcardlib_la_SOURCES = $(CARD_SOURCES) $(ISO7816_SOURCES) $(TRANSPORT_SOURCES) $(GIDS_SOURCES) $(PIV_SOURCES)
libcardlib_la_LIBADD = libcardbase.la $(PCSC_LIBS) $(CRYPTO_LIBS)

ISO7816_SOURCES = \
	cardlib/iso7816/apdu.c \
	cardlib/iso7816/apdu.h \
	cardlib/iso7816/atr.c \
	cardlib/iso7816/exchange.c \
	cardlib/iso7816/sw.c \
	cardlib/iso7816/sw.h \
	cardlib/iso7816/tlv.c \
	cardlib/iso7816/tlv.h
TRANSPORT_SOURCES = \
	cardlib/transport/io.c \
	cardlib/transport/monitor.c \
	cardlib/transport/others.c \
	cardlib/transport/pcsc.c \
	cardlib/transport/pcsc.h \
	cardlib/transport/pinpad.c \
	cardlib/transport/trace.c \
	cardlib/transport/transport.h
GIDS_SOURCES = \
	cardlib/gids/acquire.c \
	cardlib/gids/admin.c \
	cardlib/gids/blank.c \
	cardlib/gids/cache.c \
	cardlib/gids/container.c \
	cardlib/gids/create.c \
	cardlib/gids/decrypt.c \
	cardlib/gids/fs.c \
	cardlib/gids/gids.h \
	cardlib/gids/key.c \
	cardlib/gids/pin.c \
	cardlib/gids/property.c \
	cardlib/gids/session.c \
	cardlib/gids/sessionpin.c \
	cardlib/gids/sign.c \
	cardlib/gids/table.c \
	cardlib/gids/write.c
PIV_SOURCES = \
	cardlib/piv/acquire.c \
	cardlib/piv/admin.c \
	cardlib/piv/agree.c \
	cardlib/piv/cache.c \
	cardlib/piv/cert.c \
	cardlib/piv/cmap.c \
	cardlib/piv/container.c \
	cardlib/piv/create.c \
	cardlib/piv/decrypt.c \
	cardlib/piv/factory.c \
	cardlib/piv/fs.c \
	cardlib/piv/key.c \
	cardlib/piv/known.c \
	cardlib/piv/metadata.c \
	cardlib/piv/object.c \
	cardlib/piv/pin.c \
	cardlib/piv/piv.h \
	cardlib/piv/property.c \
	cardlib/piv/session.c \
	cardlib/piv/sign.c \
	cardlib/piv/slot.c \
	cardlib/piv/table.c \
	cardlib/piv/write.c
# registry, and what all cards share
CARD_SOURCES = \
	include/cardmod.h \
	cardlib/check.c \
	cardlib/check.h \
	cardlib/front.c \
	cardlib/front.h \
	cardlib/front_card.c \
	cardlib/front_containers.c \
	cardlib/front_files.c \
	cardlib/front_injection.c \
	cardlib/front_keys.c \
	cardlib/front_old_pins.c \
	cardlib/front_pins.c \
	cardlib/kept.c \
	cardlib/kept.h \
	cardlib/registry.c \
	cardlib/registry.h
