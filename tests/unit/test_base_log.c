/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: silent unless asked, one line per event whatever is logged, only known names. */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carderr.h"
#include "lib/test.h"

static char path[] = "/tmp/test_base_log.XXXXXX";
static char content[16384];

/* A fresh log file at this level. */
static void
start(const char *level)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fclose(f);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_LOG", path, 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DEBUG", level, 1), 0);
	log_open();
}

static const char *
stop(void)
{
	FILE *f = fopen(path, "re");
	size_t n;

	log_close();
	assert_non_null(f);
	n = fread(content, 1, sizeof(content) - 1, f);
	content[n] = '\0';
	fclose(f);
	return content;
}

static size_t
lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n' ? 1 : 0;
	return n;
}

static void
log_all(void)
{
	log_fail(LOG_IO, SCARD_W_REMOVED_CARD, "reader %d", 7);
	log_warn(LOG_CARD, "a %s", "warning");
	log_info(LOG_CSP, "an information");
	log_hex(LOG_ISO, ">", cur_of("\x00\x20", 2));
}

static void
test_levels(void **state)
{
	static const size_t expected[] = { 0, 1, 2, 3, 4 };
	char level[2] = "0";

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		level[0] = (char)('0' + i);
		start(level);
		assert_int_equal(log_enabled(LOG_APDU), i == 4);
		log_all();
		assert_int_equal(lines(stop()), expected[i]);
	}
	log_all();
	assert_int_equal(lines(stop()), 4);
}

static void
test_bad_levels(void **state)
{
	static const char *const bad[] = { "", "5", "-1", "10", "yes", " 1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		start(bad[i]);
		assert_false(log_enabled(LOG_ERROR));
		log_all();
		assert_string_equal(stop(), "");
	}
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_DEBUG"), 0);
	log_open();
	assert_false(log_enabled(LOG_ERROR));
}

static void
test_unusable_file(void **state)
{
	(void)state;
	assert_int_equal(setenv("MINIDRIVER_PKCS11_LOG", "/nonexistent/log", 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DEBUG", "4", 1), 0);
	log_open();
	assert_false(log_enabled(LOG_ERROR));
	log_all();
	log_close();
}

static void
test_text(void **state)
{
	const char *text;

	(void)state;
	start("4");
	log_all();
	text = stop();
	assert_non_null(strstr(text, "io error: log_all: reader 7: SCARD_W_REMOVED_CARD (80100069)\n"));
	assert_non_null(strstr(text, "card warning: log_all: a warning\n"));
	assert_non_null(strstr(text, "iso apdu: > 00 20\n"));
}

/* A name from a card must not make a line of its own, or reach the terminal. */
static void
test_hostile_text(void **state)
{
	const char *text;

	(void)state;
	start("2");
	log_warn(LOG_CARD, "label %s", "a\nforged line\x1B[2J\x7F");
	text = stop();
	assert_int_equal(lines(text), 1);
	assert_non_null(strstr(text, "label a?forged line?[2J?\n"));
}

static void
test_long_lines(void **state)
{
	char word[3000];
	uint8_t bytes[1000] = { 0 };
	const char *text;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	start("4");
	log_warn(LOG_CARD, "%s", word);
	log_fail(LOG_CARD, SCARD_E_TIMEOUT, "%s", word);
	log_hex(LOG_IO, ">", cur_of(bytes, sizeof(bytes)));
	log_hex(LOG_IO, ">", cur_of(NULL, 0));
	text = stop();
	assert_int_equal(lines(text), 4);
	assert_non_null(strstr(text, "more\n"));
	assert_true(strlen(text) < 4 * 1024);
}

static void
test_code_names(void **state)
{
	(void)state;
	assert_string_equal(log_code_name(SCARD_S_SUCCESS), "SCARD_S_SUCCESS");
	assert_string_equal(log_code_name(SCARD_W_CACHE_ITEM_TOO_BIG), "SCARD_W_CACHE_ITEM_TOO_BIG");
	assert_string_equal(log_code_name(ERROR_REVISION_MISMATCH), "ERROR_REVISION_MISMATCH");
	assert_string_equal(log_code_name(0xDEADBEEF), "unknown code");
}

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),	      cmocka_unit_test(test_bad_levels),
		cmocka_unit_test(test_unusable_file), cmocka_unit_test(test_text),
		cmocka_unit_test(test_hostile_text),  cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_code_names),
	};

	return cmocka_run_group_tests_name("/base/log", tests, make_file, remove_file);
}
