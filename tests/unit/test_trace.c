/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace of exchanges: what it shows, what it hides, and that it changes nothing. */
#include "transport/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "carderr.h"
#include "lib/fault.h"
#include "lib/hex.h"
#include "lib/script.h"
#include "lib/test.h"
#include "vcard/engine.h"
#include "vcard/io_front.h"

static char path[] = "/tmp/test_trace.XXXXXX";
static char content[65536];

static const char *
logged(void)
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

static void
start(const char *level)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_LOG", path, 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DEBUG", level, 1), 0);
	log_open();
}

/* A traced connection to a card with this script. */
static struct io *
traced(const char *script)
{
	struct io *inner = script_open(script, true), *io = NULL;

	assert_non_null(inner);
	assert_int_equal(io_trace(inner, &io), SCARD_S_SUCCESS);
	assert_true(io->t0);
	return io;
}

static DWORD
send(struct io *io, const char *command, bool secret, const char *expected)
{
	AUTO_BUF struct buf bytes = BUF_INIT, answer = BUF_INIT;
	DWORD r;

	assert_true(hex_put(&bytes, command));
	buf_put(&answer, "\xEE", 1);
	r = io_transmit(io, buf_cur(&bytes), secret, &answer);
	assert_true(r != SCARD_S_SUCCESS || hex_is(buf_cur(&answer), expected));
	return r;
}

static void
test_shows(void **state)
{
	struct io *io = traced("= begin reset\n> 00A4\n< 6F00 9000\n> 00B0\n< !80100069\n= end reset\n");
	const char *text;
	bool reset = false;

	(void)state;
	start("4");
	assert_int_equal(io_begin(io, &reset), SCARD_S_SUCCESS);
	assert_true(reset);
	assert_int_equal(send(io, "00A4", false, "EE 6F00 9000"), SCARD_S_SUCCESS);
	assert_int_equal(send(io, "00B0", false, ""), SCARD_W_REMOVED_CARD);
	io_end(io, true);
	io_close(&io);
	text = logged();
	assert_non_null(strstr(text, ": begin, card was reset\n"));
	assert_non_null(strstr(text, ": > 00 A4\n"));
	assert_non_null(strstr(text, ": < 6F 00 90 00\n"));
	assert_non_null(strstr(text, ": < no answer: SCARD_W_REMOVED_CARD\n"));
	assert_non_null(strstr(text, ": end, card is reset\n"));
	assert_non_null(strstr(text, ": close\n"));
}

static void
test_hides(void **state)
{
	struct io *io =
		traced("> 0020008004 31323334\n< AABB 9000\n> 00200080\n< 63C2\n> 00200080000004 31323334\n< 9000");
	const char *text;

	(void)state;
	start("4");
	assert_int_equal(send(io, "0020008004 31323334", true, "EE AABB 9000"), SCARD_S_SUCCESS);
	assert_int_equal(send(io, "00200080", true, "EE 63C2"), SCARD_S_SUCCESS);
	assert_int_equal(send(io, "00200080000004 31323334", true, "EE 9000"), SCARD_S_SUCCESS);
	io_close(&io);
	text = logged();
	assert_non_null(strstr(text, ": > 00 20 00 80 04 [hidden]\n"));
	assert_non_null(strstr(text, ": < [hidden] 90 00\n"));
	assert_non_null(strstr(text, ": > 00 20 00 80\n"));
	assert_non_null(strstr(text, ": < 63 C2\n"));
	assert_non_null(strstr(text, ": > 00 20 00 80 00 [hidden]\n"));
	assert_null(strstr(text, "31 32"));
	assert_null(strstr(text, "AA BB"));
}

/* What a reader is told and answers is shown; the PIN that is typed there never comes here. */
static void
test_controls(void **state)
{
	static const struct vcard_profile plain = { .quirks = VCARD_STRICT };
	const struct io_pin_entry entry = { .header = { 0x00, 0x20, 0x00, 0x80 }, .min = 4, .max = 8 };
	struct vcard *card = vcard_new("", &plain);
	struct io *inner = NULL, *io = NULL;
	const char *text;
	uint16_t sw = 0;

	(void)state;
	assert_non_null(card);
	assert_int_equal(vcard_io_wrap(card, &inner), SCARD_S_SUCCESS);
	vcard_io_keypad(inner, "987654 cancel");
	assert_int_equal(io_trace(inner, &io), SCARD_S_SUCCESS);
	start("4");
	assert_int_equal(io_verify_pin(io, &entry, &sw), SCARD_S_SUCCESS);
	assert_int_equal(sw, 0x6986);
	vcard_io_keypad(inner, NULL);
	assert_int_equal(io_verify_pin(io, &entry, &sw), SCARD_E_UNSUPPORTED_FEATURE);
	io_close(&io);
	vcard_close(card);
	text = logged();
	assert_non_null(strstr(text, ": control 42000D48\n"));
	assert_non_null(strstr(text, ": control 42330006\n"));
	assert_non_null(
		strstr(text, ": control > 1E 1E 82 00 00 08 04 02 01 09 04 00 00 00 00 05 00 00 00 00 20 00 80 00\n"));
	assert_non_null(strstr(text, ": control < 69 86\n"));
	assert_non_null(strstr(text, ": control: SCARD_E_UNSUPPORTED_FEATURE\n"));
	assert_null(strstr(text, "39 38 37"));
}

/* Secret or not, nothing is said below the level of exchanges. */
static void
test_quiet(void **state)
{
	struct io *io = traced("> 0020008004 31323334\n< 9000");

	(void)state;
	start("3");
	assert_int_equal(send(io, "0020008004 31323334", true, "EE 9000"), SCARD_S_SUCCESS);
	io_close(&io);
	assert_string_equal(logged(), "");
}

static void
test_begin_fails(void **state)
{
	struct io *io = traced("= begin !80100069\n");
	bool reset = true;

	(void)state;
	start("4");
	assert_int_equal(io_begin(io, &reset), SCARD_W_REMOVED_CARD);
	assert_true(reset);
	io_forget(&io);
	assert_null(io);
	assert_non_null(strstr(logged(), ": begin: SCARD_W_REMOVED_CARD\n"));
}

static void
test_no_memory(void **state)
{
	struct io *inner = script_open("", false), *io = NULL;

	(void)state;
	fault_arm(1);
	assert_int_equal(io_trace(inner, &io), SCARD_E_NO_MEMORY);
	assert_true(fault_fired());
	assert_null(io);
	assert_true(script_close(&inner));
	io_close(&io);
	io_close(NULL);
	io_forget(&io);
	io_forget(NULL);
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
		cmocka_unit_test(test_shows),	 cmocka_unit_test(test_hides),	     cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_controls), cmocka_unit_test(test_begin_fails), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("/transport/trace", tests, make_file, remove_file);
}
