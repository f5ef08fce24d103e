/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the GIDS application: GENERATE ASYMMETRIC KEY PAIR, PUT KEY, GET PUBLIC KEY. */
#include "vcard/gids.h"

#include "base/auto.h"
#include "vcard/tlv.h"

enum { TYPE_SYMMETRIC = 1, TYPE_RSA = 2, TYPE_EC = 3 };

static const struct key_kind {
	uint8_t nibble; /* low nibble of a mechanism */
	enum vcard_key_type type;
	unsigned bits;
} key_kinds[] = {
	{ 0x01, VCARD_KEY_SYMMETRIC, 128 }, /* 3DES with two keys */
	{ 0x02, VCARD_KEY_SYMMETRIC, 192 }, /* 3DES with three keys */
	{ 0x06, VCARD_KEY_RSA, 1024 },	    { 0x07, VCARD_KEY_RSA, 2048 }, { 0x08, VCARD_KEY_RSA, 3072 },
	{ 0x09, VCARD_KEY_RSA, 4096 },	    { 0x0C, VCARD_KEY_EC, 256 },   { 0x0D, VCARD_KEY_EC, 384 },
	{ 0x0E, VCARD_KEY_EC, 521 },
};

static const struct key_kind *
kind_of_nibble(uint8_t nibble)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(key_kinds); i++) {
		if (key_kinds[i].nibble == nibble)
			return &key_kinds[i];
	}
	return NULL;
}

uint8_t
gids_key_nibble(const struct vcard_key *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(key_kinds); i++) {
		if (key_kinds[i].type == key->type && key_kinds[i].bits == key->bits)
			return key_kinds[i].nibble;
	}
	return 0;
}

struct gids_file *
gids_key_file(const struct gids *g, uint8_t reference)
{
	struct gids_file *file = gids_find_file(g, (uint16_t)(0xB000 | reference));

	return file != NULL && file->kind == GIDS_KIND_KEY ? file : NULL;
}

/* Whether any control reference template of the file is for keys of this kind. */
static bool
file_takes(const struct gids *g, const struct gids_file *file, uint8_t nibble)
{
	struct cursor list, crt;
	uint8_t mechanism;
	uint32_t tag;

	if (gids_quirk(g, VCARD_MSE_6F00))
		return true;
	if (!vcard_tlv_find(gids_fcp(file), 0xA5, &list))
		return false;
	while (vcard_tlv_next(&list, &tag, &crt)) {
		if (vcard_tlv_find_u8(crt, 0x80, &mechanism) && (mechanism & 0x0F) == nibble)
			return true;
	}
	return false;
}

static void
install_key(struct gids *g, struct gids_file *file, struct vcard_key *key)
{
	gids_forget_key(g, file->fid);
	vcard_key_move(&file->key, key);
}

/* --- public key ------------------------------------------------------------------------------------------------- */

static bool
put_rsa_public(const struct vcard_key *key, struct buf *content)
{
	AUTO_BUF struct buf n = BUF_INIT;
	AUTO_BUF struct buf e = BUF_INIT;
	AUTO_BUF struct buf e3 = BUF_INIT;

	if (!vcard_key_rsa_public(key, &n, &e))
		return false;
	vcard_tlv_put(content, 0x81, buf_cur(&n));
	/* three bytes at least, as real cards show 65537 */
	buf_zeros(&e3, e.len < 3 ? 3 - e.len : 0);
	buf_put_cur(&e3, buf_cur(&e));
	vcard_tlv_put(content, 0x82, buf_cur(&e3));
	return !buf_failed(&e3);
}

static bool
put_ec_public(const struct vcard_key *key, struct buf *content)
{
	AUTO_BUF struct buf point = BUF_INIT;

	if (!vcard_key_ec_public(key, &point))
		return false;
	vcard_tlv_put(content, 0x86, buf_cur(&point));
	return true;
}

static uint16_t
put_public(const struct vcard_key *key, struct buf *answer)
{
	AUTO_BUF struct buf content = BUF_INIT;
	bool done = key->type == VCARD_KEY_RSA ? put_rsa_public(key, &content) : put_ec_public(key, &content);

	if (!done || buf_failed(&content))
		return SW_FAULT;
	vcard_tlv_put(answer, 0x7F49, buf_cur(&content));
	return SW_OK;
}

/* 84 key reference, A5 { 7F49 .. }; hosts write 80 behind the inner tag, which is no length. */
uint16_t
gids_get_public_key(struct gids *g, struct cursor template, struct buf *answer)
{
	struct cursor wanted;
	struct gids_file *file;
	uint8_t reference;
	uint32_t tag;
	uint16_t sw;

	if (!vcard_tlv_find_u8(template, 0x84, &reference) || !vcard_tlv_find(template, 0xA5, &wanted))
		return SW_DATA;
	if (!vcard_tlv_tag(&wanted, &tag) || tag != 0x7F49)
		return SW_DATA;
	file = gids_key_file(g, reference);
	if (file == NULL)
		return SW_NO_DATA;
	sw = gids_check_file(g, file, GIDS_KEY_GET_PUBLIC);
	if (sw != SW_OK)
		return sw;
	if (file->key.type != VCARD_KEY_RSA && file->key.type != VCARD_KEY_EC)
		return gids_quirk(g, VCARD_MSE_6F00) ? SW_FAULT : SW_CONDITIONS;
	return put_public(&file->key, answer);
}

/* --- generation ------------------------------------------------------------------------------------------------- */

static uint16_t
check_algorithm(const struct gids *g, const struct gids_file *file, const struct key_kind *kind)
{
	if (kind == NULL || kind->type == VCARD_KEY_SYMMETRIC || (kind->type == VCARD_KEY_EC && !g->env->profile.ecc))
		return SW_FUNCTION;
	return file_takes(g, file, kind->nibble) ? SW_OK : SW_DATA;
}

/* AC { 80 algorithm, 83 key reference }. */
uint16_t
gids_generate(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct cursor data = command->data, template;
	struct vcard_key key = { .type = VCARD_KEY_NONE };
	const struct key_kind *kind;
	struct gids_file *file;
	uint8_t algorithm, reference;
	uint16_t sw;

	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	if (!vcard_tlv_expect(&data, 0xAC, &template) || !cur_at_end(&data) ||
	    !vcard_tlv_find_u8(template, 0x80, &algorithm) || !vcard_tlv_find_u8(template, 0x83, &reference))
		return SW_DATA;
	file = gids_key_file(g, reference);
	if (file == NULL)
		return SW_NO_DATA;
	sw = gids_check_file(g, file, GIDS_KEY_GENERATE);
	if (sw != SW_OK)
		return sw;
	kind = kind_of_nibble(algorithm);
	sw = check_algorithm(g, file, kind);
	if (sw != SW_OK)
		return sw;
	if (!vcard_key_generate(&g->env->crypto, kind->type, kind->bits, &key))
		return SW_FAULT;
	install_key(g, file, &key);
	return put_public(&file->key, answer);
}

/* --- import ----------------------------------------------------------------------------------------------------- */

/* The key check value (88) is not looked at: hosts in the field send a fixed one. */
static uint16_t
import(struct gids *g, struct cursor content, struct vcard_key *ret_key)
{
	uint8_t type = TYPE_SYMMETRIC, wrap = 0;
	struct cursor value, tagged;
	bool taken = false;

	if (vcard_tlv_find(content, 0x83, &tagged) && !vcard_tlv_find_u8(content, 0x83, &type))
		return SW_DATA;
	if (vcard_tlv_find(content, 0x84, &tagged) && !vcard_tlv_find_u8(content, 0x84, &wrap))
		return SW_DATA;
	if (wrap != 0 || type < TYPE_SYMMETRIC || type > TYPE_EC || (type == TYPE_EC && !g->env->profile.ecc))
		return SW_FUNCTION;
	if (!vcard_tlv_find(content, 0x87, &value))
		return SW_DATA;
	if (type == TYPE_RSA)
		taken = vcard_key_import_rsa(value, ret_key);
	else if (type == TYPE_EC)
		taken = vcard_key_import_ec(&g->env->crypto, value, ret_key);
	else if (value.left == 16 || value.left == VCARD_DES3_LEN)
		taken = vcard_key_import_symmetric(value, ret_key);
	return taken ? SW_OK : SW_DATA;
}

/* 84 key reference, A5 { 83 type, 84 wrapping key, 87 value, 88 check value }; an empty A5 erases the key. */
uint16_t
gids_put_key(struct gids *g, struct cursor template)
{
	struct vcard_key key = { .type = VCARD_KEY_NONE };
	struct cursor content;
	struct gids_file *file;
	uint8_t reference;
	uint16_t sw;

	if (!vcard_tlv_find_u8(template, 0x84, &reference) || !vcard_tlv_find(template, 0xA5, &content))
		return SW_DATA;
	file = gids_key_file(g, reference);
	if (file == NULL)
		return SW_NO_DATA;
	sw = gids_check_file(g, file, GIDS_KEY_PUT);
	if (sw != SW_OK)
		return sw;
	if (content.left > 0)
		sw = import(g, content, &key);
	if (sw == SW_OK && content.left > 0 && !file_takes(g, file, gids_key_nibble(&key)))
		sw = SW_DATA;
	if (sw == SW_OK)
		install_key(g, file, &key);
	vcard_key_clear(&key);
	return sw;
}
