/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access conditions of files and directories: six conditions, three principals, reading, writing, deleting, telling. Each
 * cell is asked twice: of the minidriver through the interface, and of the card with bare commands, which must refuse what
 * the interface refuses (minidriver specification, "File system requirements"; GIDS 2.0, access rules).
 */
#include <string.h>

#include "card/gids_card.h"
#include "gids/gids.h"

enum { EVERYONE = 1, USER = 2, ADMIN = 4 };
static const unsigned principals[] = { EVERYONE, USER, ADMIN };

/* Who may; R-120. UnknownAc stands for the file table, which the directories' condition guards. */
static const struct condition {
	CARD_FILE_ACCESS_CONDITION ac;
	uint16_t ef;
	unsigned read, write;
} conditions[] = {
	{ EveryoneReadUserWriteAc, GIDS_EF_PUBLIC, EVERYONE | USER | ADMIN, USER | ADMIN },
	{ UserWriteExecuteAc, GIDS_EF_EXECUTE, 0, USER | ADMIN },
	{ EveryoneReadAdminWriteAc, GIDS_EF_CARDID, EVERYONE | USER | ADMIN, ADMIN },
	{ UnknownAc, GIDS_EF_TABLE, EVERYONE | USER | ADMIN, USER | ADMIN },
	{ UserReadWriteAc, GIDS_EF_USER, USER | ADMIN, USER | ADMIN },
	{ AdminReadWriteAc, GIDS_EF_ADMIN, ADMIN, ADMIN },
};

static struct kit strict, applet;
static const struct kit *const kits[] = { &strict, &applet };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	return 0;
}

static void
become(struct rig *rig, unsigned who)
{
	assert_int_equal(rig_logout(rig), SCARD_S_SUCCESS);
	rig_next(rig);
	if (who == USER)
		assert_int_equal(rig_verify(rig, KIT_PIN), SCARD_S_SUCCESS);
	if (who == ADMIN)
		assert_int_equal(rig_admin(rig), SCARD_S_SUCCESS);
}

static DWORD
expected(unsigned allowed, unsigned who)
{
	return (allowed & who) != 0 ? SCARD_S_SUCCESS : SCARD_W_SECURITY_VIOLATION;
}

/* A bare command, and whether the card did it. */
static bool
card_does(struct rig *rig, uint8_t ins, uint16_t ef, const uint8_t *data, size_t len, bool answer)
{
	const uint8_t header[4] = { 0x00, ins, (uint8_t)(ef >> 8), (uint8_t)ef };

	return vcard_perso_send(rig->card, header, cur_of(data, len), answer, NULL) == 0x9000;
}

/* The card's side, on an object of our own in the same file: who is authenticated stays so. */
static void
assert_card_agrees(struct rig *rig, const struct condition *c, unsigned who)
{
	static const uint8_t get[] = { 0x5C, 0x02, 0xDF, 0x7E }, put[] = { 0xDF, 0x7E, 0x02, 0x01, 0x02 },
			     erase[] = { 0xDF, 0x7E, 0x00 };

	assert_true(card_does(rig, GIDS_INS_PUT_DATA, c->ef, put, sizeof(put), false) == ((c->write & who) != 0));
	if ((c->write & who) != 0)
		assert_true(card_does(rig, GIDS_INS_GET_DATA, c->ef, get, sizeof(get), true) == ((c->read & who) != 0));
	assert_true(card_does(rig, GIDS_INS_PUT_DATA, c->ef, erase, sizeof(erase), false) == ((c->write & who) != 0));
}

static DWORD
tell(struct rig *rig, CARD_FILE_INFO *ret_info)
{
	*ret_info = (CARD_FILE_INFO){ .dwVersion = 1 };
	return rig->data.pfnCardGetFileInfo(&rig->data, NULL, "file", ret_info);
}

static DWORD
write_file(struct rig *rig, const char *text)
{
	return rig->data.pfnCardWriteFile(&rig->data, NULL, "file", 0, (const BYTE *)text, (DWORD)strlen(text));
}

/* One file, one principal: what was not allowed has changed nothing. */
static void
assert_cell(struct rig *rig, const struct condition *c, unsigned who)
{
	CARD_DATA *d = &rig->data;
	CARD_FILE_INFO info;
	size_t len = 0;

	become(rig, ADMIN);
	assert_int_equal(d->pfnCardCreateFile(d, NULL, "file", 5, c->ac), SCARD_S_SUCCESS);
	become(rig, who);
	assert_int_equal(rig_read(rig, NULL, "file", &len), expected(c->read, who));
	assert_int_equal(tell(rig, &info), expected(c->read, who));
	if ((c->read & who) != 0) {
		assert_int_equal(len, 5);
		assert_int_equal(info.cbFileSize, 5);
		assert_int_equal(info.AccessCondition, c->ac);
	}
	assert_int_equal(write_file(rig, "longer than it was"), expected(c->write, who));
	if ((c->read & who) != 0) {
		assert_int_equal(rig_read(rig, NULL, "file", &len), SCARD_S_SUCCESS);
		assert_int_equal(len, (c->write & who) != 0 ? 18 : 5);
	}
	assert_card_agrees(rig, c, who);
	become(rig, who);
	assert_int_equal(d->pfnCardDeleteFile(d, NULL, "file", 0), expected(c->write, who));
	/* listing is everybody's */
	become(rig, EVERYONE);
	assert_int_equal(rig_read(rig, NULL, "file", &len), (c->write & who) != 0	? SCARD_E_FILE_NOT_FOUND
							    : (c->read & EVERYONE) != 0 ? SCARD_S_SUCCESS
											: SCARD_W_SECURITY_VIOLATION);
	become(rig, ADMIN);
	if ((c->write & who) == 0)
		assert_int_equal(d->pfnCardDeleteFile(d, NULL, "file", 0), SCARD_S_SUCCESS);
}

/* the matrix of files */
static void
test_files(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
			for (size_t p = 0; conditions[i].ac != UnknownAc && p < ARRAY_SIZE(principals); p++)
				assert_cell(&rig, &conditions[i], principals[p]);
		rig_close(&rig);
	}
}

/* the sixth condition: directories, and files in them, are made and deleted by user and administrator */
static void
test_directories(void **state)
{
	char *names = NULL;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (size_t p = 0; p < ARRAY_SIZE(principals); p++) {
			const DWORD want = expected(USER | ADMIN, principals[p]);

			become(&rig, principals[p]);
			assert_int_equal(d->pfnCardCreateDirectory(d, "dir", AdminCreateDeleteDirAc),
					 SCARD_E_UNSUPPORTED_FEATURE);
			assert_int_equal(d->pfnCardCreateDirectory(d, "dir", UserCreateDeleteDirAc), want);
			become(&rig, USER);
			if (want != SCARD_S_SUCCESS)
				assert_int_equal(d->pfnCardCreateDirectory(d, "dir", UserCreateDeleteDirAc),
						 SCARD_S_SUCCESS);
			become(&rig, principals[p]);
			assert_int_equal(d->pfnCardCreateFile(d, "dir", "f", 1, EveryoneReadUserWriteAc), want);
			become(&rig, EVERYONE);
			assert_int_equal(d->pfnCardEnumFiles(d, "dir", &names, &len, 0),
					 want == SCARD_S_SUCCESS ? SCARD_S_SUCCESS : SCARD_E_FILE_NOT_FOUND);
			d->pfnCspFree(names);
			become(&rig, principals[p]);
			if (want == SCARD_S_SUCCESS) {
				assert_int_equal(d->pfnCardDeleteDirectory(d, "dir"), ERROR_DIR_NOT_EMPTY);
				assert_int_equal(d->pfnCardDeleteFile(d, "dir", "f", 0), SCARD_S_SUCCESS);
			}
			assert_int_equal(d->pfnCardDeleteDirectory(d, "dir"), want);
			become(&rig, ADMIN);
			assert_int_equal(d->pfnCardDeleteDirectory(d, "dir"),
					 want == SCARD_S_SUCCESS ? SCARD_E_DIR_NOT_FOUND : SCARD_S_SUCCESS);
			become(&rig, principals[p]);
			assert_card_agrees(&rig, &conditions[3], principals[p]);
		}
		rig_close(&rig);
	}
}

/* the card's identifier is the administrator's to set, and the same as its file */
static void
test_card_identifier(void **state)
{
	static const BYTE id[CARD_ID_LEN] = "an identifier...";
	BYTE told[CARD_ID_LEN];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (size_t p = 0; p < ARRAY_SIZE(principals); p++) {
			become(&rig, principals[p]);
			assert_int_equal(d->pfnCardSetProperty(d, CP_CARD_GUID, id, sizeof(id), 0),
					 expected(ADMIN, principals[p]));
		}
		assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_GUID, told, sizeof(told), &len, 0), SCARD_S_SUCCESS);
		assert_memory_equal(told, id, sizeof(id));
		assert_int_equal(d->pfnCardSetProperty(d, CP_CARD_GUID, id, 15, 0), SCARD_E_INVALID_PARAMETER);
		assert_int_equal(d->pfnCardSetProperty(d, CP_CARD_CACHE_MODE, id, 4, 0), SCARD_E_UNSUPPORTED_FEATURE);
		rig_close(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_card_identifier),
	};

	return cmocka_run_group_tests_name("gids/matrix", tests, make_kits, free_kits);
}
