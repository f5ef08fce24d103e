/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache on disk as a program sees it, with a GIDS card: what a warm start costs, that it never says anything but what the
 * card says, and what becomes of files that somebody else wrote, or nobody could.
 */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "module/disk.h"
#include "module/ops.h"
#include "vcard/engine.h"

#define EF_CARDID 0xA012u
#define EF_PUBLIC 0xA010u
#define DO_CARDID 0xDF20u
#define DO_CARDCF 0xDF22u
/* SELECT, cardid, cardcf */
#define WARM 3u

static uint8_t id[16] = { 0x70, 0x31, 0x31, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
static const struct disk_card alice = { "7031310102030405060708090a0b0c0d", WARM };
static uint8_t counters[6] = { 0, 1, 12, 0, 34, 0 };

static void
put_object(enum mt_card card, uint16_t file, uint32_t tag, const uint8_t *bytes, size_t len)
{
	struct vcard *open = vcard_open(mt_path("cards/%d", card));

	assert_non_null(open);
	assert_int_equal(vcard_raw_put(open, file, tag, cur_of(bytes, len)), 0);
	assert_int_equal(vcard_save(open), 0);
	vcard_close(open);
}

/* The cards of the fixture have identifiers of one byte repeated, which nobody keeps anything under. */
static void
set_identity(enum mt_card card)
{
	put_object(card, EF_CARDID, DO_CARDID, id, sizeof(id));
	put_object(card, EF_PUBLIC, DO_CARDCF, counters, sizeof(counters));
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	set_identity(MT_ALICE);
	return disk_set_up();
}

/* Costs ---------------------------------------------------------------------------------------------------------------- */

/* A listing takes three exchanges, whatever there is, and says what it says without the callbacks. R-033 */
static void
test_listing(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, cold = BUF_INIT, warm = BUF_INIT;

	(void)state;
	disk_list_card(&card);
	assert_true(disk_list(&cold) > WARM);
	disk_assert_same(&cold, &card);
	assert_int_equal(disk_list(&warm), WARM);
	disk_assert_same(&warm, &card);
	assert_int_equal(disk_complaints(), 0);
	assert_true(disk_file(alice.id)[0] != '\0');
}

static unsigned long
find_one(CK_BYTE container)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_SESSION_HANDLE s = mt_start();

	(void)mt_object(s, CKO_PUBLIC_KEY, container);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* One key among many costs what the only one costs. */
static void
test_find(void **state)
{
	(void)state;
	(void)disk_list(NULL);
	assert_int_equal(find_one(4), WARM);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	id[15]++;
	set_identity(MT_BOB);
	id[15]--;
	(void)disk_list(NULL);
	assert_int_equal(find_one(0), WARM);
}

static unsigned long
sign_once(CK_RV expected)
{
	const unsigned long before = mt_exchanges(MT_READER);

	assert_rv(mt_sign(mt_start_user()), expected);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* SELECT, cardid, cardcf, VERIFY, MSE, PSO, and the card is locked again. P2: no PIN on disk. */
static void
test_signature(void **state)
{
	uint8_t bytes[65536];
	size_t len;

	(void)state;
	(void)disk_list(NULL);
	(void)sign_once(CKR_OK);
	assert_int_equal(sign_once(CKR_OK), 7);
	assert_false(mt_is_verified(MT_ALICE));
	len = disk_read(disk_file(alice.id), bytes, sizeof(bytes));
	assert_true(len > 0);
	assert_null(memmem(bytes, len, MT_PIN, strlen(MT_PIN)));
}

static unsigned long
token_info(void)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_TOKEN_INFO info;

	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* A card of our own making has a name in a file: SELECT, cardid, cardcf, tries. */
static void
test_token(void **state)
{
	(void)state;
	(void)disk_list(NULL);
	assert_int_equal(token_info(), WARM + 1);
}

/* Tries are asked of the card, and a PIN that is wrong is wrong with a warm cache, too. */
static void
test_tries(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	(void)disk_list(NULL);
	s = mt_start();
	assert_rv(mt_login(s, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_initialize();
	assert_true((mt_token_flags(1) & CKF_USER_PIN_COUNT_LOW) != 0);
}

/* Freshness ------------------------------------------------------------------------------------------------------------ */

static void
set_label(const char *label)
{
	CK_SESSION_HANDLE s;
	CK_ATTRIBUTE a = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };

	mt_initialize();
	s = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(s, mt_object(s, CKO_PRIVATE_KEY, 0), &a, 1), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
}

/* What is changed, by this process or one without a cache, is what is listed. R-114 */
static void
test_changes(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, first = BUF_INIT, second = BUF_INIT;

	(void)state;
	(void)disk_list(NULL);
	set_label("by us");
	disk_list_card(&card);
	assert_true(disk_list(&first) > WARM);
	disk_assert_same(&first, &card);
	assert_int_equal(disk_list(NULL), WARM);

	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1), 0);
	set_label("by somebody else");
	disk_list_card(&card);
	(void)disk_list(&second);
	disk_assert_same(&second, &card);
	assert_int_equal(disk_list(NULL), WARM);
}

/* While this process works with the card: the next transaction notices. */
static void
test_change_between(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	(void)disk_list(NULL);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS", "0", 1), 0);
	s = mt_start();
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 6);
	/* the container map is another card's now, and says so */
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	s = mt_start();
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 1);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"), 0);
}

/* Cards that are not kept: identifiers that are nobody's own, counters that never counted. */
static void
test_not_kept(void **state)
{
	static const uint8_t zeros[16];
	uint8_t same[16];

	(void)state;
	memset(same, 0xA1, sizeof(same));
	put_object(MT_ALICE, EF_CARDID, DO_CARDID, zeros, sizeof(zeros));
	assert_true(disk_list(NULL) > WARM);
	assert_true(disk_list(NULL) > WARM);
	put_object(MT_ALICE, EF_CARDID, DO_CARDID, same, sizeof(same));
	assert_true(disk_list(NULL) > WARM);
	assert_true(disk_list(NULL) > WARM);
	put_object(MT_ALICE, EF_CARDID, DO_CARDID, id, sizeof(id));
	put_object(MT_ALICE, EF_PUBLIC, DO_CARDCF, zeros, sizeof(counters));
	assert_true(disk_list(NULL) > WARM);
	assert_true(disk_list(NULL) > WARM);
	assert_int_equal(disk_complaints(), 0);
}

/*
 * M18: a copy of the card, with the same identifier and the same counters, has another key. The first signature tells: it is
 * not given out, and from then on the card is what it is.
 */
static void
test_clone(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, again = BUF_INIT;
	CK_BYTE modulus[512];
	CK_SESSION_HANDLE s;

	(void)state;
	(void)disk_list(NULL);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	set_identity(MT_BOB);
	s = mt_start_user();
	assert_int_equal(mt_get(s, ops_public(s, 0), CKA_MODULUS, modulus, sizeof(modulus)), 256);
	assert_true(mt_sign(s) != CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 1);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	disk_list_card(&card);
	(void)disk_list(&again);
	disk_assert_same(&again, &card);
}

/* Attacks: P6 ---------------------------------------------------------------------------------------------------------- */

/* Alice's file in the place of another card's, and the other way. */
static void
test_other_cards_file(void **state)
{
	static const struct disk_card other = { "7031310102030405060708090a0b0c0e", WARM };
	AUTO_BUF struct buf expected = BUF_INIT;
	uint8_t bytes[65536];
	size_t len;

	(void)state;
	(void)disk_list(NULL);
	len = disk_read(disk_file(alice.id), bytes, sizeof(bytes));
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	id[15]++;
	set_identity(MT_BOB);
	id[15]--;
	(void)disk_list(&expected);
	disk_write(disk_file(other.id), bytes, len);
	disk_attacked(&other, &expected, 1, true);
}

static void
test_edited(void **state)
{
	(void)state;
	disk_edited(&alice);
}

static void
test_foreign_files(void **state)
{
	(void)state;
	disk_foreign_files(&alice);
}

static void
test_directories(void **state)
{
	(void)state;
	disk_directories(&alice);
}

static void
test_no_room(void **state)
{
	(void)state;
	disk_no_room(&alice);
}

static void
test_two_writers(void **state)
{
	(void)state;
	disk_two_writers(&alice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, disk_tear_down)
		T(test_listing),     T(test_token),   T(test_find),	      T(test_signature),
		T(test_tries),	     T(test_changes), T(test_change_between), T(test_not_kept),
		T(test_clone),	     T(test_edited),  T(test_foreign_files),  T(test_other_cards_file),
		T(test_directories), T(test_no_room), T(test_two_writers),
#undef T
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
