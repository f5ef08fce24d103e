/* SPDX-License-Identifier: BSD-2-Clause */
/* Public keys: what libcrypto makes of their numbers, and their encoding. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "csp/card.h"
#include "csp/libcrypto.h"

static const char *
curve_name(unsigned bits)
{
	return bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521";
}

/* The numbers of the key as libcrypto wants them; n and e are the caller's, for the builder only refers to them. */
static OSSL_PARAM *
key_params(const struct public_key *key, BIGNUM *n, BIGNUM *e)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	bool ok;

	if (b == NULL)
		return NULL;
	if (key->type == KEY_RSA)
		ok = n != NULL && e != NULL && BN_bin2bn(key->modulus, (int)key->modulus_len, n) != NULL &&
		     BN_bin2bn(key->exponent, (int)key->exponent_len, e) != NULL &&
		     OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		     OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1;
	else if (pubkey_is_25519(key->type))
		ok = OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, key->point, key->point_len) == 1;
	else
		ok = OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve_name(key->bits), 0) == 1 &&
		     OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, key->point, key->point_len) == 1;
	if (ok)
		params = OSSL_PARAM_BLD_to_param(b);
	OSSL_PARAM_BLD_free(b);
	return params;
}

/*
 * rsaEncryption, id-ecPublicKey, id-Ed25519, id-X25519. By their plain names libcrypto would first look for an engine that has them, whatever
 * the library context; that of libp11 may be us, and cannot take a key from outside.
 */
#define RSA_OID "1.2.840.113549.1.1.1"
#define EC_OID "1.2.840.10045.2.1"
#define ED25519_OID "1.3.101.112"
#define X25519_OID "1.3.101.110"

static const char *
key_oid(enum key_type type)
{
	switch (type) {
	case KEY_RSA: return RSA_OID;
	case KEY_EC: return EC_OID;
	case KEY_ED25519: return ED25519_OID;
	case KEY_X25519: return X25519_OID;
	case KEY_NONE: break;
	}
	return NULL;
}

EVP_PKEY *
csp_pubkey_import(struct csp_crypto *crypto, const struct public_key *key)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params = NULL;
	BIGNUM *n = BN_new(), *e = BN_new();

	if (key_oid(key->type) == NULL)
		goto out;
	if ((params = key_params(key, n, e)) == NULL)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_name(crypto->lib, key_oid(key->type), NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
out:
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	BN_free(n);
	BN_free(e);
	return pkey;
}

bool
csp_pubkey_open(struct csp_crypto *crypto, const struct public_key *key, EVP_PKEY **ret_pkey, EVP_PKEY_CTX **ret_ctx)
{
	*ret_ctx = NULL;
	if ((*ret_pkey = csp_pubkey_import(crypto, key)) == NULL)
		return false;
	if ((*ret_ctx = EVP_PKEY_CTX_new_from_pkey(crypto->lib, *ret_pkey, NULL)) != NULL)
		return true;
	EVP_PKEY_free(*ret_pkey);
	*ret_pkey = NULL;
	return false;
}

bool
csp_crypto_key_valid(struct csp_crypto *crypto, const struct public_key *key)
{
	EVP_PKEY *pkey = NULL;
	bool valid;

	if (!csp_libcrypto_runs())
		return false;
	ERR_set_mark();
	valid = (pkey = csp_pubkey_import(crypto, key)) != NULL;
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return valid;
}

bool
csp_public_key_valid(struct csp *csp, const struct public_key *key)
{
	return csp_crypto_key_valid(csp->crypto, key);
}

DWORD
csp_public_key_spki(struct csp *csp, const struct public_key *key, struct buf *ret_der)
{
	DWORD r = SCARD_E_INVALID_PARAMETER;
	EVP_PKEY *pkey = NULL;
	unsigned char *der = NULL;
	int len = -1;

	if (!csp_libcrypto_runs())
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	if ((pkey = csp_pubkey_import(csp->crypto, key)) != NULL)
		len = i2d_PUBKEY(pkey, &der);
	if (len > 0) {
		buf_reset(ret_der);
		buf_put(ret_der, der, (size_t)len);
		r = buf_failed(ret_der) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return r;
}
