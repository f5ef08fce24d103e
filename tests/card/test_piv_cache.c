/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIV: what the minidriver keeps by the caller's cache callbacks, and how little it believes of it. The cache is one in memory
 * here, and a context after another one is what a process is after another one.
 */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "card/piv_card.h"

#define ITEMS 64u
#define TIME_BYTES 8u

static struct item {
	char tag[LIMIT_CACHE_TAG + 1];
	struct buf content;
} items[ITEMS];
static size_t item_count;
static struct kit reference;

/* The caller's cache ----------------------------------------------------------------------------------------------------- */

static struct item *
find_item(const char *tag)
{
	for (size_t i = 0; i < item_count; i++)
		if (strcmp(items[i].tag, tag) == 0)
			return &items[i];
	return NULL;
}

static DWORD
delete_item(void *context, const char *tag, DWORD flags)
{
	struct item *item = find_item(tag);

	(void)context, (void)flags;
	if (item == NULL)
		return SCARD_W_CACHE_ITEM_NOT_FOUND;
	buf_free(&item->content);
	*item = items[--item_count];
	return SCARD_S_SUCCESS;
}

static DWORD
add_item(void *context, const char *tag, DWORD flags, const BYTE *data, DWORD len)
{
	struct item *item;

	(void)delete_item(context, tag, flags);
	assert_true(item_count < ITEMS);
	assert_in_range(strlen(tag), 1, LIMIT_CACHE_TAG);
	item = &items[item_count++];
	(void)snprintf(item->tag, sizeof(item->tag), "%s", tag);
	item->content = (struct buf)BUF_INIT;
	buf_put(&item->content, data, len);
	return SCARD_S_SUCCESS;
}

static DWORD
look_up(void *context, const char *tag, DWORD flags, BYTE **ret_data, DWORD *ret_len)
{
	const struct rig *rig = context;
	const struct item *item = find_item(tag);

	(void)flags;
	if (item == NULL)
		return SCARD_W_CACHE_ITEM_NOT_FOUND;
	*ret_data = rig->data.pfnCspAlloc(item->content.len + 1);
	assert_non_null(*ret_data);
	if (item->content.len > 0)
		memcpy(*ret_data, item->content.p, item->content.len);
	*ret_len = (DWORD)item->content.len;
	return SCARD_S_SUCCESS;
}

static void
forget_items(void)
{
	while (item_count > 0)
		buf_free(&items[--item_count].content);
}

/* Words -------------------------------------------------------------------------------------------------------------------- */

static int
make_kit(void **state)
{
	(void)state;
	piv_kit_make(&reference, VCARD_PIV_STRICT);
	return 0;
}

static int
free_kit(void **state)
{
	(void)state;
	kit_free(&reference);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	forget_items();
	return 0;
}

/* A new process, which has asked for the identifier, as who keeps something under it does. */
static void
start(struct rig *rig, bool cached, bool history)
{
	BYTE id[VCARD_GUID_LEN];
	DWORD len;

	rig_open(rig, &reference);
	if (!history)
		assert_int_equal(vcard_piv_put(rig->card, PIV_TAG_HISTORY, cur_of(NULL, 0)), 0);
	if (cached) {
		rig->data.pfnCspCacheAddFile = add_item;
		rig->data.pfnCspCacheLookupFile = look_up;
		rig->data.pfnCspCacheDeleteFile = delete_item;
		rig->data.pvCacheContext = rig;
	}
	assert_int_equal(registry_acquire(&rig->data, &rig->memory), SCARD_S_SUCCESS);
	assert_int_equal(rig->data.pfnCardGetProperty(&rig->data, CP_CARD_GUID, id, sizeof(id), &len, 0),
			 SCARD_S_SUCCESS);
	(void)rig_exchanges(rig);
}

static void
put_file(struct rig *rig, const char *name, struct buf *text)
{
	AUTO_BUF struct buf content = BUF_INIT;

	buf_be32(text, piv_rig_file(rig, "mscp", name, &content));
	buf_put_cur(text, buf_cur(&content));
}

/* What is shown of a card; returns the exchanges. */
static unsigned
show(bool cached, bool history, struct buf *ret_text)
{
	static const char *const files[] = { "cmapfile", "kxc00", "ksc01", "kxc02", "ksc03", "kxc04", "msroots" };
	CONTAINER_INFO info;
	struct rig rig;
	unsigned n;

	start(&rig, cached, history);
	buf_reset(ret_text);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put_file(&rig, files[i], ret_text);
	for (unsigned i = 0; i < PIV_KIT_KEYS; i++) {
		memset(&info, 0, sizeof(info));
		buf_be32(ret_text, rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info));
		buf_put(ret_text, info.KeyExPublicKey.modulus, info.KeyExPublicKey.modulus_len);
		buf_put(ret_text, info.SigPublicKey.point, info.SigPublicKey.point_len);
	}
	assert_false(buf_failed(ret_text));
	n = rig_exchanges(&rig);
	rig_close(&rig);
	return n;
}

/* Each key alone, which leaves metadata and the reference of the PIN behind. */
static void
use_keys(void)
{
	struct rig rig;

	start(&rig, true, true);
	for (unsigned i = 0; i < PIV_KIT_KEYS; i++) {
		assert_int_equal(piv_rig_verify(&rig, i == PIV_9C ? PIV_ALWAYS : ROLE_USER, KIT_PIN, NULL),
				 SCARD_S_SUCCESS);
		if (i != PIV_9D)
			assert_int_equal(piv_rig_signs(&rig, &reference, i), SCARD_S_SUCCESS);
	}
	rig_close(&rig);
}

static void
assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->p, b->p, a->len);
}

/* Tests ---------------------------------------------------------------------------------------------------------------------- */

/* An answer of more than a day ago, or as much later than that. */
static void
set_clock(const char *tag, bool later)
{
	struct item *item = find_item(tag);
	uint8_t *byte;

	if (item == NULL || item->content.len < TIME_BYTES) {
		fail();
		return;
	}
	byte = &item->content.p[TIME_BYTES - 3];
	*byte = (uint8_t)(later ? *byte + 2 : *byte - 2);
}

/* What is not there is asked for again when that was long ago, or in the future, as clocks have it. */
static void
test_recent(void **state)
{
	static const char *const tags[] = { "piv-empty", "piv-no-roots" };
	AUTO_BUF struct buf cold = BUF_INIT, warm = BUF_INIT;
	const unsigned cost = show(true, false, &cold);

	(void)state;
	assert_in_range(cost, 20, 60);
	/* key history and four certificates */
	assert_int_equal(show(true, false, &warm), 5);
	assert_same(&warm, &cold);
	for (unsigned future = 0; future < 2; future++) {
		for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
			set_clock(tags[i], future != 0);
		/* 20 places, and the roots */
		assert_int_equal(show(true, false, &warm), 5 + 20 + 1);
		assert_same(&warm, &cold);
		assert_int_equal(show(true, false, &warm), 5);
	}
}

/* A card with a key history has said itself what there is, and is asked for no more. */
static void
test_history(void **state)
{
	AUTO_BUF struct buf cold = BUF_INIT, warm = BUF_INIT;

	(void)state;
	(void)show(true, true, &cold);
	assert_int_equal(show(true, true, &warm), 5);
	assert_same(&warm, &cold);
	assert_null(find_item("piv-empty"));
}

/* A place without a key is no key by what was kept; nor is a number that no key has. */
static void
test_nothing_kept(void **state)
{
	CONTAINER_INFO info;
	struct rig rig;
	DWORD len;

	(void)state;
	start(&rig, true, true);
	for (BYTE i = 0; i < 40; i++)
		assert_int_equal(rig.data.pfnCardGetContainerProperty(&rig.data, i, CCP_KNOWN_INFO, (BYTE *)&info,
								      sizeof(info), &len, 0),
				 SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* M1, P6: whatever is in the cache, what is shown is what the card has. */
static void
test_damaged(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, text = BUF_INIT;

	(void)state;
	(void)show(false, true, &card);
	use_keys();
	(void)show(true, true, &text);
	assert_same(&text, &card);
	assert_true(item_count > 8);
	for (size_t i = 0; i < ITEMS; i++) {
		struct item *item = i < item_count ? &items[i] : NULL;

		if (item == NULL)
			break;
		for (size_t at = 0; at < item->content.len; at += 1 + item->content.len / 5)
			item->content.p[at] ^= 0x41;
		(void)show(true, true, &text);
		assert_same(&text, &card);
		use_keys();
	}
	for (size_t i = 0; i < item_count; i++)
		buf_truncate(&items[i].content, items[i].content.len / 2);
	(void)show(true, true, &text);
	assert_same(&text, &card);
	use_keys();
	for (size_t i = 0; i < item_count; i++)
		if (strcmp(items[i].tag, "piv-5FC102") != 0)
			buf_reset(&items[i].content);
	(void)show(true, true, &text);
	assert_same(&text, &card);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_recent, tear_down),
		cmocka_unit_test_teardown(test_history, tear_down),
		cmocka_unit_test_teardown(test_nothing_kept, tear_down),
		cmocka_unit_test_teardown(test_damaged, tear_down),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
