/* SPDX-License-Identifier: BSD-2-Clause */
/* The container map, mscp\cmapfile (minidriver specification, "Container map file"): records of 86 bytes, little-endian. */
#include <string.h>

#include "base/auto.h"
#include "base/utf16.h"
#include "csp/card.h"

#define RECORD_BYTES 86u
#define NAME_BYTES 80u
#define NAME_UNITS 39u
#define NAME_UNIT_BYTES 78u /* 39 units; the 40th is the terminator, whatever the card has there */
#define FLAG_VALID 1u
#define FLAG_DEFAULT 2u

struct record {
	struct cursor name;
	uint8_t flags;
	uint16_t signature_bits, exchange_bits;
};

static bool
read_record(struct cursor *content, struct record *ret_record)
{
	struct cursor bytes;

	return cur_take(content, RECORD_BYTES, &bytes) && cur_take(&bytes, NAME_BYTES, &ret_record->name) &&
	       cur_u8(&bytes, &ret_record->flags) && cur_skip(&bytes, 1) &&
	       cur_le16(&bytes, &ret_record->signature_bits) && cur_le16(&bytes, &ret_record->exchange_bits);
}

enum key_type
csp_key_type_of(uint16_t bits, bool exchange)
{
	if (bits == PUBKEY_25519_BITS)
		return exchange ? KEY_X25519 : KEY_ED25519;
	if (pubkey_ec_bytes(bits) != 0)
		return KEY_EC;
	return bits >= LIMIT_RSA_MIN_BITS && bits <= LIMIT_RSA_MAX_BITS ? KEY_RSA : KEY_NONE;
}

static void
add(struct csp_cmap *map, const struct record *record)
{
	struct csp_container *c = &map->containers[map->count++];
	struct cursor name = record->name, units;

	c->index = (uint8_t)map->records;
	c->is_default = (record->flags & FLAG_DEFAULT) != 0;
	for (size_t i = 0; c->is_default && i + 1 < map->count; i++)
		c->is_default = !map->containers[i].is_default;
	c->signature_bits = record->signature_bits;
	c->exchange_bits = record->exchange_bits;
	if (cur_take(&name, NAME_UNIT_BYTES, &units))
		(void)utf16le_to_utf8(units, c->name, sizeof(c->name));
}

void
csp_cmap_decode(struct cursor content, struct csp_cmap *ret_map)
{
	struct record record;

	memset(ret_map, 0, sizeof(*ret_map));
	while (ret_map->records < LIMIT_CONTAINERS && read_record(&content, &record)) {
		/* default without valid, and reserved bits */
		if ((record.flags & ~(FLAG_VALID | FLAG_DEFAULT)) != 0 || record.flags == FLAG_DEFAULT)
			ret_map->damaged = true;
		if ((record.flags & FLAG_VALID) != 0)
			add(ret_map, &record);
		ret_map->records++;
	}
	if (cur_at_end(&content))
		return;
	ret_map->cut = !ret_map->damaged && content.left < RECORD_BYTES;
	ret_map->damaged = true;
}

size_t
csp_cmap_free(const struct csp_cmap *map)
{
	size_t index = 0;

	/* containers are in the order of their indices */
	for (size_t i = 0; i < map->count && map->containers[i].index == index; i++)
		index++;
	return index;
}

/* A name that reads back as it was written. */
static bool
encode_name(const char *name, struct buf *record)
{
	AUTO_BUF struct buf units_read = BUF_INIT;
	uint16_t units[NAME_UNITS];
	char again[CSP_NAME_MAX];
	size_t count;

	if (strchr(name, '\\') != NULL || !utf8_to_utf16(name, units, NAME_UNITS, &count) || count == 0)
		return false;
	for (size_t i = 0; i < count; i++)
		buf_le16(&units_read, units[i]);
	(void)utf16le_to_utf8(buf_cur(&units_read), again, sizeof(again));
	buf_put_cur(record, buf_cur(&units_read));
	buf_zeros(record, NAME_BYTES - 2 * count);
	return strcmp(again, name) == 0;
}

/* Which container is to be the default one; LIMIT_CONTAINERS for none. */
static size_t
choose_default(const struct csp_cmap *old, uint8_t index, const struct csp_container *container)
{
	size_t first = container != NULL ? index : LIMIT_CONTAINERS;

	if (container != NULL && container->is_default)
		return index;
	for (size_t i = 0; i < old->count; i++)
		if (old->containers[i].is_default && old->containers[i].index != index)
			return old->containers[i].index;
	for (size_t i = 0; i < old->count; i++)
		if (old->containers[i].index != index && old->containers[i].index < first)
			first = old->containers[i].index;
	return first;
}

/* A record that stays, but for the flag. */
static void
copy_record(struct cursor bytes, bool is_default, struct buf *map)
{
	struct cursor name;
	uint8_t flags = 0;

	if (!cur_take(&bytes, NAME_BYTES, &name) || !cur_u8(&bytes, &flags))
		return;
	if ((flags & FLAG_VALID) != 0)
		flags = (uint8_t)((flags & ~FLAG_DEFAULT) | (is_default ? FLAG_DEFAULT : 0));
	buf_put_cur(map, name);
	buf_u8(map, flags);
	buf_put_cur(map, bytes);
}

static bool
new_record(const struct csp_container *container, bool is_default, struct buf *map)
{
	if (container == NULL) {
		buf_zeros(map, RECORD_BYTES);
		return true;
	}
	if (!encode_name(container->name, map))
		return false;
	buf_u8(map, (uint8_t)(FLAG_VALID | (is_default ? FLAG_DEFAULT : 0)));
	buf_u8(map, 0);
	buf_le16(map, container->signature_bits);
	buf_le16(map, container->exchange_bits);
	return true;
}

bool
csp_cmap_change(struct cursor content, uint8_t index, const struct csp_container *container, struct buf *ret_map)
{
	struct csp_cmap old;
	struct cursor bytes;
	size_t chosen;

	if (content.left / RECORD_BYTES > LIMIT_CONTAINERS || index >= LIMIT_CONTAINERS)
		return false;
	csp_cmap_decode(content, &old);
	chosen = choose_default(&old, index, container);
	for (size_t i = 0; i < old.records || i <= index; i++) {
		bool there = cur_take(&content, RECORD_BYTES, &bytes);

		if (i == index) {
			if (!new_record(container, chosen == i, ret_map))
				return false;
		} else if (there) {
			copy_record(bytes, chosen == i, ret_map);
		} else {
			buf_zeros(ret_map, RECORD_BYTES);
		}
	}
	return true;
}

void
csp_cmap_clear(struct buf *map)
{
	buf_zeros(map, RECORD_BYTES);
}

bool
csp_cmap_mend(struct cursor content, struct buf *ret_map)
{
	struct csp_cmap map;
	struct cursor bytes, name;
	uint8_t flags;
	size_t chosen, i = 0;

	csp_cmap_decode(content, &map);
	/* no index is that of none */
	chosen = choose_default(&map, LIMIT_CONTAINERS, NULL);
	for (; i < map.records && cur_take(&content, RECORD_BYTES, &bytes); i++) {
		if (!cur_take(&bytes, NAME_BYTES, &name) || !cur_u8(&bytes, &flags) || !cur_skip(&bytes, 1))
			return false;
		if ((flags & FLAG_VALID) == 0) {
			buf_zeros(ret_map, RECORD_BYTES);
			continue;
		}
		buf_put_cur(ret_map, name);
		buf_u8(ret_map, (uint8_t)(FLAG_VALID | (chosen == i ? FLAG_DEFAULT : 0)));
		buf_u8(ret_map, 0);
		buf_put_cur(ret_map, bytes);
	}
	return !buf_failed(ret_map);
}
