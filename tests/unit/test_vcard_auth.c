/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual card's PIN, PUK and admin key: counters, both ways to authenticate, and that neither can be cheated. */
#include "unit/vcard_fixture.h"

#include "vcard/tlv.h"

static const uint8_t zero_key[VCARD_DES3_LEN];

/* --- PIN -------------------------------------------------------------------------------------------------------- */

static void
test_verify(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00200080", "63C3");
	expect(f.card, "0020008000", "63C3");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00200080", "9000");
	expect(f.card, "0020018006" PIN_HEX, "6A86");
	expect(f.card, "0020008106" PIN_HEX, "6A88");
	assert_true(info_of(f.card).pin_verified);
	expect(f.card, "0020000006" PIN_HEX, "9000");
	expect(f.card, "0020008000", "9000");
	expect(f.card, "0020008200", "9000");
	expect(f.card, "00200080", "63C3");
	expect(f.card, "002000820131", "6700");
	fixture_close(&f);
}

static void
test_wrong_pin_counts(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "0020008006313131313131", "63C2");
	assert_false(info_of(f.card).pin_verified);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701039301039000");
	expect(f.card, "0020008006313131313131", "63C2");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701029301039000");
	expect(f.card, "002000800131", "63C1");
	expect(f.card, "0020008006313131313131", "63C0");
	expect(f.card, VERIFY, "6983");
	expect(f.card, "00200080", "6983");
	expect(f.card, "002400800C" PIN_HEX PIN_HEX, "6983");
	assert_int_equal(info_of(f.card).pin_tries_left, 0);
	fixture_close(&f);
}

static void
test_tries_limit(void **state)
{
	const struct vcard_profile profile = { .pin_tries = 5, .pin_min = 8, .pin_max = 12 };
	struct fixture f;

	(void)state;
	fixture_open(&f, &profile);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "0024018006" PIN_HEX, "6700");
	expect(f.card, "002401800D31323334353637383930313233", "6700");
	expect(f.card, "00240180083132333435363738", "9000");
	expect(f.card, "0020008006" PIN_HEX, "63C4");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701049301059000");
	fixture_close(&f);
}

static void
test_no_pin_yet(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, VERIFY, "6A88");
	expect(f.card, "002400800C" PIN_HEX PIN_HEX, "6A88");
	expect(f.card, "0024018106" PIN_HEX, "6A88");
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	fixture_close(&f);
}

static void
test_change(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "002400800E" PIN_HEX "3132333435363738", "9000");
	assert_true(info_of(f.card).pin_verified);
	expect(f.card, VERIFY, "63C2");
	expect(f.card, "002400800E" PIN_HEX "3132333435363738", "63C1");
	expect(f.card, "00200080083132333435363738", "9000");
	/* right old, new too short: nothing changes, but the PIN was shown */
	expect(f.card, LOGOUT, "9000");
	expect(f.card, "002400800A31323334353637383132", "6700");
	assert_true(info_of(f.card).pin_verified);
	expect(f.card, "00200080083132333435363738", "9000");
	expect(f.card, "0024008003313233", "63C2");
	expect(f.card, "002402800E" PIN_HEX "3132333435363738", "6A86");
	fixture_close(&f);
}

static void
test_puk(void **state)
{
	const struct vcard_profile profile = { .puk = true };
	struct fixture f;

	(void)state;
	fixture_open(&f, &profile);
	assert_int_equal(vcard_perso_set_puk(f.card, "12345678"), 0);
	assert_int_equal(vcard_perso_format(f.card, PIN, NULL, NULL), 0);
	expect(f.card, "00CB3FFF045C027F7300", "7F73069701039301039000");
	expect(f.card, "00200081", "63C3");
	expect(f.card, "0020008006303030303030", "63C2");
	expect(f.card, "0020008006303030303030", "63C1");
	expect(f.card, "0020008006303030303030", "63C0");
	expect(f.card, "002C02800631323334353A", "6A86");
	expect(f.card, "002C00800E3132333435363739" PIN_HEX, "63C2");
	expect(f.card, "002C00800E3132333435363738" PIN_HEX, "9000");
	expect(f.card, VERIFY, "9000");
	expect(f.card,
	       "00240081103132333435363738"
	       "3837363534333231",
	       "9000");
	expect(f.card, "002C00800E3132333435363738" PIN_HEX, "63C2");
	expect(f.card, "002C00800E3132333435363738" PIN_HEX, "63C1");
	expect(f.card, "002C00800E3132333435363738" PIN_HEX, "63C0");
	expect(f.card, "002C00800E3837363534333231" PIN_HEX, "6983");
	assert_int_equal(info_of(f.card).puk_tries_left, 0);
	fixture_close(&f);
}

/* --- external authentication ------------------------------------------------------------------------------------ */

static void
get_challenge(struct vcard *card, uint8_t ret_challenge[8])
{
	struct cursor answer;

	expect(card, "002281A403830180", "9000");
	answer = transmit(card, "00870000047C02810000");
	assert_int_equal(answer.left, 14);
	assert_memory_equal(answer.p, "\x7C\x0A\x81\x08", 4);
	memcpy(ret_challenge, answer.p + 4, 8);
}

static uint16_t
answer_challenge(struct vcard *card, const uint8_t key[VCARD_DES3_LEN], const uint8_t challenge[8])
{
	AUTO_BUF struct buf command = BUF_INIT;
	struct vcard_crypto crypto = { NULL };
	uint8_t response[8];

	assert_true(vcard_des3_cbc(&crypto, cur_of(key, VCARD_DES3_LEN), true, challenge, 8, response));
	vcard_crypto_free(&crypto);
	assert_true(hex_put(&command, "008700000C7C0A8208"));
	buf_put(&command, response, sizeof(response));
	return status_of(transmit_bytes(card, buf_cur(&command)));
}

static uint16_t
authenticate(struct vcard *card, const uint8_t key[VCARD_DES3_LEN])
{
	uint8_t challenge[8];

	get_challenge(card, challenge);
	return answer_challenge(card, key, challenge);
}

/* The captured exchange: what the response to 0557897F8D84407B is under 24 zero bytes. */
static void
test_captured_response(void **state)
{
	static const uint8_t challenge[] = { 0x05, 0x57, 0x89, 0x7F, 0x8D, 0x84, 0x40, 0x7B };
	struct vcard_crypto crypto = { NULL };
	uint8_t response[8];

	(void)state;
	assert_true(vcard_des3_cbc(&crypto, cur_of(zero_key, sizeof(zero_key)), true, challenge, 8, response));
	assert_memory_equal(response, "\x17\x54\x14\x73\x10\xAE\x5E\xD2", 8);
	vcard_crypto_free(&crypto);
}

static void
test_external(void **state)
{
	uint8_t challenge[8];
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	get_challenge(f.card, challenge);
	assert_int_equal(answer_challenge(f.card, zero_key, challenge), 0x9000);
	assert_true(info_of(f.card).admin_authenticated);
	/* a replay finds no challenge, and takes nothing away */
	assert_int_equal(answer_challenge(f.card, zero_key, challenge), 0x6985);
	expect(f.card, "00DBA01404DF240101", "9000");
	expect(f.card, "00DBA01213DF201000000000000000000000000000000002", "9000");
	/* a new challenge drops the admin; the old response does not fit it */
	get_challenge(f.card, challenge);
	assert_false(info_of(f.card).admin_authenticated);
	challenge[0] ^= 1;
	assert_int_equal(answer_challenge(f.card, zero_key, challenge), 0x6982);
	challenge[0] ^= 1;
	assert_int_equal(answer_challenge(f.card, zero_key, challenge), 0x6985);
	assert_false(info_of(f.card).admin_authenticated);
	fixture_close(&f);
}

static void
test_external_needs_key_chosen(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "00870000047C02810000", "6985");
	expect(f.card, "008700000C7C0A82080000000000000000", "6985");
	expect(f.card, "002281A403830180", "9000");
	expect(f.card, "008701000400000000", "6A86");
	expect(f.card, "008700000400000000", "6A80");
	expect(f.card, "00870000047C02830000", "6A80");
	expect(f.card,
	       "00870000067C0481020000"
	       "00",
	       "6A80");
	expect(f.card, "008800000C7C0A82080000000000000000", "6D00");
	fixture_close(&f);
}

static void
test_any_command_voids_the_challenge(void **state)
{
	static const char *const others[] = {
		"00200080",
		"00CBA010045C02DF2200",
		"00A4000C023FFF",
		"00A4040009A0000003080000100000",
		SELECT,
		"00840000",
		"80CA0000",
		"00CBA0",
		"10DBA01003DF2400",
		"0087000000",
		"002281A403830180",
	};
	uint8_t challenge[8];
	struct fixture f;
	size_t i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		get_challenge(f.card, challenge);
		(void)transmit(f.card, others[i]);
		assert_int_equal(answer_challenge(f.card, zero_key, challenge), 0x6985);
	}
	fixture_close(&f);
	fixture_formatted(&f, VCARD_CHALLENGE_LIVES);
	get_challenge(f.card, challenge);
	expect(f.card, "00200080", "63C3");
	assert_int_equal(answer_challenge(f.card, zero_key, challenge), 0x9000);
	fixture_close(&f);
}

static void
test_challenges_differ(void **state)
{
	enum { N = 300 };
	uint8_t seen[N][8];
	struct fixture f;
	unsigned i, j;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	for (i = 0; i < N; i++) {
		get_challenge(f.card, seen[i]);
		for (j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], 8);
	}
	fixture_close(&f);
}

/* --- mutual authentication -------------------------------------------------------------------------------------- */

#define R1_HEX "101112131415161718191A1B1C1D1E1F"
#define CLEAR_LEN 40

static void
start_mutual(struct vcard *card, uint8_t ret_clear[CLEAR_LEN])
{
	AUTO_BUF struct buf tail = BUF_INIT;
	struct cursor answer;

	expect(card, "0022C1A403830180", "9000");
	answer = transmit(card, "00870000147C128110" R1_HEX "00");
	assert_int_equal(answer.left, 22);
	assert_memory_equal(answer.p, "\x7C\x12\x81\x10", 4);
	memcpy(ret_clear, answer.p + 4, 16);
	assert_true(hex_put(&tail, R1_HEX "A1A2A3A4A5A6A780"));
	memcpy(ret_clear + 16, tail.p, tail.len);
}

static struct cursor
finish_mutual(struct vcard *card, const uint8_t clear[CLEAR_LEN])
{
	AUTO_BUF struct buf command = BUF_INIT;
	struct vcard_crypto crypto = { NULL };
	uint8_t cryptogram[CLEAR_LEN];

	assert_true(vcard_des3_cbc(&crypto, cur_of(zero_key, VCARD_DES3_LEN), true, clear, CLEAR_LEN, cryptogram));
	vcard_crypto_free(&crypto);
	assert_true(hex_put(&command, "008700002C7C2A8228"));
	buf_put(&command, cryptogram, CLEAR_LEN);
	buf_u8(&command, 0x00);
	return transmit_bytes(card, buf_cur(&command));
}

static void
test_mutual(void **state)
{
	struct vcard_crypto crypto = { NULL };
	uint8_t clear[CLEAR_LEN], proof[CLEAR_LEN];
	struct cursor answer;
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	start_mutual(f.card, clear);
	answer = finish_mutual(f.card, clear);
	assert_int_equal(answer.left, 4 + CLEAR_LEN + 2);
	assert_int_equal(status_of(answer), 0x9000);
	assert_true(info_of(f.card).admin_authenticated);
	assert_true(vcard_des3_cbc(&crypto, cur_of(zero_key, VCARD_DES3_LEN), false, answer.p + 4, CLEAR_LEN, proof));
	vcard_crypto_free(&crypto);
	/* R1 || R2 || Z2 || 80 */
	assert_memory_equal(proof, clear + 16, 16);
	assert_memory_equal(proof + 16, clear, 16);
	assert_int_equal(proof[39], 0x80);
	assert_int_equal(status_of(finish_mutual(f.card, clear)), 0x6985);
	fixture_close(&f);
}

static void
test_mutual_refused(void **state)
{
	uint8_t clear[CLEAR_LEN];
	struct fixture f;
	size_t i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	for (i = 0; i < CLEAR_LEN; i++) {
		if (i >= 32 && i < 39)
			continue; /* Z1 is the host's own */
		start_mutual(f.card, clear);
		clear[i] ^= 0x01;
		assert_int_equal(status_of(finish_mutual(f.card, clear)), 0x6982);
	}
	expect(f.card,
	       "00870000137C11810F"
	       "101112131415161718191A1B1C1D1E"
	       "00",
	       "6A80");
	/* the answer to an external challenge is none to a mutual one */
	start_mutual(f.card, clear);
	assert_int_equal(answer_challenge(f.card, zero_key, clear), 0x6982);
	fixture_close(&f);
}

/* --- what the admin may do -------------------------------------------------------------------------------------- */

static void
test_unblock(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, "0020008006303030303030", "63C2");
	expect(f.card, "0020008006303030303030", "63C1");
	expect(f.card, "0020008006303030303030", "63C0");
	expect(f.card, "002C028006" PIN_HEX, "6982");
	assert_int_equal(authenticate(f.card, zero_key), 0x9000);
	expect(f.card, "002C008006" PIN_HEX, "6A86");
	expect(f.card,
	       "002C028002"
	       "3132",
	       "6700");
	expect(f.card, "002C028006" PIN_HEX, "9000");
	assert_false(info_of(f.card).admin_authenticated);
	expect(f.card, "002C028006" PIN_HEX, "6982");
	expect(f.card, VERIFY, "9000");
	fixture_close(&f);
}

static void
test_admin_key_change(void **state)
{
	/* the check value is the zero key's: hosts in the field send a fixed one, and no card may mind */
	static const char change[] = "00DB3FFF267024840180A51F8718"
				     "010203040506070801020304050607080102030405060708"
				     "8803B073DC";
	uint8_t new_key[VCARD_DES3_LEN];
	struct fixture f;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(new_key); i++)
		new_key[i] = (uint8_t)(i % 8 + 1);
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, change, "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, change, "6982");
	assert_int_equal(authenticate(f.card, zero_key), 0x9000);
	expect(f.card, change, "9000");
	assert_true(info_of(f.card).admin_authenticated);
	assert_int_equal(authenticate(f.card, zero_key), 0x6982);
	assert_int_equal(authenticate(f.card, new_key), 0x9000);
	expect(f.card, "00CB3FFF0A7008840180A5037F498000", "6982");
	fixture_close(&f);
}

/* PIN and admin are two flags; a key's use wants the PIN, and the admin does not stand in for it. */
static void
test_admin_is_not_the_user(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	assert_int_equal(authenticate(f.card, zero_key), 0x9000);
	expect(f.card, "002241B606800156840181", "6982");
	expect(f.card, "0047000008AC0680010683018100", "6982");
	expect(f.card, "00E000000E620C8201398302A0208C03033000", "9000");
	expect(f.card, "00DBA01304DF240101", "9000");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800156840181", "9000");
	assert_true(info_of(f.card).admin_authenticated);
	expect(f.card, LOGOUT, "9000");
	assert_false(info_of(f.card).admin_authenticated);
	assert_false(info_of(f.card).pin_verified);
	fixture_close(&f);
}

static void
test_two_key_admin(void **state)
{
	uint8_t key[VCARD_DES3_LEN];
	struct fixture f;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i % 16);
	fixture_blank(&f, VCARD_STRICT);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00E000001C621A8201188302B0808C04870020FFA50BA4098001018301809501C0", "9000");
	expect(f.card, "00440000", "9000");
	expect(f.card,
	       "00DB3FFF1E"
	       "701C840180A517"
	       "8710000102030405060708090A0B0C0D0E0F"
	       "8803000000",
	       "9000");
	expect(f.card, "00A4000C023FFF", "9000");
	expect(f.card, "00440000", "9000");
	assert_int_equal(authenticate(f.card, key), 0x9000);
	/* eight bytes are no key */
	expect(f.card,
	       "00DB3FFF11"
	       "700F840180A50A"
	       "87080001020304050607",
	       "6A80");
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_wrong_pin_counts),
		cmocka_unit_test(test_tries_limit),
		cmocka_unit_test(test_no_pin_yet),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_puk),
		cmocka_unit_test(test_captured_response),
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_external_needs_key_chosen),
		cmocka_unit_test(test_any_command_voids_the_challenge),
		cmocka_unit_test(test_challenges_differ),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_mutual_refused),
		cmocka_unit_test(test_unblock),
		cmocka_unit_test(test_admin_key_change),
		cmocka_unit_test(test_admin_is_not_the_user),
		cmocka_unit_test(test_two_key_admin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
