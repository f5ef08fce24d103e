/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key agreement with a card, for what must not travel in the clear: a key pair on P-256 for this once, and bytes that
 * only the card can make as well (ANSI X9.63, SHA-256). In a library context of its own, since libcrypto keeps state for
 * the random numbers that it needs.
 */
#include "csp/ephemeral.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/auto.h"
#include "csp/crypto.h"

#define SECRET_LEN 32u
#define STREAM_MAX 64u
#define CURVE "P-256"
/* id-ecPublicKey: by its plain name libcrypto would ask the host's engines first */
#define EC_OID "1.2.840.10045.2.1"

/* NULL for a point that is not on the curve. */
static EVP_PKEY *
peer_key(OSSL_LIB_CTX *lib, const BYTE *point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lib, EC_OID, NULL);
	uint8_t copy[CARD_AGREE_POINT];
	char curve[] = CURVE;
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[3];
	struct cursor c = cur_of(point, CARD_AGREE_POINT);

	if (cur_copy(&c, copy, sizeof(copy)) && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1) {
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy));
		params[2] = OSSL_PARAM_construct_end();
		if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
			key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *
own_key(OSSL_LIB_CTX *lib, BYTE *ret_point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lib, EC_OID, NULL);
	EVP_PKEY *key = NULL;
	size_t len = 0;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_group_name(ctx, CURVE) != 1 ||
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	if (key != NULL &&
	    (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point, CARD_AGREE_POINT, &len) != 1 ||
	     len != CARD_AGREE_POINT)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool
derive(OSSL_LIB_CTX *lib, EVP_PKEY *own, EVP_PKEY *peer, uint8_t ret_secret[SECRET_LEN])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(lib, own, NULL);
	size_t len = SECRET_LEN;
	bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, ret_secret, &len) == 1 && len == SECRET_LEN;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool
stretch(OSSL_LIB_CTX *lib, struct cursor secret, struct cursor info, BYTE *ret_stream, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(lib, "X963KDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	uint8_t key[SECRET_LEN], shared[2 * CARD_AGREE_POINT];
	char digest[] = "SHA256";
	OSSL_PARAM params[4];
	bool ok = ctx != NULL && cur_copy(&secret, key, sizeof(key)) && cur_copy(&info, shared, sizeof(shared));

	if (ok) {
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, sizeof(key));
		params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, shared, sizeof(shared));
		params[3] = OSSL_PARAM_construct_end();
		ok = EVP_KDF_derive(ctx, ret_stream, len, params) == 1;
	}
	secret_wipe(key, sizeof(key));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static DWORD
agree(OSSL_LIB_CTX *lib, const BYTE *peer_point, BYTE *ret_own, BYTE *ret_stream, size_t len)
{
	EVP_PKEY *peer = peer_key(lib, peer_point), *own = NULL;
	AUTO_BUF struct buf info = BUF_INIT;
	uint8_t secret[SECRET_LEN] = { 0 };
	DWORD r = SCARD_E_INVALID_PARAMETER;

	if (peer != NULL) {
		r = SCARD_F_INTERNAL_ERROR;
		own = own_key(lib, ret_own);
	}
	if (own != NULL) {
		buf_put(&info, peer_point, CARD_AGREE_POINT);
		buf_put(&info, ret_own, CARD_AGREE_POINT);
		if (derive(lib, own, peer, secret) &&
		    stretch(lib, cur_of(secret, sizeof(secret)), buf_cur(&info), ret_stream, len))
			r = SCARD_S_SUCCESS;
	}
	secret_wipe(secret, sizeof(secret));
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	return r;
}

DWORD
csp_ephemeral_agree(CARD_DATA *card, const BYTE pbPeer[CARD_AGREE_POINT], BYTE ret_own[CARD_AGREE_POINT],
		    BYTE *ret_stream, DWORD cbStream)
{
	struct csp_scratch *scratch = NULL;
	OSSL_LIB_CTX *lib = NULL;
	DWORD r;

	(void)card;
	if (cbStream > STREAM_MAX)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = csp_scratch_open(&scratch, &lib)) != SCARD_S_SUCCESS)
		return r;
	ERR_set_mark();
	r = agree(lib, pbPeer, ret_own, ret_stream, cbStream);
	ERR_pop_to_mark();
	csp_scratch_close(&scratch);
	return r;
}
