/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers: which there are by the key map, and their public keys. A card edge container has one key. The container
 * map (mscp\cmapfile) is the caller's; nothing here looks into it.
 */
#include "gids/gids.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define DO_PUBLIC_KEY 0x7F49u
#define TAG_KEY_REQUEST 0x70u
#define TAG_KEY_REFERENCE 0x84u
#define TAG_KEY_PARTS 0xA5u
#define TAG_MODULUS 0x81u
#define TAG_EXPONENT 0x82u
#define TAG_POINT 0x86u

#define TAG_FCP 0x62u
#define TAG_GUARD 0xC6u
#define TAG_GUARD_REFERENCE 0x83u
#define SELECT_FCP 0x04u

#define SW_SECURITY 0x6982u

static const struct gids_place keymap_place = { GIDS_EF_TABLE, GIDS_DO_KEYMAP };

/* cardcf as read in this transaction. False when it was not, or is empty: then it cannot tell old from new. */
static bool
current_cardcf(const struct gids *g, struct cursor *ret_content)
{
	return g->cardcf_place.ef == GIDS_EF_PUBLIC &&
	       tlv_find(buf_cur(&g->public.objects), g->cardcf_place.tag, ret_content) && ret_content->left > 0;
}

static bool
cardcf_is_kept_one(const struct gids *g)
{
	struct cursor now;

	return current_cardcf(g, &now) && cur_equals(&now, g->kept_cardcf.p, g->kept_cardcf.len);
}

void
gids_keys_keep(struct gids *g)
{
	struct cursor now;

	/* what the cache says is asked of the cache again, which may know better by then */
	if (g->table.cached)
		g->keys_state = GIDS_KEYS_NONE;
	if (g->keys_state == GIDS_KEYS_NONE || !current_cardcf(g, &now)) {
		if (g->keys_state == GIDS_KEYS_LOADED)
			g->keys_state = GIDS_KEYS_NONE;
		return;
	}
	if (g->keys_state == GIDS_KEYS_KEPT) {
		if (!cardcf_is_kept_one(g))
			g->keys_state = GIDS_KEYS_NONE;
		return;
	}
	buf_reset(&g->kept_cardcf);
	buf_put_cur(&g->kept_cardcf, now);
	g->keys_state = buf_failed(&g->kept_cardcf) ? GIDS_KEYS_NONE : GIDS_KEYS_KEPT;
}

DWORD
gids_keymap_read(struct gids *g, struct buf *scratch, struct cursor *ret_content)
{
	DWORD r;

	*ret_content = cur_of(NULL, 0);
	if (g->table.whole && !tlv_find(buf_cur(&g->table.objects), GIDS_DO_KEYMAP, ret_content))
		return SCARD_S_SUCCESS;
	r = gids_object(g, keymap_place, true, scratch, ret_content);
	return r == SCARD_E_FILE_NOT_FOUND || r == SCARD_E_DIR_NOT_FOUND ? SCARD_S_SUCCESS : r;
}

DWORD
gids_keys_load(struct gids *g)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor content;
	DWORD r;

	if (g->keys_state == GIDS_KEYS_KEPT && cardcf_is_kept_one(g))
		g->keys_state = GIDS_KEYS_LOADED;
	if (g->keys_state == GIDS_KEYS_LOADED)
		return SCARD_S_SUCCESS;
	if ((r = gids_keymap_read(g, &scratch, &content)) != SCARD_S_SUCCESS)
		return r;
	if (!gids_keymap_decode(content, g->containers))
		log_warn(LOG_CARD, "key map of unknown form, %zu bytes: asking the card for each key", content.left);
	g->keys_state = GIDS_KEYS_LOADED;
	return SCARD_S_SUCCESS;
}

bool
gids_public_key_decode(struct cursor answer, struct public_key *ret_key)
{
	struct cursor parts, n, e, point;

	if (!tlv_get(&answer, DO_PUBLIC_KEY, &parts) || !cur_at_end(&answer))
		return false;
	if (tlv_find(parts, TAG_POINT, &point))
		return pubkey_set_ec(ret_key, point.p, point.left);
	return tlv_find(parts, TAG_MODULUS, &n) && tlv_find(parts, TAG_EXPONENT, &e) &&
	       pubkey_set_rsa(ret_key, n.p, n.left, e.p, e.left);
}

/* GET DATA on the whole application with 70 { 84 reference, A5 { 7F49 80 } }, as Windows sends it. */
DWORD
gids_public_key(struct gids *g, uint8_t reference, struct public_key *ret_key)
{
	static const uint8_t parts[] = { 0x7F, 0x49, 0x80 };
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_GET_DATA, GIDS_EF_WHOLE >> 8, GIDS_EF_WHOLE & 0xFF, APDU_LE_MAX);
	AUTO_BUF struct buf request = BUF_INIT, answer = BUF_INIT;
	uint16_t sw = 0;
	DWORD r;

	if (reference == g->made_reference) {
		*ret_key = g->made;
		return SCARD_S_SUCCESS;
	}
	if (gids_cache_key(g, reference, ret_key))
		return SCARD_S_SUCCESS;
	tlv_put_u8(&request, TAG_KEY_REFERENCE, reference);
	tlv_put(&request, TAG_KEY_PARTS, cur_of(parts, sizeof(parts)));
	tlv_put(&a.data, TAG_KEY_REQUEST, buf_cur(&request));
	if (buf_failed(&request))
		return SCARD_E_NO_MEMORY;
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	r = gids_exchange(g, &a, &answer, &sw);
	if (gids_refused(sw))
		return sw == SW_SECURITY ? SCARD_W_SECURITY_VIOLATION : SCARD_E_NO_KEY_CONTAINER;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!gids_public_key_decode(buf_cur(&answer), ret_key)) {
		log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "public key %02X", reference);
		return SCARD_E_COMM_DATA_LOST;
	}
	gids_cache_keep_key(g, reference, buf_cur(&answer));
	return SCARD_S_SUCCESS;
}

/* Reads the public key of a container that may have one, and completes or checks its record by it. */
static DWORD
learn_key(struct gids *g, struct gids_key *key, struct public_key *ret_public)
{
	uint8_t algorithm;
	DWORD r;

	if ((r = gids_public_key(g, key->reference, ret_public)) != SCARD_S_SUCCESS)
		return r;
	if ((algorithm = gids_algorithm_of(ret_public->type, ret_public->bits)) == 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (key->algorithm != 0 && key->algorithm != algorithm) {
		log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "key %02X has %u bits, the key map says otherwise",
			 key->reference, ret_public->bits);
		return SCARD_E_COMM_DATA_LOST;
	}
	key->algorithm = algorithm;
	key->state = GIDS_KEY_USED;
	return SCARD_S_SUCCESS;
}

/* The record of a key that is there or may be. */
static DWORD
candidate(struct gids *g, BYTE index, size_t slot, struct gids_key **ret_key)
{
	struct gids_key *key;
	DWORD r;

	if (index >= GIDS_KEYS)
		return SCARD_E_NO_KEY_CONTAINER;
	if ((r = gids_keys_load(g)) != SCARD_S_SUCCESS)
		return r;
	key = &g->containers[index].keys[slot];
	if (key->state == GIDS_KEY_EMPTY)
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_key = key;
	return SCARD_S_SUCCESS;
}

DWORD
gids_key_find(struct gids *g, BYTE index, size_t slot, struct gids_key **ret_key)
{
	struct public_key public;
	struct gids_key *key;
	DWORD r;

	if ((r = candidate(g, index, slot, &key)) != SCARD_S_SUCCESS)
		return r;
	if (key->state != GIDS_KEY_USED || key->algorithm == 0)
		if ((r = learn_key(g, key, &public)) != SCARD_S_SUCCESS)
			return r;
	*ret_key = key;
	return SCARD_S_SUCCESS;
}

/* The card edge cannot agree on keys, so an elliptic-curve key is a signature key whatever its kind byte says. */
static void
put_key(const struct gids_key *key, const struct public_key *public, CONTAINER_INFO *info)
{
	if (public->type == KEY_RSA && key->can_exchange)
		info->KeyExPublicKey = *public;
	else
		info->SigPublicKey = *public;
}

/* A second key that is not there any more leaves the first as it is. */
static DWORD
container_info(struct gids *g, BYTE index, CONTAINER_INFO *ret_info)
{
	CONTAINER_INFO info = { .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	struct public_key public;
	struct gids_key *key;
	bool any = false;
	DWORD r;

	for (size_t slot = 0; slot < GIDS_SLOTS; slot++) {
		if ((r = candidate(g, index, slot, &key)) == SCARD_S_SUCCESS)
			r = learn_key(g, key, &public);
		if (r == SCARD_S_SUCCESS)
			put_key(key, &public, &info);
		else if (r != SCARD_E_NO_KEY_CONTAINER)
			return r;
		any = any || r == SCARD_S_SUCCESS;
	}
	if (!any)
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_info = info;
	return SCARD_S_SUCCESS;
}

DWORD
gids_get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo)
{
	struct gids *g = gids_of(card);

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return container_info(g, bContainerIndex, pContainerInfo);
}

static DWORD
get_info_property(struct gids *g, BYTE index, BYTE *data)
{
	CONTAINER_INFO info;
	DWORD r = container_info(g, index, &info);

	if (r == SCARD_S_SUCCESS)
		memcpy(data, &info, sizeof(info));
	return r;
}

/* Whether the container has a key at all. */
static DWORD
find_any(struct gids *g, BYTE index, struct gids_key **ret_key)
{
	DWORD r = gids_key_find(g, index, 0, ret_key);

	return r == SCARD_E_NO_KEY_CONTAINER ? gids_key_find(g, index, 1, ret_key) : r;
}

/* The PIN that a key file's control parameters name: the user's unless they name another. */
static PIN_ID
guard_in(const struct gids *g, struct cursor fcp)
{
	struct cursor content, template, value;
	uint8_t reference;
	PIN_ID role;

	if (!tlv_get(&fcp, TAG_FCP, &content) || !tlv_find(content, TAG_GUARD, &template) ||
	    !tlv_find(template, TAG_GUARD_REFERENCE, &value) || !cur_u8(&value, &reference))
		return ROLE_USER;
	role = reference ^ GIDS_REFERENCE_PIN;
	return gids_guards_keys(g, role) ? role : ROLE_USER;
}

/* Keys of this card edge are used with the user PIN, but on cards that have more PINs; these are asked. */
static DWORD
guard_of(struct gids *g, const struct gids_key *key, PIN_ID *ret_role)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_SELECT, 0x00, SELECT_FCP, APDU_LE_MAX);
	AUTO_BUF struct buf fcp = BUF_INIT;
	uint16_t sw = 0;
	DWORD r;

	*ret_role = ROLE_USER;
	if (g->roles == 0)
		return SCARD_S_SUCCESS;
	buf_be16(&a.data, (uint16_t)(GIDS_EF_KEY_BASE | key->reference));
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	r = gids_exchange(g, &a, &fcp, &sw);
	if (r != SCARD_S_SUCCESS)
		return gids_refused(sw) ? SCARD_E_NO_KEY_CONTAINER : r;
	*ret_role = guard_in(g, buf_cur(&fcp));
	return SCARD_S_SUCCESS;
}

static DWORD
get_pin_property(struct gids *g, BYTE index, BYTE *data)
{
	struct gids_key *key;
	PIN_ID role;
	DWORD r = find_any(g, index, &key);

	if (r == SCARD_S_SUCCESS && (r = guard_of(g, key, &role)) == SCARD_S_SUCCESS)
		memcpy(data, &role, sizeof(role));
	return r;
}

DWORD
gids_get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData, DWORD cbData,
			    DWORD *pdwDataLen, DWORD dwFlags)
{
	struct gids *g = gids_of(card);
	bool info;
	DWORD r;

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CCP_ASSOCIATED_ECDH_KEY) == 0 || strcmp(pszProperty, CCP_KEY_NAMES) == 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	info = strcmp(pszProperty, CCP_CONTAINER_INFO) == 0;
	r = check_property_room(pbData, cbData, pdwDataLen, info ? sizeof(CONTAINER_INFO) : sizeof(PIN_ID));
	if (r != SCARD_S_SUCCESS)
		return r;
	return info ? get_info_property(g, bContainerIndex, pbData) : get_pin_property(g, bContainerIndex, pbData);
}

/* A key file names its PIN for its life: setting what is so changes nothing, and nothing else can be. */
DWORD
gids_set_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, const BYTE *pbData,
			    DWORD cbData, DWORD dwFlags)
{
	struct gids *g = gids_of(card);
	PIN_ID role = ROLE_EVERYONE, now;
	struct gids_key *key;
	DWORD r;

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CCP_PIN_IDENTIFIER) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = find_any(g, bContainerIndex, &key)) != SCARD_S_SUCCESS ||
	    (r = guard_of(g, key, &now)) != SCARD_S_SUCCESS)
		return r;
	if (cbData == sizeof(role))
		memcpy(&role, pbData, sizeof(role));
	return role == now ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}
