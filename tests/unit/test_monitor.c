/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers and cards that come and go, a service that does, waiting for any of it, and being told to stop waiting. */
#define DWORD pcsc_dword
#include "unit/pcsc_fixture.h"
#undef DWORD

#include "transport/transport.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vcard/vcard.h"

#define CODE(name) ((DWORD)(name))
#define OK CODE(SCARD_S_SUCCESS)
#define READERS 20

static struct io_reader readers[READERS];
static size_t count;
static uint32_t epoch;

static struct io_monitor *
opened(void)
{
	struct io_monitor *m = NULL;

	assert_int_equal(io_monitor_open(&m), OK);
	assert_non_null(m);
	return m;
}

static DWORD
poll_now(struct io_monitor *m)
{
	return io_monitor_poll(m, readers, READERS, &count, &epoch);
}

static void
replace_service(void)
{
	assert_int_equal(rename(fixture_path("readers"), fixture_path("old")), 0);
}

static void
bring_service(void)
{
	assert_int_equal(mkdir(fixture_path("readers"), 0777), 0);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

static void
test_poll(void **state)
{
	struct io_monitor *m = opened();
	uint8_t atr[VCARD_ATR_MAX];
	size_t len = vcard_default_atr(0, atr);
	uint32_t events;

	(void)state;
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(count, 1);
	assert_string_equal(readers[0].name, READER);
	assert_true(readers[0].present);
	assert_int_equal(readers[0].atr_len, len);
	assert_memory_equal(readers[0].atr, atr, len);
	events = readers[0].events;
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(readers[0].events, events);
	pull_card(READER);
	assert_int_equal(poll_now(m), OK);
	assert_false(readers[0].present);
	assert_int_equal(readers[0].atr_len, 0);
	assert_int_not_equal(readers[0].events, events);
	io_monitor_close(&m);
	assert_null(m);
	io_monitor_close(&m);
	io_monitor_close(NULL);
}

/* Another card between two looks is seen by the count alone. */
static void
test_poll_exchange(void **state)
{
	struct io_monitor *m = opened();
	SCARDCONTEXT context = establish();
	uint32_t events;

	(void)state;
	assert_int_equal(poll_now(m), OK);
	events = readers[0].events;
	pull_card(READER);
	(void)reader_now(context, READER);
	insert_card(READER, 2);
	assert_int_equal(poll_now(m), OK);
	assert_true(readers[0].present);
	assert_int_equal(readers[0].events, events + 2);
	(void)SCardReleaseContext(context);
	io_monitor_close(&m);
}

static void
test_poll_many(void **state)
{
	struct io_monitor *m = opened();
	char name[16] = "Reader 00";

	(void)state;
	for (int i = 1; i < 16; i++) {
		name[7] = (char)('0' + i / 10);
		name[8] = (char)('0' + i % 10);
		make_reader(name);
	}
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(count, 16);
	/* with no room for one reader more in PC/SC, waiting works all the same */
	assert_int_equal(io_monitor_wait(m, readers, count, 50), CODE(SCARD_E_TIMEOUT));
	assert_int_equal(io_monitor_poll(m, readers, 3, &count, &epoch), OK);
	assert_int_equal(count, 3);
	io_monitor_close(&m);
}

static void
test_poll_mute_card(void **state)
{
	struct io_monitor *m = opened();

	(void)state;
	pull_card(READER);
	insert_card(READER, 99);
	assert_int_equal(poll_now(m), OK);
	assert_true(readers[0].present);
	assert_int_equal(readers[0].atr_len, 0);
	/* it is no news again and again */
	assert_int_equal(io_monitor_wait(m, readers, count, 50), CODE(SCARD_E_TIMEOUT));
	io_monitor_close(&m);
}

static void
test_poll_service(void **state)
{
	struct io_monitor *m;
	uint32_t before;

	(void)state;
	replace_service();
	m = opened();
	count = 7;
	assert_int_equal(poll_now(m), CODE(SCARD_E_NO_SERVICE));
	assert_int_equal(count, 0);
	bring_service();
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(count, 0);
	before = epoch;
	make_reader(READER);
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(count, 1);
	assert_int_equal(epoch, before);
	/* gone, seen as gone, and back */
	assert_int_equal(rename(fixture_path("readers"), fixture_path("old2")), 0);
	assert_int_equal(poll_now(m), CODE(SCARD_E_NO_SERVICE));
	bring_service();
	assert_int_equal(poll_now(m), OK);
	assert_int_not_equal(epoch, before);
	/* gone and back between two looks */
	before = epoch;
	assert_int_equal(rename(fixture_path("readers"), fixture_path("old3")), 0);
	bring_service();
	assert_int_equal(poll_now(m), OK);
	assert_int_not_equal(epoch, before);
	io_monitor_close(&m);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static struct {
	struct io_monitor *monitor;
	void (*act)(void);
	pthread_t thread;
} later;

static void *
act_later(void *unused)
{
	sleep_ms(150);
	later.act();
	return unused;
}

/* Waits while act happens in another thread a little later; says how long it took. */
static DWORD
wait_while(struct io_monitor *m, void (*act)(void), uint32_t timeout_ms, unsigned long *ret_ms)
{
	unsigned long start = elapsed_ms();
	DWORD r;

	later.monitor = m;
	later.act = act;
	assert_int_equal(pthread_create(&later.thread, NULL, act_later, NULL), 0);
	r = io_monitor_wait(m, readers, count, timeout_ms);
	*ret_ms = elapsed_ms() - start;
	assert_int_equal(pthread_join(later.thread, NULL), 0);
	return r;
}

static void
act_pull(void)
{
	pull_card(READER);
}

static void
act_insert(void)
{
	insert_card(READER, 2);
}

static void
act_new_reader(void)
{
	make_reader(OTHER_READER);
}

static void
act_lose_reader(void)
{
	(void)rename(fixture_path("readers/%s", READER), fixture_path("cards/lost"));
}

static void
act_cancel(void)
{
	io_monitor_cancel(later.monitor);
}

static void
act_nothing(void)
{
}

/* What somebody else does with the card wakes PC/SC, but is nothing that this waits for. */
static void
act_use_card(void)
{
	struct io *io = NULL;

	if (io_connect(READER, &io) == OK)
		io_close(&io);
}

static void
test_wait_for_changes(void **state)
{
	static void (*const acts[])(void) = { act_pull, act_insert, act_new_reader, act_lose_reader };
	struct io_monitor *m = opened();
	unsigned long ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		assert_int_equal(poll_now(m), OK);
		assert_int_equal(wait_while(m, acts[i], IO_WAIT_FOREVER, &ms), OK);
		assert_in_range(ms, 100, 2000);
	}
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(count, 1);
	io_monitor_close(&m);
}

static void
test_wait_over(void **state)
{
	struct io_monitor *m = opened();
	unsigned long ms;

	(void)state;
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(wait_while(m, act_nothing, 300, &ms), CODE(SCARD_E_TIMEOUT));
	assert_in_range(ms, 290, 1000);
	assert_int_equal(wait_while(m, act_use_card, 400, &ms), CODE(SCARD_E_TIMEOUT));
	assert_in_range(ms, 390, 1000);
	assert_int_equal(io_monitor_wait(m, readers, count, 0), CODE(SCARD_E_TIMEOUT));
	io_monitor_close(&m);
}

/* What has changed before the wait is no less news. */
static void
test_wait_for_the_past(void **state)
{
	struct io_monitor *m = opened();
	SCARDCONTEXT context = establish();

	(void)state;
	assert_int_equal(poll_now(m), OK);
	pull_card(READER);
	(void)reader_now(context, READER);
	insert_card(READER, 2);
	assert_int_equal(io_monitor_wait(m, readers, count, IO_WAIT_FOREVER), OK);
	assert_int_equal(poll_now(m), OK);
	make_reader(OTHER_READER);
	assert_int_equal(io_monitor_wait(m, readers, count, 0), OK);
	(void)SCardReleaseContext(context);
	io_monitor_close(&m);
}

static void
test_cancel(void **state)
{
	struct io_monitor *m = opened();
	unsigned long ms;

	(void)state;
	assert_int_equal(poll_now(m), OK);
	/* before the wait, once */
	io_monitor_cancel(m);
	io_monitor_cancel(m);
	assert_int_equal(io_monitor_wait(m, readers, count, IO_WAIT_FOREVER), CODE(SCARD_E_CANCELLED));
	assert_int_equal(io_monitor_wait(m, readers, count, 20), CODE(SCARD_E_TIMEOUT));
	/* during it */
	assert_int_equal(wait_while(m, act_cancel, IO_WAIT_FOREVER, &ms), CODE(SCARD_E_CANCELLED));
	assert_in_range(ms, 100, 1000);
	io_monitor_close(&m);
}

static volatile bool stop_waiting;
static unsigned cancelled_waits;

static void *
wait_often(void *argument)
{
	struct io_monitor *m = argument;

	while (io_monitor_wait(m, readers, count, IO_WAIT_FOREVER) == CODE(SCARD_E_CANCELLED)) {
		__atomic_add_fetch(&cancelled_waits, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&stop_waiting, __ATOMIC_SEQ_CST))
			break;
	}
	return NULL;
}

/* Cancels that hit every moment of a wait: none is lost. */
static void
test_cancel_race(void **state)
{
	struct io_monitor *m = opened();
	pthread_t thread;
	unsigned seen, longest = 0;
	unsigned long start;

	(void)state;
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(pthread_create(&thread, NULL, wait_often, m), 0);
	for (unsigned i = 0; i < 300; i++) {
		seen = __atomic_load_n(&cancelled_waits, __ATOMIC_SEQ_CST);
		start = elapsed_ms();
		if (i == 299)
			__atomic_store_n(&stop_waiting, true, __ATOMIC_SEQ_CST);
		io_monitor_cancel(m);
		while (__atomic_load_n(&cancelled_waits, __ATOMIC_SEQ_CST) == seen && elapsed_ms() - start < 5000)
			(void)usleep(20);
		assert_true(elapsed_ms() - start < 5000);
		if (elapsed_ms() - start > longest)
			longest = (unsigned)(elapsed_ms() - start);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(longest < 1000);
	io_monitor_close(&m);
}

static void
test_wait_without_service(void **state)
{
	struct io_monitor *m = opened();
	unsigned long ms;

	(void)state;
	assert_int_equal(poll_now(m), OK);
	/* all readers went with it */
	assert_int_equal(wait_while(m, replace_service, IO_WAIT_FOREVER, &ms), OK);
	assert_int_equal(poll_now(m), CODE(SCARD_E_NO_SERVICE));
	/* none is there and none comes */
	assert_int_equal(io_monitor_wait(m, readers, count, 200), CODE(SCARD_E_TIMEOUT));
	assert_int_equal(wait_while(m, act_cancel, IO_WAIT_FOREVER, &ms), CODE(SCARD_E_CANCELLED));
	assert_in_range(ms, 100, 800);
	io_monitor_close(&m);
}

static void
act_bring_service_and_reader(void)
{
	bring_service();
	make_reader(READER);
}

static void
test_wait_for_service(void **state)
{
	struct io_monitor *m = opened();
	unsigned long ms;

	(void)state;
	replace_service();
	assert_int_equal(poll_now(m), CODE(SCARD_E_NO_SERVICE));
	assert_int_equal(wait_while(m, act_bring_service_and_reader, IO_WAIT_FOREVER, &ms), OK);
	assert_in_range(ms, 100, 3000);
	assert_int_equal(poll_now(m), OK);
	assert_int_equal(count, 1);
	io_monitor_close(&m);
}

static struct io_monitor *inherited;

static int
forget_inherited(void)
{
	struct io_monitor *fresh = NULL;

	io_monitor_forget(&inherited);
	io_monitor_forget(&inherited);
	if (inherited != NULL || io_monitor_open(&fresh) != OK || poll_now(fresh) != OK)
		return 1;
	io_monitor_close(&fresh);
	return 0;
}

static void
test_forget(void **state)
{
	(void)state;
	inherited = opened();
	assert_int_equal(poll_now(inherited), OK);
	assert_int_equal(io_monitor_wait(inherited, readers, count, 0), CODE(SCARD_E_TIMEOUT));
	assert_int_equal(wait_for(spawn(forget_inherited)), 0);
	assert_int_equal(poll_now(inherited), OK);
	assert_int_equal(count, 1);
	io_monitor_close(&inherited);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_poll),	   TEST(test_poll_exchange),	    TEST(test_poll_many),
		TEST(test_poll_mute_card), TEST(test_poll_service),	    TEST(test_wait_for_changes),
		TEST(test_wait_over),	   TEST(test_wait_for_the_past),    TEST(test_cancel),
		TEST(test_cancel_race),	   TEST(test_wait_without_service), TEST(test_wait_for_service),
		TEST(test_forget),
	};

	return cmocka_run_group_tests_name("/transport/monitor", tests, NULL, NULL);
}
