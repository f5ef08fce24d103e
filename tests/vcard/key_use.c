/* SPDX-License-Identifier: BSD-2-Clause */
/* Use of the virtual card's keys: public parts, RSA, ECDSA, 3DES. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/auto.h"
#include "vcard/key_internal.h"

static bool
put_number(const BIGNUM *number, size_t width, struct buf *b)
{
	uint8_t *room = buf_extend(b, width);

	return room != NULL && BN_bn2binpad(number, room, (int)width) == (int)width;
}

static bool
put_param(EVP_PKEY *pkey, const char *name, struct buf *b)
{
	BIGNUM *number = NULL;
	bool done =
		EVP_PKEY_get_bn_param(pkey, name, &number) == 1 && put_number(number, (size_t)BN_num_bytes(number), b);

	BN_free(number);
	return done;
}

bool
vcard_key_rsa_public(struct vcard_crypto *crypto, struct vcard_key *key, struct buf *ret_n, struct buf *ret_e)
{
	EVP_PKEY *pkey = key->type == VCARD_KEY_RSA ? vcard_key_open(crypto, key) : NULL;
	bool done = pkey != NULL && put_param(pkey, OSSL_PKEY_PARAM_RSA_N, ret_n) &&
		    put_param(pkey, OSSL_PKEY_PARAM_RSA_E, ret_e);

	ERR_clear_error();
	return done;
}

bool
vcard_key_ec_public(struct vcard_crypto *crypto, struct vcard_key *key, struct buf *ret_point)
{
	EVP_PKEY *pkey = key->type == VCARD_KEY_EC ? vcard_key_open(crypto, key) : NULL;
	BIGNUM *x = NULL, *y = NULL;
	bool done;

	buf_u8(ret_point, 0x04);
	done = pkey != NULL && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
	       EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
	       put_number(x, vcard_key_block(key), ret_point) && put_number(y, vcard_key_block(key), ret_point);
	BN_free(x);
	BN_free(y);
	ERR_clear_error();
	return done;
}

static bool
rsa_decrypt(struct vcard_crypto *crypto, struct vcard_key *key, int padding, struct cursor in, struct buf *ret_out)
{
	EVP_PKEY *pkey = key->type == VCARD_KEY_RSA ? vcard_key_open(crypto, key) : NULL;
	EVP_PKEY_CTX *ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(crypto->libctx, pkey, NULL) : NULL;
	size_t before = ret_out->len, len = vcard_key_block(key);
	uint8_t *room = buf_extend(ret_out, len);
	bool done = ctx != NULL && room != NULL && in.left == len && EVP_PKEY_decrypt_init(ctx) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
		    EVP_PKEY_decrypt(ctx, room, &len, in.p, in.left) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	buf_truncate(ret_out, done ? before + len : before);
	return done;
}

bool
vcard_key_rsa_raw(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor in, struct buf *ret_out)
{
	return rsa_decrypt(crypto, key, RSA_NO_PADDING, in, ret_out);
}

bool
vcard_key_rsa_oaep(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor in, struct buf *ret_out)
{
	/* SHA-1, MGF1 with SHA-1 and the empty label are libcrypto's defaults */
	return rsa_decrypt(crypto, key, RSA_PKCS1_OAEP_PADDING, in, ret_out);
}

static bool
put_plain_signature(const uint8_t *der, size_t len, size_t width, struct buf *b)
{
	const unsigned char *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	bool done = sig != NULL && put_number(ECDSA_SIG_get0_r(sig), width, b) &&
		    put_number(ECDSA_SIG_get0_s(sig), width, b);

	ECDSA_SIG_free(sig);
	return done;
}

bool
vcard_key_ecdsa(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor hash, bool der,
		struct buf *ret_signature)
{
	EVP_PKEY *pkey = key->type == VCARD_KEY_EC ? vcard_key_open(crypto, key) : NULL;
	EVP_PKEY_CTX *ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(crypto->libctx, pkey, NULL) : NULL;
	uint8_t signature[160];
	size_t len = sizeof(signature);
	bool done = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
		    EVP_PKEY_sign(ctx, signature, &len, hash.p, hash.left) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (!done)
		return false;
	if (!der)
		return put_plain_signature(signature, len, vcard_key_block(key), ret_signature);
	buf_put(ret_signature, signature, len);
	return !buf_failed(ret_signature);
}

static bool
des3_key(struct cursor key, uint8_t ret_key[VCARD_DES3_LEN])
{
	struct cursor again = key;

	if (key.left == VCARD_DES3_LEN)
		return cur_copy(&key, ret_key, VCARD_DES3_LEN);
	return key.left == 16 && cur_copy(&key, ret_key, 16) && cur_copy(&again, ret_key + 16, 8);
}

bool
vcard_des3_cbc(struct vcard_crypto *crypto, struct cursor key, bool encrypt, const uint8_t *in, size_t len,
	       uint8_t *ret_out)
{
	static const uint8_t zero_iv[8];
	OSSL_LIB_CTX *libctx = vcard_crypto_open(crypto);
	EVP_CIPHER *cipher = libctx != NULL ? EVP_CIPHER_fetch(libctx, "DES-EDE3-CBC", NULL) : NULL;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t full[VCARD_DES3_LEN];
	int n = 0;
	bool done = cipher != NULL && ctx != NULL && len % 8 == 0 && des3_key(key, full) &&
		    EVP_CipherInit_ex2(ctx, cipher, full, zero_iv, encrypt ? 1 : 0, NULL) == 1 &&
		    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_CipherUpdate(ctx, ret_out, &n, in, (int)len) == 1 &&
		    (size_t)n == len;

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	return done;
}
