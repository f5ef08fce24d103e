/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the card's logical file system, brought from the minidriver's memory into our own. */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "csp/card.h"

DWORD
csp_file_read(struct csp_card *card, const char *directory, const char *name, struct buf *ret_content)
{
	BYTE *data = NULL;
	DWORD len = 0, r;

	csp_txn_touch(card);
	r = card->data.pfnCardReadFile(&card->data, directory, name, 0, &data, &len);
	if (r != SCARD_S_SUCCESS)
		return r;
	buf_reset(ret_content);
	if (len > 0 && data != NULL)
		buf_put(ret_content, data, len);
	csp_block_free(data);
	if (!buf_failed(ret_content))
		return SCARD_S_SUCCESS;
	buf_reset(ret_content);
	return len > LIMIT_RESPONSE ? SCARD_E_COMM_DATA_LOST : SCARD_E_NO_MEMORY;
}

DWORD
csp_file_list(struct csp_card *card, const char *directory, struct buf *ret_names)
{
	char *names = NULL;
	DWORD len = 0, r;

	csp_txn_touch(card);
	buf_reset(ret_names);
	r = card->data.pfnCardEnumFiles(&card->data, directory, &names, &len, 0);
	if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_E_DIR_NOT_FOUND)
		return SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (len > 0 && names != NULL)
		buf_put(ret_names, names, len);
	csp_block_free(names);
	return buf_failed(ret_names) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

DWORD
csp_file_write(struct csp_card *card, const char *directory, const char *name, struct cursor content)
{
	csp_txn_touch(card);
	return card->data.pfnCardWriteFile(&card->data, directory, name, 0, content.p, (DWORD)content.left);
}

DWORD
csp_file_create(struct csp_card *card, const char *directory, const char *name)
{
	csp_txn_touch(card);
	return card->data.pfnCardCreateFile(&card->data, directory, name, 0, EveryoneReadUserWriteAc);
}

DWORD
csp_file_delete(struct csp_card *card, const char *directory, const char *name)
{
	csp_txn_touch(card);
	return card->data.pfnCardDeleteFile(&card->data, directory, name, 0);
}

DWORD
csp_file_put(struct csp_card *card, const char *directory, const char *name, CARD_FILE_ACCESS_CONDITION access,
	     struct cursor content)
{
	DWORD r = csp_file_write(card, directory, name, content);

	if (r != SCARD_E_FILE_NOT_FOUND)
		return r;
	r = card->data.pfnCardCreateFile(&card->data, directory, name, 0, access);
	return r == SCARD_S_SUCCESS ? csp_file_write(card, directory, name, content) : r;
}

bool
csp_file_next(struct cursor *names, struct cursor *ret_name)
{
	const uint8_t *end = names->left == 0 ? NULL : memchr(names->p, '\0', names->left);

	return end != NULL && cur_take(names, (size_t)(end - names->p), ret_name) && cur_skip(names, 1) &&
	       ret_name->left > 0;
}

bool
csp_file_listed(struct cursor names, const char *name)
{
	size_t len = strlen(name);
	struct cursor item;

	while (csp_file_next(&names, &item)) {
		if (item.left == len && strncasecmp((const char *)item.p, name, len) == 0)
			return true;
	}
	return false;
}
