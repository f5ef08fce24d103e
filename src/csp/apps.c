/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of applications and cardapps, which names them (minidriver specification, "cardapps"): the position of a
 * name is the application's index, and its counter's in cardcf, so that names are appended and never moved.
 */
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "csp/card.h"

bool
csp_app_is(const char *name, const char *other)
{
	return strcasecmp(name, other) == 0;
}

static uint8_t
lower(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool
name_bytes(const char *directory, uint8_t ret_name[CSP_APPLICATION_SIZE])
{
	size_t len = strlen(directory);

	if (len == 0 || len > CSP_APPLICATION_SIZE)
		return false;
	memset(ret_name, 0, CSP_APPLICATION_SIZE);
	for (size_t i = 0; i < len; i++)
		ret_name[i] = lower((uint8_t)directory[i]);
	return true;
}

/* Upper and lower case are the same, whoever wrote the list. */
static bool
is_same(struct cursor item, const uint8_t name[CSP_APPLICATION_SIZE])
{
	uint8_t c;

	for (size_t i = 0; cur_u8(&item, &c); i++)
		if (lower(c) != name[i])
			return false;
	return true;
}

/* Where a name begins in the list, or its end. */
static size_t
position(const struct buf *names, const uint8_t name[CSP_APPLICATION_SIZE])
{
	struct cursor c = buf_cur(names), item;
	size_t at = 0;

	while (cur_take(&c, CSP_APPLICATION_SIZE, &item) && !is_same(item, name))
		at += CSP_APPLICATION_SIZE;
	return at;
}

/* The list without what follows the last whole name. */
static DWORD
read_names(struct csp_card *card, struct buf *ret_names)
{
	DWORD r = csp_file_read(card, NULL, CSP_APPLICATIONS, ret_names);

	if (r == SCARD_S_SUCCESS)
		buf_truncate(ret_names, ret_names->len / CSP_APPLICATION_SIZE * CSP_APPLICATION_SIZE);
	return r;
}

DWORD
csp_app_enter(struct csp_card *card, const char *directory)
{
	static const uint8_t nobody[CSP_APPLICATION_SIZE];
	AUTO_BUF struct buf names = BUF_INIT;
	uint8_t name[CSP_APPLICATION_SIZE];
	size_t place;
	DWORD r;

	if (!name_bytes(directory, name))
		return SCARD_E_INVALID_PARAMETER;
	r = read_names(card, &names);
	/* a card that nobody keeps such a list on */
	if (r == SCARD_E_FILE_NOT_FOUND)
		return SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS || position(&names, name) < names.len)
		return r;
	place = position(&names, nobody);
	if (place == names.len)
		buf_put(&names, name, sizeof(name));
	else
		memcpy(names.p + place, name, sizeof(name));
	return buf_failed(&names) ? SCARD_E_NO_MEMORY : csp_file_write(card, NULL, CSP_APPLICATIONS, buf_cur(&names));
}

DWORD
csp_app_remove(struct csp_card *card, const char *directory)
{
	AUTO_BUF struct buf names = BUF_INIT;
	uint8_t name[CSP_APPLICATION_SIZE];
	size_t at;
	DWORD r;

	if (!name_bytes(directory, name))
		return SCARD_E_INVALID_PARAMETER;
	r = read_names(card, &names);
	if (r == SCARD_E_FILE_NOT_FOUND)
		return SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS || (at = position(&names, name)) == names.len)
		return r;
	/* the last one goes; another one leaves its place to the next that comes */
	if (at + CSP_APPLICATION_SIZE == names.len)
		buf_truncate(&names, at);
	else
		memset(names.p + at, 0, CSP_APPLICATION_SIZE);
	return csp_file_write(card, NULL, CSP_APPLICATIONS, buf_cur(&names));
}

DWORD
csp_app_make(struct csp_card *card, const char *directory)
{
	DWORD r = csp_app_enter(card, directory);

	if (r != SCARD_S_SUCCESS)
		return r;
	r = card->data.pfnCardCreateDirectory(&card->data, directory, UserCreateDeleteDirAc);
	return r == ERROR_FILE_EXISTS ? SCARD_S_SUCCESS : r;
}
