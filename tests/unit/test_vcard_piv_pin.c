/* SPDX-License-Identifier: BSD-2-Clause */
/* PIN, PUK and global PIN of the virtual PIV card (SP 800-73-4 part 2, 3.2.1 to 3.2.3), and where real cards differ. */
#include "unit/vcard_piv_fixture.h"

#define WRONG "0020008008393939393939FFFF"
#define QUERY "00200080"
#define CHANGE "0024008010"
#define UNBLOCK "002C008010"
#define PIN8 "313233343536FFFF"
#define NEW8 "36353433323146FF"
#define NEW8D "363534333231FFFF"
#define PUK8 "3132333435363738"
#define BAD8 "3939393939393939"

static void
open_selected(struct fixture *f, uint64_t quirks)
{
	piv_blank(f, quirks);
	expect_sw(f->card, PIV_SELECT, SW_OK);
}

static void
test_verify(void **state)
{
	struct fixture f;

	(void)state;
	open_selected(&f, VCARD_PIV_STRICT);
	expect(f.card, QUERY, "63C3");
	expect(f.card, QUERY "00", "63C3");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, QUERY, "9000");
	/* a wrong one ends what was verified */
	expect(f.card, WRONG, "63C2");
	expect(f.card, QUERY, "63C2");
	expect(f.card, PIV_VERIFY, "9000");
	assert_int_equal(piv_info(f.card).pin_tries_left, 3);
	expect(f.card, WRONG, "63C2");
	expect(f.card, WRONG, "63C1");
	expect(f.card, WRONG, "63C0");
	expect(f.card, WRONG, "6983");
	expect(f.card, PIV_VERIFY, "6983");
	expect(f.card, QUERY, "6983");
	fixture_close(&f);
}

/* What is no PIN costs no try. */
static void
test_verify_forms(void **state)
{
	static const struct {
		const char *command, *answer;
	} forms[] = {
		{ "0020008006313233343536", "6A80" },
		{ "0020008009313233343536FFFFFF", "6A80" },
		{ "002000800831323334FFFFFFFF", "6A80" },
		{ "002000800831323334353678FF", "6A80" },
		{ "0020008008313233FF343536FF", "6A80" },
		{ "0020018008" PIN8, "6A86" },
		{ "0020008108" PIN8, "6A88" },
		{ "0020009808" PIN8, "6A88" },
		{ "0020000008" PIN8, "6A88" },
		{ "0020FF8008" PIN8, "6A80" },
		{ "0020FF81", "6A88" },
		{ "1020008004"
		  "31323334",
		  "6884" },
	};
	struct fixture f;
	size_t i;

	(void)state;
	open_selected(&f, VCARD_PIV_STRICT);
	for (i = 0; i < ARRAY_SIZE(forms); i++)
		expect(f.card, forms[i].command, forms[i].answer);
	assert_int_equal(piv_info(f.card).pin_tries_left, 3);
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_COUNTS_FORMAT);
	expect(f.card, "0020008008313233FF343536FF", "63C2");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_ANY_PIN);
	expect(f.card, CHANGE PIN8 "6162636465664748", "9000");
	expect(f.card, "00200080086162636465664748", "9000");
	fixture_close(&f);
}

static void
test_drop(void **state)
{
	struct fixture f;

	(void)state;
	open_selected(&f, VCARD_PIV_STRICT);
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "0020FF80", "9000");
	expect(f.card, QUERY, "63C3");
	expect(f.card, "0020FF8000", "9000");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_NO_LOGOUT);
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, "0020FF80", "6A86");
	expect(f.card, QUERY, "9000");
	fixture_close(&f);
}

static void
test_change(void **state)
{
	struct fixture f;

	(void)state;
	open_selected(&f, VCARD_PIV_STRICT);
	expect(f.card, CHANGE BAD8 NEW8D, "63C2");
	/* bad values cost nothing */
	expect(f.card, CHANGE PIN8 NEW8, "6A80");
	expect(f.card, "002400800F" PIN8 "36353433323146", "6A80");
	expect(f.card, "0024018010" PIN8 NEW8D, "6A86");
	expect(f.card, "0024000010" PIN8 NEW8D, "6A88");
	assert_int_equal(piv_info(f.card).pin_tries_left, 2);
	expect(f.card, CHANGE PIN8 NEW8D, "9000");
	/* now it is verified, but nobody has just typed it */
	expect(f.card, QUERY, "9000");
	assert_int_equal(piv_info(f.card).pin_tries_left, 3);
	expect(f.card, PIV_VERIFY, "63C2");
	expect(f.card, "0020008008" NEW8D, "9000");
	/* the PUK, of any characters */
	expect(f.card, "0024008110" BAD8 BAD8, "63C2");
	expect(f.card, QUERY, "9000");
	expect(f.card, "0024008110" PUK8 "0001020304050607", "9000");
	assert_int_equal(piv_info(f.card).puk_tries_left, 3);
	expect(f.card, "0024008110" PUK8 PUK8, "63C2");
	fixture_reopen(&f);
	expect(f.card,
	       "0024008110"
	       "0001020304050607" PUK8,
	       "9000");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_CHANGE_DROPS);
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, CHANGE PIN8 NEW8D, "9000");
	expect(f.card, QUERY, "63C3");
	fixture_close(&f);
}

static void
test_unblock(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	open_selected(&f, VCARD_PIV_STRICT);
	for (i = 0; i < 3; i++)
		expect_sw(f.card, WRONG, (uint16_t)(0x63C2 - i));
	expect(f.card, UNBLOCK PUK8 NEW8, "6A80");
	expect(f.card, "002C008110" PUK8 NEW8D, "6A88");
	expect(f.card, "002C018010" PUK8 NEW8D, "6A86");
	expect(f.card, UNBLOCK BAD8 NEW8D, "63C2");
	expect(f.card, UNBLOCK PUK8 NEW8D, "9000");
	expect(f.card, QUERY, "63C3");
	expect(f.card, "0020008008" NEW8D, "9000");
	for (i = 0; i < 3; i++)
		expect_sw(f.card, UNBLOCK BAD8 NEW8D, (uint16_t)(0x63C2 - i));
	expect(f.card, UNBLOCK PUK8 NEW8D, "6983");
	expect(f.card, "0024008110" PUK8 PUK8, "6983");
	expect(f.card, QUERY, "9000");
	fixture_close(&f);
}

/* The global PIN outlives a change of the application, and is no PIN of a card that does not say so. */
static void
test_global(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference_both(&f, VCARD_PIV_GLOBAL_PIN);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00CB3FFF035C017E00", "7E124F0BA0000003080000100001005F2F0260109000");
	expect(f.card, "002000000836353433323199FF", "6A80");
	expect(f.card, "0020000008363534333231FFFF", "9000");
	expect(f.card, "00200000", "9000");
	expect(f.card, QUERY, "63C3");
	expect(f.card, "00CB3FFF055C035FC10300", "6A82");
	expect_sw(f.card, "0087119C267C2482008120" HASH "00", SW_SECURITY);
	expect(f.card, "0020000008363534333231FFFF", "9000");
	expect_sw(f.card, "0087119C267C2482008120" HASH "00", SW_OK);
	expect_sw(f.card, SELECT, SW_OK);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00CB3FFF055C035FC10300", "6A82");
	fixture_reopen(&f);
	expect(f.card, "00200000", "9000");
	expect(f.card, "0020FF00", "9000");
	expect(f.card, "00200000", "63C3");
	expect(f.card, "0020000008363534333231FFFF", "9000");
	vcard_reset(f.card);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00200000", "63C3");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_GLOBAL_PIN | VCARD_PIV_GLOBAL_FIRST);
	expect(f.card, "00CB3FFF035C017E00", "7E124F0BA0000003080000100001005F2F0260209000");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_PIN_IS_00);
	expect(f.card, "00CB3FFF035C017E00", "7E124F0BA0000003080000100001005F2F0260209000");
	expect(f.card, PIV_VERIFY, "6A88");
	expect(f.card, "0020000008" PIN8, "9000");
	expect(f.card, "00CB3FFF055C035FC10300", "6A82");
	expect(f.card, "002C000010" PUK8 NEW8D, "9000");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_NO_DISCOVERY);
	expect(f.card, "00CB3FFF035C017E00", "6A82");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_BAD_DISCOVERY);
	expect(f.card, "00CB3FFF035C017E00", "7E124F0BA0000003080000100001005F2F0200009000");
	fixture_close(&f);
}

static void
test_queries_of_old_tokens(void **state)
{
	struct fixture f;

	(void)state;
	open_selected(&f, VCARD_PIV_COUNTS_630X | VCARD_PIV_QUERY_DENIES);
	expect(f.card, QUERY, "6303");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, QUERY, "6303");
	expect(f.card, WRONG, "6302");
	fixture_close(&f);
	open_selected(&f, VCARD_PIV_NO_QUERY);
	expect(f.card, QUERY, "6700");
	expect(f.card, PIV_VERIFY, "9000");
	expect(f.card, QUERY, "6700");
	fixture_close(&f);
}

static void
test_block_erases(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	piv_reference(&f, VCARD_PIV_BLOCK_ERASES);
	for (i = 0; i < 3; i++)
		expect_sw(f.card, WRONG, (uint16_t)(0x63C2 - i));
	assert_int_equal(piv_info(f.card).keys, 4);
	for (i = 0; i < 3; i++)
		expect_sw(f.card, UNBLOCK BAD8 NEW8D, (uint16_t)(0x63C2 - i));
	assert_int_equal(piv_info(f.card).keys, 0);
	fixture_close(&f);
}

/* Part 1, 3.1 to 3.3: what the contactless interface denies. */
static void
test_contactless(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_CONTACTLESS);
	expect_sw(f.card, "00CB3FFF055C035FC10200", SW_OK);
	expect_sw(f.card, "00CB3FFF035C017E00", SW_OK);
	expect_sw(f.card, "00CB3FFF0000055C035FC1010000", SW_OK);
	expect(f.card, "00CB3FFF055C035FC10500", "6982");
	expect(f.card, "00CB3FFF055C035FC10700", "6982");
	expect(f.card, PIV_VERIFY, "6A81");
	expect(f.card, CHANGE PIN8 NEW8D, "6A81");
	expect(f.card, UNBLOCK PUK8 NEW8D, "6A81");
	expect(f.card, "0087039B047C02810000", "6A81");
	expect(f.card, "00DB3FFF075C035FC10C5300", "6A81");
	expect(f.card, "0047009A05AC0380011100", "6A81");
	expect_sw(f.card, "0087119E267C2482008120" HASH "00", SW_OK);
	expect(f.card, "0087119C267C2482008120" HASH "00", "6982");
	assert_int_equal(piv_info(f.card).pin_tries_left, 3);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_verify_forms),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_unblock),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_queries_of_old_tokens),
		cmocka_unit_test(test_block_erases),
		cmocka_unit_test(test_contactless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
