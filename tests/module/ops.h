/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for tests of cryptographic operations: mechanisms, one-shot calls, and libcrypto's opinion of the result. */
#ifndef MODULE_OPS_H
#define MODULE_OPS_H

#include <openssl/x509.h>
#include <string.h>

#include "base/cursor.h"
#include "module/fixture.h"
#include "unit/keys_fixture.h"

#define OPS_MAX LIMIT_RSA_BYTES

/* Alice's containers by what they are used for. */
enum { ALICE_RSA2048, ALICE_RSA1024, ALICE_P256, ALICE_P384, ALICE_P521 };
static const CK_BYTE ops_ec_containers[] = { ALICE_P256, ALICE_P384, ALICE_P521 };

static const struct ops_hash {
	const char *name;
	CK_ULONG len;
	CK_MECHANISM_TYPE digest, pkcs1, pss, ecdsa;
	CK_RSA_PKCS_MGF_TYPE mgf;
} ops_hashes[] = {
	{ "SHA1", 20, CKM_SHA_1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_ECDSA_SHA1, CKG_MGF1_SHA1 },
	{ "SHA224", 28, CKM_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_ECDSA_SHA224, CKG_MGF1_SHA224 },
	{ "SHA256", 32, CKM_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256, CKG_MGF1_SHA256 },
	{ "SHA384", 48, CKM_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384, CKG_MGF1_SHA384 },
	{ "SHA512", 64, CKM_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512, CKG_MGF1_SHA512 },
};
#define OPS_SHA256 (&ops_hashes[2])

static CK_BYTE ops_message[OPS_MAX] = "something to be signed, encrypted or hashed";

static inline CK_OBJECT_HANDLE
ops_private(CK_SESSION_HANDLE session, CK_BYTE container)
{
	return mt_object(session, CKO_PRIVATE_KEY, container);
}

static inline CK_OBJECT_HANDLE
ops_public(CK_SESSION_HANDLE session, CK_BYTE container)
{
	return mt_object(session, CKO_PUBLIC_KEY, container);
}

/* The container's public key as libcrypto has it; the caller frees it. */
static inline EVP_PKEY *
ops_key(CK_SESSION_HANDLE session, CK_BYTE container)
{
	uint8_t spki[1024];
	const unsigned char *p = spki;
	size_t len = mt_get(session, ops_public(session, container), CKA_PUBLIC_KEY_INFO, spki, sizeof spki);
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)len);

	assert_non_null(pkey);
	return pkey;
}

static inline CK_RV
ops_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };

	return mt->C_SignInit(session, &mechanism, key);
}

/* One-shot signature with room for any; its length, or 0 with the code in *ret_rv. */
static inline CK_ULONG
ops_sign(CK_SESSION_HANDLE session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_ULONG data_len,
	 CK_BYTE ret_signature[OPS_MAX], CK_RV *ret_rv)
{
	CK_ULONG len = OPS_MAX;

	*ret_rv = mt->C_SignInit(session, &mechanism, key);
	if (*ret_rv == CKR_OK)
		*ret_rv = mt->C_Sign(session, ops_message, data_len, ret_signature, &len);
	return *ret_rv == CKR_OK ? len : 0;
}

/* The same in pieces of growing size. */
static inline CK_ULONG
ops_sign_parts(CK_SESSION_HANDLE session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_ULONG data_len,
	       CK_BYTE ret_signature[OPS_MAX])
{
	CK_ULONG len = OPS_MAX;

	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_OK);
	for (CK_ULONG done = 0, part = 0; done < data_len; done += part, part++) {
		if (part > data_len - done)
			part = data_len - done;
		assert_rv(mt->C_SignUpdate(session, ops_message + done, part), CKR_OK);
	}
	assert_rv(mt->C_SignFinal(session, ret_signature, &len), CKR_OK);
	return len;
}

static inline CK_RV
ops_verify(CK_SESSION_HANDLE session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_ULONG data_len,
	   CK_BYTE *signature, CK_ULONG signature_len)
{
	CK_RV rv = mt->C_VerifyInit(session, &mechanism, key);

	return rv == CKR_OK ? mt->C_Verify(session, ops_message, data_len, signature, signature_len) : rv;
}

/* libcrypto's opinion. hash NULL: the data are signed as they are; otherwise they are hashed first. */
static inline bool
ops_rsa_good(EVP_PKEY *pkey, int padding, const struct ops_hash *hash, int salt_len, CK_ULONG data_len,
	     const CK_BYTE *signature, CK_ULONG signature_len)
{
	uint8_t digest[64];
	unsigned len;

	if (hash == NULL)
		return keys_verify(pkey, padding, NULL, NULL, 0, ops_message, data_len, signature, signature_len);
	assert_int_equal(EVP_Digest(ops_message, data_len, digest, &len, EVP_get_digestbyname(hash->name), NULL), 1);
	return keys_verify(pkey, padding, hash->name, hash->name, salt_len, digest, len, signature, signature_len);
}

static inline bool
ops_ecdsa_good(EVP_PKEY *pkey, const struct ops_hash *hash, CK_ULONG data_len, const CK_BYTE *signature,
	       CK_ULONG signature_len)
{
	const int half = (int)signature_len / 2;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	uint8_t digest[64];
	unsigned len = 0;
	int der_len;
	bool good;

	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(signature, half, NULL), BN_bin2bn(signature + half, half, NULL)),
			 1);
	der_len = i2d_ECDSA_SIG(sig, &der);
	assert_true(der_len > 0);
	if (hash != NULL)
		assert_int_equal(EVP_Digest(ops_message, data_len, digest, &len, EVP_get_digestbyname(hash->name),
					    NULL),
				 1);
	good = keys_verify(pkey, 0, NULL, NULL, 0, hash != NULL ? digest : ops_message, hash != NULL ? len : data_len,
			   der, (size_t)der_len);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return good;
}

#endif
