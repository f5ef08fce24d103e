# SPDX-License-Identifier: BSD-2-Clause
# The virtual card: engine, in-process link, PC/SC client library, programs. It shares cardlib/base with the module, no more.
# Headers go in the lists too.

noinst_LTLIBRARIES += libvcard.la libvcardlink.la libpcsc-vcard.la

# engine, applet, persistent state, personalisation
libvcard_la_SOURCES = tests/vcard/vcard.h
libvcard_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
libvcard_la_LIBADD = libcardbase.la $(CRYPTO_LIBS)

# front 1: a transport in the same process, for unit and card tests
libvcardlink_la_SOURCES =
libvcardlink_la_LIBADD = libvcard.la

# front 2: the PC/SC client API without a daemon; found by programs as tests/vcard/pcsc/libpcsclite.so.1
libpcsc_vcard_la_SOURCES =
libpcsc_vcard_la_CPPFLAGS = $(AM_CPPFLAGS) $(PCSC_CFLAGS)
libpcsc_vcard_la_LIBADD = libvcard.la
libpcsc_vcard_la_LDFLAGS = $(AM_LDFLAGS) $(MD_MODULE_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

PCSC_VCARD_LINK = tests/vcard/pcsc/libpcsclite.so.1
noinst_DATA += $(PCSC_VCARD_LINK)
CLEANFILES += $(PCSC_VCARD_LINK)

$(PCSC_VCARD_LINK): | libpcsc-vcard.la
	$(AM_V_GEN)$(MKDIR_P) tests/vcard/pcsc && rm -f $@ && $(LN_S) ../../../.libs/libpcsc-vcard.so $@

# front 3: vcard, a client of the vpcd driver under a real pcscd; vcard-perso makes card files. Both are linked with
VCARD_PROGRAM_LIBS = libvcard.la libcardbase.la $(CRYPTO_LIBS)
