/* SPDX-License-Identifier: BSD-2-Clause */
/* More of objects in memory: copies of the card's, check values, what was always so, what a key may be used for, and room. */
#include "module/ops.h"
#include "module/words.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY,
		       secret_key = CKO_SECRET_KEY;
static CK_KEY_TYPE rsa = CKK_RSA, aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_CERTIFICATE_TYPE x509 = CKC_X_509;

static CK_OBJECT_HANDLE
create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	assert_rv(mt->C_CreateObject(s, template, count, &made), CKR_OK);
	return made;
}

/* Copies of what is on the card -------------------------------------------------------------------------------------- */

static void
assert_same(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_TYPE type)
{
	CK_BYTE of_a[2048], of_b[2048];
	size_t len = mt_get(s, a, type, of_a, sizeof(of_a));

	assert_int_equal(mt_get(s, b, type, of_b, sizeof(of_b)), len);
	assert_memory_equal(of_a, of_b, len);
}

static CK_OBJECT_HANDLE
copy_to_memory(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE from)
{
	CK_ATTRIBUTE here = BOOL(CKA_TOKEN, no);
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	assert_true(mt_get_bool(s, from, CKA_COPYABLE));
	assert_rv(mt->C_CopyObject(s, from, &here, 1, &made), CKR_OK);
	assert_false(mt_get_bool(s, made, CKA_TOKEN));
	assert_true(mt_get_bool(s, made, CKA_MODIFIABLE));
	assert_true(mt_get_bool(s, made, CKA_DESTROYABLE));
	return made;
}

/* The copies are as good as what they were made from, also when that has gone. */
static void
test_card_copies(void **state)
{
	static const CK_ATTRIBUTE_TYPE of_cert[] = { CKA_CLASS,		CKA_LABEL,	     CKA_ID,
						     CKA_VALUE,		CKA_SUBJECT,	     CKA_ISSUER,
						     CKA_SERIAL_NUMBER, CKA_START_DATE,	     CKA_END_DATE,
						     CKA_CHECK_VALUE,	CKA_PUBLIC_KEY_INFO, CKA_CERTIFICATE_CATEGORY,
						     CKA_TRUSTED,	CKA_CERTIFICATE_TYPE };
	static const CK_ATTRIBUTE_TYPE of_key[] = { CKA_CLASS,
						    CKA_LABEL,
						    CKA_ID,
						    CKA_KEY_TYPE,
						    CKA_MODULUS,
						    CKA_SUBJECT,
						    CKA_MODULUS_BITS,
						    CKA_PUBLIC_EXPONENT,
						    CKA_VERIFY,
						    CKA_ENCRYPT,
						    CKA_WRAP,
						    CKA_VERIFY_RECOVER,
						    CKA_LOCAL,
						    CKA_DERIVE,
						    CKA_PUBLIC_KEY_INFO };
	CK_MECHANISM sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 }, ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE cert = mt_object(s, CKO_CERTIFICATE, ALICE_RSA2048), key = ops_public(s, ALICE_RSA2048),
			 ec = ops_public(s, ALICE_P521), made;
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len;
	CK_RV rv;

	(void)state;
	made = copy_to_memory(s, cert);
	for (size_t i = 0; i < ARRAY_SIZE(of_cert); i++)
		assert_same(s, cert, made, of_cert[i]);
	made = copy_to_memory(s, key);
	for (size_t i = 0; i < ARRAY_SIZE(of_key); i++)
		assert_same(s, key, made, of_key[i]);
	len = ops_sign(s, sha256, ops_private(s, ALICE_RSA2048), 33, signature, &rv);
	assert_rv(ops_verify(s, sha256, made, 33, signature, len), CKR_OK);
	made = copy_to_memory(s, ec);
	assert_same(s, ec, made, CKA_EC_POINT);
	assert_same(s, ec, made, CKA_EC_PARAMS);
	len = ops_sign(s, ecdsa, ops_private(s, ALICE_P521), 33, signature, &rv);
	assert_rv(ops_verify(s, ecdsa, made, 33, signature, len), CKR_OK);
	assert_rv(mt->C_DestroyObject(s, made), CKR_OK);
}

/* P-115: what the template of such a copy may say, and whose copies there are not */
static void
test_card_copy_codes(void **state)
{
	CK_ATTRIBUTE here[] = { BOOL(CKA_TOKEN, no), TEXT(CKA_LABEL, "mine"), BOOL(CKA_MODIFIABLE, no) },
		     there = BOOL(CKA_TOKEN, yes), value[] = { BOOL(CKA_TOKEN, no), TEXT(CKA_VALUE, "x") },
		     label = TEXT(CKA_LABEL, "other"), verify[] = { BOOL(CKA_TOKEN, no), BOOL(CKA_VERIFY, no) };
	CK_MECHANISM sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user(), writing = mt_open(CKF_RW_SESSION);
	CK_OBJECT_HANDLE cert = mt_object(s, CKO_CERTIFICATE, ALICE_RSA2048), key = ops_public(s, ALICE_RSA2048), made;

	(void)state;
	assert_rv(mt->C_CopyObject(s, ops_private(s, ALICE_RSA2048), here, 1, &made), CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_CopyObject(s, cert, &there, 1, &made), CKR_SESSION_READ_ONLY);
	assert_rv(mt->C_CopyObject(writing, cert, NULL, 0, &made), CKR_TEMPLATE_INCONSISTENT);
	assert_rv(mt->C_CopyObject(s, cert, value, 2, &made), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_CopyObject(s, cert, here, 3, &made), CKR_OK);
	assert_text(s, made, CKA_LABEL, "mine");
	assert_rv(mt->C_SetAttributeValue(s, made, &label, 1), CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_CopyObject(s, key, verify, 2, &made), CKR_OK);
	assert_rv(mt->C_VerifyInit(s, &sha256, made), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_rv(mt->C_VerifyInit(s, &sha256, key), CKR_OK);
}

/* Keys ---------------------------------------------------------------------------------------------------------------- */

/* The first bytes of SHA-1 of "abc", and of blocks of zeros encrypted with keys of zeros, which everybody knows. */
static void
test_check_values(void **state)
{
	CK_BYTE right[] = { 0xA9, 0x99, 0x3E },
		of_aes[][3] = { { 0x66, 0xE9, 0x4B }, { 0xAA, 0xE0, 0x69 }, { 0xDC, 0x95, 0xC0 } }, zeros[32] = { 0 };
	CK_ATTRIBUTE key[] = { ULONG(CKA_CLASS, secret_key),
			       ULONG(CKA_KEY_TYPE, generic),
			       TEXT(CKA_VALUE, "abc"),
			       { CKA_CHECK_VALUE, right, 3 } };
	CK_ATTRIBUTE cert[] = { ULONG(CKA_CLASS, certificate),
				ULONG(CKA_CERTIFICATE_TYPE, x509),
				TEXT(CKA_SUBJECT, "s"),
				TEXT(CKA_VALUE, "abc"),
				{ CKA_CHECK_VALUE, right, 3 } };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE made;
	CK_BYTE value[8];

	(void)state;
	for (CK_ULONG i = 3; i <= 4; i++) {
		made = create(s, key, i);
		assert_int_equal(mt_get(s, made, CKA_CHECK_VALUE, value, sizeof(value)), 3);
		assert_memory_equal(value, right, 3);
		made = create(s, cert, i + 1);
		assert_int_equal(mt_get(s, made, CKA_CHECK_VALUE, value, sizeof(value)), 3);
		assert_memory_equal(value, right, 3);
	}
	key[3].ulValueLen = cert[4].ulValueLen = 0; /* none is wanted */
	assert_int_equal(mt_get(s, create(s, key, 4), CKA_CHECK_VALUE, value, sizeof(value)), 0);
	assert_int_equal(mt_get(s, create(s, cert, 5), CKA_CHECK_VALUE, value, sizeof(value)), 0);
	key[3].ulValueLen = 2;
	assert_rv(mt->C_CreateObject(s, key, 4, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	key[3] = cert[4] = (CK_ATTRIBUTE){ CKA_CHECK_VALUE, of_aes[0], 3 };
	assert_rv(mt->C_CreateObject(s, key, 4, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_rv(mt->C_CreateObject(s, cert, 5, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	key[1] = (CK_ATTRIBUTE)ULONG(CKA_KEY_TYPE, aes);
	for (size_t i = 0; i < 3; i++) {
		key[2] = (CK_ATTRIBUTE){ CKA_VALUE, zeros, 16 + 8 * i };
		key[3].pValue = of_aes[i];
		made = create(s, key, 4);
		assert_int_equal(mt_get(s, made, CKA_CHECK_VALUE, value, sizeof(value)), 3);
		assert_memory_equal(value, of_aes[i], 3);
	}
}

/* What a key once was it has been, whatever it is made later. */
static void
test_always_and_never(void **state)
{
	CK_MECHANISM make_aes = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 16;
	CK_ATTRIBUTE open[] = { ULONG(CKA_VALUE_LEN, len), BOOL(CKA_SENSITIVE, no), BOOL(CKA_EXTRACTABLE, yes) },
		     closed[] = { ULONG(CKA_VALUE_LEN, len), BOOL(CKA_SENSITIVE, yes), BOOL(CKA_EXTRACTABLE, no) },
		     closing[] = { BOOL(CKA_SENSITIVE, yes), BOOL(CKA_EXTRACTABLE, no) };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key, copied;

	(void)state;
	assert_rv(mt->C_GenerateKey(s, &make_aes, open, 3, &key), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(s, key, closing, 2), CKR_OK);
	assert_false(mt_get_bool(s, key, CKA_ALWAYS_SENSITIVE));
	assert_false(mt_get_bool(s, key, CKA_NEVER_EXTRACTABLE));
	assert_rv(mt->C_GenerateKey(s, &make_aes, closed, 3, &key), CKR_OK);
	assert_rv(mt->C_CopyObject(s, key, NULL, 0, &copied), CKR_OK);
	assert_true(mt_get_bool(s, copied, CKA_ALWAYS_SENSITIVE));
	assert_true(mt_get_bool(s, copied, CKA_NEVER_EXTRACTABLE));
	assert_true(mt_get_bool(s, copied, CKA_LOCAL));
}

/* What can only be switched one way, and who may call a key trusted. */
static void
test_trust(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic), TEXT(CKA_VALUE, "abc"),
				    BOOL(CKA_TRUSTED, no), BOOL(CKA_WRAP_WITH_TRUSTED, yes) };
	CK_ATTRIBUTE trusted = BOOL(CKA_TRUSTED, yes), without = BOOL(CKA_WRAP_WITH_TRUSTED, no);
	CK_MECHANISM pkcs1 = { CKM_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = create(s, template, 5), made;
	CK_BYTE wrapped[OPS_MAX];
	CK_ULONG len = sizeof(wrapped);

	(void)state;
	assert_rv(mt->C_WrapKey(s, &pkcs1, ops_public(s, ALICE_RSA2048), key, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
	assert_rv(mt->C_SetAttributeValue(s, key, &without, 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_CopyObject(s, key, &without, 1, &made), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(s, key, &trusted, 1), CKR_ATTRIBUTE_READ_ONLY);
	template[3] = trusted;
	assert_rv(mt->C_CreateObject(s, template, 5, &made), CKR_ATTRIBUTE_READ_ONLY);
}

/* Public keys: in either form, which must be one key; numbers without leading zeros; no more mechanisms than allowed. */
static void
test_public_keys(void **state)
{
	CK_MECHANISM sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 }, sha512 = { CKM_SHA512_RSA_PKCS, NULL, 0 };
	CK_MECHANISM_TYPE allowed[] = { CKM_RSA_PKCS, CKM_SHA512_RSA_PKCS };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE from = ops_public(s, ALICE_RSA2048), made;
	CK_BYTE n[OPS_MAX] = { 0 }, e[8], spki[1024];
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, public_key),
				    ULONG(CKA_KEY_TYPE, rsa),
				    { CKA_MODULUS, n, 0 },
				    { CKA_PUBLIC_EXPONENT, e, 0 },
				    { CKA_PUBLIC_KEY_INFO, spki, 0 },
				    { CKA_ALLOWED_MECHANISMS, allowed, sizeof(allowed) } };

	(void)state;
	template[2].ulValueLen = 1 + mt_get(s, from, CKA_MODULUS, n + 1, sizeof(n) - 1);
	template[3].ulValueLen = mt_get(s, from, CKA_PUBLIC_EXPONENT, e, sizeof(e));
	template[4].ulValueLen = mt_get(s, from, CKA_PUBLIC_KEY_INFO, spki, sizeof(spki));
	made = create(s, template, 4);
	assert_same(s, from, made, CKA_MODULUS);
	assert_rv(mt_ask(s, made, CKA_ALLOWED_MECHANISMS), CKR_ATTRIBUTE_TYPE_INVALID);
	made = create(s, template, 6);
	assert_int_equal(mt_get(s, made, CKA_ALLOWED_MECHANISMS, spki + 512, 512), sizeof(allowed));
	assert_rv(mt->C_VerifyInit(s, &sha256, made), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_VerifyInit(s, &sha512, made), CKR_OK);
	template[5].ulValueLen--;
	assert_rv(mt->C_CreateObject(s, template, 6, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	spki[template[4].ulValueLen - 1] ^= 1;
	assert_rv(mt->C_CreateObject(s, template, 5, &made), CKR_TEMPLATE_INCONSISTENT);
}

/* P-067: what is under way with a private one ends with the login, with a public one it goes on */
static void
test_logout(void **state)
{
	CK_MECHANISM sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_ATTRIBUTE hidden[] = { BOOL(CKA_TOKEN, no), BOOL(CKA_PRIVATE, yes) };
	CK_SESSION_HANDLE s = mt_start_user(), other = mt_open(0);
	CK_OBJECT_HANDLE from = ops_public(s, ALICE_RSA2048), public = copy_to_memory(s, from), private;
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len;
	CK_RV rv;

	(void)state;
	assert_rv(mt->C_CopyObject(s, from, hidden, 2, &private), CKR_OK);
	len = ops_sign(s, sha256, ops_private(s, ALICE_RSA2048), 33, signature, &rv);
	assert_rv(mt->C_VerifyInit(s, &sha256, private), CKR_OK);
	assert_rv(mt->C_VerifyInit(other, &sha256, public), CKR_OK);
	assert_rv(mt->C_Logout(other), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 33, signature, len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_Verify(other, ops_message, 33, signature, len), CKR_OK);
	assert_rv(mt->C_VerifyInit(s, &sha256, private), CKR_KEY_HANDLE_INVALID);
}

/* Certificates that lie elsewhere say whose they are; numbers that name something are known ones. */
static void
test_certificates(void **state)
{
	CK_ULONG three = 3, four = 4;
	CK_ATTRIBUTE base[] = { ULONG(CKA_CLASS, certificate),
				ULONG(CKA_CERTIFICATE_TYPE, x509),
				TEXT(CKA_SUBJECT, "s"),
				TEXT(CKA_URL, "http://localhost/c"),
				TEXT(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, "01234567890123456789"),
				TEXT(CKA_HASH_OF_ISSUER_PUBLIC_KEY, "01234567890123456789"),
				ULONG(CKA_CERTIFICATE_CATEGORY, three) };
	CK_SESSION_HANDLE s = mt_start();
	CK_OBJECT_HANDLE made;

	(void)state;
	assert_rv(mt->C_CreateObject(s, base, 5, &made), CKR_TEMPLATE_INCOMPLETE);
	made = create(s, base, 7);
	assert_text(s, made, CKA_URL, "http://localhost/c");
	assert_text(s, made, CKA_VALUE, "");
	assert_text(s, made, CKA_CHECK_VALUE, "");
	assert_int_equal(mt_get_ulong(s, made, CKA_NAME_HASH_ALGORITHM), CKM_SHA_1);
	base[6] = (CK_ATTRIBUTE)ULONG(CKA_CERTIFICATE_CATEGORY, four);
	assert_rv(mt->C_CreateObject(s, base, 7, &made), CKR_ATTRIBUTE_VALUE_INVALID);
	base[6] = (CK_ATTRIBUTE)ULONG(CKA_JAVA_MIDP_SECURITY_DOMAIN, four);
	assert_rv(mt->C_CreateObject(s, base, 7, &made), CKR_ATTRIBUTE_VALUE_INVALID);
}

/* Room ---------------------------------------------------------------------------------------------------------------- */

/* A session that makes and never destroys is told; what it has stays, and there is room again when some of it goes. */
static void
test_room(void **state)
{
	static CK_BYTE content[65536];
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), { CKA_VALUE, content, sizeof(content) } },
		     small = TEXT(CKA_VALUE, "x"), large = { CKA_VALUE, content, sizeof(content) };
	CK_SESSION_HANDLE s = mt_start(), other = mt_open(0);
	CK_OBJECT_HANDLE made[256], one = create(other, template, 1), copied;
	CK_RV rv = CKR_OK;
	size_t n = 0;

	(void)state;
	while (n < ARRAY_SIZE(made) && (rv = mt->C_CreateObject(s, template, 2, &made[n])) == CKR_OK)
		n++;
	assert_rv(rv, CKR_DEVICE_MEMORY);
	assert_in_range(n, 64, 200); /* some megabytes */
	template[1].ulValueLen = 4096;
	while (mt->C_CreateObject(s, template, 2, &copied) == CKR_OK)
		;
	assert_rv(mt->C_CopyObject(s, made[0], NULL, 0, &copied), CKR_DEVICE_MEMORY);
	assert_rv(mt->C_CreateObject(other, template, 2, &copied), CKR_DEVICE_MEMORY);
	assert_rv(mt->C_SetAttributeValue(other, one, &large, 1), CKR_DEVICE_MEMORY);
	assert_text(other, one, CKA_VALUE, "");
	assert_rv(mt->C_SetAttributeValue(other, made[1], &small, 1), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(other, one, &large, 1), CKR_OK);
	assert_rv(mt->C_CloseSession(s), CKR_OK);
	assert_int_equal(mt_count(other, CKO_DATA), 1);
	/* nor are there more objects than a program could mean to make */
	for (n = 1; mt->C_CreateObject(other, template, 1, &one) == CKR_OK; n++)
		;
	assert_in_range(n, 100, 1000);
}

/* What is none of the token's is looked for without the card. */
static void
test_search(void **state)
{
	CK_ATTRIBUTE template[] = { BOOL(CKA_TOKEN, no), ULONG(CKA_CLASS, data) };
	CK_SESSION_HANDLE s = mt_start();
	CK_OBJECT_HANDLE made = create(s, template, 2), found[4];
	unsigned long before = mt_exchanges(MT_READER);

	(void)state;
	assert_int_equal(mt_find(s, template, 1, found, 4), 1);
	assert_int_equal(found[0], made);
	assert_int_equal(mt_find(s, template, 2, found, 4), 1);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_card_copies),	     TEST(test_card_copy_codes), TEST(test_check_values),
		TEST(test_always_and_never), TEST(test_trust),		 TEST(test_public_keys),
		TEST(test_logout),	     TEST(test_certificates),	 TEST(test_room),
		TEST(test_search),
	};

	return cmocka_run_group_tests_name("session objects, more", tests, mt_load, mt_unload);
}
