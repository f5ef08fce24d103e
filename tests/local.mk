# SPDX-License-Identifier: BSD-2-Clause
# Tests. A program tests/<folder>/test_<noun>.c is one line in its list below: its source is found by its name, and it
# is linked with everything (test library, virtual card, all layers of the module). A shell test is one line as well.
# Exit codes: 0 passed, 77 skipped, other failed.

UNIT_TESTS = \
	tests/unit/test_apdu \
	tests/unit/test_atr \
	tests/unit/test_base_buf \
	tests/unit/test_base_cursor \
	tests/unit/test_base_inflate \
	tests/unit/test_base_lock \
	tests/unit/test_base_log \
	tests/unit/test_base_pubkey \
	tests/unit/test_base_secret \
	tests/unit/test_base_utf16 \
	tests/unit/test_csp_agree \
	tests/unit/test_csp_authenticator \
	tests/unit/test_csp_cert \
	tests/unit/test_csp_cmap \
	tests/unit/test_csp_config \
	tests/unit/test_csp_container \
	tests/unit/test_csp_crypto \
	tests/unit/test_csp_diskcache \
	tests/unit/test_csp_keyfile \
	tests/unit/test_csp_padding \
	tests/unit/test_csp_pin \
	tests/unit/test_csp_roots \
	tests/unit/test_csp_txn \
	tests/unit/test_monitor \
	tests/unit/test_p11_derive \
	tests/unit/test_p11_front \
	tests/unit/test_p11_manage \
	tests/unit/test_p11_mech \
	tests/unit/test_p11_output \
	tests/unit/test_p11_rv \
	tests/unit/test_pinpad \
	tests/unit/test_sw \
	tests/unit/test_tlv \
	tests/unit/test_tool_text \
	tests/unit/test_trace \
	tests/unit/test_transport \
	tests/unit/test_vcard_access \
	tests/unit/test_vcard_auth \
	tests/unit/test_vcard_engine \
	tests/unit/test_vcard_faults \
	tests/unit/test_vcard_gids \
	tests/unit/test_vcard_key \
	tests/unit/test_vcard_keypad \
	tests/unit/test_vcard_link \
	tests/unit/test_vcard_pcsc \
	tests/unit/test_vcard_perso \
	tests/unit/test_vcard_piv \
	tests/unit/test_vcard_piv_admin \
	tests/unit/test_vcard_piv_key \
	tests/unit/test_vcard_piv_perso \
	tests/unit/test_vcard_piv_pin \
	tests/unit/test_vcard_piv_token \
	tests/unit/test_vcard_role \
	tests/unit/test_vcard_sharing \
	tests/unit/test_vcard_vpcd \
	tests/unit/test_vcard_windows
CARD_TESTS = \
	tests/card/test_csp_gids \
	tests/card/test_contract \
	tests/card/test_front \
	tests/card/test_csp_gids_manage \
	tests/card/test_csp_gids_pull \
	tests/card/test_csp_piv_pull \
	tests/card/test_gids \
	tests/card/test_gids_admin \
	tests/card/test_gids_blank \
	tests/card/test_gids_container \
	tests/card/test_gids_create \
	tests/card/test_gids_decrypt \
	tests/card/test_gids_fs \
	tests/card/test_gids_hostile \
	tests/card/test_gids_import \
	tests/card/test_gids_key \
	tests/card/test_gids_matrix \
	tests/card/test_gids_pin \
	tests/card/test_gids_property \
	tests/card/test_gids_role \
	tests/card/test_gids_sessionpin \
	tests/card/test_gids_sign \
	tests/card/test_gids_write \
	tests/card/test_piv \
	tests/card/test_piv_25519 \
	tests/card/test_piv_cache \
	tests/card/test_piv_hostile \
	tests/card/test_piv_manage \
	tests/card/test_piv_key \
	tests/card/test_piv_fresh
MODULE_TESTS = \
	tests/module/test_25519 \
	tests/module/test_attributes \
	tests/module/test_big_keys \
	tests/module/test_cache \
	tests/module/test_cache_piv \
	tests/module/test_callers \
	tests/module/test_copies \
	tests/module/test_data_objects \
	tests/module/test_decrypt \
	tests/module/test_digest \
	tests/module/test_events \
	tests/module/test_fork \
	tests/module/test_general \
	tests/module/test_growth \
	tests/module/test_hostile \
	tests/module/test_idle \
	tests/module/test_interleave \
	tests/module/test_keygen \
	tests/module/test_login \
	tests/module/test_manage_objects \
	tests/module/test_manage_pins \
	tests/module/test_manage_token \
	tests/module/test_message \
	tests/module/test_objects \
	tests/module/test_piv \
	tests/module/test_piv_long \
	tests/module/test_profiles \
	tests/module/test_recover \
	tests/module/test_session_keys \
	tests/module/test_session_objects \
	tests/module/test_sessions \
	tests/module/test_rest \
	tests/module/test_sharing \
	tests/module/test_sharing_login \
	tests/module/test_sign \
	tests/module/test_slots \
	tests/module/test_stress \
	tests/module/test_threads \
	tests/module/test_unload \
	tests/module/test_verify \
	tests/module/test_wrap
# those of the above that start threads, for ThreadSanitizer; it knows nothing of forked threads (test_fork)
THREADED_TESTS = \
	tests/unit/test_base_lock \
	tests/unit/test_csp_cmap \
	tests/unit/test_csp_container \
	tests/unit/test_csp_crypto \
	tests/unit/test_csp_pin \
	tests/unit/test_csp_txn \
	tests/unit/test_monitor \
	tests/unit/test_transport \
	tests/unit/test_vcard_pcsc \
	tests/unit/test_vcard_sharing \
	tests/card/test_csp_gids \
	tests/module/test_attributes \
	tests/module/test_callers \
	tests/module/test_copies \
	tests/module/test_data_objects \
	tests/module/test_decrypt \
	tests/module/test_digest \
	tests/module/test_events \
	tests/module/test_general \
	tests/module/test_hostile \
	tests/module/test_idle \
	tests/module/test_keygen \
	tests/module/test_login \
	tests/module/test_manage_objects \
	tests/module/test_manage_pins \
	tests/module/test_manage_token \
	tests/module/test_message \
	tests/module/test_objects \
	tests/module/test_recover \
	tests/module/test_sessions \
	tests/module/test_rest \
	tests/module/test_sharing \
	tests/module/test_sharing_login \
	tests/module/test_sign \
	tests/module/test_slots \
	tests/module/test_stress \
	tests/module/test_threads \
	tests/module/test_verify \
	tests/module/test_wrap

# tests/fuzz/fuzz_<noun>.c with LLVMFuzzerTestOneInput(), and its corpus in tests/fuzz/corpus/<noun>/
FUZZ_TARGETS = \
	tests/fuzz/fuzz_calls \
	tests/fuzz/fuzz_cert \
	tests/fuzz/fuzz_cmap \
	tests/fuzz/fuzz_gids_card \
	tests/fuzz/fuzz_gids_table \
	tests/fuzz/fuzz_piv_card \
	tests/fuzz/fuzz_keypad \
	tests/fuzz/fuzz_tlv \
	tests/fuzz/fuzz_vcard

# beside SoftHSM 2, which sanitizers and valgrind have their own opinion of
DIFFERENTIAL_TESTS = tests/differential/test_softhsm

# need the build, not the card
STATIC_TESTS = \
	tests/static/banned.sh \
	tests/static/clients.sh \
	tests/static/exports.sh \
	tests/static/includes.sh \
	tests/static/listed.sh \
	tests/static/manpages.sh \
	tests/static/private.sh \
	tests/static/statements.sh
# other people's programs over the module, with libpcsc-vcard.so or a real pcscd
E2E_TESTS = \
	tests/bench/budgets.sh \
	tests/e2e/both-ways.sh \
	tests/e2e/idle.sh \
	tests/e2e/manage.sh \
	tests/e2e/mix.sh \
	tests/e2e/nss.sh \
	tests/e2e/opensc.sh \
	tests/e2e/outage.sh \
	tests/e2e/p11tool.sh \
	tests/e2e/pin.sh \
	tests/e2e/piv-25519.sh \
	tests/e2e/piv-opensc.sh \
	tests/e2e/piv-yubico.sh \
	tests/e2e/pinpad.sh \
	tests/e2e/piv.sh \
	tests/e2e/pkcs11-tool.sh \
	tests/e2e/service.sh \
	tests/e2e/sharing.sh \
	tests/e2e/ssh.sh \
	tests/e2e/t0.sh \
	tests/e2e/tool-service.sh \
	tests/e2e/tool-ssh.sh \
	tests/e2e/tool.sh \
	tests/e2e/windows.sh
# programs that people use with a card; they want many packages, so "make check" leaves them to "make check-clients"
CLIENT_TESTS = \
	tests/clients/chromium.sh \
	tests/clients/cryptsetup.sh \
	tests/clients/each-use.sh \
	tests/clients/eap.sh \
	tests/clients/firefox.sh \
	tests/clients/gnutls.sh \
	tests/clients/gpgsm.sh \
	tests/clients/java.sh \
	tests/clients/node.sh \
	tests/clients/nss.sh \
	tests/clients/openssh.sh \
	tests/clients/openssl.sh \
	tests/clients/openvpn.sh \
	tests/clients/p11-kit.sh \
	tests/clients/pam.sh \
	tests/clients/pkcs11-tool.sh \
	tests/clients/provider.sh \
	tests/clients/pulled.sh \
	tests/clients/python.sh \
	tests/clients/strongswan.sh \
	tests/clients/together.sh
# programs that shell tests and the benchmark run
HELPERS = \
	tests/bench/acts \
	tests/bench/crowd \
	tests/bench/spent \
	tests/bench/weight \
	tests/e2e/p11script

# what shell tests and the programs above read at run time, and headers of tests
TEST_FILES = \
	tests/fuzz/corpus \
	tests/demo.sh \
	tests/bench/bench.sh \
	tests/bench/cards.sh \
	tests/bench/chart.awk \
	tests/bench/jobs.sh \
	tests/bench/limits.awk \
	tests/bench/programs.sh \
	tests/bench/table.awk \
	tests/clients/Card.java \
	tests/clients/card.js \
	tests/clients/card.py \
	tests/clients/firefox.py \
	tests/clients/lib.sh \
	tests/clients/marionette.py \
	tests/clients/openvpn.py \
	tests/clients/told.awk \
	tests/clients/typed.py \
	tests/e2e/lib.sh \
	tests/statements/minidriver.md \
	tests/statements/minidriver.txt \
	tests/statements/piv.md \
	tests/statements/piv.txt \
	tests/statements/pkcs11.txt \
	tests/statements/table.awk \
	tests/statements/table.md \
	tests/statements/table.sh

# --- libraries for tests --------------------------------------------------------------------------------------

check_LTLIBRARIES += libtest.la libfake.la libfakecsp.la libfault.la libfuzzmain.la

# scripted card, faults, mutations, hex; fixtures of several tests
libtest_la_SOURCES = \
	tests/lib/hex.c \
	tests/lib/hex.h \
	tests/lib/mutate.c \
	tests/lib/mutate.h \
	tests/lib/script.c \
	tests/lib/script.h \
	tests/lib/test.h \
	tests/unit/keys_fixture.h \
	tests/unit/pcsc_fixture.c \
	tests/unit/pcsc_fixture.h \
	tests/unit/vcard_fixture.h \
	tests/unit/vcard_piv_fixture.h \
	tests/card/csp_world.h \
	tests/card/gids_card.c \
	tests/card/gids_card.h \
	tests/card/gids_keys.c \
	tests/card/gids_keys.h \
	tests/card/piv_card.c \
	tests/card/piv_card.h \
	tests/card/tape.c \
	tests/card/tape.h \
	tests/module/cards.c \
	tests/module/cards.h \
	tests/module/disk.c \
	tests/module/disk.h \
	tests/module/fixture.c \
	tests/module/fixture.h \
	tests/module/manage.h \
	tests/module/ops.h \
	tests/module/words.h

# readers and a minidriver in place of the real ones, for tests of the common part
libfake_la_SOURCES = \
	tests/lib/fakecard.c \
	tests/lib/fakecard.h \
	tests/lib/faketransport.c \
	tests/lib/faketransport.h

# a common part in place of src/csp, for tests of the front; never beside libfake.la, which is for the real one
libfakecsp_la_SOURCES = tests/lib/fakecsp.c tests/lib/fakecsp.h

# allocations that fail on demand; last in the list of libraries, since all the others call it
libfault_la_SOURCES = tests/lib/fault.c tests/lib/fault.h

# main() of a fuzz target that only replays its corpus; a program with a main() of its own does not take it
libfuzzmain_la_SOURCES = tests/fuzz/main.c

AM_DEFAULT_SOURCE_EXT = .c
TESTED_LIBS = libtest.la libvcardlink.la libvcard.la libp11.la libcsp.la libcardlib.la libcardbase.la \
	$(CRYPTO_LIBS) $(ZLIB_LIBS)

if ENABLE_FUZZ
COMPILED_TESTS = $(FUZZ_TARGETS)
LDADD = $(TESTED_LIBS) $(MD_FUZZ_LDFLAGS)
HELPERS_BUILT =
BESIDE_OTHERS =
else
COMPILED_TESTS = $(UNIT_TESTS) $(CARD_TESTS) $(MODULE_TESTS) $(FUZZ_TARGETS)
LDADD = $(FAULT_LDFLAGS) $(TESTED_LIBS) libfuzzmain.la libfault.la $(CMOCKA_LIBS)
HELPERS_BUILT = $(HELPERS)
BESIDE_OTHERS = $(DIFFERENTIAL_TESTS)
endif

# tests with fakes
tests_unit_test_csp_agree_LDADD = libfake.la $(LDADD)
tests_unit_test_csp_container_LDADD = libfake.la $(LDADD)
tests_unit_test_csp_authenticator_LDADD = libfake.la $(LDADD)
tests_unit_test_csp_config_LDADD = libfake.la $(LDADD)
tests_unit_test_csp_pin_LDADD = libfake.la $(LDADD)
tests_unit_test_csp_roots_LDADD = libfake.la $(LDADD)
tests_unit_test_csp_txn_LDADD = libfake.la $(LDADD)
tests_unit_test_p11_derive_LDADD = libfakecsp.la $(LDADD)
tests_unit_test_p11_front_LDADD = libfakecsp.la $(LDADD)
tests_unit_test_p11_manage_LDADD = libfakecsp.la $(LDADD)
tests_card_test_csp_gids_LDADD = libfake.la $(LDADD)
tests_card_test_csp_gids_manage_LDADD = libfake.la $(LDADD)
tests_card_test_csp_gids_pull_LDADD = libfake.la $(LDADD)
tests_card_test_csp_piv_pull_LDADD = libfake.la $(LDADD)
# parts of the tool
tests_unit_test_tool_text_SOURCES = tests/unit/test_tool_text.c src/tool/encode.c src/tool/name.c src/tool/out.c \
	src/tool/progress.c
tests_unit_test_tool_text_LDADD = $(LDADD) $(JSON_C_LIBS)
tests_module_test_interleave_SOURCES = tests/module/test_interleave.c tests/module/foreign.c tests/module/gate.c \
	tests/module/gate.h tests/module/interleave.h tests/module/programs.c tests/module/scheduler.c \
	tests/module/scheduler.h
tests_differential_test_softhsm_SOURCES = tests/differential/test_softhsm.c tests/differential/differences.c \
	tests/differential/keys.c tests/differential/made.c tests/differential/objects.c tests/differential/operations.c \
	tests/differential/sessions.c \
	tests/differential/sides.c tests/differential/sides.h
tests_fuzz_fuzz_calls_SOURCES = tests/fuzz/fuzz_calls.c tests/fuzz/calls/args.c tests/fuzz/calls/calls.h \
	tests/fuzz/calls/card.c tests/fuzz/calls/keys.c tests/fuzz/calls/root.c
tests_fuzz_fuzz_calls_LDADD = libfake.la $(LDADD)
tests_fuzz_fuzz_gids_card_SOURCES = tests/fuzz/fuzz_gids_card.c tests/fuzz/answers.c tests/fuzz/answers.h
tests_fuzz_fuzz_piv_card_SOURCES = tests/fuzz/fuzz_piv_card.c tests/fuzz/answers.c tests/fuzz/answers.h
# the benchmark's programs load the module, and are linked with nothing of it
BENCH_CALLER = tests/bench/caller.c tests/bench/caller.h tests/bench/meter.c tests/bench/meter.h
tests_bench_acts_SOURCES = tests/bench/acts.c $(BENCH_CALLER)
tests_bench_acts_LDADD =
tests_bench_crowd_SOURCES = tests/bench/crowd.c $(BENCH_CALLER)
tests_bench_crowd_LDADD =
tests_bench_spent_SOURCES = tests/bench/spent.c tests/bench/meter.c tests/bench/meter.h
tests_bench_spent_LDADD =
tests_bench_weight_SOURCES = tests/bench/weight.c $(BENCH_CALLER)
tests_bench_weight_LDADD =

check_PROGRAMS += $(COMPILED_TESTS) $(BESIDE_OTHERS) $(HELPERS_BUILT)
# make E2E_RUN= check leaves out what takes longest
E2E_RUN = $(E2E_TESTS)
TESTS += $(COMPILED_TESTS) $(BESIDE_OTHERS) $(STATIC_TESTS) $(E2E_RUN)

# --- how tests are run ----------------------------------------------------------------------------------------

TEST_EXTENSIONS = .sh
AM_TESTS_ENVIRONMENT = . ./tests/lib/env.sh;
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/lib/run.sh
SH_LOG_COMPILER = bash

check-e2e:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(E2E_TESTS)"

check-clients:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(CLIENT_TESTS)"

check-static:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(STATIC_TESTS)"

check-compiled:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(COMPILED_TESTS)"

check-threads:
	TEST_STRIDE=10 $(MAKE) $(AM_MAKEFLAGS) check TESTS="$(THREADED_TESTS)"

# card files that tests of the module have made (tests/module/cards.c)
clean-local:
	rm -rf tests/module/cards

VALGRIND = valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect,possible \
	--errors-for-leak-kinds=definite,indirect --error-exitcode=99 --track-fds=no --num-callers=30
VALGRIND_TESTS = $(UNIT_TESTS) $(CARD_TESTS) $(MODULE_TESTS)

check-valgrind:
	TEST_STRIDE=40 $(MAKE) $(AM_MAKEFLAGS) check TESTS="$(VALGRIND_TESTS)" TEST_WRAPPER="$(VALGRIND)"

# Every target for FUZZ_SECONDS, two at a time; findings are left in the build directory.
FUZZ_SECONDS = 60

if ENABLE_FUZZ
check-fuzz: $(FUZZ_TARGETS)
	. ./tests/lib/env.sh && $(SHELL) $(top_srcdir)/tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)
else
check-fuzz:
	@echo "check-fuzz: configure a build with CC=clang --enable-fuzz" >&2; exit 1
endif

TIDY_FLAGS = $(DEFS) $(AM_CPPFLAGS) $(TOOL_CPPFLAGS) $(MD_LANG_CFLAGS)

check-tidy:
	. ./tests/lib/env.sh && $(SHELL) $(top_srcdir)/tests/static/tidy.sh $(TIDY_FLAGS)

check-format:
	. ./tests/lib/env.sh && $(SHELL) $(top_srcdir)/tests/static/format.sh

# The tables of statements and tests, in the source tree; what is wrong with it is told and fails no build.
statements:
	$(SHELL) $(top_srcdir)/tests/statements/table.sh P 0 $(top_srcdir)/tests/statements/pkcs11.txt $(top_srcdir) \
		>tests/statements.tmp || :
	mv tests/statements.tmp $(top_srcdir)/tests/statements/table.md
	$(SHELL) $(top_srcdir)/tests/statements/table.sh R 0 $(top_srcdir)/tests/statements/minidriver.txt $(top_srcdir) \
		>tests/statements.tmp || :
	mv tests/statements.tmp $(top_srcdir)/tests/statements/minidriver.md
	$(SHELL) $(top_srcdir)/tests/statements/table.sh S 0 $(top_srcdir)/tests/statements/piv.txt $(top_srcdir) \
		>tests/statements.tmp || :
	mv tests/statements.tmp $(top_srcdir)/tests/statements/piv.md

.PHONY: statements check-e2e check-clients check-static check-compiled check-threads check-valgrind check-fuzz check-tidy check-format

# --- demo and benchmark ---------------------------------------------------------------------------------------

demo: all
	. ./tests/lib/env.sh && bash $(top_srcdir)/tests/demo.sh

bench: all $(HELPERS)
	. ./tests/lib/env.sh && bash $(top_srcdir)/tests/bench/bench.sh

CLEANFILES += tests/bench/costs.svg tests/bench/results.tsv

.PHONY: demo bench

EXTRA_DIST += $(STATIC_TESTS) $(E2E_TESTS) $(CLIENT_TESTS) $(TEST_FILES) \
	tests/.clang-tidy \
	tests/fuzz/run.sh \
	tests/lib/check.sh \
	tests/lib/run.sh \
	tests/module/keys/rsa3072.pem \
	tests/module/keys/rsa4096.pem \
	tests/static/cppcheck.supp \
	tests/static/format.sh \
	tests/static/includes.awk \
	tests/static/strip.awk \
	tests/static/tidy.sh
