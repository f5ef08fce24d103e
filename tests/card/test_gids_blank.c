/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: a card made from blank, from half made, and one that has secrets but no file system. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card/gids_card.h"
#include "gids/gids.h"

#define USER_PIN "24681357"

static const BYTE admin_key[KIT_ADMIN_KEY_LEN] = "twenty-four bytes of key";
static const CARD_CREATE_INFO info = {
	.dwVersion = CARD_CREATE_INFO_CURRENT_VERSION,
	.bCardId = "identity of card",
	.pbUserPin = (const BYTE *)USER_PIN,
	.cbUserPin = sizeof(USER_PIN) - 1,
	.AdminAlgorithm = CardKey3Des,
	.pbAdminKey = admin_key,
	.cbAdminKey = sizeof(admin_key),
};

static const uint32_t personalities[] = { VCARD_STRICT, VCARD_APPLET, VCARD_APPLET | VCARD_T0 };

/* A blank card in a reader. */
static void
open_blank(struct rig *rig, const struct vcard_profile *profile)
{
	char directory[] = "/tmp/gids-blank-XXXXXX", path[64];
	struct vcard *card;
	struct io *io;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/card", directory);
	assert_int_equal(vcard_create(path, profile), 0);
	assert_non_null(card = vcard_open(path));
	unlink(path);
	rmdir(directory);
	assert_int_equal(vcard_io_wrap(card, &io), SCARD_S_SUCCESS);
	rig_over(rig, io);
	rig->card = card;
	assert_int_equal(registry_acquire(&rig->data, &rig->memory), SCARD_S_SUCCESS);
	(void)rig_exchanges(rig);
}

static void
open_with(struct rig *rig, uint32_t quirks)
{
	open_blank(rig, &(struct vcard_profile){ .quirks = quirks, .ecc = true });
}

static DWORD
create(struct rig *rig)
{
	return rig->data.pfnCardCreateCard(&rig->data, &info);
}

static void
assert_file(struct rig *rig, const char *directory, const char *name, const void *content, size_t len)
{
	BYTE *data = NULL;
	DWORD size = 0;

	assert_int_equal(rig->data.pfnCardReadFile(&rig->data, directory, name, 0, &data, &size), SCARD_S_SUCCESS);
	assert_int_equal(size, len);
	assert_memory_equal(data, content, len);
	rig->data.pfnCspFree(data);
}

/* what a new card has, and who may do what with it */
static void
assert_new(struct rig *rig)
{
	CARD_DATA *d = &rig->data;
	static const BYTE nothing[6];
	char *names = NULL;
	DWORD len = 0;

	assert_file(rig, NULL, "cardid", "identity of card", 16);
	assert_file(rig, NULL, "cardcf", nothing, 6);
	assert_file(rig, NULL, "cardapps", "mscp\0\0\0\0", 8);
	assert_file(rig, "mscp", "cmapfile", nothing, 0);
	assert_int_equal(d->pfnCardEnumFiles(d, NULL, &names, &len, 0), SCARD_S_SUCCESS);
	assert_int_equal(len, sizeof("cardid") + sizeof("cardcf") + sizeof("cardapps") + 1);
	d->pfnCspFree(names);
	assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardid", 0), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(d->pfnCardWriteFile(d, "mscp", "cmapfile", 0, nothing, 4), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig_verify(rig, "11111111"), SCARD_W_WRONG_CHV);
	assert_int_equal(rig_verify(rig, USER_PIN), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardWriteFile(d, NULL, "cardid", 0, nothing, 6), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(d->pfnCardCreateContainerEx(d, 0, CARD_CREATE_CONTAINER_KEY_GEN, AT_ECDSA_P256, 0, NULL,
						     ROLE_USER),
			 SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardDeleteContainer(d, 0, 0), SCARD_S_SUCCESS);
	assert_int_equal(rig_admin(rig), SCARD_W_WRONG_CHV);
	assert_int_equal(rig_admin_with(rig, admin_key), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardSetProperty(d, CP_CARD_GUID, info.bCardId, 16, 0), SCARD_S_SUCCESS);
	/* and now it is one */
	assert_int_equal(create(rig), ERROR_FILE_EXISTS);
}

static void
test_blank(void **state)
{
	BYTE byte;
	struct rig rig;
	DWORD len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++) {
		open_with(&rig, personalities[i]);
		assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_E_FILE_NOT_FOUND);
		assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, &byte, 0, &len, 0),
				 ERROR_INSUFFICIENT_BUFFER);
		assert_int_equal(create(&rig), SCARD_S_SUCCESS);
		assert_new(&rig);
		rig_insert_again(&rig);
		assert_file(&rig, NULL, "cardid", "identity of card", 16);
		rig_close(&rig);
	}
}

/* M19: pulled, refused or garbled at every exchange; the same call completes the card, and it is as new */
static void
test_half_made(void **state)
{
	static const char *const how[] = { "remove", "pull", "sw=6F00", "cut=1" };
	char fault[32];
	struct rig rig;
	DWORD r;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(how); i++) {
		unsigned n = 0;

		do {
			open_with(&rig, personalities[i % 2]);
			snprintf(fault, sizeof(fault), "%u:%s", ++n, how[i / 2]);
			rig_faults(&rig, fault);
			r = create(&rig);
			rig_faults(&rig, "");
			rig_insert_again(&rig);
			/* the last answer may be lost when all is done */
			if (r != SCARD_S_SUCCESS)
				assert_true(create(&rig) == SCARD_S_SUCCESS || n > 26);
			assert_new(&rig);
			rig_close(&rig);
		} while (r != SCARD_S_SUCCESS && n < 60);
		assert_true(n > 26);
		assert_int_equal(r, SCARD_S_SUCCESS);
	}
}

/* A card with secrets and nothing in its file table: for the administrator, and none of the secrets changes. */
static void
test_no_file_system(void **state)
{
	CARD_CREATE_INFO other = info;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	other.pbUserPin = (const BYTE *)"13131313";
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++) {
		open_with(&rig, personalities[i]);
		assert_int_equal(create(&rig), SCARD_S_SUCCESS);
		assert_int_equal(rig_admin_with(&rig, admin_key), SCARD_S_SUCCESS);
		/* everything is taken away that the interface can take away */
		assert_int_equal(d->pfnCardDeleteFile(d, "mscp", "cmapfile", 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteDirectory(d, "mscp"), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardapps", 0), SCARD_S_SUCCESS);
		if (i != 1)
			assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardcf", 0), SCARD_S_SUCCESS);
		if (i == 2)
			assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardid", 0), SCARD_S_SUCCESS);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateCard(d, &other), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_admin_with(&rig, admin_key), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateCard(d, &other), SCARD_S_SUCCESS);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_new(&rig);
		rig_close(&rig);
	}
}

/* the five steps of the interface themselves, one by one, by the administrator; the places are the usual ones */
static void
test_five_steps(void **state)
{
	static const BYTE nothing[6];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	struct gids_place place;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++) {
		open_with(&rig, personalities[i]);
		assert_int_equal(create(&rig), SCARD_S_SUCCESS);
		assert_int_equal(rig_admin_with(&rig, admin_key), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteFile(d, "mscp", "cmapfile", 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteDirectory(d, "mscp"), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardapps", 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardcf", 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteFile(d, NULL, "cardid", 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateFile(d, NULL, "cardid", 16, EveryoneReadAdminWriteAc),
				 SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardWriteFile(d, NULL, "cardid", 0, info.bCardId, 16), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateFile(d, NULL, "cardcf", 6, EveryoneReadUserWriteAc), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateFile(d, NULL, "cardapps", 8, EveryoneReadUserWriteAc),
				 SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardWriteFile(d, NULL, "cardapps", 0, (const BYTE *)"mscp\0\0\0\0", 8),
				 SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateDirectory(d, "mscp", UserCreateDeleteDirAc), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateFile(d, "mscp", "cmapfile", 0, EveryoneReadUserWriteAc),
				 SCARD_S_SUCCESS);
		assert_file(&rig, NULL, "cardcf", nothing, 6);
		assert_int_equal(gids_locate(d->pvVendorSpecific, "mscp", "cmapfile", &place), SCARD_S_SUCCESS);
		assert_int_equal(place.tag, 0xDF23);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_new(&rig);
		rig_close(&rig);
	}
}

static void
test_parameters(void **state)
{
	CARD_CREATE_INFO bad;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	open_with(&rig, VCARD_STRICT);
#define REFUSED(change, code)                                                                                          \
	do {                                                                                                           \
		bad = info;                                                                                            \
		change;                                                                                                \
		assert_int_equal(d->pfnCardCreateCard(d, &bad), code);                                                 \
	} while (0)
	assert_int_equal(d->pfnCardCreateCard(d, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardCreateCard(NULL, &info), SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.pbUserPin = NULL, SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.cbUserPin = 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.pbAdminKey = NULL, SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.cbAdminKey = 16, SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.AdminAlgorithm = CardKeyUnknown, SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.cbPuk = 8, SCARD_E_INVALID_PARAMETER);
	REFUSED(bad.cUserTries = 5, SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	/* the card finds out */
	REFUSED(bad.cbUserPin = 3, SCARD_E_INVALID_PARAMETER);
	REFUSED((bad.pbPuk = (const BYTE *)KIT_PUK, bad.cbPuk = 8), SCARD_E_UNSUPPORTED_FEATURE);
	/* and is none the worse for it */
	assert_int_equal(create(&rig), SCARD_S_SUCCESS);
	assert_new(&rig);
	rig_close(&rig);
}

static void
test_puk(void **state)
{
	CARD_CREATE_INFO with_puk = info;
	CARD_PIN_TRIES tries;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len;

	(void)state;
	with_puk.pbPuk = (const BYTE *)KIT_PUK;
	with_puk.cbPuk = 8;
	open_blank(&rig, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true, .puk = true });
	assert_int_equal(d->pfnCardCreateCard(d, &with_puk), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len,
					       GIDS_ROLE_PUK),
			 SCARD_S_SUCCESS);
	assert_int_equal(tries.dwLeft, 3);
	assert_int_equal(d->pfnCardUnblockPin(d, CARD_USER_USER, (const BYTE *)KIT_PUK, 8, (const BYTE *)KIT_PIN, 6, 0,
					      CARD_AUTHENTICATE_PIN_PIN),
			 SCARD_S_SUCCESS);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blank),	       cmocka_unit_test(test_half_made),
		cmocka_unit_test(test_no_file_system), cmocka_unit_test(test_five_steps),
		cmocka_unit_test(test_parameters),     cmocka_unit_test(test_puk),
	};

	return cmocka_run_group_tests_name("gids/blank", tests, NULL, NULL);
}
