/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept of a card beyond the context, by the caller's cache callbacks: answers of the card, as it gave them once, with the
 * CHUID that it had then. Another CHUID ends them all. The same one proves little, since most programs that write to a
 * card leave it alone: who uses an answer compares it with the card, or lets a signature prove it.
 */
#include "piv/piv.h"

#include <stdio.h>
#include <time.h>

#include "base/auto.h"
#include "kept.h"

#define TAG_ROOM 16
#define TAG_PIN "piv-pin"
#define TAG_EMPTY "piv-empty"
#define TAG_NO_ROOTS "piv-no-roots"

static void
object_tag(char ret_tag[TAG_ROOM], uint32_t object)
{
	(void)snprintf(ret_tag, TAG_ROOM, "piv-%06X", object & 0xFFFFFFu);
}

static void
key_tag(char ret_tag[TAG_ROOM], uint8_t reference)
{
	(void)snprintf(ret_tag, TAG_ROOM, "piv-key-%02X", reference);
}

/* Nothing is kept of a card that does not say in this transaction which one it is. */
static bool
is_open(const struct piv *p)
{
	return p->card != NULL && p->card->pvCacheContext != NULL && p->chuid_known && p->chuid_current &&
	       p->chuid.len > 0;
}

/* Whether what is kept was kept under the CHUID that the card has. */
static bool
is_ours(const struct piv *p)
{
	AUTO_BUF struct buf kept = BUF_INIT;
	struct cursor known = buf_cur(&p->chuid);
	char tag[TAG_ROOM];

	object_tag(tag, PIV_CHUID);
	return kept_lookup(p->card, tag, &kept) && cur_equals(&known, kept.p, kept.len);
}

static bool
lookup(const struct piv *p, const char *tag, struct buf *ret_content)
{
	return is_open(p) && is_ours(p) && kept_lookup(p->card, tag, ret_content);
}

static void
forget_all(const struct piv *p)
{
	char tag[TAG_ROOM];

	for (BYTE i = 0; i < PIV_SLOTS; i++) {
		object_tag(tag, piv_slot_certificate(i));
		kept_delete(p->card, tag);
		key_tag(tag, piv_slot_reference(i));
		kept_delete(p->card, tag);
	}
	kept_delete(p->card, TAG_PIN);
	kept_delete(p->card, TAG_EMPTY);
	kept_delete(p->card, TAG_NO_ROOTS);
}

static void
keep(const struct piv *p, const char *tag, struct cursor content)
{
	char chuid[TAG_ROOM];

	if (!is_open(p))
		return;
	if (!is_ours(p)) {
		forget_all(p);
		object_tag(chuid, PIV_CHUID);
		kept_add(p->card, chuid, buf_cur(&p->chuid));
	}
	if (content.left > 0)
		kept_add(p->card, tag, content);
	else
		kept_delete(p->card, tag);
}

bool
piv_cache_object(const struct piv *p, uint32_t object, struct buf *ret_object)
{
	char tag[TAG_ROOM];

	object_tag(tag, object);
	return lookup(p, tag, ret_object);
}

void
piv_cache_keep_object(const struct piv *p, uint32_t object, struct cursor content)
{
	char tag[TAG_ROOM];

	object_tag(tag, object);
	keep(p, tag, content);
}

bool
piv_cache_metadata(const struct piv *p, uint8_t reference, struct piv_metadata *ret_metadata)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	char tag[TAG_ROOM];

	key_tag(tag, reference);
	return lookup(p, tag, &answer) && piv_metadata_decode(buf_cur(&answer), ret_metadata);
}

void
piv_cache_keep_metadata(const struct piv *p, uint8_t reference, struct cursor answer)
{
	char tag[TAG_ROOM];

	key_tag(tag, reference);
	keep(p, tag, answer);
}

bool
piv_cache_pin_reference(const struct piv *p, uint8_t *ret_reference)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct cursor c;
	uint8_t reference;

	if (!lookup(p, TAG_PIN, &content))
		return false;
	c = buf_cur(&content);
	if (!cur_u8(&c, &reference) || (reference != PIV_REFERENCE_PIN && reference != PIV_REFERENCE_GLOBAL))
		return false;
	*ret_reference = reference;
	return true;
}

void
piv_cache_keep_pin_reference(const struct piv *p, uint8_t reference)
{
	keep(p, TAG_PIN, cur_of(&reference, 1));
}

void
piv_cache_forget_pin_reference(const struct piv *p)
{
	keep(p, TAG_PIN, cur_of(NULL, 0));
}

/* What is believed for a time: when it was asked for, and the answer. --------------------------------------------------- */

static bool
is_recent(uint64_t when)
{
	const uint64_t now = (uint64_t)time(NULL);

	return now >= when && now - when < PIV_RECENT_SECONDS;
}

static bool
lookup_recent(const struct piv *p, const char *tag, struct buf *ret_answer)
{
	AUTO_BUF struct buf content = BUF_INIT;
	uint32_t high, low;
	struct cursor c;

	if (!lookup(p, tag, &content))
		return false;
	c = buf_cur(&content);
	if (!cur_be32(&c, &high) || !cur_be32(&c, &low) || !is_recent((uint64_t)high << 32 | low))
		return false;
	buf_put_cur(ret_answer, c);
	return !buf_failed(ret_answer);
}

static void
keep_recent(const struct piv *p, const char *tag, struct cursor answer)
{
	AUTO_BUF struct buf content = BUF_INIT;
	const uint64_t now = (uint64_t)time(NULL);

	buf_be32(&content, (uint32_t)(now >> 32));
	buf_be32(&content, (uint32_t)now);
	buf_put_cur(&content, answer);
	if (!buf_failed(&content))
		keep(p, tag, buf_cur(&content));
}

bool
piv_cache_empty(const struct piv *p, uint32_t *ret_slots)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor c;

	if (!lookup_recent(p, TAG_EMPTY, &answer))
		return false;
	c = buf_cur(&answer);
	return cur_be32(&c, ret_slots);
}

void
piv_cache_keep_empty(const struct piv *p, uint32_t slots)
{
	AUTO_BUF struct buf answer = BUF_INIT;

	buf_be32(&answer, slots);
	if (!buf_failed(&answer))
		keep_recent(p, TAG_EMPTY, buf_cur(&answer));
}

bool
piv_cache_no_roots(const struct piv *p)
{
	AUTO_BUF struct buf nothing = BUF_INIT;

	return lookup_recent(p, TAG_NO_ROOTS, &nothing);
}

void
piv_cache_keep_no_roots(const struct piv *p)
{
	keep_recent(p, TAG_NO_ROOTS, cur_of(NULL, 0));
}

void
piv_cache_forget_recent(const struct piv *p)
{
	keep(p, TAG_EMPTY, cur_of(NULL, 0));
	keep(p, TAG_NO_ROOTS, cur_of(NULL, 0));
}
