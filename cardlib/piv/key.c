/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private key at work: GENERAL AUTHENTICATE (SP 800-73-4 part 2, 3.2.4). A key whose PIN is wanted always works only if
 * the command before was the VERIFY: nothing is asked here before the command goes out.
 */
#include "piv/piv.h"

#include "base/log.h"
#include "iso7816/tlv.h"

#define TAG_TEMPLATE 0x7Cu

#define SW_SECURITY 0x6982u
#define SW_CONDITIONS 0x6985u
#define SW_BAD_DATA 0x6A80u
#define SW_BAD_LENGTH 0x6700u
#define SW_BAD_REFERENCE 0x6A86u
#define SW_NO_REFERENCE 0x6A88u

static DWORD
judge(struct piv_key *key, DWORD r, uint16_t sw)
{
	const enum key_type type = piv_algorithm_type(key->algorithm);

	if (!piv_refused(sw))
		return r;
	switch (sw) {
	case SW_SECURITY: key->doubted = true; return SCARD_W_SECURITY_VIOLATION;
	/* nobody touched the token in time */
	case SW_CONDITIONS: return SCARD_W_CANCELLED_BY_USER;
	/* not this key, or not of this algorithm */
	case SW_BAD_REFERENCE:
	case SW_NO_REFERENCE: piv_key_forget(key); return SCARD_E_NO_KEY_CONTAINER;
	case SW_BAD_DATA: return SCARD_E_INVALID_PARAMETER;
	/* a message longer than its buffer */
	case SW_BAD_LENGTH: return type == KEY_ED25519 ? SCARD_E_INVALID_PARAMETER : SCARD_E_UNEXPECTED;
	default: return SCARD_E_UNEXPECTED;
	}
}

/* 7C { 82, 81 or 85 }: the empty 82 first, as every host sends it and one card wants it. */
static DWORD
put_template(struct apdu *a, uint8_t tag, struct cursor input)
{
	AUTO_BUF struct buf inner = BUF_INIT;

	tlv_put(&inner, PIV_TAG_RESPONSE, cur_of(NULL, 0));
	tlv_put(&inner, tag, input);
	if (buf_failed(&inner))
		return SCARD_E_NO_MEMORY;
	tlv_put(&a->data, TAG_TEMPLATE, buf_cur(&inner));
	return SCARD_S_SUCCESS;
}

static DWORD
take_result(struct cursor answer, struct buf *ret_result)
{
	struct cursor template, result;

	if (!tlv_get(&answer, TAG_TEMPLATE, &template) || !tlv_find(template, PIV_TAG_RESPONSE, &result) ||
	    result.left == 0)
		return SCARD_E_COMM_DATA_LOST;
	buf_reset(ret_result);
	buf_put_cur(ret_result, result);
	return buf_failed(ret_result) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

DWORD
piv_key_use(struct piv *p, BYTE index, struct piv_key *key, uint8_t tag, struct cursor input, bool secret,
	    struct buf *ret_result)
{
	const uint8_t reference = piv_slot_reference(index);
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_AUTHENTICATE, key->algorithm, reference, APDU_LE_MAX);
	AUTO_BUF struct buf answer = BUF_INIT;
	uint16_t sw = 0;
	DWORD r;

	if (!p->selected && (r = piv_confirm(p)) != SCARD_S_SUCCESS)
		return r;
	/* the CHUID was another one just now */
	if (key->used != PIV_YES)
		return SCARD_E_NO_KEY_CONTAINER;
	a.secret = secret;
	if ((r = put_template(&a, tag, input)) != SCARD_S_SUCCESS)
		return r;
	if ((r = apdu_exchange(&p->ch, &a, &answer, &sw)) != SCARD_S_SUCCESS)
		return judge(key, r, sw);
	if ((r = take_result(buf_cur(&answer), ret_result)) == SCARD_E_COMM_DATA_LOST)
		log_fail(LOG_CARD, r, "key %02X: no result in %zu bytes", reference, answer.len);
	return r;
}
