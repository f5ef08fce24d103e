/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks by pthread and by the application's functions. */
#include "base/lock.h"

#include <pthread.h>

#include "lib/test.h"

static struct {
	int created, destroyed, locked, unlocked;
	unsigned long create_answer;
} app;

static int app_object;

static unsigned long
app_create(void **ret_mutex)
{
	if (app.create_answer == 0) {
		app.created++;
		*ret_mutex = &app_object;
	}
	return app.create_answer;
}

static unsigned long
app_destroy(void *mutex)
{
	app.destroyed += mutex == &app_object ? 1 : 0;
	return 0;
}

static unsigned long
app_lock(void *mutex)
{
	app.locked += mutex == &app_object ? 1 : 0;
	return 0;
}

static unsigned long
app_unlock(void *mutex)
{
	app.unlocked += mutex == &app_object ? 1 : 0;
	return 0;
}

static const struct lock_ops app_ops = { app_create, app_destroy, app_lock, app_unlock };

static void
test_application(void **state)
{
	struct lock l;

	(void)state;
	app.create_answer = 5;
	assert_false(lock_init(&l, &app_ops));
	app.create_answer = 0;
	assert_true(lock_init(&l, &app_ops));
	lock_acquire(&l);
	assert_int_equal(app.locked, 1);
	assert_false(lock_try(&l));
	assert_int_equal(app.locked, 1);
	lock_release(&l);
	lock_destroy(&l);
	assert_int_equal(app.created, 1);
	assert_int_equal(app.unlocked, 1);
	assert_int_equal(app.destroyed, 1);
}

static void
test_try(void **state)
{
	struct lock l;

	(void)state;
	assert_true(lock_init(&l, NULL));
	assert_true(lock_try(&l));
	assert_false(lock_try(&l));
	lock_release(&l);
	assert_true(lock_try(&l));
	lock_release(&l);
	lock_destroy(&l);
}

#define ROUNDS 20000
static struct lock shared;
static unsigned counter;

static void *
count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock_acquire(&shared);
		counter++;
		lock_release(&shared);
	}
	return unused;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	assert_true(lock_init(&shared, NULL));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(counter, 4 * ROUNDS);
	lock_destroy(&shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_application),
		cmocka_unit_test(test_try),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("/base/lock", tests, NULL, NULL);
}
