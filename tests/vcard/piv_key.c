/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the PIV application: their places and algorithms, generation, import, moving. */
#include "vcard/piv.h"

#include "base/auto.h"
#include "vcard/tlv.h"

enum { TAG_ALGORITHM = 0x80, TAG_EXPONENT = 0x81, TAG_PIN_POLICY = 0xAA, TAG_TOUCH_POLICY = 0xAB };
enum { IMPORT_PRIME = 0x01, IMPORT_PRIMES = 5, IMPORT_EC = 0x06, IMPORT_ED25519 = 0x07, IMPORT_X25519 = 0x08 };
enum { MOVE_DELETES = 0xFF };

/* --- places (part 1, table 4b) ---------------------------------------------------------------------------------- */

uint8_t
piv_key_reference(unsigned index)
{
	static const uint8_t first[] = { PIV_REF_AUTHENTICATION, PIV_REF_SIGNATURE, PIV_REF_KEY_MANAGEMENT,
					 PIV_REF_CARD };

	if (index < ARRAY_SIZE(first))
		return first[index];
	return index == PIV_KEY_ATTESTATION ? PIV_REF_ATTESTATION
					    : (uint8_t)(PIV_REF_RETIRED + index - ARRAY_SIZE(first));
}

struct piv_key *
piv_find_key(struct piv *p, uint8_t reference)
{
	unsigned i;

	if (piv_quirk(p, VCARD_PIV_FEW_RETIRED) && reference > 0x8C && reference <= PIV_REF_RETIRED_LAST)
		return NULL;
	for (i = 0; i < PIV_KEYS; i++) {
		if (piv_key_reference(i) == reference)
			return &p->keys[i];
	}
	return NULL;
}

void
piv_clear_key(struct piv_key *key)
{
	vcard_key_clear(&key->key);
	key->algorithm = key->pin_policy = key->touch_policy = key->origin = 0;
}

uint8_t
piv_default_pin_policy(uint8_t reference)
{
	switch (reference) {
	case PIV_REF_SIGNATURE: return PIV_PIN_ALWAYS;
	case PIV_REF_CARD:
	case PIV_REF_ATTESTATION: return PIV_PIN_NEVER;
	default: return PIV_PIN_ONCE;
	}
}

/* --- algorithms (SP 800-78-4, table 6-2) ------------------------------------------------------------------------ */

static const struct piv_algorithm algorithms[] = {
	{ PIV_ALG_RSA1024, VCARD_KEY_RSA, 1024, false },   { PIV_ALG_RSA2048, VCARD_KEY_RSA, 2048, false },
	{ PIV_ALG_RSA3072, VCARD_KEY_RSA, 3072, true },	   { PIV_ALG_RSA4096, VCARD_KEY_RSA, 4096, true },
	{ PIV_ALG_P256, VCARD_KEY_EC, 256, false },	   { PIV_ALG_P384, VCARD_KEY_EC, 384, false },
	{ PIV_ALG_ED25519, VCARD_KEY_ED25519, 256, true }, { PIV_ALG_X25519, VCARD_KEY_X25519, 256, true },
};

/* Ids that a maker gave, where others gave other ones later. */
static uint8_t
common_id(const struct piv *p, uint8_t id)
{
	if (!piv_quirk(p, VCARD_PIV_OTHER_IDS))
		return id;
	switch (id) {
	case PIV_ALG_OTHER_ED25519: return PIV_ALG_ED25519;
	case PIV_ALG_OTHER_X25519: return PIV_ALG_X25519;
	case PIV_ALG_ED25519:
	case PIV_ALG_X25519: return PIV_ALG_DEFAULT;
	default: return id;
	}
}

static bool
can(const struct piv *p, const struct piv_algorithm *algorithm)
{
	if (algorithm->id == PIV_ALG_P384 && piv_quirk(p, VCARD_PIV_NO_P384))
		return false;
	if (algorithm->id == PIV_ALG_RSA1024 && piv_quirk(p, VCARD_PIV_NO_RSA1024))
		return false;
	return !algorithm->late || piv_version_at_least(p, 0x050700);
}

const struct piv_algorithm *
piv_find_algorithm(const struct piv *p, uint8_t id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++) {
		if (algorithms[i].id == common_id(p, id))
			return can(p, &algorithms[i]) ? &algorithms[i] : NULL;
	}
	return NULL;
}

bool
piv_put_public(struct piv *p, struct vcard_key *key, struct buf *b)
{
	AUTO_BUF struct buf first = BUF_INIT, second = BUF_INIT;
	bool done;

	switch (key->type) {
	case VCARD_KEY_RSA:
		done = vcard_key_rsa_public(key, &first, &second);
		vcard_tlv_put(b, 0x81, buf_cur(&first));
		vcard_tlv_put(b, 0x82, buf_cur(&second));
		return done;
	case VCARD_KEY_EC: done = vcard_key_ec_public(key, &first); break;
	default: done = vcard_key_25519_public(&p->env->crypto, key, &first); break;
	}
	vcard_tlv_put(b, 0x86, buf_cur(&first));
	return done;
}

/* --- policies --------------------------------------------------------------------------------------------------- */

/* One byte of a tag; absent and 0 are the standard. False for more than max. */
static bool
read_policy(struct cursor template, uint8_t tag, uint8_t standard, uint8_t max, uint8_t *ret_policy)
{
	struct cursor value;
	uint8_t policy = 0;

	if (vcard_tlv_find(template, tag, &value) && (!cur_u8(&value, &policy) || !cur_at_end(&value)))
		return false;
	*ret_policy = policy == 0 ? standard : policy;
	return policy <= max;
}

static bool
read_policies(struct cursor template, uint8_t reference, struct piv_key *ret_key)
{
	return read_policy(template, TAG_PIN_POLICY, piv_default_pin_policy(reference), PIV_PIN_ALWAYS,
			   &ret_key->pin_policy) &&
	       read_policy(template, TAG_TOUCH_POLICY, PIV_TOUCH_NEVER, PIV_TOUCH_CACHED, &ret_key->touch_policy);
}

static uint16_t
check_manage(const struct piv *p)
{
	if (!piv_on_contact(p))
		return SW_FUNCTION;
	return p->admin ? SW_OK : SW_SECURITY;
}

static void
replace_key(struct piv_key *place, struct piv_key *made)
{
	place->algorithm = made->algorithm;
	place->pin_policy = made->pin_policy;
	place->touch_policy = made->touch_policy;
	place->origin = made->origin;
	vcard_key_move(&place->key, &made->key);
}

/* --- GENERATE ASYMMETRIC KEY PAIR (part 2, 3.3.1) --------------------------------------------------------------- */

static bool good_exponent(struct cursor template)
{
	static const uint8_t f4[] = { 0x01, 0x00, 0x01 };
	struct cursor value;

	if (!vcard_tlv_find(template, TAG_EXPONENT, &value))
		return true;
	cur_strip_zeros(&value);
	return cur_equals(&value, f4, sizeof(f4)) && value.left == sizeof(f4);
}

static uint16_t
generate(struct piv *p, struct piv_key *place, uint8_t reference, struct cursor template, struct buf *answer)
{
	struct piv_key made = { .origin = PIV_GENERATED };
	const struct piv_algorithm *algorithm;
	AUTO_BUF struct buf public = BUF_INIT;

	if (!vcard_tlv_find_u8(template, TAG_ALGORITHM, &made.algorithm) || !good_exponent(template) ||
	    !read_policies(template, reference, &made))
		return SW_DATA;
	algorithm = piv_find_algorithm(p, made.algorithm);
	if (algorithm == NULL)
		return SW_DATA;
	if (!vcard_key_generate(&p->env->crypto, algorithm->type, algorithm->bits, &made.key))
		return SW_FAULT;
	replace_key(place, &made);
	if (!piv_put_public(p, &place->key, &public))
		return SW_FAULT;
	vcard_tlv_put(answer, 0x7F49, buf_cur(&public));
	return SW_OK;
}

uint16_t
piv_generate(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_key *place = piv_find_key(p, command->p2);
	struct cursor data = command->data, template;
	uint16_t sw = check_manage(p);

	if (sw != SW_OK)
		return sw;
	if (command->p1 != 0 || place == NULL)
		return SW_P1P2;
	if (!vcard_tlv_expect(&data, 0xAC, &template) || !cur_at_end(&data))
		return SW_DATA;
	return generate(p, place, command->p2, template, answer);
}

/* --- import ----------------------------------------------------------------------------------------------------- */

static bool
import_rsa(struct cursor elements, struct vcard_key *ret_key)
{
	struct cursor numbers[IMPORT_PRIMES];
	uint32_t i;

	for (i = 0; i < IMPORT_PRIMES; i++) {
		if (!vcard_tlv_find(elements, IMPORT_PRIME + i, &numbers[i]))
			return false;
	}
	return vcard_key_import_rsa_primes(numbers, ret_key);
}

static bool
import_key(struct piv *p, const struct piv_algorithm *algorithm, struct cursor elements, struct vcard_key *ret_key)
{
	struct cursor number;

	switch (algorithm->type) {
	case VCARD_KEY_RSA: return import_rsa(elements, ret_key) && ret_key->bits == algorithm->bits;
	case VCARD_KEY_EC:
		return vcard_tlv_find(elements, IMPORT_EC, &number) &&
		       vcard_key_import_ec_number(&p->env->crypto, algorithm->bits, number, ret_key);
	case VCARD_KEY_ED25519:
		return vcard_tlv_find(elements, IMPORT_ED25519, &number) &&
		       vcard_key_import_25519(algorithm->type, number, ret_key);
	default:
		return vcard_tlv_find(elements, IMPORT_X25519, &number) &&
		       vcard_key_import_25519(algorithm->type, number, ret_key);
	}
}

uint16_t
piv_import(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	const struct piv_algorithm *algorithm = piv_find_algorithm(p, command->p1);
	struct piv_key made = { .algorithm = command->p1, .origin = PIV_IMPORTED };
	struct piv_key *place = piv_find_key(p, command->p2);
	uint16_t sw = check_manage(p);

	(void)answer;
	if (sw != SW_OK)
		return sw;
	if (algorithm == NULL || place == NULL)
		return SW_P1P2;
	if (!read_policies(command->data, command->p2, &made) || !import_key(p, algorithm, command->data, &made.key)) {
		piv_clear_key(&made);
		return SW_DATA;
	}
	replace_key(place, &made);
	return SW_OK;
}

/* --- moving and deleting ---------------------------------------------------------------------------------------- */

uint16_t
piv_move(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_key *from = piv_find_key(p, command->p2), *to = piv_find_key(p, command->p1);
	uint16_t sw = check_manage(p);

	(void)answer;
	if (sw != SW_OK)
		return sw;
	if (command->p1 == MOVE_DELETES)
		to = NULL;
	else if (to == NULL || to == from || command->p1 == PIV_REF_ATTESTATION)
		return SW_P1P2;
	if (from == NULL)
		return SW_P1P2;
	if (from->key.type == VCARD_KEY_NONE)
		return SW_NO_DATA;
	if (to != NULL && to->key.type != VCARD_KEY_NONE)
		return SW_CONDITIONS;
	if (to != NULL)
		replace_key(to, from);
	piv_clear_key(from);
	return SW_OK;
}
