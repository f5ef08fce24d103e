/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates of PIV cards in one answer each, where the ATR announces extended length and the reader has room for it; and in
 * pieces where the card refuses what it announced, where it does not announce it, and with T=0.
 */
#include <string.h>
#include <unistd.h>

#include "module/disk.h"
#include "module/fixture.h"
#include "vcard/perso_piv.h"

#define ANNOUNCED "cards/announced"
#define CARD "cards/piv"

static struct vcard *
make_card(const char *name, const struct vcard_profile *profile)
{
	struct vcard *card;

	assert_int_equal(vcard_create(mt_path("%s", name), profile), 0);
	assert_non_null(card = vcard_open(mt_path("%s", name)));
	assert_int_equal(vcard_piv_reference(card, NULL), 0);
	assert_int_equal(vcard_save(card), 0);
	return card;
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	mt_remove(MT_READER);
	return disk_set_up();
}

/* Exchanges of a listing, which is the same whether read at once or in pieces, and of a second one. */
static void
assert_costs(const struct vcard_profile *profile, unsigned long cold, unsigned long warm)
{
	vcard_close(make_card(CARD, profile));
	assert_int_equal(symlink(mt_path(CARD), mt_path("readers/%s/card", MT_READER)), 0);
	assert_int_equal(disk_list(NULL), cold);
	assert_int_equal(disk_list(NULL), warm);
}

/* SELECT, CHUID, key history, roots, and four certificates; a second time the first piece of each. */
static void
test_announced(void **state)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV };

	(void)state;
	assert_costs(&profile, 8, 7);
}

static void
test_not_announced(void **state)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .quirks = VCARD_NO_EXTENDED };

	(void)state;
	assert_costs(&profile, 18, 7);
}

/* What was refused once is not tried again. */
static void
test_refused(void **state)
{
	const struct vcard_profile usual = { .applications = VCARD_PIV };
	struct vcard_profile profile = { .applications = VCARD_PIV, .quirks = VCARD_NO_EXTENDED };
	struct vcard *announced = make_card(ANNOUNCED, &usual);

	(void)state;
	profile.atr_len = vcard_atr(announced, profile.atr);
	vcard_close(announced);
	assert_costs(&profile, 18 + 1, 7 + 1);
}

static void
test_t0(void **state)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .quirks = VCARD_T0 };
	CK_SESSION_HANDLE s;

	(void)state;
	vcard_close(make_card(CARD, &profile));
	assert_int_equal(symlink(mt_path(CARD), mt_path("readers/%s/card", MT_READER)), 0);
	s = mt_start();
	assert_int_equal(mt_count(s, CKO_CERTIFICATE), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_announced, set_up, disk_tear_down),
		cmocka_unit_test_setup_teardown(test_not_announced, set_up, disk_tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, disk_tear_down),
		cmocka_unit_test_setup_teardown(test_t0, set_up, disk_tear_down),
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
