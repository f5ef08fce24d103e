/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new card: the files of the Microsoft profile with their access rules, the user's PIN, the administrator's key, the empty
 * file system (GIDS 2.0, life cycle; minidriver specification, "Card requirements"). Until the application is activated, by
 * the last command, no rule holds and every command may be repeated, so a card that was pulled is completed by doing all of
 * it again. On a card that is activated already only the file system can be missing; its table is written last.
 */
#include "gids/gids.h"

#include <string.h>

#include "iso7816/tlv.h"

#define SELECT_NO_ANSWER 0x0Cu
#define CHANGE_SET 0x01u /* P1 of CHANGE REFERENCE DATA: the value is new, there is no old one */
#define REFERENCE_PIN 0x80u
#define REFERENCE_PUK 0x81u

#define SW_SECURITY 0x6982u
#define SW_CONDITIONS 0x6985u
#define SW_NO_FILE 0x6A82u
#define SW_NO_OBJECT 0x6A88u

#define TAG_FCP 0x62u
#define TAG_DESCRIPTOR 0x82u
#define TAG_FILE_ID 0x83u
#define TAG_RULES 0x8Cu
#define TAG_LIST 0x5Cu
#define DESCRIPTOR_OBJECTS 0x39u

#define CARDCF_SIZE 6u
#define APPLICATION "mscp\0\0\0"

/* Who may do what with each file: GET DATA and PUT DATA by 00 everybody, 10 the user, 20 the administrator, 30 both, FF nobody. */
static const struct profile_file {
	uint16_t ef;
	uint8_t put, get;
} profile[] = {
	{ GIDS_EF_TABLE, 0x30, 0x00 },	{ GIDS_EF_PUBLIC, 0x30, 0x00 }, { GIDS_EF_EXECUTE, 0x30, 0xFF },
	{ GIDS_EF_CARDID, 0x20, 0x00 }, { GIDS_EF_USER, 0x30, 0x30 },	{ GIDS_EF_ADMIN, 0x20, 0x20 },
};

/* The file system of a new card, in the order in which it is written; the directory first as it has no object. */
static const struct new_file {
	const char *directory, *name;
	uint16_t ef, tag;
} new_files[] = {
	{ "mscp", "", GIDS_EF_TABLE, 0 },
	{ "", "cardid", GIDS_EF_CARDID, GIDS_DO_CARDID },
	{ "", "cardapps", GIDS_EF_PUBLIC, 0xDF21 },
	{ "", "cardcf", GIDS_EF_PUBLIC, GIDS_DO_CARDCF },
	{ "mscp", "cmapfile", GIDS_EF_PUBLIC, 0xDF23 },
};

static struct cursor
content_of(const struct new_file *file, const CARD_CREATE_INFO *info)
{
	static const uint8_t counters[CARDCF_SIZE];

	switch (file->tag) {
	case GIDS_DO_CARDID: return cur_of(info->bCardId, CARD_ID_LEN);
	case 0xDF21: return cur_of(APPLICATION, sizeof(APPLICATION));
	case GIDS_DO_CARDCF: return cur_of(counters, sizeof(counters));
	default: return cur_of(NULL, 0);
	}
}

/* Files and secrets --------------------------------------------------------------------------------------------------- */

static DWORD
send(struct gids *g, uint8_t ins)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, ins, 0x00, 0x00, APDU_LE_NONE);
	uint16_t sw;

	return gids_change(g, &a, NULL, &sw);
}

static DWORD
select_file(struct gids *g, uint16_t ef)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_SELECT, 0x00, SELECT_NO_ANSWER, APDU_LE_NONE);
	uint16_t sw;

	buf_be16(&a.data, ef);
	return gids_change(g, &a, NULL, &sw);
}

static DWORD
create_file(struct gids *g, const struct buf *fcp, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_CREATE, 0x00, 0x00, APDU_LE_NONE);

	*ret_sw = 0;
	tlv_put(&a.data, TAG_FCP, buf_cur(fcp));
	return buf_failed(fcp) || buf_failed(&a.data) ? SCARD_E_NO_MEMORY : gids_change(g, &a, NULL, ret_sw);
}

/* A file that is there already was made by an earlier attempt: it is made anew, for who knows with which rules. */
static DWORD
make_file(struct gids *g, uint16_t ef, const struct buf *fcp)
{
	uint16_t sw;
	DWORD r = create_file(g, fcp, &sw);

	if (gids_refused(sw) && r != SCARD_W_SECURITY_VIOLATION && r != SCARD_E_WRITE_TOO_MANY &&
	    select_file(g, ef) == SCARD_S_SUCCESS && (r = send(g, GIDS_INS_DELETE)) == SCARD_S_SUCCESS)
		r = create_file(g, fcp, &sw);
	return r == SCARD_S_SUCCESS ? send(g, GIDS_INS_ACTIVATE) : r;
}

static void
put_file_id(struct buf *fcp, uint16_t ef)
{
	AUTO_BUF struct buf id = BUF_INIT;

	buf_be16(&id, ef);
	tlv_put(fcp, TAG_FILE_ID, buf_cur(&id));
	fcp->failed = fcp->failed || buf_failed(&id);
}

static DWORD
make_profile(struct gids *g)
{
	DWORD r = SCARD_S_SUCCESS;

	for (size_t i = 0; r == SCARD_S_SUCCESS && i < ARRAY_SIZE(profile); i++) {
		const uint8_t rules[] = { 0x03, profile[i].put, profile[i].get };
		AUTO_BUF struct buf fcp = BUF_INIT;

		tlv_put_u8(&fcp, TAG_DESCRIPTOR, DESCRIPTOR_OBJECTS);
		put_file_id(&fcp, profile[i].ef);
		tlv_put(&fcp, TAG_RULES, cur_of(rules, sizeof(rules)));
		r = make_file(g, profile[i].ef, &fcp);
	}
	return r;
}

/* Used by everybody, loaded by the administrator, never read. */
static DWORD
make_admin_file(struct gids *g, CARD_KEY_ALGORITHM algorithm)
{
	const uint8_t rest[] = { TAG_RULES,
				 0x04,
				 0x87,
				 0x00,
				 0x20,
				 0xFF,
				 0xA5,
				 0x0B,
				 0xA4,
				 0x09,
				 0x80,
				 0x01,
				 gids_admin_nibble(algorithm),
				 0x83,
				 0x01,
				 GIDS_KEY_ADMIN,
				 0x95,
				 0x01,
				 0xC0 };
	AUTO_BUF struct buf fcp = BUF_INIT;

	tlv_put_u8(&fcp, TAG_DESCRIPTOR, 0x18);
	put_file_id(&fcp, GIDS_EF_KEY_BASE | GIDS_KEY_ADMIN);
	buf_put(&fcp, rest, sizeof(rest));
	return make_file(g, GIDS_EF_KEY_BASE | GIDS_KEY_ADMIN, &fcp);
}

static DWORD
set_secret(struct gids *g, uint8_t reference, const BYTE *value, DWORD len)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_CHANGE, CHANGE_SET, reference, APDU_LE_NONE);
	uint16_t sw;
	DWORD r;

	a.secret = true;
	buf_put(&a.data, value, len);
	if (buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	r = gids_change(g, &a, NULL, &sw);
	/* "no such PIN" is a card without PUK, anything else is about the value */
	if (!gids_refused(sw) || r == SCARD_W_SECURITY_VIOLATION)
		return r;
	return r == SCARD_E_FILE_NOT_FOUND ? SCARD_E_UNSUPPORTED_FEATURE : SCARD_E_INVALID_PARAMETER;
}

static DWORD
make_secrets(CARD_DATA *card, struct gids *g, const CARD_CREATE_INFO *info)
{
	DWORD r = set_secret(g, REFERENCE_PIN, info->pbUserPin, info->cbUserPin);

	if (r == SCARD_S_SUCCESS && info->pbPuk != NULL)
		r = set_secret(g, REFERENCE_PUK, info->pbPuk, info->cbPuk);
	if (r != SCARD_S_SUCCESS || (r = make_admin_file(g, info->AdminAlgorithm)) != SCARD_S_SUCCESS)
		return r;
	r = gids_admin_key_write(card, g, info->AdminAlgorithm, info->pbAdminKey, info->cbAdminKey);
	return r == SCARD_E_INVALID_CHV ? SCARD_E_UNSUPPORTED_FEATURE : r;
}

/* The file system ----------------------------------------------------------------------------------------------------- */

static void
record_of(const struct new_file *file, struct gids_record *ret_record)
{
	struct gids_record record = { .tag = file->tag, .ef = file->ef };

	(void)check_name(file->directory, record.directory);
	(void)check_name(file->name, record.name);
	*ret_record = record;
}

/* Objects, then the table that makes files of them. */
static DWORD
write_all(struct gids *g, const CARD_CREATE_INFO *info)
{
	AUTO_BUF struct buf table = BUF_INIT;
	struct gids_record record;
	DWORD r = SCARD_S_SUCCESS;

	gids_table_without(cur_of(NULL, 0), "", "", &table);
	for (size_t i = 0; r == SCARD_S_SUCCESS && i < ARRAY_SIZE(new_files); i++) {
		const struct new_file *file = &new_files[i];

		record_of(file, &record);
		gids_table_add(&table, &record);
		if (file->tag != 0)
			r = gids_content_write(g, (struct gids_place){ file->ef, file->tag }, content_of(file, info));
	}
	if (r != SCARD_S_SUCCESS)
		return r;
	return buf_failed(&table)
		       ? SCARD_E_NO_MEMORY
		       : gids_object_write(g, (struct gids_place){ GIDS_EF_TABLE, GIDS_DO_TABLE }, buf_cur(&table));
}

static DWORD
has_file(struct gids *g, const struct new_file *file, bool *ret_there)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct gids_record record;
	struct cursor records;
	DWORD r = gids_records(g, &scratch, &records);

	if (r != SCARD_S_SUCCESS)
		return r;
	*ret_there = file->name[0] != '\0' ? gids_record_find(records, file->directory, file->name, &record)
					   : gids_directory_exists(records, file->directory);
	return SCARD_S_SUCCESS;
}

/* What is missing of a file system that somebody has begun. */
static DWORD
write_missing(CARD_DATA *card, struct gids *g, const CARD_CREATE_INFO *info)
{
	bool there, any = false;
	DWORD r;

	for (size_t i = 0; i < ARRAY_SIZE(new_files); i++) {
		const struct new_file *file = &new_files[i];

		if ((r = has_file(g, file, &there)) != SCARD_S_SUCCESS)
			return r;
		if (there)
			continue;
		any = true;
		if (file->tag == 0)
			r = gids_directory_create(card, file->directory, UserCreateDeleteDirAc);
		else
			r = gids_file_make(g, file->directory, file->name, content_of(file, info), file->ef);
		if (r != SCARD_S_SUCCESS)
			return r;
	}
	return any ? SCARD_S_SUCCESS : ERROR_FILE_EXISTS;
}

static DWORD
write_file_system(CARD_DATA *card, struct gids *g, const CARD_CREATE_INFO *info)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor records;
	DWORD r = gids_records(g, &scratch, &records);

	if (r != SCARD_S_SUCCESS)
		return r;
	return cur_at_end(&records) ? write_all(g, info) : write_missing(card, g, info);
}

/* The card ------------------------------------------------------------------------------------------------------------ */

/* What the card says to GET DATA of one object; refusals are answers. */
static DWORD
probe(struct gids *g, struct gids_place place, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_GET_DATA, (uint8_t)(place.ef >> 8), (uint8_t)place.ef, APDU_LE_MAX);
	const uint8_t tag[] = { (uint8_t)(place.tag >> 8), (uint8_t)place.tag };
	DWORD r;

	*ret_sw = 0;
	tlv_put(&a.data, TAG_LIST, cur_of(tag, sizeof(tag)));
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	r = gids_exchange(g, &a, NULL, ret_sw);
	return gids_refused(*ret_sw) ? SCARD_S_SUCCESS : r;
}

/* Nothing there to read, or a file that nobody has activated. Other refusals may mean anything. */
static bool
says_nothing_there(uint16_t sw)
{
	return sw == SW_NO_OBJECT || sw == SW_CONDITIONS;
}

/*
 * Whether rules hold already: nobody at all may read the file of UserWriteExecuteAc then. On a card without that file a
 * file table says that there is something to lose. Only clear words count, since what is there will be deleted.
 */
static DWORD
is_activated(struct gids *g, bool *ret_activated)
{
	uint16_t sw;
	DWORD r = probe(g, (struct gids_place){ GIDS_EF_EXECUTE, 0xDF21 }, &sw);

	if (r == SCARD_S_SUCCESS && sw == SW_NO_FILE) {
		r = probe(g, (struct gids_place){ GIDS_EF_TABLE, GIDS_DO_TABLE }, &sw);
		*ret_activated = !gids_refused(sw);
		if (r != SCARD_S_SUCCESS || *ret_activated)
			return r;
		return says_nothing_there(sw) || sw == SW_NO_FILE ? SCARD_S_SUCCESS : SCARD_E_UNEXPECTED;
	}
	*ret_activated = sw == SW_SECURITY;
	if (r != SCARD_S_SUCCESS || *ret_activated)
		return r;
	return says_nothing_there(sw) ? SCARD_S_SUCCESS : SCARD_E_UNEXPECTED;
}

static DWORD
make_card(CARD_DATA *card, struct gids *g, const CARD_CREATE_INFO *info)
{
	bool activated;
	DWORD r = is_activated(g, &activated);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (activated)
		return write_file_system(card, g, info);
	if (gids_admin_nibble(info->AdminAlgorithm) == 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = make_profile(g)) != SCARD_S_SUCCESS || (r = make_secrets(card, g, info)) != SCARD_S_SUCCESS ||
	    (r = write_all(g, info)) != SCARD_S_SUCCESS || (r = select_file(g, GIDS_EF_WHOLE)) != SCARD_S_SUCCESS)
		return r;
	return send(g, GIDS_INS_ACTIVATE);
}

DWORD
gids_create_card(CARD_DATA *card, const CARD_CREATE_INFO *pInfo)
{
	struct gids *g = gids_of(card);
	DWORD r;

	if (g == NULL || (pInfo->cUserTries != 0 && pInfo->cUserTries != CARD_DATA_VALUE_UNKNOWN))
		return SCARD_E_INVALID_PARAMETER;
	r = make_card(card, g, pInfo);
	/* what was known of the card was another card's */
	gids_forget_session(g);
	g->keys_state = GIDS_KEYS_NONE;
	g->table.refused = g->public.refused = g->cardid.refused = false;
	g->tries_source = GIDS_TRIES_LOCAL;
	g->admin_algorithm = CardKeyUnknown;
	g->puk = GIDS_PUK_UNKNOWN;
	return r;
}
