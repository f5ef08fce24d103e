/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections to cards over the PC/SC client API: what others and the world can do to a card while we have it. */
#define DWORD pcsc_dword /* as in transport/pcsc.c; what is done with PC/SC itself here is another program's part */
#include "unit/pcsc_fixture.h"
#undef DWORD

#include "transport/transport.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "lib/hex.h"
#include "vcard/vcard.h"

#define CODE(name) ((DWORD)(name))
#define OK CODE(SCARD_S_SUCCESS)
#define SELECT "00A4040C09A00000039742544659"
/* answered with 6986 when no application is selected */
#define PROBE "00CADF3005"

static struct io *
connected(const char *reader)
{
	struct io *io = NULL;

	assert_int_equal(io_connect(reader, &io), OK);
	assert_non_null(io);
	return io;
}

static DWORD
send_hex(struct io *io, const char *command, struct buf *ret_answer)
{
	AUTO_BUF struct buf bytes = BUF_INIT;

	assert_true(hex_put(&bytes, command));
	buf_reset(ret_answer);
	return io_transmit(io, buf_cur(&bytes), false, ret_answer);
}

static DWORD
send_only(struct io *io, const char *command)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	DWORD r = send_hex(io, command, &answer);

	assert_true(r == OK || answer.len == 0);
	return r;
}

static bool
is_selected(struct io *io)
{
	AUTO_BUF struct buf answer = BUF_INIT;

	assert_int_equal(send_hex(io, PROBE, &answer), OK);
	return !hex_is(buf_cur(&answer), "6986");
}

/* Begins, expecting success; says whether the card was reset. */
static bool
begin(struct io *io)
{
	bool reset = false;

	assert_int_equal(io_begin(io, &reset), OK);
	return reset;
}

static DWORD
begin_code(struct io *io)
{
	bool reset;

	return io_begin(io, &reset);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static void
test_connect(void **state)
{
	uint8_t atr[VCARD_ATR_MAX];
	struct io *io = connected(READER);
	size_t len = vcard_default_atr(0, atr);

	(void)state;
	assert_int_equal(io->atr_len, len);
	assert_memory_equal(io->atr, atr, len);
	assert_false(io->t0);
	assert_int_equal(send_only(io, SELECT), OK);
	assert_true(is_selected(io));
	io_close(&io);
	assert_null(io);
}

static void
test_connect_t0(void **state)
{
	static const struct vcard_profile profile = { .quirks = VCARD_T0 };
	struct io *io;

	(void)state;
	assert_int_equal(vcard_create(fixture_path("cards/3"), &profile), 0);
	pull_card(READER);
	insert_card(READER, 3);
	io = connected(READER);
	assert_true(io->t0);
	assert_int_equal(send_only(io, SELECT), OK);
	io_close(&io);
}

static void
test_connect_fails(void **state)
{
	char long_name[400];
	struct io *io = NULL;
	SCARDCONTEXT context = establish();
	SCARDHANDLE handle;

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(io_connect("No such reader", &io), CODE(SCARD_E_READER_UNAVAILABLE));
	assert_int_equal(io_connect(long_name, &io), CODE(SCARD_E_READER_UNAVAILABLE));
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_EXCLUSIVE, &handle), SCARD_S_SUCCESS);
	assert_int_equal(io_connect(READER, &io), CODE(SCARD_E_SHARING_VIOLATION));
	assert_int_equal(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	pull_card(READER);
	assert_int_equal(io_connect(READER, &io), CODE(SCARD_E_NO_SMARTCARD));
	insert_card(READER, 99);
	assert_int_equal(io_connect(READER, &io), CODE(SCARD_W_UNRESPONSIVE_CARD));
	assert_int_equal(unsetenv("VCARD_READERS"), 0);
	assert_int_equal(io_connect(READER, &io), CODE(SCARD_E_NO_SERVICE));
	assert_null(io);
	(void)SCardReleaseContext(context);
}

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

static DWORD
with_fault(const char *fault, struct buf *ret_answer)
{
	struct io *io = connected(READER);
	DWORD r;

	write_file(READER, "faults", fault);
	r = send_hex(io, SELECT, ret_answer);
	io_close(&io);
	return r;
}

static void
test_answers(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(65538);

	(void)state;
	assert_int_equal(with_fault("1:data=", &answer), CODE(SCARD_E_COMM_DATA_LOST));
	assert_int_equal(with_fault("1:data=90", &answer), CODE(SCARD_E_COMM_DATA_LOST));
	assert_int_equal(answer.len, 0);
	assert_int_equal(with_fault("1:data=9000", &answer), OK);
	assert_true(hex_is(buf_cur(&answer), "9000"));
	assert_int_equal(with_fault("1:pad=65536", &answer), OK);
	assert_int_equal(answer.len, 65538);
	assert_int_equal(with_fault("1:silence=20", &answer), CODE(SCARD_E_COMM_DATA_LOST));
	assert_int_equal(with_fault("1:remove", &answer), CODE(SCARD_W_REMOVED_CARD));
}

static void
test_answer_over_the_ceiling(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(300);

	(void)state;
	assert_int_equal(with_fault("1:pad=400", &answer), CODE(SCARD_E_NO_MEMORY));
	buf_reset(&answer);
}

/* A connection is over once its card is gone: the same card put in again is another connection's. */
static void
test_removal(void **state)
{
	struct io *io = connected(READER);

	(void)state;
	pull_card(READER);
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_REMOVED_CARD));
	insert_card(READER, 1);
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_REMOVED_CARD));
	assert_int_equal(begin_code(io), CODE(SCARD_W_REMOVED_CARD));
	io_close(&io);
	io = connected(READER);
	assert_int_equal(send_only(io, SELECT), OK);
	io_close(&io);
}

static void
test_removal_during_exchange(void **state)
{
	struct io *io = connected(READER);

	(void)state;
	assert_false(begin(io));
	write_file(READER, "faults", "1:pull");
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_E_COMM_DATA_LOST));
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_REMOVED_CARD));
	io_end(io, false);
	assert_int_equal(begin_code(io), CODE(SCARD_W_REMOVED_CARD));
	io_close(&io);
}

/* The reader itself is pulled out, before a transaction and within one; the calls have a code of their own for it. */
static void
test_reader_gone(void **state)
{
	struct io *io = connected(READER), *other = connected(READER);

	(void)state;
	assert_false(begin(io));
	assert_int_equal(rename(fixture_path("readers/%s", READER), fixture_path("pulled")), 0);
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_REMOVED_CARD));
	io_end(io, false);
	assert_int_equal(begin_code(other), CODE(SCARD_W_REMOVED_CARD));
	assert_int_equal(rename(fixture_path("pulled"), fixture_path("readers/%s", READER)), 0);
	assert_int_equal(begin_code(other), CODE(SCARD_W_REMOVED_CARD));
	io_close(&io);
	io_close(&other);
}

static void
test_service_gone(void **state)
{
	struct io *io = connected(READER), *other = connected(READER);

	(void)state;
	assert_int_equal(rename(fixture_path("readers"), fixture_path("old")), 0);
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_REMOVED_CARD));
	assert_int_equal(begin_code(other), CODE(SCARD_W_REMOVED_CARD));
	assert_int_equal(rename(fixture_path("old"), fixture_path("readers")), 0);
	/* even when the service is back: this one was said to be gone */
	assert_int_equal(begin_code(other), CODE(SCARD_W_REMOVED_CARD));
	io_close(&io);
	io_close(&other);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

static void
test_reset_by_another(void **state)
{
	struct io *io = connected(READER);
	SCARDCONTEXT context = establish();
	SCARDHANDLE other = connect_shared(context, READER);

	(void)state;
	assert_false(begin(io));
	assert_int_equal(send_only(io, SELECT), OK);
	io_end(io, false);
	assert_false(begin(io));
	assert_true(is_selected(io));
	io_end(io, false);
	assert_int_equal(reconnect(other, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_RESET_CARD));
	assert_true(begin(io));
	assert_false(is_selected(io));
	io_end(io, false);
	assert_false(begin(io));
	io_end(io, false);
	io_close(&io);
	(void)SCardReleaseContext(context);
}

static void
test_reset_by_us(void **state)
{
	struct io *io = connected(READER);

	(void)state;
	assert_false(begin(io));
	assert_int_equal(send_only(io, SELECT), OK);
	io_end(io, true);
	assert_true(begin(io));
	assert_false(is_selected(io));
	io_end(io, false);
	assert_false(begin(io));
	io_end(io, false);
	/* outside a transaction nothing ends */
	io_end(io, true);
	assert_false(begin(io));
	io_close(&io);
}

/* A card that is reset in the middle of our transaction must not leave the reader locked for others. */
static void
reset_inside(const char *fault, bool other_learns)
{
	struct io *io = connected(READER), *other = connected(READER);

	assert_false(begin(io));
	write_file(READER, "faults", fault);
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_RESET_CARD));
	io_end(io, false);
	assert_int_equal(begin(other), other_learns);
	io_end(other, false);
	assert_true(begin(io));
	io_end(io, false);
	assert_false(begin(io));
	io_close(&io);
	io_close(&other);
}

static void
test_reset_inside(void **state)
{
	(void)state;
	reset_inside("1:reset", true);
}

/* The same of a reset that the service had told of before it was over, when we acknowledged it too early. */
static void
test_late_reset_inside(void **state)
{
	(void)state;
	reset_inside("1:unset", false);
}

/*
 * Another card was put in and reset by another program before we looked: what we are told is "reset", and it is not
 * our card.
 */
static void
test_exchanged_and_reset(void **state)
{
	struct io *io = connected(READER);
	SCARDCONTEXT context = establish();
	SCARDHANDLE other;

	(void)state;
	pull_card(READER);
	(void)reader_now(context, READER);
	insert_card(READER, 2);
	(void)reader_now(context, READER);
	other = connect_shared(context, READER);
	assert_int_equal(reconnect(other, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(begin_code(io), CODE(SCARD_W_REMOVED_CARD));
	assert_int_equal(send_only(io, SELECT), CODE(SCARD_W_REMOVED_CARD));
	/* and the reader is free */
	assert_int_equal(SCardBeginTransaction(other), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(other, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	io_close(&io);
	(void)SCardReleaseContext(context);
}

static void
test_close(void **state)
{
	struct io *io = connected(READER), *other = connected(READER);

	(void)state;
	assert_int_equal(send_only(io, SELECT), OK);
	io_close(&io);
	assert_false(begin(other));
	assert_true(is_selected(other));
	io_end(other, false);
	/* in the middle of a transaction nobody knows what the card would be left with */
	io = connected(READER);
	assert_false(begin(io));
	io_close(&io);
	assert_true(begin(other));
	assert_false(is_selected(other));
	io_close(&other);
}

static int
hold_transaction(void)
{
	struct io *io = NULL;
	bool reset;

	if (io_connect(READER, &io) != OK || io_begin(io, &reset) != OK)
		return 1;
	signal_event("held");
	sleep_ms(400);
	io_end(io, false);
	io_close(&io);
	return 0;
}

static void
test_waits_for_others(void **state)
{
	pid_t pid = spawn(hold_transaction);
	struct io *io;
	unsigned long start;

	(void)state;
	await_event("held");
	start = elapsed_ms();
	io = connected(READER);
	assert_false(begin(io));
	assert_true(elapsed_ms() - start > 200);
	io_close(&io);
	assert_int_equal(wait_for(pid), 0);
}

/* --- threads and processes ---------------------------------------------------------------------------------------- */

static void *
slow_exchange(void *argument)
{
	struct io *io = argument;
	AUTO_BUF struct buf answer = BUF_INIT, command = BUF_INIT;

	if (hex_put(&command, SELECT))
		(void)io_transmit(io, buf_cur(&command), false, &answer);
	return NULL;
}

/* A card that does not answer for a while holds up its own reader only. */
static void
test_slow_card_delays_no_other(void **state)
{
	struct io *slow, *io;
	pthread_t thread;
	unsigned long start = elapsed_ms();

	(void)state;
	make_reader(OTHER_READER);
	insert_card(OTHER_READER, 2);
	slow = connected(READER);
	io = connected(OTHER_READER);
	write_file(READER, "faults", "1:silence=1500");
	assert_int_equal(pthread_create(&thread, NULL, slow_exchange, slow), 0);
	sleep_ms(100);
	assert_false(begin(io));
	assert_int_equal(send_only(io, SELECT), OK);
	io_end(io, false);
	assert_true(elapsed_ms() - start < 1000);
	assert_int_equal(pthread_join(thread, NULL), 0);
	io_close(&io);
	io_close(&slow);
}

static struct io *inherited;

/* In a child: the parent's transaction and handle must stay as they are. */
static int
forget_inherited(void)
{
	io_forget(&inherited);
	return inherited == NULL ? 0 : 1;
}

static void
test_forget(void **state)
{
	(void)state;
	inherited = connected(READER);
	assert_int_equal(send_only(inherited, SELECT), OK);
	assert_false(begin(inherited));
	assert_int_equal(wait_for(spawn(forget_inherited)), 0);
	assert_true(is_selected(inherited));
	io_end(inherited, false);
	assert_false(begin(inherited));
	io_close(&inherited);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_connect_t0),
		TEST(test_connect_fails),
		TEST(test_answers),
		TEST(test_answer_over_the_ceiling),
		TEST(test_removal),
		TEST(test_removal_during_exchange),
		TEST(test_reader_gone),
		TEST(test_service_gone),
		TEST(test_reset_by_another),
		TEST(test_reset_by_us),
		TEST(test_reset_inside),
		TEST(test_late_reset_inside),
		TEST(test_exchanged_and_reset),
		TEST(test_close),
		TEST(test_waits_for_others),
		TEST(test_slow_card_delays_no_other),
		TEST(test_forget),
	};

	return cmocka_run_group_tests_name("/transport/pcsc", tests, NULL, NULL);
}
