/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two copies of the module in one process, as when a program uses p11-kit and one of its libraries loads the module
 * itself: each has a state of its own, and they share the card as two programs do.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/types.h"
#include "module/fixture.h"

/* What is used of p11-kit, whose library need not be there. */
static struct {
	void *library;
	CK_FUNCTION_LIST *(*load)(const char *path, int flags);
	CK_RV (*initialize)(CK_FUNCTION_LIST *module);
	CK_RV (*finalize)(CK_FUNCTION_LIST *module);
	void (*release)(CK_FUNCTION_LIST *module);
} kit;

static CK_FUNCTION_LIST *own; /* mt, while words for mt are said to the other copy */

static int
set_up(void **state)
{
	own = mt;
	return mt_set_up(state);
}

static int
tear_down(void **state)
{
	mt = own;
	return mt_tear_down(state);
}

static void
load_kit(void)
{
	kit.library = dlopen("libp11-kit.so.0", RTLD_NOW | RTLD_LOCAL);
	if (kit.library == NULL)
		skip();
	*(void **)&kit.load = dlsym(kit.library, "p11_kit_module_load");
	*(void **)&kit.initialize = dlsym(kit.library, "p11_kit_module_initialize");
	*(void **)&kit.finalize = dlsym(kit.library, "p11_kit_module_finalize");
	*(void **)&kit.release = dlsym(kit.library, "p11_kit_module_release");
	assert_true(kit.load != NULL && kit.initialize != NULL && kit.finalize != NULL && kit.release != NULL);
}

/* Without a thread of its own a copy leaves the card after each call, and nobody waits for it. */
static void
start(CK_FUNCTION_LIST *list)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS };

	assert_rv(list->C_Initialize(&args), CKR_OK);
}

/* A session of the copy behind a list, logged in. */
static CK_SESSION_HANDLE
log_in(CK_FUNCTION_LIST *list)
{
	CK_SESSION_HANDLE session;

	mt = list;
	session = mt_open(0);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	mt = own;
	return session;
}

static CK_RV
sign_with(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session)
{
	CK_RV rv;

	mt = list;
	rv = mt_sign(session);
	mt = own;
	return rv;
}

static void
sign_in_turns(CK_FUNCTION_LIST *a, CK_SESSION_HANDLE in_a, CK_FUNCTION_LIST *b, CK_SESSION_HANDLE in_b)
{
	for (int i = 0; i < 2; i++) {
		assert_rv(sign_with(a, in_a), CKR_OK);
		assert_rv(sign_with(b, in_b), CKR_OK);
	}
}

/* One copy finalised, the other goes on, whichever it is and whatever the order. */
static void
outlive(CK_FUNCTION_LIST *gone, CK_FUNCTION_LIST *stays, CK_SESSION_HANDLE in_stays)
{
	CK_INFO info;

	assert_rv(gone->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(sign_with(stays, in_stays), CKR_OK);
	assert_rv(stays->C_Logout(in_stays), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
}

static void
test_directly(void **state)
{
	CK_SESSION_HANDLE in_own, in_copy;
	CK_FUNCTION_LIST *copy;
	void *handle;

	(void)state;
	copy = mt_load_copy(&handle);
	start(own);
	start(copy);
	in_own = log_in(own);
	in_copy = log_in(copy);
	sign_in_turns(own, in_own, copy, in_copy);
	assert_rv(own->C_Finalize(NULL), CKR_OK);
	outlive(own, copy, in_copy);
	start(own);
	in_own = log_in(own);
	assert_rv(copy->C_CloseSession(in_copy), CKR_OK);
	in_copy = log_in(copy);
	sign_in_turns(own, in_own, copy, in_copy);
	assert_rv(copy->C_Finalize(NULL), CKR_OK);
	outlive(copy, own, in_own);
	assert_int_equal(dlclose(handle), 0);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* The same file as the fixture's, so that the module behind p11-kit's list is the one behind mt. */
static void
test_through_p11_kit(void **state)
{
	CK_SESSION_HANDLE in_kit, in_copy;
	CK_FUNCTION_LIST *through, *copy;
	CK_SESSION_INFO info;
	void *handle;

	(void)state;
	load_kit();
	through = kit.load(getenv("MODULE"), 0);
	assert_non_null(through);
	assert_ptr_not_equal(through, own);
	copy = mt_load_copy(&handle);
	assert_rv(kit.initialize(through), CKR_OK);
	start(copy);
	in_kit = log_in(through);
	in_copy = log_in(copy);
	assert_rv(sign_with(copy, in_copy), CKR_OK);
	assert_rv(sign_with(through, in_kit), CKR_OK);
	assert_rv(kit.finalize(through), CKR_OK);
	assert_rv(own->C_GetSessionInfo(in_kit, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
	outlive(own, copy, in_copy);
	assert_rv(kit.initialize(through), CKR_OK);
	in_kit = log_in(through);
	assert_rv(copy->C_Finalize(NULL), CKR_OK);
	outlive(copy, through, in_kit);
	assert_rv(kit.finalize(through), CKR_OK);
	kit.release(through);
	assert_int_equal(dlclose(handle), 0);
	assert_int_equal(dlclose(kit.library), 0);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* A thread of the program in each copy, at the same time. */
struct signer {
	pthread_t thread;
	CK_FUNCTION_LIST *list;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	unsigned failed;
};

static void *
sign_often(void *arg)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	struct signer *s = arg;

	for (unsigned i = 0; i < 10; i++) {
		CK_BYTE data[] = { 1 }, signature[256];
		CK_ULONG len = sizeof(signature);

		if (s->list->C_SignInit(s->session, &mechanism, s->key) != CKR_OK ||
		    s->list->C_Sign(s->session, data, 1, signature, &len) != CKR_OK)
			s->failed++;
	}
	return NULL;
}

static void
test_at_the_same_time(void **state)
{
	struct signer signers[2] = { { .list = own } };
	void *handle;

	(void)state;
	signers[1].list = mt_load_copy(&handle);
	for (size_t i = 0; i < 2; i++) {
		struct signer *s = &signers[i];

		start(s->list);
		s->session = log_in(s->list);
		mt = s->list;
		s->key = mt_object(s->session, CKO_PRIVATE_KEY, 0);
		mt = own;
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&signers[i].thread, NULL, sign_often, &signers[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(signers[i].thread, NULL), 0);
		assert_int_equal(signers[i].failed, 0);
	}
	assert_rv(signers[1].list->C_Finalize(NULL), CKR_OK);
	assert_int_equal(dlclose(handle), 0);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* The other copy gives Alice's first key another label, so that nothing that this one knows of the card's keys holds. */
static void
rename_key(CK_FUNCTION_LIST *copy, CK_SESSION_HANDLE in_copy, char letter)
{
	CK_ATTRIBUTE label = { CKA_LABEL, &letter, 1 };

	mt = copy;
	assert_rv(copy->C_SetAttributeValue(in_copy, mt_object(in_copy, CKO_PRIVATE_KEY, 0), &label, 1), CKR_OK);
	mt = own;
}

/* While one attribute is read, the view of the card is read anew: the keys that it began with are not used any more. */
static void
test_changed_by_the_other(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = {
		CKA_CERTIFICATE_CATEGORY, CKA_PUBLIC_KEY_INFO, CKA_SUBJECT, CKA_VALUE, CKA_MODULUS, CKA_EC_POINT,
		CKA_CHECK_VALUE,	  CKA_MODULUS_BITS
	};
	CK_OBJECT_HANDLE objects[32];
	CK_SESSION_HANDLE session, in_copy;
	CK_FUNCTION_LIST *copy;
	char letter = 'a';
	void *handle;

	(void)state;
	copy = mt_load_copy(&handle);
	start(own);
	start(copy);
	session = mt_open(0);
	mt = copy;
	in_copy = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(in_copy, MT_PIN), CKR_OK);
	mt = own;
	for (size_t i = 0, n = mt_find(session, NULL, 0, objects, ARRAY_SIZE(objects)); i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
			CK_RV rv;

			rename_key(copy, in_copy, letter);
			letter = letter == 'z' ? 'a' : (char)(letter + 1);
			rv = mt_ask(session, objects[i], types[k]);
			assert_true(rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID);
		}
	assert_rv(copy->C_Finalize(NULL), CKR_OK);
	assert_int_equal(dlclose(handle), 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_directly),
		TEST(test_through_p11_kit),
		TEST(test_at_the_same_time),
		TEST(test_changed_by_the_other),
	};

	return cmocka_run_group_tests_name("copies", tests, mt_load, mt_unload);
}
