/* SPDX-License-Identifier: BSD-2-Clause */
/* A card made from blank, and one made as good as new. */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/response.h"

struct creation {
	CARD_CREATE_INFO info;
	bool done;
};

/* Nothing that was known of the card is true any more. */
static void
forget_card(struct csp_card *card)
{
	card->checked = card->loaded = card->freshness_known = card->mode_read = card->token_read = false;
	card->files.known = card->roots.known = false;
	csp_roles_wipe(card);
	csp_roles_stale(card);
}

/* A card whose secrets are set already asks for the administrator, whose key the caller has just given. */
static DWORD
create_as_admin(struct csp_card *card, const struct creation *c)
{
	const PIN_INFO *info;
	DWORD left, r = csp_role_info(card, ROLE_ADMIN, &info);

	if (r == SCARD_S_SUCCESS)
		r = csp_role_present(card, ROLE_ADMIN, cur_of(c->info.pbAdminKey, c->info.cbAdminKey), &left);
	return r == SCARD_S_SUCCESS ? card->data.pfnCardCreateCard(&card->data, &c->info) : r;
}

static DWORD
create_work(struct csp_card *card, void *arg)
{
	struct creation *c = arg;
	DWORD r;

	if (c->done)
		return SCARD_S_SUCCESS;
	csp_txn_touch(card);
	r = card->data.pfnCardCreateCard(&card->data, &c->info);
	if (r == SCARD_W_SECURITY_VIOLATION)
		r = create_as_admin(card, c);
	csp_txn_touch(card);
	c->done = r == SCARD_S_SUCCESS;
	if (r != ERROR_FILE_EXISTS && r != SCARD_E_INVALID_PARAMETER)
		forget_card(card);
	/* what may be authenticated is let go by the end of the transaction */
	card->exposed |= CSP_BY_EITHER;
	card->authenticated = 0;
	return r == SCARD_S_SUCCESS ? csp_cache_check(card) : r;
}

DWORD
csp_create(struct csp_card *card, const struct csp_create *what)
{
	struct creation c = { .info = { .dwVersion = CARD_CREATE_INFO_CURRENT_VERSION,
					.pbUserPin = what->user_pin.p,
					.cbUserPin = (DWORD)what->user_pin.left,
					.cUserTries = what->user_tries,
					.pbAdminKey = what->admin_key.p,
					.cbAdminKey = (DWORD)what->admin_key.left } };
	DWORD r = SCARD_S_SUCCESS;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	c.info.AdminAlgorithm = csp_key_algorithm(what->admin_key.left);
	if (c.info.AdminAlgorithm == CardKeyUnknown || what->user_pin.left == 0 || what->user_pin.left > LIMIT_PIN)
		return SCARD_E_INVALID_PARAMETER;
	if (what->has_id)
		memcpy(c.info.bCardId, what->id, sizeof(c.info.bCardId));
	else if ((r = csp_random(card->csp, c.info.bCardId, sizeof(c.info.bCardId))) != SCARD_S_SUCCESS)
		return r;
	return csp_txn_run(card, create_work, &c);
}

/* As good as new ------------------------------------------------------------------------------------------------------ */

/*
 * The counters tell everybody first; then the map lets go of the keys, so that nobody sees one half deleted. It keeps its
 * length: OpenSC makes no keys when it and the card's own list of keys are not equally long.
 */
static DWORD
empty_map(struct csp_card *card, size_t *ret_records)
{
	AUTO_BUF struct buf content = BUF_INIT, empty = BUF_INIT;
	struct csp_cmap map;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, "cmapfile", &content);

	*ret_records = 0;
	if (r == SCARD_E_FILE_NOT_FOUND)
		return SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS)
		return r;
	csp_cmap_decode(buf_cur(&content), &map);
	*ret_records = map.records;
	for (size_t i = 0; i < map.records; i++)
		csp_cmap_clear(&empty);
	return buf_failed(&empty) ? SCARD_E_NO_MEMORY
				  : csp_file_write(card, CSP_DIRECTORY, "cmapfile", buf_cur(&empty));
}

/* Also keys that the map did not know. */
static DWORD
delete_keys(struct csp_card *card, size_t records)
{
	CARD_FREE_SPACE_INFO space = { .dwVersion = 1 };
	size_t count = records;
	DWORD r = card->data.pfnCardQueryFreeSpace(&card->data, 0, &space);

	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_S_SUCCESS && space.dwMaxKeyContainers > count && space.dwMaxKeyContainers <= LIMIT_CONTAINERS)
		count = space.dwMaxKeyContainers;
	for (size_t i = 0; i < count; i++) {
		csp_txn_touch(card);
		r = card->data.pfnCardDeleteContainer(&card->data, (BYTE)i, 0);
		if (r != SCARD_S_SUCCESS && r != SCARD_E_NO_KEY_CONTAINER)
			return r;
	}
	return SCARD_S_SUCCESS;
}

static DWORD
delete_files(struct csp_card *card, const char *directory, const char *but)
{
	AUTO_BUF struct buf names = BUF_INIT;
	char name[CSP_FILE_NAME_MAX];
	struct cursor rest, item;
	DWORD r = csp_file_list(card, directory, &names);

	rest = buf_cur(&names);
	while (r == SCARD_S_SUCCESS && csp_file_next(&rest, &item)) {
		memset(name, 0, sizeof(name));
		if (!cur_copy(&item, name, item.left < sizeof(name) ? item.left : sizeof(name) - 1))
			return SCARD_E_UNEXPECTED;
		if (but == NULL || !csp_app_is(name, but))
			r = csp_file_delete(card, directory, name);
		if (r == SCARD_E_FILE_NOT_FOUND)
			r = SCARD_S_SUCCESS;
	}
	return r;
}

/* Directories of applications, but for the one of the map; cardapps ends up with that one alone. */
static DWORD
delete_applications(struct csp_card *card)
{
	static const uint8_t mscp[CSP_APPLICATION_SIZE] = { 'm', 's', 'c', 'p' };
	AUTO_BUF struct buf content = BUF_INIT;
	char name[CSP_FILE_NAME_MAX];
	struct cursor rest, item;
	DWORD r = csp_file_read(card, NULL, CSP_APPLICATIONS, &content);

	if (r == SCARD_E_FILE_NOT_FOUND)
		return SCARD_S_SUCCESS;
	rest = buf_cur(&content);
	while (r == SCARD_S_SUCCESS && cur_take(&rest, CSP_APPLICATION_SIZE, &item)) {
		memset(name, 0, sizeof(name));
		(void)cur_copy(&item, name, CSP_APPLICATION_SIZE);
		if (name[0] == '\0' || csp_app_is(name, CSP_DIRECTORY))
			continue;
		r = delete_files(card, name, NULL);
		if (r == SCARD_S_SUCCESS)
			r = card->data.pfnCardDeleteDirectory(&card->data, name);
		if (r == SCARD_E_DIR_NOT_FOUND || r == SCARD_E_INVALID_PARAMETER)
			r = SCARD_S_SUCCESS;
	}
	return r == SCARD_S_SUCCESS ? csp_file_write(card, NULL, CSP_APPLICATIONS, cur_of(mscp, sizeof(mscp))) : r;
}

static DWORD
recreate(struct csp_card *card)
{
	size_t records;
	DWORD r;

	if ((r = empty_map(card, &records)) != SCARD_S_SUCCESS || (r = delete_keys(card, records)) != SCARD_S_SUCCESS ||
	    (r = delete_files(card, CSP_DIRECTORY, "cmapfile")) != SCARD_S_SUCCESS)
		return r;
	return delete_applications(card);
}

static DWORD
recreate_work(struct csp_card *card, void *arg)
{
	struct csp_change change;
	bool *done = arg;
	DWORD r;

	if (*done)
		return SCARD_S_SUCCESS;
	if ((r = csp_change_begin(card, CSP_BY_ADMIN, CSP_ALL, &change)) != SCARD_S_SUCCESS)
		return r;
	change.kept = 0;
	card->token_read = false;
	r = recreate(card);
	*done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

DWORD
csp_recreate(struct csp_card *card, struct cursor user_pin)
{
	bool done = false;
	DWORD r = csp_change_run(card, recreate_work, &done);

	if (r != SCARD_S_SUCCESS || user_pin.left == 0)
		return r;
	return csp_pin_unblock(card, ROLE_USER, ROLE_ADMIN, cur_of(NULL, 0), user_pin, 0, NULL);
}

struct resetting {
	bool sent;
	DWORD code;
};

static DWORD
reset_work(struct csp_card *card, void *arg)
{
	struct resetting *w = arg;

	if (w->sent)
		return w->code == SCARD_S_SUCCESS ? w->code : SCARD_E_COMM_DATA_LOST;
	if (card->read_only)
		return SCARD_E_READ_ONLY_CARD;
	w->sent = true;
	csp_txn_touch(card);
	w->code = card->data.pfnCardSetProperty(&card->data, CP_CARD_RESET, NULL, 0, 0);
	if (w->code == SCARD_E_UNSUPPORTED_FEATURE || w->code == SCARD_W_SECURITY_VIOLATION)
		return w->code;
	forget_card(card);
	card->only = 0;
	card->keys_only = false;
	card->authenticated = 0;
	return w->code == SCARD_S_SUCCESS ? csp_cache_check(card) : w->code;
}

DWORD
csp_reset(struct csp_card *card)
{
	struct resetting w = { .code = SCARD_E_COMM_DATA_LOST };

	return csp_txn_run(card, reset_work, &w);
}
