/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: a key at work: the raw operation both ways, the security environment, the PIN, the exact commands. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "card/gids_keys.h"
#include "gids/gids.h"
#include "lib/script.h"

/* CARD_PADDING_NONE signs and decrypts whole blocks: one is the inverse of the public operation. */
static void
test_raw(void **state)
{
	BYTE block[256] = { 0, 1, 2, 3 }, back[256];
	size_t back_len = sizeof(back);
	CARD_RSA_DECRYPT_INFO decrypt;
	CARD_SIGNING_INFO sign;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		keys_open(&rig, keys_kits[k]);
		key = keys_public(keys_kits[k], KIT_RSA2048);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_NONE, NULL,
					  cur_of(block, 256), &sign),
				 SCARD_S_SUCCESS);
		ctx = EVP_PKEY_CTX_new(key, NULL);
		assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
		assert_int_equal(EVP_PKEY_encrypt(ctx, back, &back_len, sign.pbSignedData, 256), 1);
		assert_memory_equal(back, block, 256);
		rig.data.pfnCspFree(sign.pbSignedData);
		/* a small number: many leading zero bytes, which some cards drop */
		memset(block, 0, 255);
		block[255] = 2;
		assert_int_equal(EVP_PKEY_encrypt(ctx, back, &back_len, block, 256), 1);
		decrypt = (CARD_RSA_DECRYPT_INFO){ .dwVersion = 2,
						   .dwKeySpec = AT_KEYEXCHANGE,
						   .pbData = back,
						   .cbData = 256,
						   .dwPaddingType = CARD_PADDING_NONE };
		assert_int_equal(rig.data.pfnCardRSADecrypt(&rig.data, &decrypt), SCARD_S_SUCCESS);
		assert_int_equal(decrypt.cbData, 256);
		assert_memory_equal(back, block, 256);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(key);
		rig_close(&rig);
		block[0] = 0, block[1] = 1, block[2] = 2;
	}
}

/* Keys want the PIN: no other code for its absence, in every kind of use. */
static void
test_without_pin(void **state)
{
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA256", 32, NULL };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO s;
	struct cipher c = { .len = 256 };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < KEYS_KITS; k++) {
		rig_acquire(&rig, keys_kits[k]);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1,
					  cur_of(keys_value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PSS, &pss,
					  cur_of(keys_value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_sign(&rig, KIT_P256, AT_ECDSA_P256, 0, NULL, cur_of(keys_value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(keys_decrypt(&rig, KIT_RSA2048, CARD_PADDING_PKCS1, NULL, &c),
				 SCARD_W_SECURITY_VIOLATION);
		rig_close(&rig);
	}
}

/* The security environment: once per transaction and key, again after 6985, never after a change of authentication. */
static void
test_environment(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	struct cursor data = cur_of(keys_value, 32);
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
#define SIGN_WITH(container, spec)                                                                                     \
	keys_assert_signs(&rig, &keys_strict, container, spec, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0, data)
	SIGN_WITH(KIT_RSA2048, AT_KEYEXCHANGE);
	assert_int_equal(rig_exchanges(&rig), 2);
	SIGN_WITH(KIT_RSA2048, AT_KEYEXCHANGE);
	assert_int_equal(rig_exchanges(&rig), 1);
	SIGN_WITH(KIT_RSA1024_SIGN, AT_SIGNATURE);
	assert_int_equal(rig_exchanges(&rig), 2);
	/* the card forgot: once more, with MSE */
	rig_faults(&rig, "1:sw=6985");
	SIGN_WITH(KIT_RSA1024_SIGN, AT_SIGNATURE);
	assert_int_equal(rig_exchanges(&rig), 3);
	/* the key wants the PIN each time: MSE is repeated once, then the PIN is asked for */
	rig_faults(&rig, "1:sw=6982;2:sw=6982");
	assert_int_equal(rig_sign(&rig, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &pkcs1, data, &s),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig_exchanges(&rig), 2);
	/* not with MSE just done */
	rig_faults(&rig, "ins=2A:sw=6982");
	assert_int_equal(rig_sign(&rig, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &pkcs1, data, &s),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* An open chain or a lost selection: the application is selected and the PIN is wanted again; no key is used twice. */
static void
test_chain_left_open(void **state)
{
	static const char *const faults[] = { "1:sw=6884", "1:sw=6883", "1:sw=6986", "2:sw=6884" };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		keys_open(&rig, &keys_applet);
		assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
		rig_faults(&rig, faults[i]);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1,
					  cur_of(keys_value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		keys_assert_signs(&rig, &keys_applet, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256",
				  0, cur_of(keys_value, 32));
		rig_close(&rig);
	}
}

/* The padding by the card is refused for the key: the host pads. */
static void
test_card_padding_refused(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	struct rig rig;

	(void)state;
	keys_open(&rig, &keys_strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	rig_faults(&rig, "1:sw=6A88");
	keys_assert_signs(&rig, &keys_strict, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 4);
	keys_assert_signs(&rig, &keys_strict, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
			  cur_of(keys_value, 32));
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

static void
put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

static void
put_bytes(struct buf *b, const uint8_t *p, size_t n)
{
	char hex[4];

	for (size_t i = 0; i < n; i++) {
		snprintf(hex, sizeof(hex), " %02X", p[i]);
		put_text(b, hex);
	}
}

/* Commands as Windows sends them, and the raw decipherment in two parts without a padding indicator. */
static void
test_exact_commands(void **state)
{
	static const uint8_t atr[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
				       0x97, 0x42, 0x54, 0x46, 0x59, 0x04, 0x01, 0xCF };
	static const char head[] = "> 00 A4 04 00 09 A0 00 00 03 97 42 54 46 59 00\n"
				   "< 61 12 4F 0B A0 00 00 03 97 42 54 46 59 02 01 73 03 40 01 C0 90 00\n"
				   "> 00 CB A0 00 02 5C 00 00\n"
				   "< DF 1F 01 01 DF 20 0D 01 01 00 00 00 07 9A 81 B0 FF FF 00 00 90 00\n"
				   "> 00 22 41 B6 06 80 01 57 84 01 81\n"
				   "< 90 00\n"
				   "> 00 2A 9E 9A 33 30 31 30 0D 06 09 60 86 48 01 65 03 04 02 01 05 00 04 20";
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	AUTO_BUF struct buf script = BUF_INIT;
	CARD_SIGNING_INFO s;
	struct cipher c = { .len = 256 };
	struct io *io;
	struct rig rig;

	(void)state;
	buf_put(&script, head, sizeof(head) - 1);
	put_bytes(&script, keys_value, 32);
	put_text(&script, " 00\n<");
	put_bytes(&script, c.bytes, 256);
	put_text(&script, " 90 00\n> 00 22 41 B8 06 80 01 07 84 01 81\n< 90 00\n> 10 2A 80 86 FF");
	put_bytes(&script, c.bytes, 255);
	put_text(&script, "\n< 90 00\n> 00 2A 80 86 01 00 00\n< 05 90 00\n> 00 20 00 82\n< 90 00\n");
	buf_u8(&script, 0);
	assert_non_null(io = script_open((const char *)script.p, false));
	memcpy(io->atr, atr, sizeof(atr));
	io->atr_len = sizeof(atr);
	rig_over(&rig, io);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, cur_of(keys_value, 32), &s),
			 SCARD_S_SUCCESS);
	rig.data.pfnCspFree(s.pbSignedData);
	assert_int_equal(keys_decrypt(&rig, 0, CARD_PADDING_NONE, NULL, &c), SCARD_S_SUCCESS);
	assert_int_equal(c.bytes[255], 5);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	/* what was decrypted is hidden from logs, both parts of it */
	assert_int_equal(script_secrets(io), 2);
	rig.io = NULL;
	rig_close(&rig);
	assert_true(script_close(&io));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_without_pin),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_chain_left_open),
		cmocka_unit_test(test_card_padding_refused),
		cmocka_unit_test(test_exact_commands),
	};

	return cmocka_run_group_tests_name("gids/key", tests, keys_make, keys_free);
}
