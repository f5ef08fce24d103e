/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys made on the card (SP 800-73-4 part 2, 3.3.1), brought to it, and removed (both extensions of tokens), for who has shown
 * the management key. A new key takes the old one's place at once; the certificate stays, and is the caller's to care for.
 */
#include "piv/piv.h"

#include "base/log.h"
#include "iso7816/tlv.h"

#define INS_MOVE 0xF6u
#define MOVE_DELETE 0xFFu

#define TAG_CONTROL 0xACu
#define TAG_ALGORITHM 0x80u
#define TAG_PIN_POLICY 0xAAu
#define DO_PUBLIC_KEY 0x7F49u
#define POLICY_ALWAYS 3u

#define SW_BAD_REFERENCE 0x6A86u
#define SW_NO_REFERENCE 0x6A88u
#define SW_NO_OBJECT 0x6A82u

/* What is asked for. */
struct request {
	struct piv *p;
	BYTE index;
	uint8_t algorithm;
	PIN_ID role;
};

static bool
is_exchange_spec(DWORD key_spec)
{
	return key_spec == AT_KEYEXCHANGE || check_key_spec_agrees(key_spec);
}

/* A slot has one kind of key, and one rule for the PIN unless the key says so. */
static DWORD
describe(struct request *q, DWORD key_spec, DWORD bits, PIN_ID role)
{
	const unsigned curve = check_key_spec_bits(key_spec);
	const enum key_type type = check_key_spec_type(key_spec);

	if (q->index >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	if (role != ROLE_USER && role != PIV_ROLE_ALWAYS)
		return SCARD_E_INVALID_PARAMETER;
	q->algorithm = piv_algorithm_of(type, curve != 0 ? curve : bits);
	q->role = role;
	if (q->algorithm == 0 || piv_slot_exchange(q->index, type) != is_exchange_spec(key_spec))
		return SCARD_E_UNSUPPORTED_FEATURE;
	return IS_PIN_SET(q->p->authenticated, ROLE_ADMIN) ? SCARD_S_SUCCESS : SCARD_E_UNSUPPORTED_FEATURE;
}

/* Only what differs from the slot's own rule is said: cards without rules of their own take no more. */
static void
put_policy(const struct request *q, struct buf *data)
{
	if (q->role == PIV_ROLE_ALWAYS && piv_slot_role(q->index) != PIV_ROLE_ALWAYS)
		tlv_put_u8(data, TAG_PIN_POLICY, POLICY_ALWAYS);
}

static DWORD
change_code(DWORD r, uint16_t sw)
{
	if (piv_unknown_instruction(sw) || sw == SW_BAD_REFERENCE || sw == 0x6A80)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return r;
}

/* What the card made is what is known of the slot from now on, whatever certificate lies there. */
static void
take_key(const struct request *q, const struct public_key *public)
{
	struct piv_key *key = &q->p->keys[q->index];

	piv_key_forget(key);
	key->used = PIV_YES;
	key->algorithm = q->algorithm;
	key->public = *public;
	key->role = q->role == PIV_ROLE_ALWAYS ? q->role : piv_slot_role(q->index);
	key->exchange = piv_slot_exchange(q->index, public->type);
}

static DWORD
generate(const struct request *q)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_GENERATE, 0x00, piv_slot_reference(q->index), APDU_LE_MAX);
	AUTO_BUF struct buf answer = BUF_INIT, control = BUF_INIT;
	struct cursor c, parts;
	struct public_key public;
	uint16_t sw = 0;
	DWORD r;

	tlv_put_u8(&control, TAG_ALGORITHM, q->algorithm);
	put_policy(q, &control);
	if (buf_failed(&control))
		return SCARD_E_NO_MEMORY;
	tlv_put(&a.data, TAG_CONTROL, buf_cur(&control));
	r = apdu_exchange(&q->p->ch, &a, &answer, &sw);
	if (r != SCARD_S_SUCCESS) {
		if (!piv_refused(sw))
			piv_key_forget(&q->p->keys[q->index]);
		/* no such key reference: cards need not have every retired key */
		return sw == SW_BAD_REFERENCE ? SCARD_E_WRITE_TOO_MANY : change_code(r, sw);
	}
	piv_key_forget(&q->p->keys[q->index]);
	c = buf_cur(&answer);
	if (!tlv_get(&c, DO_PUBLIC_KEY, &parts) || !piv_public_decode(parts, q->algorithm, &public)) {
		log_fail(LOG_CARD, SCARD_E_UNEXPECTED, "key %02X: made, and not what was asked for",
			 piv_slot_reference(q->index));
		return SCARD_E_UNEXPECTED;
	}
	take_key(q, &public);
	return SCARD_S_SUCCESS;
}

static void
put_part(struct apdu *a, uint8_t tag, const struct secret *part)
{
	tlv_put_head(&a->data, tag, part->len);
	apdu_put_secret(a, part);
}

static DWORD
import(const struct request *q, const struct private_key *key)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, PIV_INS_IMPORT, q->algorithm, piv_slot_reference(q->index), APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	if (key->public.type == KEY_RSA) {
		put_part(&a, 0x01, &key->p);
		put_part(&a, 0x02, &key->q);
		put_part(&a, 0x03, &key->dp);
		put_part(&a, 0x04, &key->dq);
		put_part(&a, 0x05, &key->qinv);
	} else {
		put_part(&a, 0x06, &key->d);
	}
	put_policy(q, &a.data);
	if ((r = apdu_exchange(&q->p->ch, &a, NULL, &sw)) == SCARD_S_SUCCESS)
		take_key(q, &key->public);
	return change_code(r, sw);
}

DWORD
piv_create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
			const struct private_key *pKeyData, PIN_ID PinId)
{
	struct request q = { .p = piv_context(card), .index = bContainerIndex };
	const DWORD bits = pKeyData != NULL ? pKeyData->public.bits : dwKeySize;
	DWORD r;

	(void)dwFlags;
	if (q.p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = describe(&q, dwKeySpec, bits, PinId)) != SCARD_S_SUCCESS || (r = piv_confirm(q.p)) != SCARD_S_SUCCESS)
		return r;
	/* before the key: one that nobody finds is worse than a place that is looked at in vain */
	if ((r = piv_history_count(q.p, bContainerIndex)) != SCARD_S_SUCCESS)
		return r;
	return pKeyData == NULL ? generate(&q) : import(&q, pKeyData);
}

/* Newer tokens only; on other cards a key can be replaced and not removed. */
DWORD
piv_delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, INS_MOVE, MOVE_DELETE, 0x00, APDU_LE_NONE);
	struct piv *p = piv_context(card);
	struct piv_key *key;
	uint16_t sw = 0;
	DWORD r;

	(void)dwReserved;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (bContainerIndex >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	if (!IS_PIN_SET(p->authenticated, ROLE_ADMIN))
		return SCARD_E_UNSUPPORTED_FEATURE;
	r = piv_key_find(p, bContainerIndex, &key);
	if (r != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_S_SUCCESS : r;
	a.p2 = piv_slot_reference(bContainerIndex);
	r = apdu_exchange(&p->ch, &a, NULL, &sw);
	if (r == SCARD_S_SUCCESS || sw == SW_NO_REFERENCE || sw == SW_NO_OBJECT) {
		piv_key_forget(key);
		return SCARD_S_SUCCESS;
	}
	return piv_unknown_instruction(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
}
