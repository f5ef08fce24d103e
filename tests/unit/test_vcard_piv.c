/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual PIV card: selection, data objects, signatures, key agreement, the management key (SP 800-73-4 part 2). */
#include "unit/vcard_piv_fixture.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* --- SELECT (3.1.1) --------------------------------------------------------------------------------------------- */

static void
test_select(void **state)
{
	struct fixture f;

	(void)state;
	piv_blank(&f, VCARD_PIV_STRICT);
	expect(f.card, "00CB3FFF035C017E00", "6986");
	expect(f.card,
	       "00A404000BA000000308000010000100"
	       "00",
	       APT "9000");
	expect(f.card, "00A4040009A0000003080000100000", APT "9000");
	expect(f.card, "00A4040005A00000030800", APT "9000");
	/* without Le as well, as tools of tokens ask */
	expect(f.card, "00A4040005A000000308", APT "9000");
	expect(f.card, "00A4040C09A00000030800001000", "9000");
	expect(f.card, "00A4040009A0000003080000200000", "6A82");
	/* an unknown name leaves PIV selected */
	expect(f.card, "00CB3FFF035C017E00", "7E124F0BA0000003080000100001005F2F0240009000");
	expect(f.card, "00A4040004A000000300", "6A82");
	expect(f.card, "00B0000000", "6D00");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_SHORT_AID);
	expect(f.card, PIV_SELECT, "61114F0600001000010079074F05A0000003089000");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_ODD_PIX);
	expect(f.card, PIV_SELECT, "61144F09A0000003080010000179074F05A0000003089000");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_SELECTED_FIRST);
	vcard_reset(f.card);
	expect(f.card, "00CB3FFF035C017E00", "7E124F0BA0000003080000100001005F2F0240009000");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_LISTS_ALGORITHMS);
	assert_int_equal(status_of(transmit(f.card, PIV_SELECT)), SW_OK);
	fixture_close(&f);
}

/* The security status: kept by SELECT again, lost by another application (1.2 of part 2, 2.4). */
static void
test_select_and_status(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference_both(&f, VCARD_PIV_STRICT);
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, "0020008000", "9000");
	expect(f.card, "00A4040009A0000000000000000000", "6A82");
	expect(f.card, "00200080", "9000");
	expect_sw(f.card, SELECT, 0x9000);
	assert_true(info_of(f.card).gids_selected);
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, "00200080", "63C3");
	vcard_reset(f.card);
	expect(f.card, "00CB3FFF035C017E00", "6986");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_RESELECT_LIES);
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, "00200080", "9000");
	expect(f.card, "00CB3FFF055C035FC10300", "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00CB3FFF055C035FC10300", "6A82");
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_RESELECT_DROPS | VCARD_PIV_FOREIGN_DROPS);
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, "00200080", "63C3");
	expect(f.card, "00A4040009A0000000000000000000", "6A82");
	expect(f.card, "00200080", "6986");
	fixture_close(&f);
}

/* --- data objects ----------------------------------------------------------------------------------------------- */

static void
test_objects(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "00CB3FFF055C035FC10C00", "5308C10100C20100FE009000");
	expect(f.card, "00CB3FFF055C035FC10D00", "6A82");
	expect(f.card, "00CB3FFF045C027F6100", "6A82");
	expect(f.card, "00CB3FFF055C035FC16000", "6A82");
	expect(f.card, "00CB3FFE055C035FC10C00", "6A86");
	expect(f.card, "00CB3FFF065C035FC10C0000", "6A80");
	expect(f.card,
	       "00CB3FFF035C0153"
	       "00",
	       "6A82");
	/* guarded, there or not */
	expect(f.card, "00CB3FFF055C035FC10300", "6982");
	expect(f.card, "00CB3FFF055C035FC10900", "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00CB3FFF055C035FC10300", "6A82");
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_LEAKS_ABSENT | VCARD_PIV_EMPTY_OBJECTS);
	expect(f.card, "00CB3FFF055C035FC10300", "6A82");
	expect(f.card, "00CB3FFF055C035FC10D00", "53009000");
	fixture_close(&f);
}

/* Certificates in the pieces that the protocol and the card make of them. */
static void
test_certificate_in_pieces(void **state)
{
	static const struct {
		uint64_t quirks;
		const char *get;
		uint16_t first;
	} ways[] = {
		{ VCARD_PIV_STRICT, "00CB3FFF055C035FC10500", 0x6100 },
		{ VCARD_PIV_CHUNKS_255, "00CB3FFF055C035FC10500", 0x6100 },
		{ VCARD_PIV_STRICT, "00CB3FFF0000055C035FC1050000", 0x9000 },
		{ VCARD_PIV_CHUNKS_255, "00CB3FFF0000055C035FC1050000", 0x6100 },
	};
	struct cursor der = vcard_piv_reference_certificate(0x9A), object, value, c;
	AUTO_BUF struct buf answer = BUF_INIT;
	struct fixture f;
	uint32_t tag;
	uint16_t sw;
	size_t i;

	(void)state;
	assert_int_equal(der.left, 797);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		piv_reference(&f, ways[i].quirks);
		expect_sw(f.card, ways[i].get, ways[i].first);
		vcard_reset(f.card);
		expect_sw(f.card, PIV_SELECT, 0x9000);
		buf_reset(&answer);
		sw = piv_send(f.card, "00CB3FFF", "5C035FC105", &answer);
		assert_int_equal(sw, SW_OK);
		c = buf_cur(&answer);
		assert_int_equal(c.left, 810);
		assert_true(vcard_tlv_next(&c, &tag, &object) && tag == 0x53 && object.left == 806);
		assert_true(vcard_tlv_find(object, 0x70, &value));
		assert_true(value.left == der.left && cur_equals(&value, der.p, der.left));
		fixture_close(&f);
	}
}

static void
test_put_data(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, "00DB3FFF0F5C035FC10C5308C10100C20100FE0000", "6982");
	piv_admin(f.card);
	expect(f.card, "00DB3FFF0F5C035FC10C5308C10102C20100FE0000", "9000");
	expect(f.card, "00CB3FFF055C035FC10C00", "5308C10102C20100FE009000");
	expect(f.card, "00DB3FFF075C035FC10C5300", "9000");
	expect(f.card, "00CB3FFF055C035FC10C00", "6A82");
	expect(f.card,
	       "00DB3FFF075C035FC16053"
	       "00",
	       "6A80");
	expect(f.card, "00DB3FFF085C035FC10C530100", "9000");
	expect(f.card, "00DB3FFF095C035FC10C53010000", "6A80");
	expect(f.card, "00DB3FFF087F61050201020304", "9000");
	expect(f.card, "00CB3FFF045C027F6100", "7F610502010203049000");
	/* in a chain, with Le on its parts */
	expect(f.card,
	       "10DB3FFF095C035FFF11530401"
	       "0200",
	       "9000");
	expect(f.card, "00DB3FFF020304", "9000");
	expect(f.card, "00CB3FFF055C035FFF1100", "5304010203049000");
	/* a chain that another command cuts */
	expect(f.card, "10DB3FFF095C035FFF1153040102", "9000");
	expect(f.card, "00FD000000", "0507009000");
	expect(f.card, "00DB3FFF020304", "6A80");
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_CHAIN_SURVIVES | VCARD_PIV_PUT_EARLY);
	expect(f.card, "10DB3FFF095C035FFF1153040102", "6982");
	piv_admin(f.card);
	expect(f.card, "10DB3FFF095C035FFF1153040102", "9000");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00DB3FFF020304", "9000");
	expect(f.card, "00CB3FFF055C035FFF1100", "5304010203049000");
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_PUT_TEARS);
	piv_admin(f.card);
	expect(f.card, "10DB3FFF095C035FC10C53040102", "9000");
	expect(f.card, "00CB3FFF055C035FC10C00", "6A82");
	fixture_close(&f);
}

/* --- private keys ----------------------------------------------------------------------------------------------- */

static void
test_sign_ecdsa(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	/* 9E needs no PIN */
	assert_int_equal(piv_send(f.card, "0087119E", "7C2482008120" HASH, &answer), SW_OK);
	piv_assert_ecdsa(f.card, 0x9E, HASH, &answer);
	/* the order of the elements does not matter, nor does the empty one */
	assert_int_equal(piv_send(f.card, "0087119E", "7C248120" HASH "8200", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119E", "7C228120" HASH, NULL), SW_OK);
	/* the length of the hash is that of the field */
	assert_int_equal(piv_send(f.card, "0087119E", "7C05820081010A", NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0087119E", "7C2582008121" HASH "00", NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0087119E", "7C2482008120", NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0087149E", "7C2482008120" HASH, NULL), SW_P1P2);
	assert_int_equal(piv_send(f.card, "00871199", "7C2482008120" HASH, NULL), SW_P1P2);
	assert_int_equal(piv_send(f.card, "008711F9", "7C2482008120" HASH, NULL), SW_P1P2);
	/* an empty place: the PIN first */
	assert_int_equal(piv_send(f.card, "00871182", "7C2482008120" HASH, NULL), SW_SECURITY);
	expect(f.card, PIV_VERIFY, "9000");
	assert_int_equal(piv_send(f.card, "00871182", "7C2482008120" HASH, NULL), SW_P1P2);
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_EMPTY_6A80);
	expect(f.card, PIV_VERIFY, "9000");
	assert_int_equal(piv_send(f.card, "00871182", "7C2482008120" HASH, NULL), SW_DATA);
	assert_int_equal(piv_send(f.card, "0087149E", "7C2482008120" HASH, NULL), SW_DATA);
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_SHORT_HASH | VCARD_PIV_NEEDS_82);
	assert_int_equal(piv_send(f.card, "0087119E", "7C05820081010A", NULL), SW_OK);
	assert_int_equal(piv_send(f.card, "0087119E", "7C228120" HASH, NULL), SW_DATA);
	fixture_close(&f);
}

/* PIN-always: the command right before is a VERIFY. */
static void
test_pin_always(void **state)
{
	static const char sign[] = "0087119C267C2482008120" HASH "00";
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	expect(f.card, sign, "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect_sw(f.card, sign, 0x9000);
	expect(f.card, sign, "6982");
	expect(f.card, "00200080", "9000");
	expect(f.card, sign, "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect_sw(f.card, "00CB3FFF035C017E00", 0x9000);
	expect(f.card, sign, "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00200080", "9000");
	expect(f.card, sign, "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, PIV_SELECT, APT "9000");
	expect(f.card, sign, "6982");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00C0000000", "6985");
	/* in two parts */
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "1087119C067C2482008120", "9000");
	expect_sw(f.card, "0087119C20" HASH "00", 0x9000);
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "00FF", "6700");
	expect(f.card, sign, "6982");
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_TOLERANT);
	expect(f.card, PIV_VERIFY, "9000");
	expect_sw(f.card, "00CB3FFF035C017E00", 0x9000);
	expect_sw(f.card, sign, 0x9000);
	expect(f.card, sign, "6982");
	fixture_close(&f);
}

static void
test_rsa(void **state)
{
	AUTO_BUF struct buf answer = BUF_INIT, data = BUF_INIT;
	struct fixture f;
	struct cursor result = { NULL, 0 };

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	piv_rsa_template(&data, 256, 0x01);
	assert_int_equal(host_send(f.card, "0087079A", buf_cur(&data), NULL), SW_SECURITY);
	expect(f.card, PIV_VERIFY, "9000");
	assert_int_equal(host_send(f.card, "0087079A", buf_cur(&data), &answer), SW_OK);
	assert_true(piv_result(buf_cur(&answer), &result) && result.left == 256);
	piv_assert_rsa(f.card, 0x9A, 0x01, result);
	/* not below the modulus */
	buf_reset(&data);
	piv_rsa_template(&data, 256, 0xFF);
	assert_int_equal(host_send(f.card, "0087079A", buf_cur(&data), NULL), SW_DATA);
	buf_reset(&data);
	piv_rsa_template(&data, 255, 0x01);
	assert_int_equal(host_send(f.card, "0087079D", buf_cur(&data), NULL), SW_DATA);
	fixture_close(&f);
	piv_reference(&f, VCARD_PIV_BAD_INPUT_6F00);
	expect(f.card, PIV_VERIFY, "9000");
	buf_reset(&data);
	piv_rsa_template(&data, 256, 0xFF);
	assert_int_equal(host_send(f.card, "0087079D", buf_cur(&data), NULL), SW_FAULT);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_select),	   cmocka_unit_test(test_select_and_status),
		cmocka_unit_test(test_objects),	   cmocka_unit_test(test_certificate_in_pieces),
		cmocka_unit_test(test_put_data),   cmocka_unit_test(test_sign_ecdsa),
		cmocka_unit_test(test_pin_always), cmocka_unit_test(test_rsa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
