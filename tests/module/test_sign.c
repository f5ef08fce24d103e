/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures through the built module, judged by libcrypto; codes and states of the calls. */
#include <stdlib.h>
#include <unistd.h>

#include "module/ops.h"

/* RSA ----------------------------------------------------------------------------------------------------------------- */

/* P-124, P-126 */
static void
test_pkcs1_with_hash(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	EVP_PKEY *pkey = ops_key(s, ALICE_RSA1024);
	CK_BYTE one[OPS_MAX], parts[OPS_MAX];
	CK_RV rv;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops_hashes); i++) {
		const struct ops_hash *h = &ops_hashes[i];
		CK_MECHANISM mechanism = { h->pkcs1, NULL, 0 };

		assert_int_equal(ops_sign(s, mechanism, key, 300, one, &rv), 128);
		assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, h, 0, 300, one, 128));
		assert_int_equal(ops_sign_parts(s, mechanism, key, 300, parts), 128);
		assert_memory_equal(one, parts, 128);
	}
	EVP_PKEY_free(pkey);
}

/* P-126 */
static void
test_pkcs1_with_digestinfo(void **state)
{
	static const uint8_t prefix[] = { 0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					  0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	CK_MECHANISM hashed = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA2048);
	CK_BYTE info[sizeof prefix + 32], expected[OPS_MAX], got[OPS_MAX];
	CK_ULONG len = sizeof got;
	CK_RV rv;

	(void)state;
	assert_int_equal(ops_sign(s, hashed, key, 50, expected, &rv), 256);
	memcpy(info, prefix, sizeof prefix);
	assert_int_equal(EVP_Digest(ops_message, 50, info + sizeof prefix, NULL, EVP_sha256(), NULL), 1);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_Sign(s, info, sizeof info, got, &len), CKR_OK);
	assert_int_equal(len, 256);
	assert_memory_equal(got, expected, 256);
}

/* P-125; and collecting over Updates gives the same. */
static void
test_pkcs1_lengths(void **state)
{
	static const CK_ULONG lengths[] = { 0, 1, 20, 36, 51, 83, 116, 117 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	EVP_PKEY *pkey = ops_key(s, ALICE_RSA1024);
	CK_BYTE one[OPS_MAX], parts[OPS_MAX];
	CK_RV rv;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		assert_int_equal(ops_sign(s, mechanism, key, lengths[i], one, &rv), 128);
		assert_rv(ops_verify(s, mechanism, ops_public(s, ALICE_RSA1024), lengths[i], one, 128), CKR_OK);
		/* libcrypto does not believe in a signature of nothing */
		assert_true(lengths[i] == 0 || ops_rsa_good(pkey, RSA_PKCS1_PADDING, NULL, 0, lengths[i], one, 128));
		assert_int_equal(ops_sign_parts(s, mechanism, key, lengths[i], parts), 128);
		assert_memory_equal(one, parts, 128);
	}
	assert_rv(ops_verify(s, mechanism, ops_public(s, ALICE_RSA1024), 0, one, 128), CKR_SIGNATURE_INVALID);
	assert_int_equal(ops_sign(s, mechanism, key, 118, one, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
	EVP_PKEY_free(pkey);
}

/* P-127 */
static void
test_raw(void **state)
{
	CK_MECHANISM mechanism = { CKM_RSA_X_509, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	EVP_PKEY *pkey = ops_key(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX], block[129] = { 0 };
	CK_ULONG len = sizeof signature;
	CK_RV rv;

	(void)state;
	assert_int_equal(ops_sign(s, mechanism, key, 20, signature, &rv), 128);
	memcpy(block + 108, ops_message, 20);
	assert_true(keys_verify(pkey, RSA_NO_PADDING, NULL, NULL, 0, block, 128, signature, 128));
	assert_int_equal(ops_sign(s, mechanism, key, 129, signature, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
	memset(block, 0xFF, 128);
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Sign(s, block, 128, signature, &len), CKR_DATA_INVALID);
	/* the modulus itself, and one less */
	assert_int_equal(mt_get(s, key, CKA_MODULUS, block, sizeof block), 128);
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Sign(s, block, 128, signature, &len), CKR_DATA_INVALID);
	block[127]--;
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Sign(s, block, 128, signature, &len), CKR_OK);
	EVP_PKEY_free(pkey);
}

static void
pss_round(CK_SESSION_HANDLE s, CK_BYTE container, const struct ops_hash *h, CK_ULONG salt_len)
{
	CK_RSA_PKCS_PSS_PARAMS params = { h->digest, h->mgf, salt_len };
	CK_MECHANISM combined = { h->pss, &params, sizeof params }, bare = { CKM_RSA_PKCS_PSS, &params, sizeof params };
	CK_OBJECT_HANDLE key = ops_private(s, container);
	EVP_PKEY *pkey = ops_key(s, container);
	const CK_ULONG k = (CK_ULONG)EVP_PKEY_get_size(pkey);
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	assert_int_equal(ops_sign(s, combined, key, 300, signature, &rv), k);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PSS_PADDING, h, (int)salt_len, 300, signature, k));
	assert_rv(ops_verify(s, combined, ops_public(s, container), 300, signature, k), CKR_OK);
	assert_int_equal(ops_sign_parts(s, combined, key, 300, signature), k);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PSS_PADDING, h, (int)salt_len, 300, signature, k));

	assert_int_equal(ops_sign(s, bare, key, h->len, signature, &rv), k);
	assert_true(keys_verify(pkey, RSA_PKCS1_PSS_PADDING, h->name, h->name, (int)salt_len, ops_message, h->len,
				signature, k));
	assert_int_equal(ops_sign(s, bare, key, h->len - 1, signature, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
	assert_int_equal(ops_sign(s, bare, key, h->len + 1, signature, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
	EVP_PKEY_free(pkey);
}

/* P-128 */
static void
test_pss(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops_hashes); i++) {
		pss_round(s, ALICE_RSA1024, &ops_hashes[i], 0);
		pss_round(s, ALICE_RSA1024, &ops_hashes[i], 128 - 2 - ops_hashes[i].len);
	}
	pss_round(s, ALICE_RSA2048, OPS_SHA256, 32);
	pss_round(s, ALICE_RSA2048, OPS_SHA256, 222);
}

/* P-128, P-129 */
static void
test_pss_parameters(void **state)
{
	CK_RSA_PKCS_PSS_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA256, 128 - 34 + 1 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_PSS, &params, sizeof params };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);

	(void)state;
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
	params.sLen--;
	mechanism.mechanism = CKM_SHA384_RSA_PKCS_PSS;
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
	mechanism.mechanism = CKM_SHA256_RSA_PKCS_PSS;
	mechanism.ulParameterLen--;
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS_PSS, key), CKR_MECHANISM_PARAM_INVALID);
	mechanism.ulParameterLen++;
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK);
}

/* EC ------------------------------------------------------------------------------------------------------------------ */

static void
ecdsa_round(CK_SESSION_HANDLE s, CK_BYTE container, const struct ops_hash *h, CK_ULONG data_len)
{
	CK_MECHANISM mechanism = { h != NULL ? h->ecdsa : CKM_ECDSA, NULL, 0 };
	CK_OBJECT_HANDLE key = ops_private(s, container);
	EVP_PKEY *pkey = ops_key(s, container);
	const CK_ULONG len = 2 * pubkey_ec_bytes((unsigned)EVP_PKEY_get_bits(pkey));
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	assert_int_equal(ops_sign(s, mechanism, key, data_len, signature, &rv), len);
	assert_true(ops_ecdsa_good(pkey, h, data_len, signature, len));
	assert_rv(ops_verify(s, mechanism, ops_public(s, container), data_len, signature, len), CKR_OK);
	assert_int_equal(ops_sign_parts(s, mechanism, key, data_len, signature), len);
	assert_true(ops_ecdsa_good(pkey, h, data_len, signature, len));
	EVP_PKEY_free(pkey);
}

/* P-132, P-133 */
static void
test_ecdsa(void **state)
{
	static const CK_ULONG lengths[] = { 1, 20, 28, 31, 32, 33, 47, 48, 49, 63, 64 };
	CK_SESSION_HANDLE s = mt_start_user();

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(ops_ec_containers); c++) {
		for (size_t i = 0; i < ARRAY_SIZE(ops_hashes); i++)
			ecdsa_round(s, ops_ec_containers[c], &ops_hashes[i], 300);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
			ecdsa_round(s, ops_ec_containers[c], NULL, lengths[i]);
	}
}

static void
test_ecdsa_lengths(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_P256);
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	(void)state;
	assert_int_equal(ops_sign(s, mechanism, key, 0, signature, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
	assert_int_equal(ops_sign(s, mechanism, key, 65, signature, &rv), 0);
	assert_rv(rv, CKR_DATA_LEN_RANGE);
}

/* Codes of Init ------------------------------------------------------------------------------------------------------- */

/* P-117 */
static void
test_init_codes(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE rsa = ops_private(s, ALICE_RSA2048), ec = ops_private(s, ALICE_P256);
	CK_OBJECT_HANDLE cert = mt_object(s, CKO_CERTIFICATE, ALICE_RSA2048);
	CK_MECHANISM with_parameter = { CKM_RSA_PKCS, ops_message, 1 };

	(void)state;
	assert_rv(ops_sign_init(s, CKM_MD5_RSA_PKCS, rsa), CKR_MECHANISM_INVALID);
	assert_rv(ops_sign_init(s, CKM_SHA256, rsa), CKR_MECHANISM_INVALID);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS_OAEP, rsa), CKR_MECHANISM_INVALID);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, 0), CKR_KEY_HANDLE_INVALID);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, 77777), CKR_KEY_HANDLE_INVALID);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, cert), CKR_KEY_HANDLE_INVALID);
	assert_rv(ops_sign_init(s, CKM_ECDSA, rsa), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, ec), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, ops_public(s, ALICE_RSA2048)), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_SignInit(s, &with_parameter, rsa), CKR_MECHANISM_PARAM_INVALID);
	with_parameter.ulParameterLen = 0;
	assert_rv(mt->C_SignInit(s, &with_parameter, rsa), CKR_OK);
}

/* P-118: this card's keys all sign, and one does nothing else */
static void
test_init_permission(void **state)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();

	(void)state;
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, ALICE_RSA1024)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, ALICE_P256)), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_EncryptInit(s, &mechanism, ops_public(s, ALICE_RSA1024)), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* P-067: the handle is void after logout, and the operation with it. */
static void
test_logout(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_KEY_HANDLE_INVALID);
}

/* States -------------------------------------------------------------------------------------------------------------- */

/* P-119 */
static void
test_init_twice(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	EVP_PKEY *pkey = ops_key(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, ops_private(s, ALICE_RSA2048)), CKR_OPERATION_ACTIVE);
	assert_rv(ops_sign_init(s, CKM_VENDOR_DEFINED, 0), CKR_OPERATION_ACTIVE);
	/* in the first one's way, with the first one's key */
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OK);
	assert_int_equal(len, 128);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, NULL, 0, 20, signature, len));
	/* and with a part given already */
	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, ops_message, 10), CKR_OK);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_SignUpdate(s, ops_message + 10, 10), CKR_OK);
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OK);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, OPS_SHA256, 0, 20, signature, len));
	EVP_PKEY_free(pkey);
}

/* P-058 */
static void
test_init_without_mechanism(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignInit(s, NULL, key), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignInit(s, NULL, 0), CKR_OK);
}

/* Exchanges of one signature; query: with a size query and a short buffer before it, in one shot or in parts. */
static unsigned long
cost(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, bool query, bool parts)
{
	unsigned long before = mt_exchanges(MT_READER);
	CK_BYTE signature[OPS_MAX] = { 0 };
	CK_ULONG len = 0;
	CK_RV rv;

	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, key), CKR_OK);
	if (parts)
		assert_rv(mt->C_SignUpdate(s, ops_message, 20), CKR_OK);
	for (int i = 0; query && i < 4; i++) {
		CK_BYTE *place = i % 2 == 0 ? NULL : signature;

		len = i % 2 == 0 ? 7 : 127;
		rv = parts ? mt->C_SignFinal(s, place, &len) : mt->C_Sign(s, ops_message, 20, place, &len);
		assert_rv(rv, place == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, 128);
		assert_int_equal(mt_exchanges(MT_READER), before);
	}
	len = 128;
	rv = parts ? mt->C_SignFinal(s, signature, &len) : mt->C_Sign(s, ops_message, 20, signature, &len);
	assert_rv(rv, CKR_OK);
	assert_int_equal(len, 128);
	return mt_exchanges(MT_READER) - before;
}

/* P-120. Without threads a transaction ends with the call, so that each signature costs the same. */
static void
test_size_query_costs_nothing(void **state)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS };
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
	unsigned long plain;

	(void)state;
	assert_rv(mt->C_Initialize(&args), CKR_OK);
	s = mt_open(0);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	key = ops_private(s, ALICE_RSA1024);
	(void)cost(s, key, false, false);
	plain = cost(s, key, false, false);
	assert_true(plain > 0);
	assert_int_equal(cost(s, key, true, false), plain);
	assert_int_equal(cost(s, key, true, true), plain);
}

/* P-121 */
static void
test_errors_end(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 118, signature, &len), CKR_DATA_LEN_RANGE);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	for (int i = 0; i < 513; i++)
		assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_DATA_LEN_RANGE);
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OK);
	assert_rv(mt->C_SignFinal(s, signature, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* P-121: an error of the card's as well, in one call and in parts */
static void
test_card_errors_end(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	mt_arm(MT_READER, "*:sw=6581");
	assert_int_not_equal(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OK);
	mt_arm(MT_READER, "");
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, ops_message, 20), CKR_OK);
	mt_arm(MT_READER, "*:sw=6581");
	assert_int_not_equal(mt->C_SignFinal(s, signature, &len), CKR_OK);
	mt_arm(MT_READER, "");
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(ops_sign_init(s, CKM_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OK);
}

/* P-122 */
static void
test_mixing(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_SignFinal(s, NULL, &len), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, NULL, &len), CKR_OK);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, key), CKR_OK);
	len = 1;
	assert_rv(mt->C_Sign(s, ops_message, 20, signature, &len), CKR_BUFFER_TOO_SMALL);
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OPERATION_ACTIVE);
	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, key), CKR_OK);
}

/* P-123 */
static void
test_empty_message(void **state)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024);
	EVP_PKEY *pkey = ops_key(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof signature;

	(void)state;
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_SignFinal(s, signature, &len), CKR_OK);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, OPS_SHA256, 0, 0, signature, len));
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Sign(s, NULL, 0, signature, &len), CKR_OK);
	assert_true(ops_rsa_good(pkey, RSA_PKCS1_PADDING, OPS_SHA256, 0, 0, signature, len));
	EVP_PKEY_free(pkey);
}

static void
test_not_initialised(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	CK_BYTE bytes[OPS_MAX];
	CK_ULONG len = sizeof bytes;

	(void)state;
	assert_rv(mt->C_Sign(s, ops_message, 1, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignUpdate(s, ops_message, 1), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignFinal(s, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignInit(0, NULL, 0), CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt->C_Sign(99999, NULL, 1, NULL, NULL), CKR_SESSION_HANDLE_INVALID);
}

/* P-107: a search and other kinds of operations go on beside it. */
static void
test_beside_others(void **state)
{
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024), found;
	CK_BYTE bytes[OPS_MAX];
	CK_ULONG len = sizeof bytes, count;

	(void)state;
	assert_rv(mt->C_FindObjectsInit(s, NULL, 0), CKR_OK);
	assert_rv(mt->C_DigestInit(s, &sha256), CKR_OK);
	assert_rv(ops_sign_init(s, CKM_SHA1_RSA_PKCS, key), CKR_OK);
	assert_rv(mt->C_DigestUpdate(s, ops_message, 5), CKR_OK);
	assert_rv(mt->C_Sign(s, ops_message, 20, bytes, &len), CKR_OK);
	assert_rv(mt->C_FindObjects(s, &found, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	len = sizeof bytes;
	assert_rv(mt->C_DigestFinal(s, bytes, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_rv(mt->C_FindObjectsFinal(s), CKR_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pkcs1_with_hash),
		TEST(test_pkcs1_with_digestinfo),
		TEST(test_pkcs1_lengths),
		TEST(test_raw),
		TEST(test_pss),
		TEST(test_pss_parameters),
		TEST(test_ecdsa),
		TEST(test_ecdsa_lengths),
		TEST(test_init_codes),
		TEST(test_init_permission),
		TEST(test_logout),
		TEST(test_init_twice),
		TEST(test_init_without_mechanism),
		TEST(test_size_query_costs_nothing),
		TEST(test_errors_end),
		TEST(test_card_errors_end),
		TEST(test_mixing),
		TEST(test_empty_message),
		TEST(test_not_initialised),
		TEST(test_beside_others),
	};

	return cmocka_run_group_tests_name("/module/sign", tests, mt_load, mt_unload);
}
