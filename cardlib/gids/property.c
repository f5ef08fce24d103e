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

DWORD
gids_query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities)
{
	if (gids_of(card) == NULL)
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
	DWORD r, used = 0, keys = 0;

	if ((r = gids_keys_load(g)) != SCARD_S_SUCCESS)
		return r;
	for (size_t i = 0; i < GIDS_KEYS; i++) {
		used += g->containers[i].keys[0].state == GIDS_KEY_USED;
		keys += g->containers[i].keys[1].state == GIDS_KEY_USED;
	}
	keys += used;
	*ret_info = (CARD_FREE_SPACE_INFO){
		.dwVersion = check_version(version, 1),
		.dwBytesAvailable = CARD_DATA_VALUE_UNKNOWN,
		/* a second key takes the file of a container */
		.dwKeyContainersAvailable = keys < GIDS_KEYS ? GIDS_KEYS - keys : 0,
		.dwMaxKeyContainers = GIDS_KEYS,
	};
	return SCARD_S_SUCCESS;
}

DWORD
gids_query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo)
{
	struct gids *g = gids_of(card);

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return free_space(g, pInfo->dwVersion, pInfo);
}

static DWORD
key_sizes(DWORD key_spec, DWORD version, CARD_KEY_SIZES *ret_sizes)
{
	const DWORD bits = check_key_spec_bits(key_spec);

	if (key_spec >= AT_ECDHE_P256)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (bits == 0)
		*ret_sizes = (CARD_KEY_SIZES){ check_version(version, 1), 1024, 2048, 4096, 1024 };
	else
		*ret_sizes = (CARD_KEY_SIZES){ check_version(version, 1), bits, bits, bits, 1 };
	return SCARD_S_SUCCESS;
}

DWORD
gids_query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes)
{
	(void)dwFlags;
	if (gids_of(card) == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return key_sizes(dwKeySpec, pKeySizes->dwVersion, pKeySizes);
}

/* One property: the readers below write exactly size bytes; parameter is the caller's dwFlags. */
struct property {
	const char *name;
	size_t size;
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

/*
 * What is told of the user does not ask the card: whether it has a PUK, which then unblocks in the administrator's
 * place, shows once somebody has asked for the PUK itself.
 */
static PIN_INFO
user_info(struct gids *g)
{
	return (PIN_INFO){
		.dwVersion = PIN_INFO_CURRENT_VERSION,
		.PinType = gids_pin_external(g) ? ExternalPinType : AlphaNumericPinType,
		.PinPurpose = PrimaryCardPin,
		.dwChangePermission = CREATE_PIN_SET(ROLE_USER),
		.dwUnblockPermission = CREATE_PIN_SET(g->puk == GIDS_PUK_THERE ? GIDS_ROLE_PUK : ROLE_ADMIN),
		.PinCachePolicy = { PIN_INFO_CURRENT_VERSION, PinCacheNormal, 0 },
	};
}

static PIN_INFO
admin_info(void)
{
	return (PIN_INFO){
		.dwVersion = PIN_INFO_CURRENT_VERSION,
		.PinType = ChallengeResponsePinType,
		.PinPurpose = AdministratorPin,
		.dwChangePermission = CREATE_PIN_SET(ROLE_ADMIN),
		.PinCachePolicy = { PIN_INFO_CURRENT_VERSION, PinCacheNone, 0 },
	};
}

/* A PIN that guards keys and nothing else. */
static PIN_INFO
role_info(struct gids *g, PIN_ID role)
{
	PIN_INFO info = user_info(g);

	info.PinPurpose = AuthenticationPin;
	info.dwChangePermission = CREATE_PIN_SET(role);
	return info;
}

static PIN_INFO
puk_info(void)
{
	return (PIN_INFO){
		.dwVersion = PIN_INFO_CURRENT_VERSION,
		.PinType = AlphaNumericPinType,
		.PinPurpose = UnblockOnlyPin,
		.dwChangePermission = CREATE_PIN_SET(GIDS_ROLE_PUK),
		.PinCachePolicy = { PIN_INFO_CURRENT_VERSION, PinCacheNone, 0 },
	};
}

/* SCARD_E_INVALID_PARAMETER for a role that is not on the card. */
static DWORD
check_role(struct gids *g, DWORD role)
{
	bool puk = false;
	DWORD r = SCARD_S_SUCCESS;

	if (role == GIDS_ROLE_PUK && !gids_guards_keys(g, role))
		r = gids_puk(g, &puk);
	if (r != SCARD_S_SUCCESS)
		return r;
	return gids_guards_keys(g, role) || role == ROLE_ADMIN || puk ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

static DWORD
read_pin_info(struct gids *g, DWORD parameter, BYTE *data)
{
	PIN_INFO info;
	DWORD r = check_role(g, parameter);

	if (r != SCARD_S_SUCCESS)
		return r;
	switch (parameter) {
	case ROLE_USER: info = user_info(g); break;
	case ROLE_ADMIN: info = admin_info(); break;
	default: info = gids_guards_keys(g, parameter) ? role_info(g, parameter) : puk_info(); break;
	}
	memcpy(data, &info, sizeof(info));
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_list(struct gids *g, DWORD parameter, BYTE *data)
{
	PIN_SET pins = CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(ROLE_ADMIN);

	(void)parameter;
	if (g->puk == GIDS_PUK_THERE)
		pins |= CREATE_PIN_SET(GIDS_ROLE_PUK);
	put_dword(data, pins | g->roles);
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_strength(struct gids *g, DWORD parameter, BYTE *data)
{
	DWORD r = check_role(g, parameter);

	if (r == SCARD_S_SUCCESS)
		put_dword(data, gids_guards_keys(g, parameter) && g->session_pins
					? CARD_PIN_STRENGTH_PLAINTEXT | CARD_PIN_STRENGTH_SESSION_PIN
					: CARD_PIN_STRENGTH_PLAINTEXT);
	return r;
}

static DWORD
read_challenge_key(struct gids *g, DWORD parameter, BYTE *data)
{
	CARD_CHALLENGE_KEY key = { 0 };
	DWORD r;

	if (parameter != ROLE_ADMIN)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = gids_admin_algorithm(g, &key.Algorithm)) != SCARD_S_SUCCESS)
		return r;
	key.cbKey = check_key_length(key.Algorithm);
	memcpy(data, &key, sizeof(key));
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

	if (gids_guards_keys(g, parameter) || parameter == GIDS_ROLE_PUK)
		r = gids_pin_tries(g, parameter, &tries);
	else if (parameter != ROLE_ADMIN)
		r = SCARD_E_INVALID_PARAMETER;
	if (r == SCARD_S_SUCCESS)
		memcpy(data, &tries, sizeof(tries));
	return r;
}

static DWORD
read_pin_limits(struct gids *g, DWORD parameter, BYTE *data)
{
	const CARD_PIN_LIMITS limits = { PIN_LENGTH_MIN, GIDS_PIN_MAX };
	DWORD r = check_role(g, parameter);

	if (r != SCARD_S_SUCCESS || parameter == ROLE_ADMIN)
		return r != SCARD_S_SUCCESS ? r : SCARD_E_UNSUPPORTED_FEATURE;
	memcpy(data, &limits, sizeof(limits));
	return SCARD_S_SUCCESS;
}

/*
 * Properties that are not there: the card edge has no serial number, does not tell who is authenticated, and knows no
 * key injection.
 */
static DWORD
read_nothing(struct gids *g, DWORD parameter, BYTE *data)
{
	(void)g, (void)parameter, (void)data;
	return SCARD_E_UNSUPPORTED_FEATURE;
}

/* clang-format off */
static const struct property properties[] = {
	{ CP_CARD_FREE_SPACE,              sizeof(CARD_FREE_SPACE_INFO), read_free_space },
	{ CP_CARD_CAPABILITIES,            sizeof(CARD_CAPABILITIES),    read_capabilities },
	{ CP_CARD_KEYSIZES,                sizeof(CARD_KEY_SIZES),       read_key_sizes },
	{ CP_CARD_READ_ONLY,               sizeof(bool),                 read_false },
	{ CP_CARD_CACHE_MODE,              sizeof(DWORD),                read_cache_mode },
	{ CP_CARD_GUID,                    CARDID_SIZE,                  read_guid },
	{ CP_CARD_SERIAL_NO,               0,                            read_nothing },
	{ CP_CARD_PIN_INFO,                sizeof(PIN_INFO),             read_pin_info },
	{ CP_CARD_LIST_PINS,               sizeof(PIN_SET),              read_pin_list },
	{ CP_CARD_AUTHENTICATED_STATE,     0,                            read_nothing },
	{ CP_CARD_PIN_STRENGTH_VERIFY,     sizeof(DWORD),                read_pin_strength },
	{ CP_SUPPORTS_WIN_X509_ENROLLMENT, sizeof(bool),                 read_true },
	{ CP_PADDING_SCHEMES,              sizeof(DWORD),                read_paddings },
	{ CP_KEY_IMPORT_SUPPORT,           sizeof(DWORD),                read_import_support },
	{ CP_CARD_PIN_TRIES,               sizeof(CARD_PIN_TRIES),       read_pin_tries },
	{ CP_CARD_PIN_LIMITS,              sizeof(CARD_PIN_LIMITS),      read_pin_limits },
	{ CP_CARD_CHALLENGE_KEY,           sizeof(CARD_CHALLENGE_KEY),   read_challenge_key },
	{ CP_CARD_PIN_STRENGTH_CHANGE,     0,                            read_nothing },
	{ CP_CARD_PIN_STRENGTH_UNBLOCK,    0,                            read_nothing },
	{ CP_ENUM_ALGORITHMS,              0,                            read_nothing },
	{ CP_CHAINING_MODES,               0,                            read_nothing },
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

	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CP_CARD_NAME) == 0)
		return read_name(pbData, cbData, pdwDataLen);
	if ((property = find_property(pszProperty)) == NULL || property->read == read_nothing)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = check_property_room(pbData, cbData, pdwDataLen, property->size)) != SCARD_S_SUCCESS)
		return r;
	return property->read(g, dwFlags, pbData);
}

/* The card's identifier is a file like others. What else the specification lets an administrator set is fixed here. */
DWORD
gids_set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags)
{
	(void)dwFlags;
	if (gids_of(card) == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CP_CARD_GUID) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return gids_file_write(card, NULL, "cardid", 0, pbData, cbData);
}
