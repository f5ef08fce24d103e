/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tokens tell of their keys beyond SP 800-73-4: metadata (instruction F7) and attestation (F9). A card that does not
 * know one of them is asked once.
 */
#include "piv/piv.h"

#include "iso7816/tlv.h"

#define TAG_ALGORITHM 0x01u
#define TAG_POLICY 0x02u
#define TAG_PUBLIC 0x04u

#define TAG_MODULUS 0x81u
#define TAG_EXPONENT 0x82u
#define TAG_POINT 0x86u

/* The first version that has Ed25519 and X25519. */
#define CURVE25519_MAJOR 5u
#define CURVE25519_MINOR 7u

bool
piv_public_decode(struct cursor parts, uint8_t algorithm, struct public_key *ret_public)
{
	const enum key_type type = piv_algorithm_type(algorithm);
	struct public_key key = { .type = KEY_NONE };
	struct cursor n, e, point;
	bool good;

	if (tlv_find(parts, TAG_POINT, &point))
		good = pubkey_is_25519(type) ? pubkey_set_25519(&key, type, point.p, point.left)
					     : pubkey_set_ec(&key, point.p, point.left);
	else
		good = tlv_find(parts, TAG_MODULUS, &n) && tlv_find(parts, TAG_EXPONENT, &e) &&
		       pubkey_set_rsa(&key, n.p, n.left, e.p, e.left);
	if (!good || piv_algorithm_of(key.type, key.bits) != algorithm)
		return false;
	*ret_public = key;
	return true;
}

/* The answer to a question that a card need not know. */
static DWORD
ask(struct piv *p, uint8_t ins, uint8_t p1, uint8_t p2, enum piv_known *known, struct buf *ret_answer)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, ins, p1, p2, APDU_LE_MAX);
	uint16_t sw = 0;
	DWORD r;

	if (*known == PIV_NO)
		return SCARD_E_UNSUPPORTED_FEATURE;
	r = apdu_exchange(&p->ch, &a, ret_answer, &sw);
	if (piv_unknown_instruction(sw)) {
		*known = PIV_NO;
		return SCARD_E_UNSUPPORTED_FEATURE;
	}
	if (r == SCARD_S_SUCCESS || piv_refused(sw))
		*known = PIV_YES;
	return piv_refused(sw) ? SCARD_E_NO_KEY_CONTAINER : r;
}

/* An empty slot has an answer on one card, but for algorithm and public key. */
bool
piv_metadata_decode(struct cursor answer, struct piv_metadata *ret_metadata)
{
	struct piv_metadata m = { 0 };
	struct cursor value;

	if (tlv_find(answer, TAG_ALGORITHM, &value))
		(void)cur_u8(&value, &m.algorithm);
	if (tlv_find(answer, TAG_POLICY, &value))
		(void)cur_u8(&value, &m.pin_policy);
	m.has_public = tlv_find(answer, TAG_PUBLIC, &value) && piv_public_decode(value, m.algorithm, &m.public);
	*ret_metadata = m;
	return m.algorithm != 0;
}

DWORD
piv_metadata_read(struct piv *p, uint8_t reference, struct piv_metadata *ret_metadata)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	DWORD r = ask(p, PIV_INS_METADATA, 0x00, reference, &p->metadata, &answer);

	if (r == SCARD_S_SUCCESS && !piv_metadata_decode(buf_cur(&answer), ret_metadata))
		r = SCARD_E_NO_KEY_CONTAINER;
	if (piv_is_answer(r))
		piv_cache_keep_metadata(p, reference, r == SCARD_S_SUCCESS ? buf_cur(&answer) : cur_of(NULL, 0));
	return r;
}

DWORD
piv_attestation_read(struct piv *p, uint8_t reference, struct public_key *ret_public)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct piv_cert cert;
	DWORD r = ask(p, PIV_INS_ATTEST, reference, 0x00, &p->attestation, &answer);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (!piv_cert_parse(buf_cur(&answer), &cert) || cert.key.type == KEY_NONE)
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_public = cert.key;
	return SCARD_S_SUCCESS;
}

DWORD
piv_curve25519_known(struct piv *p, bool *ret_has)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	enum piv_known known = p->metadata;
	uint8_t major = 0, minor = 0;
	struct cursor version;
	DWORD r;

	if (p->curve25519 == PIV_NOT_ASKED) {
		if ((r = piv_confirm(p)) != SCARD_S_SUCCESS)
			return r;
		r = ask(p, PIV_INS_VERSION, 0x00, 0x00, &known, &answer);
		if (r != SCARD_S_SUCCESS && r != SCARD_E_UNSUPPORTED_FEATURE && r != SCARD_E_NO_KEY_CONTAINER)
			return r;
		version = buf_cur(&answer);
		(void)(cur_u8(&version, &major) && cur_u8(&version, &minor));
		p->curve25519 = major > CURVE25519_MAJOR || (major == CURVE25519_MAJOR && minor >= CURVE25519_MINOR)
					? PIV_YES
					: PIV_NO;
	}
	*ret_has = p->curve25519 == PIV_YES;
	return SCARD_S_SUCCESS;
}
