/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads over two readers, for as long as TEST_STRESS_SECONDS says, while cards go, come back, change places and
 * are reset, and a reader is pulled out: only codes that the standard has for it, no signature that another key made, no
 * PIN try spent, no thread that waits for ever. And a card that is slow keeps nobody from looking at the other one.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "module/ops.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define THREADS 8

/* Beyond the time of the test itself; instrumented programs on a busy machine are slow. */
#define DEADLOCK_SECONDS 100u

static atomic_bool stop;
static atomic_uint signatures, removals_seen;

/* The first thing that went wrong. Threads cannot fail a test, they only report. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char complaint[200];

static void
complain(const char *what, CK_RV rv)
{
	(void)pthread_mutex_lock(&mutex);
	if (complaint[0] == '\0')
		(void)snprintf(complaint, sizeof(complaint), "%s: 0x%lX", what, rv);
	(void)pthread_mutex_unlock(&mutex);
}

static void
assert_no_complaint(void)
{
	if (complaint[0] != '\0')
		fail_msg("%s", complaint);
}

static void
on_alarm(int signal_number)
{
	static const char text[] = "threads wait for each other\n";

	(void)signal_number;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

static unsigned
duration(void)
{
	const char *text = getenv("TEST_STRESS_SECONDS");
	unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : 0;

	return seconds > 0 && seconds < 100000 ? (unsigned)seconds : 5;
}

/* Workers ---------------------------------------------------------------------------------------------------------- */

struct worker {
	CK_SLOT_ID slot;
	uint32_t random;
};

static unsigned
choose(struct worker *w, unsigned count)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 16) % count;
}

/* What any call may say when somebody takes the card or the reader away. */
static bool
is_departure(CK_RV rv)
{
	return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
	       rv == CKR_DEVICE_ERROR;
}

/* True when the call succeeded. One more code may be fine, two with other. */
static bool
good(const char *function, CK_RV rv, CK_RV fine, CK_RV other)
{
	if (is_departure(rv))
		atomic_fetch_add(&removals_seen, 1);
	else if (rv != CKR_OK && rv != fine && rv != other)
		complain(function, rv);
	return rv == CKR_OK;
}

/* One of the keys of a class, chosen by what is found. */
static bool
find_key(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_BYTE container, CK_OBJECT_HANDLE *ret_key)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &container, 1 } };
	CK_ULONG count = 0;

	if (!good("C_FindObjectsInit", mt->C_FindObjectsInit(s, template, 2), CKR_OK, CKR_OK))
		return false;
	if (!good("C_FindObjects", mt->C_FindObjects(s, ret_key, 1, &count), CKR_OK, CKR_OK))
		count = 0;
	(void)good("C_FindObjectsFinal", mt->C_FindObjectsFinal(s), CKR_OK, CKR_OK);
	return count == 1;
}

static EVP_PKEY *
read_key(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_BYTE spki[1024];
	CK_ATTRIBUTE a = { CKA_PUBLIC_KEY_INFO, spki, sizeof(spki) };
	const unsigned char *p = spki;
	EVP_PKEY *pkey;

	if (!good("C_GetAttributeValue", mt->C_GetAttributeValue(s, key, &a, 1), CKR_OBJECT_HANDLE_INVALID, CKR_OK))
		return NULL;
	pkey = d2i_PUBKEY(NULL, &p, (long)a.ulValueLen);
	if (pkey == NULL)
		complain("CKA_PUBLIC_KEY_INFO is no key", 0);
	return pkey;
}

static bool
verifies(EVP_PKEY *pkey, const CK_BYTE *data, size_t data_len, const CK_BYTE *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool valid = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
		     EVP_DigestVerify(ctx, signature, len, data, data_len) == 1;

	EVP_MD_CTX_free(ctx);
	return valid;
}

/* Signs with the private key and verifies with the public one, both as this session has them. */
static void
sign(struct worker *w, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, EVP_PKEY *pkey)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE data[40], signature[512];
	CK_ULONG len = sizeof(signature);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (CK_BYTE)choose(w, 256);
	/* another thread may log out, which makes the handle void and ends the operation */
	if (!good("C_SignInit", mt->C_SignInit(s, &mechanism, key), CKR_KEY_HANDLE_INVALID, CKR_OK) ||
	    !good("C_Sign", mt->C_Sign(s, data, sizeof(data), signature, &len), CKR_OPERATION_NOT_INITIALIZED,
		  CKR_USER_NOT_LOGGED_IN))
		return;
	atomic_fetch_add(&signatures, 1);
	if (!verifies(pkey, data, sizeof(data), signature, len))
		complain("a wrong signature of bytes", len);
}

static void
use_card(struct worker *w, CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE public, private;
	EVP_PKEY *pkey;

	if (!find_key(s, CKO_PUBLIC_KEY, 0, &public) || (pkey = read_key(s, public)) == NULL)
		return;
	if (find_key(s, CKO_PRIVATE_KEY, 0, &private))
		for (unsigned i = choose(w, 4); i > 0; i--)
			sign(w, s, private, pkey);
	EVP_PKEY_free(pkey);
}

static void
look(struct worker *w, CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO session;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO slot;
	CK_ULONG count;

	(void)good("C_GetSlotList", mt->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK, CKR_OK);
	(void)good("C_GetSlotInfo", mt->C_GetSlotInfo(w->slot, &slot), CKR_OK, CKR_OK);
	(void)good("C_GetTokenInfo", mt->C_GetTokenInfo(w->slot, &token), CKR_OK, CKR_OK);
	(void)good("C_GetSessionInfo", mt->C_GetSessionInfo(s, &session), CKR_OK, CKR_OK);
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&stop)) {
		CK_FLAGS flags = CKF_SERIAL_SESSION | (choose(w, 2) == 0 ? CKF_RW_SESSION : 0);
		CK_UTF8CHAR pin[] = MT_PIN;
		CK_SESSION_HANDLE s;

		if (!good("C_OpenSession", mt->C_OpenSession(w->slot, flags, NULL, NULL, &s), CKR_OK, CKR_OK)) {
			mt_sleep_ms(2);
			continue;
		}
		look(w, s);
		(void)good("C_Login", mt->C_Login(s, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_USER_ALREADY_LOGGED_IN,
			   CKR_OK);
		use_card(w, s);
		if (choose(w, 8) == 0)
			(void)good("C_Logout", mt->C_Logout(s), CKR_USER_NOT_LOGGED_IN, CKR_OK);
		if (choose(w, 40) == 0)
			(void)good("C_CloseAllSessions", mt->C_CloseAllSessions(w->slot), CKR_OK, CKR_OK);
		(void)good("C_CloseSession", mt->C_CloseSession(s), CKR_OK, CKR_OK);
	}
	return NULL;
}

/* Hands ------------------------------------------------------------------------------------------------------------ */

/* Which card is in MT_READER; the other one is in the other reader. */
static enum mt_card first;

static enum mt_card
second(void)
{
	return first == MT_ALICE ? MT_BOB : MT_ALICE;
}

static void
take_out_and_put_back(unsigned ms)
{
	mt_remove(MT_OTHER_READER);
	mt_sleep_ms(ms);
	mt_insert(MT_OTHER_READER, second());
}

static void
swap_cards(unsigned ms)
{
	mt_remove(MT_READER);
	mt_remove(MT_OTHER_READER);
	mt_sleep_ms(ms);
	first = second();
	mt_insert(MT_READER, first);
	mt_insert(MT_OTHER_READER, second());
}

/* What is under way writes to the directory that was the reader's, so that one goes away whole. */
static void
pull_reader(unsigned ms)
{
	static unsigned times;
	const char *pulled = mt_path("pulled %u", times++);

	assert_int_equal(rename(mt_path("readers/%s", MT_OTHER_READER), pulled), 0);
	mt_sleep_ms(ms);
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, second());
}

static void
disturb(struct worker *w)
{
	mt_sleep_ms(40 + choose(w, 200));
	switch (choose(w, 4)) {
	case 0: take_out_and_put_back(choose(w, 50)); break;
	case 1: swap_cards(choose(w, 50)); break;
	case 2: pull_reader(choose(w, 50)); break;
	default: mt_reset(MT_READER); break;
	}
}

static void
assert_works_now(CK_SLOT_ID slot)
{
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE s;

	assert_rv(mt->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
	assert_rv(mt->C_Login(s, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
	assert_rv(mt->C_CloseSession(s), CKR_OK);
}

static void
two_readers(void)
{
	mt_add_reader(MT_OTHER_READER);
	first = MT_ALICE;
	mt_insert(MT_OTHER_READER, MT_BOB);
	mt_initialize();
	atomic_store(&stop, false);
	complaint[0] = '\0';
}

/* P-022, P-052, P-054, P-055, P-056 */
static void
test_cards_come_and_go(void **state)
{
	struct worker workers[THREADS], hands = { .random = 1 };
	unsigned long end = mt_now_ms() + duration() * 1000ul;
	pthread_t threads[THREADS];

	(void)state;
	(void)alarm(duration() + DEADLOCK_SECONDS);
	two_readers();
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ 1 + i % 2, 7919 * (i + 1) };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	while (mt_now_ms() < end)
		disturb(&hands);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_no_complaint();
	/* or nothing has been tested */
	assert_true(atomic_load(&signatures) > 0);
	assert_true(atomic_load(&removals_seen) > 0);
	printf("%u signatures, %u calls that met an absent card\n", atomic_load(&signatures),
	       atomic_load(&removals_seen));
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	assert_works_now(1);
	assert_works_now(2);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
	(void)alarm(0);
}

/* A slow neighbour --------------------------------------------------------------------------------------------------- */

/* Each exchange with the card in slot 1 lasts; whatever comes of it. */
static void *
use_slow_card(void *arg)
{
	atomic_uint *calls = arg;
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO token;

	while (!atomic_load(&stop)) {
		if (mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &s) == CKR_OK)
			(void)mt_sign(s);
		(void)mt->C_GetTokenInfo(1, &token);
		atomic_fetch_add(calls, 1);
	}
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

static unsigned long
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000000 + (unsigned long)t.tv_nsec / 1000;
}

static unsigned long
limit_us(void)
{
	return mt_plain() ? 50000 : 500000;
}

/* P-023: 99 of 100 calls, those that use the card included */
static void
assert_quick(CK_SESSION_HANDLE s)
{
	unsigned long times[300];
	CK_OBJECT_HANDLE key;
	CK_SESSION_INFO session;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO info;

	for (size_t i = 0; i < COUNT(times); i++) {
		unsigned long begin = now_us();

		switch (i % 5) {
		case 0: assert_rv(mt->C_GetSlotInfo(2, &info), CKR_OK); break;
		case 1: assert_rv(mt->C_GetTokenInfo(2, &token), CKR_OK); break;
		case 2: assert_rv(mt->C_GetSessionInfo(s, &session), CKR_OK); break;
		case 3: assert_true(find_key(s, CKO_PRIVATE_KEY, 0, &key)); break;
		default: assert_rv(mt_sign(s), CKR_OK); break;
		}
		times[i] = now_us() - begin;
		mt_sleep_ms(8);
	}
	qsort(times, COUNT(times), sizeof(times[0]), compare);
	printf("of 100 calls 99 take less than %lu us\n", times[COUNT(times) * 99 / 100]);
	if (times[COUNT(times) * 99 / 100] >= limit_us())
		fail_msg("one call in a hundred takes %lu us", times[COUNT(times) * 99 / 100]);
}

static void
test_slow_card_next_door(void **state)
{
	CK_UTF8CHAR pin[] = MT_PIN;
	atomic_uint calls = 0;
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO token;
	pthread_t thread;

	(void)state;
	(void)alarm(DEADLOCK_SECONDS);
	two_readers();
	assert_rv(mt->C_OpenSession(2, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
	assert_rv(mt->C_GetTokenInfo(2, &token), CKR_OK);
	assert_rv(mt->C_Login(s, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_OK);
	mt_arm(MT_READER, "*:silence=1000");
	assert_int_equal(pthread_create(&thread, NULL, use_slow_card, &calls), 0);
	mt_sleep_ms(50);
	assert_quick(s);
	/* the neighbour has been at it all the time, and no faster than its card */
	assert_true(mt_exchanges(MT_READER) > 0);
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	mt_arm(MT_READER, "");
	assert_rv(mt->C_CloseSession(s), CKR_OK);
	assert_works_now(1);
	assert_works_now(2);
	(void)alarm(0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_cards_come_and_go),
		TEST(test_slow_card_next_door),
	};

	(void)signal(SIGALRM, on_alarm);
	return cmocka_run_group_tests_name("stress", tests, mt_load, mt_unload);
}
