/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of applications: what lies in the directories that cardapps names, but for the one that the map and the
 * certificates are in. They are looked for when somebody first asks, and again when the files have changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "csp/card.h"

/* Of CARD_FILE_INFO. */
#define FILE_INFO_VERSION 1u

/* Letters, digits, and what a minidriver takes in a name; the rest would be no text. */
static bool
is_name_char(uint8_t c)
{
	return c > 0x20 && c < 0x7F && strchr("\"*/:<>?\\|", c) == NULL;
}

/* A name that ends at its first NUL, or with its bytes. False when it is none. */
static bool
take_name(struct cursor item, char ret_name[CSP_FILE_NAME_MAX])
{
	char name[CSP_FILE_NAME_MAX] = { 0 };
	uint8_t c;

	for (size_t i = 0; cur_u8(&item, &c) && c != '\0'; i++) {
		if (i + 1 == sizeof(name) || !is_name_char(c))
			return false;
		name[i] = (char)c;
	}
	memcpy(ret_name, name, sizeof(name));
	return name[0] != '\0';
}

static const struct csp_data *
find_name(const struct csp_files *files, const char *directory, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcasecmp(files->items[i].directory, directory) == 0 &&
		    (name == NULL || strcasecmp(files->items[i].name, name) == 0))
			return &files->items[i];
	return NULL;
}

/* Whom the card lets read the file: *ret_wanted false when it is of no use to the user. */
static DWORD
find_access(struct csp_card *card, struct csp_data *file, bool *ret_wanted)
{
	CARD_FILE_INFO info = { .dwVersion = FILE_INFO_VERSION, .AccessCondition = UnknownAc };
	DWORD r;

	csp_txn_touch(card);
	r = card->data.pfnCardGetFileInfo(&card->data, file->directory, file->name, &info);
	if (csp_code_is_trouble(r))
		return r;
	file->private = r == SCARD_W_SECURITY_VIOLATION || info.AccessCondition == UserReadWriteAc ||
			info.AccessCondition == UnknownAc;
	*ret_wanted =
		r == SCARD_W_SECURITY_VIOLATION || (r == SCARD_S_SUCCESS && info.AccessCondition != AdminReadWriteAc);
	return SCARD_S_SUCCESS;
}

/* The same file as before keeps its number. */
static uint32_t
number_of(struct csp_card *card, const struct csp_data *file)
{
	const struct csp_data *old = find_name(&card->files, file->directory, file->name);

	return old != NULL && old->private == file->private ? old->id : csp_next_number(card->csp);
}

/* Our own notes, which are nobody's data. */
static bool
is_note(const char *directory, const char *name)
{
	return strcasecmp(directory, CSP_ATTRS_DIRECTORY) == 0 &&
	       (strcasecmp(name, CSP_ATTRS_FILE) == 0 || strcasecmp(name, CSP_LABEL_FILE) == 0 ||
		strcasecmp(name, CSP_NAMES_FILE) == 0);
}

static DWORD
add_file(struct csp_card *card, struct csp_files *files, const char *directory, const char *name)
{
	struct csp_data file = { .id = 0 }, *items;
	bool wanted = false;
	DWORD r;

	if (is_note(directory, name))
		return SCARD_S_SUCCESS;
	if (files->count >= LIMIT_FILES || find_name(files, directory, name) != NULL)
		return SCARD_S_SUCCESS;
	memcpy(file.directory, directory, sizeof(file.directory));
	memcpy(file.name, name, sizeof(file.name));
	if ((r = find_access(card, &file, &wanted)) != SCARD_S_SUCCESS || !wanted)
		return r;
	if ((items = realloc(files->items, (files->count + 1) * sizeof(*items))) == NULL)
		return SCARD_E_NO_MEMORY;
	file.id = number_of(card, &file);
	csp_names_default(&file);
	files->items = items;
	items[files->count++] = file;
	return SCARD_S_SUCCESS;
}

static DWORD
add_directory(struct csp_card *card, struct csp_files *files, const char *directory)
{
	AUTO_BUF struct buf names = BUF_INIT;
	struct cursor rest, item;
	char name[CSP_FILE_NAME_MAX];
	DWORD r = csp_file_list(card, directory, &names);

	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) || r == SCARD_E_NO_MEMORY ? r : SCARD_S_SUCCESS;
	rest = buf_cur(&names);
	while (r == SCARD_S_SUCCESS && csp_file_next(&rest, &item))
		if (take_name(item, name))
			r = add_file(card, files, directory, name);
	return r;
}

static DWORD
read_directories(struct csp_card *card, struct csp_files *files)
{
	AUTO_BUF struct buf content = BUF_INIT;
	char directory[CSP_FILE_NAME_MAX];
	struct cursor rest, item;
	DWORD r = csp_file_read(card, NULL, CSP_APPLICATIONS, &content);

	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) || r == SCARD_E_NO_MEMORY ? r : SCARD_S_SUCCESS;
	rest = buf_cur(&content);
	while (r == SCARD_S_SUCCESS && cur_take(&rest, CSP_APPLICATION_SIZE, &item))
		if (take_name(item, directory) && strcasecmp(directory, CSP_DIRECTORY) != 0 &&
		    find_name(files, directory, NULL) == NULL)
			r = add_directory(card, files, directory);
	return r;
}

static DWORD
list_work(struct csp_card *card, void *arg)
{
	struct csp_files files = { .known = true };
	DWORD r;

	(void)arg;
	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || card->files.known)
		return r;
	if ((r = read_directories(card, &files)) != SCARD_S_SUCCESS ||
	    (r = csp_names_load(card, &files)) != SCARD_S_SUCCESS) {
		csp_files_free(&files);
		return r;
	}
	csp_files_free(&card->files);
	card->files = files;
	return SCARD_S_SUCCESS;
}

void
csp_files_free(struct csp_files *files)
{
	free(files->items);
	*files = (struct csp_files){ .known = false };
}

/* What csp.h offers -------------------------------------------------------------------------------------------------- */

DWORD
csp_data_list(struct csp_card *card)
{
	if (!card->gone && card->files.known)
		return SCARD_S_SUCCESS;
	return csp_txn_run(card, list_work, NULL);
}

size_t
csp_data_count(const struct csp_card *card)
{
	return card->gone ? 0 : card->files.count;
}

const struct csp_data *
csp_data_at(const struct csp_card *card, size_t index)
{
	return index < csp_data_count(card) ? &card->files.items[index] : NULL;
}

const struct csp_data *
csp_data_find(const struct csp_card *card, uint32_t id)
{
	for (size_t i = 0; i < csp_data_count(card); i++)
		if (card->files.items[i].id == id)
			return &card->files.items[i];
	return NULL;
}

struct reading {
	uint32_t id;
	struct buf *content;
	bool private;
};

/* The card may have forgotten that it was given the PIN. */
static DWORD
read_private(struct csp_card *card, const struct csp_data *file, struct buf *ret_content)
{
	bool believed = IS_PIN_SET(card->authenticated, ROLE_USER);
	DWORD r = csp_role_authenticate(card, ROLE_USER);

	if (r != SCARD_S_SUCCESS)
		return r;
	r = csp_file_read(card, file->directory, file->name, ret_content);
	if (r == SCARD_W_SECURITY_VIOLATION && believed) {
		card->authenticated &= ~CREATE_PIN_SET(ROLE_USER);
		if ((r = csp_role_authenticate(card, ROLE_USER)) != SCARD_S_SUCCESS)
			return r;
		r = csp_file_read(card, file->directory, file->name, ret_content);
	}
	return r == SCARD_W_SECURITY_VIOLATION ? SCARD_E_NO_ACCESS : r;
}

static DWORD
read_work(struct csp_card *card, void *arg)
{
	struct reading *reading = arg;
	const struct csp_data *file;
	DWORD r = csp_cache_check(card);

	if (r != SCARD_S_SUCCESS)
		return r;
	if ((file = csp_data_find(card, reading->id)) == NULL)
		return SCARD_E_FILE_NOT_FOUND;
	reading->private = file->private;
	if (file->private)
		return read_private(card, file, reading->content);
	return csp_file_read(card, file->directory, file->name, reading->content);
}

DWORD
csp_data_read(struct csp_card *card, uint32_t id, struct buf *ret_content)
{
	struct reading reading = { id, ret_content, false };
	DWORD r = csp_txn_run(card, read_work, &reading);

	if (reading.private)
		csp_role_used(card, ROLE_USER);
	return r;
}

/* Made, written, deleted ----------------------------------------------------------------------------------------------- */

/* Our own directory, for data whose application's name cannot be one. */
#define OWN_DIRECTORY CSP_ATTRS_DIRECTORY
#define NAME_TRIES 1000u

struct data_change {
	enum { MAKE, WRITE, NAME, DELETE } act;
	uint32_t id; /* but for MAKE */
	const struct csp_data_new *new;
	struct cursor content;
	const char *application, *label;
	const struct cursor *object_id;
	struct csp_data file; /* it, or what it will be */
	bool done;
};

/* The name as it stands if it can be one on a card, in lower case as the card takes it. */
static bool
usable_name(const char *text, char ret_name[CSP_FILE_NAME_MAX])
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len == 0 || len >= CSP_FILE_NAME_MAX)
		return false;
	memset(ret_name, 0, CSP_FILE_NAME_MAX);
	for (size_t i = 0; i < len; i++) {
		if (!is_name_char((uint8_t)text[i]))
			return false;
		ret_name[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
	}
	return true;
}

static bool
is_taken(struct cursor names, const char *directory, const char *name)
{
	return csp_file_listed(names, name) || is_note(directory, name);
}

/* Where a new file goes; the label is its name if it can be and is not taken. */
static DWORD
choose_file(struct csp_card *card, struct data_change *c)
{
	AUTO_BUF struct buf names = BUF_INIT;
	DWORD r;

	c->file = (struct csp_data){ .private = c->new->private };
	if (!usable_name(c->new->application, c->file.directory) || strcasecmp(c->file.directory, CSP_DIRECTORY) == 0)
		(void)snprintf(c->file.directory, sizeof(c->file.directory), "%s", OWN_DIRECTORY);
	if ((r = csp_file_list(card, c->file.directory, &names)) != SCARD_S_SUCCESS)
		return r;
	if (usable_name(c->new->label, c->file.name) && !is_taken(buf_cur(&names), c->file.directory, c->file.name))
		return SCARD_S_SUCCESS;
	for (unsigned i = 0; i < NAME_TRIES; i++) {
		(void)snprintf(c->file.name, sizeof(c->file.name), "data%03u", i);
		if (!is_taken(buf_cur(&names), c->file.directory, c->file.name))
			return SCARD_S_SUCCESS;
	}
	return SCARD_E_WRITE_TOO_MANY;
}

/* Names before the file: without it they are nobody's. */
static DWORD
make_file(struct csp_card *card, const struct data_change *c)
{
	const CARD_FILE_ACCESS_CONDITION access = c->new->private ? UserReadWriteAc : EveryoneReadUserWriteAc;
	DWORD r = csp_names_write(card, &c->file, true);

	if (r == SCARD_S_SUCCESS)
		r = csp_app_make(card, c->file.directory);
	if (r == SCARD_S_SUCCESS)
		r = csp_file_put(card, c->file.directory, c->file.name, access, c->content);
	if (r != SCARD_S_SUCCESS && !csp_code_is_trouble(r))
		(void)csp_file_delete(card, c->file.directory, c->file.name);
	return r;
}

static DWORD
delete_file(struct csp_card *card, const struct data_change *c)
{
	DWORD r = csp_file_delete(card, c->file.directory, c->file.name);

	return r == SCARD_S_SUCCESS ? csp_names_write(card, &c->file, false) : r;
}

static DWORD
find_place(struct csp_card *card, struct data_change *c)
{
	const struct csp_data *file;
	DWORD r = SCARD_S_SUCCESS;

	if (c->act == MAKE) {
		r = choose_file(card, c);
		csp_names_default(&c->file);
	} else if ((file = csp_data_find(card, c->id)) != NULL) {
		c->file = *file;
	} else {
		r = SCARD_E_FILE_NOT_FOUND;
	}
	if (r == SCARD_S_SUCCESS && !csp_names_set(&c->file, c->application, c->label, c->object_id))
		r = SCARD_E_INVALID_VALUE;
	return r;
}

static DWORD
act(struct csp_card *card, const struct data_change *c)
{
	switch (c->act) {
	case MAKE: return make_file(card, c);
	case WRITE: return csp_file_write(card, c->file.directory, c->file.name, c->content);
	case NAME: return csp_names_write(card, &c->file, true);
	case DELETE: break;
	}
	return delete_file(card, c);
}

static DWORD
change_work(struct csp_card *card, void *arg)
{
	struct data_change *c = arg;
	struct csp_change change;
	DWORD r;

	/* numbers are given to what is known, and names are written with those of the others */
	if ((r = list_work(card, NULL)) != SCARD_S_SUCCESS || c->done)
		return r;
	if ((r = find_place(card, c)) != SCARD_S_SUCCESS ||
	    (r = csp_change_begin(card, CSP_BY_EITHER, CSP_FILES, &change)) != SCARD_S_SUCCESS)
		return r;
	r = act(card, c);
	c->done = r == SCARD_S_SUCCESS;
	card->files.known = false;
	return csp_change_end(card, &change, r);
}

DWORD
csp_data_create(struct csp_card *card, const struct csp_data_new *what, uint32_t *ret_id)
{
	struct data_change c = { .act = MAKE,
				 .new = what,
				 .content = what->content,
				 .application = what->application,
				 .label = what->label,
				 .object_id = &what->object_id };
	const struct csp_data *file;
	DWORD r;

	if ((r = csp_change_run(card, change_work, &c)) != SCARD_S_SUCCESS ||
	    (r = csp_data_list(card)) != SCARD_S_SUCCESS)
		return r;
	if ((file = find_name(&card->files, c.file.directory, c.file.name)) == NULL)
		return SCARD_E_UNEXPECTED;
	*ret_id = file->id;
	return SCARD_S_SUCCESS;
}

DWORD
csp_data_write(struct csp_card *card, uint32_t id, struct cursor content)
{
	struct data_change c = { .act = WRITE, .id = id, .content = content };

	return csp_change_run(card, change_work, &c);
}

DWORD
csp_data_name(struct csp_card *card, uint32_t id, const char *application, const char *label,
	      const struct cursor *object_id)
{
	struct data_change c = {
		.act = NAME, .id = id, .application = application, .label = label, .object_id = object_id
	};

	return csp_change_run(card, change_work, &c);
}

DWORD
csp_data_delete(struct csp_card *card, uint32_t id)
{
	struct data_change c = { .act = DELETE, .id = id };

	return csp_change_run(card, change_work, &c);
}
