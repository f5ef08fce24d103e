/* SPDX-License-Identifier: BSD-2-Clause */
/* The card's file system for people: listed, read, written, with the rights of whoever is logged in. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "csp/card.h"

#define FILE_INFO_VERSION 1u

static const struct {
	CARD_FILE_ACCESS_CONDITION condition;
	enum csp_file_access access;
} conditions[] = {
	{ EveryoneReadUserWriteAc, CSP_ALL_READ_USER_WRITES },
	{ UserWriteExecuteAc, CSP_USER_EXECUTES },
	{ EveryoneReadAdminWriteAc, CSP_ALL_READ_ADMIN_WRITES },
	{ UserReadWriteAc, CSP_USER_READS_WRITES },
	{ AdminReadWriteAc, CSP_ADMIN_READS_WRITES },
};

static enum csp_file_access
access_of(CARD_FILE_ACCESS_CONDITION condition)
{
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (conditions[i].condition == condition)
			return conditions[i].access;
	return CSP_ACCESS_UNKNOWN;
}

static CARD_FILE_ACCESS_CONDITION
condition_of(enum csp_file_access access)
{
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (conditions[i].access == access)
			return conditions[i].condition;
	return UnknownAc;
}

static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= CSP_FILE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= 0x20 || name[i] > 0x7E || strchr("\"*/:<>?\\|", name[i]) != NULL)
			return false;
	return true;
}

static bool
are_names(const char *directory, const char *name)
{
	return (directory == NULL || is_name(directory)) && (name == NULL || is_name(name));
}

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

/* Listing ------------------------------------------------------------------------------------------------------------- */

struct listing {
	const char *directory;
	struct csp_file *files;
	size_t count;
};

static DWORD
add(struct listing *l, const char *name, bool directory)
{
	struct csp_file *files;

	for (size_t i = 0; i < l->count; i++)
		if (l->files[i].directory == directory && strcasecmp(l->files[i].name, name) == 0)
			return SCARD_S_SUCCESS;
	if (l->count >= LIMIT_FILES)
		return SCARD_S_SUCCESS;
	if ((files = realloc(l->files, (l->count + 1) * sizeof(*files))) == NULL)
		return SCARD_E_NO_MEMORY;
	l->files = files;
	files[l->count] = (struct csp_file){ .directory = directory, .access = CSP_ACCESS_UNKNOWN };
	(void)strncpy(files[l->count].name, name, CSP_FILE_NAME_MAX - 1);
	l->count++;
	return SCARD_S_SUCCESS;
}

/* A name of the card's, which ends at its first NUL or with its bytes. */
static bool
take_name(struct cursor item, char ret_name[CSP_FILE_NAME_MAX])
{
	uint8_t c;

	memset(ret_name, 0, CSP_FILE_NAME_MAX);
	for (size_t i = 0; cur_u8(&item, &c) && c != '\0'; i++) {
		if (i + 1 == CSP_FILE_NAME_MAX)
			return false;
		ret_name[i] = (char)c;
	}
	return is_name(ret_name);
}

static DWORD
describe(struct csp_card *card, const char *directory, struct csp_file *file)
{
	CARD_FILE_INFO info = { .dwVersion = FILE_INFO_VERSION, .AccessCondition = UnknownAc };
	DWORD r = card->data.pfnCardGetFileInfo(&card->data, directory, file->name, &info);

	if (csp_code_is_trouble(r))
		return r;
	file->known = r == SCARD_S_SUCCESS;
	if (file->known) {
		file->size = info.cbFileSize;
		file->access = access_of(info.AccessCondition);
	}
	return SCARD_S_SUCCESS;
}

/* Strict about the directory, unlike csp_file_list(), which takes one that is not there for empty. */
static DWORD
read_files(struct csp_card *card, struct listing *l)
{
	char name[CSP_FILE_NAME_MAX], *names = NULL;
	struct cursor rest, item;
	DWORD len = 0, r;

	csp_txn_touch(card);
	r = card->data.pfnCardEnumFiles(&card->data, l->directory, &names, &len, 0);
	/* no files are no failure */
	if (r == SCARD_E_FILE_NOT_FOUND)
		return SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS)
		return r;
	rest = cur_of(names, len);
	while (r == SCARD_S_SUCCESS && csp_file_next(&rest, &item))
		if (take_name(item, name))
			r = add(l, name, false);
	csp_block_free(names);
	for (size_t i = 0; i < l->count && r == SCARD_S_SUCCESS; i++)
		r = describe(card, l->directory, &l->files[i]);
	return r;
}

/* The interface does not list directories; cardapps names them. */
static DWORD
read_directories(struct csp_card *card, struct listing *l)
{
	AUTO_BUF struct buf content = BUF_INIT;
	char name[CSP_FILE_NAME_MAX];
	struct cursor rest, item;
	DWORD r = csp_file_read(card, NULL, CSP_APPLICATIONS, &content);

	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
	rest = buf_cur(&content);
	while (r == SCARD_S_SUCCESS && cur_take(&rest, CSP_APPLICATION_SIZE, &item))
		if (take_name(item, name))
			r = add(l, name, true);
	return r;
}

/* For what only some may read: those who are logged in, if anybody is. */
static void
use_rights(struct csp_card *card)
{
	uint32_t role;

	if (csp_role_any(card, CSP_BY_ADMIN, &role) != SCARD_S_SUCCESS)
		(void)csp_role_any(card, CSP_BY_USER, &role);
}

static DWORD
list_work(struct csp_card *card, void *arg)
{
	struct listing *l = arg;
	DWORD r;

	free(l->files);
	l->files = NULL;
	l->count = 0;
	use_rights(card);
	r = read_files(card, l);
	return r == SCARD_S_SUCCESS && l->directory == NULL ? read_directories(card, l) : r;
}

DWORD
csp_fs_list(struct csp_card *card, const char *directory, struct csp_file **ret_files, size_t *ret_count)
{
	struct listing l = { .directory = directory };
	DWORD r;

	if (!are_names(directory, NULL))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = csp_txn_run(card, list_work, &l)) != SCARD_S_SUCCESS) {
		free(l.files);
		return r;
	}
	*ret_files = l.files;
	*ret_count = l.count;
	return SCARD_S_SUCCESS;
}

/* Reading and writing ------------------------------------------------------------------------------------------------- */

struct act {
	const char *directory, *name;
	struct buf *content;
	struct cursor data;
	CARD_FILE_ACCESS_CONDITION access;
	DWORD (*work)(struct csp_card *card, const struct act *act);
	bool done;
};

static DWORD
read_work(struct csp_card *card, void *arg)
{
	const struct act *act = arg;
	DWORD r = csp_file_read(card, act->directory, act->name, act->content);

	if (r != SCARD_W_SECURITY_VIOLATION)
		return r;
	use_rights(card);
	return csp_file_read(card, act->directory, act->name, act->content);
}

DWORD
csp_fs_read(struct csp_card *card, const char *directory, const char *name, struct buf *ret_content)
{
	struct act act = { .directory = directory, .name = name, .content = ret_content };

	if (name == NULL || !are_names(directory, name))
		return SCARD_E_INVALID_PARAMETER;
	return csp_txn_run(card, read_work, &act);
}

/* Which counters a change of this file touches. */
static unsigned
classes_of(const struct act *act)
{
	return CSP_FILES | (is_same(act->directory, CSP_DIRECTORY) ? CSP_CONTAINERS : 0);
}

/* The administrator may write what the user may, and more. */
static DWORD
begin(struct csp_card *card, const struct act *act, struct csp_change *change)
{
	DWORD r = csp_change_begin(card, CSP_BY_EITHER, classes_of(act), change);
	uint32_t role;

	if (r == SCARD_S_SUCCESS)
		(void)csp_role_any(card, CSP_BY_ADMIN, &role);
	return r;
}

static DWORD
change_work(struct csp_card *card, void *arg)
{
	struct act *act = arg;
	struct csp_change change;
	DWORD r;

	if (act->done)
		return SCARD_S_SUCCESS;
	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || (r = begin(card, act, &change)) != SCARD_S_SUCCESS)
		return r;
	/* the counters themselves may be what is written */
	if (act->directory == NULL && is_same(act->name, "cardcf"))
		change.counted = card->freshness_known = false;
	change.kept = CSP_PINS;
	r = act->work(card, act);
	act->done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

static DWORD
change(struct csp_card *card, struct act *act)
{
	if (!are_names(act->directory, act->name))
		return SCARD_E_INVALID_PARAMETER;
	return csp_change_run(card, change_work, act);
}

static DWORD
write_file(struct csp_card *card, const struct act *act)
{
	return csp_file_put(card, act->directory, act->name, act->access, act->data);
}

static DWORD
delete_file(struct csp_card *card, const struct act *act)
{
	return csp_file_delete(card, act->directory, act->name);
}

/* The list last: a directory that it does not name is found by nobody, one that it names must be there. */
static DWORD
make_directory(struct csp_card *card, const struct act *act)
{
	DWORD r = card->data.pfnCardCreateDirectory(&card->data, act->directory, UserCreateDeleteDirAc);
	DWORD entered;

	if (r != SCARD_S_SUCCESS && r != ERROR_FILE_EXISTS)
		return r;
	entered = csp_app_enter(card, act->directory);
	return entered != SCARD_S_SUCCESS ? entered : r;
}

static DWORD
remove_directory(struct csp_card *card, const struct act *act)
{
	DWORD r = card->data.pfnCardDeleteDirectory(&card->data, act->directory);

	return r == SCARD_S_SUCCESS ? csp_app_remove(card, act->directory) : r;
}

DWORD
csp_fs_write(struct csp_card *card, const char *directory, const char *name, enum csp_file_access access,
	     struct cursor content)
{
	struct act act = { .directory = directory, .name = name, .data = content, .work = write_file };

	act.access = condition_of(access);
	if (name == NULL || act.access == UnknownAc)
		return SCARD_E_INVALID_PARAMETER;
	return change(card, &act);
}

DWORD
csp_fs_delete(struct csp_card *card, const char *directory, const char *name)
{
	struct act act = { .directory = directory, .name = name, .work = delete_file };

	return name == NULL ? SCARD_E_INVALID_PARAMETER : change(card, &act);
}

DWORD
csp_fs_make(struct csp_card *card, const char *directory)
{
	struct act act = { .directory = directory, .work = make_directory };

	return directory == NULL ? SCARD_E_INVALID_PARAMETER : change(card, &act);
}

DWORD
csp_fs_remove(struct csp_card *card, const char *directory)
{
	struct act act = { .directory = directory, .work = remove_directory };

	return directory == NULL ? SCARD_E_INVALID_PARAMETER : change(card, &act);
}
