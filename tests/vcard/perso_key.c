/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation: containers, that is key files, keys, key map and container map. */
#include "vcard/perso.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/auto.h"
#include "base/utf16.h"
#include "vcard/perso_internal.h"
#include "vcard/tlv.h"

#define CMAP_RECORD 86
#define CMAP_NAME_UNITS 40
#define CMAP_FLAGS 80
#define LAST_INDEX 29 /* key references end at 9E */

enum { FLAG_VALID = 1, FLAG_DEFAULT = 2 };

static const struct cursor nothing = { NULL, 0 };

static unsigned
algorithm_bits(enum vcard_perso_algorithm algorithm)
{
	switch (algorithm) {
	case VCARD_RSA1024: return 1024;
	case VCARD_RSA2048: return 2048;
	case VCARD_RSA3072: return 3072;
	case VCARD_RSA4096: return 4096;
	case VCARD_P256: return 256;
	case VCARD_P384: return 384;
	case VCARD_P521: return 521;
	default: return 0;
	}
}

static bool
is_ec(enum vcard_perso_algorithm algorithm)
{
	return algorithm >= VCARD_P256;
}

/* --- container map ---------------------------------------------------------------------------------------------- */

static bool
random_guid(char *ret_text, size_t room)
{
	uint8_t r[16];

	if (!vcard_random(r, sizeof(r)))
		return perso_fail("no random bytes");
	(void)snprintf(ret_text, room, "%02x%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
		       r[2], r[3], r[4], r[5], r[6] & 15u, r[7], r[8] & 15u, r[9], r[10], r[11], r[12], r[13], r[14],
		       r[15]);
	return true;
}

struct cmap_record {
	const char *name;
	uint8_t flags;
	uint16_t signature_bits;
	uint16_t exchange_bits;
};

/* Writes a record over place, which has CMAP_RECORD bytes. */
static bool
put_cmap_record(const struct cmap_record *r, uint8_t *place)
{
	AUTO_BUF struct buf record = BUF_INIT;
	uint16_t units[CMAP_NAME_UNITS - 1];
	size_t n, i;

	if (!utf8_to_utf16(r->name, units, ARRAY_SIZE(units), &n))
		return perso_fail("the name is longer than 39 characters or no UTF-8");
	for (i = 0; i < n; i++)
		buf_le16(&record, units[i]);
	buf_zeros(&record, CMAP_FLAGS - 2 * n);
	buf_u8(&record, r->flags);
	buf_u8(&record, 0);
	buf_le16(&record, r->signature_bits);
	buf_le16(&record, r->exchange_bits);
	if (buf_failed(&record) || record.len != CMAP_RECORD)
		return perso_fail("no memory");
	memcpy(place, record.p, CMAP_RECORD);
	return true;
}

/* Grows to whole records of which number index is one. */
static bool
grow_records(struct buf *b, size_t first, size_t record, uint8_t index)
{
	size_t need = first + ((size_t)index + 1) * record;

	if (b->len < need)
		buf_zeros(b, need - b->len);
	return !buf_failed(b) || perso_fail("no memory");
}

static bool
has_default(const struct buf *cmap)
{
	size_t at;

	for (at = 0; at + CMAP_RECORD <= cmap->len; at += CMAP_RECORD) {
		if ((cmap->p[at + CMAP_FLAGS] & FLAG_DEFAULT) != 0)
			return true;
	}
	return false;
}

static void
clear_default(struct buf *cmap)
{
	size_t at;

	for (at = 0; at + CMAP_RECORD <= cmap->len; at += CMAP_RECORD)
		cmap->p[at + CMAP_FLAGS] = (uint8_t)(cmap->p[at + CMAP_FLAGS] & ~FLAG_DEFAULT);
}

static bool
write_cmap(struct vcard *card, struct buf *cmap, uint8_t index, const struct cmap_record *r)
{
	return put_cmap_record(r, cmap->p + (size_t)index * CMAP_RECORD) && perso_announce(card, PERSO_FILES) &&
	       perso_write(card, PERSO_EF_USER, PERSO_CMAPFILE, buf_cur(cmap));
}

/* --- key files -------------------------------------------------------------------------------------------------- */

static void
put_crt(struct buf *b, uint8_t crt, uint8_t mechanism, uint8_t reference)
{
	vcard_tlv_put_header(b, crt, 9);
	vcard_tlv_put_u8(b, 0x80, mechanism);
	vcard_tlv_put_u8(b, 0x83, reference);
	vcard_tlv_put_u8(b, 0x95, 0x40);
}

static void
put_crts(struct buf *b, const struct vcard_perso_container *c, uint8_t reference)
{
	uint8_t nibble = (uint8_t)c->algorithm;

	if (is_ec(c->algorithm)) {
		put_crt(b, 0xB6, 0x10 | nibble, reference);
		return;
	}
	if (!c->signature_only) {
		put_crt(b, 0xB8, nibble, reference);
		put_crt(b, 0xB8, 0x80 | nibble, reference);
		put_crt(b, 0xB8, 0x40 | nibble, reference);
	}
	put_crt(b, 0xB6, 0x10 | nibble, reference);
	put_crt(b, 0xB6, 0x50 | nibble, reference);
}

static bool
make_key_file(struct vcard *card, const struct vcard_perso_container *c, uint8_t reference)
{
	static const uint8_t create[4] = { 0x00, INS_CREATE, 0x00, 0x00 };
	static const uint8_t activate[4] = { 0x00, INS_ACTIVATE, 0x00, 0x00 };
	static const uint8_t rule[] = { 0x8F, 0x10, 0x10, 0x10, 0x00 };
	const uint8_t fid[] = { 0xB0, reference };
	AUTO_BUF struct buf content = BUF_INIT, crts = BUF_INIT, fcp = BUF_INIT;

	put_crts(&crts, c, reference);
	vcard_tlv_put_u8(&content, 0x82, 0x18);
	vcard_tlv_put(&content, 0x83, cur_of(fid, sizeof(fid)));
	vcard_tlv_put(&content, 0x8C, cur_of(rule, sizeof(rule)));
	if (c->guard != 0) {
		vcard_tlv_put_header(&content, 0xC6, 3);
		vcard_tlv_put_u8(&content, 0x83, (uint8_t)(0x80 | c->guard));
	}
	vcard_tlv_put(&content, 0xA5, buf_cur(&crts));
	vcard_tlv_put(&fcp, 0x62, buf_cur(&content));
	return perso_command(card, "create key file", create, buf_cur(&fcp), false, NULL) &&
	       perso_command(card, "activate key file", activate, nothing, false, NULL);
}

static bool
generate_key(struct vcard *card, const struct vcard_perso_container *c, uint8_t reference)
{
	static const uint8_t header[4] = { 0x00, INS_GENERATE, 0x00, 0x00 };
	AUTO_BUF struct buf template = BUF_INIT;

	vcard_tlv_put_header(&template, 0xAC, 6);
	vcard_tlv_put_u8(&template, 0x80, (uint8_t)c->algorithm);
	vcard_tlv_put_u8(&template, 0x83, reference);
	return perso_command(card, "generate key", header, buf_cur(&template), true, NULL);
}

static bool
load_key(struct vcard *card, uint8_t type, uint8_t reference, struct cursor value)
{
	static const uint8_t header[4] = { 0x00, INS_PUT_DATA, 0x3F, 0xFF };
	AUTO_BUF struct buf content = BUF_INIT, template = BUF_INIT, object = BUF_INIT;

	vcard_tlv_put_u8(&content, 0x83, type);
	vcard_tlv_put_u8(&content, 0x84, 0x00);
	vcard_tlv_put(&content, 0x87, value);
	vcard_tlv_put_u8(&template, 0x84, reference);
	vcard_tlv_put(&template, 0xA5, buf_cur(&content));
	vcard_tlv_put(&object, 0x70, buf_cur(&template));
	return perso_command(card, "import key", header, buf_cur(&object), false, NULL);
}

/* --- a new container -------------------------------------------------------------------------------------------- */

static bool
write_key_map(struct vcard *card, const struct vcard_perso_container *c, uint8_t reference, size_t records)
{
	AUTO_BUF struct buf map = BUF_INIT;
	const uint8_t kind = c->signature_only || is_ec(c->algorithm) ? PERSO_KIND_SIGNATURE : PERSO_KIND_EXCHANGE;
	const uint8_t record[PERSO_MAP_RECORD] = { 0x01, 0,    0, 0, (uint8_t)c->algorithm, kind, reference, 0xB0,
						   0xFF, 0xFF, 0, 0 };

	if (!perso_read(card, PERSO_EF_TABLE, PERSO_KEY_MAP, &map))
		return false;
	if (map.len == 0)
		buf_u8(&map, 0x01);
	/* as many records as the container map has: some hosts insist */
	if (records > 0 && !grow_records(&map, 1, PERSO_MAP_RECORD, (uint8_t)(records - 1)))
		return false;
	if (!grow_records(&map, 1, PERSO_MAP_RECORD, c->index))
		return false;
	memcpy(map.p + 1 + (size_t)c->index * PERSO_MAP_RECORD, record, sizeof(record));
	return perso_write(card, PERSO_EF_TABLE, PERSO_KEY_MAP, buf_cur(&map));
}

/* The container's record and what lies before it, or why there can be no such container. */
static bool
reserve(struct vcard *card, const struct vcard_perso_container *c, struct buf *cmap)
{
	if (c->index > LAST_INDEX || algorithm_bits(c->algorithm) == 0)
		return perso_fail("index or algorithm out of range");
	if (!perso_read(card, PERSO_EF_USER, PERSO_CMAPFILE, cmap) || !grow_records(cmap, 0, CMAP_RECORD, c->index))
		return false;
	if ((cmap->p[(size_t)c->index * CMAP_RECORD + CMAP_FLAGS] & FLAG_VALID) != 0)
		return perso_fail("container %u exists", (unsigned)c->index);
	return true;
}

/* The record as Windows writes it step by step: reserved, default, and with the key's size. */
static bool
write_container(struct vcard *card, const struct vcard_perso_container *c, struct buf *cmap, struct cmap_record *r,
		uint8_t type, const struct buf *value)
{
	uint8_t reference = (uint8_t)(0x81 + c->index);
	uint16_t bits = (uint16_t)algorithm_bits(c->algorithm);

	if (!write_cmap(card, cmap, c->index, r))
		return false;
	if (c->make_default || !has_default(cmap)) {
		clear_default(cmap);
		r->flags |= FLAG_DEFAULT;
		if (!write_cmap(card, cmap, c->index, r))
			return false;
	}
	if (!perso_announce(card, PERSO_CONTAINERS) || !make_key_file(card, c, reference))
		return false;
	if (!(value != NULL ? load_key(card, type, reference, buf_cur(value)) : generate_key(card, c, reference)))
		return false;
	if (!write_key_map(card, c, reference, cmap->len / CMAP_RECORD))
		return false;
	if (c->signature_only || is_ec(c->algorithm))
		r->signature_bits = bits;
	else
		r->exchange_bits = bits;
	return write_cmap(card, cmap, c->index, r);
}

/* A container that came to nothing leaves a record of zeros, and no key file. */
static void
undo_container(struct vcard *card, const struct vcard_perso_container *c, struct buf *cmap)
{
	static const uint8_t select[4] = { 0x00, INS_SELECT, 0x00, 0x0C };
	static const uint8_t delete[4] = { 0x00, INS_DELETE, 0x00, 0x00 };
	const uint8_t fid[] = { 0xB0, (uint8_t)(0x81 + c->index) };

	if (vcard_perso_send(card, select, cur_of(fid, sizeof(fid)), false, NULL) == SW_OK)
		(void)vcard_perso_send(card, delete, nothing, false, NULL);
	if (cmap->p == NULL)
		return;
	memset(cmap->p + (size_t)c->index * CMAP_RECORD, 0, CMAP_RECORD);
	(void)perso_write(card, PERSO_EF_USER, PERSO_CMAPFILE, buf_cur(cmap));
}

/* value NULL: the card makes the key. */
static bool
add_container(struct vcard *card, const struct vcard_perso_container *c, uint8_t type, const struct buf *value)
{
	AUTO_BUF struct buf cmap = BUF_INIT;
	struct cmap_record r = { .name = c->name, .flags = FLAG_VALID };
	char guid[40];

	if (!reserve(card, c, &cmap))
		return false;
	if (r.name == NULL) {
		if (!random_guid(guid, sizeof(guid)))
			return false;
		r.name = guid;
	}
	if (write_container(card, c, &cmap, &r, type, value))
		return true;
	undo_container(card, c, &cmap);
	return false;
}

int
vcard_perso_keygen(struct vcard *card, const struct vcard_perso_container *container)
{
	return perso_end(card, perso_login(card, container->pin) &&
				       perso_login_guard(card, container->guard, container->guard_pin) &&
				       add_container(card, container, 0, NULL));
}

/* --- import ----------------------------------------------------------------------------------------------------- */

static bool
rsa_value(EVP_PKEY *pkey, struct buf *ret_value)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(pkey, &der);

	if (len > 0)
		buf_put(ret_value, der, (size_t)len);
	if (len > 0)
		OPENSSL_clear_free(der, (size_t)len);
	return len > 0 && !buf_failed(ret_value);
}

static bool
ec_value(EVP_PKEY *pkey, struct buf *ret_value)
{
	AUTO_BUF struct buf body = BUF_INIT;
	size_t width = ((size_t)EVP_PKEY_get_bits(pkey) + 7) / 8, point_len = 0;
	uint8_t d[66], point[133];
	BIGNUM *number = NULL;
	bool done =
		width <= sizeof(d) && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
		BN_bn2binpad(number, d, (int)width) == (int)width &&
		EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &point_len) == 1;

	BN_clear_free(number);
	if (!done)
		return false;
	vcard_tlv_put_u8(&body, 0x02, 1);
	vcard_tlv_put(&body, 0x04, cur_of(d, width));
	vcard_tlv_put(&body, 0x04, cur_of(point, point_len));
	vcard_tlv_put(ret_value, 0x30, buf_cur(&body));
	return !buf_failed(ret_value);
}

static enum vcard_perso_algorithm
algorithm_of(EVP_PKEY *pkey)
{
	static const enum vcard_perso_algorithm all[] = {
		VCARD_RSA1024, VCARD_RSA2048, VCARD_RSA3072, VCARD_RSA4096, VCARD_P256, VCARD_P384, VCARD_P521,
	};
	bool ec = EVP_PKEY_is_a(pkey, "EC") == 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (is_ec(all[i]) == ec && (int)algorithm_bits(all[i]) == EVP_PKEY_get_bits(pkey))
			return all[i];
	}
	return (enum vcard_perso_algorithm)0;
}

static EVP_PKEY *
read_pem(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *pkey = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f != NULL)
		(void)fclose(f);
	if (pkey == NULL)
		(void)perso_fail("%s: no private key", path);
	return pkey;
}

int
vcard_perso_import(struct vcard *card, const struct vcard_perso_container *container, const char *pem_path)
{
	AUTO_BUF struct buf value = BUF_INIT;
	struct vcard_perso_container c = *container;
	EVP_PKEY *pkey = read_pem(pem_path);
	bool done;

	if (pkey == NULL)
		return -1;
	c.algorithm = algorithm_of(pkey);
	if (is_ec(c.algorithm))
		done = ec_value(pkey, &value);
	else
		done = EVP_PKEY_is_a(pkey, "RSA") == 1 && rsa_value(pkey, &value);
	EVP_PKEY_free(pkey);
	if (!done) {
		(void)perso_fail("%s: a key that the card cannot hold", pem_path);
		return -1;
	}
	return perso_end(card, perso_login(card, c.pin) && perso_login_guard(card, c.guard, c.guard_pin) &&
				       add_container(card, &c, is_ec(c.algorithm) ? 3 : 2, &value));
}
