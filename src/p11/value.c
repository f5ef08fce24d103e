/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GetAttributeValue and C_GetObjectSize (PKCS#11 3.1, 5.7.4 and 5.7.5). */
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "p11/p11.h"

/* A value may be a whole certificate. */
#define VALUE_INIT BUF_INIT_MAX(LIMIT_CERTIFICATE + 1)

/* Later codes of the three give way to earlier ones; none of them stops the others from being filled. */
static CK_RV
worse_of(CK_RV a, CK_RV b)
{
	static const CK_RV order[] = { CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return CKR_OK;
}

static CK_RV
store_value(const struct buf *value, CK_ATTRIBUTE *attribute)
{
	if (attribute->pValue != NULL && attribute->ulValueLen < value->len) {
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (attribute->pValue != NULL && value->len > 0)
		memcpy(attribute->pValue, value->p, value->len);
	attribute->ulValueLen = value->len;
	return CKR_OK;
}

static CK_RV
get_value(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE *attribute)
{
	AUTO_BUF struct buf value = VALUE_INIT;
	CK_RV rv = p11_attribute(card, object, attribute->type, &value);

	if (rv == CKR_OK)
		return store_value(&value, attribute);
	attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
	return rv;
}

static CK_RV
get_values(struct p11_slot *slot, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count)
{
	const struct p11_object *object;
	struct csp_card *card;
	CK_RV rv, result = CKR_OK;

	if (template == NULL || count > LIMIT_TEMPLATE)
		return CKR_ARGUMENTS_BAD;
	if ((object = p11_object_find(slot, handle)) == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < count; i++) {
		rv = get_value(card, object, &template[i]);
		if (rv != CKR_OK && worse_of(rv, CKR_OK) == CKR_OK)
			return rv; /* the card, not the attribute */
		result = worse_of(result, rv);
	}
	return result;
}

CK_RV
C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = get_values(session->slot, object, template, count);
	return p11_leave(session, __func__, p11_read_rv(session->slot, rv));
}

/* What the object takes up, as far as it shows: the parts whose sizes differ from object to object. */
static CK_RV
object_size(struct p11_slot *slot, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
	static const CK_ATTRIBUTE_TYPE parts[] = { CKA_LABEL,	  CKA_ID,      CKA_UNIQUE_ID,
						   CKA_VALUE,	  CKA_MODULUS, CKA_PUBLIC_EXPONENT,
						   CKA_EC_PARAMS, CKA_EC_POINT };
	const struct p11_object *object = p11_object_find(slot, handle);
	struct csp_card *card;
	CK_ULONG sum = 0;
	CK_RV rv;

	if (size == NULL)
		return CKR_ARGUMENTS_BAD;
	if (object == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		AUTO_BUF struct buf value = VALUE_INIT;

		rv = p11_attribute(card, object, parts[i], &value);
		if (rv != CKR_OK && rv != CKR_ATTRIBUTE_SENSITIVE && rv != CKR_ATTRIBUTE_TYPE_INVALID)
			return rv;
		sum += value.len;
	}
	*size = sum;
	return CKR_OK;
}

CK_RV
C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = object_size(session->slot, object, size);
	return p11_leave(session, __func__, p11_read_rv(session->slot, rv));
}
