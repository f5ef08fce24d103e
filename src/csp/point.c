/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The point that belongs to an elliptic-curve private key whose owner gives the number alone, as PKCS#11 does. libcrypto
 * multiplies in a context made for this alone, since it blinds with random numbers that it keeps state for.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include "base/privkey.h"
#include "csp/crypto.h"
#include "csp/manage.h"

static int
curve_of(unsigned bits)
{
	switch (bits) {
	case 256: return NID_X9_62_prime256v1;
	case 384: return NID_secp384r1;
	case 521: return NID_secp521r1;
	default: return NID_undef;
	}
}

/* False for a number that is no private key of the curve. */
static bool
multiply(const EC_GROUP *group, const struct secret *d, BN_CTX *numbers, uint8_t *ret_point, size_t *ret_len)
{
	BIGNUM *number = BN_secure_new();
	EC_POINT *point = EC_POINT_new(group);
	bool ok = false;

	if (number != NULL && point != NULL && BN_bin2bn(d->p, (int)d->len, number) != NULL && !BN_is_zero(number) &&
	    BN_cmp(number, EC_GROUP_get0_order(group)) < 0) {
		BN_set_flags(number, BN_FLG_CONSTTIME);
		ok = EC_POINT_mul(group, point, number, NULL, NULL, numbers) == 1;
	}
	if (ok) {
		*ret_len = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point, LIMIT_EC_POINT,
					      numbers);
		ok = *ret_len > 0;
	}
	EC_POINT_free(point);
	BN_clear_free(number);
	return ok;
}

static bool
find_point(struct ossl_lib_ctx_st *library, struct private_key *key)
{
	const int curve = curve_of(key->public.bits);
	EC_GROUP *group = curve != NID_undef ? EC_GROUP_new_by_curve_name_ex(library, NULL, curve) : NULL;
	BN_CTX *numbers = BN_CTX_secure_new_ex(library);
	uint8_t point[LIMIT_EC_POINT];
	size_t len = 0;
	bool ok;

	ok = group != NULL && numbers != NULL && multiply(group, &key->d, numbers, point, &len) &&
	     pubkey_set_ec(&key->public, point, len);
	BN_CTX_free(numbers);
	EC_GROUP_free(group);
	return ok;
}

DWORD
csp_private_key_point(struct private_key *key)
{
	struct csp_scratch *scratch = NULL;
	struct ossl_lib_ctx_st *library;
	DWORD r;

	if (key->public.type != KEY_EC || key->d.len != pubkey_ec_bytes(key->public.bits))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = csp_scratch_open(&scratch, &library)) != SCARD_S_SUCCESS)
		return r;
	ERR_set_mark();
	r = find_point(library, key) ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
	ERR_pop_to_mark();
	csp_scratch_close(&scratch);
	return r;
}
