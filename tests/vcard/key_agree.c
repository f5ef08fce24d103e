/* SPDX-License-Identifier: BSD-2-Clause */
/* Key agreement, and the keys of Curve25519, of the virtual card. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/auto.h"
#include "vcard/key_internal.h"

bool
vcard_key_25519_public(struct vcard_crypto *crypto, struct vcard_key *key, struct buf *ret_public)
{
	EVP_PKEY *pkey = vcard_25519_name(key->type) != NULL ? vcard_key_open(crypto, key) : NULL;
	uint8_t bytes[VCARD_25519_LEN];
	size_t len = sizeof(bytes);

	if (pkey == NULL || EVP_PKEY_get_raw_public_key(pkey, bytes, &len) != 1)
		return false;
	buf_put(ret_public, bytes, len);
	return !buf_failed(ret_public);
}

bool
vcard_key_eddsa(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor message, struct buf *ret_signature)
{
	EVP_PKEY *pkey = key->type == VCARD_KEY_ED25519 ? vcard_key_open(crypto, key) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[2 * VCARD_25519_LEN];
	size_t len = sizeof(signature);
	bool done = pkey != NULL && ctx != NULL &&
		    EVP_DigestSignInit_ex(ctx, NULL, NULL, crypto->libctx, NULL, pkey, NULL) == 1 &&
		    EVP_DigestSign(ctx, signature, &len, message.p, message.left) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (done)
		buf_put(ret_signature, signature, len);
	return done && !buf_failed(ret_signature);
}

/* The other side's key, on the curve of ours. */
static EVP_PKEY *
open_peer(OSSL_LIB_CTX *libctx, const struct vcard_key *key, EVP_PKEY *pkey, struct cursor peer)
{
	EVP_PKEY *other;

	if (key->type == VCARD_KEY_X25519)
		return EVP_PKEY_new_raw_public_key_ex(libctx, "X25519", NULL, peer.p, peer.left);
	if (key->type != VCARD_KEY_EC || peer.left != 1 + 2 * vcard_key_block(key))
		return NULL;
	other = EVP_PKEY_new();
	if (other != NULL && EVP_PKEY_copy_parameters(other, pkey) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(other, peer.p, peer.left) == 1)
		return other;
	EVP_PKEY_free(other);
	return NULL;
}

bool
vcard_key_agree(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor peer, struct buf *ret_secret)
{
	EVP_PKEY *pkey = vcard_key_open(crypto, key);
	EVP_PKEY_CTX *ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(crypto->libctx, pkey, NULL) : NULL;
	EVP_PKEY *other = pkey != NULL ? open_peer(crypto->libctx, key, pkey, peer) : NULL;
	uint8_t secret[VCARD_EC_NUMBER_MAX];
	size_t len = sizeof(secret);
	bool done = ctx != NULL && other != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
		    EVP_PKEY_derive_set_peer(ctx, other) == 1 && EVP_PKEY_derive(ctx, secret, &len) == 1;

	EVP_PKEY_free(other);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (done)
		buf_put(ret_secret, secret, len);
	secret_wipe(secret, sizeof(secret));
	return done && !buf_failed(ret_secret);
}
