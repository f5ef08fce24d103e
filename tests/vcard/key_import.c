/* SPDX-License-Identifier: BSD-2-Clause */
/* Private numbers as PIV cards take them in, made into what key.c keeps: the other numbers are computed. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "base/auto.h"
#include "vcard/key_internal.h"
#include "vcard/tlv.h"

#define EXPONENT 65537u

enum { PRIME_P, PRIME_Q, PRIME_DP, PRIME_DQ, PRIME_QINV, PRIMES };

/* INTEGER of a number that is not negative. */
static bool
put_integer(const BIGNUM *number, struct buf *b)
{
	size_t len = (size_t)BN_num_bytes(number) + (BN_num_bits(number) % 8 == 0 ? 1 : 0);
	uint8_t *room;

	vcard_tlv_put_header(b, 0x02, len);
	room = buf_extend(b, len);
	return room != NULL && BN_bn2binpad(number, room, (int)len) == (int)len;
}

static bool
put_rsa(BIGNUM *const numbers[VCARD_RSA_NUMBERS], struct buf *ret_der)
{
	AUTO_BUF struct buf body = BUF_INIT;
	bool good = true;
	unsigned i;

	vcard_tlv_put_u8(&body, 0x02, 0);
	for (i = 0; good && i < VCARD_RSA_NUMBERS; i++)
		good = put_integer(numbers[i], &body);
	vcard_tlv_put(ret_der, 0x30, buf_cur(&body));
	return good && !buf_failed(ret_der);
}

/* n, e and d from the primes. */
static bool
compute_rsa(BIGNUM *n[VCARD_RSA_NUMBERS])
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *p1 = BN_dup(n[VCARD_RSA_P]), *q1 = BN_dup(n[VCARD_RSA_Q]), *phi = BN_new();
	bool done;

	n[VCARD_RSA_N] = BN_new();
	n[VCARD_RSA_E] = BN_new();
	n[VCARD_RSA_D] = BN_new();
	done = ctx != NULL && p1 != NULL && q1 != NULL && phi != NULL && n[VCARD_RSA_N] != NULL &&
	       n[VCARD_RSA_E] != NULL && n[VCARD_RSA_D] != NULL && BN_set_word(n[VCARD_RSA_E], EXPONENT) == 1 &&
	       BN_mul(n[VCARD_RSA_N], p1, q1, ctx) == 1 && BN_sub_word(p1, 1) == 1 && BN_sub_word(q1, 1) == 1 &&
	       BN_mul(phi, p1, q1, ctx) == 1 && !BN_is_zero(phi) && !BN_is_negative(phi) &&
	       BN_mod_inverse(n[VCARD_RSA_D], n[VCARD_RSA_E], phi, ctx) != NULL;
	BN_clear_free(p1);
	BN_clear_free(q1);
	BN_clear_free(phi);
	BN_CTX_free(ctx);
	return done;
}

static bool
read_primes(const struct cursor given[PRIMES], BIGNUM *ret_numbers[VCARD_RSA_NUMBERS])
{
	static const unsigned places[PRIMES] = { VCARD_RSA_P, VCARD_RSA_Q, VCARD_RSA_DP, VCARD_RSA_DQ, VCARD_RSA_QINV };
	unsigned i;

	for (i = 0; i < PRIMES; i++) {
		if (given[i].left == 0 || given[i].left > VCARD_RSA_MAX / 2)
			return false;
		ret_numbers[places[i]] = BN_bin2bn(given[i].p, (int)given[i].left, NULL);
		if (ret_numbers[places[i]] == NULL)
			return false;
	}
	return true;
}

bool
vcard_key_import_rsa_primes(const struct cursor numbers[5], struct vcard_key *ret_key)
{
	BIGNUM *all[VCARD_RSA_NUMBERS] = { NULL };
	AUTO_BUF struct buf der = BUF_INIT;
	bool good = read_primes(numbers, all) && compute_rsa(all) && put_rsa(all, &der);

	vcard_rsa_free(all);
	ERR_clear_error();
	return good && vcard_key_import_rsa(buf_cur(&der), ret_key);
}

/* 04 || X || Y of d times the base point. */
static bool
compute_point(OSSL_LIB_CTX *libctx, const char *curve, const BIGNUM *d, struct buf *ret_point)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(libctx, NULL, EC_curve_nist2nid(curve));
	EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
	uint8_t bytes[2 * VCARD_EC_NUMBER_MAX];
	size_t len = 0;

	if (point != NULL && !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(group)) < 0 &&
	    EC_POINT_mul(group, point, d, NULL, NULL, NULL) == 1)
		len = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof(bytes), NULL);
	buf_put(ret_point, bytes, len);
	EC_POINT_clear_free(point);
	EC_GROUP_free(group);
	return len > 0 && !buf_failed(ret_point);
}

bool
vcard_key_import_ec_number(struct vcard_crypto *crypto, unsigned bits, struct cursor d, struct vcard_key *ret_key)
{
	AUTO_BUF struct buf value = BUF_INIT, point = BUF_INIT;
	OSSL_LIB_CTX *libctx = vcard_crypto_open(crypto);
	BIGNUM *number = d.left > 0 && d.left <= VCARD_EC_NUMBER_MAX ? BN_bin2bn(d.p, (int)d.left, NULL) : NULL;
	bool good = libctx != NULL && number != NULL && vcard_curve_name(bits) != NULL &&
		    compute_point(libctx, vcard_curve_name(bits), number, &point);

	BN_clear_free(number);
	ERR_clear_error();
	return good && vcard_ec_put(d, buf_cur(&point), &value) &&
	       vcard_key_restore(VCARD_KEY_EC, bits, buf_cur(&value), ret_key);
}

bool
vcard_key_import_25519(enum vcard_key_type type, struct cursor bytes, struct vcard_key *ret_key)
{
	return vcard_25519_name(type) != NULL && bytes.left == VCARD_25519_LEN &&
	       vcard_key_restore(type, 256, bytes, ret_key);
}
