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

bool
vcard_key_rsa_public(const struct vcard_key *key, struct buf *ret_n, struct buf *ret_e)
{
	BIGNUM *numbers[VCARD_RSA_NUMBERS] = { NULL };
	bool done = key->type == VCARD_KEY_RSA && vcard_rsa_read(buf_cur(&key->bytes), numbers) &&
		    put_number(numbers[VCARD_RSA_N], (size_t)BN_num_bytes(numbers[VCARD_RSA_N]), ret_n) &&
		    put_number(numbers[VCARD_RSA_E], (size_t)BN_num_bytes(numbers[VCARD_RSA_E]), ret_e);

	vcard_rsa_free(numbers);
	return done;
}

bool
vcard_key_ec_public(const struct vcard_key *key, struct buf *ret_point)
{
	struct cursor d, point;

	if (key->type != VCARD_KEY_EC || !vcard_ec_read(buf_cur(&key->bytes), &d, &point))
		return false;
	buf_put_cur(ret_point, point);
	return !buf_failed(ret_point);
}

/* RFC 8017, 5.1.2, 2b, and the check that no fault or odd key made of it what tells a factor. */
static bool
rsa_private(BIGNUM *const n[VCARD_RSA_NUMBERS], const BIGNUM *c, BIGNUM *ret_m, BN_CTX *ctx)
{
	BIGNUM *m1 = BN_CTX_get(ctx), *h = BN_CTX_get(ctx), *check = BN_CTX_get(ctx);

	return check != NULL && BN_mod_exp(m1, c, n[VCARD_RSA_DP], n[VCARD_RSA_P], ctx) == 1 &&
	       BN_mod_exp(ret_m, c, n[VCARD_RSA_DQ], n[VCARD_RSA_Q], ctx) == 1 &&
	       BN_mod_sub(h, m1, ret_m, n[VCARD_RSA_P], ctx) == 1 &&
	       BN_mod_mul(h, h, n[VCARD_RSA_QINV], n[VCARD_RSA_P], ctx) == 1 &&
	       BN_mul(h, h, n[VCARD_RSA_Q], ctx) == 1 && BN_add(ret_m, ret_m, h) == 1 &&
	       BN_mod_exp(check, ret_m, n[VCARD_RSA_E], n[VCARD_RSA_N], ctx) == 1 && BN_cmp(check, c) == 0;
}

/*
 * By numbers, and not by libcrypto's RSA, because half of the tests' time would go into setting that up for one
 * signature. A virtual card has no secrets that time could tell.
 */
bool
vcard_key_rsa_raw(const struct vcard_key *key, struct cursor in, struct buf *ret_out)
{
	BIGNUM *numbers[VCARD_RSA_NUMBERS] = { NULL };
	size_t len = vcard_key_block(key);
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *c = in.left == len ? BN_bin2bn(in.p, (int)in.left, NULL) : NULL;
	BIGNUM *m = BN_new();
	bool done = key->type == VCARD_KEY_RSA && ctx != NULL && c != NULL && m != NULL &&
		    vcard_rsa_read(buf_cur(&key->bytes), numbers) && BN_cmp(c, numbers[VCARD_RSA_N]) < 0;

	if (done) {
		BN_CTX_start(ctx);
		done = rsa_private(numbers, c, m, ctx) && put_number(m, len, ret_out);
		BN_CTX_end(ctx);
	}
	vcard_rsa_free(numbers);
	BN_clear_free(c);
	BN_clear_free(m);
	BN_CTX_free(ctx);
	ERR_clear_error();
	return done;
}

/* SHA-1, MGF1 with SHA-1 and the empty label are libcrypto's defaults. */
bool
vcard_key_rsa_oaep(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor in, struct buf *ret_out)
{
	EVP_PKEY *pkey = key->type == VCARD_KEY_RSA ? vcard_key_open(crypto, key) : NULL;
	EVP_PKEY_CTX *ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(crypto->libctx, pkey, NULL) : NULL;
	size_t before = ret_out->len, len = vcard_key_block(key);
	uint8_t *room = buf_extend(ret_out, len);
	bool done = ctx != NULL && room != NULL && in.left == len && EVP_PKEY_decrypt_init(ctx) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_decrypt(ctx, room, &len, in.p, in.left) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	buf_truncate(ret_out, done ? before + len : before);
	return done;
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

bool
vcard_aes_block(struct vcard_crypto *crypto, struct cursor key, bool encrypt, const uint8_t in[VCARD_AES_BLOCK],
		uint8_t ret_out[VCARD_AES_BLOCK])
{
	const char *name = key.left == 16 ? "AES-128-ECB" : key.left == 24 ? "AES-192-ECB" : "AES-256-ECB";
	OSSL_LIB_CTX *libctx = key.left == 16 || key.left == 24 || key.left == 32 ? vcard_crypto_open(crypto) : NULL;
	EVP_CIPHER *cipher = libctx != NULL ? EVP_CIPHER_fetch(libctx, name, NULL) : NULL;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool done = cipher != NULL && ctx != NULL &&
		    EVP_CipherInit_ex2(ctx, cipher, key.p, NULL, encrypt ? 1 : 0, NULL) == 1 &&
		    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		    EVP_CipherUpdate(ctx, ret_out, &n, in, VCARD_AES_BLOCK) == 1 && n == VCARD_AES_BLOCK;

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	return done;
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

bool
vcard_sha256(struct vcard_crypto *crypto, const struct cursor *parts, size_t count, uint8_t ret_hash[VCARD_SHA256_LEN])
{
	OSSL_LIB_CTX *libctx = vcard_crypto_open(crypto);
	EVP_MD *md = libctx != NULL ? EVP_MD_fetch(libctx, "SHA256", NULL) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = md != NULL && ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
	size_t i;

	for (i = 0; done && i < count; i++)
		done = parts[i].left == 0 || EVP_DigestUpdate(ctx, parts[i].p, parts[i].left) == 1;
	done = done && EVP_DigestFinal_ex(ctx, ret_hash, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return done;
}
