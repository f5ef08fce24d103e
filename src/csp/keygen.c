/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key pairs made on the card. The container's record in the map is written last: until then nobody sees a container, and
 * the place is the first that the next key takes.
 */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"

struct generation {
	DWORD key_spec, key_size;
	bool exchange;
	struct csp_container container;
	struct cursor id;
	bool done;
};

/* A name like those that Windows gives: a random GUID (RFC 9562, version 4) without braces. */
static DWORD
random_name(struct csp *csp, char ret_name[CSP_NAME_MAX])
{
	uint8_t b[16];
	DWORD r = csp_random(csp, b, sizeof(b));

	if (r != SCARD_S_SUCCESS)
		return r;
	b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
	(void)snprintf(ret_name, CSP_NAME_MAX, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		       b[15]);
	return SCARD_S_SUCCESS;
}

/* What can be known to fail before the card is asked. */
static DWORD
describe(struct csp_card *card, const struct csp_generate *what, struct generation *g)
{
	AUTO_BUF struct buf trial = BUF_INIT;
	const struct csp_key key = { .type = what->type, .bits = what->bits, .exchange = what->exchange };
	uint16_t *bits = what->exchange ? &g->container.exchange_bits : &g->container.signature_bits;

	if (what->id.left > CSP_CKAID_MAX)
		return SCARD_E_INVALID_VALUE;
	if (what->bits > UINT16_MAX || csp_key_type_of((uint16_t)what->bits) != what->type || what->type == KEY_NONE)
		return SCARD_E_INVALID_PARAMETER;
	*bits = (uint16_t)what->bits;
	g->exchange = what->exchange;
	g->id = what->id;
	g->key_spec = csp_key_spec(&key);
	g->key_size = what->type == KEY_RSA ? what->bits : 0;
	if (what->name == NULL || what->name[0] == '\0')
		return random_name(card->csp, g->container.name);
	if (strlen(what->name) >= CSP_NAME_MAX)
		return SCARD_E_INVALID_VALUE;
	memcpy(g->container.name, what->name, strlen(what->name) + 1);
	return csp_cmap_change(cur_of(NULL, 0), 0, &g->container, &trial) ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE;
}

/* Whether the card makes such keys. */
static DWORD
check_size(struct csp_card *card, const struct generation *g)
{
	CARD_KEY_SIZES sizes = { .dwVersion = 1 };
	DWORD r = card->data.pfnCardQueryKeySizes(&card->data, g->key_spec, 0, &sizes);

	if (r != SCARD_S_SUCCESS || g->key_size == 0)
		return r;
	if (g->key_size < sizes.dwMinimumBitlen || g->key_size > sizes.dwMaximumBitlen)
		return SCARD_E_INVALID_PARAMETER;
	if (sizes.dwIncrementalBitlen != 0 && (g->key_size - sizes.dwMinimumBitlen) % sizes.dwIncrementalBitlen != 0)
		return SCARD_E_INVALID_PARAMETER;
	return SCARD_S_SUCCESS;
}

/* In a map that does not say who lives where no place is free: what looks empty may be somebody's key. */
static DWORD
choose_place(struct csp_card *card, uint8_t *ret_index)
{
	AUTO_BUF struct buf content = BUF_INIT;
	CARD_FREE_SPACE_INFO space = { .dwVersion = 1 };
	struct csp_cmap map;
	size_t index;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, "cmapfile", &content);

	if (r != SCARD_S_SUCCESS && r != SCARD_E_FILE_NOT_FOUND)
		return r;
	csp_cmap_decode(buf_cur(&content), &map);
	if (map.damaged) {
		log_fail(LOG_CSP, SCARD_E_COMM_DATA_LOST, "no key is made while the container map is damaged");
		return SCARD_E_COMM_DATA_LOST;
	}
	index = csp_cmap_free(&map);
	r = card->data.pfnCardQueryFreeSpace(&card->data, 0, &space);
	if (csp_code_is_trouble(r))
		return r;
	if (index >= LIMIT_CONTAINERS || (r == SCARD_S_SUCCESS && index >= space.dwMaxKeyContainers))
		return SCARD_E_WRITE_TOO_MANY;
	*ret_index = (uint8_t)index;
	return SCARD_S_SUCCESS;
}

static bool
file_is_used(const struct csp_card *card, const char *name)
{
	for (size_t i = 0; i < card->view.count; i++)
		if (strcmp(card->view.entries[i].cert_file, name) == 0)
			return true;
	return false;
}

/* A certificate that an earlier key left there would be taken for the new one's. */
static DWORD
drop_stale_certs(struct csp_card *card, uint8_t index)
{
	AUTO_BUF struct buf names = BUF_INIT;
	char name[9];
	DWORD r = csp_file_list(card, CSP_DIRECTORY, &names);

	for (unsigned slot = 0; slot < 2 && !csp_code_is_trouble(r); slot++) {
		csp_certfile_name(slot == 0, index, false, name);
		if (!csp_file_listed(buf_cur(&names), name) || file_is_used(card, name))
			continue;
		if ((r = csp_file_delete(card, CSP_DIRECTORY, name)) != SCARD_S_SUCCESS)
			return r;
	}
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

/* Before the container is seen: it never has another identifier than it was given. */
static DWORD
write_id(struct csp_card *card, const struct generation *g)
{
	struct csp_key key = { .container = g->container.index, .exchange = g->exchange, .local = true };

	if (g->id.left == 0)
		return SCARD_S_SUCCESS;
	memcpy(key.name, g->container.name, sizeof(key.name));
	memcpy(key.ckaid, g->id.p, g->id.left);
	key.ckaid_len = g->id.left;
	return csp_attrs_write(card, &key, true);
}

static DWORD
make(struct csp_card *card, struct generation *g)
{
	const uint8_t index = g->container.index;
	DWORD r;

	csp_txn_touch(card);
	if ((r = drop_stale_certs(card, index)) != SCARD_S_SUCCESS)
		return r;
	r = card->data.pfnCardCreateContainerEx(&card->data, index, CARD_CREATE_CONTAINER_KEY_GEN, g->key_spec,
						g->key_size, NULL, ROLE_USER);
	csp_txn_touch(card);
	if (r != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_WRITE_TOO_MANY : r;
	if ((r = write_id(card, g)) != SCARD_S_SUCCESS ||
	    (r = csp_cmap_write(card, index, &g->container)) != SCARD_S_SUCCESS)
		(void)card->data.pfnCardDeleteContainer(&card->data, index, 0);
	return r;
}

static DWORD
generate_work(struct csp_card *card, void *arg)
{
	struct generation *g = arg;
	struct csp_change change;
	DWORD r;

	/* once done the card may still be reset before we have looked at it */
	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || g->done)
		return r;
	if ((r = check_size(card, g)) != SCARD_S_SUCCESS ||
	    (r = choose_place(card, &g->container.index)) != SCARD_S_SUCCESS ||
	    (r = csp_change_begin(card, CSP_CONTAINERS | CSP_FILES, &change)) != SCARD_S_SUCCESS)
		return r;
	r = make(card, g);
	g->done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

static struct csp_entry *
find_made(struct csp_card *card, const struct generation *g)
{
	for (size_t i = 0; i < card->view.count; i++) {
		struct csp_entry *e = &card->view.entries[i];

		if (e->key.container == g->container.index && e->key.exchange == g->exchange)
			return e;
	}
	return NULL;
}

/* The key as the view shows it; one whose public key makes no sense is none. */
static DWORD
take(struct csp_card *card, const struct generation *g, uint32_t *ret_key_id)
{
	struct csp_entry *e = find_made(card, g);
	const struct public_key *public;
	uint32_t id;
	DWORD r;

	if (e == NULL)
		return SCARD_E_UNEXPECTED;
	id = e->key.id;
	e->key.local = true;
	r = csp_key_public(card, id, &public);
	if (r == SCARD_E_NO_KEY_CONTAINER) {
		log_fail(LOG_CSP, r, "container %u: the key that was made is none", g->container.index);
		(void)csp_key_delete(card, id);
		return SCARD_E_UNEXPECTED;
	}
	if (r == SCARD_S_SUCCESS)
		*ret_key_id = id;
	return r;
}

DWORD
csp_generate(struct csp_card *card, const struct csp_generate *what, uint32_t *ret_key_id)
{
	struct generation g = { 0 };
	DWORD r;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	if ((r = describe(card, what, &g)) != SCARD_S_SUCCESS)
		return r;
	r = csp_txn_run(card, generate_work, &g);
	csp_role_used(card, ROLE_USER);
	return r == SCARD_S_SUCCESS ? take(card, &g, ret_key_id) : r;
}
