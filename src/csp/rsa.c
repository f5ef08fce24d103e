/* SPDX-License-Identifier: BSD-2-Clause */
/* RSA with the public key (RFC 8017): the bare operation, what a signature was made of, encryption. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "csp/card.h"
#include "csp/libcrypto.h"
#include "csp/padding.h"

/* PKCS#1 v1.5 fills up with at least so many bytes (RFC 8017, 9.2). */
#define PKCS1_MIN_FILL 8u

/* The bare operation on a block of modulus length; fails for one that is not below the modulus. */
static DWORD
rsa_public(struct csp_crypto *crypto, const struct public_key *key, const uint8_t *block, uint8_t *ret_block)
{
	size_t len = key->modulus_len;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	bool ok;

	ERR_set_mark();
	ok = csp_pubkey_open(crypto, key, &pkey, &ctx) && EVP_PKEY_encrypt_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	     EVP_PKEY_encrypt(ctx, ret_block, &len, block, key->modulus_len) == 1 && len == key->modulus_len;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return ok ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

/* EMSA-PKCS1-v1_5 (RFC 8017, 9.2) the other way: 00 01, at least eight FF, 00, data. */
static bool
find_signed(const uint8_t *block, size_t len, struct cursor *ret_data)
{
	struct cursor c = cur_of(block, len);
	size_t fill = 0;
	uint8_t byte;

	if (!cur_u8(&c, &byte) || byte != 0x00 || !cur_u8(&c, &byte) || byte != 0x01)
		return false;
	while (cur_u8(&c, &byte) && byte == 0xFF)
		fill++;
	*ret_data = c;
	return byte == 0x00 && fill >= PKCS1_MIN_FILL;
}

DWORD
csp_recover(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor signature,
	    uint8_t *ret_data, size_t room, size_t *ret_len)
{
	uint8_t block[LIMIT_RSA_BYTES];
	struct cursor data;

	if (key->type != KEY_RSA || signature.left != key->modulus_len || room < key->modulus_len)
		return SCARD_E_INVALID_PARAMETER;
	if (scheme->hash != CSP_HASH_NONE || (scheme->padding != CSP_PAD_RAW && scheme->padding != CSP_PAD_PKCS1))
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (!csp_libcrypto_runs())
		return SCARD_F_INTERNAL_ERROR;
	if (rsa_public(csp->crypto, key, signature.p, block) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_VALUE;
	data = cur_of(block, key->modulus_len);
	if (scheme->padding == CSP_PAD_PKCS1 && !find_signed(block, key->modulus_len, &data))
		return SCARD_E_INVALID_VALUE;
	*ret_len = data.left;
	return cur_copy(&data, ret_data, data.left) ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE;
}

DWORD
csp_encrypt(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor plain,
	    uint8_t *ret_cipher, size_t room, size_t *ret_len)
{
	struct secret block = SECRET_INIT;
	DWORD r;

	if (key->type != KEY_RSA || room < key->modulus_len)
		return SCARD_E_INVALID_PARAMETER;
	if (!csp_libcrypto_runs())
		return SCARD_F_INTERNAL_ERROR;
	if (!secret_alloc(&block, key->modulus_len))
		return SCARD_E_NO_MEMORY;
	r = csp_pad_encryption(csp->crypto, scheme, plain, block.p, block.len);
	if (r == SCARD_S_SUCCESS)
		r = rsa_public(csp->crypto, key, block.p, ret_cipher);
	if (r == SCARD_S_SUCCESS)
		*ret_len = key->modulus_len;
	secret_free(&block);
	return r;
}
