/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversation with the card: which application is selected, and whether the card is the one that was read.
 * SP 800-73-4 part 2, 3.1.1.
 *
 * Between two transactions any program may have selected another application or written to this one. The first exchange of
 * a later transaction is therefore the CHUID: the same bytes as before say that PIV is selected and, as far as the card
 * can tell, unchanged; anything else makes us select PIV and read it again.
 */
#include "piv/piv.h"

#include "base/log.h"
#include "iso7816/tlv.h"

/* SP 800-73-4 part 1, 2.2, without the version. */
static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00 };
/* The answer may have the proprietary extension only, and one card has its own version of it. */
static const uint8_t pix[] = { 0x00, 0x00, 0x10, 0x00 };
static const uint8_t pix_swapped[] = { 0x00, 0x10, 0x00, 0x01 };
#define RID_LEN 5u

#define TAG_AID 0x4Fu
#define TAG_LABEL 0x50u

struct piv *
piv_context(CARD_DATA *card)
{
	struct piv *p = card != NULL ? card->pvVendorSpecific : NULL;

	if (p == NULL)
		return NULL;
	p->card = card;
	p->ch.io = card->io;
	if (p->transaction != card->dwTransaction) {
		p->transaction = card->dwTransaction;
		p->selected = p->chuid_current = false;
		p->authenticated = 0;
		secret_free(&p->shown_pin);
		piv_agreements_forget(p);
	}
	return p;
}

bool
piv_refused(uint16_t sw)
{
	return sw != 0 && sw != SW_OK && sw >> 8 != 0x61;
}

bool
piv_unknown_instruction(uint16_t sw)
{
	return sw >> 8 == 0x6D || sw >> 8 == 0x6E || sw == 0x6A81;
}

void
piv_doubt(struct piv *p)
{
	p->selected = p->chuid_current = false;
	p->authenticated = 0;
	p->challenged = false;
	p->empty_ms = 0;
	p->history.read = p->roots_read = PIV_NOT_ASKED;
	for (size_t i = 0; i < PIV_SLOTS; i++)
		p->keys[i].compared = p->transaction - 1;
	piv_agreements_forget(p);
}

void
piv_forget_card(struct piv *p)
{
	p->holder_roots = PIV_NOT_ASKED;
	buf_free(&p->simulated_roots);
	p->guid_known = false;
	p->pin_reference_known = false;
	p->empty_ms = 0;
	p->history.read = p->roots_read = PIV_NOT_ASKED;
	buf_free(&p->roots);
	for (size_t i = 0; i < PIV_SLOTS; i++)
		piv_key_forget(&p->keys[i]);
}

void
piv_forget_objects(struct piv *p)
{
	p->chuid_current = false;
	p->history.read = p->roots_read = PIV_NOT_ASKED;
	p->pin_reference_known = false;
	p->empty_ms = 0;
	for (size_t i = 0; i < PIV_SLOTS; i++)
		piv_key_forget(&p->keys[i]);
}

static bool
is_piv(struct cursor name)
{
	struct cursor head, rest = name;

	if (cur_take(&rest, RID_LEN, &head) && cur_equals(&head, aid, RID_LEN))
		return true;
	return cur_take(&name, sizeof(pix), &head) &&
	       (cur_equals(&head, pix, sizeof(pix)) || cur_equals(&head, pix_swapped, sizeof(pix)));
}

/* The application property template is read no closer than this: cards differ in everything else. */
static bool
template_is_piv(struct piv *p, struct cursor answer)
{
	struct cursor template, name;
	uint32_t tag;

	if (!tlv_next(&answer, &tag, &template) || !tlv_find(template, TAG_AID, &name) || !is_piv(name))
		return false;
	/* cards that say no more than this are of the kind whose PINs may have letters */
	p->any_pin = !tlv_find(template, TAG_LABEL, &name);
	return true;
}

DWORD
piv_select(struct piv *p)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	uint16_t sw = 0;
	DWORD r = apdu_select_name(&p->ch, aid, sizeof(aid), &answer, &sw);

	p->authenticated = 0;
	p->challenged = false;
	if (piv_refused(sw))
		return SCARD_E_UNKNOWN_CARD;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!template_is_piv(p, buf_cur(&answer)))
		return SCARD_E_UNKNOWN_CARD;
	p->selected = true;
	return SCARD_S_SUCCESS;
}

static bool
is_known_chuid(const struct piv *p, const struct buf *chuid)
{
	struct cursor known = buf_cur(&p->chuid);

	return p->chuid_known && cur_equals(&known, chuid->p, chuid->len);
}

/* PIV is selected. */
static DWORD
take_chuid(struct piv *p, struct buf *chuid)
{
	if (p->chuid_known && !is_known_chuid(p, chuid)) {
		log_info(LOG_CARD, "another CHUID than before: what was read of the card is forgotten");
		piv_forget_card(p);
	}
	buf_move(&p->chuid, chuid);
	if (buf_failed(&p->chuid)) {
		buf_reset(&p->chuid);
		p->chuid_known = false;
		return SCARD_E_NO_MEMORY;
	}
	p->chuid_known = p->chuid_current = true;
	return SCARD_S_SUCCESS;
}

static DWORD
read_chuid(struct piv *p)
{
	AUTO_BUF struct buf chuid = BUF_INIT;
	DWORD r = piv_object_read(p, PIV_CHUID, &chuid);

	if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_W_SECURITY_VIOLATION || r == SCARD_E_UNEXPECTED)
		buf_reset(&chuid);
	else if (r != SCARD_S_SUCCESS)
		return r;
	return take_chuid(p, &chuid);
}

/* The guess at the begin of a transaction; true when it was right. */
static bool
still_selected(struct piv *p, DWORD *ret_code)
{
	AUTO_BUF struct buf chuid = BUF_INIT;

	*ret_code = SCARD_S_SUCCESS;
	if (!p->chuid_known || p->chuid.len == 0)
		return false;
	*ret_code = piv_object_read(p, PIV_CHUID, &chuid);
	return *ret_code == SCARD_S_SUCCESS && is_known_chuid(p, &chuid);
}

static bool
is_answer(DWORD code)
{
	return code == SCARD_S_SUCCESS || code == SCARD_E_FILE_NOT_FOUND || code == SCARD_W_SECURITY_VIOLATION ||
	       code == SCARD_E_UNEXPECTED;
}

DWORD
piv_confirm(struct piv *p)
{
	DWORD r;

	if (p->selected)
		return SCARD_S_SUCCESS;
	if (still_selected(p, &r)) {
		p->selected = p->chuid_current = true;
		return SCARD_S_SUCCESS;
	}
	if (!is_answer(r))
		return r;
	if ((r = piv_select(p)) != SCARD_S_SUCCESS)
		return r == SCARD_E_UNKNOWN_CARD ? SCARD_E_COMM_DATA_LOST : r;
	if (p->chuid_known)
		return read_chuid(p);
	/* nobody asked who the card is, so that nothing tells whether it was changed */
	piv_doubt(p);
	p->selected = true;
	return SCARD_S_SUCCESS;
}

DWORD
piv_know(struct piv *p)
{
	DWORD r = piv_confirm(p);

	return r == SCARD_S_SUCCESS && !p->chuid_current ? read_chuid(p) : r;
}
