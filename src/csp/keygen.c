/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key pairs made on the card or brought to it. The container's record in the map is written last: until then nobody sees
 * a new container, and the place is the first that the next key takes.
 */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/cert.h"
#include "csp/crypto.h"

struct making {
	DWORD key_spec, key_size;
	bool exchange;
	uint16_t bits;
	const struct private_key *key; /* NULL: the card makes one */
	uint32_t beside;	       /* a key whose container it goes into; 0: a container of its own */
	bool replace;
	bool mended;		  /* the map was cut */
	bool named;		  /* by the caller */
	char label[CSP_NAME_MAX]; /* the wanted name, when another container has it already */
	struct csp_container container;
	struct cursor id;
	bool done;
};

/* A name like those that Windows gives: a random GUID (RFC 9562, version 4) without braces. */
DWORD
csp_random_name(struct csp *csp, char ret_name[CSP_NAME_MAX])
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
describe_key(struct making *m, enum key_type type, unsigned bits)
{
	const struct csp_key key = { .type = type, .bits = bits, .exchange = m->exchange };

	if (bits > UINT16_MAX || csp_key_type_of((uint16_t)bits, m->exchange) != type || type == KEY_NONE)
		return SCARD_E_INVALID_PARAMETER;
	m->bits = (uint16_t)bits;
	m->key_spec = csp_key_spec(&key);
	m->key_size = type == KEY_RSA ? bits : 0;
	return SCARD_S_SUCCESS;
}

static DWORD
describe_container(struct csp_card *card, struct making *m, const char *name)
{
	AUTO_BUF struct buf trial = BUF_INIT;
	uint16_t *bits = m->exchange ? &m->container.exchange_bits : &m->container.signature_bits;

	*bits = m->bits;
	if (m->id.left > CSP_CKAID_MAX)
		return SCARD_E_INVALID_VALUE;
	if (name == NULL || name[0] == '\0')
		return csp_random_name(card->csp, m->container.name);
	if (strlen(name) >= CSP_NAME_MAX)
		return SCARD_E_INVALID_VALUE;
	memcpy(m->container.name, name, strlen(name) + 1);
	return csp_cmap_change(cur_of(NULL, 0), 0, &m->container, &trial) ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE;
}

/* Whether the card makes such keys. */
static DWORD
check_size(struct csp_card *card, const struct making *m)
{
	CARD_KEY_SIZES sizes = { .dwVersion = 1 };
	DWORD r = card->data.pfnCardQueryKeySizes(&card->data, m->key_spec, 0, &sizes);

	if (r != SCARD_S_SUCCESS || m->key_size == 0)
		return r;
	if (m->key_size < sizes.dwMinimumBitlen || m->key_size > sizes.dwMaximumBitlen)
		return SCARD_E_INVALID_PARAMETER;
	if (sizes.dwIncrementalBitlen != 0 && (m->key_size - sizes.dwMinimumBitlen) % sizes.dwIncrementalBitlen != 0)
		return SCARD_E_INVALID_PARAMETER;
	return SCARD_S_SUCCESS;
}

static DWORD
read_map(struct csp_card *card, struct csp_cmap *ret_map)
{
	AUTO_BUF struct buf content = BUF_INIT;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, "cmapfile", &content);

	if (r != SCARD_S_SUCCESS && r != SCARD_E_FILE_NOT_FOUND)
		return r;
	csp_cmap_decode(buf_cur(&content), ret_map);
	return SCARD_S_SUCCESS;
}

/* In a map that does not say who lives where no place is free: what looks empty may be somebody's key. */
static DWORD
choose_place(struct csp_card *card, const struct csp_cmap *map, uint8_t *ret_index)
{
	CARD_FREE_SPACE_INFO space = { .dwVersion = 1 };
	size_t index = csp_cmap_free(map);
	DWORD r = card->data.pfnCardQueryFreeSpace(&card->data, 0, &space);

	if (csp_code_is_trouble(r))
		return r;
	if (index >= LIMIT_CONTAINERS || (r == SCARD_S_SUCCESS && index >= space.dwMaxKeyContainers))
		return SCARD_E_WRITE_TOO_MANY;
	*ret_index = (uint8_t)index;
	return SCARD_S_SUCCESS;
}

/* The container that there is already, with one more key. */
static DWORD
choose_slot(struct csp_card *card, const struct csp_cmap *map, struct making *m)
{
	struct csp_entry *e = NULL;
	uint16_t *bits;
	size_t i = 0;
	DWORD r = csp_entry_find(card, m->beside, &e);

	if (r != SCARD_S_SUCCESS)
		return r;
	/* without leave nothing is overwritten */
	if (m->replace ? e->key.exchange != m->exchange : e->key.exchange == m->exchange || e->key.other_slot_used)
		return SCARD_E_INVALID_PARAMETER;
	while (i < map->count && map->containers[i].index != e->key.container)
		i++;
	if (i == map->count)
		return SCARD_E_NO_KEY_CONTAINER;
	m->container = map->containers[i];
	bits = m->exchange ? &m->container.exchange_bits : &m->container.signature_bits;
	*bits = m->bits;
	return SCARD_S_SUCCESS;
}

/*
 * Where containers have numbers of their own the identifier chooses among them, and need not be kept. *ret_chosen false:
 * they have none, or nobody chose.
 */
static DWORD
choose_number(struct csp_card *card, const struct csp_cmap *map, struct making *m, bool *ret_chosen)
{
	CARD_KEY_NAMES names = { 0 };
	uint8_t number = m->id.left == 1 ? m->id.p[0] : 0;
	size_t index = 0;

	*ret_chosen = false;
	if (m->id.left == 0 || csp_container_names(card, 0, &names) != SCARD_S_SUCCESS)
		return SCARD_S_SUCCESS;
	while (names.bNumber != number)
		if (++index == LIMIT_CONTAINERS || csp_container_names(card, (uint8_t)index, &names) != SCARD_S_SUCCESS)
			return SCARD_E_INVALID_VALUE;
	for (size_t i = 0; i < map->count; i++)
		if (map->containers[i].index == index)
			return SCARD_E_WRITE_TOO_MANY;
	m->container.index = (uint8_t)index;
	m->id = cur_of(NULL, 0);
	*ret_chosen = true;
	return SCARD_S_SUCCESS;
}

static bool
has_name(const struct csp_cmap *map, const char *name)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->containers[i].name, name) == 0)
			return true;
	return false;
}

/* The user's affair, but on cards where only the administrator may; the card knows which it is. */
static DWORD
begin(struct csp_card *card, struct csp_change *ret_change)
{
	DWORD r = csp_change_begin(card, CSP_BY_USER, CSP_CONTAINERS | CSP_FILES, ret_change);

	if (r == SCARD_W_CARD_NOT_AUTHENTICATED)
		r = csp_change_begin(card, CSP_BY_ADMIN, CSP_CONTAINERS | CSP_FILES, ret_change);
	return r;
}

static DWORD choose(struct csp_card *card, struct making *m);

/* What a card has lost that was pulled is made good by the next who writes. */
static DWORD
mend(struct csp_card *card, struct making *m)
{
	struct csp_change change;
	DWORD r = begin(card, &change);

	if (r != SCARD_S_SUCCESS)
		return r;
	change.kept = CSP_PINS;
	r = csp_change_end(card, &change, csp_map_mend(card));
	return r == SCARD_S_SUCCESS ? choose(card, m) : r;
}

static DWORD
choose(struct csp_card *card, struct making *m)
{
	struct csp_cmap map;
	bool chosen = false;
	DWORD r = read_map(card, &map);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (map.damaged && map.cut && !m->mended) {
		m->mended = true;
		return mend(card, m);
	}
	if (map.damaged) {
		log_fail(LOG_CSP, SCARD_E_COMM_DATA_LOST, "no key is made while the container map is damaged");
		return SCARD_E_COMM_DATA_LOST;
	}
	if (m->beside != 0)
		return choose_slot(card, &map, m);
	/* a name is given once; what people call the key may be the same */
	if (m->named && has_name(&map, m->container.name)) {
		memcpy(m->label, m->container.name, sizeof(m->label));
		m->named = false;
		if ((r = csp_random_name(card->csp, m->container.name)) != SCARD_S_SUCCESS)
			return r;
	}
	if ((r = choose_number(card, &map, m, &chosen)) != SCARD_S_SUCCESS || chosen)
		return r;
	return choose_place(card, &map, &m->container.index);
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
write_id(struct csp_card *card, const struct making *m)
{
	struct csp_key key = { .container = m->container.index, .exchange = m->exchange, .local = m->key == NULL };

	if (m->id.left == 0 && m->label[0] == '\0')
		return SCARD_S_SUCCESS;
	memcpy(key.name, m->container.name, sizeof(key.name));
	memcpy(key.label, m->label, sizeof(m->label));
	if (m->id.left > 0)
		memcpy(key.ckaid, m->id.p, m->id.left);
	key.ckaid_len = m->id.left;
	return csp_attrs_write(card, &key, true);
}

/* The certificate of a key that is about to be another one. */
static DWORD
drop_own_cert(struct csp_card *card, const struct making *m)
{
	struct csp_entry *e = NULL;
	DWORD r = csp_entry_find(card, m->beside, &e);

	if (r != SCARD_S_SUCCESS || !m->replace || e->cert_file[0] == '\0')
		return r;
	r = csp_file_delete(card, CSP_DIRECTORY, e->cert_file);
	csp_cert_free(&e->cert);
	e->public_read = e->cert_hidden = false;
	return r == SCARD_E_FILE_NOT_FOUND ? SCARD_S_SUCCESS : r;
}

static DWORD
make(struct csp_card *card, struct making *m)
{
	const uint8_t index = m->container.index;
	DWORD r;

	csp_txn_touch(card);
	if ((r = drop_stale_certs(card, index)) != SCARD_S_SUCCESS ||
	    (m->beside != 0 && (r = drop_own_cert(card, m)) != SCARD_S_SUCCESS))
		return r;
	r = card->data.pfnCardCreateContainerEx(&card->data, index,
						m->key == NULL ? CARD_CREATE_CONTAINER_KEY_GEN
							       : CARD_CREATE_CONTAINER_KEY_IMPORT,
						m->key_spec, m->key_size, m->key, ROLE_USER);
	csp_txn_touch(card);
	if (r != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_WRITE_TOO_MANY : r;
	r = write_id(card, m);
	if (r == SCARD_S_SUCCESS)
		r = csp_cmap_write(card, index, &m->container);
	/* a key beside it may live in an old container */
	if (r != SCARD_S_SUCCESS && m->beside == 0)
		(void)card->data.pfnCardDeleteContainer(&card->data, index, 0);
	return r;
}

static DWORD
make_work(struct csp_card *card, void *arg)
{
	struct making *m = arg;
	struct csp_change change;
	DWORD r;

	/* once done the card may still be reset before we have looked at it */
	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || m->done)
		return r;
	if ((r = check_size(card, m)) != SCARD_S_SUCCESS || (r = choose(card, m)) != SCARD_S_SUCCESS ||
	    (r = begin(card, &change)) != SCARD_S_SUCCESS)
		return r;
	r = make(card, m);
	m->done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

static struct csp_entry *
find_made(struct csp_card *card, const struct making *m)
{
	for (size_t i = 0; i < card->view.count; i++) {
		struct csp_entry *e = &card->view.entries[i];

		if (e->key.container == m->container.index && e->key.exchange == m->exchange)
			return e;
	}
	return NULL;
}

/* The key as the view shows it; one whose public key makes no sense, or is not the one that was brought, is none. */
static DWORD
take(struct csp_card *card, const struct making *m, uint32_t *ret_key_id)
{
	struct csp_entry *e = find_made(card, m);
	const struct public_key *public;
	uint32_t id;
	DWORD r;

	if (e == NULL)
		return SCARD_E_UNEXPECTED;
	id = e->key.id;
	e->key.local = m->key == NULL;
	r = csp_key_public(card, id, &public);
	if (r == SCARD_S_SUCCESS && m->key != NULL && !pubkey_equal(public, &m->key->public))
		r = SCARD_E_NO_KEY_CONTAINER;
	if (r == SCARD_E_NO_KEY_CONTAINER) {
		log_fail(LOG_CSP, r, "container %u: the key that was made is none", m->container.index);
		if (m->beside == 0)
			(void)csp_key_delete(card, id);
		return SCARD_E_UNEXPECTED;
	}
	if (r == SCARD_S_SUCCESS)
		*ret_key_id = id;
	return r;
}

static DWORD
run(struct csp_card *card, struct making *m, uint32_t *ret_key_id)
{
	DWORD r = csp_change_run(card, make_work, m);

	return r == SCARD_S_SUCCESS ? take(card, m, ret_key_id) : r;
}

DWORD
csp_generate(struct csp_card *card, const struct csp_generate *what, uint32_t *ret_key_id)
{
	struct making m = { .exchange = what->exchange, .id = what->id };
	const unsigned bits = what->type == KEY_RSA && what->bits == 0 ? csp_default_key_bits(card->csp) : what->bits;
	DWORD r;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	m.named = what->name != NULL && what->name[0] != '\0';
	if ((r = describe_key(&m, what->type, bits)) != SCARD_S_SUCCESS ||
	    (r = describe_container(card, &m, what->name)) != SCARD_S_SUCCESS)
		return r;
	return run(card, &m, ret_key_id);
}

/* Import -------------------------------------------------------------------------------------------------------------- */

static bool
is_allowed(const struct csp_policy *p, enum key_type type, bool exchange)
{
	if (p->require_on_card_generation)
		return false;
	if (type == KEY_RSA)
		return exchange ? p->import_exchange : p->import_signature;
	return exchange ? p->import_ecdhe : p->import_ecdsa;
}

DWORD
csp_import(struct csp_card *card, const struct csp_import *what, uint32_t *ret_key_id)
{
	struct making m = { .exchange = what->exchange,
			    .id = what->id,
			    .key = what->key,
			    .beside = what->container_key,
			    .replace = what->replace };
	const struct public_key *public = &what->key->public;
	DWORD r;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	if (!is_allowed(&card->csp->policy, public->type, what->exchange))
		return SCARD_E_NO_ACCESS;
	if (!privkey_is_whole(what->key) || !csp_crypto_key_valid(card->csp->crypto, public) ||
	    (what->replace && what->container_key == 0))
		return SCARD_E_INVALID_PARAMETER;
	m.named = what->name != NULL && what->name[0] != '\0';
	if ((r = describe_key(&m, public->type, public->bits)) != SCARD_S_SUCCESS ||
	    (r = describe_container(card, &m, what->name)) != SCARD_S_SUCCESS)
		return r;
	return run(card, &m, ret_key_id);
}
