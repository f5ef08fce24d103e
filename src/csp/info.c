/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is to know of a card as a whole. */
#include <string.h>

#include "base/auto.h"
#include "csp/card.h"

static DWORD
read_name(struct csp_card *card, struct csp_card_info *info)
{
	BYTE name[sizeof(info->minidriver) + 32] = { 0 };
	DWORD len = 0, r;

	r = card->data.pfnCardGetProperty(&card->data, CP_CARD_NAME, name, sizeof(name) - 1, &len, 0);
	if (csp_code_is_trouble(r))
		return r;
	for (size_t i = 0; r == SCARD_S_SUCCESS && i + 1 < sizeof(info->minidriver) && name[i] != '\0'; i++)
		info->minidriver[i] = name[i] < 0x20 || name[i] > 0x7E ? '?' : (char)name[i];
	return SCARD_S_SUCCESS;
}

/* A card without identifier and without counters has no file system. */
static DWORD
read_state(struct csp_card *card, struct csp_card_info *info)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_freshness f = { 0 };
	bool has_id;
	DWORD r;

	r = csp_card_property(card, CP_CARD_GUID, 0, info->id, sizeof(info->id));
	if (csp_code_is_trouble(r))
		return r;
	has_id = r == SCARD_S_SUCCESS;
	if (!has_id)
		memset(info->id, 0, sizeof(info->id));
	r = csp_file_read(card, NULL, "cardcf", &content);
	if (csp_code_is_trouble(r))
		return r;
	info->blank = !has_id && r != SCARD_S_SUCCESS;
	info->counted = r == SCARD_S_SUCCESS && csp_freshness_decode(buf_cur(&content), &f);
	info->pins = f.pins;
	info->containers = f.containers;
	info->files = f.files;
	return SCARD_S_SUCCESS;
}

static DWORD
read_abilities(struct csp_card *card, struct csp_card_info *info)
{
	CARD_CAPABILITIES capabilities = { .dwVersion = 1 };
	CARD_FREE_SPACE_INFO space = { .dwVersion = 1 };
	DWORD r;

	r = card->data.pfnCardQueryCapabilities(&card->data, &capabilities);
	if (csp_code_is_trouble(r))
		return r;
	info->read_only = card->read_only;
	info->can_generate = r == SCARD_S_SUCCESS && capabilities.fKeyGen && !card->read_only;
	/* a writable card that does not make keys takes them (CardCreateContainer); others may do both */
	info->can_import = !card->read_only;
	r = info->blank ? SCARD_E_UNSUPPORTED_FEATURE : card->data.pfnCardQueryFreeSpace(&card->data, 0, &space);
	if (csp_code_is_trouble(r))
		return r;
	if (r != SCARD_S_SUCCESS)
		space.dwBytesAvailable = space.dwKeyContainersAvailable = space.dwMaxKeyContainers = CSP_UNKNOWN;
	info->bytes_free = space.dwBytesAvailable;
	info->containers_free = space.dwKeyContainersAvailable;
	info->containers_max = space.dwMaxKeyContainers;
	return SCARD_S_SUCCESS;
}

static DWORD
read_mode(struct csp_card *card, struct csp_card_info *info)
{
	DWORD mode = CARD_CACHE_MODE_GLOBAL, r;

	r = csp_card_property(card, CP_CARD_CACHE_MODE, 0, &mode, sizeof(mode));
	if (csp_code_is_trouble(r))
		return r;
	info->cache_mode = r != SCARD_S_SUCCESS		     ? CSP_CACHE_GLOBAL
			   : mode == CARD_CACHE_MODE_NONE    ? CSP_CACHE_NONE
			   : mode == CARD_CACHE_MODE_SESSION ? CSP_CACHE_SESSION
							     : CSP_CACHE_GLOBAL;
	return SCARD_S_SUCCESS;
}

static DWORD
info_work(struct csp_card *card, void *arg)
{
	struct csp_card_info info = { .blank = false };
	DWORD r;

	csp_txn_touch(card);
	memcpy(info.atr, card->io->atr, card->io->atr_len);
	info.atr_len = card->io->atr_len;
	if ((r = read_name(card, &info)) != SCARD_S_SUCCESS || (r = read_state(card, &info)) != SCARD_S_SUCCESS ||
	    (r = read_mode(card, &info)) != SCARD_S_SUCCESS || (r = read_abilities(card, &info)) != SCARD_S_SUCCESS)
		return r;
	*(struct csp_card_info *)arg = info;
	return SCARD_S_SUCCESS;
}

DWORD
csp_card_info(struct csp_card *card, struct csp_card_info *ret_info)
{
	return csp_txn_run(card, info_work, ret_info);
}
