# SPDX-License-Identifier: BSD-2-Clause
# The virtual card: engine, in-process link, PC/SC client library, programs. It shares cardlib/base with the module, no more.
# Headers go in the lists too.

noinst_LTLIBRARIES += libvcard.la libvcardlink.la libpcsc-vcard.la libifd-vcard.la

# engine, applet, persistent state, personalisation; the link between a front and the engine
libvcard_la_SOURCES = \
	tests/vcard/engine.c \
	tests/vcard/engine.h \
	tests/vcard/fault.c \
	tests/vcard/gids.c \
	tests/vcard/gids.h \
	tests/vcard/gids_admin.c \
	tests/vcard/gids_crypto.c \
	tests/vcard/gids_data.c \
	tests/vcard/gids_file.c \
	tests/vcard/gids_key.c \
	tests/vcard/gids_pin.c \
	tests/vcard/gids_role.c \
	tests/vcard/gids_session.c \
	tests/vcard/gids_store.c \
	tests/vcard/key.c \
	tests/vcard/key.h \
	tests/vcard/key_agree.c \
	tests/vcard/key_import.c \
	tests/vcard/key_internal.h \
	tests/vcard/key_use.c \
	tests/vcard/keypad.c \
	tests/vcard/keypad.h \
	tests/vcard/link.c \
	tests/vcard/link.h \
	tests/vcard/perso.c \
	tests/vcard/perso.h \
	tests/vcard/perso_cert.c \
	tests/vcard/perso_internal.h \
	tests/vcard/perso_key.c \
	tests/vcard/perso_windows.c \
	tests/vcard/perso_piv.c \
	tests/vcard/perso_piv.h \
	tests/vcard/perso_piv_cert.c \
	tests/vcard/perso_piv_internal.h \
	tests/vcard/perso_piv_keys.c \
	tests/vcard/piv.c \
	tests/vcard/piv.h \
	tests/vcard/piv_admin.c \
	tests/vcard/piv_attest.c \
	tests/vcard/piv_auth.c \
	tests/vcard/piv_data.c \
	tests/vcard/piv_info.c \
	tests/vcard/piv_key.c \
	tests/vcard/piv_manage.c \
	tests/vcard/piv_pin.c \
	tests/vcard/piv_store.c \
	tests/vcard/profile.c \
	tests/vcard/state.c \
	tests/vcard/stats.c \
	tests/vcard/tlv.c \
	tests/vcard/tlv.h \
	tests/vcard/vcard.h
libvcard_la_LIBADD = libcardbase.la $(CRYPTO_LIBS) $(ZLIB_LIBS)

# front 1: a transport in the same process, for unit and card tests
libvcardlink_la_SOURCES = \
	tests/vcard/io_front.c \
	tests/vcard/io_front.h

# front 2: the PC/SC client API without a daemon; found by programs as tests/vcard/pcsc/libpcsclite.so.1
libpcsc_vcard_la_SOURCES = \
	tests/vcard/pcsc_card.c \
	tests/vcard/pcsc_connect.c \
	tests/vcard/pcsc_control.c \
	tests/vcard/pcsc_error.c \
	tests/vcard/pcsc_front.c \
	tests/vcard/pcsc_front.h \
	tests/vcard/pcsc_handle.c \
	tests/vcard/pcsc_reader.c \
	tests/vcard/pcsc_share.c \
	tests/vcard/pcsc_state.c \
	tests/vcard/pcsc_transact.c \
	tests/vcard/pcsc_wait.c \
	tests/vcard/pcsc_world.h
libpcsc_vcard_la_LIBADD = libvcard.la
libpcsc_vcard_la_LDFLAGS = $(AM_LDFLAGS) $(MD_MODULE_LDFLAGS) -module -avoid-version -shared -rpath /nowhere \
	-Wl,--version-script=$(srcdir)/tests/vcard/libpcsc-vcard.map
EXTRA_libpcsc_vcard_la_DEPENDENCIES = $(srcdir)/tests/vcard/libpcsc-vcard.map
EXTRA_DIST += tests/vcard/libpcsc-vcard.map

PCSC_VCARD_LINK = tests/vcard/pcsc/libpcsclite.so.1
noinst_DATA += $(PCSC_VCARD_LINK)
CLEANFILES += $(PCSC_VCARD_LINK)

$(PCSC_VCARD_LINK): | libpcsc-vcard.la
	$(AM_V_GEN)$(MKDIR_P) tests/vcard/pcsc && rm -f $@ && $(LN_S) ../../../.libs/libpcsc-vcard.so $@

# the same as a reader driver in a real pcscd, for readers with keys
libifd_vcard_la_SOURCES = tests/vcard/ifd_front.c
libifd_vcard_la_LIBADD = libvcard.la
libifd_vcard_la_LDFLAGS = $(AM_LDFLAGS) $(MD_MODULE_LDFLAGS) -module -avoid-version -shared -rpath /nowhere \
	-export-symbols-regex '^IFDH'

# front 3: a client of the vpcd driver under a real pcscd
noinst_PROGRAMS += tests/vcard/vcard
tests_vcard_vcard_SOURCES = tests/vcard/vpcd_front.c
tests_vcard_vcard_LDADD = libvcard.la $(CRYPTO_LIBS) $(ZLIB_LIBS)

# makes and personalises card files
noinst_PROGRAMS += tests/vcard/vcard-perso
tests_vcard_vcard_perso_SOURCES = tests/vcard/vcard-perso.c tests/vcard/perso_options.c tests/vcard/perso_options.h \
	tests/vcard/perso_piv_options.c tests/vcard/perso_piv_verbs.c tests/vcard/perso_verbs.h
tests_vcard_vcard_perso_LDADD = libvcard.la $(CRYPTO_LIBS) $(ZLIB_LIBS)

# For those who test other programs with it; not a part of "make install".
vcardlibdir = $(libdir)/minidriver-vcard
install-vcard: tests/vcard/vcard tests/vcard/vcard-perso libpcsc-vcard.la
	$(MKDIR_P) $(DESTDIR)$(bindir) $(DESTDIR)$(vcardlibdir)
	$(LIBTOOL) --mode=install $(INSTALL_PROGRAM) tests/vcard/vcard tests/vcard/vcard-perso $(DESTDIR)$(bindir)
	$(INSTALL_DATA) .libs/libpcsc-vcard.so $(DESTDIR)$(vcardlibdir)/libpcsclite.so.1
.PHONY: install-vcard
