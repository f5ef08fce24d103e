/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers made and removed: the key file, the key in it, the record of the key map (GIDS 2.0, CREATE FILE, GENERATE
 * ASYMMETRIC KEY PAIR, PUT KEY). The card may be pulled between two commands. Hence the order:
 *   create	file, activation, key, record: what is not in the key map is nobody's, and is replaced by the next key
 *		that is made there
 *   replace	the same; the old key goes first, and only when the user is there who may make a new one. Another place
 *		for the new key would be safer, but other programs look for a container's key at its own reference
 *   delete	files with the keys, record: a record without a key is a container that cannot be read, and can be
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
#define TAG_GUARD 0xC6u
#define TAG_GENERATE 0xACu
#define TAG_MECHANISM 0x80u
#define TAG_KEY 0x83u
#define TAG_USAGE 0x95u
#define TAG_INTEGER 0x02u
#define TAG_OCTETS 0x04u
#define TAG_SEQUENCE 0x30u
#define TAG_PUT_KEY 0x70u
#define TAG_KEY_TYPE 0x83u
#define TAG_KEY_WRAPPING 0x84u
#define TAG_KEY_REFERENCE 0x84u
#define TAG_KEY_VALUE 0x87u
#define TEMPLATE_SIGNATURE 0xB6u
#define TEMPLATE_CONFIDENTIALITY 0xB8u

#define DESCRIPTOR_KEY_FILE 0x18u
#define USAGE_PRIVATE 0x40u

#define KEY_TYPE_RSA 0x02u
#define KEY_TYPE_EC 0x03u

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
put_fcp(struct buf *fcp, const struct gids_key *key, PIN_ID role)
{
	/* generate, use and load with the PIN; everybody reads the public key */
	static const uint8_t rules[] = { 0x8F, 0x10, 0x10, 0x10, 0x00 };
	/* which PIN that is, if not the user's */
	const uint8_t guard[] = { TAG_KEY, 0x01, (uint8_t)(GIDS_REFERENCE_PIN | role) };
	AUTO_BUF struct buf content = BUF_INIT, id = BUF_INIT, uses = BUF_INIT;

	put_file_id(&id, key->reference);
	put_uses(&uses, key);
	tlv_put_u8(&content, TAG_DESCRIPTOR, DESCRIPTOR_KEY_FILE);
	tlv_put(&content, TAG_FILE_ID, buf_cur(&id));
	tlv_put(&content, TAG_RULES, cur_of(rules, sizeof(rules)));
	if (role != ROLE_USER)
		tlv_put(&content, TAG_GUARD, cur_of(guard, sizeof(guard)));
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
create_key_file(struct gids *g, const struct gids_key *key, PIN_ID role, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_CREATE, 0x00, 0x00, APDU_LE_NONE);

	*ret_sw = 0;
	put_fcp(&a.data, key, role);
	return buf_failed(&a.data) ? SCARD_E_NO_MEMORY : gids_change(g, &a, NULL, ret_sw);
}

/* A file that is there already is what an earlier key left, or that key, which is to be replaced. */
static DWORD
make_key_file(struct gids *g, const struct gids_key *key, PIN_ID role)
{
	bool there = false;
	uint16_t sw;
	DWORD r = create_key_file(g, key, role, &sw), also;

	if (gids_refused(sw) && r != SCARD_W_SECURITY_VIOLATION && r != SCARD_E_WRITE_TOO_MANY) {
		if ((also = select_key_file(g, key->reference, &there)) != SCARD_S_SUCCESS)
			return also;
		if (there && (r = send(g, GIDS_INS_DELETE)) == SCARD_S_SUCCESS)
			r = create_key_file(g, key, role, &sw);
	}
	return r;
}

/* The key ------------------------------------------------------------------------------------------------------------- */

static bool
is_wanted(const struct public_key *made, const struct gids_key *key)
{
	if (gids_algorithm_of(made->type, made->bits) == key->algorithm)
		return true;
	log_fail(LOG_CARD, SCARD_E_UNEXPECTED, "key %02X: the card's answer is not the key asked for", key->reference);
	return false;
}

/* The answer is the public key; one that is no key, or another than was asked for, is not taken. */
static DWORD
generate(struct gids *g, const struct gids_key *key)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_GENERATE, 0x00, 0x00, APDU_LE_MAX);
	AUTO_BUF struct buf template = BUF_INIT, answer = BUF_INIT;
	struct public_key made = { .type = KEY_NONE };
	uint16_t sw;
	DWORD r;

	tlv_put_u8(&template, TAG_MECHANISM, key->algorithm);
	tlv_put_u8(&template, TAG_KEY, key->reference);
	tlv_put(&a.data, TAG_GENERATE, buf_cur(&template));
	if (buf_failed(&template))
		return SCARD_E_NO_MEMORY;
	if ((r = gids_change(g, &a, &answer, &sw)) != SCARD_S_SUCCESS)
		return r;
	(void)gids_public_key_decode(buf_cur(&answer), &made);
	if (!is_wanted(&made, key))
		return SCARD_E_UNEXPECTED;
	g->made = made;
	g->made_reference = key->reference;
	return SCARD_S_SUCCESS;
}

/* INTEGER of a number that is not negative, as short as DER wants it. */
static void
put_integer(struct buf *b, struct cursor number)
{
	uint8_t first = 0;

	cur_strip_zeros(&number);
	(void)cur_peek(&number, &first);
	tlv_put_head(b, TAG_INTEGER, number.left + (first >> 7));
	buf_zeros(b, first >> 7);
	buf_put_cur(b, number);
}

/* RSAPrivateKey (RFC 8017, A.1.2). */
static void
put_rsa(struct buf *value, const struct private_key *key)
{
	const struct public_key *public = &key->public;
	const struct secret *const parts[] = { &key->d, &key->p, &key->q, &key->dp, &key->dq, &key->qinv };
	AUTO_BUF struct buf numbers = BUF_INIT;

	tlv_put_u8(&numbers, TAG_INTEGER, 0);
	put_integer(&numbers, cur_of(public->modulus, public->modulus_len));
	put_integer(&numbers, cur_of(public->exponent, public->exponent_len));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		put_integer(&numbers, cur_of(parts[i]->p, parts[i]->len));
	tlv_put(value, TAG_SEQUENCE, buf_cur(&numbers));
	value->failed = value->failed || buf_failed(&numbers);
}

static void
put_ec(struct buf *value, const struct private_key *key)
{
	AUTO_BUF struct buf parts = BUF_INIT;

	tlv_put_u8(&parts, TAG_INTEGER, 1);
	tlv_put(&parts, TAG_OCTETS, cur_of(key->d.p, key->d.len));
	tlv_put(&parts, TAG_OCTETS, cur_of(key->public.point, key->public.point_len));
	tlv_put(value, TAG_SEQUENCE, buf_cur(&parts));
	value->failed = value->failed || buf_failed(&parts);
}

/* What PUT KEY brings: 70 { 84 reference, A5 { 83 type, 84 no wrapping, 87 value } }. */
static bool
put_import(struct buf *data, uint8_t reference, const struct private_key *source)
{
	const bool rsa = source->public.type == KEY_RSA;
	AUTO_BUF struct buf value = BUF_INIT, key = BUF_INIT, template = BUF_INIT;

	if (rsa)
		put_rsa(&value, source);
	else
		put_ec(&value, source);
	tlv_put_u8(&key, TAG_KEY_TYPE, rsa ? KEY_TYPE_RSA : KEY_TYPE_EC);
	tlv_put_u8(&key, TAG_KEY_WRAPPING, 0);
	tlv_put(&key, TAG_KEY_VALUE, buf_cur(&value));
	tlv_put_u8(&template, TAG_KEY_REFERENCE, reference);
	tlv_put(&template, TAG_REFERENCES, buf_cur(&key));
	tlv_put(data, TAG_PUT_KEY, buf_cur(&template));
	return !buf_failed(&value) && !buf_failed(&key) && !buf_failed(&template) && !buf_failed(data);
}

/* The card is asked for the public key, since cards are known that take a key and mangle it. */
static DWORD
import(struct gids *g, const struct gids_key *key, const struct private_key *source)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_PUT_DATA, GIDS_EF_WHOLE >> 8, GIDS_EF_WHOLE & 0xFF, APDU_LE_NONE);
	struct public_key made;
	uint16_t sw;
	DWORD r;

	a.secret = true;
	if (!put_import(&a.data, key->reference, source))
		return SCARD_E_NO_MEMORY;
	if ((r = gids_change(g, &a, NULL, &sw)) != SCARD_S_SUCCESS)
		return r;
	if ((r = gids_public_key(g, key->reference, &made)) != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_UNEXPECTED : r;
	if (!is_wanted(&made, key) || !pubkey_equal(&made, &source->public))
		return SCARD_E_UNEXPECTED;
	g->made = made;
	g->made_reference = key->reference;
	return SCARD_S_SUCCESS;
}

/* The record ---------------------------------------------------------------------------------------------------------- */

static DWORD
write_record(struct gids *g, size_t index, const struct gids_container *container)
{
	AUTO_BUF struct buf scratch = BUF_INIT, map = BUF_INIT;
	struct cursor content;
	DWORD r = gids_keymap_read(g, &scratch, &content);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (!gids_keymap_change(content, index, container, &map))
		return SCARD_E_COMM_DATA_LOST;
	g->keys_state = GIDS_KEYS_NONE;
	return buf_failed(&map) ? SCARD_E_NO_MEMORY : gids_object_write(g, keymap_place, buf_cur(&map));
}

static bool
reference_is_used(const struct gids *g, uint8_t reference)
{
	for (size_t i = 0; i < GIDS_KEYS; i++)
		for (size_t slot = 0; slot < GIDS_SLOTS; slot++) {
			const struct gids_key *key = &g->containers[i].keys[slot];

			if (key->state == GIDS_KEY_USED && key->reference == reference)
				return true;
		}
	return false;
}

/* From the end, where containers come last. 0 when there is none. */
static uint8_t
free_reference(const struct gids *g)
{
	for (uint8_t reference = GIDS_KEY_LAST; reference >= GIDS_KEY_FIRST; reference--)
		if (!reference_is_used(g, reference))
			return reference;
	return 0;
}

/* Containers ---------------------------------------------------------------------------------------------------------- */

/* The place of a container that holds a key of this slot, or that is free for one. */
static size_t
place_for(const struct gids_container *container, bool exchange)
{
	const struct gids_key *key;

	for (size_t i = 0; i < GIDS_SLOTS; i++) {
		key = &container->keys[i];
		if (key->state == GIDS_KEY_USED && (exchange ? key->can_exchange : key->can_sign_slot))
			return i;
	}
	return container->keys[0].state == GIDS_KEY_USED ? 1 : 0;
}

/* Which file the key gets. SCARD_E_WRITE_TOO_MANY: all are taken. */
static DWORD
choose_reference(const struct gids *g, BYTE index, size_t place, uint8_t *ret_reference)
{
	const struct gids_key *old = &g->containers[index].keys[place];
	const uint8_t own = (uint8_t)(GIDS_KEY_FIRST + index);
	uint8_t reference;

	if (old->state == GIDS_KEY_USED)
		reference = old->reference;
	else if (place == 0 && !reference_is_used(g, own))
		reference = own;
	else
		reference = free_reference(g);
	*ret_reference = reference;
	return reference != 0 ? SCARD_S_SUCCESS : SCARD_E_WRITE_TOO_MANY;
}

/* Best effort: a card that is gone keeps what it has. */
static void
undo(struct gids *g, size_t index, size_t place, const struct gids_container *before)
{
	struct gids_container container = *before;
	const bool recorded = before->keys[place].state == GIDS_KEY_USED;

	container.keys[place].state = GIDS_KEY_EMPTY;
	if (recorded)
		(void)write_record(g, index, &container);
}

static DWORD
make(struct gids *g, size_t index, size_t place, const struct gids_container *container,
     const struct private_key *source, PIN_ID role)
{
	const struct gids_container before = g->containers[index];
	const struct gids_key *key = &container->keys[place];
	DWORD r;

	g->made_reference = 0;
	if ((r = make_key_file(g, key, role)) != SCARD_S_SUCCESS)
		return r;
	if ((r = send(g, GIDS_INS_ACTIVATE)) != SCARD_S_SUCCESS ||
	    (r = source != NULL ? import(g, key, source) : generate(g, key)) != SCARD_S_SUCCESS ||
	    (r = write_record(g, index, container)) != SCARD_S_SUCCESS)
		if (delete_key_file(g, key->reference) == SCARD_S_SUCCESS)
			undo(g, index, place, &before);
	return r;
}

static DWORD
create(struct gids *g, BYTE index, struct gids_key key, const struct private_key *source, PIN_ID role)
{
	struct gids_container container;
	size_t place;
	DWORD r;

	if ((r = gids_keys_load(g)) != SCARD_S_SUCCESS)
		return r;
	container = g->containers[index];
	place = place_for(&container, key.can_exchange);
	/* the card would let the administrator delete the old key, and then not make the new one */
	if (container.keys[place].state == GIDS_KEY_USED && !IS_PIN_SET(g->verified, role))
		return SCARD_W_SECURITY_VIOLATION;
	if ((r = choose_reference(g, index, place, &key.reference)) != SCARD_S_SUCCESS)
		return r;
	container.keys[place] = key;
	return make(g, index, place, &container, source, role);
}

/* The algorithm that a key specification and size stand for; 0 for none. */
static uint8_t
algorithm_of(DWORD key_spec, DWORD bits)
{
	const unsigned curve = check_key_spec_bits(key_spec);

	return curve != 0 ? gids_algorithm_of(KEY_EC, curve) : gids_algorithm_of(KEY_RSA, bits);
}

DWORD
gids_create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
			 const struct private_key *pKeyData, PIN_ID PinId)
{
	const struct gids_key key = {
		.state = GIDS_KEY_USED,
		.algorithm = algorithm_of(dwKeySpec, pKeyData != NULL ? pKeyData->public.bits : dwKeySize),
		.can_exchange = dwKeySpec == AT_KEYEXCHANGE,
		.can_sign_slot = dwKeySpec != AT_KEYEXCHANGE,
	};
	struct gids *g = gids_of_change(card);

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (dwKeySpec >= AT_ECDHE_P256)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (key.algorithm == 0 || !gids_guards_keys(g, PinId))
		return SCARD_E_INVALID_PARAMETER;
	return bContainerIndex < GIDS_KEYS ? create(g, bContainerIndex, key, pKeyData, PinId)
					   : SCARD_E_NO_KEY_CONTAINER;
}

/* The second key first: what is left of it in the meantime is a container with one key. */
static DWORD
delete_keys(struct gids *g, BYTE index)
{
	static const struct gids_container none;
	const struct gids_container container = g->containers[index];
	DWORD r = SCARD_S_SUCCESS;

	for (size_t i = 0; r == SCARD_S_SUCCESS && i < GIDS_SLOTS; i++) {
		const struct gids_key *key = &container.keys[GIDS_SLOTS - 1 - i];

		if (key->state != GIDS_KEY_EMPTY)
			r = delete_key_file(g, key->reference);
	}
	if (r != SCARD_S_SUCCESS || container.keys[0].state != GIDS_KEY_USED)
		return r;
	return write_record(g, index, &none);
}

DWORD
gids_delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved)
{
	struct gids *g = gids_of_change(card);
	DWORD r;

	(void)dwReserved;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (bContainerIndex >= GIDS_KEYS)
		return SCARD_E_NO_KEY_CONTAINER;
	r = gids_keys_load(g);
	return r == SCARD_S_SUCCESS ? delete_keys(g, bContainerIndex) : r;
}
