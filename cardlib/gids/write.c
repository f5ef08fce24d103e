/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to the card's files. A file is a record of the file table and a data object, which cannot be changed together,
 * and a card may be pulled between two commands. Hence the order:
 *   create	the object, then the record: an object without a record is nobody's, and is used again
 *   write	the object alone
 *   delete	the object, then the record: a record without its object is an empty file, which can be deleted again;
 *		and the card checks the right to write the file before anything else has changed
 * A content that takes more than one command is as safe as the card makes it: the specification rolls an unfinished
 * chain back, and some cards lose the old content with the first part.
 */
#include "gids/gids.h"

#include <string.h>

#include "iso7816/tlv.h"

#define SW_SECURITY 0x6982u

#define TAG_FIRST_FREE 0xDF21u
#define TAG_LAST 0xDF7Fu

static const struct gids_place table_place = { GIDS_EF_TABLE, GIDS_DO_TABLE };

DWORD
gids_change(struct gids *g, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw)
{
	DWORD r;

	*ret_sw = 0;
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	/* the key that is selected may be the one that changes */
	g->environment.set = false;
	r = gids_send(g, a, ret_answer, ret_sw);
	if (*ret_sw == SW_SECURITY)
		return SCARD_W_SECURITY_VIOLATION;
	if (!gids_selection_lost(g, *ret_sw))
		return r;
	r = gids_select(g);
	if (r == SCARD_E_UNKNOWN_CARD)
		return SCARD_E_COMM_DATA_LOST;
	return r == SCARD_S_SUCCESS ? SCARD_W_SECURITY_VIOLATION : r;
}

DWORD
gids_object_write(struct gids *g, struct gids_place place, struct cursor content)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_PUT_DATA, (uint8_t)(place.ef >> 8), (uint8_t)place.ef, APDU_LE_NONE);
	uint16_t sw;
	DWORD r;

	tlv_put(&a.data, place.tag, content);
	if (buf_failed(&a.data))
		return SCARD_E_WRITE_TOO_MANY;
	r = gids_change(g, &a, NULL, &sw);
	gids_object_known(g, place, r == SCARD_S_SUCCESS && content.left > 0 ? &content : NULL);
	return r;
}

/* Whether the object is there, and has content. SCARD_W_SECURITY_VIOLATION when nobody may look. */
static DWORD
look(struct gids *g, struct gids_place place, bool *ret_there, bool *ret_empty)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor value = cur_of(NULL, 0);
	DWORD r = gids_object(g, place, false, &scratch, &value);

	*ret_there = r == SCARD_S_SUCCESS;
	*ret_empty = value.left == 0;
	return r == SCARD_E_FILE_NOT_FOUND ? SCARD_S_SUCCESS : r;
}

/*
 * A PUT DATA without content deletes an object, creates one that is missing, or only empties it, as the card likes
 * (GIDS 2.0 says two things; cards do a third). So the object is looked at after each.
 */
static DWORD
settle_object(struct gids *g, struct gids_place place, bool wanted)
{
	const struct cursor nothing = cur_of(NULL, 0);
	bool there, empty;
	DWORD r = look(g, place, &there, &empty);

	if (r == SCARD_W_SECURITY_VIOLATION)
		return gids_object_write(g, place, nothing);
	for (unsigned i = 0; r == SCARD_S_SUCCESS && i < 2; i++) {
		if (wanted ? there && empty : !there)
			break;
		if ((r = gids_object_write(g, place, nothing)) == SCARD_S_SUCCESS)
			r = look(g, place, &there, &empty);
	}
	return r;
}

DWORD
gids_content_write(struct gids *g, struct gids_place place, struct cursor content)
{
	return content.left > 0 ? gids_object_write(g, place, content) : settle_object(g, place, true);
}

static DWORD
write_table(struct gids *g, const struct buf *table)
{
	return buf_failed(table) ? SCARD_E_NO_MEMORY : gids_object_write(g, table_place, buf_cur(table));
}

static uint16_t
file_of_condition(CARD_FILE_ACCESS_CONDITION ac)
{
	switch (ac) {
	case EveryoneReadUserWriteAc: return GIDS_EF_PUBLIC;
	case UserWriteExecuteAc: return GIDS_EF_EXECUTE;
	case EveryoneReadAdminWriteAc: return GIDS_EF_CARDID;
	case UserReadWriteAc: return GIDS_EF_USER;
	case AdminReadWriteAc: return GIDS_EF_ADMIN;
	default: return 0;
	}
}

static bool
tag_is_used(struct cursor records, uint16_t ef, uint32_t tag)
{
	struct gids_record record;

	while (gids_table_next(&records, &record))
		if (record.ef == ef && record.tag == tag)
			return true;
	return false;
}

/* Where everybody puts these. */
static uint32_t
usual_tag(const char *directory, const char *name)
{
	static const struct {
		const char *directory, *name;
		uint32_t tag;
	} usual[] = {
		{ "", "cardid", GIDS_DO_CARDID },
		{ "", "cardapps", 0xDF21 },
		{ "", "cardcf", GIDS_DO_CARDCF },
		{ "mscp", "cmapfile", 0xDF23 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (strcmp(usual[i].directory, directory) == 0 && strcmp(usual[i].name, name) == 0)
			return usual[i].tag;
	return 0;
}

/* 0 when there is none. */
static uint32_t
free_tag(struct cursor records, uint16_t ef, uint32_t usual)
{
	if (usual != 0 && !tag_is_used(records, ef, usual))
		return usual;
	for (uint32_t tag = TAG_FIRST_FREE; tag <= TAG_LAST; tag++)
		if (!tag_is_used(records, ef, tag))
			return tag;
	return 0;
}

/* Adds a record to the table. */
static DWORD
add_record(struct gids *g, struct cursor records, const struct gids_record *record)
{
	AUTO_BUF struct buf table = BUF_INIT;

	gids_table_without(records, record->directory, record->name, &table);
	gids_table_add(&table, record);
	return write_table(g, &table);
}

static DWORD
remove_record(struct gids *g, const char *directory, const char *name)
{
	AUTO_BUF struct buf scratch = BUF_INIT, table = BUF_INIT;
	struct cursor records;
	DWORD r = gids_records(g, &scratch, &records);

	if (r != SCARD_S_SUCCESS)
		return r;
	gids_table_without(records, directory, name, &table);
	return write_table(g, &table);
}

/* Files ------------------------------------------------------------------------------------------------------------- */

/* Why there can be no such file, or its record. */
static DWORD
plan_file(struct cursor records, const char *directory, const char *name, uint16_t ef, struct gids_record *ret_record)
{
	struct gids_record record = { .ef = ef };

	if (!gids_directory_exists(records, directory))
		return SCARD_E_DIR_NOT_FOUND;
	if (gids_record_find(records, directory, name, &record) ||
	    (directory[0] == '\0' && gids_directory_exists(records, name)))
		return ERROR_FILE_EXISTS;
	if ((record.tag = free_tag(records, ef, usual_tag(directory, name))) == 0)
		return SCARD_E_WRITE_TOO_MANY;
	/* both are names already, or the root */
	(void)check_name(directory, record.directory);
	(void)check_name(name, record.name);
	*ret_record = record;
	return SCARD_S_SUCCESS;
}

DWORD
gids_file_make(struct gids *g, const char *directory, const char *name, struct cursor initial, uint16_t ef)
{
	AUTO_BUF struct buf scratch = BUF_INIT, copy = BUF_INIT;
	struct gids_record record;
	struct cursor records;
	DWORD r;

	if ((r = gids_records(g, &scratch, &records)) != SCARD_S_SUCCESS ||
	    (r = plan_file(records, directory, name, ef, &record)) != SCARD_S_SUCCESS)
		return r;
	/* what the card answered does not outlive the next command */
	buf_put_cur(&copy, records);
	if (buf_failed(&copy))
		return SCARD_E_NO_MEMORY;
	if ((r = gids_content_write(g, (struct gids_place){ ef, record.tag }, initial)) != SCARD_S_SUCCESS)
		return r;
	return add_record(g, buf_cur(&copy), &record);
}

DWORD
gids_file_create(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
		 CARD_FILE_ACCESS_CONDITION ac)
{
	AUTO_BUF struct buf zeros = BUF_INIT;
	struct gids *g = gids_of_change(card);
	uint16_t ef = file_of_condition(ac);

	if (g == NULL || ef == 0 || cbInitial > GIDS_VALUE_MAX)
		return SCARD_E_INVALID_PARAMETER;
	buf_zeros(&zeros, cbInitial);
	if (buf_failed(&zeros))
		return SCARD_E_NO_MEMORY;
	return gids_file_make(g, gids_directory(pszDirectory), pszFile, buf_cur(&zeros), ef);
}

DWORD
gids_file_write(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
		DWORD cbData)
{
	struct gids *g = gids_of_change(card);
	struct gids_place place;
	DWORD r;

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = gids_locate(g, gids_directory(pszDirectory), pszFile, &place)) != SCARD_S_SUCCESS)
		return r;
	return cbData > GIDS_VALUE_MAX ? SCARD_E_WRITE_TOO_MANY : gids_content_write(g, place, cur_of(pbData, cbData));
}

DWORD
gids_file_delete(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags)
{
	const char *directory = gids_directory(pszDirectory);
	struct gids *g = gids_of_change(card);
	struct gids_place place;
	DWORD r;

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = gids_locate(g, directory, pszFile, &place)) != SCARD_S_SUCCESS)
		return r;
	if ((r = settle_object(g, place, false)) != SCARD_S_SUCCESS)
		return r;
	return remove_record(g, directory, pszFile);
}

/* Directories ------------------------------------------------------------------------------------------------------- */

DWORD
gids_directory_create(CARD_DATA *card, const char *pszDirectory, CARD_DIRECTORY_ACCESS_CONDITION ac)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct gids_record record = { .ef = GIDS_EF_TABLE }, other;
	struct gids *g = gids_of_change(card);
	struct cursor records;
	DWORD r;

	if (g == NULL || !check_name(pszDirectory, record.directory))
		return SCARD_E_INVALID_PARAMETER;
	/* the table has one access condition for all */
	if (ac == AdminCreateDeleteDirAc)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = gids_records(g, &scratch, &records)) != SCARD_S_SUCCESS)
		return r;
	if (gids_directory_exists(records, record.directory) || gids_record_find(records, "", record.directory, &other))
		return ERROR_FILE_EXISTS;
	return add_record(g, records, &record);
}

static bool
directory_is_empty(struct cursor records, const char *directory)
{
	struct gids_record record;

	while (gids_table_next(&records, &record))
		if (strcmp(record.directory, directory) == 0 && record.name[0] != '\0')
			return false;
	return true;
}

DWORD
gids_directory_delete(CARD_DATA *card, const char *pszDirectory)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct gids *g = gids_of_change(card);
	struct cursor records;
	DWORD r;

	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = gids_records(g, &scratch, &records)) != SCARD_S_SUCCESS)
		return r;
	if (!gids_directory_exists(records, pszDirectory))
		return SCARD_E_DIR_NOT_FOUND;
	return directory_is_empty(records, pszDirectory) ? remove_record(g, pszDirectory, "") : ERROR_DIR_NOT_EMPTY;
}
