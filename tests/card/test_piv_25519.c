/* SPDX-License-Identifier: BSD-2-Clause */
/* PIV: keys of Ed25519 and X25519, which tokens have beyond the standard, under the minidriver. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "card/piv_card.h"

#define RETIRED_1 4u

static struct kit kit;

static void
bring(struct vcard *card, const char *type, const uint8_t private[32], const struct vcard_piv_slot *slot)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, type, NULL, private, 32);
	char path[100];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/key.pem", kit.directory);
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(vcard_piv_import(card, slot, path), 0);
	assert_int_equal(remove(path), 0);
	EVP_PKEY_free(pkey);
}

/* RFC 8032, 7.1, test 2 (9E, whose certificate is issued anew) and RFC 7748, 6.1, Alice (first retired key, without one). */
static const uint8_t ed_private[32] = { 0x4C, 0xCD, 0x08, 0x9B, 0x28, 0xFF, 0x96, 0xDA, 0x9D, 0xB6, 0xC3,
					0x46, 0xEC, 0x11, 0x4E, 0x0F, 0x5B, 0x8A, 0x31, 0x9F, 0x35, 0xAB,
					0xA6, 0x24, 0xDA, 0x8C, 0xF6, 0xED, 0x4F, 0xB8, 0xA6, 0xFB };
static const uint8_t ed_public[32] = { 0x3D, 0x40, 0x17, 0xC3, 0xE8, 0x43, 0x89, 0x5A, 0x92, 0xB7, 0x0A,
				       0xA7, 0x4D, 0x1B, 0x7E, 0xBC, 0x9C, 0x98, 0x2C, 0xCF, 0x2E, 0xC4,
				       0x96, 0x8C, 0xC0, 0xCD, 0x55, 0xF1, 0x2A, 0xF4, 0x66, 0x0C };
static const uint8_t ed_signature[64] = { 0x92, 0xA0, 0x09, 0xA9, 0xF0, 0xD4, 0xCA, 0xB8, 0x72, 0x0E, 0x82, 0x0B, 0x5F,
					  0x64, 0x25, 0x40, 0xA2, 0xB2, 0x7B, 0x54, 0x16, 0x50, 0x3F, 0x8F, 0xB3, 0x76,
					  0x22, 0x23, 0xEB, 0xDB, 0x69, 0xDA, 0x08, 0x5A, 0xC1, 0xE4, 0x3E, 0x15, 0x99,
					  0x6E, 0x45, 0x8F, 0x36, 0x13, 0xD0, 0xF1, 0x1D, 0x8C, 0x38, 0x7B, 0x2E, 0xAE,
					  0xB4, 0x30, 0x2A, 0xEE, 0xB0, 0x0D, 0x29, 0x16, 0x12, 0xBB, 0x0C, 0x00 };
static const uint8_t x_private[32] = { 0x77, 0x07, 0x6D, 0x0A, 0x73, 0x18, 0xA5, 0x7D, 0x3C, 0x16, 0xC1,
				       0x72, 0x51, 0xB2, 0x66, 0x45, 0xDF, 0x4C, 0x2F, 0x87, 0xEB, 0xC0,
				       0x99, 0x2A, 0xB1, 0x77, 0xFB, 0xA5, 0x1D, 0xB9, 0x2C, 0x2A };
static const uint8_t x_bob[32] = { 0xDE, 0x9E, 0xDB, 0x7D, 0x7B, 0x7D, 0xC1, 0xB4, 0xD3, 0x5B, 0x61,
				   0xC2, 0xEC, 0xE4, 0x35, 0x37, 0x3F, 0x83, 0x43, 0xC8, 0x5B, 0x78,
				   0x67, 0x4D, 0xAD, 0xFC, 0x7E, 0x14, 0x6F, 0x88, 0x2B, 0x4F };
static const uint8_t x_shared[32] = { 0x4A, 0x5D, 0x9D, 0x5B, 0xA4, 0xCE, 0x2D, 0xE1, 0x72, 0x8E, 0x3B,
				      0xF4, 0x80, 0x35, 0x0F, 0x25, 0xE0, 0x7E, 0x21, 0xC9, 0x47, 0xD1,
				      0x9E, 0x33, 0x76, 0xF0, 0x9B, 0x3C, 0x1E, 0x16, 0x17, 0x42 };

static int
set_up(void **state)
{
	static const struct vcard_piv_slot ed = { .reference = 0x9E, .pin_policy = PIV_PIN_NEVER };
	static const struct vcard_piv_slot x = { .reference = 0x82, .pin_policy = PIV_PIN_NEVER };
	struct vcard *card;

	(void)state;
	piv_kit_make_bare(&kit, VCARD_PIV_TOKEN);
	assert_non_null(card = vcard_open(kit.path));
	bring(card, "ED25519", ed_private, &ed);
	bring(card, "X25519", x_private, &x);
	assert_int_equal(vcard_piv_issue(card, 0x9E, "Edwards", 0x80, VCARD_PIV_PLAIN, NULL), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kit_free(&kit);
	return 0;
}

/* An Ed25519 key is a signature key, an X25519 key an exchange key, wherever they are; by certificate and by metadata. */
static void
test_containers(void **state)
{
	CONTAINER_INFO info = { .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &kit);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, PIV_9E, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.SigPublicKey.type, KEY_ED25519);
	assert_int_equal(info.KeyExPublicKey.type, KEY_NONE);
	assert_int_equal(info.SigPublicKey.point_len, 32);
	assert_memory_equal(info.SigPublicKey.point, ed_public, 32);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, RETIRED_1, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.type, KEY_X25519);
	assert_int_equal(info.SigPublicKey.type, KEY_NONE);
	rig_close(&rig);
}

/* The message is signed as it is; one that is too long, or none, does not reach the card. */
static void
test_signature(void **state)
{
	static const BYTE message[1] = { 0x72 }, lengthy[LIMIT_EDDSA_INPUT + 1] = { 0 };
	CARD_SIGNING_INFO info;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &kit);
	assert_int_equal(rig_sign(&rig, PIV_9E, AT_EDDSA_25519, 0, NULL, cur_of(message, 1), &info), SCARD_S_SUCCESS);
	assert_int_equal(info.cbSignedData, 64);
	assert_memory_equal(info.pbSignedData, ed_signature, 64);
	rig.data.pfnCspFree(info.pbSignedData);
	assert_int_equal(rig_sign(&rig, PIV_9E, AT_EDDSA_25519, 0, NULL, cur_of(lengthy, LIMIT_EDDSA_INPUT), &info),
			 SCARD_S_SUCCESS);
	rig.data.pfnCspFree(info.pbSignedData);
	(void)rig_exchanges(&rig);
	assert_int_equal(rig_sign(&rig, PIV_9E, AT_EDDSA_25519, 0, NULL, cur_of(lengthy, sizeof(lengthy)), &info),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_sign(&rig, PIV_9E, AT_EDDSA_25519, 0, NULL, cur_of(message, 0), &info),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(rig_sign(&rig, PIV_9E, AT_ECDSA_P256, 0, NULL, cur_of(keys_value, 32), &info),
			 SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_sign(&rig, RETIRED_1, AT_EDDSA_25519, 0, NULL, cur_of(message, 1), &info),
			 SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_sign(&rig, RETIRED_1, AT_ECDHE_25519, 0, NULL, cur_of(message, 1), &info),
			 SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
}

static void
test_agreement(void **state)
{
	CARD_DH_AGREEMENT_INFO agreement = { .dwVersion = CARD_DH_AGREEMENT_INFO_VERSION,
					     .bContainerIndex = RETIRED_1 };
	CARD_DERIVE_KEY derive = { .dwVersion = CARD_DERIVE_KEY_CURRENT_VERSION, .pszKDF = BCRYPT_KDF_RAW_SECRET };
	struct public_key bob;
	struct rig rig;

	(void)state;
	assert_true(pubkey_set_25519(&bob, KEY_X25519, x_bob, 32));
	agreement.pPublicKey = &bob;
	rig_acquire(&rig, &kit);
	assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_S_SUCCESS);
	derive.bSecretAgreementIndex = agreement.bSecretAgreementIndex;
	assert_int_equal(rig.data.pfnCardDeriveKey(&rig.data, &derive), SCARD_S_SUCCESS);
	assert_int_equal(derive.cbDerivedKey, 32);
	assert_memory_equal(derive.pbDerivedKey, x_shared, 32);
	rig.data.pfnCspFree(derive.pbDerivedKey);
	bob.type = KEY_ED25519;
	assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_E_INVALID_PARAMETER);
	agreement.bContainerIndex = PIV_9E;
	assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
}

/* Which cards make such keys shows in their version, which is asked for once. */
static void
test_sizes(void **state)
{
	CARD_KEY_SIZES sizes = { .dwVersion = 1 };
	struct kit old;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &kit);
	(void)rig_exchanges(&rig);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig.data.pfnCardQueryKeySizes(&rig.data, AT_EDDSA_25519 + i, 0, &sizes),
				 SCARD_S_SUCCESS);
		assert_int_equal(sizes.dwDefaultBitlen, 255);
		assert_int_equal(rig_exchanges(&rig), i == 0 ? 1 : 0);
	}
	assert_int_equal(rig.data.pfnCardQueryKeySizes(&rig.data, AT_ECDHE_25519 + 1, 0, &sizes),
			 SCARD_E_INVALID_PARAMETER);
	rig_close(&rig);
	piv_kit_make(&old, VCARD_PIV_GOVERNMENT);
	rig_acquire(&rig, &old);
	assert_int_equal(rig.data.pfnCardQueryKeySizes(&rig.data, AT_EDDSA_25519, 0, &sizes),
			 SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
	kit_free(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
