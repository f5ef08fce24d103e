/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private keys brought to the card by C_CreateObject. What they cannot be on a card is refused; that they are sensitive and
 * not extractable there goes without saying, and asking for less is not an error, since programs do so by default.
 */
#include <string.h>

#include "base/privkey.h"
#include "p11/ontoken.h"

/* An attribute's value; empty when the template has none. */
static struct cursor
bytes_of(struct p11_template t, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *item = p11_template_find(t, type);

	return item != NULL ? cur_of(item->pValue, item->ulValueLen) : cur_of(NULL, 0);
}

static bool
says(struct p11_template t, CK_ATTRIBUTE_TYPE type, bool wanted)
{
	const CK_ATTRIBUTE *item = p11_template_find(t, type);
	bool yes;

	return item != NULL && p11_take_bool(item, &yes) == CKR_OK && yes == wanted;
}

/* A number in so many bytes, zeros in front. */
static CK_RV
take_number(struct p11_template t, CK_ATTRIBUTE_TYPE type, size_t len, struct secret *ret_number)
{
	struct cursor bytes = bytes_of(t, type);

	if (bytes.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	cur_strip_zeros(&bytes);
	if (bytes.left > len)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (!secret_alloc(ret_number, len))
		return CKR_HOST_MEMORY;
	(void)cur_copy(&bytes, ret_number->p + (len - bytes.left), bytes.left);
	return CKR_OK;
}

static CK_RV
take_rsa(struct p11_template t, struct private_key *key)
{
	const struct cursor n = bytes_of(t, CKA_MODULUS), e = bytes_of(t, CKA_PUBLIC_EXPONENT);
	size_t half;
	CK_RV rv;

	if (n.left == 0 || e.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!pubkey_set_rsa(&key->public, n.p, n.left, e.p, e.left))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	half = (key->public.modulus_len + 1) / 2;
	if ((rv = take_number(t, CKA_PRIVATE_EXPONENT, key->public.modulus_len, &key->d)) != CKR_OK ||
	    (rv = take_number(t, CKA_PRIME_1, half, &key->p)) != CKR_OK ||
	    (rv = take_number(t, CKA_PRIME_2, half, &key->q)) != CKR_OK ||
	    (rv = take_number(t, CKA_EXPONENT_1, half, &key->dp)) != CKR_OK ||
	    (rv = take_number(t, CKA_EXPONENT_2, half, &key->dq)) != CKR_OK)
		return rv;
	return take_number(t, CKA_COEFFICIENT, half, &key->qinv);
}

/* The point is not part of the standard's private key; the common part finds it. */
static CK_RV
take_ec(struct p11_template t, struct private_key *key)
{
	const struct cursor params = bytes_of(t, CKA_EC_PARAMS), point = bytes_of(t, CKA_EC_POINT);
	unsigned bits;
	CK_RV rv;
	DWORD r;

	if (params.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if ((bits = p11_attr_curve_bits(KEY_EC, params)) == 0)
		return CKR_CURVE_NOT_SUPPORTED;
	key->public = (struct public_key){ .type = KEY_EC, .bits = bits };
	if ((rv = take_number(t, CKA_VALUE, pubkey_ec_bytes(bits), &key->d)) != CKR_OK)
		return rv;
	if (point.left > 0)
		return p11_attr_take_point(point, KEY_EC, bits, &key->public) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	r = csp_private_key_point(key);
	return r == SCARD_E_INVALID_PARAMETER ? CKR_ATTRIBUTE_VALUE_INVALID : p11_rv(r, P11_CTX_TOKEN);
}

static CK_RV
take_key(struct p11_template t, struct private_key *key)
{
	const CK_ATTRIBUTE *item = p11_template_find(t, CKA_KEY_TYPE);
	CK_ULONG type;
	CK_RV rv;

	if (item == NULL)
		return CKR_TEMPLATE_INCOMPLETE;
	if ((rv = p11_take_ulong(item, &type)) != CKR_OK)
		return rv;
	/* every private key of a card wants the PIN, but none for each use */
	if (says(t, CKA_PRIVATE, false) || says(t, CKA_ALWAYS_AUTHENTICATE, true))
		return CKR_TEMPLATE_INCONSISTENT;
	switch (type) {
	case CKK_RSA: return take_rsa(t, key);
	case CKK_EC: return take_ec(t, key);
	default: return CKR_TEMPLATE_INCONSISTENT;
	}
}

/* As for keys that the card makes: C_GenerateKeyPair. */
static bool
wants_exchange(struct p11_template t, const struct private_key *key, const struct csp_card *card)
{
	const bool signs = says(t, CKA_SIGN, true) || says(t, CKA_SIGN_RECOVER, true);

	if (key->public.type == KEY_RSA)
		return says(t, CKA_DECRYPT, true) || says(t, CKA_UNWRAP, true) || !signs;
	return says(t, CKA_DERIVE, true) && !signs && csp_card_agrees(card);
}

static CK_RV
import_rv(struct p11_slot *slot, enum key_type type, DWORD r)
{
	switch (r) {
	case SCARD_E_NO_ACCESS: return CKR_ACTION_PROHIBITED;
	case SCARD_E_UNSUPPORTED_FEATURE: return type == KEY_EC ? CKR_CURVE_NOT_SUPPORTED : CKR_TEMPLATE_INCONSISTENT;
	case SCARD_E_INVALID_PARAMETER:
	case SCARD_E_INVALID_VALUE: return CKR_ATTRIBUTE_VALUE_INVALID;
	default: return p11_change_rv(slot, r);
	}
}

/* The name of the container. */
static CK_RV
take_label(struct p11_template t, char ret_label[CSP_NAME_MAX])
{
	struct cursor label = bytes_of(t, CKA_LABEL);

	memset(ret_label, 0, CSP_NAME_MAX);
	if (label.left >= CSP_NAME_MAX || (label.left > 0 && memchr(label.p, '\0', label.left) != NULL))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	(void)cur_copy(&label, ret_label, label.left);
	return CKR_OK;
}

static CK_RV
import(struct p11_session *s, struct p11_template t, struct private_key *key, CK_OBJECT_HANDLE *ret_object)
{
	struct csp_import what = { .key = key, .id = bytes_of(t, CKA_ID) };
	char label[CSP_NAME_MAX];
	struct csp_card *card;
	uint32_t key_id = 0;
	CK_RV rv;
	DWORD r;

	if ((rv = take_key(t, key)) != CKR_OK || (rv = take_label(t, label)) != CKR_OK)
		return rv;
	if (what.id.left > CSP_CKAID_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if ((rv = p11_change_card(s, &card)) != CKR_OK)
		return rv;
	what.name = label;
	what.exchange = wants_exchange(t, key, card);
	if ((r = csp_import(card, &what, &key_id)) != SCARD_S_SUCCESS)
		return import_rv(s->slot, key->public.type, r);
	return p11_token_handle(s, card, CKO_PRIVATE_KEY, key_id, ret_object);
}

CK_RV
p11_token_import(struct p11_session *s, struct p11_template template, CK_OBJECT_HANDLE *ret_object)
{
	struct private_key key = PRIVKEY_INIT;
	CK_RV rv = p11_template_allowed(template, CKO_PRIVATE_KEY, P11_FOR_CREATE);

	if (rv == CKR_OK)
		rv = import(s, template, &key, ret_object);
	privkey_free(&key);
	return rv;
}
