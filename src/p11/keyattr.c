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

/* DER of the object identifiers of P-256, P-384 and P-521 (RFC 5480, 2.1.1.1). */
CK_RV
p11_attr_curve(unsigned bits, struct buf *value)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	static const uint8_t p384[] = { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22 };
	static const uint8_t p521[] = { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23 };

	switch (bits) {
	case 256: return p11_attr_bytes(value, cur_of(p256, sizeof(p256)));
	case 384: return p11_attr_bytes(value, cur_of(p384, sizeof(p384)));
	case 521: return p11_attr_bytes(value, cur_of(p521, sizeof(p521)));
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

unsigned
p11_attr_curve_bits(struct cursor params)
{
	static const unsigned curves[] = { 256, 384, 521 };
	AUTO_BUF struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		buf_reset(&known);
		if (p11_attr_curve(curves[i], &known) == CKR_OK && cur_equals(&params, known.p, known.len))
			return curves[i];
	}
	return 0;
}

/* The length tells which form it is. */
bool
p11_attr_take_point(struct cursor bytes, unsigned bits, struct public_key *ret_key)
{
	const size_t point_len = 2 * pubkey_ec_bytes(bits) + 1;
	uint8_t tag, len;

	if (bytes.left != point_len) {
		if (!cur_u8(&bytes, &tag) || tag != 0x04 || !cur_u8(&bytes, &len))
			return false;
		if (len == 0x81 && (!cur_u8(&bytes, &len) || len < 0x80))
			return false;
		if (len != bytes.left || bytes.left != point_len)
			return false;
	}
	return pubkey_set_ec(ret_key, bytes.p, bytes.left);
}

/* DER OCTET STRING around the uncompressed point; at most 133 bytes. */
CK_RV
p11_attr_point(const struct public_key *public, struct buf *value)
{
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

	if (key->type != (type == CKA_EC_POINT ? KEY_EC : KEY_RSA))
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
	return key->type == KEY_EC ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN;
}

CK_RV
p11_attr_key(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	switch (type) {
	case CKA_KEY_TYPE: return p11_attr_ulong(value, key->type == KEY_EC ? CKK_EC : CKK_RSA);
	case CKA_START_DATE:
	case CKA_END_DATE: return CKR_OK; /* empty: no period is known */
	case CKA_DERIVE: return p11_attr_bool(value, key->can_derive);
	case CKA_LOCAL: return p11_attr_bool(value, key->local);
	case CKA_KEY_GEN_MECHANISM: return p11_attr_ulong(value, gen_mechanism(key));
	case CKA_SUBJECT: return subject(card, key, value);
	case CKA_PUBLIC_KEY_INFO: return public_key_info(card, key, value);
	case CKA_EC_PARAMS: return key->type == KEY_EC ? p11_attr_curve(key->bits, value) : CKR_ATTRIBUTE_TYPE_INVALID;
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
	case CKA_VALUE: return key->type == KEY_EC ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
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
