/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The largest keys, RSA-3072, RSA-4096 and P-521: whatever they can do, over each way in which a card takes commands and
 * gives answers of more than 256 bytes.
 */
#include "module/ops.h"

enum { RSA4096, RSA3072, P521 };

static const struct container {
	CK_BYTE number;
	CK_ULONG k;
} rsa_containers[] = { { RSA4096, 512 }, { RSA3072, 384 } };

/* The same for each card, which is in the reader instead of Alice's. */
static void
on_each_card(void (*body)(CK_SESSION_HANDLE session))
{
	static const enum mt_card cards[] = { MT_BIG, MT_BIG_CHAINS, MT_BIG_T0 };

	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		mt_remove(MT_READER);
		mt_insert(MT_READER, cards[i]);
		body(mt_start_user());
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
	}
}

/* RSA signatures ------------------------------------------------------------------------------------------------------ */

/* The longest message there is for a padding, whole; and hashed, whole and in parts. */
static void
sign_pkcs1(CK_SESSION_HANDLE s, const struct container *c)
{
	const CK_MECHANISM bare = { CKM_RSA_PKCS, NULL, 0 }, hashed = { CKM_SHA512_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE key = ops_private(s, c->number);
	EVP_PKEY *pkey = ops_key(s, c->number);
	CK_BYTE signature[OPS_MAX], again[OPS_MAX];
	CK_RV rv;

	assert_int_equal(ops_sign(s, bare, key, c->k - 11, signature, &rv), c->k);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, NULL, 0, c->k - 11, signature, c->k));
	assert_rv(ops_verify(s, bare, ops_public(s, c->number), c->k - 11, signature, c->k), CKR_OK);
	assert_int_equal(ops_sign(s, bare, key, c->k - 10, signature, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
	assert_int_equal(ops_sign(s, hashed, key, 300, signature, &rv), c->k);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, &ops_hashes[4], 0, 300, signature, c->k));
	assert_int_equal(ops_sign_parts(s, hashed, key, 300, again), c->k);
	assert_memory_equal(signature, again, c->k);
	EVP_PKEY_free(pkey);
}

/* Without salt, with the usual and with the longest one. */
static void
sign_pss(CK_SESSION_HANDLE s, const struct container *c)
{
	const CK_ULONG salts[] = { 0, 32, c->k - 34 };
	EVP_PKEY *pkey = ops_key(s, c->number);
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	for (size_t i = 0; i < ARRAY_SIZE(salts); i++) {
		CK_RSA_PKCS_PSS_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA256, salts[i] };
		CK_MECHANISM hashed = { CKM_SHA256_RSA_PKCS_PSS, &params, sizeof(params) };

		assert_int_equal(ops_sign(s, hashed, ops_private(s, c->number), 300, signature, &rv), c->k);
		assert_true(ops_rsa_good(pkey, RSA_PKCS1_PSS_PADDING, OPS_SHA256, (int)salts[i], 300, signature, c->k));
		assert_rv(ops_verify(s, hashed, ops_public(s, c->number), 300, signature, c->k), CKR_OK);
	}
	EVP_PKEY_free(pkey);
}

/* A number just below the modulus' length, and one that is short. */
static void
sign_raw(CK_SESSION_HANDLE s, const struct container *c)
{
	const CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	ops_message[0] = 1;
	assert_int_equal(ops_sign(s, raw, ops_private(s, c->number), c->k, signature, &rv), c->k);
	assert_rv(ops_verify(s, raw, ops_public(s, c->number), c->k, signature, c->k), CKR_OK);
	assert_int_equal(ops_sign(s, raw, ops_private(s, c->number), 20, signature, &rv), c->k);
	assert_rv(ops_verify(s, raw, ops_public(s, c->number), 20, signature, c->k), CKR_OK);
}

static void
sign(CK_SESSION_HANDLE s)
{
	for (size_t i = 0; i < ARRAY_SIZE(rsa_containers); i++) {
		const struct container *c = &rsa_containers[i];

		assert_int_equal(mt_get_ulong(s, ops_public(s, c->number), CKA_MODULUS_BITS), 8 * c->k);
		sign_pkcs1(s, c);
		sign_pss(s, c);
		sign_raw(s, c);
	}
}

/* P-124, P-125, P-127, P-128 */
static void
test_sign(void **state)
{
	(void)state;
	on_each_card(sign);
}

/* RSA decryption ------------------------------------------------------------------------------------------------------ */

static void
assert_decrypts(CK_SESSION_HANDLE s, const struct container *c, CK_MECHANISM mechanism, CK_BYTE *cipher, CK_ULONG len)
{
	CK_BYTE plain[OPS_MAX];
	CK_ULONG plain_len = 0;

	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, c->number)), CKR_OK);
	assert_rv(mt->C_Decrypt(s, cipher, c->k, NULL, &plain_len), CKR_OK);
	assert_in_range(plain_len, len, c->k);
	plain_len = len; /* room for just that is enough (P-135) */
	assert_rv(mt->C_Decrypt(s, cipher, c->k, plain, &plain_len), CKR_OK);
	assert_int_equal(plain_len, len);
	assert_memory_equal(plain, ops_message, len);
}

/* By libcrypto, and by the module itself. */
static void
decrypt_oaep(CK_SESSION_HANDLE s, const struct container *c, const struct ops_hash *hash)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { hash->digest, hash->mgf, CKZ_DATA_SPECIFIED, ops_message, 9 };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof(params) };
	const CK_ULONG longest = c->k - 2 * hash->len - 2;
	EVP_PKEY *pkey = ops_key(s, c->number);
	CK_BYTE cipher[OPS_MAX];
	CK_ULONG len = sizeof(cipher);

	keys_encrypt(pkey, hash->name, hash->name, ops_message, 9, ops_message, longest, cipher);
	assert_decrypts(s, c, oaep, cipher, longest);
	assert_rv(mt->C_EncryptInit(s, &oaep, ops_public(s, c->number)), CKR_OK);
	assert_rv(mt->C_Encrypt(s, ops_message, 0, cipher, &len), CKR_OK);
	assert_int_equal(len, c->k);
	assert_decrypts(s, c, oaep, cipher, 0);
	EVP_PKEY_free(pkey);
}

static void
decrypt(CK_SESSION_HANDLE s)
{
	CK_MECHANISM pkcs1 = { CKM_RSA_PKCS, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 };
	CK_BYTE cipher[OPS_MAX];
	CK_ULONG len = sizeof(cipher);

	for (size_t i = 0; i < ARRAY_SIZE(rsa_containers); i++) {
		const struct container *c = &rsa_containers[i];
		EVP_PKEY *pkey = ops_key(s, c->number);

		keys_encrypt(pkey, NULL, NULL, NULL, 0, ops_message, c->k - 11, cipher);
		assert_decrypts(s, c, pkcs1, cipher, c->k - 11);
		decrypt_oaep(s, c, &ops_hashes[0]);
		decrypt_oaep(s, c, OPS_SHA256);
		ops_message[0] = 1;
		assert_rv(mt->C_EncryptInit(s, &raw, ops_public(s, c->number)), CKR_OK);
		len = sizeof(cipher);
		assert_rv(mt->C_Encrypt(s, ops_message, c->k, cipher, &len), CKR_OK);
		assert_decrypts(s, c, raw, cipher, c->k);
		assert_rv(mt->C_DecryptInit(s, &pkcs1, ops_private(s, c->number)), CKR_OK);
		assert_rv(mt->C_Decrypt(s, cipher, c->k - 1, cipher, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
		EVP_PKEY_free(pkey);
	}
}

/* P-131, P-135 */
static void
test_decrypt(void **state)
{
	(void)state;
	on_each_card(decrypt);
}

/* Secret keys under such keys. */
static void
wrap(CK_SESSION_HANDLE s)
{
	CK_MECHANISM make = { CKM_AES_KEY_GEN, NULL, 0 }, pkcs1 = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG len = 32, wrapped_len;
	CK_ATTRIBUTE size = { CKA_VALUE_LEN, &len, sizeof(len) },
		     template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_BYTE wrapped[OPS_MAX], value[32], again[32];
	CK_OBJECT_HANDLE key, unwrapped;

	assert_rv(mt->C_GenerateKey(s, &make, &size, 1, &key), CKR_OK);
	assert_int_equal(mt_get(s, key, CKA_VALUE, value, sizeof(value)), 32);
	for (size_t i = 0; i < ARRAY_SIZE(rsa_containers); i++) {
		const struct container *c = &rsa_containers[i];

		wrapped_len = sizeof(wrapped);
		assert_rv(mt->C_WrapKey(s, &pkcs1, ops_public(s, c->number), key, wrapped, &wrapped_len), CKR_OK);
		assert_int_equal(wrapped_len, c->k);
		assert_rv(mt->C_UnwrapKey(s, &pkcs1, ops_private(s, c->number), wrapped, c->k, template, 2, &unwrapped),
			  CKR_OK);
		assert_int_equal(mt_get(s, unwrapped, CKA_VALUE, again, sizeof(again)), 32);
		assert_memory_equal(value, again, 32);
	}
}

static void
test_wrap(void **state)
{
	(void)state;
	on_each_card(wrap);
}

/* P-521 --------------------------------------------------------------------------------------------------------------- */

static void
sign_ec(CK_SESSION_HANDLE s)
{
	const CK_MECHANISM bare = { CKM_ECDSA, NULL, 0 }, hashed = { CKM_ECDSA_SHA512, NULL, 0 };
	CK_OBJECT_HANDLE key = ops_private(s, P521), public = ops_public(s, P521);
	EVP_PKEY *pkey = ops_key(s, P521);
	CK_BYTE signature[OPS_MAX], point[160];
	CK_RV rv;

	assert_int_equal(mt_get(s, public, CKA_EC_POINT, point, sizeof(point)), 136);
	assert_memory_equal(point, "\x04\x81\x85\x04", 4);
	assert_int_equal(ops_sign(s, bare, key, 64, signature, &rv), 132);
	assert_true(ops_ecdsa_good(pkey, NULL, 64, signature, 132));
	assert_rv(ops_verify(s, bare, public, 64, signature, 132), CKR_OK);
	assert_int_equal(ops_sign(s, hashed, key, 500, signature, &rv), 132);
	assert_true(ops_ecdsa_good(pkey, &ops_hashes[4], 500, signature, 132));
	assert_int_equal(ops_sign_parts(s, hashed, key, 500, signature), 132);
	assert_rv(ops_verify(s, hashed, public, 500, signature, 132), CKR_OK);
	EVP_PKEY_free(pkey);
}

/* P-092, P-132, P-133 */
static void
test_p521(void **state)
{
	(void)state;
	on_each_card(sign_ec);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = { TEST(test_sign), TEST(test_decrypt), TEST(test_wrap), TEST(test_p521) };

	return cmocka_run_group_tests_name("big keys", tests, mt_load, mt_unload);
}
