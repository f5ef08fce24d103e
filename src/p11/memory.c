/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects in memory: made, copied, changed, and read. */
#include "p11/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "p11/attr.h"
#include "p11/create.h"

#define NO_TYPE CK_UNAVAILABLE_INFORMATION

/* Values -------------------------------------------------------------------------------------------------------------- */

static struct p11_value *
find_value(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < memory->count; i++)
		if (memory->values[i].rule->type == type)
			return &memory->values[i];
	return NULL;
}

static struct cursor
bytes_of(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	const struct p11_value *value = find_value(memory, type);

	return value != NULL ? buf_cur(&value->bytes) : cur_of(NULL, 0);
}

bool
p11_memory_is(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE boolean)
{
	struct cursor bytes = bytes_of(memory, boolean);
	uint8_t yes;

	return cur_u8(&bytes, &yes) && yes == CK_TRUE;
}

static CK_RV
put_value(struct p11_memory *memory, const struct p11_rule *rule, struct cursor bytes)
{
	struct p11_value *value = find_value(memory, rule->type), *values;

	if (value == NULL) {
		values = realloc(memory->values, (memory->count + 1) * sizeof(*values));
		if (values == NULL)
			return CKR_HOST_MEMORY;
		memory->values = values;
		value = &values[memory->count++];
		*value = (struct p11_value){ .rule = rule, .bytes = BUF_INIT_MAX(LIMIT_OBJECT_VALUE) };
	}
	buf_reset(&value->bytes);
	buf_put_cur(&value->bytes, bytes);
	return buf_failed(&value->bytes) ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV
put_bool(struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, bool yes)
{
	const CK_BBOOL byte = yes ? CK_TRUE : CK_FALSE;

	return put_value(memory, p11_rule_find(type, memory->class), cur_of(&byte, 1));
}

static CK_RV
put_defaults(struct p11_memory *memory)
{
	const unsigned class = p11_of_class(memory->class);
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < p11_rule_count() && rv == CKR_OK; i++)
		if ((p11_rule_at(i)->initially & class) != 0)
			rv = put_bool(memory, p11_rule_at(i)->type, true);
	return rv;
}

/* What can only be switched one way. */
static bool
takes_back(const struct p11_memory *memory, const CK_ATTRIBUTE *item)
{
	bool yes = false;

	switch (item->type) {
	case CKA_SENSITIVE: return p11_take_bool(item, &yes) == CKR_OK && !yes && p11_memory_is(memory, CKA_SENSITIVE);
	case CKA_EXTRACTABLE:
	case CKA_COPYABLE: return p11_take_bool(item, &yes) == CKR_OK && yes && !p11_memory_is(memory, item->type);
	default: return false;
	}
}

/* The value of a secret key is the only one that is a secret. */
static CK_RV
put_item(struct p11_memory *memory, const CK_ATTRIBUTE *item)
{
	if (memory->class == CKO_SECRET_KEY && item->type == CKA_VALUE)
		return secret_set(&memory->secret, item->pValue, item->ulValueLen) ? CKR_OK : CKR_HOST_MEMORY;
	return put_value(memory, p11_rule_find(item->type, memory->class), cur_of(item->pValue, item->ulValueLen));
}

static CK_RV
put_template(struct p11_memory *memory, struct p11_template template)
{
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < template.count && rv == CKR_OK; i++)
		rv = put_item(memory, &template.items[i]);
	return rv;
}

/* As put_template(), for an object that is there. */
static CK_RV
change(struct p11_memory *memory, struct p11_template template)
{
	for (CK_ULONG i = 0; i < template.count; i++)
		if (takes_back(memory, &template.items[i]))
			return CKR_ATTRIBUTE_READ_ONLY;
	return put_template(memory, template);
}

/* Completion by class --------------------------------------------------------------------------------------------------- */

static bool
given(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	return bytes_of(memory, type).left > 0;
}

static CK_ULONG
number_of(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	struct cursor bytes = bytes_of(memory, type);
	CK_ULONG number = NO_TYPE;

	(void)cur_copy(&bytes, &number, sizeof(number));
	return number;
}

static CK_RV
complete_certificate(const struct p11_memory *memory)
{
	if (!given(memory, CKA_CERTIFICATE_TYPE) || !given(memory, CKA_SUBJECT) || !given(memory, CKA_VALUE))
		return CKR_TEMPLATE_INCOMPLETE;
	return number_of(memory, CKA_CERTIFICATE_TYPE) == CKC_X_509 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
complete_rsa(struct p11_memory *memory)
{
	struct cursor modulus = bytes_of(memory, CKA_MODULUS), exponent = bytes_of(memory, CKA_PUBLIC_EXPONENT);

	if (modulus.left == 0 || exponent.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (given(memory, CKA_EC_PARAMS) || given(memory, CKA_EC_POINT))
		return CKR_TEMPLATE_INCONSISTENT;
	return pubkey_set_rsa(&memory->public, modulus.p, modulus.left, exponent.p, exponent.left)
		       ? CKR_OK
		       : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
complete_ec(struct p11_memory *memory)
{
	struct cursor params = bytes_of(memory, CKA_EC_PARAMS), point = bytes_of(memory, CKA_EC_POINT);
	unsigned bits;

	if (params.left == 0 || point.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (given(memory, CKA_MODULUS) || given(memory, CKA_PUBLIC_EXPONENT))
		return CKR_TEMPLATE_INCONSISTENT;
	if ((bits = p11_attr_curve_bits(params)) == 0)
		return CKR_CURVE_NOT_SUPPORTED;
	return p11_attr_take_point(point, bits, &memory->public) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
complete_public_key(struct p11_memory *memory)
{
	CK_RV rv;

	if (!given(memory, CKA_KEY_TYPE))
		return CKR_TEMPLATE_INCOMPLETE;
	switch (number_of(memory, CKA_KEY_TYPE)) {
	case CKK_RSA: rv = complete_rsa(memory); break;
	case CKK_EC: rv = complete_ec(memory); break;
	default: return CKR_TEMPLATE_INCONSISTENT;
	}
	if (rv == CKR_OK && !csp_public_key_valid(p11_csp(), &memory->public))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	return rv;
}

bool
p11_memory_fits(CK_KEY_TYPE type, size_t len)
{
	return type == CKK_AES ? len == 16 || len == 24 || len == 32 : len > 0 && len <= LIMIT_SECRET_KEY;
}

/* The type of a secret key: that of the mechanism, of the template, or generic where it may go without saying. */
static CK_RV
settle_type(struct p11_memory *memory)
{
	const CK_ULONG wanted = number_of(memory, CKA_KEY_TYPE);

	if (wanted == NO_TYPE && memory->origin != P11_DERIVED && memory->type == NO_TYPE)
		return CKR_TEMPLATE_INCOMPLETE;
	if (wanted != NO_TYPE && wanted != CKK_GENERIC_SECRET && wanted != CKK_AES)
		return CKR_TEMPLATE_INCONSISTENT;
	if (wanted != NO_TYPE && memory->type != NO_TYPE && memory->type != wanted)
		return CKR_TEMPLATE_INCONSISTENT;
	if (memory->type == NO_TYPE)
		memory->type = wanted != NO_TYPE ? wanted : CKK_GENERIC_SECRET;
	return put_value(memory, p11_rule_find(CKA_KEY_TYPE, CKO_SECRET_KEY),
			 cur_of(&memory->type, sizeof(memory->type)));
}

static CK_RV
complete_secret_key(struct p11_memory *memory)
{
	const struct p11_value *len = find_value(memory, CKA_VALUE_LEN);
	CK_RV rv = settle_type(memory);

	if (rv != CKR_OK)
		return rv;
	if (memory->origin == P11_CREATED) {
		if (memory->secret.len == 0)
			return CKR_TEMPLATE_INCOMPLETE;
		return p11_memory_fits(memory->type, memory->secret.len) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	}
	if (len == NULL)
		return memory->origin == P11_GENERATED ? CKR_TEMPLATE_INCOMPLETE : CKR_OK;
	memory->len = number_of(memory, CKA_VALUE_LEN);
	if (memory->len == 0)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return p11_memory_fits(memory->type, memory->len) ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

static CK_RV
complete(struct p11_memory *memory)
{
	switch (memory->class) {
	case CKO_CERTIFICATE: return complete_certificate(memory);
	case CKO_PUBLIC_KEY: return complete_public_key(memory);
	case CKO_SECRET_KEY: return complete_secret_key(memory);
	default: return CKR_OK;
	}
}

/* Making -------------------------------------------------------------------------------------------------------------- */

/* No object of the token is made from a template yet; what forbids it anyway is said first. */
static CK_RV
refuse_token(struct p11_session *s)
{
	struct csp_card *card;
	CK_RV rv = p11_card(s->slot, &card);

	if (rv != CKR_OK)
		return rv;
	if (csp_card_read_only(card))
		return CKR_TOKEN_WRITE_PROTECTED;
	return (s->flags & CKF_RW_SESSION) == 0 ? CKR_SESSION_READ_ONLY : CKR_TEMPLATE_INCONSISTENT;
}

/* Without a word a secret key is private as far as it can be. */
static CK_RV
check_place(struct p11_session *s, struct p11_memory *memory, bool says_private)
{
	if (p11_memory_is(memory, CKA_TOKEN))
		return refuse_token(s);
	if (s->slot->login == P11_USER || !p11_memory_is(memory, CKA_PRIVATE))
		return CKR_OK;
	return says_private ? CKR_USER_NOT_LOGGED_IN : put_bool(memory, CKA_PRIVATE, false);
}

static CK_RV
class_of(struct p11_template template, enum p11_origin origin, CK_OBJECT_CLASS *ret_class)
{
	const CK_ATTRIBUTE *item = p11_template_find(template, CKA_CLASS);
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_RV rv;

	if (item == NULL && (origin == P11_CREATED || origin == P11_UNWRAPPED))
		return CKR_TEMPLATE_INCOMPLETE;
	if (item != NULL && (rv = p11_take_ulong(item, &class)) != CKR_OK)
		return rv;
	if (p11_of_class(class) == 0 || (origin != P11_CREATED && class != CKO_SECRET_KEY))
		return CKR_TEMPLATE_INCONSISTENT;
	*ret_class = class;
	return CKR_OK;
}

static CK_RV
fill(struct p11_session *s, struct p11_memory *memory, struct p11_template template)
{
	const bool says_private = p11_template_find(template, CKA_PRIVATE) != NULL;
	CK_RV rv = put_defaults(memory);

	if (rv == CKR_OK)
		rv = put_template(memory, template);
	if (rv == CKR_OK)
		rv = complete(memory);
	return rv == CKR_OK ? check_place(s, memory, says_private) : rv;
}

CK_RV
p11_memory_new(struct p11_session *s, struct p11_template template, enum p11_origin origin, CK_KEY_TYPE type,
	       struct p11_memory **ret_memory)
{
	CK_OBJECT_CLASS class;
	struct p11_memory *memory;
	CK_RV rv = p11_template_check(template.items, template.count);

	if (rv != CKR_OK || (rv = class_of(template, origin, &class)) != CKR_OK ||
	    (rv = p11_template_allowed(template, class, origin == P11_CREATED ? P11_FOR_CREATE : P11_FOR_MAKE)) !=
		    CKR_OK)
		return rv;
	if ((memory = calloc(1, sizeof(*memory))) == NULL)
		return CKR_HOST_MEMORY;
	*memory = (struct p11_memory){ .class = class, .origin = origin, .type = type, .owner = s->handle };
	if ((rv = fill(s, memory, template)) != CKR_OK) {
		p11_memory_free(&memory);
		return rv;
	}
	*ret_memory = memory;
	return CKR_OK;
}

void
p11_memory_free(struct p11_memory **memory)
{
	struct p11_memory *m = *memory;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->count; i++)
		buf_free(&m->values[i].bytes);
	free(m->values);
	secret_free(&m->secret);
	free(m);
	*memory = NULL;
}

/* NULL when out of memory. */
static struct p11_memory *
duplicate(const struct p11_memory *from)
{
	struct p11_memory *memory = calloc(1, sizeof(*memory));
	CK_RV rv = CKR_OK;

	if (memory == NULL)
		return NULL;
	*memory = *from;
	memory->values = NULL;
	memory->count = 0;
	memory->secret = (struct secret)SECRET_INIT;
	if (!secret_copy(&memory->secret, &from->secret))
		rv = CKR_HOST_MEMORY;
	for (size_t i = 0; i < from->count && rv == CKR_OK; i++)
		rv = put_value(memory, from->values[i].rule, buf_cur(&from->values[i].bytes));
	if (rv != CKR_OK)
		p11_memory_free(&memory);
	return memory;
}

CK_RV
p11_memory_copy(struct p11_session *s, const struct p11_memory *from, struct p11_template template,
		struct p11_memory **ret_memory)
{
	struct p11_memory *memory;
	CK_RV rv = p11_template_allowed(template, from->class, P11_FOR_COPY);

	if (rv != CKR_OK)
		return rv;
	if (!p11_memory_is(from, CKA_COPYABLE))
		return CKR_ACTION_PROHIBITED;
	if ((memory = duplicate(from)) == NULL)
		return CKR_HOST_MEMORY;
	memory->owner = s->handle;
	if ((rv = change(memory, template)) != CKR_OK || (rv = check_place(s, memory, true)) != CKR_OK) {
		p11_memory_free(&memory);
		return rv;
	}
	*ret_memory = memory;
	return CKR_OK;
}

CK_RV
p11_memory_set(struct p11_memory *memory, struct p11_template template)
{
	struct p11_memory *changed, before;
	CK_RV rv = p11_template_allowed(template, memory->class, P11_FOR_SET);

	if (rv != CKR_OK)
		return rv;
	if (!p11_memory_is(memory, CKA_MODIFIABLE))
		return CKR_ACTION_PROHIBITED;
	if ((changed = duplicate(memory)) == NULL)
		return CKR_HOST_MEMORY;
	if ((rv = change(changed, template)) == CKR_OK) {
		before = *memory;
		*memory = *changed;
		*changed = before;
	}
	p11_memory_free(&changed);
	return rv;
}

/* Attributes ---------------------------------------------------------------------------------------------------------- */

static CK_RV
unique_id(const struct p11_object *object, struct buf *value)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "session-%lu", object->handle);
	return p11_attr_text(value, text);
}

static CK_RV
secret_value(const struct p11_memory *memory, struct buf *value)
{
	if (p11_memory_is(memory, CKA_SENSITIVE) || !p11_memory_is(memory, CKA_EXTRACTABLE))
		return CKR_ATTRIBUTE_SENSITIVE;
	return p11_attr_bytes(value, cur_of(memory->secret.p, memory->secret.len));
}

static CK_RV
spki(const struct p11_memory *memory, struct buf *value)
{
	AUTO_BUF struct buf der = BUF_INIT;

	if (csp_public_key_spki(p11_csp(), &memory->public, &der) != SCARD_S_SUCCESS)
		return CKR_HOST_MEMORY;
	return p11_attr_bytes(value, buf_cur(&der));
}

/* What was given, or what stands for nothing given. */
static CK_RV
plain_attribute(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct p11_rule *rule = p11_rule_find(type, memory->class);
	const struct p11_value *known = find_value(memory, type);

	if (rule == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (known != NULL)
		return p11_attr_bytes(value, buf_cur(&known->bytes));
	switch (rule->kind) {
	case P11_IS_BOOL: return p11_attr_bool(value, false);
	case P11_IS_ULONG: return p11_attr_ulong(value, 0);
	default: return CKR_OK;
	}
}

static CK_RV
public_attribute(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const bool rsa = memory->public.type == KEY_RSA;

	switch (type) {
	case CKA_PUBLIC_KEY_INFO: return spki(memory, value);
	case CKA_MODULUS_BITS: return rsa ? p11_attr_ulong(value, memory->public.bits) : CKR_ATTRIBUTE_TYPE_INVALID;
	case CKA_MODULUS:
	case CKA_PUBLIC_EXPONENT: return rsa ? plain_attribute(memory, type, value) : CKR_ATTRIBUTE_TYPE_INVALID;
	case CKA_EC_PARAMS: return rsa ? CKR_ATTRIBUTE_TYPE_INVALID : plain_attribute(memory, type, value);
	case CKA_EC_POINT: return rsa ? CKR_ATTRIBUTE_TYPE_INVALID : p11_attr_point(&memory->public, value);
	default: return plain_attribute(memory, type, value);
	}
}

static CK_RV
secret_attribute(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const bool made = memory->origin == P11_GENERATED;

	switch (type) {
	case CKA_VALUE: return secret_value(memory, value);
	case CKA_VALUE_LEN: return p11_attr_ulong(value, memory->secret.len);
	case CKA_ALWAYS_SENSITIVE: return p11_attr_bool(value, made && p11_memory_is(memory, CKA_SENSITIVE));
	case CKA_NEVER_EXTRACTABLE: return p11_attr_bool(value, made && !p11_memory_is(memory, CKA_EXTRACTABLE));
	case CKA_CHECK_VALUE: return CKR_ATTRIBUTE_TYPE_INVALID;
	default: return plain_attribute(memory, type, value);
	}
}

CK_RV
p11_memory_attribute(const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct p11_memory *memory = object->memory;
	const bool made = memory->origin == P11_GENERATED;

	if (p11_rule_find(type, memory->class) == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	switch (type) {
	case CKA_CLASS: return p11_attr_ulong(value, memory->class);
	case CKA_UNIQUE_ID: return unique_id(object, value);
	case CKA_LOCAL: return p11_attr_bool(value, made);
	case CKA_KEY_GEN_MECHANISM: return p11_attr_ulong(value, made ? memory->mechanism : CK_UNAVAILABLE_INFORMATION);
	default: break;
	}
	if (memory->class == CKO_PUBLIC_KEY)
		return public_attribute(memory, type, value);
	return memory->class == CKO_SECRET_KEY ? secret_attribute(memory, type, value)
					       : plain_attribute(memory, type, value);
}
