/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data objects: GET DATA, PUT DATA (SP 800-73-4 part 2, 3.1.2 and 3.3.2), and what the objects without keys say: who the card
 * is, which PIN it wants, how many retired keys it has.
 */
#include "piv/piv.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define P1_OBJECTS 0x3Fu
#define P2_OBJECTS 0xFFu
#define TAG_LIST 0x5Cu
#define TAG_CONTENT 0x53u

#define SW_NO_OBJECT 0x6A82u
#define SW_NO_REFERENCE 0x6A88u
#define SW_SECURITY 0x6982u
#define SW_NO_FUNCTION 0x6A81u

#define SERIAL_LEN 4u

/* In the CHUID (SP 800-73-4 part 1, table 9). */
#define TAG_FASCN 0x30u
#define TAG_GUID 0x34u
/* In the discovery object (table 18). */
#define TAG_PIN_POLICY 0x5F2Fu
#define POLICY_PIN 0x40u
#define POLICY_GLOBAL 0x20u
#define PRIMARY_GLOBAL 0x20u
/* In the key history (table 17). */
#define TAG_ON_CARD 0xC1u
#define TAG_OFF_CARD 0xC2u

static struct apdu
get_data(uint32_t tag)
{
	struct apdu a = apdu_of(0x00, PIV_INS_GET_DATA, P1_OBJECTS, P2_OBJECTS, APDU_LE_MAX);
	const uint8_t bytes[3] = { (uint8_t)(tag >> 16), (uint8_t)(tag >> 8), (uint8_t)tag };
	struct cursor list = cur_of(bytes, sizeof(bytes));

	while (list.left > 1 && *list.p == 0)
		(void)cur_skip(&list, 1);
	tlv_put(&a.data, TAG_LIST, list);
	a.bulk = true;
	return a;
}

static DWORD
read_code(DWORD r, uint16_t sw)
{
	if (!piv_refused(sw))
		return r;
	switch (sw) {
	case SW_NO_OBJECT:
	case SW_NO_REFERENCE: return SCARD_E_FILE_NOT_FOUND;
	/* the second one over the contactless interface: not here, whatever PIN there is */
	case SW_SECURITY:
	case SW_NO_FUNCTION: return SCARD_W_SECURITY_VIOLATION;
	default: return SCARD_E_UNEXPECTED;
	}
}

/* What follows the object is the card's affair; some send whole blocks. */
bool
piv_object_content(struct cursor object, uint32_t tag, struct cursor *ret_content)
{
	struct cursor content;

	if (!tlv_get(&object, tag == PIV_DISCOVERY ? tag : TAG_CONTENT, &content))
		return false;
	*ret_content = content;
	return true;
}

DWORD
piv_object_read(struct piv *p, uint32_t tag, struct buf *ret_object)
{
	AUTO_APDU struct apdu a = get_data(tag);
	struct cursor content;
	uint16_t sw = 0;
	DWORD r = apdu_exchange(&p->ch, &a, ret_object, &sw);

	if (r != SCARD_S_SUCCESS)
		return read_code(r, sw);
	if (!piv_object_content(buf_cur(ret_object), tag, &content)) {
		log_fail(LOG_CARD, SCARD_E_UNEXPECTED, "object %06X: %zu bytes that are none", tag, ret_object->len);
		return SCARD_E_UNEXPECTED;
	}
	return content.left > 0 ? SCARD_S_SUCCESS : SCARD_E_FILE_NOT_FOUND;
}

DWORD
piv_object_compare(struct piv *p, uint32_t tag, struct cursor object, bool *ret_same)
{
	AUTO_APDU struct apdu a = get_data(tag);
	AUTO_BUF struct buf head = BUF_INIT;
	struct cursor known;
	uint16_t sw = 0;
	DWORD r;

	a.head = true;
	if ((r = apdu_exchange(&p->ch, &a, &head, &sw)) != SCARD_S_SUCCESS)
		return read_code(r, sw);
	*ret_same = (head.len == object.left || sw != SW_OK) && cur_take(&object, head.len, &known) &&
		    cur_equals(&known, head.p, head.len);
	return SCARD_S_SUCCESS;
}

DWORD
piv_object_write(struct piv *p, uint32_t tag, struct cursor content)
{
	AUTO_APDU struct apdu a = get_data(tag);
	uint16_t sw = 0;
	DWORD r;

	a.ins = PIV_INS_PUT_DATA;
	a.le = APDU_LE_NONE;
	a.bulk = false;
	tlv_put(&a.data, TAG_CONTENT, content);
	r = apdu_exchange(&p->ch, &a, NULL, &sw);
	/* a card that was given its objects when it was made has no others */
	if (sw == SW_NO_OBJECT || sw == SW_NO_REFERENCE)
		return content.left > 0 ? SCARD_E_UNSUPPORTED_FEATURE : SCARD_S_SUCCESS;
	return r;
}

/* Who the card is ---------------------------------------------------------------------------------------------------- */

static bool
is_zero(struct cursor c)
{
	uint8_t byte;

	while (cur_u8(&c, &byte))
		if (byte != 0)
			return false;
	return true;
}

static bool
guid_of_chuid(struct cursor content, uint8_t ret_guid[PIV_GUID_LEN])
{
	struct cursor guid;

	return tlv_find(content, TAG_GUID, &guid) && guid.left == PIV_GUID_LEN && !is_zero(guid) &&
	       cur_copy(&guid, ret_guid, PIV_GUID_LEN);
}

/*
 * Agency, system, credential and the head of the person: what is unique in a FASC-N. Issuers that are no agency share 9999,
 * which begins D4 E7 39.
 */
static bool
guid_of_fascn(struct cursor content, uint8_t ret_guid[PIV_GUID_LEN])
{
	static const uint8_t no_agency[] = { 0xD4, 0xE7, 0x39 };
	struct cursor fascn, head;

	if (!tlv_find(content, TAG_FASCN, &fascn) || fascn.left < PIV_GUID_LEN || is_zero(fascn))
		return false;
	head = fascn;
	if (cur_take(&head, sizeof(no_agency), &head) && cur_equals(&head, no_agency, sizeof(no_agency)))
		return false;
	return cur_copy(&fascn, ret_guid, PIV_GUID_LEN);
}

DWORD
piv_serial_read(struct piv *p, struct buf *ret_serial)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_SERIAL, 0x00, 0x00, APDU_LE_MAX);
	uint16_t sw = 0;
	DWORD r = apdu_exchange(&p->ch, &a, ret_serial, &sw);

	if (ret_serial->len != SERIAL_LEN || is_zero(buf_cur(ret_serial)))
		buf_reset(ret_serial);
	return piv_refused(sw) ? SCARD_S_SUCCESS : r;
}

static DWORD
guid_of_serial(struct piv *p, uint8_t ret_guid[PIV_GUID_LEN], bool *ret_found)
{
	static const char domain[] = "PIV serial: ";
	AUTO_BUF struct buf serial = BUF_INIT;
	DWORD r = piv_serial_read(p, &serial);

	_Static_assert(sizeof(domain) - 1 + SERIAL_LEN == PIV_GUID_LEN, "both fill it");
	*ret_found = serial.len > 0;
	if (*ret_found) {
		memcpy(ret_guid, domain, sizeof(domain) - 1);
		memcpy(ret_guid + sizeof(domain) - 1, serial.p, SERIAL_LEN);
	}
	return r;
}

/* The end of a certificate is its signature, of which there are no two. */
static DWORD
guid_of_certificate(struct piv *p, uint8_t ret_guid[PIV_GUID_LEN])
{
	DWORD r;

	memset(ret_guid, 0, PIV_GUID_LEN);
	for (BYTE i = 0; i < PIV_SLOT_RETIRED; i++) {
		AUTO_BUF struct buf der = BUF_INIT;
		struct cursor c;

		r = piv_certificate(p, i, &der);
		c = buf_cur(&der);
		if (r == SCARD_S_SUCCESS && c.left >= PIV_GUID_LEN && cur_skip(&c, c.left - PIV_GUID_LEN) &&
		    cur_copy(&c, ret_guid, PIV_GUID_LEN))
			return SCARD_S_SUCCESS;
		if (r != SCARD_S_SUCCESS && r != SCARD_E_FILE_NOT_FOUND)
			return r;
	}
	return SCARD_S_SUCCESS;
}

static DWORD
find_guid(struct piv *p, uint8_t ret_guid[PIV_GUID_LEN])
{
	struct cursor content = cur_of(NULL, 0);
	bool found = false;
	DWORD r;

	(void)piv_object_content(buf_cur(&p->chuid), PIV_CHUID, &content);
	if (guid_of_chuid(content, ret_guid) || guid_of_fascn(content, ret_guid))
		return SCARD_S_SUCCESS;
	if ((r = guid_of_serial(p, ret_guid, &found)) != SCARD_S_SUCCESS || found)
		return r;
	return guid_of_certificate(p, ret_guid);
}

DWORD
piv_identity(struct piv *p, uint8_t ret_guid[PIV_GUID_LEN])
{
	uint8_t guid[PIV_GUID_LEN];
	DWORD r = piv_know(p);

	if (r == SCARD_S_SUCCESS && !p->guid_known) {
		if ((r = find_guid(p, guid)) != SCARD_S_SUCCESS)
			return r;
		memcpy(p->guid, guid, PIV_GUID_LEN);
		p->guid_known = true;
	}
	if (r == SCARD_S_SUCCESS)
		memcpy(ret_guid, p->guid, PIV_GUID_LEN);
	return r;
}

/* Which PIN ------------------------------------------------------------------------------------------------------------ */

/* The application's own PIN unless the global one is allowed and comes first. */
static uint8_t
reference_of(struct cursor discovery)
{
	struct cursor policy;
	uint8_t allowed, primary;

	if (!tlv_find(discovery, TAG_PIN_POLICY, &policy) || !cur_u8(&policy, &allowed) || !cur_u8(&policy, &primary))
		return PIV_REFERENCE_PIN;
	if ((allowed & (POLICY_PIN | POLICY_GLOBAL)) == (POLICY_PIN | POLICY_GLOBAL) && primary == PRIMARY_GLOBAL)
		return PIV_REFERENCE_GLOBAL;
	return PIV_REFERENCE_PIN;
}

DWORD
piv_pin_reference(struct piv *p, uint8_t *ret_reference)
{
	AUTO_BUF struct buf object = BUF_INIT;
	struct cursor content = cur_of(NULL, 0);
	DWORD r;

	if (!p->pin_reference_known || p->pin_reference_recalled) {
		r = piv_object_read(p, PIV_DISCOVERY, &object);
		if (r == SCARD_S_SUCCESS)
			(void)piv_object_content(buf_cur(&object), PIV_DISCOVERY, &content);
		else if (r != SCARD_E_FILE_NOT_FOUND && r != SCARD_W_SECURITY_VIOLATION && r != SCARD_E_UNEXPECTED)
			return r;
		p->pin_reference = reference_of(content);
		p->pin_reference_known = true;
		p->pin_reference_recalled = false;
		piv_cache_keep_pin_reference(p, p->pin_reference);
	}
	*ret_reference = p->pin_reference;
	return SCARD_S_SUCCESS;
}

DWORD
piv_pin_reference_recall(struct piv *p, uint8_t *ret_reference)
{
	if (!p->pin_reference_known && piv_cache_pin_reference(p, &p->pin_reference))
		p->pin_reference_known = p->pin_reference_recalled = true;
	if (!p->pin_reference_known)
		return piv_pin_reference(p, ret_reference);
	*ret_reference = p->pin_reference;
	return SCARD_S_SUCCESS;
}

/* Retired keys --------------------------------------------------------------------------------------------------------- */

static bool
read_count(struct cursor content, uint32_t tag, uint8_t *ret_count)
{
	struct cursor value;

	return tlv_find(content, tag, &value) && cur_u8(&value, ret_count) && cur_at_end(&value);
}

/* The URL of certificates off the card is nobody's business here; it is kept for the next writing. */
static void
take_history(struct piv *p, struct cursor object)
{
	struct piv_history *h = &p->history;
	struct cursor content, value;
	uint32_t tag;

	h->read = PIV_NO;
	buf_reset(&h->rest);
	if (!piv_object_content(object, PIV_KEY_HISTORY, &content) || !read_count(content, TAG_ON_CARD, &h->on_card) ||
	    !read_count(content, TAG_OFF_CARD, &h->off_card) || h->on_card + h->off_card > (int)PIV_RETIRED)
		return;
	while (tlv_next(&content, &tag, &value))
		if (tag != TAG_ON_CARD && tag != TAG_OFF_CARD)
			tlv_put(&h->rest, tag, value);
	h->read = PIV_YES;
}

DWORD
piv_history_read(struct piv *p)
{
	AUTO_BUF struct buf object = BUF_INIT;
	DWORD r;

	if (p->history.read != PIV_NOT_ASKED)
		return SCARD_S_SUCCESS;
	r = piv_object_read(p, PIV_KEY_HISTORY, &object);
	if (r == SCARD_S_SUCCESS)
		take_history(p, buf_cur(&object));
	else if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_W_SECURITY_VIOLATION || r == SCARD_E_UNEXPECTED)
		p->history.read = PIV_NO;
	else
		return r;
	return SCARD_S_SUCCESS;
}

/* Keys whose certificates are on the card have the first places, so that one in between counts for those before it. */
DWORD
piv_history_count(struct piv *p, BYTE index)
{
	AUTO_BUF struct buf content = BUF_INIT;
	const uint8_t wanted = (uint8_t)(index - PIV_SLOT_RETIRED + 1);
	DWORD r;

	if (index < PIV_SLOT_RETIRED || (r = piv_history_read(p)) != SCARD_S_SUCCESS)
		return index < PIV_SLOT_RETIRED ? SCARD_S_SUCCESS : r;
	if (p->history.read != PIV_YES || p->history.on_card >= wanted ||
	    wanted + p->history.off_card > (int)PIV_RETIRED)
		return SCARD_S_SUCCESS;
	tlv_put_u8(&content, TAG_ON_CARD, wanted);
	tlv_put_u8(&content, TAG_OFF_CARD, p->history.off_card);
	buf_put_cur(&content, buf_cur(&p->history.rest));
	if (buf_failed(&content) || buf_failed(&p->history.rest))
		return SCARD_E_NO_MEMORY;
	if ((r = piv_object_write(p, PIV_KEY_HISTORY, buf_cur(&content))) == SCARD_S_SUCCESS)
		p->history.on_card = wanted;
	return r;
}
