/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands: their bytes in all cases and forms, and what a card can do on the way of one. */
#include "iso7816/apdu.h"

#include <stdlib.h>
#include <string.h>

#include "carderr.h"
#include "lib/fault.h"
#include "lib/hex.h"
#include "lib/script.h"
#include "lib/test.h"

/* --- bytes ------------------------------------------------------------------------------------------------------ */

static bool
encodes(size_t data_len, size_t le, bool extended, bool t0, const char *expected)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, 0xCB, 0x3F, 0xFF, le);
	AUTO_BUF struct buf bytes = BUF_INIT_MAX(70000), data = BUF_INIT_MAX(70000);
	struct cursor c, head;

	buf_zeros(&data, data_len);
	if (!apdu_encode(&a, buf_cur(&data), true, extended, t0, &bytes))
		return expected == NULL;
	if (expected == NULL)
		return false;
	/* the text leaves out the data */
	c = buf_cur(&bytes);
	if (data_len == 0)
		return hex_is(c, expected);
	buf_reset(&data);
	assert_true(cur_take(&c, extended ? 7 : 5, &head) && cur_skip(&c, data_len));
	buf_put_cur(&data, head);
	buf_put_cur(&data, c);
	return hex_is(buf_cur(&data), expected);
}

static void
test_short(void **state)
{
	(void)state;
	assert_true(encodes(0, APDU_LE_NONE, false, false, "00CB3FFF"));
	assert_true(encodes(0, 1, false, false, "00CB3FFF 01"));
	assert_true(encodes(0, 256, false, false, "00CB3FFF 00"));
	assert_true(encodes(0, APDU_LE_MAX, false, false, "00CB3FFF 00"));
	assert_true(encodes(1, APDU_LE_NONE, false, false, "00CB3FFF 01"));
	assert_true(encodes(255, APDU_LE_NONE, false, false, "00CB3FFF FF"));
	assert_true(encodes(4, 8, false, false, "00CB3FFF 04 08"));
	assert_true(encodes(4, APDU_LE_MAX, false, false, "00CB3FFF 04 00"));
	assert_true(encodes(256, APDU_LE_NONE, false, false, NULL));
	assert_true(encodes(0, 257, false, false, NULL));
}

static void
test_t0(void **state)
{
	(void)state;
	assert_true(encodes(0, APDU_LE_NONE, false, true, "00CB3FFF 00"));
	assert_true(encodes(0, APDU_LE_MAX, false, true, "00CB3FFF 00"));
	assert_true(encodes(0, 8, false, true, "00CB3FFF 08"));
	assert_true(encodes(4, APDU_LE_NONE, false, true, "00CB3FFF 04"));
	assert_true(encodes(4, APDU_LE_MAX, false, true, "00CB3FFF 04"));
}

static void
test_extended(void **state)
{
	(void)state;
	assert_true(encodes(0, APDU_LE_NONE, true, false, "00CB3FFF"));
	assert_true(encodes(0, 257, true, false, "00CB3FFF 00 0101"));
	assert_true(encodes(0, APDU_LE_MAX, true, false, "00CB3FFF 00 0000"));
	assert_true(encodes(256, APDU_LE_NONE, true, false, "00CB3FFF 00 0100"));
	assert_true(encodes(65535, APDU_LE_NONE, true, false, "00CB3FFF 00 FFFF"));
	assert_true(encodes(4, 8, true, false, "00CB3FFF 00 0004 0008"));
	assert_true(encodes(4, APDU_LE_MAX, true, false, "00CB3FFF 00 0004 0000"));
	assert_true(encodes(65536, APDU_LE_NONE, true, false, NULL));
	assert_true(encodes(0, 65537, true, false, NULL));
}

static void
test_chained_part(void **state)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, 0xDB, 0x3F, 0xFF, APDU_LE_MAX);
	AUTO_BUF struct buf bytes = BUF_INIT;

	(void)state;
	assert_true(apdu_encode(&a, cur_of("\xAA\xBB", 2), false, false, false, &bytes));
	assert_true(hex_is(buf_cur(&bytes), "10DB3FFF 02 AABB"));
}

/* --- exchanges by script ------------------------------------------------------------------------------------------ */

struct result {
	DWORD code;
	uint16_t sw;
	struct buf answer;
	unsigned commands;
	unsigned secrets;
};

/* Runs the command against the script, all of which must happen. */
static struct result
run(const char *script, struct channel *ch, bool t0, const struct apdu *a)
{
	struct result x = { .sw = 0xFFFF, .answer = BUF_INIT };

	assert_non_null(ch->io = script_open(script, t0));
	buf_put(&x.answer, "old", 3);
	x.code = apdu_exchange(ch, a, &x.answer, &x.sw);
	x.commands = script_commands(ch->io);
	x.secrets = script_secrets(ch->io);
	assert_true(script_close(&ch->io));
	assert_true(x.code == SCARD_S_SUCCESS || x.answer.len == 0);
	assert_false(buf_failed(&x.answer));
	if (x.code != SCARD_S_SUCCESS)
		buf_free(&x.answer);
	return x;
}

static bool
runs(const char *script, bool t0, const struct apdu *a, DWORD code, uint16_t sw, const char *answer)
{
	struct channel ch = { .io = NULL };
	struct result x = run(script, &ch, t0, a);
	bool ok = x.code == code && x.sw == sw && hex_is(buf_cur(&x.answer), answer);

	buf_free(&x.answer);
	return ok;
}

static void
test_one_exchange(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	AUTO_APDU struct apdu logout = apdu_of(0x00, 0x20, 0x00, 0x82, APDU_LE_NONE);

	(void)state;
	assert_true(hex_put(&get.data, "5C02DF22"));
	assert_true(runs("> 00CBA010 04 5C02DF22 00\n< DF2200 9000", false, &get, SCARD_S_SUCCESS, 0x9000, "DF2200"));
	assert_true(runs("> 00200082\n< 9000", false, &logout, SCARD_S_SUCCESS, 0x9000, ""));
	assert_true(runs("> 0020008200\n< 9000", true, &logout, SCARD_S_SUCCESS, 0x9000, ""));
	assert_true(runs("> 00CBA010 04 5C02DF22 00\n< 6A88", false, &get, SCARD_E_FILE_NOT_FOUND, 0x6A88, ""));
	/* data beside an error is not an answer */
	assert_true(runs("> 00CBA010 04 5C02DF22 00\n< 0102 6A88", false, &get, SCARD_E_FILE_NOT_FOUND, 0x6A88, ""));
	assert_true(runs("> 00CBA010 04 5C02DF22 00\n< 0102 6282", false, &get, SCARD_S_SUCCESS, 0x6282, "0102"));
	assert_true(runs("> 00CBA010 04 5C02DF22 00\n< 6282", false, &get, SCARD_E_UNEXPECTED, 0x6282, ""));
}

static void
test_transport_failures(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);

	(void)state;
	assert_true(runs("> 00CBA01000\n< !80100069", false, &get, SCARD_W_REMOVED_CARD, 0, ""));
	assert_true(runs("> 00CBA01000\n<", false, &get, SCARD_E_COMM_DATA_LOST, 0, ""));
	assert_true(runs("> 00CBA01000\n< 90", false, &get, SCARD_E_COMM_DATA_LOST, 0, ""));
	assert_true(runs("> 00CBA01000\n< 0102 6102\n> 00C0000002\n< !80100068", false, &get, SCARD_W_RESET_CARD,
			 0x6102, ""));
}

static void
test_get_response(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	AUTO_APDU struct apdu channel2 = apdu_of(0x02, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	AUTO_APDU struct apdu private = apdu_of(0x80, 0xCB, 0xA0, 0x10, APDU_LE_MAX);

	(void)state;
	assert_true(hex_put(&get.data, "5C00"));
	assert_true(runs("> 00CBA010 02 5C00\n< 6102\n> 00C0000002\n< 0102 9000", true, &get, SCARD_S_SUCCESS, 0x9000,
			 "0102"));
	assert_true(runs("> 00CBA010 02 5C00 00\n< 01 6102\n> 00C0000002\n< 0203 6100\n> 00C0000000\n< 04 9000", false,
			 &get, SCARD_S_SUCCESS, 0x9000, "01020304"));
	assert_true(
		runs("> 00CBA010 02 5C00 00\n< 6102\n> 00C0000002\n< 9000", false, &get, SCARD_S_SUCCESS, 0x9000, ""));
	assert_true(runs("> 00CBA010 02 5C00 00\n< 01 6102\n> 00C0000002\n< 02 6282", false, &get, SCARD_S_SUCCESS,
			 0x6282, "0102"));
	assert_true(runs("> 00CBA010 02 5C00 00\n< 01 6102\n> 00C0000002\n< 6985", false, &get, SCARD_E_UNEXPECTED,
			 0x6985, ""));
	assert_true(runs("> 02CBA010 00\n< 6101\n> 02C0000001\n< 01 9000", false, &channel2, SCARD_S_SUCCESS, 0x9000,
			 "01"));
	assert_true(
		runs("> 80CBA010 00\n< 6101\n> 00C0000001\n< 01 9000", false, &private, SCARD_S_SUCCESS, 0x9000, "01"));
}

static void
test_wrong_le(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	AUTO_APDU struct apdu verify = apdu_of(0x00, 0x20, 0x00, 0x80, APDU_LE_NONE);

	(void)state;
	assert_true(
		runs("> 00CBA01000\n< 6C02\n> 00CBA01002\n< 0102 9000", false, &get, SCARD_S_SUCCESS, 0x9000, "0102"));
	/* what comes with 6Cxx is no data */
	assert_true(runs("> 00CBA01000\n< FF 6C02\n> 00CBA01002\n< 0102 9000", false, &get, SCARD_S_SUCCESS, 0x9000,
			 "0102"));
	assert_true(runs("> 00CBA01000\n< 6C00\n> 00CBA01000\n< 01 9000", false, &get, SCARD_S_SUCCESS, 0x9000, "01"));
	assert_true(runs("> 00CBA01000\n< 6110\n> 00C0000010\n< 6C02\n> 00C0000002\n< 0102 9000", false, &get,
			 SCARD_S_SUCCESS, 0x9000, "0102"));
	/* ping-pong, on the command, between command and GET RESPONSE */
	assert_true(
		runs("> 00CBA01000\n< 6C10\n> 00CBA01010\n< 6C20", false, &get, SCARD_E_COMM_DATA_LOST, 0x6C20, ""));
	assert_true(runs("> 00CBA01000\n< 6C10\n> 00CBA01010\n< 6110\n> 00C0000010\n< 6C20", false, &get,
			 SCARD_E_COMM_DATA_LOST, 0x6C20, ""));
	/* a PIN is never sent again */
	assert_true(hex_put(&verify.data, "31323334"));
	assert_true(runs("> 00200080 04 31323334\n< 6C04", false, &verify, SCARD_E_UNEXPECTED, 0x6C04, ""));
	/* nor is a command whose Le T=0 cannot carry */
	assert_true(hex_put(&get.data, "5C00"));
	assert_true(runs("> 00CBA010 02 5C00\n< 6C04", true, &get, SCARD_E_UNEXPECTED, 0x6C04, ""));
}

static void
test_chain(void **state)
{
	AUTO_APDU struct apdu put = apdu_of(0x00, 0xDB, 0x3F, 0xFF, APDU_LE_MAX);
	struct channel ch = { .chain_part = 2 };
	struct result x;

	(void)state;
	assert_true(hex_put(&put.data, "0102030405"));
	x = run("> 10DB3FFF 02 0102\n< 9000\n> 10DB3FFF 02 0304\n< 9000\n> 00DB3FFF 01 05 00\n< 6101\n> 00C0000001\n< "
		"AA 9000",
		&ch, false, &put);
	assert_int_equal(x.code, SCARD_S_SUCCESS);
	assert_true(hex_is(buf_cur(&x.answer), "AA"));
	assert_int_equal(x.commands, 4);
	buf_free(&x.answer);
	/* refused on the way; 61xx or 6282 there is no success either, and its data is dropped */
	x = run("> 10DB3FFF 02 0102\n< 9000\n> 10DB3FFF 02 0304\n< 6A84", &ch, false, &put);
	assert_int_equal(x.code, SCARD_E_WRITE_TOO_MANY);
	x = run("> 10DB3FFF 02 0102\n< 6110", &ch, false, &put);
	assert_int_equal(x.code, SCARD_E_UNEXPECTED);
	x = run("> 10DB3FFF 02 0102\n< 01 6282", &ch, false, &put);
	assert_int_equal(x.code, SCARD_E_UNEXPECTED);
	x = run("> 10DB3FFF 02 0102\n< FF 9000\n> 10DB3FFF 02 0304\n< FF 9000\n> 00DB3FFF 01 05 00\n< 9000", &ch, false,
		&put);
	assert_int_equal(x.code, SCARD_S_SUCCESS);
	assert_int_equal(x.answer.len, 0);
	buf_free(&x.answer);
}

/* --- exchanges with a card that computes its answers -------------------------------------------------------------- */

typedef void (*toy_answer)(struct cursor command, unsigned number, struct buf *response);

struct toy {
	struct io io;
	toy_answer answer;
	unsigned commands;
	size_t longest;
	size_t data_bytes; /* of short commands */
};

static DWORD
toy_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	struct toy *toy = (struct toy *)io;
	uint8_t *exact = hex_heap(command);

	(void)secret;
	if (exact == NULL)
		return SCARD_E_NO_MEMORY;
	toy->answer(cur_of(exact, command.left), toy->commands++, response);
	if (command.left > toy->longest)
		toy->longest = command.left;
	if (command.left > 5)
		toy->data_bytes += exact[4];
	free(exact);
	return SCARD_S_SUCCESS;
}

static const struct io_ops toy_ops = { .transmit = toy_transmit };

static DWORD
toy_run(struct toy *toy, toy_answer answer, struct channel *ch, const struct apdu *a, struct buf *ret_answer)
{
	*toy = (struct toy){ .io = { .ops = &toy_ops }, .answer = answer };
	ch->io = &toy->io;
	return apdu_exchange(ch, a, ret_answer, NULL);
}

static void
endless_with_data(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	buf_u8(response, (uint8_t)number);
	buf_be16(response, 0x61FF);
}

static void
endless_without_data(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	(void)number;
	buf_be16(response, 0x6100);
}

static void
endless_pages(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	(void)number;
	buf_zeros(response, 256);
	buf_be16(response, 0x6100);
}

/* 65536 bytes in pages of 256. */
static void
largest_answer(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	buf_zeros(response, 256);
	buf_be16(response, number < 255 ? 0x6100 : 0x9000);
}

static void
too_long_at_once(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	(void)number;
	buf_zeros(response, 65536);
	buf_be16(response, 0x6101);
}

static void
takes_all(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	(void)number;
	buf_be16(response, SW_OK);
}

static void
test_endless_answers(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	AUTO_BUF struct buf answer = BUF_INIT;
	struct channel ch = { .extended = true };
	struct toy toy;

	(void)state;
	assert_int_equal(toy_run(&toy, endless_with_data, &ch, &get, &answer), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(toy.commands, LIMIT_RESPONSE_ROUNDS + 1);
	assert_int_equal(toy_run(&toy, endless_without_data, &ch, &get, &answer), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(toy.commands, 2);
	assert_int_equal(toy_run(&toy, endless_pages, &ch, &get, &answer), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(toy.commands, 257);
	assert_int_equal(toy_run(&toy, too_long_at_once, &ch, &get, &answer), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(answer.len, 0);
	assert_int_equal(toy_run(&toy, largest_answer, &ch, &get, &answer), SCARD_S_SUCCESS);
	assert_int_equal(toy.commands, 256);
	assert_int_equal(answer.len, 65536);
}

static void
test_answer_longer_than_wanted(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	AUTO_BUF struct buf answer = BUF_INIT_MAX(65535);
	struct channel ch = { .io = NULL };
	struct toy toy;

	(void)state;
	assert_int_equal(toy_run(&toy, largest_answer, &ch, &get, &answer), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(answer.len, 0);
	assert_false(buf_failed(&answer));
	assert_int_equal(toy_run(&toy, largest_answer, &ch, &get, NULL), SCARD_S_SUCCESS);
}

static unsigned
commands_for(struct channel *ch, size_t data_len, size_t le, size_t *ret_longest)
{
	AUTO_APDU struct apdu put = apdu_of(0x00, 0xDB, 0x3F, 0xFF, le);
	struct toy toy;

	buf_zeros(&put.data, data_len);
	assert_int_equal(toy_run(&toy, takes_all, ch, &put, NULL), SCARD_S_SUCCESS);
	assert_true(ch->extended || toy.data_bytes == data_len);
	*ret_longest = toy.longest;
	return toy.commands;
}

static void
test_forms_chosen(void **state)
{
	struct channel small = { .chain_part = 0 }, parts = { .chain_part = 240 }, odd = { .chain_part = 1000 };
	struct channel large = { .extended = true };
	size_t longest;

	(void)state;
	assert_int_equal(commands_for(&small, 255, APDU_LE_NONE, &longest), 1);
	assert_int_equal(longest, 260);
	assert_int_equal(commands_for(&small, 256, APDU_LE_NONE, &longest), 2);
	assert_int_equal(commands_for(&small, 510, APDU_LE_NONE, &longest), 2);
	assert_int_equal(commands_for(&small, 511, APDU_LE_NONE, &longest), 3);
	assert_int_equal(commands_for(&parts, 241, APDU_LE_NONE, &longest), 2);
	assert_int_equal(longest, 245);
	assert_int_equal(commands_for(&odd, 256, APDU_LE_NONE, &longest), 2);
	assert_int_equal(commands_for(&small, 1, 300, &longest), 1);
	assert_int_equal(longest, 7);
	/* extended where it is needed only, and chained when even that is too short */
	assert_int_equal(commands_for(&large, 255, 256, &longest), 1);
	assert_int_equal(longest, 261);
	assert_int_equal(commands_for(&large, 256, APDU_LE_NONE, &longest), 1);
	assert_int_equal(longest, 263);
	assert_int_equal(commands_for(&large, 65535, APDU_LE_MAX, &longest), 1);
	assert_int_equal(longest, 65544);
	assert_int_equal(commands_for(&large, 65536, APDU_LE_NONE, &longest), 258);
	assert_int_equal(commands_for(&large, 1, APDU_LE_MAX, &longest), 1);
	assert_int_equal(longest, 10);
}

/* Every status word to a command with and without data: the code is the table's, and nothing is sent twice. */
static uint16_t next_sw;

static void
one_sw(struct cursor command, unsigned number, struct buf *response)
{
	(void)command;
	buf_be16(response, number == 0 ? next_sw : 0x6A80);
}

static void
test_every_status_word(void **state)
{
	AUTO_APDU struct apdu verify = apdu_of(0x00, 0x20, 0x00, 0x80, APDU_LE_NONE);
	struct channel ch = { .io = NULL };
	struct toy toy;
	uint16_t sw = 0;
	DWORD r;

	(void)state;
	assert_true(hex_put(&verify.data, "31323334"));
	for (uint32_t i = 0; i <= 0xFFFF; i++) {
		next_sw = (uint16_t)i;
		toy = (struct toy){ .io = { .ops = &toy_ops }, .answer = one_sw };
		ch.io = &toy.io;
		r = apdu_exchange(&ch, &verify, NULL, &sw);
		assert_int_equal(toy.commands, i >> 8 == 0x61 ? 2 : 1);
		assert_int_equal(r == SCARD_S_SUCCESS, i == 0x9000);
		assert_true(i >> 8 == 0x61 || i == 0x6282 || r == sw_code((uint16_t)i, NULL, 0));
		assert_int_equal(sw, i >> 8 == 0x61 ? 0x6A80 : i);
	}
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void
test_secret(void **state)
{
	AUTO_APDU struct apdu verify = apdu_of(0x00, 0x20, 0x00, 0x80, APDU_LE_MAX);
	AUTO_SECRET struct secret pin = SECRET_INIT;
	struct channel ch = { .chain_part = 2 };
	struct result x;

	(void)state;
	assert_true(secret_set(&pin, "1234", 4));
	apdu_put_secret(&verify, &pin);
	assert_true(verify.secret);
	x = run("> 10200080 02 3132\n< 9000\n> 00200080 02 3334 00\n< 6101\n> 00C0000001\n< 01 9000", &ch, false,
		&verify);
	assert_int_equal(x.code, SCARD_S_SUCCESS);
	assert_int_equal(x.secrets, 3);
	buf_free(&x.answer);
}

static void
test_select(void **state)
{
	static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x97 };
	AUTO_BUF struct buf fci = BUF_INIT;
	struct channel ch = { .io = NULL };
	uint16_t sw;

	(void)state;
	assert_non_null(ch.io = script_open("> 00A40400 05 A000000397 00\n< 6100 9000\n"
					    "> 00A4040C 05 A000000397\n< 9000\n"
					    "> 00A40400 05 A000000397 00\n< 6A82\n",
					    false));
	assert_int_equal(apdu_select_name(&ch, aid, sizeof(aid), &fci, &sw), SCARD_S_SUCCESS);
	assert_true(hex_is(buf_cur(&fci), "6100"));
	assert_int_equal(apdu_select_name(&ch, aid, sizeof(aid), NULL, NULL), SCARD_S_SUCCESS);
	assert_int_equal(apdu_select_name(&ch, aid, sizeof(aid), &fci, &sw), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(fci.len, 0);
	assert_int_equal(sw, 0x6A82);
	assert_true(script_close(&ch.io));
}

/* An overflow while the command was built is reported when it is to be sent, and nothing is sent. */
static void
test_failed_command(void **state)
{
	AUTO_APDU struct apdu put = apdu_of(0x00, 0xDB, 0x3F, 0xFF, APDU_LE_NONE);

	(void)state;
	buf_zeros(&put.data, LIMIT_COMMAND + 1);
	assert_true(runs("", false, &put, SCARD_E_NO_MEMORY, 0, ""));
	apdu_free(NULL);
}

static void
test_no_memory(void **state)
{
	AUTO_APDU struct apdu put = apdu_of(0x00, 0xDB, 0x3F, 0xFF, APDU_LE_MAX);
	struct channel ch = { .chain_part = 200 };
	struct toy toy;
	unsigned n;
	DWORD r;

	(void)state;
	buf_zeros(&put.data, 150);
	for (n = 1;; n++) {
		AUTO_BUF struct buf answer = BUF_INIT;

		toy = (struct toy){ .io = { .ops = &toy_ops }, .answer = largest_answer };
		ch.io = &toy.io;
		fault_arm(n);
		r = apdu_exchange(&ch, &put, &answer, NULL);
		if (!fault_fired())
			break;
		assert_int_equal(r, SCARD_E_NO_MEMORY);
		assert_int_equal(answer.len, 0);
	}
	assert_int_equal(r, SCARD_S_SUCCESS);
	assert_true(n > 256);
}

/* The scripted card itself: what comes out of order is noticed. */
static void
test_script_notices(void **state)
{
	AUTO_APDU struct apdu get = apdu_of(0x00, 0xCB, 0xA0, 0x10, APDU_LE_MAX);
	static const char *const wrong[] = {
		"> 00CBA010\n< 9000", "> 00CBA0100000\n< 9000", "> 00CBA01100\n< 9000", "< 9000", "",
		"> 00CBA01000\n> 00",
	};
	struct channel ch = { .io = NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_non_null(ch.io = script_open(wrong[i], false));
		assert_int_equal(apdu_exchange(&ch, &get, NULL, NULL), SCARD_F_INTERNAL_ERROR);
		assert_false(script_close(&ch.io));
	}
	assert_non_null(ch.io = script_open("> 00 ** A0 10 **\n< 9000\n\n# left over\n> 00\n", false));
	assert_int_equal(apdu_exchange(&ch, &get, NULL, NULL), SCARD_S_SUCCESS);
	assert_false(script_close(&ch.io));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_t0),
		cmocka_unit_test(test_extended),
		cmocka_unit_test(test_chained_part),
		cmocka_unit_test(test_one_exchange),
		cmocka_unit_test(test_transport_failures),
		cmocka_unit_test(test_get_response),
		cmocka_unit_test(test_wrong_le),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_endless_answers),
		cmocka_unit_test(test_answer_longer_than_wanted),
		cmocka_unit_test(test_forms_chosen),
		cmocka_unit_test(test_every_status_word),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_failed_command),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_script_notices),
	};

	return cmocka_run_group_tests_name("/iso7816/apdu", tests, NULL, NULL);
}
