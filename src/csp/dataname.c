/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What applications call their data where a card's names of eight characters cannot say it: a file of our own (p11\names),
 * which everybody can read, as the names of files are. Data without a record are called what their file is.
 *
 *	file	= version 01, record...
 *	record	= directory, name, application, label, object identifier (DER)
 *	each	= length in one byte, bytes
 *
 * A record whose file is not there dies with the next change.
 */
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/utf16.h"
#include "csp/card.h"

#define VERSION 1u

static bool
read_field(struct cursor *c, struct cursor *ret_field)
{
	struct cursor ahead = *c;
	uint8_t len;

	if (!cur_u8(&ahead, &len) || !cur_take(&ahead, len, ret_field))
		return false;
	*c = ahead;
	return true;
}

static void
write_field(struct buf *b, const void *p, size_t len)
{
	buf_u8(b, (uint8_t)len);
	buf_put(b, p, len);
}

static void
write_text(struct buf *b, const char *text)
{
	write_field(b, text, strlen(text));
}

static bool
is_utf8(const char *text)
{
	uint16_t units[CSP_LABEL_MAX];
	size_t count;

	return utf8_to_utf16(text, units, ARRAY_SIZE(units), &count);
}

/* Text without NUL; false when it is none, or has no room. */
static bool
take_text(struct cursor field, char *ret_text, size_t room)
{
	char text[CSP_LABEL_MAX] = { 0 };

	if (field.left >= room || room > sizeof(text) || !cur_copy(&field, text, field.left) || !is_utf8(text))
		return false;
	memcpy(ret_text, text, room);
	return true;
}

void
csp_names_default(struct csp_data *file)
{
	const bool own = strcasecmp(file->directory, CSP_ATTRS_DIRECTORY) == 0;

	memset(file->application, 0, sizeof(file->application));
	memset(file->label, 0, sizeof(file->label));
	if (!own)
		memcpy(file->application, file->directory, sizeof(file->directory));
	memcpy(file->label, file->name, sizeof(file->name));
	file->object_id_len = 0;
}

static bool
has_names(const struct csp_data *file)
{
	struct csp_data plain = *file;

	csp_names_default(&plain);
	return file->object_id_len > 0 || strcmp(file->label, plain.label) != 0 ||
	       strcmp(file->application, plain.application) != 0;
}

static bool
is_same_file(const struct csp_data *a, const struct csp_data *b)
{
	return strcasecmp(a->directory, b->directory) == 0 && strcasecmp(a->name, b->name) == 0;
}

/* Loading ------------------------------------------------------------------------------------------------------------- */

/* A record that makes no sense has no names at all. */
static bool
read_record(struct cursor *c, struct csp_data *ret_file, bool *ret_good)
{
	struct cursor directory, name, application, label, oid;

	if (!read_field(c, &directory) || !read_field(c, &name) || !read_field(c, &application) ||
	    !read_field(c, &label) || !read_field(c, &oid))
		return false;
	*ret_good = take_text(directory, ret_file->directory, sizeof(ret_file->directory)) &&
		    take_text(name, ret_file->name, sizeof(ret_file->name)) &&
		    take_text(application, ret_file->application, sizeof(ret_file->application)) &&
		    take_text(label, ret_file->label, sizeof(ret_file->label)) &&
		    oid.left <= sizeof(ret_file->object_id);
	if (*ret_good) {
		ret_file->object_id_len = oid.left;
		(void)cur_copy(&oid, ret_file->object_id, oid.left);
	}
	return true;
}

static void
apply(const struct csp_data *record, struct csp_data *file)
{
	memcpy(file->application, record->application, sizeof(file->application));
	memcpy(file->label, record->label, sizeof(file->label));
	memcpy(file->object_id, record->object_id, sizeof(file->object_id));
	file->object_id_len = record->object_id_len;
}

DWORD
csp_names_load(struct csp_card *card, struct csp_files *files)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_data record = { .id = 0 };
	struct cursor c;
	uint8_t version;
	bool good;
	DWORD r;

	if (files->count == 0)
		return SCARD_S_SUCCESS;
	r = csp_file_read(card, CSP_ATTRS_DIRECTORY, CSP_NAMES_FILE, &content);
	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
	c = buf_cur(&content);
	if (!cur_u8(&c, &version) || version != VERSION)
		return SCARD_S_SUCCESS;
	while (read_record(&c, &record, &good))
		for (size_t i = 0; i < files->count && good; i++)
			if (is_same_file(&files->items[i], &record))
				apply(&record, &files->items[i]);
	return SCARD_S_SUCCESS;
}

/* Writing ------------------------------------------------------------------------------------------------------------- */

bool
csp_names_set(struct csp_data *file, const char *application, const char *label, const struct cursor *object_id)
{
	struct csp_data changed = *file;

	if (application != NULL &&
	    !take_text(cur_of(application, strlen(application)), changed.application, sizeof(changed.application)))
		return false;
	if (label != NULL && !take_text(cur_of(label, strlen(label)), changed.label, sizeof(changed.label)))
		return false;
	if (object_id != NULL) {
		struct cursor oid = *object_id;

		if (oid.left > sizeof(changed.object_id))
			return false;
		changed.object_id_len = oid.left;
		(void)cur_copy(&oid, changed.object_id, oid.left);
	}
	*file = changed;
	return true;
}

static void
write_record(struct buf *b, const struct csp_data *file)
{
	write_text(b, file->directory);
	write_text(b, file->name);
	write_text(b, file->application);
	write_text(b, file->label);
	write_field(b, file->object_id, file->object_id_len);
}

static DWORD
write_names(struct csp_card *card, const struct csp_data *changed, bool keep)
{
	AUTO_BUF struct buf content = BUF_INIT;

	buf_u8(&content, VERSION);
	for (size_t i = 0; i < card->files.count; i++)
		if (!is_same_file(&card->files.items[i], changed) && has_names(&card->files.items[i]))
			write_record(&content, &card->files.items[i]);
	if (keep && has_names(changed))
		write_record(&content, changed);
	return buf_failed(&content) ? SCARD_E_NO_MEMORY : csp_note_write(card, CSP_NAMES_FILE, buf_cur(&content));
}

DWORD
csp_names_write(struct csp_card *card, const struct csp_data *changed, bool keep)
{
	AUTO_BUF struct buf old = BUF_INIT;
	DWORD r;

	if (keep && has_names(changed))
		return write_names(card, changed, keep);
	/* nothing to say: but an older record for the same place must not speak */
	r = csp_file_read(card, CSP_ATTRS_DIRECTORY, CSP_NAMES_FILE, &old);
	if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_E_DIR_NOT_FOUND)
		return SCARD_S_SUCCESS;
	return r == SCARD_S_SUCCESS ? write_names(card, changed, keep) : r;
}
