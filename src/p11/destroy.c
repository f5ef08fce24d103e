/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of objects on the card and their new names (PKCS#11 3.1, 5.7.3 and 5.7.6), and what every change needs. */
#include <string.h>

#include "p11/create.h"

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
	if (session->slot->login != P11_USER)
		return CKR_USER_NOT_LOGGED_IN;
	*ret_card = card;
	return CKR_OK;
}

CK_RV
p11_change_rv(struct p11_slot *slot, DWORD code)
{
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

CK_RV
p11_destroy(struct p11_session *session, const struct p11_object *object)
{
	const CK_OBJECT_CLASS class = object->class;
	const uint32_t key_id = object->key_id;
	CK_OBJECT_HANDLE followers[2];
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (class != CKO_PRIVATE_KEY && class != CKO_CERTIFICATE)
		return CKR_ACTION_PROHIBITED;
	if ((rv = p11_change_card(session, &card)) != CKR_OK)
		return rv;
	find_followers(session->slot, object, followers);
	r = class == CKO_CERTIFICATE ? csp_cert_delete(card, key_id) : csp_key_delete(card, key_id);
	/* it has gone by itself, or by somebody else */
	if (r == SCARD_E_NO_KEY_CONTAINER || r == SCARD_E_FILE_NOT_FOUND)
		rv = CKR_OBJECT_HANDLE_INVALID;
	else if (r == SCARD_E_UNSUPPORTED_FEATURE)
		rv = CKR_ACTION_PROHIBITED;
	else
		rv = p11_change_rv(session->slot, r);
	if (rv == CKR_OK && class != CKO_CERTIFICATE)
		memcpy(session->slot->followers, followers, sizeof(followers));
	return rv == CKR_OK ? p11_objects_refresh(session->slot, card) : rv;
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

CK_RV
p11_rename(struct p11_session *session, const struct p11_object *object, const CK_ATTRIBUTE *template, CK_ULONG count)
{
	const uint32_t key_id = object->key_id;
	struct names names = { .has_id = false };
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (key_id == 0 || object->class == CKO_DATA)
		return CKR_ACTION_PROHIBITED;
	if ((rv = p11_change_card(session, &card)) != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < count; i++)
		if ((rv = take_name(&names, &template[i])) != CKR_OK)
			return rv;
	if (count == 0)
		return CKR_OK;
	r = csp_key_name(card, key_id, names.has_id ? &names.id : NULL, names.has_label ? names.label : NULL);
	if (r == SCARD_E_NO_KEY_CONTAINER)
		return CKR_OBJECT_HANDLE_INVALID;
	if (r == SCARD_E_INVALID_VALUE)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	rv = p11_change_rv(session->slot, r);
	return rv == CKR_OK ? p11_objects_refresh(session->slot, card) : rv;
}
