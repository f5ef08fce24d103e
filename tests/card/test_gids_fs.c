/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: the file system, and how it is read: bulk, single, guessed, from memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "card/gids_card.h"
#include "gids/gids.h"
#include "lib/hex.h"
#include "lib/script.h"

static struct kit strict, applet, no_bulk, t0;

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	kit_make(&no_bulk, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_NO_BULK, .ecc = true }, true);
	kit_make(&t0, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_T0, .ecc = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&no_bulk);
	kit_free(&t0);
	return 0;
}

static void
assert_file(struct rig *rig, const char *directory, const char *name, struct cursor content)
{
	BYTE *data;
	DWORD len;

	assert_int_equal(rig->data.pfnCardReadFile(&rig->data, directory, name, 0, &data, &len), SCARD_S_SUCCESS);
	assert_true(cur_equals(&content, data, len));
	rig->data.pfnCspFree(data);
}

/* The usual files, on every personality; the certificate is longer than one answer. */
static void
test_read(void **state)
{
	const struct kit *const kits[] = { &strict, &applet, &no_bulk, &t0 };
	struct rig rig;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++) {
		rig_acquire(&rig, kits[i]);
		assert_file(&rig, NULL, "cardid", cur_of("sixteen bytes id", 16));
		assert_file(&rig, NULL, "cardapps", cur_of("mscp\0\0\0\0", 8));
		assert_file(&rig, "mscp", "kxc00", kit_certificate());
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
		assert_int_equal(len, 2 * 86);
		assert_int_equal(rig_read(&rig, NULL, "cardcf", &len), SCARD_S_SUCCESS);
		assert_int_equal(len, 6);
		assert_file(&rig, "", "cardid", cur_of("sixteen bytes id", 16));
		rig_close(&rig);
	}
}

/* names without regard to case, up to eight characters of the allowed kind. */
static void
test_names(void **state)
{
	static const char *const bad[] = { "",	  "ninechars", "a/b", "a\\b", "a*b",   "a?b",	"a:b",
					   "a<b", "a>b",       "a|b", "a\"b", "a\x01", "a\x7F", "\xC3\xA4" };
	struct rig rig;
	BYTE *data;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_file(&rig, NULL, "CARDID", cur_of("sixteen bytes id", 16));
	assert_file(&rig, "MsCp", "KXC00", kit_certificate());
	(void)rig_exchanges(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(rig_read(&rig, "mscp", bad[i], NULL), SCARD_E_INVALID_PARAMETER);
		if (bad[i][0] != '\0')
			assert_int_equal(rig_read(&rig, bad[i], "cmapfile", NULL), SCARD_E_INVALID_PARAMETER);
	}
	/* */
	data = (BYTE *)&rig;
	assert_int_equal(rig.data.pfnCardReadFile(NULL, NULL, "cardid", 0, &data, &len), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_read(&rig, NULL, NULL, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardReadFile(&rig.data, NULL, "cardid", 1, &data, &len),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardReadFile(&rig.data, NULL, "cardid", 0, NULL, &len), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardReadFile(&rig.data, NULL, "cardid", 0, &data, NULL),
			 SCARD_E_INVALID_PARAMETER);
	assert_ptr_equal(data, &rig);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* what is not there. */
static void
test_missing(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(rig_read(&rig, NULL, "nothing", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig_read(&rig, "mscp", "nothing", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig_read(&rig, "nothing", "cmapfile", NULL), SCARD_E_DIR_NOT_FOUND);
	/* a directory is no file */
	assert_int_equal(rig_read(&rig, NULL, "mscp", NULL), SCARD_E_FILE_NOT_FOUND);
	rig_close(&rig);
}

/* Everything of the public file is answered from one reading while the transaction lasts, and read again after it. */
static void
test_snapshot(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	/* table; public file: 8 + 6 + 172 + 300 bytes and headers are two answers */
	assert_int_equal(rig_exchanges(&rig), 3);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, "mscp", "kxc00", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, NULL, "cardapps", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(vcard_perso_put(rig.card, KIT_PIN, "mscp", "cmapfile", cur_of(NULL, 0)), 0);
	rig_next(&rig);
	assert_file(&rig, "mscp", "cmapfile", cur_of(NULL, 0));
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

/* cardid and cardcf are one exchange each at the start of a transaction, and none the second time. */
static void
test_guess(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	for (int i = 0; i < 2; i++, rig_next(&rig)) {
		assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig_exchanges(&rig), 1);
		assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig_exchanges(&rig), 1);
		assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig_exchanges(&rig), 0);
	}
	rig_close(&rig);
}

/* A refused bulk read costs one exchange per file and context, and never again. */
static void
test_bulk_refused(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &no_bulk);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 4);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	assert_int_equal(rig_read(&rig, "mscp", "kxc00", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* The applet refuses bulk reading of ten objects; then it repeats one that was deleted. */
static void
test_applet_bulk(void **state)
{
	char name[9];
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &applet);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		assert_int_equal(vcard_perso_put(rig.card, KIT_PIN, "mscp", name, cur_of(name, 5)), 0);
	}
	rig_next(&rig);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		assert_file(&rig, "mscp", name, cur_of(name, 5));
	}
	assert_file(&rig, "mscp", "kxc00", kit_certificate());
	rig_close(&rig);
}

static DWORD
list(struct rig *rig, const char *directory, char **names, DWORD *len)
{
	*names = (char *)rig;
	return rig->data.pfnCardEnumFiles(&rig->data, directory, names, len, 0);
}

/* listing needs no PIN; double NUL; errors leave NULL. */
static void
test_enumerate(void **state)
{
	static const char root[] = "cardid\0cardapps\0cardcf\0";
	static const char mscp[] = "cmapfile\0kxc00\0";
	struct rig rig;
	char *names;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(list(&rig, NULL, &names, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, sizeof(root));
	assert_memory_equal(names, root, sizeof(root));
	rig.data.pfnCspFree(names);
	assert_int_equal(list(&rig, "MSCP", &names, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, sizeof(mscp));
	assert_memory_equal(names, mscp, sizeof(mscp));
	rig.data.pfnCspFree(names);
	assert_int_equal(list(&rig, "nothing", &names, &len), SCARD_E_DIR_NOT_FOUND);
	assert_null(names);
	assert_int_equal(list(&rig, "ninechars", &names, &len), SCARD_E_INVALID_PARAMETER);
	assert_null(names);
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, NULL, &names, &len, 1), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, NULL, NULL, &len, 0), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, NULL, &names, NULL, 0), SCARD_E_INVALID_PARAMETER);
	/* */
	rig_fail_alloc(1);
	assert_int_equal(list(&rig, NULL, &names, &len), ERROR_NOT_ENOUGH_MEMORY);
	assert_null(names);
	rig_fail_alloc(1);
	assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), ERROR_NOT_ENOUGH_MEMORY);
	rig_close(&rig);
}

/* R-120 as far as reading goes: access condition and size of a file. */
static void
test_info(void **state)
{
	CARD_FILE_INFO info = { 0 };
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, NULL, "cardid", &info), SCARD_S_SUCCESS);
	assert_int_equal(info.dwVersion, 1);
	assert_int_equal(info.cbFileSize, 16);
	assert_int_equal(info.AccessCondition, EveryoneReadAdminWriteAc);
	assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, "mscp", "kxc00", &info), SCARD_S_SUCCESS);
	assert_int_equal(info.cbFileSize, kit_certificate().left);
	assert_int_equal(info.AccessCondition, EveryoneReadUserWriteAc);
	assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, "mscp", "kxc77", &info), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, "nothing", "kxc", &info), SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, NULL, "cardid", NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, NULL, NULL, &info), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardGetFileInfo(NULL, NULL, "cardid", &info), SCARD_E_INVALID_PARAMETER);
	rig_close(&rig);
}

/* Scripts: one transaction on a card with the virtual smart card's ATR, from the application's selection on ------------ */

#define SELECT_GIDS                                                                                                    \
	"> 00 A4 04 00 09 A0 00 00 03 97 42 54 46 59 00\n"                                                             \
	"< 61 12 4F 0B A0 00 00 03 97 42 54 46 59 02 01 73 03 40 01 C0 90 00\n"
#define BULK_TABLE "> 00 CB A0 00 02 5C 00 00\n"
#define READ_TABLE "> 00 CB A0 00 04 5C 02 DF 1F 00\n"
#define BULK_PUBLIC "> 00 CB A0 10 02 5C 00 00\n"
#define READ_CARDID "> 00 CB A0 12 04 5C 02 DF 20 00\n"
#define READ_CARDCF "> 00 CB A0 10 04 5C 02 DF 22 00\n"
#define REFUSED "< 6F 00\n"
#define ABSENT "< 6A 88\n"

static void
script_rig(struct rig *rig, const char *text)
{
	static const uint8_t atr[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
				       0x97, 0x42, 0x54, 0x46, 0x59, 0x04, 0x01, 0xCF };
	struct io *io = script_open(text, false);

	assert_non_null(io);
	memcpy(io->atr, atr, sizeof(atr));
	io->atr_len = sizeof(atr);
	rig_over(rig, io);
	assert_int_equal(registry_acquire(&rig->data, &rig->memory), SCARD_S_SUCCESS);
}

static void
script_end(struct rig *rig)
{
	struct io *io = rig->io;

	rig->io = NULL;
	rig_close(rig);
	assert_true(script_close(&io));
}

#define MSCP_RECORD "6D 73 63 70 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 A0 00 00 "
/* mscp\cmapfile -> A010/DF23 */
#define CMAP_RECORD "6D 73 63 70 00 00 00 00 00 63 6D 61 70 66 69 6C 65 00 00 00 23 DF 00 00 10 A0 00 00 "
/* mscp\data -> A010/DF23 too */
#define DATA_RECORD "6D 73 63 70 00 00 00 00 00 64 61 74 61 00 00 00 00 00 00 00 23 DF 00 00 10 A0 00 00 "
/* mscp\ninechars, without NUL */
#define LONG_RECORD "6D 73 63 70 00 00 00 00 00 6E 69 6E 65 63 68 61 72 73 00 00 24 DF 00 00 10 A0 00 00 "
/* mscp\kxc00 in a file outside A000..A0FF */
#define WILD_RECORD "6D 73 63 70 00 00 00 00 00 6B 78 63 30 30 00 00 00 00 00 00 24 DF 00 00 80 B0 00 00 "
/* mscp\kxc01 with a tag that is none */
#define TAG_RECORD "6D 73 63 70 00 00 00 00 00 6B 78 63 30 31 00 00 00 00 00 00 FF FF FF FF 10 A0 00 00 "
/* \cardcf -> A010/DF30, \cardid -> A012/DF31 */
#define CARDCF_MOVED "00 00 00 00 00 00 00 00 00 63 61 72 64 63 66 00 00 00 00 00 30 DF 00 00 10 A0 00 00 "
#define CARDID_MOVED "00 00 00 00 00 00 00 00 00 63 61 72 64 69 64 00 00 00 00 00 31 DF 00 00 12 A0 00 00 "

/* M12: odd records are skipped, a tail is ignored, duplicates are one file, a name with nine characters is none. */
static void
test_odd_table(void **state)
{
	static const char expected[] = "cmapfile\0data\0";
	struct rig rig;
	char *names;
	DWORD len;

	(void)state;
	script_rig(&rig, SELECT_GIDS BULK_TABLE "< DF 1F 81 CC 01 " MSCP_RECORD CMAP_RECORD CMAP_RECORD DATA_RECORD
				 LONG_RECORD WILD_RECORD TAG_RECORD "6D 73 63 70 00 00 00 90 00\n");
	assert_int_equal(list(&rig, "mscp", &names, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(names, expected, sizeof(expected));
	rig.data.pfnCspFree(names);
	assert_int_equal(rig_read(&rig, "mscp", "kxc00", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig_read(&rig, "mscp", "kxc01", NULL), SCARD_E_FILE_NOT_FOUND);
	script_end(&rig);
}

/* R-024, M12: an unknown version is damage, not a missing file; cardid is found all the same. */
static void
test_table_version(void **state)
{
	static const char *const tables[] = { "< DF 1F 1D 02 " CMAP_RECORD "90 00\n", "< DF 1F 00 90 00\n" };
	char text[1024];
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		snprintf(text, sizeof(text), "%s%s%s%s%s", SELECT_GIDS, BULK_TABLE, tables[i], READ_CARDCF,
			 "< DF 22 06 00 00 01 00 02 00 90 00\n");
		script_rig(&rig, text);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_E_COMM_DATA_LOST);
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
		script_end(&rig);
	}
}

/* A blank card has no table: nothing is there, and that is no trouble. */
static void
test_blank(void **state)
{
	struct rig rig;
	char *names;
	DWORD len;

	(void)state;
	script_rig(&rig, SELECT_GIDS READ_CARDID "< 6A 82\n" BULK_TABLE "< 6A 82\n" READ_TABLE "< 6A 82\n" READ_TABLE
						 "< 6A 82\n" READ_TABLE "< 6A 82\n");
	assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(list(&rig, NULL, &names, &len), SCARD_E_FILE_NOT_FOUND);
	assert_null(names);
	script_end(&rig);
}

/* The table's word on cardcf and cardid counts once it is known, in later transactions too. */
static void
test_moved_files(void **state)
{
	struct rig rig;
	size_t len;

	(void)state;
	script_rig(&rig, SELECT_GIDS READ_CARDCF ABSENT BULK_TABLE
		   "< DF 1F 39 01 " CARDCF_MOVED CARDID_MOVED "90 00\n"
		   "> 00 CB A0 10 04 5C 02 DF 30 00\n< DF 30 06 00 00 00 00 00 00 90 00\n"
		   "> 00 CB A0 12 04 5C 02 DF 31 00\n< DF 31 00 90 00\n"
		   "> 00 CB A0 10 04 5C 02 DF 30 00\n< DF 30 06 00 00 01 00 00 00 90 00\n");
	assert_int_equal(rig_read(&rig, NULL, "cardcf", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 6);
	assert_int_equal(rig_read(&rig, NULL, "cardid", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 0);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", &len), SCARD_S_SUCCESS);
	script_end(&rig);
}

/* What lies where cardid usually is but has another length is not taken for it. */
static void
test_guess_by_length(void **state)
{
	struct rig rig;
	size_t len;

	(void)state;
	script_rig(&rig,
		   SELECT_GIDS READ_CARDID "< DF 20 02 01 02 90 00\n" BULK_TABLE "< DF 1F 1D 01 " CARDID_MOVED "90 00\n"
					   "> 00 CB A0 12 04 5C 02 DF 31 00\n"
					   "< DF 31 03 01 02 03 90 00\n");
	assert_int_equal(rig_read(&rig, NULL, "cardid", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 3);
	script_end(&rig);
}

/* A repeated tag counts the first time, strange tags do not matter; a missing object is an empty file. */
static void
test_snapshot_content(void **state)
{
	struct rig rig;

	(void)state;
	script_rig(&rig, SELECT_GIDS BULK_TABLE
		   "< DF 1F 39 01 " CMAP_RECORD "6D 73 63 70 00 00 00 00 00 6E 65 77 00 00 00 00 00 00 00 00 "
		   "40 DF 00 00 10 A0 00 00 90 00\n" BULK_PUBLIC "< DF 77 01 00 DF 23 01 AA DF 23 01 BB 90 00\n"
		   "> 00 CB A0 10 04 5C 02 DF 40 00\n" ABSENT);
	assert_file(&rig, "mscp", "cmapfile", cur_of("\xAA", 1));
	assert_file(&rig, "mscp", "new", cur_of(NULL, 0));
	script_end(&rig);
}

/* which answers to a single read are "not found", and that all others are not. */
static void
test_read_errors(void **state)
{
	static const struct {
		const char *answer;
		DWORD code;
	} rows[] = {
		{ "< 6A 82\n", SCARD_E_FILE_NOT_FOUND },
		{ "< 69 81\n", SCARD_E_FILE_NOT_FOUND },
		{ "< 69 82\n", SCARD_W_SECURITY_VIOLATION },
		{ "< 65 81\n", SCARD_E_COMM_DATA_LOST },
		{ "< 6A 80\n", SCARD_E_COMM_DATA_LOST },
		{ "< 6D 00\n", SCARD_E_COMM_DATA_LOST },
		{ "< 64 00\n", SCARD_E_COMM_DATA_LOST },
		{ "< 90 00\n", SCARD_E_COMM_DATA_LOST },
		{ "< DF 24 01 00 90 00\n", SCARD_E_COMM_DATA_LOST },
		{ "< DF 23 02 00 90 00\n", SCARD_E_COMM_DATA_LOST },
		{ "< DF 23 01 00 00 90 00\n", SCARD_E_COMM_DATA_LOST },
		{ "< !8010002F\n", SCARD_E_COMM_DATA_LOST },
		{ "< !80100069\n", SCARD_W_REMOVED_CARD },
		{ "< !80100068\n", SCARD_W_RESET_CARD },
	};
	char text[1024];
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", SELECT_GIDS, BULK_TABLE,
			 "< DF 1F 1D 01 " CMAP_RECORD "90 00\n", BULK_PUBLIC, REFUSED,
			 "> 00 CB A0 10 04 5C 02 DF 23 00\n", rows[i].answer);
		script_rig(&rig, text);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), rows[i].code);
		script_end(&rig);
	}
}

/* An open chain of somebody else: the application is selected again and the read repeated (3.2). */
static void
test_open_chain(void **state)
{
	struct rig rig;

	(void)state;
	script_rig(&rig,
		   SELECT_GIDS READ_CARDCF "< 68 84\n" SELECT_GIDS READ_CARDCF "< DF 22 06 00 00 00 00 00 00 90 00\n");
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	script_end(&rig);
}

/* A bulk answer beyond 64 KB, or one that does not parse, falls back; the table's own bulk likewise. */
static void
test_bulk_damaged(void **state)
{
	struct rig rig;

	(void)state;
	script_rig(&rig, SELECT_GIDS BULK_TABLE "< DF 1F 05 01 90 00\n" READ_TABLE "< DF 1F 1D 01 " CMAP_RECORD
						"90 00\n" BULK_PUBLIC "< 90 00\n"
						"> 00 CB A0 10 04 5C 02 DF 23 00\n"
						"< DF 23 01 55 90 00\n");
	assert_file(&rig, "mscp", "cmapfile", cur_of("\x55", 1));
	script_end(&rig);
}

/* M6: answers without end stop at the limit, and the card is read as before afterwards. */
static void
test_bulk_endless(void **state)
{
	static const char *const faults[] = { "1:endless61=200", "1:endless61", "2:endless61=200", "1:pingpong6C" };
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		rig_next(&rig);
		rig_faults(&rig, faults[i]);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_E_COMM_DATA_LOST);
		rig_faults(&rig, "");
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	}
	rig_close(&rig);
}

/* M10: ten thousand records are read as far as the limit, and end. */
static void
test_many_records(void **state)
{
	AUTO_BUF struct buf table = BUF_INIT_MAX(400000), record = BUF_INIT;
	struct gids_record decoded;
	struct cursor records;
	unsigned count = 0;
	bool odd;

	(void)state;
	assert_true(hex_put(&record, CMAP_RECORD));
	buf_u8(&table, 1);
	for (unsigned i = 0; i < 10000; i++)
		buf_put_cur(&table, buf_cur(&record));
	assert_true(gids_table_open(buf_cur(&table), &records, &odd));
	assert_true(odd);
	while (gids_table_next(&records, &decoded))
		count++;
	assert_int_equal(count, LIMIT_FILES);
}

/* Key map: absent, empty, short, odd states and references. */
static void
test_keymap(void **state)
{
	AUTO_BUF struct buf map = BUF_INIT;
	struct gids_container containers[GIDS_KEYS];

	(void)state;
	assert_true(gids_keymap_decode(cur_of(NULL, 0), containers));
	assert_int_equal(containers[0].keys[0].state, GIDS_KEY_UNKNOWN);
	assert_int_equal(containers[29].keys[0].reference, 0x9E);
	assert_true(hex_put(&map, "01"
				  "01000000 07 9A 85B0 FFFF 0000"
				  "00000000 00 00 FFFF FFFF 0000"
				  "01000000 0C 9C 0000 FFFF 0000"
				  "01000000 33 77 9FB0 FFFF 0000"
				  "02000000 07 9A 81B0 FFFF 0000"
				  "01000000 07 9A 86B0 9EB0 0C 9C"
				  "01000000 07 9A 87B0 9EB0 0C 00"
				  "01000000 07 9A 88B0 88B0 0C 9C"
				  "01000000 07 9A"));
	assert_true(gids_keymap_decode(buf_cur(&map), containers));
	assert_int_equal(containers[0].keys[0].state, GIDS_KEY_USED);
	assert_int_equal(containers[0].keys[0].reference, 0x85);
	assert_true(containers[0].keys[0].can_exchange && !containers[0].keys[0].can_sign_slot);
	assert_int_equal(gids_algorithm_bits(containers[0].keys[0].algorithm), 2048);
	assert_int_equal(containers[1].keys[0].state, GIDS_KEY_EMPTY);
	assert_int_equal(containers[2].keys[0].reference, 0x83);
	assert_true(!containers[2].keys[0].can_exchange && containers[2].keys[0].can_sign_slot);
	assert_int_equal(containers[3].keys[0].state, GIDS_KEY_USED);
	assert_int_equal(containers[3].keys[0].algorithm, 0);
	assert_int_equal(containers[3].keys[0].reference, 0x84);
	assert_true(containers[3].keys[0].can_exchange && containers[3].keys[0].can_sign_slot);
	assert_int_equal(containers[4].keys[0].state, GIDS_KEY_UNKNOWN);
	/* a second key, if all of it makes sense */
	assert_int_equal(containers[0].keys[1].state, GIDS_KEY_EMPTY);
	assert_int_equal(containers[5].keys[0].reference, 0x86);
	assert_int_equal(containers[5].keys[1].state, GIDS_KEY_USED);
	assert_int_equal(containers[5].keys[1].reference, 0x9E);
	assert_int_equal(gids_algorithm_bits(containers[5].keys[1].algorithm), 256);
	assert_true(containers[5].keys[1].can_sign_slot && !containers[5].keys[1].can_exchange);
	assert_int_equal(containers[6].keys[1].state, GIDS_KEY_EMPTY);
	assert_int_equal(containers[7].keys[1].state, GIDS_KEY_EMPTY);
	assert_int_equal(containers[8].keys[0].state, GIDS_KEY_UNKNOWN);
	buf_reset(&map);
	assert_true(hex_put(&map, "02 01000000 07 9A 85B0 FFFF 0000"));
	assert_false(gids_keymap_decode(buf_cur(&map), containers));
	assert_int_equal(containers[0].keys[0].state, GIDS_KEY_UNKNOWN);
	assert_int_equal(containers[0].keys[0].reference, 0x81);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_guess),
		cmocka_unit_test(test_bulk_refused),
		cmocka_unit_test(test_applet_bulk),
		cmocka_unit_test(test_enumerate),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_odd_table),
		cmocka_unit_test(test_table_version),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_moved_files),
		cmocka_unit_test(test_guess_by_length),
		cmocka_unit_test(test_snapshot_content),
		cmocka_unit_test(test_read_errors),
		cmocka_unit_test(test_open_chain),
		cmocka_unit_test(test_bulk_damaged),
		cmocka_unit_test(test_bulk_endless),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_keymap),
	};

	return cmocka_run_group_tests_name("gids/fs", tests, make_kits, free_kits);
}
