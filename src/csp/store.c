/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What minidrivers keep of a card by the cache callbacks (minidriver specification, "The data cache"): items that everybody
 * may read, true for a card identifier as long as the counters of cardcf are what they were. Kept in memory for the
 * transactions of this process, and on disk for the next one.
 *
 * Card identifier and counters are read from the card in the transaction in which anything is found. A card whose identifier
 * is not its own, or that has never counted, is not kept. A card that has no counters is another matter: there the
 * minidriver compares with the card what it finds, item by item.
 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/diskcache.h"

#define NOWHERE SIZE_MAX

static bool
is_enabled(const struct csp_card *card)
{
	return card->csp->cache_directory[0] != '\0' && !card->store.off;
}

static struct csp_disk
disk_of(struct csp_card *card)
{
	return (struct csp_disk){ card->csp->cache_directory, card->csp->crypto, &card->csp->said_cache };
}

static struct csp_disk_key
key_of(const struct csp_card *card)
{
	struct csp_disk_key key = { .atr = cur_of(card->io->atr, card->io->atr_len) };

	memcpy(key.id, card->store.id, sizeof(key.id));
	return key;
}

/* Items ---------------------------------------------------------------------------------------------------------------- */

static void
forget(struct csp_store *store)
{
	for (size_t i = 0; i < store->count; i++)
		buf_free(&store->items[i].content);
	free(store->items);
	store->items = NULL;
	store->count = 0;
	store->dirty = store->from_disk = false;
}

static size_t
find(const struct csp_store *store, const char *tag)
{
	for (size_t i = 0; i < store->count; i++)
		if (strcmp(store->items[i].tag, tag) == 0)
			return i;
	return NOWHERE;
}

static size_t
total(const struct csp_store *store)
{
	size_t bytes = 0;

	for (size_t i = 0; i < store->count; i++)
		bytes += sizeof(store->items[i].tag) + store->items[i].content.len;
	return bytes;
}

static void
take_out(struct csp_store *store, size_t at)
{
	buf_free(&store->items[at].content);
	store->items[at] = store->items[--store->count];
}

static DWORD
put_in(struct csp_store *store, const char *tag, struct cursor content)
{
	struct csp_item *items, item = { .content = BUF_INIT };
	size_t at = find(store, tag);

	if (strlen(tag) > LIMIT_CACHE_TAG || store->count >= LIMIT_CACHE_ITEMS || content.left > LIMIT_RESPONSE ||
	    total(store) + sizeof(item.tag) + content.left > LIMIT_CACHE_CARD / 2)
		return SCARD_W_CACHE_ITEM_TOO_BIG;
	if ((items = realloc(store->items, (store->count + 1) * sizeof(*items))) == NULL)
		return SCARD_E_NO_MEMORY;
	store->items = items;
	memcpy(item.tag, tag, strlen(tag) + 1);
	buf_put_cur(&item.content, content);
	if (buf_failed(&item.content))
		return SCARD_E_NO_MEMORY;
	if (at != NOWHERE)
		take_out(store, at);
	store->items[store->count++] = item;
	return SCARD_S_SUCCESS;
}

/* Bytes: counters, number of items; of each: length and name, length and content. -------------------------------------- */

static bool
encode(const struct csp_store *store, struct buf *ret_bytes)
{
	size_t len;

	buf_u8(ret_bytes, store->freshness.pins);
	buf_le16(ret_bytes, store->freshness.containers);
	buf_le16(ret_bytes, store->freshness.files);
	buf_le16(ret_bytes, (uint16_t)store->count);
	for (size_t i = 0; i < store->count; i++) {
		len = strlen(store->items[i].tag);
		buf_u8(ret_bytes, (uint8_t)len);
		buf_put(ret_bytes, store->items[i].tag, len);
		buf_le32(ret_bytes, (uint32_t)store->items[i].content.len);
		buf_put_cur(ret_bytes, buf_cur(&store->items[i].content));
	}
	return !buf_failed(ret_bytes);
}

static bool
decode_item(struct cursor *c, struct csp_store *store)
{
	char tag[LIMIT_CACHE_TAG + 1] = "";
	struct cursor content;
	uint32_t len;
	uint8_t tag_len;

	return cur_u8(c, &tag_len) && tag_len > 0 && tag_len <= LIMIT_CACHE_TAG && cur_copy(c, tag, tag_len) &&
	       strlen(tag) == tag_len && cur_le32(c, &len) && cur_take(c, len, &content) &&
	       put_in(store, tag, content) == SCARD_S_SUCCESS;
}

static bool
decode(struct cursor c, struct csp_store *store)
{
	struct csp_freshness f;
	uint16_t count;
	bool ok;

	ok = cur_u8(&c, &f.pins) && cur_le16(&c, &f.containers) && cur_le16(&c, &f.files) && cur_le16(&c, &count);
	for (size_t i = 0; ok && i < count; i++)
		ok = decode_item(&c, store);
	if (!ok || !cur_at_end(&c)) {
		forget(store);
		return false;
	}
	store->freshness = f;
	return true;
}

/* Whether it is there already, and the disk need not be written again. */
static bool
has(const struct csp_store *store, const char *tag, struct cursor content)
{
	const size_t at = find(store, tag);

	return at != NOWHERE && cur_equals(&content, store->items[at].content.p, store->items[at].content.len);
}

/* Callbacks ------------------------------------------------------------------------------------------------------------ */

static DWORD
add(void *context, const char *tag, DWORD flags, const BYTE *data, DWORD len)
{
	struct csp_card *card = context;
	DWORD r;

	if (card == NULL || tag == NULL || flags != 0 || (data == NULL && len > 0))
		return SCARD_E_INVALID_PARAMETER;
	if (card->store.state == CSP_STORE_CLOSED)
		return SCARD_W_CACHE_ITEM_STALE;
	if (has(&card->store, tag, cur_of(data, len)))
		return SCARD_S_SUCCESS;
	r = put_in(&card->store, tag, cur_of(data, len));
	card->store.dirty = card->store.dirty || r == SCARD_S_SUCCESS;
	return r;
}

static DWORD
lookup(void *context, const char *tag, DWORD flags, BYTE **ret_data, DWORD *ret_len)
{
	struct csp_card *card = context;
	struct cursor content;
	BYTE *copy;
	size_t at;

	if (card == NULL || tag == NULL || flags != 0 || ret_data == NULL || ret_len == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (card->store.state != CSP_STORE_OPEN || (at = find(&card->store, tag)) == NOWHERE)
		return SCARD_W_CACHE_ITEM_NOT_FOUND;
	content = buf_cur(&card->store.items[at].content);
	if ((copy = csp_block_alloc(content.left > 0 ? content.left : 1)) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	*ret_len = (DWORD)content.left;
	(void)cur_copy(&content, copy, content.left);
	*ret_data = copy;
	return SCARD_S_SUCCESS;
}

static DWORD delete (void *context, const char *tag, DWORD flags)
{
	struct csp_card *card = context;
	size_t at;

	if (card == NULL || tag == NULL || flags != 0)
		return SCARD_E_INVALID_PARAMETER;
	if ((at = find(&card->store, tag)) == NOWHERE)
		return SCARD_W_CACHE_ITEM_NOT_FOUND;
	take_out(&card->store, at);
	card->store.dirty = true;
	return SCARD_S_SUCCESS;
}

void
csp_store_install(struct csp_card *card)
{
	if (!is_enabled(card))
		return;
	card->data.pfnCspCacheAddFile = add;
	card->data.pfnCspCacheLookupFile = lookup;
	card->data.pfnCspCacheDeleteFile = delete;
	card->data.pvCacheContext = card;
}

/* With the card -------------------------------------------------------------------------------------------------------- */

/* Zeros and the like are what cards have that were made in numbers, or copied. */
bool
csp_store_is_own_id(const uint8_t id[CSP_CARD_ID_LEN])
{
	for (size_t i = 1; i < CSP_CARD_ID_LEN; i++)
		if (id[i] != id[0])
			return true;
	return false;
}

/* Reads what an earlier process left of the card with this identifier. */
static void
read_disk(struct csp_card *card)
{
	AUTO_BUF struct buf content = BUF_INIT_MAX(LIMIT_CACHE_CARD);
	const struct csp_disk disk = disk_of(card);
	const struct csp_disk_key key = key_of(card);

	if (csp_disk_read(&disk, &key, &content))
		card->store.from_disk = decode(buf_cur(&content), &card->store);
}

DWORD
csp_store_start(struct csp_card *card, bool *ret_some)
{
	struct csp_store *store = &card->store;
	DWORD r;

	*ret_some = false;
	if (!is_enabled(card) || store->state != CSP_STORE_CLOSED)
		return SCARD_S_SUCCESS;
	if (!store->tried) {
		r = csp_card_property(card, CP_CARD_GUID, 0, store->id, sizeof(store->id));
		if (csp_code_is_trouble(r))
			return r;
		store->tried = true;
		store->off = r != SCARD_S_SUCCESS || !csp_store_is_own_id(store->id);
		if (store->off)
			return SCARD_S_SUCCESS;
		read_disk(card);
	}
	*ret_some = store->count > 0;
	if (!*ret_some)
		store->state = CSP_STORE_COLLECTING;
	return SCARD_S_SUCCESS;
}

DWORD
csp_store_open(struct csp_card *card)
{
	struct csp_store *store = &card->store;
	bool some;
	DWORD r = csp_store_start(card, &some);

	if (r != SCARD_S_SUCCESS || !is_enabled(card) || !store->tried)
		return r;
	/* empty or not: the next transaction of this process finds what this one keeps */
	store->from_disk = true;
	store->state = CSP_STORE_OPEN;
	return SCARD_S_SUCCESS;
}

void
csp_store_compare(struct csp_card *card, const struct csp_freshness *now)
{
	struct csp_store *store = &card->store;

	if (!is_enabled(card) || !store->tried)
		return;
	/* zeros are what a card has that nobody counted on, whatever was written to it */
	if (now == NULL || (now->pins == 0 && now->containers == 0 && now->files == 0)) {
		csp_store_drop(card);
		return;
	}
	if (store->state != CSP_STORE_COLLECTING &&
	    (now->pins != store->freshness.pins || now->containers != store->freshness.containers ||
	     now->files != store->freshness.files))
		forget(store);
	store->freshness = *now;
	store->state = CSP_STORE_OPEN;
}

void
csp_store_close(struct csp_card *card)
{
	if (card->store.state == CSP_STORE_COLLECTING)
		forget(&card->store);
	card->store.state = CSP_STORE_CLOSED;
}

void
csp_store_drop(struct csp_card *card)
{
	const struct csp_disk disk = disk_of(card);
	const struct csp_disk_key key = key_of(card);

	card->store.state = CSP_STORE_CLOSED;
	forget(&card->store);
	if (is_enabled(card) && card->store.tried)
		csp_disk_remove(&disk, &key);
}

void
csp_store_save(struct csp_card *card)
{
	AUTO_BUF struct buf bytes = BUF_INIT_MAX(LIMIT_CACHE_CARD);
	const struct csp_disk disk = disk_of(card);
	const struct csp_disk_key key = key_of(card);

	if (!is_enabled(card) || !card->store.dirty || card->store.state != CSP_STORE_OPEN)
		return;
	/* once for what there is; what the disk does not take is read from the card again */
	card->store.dirty = false;
	if (encode(&card->store, &bytes))
		(void)csp_disk_write(&disk, &key, buf_cur(&bytes));
}

void
csp_store_free(struct csp_store *store)
{
	forget(store);
}
