/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: decryption by the host's unpadding and by the card's, and how it fails. */
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "card/gids_keys.h"
#include "gids/gids.h"

static void
assert_text(const struct cipher *cipher, const char *text)
{
	assert_int_equal(cipher->len, strlen(text));
	assert_memory_equal(cipher->bytes, text, cipher->len);
}

/* PKCS#1 and OAEP with SHA-1, SHA-256, another MGF hash, a label: on two key sizes and every personality. */
static void
test_decrypt(void **state)
{
	static const unsigned containers[] = { KIT_RSA2048, KIT_RSA3072 };
	const BCRYPT_OAEP_PADDING_INFO sha1 = { .pszAlgId = "SHA1" }, sha256 = { .pszAlgId = "SHA256" },
				       mixed = { .pszAlgId = "SHA256",
						 .pszMgfAlgId = "SHA1",
						 .pbLabel = (const BYTE *)"label",
						 .cbLabel = 5 };
	struct cipher c;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
			keys_encrypt(keys_kits[k], containers[i], RSA_PKCS1_PADDING, NULL, NULL, NULL, "a secret", &c);
			assert_int_equal(keys_decrypt(&rig, containers[i], CARD_PADDING_PKCS1, NULL, &c),
					 SCARD_S_SUCCESS);
			assert_text(&c, "a secret");
			keys_encrypt(keys_kits[k], containers[i], RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", NULL, "b",
				     &c);
			assert_int_equal(keys_decrypt(&rig, containers[i], CARD_PADDING_OAEP, &sha1, &c),
					 SCARD_S_SUCCESS);
			assert_text(&c, "b");
			keys_encrypt(keys_kits[k], containers[i], RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, "c",
				     &c);
			assert_int_equal(keys_decrypt(&rig, containers[i], CARD_PADDING_OAEP, &sha256, &c),
					 SCARD_S_SUCCESS);
			assert_text(&c, "c");
			keys_encrypt(keys_kits[k], containers[i], RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", "label",
				     "d", &c);
			assert_int_equal(keys_decrypt(&rig, containers[i], CARD_PADDING_OAEP, &mixed, &c),
					 SCARD_S_SUCCESS);
			assert_text(&c, "d");
		}
		rig_close(&rig);
	}
}

/* on a card or with a caller without the raw way the card unpads, and that is remembered. */
static void
test_decrypt_on_card(void **state)
{
	const BCRYPT_OAEP_PADDING_INFO sha1 = { .pszAlgId = "SHA1" }, sha256 = { .pszAlgId = "SHA256" };
	struct cipher c;
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	rig.data.pfnCspUnpadData = NULL;
	keys_encrypt(&keys_strict, 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "a secret", &c);
	assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
	assert_text(&c, "a secret");
	keys_encrypt(&keys_strict, 0, RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", NULL, "b", &c);
	assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_OAEP, &sha1, &c), SCARD_S_SUCCESS);
	assert_text(&c, "b");
	keys_encrypt(&keys_strict, 0, RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, "c", &c);
	assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_OAEP, &sha256, &c), SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);

	/* the raw mechanism is refused at MSE, once */
	keys_open(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	rig_faults(&rig, "ins=22@1:sw=6A80");
	keys_encrypt(&keys_strict, 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "a secret", &c);
	assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
	assert_text(&c, "a secret");
	/* MSE, MSE, two parts */
	assert_int_equal(rig_exchanges(&rig), 4);
	keys_encrypt(&keys_strict, 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "again", &c);
	assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/*
 * T1: every way for a ciphertext to be wrong has one code, and the caller's buffer keeps what it had. Bad PKCS#1 padding
 * is none of them when the host unpads.
 */
static void
test_decrypt_failures(void **state)
{
	const BCRYPT_OAEP_PADDING_INFO sha1 = { .pszAlgId = "SHA1" };
	struct cipher c = { 0 }, before;
	char letters[257] = "";
	struct rig rig;

	(void)state;
	memset(letters, 'A', sizeof(letters) - 1);
	for (int unpads = 0; unpads < 2; unpads++) {
		for (size_t k = 0; k < KEYS_KITS; k++) {
			keys_open(&rig, keys_kits[k]);
			if (unpads == 1)
				rig.data.pfnCspUnpadData = NULL;
			/* a block that has no padding at all; what OAEP makes may look like PKCS#1 by chance */
			keys_encrypt(keys_kits[k], 0, RSA_NO_PADDING, NULL, NULL, NULL, letters, &c);
			before = c;
			if (unpads == 1) {
				assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c),
						 SCARD_E_INVALID_PARAMETER);
				assert_memory_equal(&c, &before, sizeof(c));
			} else {
				assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
			}
			keys_encrypt(keys_kits[k], 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "b", &c);
			assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_OAEP, &sha1, &c),
					 SCARD_E_INVALID_PARAMETER);
			/* a number beyond the modulus */
			memset(c.bytes, 0xFF, 256);
			assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c),
					 SCARD_E_INVALID_PARAMETER);
			memset(c.bytes, 0xFF, 256);
			assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_OAEP, &sha1, &c),
					 SCARD_E_INVALID_PARAMETER);
			rig_close(&rig);
		}
	}
}

/* for decryption: no exchange for any of them once the key is known. */
static void
test_decrypt_parameters(void **state)
{
	BYTE data[300] = { 1 };
	const CARD_RSA_DECRYPT_INFO good = { .dwVersion = 2,
					     .dwKeySpec = AT_KEYEXCHANGE,
					     .pbData = data,
					     .cbData = 256,
					     .dwPaddingType = CARD_PADDING_NONE };
	const BCRYPT_OAEP_PADDING_INFO nameless = { .pszAlgId = NULL };
	CARD_RSA_DECRYPT_INFO d;
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
#define DECRYPT(change, code)                                                                                          \
	do {                                                                                                           \
		d = good;                                                                                              \
		change;                                                                                                \
		assert_int_equal(rig.data.pfnCardRSADecrypt(&rig.data, &d), (DWORD)(code));                            \
	} while (0)
	DECRYPT(d.cbData = 255, SCARD_E_INSUFFICIENT_BUFFER);
	DECRYPT(d.cbData = 0, SCARD_E_INSUFFICIENT_BUFFER);
	DECRYPT(d.cbData = 257, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.pbData = NULL, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwVersion = 0, ERROR_REVISION_MISMATCH);
	DECRYPT(d.dwVersion = 1, ERROR_REVISION_MISMATCH);
	DECRYPT(d.dwPaddingType = 0, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwPaddingType = CARD_PADDING_PSS, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwPaddingType = CARD_PADDING_OAEP, SCARD_E_INVALID_PARAMETER);
	DECRYPT((d.dwPaddingType = CARD_PADDING_OAEP, d.pPaddingInfo = &nameless), SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwKeySpec = 0, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwKeySpec = 9, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwKeySpec = AT_SIGNATURE, SCARD_E_UNSUPPORTED_FEATURE);
	DECRYPT(d.dwKeySpec = AT_ECDHE_P256, SCARD_E_UNSUPPORTED_FEATURE);
	DECRYPT(d.bContainerIndex = KIT_P256, SCARD_E_NO_KEY_CONTAINER);
	DECRYPT(d.bContainerIndex = KIT_RSA1024_SIGN, SCARD_E_NO_KEY_CONTAINER);
	DECRYPT(d.bContainerIndex = 30, SCARD_E_NO_KEY_CONTAINER);
	DECRYPT(d.bContainerIndex = 255, SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig.data.pfnCardRSADecrypt(&rig.data, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardRSADecrypt(NULL, &d), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decrypt),
		cmocka_unit_test(test_decrypt_on_card),
		cmocka_unit_test(test_decrypt_failures),
		cmocka_unit_test(test_decrypt_parameters),
	};

	return cmocka_run_group_tests_name("gids/decrypt", tests, keys_make, keys_free);
}
