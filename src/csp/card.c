/* SPDX-License-Identifier: BSD-2-Clause */
/* One card: connection, context of its minidriver, properties, and its end. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "csp/card.h"
#include "csp/padding.h"
#include "csp/ephemeral.h"
#include "csp/response.h"

/* Readers of a name that the common part does not know; minidrivers want one (CardAcquireContext). */
#define CARD_NAME "smart card"

bool
csp_code_is_removal(DWORD code)
{
	switch (code) {
	case SCARD_W_REMOVED_CARD:
	case SCARD_E_NO_SMARTCARD:
	case SCARD_E_READER_UNAVAILABLE:
	case SCARD_E_UNKNOWN_READER:
	case SCARD_E_INVALID_HANDLE:
	case SCARD_E_NO_SERVICE:
	case SCARD_E_SERVICE_STOPPED: return true;
	default: return false;
	}
}

bool
csp_code_is_trouble(DWORD code)
{
	switch (code) {
	case SCARD_W_RESET_CARD:
	case SCARD_E_COMM_DATA_LOST:
	case SCARD_F_COMM_ERROR:
	case SCARD_F_INTERNAL_ERROR:
	case SCARD_E_TIMEOUT:
	case SCARD_E_SHARING_VIOLATION:
	case SCARD_E_NOT_TRANSACTED:
	case SCARD_E_PROTO_MISMATCH:
	case SCARD_W_UNRESPONSIVE_CARD:
	case SCARD_W_UNPOWERED_CARD:
	case SCARD_E_NO_MEMORY:
	case ERROR_NOT_ENOUGH_MEMORY: return true;
	default: return csp_code_is_removal(code);
	}
}

/* Kept for the day on which it is asked whether the card is still the same. */
static void
note_id(struct csp_card *card, const void *id, size_t size)
{
	card->id_known = size == sizeof(card->id) && csp_store_is_own_id(id);
	if (card->id_known)
		memcpy(card->id, id, size);
}

DWORD
csp_card_property(struct csp_card *card, const char *name, DWORD flags, void *ret_value, size_t size)
{
	DWORD len = 0, r;

	r = card->data.pfnCardGetProperty(&card->data, name, ret_value, (DWORD)size, &len, flags);
	if (r == SCARD_S_SUCCESS && len != size)
		return SCARD_E_UNEXPECTED;
	if (r == SCARD_S_SUCCESS && strcmp(name, CP_CARD_GUID) == 0)
		note_id(card, ret_value, size);
	return r;
}

/* Connecting --------------------------------------------------------------------------------------------------------- */

static DWORD
open_connection(struct csp_card *card)
{
	struct io *traced = NULL;
	DWORD r = io_connect(card->reader->name, &card->io);

	if (r != SCARD_S_SUCCESS)
		return csp_code_is_removal(r) ? SCARD_E_NO_SMARTCARD : r;
	card->io->patience_ms = card->csp->busy_ms;
	card->io->cancelled = &card->csp->cancelled;
	if (log_enabled(LOG_APDU) && io_trace(card->io, &traced) == SCARD_S_SUCCESS)
		card->io = traced;
	return SCARD_S_SUCCESS;
}

static void
fill_data(struct csp_card *card)
{
	CARD_DATA *d = &card->data;

	d->dwVersion = CARD_DATA_CURRENT_VERSION;
	d->pbAtr = card->io->atr;
	d->cbAtr = (DWORD)card->io->atr_len;
	d->pszCardName = CARD_NAME;
	d->pfnCspAlloc = csp_block_alloc;
	d->pfnCspReAlloc = csp_block_realloc;
	d->pfnCspFree = csp_block_free;
	d->pfnCspPadData = csp_pad_data;
	d->pfnCspUnpadData = csp_unpad_data;
	d->pfnCspKeyCheckValue = csp_key_check_value;
	d->pfnCspAgree = csp_ephemeral_agree;
	d->pvCspContext = card->csp->crypto;
	d->io = card->io;
	csp_store_install(card);
}

static const struct {
	unsigned bits;
	DWORD agreement; /* key specification */
} curves[] = { { 256, AT_ECDHE_P256 }, { 384, AT_ECDHE_P384 }, { 521, AT_ECDHE_P521 } };

uint8_t
csp_curve_bit(unsigned bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (curves[i].bits == bits)
			return (uint8_t)(1u << i);
	return 0;
}

/* Asked once, so that the list of mechanisms costs nothing later. */
static void
learn_curves(struct csp_card *card)
{
	CARD_KEY_SIZES sizes;

	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		sizes = (CARD_KEY_SIZES){ .dwVersion = 1 };
		if (card->data.pfnCardQueryKeySizes(&card->data, curves[i].agreement, 0, &sizes) == SCARD_S_SUCCESS)
			card->agrees |= csp_curve_bit(curves[i].bits);
	}
}

/* Asked once, likewise: what can be done with an object depends on it. */
static void
learn_read_only(struct csp_card *card)
{
	bool read_only = false;
	PIN_SET roles = 0;

	if (csp_card_property(card, CP_CARD_READ_ONLY, 0, &read_only, sizeof(read_only)) != SCARD_S_SUCCESS)
		return;
	/* a card may be that for its holder and all the same have somebody who manages it; it refuses others itself */
	if (read_only && csp_card_property(card, CP_CARD_LIST_PINS, 0, &roles, sizeof(roles)) == SCARD_S_SUCCESS)
		read_only = !IS_PIN_SET(roles, ROLE_ADMIN);
	card->read_only = read_only;
}

/* The memory is shared by all readers, so that a card is known wherever it is put; not held while the card is asked. */
static DWORD
acquire(struct csp_card *card)
{
	struct csp *csp = card->csp;
	struct registry_memory memory;
	DWORD r;

	lock_acquire(&csp->memory_lock);
	memory = csp->memory;
	lock_release(&csp->memory_lock);
	fill_data(card);
	if ((r = registry_acquire(&card->data, &memory)) != SCARD_S_SUCCESS)
		return r;
	card->acquired = true;
	learn_curves(card);
	learn_read_only(card);
	lock_acquire(&csp->memory_lock);
	csp->memory = memory;
	lock_release(&csp->memory_lock);
	return SCARD_S_SUCCESS;
}

static DWORD
acquire_work(struct csp_card *card, void *arg)
{
	(void)arg;
	return card->acquired ? SCARD_S_SUCCESS : acquire(card);
}

DWORD
csp_card_connect(struct csp_reader *reader, uint32_t generation, struct csp_card **ret_card)
{
	struct csp_card *card = calloc(1, sizeof(*card));
	DWORD r;

	if (card == NULL)
		return SCARD_E_NO_MEMORY;
	card->csp = reader->csp;
	card->reader = reader;
	card->generation = generation;
	/* PC/SC connects nobody while somebody is in a transaction, and waits for its end however long that takes */
	csp_turn_take(&reader->turn, 0);
	r = open_connection(card);
	if (r == SCARD_S_SUCCESS)
		r = csp_txn_run(card, acquire_work, NULL);
	if (r != SCARD_S_SUCCESS) {
		csp_card_free(&card);
		csp_turn_give(&reader->turn);
		return r;
	}
	*ret_card = card;
	return SCARD_S_SUCCESS;
}

bool
csp_card_read_only(const struct csp_card *card)
{
	return card->read_only;
}

struct asking {
	bool has;
};

static DWORD
ask_curve25519(struct csp_card *card, void *arg)
{
	CARD_KEY_SIZES sizes = { .dwVersion = 1 };
	struct asking *asking = arg;
	DWORD r = card->data.pfnCardQueryKeySizes(&card->data, AT_EDDSA_25519, 0, &sizes);

	asking->has = r == SCARD_S_SUCCESS;
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

DWORD
csp_card_curve25519(struct csp_card *card, bool *ret_has)
{
	struct asking asking = { false };
	DWORD r;

	if (!card->curve25519_known) {
		if ((r = csp_txn_run(card, ask_curve25519, &asking)) != SCARD_S_SUCCESS)
			return r;
		card->curve25519_known = true;
		card->curve25519 = asking.has;
	}
	*ret_has = card->curve25519;
	return SCARD_S_SUCCESS;
}

bool
csp_card_agrees(const struct csp_card *card)
{
	return card->agrees != 0;
}

/* The end ------------------------------------------------------------------------------------------------------------ */

static void
free_kept(struct csp_card *card)
{
	csp_roles_wipe(card);
	csp_store_free(&card->store);
	csp_view_free(&card->view);
	csp_files_free(&card->files);
	csp_roots_free(&card->roots);
	free(card);
}

void
csp_card_free(struct csp_card **card)
{
	struct csp_card *c = *card;

	if (c == NULL)
		return;
	csp_txn_end(c);
	if (c->acquired)
		(void)c->data.pfnCardDeleteContext(&c->data);
	io_close(&c->io);
	free_kept(c);
	*card = NULL;
}

void
csp_card_forget(struct csp_card **card)
{
	struct csp_card *c = *card;

	if (c == NULL)
		return;
	if (c->acquired)
		(void)c->data.pfnCardDeleteContext(&c->data);
	io_forget(&c->io);
	free_kept(c);
	*card = NULL;
}

void
csp_card_removed(struct csp_card *card)
{
	if (card->gone)
		return;
	card->gone = true;
	card->authenticated = card->exposed = 0;
	csp_roles_wipe(card);
	if (csp_reader_generation(card->reader) == card->generation)
		csp_reader_removed(card->reader);
}
