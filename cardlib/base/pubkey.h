/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A public key in the one neutral form that crosses the seam and the csp boundary, in place of CAPI and BCRYPT blobs.
 * Integers are big-endian without leading zero bytes; an elliptic-curve point is uncompressed (04 || X || Y), and that of
 * Ed25519 and X25519 the 32 bytes of RFC 8032 and RFC 7748.
 */
#ifndef BASE_PUBKEY_H
#define BASE_PUBKEY_H

#include "base/limits.h"
#include "base/types.h"

enum key_type { KEY_NONE, KEY_RSA, KEY_EC, KEY_ED25519, KEY_X25519 };

#define PUBKEY_25519_BITS 255u
#define PUBKEY_25519_BYTES 32u

struct public_key {
	enum key_type type;
	unsigned bits; /* RSA: bit length of the modulus; EC: 256, 384 or 521; the others: 255 */
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
/* Builds a key of KEY_ED25519 or KEY_X25519, whose bytes are any 32. */
bool pubkey_set_25519(struct public_key *ret_key, enum key_type type, const uint8_t *bytes, size_t len);
/* Whether it is a key of one of these two types. */
bool pubkey_is_25519(enum key_type type);
/* Bytes of what two keys of this type agree on; 0 for types that do not. */
size_t pubkey_secret_len(enum key_type type, unsigned bits);
/* Bytes of a signature by this key: modulus length, or twice the field bytes; 0 for a key that does not sign. */
size_t pubkey_signature_len(const struct public_key *key);
bool pubkey_equal(const struct public_key *a, const struct public_key *b);

#endif
