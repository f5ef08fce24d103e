/* SPDX-License-Identifier: BSD-2-Clause */
/* PIV: PINs and private keys at work, on cards of every character. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/auto.h"
#include "card/piv_card.h"

static struct kit reference, applet, token, government, neo, t0;
static struct kit *const kits[] = { &reference, &applet, &token, &government, &neo, &t0 };
static const uint64_t quirks[] = { VCARD_PIV_STRICT,	 VCARD_PIV_APPLET, VCARD_PIV_TOKEN,
				   VCARD_PIV_GOVERNMENT, VCARD_PIV_NEO,	   VCARD_PIV_STRICT };

static int
make_kits(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < ARRAY_SIZE(kits); i++)
		piv_kit_make(kits[i], quirks[i]);
	piv_kit_make_over(&t0, VCARD_T0);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++)
		kit_free(kits[i]);
	return 0;
}

/* Each key with the PIN that it wants: none for 9E, one for 9A and 9D, one each time for 9C. S-012. */
static void
test_signatures(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9E), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9A), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9A), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9A), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9D), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9C), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9C), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9A), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/*
 * In a fresh context: whatever has to be asked for the signature is asked before the PIN, and the two commands follow each
 * other. V9.
 * S-019.
 */
static void
test_adjacency(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_int_equal(piv_rig_signs(&rig, &reference, PIV_9C), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	/* and in a later transaction */
	rig_next(&rig);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	assert_int_equal(piv_rig_signs(&rig, &reference, PIV_9C), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_close(&rig);
}

/*
 * The user's PIN that was right in the command before is the one that 9C wants shown directly before: it is not shown twice.
 * After any other command, and when it is another PIN, it is. S-019.
 */
static void
test_shown_before(void **state)
{
	DWORD left = 0;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	rig_next(&rig);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(piv_rig_signs(&rig, &reference, PIV_9C), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "654321", &left), SCARD_W_WRONG_CHV);
	assert_int_equal(left, 2);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	/* nor after the rights were given back */
	assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, CREATE_PIN_SET(ROLE_USER), 0), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_verify(&rig, PIV_ALWAYS, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* A further RSA signature is its own chained command and the rest of its answer. S-020, S-039. */
static void
test_costs(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &applet);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	/* discovery object, PIN */
	assert_int_equal(rig_exchanges(&rig), 2);
	assert_int_equal(piv_rig_signs(&rig, &applet, PIV_9A), SCARD_S_SUCCESS);
	/* what the card tells of the key 1 + 1, signature 2 + 1 */
	assert_int_equal(rig_exchanges(&rig), 5);
	assert_int_equal(piv_rig_signs(&rig, &applet, PIV_9A), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 3);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_next(&rig);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &applet, PIV_9A), SCARD_S_SUCCESS);
	/* selection (nobody has asked for the CHUID), PIN, signature */
	assert_int_equal(rig_exchanges(&rig), 5);
	rig_close(&rig);
}

/* Every padding is the caller's; the card sees blocks. S-015. */
static void
test_rsa_paddings(void **state)
{
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA384", 48, "SHA256" };
	const BCRYPT_PKCS1_PADDING_INFO sha512 = { "SHA512" };
	BYTE block[256] = { 0x00, 0x42 };
	CARD_SIGNING_INFO info;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	keys_assert_signs(&rig, &reference, PIV_9A, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &sha512, "SHA512", 0,
			  cur_of(keys_value, 64));
	assert_int_equal(rig_sign(&rig, PIV_9A, AT_KEYEXCHANGE, CARD_PADDING_PSS, &pss, cur_of(keys_value, 48), &info),
			 SCARD_S_SUCCESS);
	assert_int_equal(info.cbSignedData, 256);
	rig.data.pfnCspFree(info.pbSignedData);
	assert_int_equal(rig_sign(&rig, PIV_9A, AT_KEYEXCHANGE, CARD_PADDING_NONE, NULL, cur_of(block, 256), &info),
			 SCARD_S_SUCCESS);
	rig.data.pfnCspFree(info.pbSignedData);
	assert_int_equal(rig_sign(&rig, PIV_9A, AT_KEYEXCHANGE, CARD_PADDING_NONE, NULL, cur_of(block, 255), &info),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_sign(&rig, PIV_9A, AT_SIGNATURE, CARD_PADDING_NONE, NULL, cur_of(block, 256), &info),
			 SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_sign(&rig, 4, AT_SIGNATURE, CARD_PADDING_NONE, NULL, cur_of(block, 256), &info),
			 SCARD_E_NO_KEY_CONTAINER);
	rig_close(&rig);
}

/* Hashes of other lengths than the field's: cut on the right, or filled up on the left, since cards take no other. S-014. */
static void
test_ecdsa_lengths(void **state)
{
	static const size_t lengths[] = { 20, 28, 31, 32, 48, 64 };
	CARD_SIGNING_INFO info;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			assert_int_equal(rig_sign(&rig, PIV_9E, AT_ECDSA_P256, 0, NULL, cur_of(keys_value, lengths[i]),
						  &info),
					 SCARD_S_SUCCESS);
			assert_int_equal(info.cbSignedData, 64);
			rig.data.pfnCspFree(info.pbSignedData);
		}
		assert_int_equal(rig_sign(&rig, PIV_9E, AT_ECDSA_P384, 0, NULL, cur_of(keys_value, 48), &info),
				 SCARD_E_NO_KEY_CONTAINER);
		rig_close(&rig);
	}
}

/* V1.5 and OAEP are unpadded above; bad padding of the first kind gives something that looks like a message. S-016. */
static void
test_decryption(void **state)
{
	const BCRYPT_OAEP_PADDING_INFO oaep = { .pszAlgId = "SHA256", .pszMgfAlgId = "SHA256" };
	static const char text[] = "nobody else";
	struct cipher cipher;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
		keys_encrypt(kits[k], PIV_9D, RSA_PKCS1_PADDING, NULL, NULL, NULL, text, &cipher);
		assert_int_equal(keys_decrypt(&rig, PIV_9D, CARD_PADDING_PKCS1, NULL, &cipher), SCARD_S_SUCCESS);
		assert_int_equal(cipher.len, strlen(text));
		assert_memory_equal(cipher.bytes, text, strlen(text));
		keys_encrypt(kits[k], PIV_9D, RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, text, &cipher);
		assert_int_equal(keys_decrypt(&rig, PIV_9D, CARD_PADDING_OAEP, &oaep, &cipher), SCARD_S_SUCCESS);
		assert_int_equal(cipher.len, strlen(text));
		keys_encrypt(kits[k], PIV_9D, RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, text, &cipher);
		assert_int_equal(keys_decrypt(&rig, PIV_9D, CARD_PADDING_NONE, NULL, &cipher), SCARD_S_SUCCESS);
		assert_int_equal(cipher.len, 256);
		cipher.len = 255;
		assert_int_equal(keys_decrypt(&rig, PIV_9D, CARD_PADDING_NONE, NULL, &cipher),
				 SCARD_E_INSUFFICIENT_BUFFER);
		rig_close(&rig);
	}
}

/* A card that agrees with every key: the secret is the one that the peer computes; places are limited and come back. R-141. S-017. */
static void
test_agreement(void **state)
{
	EVP_PKEY *peer = EVP_EC_gen("P-256"), *own = keys_public(&token, PIV_9E);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
	CARD_DH_AGREEMENT_INFO agreement = { .dwVersion = CARD_DH_AGREEMENT_INFO_VERSION, .bContainerIndex = PIV_9E };
	CARD_DERIVE_KEY derive = { .dwVersion = CARD_DERIVE_KEY_CURRENT_VERSION, .pszKDF = BCRYPT_KDF_RAW_SECRET };
	unsigned char point[65], secret[32];
	struct public_key public;
	size_t len = sizeof(point);
	struct rig rig;

	(void)state;
	assert_int_equal(EVP_PKEY_get_octet_string_param(peer, "pub", point, sizeof(point), &len), 1);
	assert_true(pubkey_set_ec(&public, point, len));
	agreement.pPublicKey = &public;
	len = sizeof(secret);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, own), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, secret, &len), 1);
	rig_acquire(&rig, &token);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_E_NO_MEMORY);
	derive.bSecretAgreementIndex = agreement.bSecretAgreementIndex;
	assert_int_equal(rig.data.pfnCardDeriveKey(&rig.data, &derive), SCARD_S_SUCCESS);
	assert_int_equal(derive.cbDerivedKey, 32);
	assert_memory_equal(derive.pbDerivedKey, secret, 32);
	rig.data.pfnCspFree(derive.pbDerivedKey);
	assert_int_equal(rig.data.pfnCardDestroyDHAgreement(&rig.data, derive.bSecretAgreementIndex, 0),
			 SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardDestroyDHAgreement(&rig.data, derive.bSecretAgreementIndex, 0),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardDeriveKey(&rig.data, &derive), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_S_SUCCESS);
	/* a transaction takes its secrets with it */
	rig_next(&rig);
	assert_int_equal(rig.data.pfnCardDeriveKey(&rig.data, &derive), SCARD_E_INVALID_PARAMETER);
	agreement.bContainerIndex = PIV_9A;
	assert_int_equal(rig.data.pfnCardConstructDHAgreement(&rig.data, &agreement), SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
}

/* What cannot be a PIN does not reach the card, which might count it. R-060. S-021. */
static void
test_pin_form(void **state)
{
	static const char *const bad[] = { "1", "12345", "123456789", "12345a", "12345 ", "\x80\x81\x82\x83\x84\x85" };
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &applet);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, bad[i], NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
	/* the tokens that take letters say nothing of themselves when they are selected */
	rig_acquire(&rig, &token);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "12345a", NULL), SCARD_W_WRONG_CHV);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* The counter in both spellings, to its end; asked for only after something was presented. S-022. */
static void
test_pin_tries(void **state)
{
	CARD_PIN_TRIES tries;
	struct rig rig;
	DWORD left, len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
#define TRIES rig.data.pfnCardGetProperty(&rig.data, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len, ROLE_USER)
		assert_int_equal(TRIES, SCARD_S_SUCCESS);
		assert_int_equal(tries.dwLeft, CARD_DATA_VALUE_UNKNOWN);
		assert_int_equal(rig_exchanges(&rig), 0);
		for (DWORD i = 3; i-- > 0;) {
			/* 6300 is a wrong PIN for everybody else */
			const DWORD told = i == 0 && kits[k] == &neo ? CARD_DATA_VALUE_UNKNOWN : i;

			assert_int_equal(piv_rig_verify(&rig, i == 1 ? PIV_ALWAYS : ROLE_USER, "654321", &left),
					 SCARD_W_WRONG_CHV);
			assert_int_equal(left, told);
			assert_int_equal(TRIES, SCARD_S_SUCCESS);
			assert_int_equal(tries.dwLeft, i);
		}
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", &left), SCARD_W_CHV_BLOCKED);
		assert_int_equal(left, 0);
#undef TRIES
		rig_close(&rig);
	}
}

/* The PIN is taken back, where the card can; where it cannot the caller is told to reset it. S-024. */
static void
test_logout(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		const bool can = (quirks[k] & VCARD_PIV_NO_LOGOUT) == 0;

		rig_acquire(&rig, kits[k]);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, 0xFF, 0),
				 can ? SCARD_S_SUCCESS : SCARD_E_UNSUPPORTED_FEATURE);
		if (can)
			assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9A), SCARD_W_SECURITY_VIOLATION);
		rig_close(&rig);
	}
}

/* The discovery object decides which PIN is meant. S-004. */
static void
test_global_pin(void **state)
{
	static const uint64_t global[] = { VCARD_PIV_GLOBAL_PIN | VCARD_PIV_GLOBAL_FIRST, VCARD_PIV_GLOBAL_PIN,
					   VCARD_PIV_BAD_DISCOVERY, VCARD_PIV_NO_DISCOVERY };
	struct kit kit;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(global); k++) {
		piv_kit_make(&kit, global[k]);
		rig_acquire(&rig, &kit);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, k == 0 ? "654321" : "123456", NULL), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, &kit, PIV_9A), SCARD_S_SUCCESS);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, &kit, PIV_9A), SCARD_W_SECURITY_VIOLATION);
		rig_close(&rig);
		kit_free(&kit);
	}
}

/*
 * Keys whose maker chose another PIN rule: the card's metadata say so at once when a key is asked for alone; when it is known by
 * its certificate it shows by what the card refuses.
 * S-013.
 */
static void
test_policies(void **state)
{
	static const struct vcard_piv_slot slots[] = {
		{ .reference = 0x9A, .algorithm = PIV_ALG_RSA2048, .pin_policy = PIV_PIN_ALWAYS },
		{ .reference = 0x9E, .algorithm = PIV_ALG_P256, .pin_policy = PIV_PIN_ONCE },
	};
	AUTO_BUF struct buf map = BUF_INIT;
	struct rig rig;
	PIN_ID role;
	DWORD len;

	(void)state;
	rig_open(&rig, &token);
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		assert_int_equal(vcard_piv_import_reference(rig.card, &slots[i]), 0);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
#define ROLE(index)                                                                                                    \
	rig.data.pfnCardGetContainerProperty(&rig.data, index, CCP_PIN_IDENTIFIER, (BYTE *)&role, sizeof(role), &len, 0)
	assert_int_equal(ROLE(PIV_9A), SCARD_S_SUCCESS);
	assert_int_equal(role, PIV_ALWAYS);
	assert_int_equal(rig.data.pfnCardDeleteContext(&rig.data), SCARD_S_SUCCESS);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &map), SCARD_S_SUCCESS);
	assert_int_equal(ROLE(PIV_9A), SCARD_S_SUCCESS);
	assert_int_equal(role, ROLE_USER);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &token, PIV_9A), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &token, PIV_9A), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(ROLE(PIV_9A), SCARD_S_SUCCESS);
	assert_int_equal(role, PIV_ALWAYS);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	assert_int_equal(ROLE(PIV_9E), SCARD_S_SUCCESS);
	assert_int_equal(role, ROLE_EVERYONE);
	assert_int_equal(piv_rig_signs(&rig, &token, PIV_9E), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(ROLE(PIV_9E), SCARD_S_SUCCESS);
	assert_int_equal(role, ROLE_USER);
#undef ROLE
	rig_close(&rig);
}

/* Another program selects something else between two transactions: the card is found again, the PIN is wanted again. S-002. */
static void
test_foreign_select(void **state)
{
	static const uint8_t foreign[] = { 0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x00, 0x01 };
	uint8_t answer[VCARD_RESPONSE_MAX];
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &neo);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &neo, PIV_9A), SCARD_S_SUCCESS);
	(void)vcard_transmit(rig.card, foreign, sizeof(foreign), answer);
	rig_next(&rig);
	assert_int_equal(piv_rig_signs(&rig, &neo, PIV_9A), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &neo, PIV_9A), SCARD_S_SUCCESS);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),     cmocka_unit_test(test_adjacency),
		cmocka_unit_test(test_shown_before),   cmocka_unit_test(test_costs),
		cmocka_unit_test(test_rsa_paddings),   cmocka_unit_test(test_ecdsa_lengths),
		cmocka_unit_test(test_decryption),     cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_pin_form),       cmocka_unit_test(test_pin_tries),
		cmocka_unit_test(test_logout),	       cmocka_unit_test(test_global_pin),
		cmocka_unit_test(test_foreign_select), cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
