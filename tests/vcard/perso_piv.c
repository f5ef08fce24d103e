/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation of PIV cards: the management key, data objects, keys; perso_piv_cert.c certificates. */
#include "vcard/perso_piv.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/auto.h"
#include "vcard/key_internal.h"
#include "vcard/perso_internal.h"
#include "vcard/perso_piv_internal.h"
#include "vcard/tlv.h"

/* What would keep the issuer out. */
#define SHUT (VCARD_PIV_NO_ADMIN | VCARD_PIV_NO_EXTENSIONS | VCARD_PIV_CONTACTLESS | VCARD_PIV_UNTOUCHED)

static const struct cursor nothing = { NULL, 0 };

/* --- management key --------------------------------------------------------------------------------------------- */

static bool
encrypt_block(struct piv *p, struct cursor challenge, uint8_t ret_response[PIV_BLOCK_MAX])
{
	struct cursor key = cur_of(p->admin_key.value, p->admin_key.len);

	if (p->admin_key.algorithm == PIV_ALG_DES3)
		return challenge.left == 8 && vcard_des3_cbc(&p->env->crypto, key, true, challenge.p, 8, ret_response);
	return challenge.left == PIV_BLOCK_MAX &&
	       vcard_aes_block(&p->env->crypto, key, true, challenge.p, ret_response);
}

/* External authentication, with the key that the card has now. */
static bool
authenticate(struct vcard *card, struct piv *p)
{
	const uint8_t header[4] = { 0x00, INS_GENERAL_AUTH, p->admin_key.algorithm, PIV_REF_ADMIN };
	static const uint8_t ask[] = { 0x7C, 0x02, 0x81, 0x00 };
	AUTO_BUF struct buf answer = BUF_INIT, response = BUF_INIT;
	uint8_t block[PIV_BLOCK_MAX];
	struct cursor c, template, challenge;

	if (!perso_command(card, "ask for a challenge", header, cur_of(ask, sizeof(ask)), true, &answer))
		return false;
	c = buf_cur(&answer);
	if (!vcard_tlv_expect(&c, 0x7C, &template) || !vcard_tlv_expect(&template, 0x81, &challenge) ||
	    !encrypt_block(p, challenge, block))
		return perso_fail("the challenge cannot be answered");
	piv_put_dynamic(&response, 0x82, cur_of(block, challenge.left));
	return perso_command(card, "authenticate", header, buf_cur(&response), false, NULL);
}

bool
perso_piv_begin(struct vcard *card, struct perso_piv_session *ret_session)
{
	static const uint8_t select[4] = { 0x00, INS_SELECT, 0x04, 0x00 };
	struct piv *p = vcard_piv(card);

	*ret_session = (struct perso_piv_session){ .card = card, .piv = p };
	if (p == NULL)
		return perso_fail("the card has no PIV application");
	ret_session->quirks = card->env.profile.piv.quirks;
	card->env.profile.piv.quirks &= ~SHUT;
	return perso_command(card, "select", select, cur_of(piv_aid, 9), true, NULL) && authenticate(card, p);
}

int
perso_piv_end(struct perso_piv_session *session, bool done)
{
	if (session->piv != NULL)
		session->card->env.profile.piv.quirks = session->quirks;
	vcard_reset(session->card);
	return done ? 0 : -1;
}

/* --- data objects ----------------------------------------------------------------------------------------------- */

bool
perso_piv_put(struct vcard *card, uint32_t tag, struct cursor value)
{
	static const uint8_t header[4] = { 0x00, INS_PUT_DATA, 0x3F, 0xFF };
	AUTO_BUF struct buf data = BUF_INIT, list = BUF_INIT;

	if (tag == PIV_TAG_DISCOVERY || tag == PIV_TAG_BITGT) {
		vcard_tlv_put(&data, tag, value);
	} else {
		vcard_tlv_put_tag(&list, tag);
		vcard_tlv_put(&data, 0x5C, buf_cur(&list));
		vcard_tlv_put(&data, 0x53, value);
	}
	if (buf_failed(&data))
		return perso_fail("object %06X: too long", (unsigned)tag);
	return perso_command(card, "put data", header, buf_cur(&data), false, NULL);
}

int
vcard_piv_put(struct vcard *card, uint32_t tag, struct cursor content)
{
	struct perso_piv_session session = { .card = card };

	return perso_piv_end(&session, perso_piv_begin(card, &session) && perso_piv_put(card, tag, content));
}

/* FASC-N of an issuer that is no agency, GUID, expiry, no signature. */
static bool
put_chuid(struct vcard *card, const uint8_t *guid)
{
	static const uint8_t fascn[] = { 0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE, 0x73, 0x9D, 0x83, 0x68,
					 0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB };
	AUTO_BUF struct buf b = BUF_INIT;
	uint8_t fresh[VCARD_GUID_LEN];

	if (!vcard_random(fresh, sizeof(fresh)))
		return perso_fail("no random bytes");
	fresh[6] = (uint8_t)((fresh[6] & 0x0F) | 0x40);
	fresh[8] = (uint8_t)((fresh[8] & 0x3F) | 0x80);
	vcard_tlv_put(&b, 0x30, cur_of(fascn, sizeof(fascn)));
	vcard_tlv_put(&b, 0x34, cur_of(guid != NULL ? guid : fresh, VCARD_GUID_LEN));
	vcard_tlv_put(&b, 0x35, cur_of("20491231", 8));
	vcard_tlv_put(&b, 0x3E, nothing);
	vcard_tlv_put(&b, 0xFE, nothing);
	return perso_piv_put(card, PIV_TAG_CHUID, buf_cur(&b));
}

static bool
put_ccc(struct vcard *card)
{
	static const uint8_t manufacturer[] = { 0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02 };
	static const uint8_t rest[] = { 0xF1, 0x01, 0x21, 0xF2, 0x01, 0x21, 0xF3, 0x00, 0xF4,
					0x00, 0xF5, 0x01, 0x10, 0xF6, 0x00, 0xF7, 0x00, 0xFA,
					0x00, 0xFB, 0x00, 0xFC, 0x00, 0xFD, 0x00, 0xFE, 0x00 };
	AUTO_BUF struct buf b = BUF_INIT;
	uint8_t number[14];

	if (!vcard_random(number, sizeof(number)))
		return perso_fail("no random bytes");
	vcard_tlv_put_header(&b, 0xF0, sizeof(manufacturer) + sizeof(number));
	buf_put(&b, manufacturer, sizeof(manufacturer));
	buf_put(&b, number, sizeof(number));
	buf_put(&b, rest, sizeof(rest));
	return perso_piv_put(card, PIV_TAG_CCC, buf_cur(&b));
}

static bool
put_basics(struct vcard *card, const uint8_t *guid)
{
	static const uint8_t history[] = { 0xC1, 0x01, 0x00, 0xC2, 0x01, 0x00, 0xFE, 0x00 };

	return put_chuid(card, guid) && put_ccc(card) &&
	       perso_piv_put(card, PIV_TAG_HISTORY, cur_of(history, sizeof(history)));
}

int
vcard_piv_format(struct vcard *card, const uint8_t guid[VCARD_GUID_LEN])
{
	struct perso_piv_session session = { .card = card };

	return perso_piv_end(&session, perso_piv_begin(card, &session) && put_basics(card, guid));
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

static void
put_policies(const struct vcard_piv_slot *slot, struct buf *b)
{
	if (slot->pin_policy != 0)
		vcard_tlv_put_u8(b, 0xAA, slot->pin_policy);
	if (slot->touch_policy != 0)
		vcard_tlv_put_u8(b, 0xAB, slot->touch_policy);
}

static bool
generate(struct vcard *card, const struct vcard_piv_slot *slot)
{
	const uint8_t header[4] = { 0x00, INS_GENERATE, 0x00, slot->reference };
	AUTO_BUF struct buf template = BUF_INIT, data = BUF_INIT;

	vcard_tlv_put_u8(&template, 0x80, slot->algorithm);
	put_policies(slot, &template);
	vcard_tlv_put(&data, 0xAC, buf_cur(&template));
	return perso_command(card, "generate key", header, buf_cur(&data), true, NULL);
}

int
vcard_piv_keygen(struct vcard *card, const struct vcard_piv_slot *slot)
{
	struct perso_piv_session session = { .card = card };

	return perso_piv_end(&session, perso_piv_begin(card, &session) && generate(card, slot));
}

static bool
import_elements(struct vcard *card, const struct vcard_piv_slot *slot, struct buf *elements)
{
	const uint8_t header[4] = { 0x00, PIV_INS_IMPORT, slot->algorithm, slot->reference };

	put_policies(slot, elements);
	return perso_command(card, "import key", header, buf_cur(elements), false, NULL);
}

static bool
import_fixture(struct vcard *card, const struct vcard_piv_slot *slot, const struct perso_piv_fixture *fixture)
{
	AUTO_BUF struct buf elements = BUF_INIT;
	bool rsa = fixture->numbers[1].left > 0;
	uint8_t i;

	for (i = 0; rsa && i < ARRAY_SIZE(fixture->numbers); i++)
		vcard_tlv_put(&elements, 0x01u + i, fixture->numbers[i]);
	if (!rsa)
		vcard_tlv_put(&elements, 0x06, fixture->numbers[0]);
	return import_elements(card, slot, &elements);
}

int
vcard_piv_import_reference(struct vcard *card, const struct vcard_piv_slot *slot)
{
	struct perso_piv_session session = { .card = card };
	unsigned i = slot->algorithm == PIV_ALG_RSA2048 ? 0 : 3;

	if (slot->algorithm != perso_piv_fixtures[i].algorithm) {
		(void)perso_fail("no key of this kind is at hand");
		return -1;
	}
	return perso_piv_end(&session,
			     perso_piv_begin(card, &session) && import_fixture(card, slot, &perso_piv_fixtures[i]));
}

static bool
put_reference_key(struct vcard *card, const struct perso_piv_fixture *fixture)
{
	const struct vcard_piv_slot slot = { .reference = fixture->reference, .algorithm = fixture->algorithm };

	return import_fixture(card, &slot, fixture) &&
	       perso_piv_put_certificate(card, fixture->reference, fixture->certificate, VCARD_PIV_PLAIN);
}

static bool
put_reference(struct vcard *card)
{
	unsigned i;

	for (i = 0; i < PERSO_PIV_FIXTURES; i++) {
		if (!put_reference_key(card, &perso_piv_fixtures[i]))
			return false;
	}
	return true;
}

int
vcard_piv_reference(struct vcard *card, const uint8_t guid[VCARD_GUID_LEN])
{
	struct perso_piv_session session = { .card = card };

	return perso_piv_end(&session,
			     perso_piv_begin(card, &session) && put_basics(card, guid) && put_reference(card));
}

struct cursor
vcard_piv_reference_certificate(uint8_t reference)
{
	unsigned i;

	for (i = 0; i < PERSO_PIV_FIXTURES; i++) {
		if (perso_piv_fixtures[i].reference == reference)
			return perso_piv_fixtures[i].certificate;
	}
	return nothing;
}

int
vcard_piv_pubkey(struct vcard *card, uint8_t reference, struct buf *ret_spki)
{
	struct piv *p = vcard_piv(card);
	struct piv_key *key = p != NULL ? piv_find_key(p, reference) : NULL;
	EVP_PKEY *pkey = key != NULL ? vcard_key_open(&p->env->crypto, &key->key) : NULL;
	unsigned char *der = NULL;
	int len = pkey != NULL ? i2d_PUBKEY(pkey, &der) : -1;

	if (len > 0)
		buf_put(ret_spki, der, (size_t)len);
	OPENSSL_free(der);
	ERR_clear_error();
	if (len > 0 && !buf_failed(ret_spki))
		return 0;
	(void)perso_fail("there is no key %02X", (unsigned)reference);
	return -1;
}

/* --- import of PEM files ---------------------------------------------------------------------------------------- */

static bool
put_number(EVP_PKEY *pkey, const char *name, uint8_t tag, size_t width, struct buf *b)
{
	BIGNUM *number = NULL;
	uint8_t *room;
	bool done;

	vcard_tlv_put_header(b, tag, width);
	room = buf_extend(b, width);
	done = room != NULL && EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
	       BN_bn2binpad(number, room, (int)width) == (int)width;
	BN_clear_free(number);
	return done;
}

static bool
put_primes(EVP_PKEY *pkey, struct buf *b)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
					     OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
					     OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!put_number(pkey, names[i], (uint8_t)(i + 1), (size_t)EVP_PKEY_get_bits(pkey) / 16, b))
			return false;
	}
	return true;
}

static bool
put_raw(EVP_PKEY *pkey, uint8_t tag, struct buf *b)
{
	uint8_t bytes[VCARD_25519_LEN];
	size_t len = sizeof(bytes);

	if (EVP_PKEY_get_raw_private_key(pkey, bytes, &len) != 1)
		return false;
	vcard_tlv_put(b, tag, cur_of(bytes, len));
	return true;
}

/* The algorithm and the elements of the import command; 0 for a key that no card holds. */
static uint8_t
put_pem_key(EVP_PKEY *pkey, struct buf *b)
{
	static const struct {
		const char *type;
		int bits;
		uint8_t algorithm;
	} kinds[] = {
		{ "RSA", 1024, PIV_ALG_RSA1024 },  { "RSA", 2048, PIV_ALG_RSA2048 }, { "RSA", 3072, PIV_ALG_RSA3072 },
		{ "RSA", 4096, PIV_ALG_RSA4096 },  { "EC", 256, PIV_ALG_P256 },	     { "EC", 384, PIV_ALG_P384 },
		{ "ED25519", 0, PIV_ALG_ED25519 }, { "X25519", 0, PIV_ALG_X25519 },
	};
	bool done = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (EVP_PKEY_is_a(pkey, kinds[i].type) == 1 &&
		    (kinds[i].bits == 0 || kinds[i].bits == EVP_PKEY_get_bits(pkey)))
			break;
	}
	if (i == ARRAY_SIZE(kinds))
		return 0;
	switch (kinds[i].algorithm) {
	case PIV_ALG_P256:
	case PIV_ALG_P384:
		done = put_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, 0x06, ((size_t)kinds[i].bits + 7) / 8, b);
		break;
	case PIV_ALG_ED25519: done = put_raw(pkey, 0x07, b); break;
	case PIV_ALG_X25519: done = put_raw(pkey, 0x08, b); break;
	default: done = put_primes(pkey, b); break;
	}
	return done ? kinds[i].algorithm : 0;
}

int
vcard_piv_import(struct vcard *card, const struct vcard_piv_slot *slot, const char *pem_path)
{
	AUTO_BUF struct buf elements = BUF_INIT;
	struct vcard_piv_slot s = *slot;
	struct perso_piv_session session = { .card = card };
	FILE *f = fopen(pem_path, "r");
	EVP_PKEY *pkey = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f != NULL)
		(void)fclose(f);
	s.algorithm = pkey != NULL ? put_pem_key(pkey, &elements) : 0;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (s.algorithm == 0) {
		(void)perso_fail("%s: no private key that the card can hold", pem_path);
		return -1;
	}
	return perso_piv_end(&session, perso_piv_begin(card, &session) && import_elements(card, &s, &elements));
}
