/* SPDX-License-Identifier: BSD-2-Clause */
/* Random bytes, and bytes that only look random: the same ones each time for the same data. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "csp/card.h"
#include "csp/libcrypto.h"

#define PRF_HASH "SHA256"
#define PRF_HASH_LEN 32u

DWORD
csp_random(struct csp *csp, void *ret_bytes, size_t len)
{
	(void)csp;
	return secret_random(ret_bytes, len) ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

static bool
hmac(struct csp_crypto *c, struct cursor key, const struct cursor *pieces, size_t count,
     uint8_t ret_value[PRF_HASH_LEN])
{
	char hash[] = PRF_HASH;
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
				      OSSL_PARAM_construct_end() };
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(c->hmac);
	size_t len = 0;
	bool ok = ctx != NULL && EVP_MAC_init(ctx, key.p, key.left, params) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_MAC_update(ctx, pieces[i].p, pieces[i].left) == 1;
	ok = ok && EVP_MAC_final(ctx, ret_value, &len, PRF_HASH_LEN) == 1 && len == PRF_HASH_LEN;
	EVP_MAC_CTX_free(ctx);
	return ok;
}

/* The key of the pieces, then block i = HMAC(key, i || label || length), as OpenSSL has it for the same purpose. */
static bool
prf(struct csp_crypto *c, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	uint8_t key[PRF_HASH_LEN], block[PRF_HASH_LEN], counter[2] = { 0 };
	const uint8_t length[2] = { (uint8_t)(len * 8 >> 8), (uint8_t)(len * 8) };
	const struct cursor pieces[] = { cur_of(counter, sizeof counter), cur_of(label, strlen(label)),
					 cur_of(length, sizeof length) };
	bool ok = hmac(c, cur_of(c->seed.p, c->seed.len), &data, 1, key);

	for (size_t done = 0; ok && done < len; done += PRF_HASH_LEN, counter[1]++) {
		size_t part = len - done < PRF_HASH_LEN ? len - done : PRF_HASH_LEN;

		ok = hmac(c, cur_of(key, sizeof key), pieces, ARRAY_SIZE(pieces), block);
		if (ok)
			memcpy(ret_bytes + done, block, part);
	}
	secret_wipe(key, sizeof key);
	secret_wipe(block, sizeof block);
	return ok;
}

DWORD
csp_crypto_prf(struct csp_crypto *crypto, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	bool ok;

	if (len > LIMIT_RSA_BYTES)
		return SCARD_E_INVALID_PARAMETER;
	if (!csp_libcrypto_runs())
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	ok = prf(crypto, label, data, ret_bytes, len);
	ERR_pop_to_mark();
	return ok ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

DWORD
csp_pseudorandom(struct csp *csp, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	return csp_crypto_prf(csp->crypto, label, data, ret_bytes, len);
}
