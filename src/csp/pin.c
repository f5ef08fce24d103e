/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs: kept per role as the card's policy says, and presented again only when a private key is
 * about to be used. A PIN that was refused once is never sent again, and none is sent that might cost the last try.
 */
#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/response.h"

#define MS_PER_S 1000u

static PIN_CACHE_POLICY_TYPE
policy_of(const struct csp_role *role)
{
	return role->info.PinCachePolicy.PinCachePolicyType;
}

static void
forget_pin(struct csp_role *s)
{
	masked_free(&s->pin);
	s->once = s->doubted = s->session = s->there = false;
}

void
csp_role_forget(struct csp_card *card, uint32_t role)
{
	forget_pin(&card->roles[role]);
}

void
csp_roles_wipe(struct csp_card *card)
{
	for (size_t i = 0; i < MAX_PINS; i++)
		forget_pin(&card->roles[i]);
}

void
csp_roles_doubt(struct csp_card *card)
{
	struct csp_role *s;

	for (uint32_t i = 0; i < MAX_PINS; i++) {
		s = &card->roles[i];
		if (masked_is_set(&s->pin) && !IS_PIN_SET(card->authenticated, i))
			s->doubted = true;
	}
}

void
csp_roles_stale(struct csp_card *card)
{
	csp_roles_doubt(card);
	for (uint32_t i = 0; i < MAX_PINS; i++)
		card->roles[i].info_read = card->roles[i].tries_read = card->roles[i].limits_read =
			card->roles[i].strength_read = card->roles[i].key_read = false;
}

/* Asking the card ---------------------------------------------------------------------------------------------------- */

void
csp_role_verified(struct csp_card *card, uint32_t role)
{
	struct csp_role *s = &card->roles[role];

	card->authenticated |= CREATE_PIN_SET(role);
	s->proven = true;
	s->doubted = false;
	/* a right PIN gives back all tries */
	if (s->tries_read)
		s->tries.dwLeft = s->tries.dwMax;
}

void
csp_role_refused(struct csp_card *card, uint32_t role, DWORD left)
{
	struct csp_role *s = &card->roles[role];

	card->exposed &= ~CREATE_PIN_SET(role);
	card->authenticated &= ~CREATE_PIN_SET(role);
	forget_pin(s);
	if (left == CARD_DATA_VALUE_UNKNOWN)
		s->tries_read = false;
	else
		s->tries.dwLeft = left;
}

/* The card's challenge, answered; asking for it may end what the role was authenticated for. */
static DWORD
answer(struct csp_card *card, uint32_t role, struct cursor key, struct buf *ret_challenge, struct secret *ret_proof)
{
	AUTO_BUF struct buf response = BUF_INIT;
	CARD_CHALLENGE_KEY kind;
	BYTE *challenge = NULL;
	DWORD len = 0, r;

	if ((r = csp_role_key(card, role, &kind)) != SCARD_S_SUCCESS)
		return r;
	/* nobody's key, so that the card is not asked */
	if (csp_key_algorithm(key.left) == CardKeyUnknown || (kind.cbKey != 0 && kind.cbKey != key.left))
		return SCARD_E_INVALID_PARAMETER;
	card->authenticated &= ~CREATE_PIN_SET(role);
	r = card->data.pfnCardGetChallengeEx(&card->data, role, &challenge, &len, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	r = csp_response(card->csp->crypto, kind.Algorithm, key, cur_of(challenge, len), &response);
	if (r == SCARD_S_SUCCESS && ret_challenge != NULL)
		buf_put(ret_challenge, challenge, len);
	csp_block_free(challenge);
	if (r != SCARD_S_SUCCESS)
		return r;
	return secret_set(ret_proof, response.p, response.len) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

DWORD
csp_role_proof(struct csp_card *card, uint32_t role, struct cursor secret, struct buf *ret_challenge,
	       struct secret *ret_proof)
{
	if (card->roles[role].info.PinType == ChallengeResponsePinType)
		return answer(card, role, secret, ret_challenge, ret_proof);
	return secret_set(ret_proof, secret.p, secret.left) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

/* What an answer of the card means for the role. */
static void
conclude(struct csp_card *card, uint32_t role, bool session, PIN_SET before, DWORD code, DWORD left)
{
	struct csp_role *s = &card->roles[role];

	if (code == SCARD_S_SUCCESS)
		csp_role_verified(card, role);
	else if (code == SCARD_W_WRONG_CHV || code == SCARD_W_CHV_BLOCKED)
		/* the number that comes with a session PIN means nothing */
		csp_role_refused(card, role, session ? CARD_DATA_VALUE_UNKNOWN : left);
	else if (csp_code_is_trouble(code))
		s->doubted = masked_is_set(&s->pin);
	else
		card->exposed = before; /* the card was not asked, or has no such PIN */
}

/* What came with a success: a session PIN for the PIN that was typed at the reader, or the card's own answer. */
static DWORD
take_extra(struct csp_card *card, uint32_t role, struct cursor secret, struct cursor challenge, struct cursor extra,
	   struct secret *ret_session)
{
	const struct csp_role *s = &card->roles[role];

	if (s->info.PinType == ChallengeResponsePinType) {
		if (csp_response_mutual(card->csp->crypto, s->key.Algorithm, secret, challenge, extra))
			return SCARD_S_SUCCESS;
		log_fail(LOG_CSP, SCARD_E_UNEXPECTED, "role %u: the card does not know the key", role);
		return SCARD_E_UNEXPECTED;
	}
	if (ret_session != NULL && !secret_set(ret_session, extra.p, extra.left))
		log_info(LOG_CSP, "role %u: no memory for the session PIN; the reader will ask again", role);
	return SCARD_S_SUCCESS;
}

/*
 * One presentation, with the flags of the minidriver; what is known of the role afterwards follows from the answer. No
 * secret: the reader asks for it, and ret_session (may be NULL) gets a session PIN if the card makes one.
 */
static DWORD
present(struct csp_card *card, uint32_t role, struct cursor secret, DWORD flags, struct secret *ret_session,
	DWORD *ret_left)
{
	AUTO_SECRET struct secret proof = SECRET_INIT;
	AUTO_BUF struct buf challenge = BUF_INIT;
	struct csp_role *s = &card->roles[role];
	PIN_SET before = card->exposed;
	DWORD left = CARD_DATA_VALUE_UNKNOWN, len = 0, r;
	BYTE *extra = NULL;
	bool wants;

	csp_txn_touch(card);
	if ((r = csp_role_proof(card, role, secret, &challenge, &proof)) != SCARD_S_SUCCESS)
		return r;
	wants = proof.len == 0 || s->info.PinType == ChallengeResponsePinType;
	card->authenticated &= ~CREATE_PIN_SET(role);
	card->exposed |= CREATE_PIN_SET(role);
	r = card->data.pfnCardAuthenticateEx(&card->data, role, flags, proof.p, (DWORD)proof.len, wants ? &extra : NULL,
					     wants ? &len : NULL, &left);
	if (r == SCARD_W_CHV_BLOCKED)
		left = 0;
	conclude(card, role, flags == CARD_AUTHENTICATE_SESSION_PIN, before, r, left);
	if (r == SCARD_S_SUCCESS && extra != NULL)
		r = take_extra(card, role, secret, buf_cur(&challenge), cur_of(extra, len), ret_session);
	if (r != SCARD_S_SUCCESS)
		card->authenticated &= ~CREATE_PIN_SET(role);
	csp_block_free(extra);
	*ret_left = r == SCARD_S_SUCCESS && s->tries_read ? s->tries.dwLeft : left;
	return r;
}

DWORD
csp_role_present(struct csp_card *card, uint32_t role, struct cursor secret, DWORD *ret_left)
{
	return present(card, role, secret, 0, NULL, ret_left);
}

/* Keeping ------------------------------------------------------------------------------------------------------------ */

/* A session PIN for a PIN, which is asked for and unlocks nothing yet. *ret_session empty: the card has none. */
static DWORD
negotiate(struct csp_card *card, uint32_t role, struct cursor pin, struct secret *ret_session, DWORD *ret_left)
{
	BYTE *session = NULL;
	DWORD len = 0, left = CARD_DATA_VALUE_UNKNOWN, r;
	bool has;

	if (pin.left == 0 || card->roles[role].info.PinType == ChallengeResponsePinType)
		return SCARD_S_SUCCESS;
	if ((r = csp_role_has_sessions(card, role, &has)) != SCARD_S_SUCCESS || !has)
		return r;
	csp_txn_touch(card);
	r = card->data.pfnCardAuthenticateEx(&card->data, role, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, pin.p,
					     (DWORD)pin.left, &session, &len, &left);
	if (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED) {
		left = r == SCARD_W_CHV_BLOCKED ? 0 : left;
		csp_role_refused(card, role, left);
		*ret_left = left;
	} else if (r == SCARD_E_UNSUPPORTED_FEATURE) {
		r = SCARD_S_SUCCESS;
	} else if (r == SCARD_S_SUCCESS && len > 0 && !secret_set(ret_session, session, len)) {
		r = SCARD_E_NO_MEMORY;
	}
	csp_block_free(session);
	return r;
}

/* Keeps what was right, if it may be kept. Not being able to is no error: the user will be asked again. */
static void
keep(struct csp_role *s, struct cursor secret, bool session, bool once)
{
	/* the policies are about PINs that somebody is asked for again; nobody is asked for a key */
	const PIN_CACHE_POLICY_TYPE policy =
		s->info.PinType == ChallengeResponsePinType ? PinCacheNormal : policy_of(s);
	const bool there = secret.left == 0;

	if (policy == PinCacheNone || (policy == PinCacheAlwaysPrompt && !once)) {
		forget_pin(s);
		return;
	}
	masked_free(&s->pin);
	if (!there)
		(void)masked_set(&s->pin, secret.p, secret.left);
	s->session = session;
	s->there = there;
	s->given_ms = csp_now_ms();
	/* for the next operation, should the transaction end before */
	s->once = once && policy == PinCacheAlwaysPrompt;
}

DWORD
csp_role_keep(struct csp_card *card, uint32_t role, struct cursor secret)
{
	AUTO_SECRET struct secret session = SECRET_INIT;
	DWORD left = 0, r = negotiate(card, role, secret, &session, &left);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (session.len > 0)
		secret = cur_of(session.p, session.len);
	keep(&card->roles[role], secret, session.len > 0, false);
	return SCARD_S_SUCCESS;
}

/* Again -------------------------------------------------------------------------------------------------------------- */

static bool
is_kept(const struct csp_role *s)
{
	return masked_is_set(&s->pin) || s->there;
}

/* Whether sending the kept PIN is safe. SCARD_W_CARD_NOT_AUTHENTICATED when it is not. */
static DWORD
check_safe(struct csp_card *card, uint32_t role)
{
	struct csp_role *s = &card->roles[role];
	CARD_PIN_TRIES tries;
	DWORD r;

	/* a session PIN has a counter of its own; what the reader asks for, somebody will type */
	if (s->session || s->there)
		return SCARD_S_SUCCESS;
	if (s->doubted) {
		s->tries_read = false;
		if ((r = csp_role_tries(card, role, &tries)) != SCARD_S_SUCCESS)
			return r;
	}
	if (s->tries_read && s->tries.dwLeft <= 1 && !s->proven) {
		log_info(LOG_CSP, "role %u: one try left, the kept PIN is not sent", role);
		return SCARD_W_CARD_NOT_AUTHENTICATED;
	}
	return SCARD_S_SUCCESS;
}

DWORD
csp_role_kept(struct csp_card *card, uint32_t role, struct secret *ret_secret)
{
	struct csp_role *s = &card->roles[role];
	DWORD r;

	if (!is_kept(s))
		return SCARD_W_CARD_NOT_AUTHENTICATED;
	if ((r = check_safe(card, role)) != SCARD_S_SUCCESS)
		return r;
	secret_free(ret_secret);
	return s->there || masked_get(&s->pin, ret_secret) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

static DWORD
present_again(struct csp_card *card, uint32_t role)
{
	AUTO_SECRET struct secret pin = SECRET_INIT;
	struct csp_role *s = &card->roles[role];
	DWORD r = csp_role_kept(card, role, &pin), left;

	if (r != SCARD_S_SUCCESS)
		return r;
	r = present(card, role, cur_of(pin.p, pin.len), s->session ? CARD_AUTHENTICATE_SESSION_PIN : 0, NULL, &left);
	if (r == SCARD_S_SUCCESS || r == SCARD_W_CANCELLED_BY_USER || csp_code_is_trouble(r))
		return r;
	log_info(LOG_CSP, "role %u: the kept PIN was refused and is forgotten (%s)", role, log_code_name(r));
	forget_pin(s);
	return SCARD_W_CARD_NOT_AUTHENTICATED;
}

static bool
is_expired(const struct csp_role *s)
{
	return policy_of(s) == PinCacheTimed &&
	       csp_now_ms() - s->given_ms > (uint64_t)s->info.PinCachePolicy.dwPinCachePolicyInfo * MS_PER_S;
}

DWORD
csp_role_authenticate(struct csp_card *card, uint32_t role)
{
	struct csp_role *s = &card->roles[role];
	const PIN_INFO *info = &s->info;
	DWORD r;

	if (role == ROLE_EVERYONE)
		return SCARD_S_SUCCESS;
	if ((r = csp_role_info(card, role, &info)) != SCARD_S_SUCCESS)
		return r;
	if (info->PinType == EmptyPinType)
		return SCARD_S_SUCCESS;
	if (is_kept(s) && !s->once && is_expired(s))
		forget_pin(s);
	/* every operation wants a PIN of its own */
	if (policy_of(s) == PinCacheAlwaysPrompt && !s->once)
		return SCARD_W_CARD_NOT_AUTHENTICATED;
	if (IS_PIN_SET(card->authenticated, role) && (policy_of(s) != PinCacheTimed || is_kept(s)))
		return SCARD_S_SUCCESS;
	return is_kept(s) ? present_again(card, role) : SCARD_W_CARD_NOT_AUTHENTICATED;
}

DWORD
csp_role_any(struct csp_card *card, PIN_SET roles, uint32_t *ret_role)
{
	const PIN_SET first = roles & card->authenticated, second = roles & ~first;
	DWORD r = SCARD_W_CARD_NOT_AUTHENTICATED;

	for (uint32_t i = 0; i < 2 * MAX_PINS && r == SCARD_W_CARD_NOT_AUTHENTICATED; i++) {
		const uint32_t role = i % MAX_PINS;

		if (!IS_PIN_SET(i < MAX_PINS ? first : second, role))
			continue;
		r = csp_role_authenticate(card, role);
		if (r == SCARD_S_SUCCESS)
			*ret_role = role;
	}
	return r;
}

void
csp_role_used(struct csp_card *card, uint32_t role)
{
	if (card->roles[role].once)
		forget_pin(&card->roles[role]);
}

/* What the user gives ------------------------------------------------------------------------------------------------ */

struct login {
	uint32_t role;
	struct cursor pin;
	bool once;
	uint32_t tries;
};

/* Whether this is what authenticates the role, by its form. */
static DWORD
check_form(uint32_t role, const PIN_INFO *info, struct cursor pin)
{
	if (info->PinPurpose == UnblockOnlyPin)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (info->PinType == ExternalPinType && pin.left == 0)
		return SCARD_S_SUCCESS;
	if (pin.left == 0)
		return SCARD_E_INVALID_PARAMETER;
	if (info->PinType == ExternalPinType && (info->dwFlags & PIN_INFO_REQUIRE_SECURE_ENTRY) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((info->dwFlags & PIN_INFO_REQUIRE_SECURE_ENTRY) != 0)
		log_warn(LOG_CSP, "role %u: the card asks for a trusted way to enter the PIN; there is none", role);
	return SCARD_S_SUCCESS;
}

/* With a session PIN in place of the PIN, if the card has such; *ret_kept: what is to be kept, empty for the PIN. */
static DWORD
verify_pin(struct csp_card *card, const struct login *l, struct secret *ret_kept, DWORD *ret_left)
{
	DWORD r = negotiate(card, l->role, l->pin, ret_kept, ret_left);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (ret_kept->len > 0)
		return present(card, l->role, cur_of(ret_kept->p, ret_kept->len), CARD_AUTHENTICATE_SESSION_PIN, NULL,
			       ret_left);
	return present(card, l->role, l->pin, 0, ret_kept, ret_left);
}

static DWORD
login_work(struct csp_card *card, void *arg)
{
	AUTO_SECRET struct secret session = SECRET_INIT;
	struct login *l = arg;
	const PIN_INFO *info = NULL;
	DWORD r;

	l->tries = CSP_UNKNOWN;
	/* what follows a verification for one operation is that operation and nothing else */
	if (l->once && (r = csp_cache_check(card)) != SCARD_S_SUCCESS)
		return r;
	if ((r = csp_cache_open(card)) != SCARD_S_SUCCESS ||
	    (r = csp_role_info(card, l->role, &info)) != SCARD_S_SUCCESS)
		return r;
	if (info->PinType == EmptyPinType)
		return SCARD_S_SUCCESS;
	if ((r = check_form(l->role, info, l->pin)) != SCARD_S_SUCCESS)
		return r;
	r = verify_pin(card, l, &session, &l->tries);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (session.len > 0)
		keep(&card->roles[l->role], cur_of(session.p, session.len), true, l->once);
	else
		keep(&card->roles[l->role], l->pin, false, l->once);
	return SCARD_S_SUCCESS;
}

/* Known without a question to the card. */
static bool
is_typed_here(const struct csp_role *s)
{
	return s->info_read && s->info.PinType != ExternalPinType && s->info.PinType != EmptyPinType;
}

static DWORD
login(struct csp_card *card, struct login *l, uint32_t *ret_tries)
{
	DWORD r;

	l->tries = CSP_UNKNOWN;
	if (l->role == ROLE_EVERYONE || l->role >= MAX_PINS)
		r = SCARD_E_UNSUPPORTED_FEATURE;
	else if (l->pin.left > LIMIT_PIN || (l->pin.p == NULL) != (l->pin.left == 0) ||
		 (l->pin.p == NULL && is_typed_here(&card->roles[l->role])))
		r = SCARD_E_INVALID_PARAMETER;
	else
		r = csp_txn_run(card, login_work, l);
	if (ret_tries != NULL)
		*ret_tries = l->tries;
	return r;
}

DWORD
csp_login(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries)
{
	struct login l = { .role = role, .pin = { pin, pin_len } };

	return login(card, &l, ret_tries);
}

DWORD
csp_login_once(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries)
{
	struct login l = { .role = role, .pin = { pin, pin_len }, .once = true };

	return login(card, &l, ret_tries);
}

/* Who may change a PIN with his own has that very PIN: else he would be an authority that unblocks. */
static bool
is_users_pin(const PIN_INFO *info)
{
	return (info->PinType == AlphaNumericPinType || info->PinType == ExternalPinType) &&
	       IS_PIN_SET(info->dwChangePermission, ROLE_USER);
}

DWORD
csp_login_with_users(struct csp_card *card, uint32_t role)
{
	AUTO_SECRET struct secret pin = SECRET_INIT;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	if (role == ROLE_EVERYONE || role == ROLE_USER || role >= MAX_PINS || !card->roles[role].info_read ||
	    !is_users_pin(&card->roles[role].info) || !masked_is_set(&card->roles[ROLE_USER].pin))
		return SCARD_W_CARD_NOT_AUTHENTICATED;
	if (!masked_get(&card->roles[ROLE_USER].pin, &pin))
		return SCARD_E_NO_MEMORY;
	return csp_login_once(card, role, pin.p, pin.len, NULL);
}

void
csp_logout(struct csp_reader *reader)
{
	if (reader->card == NULL)
		return;
	csp_roles_wipe(reader->card);
	csp_txn_end(reader->card);
}
