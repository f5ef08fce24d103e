/* SPDX-License-Identifier: BSD-2-Clause */
/* PINs set by the user and by the security officer, on a card; what that costs, and that nobody is left logged in. */
#include "module/manage.h"

static const CK_FLAGS trouble = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;

static void
block_pin(CK_SESSION_HANDLE session)
{
	for (unsigned i = 0; i < MT_PIN_TRIES; i++)
		assert_rv(mt_login(session, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt_login(session, MT_PIN), CKR_PIN_LOCKED);
}

/* P-048, P-064: the key is right or wrong, whatever the case of its digits; it is no PIN of the user */
static void
test_officer(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_ALICE), other;

	(void)state;
	assert_rv(mg_login_so(s, MG_OTHER_KEY), CKR_PIN_INCORRECT);
	assert_rv(mg_login_so(s, MT_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_rv(mg_login_so(s, MG_KEY), CKR_OK);
	assert_int_equal(mg_state(s), CKS_RW_SO_FUNCTIONS);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_int_equal(mt_count(s, CKO_PRIVATE_KEY), 0);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 6);
	assert_rv(mt_sign(s), CKR_KEY_HANDLE_INVALID);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_false(mt_is_verified(MT_ALICE));
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
}

/* P-075: a blocked PIN is set anew, and the officer stays who he is */
static void
test_init_pin(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_ALICE);
	unsigned long before;

	(void)state;
	block_pin(s);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
	assert_rv(mg_login_so(s, MG_KEY), CKR_OK);
	before = mt_exchanges(MT_READER);
	assert_rv(mg_init_pin(s, "12"), CKR_PIN_LEN_RANGE);
	assert_rv(mg_init_pin(s, ""), CKR_PIN_LEN_RANGE);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mg_init_pin(s, MG_NEW_PIN), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_int_equal(mt_token_flags(1) & trouble, 0);
	assert_int_equal(mg_state(s), CKS_RW_SO_FUNCTIONS);
	assert_rv(mg_init_pin(s, MG_NEW_PIN), CKR_OK); /* as often as he likes */
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt_login(s, MT_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt_login(s, MG_NEW_PIN), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
}

/* P-076: with and without a login; a wrong old PIN costs one try, an impossible new one none */
static void
test_set_pin(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_ALICE);

	(void)state;
	assert_rv(mg_set_pin(s, MT_PIN, "12"), CKR_PIN_LEN_RANGE);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_rv(mg_set_pin(s, MT_WRONG_PIN, MG_NEW_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES - 1);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW);
	assert_rv(mg_set_pin(s, MT_PIN, MG_NEW_PIN), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_int_equal(mg_state(s), CKS_RW_PUBLIC_SESSION);
	assert_false(mt_is_verified(MT_ALICE));
	assert_rv(mt_sign(s), CKR_KEY_HANDLE_INVALID);
	assert_rv(mt_login(s, MG_NEW_PIN), CKR_OK);
	assert_rv(mg_set_pin(s, MG_NEW_PIN, MT_PIN), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
	mt_reset(MT_READER); /* the PIN that is kept is the new one */
	assert_rv(mt_sign(s), CKR_OK);
	s = mg_again();
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-076: a wrong old PIN of somebody who is logged in locks the card, and ends the login */
static void
test_wrong_old_pin(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_ALICE);

	(void)state;
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mg_set_pin(s, MT_WRONG_PIN, MG_NEW_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES - 1);
	assert_int_equal(mg_state(s), CKS_RW_PUBLIC_SESSION);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-076: the last try is the user's to spend */
static void
test_set_pin_until_locked(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_ALICE);

	(void)state;
	for (unsigned i = 0; i < MT_PIN_TRIES; i++)
		assert_rv(mg_set_pin(s, MT_WRONG_PIN, MG_NEW_PIN), CKR_PIN_INCORRECT);
	assert_int_equal(mt_token_flags(1) & trouble, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
	assert_rv(mg_set_pin(s, MT_PIN, MG_NEW_PIN), CKR_PIN_LOCKED);
	/* now the administrator's key stands for the old one */
	assert_rv(mg_set_pin(s, MG_OTHER_KEY, MG_NEW_PIN), CKR_PIN_INCORRECT);
	assert_rv(mg_set_pin(s, MG_KEY, MG_NEW_PIN), CKR_OK);
	assert_int_equal(mg_state(s), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(mt_token_flags(1) & trouble, 0);
	assert_rv(mt_login(s, MG_NEW_PIN), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
}

/* P-077 */
static void
test_admin_key(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_BOB);

	(void)state;
	assert_rv(mg_login_so(s, MG_KEY), CKR_OK);
	assert_rv(mg_set_pin(s, MG_KEY, MG_NEW_PIN), CKR_PIN_LEN_RANGE);
	assert_rv(mg_set_pin(s, MG_KEY, "00000000000000000000000000000000000000000000000g"), CKR_PIN_INVALID);
	assert_rv(mg_set_pin(s, MG_OTHER_KEY, MG_KEY), CKR_PIN_INCORRECT);
	assert_int_equal(mg_state(s), CKS_RW_PUBLIC_SESSION);
	assert_rv(mg_login_so(s, MG_KEY), CKR_OK);
	assert_rv(mg_set_pin(s, MG_KEY, MG_OTHER_KEY), CKR_OK);
	assert_int_equal(mg_state(s), CKS_RW_SO_FUNCTIONS);
	assert_rv(mg_init_pin(s, MG_NEW_PIN), CKR_OK); /* by the new key */
	s = mg_again();
	assert_rv(mg_login_so(s, MG_KEY), CKR_PIN_INCORRECT);
	assert_rv(mg_login_so(s, MG_OTHER_KEY), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt_login(s, MG_NEW_PIN), CKR_OK);
}

/* Another program resets the card: the officer is authenticated again; P-056 */
static void
test_officer_after_reset(void **state)
{
	CK_SESSION_HANDLE s = mg_start(MT_ALICE);

	(void)state;
	assert_rv(mg_login_so(s, MG_KEY), CKR_OK);
	mt_reset(MT_READER);
	assert_rv(mg_init_pin(s, MG_NEW_PIN), CKR_OK);
	mt_remove(MT_READER);
	assert_rv(mg_init_pin(s, MT_PIN), CKR_DEVICE_REMOVED);
	mt_insert(MT_READER, MT_ALICE);
	assert_rv(mg_init_pin(s, MT_PIN), CKR_SESSION_HANDLE_INVALID);
	s = mt_open(CKF_RW_SESSION);
	assert_int_equal(mg_state(s), CKS_RW_PUBLIC_SESSION);
	assert_rv(mt_login(s, MG_NEW_PIN), CKR_OK);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_officer),
		TEST(test_init_pin),
		TEST(test_set_pin),
		TEST(test_wrong_old_pin),
		TEST(test_set_pin_until_locked),
		TEST(test_admin_key),
		TEST(test_officer_after_reset),
	};

	return cmocka_run_group_tests_name("PINs set", tests, mt_load, mt_unload);
}
