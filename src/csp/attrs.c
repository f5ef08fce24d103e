/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What applications call their keys: identifier and label, kept in a file of our own (p11\attrs), which Windows and
 * others leave alone; the directory is registered in cardapps.
 *
 *	file	= version 01, record...
 *	record	= container index, slot (1 exchange, 2 signature), flags (1: made by us), name, identifier, label
 *	name, identifier, label = length in one byte, bytes
 *
 * The name is the container's in UTF-8: a record whose container has another one is an earlier container's, and dies with
 * the next change.
 */
#include <string.h>

#include "base/auto.h"
#include "base/utf16.h"
#include "csp/card.h"

#define VERSION 1u
#define SLOT_EXCHANGE 1u
#define SLOT_SIGNATURE 2u
#define FLAG_LOCAL 1u

struct record {
	uint8_t index, slot, flags;
	struct cursor name, id, label;
};

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

static bool
read_record(struct cursor *c, struct record *ret_record)
{
	return cur_u8(c, &ret_record->index) && cur_u8(c, &ret_record->slot) && cur_u8(c, &ret_record->flags) &&
	       read_field(c, &ret_record->name) && read_field(c, &ret_record->id) && read_field(c, &ret_record->label);
}

static void
write_field(struct buf *b, struct cursor field)
{
	buf_u8(b, (uint8_t)field.left);
	buf_put_cur(b, field);
}

static struct cursor
text(const char *s)
{
	return cur_of(s, strlen(s));
}

static bool
has_attrs(const struct csp_key *key)
{
	return key->ckaid_len > 0 || key->label[0] != '\0';
}

static void
write_record(struct buf *b, const struct csp_key *key)
{
	buf_u8(b, key->container);
	buf_u8(b, key->exchange ? SLOT_EXCHANGE : SLOT_SIGNATURE);
	buf_u8(b, key->local ? FLAG_LOCAL : 0);
	write_field(b, text(key->name));
	write_field(b, cur_of(key->ckaid, key->ckaid_len));
	write_field(b, text(key->label));
}

static bool
is_record_of(const struct record *record, const struct csp_key *key)
{
	return record->index == key->container && record->slot == (key->exchange ? SLOT_EXCHANGE : SLOT_SIGNATURE) &&
	       cur_equals(&record->name, key->name, strlen(key->name));
}

static bool
is_utf8(const char *label)
{
	uint16_t units[CSP_LABEL_MAX];
	size_t count;

	return utf8_to_utf16(label, units, ARRAY_SIZE(units), &count);
}

static void
apply(const struct record *record, struct csp_key *key)
{
	struct cursor id = record->id, label = record->label;
	char name[CSP_LABEL_MAX] = { 0 };

	if (id.left > sizeof(key->ckaid) || label.left >= sizeof(name) || !cur_copy(&label, name, label.left) ||
	    !is_utf8(name))
		return;
	key->ckaid_len = id.left;
	(void)cur_copy(&id, key->ckaid, id.left);
	memcpy(key->label, name, sizeof(key->label));
	key->local = key->local || (record->flags & FLAG_LOCAL) != 0;
}

DWORD
csp_attrs_load(struct csp_card *card, struct csp_view *view)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct record record;
	struct cursor c;
	uint8_t version;
	DWORD r = csp_file_read(card, CSP_ATTRS_DIRECTORY, CSP_ATTRS_FILE, &content);

	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
	c = buf_cur(&content);
	if (!cur_u8(&c, &version) || version != VERSION)
		return SCARD_S_SUCCESS;
	while (read_record(&c, &record))
		for (size_t i = 0; i < view->count; i++)
			if (is_record_of(&record, &view->entries[i].key))
				apply(&record, &view->entries[i].key);
	return SCARD_S_SUCCESS;
}

DWORD
csp_attrs_name(struct csp_card *card, uint8_t index, char ret_name[CSP_NAME_MAX])
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct record record;
	struct cursor c;
	uint8_t version;
	DWORD r = csp_file_read(card, CSP_ATTRS_DIRECTORY, CSP_ATTRS_FILE, &content);

	if (csp_code_is_trouble(r))
		return r;
	ret_name[0] = '\0';
	c = buf_cur(&content);
	if (r != SCARD_S_SUCCESS || !cur_u8(&c, &version) || version != VERSION)
		return SCARD_S_SUCCESS;
	while (read_record(&c, &record)) {
		char name[CSP_NAME_MAX] = { 0 };

		if (record.index != index || record.name.left >= sizeof(name) ||
		    !cur_copy(&record.name, name, record.name.left) || !is_utf8(name))
			continue;
		/* a later record is a later container's */
		memcpy(ret_name, name, sizeof(name));
	}
	return SCARD_S_SUCCESS;
}

static DWORD
make_file(struct csp_card *card)
{
	DWORD r = csp_app_make(card, CSP_ATTRS_DIRECTORY);

	return r == SCARD_S_SUCCESS ? csp_file_create(card, CSP_ATTRS_DIRECTORY, CSP_ATTRS_FILE) : r;
}

DWORD
csp_attrs_write(struct csp_card *card, const struct csp_key *changed, bool keep)
{
	AUTO_BUF struct buf content = BUF_INIT;
	const struct csp_key *key;
	DWORD r;

	buf_u8(&content, VERSION);
	for (size_t i = 0; i < card->view.count; i++) {
		key = &card->view.entries[i].key;
		if (key->id != changed->id && has_attrs(key))
			write_record(&content, key);
	}
	if (keep && has_attrs(changed))
		write_record(&content, changed);
	if (buf_failed(&content))
		return SCARD_E_NO_MEMORY;
	r = csp_file_write(card, CSP_ATTRS_DIRECTORY, CSP_ATTRS_FILE, buf_cur(&content));
	if (r != SCARD_E_FILE_NOT_FOUND && r != SCARD_E_DIR_NOT_FOUND)
		return r;
	if ((r = make_file(card)) != SCARD_S_SUCCESS)
		return r;
	return csp_file_write(card, CSP_ATTRS_DIRECTORY, CSP_ATTRS_FILE, buf_cur(&content));
}

struct naming {
	uint32_t key_id;
	const struct cursor *id;
	const char *label;
};

static DWORD
name_work(struct csp_card *card, void *arg)
{
	const struct naming *n = arg;
	struct csp_entry *e = NULL;
	struct csp_change change;
	struct csp_key key;
	DWORD r;

	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS ||
	    (r = csp_entry_find(card, n->key_id, &e)) != SCARD_S_SUCCESS)
		return r;
	key = e->key;
	if (n->id != NULL) {
		memcpy(key.ckaid, n->id->p, n->id->left);
		key.ckaid_len = n->id->left;
	}
	if (n->label != NULL)
		memcpy(key.label, n->label, strlen(n->label) + 1);
	if ((r = csp_change_begin(card, CSP_BY_EITHER, CSP_FILES, &change)) != SCARD_S_SUCCESS)
		return r;
	return csp_change_end(card, &change, csp_attrs_write(card, &key, true));
}

DWORD
csp_key_name(struct csp_card *card, uint32_t key_id, const struct cursor *id, const char *label)
{
	struct naming n = { key_id, id, label };

	if ((id != NULL && (id->left == 0 || id->left > CSP_CKAID_MAX)) ||
	    (label != NULL && (strlen(label) >= CSP_LABEL_MAX || !is_utf8(label))))
		return SCARD_E_INVALID_VALUE;
	return csp_change_run(card, name_work, &n);
}
