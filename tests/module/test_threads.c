/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: racing into C_Initialize, working side by side, closing each other's sessions, finalising under work. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "module/fixture.h"

#define THREADS 8

static void
run(size_t count, void *(*body)(void *), void *arg)
{
	pthread_t threads[THREADS];

	assert_true(count <= THREADS);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, body, arg), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static atomic_uint first, later, other;

static void *
initialise(void *arg)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv = mt->C_Initialize(arg == NULL ? NULL : &args);

	atomic_fetch_add(rv == CKR_OK ? &first : rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? &later : &other, 1);
	return NULL;
}

/* As pkcs11-tool --test-threads does. */
static void
test_race_into_initialise(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		atomic_store(&first, 0);
		atomic_store(&later, 0);
		atomic_store(&other, 0);
		run(THREADS, initialise, i % 2 == 0 ? NULL : &first);
		assert_int_equal(atomic_load(&first), 1);
		assert_int_equal(atomic_load(&later), THREADS - 1);
		assert_int_equal(atomic_load(&other), 0);
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
	}
}

/* Whatever comes first, nothing breaks. */
static void *
initialise_and_finalise(void *arg)
{
	CK_ULONG count;
	CK_INFO info;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		(void)mt->C_Initialize(NULL);
		(void)mt->C_GetInfo(&info);
		(void)mt->C_GetSlotList(CK_FALSE, NULL, &count);
		(void)mt->C_Finalize(NULL);
	}
	return NULL;
}

static void
test_race_of_initialise_and_finalise(void **state)
{
	(void)state;
	run(THREADS, initialise_and_finalise, NULL);
	(void)mt->C_Finalize(NULL);
	mt_initialize();
}

static atomic_uint wrong;

static bool
contains(const CK_BYTE *bytes, CK_ULONG len, const char *text)
{
	for (size_t i = 0, n = strlen(text); i + n <= len; i++)
		if (memcmp(&bytes[i], text, n) == 0)
			return true;
	return false;
}

/* Sessions of its own on slot 1 or 2: search, attributes, digest, signature. */
static void *
work(void *arg)
{
	static atomic_uint turn;
	CK_SLOT_ID slot = 1 + atomic_fetch_add(&turn, 1) % 2;
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };

	(void)arg;
	for (int i = 0; i < 8; i++) {
		CK_BYTE subject[512];
		CK_ATTRIBUTE attribute = { CKA_SUBJECT, subject, sizeof(subject) };
		CK_OBJECT_HANDLE certificate = 0;
		CK_SESSION_HANDLE session;
		CK_ULONG found = 0;
		bool good;

		good = mt->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
		       mt->C_FindObjectsInit(session, &template, 1) == CKR_OK &&
		       mt->C_FindObjects(session, &certificate, 1, &found) == CKR_OK && found == 1 &&
		       mt->C_FindObjectsFinal(session) == CKR_OK &&
		       mt->C_GetAttributeValue(session, certificate, &attribute, 1) == CKR_OK &&
		       contains(subject, attribute.ulValueLen, slot == 1 ? "Alice" : "Bob") &&
		       mt_sign(session) == CKR_OK && mt->C_CloseSession(session) == CKR_OK;
		if (!good)
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static void
two_tokens(void)
{
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE bob;

	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	(void)mt_start_user();
	assert_rv(mt->C_OpenSession(2, CKF_SERIAL_SESSION, NULL, NULL, &bob), CKR_OK);
	assert_rv(mt->C_Login(bob, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_OK);
	atomic_store(&wrong, 0);
}

/* P-022, shortened: sessions of other threads share the login */
static void
test_two_tokens_in_many_threads(void **state)
{
	(void)state;
	two_tokens();
	run(THREADS, work, NULL);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
}

static pthread_mutex_t app_mutexes[64];
static atomic_uint app_used;

static CK_RV
app_create(void **ret_mutex)
{
	unsigned i = atomic_fetch_add(&app_used, 1);

	if (i >= 64)
		return CKR_HOST_MEMORY;
	*ret_mutex = &app_mutexes[i];
	return pthread_mutex_init(&app_mutexes[i], NULL) == 0 ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV
app_destroy(void *mutex)
{
	return pthread_mutex_destroy(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

static CK_RV
app_lock(void *mutex)
{
	return pthread_mutex_lock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

static CK_RV
app_unlock(void *mutex)
{
	return pthread_mutex_unlock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

/* P-014: the application's mutexes hold as well as native ones */
static void
test_applications_mutexes(void **state)
{
	CK_C_INITIALIZE_ARGS args = { app_create, app_destroy, app_lock, app_unlock, 0, NULL };
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE bob;

	(void)state;
	atomic_store(&app_used, 0);
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	assert_rv(mt->C_Initialize(&args), CKR_OK);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
	assert_rv(mt->C_OpenSession(2, CKF_SERIAL_SESSION, NULL, NULL, &bob), CKR_OK);
	assert_rv(mt->C_Login(bob, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_OK);
	atomic_store(&wrong, 0);
	run(4, work, NULL);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_true(atomic_load(&app_used) > 0);
}

static void *
sign_once(void *arg)
{
	CK_RV *ret_rv = arg;

	*ret_rv = mt_sign(mt_open(0));
	return NULL;
}

/* P-023: looking at slots does not wait for a slow card, in this reader or another */
static void
test_slow_card_delays_nobody(void **state)
{
	unsigned long longest = 0;
	CK_SLOT_INFO info;
	CK_RV rv = CKR_GENERAL_ERROR;
	pthread_t thread;

	(void)state;
	two_tokens();
	assert_int_equal(setenv("VCARD_LATENCY", "300000,0", 1), 0);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	(void)mt_start_user();
	assert_int_equal(pthread_create(&thread, NULL, sign_once, &rv), 0);
	mt_sleep_ms(150);
	for (int i = 0; i < 10; i++) {
		unsigned long now = mt_now_ms();

		assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK);
		assert_rv(mt->C_GetSlotInfo(2, &info), CKR_OK);
		if (mt_now_ms() - now > longest)
			longest = mt_now_ms() - now;
	}
	assert_true(longest < 200);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_rv(rv, CKR_OK);
	assert_int_equal(unsetenv("VCARD_LATENCY"), 0);
}

static atomic_bool stop;

/* Closes what others may be using. */
static void *
close_all(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		(void)mt->C_CloseAllSessions(1);
		mt_sleep_ms(1);
	}
	return NULL;
}

static void *
use_what_may_close(void *arg)
{
	CK_UTF8CHAR pin[] = MT_PIN;

	(void)arg;
	for (int i = 0; i < 50; i++) {
		CK_SESSION_HANDLE session;
		CK_OBJECT_HANDLE found[8];
		CK_ULONG count;

		if (mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
			atomic_fetch_add(&wrong, 1);
		(void)mt->C_Login(session, CKU_USER, pin, sizeof(MT_PIN) - 1);
		(void)mt->C_FindObjectsInit(session, NULL, 0);
		(void)mt->C_FindObjects(session, found, 8, &count);
		(void)mt_sign(session);
		(void)mt->C_CloseSession(session);
	}
	return NULL;
}

static void
test_closing_under_work(void **state)
{
	pthread_t closer;

	(void)state;
	mt_initialize();
	atomic_store(&stop, false);
	atomic_store(&wrong, 0);
	assert_int_equal(pthread_create(&closer, NULL, close_all, NULL), 0);
	run(3, use_what_may_close, NULL);
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(closer, NULL), 0);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

static void *
work_until_finalised(void *arg)
{
	CK_SESSION_HANDLE session;
	CK_RV rv;

	(void)arg;
	do {
		rv = mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session);
		if (rv == CKR_OK)
			rv = mt_sign(session);
	} while (rv == CKR_OK || rv == CKR_SESSION_COUNT);
	if (rv != CKR_CRYPTOKI_NOT_INITIALIZED)
		atomic_fetch_add(&wrong, 1);
	return NULL;
}

/* More than the standard asks: calls under way are let end. */
static void
test_finalising_under_work(void **state)
{
	pthread_t threads[3];

	(void)state;
	(void)mt_start_user();
	atomic_store(&wrong, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work_until_finalised, NULL), 0);
	mt_sleep_ms(100);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_false(mt_is_verified(MT_ALICE));
}

/* Every kind of host cryptography, so that libcrypto has made what it keeps for a thread. */
static void
use_libcrypto(CK_SESSION_HANDLE session)
{
	CK_MECHANISM rsa = { CKM_RSA_PKCS, NULL, 0 }, hash = { CKM_SHA256, NULL, 0 };
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_BYTE out[512], signature[64] = { 1 }, data[32] = { 1 };
	CK_ULONG len = sizeof(out);

	assert_rv(mt->C_EncryptInit(session, &rsa, mt_object(session, CKO_PUBLIC_KEY, 0)), CKR_OK);
	assert_rv(mt->C_Encrypt(session, data, sizeof(data), out, &len), CKR_OK);
	assert_rv(mt->C_VerifyInit(session, &ecdsa, mt_object(session, CKO_PUBLIC_KEY, 2)), CKR_OK);
	assert_rv(mt->C_Verify(session, data, sizeof(data), signature, sizeof(signature)), CKR_SIGNATURE_INVALID);
	len = sizeof(out);
	assert_rv(mt->C_DigestInit(session, &hash), CKR_OK);
	assert_rv(mt->C_Digest(session, data, sizeof(data), out, &len), CKR_OK);
	assert_rv(mt->C_GenerateRandom(session, out, 16), CKR_OK);
}

static pthread_barrier_t barrier;

static void *
outlive_the_module(void *arg)
{
	CK_SESSION_HANDLE *session = arg;

	use_libcrypto(*session);
	(void)pthread_barrier_wait(&barrier);
	(void)pthread_barrier_wait(&barrier);
	return NULL;
}

/* P-018: nothing that a thread does at its end needs what C_Finalize has freed */
static void
test_thread_ends_after_finalise(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, outlive_the_module, &session), 0);
	(void)pthread_barrier_wait(&barrier);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	(void)pthread_barrier_wait(&barrier);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)pthread_barrier_destroy(&barrier);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_race_into_initialise),       TEST(test_race_of_initialise_and_finalise),
		TEST(test_two_tokens_in_many_threads), TEST(test_applications_mutexes),
		TEST(test_slow_card_delays_nobody),    TEST(test_closing_under_work),
		TEST(test_finalising_under_work),      TEST(test_thread_ends_after_finalise),
	};

	return cmocka_run_group_tests_name("threads", tests, mt_load, mt_unload);
}
