/* SPDX-License-Identifier: BSD-2-Clause */
/* What minidrivers keep by the cache callbacks of the caller (minidriver specification, "The data cache"). */
#include "kept.h"

void
kept_add(const CARD_DATA *card, const char *tag, struct cursor content)
{
	if (card->pfnCspCacheAddFile != NULL)
		(void)card->pfnCspCacheAddFile(card->pvCacheContext, tag, 0, content.p, (DWORD)content.left);
}

bool
kept_lookup(const CARD_DATA *card, const char *tag, struct buf *ret_content)
{
	BYTE *data = NULL;
	DWORD len = 0;

	if (card->pfnCspCacheLookupFile == NULL ||
	    card->pfnCspCacheLookupFile(card->pvCacheContext, tag, 0, &data, &len) != SCARD_S_SUCCESS)
		return false;
	buf_put(ret_content, data, len);
	card->pfnCspFree(data);
	return !buf_failed(ret_content);
}

void
kept_delete(const CARD_DATA *card, const char *tag)
{
	if (card->pfnCspCacheDeleteFile != NULL)
		(void)card->pfnCspCacheDeleteFile(card->pvCacheContext, tag, 0);
}
