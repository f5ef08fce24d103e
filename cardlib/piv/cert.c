/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates as bytes: the object around them (SP 800-73-4 part 1, table 10) and as much of the DER (RFC 5280, 4.1) as
 * tells which key the card has, for the card itself does not.
 */
#include "piv/piv.h"

#include "base/inflate.h"
#include "iso7816/tlv.h"

#define TAG_CERTIFICATE 0x70u
#define TAG_INFO 0x71u
#define TAG_CHECK 0xFEu

#define GZIP_MAGIC_0 0x1Fu
#define GZIP_MAGIC_1 0x8Bu

#define DER_BOOLEAN 0x01u
#define DER_INTEGER 0x02u
#define DER_BITS 0x03u
#define DER_OCTETS 0x04u
#define DER_OID 0x06u
#define DER_SEQUENCE 0x30u
#define DER_VERSION 0xA0u
#define DER_EXTENSIONS 0xA3u

#define USAGE_KEY_AGREEMENT 0x08u

static const uint8_t oid_rsa[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01 };
static const uint8_t oid_ec[] = { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01 };
static const uint8_t oid_p256[] = { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
static const uint8_t oid_p384[] = { 0x2B, 0x81, 0x04, 0x00, 0x22 };
/* RFC 8410, 3. */
static const uint8_t oid_x25519[] = { 0x2B, 0x65, 0x6E };
static const uint8_t oid_ed25519[] = { 0x2B, 0x65, 0x70 };
static const uint8_t oid_key_usage[] = { 0x55, 0x1D, 0x0F };

/* What the bytes begin with counts; the flag of the object is wrong on some cards. */
static bool
inflate_if_needed(struct cursor bytes, struct buf *ret_der)
{
	struct cursor c = bytes;
	uint8_t first = 0, second = 0;

	(void)(cur_u8(&c, &first) && cur_u8(&c, &second));
	if (first == GZIP_MAGIC_0 && second == GZIP_MAGIC_1)
		return inflate_stream(INFLATE_GZIP, bytes, 0, LIMIT_CERTIFICATE, ret_der);
	buf_reset(ret_der);
	if (first != DER_SEQUENCE || bytes.left > LIMIT_CERTIFICATE)
		return false;
	buf_put_cur(ret_der, bytes);
	return !buf_failed(ret_der);
}

bool
piv_cert_der(struct cursor object, struct buf *ret_der)
{
	struct cursor content, bytes;

	return piv_object_content(object, 0, &content) && tlv_find(content, TAG_CERTIFICATE, &bytes) &&
	       inflate_if_needed(bytes, ret_der);
}

void
piv_cert_object(struct cursor der, struct buf *ret_content)
{
	tlv_put(ret_content, TAG_CERTIFICATE, der);
	tlv_put_u8(ret_content, TAG_INFO, 0);
	tlv_put(ret_content, TAG_CHECK, cur_of(NULL, 0));
}

static bool
skip(struct cursor *c, uint32_t tag)
{
	struct cursor value;

	return tlv_get(c, tag, &value);
}

static bool
parse_rsa(struct cursor bits, struct public_key *ret_key)
{
	struct cursor numbers, n, e;

	return tlv_get(&bits, DER_SEQUENCE, &numbers) && tlv_get(&numbers, DER_INTEGER, &n) &&
	       tlv_get(&numbers, DER_INTEGER, &e) && pubkey_set_rsa(ret_key, n.p, n.left, e.p, e.left);
}

static bool
parse_ec(struct cursor parameters, struct cursor bits, struct public_key *ret_key)
{
	struct cursor curve;
	unsigned size = 0;

	if (!tlv_get(&parameters, DER_OID, &curve))
		return false;
	if (cur_equals(&curve, oid_p256, sizeof(oid_p256)))
		size = 256;
	else if (cur_equals(&curve, oid_p384, sizeof(oid_p384)))
		size = 384;
	return size != 0 && bits.left == 1 + 2 * pubkey_ec_bytes(size) && pubkey_set_ec(ret_key, bits.p, bits.left);
}

/* SubjectPublicKeyInfo; a key of another kind is none. */
static void
parse_key(struct cursor info, struct public_key *ret_key)
{
	struct cursor algorithm, oid, bits;
	uint8_t unused;
	bool known = false;

	if (tlv_get(&info, DER_SEQUENCE, &algorithm) && tlv_get(&algorithm, DER_OID, &oid) &&
	    tlv_get(&info, DER_BITS, &bits) && cur_u8(&bits, &unused)) {
		if (cur_equals(&oid, oid_rsa, sizeof(oid_rsa)))
			known = parse_rsa(bits, ret_key);
		else if (cur_equals(&oid, oid_ec, sizeof(oid_ec)))
			known = parse_ec(algorithm, bits, ret_key);
		else if (cur_equals(&oid, oid_ed25519, sizeof(oid_ed25519)))
			known = pubkey_set_25519(ret_key, KEY_ED25519, bits.p, bits.left);
		else if (cur_equals(&oid, oid_x25519, sizeof(oid_x25519)))
			known = pubkey_set_25519(ret_key, KEY_X25519, bits.p, bits.left);
	}
	if (!known)
		*ret_key = (struct public_key){ .type = KEY_NONE };
}

static bool
parse_usage(struct cursor extension, struct piv_cert *cert)
{
	struct cursor oid, octets, bits;
	uint8_t unused, usage = 0;

	if (!tlv_get(&extension, DER_OID, &oid) || !cur_equals(&oid, oid_key_usage, sizeof(oid_key_usage)))
		return false;
	(void)skip(&extension, DER_BOOLEAN);
	if (!tlv_get(&extension, DER_OCTETS, &octets) || !tlv_get(&octets, DER_BITS, &bits) || !cur_u8(&bits, &unused))
		return false;
	(void)cur_u8(&bits, &usage);
	cert->has_usage = true;
	cert->agrees = (usage & USAGE_KEY_AGREEMENT) != 0;
	return true;
}

static void
parse_extensions(struct cursor tbs, struct piv_cert *cert)
{
	struct cursor wrapped, list, extension;

	if (!tlv_find(tbs, DER_EXTENSIONS, &wrapped) || !tlv_get(&wrapped, DER_SEQUENCE, &list))
		return;
	while (tlv_get(&list, DER_SEQUENCE, &extension))
		if (parse_usage(extension, cert))
			return;
}

bool
piv_cert_parse(struct cursor der, struct piv_cert *ret_cert)
{
	struct piv_cert cert = { .key = { .type = KEY_NONE } };
	struct cursor outer, tbs, info;

	if (!tlv_get(&der, DER_SEQUENCE, &outer) || !tlv_get(&outer, DER_SEQUENCE, &tbs))
		return false;
	(void)skip(&tbs, DER_VERSION);
	/* serial number, signature, issuer, validity, subject */
	if (!skip(&tbs, DER_INTEGER) || !skip(&tbs, DER_SEQUENCE) || !skip(&tbs, DER_SEQUENCE) ||
	    !skip(&tbs, DER_SEQUENCE) || !skip(&tbs, DER_SEQUENCE) || !tlv_get(&tbs, DER_SEQUENCE, &info))
		return false;
	parse_key(info, &cert.key);
	parse_extensions(tbs, &cert);
	*ret_cert = cert;
	return true;
}
