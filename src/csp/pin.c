/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs: kept per role as the card's policy says, and presented again only when a private key is
 * about to be used. A PIN that was refused once is never sent again, and none is sent that might cost the last try.
 */
#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"

#define MS_PER_S 1000u

static PIN_CACHE_POLICY_TYPE
policy_of(const struct csp_role *role)
{
	return role->info.PinCachePolicy.PinCachePolicyType;
}

DWORD
csp_role_info(struct csp_card *card, uint32_t role, const PIN_INFO **ret_info)
{
	struct csp_role *s = &card->roles[role];
	PIN_INFO info = { .dwVersion = PIN_INFO_CURRENT_VERSION };
	DWORD r;

	if (!s->info_read) {
		r = csp_card_property(card, CP_CARD_PIN_INFO, role, &info, sizeof(info));
		if (csp_code_is_trouble(r))
			return r;
		/* a card that does not say has PINs of the usual kind */
		if (r != SCARD_S_SUCCESS)
			info = (PIN_INFO){ .dwVersion = PIN_INFO_CURRENT_VERSION };
		s->info = info;
		s->info_read = true;
	}
	*ret_info = &s->info;
	return SCARD_S_SUCCESS;
}

DWORD
csp_role_tries(struct csp_card *card, uint32_t role, CARD_PIN_TRIES *ret_tries)
{
	struct csp_role *s = &card->roles[role];
	CARD_PIN_TRIES tries = { CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	DWORD r;

	if (!s->tries_read) {
		csp_txn_touch(card);
		r = csp_card_property(card, CP_CARD_PIN_TRIES, role, &tries, sizeof(tries));
		if (csp_code_is_trouble(r))
			return r;
		if (r != SCARD_S_SUCCESS)
			tries = (CARD_PIN_TRIES){ CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
		s->tries = tries;
		s->tries_read = true;
		s->proven = false;
	}
	*ret_tries = s->tries;
	return SCARD_S_SUCCESS;
}

static void
forget_pin(struct csp_role *s)
{
	masked_free(&s->pin);
	s->once = s->doubted = false;
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
		card->roles[i].info_read = card->roles[i].tries_read = false;
}

/* Asking the card ---------------------------------------------------------------------------------------------------- */

static void
verified(struct csp_card *card, uint32_t role)
{
	struct csp_role *s = &card->roles[role];

	card->authenticated |= CREATE_PIN_SET(role);
	s->proven = true;
	s->doubted = false;
	/* a right PIN gives back all tries */
	if (s->tries_read)
		s->tries.dwLeft = s->tries.dwMax;
}

static void
refused(struct csp_card *card, uint32_t role, DWORD left)
{
	struct csp_role *s = &card->roles[role];

	card->exposed &= ~CREATE_PIN_SET(role);
	forget_pin(s);
	if (left == CARD_DATA_VALUE_UNKNOWN)
		s->tries_read = false;
	else
		s->tries.dwLeft = left;
}

/* One presentation of a PIN; what is known of the role afterwards follows from the answer. */
static DWORD
present(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t len, DWORD *ret_left)
{
	struct csp_role *s = &card->roles[role];
	PIN_SET before = card->exposed;
	DWORD left = CARD_DATA_VALUE_UNKNOWN, r;

	csp_txn_touch(card);
	card->authenticated &= ~CREATE_PIN_SET(role);
	card->exposed |= CREATE_PIN_SET(role);
	r = card->data.pfnCardAuthenticateEx(&card->data, role, 0, pin, (DWORD)len, NULL, NULL, &left);
	if (r == SCARD_W_CHV_BLOCKED)
		left = 0;
	if (r == SCARD_S_SUCCESS)
		verified(card, role);
	else if (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED)
		refused(card, role, left);
	else if (csp_code_is_trouble(r))
		s->doubted = masked_is_set(&s->pin);
	else
		card->exposed = before; /* the card was not asked, or has no such PIN */
	*ret_left = r == SCARD_S_SUCCESS && s->tries_read ? s->tries.dwLeft : left;
	return r;
}

/* Whether sending the kept PIN is safe. SCARD_W_CARD_NOT_AUTHENTICATED when it is not. */
static DWORD
check_safe(struct csp_card *card, uint32_t role)
{
	struct csp_role *s = &card->roles[role];
	CARD_PIN_TRIES tries;
	DWORD r;

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

static DWORD
present_again(struct csp_card *card, uint32_t role)
{
	AUTO_SECRET struct secret pin = SECRET_INIT;
	struct csp_role *s = &card->roles[role];
	DWORD r = check_safe(card, role), left;

	if (r != SCARD_S_SUCCESS)
		return r;
	if (!masked_get(&s->pin, &pin))
		return SCARD_E_NO_MEMORY;
	r = present(card, role, pin.p, pin.len, &left);
	if (r == SCARD_S_SUCCESS || csp_code_is_trouble(r))
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
	if (masked_is_set(&s->pin) && !s->once && is_expired(s))
		forget_pin(s);
	/* every operation wants a PIN of its own */
	if (policy_of(s) == PinCacheAlwaysPrompt && !s->once)
		return SCARD_W_CARD_NOT_AUTHENTICATED;
	if (IS_PIN_SET(card->authenticated, role) && (policy_of(s) != PinCacheTimed || masked_is_set(&s->pin)))
		return SCARD_S_SUCCESS;
	return masked_is_set(&s->pin) ? present_again(card, role) : SCARD_W_CARD_NOT_AUTHENTICATED;
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
	const uint8_t *pin;
	size_t len;
	bool once;
	uint32_t tries;
};

/* Whether a PIN can be typed for this role at all. */
static DWORD
check_type(uint32_t role, const PIN_INFO *info)
{
	if (info->PinType != AlphaNumericPinType || info->PinPurpose == UnblockOnlyPin)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((info->dwFlags & PIN_INFO_REQUIRE_SECURE_ENTRY) != 0)
		log_warn(LOG_CSP, "role %u: the card asks for a trusted way to enter the PIN; there is none", role);
	return SCARD_S_SUCCESS;
}

/* Keeps a PIN that was right, if it may be kept. Not being able to is no error: the user will be asked again. */
static void
keep(struct csp_role *s, const struct login *l)
{
	switch (policy_of(s)) {
	case PinCacheNormal:
	case PinCacheTimed:
		(void)masked_set(&s->pin, l->pin, l->len);
		s->given_ms = csp_now_ms();
		break;
	case PinCacheAlwaysPrompt:
		/* for the next operation, should the transaction end before; given in advance it has no effect */
		if (l->once)
			(void)masked_set(&s->pin, l->pin, l->len);
		s->once = l->once;
		break;
	default: break;
	}
}

static DWORD
login_work(struct csp_card *card, void *arg)
{
	struct login *l = arg;
	struct csp_role *s = &card->roles[l->role];
	const PIN_INFO *info = &s->info;
	DWORD r;

	l->tries = CSP_UNKNOWN;
	/* what follows a verification for one operation is that operation and nothing else */
	if (l->once && (r = csp_cache_check(card)) != SCARD_S_SUCCESS)
		return r;
	if ((r = csp_role_info(card, l->role, &info)) != SCARD_S_SUCCESS)
		return r;
	if (info->PinType == EmptyPinType)
		return SCARD_S_SUCCESS;
	if ((r = check_type(l->role, info)) != SCARD_S_SUCCESS)
		return r;
	r = present(card, l->role, l->pin, l->len, &l->tries);
	if (r == SCARD_S_SUCCESS)
		keep(s, l);
	return r;
}

static DWORD
login(struct csp_card *card, struct login *l, uint32_t *ret_tries)
{
	DWORD r;

	l->tries = CSP_UNKNOWN;
	if (l->role == ROLE_EVERYONE || l->role >= MAX_PINS || l->role == ROLE_ADMIN)
		r = SCARD_E_UNSUPPORTED_FEATURE;
	else if (l->pin == NULL || l->len == 0 || l->len > LIMIT_PIN)
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
	struct login l = { .role = role, .pin = pin, .len = pin_len };

	return login(card, &l, ret_tries);
}

DWORD
csp_login_once(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries)
{
	struct login l = { .role = role, .pin = pin, .len = pin_len, .once = true };

	return login(card, &l, ret_tries);
}

void
csp_logout(struct csp_reader *reader)
{
	if (reader->card == NULL)
		return;
	csp_roles_wipe(reader->card);
	csp_txn_end(reader->card);
}
