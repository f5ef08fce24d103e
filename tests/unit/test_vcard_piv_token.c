/* SPDX-License-Identifier: BSD-2-Clause */
/* What tokens have beyond the standard: metadata, version, attestation, keys that move, numbers of tries, the reset. */
#include "unit/vcard_piv_fixture.h"

/* --- metadata, version, serial number --------------------------------------------------------------------------- */

static void
test_metadata(void **state)
{
	struct cursor got;
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "00F7008000", "0101FF050101060203039000");
	expect(f.card, "0020008008393939393939FFFF", "63C2");
	expect(f.card,
	       "0024008110"
	       "3132333435363738"
	       "3132333435363738",
	       "9000");
	expect(f.card, "00F7008000", "0101FF050101060203029000");
	expect(f.card, "00F7008100", "0101FF050100060203039000");
	got = transmit(f.card, "00F7009A0000");
	assert_int_equal(status_of(got), SW_LENGTH);
	got = transmit(f.card, "00F7009A000000");
	assert_true(got.left == 3 + 4 + 3 + 4 + 4 + 256 + 5 + 2 && status_of(got) == SW_OK);
	assert_true(cur_take(&got, 22, &got) && hex_is(cur_of(got.p, 18), "010107020202010301020482010981820100"));
	got = transmit(f.card, "00F7009C00");
	assert_true(hex_is(cur_of(got.p, 15), "010111020203010301020443864104"));
	got = transmit(f.card, "00F7009E00");
	assert_true(hex_is(cur_of(got.p, 15), "010111020201010301020443864104"));
	expect(f.card, "00F7008200", "6A88");
	expect(f.card, "00F7009600", "6A86");
	expect(f.card, "00F7019A00", "6A86");
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_ODD_METADATA);
	got = transmit(f.card, "00F7009C00");
	assert_true(hex_is(cur_of(got.p, 17), "0101110202030103010104814486814104"));
	expect(f.card, "00F7008200", "020202010301009000");
	expect(f.card, "00F7008000", "050101060203039000");
	fixture_close(&f);
}

static void
test_versions(void **state)
{
	const struct vcard_profile old = { .applications = VCARD_PIV, .piv = { .version = 0x040202 } };
	struct fixture f;

	(void)state;
	piv_blank(&f, VCARD_PIV_STRICT);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00FD000000", "0507009000");
	expect(f.card, "00FD000003", "0507009000");
	assert_int_equal(transmit(f.card, "00F8000000").left, 6);
	assert_int_equal(piv_info(f.card).serial >> 30, 1);
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_ZERO_SERIAL);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00F8000000", "000000009000");
	fixture_close(&f);
	fixture_open(&f, &old);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00FD000000", "0402029000");
	expect(f.card, "00F8000000", "6D00");
	expect(f.card, "00F7008000", "6D00");
	expect(f.card, "00F99A0000", "6D00");
	expect(f.card, "00F6829A", "6D00");
	piv_admin(f.card);
	expect(f.card, "0047009A05AC0380010500", "6A80");
	expect(f.card, "0047009A05AC038001E000", "6A80");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_GOVERNMENT);
	assert_int_equal(vcard_piv_reference(f.card, NULL), 0);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00FD000000", "6D00");
	expect(f.card, "00F8000000", "6D00");
	expect(f.card, "00F7008000", "6D00");
	expect(f.card, "00F99A0000", "6D00");
	expect(f.card, "00FE1183220620" HASH, "6D00");
	expect(f.card, "00FFFFFF1B039B18", "6700");
	expect(f.card, "00FB0000", "6D00");
	expect(f.card, "0047009A05AC0380011100", "6982");
	expect(f.card, "00DB3FFF075C035FC10C5300", "6982");
	assert_int_equal(piv_info(f.card).keys, 4);
	fixture_close(&f);
}

/* --- attestation ------------------------------------------------------------------------------------------------ */

static X509 *
read_certificate(struct cursor der)
{
	const unsigned char *at = der.p;
	X509 *x = d2i_X509(NULL, &at, (long)der.left);

	assert_non_null(x);
	assert_ptr_equal(at, der.p + der.left);
	return x;
}

static void
test_attest(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT, own = BUF_INIT;
	struct cursor c, object, der = { NULL, 0 };
	EVP_PKEY *pkey;
	X509 *x, *issuer;
	struct fixture f;
	uint32_t tag;
	size_t len;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	/* taken in from outside, or not there */
	expect(f.card, "00F99A0000", "6A80");
	expect(f.card, "00F9820000", "6A80");
	expect(f.card, "00F9960000", "6A86");
	expect(f.card, "00F9F90000", "6A86");
	piv_admin(f.card);
	assert_int_equal(piv_send(f.card, "00470082", "AC03800111", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "00F98200", "", &answer), SW_OK);
	x = read_certificate(buf_cur(&answer));
	assert_int_equal(piv_send(f.card, "00CB3FFF", "5C035FFF01", &own), SW_OK);
	c = buf_cur(&own);
	assert_true(vcard_tlv_expect(&c, 0x53, &object) && vcard_tlv_find(object, 0x70, &der));
	issuer = read_certificate(der);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(issuer)), 1);
	assert_int_equal(X509_verify(issuer, X509_get0_pubkey(issuer)), 1);
	pkey = piv_public(f.card, 0x82);
	assert_int_equal(EVP_PKEY_eq(pkey, X509_get0_pubkey(x)), 1);
	EVP_PKEY_free(pkey);
	X509_free(x);
	X509_free(issuer);
	/* a card that loses a byte of it */
	f.card->env.profile.piv.quirks = VCARD_PIV_ATTEST_LOSES;
	buf_reset(&answer);
	assert_int_equal(piv_send(f.card, "00F98200", "", &answer), SW_OK);
	c = buf_cur(&answer);
	assert_true(vcard_tlv_header(&c, &tag, &len) && len == c.left + 1);
	/* the attestation key is for nothing else, and counts as no key of the holder */
	assert_int_equal(piv_send(f.card, "008711F9", "7C2482008120" HASH, NULL), SW_P1P2);
	assert_int_equal(piv_info(f.card).keys, 5);
	fixture_close(&f);
}

/* --- moving, tries, reset --------------------------------------------------------------------------------------- */

static void
test_move(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "00F6829A", "6982");
	piv_admin(f.card);
	expect(f.card, "00F6829A", "9000");
	expect_sw(f.card, "00F7008200", 0x6117);
	expect(f.card, "00F7009A00", "6A88");
	expect(f.card, "00F6829A", "6A88");
	expect(f.card, "00F69C9E", "6985");
	expect(f.card, "00F6F99E", "6A86");
	expect(f.card, "00F6969E", "6A86");
	expect(f.card, "00F69E9E", "6A86");
	expect(f.card, "00F69A96", "6A86");
	expect(f.card, "00F6FF82", "9000");
	expect(f.card, "00F6FF82", "6A88");
	assert_int_equal(piv_info(f.card).keys, 3);
	fixture_close(&f);
}

static void
test_tries_and_reset(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "00FA0502", "6982");
	piv_admin(f.card);
	expect(f.card, "00FA0502", "6982");
	expect(f.card,
	       "0024008010"
	       "313233343536FFFF"
	       "363534333231FFFF",
	       "9000");
	expect(f.card, "00FA0002", "6A86");
	expect(f.card, "00FA0502", "9000");
	expect(f.card, "00200080", "63C5");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00FAFF01", "9000");
	expect(f.card, "00200080", "63CF");
	expect(f.card, "00FB0000", "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00FA0201", "9000");
	for (i = 0; i < 2; i++)
		expect_sw(f.card, "0020008008393939393939FFFF", (uint16_t)(0x63C1 - i));
	expect(f.card, "00FB0000", "6982");
	expect(f.card,
	       "0024008110"
	       "3939393939393939"
	       "3132333435363738",
	       "63C0");
	expect(f.card, "00FB0100", "6A86");
	expect(f.card, "00FB0000", "9000");
	expect(f.card, "00200080", "63C3");
	assert_int_equal(piv_info(f.card).keys, 0);
	assert_int_equal(piv_info(f.card).objects, 1);
	expect(f.card, "00CB3FFF055C035FC10200", "6A82");
	expect_sw(f.card, "00CB3FFF035C017E00", SW_OK);
	piv_admin(f.card);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metadata), cmocka_unit_test(test_versions),	 cmocka_unit_test(test_attest),
		cmocka_unit_test(test_move),	 cmocka_unit_test(test_tries_and_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
