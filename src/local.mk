# SPDX-License-Identifier: BSD-2-Clause
# The PKCS#11 front, the common part over the cards, and the module made of them.

noinst_LTLIBRARIES += libcsp.la libp11.la

libcsp_la_SOURCES = \
	src/csp/apps.c \
	src/csp/attrs.c \
	src/csp/authenticator.c \
	src/csp/cache.c \
	src/csp/callbacks.c \
	src/csp/card.c \
	src/csp/card.h \
	src/csp/cert.c \
	src/csp/cert.h \
	src/csp/certfile.c \
	src/csp/certwrite.c \
	src/csp/check.c \
	src/csp/cmap.c \
	src/csp/container.c \
	src/csp/create.c \
	src/csp/data.c \
	src/csp/dataname.c \
	src/csp/digest.c \
	src/csp/diskcache.c \
	src/csp/diskcache.h \
	src/csp/config.c \
	src/csp/crypto.c \
	src/csp/crypto.h \
	src/csp/csp.h \
	src/csp/ephemeral.c \
	src/csp/ephemeral.h \
	src/csp/file.c \
	src/csp/format.c \
	src/csp/fs.c \
	src/csp/info.c \
	src/csp/instance.c \
	src/csp/key.c \
	src/csp/keyfile.c \
	src/csp/keygen.c \
	src/csp/label.c \
	src/csp/libcrypto.h \
	src/csp/manage.h \
	src/csp/padding.c \
	src/csp/padding.h \
	src/csp/pin.c \
	src/csp/point.c \
	src/csp/pubkey.c \
	src/csp/random.c \
	src/csp/reader.c \
	src/csp/release.c \
	src/csp/response.c \
	src/csp/response.h \
	src/csp/role.c \
	src/csp/roots.c \
	src/csp/rsa.c \
	src/csp/store.c \
	src/csp/token.c \
	src/csp/turn.c \
	src/csp/turn.h \
	src/csp/txn.c \
	src/csp/verify.c \
	src/csp/view.c \
	src/csp/wait.c
libcsp_la_LIBADD = $(CRYPTO_LIBS) $(INIH_LIBS)
AM_CPPFLAGS += $(INIH_CFLAGS) -DMD_SYSCONFDIR='"$(sysconfdir)"'

libp11_la_SOURCES = \
	include/pkcs11.h \
	src/p11/attr.c \
	src/p11/attr.h \
	src/p11/certattr.c \
	src/p11/complete.c \
	src/p11/copy.c \
	src/p11/create.h \
	src/p11/dataobj.c \
	src/p11/decrypt.c \
	src/p11/destroy.c \
	src/p11/derive.c \
	src/p11/digest.c \
	src/p11/encrypt.c \
	src/p11/enter.c \
	src/p11/entry.c \
	src/p11/event.c \
	src/p11/find.c \
	src/p11/general.c \
	src/p11/generate.c \
	src/p11/import.c \
	src/p11/inittoken.c \
	src/p11/instance.h \
	src/p11/keyattr.c \
	src/p11/keygen.c \
	src/p11/login.c \
	src/p11/mech.c \
	src/p11/mech.h \
	src/p11/mechanism.c \
	src/p11/message.c \
	src/p11/module.c \
	src/p11/object.c \
	src/p11/ontoken.c \
	src/p11/ontoken.h \
	src/p11/op.c \
	src/p11/op.h \
	src/p11/output.c \
	src/p11/p11.h \
	src/p11/pin.c \
	src/p11/pin.h \
	src/p11/random.c \
	src/p11/recover.c \
	src/p11/root.c \
	src/p11/rv.c \
	src/p11/memattr.c \
	src/p11/memory.c \
	src/p11/memory.h \
	src/p11/session.c \
	src/p11/sessiontable.c \
	src/p11/sign.c \
	src/p11/slot.c \
	src/p11/slottable.c \
	src/p11/state.c \
	src/p11/token.c \
	src/p11/template.c \
	src/p11/template.h \
	src/p11/unsupported.c \
	src/p11/value.c \
	src/p11/verify.c \
	src/p11/wrap.c

module_LTLIBRARIES = minidriver-pkcs11.la
minidriver_pkcs11_la_SOURCES =
minidriver_pkcs11_la_LIBADD = libp11.la libcsp.la libcardlib.la
minidriver_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) $(MD_MODULE_LDFLAGS) -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/src/module.map
minidriver_pkcs11_la_DEPENDENCIES = $(minidriver_pkcs11_la_LIBADD) src/module.map

# --- minidriver-tool: verbs over the common part --------------------------------------------------------------

bin_PROGRAMS = minidriver-tool
minidriver_tool_SOURCES = \
	src/tool/adminkey.h \
	src/tool/ask.c \
	src/tool/cache.c \
	src/tool/card.c \
	src/tool/cert.c \
	src/tool/challenge.c \
	src/tool/check.c \
	src/tool/container.c \
	src/tool/create.c \
	src/tool/doctor.c \
	src/tool/doctor.h \
	src/tool/doctor_cards.c \
	src/tool/doctor_host.c \
	src/tool/doctor_modules.c \
	src/tool/encode.c \
	src/tool/encode.h \
	src/tool/file.c \
	src/tool/fs.c \
	src/tool/holders.c \
	src/tool/holders.h \
	src/tool/import.c \
	src/tool/info.c \
	src/tool/keyfile.h \
	src/tool/list.c \
	src/tool/main.c \
	src/tool/name.c \
	src/tool/options.c \
	src/tool/out.c \
	src/tool/out.h \
	src/tool/pin.c \
	src/tool/progress.c \
	src/tool/report.c \
	src/tool/roots.c \
	src/tool/tool.h \
	src/tool/verbs.c
TOOL_CPPFLAGS = $(JSON_C_CFLAGS) -DTOOL_VERSION='"$(VERSION)"' -DTOOL_MODULE='"$(moduledir)/minidriver-pkcs11.so"' \
	-DTOOL_P11_KIT_MODULES='"$(p11_kit_modules)"' -DTOOL_P11_KIT_PATH='"$(p11_kit_path)"' \
	-DTOOL_PCSC_DRIVERS='"$(pcsc_drivers)"'
minidriver_tool_CPPFLAGS = $(AM_CPPFLAGS) $(TOOL_CPPFLAGS)
minidriver_tool_LDADD = libcsp.la libcardlib.la libcardbase.la $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JSON_C_LIBS) -ldl

EXTRA_DIST += src/module.map

# libtool leaves an archive file beside every module; nobody links with this one, but without it libtool would not
# uninstall the module either
install-data-hook:
	rm -f $(DESTDIR)$(moduledir)/minidriver-pkcs11.la

uninstall-hook:
	rm -f $(DESTDIR)$(moduledir)/minidriver-pkcs11.so
