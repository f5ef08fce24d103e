# SPDX-License-Identifier: BSD-2-Clause
# Tests. A program tests/<folder>/test_<noun>.c is one line in its list below: its source is found by its name, and
# it is linked with everything (testing library, virtual card, all layers of the module). Exit codes: 0 passed, 77
# skipped, other failed. Shell tests are TAP or exit code in the same way; they go in their own lists.

UNIT_TESTS =
CARD_TESTS =
MODULE_TESTS =
STATIC_TESTS =
E2E_TESTS =
FUZZ_TARGETS =
BENCHES =

# those of the above that start threads; run under ThreadSanitizer
THREADED_TESTS =

# --- libraries for tests --------------------------------------------------------------------------------------

check_LTLIBRARIES += libtest.la
libtest_la_SOURCES =
libtest_la_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)

AM_DEFAULT_SOURCE_EXT = .c
LDADD = libtest.la libvcardlink.la libvcard.la libp11.la libcsp.la libcardlib.la libcardbase.la \
	$(CMOCKA_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) -ldl

COMPILED_TESTS = $(UNIT_TESTS) $(CARD_TESTS) $(MODULE_TESTS)

check_PROGRAMS += $(COMPILED_TESTS)

TESTS += $(COMPILED_TESTS) $(STATIC_TESTS) $(E2E_TESTS)

# --- how tests are run ----------------------------------------------------------------------------------------

TEST_EXTENSIONS = .sh
AM_TESTS_ENVIRONMENT = . ./tests/lib/env.sh;
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/lib/run.sh
SH_LOG_COMPILER = $(SHELL)

EXTRA_DIST += tests/lib/run.sh $(STATIC_TESTS) $(E2E_TESTS)
