/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that go without C_Finalize while a transaction is held: the module's thread must not outlive its code. Each
 * test is a child of its own, which has not loaded the module before.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/fixture.h"

/* Longer than the module holds a transaction. */
#define PAST_HOLD_MS 2500u

static unsigned
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* Logs in with a copy of the module; the transaction of that is held. NULL when it does not work. */
static void *
hold(void)
{
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE session;
	CK_FUNCTION_LIST *copy;
	void *handle = NULL;

	copy = mt_load_copy(&handle);
	if (copy->C_Initialize(NULL) != CKR_OK ||
	    copy->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK ||
	    copy->C_Login(session, CKU_USER, pin, strlen(MT_PIN)) != CKR_OK)
		return NULL;
	return handle;
}

/* Nothing that the library had is freed then, which is no leak to look for: the child ends as another program. */
static int
unload_body(void)
{
	unsigned before = threads();
	void *handle = hold();

	if (handle == NULL || threads() != before + 1 || dlclose(handle) != 0 || threads() != before)
		return 1;
	mt_sleep_ms(PAST_HOLD_MS);
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

/* P-018 */
static void
test_unloaded(void **state)
{
	(void)state;
	assert_int_equal(mt_in_child(unload_body), 0);
}

static int
exit_body(void)
{
	if (hold() == NULL)
		return 1;
	exit(0); /* NOLINT(concurrency-mt-unsafe): what is tested */
}

/* P-018: and without dlclose */
static void
test_exit(void **state)
{
	unsigned long start = mt_now_ms();

	(void)state;
	assert_int_equal(mt_in_child(exit_body), 0);
	/* nobody waits for the hold time */
	assert_in_range(mt_now_ms() - start, 0, PAST_HOLD_MS);
	/* and the card is not left unlocked for the next one */
	assert_rv(mt_sign(mt_start_user()), CKR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unloaded, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_exit, mt_set_up, mt_tear_down),
	};

	return cmocka_run_group_tests_name("unloading", tests, mt_load, mt_unload);
}
