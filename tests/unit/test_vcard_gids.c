/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card against exchanges as Windows and OpenSC send them: selection, creation as Windows does it, reading and
 * writing, a container's life, access rules. PIN and admin key are in test_vcard_auth.c, key use in test_vcard_key.c,
 * the engine's own matters in test_vcard_engine.c.
 */
#include "unit/vcard_fixture.h"

static const char *const windows_format[] = {
	"00240180083132333435363738",
	"00E000000E620C8201398302A0008C03033000",
	"0044000000",
	"00E000000E620C8201398302A0108C03033000",
	"0044000000",
	"00E000000E620C8201398302A0118C030330FF",
	"0044000000",
	"00E000000E620C8201398302A0128C03032000",
	"0044000000",
	"00E000000E620C8201398302A0138C03033030",
	"0044000000",
	"00E000000E620C8201398302A0148C03032020",
	"0044000000",
	"00E000001C621A8201188302B0808C04870020FFA50BA4098001028301809501C0",
	"0044000000",
	("00DB3FFF267024840180A51F8718000000000000000000000000000000000000000000000000"
	 "88038CA64D"),
	("00DBA00091DF1F818D01"
	 "6D736370000000000000000000000000000000000000000000A00000"
	 "000000000000000000636172646964000000000020DF000012A00000"
	 "000000000000000000636172646170707300000021DF000010A00000"
	 "000000000000000000636172646366000000000022DF000010A00000"
	 "6D7363700000000000636D617066696C6500000023DF000010A00000"),
	"00DBA0100BDF21086D73637000000000",
	"00DBA01009DF2206000000000000",
	"00DBA01003DF2300",
	"00DBA01213DF201000000000000000000000000000000001",
	"00A4000C023FFF",
	"0044000000",
};

static void
format_like_windows(struct vcard *card)
{
	size_t i;

	expect(card, SELECT, FCI "9000");
	for (i = 0; i < ARRAY_SIZE(windows_format); i++)
		expect(card, windows_format[i], "9000");
}

static void
test_selection_of_names(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	expect(f.card, "00CBA010045C02DF2200", "6986");
	expect(f.card, "00A404000BA0000003974349445F0100", "6A82");
	expect(f.card, "00A4040009A0000003080000100000", "6A82");
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00A404000BA00000039742544659020100", FCI "9000");
	expect(f.card, "00A404000AA000000397425446590100", "6A82");
	expect(f.card, "00A4040005A00000039700", FCI "9000");
	expect(f.card, "00A4040C09A00000039742544659", "9000");
	expect(f.card, "00A404040BA00000039742544659020100", "62088201388C030330309000");
	expect(f.card, "00A404080BA00000039742544659020100", "64095F2F01607F650280009000");
	expect(f.card, "00A404020BA00000039742544659020100", "6A82");
	expect(f.card, "00A4040C07A000000116DB0000", "6A82");
	expect(f.card, "00A4040C07A000000079010000", "6A82");
	expect(f.card, "00A4040000", "6A82");
	expect(f.card, "00CA7F6800", "6D00");
	fixture_close(&f);
}

static void
test_selection_of_files(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, "00A4000C023FFF", "9000");
	expect(f.card, "00A40000023FFF00", FCI "9000");
	expect(f.card, "00A40004023FFF00", "62088201388C030330309000");
	expect(f.card, "00A40008023FFF00", "64095F2F01607F650280009000");
	expect(f.card, "00A4000402000000", "6A82");
	expect(f.card, "00A4000402A01000", "620C8201398302A0108C030330009000");
	expect(f.card, "00A4000402000000", "620C8201398302A0108C030330009000");
	expect(f.card, "00A4000402B08000", "621A8201188302B0808C04870020FFA50BA4098001028301809501C09000");
	expect(f.card, "00A4000002A01000", "620C8201398302A0108C030330009000");
	expect(f.card, "00A4000C02B08F", "6A82");
	expect(f.card, "00A4020C02A010", "6A86");
	expect(f.card, "00A40800022F0000", "6A86");
	expect(f.card, "00A4080C025015", "6A86");
	fixture_close(&f);
}

static void
test_ef_atr(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00A4000C02A010", "9000");
	expect(f.card, "00CB2F01025C0000", "4301F447030801C0460C7669727475616C20636172649000");
	expect(f.card, "00CB2F01035C014700", "47030801C09000");
	expect(f.card, "00CB2F01035C014400", "6A88");
	expect(f.card, "00CB2F00025C0000", "6A82");
	expect(f.card, "00CB3FFF045C027F6200", "6A88");
	expect(f.card, "00CB3FFF035C017E0800", "6700");
	expect(f.card, "00CB0000045C02DF2200", "DF22060000000000009000");
	fixture_close(&f);
}

static void
test_creation(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00CBA000045C02DF1F00", "6A82");
	expect(f.card,
	       "0087000004"
	       "7C028100"
	       "00",
	       "6986");
	expect(f.card, "002C028006" PIN_HEX, "6986");
	expect(f.card, "00200080", "9000");
	format_like_windows(f.card);
	expect(f.card, "00CBA000045C02DF1F00",
	       "DF1F818D01"
	       "6D736370000000000000000000000000000000000000000000A00000"
	       "000000000000000000636172646964000000000020DF000012A00000"
	       "000000000000000000636172646170707300000021DF000010A00000"
	       "000000000000000000636172646366000000000022DF000010A00000"
	       "6D7363700000000000636D617066696C6500000023DF000010A000009000");
	expect(f.card, "0024018006" PIN_HEX, "6985");
	assert_int_equal(info_of(f.card).life, 5);
	fixture_close(&f);
}

static void
test_files_must_be_activated(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00E000000E620C8201398302A0108C03033000", "9000");
	expect(f.card, "00DBA01003DF2300", "6985");
	expect(f.card, "00CBA010025C0000", "6985");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00DBA01003DF2300", "9000");
	fixture_close(&f);
}

static void
test_creation_refused(void **state)
{
	static const char *const malformed[] = {
		"00E0000000",
		"00E0000001"
		"62",
		"00E0000002"
		"6200",
		"00E000000F"
		"620C8201398302A0108C0303300000",
		"00E000000E"
		"620C8201388302A0208C03033000",
		"00E000000E"
		"620C82013983023FFF8C03033000",
		"00E000000E"
		"620C82013983022F018C03033000",
		"00E000000E"
		"620C8201188302A0818C03033000",
		"00E000000E"
		"620C8201188302B0818C03033000",
	};
	struct fixture f;
	size_t i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	for (i = 1; i < ARRAY_SIZE(malformed); i++)
		expect(f.card, malformed[i], "6A80");
	expect(f.card, "00E000000E620C8201398302A0108C03033000", "6A89");
	expect(f.card, "00E001000E620C8201398302A0208C03033000", "6A86");
	fixture_close(&f);
}

static void
test_get_data(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00CBA010045C02DF2200", "DF22060000000000009000");
	expect(f.card, "00CBA012045C02DF2000", "DF2010010203000000000000000000000000009000");
	expect(f.card, "00CBA010045C02DF2300", "DF23009000");
	expect(f.card, "00CBA010045C02DF2400", "6A88");
	expect(f.card, "00CBA015045C02DF2400", "6A82");
	expect(f.card, "00CBA013045C02DF2400", "6982");
	expect(f.card, "00CBB080045C02DF2400", "6981");
	expect(f.card, "00CBA010025C0000", "DF21086D73637000000000DF2206000000000000DF23009000");
	expect(f.card, "00CBA010035C015C00", "5C06DF21DF22DF239000");
	expect(f.card, "00CB3FFF045C02DF2200", "DF22060000000000009000");
	expect(f.card, "00CB3FFF045C02DF7F00", "6A88");
	expect(f.card, "00CB3FFF045C027F7100", "7F71069701039301039000");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701039301039000");
	expect(f.card, "00CB3FFF045C027F7300", "6A88");
	expect(f.card, "00CBA010065C04DF21DF2200", "6A80");
	expect(f.card, "00CBA010045C03DF2200", "6A80");
	expect(f.card, "00CBA0100100", "6A80");
	expect(f.card, "00CBA0100200", "6700");
	fixture_close(&f);
}

static void
test_answers_in_pieces(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00CBA000045C02DF1F10",
	       "DF1F818D016D73637000000000000000"
	       "6181");
	expect(f.card, "00C0000010",
	       "0000000000000000000000000000A000"
	       "6171");
	assert_int_equal(transmit(f.card, "00C0000000").left, 0x71 + 2);
	expect(f.card, "00C0000000", "6985");
	expect(f.card, "00CBA010045C02DF2208",
	       "DF22060000000000"
	       "6101");
	expect(f.card, "00C0000002", "6C01");
	expect(f.card, "00C0010001", "6A86");
	expect(f.card, "00C0000001", "009000");
	expect(f.card, "00CBA010045C02DF22", "6109");
	expect(f.card,
	       "00CBA012045C02DF21"
	       "00",
	       "6A88");
	expect(f.card, "00C0000009", "6985");
	/* extended: all of it at once */
	assert_int_equal(transmit(f.card, "00CBA000000004"
					  "5C02DF1F"
					  "0000")
				 .left,
			 4 + 141 + 2);
	expect(f.card,
	       "00CBA000000004"
	       "5C02DF1F"
	       "0003",
	       "DF1F81618E");
	fixture_close(&f);
}

static void
test_put_data(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00DBA01009DF2206000001000200", "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01009DF2206000001000200", "9000");
	expect(f.card, "00CBA010045C02DF2200", "DF22060000010002009000");
	expect(f.card, "00DBA01203DF2400", "6982");
	expect(f.card, "00DBA01005DF26030102", "6A80");
	expect(f.card, "00DBA0100ADF26020102DF27020304", "6A80");
	expect(f.card, "00DB3FFF04DF240101", "6A88");
	expect(f.card, "00DB3FFF04DF210101", "9000");
	expect(f.card, "00CBA010045C02DF2100", "DF2101019000");
	expect(f.card, "00DBB08004DF210101", "6981");
	expect(f.card, "00DBA01504DF210101", "6A82");
	/* in A000 and in A012 */
	expect(f.card, "00DBA00003DF2000", "9000");
	expect(f.card, "00DB3FFF04DF200101", "6A88");
	fixture_close(&f);
}

static void
test_deletion(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01003DF2400", "9000");
	expect(f.card, "00CBA010045C02DF2400", "DF24009000");
	expect(f.card, "00DBA01003DF2400", "9000");
	expect(f.card, "00CBA010045C02DF2400", "6A88");
	expect(f.card, "00DBA01004DF2401AA", "9000");
	expect(f.card, "00DBA01003DF2400", "9000");
	expect(f.card, "00CBA010045C02DF2400", "6A88");
	fixture_close(&f);
}

static void
test_limits(void **state)
{
	const struct vcard_profile profile = { .max_objects = 4, .max_files = 8, .max_value = 300 };
	struct fixture f;

	(void)state;
	fixture_open(&f, &profile);
	assert_int_equal(vcard_perso_format(f.card, PIN, NULL, NULL), 0);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01004DF240101", "9000");
	expect(f.card, "00DBA01004DF250101", "6A84");
	expect(f.card, "00DBA01004DF240102", "9000");
	expect(f.card, "10DBA01006DF24820100AA", "9000");
	expect(f.card, "00CBA010045C02DF2400", "DF2401029000");
	expect(f.card, "10DBA01006DF24820000AA", "6A80");
	expect(f.card, "10DBA01006DF24820200AA", "6A84");
	expect(f.card, "00E000000E620C8201398302A0208C03033000", "9000");
	expect(f.card, "00E000000E620C8201398302A0218C03033000", "6A84");
	fixture_close(&f);
}

/* Who may read and write what, by file: nobody, the PIN, the admin. */
static void
test_access_rules(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00CBA011025C0000", "6982");
	expect(f.card, "00CBA013025C0000", "6982");
	expect(f.card, "00CBA014025C0000", "6982");
	expect(f.card, "00DBA01304DF240101", "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA00004DF2F0101", "9000");
	expect(f.card, "00DBA01104DF240101", "9000");
	expect(f.card, "00CBA011045C02DF2400", "6982");
	expect(f.card, "00DBA01304DF240101", "9000");
	expect(f.card, "00CBA013045C02DF2400", "DF2401019000");
	expect(f.card, "00CBA014025C0000", "6982");
	expect(f.card, "00DBA01404DF240101", "6982");
	expect(f.card, "00DB3FFF04DF200101", "6982");
	expect(f.card, LOGOUT, "9000");
	expect(f.card, "00CBA013045C02DF2400", "6982");
	fixture_close(&f);
}

static void
test_application_rules(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, "00E000000E620C8201398302A0208C03033000", "6982");
	expect(f.card, "00A4000C02B081", "9000");
	expect(f.card, "00E40000", "6982");
	expect(f.card, "00E60000", "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00E60000", "6982");
	/* a key that could act as the admin's is the admin's affair */
	expect(f.card, "00E000001C621A8201188302B0828C04870020FFA50BA4098001028301809501C0", "6982");
	expect(f.card, "00A4000C02B082", "6A82");
	expect(f.card, "00A4000C02B080", "9000");
	expect(f.card, "00E40000", "6982");
	expect(f.card, "00A4000C02B081", "9000");
	expect(f.card, "00E40000", "9000");
	expect(f.card, "00A4000C02B081", "6A82");
	expect(f.card, "00E40000", "6986");
	fixture_close(&f);
}

static void
test_termination(void **state)
{
	const struct vcard_profile profile = { .terminable = true };
	struct fixture f;

	(void)state;
	fixture_open(&f, &profile);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00A40004023FFF00", "62098201388C04232030309000");
	expect(f.card, "00E60000", "9000");
	expect(f.card, SELECT, FCI "6285");
	expect(f.card, "00E000000E620C8201398302A0008C03033000", "6285");
	expect(f.card, "00440000", "6285");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701039301039000");
	assert_int_equal(info_of(f.card).life, 12);
	fixture_close(&f);
}

static void
test_terminated_reads(void **state)
{
	const struct vcard_profile profile = { .terminable = true };
	struct fixture f;

	(void)state;
	fixture_open(&f, &profile);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00E000000E620C8201398302A0108C03033000", "9000");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00DBA01003DF2300", "9000");
	expect(f.card, "00E000000E620C8201398302A0138C03033030", "9000");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00DBA01303DF2300", "9000");
	expect(f.card, "00E60000", "9000");
	expect(f.card, "00CBA010045C02DF2300", "DF23009000");
	expect(f.card, "00CBA013045C02DF2300", "6982");
	expect(f.card, "00DBA01003DF2400", "6285");
	fixture_close(&f);
}

/* A new container, as Windows makes it, but for the random name. */
static void
test_new_container(void **state)
{
	static const char *const prepare[] = {
		"0020008008"
		"3132333435363738",
		"00DBA01009DF2206000000000100",
		"00DBA01009DF2206000001000200",
		"00E0000049"
		"6247820118"
		"8302B081"
		"8C058F10101000"
		"A537"
		"B809800107830181950140"
		"B809800187830181950140"
		"B809800147830181950140"
		"B609800117830181950140"
		"B609800157830181950140",
		"00440000",
	};
	struct cursor answer;
	struct fixture f;
	size_t i;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	format_like_windows(f.card);
	expect(f.card, "00CBA000045C02DF2000", "6A88");
	for (i = 0; i < ARRAY_SIZE(prepare); i++)
		expect(f.card, prepare[i], "9000");
	answer = transmit(f.card, "0047000008AC0680010783018100");
	assert_int_equal(answer.left, 256 + 2);
	assert_memory_equal(answer.p, "\x7F\x49\x82\x01\x09\x81\x82\x01\x00", 9);
	assert_int_equal(status_of(answer), 0x610E);
	answer = transmit(f.card, "00C000000E");
	assert_int_equal(answer.left, 14 + 2);
	assert_memory_equal(answer.p + 9, "\x82\x03\x01\x00\x01\x90\x00", 7);
	expect(f.card,
	       "00DBA00010"
	       "DF200D01010000000"
	       "79A81B0FFFF0000",
	       "9000");
	expect(f.card, "00CBA000045C02DF2000", "DF200D0101000000079A81B0FFFF00009000");
	assert_int_equal(status_of(transmit(f.card, "00CB3FFF0A7008840181A5037F498000")), 0x610E);
	expect_sw(f.card, "00C000000E", 0x9000);
	expect(f.card, LOGOUT, "9000");
	fixture_close(&f);
}

/* A certificate in parts of 240 bytes, read back in pieces. */
static void
test_certificate(void **state)
{
	AUTO_BUF struct buf object = BUF_INIT, back = BUF_INIT;
	struct fixture f;
	size_t i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	assert_true(hex_put(&object, "DF2482029F"));
	for (i = 0; i < 0x29F; i++)
		buf_u8(&object, (uint8_t)i);
	assert_int_equal(host_send(f.card, "00DBA010", buf_cur(&object), NULL), 0x9000);
	assert_int_equal(transmit(f.card, "00CBA010045C02DF2400").left, 256 + 2);
	assert_int_equal(status_of(transmit(f.card, "00C0000000")), 0x61A4);
	assert_int_equal(transmit(f.card, "00C00000A4").left, 0xA4 + 2);
	assert_int_equal(host_send(f.card, "00CBA010", cur_of("\x5C\x02\xDF\x24", 4), &back), 0x9000);
	assert_int_equal(back.len, object.len);
	assert_memory_equal(back.p, object.p, object.len);
	fixture_close(&f);
}

/* The last container goes. */
static void
test_container_deletion(void **state)
{
	static const char *const delete[] = {
		VERIFY,	    "00A4000C023FFF",	"00A4000C02B081",
		"00E40000", "00DBA00003DF2000", "00DBA01009DF2206000002000600",
		LOGOUT,
	};
	struct fixture f;
	size_t i;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	assert_int_equal(info_of(f.card).keys, 1);
	for (i = 0; i < ARRAY_SIZE(delete); i++)
		expect(f.card, delete[i], "9000");
	assert_int_equal(info_of(f.card).keys, 0);
	expect(f.card, "00CBA000045C02DF2000", "6A88");
	expect(f.card, "00CB3FFF0A7008840181A5037F498000", "6A88");
	fixture_close(&f);
}

/* What the personalisation leaves behind is what Windows leaves behind. */
static void
test_personalised_contents(void **state)
{
	static const uint8_t file[] = { 0x30, 0x03, 0x02, 0x01, 0x05 };
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, "00CBA000045C02DF2000", "DF200D0101000000069A81B0FFFF00009000");
	expect(f.card, "00CBA010045C02DF2200", "DF22060000010003009000");
	assert_int_equal(vcard_perso_cert(f.card, PIN, 0, cur_of(file, sizeof(file)), true), 0);
	expect(f.card, "00CBA010045C02DF2400", "DF240530030201059000");
	assert_int_equal(vcard_perso_put(f.card, PIN, "mscp", "msroots", cur_of(file, sizeof(file))), 0);
	assert_int_equal(vcard_perso_put(f.card, PIN, "mscp", "MSROOTS", cur_of(file, 0)), 0);
	expect(f.card, "00CBA010045C02DF2500", "DF25009000");
	expect(f.card, "00CBA010045C02DF2200", "DF22060000010006009000");
	assert_false(info_of(f.card).pin_verified);
	assert_int_equal(vcard_perso_put(f.card, "000000", "mscp", "a", cur_of(file, 1)), -1);
	assert_non_null(strstr(vcard_perso_error(), "63C2"));
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selection_of_names),
		cmocka_unit_test(test_selection_of_files),
		cmocka_unit_test(test_ef_atr),
		cmocka_unit_test(test_creation),
		cmocka_unit_test(test_files_must_be_activated),
		cmocka_unit_test(test_creation_refused),
		cmocka_unit_test(test_get_data),
		cmocka_unit_test(test_answers_in_pieces),
		cmocka_unit_test(test_put_data),
		cmocka_unit_test(test_deletion),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_access_rules),
		cmocka_unit_test(test_application_rules),
		cmocka_unit_test(test_termination),
		cmocka_unit_test(test_terminated_reads),
		cmocka_unit_test(test_new_container),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_container_deletion),
		cmocka_unit_test(test_personalised_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
