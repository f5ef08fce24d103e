/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A public key in the one neutral form that crosses the seam and the csp boundary, in place of CAPI and BCRYPT blobs.
 * Integers are big-endian without leading zero bytes; an elliptic-curve point is uncompressed (04 || X || Y).
 */
#ifndef BASE_PUBKEY_H
#define BASE_PUBKEY_H

#include "base/limits.h"
#include "base/types.h"

enum key_type { KEY_NONE, KEY_RSA, KEY_EC };

struct public_key {
	enum key_type type;
	unsigned bits; /* RSA: bit length of the modulus; EC: 256, 384 or 521 */
	uint8_t modulus[LIMIT_RSA_BYTES];
	size_t modulus_len;
	uint8_t exponent[LIMIT_RSA_EXPONENT_BYTES];
	size_t exponent_len;
	uint8_t point[LIMIT_EC_POINT];
	size_t point_len;
};

/* Bytes of a field element or of the order: 32, 48, 66; 0 for any other size. */
size_t pubkey_ec_bytes(unsigned bits);
/*
 * Builds an RSA key, checking sizes, an odd modulus and an odd exponent of at least 3. Leading zeros are dropped.
 * False when the numbers are no RSA key that this project believes (limits.h).
 */
bool pubkey_set_rsa(struct public_key *ret_key, const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len);
/* Builds an EC key from an uncompressed point; its length names the curve. Whether it lies on it is not checked here. */
bool pubkey_set_ec(struct public_key *ret_key, const uint8_t *point, size_t point_len);
/* Bytes of a signature by this key: modulus length, or twice the field bytes. */
size_t pubkey_signature_len(const struct public_key *key);
bool pubkey_equal(const struct public_key *a, const struct public_key *b);

#endif
