/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_GenerateKeyPair (PKCS#11 3.1, 5.18.2): the two templates together say what container the card is to make. What they
 * cannot have on a card is refused; what they leave open is the card's choice.
 */
#include <string.h>

#include "base/auto.h"
#include "p11/ontoken.h"

/* What the templates say; a member that none has is zero. */
struct wish {
	enum key_type type;
	unsigned bits;
	bool token;
	bool decrypts, signs, agrees; /* asked for */
	char label[CSP_NAME_MAX];
	bool labelled;
	uint8_t id[CSP_CKAID_MAX];
	size_t id_len;
};

/* The side of the pair that a template is for. */
enum side { PUBLIC, PRIVATE };

/* A truth value that can only be this one. */
static CK_RV
want_bool(const CK_ATTRIBUTE *item, bool wanted)
{
	bool yes = wanted;
	CK_RV rv = p11_take_bool(item, &yes);

	return rv == CKR_OK && yes != wanted ? CKR_TEMPLATE_INCONSISTENT : rv;
}

static CK_RV
want_ulong(const CK_ATTRIBUTE *item, CK_ULONG wanted)
{
	CK_ULONG number = wanted;
	CK_RV rv = p11_take_ulong(item, &number);

	return rv == CKR_OK && number != wanted ? CKR_TEMPLATE_INCONSISTENT : rv;
}

/* A truth value that is taken as a wish; false takes nothing back. */
static CK_RV
note_bool(const CK_ATTRIBUTE *item, bool *wish)
{
	bool yes = false;
	CK_RV rv = p11_take_bool(item, &yes);

	*wish = *wish || yes;
	return rv;
}

static CK_RV
take_modulus_bits(struct wish *w, const CK_ATTRIBUTE *item)
{
	CK_ULONG bits = 0;
	CK_RV rv = p11_take_ulong(item, &bits);

	if (rv != CKR_OK)
		return rv;
	if (bits < LIMIT_RSA_MIN_BITS || bits > LIMIT_RSA_MAX_BITS)
		return CKR_KEY_SIZE_RANGE;
	w->bits = (unsigned)bits;
	return CKR_OK;
}

/* Cards have one public exponent. */
static CK_RV
check_exponent(const CK_ATTRIBUTE *item)
{
	static const uint8_t f4[] = { 0x01, 0x00, 0x01 };
	struct cursor exponent = cur_of(item->pValue, item->ulValueLen);

	cur_strip_zeros(&exponent);
	return cur_equals(&exponent, f4, sizeof(f4)) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
take_curve(struct wish *w, const CK_ATTRIBUTE *item)
{
	const struct cursor params = cur_of(item->pValue, item->ulValueLen);
	struct cursor der = params;
	uint8_t tag, len;

	if ((w->bits = p11_attr_curve_bits(w->type, params)) != 0)
		return CKR_OK;
	/* a name, an object identifier or a description of some other curve; or no DER at all */
	if (!cur_u8(&der, &tag) || !cur_u8(&der, &len) || (tag != 0x06 && tag != 0x13 && tag != 0x30) ||
	    (len < 0x80 && der.left != len))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return CKR_CURVE_NOT_SUPPORTED;
}

/* Both objects are one container with one name: the private key's counts. */
static CK_RV
take_label(struct wish *w, enum side side, const CK_ATTRIBUTE *item)
{
	if (item->ulValueLen >= sizeof(w->label) || memchr(item->pValue, '\0', item->ulValueLen) != NULL)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (side == PUBLIC && w->labelled)
		return CKR_OK;
	memset(w->label, 0, sizeof(w->label));
	memcpy(w->label, item->pValue, item->ulValueLen);
	w->labelled = true;
	return CKR_OK;
}

/* Both sides have one; two that differ cannot be. */
static CK_RV
take_id(struct wish *w, const CK_ATTRIBUTE *item)
{
	if (item->ulValueLen > sizeof(w->id))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (item->ulValueLen == 0)
		return CKR_OK;
	if (w->id_len > 0 && (w->id_len != item->ulValueLen || memcmp(w->id, item->pValue, w->id_len) != 0))
		return CKR_TEMPLATE_INCONSISTENT;
	memcpy(w->id, item->pValue, item->ulValueLen);
	w->id_len = item->ulValueLen;
	return CKR_OK;
}

/* What only one side has. CKR_ATTRIBUTE_TYPE_INVALID for what it has not. */
static CK_RV
take_public(struct wish *w, const CK_ATTRIBUTE *item)
{
	bool ignored = false;

	switch (item->type) {
	case CKA_CLASS: return want_ulong(item, CKO_PUBLIC_KEY);
	case CKA_PRIVATE:
	case CKA_TRUSTED: return want_bool(item, false);
	case CKA_MODULUS_BITS: return w->type == KEY_RSA ? take_modulus_bits(w, item) : CKR_TEMPLATE_INCONSISTENT;
	case CKA_PUBLIC_EXPONENT: return w->type == KEY_RSA ? check_exponent(item) : CKR_TEMPLATE_INCONSISTENT;
	case CKA_EC_PARAMS: return w->type != KEY_RSA ? take_curve(w, item) : CKR_TEMPLATE_INCONSISTENT;
	case CKA_ENCRYPT:
	case CKA_VERIFY:
	case CKA_VERIFY_RECOVER:
	case CKA_WRAP:
	case CKA_DERIVE: return note_bool(item, &ignored);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static CK_RV
take_private(struct wish *w, const CK_ATTRIBUTE *item)
{
	bool ignored = false;

	switch (item->type) {
	case CKA_CLASS: return want_ulong(item, CKO_PRIVATE_KEY);
	case CKA_PRIVATE:
	case CKA_SENSITIVE: return want_bool(item, true);
	case CKA_EXTRACTABLE:
	case CKA_ALWAYS_AUTHENTICATE: return want_bool(item, false);
	case CKA_SIGN:
	case CKA_SIGN_RECOVER: return note_bool(item, &w->signs);
	case CKA_DECRYPT:
	case CKA_UNWRAP: return note_bool(item, &w->decrypts);
	case CKA_DERIVE: return note_bool(item, &w->agrees);
	case CKA_WRAP_WITH_TRUSTED: return note_bool(item, &ignored);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static CK_RV
take_item(struct wish *w, enum side side, const CK_ATTRIBUTE *item)
{
	bool ignored = false;

	switch (item->type) {
	case CKA_TOKEN: w->token = true; return want_bool(item, true);
	case CKA_KEY_TYPE: return want_ulong(item, p11_attr_key_type(w->type));
	case CKA_LABEL: return take_label(w, side, item);
	case CKA_COPYABLE:
	case CKA_DESTROYABLE:
	case CKA_MODIFIABLE: return note_bool(item, &ignored);
	case CKA_ID: return take_id(w, item);
	/* cards have no place for these; what counts is said when they are read */
	case CKA_SUBJECT:
	case CKA_START_DATE:
	case CKA_END_DATE:
	case CKA_ALLOWED_MECHANISMS: return CKR_OK;
	case CKA_LOCAL:
	case CKA_KEY_GEN_MECHANISM:
	case CKA_UNIQUE_ID:
	case CKA_ALWAYS_SENSITIVE:
	case CKA_NEVER_EXTRACTABLE: return CKR_ATTRIBUTE_READ_ONLY;
	/* what comes out cannot go in */
	case CKA_MODULUS:
	case CKA_EC_POINT:
	case CKA_VALUE:
	case CKA_PRIVATE_EXPONENT:
	case CKA_PUBLIC_KEY_INFO: return CKR_TEMPLATE_INCONSISTENT;
	default: return side == PUBLIC ? take_public(w, item) : take_private(w, item);
	}
}

static CK_RV
take_template(struct wish *w, enum side side, const CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = p11_template_check(template, count);

	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++)
		rv = take_item(w, side, &template[i]);
	return rv;
}

/*
 * Which of the two slots: RSA keys that decrypt, or of which nothing is said, are exchange keys; for elliptic curves the
 * two exclude each other, and a signature key is what cards have.
 */
static bool
wants_exchange(const struct wish *w, const struct csp_card *card)
{
	if (w->type == KEY_RSA)
		return w->decrypts || !w->signs;
	if (pubkey_is_25519(w->type))
		return w->type == KEY_X25519;
	return w->agrees && !w->signs && csp_card_agrees(card);
}

static CK_RV
generate_rv(struct p11_slot *slot, enum key_type type, DWORD r)
{
	switch (r) {
	case SCARD_E_UNSUPPORTED_FEATURE: return type == KEY_RSA ? CKR_KEY_SIZE_RANGE : CKR_CURVE_NOT_SUPPORTED;
	case SCARD_E_INVALID_PARAMETER: return CKR_KEY_SIZE_RANGE;
	case SCARD_E_INVALID_VALUE: return CKR_ATTRIBUTE_VALUE_INVALID;
	default: return p11_change_rv(slot, r);
	}
}

/* Handles of the two objects of a key. */
static CK_RV
find_pair(const struct p11_slot *slot, uint32_t key_id, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_OBJECT_HANDLE of_public = CK_INVALID_HANDLE, of_private = CK_INVALID_HANDLE;

	for (size_t i = 0; i < slot->object_count; i++) {
		const struct p11_object *o = &slot->objects[i];

		if (o->key_id == key_id && o->class == CKO_PUBLIC_KEY)
			of_public = o->handle;
		if (o->key_id == key_id && o->class == CKO_PRIVATE_KEY)
			of_private = o->handle;
	}
	if (of_public == CK_INVALID_HANDLE || of_private == CK_INVALID_HANDLE)
		return CKR_DEVICE_ERROR;
	*ret_public = of_public;
	*ret_private = of_private;
	return CKR_OK;
}

static CK_RV
generate(struct p11_session *session, const struct wish *w, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	struct csp_generate what = {
		.type = w->type, .bits = w->bits, .name = w->label, .id = cur_of(w->id, w->id_len)
	};
	struct csp_card *card;
	uint32_t key_id = 0;
	CK_RV rv;
	DWORD r;

	if ((rv = p11_change_card(session, &card)) != CKR_OK)
		return rv;
	if (w->bits == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	what.exchange = wants_exchange(w, card);
	if ((r = csp_generate(card, &what, &key_id)) != SCARD_S_SUCCESS)
		return generate_rv(session->slot, w->type, r);
	/* the officer sees no private keys but those that he has just made */
	if ((rv = p11_objects_refresh(session->slot, card)) != CKR_OK ||
	    (rv = p11_object_add_private(session->slot, key_id)) != CKR_OK)
		return rv;
	return find_pair(session->slot, key_id, ret_public, ret_private);
}

/* The arguments of C_GenerateKeyPair. */
struct pair {
	const CK_MECHANISM *mechanism;
	const CK_ATTRIBUTE *public, *private;
	CK_ULONG public_count, private_count;
};

static CK_RV
generate_pair(struct p11_session *session, const struct pair *pair, CK_OBJECT_HANDLE *ret_public,
	      CK_OBJECT_HANDLE *ret_private)
{
	const struct p11_mech *mech;
	struct wish w = { 0 };
	CK_RV rv;

	if (pair->mechanism == NULL || ret_public == NULL || ret_private == NULL)
		return CKR_ARGUMENTS_BAD;
	mech = p11_mech_find(pair->mechanism->mechanism);
	if (mech == NULL || (mech->flags & CKF_GENERATE_KEY_PAIR) == 0)
		return CKR_MECHANISM_INVALID;
	if (pair->mechanism->ulParameterLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	w.type = mech->key;
	if ((rv = take_template(&w, PRIVATE, pair->private, pair->private_count)) != CKR_OK ||
	    (rv = take_template(&w, PUBLIC, pair->public, pair->public_count)) != CKR_OK)
		return rv;
	/* without a word they would be session objects, which no card has */
	return w.token ? generate(session, &w, ret_public, ret_private) : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV
C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
		  CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
		  CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	const struct pair pair = { mechanism, public_template, private_template, public_count, private_count };
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, generate_pair(session, &pair, ret_public, ret_private));
}
