/* SPDX-License-Identifier: BSD-2-Clause */
/* Forked processes: what they inherit is not theirs. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "module/fixture.h"

static CK_SESSION_HANDLE inherited;

/* Exit status of a child: the number of the check that failed, 0 when none did. */
#define CHECK(n, condition)                                                                                            \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			return n;                                                                                      \
	} while (0)

static CK_RV
login(CK_SESSION_HANDLE session)
{
	CK_UTF8CHAR pin[] = MT_PIN;

	return mt->C_Login(session, CKU_USER, pin, sizeof(MT_PIN) - 1);
}

static int
child_only_asks(void)
{
	CK_SESSION_INFO session;
	CK_SLOT_ID slot;
	CK_ULONG n = 0;
	CK_INFO info;

	CHECK(1, mt->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(2, mt->C_GetSlotList(CK_FALSE, NULL, &n) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(3, mt->C_GetSessionInfo(inherited, &session) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(4, mt->C_WaitForSlotEvent(0, &slot, NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(5, mt->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
	return 0;
}

/* P-019 */
static void
test_child_is_not_initialised(void **state)
{
	(void)state;
	inherited = mt_start_user();
	assert_rv(mt_sign(inherited), CKR_OK);
	assert_int_equal(mt_in_child(child_only_asks), 0);
	assert_rv(mt_sign(inherited), CKR_OK);
}

static int
child_works_for_itself(void)
{
	CK_SESSION_HANDLE session;
	CK_SESSION_INFO info;

	CHECK(1, mt->C_Initialize(NULL) == CKR_OK);
	CHECK(2, mt->C_Initialize(NULL) == CKR_CRYPTOKI_ALREADY_INITIALIZED);
	CHECK(3, mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK);
	CHECK(4, mt->C_GetSessionInfo(session, &info) == CKR_OK);
	CHECK(5, info.state == CKS_RO_PUBLIC_SESSION); /* the parent's login is the parent's */
	CHECK(6, mt_sign(session) == CKR_KEY_HANDLE_INVALID);
	CHECK(7, login(session) == CKR_OK);
	CHECK(8, mt_sign(session) == CKR_OK);
	CHECK(9, mt->C_Finalize(NULL) == CKR_OK);
	CHECK(10, mt->C_Initialize(NULL) == CKR_OK);
	CHECK(11, mt->C_Finalize(NULL) == CKR_OK);
	return 0;
}

/* P-019: pkcs11-tool --test-fork */
static void
test_child_initialises(void **state)
{
	(void)state;
	inherited = mt_start_user();
	assert_rv(mt_sign(inherited), CKR_OK);
	assert_int_equal(mt_in_child(child_works_for_itself), 0);
	assert_rv(mt_sign(inherited), CKR_OK);
	assert_int_equal(mt_in_child(child_works_for_itself), 0);
	assert_rv(mt_sign(inherited), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

static int
grandchild(void)
{
	return mt_in_child(child_works_for_itself) == 0 ? child_works_for_itself() : 99;
}

static void
test_grandchild(void **state)
{
	(void)state;
	inherited = mt_start_user();
	assert_int_equal(mt_in_child(grandchild), 0);
	assert_rv(mt_sign(inherited), CKR_OK);
}

/* A child that exits without a word takes nothing away from its parent. */
static int
child_exits(void)
{
	return 0;
}

static void
test_child_exits(void **state)
{
	(void)state;
	inherited = mt_start_user();
	assert_rv(mt_sign(inherited), CKR_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(mt_in_child(child_exits), 0);
	assert_rv(mt_sign(inherited), CKR_OK);
}

static atomic_bool stop;

/* Keeps every lock of the module busy. */
static void *
keep_busy(void *arg)
{
	CK_SESSION_HANDLE session;

	(void)arg;
	while (!atomic_load(&stop))
		if (mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK) {
			(void)mt_sign(session);
			(void)mt->C_CloseSession(session);
		}
	return NULL;
}

/*
 * The allocators of the sanitizers do not survive a fork beside other threads, glibc's does; and valgrind, which runs one
 * thread at a time, may never come to the child's.
 */
static void
skip_if_instrumented(void)
{
	if (!mt_plain())
		skip();
}

/* P-020: nothing is held between operations, so that the child gets at the card as well */
static void
test_fork_while_others_work(void **state)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS };
	pthread_t threads[3];

	(void)state;
	skip_if_instrumented();
	assert_rv(mt->C_Initialize(&args), CKR_OK);
	inherited = mt_open(0);
	assert_rv(mt_login(inherited, MT_PIN), CKR_OK);
	atomic_store(&stop, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_busy, NULL), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(mt_in_child(child_only_asks), 0);
		assert_int_equal(mt_in_child(child_works_for_itself), 0);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_rv(mt_sign(inherited), CKR_OK);
}

/* Initialises and finalises without end, so that a fork is likely to find it in the middle. */
static void *
keep_initialising(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		(void)mt->C_Initialize(NULL);
		(void)mt->C_Finalize(NULL);
	}
	return NULL;
}

static int
child_initialises(void)
{
	CHECK(1, mt->C_Initialize(NULL) == CKR_OK);
	CHECK(2, mt->C_Finalize(NULL) == CKR_OK);
	return 0;
}

/* P-020: in the middle of C_Initialize as well */
static void
test_fork_while_another_initialises(void **state)
{
	pthread_t thread;

	(void)state;
	skip_if_instrumented();
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&thread, NULL, keep_initialising, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(mt_in_child(child_initialises), 0);
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_child_is_not_initialised),
		TEST(test_child_initialises),
		TEST(test_grandchild),
		TEST(test_child_exits),
		TEST(test_fork_while_others_work),
		TEST(test_fork_while_another_initialises),
	};

	return cmocka_run_group_tests_name("fork", tests, mt_load, mt_unload);
}
