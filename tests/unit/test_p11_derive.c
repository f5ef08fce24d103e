/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Derivation over a common part in memory whose card agrees on secrets, as no GIDS card does: parameters, templates, and
 * what is made of the secret. The secret is the other party's x coordinate.
 */
#include <string.h>

#include "lib/fakecsp.h"
#include "lib/test.h"
#include "p11/p11.h"

static CK_UTF8CHAR pin[] = "123456";
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE base;
static CK_BYTE point[133 + 3]; /* DER in front */
static CK_BYTE *const raw = point + 2;
static CK_ECDH1_DERIVE_PARAMS params;

static int
set_up(void **state)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG count = 0;

	(void)state;
	fake_reset();
	fake.agrees = true;
	fake.keys[0].type = KEY_EC;
	fake.keys[0].bits = 256;
	fake.keys[0].can_sign = fake.keys[0].can_decrypt = false;
	fake.keys[0].can_derive = true;
	for (size_t i = 0; i < sizeof point; i++)
		point[i] = (CK_BYTE)i;
	point[0] = raw[0] = 0x04;
	point[1] = 65;
	raw[1] = 0; /* the secret begins with a zero byte */
	params = (CK_ECDH1_DERIVE_PARAMS){ CKD_NULL, 0, NULL, 65, raw };
	if (C_Initialize(NULL) != CKR_OK || C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK ||
	    C_Login(session, CKU_USER, pin, 6) != CKR_OK || C_FindObjectsInit(session, &template, 1) != CKR_OK ||
	    C_FindObjects(session, &base, 1, &count) != CKR_OK || C_FindObjectsFinal(session) != CKR_OK)
		return -1;
	return count == 1 ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static CK_RV
derive_as(CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type, CK_ULONG len, CK_OBJECT_HANDLE *ret_key)
{
	CK_MECHANISM mechanism = { type, &params, sizeof params };
	CK_ATTRIBUTE template[] = { { CKA_KEY_TYPE, &key_type, sizeof key_type }, { CKA_VALUE_LEN, &len, sizeof len } };

	return C_DeriveKey(session, &mechanism, base, template, len == 0 ? 1 : 2, ret_key);
}

static CK_RV
derive(CK_ULONG len, CK_OBJECT_HANDLE *ret_key)
{
	return derive_as(CKM_ECDH1_DERIVE, CKK_GENERIC_SECRET, len, ret_key);
}

static void
value_is(CK_OBJECT_HANDLE key, const CK_BYTE *expected, CK_ULONG len)
{
	CK_BYTE value[512];
	CK_ATTRIBUTE item = { CKA_VALUE, value, sizeof value };

	assert_int_equal(C_GetAttributeValue(session, key, &item, 1), CKR_OK);
	assert_int_equal(item.ulValueLen, len);
	assert_memory_equal(value, expected, len);
}

static bool
boolean(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE item = { type, &value, 1 };

	assert_int_equal(C_GetAttributeValue(session, key, &item, 1), CKR_OK);
	return value == CK_TRUE;
}

/* P-138, P-139, P-140 */
static void
test_derive(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof params };
	CK_OBJECT_HANDLE key;

	(void)state;
	assert_int_equal(derive(0, &key), CKR_OK);
	value_is(key, raw + 1, 32);
	assert_false(boolean(key, CKA_LOCAL) || boolean(key, CKA_ALWAYS_SENSITIVE) ||
		     boolean(key, CKA_NEVER_EXTRACTABLE) || boolean(key, CKA_TOKEN));
	assert_int_equal(C_DeriveKey(session, &mechanism, base, NULL, 0, &key), CKR_OK);
	value_is(key, raw + 1, 32);
	assert_int_equal(derive(32, &key), CKR_OK);
	value_is(key, raw + 1, 32);
	assert_int_equal(derive(20, &key), CKR_OK);
	value_is(key, raw + 13, 20);
	assert_int_equal(derive_as(CKM_ECDH1_COFACTOR_DERIVE, CKK_AES, 16, &key), CKR_OK);
	value_is(key, raw + 17, 16);
	/* in a DER OCTET STRING */
	params.pPublicData = point;
	params.ulPublicDataLen = 67;
	assert_int_equal(derive(0, &key), CKR_OK);
	value_is(key, raw + 1, 32);
	assert_int_equal(fake.agreements, 6);
}

/* What has been sensitive always and extractable never goes on so in what is made of it, and only then (5.18.5). */
static void
test_always_and_never(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof params };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE closed[] = { { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 } },
		     open[] = { { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_OBJECT_HANDLE key;

	(void)state;
	for (int local = 0; local < 2; local++) {
		fake.keys[0].local = local == 1;
		assert_int_equal(C_DeriveKey(session, &mechanism, base, closed, 2, &key), CKR_OK);
		assert_int_equal(boolean(key, CKA_ALWAYS_SENSITIVE), local == 1);
		assert_int_equal(boolean(key, CKA_NEVER_EXTRACTABLE), local == 1);
		assert_false(boolean(key, CKA_LOCAL));
		assert_int_equal(C_DeriveKey(session, &mechanism, base, open, 2, &key), CKR_OK);
		assert_false(boolean(key, CKA_ALWAYS_SENSITIVE) || boolean(key, CKA_NEVER_EXTRACTABLE));
	}
}

/* The long form of DER's lengths, which the point of P-521 needs. */
static void
test_der_of_521_bits(void **state)
{
	CK_BYTE der[136] = { 0x04, 0x81, 133, 0x04, 9, 8, 7 };
	CK_OBJECT_HANDLE key;

	(void)state;
	fake.keys[0].bits = 521;
	params.pPublicData = der;
	params.ulPublicDataLen = sizeof der;
	assert_int_equal(derive(0, &key), CKR_OK);
	value_is(key, der + 4, 66);
	der[2] = 132;
	assert_int_equal(derive(0, &key), CKR_MECHANISM_PARAM_INVALID);
	params.pPublicData = der + 3;
	params.ulPublicDataLen = 133;
	assert_int_equal(derive(0, &key), CKR_OK);
}

/* None of this gets as far as the card. */
static void
test_parameters(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof params };
	const CK_ECDH1_DERIVE_PARAMS good = params;
	CK_OBJECT_HANDLE key;

	(void)state;
#define BAD(change)                                                                                                    \
	do {                                                                                                           \
		params = good;                                                                                         \
		change;                                                                                                \
		assert_int_equal(derive(0, &key), CKR_MECHANISM_PARAM_INVALID);                                        \
	} while (0)
	BAD(params.kdf = 0);
	BAD(params.kdf = CKD_SHA1_KDF_ASN1);
	BAD((params.pSharedData = pin, params.ulSharedDataLen = 1));
	BAD((params.kdf = CKD_SHA256_KDF, params.ulSharedDataLen = 1));
	BAD(params.pPublicData = NULL);
	BAD(params.ulPublicDataLen = 0);
	BAD(params.ulPublicDataLen = 64);
	BAD(params.ulPublicDataLen = 66);
	BAD((params.pPublicData = point, params.ulPublicDataLen = 66));
	BAD((params.pPublicData = point, params.ulPublicDataLen = 1));
	raw[0] = 0x02;
	BAD((void)0);
	raw[0] = 0x04;
	params = good;
	mechanism.ulParameterLen--;
	assert_int_equal(C_DeriveKey(session, &mechanism, base, NULL, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	mechanism.pParameter = NULL;
	assert_int_equal(C_DeriveKey(session, &mechanism, base, NULL, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(fake.agreements, 0);
}

static void
test_codes(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof params };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE token = { CKA_TOKEN, &yes, 1 };
	CK_OBJECT_HANDLE key;

	(void)state;
	assert_int_equal(derive(33, &key), CKR_KEY_SIZE_RANGE);
	assert_int_equal(derive_as(CKM_ECDH1_DERIVE, CKK_AES, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	assert_int_equal(derive_as(CKM_ECDH1_DERIVE, CKK_AES, 20, &key), CKR_KEY_SIZE_RANGE);
	assert_int_equal(derive_as(CKM_ECDH1_DERIVE, CKK_RSA, 16, &key), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(C_DeriveKey(session, &mechanism, base, &token, 1, &key),
			 CKR_TOKEN_WRITE_PROTECTED); /* P-140 */
	assert_int_equal(C_DeriveKey(session, &mechanism, 77777, NULL, 0, &key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(C_DeriveKey(session, &mechanism, base, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(derive_as(CKM_ECDSA, CKK_GENERIC_SECRET, 16, &key), CKR_MECHANISM_INVALID);
	fake.keys[0].can_derive = false;
	assert_int_equal(derive(0, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	fake.keys[0].type = KEY_RSA;
	assert_int_equal(derive(0, &key), CKR_KEY_TYPE_INCONSISTENT);
	fake.keys[0].type = KEY_EC;
	fake.keys[0].can_derive = true;
	assert_int_equal(fake.agreements, 0);
	fake.agree = SCARD_E_INVALID_VALUE; /* P-138: the point is not on the curve */
	assert_int_equal(derive(0, &key), CKR_PUBLIC_KEY_INVALID);
	fake.agree = SCARD_W_CARD_NOT_AUTHENTICATED;
	assert_int_equal(derive(0, &key), CKR_USER_NOT_LOGGED_IN);
}

/* X9.63: Hash(Z || 00000001 || shared) || Hash(Z || 00000002 || shared) ... The hashes here are zeros. */
static void
test_kdf(void **state)
{
	static const CK_ULONG kdfs[] = { CKD_SHA1_KDF, CKD_SHA224_KDF, CKD_SHA256_KDF, CKD_SHA384_KDF, CKD_SHA512_KDF };
	static const CK_BYTE zeros[512], second[] = { 0, 0, 0, 2 };
	static const CK_ULONG lens[] = { 20, 28, 32, 48, 64 };
	CK_OBJECT_HANDLE key;

	(void)state;
	params.pSharedData = pin;
	params.ulSharedDataLen = 6;
	for (size_t i = 0; i < sizeof kdfs / sizeof *kdfs; i++) {
		params.kdf = kdfs[i];
		assert_int_equal(derive(0, &key), CKR_TEMPLATE_INCOMPLETE);
		assert_int_equal(derive(20, &key), CKR_OK);
		value_is(key, zeros, 20);
		assert_int_equal(derive(lens[i] + 1, &key), CKR_OK);
		value_is(key, zeros, lens[i] + 1);
		assert_int_equal(fake.hashed_len, 32 + 4 + 6);
		assert_memory_equal(fake.hashed, raw + 1, 32);
		assert_memory_equal(fake.hashed + 32, second, 4);
		assert_memory_equal(fake.hashed + 36, pin, 6);
	}
}

/* P-044: the list and the attributes say whether the card does it. */
static void
test_offered(void **state)
{
	CK_MECHANISM_INFO info;
	CK_ULONG with = 0, without = 0;

	(void)state;
	assert_true(boolean(base, CKA_DERIVE));
	assert_int_equal(C_GetMechanismList(1, NULL, &with), CKR_OK);
	assert_int_equal(C_GetMechanismInfo(1, CKM_ECDH1_DERIVE, &info), CKR_OK);
	assert_int_equal(info.flags, CKF_HW | CKF_DERIVE | CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS);
	fake.agrees = false;
	assert_int_equal(C_GetMechanismList(1, NULL, &without), CKR_OK);
	assert_int_equal(with, without + 2);
	assert_int_equal(C_GetMechanismInfo(1, CKM_ECDH1_COFACTOR_DERIVE, &info), CKR_MECHANISM_INVALID);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_derive),	    TEST(test_always_and_never),
		TEST(test_der_of_521_bits), TEST(test_parameters),
		TEST(test_codes),	    TEST(test_kdf),
		TEST(test_offered),
	};

	return cmocka_run_group_tests_name("/p11/derive", tests, NULL, NULL);
}
