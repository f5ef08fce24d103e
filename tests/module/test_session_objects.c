/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that programs make in memory: data, certificates, public and secret keys; none of it asks the card. */
#include "module/ops.h"
#include "module/words.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY,
		       secret_key = CKO_SECRET_KEY, private_key = CKO_PRIVATE_KEY, profile = CKO_PROFILE;
static CK_KEY_TYPE rsa = CKK_RSA, ec = CKK_EC, aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_CERTIFICATE_TYPE x509 = CKC_X_509;

static CK_OBJECT_HANDLE
create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	assert_rv(mt->C_CreateObject(s, template, count, &made), CKR_OK);
	assert_int_not_equal(made, CK_INVALID_HANDLE);
	return made;
}

/* P-111, P-053: without login, in a read-only session; seen by all sessions, and gone with its own */
static void
test_data(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), TEXT(CKA_LABEL, "note"), TEXT(CKA_VALUE, "content") };
	CK_ATTRIBUTE label = TEXT(CKA_LABEL, "other"), class = ULONG(CKA_CLASS, certificate),
		     value = TEXT(CKA_VALUE, "new"),
		     both[] = { TEXT(CKA_LABEL, "lost"), ULONG(CKA_CLASS, certificate) };
	CK_SESSION_HANDLE s = mt_start(), other = mt_open(0);
	unsigned long before = mt_exchanges(MT_READER);
	CK_OBJECT_HANDLE made, copied;
	CK_ULONG size;

	(void)state;
	made = create(s, template, 3);
	assert_text(other, made, CKA_VALUE, "content");
	assert_text(other, made, CKA_APPLICATION, "");
	assert_int_equal(mt_get_bool(other, made, CKA_TOKEN), false);
	assert_int_equal(mt_get_bool(other, made, CKA_PRIVATE), false);
	assert_int_equal(mt_get_bool(other, made, CKA_MODIFIABLE), true);
	assert_rv(mt_ask(s, made, CKA_KEY_TYPE), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_rv(mt->C_SetAttributeValue(other, made, &label, 1), CKR_OK);
	assert_text(s, made, CKA_LABEL, "other");
	assert_rv(mt->C_SetAttributeValue(s, made, &class, 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(s, made, both, 2), CKR_ATTRIBUTE_READ_ONLY);
	assert_text(s, made, CKA_LABEL, "other"); /* all or nothing */
	assert_rv(mt->C_GetObjectSize(s, made, &size), CKR_OK);
	assert_true(size >= 12);
	assert_rv(mt->C_CopyObject(other, made, &value, 1, &copied), CKR_OK);
	assert_text(s, copied, CKA_VALUE, "new");
	assert_text(s, copied, CKA_LABEL, "other");
	assert_rv(mt->C_DestroyObject(other, made), CKR_OK);
	assert_rv(mt->C_DestroyObject(s, made), CKR_OBJECT_HANDLE_INVALID);
	made = create(s, template, 3);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_int_equal(mt_count(other, CKO_DATA), 2);
	assert_rv(mt->C_CloseSession(s), CKR_OK);
	assert_int_equal(mt_count(other, CKO_DATA), 1); /* the copy is the other session's */
	assert_rv(mt_ask(other, made, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
}

/* P-113, P-067: private ones are made by the user only, and end with the login */
static void
test_private(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), BOOL(CKA_PRIVATE, yes) }, private = BOOL(CKA_PRIVATE, yes);
	CK_SESSION_HANDLE s = mt_start();
	CK_OBJECT_HANDLE made, open;

	(void)state;
	assert_rv(mt->C_CreateObject(s, template, 2, &made), CKR_USER_NOT_LOGGED_IN);
	open = create(s, template, 1);
	assert_rv(mt->C_CopyObject(s, open, &private, 1, &made), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	made = create(s, template, 2);
	assert_int_equal(mt_count(s, CKO_DATA), 2);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_int_equal(mt_count(s, CKO_DATA), 1);
	assert_rv(mt_ask(s, made, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_get_bool(s, open, CKA_PRIVATE), false);
}

/* P-115 */
static void
test_not_to_be(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), BOOL(CKA_DESTROYABLE, no), BOOL(CKA_COPYABLE, no),
				    BOOL(CKA_MODIFIABLE, no) };
	CK_ATTRIBUTE copyable = BOOL(CKA_COPYABLE, yes), label = TEXT(CKA_LABEL, "x"), token = BOOL(CKA_TOKEN, yes);
	CK_SESSION_HANDLE s = mt_start(), writing = mt_open(CKF_RW_SESSION);
	CK_OBJECT_HANDLE made = create(s, template, 4), copied;

	(void)state;
	assert_rv(mt->C_DestroyObject(s, made), CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_CopyObject(s, made, NULL, 0, &copied), CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_SetAttributeValue(s, made, &label, 1), CKR_ACTION_PROHIBITED);
	made = create(s, template, 3);
	assert_rv(mt->C_SetAttributeValue(s, made, &copyable, 1), CKR_ATTRIBUTE_READ_ONLY);
	/* P-112: nor on the token by somebody who is not logged in */
	template[1] = (CK_ATTRIBUTE)BOOL(CKA_TOKEN, yes);
	assert_rv(mt->C_CreateObject(s, template, 2, &made), CKR_SESSION_READ_ONLY);
	assert_rv(mt->C_CreateObject(writing, template, 2, &made), CKR_USER_NOT_LOGGED_IN);
	made = create(s, template, 1);
	assert_rv(mt->C_CopyObject(s, made, &token, 1, &copied), CKR_SESSION_READ_ONLY);
}

/* P-114, P-082 */
static void
test_templates(void **state)
{
	CK_BYTE two = 2, bytes[16] = { 0 };
	CK_ULONG curve = CKK_EC, x509_attribute = 2;
	struct {
		CK_ATTRIBUTE items[4];
		CK_ULONG count;
		CK_RV rv;
	} cases[] = {
		{ { { 0 } }, 0, CKR_TEMPLATE_INCOMPLETE },
		{ { TEXT(CKA_LABEL, "x") }, 1, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, profile) }, 1, CKR_TEMPLATE_INCONSISTENT },
		{ { ULONG(CKA_CLASS, private_key) }, 1, CKR_TEMPLATE_INCONSISTENT },
		{ { { CKA_CLASS, &data, 4 } }, 1, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, data), { CKA_VENDOR_DEFINED + 1, &yes, 1 } }, 2, CKR_ATTRIBUTE_TYPE_INVALID },
		{ { ULONG(CKA_CLASS, data), { CKA_MODULUS, bytes, 1 } }, 2, CKR_ATTRIBUTE_TYPE_INVALID },
		{ { ULONG(CKA_CLASS, data), { CKA_PRIVATE, &yes, 2 } }, 2, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, data), { CKA_PRIVATE, &two, 1 } }, 2, CKR_OK }, /* whatever is not 0 is true */
		{ { ULONG(CKA_CLASS, data), TEXT(CKA_UNIQUE_ID, "x") }, 2, CKR_ATTRIBUTE_READ_ONLY },
		{ { ULONG(CKA_CLASS, data), TEXT(CKA_LABEL, "x"), TEXT(CKA_LABEL, "x") }, 3, CKR_OK },
		{ { ULONG(CKA_CLASS, data), TEXT(CKA_LABEL, "x"), TEXT(CKA_LABEL, "y") },
		  3,
		  CKR_TEMPLATE_INCONSISTENT },
		{ { ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509) }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509_attribute), TEXT(CKA_SUBJECT, "s"),
		    TEXT(CKA_VALUE, "v") },
		  4,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509), TEXT(CKA_SUBJECT, "s"),
		    TEXT(CKA_VALUE, "v") },
		  4,
		  CKR_OK },
		{ { ULONG(CKA_CLASS, public_key) }, 1, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, aes) }, 2, CKR_TEMPLATE_INCONSISTENT },
		{ { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, curve) }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, public_key),
		    ULONG(CKA_KEY_TYPE, rsa),
		    { CKA_MODULUS, bytes, 16 },
		    { CKA_PUBLIC_EXPONENT, bytes, 3 } },
		  4,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, public_key),
		    ULONG(CKA_KEY_TYPE, ec),
		    { CKA_EC_PARAMS, bytes, 4 },
		    { CKA_EC_POINT, bytes, 3 } },
		  4,
		  CKR_CURVE_NOT_SUPPORTED },
		{ { ULONG(CKA_CLASS, public_key), BOOL(CKA_LOCAL, yes) }, 2, CKR_ATTRIBUTE_READ_ONLY },
		{ { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes) }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, secret_key), { CKA_VALUE, bytes, 16 } }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes), { CKA_VALUE, bytes, 15 } },
		  3,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, rsa), { CKA_VALUE, bytes, 16 } },
		  3,
		  CKR_TEMPLATE_INCONSISTENT },
		{ { ULONG(CKA_CLASS, secret_key), ULONG(CKA_VALUE_LEN, curve) }, 2, CKR_ATTRIBUTE_READ_ONLY },
	};
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE made;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (mt->C_CreateObject(s, cases[i].items, cases[i].count, &made) != cases[i].rv)
			fail_msg("row %zu", i);
	assert_rv(mt->C_CreateObject(s, NULL, 1, &made), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_CreateObject(s, cases[10].items, 2, NULL), CKR_ARGUMENTS_BAD);
}

/* Secret keys from their bytes: what may be seen of them, and what can only be taken back. */
static void
test_secret_keys(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic),
				    TEXT(CKA_VALUE, "abc") };
	CK_ATTRIBUTE sensitive = BOOL(CKA_SENSITIVE, yes), open = BOOL(CKA_SENSITIVE, no),
		     extractable = BOOL(CKA_EXTRACTABLE, yes), kept = BOOL(CKA_EXTRACTABLE, no),
		     value = TEXT(CKA_VALUE, "new");
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = create(s, template, 3), copied;
	CK_BYTE of_key[32], of_bytes[32], abc[] = "abc";
	CK_ULONG len = 32;

	(void)state;
	assert_text(s, key, CKA_VALUE, "abc");
	assert_int_equal(mt_get_ulong(s, key, CKA_VALUE_LEN), 3);
	assert_int_equal(mt_get_bool(s, key, CKA_PRIVATE), true);
	assert_int_equal(mt_get_bool(s, key, CKA_LOCAL), false);
	assert_int_equal(mt_get_bool(s, key, CKA_NEVER_EXTRACTABLE), false);
	/* P-145: hashed like its bytes */
	assert_rv(mt->C_DigestInit(s, &sha256), CKR_OK);
	assert_rv(mt->C_DigestKey(s, key), CKR_OK);
	assert_rv(mt->C_DigestFinal(s, of_key, &len), CKR_OK);
	assert_rv(mt->C_DigestInit(s, &sha256), CKR_OK);
	assert_rv(mt->C_Digest(s, abc, 3, of_bytes, &len), CKR_OK);
	assert_memory_equal(of_key, of_bytes, 32);
	assert_rv(mt->C_CopyObject(s, key, &value, 1, &copied), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_CopyObject(s, key, &sensitive, 1, &copied), CKR_OK);
	assert_rv(mt_ask(s, copied, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	assert_rv(mt->C_SetAttributeValue(s, copied, &open, 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_CopyObject(s, copied, &open, 1, &copied), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(s, key, &kept, 1), CKR_OK);
	assert_rv(mt_ask(s, key, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	assert_rv(mt->C_SetAttributeValue(s, key, &extractable, 1), CKR_ATTRIBUTE_READ_ONLY);
	/* no mechanism here uses it */
	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, key), CKR_KEY_TYPE_INCONSISTENT);
}

/* A copy of a public key of the card, and what is allowed with it. */
static CK_OBJECT_HANDLE
create_public(CK_SESSION_HANDLE s, CK_BYTE container, CK_ATTRIBUTE usage)
{
	CK_OBJECT_HANDLE from = ops_public(s, container);
	bool is_rsa = mt_get_ulong(s, from, CKA_KEY_TYPE) == CKK_RSA;
	CK_BYTE first[OPS_MAX], second[OPS_MAX];
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, public_key),
				    { CKA_KEY_TYPE, is_rsa ? &rsa : &ec, sizeof(rsa) },
				    { is_rsa ? CKA_MODULUS : CKA_EC_PARAMS, first, 0 },
				    { is_rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, second, 0 },
				    usage };

	template[2].ulValueLen = mt_get(s, from, template[2].type, first, sizeof(first));
	template[3].ulValueLen = mt_get(s, from, template[3].type, second, sizeof(second));
	return create(s, template, 5);
}

static void
assert_same_key(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE container)
{
	CK_BYTE ours[1024], theirs[1024];
	size_t len = mt_get(s, key, CKA_PUBLIC_KEY_INFO, ours, sizeof(ours));

	assert_int_equal(mt_get(s, ops_public(s, container), CKA_PUBLIC_KEY_INFO, theirs, sizeof(theirs)), len);
	assert_memory_equal(ours, theirs, len);
}

/* P-134, P-137: keys in memory verify and encrypt, as their usage says */
static void
test_public_keys(void **state)
{
	CK_MECHANISM sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 }, pkcs1 = { CKM_RSA_PKCS, NULL, 0 },
		     ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_ATTRIBUTE verifies = BOOL(CKA_ENCRYPT, no), encrypts = BOOL(CKA_VERIFY, no);
	CK_BYTE signature[OPS_MAX], cipher[OPS_MAX], plain[OPS_MAX];
	CK_ULONG len, plain_len = OPS_MAX;
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE rsa_key = create_public(s, ALICE_RSA2048, verifies),
			 ec_key = create_public(s, ALICE_P256, verifies);
	CK_RV rv;

	(void)state;
	assert_same_key(s, rsa_key, ALICE_RSA2048);
	assert_same_key(s, ec_key, ALICE_P256);
	assert_int_equal(mt_get_ulong(s, rsa_key, CKA_MODULUS_BITS), 2048);
	assert_rv(mt_ask(s, rsa_key, CKA_EC_POINT), CKR_ATTRIBUTE_TYPE_INVALID);
	len = ops_sign(s, sha256, ops_private(s, ALICE_RSA2048), 33, signature, &rv);
	assert_rv(mt->C_VerifyInit(s, &sha256, rsa_key), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 33, signature, len), CKR_OK);
	signature[0] ^= 1;
	assert_rv(mt->C_VerifyInit(s, &sha256, rsa_key), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 33, signature, len), CKR_SIGNATURE_INVALID);
	len = ops_sign(s, ecdsa, ops_private(s, ALICE_P256), 33, signature, &rv);
	assert_rv(mt->C_VerifyInit(s, &ecdsa, ec_key), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 33, signature, len), CKR_OK);
	assert_rv(mt->C_VerifyInit(s, &ecdsa, rsa_key), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_EncryptInit(s, &pkcs1, rsa_key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, rsa_key), CKR_KEY_TYPE_INCONSISTENT);
	rsa_key = create_public(s, ALICE_RSA2048, encrypts);
	len = OPS_MAX;
	assert_rv(mt->C_VerifyInit(s, &sha256, rsa_key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_rv(mt->C_EncryptInit(s, &pkcs1, rsa_key), CKR_OK);
	assert_rv(mt->C_Encrypt(s, ops_message, 20, cipher, &len), CKR_OK);
	assert_rv(mt->C_DecryptInit(s, &pkcs1, ops_private(s, ALICE_RSA2048)), CKR_OK);
	assert_rv(mt->C_Decrypt(s, cipher, len, plain, &plain_len), CKR_OK);
	assert_int_equal(plain_len, 20);
	assert_memory_equal(plain, ops_message, 20);
	assert_rv(mt->C_DestroyObject(s, rsa_key), CKR_OK);
}

/* A certificate in memory is listed as it is, whatever its bytes. */
static void
test_certificates(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509),
				    TEXT(CKA_SUBJECT, "subject"), TEXT(CKA_VALUE, "no DER"), TEXT(CKA_ID, "id") };
	CK_ATTRIBUTE id = TEXT(CKA_ID, "id");
	CK_SESSION_HANDLE s = mt_start();
	CK_OBJECT_HANDLE made = create(s, template, 5), found;

	(void)state;
	assert_int_equal(mt_find(s, &id, 1, &found, 1), 1);
	assert_int_equal(found, made);
	assert_text(s, made, CKA_VALUE, "no DER");
	assert_text(s, made, CKA_ISSUER, "");
	assert_int_equal(mt_get_bool(s, made, CKA_TRUSTED), false);
	assert_int_equal(mt_get_ulong(s, made, CKA_CERTIFICATE_CATEGORY), 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_data),	TEST(test_private),	TEST(test_not_to_be),	 TEST(test_templates),
		TEST(test_secret_keys), TEST(test_public_keys), TEST(test_certificates),
	};

	return cmocka_run_group_tests_name("session objects", tests, mt_load, mt_unload);
}
