/* SPDX-License-Identifier: BSD-2-Clause */
/* Login: what each PIN answers and costs, who is let in by it, and that the card is locked again afterwards. */
#include <dlfcn.h>
#include <string.h>

#include "module/fixture.h"

static const CK_FLAGS trouble = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;

/* P-059 */
static void
test_user_types(void **state)
{
	static CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_rv(mt->C_Login(session, 7, pin, 6), CKR_USER_TYPE_INVALID);
	assert_rv(mt->C_Login(session, (CK_USER_TYPE)-1, pin, 6), CKR_USER_TYPE_INVALID);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-060: the ones that cannot be right cost nothing */
static void
test_pins_no_card_takes(void **state)
{
	static CK_UTF8CHAR longest[256];
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	memset(longest, '1', sizeof(longest));
	assert_rv(mt_login(session, ""), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Login(session, CKU_USER, longest, sizeof(longest)), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Login(session, CKU_USER, longest, (CK_ULONG)-1), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	/* what a card might take is the card's to judge */
	assert_rv(mt_login(session, "1"), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Login(session, CKU_USER, longest, 17), CKR_PIN_INCORRECT);
	assert_true(mt_tries(MT_ALICE) >= MT_PIN_TRIES - 2);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
}

/* P-061 */
static void
test_null_pin(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_rv(mt->C_Login(session, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_Login(session, CKU_USER, NULL, 6), CKR_ARGUMENTS_BAD);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-062 */
static void
test_second_login(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	unsigned long before = mt_exchanges(MT_READER);

	(void)state;
	assert_rv(mt_login(session, MT_PIN), CKR_USER_ALREADY_LOGGED_IN);
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_USER_ALREADY_LOGGED_IN);
	assert_rv(mt->C_Login(mt_open(0), CKU_USER, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-063, P-064 */
static void
test_security_officer(void **state)
{
	static CK_UTF8CHAR key[] = "000000000000000000000000000000000000000000000000";
	CK_SESSION_HANDLE reading = mt_start(), writing = mt_open(CKF_RW_SESSION);

	(void)state;
	assert_rv(mt->C_Login(writing, CKU_SO, key, 48), CKR_SESSION_READ_ONLY_EXISTS);
	assert_rv(mt->C_CloseSession(reading), CKR_OK);
	assert_rv(mt->C_Login(writing, CKU_SO, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_Login(writing, CKU_SO, key, 48), CKR_OK);
	assert_rv(mt_login(writing, MT_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &reading), CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_rv(mt->C_Logout(writing), CKR_OK);
	assert_rv(mt_login(writing, MT_PIN), CKR_OK);
	assert_rv(mt->C_Login(writing, CKU_SO, key, 48), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

/* P-035, P-065: a wrong PIN costs one try, and the flags tell */
static void
test_wrong_pins_until_locked(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_int_equal(mt_token_flags(1) & trouble, 0);
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), 2);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW);
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), 1);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), 0);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_LOCKED);
	assert_rv(mt_login(session, MT_PIN), CKR_PIN_LOCKED);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
	assert_rv(mt_sign(session), CKR_KEY_HANDLE_INVALID);
}

/* P-035: and a right one sets all back */
static void
test_right_pin_clears_flags(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_int_equal(mt_token_flags(1) & trouble, 0);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-035: what another program has used up is seen by the next one that looks */
static void
test_locked_card_from_the_start(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_initialize();
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_PIN_LOCKED);
}

/* P-066, P-067 */
static void
test_logout(void **state)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE key, public = mt_object(session, CKO_PUBLIC_KEY, 0);
	CK_BYTE byte = 0;

	(void)state;
	assert_rv(mt->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	key = mt_object(session, CKO_PRIVATE_KEY, 0);
	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Logout(session), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
	assert_rv(mt->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt->C_SignUpdate(session, &byte, 1), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt_ask(session, key, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(mt_ask(session, key, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_KEY_HANDLE_INVALID);
	assert_true(mt_object(session, CKO_PRIVATE_KEY, 0) != key);
	assert_true(mt_object(session, CKO_PUBLIC_KEY, 0) == public);
	assert_rv(mt_sign(session), CKR_OK);
}

/* P-068: no key of this card wants a PIN for each operation */
static void
test_context_login_without_need(void **state)
{
	static CK_UTF8CHAR pin[] = MT_PIN;
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_BYTE signature[256];
	CK_ULONG len = sizeof(signature);

	(void)state;
	assert_rv(mt->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 6), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignInit(session, &mechanism, mt_object(session, CKO_PRIVATE_KEY, 0)), CKR_OK);
	assert_rv(mt->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 6), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_Sign(session, pin, 6, signature, &len), CKR_OK);
}

/* P-073 */
static void
test_login_user(void **state)
{
	static CK_UTF8CHAR pin[] = MT_PIN, wrong[] = MT_WRONG_PIN, name[] = "Alice";
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_rv(mt3->C_LoginUser(session, CKU_USER, pin, 6, NULL, 5), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_LoginUser(session, CKU_USER, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_LoginUser(session, 7, pin, 6, NULL, 0), CKR_USER_TYPE_INVALID);
	assert_rv(mt3->C_LoginUser(session, CKU_USER, wrong, 6, NULL, 0), CKR_PIN_INCORRECT);
	assert_rv(mt3->C_LoginUser(session, CKU_USER, pin, 6, NULL, 0), CKR_OK);
	assert_rv(mt3->C_LoginUser(session, CKU_USER, pin, 6, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
	assert_rv(mt_login(session, MT_PIN), CKR_USER_ALREADY_LOGGED_IN);
	assert_rv(mt_sign(session), CKR_OK);
	assert_rv(mt->C_Logout(session), CKR_OK);
	assert_rv(mt3->C_LoginUser(session, CKU_USER, pin, 6, name, 5), CKR_OK);
}

/* P-075, P-076, as far as they hold while PINs are not set here */
static void
test_setting_pins(void **state)
{
	static CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE reading = mt_start(), writing = mt_open(CKF_RW_SESSION);

	(void)state;
	assert_rv(mt->C_InitPIN(writing, pin, 6), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt->C_SetPIN(reading, pin, 6, pin, 6), CKR_SESSION_READ_ONLY);
	assert_rv(mt->C_SetPIN(writing, NULL, 6, pin, 6), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SetPIN(writing, pin, 6, NULL, 6), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SetPIN(writing, pin, 6, pin, 2), CKR_PIN_LEN_RANGE);
	assert_rv(mt_login(writing, MT_PIN), CKR_OK);
	assert_rv(mt->C_InitPIN(writing, pin, 6), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_sign(writing), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* What costs no try */
static void
test_free_of_charge(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE found[64];
	CK_TOKEN_INFO info;

	(void)state;
	assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	for (int i = 0; i < 5; i++) {
		assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
		assert_true(mt_find(session, NULL, 0, found, 64) > 0);
		assert_rv(mt_login(session, ""), CKR_PIN_INCORRECT);
		assert_rv(mt->C_Login(session, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
		(void)mt_sign(session);
	}
	assert_int_equal(mt_tries(MT_ALICE), 2);
}

/* Sizes of outputs are told without the card. */
static void
test_size_query_costs_nothing(void **state)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_BYTE signature[256], data[] = { 1 };
	CK_ULONG len = 0;
	unsigned long before;

	(void)state;
	assert_rv(mt->C_SignInit(session, &mechanism, mt_object(session, CKO_PRIVATE_KEY, 0)), CKR_OK);
	before = mt_exchanges(MT_READER);
	for (int i = 0; i < 3; i++) {
		assert_rv(mt->C_Sign(session, data, 1, NULL, &len), CKR_OK);
		assert_int_equal(len, 256);
	}
	len = 1;
	assert_rv(mt->C_Sign(session, data, 1, signature, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, 256);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mt->C_Sign(session, data, 1, signature, &len), CKR_OK);
}

/* The login of one program lets no other in. The copy stands for another program. */
static void
test_others_stay_outside(void **state)
{
	static CK_UTF8CHAR pin[] = MT_PIN;
	CK_SESSION_HANDLE session = mt_start_user(), other;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_FUNCTION_LIST *copy;
	CK_OBJECT_HANDLE key;
	CK_ULONG found;
	void *handle;

	(void)state;
	assert_rv(mt_sign(session), CKR_OK);
	copy = mt_load_copy(&handle);
	assert_rv(copy->C_Initialize(NULL), CKR_OK);
	assert_rv(copy->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_rv(copy->C_FindObjectsInit(other, &template, 1), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE)); /* the other came to the card, so the first had let go of it */
	assert_rv(copy->C_FindObjects(other, &key, 1, &found), CKR_OK);
	assert_int_equal(found, 0);
	assert_rv(copy->C_Login(other, CKU_USER, pin, 0), CKR_PIN_INCORRECT);
	assert_rv(copy->C_Login(other, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(copy->C_Login(other, CKU_USER, pin, 6), CKR_OK);
	assert_rv(copy->C_Finalize(NULL), CKR_OK);
	assert_int_equal(dlclose(handle), 0);
	assert_rv(mt_sign(session), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* After the last operation and the hold time the card is locked again. */
static void
test_card_is_locked_afterwards(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	unsigned long start;

	(void)state;
	assert_rv(mt_sign(session), CKR_OK);
	assert_true(mt_is_verified(MT_ALICE));
	start = mt_now_ms();
	while (mt_is_verified(MT_ALICE)) {
		assert_true(mt_now_ms() - start < 5000);
		mt_sleep_ms(50);
	}
	assert_rv(mt_sign(session), CKR_OK); /* the login goes on */
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
}

/* Where the caller has mutexes of its own or forbids threads, at once. */
static void
test_card_is_locked_at_once(void **state)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS };
	CK_SESSION_HANDLE session;

	(void)state;
	assert_rv(mt->C_Initialize(&args), CKR_OK);
	session = mt_open(0);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
	assert_rv(mt_sign(session), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
	assert_rv(mt_sign(session), CKR_OK);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_user_types),
		TEST(test_pins_no_card_takes),
		TEST(test_null_pin),
		TEST(test_second_login),
		TEST(test_security_officer),
		TEST(test_wrong_pins_until_locked),
		TEST(test_right_pin_clears_flags),
		TEST(test_locked_card_from_the_start),
		TEST(test_logout),
		TEST(test_context_login_without_need),
		TEST(test_login_user),
		TEST(test_setting_pins),
		TEST(test_free_of_charge),
		TEST(test_size_query_costs_nothing),
		TEST(test_others_stay_outside),
		TEST(test_card_is_locked_afterwards),
		TEST(test_card_is_locked_at_once),
	};

	return cmocka_run_group_tests_name("login", tests, mt_load, mt_unload);
}
