/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Properties of the card and what the card edge can do: mostly constants of the specification, since a GIDS card tells
 * little about itself. Sizes are answered without card traffic.
 */
#include "gids/gids.h"

#include <string.h>

#define CARDID_SIZE 16u
/* The applet takes 4 to 16 bytes, the specification 8 to 127; a card refuses what it does not take without a try. */
#define PIN_LENGTH_MIN 4u
#define PIN_LENGTH_MAX 127u

DWORD
gids_query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities)
{
	if (gids_of(card) == NULL || pCapabilities == NULL)
		return SCARD_E_INVALID_PARAMETER;
	*pCapabilities = (CARD_CAPABILITIES){
		.dwVersion = check_version(pCapabilities->dwVersion, 1),
		.fCertificateCompression = false,
		.fKeyGen = true,
	};
	return SCARD_S_SUCCESS;
}

static DWORD
free_space(struct gids *g, DWORD version, CARD_FREE_SPACE_INFO *ret_info)
{
	DWORD i, r, available = 0;

	if ((r = gids_keys_load(g)) != SCARD_S_SUCCESS)
		return r;
	for (i = 0; i < GIDS_KEYS; i++)
		if (g->keys[i].state != GIDS_KEY_USED)
			available++;
	*ret_info = (CARD_FREE_SPACE_INFO){
		.dwVersion = check_version(version, 1),
		.dwBytesAvailable = CARD_DATA_VALUE_UNKNOWN,
		.dwKeyContainersAvailable = available,
		.dwMaxKeyContainers = GIDS_KEYS,
	};
	return SCARD_S_SUCCESS;
}

DWORD
gids_query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo)
{
	struct gids *g = gids_of(card);

	if (g == NULL || dwFlags != 0 || pInfo == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return free_space(g, pInfo->dwVersion, pInfo);
}

static DWORD
ec_bits(DWORD key_spec)
{
	switch (key_spec) {
	case AT_ECDSA_P256: return 256;
	case AT_ECDSA_P384: return 384;
	case AT_ECDSA_P521: return 521;
	default: return 0;
	}
}

static DWORD
key_sizes(DWORD key_spec, DWORD version, CARD_KEY_SIZES *ret_sizes)
{
	DWORD bits = ec_bits(key_spec), r = check_key_spec(key_spec);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (key_spec == AT_KEYEXCHANGE || key_spec == AT_SIGNATURE)
		*ret_sizes = (CARD_KEY_SIZES){ check_version(version, 1), 1024, 2048, 4096, 1024 };
	else if (bits != 0)
		*ret_sizes = (CARD_KEY_SIZES){ check_version(version, 1), bits, bits, bits, 1 };
	else
		return SCARD_E_UNSUPPORTED_FEATURE;
	return SCARD_S_SUCCESS;
}

DWORD
gids_query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes)
{
	if (gids_of(card) == NULL || dwFlags != 0 || pKeySizes == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return key_sizes(dwKeySpec, pKeySizes->dwVersion, pKeySizes);
}

/* One property: the readers below write exactly size bytes; parameter is the caller's dwFlags. */
struct property {
	const char *name;
	size_t size;
	bool takes_parameter;
	DWORD (*read)(struct gids *g, DWORD parameter, BYTE *data);
};

static void
put_dword(BYTE *data, DWORD value)
{
	memcpy(data, &value, sizeof(value));
}

static void
put_bool(BYTE *data, bool value)
{
	memcpy(data, &value, sizeof(value));
}

static DWORD
read_free_space(struct gids *g, DWORD parameter, BYTE *data)
{
	CARD_FREE_SPACE_INFO info;
	DWORD r = free_space(g, parameter, &info);

	if (r == SCARD_S_SUCCESS)
		memcpy(data, &info, sizeof(info));
	return r;
}

static DWORD
read_capabilities(struct gids *g, DWORD parameter, BYTE *data)
{
	const CARD_CAPABILITIES capabilities = { .dwVersion = 1, .fKeyGen = true };

	(void)g, (void)parameter;
	memcpy(data, &capabilities, sizeof(capabilities));
	return SCARD_S_SUCCESS;
}

static DWORD
read_key_sizes(struct gids *g, DWORD parameter, BYTE *data)
{
	CARD_KEY_SIZES sizes;
	DWORD r = key_sizes(parameter, 0, &sizes);

	(void)g;
	if (r == SCARD_S_SUCCESS)
		memcpy(data, &sizes, sizeof(sizes));
	return r;
}

static DWORD
read_false(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter;
	put_bool(data, false);
	return SCARD_S_SUCCESS;
}

static DWORD
read_true(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter;
	put_bool(data, true);
	return SCARD_S_SUCCESS;
}

static DWORD
read_cache_mode(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter;
	put_dword(data, CARD_CACHE_MODE_GLOBAL);
	return SCARD_S_SUCCESS;
}

static DWORD
read_guid(struct gids *g, DWORD parameter, BYTE *data)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor content;
	DWORD r = gids_file(g, "", "cardid", &scratch, &content);

	(void)parameter;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (content.left != CARDID_SIZE || !cur_copy(&content, data, CARDID_SIZE))
		return SCARD_E_COMM_DATA_LOST;
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_info(struct gids *g, DWORD parameter, BYTE *data)
{
	PIN_INFO info = { .dwVersion = PIN_INFO_CURRENT_VERSION };

	(void)g;
	info.PinCachePolicy.dwVersion = PIN_INFO_CURRENT_VERSION;
	if (parameter == ROLE_USER) {
		info.PinType = AlphaNumericPinType;
		info.PinPurpose = PrimaryCardPin;
		info.dwChangePermission = CREATE_PIN_SET(ROLE_USER);
		info.dwUnblockPermission = CREATE_PIN_SET(ROLE_ADMIN);
		info.PinCachePolicy.PinCachePolicyType = PinCacheNormal;
	} else if (parameter == ROLE_ADMIN) {
		info.PinType = ChallengeResponsePinType;
		info.PinPurpose = AdministratorPin;
		info.dwChangePermission = CREATE_PIN_SET(ROLE_ADMIN);
		info.PinCachePolicy.PinCachePolicyType = PinCacheNone;
	} else {
		return SCARD_E_INVALID_PARAMETER;
	}
	memcpy(data, &info, sizeof(info));
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_list(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter;
	put_dword(data, CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(ROLE_ADMIN));
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_strength(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g;
	if (parameter != ROLE_USER && parameter != ROLE_ADMIN)
		return SCARD_E_INVALID_PARAMETER;
	put_dword(data, CARD_PIN_STRENGTH_PLAINTEXT);
	return SCARD_S_SUCCESS;
}

static DWORD
read_paddings(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter;
	put_dword(data, CARD_PADDING_NONE | CARD_PADDING_PKCS1 | CARD_PADDING_PSS | CARD_PADDING_OAEP);
	return SCARD_S_SUCCESS;
}

/* Secure key injection is not on this card edge. */
static DWORD
read_import_support(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter;
	put_dword(data, 0);
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_tries(struct gids *g, DWORD parameter, BYTE *data)
{
	CARD_PIN_TRIES tries = { CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	DWORD r = SCARD_S_SUCCESS;

	if (parameter != ROLE_USER && parameter != ROLE_ADMIN)
		return SCARD_E_INVALID_PARAMETER;
	if (parameter == ROLE_USER)
		r = gids_pin_tries(g, &tries);
	if (r == SCARD_S_SUCCESS)
		memcpy(data, &tries, sizeof(tries));
	return r;
}

static DWORD
read_pin_limits(struct gids *g, DWORD parameter, BYTE *data)
{
	const CARD_PIN_LIMITS limits = { PIN_LENGTH_MIN, PIN_LENGTH_MAX };

	(void)g;
	if (parameter != ROLE_USER)
		return parameter == ROLE_ADMIN ? SCARD_E_UNSUPPORTED_FEATURE : SCARD_E_INVALID_PARAMETER;
	memcpy(data, &limits, sizeof(limits));
	return SCARD_S_SUCCESS;
}

/* Optional properties: the card edge has no serial number, and does not tell who is authenticated. */
static DWORD
read_nothing(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter, (void)data;
	return SCARD_E_UNSUPPORTED_FEATURE;
}

/* clang-format off */
static const struct property properties[] = {
	{ CP_CARD_FREE_SPACE,              sizeof(CARD_FREE_SPACE_INFO), false, read_free_space },
	{ CP_CARD_CAPABILITIES,            sizeof(CARD_CAPABILITIES),    false, read_capabilities },
	{ CP_CARD_KEYSIZES,                sizeof(CARD_KEY_SIZES),       true,  read_key_sizes },
	{ CP_CARD_READ_ONLY,               sizeof(bool),                 false, read_false },
	{ CP_CARD_CACHE_MODE,              sizeof(DWORD),                false, read_cache_mode },
	{ CP_CARD_GUID,                    CARDID_SIZE,                  false, read_guid },
	{ CP_CARD_SERIAL_NO,               0,                            false, read_nothing },
	{ CP_CARD_PIN_INFO,                sizeof(PIN_INFO),             true,  read_pin_info },
	{ CP_CARD_LIST_PINS,               sizeof(PIN_SET),              false, read_pin_list },
	{ CP_CARD_AUTHENTICATED_STATE,     0,                            false, read_nothing },
	{ CP_CARD_PIN_STRENGTH_VERIFY,     sizeof(DWORD),                true,  read_pin_strength },
	{ CP_SUPPORTS_WIN_X509_ENROLLMENT, sizeof(bool),                 false, read_true },
	{ CP_PADDING_SCHEMES,              sizeof(DWORD),                false, read_paddings },
	{ CP_KEY_IMPORT_SUPPORT,           sizeof(DWORD),                false, read_import_support },
	{ CP_CARD_PIN_TRIES,               sizeof(CARD_PIN_TRIES),       true,  read_pin_tries },
	{ CP_CARD_PIN_LIMITS,              sizeof(CARD_PIN_LIMITS),      true,  read_pin_limits },
};
/* clang-format on */

static const struct property *
find_property(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return &properties[i];
	return NULL;
}

static DWORD
read_name(BYTE *data, DWORD room, DWORD *ret_len)
{
	static const char name[] = "GIDS card";
	DWORD r = check_property_room(data, room, ret_len, sizeof(name));

	if (r == SCARD_S_SUCCESS)
		memcpy(data, name, sizeof(name));
	return r;
}

DWORD
gids_get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen,
		  DWORD dwFlags)
{
	struct gids *g = gids_of(card);
	const struct property *property;
	DWORD r;

	if (g == NULL || pszProperty == NULL || pdwDataLen == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CP_CARD_NAME) == 0)
		return dwFlags == 0 ? read_name(pbData, cbData, pdwDataLen) : SCARD_E_INVALID_PARAMETER;
	if ((property = find_property(pszProperty)) == NULL || (dwFlags != 0 && !property->takes_parameter))
		return SCARD_E_INVALID_PARAMETER;
	if (property->read == read_nothing)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = check_property_room(pbData, cbData, pdwDataLen, property->size)) != SCARD_S_SUCCESS)
		return r;
	return property->read(g, dwFlags, pbData);
}
