/* SPDX-License-Identifier: BSD-2-Clause */
/* The container map, mscp\cmapfile (minidriver specification, "Container map file"): records of 86 bytes, little-endian. */
#include <string.h>

#include "base/utf16.h"
#include "csp/card.h"

#define RECORD_BYTES 86u
#define NAME_BYTES 80u
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
csp_key_type_of(uint16_t bits)
{
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
	if (!cur_at_end(&content))
		ret_map->damaged = true;
}
