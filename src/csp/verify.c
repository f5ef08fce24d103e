/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures verified with the public key, in software. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "csp/card.h"
#include "csp/libcrypto.h"

/* r || s of equal width to the DER that libcrypto reads. */
static bool
ecdsa_to_der(struct cursor signature, unsigned char **ret_der, int *ret_len)
{
	size_t width = signature.left / 2;
	struct cursor r = { NULL, 0 };
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *bn_r = NULL, *bn_s = NULL;
	int len = -1;

	if (sig == NULL || !cur_take(&signature, width, &r))
		goto out;
	bn_r = BN_bin2bn(r.p, (int)r.left, NULL);
	bn_s = BN_bin2bn(signature.p, (int)signature.left, NULL);
	if (bn_r == NULL || bn_s == NULL || ECDSA_SIG_set0(sig, bn_r, bn_s) != 1)
		goto out;
	bn_r = bn_s = NULL;
	if ((len = i2d_ECDSA_SIG(sig, ret_der)) > 0)
		*ret_len = len;
out:
	BN_free(bn_r);
	BN_free(bn_s);
	ECDSA_SIG_free(sig);
	return len > 0;
}

static bool
set_rsa_scheme(struct csp_crypto *c, EVP_PKEY_CTX *ctx, const struct csp_scheme *scheme)
{
	switch (scheme->padding) {
	case CSP_PAD_RAW: return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
	case CSP_PAD_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		       (scheme->hash == CSP_HASH_NONE || EVP_PKEY_CTX_set_signature_md(ctx, c->md[scheme->hash]) == 1);
	case CSP_PAD_PSS:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, c->md[scheme->hash]) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, c->md[scheme->mgf]) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)scheme->salt_len) == 1;
	default: return false;
	}
}

/* Whether lengths and scheme fit the key at all. */
static bool
verify_possible(const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
		struct cursor signature)
{
	size_t len = pubkey_signature_len(key);

	if (len == 0 || signature.left != len)
		return false;
	if (scheme->padding == CSP_PAD_ECDSA)
		return key->type == KEY_EC && data.left > 0 && data.left <= LIMIT_ECDSA_INPUT;
	if (scheme->padding == CSP_PAD_EDDSA)
		return key->type == KEY_ED25519;
	if (key->type != KEY_RSA || data.left > len)
		return false;
	switch (scheme->padding) {
	case CSP_PAD_RAW: return data.left == len;
	case CSP_PAD_PKCS1: return scheme->hash == CSP_HASH_NONE || data.left == csp_hash_len(scheme->hash);
	case CSP_PAD_PSS:
		return csp_hash_len(scheme->hash) > 0 && csp_hash_len(scheme->mgf) > 0 && scheme->salt_len <= len &&
		       data.left == csp_hash_len(scheme->hash);
	default: return false;
	}
}

static DWORD
verify(struct csp_crypto *c, const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
       struct cursor signature, bool *ret_good)
{
	DWORD r = SCARD_E_INVALID_PARAMETER;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	unsigned char *der = NULL;
	int der_len = 0;

	if (!csp_pubkey_open(c, key, &pkey, &ctx) || EVP_PKEY_verify_init(ctx) != 1)
		goto out;
	if (key->type == KEY_RSA ? !set_rsa_scheme(c, ctx, scheme) : !ecdsa_to_der(signature, &der, &der_len))
		goto out;
	if (der != NULL)
		signature = cur_of(der, (size_t)der_len);
	*ret_good = EVP_PKEY_verify(ctx, signature.p, signature.left, data.p, data.left) == 1;
	r = SCARD_S_SUCCESS;
out:
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

/* libcrypto has it as a signature of a message only, with a hash that nobody names. */
static DWORD
verify_message(struct csp_crypto *c, const struct public_key *key, struct cursor data, struct cursor signature,
	       bool *ret_good)
{
	static const uint8_t nothing[1] = { 0 };
	DWORD r = SCARD_E_INVALID_PARAMETER;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey = csp_pubkey_import(c, key);

	if (ctx != NULL && pkey != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, c->lib, NULL, pkey, NULL) == 1) {
		*ret_good = EVP_DigestVerify(ctx, signature.p, signature.left, data.left > 0 ? data.p : nothing,
					     data.left) == 1;
		r = SCARD_S_SUCCESS;
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

/* libcrypto takes no signature of no bytes for good. */
static DWORD
verify_nothing(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor signature,
	       bool *ret_good)
{
	uint8_t data[LIMIT_RSA_BYTES];
	size_t len = 0;
	DWORD r = csp_recover(csp, key, scheme, signature, data, sizeof data, &len);

	if (r == SCARD_S_SUCCESS || r == SCARD_E_INVALID_VALUE)
		*ret_good = r == SCARD_S_SUCCESS && len == 0;
	return r == SCARD_E_INVALID_VALUE ? SCARD_S_SUCCESS : r;
}

DWORD
csp_verify(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
	   struct cursor signature, bool *ret_good)
{
	DWORD r;

	if (!verify_possible(key, scheme, data, signature))
		return SCARD_E_INVALID_PARAMETER;
	if (scheme->padding == CSP_PAD_PKCS1 && data.left == 0)
		return verify_nothing(csp, key, scheme, signature, ret_good);
	if (!csp_libcrypto_runs())
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	if (scheme->padding == CSP_PAD_EDDSA)
		r = verify_message(csp->crypto, key, data, signature, ret_good);
	else
		r = verify(csp->crypto, key, scheme, data, signature, ret_good);
	ERR_pop_to_mark();
	return r;
}
