/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may do what on a GIDS card of the Microsoft profile: six files, each with a rule of its own, keys and the
 * application itself, for nobody, the user, the administrator and both, by every door that leads there. The tables are
 * the profile's access conditions, not the card's bytes.
 */
#include "unit/vcard_fixture.h"

enum { NOBODY = 0, USER = 1, ADMIN = 2, BOTH = USER | ADMIN };
#define PRINCIPALS 4

/* Who may: a set of the four above. */
enum {
	NEVER = 0,
	ALWAYS = 1 << NOBODY | 1 << USER | 1 << ADMIN | 1 << BOTH,
	FOR_USER = 1 << USER | 1 << BOTH,
	FOR_ADMIN = 1 << ADMIN | 1 << BOTH,
	FOR_EITHER = FOR_USER | FOR_ADMIN,
};

static const struct rule {
	const char *fid;
	const char *condition;
	int read, write;
} rules[] = {
	{ "A000", "UserCreateDeleteDirAc", ALWAYS, FOR_EITHER },
	{ "A010", "EveryoneReadUserWriteAc", ALWAYS, FOR_EITHER },
	{ "A011", "UserWriteExecuteAc", NEVER, FOR_EITHER },
	{ "A012", "EveryoneReadAdminWriteAc", ALWAYS, FOR_ADMIN },
	{ "A013", "UserReadWriteAc", FOR_EITHER, FOR_EITHER },
	{ "A014", "AdminReadWriteAc", FOR_ADMIN, FOR_ADMIN },
};

static void
become_admin(struct vcard *card)
{
	static const uint8_t zeros[VCARD_DES3_LEN];
	AUTO_BUF struct buf command = BUF_INIT;
	struct vcard_crypto crypto = { NULL };
	uint8_t response[8];
	struct cursor answer;

	expect(card, "002281A403830180", "9000");
	answer = transmit(card, "00870000047C02810000");
	assert_int_equal(answer.left, 14);
	assert_true(vcard_des3_cbc(&crypto, cur_of(zeros, sizeof(zeros)), true, answer.p + 4, 8, response));
	vcard_crypto_free(&crypto);
	assert_true(hex_put(&command, "008700000C7C0A8208"));
	buf_put(&command, response, sizeof(response));
	assert_int_equal(status_of(transmit_bytes(card, buf_cur(&command))), 0x9000);
}

static void
become(struct vcard *card, int principal)
{
	expect(card, LOGOUT, "9000");
	if ((principal & ADMIN) != 0)
		become_admin(card);
	if ((principal & USER) != 0)
		expect(card, VERIFY, "9000");
}

/* The part of the card's memory that outlives a reset. */
static void
persistent(const struct vcard *card, struct buf *ret_bytes)
{
	AUTO_BUF struct buf state = BUF_INIT_MAX(STATE_MAX);
	struct cursor c, part = { NULL, 0 };
	uint32_t len = 0;

	vcard_encode(card, &state);
	c = buf_cur(&state);
	assert_true(cur_skip(&c, 8) && cur_be32(&c, &len) && cur_skip(&c, 4) && cur_take(&c, len, &part));
	ret_bytes->max = STATE_MAX;
	buf_put_cur(ret_bytes, part);
}

/*
 * 6982 is what the card says to who may not, and then nothing has changed; every other answer is one from behind the
 * rule. fid may be NULL.
 */
static void
attempt(struct vcard *card, const char *format, const char *fid, int allowed, int who)
{
	AUTO_BUF struct buf before = BUF_INIT, after = BUF_INIT;
	const bool may = (allowed & 1 << who) != 0;
	const char *mark = fid != NULL ? strchr(format, '#') : NULL;
	char command[512];
	uint16_t sw;

	if (mark != NULL)
		(void)snprintf(command, sizeof(command), "%.*s%s%s", (int)(mark - format), format, fid, mark + 1);
	else
		(void)snprintf(command, sizeof(command), "%s", format);
	persistent(card, &before);
	sw = status_of(transmit(card, command));
	persistent(card, &after);
	if ((sw != 0x6982) != may)
		fail_msg("principal %d, %s: %04X", who, command, sw);
	if (!may && (before.len != after.len || memcmp(before.p, after.p, before.len) != 0))
		fail_msg("principal %d, %s: refused and done", who, command);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static uint16_t
number_of(const char *fid)
{
	return (uint16_t)strtoul(fid, NULL, 16);
}

static void
try_reading(struct vcard *card, const struct rule *r, int who)
{
	attempt(card, "00CB#045C02DF7000", r->fid, r->read, who);
	attempt(card, "00CB#025C0000", r->fid, r->read, who);
	attempt(card, "00CB#035C015C00", r->fid, r->read, who);
	attempt(card, "00CB3FFF045C02DF7000", NULL, r->read, who);
	/* what describes the file is for everybody, and being the current file changes nothing */
	attempt(card, "00A4000402#00", r->fid, ALWAYS, who);
	attempt(card, "00CB0000045C02DF7000", NULL, r->read, who);
}

static void
try_writing(struct vcard *card, const struct rule *r, int who)
{
	attempt(card, "00DB#05DF7002AABB", r->fid, r->write, who);
	attempt(card, "00DB3FFF04DF7001AA", NULL, r->write, who);
	attempt(card, "00DB#04DF7101AA", r->fid, r->write, who);
	attempt(card, "00DB#03DF7100", r->fid, r->write, who);
	/* the first part is refused already, so that what comes then is no command */
	attempt(card, "10DB#04DF7002AA", r->fid, r->write, who);
	attempt(card, "00DB#01BB", r->fid, ALWAYS, who);
	expect(card, "00A4000C023FFF", "9000");
	attempt(card, "00A4000402#00", r->fid, ALWAYS, who);
	attempt(card, "00DB000004DF7001AA", NULL, r->write, who);
	attempt(card, "00DB#03DF7000", r->fid, r->write, who);
}

static void
matrix(uint32_t quirks)
{
	struct fixture f;
	size_t i;
	int who;

	fixture_formatted(&f, quirks);
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		for (who = 0; who < PRINCIPALS; who++) {
			assert_int_equal(vcard_raw_put(f.card, number_of(rules[i].fid), 0xDF70, cur_of("x", 1)), 0);
			become(f.card, who);
			try_reading(f.card, &rules[i], who);
			try_writing(f.card, &rules[i], who);
			(void)vcard_raw_delete(f.card, number_of(rules[i].fid), 0xDF70);
			(void)vcard_raw_delete(f.card, number_of(rules[i].fid), 0xDF71);
		}
	}
	fixture_close(&f);
}

static void
test_files(void **state)
{
	(void)state;
	matrix(VCARD_STRICT);
	matrix(VCARD_APPLET);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

#define ZEROS24 "000000000000000000000000000000000000000000000000"

static const struct {
	const char *command;
	int allowed;
} operations[] = {
	/* the user's key: the administrator does not stand in for the user */
	{ "002241B606800156840181", FOR_USER },
	{ "002241B806800146840181", FOR_USER },
	{ "0047000008AC0680010683018100", FOR_USER },
	{ "00DB3FFF10700E840181A509830102840100870100", FOR_USER },
	{ "00CB3FFF0A7008840181A5037F498000", ALWAYS },
	/* the administrator's key */
	{ "002281A403830180", ALWAYS },
	{ "00DB3FFF267024840180A51F8718" ZEROS24 "88038CA64D", FOR_ADMIN },
	{ "00CB3FFF0A7008840180A5037F498000", NEVER },
	{ "0047000008AC0680010683018000", NEVER },
	/* a further key of that kind */
	{ "00E000001C621A8201188302B09E8C04870020FFA50BA4098001028301809501C0", FOR_ADMIN },
	/* the application */
	{ "00E000000E620C8201398302A0208C03033000", FOR_EITHER },
	{ "00A4000C02A020", ALWAYS },
	{ "00E40000", FOR_EITHER },
	{ "00E60000", NEVER },
	/* counters, and the application's own description */
	{ "00CB3FFF045C027F7200", ALWAYS },
	{ "00CB2F01025C0000", ALWAYS },
	{ "00A40004023FFF00", ALWAYS },
};

static void
test_operations(void **state)
{
	struct fixture f;
	size_t i;
	int who;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	for (who = 0; who < PRINCIPALS; who++) {
		become(f.card, who);
		for (i = 0; i < ARRAY_SIZE(operations); i++) {
			/* without the file there is nothing to delete; a challenge is not wanted here */
			if (strcmp(operations[i].command, "00E40000") == 0 && who == NOBODY)
				continue;
			attempt(f.card, operations[i].command, NULL, operations[i].allowed, who);
		}
	}
	fixture_close(&f);
}

/* Files that are there can be deleted by who may create files, and by nobody else; the admin's key by the admin alone. */
static void
test_deletion(void **state)
{
	struct fixture f;
	int who;

	(void)state;
	for (who = 0; who < PRINCIPALS; who++) {
		fixture_keyed(&f, VCARD_APPLET);
		become(f.card, who);
		expect(f.card, "00A4000C02B080", "9000");
		attempt(f.card, "00E40000", NULL, FOR_ADMIN, who);
		expect(f.card, "00A4000C02B081", "9000");
		attempt(f.card, "00E40000", NULL, FOR_EITHER, who);
		expect(f.card, "00A4000C02A010", "9000");
		attempt(f.card, "00E40000", NULL, FOR_EITHER, who);
		fixture_close(&f);
	}
}

/* Unblocking, and termination where the card's rule has it. */
static void
test_administration(void **state)
{
	const struct vcard_profile profile = { .terminable = true };
	struct fixture f;
	int who;

	(void)state;
	for (who = 0; who < PRINCIPALS; who++) {
		fixture_open(&f, &profile);
		assert_int_equal(vcard_perso_format(f.card, PIN, NULL, NULL), 0);
		become(f.card, who);
		attempt(f.card, "002C028006" PIN_HEX, NULL, FOR_ADMIN, who);
		become(f.card, who);
		attempt(f.card, "00E60000", NULL, FOR_ADMIN, who);
		fixture_close(&f);
	}
}

/* --- what ends a permission --------------------------------------------------------------------------------------- */

static void
lost(uint32_t quirks, const char *command, bool user_stays, bool admin_stays)
{
	struct fixture f;

	fixture_keyed(&f, quirks);
	become(f.card, BOTH);
	if (command != NULL)
		(void)transmit(f.card, command);
	else
		vcard_reset(f.card);
	expect_sw(f.card, "00A4040C09A00000039742544659", 0x9000);
	expect_sw(f.card, "00DBA01004DF700101", user_stays || admin_stays ? 0x9000 : 0x6982);
	expect_sw(f.card, "002241B606800156840181", user_stays ? 0x9000 : 0x6982);
	expect_sw(f.card, "00DBA01404DF700101", admin_stays ? 0x9000 : 0x6982);
	fixture_close(&f);
}

static void
test_what_ends_it(void **state)
{
	(void)state;
	lost(VCARD_STRICT, NULL, false, false);
	lost(VCARD_STRICT, LOGOUT, false, false);
	lost(VCARD_STRICT, "0020008200", false, false);
	/* a wrong PIN ends the user's only */
	lost(VCARD_STRICT, "0020008006303030303030", false, true);
	lost(VCARD_STRICT, "002400800C303030303030313131313131", false, true);
	/* a new challenge the administrator's only */
	lost(VCARD_STRICT, "00870000047C02810000", true, false);
	lost(VCARD_STRICT, "002C028006" PIN_HEX, false, false);
	lost(VCARD_STRICT, "00A4040009A0000003974254465900", true, true);
	lost(VCARD_STRICT, "00A4040009A0000003080000100000", true, true);
	lost(VCARD_STRICT, "00A4000C023FFF", true, true);
	lost(VCARD_APPLET, "00A4040009A0000003974254465900", false, false);
}

/* Before the application is operational there are no rules, but files work from their activation on. */
static void
test_before_operation(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00E000000E620C8201398302A0148C03032020", "9000");
	expect(f.card, "00DBA01404DF700101", "6985");
	expect(f.card, "00CBA014045C02DF7000", "6985");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00DBA01404DF700101", "9000");
	expect(f.card, "00CBA014045C02DF7000", "DF7001019000");
	expect(f.card, "00A4000C023FFF", "9000");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00DBA01404DF700102", "6982");
	expect(f.card, "00CBA014045C02DF7000", "6982");
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	     cmocka_unit_test(test_operations),
		cmocka_unit_test(test_deletion),     cmocka_unit_test(test_administration),
		cmocka_unit_test(test_what_ends_it), cmocka_unit_test(test_before_operation),
	};

	return cmocka_run_group_tests_name("/vcard/access", tests, NULL, NULL);
}
