/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: properties of the card, with their types, sizes and parameters. */
#include <stdlib.h>
#include <string.h>

#include "card/gids_card.h"

static struct kit strict;

static int
make_kit(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	return 0;
}

static int
free_kit(void **state)
{
	(void)state;
	kit_free(&strict);
	return 0;
}

#define UNSUPPORTED(call) assert_int_equal(call, SCARD_E_UNSUPPORTED_FEATURE)
#define INVALID(call) assert_int_equal(call, SCARD_E_INVALID_PARAMETER)

static DWORD
get_property(struct rig *rig, const char *name, DWORD flags, void *value, size_t size)
{
	DWORD len = 0xAAAAAAAA;
	DWORD r = rig->data.pfnCardGetProperty(&rig->data, name, NULL, 0, &len, flags);

	assert_int_equal(r, ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, size);
	r = rig->data.pfnCardGetProperty(&rig->data, name, value, (DWORD)size - 1, &len, flags);
	assert_int_equal(r, ERROR_INSUFFICIENT_BUFFER);
	r = rig->data.pfnCardGetProperty(&rig->data, name, value, (DWORD)size, &len, flags);
	assert_int_equal(len, size);
	return r;
}

/* every property with its type and size. */
static void
test_properties(void **state)
{
	CARD_FREE_SPACE_INFO space;
	CARD_CAPABILITIES capabilities;
	struct rig rig;
	BYTE guid[16];
	char name[sizeof("GIDS card")];
	bool yes;
	DWORD n;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(get_property(&rig, CP_CARD_CAPABILITIES, 0, &capabilities, sizeof(capabilities)), 0);
	assert_true(capabilities.fKeyGen && !capabilities.fCertificateCompression);
	assert_int_equal(get_property(&rig, CP_CARD_READ_ONLY, 0, &yes, sizeof(yes)), 0);
	assert_false(yes);
	assert_int_equal(get_property(&rig, CP_SUPPORTS_WIN_X509_ENROLLMENT, 0, &yes, sizeof(yes)), 0);
	assert_true(yes);
	assert_int_equal(get_property(&rig, CP_CARD_CACHE_MODE, 0, &n, sizeof(n)), 0);
	assert_int_equal(n, CARD_CACHE_MODE_GLOBAL);
	assert_int_equal(get_property(&rig, CP_CARD_LIST_PINS, 0, &n, sizeof(n)), 0);
	assert_int_equal(n, 0x06);
	assert_int_equal(get_property(&rig, CP_PADDING_SCHEMES, 0, &n, sizeof(n)), 0);
	assert_int_equal(n, 0x0F);
	/* */
	assert_int_equal(get_property(&rig, CP_KEY_IMPORT_SUPPORT, 0, &n, sizeof(n)), 0);
	assert_int_equal(n, 0);
	assert_int_equal(get_property(&rig, CP_CARD_NAME, 0, name, sizeof(name)), 0);
	assert_string_equal(name, "GIDS card");
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(get_property(&rig, CP_CARD_GUID, 0, guid, sizeof(guid)), 0);
	assert_memory_equal(guid, "sixteen bytes id", 16);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(get_property(&rig, CP_CARD_FREE_SPACE, 0, &space, sizeof(space)), 0);
	assert_int_equal(space.dwMaxKeyContainers, 30);
	assert_int_equal(space.dwKeyContainersAvailable, 28);
	rig_close(&rig);
}

/* R-058 and the rest of what is told of the PINs. */
static void
test_pin_properties(void **state)
{
	CARD_PIN_LIMITS limits;
	CARD_PIN_TRIES tries;
	struct rig rig;
	PIN_INFO info;
	DWORD n;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(get_property(&rig, CP_CARD_PIN_INFO, ROLE_USER, &info, sizeof(info)), 0);
	assert_int_equal(info.PinType, AlphaNumericPinType);
	assert_int_equal(info.PinPurpose, PrimaryCardPin);
	assert_int_equal(info.dwChangePermission, 0x02);
	assert_int_equal(info.dwUnblockPermission, 0x04);
	assert_int_equal(info.PinCachePolicy.PinCachePolicyType, PinCacheNormal);
	assert_int_equal(get_property(&rig, CP_CARD_PIN_INFO, ROLE_ADMIN, &info, sizeof(info)), 0);
	assert_int_equal(info.PinType, ChallengeResponsePinType);
	assert_int_equal(info.dwUnblockPermission, 0);
	assert_int_equal(get_property(&rig, CP_CARD_PIN_STRENGTH_VERIFY, ROLE_USER, &n, sizeof(n)), 0);
	assert_int_equal(n, CARD_PIN_STRENGTH_PLAINTEXT);
	assert_int_equal(get_property(&rig, CP_CARD_PIN_LIMITS, ROLE_USER, &limits, sizeof(limits)), 0);
	assert_int_equal(limits.dwMinLength, 4);
	assert_int_equal(limits.dwMaxLength, 127);
	assert_int_equal(get_property(&rig, CP_CARD_PIN_TRIES, ROLE_ADMIN, &tries, sizeof(tries)), 0);
	assert_int_equal(tries.dwLeft, CARD_DATA_VALUE_UNKNOWN);
	assert_int_equal(rig_exchanges(&rig), 0);
	for (DWORD role = 3; role < MAX_PINS; role++) {
		assert_int_equal(get_property(&rig, CP_CARD_PIN_INFO, role, &info, sizeof(info)),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(get_property(&rig, CP_CARD_PIN_TRIES, role, &tries, sizeof(tries)),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(get_property(&rig, CP_CARD_PIN_LIMITS, role, &limits, sizeof(limits)),
				 SCARD_E_INVALID_PARAMETER);
	}
	rig_close(&rig);
}

/* key sizes by key specification. */
static void
test_key_sizes(void **state)
{
	static const DWORD ec[] = { 256, 384, 521 };
	CARD_KEY_SIZES sizes = { 0 };
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	for (DWORD spec = AT_KEYEXCHANGE; spec <= AT_SIGNATURE; spec++) {
		assert_int_equal(rig.data.pfnCardQueryKeySizes(&rig.data, spec, 0, &sizes), SCARD_S_SUCCESS);
		assert_int_equal(sizes.dwVersion, 1);
		assert_int_equal(sizes.dwMinimumBitlen, 1024);
		assert_int_equal(sizes.dwDefaultBitlen, 2048);
		assert_int_equal(sizes.dwMaximumBitlen, 4096);
		assert_int_equal(sizes.dwIncrementalBitlen, 1024);
	}
	for (DWORD i = 0; i < 3; i++) {
		assert_int_equal(get_property(&rig, CP_CARD_KEYSIZES, AT_ECDSA_P256 + i, &sizes, sizeof(sizes)), 0);
		assert_int_equal(sizes.dwMinimumBitlen, ec[i]);
		assert_int_equal(sizes.dwDefaultBitlen, ec[i]);
		assert_int_equal(sizes.dwMaximumBitlen, ec[i]);
		UNSUPPORTED(rig.data.pfnCardQueryKeySizes(&rig.data, AT_ECDHE_P256 + i, 0, &sizes));
	}
	INVALID(rig.data.pfnCardQueryKeySizes(&rig.data, 0, 0, &sizes));
	INVALID(rig.data.pfnCardQueryKeySizes(&rig.data, 9, 0, &sizes));
	INVALID(rig.data.pfnCardQueryKeySizes(&rig.data, 1, 1, &sizes));
	INVALID(rig.data.pfnCardQueryKeySizes(&rig.data, 1, 0, NULL));
	rig_close(&rig);
}

/* R-021 for the property calls. */
static void
test_property_parameters(void **state)
{
	struct rig rig;
	BYTE buffer[64];
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	INVALID(rig.data.pfnCardGetProperty(NULL, CP_CARD_GUID, buffer, 64, &len, 0));
	INVALID(rig.data.pfnCardGetProperty(&rig.data, NULL, buffer, 64, &len, 0));
	INVALID(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, NULL, 64, &len, 0));
	INVALID(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, buffer, 64, NULL, 0));
	INVALID(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, buffer, 64, &len, 1));
	INVALID(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_NAME, buffer, 64, &len, 1));
	INVALID(rig.data.pfnCardGetProperty(&rig.data, "No such thing", buffer, 64, &len, 0));
	UNSUPPORTED(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_SERIAL_NO, buffer, 64, &len, 0));
	UNSUPPORTED(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_AUTHENTICATED_STATE, buffer, 64, &len, 0));
	INVALID(rig.data.pfnCardQueryCapabilities(&rig.data, NULL));
	INVALID(rig.data.pfnCardQueryFreeSpace(&rig.data, 1, (void *)buffer));
	INVALID(rig.data.pfnCardQueryFreeSpace(&rig.data, 0, NULL));
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_pin_properties),
		cmocka_unit_test(test_key_sizes),
		cmocka_unit_test(test_property_parameters),
	};

	return cmocka_run_group_tests_name("gids/property", tests, make_kit, free_kit);
}
