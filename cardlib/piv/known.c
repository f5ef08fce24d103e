/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys and certificates that are known of the card. It has no list of them, so a slot is asked about when somebody wants to
 * know, and again when what it said may have become wrong.
 */
#include "piv/piv.h"

#include <time.h>

#include "base/log.h"

static uint64_t
now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)(t.tv_nsec / 1000000) + 1;
}

/* What was empty is asked about again after a while; what was refused, in the next transaction. */
static void
expire_empty(struct piv *p)
{
	const uint64_t now = now_ms();

	if (p->empty_ms != 0 && now - p->empty_ms < PIV_EMPTY_MS)
		return;
	p->empty_ms = now;
	for (size_t i = 0; i < PIV_SLOTS; i++)
		if ((i < PIV_SLOT_RETIRED || p->history.read == PIV_NOT_ASKED) && p->keys[i].used == PIV_NO)
			p->keys[i].used = PIV_NOT_ASKED;
}

/* The certificate of a key that was found without it; none is no error. */
static DWORD
settle(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = key->unread ? piv_slot_certificate_read(p, index, key) : SCARD_S_SUCCESS;

	if (!piv_is_answer(r))
		return r;
	key->unread = false;
	return SCARD_S_SUCCESS;
}

static DWORD
learn(struct piv *p, BYTE index, bool only_key)
{
	struct piv_key *key = &p->keys[index];
	DWORD r = SCARD_E_UNSUPPORTED_FEATURE;

	if (key->recalled && !only_key)
		piv_key_forget(key);
	if (key->used != PIV_NOT_ASKED)
		return key->used == PIV_YES && !only_key ? settle(p, index, key) : SCARD_S_SUCCESS;
	key->role = piv_slot_role(index);
	if (only_key)
		r = piv_slot_ask_key(p, index, key);
	if (r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_NO_KEY_CONTAINER)
		r = piv_slot_ask(p, index, key);
	if (r == SCARD_S_SUCCESS)
		return r;
	piv_key_forget(key);
	if (!piv_is_answer(r))
		return r;
	key->used = PIV_NO;
	return SCARD_S_SUCCESS;
}

DWORD
piv_key_recall(struct piv *p, BYTE index, struct piv_key **ret_key)
{
	DWORD r;

	if (index >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS)
		return r;
	if (p->keys[index].used == PIV_NOT_ASKED)
		(void)piv_slot_recall(p, index, &p->keys[index]);
	if (p->keys[index].used != PIV_YES)
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_key = &p->keys[index];
	return SCARD_S_SUCCESS;
}

static DWORD
find(struct piv *p, BYTE index, bool only_key, struct piv_key **ret_key)
{
	DWORD r;

	if (index >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	if (p->keys[index].used != PIV_YES || (p->keys[index].unread && !only_key)) {
		if (only_key && piv_key_recall(p, index, ret_key) == SCARD_S_SUCCESS)
			return SCARD_S_SUCCESS;
		if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = learn(p, index, only_key)) != SCARD_S_SUCCESS)
			return r;
		if (p->keys[index].used != PIV_YES)
			return SCARD_E_NO_KEY_CONTAINER;
	}
	*ret_key = &p->keys[index];
	return SCARD_S_SUCCESS;
}

DWORD
piv_key_find(struct piv *p, BYTE index, struct piv_key **ret_key)
{
	return find(p, index, false, ret_key);
}

DWORD
piv_key_find_only(struct piv *p, BYTE index, struct piv_key **ret_key)
{
	return find(p, index, true, ret_key);
}

/* Retired slots that were empty not long ago, unless the card has a history, which tells more for one exchange. */
static DWORD
recall_empty(struct piv *p, bool *ret_recalled)
{
	uint32_t slots = 0;
	DWORD r = piv_history_read(p);

	*ret_recalled = r == SCARD_S_SUCCESS && p->history.read != PIV_YES && piv_cache_empty(p, &slots);
	for (size_t i = PIV_SLOT_RETIRED; i < PIV_SLOTS; i++)
		if ((slots & UINT32_C(1) << i) != 0 && p->keys[i].used == PIV_NOT_ASKED)
			p->keys[i].used = PIV_NO;
	return r;
}

static void
keep_empty(const struct piv *p)
{
	uint32_t slots = 0;

	for (size_t i = PIV_SLOT_RETIRED; i < PIV_SLOTS; i++)
		if (p->keys[i].used == PIV_NO)
			slots |= UINT32_C(1) << i;
	piv_cache_keep_empty(p, slots);
}

static DWORD
load(struct piv *p, BYTE first, BYTE end)
{
	DWORD r = SCARD_S_SUCCESS;

	for (BYTE i = first; i < end && r == SCARD_S_SUCCESS; i++)
		r = learn(p, i, false);
	return r;
}

/* The retired keys come last: a certificate that has changed ends what is believed of them. */
DWORD
piv_keys_load(struct piv *p)
{
	const bool first = p->history.read == PIV_NOT_ASKED;
	bool recalled = false;
	DWORD r = piv_confirm(p);

	if (r != SCARD_S_SUCCESS)
		return r;
	expire_empty(p);
	if ((r = load(p, 0, PIV_SLOT_RETIRED)) != SCARD_S_SUCCESS)
		return r;
	if (first && (r = recall_empty(p, &recalled)) != SCARD_S_SUCCESS)
		return r;
	if ((r = load(p, PIV_SLOT_RETIRED, PIV_SLOTS)) == SCARD_S_SUCCESS && first && !recalled &&
	    p->history.read != PIV_YES)
		keep_empty(p);
	return r;
}

/* What an elliptic-curve key may do the card decides; every key of this card edge does both. */
DWORD
piv_key_of_spec(struct piv *p, BYTE index, DWORD key_spec, struct piv_key **ret_key)
{
	struct piv_key *key;
	bool matches;
	DWORD r;

	if ((r = piv_key_find_only(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if (piv_algorithm_is_rsa(key->algorithm))
		matches = key_spec == (key->exchange ? AT_KEYEXCHANGE : AT_SIGNATURE);
	else
		matches = check_key_spec_type(key_spec) == piv_algorithm_type(key->algorithm) &&
			  check_key_spec_bits(key_spec) == piv_algorithm_bits(key->algorithm);
	if (!matches)
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_key = key;
	return SCARD_S_SUCCESS;
}

/* The object is the one that the card has in this transaction, or is read again; a key without one is asked about again. */
DWORD
piv_key_freshen(struct piv *p, BYTE index, struct piv_key *key)
{
	bool same = false;
	DWORD r;

	if (key->compared == p->transaction)
		return SCARD_S_SUCCESS;
	if (key->unread) {
		piv_key_forget(key);
		return learn(p, index, true);
	}
	r = piv_object_compare(p, piv_slot_certificate(index), buf_cur(&key->object), &same);
	if (r != SCARD_S_SUCCESS && !piv_is_answer(r))
		return r;
	if (r == SCARD_S_SUCCESS && same) {
		key->compared = p->transaction;
		return r;
	}
	log_info(LOG_CARD, "key %02X: another certificate than before", piv_slot_reference(index));
	piv_key_forget(key);
	return learn(p, index, false);
}

DWORD
piv_certificate(struct piv *p, BYTE index, struct buf *ret_der)
{
	struct piv_key *key;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_key_find(p, index, &key)) != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_FILE_NOT_FOUND : r;
	if (key->object.len > 0 && (r = piv_key_freshen(p, index, key)) != SCARD_S_SUCCESS)
		return r;
	if (key->used != PIV_YES || key->object.len == 0)
		return SCARD_E_FILE_NOT_FOUND;
	return piv_cert_der(buf_cur(&key->object), ret_der) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}
