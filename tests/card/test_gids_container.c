/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: containers, their properties and public keys, with and without a key map. */
#include <stdio.h>
#include <stdlib.h>

#include "card/gids_keys.h"
#include "gids/gids.h"

/* public keys without a PIN, in the slot of their kind; elliptic-curve keys are signature keys. */
static void
test_container_info(void **state)
{
	static const unsigned bits[KIT_CONTAINERS] = { 2048, 1024, 256, 384, 521, 3072 };
	CONTAINER_INFO info = { 0 };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		rig_acquire(&rig, keys_kits[k]);
		for (unsigned i = 0; i < KIT_CONTAINERS; i++) {
			bool exchange = i == KIT_RSA2048 || i == KIT_RSA3072;
			const struct public_key *key = exchange ? &info.KeyExPublicKey : &info.SigPublicKey;

			assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info),
					 SCARD_S_SUCCESS);
			assert_int_equal(key->bits, bits[i]);
			assert_int_equal((exchange ? &info.SigPublicKey : &info.KeyExPublicKey)->type, KEY_NONE);
		}
		for (unsigned i = KIT_CONTAINERS; i < 256; i += i == KIT_CONTAINERS ? 24 : 75)
			assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info),
					 SCARD_E_NO_KEY_CONTAINER);
		rig_close(&rig);
	}
}

/* Container properties. */
static void
test_container_properties(void **state)
{
	CONTAINER_INFO info = { 0 };
	struct rig rig;
	CARD_DATA *d = &rig.data;
	PIN_ID role = 99;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &keys_strict);
#define GET(index, name, buffer, size) d->pfnCardGetContainerProperty(d, index, name, (BYTE *)(buffer), size, &len, 0)
	assert_int_equal(GET(0, CCP_CONTAINER_INFO, NULL, 0), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, sizeof(info));
	assert_int_equal(GET(0, CCP_PIN_IDENTIFIER, &role, 3), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, 4);
	assert_int_equal(GET(0, CCP_ASSOCIATED_ECDH_KEY, &role, 4), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(GET(0, "No such thing", &role, 4), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(GET(0, NULL, &role, 4), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(GET(0, CCP_PIN_IDENTIFIER, NULL, 4), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerProperty(d, 0, CCP_PIN_IDENTIFIER, (BYTE *)&role, 4, NULL, 0),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerProperty(d, 0, CCP_PIN_IDENTIFIER, (BYTE *)&role, 4, &len, 1),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerInfo(d, 0, 1, &info), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerInfo(d, 0, 0, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(GET(0, CCP_PIN_IDENTIFIER, &role, 4), SCARD_S_SUCCESS);
	assert_int_equal(role, ROLE_USER);
	assert_int_equal(GET(9, CCP_PIN_IDENTIFIER, &role, 4), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(GET(KIT_P256, CCP_CONTAINER_INFO, &info, sizeof(info)), SCARD_S_SUCCESS);
	assert_int_equal(info.SigPublicKey.bits, 256);
	rig_close(&rig);
}

/* No key map at all: keys are found by asking for their public keys, in the exchange slot for RSA. */
static void
test_no_keymap(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CONTAINER_INFO info = { 0 };
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &keys_strict);
	/* the bulk read and the single one of the key map find nothing */
	rig_faults(&rig, "ins=CB@1:sw=6A88;ins=CB@2:sw=6A88");
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, KIT_RSA2048, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.bits, 2048);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, KIT_P384, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.SigPublicKey.bits, 384);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 20, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	keys_assert_signs(&rig, &keys_strict, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 2);
	/* not asked about before: the public key comes first */
	keys_assert_signs(&rig, &keys_strict, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

/* M4, M7: public keys that are damaged, foreign in size, or no keys. */
static void
test_bad_public_keys(void **state)
{
	static const char *const answers[] = {
		"9000",
		"7F49009000",
		"7F490381010182"
		"9000",
		"7F4906810103820103"
		"9000",
		"7F490786058400000000"
		"9000",
		"7F490586030401029000",
		"7F490A8103010001820301000"
		"19000",
		"7F48009000",
	};
	CONTAINER_INFO info = { .dwVersion = 77 };
	char fault[128];
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		snprintf(fault, sizeof(fault), "1:data=%s", answers[i]);
		rig_faults(&rig, fault);
		assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_E_COMM_DATA_LOST);
		assert_int_equal(info.dwVersion, 77);
	}
	rig_faults(&rig, "1:sw=6F00;2:sw=6985;3:sw=6A88;4:sw=6984");
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	rig_faults(&rig, "1:sw=6982;2:remove");
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_W_REMOVED_CARD);
	rig_close(&rig);
}

/* The size must be what the key map says: another key's answer is not this key. */
static void
test_size_disagrees(void **state)
{
	CONTAINER_INFO info = { 0 };
	struct gids *g;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &keys_strict);
	g = rig.data.pvVendorSpecific;
	assert_int_equal(gids_keys_load(g), SCARD_S_SUCCESS);
	g->containers[KIT_RSA2048].keys[0].reference = g->containers[KIT_RSA1024_SIGN].keys[0].reference;
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, KIT_RSA2048, 0, &info), SCARD_E_COMM_DATA_LOST);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container_info), cmocka_unit_test(test_container_properties),
		cmocka_unit_test(test_no_keymap),      cmocka_unit_test(test_bad_public_keys),
		cmocka_unit_test(test_size_disagrees),
	};

	return cmocka_run_group_tests_name("gids/container", tests, keys_make, keys_free);
}
