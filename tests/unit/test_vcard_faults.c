/* SPDX-License-Identifier: BSD-2-Clause */
/* libpcsc-vcard.so: counters, latency, trace, and every kind of fault as a client sees it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/pcsc_fixture.h"

static SCARDCONTEXT context;
static SCARDHANDLE handle;

/* 9 bytes of SELECT without Le answer 9000; with Le, data and 9000. */
static const uint8_t select_with_data[] = { 0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00, 0x00,
					    0x03, 0x97, 0x42, 0x54, 0x46, 0x59, 0x00 };

static int
set_up(void **state)
{
	if (fixture_set_up(state) != 0)
		return -1;
	context = establish();
	handle = connect_shared(context, READER);
	return 0;
}

static int
tear_down(void **state)
{
	(void)SCardReleaseContext(context);
	return fixture_tear_down(state);
}

static LONG
send_select(uint8_t answer[512], DWORD *ret_len)
{
	*ret_len = 512;
	return SCardTransmit(handle, SCARD_PCI_T1, select_with_data, sizeof(select_with_data), NULL, answer, ret_len);
}

/* --- counting -------------------------------------------------------------------------------------------------------- */

static void
test_stats(void **state)
{
	uint8_t answer[512];
	DWORD len;
	bool selected;

	(void)state;
	assert_int_equal(counter(READER, "exchanges"), 0);
	assert_int_equal(send_select(answer, &len), SCARD_S_SUCCESS);
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_int_equal(counter(READER, "exchanges"), 2);
	assert_int_equal(counter(READER, "up"), sizeof(select_with_data) + 5);
	assert_int_equal(counter(READER, "down"), len + 2);
	assert_int_equal(unlink(fixture_path("readers/%s/stats", READER)), 0);
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_string_equal(read_file(READER, "stats"), "exchanges 1\nup 5\ndown 2\n");
}

static void
test_trace(void **state)
{
	bool selected;

	(void)state;
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	write_file(READER, "trace", "");
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_int_equal(reconnect(handle, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_string_equal(read_file(READER, "trace"), "> 00 CA DF 30 05\n< 69 86\n# reset\n");
}

static int
exchange_slowly(void)
{
	SCARDHANDLE h;
	unsigned long start;
	bool selected;

	(void)setenv("VCARD_LATENCY", "20000,1000000", 1); /* 20 ms, and 1 ms for each of 7 bytes */
	h = connect_shared(establish(), OTHER_READER);
	start = elapsed_ms();
	if (probe(h, &selected) != SCARD_S_SUCCESS)
		return 1;
	return elapsed_ms() - start >= 27 ? 0 : 2;
}

static void
test_latency(void **state)
{
	(void)state;
	make_reader(OTHER_READER);
	insert_card(OTHER_READER, 2);
	assert_int_equal(wait_for(spawn(exchange_slowly)), 0);
}

/* An exchange costs well under a millisecond; a bound that holds under valgrind as well is all that can be asserted. */
static void
test_speed(void **state)
{
	unsigned long start = elapsed_ms();
	bool selected;
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_true(elapsed_ms() - start < 2000);
}

/* --- answers ----------------------------------------------------------------------------------------------------------- */

static void
expect_answer(const char *faults, const char *expected, size_t expected_len)
{
	uint8_t answer[512];
	DWORD len;

	write_file(READER, "faults", faults);
	assert_int_equal(send_select(answer, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, expected_len);
	assert_memory_equal(answer, expected, expected_len);
	assert_int_not_equal(access(fixture_path("readers/%s/faults", READER), F_OK), 0);
}

static void
test_answers(void **state)
{
	static const char extended[] = { '\xAB', '\xCD', '\x90', 0 }, padded[] = { 0, 0, 0, '\x90', 0 };
	char good[512], longer[512];
	uint8_t answer[512];
	DWORD len;

	(void)state;
	assert_int_equal(send_select(answer, &len), SCARD_S_SUCCESS);
	assert_true(len > 4 && len < 200);
	memcpy(good, answer, len);
	expect_answer("1:sw=6F00", "\x6F\x00", 2);
	expect_answer("1:data=0102030405", "\1\2\3\4\5", 5);
	expect_answer("1:data=", "", 0);
	expect_answer("1:cut=0", "", 0);
	expect_answer("1:cut=3", good, 3);
	expect_answer("1:cut=500", good, len);
	expect_answer("1:body=1", "\x61\x90\x00", 3);
	expect_answer("1:empty", "\x90\x00", 2);
	memcpy(longer, good, len - 2);
	memcpy(longer + len - 2, extended, sizeof(extended));
	expect_answer("1:extend=abcd", longer, len + 2);
	memcpy(longer + len - 2, padded, sizeof(padded));
	expect_answer("1:pad=3", longer, len + 3);
	expect_answer("", good, len);
	expect_answer("2:sw=6F00", good, len);
	expect_answer("ins=A4:empty", "\x90\x00", 2);
	expect_answer("ins=CA:empty", good, len);
}

static unsigned
probe_sw(void)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0xDF, 0x30, 0x05 };

	return exchange_sw(handle, command, sizeof(command));
}

static void
test_endless(void **state)
{
	uint8_t answer[512];
	DWORD len;
	unsigned i;

	(void)state;
	write_file(READER, "faults", "ins=A4:endless61=5");
	assert_int_equal(probe_sw(), 0x6986);
	assert_int_equal(send_select(answer, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 7);
	for (i = 0; i < 10; i++)
		assert_int_equal(probe_sw(), 0x61FF);
	write_file(READER, "faults", "2:pingpong6C");
	assert_int_equal(probe_sw(), 0x6986);
	for (i = 0; i < 5; i++) {
		assert_int_equal(probe_sw(), 0x6C10);
		assert_int_equal(probe_sw(), 0x6C20);
	}
	write_file(READER, "faults", "");
	assert_int_equal(probe_sw(), 0x6986);
}

static void
test_counts(void **state)
{
	unsigned i;

	(void)state;
	write_file(READER, "faults", "3:sw=6F01;5-6:sw=6F02; ins=CA@8+:sw=6F03\n");
	for (i = 1; i < 12; i++)
		assert_int_equal(probe_sw(), i == 3 ? 0x6F01 : i == 5 || i == 6 ? 0x6F02 : i >= 8 ? 0x6F03 : 0x6986);
}

/* --- events ------------------------------------------------------------------------------------------------------------ */

static void
test_reset(void **state)
{
	SCARDHANDLE other = connect_shared(context, READER);
	bool selected;

	(void)state;
	assert_int_equal(select_application(handle), SCARD_S_SUCCESS);
	write_file(READER, "faults", "2:reset");
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_int_equal(probe(handle, &selected), SCARD_W_RESET_CARD);
	assert_int_equal(probe(other, &selected), SCARD_W_RESET_CARD);
	assert_int_equal(reconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
}

static void
test_remove(void **state)
{
	bool selected;

	(void)state;
	write_file(READER, "faults", "1:remove");
	assert_int_equal(probe(handle, &selected), SCARD_W_REMOVED_CARD);
	assert_int_not_equal(access(fixture_path("readers/%s/card", READER), F_OK), 0);
	assert_int_equal(probe(handle, &selected), SCARD_W_REMOVED_CARD);
	insert_card(READER, 1);
	assert_int_equal(reconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	write_file(READER, "faults", "1:pull");
	assert_int_equal(probe(handle, &selected), SCARD_E_NOT_TRANSACTED);
	assert_int_equal(probe(handle, &selected), SCARD_W_REMOVED_CARD);
	assert_true((reader_now(context, READER).dwEventState & SCARD_STATE_EMPTY) != 0);
}

static void
test_silence(void **state)
{
	unsigned long start;
	bool selected;

	(void)state;
	write_file(READER, "faults", "1:silence=80");
	start = elapsed_ms();
	assert_int_equal(probe(handle, &selected), SCARD_E_NOT_TRANSACTED);
	assert_true(elapsed_ms() - start >= 80);
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
}

/* --- arming ------------------------------------------------------------------------------------------------------------- */

static void
test_bad_text(void **state)
{
	bool selected;

	(void)state;
	write_file(READER, "trace", "");
	write_file(READER, "faults", "1:sw=6F00;2:nonsense");
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_string_equal(read_file(READER, "faults.bad"), "1:sw=6F00;2:nonsense");
	assert_non_null(strstr(read_file(READER, "trace"), "# faults, character 13: "));
}

static int
exchange_twice(void)
{
	SCARDHANDLE h = connect_shared(establish(), READER);
	bool selected;

	return probe(h, &selected) == SCARD_S_SUCCESS && probe(h, &selected) == SCARD_S_SUCCESS ? 0 : 1;
}

/* Exchanges of other processes count. */
static void
test_across_processes(void **state)
{
	(void)state;
	write_file(READER, "faults", "4:sw=6F00");
	assert_int_equal(probe_sw(), 0x6986);
	assert_int_equal(wait_for(spawn(exchange_twice)), 0);
	assert_int_equal(probe_sw(), 0x6F00);
	assert_int_equal(probe_sw(), 0x6986);
}

static int
exchange_with_environment(void)
{
	bool selected;

	(void)setenv("VCARD_FAULTS", "2:reset", 1);
	handle = connect_shared(establish(), READER);
	if (probe(handle, &selected) != SCARD_S_SUCCESS)
		return 1;
	return probe(handle, &selected) == SCARD_W_RESET_CARD ? 0 : 2;
}

static void
test_environment(void **state)
{
	(void)state;
	assert_int_equal(wait_for(spawn(exchange_with_environment)), 0);
}

/* What has happened is in the card's file, whatever became of the answer. */
static void
test_persistence(void **state)
{
	uint8_t answer[512];
	DWORD len;
	bool selected;

	(void)state;
	write_file(READER, "faults", "1:cut=0");
	assert_int_equal(send_select(answer, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 0);
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_true(selected);
}

#define fault_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		fault_test(test_stats),	      fault_test(test_trace),	    fault_test(test_latency),
		fault_test(test_speed),	      fault_test(test_answers),	    fault_test(test_endless),
		fault_test(test_counts),      fault_test(test_reset),	    fault_test(test_remove),
		fault_test(test_silence),     fault_test(test_bad_text),    fault_test(test_across_processes),
		fault_test(test_environment), fault_test(test_persistence),
	};

	return cmocka_run_group_tests_name("vcard/faults", tests, NULL, NULL);
}
