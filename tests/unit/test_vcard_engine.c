/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual card's dispatcher and card file: forms of commands, chaining, T=0, quirks, persistence, damage, noise. */
#include "unit/vcard_fixture.h"

#include <errno.h>

/* --- ISO 7816-4 ------------------------------------------------------------------------------------------------- */

static void
test_command_forms(void **state)
{
	static const char *const lengths[] = {
		"",
		"00",
		"00A404",
		"00CBA010045C02DF",
		"00CBA010045C02DF220000",
		"0020008000313233",
		"00200080000006313233",
		"00CBA0100000045C02DF22000000",
	};
	struct fixture f;
	size_t i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		expect(f.card, lengths[i], "6700");
	expect(f.card, "20CBA010045C02DF2200", "6E00");
	expect(f.card, "80CBA010045C02DF2200", "6E00");
	expect(f.card, "FFCA000000", "6E00");
	expect(f.card, "0CCBA010045C02DF2200", "6882");
	expect(f.card, "01CBA010045C02DF2200", "6881");
	expect(f.card, "00B0000000", "6D00");
	expect(f.card, "0084000008", "6D00");
	expect(f.card, "00CBA0100000045C02DF220000", "DF22060000000000009000");
	expect(f.card, "00200080000006" PIN_HEX, "9000");
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	fixture_close(&f);
}

static void
test_chain_rolls_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01005DF24020102", "9000");
	expect(f.card, "10DBA01004DF2402FF", "9000");
	assert_true(info_of(f.card).chain_open);
	/* any other command ends the chain, and is answered */
	expect(f.card, "00CBA010045C02DF2400", "DF240201029000");
	assert_false(info_of(f.card).chain_open);
	expect(f.card, "00DBA01001FE", "6A80");
	expect(f.card, "10DBA01004DF2402FF", "9000");
	expect(f.card, "00DBA01001FE", "9000");
	expect(f.card, "00CBA010045C02DF2400", "DF2402FFFE9000");
	/* the first part holds tag and length */
	expect(f.card, "10DBA01002DF24", "6A80");
	/* more than was announced */
	expect(f.card, "10DBA01004DF2402FF", "9000");
	expect(f.card, "10DBA01002FEFD", "6A80");
	/* less */
	expect(f.card, "10DBA01004DF2403FF", "9000");
	expect(f.card, "00DBA01001FE", "6A80");
	expect(f.card, "10DBA01004DF2402FF", "9000");
	expect(f.card, "00C0000000", "6985");
	assert_false(info_of(f.card).chain_open);
	expect(f.card, "10CBA010035C02DF", "6884");
	expect(f.card, "10A4040005A000000397", "6884");
	fixture_close(&f);
}

static void
test_chain_checks_rules_first(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "10DBA01004DF2402FF", "6982");
	expect(f.card, "10DBA01504DF2402FF", "6A82");
	expect(f.card, "10DBB08004DF2402FF", "6981");
	expect(f.card, "00A4040009A0000003080000100000", "6A82");
	vcard_reset(f.card);
	expect(f.card, "10DBA01004DF2402FF", "6986");
	fixture_close(&f);
}

static void
test_verify_in_a_chain(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "1020008003313233", "9000");
	expect(f.card, "0020008003343536", "9000");
	assert_true(info_of(f.card).pin_verified);
	fixture_close(&f);
}

static void
test_chain_without_end(void **state)
{
	AUTO_BUF struct buf part = BUF_INIT;
	struct fixture f;
	uint16_t sw = 0x9000;
	unsigned n;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	assert_true(hex_put(&part, "102A9E9AFF"));
	buf_zeros(&part, 255);
	for (n = 0; sw == 0x9000 && n < 1000; n++)
		sw = status_of(transmit_bytes(f.card, buf_cur(&part)));
	assert_int_equal(sw, 0x6700);
	assert_false(info_of(f.card).chain_open);
	fixture_close(&f);
}

/* --- T=0 -------------------------------------------------------------------------------------------------------- */

static void
test_t0(void **state)
{
	struct fixture f;
	uint8_t atr[VCARD_ATR_MAX];

	(void)state;
	fixture_keyed(&f, VCARD_T0);
	assert_true(vcard_is_t0(f.card));
	assert_int_equal(vcard_atr(f.card, atr), 15);
	assert_memory_equal(atr, "\x3B\x0D\x80\xFB\xA0\x00\x00\x03\x97\x42\x54\x46\x59\x02\x01", 15);
	expect(f.card, "00A4040009A00000039742544659", "6114");
	expect(f.card, "00C0000000", "6C14");
	expect(f.card, "00C0000020", "6C14");
	expect(f.card, "00C0000014", FCI "9000");
	expect(f.card, SELECT, "6700");
	expect(f.card, "00CBA010045C02DF22", "6109");
	expect(f.card, "00C0000004",
	       "DF220600"
	       "6105");
	expect(f.card, "00C0000005",
	       "0001000300"
	       "9000");
	expect(f.card, "00CB2F01025C00", "6116");
	expect(f.card, "00C0000016", "4301F44703080180460C7669727475616C20636172649000");
	expect(f.card, "00CBA0100000045C02DF220000", "6700");
	expect(f.card, "0020008000", "63C3");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800156840181", "9000");
	expect(f.card, "002A9E9A0101", "6180");
	assert_int_equal(transmit(f.card, "00C0000080").left, 128 + 2);
	fixture_close(&f);
}

static void
test_default_atr(void **state)
{
	uint8_t atr[VCARD_ATR_MAX], check = 0;
	struct fixture f;
	size_t len, i;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	len = vcard_atr(f.card, atr);
	assert_int_equal(len, 17);
	assert_memory_equal(atr, "\x3B\x8D\x01\x80\xFB\xA0\x00\x00\x03\x97\x42\x54\x46\x59\x02\x01", 16);
	for (i = 1; i < len; i++)
		check ^= atr[i];
	assert_int_equal(check, 0);
	fixture_close(&f);
}

/* --- quirks ----------------------------------------------------------------------------------------------------- */

static void
test_select_logs_out(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	expect(f.card, SELECT, FCI "9000");
	assert_true(info_of(f.card).pin_verified);
	fixture_close(&f);
	fixture_formatted(&f, VCARD_SELECT_LOGS_OUT);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00A4000C023FFF", "9000");
	expect(f.card, "00A4040009A0000003080000100000", "6A82");
	assert_true(info_of(f.card).pin_verified);
	expect(f.card, SELECT, FCI "9000");
	assert_false(info_of(f.card).pin_verified);
	fixture_close(&f);
}

static void
test_empty_verify_counts(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_EMPTY_VERIFY_COUNTS);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00200080", "63C3");
	assert_true(info_of(f.card).pin_verified);
	fixture_close(&f);
}

static void
add_objects(struct vcard *card, uint32_t from, uint32_t to)
{
	uint32_t tag;

	for (tag = from; tag <= to; tag++) {
		const uint8_t command[] = { 0x00,	  0xDB, 0xA0,	     0x10, 0x04, (uint8_t)(tag >> 8),
					    (uint8_t)tag, 0x01, (uint8_t)tag };

		assert_int_equal(status_of(transmit_bytes(card, cur_of(command, sizeof(command)))), 0x9000);
	}
}

static void
test_bulk_quirks(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_BULK_FAILS_AT_TENS);
	expect(f.card, VERIFY, "9000");
	add_objects(f.card, 0xDF24, 0xDF29);
	expect_sw(f.card, "00CBA010025C0000", 0x9000);
	add_objects(f.card, 0xDF2A, 0xDF2A);
	expect(f.card, "00CBA010025C0000", "6F00");
	expect(f.card, "00CBA010045C02DF2A00", "DF2A012A9000");
	add_objects(f.card, 0xDF2B, 0xDF2B);
	expect_sw(f.card, "00CBA010025C0000", 0x9000);
	fixture_close(&f);
	fixture_formatted(&f, VCARD_NO_BULK);
	expect(f.card, "00CBA010025C0000", "6A80");
	fixture_close(&f);
}

static void
test_bulk_repeats(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_BULK_REPEATS);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01004DF2401AA", "9000");
	expect(f.card, "00DBA01003DF2400", "9000");
	expect(f.card, "00CBA010045C02DF2400", "6A88");
	expect(f.card, "00CBA010025C0000",
	       "DF21086D73637000000000DF2206000000000000DF2300"
	       "DF2401AA"
	       "DF21086D73637000000000"
	       "9000");
	fixture_reopen(&f);
	expect(f.card, "00DBA01004DF2501BB", "9000");
	expect(f.card, "00CBA010025C0000", "DF21086D73637000000000DF2206000000000000DF2300DF2501BB9000");
	fixture_close(&f);
}

static void
test_chain_blocks(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_CHAIN_BLOCKS);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01005DF24020102", "9000");
	expect(f.card, "10DBA01004DF2402FF", "9000");
	expect(f.card, VERIFY, "6884");
	expect(f.card, "00A4000C023FFF", "6884");
	expect(f.card, "00C0000000", "6884");
	expect(f.card, "00CBA010045C02DF2400", "6884");
	expect(f.card, SELECT, FCI "9000");
	/* same length: overwritten in place as far as it came */
	expect(f.card, "00CBA010045C02DF2400", "DF2402FF029000");
	expect(f.card, "10DBA01004DF2403EE", "9000");
	expect(f.card, SELECT, FCI "9000");
	/* another length: the old value is gone */
	expect(f.card, "00CBA010045C02DF2400", "DF2401EE9000");
	expect(f.card, "10DBA01004DF2403EE", "9000");
	expect(f.card, "10DBA01001ED", "9000");
	expect(f.card, "00DBA01001EC", "9000");
	expect(f.card, "00CBA010045C02DF2400", "DF2403EEEDEC9000");
	fixture_close(&f);
}

static void
test_mse_6f00(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_MSE_6F00);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800156840181", "9000");
	expect(f.card, "002241B606800157840181", "6F00");
	/* the previous choice goes on */
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	expect(f.card,
	       "00E0000028"
	       "6226820118"
	       "8302B083"
	       "8C058F10101000"
	       "A516"
	       "B609800116830183950140"
	       "B609800156830183950140",
	       "9000");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00CB3FFF0A7008840183A5037F498000", "6F00");
	expect(f.card, "002241B606800156840183", "9000");
	expect(f.card,
	       "002A9E9A0101"
	       "00",
	       "6F00");
	fixture_close(&f);
}

static void
test_two_step_delete(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_TWO_STEP_DELETE);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA01004DF2401AA", "9000");
	expect(f.card, "00DBA01003DF2400", "9000");
	expect(f.card, "00CBA010045C02DF2400", "DF24009000");
	expect(f.card, "00DBA01003DF2400", "9000");
	expect(f.card, "00CBA010045C02DF2400", "6A88");
	fixture_close(&f);
}

static void
test_no_raw_sign(void **state)
{
	AUTO_BUF struct buf block = BUF_INIT;
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_NO_RAW_SIGN);
	buf_zeros(&block, 128);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800116840181", "9000");
	assert_int_equal(host_send(f.card, "002A9E9A", buf_cur(&block), NULL), 0x6F00);
	fixture_close(&f);
}

static void
test_no_extended(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_NO_EXTENDED);
	expect(f.card, "00CBA0100000045C02DF220000", "6700");
	expect(f.card, "00CB2F01025C0000", "4301F44703080180460C7669727475616C20636172649000");
	fixture_close(&f);
}

static void
test_applet_personality(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_APPLET);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800156840181", "9000");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	assert_int_equal(vcard_perso_put(f.card, PIN, "mscp", "a", cur_of("x", 1)), 0);
	assert_int_equal(vcard_perso_put(f.card, PIN, "mscp", "a", cur_of("", 0)), 0);
	expect(f.card, "00CBA010045C02DF2400", "DF24009000");
	fixture_close(&f);
}

/* --- card file -------------------------------------------------------------------------------------------------- */

static void
test_state_survives(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800156840181", "9000");
	expect(f.card, "00CBA010045C02DF2204",
	       "DF220600"
	       "6105");
	fixture_reopen(&f);
	expect(f.card, "00C0000005",
	       "0001000300"
	       "9000");
	assert_true(info_of(f.card).pin_verified);
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	expect(f.card, "10DBA01004DF2402FF", "9000");
	fixture_reopen(&f);
	expect(f.card, "00DBA01001FE", "9000");
	expect(f.card, "00CBA010045C02DF2400", "DF2402FFFE9000");
	expect(f.card, "0020008006303030303030", "63C2");
	fixture_reopen(&f);
	vcard_reset(f.card);
	fixture_reopen(&f);
	expect(f.card, "00CBA010045C02DF2400", "6986");
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00200080", "63C2");
	fixture_close(&f);
}

static void
test_saving(void **state)
{
	const struct vcard_profile profile = { .quirks = VCARD_STRICT };
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	errno = 0;
	assert_int_equal(vcard_create(f.path, &profile), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(vcard_save(f.card), 0);
	/* nothing has changed: the file is not written, and may be gone */
	assert_int_equal(unlink(f.path), 0);
	expect(f.card, "00CBA010045C02DF2200", "DF22060000000000009000");
	assert_int_equal(vcard_save(f.card), 0);
	assert_int_equal(access(f.path, F_OK), 0);
	assert_int_equal(unlink(f.path), 0);
	assert_int_equal(vcard_save(f.card), 0);
	assert_int_equal(access(f.path, F_OK), -1);
	assert_null(vcard_open(f.path));
	assert_int_equal(errno, ENOENT);
	fixture_close(&f);
}

static void
test_bad_profiles(void **state)
{
	const struct vcard_profile profiles[] = {
		{ .pin_tries = 16 }, { .pin_min = 9, .pin_max = 8 }, { .pin_max = 128 },
		{ .atr_len = 34 },   { .max_value = 70000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		errno = 0;
		assert_int_equal(vcard_create("/tmp/vcard-never-made", &profiles[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
}

static void
put_file(const char *path, const uint8_t *content, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static size_t
get_file(const char *path, uint8_t *content, size_t room)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	assert_non_null(file);
	len = fread(content, 1, room, file);
	assert_int_equal(fclose(file), 0);
	return len;
}

static void
expect_damaged(const char *path)
{
	struct vcard *card;

	errno = 0;
	card = vcard_open(path);
	assert_null(card);
	assert_int_equal(errno, EBADMSG);
}

static void
test_damage(void **state)
{
	static uint8_t content[16384];
	struct fixture f;
	size_t len, i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	assert_int_equal(vcard_save(f.card), 0);
	len = get_file(f.path, content, sizeof(content));
	assert_true(len > 200 && len < sizeof(content));
	for (i = 0; i < len; i++) {
		content[i] ^= 0x40;
		put_file(f.path, content, len);
		expect_damaged(f.path);
		content[i] ^= 0x40;
	}
	for (i = 0; i < len; i++) {
		put_file(f.path, content, i);
		expect_damaged(f.path);
	}
	put_file(f.path, content, len);
	vcard_close(f.card);
	f.card = vcard_open(f.path);
	assert_non_null(f.card);
	fixture_close(&f);
}

/* Sections that are spoiled behind a right checksum must not do harm either. */
static void
test_spoiled_sections(void **state)
{
	AUTO_BUF struct buf good = BUF_INIT_MAX(STATE_MAX);
	static const struct vcard_profile blank;
	struct fixture f;
	size_t i;
	int bit;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	vcard_encode(f.card, &good);
	assert_false(buf_failed(&good));
	for (i = 16; i < good.len - 8; i++) {
		for (bit = 0; bit < 8; bit += 3) {
			struct vcard *card = vcard_new("/nowhere", &blank);

			good.p[i] ^= (uint8_t)(1 << bit);
			vcard_seal(&good);
			if (vcard_decode(card, buf_cur(&good))) {
				(void)transmit(card, SELECT);
				(void)transmit(card, "00CBA010025C0000");
				(void)transmit(card, VERIFY);
			}
			vcard_close(card);
			good.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	fixture_close(&f);
}

static void
test_raw_doors(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	assert_int_equal(vcard_raw_put(f.card, 0xA012, 0xDF20, cur_of("abc", 3)), 0);
	expect(f.card, "00CBA012045C02DF2000", "DF20036162639000");
	assert_int_equal(vcard_raw_delete(f.card, 0xA012, 0xDF20), 0);
	assert_int_equal(vcard_raw_delete(f.card, 0xA012, 0xDF20), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(vcard_raw_put(f.card, 0xB080, 0xDF20, cur_of("abc", 3)), -1);
	assert_int_equal(vcard_raw_put(f.card, 0xA099, 0xDF20, cur_of("abc", 3)), -1);
	fixture_close(&f);
}

/* --- noise ------------------------------------------------------------------------------------------------------ */

/* Numerical Recipes' generator: the same noise in every run. */
static uint32_t seed;

static uint32_t
noise(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Whole commands of all kinds, to be bent. GENERATE is left to P-256: primes take time. */
static const char *const seeds[] = {
	SELECT,
	VERIFY,
	LOGOUT,
	"00200080",
	"002400800C313233343536313233343536",
	"002C028006313233343536",
	"00440000",
	"00E40000",
	"00A4000C023FFF",
	"00A4000402A01000",
	"00A4000402B08000",
	"00A4040C09A00000039742544659",
	"00CB2F01025C0000",
	"00CBA010045C02DF2200",
	"00CBA010025C0000",
	"00CBA010035C015C00",
	"00CB3FFF045C027F7200",
	"00CB3FFF0A7008840181A5037F498000",
	"00CB0000045C02DF2200",
	"00DBA01009DF2206000001000200",
	"00DBA01003DF2400",
	"00DBA01005DF24020102",
	"10DBA01004DF2402FF",
	"00DBA01001FE",
	"00DB3FFF04DF210101",
	"00DBA01304DF240101",
	"00E000000E620C8201398302A0208C03033000",
	"00E000001C621A8201188302B0808C04870020FFA50BA4098001028301809501C0",
	"00E000001D621B8201188302B0848C058F10101000A50BB60980011C830184950140",
	"0047000008AC0680010C83018400",
	"002241B60680011C840184",
	"002A9E9A205891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE0300",
	"002241B606800156840181",
	"002241B606800116840181",
	"002A9E9A010100",
	"002241B806800146840181",
	"002241B806800186840181",
	"002241B806800106840181",
	"102A80860100",
	"002A808602000100",
	"002281A403830180",
	"00870000047C02810000",
	"008700000C7C0A82081754147310AE5ED2",
	"00870000147C128110101112131415161718191A1B1C1D1E1F00",
	"00DB3FFF267024840180A51F871800000000000000000000000000000000000000000000000088038CA64D",
	"00DB3FFF0D700B840181A506830102840100",
	"10DB3FFF057082010084",
	"00C0000000",
	"00C0000010",
	"00CBA0100000045C02DF220000",
};

static void
bend(struct buf *command)
{
	uint32_t times = noise(4), at;

	while (times-- > 0 && command->len > 0) {
		at = noise((uint32_t)command->len);
		switch (noise(4)) {
		case 0: command->p[at] = (uint8_t)noise(256); break;
		case 1: command->p[at] ^= (uint8_t)(1u << noise(8)); break;
		case 2: buf_truncate(command, at); break;
		default: buf_u8(command, (uint8_t)noise(256)); break;
		}
	}
}

static bool
makes_rsa_key(const struct buf *command)
{
	return command->len > 10 && command->p[1] == 0x47 && (command->p[9] & 0x0F) < 0x0A;
}

static void
make_noise(uint32_t quirks, unsigned commands)
{
	AUTO_BUF struct buf command = BUF_INIT;
	struct fixture f;
	unsigned n;

	fixture_keyed(&f, quirks);
	expect(f.card, VERIFY, "9000");
	for (n = 0; n < commands; n++) {
		buf_reset(&command);
		if (noise(8) == 0) {
			uint32_t len = noise(300), i;

			for (i = 0; i < len; i++)
				buf_u8(&command, (uint8_t)noise(256));
			if (len > 0 && noise(2) == 0)
				command.p[0] = noise(2) == 0 ? 0x00 : 0x10;
		} else {
			assert_true(hex_put(&command, seeds[noise((uint32_t)ARRAY_SIZE(seeds))]));
			bend(&command);
		}
		if (!makes_rsa_key(&command))
			(void)transmit_bytes(f.card, buf_cur(&command));
		if (n % 5000 == 0)
			fixture_reopen(&f);
		if (n % 20000 == 19999) {
			fixture_close(&f);
			fixture_keyed(&f, quirks);
		}
	}
	fixture_close(&f);
}

static void
test_noise(void **state)
{
	(void)state;
	seed = 20;
	make_noise(VCARD_STRICT, 40000);
	make_noise(VCARD_APPLET, 30000);
	make_noise(VCARD_T0 | VCARD_ECDSA_DER | VCARD_STRIPS_ZEROS, 15000);
	make_noise(~0u & ~(uint32_t)VCARD_T0, 15000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_forms),
		cmocka_unit_test(test_chain_rolls_back),
		cmocka_unit_test(test_chain_checks_rules_first),
		cmocka_unit_test(test_verify_in_a_chain),
		cmocka_unit_test(test_chain_without_end),
		cmocka_unit_test(test_t0),
		cmocka_unit_test(test_default_atr),
		cmocka_unit_test(test_select_logs_out),
		cmocka_unit_test(test_empty_verify_counts),
		cmocka_unit_test(test_bulk_quirks),
		cmocka_unit_test(test_bulk_repeats),
		cmocka_unit_test(test_chain_blocks),
		cmocka_unit_test(test_mse_6f00),
		cmocka_unit_test(test_two_step_delete),
		cmocka_unit_test(test_no_raw_sign),
		cmocka_unit_test(test_no_extended),
		cmocka_unit_test(test_applet_personality),
		cmocka_unit_test(test_state_survives),
		cmocka_unit_test(test_saving),
		cmocka_unit_test(test_bad_profiles),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_spoiled_sections),
		cmocka_unit_test(test_raw_doors),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
