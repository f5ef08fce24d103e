/* SPDX-License-Identifier: BSD-2-Clause */
/* The file table (A000/DF1F) and the key map (A000/DF20) of the Microsoft profile, as bytes and nothing else. */
#include "gids/gids.h"

#include <string.h>

#define TABLE_VERSION 1u
#define TABLE_NAME_SIZE 9u
#define TABLE_RECORD_SIZE 28u

#define KEYMAP_VERSION 1u
#define KEYMAP_RECORD_SIZE 12u
#define KEYMAP_NOTHING 0xFFFFu
#define KEYMAP_STATE_EMPTY 0u
#define KEYMAP_STATE_USED 1u
#define KEYMAP_KIND_EXCHANGE 0x9Au
#define KEYMAP_KIND_SIGNATURE 0x9Cu

bool
gids_table_open(struct cursor content, struct cursor *ret_records, bool *ret_odd)
{
	struct cursor records = { 0 };
	uint8_t version;
	size_t count;

	if (!cur_u8(&content, &version) || version != TABLE_VERSION)
		return false;
	count = content.left / TABLE_RECORD_SIZE;
	if (count > LIMIT_FILES)
		count = LIMIT_FILES;
	if (!cur_take(&content, count * TABLE_RECORD_SIZE, &records))
		return false;
	*ret_records = records;
	*ret_odd = !cur_at_end(&content);
	return true;
}

/* Nine bytes, zero padded, perhaps without any zero; the interface's names have eight at most. */
static bool
decode_name(struct cursor *record, char ret_name[CHECK_NAME_MAX + 1])
{
	char raw[TABLE_NAME_SIZE + 1] = { 0 };

	if (!cur_copy(record, raw, TABLE_NAME_SIZE))
		return false;
	if (raw[0] == '\0') {
		ret_name[0] = '\0';
		return true;
	}
	return check_name(raw, ret_name);
}

/* A tag that can stand in a tag list: one, two or three bytes as BER writes them. */
static bool
tag_is_sane(uint32_t tag)
{
	if (tag <= 0xFF)
		return tag != 0 && (tag & 0x1F) != 0x1F;
	if (tag <= 0xFFFF)
		return (tag & 0x1F00) == 0x1F00 && (tag & 0x80) == 0;
	return tag <= 0xFFFFFF && (tag & 0x1F0000) == 0x1F0000 && (tag & 0x8080) == 0x8000;
}

static bool
decode_record(struct cursor record, struct gids_record *ret_record)
{
	struct gids_record r = { 0 };
	uint32_t ef;

	if (!decode_name(&record, r.directory) || !decode_name(&record, r.name) || !cur_skip(&record, 2) ||
	    !cur_le32(&record, &r.tag) || !cur_le32(&record, &ef))
		return false;
	if (r.name[0] == '\0') {
		r.tag = 0;
		*ret_record = r;
		return r.directory[0] != '\0';
	}
	if (ef < GIDS_EF_TABLE || ef > GIDS_EF_LAST || !tag_is_sane(r.tag))
		return false;
	r.ef = (uint16_t)ef;
	*ret_record = r;
	return true;
}

bool
gids_table_next(struct cursor *records, struct gids_record *ret_record)
{
	struct cursor record;

	while (cur_take(records, TABLE_RECORD_SIZE, &record))
		if (decode_record(record, ret_record))
			return true;
	return false;
}

void
gids_table_without(struct cursor records, const char *directory, const char *name, struct buf *ret_table)
{
	struct gids_record record;
	struct cursor bytes;

	buf_u8(ret_table, TABLE_VERSION);
	while (cur_take(&records, TABLE_RECORD_SIZE, &bytes))
		if (!decode_record(bytes, &record) || strcmp(record.directory, directory) != 0 ||
		    strcmp(record.name, name) != 0)
			buf_put_cur(ret_table, bytes);
}

static void
encode_name(struct buf *table, const char *name)
{
	const size_t len = strlen(name);

	buf_put(table, name, len);
	buf_zeros(table, TABLE_NAME_SIZE - len);
}

static bool
is_container_file(const char *name)
{
	return (strncmp(name, "kxc", 3) == 0 || strncmp(name, "ksc", 3) == 0) &&
	       strspn(name + 3, "0123456789abcdef") == 2 && name[5] == '\0';
}

/*
 * Upper and lower case are the same in names, but not for OpenSC: it looks for the certificate files of containers from
 * 10 on by the name that it gives them itself, with the index in capitals.
 */
static void
spell(const char *name, char ret_name[CHECK_NAME_MAX + 1])
{
	size_t i;

	memcpy(ret_name, name, strlen(name) + 1);
	if (!is_container_file(name))
		return;
	for (i = 3; i < 5; i++)
		if (ret_name[i] >= 'a')
			ret_name[i] = (char)(ret_name[i] - 'a' + 'A');
}

void
gids_table_add(struct buf *table, const struct gids_record *record)
{
	char name[CHECK_NAME_MAX + 1];

	spell(record->name, name);
	encode_name(table, record->directory);
	encode_name(table, name);
	buf_zeros(table, 2);
	buf_le32(table, record->tag);
	buf_le32(table, record->ef);
}

unsigned
gids_algorithm_bits(uint8_t algorithm)
{
	switch (algorithm) {
	case 0x06: return 1024;
	case 0x07: return 2048;
	case 0x08: return 3072;
	case 0x09: return 4096;
	case 0x0C: return 256;
	case 0x0D: return 384;
	case 0x0E: return 521;
	default: return 0;
	}
}

bool
gids_algorithm_is_rsa(uint8_t algorithm)
{
	return algorithm >= 0x06 && algorithm <= 0x09;
}

uint8_t
gids_algorithm_of(enum key_type type, unsigned bits)
{
	uint8_t algorithm;

	for (algorithm = 0x06; algorithm <= 0x0E; algorithm++)
		if (gids_algorithm_bits(algorithm) == bits && gids_algorithm_is_rsa(algorithm) == (type == KEY_RSA))
			return algorithm;
	return 0;
}

/* What is assumed of a container that the key map does not describe. */
static struct gids_key
unknown_key(size_t index)
{
	return (struct gids_key){
		.state = GIDS_KEY_UNKNOWN,
		.reference = (uint8_t)(GIDS_KEY_FIRST + index),
		.can_exchange = true,
		.can_sign_slot = true,
	};
}

static bool
is_key_file(uint16_t ef)
{
	return ef >= GIDS_EF_KEY_BASE + GIDS_KEY_FIRST && ef <= GIDS_EF_KEY_BASE + GIDS_KEY_LAST;
}

static void
set_used(struct gids_key *key, uint8_t algorithm, uint8_t kind, uint16_t ef)
{
	key->state = GIDS_KEY_USED;
	key->algorithm = gids_algorithm_bits(algorithm) != 0 ? algorithm : 0;
	key->can_exchange = kind != KEYMAP_KIND_SIGNATURE;
	key->can_sign_slot = kind != KEYMAP_KIND_EXCHANGE;
	if (is_key_file(ef))
		key->reference = (uint8_t)(ef - GIDS_EF_KEY_BASE);
}

/* The second key counts only if every byte of it makes sense. */
static void
decode_container(struct cursor record, struct gids_container *container)
{
	struct gids_key *first = &container->keys[0], *second = &container->keys[1];
	uint32_t state;
	uint8_t algorithm, kind;
	uint16_t ef;

	if (!cur_le32(&record, &state) || !cur_u8(&record, &algorithm) || !cur_u8(&record, &kind) ||
	    !cur_le16(&record, &ef))
		return;
	if (state == KEYMAP_STATE_EMPTY)
		first->state = GIDS_KEY_EMPTY;
	if (state != KEYMAP_STATE_USED)
		return;
	set_used(first, algorithm, kind, ef);
	if (!cur_le16(&record, &ef) || !cur_u8(&record, &algorithm) || !cur_u8(&record, &kind))
		return;
	if (is_key_file(ef) && ef != GIDS_EF_KEY_BASE + first->reference && gids_algorithm_bits(algorithm) != 0 &&
	    (kind == KEYMAP_KIND_SIGNATURE || kind == KEYMAP_KIND_EXCHANGE))
		set_used(second, algorithm, kind, ef);
}

bool
gids_keymap_decode(struct cursor content, struct gids_container ret_containers[GIDS_KEYS])
{
	struct cursor record;
	uint8_t version = 0;
	size_t i;
	bool empty = cur_at_end(&content);
	bool known = cur_u8(&content, &version) && version == KEYMAP_VERSION;

	for (i = 0; i < GIDS_KEYS; i++) {
		ret_containers[i] = (struct gids_container){ .keys = { unknown_key(i) } };
		if (known && cur_take(&content, KEYMAP_RECORD_SIZE, &record))
			decode_container(record, &ret_containers[i]);
	}
	return known || empty;
}

static uint8_t
kind_of(const struct gids_key *key)
{
	return key->can_exchange ? KEYMAP_KIND_EXCHANGE : KEYMAP_KIND_SIGNATURE;
}

static void
encode_container(struct buf *map, const struct gids_container *container)
{
	static const struct gids_container none;
	const struct gids_key *first, *second;

	if (container == NULL)
		container = &none;
	/* what other programs look at comes first */
	first = &container->keys[container->keys[0].state == GIDS_KEY_USED ? 0 : 1];
	second = first == &container->keys[0] ? &container->keys[1] : &container->keys[0];
	if (first->state != GIDS_KEY_USED)
		first = NULL;
	if (second->state != GIDS_KEY_USED)
		second = NULL;
	buf_le32(map, first != NULL ? KEYMAP_STATE_USED : KEYMAP_STATE_EMPTY);
	buf_u8(map, first != NULL ? first->algorithm : 0);
	buf_u8(map, first != NULL ? kind_of(first) : 0);
	buf_le16(map, first != NULL ? (uint16_t)(GIDS_EF_KEY_BASE + first->reference) : KEYMAP_NOTHING);
	buf_le16(map, second != NULL ? (uint16_t)(GIDS_EF_KEY_BASE + second->reference) : KEYMAP_NOTHING);
	buf_u8(map, second != NULL ? second->algorithm : 0);
	buf_u8(map, second != NULL ? kind_of(second) : 0);
}

bool
gids_keymap_change(struct cursor content, size_t index, const struct gids_container *container, struct buf *ret_map)
{
	struct cursor record;
	uint8_t version;
	bool known;
	size_t i;

	if (cur_u8(&content, &version) && version != KEYMAP_VERSION)
		return false;
	buf_u8(ret_map, KEYMAP_VERSION);
	for (i = 0; (known = cur_take(&content, KEYMAP_RECORD_SIZE, &record)) || i <= index; i++) {
		if (known && i != index)
			buf_put_cur(ret_map, record);
		else
			encode_container(ret_map, i == index ? container : NULL);
	}
	return true;
}
