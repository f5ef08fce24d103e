/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache on disk with PIV cards, which do not tell when they change: what a warm start costs, and that what other
 * programs do to a card between two starts is seen by the next listing, and at the latest by a signature.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "module/disk.h"
#include "module/fixture.h"
#include "vcard/perso_piv.h"

#define CARD "cards/piv"
#define OTHER "cards/piv-other"
/* SELECT, CHUID, key history, and the first piece of each certificate */
#define WARM_WITH(certificates) (3 + (certificates))
#define WARM WARM_WITH(4)

static const uint8_t guid[VCARD_GUID_LEN] = { 0x50, 0x49, 0x56, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
static const struct disk_card reference = { "5049560102030405060708090a0b0c0d", WARM };

static struct vcard *
open_card(const char *name)
{
	struct vcard *card = vcard_open(mt_path("%s", name));

	assert_non_null(card);
	return card;
}

static void
close_card(struct vcard *card)
{
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

static void
make_card(const char *name, uint64_t quirks)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = quirks } };
	struct vcard *card;

	assert_int_equal(vcard_create(mt_path("%s", name), &profile), 0);
	card = open_card(name);
	assert_int_equal(vcard_piv_reference(card, guid), 0);
	close_card(card);
}

static void
insert(const char *name)
{
	mt_remove(MT_READER);
	assert_int_equal(symlink(mt_path("%s", name), mt_path("readers/%s/card", MT_READER)), 0);
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	make_card(CARD, VCARD_PIV_APPLET);
	insert(CARD);
	return disk_set_up();
}

/* Words ---------------------------------------------------------------------------------------------------------------- */

static CK_RV
sign_with(CK_SESSION_HANDLE s, CK_BYTE id)
{
	CK_MECHANISM mechanism = { id % 2 == 1 ? CKM_SHA256_RSA_PKCS : CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[512], data[] = "some bytes";
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_ULONG len = sizeof(signature);
	CK_RV rv = mt->C_SignInit(s, &mechanism, mt_object(s, CKO_PRIVATE_KEY, id));

	if (rv == CKR_OK && id == 2)
		assert_rv(mt->C_Login(s, CKU_CONTEXT_SPECIFIC, pin, sizeof(pin) - 1), CKR_OK);
	return rv == CKR_OK ? mt->C_Sign(s, data, sizeof(data), signature, &len) : rv;
}

/* A start, a login unless it is the key that wants none, a signature and the end. */
static unsigned long
sign_once(CK_BYTE id, CK_RV *ret_rv)
{
	const unsigned long before = mt_exchanges(MT_READER);

	*ret_rv = sign_with(id == 4 ? mt_start() : mt_start_user(), id);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

static void
assert_signs(CK_BYTE id)
{
	CK_RV rv;

	(void)sign_once(id, &rv);
	assert_rv(rv, CKR_OK);
}

/* What is listed is what is listed without a cache. */
static void
assert_listing_true(void)
{
	AUTO_BUF struct buf card = BUF_INIT, listed = BUF_INIT;

	(void)disk_list(&listed);
	disk_list_card(&card);
	disk_assert_same(&listed, &card);
}

/* Everything that a start can leave on disk: listed, and each key used alone. */
static void
fill_cache(void)
{
	for (CK_BYTE id = 1; id <= 4; id++)
		assert_signs(id);
	(void)disk_list(NULL);
}

static void
put_chuid(struct vcard *card, const uint8_t id[VCARD_GUID_LEN], const char *expiry)
{
	AUTO_BUF struct buf chuid = BUF_INIT;

	buf_u8(&chuid, 0x34);
	buf_u8(&chuid, VCARD_GUID_LEN);
	buf_put(&chuid, id, VCARD_GUID_LEN);
	buf_u8(&chuid, 0x35);
	buf_u8(&chuid, 8);
	buf_put(&chuid, expiry, 8);
	buf_be16(&chuid, 0xFE00);
	assert_int_equal(vcard_piv_put(card, 0x5FC102, buf_cur(&chuid)), 0);
}

/* Costs ---------------------------------------------------------------------------------------------------------------- */

/* R-033, S-039 */
static void
test_listing(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, cold = BUF_INIT, warm = BUF_INIT;

	(void)state;
	disk_list_card(&card);
	assert_in_range(disk_list(&cold), WARM + 1, 18);
	disk_assert_same(&cold, &card);
	assert_int_equal(disk_list(&warm), WARM);
	disk_assert_same(&warm, &card);
	assert_int_equal(disk_complaints(), 0);
	assert_true(disk_file(reference.id)[0] != '\0');
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

/*
 * A key that is used and not shown costs no look at it. SELECT, CHUID, VERIFY, GENERAL AUTHENTICATE in one command or
 * two and GET RESPONSE, and the PIN's rights given back; the login for 9C, with the same PIN, is the
 * VERIFY that was the command before; for 9E none at all. S-039
 */
static void
test_signatures(void **state)
{
	static const unsigned long costs[] = { 7, 5, 7, 3 };
	CK_RV rv;

	(void)state;
	for (unsigned listed = 0; listed < 2; listed++) {
		for (CK_BYTE id = 1; id <= 4; id++)
			assert_signs(id);
		for (CK_BYTE id = 1; id <= 4; id++) {
			assert_int_equal(sign_once(id, &rv), costs[id - 1]);
			assert_rv(rv, CKR_OK);
		}
		assert_int_equal(token_info(), 2);
		/* the second time by certificates alone: what was kept of keys is away */
		(void)unlink(disk_file(reference.id));
		(void)disk_list(NULL);
	}
	assert_int_equal(sign_once(1, &rv), 8);
	assert_rv(rv, CKR_OK);
}

static unsigned long
find_one(CK_BYTE id)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_SESSION_HANDLE s = mt_start();
	CK_BYTE value[64];

	(void)mt_get(s, mt_object(s, CKO_CERTIFICATE, id), CKA_ID, value, sizeof(value));
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* One key among 24 costs what one among four costs. */
static void
test_find(void **state)
{
	struct vcard_piv_slot slot = { .algorithm = PIV_ALG_P256 };
	struct vcard *card;

	(void)state;
	(void)disk_list(NULL);
	assert_int_equal(find_one(1), 3);
	make_card(OTHER, VCARD_PIV_STRICT);
	card = open_card(OTHER);
	for (slot.reference = 0x82; slot.reference <= 0x95; slot.reference++) {
		assert_int_equal(vcard_piv_import_reference(card, &slot), 0);
		assert_int_equal(vcard_piv_issue(card, slot.reference, "retired", 0, VCARD_PIV_PLAIN, NULL), 0);
	}
	assert_int_equal(vcard_piv_put(card, 0x5FC10C, cur_of("\xC1\x01\x14\xC2\x01\x00\xFE\x00", 8)), 0);
	close_card(card);
	insert(OTHER);
	(void)disk_list(NULL);
	assert_int_equal(find_one(1), 3);
	assert_int_equal(find_one(24), 3);
	assert_int_equal(disk_list(NULL), WARM_WITH(24));
}

/* A token without key history has up to twenty empty places, which are not asked about each time. */
static void
test_empty_places(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x85, .algorithm = PIV_ALG_P256 };
	struct vcard *card;

	(void)state;
	card = open_card(CARD);
	assert_int_equal(vcard_piv_put(card, 0x5FC10C, cur_of(NULL, 0)), 0);
	close_card(card);
	assert_in_range(disk_list(NULL), 20, 40);
	assert_int_equal(disk_list(NULL), WARM);
	/* a place of the first four is asked about each time, and one that was filled is found when anything else has changed */
	card = open_card(CARD);
	assert_int_equal(vcard_piv_import_reference(card, &slot), 0);
	assert_int_equal(vcard_piv_issue(card, 0x85, "retired", 0, VCARD_PIV_PLAIN, NULL), 0);
	assert_int_equal(vcard_piv_issue(card, 0x9A, "renewed", 0, VCARD_PIV_PLAIN, NULL), 0);
	close_card(card);
	assert_listing_true();
}

/* Freshness ------------------------------------------------------------------------------------------------------------ */

/* Another program renews a certificate, or deletes it, and leaves everything else alone. S-037 */
static void
test_renewed(void **state)
{
	struct vcard *card;

	(void)state;
	fill_cache();
	card = open_card(CARD);
	assert_int_equal(vcard_piv_issue(card, 0x9A, "renewed", 0, VCARD_PIV_PLAIN, NULL), 0);
	assert_int_equal(vcard_piv_issue(card, 0x9C, "renewed", 0, VCARD_PIV_GZIP, NULL), 0);
	close_card(card);
	assert_listing_true();
	assert_signs(1);
	assert_signs(2);
	card = open_card(CARD);
	assert_int_equal(vcard_piv_put(card, vcard_piv_certificate_tag(0x9E), cur_of(NULL, 0)), 0);
	close_card(card);
	assert_listing_true();
	assert_signs(4);
	assert_listing_true();
}

/* A public key that is shown is one that the card has. */
static void
assert_point_true(void)
{
	CK_BYTE shown[128], true_one[128];
	CK_SESSION_HANDLE s = mt_start();
	size_t len = mt_get(s, mt_object(s, CKO_PUBLIC_KEY, 4), CKA_EC_POINT, shown, sizeof(shown));

	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1), 0);
	s = mt_start();
	assert_int_equal(mt_get(s, mt_object(s, CKO_PUBLIC_KEY, 4), CKA_EC_POINT, true_one, sizeof(true_one)), len);
	assert_memory_equal(shown, true_one, len);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "yes", 1), 0);
}

/*
 * A key is replaced under the certificate of the old one. Who asks for the key alone gets the card's; a signature is one of the
 * key that the card has, or none.
 */
static void
test_replaced(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x9E, .algorithm = PIV_ALG_P256 };
	struct vcard *card;
	CK_RV rv;

	(void)state;
	fill_cache();
	card = open_card(CARD);
	assert_int_equal(vcard_piv_keygen(card, &slot), 0);
	close_card(card);
	assert_signs(4);
	assert_point_true();
	assert_listing_true();
	assert_int_equal(sign_once(4, &rv), 3);
	assert_rv(rv, CKR_OK);
	card = open_card(CARD);
	assert_int_equal(vcard_piv_keygen(card, &slot), 0);
	assert_int_equal(vcard_piv_issue(card, 0x9E, "replaced", 0, VCARD_PIV_PLAIN, NULL), 0);
	close_card(card);
	assert_point_true();
	assert_listing_true();
	assert_signs(4);
}

/* Who was shown the certificate of the old key gets no signature by the new one. */
static void
test_replaced_behind_certificate(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x9E, .algorithm = PIV_ALG_P256 };
	CK_BYTE value[4096];
	CK_SESSION_HANDLE s;
	struct vcard *card;

	(void)state;
	fill_cache();
	card = open_card(CARD);
	assert_int_equal(vcard_piv_keygen(card, &slot), 0);
	close_card(card);
	s = mt_start();
	(void)mt_get(s, mt_object(s, CKO_CERTIFICATE, 4), CKA_VALUE, value, sizeof(value));
	assert_true(sign_with(s, 4) != CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_listing_true();
}

/* A key of another kind: the card refuses the old algorithm, and the next try is right. */
static void
test_another_kind(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x9E, .algorithm = PIV_ALG_P384 };
	struct vcard *card;
	CK_RV rv;

	(void)state;
	fill_cache();
	card = open_card(CARD);
	assert_int_equal(vcard_piv_keygen(card, &slot), 0);
	close_card(card);
	(void)sign_once(4, &rv);
	assert_true(rv != CKR_OK);
	assert_signs(4);
	assert_int_equal(vcard_piv_certificate_tag(0x9E), 0x5FC101);
	card = open_card(CARD);
	assert_int_equal(vcard_piv_issue(card, 0x9E, "another", 0, VCARD_PIV_PLAIN, NULL), 0);
	close_card(card);
	assert_listing_true();
	assert_signs(4);
}

/* M18: another card with the CHUID of the first, and other keys and certificates. */
static void
test_clone(void **state)
{
	static const struct vcard_piv_slot slots[] = {
		{ .reference = 0x9A, .algorithm = PIV_ALG_P256 },
		{ .reference = 0x9E, .algorithm = PIV_ALG_P256 },
	};
	struct vcard *card;
	CK_RV rv;

	(void)state;
	fill_cache();
	make_card(OTHER, VCARD_PIV_APPLET);
	card = open_card(OTHER);
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		assert_int_equal(vcard_piv_keygen(card, &slots[i]), 0);
		assert_int_equal(vcard_piv_issue(card, slots[i].reference, "other", 0, VCARD_PIV_PLAIN, NULL), 0);
	}
	close_card(card);
	insert(OTHER);
	assert_listing_true();
	assert_signs(4);
	insert(CARD);
	assert_signs(4);
	/* a key of another kind, which nobody has looked at since */
	insert(OTHER);
	assert_signs(4);
	insert(CARD);
	(void)sign_once(1, &rv);
	assert_signs(1);
	assert_listing_true();
}

/* A new CHUID, as one program leaves it after each change on purpose: another card. */
static void
test_new_chuid(void **state)
{
	struct vcard *card;

	(void)state;
	fill_cache();
	card = open_card(CARD);
	put_chuid(card, (const uint8_t *)"ABCDEFGHIJKLMNOP", "20300101");
	close_card(card);
	assert_listing_true();
	assert_signs(1);
	/* the same identifier, and another expiry date */
	card = open_card(CARD);
	put_chuid(card, (const uint8_t *)"ABCDEFGHIJKLMNOP", "20400101");
	close_card(card);
	assert_true(disk_list(NULL) > WARM);
	assert_listing_true();
}

/* The global PIN begins to count: the first try goes to the PIN that counted before, and no second one. */
static void
test_other_pin(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	fill_cache();
	make_card(OTHER, VCARD_PIV_APPLET | VCARD_PIV_GLOBAL_PIN | VCARD_PIV_GLOBAL_FIRST);
	insert(OTHER);
	s = mt_start();
	assert_rv(mt_login(s, "12345678"), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	s = mt_start();
	assert_rv(mt_login(s, MT_PIN) == CKR_OK, false);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
}

/* Cards that are not kept: without CHUID, or with an identifier that is nobody's own. */
static void
test_not_kept(void **state)
{
	static const uint8_t same[VCARD_GUID_LEN] = { 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17 };
	struct vcard *card;

	(void)state;
	card = open_card(CARD);
	assert_int_equal(vcard_piv_put(card, 0x5FC102, cur_of(NULL, 0)), 0);
	close_card(card);
	assert_true(disk_list(NULL) > WARM);
	assert_true(disk_list(NULL) > WARM);
	assert_listing_true();
	card = open_card(CARD);
	put_chuid(card, same, "20300101");
	close_card(card);
	assert_true(disk_list(NULL) > WARM);
	assert_true(disk_list(NULL) > WARM);
	assert_int_equal(disk_complaints(), 0);
}

/* P2: what is on disk is what everybody may read. */
static void
test_no_secrets(void **state)
{
	uint8_t bytes[65536];
	size_t len;

	(void)state;
	fill_cache();
	len = disk_read(disk_file(reference.id), bytes, sizeof(bytes));
	assert_true(len > 0 && len < sizeof(bytes));
	for (size_t i = 0; i + sizeof(MT_PIN) - 1 <= len; i++)
		assert_memory_not_equal(bytes + i, MT_PIN, sizeof(MT_PIN) - 1);
}

/* Attacks: P6 ---------------------------------------------------------------------------------------------------------- */

static void
test_edited(void **state)
{
	(void)state;
	disk_edited(&reference);
}

static void
test_foreign_files(void **state)
{
	(void)state;
	disk_foreign_files(&reference);
}

static void
test_directories(void **state)
{
	(void)state;
	disk_directories(&reference);
}

static void
test_no_room(void **state)
{
	(void)state;
	disk_no_room(&reference);
}

static void
test_two_writers(void **state)
{
	(void)state;
	disk_two_writers(&reference);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, disk_tear_down)
		T(test_listing),
		T(test_signatures),
		T(test_find),
		T(test_empty_places),
		T(test_renewed),
		T(test_replaced),
		T(test_replaced_behind_certificate),
		T(test_another_kind),
		T(test_clone),
		T(test_new_chuid),
		T(test_other_pin),
		T(test_not_kept),
		T(test_no_secrets),
		T(test_edited),
		T(test_foreign_files),
		T(test_directories),
		T(test_no_room),
		T(test_two_writers),
#undef T
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
