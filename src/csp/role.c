/* SPDX-License-Identifier: BSD-2-Clause */
/* What the card says of its PIN roles: kind, permissions, tries, lengths. Asked once, but for the tries. */
#include "csp/card.h"

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
		/* what could be typed at the reader may be given as bytes as well, unless the card insists */
		if (card->csp->no_keypads && info.PinType == ExternalPinType &&
		    (info.dwFlags & PIN_INFO_REQUIRE_SECURE_ENTRY) == 0)
			info.PinType = AlphaNumericPinType;
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

DWORD
csp_role_limits(struct csp_card *card, uint32_t role, CARD_PIN_LIMITS *ret_limits)
{
	struct csp_role *s = &card->roles[role];
	CARD_PIN_LIMITS limits = { 0, LIMIT_PIN };
	DWORD r;

	if (!s->limits_read) {
		r = csp_card_property(card, CP_CARD_PIN_LIMITS, role, &limits, sizeof(limits));
		if (csp_code_is_trouble(r))
			return r;
		if (r != SCARD_S_SUCCESS || limits.dwMinLength > limits.dwMaxLength)
			limits = (CARD_PIN_LIMITS){ 0, LIMIT_PIN };
		if (limits.dwMaxLength > LIMIT_PIN)
			limits.dwMaxLength = LIMIT_PIN;
		s->limits = limits;
		s->limits_read = true;
	}
	*ret_limits = s->limits;
	return SCARD_S_SUCCESS;
}

DWORD
csp_role_key(struct csp_card *card, uint32_t role, CARD_CHALLENGE_KEY *ret_key)
{
	struct csp_role *s = &card->roles[role];
	CARD_CHALLENGE_KEY key = { CardKeyUnknown, 0 };
	DWORD r;

	if (!s->key_read) {
		r = csp_card_property(card, CP_CARD_CHALLENGE_KEY, role, &key, sizeof(key));
		if (csp_code_is_trouble(r))
			return r;
		s->key = r == SCARD_S_SUCCESS ? key : (CARD_CHALLENGE_KEY){ CardKeyUnknown, 0 };
		s->key_read = true;
	}
	*ret_key = s->key;
	return SCARD_S_SUCCESS;
}

DWORD
csp_role_has_sessions(struct csp_card *card, uint32_t role, bool *ret_has)
{
	struct csp_role *s = &card->roles[role];
	DWORD strength = CARD_PIN_STRENGTH_PLAINTEXT, r;

	if (!s->strength_read) {
		r = csp_card_property(card, CP_CARD_PIN_STRENGTH_VERIFY, role, &strength, sizeof(strength));
		if (csp_code_is_trouble(r))
			return r;
		s->strength = r == SCARD_S_SUCCESS ? strength : CARD_PIN_STRENGTH_PLAINTEXT;
		s->strength_read = true;
	}
	*ret_has = (s->strength & CARD_PIN_STRENGTH_SESSION_PIN) != 0;
	return SCARD_S_SUCCESS;
}

DWORD
csp_role_set(struct csp_card *card, PIN_SET *ret_roles)
{
	const PIN_SET usual = CREATE_PIN_SET(ROLE_USER);
	PIN_SET roles = usual;
	DWORD r = csp_card_property(card, CP_CARD_LIST_PINS, 0, &roles, sizeof(roles));

	if (csp_code_is_trouble(r))
		return r;
	*ret_roles = r == SCARD_S_SUCCESS ? roles : usual;
	return SCARD_S_SUCCESS;
}

/* The list of manage.h ------------------------------------------------------------------------------------------------ */

static enum csp_pin_type
type_of(const PIN_INFO *info)
{
	switch (info->PinType) {
	case ExternalPinType: return CSP_PIN_EXTERNAL;
	case ChallengeResponsePinType: return CSP_PIN_CHALLENGE;
	case EmptyPinType: return CSP_PIN_EMPTY;
	default: return CSP_PIN_TYPED;
	}
}

static enum csp_pin_purpose
purpose_of(const PIN_INFO *info)
{
	switch (info->PinPurpose) {
	case DigitalSignaturePin: return CSP_PURPOSE_SIGNATURE;
	case EncryptionPin: return CSP_PURPOSE_ENCRYPTION;
	case NonRepudiationPin: return CSP_PURPOSE_NON_REPUDIATION;
	case AdministratorPin: return CSP_PURPOSE_ADMINISTRATOR;
	case PrimaryCardPin: return CSP_PURPOSE_PRIMARY;
	case UnblockOnlyPin: return CSP_PURPOSE_UNBLOCK;
	default: return CSP_PURPOSE_AUTHENTICATION;
	}
}

static enum csp_pin_policy
policy_of(const PIN_INFO *info)
{
	switch (info->PinCachePolicy.PinCachePolicyType) {
	case PinCacheTimed: return CSP_POLICY_TIMED;
	case PinCacheNone: return CSP_POLICY_NONE;
	case PinCacheAlwaysPrompt: return CSP_POLICY_ALWAYS_PROMPT;
	default: return CSP_POLICY_NORMAL;
	}
}

static DWORD
describe(struct csp_card *card, uint32_t role, struct csp_role_info *ret_role)
{
	CARD_PIN_LIMITS limits = { 0, 0 };
	CARD_PIN_TRIES tries = { 0, 0 };
	const PIN_INFO *info = &card->roles[role].info;
	bool sessions = false;
	DWORD r;

	card->roles[role].tries_read = false;
	if ((r = csp_role_info(card, role, &info)) != SCARD_S_SUCCESS ||
	    (r = csp_role_limits(card, role, &limits)) != SCARD_S_SUCCESS ||
	    (r = csp_role_has_sessions(card, role, &sessions)) != SCARD_S_SUCCESS ||
	    (r = csp_role_tries(card, role, &tries)) != SCARD_S_SUCCESS)
		return r;
	*ret_role = (struct csp_role_info){
		.role = role,
		.type = type_of(info),
		.purpose = purpose_of(info),
		.change_roles = info->dwChangePermission,
		.unblock_roles = info->dwUnblockPermission & ~CREATE_PIN_SET(role),
		.policy = policy_of(info),
		.policy_seconds = info->PinCachePolicy.dwPinCachePolicyInfo,
		.session_pins = sessions,
		.pin_min = limits.dwMinLength,
		.pin_max = limits.dwMaxLength,
		.tries_left = tries.dwLeft,
		.tries_max = tries.dwMax,
	};
	return SCARD_S_SUCCESS;
}

struct listing {
	struct csp_role_info *roles;
	size_t count;
};

/* A role that is there for unblocking only may show by its own description alone. */
static DWORD
is_hidden(struct csp_card *card, uint32_t role, bool *ret_hidden)
{
	PIN_INFO info = { .dwVersion = PIN_INFO_CURRENT_VERSION };
	DWORD r = csp_card_property(card, CP_CARD_PIN_INFO, role, &info, sizeof(info));

	*ret_hidden = r == SCARD_S_SUCCESS && info.PinPurpose == UnblockOnlyPin;
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

static DWORD
list_work(struct csp_card *card, void *arg)
{
	struct listing *l = arg;
	PIN_SET set = 0;
	DWORD r = csp_role_set(card, &set);

	l->count = 0;
	for (uint32_t role = ROLE_USER; r == SCARD_S_SUCCESS && role < CSP_ROLES; role++) {
		bool there = IS_PIN_SET(set, role);

		if (!there && (r = is_hidden(card, role, &there)) != SCARD_S_SUCCESS)
			return r;
		if (there && (r = describe(card, role, &l->roles[l->count])) == SCARD_S_SUCCESS)
			l->count++;
	}
	return r;
}

DWORD
csp_role_list(struct csp_card *card, struct csp_role_info ret_roles[CSP_ROLES], size_t *ret_count)
{
	struct listing l = { ret_roles, 0 };
	DWORD r = csp_txn_run(card, list_work, &l);

	if (r == SCARD_S_SUCCESS)
		*ret_count = l.count;
	return r;
}
