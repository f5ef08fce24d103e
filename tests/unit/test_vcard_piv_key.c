/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of the virtual PIV card: made, taken in, used with each algorithm, and the policies that they were made with.
 */
#include "unit/vcard_piv_fixture.h"

static void
open_managed(struct fixture *f, uint64_t quirks)
{
	piv_blank(f, quirks);
	expect_sw(f->card, PIV_SELECT, SW_OK);
	piv_admin(f->card);
	expect(f->card, PIV_VERIFY, "9000");
}

/* --- generation ------------------------------------------------------------------------------------------------- */

static void
test_generate(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct fixture f;
	struct cursor c, template, point = { NULL, 0 };

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "0047009E05AC0380011100", "6982");
	piv_admin(f.card);
	assert_int_equal(piv_send(f.card, "0047009E", "AC03800111", &answer), SW_OK);
	c = buf_cur(&answer);
	assert_true(vcard_tlv_expect(&c, 0x7F49, &template) && vcard_tlv_expect(&template, 0x86, &point));
	assert_true(point.left == 65 && cur_at_end(&template));
	/* the certificate stays, the key is another */
	expect_sw(f.card, "00CB3FFF0000055C035FC1010000", SW_OK);
	buf_reset(&answer);
	assert_int_equal(piv_send(f.card, "0087119E", "7C2482008120" HASH, &answer), SW_OK);
	piv_assert_ecdsa(f.card, 0x9E, HASH, &answer);
	expect(f.card, "0047019E05AC0380011100", "6A86");
	expect(f.card, "0047009B05AC0380011100", "6A86");
	expect(f.card, "0047009605AC0380011100", "6A86");
	expect(f.card, "0047009E05AC0380011500", "6A80");
	expect(f.card, "0047009E05AB0380011100", "6A80");
	expect(f.card,
	       "0047009E08AC06800107810103"
	       "00",
	       "6A80");
	expect(f.card, "0047009E08AC06800111AA010400", "6A80");
	expect(f.card, "0047009E08AC06800111AB010400", "6A80");
	/* each of the twenty retired places */
	assert_int_equal(piv_send(f.card, "00470082", "AC03800111", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "00470095", "AC03800114", NULL), SW_OK);
	assert_int_equal(piv_info(f.card).keys, 6);
	fixture_reopen(&f);
	assert_int_equal(piv_info(f.card).keys, 6);
	fixture_close(&f);
	open_managed(&f, VCARD_PIV_OTHER_IDS | VCARD_PIV_NO_RSA1024);
	assert_int_equal(piv_send(f.card, "0047009E", "AC038001E0", NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0047009E", "AC03800122", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087229E",
				  "7C0582008101"
				  "72",
				  NULL),
			 SW_OK);
	assert_int_equal(piv_send(f.card, "0047009E", "AC03800106", NULL), SW_DATA);
	fixture_close(&f);
	open_managed(&f, VCARD_PIV_NO_P384 | VCARD_PIV_FEW_RETIRED);
	assert_int_equal(piv_send(f.card, "0047009E", "AC03800114", NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0047008C", "AC03800111", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0047008D", "AC03800111", NULL), SW_P1P2);
	fixture_close(&f);
}

/* The smallest RSA, in two parts of an answer; the exponent may be named. */
static void
test_generate_rsa(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT, data = BUF_INIT;
	struct fixture f;
	struct cursor c, template, n = { NULL, 0 }, e = { NULL, 0 }, result = { NULL, 0 };

	(void)state;
	open_managed(&f, VCARD_PIV_STRICT);
	assert_int_equal(piv_send(f.card, "00470082", "AC088001068103010001", &answer), SW_OK);
	c = buf_cur(&answer);
	assert_true(vcard_tlv_expect(&c, 0x7F49, &template) && vcard_tlv_expect(&template, 0x81, &n));
	assert_true(vcard_tlv_expect(&template, 0x82, &e) && n.left == 128 && hex_is(e, "010001"));
	buf_reset(&answer);
	piv_rsa_template(&data, 128, 0x02);
	assert_int_equal(host_send(f.card, "00870682", buf_cur(&data), &answer), SW_OK);
	assert_true(piv_result(buf_cur(&answer), &result));
	piv_assert_rsa(f.card, 0x82, 0x02, result);
	fixture_close(&f);
}

/* --- import ----------------------------------------------------------------------------------------------------- */

static void
test_import(void **state)
{
	static const struct vcard_piv_slot rsa = { .reference = 0x82, .algorithm = PIV_ALG_RSA2048 };
	static const struct vcard_piv_slot ec = { .reference = 0x83, .algorithm = PIV_ALG_P256 };
	AUTO_BUF struct buf answer = BUF_INIT, data = BUF_INIT;
	struct cursor result = { NULL, 0 };
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "00FE1183220620" HASH, "6982");
	assert_int_equal(vcard_piv_import_reference(f.card, &rsa), 0);
	assert_int_equal(vcard_piv_import_reference(f.card, &ec), 0);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, PIV_VERIFY, "9000");
	piv_rsa_template(&data, 256, 0x03);
	assert_int_equal(host_send(f.card, "00870782", buf_cur(&data), &answer), SW_OK);
	assert_true(piv_result(buf_cur(&answer), &result));
	piv_assert_rsa(f.card, 0x9A, 0x03, result);
	buf_reset(&answer);
	assert_int_equal(piv_send(f.card, "00871183", "7C2482008120" HASH, &answer), SW_OK);
	piv_assert_ecdsa(f.card, 0x9E, HASH, &answer);
	piv_admin(f.card);
	/* zero, the order of the curve, nothing, another algorithm's form */
	expect(f.card,
	       "00FE1183220620"
	       "0000000000000000000000000000000000000000000000000000000000000000",
	       "6A80");
	expect(f.card,
	       "00FE1183220620"
	       "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
	       "6A80");
	expect(f.card,
	       "00FE1183220620"
	       "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550",
	       "9000");
	expect(f.card, "00FE1183020600", "6A80");
	expect(f.card, "00FE1183220720" HASH, "6A80");
	expect(f.card,
	       "00FE118322062"
	       "0" HASH,
	       "9000");
	expect(f.card, "00FE159D220620" HASH, "6A86");
	expect(f.card, "00FE119B220620" HASH, "6A86");
	expect(f.card, "00FE06820F010103020105030101040101050101", "6A80");
	expect(f.card, "00FE0682", "6A80");
	assert_int_equal(piv_info(f.card).keys, 6);
	fixture_close(&f);
}

/* RFC 8032, 7.1, test 2; the message is one byte. */
static void
test_ed25519(void **state)
{
	struct fixture f;

	(void)state;
	open_managed(&f, VCARD_PIV_STRICT);
	expect(f.card,
	       "00FEE09A220720"
	       "4CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB",
	       "9000");
	expect(f.card,
	       "0087E09A077C0582008101"
	       "7200",
	       "7C42824092A009A9F0D4CAB8720E820B5F642540A2B27B5416503F8FB3762223EBDB69DA085AC1E43E15996E458F3613D0F11D8"
	       "C387B2E"
	       "AEB4302AEEB00D291612BB0C009000");
	expect(f.card, "00F7009A00",
	       "0101E0020202010301020422862"
	       "03D4017C3E843895A92B70AA74D1B7EBC9C982CCF2EC4968CC0CD55F12AF4660C9000");
	expect(f.card,
	       "0087E09A077C0582008501"
	       "7200",
	       "6A80");
	expect(f.card, "00FEE09A220620" HASH, "6A80");
	expect(f.card,
	       "00FEE09A210720"
	       "CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6F",
	       "6A80");
	assert_int_equal(piv_send(f.card, "0047009A", "AC038001E0", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087E09A",
				  "7C0582008101"
				  "72",
				  NULL),
			 SW_OK);
	fixture_close(&f);
}

/* --- key agreement ---------------------------------------------------------------------------------------------- */

/* The other side: its public key as the card takes it, and what both come to. */
static void
agree_by_libcrypto(EVP_PKEY *own, EVP_PKEY *other, struct buf *ret_secret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	uint8_t secret[66];
	size_t len = sizeof(secret);

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, other), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, secret, &len), 1);
	buf_put(ret_secret, secret, len);
	EVP_PKEY_CTX_free(ctx);
}

static void
put_public(EVP_PKEY *pkey, struct buf *ret_bytes)
{
	unsigned char *bytes = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(pkey, &bytes);

	assert_true(len > 0);
	buf_put(ret_bytes, bytes, len);
	OPENSSL_free(bytes);
}

static uint16_t
agree_on_card(struct fixture *f, const char *header, EVP_PKEY *other, struct buf *ret_answer)
{
	AUTO_BUF struct buf point = BUF_INIT, content = BUF_INIT, data = BUF_INIT;

	put_public(other, &point);
	vcard_tlv_put_header(&content, 0x82, 0);
	vcard_tlv_put(&content, 0x85, buf_cur(&point));
	vcard_tlv_put(&data, 0x7C, buf_cur(&content));
	return host_send(f->card, header, buf_cur(&data), ret_answer);
}

static void
test_agreement(void **state)
{
	static const struct {
		const char *type, *curve, *generate, *header;
	} kinds[] = {
		{ "EC", "P-256", "AC03800111", "0087119D" },
		{ "EC", "P-384", "AC03800114", "0087149D" },
		{ "X25519", NULL, "AC038001E1", "0087E19D" },
	};
	AUTO_BUF struct buf answer = BUF_INIT, secret = BUF_INIT;
	struct cursor result = { NULL, 0 };
	EVP_PKEY *own, *card;
	struct fixture f;
	size_t i;

	(void)state;
	open_managed(&f, VCARD_PIV_STRICT);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_int_equal(piv_send(f.card, "0047009D", kinds[i].generate, NULL), SW_OK);
		own = kinds[i].curve != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[i].curve)
					     : EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type);
		card = piv_public(f.card, 0x9D);
		buf_reset(&answer);
		buf_reset(&secret);
		assert_int_equal(agree_on_card(&f, kinds[i].header, own, &answer), SW_OK);
		agree_by_libcrypto(own, card, &secret);
		assert_true(piv_result(buf_cur(&answer), &result));
		assert_true(result.left == secret.len && cur_equals(&result, secret.p, secret.len));
		EVP_PKEY_free(own);
		EVP_PKEY_free(card);
	}
	/* X25519 does not sign */
	assert_int_equal(piv_send(f.card, "0087E19D", "7C2482008120" HASH, NULL), SW_DATA);
	fixture_close(&f);
}

static void
test_agreement_refused(void **state)
{
	static const char off_curve[] = "7C4582008541"
					"04" HASH HASH;
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	/* authentication and signature keys do not agree on anything */
	assert_int_equal(agree_on_card(&f, "0087119E", own, NULL), SW_DATA);
	expect(f.card, PIV_VERIFY, "9000");
	assert_int_equal(agree_on_card(&f, "0087119C", own, NULL), SW_DATA);
	assert_int_equal(agree_on_card(&f, "0087079D", own, NULL), SW_DATA);
	piv_admin(f.card);
	assert_int_equal(piv_send(f.card, "00470082", "AC03800111", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "00871182", off_curve, NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "00871182",
				  "7C0582008501"
				  "00",
				  NULL),
			 SW_DATA);
	assert_int_equal(piv_send(f.card, "00871182",
				  "7C04820085"
				  "00",
				  NULL),
			 SW_DATA);
	assert_int_equal(piv_send(f.card, "00871182",
				  "7C0881010082008501"
				  "00",
				  NULL),
			 SW_DATA);
	assert_int_equal(agree_on_card(&f, "00871182", own, NULL), SW_OK);
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_ECDH_ALL | VCARD_PIV_BAD_INPUT_6F00);
	assert_int_equal(agree_on_card(&f, "0087119E", own, NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119E", off_curve, NULL), SW_FAULT);
	fixture_close(&f);
	EVP_PKEY_free(own);
}

static void
test_p384(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct fixture f;

	(void)state;
	open_managed(&f, VCARD_PIV_STRICT);
	assert_int_equal(piv_send(f.card, "0047009A", "AC03800114", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087149A", "7C2482008120" HASH, NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0087149A", "7C3482008130" HASH "00112233445566778899AABBCCDDEEFF", &answer),
			 SW_OK);
	piv_assert_ecdsa(f.card, 0x9A, HASH "00112233445566778899AABBCCDDEEFF", &answer);
	fixture_close(&f);
}

/* --- policies --------------------------------------------------------------------------------------------------- */

static void
test_policies(void **state)
{
	static const char sign[] = "7C2482008120" HASH;
	struct fixture f;

	(void)state;
	piv_blank(&f, VCARD_PIV_UNTOUCHED);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	piv_admin(f.card);
	/* 9A without a PIN, 9E with one each time, 9C once, 9D for those who touch */
	assert_int_equal(piv_send(f.card, "0047009A", "AC06800111AA0101", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0047009E", "AC06800111AA0103", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0047009C", "AC06800111AA0102", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0047009D", "AC09800111AA0100AB0102", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119A", sign, NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119E", sign, NULL), SW_SECURITY);
	assert_int_equal(piv_send(f.card, "0087119C", sign, NULL), SW_SECURITY);
	expect(f.card, PIV_VERIFY, "9000");
	assert_int_equal(piv_send(f.card, "0087119E", sign, NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119E", sign, NULL), SW_SECURITY);
	assert_int_equal(piv_send(f.card, "0087119C", sign, NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119C", sign, NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119D", sign, NULL), SW_SECURITY);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generate),  cmocka_unit_test(test_generate_rsa),
		cmocka_unit_test(test_import),	  cmocka_unit_test(test_ed25519),
		cmocka_unit_test(test_agreement), cmocka_unit_test(test_agreement_refused),
		cmocka_unit_test(test_p384),	  cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
