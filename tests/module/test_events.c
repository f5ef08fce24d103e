/* SPDX-License-Identifier: BSD-2-Clause */
/* C_WaitForSlotEvent: which events there are, who gets them, and how a wait ends. */
#include <pthread.h>
#include <stdatomic.h>

#include "module/fixture.h"

#define NO_SLOT ((CK_SLOT_ID)-1)

/* The event that is there now. */
static CK_SLOT_ID
pending(void)
{
	CK_SLOT_ID slot = NO_SLOT;
	CK_RV rv = mt->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);

	assert_true(rv == CKR_OK || (rv == CKR_NO_EVENT && slot == NO_SLOT));
	return slot;
}

/* P-040 */
static void
test_arguments(void **state)
{
	CK_SLOT_ID slot;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_WaitForSlotEvent(0, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot), CKR_ARGUMENTS_BAD);
}

/* P-037 */
static void
test_nothing_to_tell(void **state)
{
	(void)state;
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_ALICE); /* before C_Initialize */
	mt_initialize();
	assert_int_equal(pending(), NO_SLOT);
	assert_int_equal(pending(), NO_SLOT);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
	assert_int_equal(pending(), NO_SLOT);
}

/* P-038 */
static void
test_insertion_and_removal(void **state)
{
	CK_SLOT_INFO info;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_initialize();
	mt_insert(MT_OTHER_READER, MT_BOB);
	assert_int_equal(pending(), 2);
	assert_int_equal(pending(), NO_SLOT);
	mt_remove(MT_READER);
	assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK); /* somebody else's look takes no event away */
	assert_int_equal(pending(), 1);
	assert_int_equal(pending(), NO_SLOT);
	mt_remove(MT_OTHER_READER);
	mt_insert(MT_READER, MT_ALICE);
	assert_int_equal(pending(), 1);
	assert_int_equal(pending(), 2);
	assert_int_equal(pending(), NO_SLOT);
}

/* A removal that an operation has run into is an event as well, and one only. */
static void
test_removal_noticed_by_an_operation(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	mt_remove(MT_READER);
	assert_rv(mt_sign(session), CKR_DEVICE_REMOVED);
	assert_int_equal(pending(), 1);
	assert_int_equal(pending(), NO_SLOT);
}

/* A reader's events count from when it is listed */
static void
test_new_reader(void **state)
{
	CK_ULONG count = 0;

	(void)state;
	mt_initialize();
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	assert_int_equal(pending(), NO_SLOT);
	assert_rv(mt->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(pending(), 2);
	assert_int_equal(pending(), NO_SLOT);
}

struct waiter {
	pthread_t thread;
	CK_RV rv;
	CK_SLOT_ID slot;
	unsigned long ended_ms;
};

static void *
wait_for_event(void *arg)
{
	struct waiter *w = arg;

	w->slot = NO_SLOT;
	w->rv = mt->C_WaitForSlotEvent(0, &w->slot, NULL);
	w->ended_ms = mt_now_ms();
	return NULL;
}

static void
start(struct waiter *w)
{
	assert_int_equal(pthread_create(&w->thread, NULL, wait_for_event, w), 0);
}

static void
join(struct waiter *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
}

static void
test_blocking(void **state)
{
	struct waiter w;
	unsigned long began;

	(void)state;
	mt_initialize();
	start(&w);
	mt_sleep_ms(200);
	began = mt_now_ms();
	mt_remove(MT_READER);
	join(&w);
	assert_rv(w.rv, CKR_OK);
	assert_int_equal(w.slot, 1);
	assert_true(w.ended_ms - began < 2000);
	assert_int_equal(pending(), NO_SLOT);
}

/* An event that is there already needs no wait. */
static void
test_blocking_with_event_pending(void **state)
{
	CK_SLOT_ID slot = NO_SLOT;

	(void)state;
	mt_initialize();
	mt_remove(MT_READER);
	assert_rv(mt->C_WaitForSlotEvent(0, &slot, NULL), CKR_OK);
	assert_int_equal(slot, 1);
}

/* P-039 */
static void
test_finalise_ends_waits(void **state)
{
	struct waiter a, b;
	unsigned long began;

	(void)state;
	mt_initialize();
	start(&a);
	start(&b);
	mt_sleep_ms(200);
	began = mt_now_ms();
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	join(&a);
	join(&b);
	assert_rv(a.rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(b.rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_true(mt_now_ms() - began < 2000);
	mt_initialize();
	assert_int_equal(pending(), NO_SLOT);
}

/* The same many times over, at whatever moment. */
static void
test_finalise_and_wait_race(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		struct waiter w;

		mt_initialize();
		start(&w);
		mt_sleep_ms(i % 3);
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
		join(&w);
		assert_rv(w.rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	}
}

/* One event for one waiter */
static void
test_two_waiters(void **state)
{
	struct waiter a, b;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_initialize();
	start(&a);
	start(&b);
	mt_sleep_ms(200);
	mt_remove(MT_READER);
	mt_sleep_ms(200);
	mt_insert(MT_OTHER_READER, MT_BOB);
	join(&a);
	join(&b);
	assert_rv(a.rv, CKR_OK);
	assert_rv(b.rv, CKR_OK);
	assert_true((a.slot == 1 && b.slot == 2) || (a.slot == 2 && b.slot == 1));
	assert_int_equal(pending(), NO_SLOT);
}

/* Another thread lists the new reader while one waits */
static void
test_new_reader_wakes_waiter(void **state)
{
	struct waiter w;
	CK_ULONG count;

	(void)state;
	mt_initialize();
	start(&w);
	mt_sleep_ms(200);
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	mt_sleep_ms(200);
	assert_rv(mt->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	join(&w);
	assert_rv(w.rv, CKR_OK);
	assert_int_equal(w.slot, 2);
}

static atomic_bool stop;

static void *
look_at_slots(void *arg)
{
	CK_SLOT_INFO info;

	(void)arg;
	while (!atomic_load(&stop))
		(void)mt->C_GetSlotInfo(1, &info);
	return NULL;
}

/* A thread that looks all the time takes no event from the one that waits. */
static void
test_waiting_beside_polling(void **state)
{
	pthread_t poller;

	(void)state;
	mt_initialize();
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&poller, NULL, look_at_slots, NULL), 0);
	for (int i = 0; i < 6; i++) {
		struct waiter w;

		start(&w);
		mt_sleep_ms(20);
		if (i % 2 == 0)
			mt_remove(MT_READER);
		else
			mt_insert(MT_READER, MT_ALICE);
		join(&w);
		assert_rv(w.rv, CKR_OK);
		assert_int_equal(w.slot, 1);
	}
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(poller, NULL), 0);
}

/* P-021: the wait outlives the service */
static void
test_waiting_without_service(void **state)
{
	struct waiter w;

	(void)state;
	mt_initialize();
	mt_stop_service();
	assert_int_equal(pending(), 1); /* the card went with it */
	start(&w);
	mt_sleep_ms(300);
	mt_start_service();
	join(&w);
	assert_rv(w.rv, CKR_OK);
	assert_int_equal(w.slot, 1);
}

/* A waiter stands in nobody's way. */
static void
test_working_beside_a_waiter(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	struct waiter w;

	(void)state;
	start(&w);
	mt_sleep_ms(100);
	for (int i = 0; i < 5; i++)
		assert_rv(mt_sign(session), CKR_OK);
	mt_remove(MT_READER);
	join(&w);
	assert_rv(w.rv, CKR_OK);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_arguments),
		TEST(test_nothing_to_tell),
		TEST(test_insertion_and_removal),
		TEST(test_removal_noticed_by_an_operation),
		TEST(test_new_reader),
		TEST(test_blocking),
		TEST(test_blocking_with_event_pending),
		TEST(test_finalise_ends_waits),
		TEST(test_finalise_and_wait_race),
		TEST(test_two_waiters),
		TEST(test_new_reader_wakes_waiter),
		TEST(test_waiting_beside_polling),
		TEST(test_waiting_without_service),
		TEST(test_working_beside_a_waiter),
	};

	return cmocka_run_group_tests_name("events", tests, mt_load, mt_unload);
}
