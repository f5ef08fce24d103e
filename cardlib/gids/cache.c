/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept by the caller's cache callbacks beyond a transaction: objects of the two files that everybody reads, as the card
 * gave them, whether the card reads them at once, and public keys. Never cardid and cardcf, by which the cache is
 * validated. What came from there is good for reading and using keys; a change begins with what the card says.
 */
#include "gids/gids.h"

#include <stdio.h>

#include "base/auto.h"
#include "iso7816/tlv.h"
#include "kept.h"

#define TAG_ROOM 24

static bool
is_kept(const struct gids *g, uint16_t ef, uint32_t tag)
{
	if (g->card == NULL || g->card->pvCacheContext == NULL || g->changing)
		return false;
	return ef == GIDS_EF_TABLE ||
	       (ef == GIDS_EF_PUBLIC && !(g->cardcf_place.ef == ef && g->cardcf_place.tag == tag));
}

/* Tag 0: the whole file. */
static void
object_tag(char ret_tag[TAG_ROOM], uint16_t ef, uint32_t tag)
{
	if (tag == 0)
		(void)snprintf(ret_tag, TAG_ROOM, "gids-%04X", (unsigned)ef);
	else
		(void)snprintf(ret_tag, TAG_ROOM, "gids-%04X-%X", (unsigned)ef, (unsigned)tag);
}

/* What the card said in this transaction comes first, and counts. */
static bool
append(struct gids_bag *bag, const struct buf *objects)
{
	const size_t before = bag->objects.len;

	buf_put_cur(&bag->objects, buf_cur(objects));
	if (buf_failed(&bag->objects)) {
		bag->objects.failed = false;
		buf_truncate(&bag->objects, before);
		return false;
	}
	bag->cached = true;
	return true;
}

bool
gids_cache_fill(struct gids *g, struct gids_bag *bag, struct gids_place place)
{
	AUTO_BUF struct buf whole = BUF_INIT, single = BUF_INIT;
	char tag[TAG_ROOM];

	if (!is_kept(g, place.ef, place.tag) || bag->whole)
		return false;
	object_tag(tag, place.ef, 0);
	if (kept_lookup(g->card, tag, &whole) && append(bag, &whole)) {
		bag->whole = true;
		return true;
	}
	object_tag(tag, place.ef, place.tag);
	return kept_lookup(g->card, tag, &single) && append(bag, &single);
}

void
gids_cache_keep(struct gids *g, struct gids_place place, struct cursor objects)
{
	AUTO_BUF struct buf kept = BUF_INIT;
	struct cursor value;
	char name[TAG_ROOM];
	uint32_t tag;

	if (!is_kept(g, place.ef, place.tag))
		return;
	while (tlv_next(&objects, &tag, &value))
		if (is_kept(g, place.ef, tag))
			tlv_put(&kept, tag, value);
	object_tag(name, place.ef, place.tag);
	if (!buf_failed(&kept))
		kept_add(g->card, name, buf_cur(&kept));
}

static void
refusal_tag(char ret_tag[TAG_ROOM], uint16_t ef)
{
	(void)snprintf(ret_tag, TAG_ROOM, "gids-%04X-single", (unsigned)ef);
}

bool
gids_cache_refused(const struct gids *g, uint16_t ef)
{
	AUTO_BUF struct buf content = BUF_INIT;
	char tag[TAG_ROOM];

	refusal_tag(tag, ef);
	return is_kept(g, ef, 0) && kept_lookup(g->card, tag, &content);
}

void
gids_cache_keep_refusal(const struct gids *g, uint16_t ef)
{
	char tag[TAG_ROOM];

	refusal_tag(tag, ef);
	if (is_kept(g, ef, 0))
		kept_add(g->card, tag, cur_of(tag, 1));
}

static void
key_tag(char ret_tag[TAG_ROOM], uint8_t reference)
{
	(void)snprintf(ret_tag, TAG_ROOM, "gids-key-%02X", reference);
}

bool
gids_cache_key(const struct gids *g, uint8_t reference, struct public_key *ret_key)
{
	AUTO_BUF struct buf content = BUF_INIT;
	char tag[TAG_ROOM];

	key_tag(tag, reference);
	return is_kept(g, GIDS_EF_TABLE, 0) && kept_lookup(g->card, tag, &content) &&
	       gids_public_key_decode(buf_cur(&content), ret_key);
}

void
gids_cache_keep_key(const struct gids *g, uint8_t reference, struct cursor answer)
{
	char tag[TAG_ROOM];

	key_tag(tag, reference);
	if (is_kept(g, GIDS_EF_TABLE, 0))
		kept_add(g->card, tag, answer);
}

static void
leave(struct gids_bag *bag)
{
	if (bag->cached)
		gids_bag_forget(bag);
}

struct gids *
gids_of_change(CARD_DATA *card)
{
	struct gids *g = gids_of(card);

	if (g == NULL || g->changing || card->pvCacheContext == NULL)
		return g;
	if (g->table.cached)
		g->keys_state = GIDS_KEYS_NONE;
	leave(&g->table);
	leave(&g->public);
	g->changing = true;
	return g;
}
