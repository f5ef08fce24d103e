/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers to a card's challenge, made with the administrator's key (minidriver specification, "Challenge/response"): the
 * challenge encrypted in CBC mode with a zero IV and without padding; and what tells one secret key from another.
 */
#include "csp/response.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/auto.h"
#include "csp/card.h"

#define BLOCK_MAX 16u
/* GIDS: 8 or 40 bytes, more with longer keys; PIV: one block. */
#define CHALLENGE_MAX 128u

struct kind {
	CARD_KEY_ALGORITHM algorithm;
	size_t key_len, block;
	const char *name;
};

/* clang-format off */
static const struct kind kinds[] = {
	/* where the key's length leaves a choice, the first that takes the challenge: 3DES is the specification's own */
	{ CardKey3Des,    24,  8, "DES-EDE3-CBC" },
	{ CardKeyAes128,  16, 16, "AES-128-CBC" },
	{ CardKey3Des112, 16,  8, "DES-EDE-CBC" },
	{ CardKeyAes192,  24, 16, "AES-192-CBC" },
	{ CardKeyAes256,  32, 16, "AES-256-CBC" },
};
/* clang-format on */

static const struct kind *
find_kind(CARD_KEY_ALGORITHM algorithm, size_t key_len, size_t data_len)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((algorithm == CardKeyUnknown || algorithm == kinds[i].algorithm) && kinds[i].key_len == key_len &&
		    data_len > 0 && data_len % kinds[i].block == 0)
			return &kinds[i];
	return NULL;
}

/* Both ways, of whole blocks; ret_out has the length of in. */
static bool
run(const EVP_CIPHER *cipher, bool encrypt, struct cursor key, struct cursor in, uint8_t *ret_out)
{
	static const uint8_t iv[BLOCK_MAX];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;
	bool ok;

	ok = ctx != NULL && (size_t)EVP_CIPHER_get_key_length(cipher) == key.left &&
	     EVP_CipherInit_ex2(ctx, cipher, key.p, iv, encrypt, NULL) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_CipherUpdate(ctx, ret_out, &len, in.p, (int)in.left) == 1 &&
	     (size_t)len == in.left;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static DWORD
crypt(struct csp_crypto *crypto, CARD_KEY_ALGORITHM algorithm, bool encrypt, struct cursor key, struct cursor in,
      uint8_t *ret_out)
{
	struct ossl_lib_ctx_st *library = csp_crypto_library(crypto);
	const struct kind *kind = find_kind(algorithm, key.left, in.left);
	EVP_CIPHER *cipher;
	bool ok;

	if (kind == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (library == NULL)
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	cipher = EVP_CIPHER_fetch(library, kind->name, NULL);
	ok = cipher != NULL && run(cipher, encrypt, key, in, ret_out);
	EVP_CIPHER_free(cipher);
	ERR_pop_to_mark();
	return ok ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

DWORD
csp_response(struct csp_crypto *crypto, CARD_KEY_ALGORITHM algorithm, struct cursor key, struct cursor challenge,
	     struct buf *ret_response)
{
	uint8_t response[CHALLENGE_MAX];
	DWORD r;

	if (challenge.left > sizeof(response))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = crypt(crypto, algorithm, true, key, challenge, response)) != SCARD_S_SUCCESS)
		return r;
	buf_reset(ret_response);
	buf_put(ret_response, response, challenge.left);
	return buf_failed(ret_response) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

DWORD
csp_respond(struct csp *csp, struct cursor key, struct cursor challenge, struct buf *ret_response)
{
	return csp_response(csp->crypto, CardKeyUnknown, key, challenge, ret_response);
}

CARD_KEY_ALGORITHM
csp_key_algorithm(size_t key_len)
{
	const struct kind *kind = find_kind(CardKeyUnknown, key_len, BLOCK_MAX);

	return kind == NULL ? CardKeyUnknown : kind->algorithm;
}

bool
csp_response_mutual(struct csp_crypto *crypto, CARD_KEY_ALGORITHM algorithm, struct cursor key, struct cursor challenge,
		    struct cursor cryptogram)
{
	AUTO_SECRET struct secret clear = SECRET_INIT;
	struct cursor first, second;

	if (cryptogram.left > CHALLENGE_MAX || !cur_take(&challenge, 16, &first) ||
	    !cur_take(&challenge, 16, &second) || cryptogram.left < 32 || !secret_alloc(&clear, cryptogram.left) ||
	    crypt(crypto, algorithm, false, key, cryptogram, clear.p) != SCARD_S_SUCCESS)
		return false;
	return secret_bytes_equal(clear.p, second.p, 16) && secret_bytes_equal(clear.p + 16, first.p, 16);
}

DWORD
csp_key_check_value(CARD_DATA *card, CARD_KEY_ALGORITHM algorithm, const BYTE *pbKey, DWORD cbKey, BYTE ret_value[3])
{
	const struct kind *kind = find_kind(algorithm, cbKey, BLOCK_MAX);
	uint8_t block[BLOCK_MAX], encrypted[BLOCK_MAX];
	DWORD r;

	if (kind == NULL)
		return SCARD_E_INVALID_PARAMETER;
	memset(block, kind->block == BLOCK_MAX ? 1 : 0, sizeof(block));
	r = crypt(card->pvCspContext, algorithm, true, cur_of(pbKey, cbKey), cur_of(block, kind->block), encrypted);
	if (r == SCARD_S_SUCCESS)
		memcpy(ret_value, encrypted, CSP_CHECK_VALUE_LEN);
	return r;
}

DWORD
csp_aes_check_value(struct csp *csp, const struct secret *key, uint8_t ret_value[CSP_CHECK_VALUE_LEN])
{
	static const uint8_t zeros[BLOCK_MAX];
	const CARD_KEY_ALGORITHM algorithm = key->len == 16   ? CardKeyAes128
					     : key->len == 24 ? CardKeyAes192
							      : CardKeyAes256;
	uint8_t encrypted[BLOCK_MAX];
	DWORD r =
		crypt(csp->crypto, algorithm, true, cur_of(key->p, key->len), cur_of(zeros, sizeof(zeros)), encrypted);

	if (r == SCARD_S_SUCCESS)
		memcpy(ret_value, encrypted, CSP_CHECK_VALUE_LEN);
	secret_wipe(encrypted, sizeof(encrypted));
	return r;
}
