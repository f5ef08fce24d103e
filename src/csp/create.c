/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to a card: the freshness counters that announce them, the container map, and the removal of keys and
 * certificates. The counters are raised before the change: a card that is pulled then has announced a change that did
 * not come, which costs others a look; the other way round they would never look.
 */
#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"

#define COUNTERS "cardcf"
#define MAP "cmapfile"

/* The counters and what is behind them, some of them raised; they wrap around. False when they are damaged. */
static bool
raise(struct cursor content, unsigned classes, struct csp_freshness *ret_after, struct buf *ret_content)
{
	struct csp_freshness f;
	uint8_t version;

	if (!cur_u8(&content, &version) || !cur_u8(&content, &f.pins) || !cur_le16(&content, &f.containers) ||
	    !cur_le16(&content, &f.files))
		return false;
	f.pins = (uint8_t)(f.pins + ((classes & CSP_PINS) != 0 ? 1 : 0));
	f.containers = (uint16_t)(f.containers + ((classes & CSP_CONTAINERS) != 0 ? 1 : 0));
	f.files = (uint16_t)(f.files + ((classes & CSP_FILES) != 0 ? 1 : 0));
	buf_u8(ret_content, version);
	buf_u8(ret_content, f.pins);
	buf_le16(ret_content, f.containers);
	buf_le16(ret_content, f.files);
	buf_put_cur(ret_content, content);
	*ret_after = f;
	return true;
}

DWORD
csp_change_announce(struct csp_card *card, unsigned classes, struct csp_change *ret_change)
{
	AUTO_BUF struct buf old = BUF_INIT, new = BUF_INIT;
	DWORD r = csp_file_read(card, NULL, COUNTERS, &old);

	*ret_change = (struct csp_change){ .kept = CSP_ALL };
	csp_store_drop(card);
	if (csp_code_is_trouble(r))
		return r;
	/* nobody can be told, and nobody relies on it */
	if (r != SCARD_S_SUCCESS || !raise(buf_cur(&old), classes, &ret_change->after, &new))
		return SCARD_S_SUCCESS;
	if (buf_failed(&new))
		return SCARD_E_NO_MEMORY;
	ret_change->counted = true;
	return csp_file_write(card, NULL, COUNTERS, buf_cur(&new));
}

/* Cards differ in what only the administrator may: who has given both PIN and key means both. */
static DWORD
join_admin(struct csp_card *card)
{
	DWORD r = SCARD_S_SUCCESS;

	if (masked_is_set(&card->roles[ROLE_ADMIN].pin))
		r = csp_role_authenticate(card, ROLE_ADMIN);
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

DWORD
csp_change_begin(struct csp_card *card, PIN_SET who, unsigned classes, struct csp_change *ret_change)
{
	const PIN_SET before = card->authenticated;
	uint32_t role = ROLE_USER;
	DWORD r;

	if (card->read_only)
		return SCARD_E_READ_ONLY_CARD;
	/* who changes a card sees all of it afterwards */
	card->only = 0;
	card->keys_only = false;
	if ((r = csp_role_any(card, who, &role)) != SCARD_S_SUCCESS || (r = join_admin(card)) != SCARD_S_SUCCESS)
		return r;
	r = csp_change_announce(card, classes, ret_change);
	if (r != SCARD_W_SECURITY_VIOLATION || !IS_PIN_SET(before, role))
		return r;
	/* somebody else logged the card out */
	card->authenticated = 0;
	if ((r = csp_role_any(card, who, &role)) != SCARD_S_SUCCESS || (r = join_admin(card)) != SCARD_S_SUCCESS)
		return r;
	return csp_change_announce(card, classes, ret_change);
}

DWORD
csp_change_end(struct csp_card *card, const struct csp_change *change, DWORD code)
{
	DWORD r = code;

	if (code == SCARD_S_SUCCESS)
		r = csp_view_load(card, change->kept);
	if (r == SCARD_S_SUCCESS && change->counted) {
		card->freshness = change->after;
		card->freshness_known = true;
	}
	if (r != SCARD_S_SUCCESS)
		card->checked = card->loaded = false;
	return r;
}

DWORD
csp_change_run(struct csp_card *card, csp_work work, void *arg)
{
	DWORD r;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	r = csp_txn_run(card, work, arg);
	csp_role_used(card, ROLE_USER);
	return r;
}

DWORD
csp_cmap_write(struct csp_card *card, uint8_t index, const struct csp_container *container)
{
	AUTO_BUF struct buf old = BUF_INIT, new = BUF_INIT;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, MAP, &old);
	bool missing = r == SCARD_E_FILE_NOT_FOUND;

	if (missing)
		r = csp_file_create(card, CSP_DIRECTORY, MAP);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!csp_cmap_change(buf_cur(&old), index, container, &new))
		return SCARD_E_INVALID_VALUE;
	return buf_failed(&new) ? SCARD_E_NO_MEMORY : csp_file_write(card, CSP_DIRECTORY, MAP, buf_cur(&new));
}

DWORD
csp_cmap_default(struct csp_card *card, uint8_t index)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_cmap map;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, MAP, &content);

	if (r != SCARD_S_SUCCESS)
		return r;
	csp_cmap_decode(buf_cur(&content), &map);
	for (size_t i = 0; i < map.count; i++) {
		if (map.containers[i].index != index)
			continue;
		map.containers[i].is_default = true;
		return csp_cmap_write(card, index, &map.containers[i]);
	}
	return SCARD_E_NO_KEY_CONTAINER;
}

/* Deleting ----------------------------------------------------------------------------------------------------------- */

struct deletion {
	uint32_t key_id;
	bool cert_only;
	bool both; /* the key in the other slot as well */
	bool done;
};

static DWORD
delete_cert(struct csp_card *card, const struct csp_entry *e)
{
	DWORD r;

	if (e->cert_file[0] == '\0')
		return SCARD_E_FILE_NOT_FOUND;
	r = csp_file_delete(card, CSP_DIRECTORY, e->cert_file);
	return r == SCARD_E_DIR_NOT_FOUND ? SCARD_E_FILE_NOT_FOUND : r;
}

static DWORD
delete_container(struct csp_card *card, uint8_t index)
{
	DWORD r;

	csp_txn_touch(card);
	r = card->data.pfnCardDeleteContainer(&card->data, index, 0);
	return r == SCARD_S_SUCCESS || r == SCARD_E_NO_KEY_CONTAINER ? csp_cmap_write(card, index, NULL) : r;
}

/* The key in the other slot of a container; NULL. */
static const struct csp_entry *
sibling(const struct csp_card *card, const struct csp_entry *e)
{
	for (size_t i = 0; i < card->view.count; i++)
		if (&card->view.entries[i] != e && card->view.entries[i].key.container == e->key.container)
			return &card->view.entries[i];
	return NULL;
}

static DWORD
forget_names(struct csp_card *card, const struct csp_key *key)
{
	return key->ckaid_len == 0 && key->label[0] == '\0' ? SCARD_S_SUCCESS : csp_attrs_write(card, key, false);
}

/* Certificates, then keys and record, then what applications call them. */
static DWORD
delete_entry(struct csp_card *card, const struct csp_entry *e)
{
	const struct csp_entry *other = sibling(card, e);
	DWORD r = delete_cert(card, e);

	if (other != NULL && (r == SCARD_S_SUCCESS || r == SCARD_E_FILE_NOT_FOUND))
		r = delete_cert(card, other);
	if (r == SCARD_S_SUCCESS || r == SCARD_E_FILE_NOT_FOUND)
		r = delete_container(card, e->key.container);
	if (r == SCARD_S_SUCCESS)
		r = forget_names(card, &e->key);
	return r == SCARD_S_SUCCESS && other != NULL ? forget_names(card, &other->key) : r;
}

static DWORD
delete_work(struct csp_card *card, void *arg)
{
	struct deletion *d = arg;
	struct csp_entry *e = NULL;
	struct csp_change change;
	DWORD r;

	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS)
		return r;
	r = csp_entry_find(card, d->key_id, &e);
	/* the card was reset after it was done */
	if (d->done)
		return SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!d->cert_only && !d->both && e->key.other_slot_used)
		return SCARD_E_UNSUPPORTED_FEATURE;
	r = csp_change_begin(card, CSP_BY_EITHER, d->cert_only ? CSP_FILES : CSP_CONTAINERS | CSP_FILES, &change);
	if (r != SCARD_S_SUCCESS)
		return r;
	r = d->cert_only ? delete_cert(card, e) : delete_entry(card, e);
	d->done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

DWORD
csp_key_delete(struct csp_card *card, uint32_t key_id)
{
	struct deletion d = { .key_id = key_id };

	return csp_change_run(card, delete_work, &d);
}

DWORD
csp_container_delete(struct csp_card *card, uint32_t key_id)
{
	struct deletion d = { .key_id = key_id, .both = true };

	return csp_change_run(card, delete_work, &d);
}

DWORD
csp_cert_delete(struct csp_card *card, uint32_t key_id)
{
	struct deletion d = { .key_id = key_id, .cert_only = true };

	return csp_change_run(card, delete_work, &d);
}
