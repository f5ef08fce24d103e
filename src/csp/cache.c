/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Freshness of what is kept of a card in memory: the counters of cardcf, compared once in each
 * transaction for inequality, since they wrap around.
 */
#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"

bool
csp_freshness_decode(struct cursor content, struct csp_freshness *ret_freshness)
{
	struct csp_freshness f;

	/* the first byte is a version that nobody ever changed; applications may have counters behind ours */
	if (!cur_skip(&content, 1) || !cur_u8(&content, &f.pins) || !cur_le16(&content, &f.containers) ||
	    !cur_le16(&content, &f.files))
		return false;
	*ret_freshness = f;
	return true;
}

/* *ret_known false: the card has no counters, or damaged ones, and everything has to be taken for stale. */
static DWORD
read_freshness(struct csp_card *card, struct csp_freshness *ret_freshness, bool *ret_known)
{
	AUTO_BUF struct buf content = BUF_INIT;
	DWORD r = csp_file_read(card, NULL, "cardcf", &content);

	if (r != SCARD_S_SUCCESS && csp_code_is_trouble(r))
		return r;
	*ret_known = r == SCARD_S_SUCCESS && csp_freshness_decode(buf_cur(&content), ret_freshness);
	if (!*ret_known && !card->said_freshness)
		log_warn(LOG_CSP, "cardcf is missing or damaged; nothing is kept from one transaction to the next");
	card->said_freshness = card->said_freshness || !*ret_known;
	return SCARD_S_SUCCESS;
}

static DWORD
read_mode(struct csp_card *card)
{
	DWORD mode = CARD_CACHE_MODE_GLOBAL, r;

	if (card->mode_read)
		return SCARD_S_SUCCESS;
	r = csp_card_property(card, CP_CARD_CACHE_MODE, 0, &mode, sizeof(mode));
	if (csp_code_is_trouble(r))
		return r;
	card->cache_mode = r == SCARD_S_SUCCESS ? mode : CARD_CACHE_MODE_GLOBAL;
	card->mode_read = true;
	return SCARD_S_SUCCESS;
}

/* The same for the store as well. */
static DWORD
read_counters(struct csp_card *card, struct csp_freshness *ret_freshness, bool *ret_known)
{
	DWORD r = read_freshness(card, ret_freshness, ret_known);

	if (r == SCARD_S_SUCCESS)
		csp_store_compare(card, *ret_known ? ret_freshness : NULL);
	return r;
}

/* Nothing is kept, so nothing can be stale: read first, then remember the counters that belong to it. */
static DWORD
load(struct csp_card *card, bool remember)
{
	struct csp_freshness now = { 0 };
	bool known = false, stored = false;
	DWORD r;

	card->loaded = false;
	/* what an earlier process kept is found once the counters say that it is true */
	if (remember && (r = csp_store_start(card, &stored)) != SCARD_S_SUCCESS)
		return r;
	if (stored && (r = read_counters(card, &now, &known)) != SCARD_S_SUCCESS)
		return r;
	/* a PIN kept from an earlier transaction is older than what is about to be remembered */
	csp_roles_doubt(card);
	if ((r = csp_view_load(card, 0)) != SCARD_S_SUCCESS)
		return r;
	if (remember && !stored && (r = read_counters(card, &now, &known)) != SCARD_S_SUCCESS)
		return r;
	card->freshness = now;
	card->freshness_known = known;
	card->loaded = true;
	return SCARD_S_SUCCESS;
}

static unsigned
compare(const struct csp_freshness *a, const struct csp_freshness *b)
{
	return (a->pins != b->pins ? CSP_PINS : 0) | (a->containers != b->containers ? CSP_CONTAINERS : 0) |
	       (a->files != b->files ? CSP_FILES : 0);
}

static DWORD
revalidate(struct csp_card *card)
{
	struct csp_freshness now = { 0 };
	unsigned stale = CSP_ALL;
	bool known = false;
	DWORD r;

	if ((r = read_counters(card, &now, &known)) != SCARD_S_SUCCESS)
		return r;
	if (known && card->freshness_known)
		stale = compare(&now, &card->freshness);
	if ((stale & CSP_PINS) != 0)
		csp_roles_stale(card);
	if ((stale & CSP_FILES) != 0)
		card->token_read = false;
	if ((stale & (CSP_CONTAINERS | CSP_FILES)) != 0) {
		card->loaded = false;
		r = csp_view_load(card, CSP_ALL & ~stale);
	} else if ((stale & CSP_PINS) != 0) {
		r = csp_view_roles(card);
	}
	if (r != SCARD_S_SUCCESS)
		return r;
	card->freshness = now;
	card->freshness_known = known;
	card->loaded = true;
	return SCARD_S_SUCCESS;
}

static DWORD
load_anew(struct csp_card *card)
{
	if (card->loaded) {
		csp_roles_stale(card);
		card->token_read = false;
	}
	return load(card, false);
}

DWORD
csp_cache_open(struct csp_card *card)
{
	DWORD r = read_mode(card);

	if (r != SCARD_S_SUCCESS || card->cache_mode != CARD_CACHE_MODE_NONE)
		return r;
	return csp_store_open(card);
}

DWORD
csp_cache_check(struct csp_card *card)
{
	DWORD r;

	if (card->checked)
		return SCARD_S_SUCCESS;
	if ((r = csp_cache_open(card)) != SCARD_S_SUCCESS)
		return r;
	switch (card->cache_mode) {
	case CARD_CACHE_MODE_NONE: r = load_anew(card); break;
	case CARD_CACHE_MODE_SESSION:
		if (!card->loaded)
			r = load(card, false);
		break;
	default: r = card->loaded ? revalidate(card) : load(card, true); break;
	}
	card->checked = r == SCARD_S_SUCCESS;
	return r;
}

/* The view as it is wanted from now on: of these containers, or of all. */
static DWORD
check_only(struct csp_card *card, uint32_t only, bool keys_only)
{
	const bool same = card->only == only && card->keys_only == keys_only;

	card->only = only;
	card->keys_only = keys_only;
	return card->checked && !same ? csp_view_load(card, CSP_ALL) : csp_cache_check(card);
}

DWORD
csp_cache_use(struct csp_card *card)
{
	bool some = false;
	DWORD r = csp_store_start(card, &some);

	return r == SCARD_S_SUCCESS && some ? csp_cache_check(card) : r;
}

void
csp_cache_distrust(struct csp_card *card)
{
	csp_store_drop(card);
	card->loaded = card->checked = card->token_read = false;
	csp_txn_end(card);
}

static DWORD
refresh_work(struct csp_card *card, void *arg)
{
	(void)arg;
	return check_only(card, 0, false);
}

DWORD
csp_refresh(struct csp_card *card, uint32_t *ret_version)
{
	DWORD r = csp_txn_run(card, refresh_work, NULL);

	if (r == SCARD_S_SUCCESS && ret_version != NULL)
		*ret_version = card->version;
	return r;
}

/* Which container has a number; LIMIT_CONTAINERS: none, or this card has no numbers. */
static size_t
container_of(struct csp_card *card, uint8_t number)
{
	CARD_KEY_NAMES names = { 0 };

	for (size_t i = 0; i < LIMIT_CONTAINERS; i++) {
		if (csp_container_names(card, (uint8_t)i, &names) != SCARD_S_SUCCESS)
			break;
		if (names.bNumber == number)
			return i;
	}
	return LIMIT_CONTAINERS;
}

struct wanted {
	uint8_t number;
	bool keys_only;
};

/* What is known already is not left out. */
static DWORD
number_work(struct csp_card *card, void *arg)
{
	const struct wanted *wanted = arg;
	const size_t index = container_of(card, wanted->number);

	if (index >= CSP_ONLY_MAX || (card->loaded && card->only == 0))
		return check_only(card, 0, false);
	return check_only(card, card->only | UINT32_C(1) << index,
			  wanted->keys_only && (card->only == 0 || card->keys_only));
}

DWORD
csp_refresh_number(struct csp_card *card, uint8_t number, bool keys_only, uint32_t *ret_version)
{
	struct wanted wanted = { number, keys_only };
	DWORD r = csp_txn_run(card, number_work, &wanted);

	if (r == SCARD_S_SUCCESS && ret_version != NULL)
		*ret_version = card->version;
	return r;
}
