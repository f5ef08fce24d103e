/* SPDX-License-Identifier: BSD-2-Clause */
/* The view of a card: built from the container map and the list of certificate files, as one piece. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/cert.h"

/* From this container on, two hexadecimal and two decimal digits differ (minidriver specification 7.07 leaves it open). */
#define FIRST_AMBIGUOUS 10u

void
csp_view_free(struct csp_view *view)
{
	for (size_t i = 0; i < view->count; i++)
		csp_cert_free(&view->entries[i].cert);
	free(view->entries);
	*view = (struct csp_view){ NULL, 0 };
}

/*
 * Which file has the certificate. known: the directory was listed. True when only a look at the public keys can tell
 * (csp_entry_settle_cert).
 */
static bool
choose_cert(struct csp_entry *e, struct cursor names, bool known)
{
	char hex[9], decimal[9];
	bool has_hex, has_decimal;

	csp_certfile_name(e->key.exchange, e->key.container, false, hex);
	csp_certfile_name(e->key.exchange, e->key.container, true, decimal);
	has_hex = !known || csp_file_listed(names, hex);
	has_decimal = e->key.container >= FIRST_AMBIGUOUS && known && csp_file_listed(names, decimal);
	if (has_hex)
		memcpy(e->cert_file, hex, sizeof(hex));
	else if (has_decimal)
		memcpy(e->cert_file, decimal, sizeof(decimal));
	e->key.has_cert = has_hex || has_decimal;
	return has_decimal;
}

static DWORD
find_role(struct csp_card *card, struct csp_key *key)
{
	const PIN_INFO *info;
	PIN_ID role = ROLE_USER;
	DWORD len = 0, r;

	r = card->data.pfnCardGetContainerProperty(&card->data, key->container, CCP_PIN_IDENTIFIER, (BYTE *)&role,
						   sizeof(role), &len, 0);
	if (csp_code_is_trouble(r))
		return r;
	if (r != SCARD_S_SUCCESS || len != sizeof(role) || role == ROLE_ADMIN || role >= MAX_PINS)
		role = ROLE_USER;
	if (role == ROLE_EVERYONE) {
		key->role = role;
		key->always_authenticate = false;
		return SCARD_S_SUCCESS;
	}
	if ((r = csp_role_info(card, role, &info)) != SCARD_S_SUCCESS)
		return r;
	key->role = role;
	key->always_authenticate = info->PinCachePolicy.PinCachePolicyType == PinCacheAlwaysPrompt;
	return SCARD_S_SUCCESS;
}

DWORD
csp_container_names(struct csp_card *card, uint8_t index, CARD_KEY_NAMES *ret_names)
{
	CARD_KEY_NAMES names = { 0 };
	DWORD len = 0, r;

	r = card->data.pfnCardGetContainerProperty(&card->data, index, CCP_KEY_NAMES, (BYTE *)&names, sizeof(names),
						   &len, 0);
	if (r == SCARD_S_SUCCESS && len != sizeof(names))
		r = SCARD_E_UNSUPPORTED_FEATURE;
	if (r == SCARD_S_SUCCESS)
		*ret_names = names;
	return r;
}

/* What everybody calls the key, where its container has a fixed meaning. */
static DWORD
find_names(struct csp_card *card, struct csp_key *key)
{
	CARD_KEY_NAMES names = { 0 };
	DWORD r = csp_container_names(card, key->container, &names);

	if (r == SCARD_S_SUCCESS) {
		key->number = names.bNumber;
		memcpy(key->usual_name, names.szName, sizeof(key->usual_name));
		key->usual_name[sizeof(key->usual_name) - 1] = '\0';
	}
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

DWORD
csp_view_roles(struct csp_card *card)
{
	DWORD r = SCARD_S_SUCCESS;

	for (size_t i = 0; i < card->view.count && r == SCARD_S_SUCCESS; i++)
		r = find_role(card, &card->view.entries[i].key);
	card->version = csp_next_number(card->csp);
	return r;
}

/* One that was not asked for may be any. */
static bool
same_name(const char *a, const char *b)
{
	return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

/* The same key as in the old view keeps its number, and what has not become stale. */
static void
inherit(struct csp_card *card, struct csp_entry *e, unsigned kept)
{
	struct csp_entry *old;

	for (size_t i = 0; i < card->view.count && e->key.id == 0; i++) {
		old = &card->view.entries[i];
		if (old->key.container != e->key.container || old->key.exchange != e->key.exchange ||
		    old->key.bits != e->key.bits || !same_name(old->key.name, e->key.name))
			continue;
		e->key.id = old->key.id;
		e->key.local = e->key.local || old->key.local;
		if ((kept & CSP_FILES) != 0 && strcmp(old->cert_file, e->cert_file) == 0) {
			e->cert_hidden = old->cert_hidden;
			e->cert = old->cert;
			old->cert = NULL;
		}
	}
	if (e->key.id == 0)
		e->key.id = csp_next_number(card->csp);
}

static void
fill_key(const struct csp_card *card, struct csp_key *key, const struct csp_container *c, bool exchange,
	 enum key_type type)
{
	key->container = c->index;
	key->exchange = exchange;
	key->other_slot_used = csp_key_type_of(exchange ? c->signature_bits : c->exchange_bits, !exchange) != KEY_NONE;
	key->is_default = c->is_default;
	key->type = type;
	key->bits = exchange ? c->exchange_bits : c->signature_bits;
	key->can_sign = type == KEY_RSA || !exchange;
	key->can_decrypt = type == KEY_RSA && exchange;
	key->can_derive =
		type == KEY_X25519 || (type == KEY_EC && exchange && (card->agrees & csp_curve_bit(key->bits)) != 0);
	memcpy(key->name, c->name, sizeof(key->name));
}

/* One slot of a container, if it has a key that anybody can believe in. */
static DWORD
add_slot(struct csp_card *card, struct csp_view *view, const struct csp_container *c, bool exchange)
{
	uint16_t bits = exchange ? c->exchange_bits : c->signature_bits;
	enum key_type type = csp_key_type_of(bits, exchange);
	struct csp_key *key;
	DWORD r;

	if (bits == 0)
		return SCARD_S_SUCCESS;
	if (type == KEY_NONE) {
		if (csp_card_says(card, c->index, CSP_SAID_SIZE))
			log_warn(LOG_CSP, "container %u: hidden, no key has %u bits", c->index, bits);
		return SCARD_S_SUCCESS;
	}
	key = &view->entries[view->count++].key;
	fill_key(card, key, c, exchange, type);
	if ((r = find_names(card, key)) != SCARD_S_SUCCESS)
		return r;
	return find_role(card, key);
}

static DWORD
build(struct csp_card *card, const struct csp_cmap *map, struct csp_view *view)
{
	DWORD r = SCARD_S_SUCCESS;

	if (map->count == 0)
		return SCARD_S_SUCCESS;
	if ((view->entries = calloc(2 * map->count, sizeof(*view->entries))) == NULL)
		return SCARD_E_NO_MEMORY;
	for (size_t i = 0; i < map->count && r == SCARD_S_SUCCESS; i++) {
		r = add_slot(card, view, &map->containers[i], true);
		if (r == SCARD_S_SUCCESS)
			r = add_slot(card, view, &map->containers[i], false);
	}
	return r;
}

static DWORD
read_map(struct csp_card *card, struct csp_cmap *ret_map)
{
	AUTO_BUF struct buf content = BUF_INIT;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, "cmapfile", &content);

	/* a card without the file has no containers: blank, or made for something else */
	if (r != SCARD_S_SUCCESS && r != SCARD_E_FILE_NOT_FOUND && r != SCARD_E_DIR_NOT_FOUND)
		return r;
	csp_cmap_decode(buf_cur(&content), ret_map);
	if (ret_map->damaged && !card->said_map) {
		log_warn(LOG_CSP, "the container map is damaged (%zu bytes)", content.len);
		card->said_map = true;
	}
	return SCARD_S_SUCCESS;
}

/* What the minidriver knows of the keys of a container, else what the card says. */
static DWORD
ask_container(struct csp_card *card, uint8_t index, CONTAINER_INFO *ret_info)
{
	*ret_info = (CONTAINER_INFO){ .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	if (csp_container_known(card, index, ret_info))
		return SCARD_S_SUCCESS;
	return card->data.pfnCardGetContainerInfo(&card->data, index, 0, ret_info);
}

/* Some containers only: their keys one by one, which is as good as what the map says of them. */
static DWORD
ask_containers(struct csp_card *card, struct csp_cmap *ret_map)
{
	memset(ret_map, 0, sizeof(*ret_map));
	for (uint8_t i = 0; i < CSP_ONLY_MAX; i++) {
		CONTAINER_INFO info;
		struct csp_container *c = &ret_map->containers[ret_map->count];
		DWORD r;

		if ((card->only & UINT32_C(1) << i) == 0)
			continue;
		r = ask_container(card, i, &info);
		if (csp_code_is_trouble(r))
			return r;
		if (r != SCARD_S_SUCCESS)
			continue;
		c->index = i;
		c->exchange_bits = (uint16_t)info.KeyExPublicKey.bits;
		c->signature_bits = (uint16_t)info.SigPublicKey.bits;
		ret_map->count++;
	}
	ret_map->records = ret_map->count;
	return SCARD_S_SUCCESS;
}

/* The certificate files of those containers; before their keys, which are known by them. */
static DWORD
ask_names(struct csp_card *card, struct buf *names)
{
	CARD_FILE_INFO info = { .dwVersion = 1 };
	char name[9];
	DWORD r;

	for (uint8_t i = 0; i < 2 * CSP_ONLY_MAX; i++) {
		if ((card->only & UINT32_C(1) << i / 2) == 0)
			continue;
		csp_certfile_name(i % 2 == 0, i / 2, false, name);
		r = card->data.pfnCardGetFileInfo(&card->data, CSP_DIRECTORY, name, &info);
		if (csp_code_is_trouble(r))
			return r;
		if (r == SCARD_S_SUCCESS)
			buf_put(names, name, strlen(name) + 1);
	}
	buf_u8(names, 0);
	return buf_failed(names) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

/* *ret_known false: the minidriver cannot list, and files have to be tried. */
static DWORD
read_names(struct csp_card *card, struct buf *ret_names, bool *ret_known)
{
	DWORD r = csp_file_list(card, CSP_DIRECTORY, ret_names);

	*ret_known = r == SCARD_S_SUCCESS;
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

/* What the view is made of: all containers, or those that somebody wants. */
static DWORD
read_containers(struct csp_card *card, struct csp_cmap *ret_map, struct buf *ret_names, bool *ret_known)
{
	DWORD r;

	if (card->only != 0) {
		*ret_known = !card->keys_only;
		r = card->keys_only ? SCARD_S_SUCCESS : ask_names(card, ret_names);
		return r == SCARD_S_SUCCESS ? ask_containers(card, ret_map) : r;
	}
	r = read_map(card, ret_map);
	return r == SCARD_S_SUCCESS && ret_map->count > 0 ? read_names(card, ret_names, ret_known) : r;
}

/* The view is in place, so that what is read for one key is found for the other. */
static DWORD
join_certs(struct csp_card *card, const bool *ambiguous, struct cursor names)
{
	struct csp_entry *e;
	DWORD r = SCARD_S_SUCCESS;

	for (size_t i = 0; i < card->view.count && r == SCARD_S_SUCCESS; i++) {
		e = &card->view.entries[i];
		if (ambiguous[i])
			r = csp_entry_settle_cert(card, e, names);
	}
	return r;
}

DWORD
csp_view_load(struct csp_card *card, unsigned kept)
{
	AUTO_BUF struct buf names = BUF_INIT;
	bool ambiguous[2 * LIMIT_CONTAINERS] = { false }, known = true;
	struct csp_view view = { NULL, 0 };
	struct csp_cmap map;
	DWORD r;

	if ((r = read_containers(card, &map, &names, &known)) != SCARD_S_SUCCESS)
		return r;
	r = build(card, &map, &view);
	if (r == SCARD_S_SUCCESS && view.count > 0)
		r = csp_attrs_load(card, &view);
	if (r != SCARD_S_SUCCESS) {
		csp_view_free(&view);
		return r;
	}
	for (size_t i = 0; i < view.count; i++) {
		ambiguous[i] = choose_cert(&view.entries[i], buf_cur(&names), known);
		inherit(card, &view.entries[i], kept);
	}
	csp_view_free(&card->view);
	card->view = view;
	card->files.known = card->files.known && (kept & CSP_FILES) != 0;
	card->roots.known = card->roots.known && (kept & CSP_FILES) != 0;
	card->version = csp_next_number(card->csp);
	return join_certs(card, ambiguous, buf_cur(&names));
}
