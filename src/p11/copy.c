/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of the card's objects in the memory of a session (PKCS#11 3.1, 5.7.2): all of their attributes, read now. */
#include <stdlib.h>

#include "base/auto.h"
#include "p11/attr.h"
#include "p11/memory.h"

/* What the copy has of its own: its place, its life, and what is made from the rest. */
static bool
is_own(const struct p11_memory *copy, const struct p11_rule *rule)
{
	switch (rule->type) {
	case CKA_CLASS:
	case CKA_TOKEN:
	case CKA_MODIFIABLE:
	case CKA_DESTROYABLE:
	case CKA_CHECK_VALUE: return true;
	case CKA_PUBLIC_KEY_INFO: return copy->class == CKO_PUBLIC_KEY;
	default: return rule->given == 0;
	}
}

/* What the object does not have is not copied; what is hidden keeps all of it from being copied. */
static CK_RV
copy_attribute(struct csp_card *card, const struct p11_object *from, const struct p11_rule *rule,
	       struct p11_memory *copy)
{
	AUTO_BUF struct buf value = BUF_INIT_MAX(LIMIT_OBJECT_VALUE);
	CK_RV rv = p11_attribute(card, from, rule->type, &value);

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
		return CKR_OK;
	if (rv == CKR_ATTRIBUTE_SENSITIVE)
		return CKR_ACTION_PROHIBITED;
	return rv == CKR_OK ? p11_memory_put(copy, rule, buf_cur(&value)) : rv;
}

/* Where a key was made is true of its copy as well (4.8). */
static CK_RV
copy_origin(struct csp_card *card, const struct p11_object *from, struct p11_memory *copy)
{
	const struct csp_key *key = csp_key_find(card, from->key_id);
	const struct public_key *public;
	CK_RV rv;

	if (key == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	copy->origin = key->local ? P11_GENERATED : P11_CREATED;
	copy->mechanism = p11_attr_pair_gen(key->type);
	if ((rv = p11_attr_public_of(card, key, &public)) != CKR_OK)
		return rv;
	if (public == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	copy->public = *public;
	return CKR_OK;
}

static CK_RV
copy_all(struct csp_card *card, const struct p11_object *from, struct p11_memory *copy)
{
	CK_RV rv = p11_memory_put_defaults(copy);

	for (size_t i = 0; i < p11_rule_count() && rv == CKR_OK; i++)
		if ((p11_rule_at(i)->classes & p11_of_class(copy->class)) != 0 && !is_own(copy, p11_rule_at(i)))
			rv = copy_attribute(card, from, p11_rule_at(i), copy);
	if (rv == CKR_OK && copy->class == CKO_PUBLIC_KEY)
		rv = copy_origin(card, from, copy);
	return rv;
}

/* Without a word the copy would be an object of the token. */
static CK_RV
keeps_token(struct p11_template template, bool *ret_token)
{
	const CK_ATTRIBUTE *item = p11_template_find(template, CKA_TOKEN);

	*ret_token = true;
	return item != NULL ? p11_take_bool(item, ret_token) : CKR_OK;
}

CK_RV
p11_memory_copy_card(struct p11_session *s, const struct p11_object *from, struct p11_template template,
		     struct p11_memory **ret_memory)
{
	struct p11_memory *copy;
	struct csp_card *card;
	bool token;
	CK_RV rv;

	if (from->class == CKO_PRIVATE_KEY || from->class == CKO_PROFILE)
		return p11_template_find(template, CKA_UNIQUE_ID) != NULL ? CKR_ATTRIBUTE_READ_ONLY
									  : CKR_ACTION_PROHIBITED;
	if ((rv = p11_template_allowed(template, from->class, P11_FOR_COPY)) != CKR_OK ||
	    (rv = keeps_token(template, &token)) != CKR_OK)
		return rv;
	if (token)
		return p11_token_refused(s);
	if ((rv = p11_card(s->slot, &card)) != CKR_OK)
		return rv;
	if ((copy = calloc(1, sizeof(*copy))) == NULL)
		return CKR_HOST_MEMORY;
	*copy = (struct p11_memory){ .class = from->class, .owner = s->handle };
	if ((rv = copy_all(card, from, copy)) != CKR_OK || (rv = p11_memory_change(s, copy, template)) != CKR_OK) {
		p11_memory_free(&copy);
		return rv;
	}
	*ret_memory = copy;
	return CKR_OK;
}
