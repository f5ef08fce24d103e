/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of objects on the card and their new names (PKCS#11 3.1, 5.7.3 and 5.7.6), and what every change needs. */
#include <string.h>

#include "p11/ontoken.h"

CK_RV
p11_change_card(struct p11_session *session, struct csp_card **ret_card)
{
	struct csp_card *card;
	CK_RV rv = p11_card(session->slot, &card);

	if (rv != CKR_OK)
		return rv;
	if (csp_card_read_only(card))
		return CKR_TOKEN_WRITE_PROTECTED;
	if ((session->flags & CKF_RW_SESSION) == 0)
		return CKR_SESSION_READ_ONLY;
	/* what the security officer may do the card knows */
	if (session->slot->login == P11_PUBLIC)
		return CKR_USER_NOT_LOGGED_IN;
	*ret_card = card;
	return CKR_OK;
}

CK_RV
p11_change_rv(struct p11_slot *slot, DWORD code)
{
	/* an officer does not lose his login by what only the user may do */
	if (code == SCARD_W_CARD_NOT_AUTHENTICATED && slot->login == P11_USER)
		p11_logout(slot);
	return p11_rv(code, P11_CTX_TOKEN);
}

/* The other objects of a key. */
static void
find_followers(const struct p11_slot *slot, const struct p11_object *object, CK_OBJECT_HANDLE ret_followers[2])
{
	size_t n = 0;

	ret_followers[0] = ret_followers[1] = CK_INVALID_HANDLE;
	for (size_t i = 0; i < slot->object_count && n < 2; i++)
		if (slot->objects[i].key_id == object->key_id && slot->objects[i].handle != object->handle &&
		    !slot->objects[i].hidden)
			ret_followers[n++] = slot->objects[i].handle;
}

CK_RV
p11_destroy_follower(struct p11_slot *slot, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < ARRAY_SIZE(slot->followers); i++)
		if (handle != CK_INVALID_HANDLE && slot->followers[i] == handle) {
			slot->followers[i] = CK_INVALID_HANDLE;
			return CKR_OK;
		}
	return CKR_OBJECT_HANDLE_INVALID;
}

/* What the code of a deletion means; what has gone by itself, or by somebody else, is no object any more. */
static CK_RV
delete_rv(struct p11_slot *slot, DWORD r)
{
	switch (r) {
	case SCARD_E_NO_KEY_CONTAINER:
	case SCARD_E_FILE_NOT_FOUND: return CKR_OBJECT_HANDLE_INVALID;
	case SCARD_E_UNSUPPORTED_FEATURE: return CKR_ACTION_PROHIBITED;
	default: return p11_change_rv(slot, r);
	}
}

static CK_RV
destroy_data(struct p11_session *session, struct csp_card *card, uint32_t id)
{
	CK_RV rv = delete_rv(session->slot, csp_data_delete(card, id));

	if (rv == CKR_OK)
		rv = p11_objects_refresh(session->slot, card);
	return rv == CKR_OK ? p11_data_refresh(session->slot, card) : rv;
}

static CK_RV
destroy_root(struct p11_session *session, struct csp_card *card, CK_ULONG number)
{
	const struct csp_cert *cert;
	CK_RV rv = p11_root_find(card, number, &cert);

	if (rv == CKR_OK)
		rv = delete_rv(session->slot, csp_roots_remove(card, buf_cur(&cert->der)));
	return rv == CKR_OK ? p11_roots_refresh(session->slot, card) : rv;
}

static CK_RV
destroy_key(struct p11_session *session, struct csp_card *card, const struct p11_object *object)
{
	const bool cert_only = object->class == CKO_CERTIFICATE;
	const uint32_t key_id = object->key_id;
	CK_OBJECT_HANDLE followers[2];
	CK_RV rv;

	find_followers(session->slot, object, followers);
	rv = delete_rv(session->slot, cert_only ? csp_cert_delete(card, key_id) : csp_key_delete(card, key_id));
	if (rv == CKR_OK && !cert_only)
		memcpy(session->slot->followers, followers, sizeof(followers));
	return rv == CKR_OK ? p11_objects_refresh(session->slot, card) : rv;
}

CK_RV
p11_destroy(struct p11_session *session, const struct p11_object *object)
{
	struct csp_card *card;
	CK_RV rv;

	if (object->class != CKO_PRIVATE_KEY && object->class != CKO_CERTIFICATE && object->class != CKO_DATA)
		return CKR_ACTION_PROHIBITED;
	if ((rv = p11_change_card(session, &card)) != CKR_OK)
		return rv;
	if (object->class == CKO_DATA)
		return destroy_data(session, card, object->key_id);
	return p11_object_is_root(object) ? destroy_root(session, card, object->number)
					  : destroy_key(session, card, object);
}

/* Changing ------------------------------------------------------------------------------------------------------------ */

struct names {
	struct cursor id;
	bool has_id, has_label;
	char label[CSP_LABEL_MAX];
};

static CK_RV
take_name(struct names *names, const CK_ATTRIBUTE *item)
{
	if (item->type != CKA_ID && item->type != CKA_LABEL)
		return CKR_ATTRIBUTE_READ_ONLY;
	if (item->type == CKA_ID) {
		names->has_id = true;
		names->id = cur_of(item->pValue, item->ulValueLen);
		return item->ulValueLen > 0 && item->ulValueLen <= CSP_CKAID_MAX ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	}
	if (item->ulValueLen >= sizeof(names->label) ||
	    (item->ulValueLen > 0 && memchr(item->pValue, '\0', item->ulValueLen) != NULL))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memset(names->label, 0, sizeof(names->label));
	if (item->ulValueLen > 0)
		memcpy(names->label, item->pValue, item->ulValueLen);
	names->has_label = true;
	return CKR_OK;
}

static CK_RV
rename_key(struct p11_session *session, struct csp_card *card, uint32_t key_id, struct p11_template template)
{
	struct names names = { .has_id = false };
	CK_RV rv;
	DWORD r;

	for (CK_ULONG i = 0; i < template.count; i++)
		if ((rv = take_name(&names, &template.items[i])) != CKR_OK)
			return rv;
	if (template.count == 0)
		return CKR_OK;
	r = csp_key_name(card, key_id, names.has_id ? &names.id : NULL, names.has_label ? names.label : NULL);
	if (r == SCARD_E_NO_KEY_CONTAINER)
		return CKR_OBJECT_HANDLE_INVALID;
	if (r == SCARD_E_INVALID_VALUE)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	rv = p11_change_rv(session->slot, r);
	return rv == CKR_OK ? p11_objects_refresh(session->slot, card) : rv;
}

/* What a template says of data; NULL for what it does not. */
struct data_names {
	char application[CSP_LABEL_MAX], label[CSP_LABEL_MAX];
	bool has_application, has_label, has_oid;
	struct cursor oid;
};

static CK_RV
take_text(const CK_ATTRIBUTE *item, char ret_text[CSP_LABEL_MAX], bool *ret_has)
{
	struct cursor text = cur_of(item->pValue, item->ulValueLen);

	if (text.left >= CSP_LABEL_MAX || (text.left > 0 && memchr(text.p, '\0', text.left) != NULL))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memset(ret_text, 0, CSP_LABEL_MAX);
	(void)cur_copy(&text, ret_text, text.left);
	*ret_has = true;
	return CKR_OK;
}

static CK_RV
take_data_name(struct data_names *names, const CK_ATTRIBUTE *item)
{
	switch (item->type) {
	case CKA_APPLICATION: return take_text(item, names->application, &names->has_application);
	case CKA_LABEL: return take_text(item, names->label, &names->has_label);
	case CKA_OBJECT_ID:
		names->has_oid = true;
		names->oid = cur_of(item->pValue, item->ulValueLen);
		return CKR_OK;
	case CKA_VALUE: return CKR_OK;
	default: return CKR_ATTRIBUTE_READ_ONLY;
	}
}

/* Names first: they are what can be refused. */
static DWORD
write_data(struct csp_card *card, uint32_t id, const struct data_names *names, const CK_ATTRIBUTE *value)
{
	DWORD r = SCARD_S_SUCCESS;

	if (names->has_application || names->has_label || names->has_oid)
		r = csp_data_name(card, id, names->has_application ? names->application : NULL,
				  names->has_label ? names->label : NULL, names->has_oid ? &names->oid : NULL);
	if (r == SCARD_S_SUCCESS && value != NULL)
		r = csp_data_write(card, id, cur_of(value->pValue, value->ulValueLen));
	return r;
}

static CK_RV
change_data(struct p11_session *session, struct csp_card *card, uint32_t id, struct p11_template template)
{
	struct data_names names = { .has_label = false };
	CK_RV rv = p11_template_allowed(template, CKO_DATA, P11_FOR_SET);
	DWORD r;

	for (CK_ULONG i = 0; i < template.count && rv == CKR_OK; i++)
		rv = take_data_name(&names, &template.items[i]);
	if (rv != CKR_OK)
		return rv;
	r = write_data(card, id, &names, p11_template_find(template, CKA_VALUE));
	return r == SCARD_E_INVALID_VALUE ? CKR_ATTRIBUTE_VALUE_INVALID : delete_rv(session->slot, r);
}

CK_RV
p11_rename(struct p11_session *session, const struct p11_object *object, const CK_ATTRIBUTE *items, CK_ULONG count)
{
	const struct p11_template template = { items, count };
	const uint32_t id = object->key_id;
	struct csp_card *card;
	CK_RV rv;

	if (id == 0)
		return CKR_ACTION_PROHIBITED;
	if ((rv = p11_change_card(session, &card)) != CKR_OK)
		return rv;
	return object->class == CKO_DATA ? change_data(session, card, id, template)
					 : rename_key(session, card, id, template);
}
