/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers made and removed: the key file, the key in it, the record of the key map (GIDS 2.0, CREATE FILE, GENERATE
 * ASYMMETRIC KEY PAIR). The card may be pulled between two commands. Hence the order:
 *   create	file, activation, key, record: what is not in the key map is nobody's, and is replaced by the next key
 *		that is made there
 *   delete	file with the key, record: a record without a key is a container that cannot be read, and can be
 *		deleted again
 */
#include "gids/gids.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define TAG_FCP 0x62u
#define TAG_DESCRIPTOR 0x82u
#define TAG_FILE_ID 0x83u
#define TAG_RULES 0x8Cu
#define TAG_REFERENCES 0xA5u
#define TAG_GENERATE 0xACu
#define TAG_MECHANISM 0x80u
#define TAG_KEY 0x83u
#define TAG_USAGE 0x95u
#define TEMPLATE_SIGNATURE 0xB6u
#define TEMPLATE_CONFIDENTIALITY 0xB8u

#define DESCRIPTOR_KEY_FILE 0x18u
#define USAGE_PRIVATE 0x40u

#define SELECT_NO_ANSWER 0x0Cu

#define SW_NO_FILE 0x6A82u

static const struct gids_place keymap_place = { GIDS_EF_TABLE, GIDS_DO_KEYMAP };

/* The key file ------------------------------------------------------------------------------------------------------ */

static void
put_file_id(struct buf *b, uint8_t reference)
{
	buf_be16(b, (uint16_t)(GIDS_EF_KEY_BASE | reference));
}

/* One thing that the key may be used for. */
static void
put_use(struct buf *uses, uint32_t template, uint8_t mode, const struct gids_key *key)
{
	AUTO_BUF struct buf use = BUF_INIT;

	tlv_put_u8(&use, TAG_MECHANISM, (uint8_t)(mode | key->algorithm));
	tlv_put_u8(&use, TAG_KEY, key->reference);
	tlv_put_u8(&use, TAG_USAGE, USAGE_PRIVATE);
	tlv_put(uses, template, buf_cur(&use));
}

static void
put_uses(struct buf *uses, const struct gids_key *key)
{
	if (key->can_exchange) {
		put_use(uses, TEMPLATE_CONFIDENTIALITY, 0x00, key);
		put_use(uses, TEMPLATE_CONFIDENTIALITY, 0x80, key);
		put_use(uses, TEMPLATE_CONFIDENTIALITY, 0x40, key);
	}
	put_use(uses, TEMPLATE_SIGNATURE, 0x10, key);
	if (gids_algorithm_is_rsa(key->algorithm))
		put_use(uses, TEMPLATE_SIGNATURE, 0x50, key);
}

static void
put_fcp(struct buf *fcp, const struct gids_key *key)
{
	/* generate, use and load with the PIN; everybody reads the public key */
	static const uint8_t rules[] = { 0x8F, 0x10, 0x10, 0x10, 0x00 };
	AUTO_BUF struct buf content = BUF_INIT, id = BUF_INIT, uses = BUF_INIT;

	put_file_id(&id, key->reference);
	put_uses(&uses, key);
	tlv_put_u8(&content, TAG_DESCRIPTOR, DESCRIPTOR_KEY_FILE);
	tlv_put(&content, TAG_FILE_ID, buf_cur(&id));
	tlv_put(&content, TAG_RULES, cur_of(rules, sizeof(rules)));
	tlv_put(&content, TAG_REFERENCES, buf_cur(&uses));
	tlv_put(fcp, TAG_FCP, buf_cur(&content));
	fcp->failed = fcp->failed || buf_failed(&content) || buf_failed(&id) || buf_failed(&uses);
}

static DWORD
send(struct gids *g, uint8_t ins)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, ins, 0x00, 0x00, APDU_LE_NONE);
	uint16_t sw;

	return gids_change(g, &a, NULL, &sw);
}

/* Success, with *ret_there false, for a file that is not there. */
static DWORD
select_key_file(struct gids *g, uint8_t reference, bool *ret_there)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_SELECT, 0x00, SELECT_NO_ANSWER, APDU_LE_NONE);
	uint16_t sw;
	DWORD r;

	put_file_id(&a.data, reference);
	r = gids_change(g, &a, NULL, &sw);
	*ret_there = r == SCARD_S_SUCCESS;
	return sw == SW_NO_FILE ? SCARD_S_SUCCESS : r;
}

static DWORD
delete_key_file(struct gids *g, uint8_t reference)
{
	bool there;
	DWORD r = select_key_file(g, reference, &there);

	g->made_reference = 0;
	return r == SCARD_S_SUCCESS && there ? send(g, GIDS_INS_DELETE) : r;
}

static DWORD
create_key_file(struct gids *g, const struct gids_key *key, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_CREATE, 0x00, 0x00, APDU_LE_NONE);

	*ret_sw = 0;
	put_fcp(&a.data, key);
	return buf_failed(&a.data) ? SCARD_E_NO_MEMORY : gids_change(g, &a, NULL, ret_sw);
}

/* A file that is there already is what an earlier key left, or that key, which is to be replaced. */
static DWORD
make_key_file(struct gids *g, const struct gids_key *key)
{
	bool there = false;
	uint16_t sw;
	DWORD r = create_key_file(g, key, &sw), also;

	if (gids_refused(sw) && r != SCARD_W_SECURITY_VIOLATION && r != SCARD_E_WRITE_TOO_MANY) {
		if ((also = select_key_file(g, key->reference, &there)) != SCARD_S_SUCCESS)
			return also;
		if (there && (r = send(g, GIDS_INS_DELETE)) == SCARD_S_SUCCESS)
			r = create_key_file(g, key, &sw);
	}
	return r;
}

/* The key and its record ---------------------------------------------------------------------------------------------- */

/* The answer is the public key; one that is no key, or another than was asked for, is not taken. */
static DWORD
generate(struct gids *g, const struct gids_key *key)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_GENERATE, 0x00, 0x00, APDU_LE_MAX);
	AUTO_BUF struct buf template = BUF_INIT, answer = BUF_INIT;
	struct public_key made;
	uint16_t sw;
	DWORD r;

	tlv_put_u8(&template, TAG_MECHANISM, key->algorithm);
	tlv_put_u8(&template, TAG_KEY, key->reference);
	tlv_put(&a.data, TAG_GENERATE, buf_cur(&template));
	if (buf_failed(&template))
		return SCARD_E_NO_MEMORY;
	if ((r = gids_change(g, &a, &answer, &sw)) != SCARD_S_SUCCESS)
		return r;
	if (!gids_public_key_decode(buf_cur(&answer), &made) ||
	    gids_algorithm_of(made.type, made.bits) != key->algorithm) {
		log_fail(LOG_CARD, SCARD_E_UNEXPECTED, "key %02X: the card's answer is not the key asked for",
			 key->reference);
		return SCARD_E_UNEXPECTED;
	}
	g->made = made;
	g->made_reference = key->reference;
	return SCARD_S_SUCCESS;
}

/* key NULL empties the record. */
static DWORD
write_record(struct gids *g, size_t index, const struct gids_key *key)
{
	AUTO_BUF struct buf scratch = BUF_INIT, map = BUF_INIT;
	struct cursor content;
	DWORD r = gids_keymap_read(g, &scratch, &content);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (!gids_keymap_change(content, index, key, &map))
		return SCARD_E_COMM_DATA_LOST;
	g->keys_state = GIDS_KEYS_NONE;
	return buf_failed(&map) ? SCARD_E_NO_MEMORY : gids_object_write(g, keymap_place, buf_cur(&map));
}

/* Containers ---------------------------------------------------------------------------------------------------------- */

/* Best effort: a card that is gone keeps what it has. */
static void
undo(struct gids *g, size_t index, uint8_t reference, bool was_recorded)
{
	if (delete_key_file(g, reference) == SCARD_S_SUCCESS && was_recorded)
		(void)write_record(g, index, NULL);
}

static DWORD
create(struct gids *g, size_t index, const struct gids_key *key)
{
	bool recorded;
	DWORD r;

	if ((r = gids_keys_load(g)) != SCARD_S_SUCCESS)
		return r;
	recorded = g->keys[index].state == GIDS_KEY_USED;
	g->made_reference = 0;
	if ((r = make_key_file(g, key)) != SCARD_S_SUCCESS)
		return r;
	if ((r = send(g, GIDS_INS_ACTIVATE)) != SCARD_S_SUCCESS || (r = generate(g, key)) != SCARD_S_SUCCESS ||
	    (r = write_record(g, index, key)) != SCARD_S_SUCCESS)
		undo(g, index, key->reference, recorded);
	return r;
}

/* The algorithm that a key specification and size stand for; 0 for none. */
static uint8_t
algorithm_of(DWORD key_spec, DWORD bits)
{
	switch (key_spec) {
	case AT_KEYEXCHANGE:
	case AT_SIGNATURE: return gids_algorithm_of(KEY_RSA, bits);
	case AT_ECDSA_P256: return bits == 0 ? gids_algorithm_of(KEY_EC, 256) : 0;
	case AT_ECDSA_P384: return bits == 0 ? gids_algorithm_of(KEY_EC, 384) : 0;
	case AT_ECDSA_P521: return bits == 0 ? gids_algorithm_of(KEY_EC, 521) : 0;
	default: return 0;
	}
}

static DWORD
check(BYTE index, DWORD flags, DWORD key_spec, uint8_t algorithm, PIN_ID role)
{
	DWORD r = check_key_spec(key_spec);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (flags == CARD_CREATE_CONTAINER_KEY_IMPORT || key_spec >= AT_ECDHE_P256)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (flags != CARD_CREATE_CONTAINER_KEY_GEN || algorithm == 0)
		return SCARD_E_INVALID_PARAMETER;
	if (index >= GIDS_KEYS)
		return SCARD_E_NO_KEY_CONTAINER;
	/* the rule in the key file names the user PIN, and the card edge has no other for keys */
	if (role != ROLE_USER)
		return role == ROLE_ADMIN ? SCARD_W_SECURITY_VIOLATION : SCARD_E_INVALID_PARAMETER;
	return SCARD_S_SUCCESS;
}

DWORD
gids_create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
			 const struct private_key *pKeyData, PIN_ID PinId)
{
	const uint8_t algorithm = algorithm_of(dwKeySpec, dwKeySize);
	const struct gids_key key = {
		.state = GIDS_KEY_USED,
		.reference = (uint8_t)(GIDS_KEY_FIRST + bContainerIndex),
		.algorithm = algorithm,
		.can_exchange = dwKeySpec == AT_KEYEXCHANGE,
	};
	struct gids *g = gids_of(card);
	DWORD r;

	if (g == NULL || (pKeyData != NULL) != (dwFlags == CARD_CREATE_CONTAINER_KEY_IMPORT))
		return SCARD_E_INVALID_PARAMETER;
	r = check(bContainerIndex, dwFlags, dwKeySpec, algorithm, PinId);
	return r == SCARD_S_SUCCESS ? create(g, bContainerIndex, &key) : r;
}

DWORD
gids_delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved)
{
	struct gids *g = gids_of(card);
	const struct gids_key *key;
	DWORD r;

	if (g == NULL || dwReserved != 0)
		return SCARD_E_INVALID_PARAMETER;
	if (bContainerIndex >= GIDS_KEYS)
		return SCARD_E_NO_KEY_CONTAINER;
	if ((r = gids_keys_load(g)) != SCARD_S_SUCCESS)
		return r;
	key = &g->keys[bContainerIndex];
	if (key->state == GIDS_KEY_EMPTY)
		return SCARD_S_SUCCESS;
	if ((r = delete_key_file(g, key->reference)) != SCARD_S_SUCCESS)
		return r;
	return key->state == GIDS_KEY_USED ? write_record(g, bContainerIndex, NULL) : SCARD_S_SUCCESS;
}
