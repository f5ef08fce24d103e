/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is inconsistent on a card, as accidents and other programs leave it: the container map, the keys themselves, the
 * certificates and the lists are compared with each other. Only what is of no use to anybody is taken away.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/cert.h"

#define FINDINGS_MAX 256u

struct check {
	bool repair;
	bool begun; /* the counters were raised */
	struct csp_change change;
	struct csp_finding *findings;
	size_t count;
	CONTAINER_INFO infos[LIMIT_CONTAINERS];
	bool present[LIMIT_CONTAINERS]; /* the card has a key there */
};

/* A new line of the report; NULL when there is no room for it. */
static struct csp_finding *__attribute__((format(printf, 3, 4)))
find(struct check *c, bool repairable, const char *format, ...)
{
	struct csp_finding *findings;
	va_list args;

	if (c->count >= FINDINGS_MAX || (findings = realloc(c->findings, (c->count + 1) * sizeof(*findings))) == NULL)
		return NULL;
	c->findings = findings;
	findings[c->count] = (struct csp_finding){ .repairable = repairable };
	va_start(args, format);
	(void)vsnprintf(findings[c->count].text, sizeof(findings->text), format, args);
	va_end(args);
	return &findings[c->count++];
}

/* Before the first repair: who may do it, and the counters. */
static DWORD
begin(struct csp_card *card, struct check *c)
{
	DWORD r = c->begun ? SCARD_S_SUCCESS
			   : csp_change_begin(card, CSP_BY_EITHER, CSP_CONTAINERS | CSP_FILES, &c->change);

	c->begun = r == SCARD_S_SUCCESS;
	return r;
}

/* A repair that did not work leaves the finding as it is; only an accident ends the whole. */
static DWORD
repaired(struct csp_finding *f, DWORD code)
{
	if (csp_code_is_trouble(code))
		return code;
	if (code != SCARD_S_SUCCESS)
		log_fail(LOG_CSP, code, "not repaired: %s", f->text);
	f->repaired = code == SCARD_S_SUCCESS;
	return SCARD_S_SUCCESS;
}

static DWORD
delete_file(struct csp_card *card, struct check *c, struct csp_finding *f, const char *directory, const char *name)
{
	DWORD r;

	if (f == NULL || !c->repair)
		return SCARD_S_SUCCESS;
	if ((r = begin(card, c)) != SCARD_S_SUCCESS)
		return r;
	return repaired(f, csp_file_delete(card, directory, name));
}

/* Lists ----------------------------------------------------------------------------------------------------------------- */

static DWORD
put_file(struct csp_card *card, struct check *c, struct csp_finding *f, const char *name, struct cursor content)
{
	DWORD r;

	if (f == NULL || !c->repair)
		return SCARD_S_SUCCESS;
	if ((r = csp_role_any(card, CSP_BY_EITHER, &(uint32_t){ 0 })) != SCARD_S_SUCCESS)
		return r;
	return repaired(f, csp_file_put(card, NULL, name, EveryoneReadUserWriteAc, content));
}

static DWORD
check_counters(struct csp_card *card, struct check *c)
{
	static const uint8_t zeros[6];
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_freshness freshness;
	DWORD r = csp_file_read(card, NULL, "cardcf", &content);

	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_S_SUCCESS && csp_freshness_decode(buf_cur(&content), &freshness))
		return SCARD_S_SUCCESS;
	return put_file(card, c,
			find(c, true, "cardcf: the freshness counters are %s",
			     r == SCARD_S_SUCCESS ? "damaged" : "missing"),
			"cardcf", cur_of(zeros, sizeof(zeros)));
}

static DWORD
check_application(struct csp_card *card, struct check *c, const char *name)
{
	struct csp_finding *f;
	char *names = NULL;
	DWORD len = 0, r;

	r = card->data.pfnCardEnumFiles(&card->data, name, &names, &len, 0);
	csp_block_free(names);
	if (r != SCARD_E_DIR_NOT_FOUND)
		return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
	f = find(c, true, "cardapps: there is no directory %s", name);
	if (f == NULL || !c->repair)
		return SCARD_S_SUCCESS;
	if ((r = begin(card, c)) != SCARD_S_SUCCESS)
		return r;
	if (csp_app_is(name, CSP_DIRECTORY))
		return repaired(f, card->data.pfnCardCreateDirectory(&card->data, name, UserCreateDeleteDirAc));
	return repaired(f, csp_app_remove(card, name));
}

static DWORD
check_applications(struct csp_card *card, struct check *c)
{
	static const uint8_t mscp[CSP_APPLICATION_SIZE] = { 'm', 's', 'c', 'p' };
	AUTO_BUF struct buf content = BUF_INIT;
	char name[CSP_FILE_NAME_MAX];
	struct cursor rest, item;
	bool found = false;
	DWORD r = csp_file_read(card, NULL, CSP_APPLICATIONS, &content);

	if (csp_code_is_trouble(r))
		return r;
	if (r != SCARD_S_SUCCESS)
		return put_file(card, c, find(c, true, "cardapps: the list of applications is missing"),
				CSP_APPLICATIONS, cur_of(mscp, sizeof(mscp)));
	rest = buf_cur(&content);
	r = SCARD_S_SUCCESS;
	while (r == SCARD_S_SUCCESS && cur_take(&rest, CSP_APPLICATION_SIZE, &item)) {
		memset(name, 0, sizeof(name));
		(void)cur_copy(&item, name, CSP_APPLICATION_SIZE);
		found = found || csp_app_is(name, CSP_DIRECTORY);
		if (name[0] != '\0')
			r = check_application(card, c, name);
	}
	if (r == SCARD_S_SUCCESS && !found)
		(void)find(c, false, "cardapps: %s is not the first application", CSP_DIRECTORY);
	return r;
}

/* Map and keys ---------------------------------------------------------------------------------------------------------- */

static DWORD
read_keys(struct csp_card *card, struct check *c, size_t records)
{
	CARD_FREE_SPACE_INFO space = { .dwVersion = 1 };
	size_t count = records;
	DWORD r = card->data.pfnCardQueryFreeSpace(&card->data, 0, &space);

	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_S_SUCCESS && space.dwMaxKeyContainers > count && space.dwMaxKeyContainers <= LIMIT_CONTAINERS)
		count = space.dwMaxKeyContainers;
	for (size_t i = 0; i < count; i++) {
		CONTAINER_INFO *info = &c->infos[i];

		csp_txn_touch(card);
		info->dwVersion = CONTAINER_INFO_CURRENT_VERSION;
		r = card->data.pfnCardGetContainerInfo(&card->data, (BYTE)i, 0, info);
		if (csp_code_is_trouble(r))
			return r;
		c->present[i] = r == SCARD_S_SUCCESS &&
				(info->KeyExPublicKey.type != KEY_NONE || info->SigPublicKey.type != KEY_NONE);
	}
	return SCARD_S_SUCCESS;
}

/* Bits as the map has them. */
static uint16_t
bits_of(const struct public_key *key)
{
	if (key->type == KEY_RSA)
		return (uint16_t)(key->modulus_len * 8);
	return key->type == KEY_NONE ? 0 : (uint16_t)key->bits;
}

/* What the map ought to say of a container that has a key. */
static void
correct(const CONTAINER_INFO *info, struct csp_container *container)
{
	container->exchange_bits = bits_of(&info->KeyExPublicKey);
	container->signature_bits = bits_of(&info->SigPublicKey);
}

static bool
is_correct(const CONTAINER_INFO *info, const struct csp_container *container)
{
	struct csp_container other = *container;

	correct(info, &other);
	return other.exchange_bits == container->exchange_bits && other.signature_bits == container->signature_bits;
}

static DWORD
write_record(struct csp_card *card, struct check *c, struct csp_finding *f, uint8_t index,
	     const struct csp_container *container)
{
	DWORD r;

	if (f == NULL || !c->repair)
		return SCARD_S_SUCCESS;
	if ((r = begin(card, c)) != SCARD_S_SUCCESS)
		return r;
	return repaired(f, csp_cmap_write(card, index, container));
}

/* A record, and a key that was asked for. */
static DWORD
check_record(struct csp_card *card, struct check *c, const struct csp_container *container)
{
	const CONTAINER_INFO *info = &c->infos[container->index];
	struct csp_container right = *container;
	char name[sizeof("container 00")];

	(void)snprintf(name, sizeof(name), "container %u", container->index % LIMIT_CONTAINERS);
	if (!c->present[container->index])
		return write_record(card, c, find(c, true, "%s: there is no key", name), container->index, NULL);
	if (is_correct(info, container))
		return SCARD_S_SUCCESS;
	correct(info, &right);
	return write_record(card, c,
			    find(c, true, "%s: the map says %u and %u bits, the keys have %u and %u", name,
				 container->signature_bits, container->exchange_bits, right.signature_bits,
				 right.exchange_bits),
			    container->index, &right);
}

static bool
is_either(const struct public_key *key, const CONTAINER_INFO *info)
{
	return key->type != KEY_NONE &&
	       (pubkey_equal(key, &info->KeyExPublicKey) || pubkey_equal(key, &info->SigPublicKey));
}

/* A card may show the second key of a container as that of another, which is free. */
static bool
is_seen(const struct check *c, const struct csp_cmap *map, uint8_t index)
{
	const CONTAINER_INFO *info = &c->infos[index];

	for (size_t i = 0; i < map->count; i++) {
		const uint8_t other = map->containers[i].index;

		if (other == index || (c->present[other] && (is_either(&info->KeyExPublicKey, &c->infos[other]) ||
							     is_either(&info->SigPublicKey, &c->infos[other]))))
			return true;
	}
	return false;
}

static bool
is_name_of(const struct csp_cmap *map, const char *name)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->containers[i].name, name) == 0)
			return true;
	return false;
}

/* The name that it had, or was to have, if that is known, and nobody else's. */
static DWORD
find_name(struct csp_card *card, const struct csp_cmap *map, struct csp_container *container)
{
	AUTO_BUF struct buf trial = BUF_INIT;
	DWORD r = csp_attrs_name(card, container->index, container->name);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (container->name[0] != '\0' && !is_name_of(map, container->name) &&
	    csp_cmap_change(cur_of(NULL, 0), 0, container, &trial))
		return SCARD_S_SUCCESS;
	return csp_random_name(card->csp, container->name);
}

/* A key that nobody sees: one that was being made when the card was pulled. */
static DWORD
check_unseen(struct csp_card *card, struct check *c, const struct csp_cmap *map, uint8_t index)
{
	struct csp_container container = { .index = index };
	DWORD r;

	if (!c->present[index] || is_seen(c, map, index))
		return SCARD_S_SUCCESS;
	if ((r = find_name(card, map, &container)) != SCARD_S_SUCCESS)
		return r;
	correct(&c->infos[index], &container);
	return write_record(card, c, find(c, true, "container %u: a key that the map does not know", index), index,
			    &container);
}

static size_t
count_defaults(const struct csp_cmap *map)
{
	size_t count = 0;

	for (size_t i = 0; i < map->count; i++)
		count += map->containers[i].is_default;
	return count;
}

static DWORD
read_map(struct csp_card *card, struct buf *ret_content, struct csp_cmap *ret_map)
{
	DWORD r = csp_file_read(card, CSP_DIRECTORY, "cmapfile", ret_content);

	if (r != SCARD_S_SUCCESS && r != SCARD_E_FILE_NOT_FOUND && r != SCARD_E_DIR_NOT_FOUND)
		return r;
	csp_cmap_decode(buf_cur(ret_content), ret_map);
	return SCARD_S_SUCCESS;
}

/* Bits and bytes that no record may have; what is legible stays. */
static DWORD
check_form(struct csp_card *card, struct check *c, const struct buf *content, const struct csp_cmap *map)
{
	AUTO_BUF struct buf mended = BUF_INIT;
	struct csp_finding *f;
	DWORD r;

	if (map->damaged)
		f = find(c, true, "cmapfile: damaged (%zu bytes, %zu whole records)", content->len, map->records);
	else if (map->count > 0 && count_defaults(map) == 0)
		f = find(c, true, "cmapfile: no container is the default one");
	else
		return SCARD_S_SUCCESS;
	if (f == NULL || !c->repair)
		return SCARD_S_SUCCESS;
	if (!csp_cmap_mend(buf_cur(content), &mended))
		return SCARD_E_NO_MEMORY;
	if ((r = begin(card, c)) != SCARD_S_SUCCESS)
		return r;
	return repaired(f, csp_file_put(card, CSP_DIRECTORY, "cmapfile", EveryoneReadUserWriteAc, buf_cur(&mended)));
}

static DWORD
check_keys(struct csp_card *card, struct check *c)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_cmap map;
	DWORD r;

	if ((r = read_map(card, &content, &map)) != SCARD_S_SUCCESS ||
	    (r = read_keys(card, c, map.records)) != SCARD_S_SUCCESS ||
	    (r = check_form(card, c, &content, &map)) != SCARD_S_SUCCESS)
		return r;
	for (size_t i = 0; i < map.count && r == SCARD_S_SUCCESS; i++)
		r = check_record(card, c, &map.containers[i]);
	for (size_t i = 0; i < LIMIT_CONTAINERS && r == SCARD_S_SUCCESS; i++)
		r = check_unseen(card, c, &map, (uint8_t)i);
	return r;
}

DWORD
csp_map_mend(struct csp_card *card)
{
	struct check *c = calloc(1, sizeof(*c));
	DWORD r;

	if (c == NULL)
		return SCARD_E_NO_MEMORY;
	c->repair = c->begun = true;
	r = check_keys(card, c);
	for (size_t i = 0; i < c->count; i++)
		log_info(LOG_CSP, "%s%s", c->findings[i].text, c->findings[i].repaired ? ", mended" : "");
	free(c->findings);
	free(c);
	return r;
}

/* Certificates ---------------------------------------------------------------------------------------------------------- */

/* The slot that a file of this name is the certificate of; false for another file. Two digits may be meant in two ways. */
static bool
slot_of(const struct check *c, const char *name, const struct public_key *key, bool *ret_has_key)
{
	bool is = false;
	char own[9];

	*ret_has_key = false;
	for (unsigned i = 0; i < 4 * LIMIT_CONTAINERS; i++) {
		const uint8_t index = (uint8_t)(i / 4);
		const bool exchange = (i & 1) != 0;
		const struct public_key *slot =
			exchange ? &c->infos[index].KeyExPublicKey : &c->infos[index].SigPublicKey;

		csp_certfile_name(exchange, index, (i & 2) != 0, own);
		if (!csp_app_is(own, name))
			continue;
		is = true;
		*ret_has_key = *ret_has_key || (c->present[index] && slot->type != KEY_NONE &&
						(key == NULL || pubkey_equal(slot, key)));
	}
	return is;
}

static DWORD
check_cert(struct csp_card *card, struct check *c, const char *name)
{
	AUTO_BUF struct buf content = BUF_INIT, der = BUF_INIT;
	struct csp_cert *cert = NULL;
	bool has_key, fits;
	DWORD r;

	if (!slot_of(c, name, NULL, &has_key))
		return SCARD_S_SUCCESS;
	if (!has_key)
		return delete_file(card, c, find(c, true, "%s: a certificate without a key", name), CSP_DIRECTORY,
				   name);
	r = csp_file_read(card, CSP_DIRECTORY, name, &content);
	if (csp_code_is_trouble(r) && r != SCARD_E_COMM_DATA_LOST)
		return r;
	if (r != SCARD_S_SUCCESS || !csp_certfile_decode(buf_cur(&content), &der))
		return delete_file(card, c,
				   find(c, true, "%s: %s", name, content.len == 0 ? "empty" : "no certificate"),
				   CSP_DIRECTORY, name);
	if ((r = csp_cert_new(card->csp->crypto, &der, &cert)) != SCARD_S_SUCCESS)
		return r;
	(void)slot_of(c, name, &cert->key, &fits);
	if (!cert->parsed)
		(void)find(c, false, "%s: a certificate that makes no sense", name);
	else if (!fits)
		(void)find(c, false, "%s: the certificate of another key", name);
	csp_cert_free(&cert);
	return SCARD_S_SUCCESS;
}

static DWORD
check_roots(struct csp_card *card, struct check *c, const char *name)
{
	AUTO_BUF struct buf content = BUF_INIT;
	const struct csp_cert *certs;
	struct csp_finding *f;
	size_t count;
	DWORD r = csp_file_read(card, CSP_DIRECTORY, name, &content);

	if (r == SCARD_S_SUCCESS && content.len == 0)
		return delete_file(card, c, find(c, true, "%s: empty", name), CSP_DIRECTORY, name);
	if (csp_code_is_trouble(r))
		return r;
	if (csp_roots_list(card, &certs, &count) != SCARD_E_COMM_DATA_LOST)
		return SCARD_S_SUCCESS;
	f = find(c, true, "%s: damaged", name);
	if (f == NULL || !c->repair)
		return SCARD_S_SUCCESS;
	if ((r = begin(card, c)) != SCARD_S_SUCCESS)
		return r;
	return repaired(f, csp_roots_mend(card));
}

static DWORD
check_files(struct csp_card *card, struct check *c)
{
	AUTO_BUF struct buf names = BUF_INIT;
	char name[CSP_FILE_NAME_MAX];
	struct cursor rest, item;
	DWORD r = csp_file_list(card, CSP_DIRECTORY, &names);

	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
	rest = buf_cur(&names);
	while (r == SCARD_S_SUCCESS && csp_file_next(&rest, &item)) {
		memset(name, 0, sizeof(name));
		if (item.left >= sizeof(name) || !cur_copy(&item, name, item.left))
			continue;
		r = csp_app_is(name, "msroots") ? check_roots(card, c, name) : check_cert(card, c, name);
	}
	return r;
}

/* The whole ------------------------------------------------------------------------------------------------------------- */

static DWORD
check_card(struct csp_card *card, struct check *c)
{
	DWORD r;

	if ((r = check_counters(card, c)) != SCARD_S_SUCCESS || (r = check_applications(card, c)) != SCARD_S_SUCCESS ||
	    (r = check_keys(card, c)) != SCARD_S_SUCCESS)
		return r;
	return check_files(card, c);
}

static DWORD
check_work(struct csp_card *card, void *arg)
{
	struct check *c = arg;
	DWORD r = csp_cache_check(card);

	if (r != SCARD_S_SUCCESS)
		return r;
	c->count = 0;
	c->begun = false;
	if (c->repair && card->read_only)
		return SCARD_E_READ_ONLY_CARD;
	memset(c->infos, 0, sizeof(c->infos));
	memset(c->present, 0, sizeof(c->present));
	r = check_card(card, c);
	if (!c->begun)
		return r;
	c->change.kept = CSP_PINS;
	return csp_change_end(card, &c->change, r);
}

DWORD
csp_check(struct csp_card *card, bool repair, struct csp_finding **ret_findings, size_t *ret_count)
{
	struct check *c = calloc(1, sizeof(*c));
	DWORD r;

	if (c == NULL)
		return SCARD_E_NO_MEMORY;
	c->repair = repair;
	r = csp_change_run(card, check_work, c);
	if (r == SCARD_S_SUCCESS) {
		*ret_findings = c->findings;
		*ret_count = c->count;
	} else {
		free(c->findings);
	}
	free(c);
	return r;
}
