/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions: opening, states, closing, cancelling, and what becomes of them when the card goes. */
#include <string.h>

#include "module/fixture.h"

static CK_STATE
state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.slotID, 1);
	assert_int_equal(info.ulDeviceError, 0);
	return info.state;
}

/* P-045, P-046 */
static void
test_open_arguments(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_OpenSession(1, 0, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	assert_rv(mt->C_OpenSession(1, CKF_RW_SESSION, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_ASYNC_SESSION, NULL, NULL, &session),
		  CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, &session, NULL, &session), CKR_OK);
}

/* P-047: and none of them costs an exchange once the card is known */
static void
test_many_sessions(void **state)
{
	CK_SESSION_HANDLE first = mt_start(), session = first;
	unsigned long before = mt_exchanges(MT_READER);

	(void)state;
	for (int i = 0; i < 200; i++) {
		CK_SESSION_HANDLE next = mt_open(i % 2 == 0 ? CKF_RW_SESSION : 0);

		assert_true(next != session && next != first);
		session = next;
	}
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	assert_rv(mt->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

static void
test_session_limit(void **state)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = CKR_OK;
	unsigned count = 0;

	(void)state;
	mt_initialize();
	while ((rv = mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session)) == CKR_OK)
		assert_true(++count < 10000);
	assert_rv(rv, CKR_SESSION_COUNT);
	assert_true(count >= 1000);
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	assert_int_equal(state_of(mt_open(0)), CKS_RO_PUBLIC_SESSION);
}

/* P-048, P-052 */
static void
test_states(void **state)
{
	CK_SESSION_HANDLE reading = mt_start(), writing = mt_open(CKF_RW_SESSION);
	CK_SESSION_INFO info;

	(void)state;
	assert_rv(mt->C_GetSessionInfo(reading, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetSessionInfo(writing, &info), CKR_OK);
	assert_int_equal(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
	assert_int_equal(state_of(reading), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(state_of(writing), CKS_RW_PUBLIC_SESSION);
	assert_rv(mt_login(reading, MT_PIN), CKR_OK);
	assert_int_equal(state_of(reading), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(state_of(writing), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(state_of(mt_open(0)), CKS_RO_USER_FUNCTIONS);
	assert_rv(mt->C_Logout(writing), CKR_OK);
	assert_int_equal(state_of(reading), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(state_of(writing), CKS_RW_PUBLIC_SESSION);
}

/* P-052: the other token is another matter */
static void
test_login_is_the_tokens(void **state)
{
	CK_SESSION_HANDLE other;
	CK_SESSION_INFO info;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	(void)mt_start_user();
	assert_rv(mt->C_OpenSession(2, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_rv(mt->C_GetSessionInfo(other, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mt_count(other, CKO_PRIVATE_KEY), 0);
}

/* P-049 */
static void
test_no_such_session(void **state)
{
	CK_SESSION_HANDLE closed, wrong[3] = { 0, 99999 };
	CK_OBJECT_HANDLE object;
	CK_SESSION_INFO info;
	CK_ULONG n = 0;

	(void)state;
	closed = mt_start();
	assert_rv(mt->C_CloseSession(closed), CKR_OK);
	wrong[2] = closed;
	for (size_t i = 0; i < 3; i++) {
		CK_SESSION_HANDLE h = wrong[i];

		assert_rv(mt->C_CloseSession(h), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_GetSessionInfo(h, &info), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt_login(h, MT_PIN), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_Logout(h), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_InitPIN(h, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_SetPIN(h, NULL, 0, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_FindObjectsInit(h, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_FindObjects(h, &object, 1, &n), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_FindObjectsFinal(h), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_CreateObject(h, NULL, 0, &object), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_CopyObject(h, 1, NULL, 0, &object), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_DestroyObject(h, 1), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_GetObjectSize(h, 1, &n), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_GetAttributeValue(h, 1, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_SetAttributeValue(h, 1, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_SignInit(h, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_DigestInit(h, NULL), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_GenerateRandom(h, NULL, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_GetFunctionStatus(h), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt->C_CancelFunction(h), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt3->C_SessionCancel(h, 0), CKR_SESSION_HANDLE_INVALID);
		assert_rv(mt3->C_LoginUser(h, CKU_USER, NULL, 0, NULL, 0), CKR_SESSION_HANDLE_INVALID);
	}
}

/* P-050 */
static void
test_close_all(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	assert_rv(mt->C_CloseAllSessions(88888), CKR_SLOT_ID_INVALID);
	session = mt_open(0);
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	assert_rv(mt->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

/* P-051 */
static void
test_last_close_logs_out(void **state)
{
	CK_SESSION_HANDLE first = mt_start_user(), second = mt_open(0);

	(void)state;
	assert_rv(mt->C_CloseSession(first), CKR_OK);
	assert_int_equal(state_of(second), CKS_RO_USER_FUNCTIONS);
	assert_rv(mt->C_CloseSession(second), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
	assert_int_equal(state_of(mt_open(0)), CKS_RO_PUBLIC_SESSION);
}

/* P-054 */
static void
test_removal(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_SESSION_INFO info;
	CK_TOKEN_INFO token;

	(void)state;
	assert_rv(mt_sign(session), CKR_OK);
	mt_remove(MT_READER);
	assert_rv(mt_sign(session), CKR_DEVICE_REMOVED);
	assert_rv(mt_sign(session), CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt->C_GetTokenInfo(1, &token), CKR_TOKEN_NOT_PRESENT);
	mt_insert(MT_READER, MT_ALICE);
	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	session = mt_open(0);
	assert_int_equal(state_of(session), CKS_RO_PUBLIC_SESSION);
	assert_rv(mt_sign(session), CKR_KEY_HANDLE_INVALID); /* not found without login */
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(mt_sign(session), CKR_OK);
}

/* P-054: seen by a look at the readers first */
static void
test_removal_seen_by_session_info(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_SESSION_INFO info;

	(void)state;
	mt_remove(MT_READER);
	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	mt_insert(MT_READER, MT_ALICE);
	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
}

/* P-055, P-074: nothing of Bob's card goes through what was opened on Alice's, least of all her PIN */
static void
test_swap(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 0);
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[256], data[] = { 1 };
	CK_ULONG len = sizeof(signature);
	CK_RV rv;

	(void)state;
	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_OK);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	rv = mt->C_Sign(session, data, 1, signature, &len);
	assert_true(rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt_ask(session, key, CKA_MODULUS), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
	assert_false(mt_is_verified(MT_BOB));
	session = mt_open(0);
	assert_int_equal(state_of(session), CKS_RO_PUBLIC_SESSION);
	assert_rv(mt_ask(session, key, CKA_MODULUS), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 1);
}

/* P-056: a reset is no removal */
static void
test_reset_by_another_program(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	assert_rv(mt_sign(session), CKR_OK);
	mt_sleep_ms(2000); /* beyond the hold time: the card is free */
	mt_reset(MT_READER);
	assert_rv(mt_sign(session), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-057 */
static void
test_session_cancel(void **state)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 }, digest = { CKM_SHA256, NULL, 0 };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 0), found;
	CK_BYTE out[256], data[] = { 1 };
	CK_ULONG len = sizeof(out), count;

	(void)state;
	assert_rv(mt3->C_SessionCancel(session, 0), CKR_OK);
	assert_rv(mt3->C_SessionCancel(session, CKF_SIGN | CKF_MESSAGE_SIGN | CKF_SIGN_RECOVER), CKR_OK);
	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_rv(mt->C_DigestInit(session, &digest), CKR_OK);
	assert_rv(mt->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_rv(mt3->C_SessionCancel(session, 0), CKR_OK);
	assert_rv(mt3->C_SessionCancel(session, CKF_SIGN), CKR_OK);
	assert_rv(mt->C_Sign(session, data, 1, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_Digest(session, data, 1, out, &len), CKR_OK);
	assert_rv(mt->C_FindObjects(session, &found, 1, &count), CKR_OK);
	assert_rv(mt3->C_SessionCancel(session, CKF_FIND_OBJECTS), CKR_OK);
	assert_rv(mt->C_FindObjects(session, &found, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
}

/* P-147 */
static void
test_parallel_functions(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_rv(mt->C_GetFunctionStatus(session), CKR_FUNCTION_NOT_PARALLEL);
	assert_rv(mt->C_CancelFunction(session), CKR_FUNCTION_NOT_PARALLEL);
	assert_rv(mt->C_CloseSession(session), CKR_OK);
	assert_rv(mt->C_GetFunctionStatus(session), CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt->C_CancelFunction(session), CKR_SESSION_HANDLE_INVALID);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_open_arguments),
		TEST(test_many_sessions),
		TEST(test_session_limit),
		TEST(test_states),
		TEST(test_login_is_the_tokens),
		TEST(test_no_such_session),
		TEST(test_close_all),
		TEST(test_last_close_logs_out),
		TEST(test_removal),
		TEST(test_removal_seen_by_session_info),
		TEST(test_swap),
		TEST(test_reset_by_another_program),
		TEST(test_session_cancel),
		TEST(test_parallel_functions),
	};

	return cmocka_run_group_tests_name("sessions", tests, mt_load, mt_unload);
}
