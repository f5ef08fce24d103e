/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session PINs of cards that have more than GIDS (their answer to SELECT says so): negotiated so that the clear PIN does
 * not travel, or given for a PIN that was entered at the reader; presented in place of the PIN.
 */
#include "gids/gids.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define TAG_DYNAMIC 0x7Cu
#define TAG_POINT 0x85u
#define TAG_CRYPTOGRAM 0x86u
#define TAG_SESSION 0x87u

/* The PIN, 80 and zeros; then what the session PIN is hidden by. */
#define BLOCK_LEN 32u
#define SESSION_LEN 16u
#define STREAM_LEN (BLOCK_LEN + SESSION_LEN)
#define PADDING 0x80u

#define SW_NO_SESSION 0x6984u

static void
put_object(struct buf *content, uint32_t tag, const uint8_t *value, size_t len)
{
	tlv_put(content, tag, cur_of(value, len));
}

static uint8_t
reference_of(uint8_t base, PIN_ID role)
{
	return role == ROLE_USER ? base : (uint8_t)(base | role);
}

/* GENERAL AUTHENTICATE for the PIN; the one object in the answer. */
static DWORD
ask(struct gids *g, PIN_ID role, const struct buf *content, uint32_t tag, size_t len, bool secret, struct buf *answer,
    struct cursor *ret_value, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_AUTHENTICATE, 0x00, reference_of(GIDS_REFERENCE_PIN, role), APDU_LE_MAX);
	struct cursor c, inner;
	DWORD r;

	a.secret = secret;
	tlv_put(&a.data, TAG_DYNAMIC, buf_cur(content));
	if (buf_failed(content) || buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	if ((r = gids_send(g, &a, answer, ret_sw)) != SCARD_S_SUCCESS)
		return r;
	c = buf_cur(answer);
	if (tlv_get(&c, TAG_DYNAMIC, &inner) && cur_at_end(&c) && tlv_get(&inner, tag, ret_value) &&
	    cur_at_end(&inner) && ret_value->left == len)
		return SCARD_S_SUCCESS;
	log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "session PIN");
	return SCARD_E_COMM_DATA_LOST;
}

static DWORD
give(const CARD_DATA *card, struct cursor session, BYTE **ppbSessionPin, DWORD *pcbSessionPin)
{
	BYTE *copy = card->pfnCspAlloc(SESSION_LEN);

	if (copy == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	(void)cur_copy(&session, copy, SESSION_LEN);
	*ppbSessionPin = copy;
	*pcbSessionPin = SESSION_LEN;
	return SCARD_S_SUCCESS;
}

/* The card's point, ours, and the stream that both can make. */
static DWORD
agree(CARD_DATA *card, struct gids *g, PIN_ID role, uint8_t ret_own[CARD_AGREE_POINT], uint8_t ret_stream[STREAM_LEN],
      uint16_t *ret_sw)
{
	AUTO_BUF struct buf content = BUF_INIT;
	AUTO_BUF struct buf answer = BUF_INIT;
	uint8_t peer[CARD_AGREE_POINT];
	struct cursor point;
	DWORD r;

	put_object(&content, TAG_POINT, NULL, 0);
	r = ask(g, role, &content, TAG_POINT, CARD_AGREE_POINT, false, &answer, &point, ret_sw);
	if (r != SCARD_S_SUCCESS)
		return r;
	(void)cur_copy(&point, peer, sizeof(peer));
	r = card->pfnCspAgree(card, peer, ret_own, ret_stream, STREAM_LEN);
	/* a point that is none is the card's fault, not the caller's */
	return r == SCARD_E_INVALID_PARAMETER ? SCARD_E_COMM_DATA_LOST : r;
}

static void
hide(const uint8_t *stream, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] ^= stream[i];
}

/* The PIN has at most BLOCK_LEN - 1 bytes. */
static DWORD
exchange(struct gids *g, PIN_ID role, const uint8_t *own, const uint8_t *stream, const BYTE *pin, DWORD len,
	 struct buf *answer, struct cursor *ret_sealed, uint16_t *ret_sw)
{
	AUTO_BUF struct buf content = BUF_INIT;
	uint8_t block[BLOCK_LEN] = { 0 };
	struct cursor c = cur_of(pin, len);

	(void)cur_copy(&c, block, len);
	block[len] = PADDING;
	hide(stream, block, sizeof(block));
	put_object(&content, TAG_POINT, own, CARD_AGREE_POINT);
	put_object(&content, TAG_CRYPTOGRAM, block, sizeof(block));
	return ask(g, role, &content, TAG_SESSION, SESSION_LEN, true, answer, ret_sealed, ret_sw);
}

static DWORD
negotiate(CARD_DATA *card, struct gids *g, PIN_ID role, const BYTE *pin, DWORD len, uint8_t ret_session[SESSION_LEN],
	  uint16_t *ret_sw)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	uint8_t own[CARD_AGREE_POINT], stream[STREAM_LEN] = { 0 };
	struct cursor sealed;
	DWORD r;

	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	r = agree(card, g, role, own, stream, ret_sw);
	if (r == SCARD_S_SUCCESS)
		r = exchange(g, role, own, stream, pin, len, &answer, &sealed, ret_sw);
	if (r == SCARD_S_SUCCESS && cur_copy(&sealed, ret_session, SESSION_LEN))
		hide(stream + BLOCK_LEN, ret_session, SESSION_LEN);
	secret_wipe(stream, sizeof(stream));
	return r;
}

DWORD
gids_session_make(CARD_DATA *card, struct gids *g, PIN_ID role, const BYTE *pin, DWORD len, BYTE **ppbSessionPin,
		  DWORD *pcbSessionPin, DWORD *ret_tries)
{
	uint8_t session[SESSION_LEN] = { 0 };
	uint16_t sw = 0;
	DWORD r;

	if (!g->session_pins || card->pfnCspAgree == NULL || pin == NULL)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (len >= BLOCK_LEN)
		return SCARD_E_INVALID_PARAMETER;
	r = negotiate(card, g, role, pin, len, session, &sw);
	if (r == SCARD_S_SUCCESS)
		r = give(card, cur_of(session, sizeof(session)), ppbSessionPin, pcbSessionPin);
	else
		r = gids_verify_code(r, sw, ret_tries);
	secret_wipe(session, sizeof(session));
	return r;
}

DWORD
gids_session_ask(CARD_DATA *card, struct gids *g, PIN_ID role, BYTE **ppbSessionPin, DWORD *pcbSessionPin)
{
	AUTO_BUF struct buf content = BUF_INIT;
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor session;
	uint16_t sw = 0;
	DWORD r;

	put_object(&content, TAG_SESSION, NULL, 0);
	r = ask(g, role, &content, TAG_SESSION, SESSION_LEN, true, &answer, &session, &sw);
	return r == SCARD_S_SUCCESS ? give(card, session, ppbSessionPin, pcbSessionPin) : r;
}

DWORD
gids_session_present(struct gids *g, PIN_ID role, const BYTE *session, DWORD len)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_VERIFY, 0x00, reference_of(GIDS_REFERENCE_SESSION, role), APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r, tries = 0;

	if (!g->session_pins)
		return SCARD_E_UNSUPPORTED_FEATURE;
	/* no session PIN of this card's has another length */
	if (len != SESSION_LEN)
		return SCARD_W_WRONG_CHV;
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	a.secret = true;
	buf_put(&a.data, session, len);
	if (buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	r = gids_verify_done(g, role, gids_exchange(g, &a, NULL, &sw), sw, &tries);
	return r != SCARD_S_SUCCESS && (sw == SW_NO_SESSION || r == SCARD_W_CHV_BLOCKED) ? SCARD_W_WRONG_CHV : r;
}
