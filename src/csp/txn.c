/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions. Nothing that this process unlocked is left unlocked when a transaction ends: the card is
 * deauthenticated, and reset when that is not certain (minidriver specification, CardDeauthenticate).
 */
#include <string.h>

#include "base/log.h"
#include "csp/card.h"

void
csp_txn_touch(struct csp_card *card)
{
	card->used_ms = csp_now_ms();
}

/* The card lost its state, by a reset of ours or somebody else's. */
static DWORD
reconnect(struct csp_card *card)
{
	DWORD r;

	card->challenged = 0;
	if (!card->acquired)
		return SCARD_S_SUCCESS;
	r = card->data.pfnCardReconnect(&card->data);
	card->reconnect = r != SCARD_S_SUCCESS;
	return r;
}

static uint32_t
patience_of_others(const struct csp_card *card)
{
	return card->csp->hold_ms > CSP_DEFAULT_TIMEOUT_MS ? card->csp->hold_ms : CSP_DEFAULT_TIMEOUT_MS;
}

bool
csp_txn_has_others(struct csp_card *card)
{
	const uint64_t now = csp_now_ms();

	if (card->looked_ms == 0 || now - card->looked_ms >= patience_of_others(card)) {
		card->others = io_others(card->io);
		card->looked_ms = now;
	}
	return card->others;
}

/*
 * What is worth nothing once the card has lost its power: a session PIN, for which the user would be asked again, and a
 * challenge that somebody is about to answer.
 */
static bool
needs_power(const struct csp_card *card)
{
	if (card->challenged != 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(card->roles); i++)
		if (card->roles[i].session)
			return true;
	return false;
}

void
csp_txn_rest(struct csp_card *card)
{
	if (card->begun || card->gone || !card->id_known || needs_power(card))
		return;
	io_rest(card->io);
	card->resting = true;
}

/* Readers that come and go are not seen while there is no connection; PINs are shown to the card that they are for. */
static DWORD
recognise(struct csp_card *card)
{
	uint8_t id[CSP_CARD_ID_LEN], before[CSP_CARD_ID_LEN];
	DWORD r;

	memcpy(before, card->id, sizeof(before));
	r = csp_card_property(card, CP_CARD_GUID, 0, id, sizeof(id));
	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_S_SUCCESS && memcmp(id, before, sizeof(id)) == 0) {
		card->resting = false;
		return SCARD_S_SUCCESS;
	}
	log_info(LOG_CSP, "another card is in the reader");
	return SCARD_W_REMOVED_CARD;
}

DWORD
csp_txn_begin(struct csp_card *card)
{
	bool reset = false;
	DWORD r;

	if (card->gone || csp_reader_generation(card->reader) != card->generation)
		return SCARD_W_REMOVED_CARD;
	if (card->begun)
		return SCARD_S_SUCCESS;
	csp_turn_take(&card->reader->turn, csp_txn_has_others(card) ? patience_of_others(card) : 0);
	if ((r = io_begin(card->io, &reset)) != SCARD_S_SUCCESS) {
		csp_turn_give(&card->reader->turn);
		return r;
	}
	card->begun = true;
	csp_store_close(card);
	card->begun_ms = csp_now_ms();
	card->begun_exchanges = card->io->exchanges;
	card->checked = card->unsure = false;
	card->authenticated = card->exposed = 0;
	card->data.dwTransaction++;
	csp_txn_touch(card);
	if (reset || card->reconnect)
		r = reconnect(card);
	if (r == SCARD_S_SUCCESS && card->resting)
		r = recognise(card);
	if (r != SCARD_S_SUCCESS)
		csp_txn_end(card);
	return r;
}

/* True when nobody can use what we authenticated. */
static bool
deauthenticated(struct csp_card *card)
{
	DWORD r;

	if (card->exposed == 0 || card->gone)
		return true;
	if (card->unsure) {
		log_info(LOG_CSP, "an exchange was lost while the card was unlocked; it is reset");
		return false;
	}
	r = card->data.pfnCardDeauthenticateEx(&card->data, card->exposed, 0);
	if (csp_code_is_removal(r))
		return true;
	if (r != SCARD_S_SUCCESS)
		log_fail(LOG_CSP, r, "the card cannot be locked again and is reset");
	return r == SCARD_S_SUCCESS;
}

void
csp_txn_end(struct csp_card *card)
{
	bool reset;

	if (!card->begun)
		return;
	reset = !deauthenticated(card);
	io_end(card->io, reset);
	csp_turn_give(&card->reader->turn);
	card->reconnect = card->reconnect || reset;
	card->begun = false;
	card->authenticated = card->exposed = 0;
	csp_store_save(card);
}

/* What a code means for the card and the transaction. */
static DWORD
conclude(struct csp_card *card, DWORD code)
{
	if (csp_code_is_removal(code)) {
		csp_card_removed(card);
		return SCARD_W_REMOVED_CARD;
	}
	if (code == SCARD_W_RESET_CARD) {
		card->authenticated = card->exposed = 0;
		card->reconnect = true;
		csp_txn_end(card);
	} else if (csp_code_is_trouble(code) && card->exposed != 0) {
		card->unsure = true;
	}
	return code;
}

static DWORD
attempt(struct csp_card *card, csp_work work, void *arg)
{
	DWORD r = csp_txn_begin(card);

	if (r == SCARD_S_SUCCESS)
		r = work(card, arg);
	return conclude(card, r);
}

DWORD
csp_txn_run(struct csp_card *card, csp_work work, void *arg)
{
	DWORD r = attempt(card, work, arg);

	if (r == SCARD_W_RESET_CARD)
		r = attempt(card, work, arg);
	return r;
}
