/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys made by libcrypto, and the bare operations with them, for tests that compare with it. */
#ifndef UNIT_KEYS_FIXTURE_H
#define UNIT_KEYS_FIXTURE_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/pubkey.h"
#include "lib/test.h"

static inline EVP_PKEY *
keys_rsa(unsigned bits)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);

	assert_non_null(pkey);
	return pkey;
}

static inline EVP_PKEY *
keys_ec(const char *curve)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);

	assert_non_null(pkey);
	return pkey;
}

static inline size_t
keys_number(const EVP_PKEY *pkey, const char *name, uint8_t *ret_bytes, size_t room)
{
	BIGNUM *bn = NULL;
	size_t len;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &bn), 1);
	len = (size_t)BN_num_bytes(bn);
	assert_true(len <= room);
	BN_bn2bin(bn, ret_bytes);
	BN_free(bn);
	return len;
}

static inline struct public_key
keys_public(const EVP_PKEY *pkey)
{
	uint8_t n[LIMIT_RSA_BYTES], e[LIMIT_RSA_EXPONENT_BYTES], point[LIMIT_EC_POINT];
	struct public_key key = { .type = KEY_NONE };
	size_t n_len, e_len, len = 0;

	if (EVP_PKEY_is_a(pkey, "EC")) {
		assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
								 &len),
				 1);
		assert_true(pubkey_set_ec(&key, point, len));
		return key;
	}
	n_len = keys_number(pkey, OSSL_PKEY_PARAM_RSA_N, n, sizeof n);
	e_len = keys_number(pkey, OSSL_PKEY_PARAM_RSA_E, e, sizeof e);
	assert_true(pubkey_set_rsa(&key, n, n_len, e, e_len));
	return key;
}

/* The RSA operation with the private key, as a card does it: block and result have modulus length. */
static inline void
keys_rsa_private(EVP_PKEY *pkey, const uint8_t *block, uint8_t *ret_result)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	size_t len = (size_t)EVP_PKEY_get_size(pkey);

	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, ret_result, &len, block, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static inline void
keys_set_oaep(EVP_PKEY_CTX *ctx, const char *hash, const char *mgf, const void *label, size_t label_len)
{
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hash, NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL), 1);
	if (label_len > 0)
		assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup(label, label_len),
								  (int)label_len),
				 1);
}

/* hash NULL: PKCS#1 v1.5. ret_cipher gets modulus length bytes. */
static inline void
keys_encrypt(EVP_PKEY *pkey, const char *hash, const char *mgf, const void *label, size_t label_len, const void *data,
	     size_t data_len, uint8_t *ret_cipher)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	size_t len = (size_t)EVP_PKEY_get_size(pkey);

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	if (hash == NULL)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	else
		keys_set_oaep(ctx, hash, mgf, label, label_len);
	assert_int_equal(EVP_PKEY_encrypt(ctx, ret_cipher, &len, data, data_len), 1);
	EVP_PKEY_CTX_free(ctx);
}

/* The same backwards; returns the length of the message. */
static inline size_t
keys_decrypt(EVP_PKEY *pkey, const char *hash, const char *mgf, const void *label, size_t label_len,
	     const uint8_t *cipher, uint8_t *ret_data)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	size_t len = (size_t)EVP_PKEY_get_size(pkey);

	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	if (hash == NULL)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	else
		keys_set_oaep(ctx, hash, mgf, label, label_len);
	assert_int_equal(EVP_PKEY_decrypt(ctx, ret_data, &len, cipher, len), 1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static inline void
keys_set_signature(EVP_PKEY_CTX *ctx, int padding, const char *hash, const char *mgf, int salt_len)
{
	if (padding != 0)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (hash != NULL)
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(hash)), 1);
	if (padding == RSA_PKCS1_PSS_PADDING) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(mgf)), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len), 1);
	}
}

/* Padding 0: ECDSA, whose signature is DER. Returns the length. */
static inline size_t
keys_sign(EVP_PKEY *pkey, int padding, const char *hash, const char *mgf, int salt_len, const void *data,
	  size_t data_len, uint8_t *ret_signature, size_t room)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	keys_set_signature(ctx, padding, hash, mgf, salt_len);
	assert_int_equal(EVP_PKEY_sign(ctx, ret_signature, &room, data, data_len), 1);
	EVP_PKEY_CTX_free(ctx);
	return room;
}

static inline bool
keys_verify(EVP_PKEY *pkey, int padding, const char *hash, const char *mgf, int salt_len, const void *data,
	    size_t data_len, const uint8_t *signature, size_t signature_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool good;

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	keys_set_signature(ctx, padding, hash, mgf, salt_len);
	good = EVP_PKEY_verify(ctx, signature, signature_len, data, data_len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

#endif
