/* SPDX-License-Identifier: BSD-2-Clause */
/* What a token says of itself: card identifier, names, PIN limits and tries. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "csp/card.h"

#define MANUFACTURER "minidriver-pkcs11"
#define GUID_BYTES CSP_CARD_ID_LEN
#define NAME_ROOM 64u
/* What is shown of the card identifier: its last bytes, which differ where the first ones are the issuer's. */
#define SERIAL_BYTES 8u
#define LABEL_DIGITS 8u

/* The minidriver's name for the card, in printable ASCII. */
static DWORD
card_name(struct csp_card *card, char ret_name[NAME_ROOM])
{
	BYTE name[NAME_ROOM] = { 0 };
	DWORD len = 0, r;

	r = card->data.pfnCardGetProperty(&card->data, CP_CARD_NAME, name, sizeof(name) - 1, &len, 0);
	if (csp_code_is_trouble(r))
		return r;
	if (r != SCARD_S_SUCCESS || len > sizeof(name) - 1 || name[0] == '\0')
		memcpy(name, "Smart card", sizeof("Smart card"));
	for (size_t i = 0; i < NAME_ROOM; i++)
		ret_name[i] = name[i] != '\0' && (name[i] < 0x20 || name[i] > 0x7E) ? '?' : (char)name[i];
	return SCARD_S_SUCCESS;
}

/* A card that has not been personalised has no identifier, and no serial number. */
static DWORD
read_serial(struct csp_card *card, BYTE guid[GUID_BYTES], char ret_serial[2 * SERIAL_BYTES + 1])
{
	DWORD r = csp_card_property(card, CP_CARD_GUID, 0, guid, GUID_BYTES);

	if (csp_code_is_trouble(r))
		return r;
	ret_serial[0] = '\0';
	for (size_t i = 0; r == SCARD_S_SUCCESS && i < SERIAL_BYTES; i++)
		(void)snprintf(ret_serial + 2 * i, 3, "%02x", guid[GUID_BYTES - SERIAL_BYTES + i]);
	return SCARD_S_SUCCESS;
}

/* True when some role that can guard keys has a PIN at all. */
static DWORD
needs_login(struct csp_card *card, bool *ret_needed)
{
	const PIN_INFO *info;
	PIN_SET pins = 0;
	DWORD r = csp_role_set(card, &pins);

	if (r != SCARD_S_SUCCESS)
		return r;
	*ret_needed = false;
	for (uint32_t role = ROLE_USER; role < MAX_PINS; role++) {
		if (role == ROLE_ADMIN || !IS_PIN_SET(pins, role))
			continue;
		if ((r = csp_role_info(card, role, &info)) != SCARD_S_SUCCESS)
			return r;
		if (info->PinType != EmptyPinType && info->PinPurpose != UnblockOnlyPin)
			*ret_needed = true;
	}
	return SCARD_S_SUCCESS;
}

static DWORD
read_limits(struct csp_card *card, struct csp_token_info *t)
{
	CARD_PIN_LIMITS limits;
	DWORD r = csp_role_limits(card, ROLE_USER, &limits);

	if (r != SCARD_S_SUCCESS)
		return r;
	t->pin_min = limits.dwMinLength;
	t->pin_max = limits.dwMaxLength;
	t->read_only = card->read_only;
	t->pin_at_reader = card->roles[ROLE_USER].info_read && card->roles[ROLE_USER].info.PinType == ExternalPinType;
	return SCARD_S_SUCCESS;
}

static DWORD
read_token(struct csp_card *card)
{
	struct csp_token_info t = { .manufacturer = MANUFACTURER };
	BYTE guid[GUID_BYTES] = { 0 };
	char name[NAME_ROOM];
	size_t digits;
	DWORD r;

	if ((r = card_name(card, name)) != SCARD_S_SUCCESS ||
	    (r = read_serial(card, guid, t.serial)) != SCARD_S_SUCCESS ||
	    (r = needs_login(card, &t.login_required)) != SCARD_S_SUCCESS ||
	    (r = read_limits(card, &t)) != SCARD_S_SUCCESS)
		return r;
	(void)snprintf(t.model, sizeof(t.model), "%.16s", name);
	digits = strlen(t.serial);
	if (digits >= LABEL_DIGITS)
		(void)snprintf(t.label, sizeof(t.label), "%.23s %s", name, t.serial + digits - LABEL_DIGITS);
	else
		(void)snprintf(t.label, sizeof(t.label), "%.32s", name);
	if ((r = csp_label_load(card, guid, &t)) != SCARD_S_SUCCESS)
		return r;
	card->token = t;
	card->token_read = true;
	return SCARD_S_SUCCESS;
}

static DWORD
token_work(struct csp_card *card, void *arg)
{
	CARD_PIN_TRIES tries;
	DWORD r = SCARD_S_SUCCESS;

	(void)arg;
	csp_txn_touch(card);
	if (!card->token_read)
		r = read_token(card);
	return r == SCARD_S_SUCCESS ? csp_role_tries(card, ROLE_USER, &tries) : r;
}

DWORD
csp_token_info(struct csp_card *card, struct csp_token_info *ret_info)
{
	const struct csp_role *user = &card->roles[ROLE_USER];
	DWORD r = SCARD_S_SUCCESS;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	if (!card->token_read || !user->tries_read)
		r = csp_txn_run(card, token_work, NULL);
	if (r != SCARD_S_SUCCESS)
		return r;
	*ret_info = card->token;
	ret_info->tries_left = user->tries.dwLeft;
	ret_info->tries_max = user->tries.dwMax;
	return SCARD_S_SUCCESS;
}
