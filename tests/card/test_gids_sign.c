/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: signatures in every padding, each checked by libcrypto with the card's public key. */
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card/gids_keys.h"
#include "gids/gids.h"

static struct kit no_raw_sign;

static int
make_kits(void **state)
{
	kit_make(&no_raw_sign, &(struct vcard_profile){ .quirks = VCARD_NO_RAW_SIGN, .ecc = true }, true);
	return keys_make(state);
}

static int
free_kits(void **state)
{
	kit_free(&no_raw_sign);
	return keys_free(state);
}

/* PKCS#1 v1.5 with every hash, by the card. */
static void
test_sign_pkcs1(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		for (size_t i = 0; i < KEYS_HASHES; i++) {
			const BCRYPT_PKCS1_PADDING_INFO info = { keys_hashes[i].name };
			struct cursor data = cur_of(keys_value, keys_hashes[i].len);

			keys_assert_signs(&rig, keys_kits[k], KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &info,
					  keys_hashes[i].evp, 0, data);
			keys_assert_signs(&rig, keys_kits[k], KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &info,
					  keys_hashes[i].evp, 0, data);
			keys_assert_signs(&rig, keys_kits[k], KIT_RSA3072, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &info,
					  keys_hashes[i].evp, 0, data);
		}
		rig_close(&rig);
	}
}

/* Without a hash the data is padded as it is, up to the last byte that fits; beyond 247 bytes on the host. */
static void
test_sign_pkcs1_bare(void **state)
{
	static const size_t lengths[] = { 1, 36, 245 }, lengths_3072[] = { 247, 248, 300, 373 };
	const BCRYPT_PKCS1_PADDING_INFO bare = { NULL };
	static BYTE data[512] = { 1 };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
			keys_assert_signs(&rig, keys_kits[k], KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare,
					  NULL, 0, cur_of(data, lengths[i]));
		/* a raw RSA-3072 signature is not on the applet's simulator, whose decipherment of that size works here */
		for (size_t i = 0; i < ARRAY_SIZE(lengths_3072); i++)
			keys_assert_signs(&rig, keys_kits[k], KIT_RSA3072, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare,
					  NULL, 0, cur_of(data, lengths_3072[i]));
		(void)rig_exchanges(&rig);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare,
					  cur_of(data, 246), &sign),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare,
					  cur_of(data, 0xFFFFFFFF), &sign),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig_exchanges(&rig), 0);
		rig_close(&rig);
	}
}

/* PSS is padded by the callback and signed raw, by the decipher route where the card refuses to sign. */
static void
test_sign_pss(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		for (size_t i = 0; i < KEYS_HASHES; i++) {
			const BCRYPT_PSS_PADDING_INFO info = { keys_hashes[i].name, (DWORD)keys_hashes[i].len, NULL };

			keys_assert_signs(&rig, keys_kits[k], KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info,
					  keys_hashes[i].evp, (int)keys_hashes[i].len,
					  cur_of(keys_value, keys_hashes[i].len));
		}
		rig_close(&rig);
	}
}

/* The first raw signature on a card without it costs two exchanges more; later ones, also in later transactions, none. */
static void
test_raw_route_remembered(void **state)
{
	const BCRYPT_PSS_PADDING_INFO info = { BCRYPT_SHA256_ALGORITHM, 32, NULL };
	struct rig rig;

	(void)state;
	keys_open(&rig, &no_raw_sign);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	keys_assert_signs(&rig, &no_raw_sign, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, "SHA256", 32,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 4);
	keys_assert_signs(&rig, &no_raw_sign, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, "SHA256", 32,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	keys_assert_signs(&rig, &no_raw_sign, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, "SHA256", 32,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

/* A signature key has no decipher route: on a card without the raw signature there is no PSS with it. */
static void
test_pss_signature_key(void **state)
{
	const BCRYPT_PSS_PADDING_INFO info = { BCRYPT_SHA256_ALGORITHM, 32, NULL };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	keys_assert_signs(&rig, &keys_strict, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PSS, &info, "SHA256", 32,
			  cur_of(keys_value, 32));
	rig_close(&rig);
	keys_open(&rig, &keys_applet);
	assert_int_equal(rig_sign(&rig, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PSS, &info, cur_of(keys_value, 32),
				  &sign),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_null(sign.pbSignedData);
	rig_close(&rig);
}

/* ECDSA on each curve with short and long keys_hashes, whichever form the card answers in. */
static void
test_sign_ecdsa(void **state)
{
	static const size_t width[] = { 32, 48, 66 };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		for (unsigned curve = 0; curve < 3; curve++) {
			for (size_t i = 0; i < KEYS_HASHES; i++) {
				struct cursor data = cur_of(keys_value, keys_hashes[i].len);
				CARD_SIGNING_INFO sign;
				unsigned char *der = NULL;
				ECDSA_SIG *sig = ECDSA_SIG_new();
				int len;

				assert_int_equal(rig_sign(&rig, (BYTE)(KIT_P256 + curve), AT_ECDSA_P256 + curve, 0,
							  NULL, data, &sign),
						 SCARD_S_SUCCESS);
				assert_int_equal(sign.cbSignedData, 2 * width[curve]);
				ECDSA_SIG_set0(sig, BN_bin2bn(sign.pbSignedData, (int)width[curve], NULL),
					       BN_bin2bn(sign.pbSignedData + width[curve], (int)width[curve], NULL));
				len = i2d_ECDSA_SIG(sig, &der);
				keys_assert_verifies(keys_kits[k], KIT_P256 + curve, NULL, 0, 0, data,
						     cur_of(der, (size_t)len));
				OPENSSL_free(der);
				ECDSA_SIG_free(sig);
				rig.data.pfnCspFree(sign.pbSignedData);
			}
		}
		rig_close(&rig);
	}
}

/* for signatures. */
static void
test_sign_parameters(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO sha256 = { "SHA256" }, md4 = { "MD4" };
	const CARD_SIGNING_INFO good = { .dwVersion = 2,
					 .dwKeySpec = AT_KEYEXCHANGE,
					 .pbData = keys_value,
					 .cbData = 32,
					 .dwSigningFlags = CARD_PADDING_INFO_PRESENT,
					 .pPaddingInfo = &sha256,
					 .dwPaddingType = CARD_PADDING_PKCS1 };
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
#define SIGN(change, code)                                                                                             \
	do {                                                                                                           \
		s = good;                                                                                              \
		change;                                                                                                \
		assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), (DWORD)(code));                              \
		assert_null(s.pbSignedData);                                                                           \
	} while (0)
	SIGN(s.pbData = NULL, SCARD_E_INVALID_PARAMETER);
	SIGN(s.cbData = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.cbData = 31, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwSigningFlags |= 1, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwVersion = 1, ERROR_REVISION_MISMATCH);
	SIGN(s.dwVersion = 0, ERROR_REVISION_MISMATCH);
	SIGN(s.pPaddingInfo = NULL, SCARD_E_INVALID_PARAMETER);
	SIGN(s.pPaddingInfo = &md4, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwPaddingType = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = 3, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = CARD_PADDING_OAEP, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = CARD_PADDING_NONE, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = 9, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = AT_ECDHE_P384, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwKeySpec = AT_SIGNATURE, SCARD_E_NO_KEY_CONTAINER);
	SIGN(s.dwKeySpec = AT_ECDSA_P256, SCARD_E_NO_KEY_CONTAINER);
	SIGN((s.bContainerIndex = KIT_P256, s.dwKeySpec = AT_ECDSA_P384), SCARD_E_NO_KEY_CONTAINER);
	SIGN((s.bContainerIndex = KIT_P256, s.dwKeySpec = AT_SIGNATURE), SCARD_E_NO_KEY_CONTAINER);
	SIGN(s.bContainerIndex = 30, SCARD_E_NO_KEY_CONTAINER);
	SIGN(s.bContainerIndex = 255, SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig.data.pfnCardSignData(&rig.data, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardSignData(NULL, &s), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig.data.pfnCspPadData = NULL;
	SIGN(s.dwPaddingType = CARD_PADDING_PSS, SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
}

/* A size is told without a PIN; R-040: without padding information the data is padded as it is. */
static void
test_sign_sizes(void **state)
{
	static const struct {
		BYTE container;
		DWORD spec, size;
	} rows[] = {
		{ KIT_RSA2048, AT_KEYEXCHANGE, 256 }, { KIT_RSA1024_SIGN, AT_SIGNATURE, 128 },
		{ KIT_P256, AT_ECDSA_P256, 64 },      { KIT_P384, AT_ECDSA_P384, 96 },
		{ KIT_P521, AT_ECDSA_P521, 132 },     { KIT_RSA3072, AT_KEYEXCHANGE, 384 },
	};
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s = (CARD_SIGNING_INFO){ .dwVersion = 1,
					 .bContainerIndex = rows[i].container,
					 .dwKeySpec = rows[i].spec,
					 .dwSigningFlags = CARD_BUFFER_SIZE_ONLY };
		assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), SCARD_S_SUCCESS);
		assert_int_equal(s.cbSignedData, rows[i].size);
		assert_null(s.pbSignedData);
	}
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	s = (CARD_SIGNING_INFO){ .dwKeySpec = AT_KEYEXCHANGE, .pbData = keys_value, .cbData = 36 };
	assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), SCARD_S_SUCCESS);
	keys_assert_verifies(&keys_strict, KIT_RSA2048, NULL, RSA_PKCS1_PADDING, 0, cur_of(keys_value, 36),
			     cur_of(s.pbSignedData, s.cbSignedData));
	rig.data.pfnCspFree(s.pbSignedData);
	/* */
	rig_fail_alloc(1);
	s.pbSignedData = NULL;
	assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), ERROR_NOT_ENOUGH_MEMORY);
	assert_null(s.pbSignedData);
	rig_close(&rig);
}

/* A block that is no number below the modulus is the caller's mistake. */
static void
test_block_too_large(void **state)
{
	static BYTE block[256];
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	memset(block, 0xFF, sizeof(block));
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_NONE, NULL,
					  cur_of(block, 256), &s),
				 SCARD_E_INVALID_PARAMETER);
		rig_close(&rig);
	}
}

/* M5, M17: the length of a signature is checked; a few dropped zeros are put back, more are not believed. */
static void
test_signature_lengths(void **state)
{
	static const struct {
		const char *fault;
		DWORD code;
	} rows[] = {
		{ "ins=2A:body=256", SCARD_S_SUCCESS },	     { "ins=2A:body=255", SCARD_S_SUCCESS },
		{ "ins=2A:body=248", SCARD_S_SUCCESS },	     { "ins=2A:body=247", SCARD_E_COMM_DATA_LOST },
		{ "ins=2A:body=1", SCARD_E_COMM_DATA_LOST }, { "ins=2A:empty", SCARD_E_COMM_DATA_LOST },
		{ "ins=2A:pad=1", SCARD_E_COMM_DATA_LOST },  { "ins=2A:pad=1000", SCARD_E_COMM_DATA_LOST },
		{ "ins=2A:cut=1", SCARD_E_COMM_DATA_LOST },
	};
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1,
					  cur_of(keys_value, 32), &s),
				 rows[i].code);
		if (s.pbSignedData != NULL)
			assert_int_equal(s.cbSignedData, 256);
		rig.data.pfnCspFree(s.pbSignedData);
	}
	rig_close(&rig);
}

/* ECDSA answers: r || s of the right length only, or DER that holds two numbers that fit and nothing else. */
static void
test_ecdsa_forms(void **state)
{
	static const struct {
		const char *answer;
		DWORD code;
	} rows[] = {
		{ "30060201050201079000", SCARD_S_SUCCESS },
		{ "3008020200800202007F9000", SCARD_S_SUCCESS },
		{ "3006020105020107009000", SCARD_E_COMM_DATA_LOST },
		{ "3007020105020107009000", SCARD_E_COMM_DATA_LOST },
		{ "30050200020107"
		  "9000",
		  SCARD_E_COMM_DATA_LOST },
		{ "30030201059000", SCARD_E_COMM_DATA_LOST },
		{ "3006030105020107"
		  "9000",
		  SCARD_E_COMM_DATA_LOST },
		{ "30260221010000000000000000000000000000000000000000000000000000000000000000"
		  "0201079000",
		  SCARD_E_COMM_DATA_LOST },
		{ "01029000", SCARD_E_COMM_DATA_LOST },
		{ "9000", SCARD_E_COMM_DATA_LOST },
	};
	CARD_SIGNING_INFO s;
	char fault[256];
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(fault, sizeof(fault), "ins=2A:data=%s", rows[i].answer);
		rig_faults(&rig, fault);
		assert_int_equal(rig_sign(&rig, KIT_P256, AT_ECDSA_P256, 0, NULL, cur_of(keys_value, 32), &s),
				 rows[i].code);
		if (rows[i].code == SCARD_S_SUCCESS) {
			assert_int_equal(s.cbSignedData, 64);
			assert_int_equal(s.pbSignedData[31], i == 0 ? 5 : 0x80);
			assert_int_equal(s.pbSignedData[63], i == 0 ? 7 : 0x7F);
		}
		rig.data.pfnCspFree(s.pbSignedData);
	}
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_pkcs1),	  cmocka_unit_test(test_sign_pkcs1_bare),
		cmocka_unit_test(test_sign_pss),	  cmocka_unit_test(test_raw_route_remembered),
		cmocka_unit_test(test_pss_signature_key), cmocka_unit_test(test_sign_ecdsa),
		cmocka_unit_test(test_sign_parameters),	  cmocka_unit_test(test_sign_sizes),
		cmocka_unit_test(test_block_too_large),	  cmocka_unit_test(test_signature_lengths),
		cmocka_unit_test(test_ecdsa_forms),
	};

	return cmocka_run_group_tests_name("gids/sign", tests, make_kits, free_kits);
}
