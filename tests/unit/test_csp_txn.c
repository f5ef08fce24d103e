/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions and their hold time, deauthentication, reset and removal, readers, polling and waiting. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "csp/card.h"
#include "lib/fakecard.h"
#include "lib/test.h"

static const uint8_t modulus[256] = { 0xC1, [255] = 1 };
static const uint8_t exponent[3] = { 1, 0, 1 };
static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 };

#define HOLD_MS 60u

static void
add_key(struct fake_card *card)
{
	assert_true(
		pubkey_set_rsa(&card->infos[0].KeyExPublicKey, modulus, sizeof(modulus), exponent, sizeof(exponent)));
	fake_container(card, 0, "k", 3, 0, 2048);
}

static int
setup_hold(void **state, uint32_t hold_ms)
{
	static struct fake_csp f;

	fake_csp_open(&f, hold_ms);
	add_key(&f.fake);
	*state = &f;
	return 0;
}

static int
setup(void **state)
{
	return setup_hold(state, 0);
}

static int
setup_short(void **state)
{
	return setup_hold(state, HOLD_MS);
}

static int
setup_long(void **state)
{
	return setup_hold(state, 60000);
}

static int
teardown(void **state)
{
	fake_csp_close(*state);
	return 0;
}

static DWORD
refresh(struct fake_csp *f)
{
	DWORD r;

	fake_lock(f);
	r = csp_refresh(f->card, NULL);
	fake_unlock(f);
	return r;
}

static DWORD
sign(struct fake_csp *f)
{
	uint8_t signature[256];
	size_t len = 0;
	DWORD r;

	fake_lock(f);
	r = csp_refresh(f->card, NULL);
	if (r == SCARD_S_SUCCESS)
		r = csp_sign(f->card, csp_key_at(f->card, 0)->id, &pkcs1, cur_of("x", 1), signature, sizeof(signature),
			     &len);
	fake_unlock(f);
	return r;
}

static DWORD
login(struct fake_csp *f)
{
	DWORD r;

	fake_lock(f);
	r = csp_login(f->card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL);
	fake_unlock(f);
	return r;
}

static void
calls_are(struct fake_csp *f, const char *calls)
{
	assert_string_equal(fake_calls(&f->fake), calls);
}

/* What the card's state is, looked at while nobody works with it. */
static bool
in_transaction(struct fake_csp *f)
{
	bool held;

	(void)pthread_mutex_lock(&f->reader->lock.mutex);
	held = f->fake.in_transaction;
	(void)pthread_mutex_unlock(&f->reader->lock.mutex);
	return held;
}

/* Waits until the transaction is over; milliseconds that took, or -1 after two seconds. */
static int
wait_end(struct fake_csp *f)
{
	uint64_t start = csp_now_ms();

	while (in_transaction(f)) {
		if (csp_now_ms() - start > 2000)
			return -1;
		(void)usleep(2000);
	}
	return (int)(csp_now_ms() - start);
}

/* Hold time ---------------------------------------------------------------------------------------------------------- */

/* fake_csp_close() sees that no call was made outside a transaction. */
static void
test_no_hold(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	assert_false(in_transaction(f));
	calls_are(f, "acquire cmapfile list info1 attrs cardcf ");
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	assert_int_equal(f->fake.begins, 2);
	assert_false(f->csp->release.started);
}

/* released by itself, locked again, not before the time and not long after. */
static void
test_hold(void **state)
{
	struct fake_csp *f = *state;
	int ms;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_true(in_transaction(f));
	ms = wait_end(f);
	assert_in_range(ms, HOLD_MS / 2, 1000);
	calls_are(f, "acquire info1 verify1 cmapfile list attrs cardcf sign0 sign0 lock2 ");
	assert_false(f->fake.roles[ROLE_USER].open);
	/* and again, with another thread */
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_true(in_transaction(f));
	assert_true(wait_end(f) >= 0);
	calls_are(f, "cardcf verify1 sign0 lock2 ");
}

/* Looking at what is in memory is no operation: a program that polls does not hold the card for ever. */
static void
test_hold_not_prolonged(void **state)
{
	struct fake_csp *f = *state;
	uint64_t start;

	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	start = csp_now_ms();
	while (in_transaction(f) && csp_now_ms() - start < 2000) {
		fake_lock(f);
		if (f->fake.in_transaction)
			assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
		fake_unlock(f);
		(void)usleep(1000);
	}
	assert_in_range(csp_now_ms() - start, 0, 1000);
}

static void
test_hold_prolonged(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(sign(f), SCARD_S_SUCCESS);
		(void)usleep(HOLD_MS * 1000 / 4);
	}
	assert_int_equal(f->fake.begins, 1);
}

/* A reader that is busy when its time comes ends its transaction when it is let go. */
static void
test_busy_reader(void **state)
{
	struct fake_csp *f = *state;

	fake_lock(f);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	(void)usleep(HOLD_MS * 3 * 1000);
	assert_true(f->fake.in_transaction);
	fake_unlock(f);
	assert_false(in_transaction(f));
}

static void
test_two_readers(void **state)
{
	struct fake_csp *f = *state;
	struct fake_card other;
	struct fake_reader *slot = fake_reader_add("B");
	struct csp_reader *b;
	struct csp_card *card;

	fake_card_init(&other);
	add_key(&other);
	(void)snprintf(other.roles[ROLE_USER].pin, sizeof(other.roles[ROLE_USER].pin), "5678");
	fake_card_put(slot, &other);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	b = csp_reader_at(f->csp, 1);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	/* the lock of one is not in the way of the other */
	fake_lock(f);
	csp_reader_lock(b);
	assert_int_equal(csp_reader_card(b, &card), SCARD_S_SUCCESS);
	assert_int_equal(csp_refresh(card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_login(card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL), SCARD_W_WRONG_CHV);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	assert_int_not_equal(csp_key_at(card, 0)->id, csp_key_at(f->card, 0)->id);
	csp_reader_unlock(b);
	fake_unlock(f);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_true(wait_end(f) >= 0);
	fake_card_pull(slot, &other);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(other.contexts, 0);
	assert_int_equal(other.begins, other.ends);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	fake_card_free(&other);
}

/* Closing with a held transaction leaves the card locked (fake_csp_close looks). */
static void
test_close_held(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_true(in_transaction(f));
	csp_close(&f->csp);
	calls_are(f, "acquire info1 verify1 lock2 ");
}

static unsigned long
count_create(void **ret_mutex)
{
	*ret_mutex = NULL;
	return 0;
}

static unsigned long
count_none(void *mutex)
{
	(void)mutex;
	return 0;
}

/* The application's mutexes, or no threads: no helper, so nothing is held. */
static void
test_options(void **state)
{
	static const struct lock_ops ops = { count_create, count_none, count_none, count_none };
	static const struct csp_options options[] = { { .locks = &ops, .transaction_timeout_ms = 60000 },
						      { .no_threads = true, .transaction_timeout_ms = 60000 } };
	struct fake_csp *f = *state;
	struct csp_reader *reader;
	struct csp_card *card;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		csp_close(&f->csp);
		assert_int_equal(csp_open(&options[i], &f->csp), SCARD_S_SUCCESS);
		assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
		reader = csp_reader_at(f->csp, 0);
		csp_reader_lock(reader);
		assert_int_equal(csp_reader_card(reader, &card), SCARD_S_SUCCESS);
		assert_int_equal(csp_refresh(card, NULL), SCARD_S_SUCCESS);
		assert_true(f->fake.in_transaction);
		csp_reader_unlock(reader);
		assert_false(f->fake.in_transaction);
		assert_false(f->csp->release.started);
	}
	assert_int_equal(CSP_DEFAULT_TIMEOUT_MS, 1500); /* */
}

/* Locking and resets ------------------------------------------------------------------------------------------------- */

/* a card that cannot be locked is reset, and selected again afterwards. */
static void
test_deauthentication_fails(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(f->fake.resets, 0);
	f->fake.fail_deauth = SCARD_E_UNSUPPORTED_FEATURE;
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_int_equal(f->fake.resets, 1);
	assert_false(f->fake.roles[ROLE_USER].open);
	calls_are(f, "cmapfile list attrs cardcf tries1 verify1 sign0 lock2 ");
	f->fake.fail_deauth = SCARD_S_SUCCESS;
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_int_equal(f->fake.resets, 1);
	calls_are(f, "reconnect cardcf verify1 sign0 lock2 ");
	/* nothing to lock, nothing to reset */
	f->fake.fail_deauth = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	assert_int_equal(f->fake.resets, 1);
}

/* An exchange that was lost while the card was unlocked: what the card thinks is unknown. */
static void
test_unsure(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	f->fake.fail_sign = SCARD_E_COMM_DATA_LOST;
	assert_int_equal(sign(f), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(f->fake.resets, 1);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_int_equal(f->fake.resets, 1);
	/* without an unlocked card it does not matter */
	fake_file_fails(&f->fake, NULL, "cardcf", SCARD_E_COMM_DATA_LOST);
	assert_int_equal(refresh(f), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(f->fake.resets, 1);
	fake_counters(&f->fake, 0, 0, 0);
}

/* Another program reset the card between two transactions. */
static void
test_reset_between(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	(void)fake_calls(&f->fake);
	f->fake.reset = true;
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "reconnect cardcf tries1 verify1 sign0 lock2 ");
	/* the application is not there any more; next time it is */
	f->fake.reset = true;
	f->fake.fail_reconnect = SCARD_E_UNKNOWN_CARD;
	assert_int_equal(refresh(f), SCARD_E_UNKNOWN_CARD);
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	calls_are(f, "reconnect reconnect cardcf ");
}

/* Reset in the middle is tried again once only. */
static void
test_reset_forever(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	fake_file_fails(&f->fake, NULL, "cardcf", SCARD_W_RESET_CARD);
	(void)fake_calls(&f->fake);
	assert_int_equal(refresh(f), SCARD_W_RESET_CARD);
	calls_are(f, "cardcf reconnect cardcf ");
	fake_counters(&f->fake, 0, 0, 0);
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
}

/* Readers ------------------------------------------------------------------------------------------------------------ */

/* A card call that finds the card gone says so to everybody at once. */
static void
test_removal_noticed(void **state)
{
	struct fake_csp *f = *state;
	uint32_t generation = csp_reader_generation(f->reader);

	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	fake_card_pull(f->slot, &f->fake);
	assert_int_equal(csp_reader_generation(f->reader), generation);
	assert_int_equal(refresh(f), SCARD_W_REMOVED_CARD);
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	assert_false(csp_reader_present(f->reader));
	assert_int_equal(f->fake.contexts, 0);
	/* the poll has nothing new to tell */
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	csp_reader_lock(f->reader);
	assert_int_equal(csp_reader_card(f->reader, &f->card), SCARD_E_NO_SMARTCARD);
	csp_reader_unlock(f->reader);
	fake_card_put(f->slot, &f->fake);
	/* found without a poll of the application's */
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 2);
}

/* A poll that finds another card in the reader drops the old one, unless somebody works with it. */
static void
test_removal_polled(void **state)
{
	struct fake_csp *f = *state;
	uint32_t generation = csp_reader_generation(f->reader);

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	fake_lock(f);
	fake_card_pull(f->slot, &f->fake);
	assert_int_equal(csp_poll(f->csp, false), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_W_REMOVED_CARD);
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	fake_unlock(f);
	assert_int_equal(f->fake.contexts, 0);
	fake_card_put(f->slot, &f->fake);
	assert_int_equal(csp_poll(f->csp, false), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 2);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	fake_card_pull(f->slot, &f->fake);
	fake_card_put(f->slot, &f->fake);
	assert_int_equal(csp_poll(f->csp, false), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 3);
	assert_true(csp_reader_present(f->reader));
	assert_int_equal(f->fake.contexts, 0);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
}

/* A card that nobody serves is asked once; trouble on the way is not remembered. */
static void
test_unknown_card(void **state)
{
	struct fake_csp *f = *state;
	struct csp_card *card;

	f->fake.unknown = true;
	csp_reader_lock(f->reader);
	assert_int_equal(csp_reader_card(f->reader, &card), SCARD_E_UNKNOWN_CARD);
	assert_int_equal(csp_reader_card(f->reader, &card), SCARD_E_UNKNOWN_CARD);
	csp_reader_unlock(f->reader);
	calls_are(f, "acquire ");
	assert_int_equal(fake_connections(), 1);
	fake_card_pull(f->slot, &f->fake);
	f->fake.unknown = false;
	fake_card_put(f->slot, &f->fake);
	assert_int_equal(csp_poll(f->csp, false), SCARD_S_SUCCESS);
	fake_connect_fails(SCARD_E_SHARING_VIOLATION);
	csp_reader_lock(f->reader);
	assert_int_equal(csp_reader_card(f->reader, &card), SCARD_E_SHARING_VIOLATION);
	assert_int_equal(csp_reader_card(f->reader, &card), SCARD_S_SUCCESS);
	csp_reader_unlock(f->reader);
}

static void
test_reader_comes_and_goes(void **state)
{
	struct fake_csp *f = *state;
	uint32_t generation = csp_reader_generation(f->reader);

	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	f->fake.gone = true;
	fake_reader_list(f->slot, false);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_count(f->csp), 1);
	assert_false(csp_reader_present(f->reader));
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	fake_reader_list(f->slot, true);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	fake_card_put(f->slot, &f->fake);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 2);
	assert_string_equal(csp_reader_name(f->reader), "A");
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	/* unknown to us as long as nobody wants new readers */
	(void)fake_reader_add("B");
	assert_int_equal(csp_poll(f->csp, false), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_count(f->csp), 1);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_count(f->csp), 2);
	assert_null(csp_reader_at(f->csp, 2));
}

/* A restarted service makes all connections void, whatever it finds in the readers. */
static void
test_service_restart(void **state)
{
	struct fake_csp *f = *state;
	uint32_t generation = csp_reader_generation(f->reader);

	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	fake_service_run(false);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_false(csp_reader_present(f->reader));
	assert_int_equal(csp_reader_generation(f->reader), generation + 1);
	fake_service_run(true);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_true(csp_reader_present(f->reader));
	assert_int_equal(csp_reader_generation(f->reader), generation + 2);
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	/* so fast that nobody saw it away */
	fake_service_run(false);
	fake_service_run(true);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_generation(f->reader), generation + 3);
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
}

/* The card calls find the service gone before the poll does. */
static void
test_service_lost(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	f->fake.fail_begin = SCARD_E_NO_SERVICE;
	assert_int_equal(refresh(f), SCARD_W_REMOVED_CARD);
	assert_int_equal(f->fake.contexts, 0);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(refresh(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
}

/* Waiting ------------------------------------------------------------------------------------------------------------ */

struct waiting {
	struct csp *csp;
	DWORD r;
	pthread_t thread;
};

static void *
wait_thread(void *arg)
{
	struct waiting *w = arg;

	w->r = csp_wait(w->csp, IO_WAIT_FOREVER);
	return NULL;
}

static void
start_wait(struct waiting *w, struct csp *csp)
{
	w->csp = csp;
	assert_int_equal(pthread_create(&w->thread, NULL, wait_thread, w), 0);
}

/* noticed without polling, by everybody who waits. */
static void
test_wait(void **state)
{
	struct fake_csp *f = *state;
	struct waiting w[3];

	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		start_wait(&w[i], f->csp);
	(void)usleep(20000);
	fake_card_pull(f->slot, &f->fake);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_int_equal(w[i].r, SCARD_S_SUCCESS);
	}
	/* not polled yet: there is something to see */
	assert_int_equal(csp_wait(f->csp, 60000), SCARD_S_SUCCESS);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_wait(f->csp, 1), SCARD_E_TIMEOUT);
	assert_int_equal(fake_monitors(), 1);
}

static void
test_cancel_waits(void **state)
{
	struct fake_csp *f = *state;
	struct waiting w[3];

	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		start_wait(&w[i], f->csp);
	csp_cancel_waits(f->csp);
	csp_join_waits(f->csp);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_int_equal(w[i].r, SCARD_E_CANCELLED);
	}
	assert_int_equal(csp_wait(f->csp, 60000), SCARD_E_CANCELLED);
	assert_int_equal(fake_monitors(), 1);
}

/* Threads and processes ---------------------------------------------------------------------------------------------- */

static void *
work_thread(void *arg)
{
	struct fake_csp *f = arg;
	struct csp_card *card;

	for (int i = 0; i < 200; i++) {
		csp_reader_lock(f->reader);
		if (csp_reader_card(f->reader, &card) == SCARD_S_SUCCESS) {
			(void)csp_refresh(card, NULL);
			(void)csp_login(card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL);
		}
		csp_reader_unlock(f->reader);
		if (i % 20 == 0)
			(void)usleep(5000);
	}
	return NULL;
}

/* Work, polls and the helper thread at the same time; for the thread sanitizer. */
static void
test_threads(void **state)
{
	struct fake_csp *f = *state;
	pthread_t threads[3];

	f->csp->hold_ms = 3;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work_thread, f), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
		(void)csp_reader_present(f->reader);
		(void)usleep(500);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(wait_end(f) >= 0);
}

/* A child forgets without a word to the card; the parent goes on. */
static void
test_forget(void **state)
{
	struct fake_csp *f = *state;
	int status = -1;
	pid_t pid;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	(void)fake_calls(&f->fake);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		csp_forget(&f->csp);
		/* not by exit(): what libcrypto has cannot be freed in a child, and is no leak to look for */
		if (f->csp == NULL && f->fake.log[0] == '\0' && f->fake.ends == 0)
			(void)execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold, setup_short, teardown),
		cmocka_unit_test_setup_teardown(test_hold_not_prolonged, setup_short, teardown),
		cmocka_unit_test_setup_teardown(test_hold_prolonged, setup_short, teardown),
		cmocka_unit_test_setup_teardown(test_busy_reader, setup_short, teardown),
		cmocka_unit_test_setup_teardown(test_two_readers, setup_short, teardown),
		cmocka_unit_test_setup_teardown(test_close_held, setup_long, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deauthentication_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_between, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_forever, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_polled, setup_long, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_card, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_service_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_service_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup_long, teardown),
	};

	return cmocka_run_group_tests_name("csp txn", tests, NULL, NULL);
}
