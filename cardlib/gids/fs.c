/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The minidriver's file system on the card: names through the file table to data objects. The file table is read
 * whenever a transaction first needs it, but for cardid and cardcf, which are looked for at their usual place: these two
 * are read at the start of every transaction, and mostly nothing else is.
 */
#include "gids/gids.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define CARDID_SIZE 16u
#define CARDCF_SIZE 6u
#define CARDCF_APPLICATION_SIZE 4u

static const struct gids_place table_place = { GIDS_EF_TABLE, GIDS_DO_TABLE };

static bool
record_is(const struct gids_record *record, const char *directory, const char *name)
{
	return strcmp(record->directory, directory) == 0 && strcmp(record->name, name) == 0;
}

bool
gids_record_find(struct cursor records, const char *directory, const char *name, struct gids_record *ret_record)
{
	struct gids_record record;

	while (gids_table_next(&records, &record))
		if (record_is(&record, directory, name)) {
			*ret_record = record;
			return true;
		}
	return false;
}

static void
note_place(struct cursor records, const char *name, struct gids_place *place)
{
	struct gids_record record;

	if (gids_record_find(records, "", name, &record))
		*place = (struct gids_place){ record.ef, record.tag };
}

DWORD
gids_records(struct gids *g, struct buf *scratch, struct cursor *ret_records)
{
	struct cursor content, records = cur_of(NULL, 0);
	bool odd = false;
	DWORD r = gids_object(g, table_place, true, scratch, &content);

	if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_E_DIR_NOT_FOUND) {
		*ret_records = records;
		return SCARD_S_SUCCESS;
	}
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!gids_table_open(content, &records, &odd)) {
		if (!g->table_logged)
			log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "file table of unknown form, %zu bytes",
				 content.left);
		g->table_logged = true;
		return SCARD_E_COMM_DATA_LOST;
	}
	if (odd && !g->table_logged) {
		log_warn(LOG_CARD, "file table of %zu bytes: the tail is ignored", content.left);
		g->table_logged = true;
	}
	note_place(records, "cardid", &g->cardid_place);
	note_place(records, "cardcf", &g->cardcf_place);
	*ret_records = records;
	return SCARD_S_SUCCESS;
}

bool
gids_directory_exists(struct cursor records, const char *directory)
{
	struct gids_record record;

	if (directory[0] == '\0')
		return true;
	while (gids_table_next(&records, &record))
		if (strcmp(record.directory, directory) == 0)
			return true;
	return false;
}

static DWORD
locate(struct gids *g, const char *directory, const char *name, struct gids_place *ret_place)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct gids_record record;
	struct cursor records;
	DWORD r = gids_records(g, &scratch, &records);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (!gids_record_find(records, directory, name, &record))
		return gids_directory_exists(records, directory) ? SCARD_E_FILE_NOT_FOUND : SCARD_E_DIR_NOT_FOUND;
	*ret_place = (struct gids_place){ record.ef, record.tag };
	return SCARD_S_SUCCESS;
}

static bool
place_equal(struct gids_place a, struct gids_place b)
{
	return a.ef == b.ef && a.tag == b.tag;
}

/*
 * Reading the whole of the public file pays when certificates are wanted with the container map; the freshness
 * counters alone do not need it.
 */
static bool
wants_bulk(const struct gids *g, struct gids_place place)
{
	return place.ef == GIDS_EF_TABLE || (place.ef == GIDS_EF_PUBLIC && !place_equal(place, g->cardcf_place));
}

static bool
table_is_known(const struct gids *g)
{
	struct cursor value;

	return tlv_find(buf_cur(&g->table.objects), GIDS_DO_TABLE, &value);
}

static bool
looks_like_cardcf(struct cursor content)
{
	return content.left >= CARDCF_SIZE && (content.left - CARDCF_SIZE) % CARDCF_APPLICATION_SIZE == 0;
}

/* Reads cardid or cardcf without the table; false when it is not there or does not look like it. */
static bool
guess(struct gids *g, const char *name, struct buf *scratch, struct cursor *ret_content, DWORD *ret_code)
{
	bool cardid = strcmp(name, "cardid") == 0;
	struct gids_place place = cardid ? g->cardid_place : g->cardcf_place;
	struct cursor content;
	DWORD r = gids_object(g, place, false, scratch, &content);

	if (r == SCARD_S_SUCCESS) {
		if (cardid ? content.left != CARDID_SIZE : !looks_like_cardcf(content))
			return false;
		*ret_content = content;
	}
	*ret_code = r;
	return r != SCARD_E_FILE_NOT_FOUND && r != SCARD_E_DIR_NOT_FOUND && r != SCARD_W_SECURITY_VIOLATION;
}

static bool
can_guess(const struct gids *g, const char *directory, const char *name)
{
	return directory[0] == '\0' && (strcmp(name, "cardid") == 0 || strcmp(name, "cardcf") == 0) &&
	       !table_is_known(g);
}

DWORD
gids_locate(struct gids *g, const char *directory, const char *name, struct gids_place *ret_place)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor content;
	DWORD r = SCARD_S_SUCCESS;

	if (!can_guess(g, directory, name) || !guess(g, name, &scratch, &content, &r))
		return locate(g, directory, name, ret_place);
	if (r == SCARD_S_SUCCESS)
		*ret_place = strcmp(name, "cardid") == 0 ? g->cardid_place : g->cardcf_place;
	return r;
}

DWORD
gids_file(struct gids *g, const char *directory, const char *name, struct buf *scratch, struct cursor *ret_content)
{
	struct gids_place place;
	DWORD r;

	if (can_guess(g, directory, name)) {
		if (guess(g, name, scratch, ret_content, &r))
			return r;
		buf_reset(scratch);
	}
	if ((r = locate(g, directory, name, &place)) != SCARD_S_SUCCESS)
		return r;
	r = gids_object(g, place, wants_bulk(g, place), scratch, ret_content);
	if (r == SCARD_E_FILE_NOT_FOUND) {
		/* the table was written, the object not yet: the same as a file that was never written */
		*ret_content = cur_of(NULL, 0);
		return SCARD_S_SUCCESS;
	}
	return r == SCARD_E_DIR_NOT_FOUND ? SCARD_E_FILE_NOT_FOUND : r;
}

const char *
gids_directory(const char *directory)
{
	return directory != NULL ? directory : "";
}

/* A copy in the caller's memory, of one byte at least so that an empty file has an address. */
static DWORD
give(CARD_DATA *card, struct cursor content, BYTE **ret_bytes)
{
	BYTE *bytes = card->pfnCspAlloc(content.left > 0 ? content.left : 1);

	if (bytes == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	(void)cur_copy(&content, bytes, content.left);
	*ret_bytes = bytes;
	return SCARD_S_SUCCESS;
}

DWORD
gids_read_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, BYTE **ppbData,
	       DWORD *pcbData)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct gids *g = gids_of(card);
	struct cursor content;
	DWORD r;

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = gids_file(g, gids_directory(pszDirectory), pszFile, &scratch, &content)) != SCARD_S_SUCCESS)
		return r;
	if ((r = give(card, content, ppbData)) != SCARD_S_SUCCESS)
		return r;
	*pcbData = (DWORD)content.left;
	return SCARD_S_SUCCESS;
}

static bool
is_listed(struct cursor names, const char *name)
{
	size_t len = strlen(name) + 1;
	struct cursor rest = names, head;

	while (!cur_at_end(&rest)) {
		struct cursor candidate = rest;

		if (cur_take(&candidate, len, &head) && cur_equals(&head, name, len))
			return true;
		while (cur_take(&rest, 1, &head) && *head.p != 0)
			;
	}
	return false;
}

/* Names with their NULs; two records of one name are one file. */
static void
list_names(struct cursor records, const char *directory, struct buf *names)
{
	struct gids_record record;

	while (gids_table_next(&records, &record)) {
		if (record.name[0] == '\0' || strcmp(record.directory, directory) != 0)
			continue;
		if (!is_listed(buf_cur(names), record.name))
			buf_put(names, record.name, strlen(record.name) + 1);
	}
}

static DWORD
enumerate(struct gids *g, const char *directory, struct buf *names)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor records;
	DWORD r = gids_records(g, &scratch, &records);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (!gids_directory_exists(records, directory))
		return SCARD_E_DIR_NOT_FOUND;
	list_names(records, directory, names);
	if (names->len == 0 && !buf_failed(names))
		return SCARD_E_FILE_NOT_FOUND;
	buf_u8(names, 0);
	return buf_failed(names) ? ERROR_NOT_ENOUGH_MEMORY : SCARD_S_SUCCESS;
}

DWORD
gids_enum_files(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles, DWORD dwFlags)
{
	AUTO_BUF struct buf names = BUF_INIT;
	struct gids *g = gids_of(card);
	BYTE *copy;
	DWORD r;

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = enumerate(g, gids_directory(pszDirectory), &names)) != SCARD_S_SUCCESS)
		return r;
	if ((r = give(card, buf_cur(&names), &copy)) != SCARD_S_SUCCESS)
		return r;
	*pmszFiles = (char *)copy;
	*pcbFiles = (DWORD)names.len;
	return SCARD_S_SUCCESS;
}

static CARD_FILE_ACCESS_CONDITION
access_condition(uint16_t ef)
{
	switch (ef) {
	case GIDS_EF_PUBLIC: return EveryoneReadUserWriteAc;
	case GIDS_EF_EXECUTE: return UserWriteExecuteAc;
	case GIDS_EF_CARDID: return EveryoneReadAdminWriteAc;
	case GIDS_EF_USER: return UserReadWriteAc;
	case GIDS_EF_ADMIN: return AdminReadWriteAc;
	default: return UnknownAc;
	}
}

DWORD
gids_get_file_info(CARD_DATA *card, const char *pszDirectory, const char *pszFile, CARD_FILE_INFO *pInfo)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct gids *g = gids_of(card);
	const char *directory = gids_directory(pszDirectory);
	struct gids_place place;
	struct cursor content;
	DWORD r;

	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = locate(g, directory, pszFile, &place)) != SCARD_S_SUCCESS)
		return r;
	if ((r = gids_file(g, directory, pszFile, &scratch, &content)) != SCARD_S_SUCCESS)
		return r;
	pInfo->dwVersion = check_version(pInfo->dwVersion, 1);
	pInfo->cbFileSize = (DWORD)content.left;
	pInfo->AccessCondition = access_condition(place.ef);
	return SCARD_S_SUCCESS;
}
