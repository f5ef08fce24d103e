/* SPDX-License-Identifier: BSD-2-Clause */
/* What the card tells of itself: version, serial number, metadata of keys and PINs. */
#include "vcard/piv.h"

#include "base/auto.h"
#include "vcard/tlv.h"

enum {
	TAG_ALGORITHM = 0x01,
	TAG_POLICY = 0x02,
	TAG_ORIGIN = 0x03,
	TAG_PUBLIC = 0x04,
	TAG_DEFAULT = 0x05,
	TAG_TRIES = 0x06,
};

#define ALGORITHM_PIN 0xFF

uint16_t
piv_version(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	uint32_t version = p->env->profile.piv.version;

	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	buf_u8(answer, (uint8_t)(version >> 16));
	buf_be16(answer, (uint16_t)version);
	return SW_OK;
}

uint16_t
piv_serial(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	buf_be32(answer, piv_quirk(p, VCARD_PIV_ZERO_SERIAL) ? 0 : p->serial);
	return SW_OK;
}

/* --- metadata --------------------------------------------------------------------------------------------------- */

static void
put_pair(struct buf *b, uint8_t tag, uint8_t first, uint8_t second)
{
	vcard_tlv_put_header(b, tag, 2);
	buf_u8(b, first);
	buf_u8(b, second);
}

static uint16_t
put_pin(const struct piv *p, const struct piv_pin *pin, struct buf *answer)
{
	if (!piv_quirk(p, VCARD_PIV_ODD_METADATA))
		vcard_tlv_put_u8(answer, TAG_ALGORITHM, ALGORITHM_PIN);
	vcard_tlv_put_u8(answer, TAG_DEFAULT, pin->is_default ? 1 : 0);
	put_pair(answer, TAG_TRIES, pin->tries, pin->left);
	return SW_OK;
}

static uint16_t
put_admin(const struct piv *p, struct buf *answer)
{
	struct piv_admin_key standard;
	struct cursor value = cur_of(p->admin_key.value, p->admin_key.len);

	if (piv_quirk(p, VCARD_PIV_NO_ADMIN))
		return SW_P1P2;
	piv_default_admin_key(&standard, p->admin_key.algorithm);
	vcard_tlv_put_u8(answer, TAG_ALGORITHM, p->admin_key.algorithm);
	put_pair(answer, TAG_POLICY, 0, p->admin_key.touch_policy);
	vcard_tlv_put_u8(answer, TAG_DEFAULT, cur_equals(&value, standard.value, standard.len) ? 1 : 0);
	return SW_OK;
}

/* Lengths in the form with one more byte than they need. */
static void
put_long_form(struct buf *b, uint8_t tag, struct cursor value)
{
	if (value.left > 0x7F) {
		vcard_tlv_put(b, tag, value);
		return;
	}
	buf_u8(b, tag);
	buf_u8(b, 0x81);
	buf_u8(b, (uint8_t)value.left);
	buf_put_cur(b, value);
}

static bool
put_odd_public(struct piv *p, struct vcard_key *key, struct buf *answer)
{
	AUTO_BUF struct buf plain = BUF_INIT, odd = BUF_INIT;
	struct cursor c, value;
	uint32_t tag;

	if (!piv_put_public(p, key, &plain))
		return false;
	c = buf_cur(&plain);
	while (vcard_tlv_next(&c, &tag, &value))
		put_long_form(&odd, (uint8_t)tag, value);
	put_long_form(answer, TAG_PUBLIC, buf_cur(&odd));
	return true;
}

static bool
put_plain_public(struct piv *p, struct vcard_key *key, struct buf *answer)
{
	AUTO_BUF struct buf public = BUF_INIT;

	if (!piv_put_public(p, key, &public))
		return false;
	vcard_tlv_put(answer, TAG_PUBLIC, buf_cur(&public));
	return true;
}

static uint16_t
put_key(struct piv *p, struct piv_key *key, struct buf *answer)
{
	bool odd = piv_quirk(p, VCARD_PIV_ODD_METADATA);

	if (key->key.type == VCARD_KEY_NONE && !odd)
		return SW_NO_DATA;
	if (key->key.type == VCARD_KEY_NONE) {
		put_pair(answer, TAG_POLICY, PIV_PIN_ONCE, PIV_TOUCH_NEVER);
		vcard_tlv_put_u8(answer, TAG_ORIGIN, 0);
		return SW_OK;
	}
	vcard_tlv_put_u8(answer, TAG_ALGORITHM, key->algorithm);
	put_pair(answer, TAG_POLICY, key->pin_policy, key->touch_policy);
	vcard_tlv_put_u8(answer, TAG_ORIGIN, (uint8_t)(key->origin - (odd ? 1 : 0)));
	return (odd ? put_odd_public(p, &key->key, answer) : put_plain_public(p, &key->key, answer)) ? SW_OK : SW_FAULT;
}

uint16_t
piv_metadata(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_key *key;

	if (command->p1 != 0)
		return SW_P1P2;
	switch (command->p2) {
	case PIV_REF_PIN: return put_pin(p, &p->pin, answer);
	case PIV_REF_PUK: return put_pin(p, &p->puk, answer);
	case PIV_REF_ADMIN: return put_admin(p, answer);
	default: break;
	}
	key = piv_find_key(p, command->p2);
	if (key == NULL)
		return SW_P1P2;
	if (command->p2 == PIV_REF_ATTESTATION && !piv_quirk(p, VCARD_PIV_NO_ATTEST) && !piv_prepare_attestation(p))
		return SW_FAULT;
	return put_key(p, key, answer);
}
