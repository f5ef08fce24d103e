/* SPDX-License-Identifier: BSD-2-Clause */
/* The management key of the virtual PIV card: authentication in all its forms, another key, and metadata about it. */
#include "unit/vcard_piv_fixture.h"

/* One block under a management key, by the card's own algorithm. */
static void
crypt_block(uint8_t algorithm, const char *key, bool encrypt, struct cursor in, uint8_t out[PIV_BLOCK_MAX])
{
	struct vcard_crypto crypto = { NULL };
	AUTO_BUF struct buf k = BUF_INIT;

	assert_true(hex_put(&k, key));
	if (algorithm == PIV_ALG_DES3)
		assert_true(in.left == 8 && vcard_des3_cbc(&crypto, buf_cur(&k), encrypt, in.p, 8, out));
	else
		assert_true(in.left == 16 && vcard_aes_block(&crypto, buf_cur(&k), encrypt, in.p, out));
	vcard_crypto_free(&crypto);
}

static void
assert_crypts(uint8_t algorithm, const char *key, bool encrypt, const char *in, const char *out)
{
	AUTO_BUF struct buf bytes = BUF_INIT;
	uint8_t block[PIV_BLOCK_MAX];

	assert_true(hex_put(&bytes, in));
	crypt_block(algorithm, key, encrypt, buf_cur(&bytes), block);
	assert_true(hex_is(cur_of(block, bytes.len), out));
}

#define DES3 "010203040506070801020304050607080102030405060708"
#define AES128 "00112233445566778899AABBCCDDEEFF"

/* Seen between other cards and hosts. */
static void
test_known_answers(void **state)
{
	(void)state;
	assert_crypts(0x03, DES3, true, "EDEFB6C58327538F", "F2D92BFCA34F6A53");
	assert_crypts(0x03, DES3, false, "4B83B13A1B4C63FB", "6B7E682E56D7EFE4");
	assert_crypts(0x03, DES3, true, "1122334455667788", "6C5E94DCADD39F1D");
	assert_crypts(0x08, AES128, true, "D8FD0095FE329F956FFBE411F5BBC566", "8210C3ED8B04EDFBB3A9A65069B6BAAB");
	assert_crypts(0x08, AES128, false, "8872E32A5E9F7B513F8EB63B4976168A", "DCE865EEC08DF81BE59C5AA649B6094E");
	assert_crypts(0x08, AES128, true, "000102030405060708090A0B0C0D0E0F", "279FB74A7572135E8F9B8EF6D1EEE003");
}

/* 7C with one element: the bytes of the answer. */
static void
ask(struct vcard *card, uint8_t algorithm, const char *template, uint8_t tag, struct buf *ret_bytes)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	char header[9];
	struct cursor c, content, value = { NULL, 0 };

	(void)snprintf(header, sizeof(header), "0087%02X9B", (unsigned)algorithm);
	assert_int_equal(piv_send(card, header, template, &answer), SW_OK);
	c = buf_cur(&answer);
	assert_true(vcard_tlv_expect(&c, 0x7C, &content) && vcard_tlv_expect(&content, tag, &value));
	buf_put_cur(ret_bytes, value);
}

static uint16_t
answer_challenge(struct vcard *card, uint8_t algorithm, const char *key)
{
	AUTO_BUF struct buf challenge = BUF_INIT, data = BUF_INIT;
	const uint8_t header[4] = { 0x00, INS_GENERAL_AUTH, algorithm, 0x9B };
	uint8_t block[PIV_BLOCK_MAX];

	ask(card, algorithm, "7C028100", 0x81, &challenge);
	assert_false(piv_info(card).admin_authenticated);
	crypt_block(algorithm, key, true, buf_cur(&challenge), block);
	piv_put_dynamic(&data, 0x82, cur_of(block, challenge.len));
	return vcard_perso_send(card, header, buf_cur(&data), true, NULL);
}

/* With or without the empty 82 behind. */
static uint16_t
answer_witness(struct vcard *card, uint8_t algorithm, const char *key, bool with_82)
{
	AUTO_BUF struct buf witness = BUF_INIT, content = BUF_INIT, data = BUF_INIT, answer = BUF_INIT;
	static const uint8_t host[PIV_BLOCK_MAX] = { 0x11, 0x22, 0x33 };
	const uint8_t header[4] = { 0x00, INS_GENERAL_AUTH, algorithm, 0x9B };
	uint8_t block[PIV_BLOCK_MAX];
	struct cursor proof;
	uint16_t sw;

	ask(card, algorithm, "7C028000", 0x80, &witness);
	crypt_block(algorithm, key, false, buf_cur(&witness), block);
	vcard_tlv_put(&content, 0x80, cur_of(block, witness.len));
	vcard_tlv_put(&content, 0x81, cur_of(host, witness.len));
	if (with_82)
		vcard_tlv_put_header(&content, 0x82, 0);
	vcard_tlv_put(&data, 0x7C, buf_cur(&content));
	sw = vcard_perso_send(card, header, buf_cur(&data), true, &answer);
	if (sw != SW_OK)
		return sw;
	/* the card proves that it has the key, too */
	assert_true(piv_result(buf_cur(&answer), &proof) && proof.left == witness.len);
	crypt_block(algorithm, key, true, cur_of(host, witness.len), block);
	assert_true(cur_equals(&proof, block, witness.len));
	return sw;
}

static const struct {
	uint8_t algorithm;
	const char *key;
} keys[] = {
	{ PIV_ALG_DES3, DES3 },
	{ PIV_ALG_AES128, "01020304050607080102030405060708" },
	{ PIV_ALG_AES192, DES3 },
	{ PIV_ALG_AES256, "0102030405060708010203040506070801020304050607080102030405060708" },
};

static void
test_every_algorithm(void **state)
{
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct vcard_profile profile = { .applications = VCARD_PIV,
						       .piv = { .admin_algorithm = keys[i].algorithm } };

		fixture_open(&f, &profile);
		expect_sw(f.card, PIV_SELECT, SW_OK);
		assert_int_equal(answer_challenge(f.card, keys[i].algorithm, keys[i].key), SW_OK);
		assert_true(piv_info(f.card).admin_authenticated);
		assert_int_equal(answer_witness(f.card, keys[i].algorithm, keys[i].key, true), SW_OK);
		assert_true(piv_info(f.card).admin_authenticated);
		assert_int_equal(answer_witness(f.card, keys[i].algorithm, keys[i].key, false), SW_OK);
		/* VERIFY with P1 = FF is for the PIN alone */
		expect(f.card, "0020FF80", "9000");
		assert_true(piv_info(f.card).admin_authenticated);
		vcard_reset(f.card);
		assert_false(piv_info(f.card).admin_authenticated);
		expect_sw(f.card, PIV_SELECT, SW_OK);
		expect(f.card, "0087119B047C02810000", "6A86");
		expect(f.card, keys[i].algorithm == PIV_ALG_DES3 ? "00870C9B047C02810000" : "0087039B047C02810000",
		       "6A86");
		assert_int_equal(vcard_piv_reference(f.card, NULL), 0);
		fixture_close(&f);
	}
}

static void
test_refusals(void **state)
{
	struct fixture f;

	(void)state;
	piv_blank(&f, VCARD_PIV_STRICT);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	/* 00 is 3DES */
	expect_sw(f.card, "0087009B047C02810000", SW_OK);
	assert_true(piv_info(f.card).challenge_pending);
	/* a wrong answer, and none is left to be answered */
	expect(f.card, "0087039B0C7C0A82081122334455667788", "6A80");
	expect(f.card, "0087039B0C7C0A82081122334455667788", "6A80");
	assert_false(piv_info(f.card).challenge_pending);
	assert_int_equal(answer_challenge(f.card, 0x03, AES128 "0001020304050607"), SW_DATA);
	assert_int_equal(answer_witness(f.card, 0x03, AES128 "0001020304050607", true), SW_DATA);
	/* a challenge is not answered as a witness, nor after another command */
	expect_sw(f.card, "0087039B047C02810000", SW_OK);
	expect(f.card, "0087039B167C14800811223344556677888108112233445566778800", "6A80");
	expect_sw(f.card, "0087039B047C02810000", SW_OK);
	expect_sw(f.card, "00FD000000", SW_OK);
	assert_false(piv_info(f.card).challenge_pending);
	/* no internal authentication with it, and no shapes of other keys */
	expect(f.card,
	       "0087039B0E7C0C8200810811223344556677"
	       "8800",
	       "6A80");
	expect(f.card, "0087039B047C02850000", "6A80");
	expect(f.card, "0087039B047C02820000", "6A80");
	expect(f.card, "0087039B067C048100810000", "6A80");
	expect(f.card, "0087039B027C0000", "6A80");
	expect(f.card,
	       "0087039B0481008000"
	       "00",
	       "6A80");
	assert_false(piv_info(f.card).admin_authenticated);
	assert_int_equal(piv_info(f.card).pin_tries_left, 3);
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_STRICT);
	f.card->env.profile.quirks = VCARD_CHALLENGE_LIVES;
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect_sw(f.card, "0087039B047C02810000", SW_OK);
	expect_sw(f.card, "00FD000000", SW_OK);
	assert_true(piv_info(f.card).challenge_pending);
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_NO_ADMIN);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "0087039B047C02810000", "6A86");
	expect(f.card, "00F7009B00", "6A86");
	fixture_close(&f);
}

/* What was authenticated ends when it begins again, or with another application. */
static void
test_ends(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference_both(&f, VCARD_PIV_STRICT);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	piv_admin(f.card);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	assert_true(piv_info(f.card).admin_authenticated);
	fixture_reopen(&f);
	assert_true(piv_info(f.card).admin_authenticated);
	expect_sw(f.card, "0087039B047C02810000", SW_OK);
	assert_false(piv_info(f.card).admin_authenticated);
	piv_admin(f.card);
	expect_sw(f.card, SELECT, SW_OK);
	assert_false(piv_info(f.card).admin_authenticated);
	fixture_close(&f);
}

static void
test_set_key(void **state)
{
	struct fixture f;

	(void)state;
	piv_blank(&f, VCARD_PIV_STRICT);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00F7009B00",
	       "0101030202000105010"
	       "19000");
	expect(f.card, "00FFFFFF13089B10" AES128, "6982");
	piv_admin(f.card);
	expect(f.card, "00FFFFFD13089B10" AES128, "6A86");
	expect(f.card, "00FFFFFF13089C10" AES128, "6A80");
	expect(f.card, "00FFFFFF130A9B10" AES128, "6A80");
	expect(f.card, "00FFFFFF14089B10" AES128 "00", "6A80");
	expect(f.card,
	       "00FFFFFF12089B10"
	       "00112233445566778899AABBCCDDEE",
	       "6A80");
	expect(f.card, "00FFFFFF13089B10" AES128, "9000");
	fixture_reopen(&f);
	expect(f.card, "00F7009B00", "010108020200010501009000");
	expect(f.card, "0087039B047C02810000", "6A86");
	assert_int_equal(answer_challenge(f.card, 0x08, AES128), SW_OK);
	expect(f.card, "00FFFFFE1B039B18" DES3, "9000");
	expect(f.card, "00F7009B00", "010103020200020501019000");
	assert_int_equal(answer_challenge(f.card, 0x03, DES3), SW_OK);
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_UNTOUCHED);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	piv_admin(f.card);
	expect(f.card, "00FFFFFE1B039B18" DES3, "9000");
	expect(f.card, "0087039B047C02810000", "6982");
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers), cmocka_unit_test(test_every_algorithm),
		cmocka_unit_test(test_refusals),      cmocka_unit_test(test_ends),
		cmocka_unit_test(test_set_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
