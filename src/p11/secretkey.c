/* SPDX-License-Identifier: BSD-2-Clause */
/* Secret keys in memory: their templates and their attributes. */
#include "p11/secretkey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p11/attr.h"

#define NO_TYPE CK_UNAVAILABLE_INFORMATION
#define TEXT_MAX 255u

/* Booleans that a template may give, and what they are without it. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	bool initial;
} booleans[] = {
	{ CKA_PRIVATE, true },	  { CKA_MODIFIABLE, false },
	{ CKA_COPYABLE, false },  { CKA_DESTROYABLE, true },
	{ CKA_SENSITIVE, false }, { CKA_EXTRACTABLE, true },
	{ CKA_ENCRYPT, false },	  { CKA_DECRYPT, false },
	{ CKA_SIGN, false },	  { CKA_VERIFY, false },
	{ CKA_WRAP, false },	  { CKA_UNWRAP, false },
	{ CKA_DERIVE, false },	  { CKA_WRAP_WITH_TRUSTED, false },
};

/* The bit of a boolean; 0 when it is none of them. */
static uint32_t
bit_of(CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		if (booleans[i].type == type)
			return UINT32_C(1) << i;
	return 0;
}

bool
p11_secret_key_is(const struct p11_secret_key *key, CK_ATTRIBUTE_TYPE boolean)
{
	return (key->booleans & bit_of(boolean)) != 0;
}

bool
p11_secret_key_fits(CK_KEY_TYPE type, size_t len)
{
	return type == CKK_AES ? len == 16 || len == 24 || len == 32 : len > 0 && len <= LIMIT_SECRET_KEY;
}

/* Templates ----------------------------------------------------------------------------------------------------------- */

/* What a template has said besides what is in the key. */
struct given {
	bool class, type, token;
};

static CK_RV
get_ulong(const CK_ATTRIBUTE *item, CK_ULONG *ret_number)
{
	if (item->ulValueLen != sizeof(*ret_number) || item->pValue == NULL)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(ret_number, item->pValue, sizeof(*ret_number));
	return CKR_OK;
}

static CK_RV
get_bool(const CK_ATTRIBUTE *item, bool *ret_yes)
{
	CK_BBOOL value;

	if (item->ulValueLen != sizeof(value) || item->pValue == NULL)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(&value, item->pValue, sizeof(value));
	*ret_yes = value == CK_TRUE;
	return value == CK_TRUE || value == CK_FALSE ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
get_bytes(const CK_ATTRIBUTE *item, bool date, struct buf *ret_bytes)
{
	if (item->ulValueLen > TEXT_MAX || (date && item->ulValueLen != 0 && item->ulValueLen != sizeof(CK_DATE)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	buf_reset(ret_bytes);
	if (item->ulValueLen > 0)
		buf_put(ret_bytes, item->pValue, item->ulValueLen);
	return buf_failed(ret_bytes) ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV
take_type(const CK_ATTRIBUTE *item, struct p11_secret_key *key)
{
	CK_ULONG type;
	CK_RV rv = get_ulong(item, &type);

	if (rv != CKR_OK)
		return rv;
	if (type != CKK_GENERIC_SECRET && type != CKK_AES)
		return CKR_TEMPLATE_INCONSISTENT;
	if (key->type != NO_TYPE && key->type != type)
		return CKR_TEMPLATE_INCONSISTENT;
	key->type = type;
	return CKR_OK;
}

static CK_RV
take_len(const CK_ATTRIBUTE *item, struct p11_secret_key *key)
{
	CK_ULONG len;
	CK_RV rv = get_ulong(item, &len);

	if (rv != CKR_OK)
		return rv;
	key->len = len;
	return len == 0 ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
}

static CK_RV
take_class(const CK_ATTRIBUTE *item)
{
	CK_ULONG class;
	CK_RV rv = get_ulong(item, &class);

	return rv == CKR_OK && class != CKO_SECRET_KEY ? CKR_TEMPLATE_INCONSISTENT : rv;
}

static CK_RV
take_boolean(const CK_ATTRIBUTE *item, struct p11_secret_key *key)
{
	uint32_t bit = bit_of(item->type);
	bool yes;
	CK_RV rv;

	if (bit == 0)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if ((rv = get_bool(item, &yes)) == CKR_OK)
		key->booleans = yes ? key->booleans | bit : key->booleans & ~bit;
	return rv;
}

static CK_RV
take(const CK_ATTRIBUTE *item, struct p11_secret_key *key, struct given *given)
{
	switch (item->type) {
	case CKA_CLASS: given->class = true; return take_class(item);
	case CKA_KEY_TYPE: given->type = true; return take_type(item, key);
	case CKA_VALUE_LEN: return take_len(item, key);
	case CKA_TOKEN: return get_bool(item, &given->token);
	case CKA_LABEL: return get_bytes(item, false, &key->label);
	case CKA_ID: return get_bytes(item, false, &key->id);
	case CKA_START_DATE: return get_bytes(item, true, &key->start);
	case CKA_END_DATE: return get_bytes(item, true, &key->end);
	case CKA_VALUE: return CKR_TEMPLATE_INCONSISTENT; /* it is what is to be found out */
	case CKA_UNIQUE_ID:
	case CKA_LOCAL:
	case CKA_ALWAYS_SENSITIVE:
	case CKA_NEVER_EXTRACTABLE:
	case CKA_KEY_GEN_MECHANISM:
	case CKA_CHECK_VALUE:
	case CKA_TRUSTED: return CKR_ATTRIBUTE_READ_ONLY;
	default: return take_boolean(item, key);
	}
}

/* The same attribute twice is a contradiction unless it says the same. */
static bool contradicts(struct p11_template template)
{
	for (CK_ULONG i = 0; i < template.count; i++)
		for (CK_ULONG j = 0; j < i; j++) {
			const CK_ATTRIBUTE *a = &template.items[i], *b = &template.items[j];
			struct cursor value = cur_of(a->pValue, a->ulValueLen);

			if (a->type == b->type && !cur_equals(&value, b->pValue, b->ulValueLen))
				return true;
		}
	return false;
}

static CK_RV
check_whole(const struct p11_session *s, const struct given *given, struct p11_secret_key *key)
{
	if (key->origin == P11_UNWRAPPED && (!given->class || !given->type))
		return CKR_TEMPLATE_INCOMPLETE;
	if (key->type == NO_TYPE)
		key->type = CKK_GENERIC_SECRET;
	if (key->origin == P11_GENERATED && key->len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (key->len != 0 && !p11_secret_key_fits(key->type, key->len))
		return CKR_KEY_SIZE_RANGE;
	if (given->token)
		return (s->flags & CKF_RW_SESSION) == 0 ? CKR_SESSION_READ_ONLY : CKR_TEMPLATE_INCONSISTENT;
	key->booleans &= ~(bit_of(CKA_MODIFIABLE) | bit_of(CKA_COPYABLE)); /* whatever was wished */
	return p11_secret_key_is(key, CKA_PRIVATE) && s->slot->login != P11_USER ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}

static CK_RV
fill(const struct p11_session *s, struct p11_template template, struct p11_secret_key *key)
{
	struct given given = { false, false, false };
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		key->booleans |= booleans[i].initial ? bit_of(booleans[i].type) : 0;
	for (CK_ULONG i = 0; i < template.count && rv == CKR_OK; i++)
		rv = take(&template.items[i], key, &given);
	if (rv == CKR_OK && contradicts(template))
		rv = CKR_TEMPLATE_INCONSISTENT;
	return rv != CKR_OK ? rv : check_whole(s, &given, key);
}

CK_RV
p11_secret_key_new(const struct p11_session *s, struct p11_template template, enum p11_origin origin, CK_KEY_TYPE type,
		   struct p11_secret_key **ret_key)
{
	struct p11_secret_key *key;
	CK_RV rv = p11_template_check(template.items, template.count);

	if (rv != CKR_OK)
		return rv;
	if ((key = calloc(1, sizeof(*key))) == NULL)
		return CKR_HOST_MEMORY;
	key->origin = origin;
	key->type = type;
	key->owner = s->handle;
	if ((rv = fill(s, template, key)) != CKR_OK) {
		p11_secret_key_free(&key);
		return rv;
	}
	*ret_key = key;
	return CKR_OK;
}

void
p11_secret_key_free(struct p11_secret_key **key)
{
	struct p11_secret_key *k = *key;

	if (k == NULL)
		return;
	buf_free(&k->label);
	buf_free(&k->id);
	buf_free(&k->start);
	buf_free(&k->end);
	secret_free(&k->value);
	free(k);
	*key = NULL;
}

/* Attributes ---------------------------------------------------------------------------------------------------------- */

static CK_RV
unique_id(const struct p11_object *object, struct buf *value)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "secret-%lu", object->handle);
	return p11_attr_text(value, text);
}

static CK_RV
value_of(const struct p11_secret_key *key, struct buf *value)
{
	if (p11_secret_key_is(key, CKA_SENSITIVE) || !p11_secret_key_is(key, CKA_EXTRACTABLE))
		return CKR_ATTRIBUTE_SENSITIVE;
	return p11_attr_bytes(value, cur_of(key->value.p, key->value.len));
}

CK_RV
p11_secret_key_attribute(const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct p11_secret_key *key = object->secret;
	bool made = key->origin == P11_GENERATED;

	switch (type) {
	case CKA_CLASS: return p11_attr_ulong(value, CKO_SECRET_KEY);
	case CKA_KEY_TYPE: return p11_attr_ulong(value, key->type);
	case CKA_VALUE_LEN: return p11_attr_ulong(value, key->value.len);
	case CKA_VALUE: return value_of(key, value);
	case CKA_LABEL: return p11_attr_bytes(value, buf_cur(&key->label));
	case CKA_ID: return p11_attr_bytes(value, buf_cur(&key->id));
	case CKA_START_DATE: return p11_attr_bytes(value, buf_cur(&key->start));
	case CKA_END_DATE: return p11_attr_bytes(value, buf_cur(&key->end));
	case CKA_UNIQUE_ID: return unique_id(object, value);
	case CKA_TOKEN:
	case CKA_TRUSTED: return p11_attr_bool(value, false);
	case CKA_LOCAL: return p11_attr_bool(value, made);
	case CKA_KEY_GEN_MECHANISM: return p11_attr_ulong(value, made ? key->mechanism : CK_UNAVAILABLE_INFORMATION);
	case CKA_ALWAYS_SENSITIVE: return p11_attr_bool(value, made && p11_secret_key_is(key, CKA_SENSITIVE));
	case CKA_NEVER_EXTRACTABLE: return p11_attr_bool(value, made && !p11_secret_key_is(key, CKA_EXTRACTABLE));
	default:
		return bit_of(type) == 0 ? CKR_ATTRIBUTE_TYPE_INVALID
					 : p11_attr_bool(value, p11_secret_key_is(key, type));
	}
}
