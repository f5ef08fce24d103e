/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs and keys of roles changed and unblocked (minidriver specification, CardChangeAuthenticatorEx), also off-line with a
 * challenge that somebody else answers. The freshness counter follows the change, since only who is authenticated may
 * write it; what others lose by a card that is pulled in between is that they do not hear of it.
 */
#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/response.h"

/* A lost exchange leaves open what the PIN is; sending it again would cost a try if it was changed. */
struct outcome {
	bool sent, done;
	uint32_t tries;
};

/* Whether a new PIN or key can be one; found out before anything costs a try. */
static DWORD
check_new(struct csp_card *card, uint32_t role, struct cursor pin)
{
	const PIN_INFO *info;
	CARD_PIN_LIMITS limits;
	CARD_CHALLENGE_KEY key;
	DWORD r;

	if ((r = csp_role_info(card, role, &info)) != SCARD_S_SUCCESS)
		return r;
	if (info->PinType == EmptyPinType)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (info->PinType == ChallengeResponsePinType) {
		r = csp_role_key(card, role, &key);
		if (r == SCARD_S_SUCCESS &&
		    (key.cbKey != 0 ? pin.left != key.cbKey : csp_key_algorithm(pin.left) == CardKeyUnknown))
			r = SCARD_E_INVALID_VALUE;
		return r;
	}
	if (pin.left == 0)
		return info->PinType == ExternalPinType ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE;
	if ((r = csp_role_limits(card, role, &limits)) != SCARD_S_SUCCESS)
		return r;
	return pin.left >= limits.dwMinLength && pin.left <= limits.dwMaxLength ? SCARD_S_SUCCESS
										: SCARD_E_INVALID_VALUE;
}

/* The same of one that is to be right now. */
static DWORD
check_old(struct csp_card *card, uint32_t role, struct cursor pin)
{
	const PIN_INFO *info;
	CARD_PIN_LIMITS limits;
	DWORD r;

	if ((r = csp_role_info(card, role, &info)) != SCARD_S_SUCCESS || info->PinType == ChallengeResponsePinType)
		return r;
	if (pin.left == 0)
		return info->PinType == ExternalPinType ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
	if ((r = csp_role_limits(card, role, &limits)) != SCARD_S_SUCCESS)
		return r;
	return pin.left >= limits.dwMinLength && pin.left <= limits.dwMaxLength ? SCARD_S_SUCCESS
										: SCARD_E_INVALID_PARAMETER;
}

/* One call of the minidriver, and what follows for the authority. */
static DWORD
ask(struct csp_card *card, DWORD flag, uint32_t authority, const struct secret *proof, uint32_t role,
    struct cursor new_pin, uint32_t retries, struct outcome *outcome)
{
	PIN_SET before = card->exposed;
	DWORD left = CARD_DATA_VALUE_UNKNOWN, r;

	outcome->sent = true;
	csp_txn_touch(card);
	card->authenticated &= ~CREATE_PIN_SET(authority);
	card->exposed |= CREATE_PIN_SET(authority);
	r = card->data.pfnCardChangeAuthenticatorEx(&card->data, flag, authority, proof->p, (DWORD)proof->len, role,
						    new_pin.left == 0 ? NULL : new_pin.p, (DWORD)new_pin.left, retries,
						    &left);
	csp_txn_touch(card);
	if (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED) {
		outcome->tries = r == SCARD_W_CHV_BLOCKED ? 0 : left;
		csp_role_refused(card, authority, outcome->tries);
	} else if (csp_code_is_trouble(r)) {
		card->roles[authority].doubted = true;
	} else if (r == SCARD_E_INVALID_CHV) {
		/* the old one may have been right all the same */
		card->roles[authority].tries_read = false;
		r = SCARD_E_INVALID_VALUE;
	} else if (r != SCARD_S_SUCCESS) {
		card->exposed = before;
	}
	outcome->done = r == SCARD_S_SUCCESS;
	return r;
}

/* Others hear of the new PIN; that they cannot is no failure of the change. */
static void
announce(struct csp_card *card)
{
	struct csp_freshness *known = &card->freshness;
	struct csp_change change;
	DWORD r = csp_change_announce(card, CSP_PINS, &change);

	if (r != SCARD_S_SUCCESS) {
		log_info(LOG_CSP, "the counter of PIN changes stays as it was (%s)", log_code_name(r));
		return;
	}
	/* what else has changed meanwhile is still to be noticed */
	if (change.counted && card->freshness_known && (uint8_t)(known->pins + 1) == change.after.pins)
		known->pins = change.after.pins;
}

/* Changing ----------------------------------------------------------------------------------------------------------- */

struct pin_change {
	uint32_t role;
	struct cursor old_pin, new_pin;
	struct outcome outcome;
};

static DWORD
change_pin(struct csp_card *card, struct pin_change *c)
{
	AUTO_SECRET struct secret proof = SECRET_INIT;
	DWORD r;

	if (c->outcome.sent)
		return c->outcome.done ? SCARD_S_SUCCESS : SCARD_E_COMM_DATA_LOST;
	if (card->read_only)
		return SCARD_E_READ_ONLY_CARD;
	if ((r = check_old(card, c->role, c->old_pin)) != SCARD_S_SUCCESS ||
	    (r = check_new(card, c->role, c->new_pin)) != SCARD_S_SUCCESS ||
	    (r = csp_role_proof(card, c->role, c->old_pin, NULL, &proof)) != SCARD_S_SUCCESS)
		return r;
	r = ask(card, PIN_CHANGE_FLAG_CHANGEPIN, c->role, &proof, c->role, c->new_pin, 0, &c->outcome);
	if (r != SCARD_S_SUCCESS)
		return r;
	csp_role_verified(card, c->role);
	csp_role_forget(card, c->role);
	if (csp_role_keep(card, c->role, c->new_pin) != SCARD_S_SUCCESS)
		log_info(LOG_CSP, "role %u: the new PIN is not kept", c->role);
	announce(card);
	return SCARD_S_SUCCESS;
}

static DWORD
change_work(struct csp_card *card, void *arg)
{
	return change_pin(card, arg);
}

static bool
is_role(uint32_t role)
{
	return role != ROLE_EVERYONE && role < MAX_PINS;
}

DWORD
csp_pin_change(struct csp_card *card, uint32_t role, struct cursor old_pin, struct cursor new_pin, uint32_t *ret_tries)
{
	struct pin_change c = { .role = role, .old_pin = old_pin, .new_pin = new_pin };
	DWORD r;

	c.outcome.tries = CSP_UNKNOWN;
	if (!is_role(role))
		r = SCARD_E_UNSUPPORTED_FEATURE;
	else if (old_pin.left > LIMIT_PIN)
		r = SCARD_E_INVALID_PARAMETER;
	else if (new_pin.left > LIMIT_PIN)
		r = SCARD_E_INVALID_VALUE;
	else
		r = csp_txn_run(card, change_work, &c);
	if (ret_tries != NULL)
		*ret_tries = c.outcome.tries;
	return r;
}

/* Unblocking ---------------------------------------------------------------------------------------------------------- */

struct unblocking {
	uint32_t role, authority, retries;
	struct cursor secret; /* or the response, which is sent as it is */
	struct cursor new_pin;
	struct outcome outcome;
};

/* Nobody is authenticated any more, and nobody's PIN is what it was, but the authority's. */
static void
forget_others(struct csp_card *card, uint32_t authority)
{
	card->authenticated = 0;
	for (uint32_t role = 0; role < MAX_PINS; role++)
		if (role != authority)
			csp_role_forget(card, role);
	for (uint32_t role = 0; role < MAX_PINS; role++)
		card->roles[role].tries_read = false;
}

/* The counters belong to the user, whose PIN is known now; it is right, so that this costs no try. */
static void
announce_unblocked(struct csp_card *card, const struct unblocking *u)
{
	uint32_t role = u->role;
	DWORD left, r;

	if (role == ROLE_USER && u->new_pin.left > 0)
		r = csp_role_present(card, ROLE_USER, u->new_pin, &left);
	else
		r = csp_role_any(card, role == ROLE_USER ? CSP_BY_ADMIN : CSP_BY_EITHER, &role);
	if (r == SCARD_S_SUCCESS)
		announce(card);
	csp_txn_end(card);
}

static DWORD
unblock(struct csp_card *card, struct unblocking *u, const struct secret *proof)
{
	DWORD r = ask(card, PIN_CHANGE_FLAG_UNBLOCK, u->authority, proof, u->role, u->new_pin, u->retries, &u->outcome);

	/* whatever the outcome */
	card->authenticated = 0;
	if (r != SCARD_S_SUCCESS)
		return r;
	forget_others(card, u->authority);
	announce_unblocked(card, u);
	return SCARD_S_SUCCESS;
}

static DWORD
unblock_work(struct csp_card *card, void *arg)
{
	AUTO_SECRET struct secret secret = SECRET_INIT, proof = SECRET_INIT;
	struct unblocking *u = arg;
	const PIN_INFO *info;
	DWORD r;

	if (u->outcome.sent)
		return u->outcome.done ? SCARD_S_SUCCESS : SCARD_E_COMM_DATA_LOST;
	if (card->read_only)
		return SCARD_E_READ_ONLY_CARD;
	if ((r = csp_role_info(card, u->authority, &info)) != SCARD_S_SUCCESS ||
	    (r = check_new(card, u->role, u->new_pin)) != SCARD_S_SUCCESS)
		return r;
	if (u->secret.left == 0) {
		/* what stands for a PIN unlocks, but proves nothing more */
		if (card->roles[u->authority].session)
			return SCARD_W_CARD_NOT_AUTHENTICATED;
		if ((r = csp_role_kept(card, u->authority, &secret)) != SCARD_S_SUCCESS)
			return r;
		u->secret = cur_of(secret.p, secret.len);
	}
	r = csp_role_proof(card, u->authority, u->secret, NULL, &proof);
	if (secret.len > 0)
		u->secret = cur_of(NULL, 0);
	return r == SCARD_S_SUCCESS ? unblock(card, u, &proof) : r;
}

/* Nothing may be asked of the card before the response is there. */
static DWORD
response_work(struct csp_card *card, void *arg)
{
	AUTO_SECRET struct secret proof = SECRET_INIT;
	struct unblocking *u = arg;
	DWORD challenged = card->challenged;

	if (u->outcome.sent)
		return u->outcome.done ? SCARD_S_SUCCESS : SCARD_E_COMM_DATA_LOST;
	card->challenged = 0;
	if (challenged == 0 || card->data.dwTransaction != challenged + 1)
		return SCARD_E_INVALID_VALUE;
	if (!secret_set(&proof, u->secret.p, u->secret.left))
		return SCARD_E_NO_MEMORY;
	return unblock(card, u, &proof);
}

static DWORD
unblock_run(struct csp_card *card, struct unblocking *u, csp_work work, uint32_t *ret_tries)
{
	DWORD r;

	u->outcome.tries = CSP_UNKNOWN;
	if (!is_role(u->role) || !is_role(u->authority) || u->role == u->authority)
		r = SCARD_E_UNSUPPORTED_FEATURE;
	else if (u->secret.left > LIMIT_PIN)
		r = SCARD_E_INVALID_PARAMETER;
	else if (u->new_pin.left > LIMIT_PIN)
		r = SCARD_E_INVALID_VALUE;
	else
		r = csp_txn_run(card, work, u);
	if (ret_tries != NULL)
		*ret_tries = u->outcome.tries;
	return r;
}

DWORD
csp_pin_unblock(struct csp_card *card, uint32_t role, uint32_t authority, struct cursor secret, struct cursor new_pin,
		uint32_t retries, uint32_t *ret_tries)
{
	struct unblocking u = {
		.role = role, .authority = authority, .retries = retries, .secret = secret, .new_pin = new_pin
	};

	return unblock_run(card, &u, unblock_work, ret_tries);
}

/* Tries --------------------------------------------------------------------------------------------------------------- */

struct retries {
	CARD_PIN_RETRIES numbers;
	bool sent, done;
};

static DWORD
retries_work(struct csp_card *card, void *arg)
{
	struct retries *w = arg;
	DWORD r;

	if (w->sent)
		return w->done ? SCARD_S_SUCCESS : SCARD_E_COMM_DATA_LOST;
	if (card->read_only)
		return SCARD_E_READ_ONLY_CARD;
	if ((r = csp_role_authenticate(card, ROLE_USER)) != SCARD_S_SUCCESS ||
	    (r = csp_role_authenticate(card, ROLE_ADMIN)) != SCARD_S_SUCCESS)
		return r;
	w->sent = true;
	csp_txn_touch(card);
	r = card->data.pfnCardSetProperty(&card->data, CP_CARD_PIN_RETRIES, (const BYTE *)&w->numbers,
					  sizeof(w->numbers), 0);
	w->done = r == SCARD_S_SUCCESS;
	if (w->done) {
		forget_others(card, ROLE_ADMIN);
		csp_txn_end(card);
	}
	return r;
}

DWORD
csp_pin_retries(struct csp_card *card, uint32_t pin, uint32_t puk)
{
	struct retries w = { .numbers = { .dwPin = pin, .dwPuk = puk } };

	return csp_txn_run(card, retries_work, &w);
}

/* Off-line ------------------------------------------------------------------------------------------------------------ */

struct challenging {
	uint32_t authority;
	struct buf *challenge;
};

/* What has to be known for the response is asked first: the challenge is the last thing that the card says. */
static DWORD
challenge_work(struct csp_card *card, void *arg)
{
	struct challenging *c = arg;
	const PIN_INFO *info;
	CARD_PIN_LIMITS limits;
	BYTE *challenge = NULL;
	DWORD len = 0, r;

	if ((r = csp_role_info(card, c->authority, &info)) != SCARD_S_SUCCESS ||
	    (r = csp_role_info(card, ROLE_USER, &info)) != SCARD_S_SUCCESS ||
	    (r = csp_role_limits(card, ROLE_USER, &limits)) != SCARD_S_SUCCESS)
		return r;
	if (card->roles[c->authority].info.PinType != ChallengeResponsePinType)
		return SCARD_E_UNSUPPORTED_FEATURE;
	r = card->data.pfnCardGetChallengeEx(&card->data, c->authority, &challenge, &len, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	buf_reset(c->challenge);
	buf_put(c->challenge, challenge, len);
	csp_block_free(challenge);
	if (buf_failed(c->challenge))
		return SCARD_E_NO_MEMORY;
	card->challenged = card->data.dwTransaction;
	return SCARD_S_SUCCESS;
}

DWORD
csp_challenge(struct csp_card *card, uint32_t authority, struct buf *ret_challenge)
{
	struct challenging c = { authority, ret_challenge };
	DWORD r;

	if (!is_role(authority))
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	/* locking the card again at the end would be a command of its own */
	csp_txn_end(card);
	r = csp_txn_run(card, challenge_work, &c);
	csp_txn_end(card);
	return r;
}

DWORD
csp_pin_unblock_response(struct csp_card *card, uint32_t role, uint32_t authority, struct cursor response,
			 struct cursor new_pin, uint32_t retries, uint32_t *ret_tries)
{
	struct unblocking u = {
		.role = role, .authority = authority, .retries = retries, .secret = response, .new_pin = new_pin
	};
	const struct csp_role *s = &card->roles[role < MAX_PINS ? role : ROLE_EVERYONE];

	/* by what is known without a question */
	if (s->limits_read && (new_pin.left < s->limits.dwMinLength || new_pin.left > s->limits.dwMaxLength)) {
		if (ret_tries != NULL)
			*ret_tries = CSP_UNKNOWN;
		return SCARD_E_INVALID_VALUE;
	}
	return unblock_run(card, &u, response_work, ret_tries);
}
