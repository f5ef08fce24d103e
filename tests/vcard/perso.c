/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation: commands, the file system of the Microsoft profile, formatting. */
#include "vcard/perso.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "vcard/perso_internal.h"
#include "vcard/tlv.h"

#define PART_LEN 240 /* what Windows sends in one part of a chain */
#define NAME_LEN 9   /* field of the file table */
#define RECORD_LEN 28

static _Thread_local char last_error[200];

const char *
vcard_perso_error(void)
{
	return last_error;
}

bool
perso_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(last_error, sizeof(last_error), format, ap);
	va_end(ap);
	return false;
}

/* --- commands --------------------------------------------------------------------------------------------------- */

static uint16_t
transmit(struct vcard *card, struct cursor command, struct buf *answer)
{
	static _Thread_local uint8_t response[VCARD_RESPONSE_MAX];
	size_t len = vcard_transmit(card, command.p, command.left, response);

	if (answer != NULL)
		buf_put(answer, response, len - 2);
	return (uint16_t)(response[len - 2] << 8 | response[len - 1]);
}

static uint16_t
send_one(struct vcard *card, const uint8_t header[4], uint8_t cla, struct cursor data, int le, struct buf *answer)
{
	AUTO_BUF struct buf command = BUF_INIT;

	buf_u8(&command, cla);
	buf_put(&command, header + 1, 3);
	if (data.left > 0) {
		buf_u8(&command, (uint8_t)data.left);
		buf_put_cur(&command, data);
	}
	if (le >= 0 && !(vcard_is_t0(card) && data.left > 0))
		buf_u8(&command, (uint8_t)le);
	return transmit(card, buf_cur(&command), answer);
}

uint16_t
vcard_perso_send(struct vcard *card, const uint8_t header[4], struct cursor data, bool wants_answer, struct buf *answer)
{
	static const uint8_t get_response[4] = { 0x00, INS_GET_RESPONSE, 0x00, 0x00 };
	static const struct cursor nothing = { NULL, 0 };
	int le = wants_answer ? 0 : -1;
	struct cursor part;
	uint16_t sw;

	while (data.left > 255) {
		(void)cur_take(&data, PART_LEN, &part);
		sw = send_one(card, header, header[0] | 0x10, part, -1, answer);
		if (sw != SW_OK)
			return sw;
	}
	sw = send_one(card, header, header[0], data, le, answer);
	if (sw >> 8 == SW_EXACT >> 8)
		sw = send_one(card, header, header[0], data, sw & 0xFF, answer);
	while (sw >> 8 == SW_MORE >> 8)
		sw = send_one(card, get_response, 0x00, nothing, sw & 0xFF, answer);
	return sw;
}

bool
perso_command(struct vcard *card, const char *what, const uint8_t header[4], struct cursor data, bool wants_answer,
	      struct buf *answer)
{
	uint16_t sw = vcard_perso_send(card, header, data, wants_answer, answer);

	return sw == SW_OK || perso_fail("%s: status %04X", what, (unsigned)sw);
}

bool
perso_select(struct vcard *card)
{
	static const uint8_t header[4] = { 0x00, INS_SELECT, 0x04, 0x00 };

	return perso_command(card, "select", header, cur_of(vcard_gids_applet.aid, 9), true, NULL);
}

bool
perso_login(struct vcard *card, const char *pin)
{
	static const uint8_t header[4] = { 0x00, INS_VERIFY, 0x00, 0x80 };

	if (pin == NULL || pin[0] == '\0')
		return perso_fail("no PIN given");
	return perso_select(card) && perso_command(card, "verify PIN", header, cur_of(pin, strlen(pin)), false, NULL);
}

bool
perso_login_guard(struct vcard *card, unsigned guard, const char *pin)
{
	const uint8_t header[4] = { 0x00, INS_VERIFY, 0x00, (uint8_t)(0x80 | guard) };

	if (guard == 0)
		return true;
	if (pin == NULL || pin[0] == '\0')
		return perso_fail("no PIN given for the key");
	return perso_command(card, "verify the key's PIN", header, cur_of(pin, strlen(pin)), false, NULL);
}

int
perso_end(struct vcard *card, bool done)
{
	static const uint8_t header[4] = { 0x00, INS_VERIFY, 0x00, 0x82 };
	static const struct cursor nothing = { NULL, 0 };

	(void)vcard_perso_send(card, header, nothing, false, NULL);
	return done ? 0 : -1;
}

/* --- data objects ----------------------------------------------------------------------------------------------- */

bool
perso_read(struct vcard *card, uint16_t file, uint32_t tag, struct buf *ret_value)
{
	const uint8_t header[4] = { 0x00, INS_GET_DATA, (uint8_t)(file >> 8), (uint8_t)file };
	AUTO_BUF struct buf request = BUF_INIT, tag_bytes = BUF_INIT, answer = BUF_INIT;
	struct cursor value, c;
	uint16_t sw;

	vcard_tlv_put_tag(&tag_bytes, tag);
	vcard_tlv_put(&request, 0x5C, buf_cur(&tag_bytes));
	sw = vcard_perso_send(card, header, buf_cur(&request), true, &answer);
	if (sw == SW_NO_DATA)
		return true;
	if (sw != SW_OK)
		return perso_fail("read %04X/%04X: status %04X", (unsigned)file, (unsigned)tag, (unsigned)sw);
	c = buf_cur(&answer);
	if (!vcard_tlv_expect(&c, tag, &value))
		return perso_fail("read %04X/%04X: not the object asked for", (unsigned)file, (unsigned)tag);
	buf_put_cur(ret_value, value);
	return true;
}

static bool
write_once(struct vcard *card, uint16_t file, uint32_t tag, struct cursor value)
{
	const uint8_t header[4] = { 0x00, INS_PUT_DATA, (uint8_t)(file >> 8), (uint8_t)file };
	AUTO_BUF struct buf object = BUF_INIT;

	vcard_tlv_put(&object, tag, value);
	if (buf_failed(&object))
		return perso_fail("write %04X/%04X: too long", (unsigned)file, (unsigned)tag);
	return perso_command(card, "write data object", header, buf_cur(&object), false, NULL);
}

/* An empty value may delete an object that was there, or empty it, as cards differ: look, and write again. */
bool
perso_write(struct vcard *card, uint16_t file, uint32_t tag, struct cursor value)
{
	const uint8_t header[4] = { 0x00, INS_GET_DATA, (uint8_t)(file >> 8), (uint8_t)file };
	AUTO_BUF struct buf request = BUF_INIT, tag_bytes = BUF_INIT;

	if (!write_once(card, file, tag, value))
		return false;
	if (value.left > 0)
		return true;
	vcard_tlv_put_tag(&tag_bytes, tag);
	vcard_tlv_put(&request, 0x5C, buf_cur(&tag_bytes));
	if (vcard_perso_send(card, header, buf_cur(&request), true, NULL) == SW_OK)
		return true;
	return write_once(card, file, tag, value);
}

/* version, PIN freshness, container freshness LE16, file freshness LE16 */
bool
perso_announce(struct vcard *card, enum perso_change change)
{
	AUTO_BUF struct buf old = BUF_INIT;
	AUTO_BUF struct buf new = BUF_INIT;
	uint16_t versions, containers, files;
	struct cursor c;

	if (!perso_read(card, PERSO_EF_USER, PERSO_CARDCF, &old))
		return false;
	c = buf_cur(&old);
	if (!cur_be16(&c, &versions) || !cur_le16(&c, &containers) || !cur_le16(&c, &files))
		return perso_fail("cardcf is too short");
	if (change == PERSO_CONTAINERS)
		containers++;
	else
		files++;
	buf_be16(&new, versions);
	buf_le16(&new, containers);
	buf_le16(&new, files);
	buf_put_cur(&new, c);
	return perso_write(card, PERSO_EF_USER, PERSO_CARDCF, buf_cur(&new));
}

/* --- file table ------------------------------------------------------------------------------------------------- */

static void
put_name(struct buf *b, const char *name)
{
	size_t len = strnlen(name, NAME_LEN - 1);

	buf_put(b, name, len);
	buf_zeros(b, NAME_LEN - len);
}

static void
put_record(struct buf *table, const char *dir, const char *name, uint32_t tag, uint16_t file)
{
	put_name(table, dir);
	put_name(table, name);
	buf_zeros(table, 2);
	buf_le32(table, tag);
	buf_le32(table, file);
}

struct record {
	char dir[NAME_LEN + 1];
	char name[NAME_LEN + 1];
	uint32_t tag;
	uint32_t file;
};

static bool
take_record(struct cursor *table, struct record *r)
{
	*r = (struct record){ .tag = 0 };
	return table->left >= RECORD_LEN && cur_copy(table, r->dir, NAME_LEN) && cur_copy(table, r->name, NAME_LEN) &&
	       cur_skip(table, 2) && cur_le32(table, &r->tag) && cur_le32(table, &r->file);
}

static bool
find_record(struct cursor table, const char *dir, const char *name, struct record *ret_record)
{
	struct record r;

	(void)cur_skip(&table, 1);
	while (take_record(&table, &r)) {
		if (strcasecmp(r.dir, dir) == 0 && strcasecmp(r.name, name) == 0) {
			*ret_record = r;
			return true;
		}
	}
	return false;
}

static uint32_t
next_tag(uint32_t tag)
{
	return tag == 0xDF7F ? 0xDF8101 : tag + 1;
}

static uint32_t
free_tag(struct cursor table)
{
	uint32_t tag = PERSO_FIRST_FREE;
	struct cursor at;
	struct record r;
	bool used = true;

	while (used) {
		at = table;
		used = false;
		(void)cur_skip(&at, 1);
		while (!used && take_record(&at, &r))
			used = r.file == PERSO_EF_USER && r.tag == tag;
		if (used)
			tag = next_tag(tag);
	}
	return tag;
}

bool
perso_put_file(struct vcard *card, const char *dir, const char *name, struct cursor content)
{
	AUTO_BUF struct buf table = BUF_INIT;
	struct record r;

	if (strlen(dir) > NAME_LEN - 1 || strlen(name) > NAME_LEN - 1 || name[0] == '\0')
		return perso_fail("names have 1 to 8 characters");
	if (!perso_read(card, PERSO_EF_TABLE, PERSO_TABLE, &table))
		return false;
	if (table.len == 0)
		return perso_fail("the card has no file table");
	if (!perso_announce(card, PERSO_FILES))
		return false;
	if (find_record(buf_cur(&table), dir, name, &r))
		return perso_write(card, (uint16_t)r.file, r.tag, content);
	if (dir[0] != '\0' && !find_record(buf_cur(&table), dir, "", &r))
		put_record(&table, dir, "", 0, PERSO_EF_TABLE);
	r.tag = free_tag(buf_cur(&table));
	put_record(&table, dir, name, r.tag, PERSO_EF_USER);
	return perso_write(card, PERSO_EF_TABLE, PERSO_TABLE, buf_cur(&table)) &&
	       perso_write(card, PERSO_EF_USER, r.tag, content);
}

int
vcard_perso_put(struct vcard *card, const char *pin, const char *dir, const char *name, struct cursor content)
{
	return perso_end(card, perso_login(card, pin) && perso_put_file(card, dir, name, content));
}

/* --- formatting ------------------------------------------------------------------------------------------------- */

static bool
make_file(struct vcard *card, const uint8_t *fcp, size_t len)
{
	static const uint8_t create[4] = { 0x00, INS_CREATE, 0x00, 0x00 };
	static const uint8_t activate[4] = { 0x00, INS_ACTIVATE, 0x00, 0x00 };
	static const struct cursor nothing = { NULL, 0 };

	return perso_command(card, "create file", create, cur_of(fcp, len), false, NULL) &&
	       perso_command(card, "activate file", activate, nothing, true, NULL);
}

static bool
make_data_files(struct vcard *card)
{
	static const struct {
		uint8_t file;
		uint8_t put;
		uint8_t get;
	} files[] = {
		{ 0x00, 0x30, 0x00 }, { 0x10, 0x30, 0x00 }, { 0x11, 0x30, 0xFF },
		{ 0x12, 0x20, 0x00 }, { 0x13, 0x30, 0x30 }, { 0x14, 0x20, 0x20 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		const uint8_t fcp[] = { 0x62, 0x0C,	     0x82, 0x01, 0x39, 0x83,	     0x02,
					0xA0, files[i].file, 0x8C, 0x03, 0x03, files[i].put, files[i].get };

		if (!make_file(card, fcp, sizeof(fcp)))
			return false;
	}
	return true;
}

static bool
make_admin_key(struct vcard *card, const uint8_t key[VCARD_DES3_LEN])
{
	static const uint8_t fcp[] = { 0x62, 0x1A, 0x82, 0x01, 0x18, 0x83, 0x02, 0xB0, 0x80, 0x8C,
				       0x04, 0x87, 0x00, 0x20, 0xFF, 0xA5, 0x0B, 0xA4, 0x09, 0x80,
				       0x01, 0x02, 0x83, 0x01, 0x80, 0x95, 0x01, 0xC0 };
	static const uint8_t put_key[4] = { 0x00, INS_PUT_DATA, 0x3F, 0xFF };
	static const uint8_t head[] = { 0x70, 0x24, 0x84, 0x01, 0x80, 0xA5, 0x1F, 0x87, VCARD_DES3_LEN };
	static const uint8_t zeros[8];
	struct vcard_crypto crypto = { NULL };
	AUTO_BUF struct buf template = BUF_INIT;
	uint8_t check[8];
	bool computed = vcard_des3_cbc(&crypto, cur_of(key, VCARD_DES3_LEN), true, zeros, sizeof(zeros), check);

	vcard_crypto_free(&crypto);
	if (!computed)
		return perso_fail("no 3DES");
	buf_put(&template, head, sizeof(head));
	buf_put(&template, key, VCARD_DES3_LEN);
	vcard_tlv_put(&template, 0x88, cur_of(check, 3));
	return make_file(card, fcp, sizeof(fcp)) &&
	       perso_command(card, "load admin key", put_key, buf_cur(&template), false, NULL);
}

static bool
make_contents(struct vcard *card, const uint8_t cardid[VCARD_CARDID_LEN])
{
	static const uint8_t cardcf[6];
	static const struct cursor nothing = { NULL, 0 };
	AUTO_BUF struct buf table = BUF_INIT;

	buf_u8(&table, 0x01);
	put_record(&table, "mscp", "", 0, PERSO_EF_TABLE);
	put_record(&table, "", "cardid", PERSO_CARDID, PERSO_EF_ADMIN);
	put_record(&table, "", "cardapps", PERSO_CARDAPPS, PERSO_EF_USER);
	put_record(&table, "", "cardcf", PERSO_CARDCF, PERSO_EF_USER);
	put_record(&table, "mscp", "cmapfile", PERSO_CMAPFILE, PERSO_EF_USER);
	return perso_write(card, PERSO_EF_TABLE, PERSO_TABLE, buf_cur(&table)) &&
	       perso_write(card, PERSO_EF_USER, PERSO_CARDAPPS, cur_of("mscp\0\0\0\0", 8)) &&
	       perso_write(card, PERSO_EF_USER, PERSO_CARDCF, cur_of(cardcf, sizeof(cardcf))) &&
	       perso_write(card, PERSO_EF_USER, PERSO_CMAPFILE, nothing) &&
	       perso_write(card, PERSO_EF_ADMIN, PERSO_CARDID, cur_of(cardid, VCARD_CARDID_LEN));
}

static bool
set_reference(struct vcard *card, uint8_t reference, const char *value)
{
	const uint8_t header[4] = { 0x00, INS_CHANGE, 0x01, reference };

	if (value == NULL || value[0] == '\0')
		return perso_fail("no PIN given");
	return perso_command(card, "set PIN", header, cur_of(value, strlen(value)), false, NULL);
}

static bool
make_operational(struct vcard *card)
{
	static const uint8_t select[4] = { 0x00, INS_SELECT, 0x00, 0x0C };
	static const uint8_t application[] = { 0x3F, 0xFF };
	static const uint8_t activate[4] = { 0x00, INS_ACTIVATE, 0x00, 0x00 };
	static const struct cursor nothing = { NULL, 0 };

	return perso_command(card, "select application", select, cur_of(application, 2), false, NULL) &&
	       perso_command(card, "activate application", activate, nothing, true, NULL);
}

int
vcard_perso_set_puk(struct vcard *card, const char *puk)
{
	return perso_end(card, perso_select(card) && set_reference(card, 0x81, puk));
}

static bool
make_profile(struct vcard *card, const char *pin, const uint8_t *admin_key)
{
	static const uint8_t no_key[VCARD_DES3_LEN];

	return perso_select(card) && set_reference(card, 0x80, pin) && make_data_files(card) &&
	       make_admin_key(card, admin_key != NULL ? admin_key : no_key);
}

int
vcard_perso_set_role(struct vcard *card, unsigned role, const char *pin)
{
	return perso_end(card, perso_select(card) && set_reference(card, (uint8_t)(0x80 | role), pin));
}

int
vcard_perso_blank(struct vcard *card, const char *pin, const uint8_t admin_key[VCARD_DES3_LEN])
{
	return perso_end(card, make_profile(card, pin, admin_key) && make_operational(card));
}

int
vcard_perso_format(struct vcard *card, const char *pin, const uint8_t admin_key[VCARD_DES3_LEN],
		   const uint8_t cardid[VCARD_CARDID_LEN])
{
	uint8_t id[VCARD_CARDID_LEN];

	if (cardid == NULL && !vcard_random(id, sizeof(id)))
		return perso_end(card, perso_fail("no random bytes"));
	return perso_end(card, make_profile(card, pin, admin_key) &&
				       make_contents(card, cardid != NULL ? cardid : id) && make_operational(card));
}
