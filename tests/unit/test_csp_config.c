/* SPDX-License-Identifier: BSD-2-Clause */
/* minidriver-pkcs11.conf, and what is allowed by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csp/manage.h"
#include "lib/faketransport.h"
#include "lib/test.h"

#define MAX_REPORTS 16

static struct {
	char directory[64], path[128];
	struct csp_options options;
	unsigned lines[MAX_REPORTS];
	char what[MAX_REPORTS][160];
	size_t reports;
} w;

static void
report(void *context, const char *file, unsigned line, const char *what)
{
	assert_ptr_equal(context, &w);
	assert_non_null(file);
	if (w.reports < MAX_REPORTS) {
		w.lines[w.reports] = line;
		(void)snprintf(w.what[w.reports], sizeof(w.what[0]), "%s", what);
	}
	w.reports++;
}

static void
load(void)
{
	w.reports = 0;
	memset(&w.options, 0x5A, sizeof(w.options));
	csp_config_load(&w.options, report, &w);
}

static void
put(const char *path, const char *content, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
load_text(const char *content)
{
	put(w.path, content, strlen(content));
	load();
}

static int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	(void)snprintf(w.directory, sizeof(w.directory), "/tmp/conf.XXXXXX");
	assert_non_null(mkdtemp(w.directory));
	(void)snprintf(w.path, sizeof(w.path), "%s/minidriver-pkcs11.conf", w.directory);
	assert_int_equal(setenv("XDG_CONFIG_HOME", w.directory, 1), 0);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_CONF"), 0);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_DEBUG"), 0);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_LOG"), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(w.path);
	assert_int_equal(rmdir(w.directory), 0);
	return 0;
}

/* what counts when nobody says anything; 2048 bits instead of the specification's 1024 */
static void
test_defaults(void **state)
{
	(void)state;
	load();
	assert_int_equal(w.reports, 0);
	assert_int_equal(w.options.transaction_timeout_ms, 1500);
	assert_int_equal(w.options.policy.default_key_bits, 2048);
	assert_false(w.options.policy.require_on_card_generation);
	assert_false(w.options.policy.import_signature || w.options.policy.import_exchange);
	assert_false(w.options.policy.import_ecdsa || w.options.policy.import_ecdhe);
	assert_false(w.options.no_keypads || w.options.no_threads);
	assert_null(w.options.locks);
	assert_string_equal(w.options.allow, "");
	assert_int_equal(w.options.log_level, 0);
}

/* each setting by its own name */
static void
test_settings(void **state)
{
	(void)state;
	load_text("# a comment\n"
		  "; another\n"
		  "\n"
		  "default_private_key_len_bits = 3072\r\n"
		  "require_on_card_private_key_gen = yes\n"
		  "transaction_timeout_ms=0x10 ; in hexadecimal\n"
		  "allow_private_signature_key_import = 1\n"
		  "allow_private_exchange_key_import = on\n"
		  "allow_private_ecdsa_key_import = TRUE\n"
		  "allow_private_ecdhe_key_import = 2\n"
		  "reader_allow = ACS * | Virtual PCD 00 ??\n"
		  "reader_deny = *Contactless*\n"
		  "pinpad = off\n"
		  "log_level = info\n"
		  "log_file = /tmp/log of mine");
	assert_int_equal(w.reports, 0);
	assert_int_equal(w.options.policy.default_key_bits, 3072);
	assert_true(w.options.policy.require_on_card_generation);
	assert_int_equal(w.options.transaction_timeout_ms, 16);
	assert_true(w.options.policy.import_signature && w.options.policy.import_exchange);
	assert_true(w.options.policy.import_ecdsa && w.options.policy.import_ecdhe);
	assert_string_equal(w.options.allow, "ACS * | Virtual PCD 00 ??");
	assert_string_equal(w.options.deny, "*Contactless*");
	assert_true(w.options.no_keypads);
	assert_int_equal(w.options.log_level, 3);
	assert_string_equal(w.options.log_file, "/tmp/log of mine");
}

static void
test_windows_names(void **state)
{
	(void)state;
	load_text("TransactionTimeoutMilliseconds = 7\n"
		  "DefaultPrivateKeyLenBits = 0x400\n"
		  "RequireOnCardPrivateKeyGen = 1\n"
		  "AllowPrivateSignatureKeyImport = 1\n"
		  "AllowPrivateExchangeKeyImport = 0\n"
		  "AllocPrivateECDHEKeyImport = 1\n"
		  "AllowPrivateECDSAKeyImport = 1\n");
	assert_int_equal(w.reports, 0);
	assert_int_equal(w.options.transaction_timeout_ms, 7);
	assert_int_equal(w.options.policy.default_key_bits, 1024);
	assert_true(w.options.policy.import_ecdhe && w.options.policy.import_ecdsa);
	assert_true(w.options.policy.import_signature && !w.options.policy.import_exchange);
	load_text("AllowPrivateECDHEKeyImport = 1\n");
	assert_int_equal(w.reports, 0);
	assert_true(w.options.policy.import_ecdhe);
}

/* Every line that is not understood is told, and leaves what there was. */
static void
test_bad_lines(void **state)
{
	static const char *const lines[] = {
		"transaction_timeout_ms = -1",
		"transaction_timeout_ms = 1.5",
		"transaction_timeout_ms = 600001",
		"transaction_timeout_ms =",
		"default_private_key_len_bits = 512",
		"default_private_key_len_bits = 2049",
		"default_private_key_len_bits = 99999999999999999999",
		"allow_private_ecdsa_key_import = maybe",
		"pinpad = always",
		"log_level = 5",
		"transaction_timeout = 5",
		"what is this",
		"[section]",
	};
	char content[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		(void)snprintf(content, sizeof(content), "log_level=1\n%s\ntransaction_timeout_ms = 9\n", lines[i]);
		load_text(content);
		if (w.reports != 1 || w.lines[0] != 2)
			fail_msg("%s: %zu reports, line %u", lines[i], w.reports, w.lines[0]);
		assert_int_equal(w.options.transaction_timeout_ms, 9);
		assert_int_equal(w.options.policy.default_key_bits, 2048);
		assert_int_equal(w.options.log_level, 1);
		assert_false(w.options.policy.import_ecdsa || w.options.no_keypads);
	}
}

static void
test_bad_files(void **state)
{
	static const char rubbish[] = "\0=\0\n\xFF\xFE = 1\npinpad = off";
	char line[3000], *big;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	load_text(line);
	assert_int_equal(w.reports, 1);
	put(w.path, rubbish, sizeof(rubbish) - 1);
	load();
	assert_int_equal(w.reports, 2);
	assert_true(w.options.no_keypads);
	assert_non_null(big = calloc(1, 100000));
	memset(big, '\n', 100000);
	put(w.path, big, 100000);
	free(big);
	load();
	assert_int_equal(w.reports, 1);
	assert_int_equal(w.lines[0], 0);
	/* what is no file is not read, and nobody waits for it */
	assert_int_equal(unlink(w.path), 0);
	assert_int_equal(mkfifo(w.path, 0600), 0);
	load();
	assert_int_equal(w.reports, 1);
}

static void
test_environment(void **state)
{
	char other[140];

	(void)state;
	(void)snprintf(other, sizeof(other), "%s/other", w.directory);
	put(other, "transaction_timeout_ms = 11\n", 28);
	put(w.path, "transaction_timeout_ms = 10\n", 28);
	load();
	assert_int_equal(w.options.transaction_timeout_ms, 10);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_CONF", other, 1), 0);
	load();
	assert_int_equal(w.options.transaction_timeout_ms, 11);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS", "12", 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DEBUG", "4", 1), 0);
	load();
	assert_int_equal(w.options.transaction_timeout_ms, 12);
	assert_int_equal(w.options.log_level, 4);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS", "soon", 1), 0);
	load();
	assert_int_equal(w.reports, 1);
	assert_int_equal(w.options.transaction_timeout_ms, 11);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"), 0);
	assert_int_equal(unlink(other), 0);
	/* a directory that is not given whole is none (XDG Base Directory Specification) */
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_CONF"), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "here", 1), 0);
	assert_int_equal(setenv("HOME", w.directory, 1), 0);
	load();
	assert_int_equal(w.options.transaction_timeout_ms, 1500);
}

static size_t
readers_with(const char *allow, const char *deny)
{
	struct csp_options options = { .no_threads = true };
	struct csp *csp = NULL;
	size_t count;

	(void)snprintf(options.allow, sizeof(options.allow), "%s", allow);
	(void)snprintf(options.deny, sizeof(options.deny), "%s", deny);
	assert_int_equal(csp_open(&options, &csp), SCARD_S_SUCCESS);
	assert_int_equal(csp_poll(csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_poll(csp, true), SCARD_S_SUCCESS);
	count = csp_reader_count(csp);
	csp_close(&csp);
	return count;
}

static void
test_readers(void **state)
{
	(void)state;
	fake_world_reset();
	assert_non_null(fake_reader_add("Acme Desk 00 00"));
	assert_non_null(fake_reader_add("Acme Contactless 01 00"));
	assert_non_null(fake_reader_add("Other 02 00"));
	assert_int_equal(readers_with("", ""), 3);
	assert_int_equal(readers_with("Acme*", ""), 2);
	assert_int_equal(readers_with("Acme*", "*Contactless*"), 1);
	assert_int_equal(readers_with("", "*"), 0);
	assert_int_equal(readers_with("nobody | Other 02 ?? ", ""), 1);
	assert_int_equal(readers_with("nobody|Other 02 ??", ""), 1);
	assert_int_equal(readers_with(" Other 02 00", "||"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),  TEST(test_settings),    TEST(test_windows_names), TEST(test_bad_lines),
		TEST(test_bad_files), TEST(test_environment), TEST(test_readers),
	};

	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
