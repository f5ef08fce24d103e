/* SPDX-License-Identifier: BSD-2-Clause */
/* Building and comparing public keys in their neutral form. */
#include "base/pubkey.h"

#include <string.h>

#include "base/cursor.h"

#define EC_UNCOMPRESSED 0x04

static const unsigned ec_sizes[] = { 256, 384, 521 };

size_t
pubkey_ec_bytes(unsigned bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(ec_sizes); i++)
		if (ec_sizes[i] == bits)
			return (bits + 7) / 8;
	return 0;
}

static unsigned
bit_length(struct cursor number)
{
	unsigned bits = (unsigned)number.left * 8;

	for (unsigned mask = 0x80; mask != 0 && (number.p[0] & mask) == 0; mask >>= 1)
		bits--;
	return bits;
}

static bool
is_odd(struct cursor number)
{
	return (number.p[number.left - 1] & 1) != 0;
}

/* Sizes are looked at before anything is computed with them. */
static bool
believable_rsa(struct cursor n, struct cursor e)
{
	if (n.left == 0 || n.left > LIMIT_RSA_BYTES || e.left == 0 || e.left > LIMIT_RSA_EXPONENT_BYTES)
		return false;
	if (bit_length(n) < LIMIT_RSA_MIN_BITS || !is_odd(n) || !is_odd(e))
		return false;
	return e.left > 1 || e.p[0] >= 3;
}

bool
pubkey_set_rsa(struct public_key *ret_key, const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len)
{
	struct cursor modulus = cur_of(n, n_len), exponent = cur_of(e, e_len);
	struct public_key key = { .type = KEY_RSA };

	cur_strip_zeros(&modulus);
	cur_strip_zeros(&exponent);
	if (!believable_rsa(modulus, exponent))
		return false;
	key.bits = bit_length(modulus);
	key.modulus_len = modulus.left;
	memcpy(key.modulus, modulus.p, modulus.left);
	key.exponent_len = exponent.left;
	memcpy(key.exponent, exponent.p, exponent.left);
	*ret_key = key;
	return true;
}

bool
pubkey_set_ec(struct public_key *ret_key, const uint8_t *point, size_t point_len)
{
	struct public_key key = { .type = KEY_EC, .point_len = point_len };

	for (size_t i = 0; i < ARRAY_SIZE(ec_sizes); i++)
		if (point_len == 1 + 2 * pubkey_ec_bytes(ec_sizes[i]))
			key.bits = ec_sizes[i];
	if (key.bits == 0 || point[0] != EC_UNCOMPRESSED)
		return false;
	memcpy(key.point, point, point_len);
	*ret_key = key;
	return true;
}

bool
pubkey_is_25519(enum key_type type)
{
	return type == KEY_ED25519 || type == KEY_X25519;
}

bool
pubkey_set_25519(struct public_key *ret_key, enum key_type type, const uint8_t *bytes, size_t len)
{
	struct public_key key = { .type = type, .bits = PUBKEY_25519_BITS, .point_len = len };

	if (!pubkey_is_25519(type) || len != PUBKEY_25519_BYTES)
		return false;
	memcpy(key.point, bytes, len);
	*ret_key = key;
	return true;
}

size_t
pubkey_secret_len(enum key_type type, unsigned bits)
{
	if (type == KEY_EC)
		return pubkey_ec_bytes(bits);
	return type == KEY_X25519 ? PUBKEY_25519_BYTES : 0;
}

size_t
pubkey_signature_len(const struct public_key *key)
{
	switch (key->type) {
	case KEY_RSA: return key->modulus_len;
	case KEY_EC: return 2 * pubkey_ec_bytes(key->bits);
	case KEY_ED25519: return (size_t)2 * PUBKEY_25519_BYTES;
	case KEY_X25519:
	case KEY_NONE: break;
	}
	return 0;
}

bool
pubkey_equal(const struct public_key *a, const struct public_key *b)
{
	struct cursor n = cur_of(a->modulus, a->modulus_len);
	struct cursor e = cur_of(a->exponent, a->exponent_len);
	struct cursor point = cur_of(a->point, a->point_len);

	return a->type == b->type && a->bits == b->bits && cur_equals(&n, b->modulus, b->modulus_len) &&
	       cur_equals(&e, b->exponent, b->exponent_len) && cur_equals(&point, b->point, b->point_len);
}
