/* SPDX-License-Identifier: BSD-2-Clause */
/* Secret keys in memory: made, wrapped by the host, unwrapped by the card; and what a wrong one looks like. */
#include "module/ops.h"

#define K 128u

static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET, aes = CKK_AES;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static const CK_MECHANISM pkcs1 = { CKM_RSA_PKCS, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 },
			  make_generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 },
			  make_aes = { CKM_AES_KEY_GEN, NULL, 0 };

/* Bob's card has one RSA-1024 key that decrypts. */
static CK_SESSION_HANDLE
start_bob(void)
{
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	return mt_start_user();
}

static CK_RV
generate(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_ULONG len, CK_BBOOL *extractable, CK_OBJECT_HANDLE *ret_key)
{
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_EXTRACTABLE, extractable, 1 } };

	return mt->C_GenerateKey(s, &mechanism, template, 2, ret_key);
}

static CK_RV
unwrap(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE *wrapped, CK_ULONG wrapped_len, CK_KEY_TYPE *type,
       CK_ULONG len, CK_OBJECT_HANDLE *ret_key)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &secret_class, sizeof secret_class },
				    { CKA_KEY_TYPE, type, sizeof *type },
				    { CKA_VALUE_LEN, &len, sizeof len } };

	return mt->C_UnwrapKey(s, &mechanism, ops_private(s, 0), wrapped, wrapped_len, template, len == 0 ? 2 : 3,
			       ret_key);
}

/* P-140: what is wrapped comes back, with and without a length. */
static void
round_with(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_MECHANISM make, CK_ULONG len, bool tell)
{
	CK_BYTE wrapped[OPS_MAX], before[64], after[64];
	CK_OBJECT_HANDLE key, again;
	CK_ULONG wrapped_len = 0;
	CK_KEY_TYPE *type = make.mechanism == CKM_AES_KEY_GEN ? &aes : &generic;

	assert_rv(generate(s, make, len, &yes, &key), CKR_OK);
	assert_rv(mt->C_WrapKey(s, &mechanism, ops_public(s, 0), key, NULL, &wrapped_len), CKR_OK);
	assert_int_equal(wrapped_len, K);
	wrapped_len--;
	assert_rv(mt->C_WrapKey(s, &mechanism, ops_public(s, 0), key, wrapped, &wrapped_len), CKR_BUFFER_TOO_SMALL);
	assert_rv(mt->C_WrapKey(s, &mechanism, ops_public(s, 0), key, wrapped, &wrapped_len), CKR_OK);
	assert_int_equal(wrapped_len, K);
	assert_rv(unwrap(s, mechanism, wrapped, K, type, tell ? len : 0, &again), CKR_OK);
	assert_int_equal(mt_get(s, key, CKA_VALUE, before, sizeof before), len);
	assert_int_equal(mt_get(s, again, CKA_VALUE, after, sizeof after), len);
	assert_memory_equal(before, after, len);
	assert_int_equal(mt_get_ulong(s, again, CKA_VALUE_LEN), len);
	assert_int_equal(mt_get_ulong(s, again, CKA_KEY_TYPE), *type);
	assert_int_equal(mt_get_ulong(s, again, CKA_CLASS), CKO_SECRET_KEY);
	assert_true(mt_get_bool(s, key, CKA_LOCAL));
	assert_int_equal(mt_get_ulong(s, key, CKA_KEY_GEN_MECHANISM), make.mechanism);
	assert_false(mt_get_bool(s, again, CKA_LOCAL));
	assert_int_equal(mt_get_ulong(s, again, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
	assert_false(mt_get_bool(s, again, CKA_NEVER_EXTRACTABLE));
	assert_false(mt_get_bool(s, again, CKA_ALWAYS_SENSITIVE));
	assert_true(mt_get_bool(s, again, CKA_EXTRACTABLE));
	assert_false(mt_get_bool(s, again, CKA_TOKEN));
}

static void
test_rounds(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	const CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof params };
	CK_SESSION_HANDLE s = start_bob();

	(void)state;
	for (int tell = 0; tell < 2; tell++) {
		round_with(s, pkcs1, make_aes, 32, tell);
		round_with(s, pkcs1, make_generic, 48, tell);
		round_with(s, oaep, make_aes, 16, tell);
		round_with(s, oaep, make_generic, 62, tell);
	}
	round_with(s, raw, make_aes, 24, true);
	round_with(s, raw, make_generic, 33, true);
}

static void
block_to_cipher(CK_SESSION_HANDLE s, CK_BYTE block[K], CK_BYTE ret_cipher[K])
{
	CK_MECHANISM mechanism = raw;
	CK_ULONG len = K;

	assert_rv(mt->C_EncryptInit(s, &mechanism, ops_public(s, 0)), CKR_OK);
	assert_rv(mt->C_Encrypt(s, block, K, ret_cipher, &len), CKR_OK);
}

/*
 * P-136, P-141: for PKCS#1 v1.5 nothing tells of bad padding or of a wrong length; the key is random, and always the
 * same.
 */
static void
test_wrong_premaster(void **state)
{
	CK_BYTE blocks[3][K] = { { 1, 2 }, { 0, 2 }, { 0, 2 } }, cipher[K], values[2][64];
	CK_SESSION_HANDLE s = start_bob();
	CK_OBJECT_HANDLE key;

	(void)state;
	memset(blocks[1] + 2, 0xAA, K - 2); /* no end of the padding */
	memset(blocks[2] + 2, 0xAA, K - 2); /* 47 bytes in the place of 48 */
	blocks[2][K - 48] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		block_to_cipher(s, blocks[i], cipher);
		for (int j = 0; j < 2; j++) {
			assert_rv(unwrap(s, pkcs1, cipher, K, &generic, 48, &key), CKR_OK);
			assert_int_equal(mt_get(s, key, CKA_VALUE, values[j], sizeof values[j]), 48);
		}
		assert_memory_equal(values[0], values[1], 48);
		assert_memory_not_equal(values[0], blocks[2] + K - 47, 47);
		/* without a length an AES key is a key of a length that AES has */
		assert_rv(unwrap(s, pkcs1, cipher, K, &aes, 0, &key), CKR_OK);
		assert_rv(unwrap(s, pkcs1, cipher, K, &aes, 16, &key), CKR_OK);
		assert_int_equal(mt_get_ulong(s, key, CKA_VALUE_LEN), 16);
	}
	/* the right one */
	blocks[2][K - 48] = 0xAA;
	blocks[2][K - 49] = 0;
	block_to_cipher(s, blocks[2], cipher);
	assert_rv(unwrap(s, pkcs1, cipher, K, &generic, 48, &key), CKR_OK);
	assert_int_equal(mt_get(s, key, CKA_VALUE, values[0], sizeof values[0]), 48);
	assert_memory_equal(values[0], blocks[2] + K - 48, 48);
}

/* P-141 */
static void
test_unwrap_codes(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof params }, none = { CKM_SHA256_RSA_PKCS, NULL, 0 },
		     mechanism = pkcs1;
	CK_SESSION_HANDLE s = start_bob();
	CK_OBJECT_HANDLE key, made;
	CK_BYTE wrapped[OPS_MAX];
	CK_ULONG len = sizeof wrapped;
	unsigned long before;

	(void)state;
	assert_rv(generate(s, make_generic, 20, &yes, &key), CKR_OK);
	assert_rv(mt->C_WrapKey(s, &oaep, ops_public(s, 0), key, wrapped, &len), CKR_OK);
	assert_rv(unwrap(s, oaep, wrapped, K, &generic, 19, &made), CKR_WRAPPED_KEY_LEN_RANGE);
	assert_rv(unwrap(s, oaep, wrapped, K, &aes, 0, &made), CKR_WRAPPED_KEY_LEN_RANGE);
	wrapped[K - 1] ^= 1;
	assert_rv(unwrap(s, oaep, wrapped, K, &generic, 0, &made), CKR_WRAPPED_KEY_INVALID);
	before = mt_exchanges(MT_READER);
	assert_rv(unwrap(s, oaep, wrapped, K - 1, &generic, 0, &made), CKR_WRAPPED_KEY_LEN_RANGE);
	assert_rv(unwrap(s, oaep, wrapped, K, &generic, 87, &made), CKR_WRAPPED_KEY_LEN_RANGE);
	assert_rv(unwrap(s, pkcs1, wrapped, K, &generic, 118, &made), CKR_WRAPPED_KEY_LEN_RANGE);
	assert_rv(unwrap(s, raw, wrapped, K, &generic, 0, &made), CKR_TEMPLATE_INCOMPLETE);
	assert_rv(unwrap(s, pkcs1, wrapped, K, &aes, 20, &made), CKR_KEY_SIZE_RANGE);
	assert_rv(unwrap(s, none, wrapped, K, &generic, 0, &made), CKR_MECHANISM_INVALID);
	assert_rv(unwrap(s, pkcs1, NULL, K, &generic, 0, &made), CKR_ARGUMENTS_BAD);
	assert_rv(unwrap(s, pkcs1, wrapped, K, &generic, 0, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_UnwrapKey(s, NULL, ops_private(s, 0), wrapped, K, NULL, 0, &made), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_UnwrapKey(s, &mechanism, ops_private(s, 0), wrapped, K, NULL, 0, &made),
		  CKR_TEMPLATE_INCOMPLETE);
	assert_rv(mt->C_UnwrapKey(s, &mechanism, ops_public(s, 0), wrapped, K, NULL, 0, &made),
		  CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_UnwrapKey(s, &mechanism, 77777, wrapped, K, NULL, 0, &made), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	memset(wrapped, 0xFF, K); /* beyond the modulus */
	assert_rv(unwrap(s, pkcs1, wrapped, K, &generic, 0, &made), CKR_WRAPPED_KEY_INVALID);
	assert_true(mt_exchanges(MT_READER) - before < 4); /* the searches' */
}

static void
test_wrap_codes(void **state)
{
	CK_MECHANISM mechanism = pkcs1, none = { CKM_ECDSA, NULL, 0 };
	CK_SESSION_HANDLE s = start_bob();
	CK_OBJECT_HANDLE key, hidden, long_key, public = ops_public(s, 0);
	CK_BYTE wrapped[OPS_MAX];
	CK_ULONG len = sizeof wrapped;

	(void)state;
	assert_rv(generate(s, make_generic, 20, &yes, &key), CKR_OK);
	assert_rv(generate(s, make_generic, 20, &no, &hidden), CKR_OK);
	assert_rv(generate(s, make_generic, 118, &yes, &long_key), CKR_OK);
	assert_rv(mt->C_WrapKey(s, &mechanism, public, hidden, wrapped, &len), CKR_KEY_UNEXTRACTABLE);
	assert_rv(mt->C_WrapKey(s, &mechanism, public, ops_private(s, 0), wrapped, &len), CKR_KEY_UNEXTRACTABLE);
	assert_rv(mt->C_WrapKey(s, &mechanism, public, public, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
	assert_rv(mt->C_WrapKey(s, &mechanism, public, 77777, wrapped, &len), CKR_KEY_HANDLE_INVALID);
	assert_rv(mt->C_WrapKey(s, &mechanism, public, long_key, wrapped, &len), CKR_KEY_SIZE_RANGE);
	assert_rv(mt->C_WrapKey(s, &mechanism, 77777, key, wrapped, &len), CKR_WRAPPING_KEY_HANDLE_INVALID);
	assert_rv(mt->C_WrapKey(s, &mechanism, ops_private(s, 0), key, wrapped, &len),
		  CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_WrapKey(s, &none, public, key, wrapped, &len), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_WrapKey(s, NULL, public, key, wrapped, &len), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_WrapKey(s, &mechanism, public, key, wrapped, NULL), CKR_ARGUMENTS_BAD);
}

/* P-114: what a template may say and what not; none of it asks the card. */
static void
test_templates(void **state)
{
	CK_MECHANISM mechanism = make_generic;
	CK_ULONG len = 20, other_len = 21, public_class = CKO_PUBLIC_KEY;
	CK_BYTE two = 2, date[] = "20261121";
	CK_ATTRIBUTE with_len = { CKA_VALUE_LEN, &len, sizeof len };
	const struct {
		CK_ATTRIBUTE item;
		CK_RV rv;
	} cases[] = {
		{ { CKA_TOKEN, &no, 1 }, CKR_OK },
		{ { CKA_TOKEN, &yes, 1 }, CKR_SESSION_READ_ONLY }, /* P-140 */
		{ { CKA_LABEL, ops_message, 255 }, CKR_OK },
		{ { CKA_LABEL, ops_message, 256 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_ID, ops_message, 0 }, CKR_OK },
		{ { CKA_SENSITIVE, &two, 1 }, CKR_OK }, /* whatever is not 0 is true */
		{ { CKA_SENSITIVE, &yes, 0 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_START_DATE, date, 8 }, CKR_OK },
		{ { CKA_START_DATE, ops_message, 8 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_START_DATE, ops_message, 7 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_CLASS, &public_class, sizeof public_class }, CKR_TEMPLATE_INCONSISTENT },
		{ { CKA_KEY_TYPE, &aes, sizeof aes }, CKR_TEMPLATE_INCONSISTENT },
		{ { CKA_KEY_TYPE, &generic, sizeof generic }, CKR_OK },
		{ { CKA_VALUE_LEN, &other_len, sizeof len }, CKR_TEMPLATE_INCONSISTENT }, /* given twice */
		{ { CKA_VALUE_LEN, &len, sizeof len }, CKR_OK },
		{ { CKA_VALUE_LEN, &len, 4 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { CKA_VALUE, ops_message, 20 }, CKR_ATTRIBUTE_READ_ONLY },
		{ { CKA_LOCAL, &yes, 1 }, CKR_ATTRIBUTE_READ_ONLY },
		{ { CKA_UNIQUE_ID, ops_message, 3 }, CKR_ATTRIBUTE_READ_ONLY },
		{ { CKA_MODULUS, ops_message, 3 }, CKR_ATTRIBUTE_TYPE_INVALID },
	};
	CK_SESSION_HANDLE s = mt_start_user();
	unsigned long before = mt_exchanges(MT_READER);
	CK_OBJECT_HANDLE key;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CK_ATTRIBUTE template[] = { with_len, cases[i].item };

		assert_rv(mt->C_GenerateKey(s, &mechanism, template, 2, &key), cases[i].rv);
	}
	assert_rv(mt->C_GenerateKey(s, &mechanism, NULL, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	assert_rv(mt->C_GenerateKey(s, &mechanism, NULL, 1, &key), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKey(s, NULL, &with_len, 1, &key), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKey(s, &mechanism, &with_len, 1, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(generate(s, make_generic, 513, &yes, &key), CKR_KEY_SIZE_RANGE);
	assert_rv(generate(s, make_generic, 512, &yes, &key), CKR_OK);
	assert_rv(generate(s, make_aes, 20, &yes, &key), CKR_KEY_SIZE_RANGE);
	assert_rv(generate(s, pkcs1, 20, &yes, &key), CKR_MECHANISM_INVALID);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

/* P-053, P-067, P-110: who sees a key, and for how long; the card is not asked for any of it. */
static void
test_life(void **state)
{
	CK_BBOOL sensitive = CK_TRUE;
	CK_ULONG len = 24;
	CK_ATTRIBUTE hidden[] = { { CKA_VALUE_LEN, &len, sizeof len }, { CKA_SENSITIVE, &sensitive, 1 } }, public[] = {
		{ CKA_VALUE_LEN, &len, sizeof len }, { CKA_PRIVATE, &no, 1 }, { CKA_DESTROYABLE, &no, 1 }
	};
	CK_SESSION_HANDLE s = mt_start_user(), other = mt_open(0);
	CK_MECHANISM mechanism = make_aes;
	CK_OBJECT_HANDLE a, b, c;
	unsigned long before = mt_exchanges(MT_READER);

	(void)state;
	assert_rv(mt->C_GenerateKey(s, &mechanism, hidden, 2, &a), CKR_OK);
	assert_rv(mt->C_GenerateKey(s, &mechanism, public, 3, &b), CKR_OK);
	assert_rv(mt->C_GenerateKey(other, &mechanism, public, 2, &c), CKR_OK);
	assert_int_equal(mt_count(s, CKO_SECRET_KEY), 3);
	assert_int_equal(mt_count(other, CKO_SECRET_KEY), 3);
	assert_rv(mt_ask(other, a, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	assert_true(mt_get_bool(other, a, CKA_ALWAYS_SENSITIVE));
	assert_int_equal(mt_get(other, b, CKA_VALUE, ops_message + 300, 100), 24);
	assert_rv(mt->C_DestroyObject(other, b), CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_DestroyObject(other, c), CKR_OK);
	assert_rv(mt->C_DestroyObject(other, c), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_count(s, CKO_SECRET_KEY), 2);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_int_equal(mt_count(other, CKO_SECRET_KEY), 1);
	assert_rv(mt_ask(other, a, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	hidden[1] = (CK_ATTRIBUTE){ CKA_PRIVATE, &yes, 1 };
	assert_rv(mt->C_GenerateKey(s, &mechanism, hidden, 2, &a), CKR_USER_NOT_LOGGED_IN); /* P-113 */
	assert_rv(mt->C_CloseSession(s), CKR_OK);
	assert_int_equal(mt_count(other, CKO_SECRET_KEY), 0);
	assert_rv(mt_ask(other, b, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	/* beside the token's objects in a search for everything */
	assert_rv(mt->C_GenerateKey(other, &mechanism, public, 2, &c), CKR_OK);
	assert_int_equal(mt_count(other, CKO_PUBLIC_KEY), 6);
	assert_int_equal(mt_count(other, CKO_SECRET_KEY), 1);
}

/* There is an end to what one program can have made. */
static void
test_too_many(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key;

	(void)state;
	for (int i = 0; i < 256; i++)
		assert_rv(generate(s, make_aes, 16, &yes, &key), CKR_OK);
	assert_rv(generate(s, make_aes, 16, &yes, &key), CKR_DEVICE_MEMORY);
	assert_rv(mt->C_DestroyObject(s, key), CKR_OK);
	assert_rv(generate(s, make_aes, 16, &yes, &key), CKR_OK);
}

/* P-044, P-138: this card agrees on nothing, so nothing says that it does. */
static void
test_no_derivation(void **state)
{
	CK_ECDH1_DERIVE_PARAMS params = { CKD_NULL, 0, NULL, 65, ops_message };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof params };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_MECHANISM_INFO info;
	CK_OBJECT_HANDLE key;

	(void)state;
	assert_rv(mt->C_GetMechanismInfo(1, CKM_ECDH1_DERIVE, &info), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_DeriveKey(s, &mechanism, ops_private(s, ALICE_P256), NULL, 0, &key), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_DeriveKey(s, NULL, ops_private(s, ALICE_P256), NULL, 0, &key), CKR_ARGUMENTS_BAD);
}

/* P-044 --------------------------------------------------------------------------------------------------------------- */

/* Tries a function with a mechanism and a key; anything but CKR_MECHANISM_INVALID means that it is offered. */
static bool
is_served(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_FLAGS flag)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA_1, CKG_MGF1_SHA1, 20 };
	CK_OBJECT_HANDLE rsa = ops_private(s, ALICE_RSA2048), rsa_public = ops_public(s, ALICE_RSA2048), made = 0;
	CK_OBJECT_HANDLE ec = ops_private(s, ALICE_P256), ec_public = ops_public(s, ALICE_P256);
	CK_MECHANISM m = { type, NULL, 0 };
	CK_BYTE out[OPS_MAX];
	CK_ULONG len = sizeof out;
	CK_RV rv = CKR_MECHANISM_INVALID;

	for (int i = 0; i < 4 && rv != CKR_OK; i++) { /* one of the keys, one of the parameters */
		CK_OBJECT_HANDLE private = i == 3 ? ec : rsa, public = i == 3 ? ec_public : rsa_public;

		m = (CK_MECHANISM){ type,
				    i == 1   ? (void *)&oaep
				    : i == 2 ? (void *)&pss
					     : NULL,
				    i == 1   ? sizeof oaep
				    : i == 2 ? sizeof pss
					     : 0 };
		for (size_t h = 0; h < ARRAY_SIZE(ops_hashes); h++)
			if (i == 2 && ops_hashes[h].pss == type)
				pss.hashAlg = ops_hashes[h].digest;
		switch (flag) {
		case CKF_DIGEST: rv = mt->C_DigestInit(s, &m); break;
		case CKF_SIGN: rv = mt->C_SignInit(s, &m, private); break;
		case CKF_VERIFY: rv = mt->C_VerifyInit(s, &m, public); break;
		case CKF_SIGN_RECOVER: rv = mt->C_SignRecoverInit(s, &m, private); break;
		case CKF_VERIFY_RECOVER: rv = mt->C_VerifyRecoverInit(s, &m, public); break;
		case CKF_MESSAGE_SIGN: rv = mt3->C_MessageSignInit(s, &m, private); break;
		case CKF_MESSAGE_VERIFY: rv = mt3->C_MessageVerifyInit(s, &m, public); break;
		case CKF_ENCRYPT: rv = mt->C_EncryptInit(s, &m, public); break;
		case CKF_DECRYPT: rv = mt->C_DecryptInit(s, &m, private); break;
		case CKF_WRAP:
			assert_rv(generate(s, make_aes, 16, &yes, &made), CKR_OK);
			rv = mt->C_WrapKey(s, &m, public, made, out, &len);
			assert_rv(mt->C_DestroyObject(s, made), CKR_OK);
			break;
		case CKF_UNWRAP:
			memset(out, 0, sizeof out);
			out[255] = 1;
			rv = unwrap(s, m, out, 256, &aes, 16, &made);
			rv = rv == CKR_WRAPPED_KEY_INVALID ? CKR_OK : rv;
			break;
		case CKF_GENERATE: rv = generate(s, m, 16, &yes, &made); break;
		default: fail();
		}
	}
	assert_rv(mt3->C_SessionCancel(s, ~(CK_FLAGS)0), CKR_OK);
	assert_true(rv == CKR_OK || rv == CKR_MECHANISM_INVALID);
	return rv == CKR_OK;
}

/* P-041, P-044: every flag of every mechanism has a function that serves it, and no function serves without a flag. */
static void
test_flags_are_true(void **state)
{
	static const CK_FLAGS flags[] = { CKF_DIGEST,	      CKF_SIGN,		CKF_VERIFY,	    CKF_SIGN_RECOVER,
					  CKF_VERIFY_RECOVER, CKF_MESSAGE_SIGN, CKF_MESSAGE_VERIFY, CKF_ENCRYPT,
					  CKF_DECRYPT,	      CKF_WRAP,		CKF_UNWRAP,	    CKF_GENERATE };
	const CK_FLAGS of_3_0 = CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE;
	CK_SESSION_HANDLE s = mt_start_user();
	CK_MECHANISM_TYPE list[64];
	CK_ULONG count = ARRAY_SIZE(list);
	CK_MECHANISM_INFO info, info_3;

	(void)state;
	assert_rv(mt->C_GetMechanismList(1, list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++) {
		assert_rv(mt->C_GetMechanismInfo(1, list[i], &info), CKR_OK);
		assert_rv(mt3->C_GetMechanismInfo(1, list[i], &info_3), CKR_OK);
		assert_int_equal(info.flags, info_3.flags & ~of_3_0);
		for (size_t j = 0; j < ARRAY_SIZE(flags); j++)
			assert_true(is_served(s, list[i], flags[j]) == ((info_3.flags & flags[j]) != 0));
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rounds),     TEST(test_wrong_premaster), TEST(test_unwrap_codes),
		TEST(test_wrap_codes), TEST(test_templates),	   TEST(test_life),
		TEST(test_too_many),   TEST(test_no_derivation),   TEST(test_flags_are_true),
	};

	return cmocka_run_group_tests_name("/module/wrap", tests, mt_load, mt_unload);
}
