/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attestation: certificates for keys that the card has made itself, signed by a key of the card's own (F9). That key
 * comes from the factory on tokens; here it is made when it is first needed.
 */
#include "vcard/piv.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/auto.h"
#include "vcard/key_internal.h"
#include "vcard/tlv.h"

#define OID_VERSION "1.3.6.1.4.1.41482.3.3"
#define OID_SERIAL "1.3.6.1.4.1.41482.3.7"
#define OID_POLICY "1.3.6.1.4.1.41482.3.8"
#define OID_FORM "1.3.6.1.4.1.41482.3.9"

#define ISSUER "PIV Attestation"

static bool
set_name(X509_NAME *name, const char *text)
{
	return name != NULL &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool
set_times(X509 *x)
{
	return ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20160314000000Z") == 1 &&
	       ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20520417000000Z") == 1;
}

static bool
set_number(X509 *x)
{
	uint8_t bytes[16];
	BIGNUM *number;
	bool done;

	if (!vcard_random(bytes, sizeof(bytes)))
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x3F) | 0x40);
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
	BN_free(number);
	return done;
}

static bool
add_extension(X509 *x, const char *oid, bool critical, struct cursor value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	bool done;

	if (object != NULL && octets != NULL && ASN1_OCTET_STRING_set(octets, value.p, (int)value.left) == 1)
		extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical ? 1 : 0, octets);
	done = extension != NULL && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(object);
	return done;
}

/* Version and policies as bare bytes, the serial number as INTEGER, the form of the token: unspecified. */
static bool
add_facts(struct piv *p, const struct piv_key *key, X509 *x)
{
	AUTO_BUF struct buf version = BUF_INIT, serial = BUF_INIT, policy = BUF_INIT;
	uint32_t number = p->env->profile.piv.version;
	static const uint8_t form = 0;

	buf_u8(&version, (uint8_t)(number >> 16));
	buf_be16(&version, (uint16_t)number);
	vcard_tlv_put_header(&serial, 0x02, 4);
	buf_be32(&serial, p->serial);
	buf_u8(&policy, key->pin_policy);
	buf_u8(&policy, key->touch_policy);
	return add_extension(x, OID_VERSION, false, buf_cur(&version)) &&
	       add_extension(x, OID_SERIAL, false, buf_cur(&serial)) &&
	       add_extension(x, OID_POLICY, false, buf_cur(&policy)) &&
	       add_extension(x, OID_FORM, false, cur_of(&form, 1));
}

static bool
add_authority(X509 *x)
{
	/* SEQUENCE { TRUE, 0 } */
	static const uint8_t constraints[] = { 0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x00 };

	return add_extension(x, "2.5.29.19", true, cur_of(constraints, sizeof(constraints)));
}

static bool
sign(struct piv *p, X509 *x, EVP_PKEY *signer, struct buf *ret_der)
{
	EVP_MD *hash = EVP_MD_fetch(p->env->crypto.libctx, "SHA256", NULL);
	unsigned char *der = NULL;
	int len = -1;

	if (hash != NULL && X509_sign(x, signer, hash) > 0)
		len = i2d_X509(x, &der);
	if (len > 0)
		buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	EVP_MD_free(hash);
	return len > 0 && !buf_failed(ret_der);
}

/* A certificate for key; for the attestation key itself it is one of an authority. */
static bool
certify(struct piv *p, struct piv_key *key, const char *subject, struct buf *ret_der)
{
	struct piv_key *own = &p->keys[PIV_KEY_ATTESTATION];
	EVP_PKEY *pkey = vcard_key_open(&p->env->crypto, &key->key);
	EVP_PKEY *signer = vcard_key_open(&p->env->crypto, &own->key);
	X509 *x = signer != NULL ? X509_new_ex(p->env->crypto.libctx, NULL) : NULL;
	bool done = x != NULL && pkey != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_number(x) &&
		    set_times(x) && set_name(X509_get_subject_name(x), subject) &&
		    set_name(X509_get_issuer_name(x), ISSUER) && X509_set_pubkey(x, pkey) == 1 &&
		    (key == own ? add_authority(x) : add_facts(p, key, x)) && sign(p, x, signer, ret_der);

	X509_free(x);
	ERR_clear_error();
	return done;
}

bool
piv_prepare_attestation(struct piv *p)
{
	struct piv_key *own = &p->keys[PIV_KEY_ATTESTATION];
	struct piv_key made = { .algorithm = PIV_ALG_P256,
				.pin_policy = PIV_PIN_NEVER,
				.touch_policy = PIV_TOUCH_NEVER,
				.origin = PIV_IMPORTED };
	AUTO_BUF struct buf der = BUF_INIT, object = BUF_INIT;

	if (own->key.type != VCARD_KEY_NONE)
		return true;
	if (!vcard_key_generate(&p->env->crypto, VCARD_KEY_EC, 256, &made.key))
		return false;
	*own = made;
	if (!certify(p, own, ISSUER, &der))
		return false;
	vcard_tlv_put(&object, 0x70, buf_cur(&der));
	vcard_tlv_put_u8(&object, 0x71, 0);
	vcard_tlv_put_header(&object, 0xFE, 0);
	return !buf_failed(&object) && piv_set_object(p, PIV_TAG_ATTESTATION, buf_cur(&object));
}

/* What becomes of an answer whose first piece is not followed by all of the second. */
static void
lose_byte(struct buf *answer)
{
	AUTO_BUF struct buf whole = BUF_INIT;
	struct cursor c, part;

	buf_put_cur(&whole, buf_cur(answer));
	c = buf_cur(&whole);
	if (!cur_take(&c, 255, &part) || !cur_skip(&c, 1))
		return;
	buf_truncate(answer, 255);
	buf_put_cur(answer, c);
}

/* P1 names the key. No template: the answer is the certificate. */
uint16_t
piv_attest(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_key *key = piv_find_key(p, command->p1);
	char subject[sizeof(ISSUER) + 4];

	if (command->p2 != 0 || key == NULL || command->p1 == PIV_REF_ATTESTATION)
		return SW_P1P2;
	if (key->key.type == VCARD_KEY_NONE || key->origin != PIV_GENERATED)
		return piv_quirk(p, VCARD_PIV_BAD_INPUT_6F00) ? SW_FAULT : SW_DATA;
	(void)snprintf(subject, sizeof(subject), ISSUER " %02x", (unsigned)command->p1);
	if (!piv_prepare_attestation(p) || !certify(p, key, subject, answer))
		return SW_FAULT;
	if (key->key.type == VCARD_KEY_EC && piv_quirk(p, VCARD_PIV_ATTEST_LOSES))
		lose_byte(answer);
	return SW_OK;
}
