/* SPDX-License-Identifier: BSD-2-Clause */
/* GENERAL AUTHENTICATE (SP 800-73-4 part 2, 3.2.4): the template, and what it does with private keys. */
#include "vcard/piv.h"

#include "base/auto.h"
#include "vcard/tlv.h"

enum { TAG_WITNESS = 0x80, TAG_CHALLENGE = 0x81, TAG_RESPONSE = 0x82, TAG_EXPONENTIATION = 0x85 };

void
piv_put_dynamic(struct buf *answer, uint8_t tag, struct cursor value)
{
	AUTO_BUF struct buf content = BUF_INIT;

	vcard_tlv_put(&content, tag, value);
	vcard_tlv_put(answer, 0x7C, buf_cur(&content));
}

/* --- template --------------------------------------------------------------------------------------------------- */

static bool
take_element(struct piv_dynamic *d, uint32_t tag, struct cursor value)
{
	bool *has;

	switch (tag) {
	case TAG_WITNESS:
		has = &d->has_witness;
		d->witness = value;
		break;
	case TAG_CHALLENGE:
		has = &d->has_challenge;
		d->challenge = value;
		break;
	case TAG_RESPONSE:
		has = &d->has_response;
		d->response = value;
		break;
	case TAG_EXPONENTIATION:
		has = &d->has_exponentiation;
		d->exponentiation = value;
		break;
	default: return false;
	}
	if (*has)
		return false;
	*has = true;
	return true;
}

static bool
parse_template(struct cursor data, struct piv_dynamic *ret_d)
{
	struct cursor template, value;
	uint32_t tag;

	*ret_d = (struct piv_dynamic){ .has_witness = false };
	if (!vcard_tlv_expect(&data, 0x7C, &template) || !cur_at_end(&data))
		return false;
	while (!cur_at_end(&template)) {
		if (!vcard_tlv_next(&template, &tag, &value) || !take_element(ret_d, tag, value))
			return false;
	}
	return true;
}

/* --- private keys ----------------------------------------------------------------------------------------------- */

/* The rule of the key, before anything else is looked at. fresh: a VERIFY went right before. */
static uint16_t
check_use(const struct piv *p, const struct piv_key *key, uint8_t reference, bool fresh)
{
	uint8_t policy = key->key.type != VCARD_KEY_NONE ? key->pin_policy : piv_default_pin_policy(reference);

	if (!piv_on_contact(p) && reference != PIV_REF_CARD)
		return SW_SECURITY;
	if (policy == PIV_PIN_ALWAYS && !fresh)
		return SW_SECURITY;
	if (policy != PIV_PIN_NEVER && !piv_user_verified(p))
		return SW_SECURITY;
	if (key->touch_policy >= PIV_TOUCH_ALWAYS && piv_quirk(p, VCARD_PIV_UNTOUCHED))
		return SW_SECURITY;
	return SW_OK;
}

static uint16_t
bad_input(const struct piv *p)
{
	return piv_quirk(p, VCARD_PIV_BAD_INPUT_6F00) ? SW_FAULT : SW_DATA;
}

static uint16_t
use_rsa(struct piv *p, const struct piv_key *key, struct cursor block, struct buf *ret_result)
{
	if (block.left != vcard_key_block(&key->key))
		return SW_DATA;
	return vcard_key_rsa_raw(&key->key, block, ret_result) ? SW_OK : bad_input(p);
}

/* The hash has the length of the field (SP 800-78-4, 3.2.1, by what cards do). */
static uint16_t
use_ecdsa(struct piv *p, struct piv_key *key, struct cursor hash, struct buf *ret_result)
{
	size_t field = vcard_key_block(&key->key);

	if (hash.left == 0 || hash.left > field || (hash.left < field && !piv_quirk(p, VCARD_PIV_SHORT_HASH)))
		return SW_DATA;
	return vcard_key_ecdsa(&p->env->crypto, &key->key, hash, true, ret_result) ? SW_OK : SW_FAULT;
}

static uint16_t
sign_or_decipher(struct piv *p, struct piv_key *key, struct cursor input, struct buf *ret_result)
{
	switch (key->key.type) {
	case VCARD_KEY_RSA: return use_rsa(p, key, input, ret_result);
	case VCARD_KEY_EC: return use_ecdsa(p, key, input, ret_result);
	case VCARD_KEY_ED25519:
		return vcard_key_eddsa(&p->env->crypto, &key->key, input, ret_result) ? SW_OK : SW_FAULT;
	default: return SW_DATA;
	}
}

static bool
may_agree(const struct piv *p, uint8_t reference)
{
	return reference == PIV_REF_KEY_MANAGEMENT ||
	       (reference >= PIV_REF_RETIRED && reference <= PIV_REF_RETIRED_LAST) || piv_quirk(p, VCARD_PIV_ECDH_ALL);
}

static uint16_t
agree(struct piv *p, struct piv_key *key, uint8_t reference, struct cursor point, struct buf *ret_result)
{
	if ((key->key.type != VCARD_KEY_EC && key->key.type != VCARD_KEY_X25519) || !may_agree(p, reference))
		return SW_DATA;
	return vcard_key_agree(&p->env->crypto, &key->key, point, ret_result) ? SW_OK : bad_input(p);
}

static void
put_result(const struct piv *p, const struct piv_key *key, struct cursor result, struct buf *answer)
{
	if (key->key.type == VCARD_KEY_RSA && (p->env->profile.quirks & VCARD_STRIPS_ZEROS) != 0)
		cur_strip_zeros(&result);
	piv_put_dynamic(answer, TAG_RESPONSE, result);
}

/* One input, 81 or 85, and perhaps an empty 82 in any order. */
static uint16_t
use_key(struct piv *p, struct piv_key *key, uint8_t reference, const struct piv_dynamic *d, struct buf *answer)
{
	AUTO_BUF struct buf result = BUF_INIT;
	uint16_t sw;

	if (d->has_witness || d->has_challenge == d->has_exponentiation || d->response.left != 0)
		return SW_DATA;
	if (!d->has_response && piv_quirk(p, VCARD_PIV_NEEDS_82))
		return SW_DATA;
	sw = d->has_challenge ? sign_or_decipher(p, key, d->challenge, &result)
			      : agree(p, key, reference, d->exponentiation, &result);
	if (sw == SW_OK)
		put_result(p, key, buf_cur(&result), answer);
	return sw;
}

static uint16_t
authenticate(struct piv *p, const struct vcard_command *command, bool fresh, struct buf *answer)
{
	struct piv_key *key = command->p2 != PIV_REF_ATTESTATION ? piv_find_key(p, command->p2) : NULL;
	struct piv_dynamic d;
	uint16_t sw;

	if (key == NULL)
		return SW_P1P2;
	p->challenge = PIV_NO_CHALLENGE;
	sw = check_use(p, key, command->p2, fresh);
	if (sw != SW_OK)
		return sw;
	if (key->key.type == VCARD_KEY_NONE || key->algorithm != command->p1)
		return piv_quirk(p, VCARD_PIV_EMPTY_6A80) ? SW_DATA : SW_P1P2;
	if (!parse_template(command->data, &d))
		return SW_DATA;
	return use_key(p, key, command->p2, &d, answer);
}

uint16_t
piv_general_authenticate(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	bool fresh = p->pin_fresh;
	struct piv_dynamic d;

	p->pin_fresh = false;
	if (command->p2 != PIV_REF_ADMIN)
		return authenticate(p, command, fresh, answer);
	if (parse_template(command->data, &d))
		return piv_authenticate_admin(p, command->p1, &d, answer);
	p->challenge = PIV_NO_CHALLENGE;
	return SW_DATA;
}
