/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Properties of the card and what the card edge can do. What is fixed or known is answered without card traffic; a PIV
 * card tells little about itself.
 */
#include "piv/piv.h"

#include <string.h>

DWORD
piv_query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities)
{
	const struct piv *p = piv_context(card);

	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	*pCapabilities = (CARD_CAPABILITIES){
		.dwVersion = check_version(pCapabilities->dwVersion, 1),
		.fCertificateCompression = true,
		.fKeyGen = IS_PIN_SET(p->authenticated, ROLE_ADMIN),
	};
	return SCARD_S_SUCCESS;
}

/* Nothing is free for the holder of the card; bytes nobody knows. */
static DWORD
free_space(struct piv *p, DWORD version, CARD_FREE_SPACE_INFO *ret_info)
{
	CARD_FREE_SPACE_INFO info = { .dwVersion = check_version(version, 1), .dwMaxKeyContainers = PIV_SLOTS };
	DWORD r = SCARD_S_SUCCESS;

	if (IS_PIN_SET(p->authenticated, ROLE_ADMIN)) {
		info.dwBytesAvailable = CARD_DATA_VALUE_UNKNOWN;
		r = piv_keys_load(p);
		for (size_t i = 0; i < PIV_SLOTS; i++)
			info.dwKeyContainersAvailable += p->keys[i].used != PIV_YES ? 1u : 0u;
	}
	if (r == SCARD_S_SUCCESS)
		*ret_info = info;
	return r;
}

DWORD
piv_query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo)
{
	struct piv *p = piv_context(card);

	(void)dwFlags;
	return p != NULL ? free_space(p, pInfo->dwVersion, pInfo) : SCARD_E_INVALID_PARAMETER;
}

static DWORD
key_sizes(struct piv *p, DWORD key_spec, DWORD version, CARD_KEY_SIZES *ret_sizes)
{
	const DWORD bits = check_key_spec_bits(key_spec);
	const enum key_type type = check_key_spec_type(key_spec);
	bool has = true;
	DWORD r;

	version = check_version(version, 1);
	if (key_spec == AT_KEYEXCHANGE || key_spec == AT_SIGNATURE) {
		*ret_sizes = (CARD_KEY_SIZES){ version, 1024, 2048, 4096, 1024 };
		return SCARD_S_SUCCESS;
	}
	if (pubkey_is_25519(type) && (r = piv_curve25519_known(p, &has)) != SCARD_S_SUCCESS)
		return r;
	if (!has || piv_algorithm_of(type, bits) == 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	*ret_sizes = (CARD_KEY_SIZES){ version, bits, bits, bits, 1 };
	return SCARD_S_SUCCESS;
}

DWORD
piv_query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes)
{
	struct piv *p = piv_context(card);

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return key_sizes(p, dwKeySpec, pKeySizes->dwVersion, pKeySizes);
}

/* One property: the readers below write exactly size bytes; parameter is the caller's dwFlags. */
struct property {
	const char *name;
	size_t size;
	DWORD (*read)(struct piv *p, DWORD parameter, BYTE *data);
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
read_free_space(struct piv *p, DWORD parameter, BYTE *data)
{
	CARD_FREE_SPACE_INFO info = { 0 };
	DWORD r = free_space(p, parameter, &info);

	memcpy(data, &info, sizeof(info));
	return r;
}

static DWORD
read_capabilities(struct piv *p, DWORD parameter, BYTE *data)
{
	CARD_CAPABILITIES capabilities = { .dwVersion = 1 };
	DWORD r = piv_query_capabilities(p->card, &capabilities);

	(void)parameter;
	memcpy(data, &capabilities, sizeof(capabilities));
	return r;
}

static DWORD
read_key_sizes(struct piv *p, DWORD parameter, BYTE *data)
{
	CARD_KEY_SIZES sizes;
	DWORD r = key_sizes(p, parameter, 0, &sizes);

	if (r == SCARD_S_SUCCESS)
		memcpy(data, &sizes, sizeof(sizes));
	return r;
}

/* As on Windows, until somebody shows the management key. */
static DWORD
read_read_only(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)parameter;
	put_bool(data, !IS_PIN_SET(p->authenticated, ROLE_ADMIN));
	return SCARD_S_SUCCESS;
}

static DWORD
read_false(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)p, (void)parameter;
	put_bool(data, false);
	return SCARD_S_SUCCESS;
}

/* Other programs change the card, and it does not tell (piv.h says what is kept here all the same). */
static DWORD
read_cache_mode(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)p, (void)parameter;
	put_dword(data, CARD_CACHE_MODE_NONE);
	return SCARD_S_SUCCESS;
}

static DWORD
read_guid(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)parameter;
	return piv_identity(p, data);
}

static const PIN_INFO pin_infos[] = {
	[ROLE_USER] = { .PinType = AlphaNumericPinType,
			.PinPurpose = PrimaryCardPin,
			.dwChangePermission = CREATE_PIN_SET(ROLE_USER),
			.dwUnblockPermission = CREATE_PIN_SET(PIV_ROLE_PUK),
			.PinCachePolicy = { .PinCachePolicyType = PinCacheNormal } },
	[ROLE_ADMIN] = { .PinType = ChallengeResponsePinType,
			 .PinPurpose = AdministratorPin,
			 .dwChangePermission = CREATE_PIN_SET(ROLE_ADMIN),
			 .PinCachePolicy = { .PinCachePolicyType = PinCacheNone } },
	[PIV_ROLE_ALWAYS] = { .PinType = AlphaNumericPinType,
			      .PinPurpose = DigitalSignaturePin,
			      .dwChangePermission = CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(PIV_ROLE_ALWAYS),
			      .dwUnblockPermission = CREATE_PIN_SET(PIV_ROLE_PUK),
			      .PinCachePolicy = { .PinCachePolicyType = PinCacheAlwaysPrompt } },
	[PIV_ROLE_PUK] = { .PinType = AlphaNumericPinType,
			   .PinPurpose = UnblockOnlyPin,
			   .dwChangePermission = CREATE_PIN_SET(PIV_ROLE_PUK),
			   .PinCachePolicy = { .PinCachePolicyType = PinCacheNone } },
};

static DWORD
read_pin_info(struct piv *p, DWORD parameter, BYTE *data)
{
	PIN_INFO info;

	if (parameter >= ARRAY_SIZE(pin_infos))
		return SCARD_E_INVALID_PARAMETER;
	info = pin_infos[parameter];
	if ((parameter == ROLE_USER || parameter == PIV_ROLE_ALWAYS) && piv_pin_external(p))
		info.PinType = ExternalPinType;
	info.dwVersion = info.PinCachePolicy.dwVersion = PIN_INFO_CURRENT_VERSION;
	memcpy(data, &info, sizeof(info));
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_list(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)p, (void)parameter;
	put_dword(data, (1u << ARRAY_SIZE(pin_infos)) - 1);
	return SCARD_S_SUCCESS;
}

static DWORD
read_authenticated(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)parameter;
	put_dword(data, p->authenticated);
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_strength(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)p;
	if (parameter >= ARRAY_SIZE(pin_infos))
		return SCARD_E_INVALID_PARAMETER;
	put_dword(data, CARD_PIN_STRENGTH_PLAINTEXT);
	return SCARD_S_SUCCESS;
}

static DWORD
read_paddings(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)p, (void)parameter;
	put_dword(data, CARD_PADDING_NONE | CARD_PADDING_PKCS1 | CARD_PADDING_PSS | CARD_PADDING_OAEP);
	return SCARD_S_SUCCESS;
}

/* Secure key injection is not on this card edge. */
static DWORD
read_import_support(struct piv *p, DWORD parameter, BYTE *data)
{
	(void)p, (void)parameter;
	put_dword(data, 0);
	return SCARD_S_SUCCESS;
}

static DWORD
read_pin_tries(struct piv *p, DWORD parameter, BYTE *data)
{
	CARD_PIN_TRIES tries = { CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	DWORD r = SCARD_E_INVALID_PARAMETER;

	if (parameter != ROLE_EVERYONE && parameter < ARRAY_SIZE(pin_infos))
		r = piv_pin_tries(p, parameter, &tries);
	if (r == SCARD_S_SUCCESS)
		memcpy(data, &tries, sizeof(tries));
	return r;
}

static DWORD
read_pin_limits(struct piv *p, DWORD parameter, BYTE *data)
{
	const CARD_PIN_LIMITS limits = { PIV_PIN_MIN, PIV_PIN_MAX };

	(void)p;
	if (parameter == ROLE_EVERYONE || parameter >= ARRAY_SIZE(pin_infos))
		return SCARD_E_INVALID_PARAMETER;
	if (parameter == ROLE_ADMIN)
		return SCARD_E_UNSUPPORTED_FEATURE;
	memcpy(data, &limits, sizeof(limits));
	return SCARD_S_SUCCESS;
}

static DWORD
read_challenge_key(struct piv *p, DWORD parameter, BYTE *data)
{
	CARD_CHALLENGE_KEY key;
	DWORD r = parameter == ROLE_ADMIN ? piv_challenge_key(p, &key) : SCARD_E_UNSUPPORTED_FEATURE;

	if (r == SCARD_S_SUCCESS)
		memcpy(data, &key, sizeof(key));
	return r;
}

/* clang-format off */
static const struct property properties[] = {
	{ CP_CARD_FREE_SPACE,              sizeof(CARD_FREE_SPACE_INFO), read_free_space },
	{ CP_CARD_CAPABILITIES,            sizeof(CARD_CAPABILITIES),    read_capabilities },
	{ CP_CARD_KEYSIZES,                sizeof(CARD_KEY_SIZES),       read_key_sizes },
	{ CP_CARD_READ_ONLY,               sizeof(bool),                 read_read_only },
	{ CP_CARD_CACHE_MODE,              sizeof(DWORD),                read_cache_mode },
	{ CP_CARD_GUID,                    PIV_GUID_LEN,                 read_guid },
	{ CP_CARD_PIN_INFO,                sizeof(PIN_INFO),             read_pin_info },
	{ CP_CARD_LIST_PINS,               sizeof(PIN_SET),              read_pin_list },
	{ CP_CARD_AUTHENTICATED_STATE,     sizeof(PIN_SET),              read_authenticated },
	{ CP_CARD_PIN_STRENGTH_VERIFY,     sizeof(DWORD),                read_pin_strength },
	{ CP_SUPPORTS_WIN_X509_ENROLLMENT, sizeof(bool),                 read_false },
	{ CP_PADDING_SCHEMES,              sizeof(DWORD),                read_paddings },
	{ CP_KEY_IMPORT_SUPPORT,           sizeof(DWORD),                read_import_support },
	{ CP_CARD_PIN_TRIES,               sizeof(CARD_PIN_TRIES),       read_pin_tries },
	{ CP_CARD_CHALLENGE_KEY,           sizeof(CARD_CHALLENGE_KEY),   read_challenge_key },
	{ CP_CARD_PIN_LIMITS,              sizeof(CARD_PIN_LIMITS),      read_pin_limits },
};
/* clang-format on */

static const struct property *
find_property(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return &properties[i];
	return NULL;
}

static DWORD
give(const void *value, size_t size, BYTE *data, DWORD room, DWORD *ret_len)
{
	DWORD r = check_property_room(data, room, ret_len, size);

	if (r == SCARD_S_SUCCESS)
		memcpy(data, value, size);
	return r;
}

/* Those of the card's own length: its name, and the token's serial number, or the identifier where there is none. */
static DWORD
read_variable(struct piv *p, const char *name, BYTE *data, DWORD room, DWORD *ret_len)
{
	static const char card_name[] = "PIV card";
	AUTO_BUF struct buf serial = BUF_INIT;
	uint8_t guid[PIV_GUID_LEN];
	DWORD r;

	if (strcmp(name, CP_CARD_NAME) == 0)
		return give(card_name, sizeof(card_name), data, room, ret_len);
	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_serial_read(p, &serial)) != SCARD_S_SUCCESS)
		return r;
	if (serial.len > 0)
		return give(serial.p, serial.len, data, room, ret_len);
	r = piv_identity(p, guid);
	return r == SCARD_S_SUCCESS ? give(guid, sizeof(guid), data, room, ret_len) : r;
}

DWORD
piv_get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags)
{
	struct piv *p = piv_context(card);
	const struct property *property;
	DWORD r;

	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CP_CARD_NAME) == 0 || strcmp(pszProperty, CP_CARD_SERIAL_NO) == 0)
		return read_variable(p, pszProperty, pbData, cbData, pdwDataLen);
	if ((property = find_property(pszProperty)) == NULL)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = check_property_room(pbData, cbData, pdwDataLen, property->size)) != SCARD_S_SUCCESS)
		return r;
	return property->read(p, dwFlags, pbData);
}
