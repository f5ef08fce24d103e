/* SPDX-License-Identifier: BSD-2-Clause */
/* The container map (minidriver specification, "Container map file"), made of what is known of the slots. */
#include "piv/piv.h"

#define CMAP_VALID 1u
#define CMAP_DEFAULT 2u
#define CMAP_RECORD_BYTES 86u

#define NAME_GUID_BYTES 13u /* of the GUID, before the tag of the certificate */

/*
 * The name that Windows' class driver computes: the GUID as Windows writes it, its last three bytes replaced by the tag of the
 * certificate.
 */
static void
put_name(struct buf *map, const uint8_t guid[PIV_GUID_LEN], uint32_t tag)
{
	static const uint8_t order[PIV_GUID_LEN] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const char digits[] = "0123456789abcdef";
	const size_t before = map->len;
	uint8_t byte;

	for (size_t i = 0; i < PIV_GUID_LEN; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf_le16(map, '-');
		byte = (uint8_t)(i < NAME_GUID_BYTES ? guid[order[i]] : tag >> (8 * (PIV_GUID_LEN - 1 - i)));
		buf_le16(map, (uint16_t)digits[byte >> 4]);
		buf_le16(map, (uint16_t)digits[byte & 0x0F]);
	}
	buf_zeros(map, PIV_NAME_BYTES - (map->len - before));
}

static void
put_record(struct buf *map, const struct piv *p, BYTE index, bool is_default)
{
	const struct piv_key *key = &p->keys[index];
	const uint16_t bits = (uint16_t)piv_algorithm_bits(key->algorithm);

	if (key->used != PIV_YES) {
		buf_zeros(map, CMAP_RECORD_BYTES);
		return;
	}
	if (p->named[index])
		buf_put(map, p->names[index], PIV_NAME_BYTES);
	else
		put_name(map, p->guid, piv_slot_certificate(index));
	buf_u8(map, (uint8_t)(CMAP_VALID | (is_default ? CMAP_DEFAULT : 0)));
	buf_u8(map, 0);
	buf_le16(map, key->exchange ? 0 : bits);
	buf_le16(map, key->exchange ? bits : 0);
}

/* The first key that the user's PIN opens, which is that of the first slot if it is there. */
static size_t
default_container(const struct piv *p)
{
	if (p->default_named && p->keys[p->default_index].used == PIV_YES)
		return p->default_index;
	for (size_t i = 0; i < PIV_SLOTS; i++)
		if (p->keys[i].used == PIV_YES && p->keys[i].role == ROLE_USER)
			return i;
	return PIV_SLOTS;
}

DWORD
piv_cmap(struct piv *p, struct buf *ret_map)
{
	uint8_t guid[PIV_GUID_LEN];
	size_t last = 0, chosen;
	DWORD r;

	if ((r = piv_identity(p, guid)) != SCARD_S_SUCCESS || (r = piv_keys_load(p)) != SCARD_S_SUCCESS)
		return r;
	for (size_t i = 0; i < PIV_SLOTS; i++)
		if (p->keys[i].used == PIV_YES)
			last = i + 1;
	chosen = default_container(p);
	for (size_t i = 0; i < last; i++)
		put_record(ret_map, p, (BYTE)i, i == chosen);
	return buf_failed(ret_map) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}
