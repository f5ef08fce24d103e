/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects in memory: made, copied and changed. */
#include "p11/memory.h"

#include <stdlib.h>
#include <string.h>

/* Values -------------------------------------------------------------------------------------------------------------- */

static struct p11_value *
find_mutable(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < memory->count; i++)
		if (memory->values[i].rule->type == type)
			return &memory->values[i];
	return NULL;
}

const struct p11_value *
p11_memory_value(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	return find_mutable(memory, type);
}

struct cursor
p11_memory_bytes(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	const struct p11_value *value = p11_memory_value(memory, type);

	return value != NULL ? buf_cur(&value->bytes) : cur_of(NULL, 0);
}

bool
p11_memory_is(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE boolean)
{
	struct cursor bytes = p11_memory_bytes(memory, boolean);
	uint8_t yes;

	return cur_u8(&bytes, &yes) && yes == CK_TRUE;
}

CK_RV
p11_memory_put(struct p11_memory *memory, const struct p11_rule *rule, struct cursor bytes)
{
	struct p11_value *value = find_mutable(memory, rule->type), *values;

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

	return p11_memory_put(memory, p11_rule_find(type, memory->class), cur_of(&byte, 1));
}

CK_RV
p11_memory_put_defaults(struct p11_memory *memory)
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
	case CKA_SENSITIVE:
	case CKA_WRAP_WITH_TRUSTED:
		return p11_take_bool(item, &yes) == CKR_OK && !yes && p11_memory_is(memory, item->type);
	case CKA_EXTRACTABLE:
	case CKA_COPYABLE: return p11_take_bool(item, &yes) == CKR_OK && yes && !p11_memory_is(memory, item->type);
	default: return false;
	}
}

/* The value of a secret key is the only one that is a secret. */
static CK_RV
put_item(struct p11_memory *memory, const CK_ATTRIBUTE *item)
{
	const struct p11_rule *rule = p11_rule_find(item->type, memory->class);
	bool yes;

	if (memory->class == CKO_SECRET_KEY && item->type == CKA_VALUE)
		return secret_set(&memory->secret, item->pValue, item->ulValueLen) ? CKR_OK : CKR_HOST_MEMORY;
	if (rule->kind == P11_IS_BOOL && p11_take_bool(item, &yes) == CKR_OK)
		return put_bool(memory, item->type, yes);
	return p11_memory_put(memory, rule, cur_of(item->pValue, item->ulValueLen));
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

/* Making -------------------------------------------------------------------------------------------------------------- */

/* What forbids it anyway is said first. */
CK_RV
p11_token_refused(struct p11_session *s)
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
		return p11_token_refused(s);
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
	if (p11_of_class(class) == 0 || class == CKO_PRIVATE_KEY || (origin != P11_CREATED && class != CKO_SECRET_KEY))
		return CKR_TEMPLATE_INCONSISTENT;
	*ret_class = class;
	return CKR_OK;
}

static CK_RV
fill(struct p11_session *s, struct p11_memory *memory, struct p11_template template)
{
	const bool says_private = p11_template_find(template, CKA_PRIVATE) != NULL;
	CK_RV rv = p11_memory_put_defaults(memory);

	if (rv == CKR_OK)
		rv = put_template(memory, template);
	if (rv == CKR_OK)
		rv = p11_memory_complete(memory);
	if (rv != CKR_OK)
		return rv;
	memory->always_sensitive = memory->origin == P11_GENERATED && p11_memory_is(memory, CKA_SENSITIVE);
	memory->never_extractable = memory->origin == P11_GENERATED && !p11_memory_is(memory, CKA_EXTRACTABLE);
	return check_place(s, memory, says_private);
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
		rv = p11_memory_put(memory, from->values[i].rule, buf_cur(&from->values[i].bytes));
	if (rv != CKR_OK)
		p11_memory_free(&memory);
	return memory;
}

/* What is private stays so: a copy that everybody sees would outlive the login. */
CK_RV
p11_memory_change(struct p11_session *s, struct p11_memory *copy, struct p11_template template)
{
	const bool private = p11_memory_is(copy, CKA_PRIVATE);
	CK_RV rv = change(copy, template);

	if (rv == CKR_OK && private && !p11_memory_is(copy, CKA_PRIVATE))
		rv = CKR_TEMPLATE_INCONSISTENT;
	return rv == CKR_OK ? check_place(s, copy, true) : rv;
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
	if ((rv = p11_memory_change(s, memory, template)) != CKR_OK) {
		p11_memory_free(&memory);
		return rv;
	}
	*ret_memory = memory;
	return CKR_OK;
}

size_t
p11_memory_size(const struct p11_memory *memory)
{
	size_t size = sizeof(*memory) + memory->secret.len;

	for (size_t i = 0; i < memory->count; i++)
		size += sizeof(memory->values[i]) + memory->values[i].bytes.len;
	return size;
}

CK_RV
p11_memory_set(struct p11_slot *slot, struct p11_memory *memory, struct p11_template template)
{
	struct p11_memory *changed, before;
	CK_RV rv = p11_template_allowed(template, memory->class, P11_FOR_SET);

	if (rv != CKR_OK)
		return rv;
	if (!p11_memory_is(memory, CKA_MODIFIABLE))
		return CKR_ACTION_PROHIBITED;
	if ((changed = duplicate(memory)) == NULL)
		return CKR_HOST_MEMORY;
	if ((rv = change(changed, template)) == CKR_OK && (rv = p11_memory_room(slot, changed, memory)) == CKR_OK) {
		before = *memory;
		*memory = *changed;
		*changed = before;
	}
	p11_memory_free(&changed);
	return rv;
}
