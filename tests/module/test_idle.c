/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the module costs when nothing happens: programs that look again and again whether a card is there cause no exchange
 * with it, and a program that waits is woken by PC/SC and by nothing else. D7
 */
#define _GNU_SOURCE /* RTLD_NEXT, gettid */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCSC_API __attribute__((visibility("default")))
#include <winscard.h>

#include "module/fixture.h"

#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"
#define HOLD_MS 50u
#define POLLS 10000u
#define SETTLE_MS 1300u
#define IDLE_MS 1000u
#define LONG_MS 60000u

/* Waits of the module for PC/SC: this stands before the library's function of the same name. */
static atomic_uint waits;
static atomic_ulong wait_ms;
static atomic_int waiting_thread;

PCSC_API LONG
SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD count)
{
	__typeof__(&SCardGetStatusChange) real =
		(__typeof__(&SCardGetStatusChange))dlsym(RTLD_NEXT, "SCardGetStatusChange");
	LONG rv;

	if (timeout == 0)
		return real(context, timeout, states, count);
	wait_ms = timeout;
	waiting_thread = gettid();
	waits++;
	rv = real(context, timeout, states, count);
	waiting_thread = 0;
	return rv;
}

/* Looking ------------------------------------------------------------------------------------------------------------------- */

static void
look(void)
{
	CK_SLOT_ID slots[4], slot;
	CK_ULONG count = 4;
	CK_SLOT_INFO info;

	assert_rv(mt->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt->C_GetSlotInfo(slots[0], &info), CKR_OK);
	assert_true((info.flags & CKF_TOKEN_PRESENT) != 0);
	assert_rv(mt->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

/* With a card that nobody has used yet, and with one that the program has logged in to. */
static void
test_looking(void **state)
{
	unsigned long before;

	(void)state;
	mt_initialize();
	for (unsigned i = 0; i < mt_times(POLLS) / 2; i++)
		look();
	assert_int_equal(mt_exchanges(MT_READER), 0);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
	mt_sleep_ms(HOLD_MS * 6);
	before = mt_exchanges(MT_READER);
	for (unsigned i = 0; i < mt_times(POLLS) / 2; i++)
		look();
	assert_int_equal(mt_exchanges(MT_READER), before);
}

/* Waiting ------------------------------------------------------------------------------------------------------------------- */

static void *
wait_for_event(void *arg)
{
	CK_SLOT_ID slot;
	CK_RV *rv = arg;

	*rv = mt->C_WaitForSlotEvent(0, &slot, NULL);
	return NULL;
}

/* How often a thread of this process has gone to sleep of its own will. */
static unsigned long
sleeps_of(const char *thread)
{
	static const char word[] = "voluntary_ctxt_switches:";
	char path[300], line[200];
	unsigned long sleeps = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, word, sizeof(word) - 1) == 0)
			sleeps = strtoul(line + sizeof(word) - 1, NULL, 10);
	(void)fclose(f);
	return sleeps;
}

/* Of all threads but this one and the one that waits in the PC/SC library, which sleeps as it likes. */
static unsigned long
sleeps_of_others(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned long sleeps = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const long thread = strtol(entry->d_name, NULL, 10);

		if (thread != 0 && thread != gettid() && thread != waiting_thread)
			sleeps += sleeps_of(entry->d_name);
	}
	(void)closedir(dir);
	return sleeps;
}

/*
 * One wait that lasts until PC/SC has something to tell, or as long as pcsc-lite's own that have no end, and no other
 * thread that looks at the clock.
 */
static void
test_waiting(void **state)
{
	unsigned long exchanges, sleeps, calls;
	pthread_t thread;
	CK_RV rv = CKR_OK;

	(void)state;
	assert_rv(mt_sign(mt_start_user()), CKR_OK);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &rv), 0);
	mt_sleep_ms(SETTLE_MS);
	assert_int_not_equal(waiting_thread, 0);
	assert_true(wait_ms >= LONG_MS);
	exchanges = mt_exchanges(MT_READER);
	sleeps = sleeps_of_others();
	calls = waits;
	mt_sleep_ms(IDLE_MS);
	assert_int_equal(waits, calls);
	/* a sanitizer may have a thread of its own */
	if (mt_plain())
		assert_int_equal(sleeps_of_others(), sleeps);
	assert_int_equal(mt_exchanges(MT_READER), exchanges);
	mt_remove(MT_READER);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_rv(rv, CKR_OK);
}

static int
set_up(void **state)
{
	char hold[16];

	(void)snprintf(hold, sizeof(hold), "%u", HOLD_MS);
	return setenv(HOLD, hold, 1) != 0 ? -1 : mt_set_up(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_looking, set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_waiting, set_up, mt_tear_down),
	};

	return cmocka_run_group_tests_name("idle", tests, mt_load, mt_unload);
}
