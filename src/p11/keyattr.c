/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes of private and public keys (PKCS#11 3.1, 4.8, 4.9, 6.1.2, 6.1.3, 6.3.3, 6.3.4). Where a key comes from is not
 * known unless it was made by us: it counts as not made here then, and claims neither to have been always sensitive nor
 * never extractable.
 */
#include "base/auto.h"
#include "p11/attr.h"

/* The one that p11test and the standard's text mean: what works with the key now. */
static bool
may_decrypt(const struct csp_key *key)
{
	return key->type == KEY_RSA && key->can_decrypt;
}

static CK_RV
subject(struct csp_card *card, const struct csp_key *key, struct buf *value)
{
	const struct csp_cert *cert;
	CK_RV rv = p11_attr_cert_of(card, key, &cert);

	if (rv != CKR_OK || cert == NULL || !cert->parsed)
		return rv;
	return p11_attr_bytes(value, cert->subject);
}

/*
 * From the certificate when it is this key's, so that certificate and keys show the same bytes. The public key is copied:
 * it may be gone once the certificate has been read.
 */
static CK_RV
public_key_info(struct csp_card *card, const struct csp_key *key, struct buf *value)
{
	const struct public_key *found;
	struct public_key public;
	const struct csp_cert *cert;
	AUTO_BUF struct buf der = BUF_INIT;
	CK_RV rv;

	if ((rv = p11_attr_public_of(card, key, &found)) != CKR_OK)
		return rv;
	if (found == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	public = *found;
	if ((rv = p11_attr_cert_of(card, key, &cert)) != CKR_OK)
		return rv;
	if (cert != NULL && cert->parsed && pubkey_equal(&cert->key, &public))
		return p11_attr_bytes(value, cert->spki);
	if (csp_public_key_spki(p11_csp(), &public, &der) != SCARD_S_SUCCESS)
		return CKR_HOST_MEMORY;
	return p11_attr_bytes(value, buf_cur(&der));
}

CK_ULONG
p11_attr_key_type(enum key_type type)
{
	switch (type) {
	case KEY_EC: return CKK_EC;
	case KEY_ED25519: return CKK_EC_EDWARDS;
	case KEY_X25519: return CKK_EC_MONTGOMERY;
	case KEY_RSA:
	case KEY_NONE: break;
	}
	return CKK_RSA;
}

CK_MECHANISM_TYPE
p11_attr_pair_gen(enum key_type type)
{
	switch (type) {
	case KEY_EC: return CKM_EC_KEY_PAIR_GEN;
	case KEY_ED25519: return CKM_EC_EDWARDS_KEY_PAIR_GEN;
	case KEY_X25519: return CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
	case KEY_RSA:
	case KEY_NONE: break;
	}
	return CKM_RSA_PKCS_KEY_PAIR_GEN;
}

/* DER of the object identifiers of Ed25519 and X25519 (RFC 8410, 3). */
static CK_RV
curve_25519(enum key_type type, struct buf *value)
{
	const uint8_t oid[] = { 0x06, 0x03, 0x2B, 0x65, type == KEY_ED25519 ? 0x70 : 0x6E };

	return p11_attr_bytes(value, cur_of(oid, sizeof(oid)));
}

/* CKA_EC_PARAMS: DER of the object identifiers of P-256, P-384 and P-521 (RFC 5480, 2.1.1.1), or of the curves above. */
static CK_RV
curve_params(enum key_type type, unsigned bits, struct buf *value)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	static const uint8_t p384[] = { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22 };
	static const uint8_t p521[] = { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23 };

	if (pubkey_is_25519(type))
		return curve_25519(type, value);
	if (type != KEY_EC)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	switch (bits) {
	case 256: return p11_attr_bytes(value, cur_of(p256, sizeof(p256)));
	case 384: return p11_attr_bytes(value, cur_of(p384, sizeof(p384)));
	case 521: return p11_attr_bytes(value, cur_of(p521, sizeof(p521)));
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

/* The names of the standard as PrintableString (PKCS#11 3.0, 2.3.5). */
static bool
is_name_of(enum key_type type, struct cursor params)
{
	static const uint8_t edwards[] = "\x13\x0C"
					 "edwards25519",
			     montgomery[] = "\x13\x0A"
					    "curve25519";

	if (type == KEY_ED25519)
		return cur_equals(&params, edwards, sizeof(edwards) - 1);
	return type == KEY_X25519 && cur_equals(&params, montgomery, sizeof(montgomery) - 1);
}

unsigned
p11_attr_curve_bits(enum key_type type, struct cursor params)
{
	static const unsigned curves[] = { 256, 384, 521, PUBKEY_25519_BITS };
	AUTO_BUF struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		buf_reset(&known);
		if (pubkey_is_25519(type) == (curves[i] == PUBKEY_25519_BITS) &&
		    curve_params(type, curves[i], &known) == CKR_OK && cur_equals(&params, known.p, known.len))
			return curves[i];
	}
	return is_name_of(type, params) ? PUBKEY_25519_BITS : 0;
}

/* The length tells which form it is. */
bool
p11_attr_take_point(struct cursor bytes, enum key_type type, unsigned bits, struct public_key *ret_key)
{
	const size_t point_len = pubkey_is_25519(type) ? PUBKEY_25519_BYTES : 2 * pubkey_ec_bytes(bits) + 1;
	uint8_t tag, len;

	if (bytes.left != point_len) {
		if (!cur_u8(&bytes, &tag) || tag != 0x04 || !cur_u8(&bytes, &len))
			return false;
		if (len == 0x81 && (!cur_u8(&bytes, &len) || len < 0x80))
			return false;
		if (len != bytes.left || bytes.left != point_len)
			return false;
	}
	if (pubkey_is_25519(type))
		return pubkey_set_25519(ret_key, type, bytes.p, bytes.left);
	return pubkey_set_ec(ret_key, bytes.p, bytes.left);
}

/* DER OCTET STRING around the uncompressed point, at most 133 bytes; of 25519 the bytes alone. */
CK_RV
p11_attr_point(const struct public_key *public, struct buf *value)
{
	if (pubkey_is_25519(public->type))
		return p11_attr_bytes(value, cur_of(public->point, public->point_len));
	buf_u8(value, 0x04);
	if (public->point_len > 0x7F)
		buf_u8(value, 0x81);
	buf_u8(value, (uint8_t) public->point_len);
	return p11_attr_bytes(value, cur_of(public->point, public->point_len));
}

/* The numbers of the public key, which the private key object shows as well. */
static CK_RV
public_part(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct public_key *public;
	CK_RV rv;

	if ((key->type == KEY_RSA) != (type != CKA_EC_POINT))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if ((rv = p11_attr_public_of(card, key, &public)) != CKR_OK)
		return rv;
	if (public == NULL || public->type != key->type)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	switch (type) {
	case CKA_EC_POINT: return p11_attr_point(public, value);
	case CKA_MODULUS: return p11_attr_bytes(value, cur_of(public->modulus, public->modulus_len));
	case CKA_MODULUS_BITS: return p11_attr_ulong(value, public->bits);
	default: return p11_attr_bytes(value, cur_of(public->exponent, public->exponent_len));
	}
}

static CK_ULONG
gen_mechanism(const struct csp_key *key)
{
	if (!key->local)
		return CK_UNAVAILABLE_INFORMATION;
	return p11_attr_pair_gen(key->type);
}

CK_RV
p11_attr_key(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	switch (type) {
	case CKA_KEY_TYPE: return p11_attr_ulong(value, p11_attr_key_type(key->type));
	case CKA_START_DATE:
	case CKA_END_DATE: return CKR_OK; /* empty: no period is known */
	case CKA_DERIVE: return p11_attr_bool(value, key->can_derive);
	case CKA_LOCAL: return p11_attr_bool(value, key->local);
	case CKA_KEY_GEN_MECHANISM: return p11_attr_ulong(value, gen_mechanism(key));
	case CKA_SUBJECT: return subject(card, key, value);
	case CKA_PUBLIC_KEY_INFO: return public_key_info(card, key, value);
	case CKA_EC_PARAMS: return curve_params(key->type, key->bits, value);
	case CKA_EC_POINT:
	case CKA_MODULUS:
	case CKA_PUBLIC_EXPONENT: return public_part(card, key, type, value);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

CK_RV
p11_attr_private(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	(void)card;
	switch (type) {
	case CKA_SENSITIVE: return p11_attr_bool(value, true);
	case CKA_SIGN: return p11_attr_bool(value, key->can_sign);
	case CKA_SIGN_RECOVER: return p11_attr_bool(value, key->type == KEY_RSA && key->can_sign);
	case CKA_DECRYPT:
	case CKA_UNWRAP: return p11_attr_bool(value, may_decrypt(key));
	case CKA_ALWAYS_AUTHENTICATE: return p11_attr_bool(value, key->always_authenticate);
	case CKA_ALWAYS_SENSITIVE:
	case CKA_NEVER_EXTRACTABLE: return p11_attr_bool(value, key->local);
	case CKA_EXTRACTABLE:
	case CKA_WRAP_WITH_TRUSTED: return p11_attr_bool(value, false);
	case CKA_PRIVATE_EXPONENT:
	case CKA_PRIME_1:
	case CKA_PRIME_2:
	case CKA_EXPONENT_1:
	case CKA_EXPONENT_2:
	case CKA_COEFFICIENT: return key->type == KEY_RSA ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
	case CKA_VALUE: return key->type == KEY_RSA ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_ATTRIBUTE_SENSITIVE;
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

CK_RV
p11_attr_public(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	switch (type) {
	case CKA_VERIFY: return p11_attr_bool(value, key->can_sign);
	case CKA_VERIFY_RECOVER: return p11_attr_bool(value, key->type == KEY_RSA && key->can_sign);
	case CKA_ENCRYPT:
	case CKA_WRAP: return p11_attr_bool(value, may_decrypt(key));
	case CKA_TRUSTED: return p11_attr_bool(value, false);
	case CKA_MODULUS_BITS: return public_part(card, key, type, value);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}
