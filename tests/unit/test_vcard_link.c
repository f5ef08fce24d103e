/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault texts, counters, latency, and the virtual card as a connection in the same process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carderr.h"
#include "lib/test.h"
#include "vcard/io_front.h"

static const uint8_t probe[] = { 0x00, 0xCA, 0xDF, 0x30, 0x05 };

/* --- texts ----------------------------------------------------------------------------------------------------------- */

/* From an exact block, so that reading past the end is noticed. */
static bool
parse(const char *text, size_t len)
{
	char error[LINK_ERROR_MAX] = "";
	char *copy = malloc(len > 0 ? len : 1);
	struct link_faults faults;
	bool good;

	assert_non_null(copy);
	memcpy(copy, text, len);
	good = link_faults_parse(copy, len, &faults, error);
	free(copy);
	if (good)
		link_faults_free(&faults);
	else
		assert_true(strlen(error) > 10);
	return good;
}

static void
test_good_texts(void **state)
{
	static const char *const texts[] = {
		"",
		" \n",
		"1:reset",
		"1:unset",
		"5:sw=6F00",
		"3:cut=10",
		"7:reset;",
		"ins=2A:empty",
		"ins=2a@3+:empty",
		"*:data=",
		"1-2:data=00ff",
		"4294967294:pull",
		" 1:pad=65538 ;\n2:remove ; ins=C0:endless61",
		"1:endless61=255",
		"1:pingpong6C",
		"1:silence=3600000",
		"1:extend=01;2:body=0",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		assert_true(parse(texts[i], strlen(texts[i])));
}

static void
test_bad_texts(void **state)
{
	static const char *const texts[] = {
		"1",
		":",
		"1:",
		"0:reset",
		"x:reset",
		"1:resett",
		"1:sw",
		"1:sw=",
		"1:sw=6",
		"1:sw=6F0",
		"1:sw=6F000",
		"1:sw=6G00",
		"1:cut",
		"1:cut=",
		"1:cut=-1",
		"1:cut=65539",
		"1:cut=99999999999999999999",
		"1:data=0",
		"1:data=0g",
		"2-1:reset",
		"1-:reset",
		"ins=:reset",
		"ins=2:reset",
		"ins=2A@:reset",
		"ins=2A@0:reset",
		"1:empty=1",
		"1:reset,2:reset",
		"1 :reset",
		"4294967295:reset",
		"1:silence=3600001",
		";",
		"1:reset;;",
		"1:\xFF",
		"1:endless61=65537",
	};
	char many[8 * (LINK_RULES_MAX + 1)];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(parse(texts[i], strlen(texts[i])));
	assert_false(parse("1:reset\0", 8));
	for (i = 0; i < sizeof(many); i++)
		many[i] = "1:empty;"[i % 8];
	assert_true(parse(many, sizeof(many) - 8));
	assert_false(parse(many, sizeof(many)));
}

/* Every part of a text is read without looking past its end. */
static void
test_cut_texts(void **state)
{
	static const char text[] = "ins=2A@12-345:data=0123456789abcdef; 3+:endless61=12 ;*:silence=77;9:extend=ff";
	size_t n, good = 0;

	(void)state;
	for (n = 0; n < sizeof(text); n++)
		good += parse(text, n);
	assert_true(good > 10 && good < sizeof(text));
}

static void
test_latency_texts(void **state)
{
	struct link_latency l = { 1, 1 };

	(void)state;
	assert_true(link_latency_parse("500", &l));
	assert_int_equal(l.exchange_us, 500);
	assert_int_equal(l.byte_ns, 0);
	assert_true(link_latency_parse("0,86000", &l));
	assert_int_equal(l.byte_ns, 86000);
	assert_false(link_latency_parse("", &l));
	assert_false(link_latency_parse("5,", &l));
	assert_false(link_latency_parse("-5", &l));
	assert_false(link_latency_parse("5,6,7", &l));
	assert_false(link_latency_parse("4294967296", &l));
	assert_int_equal(l.byte_ns, 86000);
}

static void
test_stats_file(void **state)
{
	static const struct link_stats more = { 1, 20, 300 };
	char name[] = "/tmp/vcard-stats-XXXXXX", text[128] = "";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "what is this\n", 13), 13);
	assert_int_equal(link_stats_add(AT_FDCWD, name, &more), 0);
	assert_int_equal(link_stats_add(AT_FDCWD, name, &more), 0);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "exchanges 2\nup 40\ndown 600\n");
	assert_int_equal(link_stats_add(AT_FDCWD, "/nowhere/stats", &more), -1);
	(void)close(fd);
	(void)unlink(name);
}

/* --- the connection ---------------------------------------------------------------------------------------------------- */

static char card_path[64];

static int
make_card(void **state)
{
	static const struct vcard_profile plain;
	int fd;

	(void)state;
	(void)snprintf(card_path, sizeof(card_path), "/tmp/vcard-link-XXXXXX");
	fd = mkstemp(card_path);
	if (fd < 0 || close(fd) != 0 || unlink(card_path) != 0)
		return -1;
	return vcard_create(card_path, &plain);
}

static int
remove_card(void **state)
{
	(void)state;
	return unlink(card_path);
}

static DWORD
send_probe(struct io *io, unsigned *ret_sw)
{
	struct buf response = BUF_INIT;
	DWORD r = io->ops->transmit(io, cur_of(probe, sizeof(probe)), false, &response);

	if (r == SCARD_S_SUCCESS)
		*ret_sw = (unsigned)response.p[response.len - 2] << 8 | response.p[response.len - 1];
	else
		assert_int_equal(response.len, 0);
	buf_free(&response);
	return r;
}

static void
arm(struct io *io, const char *text)
{
	char error[LINK_ERROR_MAX];

	assert_true(link_arm(vcard_io_link(io), text, strlen(text), error));
}

static struct io *
open_card(void)
{
	struct io *io = NULL;

	assert_int_equal(vcard_io_open(card_path, &io), SCARD_S_SUCCESS);
	assert_true(io->atr_len > 2 && io->atr[0] == 0x3B);
	assert_false(io->t0);
	return io;
}

static void
test_io(void **state)
{
	struct io *io = NULL;
	unsigned sw = 0;
	bool reset = true;

	(void)state;
	assert_int_equal(vcard_io_open("/nowhere", &io), SCARD_E_NO_SMARTCARD);
	io = open_card();
	assert_int_equal(io->ops->begin(io, &reset), SCARD_S_SUCCESS);
	assert_false(reset);
	assert_int_equal(send_probe(io, &sw), SCARD_S_SUCCESS);
	assert_int_equal(vcard_io_link(io)->stats.exchanges, 1);
	assert_int_equal(vcard_io_link(io)->stats.up, 5);
	assert_int_equal(vcard_io_link(io)->stats.down, 2);
	io->ops->end(io, true);
	assert_int_equal(send_probe(io, &sw), SCARD_W_RESET_CARD);
	assert_int_equal(io->ops->begin(io, &reset), SCARD_S_SUCCESS);
	assert_true(reset);
	assert_int_equal(io->ops->begin(io, &reset), SCARD_S_SUCCESS);
	assert_false(reset);
	io->ops->end(io, false);
	io->ops->end(io, false);
	assert_int_equal(vcard_io_begun(io), 3);
	assert_int_equal(vcard_io_ended(io), 3);
	io->ops->close(io);
}

static void
test_io_faults(void **state)
{
	struct io *io = open_card();
	unsigned sw = 0;
	bool reset;

	(void)state;
	arm(io, "1:sw=6F00;2:cut=1;3:silence=1;4:reset;6:pull");
	assert_int_equal(send_probe(io, &sw), SCARD_S_SUCCESS);
	assert_int_equal(sw, 0x6F00);
	assert_int_equal(send_probe(io, &sw), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(send_probe(io, &sw), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(send_probe(io, &sw), SCARD_W_RESET_CARD);
	assert_int_equal(io->ops->begin(io, &reset), SCARD_S_SUCCESS);
	assert_true(reset);
	assert_int_equal(send_probe(io, &sw), SCARD_S_SUCCESS);
	assert_int_equal(send_probe(io, &sw), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(send_probe(io, &sw), SCARD_W_REMOVED_CARD);
	assert_int_equal(io->ops->begin(io, &reset), SCARD_W_REMOVED_CARD);
	io->ops->close(io);
}

static void
test_io_wrap(void **state)
{
	struct vcard *card = vcard_open(card_path);
	struct io *io = NULL;
	unsigned sw = 0;

	(void)state;
	assert_non_null(card);
	assert_int_equal(vcard_io_wrap(card, &io), SCARD_S_SUCCESS);
	assert_ptr_equal(vcard_io_card(io), card);
	arm(io, "*:pad=65538");
	assert_int_equal(send_probe(io, &sw), SCARD_E_NO_MEMORY); /* more than a struct buf takes by default */
	arm(io, "");
	vcard_io_reset(io);
	assert_int_equal(send_probe(io, &sw), SCARD_W_RESET_CARD);
	vcard_io_remove(io);
	assert_int_equal(send_probe(io, &sw), SCARD_W_REMOVED_CARD);
	io->ops->close(io);
	vcard_close(card);
}

#define card_test(f) cmocka_unit_test_setup_teardown(f, make_card, remove_card)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_texts), cmocka_unit_test(test_bad_texts),
		cmocka_unit_test(test_cut_texts),  cmocka_unit_test(test_latency_texts),
		cmocka_unit_test(test_stats_file), card_test(test_io),
		card_test(test_io_faults),	   card_test(test_io_wrap),
	};

	return cmocka_run_group_tests_name("vcard/link", tests, NULL, NULL);
}
