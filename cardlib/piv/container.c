/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers: a key slot each, with its certificate. The card has no list of its keys, so a slot is asked about when
 * somebody wants to know: for its certificate, and without one, as far as the card can tell, for the key itself.
 */
#include "piv/piv.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define CMAP_VALID 1u
#define CMAP_DEFAULT 2u
#define CMAP_RECORD_BYTES 86u

#define POLICY_NEVER 1u
#define POLICY_ONCE 2u
#define POLICY_ALWAYS 3u

#define NAME_GUID_BYTES 13u /* of the GUID, before the tag of the certificate */

static uint64_t
now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)(t.tv_nsec / 1000000) + 1;
}

void
piv_key_forget(struct piv_key *key)
{
	buf_free(&key->object);
	*key = (struct piv_key){ .used = PIV_NOT_ASKED };
}

/* What a slot has ---------------------------------------------------------------------------------------------------- */

/* A retired key that its certificate does not let agree was one for signatures. */
static bool
is_exchange(BYTE index, enum key_type type, const struct piv_cert *cert)
{
	if (index >= PIV_SLOT_RETIRED && type == KEY_EC && cert != NULL && cert->has_usage)
		return cert->agrees;
	return piv_slot_exchange(index, type);
}

static void
take_public(BYTE index, struct piv_key *key, const struct public_key *public, const struct piv_cert *cert)
{
	key->used = PIV_YES;
	key->public = *public;
	key->algorithm = piv_algorithm_of(public->type, public->bits);
	key->exchange = is_exchange(index, public->type, cert);
}

static void
take_policy(struct piv_key *key, uint8_t policy)
{
	switch (policy) {
	case POLICY_NEVER: key->role = ROLE_EVERYONE; break;
	case POLICY_ONCE: key->role = ROLE_USER; break;
	case POLICY_ALWAYS: key->role = PIV_ROLE_ALWAYS; break;
	default: break;
	}
}

static DWORD
ask_metadata(struct piv *p, BYTE index, struct piv_key *key)
{
	struct piv_metadata m;
	DWORD r = piv_metadata_read(p, piv_slot_reference(index), &m);

	if (r != SCARD_S_SUCCESS)
		return r;
	take_policy(key, m.pin_policy);
	if (m.has_public) {
		take_public(index, key, &m.public, NULL);
		return SCARD_S_SUCCESS;
	}
	if (piv_algorithm_bits(m.algorithm) == 0)
		return SCARD_E_NO_KEY_CONTAINER;
	key->used = PIV_YES;
	key->algorithm = m.algorithm;
	key->exchange = is_exchange(index, piv_algorithm_type(m.algorithm), NULL);
	return SCARD_S_SUCCESS;
}

static DWORD
ask_attestation(struct piv *p, BYTE index, struct piv_key *key)
{
	struct public_key public;
	DWORD r = piv_attestation_read(p, piv_slot_reference(index), &public);

	if (r == SCARD_S_SUCCESS)
		take_public(index, key, &public, NULL);
	return r;
}

/*
 * The card authentication key needs no PIN: a request without data is refused as such when key and algorithm go together, and
 * for its key reference when they do not. With any other key the card would speak of the PIN first.
 */
static DWORD
try_algorithms(struct piv *p, BYTE index, struct piv_key *key)
{
	static const uint8_t likely[] = { PIV_RSA2048, PIV_P256, PIV_P384, PIV_RSA3072, PIV_RSA4096, PIV_RSA1024 };
	const uint8_t reference = piv_slot_reference(index);
	uint16_t sw;
	DWORD r;

	for (size_t i = 0; index == PIV_SLOT_CARD && i < ARRAY_SIZE(likely); i++) {
		AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_AUTHENTICATE, likely[i], reference, APDU_LE_MAX);

		sw = 0;
		tlv_put(&a.data, 0x7C, cur_of(NULL, 0));
		r = apdu_exchange(&p->ch, &a, NULL, &sw);
		if (r != SCARD_S_SUCCESS && !piv_refused(sw))
			return r;
		if (sw != 0x6A80)
			continue;
		key->used = PIV_YES;
		key->algorithm = likely[i];
		key->exchange = is_exchange(index, piv_algorithm_type(likely[i]), NULL);
		return SCARD_S_SUCCESS;
	}
	return SCARD_E_NO_KEY_CONTAINER;
}

/* A slot without a certificate that can be read. */
static DWORD
ask_key(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = ask_metadata(p, index, key);

	if (r != SCARD_E_UNSUPPORTED_FEATURE)
		return r;
	r = ask_attestation(p, index, key);
	/* a card does not attest what was brought to it */
	if (r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_NO_KEY_CONTAINER)
		r = try_algorithms(p, index, key);
	return r;
}

/* True when the certificate is one of a key that the project knows. */
static bool
take_certificate(const struct piv *p, BYTE index, struct piv_key *key)
{
	AUTO_BUF struct buf der = BUF_INIT;
	struct piv_cert cert;

	if (!piv_cert_der(buf_cur(&key->object), &der) || !piv_cert_parse(buf_cur(&der), &cert)) {
		log_warn(LOG_CARD, "key %02X: its certificate is damaged", piv_slot_reference(index));
		buf_free(&key->object);
		return false;
	}
	if (piv_algorithm_of(cert.key.type, cert.key.bits) == 0) {
		log_info(LOG_CARD, "key %02X: its certificate has a key of another kind", piv_slot_reference(index));
		buf_free(&key->object);
		return false;
	}
	take_public(index, key, &cert.key, &cert);
	if ((p->kept_exchange & UINT32_C(1) << index) != 0)
		key->exchange = piv_slot_exchange(index, cert.key.type);
	return true;
}

/* Which retired keys there may be: as the history says; without one, all. */
static DWORD
expect_retired(struct piv *p, BYTE index, bool *ret_certificate, bool *ret_key)
{
	const unsigned n = index - PIV_SLOT_RETIRED;
	DWORD r = piv_history_read(p);

	*ret_certificate = *ret_key = true;
	if (r != SCARD_S_SUCCESS || p->history.read != PIV_YES)
		return r;
	*ret_certificate = n < p->history.on_card;
	*ret_key = *ret_certificate || n >= PIV_RETIRED - p->history.off_card;
	return SCARD_S_SUCCESS;
}

static DWORD
read_certificate(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = piv_object_read(p, piv_slot_certificate(index), &key->object);

	if (r != SCARD_S_SUCCESS) {
		buf_free(&key->object);
		return r;
	}
	key->compared = p->transaction;
	return take_certificate(p, index, key) ? SCARD_S_SUCCESS : SCARD_E_FILE_NOT_FOUND;
}

/* A code that says that the card answered, as against trouble on the way. */
static bool
is_answer(DWORD code)
{
	return code == SCARD_S_SUCCESS || code == SCARD_E_FILE_NOT_FOUND || code == SCARD_W_SECURITY_VIOLATION ||
	       code == SCARD_E_UNEXPECTED || code == SCARD_E_NO_KEY_CONTAINER || code == SCARD_E_UNSUPPORTED_FEATURE;
}

/*
 * A retired slot of a card that tells of keys is asked for the key first: most are empty, and one answer is enough then.
 */
static DWORD
ask_slot(struct piv *p, BYTE index, struct piv_key *key)
{
	bool certificate = true, expected = true, asked = false;
	DWORD r = SCARD_S_SUCCESS;

	if (index >= PIV_SLOT_RETIRED && (r = expect_retired(p, index, &certificate, &expected)) != SCARD_S_SUCCESS)
		return r;
	if (!expected)
		return SCARD_E_NO_KEY_CONTAINER;
	if (index >= PIV_SLOT_RETIRED && p->history.read != PIV_YES && p->metadata != PIV_NO) {
		r = ask_metadata(p, index, key);
		asked = r != SCARD_E_UNSUPPORTED_FEATURE;
		if (asked && r != SCARD_S_SUCCESS)
			return r;
	}
	r = certificate ? read_certificate(p, index, key) : SCARD_E_FILE_NOT_FOUND;
	if (r == SCARD_S_SUCCESS || !is_answer(r))
		return r;
	return asked ? SCARD_S_SUCCESS : ask_key(p, index, key);
}

/* What was empty is asked about again after a while; what was refused, in the next transaction. */
static void
expire_empty(struct piv *p)
{
	const uint64_t now = now_ms();

	if (p->empty_ms != 0 && now - p->empty_ms < PIV_EMPTY_MS)
		return;
	p->empty_ms = now;
	for (size_t i = 0; i < PIV_SLOTS; i++)
		if ((i < PIV_SLOT_RETIRED || p->history.read == PIV_NOT_ASKED) && p->keys[i].used == PIV_NO)
			p->keys[i].used = PIV_NOT_ASKED;
}

/* The certificate of a key that was found without it; none is no error. */
static DWORD
settle(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = key->unread ? read_certificate(p, index, key) : SCARD_S_SUCCESS;

	if (!is_answer(r))
		return r;
	key->unread = false;
	return SCARD_S_SUCCESS;
}

/*
 * The key without its certificate, which takes more exchanges. Not of retired keys, whose certificates tell what they are for,
 * and which are few of many places.
 */
static DWORD
ask_only_key(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = SCARD_E_UNSUPPORTED_FEATURE;

	if (index < PIV_SLOT_RETIRED && p->metadata != PIV_NO && (p->kept_exchange & UINT32_C(1) << index) == 0)
		r = ask_metadata(p, index, key);
	if (r != SCARD_S_SUCCESS || key->public.type == KEY_NONE)
		return r != SCARD_S_SUCCESS ? r : SCARD_E_UNSUPPORTED_FEATURE;
	key->unread = true;
	key->compared = p->transaction;
	return r;
}

static DWORD
learn(struct piv *p, BYTE index, bool only_key)
{
	struct piv_key *key = &p->keys[index];
	DWORD r = SCARD_E_UNSUPPORTED_FEATURE;

	if (key->used != PIV_NOT_ASKED)
		return key->used == PIV_YES && !only_key ? settle(p, index, key) : SCARD_S_SUCCESS;
	key->role = piv_slot_role(index);
	if (only_key)
		r = ask_only_key(p, index, key);
	if (r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_NO_KEY_CONTAINER)
		r = ask_slot(p, index, key);
	if (r == SCARD_S_SUCCESS)
		return r;
	piv_key_forget(key);
	if (!is_answer(r))
		return r;
	key->used = PIV_NO;
	return SCARD_S_SUCCESS;
}

static DWORD
find(struct piv *p, BYTE index, bool only_key, struct piv_key **ret_key)
{
	DWORD r;

	if (index >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	if (p->keys[index].used != PIV_YES || (p->keys[index].unread && !only_key)) {
		if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = learn(p, index, only_key)) != SCARD_S_SUCCESS)
			return r;
		if (p->keys[index].used != PIV_YES)
			return SCARD_E_NO_KEY_CONTAINER;
	}
	*ret_key = &p->keys[index];
	return SCARD_S_SUCCESS;
}

DWORD
piv_key_find(struct piv *p, BYTE index, struct piv_key **ret_key)
{
	return find(p, index, false, ret_key);
}

DWORD
piv_key_find_only(struct piv *p, BYTE index, struct piv_key **ret_key)
{
	return find(p, index, true, ret_key);
}

DWORD
piv_keys_load(struct piv *p)
{
	DWORD r = piv_confirm(p);

	if (r == SCARD_S_SUCCESS)
		expire_empty(p);
	for (BYTE i = 0; i < PIV_SLOTS && r == SCARD_S_SUCCESS; i++)
		r = learn(p, i, false);
	return r;
}

/* What an elliptic-curve key may do the card decides; every key of this card edge does both. */
DWORD
piv_key_of_spec(struct piv *p, BYTE index, DWORD key_spec, struct piv_key **ret_key)
{
	struct piv_key *key;
	bool matches;
	DWORD r;

	if ((r = piv_key_find_only(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if (piv_algorithm_is_rsa(key->algorithm))
		matches = key_spec == (key->exchange ? AT_KEYEXCHANGE : AT_SIGNATURE);
	else
		matches = check_key_spec_type(key_spec) == piv_algorithm_type(key->algorithm) &&
			  check_key_spec_bits(key_spec) == piv_algorithm_bits(key->algorithm);
	if (!matches)
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_key = key;
	return SCARD_S_SUCCESS;
}

/* Certificates ----------------------------------------------------------------------------------------------------------- */

/* The object is the one that the card has in this transaction, or is read again; a key without one is asked about again. */
static DWORD
freshen(struct piv *p, BYTE index, struct piv_key *key)
{
	bool same = false;
	DWORD r;

	if (key->compared == p->transaction)
		return SCARD_S_SUCCESS;
	if (key->unread) {
		piv_key_forget(key);
		return learn(p, index, true);
	}
	r = piv_object_compare(p, piv_slot_certificate(index), buf_cur(&key->object), &same);
	if (r != SCARD_S_SUCCESS && !is_answer(r))
		return r;
	if (r == SCARD_S_SUCCESS && same) {
		key->compared = p->transaction;
		return r;
	}
	log_info(LOG_CARD, "key %02X: another certificate than before", piv_slot_reference(index));
	piv_key_forget(key);
	return learn(p, index, false);
}

DWORD
piv_certificate(struct piv *p, BYTE index, struct buf *ret_der)
{
	struct piv_key *key;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_key_find(p, index, &key)) != SCARD_S_SUCCESS)
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_FILE_NOT_FOUND : r;
	if (key->object.len > 0 && (r = freshen(p, index, key)) != SCARD_S_SUCCESS)
		return r;
	if (key->used != PIV_YES || key->object.len == 0)
		return SCARD_E_FILE_NOT_FOUND;
	return piv_cert_der(buf_cur(&key->object), ret_der) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

/* The container map -------------------------------------------------------------------------------------------------------- */

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

/* What the interface asks ---------------------------------------------------------------------------------------------------- */

/* A key that has a certificate, if somebody wanted that, is what it says; in any case of the card as it is now. */
static DWORD
container_info(struct piv *p, BYTE index, CONTAINER_INFO *ret_info)
{
	CONTAINER_INFO info = { .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	struct piv_key *key;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_key_find_only(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if ((key->unread || key->object.len > 0) && (r = freshen(p, index, key)) != SCARD_S_SUCCESS)
		return r;
	if (key->used != PIV_YES)
		return SCARD_E_NO_KEY_CONTAINER;
	if (key->exchange)
		info.KeyExPublicKey = key->public;
	else
		info.SigPublicKey = key->public;
	*ret_info = info;
	return SCARD_S_SUCCESS;
}

DWORD
piv_get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo)
{
	struct piv *p = piv_context(card);

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return container_info(p, bContainerIndex, pContainerInfo);
}

/* The rule of a key that its maker may have chosen is asked for when it turned out to be another one. */
static DWORD
role_of(struct piv *p, BYTE index, PIN_ID *ret_role)
{
	struct piv_metadata m;
	struct piv_key *key;
	DWORD r;

	if ((r = piv_key_find_only(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if (key->doubted) {
		r = piv_metadata_read(p, piv_slot_reference(index), &m);
		if (r == SCARD_S_SUCCESS)
			take_policy(key, m.pin_policy);
		else if (!is_answer(r))
			return r;
		key->doubted = false;
	}
	*ret_role = key->role;
	return SCARD_S_SUCCESS;
}

/*
 * The key that agrees on the certificate's behalf: key management if it is on the same curve, then the retired ones.
 */
static DWORD
associated_key(struct piv *p, BYTE index, BYTE *ret_index)
{
	struct piv_key *key, *other;
	DWORD r;

	if ((r = piv_key_find(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if (piv_algorithm_is_rsa(key->algorithm))
		return SCARD_E_UNSUPPORTED_FEATURE;
	for (BYTE i = PIV_SLOT_MANAGEMENT; i < PIV_SLOTS; i++) {
		r = piv_key_find(p, i, &other);
		if (r == SCARD_S_SUCCESS && other->exchange && other->algorithm == key->algorithm) {
			*ret_index = i;
			return r;
		}
		if (r != SCARD_S_SUCCESS && r != SCARD_E_NO_KEY_CONTAINER)
			return r;
	}
	return SCARD_E_UNSUPPORTED_FEATURE;
}

/* Also of a place that has no key yet: it is chosen by them. */
static DWORD
usual_names(BYTE index, CARD_KEY_NAMES *ret_names)
{
	CARD_KEY_NAMES names = { .bNumber = (BYTE)(index + 1) };

	if (index >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	piv_slot_name(index, names.szName);
	*ret_names = names;
	return SCARD_S_SUCCESS;
}

union container_property {
	CONTAINER_INFO info;
	PIN_ID role;
	BYTE associated;
	CARD_KEY_NAMES names;
};

static DWORD
read_property(struct piv *p, BYTE index, const char *name, union container_property *ret_value)
{
	if (strcmp(name, CCP_CONTAINER_INFO) == 0)
		return container_info(p, index, &ret_value->info);
	if (strcmp(name, CCP_PIN_IDENTIFIER) == 0)
		return role_of(p, index, &ret_value->role);
	if (strcmp(name, CCP_KEY_NAMES) == 0)
		return usual_names(index, &ret_value->names);
	return associated_key(p, index, &ret_value->associated);
}

static size_t
property_size(const char *name)
{
	if (strcmp(name, CCP_CONTAINER_INFO) == 0)
		return sizeof(CONTAINER_INFO);
	if (strcmp(name, CCP_PIN_IDENTIFIER) == 0)
		return sizeof(PIN_ID);
	if (strcmp(name, CCP_KEY_NAMES) == 0)
		return sizeof(CARD_KEY_NAMES);
	return strcmp(name, CCP_ASSOCIATED_ECDH_KEY) == 0 ? sizeof(BYTE) : 0;
}

DWORD
piv_get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData, DWORD cbData,
			   DWORD *pdwDataLen, DWORD dwFlags)
{
	struct piv *p = piv_context(card);
	union container_property value = { .associated = 0 };
	size_t size;
	DWORD r;

	(void)dwFlags;
	if (p == NULL || (size = property_size(pszProperty)) == 0)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_property_room(pbData, cbData, pdwDataLen, size)) != SCARD_S_SUCCESS)
		return r;
	if ((r = read_property(p, bContainerIndex, pszProperty, &value)) == SCARD_S_SUCCESS)
		memcpy(pbData, &value, size);
	return r;
}
