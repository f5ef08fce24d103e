/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the virtual card: making them, taking them in, keeping them as bytes. Their use is in key_use.c. */
#include "vcard/key.h"

#include <sys/random.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/auto.h"
#include "vcard/key_internal.h"
#include "vcard/tlv.h"

void
vcard_crypto_free(struct vcard_crypto *crypto)
{
	OSSL_LIB_CTX_free(crypto->libctx);
	crypto->libctx = NULL;
}

void
vcard_crypto_leave(const struct vcard_crypto *crypto)
{
	if (crypto->libctx != NULL)
		OPENSSL_thread_stop_ex(crypto->libctx);
}

OSSL_LIB_CTX *
vcard_crypto_open(struct vcard_crypto *crypto)
{
	if (crypto->libctx == NULL)
		crypto->libctx = OSSL_LIB_CTX_new();
	return crypto->libctx;
}

bool
vcard_random(uint8_t *ret_bytes, size_t n)
{
	return getrandom(ret_bytes, n, 0) == (ssize_t)n;
}

void
vcard_key_clear(struct vcard_key *key)
{
	EVP_PKEY_free(key->pkey);
	buf_free(&key->bytes);
	*key = (struct vcard_key){ .type = VCARD_KEY_NONE };
}

void
vcard_key_move(struct vcard_key *to, struct vcard_key *from)
{
	vcard_key_clear(to);
	to->type = from->type;
	to->bits = from->bits;
	to->pkey = from->pkey;
	buf_move(&to->bytes, &from->bytes);
	from->pkey = NULL;
	vcard_key_clear(from);
}

size_t
vcard_key_block(const struct vcard_key *key)
{
	return (key->bits + 7) / 8;
}

const char *
vcard_curve_name(unsigned bits)
{
	switch (bits) {
	case 256: return "P-256";
	case 384: return "P-384";
	case 521: return "P-521";
	default: return NULL;
	}
}

const char *
vcard_25519_name(enum vcard_key_type type)
{
	switch (type) {
	case VCARD_KEY_ED25519: return "ED25519";
	case VCARD_KEY_X25519: return "X25519";
	default: return NULL;
	}
}

/* --- the bytes of a key ------------------------------------------------------------------------------------------- */

static const char *const rsa_names[VCARD_RSA_NUMBERS] = {
	OSSL_PKEY_PARAM_RSA_N,	       OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

bool
vcard_rsa_read(struct cursor der, BIGNUM *ret_numbers[VCARD_RSA_NUMBERS])
{
	struct cursor body, number;
	uint8_t version;
	unsigned i;

	if (!vcard_tlv_expect(&der, 0x30, &body) || !vcard_tlv_expect(&body, 0x02, &number) ||
	    !cur_u8(&number, &version) || version != 0 || !cur_at_end(&number))
		return false;
	for (i = 0; i < VCARD_RSA_NUMBERS; i++) {
		if (!vcard_tlv_expect(&body, 0x02, &number) || number.left == 0 || number.left > VCARD_RSA_MAX + 1)
			return false;
		ret_numbers[i] = BN_bin2bn(number.p, (int)number.left, NULL);
		if (ret_numbers[i] == NULL)
			return false;
	}
	return cur_at_end(&body) && cur_at_end(&der);
}

void
vcard_rsa_free(BIGNUM *numbers[VCARD_RSA_NUMBERS])
{
	unsigned i;

	for (i = 0; i < VCARD_RSA_NUMBERS; i++)
		BN_clear_free(numbers[i]);
}

bool
vcard_ec_read(struct cursor value, struct cursor *ret_d, struct cursor *ret_point)
{
	struct cursor body, version;
	uint8_t number;

	return vcard_tlv_expect(&value, 0x30, &body) && cur_at_end(&value) && vcard_tlv_expect(&body, 0x02, &version) &&
	       cur_u8(&version, &number) && number == 1 && cur_at_end(&version) &&
	       vcard_tlv_expect(&body, 0x04, ret_d) && vcard_tlv_expect(&body, 0x04, ret_point) && cur_at_end(&body);
}

bool
vcard_ec_put(struct cursor d, struct cursor point, struct buf *ret_value)
{
	AUTO_BUF struct buf body = BUF_INIT;

	vcard_tlv_put_u8(&body, 0x02, 1);
	vcard_tlv_put(&body, 0x04, d);
	vcard_tlv_put(&body, 0x04, point);
	vcard_tlv_put(ret_value, 0x30, buf_cur(&body));
	return !buf_failed(&body) && !buf_failed(ret_value);
}

/* --- as libcrypto wants them -------------------------------------------------------------------------------------- */

static EVP_PKEY *
key_from_params(OSSL_LIB_CTX *libctx, const char *algorithm, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, algorithm, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = NULL;

	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
open_rsa(OSSL_LIB_CTX *libctx, struct cursor der)
{
	BIGNUM *numbers[VCARD_RSA_NUMBERS] = { NULL };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	bool good = build != NULL && vcard_rsa_read(der, numbers);
	EVP_PKEY *pkey = NULL;
	unsigned i;

	for (i = 0; good && i < VCARD_RSA_NUMBERS; i++)
		good = OSSL_PARAM_BLD_push_BN(build, rsa_names[i], numbers[i]) == 1;
	if (good)
		pkey = key_from_params(libctx, "RSA", build);
	OSSL_PARAM_BLD_free(build);
	vcard_rsa_free(numbers);
	return pkey;
}

static EVP_PKEY *
open_ec(OSSL_LIB_CTX *libctx, const char *curve, struct cursor value)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	struct cursor d, point;
	BIGNUM *number = NULL;
	EVP_PKEY *pkey = NULL;

	if (vcard_ec_read(value, &d, &point) && d.left > 0 && d.left <= VCARD_EC_NUMBER_MAX)
		number = BN_bin2bn(d.p, (int)d.left, NULL);
	if (build != NULL && number != NULL && curve != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.left) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1)
		pkey = key_from_params(libctx, "EC", build);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(number);
	return pkey;
}

EVP_PKEY *
vcard_key_open(struct vcard_crypto *crypto, struct vcard_key *key)
{
	OSSL_LIB_CTX *libctx = vcard_crypto_open(crypto);

	if (libctx == NULL)
		return NULL;
	if (key->pkey == NULL && key->type == VCARD_KEY_RSA)
		key->pkey = open_rsa(libctx, buf_cur(&key->bytes));
	else if (key->pkey == NULL && key->type == VCARD_KEY_EC)
		key->pkey = open_ec(libctx, vcard_curve_name(key->bits), buf_cur(&key->bytes));
	else if (key->pkey == NULL && vcard_25519_name(key->type) != NULL)
		key->pkey = EVP_PKEY_new_raw_private_key_ex(libctx, vcard_25519_name(key->type), NULL, key->bytes.p,
							    key->bytes.len);
	if (key->pkey != NULL && vcard_25519_name(key->type) == NULL && EVP_PKEY_get_bits(key->pkey) != (int)key->bits)
		return NULL;
	return key->pkey;
}

/* --- generation --------------------------------------------------------------------------------------------------- */

static bool
keep_rsa(EVP_PKEY *pkey, struct buf *ret_bytes)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(pkey, &der);

	if (len > 0)
		buf_put(ret_bytes, der, (size_t)len);
	if (len > 0)
		OPENSSL_clear_free(der, (size_t)len);
	return len > 0 && !buf_failed(ret_bytes);
}

static bool
keep_ec(EVP_PKEY *pkey, struct buf *ret_bytes)
{
	size_t width = ((size_t)EVP_PKEY_get_bits(pkey) + 7) / 8, len = 0;
	uint8_t d[VCARD_EC_NUMBER_MAX], x[VCARD_EC_NUMBER_MAX], y[VCARD_EC_NUMBER_MAX];
	static const char *const names[] = { OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_EC_PUB_X,
					     OSSL_PKEY_PARAM_EC_PUB_Y };
	uint8_t *const rooms[] = { d, x, y };
	AUTO_BUF struct buf point = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		BIGNUM *number = NULL;

		if (EVP_PKEY_get_bn_param(pkey, names[i], &number) == 1 &&
		    BN_bn2binpad(number, rooms[i], (int)width) == (int)width)
			len++;
		BN_clear_free(number);
	}
	if (len != ARRAY_SIZE(names))
		return false;
	buf_u8(&point, 0x04);
	buf_put(&point, x, width);
	buf_put(&point, y, width);
	return vcard_ec_put(cur_of(d, width), buf_cur(&point), ret_bytes);
}

/* Any bytes are a key. */
static bool
generate_25519(enum vcard_key_type type, struct vcard_key *ret_key)
{
	uint8_t bytes[VCARD_25519_LEN];

	return vcard_random(bytes, sizeof(bytes)) &&
	       vcard_key_import_25519(type, cur_of(bytes, sizeof(bytes)), ret_key);
}

bool
vcard_key_generate(struct vcard_crypto *crypto, enum vcard_key_type type, unsigned bits, struct vcard_key *ret_key)
{
	OSSL_LIB_CTX *libctx = vcard_crypto_open(crypto);
	struct vcard_key key = { .type = type, .bits = bits };
	bool kept = false;

	if (vcard_25519_name(type) != NULL)
		return generate_25519(type, ret_key);
	if (libctx == NULL)
		return false;
	if (type == VCARD_KEY_RSA)
		key.pkey = EVP_PKEY_Q_keygen(libctx, NULL, "RSA", (size_t)bits);
	else if (type == VCARD_KEY_EC && vcard_curve_name(bits) != NULL)
		key.pkey = EVP_PKEY_Q_keygen(libctx, NULL, "EC", vcard_curve_name(bits));
	if (key.pkey != NULL)
		kept = type == VCARD_KEY_RSA ? keep_rsa(key.pkey, &key.bytes) : keep_ec(key.pkey, &key.bytes);
	if (kept)
		vcard_key_move(ret_key, &key);
	vcard_key_clear(&key);
	ERR_clear_error();
	return kept;
}

/* --- import ------------------------------------------------------------------------------------------------------- */

/* x * y = 1 modulo (prime - minus). */
static bool
inverse_modulo(const BIGNUM *x, const BIGNUM *y, const BIGNUM *prime, BN_ULONG minus, BN_CTX *ctx)
{
	BIGNUM *modulus = BN_dup(prime), *product = BN_new();
	bool is = modulus != NULL && product != NULL && BN_sub_word(modulus, minus) == 1 &&
		  BN_mod_mul(product, x, y, modulus, ctx) == 1 && BN_is_one(product);

	BN_clear_free(modulus);
	BN_clear_free(product);
	return is;
}

/* The card cannot know whether p and q are prime in reasonable time, but that the eight numbers fit together. */
static bool
rsa_numbers_fit(BIGNUM *const n[VCARD_RSA_NUMBERS])
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *product = BN_new();
	int bits = BN_num_bits(n[VCARD_RSA_N]);
	bool fit = ctx != NULL && product != NULL && (bits == 1024 || bits == 2048 || bits == 3072 || bits == 4096) &&
		   BN_num_bits(n[VCARD_RSA_E]) <= 64 && BN_is_odd(n[VCARD_RSA_E]) && !BN_is_one(n[VCARD_RSA_E]) &&
		   BN_mul(product, n[VCARD_RSA_P], n[VCARD_RSA_Q], ctx) == 1 && BN_cmp(product, n[VCARD_RSA_N]) == 0 &&
		   BN_is_odd(n[VCARD_RSA_N]) &&
		   inverse_modulo(n[VCARD_RSA_E], n[VCARD_RSA_D], n[VCARD_RSA_P], 1, ctx) &&
		   inverse_modulo(n[VCARD_RSA_E], n[VCARD_RSA_D], n[VCARD_RSA_Q], 1, ctx) &&
		   inverse_modulo(n[VCARD_RSA_E], n[VCARD_RSA_DP], n[VCARD_RSA_P], 1, ctx) &&
		   inverse_modulo(n[VCARD_RSA_E], n[VCARD_RSA_DQ], n[VCARD_RSA_Q], 1, ctx) &&
		   inverse_modulo(n[VCARD_RSA_Q], n[VCARD_RSA_QINV], n[VCARD_RSA_P], 0, ctx);

	BN_clear_free(product);
	BN_CTX_free(ctx);
	return fit;
}

bool
vcard_key_import_rsa(struct cursor der, struct vcard_key *ret_key)
{
	BIGNUM *numbers[VCARD_RSA_NUMBERS] = { NULL };
	unsigned bits = 0;

	if (vcard_rsa_read(der, numbers) && rsa_numbers_fit(numbers))
		bits = (unsigned)BN_num_bits(numbers[VCARD_RSA_N]);
	vcard_rsa_free(numbers);
	ERR_clear_error();
	return bits != 0 && vcard_key_restore(VCARD_KEY_RSA, bits, der, ret_key);
}

static unsigned
curve_of_point(struct cursor point)
{
	switch (point.left) {
	case 1 + 2 * 32: return 256;
	case 1 + 2 * 48: return 384;
	case 1 + 2 * 66: return 521;
	default: return 0;
	}
}

/* The point must be d times the base point; 0 < d < order follows from d * G not being the point at infinity. */
static bool
ec_numbers_fit(OSSL_LIB_CTX *libctx, const char *curve, const BIGNUM *d, struct cursor point)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(libctx, NULL, EC_curve_nist2nid(curve));
	EC_POINT *given = group != NULL ? EC_POINT_new(group) : NULL;
	EC_POINT *made = group != NULL ? EC_POINT_new(group) : NULL;
	bool fit = given != NULL && made != NULL && EC_POINT_oct2point(group, given, point.p, point.left, NULL) == 1 &&
		   BN_cmp(d, EC_GROUP_get0_order(group)) < 0 && EC_POINT_mul(group, made, d, NULL, NULL, NULL) == 1 &&
		   !EC_POINT_is_at_infinity(group, made) && EC_POINT_cmp(group, given, made, NULL) == 0;

	EC_POINT_free(given);
	EC_POINT_clear_free(made);
	EC_GROUP_free(group);
	return fit;
}

bool
vcard_key_import_ec(struct vcard_crypto *crypto, struct cursor value, struct vcard_key *ret_key)
{
	OSSL_LIB_CTX *libctx = vcard_crypto_open(crypto);
	struct cursor d, point;
	BIGNUM *number = NULL;
	unsigned bits = 0;

	if (libctx != NULL && vcard_ec_read(value, &d, &point) && d.left > 0 && d.left <= VCARD_EC_NUMBER_MAX) {
		number = BN_bin2bn(d.p, (int)d.left, NULL);
		bits = curve_of_point(point);
	}
	if (number == NULL || bits == 0 || !ec_numbers_fit(libctx, vcard_curve_name(bits), number, point))
		bits = 0;
	BN_clear_free(number);
	ERR_clear_error();
	return bits != 0 && vcard_key_restore(VCARD_KEY_EC, bits, value, ret_key);
}

bool
vcard_key_import_symmetric(struct cursor bytes, struct vcard_key *ret_key)
{
	return vcard_key_restore(VCARD_KEY_SYMMETRIC, (unsigned)bytes.left * 8, bytes, ret_key);
}

bool
vcard_key_restore(enum vcard_key_type type, unsigned bits, struct cursor bytes, struct vcard_key *ret_key)
{
	struct vcard_key key = { .type = type, .bits = bits };

	buf_put_cur(&key.bytes, bytes);
	if (buf_failed(&key.bytes)) {
		vcard_key_clear(&key);
		return false;
	}
	vcard_key_move(ret_key, &key);
	return true;
}
