/* SPDX-License-Identifier: BSD-2-Clause */
/* What the codes of the lower layers mean to callers of PKCS#11. */
#include "lib/test.h"
#include "p11/p11.h"

static void
test_success_is_success(void **state)
{
	(void)state;
	for (int c = P11_CTX_TOKEN; c <= P11_CTX_ENCRYPT; c++)
		assert_int_equal(p11_rv(SCARD_S_SUCCESS, (enum p11_context)c), CKR_OK);
}

/* Whatever comes from below, an error stays one; and no code is made up. */
static void
test_every_code_is_an_error(void **state)
{
	(void)state;
	for (int c = P11_CTX_TOKEN; c <= P11_CTX_ENCRYPT; c++) {
		for (DWORD code = 0x80100001; code <= 0x80100080; code++)
			assert_true(p11_rv(code, (enum p11_context)c) != CKR_OK);
		for (DWORD code = 1; code <= 2000; code++)
			assert_true(p11_rv(code, (enum p11_context)c) != CKR_OK);
		assert_int_equal(p11_rv(UINT32_MAX, (enum p11_context)c), CKR_DEVICE_ERROR);
	}
}

static void
test_pins(void **state)
{
	(void)state;
	assert_int_equal(p11_rv(SCARD_W_WRONG_CHV, P11_CTX_LOGIN), CKR_PIN_INCORRECT);
	assert_int_equal(p11_rv(SCARD_W_WRONG_CHV, P11_CTX_SIGN), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(p11_rv(SCARD_W_CHV_BLOCKED, P11_CTX_LOGIN), CKR_PIN_LOCKED);
	assert_int_equal(p11_rv(SCARD_W_CHV_BLOCKED, P11_CTX_DECRYPT), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(p11_rv(SCARD_E_INVALID_PARAMETER, P11_CTX_LOGIN), CKR_PIN_INCORRECT);
	assert_int_equal(p11_rv(SCARD_E_UNSUPPORTED_FEATURE, P11_CTX_LOGIN), CKR_USER_PIN_NOT_INITIALIZED);
	assert_int_equal(p11_rv(SCARD_W_SECURITY_VIOLATION, P11_CTX_SIGN), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(p11_rv(SCARD_W_CARD_NOT_AUTHENTICATED, P11_CTX_SIGN), CKR_USER_NOT_LOGGED_IN);
}

static void
test_cards_that_go(void **state)
{
	static const DWORD gone[] = { SCARD_W_REMOVED_CARD, SCARD_E_READER_UNAVAILABLE, SCARD_E_NO_SERVICE,
				      SCARD_E_SERVICE_STOPPED };

	(void)state;
	for (int c = P11_CTX_TOKEN; c <= P11_CTX_ENCRYPT; c++)
		for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
			assert_int_equal(p11_rv(gone[i], (enum p11_context)c), CKR_DEVICE_REMOVED);
	assert_int_equal(p11_rv(SCARD_E_NO_SMARTCARD, P11_CTX_TOKEN), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(p11_rv(SCARD_E_NO_SMARTCARD, P11_CTX_SIGN), CKR_DEVICE_REMOVED);
	assert_int_equal(p11_rv(SCARD_E_UNKNOWN_CARD, P11_CTX_TOKEN), CKR_TOKEN_NOT_RECOGNIZED);
}

static void
test_data(void **state)
{
	(void)state;
	assert_int_equal(p11_rv(SCARD_E_INVALID_PARAMETER, P11_CTX_SIGN), CKR_DATA_LEN_RANGE);
	assert_int_equal(p11_rv(SCARD_E_INVALID_PARAMETER, P11_CTX_DECRYPT), CKR_ENCRYPTED_DATA_LEN_RANGE);
	assert_int_equal(p11_rv(SCARD_E_INVALID_PARAMETER, P11_CTX_VERIFY), CKR_SIGNATURE_LEN_RANGE);
	assert_int_equal(p11_rv(SCARD_E_INVALID_PARAMETER, P11_CTX_ENCRYPT), CKR_DATA_LEN_RANGE);
	assert_int_equal(p11_rv(SCARD_E_INVALID_VALUE, P11_CTX_DECRYPT), CKR_ENCRYPTED_DATA_INVALID);
	assert_int_equal(p11_rv(SCARD_E_NO_KEY_CONTAINER, P11_CTX_SIGN), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(p11_rv(SCARD_E_WRITE_TOO_MANY, P11_CTX_TOKEN), CKR_DEVICE_MEMORY);
}

static void
test_host_and_transport(void **state)
{
	(void)state;
	assert_int_equal(p11_rv(SCARD_E_NO_MEMORY, P11_CTX_TOKEN), CKR_HOST_MEMORY);
	assert_int_equal(p11_rv(ERROR_NOT_ENOUGH_MEMORY, P11_CTX_SIGN), CKR_HOST_MEMORY);
	assert_int_equal(p11_rv(SCARD_E_SHARING_VIOLATION, P11_CTX_SIGN), CKR_DEVICE_ERROR);
	assert_int_equal(p11_rv(SCARD_E_COMM_DATA_LOST, P11_CTX_LOGIN), CKR_DEVICE_ERROR);
	assert_int_equal(p11_rv(SCARD_E_UNEXPECTED, P11_CTX_TOKEN), CKR_DEVICE_ERROR);
	assert_int_equal(p11_rv(SCARD_W_CANCELLED_BY_USER, P11_CTX_LOGIN), CKR_FUNCTION_CANCELED);
}

/* What hides one thing on the card, and what is trouble with the card. */
static void
test_missing_things(void **state)
{
	(void)state;
	assert_true(p11_rv_is_missing(SCARD_E_FILE_NOT_FOUND));
	assert_true(p11_rv_is_missing(SCARD_E_NO_KEY_CONTAINER));
	assert_true(p11_rv_is_missing(SCARD_E_UNEXPECTED));
	assert_false(p11_rv_is_missing(SCARD_W_REMOVED_CARD));
	assert_false(p11_rv_is_missing(SCARD_E_COMM_DATA_LOST));
	assert_false(p11_rv_is_missing(SCARD_E_NO_MEMORY));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success_is_success),
		cmocka_unit_test(test_every_code_is_an_error),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_cards_that_go),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_host_and_transport),
		cmocka_unit_test(test_missing_things),
	};

	return cmocka_run_group_tests_name("p11 codes", tests, NULL, NULL);
}
