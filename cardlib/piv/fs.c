/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The minidriver's file system, of which a PIV card has nothing: every file is made of data objects when it is read
 * (minidriver specification, "Read-only cards").
 */
#include "piv/piv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iso7816/tlv.h"

#define CARDCF_VERSION 1u

#define ROOTS_MORE 0x83u
#define ROOTS_LAST 0x82u

static const uint8_t cardapps[] = { 'm', 's', 'c', 'p', 0, 0, 0, 0 };

static DWORD
put(struct buf *content, const void *bytes, size_t len)
{
	buf_put(content, bytes, len);
	return buf_failed(content) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static void
put_name(struct buf *names, const char *name)
{
	buf_put(names, name, strlen(name) + 1);
}

static DWORD
read_cardid(struct piv *p, struct buf *ret_content)
{
	uint8_t guid[PIV_GUID_LEN];
	DWORD r = piv_identity(p, guid);

	return r == SCARD_S_SUCCESS ? put(ret_content, guid, sizeof(guid)) : r;
}

static DWORD
read_cardapps(struct piv *p, struct buf *ret_content)
{
	(void)p;
	return put(ret_content, cardapps, sizeof(cardapps));
}

/*
 * Nobody can know from counters whether a PIV card has changed, which is why it announces the cache mode without them. For who
 * reads them all the same they are never the same in two transactions.
 */
static DWORD
read_cardcf(struct piv *p, struct buf *ret_content)
{
	DWORD r = piv_confirm(p);

	if (r == SCARD_S_SUCCESS && p->cardcf.len > 0)
		return put(ret_content, p->cardcf.p, p->cardcf.len);
	buf_u8(ret_content, CARDCF_VERSION);
	buf_u8(ret_content, (uint8_t)p->transaction);
	buf_le16(ret_content, (uint16_t)p->transaction);
	buf_le16(ret_content, (uint16_t)p->transaction);
	if (r == SCARD_S_SUCCESS && buf_failed(ret_content))
		r = SCARD_E_NO_MEMORY;
	return r;
}

/* One part of the roots; *ret_more says whether another one follows. */
static DWORD
read_roots_part(struct piv *p, uint32_t tag, bool *ret_more)
{
	AUTO_BUF struct buf object = BUF_INIT;
	struct cursor content, part;
	DWORD r = piv_object_read(p, tag, &object);

	*ret_more = false;
	if (r == SCARD_W_SECURITY_VIOLATION || r == SCARD_E_UNEXPECTED)
		return SCARD_E_FILE_NOT_FOUND;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!piv_object_content(buf_cur(&object), tag, &content))
		return SCARD_E_FILE_NOT_FOUND;
	*ret_more = tlv_find(content, ROOTS_MORE, &part);
	if (!*ret_more && !tlv_find(content, ROOTS_LAST, &part))
		return SCARD_E_FILE_NOT_FOUND;
	buf_put_cur(&p->roots, part);
	return buf_failed(&p->roots) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

DWORD
piv_roots_load(struct piv *p)
{
	DWORD r = piv_confirm(p);
	bool more = true;

	if (r != SCARD_S_SUCCESS || p->roots_read != PIV_NOT_ASKED)
		return r;
	if (piv_cache_no_roots(p)) {
		p->roots_read = PIV_NO;
		return r;
	}
	buf_reset(&p->roots);
	for (unsigned i = 0; i < PIV_MSROOTS_COUNT && more && r == SCARD_S_SUCCESS; i++)
		r = read_roots_part(p, PIV_MSROOTS_FIRST + i, &more);
	if (r != SCARD_S_SUCCESS && r != SCARD_E_FILE_NOT_FOUND)
		return r;
	p->roots_read = r == SCARD_S_SUCCESS && !more ? PIV_YES : PIV_NO;
	if (p->roots_read == PIV_NO)
		piv_cache_keep_no_roots(p);
	return SCARD_S_SUCCESS;
}

bool
piv_roots_exist(const struct piv *p)
{
	return p->holder_roots == PIV_YES || (p->holder_roots == PIV_NOT_ASKED && p->roots_read == PIV_YES);
}

static DWORD
read_roots(struct piv *p, struct buf *ret_content)
{
	DWORD r = piv_roots_load(p);

	if (r == SCARD_S_SUCCESS && !piv_roots_exist(p))
		r = SCARD_E_FILE_NOT_FOUND;
	if (r == SCARD_S_SUCCESS && p->holder_roots == PIV_YES)
		return put(ret_content, p->simulated_roots.p, p->simulated_roots.len);
	return r == SCARD_S_SUCCESS ? put(ret_content, p->roots.p, p->roots.len) : r;
}

/* kxcNN or kscNN; the name is folded. */
bool
piv_certificate_index(const char *name, bool *ret_exchange, BYTE *ret_index)
{
	char exchange[CHECK_NAME_MAX + 1], signature[CHECK_NAME_MAX + 1];

	for (BYTE i = 0; i < PIV_SLOTS; i++) {
		(void)snprintf(exchange, sizeof(exchange), "kxc%02x", i);
		(void)snprintf(signature, sizeof(signature), "ksc%02x", i);
		*ret_exchange = strcmp(name, exchange) == 0;
		*ret_index = i;
		if (*ret_exchange || strcmp(name, signature) == 0)
			return true;
	}
	return false;
}

/* A certificate is in the file that belongs to the one slot of its container. */
static DWORD
read_certificate(struct piv *p, const char *name, struct buf *ret_content)
{
	struct piv_key *key;
	bool exchange;
	BYTE index;
	DWORD r;

	if (!piv_certificate_index(name, &exchange, &index))
		return SCARD_E_FILE_NOT_FOUND;
	if ((r = piv_certificate(p, index, ret_content)) != SCARD_S_SUCCESS)
		return r;
	if ((r = piv_key_find(p, index, &key)) != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_FILE_NOT_FOUND : r;
	return key->exchange == exchange ? SCARD_S_SUCCESS : SCARD_E_FILE_NOT_FOUND;
}

/* Data objects as they are ----------------------------------------------------------------------------------------------- */

/* SP 800-73-4 part 1, table 3, but for certificates of retired keys; then what tokens add. */
static const uint32_t objects[] = { 0x7E,     0x5FC101, 0x5FC102, 0x5FC103, 0x5FC105, 0x5FC106, 0x5FC107,
				    0x5FC108, 0x5FC109, 0x5FC10A, 0x5FC10B, 0x5FC10C, 0x5FC121, 0x5FC122,
				    0x5FC123, 0x5FFF00, 0x5FFF01, 0x5FFF10, 0x5FFF11 };

bool
piv_object_of_name(const char *name, uint32_t *ret_tag)
{
	const size_t len = strlen(name);
	unsigned long tag = len == 2 || len == 6 ? strtoul(name, NULL, 16) : 0;
	char again[CHECK_NAME_MAX + 1];

	(void)snprintf(again, sizeof(again), "%lx", tag);
	if (strcmp(again, name) != 0 || (tag != PIV_DISCOVERY && (tag < 0x5FC000 || tag > 0x5FFFFF)))
		return false;
	*ret_tag = (uint32_t)tag;
	return true;
}

static DWORD
read_object(struct piv *p, const char *name, struct buf *ret_content)
{
	AUTO_BUF struct buf object = BUF_INIT;
	struct cursor content;
	uint32_t tag;
	DWORD r;

	if (!piv_object_of_name(name, &tag))
		return SCARD_E_FILE_NOT_FOUND;
	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_object_read(p, tag, &object)) != SCARD_S_SUCCESS)
		return r;
	if (!piv_object_content(buf_cur(&object), tag, &content))
		return SCARD_E_UNEXPECTED;
	return put(ret_content, content.p, content.left);
}

/* Each is asked for, since nothing lists them. */
static DWORD
list_objects(struct piv *p, struct buf *names)
{
	char name[CHECK_NAME_MAX + 1];
	DWORD r = piv_confirm(p);

	for (size_t i = 0; i < ARRAY_SIZE(objects) && r == SCARD_S_SUCCESS; i++) {
		AUTO_BUF struct buf object = BUF_INIT;

		r = piv_object_read(p, objects[i], &object);
		if (r == SCARD_S_SUCCESS || r == SCARD_W_SECURITY_VIOLATION) {
			(void)snprintf(name, sizeof(name), "%x", objects[i]);
			put_name(names, name);
		}
		if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_W_SECURITY_VIOLATION || r == SCARD_E_UNEXPECTED)
			r = SCARD_S_SUCCESS;
	}
	return r;
}

/* Files that there always are; and the roots, which there may be. */
static const struct file {
	const char *directory, *name;
	CARD_FILE_ACCESS_CONDITION access;
	DWORD (*read)(struct piv *p, struct buf *ret_content);
} files[] = {
	{ "", "cardid", EveryoneReadAdminWriteAc, read_cardid },
	{ "", "cardapps", EveryoneReadAdminWriteAc, read_cardapps },
	{ "", "cardcf", EveryoneReadAdminWriteAc, read_cardcf },
	{ "mscp", "cmapfile", EveryoneReadAdminWriteAc, piv_cmap },
	{ "mscp", "msroots", EveryoneReadAdminWriteAc, read_roots },
};

static const struct file *
find_file(const char *directory, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(files[i].directory, directory) == 0 && strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static bool
is_directory(const char *directory)
{
	return directory[0] == '\0' || strcmp(directory, "mscp") == 0 || strcmp(directory, PIV_DIRECTORY) == 0;
}

static DWORD
read_file(struct piv *p, const char *directory, const char *name, struct buf *ret_content)
{
	const struct file *file = find_file(directory, name);

	if (!is_directory(directory))
		return SCARD_E_DIR_NOT_FOUND;
	if (file != NULL)
		return file->read(p, ret_content);
	if (strcmp(directory, PIV_DIRECTORY) == 0)
		return read_object(p, name, ret_content);
	return directory[0] != '\0' ? read_certificate(p, name, ret_content) : SCARD_E_FILE_NOT_FOUND;
}

/* The front gives names in lower case, and NULL for the root. */
static const char *
directory_of(const char *directory)
{
	return directory != NULL ? directory : "";
}

/* A copy in the caller's memory, of one byte at least so that an empty file has an address. */
static DWORD
give(CARD_DATA *card, const struct buf *content, BYTE **ret_bytes)
{
	BYTE *bytes = card->pfnCspAlloc(content->len > 0 ? content->len : 1);

	if (bytes == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	if (content->len > 0)
		memcpy(bytes, content->p, content->len);
	*ret_bytes = bytes;
	return SCARD_S_SUCCESS;
}

DWORD
piv_read_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, BYTE **ppbData,
	      DWORD *pcbData)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct piv *p = piv_context(card);
	DWORD r;

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = read_file(p, directory_of(pszDirectory), pszFile, &content)) != SCARD_S_SUCCESS)
		return r;
	if ((r = give(card, &content, ppbData)) == SCARD_S_SUCCESS)
		*pcbData = (DWORD)content.len;
	return r;
}

/* The roots are listed if they have been looked for: to do so for the listing alone would cost a command each time. */
static DWORD
list_mscp(struct piv *p, struct buf *names)
{
	char name[CHECK_NAME_MAX + 1];
	DWORD r = piv_keys_load(p);

	if (r != SCARD_S_SUCCESS)
		return r;
	put_name(names, "cmapfile");
	if (piv_roots_exist(p))
		put_name(names, "msroots");
	for (unsigned i = 0; i < PIV_SLOTS; i++)
		if (p->keys[i].used == PIV_YES && p->keys[i].object.len > 0) {
			(void)snprintf(name, sizeof(name), p->keys[i].exchange ? "kxc%02x" : "ksc%02x", i);
			put_name(names, name);
		}
	return SCARD_S_SUCCESS;
}

static DWORD
list(struct piv *p, const char *directory, struct buf *names)
{
	DWORD r = SCARD_S_SUCCESS;

	if (!is_directory(directory))
		return SCARD_E_DIR_NOT_FOUND;
	if (strcmp(directory, PIV_DIRECTORY) == 0)
		r = list_objects(p, names);
	else if (directory[0] != '\0')
		r = list_mscp(p, names);
	else
		for (size_t i = 0; i < ARRAY_SIZE(files) && files[i].directory[0] == '\0'; i++)
			put_name(names, files[i].name);
	buf_u8(names, 0);
	if (r == SCARD_S_SUCCESS && buf_failed(names))
		r = SCARD_E_NO_MEMORY;
	return r;
}

DWORD
piv_enum_files(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles, DWORD dwFlags)
{
	AUTO_BUF struct buf names = BUF_INIT;
	struct piv *p = piv_context(card);
	BYTE *copy;
	DWORD r;

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = list(p, directory_of(pszDirectory), &names)) != SCARD_S_SUCCESS ||
	    (r = give(card, &names, &copy)) != SCARD_S_SUCCESS)
		return r;
	*pmszFiles = (char *)copy;
	*pcbFiles = (DWORD)names.len;
	return SCARD_S_SUCCESS;
}

DWORD
piv_get_file_info(CARD_DATA *card, const char *pszDirectory, const char *pszFile, CARD_FILE_INFO *pInfo)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct piv *p = piv_context(card);
	DWORD r;

	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = read_file(p, directory_of(pszDirectory), pszFile, &content)) != SCARD_S_SUCCESS)
		return r;
	pInfo->dwVersion = check_version(pInfo->dwVersion, 1);
	pInfo->cbFileSize = (DWORD)content.len;
	pInfo->AccessCondition = EveryoneReadAdminWriteAc;
	return SCARD_S_SUCCESS;
}
