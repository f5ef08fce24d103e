/* SPDX-License-Identifier: BSD-2-Clause */
/* Data objects of the PIV application: GET DATA and PUT DATA, and who may read what (SP 800-73-4 part 1, table 2). */
#include "vcard/piv.h"

#include "base/auto.h"
#include "vcard/tlv.h"

void
piv_put_discovery(const struct piv *p, struct buf *b)
{
	bool zero = piv_quirk(p, VCARD_PIV_PIN_IS_00);
	bool global = zero || piv_quirk(p, VCARD_PIV_GLOBAL_PIN);
	bool first = zero || piv_quirk(p, VCARD_PIV_GLOBAL_FIRST);
	uint8_t policy[2] = { 0x40, 0x00 };

	if (global) {
		policy[0] |= 0x20;
		policy[1] = first ? 0x20 : 0x10;
	}
	vcard_tlv_put(b, 0x4F, cur_of(piv_aid, sizeof(piv_aid)));
	if (piv_quirk(p, VCARD_PIV_BAD_DISCOVERY))
		policy[0] = 0x00;
	vcard_tlv_put(b, 0x5F2F, cur_of(policy, sizeof(policy)));
}

/* --- rules ------------------------------------------------------------------------------------------------------ */

static bool
is_known(uint32_t tag)
{
	return tag == PIV_TAG_DISCOVERY || tag == PIV_TAG_BITGT || (tag >= PIV_TAG_CARD_CERT && tag <= PIV_TAG_LAST) ||
	       (tag >= PIV_TAG_VENDOR && tag <= PIV_TAG_VENDOR_LAST);
}

static bool
is_bare(uint32_t tag)
{
	return tag == PIV_TAG_DISCOVERY || tag == PIV_TAG_BITGT;
}

static bool
needs_pin(uint32_t tag)
{
	return tag == PIV_TAG_FINGERPRINTS || tag == PIV_TAG_FACE || tag == PIV_TAG_PRINTED || tag == PIV_TAG_IRIS ||
	       tag == PIV_TAG_PAIRING;
}

/* Without a virtual contact interface, which this card does not have. */
static bool
is_open_contactless(uint32_t tag)
{
	return is_bare(tag) || tag == PIV_TAG_CHUID || tag == PIV_TAG_CHUID + 2 || tag == PIV_TAG_CARD_CERT ||
	       tag == PIV_TAG_SM_SIGNER;
}

/* A guarded object is guarded whether it exists or not, unless the card tells. */
static uint16_t
check_read(const struct piv *p, uint32_t tag, bool present)
{
	if (!piv_on_contact(p) && !is_open_contactless(tag))
		return SW_SECURITY;
	if (!needs_pin(tag) || piv_user_verified(p))
		return SW_OK;
	return !present && piv_quirk(p, VCARD_PIV_LEAKS_ABSENT) ? SW_NO_FILE : SW_SECURITY;
}

/* --- GET DATA (part 2, 3.1.2) ----------------------------------------------------------------------------------- */

static bool
parse_tag_list(struct cursor data, uint32_t *ret_tag)
{
	struct cursor list;

	return vcard_tlv_expect(&data, 0x5C, &list) && cur_at_end(&data) && vcard_tlv_tag(&list, ret_tag) &&
	       cur_at_end(&list);
}

uint16_t
piv_get_data(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	const struct piv_object *object;
	uint32_t tag;
	uint16_t sw;

	if (command->p1 != 0x3F || command->p2 != 0xFF)
		return SW_P1P2;
	if (!parse_tag_list(command->data, &tag))
		return SW_DATA;
	if (tag == PIV_TAG_ATTESTATION && !piv_quirk(p, VCARD_PIV_NO_ATTEST) && !piv_prepare_attestation(p))
		return SW_FAULT;
	object = piv_find_object(p, tag);
	sw = check_read(p, tag, object != NULL);
	if (sw != SW_OK)
		return sw;
	if (object != NULL)
		vcard_tlv_put(answer, is_bare(tag) ? tag : 0x53, buf_cur(&object->value));
	else if (piv_quirk(p, VCARD_PIV_EMPTY_OBJECTS) && is_known(tag) && !is_bare(tag))
		vcard_tlv_put_header(answer, 0x53, 0);
	else
		return SW_NO_FILE;
	if (piv_quirk(p, VCARD_PIV_PADS_OBJECTS))
		buf_be16(answer, 0);
	return SW_OK;
}

/* --- PUT DATA (part 2, 3.3.2) ----------------------------------------------------------------------------------- */

static uint16_t
check_write(const struct piv *p)
{
	if (!piv_on_contact(p))
		return SW_FUNCTION;
	return p->admin ? SW_OK : SW_SECURITY;
}

uint16_t
piv_put_data_part(struct piv *p, const struct vcard_command *command)
{
	struct cursor data = command->data, list;
	uint32_t tag;

	if (piv_quirk(p, VCARD_PIV_PUT_TEARS) && check_write(p) == SW_OK && vcard_tlv_expect(&data, 0x5C, &list) &&
	    vcard_tlv_tag(&list, &tag))
		piv_remove_object(p, tag);
	return piv_quirk(p, VCARD_PIV_PUT_EARLY) ? check_write(p) : SW_OK;
}

/* 5C tag 53 content; discovery object and BITGT come as they are read. */
static bool
parse_object(struct cursor data, uint32_t *ret_tag, struct cursor *ret_value)
{
	struct cursor list;
	uint32_t tag;

	if (!vcard_tlv_next(&data, &tag, &list))
		return false;
	if (is_bare(tag)) {
		*ret_tag = tag;
		*ret_value = list;
		return cur_at_end(&data);
	}
	return tag == 0x5C && vcard_tlv_tag(&list, ret_tag) && cur_at_end(&list) && !is_bare(*ret_tag) &&
	       is_known(*ret_tag) && vcard_tlv_expect(&data, 0x53, ret_value) && cur_at_end(&data);
}

uint16_t
piv_put_data(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	uint16_t sw = check_write(p);
	struct cursor value;
	uint32_t tag;

	(void)answer;
	if (command->p1 != 0x3F || command->p2 != 0xFF)
		return SW_P1P2;
	if (sw != SW_OK)
		return sw;
	if (!parse_object(command->data, &tag, &value))
		return SW_DATA;
	if (piv_quirk(p, VCARD_PIV_FIXED_OBJECTS) && tag >= PIV_TAG_VENDOR)
		return SW_NO_FILE;
	if (value.left > p->env->profile.piv.max_object)
		return SW_FULL;
	if (value.left == 0)
		piv_remove_object(p, tag);
	else if (!piv_set_object(p, tag, value))
		return SW_FULL;
	return SW_OK;
}
